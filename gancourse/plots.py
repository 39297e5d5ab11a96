"""The course's static figures.

Every notebook calls `use_style()` once and hands each figure to `show`, which publishes it as one picture with
alternative text, followed by its caption. The colours are the same everywhere: the data is grey, the generator orange,
the discriminator violet.

The functions here build a bare `matplotlib.figure.Figure`, never one registered with pyplot: the inline back end
displays every figure that pyplot knows at the end of a cell, and a figure would then appear twice.
"""

from __future__ import annotations

import base64
import io
import sys

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

# Told apart with normal sight and under simulated protanopia, deuteranopia and tritanopia (tests/test_plots.py).
COLOURS = {
    "data": "#6E747C",
    "generator": "#E0701A",
    "discriminator": "#5A3FA8",
    "accent": "#1791A0",
    "muted": "#BEC4CC",
    "ink": "#22262B",
    "paper": "#FFFFFF",
}

DPI = 100

STYLE = {
    "figure.facecolor": COLOURS[
        "paper"
    ],  # opaque: dark text on a transparent figure vanishes in a dark theme
    "savefig.facecolor": COLOURS["paper"],
    "axes.facecolor": COLOURS["paper"],
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.figsize": (7.2, 3.6),
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that a figure is the same on every machine
    "mathtext.fontset": "dejavusans",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": COLOURS["ink"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.edgecolor": COLOURS["data"],
    "xtick.color": COLOURS["data"],
    "ytick.color": COLOURS["data"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E8EAED",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "axes.prop_cycle": cycler(color=[COLOURS[k] for k in ("discriminator", "generator", "accent", "data")]),
}


def use_style() -> None:
    """Set the course's style in matplotlib's rcParams; call it once, at the top of a notebook."""
    matplotlib.rcParams.update(STYLE)


def show(fig: Figure, number: str | float, caption: str, alt: str) -> None:
    """Publish a figure as one picture with alternative text, then its caption, and close it.

    `number` is the figure's number in the course ("2.1"), `caption` says what to see (Markdown, without the number),
    `alt` says the same to somebody who cannot see the picture. The picture is one `display_data` message with the
    alternative text both as `text/plain` and in the metadata of `image/png`, where nbconvert looks for it.
    Outside IPython nothing is displayed. Raises ValueError where `caption` or `alt` is empty.
    """
    for name, text in (("caption", caption), ("alt", alt)):
        if not text.strip():
            raise ValueError(f"figure {number} has an empty {name}: write a sentence that says what to see")
    if _inside_ipython():
        from IPython.display import display

        alt = " ".join(alt.split())
        caption = " ".join(caption.split())
        picture = base64.b64encode(to_png(fig)).decode("ascii")
        display(
            {"image/png": picture, "text/plain": f"Figure {number}: {alt}"},
            metadata={"image/png": {"alt": alt}},
            raw=True,
        )
        line = f"*Figure {number}. {caption}*"
        display({"text/markdown": line, "text/plain": line}, raw=True)
    close(fig)


def to_png(fig: Figure, dpi: int = DPI) -> bytes:
    """The figure as PNG bytes; the same figure gives the same bytes (no date, no version in the file)."""
    buffer = io.BytesIO()
    fig.savefig(
        buffer, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.12, metadata={"Software": None}
    )
    return buffer.getvalue()


def close(fig: Figure) -> None:
    """Release a figure, so that the inline back end does not show it a second time at the end of the cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)


def _inside_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
