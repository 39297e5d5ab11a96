"""Figures on their way to the screen: the course's style, one picture with alternative text, its caption."""

from __future__ import annotations

import base64
import io
import sys
from typing import Any

from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image

from gancourse.plots.style import COLOURS, DPI, RC

HEAVY = 10_000  # bytes of a picture


def use_style() -> None:
    """Set the course's style in matplotlib's rcParams; call it once, at the top of a notebook."""
    import matplotlib.pyplot as plt  # first: the inline back end sets rcParams of its own when this is imported

    names = ("discriminator", "generator", "accent", "data")
    settings: Any = {**RC, "axes.prop_cycle": cycler(color=[COLOURS[name] for name in names])}
    plt.rcParams.update(settings)


def show(fig: Figure, number: str | float, caption: str, alt: str) -> None:
    """Publish a figure as one picture with alternative text, then its caption, and close it.

    `number` is the figure's number in the course ("2.1"), `caption` says what to see (Markdown, without the number),
    `alt` says the same to somebody who cannot see the picture. The picture is one `display_data` message with the
    alternative text both as `text/plain` and in the metadata of `image/png` (nbconvert's "lab" template ignores it).
    Outside IPython nothing is displayed. Raises ValueError where `caption` or `alt` is empty.
    """
    for name, text in (("caption", caption), ("alt", alt)):
        if not text.strip():
            raise ValueError(f"figure {number} has an empty {name}: write a sentence that says what to see")
    if _inside_ipython():
        from IPython.display import display

        alt = " ".join(alt.split())
        picture = base64.b64encode(_light(to_png(fig))).decode("ascii")
        display(
            {"image/png": picture, "text/plain": f"Figure {number}: {alt}"},
            metadata={"image/png": {"alt": alt}},
            raw=True,
        )
        line = f"*Figure {number}. {' '.join(caption.split())}*"
        display({"text/markdown": line, "text/plain": line}, raw=True)
    _close(fig)


def to_png(fig: Figure, tight: bool = True) -> bytes:
    """The figure as PNG bytes; the same figure gives the same bytes (no date, no version in the file).

    tight: cut off empty borders; without, every picture of one figure size has that size.
    """
    buffer = io.BytesIO()
    box: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.1} if tight else {}
    fig.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None}, **box)
    return buffer.getvalue()


def _light(png: bytes) -> bytes:
    """A picture with 256 colours of its own, a third of the bytes: GitHub shows no notebook of many megabytes.

    Of a figure's lines and letters nothing is lost that one could see: their edges have a thousand mixed colours, which
    256 stand for. A small picture, and one that would not become smaller, stays as it is.
    """
    if len(png) <= HEAVY:
        return png
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return min(png, buffer.getvalue(), key=len)


def _close(fig: Figure) -> None:
    """Release a figure, so that the inline back end does not show it a second time at the end of the cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)


def _inside_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
