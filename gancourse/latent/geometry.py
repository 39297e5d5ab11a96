"""The geometry of z: where a standard normal in many dimensions lives, and how to walk there."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.models.base import Z_SIZE
from gancourse.seeds import random_numbers

Interpolation = Callable[[Tensor, Tensor, "Tensor | float"], Tensor]
_PARALLEL = (
    1e-6  # sine of an angle below which the great circle through two directions is not defined by rounded numbers
)


def sample(n: int, z_size: int = Z_SIZE, seed: int = 0) -> Tensor:
    """n draws of z ~ N(0, I), shape (n, z_size). The same seed gives the same z on every machine.

    Raises ValueError for a seed that is no whole number from 0 to 2**63 - 1.
    """
    return torch.randn(n, z_size, generator=random_numbers(seed))


def norms(z: Tensor) -> Tensor:
    """Euclidean length of each z, (..., z_size) -> (...)."""
    return torch.linalg.vector_norm(z, dim=-1)


def shell(z_size: int = Z_SIZE) -> tuple[float, float]:
    """Mean and standard deviation of |z| for z ~ N(0, I): those of the chi distribution.

    Mean sqrt(2) Gamma((d+1)/2) / Gamma(d/2), about sqrt(d - 1/2); the variance d - mean^2 is about 1/2 in any number
    of dimensions. Raises ValueError for d < 1.
    """
    if z_size < 1:
        raise ValueError(f"z_size is {z_size}, expected at least 1")
    mean = math.sqrt(2) * math.exp(math.lgamma((z_size + 1) / 2) - math.lgamma(z_size / 2))
    return mean, math.sqrt(z_size - mean * mean)


def lerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """The straight line from a (t = 0) to b (t = 1): (1 - t) a + t b, both ends exact.

    a, b: (..., d), broadcast. t: a number, or (T,) for T points, which become the second last axis: (..., T, d).
    """
    a, b, t = _aligned(a, b, t)
    return torch.where(t < 0.5, a + t * (b - a), b - (1 - t) * (b - a))


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """The great circle from a (t = 0) to b (t = 1): the direction turns evenly, the length changes evenly.

    For a and b of equal length this is sin((1-t) w)/sin(w) a + sin(t w)/sin(w) b with the angle w between them
    (Shoemake, 1985, section 3.3; for latent vectors White, 2016), which keeps that length. Both ends are exact.
    Parallel vectors, or a zero vector, give the straight line. Opposite vectors lie on no single great circle: one
    is chosen, always the same. Shapes as in `lerp`, a and b (..., d). Computed in float64, returned in a's type.
    """
    a, b, t = _aligned(a, b, t)
    kind = a.dtype
    first, last, t = a.double(), b.double(), t.double()
    length_a, length_b = norms(first)[..., None], norms(last)[..., None]
    tiny = torch.finfo(torch.float64).tiny
    u, v = first / length_a.clamp(min=tiny), last / length_b.clamp(min=tiny)
    cosine = (u * v).sum(-1, keepdim=True)
    across = v - cosine * u
    sine = norms(across)[..., None]
    opposite = (sine < _PARALLEL) & (cosine < 0)
    across = torch.where(opposite, _perpendicular(u), across / sine.clamp(min=tiny))
    angle = torch.where(opposite, torch.full_like(sine, math.pi), torch.atan2(sine, cosine))
    turned = torch.cos(t * angle) * u + torch.sin(t * angle) * across
    path = (length_a + t * (length_b - length_a)) * turned
    straight = ((sine < _PARALLEL) & (cosine > 0)) | (length_a == 0) | (length_b == 0)
    path = torch.where(straight, first + t * (last - first), path).to(kind)
    return torch.where(t <= 0, a, torch.where(t >= 1, b, path)) if bool(((t >= 0) & (t <= 1)).all()) else path


def _aligned(a: Tensor, b: Tensor, t: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"a has {a.shape[-1]} numbers and b {b.shape[-1]}: they are not from the same latent space")
    a, b = torch.broadcast_tensors(a, b)
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    if t.ndim == 0:
        return a, b, t
    return a[..., None, :], b[..., None, :], t[:, None]


def _perpendicular(u: Tensor) -> Tensor:
    """A unit vector at right angles to each unit vector u: the coordinate axis that u uses least, made orthogonal."""
    axis = torch.zeros_like(u).scatter_(-1, u.abs().argmin(-1, keepdim=True), 1.0)
    side = axis - (axis * u).sum(-1, keepdim=True) * u
    return side / norms(side)[..., None].clamp(min=torch.finfo(u.dtype).tiny)


def path(points: Tensor, steps: int, how: Interpolation = slerp) -> Tensor:
    """From each z to the next: points (P, d) -> ((P - 1) * steps + 1, d), `steps` of them from one point to the next.

    how: `slerp` or `lerp`. Raises ValueError for fewer than two points or no steps.
    """
    if len(points) < 2 or steps < 1:
        raise ValueError(f"{len(points)} points and {steps} steps, expected at least 2 and 1")
    t = torch.linspace(0, 1, steps + 1, dtype=points.dtype)[:-1]
    return torch.cat([how(points[:-1], points[1:], t).flatten(0, 1), points[-1:]])


def loop(points: Tensor, steps: int, how: Interpolation = slerp) -> Tensor:
    """Through all points (P, d) and back to the first, which is not repeated: (P * steps, d), for a film that loops."""
    return path(torch.cat([points, points[:1]]), steps, how)[:-1]


def blend(corners: Tensor, across: Tensor | float, down: Tensor | float) -> Tensor:
    """Between four z, by `slerp`: corners (4, d), top left, top right, bottom left, bottom right, at (across, down).

    across, down: numbers in [0, 1] -> (d,), or (N,) both -> (N, d). Each corner is met exactly.
    Raises ValueError for corners of another shape.
    """
    if corners.ndim != 2 or len(corners) != 4:
        raise ValueError(f"corners have shape {tuple(corners.shape)}, expected (4, z_size)")
    x = torch.as_tensor(across, dtype=corners.dtype)
    y = torch.as_tensor(down, dtype=corners.dtype)
    top, bottom = slerp(corners[0], corners[1], x.reshape(-1)), slerp(corners[2], corners[3], x.reshape(-1))
    rows = [slerp(a, b, t) for a, b, t in zip(top, bottom, y.reshape(-1), strict=True)]
    return torch.stack(rows) if x.ndim else rows[0]


def arithmetic(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """mean(a) - mean(b) + mean(c), shape (d,): DCGAN's vector arithmetic (Radford et al., 2016, section 6.3.2).

    a, b, c: (n, d) each, or (d,) for a single z. With three z in each mean, as there, every number of the result has
    variance 3 * 1/3 = 1: it lies on the shell where G was trained.
    """
    means = [x.reshape(-1, x.shape[-1]).mean(0) for x in (a, b, c)]
    return means[0] - means[1] + means[2]


def truncate(z: Tensor, threshold: float) -> Tensor:
    """z ~ N(0, I) -> the normal distribution cut off at -threshold and threshold, number by number.

    BigGAN (Brock et al., 2019, section 3.1) draws numbers beyond the threshold again. Here each number keeps its
    rank instead, so that the same z moves continuously as the threshold does. infinity changes nothing.
    Raises ValueError unless threshold > 0.
    """
    if not threshold > 0:
        raise ValueError(f"threshold is {threshold}, expected a positive number")
    if math.isinf(threshold):
        return z
    below = torch.special.ndtr(torch.tensor(-threshold, dtype=torch.float64))
    # The lower half alone: there, probabilities are small numbers, and small numbers keep their digits
    rank = below + (1 - 2 * below) * torch.special.ndtr(-z.double().abs())
    return (-torch.special.ndtri(rank) * z.sign()).to(z.dtype)
