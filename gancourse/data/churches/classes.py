"""Churches with labels that networks can be told: all ten factors of each."""

from __future__ import annotations

from dataclasses import replace

import torch

from gancourse.data.churches.dataset import FACTORS, procedural_churches
from gancourse.data.pairs import LabelledImages


def churches_with_factors(n: int, size: int = 128, seed: int = 0) -> LabelledImages:
    """n churches with labels (n, 10) int64, the factors in FACTORS' order, as positions in their values.

    Arguments and errors as of `procedural_churches`.
    """
    images, factors = procedural_churches(n, size, seed)
    told = torch.stack([factors[name] for name in FACTORS], 1)
    return LabelledImages(replace(images, labels=told, name=f"{images.name}-factors"))
