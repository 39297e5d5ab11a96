"""The course's static figures.

Every notebook calls `use_style()` once and hands each figure to `show`, which publishes it as one picture with
alternative text, followed by its caption. The colours are the same everywhere: the data is grey, the generator orange,
the discriminator violet.

The functions here build a bare `matplotlib.figure.Figure`, never one registered with pyplot: the inline back end
displays every figure that pyplot knows at the end of a cell, and a figure would then appear twice.
"""

from __future__ import annotations

import base64
import io
import math
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image

from gancourse.curves import compare_losses, losses
from gancourse.diagrams import architecture_diagram, game_diagram
from gancourse.grids import GUTTER, to_grid, to_uint8
from gancourse.scoreboard import scoreboard
from gancourse.style import COLOURS, DPI, RC

HEAVY = 150_000  # bytes of a picture

__all__ = [
    "COLOURS",
    "architecture_diagram",
    "compare_losses",
    "game_diagram",
    "image_grid",
    "losses",
    "samples_over_epochs",
    "scoreboard",
    "show",
    "side_by_side",
    "to_grid",
    "to_png",
    "use_style",
]

_LETTER = 8  # pixels: about the width of a letter of a label
WIDTH = 840  # pixels: what a picture of samples should at most be wide, unless its images are larger than that


def use_style() -> None:
    """Set the course's style in matplotlib's rcParams; call it once, at the top of a notebook."""
    import matplotlib.pyplot as plt  # first: the inline back end sets rcParams of its own when this is imported

    names = ("discriminator", "generator", "accent", "data")
    settings: Any = {**RC, "axes.prop_cycle": cycler(color=[COLOURS[name] for name in names])}
    plt.rcParams.update(settings)


def show(fig: Figure, number: str | float, caption: str, alt: str) -> None:
    """Publish a figure as one picture with alternative text, then its caption, and close it.

    `number` is the figure's number in the course ("2.1"), `caption` says what to see (Markdown, without the number),
    `alt` says the same to somebody who cannot see the picture. The picture is one `display_data` message with the
    alternative text both as `text/plain` and in the metadata of `image/png` (nbconvert's "lab" template ignores it).
    Outside IPython nothing is displayed. Raises ValueError where `caption` or `alt` is empty.
    """
    for name, text in (("caption", caption), ("alt", alt)):
        if not text.strip():
            raise ValueError(f"figure {number} has an empty {name}: write a sentence that says what to see")
    if _inside_ipython():
        from IPython.display import display

        alt = " ".join(alt.split())
        picture = base64.b64encode(_light(to_png(fig))).decode("ascii")
        display(
            {"image/png": picture, "text/plain": f"Figure {number}: {alt}"},
            metadata={"image/png": {"alt": alt}},
            raw=True,
        )
        line = f"*Figure {number}. {' '.join(caption.split())}*"
        display({"text/markdown": line, "text/plain": line}, raw=True)
    _close(fig)


def to_png(fig: Figure, tight: bool = True) -> bytes:
    """The figure as PNG bytes; the same figure gives the same bytes (no date, no version in the file).

    tight: cut off empty borders; without, every picture of one figure size has that size.
    """
    buffer = io.BytesIO()
    box: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.1} if tight else {}
    fig.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None}, **box)
    return buffer.getvalue()


def _light(png: bytes) -> bytes:
    """A large picture with 256 colours of its own, a third of the bytes: GitHub shows no notebook of many megabytes."""
    if len(png) <= HEAVY:
        return png
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _close(fig: Figure) -> None:
    """Release a figure, so that the inline back end does not show it a second time at the end of the cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)


def _inside_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def image_grid(images: Any, columns: int, title: str | None = None) -> Figure:
    """Images in the given order, row by row, `columns` to a row; every pixel is drawn as a whole number of pixels.

    `images`: (B, C, H, W), C = 1 or 3, uint8 or floating point in [-1, 1]; ValueError for anything else.
    """
    return _panels([(title or "", to_grid(images, columns))], columns=1)


def side_by_side(panels: Mapping[str, Any], columns: int | None = None) -> Figure:
    """Several sets of images beside one another, each a grid under its label, in the mapping's order.

    Values as for `image_grid`. `columns` is the number of images in a row of each grid; left out, grids are about
    square. At most four grids stand in a row of the figure.
    """
    if not panels:
        raise ValueError("panels is empty: pass at least one {label: images}")
    grids = []
    for label, images in panels.items():
        images = to_uint8(images)
        grids.append((label, to_grid(images, columns or math.ceil(math.sqrt(len(images))))))
    return _panels(grids, columns=min(len(grids), 4))


def samples_over_epochs(samples: Mapping[int, Any], count: int = 12) -> Figure:
    """How the samples of one fixed batch of z change: a row per epoch, a column per z (P1, figures 3 and 4).

    `samples` maps epochs to images as for `image_grid`, made from the same z in the same order (as
    `Trainer.samples` holds them). Rows are in order of the epoch; the first `count` images of each are drawn.
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
