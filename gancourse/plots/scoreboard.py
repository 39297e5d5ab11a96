"""The figure of a table of scores; notebooks reach it through `gancourse.plots`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gancourse.plots.style import COLOURS

_AROUND = [(math.cos(a), math.sin(a)) for a in (0, math.pi, *(math.pi / 4 * k for k in (1, 3, 5, 7, 2, 6)))]


def scoreboard(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Left, each row's Fréchet distance (log scale) as a dot on a line; right of it, its precision against its recall,
    and against its coverage. The rows are numbered at the left, and the dots on the right bear the numbers.

    rows: dictionaries with run, fid, precision, recall and coverage, drawn from top to bottom. A row without an epoch
    (None) is a set of real images, and grey. Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("rows is empty: pass at least one row of scores")
    height = max(3.4, 0.34 * len(rows) + 1.2)
    fig = Figure(figsize=(10.4, height), layout="constrained", facecolor=COLOURS["paper"])
    left, middle, right = fig.subplots(1, 3, width_ratios=(0.8, 1, 1))
    colours = [COLOURS["data" if row.get("epoch") is None else "generator"] for row in rows]
    for i, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        left.plot(row["fid"], i, "o", color=colour, markersize=7)
        left.annotate(f"{row['fid']:.3g}", (row["fid"], i), xytext=(7, 0), textcoords="offset points", va="center")
    left.set_xscale("log")
    left.set_xlim(min(row["fid"] for row in rows) / 1.6, max(row["fid"] for row in rows) * 5)
    left.set_yticks(range(len(rows)), [f"{row['run']}  {i + 1:2}" for i, row in enumerate(rows)])
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set(title="Distance", xlabel="to real images (log scale)")
    for ax, name in ((middle, "recall"), (right, "coverage")):
        for row, colour in zip(rows, colours, strict=True):
            ax.plot(row[name], row["precision"], "o", color=colour, markersize=7)
        ax.set(title=f"Precision and {name}", xlabel=name, xlim=(-0.1, 1.1), ylim=(-0.03, 1.03), ylabel="precision")
        _number(ax, [(float(row[name]), float(row["precision"])) for row in rows])
    return fig


def _number(ax: Axes, points: Sequence[tuple[float, float]]) -> None:
    """The number of each point, from 1, beside it where no other point and no number stands."""
    far, taken = 0.07, list(points)
    for i, (x, y) in enumerate(points):
        places = [(x + far * across, y + far * up) for across, up in _AROUND]
        others = [other for other in taken if other != (x, y)]
        clear = (at for at in places if all(math.dist(at, other) >= far for other in others))
        taken.append(next(clear, places[0]))
        ax.annotate(str(i + 1), taken[-1], ha="center", va="center", fontsize=9.5)
