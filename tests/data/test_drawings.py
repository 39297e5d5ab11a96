"""Label maps in the palette's colours, and a student's drawing read back as one."""

import itertools
import re

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse.data import DataError
from gancourse.data.churches import CLASSES, labelled_churches
from gancourse.data.churches.drawings import NEAR, PALETTE, painted, read_drawing, save_drawing


@pytest.fixture(scope="module")
def maps():
    return labelled_churches(3, 32, seed=1)[1]


def test_every_class_has_a_colour_that_is_near_no_other():
    assert tuple(PALETTE) == CLASSES
    apart = min(np.linalg.norm(np.subtract(a, b)) for a, b in itertools.combinations(PALETTE.values(), 2))
    assert apart > 2 * NEAR


def test_a_painted_map_has_its_classes_colours(maps):
    images = painted(maps)
    assert images.shape == (3, 32, 32)
    for i, y, x in itertools.product(range(3), range(0, 32, 3), range(0, 32, 5)):
        assert tuple(images.pixels[i, :, y, x].tolist()) == PALETTE[CLASSES[maps[i, y, x]]]
    many = maps[:1].expand(300, 32, 32)  # more than are painted at a time
    assert torch.equal(painted(many).pixels, images.pixels[:1].expand(300, 3, 32, 32))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.zeros(4, 4, dtype=torch.uint8), "shape (4, 4), expected (N, H, W): maps[None] for one map"),
        (torch.zeros(1, 4, 4), "are torch.float32, expected whole numbers 0 to 11"),
        (torch.full((1, 4, 4), 12), "hold numbers from 12 to 12, expected 0 to 11"),
    ],
)
def test_what_is_no_label_map_is_refused(wrong, message):
    with pytest.raises(DataError, match=re.escape(message)):
        painted(wrong)


def test_a_saved_drawing_is_indexed_and_comes_back(tmp_path, maps):
    file = tmp_path / "drawing.png"
    save_drawing(maps[0], file)
    with Image.open(file) as image:
        assert image.mode == "P" and image.size == (32, 32)
        assert np.array_equal(np.asarray(image.convert("RGB")), painted(maps[:1]).pixels[0].permute(1, 2, 0).numpy())
    assert torch.equal(read_drawing(file), maps[0])
    large = read_drawing(file, size=64)
    assert large.shape == (64, 64) and torch.equal(large[::2, ::2], maps[0])


def test_the_order_of_an_index_does_not_matter_but_its_colours_do(tmp_path, maps):
    file = tmp_path / "drawing.png"
    other = Image.fromarray(11 - maps[1].numpy(), mode="P")
    other.putpalette([level for colour in reversed(PALETTE.values()) for level in colour])
    other.save(file)
    assert torch.equal(read_drawing(file), maps[1])


def test_colours_near_the_palettes_are_taken_and_grey_numbers_too(tmp_path, maps):
    pixels = painted(maps[:1]).pixels[0].permute(1, 2, 0).numpy().astype(int)
    noise = np.random.default_rng(0).integers(-18, 19, pixels.shape)  # at most 31.2 away
    file = tmp_path / "near.png"
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(file)
    assert torch.equal(read_drawing(file), maps[0])
    Image.fromarray(maps[0].numpy()).save(file)
    assert torch.equal(read_drawing(file), maps[0])


def test_unknown_colours_are_named_with_their_place(tmp_path, maps):
    pixels = painted(maps[:1]).pixels[0].permute(1, 2, 0).numpy().copy()
    pixels[5, 7:9] = (255, 255, 255)
    pixels[6, 7] = (128, 128, 128)
    file = tmp_path / "unknown.png"
    Image.fromarray(pixels).save(file)
    with pytest.raises(DataError) as error:
        read_drawing(file)
    said = str(error.value)
    assert "unknown.png has 2 colours that are no class:" in said
    assert "#ffffff: 2 pixels, the first at x = 7, y = 5; nearest is path, #f0dca0" in said
    assert said.index("#ffffff") < said.index("#808080") < said.index("Draw with the colours of PALETTE")


def test_many_unknown_colours_are_counted(tmp_path):
    file = tmp_path / "photograph.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(file)
    with pytest.raises(DataError, match=r"and 1,?\d+ more\nDraw with"):
        read_drawing(file)


def test_what_cannot_be_a_drawing_is_refused(tmp_path, maps):
    with pytest.raises(DataError, match=r"nowhere\.png is no file"):
        read_drawing(tmp_path / "nowhere.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, but no more")
    with pytest.raises(DataError, match=r"broken\.png cannot be read as a picture"):
        read_drawing(tmp_path / "broken.png")
    save_drawing(maps[0][:20], tmp_path / "wide.png")
    assert read_drawing(tmp_path / "wide.png").shape == (20, 32)
    with pytest.raises(DataError, match="is 32x20 pixels, expected a square for a label map of 16x16"):
        read_drawing(tmp_path / "wide.png", size=16)
