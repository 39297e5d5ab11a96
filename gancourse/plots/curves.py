"""Curves of a training run, from the rows of its history; notebooks reach them through `gancourse.plots`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from gancourse.plots.style import COLOURS

History = Sequence[Mapping[str, Any]]
Marks = Mapping[str, tuple[float, str]]

# What is marked in a history that brings no marks of its own, as one that was read from a results file: where D answers
# 1/2 everywhere (Goodfellow et al. 2014, section 4.1). `training.losses.LOSSES` has them for every pair of losses.
_HALF = {name: (0.5, "1/2") for name in ("d_real", "d_fake_before", "d_fake_after")}
EQUILIBRIUM: dict[str, dict[str, tuple[float, str]]] = {
    "non_saturating": {"loss_d": (2 * math.log(2), "2 ln 2"), "loss_g": (math.log(2), "ln 2"), **_HALF},
    "saturating": {"loss_d": (2 * math.log(2), "2 ln 2"), "loss_g": (-math.log(2), "−ln 2"), **_HALF},
}
# How the statistics of Algorithm 1 and of a critic are drawn; those of other algorithms are called by their names.
_DRAWN = {
    "loss_d": ("D's loss", "discriminator", "-"),
    "loss_g": ("G's loss", "generator", "-"),
    "d_real": ("D(x)", "data", "-"),
    "d_fake_before": ("D(G(z)) before", "generator", "-"),
    "d_fake_after": ("D(G(z)) after", "generator", ":"),
    "score_real": ("s(x)", "data", "-"),
    "score_fake": ("s(G(z))", "generator", "-"),
    "slope": ("|∇s|", "discriminator", "-"),
    "grad_norm_d": ("D", "discriminator", "-"),
    "grad_norm_g": ("G", "generator", "-"),
}
_KINDS = ("loss", "d_", "score", "grad_norm", "slope")
_COLOURS = ("generator", "discriminator", "accent", "data", "muted")


def losses(history: History, loss: str = "non_saturating") -> Figure:
    """How a run went: its losses, what D answers, and the gradients' norms, each against the epoch.

    `history` is `Trainer.history`: a row per epoch with epoch and the algorithm's statistics, told apart by the
    beginnings of their names: loss, d_ (probabilities), score (a critic's), grad_norm, slope (of a critic). Dashed
    lines mark what the losses and D's answers are at the equilibrium: `history.marks`, or, of rows without marks and
    without scores, those of Algorithm 1 with G's loss `loss`. A run that was scored as it trained
    (`Trainer(score=...)`) gets a panel more, of its history's column `fid`.
    """
    scored = [row for row in history if math.isfinite(row.get("fid", math.nan))]
    groups = _groups(history, loss)
    panels = len(groups) + bool(scored)
    width = {1: 4.2, 2: 7.2, 3: 10.4}.get(panels, 3.4 * panels)
    fig = Figure(figsize=(width, 3.5), layout="constrained", facecolor=COLOURS["paper"])
    axes = list(fig.subplots(1, panels, squeeze=False)[0])
    curve_panels(axes[: len(groups)], history, loss)
    if scored:
        _curves(axes[-1], scored, [("fid", "", "generator", "-")], marks=[])
        axes[-1].set(title="Score of G's samples", ylabel="Fréchet distance (log scale)")
    return fig


def curve_panels(axes: Sequence[Axes], history: History, loss: str = "non_saturating") -> None:
    """Draw the panels of `losses` into as many axes."""
    for ax, (kind, names) in zip(axes, _groups(history, loss).items(), strict=False):
        _panel(ax, kind, names, history, loss)


def compare_losses(runs: Mapping[str, History]) -> Figure:
    """The losses (top) and D's answers (bottom) of several runs, a column per run, on common axes; as `losses`.

    Raises ValueError without runs, and for a history without rows or columns that are needed.
    """
    if not runs:
        raise ValueError("runs is empty: pass {label: history}")
    fig = Figure(figsize=(max(4.6 * len(runs), 5.2), 5.8), layout="constrained", facecolor=COLOURS["paper"])
    axes = fig.subplots(2, len(runs), sharey="row", squeeze=False)
    found = {label: _groups(history, "non_saturating") for label, history in runs.items()}
    values = [row[name] for label, history in runs.items() for row in history for name in found[label]["loss"]]
    for i, (label, history) in enumerate(runs.items()):
        kind = "score" if "score" in found[label] else "d_"
        _panel(axes[0][i], "loss", found[label]["loss"], history, "non_saturating", values)
        _panel(axes[1][i], kind, found[label].get(kind, []), history, "non_saturating")
        axes[0][i].set_title(f"{label}: loss")
        axes[1][i].set_title(f"{label}: mean score" if kind == "score" else f"{label}: D's mean answer")
        if i:
            axes[0][i].set_ylabel("")
            axes[1][i].set_ylabel("")
    return fig


def _groups(history: History, loss: str) -> dict[str, list[str]]:
    """The statistics of a history by kind: "loss", "d_" (D's answers), "score", "grad_norm"; kinds that it has."""
    if not history:
        raise ValueError("history is empty: train for at least one epoch first")
    if loss not in EQUILIBRIUM:
        raise ValueError(f"loss is {loss!r}, expected one of {', '.join(EQUILIBRIUM)}")
    found = {kind: [name for name in history[0] if name.startswith(kind)] for kind in _KINDS}
    if not found["loss"]:
        raise ValueError(f"history has no column that begins with loss; it has {', '.join(history[0])}")
    return {kind: names for kind, names in found.items() if names}


def _panel(ax: Axes, kind: str, names: list[str], history: History, loss: str, values: Sequence[float] = ()) -> None:
    scores = any(name.startswith("score") for name in history[0])
    said: Marks = getattr(history, "marks", None) or ({} if scores else EQUILIBRIUM[loss])
    curves, marks = [], {}
    for i, name in enumerate(names):
        words = name.removeprefix("loss_").removeprefix("grad_norm_").replace("_", " ")
        label, colour, style = _DRAWN.get(name, (words, _COLOURS[i % len(_COLOURS)], "-"))
        curves.append((name, label, colour, style))
        if name in said:
            value, text = said[name]
            marks[value, text] = "discriminator" if kind in ("d_", "score") else colour
    lines = [(value, text, colour) for (value, text), colour in marks.items()]
    if kind == "grad_norm":
        _curves(ax, history, curves, marks=[])
        ax.set(title="Norm of the gradient", ylabel="norm (log scale)")
        return
    probabilities = kind == "d_" and all(0 <= float(row[name]) <= 1 for name in names for row in history)
    _curves(ax, history, curves, lines, (0.0, 1.0) if probabilities else None, values, log=False)
    if kind == "loss":
        in_nats = "ln" in said.get("loss_d", (0.0, ""))[1]
        ax.set(title="Loss", ylabel="loss (nats)" if in_nats else "loss")
    elif kind == "score":
        ax.set(title="Mean score", ylabel="score s")
    elif kind == "slope":
        ax.set(title="Slope of the critic", ylabel="norm of the gradient of s in x")
    else:
        ax.set(title="D's mean answer", ylabel="probability of real" if probabilities else "D's output")


def _curves(
    ax: Axes,
    history: History,
    curves: list[tuple[str, str, str, str]],
    marks: list[tuple[float, str, str]],
    limits: tuple[float, float] | None = None,
    values: Sequence[float] = (),
    log: bool = True,
) -> None:
    """Draw `curves` (key, label, colour, line style) and horizontal `marks`, each labelled at its right end.

    log: a logarithmic axis. `values` are further values that the axis must reach.
    """
    epochs = [row["epoch"] for row in history]
    ends: list[tuple[float, str, str]] = []
    drawn: list[tuple[Line2D, list[float]]] = []
    reach = [*values, *(mark for mark, _, _ in marks)]
    for key, label, colour, style in curves:
        heights = [float(row[key]) for row in history]
        (line,) = ax.plot(
            epochs,
            heights,
            style,
            color=COLOURS[colour],
            label=label,
            marker="o" if len(epochs) < 8 else None,
            markersize=4,
        )
        drawn.append((line, heights))
        reach += heights
        ends.append((heights[-1], label, colour))
    reach = [value for value in reach if math.isfinite(value)]
    if log:
        reach = [math.log10(value) for value in reach if value > 0]
    low, high = limits or (min(reach, default=0.0), max(reach, default=1.0))
    if log:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high - low < 3 else (1,)))  # decades alone, if many
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        _uncover(drawn, (high - low) / 100)
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin
    ax.set_ylim(*((10**low, 10**high) if log else (low, high)))
    for height, text, colour in marks:
        ax.axhline(height, color=COLOURS[colour], linestyle=(0, (5, 4)), linewidth=1, alpha=0.65, zorder=1)
        ends.append((height, text, colour))
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    places = []
    for height, text, colour in ends:
        if log:
            height = math.log10(height) if height > 0 else low
        places.append(((height - low) / (high - low) if math.isfinite(height) else 1.0, text, colour))
    _label_ends(ax, places)


def _uncover(drawn: list[tuple[Line2D, list[float]]], near: float) -> None:
    """Draw a solid curve broad where a later solid one hides most of it, so that both can be seen."""
    solid = [(line, heights) for line, heights in drawn if line.get_linestyle() == "-"]
    for i, (line, heights) in enumerate(solid):
        for _, above in solid[i + 1 :]:
            hidden = sum(abs(a - b) <= near for a, b in zip(heights, above, strict=True))
            if hidden > len(heights) / 2:
                line.set_linewidth(3 * line.get_linewidth())


def _label_ends(ax: Axes, places: list[tuple[float, str, str]]) -> None:
    """Write labels right of the axes at heights in [0, 1], moved apart where two would overlap."""
    gap, places = 0.075, sorted(places)
    heights = [min(max(height, 0.0), 1.0) for height, _, _ in places]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    over = max(0.0, heights[-1] - 1.02)
    for i in reversed(range(len(heights))):  # push back down what rose above the top
        heights[i] = min(heights[i], 1.02 - gap * (len(heights) - 1 - i)) if over else heights[i]
    for y, (_, text, colour) in zip(heights, places, strict=True):
        ax.annotate(
            text,
            (1, y),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=COLOURS[colour],
            annotation_clip=False,
        )
