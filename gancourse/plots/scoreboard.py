"""The figure of a table of scores; notebooks reach it through `gancourse.plots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gancourse.plots.style import COLOURS


def scoreboard(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Left, each row's Fréchet distance (log scale) as a dot on a line; right, its precision against its recall.

    rows: dictionaries with run, fid, precision and recall, drawn from top to bottom. A row without an epoch (None) is a
    set of real images, and grey. Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("rows is empty: pass at least one row of scores")
    height = max(2.8, 0.34 * len(rows) + 1.2)
    fig = Figure(figsize=(10.4, height), layout="constrained", facecolor=COLOURS["paper"])
    left, right = fig.subplots(1, 2)
    colours = [COLOURS["data" if row.get("epoch") is None else "generator"] for row in rows]
    for i, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        left.plot(row["fid"], i, "o", color=colour, markersize=7)
        left.annotate(f"{row['fid']:.3g}", (row["fid"], i), xytext=(7, 0), textcoords="offset points", va="center")
        right.plot(row["recall"], row["precision"], "o", color=colour, markersize=7)
    left.set_xscale("log")
    left.set_xlim(min(row["fid"] for row in rows) / 1.6, max(row["fid"] for row in rows) * 2.6)
    left.set_yticks(range(len(rows)), [str(row["run"]) for row in rows])
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set(title="Fréchet distance (smaller is better)", xlabel="distance to real images (log scale)")
    right.set(title="Precision and recall", xlabel="recall", ylabel="precision", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    _label(right, rows)
    return fig


def _label(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Names beside the points, each moved down until it stands clear of those above it."""
    taken: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda row: -row["precision"]):
        x, y = float(row["recall"]), float(row["precision"])
        while any(abs(y - other) < 0.055 and abs(x - across) < 0.35 for across, other in taken):
            y -= 0.01
        taken.append((x, y))
        leftwards = x > 0.6
        ax.annotate(
            str(row["run"]),
            (float(row["recall"]), float(row["precision"])),
            xytext=(x - 0.025 if leftwards else x + 0.025, y),
            textcoords="data",
            ha="right" if leftwards else "left",
            va="center",
            fontsize=9.5,
        )
