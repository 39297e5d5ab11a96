"""Checks of how lesson 12's networks are told a class: BatchNorm's gain and bias in G, the projection in D."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction
from gancourse.exercises.checking.styles import Slip, judge_tensor

# --- G: gain and bias ------------------------------------------------------------------------------------------------


def check_condition(call: StudentFunction) -> str:
    """The check of `lesson12.condition`: condition(x, e, z, to_gain, to_bias), (B, C, H, W) -> the same shape."""
    for b, c, h, w, n_e, n_z in ((3, 4, 5, 2, 6, 2), (4, 4, 4, 4, 3, 3), (1, 5, 2, 3, 2, 4)):
        leaves = {
            "x": torch.randn(b, c, h, w),
            "e": torch.randn(b, n_e),
            "z": torch.randn(b, n_z),
            "to_gain": 0.5 * torch.randn(c, n_e + n_z),
            "to_bias": 0.5 * torch.randn(c, n_e + n_z),
        }
        what = f"For x {(b, c, h, w)}, e {(b, n_e)} and z {(b, n_z)}"
        otherwise = (
            f"{what} these are not the maps: x times (1 + gain) plus bias, with a gain and a bias for each map of each "
            "image, both linear in [e, z]."
        )
        judge_tensor(call, leaves, (), _conditioned, _CONDITION_SLIPS, otherwise)
    return (
        "Small weights give a gain of nearly 0, so that a layer begins as a plain BatchNorm. Without the 1 it begins "
        "as nearly nothing: compare_gan had it so, and whoever found the missing 1 wrote, in its issue 54, of a year "
        "and 200 runs."
    )


def _apply(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    return (1 + gain[:, :, None, None]) * x + bias[:, :, None, None]


def _conditioned(x: Tensor, e: Tensor, z: Tensor, to_gain: Tensor, to_bias: Tensor) -> Tensor:
    given = torch.cat([e, z], 1)
    return _apply(x, given @ to_gain.t(), given @ to_bias.t())


def _with(total: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """What comes of the right gain and bias, (B, C), put together with x in another way."""

    def slip(x: Tensor, e: Tensor, z: Tensor, to_gain: Tensor, to_bias: Tensor) -> Tensor:
        given = torch.cat([e, z], 1)
        return total(x, given @ to_gain.t(), given @ to_bias.t())

    return slip


def _told(given: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """What comes of another vector than [e, z]."""

    def slip(x: Tensor, e: Tensor, z: Tensor, to_gain: Tensor, to_bias: Tensor) -> Tensor:
        vector = given(e, z)
        return _apply(x, vector @ to_gain.t(), vector @ to_bias.t())

    return slip


def _zeroed(which: int) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda e, z: torch.cat([0 * e if which == 0 else e, 0 * z if which == 1 else z], 1)


def _maps(y: Tensor) -> Tensor:
    return y[:, :, None, None]


_CONDITION_SLIPS: list[Slip] = [
    (
        _with(lambda x, g, b: _maps(g) * x + _maps(b)),
        "The gain lacks its 1 +: where the weights are small, next to nothing of x passes. This is the error of "
        "compare_gan's issue 54.",
    ),
    (_with(lambda x, g, b: _maps(g) * x + 1 + _maps(b)), "The 1 is added to the map: it belongs to the gain."),
    (_with(lambda x, g, b: _apply(x, g, b) + 1), "1 is added to the bias as well: it belongs to the gain alone."),
    (_with(lambda x, g, b: _apply(x, 1 + g, b)), "1 is added to the gain twice."),
    (_with(lambda x, g, b: _apply(x, b, g)), "Gain and bias are exchanged: `to_gain` makes what multiplies x."),
    (_with(lambda x, g, b: _apply(x, b, b)), "`to_bias` makes both: the gain comes from `to_gain`."),
    (_with(lambda x, g, b: _apply(x, g, g)), "`to_gain` makes both: the bias comes from `to_bias`."),
    (
        _with(lambda x, g, b: _apply(x, g.mean(0, keepdim=True), b.mean(0, keepdim=True))),
        "Gain and bias are averaged over the batch: each image has its own, by its class and its z.",
    ),
    (
        _with(lambda x, g, b: _apply(x, g.mean(0, keepdim=True), b)),
        "The gain is averaged over the batch: each image has its own, by its class and its z.",
    ),
    (
        _with(lambda x, g, b: _apply(x, g[:1], b[:1])),
        "All images have the gain and the bias of the first: each has its own.",
    ),
    (
        _with(lambda x, g, b: _apply(x, g.mean(1, keepdim=True), b.mean(1, keepdim=True))),
        "Gain and bias are averaged over the channels: each map has its own.",
    ),
    (
        _with(lambda x, g, b: _apply(x, g.t(), b.t())),
        "Images and channels are exchanged: gain and bias are (B, C), so `vector @ to_gain.T`. No error says so where "
        "the sizes happen to fit.",
    ),
    (
        _with(lambda x, g, b: (1 + g) * x + b),
        "Gain and bias run along the height and the width: `[:, :, None, None]` first. No error says so where the "
        "sizes happen to fit.",
    ),
    (
        _with(lambda x, g, b: (1 + g[:, :, None]) * x + b[:, :, None]),
        "Gain and bias run along the channels and the height: `[:, :, None, None]`, with two axes behind. No error "
        "says so where the sizes happen to fit.",
    ),
    (_told(_zeroed(1)), "z is missing: both are linear in the class embedding *and* the chunk of z."),
    (_told(_zeroed(0)), "The class is missing: both are linear in the class embedding *and* the chunk of z."),
    (
        _told(lambda e, z: torch.cat([z, e], 1)),
        "z stands before e: the first columns of the weights are those of the class embedding.",
    ),
    (_with(lambda x, g, b: (1 + _maps(g)) * x), "The bias is missing."),
    (_with(lambda x, g, b: x + _maps(b)), "The gain is missing."),
    (
        _with(lambda x, g, b: (1 + _maps(g)) * (x + _maps(b))),
        "The bias is scaled, too: it is added at the end.",
    ),
    (
        _with(lambda x, g, b: _apply((x - x.mean((0, 2, 3), keepdim=True)) / _deviation(x), g, b)),
        "x is normalised once more: it comes normalised.",
    ),
    (
        _with(lambda x, g, b: _maps(g.exp()) * x + _maps(b)),
        "The gain is exponential: it is 1 plus what is linear.",
    ),
    (_with(lambda x, g, b: _maps(g.sigmoid()) * x + _maps(b)), "The gain is a sigmoid: it is 1 plus what is linear."),
    (_with(lambda x, g, b: (1 - _maps(g)) * x + _maps(b)), "The sign of the gain is turned: 1 + gain."),
]


def _deviation(x: Tensor) -> Tensor:
    return (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


# --- D: the projection -----------------------------------------------------------------------------------------------


def check_projection_logit(call: StudentFunction) -> str:
    """The check of `lesson12.projection_logit`: projection_logit(h, table, weight, bias, y) -> logits (B,)."""
    for b, c, h, w, k in ((5, 4, 3, 2, 7), (4, 4, 4, 4, 4), (1, 3, 2, 2, 5)):
        leaves = {
            "h": torch.randn(b, c, h, w).relu(),
            "table": torch.randn(k, c),
            "weight": torch.randn(c),
            "bias": torch.randn(()),
        }
        y = torch.randint(1, k, (b,))  # class 0 is among none of them
        if b > 2:  # two images of a class, and it is not the one that fits the first image best
            y[:2] = 1 + (leaves["table"][1:] @ leaves["h"][0].sum((1, 2))).argmin()
        what = f"For h {(b, c, h, w)} and classes {y.tolist()} of {k}"
        otherwise = f"{what} these are not weight . s + bias + e_y . s, with s the sum of h over the pixels."
        judge_tensor(call, leaves, (y,), _projected, _PROJECTION_SLIPS, otherwise)
    return (
        "Two questions in one number: does it look real, whatever it shows, and does it look like its class? The class "
        "weighs nothing where h is nothing, and needs no layer of its own. Summed, a feature counts as often as it is "
        "there; a mean would make D's logits as many times smaller as there are pixels."
    )


def _logits(s: Tensor, e: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return s @ weight + bias + (e * s).sum(1)


def _projected(h: Tensor, table: Tensor, weight: Tensor, bias: Tensor, y: Tensor) -> Tensor:
    return _logits(h.sum((2, 3)), table[y], weight, bias)


def _parts(total: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """What comes of the right s and e_y, both (B, C), put together in another way."""
    return lambda h, table, weight, bias, y: total(h.sum((2, 3)), table[y], weight, bias)


def _pooled(pool: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda h, table, weight, bias, y: _logits(pool(h), table[y], weight, bias)


_PROJECTION_SLIPS: list[Slip] = [
    (_pooled(lambda h: h.mean((2, 3))), "h is averaged over the pixels: BigGAN sums, `h.sum((2, 3))`."),
    (_pooled(lambda h: h.amax((2, 3))), "This takes the largest pixel of h: the sum over the pixels is asked for."),
    (_pooled(lambda h: h[:, :, 0, 0]), "This takes one pixel of h: the sum over all pixels is asked for."),
    (
        lambda h, table, weight, bias, y: h.sum((2, 3)) @ weight + bias + (table[y] * h.mean((2, 3))).sum(1),
        "In the class's term h is averaged over the pixels: it is the same sum as in the other.",
    ),
    (
        lambda h, table, weight, bias, y: h.mean((2, 3)) @ weight + bias + (table[y] * h.sum((2, 3))).sum(1),
        "In the class's term h is summed, in the other it is averaged: it is one and the same sum.",
    ),
    (_parts(lambda s, e, weight, bias: s @ weight + bias), "The class's term is missing: e_y . s."),
    (_parts(lambda s, e, weight, bias: (e * s).sum(1)), "The linear term is missing: weight . s + bias."),
    (_parts(lambda s, e, weight, bias: (e * s).sum(1) + bias), "The linear term is missing: weight . s."),
    (_parts(lambda s, e, weight, bias: s @ weight + (e * s).sum(1)), "The bias is missing."),
    (
        _parts(lambda s, e, weight, bias: (s @ weight + bias) * (e * s).sum(1)),
        "The two terms are multiplied: add them.",
    ),
    (
        _parts(lambda s, e, weight, bias: s @ weight + bias + e.sum(1)),
        "The embedding is added as it is: its inner product with s is asked for.",
    ),
    (
        lambda h, table, weight, bias, y: h.sum((2, 3)) @ weight + bias + (h.sum((2, 3)) @ table.t()).sum(1),
        "The embeddings of all classes are added up: take that of the image's own class, `table[y]`.",
    ),
    (
        lambda h, table, weight, bias, y: (h.sum((2, 3)) @ weight + bias)[:, None] + h.sum((2, 3)) @ table.t(),
        "There is a logit for each class: D is told the class, so `table[y]` alone counts, and the answer is (B,).",
    ),
    (
        lambda h, table, weight, bias, y: _logits(h.sum((2, 3)), table[:1], weight, bias),
        "Every image is judged by the embedding of class 0: `table[y]` has each one's own.",
    ),
    (
        lambda h, table, weight, bias, y: _logits(h.sum((2, 3)), table[y[:1]], weight, bias),
        "Every image is judged by the class of the first: `table[y]` has each one's own.",
    ),
    (
        lambda h, table, weight, bias, y: _logits(h.sum((2, 3)), table[(y - 1) % len(table)], weight, bias),
        "Every image is judged by the class before its own: classes are counted from 0.",
    ),
    (
        lambda h, table, weight, bias, y: h.sum((2, 3)) @ weight + bias + (h.sum((2, 3)) @ table.t()).amax(1),
        "The class that fits best is taken: D is told the class, `table[y]`.",
    ),
    (
        _parts(lambda s, e, weight, bias: s @ weight + bias + (e * s).sum()),
        "The class's term is summed over the batch: each image has a logit of its own. `.sum(1)` adds the channels.",
    ),
    (
        _parts(lambda s, e, weight, bias: s @ weight + bias + (e * s).sum(0)),
        "The class's term is summed over the images: the channels are axis 1.",
    ),
    (
        _parts(lambda s, e, weight, bias: _logits(s, e, weight, bias).sum()),
        "The logits are summed over the batch: each image has its own, (B,).",
    ),
    (
        _parts(lambda s, e, weight, bias: _logits(s, e, weight, bias).mean()),
        "The logits are averaged over the batch: each image has its own, (B,).",
    ),
    (
        _parts(lambda s, e, weight, bias: (s @ weight + bias)[:, None] + s @ e.t()),
        "Each image is judged by the classes of all others, too, (B, B): `(e * s).sum(1)` pairs them one by one.",
    ),
    (
        _parts(lambda s, e, weight, bias: s @ weight + bias + (e * s).mean(1)),
        "The inner product is a mean over the channels: it is their sum.",
    ),
    (_parts(lambda s, e, weight, bias: _logits(s, e, weight, bias)[:, None]), "The logits are (B, 1): return (B,)."),
    (
        _parts(lambda s, e, weight, bias: _logits(s, e, weight, bias).sigmoid()),
        "These are probabilities: return logits, without a sigmoid.",
    ),
    (
        lambda h, table, weight, bias, y: (
            torch.einsum("bchw,c->bhw", h, weight) + bias + (table[y][:, :, None, None] * h).sum(1)
        ),
        "There is a logit for each pixel: sum over the pixels, the answer is (B,).",
    ),
    (
        lambda h, table, weight, bias, y: (
            torch.einsum("bchw,c->bhw", h, weight) + bias + (table[y][:, :, None, None] * h).sum(1)
        ).sum((1, 2)),
        "The bias counts once for every pixel: it is added after the sum.",
    ),
]
