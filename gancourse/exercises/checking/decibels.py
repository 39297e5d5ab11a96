"""Checks of lesson 10's decibels: the PSNR of pictures, and that of their luma alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close, numbers
from gancourse.exercises.checking.layers import compare
from gancourse.exercises.checking.relations import relation

_ALL = (1, 2, 3)  # the axes of one picture
#: BT.601's luma in studio swing, 16 to 235 of 255, of red, green and blue in [0, 1].
STUDIO, OFFSET = (65.481, 128.553, 24.966), 16.0


def _pair(n: int, channels: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Pictures and such with noise, in [-1, 1]: no two pictures and no two channels have the same error."""
    x = torch.rand(n, channels, height, width) * 1.4 - 0.7
    size = torch.linspace(0.05, 0.4, n).view(-1, 1, 1, 1) * torch.linspace(1, 0.3, channels).view(1, -1, 1, 1)
    return x, (x + size * torch.randn_like(x)).clamp(-0.95, 0.9)


def _db(ratio: Tensor) -> Tensor:
    return 10 * ratio.log10()


def _squares(x: Tensor, y: Tensor) -> Tensor:
    """The mean of (x - y)^2 of each picture, (N,)."""
    return (x - y).square().mean(_ALL)


def _ours(x: Tensor, y: Tensor) -> Tensor:
    return _db(4 / _squares(x, y))


def _luma(x: Tensor, weights: tuple[float, float, float] = STUDIO) -> Tensor:
    """OFFSET plus the weighted channels of pictures (N, 3, H, W) in [-1, 1], (N, 1, H, W)."""
    return OFFSET + ((x + 1) / 2 * torch.tensor(weights, dtype=x.dtype).view(3, 1, 1)).sum(1, keepdim=True)


def _judge(call: StudentFunction, x: Tensor, y: Tensor, right: Tensor, mistakes: list[tuple[Tensor, str]]) -> None:
    given, right = (x.clone(), y.clone()), right.double()
    value = numbers(call(*given))
    if not torch.equal(given[0], x) or not torch.equal(given[1], y):
        raise Wrong("It changes the pictures in place: others may still need them, so make new tensors.")
    if value.shape == (len(x), 1):
        raise Wrong(f"It returned shape {tuple(value.shape)}: a number for each picture, ({len(x)},).")
    over = (right.mean(), "One number for the batch, the mean of all decibels: each picture has its own.")
    wanted = [(item.double(), message) for item, message in [*mistakes, over]]
    if value.shape == right.shape and not close(value, right, 1e-4, 1e-3):
        apart = value - right
        if bool((apart - apart.mean()).abs().max() < 1e-2):
            for mistaken, message in wanted:
                if close(value, mistaken, 1e-4, 1e-3):
                    raise Wrong(message)
            raise Wrong(
                f"Every picture is {float(apart.mean()):+.2f} dB away from what is right: a constant factor inside the "
                "logarithm is wrong. What is the largest difference that two pictures can have?"
            )
    otherwise = f"The first picture gets {float(value.flatten()[0]):.2f} dB, and {float(right[0]):.2f} dB is right."
    if value.shape == right.shape:
        otherwise = f"{otherwise} {relation(value, right)}".rstrip()
        if bool(value.isnan().any()):
            otherwise += " A nan is the logarithm of a negative number: are the differences squared before their mean?"
    compare(value, right, wanted, otherwise)


# --- PSNR ------------------------------------------------------------------------------------------------------------


def check_psnr(call: StudentFunction) -> str:
    """The check of `lesson10.psnr`: psnr(x, y), pictures (N, C, H, W) in [-1, 1] -> (N,)."""
    for n, channels in ((4, 3), (2, 1)):
        x, y = _pair(n, channels, 6, 5)
        _judge(call, x, y, _ours(x, y), _psnr_mistakes(x, y))
    white = torch.ones(1, 3, 4, 4)
    if abs(float(numbers(call(white, -white)).flatten()[0])) > 1e-3:
        raise Wrong("White against black is the largest error that there is, 0 dB: is something added, or cut off?")
    return "White against black is 0 dB, and an error of one level of 255 everywhere is 48.13 dB."


def _psnr_mistakes(x: Tensor, y: Tensor) -> list[tuple[Tensor, str]]:
    error, right = _squares(x, y), _ours(x, y)
    absolute = (x - y).abs().mean(_ALL)
    per_channel = _db(4 / (x - y).square().mean((2, 3)))
    mistakes = [
        (
            _db(1 / error),
            "6.02 dB too few: the peak is that of pictures in [0, 1]. From black to white it is 2 here, and the square "
            "of that is 4.",
        ),
        (_db(2 / error), "3.01 dB too few: the peak is 2, and it is squared, as the error is."),
        (_db(4**2 / error), "The peak is squared twice: 2 squared is 4."),
        (_db(255**2 / error), "The peak is 255, and the pictures lie in [-1, 1]: both in the same units."),
        (
            right / 2,
            "This is half of it: the logarithm is that of the root. 10 log10 takes the squares, 20 log10 the roots.",
        ),
        (2 * right, "This is twice as much: 20 log10 takes the root of the mean square, 10 log10 the mean square."),
        (right * math.log(10), "The logarithm is the natural one, 2.303 times as large: decibels take log10."),
        (right / math.log10(2), "The logarithm is that to the base 2: decibels take log10."),
        (right / 10, "The factor 10 is missing: this is in bels."),
        (-right, "The sign is turned: a small error is a large PSNR, peak^2 / MSE."),
        (_db(error), "The peak is missing, and the fraction is upside down: peak^2 / MSE."),
        (4 / error, "The logarithm is missing."),
        (error, "This is the mean square error itself: 10 log10(peak^2 / MSE)."),
        (
            _db(4 / error.mean()),
            "One number for the batch, from the mean of all errors: each picture has its own PSNR, and the logarithm "
            "comes before any mean over pictures.",
        ),
        (
            _db(4 / error.mean()).expand(len(x)),
            "All pictures get the same number, from the mean of all errors: take it over the axes (1, 2, 3) alone.",
        ),
        (_db(4 / absolute**2), "The error is a mean of absolute differences: squares, and then the mean."),
        (_db(4 / absolute), "The error is a mean of absolute differences: squares, and then the mean."),
        (_db(4 / (x - y).mean(_ALL).square()), "The mean comes before the square: errors of different sign cancel."),
        (
            _db(4 / (x - y).square().sum(_ALL)),
            "You sum over the pixels: a larger picture would be a worse one. Take the mean.",
        ),
        (_db(4 / (x - y).square().mean((1, 2))), "The mean is over channels and rows alone: columns are an axis too."),
        (_db(4 / (x - y).square().mean(1)), "A number for each pixel: the mean is over the axes (1, 2, 3)."),
        (per_channel, "A number for each channel: the mean of squares is over the channels as well."),
        (
            per_channel.mean(1),
            "This is the mean of each channel's decibels: first the mean of squares over all channels, then the "
            "logarithm.",
        ),
        *[
            (_db(peak / error), "The peak is the brightest pixel of the picture: it is that of the range, 2.")
            for peak in (x.max() ** 2, y.max() ** 2, x.amax(_ALL) ** 2, y.amax(_ALL) ** 2)
        ],
        *[
            (_db(peak / error), "The peak is the range of this picture: it is that of all pictures, 2.")
            for peak in ((x.max() - x.min()) ** 2, (y.max() - y.min()) ** 2)
        ],
    ]
    if x.shape[1] == 3:
        gap = _luma(x) - _luma(y)
        bright = (gap / 219).square().mean(_ALL)
        message = "This is the PSNR of the luma alone, which is another, larger number: all three channels count here."
        mistakes += [(_db(ratio / bright), message) for ratio in (1.0, (255 / 219) ** 2, 0.25)]
    return mistakes


# --- luma ------------------------------------------------------------------------------------------------------------


def check_psnr_y(call: StudentFunction) -> str:
    """The check of `lesson10.psnr_y`: psnr_y(x, y), pictures (N, 3, H, W) in [-1, 1] -> (N,)."""
    x, y = _pair(4, 3, 6, 5)
    right = _db(255**2 / _squares(_luma(x), _luma(y)))
    _judge(call, x, y, right, _luma_mistakes(x, y, right))
    luma, colour = float(right.mean()), float(_ours(x, y).mean())
    return (
        f"On these pictures the luma alone has {luma:.1f} dB, and red, green and blue together {colour:.1f}: "
        f"{luma - colour:.1f} dB more, and not one pixel is better. 20 log10(255/219) = 1.32 of them come from the "
        "shorter range of studio swing; the rest is noise that differs from channel to channel, which a mean hides."
    )


def _luma_mistakes(x: Tensor, y: Tensor, right: Tensor) -> list[tuple[Tensor, str]]:
    def by(*weights: float) -> Tensor:
        assert len(weights) == 3
        return _db(255**2 / _squares(_luma(x, weights), _luma(y, weights)))

    hd = by(0.2126 * 255, 0.7152 * 255, 0.0722 * 255)
    even, turned = by(85.0, 85.0, 85.0), by(*STUDIO[::-1])
    full = right + 20 * math.log10(219 / 255)
    twice = 20 * math.log10(2)
    off = "6.02 dB too few: pictures lie in [-1, 1], and the coefficients are for red, green and blue in [0, 1]"
    return [
        (right - twice, f"{off}."),
        (full - twice, f"{off}. And the range is one from 16 to 235, not from 0 to 255."),
        (
            full,
            "1.32 dB less: either the coefficients sum to 255 (.299, .587, .114), which is full swing, or the peak is "
            "219. Studio swing and a peak of 255 are asked for, as published tables have it.",
        ),
        (
            _db(235**2 / _squares(_luma(x), _luma(y))),
            "The peak is 235, the brightest luma: published tables take 255, the range of a byte.",
        ),
        (_ours(x, y), "This is the PSNR of all three channels: first the luma of each picture."),
        (turned, "The coefficients stand in the order blue, green, red."),
        (hd, "These are BT.709's coefficients, in full swing: BT.601's are asked for."),
        (hd - 20 * math.log10(219 / 255), "These are BT.709's coefficients: BT.601's are asked for."),
        (even, "The three channels count alike: the eye sees green as the brightest."),
        (
            right - 20 * math.log10(255),
            "48.13 dB too few: either the peak is 1, and luma has 255 levels, or the channels are levels already, and "
            "the coefficients are for [0, 1].",
        ),
        (right - 20 * math.log10(127.5), "The peak is 2, and luma has levels of 255: both in the same units."),
        (
            _db(255**2 / (_luma(x) - _luma(y) + OFFSET).square().mean(_ALL)),
            "16 is added to one of the two pictures alone: then the difference holds it.",
        ),
        (right / 2, "The logarithm is that of the root: 10 log10 takes the squares."),
        (right * math.log(10), "The logarithm is the natural one: decibels take log10."),
        (-right, "The sign is turned: a small error is a large PSNR."),
        (
            _db(255**2 / _squares(_luma(x), _luma(y)).mean()),
            "One number for the batch: each picture has its own PSNR.",
        ),
    ]
