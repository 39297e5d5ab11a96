"""From a picture to its translation and back again, with one slider; and what a little noise half-way does."""

from __future__ import annotations

import copy
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import pretrained
from gancourse.data.churches.tasks import true_pairs
from gancourse.data.images import Images, scale
from gancourse.latent import LatentError
from gancourse.plots.grids import to_uint8
from gancourse.widgets.figure import button, choice, float_slider, in_row, number
from gancourse.widgets.page import Page
from gancourse.widgets.tool import Tool

LARGE, SMALL = 384, 122  # pixels
SEED, N = 4, 12  # of the churches; nothing is trained on that seed
STAGES = ("the picture", "translated", "back again")
NAMES = {"dusk": ("morning", "dusk"), "snow": ("summer", "snow")}


class ThereAndBack(Tool):
    """One slider from a picture (0) over its translation (1) to what comes back (2), fading in between.

    task: "dusk" or "snow". G_ab, G_ba: translators of pictures (B, 3, H, W) in [-1, 1]; None for the shipped. a, b:
    pictures of the two sides, (n, 3, H, W) uint8 or in [-1, 1]; None for unseen churches. A LatentError, of another
    task or of translators that cannot be used, is shown in the picture's place.
    """

    title = "There and back"
    css_class = "gc-there-and-back"

    def __init__(
        self,
        task: str = "dusk",
        G_ab: nn.Module | None = None,
        G_ba: nn.Module | None = None,
        a: Tensor | Images | None = None,
        b: Tensor | Images | None = None,
    ) -> None:
        with self.making():
            if task not in NAMES:
                raise LatentError(f"task is {task!r}, expected {' or '.join(NAMES)}.")
            names = NAMES[task]
            shipped = f"cyclegan-{task}"
            there = pretrained.translator(shipped, "G_ab") if G_ab is None else G_ab
            back = pretrained.translator(shipped, "G_ba") if G_ba is None else G_ba
            if a is None or b is None:
                pairs = true_pairs(task, N, SEED)[0]
                a, b = pairs.a if a is None else a, pairs.b if b is None else b
            ways = {f"{names[0]} to {names[1]}": (there, back, a), f"{names[1]} to {names[0]}": (back, there, b)}
            self.ways = {name: (_frozen(one), _frozen(other), _scaled(x)) for name, (one, other, x) in ways.items()}
            self.size = (8 + LARGE + 24 + SMALL + 8, 28 + LARGE + 8)
            self._stages = lru_cache(maxsize=64)(self._make)
            most = min(len(x) for _, _, x in self.ways.values())
            if not most:
                raise LatentError("a or b holds no picture: give at least one of each side.")
            self.controls = {
                "at": float_slider("There, back", 1.0, 0.0, 2.0, 0.05, 440),
                "church": number("Church", 0, 0, most - 1),
                "noise": number("Noise, levels", 0, 0, 8),
                "way": choice("Way", list(self.ways), next(iter(self.ways))),
            }
            steps = {"Picture": 0.0, "Translated": 1.0, "Back": 2.0}
            self.buttons = {name: button(name, partial(self.set, "", at=to)) for name, to in steps.items()}
            c = self.controls
            self.rows = [in_row(c["at"], *self.buttons.values()), in_row(c["way"], c["church"], c["noise"])]

    def stages(self) -> np.ndarray:
        """The picture, translated (with the noise), and back again: (3, 3, H, W) uint8."""
        return self._stages(self.value("way"), self.value("church"), self.value("noise"))

    def cycle_error(self) -> float:
        """The mean distance of what came back from the picture, in levels of 255."""
        first, _, last = self.stages().astype(np.float64)
        return float(np.abs(first - last).mean())

    def _make(self, way: str, church: int, noise: int) -> np.ndarray:
        there, back, pictures = self.ways[way]
        x = pictures[church : church + 1]
        try:
            with torch.inference_mode():
                y = there(x)
                sign = torch.randint(0, 2, y.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
                y = (y + noise / 127.5 * sign).clamp(-1, 1)
                return to_uint8(torch.cat([x, y, back(y)]))
        except Exception as error:  # a student's G may raise anything
            raise LatentError(f"a translator raised {type(error).__name__}: {str(error)[:200]}") from error

    def page(self) -> Page:
        page, stages, at = Page(*self.size, colour=True), self.stages(), self.value("at")
        first = min(int(at), 1)
        share = at - first
        mixed = np.rint((1 - share) * stages[first] + share * stages[first + 1]).astype(np.uint8)
        page.text(8, 18, f"{at:.2f}: {self._where()}")
        page.put(mixed, 8, 28, LARGE)
        for i, image in enumerate(stages):
            x, y = 8 + LARGE + 24, 28 + i * (SMALL + 9)
            page.put(image, x, y, SMALL)
            if round(at) == i:
                page.frame(x, y, SMALL, SMALL, "accent")
        return page

    def _where(self) -> str:
        at = self.value("at")
        if at == int(at):
            return STAGES[int(at)]
        return f"between {STAGES[int(at)]} and {STAGES[int(at) + 1]}"

    def describe(self) -> str:
        noise = f", with noise of {self.value('noise')} levels half-way" if self.value("noise") else ""
        return (
            f"Church {self.value('church')}, {self.value('way')}{noise}: {self._where()}. What comes back is "
            f"{self.cycle_error():.1f} levels of 255 away from the picture, on average."
        )

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        """On the large picture, from left to right: the way there and back."""
        if 8 <= x < 8 + LARGE and 28 <= y < 28 + LARGE:
            self.set("", at=round(2 * (x - 8) / LARGE / 0.05) * 0.05)


def _frozen(G: Any) -> Any:
    if not callable(G):
        raise LatentError(f"a translator is a {type(G).__name__}, expected a network.")
    return copy.deepcopy(G).eval().requires_grad_(False).cpu() if isinstance(G, nn.Module) else G


def _scaled(x: Tensor | Images) -> Tensor:
    pixels = x.pixels if isinstance(x, Images) else x
    return scale(pixels) if pixels.dtype == torch.uint8 else pixels
