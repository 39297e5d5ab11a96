"""The minimax theory of GANs as functions that can be checked: densities, D*, V, C(G), divergences,
gradients.

Everything is one-dimensional and in float64. Integrals are sums over the midpoints of equal cells (`grid`,
`integrate`), which is accurate to rounding for smooth densities that vanish at both ends, and exact for a
uniform density whose edges are cell edges. The functions take *values on a grid*, `p(x)`, so that any
positive function can be put in.

Sources: [G14] Goodfellow et al. 2014, "Generative Adversarial Nets", section 4; [P1] S. Ben Abdallah,
"Adversarial Networks for Image Generation", sections 1.1 to 1.8; [AB17] Arjovsky and Bottou 2017, "Towards
principled methods for training generative adversarial networks".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LOG2 = math.log(2.0)
LOG4 = math.log(4.0)

# Below this ratio two float64 densities cannot both be seen in their sum: p_g is then rounded away in p + p_g.
_INVISIBLE = 2.0**-53


# ---------------------------------------------------------------------------------------------- quadrature


def grid(low: float, high: float, cells: int = 20_000) -> Tensor:
    """The midpoints of `cells` equal cells of [low, high]; shape (cells,), float64.

    Raises ValueError for an empty or infinite interval, and for fewer than 2 cells.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"grid needs finite low < high, got low={low}, high={high}")
    if cells < 2:
        raise ValueError(f"grid needs at least 2 cells, got {cells}")
    width = (high - low) / cells
    return low + width * (torch.arange(cells, dtype=torch.float64) + 0.5)


def integrate(values: Tensor, x: Tensor) -> Tensor:
    """Midpoint rule for values (N,) on a grid x (N,) made by `grid`; a scalar tensor, differentiable.

    Raises ValueError where the two shapes differ.
    """
    if values.shape != x.shape:
        raise ValueError(
            f"values {tuple(values.shape)} and grid {tuple(x.shape)} differ in shape: evaluate on this grid"
        )
    return values.sum() * (x[1] - x[0])


# ----------------------------------------------------------------------------------------------- densities


class Density:
    """A density on the line: `p(x)` at x of any shape, `p.cdf(x)` its integral, `p.sample(n, rng)` n draws."""

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def cdf(self, x: Tensor) -> Tensor:
        """The probability of values up to x, in [0, 1]; x of any shape."""
        raise NotImplementedError

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """n independent draws, shape (n,), float64."""
        raise NotImplementedError

    def quantile(self, u: Tensor) -> Tensor:
        """The x in [-50, 50] with cdf(x) = u, by bisection; u in (0, 1), any shape."""
        a, b = torch.full_like(u, -50.0), torch.full_like(u, 50.0)
        for _ in range(60):  # 100 / 2**60 is below float64 rounding at 1
            middle = (a + b) / 2
            below = self.cdf(middle) < u
            a, b = torch.where(below, middle, a), torch.where(below, b, middle)
        return (a + b) / 2


@dataclass(frozen=True)
class Normal(Density):
    """The normal density N(mean, std^2). `mean` and `std` may be tensors that require gradients.

    Raises ValueError for a std that is not positive.
    """

    mean: float | Tensor = 0.0
    std: float | Tensor = 1.0

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ValueError(f"std must be positive, got {self.std}")

    def __call__(self, x: Tensor) -> Tensor:
        return torch.exp(-(((x - self.mean) / self.std) ** 2) / 2) / (self.std * math.sqrt(2 * math.pi))

    def cdf(self, x: Tensor) -> Tensor:
        return torch.special.ndtr((x - self.mean) / self.std)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        return self.mean + self.std * torch.randn(n, generator=rng, dtype=torch.float64)


@dataclass(frozen=True)
class Uniform(Density):
    """The uniform density on [low, high). Raises ValueError where low is not below high."""

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got low={self.low}, high={self.high}")

    def __call__(self, x: Tensor) -> Tensor:
        inside = (x >= self.low) & (x < self.high)
        return inside.to(x.dtype) / (self.high - self.low)

    def cdf(self, x: Tensor) -> Tensor:
        return ((x - self.low) / (self.high - self.low)).clamp(0.0, 1.0)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        return self.low + (self.high - self.low) * torch.rand(n, generator=rng, dtype=torch.float64)


@dataclass(frozen=True)
class Mixture(Density):
    """The density sum_i weights[i] * parts[i]. Raises ValueError unless the weights are positive and sum to 1."""

    weights: Sequence[float]
    parts: Sequence[Density]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.weights)} weights for {len(self.parts)} parts: give one weight a part")
        if min(self.weights) <= 0 or not math.isclose(sum(self.weights), 1.0, abs_tol=1e-9):
            raise ValueError(f"weights must be positive and sum to 1, got {list(self.weights)}")

    def __call__(self, x: Tensor) -> Tensor:
        return torch.stack([w * part(x) for w, part in zip(self.weights, self.parts, strict=True)]).sum(0)

    def cdf(self, x: Tensor) -> Tensor:
        return torch.stack([w * part.cdf(x) for w, part in zip(self.weights, self.parts, strict=True)]).sum(0)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        weights = torch.tensor(list(self.weights), dtype=torch.float64)
        which = torch.multinomial(weights, n, replacement=True, generator=rng)
        draws = torch.stack([part.sample(n, rng) for part in self.parts])
        return draws[which, torch.arange(n)]


def push_forward(p_z: Density, generator: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """Change of variables for a strictly monotone G: the density of x = G(z), as the points (G(z), p_z(z) /
    |G'(z)|).

    z (N,) increasing, float64. Returns x (N,) and p_g(x) (N,); x is not equally spaced. G' is taken by
    autograd, so G must be made of torch operations that act on each element alone. Raises ValueError where G
    is not monotone on z, because several z then share one x and their densities add up.
    """
    points = z.detach().clone().requires_grad_(True)
    x = generator(points)
    (slope,) = torch.autograd.grad(x.sum(), points)
    if not (bool((slope > 0).all()) or bool((slope < 0).all())):
        turn = float(points[(slope * slope.sum().sign()) <= 0][0].detach())
        raise ValueError(f"G is not strictly monotone: its slope vanishes or changes sign near z = {turn:.3g}")
    return x.detach(), p_z(z) / slope.abs()


# ------------------------------------------------------------------------- the game and its closed forms


def optimal_discriminator(p: Tensor, p_g: Tensor) -> Tensor:
    """D*_G(x) = p(x) / (p(x) + p_g(x)) for the densities of data and generator ([G14] proposition 1, eq. 2).

    p, p_g: their values at the same points, (N,); so is the result. NaN where both densities are 0: there D* is not
    defined, since no sample ever falls there.
    """
    return p / (p + p_g)


def _expectation(p: Tensor, log_d: Tensor, visible: Tensor, x: Tensor) -> Tensor:
    """Integral of p * log_d over the cells where p is visible; elsewhere 0 * log 0 = 0 is meant, not NaN."""
    zero = torch.zeros((), dtype=p.dtype)
    return integrate(torch.where(visible, p, zero) * torch.where(visible, log_d, zero), x)


def value(p: Tensor, p_g: Tensor, d: Tensor, x: Tensor) -> Tensor:
    """V(D, G) = E_p[log D(x)] + E_p_g[log(1 - D(x))] by quadrature ([G14] eq. 1); natural logarithms, never
    positive.

    p, p_g, d (N,) are the two densities and D on the grid x. Cells in which one density is less than 2**-53 of
    the other are left out of that density's integral: D* itself rounds to 0 or 1 there. Minus infinity where
    D is certain and wrong.
    """
    with_p, with_p_g = p > _INVISIBLE * p_g, p_g > _INVISIBLE * p
    return _expectation(p, torch.log(d), with_p, x) + _expectation(p_g, torch.log1p(-d), with_p_g, x)


def kl(p: Tensor, q: Tensor, x: Tensor) -> Tensor:
    """KL(p || q) = integral of p log(p / q), in nats; infinity where p has mass and q has none.

    p, q: (N,) values on the grid x (N,); the result is a scalar tensor.
    """
    has_mass = p > 0
    safe_p = torch.where(has_mass, p, torch.ones_like(p))
    safe_q = torch.where(has_mass, q, torch.ones_like(q))
    return integrate(torch.where(has_mass, p, torch.zeros_like(p)) * (safe_p.log() - safe_q.log()), x)


def jsd(p: Tensor, q: Tensor, x: Tensor) -> Tensor:
    """Jensen-Shannon divergence, KL(p || m)/2 + KL(q || m)/2 with m = (p + q)/2; a scalar, nats, in [0, log 2]."""
    m = (p + q) / 2
    return ((kl(p, m, x) + kl(q, m, x)) / 2).clamp(min=0) + 0.0  # rounding may leave -1e-9, which prints as -0.000


def criterion(p: Tensor, p_g: Tensor, x: Tensor) -> Tensor:
    """C(G) = max_D V(D, G) = -log 4 + 2 JSD(p || p_g) ([G14] theorem 1, eq. 6); a scalar in [-log 4, 0]."""
    return -LOG4 + 2 * jsd(p, p_g, x)


def wasserstein_1d(p: Tensor, q: Tensor, x: Tensor) -> Tensor:
    """The Wasserstein-1 distance on the line, a scalar: the integral of |F_p - F_q|, the distance of the two cdfs."""
    difference = torch.cumsum(p - q, 0) * (x[1] - x[0])
    return integrate(difference.abs(), x)


# --------------------------------------------------------------------------- the generator's two losses


def saturating_gradient(logit: Tensor) -> Tensor:
    """d/ds log(1 - sigmoid(s)) = -sigmoid(s): the minimax loss seen from D's logits s, any shape, on fakes."""
    return -torch.sigmoid(logit)


def non_saturating_gradient(logit: Tensor) -> Tensor:
    """d/ds (-log sigmoid(s)) = -(1 - sigmoid(s)), any shape: the loss of G in practice ([G14] section 3)."""
    return -torch.sigmoid(-logit)


def gradient_ratio(logit: Tensor) -> Tensor:
    """Non-saturating over saturating gradient, (1 - D)/D = exp(-s), any shape: unbounded as D -> 0, 1 at D = 1/2."""
    return torch.exp(-logit)


def generator_gradients(p: Density, p_g: Callable[[Tensor], Density], theta: float, x: Tensor) -> tuple[float, float]:
    """The two gradients that a one-parameter generator with density p_g(theta) receives through its optimal D*,
    fixed.

    x: the grid (N,). Returns (saturating, non-saturating): the derivatives at theta of E_{p_g(theta)}[log(1 - D*)] and
    of E_{p_g(theta)}[-log D*], where D* belongs to the given theta and is *not* differentiated. The first equals
    d/dtheta 2 JSD(p || p_g), the second d/dtheta (KL(p_g || p) - 2 JSD(p || p_g)) ([AB17] theorem 2.5).
    """
    t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    density = p_g(t)(x)  # type: ignore[arg-type]
    fixed = density.detach()
    data = p(x)
    total = data + fixed
    both = (data > 0) & (fixed > 0)
    one = torch.ones_like(x)
    log_d = torch.log(torch.where(both, data / total, one))  # cells without either density do not count
    log_not_d = torch.log(torch.where(both, fixed / total, one))
    (saturating,) = torch.autograd.grad(integrate(density * log_not_d, x), t, retain_graph=True)
    (non_saturating,) = torch.autograd.grad(integrate(-density * log_d, x), t)
    return saturating.item(), non_saturating.item()


# ------------------------------------------------------------------------------ missing modes, counted


def jsd_of_missing_modes(modes: int, covered: int) -> float:
    """JSD of `modes` equal, disjoint modes and a generator spread evenly over `covered` of them; nats.

    Raises ValueError for a `covered` outside 1 to `modes`.
    """
    if not 1 <= covered <= modes:
        raise ValueError(f"covered must lie between 1 and {modes}, got {covered}")
    p, q = 1 / modes, 1 / covered
    m = (p + q) / 2
    kl_p = (modes - covered) * p * LOG2 + covered * p * math.log(p / m)
    return (kl_p + covered * q * math.log(q / m)) / 2
