"""Directions that mean something: the strongest of G's first layer, an attribute's, and those in a chosen layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.latent.generating import LatentError, z_size
from gancourse.latent.geometry import norms
from gancourse.models.base import Generator, eval_mode

_FEW = 1e-12
_BATCH = 256  # z per pass


class Directions(NamedTuple):
    """vectors (k, z_size): unit vectors, at right angles to one another, the strongest first.

    strengths (k,): standard deviation of the first layer's output along each, for z ~ N(0, I).
    share (k,): of that output's variance, in [0, 1].
    """

    vectors: Tensor
    strengths: Tensor
    share: Tensor


def principal_directions(G: nn.Module, k: int = 10) -> Directions:
    """The k directions in z that change the output of G's first layer most.

    GANSpace (Härkönen et al., 2020, section 2.1) draws many z, applies PCA to the activations of an early layer, and
    carries the components back to z by regression. A first layer is linear, y = W z + b, and z ~ N(0, I) has covariance
    I, so nothing has to be drawn: y has covariance W W', whose eigenvectors, carried back to z, are the right singular
    vectors of W, and its eigenvalues the squares of W's singular values.

    First layers that are known: Linear, and a ConvTranspose2d from 1 x 1. BatchNorm behind it is folded in as it acts
    in eval mode. The sign is chosen so that the largest number of each vector is positive.
    Raises LatentError for another first layer, or for k outside 1 to z_size.
    """
    d = z_size(G)
    if not 1 <= k <= d:
        raise LatentError(f"k is {k}, expected 1 to z_size, {d}.")
    w = first_layer(G).double()
    if not bool(w.isfinite().all()):
        raise LatentError("the weights of G's first layer are not finite: training broke. Load another checkpoint.")
    values, columns = torch.linalg.eigh(w.t() @ w)  # z_size x z_size: W itself may have 16,384 rows
    strengths, vectors = values.flip(0).clamp(min=0).sqrt(), columns.flip(1).t()
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    vectors = vectors * largest.sign()
    share = strengths.square() / strengths.square().sum().clamp(min=_FEW)
    return Directions(vectors[:k].float(), strengths[:k].float(), share[:k].float())


def first_layer(G: nn.Module) -> Tensor:
    """The matrix W (outputs, z_size) of G's first layer, BatchNorm behind it included. Raises LatentError."""
    d = z_size(G)
    layers = [layer for layer in G.modules() if next(layer.children(), None) is None]
    weights = [i for i, layer in enumerate(layers) if next(layer.parameters(), None) is not None]
    layer = layers[weights[0]] if weights else None
    if isinstance(layer, nn.Linear) and layer.in_features == d:
        w = layer.weight.detach()
    elif isinstance(layer, nn.ConvTranspose2d) and layer.in_channels == d and layer.groups == 1:
        w = layer.weight.detach().flatten(1).t()
    else:
        raise LatentError(
            f"G's first layer with weights is {layer}, expected Linear({d}, ...) or ConvTranspose2d({d}, ...)."
        )
    after = layers[weights[0] + 1] if weights[0] + 1 < len(layers) else None
    if isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d) and after.running_var is not None:
        scale = (after.running_var + after.eps).rsqrt()
        if after.affine:
            scale = scale * after.weight.detach()
        w = w * scale.repeat_interleave(len(w) // len(scale))[:, None]
    return w.cpu()


def along(z: Tensor, direction: Tensor, amounts: Tensor) -> Tensor:
    """z (d,) moved along a direction (d,) by each of the amounts (T,): (T, d). A unit of a unit vector is one standard
    deviation of z along it."""
    return z + amounts[:, None] * direction


# ------------------------------------------------------------------------------------------------ attributes


def thickness(x: Tensor) -> Tensor:
    """Width of the strokes in pixels, (B, 1, H, W) in [-1, 1] -> (B,): twice the ink, over the length of its edge.

    A stroke of width w and length l has ink w l and an edge of about 2 l. 0 for an empty image.
    """
    ink = (x[:, 0] + 1) / 2
    padded = torch.nn.functional.pad(ink, (1, 1, 1, 1))
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    steep = across.square() + down.square()
    some = steep > 0  # where nothing changes, the root's own slope is infinite: autograd must not meet it
    edge = torch.where(some, torch.where(some, steep, 1.0).sqrt(), 0.0).sum((1, 2)) / 2
    return 2 * ink.sum((1, 2)) / edge.clamp(min=1e-3)


def slant(x: Tensor) -> Tensor:
    """Lean to the right in degrees, (B, 1, H, W) in [-1, 1] -> (B,), from the ink's second moments; 0 for no ink.

    An upright stroke that is sheared by tan(angle) has that ratio of covariance to vertical variance; so Morpho-MNIST
    (Castro et al., 2019, section 3.2) measures it.
    """
    ink = (x[:, 0].double() + 1) / 2
    rows = torch.arange(ink.shape[1], dtype=ink.dtype)
    columns = torch.arange(ink.shape[2], dtype=ink.dtype)
    total = ink.sum((1, 2)).clamp(min=_FEW)
    by_row, by_column = ink.sum(2), ink.sum(1)
    middle_y, middle_x = (by_row @ rows) / total, (by_column @ columns) / total
    dy, dx = rows - middle_y[:, None], columns - middle_x[:, None]
    vertical = (by_row * dy.square()).sum(1)
    covariance = torch.einsum("bij,bi,bj->b", ink, dy, dx)
    return torch.rad2deg(torch.atan2(-covariance, vertical.clamp(min=_FEW))).float()


def digit_logit(digit: int) -> Callable[[Tensor], Tensor]:
    """The attribute "is this digit": log-odds of the course's classifier, images (B, 1, 28, 28) -> (B,).

    Raises ValueError for a digit outside 0 to 9.
    """
    from gancourse.evaluation import classifier

    if digit not in range(10):
        raise ValueError(f"digit is {digit}, expected 0 to 9")

    def logit(x: Tensor) -> Tensor:
        logits = classifier()(x)
        others = logits[:, [i for i in range(10) if i != digit]].logsumexp(1)
        return logits[:, digit] - others

    return logit


class AttributeDirection(NamedTuple):
    """direction (z_size,): a unit vector along which the attribute grows fastest, on average over z.

    slope: the attribute's change for one unit along it. r2: the share of the attribute's variance (within the groups,
    where there are any) that a linear function of z explains, on z that it was not fitted to; below 0 for none.
    """

    direction: Tensor
    slope: float
    r2: float


def attribute_direction(z: Tensor, values: Tensor, groups: Tensor | None = None) -> AttributeDirection:
    """The direction in z that changes an attribute of G's images, by least squares.

    z: (n, d), drawn from N(0, I). values: (n,), the attribute of their images: `thickness(x)`, `slant(x)`,
        `digit_logit(3)(x)`, or your own.
    groups: (n,) integers, for one the digit by a classifier: then only differences within a group count, so that
        "thicker" does not come to mean "less often a 1".
    Three quarters of the z are fitted, the others judge the fit. Raises LatentError where fitted z are fewer than 2 d,
    shapes do not agree, or the attribute is the same for all.
    """
    n, d = z.shape
    fitted = 3 * n // 4
    if fitted < 2 * d:
        raise LatentError(f"there are {n} z, expected at least {math.ceil(8 * d / 3)}: {d} numbers have to be fitted.")
    y = values.detach().cpu().double()
    labels = torch.zeros(n, dtype=torch.long) if groups is None else groups.detach().cpu().long()
    if tuple(y.shape) != (n,) or tuple(labels.shape) != (n,) or not bool(y.isfinite().all()):
        raise LatentError(f"values have shape {tuple(y.shape)}, expected {n} finite numbers, one for each z.")
    y = _within(y, labels)
    inputs = torch.cat([z.detach().cpu().double(), torch.ones(n, 1, dtype=torch.float64)], 1)
    weights = torch.linalg.lstsq(inputs[:fitted], y[:fitted, None]).solution[:, 0]
    slope = float(norms(weights[:d]))
    held_out = y[fitted:]
    variance = float(held_out.var(correction=0))
    if variance < _FEW or slope < _FEW:
        raise LatentError("the attribute is the same for all images: nothing in z changes it.")
    errors = (inputs[fitted:] @ weights - held_out).square().mean()
    return AttributeDirection((weights[:d] / slope).float(), slope, 1 - float(errors) / variance)


def attribute_gradient(G: nn.Module, z: Tensor, attribute: Callable[[Tensor], Tensor]) -> Tensor:
    """The gradient of an attribute of G's images with respect to each z: (n, z_size) -> (n, z_size).

    attribute: images (B, C, H, W) -> (B,), differentiable: `digit_logit(3)`, `thickness`, or your own. G runs in eval
    mode, and its weights get no gradients. For z ~ N(0, I) Stein's identity holds, E[grad f(z)] = E[z f(z)]: the mean
    of these gradients is the direction that `attribute_direction` fits.
    Raises LatentError for z of another shape, an attribute that is no differentiable number an image, or gradients that
    are not finite.
    """
    if z.ndim != 2 or z.shape[1] != z_size(G) or not len(z):
        raise LatentError(f"z has shape {tuple(z.shape)}, expected (n, {z_size(G)}) with n of at least 1.")
    found = []
    with eval_mode(G), torch.enable_grad():
        for part in z.detach().split(_BATCH):
            at = part.clone().requires_grad_()
            values = attribute(G(at))
            if tuple(values.shape) != (len(part),) or not values.requires_grad:
                raise LatentError(
                    f"the attribute gave shape {tuple(values.shape)} for {len(part)} images"
                    f"{'' if values.requires_grad else ', cut off from z (no_grad or detach?)'}; "
                    f"expected ({len(part)},), differentiable."
                )
            found.append(torch.autograd.grad(values.sum(), at)[0])
    gradient = torch.cat(found)
    if not bool(gradient.isfinite().all()):
        raise LatentError("the attribute's gradient is not finite: is there a root or a logarithm of 0 in it?")
    return gradient


def _within(y: Tensor, labels: Tensor) -> Tensor:
    """y minus the mean of its group."""
    counts = torch.bincount(labels).clamp(min=1)
    sums = torch.zeros(len(counts), dtype=y.dtype).index_add_(0, labels, y)
    return y - (sums / counts)[labels]


# ------------------------------------------------------------------------------------------------ chosen layers


@torch.no_grad()
def activations(G: Generator, z: Tensor, layer: int) -> Tensor:
    """What module number `layer` of G.net receives for z (B, z_size): z itself for 0, else (B, C, H, W) or (B, n).

    In eval mode, float32. Raises LatentError: a G without `net`, a z that does not fit, a layer that is not there.
    """
    check_layer(G, layer)
    if z.ndim != 2 or z.shape[1] != G.z_size or not len(z):
        raise LatentError(f"z has shape {tuple(z.shape)}, expected (B, {G.z_size}) with B of at least 1.")
    with eval_mode(G):
        return torch.cat([_up_to(G, part, layer) for part in z.split(_BATCH)])


def layer_difference(G: Generator, z_with: Tensor, z_without: Tensor, layer: int) -> Tensor:
    """A direction in a chosen layer: the mean of `activations` for z with a property, minus that for z without it.

    z_with, z_without: (B, z_size) each, of any numbers; the result has the shape of one z's activations. With layer 0
    it is a step in z. Added there once, it carries the average picture without the property to the average with it.
    """
    return activations(G, z_with, layer).mean(0) - activations(G, z_without, layer).mean(0)


def check_layer(G: Generator, layer: int) -> None:
    """Raises LatentError unless G has a `net` with a module of that number."""
    if not isinstance(G, Generator):
        raise LatentError(f"G is a {type(G).__name__}, expected one of gancourse.models, whose layers are in G.net.")
    if not 0 <= layer < len(G.net):
        raise LatentError(
            f"layer is {layer}, expected 0 (z itself) to {len(G.net) - 1}: G.net has {len(G.net)} modules."
        )


def through(G: Generator, h: Tensor, layer: int) -> Tensor:
    """Through module number `layer`; the first one sees z as G's own forward shows it."""
    moved: Tensor = G.net[layer](h if layer else G.enter(h))
    return moved


def _up_to(G: Generator, z: Tensor, layer: int) -> Tensor:
    for number in range(layer):
        z = through(G, z, number)
    return z
