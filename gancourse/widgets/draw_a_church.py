"""A church drawn by the reader, as a map of twelve classes, and painted by a generator as one draws."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import pretrained
from gancourse.data.churches import CLASSES, labelled_churches
from gancourse.data.churches.drawings import PALETTE, painted, read_drawing, save_drawing
from gancourse.data.churches.tasks import DAY
from gancourse.data.images import scale
from gancourse.latent import LatentError
from gancourse.latent.generating import checked
from gancourse.models.unet import painting
from gancourse.plots.grids import to_uint8
from gancourse.widgets.figure import SEEDS, button, choice, in_row, number, seed_control
from gancourse.widgets.page import Page
from gancourse.widgets.tool import Tool

SIDE = 64  # pixels of a map
PIXEL = 6  # of the page, for one of the map
TOP, LEFT, GAP = 28, 8, 24
UNDONE = 30  # strokes that can be taken back
SEED = 4  # of the churches to start from: nothing is trained on them
_COLOURS = np.array(list(PALETTE.values()), np.uint8)


def landscape() -> Tensor:
    """An empty map (64, 64) uint8: sky, a hill, ground, and a path."""
    empty = torch.full((SIDE, SIDE), CLASSES.index("sky"), dtype=torch.uint8)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    empty[rows >= 44] = CLASSES.index("hill")
    empty[rows >= 47] = CLASSES.index("ground")
    empty[(rows >= 56) & ((columns - 32).abs() < 3 + (rows - 56) // 2)] = CLASSES.index("path")
    return empty


class DrawAChurch(Tool):
    """A brush with CLASSES on a map of 64 x 64, beside it what G paints of the map; .drawing is the map.

    By pointer, or by the sliders x and y and the button Paint. G: pictures of maps (B, 3, 64, 64) in [-1, 1] -> such
    pictures; None for the course's own. maps: (n, 64, 64) numbers of CLASSES to start from; None for six churches.
    .memory holds the map and the strokes before it. A LatentError, of maps of another shape or a G that cannot be used,
    is shown in the picture's place.
    """

    title = "Draw a church"
    css_class = "gc-draw-a-church"

    def __init__(self, G: nn.Module | Callable[[Tensor], Tensor] | None = None, maps: Tensor | None = None) -> None:
        self._last: tuple[int, int] | None = None
        with self.making():
            self.G = _frozen(pretrained.translator("pix2pix-churches") if G is None else G)
            starts = labelled_churches(6, SIDE, SEED, **DAY)[1] if maps is None else maps
            starts = torch.as_tensor(starts)
            if starts.ndim != 3 or tuple(starts.shape[1:]) != (SIDE, SIDE) or not len(starts):
                raise LatentError(f"maps have shape {tuple(starts.shape)}, expected (n, {SIDE}, {SIDE}).")
            painted(starts)  # its errors: numbers that are no class
            self.starts = {f"church {i + 1}": one.to(torch.uint8) for i, one in enumerate(starts)}
            self.starts["an empty landscape"] = landscape()
            self.size = (LEFT + 2 * SIDE * PIXEL + GAP + LEFT, TOP + SIDE * PIXEL + 8)
            self._picture = lru_cache(maxsize=64)(self._make)
            first = next(iter(self.starts))
            self.memory = {"map": _packed(self.starts[first]), "before": []}
            self.controls = {
                "brush": choice("Brush", CLASSES, "wall"),
                "width": number("Pixels wide", 3, 1, 15),
                "x": number("x", 32, 0, SIDE - 1),
                "y": number("y", 32, 0, SIDE - 1),
                "start": choice("Start from", list(self.starts), first),
                "seed": seed_control(0),
            }
            self.buttons = {
                "paint": button("Paint", self.paint_here, "primary"),
                "undo": button("Undo", self.undo),
                "begin": button("Begin again", self.begin_again),
                "another": button("Another", self.another),
            }
            c = self.controls
            self.rows = [
                in_row(c["brush"], c["width"], c["start"]),
                in_row(c["x"], c["y"], *self.buttons.values(), c["seed"]),
            ]
        if not self.trouble:
            self.controls["start"].observe(lambda _: self.begin_again(), "value")

    @property
    def drawing(self) -> Tensor:
        """The map, (64, 64) uint8 numbers of CLASSES."""
        return _unpacked(self.memory["map"])

    # -- what one can do -----------------------------------------------------------------------------------------

    def paint_here(self) -> None:
        """One dab of the brush where the sliders stand."""
        self._remember()
        self._dab([(self.value("x"), self.value("y"))])
        self.show(f"Painted {self.value('brush')} at ({self.value('x')}, {self.value('y')}).")

    def undo(self) -> None:
        """Take back the last stroke."""
        before = self.memory["before"]
        if not before:
            self.show("There is nothing more to undo.")
            return
        self.memory["map"] = before.pop()
        self.show("Undone.")

    def begin_again(self) -> None:
        """The map that Start from shows."""
        self._remember()
        self.memory["map"] = _packed(self.starts[self.value("start")])
        self.show(f"Begun again from {self.value('start')}.")

    def another(self) -> None:
        """Throw the dice of G's dropout again."""
        self.set("Another church of the same map.", seed=(self.value("seed") + 1) % (SEEDS + 1))

    def save(self, path: str | Path) -> None:
        """The map as an indexed PNG, which `load`, or any program that paints, can open."""
        save_drawing(self.drawing, path)

    def load(self, path: str | Path) -> None:
        """A drawing of yours in its place. Raises DataError as `read_drawing` does."""
        drawn = read_drawing(path, SIDE)
        self._remember()
        self.memory["map"] = _packed(drawn)
        self.show(f"Loaded {Path(path).name}.")

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        column, row = int((x - LEFT) // PIXEL), int((y - TOP) // PIXEL)
        inside = 0 <= column < SIDE and 0 <= row < SIDE
        if pressed:
            self._last = (column, row) if inside else None
            if inside:
                self._remember()
        if self._last is None:
            return
        column, row = (min(max(place, 0), SIDE - 1) for place in (column, row))
        self._dab(_line(self._last, (column, row)))
        self._last = column, row
        self.set("", x=column, y=row)

    # -- how it is done ------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        self.memory["before"] = [*self.memory["before"], self.memory["map"]][-UNDONE:]

    def _dab(self, places: list[tuple[int, int]]) -> None:
        drawn, width = self.drawing, self.value("width")
        rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        shift = 0.5 * (width % 2 == 0)  # an even brush is centred between pixels
        for column, row in places:
            near = ((columns - column + shift) ** 2 + (rows - row + shift) ** 2) * 4 <= width**2
            drawn[near] = CLASSES.index(self.value("brush"))
        self.memory["map"] = _packed(drawn)

    def _make(self, packed: bytes, seed: int) -> np.ndarray:
        x = scale(painted(_unpacked(packed)[None]).pixels)
        try:
            with torch.inference_mode(), torch.random.fork_rng(devices=[]), painting(self.G):
                torch.manual_seed(seed)
                return to_uint8(checked(self.G(x), 1))[0]
        except LatentError:
            raise
        except Exception as error:  # a student's G may raise anything
            raise LatentError(f"G raised {type(error).__name__}: {str(error)[:200]}") from error

    def page(self) -> Page:
        page = Page(*self.size, colour=True)
        right = LEFT + SIDE * PIXEL + GAP
        page.text(LEFT, 18, "Your map")
        page.text(right, 18, f"G's picture of it, seed {self.value('seed')}")
        drawn = _COLOURS[self.drawing.numpy()].repeat(PIXEL, 0).repeat(PIXEL, 1).transpose(2, 0, 1)
        page.put(drawn, LEFT, TOP, SIDE * PIXEL)
        page.put(self._picture(self.memory["map"], self.value("seed")), right, TOP, SIDE * PIXEL)
        half = self.value("width") * PIXEL / 2
        centre = 0.5 * (self.value("width") % 2)
        spans = []
        for start, axis in ((LEFT, "x"), (TOP, "y")):  # what of the brush lies on the map
            at = start + (self.value(axis) + centre) * PIXEL
            spans.append((max(at - half, start), min(at + half, start + SIDE * PIXEL)))
        (x, right), (y, bottom) = spans
        page.frame(x, y, right - x, bottom - y, "ink", 1)
        return page

    def describe(self) -> str:
        counts = np.bincount(self.drawing.numpy().ravel(), minlength=len(CLASSES)) / SIDE**2
        most = sorted(zip(CLASSES, counts, strict=True), key=lambda pair: -pair[1])
        there = ", ".join(f"{share:.0%} {name}" for name, share in most if share >= 0.005)
        place = f"({self.value('x')}, {self.value('y')})"
        return f"The map: {there}. The brush paints {self.value('brush')}, {self.value('width')} wide, at {place}."


def _frozen(G: Any) -> Any:
    if not callable(G):
        raise LatentError(f"G is a {type(G).__name__}, expected a network that paints pictures from maps.")
    return copy.deepcopy(G).eval().requires_grad_(False).cpu() if isinstance(G, nn.Module) else G


def _packed(drawn: Tensor) -> bytes:
    return drawn.to(torch.uint8).numpy().tobytes()


def _unpacked(packed: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(packed, np.uint8).reshape(SIDE, SIDE).copy())


def _line(a: tuple[int, int], b: tuple[int, int]) -> list[tuple[int, int]]:
    """The places between two, both among them: a drag reports some places only."""
    n = max(abs(b[0] - a[0]), abs(b[1] - a[1]), 1)
    return [(round(a[0] + (b[0] - a[0]) * i / n), round(a[1] + (b[1] - a[1]) * i / n)) for i in range(n + 1)]
