"""A label map is drawn in its palette's colours, with the names of the classes that are there."""

import re

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gancourse.plots import class_map

PALETTE = {"sky": (128, 190, 255), "wall": (225, 150, 110), "roof": (190, 40, 40)}


def test_every_pixel_has_its_classes_colour_and_only_these_are_named():
    classes = torch.tensor([[0, 0, 2], [0, 2, 2], [2, 0, 0]], dtype=torch.uint8)
    fig = class_map(classes, PALETTE)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    side = 128  # of one pixel of the map
    for y in range(3):
        for x in range(3):
            colour = list(PALETTE.values())[int(classes[y, x])]
            block = pixels[y * side + 2 : (y + 1) * side - 2, x * side + 2 : (x + 1) * side - 2]
            assert (block == colour).all()
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["sky", "roof"]


def test_a_legend_of_twelve_classes_stays_in_the_figure():
    palette = {f"class {i}": (20 * i, 0, 0) for i in range(12)}
    fig = class_map(np.arange(12, dtype=np.uint8).repeat(12).reshape(12, 12), palette)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    box = fig.legends[0].get_window_extent(canvas.get_renderer())
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1 + 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 4, 4), np.uint8), "has shape (2, 4, 4), expected (H, W): pass one of them, maps[0]"),
        (np.zeros((4, 4)), "is float64, expected whole numbers"),
        (np.full((4, 4), 3), "holds numbers from 3 to 3, but the palette has 3 classes, 0 to 2"),
    ],
)
def test_what_is_no_label_map_is_named(wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        class_map(wrong, PALETTE)
