"""The losses on logits are BCE on the sigmoid, with exact gradients and without its overflow."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy, logsigmoid

from gancourse.training.losses import discriminator_loss, non_saturating_loss, saturating_loss

GENERATOR = {"saturating": saturating_loss, "non_saturating": non_saturating_loss}
# d loss / d logit of one sample, with d = D(G(z)) = sigmoid(logit)
GRADIENT = {"saturating": lambda d: -d, "non_saturating": lambda d: -(1 - d)}


def logits(n=64, dtype=torch.float32, seed=0):
    return (torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 4).to(dtype)


def bce_form(name, s):
    """The textbook form on D(G(z)) = sigmoid(s), in the precision of s."""
    d = s.sigmoid()
    if name == "saturating":
        return (1 - d).log().mean()
    return -d.log().mean()


def test_the_discriminators_loss_is_bce_on_the_sigmoid():
    real, fake = logits(seed=1), logits(seed=2)
    expected = binary_cross_entropy(real.sigmoid().double(), torch.ones(64).double()) + binary_cross_entropy(
        fake.sigmoid().double(), torch.zeros(64).double()
    )
    assert discriminator_loss(real, fake).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_generators_losses_are_bce_on_the_sigmoid():
    fake = logits()
    p = fake.double().sigmoid()
    ones, zeros = torch.ones(64).double(), torch.zeros(64).double()
    assert non_saturating_loss(fake).item() == pytest.approx(binary_cross_entropy(p, ones).item(), rel=1e-6)
    assert saturating_loss(fake).item() == pytest.approx(-binary_cross_entropy(p, zeros).item(), rel=1e-6)


def test_real_is_one_and_fake_is_zero():
    right, wrong = torch.full((4,), 5.0), torch.full((4,), -5.0)
    assert discriminator_loss(right, wrong) < 0.02  # real images called real, fake ones fake
    assert discriminator_loss(wrong, right) > 9.9
    assert non_saturating_loss(right) < non_saturating_loss(wrong)  # G gains when its images are called real
    assert saturating_loss(right) < saturating_loss(wrong)


def test_the_values_at_one_half():
    s = torch.zeros(8)
    assert discriminator_loss(s, s).item() == pytest.approx(2 * math.log(2))
    assert non_saturating_loss(s).item() == pytest.approx(math.log(2))
    assert saturating_loss(s).item() == pytest.approx(-math.log(2))


def test_each_term_is_a_mean_over_its_own_batch():
    real, fake = logits(10), logits(30, seed=1)
    expected = -logsigmoid(real).mean() - logsigmoid(-fake).mean()
    assert torch.allclose(discriminator_loss(real, fake), expected)
    assert discriminator_loss(real, fake).shape == ()


@pytest.mark.parametrize("name", GENERATOR)
def test_the_generators_gradients_against_closed_form_and_float64_autograd(name):
    s = logits().requires_grad_()
    GENERATOR[name](s).backward()
    exact = s.detach().double()
    closed = GRADIENT[name](exact.sigmoid()) / len(s)
    assert torch.allclose(s.grad.double(), closed, rtol=1e-5, atol=1e-9)
    exact.requires_grad_()
    bce_form(name, exact).backward()
    assert torch.allclose(closed, exact.grad, rtol=1e-9)
    assert torch.autograd.gradcheck(lambda s: bce_form(name, s), exact)  # and the formula by differences


def test_the_discriminators_gradients_against_closed_form_and_float64_autograd():
    real, fake = logits(seed=1).requires_grad_(), logits(seed=2).requires_grad_()
    discriminator_loss(real, fake).backward()
    exact_real, exact_fake = (s.detach().double().requires_grad_() for s in (real, fake))
    (-exact_real.sigmoid().log().mean() - (1 - exact_fake.sigmoid()).log().mean()).backward()
    assert torch.allclose(exact_real.grad, -(1 - exact_real.sigmoid()) / 64, rtol=1e-9)
    assert torch.allclose(exact_fake.grad, exact_fake.sigmoid() / 64, rtol=1e-9)
    assert torch.allclose(real.grad.double(), exact_real.grad, rtol=1e-5, atol=1e-9)
    assert torch.allclose(fake.grad.double(), exact_fake.grad, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("size", [200.0, -200.0])
def test_sure_logits_give_finite_losses_and_gradients(size):
    s = torch.full((4,), size, requires_grad=True)
    t = torch.full((4,), -size, requires_grad=True)
    for loss in (discriminator_loss(s, t), non_saturating_loss(s), saturating_loss(s)):
        (gradient,) = torch.autograd.grad(loss, s)
        assert loss.isfinite()
        assert gradient.isfinite().all()
    assert discriminator_loss(s, t).item() == pytest.approx(0.0 if size > 0 else 400.0)
    # BCE on the sigmoid is what overflows here: log(sigmoid(-200)) is log 0 in float32
    assert torch.tensor(-200.0).sigmoid().log().isinf()


def test_early_in_training_only_the_non_saturating_gradient_is_alive():
    for name, expected in (("saturating", 0.0), ("non_saturating", -1.0)):
        s = torch.tensor([-30.0], requires_grad=True)  # D is sure that the sample is fake
        (gradient,) = torch.autograd.grad(GENERATOR[name](s), s)
        assert gradient.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_computed_in_float32(dtype):
    real, fake = logits(dtype=dtype, seed=1), logits(dtype=dtype, seed=2)
    for loss in (discriminator_loss(real, fake), non_saturating_loss(fake), saturating_loss(fake)):
        assert loss.dtype == torch.float32
    assert torch.equal(discriminator_loss(real, fake), discriminator_loss(real.float(), fake.float()))
    assert torch.equal(non_saturating_loss(fake), non_saturating_loss(fake.float()))
    assert torch.equal(saturating_loss(fake), saturating_loss(fake.float()))
