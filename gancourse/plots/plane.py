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

    The names stand in a column on the right, in the order of their dots' heights, each tied to its rightmost dot by a
    thin line. stressed: names in the generator's colour; the others are grey.
    Raises ValueError where a name has no run or a stressed one is not there.
    """
    if not runs or not all(runs.values()):
        raise ValueError("runs has no name, or one without a run: pass at least one (x, y) of each.")
    if unknown := sorted(set(stressed) - set(runs)):
        raise ValueError(f"stressed has {unknown[0]!r}, expected one of {', '.join(runs)}.")
    fig = Figure(figsize=(8.0, 4.4), layout="constrained", facecolor=COLOURS["paper"])
    ax = fig.subplots()
    colours = {name: COLOURS["generator" if name in stressed else "data"] for name in runs}
    for name, points in runs.items():
        across, up = zip(*points, strict=True)
        ax.plot(across, up, "o", color=colours[name], markersize=7, alpha=0.65, markeredgewidth=0)
    ax.margins(x=0.06, y=0.12)
    (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
    at, gap = low, (high - low) / max(16, len(runs) + 1)
    for name in sorted(runs, key=lambda name: mean(y for _, y in runs[name])):
        dot = max(runs[name])
        at = max(at, mean(y for _, y in runs[name]))
        column = right + 0.04 * (right - left)
        ax.annotate(name, (column, at), va="center", color=colours[name], fontsize=9.5, annotation_clip=False)
        ax.plot([dot[0], column], [dot[1], at], "-", color=colours[name], linewidth=0.6, alpha=0.5, clip_on=False)
        at += gap
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return fig
