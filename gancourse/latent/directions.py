"""Directions in latent space that mean something: the strongest of G's first layer, and those of an attribute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.latent.generating import LatentError, z_size
from gancourse.latent.geometry import norms

_FEW = 1e-12


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
    edge = (across.square() + down.square()).sqrt().sum((1, 2)) / 2
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
        with torch.no_grad():
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


def _within(y: Tensor, labels: Tensor) -> Tensor:
    """y minus the mean of its group."""
    counts = torch.bincount(labels).clamp(min=1)
    sums = torch.zeros(len(counts), dtype=y.dtype).index_add_(0, labels, y)
    return y - (sums / counts)[labels]
