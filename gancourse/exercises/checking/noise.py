"""The check of lesson 11's noise, and of any draws of N(0, 1)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close, ks_distance
from gancourse.exercises.checking.styles import unchanged
from gancourse.exercises.checking.watching import gradients

_STRENGTH = 0.3


def check_add_noise(call: StudentFunction) -> str:
    """The check of `lesson11.add_noise`: add_noise(x, strength, rng), (B, C, H, W) -> the same shape."""
    strength = torch.tensor(_STRENGTH, requires_grad=True)
    x = torch.randn(4, 3, 40, 50)
    rng = torch.Generator().manual_seed(1)
    value = _noisy(call, x, strength, rng)
    noise = ((value.detach() - x) / _STRENGTH).double()
    _judge_noise(noise, x)
    _judge_source(call, x, rng, noise)
    weak = _noisy(call, x, 0.0, torch.Generator().manual_seed(1))
    if not torch.equal(weak, x):
        raise Wrong("With a strength of 0 something is still added: then x comes back as it was.")
    doubled = _noisy(call, x, 2 * _STRENGTH, torch.Generator().manual_seed(1))
    again = _noisy(call, x, _STRENGTH, torch.Generator().manual_seed(1))
    if not close(doubled - x, 2 * (again - x), rtol=1e-3, atol=1e-4):
        raise Wrong("Twice the strength is not twice the noise: multiply by the strength, once.")
    if not value.requires_grad:
        raise Wrong(
            "The numbers are right, but no gradient comes to the strength, which is learned: look for `.item()`, "
            "`.detach()` or `no_grad`."
        )
    found = gradients(value.double().sum(), strength)[0]
    if not close(found.double(), noise.sum(), rtol=1e-2, atol=1.0):
        raise Wrong("The numbers are right, the gradient for the strength is not: is a part of it detached?")
    small = torch.randn(2, 5, 3, 4)
    few = (_noisy(call, small, 1.0, torch.Generator().manual_seed(2)) - small).double()
    _same_for_all_channels(few)
    return (
        "A strength of 0 is where StyleGAN begins: a layer takes as much noise as helps it. Drawn once for all "
        "channels, it says where something happens, and the next convolution what."
    )


def _noisy(call: StudentFunction, x: Tensor, strength: Any, rng: torch.Generator) -> Tensor:
    given = x.clone()
    value = call(given, strength, rng)
    unchanged({"x": given}, [x])
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: a tensor of shape {tuple(x.shape)} is expected.")
    if value.shape != x.shape:
        raise Wrong(f"It returned shape {tuple(value.shape)}, and {tuple(x.shape)} is expected, that of x.")
    if value.dtype != x.dtype:
        raise Wrong(f"It returned {describe((value,))}, and x is float32: draw the noise in float32.")
    return value


def _same_for_all_channels(noise: Tensor) -> None:
    if not close(noise, noise[:, :1].expand_as(noise), rtol=1e-3, atol=1e-4):
        raise Wrong("Each channel has noise of its own: one map for all channels of an image, (B, 1, H, W).")


def _judge_noise(noise: Tensor, x: Tensor) -> None:
    """`Wrong` unless what was added, in strengths, is N(0, 1), one map for each image."""
    first = noise[:, 0]
    if not bool(noise.any()):
        raise Wrong("Nothing is added: x comes back as it was, with a strength of .3.")
    if float(((x + _STRENGTH * noise) * x).mean()) < 0.3:
        raise Wrong("x has gone: return x plus the noise.")
    if abs(float((noise / x).std()) - 1) < 0.05:
        raise Wrong("The noise is multiplied by x: it is added, whatever stands there.")
    if float((first - first.mean((1, 2), keepdim=True)).abs().max()) < 1e-3:
        raise Wrong("One number is added to a whole map: the noise has one for every pixel, (B, 1, H, W).")
    for name, axis in (("row", 2), ("column", 1)):
        if close(first, first.narrow(axis, 0, 1).expand_as(first), rtol=1e-3, atol=1e-3):
            raise Wrong(f"All pixels of a {name} have the same noise: draw (B, 1, H, W) numbers.")
    _same_for_all_channels(noise)
    if close(first, first[:1].expand_as(first), rtol=1e-3, atol=1e-3):
        raise Wrong("All images have the same noise: each has its own, (B, 1, H, W).")
    for factor, told in ((1 / _STRENGTH, "The strength is missing"), (_STRENGTH, "The strength counts twice")):
        if abs(float(first.std()) / factor - 1) < 0.03 and abs(float(first.mean())) < 0.1 * factor:
            raise Wrong(f"{told}: x + strength noise, with noise of standard deviation 1.")
    judge_normal(first.flatten(1), "The noise")


def judge_normal(draws: Tensor, what: str) -> None:
    """`Wrong` unless these numbers can be draws of N(0, 1)."""
    mean, deviation = float(draws.mean()), float(draws.std())
    n = draws.numel()
    if abs(mean) > 5 / n**0.5 or abs(deviation - 1) > 5 / n**0.5:
        uniform = " That is `torch.rand`: `torch.randn` draws N(0, 1)." if abs(mean - 0.5) < 0.05 else ""
        raise Wrong(f"{what} has mean {mean:.2f} and deviation {deviation:.2f}, and N(0, 1) is expected.{uniform}")
    if ks_distance(0.5 * (1 + torch.erf(draws / math.sqrt(2)))) > 2.7 / n**0.5:
        raise Wrong(f"{what} has mean 0 and variance 1, but is not normal: draw it with `torch.randn`.")


def _judge_source(call: StudentFunction, x: Tensor, rng: torch.Generator, noise: Tensor) -> None:
    """`Wrong` unless the noise comes from the generator that was given, anew in every call."""

    def drawn(source: torch.Generator) -> Tensor:
        return (_noisy(call, x, _STRENGTH, source) - x).double() / _STRENGTH

    again, other = drawn(torch.Generator().manual_seed(1)), drawn(torch.Generator().manual_seed(2))
    if not close(again, noise, rtol=1e-2, atol=1e-4):
        raise Wrong(
            "Two generators with the same seed give different noise: it is not drawn from `rng`. Pass "
            "`generator=rng`; `torch.randn_like` takes none."
        )
    if close(other, noise, rtol=1e-2, atol=1e-4):
        raise Wrong("Generators with different seeds give the same noise: draw it from `rng`, and do not seed it.")
    if close(drawn(rng), noise, rtol=1e-2, atol=1e-4):
        raise Wrong("A second call gives the same noise again: draw from `rng` as it is, so that it moves on.")
