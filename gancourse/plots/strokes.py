"""What the diagrams are drawn with: a bare axes measured in inches, pale colours, arrows with rounded corners."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from gancourse.plots.style import COLOURS, DPI

Point = tuple[float, float]


def canvas(width: float, height: float) -> Axes:
    """A bare axes whose data units are inches."""
    fig = Figure(figsize=(width, height), dpi=DPI, facecolor=COLOURS["paper"])
    fig.set_layout_engine("none")  # axes stand where they are put
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, width)
    ax.set_ylim(0, height)
    ax.set_axis_off()
    return ax


def figure(ax: Axes) -> Figure:
    """The figure that a canvas is on."""
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return figure


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """`colour` mixed with white: 1 is the colour, 0 is white."""
    r, g, b = (1 - strength * (1 - value) for value in to_rgb(colour))
    return r, g, b


def arrow(ax: Axes, points: list[Point], colour: str = COLOURS["data"], dashed: bool = False) -> None:
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


def _towards(corner: Point, other: Point) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    share = min(0.12 / max(abs(dx) + abs(dy), 1e-9), 0.5)
    return corner[0] + share * dx, corner[1] + share * dy
