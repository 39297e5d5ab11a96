"""Checks of lesson 11's two ways of styling: weights of its own for each image, and AdaIN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction
from gancourse.exercises.checking.styles import Slip, judge_tensor

# --- modulated weights -----------------------------------------------------------------------------------------------


def check_modulate(call: StudentFunction) -> str:
    """The check of `lesson11.modulate`: modulate(weight, style), (O, I, k, k) and (B, I) -> (B, O, I, k, k)."""
    faint = torch.tensor([1.0, 1e-5, 1e-8, 0.0])[:, None].double()  # in these eps decides
    for (b, o, i, k), strength in (
        ((3, 3, 3, 3), 1),
        ((2, 5, 4, 3), 1),
        ((4, 2, 6, 1), 1),
        ((4, 5, 3, 3), faint),
    ):
        leaves = {
            "weight": torch.randn(o, i, k, k, dtype=torch.float64),
            "style": (torch.rand(b, i, dtype=torch.float64) + 0.5) * torch.randn(b, i).sign().double() * strength,
        }
        what = f"For weight {(o, i, k, k)} and style {(b, i)}"
        otherwise = (
            f"{what} these are not the weights: times the style along the input channels, then for each image and "
            "output channel divided by the root of the sum of squares, with 1e-8 in it."
        )
        judge_tensor(call, leaves, (), _modulated, _MODULATE_SLIPS, otherwise)
    return (
        "A style ten times as large gives the same weights: only the proportions of the channels count. Where AdaIN "
        "measures what a map has become, this foresees it, from the weights alone."
    )


def _styled(weight: Tensor, style: Tensor) -> Tensor:
    return weight * style[:, None, :, None, None]


def _divided(own: Tensor, axes: tuple[int, ...] = (2, 3, 4), eps: float = 1e-8) -> Tensor:
    return own * (own.square().sum(axes, keepdim=True) + eps).rsqrt()


def _modulated(weight: Tensor, style: Tensor) -> Tensor:
    return _divided(_styled(weight, style))


def _over(axes: tuple[int, ...], told: str) -> Slip:
    return (
        lambda w, s: _divided(_styled(w, s), axes),
        f"The sum of squares is over {told}: it is over the input channels and both axes of the kernel, (2, 3, 4).",
    )


_MODULATE_SLIPS: list[Slip] = [
    (_styled, "The weights are scaled, and not divided by their length: that is equation 3."),
    (
        lambda w, s: _divided(w[None].expand(len(s), *w.shape)),
        "The style is missing: these are the weights divided by their length, the same for all images.",
    ),
    (
        lambda w, s: _divided(w, (1, 2, 3)) * s[:, None, :, None, None],
        "The weights are divided by their length before they are scaled: first the style, then the length.",
    ),
    (
        lambda w, s: _divided(w * s[:, :, None, None, None]),
        "The style scales the output channels, and the division takes that away again: the input channels are axis 2 "
        "of the answer, so `style[:, None, :, None, None]`.",
    ),
    (
        lambda w, s: w * s[:, :, None, None, None],
        "The style scales the output channels: the input channels are axis 2, so `style[:, None, :, None, None]`.",
    ),
    (lambda w, s: _divided(w * s[:, None, None, :, None]), "The style runs along the kernel's rows: along axis 2."),
    (lambda w, s: _divided(w * s[:, None, None, None]), "The style runs along the kernel's columns: along axis 2."),
    (
        lambda w, s: _divided(w * (1 + s)[:, None, :, None, None]),
        "1 is added to the style: the affine layer that makes it has a bias of 1 for that, so take it as it is.",
    ),
    _over((1, 2, 3, 4), "the output channels as well"),
    _over((0, 2, 3, 4), "the images as well"),
    _over((1, 3, 4), "the output channels"),
    _over((1,), "the output channels"),
    _over((2,), "the input channels alone"),
    _over((3, 4), "the kernel alone"),
    _over((0, 1, 2, 3, 4), "everything"),
    (
        lambda w, s: _styled(w, s) / (_styled(w, s).square().sum((2, 3, 4), keepdim=True) + 1e-8),
        "The square root is forgotten: this divides by the squared length.",
    ),
    (
        lambda w, s: _styled(w, s) * (_styled(w, s).square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt(),
        "You multiply by the length: divide by it.",
    ),
    (
        lambda w, s: _styled(w, s) * (_styled(w, s).square().mean((2, 3, 4), keepdim=True) + 1e-8).rsqrt(),
        "You take the mean of squares: the length is the root of their sum.",
    ),
    (
        lambda w, s: _styled(w, s) / _styled(w, s).abs().sum((2, 3, 4), keepdim=True),
        "The length adds up absolute values: the root of the sum of squares is asked for.",
    ),
    (
        lambda w, s: _styled(w, s) / _styled(w, s).sum((2, 3, 4), keepdim=True),
        "You divide by the sum: by the root of the sum of squares.",
    ),
    (
        lambda w, s: _divided(_styled(w, s), eps=0.0).nan_to_num(),
        "1e-8 is missing under the root: a style of nearly 0 counts like any other, and one of 0 gives 0 / 0.",
    ),
    (
        lambda w, s: _styled(w, s) / (_styled(w, s).square().sum((2, 3, 4), keepdim=True).sqrt() + 1e-8),
        "1e-8 stands outside of the root: it is added to the sum of squares.",
    ),
    (lambda w, s: _modulated(w, s).transpose(0, 1), "The answer is (O, B, I, k, k): the images are the first axis."),
    (lambda w, s: _modulated(w, s).flatten(0, 1), "Images and output channels are one axis: return (B, O, I, k, k)."),
    (lambda w, s: _modulated(w, s)[0], "These are the weights of the first image alone: each image has its own."),
    (lambda w, s: _divided(w * s.mean(0)[:, None, None], (1, 2, 3)), "This is the mean style of the batch."),
]


# --- AdaIN -----------------------------------------------------------------------------------------------------------


def check_adain(call: StudentFunction) -> str:
    """The check of `lesson11.adain`: adain(x, style), (B, C, H, W) and (B, 2C) -> (B, C, H, W)."""
    for shape in ((3, 4, 3, 4), (2, 3, 5, 2), (1, 2, 6, 7)):  # in the first, a scale along any axes fits
        b, c = shape[:2]
        x = torch.randn(shape, dtype=torch.float64) * (torch.rand(b, c, 1, 1) * 3 + 0.5) + torch.randn(b, c, 1, 1)
        x[-1, 1] = 1e-4 * torch.randn(shape[2:])  # in this map eps decides
        x[0, 0] = 0.25  # and this one is flat
        leaves = {"x": x, "style": torch.randn(b, 2 * c, dtype=torch.float64)}
        otherwise = (
            f"For x {shape} this is not (1 + scale) (x - mean) / deviation + shift, with a mean and a deviation for "
            "each map, and for each image its scales and then its shifts."
        )
        judge_tensor(call, leaves, (), _adain, _ADAIN_SLIPS, otherwise)
    return (
        "Whatever a map was, its mean is now the shift and its deviation |1 + scale|: how strong a map is against "
        "another has been forgotten. StyleGAN2 gave AdaIN up for that: its authors suppose that generators smuggled "
        "the strength past it in a spike, which showed as a droplet (Karras et al. 2020, section 2)."
    )


def _adain(
    x: Tensor,
    style: Tensor,
    axes: tuple[int, ...] = (2, 3),
    unbiased: bool = False,
    eps: float = 1e-8,
    one: float = 1.0,
    cut: Callable[[Tensor, int, int], Sequence[Tensor]] = lambda s, b, c: (s[:, :c], s[:, c:]),
) -> Tensor:
    scale, shift = (part.reshape(len(x), -1, 1, 1) for part in cut(style, *x.shape[:2]))
    variance = x.var(axes, unbiased=unbiased, keepdim=True)
    return (one + scale) * (x - x.mean(axes, keepdim=True)) / (variance + eps).sqrt() + shift


def _with(**options: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, style: _adain(x, style, **options)


def _pieces(x: Tensor, style: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """1 + scale, shift, x - mean, variance."""
    scale, shift = style[:, :, None, None].chunk(2, 1)
    return 1 + scale, shift, x - x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)


def _from(formula: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, style: formula(*_pieces(x, style))


_WRONG_AXES = (
    ((0, 2, 3), "over the batch as well, as BatchNorm's: each image has its own"),
    ((1, 2, 3), "over the channels as well, as LayerNorm's: each map has its own"),
    ((0, 1, 2, 3), "over everything: each map has its own"),
    ((1,), "over the channels of each pixel: they are over the pixels of each map"),
    ((0,), "over the batch alone: they are over the pixels of each map"),
    ((2,), "over the rows alone: take both axes, (2, 3)"),
    ((3,), "over the last axis alone: take both axes, (2, 3)"),
)
_ADAIN_SLIPS: list[Slip] = [
    (_with(one=0.0), "The 1 + is missing: with a scale of 0 a map keeps its spread, and does not vanish."),
    *[(_with(axes=axes), f"Mean and deviation are {told}.") for axes, told in _WRONG_AXES],
    *[
        (_with(axes=axes, one=0.0), f"Mean and deviation are {told}. And the 1 + is missing.")
        for axes, told in _WRONG_AXES
    ],
    (
        _with(cut=lambda s, b, c: (s[:, c:], s[:, :c])),
        "Scales and shifts are exchanged: the scales are the first half.",
    ),
    (
        _with(cut=lambda s, b, c: s.reshape(2, b, c).unbind()),
        "The style is cut across the images, (2, B, C): one image's scales come from another's row. Cut along axis 1.",
    ),
    (
        _with(cut=lambda s, b, c: (s[:, ::2], s[:, 1::2])),
        "Scales and shifts are taken in turns: the first C of a row are the scales, the last C the shifts.",
    ),
    (
        lambda x, s: (
            (1 + s[:, : x.shape[1]]) * _pieces(x, s)[2] / (_pieces(x, s)[3] + 1e-8).sqrt() + s[:, x.shape[1] :]
        ),
        "The style runs along the height and the width: `style[:, :, None, None]` first. No error says so where the "
        "sizes happen to fit.",
    ),
    (_with(unbiased=True), "The variance divides by n - 1: `unbiased=False` divides by n."),
    (
        _from(lambda one, shift, gap, var: one * gap / (var.sqrt() + 1e-8) + shift),
        "1e-8 stands outside of the root: it is added to the variance.",
    ),
    (
        lambda x, s: _pieces(x, s)[0] * _pieces(x, s)[2] / (x.std((2, 3), keepdim=True) + 1e-8) + _pieces(x, s)[1],
        "1e-8 stands outside of the root, and the variance divides by n - 1.",
    ),
    (_with(eps=0.0), "1e-8 is missing: a flat map becomes NaN."),
    (_with(eps=1e-5), "1e-5 is added to the variance, torch's default: here it is 1e-8."),
    (
        _from(lambda one, shift, gap, var: one * gap / (var + 1e-8) + shift),
        "The square root is forgotten: you divide by the variance.",
    ),
    (
        lambda x, s: _pieces(x, s)[0] * x / (_pieces(x, s)[3] + 1e-8).sqrt() + _pieces(x, s)[1],
        "The mean is not taken away.",
    ),
    (_from(lambda one, shift, gap, var: one * gap + shift), "You do not divide by the deviation."),
    (_from(lambda one, shift, gap, var: one * gap / (var + 1e-8).sqrt()), "The shift is missing."),
    (_from(lambda one, shift, gap, var: gap / (var + 1e-8).sqrt() + shift), "The scale is missing."),
    (_from(lambda one, shift, gap, var: gap / (var + 1e-8).sqrt()), "The style is missing."),
    (
        _from(lambda one, shift, gap, var: one * (gap / (var + 1e-8).sqrt() + shift)),
        "The shift is scaled, too: it is added at the end.",
    ),
    (
        _from(lambda one, shift, gap, var: (one - 1) * gap / (var + 1e-8).sqrt() + 1 + shift),
        "The 1 is added to the map: it belongs to the scale, (1 + scale).",
    ),
    (
        _from(lambda one, shift, gap, var: one * gap / (var + 1e-8).sqrt() + 1 + shift),
        "1 is added to the shift as well: it belongs to the scale alone.",
    ),
]
