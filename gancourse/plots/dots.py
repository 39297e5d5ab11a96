"""The figure of a comparison over seeds: a dot a run, a line at each row's mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

from matplotlib.figure import Figure

from gancourse.plots.style import COLOURS


def dots(rows: Mapping[str, Sequence[float]], xlabel: str, stressed: Sequence[str] = ()) -> Figure:
    """A row a name, from top to bottom: each value of it as a dot, and its mean as a short line with its number.

    rows: name -> values of at least 0, one a run. stressed: rows in the generator's colour; the others are grey. The
    axis begins at 0, so that lengths compare. Raises ValueError where a row has no value or a stressed one is no row.
    """
    if not rows or not all(rows.values()):
        raise ValueError("rows has no row, or one without a value: pass at least one run of each.")
    if unknown := sorted(set(stressed) - set(rows)):
        raise ValueError(f"stressed has {unknown[0]!r}, expected one of {', '.join(rows)}.")
    fig = Figure(figsize=(8.0, 0.36 * len(rows) + 0.75), layout="constrained", facecolor=COLOURS["paper"])
    ax = fig.subplots()
    for i, (name, values) in enumerate(rows.items()):
        colour, middle = COLOURS["generator" if name in stressed else "data"], mean(values)
        ax.plot(values, [i] * len(values), "o", color=colour, markersize=7, alpha=0.65, markeredgewidth=0)
        ax.plot([middle, middle], [i - 0.32, i + 0.32], "-", color=colour, linewidth=2.4)
        ax.annotate(f"{middle:.3g}", (max(values), i), xytext=(9, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0, 1.12 * max(max(values) for values in rows.values()))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    return fig
