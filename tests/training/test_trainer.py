"""Algorithm 1, step by step; runs that stop, go on and fail as they should."""

import copy
import csv
import json
import math
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gancourse.data import Images, mnist, scale, unscale
from gancourse.models import DCGANDiscriminator, DCGANGenerator, networks
from gancourse.training import (
    STATISTICS,
    Config,
    Minimax,
    Trainer,
    TrainingDiverged,
    TrainingStopped,
    pick_device,
    train_step,
)
from gancourse.training.losses import non_saturating_loss, saturating_loss
from gancourse.training.run import Run, RunError

pytestmark = pytest.mark.usefixtures("one_thread")
TIMING = ("images_per_second", "seconds")


@pytest.fixture(scope="module")
def digits():
    return mnist("test").subset(52)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def plain(model="mlp", epochs=2, **settings):
    """The readable loop in float32, on small batches."""
    return Config(
        **{"model": model, "epochs": epochs, "batch_size": 16, "precision": "float32", "fast": False} | settings
    )


def pair(model) -> Any:
    """G and D; "tiny" is a DCGAN of few channels."""
    if model != "tiny":
        return networks(model)
    G, D = DCGANGenerator(), DCGANDiscriminator()
    G.net[0], G.net[1] = nn.ConvTranspose2d(100, 16, 7, bias=False), nn.BatchNorm2d(16)
    G.net[3], G.net[4] = nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8)
    G.net[6] = nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False)
    D.net[0] = nn.Conv2d(1, 8, 4, 2, 1, bias=False)
    D.net[2], D.net[3] = nn.Conv2d(8, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16)
    D.net[6] = nn.Linear(16 * 7 * 7, 1)
    return G, D


def trainer(images, config, out=None, **settings):
    torch.manual_seed(config.seed)
    G, D = pair(config.model)
    return Trainer(Minimax(G, D), images, config, out, "cpu", **settings)


def fitted(images, config, out=None, **settings):
    made = trainer(images, config, out, **settings)
    made.fit(progress=False)
    return made


def state(made) -> dict[str, torch.Tensor]:
    """Every number that training goes on from."""
    tensors = {f"{n}.{k}": v for n in "GD" for k, v in made.networks[n].state_dict().items()}
    for n in ("opt_g", "opt_d"):
        for i, values in made.algorithm.optimisers[n].state_dict()["state"].items():
            tensors |= {f"{n}.{i}.{k}": v for k, v in values.items()}
    tensors["rng"] = made.rng.get_state()
    if "ema" in made.averages:
        tensors |= {f"ema.{k}": v for k, v in made.averages["ema"].state_dict().items()}
    return {name: tensor.clone() for name, tensor in tensors.items()}


def different(a, b):
    """The names whose tensors are not the same to the bit."""
    assert a.keys() == b.keys()
    return [name for name in a if not torch.equal(a[name], b[name])]


def untimed(history):
    return [{k: v for k, v in row.items() if k not in TIMING} for row in history]


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# -------------------------------------------------------------------------------- the step


class Recorder:
    """Networks and optimisers for one `train_step`, and what it does to them, in order."""

    def __init__(self, model="mlp", lr=1e-3):
        torch.manual_seed(0)
        self.G, self.D = pair(model)
        self.opt_g, self.opt_d = (torch.optim.SGD(n.parameters(), lr) for n in (self.G, self.D))
        self.events: list[str] = []
        self.d_inputs: list[torch.Tensor] = []
        self.g_outputs: list[torch.Tensor] = []
        self.at_d_step: dict[str, list] = {}
        self.at_g_step: dict[str, list] = {}
        self.G.register_forward_hook(self.on_g)
        self.D.register_forward_hook(self.on_d)
        self.opt_d.register_step_post_hook(lambda *_: self.on_step("step D", self.at_d_step))
        self.opt_g.register_step_post_hook(lambda *_: self.on_step("step G", self.at_g_step))

    def on_g(self, module, inputs, output):
        self.events.append("G")
        self.g_outputs.append(output.detach().clone())

    def on_d(self, module, inputs, output):
        self.events.append("D")
        self.d_inputs.append(inputs[0].detach().clone())

    def on_step(self, event, kept):
        self.events.append(event)
        for name, network in (("G", self.G), ("D", self.D)):
            kept[name] = [p.detach().clone() for p in network.parameters()]
            kept[f"grad {name}"] = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
        kept["frozen"] = [not p.requires_grad for p in self.D.parameters()]

    def step(self, x_reals, rng, **settings):
        return train_step(self.G, self.D, self.opt_g, self.opt_d, x_reals, rng, **settings)


@pytest.fixture
def x_reals(digits):
    return list(digits.batches(16, generator(5)))[:3]


@pytest.mark.parametrize("fresh_z", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_k_discriminator_steps_then_one_generator_step(x_reals, k, fresh_z):
    r, rng = Recorder(), generator()
    r.step(x_reals[:k], rng, fresh_z=fresh_z)
    once = ["G", "D", "D", "step D"]
    steps = [e for e in r.events if "step" in e]
    assert steps == ["step D"] * k + ["step G"]
    assert sorted(r.events[: 4 * k]) == sorted(once * k)
    assert r.events[4 * k :] == ["G"] * fresh_z + ["D", "step G"]
    expected = generator()  # a z for each D step, and one more for G's if it is to be fresh
    for _ in range(k + fresh_z):
        torch.randn(16, 100, generator=expected)
    assert torch.equal(rng.get_state(), expected.get_state())


@pytest.mark.parametrize("fresh_z", [True, False])
def test_what_each_network_sees(x_reals, fresh_z):
    r, rng = Recorder(), generator()
    G = copy.deepcopy(r.G)
    r.step(x_reals[:1], rng, fresh_z=fresh_z)
    again = generator()
    fakes = [G(torch.randn(16, 100, generator=again)).detach() for _ in range(1 + fresh_z)]
    assert torch.equal(r.d_inputs[0], x_reals[0])
    assert torch.equal(r.d_inputs[1], fakes[0])
    assert torch.equal(r.d_inputs[2], fakes[-1])  # new images, or the same once more


def test_gradients_reach_one_network_at_a_time(x_reals):
    r = Recorder()
    before = [p.detach().clone() for p in r.G.parameters()]
    r.step(x_reals[:1], generator())
    assert all(g is None for g in r.at_d_step["grad G"])  # D's step stops at its images
    assert all(map(torch.equal, r.at_d_step["G"], before))
    after_d = r.at_d_step["D"]
    for name, p, grad in zip(r.D.state_dict(), r.D.parameters(), r.at_d_step["grad D"], strict=True):
        assert torch.equal(p.grad, grad), name  # G's step leaves D's gradients
    assert all(map(torch.equal, r.D.parameters(), after_d))  # and D's parameters
    assert not any(map(torch.equal, r.G.parameters(), before))
    assert all(r.at_g_step["frozen"])
    assert not any(r.at_d_step["frozen"])
    assert all(p.requires_grad for p in r.D.parameters())


@pytest.mark.parametrize("loss", [non_saturating_loss, saturating_loss])
def test_the_steps_follow_the_gradients_of_their_losses(x_reals, loss):
    r = Recorder(lr=0.1)
    G, D = copy.deepcopy(r.G), copy.deepcopy(r.D)
    stats = dict(zip(STATISTICS, r.step(x_reals[:1], generator(), generator_loss=loss), strict=True))
    rng = generator()
    x_fake = G(torch.randn(16, 100, generator=rng)).detach()
    p_real, p_fake = D.probability(x_reals[0]), D.probability(x_fake)
    loss_d = -p_real.log().mean() - (1 - p_fake).log().mean()
    grads_d = torch.autograd.grad(loss_d, list(D.parameters()))
    with torch.no_grad():
        for p, g in zip(D.parameters(), grads_d, strict=True):
            p -= 0.1 * g
    p_after = D.probability(G(torch.randn(16, 100, generator=rng)))
    loss_g = -p_after.log().mean() if loss is non_saturating_loss else (1 - p_after).log().mean()
    grads_g = torch.autograd.grad(loss_g, list(G.parameters()))
    for p, q, g in zip(G.parameters(), r.G.parameters(), grads_g, strict=True):
        assert torch.allclose(p - 0.1 * g, q, atol=1e-6)
    for p, q in zip(D.parameters(), r.D.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)
    expected = {
        "loss_d": loss_d,
        "loss_g": loss_g,
        "d_real": p_real.mean(),
        "d_fake_before": p_fake.mean(),
        "d_fake_after": p_after.mean(),
        "grad_norm_d": torch.cat([g.flatten() for g in grads_d]).norm(),
        "grad_norm_g": torch.cat([g.flatten() for g in grads_g]).norm(),
    }
    for name, value in expected.items():
        assert stats[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_discriminator_statistics_are_means_over_its_k_steps(x_reals):
    r = Recorder(lr=0.0)  # nothing moves, so every step can be computed afterwards
    stats = dict(zip(STATISTICS, r.step(x_reals, generator()), strict=True))
    d_real = torch.stack([r.D.probability(x).mean() for x in x_reals]).mean()
    d_fake = torch.stack([r.D.probability(x).mean() for x in r.g_outputs[:3]]).mean()
    assert stats["d_real"].item() == pytest.approx(d_real.item(), rel=1e-5)
    assert stats["d_fake_before"].item() == pytest.approx(d_fake.item(), rel=1e-5)
    assert stats["d_fake_after"].item() == pytest.approx(r.D.probability(r.g_outputs[3]).mean().item(), rel=1e-5)


def test_real_and_fake_pass_as_separate_batches(x_reals):
    r = Recorder("tiny", lr=0.0)
    D = copy.deepcopy(r.D)
    r.step(x_reals[:1], generator())
    for x in (x_reals[0], r.g_outputs[0], r.g_outputs[1]):
        D(x)  # in train mode each batch moves the running statistics
    assert r.D.net[3].num_batches_tracked == 3
    assert torch.equal(r.D.net[3].running_mean, D.net[3].running_mean)
    assert torch.equal(r.D.net[3].running_var, D.net[3].running_var)
    assert r.G.net[1].num_batches_tracked == 2


# -------------------------------------------------------------------------------- the loop


def by_hand(images, model, epochs, batch_size=16, k=1, fresh_z=True, seed=0):
    """Algorithm 1 as a student writes it, with of the package only the networks and scale."""
    torch.manual_seed(seed)
    G, D = pair(model)
    opt_g = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    rng, losses = generator(seed), []
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=rng)
        for start in range(0, len(images) - k * batch_size + 1, k * batch_size):
            for i in range(k):
                x_real = scale(images.pixels[order[start + i * batch_size :][:batch_size]])
                x_fake = G(torch.randn(batch_size, 100, generator=rng))
                loss_d = softplus(-D(x_real)).mean() + softplus(D(x_fake.detach())).mean()
                opt_d.zero_grad()
                loss_d.backward()
                opt_d.step()
            if fresh_z:
                x_fake = G(torch.randn(batch_size, 100, generator=rng))
            loss_g = softplus(-D(x_fake)).mean()
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
            losses.append((loss_d.item(), loss_g.item()))
    return G, D, losses


@pytest.mark.parametrize(
    ("model", "k", "fresh_z"),
    [("mlp", 1, True), ("mlp", 2, False), ("mlp", 3, True), ("tiny", 2, True), ("dcgan", 1, True)],
)
def test_a_loop_written_by_hand_gives_the_same_bits(digits, model, k, fresh_z):
    images = digits.subset(16) if model == "dcgan" else digits
    made = fitted(images, plain(model, k=k, fresh_z=fresh_z))
    G, D, losses = by_hand(images, model, epochs=2, k=k, fresh_z=fresh_z)
    assert different(made.networks["G"].state_dict(), G.state_dict()) == []
    assert different(made.networks["D"].state_dict(), D.state_dict()) == []
    rounds = len(losses) // 2
    if k == 1:
        assert made.history[0]["loss_d"] == pytest.approx(sum(d for d, _ in losses[:rounds]) / rounds, rel=1e-5)
    assert made.history[1]["loss_g"] == pytest.approx(sum(g for _, g in losses[rounds:]) / rounds, rel=1e-5)


@pytest.mark.parametrize("fast", [False, True])
def test_the_same_seed_gives_the_same_bits_and_another_does_not(digits, fast):
    config = plain(fast=fast, epochs=1)
    first, again = fitted(digits, config), fitted(digits, config)
    assert different(state(first), state(again)) == []
    assert untimed(first.history) == untimed(again.history)
    assert all(torch.equal(first.samples[e], again.samples[e]) for e in (0, 1))
    other = fitted(digits, plain(fast=fast, epochs=1, seed=1))
    assert "G.net.0.weight" in different(state(first), state(other))
    assert not torch.equal(first.fixed, other.fixed)


def test_the_fast_path_learns_the_same(digits):
    slow, fast = fitted(digits, plain()), fitted(digits, plain(fast=True))
    for a, b in zip(slow.history, fast.history, strict=True):
        assert a.keys() == b.keys()
        for name in STATISTICS:
            assert a[name] == pytest.approx(b[name], rel=2e-3), name
    a, b = state(slow), state(fast)
    for name in a:
        assert a[name].shape == b[name].shape
        if name.startswith(("G.", "D.")):
            assert (a[name].double() - b[name].double()).abs().max() < 1e-4, name


def test_history_has_a_row_of_numbers_an_epoch(digits):
    made = fitted(digits, plain(epochs=3))
    assert [list(row) for row in made.history] == [["epoch", *STATISTICS, *TIMING]] * 3
    assert [row["epoch"] for row in made.history] == [1, 2, 3]
    for row in made.history:
        assert all(math.isfinite(value) for value in row.values())
        assert 0 < row["d_fake_after"] < 1
        assert 0 < row["d_fake_before"] < 1
        assert 0 < row["d_real"] < 1
        assert row["grad_norm_d"] > 0 < row["grad_norm_g"]
        assert row["images_per_second"] == pytest.approx(48 / row["seconds"])  # 3 batches of 16; 4 images left out


def test_epochs_yields_every_row_as_it_is_done(digits):
    made = trainer(digits, plain(epochs=2))
    seen = []
    for row in made.epochs():
        assert made.epoch == row["epoch"] == len(made.history)
        seen.append(row)
    assert seen == made.history == made.fit(progress=False)  # nothing is left to do


def test_samples_come_from_one_fixed_z_in_eval_mode(digits):
    made = fitted(digits, plain("tiny", epochs=1))
    assert made.samples.keys() == {0, 1}
    assert made.fixed.shape == (64, 100)
    assert made.samples[1].shape == (64, 1, 28, 28)
    assert made.samples[1].dtype == torch.uint8
    with torch.no_grad():
        assert torch.equal(made.samples[1], unscale(made.networks["G"].eval()(made.fixed)))
    assert (
        made.networks["G"].net[1].num_batches_tracked == 2 * 3
    )  # training alone moved BatchNorm: 2 batches of z in 3 steps


def test_training_puts_the_networks_in_train_mode(digits):
    made = trainer(digits, plain("tiny", epochs=1))
    made.networks["G"].eval(), made.networks["D"].eval()
    made.fit(progress=False)
    assert made.networks["D"].net[3].num_batches_tracked == 3 * 3
    assert made.networks["G"].training
    assert made.networks["D"].training


def test_the_averaged_generator(digits):
    config = plain(epochs=1, batch_size=52, ema_half_life=104.0)
    made = trainer(digits, config)
    start = [p.detach().clone() for p in made.networks["G"].parameters()]
    made.fit(progress=False)  # one step of 52 images: half a half-life
    keep = 0.5**0.5
    for average, first, now in zip(
        made.averages["ema"].parameters(), start, made.networks["G"].parameters(), strict=True
    ):
        assert torch.allclose(average, keep * first + (1 - keep) * now, atol=1e-7)
        assert not average.requires_grad
    with torch.no_grad():
        assert torch.equal(made.samples[1], unscale(made.averages["ema"](made.fixed)))  # samples show the average
    assert trainer(digits, plain()).averages == {}


def test_fit_stops_when_time_is_up(digits, capsys):
    made = trainer(digits, plain(epochs=50))
    assert len(made.fit(progress=False, seconds=0.0)) == 1
    assert "1 epoch of mlp in" in capsys.readouterr().out


@pytest.mark.parametrize("fast", [False, True])
def test_fit_leaves_one_tidy_line(digits, capsys, fast):
    trainer(digits, plain(fast=fast)).fit()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("2 epochs of mlp in ")
    assert line.endswith("float32, cpu)")


# -------------------------------------------------------------------------------- stopping and going on


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("mlp", {}),
        ("mlp", {"fast": True, "k": 2, "ema_half_life": 100.0, "loss": "saturating"}),
        ("tiny", {"ema_half_life": 50.0, "fresh_z": False}),
        ("tiny", {"fast": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(digits, tmp_path, capsys, model, settings):
    whole = fitted(digits, plain(model, epochs=4, **settings), tmp_path / "whole")
    fitted(digits, plain(model, epochs=2, **settings), tmp_path / "run")
    torch.manual_seed(99)  # a new process: other random numbers and other networks
    G, D = pair(model)
    resumed = Trainer(Minimax(G, D), digits, plain(model, epochs=4, **settings), tmp_path / "run", "cpu")
    assert resumed.epoch == 2
    resumed.fit(progress=False)
    assert f"resuming {tmp_path / 'run'} after epoch 2" in capsys.readouterr().out
    assert different(state(whole), state(resumed)) == []
    assert untimed(whole.history) == untimed(resumed.history)
    assert whole.samples.keys() == resumed.samples.keys() == set(range(5))
    assert all(torch.equal(whole.samples[e], resumed.samples[e]) for e in range(5))
    saved = [Run(tmp_path / name).load(4).tensors for name in ("whole", "run")]
    assert different(*saved) == []  # torch's own random state too


def test_a_finished_run_is_opened_and_left_alone(digits, tmp_path):
    made = fitted(digits, plain(), tmp_path)
    before = content(tmp_path)
    again = trainer(digits, plain(), tmp_path)
    assert again.fit(progress=False) == made.history
    assert content(tmp_path) == before
    assert different(state(made), state(again)) == []


def test_what_a_run_folder_holds(digits, tmp_path):
    made = fitted(digits, plain(epochs=4), tmp_path / "run", keep_last=2, milestones=(1,))
    assert content(tmp_path / "run").keys() == {
        ".lock",
        "config.json",
        "history.csv",
        *(f"checkpoints/epoch-000{e}.safetensors" for e in (1, 3, 4)),
        *(f"samples/epoch-000{e}.png" for e in range(5)),
    }
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["lr"] == 2e-4
    assert config["computed"] == {"precision": "float32", "fast": False, "processes": 1, "threads": 1}
    assert config["data"] == {"name": "mnist-test", "count": 52, "sha256": digits.fingerprint}
    assert config["parameters"]["G"][0] == [128, 100]
    with (tmp_path / "run" / "history.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["epoch", *STATISTICS, *TIMING]
    assert made.run.history() == made.history
    assert all(torch.equal(made.run.samples()[e], made.samples[e]) for e in range(5))
    assert made.run.load(4).history == made.history


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"lr": 1e-3}, "lr: the folder has 0.0002, you ask for 0.001"),
        ({"seed": 1}, "seed: the folder has 0, you ask for 1"),
        ({"betas": (0.9, 0.999)}, r"betas: the folder has \[0.5, 0.999\], you ask for \[0.9, 0.999\]"),
        ({"loss": "saturating"}, "loss: the folder has 'non_saturating', you ask for 'saturating'"),
        ({"fresh_z": False}, "fresh_z: the folder has True, you ask for False"),
        ({"ema_half_life": 10.0}, "ema_half_life: the folder has 0.0, you ask for 10.0"),
        ({"batch_size": 8, "k": 2}, r"batch_size: the folder has 16, you ask for 8\n  k: the folder has 1"),
        ({"model": "tiny"}, "parameters: the folder has"),
        ({"images": 40}, "data: the folder has"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_another_config_is_refused_and_nothing_touched(digits, tmp_path, change, shown):
    fitted(digits, plain(epochs=1), tmp_path)
    before = content(tmp_path)
    images = digits.subset(change.get("images", 52))
    settings = {k: v for k, v in change.items() if k != "images"}
    with pytest.raises(RunError, match=f"(?s)holds a run with other settings.*{shown}.*Nothing was changed"):
        trainer(images, plain(**{"epochs": 2} | settings), tmp_path)
    assert content(tmp_path) == before


def test_checkpoints_without_a_config_are_refused(digits, tmp_path):
    fitted(digits, plain(epochs=1), tmp_path)
    (tmp_path / "config.json").unlink()
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"has checkpoints or a history but no config\.json"):
        trainer(digits, plain(), tmp_path)
    assert content(tmp_path) == before


def test_a_damaged_newest_checkpoint_costs_one_epoch(digits, tmp_path, capsys):
    whole = fitted(digits, plain(epochs=3), tmp_path)
    newest = whole.run.checkpoint_path(3)
    newest.write_bytes(newest.read_bytes()[:-100])
    resumed = trainer(digits, plain(epochs=3), tmp_path)
    out = capsys.readouterr().out
    assert f"skipped a checkpoint: {newest}" in out
    assert f"resuming {tmp_path} after epoch 2" in out
    assert [row["epoch"] for row in resumed.history] == [1, 2]
    resumed.fit(progress=False)
    assert different(state(whole), state(resumed)) == []
    assert resumed.run.load(3).epoch == 3  # whole again


def test_a_run_without_a_usable_checkpoint_is_refused_and_nothing_touched(digits, tmp_path):
    whole = fitted(digits, plain(epochs=2), tmp_path)
    for epoch in (1, 2):
        whole.run.checkpoint_path(epoch).write_bytes(b"")
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"(?s)none can be used.*epoch-0002.*epoch-0001.*Remove them to start"):
        trainer(digits, plain(epochs=2), tmp_path)
    assert content(tmp_path) == before
    for epoch in (1, 2):
        whole.run.checkpoint_path(epoch).unlink()
    assert different(state(whole), state(fitted(digits, plain(epochs=2), tmp_path))) == []


def interrupt_after(monkeypatch, calls, where):
    """A keyboard interrupt in the given round: before it, after it, or within G's step."""
    real, done = Minimax.round, []

    def step(self, *rest):
        done.append(1)
        if len(done) == calls and where == "in G's step":
            self.optimisers["opt_g"].register_step_pre_hook(stop)
        stats = real(self, *rest)
        if len(done) == calls and where == "after a step":
            raise KeyboardInterrupt
        return stats

    def stop(*_):
        if len(done) == calls:
            raise KeyboardInterrupt

    monkeypatch.setattr(Minimax, "round", step)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("where", ["after a step", "in G's step"])
def test_a_keyboard_interrupt_returns_what_there_is(digits, tmp_path, monkeypatch, capsys, where, fast):
    made = trainer(digits, plain(epochs=3, fast=fast), tmp_path)
    interrupt_after(monkeypatch, 3 + 2, where)  # the second step of the second epoch
    history = made.fit(progress=False)
    assert len(history) == made.epoch == 1
    assert "stopped by you in epoch 2 of 3" in capsys.readouterr().out
    assert made.run.checkpointed_epochs() == [1]
    now = {k: v for k, v in state(made).items() if k.startswith("G.")}
    assert len(different(now, {f"G.{k}": v for k, v in made.run.load(1).network("G").items()})) == len(now)
    assert all(p.requires_grad for p in made.networks["D"].parameters())
    with torch.no_grad():
        assert made.networks["G"](made.fixed).isfinite().all()  # the half-trained model can be looked at
    assert [row["epoch"] for row in made.fit(progress=False)] == [1, 2, 3]  # and trained further
    assert made.run.checkpointed_epochs() == [2, 3]


def test_an_interrupt_in_the_first_epoch_says_that_there_are_no_numbers(digits, monkeypatch, capsys):
    made = trainer(digits, plain(epochs=2))
    interrupt_after(monkeypatch, 2, "after a step")
    history = made.fit(progress=False)
    assert (
        "stopped by you in epoch 1 of 2, so that there are no numbers of a whole epoch yet" in capsys.readouterr().out
    )
    assert history[:] == [] and list(made.samples) == [0]
    with pytest.raises(IndexError, match="run the training again, and let its first epoch end"):
        history[-1]
    with pytest.raises(KeyError, match=r"no samples of epoch 1 \(of these there are: 0\).*let that epoch end"):
        made.samples[1]
    assert made.fit(progress=False)[-1]["epoch"] == 2
    assert sorted(made.samples) == [0, 1, 2]


def interrupt_once(monkeypatch, owner, name):
    """A keyboard interrupt at the end of the first call of a method after this one."""
    real = getattr(owner, name)

    def stopped(self, *arguments):
        monkeypatch.setattr(owner, name, real)
        real(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, stopped)


@pytest.mark.parametrize("where", ["_score", "_drawn", "save_samples", "save"])
@pytest.mark.parametrize("epochs", [1, 2])
def test_an_interrupt_between_two_epochs_loses_nothing_of_the_first(
    digits, tmp_path, monkeypatch, capsys, where, epochs
):
    made = trainer(digits, plain(epochs=epochs), tmp_path, score=lambda G: 7.0)
    interrupt_once(monkeypatch, Run if "save" in where else type(made), where)
    history = made.fit(progress=False)
    assert f"stopped by you in epoch {epochs} of {epochs}" in capsys.readouterr().out
    assert [row["epoch"] for row in history] == [made.epoch] == [1]
    assert sorted(made.samples) == sorted(made.run.samples()) == [0, 1]  # the cells after a training show these
    assert made.run.checkpointed_epochs() == [1]
    made.fit(progress=False)
    assert [row["fid"] for row in made.history] == [7.0] * epochs


def test_a_score_that_is_stopped_is_nan_and_its_epoch_has_its_row(digits, tmp_path, monkeypatch):
    scores = iter([KeyboardInterrupt, 5.0])

    def score(G):
        if (value := next(scores)) is KeyboardInterrupt:
            raise KeyboardInterrupt
        return value

    made = trainer(digits, plain(epochs=2), tmp_path, score=score)
    assert [row["epoch"] for row in made.fit(progress=False)] == [1]
    made.fit(progress=False)
    assert [str(row["fid"]) for row in made.run.history()] == ["nan", "5.0"]


@pytest.mark.parametrize("kept", [False, True])
def test_an_interrupt_in_a_loop_over_epochs_is_one_line_and_leaves_networks_that_train(
    digits, tmp_path, monkeypatch, kept
):
    made = trainer(digits, plain(epochs=3), tmp_path / "run" if kept else None)
    interrupt_after(monkeypatch, 3 + 1, "in G's step")  # the first step of the second epoch
    again = r"goes on after epoch 1, which .*run keeps" if kept else "begins anew"
    with pytest.raises(
        TrainingStopped, match=f"^by you in epoch 2 of 3. Run the cell again before you go on: it {again}"
    ) as stopped:
        for row in made.epochs():
            assert row["epoch"] == 1
    assert stopped.value.__context__ is None
    assert stopped.value._render_traceback_() == [f"stopped: {stopped.value}"]
    assert all(p.requires_grad for p in made.networks["D"].parameters())
    assert [row["epoch"] for row in made.epochs()] == [2, 3]
    assert len(made.fit(progress=False)) == 3


@pytest.mark.parametrize("where", ["_score", "_drawn", "save_samples", "save"])
def test_a_loop_over_epochs_that_is_stopped_between_two_keeps_the_first(digits, tmp_path, monkeypatch, where):
    made = trainer(digits, plain(epochs=2), tmp_path, score=lambda G: 7.0)
    interrupt_once(monkeypatch, Run if "save" in where else type(made), where)
    with pytest.raises(TrainingStopped, match="goes on after epoch 1, which"):
        next(made.epochs())
    assert made.run.checkpointed_epochs() == [1] and sorted(made.run.samples()) == [0, 1]
    assert [row["epoch"] for row in made.epochs()] == [2]


def test_an_interrupted_run_goes_on_from_its_last_whole_epoch(digits, tmp_path, monkeypatch):
    whole = fitted(digits, plain(epochs=2))
    with monkeypatch.context() as patch:
        made = trainer(digits, plain(epochs=2), tmp_path)
        interrupt_after(patch, 3 + 2, "after a step")
        made.fit(progress=False)
    resumed = fitted(digits, plain(epochs=2), tmp_path)
    assert different(state(whole), state(resumed)) == []


@pytest.mark.parametrize("kept", [False, True])
def test_a_training_that_is_needed_whole_raises_when_it_is_stopped(digits, tmp_path, monkeypatch, capsys, kept):
    folder = tmp_path / "run" if kept else None
    with monkeypatch.context() as patch:
        made = trainer(digits, plain(epochs=3), folder)
        interrupt_after(patch, 3 + 2, "after a step")
        where = r"it goes on after epoch 1, which .*run keeps\.$" if kept else r"it begins anew\.$"
        with pytest.raises(TrainingStopped, match=f"Run the cell again before you go on: {where}") as stopped:
            made.fit(progress=False, whole=True)
    assert "1 epoch of mlp" in (said := capsys.readouterr().out) and "stopped by you in epoch 2 of 3" in said
    assert stopped.value.__context__ is None
    assert stopped.value._render_traceback_() == [f"stopped: {stopped.value}"]  # what a notebook shows, all of it
    again = trainer(digits, plain(epochs=3), folder)
    assert len(again.fit(progress=False, whole=True)) == 3
    assert different(state(fitted(digits, plain(epochs=3))), state(again)) == []


@pytest.mark.parametrize("until", [None, 1])
def test_a_training_that_was_whole_before_the_interrupt_is_not_stopped(digits, monkeypatch, until):
    made = trainer(digits, plain(epochs=until or 2))
    interrupt_once(monkeypatch, type(made), "_one_epoch")
    if until is None:
        with pytest.raises(TrainingStopped):
            made.fit(progress=False, whole=True)
    assert made.fit(progress=False, whole=True, until=until)[-1]["epoch"] == (until or 2)


# -------------------------------------------------------------------------------- losses that are not finite


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("column", [0, 1], ids=["loss_d", "loss_g"])
def test_a_loss_that_is_not_finite_stops_before_any_checkpoint(digits, tmp_path, monkeypatch, fast, value, column):
    made = trainer(digits, plain(epochs=4, fast=fast), tmp_path)
    real, done = Minimax.round, []

    def step(*arguments):
        done.append(1)
        stats = real(*arguments)
        stats[column] = value if len(done) in (5, 6) else stats[column]
        return stats

    monkeypatch.setattr(Minimax, "round", step)
    with pytest.raises(TrainingDiverged) as caught:
        made.fit(progress=False)
    assert "a loss became NaN or infinite at step 5 (epoch 2)" in str(caught.value)
    assert f"the last good checkpoint is {made.run.checkpoint_path(1)}" in str(caught.value)
    assert made.run.checkpointed_epochs() == [1]
    assert made.samples.keys() == made.run.samples().keys() == {0, 1}
    assert len(made.history) == len(made.run.history()) == 1
    assert len(done) == 6  # no later than the epoch's end


def test_real_divergence_is_noticed(digits):
    made = trainer(digits, plain(lr=1e30))
    with pytest.raises(TrainingDiverged, match=r"at step [12] \(epoch 1\); there is no checkpoint .*1e\+30"):
        made.fit(progress=False)
    assert made.history == []


# -------------------------------------------------------------------------------- values that are refused


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("epochs", [0, -1, 1.5, True, "3"]),
        ("batch_size", [0, 1.0, None]),
        ("k", [0, -2]),
        ("seed", [-1, 2**63, 0.5, True]),
        ("lr", [0, -1e-4, math.nan, math.inf, "2e-4"]),
        ("betas", [(0.5,), (0.5, 1.0), (-0.1, 0.9), (0.5, 0.9, 0.9)]),
        ("loss", ["wasserstein", None]),
        ("fresh_z", [1, "yes"]),
        ("fast", [0]),
        ("ema_half_life", [-1.0, math.inf, math.nan, "1"]),
        ("precision", ["float16", None]),
    ],
)
def test_a_config_names_the_value_that_is_wrong(name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"{name} is .*expected") as caught:
            Config(**{name: value})
        assert repr(value) in str(caught.value)


def test_a_config_goes_through_json_and_back():
    config = Config(model="dcgan", epochs=3, betas=(0.5, 0.9), seed=7)
    assert Config.from_dict(json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(ValueError, match=r"unknown setting 'momentum'; known: .*batch_size"):
        Config.from_dict({"momentum": 0.9})


def test_the_defaults_are_p1s_recipe():
    c = Config()
    assert (c.epochs, c.batch_size, c.k, c.lr, c.betas) == (100, 128, 1, 2e-4, (0.5, 0.999))
    assert (c.loss, c.fresh_z) == ("non_saturating", True)


def test_more_images_in_a_round_than_there_are(digits):
    with pytest.raises(ValueError, match="batch_size x k is 16 x 4, more than the 52 images of mnist-test"):
        trainer(digits, plain(k=4))


def test_images_of_another_size_are_refused(digits):
    wide = Images(torch.zeros(32, 1, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"images have shape \(16, 1, 32, 32\), expected \(B, 1, 28, 28\)"):
        fitted(wide, plain())


def test_devices():
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match='device is \'cuda\', but this machine has none; use "auto" or "cpu"'):
            pick_device("cuda")
    with pytest.raises(ValueError, match="device is 'gpu'"):
        pick_device("gpu")
