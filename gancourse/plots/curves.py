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

# What each loss is where D answers 1/2 everywhere (Goodfellow et al. 2014, section 4.1).
EQUILIBRIUM_D = 2 * math.log(2)
EQUILIBRIUM_G = {"non_saturating": (math.log(2), "ln 2"), "saturating": (-math.log(2), "−ln 2")}

History = Sequence[Mapping[str, Any]]


def losses(history: History, loss: str = "non_saturating") -> Figure:
    """How a run went: both losses, what D answers, and the gradients' norms, each against the epoch.

    `history` is `Trainer.history`: a row per epoch with epoch, loss_d, loss_g, d_real, d_fake_before, d_fake_after,
    grad_norm_d and grad_norm_g. Dashed lines mark what the losses and D's answers are where D answers 1/2
    everywhere; `loss` names G's loss, "non_saturating" or "saturating", because that value depends on it. A run that
    was scored as it trained (`Trainer(score=...)`) gets a fourth panel, of its history's column `fid`.
    """
    scored = [row for row in history if math.isfinite(row.get("fid", math.nan))]
    fig = Figure(figsize=(13.6 if scored else 10.4, 3.5), layout="constrained", facecolor=COLOURS["paper"])
    axes = list(fig.subplots(1, 4 if scored else 3))
    curve_panels(axes[:3], history, loss)
    if scored:
        _curves(axes[3], scored, [("fid", "", "generator", "-")], marks=[])
        axes[3].set(title="Score of G's samples", ylabel="Fréchet distance (log scale)")
    return fig


def curve_panels(axes: Sequence[Axes], history: History, loss: str = "non_saturating") -> None:
    """Draw the three panels of `losses` into three axes."""
    _check(history, loss)
    left, middle, right = axes
    _loss_panel(left, history, loss)
    _answer_panel(middle, history)
    _curves(
        right,
        history,
        [("grad_norm_d", "D", "discriminator", "-"), ("grad_norm_g", "G", "generator", "-")],
        marks=[],
    )
    right.set(title="Norm of the gradient", ylabel="norm (log scale)")


def compare_losses(runs: Mapping[str, History], loss: str = "non_saturating") -> Figure:
    """The losses (top) and D's answers (bottom) of several runs, a column per run, on common axes; as `losses`.

    Raises ValueError without runs, and for a history without rows or columns that are needed.
    """
    if not runs:
        raise ValueError("runs is empty: pass {label: history}")
    for history in runs.values():
        _check(history, loss)
    fig = Figure(figsize=(max(4.6 * len(runs), 5.2), 5.8), layout="constrained", facecolor=COLOURS["paper"])
    axes = fig.subplots(2, len(runs), sharey="row", squeeze=False)
    values = [row[key] for history in runs.values() for row in history for key in ("loss_d", "loss_g")]
    for i, (label, history) in enumerate(runs.items()):
        _loss_panel(axes[0][i], history, loss, values)
        _answer_panel(axes[1][i], history)
        axes[0][i].set_title(f"{label}: loss")
        axes[1][i].set_title(f"{label}: D's mean answer")
        if i:
            axes[0][i].set_ylabel("")
            axes[1][i].set_ylabel("")
    return fig


def _check(history: History, loss: str) -> None:
    if not history:
        raise ValueError("history is empty: train for at least one epoch first")
    if loss not in EQUILIBRIUM_G:
        raise ValueError(f"loss is {loss!r}, expected one of {', '.join(EQUILIBRIUM_G)}")


def _loss_panel(ax: Axes, history: History, loss: str, values: Sequence[float] = ()) -> None:
    mark_g, text_g = EQUILIBRIUM_G[loss]
    _curves(
        ax,
        history,
        [("loss_d", "D's loss", "discriminator", "-"), ("loss_g", "G's loss", "generator", "-")],
        marks=[(EQUILIBRIUM_D, "2 ln 2", "discriminator"), (mark_g, text_g, "generator")],
        values=values,
    )
    ax.set(title="Loss", ylabel="loss (nats)")


def _answer_panel(ax: Axes, history: History) -> None:
    curves = [
        ("d_real", "D(x)", "data", "-"),
        ("d_fake_before", "D(G(z)) before", "generator", "-"),
        ("d_fake_after", "D(G(z)) after", "generator", ":"),
    ]
    _curves(ax, history, curves, marks=[(0.5, "1/2", "discriminator")], limits=(0.0, 1.0))
    ax.set(title="D's mean answer", ylabel="probability of real")


def _curves(
    ax: Axes,
    history: History,
    curves: list[tuple[str, str, str, str]],
    marks: list[tuple[float, str, str]],
    limits: tuple[float, float] | None = None,
    values: Sequence[float] = (),
) -> None:
    """Draw `curves` (key, label, colour, line style) and horizontal `marks`, each labelled at its right end.

    Without marks the axis is logarithmic. `values` are further values that the axis must reach.
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
    if not marks:
        reach = [math.log10(value) for value in reach if value > 0]
    low, high = limits or (min(reach, default=0.0), max(reach, default=1.0))
    if not marks:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high - low < 3 else (1,)))  # decades alone, if many
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        _uncover(drawn, (high - low) / 100)
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin
    ax.set_ylim(*((low, high) if marks else (10**low, 10**high)))
    for height, text, colour in marks:
        ax.axhline(height, color=COLOURS[colour], linestyle=(0, (5, 4)), linewidth=1, alpha=0.65, zorder=1)
        ends.append((height, text, colour))
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    places = []
    for height, text, colour in ends:
        if not marks:
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


def _label_ends(ax: Axes, places: list[tuple[float, str, str]], gap: float = 0.075) -> None:
    """Write labels right of the axes at heights in [0, 1], moved apart where two would overlap."""
    places = sorted(places)
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
