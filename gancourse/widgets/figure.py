"""What all widgets share: a box with one picture, labelled controls, and a line that says what changed.

They use only what ipywidgets 7.7.1 (Google Colab) and 8 share. The picture is replaced in place. Where there is no
kernel (GitHub, HTML pages) it is shown as it is.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as w

LABEL = {"description_width": "110px"}
SEEDS = 9_999  # the largest seed that the controls offer
WRAP = w.Layout(flex_flow="row wrap")
WHOLE = "calc(100% - 4px)"  # the width of a narrow page: ipywidgets puts 2 pixels of margin around every widget
LEGIBLE = 0.7  # a picture is not made smaller than this share: its words, of 13 pixels, would be too small to read


class Figure(w.VBox):
    """A box of controls with one picture, which stands for the whole where there is no kernel.

    On a page that is much narrower than the picture, the picture is scrolled sideways.
    A subclass sets .title, .hint and .css_class, and keeps in .text what the picture shows, in words.
    """

    title, hint, css_class, text = "", "interactive: run the notebook to use it", "", ""

    def __init__(self, rows: Sequence[w.Widget] = (), width: int = 960) -> None:
        size = w.Layout(width=f"{width}px", max_width=WHOLE, min_width=f"{LEGIBLE * width:.0f}px", height="auto")
        self.picture = w.Image(format="png", layout=size)
        self.status = w.HTML()
        sideways = w.Box([self.picture], layout=w.Layout(max_width="100%", overflow="auto"))
        super().__init__([*rows[:1], sideways, self.status, *rows[1:]])
        self.add_class(self.css_class)

    def __repr__(self) -> str:  # the default lists every value, and notebooks are compared by it
        return f"{self.title} ({self.hint})"

    def say(self, text: str) -> None:
        """Put words into the line that screen readers follow."""
        self.status.value = f'<div role="status" aria-live="polite">{html.escape(text)}</div>'

    def still(self) -> tuple[bytes, str]:
        """The picture that stands in for the widget, as PNG, and its alternative text."""
        return bytes(self.picture.value), f"{self.title}. {self.text}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        png, alt = self.still()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data = {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}
        if not png:  # as a dashboard before its run
            return data, {}
        return data | {"image/png": base64.b64encode(png).decode("ascii")}, {"image/png": {"alt": alt}}

    def _ipython_display_(self, **kwargs: Any) -> None:
        """ipywidgets 7 shows itself by this method, which IPython prefers to the one above; so do we under both."""
        from IPython.display import display

        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)


def in_row(*controls: w.Widget) -> w.HBox:
    return w.HBox(controls, layout=WRAP)


def choice(label: str, options: Any, value: Any) -> w.Dropdown:
    layout = w.Layout(width="300px", max_width=WHOLE)  # a long option would make it wider than a narrow page
    return w.Dropdown(description=label, options=options, value=value, style=LABEL, layout=layout)


def number(label: str, value: int, low: int, high: int) -> w.IntSlider:
    layout = w.Layout(width="300px")
    return w.IntSlider(description=label, value=value, min=low, max=high, style=LABEL, layout=layout)


def float_slider(
    label: str, value: float, low: float, high: float, step: float = 0.1, width: int = 300
) -> w.FloatSlider:
    layout = w.Layout(width=f"{width}px")
    return w.FloatSlider(description=label, value=value, min=low, max=high, step=step, style=LABEL, layout=layout)


def seed_control(value: int) -> w.BoundedIntText:
    layout = w.Layout(width="210px")
    return w.BoundedIntText(value=value, min=0, max=SEEDS, description="Seed", style=LABEL, layout=layout)


def button(label: str, act: Callable[[], Any], style: str = "") -> w.Button:
    """A button that does `act` when it is pressed."""
    made = w.Button(description=label, button_style=style, layout=w.Layout(width="100px"))
    made.on_click(lambda _: act())
    return made
