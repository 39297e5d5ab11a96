"""What lessons 08 and 09 train on: plain and coded maps, sides without partners, and pairs of a student's own."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from gancourse.data import DataError
from gancourse.data.churches import CLASSES, FACTORS
from gancourse.data.churches.drawings import PALETTE, painted
from gancourse.data.churches.tasks import TASKS, map_pairs, true_pairs, unpaired
from gancourse.data.pairs import AlignedPairs, UnalignedPairs, first_pairs
from gancourse.data.photographs.own_pairs import own_pairs, own_sides


def test_a_coded_map_says_stone_and_roof_and_nothing_else_changes():
    pairs, maps, factors = map_pairs(24, code=True)
    plain = painted(maps).pixels
    changed = (pairs.a.pixels != plain).any(1)
    surfaces = (maps == CLASSES.index("wall")) | (maps == CLASSES.index("roof"))
    assert torch.equal(changed, surfaces)
    seen: dict[tuple[str, int], set[tuple[int, ...]]] = {}
    for name, surface in (("stone", "wall"), ("roof", "roof")):
        for i in range(24):
            colours = pairs.a.pixels[i].permute(1, 2, 0)[maps[i] == CLASSES.index(surface)].unique(dim=0)
            if len(colours):
                assert len(colours) == 1
                seen.setdefault((name, int(factors[name][i])), set()).add(tuple(colours[0].tolist()))
    used = [colour for colours in seen.values() for colour in colours]
    assert all(len(colours) == 1 for colours in seen.values()) and len(set(used)) == len(used)
    far = [sum((a - b) ** 2 for a, b in zip(c, p, strict=True)) for c in used for p in PALETTE.values()]
    assert min(far) > 40**2  # no colour of a kind could be taken for a class


def test_the_light_is_the_same_on_all_maps_pairs():
    pairs, maps, factors = map_pairs(24)
    assert torch.equal(pairs.a.pixels, painted(maps).pixels) and len(pairs) == 24
    assert {FACTORS["time"][i] for i in factors["time"]} == {"noon"}
    assert {FACTORS["weather"][i] for i in factors["weather"]} <= {"clear", "cloudy"}


@pytest.mark.parametrize("task", TASKS)
def test_sides_have_no_partners_and_true_pairs_do(task):
    sides, (pairs, maps, factors) = unpaired(task, 8), true_pairs(task, 8, 4)
    assert isinstance(sides, UnalignedPairs) and isinstance(pairs, AlignedPairs)
    assert maps.shape == (8, 64, 64) and len(factors["roof"]) == 8
    assert not any(torch.equal(x, y) for x in sides.a.pixels for y in pairs.a.pixels)  # other churches
    trees = maps == CLASSES.index("door")
    assert trees.any() and (pairs.a.pixels != pairs.b.pixels).any()
    assert len(first_pairs(sides, 3)) == 3 and torch.equal(first_pairs(pairs, 3).b.pixels, pairs.b.pixels[:3])
    with pytest.raises(DataError, match="asked for 9"):
        first_pairs(pairs, 9)


def save(path, width: int = 64, level: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, 64), (level, 0, 0)).save(path)


def test_one_folder_may_hold_two_folders_or_pictures_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    for i in range(3):
        save(tmp_path / "two" / "a" / f"{i}.png", level=10 * i)
        save(tmp_path / "two" / "b" / f"{i}.png", level=100 + 10 * i)
        save(tmp_path / "beside" / f"{i}.png", width=128, level=10 * i)
    two, beside, sides = own_pairs(tmp_path / "two"), own_pairs(tmp_path / "beside"), own_sides(tmp_path / "two")
    assert [int(x[0, 0, 0]) for x in two.b.pixels] == [100, 110, 120] and len(beside) == 3
    assert isinstance(sides, UnalignedPairs) and len(sides) == 3 and sides.a.shape == (3, 64, 64)
    with pytest.raises(DataError, match="has no folder a; put the pictures of the two sides into a and b"):
        own_sides(tmp_path / "beside")
