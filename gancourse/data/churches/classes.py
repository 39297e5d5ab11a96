"""Churches with labels that networks can be told: 25 classes, by plan and time of day, or all ten factors of each."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gancourse.data.churches.dataset import FACTORS, procedural_churches
from gancourse.data.degraded import shrunk
from gancourse.data.images import Images
from gancourse.data.pairs import LabelledImages

RENDERED = 64  # pixels a side, of which the means of blocks make smaller pictures: what the church reader knows
NAMES = tuple(f"{plan}, {time}" for plan in FACTORS["plan"] for time in FACTORS["time"])  # of the classes


def churches_by_class(n: int, size: int = 32, seed: int = 0) -> Images:
    """n churches, (n, 3, size, size) uint8, labelled 0 to 24 by plan and time of day; `NAMES` says what each is.

    The churches of `procedural_churches`, rendered at 64 pixels a side and made as small as `size`, a divisor of 64, by
    the means of blocks. All classes are equally probable. Raises DataError for n, size or seed out of range.
    """
    images, factors = procedural_churches(n, RENDERED, seed)
    small = shrunk(images, size)
    return replace(small, labels=class_of(factors), name=f"classes-{small.name}")


def class_of(factors: dict[str, Tensor]) -> Tensor:
    """The class (N,) int64, 0 to 24, of churches whose factors were drawn or read, positions in FACTORS (N,) each."""
    return factors["plan"] * len(FACTORS["time"]) + factors["time"]


def churches_with_factors(n: int, size: int = 128, seed: int = 0) -> LabelledImages:
    """n churches with labels (n, 10) int64, the factors in FACTORS' order, as positions in their values.

    Arguments and errors as of `procedural_churches`.
    """
    images, factors = procedural_churches(n, size, seed)
    told = torch.stack([factors[name] for name in FACTORS], 1)
    return LabelledImages(replace(images, labels=told, name=f"{images.name}-factors"))
