"""SRGAN: the package's round against one written by hand, what each setting does, content losses, going on."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gancourse.data.degraded import CropPairs, enlarge_bicubic, shrink
from gancourse.data.images import Images, scale, unscale
from gancourse.models import enlargers
from gancourse.training import SRGAN, Config, SRRecipe, Trainer, content_loss
from gancourse.training.run import Run, RunError
from gancourse.training.superresolution import FeatureLoss, factors_of, pixel_loss
from gancourse.training.translation import marks_in

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parents[2]
PLAIN: dict[str, Any] = {"fast": False, "precision": "float32"}
PIXELS = SRRecipe(content="pixels", adversarial=0.0)
KINDS = {"pretraining": PIXELS, "gan": SRRecipe(adversarial=0.01, pixels=0.5)}


def pictures(n: int = 8, size: int = 32, seed: int = 0) -> Images:
    """Soft blobs of colour with fine grain: something to learn from."""
    rng = torch.Generator().manual_seed(seed)
    soft = nn.functional.interpolate(torch.rand(n, 3, 5, 5, generator=rng), (size, size), mode="bicubic")
    return Images(
        unscale(1.4 * soft - 0.7 + 0.1 * torch.randn(n, 3, size, size, generator=rng)), name=f"made up {seed}"
    )


def made(**options: Any) -> Any:
    torch.manual_seed(0)
    options = {"width": 4, "blocks": 1, "size": 16} | options
    return enlargers(**options)


class TwoMaps(nn.Module):
    """Stands in for a network whose weights are somewhere else: two maps, of other sizes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.one, self.two = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 6, 3, 2, 1)
        self.requires_grad_(False)

    def forward(self, x):
        one = self.one(x).relu()
        return one, self.two(one)


def of(recipe: SRRecipe, epochs: int = 2, out=None, networks=None, **config) -> Trainer:
    config = {"batch_size": 2} | PLAIN | config
    features = TwoMaps() if recipe.content != "pixels" else None
    algorithm = SRGAN(**(networks or made()), recipe=recipe, features=features)
    torch.manual_seed(1)
    return Trainer(algorithm, CropPairs(pictures(), 4, 16), Config("srgan", epochs=epochs, **config), out)


def trained(recipe: SRRecipe, epochs: int = 2, **more) -> Any:
    trainer = of(recipe, epochs, **more)
    trainer.fit(progress=False)
    return trainer


def begun(name: str, out=None, recipe=None) -> Trainer:
    """Four epochs of four rounds, the last two at a tenth of the rate, with an average."""
    return of(recipe or KINDS[name], 4, out, ema_half_life=8.0)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_round_written_by_hand_gives_the_same_bits():
    recipe = SRRecipe(adversarial=0.01, decay=False)
    theirs = trained(recipe).networks
    G, D = made().values()
    content = content_loss("features", TwoMaps())
    opt_g, opt_d = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999), fused=False) for n in (G, D))
    data, rng = CropPairs(pictures(), 4, 16), torch.Generator().manual_seed(0)
    for _ in range(2):
        for lr, hr in data.batches(2, rng):
            fake = G(lr)
            loss_d = softplus(-D(hr)).mean() + softplus(D(fake.detach())).mean()
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            loss_g = content(fake, hr) + 0.01 * softplus(-D(fake)).mean()
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
    assert same(G, theirs["G"]) and same(D, theirs["D"])


def test_a_pretraining_written_by_hand_gives_the_same_bits():
    theirs = trained(PIXELS, 4).networks
    G = made()["G"]
    data, rng = CropPairs(pictures(), 4, 16), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999), fused=False)
    for epoch in range(4):
        optimiser.param_groups[0]["lr"] = 2e-4 if epoch < 2 else 2e-5
        for lr, hr in data.batches(2, rng):
            optimiser.zero_grad()
            (G(lr) - hr).square().mean().backward()
            optimiser.step()
    assert same(G, theirs["G"])


def test_pretraining_learns_and_leaves_d_as_it_is():
    trainer = trained(PIXELS, 30, networks=made(norm="none", width=8), lr=2e-3)
    first, last = trainer.history[0], trainer.history[-1]
    assert last["psnr"] > first["psnr"] + 3 and last["content"] < first["content"] / 2
    assert same(trainer.networks["D"], made(norm="none", width=8)["D"])
    assert last["loss_d"] == last["d_real"] == last["d_fake"] == last["grad_norm_d"] == 0
    assert last["loss_g"] == last["content"] and not trainer.history.marks
    assert last["psnr"] == pytest.approx(10 * math.log10(4 / last["content"]), abs=0.5)  # a mean of logarithms


def test_the_fast_path_in_bfloat16_or_not_goes_nearly_the_same_way():
    plain = trained(KINDS["gan"]).history[-1]
    fast = trained(KINDS["gan"], fast=True).history[-1]
    mixed = trained(KINDS["gan"], fast=True, precision="bfloat16").history[-1]
    for name in ("loss_d", "content", "psnr"):
        assert fast[name] == pytest.approx(plain[name], rel=0.01) and mixed[name] == pytest.approx(plain[name], rel=0.1)


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from test_superresolution import SRGAN, begun
trainer = begun({name!r}, {out!r})
done = []
real = SRGAN.round
def round(self, *rest):
    done.append(1)
    if len(done) == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *rest)
SRGAN.round = round
trainer.fit(progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_run_that_is_killed_goes_on_with_the_same_bits(tmp_path):
    out, name = tmp_path / "run", "gan"
    code = KILLED.format(tests=str(Path(__file__).parent), out=str(out), name=name)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = begun(name, out)
    assert resumed.epoch == 2  # 4 rounds an epoch: killed in the third
    resumed.fit(progress=False)
    whole = begun(name)
    whole.fit(progress=False)
    for part, network in (whole.networks | whole.averages).items():
        assert same(network, (resumed.networks | resumed.averages)[part]), part
    assert [row["loss_g"] for row in whole.history] == [row["loss_g"] for row in resumed.history]
    assert dict(resumed.history.marks) == dict(Run(out).history().marks) == dict(resumed.algorithm.marks())
    assert dict(marks_in(Run(out).config or {})) == dict(resumed.history.marks)
    assert set(resumed.history.marks) == {"loss_d", "d_real", "d_fake"}


@pytest.mark.parametrize("recipe", [SRRecipe(adversarial=0.02, pixels=0.5), SRRecipe(adversarial=0.01)])
def test_a_folder_of_another_recipe_is_refused(tmp_path, recipe):
    begun("gan", tmp_path).fit(progress=False)
    with pytest.raises(RunError, match="translation: the folder has"):
        begun("gan", tmp_path, recipe=recipe)


# -------------------------------------------------------------------------------- what the settings do


def test_what_g_minimises_is_the_sum_of_its_terms():
    content, pixels = (trained(SRRecipe(weight=w, pixels=p), 1).history[0] for w, p in ((2.0, 0.0), (0.0, 3.0)))
    log_2 = 1e-3 * math.log(2)  # D is near 1/2 so early
    assert content["loss_g"] == pytest.approx(2 * content["content"] + log_2, rel=0.01)
    assert pixels["content"] == 0
    assert pixels["loss_g"] == pytest.approx(3 * 4 / 10 ** (pixels["psnr"] / 10) + log_2, rel=0.1)
    assert 0.3 < content["d_real"] < 0.7 and content["grad_norm_d"] > 0


def test_the_rate_is_a_tenth_in_the_second_half():
    rates = []
    for decay in (True, False):
        trainer = of(SRRecipe(content="pixels", adversarial=0.0, decay=decay), 4, lr=1e-3)
        for _ in trainer.epochs():
            rates.append(trainer.algorithm.optimisers["opt_g"].param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-3, 1e-3, 1e-3, 1e-3])


def test_parts_of_a_batch_give_nearly_the_same_step():
    found = []
    for accumulate in (1, 2):
        networks = made(norm="none")
        networks["D"].apply(lambda m: m.eval() if isinstance(m, nn.BatchNorm2d) else None)
        networks["D"].train = lambda mode=True: None  # it stays so
        algorithm = SRGAN(**networks, recipe=KINDS["gan"], features=TwoMaps())
        config = Config("t", epochs=1, batch_size=4, **PLAIN)
        trainer = Trainer(algorithm, CropPairs(pictures(), 4, 16), config, accumulate=accumulate)
        trainer.fit(progress=False)
        found.append(trainer.history[-1])
    for name in ("loss_d", "loss_g", "content", "psnr", "grad_norm_g"):
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-3), name


def test_samples_are_bicubic_enlargements_those_of_g_and_the_truth():
    trainer = trained(PIXELS, 1)
    bicubic, fake, truth = trainer.samples[1].chunk(3)
    lr, hr = trainer.data.middles(8)
    assert torch.equal(truth, unscale(hr)) and torch.equal(bicubic, unscale(enlarge_bicubic(lr)))
    with torch.no_grad():
        assert torch.equal(fake, unscale(trainer.networks["G"].eval()(lr)))
    assert not torch.equal(fake, trainer.samples[0].chunk(3)[1])


# -------------------------------------------------------------------------------- what is like the truth


def test_the_content_of_features_by_hand():
    torch.manual_seed(0)
    network = TwoMaps()
    fake, real = torch.rand(2, 3, 16, 16, requires_grad=True), torch.rand(2, 3, 16, 16, requires_grad=True)
    (a_1, a_2), (b_1, b_2) = network(fake), network(real)
    loss = FeatureLoss(network, (2.0, 0.5))(fake, real)
    assert loss.item() == pytest.approx((2 * (a_1 - b_1).square().mean() + (a_2 - b_2).square().mean() / 2).item() / 2)
    loss.backward()
    assert fake.grad is not None and fake.grad.abs().sum() > 0 and real.grad is None
    assert FeatureLoss(network, (2.0, 0.5))(real, real) == 0


def test_a_network_is_shown_pictures_in_its_range_and_pulls_back_what_is_outside():
    seen = []

    def network(x):
        seen.append((x.min().item(), x.max().item()))
        return (x,)

    fake, real = torch.tensor([-1.5, 0.5, 1.5]).view(1, 3, 1, 1).requires_grad_(), torch.zeros(1, 3, 1, 1)
    loss = FeatureLoss(network, (1.0,))(fake, real)
    loss.backward()
    assert seen == [(0, 0), (-1, 1)] and loss.item() == pytest.approx((1 + 0.25 + 1) / 3)
    assert fake.grad is not None and fake.grad.sign().flatten().tolist() == [-1, 1, 1]


@pytest.mark.parametrize("louder", [1.0, 30.0])
def test_a_network_is_weighed_so_that_bicubic_costs_as_much_as_in_pixels(louder):
    network = TwoMaps()
    network.one.weight.mul_(louder)
    hr = scale(pictures(16).pixels)
    bicubic = enlarge_bicubic(shrink(hr))
    loss = FeatureLoss(network, factors_of(network, hr))
    assert loss(bicubic, hr).item() == pytest.approx(pixel_loss(bicubic, hr).item(), rel=1e-4)
    from gancourse.data.churches import procedural_churches

    _, churches = CropPairs(procedural_churches(8, 256, seed=9)[0]).middles(8)  # others than those of the weighing
    bicubic = enlarge_bicubic(shrink(churches))
    ratio = (content_loss("features", network)(bicubic, churches) / pixel_loss(bicubic, churches)).item()
    assert 1 / 2 < ratio < 2


def test_the_content_of_pixels_is_the_mean_squared_error():
    a, b = torch.full((1, 3, 4, 4), 0.5), torch.zeros(1, 3, 4, 4)
    assert content_loss("pixels")(a, b) == 0.25
    assert content_loss("pixels")(a.bfloat16(), b).dtype == torch.float32


# -------------------------------------------------------------------------------- what is refused


def refused(data=None, networks=None, recipe=PIXELS, **config) -> None:
    data = CropPairs(pictures(), 4, 16) if data is None else data
    Trainer(SRGAN(**(networks or made()), recipe=recipe), data, Config("t", batch_size=2, **config))


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda: refused(pictures()), "give CropPairs"),
        (lambda: refused(CropPairs(pictures(), 2, 16)), "G enlarges 4 times, and the small crops are 2 times smaller"),
        (lambda: refused(networks=made(size=32), recipe=SRRecipe(content="pixels")), "make it with size=16"),
        (lambda: refused(k=2), "k is 2, which srgan has no use for"),
        (lambda: refused(loss="saturating"), "loss is 'saturating', which srgan has no use for"),
        (lambda: SRRecipe(content="vgg"), "content is 'vgg', expected one of features, pixels, random"),
        (lambda: SRRecipe(weight=-1.0), "weight is -1.0"),
        (lambda: SRRecipe(adversarial=math.nan), "adversarial is nan"),
        (lambda: SRRecipe(weight=0.0, adversarial=0.0), "nothing would teach G"),
        (lambda: content_loss("vgg"), "content is 'vgg'"),
    ],
)
def test_what_does_not_fit_is_refused(attempt, said):
    with pytest.raises(ValueError, match=said):
        attempt()


def test_a_d_that_is_not_asked_may_have_any_size():
    refused(networks=made(size=32))
