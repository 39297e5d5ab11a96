"""The check of lesson 12's truncated z: draws outside of [-t, t] are drawn again."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gancourse.exercises.checking import guard
from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import check_draws, close, ks_distance

_D = 40
_SOURCES = ("randn", "normal", "rand", "uniform")


def _phi(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x.double() / math.sqrt(2)))


def _share(t: float) -> float:
    """The share of N(0, 1) that lies in [-t, t]."""
    return math.erf(t / math.sqrt(2))


class _Bounded(TorchFunctionMode):
    """Stops a function that draws far more numbers than resampling takes, one by one."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left, self.stopped = most, False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        value = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "").startswith(_SOURCES) and isinstance(value, Tensor):
            self.left -= value.numel()
            if self.left < 0:
                self.stopped = True
                raise guard.OutOfTime
        return value


def check_truncated(call: StudentFunction) -> str:
    """The check of `lesson12.truncated`: truncated(n, d, t, rng) -> z (n, d) in [-t, t]."""
    for n, t in ((100, 2.0), (100, 1.0), (40, 0.3)):
        z = _drawn(call, n, t, 1)
        _judge_values(z, t)
        check_draws(z)
        _judge_distribution(z, t)
        _judge_source(call, z, n, t)
    return (
        "Clamped, a third of all numbers would stand at exactly -1 or 1 for t = 1, where G never saw any; drawn again, "
        "all of them are numbers that G knows, only without the rare ones. The smaller t, the more alike the pictures."
    )


def _drawn(call: StudentFunction, n: int, t: float, seed: int, rng: torch.Generator | None = None) -> Tensor:
    bounded = _Bounded(int(60 * n * _D / _share(t)) + 10_000)
    try:
        with bounded:
            value = call(n, _D, t, rng or torch.Generator().manual_seed(seed))
    except guard.OutOfTime:
        if not bounded.stopped:
            raise
        raise Wrong(
            f"For t = {t:g} it has drawn more than sixty times the numbers that this takes, and was stopped. A row of "
            f"{_D} numbers is hardly ever inside as a whole: draw again those numbers alone that are outside, and keep "
            "the others."
        ) from None
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: a tensor of shape {(n, _D)} is expected.")
    if tuple(value.shape) != (n, _D):
        left_out = " Draws outside are drawn again, not left out." if value.ndim == 1 and value.numel() < n * _D else ""
        raise Wrong(f"It returned shape {tuple(value.shape)}: (n, d) = {(n, _D)} is expected.{left_out}")
    if value.dtype != torch.float32:
        raise Wrong(f"It returned {describe((value,))}: float32 is expected.")
    return value.detach()


def _judge_values(z: Tensor, t: float) -> None:
    if not bool(z.isfinite().all()):
        raise Wrong("Some of its numbers are not finite.")
    outside = z.abs() > t
    if bool(outside.any()):
        share = float(outside.double().mean())
        plain = torch.randn(z.shape, generator=torch.Generator().manual_seed(1))
        if close(z, t * plain, atol=1e-5):
            raise Wrong("z is multiplied by t, which is another normal distribution: numbers outside are drawn again.")
        one_sided = not bool((z > t).any()) or not bool((z < -t).any())
        if abs(share / (1 - _share(t)) - 1) < 0.25:
            raise Wrong(f"With t = {t:g}, {share:.1%} of the numbers are outside, as of any N(0, 1): draw those again.")
        if one_sided and share > 0.2 * (1 - _share(t)):
            raise Wrong(f"With t = {t:g} numbers are outside on one side: both ends count, `z.abs() > t`.")
        raise Wrong(
            f"With t = {t:g}, {share:.1%} of the numbers are still outside: what is drawn again can be outside again, "
            "so repeat until none is."
        )
    for at, what in ((t, "t or -t"), (0.0, "0")):
        share = float((z.abs() == at).double().mean())
        if share > 0.01:
            raise Wrong(
                f"With t = {t:g}, {share:.0%} of the numbers are exactly {what}: they were {'clamped' if at else 'set'}"
                ", and not drawn again. G has never been trained there."
            )


def _judge_distribution(z: Tensor, t: float) -> None:
    """`Wrong` unless these can be draws of N(0, 1) that were drawn again outside of [-t, t]."""
    plain = torch.randn(len(z), _D, generator=torch.Generator().manual_seed(1))
    if any(close(z, item, atol=1e-5) for item in (torch.fmod(plain, t), plain.remainder(t), plain.remainder(t) - t)):
        raise Wrong("The remainder folds what is outside back to another place: draw it again instead.")
    if close(z, t * plain.tanh(), atol=1e-5):
        raise Wrong("A tanh squeezes all numbers: those inside stay as they are, the others are drawn again.")
    if close(z / z.abs().max() * plain.abs().max(), plain, rtol=1e-3, atol=1e-4):
        raise Wrong("All numbers are made smaller, to fit: those inside stay as they are, the others are drawn again.")
    ends = _phi(torch.tensor([-t, t]))
    limit = 2.7 / z.numel() ** 0.5
    if ks_distance((_phi(z) - ends[0]) / (ends[1] - ends[0])) <= limit:
        return
    if not bool((z < 0).any()):
        raise Wrong("No number is negative: z comes from N(0, 1), and is cut at both ends.")
    if ks_distance((z / t + 1) / 2) <= limit:
        raise Wrong(f"With t = {t:g} the numbers are uniform in [-t, t]: they are N(0, 1), without what is outside.")
    inside = plain.abs() <= t
    if close(z[inside], plain[inside], atol=1e-6):
        raise Wrong(
            f"With t = {t:g} the numbers inside are right, and what stands in place of the others is not N(0, 1) drawn "
            "again."
        )
    width = float(z.double().std())
    raise Wrong(
        f"With t = {t:g} the numbers are inside, but not distributed as N(0, 1) is there (their deviation is "
        f"{width:.3f}): draw from N(0, 1), and draw again what is outside."
    )


def _judge_source(call: StudentFunction, z: Tensor, n: int, t: float) -> None:
    if not torch.equal(_drawn(call, n, t, 1), z):
        raise Wrong(
            "Two generators with the same seed give different z: some of the numbers are not drawn from `rng`. Pass "
            "`generator=rng` in each draw; `torch.randn_like` takes none."
        )
    if torch.equal(_drawn(call, n, t, 2), z):
        raise Wrong("Generators with different seeds give the same z: draw from `rng`, and do not seed it.")
    rng = torch.Generator().manual_seed(1)
    first, second = _drawn(call, n, t, 1, rng), _drawn(call, n, t, 1, rng)
    if torch.equal(first, second):
        raise Wrong("A second call gives the same z again: draw from `rng` as it is, so that it moves on.")
