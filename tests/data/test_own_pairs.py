"""Pairs of a student's own: paired by name, cropped alike, and nothing left out without a word."""

import os
import re

import numpy as np
import pytest
import torch
from made_pictures import encoded, picture
from PIL import Image

from gancourse.data import DataError
from gancourse.data.pairs import AlignedPairs
from gancourse.data.photographs import decode, paired_folders, side_by_side_pairs

SIZE = 16


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folders(tmp_path):
    """Two folders of five pairs, some in a folder below; b holds the negatives of a, in another format."""
    for i, name in enumerate(["a-b", "a", "a.b", "z", "inner/a"]):
        for side, ending in (("day", "png"), ("dusk", "bmp")):
            file = tmp_path / side / f"{name}.{ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            image = picture(i, 40 + i, 30)
            if side == "dusk":
                image = Image.fromarray(255 - np.asarray(image))
            file.write_bytes(encoded(image, ending.upper()))
    return tmp_path / "day", tmp_path / "dusk"


def test_two_folders_are_paired_by_name_whatever_the_ending(folders):
    day, dusk = folders
    pairs = paired_folders(day, dusk, SIZE)
    assert isinstance(pairs, AlignedPairs) and len(pairs) == 5 and pairs.a.shape == (3, SIZE, SIZE)
    assert (pairs.a.name, pairs.b.name) == ("day", "dusk")
    sums = pairs.a.pixels.int() + pairs.b.pixels.int()
    assert (sums - 255).abs().max() <= 1  # each negative with its own positive, cropped alike
    assert len({bytes(image.numpy().tobytes()) for image in pairs.a.pixels}) == 5
    a, b = next(pairs.batches(5, torch.Generator().manual_seed(0)))
    assert (a + b).abs().max() < 0.02
    assert paired_folders(day, dusk, SIZE).fingerprint == pairs.fingerprint


def test_folders_that_agree_in_names_sizes_and_times_are_still_two(tmp_path):
    for i, where in enumerate(("one/a", "two/a")):
        (tmp_path / where).mkdir(parents=True)
        (tmp_path / where / "0.bmp").write_bytes(encoded(picture(i, 20, 20), "BMP"))
        os.utime(tmp_path / where / "0.bmp", (0, 0))
    pairs = paired_folders(tmp_path / "one/a", tmp_path / "two/a", SIZE)
    assert not torch.equal(pairs.a.pixels, pairs.b.pixels)


def test_pictures_without_a_partner_are_named(folders):
    day, dusk = folders
    (dusk / "inner" / "a.bmp").unlink()
    (dusk / "new.png").write_bytes(encoded(picture(1, 30, 30)))
    with pytest.raises(DataError) as error:
        paired_folders(day, dusk, SIZE)
    said = str(error.value)
    assert said.startswith("2 pictures without a partner: add it under the same name, or remove them.")
    assert f"inner{os.sep}a.png has none in {dusk}" in said and f"new.png has none in {day}" in said


def test_partners_of_different_sizes_are_named(folders):
    day, dusk = folders
    (dusk / "z.bmp").write_bytes(encoded(picture(1, 60, 30), "BMP"))
    with pytest.raises(DataError, match=re.escape(f"z: 43x30 in {day}, 60x30 in {dusk}")):
        paired_folders(day, dusk, SIZE)


def test_a_broken_picture_is_named_and_stops_all(folders, capsys):
    day, dusk = folders
    (dusk / "z.bmp").write_bytes(b"BM, but no picture")
    with pytest.raises(DataError, match=r"(?s)of the 5 pictures in .*dusk cannot be used.*z\.bmp: cannot be decoded"):
        paired_folders(day, dusk, SIZE)


def test_two_pictures_of_one_name_are_refused(folders):
    day, dusk = folders
    (day / "z.jpg").write_bytes(encoded(picture(1, 43, 30), "JPEG"))
    with pytest.raises(DataError, match=r"differ in the ending alone: rename one\.\n  z\.jpg and z\.png"):
        paired_folders(day, dusk, SIZE)


def test_folders_without_pictures(tmp_path, folders):
    with pytest.raises(DataError, match="nowhere is no folder"):
        paired_folders(folders[0], tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no pictures"):
        side_by_side_pairs(tmp_path / "empty")


@pytest.fixture
def halves(tmp_path):
    folder = tmp_path / "facades"
    folder.mkdir()
    for i in range(4):
        both = np.concatenate([np.asarray(picture(i, 24, 24)), 255 - np.asarray(picture(i, 24, 24))], 1)
        (folder / f"{i}.png").write_bytes(encoded(Image.fromarray(both)))
    return folder


def test_a_folder_of_pictures_side_by_side(halves):
    pairs = side_by_side_pairs(halves, SIZE)
    assert (pairs.a.name, pairs.b.name) == ("facades-left", "facades-right")
    assert (pairs.a.pixels.int() + pairs.b.pixels.int() - 255).abs().max() <= 1
    expected = decode.pixels(encoded(picture(2, 24, 24)), SIZE)
    assert np.array_equal(pairs.a.pixels[2].numpy(), expected)
    turned = side_by_side_pairs(halves, SIZE, first="right")
    assert torch.equal(turned.a.pixels, pairs.b.pixels) and torch.equal(turned.b.pixels, pairs.a.pixels)
    with pytest.raises(DataError, match='first is \'top\', expected "left" or "right"'):
        side_by_side_pairs(halves, SIZE, first="top")


def test_pictures_that_are_not_two_are_named(halves):
    (halves / "odd.png").write_bytes(encoded(picture(1, 47, 24)))
    (halves / "single.png").write_bytes(encoded(picture(1, 24, 24)))
    with pytest.raises(DataError) as error:
        side_by_side_pairs(halves, SIZE)
    said = str(error.value)
    assert said.startswith("2 pictures that are not two of equal width side by side")
    assert "odd.png: 47x24, an odd width has no two halves" in said
    assert "single.png: 24x24, two side by side are wider than high" in said
