"""A training run on one screen: losses against their marks, D's answers or scores, both gradients, samples.

`picture` draws it from a history and samples, `describe` says it in words. The live one, which follows a run in a
notebook, is `gancourse.widgets.dashboard.Dashboard`.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from gancourse.plots.curves import History, curve_panels
from gancourse.plots.grids import to_grid, to_uint8
from gancourse.plots.style import COLOURS, DPI

WIDTH, HEIGHT, HEAD = 1040, 310, 26  # pixels: of the picture, of its curves, of the line above them
COLUMNS = 16
LEFT = (56, 400, 790)  # where the three panels begin: the middle one has the longest labels at its right


def picture(history: History, samples: Any = None, title: str = "") -> Figure:
    """The dashboard of a run, as a figure.

    history: rows as `Trainer.history` has them; it may be empty, before the first epoch.
    samples: images as for `plots.image_grid`, of which the first 32 are drawn; None for none.
    title: what to write above, before the epoch and the speed.
    """
    grid, scale = None, 1
    if samples is not None:
        grid = to_grid(to_uint8(samples)[: 2 * COLUMNS], COLUMNS)
        scale = max(1, (WIDTH - 20) // grid.shape[1])
    strip = 0 if grid is None else grid.shape[0] * scale + 12
    height = HEAD + HEIGHT + strip
    fig = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=COLOURS["paper"])
    fig.set_layout_engine("none")
    words = ", ".join(part for part in (title, _progress(history)) if part)
    fig.text(10 / WIDTH, 1 - HEAD / 2 / height, words, va="center", fontsize=10.5, color=COLOURS["ink"])
    axes = [
        fig.add_axes((x / WIDTH, (strip + 48) / height, 210 / WIDTH, (HEIGHT - 78) / height), label=f"curves {x}")
        for x in LEFT
    ]
    if history:
        curve_panels(axes, history)
    else:
        for ax, name in zip(axes, ("Loss", "D's mean answer", "Norm of the gradient"), strict=True):
            ax.set(title=name, xlabel="epoch", xticks=[], yticks=[])
    if grid is not None:
        rows, columns = grid.shape[0] * scale, grid.shape[1] * scale
        # A tenth of a pixel off: matplotlib before 3.11 reads colours at the edges of pixels, where rounding decides.
        ax = fig.add_axes((10.1 / WIDTH, 6.1 / height, columns / WIDTH, rows / height), label="samples")
        ax.set_axis_off()
        ax.imshow(grid, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
    return fig


def _progress(history: History) -> str:
    if not history:
        return "before the first epoch"
    row = history[-1]
    speed = f", {row['images_per_second']:,.0f} images/s" if "images_per_second" in row else ""
    return f"epoch {row['epoch']:.0f}{speed}"


def describe(history: History) -> str:
    """The newest row of a history in one sentence, for those who do not see the picture."""
    if not history:
        return "Before the first epoch: nothing is known yet."
    row = history[-1]
    if "score_real" in row:
        marks = getattr(history, "marks", {})
        best = {name: f" ({text} at the equilibrium)" for name, (_, text) in marks.items()}
        slope = f", slope {row['slope']:.2f}" if "slope" in row else ""
        return (
            f"After {_progress(history)}: D's loss {row['loss_d']:.3g}{best.get('loss_d', '')}, G's loss "
            f"{row['loss_g']:.3g}{best.get('loss_g', '')}, mean score of real images {row['score_real']:.3g}, of fakes "
            f"{row['score_fake']:.3g}{slope}, norm of D's gradient {row['grad_norm_d']:.3g}, of G's "
            f"{row['grad_norm_g']:.3g}."
        )
    return (
        f"After {_progress(history)}: D's loss {row['loss_d']:.2f} (2 ln 2 = 1.39 at D = 1/2), G's loss "
        f"{row['loss_g']:.2f} (ln 2 = 0.69), D(x) = {row['d_real']:.2f}, D(G(z)) = {row['d_fake_before']:.2f}, norm of "
        f"D's gradient {row['grad_norm_d']:.3g}, of G's {row['grad_norm_g']:.3g}."
    )
