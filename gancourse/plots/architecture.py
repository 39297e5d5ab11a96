"""A network's architecture, read off the network itself: its tensors as blocks, its layers in words."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from gancourse.plots.strokes import Point, arrow, canvas, figure, tint
from gancourse.plots.style import COLOURS

TALLEST = 1.15  # inches: the largest tensor


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
    ax = canvas(2 * margin + step * (len(stages) - 1), middle + TALLEST / 2 + 0.85)
    total = sum(count for _, _, count in stages)
    ax.text(0.12, middle + TALLEST / 2 + 0.75, f"{name}: {total:,} parameters", va="top", fontsize=11)
    shapes = [shape for shape, _, _ in stages]
    halves = [
        _block(ax, (margin + i * step, middle), shape, _extent(shape, shapes), COLOURS[role])
        for i, shape in enumerate(shapes)
    ]
    for i, (_, lines, count) in enumerate(stages[1:], start=1):
        x = margin + i * step
        arrow(ax, [(x - step + halves[i - 1] + 0.06, middle), (x - halves[i] - 0.06, middle)])
        for row, line in enumerate([*lines, f"{count:,} parameters"] if count else lines):
            colour = COLOURS["ink"] if row == 0 else COLOURS["data"]
            ax.text(x - step / 2, foot - 0.185 * row, line, ha="center", va="top", fontsize=8.5, color=colour)
    return figure(ax)


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
        face = tint(colour, strength)
        ax.add_patch(Polygon(corners, facecolor=face, edgecolor=colour, linewidth=1.0, joinstyle="round"))
    vector = len(shape) < 3 or shape[1:] == (1, 1)
    text = str(math.prod(shape)) if vector else "×".join(str(size) for size in shape)
    ax.text(centre[0], y + height + slant + 0.08, text, ha="center", va="bottom", fontsize=9.5)
    return (width + depth) / 2
