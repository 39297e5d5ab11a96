"""Rows of donors, columns of sources, and in between each source with the donor's styles in some layers."""

from __future__ import annotations

from functools import lru_cache, partial

import ipywidgets as w
import numpy as np
import torch
from torch import Tensor

from gancourse.latent import LatentError
from gancourse.latent.generating import checked
from gancourse.models.stylegan import StyleGenerator
from gancourse.plots.grids import to_uint8
from gancourse.widgets.figure import LABEL, button, float_slider, in_row, seed_control
from gancourse.widgets.page import Page, Sheet
from gancourse.widgets.tool import Frozen, Tool

SOURCES, DONORS = 5, 4
SIDE, GAP = 116, 4
LEFT, TOP = 8 + SIDE + 18, 24 + SIDE + 18  # of the mixtures


class StyleMixer(Tool):
    """Style mixing (Karras et al. 2019, section 3.1): a table of sources above, donors at the left, layers by a slider.

    G: a `StyleGenerator`. Layers are counted from 1, the coarsest, to n_styles. A press on a donor or a source, or on a
    mixture, chooses it: the line below says which it is. A LatentError, of another G, is shown in the picture's place.
    """

    title = "Style mixer"
    css_class = "gc-style-mixer"

    def __init__(self, G: StyleGenerator, seed: int = 0) -> None:
        with self.making():
            if not isinstance(G, StyleGenerator):
                raise LatentError(f"G is a {type(G).__name__}, which has no styles; expected a StyleGenerator.")
            self.source = Frozen(G)
            self.G = self.source.G
            assert isinstance(self.G, StyleGenerator)
            n = self.n_styles = self.G.synthesis.n_styles
            self.sides = self.G.synthesis.style_sides
            self.memory = {"chosen": [0, 0]}
            self.table = Sheet(LEFT, TOP, SOURCES * DONORS, SOURCES, SIDE, GAP)
            self.above = Sheet(LEFT, 24, SOURCES, SOURCES, SIDE, GAP)
            self.beside = Sheet(8, TOP, DONORS, 1, SIDE, GAP)
            self.size = (LEFT + self.table.width + 8, TOP + self.table.height + 8)
            self._pictures = lru_cache(maxsize=64)(self._make)
            layout = w.Layout(width="440px")
            layers = w.IntRangeSlider(
                description="Donor's layers", value=(1, max(1, n // 2 - 1)), min=1, max=n, style=LABEL, layout=layout
            )
            self.controls = {
                "layers": layers,
                "psi": float_slider("Truncation psi", 1.0, 0.0, 1.0, 0.05),
                "seed": seed_control(seed),
            }
            third = n // 3
            groups = {"Coarse": (1, third), "Middle": (third + 1, n - third), "Fine": (n - third + 1, n)}
            self.buttons = {
                name: button(name, partial(self.set, f"{name}.", layers=layers_of))
                for name, layers_of in groups.items()
            }
            c = self.controls
            self.rows = [in_row(layers, *self.buttons.values()), in_row(c["psi"], c["seed"], self.re_roll())]

    # -- pictures ------------------------------------------------------------------------------------------------------

    def styles(self) -> tuple[Tensor, Tensor]:
        """w of the sources (SOURCES, w_size) and of the donors (DONORS, w_size), truncated."""
        G = self.G
        assert isinstance(G, StyleGenerator)
        z = self.source.z(SOURCES + DONORS, self.value("seed")).to(self.source.device)
        with torch.inference_mode():
            styles = G.truncated(G.mapping(z), self.value("psi"))
        return styles[:SOURCES], styles[SOURCES:]

    def pictures(self) -> np.ndarray:
        """uint8 (29, 3, H, W): the sources, the donors, and row by row the mixtures."""
        return self._pictures(self.value("seed"), self.value("psi"), tuple(self.value("layers")))

    def _make(self, seed: int, psi: float, layers: tuple[int, int]) -> np.ndarray:
        G = self.G
        assert isinstance(G, StyleGenerator)
        sources, donors = (G.each_layer(part) for part in self.styles())
        mixed = sources.repeat(DONORS, 1, 1)
        taken = slice(layers[0] - 1, layers[1])
        mixed[:, taken] = donors.repeat_interleave(SOURCES, 0)[:, taken]
        with torch.inference_mode():
            x = G.synthesis(torch.cat([sources, donors, mixed]))
        return to_uint8(checked(x, len(x)))

    def page(self) -> Page:
        page, pictures = Page(*self.size, self.source.colour), self.pictures()
        page.text(LEFT, 16, "Sources: all else comes from here")
        page.text(8, TOP - 8, "Donors")
        page.sheet(pictures[:SOURCES], self.above)
        page.sheet(pictures[SOURCES : SOURCES + DONORS], self.beside)
        page.sheet(pictures[SOURCES + DONORS :], self.table)
        row, column = self.memory["chosen"]
        page.mark(self.above, column, "muted")
        page.mark(self.beside, row, "muted")
        page.mark(self.table, row * SOURCES + column, "accent")
        return page

    def describe(self) -> str:
        first, last = self.value("layers")
        row, column = self.memory["chosen"]
        lowest, highest = self.sides[first - 1], self.sides[last - 1]
        sides = f"{lowest} to {highest} pixels" if lowest < highest else f"{lowest} pixels"
        return (
            f"Layers {first} to {last} of {self.n_styles} ({sides}) from the donors. Chosen: source {column + 1} with "
            f"the styles of donor {row + 1}; seed {self.value('seed')}, psi {self.value('psi'):.2f}."
        )

    # -- pointer -------------------------------------------------------------------------------------------------------

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        row, column = self.memory["chosen"]
        if (i := self.table.at(x, y)) is not None:
            row, column = divmod(i, SOURCES)
        elif (i := self.above.at(x, y)) is not None:
            column = i
        elif (i := self.beside.at(x, y)) is not None:
            row = i
        else:
            return
        self.memory["chosen"] = [row, column]
        self.show()
