"""From one sample to another, by lerp or slerp."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.files import write_atomically
from gancourse.latent import LatentError
from gancourse.widgets.figure import button, choice, float_slider, in_row, seed_control
from gancourse.widgets.page import Page, Sheet
from gancourse.widgets.tool import Frozen, Tool

FRAMES = 9  # on the film strip


class Interpolator(Tool):
    """From one sample of G to another, or round through three or four; films and strips are saved in `folder`."""

    title = "Interpolator: from one sample to another"
    css_class = "gc-interpolator"

    def __init__(self, G: nn.Module, seed: int = 0, folder: str | Path = ".") -> None:
        with self.making():
            self.source, self.folder = Frozen(G), Path(folder)
            small = self.source.small
            self.sheet = Sheet(6, 30, 16, 4, 56 if small else 84, 6)
            self.large = 280 if small else 384
            x = self.sheet.x + self.sheet.width + 36
            self.place = (x, 30)
            height = max(self.sheet.height, self.large) + 30
            side = 56 if small else (x + self.large - 6 - 8 * (FRAMES - 1)) // FRAMES
            self.strip = Sheet(6, height + 34, FRAMES, FRAMES, side, 8)
            self.size = (max(x + self.large, self.strip.x + self.strip.width) + 6, self.strip.y + side + 8)
            # Images that stay while t moves are made once; the arguments are what they depend on.
            self._samples = lru_cache(1)(lambda seed: self.source.images(self.candidates()))
            self._way = lru_cache(1)(lambda *key: self.source.images(self.at(torch.linspace(0, 1, FRAMES))))
            numbers = [(str(i + 1), i) for i in range(self.sheet.n)]
            letters = {
                letter: choice(letter, numbers if letter in "AB" else [("none", -1), *numbers], start)
                for letter, start in zip("ABCD", (0, 1, -1, -1), strict=True)
            }
            self.controls = {
                "t": float_slider("Way", 0.5, 0, 1, 0.01, 460),
                "how": choice("Path", [("slerp: on the shell", "slerp"), ("lerp: straight", "lerp")], "slerp"),
                **letters,
                "next": choice("A press sets", list("ABCD"), "A"),
                "seed": seed_control(seed),
            }
            t, how, *which, seeds = self.controls.values()
            self.roll = self.re_roll()
            self.export = {
                "gif": button("Save GIF", lambda: self.save("gif")),
                "png": button("Save PNG", lambda: self.save("png")),
            }
            self.rows = [in_row(t, how), in_row(*which), in_row(self.roll, *self.export.values(), seeds)]

    @property
    def chosen(self) -> tuple[int, ...]:
        """The samples to go through, from 0: two, or up to four for a round trip."""
        return tuple(i for letter in "ABCD" if (i := self.value(letter)) >= 0)

    def candidates(self) -> Tensor:
        """The z to choose from, (n, z_size)."""
        return self.source.z(self.sheet.n, self.value("seed"))

    def at(self, t: Tensor) -> Tensor:
        """z at shares t (T,) of the way: (T, z_size)."""
        points = self.candidates()[list(self.chosen)]
        if len(points) > 2:
            points = torch.cat([points, points[:1]])
        how = latent.slerp if self.value("how") == "slerp" else latent.lerp
        place = t.clamp(0, 1) * (len(points) - 1)
        leg = place.long().clamp(max=len(points) - 2)
        return torch.stack([how(points[i], points[i + 1], float(s)) for i, s in zip(leg, place - leg, strict=True)])

    def page(self) -> Page:
        seed, t, how, chosen = self.value("seed"), self.value("t"), self.value("how"), self.chosen
        page = Page(*self.size, self.source.colour)
        page.text(6, 20, "Choose from these")
        page.sheet(self._samples(seed), self.sheet)
        inks = ("generator", "discriminator", "accent", "data")
        for letter, ink, i in zip("ABCD", inks, chosen, strict=False):
            page.mark(self.sheet, i, ink, letter)
        route = "ABCD"[: len(chosen)]
        route = " to ".join(route if len(route) == 2 else [*route, "A"])
        page.text(self.place[0], 20, f"{t:.0%} of the way from {route}")
        page.put(self.source.images(self.at(torch.tensor([t])))[0], *self.place, self.large)
        strip = self.strip
        page.text(6, strip.y - 12, f"The way in {FRAMES} steps, {how}")
        page.sheet(self._way(seed, chosen, how), strip)
        x = strip.x + strip.side / 2 + t * (strip.width - strip.side)
        page.line([(x - 6, strip.y - 9), (x + 6, strip.y - 9), (x, strip.y - 2), (x - 6, strip.y - 9)], "ink")
        return page

    def describe(self) -> str:
        z = self.at(torch.tensor([self.value("t")]))
        numbers = ", ".join(f"{letter} is sample {i + 1}" for letter, i in zip("ABCD", self.chosen, strict=False))
        mean, _ = latent.shell(self.source.z_size)
        return (
            f"{numbers}; {self.value('t'):.0%} of the way by {self.value('how')}. |z| is {float(latent.norms(z)):.1f} "
            f"here, {mean:.1f} on average where G was trained."
        )

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        strip = self.strip
        if y > strip.y - 24:
            t = (x - strip.x - strip.side / 2) / (strip.width - strip.side)
            self.set("", t=round(min(1.0, max(0.0, t)), 2))
        elif pressed and (i := self.sheet.at(x, y)) is not None:
            letter = self.value("next")
            following = {"A": "B", "B": "A", "C": "D", "D": "C"}[letter]
            self.set(f"{letter} is sample {i + 1} now.", **{letter: i, "next": following})

    def film(self, frames: int) -> list[np.ndarray]:
        """Images along the whole way, and back for two samples, so that it loops: uint8 (C, H, W) each."""
        if len(self.chosen) > 2:
            return list(self.source.images(self.at(torch.linspace(0, 1, frames + 1)[:-1])))
        there = list(self.source.images(self.at(torch.linspace(0, 1, frames // 2 + 1))))
        return [*there, *there[-2:0:-1]]

    def save(self, kind: str) -> None:
        """Write the way as a film (gif) or a strip (png) into the folder, and say where."""
        numbers = "-".join(str(i + 1) for i in self.chosen)
        path = self.folder / f"{self.value('how')}-seed{self.value('seed')}-{numbers}.{kind}"
        try:
            frames = self.film(32 if kind == "gif" else 2 * (FRAMES - 1))
            if kind == "png" and len(self.chosen) == 2:
                frames = frames[:FRAMES]
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, gif(frames) if kind == "gif" else png(frames))
        except (OSError, LatentError) as error:
            self.say(f"Not saved: {error}")
            return
        self.say(f"Saved {path}: {len(frames)} images along the way. {self.text}")


def gif(frames: list[np.ndarray]) -> bytes:
    """A film that loops, of uint8 images (C, H, W), each fitted into a square of 224 pixels."""
    pages = []
    for frame in frames:
        page = Page(224, 224, frame.shape[0] == 3)
        page.put(frame, 0, 0, 224)
        pages.append(page.image)
    buffer = io.BytesIO()
    pages[0].save(buffer, "GIF", save_all=True, append_images=pages[1:], duration=60, loop=0)  # milliseconds
    return buffer.getvalue()


def png(frames: list[np.ndarray]) -> bytes:
    """uint8 images (C, H, W) side by side."""
    sheet = Sheet(4, 4, len(frames), len(frames), 112)
    page = Page(sheet.width + 8, sheet.height + 8, frames[0].shape[0] == 3)
    for i, frame in enumerate(frames):
        page.put(frame, *sheet.corner(i), sheet.side)
    return page.png()
