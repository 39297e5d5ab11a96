"""What the interactive figures share: a box with one picture, labelled controls, and a line that says what changed.

They use only what ipywidgets 7.7.1 (Google Colab) and 8 share. The picture is replaced in place. Where there is no
kernel (GitHub, HTML pages) it is shown as it is.
"""

from __future__ import annotations

import base64
import html
from typing import Any

import ipywidgets as w

LABEL = {"description_width": "110px"}


class Figure(w.VBox):
    """A box of controls with one picture, which stands for the whole where there is no kernel."""

    title = ""

    def __init__(self, rows: list[w.Widget], css_class: str) -> None:
        self.picture = w.Image(format="png", layout=w.Layout(width="960px", max_width="100%", height="auto"))
        self.status = w.HTML()
        super().__init__([*rows[:1], self.picture, self.status, *rows[1:]])
        self.add_class(css_class)

    def __repr__(self) -> str:  # the default lists every value, and notebooks are compared by it
        return f"{self.title} (interactive: run the notebook to use it)"

    def say(self, text: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{html.escape(text)}</div>'

    def still(self) -> tuple[bytes, str]:
        """The picture that stands in for the widget, and its alternative text."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        png, alt = self.still()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(png).decode("ascii"),
            "application/vnd.jupyter.widget-view+json": view,
        }
        return data, {"image/png": {"alt": alt}}

    def _ipython_display_(self, **kwargs: Any) -> None:
        """ipywidgets 7 shows itself by this method, which IPython prefers to the one above; so do we under both."""
        from IPython.display import display

        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)


def choice(label: str, options: Any, value: Any) -> w.Dropdown:
    return w.Dropdown(description=label, options=options, value=value, style=LABEL, layout=w.Layout(width="300px"))


def number(label: str, value: int, low: int, high: int) -> w.IntSlider:
    layout = w.Layout(width="300px")
    return w.IntSlider(description=label, value=value, min=low, max=high, style=LABEL, layout=layout)


def float_slider(label: str, value: float, low: float, high: float) -> w.FloatSlider:
    layout = w.Layout(width="300px")
    return w.FloatSlider(description=label, value=value, min=low, max=high, step=0.1, style=LABEL, layout=layout)


def button(label: str, style: str = "") -> w.Button:
    return w.Button(description=label, button_style=style, layout=w.Layout(width="100px"))
