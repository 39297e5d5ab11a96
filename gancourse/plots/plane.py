"""The figure of two measures against each other: a dot a run, and each method's name at its mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

from matplotlib.figure import Figure

from gancourse.plots.style import COLOURS


def plane(
    runs: Mapping[str, Sequence[tuple[float, float]]], xlabel: str, ylabel: str, stressed: Sequence[str] = ()
) -> Figure:
    """Runs as dots in the plane of two measures; (x, y), one a run, of each name.

    A name stands to the right of the mean of its dots. stressed: names in the generator's colour; the others are grey.
    Raises ValueError where a name has no run or a stressed one is not there.
    """
    if not runs or not all(runs.values()):
        raise ValueError("runs has no name, or one without a run: pass at least one (x, y) of each.")
    if unknown := sorted(set(stressed) - set(runs)):
        raise ValueError(f"stressed has {unknown[0]!r}, expected one of {', '.join(runs)}.")
    fig = Figure(figsize=(7.2, 4.4), layout="constrained", facecolor=COLOURS["paper"])
    ax = fig.subplots()
    for name, points in runs.items():
        colour = COLOURS["generator" if name in stressed else "data"]
        across, up = zip(*points, strict=True)
        ax.plot(across, up, "o", color=colour, markersize=7, alpha=0.65, markeredgewidth=0)
        place = (max(across), mean(up))
        ax.annotate(name, place, xytext=(8, 0), textcoords="offset points", va="center", color=colour, fontsize=9.5)
    ax.margins(x=0.22, y=0.12)  # names need room on the right
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return fig
