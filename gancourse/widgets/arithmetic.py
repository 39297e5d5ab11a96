"""A - B + C with the means of chosen samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent_pictures import Page, Sheet
from gancourse.tools.base import Frozen, Tool


class Arithmetic(Tool):
    """mean(A) - mean(B) + mean(C) over chosen samples. .groups {"A": numbers, "B": ..., "C": ...}

    z: samples to choose from, (n, z_size); drawn from the seed where none are given.
    """

    def __init__(self, G: nn.Module, z: Tensor | None = None, seed: int = 0) -> None:
        self.source = Frozen(G)
        self.seed, self.given = seed, z
        side, columns, n = (56, 6, 36) if self.source.small else (84, 4, 20)
        self.sheet = Sheet(6, 30, n if z is None else min(len(z), n), columns, side, 6)
        x = self.sheet.x + self.sheet.width + 40
        part = 112 if self.source.small else 128
        self.parts = Sheet(x, 30, 3, 3, part, 34)
        self.result = (x, 30 + part + 44, 224 if self.source.small else 256)
        height = max(self.sheet.height + 36, self.result[1] + self.result[2] + 8)
        self.size = (x + self.parts.width + 8, height)
        self._sheet: tuple[int | None, np.ndarray] = None, np.zeros(0)  # seed, and the images of its samples
        self.groups: dict[str, list[int]] = {"A": [0, 1, 2], "B": [3, 4, 5], "C": [6, 7, 8]}

    def toggle(self, group: str, i: int) -> bool:
        """Put sample i into a group, or take it out; whether it is in now. Raises ValueError for a wrong number."""
        if i not in range(self.sheet.n):
            raise ValueError(f"sample {i + 1} does not exist, there are {self.sheet.n}")
        members = self.groups[group]
        if i in members:
            members.remove(i)
        else:
            members.append(i)
        return i in members

    def candidates(self) -> Tensor:
        if self.given is not None:
            return self.given[: self.sheet.n]
        return latent.sample(self.sheet.n, self.source.z_size, self.seed)

    def means(self) -> dict[str, Tensor]:
        """The mean z of each group that has members."""
        z = self.candidates()
        return {name: z[members].mean(0) for name, members in self.groups.items() if members}

    def answer(self) -> Tensor | None:
        """A - B + C, (z_size,), or None while a group is empty."""
        means = self.means()
        return latent.arithmetic(means["A"], means["B"], means["C"]) if len(means) == 3 else None

    def page(self) -> Page:
        page = Page(*self.size, self.source.colour)
        page.text(6, 20, "Choose from these")
        means, answer = self.means(), self.answer()
        if self._sheet[0] != self.seed:
            self._sheet = self.seed, self.source.images(self.candidates())
        page.sheet(self._sheet[1], self.sheet)
        rows = [*means.values(), *([] if answer is None else [answer])]
        images = self.source.images(torch.stack(rows)) if rows else np.zeros(0)
        inks = {"A": "generator", "B": "discriminator", "C": "accent"}
        for i in range(self.sheet.n):
            letters = [name for name, members in self.groups.items() if i in members]
            if letters:
                page.mark(self.sheet, i, inks[letters[0]], "".join(letters))
        shown = dict(zip(means, images, strict=False))
        for i, (name, ink) in enumerate(inks.items()):
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
