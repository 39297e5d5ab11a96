"""A label map as a figure: every class in its colour, and a legend that names those that are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gancourse.plots.style import COLOURS, DPI

_SIDE = 384  # pixels: how large a small map is drawn
_LEGEND = 128  # pixels: the room for the names, to the right


def class_map(classes: Any, palette: Mapping[str, tuple[int, int, int]]) -> Figure:
    """One label map, every pixel of it drawn as a whole number of pixels, beside the names of the classes in it.

    classes: (H, W) whole numbers, positions in the palette; a torch tensor or a numpy array.
    palette: class -> red, green and blue in 0 to 255, in the order of the numbers; `gancourse.data.churches.drawings`
        has the one of the churches.

    Raises ValueError for another shape, for floats, and for numbers that the palette has not.
    """
    if hasattr(classes, "detach"):
        classes = classes.detach().cpu().numpy()
    array = np.asarray(classes)
    if array.ndim != 2 or array.size == 0:
        hint = "pass one of them, maps[0]" if array.ndim == 3 else "reshape it"
        raise ValueError(f"the label map has shape {array.shape}, expected (H, W): {hint}")
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"the label map is {array.dtype}, expected whole numbers: the positions of the palette")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= len(palette):
        raise ValueError(
            f"the label map holds numbers from {low} to {high}, but the palette has {len(palette)} classes, 0 to "
            f"{len(palette) - 1}: pass the palette that it was made with"
        )
    colours = np.array(list(palette.values()), np.uint8)
    h, w = array.shape
    scale = max(1, _SIDE // max(h, w))
    width, height = scale * w + _LEGEND, scale * h
    fig = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=COLOURS["paper"])
    fig.set_layout_engine("none")  # the axes stand where they are put
    ax = fig.add_axes((0, 0, scale * w / width, 1))
    ax.set_axis_off()
    ax.imshow(colours[array], interpolation="nearest", aspect="auto")
    names, present = list(palette), np.unique(array)
    patches = [Patch(facecolor=colours[i] / 255, edgecolor=COLOURS["muted"], label=names[i]) for i in present]
    fig.legend(handles=patches, loc="upper left", bbox_to_anchor=(scale * w / width, 1.0), frameon=False)
    return fig
