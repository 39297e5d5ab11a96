"""Churches in classes: the labels are plan and time, the pictures those of `procedural_churches`, made small."""

import pytest
import torch

from gancourse.data import DataError
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.churches.classes import NAMES, churches_by_class
from gancourse.data.degraded import shrunk


def test_labels_are_plan_and_time_and_pictures_are_made_small():
    images = churches_by_class(12, seed=3)
    large, factors = procedural_churches(12, 64, 3)
    assert images.labels is not None and images.shape == (3, 32, 32)
    assert torch.equal(images.pixels, shrunk(large, 32).pixels)
    for label, plan, time in zip(images.labels.tolist(), factors["plan"], factors["time"], strict=True):
        assert NAMES[label] == f"{FACTORS['plan'][plan]}, {FACTORS['time'][time]}"
    assert images.name.startswith("classes-") and len(NAMES) == len(set(NAMES)) == 25


def test_other_sizes_divide_64():
    assert churches_by_class(2, 64).shape == (3, 64, 64) and churches_by_class(2, 16).labels is not None
    with pytest.raises(DataError, match="no means make 48 x 48"):
        churches_by_class(2, 48)
