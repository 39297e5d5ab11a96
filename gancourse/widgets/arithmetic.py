"""A - B + C with the means of chosen samples."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.widgets.figure import button, choice, in_row, number, seed_control
from gancourse.widgets.page import Page, Sheet
from gancourse.widgets.tool import Frozen, Tool

INKS = {"A": "generator", "B": "discriminator", "C": "accent"}


class Arithmetic(Tool):
    """mean(A) - mean(B) + mean(C) over chosen samples of G: among those of z (n, z_size), or of the seed."""

    title = "Vector arithmetic: A − B + C"
    css_class = "gc-arithmetic"

    def __init__(self, G: nn.Module, z: Tensor | None = None, seed: int = 0) -> None:
        with self.making():
            self.source, self.given = Frozen(G), z
            side, columns, n = (56, 6, 36) if self.source.small else (84, 4, 20)
            self.sheet = Sheet(6, 30, n if z is None else min(len(z), n), columns, side, 6)
            x = self.sheet.x + self.sheet.width + 40
            part = 112 if self.source.small else 128
            self.parts = Sheet(x, 30, 3, 3, part, 34)
            self.result = (x, 30 + part + 44, 224 if self.source.small else 256)
            height = max(self.sheet.height + 36, self.result[1] + self.result[2] + 8)
            self.size = (x + self.parts.width + 8, height)
            self._samples = lru_cache(1)(lambda seed: self.source.images(self.candidates()))
            self.memory = {"A": [0, 1, 2], "B": [3, 4, 5], "C": [6, 7, 8]}
            self.controls = {"group": choice("Group", list("ABC"), "A"), "sample": number("Sample", 1, 1, self.sheet.n)}
            self.put = button("Put in/out", lambda: self.toggle(self.value("sample") - 1), "primary")
            self.clear = button("Clear group", self._clear)
            if z is None:
                self.controls["seed"] = seed_control(seed)
            group, sample, *seeds = self.controls.values()
            self.rows = [in_row(group, sample, self.put, self.clear, *seeds)]

    @property
    def groups(self) -> dict[str, list[int]]:
        """The samples in each group, from 0."""
        return {name: [i for i in self.memory[name] if i < self.sheet.n] for name in "ABC"}

    def toggle(self, i: int) -> None:
        """Put sample i into the present group, or take it out. Raises ValueError for a wrong number."""
        if i not in range(self.sheet.n):
            raise ValueError(f"sample {i + 1} does not exist, there are {self.sheet.n}")
        group = self.value("group")
        members = self.memory[group]
        there = i not in members
        self.memory[group] = [*members, i] if there else [other for other in members if other != i]
        self.show(f"Sample {i + 1} is {'in' if there else 'out of'} {group} now.")

    def _clear(self) -> None:
        self.memory[self.value("group")] = []
        self.show(f"{self.value('group')} is empty now.")

    def candidates(self) -> Tensor:
        """The z to choose from, (n, z_size)."""
        n = self.sheet.n
        return self.source.z(n, self.value("seed")) if self.given is None else self.given[:n]

    def means(self) -> dict[str, Tensor]:
        """The mean z (z_size,) of each group that has members."""
        z = self.candidates()
        return {name: z[members].mean(0) for name, members in self.groups.items() if members}

    def answer(self) -> Tensor | None:
        """A - B + C, (z_size,), or None while a group is empty."""
        means = self.means()
        return latent.arithmetic(means["A"], means["B"], means["C"]) if len(means) == 3 else None

    def page(self) -> Page:
        page = Page(*self.size, self.source.colour)
        page.text(6, 20, "Choose from these")
        page.sheet(self._samples(self.value("seed") if self.given is None else None), self.sheet)
        means, answer = self.means(), self.answer()
        rows = [*means.values(), *([] if answer is None else [answer])]
        images = self.source.images(torch.stack(rows)) if rows else np.zeros(0)
        for i in range(self.sheet.n):
            letters = [name for name, members in self.groups.items() if i in members]
            if letters:
                page.mark(self.sheet, i, INKS[letters[0]], "".join(letters))
        shown = dict(zip(means, images, strict=False))
        for i, (name, ink) in enumerate(INKS.items()):
            x, y = self.parts.corner(i)
            page.text(x, 20, f"mean of {name}")
            page.frame(x, y, self.parts.side, self.parts.side, ink)
            if name in shown:
                page.put(shown[name], x, y, self.parts.side)
            else:
                page.text(x + self.parts.side / 2, y + self.parts.side / 2, "empty", 13, "mm")
            if i < 2:
                page.text(x + self.parts.side + 17, y + self.parts.side / 2, "−+"[i], 22, "mm")
        x, y, side = self.result
        page.text(x, y - 12, "A − B + C")
        page.frame(x, y, side, side, "ink", 1)
        if answer is not None:
            page.put(images[-1], x, y, side)
        return page

    def describe(self) -> str:
        chosen = "; ".join(
            f"{name}: {', '.join(str(i + 1) for i in members) or 'none'}" for name, members in self.groups.items()
        )
        answer = self.answer()
        if answer is None:
            return f"{chosen}. Choose at least one sample for each of A, B and C."
        mean, _ = latent.shell(self.source.z_size)
        return f"{chosen}. |A - B + C| is {float(latent.norms(answer)):.1f}, {mean:.1f} on average where G was trained."

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if pressed and (i := self.sheet.at(x, y)) is not None:
            self.toggle(i)
