"""How steep a critic is: the largest slope that a search finds, and the most that its layers allow.

A critic s is L-Lipschitz where |s(x) - s(y)| <= L |x - y| for all x, y; E s(x) - E s(y) over L is then at most W1. What
the constraints in use really bound:

clipping        every weight, and through it each layer's spectral norm: `clipping_bound`. The largest slope allowed is
                the product over the layers, far below 1 or far above, as the clip and the widths have it.
penalty         nothing. It asks for slope 1 at random points between the samples, at a price: `penalised_slope`.
spectral norm   each layer's norm by 1, and so the product: `slope_bound` is 1 (for Linear layers). The slope itself
                is at most that, and for ReLU layers usually less.
R1              nothing. It charges for slope at the data, and nowhere else.

Sources: [ACB17] Arjovsky, Chintala and Bottou 2017 (clipping); [G17] Gulrajani et al. 2017 (penalty); [M18] Miyato et
al. 2018, section 2.1 (the product of norms); [MGN18] Mescheder et al. 2018 (R1).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

STARTS, TRIES, ROUNDS = 64, 4, 25  # of the search: points kept, new points tried from each, times


@dataclass(frozen=True)
class Slope:
    """What the search found. largest: the steepest of all, a lower bound of the true one. at: the point, (d,) or an
    image's shape. data, between, around: the largest at points of that kind before the search went on from them.
    secant: the largest |s(x) - s(y)| / |x - y| of a pair of the two samples.
    """

    largest: float
    at: Tensor
    data: float
    between: float
    around: float
    secant: float


def frozen_copy(critic: nn.Module) -> nn.Module:
    """A copy in float64 and eval mode: measuring it changes nothing in the critic, not even a power iteration."""
    return copy.deepcopy(critic).double().eval().requires_grad_(False)


def gradient_norms(critic: nn.Module, x: Tensor) -> Tensor:
    """|grad_x s(x)|, Euclidean, at each point x (B, ...): (B,). Each of the critic's outputs (B,) has its own point."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x)
    return gradient.flatten(1).norm(dim=1)


@torch.no_grad()
def largest_secant(critic: nn.Module, x: Tensor, y: Tensor) -> float:
    """The largest |s(x_i) - s(y_j)| / |x_i - y_j| over all pairs of x (n, ...) and y (m, ...), equal points aside.

    (E s(x) - E s(y)) / this is at most W1(x, y) whatever s is: a coupling moves only between such pairs.
    """
    far = torch.cdist(x.flatten(1), y.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    rise = (critic(x)[:, None] - critic(y)[None, :]).abs()
    return torch.where(far > 0, rise / far, torch.zeros_like(far)).max().item()


def largest_slope(critic: nn.Module, x: Tensor, y: Tensor, seed: int = 0) -> Slope:
    """Search for the point where the critic is steepest; x (n, ...) and y (m, ...) are its two samples.

    Gradient norms at the samples, at random points between them and around them; then, from the steepest STARTS of
    them, ROUNDS times a step up the gradient of |grad s| and TRIES random steps, ever smaller, each kept where it is
    steeper. (A critic of ReLUs is flat pieces side by side: there |grad s| has no gradient, and the random steps do the
    work.) On a float64 copy in eval mode. Raises ValueError for an empty sample or samples of two shapes.
    """
    if not len(x) or not len(y) or x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and y {tuple(y.shape)}, expected (n, ...) and (m, ...) in one space, "
            "with at least one point each"
        )
    critic, x, y = frozen_copy(critic), x.detach().double(), y.detach().double()
    rng = torch.Generator().manual_seed(seed)

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=rng, dtype=torch.float64).to(like.device)

    data = torch.cat([x, y])
    spread = data.flatten(1).std(0, unbiased=False).square().mean().sqrt().item() or 1.0
    n = min(len(x), len(y))
    t = torch.rand(n, *[1] * (x.ndim - 1), generator=rng, dtype=torch.float64).to(x.device)
    between = x[:n] + t * (y[:n] - x[:n])
    starts = {"data": data, "between": between, "around": data + spread * noise(data)}
    norms = {kind: gradient_norms(critic, points) for kind, points in starts.items()}
    every, all_norms = torch.cat(list(starts.values())), torch.cat(list(norms.values()))
    best, top = all_norms.topk(min(STARTS, len(all_norms)))
    points = every[top]
    for i in range(ROUNDS):
        size = spread * 0.75**i
        tries = [points + size * noise(points) for _ in range(TRIES)] + [points + size * _uphill(critic, points)]
        steep = torch.stack([best, *(gradient_norms(critic, p) for p in tries)])
        best, which = steep.max(0)
        points = torch.stack([points, *tries])[which, torch.arange(len(points), device=which.device)]
    secant, winner = largest_secant(critic, x, y), int(best.argmax())
    found = {kind: value.max().item() for kind, value in norms.items()}
    return Slope(max(best[winner].item(), secant), points[winner], **found, secant=secant)


def _uphill(critic: nn.Module, x: Tensor) -> Tensor:
    """The directions, of length 1 each, in which |grad s| grows fastest; 0 where it does not change. Shape of x."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    norm = gradient.flatten(1).square().sum(1)
    if not norm.requires_grad:
        return torch.zeros_like(x)
    (up,) = torch.autograd.grad(norm.sum(), x, allow_unused=True)
    return torch.zeros_like(x) if up is None else nn.functional.normalize(up.flatten(1), dim=1).view_as(x)


# ---------------------------------------------------------------------------------------- what layers allow

#: the largest slope of activations; those of a LeakyReLU and an ELU follow from their settings
_ACTIVATIONS: dict[type[nn.Module], float] = {
    **dict.fromkeys((nn.ReLU, nn.Tanh, nn.Softplus, nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout), 1.0),
    nn.Sigmoid: 0.25,
}


def layer_slopes(critic: nn.Module, like: Tensor) -> list[tuple[str, float]]:
    """Name and largest slope of each layer that a forward pass of `like` (B, ...) runs, in order ([M18] section 2.1).

    A Linear: its spectral norm, exactly. A (transposed) convolution: the norm of the convolution itself, by power
    iteration, from below; that of the kernel as a matrix, which spectral normalisation divides by, is another number.
    BatchNorm as in eval mode: in train mode a batch has no slope of single points.
    Raises ValueError for a layer whose slope is not known here.
    """
    critic, inputs = frozen_copy(critic), []
    names = {layer: name for name, layer in critic.named_modules() if _is_layer(name, layer)}

    def saw(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        inputs.append((names[layer], layer, given[0][:1]))

    hooks = [layer.register_forward_hook(saw) for layer in names]
    with torch.no_grad():
        critic(like.detach().double())
    for hook in hooks:  # the layers run again below
        hook.remove()
    return [(f"{name or 'critic'} {type(layer).__name__}", _slope(layer, name, x)) for name, layer, x in inputs]


def slope_bound(critic: nn.Module, like: Tensor) -> float:
    """The largest slope that the layers allow: the product of `layer_slopes`, for layers that stand in a chain.

    like (B, ...) is any input. No slope of the critic, anywhere, is larger, unless its forward does more than run its
    layers one after the other. Raises ValueError as `layer_slopes` does.
    """
    return math.prod(slope for _, slope in layer_slopes(critic, like))


def _is_layer(name: str, module: nn.Module) -> bool:
    """Whether a module is one layer: it holds no others, but for what computes its weight."""
    computes = "parametrizations"
    return computes not in name.split(".") and not [part for part, _ in module.named_children() if part != computes]


def _slope(layer: nn.Module, name: str, x: Tensor) -> float:
    if isinstance(layer, nn.Linear):
        return torch.linalg.matrix_norm(layer.weight, 2).item()
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return _operator_norm(layer, x)
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.running_var is not None:
        scale = 1.0 if layer.weight is None else layer.weight.abs()
        return torch.as_tensor(scale / (layer.running_var + layer.eps).sqrt()).max().item()
    if isinstance(layer, nn.LeakyReLU):
        return max(1.0, abs(layer.negative_slope))
    for kind, slope in _ACTIVATIONS.items():
        if isinstance(layer, kind):
            return slope
    known = ", ".join(
        ["Linear", "Conv2d", "ConvTranspose2d", "BatchNorm", "LeakyReLU", *(k.__name__ for k in _ACTIVATIONS)]
    )
    raise ValueError(f"layer {name!r} is a {type(layer).__name__}, whose slope is not known here; known are {known}")


def _operator_norm(layer: nn.Module, x: Tensor, rounds: int = 100) -> float:
    """The norm of an affine layer on inputs like x (1, ...): power iteration on its linear part."""
    rng = torch.Generator().manual_seed(0)
    v = torch.randn(x.shape, generator=rng, dtype=x.dtype).to(x.device)
    zero = layer(torch.zeros_like(v))
    norm = 0.0
    for _ in range(rounds):
        v = (v / v.norm()).requires_grad_()
        image = layer(v) - zero
        norm = image.norm().item()
        if norm == 0:
            return 0.0
        (v,) = torch.autograd.grad(image.square().sum() / 2, v)
    return norm


# -------------------------------------------------------------------------------- what a constraint promises


def clipping_bound(critic: nn.Module, clip: float) -> float:
    """The largest slope of a critic of Linear layers in a chain whose weights all lie in [-clip, clip] ([ACB17]).

    A matrix (out, in) of such entries has a spectral norm of at most clip sqrt(out in), and reaches it where all are
    equal: the bound is the product over the layers. Raises ValueError for a clip that is not positive, and for a critic
    without a Linear layer or with a convolution.
    """
    if not (clip > 0 and math.isfinite(clip)):
        raise ValueError(f"clip is {clip}, expected a number above 0, such as 0.01")
    layers: list[Any] = [layer for layer in critic.modules() if isinstance(layer, nn.Linear)]
    if not layers or any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in critic.modules()):
        raise ValueError(f"{type(critic).__name__} is no chain of Linear layers; slope_bound measures other critics")
    return math.prod(clip * math.sqrt(layer.in_features * layer.out_features) for layer in layers)


def penalised_slope(w1: float, weight: float) -> float:
    """The slope that a critic with a gradient penalty likes best, 1 + W1 / (2 weight); ours, from [G17] eq. 3.

    A critic of slope L along all transport gains L W1 and pays weight (L - 1)^2: the best L is above 1, and its
    estimate L W1 above W1, the more so the smaller the weight (and the larger the distance: the penalty has a unit).
    Raises ValueError for a weight that is not positive.
    """
    if not weight > 0:
        raise ValueError(f"weight is {weight}, expected a number above 0: without a price the slope has no bound")
    return 1 + w1 / (2 * weight)
