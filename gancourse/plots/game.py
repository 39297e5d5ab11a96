"""The GAN game in one picture: who gets what, who answers what, and whom each loss teaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from gancourse.plots.grids import to_uint8
from gancourse.plots.strokes import Point, arrow, canvas, figure, tint
from gancourse.plots.style import COLOURS


def game_diagram(real: Any = None, fake: Any = None) -> Figure:
    """What a GAN is in one picture: who gets what, who answers what, and whom each loss teaches.

    `real`, `fake`: optional images (B, C, H, W), uint8 or floating point in [-1, 1], of which the first six are drawn;
    without them, drawn stand-ins.
    """
    ax = canvas(11.0, 5.0)
    grey, orange, violet = COLOURS["data"], COLOURS["generator"], COLOURS["discriminator"]
    top, bottom, centre = 4.05, 1.45, 2.75  # heights of the data's row, of the generator's row and of D

    _box(ax, (2.15, top), 1.5, 0.95, "data", "training images", grey)
    _noise(ax, (0.55, bottom), 0.5)
    ax.text(0.55, bottom - 0.62, "noise z", ha="center", va="top", fontsize=10)
    _box(ax, (2.15, bottom), 1.5, 0.95, "G", "generator", orange)
    _thumbnails(ax, (4.35, top), real, grey, seed=0)
    _thumbnails(ax, (4.35, bottom), fake, orange, seed=1)
    ax.text(4.35, top + 0.62, "real images x", ha="center", va="bottom", fontsize=10)
    ax.text(4.35, bottom + 0.62, "fake images G(z)", ha="center", va="bottom", fontsize=10)
    _box(ax, (6.75, centre), 1.5, 0.95, "D", "discriminator", violet)

    arrow(ax, [(0.92, bottom), (1.34, bottom)])
    arrow(ax, [(2.96, bottom + 0.15), (3.5, bottom + 0.15)])
    arrow(ax, [(2.96, top), (3.5, top)])
    arrow(ax, [(5.2, top), (5.55, top), (5.55, centre + 0.2), (5.94, centre + 0.2)])
    arrow(ax, [(5.2, bottom + 0.15), (5.55, bottom + 0.15), (5.55, centre - 0.2), (5.94, centre - 0.2)])

    _gauge(ax, (9.35, centre), 1.9)
    arrow(ax, [(7.56, centre), (8.2, centre)])
    _loss(ax, (9.35, top), "D's loss", "−log D(x) − log(1 − D(G(z)))", violet)
    _loss(ax, (9.35, bottom), "G's loss", "−log D(G(z))", orange)
    arrow(ax, [(9.35, centre + 0.55), (9.35, top - 0.4)])
    arrow(ax, [(9.35, centre - 0.62), (9.35, bottom + 0.4)])

    arrow(ax, [(8.0, top), (6.75, top), (6.75, centre + 0.53)], violet, dashed=True)
    ax.text(6.63, top - 0.4, "gradient\nteaches D", ha="right", va="center", fontsize=9.5, color=violet)
    # G's gradient takes the way of the fakes backwards: from the loss into D, from D to the pixels, from them into G
    back = bottom - 0.28
    arrow(ax, [(8.0, bottom), (7.05, bottom), (7.05, centre - 0.53)], orange, dashed=True)
    arrow(ax, [(6.45, centre - 0.53), (6.45, back), (5.24, back)], orange, dashed=True)
    arrow(ax, [(3.46, back), (2.96, back)], orange, dashed=True)
    label = "gradient teaches G: back through D to the pixels,\nand through the pixels to G"
    ax.text(5.45, back - 0.18, label, ha="left", va="top", fontsize=9.5, color=orange)
    return figure(ax)


def _box(ax: Axes, centre: Point, width: float, height: float, name: str, what: str, colour: str) -> None:
    x, y = centre
    style = "round,pad=0,rounding_size=0.1"
    corner = (x - width / 2, y - height / 2)
    face = tint(colour, 0.14)
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=face, edgecolor=colour, lw=1.8))
    ax.text(x, y + 0.13, name, ha="center", va="center", fontsize=17, fontweight="bold", color=colour)
    ax.text(x, y - 0.24, what, ha="center", va="center", fontsize=9.5)


def _noise(ax: Axes, centre: Point, side: float) -> None:
    """A column of grey cells: a vector of random numbers."""
    values = np.random.default_rng(3).normal(size=(7, 1))
    x, y = centre
    extent = (x - side / 4, x + side / 4, y - 0.5, y + 0.5)
    ax.imshow(values, cmap="gray", vmin=-2.5, vmax=2.5, extent=extent, aspect="auto", interpolation="nearest")
    ax.add_patch(Rectangle((extent[0], extent[2]), side / 2, 1.0, fill=False, edgecolor=COLOURS["data"], lw=1))


def _thumbnails(ax: Axes, centre: Point, images: Any, colour: str, seed: int) -> None:
    """Two rows of three pictures with a frame in `colour`."""
    pictures = _stand_ins(noisy=seed > 0) if images is None else to_uint8(images)[:6].transpose(0, 2, 3, 1)
    side, gap = 0.5, 0.05
    left, top = centre[0] - 1.5 * side - gap, centre[1] + side + gap / 2
    for i, picture in enumerate(pictures):
        x = left + (i % 3) * (side + gap)
        y = top - (i // 3) * (side + gap)
        extent = (x, x + side, y - side, y)
        ax.imshow(
            picture.squeeze(-1) if picture.shape[-1] == 1 else picture,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=extent,
            aspect="auto",
            interpolation="nearest",
        )
        ax.add_patch(Rectangle((x, y - side), side, side, fill=False, edgecolor=colour, lw=1.4, zorder=3))


def _stand_ins(noisy: bool) -> np.ndarray:
    """Six 14x14 pictures of simple strokes (6, 14, 14, 1); `noisy` ones are half drowned, as an early G's are."""
    rows, columns = np.mgrid[0:14, 0:14] - 6.5
    radius = np.hypot(rows, columns * 1.25)
    ring = np.exp(-((radius - 4.2) ** 2) / 1.2)
    bar = np.exp(-((columns + rows * 0.2) ** 2) / 1.0) * (abs(rows) < 5.5)
    roof = np.exp(-((rows + 4.5) ** 2) / 1.0) * (abs(columns) < 4)
    slash = np.exp(-((columns + 0.7 * rows - 0.5) ** 2) / 1.4) * (abs(rows) < 5)
    small = np.exp(-((np.hypot(rows + 2.8, columns * 1.2) - 2.3) ** 2) / 0.9)
    below = np.exp(-((np.hypot(rows - 2.8, columns * 1.2) - 2.5) ** 2) / 0.9)
    strokes = [ring, bar, np.maximum(roof, slash), np.maximum(small, below), np.maximum(small, slash), below]
    pictures = np.stack(strokes)
    if noisy:
        noise = np.random.default_rng(0).uniform(size=pictures.shape)
        pictures = np.clip(0.45 * pictures[[1, 0, 3, 2, 5, 4]] + 0.6 * noise, 0, 1)
    return (255 * np.clip(pictures, 0, 1)).astype(np.uint8)[..., None]


def _gauge(ax: Axes, centre: Point, width: float) -> None:
    """D's answer: a scale from 0, fake, to 1, real, with a mark."""
    x, y = centre
    left = x - width / 2
    ramp = np.linspace(0, 1, 64)[None, :, None]
    low, high = np.array(tint(COLOURS["generator"], 0.75)), np.array(tint(COLOURS["data"], 0.85))
    ax.imshow(
        low * (1 - ramp) + high * ramp,
        extent=(left, left + width, y - 0.1, y + 0.1),
        aspect="auto",
        interpolation="bilinear",
    )
    ax.add_patch(Rectangle((left, y - 0.1), width, 0.2, fill=False, edgecolor=COLOURS["ink"], lw=0.8))
    mark = left + 0.68 * width
    ax.add_patch(Polygon([(mark, y + 0.08), (mark - 0.08, y + 0.24), (mark + 0.08, y + 0.24)], color=COLOURS["ink"]))
    ax.text(x, y + 0.3, "probability of real", ha="center", va="bottom", fontsize=10)
    ax.text(left, y - 0.16, "0: fake", ha="left", va="top", fontsize=9.5)
    ax.text(left + width, y - 0.16, "1: real", ha="right", va="top", fontsize=9.5)


def _loss(ax: Axes, centre: Point, name: str, formula: str, colour: str) -> None:
    x, y = centre
    width, height = 2.6, 0.7
    style = "round,pad=0,rounding_size=0.1"
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, facecolor="white", edgecolor=colour, lw=1.4))
    ax.text(x, y + 0.15, name, ha="center", va="center", fontsize=10.5, fontweight="bold", color=colour)
    ax.text(x, y - 0.15, formula, ha="center", va="center", fontsize=10)
