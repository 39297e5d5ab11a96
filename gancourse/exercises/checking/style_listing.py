"""The bug hunt of lesson 11: one layer of a StyleGAN generator in the published manner, to be repaired; and its check.

The listing runs as it stands; `tests/exercises/test_style_listing.py` shows what its bugs do. The check gives the
student's layer hidden weights and inputs, and tells by what it computes which of the bugs are still there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.styles import unchanged
from gancourse.exercises.checking.watching import gradients

PUBLISHED = '''\
import torch
from torch import nn
from torch.nn import functional as F


class StyleLayer(nn.Module):
    """x (B, inputs, H, W), w (B, w_size), noise (B, 1, H, W) -> (B, outputs, H, W).

    Convolution, noise, bias, LeakyReLU, AdaIN. affine: w -> the outputs' scales, then their shifts.
    """

    def __init__(self, inputs, outputs, w_size):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.strength = nn.Parameter(torch.randn(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = nn.Linear(w_size, 2 * outputs)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x, w, noise):
        y = self.conv(x) + self.strength * noise
        y = F.leaky_relu(y + self.bias[:, None, None], 0.2)
        mean = y.mean((0, 2, 3), keepdim=True)
        variance = y.var((0, 2, 3), unbiased=False, keepdim=True)
        y = (y - mean) / (variance + 1e-8).sqrt()
        scale, shift = self.affine(w).view(2, len(w), -1, 1, 1)
        return scale * y + shift
'''

#: Sizes of the scenes: images, inputs, outputs, height, width, numbers of w.
_SIZES = ((3, 2, 4, 5, 6, 7), (1, 3, 5, 4, 4, 2))
_STRENGTH = 0.7

# What may be done in each place, the right way first, and what to say of the others.
_STATISTICS = {
    "": (2, 3),
    "The statistics are taken over the batch as well, as BatchNorm's: an image then depends on those beside it. Each "
    "map of each image has its own.": (0, 2, 3),
    "The statistics are taken over the channels as well, as LayerNorm's: each map has its own.": (
        1,
        2,
        3,
    ),
    "The statistics are taken over everything: each map of each image has its own.": (0, 1, 2, 3),
    "The statistics are taken over the channels of each pixel: they are over the pixels of each map.": (1,),
    "The statistics are taken over one side of the maps alone: it is both, (2, 3).": (2,),
    "The statistics are taken over one side of the maps alone, the last: it is both, (2, 3).": (3,),
    "The statistics are right, but the variance divides by n - 1: it divided by n.": (2, 3),
    "Nothing is normalised: mean and deviation of each map go, before the style comes.": (),
}
_ONES = {
    "": (1.0, 0.0),
    "AdaIN's scale lacks the 1 +: where the affine gives 0, nothing passes.": (0.0, 0.0),
    "1 is added to AdaIN's scale twice, in `forward` and by the affine's bias: once will do.": (2.0, 0.0),
    "1 is added to the shift: it is the scale that lacks it.": (0.0, 1.0),
    "1 is added to the shift, too: it belongs to the scale alone.": (1.0, 1.0),
}
_CUTS = {
    "": "halves",
    "The affine's answer is cut across the images: `.view(2, B, outputs)` makes scales of the first rows and shifts of "
    "the last, so that images get styles of one another. Each has a row, the scales and then the shifts.": "images",
    "The affine's answer is taken in turns, a scale and then a shift: the scales are the first half of a row.": "turns",
    "Scales and shifts are exchanged: the scales are the first half of a row.": "exchanged",
}
_ORDERS = {
    "": "",
    "the noise has gone": "no noise",
    "the noise comes after LeakyReLU": "late noise",
    "the bias has gone": "no bias",
    "LeakyReLU has gone": "no activation",
    "it is a ReLU, and was LeakyReLU(0.2)": "relu",
    "LeakyReLU has a slope of .01, torch's default, and had .2": "slope",
    "LeakyReLU comes after AdaIN, so that the style no longer sets mean and spread": "late activation",
}


@dataclass
class _Scene:
    """A layer's hidden weights and inputs."""

    weight: Tensor
    bias: Tensor
    style: Tensor  # what the affine gives, (B, 2 outputs)
    one_of_bias: float  # what the affine's bias adds to the scales from the beginning
    x: Tensor
    w: Tensor
    noise: Tensor

    def answer(self, over: str, one: str, cut: str, order: str) -> Tensor:
        """What a layer computes that does this in each place, by the words for it."""
        named, slope = _ORDERS[order], {"relu": 0.0, "no activation": 1.0, "slope": 0.01}
        y = F.conv2d(self.x, self.weight, padding=1)
        added = _STRENGTH * self.noise
        if named not in ("no noise", "late noise"):
            y = y + added
        if named != "no bias":
            y = y + self.bias[:, None, None]
        late = named == "late activation"
        if not late:
            y = F.leaky_relu(y, slope.get(named, 0.2))
        if named == "late noise":
            y = y + added
        axes = _STATISTICS[over]
        if axes:
            variance = y.var(axes, unbiased="n - 1" in over, keepdim=True)
            y = (y - y.mean(axes, keepdim=True)) / (variance + 1e-8).sqrt()
        scale, shift = (part[:, :, None, None] for part in self._cut(_CUTS[cut]))
        to_scale, to_shift = _ONES[one]
        y = (to_scale - self.one_of_bias + scale) * y + to_shift + shift
        return F.leaky_relu(y, 0.2) if late else y

    def _cut(self, how: str) -> tuple[Tensor, Tensor]:
        first, last = self.style.chunk(2, 1)
        if how == "images":
            first, last = self.style.reshape(2, len(self.x), -1).unbind()
        elif how == "turns":
            first, last = self.style[:, ::2], self.style[:, 1::2]
        return (last, first) if how == "exchanged" else (first, last)


def check_bug_hunt(call: StudentFunction) -> str:
    """The check of `lesson11.bug_hunt`: bug_hunt(inputs, outputs, w_size) -> the repaired layer."""
    for sizes in _SIZES:
        _judge_layer(call, *sizes)
    return (
        "Each of the four runs, and learns. A scale without its 1 lies round 0 at the start: many maps are faint, and "
        "half of them change their sign. Noise that begins loud can take over the variety that should come from w; "
        "labml's #107 reports a StyleGAN2 whose pictures followed the noise, and not z. And the other two show only "
        "beside other images: what you change in one of them must not show in another."
    )


def _judge_layer(call: StudentFunction, b: int, inputs: int, outputs: int, h: int, width: int, w_size: int) -> None:
    layer = call(inputs, outputs, w_size)
    if not isinstance(layer, nn.Module):
        raise Wrong(f"It returned {describe((layer,))}: the layer is expected, `StyleLayer(inputs, outputs, w_size)`.")
    loud = float(_parameters(layer, inputs, outputs, w_size)["strength"].detach().reshape(()))
    scene = _given(layer, b, inputs, h, width, w_size)
    kept = [item.clone() for item in (scene.x, scene.w, scene.noise)]
    leaves = [scene.x.requires_grad_(), scene.w.requires_grad_()]
    passed = scene.x * 1, scene.w * 1, scene.noise
    try:
        value = layer(*passed)
    except Exception as error:
        raise Wrong(f"On x, w and noise, {describe(passed)}, the layer stopped with {brief(error)}.") from None
    unchanged(dict(zip(("x", "w", "noise"), passed, strict=True)), kept)
    wanted = (b, outputs, h, width)
    if not isinstance(value, Tensor) or value.shape != wanted:
        raise Wrong(f"The layer gives {describe((value,))}: shape {wanted} is expected.")
    found = _told(value.detach(), scene)
    places = found[:3]
    if loud:
        places.append(
            f"The noise begins with a strength of {loud:.2f}: a layer is to begin with none, 0, and to take as much as "
            "helps it."
        )
    bugs = [f"- {text}" for text in places if text]
    if found[3]:
        bugs.append(f"- What was right has changed: {found[3]}.")
    if bugs:
        n = sum(bool(text) for text in places)
        raise Wrong("\n".join([f"{n} of 4 bugs {'is' if n == 1 else 'are'} still there.", *bugs]))
    _judge_gradients(layer, value, dict(zip("xw", leaves, strict=True)))
    with torch.no_grad():
        flat = layer(0 * scene.x, scene.w.detach(), 0 * scene.noise)
    if not bool(flat.isfinite().all()):
        raise Wrong("Right, but a map that is flat becomes NaN: the 1e-8 in the root has gone.")


def _judge_gradients(layer: nn.Module, value: Tensor, leaves: dict[str, Tensor]) -> None:
    leaves |= dict(layer.named_parameters())
    probe = (value * torch.randn_like(value)).sum()
    found = gradients(probe, *leaves.values()) if probe.requires_grad else [torch.zeros(())] * len(leaves)
    for name, gradient in zip(leaves, found, strict=True):
        if not bool(gradient.any()):
            raise Wrong(f"The numbers are right, but no gradient comes to `{name}`: look for `.detach()` or `.data`.")


def _parameters(layer: nn.Module, inputs: int, outputs: int, w_size: int) -> dict[str, nn.Parameter]:
    """The layer's parameters by name; `Wrong` unless they are those of the listing."""
    shapes = {
        "conv.weight": (outputs, inputs, 3, 3),
        "bias": (outputs,),
        "strength": (),
        "affine.weight": (2 * outputs, w_size),
        "affine.bias": (2 * outputs,),
    }
    found = dict(layer.named_parameters())
    for name, shape in shapes.items():
        if name not in found:
            raise Wrong(f"The layer has no parameter `{name}`: keep the listing's five, which are learned.")
        if name == "strength" and found[name].numel() == outputs:
            raise Wrong("The strength has one number for each channel: one for the layer was right.")
        if tuple(found[name].shape) != shape and not (name == "strength" and found[name].numel() == 1):
            raise Wrong(f"`{name}` has shape {tuple(found[name].shape)}, and had {shape} in the listing.")
    if more := [name for name in found if name not in shapes]:
        raise Wrong(f"The layer has a parameter more, `{more[0]}`: keep the listing's five.")
    return found


def _given(layer: nn.Module, b: int, inputs: int, h: int, width: int, w_size: int) -> _Scene:
    """Hidden weights, put into the layer, and inputs; `Wrong` where the affine's bias begins with other numbers."""
    found = dict(layer.named_parameters())
    outputs = len(found["bias"])
    begins = found["affine.bias"].detach().clone()
    one = float(begins[0])
    if one not in (0.0, 1.0) or not torch.equal(begins, torch.tensor([one, 0.0]).repeat_interleave(outputs)):
        raise Wrong(
            "The affine's bias begins with other numbers than the listing's: at 0; or, as another way to the 1 +, at 1 "
            "for the scales and 0 for the shifts."
        )
    with torch.no_grad():
        found["conv.weight"].copy_(torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5)
        found["bias"].copy_(0.5 * torch.randn(outputs))
        found["strength"].fill_(_STRENGTH)
        found["affine.weight"].copy_(torch.randn(2 * outputs, w_size) / w_size**0.5)
        found["affine.bias"].add_(0.5 * torch.randn(2 * outputs))
    w = torch.randn(b, w_size)
    style = F.linear(w, found["affine.weight"].detach(), found["affine.bias"].detach())
    x = torch.randn(b, inputs, h, width) * torch.linspace(0.6, 1.6, b)[:, None, None, None] + 0.4
    weights = found["conv.weight"].detach().clone(), found["bias"].detach().clone()
    return _Scene(*weights, style, one, x, w, torch.randn(b, 1, h, width))


def _told(value: Tensor, scene: _Scene) -> list[str]:
    """What is wrong in each place (statistics, scale, cut, order), "" where nothing is: the fewest that explain it."""
    ways = sorted(itertools.product(_STATISTICS, _ONES, _CUTS, _ORDERS), key=lambda way: sum(map(bool, way)))
    for way in ways:
        if close(value, scene.answer(*way), rtol=1e-3, atol=1e-3):
            return list(way)
    raise Wrong(
        "The layer computes something else than the listing does, and than it should. Repair the lines one by one: "
        "convolution, strength times noise, bias, LeakyReLU(0.2), the statistics of each map, (1 + scale) y + shift."
    )
