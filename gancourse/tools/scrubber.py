"""The same z through the epochs of a run, beside the run's losses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gancourse.latent import LatentError
from gancourse.latent_pictures import SMALL, Page, Sheet
from gancourse.plots.curves import EQUILIBRIUM
from gancourse.plots.grids import to_uint8
from gancourse.tools.base import Tool

HIGHEST = 6.0  # nats; a loss above is drawn at the upper edge


class Scrubber(Tool):
    """.epochs (ascending) .epoch (the one shown). samples: epoch -> images of the same z, as `Trainer.samples`.

    history: rows with epoch, loss_d and loss_g, as `Trainer.history`; empty for no curves. Raises LatentError.
    """

    def __init__(self, samples: Mapping[int, Any], history: Sequence[Mapping[str, Any]] = ()) -> None:
        if not samples:
            raise LatentError("there are no samples: train for at least one epoch first.")
        try:
            self.samples = {int(epoch): to_uint8(samples[epoch]) for epoch in sorted(samples)}
        except ValueError as error:
            raise LatentError(str(error)) from error
        self.epochs = list(self.samples)
        self.epoch = self.epochs[-1]
        self.history = [row for row in history if {"epoch", "loss_d", "loss_g"} <= row.keys()]
        images = self.samples[self.epoch]
        small = max(images.shape[2:]) <= SMALL
        n, columns, side = (64, 8, 56) if small else (9, 3, 160)
        least = min(len(x) for x in self.samples.values())
        if small and least <= 16:  # a shipped strip
            columns, side = 4, 112
        self.colour = images.shape[1] == 3
        self.sheet = Sheet(6, 30, min(n, least), columns, side)
        x = self.sheet.x + self.sheet.width + 70
        self.box = (x, 60, x + 330, 300)
        right = self.box[2] + 74 if self.history else self.sheet.x + self.sheet.width + 6
        self.size = (right, max(self.sheet.height + 36, 340 if self.history else 0))

    def nearest(self, epoch: float) -> int:
        """The epoch with samples that is closest."""
        return min(self.epochs, key=lambda e: abs(e - epoch))

    def place(self, px: float, py: float) -> int | None:
        """The epoch at a pixel of the page; None beside the curves."""
        left, top, right, bottom = self.box
        if not self.history or not (left - 12 <= px <= right + 12 and top - 12 <= py <= bottom + 24):
            return None
        return self.nearest((px - left) / (right - left) * self._last)

    @property
    def _last(self) -> float:
        return max(self.epochs[-1], max((row["epoch"] for row in self.history), default=1), 1)

    def page(self) -> Page:
        page = Page(*self.size, self.colour)
        page.text(6, 20, f"The same {self.sheet.n} z after epoch {self.epoch}")
        page.sheet(self.samples[self.epoch], self.sheet)
        if self.history:
            self._curves(page)
        return page

    def _curves(self, page: Page) -> None:
        left, top, right, bottom = self.box
        values = [float(row[key]) for row in self.history for key in ("loss_d", "loss_g")]
        finite = [v for v in values if math.isfinite(v)]
        high = min(HIGHEST, max([2.0, *finite]) * 1.05)
        low = min([0.0, *finite])

        def at(epoch: float, value: float) -> tuple[float, float]:
            share = (min(max(value, low), high) - low) / (high - low)
            return left + (right - left) * epoch / self._last, bottom - (bottom - top) * share

        page.text(left, 20, "Losses (nats)")
        page.line([(left, top), (left, bottom), (right, bottom)], "data", 1)
        page.text(right, bottom + 20, f"epoch {self._last:g}", 12, "rs")
        marks = EQUILIBRIUM["non_saturating"]
        for value in (0.0, marks["loss_g"][0], marks["loss_d"][0]):
            y = at(0, value)[1]
            page.line([(left, y), (right, y)], "muted", 1)
            page.text(left - 8, y, "0" if value == 0 else f"{value:.2f}", 11, "rm")
        x = at(self.epoch, 0)[0]
        page.line([(x, top - 8), (x, bottom)], "accent", 2)
        page.text(x, top - 14, f"{self.epoch}", 12, "ms")
        ends: list[tuple[float, str]] = []
        for key, ink, label in (("loss_d", "discriminator", "D's loss"), ("loss_g", "generator", "G's loss")):
            curve = [at(row["epoch"], row[key]) for row in self.history if math.isfinite(row[key])]
            if len(curve) > 1:
                page.line(curve, ink, 2)
            for place in curve if len(curve) < 8 else curve[-1:]:
                page.dot(*place, 3.5, ink)
            if curve:
                ends.append((curve[-1][1], label))
        ends.sort()
        if len(ends) == 2 and (near := 16 - (ends[1][0] - ends[0][0])) > 0:  # keep the labels apart
            ends = [(ends[0][0] - near / 2, ends[0][1]), (ends[1][0] + near / 2, ends[1][1])]
        for y, label in ends:
            page.text(right + 8, y, label, 12, "lm")

    def describe(self) -> str:
        text = f"{self.sheet.n} samples after epoch {self.epoch}, from the same z in every epoch."
        row = next((row for row in self.history if row["epoch"] == self.epoch), None)
        if row is not None:
            text += f" D's loss {row['loss_d']:.3f} (1.386 at equilibrium), G's {row['loss_g']:.3f} (0.693)."
        if self.epoch != self.epochs[0]:
            before = self.epochs[self.epochs.index(self.epoch) - 1]
            a, b = (self.samples[e][: self.sheet.n].astype(np.float32) for e in (before, self.epoch))
            text += f" Since epoch {before} a pixel changed by {np.abs(a - b).mean() / 255:.1%} on average."
        return text
