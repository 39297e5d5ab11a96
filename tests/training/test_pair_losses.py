"""Losses on scores: each against its formula, its gradient, and its value at the equilibrium."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gancourse.training.losses import discriminator_loss, non_saturating_loss
from gancourse.training.pair_losses import PAIR_LOSSES


def softplus(x):
    return np.log1p(np.exp(x))


# name -> D's loss and G's as their papers print them, on numpy arrays of scores
FORMULAS: dict[str, tuple[Callable, Callable]] = {
    "wasserstein": (lambda r, f: -(r.mean() - f.mean()), lambda r, f: -f.mean()),
    "hinge": (lambda r, f: -np.minimum(0, r - 1).mean() - np.minimum(0, -f - 1).mean(), lambda r, f: -f.mean()),
    "least_squares": (
        lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
        lambda r, f: ((f - 1) ** 2).mean() / 2,
    ),
    "relativistic": (lambda r, f: softplus(-(r - f)).mean(), lambda r, f: softplus(-(f - r)).mean()),
    "non_saturating": (
        lambda r, f: -np.log(1 / (1 + np.exp(-r))).mean() - np.log(1 - 1 / (1 + np.exp(-f))).mean(),
        lambda r, f: -np.log(1 / (1 + np.exp(-f))).mean(),
    ),
}


def scores(seed, n=40, dtype=torch.float64):
    return (2 * torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(dtype)


def test_every_pair_has_its_formula_here():
    assert FORMULAS.keys() == PAIR_LOSSES.keys()


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_both_losses_are_their_papers(name):
    real, fake = scores(1), scores(2)
    for loss, formula in zip(
        (PAIR_LOSSES[name].discriminator, PAIR_LOSSES[name].generator), FORMULAS[name], strict=True
    ):
        value = loss(real, fake)
        assert value.shape == () and value.dtype == torch.float64
        assert value.item() == pytest.approx(formula(real.numpy(), fake.numpy()), rel=1e-12)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_d_wants_real_scores_up_and_fake_ones_down_and_g_the_other_way(name):
    real, fake = scores(1).requires_grad_(), scores(2).requires_grad_()
    up, down = torch.autograd.grad(PAIR_LOSSES[name].discriminator(real, fake), (real, fake))
    if name == "least_squares":  # there a score can be too high
        assert torch.equal(up > 0, real > 1) and torch.equal(down > 0, fake > 0)
    else:
        assert (up <= 0).all() and (down >= 0).all() and up.any() and down.any()
    real_pull, fake_pull = torch.autograd.grad(PAIR_LOSSES[name].generator(real, fake), (real, fake), allow_unused=True)
    assert torch.equal(fake_pull < 0, fake < 1) if name == "least_squares" else (fake_pull < 0).all()
    assert PAIR_LOSSES[name].compares == (real_pull is not None)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_the_marks_are_where_real_and_fake_are_alike(name):
    pair = PAIR_LOSSES[name]
    best = torch.full((8,), pair.marks.get("score_real", (0.0, ""))[0], dtype=torch.float64)
    assert pair.discriminator(best, best).item() == pytest.approx(pair.marks["loss_d"][0])
    if "loss_g" in pair.marks:
        assert pair.generator(best, best).item() == pytest.approx(pair.marks["loss_g"][0])
    for seed in range(20):  # real and fake images are the same ones: no D does better than the mark
        same = scores(seed)
        everyone_with_everyone = same.repeat_interleave(len(same)), same.repeat(len(same))
        assert pair.discriminator(*everyone_with_everyone).item() >= pair.marks["loss_d"][0] - 1e-12


def test_what_the_marks_are_called_is_what_they_are():
    values = {"0": 0.0, "2": 2.0, "1/2": 0.5, "1/4": 0.25, "1/8": 0.125, "ln 2": math.log(2), "2 ln 2": math.log(4)}
    for pair in PAIR_LOSSES.values():
        for value, text in pair.marks.values():
            assert value == pytest.approx(values[text])


def test_goodfellows_pair_is_that_of_the_losses():
    real, fake = scores(1, dtype=torch.float32), scores(2, dtype=torch.float32)
    pair = PAIR_LOSSES["non_saturating"]
    assert torch.equal(pair.discriminator(real, fake), discriminator_loss(real, fake))
    assert torch.equal(pair.generator(real, fake), non_saturating_loss(fake))


def test_a_score_has_no_zero_for_wasserstein_and_relativistic_critics():
    real, fake = scores(1), scores(2)
    for name in ("wasserstein", "relativistic"):
        loss = PAIR_LOSSES[name].discriminator
        assert loss(real + 7, fake + 7).item() == pytest.approx(loss(real, fake).item())
    hinge = PAIR_LOSSES["hinge"].discriminator
    assert hinge(real + 7, fake + 7).item() != pytest.approx(hinge(real, fake).item())


@pytest.mark.parametrize("name", PAIR_LOSSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_computed_in_float32(name, dtype):
    real, fake = scores(1, dtype=dtype), scores(2, dtype=dtype)
    for loss in (PAIR_LOSSES[name].discriminator, PAIR_LOSSES[name].generator):
        assert loss(real, fake).dtype == torch.float32
        assert torch.equal(loss(real, fake), loss(real.float(), fake.float()))


def test_scores_that_make_no_pairs_are_refused():
    for loss in (PAIR_LOSSES["relativistic"].discriminator, PAIR_LOSSES["relativistic"].generator):
        with pytest.raises(ValueError, match=r"compares pairs.*\(40,\) and \(39,\).*as many real images as fake"):
            loss(scores(1), scores(2, 39))
        with pytest.raises(ValueError, match=r"\(40,\) and \(40, 1\)"):  # would be 1,600 pairs, silently
            loss(scores(1), scores(2)[:, None])
