"""The course's colours and matplotlib settings: plain values."""

from __future__ import annotations

from typing import Any

# Told apart with normal sight and under simulated protanopia, deuteranopia and tritanopia (tests/test_plots.py).
COLOURS = {
    "data": "#6E747C",
    "generator": "#D0620C",
    "discriminator": "#5A3FA8",
    "accent": "#008FCC",
    "muted": "#BEC4CC",
    "ink": "#22262B",
    "paper": "#FFFFFF",
}

DPI = 100  # pixels per inch of every picture: an 8 inch figure is 800 pixels wide, which keeps notebooks small

RC: dict[str, Any] = {
    "figure.facecolor": COLOURS["paper"],  # opaque: dark text on a transparent figure vanishes in a dark theme
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
}
