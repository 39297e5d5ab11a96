"""Diagrams drawn by code: the GAN game in one picture, and a network's architecture read off the network itself.

Both are laid out in inches on one bare axes, so that type sizes and distances hold together at any width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path

from gancourse.plots.grids import to_uint8
from gancourse.plots.style import COLOURS, DPI

Point = tuple[float, float]
TALLEST = 1.15  # inches: the largest tensor of an architecture diagram


def game_diagram(real: Any = None, fake: Any = None) -> Figure:
    """What a GAN is in one picture: who gets what, who answers what, and whom each loss teaches.

    `real`, `fake`: optional images (B, C, H, W), uint8 or floating point in [-1, 1], of which the first six are drawn;
    without them, drawn stand-ins.
    """
    ax = _canvas(11.0, 5.0)
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

    _arrow(ax, [(0.92, bottom), (1.34, bottom)])
    _arrow(ax, [(2.96, bottom), (3.5, bottom)])
    _arrow(ax, [(2.96, top), (3.5, top)])
    _arrow(ax, [(5.2, top), (5.55, top), (5.55, centre + 0.2), (5.94, centre + 0.2)])
    _arrow(ax, [(5.2, bottom), (5.55, bottom), (5.55, centre - 0.2), (5.94, centre - 0.2)])

    _gauge(ax, (9.35, centre), 1.9)
    _arrow(ax, [(7.56, centre), (8.2, centre)])
    _loss(ax, (9.35, top), "D's loss", "−log D(x) − log(1 − D(G(z)))", violet)
    _loss(ax, (9.35, bottom), "G's loss", "−log D(G(z))", orange)
    _arrow(ax, [(9.35, centre + 0.55), (9.35, top - 0.4)])
    _arrow(ax, [(9.35, centre - 0.62), (9.35, bottom + 0.4)])

    _arrow(ax, [(8.0, top), (6.75, top), (6.75, centre + 0.53)], violet, dashed=True)
    ax.text(6.63, top - 0.4, "gradient\nteaches D", ha="right", va="center", fontsize=9.5, color=violet)
    _arrow(ax, [(9.35, bottom - 0.4), (9.35, 0.42), (2.15, 0.42), (2.15, bottom - 0.53)], orange, dashed=True)
    label = "gradient, passed back through D and the fake images, teaches G"
    ax.text(5.75, 0.34, label, ha="center", va="top", fontsize=9.5, color=orange)
    return _figure(ax)


def architecture_diagram(module: Any, example_input: Any) -> Figure:
    """The tensors of one network, from its input to its output, and the layers between them.

    `module` is a torch module with its layers in an `nn.Sequential` called `net`, or itself an `nn.Sequential`;
    `example_input` is a batch that it takes. Shapes and parameter counts are read off the network by running it once
    (in evaluation mode, without gradient; its state is left as it was). A block's face grows with the resolution and
    its depth with the channels, both on a root scale. Raises ValueError for a module without a Sequential.
    """
    stages = _stages(module, example_input)
    name = type(module).__name__
    role = next((role for role in ("generator", "discriminator") if role in name.lower()), "accent")
    step, margin = 1.62, 0.8
    most = max(len(lines) for _, lines, _ in stages)
    foot = 0.15 + 0.185 * (most + 1)  # height of the uppermost line of text under the blocks
    middle = foot + 0.2 + TALLEST / 2
    ax = _canvas(2 * margin + step * (len(stages) - 1), middle + TALLEST / 2 + 0.85)
    total = sum(count for _, _, count in stages)
    ax.text(0.12, middle + TALLEST / 2 + 0.75, f"{name}: {total:,} parameters", va="top", fontsize=11)
    shapes = [shape for shape, _, _ in stages]
    halves = [
        _block(ax, (margin + i * step, middle), shape, _extent(shape, shapes), COLOURS[role])
        for i, shape in enumerate(shapes)
    ]
    for i, (_, lines, count) in enumerate(stages[1:], start=1):
        x = margin + i * step
        _arrow(ax, [(x - step + halves[i - 1] + 0.06, middle), (x - halves[i] - 0.06, middle)])
        for row, line in enumerate([*lines, f"{count:,} parameters"] if count else lines):
            colour = COLOURS["ink"] if row == 0 else COLOURS["data"]
            ax.text(x - step / 2, foot - 0.185 * row, line, ha="center", va="top", fontsize=8.5, color=colour)
    return _figure(ax)


# --- reading a network --------------------------------------------------------------------------------------


def _stages(module: Any, example_input: Any) -> list[tuple[tuple[int, ...], list[str], int]]:
    """[(shape of a tensor without its batch axis, layers that made it, their parameters)], the input first."""
    import torch
    from torch import nn

    net = getattr(module, "net", module)
    if not isinstance(net, nn.Sequential):
        raise ValueError(
            f"{type(module).__name__} is no nn.Sequential and holds none called net: "
            "pass a network of gancourse.models or an nn.Sequential"
        )
    modes = [(part, part.training) for part in module.modules()]
    module.eval()  # a forward pass in training mode would move BatchNorm's running statistics
    try:
        with torch.no_grad():
            final = tuple(module(example_input).shape[1:])
            x = example_input
            first = net[0]
            if isinstance(first, nn.Linear):
                x = x.flatten(1)
            elif isinstance(first, nn.ConvTranspose2d) and x.ndim == 2:
                x = x[:, :, None, None]
            stages = [(tuple(example_input.shape[1:]), ["input"], 0)]
            for layer in net:
                x = layer(x)
                count = sum(parameter.numel() for parameter in layer.parameters())
                line = _describe(layer)
                if count and not isinstance(layer, nn.BatchNorm2d):
                    stages.append((tuple(x.shape[1:]), [line], count))
                else:  # a normalisation or an activation belongs to the layer before it
                    shape, lines, before = stages[-1]
                    flat = isinstance(layer, nn.Flatten)
                    stages[-1] = (shape if flat else tuple(x.shape[1:]), [*lines, line], before + count)
    finally:
        for part, mode in modes:
            part.training = mode
    shape, lines, count = stages[-1]
    if len(final) == 3 and len(shape) == 1:  # an MLP's output is seen as an image
        stages[-1] = (final, [*lines, "as image"], count)
    return stages


def _describe(layer: Any) -> str:
    """One short line for a layer: its kind and what distinguishes it."""
    kind = type(layer).__name__
    if hasattr(layer, "kernel_size"):
        short = {"ConvTranspose2d": "ConvT", "Conv2d": "Conv"}.get(kind, kind)
        text = f"{short} {layer.kernel_size[0]}×{layer.kernel_size[1]}"
        return f"{text}, stride {layer.stride[0]}"
    if hasattr(layer, "in_features"):
        return f"{kind} {layer.in_features} to {layer.out_features}"
    if hasattr(layer, "negative_slope"):
        return f"{kind} {layer.negative_slope:g}"
    return {"BatchNorm2d": "BatchNorm"}.get(kind, kind)


# --- pieces -------------------------------------------------------------------------------------------------


def _canvas(width: float, height: float) -> Axes:
    """A bare axes whose data units are inches."""
    fig = Figure(figsize=(width, height), dpi=DPI, facecolor=COLOURS["paper"])
    fig.set_layout_engine("none")  # axes stand where they are put
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, width)
    ax.set_ylim(0, height)
    ax.set_axis_off()
    return ax


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return figure


def _tint(colour: str, strength: float) -> tuple[float, float, float]:
    """`colour` mixed with white: 1 is the colour, 0 is white."""
    r, g, b = (1 - strength * (1 - value) for value in to_rgb(colour))
    return r, g, b


def _box(ax: Axes, centre: Point, width: float, height: float, name: str, what: str, colour: str) -> None:
    x, y = centre
    style = "round,pad=0,rounding_size=0.1"
    corner = (x - width / 2, y - height / 2)
    face = _tint(colour, 0.14)
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=face, edgecolor=colour, lw=1.8))
    ax.text(x, y + 0.13, name, ha="center", va="center", fontsize=17, fontweight="bold", color=colour)
    ax.text(x, y - 0.24, what, ha="center", va="center", fontsize=9.5)


def _arrow(ax: Axes, points: list[Point], colour: str = COLOURS["data"], dashed: bool = False) -> None:
    """A line through `points` with right angles rounded, and a head at its end."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        vertices += [_towards(corner, before), corner, _towards(corner, after)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    path = Path([*vertices, points[-1]], [*codes, Path.LINETO])
    ax.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle="-|>,head_length=5,head_width=3",
            color=colour,
            linewidth=1.6,
            linestyle=(0, (4, 2.5)) if dashed else "-",
            fill=True,
            capstyle="butt",
            zorder=3,
        )
    )


def _towards(corner: Point, other: Point, radius: float = 0.12) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    share = min(radius / max(abs(dx) + abs(dy), 1e-9), 0.5)
    return corner[0] + share * dx, corner[1] + share * dy


def _noise(ax: Axes, centre: Point, side: float) -> None:
    """A column of grey cells: a vector of random numbers."""
    values = np.random.default_rng(3).normal(size=(7, 1))
    x, y = centre
    extent = (x - side / 4, x + side / 4, y - 0.5, y + 0.5)
    ax.imshow(values, cmap="gray", vmin=-2.5, vmax=2.5, extent=extent, aspect="auto", interpolation="nearest")
    ax.add_patch(Rectangle((extent[0], extent[2]), side / 2, 1.0, fill=False, edgecolor=COLOURS["data"], lw=1))


def _thumbnails(ax: Axes, centre: Point, images: Any, colour: str, seed: int, side: float = 0.5) -> None:
    """Two rows of three pictures with a frame in `colour`."""
    pictures = _stand_ins(noisy=seed > 0) if images is None else to_uint8(images)[:6].transpose(0, 2, 3, 1)
    gap = 0.05
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
    low, high = np.array(_tint(COLOURS["generator"], 0.75)), np.array(_tint(COLOURS["data"], 0.85))
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


def _extent(shape: tuple[int, ...], shapes: list[tuple[int, ...]]) -> tuple[float, float, float]:
    """(width, height, depth) in inches of a tensor's block, on a root scale against the network's largest tensors."""

    def is_image(shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[1:] != (1, 1)

    images = [other for other in shapes if is_image(other)]
    if is_image(shape):
        side = TALLEST * (shape[1] / max(other[1] for other in images)) ** 0.45
        return side, side, 0.04 + 0.36 * (shape[0] / max(64, *(other[0] for other in images))) ** 0.5
    longest = max(math.prod(other) for other in shapes if not is_image(other))
    return 0.12, 0.12 + (TALLEST - 0.2) * (math.prod(shape) / max(longest, 400)) ** 0.5, 0.05


def _block(ax: Axes, centre: Point, shape: tuple[int, ...], extent: tuple[float, float, float], colour: str) -> float:
    """Draw a tensor as a block with its shape above; returns half of the block's width.

    An image (C, H, W) is a face with a depth of channels, a vector (n,) a thin upright bar.
    """
    width, height, depth = extent
    slant = 0.5 * depth
    x, y = centre[0] - (width + depth) / 2, centre[1] - (height + slant) / 2
    a, b, c, d = (x, y), (x + width, y), (x + width, y + height), (x, y + height)
    far_b, far_c, far_d = ((u + depth, v + slant) for u, v in (b, c, d))
    for corners, strength in (
        ((a, b, c, d), 0.35),
        ((b, far_b, far_c, c), 0.7),
        ((d, c, far_c, far_d), 0.18),
    ):
        face = _tint(colour, strength)
        ax.add_patch(Polygon(corners, facecolor=face, edgecolor=colour, linewidth=1.0, joinstyle="round"))
    vector = len(shape) < 3 or shape[1:] == (1, 1)
    text = str(math.prod(shape)) if vector else "×".join(str(size) for size in shape)
    ax.text(centre[0], y + height + slant + 0.08, text, ha="center", va="bottom", fontsize=9.5)
    return (width + depth) / 2
