"""The closed forms of gancourse.theory against independent quadrature (scipy) and autograd."""

import math

import pytest
import torch
from scipy import integrate, stats

from gancourse import theory
from gancourse.theory import LOG2, LOG4, Mixture, Normal, Uniform
from gancourse.training.losses import non_saturating_loss, saturating_loss

X = theory.grid(-20.0, 20.0)

# The pairs that every functional is tried on; `scipy_pdf` builds the same densities from scipy.stats.
TWO = Mixture([0.3, 0.7], [Normal(-2.0, 0.6), Normal(1.5, 1.0)])
PAIRS = {
    "near normals": (Normal(0.0, 1.0), Normal(0.5, 1.2)),
    "far normals": (Normal(-2.0, 0.8), Normal(2.0, 1.0)),
    "mixture and normal": (TWO, Normal(0.0, 2.0)),
}


def scipy_pdf(density):
    if isinstance(density, Normal):
        return stats.norm(density.mean, density.std).pdf
    parts = [(w, scipy_pdf(part)) for w, part in zip(density.weights, density.parts, strict=True)]
    return lambda x: sum(w * f(x) for w, f in parts)


def scipy_integral(f):
    return integrate.quad(f, -12, 12, limit=400, epsabs=1e-9, points=(-2.0, 0.0, 2.0))[0]


@pytest.fixture(params=PAIRS, ids=list(PAIRS))
def pair(request):
    p, q = PAIRS[request.param]
    return p, q, scipy_pdf(p), scipy_pdf(q)


# ------------------------------------------------------------------------------------------ densities


@pytest.mark.parametrize("density", [Normal(0.4, 1.3), Uniform(-1.0, 3.0), TWO], ids=["normal", "uniform", "mix"])
def test_densities_integrate_to_one_agree_with_their_cdf_and_samples(density):
    p = density(X)
    assert p.dtype == torch.float64
    assert theory.integrate(p, X).item() == pytest.approx(1.0, abs=1e-9)
    edge = X + (X[1] - X[0]) / 2  # the running sum of cells is the cdf at their right edges
    assert torch.allclose(torch.cumsum(p, 0) * (X[1] - X[0]), density.cdf(edge), atol=1e-6)
    sample = density.sample(20_000, torch.Generator().manual_seed(0))
    distance = (density.cdf(sample.sort().values) - torch.linspace(0, 1, 20_000)).abs().max()
    assert distance < 0.015  # Kolmogorov-Smirnov; 1 % of samples of this size exceed 0.0115
    u = torch.tensor([0.01, 0.3, 0.5, 0.999], dtype=torch.float64)
    assert torch.allclose(density.cdf(density.quantile(u)), u, atol=1e-9)


def test_sampling_is_seeded():
    first, again = (TWO.sample(5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Normal(0.0, 0.0), "std must be positive, got 0.0"),
        (lambda: Uniform(1.0, 1.0), "low must be below high"),
        (lambda: Mixture([0.5, 0.6], [Normal(), Normal()]), "sum to 1"),
        (lambda: Mixture([1.0], [Normal(), Normal()]), "1 weights for 2 parts"),
        (lambda: theory.grid(1.0, 1.0), "low < high"),
        (lambda: theory.integrate(X[:5], X), "differ in shape"),
        (lambda: theory.jsd_of_missing_modes(8, 9), "between 1 and 8, got 9"),
    ],
)
def test_errors_name_what_was_wrong(build, message):
    with pytest.raises(ValueError, match=message):
        build()


# ---------------------------------------------------------------------------------- change of variables


@pytest.mark.parametrize(
    ("generator", "expected"),
    [
        (lambda z: 2 * z - 1, stats.norm(-1, 2).pdf),
        (lambda z: -0.5 * z, stats.norm(0, 0.5).pdf),  # decreasing
        (torch.exp, stats.lognorm(1.0).pdf),
        (torch.special.ndtr, stats.uniform(0, 1).pdf),
    ],
    ids=["affine", "decreasing", "exp", "cdf"],
)
def test_push_forward_is_the_known_density(generator, expected):
    x, density = theory.push_forward(Normal(), generator, theory.grid(-4, 4, 400))
    assert torch.allclose(density, torch.as_tensor(expected(x.numpy())), rtol=1e-9)


def test_push_forward_refuses_a_fold():
    with pytest.raises(ValueError, match="not strictly monotone"):
        theory.push_forward(Normal(), lambda z: z**2, theory.grid(-4, 4, 400))


# ------------------------------------------------------------------------------------- D*, V, C, JSD, KL


# quad warns that it meets rounding before its own tolerance in the tails; the numbers agree far beyond ours
@pytest.mark.filterwarnings("ignore:The occurrence of roundoff")
def test_kl_jsd_and_wasserstein_against_scipy(pair):
    p, q, f, g = pair
    kl = scipy_integral(lambda x: f(x) * math.log(f(x) / g(x)))
    assert theory.kl(p(X), q(X), X).item() == pytest.approx(kl, abs=1e-8)

    def half(a, b):
        return lambda x: a(x) * math.log(2 * a(x) / (a(x) + b(x)))

    jsd = (scipy_integral(half(f, g)) + scipy_integral(half(g, f))) / 2
    assert theory.jsd(p(X), q(X), X).item() == pytest.approx(jsd, abs=1e-8)
    assert theory.jsd(q(X), p(X), X).item() == pytest.approx(jsd, abs=1e-8)
    w1 = scipy_integral(lambda x: abs(float(p.cdf(torch.tensor(x)) - q.cdf(torch.tensor(x)))))
    assert theory.wasserstein_1d(p(X), q(X), X).item() == pytest.approx(w1, abs=1e-5)


def test_kl_of_normals_is_the_closed_form():
    p, q = Normal(0.3, 0.7), Normal(-1.0, 1.9)
    expected = math.log(1.9 / 0.7) + (0.7**2 + 1.3**2) / (2 * 1.9**2) - 0.5
    assert theory.kl(p(X), q(X), X).item() == pytest.approx(expected, abs=1e-10)
    assert theory.kl(Uniform(0, 2)(X), Uniform(0, 1)(X), X).item() == math.inf
    assert theory.kl(Uniform(0, 1)(X), Uniform(0, 2)(X), X).item() == pytest.approx(LOG2)


def test_value_against_scipy(pair):
    p, q, f, g = pair
    d = torch.sigmoid(0.5 * X - 0.3)

    def integrand(x):
        logit = 0.5 * x - 0.3
        return -f(x) * math.log1p(math.exp(-logit)) - g(x) * math.log1p(math.exp(logit))

    assert theory.value(p(X), q(X), d, X).item() == pytest.approx(scipy_integral(integrand), abs=1e-8)


def test_the_value_at_the_optimal_discriminator_is_the_criterion(pair):
    p, q = pair[0](X), pair[1](X)
    best = theory.optimal_discriminator(p, q)
    at_best = theory.value(p, q, best, X)
    assert at_best.item() == pytest.approx(theory.criterion(p, q, X).item(), abs=1e-9)
    for shift in (-0.5, -0.05, 0.05, 0.5):  # any other D does worse
        assert theory.value(p, q, torch.sigmoid(torch.logit(best) + shift), X) < at_best
    assert theory.value(p, q, torch.full_like(X, 0.5), X).item() == pytest.approx(-LOG4, abs=1e-9)


def test_a_certain_and_wrong_discriminator_has_value_minus_infinity():
    p, q = Normal(0.0, 1.0)(X), Normal(0.5, 1.0)(X)
    assert theory.value(p, q, torch.ones_like(X), X).item() == -math.inf


def test_disjoint_supports():
    x = theory.grid(-1.0, 9.0, 10_000)
    p = Uniform(0.0, 1.0)(x)
    for shift in (1.0, 3.0, 7.0):
        q = Uniform(shift, shift + 1.0)(x)
        assert theory.jsd(p, q, x).item() == pytest.approx(LOG2, abs=1e-12)
        assert theory.criterion(p, q, x).item() == pytest.approx(0.0, abs=1e-12)
        assert theory.wasserstein_1d(p, q, x).item() == pytest.approx(shift, abs=1e-9)
        assert theory.value(p, q, theory.optimal_discriminator(p, q), x).item() == 0.0
    assert bool(theory.optimal_discriminator(p, q).isnan().any())  # undefined where neither density has mass


def test_equal_densities_are_the_minimum():
    p = TWO(X)
    assert theory.jsd(p, p, X).item() == 0.0
    assert theory.criterion(p, p, X).item() == -LOG4
    assert torch.equal(theory.optimal_discriminator(p, p)[p > 0], torch.full((int((p > 0).sum()),), 0.5).double())


@pytest.mark.parametrize(("modes", "covered"), [(8, 1), (8, 5), (8, 8), (3, 2)])
def test_jsd_of_missing_modes_against_quadrature(modes, covered):
    x = theory.grid(0.0, float(modes), 1000 * modes)
    p, q = Uniform(0.0, float(modes))(x), Uniform(0.0, float(covered))(x)
    assert theory.jsd_of_missing_modes(modes, covered) == pytest.approx(theory.jsd(p, q, x).item(), abs=1e-12)


# ------------------------------------------------------------------------------------------- gradients


def test_gradients_of_both_losses_against_autograd():
    logit = torch.linspace(-20, 20, 81, dtype=torch.float64)
    for closed, loss in [
        (theory.saturating_gradient, lambda a: torch.log(1 - torch.sigmoid(a))),
        (theory.non_saturating_gradient, lambda a: -torch.log(torch.sigmoid(a))),
    ]:
        a = logit.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(a).sum(), a)
        assert torch.allclose(closed(logit), gradient, rtol=1e-6)
    ratio = theory.non_saturating_gradient(logit) / theory.saturating_gradient(logit)
    assert torch.allclose(theory.gradient_ratio(logit), ratio, rtol=1e-12)


def test_the_course_losses_have_the_closed_gradients():
    logit = torch.linspace(-20, 20, 41)
    for closed, loss in [
        (theory.saturating_gradient, saturating_loss),
        (theory.non_saturating_gradient, non_saturating_loss),
    ]:
        a = logit.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(a) * len(a), a)
        assert torch.allclose(closed(logit), gradient, rtol=1e-5)


@pytest.mark.parametrize("theta", [-2.0, 0.0, 0.7])
def test_generator_gradients_are_those_of_the_divergences(theta):
    p = Mixture([0.7, 0.3], [Normal(-2.0, 0.6), Normal(2.0, 0.6)])

    def q(t):
        return Normal(t, 1.5)

    saturating, non_saturating = theory.generator_gradients(p, q, theta, X)
    t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    (jsd,) = torch.autograd.grad(2 * theory.jsd(p(X), q(t)(X), X), t)
    x = theory.grid(-12.0, 12.0)  # p must not underflow: KL(q || p) divides by it
    (kl,) = torch.autograd.grad(theory.kl(q(t)(x), p(x), x), t)
    assert saturating == pytest.approx(jsd.item(), abs=1e-8)
    assert non_saturating == pytest.approx((kl - jsd).item(), abs=1e-6)
    h = 1e-5
    plus, minus = (theory.jsd(p(X), q(theta + s)(X), X).item() for s in (h, -h))
    assert saturating == pytest.approx((plus - minus) / h, abs=1e-6)  # 2 JSD: the 2 of the difference cancels
