"""A StyleGAN seen from w: a generator whose z is w, made standard normal; so that all of `latent` can work with it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.latent.generating import LatentError, checked
from gancourse.latent.geometry import sample
from gancourse.models.base import Generator, eval_mode
from gancourse.models.stylegan import SLOPE, EachLayer, StyleGenerator

_BATCH = 256
_LEAST = 1e-3  # standard deviation along which w hardly moves, as a share of the largest


class FromW(Generator):
    """u (B, d) -> images (B, C, H, W): w = LeakyReLU(mean + A u), the same for all layers, then G's synthesis.

    With A as `from_w` finds it u is about N(0, I) for w of z ~ N(0, I). d is the number of z, and of w. The network
    shares G's weights. .net: u -> w before its last LeakyReLU, that, `EachLayer`, the synthesis.
    """

    def __init__(self, G: StyleGenerator, mean: Tensor, scaled: Tensor) -> None:
        super().__init__()
        self.z_size, self.image_shape, self.options = len(mean), G.image_shape, G.options
        linear = nn.Linear(len(mean), len(mean))
        linear.weight.data, linear.bias.data = scaled.clone(), mean.clone()
        self.net = nn.Sequential(
            linear.requires_grad_(False), nn.LeakyReLU(SLOPE), EachLayer(G.synthesis.n_styles), G.synthesis
        )

    def w(self, u: Tensor) -> Tensor:
        """w (B, d) of u (B, d)."""
        w: Tensor = self.net[1](self.net[0](u))
        return w

    def u(self, w: Tensor) -> Tensor:
        """u (B, d) of w (B, d): the other way round."""
        linear = self.net[0]
        assert isinstance(linear, nn.Linear)
        return torch.linalg.solve(linear.weight, (F.leaky_relu(w, 1 / SLOPE) - linear.bias).t()).t()


@torch.no_grad()
def generate_w(G: Generator, w: Tensor) -> Tensor:
    """Images of w (B, w_size), or of one w a layer (B, n_styles, w_size): as `generate` gives those of z.

    Raises LatentError for w of another shape, another G, and images that are not finite.
    """
    if not isinstance(G, StyleGenerator):
        raise LatentError(f"G is a {type(G).__name__}, which has no w; expected a StyleGenerator.")
    d, n = G.z_size, G.synthesis.n_styles
    if tuple(w.shape[1:]) not in ((d,), (n, d)) or not len(w):
        raise LatentError(f"w has shape {tuple(w.shape)}, expected (B, {d}) or (B, {n}, {d}).")
    with eval_mode(G):
        return torch.cat([checked(G.synthesis(part), len(part)) for part in w.split(_BATCH)])


@torch.no_grad()
def from_w(G: StyleGenerator, n: int = 10_000, seed: int = 0) -> FromW:
    """G as a function of a standardised w (Zhu et al. 2020, "Improved StyleGAN embedding", section 3.2, P_N).

    The last LeakyReLU of the mapping is undone, which leaves numbers that are nearly normal; mean and covariance of n
    of them, of z from seed, give the linear map, its columns by falling variance. So `invert(from_w(G), x)` seeks x's w
    among likely ones, `principal_directions` finds those of w, and `sample` draws w. Raises LatentError for another G.
    """
    if not isinstance(G, StyleGenerator):
        raise LatentError(f"G is a {type(G).__name__}, which has no w; expected a StyleGenerator.")
    with eval_mode(G):
        w = G.mapping(sample(n, G.z_size, seed).to(next(G.parameters()).device))
    p = F.leaky_relu(w, 1 / SLOPE).double()
    values, columns = torch.linalg.eigh(p.t().cov())
    spread = values.clamp(min=0).sqrt()
    spread = spread.clamp(min=_LEAST * float(spread.max()))
    scaled = (columns * spread).flip(1)
    return FromW(G, p.mean(0).float(), scaled.float())
