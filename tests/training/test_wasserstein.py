"""A run of a critic: every preset by hand and by the package; resumed, killed, in parts; D is not moved by G's step."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gancourse.course.lessons import CRITICS
from gancourse.data import Images, scale
from gancourse.data.pairs import AlignedPairs
from gancourse.models import networks
from gancourse.models.base import eval_mode
from gancourse.models.style_discriminator import GROUP, MinibatchDeviation
from gancourse.plots import dashboard
from gancourse.plots.curves import compare_losses
from gancourse.plots.curves import losses as loss_figure
from gancourse.training import Config, CriticGAN, CriticRecipe, Minimax, Trainer, draw_z
from gancourse.training.algorithms import wasserstein
from gancourse.training.augment import AUGMENTATIONS
from gancourse.training.critic import network_options
from gancourse.training.critic_step import critic_step, generator_step
from gancourse.training.out_of_memory import OutOfMemory
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.penalties import gradient_penalty, r1_penalty
from gancourse.training.run import Run, RunError

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parents[2]
PRESETS = {name: CriticRecipe(**what.critic) for name, what in CRITICS.items() if what.critic is not None}
TIMING = ("images_per_second", "seconds")


def some(n=48, seed=0):
    pixels = torch.randint(0, 256, (n, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Images(pixels, name="noise")


def config_of(name, **settings):
    usual = {"epochs": 2, "k": 2, "batch_size": 8, "lr": 1e-3, "fast": False, "precision": "float32"}
    return Config("critic", **({"betas": CRITICS[name].config.get("betas", (0.5, 0.999))} | usual | settings))


def made(name, out=None, recipe=None, data=None, accumulate=1, options=None, **settings):
    """A trainer of one of the presets, on small networks and a few images."""
    recipe = PRESETS[name] if recipe is None else recipe
    torch.manual_seed(0)
    G, D = networks("critic", width=4, **network_options(recipe), **(options or {}))
    data = some() if data is None else data
    return Trainer(CriticGAN(G, D, recipe), data, config_of(name, **settings), out, "cpu", accumulate=accumulate)


def fitted(*arguments, **settings):
    trainer = made(*arguments, **settings)
    trainer.fit(progress=False)
    return trainer


def state(trainer):
    found = {f"{n}.{k}": v for n, m in (trainer.networks | trainer.averages).items() for k, v in m.state_dict().items()}
    for name, optimiser in trainer.algorithm.optimisers.items():
        for i, values in optimiser.state_dict()["state"].items():
            found |= {f"{name}.{i}.{k}": v for k, v in values.items()}
    return {k: v.clone() for k, v in (found | {"rng": trainer.rng.get_state()}).items()}


def different(a, b):
    assert a.keys() == b.keys()
    return [name for name in a if not torch.equal(a[name], b[name])]


def untimed(history):
    return [{k: v for k, v in row.items() if k not in TIMING} for row in history]


# -------------------------------------------------------------------------------- by hand


def by_hand(name, epochs=2, k=2, batch=8):
    """The preset as one would write it: optimisers of PyTorch, two loops, `critic_step` and `generator_step`."""
    recipe, config = PRESETS[name], config_of(name)
    torch.manual_seed(0)
    G, D = networks("critic", width=4, **network_options(recipe))
    rmsprop = recipe.optimiser == "rmsprop"
    opt_g, opt_d = (
        torch.optim.RMSprop(n.parameters(), lr=1e-3)
        if rmsprop
        else torch.optim.Adam(n.parameters(), lr=1e-3, betas=config.betas)
        for n in (G, D)
    )

    def penalty(D, x_real, x_fake, rng):
        if recipe.gradient_penalty:
            return 10 * gradient_penalty(D, x_real, x_fake, rng)
        return recipe.r1 / 2 * r1_penalty(D, x_real) + recipe.r2 / 2 * r1_penalty(D, x_fake)

    images, rng, pair = some(), torch.Generator().manual_seed(0), PAIR_LOSSES[recipe.loss]
    said = []
    for _ in range(epochs):
        batches = images.batches(batch, rng)
        while True:
            loss_d = []
            for _ in range(k):
                x_real = next(batches, None)
                if x_real is None:
                    break
                loss_d.append(
                    critic_step(
                        G,
                        D,
                        opt_d,
                        x_real,
                        rng,
                        pair,
                        penalty if recipe.penalised else None,
                        0.01 if recipe.constraint == "clip" else None,
                    )
                )
            if x_real is None:
                break
            said.append((torch.stack(loss_d).mean().item(), generator_step(G, D, opt_g, x_real, rng, pair).item()))
    return G, D, said


@pytest.mark.parametrize("name", PRESETS)
def test_by_hand_and_through_the_package_the_bits_are_the_same(name):
    G, D, said = by_hand(name)
    trainer = fitted(name)
    for network, theirs in ((G, trainer.networks["G"]), (D, trainer.networks["D"])):
        found = theirs.state_dict()
        assert all(torch.equal(v, found[k]) for k, v in network.state_dict().items()), name
    rounds = len(said) // 2
    means = torch.tensor(said).view(2, rounds, 2).mean(1)
    for row, (loss_d, loss_g) in zip(trainer.history, means.tolist(), strict=True):
        assert (row["loss_d"], row["loss_g"]) == pytest.approx((loss_d, loss_g), rel=1e-5, abs=1e-6)


# -------------------------------------------------------------------------------- a run


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_and_says_what_happened(name, tmp_path):
    trainer = fitted(name, tmp_path, epochs=1, ema_half_life=50.0)
    row = trainer.history[0]
    penalised = PRESETS[name].penalised
    statistics = ["loss_d", "loss_g", "score_real", "score_fake", *["penalty", "slope"] * penalised]
    assert list(row)[1:-2] == [*statistics, "grad_norm_d", "grad_norm_g"]
    assert all(torch.tensor(value).isfinite() for value in row.values())
    assert trainer.samples[1].shape == (64, 1, 28, 28)
    before, after = state(made(name, ema_half_life=50.0)), state(trainer)
    assert {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])} >= {"G", "D", "ema"}
    assert dict(trainer.history.marks) == Run(tmp_path).history().marks == PRESETS[name].marks()
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["algorithm"], config["loss"]) == ("critic", PRESETS[name].loss)
    assert CriticRecipe(**config["critic"]) == PRESETS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_it_resumes_bit_for_bit(name, tmp_path):
    settings = {"ema_half_life": 50.0}
    whole = fitted(name, **settings)
    fitted(name, tmp_path, epochs=1, **settings)
    resumed = made(name, tmp_path, **settings)
    assert resumed.epoch == 1
    resumed.fit(progress=False)
    assert not different(state(whole), state(resumed))
    assert untimed(whole.history) == untimed(resumed.history)
    with pytest.raises(RunError, match="critic: the folder has"):
        made(name, tmp_path, recipe=replace(PRESETS[name], lr_g=0.5), **settings)


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from test_wasserstein import CriticGAN, made
trainer = made({name!r}, {out!r}, epochs=3, ema_half_life=50.0)
real, done = CriticGAN.round, []
def round(self, *rest):
    done.append(1)
    if len(done) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *rest)
CriticGAN.round = round
trainer.fit(progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_it_survives_a_kill_in_the_middle_of_an_epoch(tmp_path):
    """Of spectral norm, whose vectors u and v are a state that neither network's weights nor an optimiser has."""
    code = KILLED.format(tests=str(Path(__file__).parent), out=str(tmp_path / "run"), name="sn-gan", at=8)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = made("sn-gan", tmp_path / "run", epochs=3, ema_half_life=50.0)
    assert resumed.epoch == 2  # 3 rounds an epoch: killed in the third
    resumed.fit(progress=False)
    assert not different(state(fitted("sn-gan", epochs=3, ema_half_life=50.0)), state(resumed))


def test_a_run_may_stop_between_epochs_and_go_on_in_memory():
    trainer = made("wgan-gp")
    next(trainer.epochs())
    trainer.fit(progress=False)
    assert not different(state(fitted("wgan-gp")), state(trainer))


# -------------------------------------------------------------------------------- what a step does


def test_no_weight_of_a_clipped_critic_is_ever_larger():
    trainer = made("wgan")
    assert max(p.abs().max() for p in trainer.networks["D"].parameters()) > 0.01
    for _ in trainer.rounds():
        assert max(p.abs().max() for p in trainer.networks["D"].parameters()) <= 0.01
    assert max(p.abs().max() for p in trainer.networks["G"].parameters()) > 0.01


@pytest.mark.parametrize(
    ("name", "options"), [("sn-gan", {}), ("wgan", {"norm_d": True}), ("wgan-gp", {}), ("r3gan", {})]
)
def test_the_generators_step_changes_nothing_of_the_critic(name, options):
    trainer = made(name, options=options)
    next(trainer.rounds())
    D = trainer.networks["D"]
    before, gradients = {k: v.clone() for k, v in D.state_dict().items()}, [p.grad.clone() for p in D.parameters()]
    g_before = {k: v.clone() for k, v in trainer.networks["G"].named_parameters()}
    trainer.algorithm._generator_step(scale(some().pixels[:8]), trainer.rng)
    assert all(torch.equal(v, before[k]) for k, v in D.state_dict().items())
    assert all(torch.equal(p.grad, g) and p.requires_grad for p, g in zip(D.parameters(), gradients, strict=True))
    assert any(not torch.equal(v, g_before[k]) for k, v in trainer.networks["G"].named_parameters())


def test_the_critics_step_gives_the_generator_no_gradient():
    trainer = made("r3gan")
    trainer.algorithm._critic_step(scale(some().pixels[:8]), trainer.rng)
    assert all(p.grad is None for p in trainer.networks["G"].parameters())


def test_spectral_norm_moves_once_a_critics_step_and_by_no_evaluation():
    trainer, twin = made("sn-gan"), made("sn-gan")
    D, x = trainer.networks["D"], scale(some().pixels[:8])
    trainer.algorithm._critic_step(x, trainer.rng)
    for layer in (layer for layer in twin.networks["D"].net if hasattr(layer, "parametrizations")):
        _ = layer.weight  # one iteration, on the same weight
    u = {k: v for k, v in twin.networks["D"].state_dict().items() if k.endswith(("_u", "_v"))}
    assert len(u) == 8 and all(torch.equal(v, D.state_dict()[k]) for k, v in u.items())
    parts = made("sn-gan", accumulate=4)
    parts.algorithm._critic_step(x, parts.rng)
    assert all(torch.equal(v, parts.networks["D"].state_dict()[k]) for k, v in u.items())
    trainer._drawn()
    with eval_mode(D):
        D(x)
    assert all(torch.equal(v, D.state_dict()[k]) for k, v in u.items())


def test_each_step_has_fresh_fakes():
    trainer, seen = made("wgan-gp", k=2), []
    trainer.networks["G"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    next(trainer.rounds())
    assert len(seen) == 3 and len({tuple(z.flatten().tolist()) for z in seen}) == 3


def test_one_round_takes_k_batches_and_real_images_of_each():
    trainer, seen = made("lsgan", k=3), []
    trainer.networks["D"].register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    assert sum(1 for _ in trainer.rounds()) == 2  # 48 images, 3 batches of 8 each
    assert seen == [8] * 2 * (3 * 2 + 1)


@pytest.mark.parametrize("name", ["wgan", "sn-gan", "lsgan", "r3gan"])
def test_in_parts_it_takes_the_step_of_the_whole_batch(name):
    """Without BatchNorm in G; the gradient penalty draws its points part by part."""
    whole, parts = (fitted(name, accumulate=n, options={"norm_g": False}, lr=1e-4) for n in (1, 4))
    for a, b in zip(whole.networks["D"].parameters(), parts.networks["D"].parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-3)
    assert untimed(whole.history)[0]["loss_d"] == pytest.approx(untimed(parts.history)[0]["loss_d"], abs=1e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_two_processes_shares_make_up_the_batch(name):
    """Their gradients' mean, which a team takes before each step, is the gradient of the whole batch."""
    x, found = scale(some().pixels[:8]), []
    for share in ((0, 1), (0, 2), (1, 2)):
        trainer = made(name, options={"norm_g": False})
        trainer.setting.team.share = share
        for optimiser in trainer.algorithm.optimisers.values():
            optimiser.step = lambda: None
        wasserstein_clip, wasserstein.clip_weights = wasserstein.clip_weights, lambda *_: None
        try:
            trainer.algorithm._critic_step(x[share[0] :: share[1]], trainer.rng)
        finally:
            wasserstein.clip_weights = wasserstein_clip
        trainer.algorithm._generator_step(x[share[0] :: share[1]], trainer.rng)
        found.append([p.grad for n in "DG" for p in trainer.networks[n].parameters()])
    for whole, first, second in zip(*found, strict=True):
        torch.testing.assert_close((first + second) / 2, whole, atol=1e-6 + 1e-4 * whole.abs().max().item(), rtol=1e-3)


def test_packs_are_neighbours_as_channels():
    recipe = CriticRecipe(loss="hinge", packing=2)
    trainer, seen = made("lsgan", recipe=recipe), []
    x = scale(some().pixels[:8])
    trainer.networks["D"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    trainer.algorithm._critic_step(x, trainer.rng)
    assert torch.equal(seen[0], torch.stack([x[0::2, 0], x[1::2, 0]], 1)) and seen[1].shape == (4, 2, 28, 28)
    trainer.fit(progress=False)
    assert trainer.samples[2].shape == (64, 1, 28, 28)  # G makes single images
    penalised = CriticRecipe(loss="wasserstein", gradient_penalty=10.0, packing=4)
    assert fitted("wgan-gp", recipe=penalised, epochs=1, accumulate=2).history[0]["slope"] > 0


@pytest.mark.parametrize(("loss", "seen_by_d"), [("hinge", 3), ("relativistic", 4)])
def test_augmented_images_are_what_a_critic_sees(loss, seen_by_d, monkeypatch):
    monkeypatch.setitem(AUGMENTATIONS, "cutout", lambda x, rng, share: x * 0)
    trainer, seen = made("lsgan", recipe=CriticRecipe(loss=loss, augment=("cutout",)), k=1), []
    trainer.networks["D"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].abs().max().item()))
    trainer.algorithm.round([scale(some().pixels[:8])], trainer.rng)
    assert len(seen) == seen_by_d and max(seen) == 0  # real, fake, G's, and what G's are compared with
    assert trainer.algorithm.settings()["critic"]["augment"] == ["cutout"]
    with pytest.raises(ValueError, match="augment is"):
        CriticRecipe(augment=("flip",))


def test_a_critic_that_compares_images_keeps_them_together():
    class Comparing(nn.Sequential):
        image_shape = (1, 28, 28)

        def forward(self, x):
            return super().forward(x)[:, 0]

    D = Comparing(MinibatchDeviation(), nn.Flatten(), nn.Linear(2 * 28 * 28, 1))
    algorithm = CriticGAN(networks("critic", width=4)[0], D, CriticRecipe(loss="hinge"))
    assert algorithm.together == GROUP
    with pytest.raises(ValueError, match="D gets 2 images at a time"):
        Trainer(algorithm, some(), config_of("lsgan"), device="cpu", accumulate=4)


def test_a_warm_up_counts_generators_steps_over_the_whole_run(monkeypatch, tmp_path):
    monkeypatch.setattr(wasserstein, "WARM_UP", {"steps": 6, "first": 2, "every": 5})
    steps, real = [], CriticGAN._critic_step

    def counted(self, *rest):
        steps.append(1)
        return real(self, *rest)

    monkeypatch.setattr(CriticGAN, "_critic_step", counted)
    recipe = replace(PRESETS["wgan"], warm_up=True)

    def counts(trainer):
        found = []
        for _ in range(trainer.epoch, trainer.config.epochs):
            trainer.algorithm.begin_epoch(trainer.epoch)
            for _ in trainer.rounds():
                found.append(len(steps))
                steps.clear()
            trainer.epoch += 1
        return found

    assert counts(made("wgan", recipe=recipe, epochs=3)) == [6, 6, 2, 2, 2, 6, 2, 2, 2]  # 3 rounds an epoch
    fitted("wgan", tmp_path, recipe=recipe, epochs=1)
    steps.clear()
    assert counts(made("wgan", tmp_path, recipe=recipe, epochs=3)) == [2, 2, 6, 2, 2, 2]
    assert counts(made("wgan", epochs=1)) == [2, 2, 2]


def test_rates_can_differ_and_fall():
    recipe = replace(PRESETS["sn-gan"], lr_d=4e-4, lr_g=1e-4, decay=True)
    trainer = made("sn-gan", recipe=recipe, epochs=4)
    for epoch, left in enumerate((1.0, 0.75, 0.5, 0.25)):
        trainer.algorithm.begin_epoch(epoch)
        rates = [trainer.algorithm.optimisers[n].param_groups[0]["lr"] for n in ("opt_d", "opt_g")]
        assert rates == pytest.approx([4e-4 * left, 1e-4 * left])
    assert {type(o).__name__ for o in made("wgan").algorithm.optimisers.values()} == {"RMSprop"}
    assert {type(o).__name__ for o in trainer.algorithm.optimisers.values()} == {"Adam"}


@pytest.mark.parametrize("name", PRESETS)
def test_bfloat16_and_the_fast_path_train_both_networks(name):
    quick = made(name, fast=True, precision="bfloat16", k=2)
    plain = made(name, k=2)
    rows = [next(iter(trainer.rounds())) for trainer in (quick, plain)]
    assert rows[0].isfinite().all()
    torch.testing.assert_close(*rows, atol=0.05, rtol=0.1)
    for network in ("G", "D"):
        now, start = quick.networks[network].state_dict(), made(name).networks[network].state_dict()
        moved = [k for k, v in now.items() if k.endswith(("weight", "original")) and not torch.equal(v, start[k])]
        assert len(moved) == sum(k.endswith(("weight", "original")) for k in now)
        assert all(v.dtype in (torch.float32, torch.int64) for v in now.values())


def test_the_slope_and_the_penalty_are_those_of_the_critic():
    class Plane(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.full((784,), 3.0 / 28))

        def forward(self, x):
            return x.flatten(1) @ self.a

    G, _ = networks("critic", width=4)
    for recipe, penalty in (
        (CriticRecipe(loss="wasserstein", gradient_penalty=10.0), 10 * (3.0 - 1) ** 2),
        (CriticRecipe(loss="relativistic", r1=0.5, r2=2.0), (0.5 + 2.0) / 2 * 9.0),
    ):
        trainer = Trainer(CriticGAN(G, Plane(), recipe), some(), config_of("lsgan", k=1), device="cpu")
        stats = dict(zip(trainer.algorithm.statistics, next(trainer.rounds()).tolist(), strict=True))
        assert (stats["slope"], stats["penalty"]) == pytest.approx((3.0, penalty), rel=1e-4)
        if recipe.loss == "wasserstein":  # reported without the penalty
            assert stats["loss_d"] == pytest.approx(stats["score_fake"] - stats["score_real"], abs=1e-5)


@pytest.mark.parametrize(("share", "looked_at"), [(1.0, 8), (0.25, 2), (0.2, 2)])
def test_penalties_of_a_share_look_at_so_many_images_and_weigh_the_same(share, looked_at):
    seen = []

    class Plane(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.full((784,), 3.0 / 28))

        def forward(self, x):
            seen.append(len(x))
            return x.flatten(1) @ self.a

    G, _ = networks("critic", width=4)
    cases: list[tuple[dict[str, Any], float]] = [
        ({"gradient_penalty": 10.0}, 10 * (3.0 - 1) ** 2),
        ({"r1": 0.5, "r2": 2.0}, 2.5 / 2 * 9.0),
    ]
    for terms, penalty in cases:
        recipe = CriticRecipe(loss="hinge", penalty_share=share, **terms)
        trainer = Trainer(CriticGAN(G, Plane(), recipe), some(), config_of("lsgan", k=1), device="cpu")
        seen.clear()
        stats = dict(zip(trainer.algorithm.statistics, next(trainer.rounds()).tolist(), strict=True))
        assert seen == [8, 8, *([looked_at] * len(terms)), 8]  # real, fake, the penalties', and the fakes of G's step
        assert (stats["slope"], stats["penalty"]) == pytest.approx((3.0, penalty), rel=1e-4)


def test_out_of_memory_is_tried_on_copies(monkeypatch):
    trainer, real = made("sn-gan"), CriticGAN.round

    def hungry(self, batches, rng):
        if len(batches[0]) // self.setting.accumulate > 2:
            raise torch.OutOfMemoryError("no room")
        return real(self, batches, rng)

    monkeypatch.setattr(CriticGAN, "round", hungry)
    before = state(trainer)
    with pytest.raises(OutOfMemory, match="batches of 2 fit"):
        trainer.fit(progress=False)
    with pytest.raises(OutOfMemory, match="fewer do not fit either"):  # 2 images are no pack of 4
        fitted("lsgan", recipe=CriticRecipe(packing=4))
    with pytest.raises(OutOfMemory, match="batches of 2 fit"):
        fitted("lsgan", recipe=CriticRecipe(packing=2))
    assert not [k for k in different(before, state(trainer)) if k != "rng"]


# -------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k is 0, expected a whole number of at least 1"),
        ({"k": 7}, "batch_size x k is 8 x 7, more than the 48 images"),
        ({"loss": "saturating"}, r'Config.loss is "saturating".*CriticRecipe\(loss=...\), one of wasserstein'),
        ({"fresh_z": False}, "fresh_z is False: .* use fresh_z=True"),
        ({"recipe": CriticRecipe(packing=3)}, "packing is 3, and D gets 8 images at a time.*multiples of 3"),
        ({"recipe": CriticRecipe(packing=4), "accumulate": 4}, "packing is 4, and D gets 2 images at a time"),
    ],
    ids=str,
)
def test_a_run_that_makes_no_sense_is_refused(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        made("lsgan", tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_pairs_of_images_are_refused():
    with pytest.raises(ValueError, match="a critic takes images alone"):
        made("lsgan", data=AlignedPairs(some(), some()))


# -------------------------------------------------------------------------------- figures


def test_figures_draw_scores_and_slopes_and_mark_no_half():
    trainer = fitted("wgan-gp")
    titles = [ax.get_title("left") or ax.get_title() for ax in loss_figure(trainer.history).axes]
    assert titles == ["Loss", "Mean score", "Norm of the gradient", "Slope of the critic"]
    fig = loss_figure(trainer.history)
    texts = [{text.get_text() for text in ax.texts} for ax in fig.axes]
    assert texts[0] == {"D's loss", "G's loss", "0"} and texts[1] == {"s(x)", "s(G(z))"}
    assert texts[3] == {"|∇s|", "1, asked for"}
    assert fig.axes[0].get_ylabel() == "loss" and fig.axes[1].get_ylabel() == "score s"
    read_back = [dict(row) for row in trainer.history]  # as from a results file: no marks, and none are made up
    assert {text.get_text() for text in loss_figure(read_back).axes[0].texts} == {"D's loss", "G's loss"}


def test_a_critic_can_be_compared_with_a_discriminator():
    torch.manual_seed(0)
    other = Trainer(Minimax(*networks("mlp")), some(), Config("mlp", 2, 8, fast=False), device="cpu")
    other.fit(progress=False)
    fig = compare_losses({"GAN": other.history, "WGAN-GP": fitted("wgan-gp").history})
    assert [ax.get_title() for ax in fig.axes] == [
        "GAN: loss",
        "WGAN-GP: loss",
        "GAN: D's mean answer",
        "WGAN-GP: mean score",
    ]
    texts = [{t.get_text() for t in ax.texts} for ax in fig.axes]
    assert "2 ln 2" in texts[0] and texts[1] == {"D's loss", "G's loss", "0"}
    assert "1/2" in texts[2] and texts[3] == {"s(x)", "s(G(z))"}


def test_marks_of_least_squares_are_drawn_at_their_scores():
    texts = [{t.get_text() for t in ax.texts} for ax in loss_figure(fitted("lsgan").history).axes]
    assert {"1/4", "1/8"} <= texts[0] and "1/2" in texts[1]
    relativistic = loss_figure(fitted("r3gan").history)
    assert "ln 2" in {t.get_text() for t in relativistic.axes[0].texts}
    assert relativistic.axes[0].get_ylabel() == "loss (nats)"


def test_the_dashboard_says_scores():
    trainer = fitted("wgan-gp")
    said = dashboard.describe(trainer.history)
    assert "(0 at the equilibrium)" in said and "mean score of real images" in said and "slope" in said
    assert "1/2" not in said and "2 ln 2" not in said
    fig = dashboard.picture(trainer.history, trainer.samples[2])
    assert [ax.get_title("left") or ax.get_title() for ax in fig.axes][:3] == [
        "Loss",
        "Mean score",
        "Norm of the gradient",
    ]


def test_fixed_samples_are_those_of_the_same_z():
    trainer = made("lsgan")
    assert torch.equal(trainer.fixed, draw_z(trainer.networks["G"], 64, torch.Generator().manual_seed(1_000_003)))
