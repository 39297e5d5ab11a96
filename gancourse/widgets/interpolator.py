"""From one sample to another, by lerp or slerp."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent_pictures import Page, Sheet
from gancourse.tools.base import Frozen, Tool


class Interpolator(Tool):
    """From one sample to another, or round through up to four. .chosen (numbers, 2 to 4) .t (0 to 1) .how .seed"""

    FRAMES = 9  # on the film strip

    def __init__(self, G: nn.Module, seed: int = 0) -> None:
        self.source = Frozen(G)
        self.seed, self.t, self.how = seed, 0.5, "slerp"
        side, columns = (56, 4) if self.source.small else (84, 4)
        self.sheet = Sheet(6, 30, 16, columns, side, 6)
        self.large = 280 if self.source.small else 384
        x = self.sheet.x + self.sheet.width + 36
        self.place = (x, 30)
        height = max(self.sheet.height, self.large) + 30
        strip = 56 if self.source.small else (x + self.large - 6 - 8 * (self.FRAMES - 1)) // self.FRAMES
        self.strip = Sheet(6, height + 34, self.FRAMES, self.FRAMES, strip, 8)
        self.size = (max(x + self.large, self.strip.x + self.strip.width) + 6, self.strip.y + strip + 8)
        self.chosen: tuple[int, ...] = (0, 1)
        self._made: dict[object, np.ndarray] = {}

    def choose(self, *chosen: int) -> None:
        """The samples to go through: 2, or up to 4 for a round trip. Raises ValueError."""
        if not 2 <= len(chosen) <= 4 or not all(0 <= i < self.sheet.n for i in chosen):
            raise ValueError(f"chosen is {chosen}, expected 2 to 4 numbers from 0 to {self.sheet.n - 1}")
        self.chosen = chosen

    def candidates(self) -> Tensor:
        return latent.sample(self.sheet.n, self.source.z_size, self.seed)

    def at(self, t: Tensor) -> Tensor:
        """z at shares t (T,) of the way: (T, z_size)."""
        points = self.candidates()[list(self.chosen)]
        if len(points) > 2:
            points = torch.cat([points, points[:1]])
        how = latent.slerp if self.how == "slerp" else latent.lerp
        place = t.clamp(0, 1) * (len(points) - 1)
        leg = place.long().clamp(max=len(points) - 2)
        return torch.stack([how(points[i], points[i + 1], float(s)) for i, s in zip(leg, place - leg, strict=True)])

    def _images(self, key: tuple[object, ...], z: Tensor) -> np.ndarray:
        """Images that stay while t moves: made once. One of each kind is kept."""
        if self._made.get(key[0], (None,))[0] != key:
            self._made[key[0]] = (key, self.source.images(z))  # type: ignore[assignment]
        return self._made[key[0]][1]

    def page(self) -> Page:
        page = Page(*self.size, self.source.colour)
        page.text(6, 20, "Choose from these")
        page.sheet(self._images(("sheet", self.seed), self.candidates()), self.sheet)
        inks = ("generator", "discriminator", "accent", "data")
        for letter, ink, i in zip("ABCD", inks, self.chosen, strict=False):
            page.mark(self.sheet, i, ink, letter)
        route = "ABCD"[: len(self.chosen)]
        route = " to ".join(route if len(route) == 2 else [*route, "A"])
        page.text(self.place[0], 20, f"{self.t:.0%} of the way from {route}")
        page.put(self.source.images(self.at(torch.tensor([self.t])))[0], *self.place, self.large)
        shares = torch.linspace(0, 1, self.FRAMES)
        page.text(6, self.strip.y - 12, f"The way in {self.FRAMES} steps, {self.how}")
        page.sheet(self._images(("strip", self.seed, self.chosen, self.how), self.at(shares)), self.strip)
        x = self.strip.x + self.strip.side / 2 + self.t * (self.strip.width - self.strip.side)
        page.line(
            [(x - 6, self.strip.y - 9), (x + 6, self.strip.y - 9), (x, self.strip.y - 2), (x - 6, self.strip.y - 9)],
            "ink",
        )
        return page

    def describe(self) -> str:
        z = self.at(torch.tensor([self.t]))
        numbers = ", ".join(f"{letter} is sample {i + 1}" for letter, i in zip("ABCD", self.chosen, strict=False))
        mean, _ = latent.shell(self.source.z_size)
        return (
            f"{numbers}; {self.t:.0%} of the way by {self.how}. |z| is {float(latent.norms(z)):.1f} here, "
            f"{mean:.1f} on average where G was trained."
        )

    def film(self, frames: int = 32) -> list[np.ndarray]:
        """Images along the whole way, and back for two samples, so that it loops: uint8 (C, H, W) each."""
        if len(self.chosen) > 2:
            return list(self.source.images(self.at(torch.linspace(0, 1, frames + 1)[:-1])))
        there = list(self.source.images(self.at(torch.linspace(0, 1, frames // 2 + 1))))
        return [*there, *there[-2:0:-1]]
