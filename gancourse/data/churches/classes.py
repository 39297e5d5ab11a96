"""Churches sorted into 25 classes, a plan at a time of day: for networks that are told a class, and small pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gancourse.data.churches.dataset import FACTORS, procedural_churches

if TYPE_CHECKING:
    from torch import Tensor

    from gancourse.data.images import Images

RENDERED = 64  # pixels a side, of which the means of blocks make smaller pictures: what the church reader knows
CLASSES_OF = ("plan", "time")  # the two factors; the second changes first
NAMES = tuple(f"{plan}, {time}" for plan in FACTORS["plan"] for time in FACTORS["time"])


def churches_by_class(n: int, size: int = 32, seed: int = 0) -> Images:
    """n churches, (n, 3, size, size) uint8, labelled 0 to 24 by plan and time of day; `NAMES` says what each is.

    The churches of `procedural_churches`, rendered at 64 pixels a side and made as small as `size`, a divisor of 64, by
    the means of blocks. All classes are equally probable. Raises DataError for n, size or seed out of range.
    """
    from gancourse.data.degraded import shrunk

    images, factors = procedural_churches(n, RENDERED, seed)
    small = shrunk(images, size)
    return replace(small, labels=class_of(factors), name=f"classes-{small.name}")


def class_of(factors: dict[str, Tensor]) -> Tensor:
    """The class (N,) int64, 0 to 24, of churches whose factors were drawn or read, positions in FACTORS (N,) each."""
    plan, time = (factors[name] for name in CLASSES_OF)
    return plan * len(FACTORS["time"]) + time
