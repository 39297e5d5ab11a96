"""What widgets of a generator share: its frozen copy, and a figure that draws a page of a state and says it."""

from __future__ import annotations

import base64
import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import ipywidgets as w
import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent import LatentError
from gancourse.latent.generating import checked
from gancourse.models import fast
from gancourse.models.base import Generator
from gancourse.plots.grids import to_uint8
from gancourse.widgets.cell_memory import recall
from gancourse.widgets.figure import SEEDS, Figure, button
from gancourse.widgets.page import SMALL, Page, message
from gancourse.widgets.pointer import Pointer


class Frozen:
    """A generator as it is now, made ready for quick single pictures: training it on does not change them.

    .z_size .shape (C, H, W) .small (whether many images fit on a page). The course's own generators take the fast path
    (gancourse.models.fast), in bfloat16 where that is quicker: pixels then differ by less than one can see.
    Raises LatentError for a generator that cannot be copied, or that does not give images.
    """

    def __init__(self, G: nn.Module) -> None:
        if not isinstance(G, nn.Module):
            raise LatentError(f"G is a {type(G).__name__}, expected a generator: a torch.nn.Module.")
        try:
            self.G = copy.deepcopy(G).eval().requires_grad_(False)
        except (RuntimeError, TypeError) as error:
            raise LatentError(f"G cannot be copied ({str(error)[:120]}).") from error
        self.z_size = latent.z_size(G)
        self.device = next((p.device for p in self.G.parameters()), torch.device("cpu"))
        self._run: nn.Module = self.G
        self._kind = torch.float32
        if isinstance(G, Generator) and self.device.type == "cpu":
            self._kind = torch.bfloat16 if fast.prefers_bfloat16(self.device) else torch.float32
            self._run = fast.Network(self.G.to(self._kind).to(memory_format=torch.channels_last)).eval()
        self.shape = self.images(self.z(1, 0)).shape[1:]

    @property
    def small(self) -> bool:
        return max(self.shape[1:]) <= SMALL

    @property
    def colour(self) -> bool:
        return int(self.shape[0]) == 3

    def z(self, n: int, seed: int) -> Tensor:
        """n draws of z, (n, z_size), always the same for a seed."""
        return latent.sample(n, self.z_size, seed)

    def images(self, z: Tensor) -> np.ndarray:
        """uint8 (B, C, H, W) of z (B, z_size). Raises LatentError."""
        try:
            with torch.inference_mode():
                x = self._run(z.to(self.device, self._kind))
        except LatentError:
            raise
        except Exception as error:  # a student's G may raise anything
            raise LatentError(f"G raised {type(error).__name__} for z {tuple(z.shape)}: {str(error)[:200]}") from error
        return to_uint8(checked(x, len(z)))


class Tool(Figure):
    """A figure with a state, a page drawn of it, and a sentence about it.

    The state is what .controls show, {name: widget}, and beside it .memory, plain values by name that no control shows.
    Both outlive the figure when its cell is run again. .size is that of the page, in pixels; .shown the page as it is.

    The constructor of a subclass does its work inside `making`: there it sets .size, .controls, .memory and .rows, of
    which the first is laid out above the picture. `page` and `describe` read the state with `value` and from .memory.
    """

    size = (640, 240)  # of a figure that only says why there is nothing to see
    shown: Page

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """Build the figure in the body; what refuses to be built is said in the picture's place."""
        self.controls: dict[str, Any] = {}
        self.memory: dict[str, Any] = {}
        self.rows: list[w.Widget] = []
        self.trouble, self._quiet = "", False
        try:
            yield
        except ValueError as error:  # LatentError is one
            self.controls, self.memory, self.rows, self.size, self.trouble = {}, {}, [], Tool.size, str(error)
        super().__init__(self.rows, self.size[0])
        self.picture.format = "url"  # bytes would become a blob first, and be on the screen some milliseconds later
        self.status.layout.min_height = "58px"  # two lines, so that what is below stays where it is
        self.add_class("gc-latent")
        self._recalled = recall(self)
        for name, value in self._recalled.items():
            if name in self.memory:
                self.memory[name] = value
            elif name in self.controls:
                with contextlib.suppress(Exception):  # other options than before: the default stays
                    self.controls[name].value = value
        for control in self.controls.values():
            control.observe(self._changed, "value")
        self._pointer = Pointer(self.picture, self, self._point)
        self.show()

    def page(self) -> Page:
        """A page of the state, always of the same size."""
        raise NotImplementedError

    def describe(self) -> str:
        """The state in a sentence."""
        raise NotImplementedError

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        """A pointer at (x, y), in pixels of the page; pressed, or dragged there."""

    def state(self) -> dict[str, Any]:
        """What is kept when the cell is run again; a figure that could not be built hands on what it was given."""
        shown = {name: control.value for name, control in self.controls.items()}
        return self._recalled if self.trouble else shown | copy.deepcopy(self.memory)

    def value(self, name: str) -> Any:
        """What a control shows."""
        return self.controls[name].value

    def set(self, why: str, **values: Any) -> None:
        """Set several controls, then show the picture once."""
        self._quiet = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._quiet = False
        self.show(why)

    def show(self, why: str = "") -> None:
        """Draw the picture anew and say what changed; trouble is said in the picture's place."""
        try:
            if self.trouble:
                raise LatentError(self.trouble)
            self.shown, self.text = self.page(), self.describe()
        except LatentError as error:
            self.shown, self.text = message(*self.size, "There is no picture", str(error)), str(error)
        self.picture.value = f"data:image/{self.shown.kind};base64,".encode() + base64.b64encode(self.shown.packed())
        self.say(f"{why} {self.text}".strip())

    def still(self) -> tuple[bytes, str]:
        return self.shown.png(), f"{self.title}. {self.text}"

    def re_roll(self) -> w.Button:
        """A button that goes on to the next seed."""
        return button(
            "Re-roll", lambda: self.set("New samples.", seed=(self.value("seed") + 1) % (SEEDS + 1)), "primary"
        )

    def _changed(self, change: dict[str, Any]) -> None:
        if not self._quiet:
            control, value = change["owner"], change["new"]
            said = f"{value:.2f}" if isinstance(value, float) else getattr(control, "label", value)
            self.show(f"{control.description}: {said}.")

    def _point(self, x: float, y: float, pressed: bool) -> None:
        if not self.trouble:
            self.pressed(x * self.size[0], y * self.size[1], pressed)
