"""What the latent widgets share: a tool of gancourse.tools, controls around it, and its page as the picture."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from gancourse import kept, tools
from gancourse.controls import LABEL, Figure
from gancourse.latent import LatentError
from gancourse.latent_pictures import Page, message
from gancourse.pointer import Pointer

WRAP = w.Layout(flex_flow="row wrap")
SEEDS = 9_999  # the largest seed that the controls offer


class ToolFigure(Figure):
    """A tool with controls: .tool (None if it could not be made), .controls {name: widget}, .page (what is shown).

    A subclass makes its tool and its controls, then calls `assemble`; `apply` carries the controls over to the tool.
    """

    tool: Any
    controls: dict[str, Any]
    page: Page

    def make(self, tool: Callable[[], tools.Tool]) -> None:
        """Make the tool, or keep the reason why there is none, to be shown in the picture's place."""
        self.tool, self.trouble = None, ""
        try:
            self.tool = tool()
        except ValueError as error:  # LatentError is one
            self.trouble = str(error)

    def assemble(self, rows: list[w.Widget], css_class: str) -> None:
        """Put the parts together, take over the state of the same cell's earlier figure, and show the picture."""
        self._quiet = False
        Figure.__init__(self, rows, css_class)
        width, _ = self._size()
        self.picture.format = "url"  # bytes would become a blob first, and be on the screen some milliseconds later
        self.picture.layout.width = f"{width}px"
        self.status.layout.min_height = "58px"  # two lines, so that what is below stays where it is
        self.add_class("gc-latent")
        with kept.state(self):
            for name, control in self.controls.items():
                control.observe(lambda change, name=name: self._changed(name, change["new"]), "value")
        self._pointer = Pointer(self.picture, self, self._point)
        self.apply()
        self.show()

    def _size(self) -> tuple[int, int]:
        return (640, 240) if self.tool is None else self.tool.size

    def apply(self) -> None:
        """Carry the values of the controls over to the tool."""

    def extra(self) -> Any:
        """What the tool knows and no control shows, to be kept when the cell is run again: plain values."""

    def restore(self, extra: Any) -> None:
        """Take over what `extra` gave."""

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        """A pointer at (x, y), in pixels of the page; pressed, or dragged there."""

    def _point(self, x: float, y: float, pressed: bool) -> None:
        if self.tool is not None:
            self.pressed(x * self.tool.size[0], y * self.tool.size[1], pressed)

    def _changed(self, name: str, value: Any) -> None:
        if not self._quiet:
            self.apply()
            control = self.controls[name]
            said = f"{value:.2f}" if isinstance(value, float) else getattr(control, "label", value)
            self.show(f"{control.description}: {said}.")

    def set(self, why: str, **values: Any) -> None:
        """Set several controls, then show the picture once."""
        self._quiet = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._quiet = False
        self.apply()
        self.show(why)

    def show(self, why: str = "") -> None:
        """Draw the picture anew and say what changed; trouble is said in the picture's place."""
        try:
            if self.tool is None:
                raise LatentError(self.trouble)
            self.page, self.text = self.tool.page(), self.tool.describe()
        except LatentError as error:
            self.page, self.text = message(*self._size(), "There is no picture", str(error)), str(error)
        self.picture.value = f"data:image/{self.page.kind};base64,".encode() + base64.b64encode(self.page.packed())
        self.say(f"{why} {self.text}".strip())

    def still(self) -> tuple[bytes, str]:
        return self.page.png(), f"{self.title}. {self.text}"


def seed_control(value: int = 0) -> w.BoundedIntText:
    layout = w.Layout(width="210px")
    return w.BoundedIntText(value=value, min=0, max=SEEDS, description="Seed", style=LABEL, layout=layout)
