"""What widgets draw on: sheets of images, frames, lines, words."""

from __future__ import annotations

import numpy as np
import pytest
from driving import square

from gancourse import data
from gancourse.widgets.page import Page, Sheet, message


def test_a_sheet_knows_its_places():
    sheet = Sheet(10, 20, 7, 3, 30, 5)
    assert (sheet.width, sheet.height) == (100, 100)
    for i in range(7):
        x, y = sheet.corner(i)
        assert sheet.at(x + 1, y + 1) == i == sheet.at(x + 29, y + 29)
    assert sheet.at(9, 25) is None and sheet.at(46, 91) is None and sheet.at(120, 25) is None


def test_images_are_drawn_pixel_by_pixel():
    image = data.mnist("test").pixels[:1].numpy()
    page = Page(100, 100, colour=False)
    page.put(image[0], 10, 12, 84)
    found = square(page, 10, 12, 84)[::3, ::3, 0]
    assert np.abs(found.astype(int) - image[0, 0]).max() <= 1  # the palette has a few greys fewer
    assert (square(page, 0, 0, 10) == 255).all()


@pytest.mark.parametrize(("n", "size", "side"), [(8, 28, 56), (8, 28, 28), (7, 28, 56), (8, 28, 50), (8, 64, 128)])
def test_a_sheet_drawn_at_once_is_that_of_its_images_one_by_one(n, size, side):
    images = np.random.default_rng(0).integers(0, 256, (n + 1, 1, size, size), np.uint8)
    sheet = Sheet(3, 5, n, 4, side, 6)
    at_once, one_by_one = (Page(sheet.width + 9, sheet.height + 9, colour=False) for _ in range(2))
    at_once.sheet(images, sheet)
    for i in range(n):
        one_by_one.put(images[i], *sheet.corner(i), side)
    assert at_once.image.tobytes() == one_by_one.image.tobytes()


def test_inks_and_smooth_lines_on_a_grey_page():
    page = Page(60, 60, colour=False)
    page.frame(10, 10, 20, 20, "generator")
    page.line([(35, 50), (55, 40)], "accent")
    page.dot(45, 15, 6, "discriminator")
    colours = {tuple(c) for c in square(page, 0, 0, 60).reshape(-1, 3).tolist()}
    assert {(0xD0, 0x62, 0x0C), (0x5A, 0x3F, 0xA8), (0x00, 0x8F, 0xCC), (255, 255, 255)} <= colours
    assert len(colours) > 6  # shades at the edges
    assert all(len(set(c)) == 1 or max(c) - min(c) > 20 for c in colours)


def test_a_message_fits_its_page():
    page = message(300, 120, "There is no picture", "word " * 200)
    assert page.image.size == (300, 120) and square(page, 0, 0, 100).min() < 100
