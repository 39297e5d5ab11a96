"""The seam: an algorithm of three networks on pairs gets resuming, kill-safety, history and averages for nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gancourse.data import DataError, Images
from gancourse.data.pairs import AlignedPairs, LabelledImages, UnalignedPairs
from gancourse.models import networks
from gancourse.plots.curves import losses as loss_figure
from gancourse.training import Config, Minimax, Trainer, TrainingDiverged
from gancourse.training.algorithms.base import Algorithm
from gancourse.training.out_of_memory import OutOfMemory

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = {
    "model": "toy",
    "batch_size": 8,
    "fast": False,
    "precision": "float32",
    "ema_half_life": 50.0,
}


class Toy(Algorithm):
    """Two generators, a to b and b to a, with dropout, and one discriminator of b."""

    name = "toy"
    statistics = ("loss_forth", "loss_back", "loss_d_b", "d_real")
    averages = {"ema": "forth"}

    def __init__(self) -> None:
        def translator() -> nn.Module:
            return nn.Sequential(
                nn.Flatten(), nn.Linear(16, 16), nn.Dropout(0.3), nn.Tanh(), nn.Unflatten(1, (1, 4, 4))
            )

        super().__init__(forth=translator(), back=translator(), D_b=nn.Sequential(nn.Flatten(), nn.Linear(16, 1)))

    def make_optimisers(self):
        s, n = self.setting, self.networks
        return {
            "opt_g": s.joined(torch.optim.RMSprop([*n["forth"].parameters(), *n["back"].parameters()], 1e-3)),
            "opt_d": s.adam(n["D_b"], 1e-3, (0.0, 0.9)),
        }

    def round(self, batches, rng):
        ((a, b),), n = batches, self.networks
        b = b + 0.01 * torch.randn(b.shape, generator=rng, device=rng.device)
        forth, back = n["forth"](a), n["back"](b)
        real, fake = n["D_b"](b), n["D_b"](forth.detach())
        loss_d = nn.functional.softplus(-real).mean() + nn.functional.softplus(fake).mean()
        self.optimisers["opt_d"].zero_grad()
        loss_d.backward()
        self.optimisers["opt_d"].step()
        loss_forth, loss_back = (forth - b).abs().mean() - n["D_b"](forth).mean(), (back - a).abs().mean()
        self.optimisers["opt_g"].zero_grad()
        (loss_forth + loss_back).backward()
        self.optimisers["opt_g"].step()
        return torch.stack([v.detach() for v in (loss_forth, loss_back, loss_d, real.sigmoid().mean())])

    def fixed(self, data, seed):
        return torch.stack([data.a.pixels[:6], data.b.pixels[:6]]).float() / 127.5 - 1

    def sample(self, networks, fixed):
        return networks.get("ema", networks["forth"])(fixed[0])

    def settings(self):
        return {"toy": {"dropout": 0.3}}


def some(n, seed, name="noise"):
    rng = torch.Generator().manual_seed(seed)
    return Images(torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=rng), torch.arange(n) % 10, name)


def toy(out=None, epochs=4, data=None, **options):
    torch.manual_seed(0)
    data = UnalignedPairs(some(40, 1), some(50, 2)) if data is None else data
    return Trainer(Toy(), data, Config(**SETTINGS, epochs=epochs), out, device="cpu", **options)


def bits(trainer):
    return {f"{n}.{k}": v for n, m in (trainer.networks | trainer.averages).items() for k, v in m.state_dict().items()}


def test_history_samples_and_averages_are_the_trainers_affair():
    trainer = toy()
    trainer.fit(progress=False)
    assert list(trainer.history[0])[:5] == ["epoch", "loss_forth", "loss_back", "loss_d_b", "d_real"]
    assert trainer.samples[4].shape == (6, 1, 4, 4) and set(trainer.averages) == {"ema"}
    assert not torch.equal(trainer.averages["ema"][1].weight, trainer.networks["forth"][1].weight)
    titles = [ax.get_title() or ax.get_title(loc="left") for ax in loss_figure(trainer.history).axes]
    assert "Loss" in titles[0] and len(titles) >= 2


def test_it_resumes_bit_for_bit(tmp_path):
    whole = toy()
    whole.fit(progress=False)
    toy(tmp_path, epochs=2).fit(progress=False)
    resumed = toy(tmp_path)
    assert resumed.epoch == 2
    resumed.fit(progress=False)
    assert all(torch.equal(v, bits(resumed)[k]) for k, v in bits(whole).items())
    assert all(torch.equal(v, resumed.samples[k]) for k, v in whole.samples.items())


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_algorithms import toy
trainer = toy({out!r})
real, done = type(trainer.algorithm).round, []
def round(self, *rest):
    done.append(1)
    if len(done) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *rest)
type(trainer.algorithm).round = round
trainer.fit(progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_it_survives_a_kill_in_the_middle_of_an_epoch(tmp_path):
    code = KILLED.format(tests=str(Path(__file__).parent), out=str(tmp_path / "run"), at=13)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = toy(tmp_path / "run")
    assert resumed.epoch == 2  # 5 rounds an epoch: killed in the third
    resumed.fit(progress=False)
    whole = toy()
    whole.fit(progress=False)
    assert all(torch.equal(v, bits(resumed)[k]) for k, v in bits(whole).items())


def test_the_run_folder_remembers_the_algorithm(tmp_path):
    toy(tmp_path, epochs=1).fit(progress=False)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["algorithm"] == "toy" and config["toy"] == {"dropout": 0.3}
    assert set(config["parameters"]) == {"forth", "back", "D_b"}
    with pytest.raises(Exception, match="algorithm: the folder has 'toy', you ask for 'minimax'"):
        Trainer(Minimax(*networks("mlp")), some_digits(), Config(**SETTINGS, epochs=1), tmp_path, device="cpu")


def some_digits():
    return Images(torch.zeros(40, 1, 28, 28, dtype=torch.uint8))


@pytest.mark.parametrize("column", [0, 1, 2])
def test_any_of_its_losses_must_stay_finite(column, monkeypatch):
    trainer, real = toy(), Toy.round

    def broken(self, *rest):
        stats = real(self, *rest)
        stats[column] = float("inf")
        return stats

    monkeypatch.setattr(Toy, "round", broken)
    with pytest.raises(TrainingDiverged, match="step 1"):
        trainer.fit(progress=False)


def test_out_of_memory_advice_is_for_every_algorithm(monkeypatch):
    trainer, real = toy(), Toy.round

    def hungry(self, batches, rng):
        if len(batches[0][0]) // self.setting.accumulate > 2:
            raise torch.OutOfMemoryError("no room")
        return real(self, batches, rng)

    monkeypatch.setattr(Toy, "round", hungry)
    before = {k: v.clone() for k, v in bits(trainer).items()}
    with pytest.raises(OutOfMemory, match="batches of 2 fit"):
        trainer.fit(progress=False)
    assert all(torch.equal(v, before[k]) for k, v in bits(trainer).items())  # it was tried on copies


def test_pairs_stay_together_and_unaligned_ones_do_not():
    a = some(30, 3)
    same = AlignedPairs(a, a)
    assert all(torch.equal(x, y) for x, y in same.batches(8, torch.Generator().manual_seed(0)))
    loose = list(UnalignedPairs(a, a).batches(8, torch.Generator().manual_seed(0)))
    assert len(loose) == 3 and not any(torch.equal(x, y) for x, y in loose)
    for data in (same, UnalignedPairs(a, some(50, 4))):
        again = [list(data.batches(8, torch.Generator().manual_seed(5))) for _ in range(2)]
        assert all(torch.equal(x, y) for p, q in zip(*again, strict=True) for x, y in zip(p, q, strict=True))


def test_labels_go_with_their_images():
    pixels = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 1, 4, 4).contiguous()
    data = LabelledImages(Images(pixels, torch.arange(20)))
    for x, y in data.batches(5, torch.Generator().manual_seed(0)):
        assert torch.equal(((x[:, 0, 0, 0] + 1) * 127.5).round().long(), y)
    other = LabelledImages(Images(pixels, torch.arange(20).flip(0)))
    assert data.fingerprint != other.fingerprint
    with pytest.raises(DataError, match="has no labels"):
        LabelledImages(Images(pixels))


@pytest.mark.parametrize(("n", "size", "message"), [(29, 4, "30 images.*has 29: give each"), (30, 5, "scale one")])
def test_pairs_that_are_none_are_refused(n, size, message):
    other = Images(torch.zeros(n, 1, size, size, dtype=torch.uint8), name="other")
    with pytest.raises(DataError, match=message):
        AlignedPairs(some(30, 3), other)


def test_algorithm_1_takes_images_alone():
    with pytest.raises(ValueError, match="comes in tuples"):
        Trainer(
            Minimax(*networks("mlp")), AlignedPairs(some_digits(), some_digits()), Config(batch_size=8), device="cpu"
        )
