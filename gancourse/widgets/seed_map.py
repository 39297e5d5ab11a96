"""A plane of blended seeds that can be walked, as in the StyleGAN visualiser."""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.widgets.figure import button, float_slider, in_row, seed_control
from gancourse.widgets.page import Page
from gancourse.widgets.tool import Frozen, Tool

CROSSINGS = 4  # in each direction, on the map
SPAN = CROSSINGS - 1
STEP, EDGE = 0.25, 20.0  # of the buttons; of the plane


class SeedMap(Tool):
    """A plane with a random z at each crossing of a lattice and blends of four in between, to be walked.

    By sliders, arrows or a pointer. .memory holds the crossing at the map's upper left: it moves where one leaves it.
    """

    title = "Seed map: a plane that can be walked"
    css_class = "gc-seed-map"

    def __init__(self, G: nn.Module, seed: int = 0) -> None:
        with self.making():
            self.source = Frozen(G)
            self.memory = {"left": -1, "top": -1}
            self.pitch, self.side = 136, 84
            self.large = 420 if self.source.small else 448
            self.map = (8, 30, self.pitch * SPAN + self.side)
            self.size = (self.map[2] + 40 + self.large + 8, max(self.map[2], self.large) + 38)
            self._image = lru_cache(maxsize=256)(self._make)
            axes = {axis: float_slider(f"{axis} on the plane", 0.5, -EDGE, EDGE, 0.05, 440) for axis in "xy"}
            self.controls = {**axes, "seed": seed_control(seed)}
            ways = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
            self.ways = {name: button(name, partial(self.walk, name, *way)) for name, way in ways.items()}
            self.rows = [in_row(*axes.values()), in_row(*self.ways.values(), self.controls["seed"])]

    def walk(self, name: str, dx: int, dy: int) -> None:
        """One step, which stays on the plane."""
        x, y = (self.value(axis) + d * STEP for axis, d in (("x", dx), ("y", dy)))
        self.set(f"{name}.", x=min(max(x, -EDGE), EDGE), y=min(max(y, -EDGE), EDGE))

    def corner(self) -> tuple[int, int]:
        """The crossing at the map's upper left; the map follows where one leaves it."""
        for side, axis in (("left", "x"), ("top", "y")):
            if not self.memory[side] <= self.value(axis) <= self.memory[side] + SPAN:
                self.memory[side] = math.floor(self.value(axis)) - 1
        return self.memory["left"], self.memory["top"]

    def place(self, px: float, py: float) -> tuple[float, float] | None:
        """The place of the plane at a pixel of the page; None beside the map."""
        x, y = ((p - start - self.side / 2) / self.pitch for p, start in ((px, self.map[0]), (py, self.map[1])))
        if not (-0.25 <= x <= SPAN + 0.25 and -0.25 <= y <= SPAN + 0.25):
            return None
        left, top = self.corner()
        return left + min(max(x, 0.0), SPAN), top + min(max(y, 0.0), SPAN)

    def crossing(self, column: int, row: int) -> Tensor:
        """The z of a crossing, (z_size,): always the same for the same seed."""
        seed = (self.value("seed") * 1_000_003 + column) * 1_000_003 + row
        return self.source.z(1, seed % (1 << 63))[0]

    def _here(self) -> tuple[int, int, float, float]:
        """The crossing up and to the left of where one stands, and how far one is from it."""
        x, y = self.value("x"), self.value("y")
        column, row = math.floor(x), math.floor(y)
        return column, row, x - column, y - row

    def z(self) -> Tensor:
        """z where one stands, (z_size,)."""
        column, row, u, v = self._here()
        corners = torch.stack([self.crossing(column + i, row + j) for j in (0, 1) for i in (0, 1)])
        return latent.blend(corners, u, v)

    def _make(self, seed: int, column: int, row: int) -> np.ndarray:
        return self.source.images(self.crossing(column, row)[None])[0]

    def page(self) -> Page:
        page = Page(*self.size, self.source.colour)
        (column, row), (left, top, _) = self.corner(), self.map
        half = self.side // 2
        page.text(left, 20, "The plane, with a random z at each crossing")
        for i in range(CROSSINGS):
            a, b = i * self.pitch + half, SPAN * self.pitch + half
            page.line([(left + a, top + half), (left + a, top + b)], "muted", 1)
            page.line([(left + half, top + a), (left + b, top + a)], "muted", 1)
        for i in range(CROSSINGS):
            for j in range(CROSSINGS):
                image = self._image(self.value("seed"), column + i, row + j)
                page.put(image, left + i * self.pitch, top + j * self.pitch, self.side)
        x, y = self.value("x"), self.value("y")
        here = left + half + (x - column) * self.pitch, top + half + (y - row) * self.pitch
        page.dot(*here, 9, "paper")
        page.dot(*here, 7, "generator")
        start = self.map[2] + 48
        page.text(start, 20, f"G at ({x:.2f}, {y:.2f})".replace("-", "−"))
        page.put(self.source.images(self.z()[None])[0], start, 30, self.large)
        return page

    def describe(self) -> str:
        column, row, u, v = self._here()
        weights = [((1 - u) * (1 - v), 0, 0), (u * (1 - v), 1, 0), ((1 - u) * v, 0, 1), (u * v, 1, 1)]
        share, i, j = max(weights)
        return (
            f"At ({self.value('x'):.2f}, {self.value('y'):.2f}) of seed {self.value('seed')}; the nearest crossing is "
            f"({column + i}, {row + j}), with a weight of {share:.0%}. |z| is {float(latent.norms(self.z())):.1f}."
        )

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if (place := self.place(x, y)) is not None:
            self.set("", x=place[0], y=place[1])
