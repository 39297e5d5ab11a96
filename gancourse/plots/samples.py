"""Figures of images: one grid, several beside one another, samples over the epochs of a run."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from gancourse.plots.grids import GUTTER, to_grid, to_uint8
from gancourse.plots.style import COLOURS, DPI

WIDTH = 840  # pixels: what a picture of samples should at most be wide, unless its images are larger than that
_LETTER = 8  # pixels: about the width of a letter of a label


def image_grid(images: Any, columns: int) -> Figure:
    """Images in the given order, row by row, `columns` to a row; every pixel is drawn as a whole number of pixels.

    `images`: (B, C, H, W), C = 1 or 3, uint8 or floating point in [-1, 1]; ValueError for anything else.
    """
    return _panels([("", to_grid(images, columns))], columns=1)


def side_by_side(panels: Mapping[str, Any], columns: int | None = None) -> Figure:
    """Several sets of images beside one another, each a grid under its label, in the mapping's order.

    Values as for `image_grid`. `columns` is the number of images in a row of each grid; left out, grids are about
    square. At most four grids stand in a row of the figure, and its rows are about even. Raises ValueError
    without panels.
    """
    if not panels:
        raise ValueError("panels is empty: pass at least one {label: images}")
    grids = []
    for label, images in panels.items():
        images = to_uint8(images)
        grids.append((label, to_grid(images, columns or math.ceil(math.sqrt(len(images))))))
    rows = math.ceil(len(grids) / 4)
    return _panels(grids, columns=math.ceil(len(grids) / rows))


def samples_over_epochs(samples: Mapping[int, Any], count: int = 12) -> Figure:
    """How the samples of one fixed batch of z change: a row per epoch, a column per z (P1, figures 3 and 4).

    `samples` maps epochs to images as for `image_grid`, made from the same z in the same order (as
    `Trainer.samples` holds them). Rows are in order of the epoch; the first `count` images of each are drawn.
    Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("samples is empty: train for at least one epoch first")
    epochs = sorted(samples)
    rows = [(f"epoch {epoch}", to_grid(to_uint8(samples[epoch])[:count], count)) for epoch in epochs]
    return _panels(rows, columns=1, labels_left=True)


def _panels(panels: list[tuple[str, Any]], columns: int, labels_left: bool = False) -> Figure:
    """A figure laid out in whole pixels, so that no row or column of an image is dropped or drawn twice as wide."""
    rows = math.ceil(len(panels) / columns)
    gap = 0 if labels_left else 16
    left = 76 if labels_left else 0
    widest = max(grid.shape[1] for _, grid in panels)
    target = (WIDTH - left - gap * (columns - 1)) // columns
    scales = [max(1, max(min(target, 4 * widest), widest) // grid.shape[1]) for _, grid in panels]
    shapes = [(scale * grid.shape[0], scale * grid.shape[1]) for scale, (_, grid) in zip(scales, panels, strict=True)]
    cell_height, cell_width = (max(side) for side in zip(*shapes, strict=True))
    if not labels_left:  # a label wider than its grid goes on in the next line
        panels = [(textwrap.fill(label, max(8, cell_width // _LETTER)), grid) for label, grid in panels]
    lines = 0 if labels_left else max(len(label.splitlines()) for label, _ in panels)
    head = 8 + 16 * lines if lines else 0
    width = left + columns * cell_width + (columns - 1) * gap
    height = rows * (head + cell_height) + (rows - 1) * gap
    fig = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=COLOURS["paper"])
    fig.set_layout_engine("none")  # axes stand where they are put
    for i, ((label, grid), (h, w), scale) in enumerate(zip(panels, shapes, scales, strict=True)):
        x = left + (i % columns) * (cell_width + gap)
        y = (i // columns) * (head + cell_height + gap) + head
        ax = fig.add_axes((x / width, 1 - (y + h) / height, w / width, h / height), label=label)
        ax.set_axis_off()
        ax.imshow(grid, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
        if label:
            where = (x - 10, y + h / 2) if labels_left else (x + GUTTER * scale, y - 4)
            fig.text(
                where[0] / width,
                1 - where[1] / height,
                label,
                ha="right" if labels_left else "left",
                va="center" if labels_left else "bottom",
                fontsize=10.5,
                color=COLOURS["ink"],
            )
    return fig
