"""A plane of blended seeds that can be walked, as in the StyleGAN visualiser."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent_pictures import Page
from gancourse.tools.base import Frozen, Tool


class SeedMap(Tool):
    """A plane that can be walked: a random z at each crossing of a lattice, blends of four in between. .x .y .seed"""

    CROSSINGS = 4  # in each direction, on the map

    def __init__(self, G: nn.Module, seed: int = 0) -> None:
        self.source = Frozen(G)
        self.seed, self.x, self.y = seed, 0.5, 0.5
        self.left = self.top = -1  # the crossing at the map's upper left
        self.pitch = 136
        self.side = 84
        self.large = 420 if self.source.small else 448
        self.map = (8, 30, self.pitch * (self.CROSSINGS - 1) + self.side)
        self.size = (self.map[2] + 40 + self.large + 8, max(self.map[2], self.large) + 38)
        self._image = lru_cache(maxsize=256)(self._make)

    def move(self, x: float, y: float) -> None:
        """Go to a place of the plane; the map follows where it leaves it."""
        self.x, self.y = x, y
        span = self.CROSSINGS - 1
        if not self.left <= x <= self.left + span:
            self.left = math.floor(x) - 1
        if not self.top <= y <= self.top + span:
            self.top = math.floor(y) - 1

    def place(self, px: float, py: float) -> tuple[float, float] | None:
        """The place of the plane at a pixel of the page; None beside the map."""
        x, y = ((p - start - self.side / 2) / self.pitch for p, start in ((px, self.map[0]), (py, self.map[1])))
        span = self.CROSSINGS - 1
        if not (-0.25 <= x <= span + 0.25 and -0.25 <= y <= span + 0.25):
            return None
        return self.left + min(max(x, 0.0), span), self.top + min(max(y, 0.0), span)

    def crossing(self, column: int, row: int) -> Tensor:
        """The z of a crossing, (z_size,): always the same for the same seed."""
        seed = (self.seed * 1_000_003 + column) * 1_000_003 + row
        return latent.sample(1, self.source.z_size, seed % (1 << 63))[0]

    def z(self) -> Tensor:
        """z where one stands, (z_size,)."""
        column, row = math.floor(self.x), math.floor(self.y)
        corners = torch.stack([self.crossing(column + i, row + j) for j in (0, 1) for i in (0, 1)])
        return latent.blend(corners, self.x - column, self.y - row)

    def _make(self, seed: int, column: int, row: int) -> np.ndarray:
        return self.source.images(self.crossing(column, row)[None])[0]

    def page(self) -> Page:
        page = Page(*self.size, self.source.colour)
        left, top, _ = self.map
        half = self.side // 2
        page.text(left, 20, "The plane, with a random z at each crossing")
        for i in range(self.CROSSINGS):
            a, b = i * self.pitch + half, (self.CROSSINGS - 1) * self.pitch + half
            page.line([(left + a, top + half), (left + a, top + b)], "muted", 1)
            page.line([(left + half, top + a), (left + b, top + a)], "muted", 1)
        for i in range(self.CROSSINGS):
            for j in range(self.CROSSINGS):
                image = self._image(self.seed, self.left + i, self.top + j)
                page.put(image, left + i * self.pitch, top + j * self.pitch, self.side)
        x, y = left + half + (self.x - self.left) * self.pitch, top + half + (self.y - self.top) * self.pitch
        page.dot(x, y, 9, "paper")
        page.dot(x, y, 7, "generator")
        start = self.map[2] + 48
        page.text(start, 20, f"G at ({self.x:.2f}, {self.y:.2f})".replace("-", "−"))
        page.put(self.source.images(self.z()[None])[0], start, 30, self.large)
        return page

    def describe(self) -> str:
        column, row = math.floor(self.x), math.floor(self.y)
        u, v = self.x - column, self.y - row
        weights = [((1 - u) * (1 - v), 0, 0), (u * (1 - v), 1, 0), ((1 - u) * v, 0, 1), (u * v, 1, 1)]
        share, i, j = max(weights)
        return (
            f"At ({self.x:.2f}, {self.y:.2f}) of seed {self.seed}; the nearest crossing is ({column + i}, {row + j}), "
            f"with a weight of {share:.0%}. |z| is {float(latent.norms(self.z())):.1f}."
        )
