"""A grid of samples, or one large, moved along directions of z."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent import LatentError
from gancourse.widgets.figure import button, choice, float_slider, in_row, number, seed_control
from gancourse.widgets.page import Page, Sheet
from gancourse.widgets.tool import Frozen, Tool

NO_CUT = 3.0  # the truncation slider's right end, which means: none


class LatentExplorer(Tool):
    """Samples of G, moved along the strongest directions of its first layer, or along your own {name: (z_size,)}.

    Sliders for the directions and for truncation, a seed; all samples, or a single large one. A direction of another
    shape is refused in the picture's place (a LatentError, caught).
    """

    title = "Latent explorer: samples of a generator, moved along directions of z"
    css_class = "gc-explorer-latent"

    def __init__(self, G: nn.Module, directions: Mapping[str, Tensor] | None = None, seed: int = 0) -> None:
        with self.making():
            self.source = Frozen(G)
            self.note = ""
            self.directions = dict(directions) if directions else self._strongest(G)
            for name, vector in self.directions.items():
                if tuple(vector.shape) != (self.source.z_size,):
                    shape = tuple(vector.shape)
                    raise LatentError(f"direction {name!r} has shape {shape}, expected ({self.source.z_size},).")
            self.sheet = Sheet(4, 4, 64, 8, 56) if self.source.small else Sheet(4, 4, 16, 4, 128)
            self.size = (self.sheet.width + 8, self.sheet.height + 8)
            views = [("all samples", "grid"), ("one sample", "one")]
            sliders = {name: float_slider(name, 0.0, -6.0, 6.0) for name in self.directions}
            others = {
                "seed": seed_control(seed),
                "view": choice("Show", views, "grid" if self.source.small else "one"),
                "sample": number("Sample", 1, 1, self.sheet.n),
                "cut": float_slider("Truncate z at", NO_CUT, 0.1, NO_CUT),
            }
            self.controls = others | sliders
            straight = dict.fromkeys(sliders, 0.0) | {"cut": NO_CUT}
            self.roll = self.re_roll()
            self.reset = button("Reset", lambda: self.set("Back to the samples as they were drawn.", **straight))
            self.rows = [in_row(*sliders.values()), in_row(self.roll, self.reset, *others.values())]

    def _strongest(self, G: nn.Module) -> dict[str, Tensor]:
        try:
            found = latent.principal_directions(G, min(6, self.source.z_size))
        except LatentError as error:
            self.note = f"Random directions, since the strongest ones are not known: {error} "
            basis = torch.linalg.qr(latent.sample(self.source.z_size, self.source.z_size, 1))[0]
            return {f"random {i + 1}": v for i, v in enumerate(basis[:6])}
        return {f"direction {i + 1}": v for i, v in enumerate(found.vectors)}

    @property
    def one(self) -> int | None:
        """The number of the sample that is shown alone, from 0; None for all of them."""
        return self.value("sample") - 1 if self.value("view") == "one" else None

    def z(self) -> Tensor:
        """The z that are shown, (n, z_size)."""
        z = self.source.z(self.sheet.n, self.value("seed"))
        if self.one is not None:
            z = z[self.one : self.one + 1]
        if self.value("cut") < NO_CUT:
            z = latent.truncate(z, self.value("cut"))
        for name, direction in self.directions.items():
            z = z + self.value(name) * direction
        return z

    def page(self) -> Page:
        images = self.source.images(self.z())
        page = Page(*self.size, self.source.colour)
        if self.one is None:
            page.sheet(images, self.sheet)
        else:
            page.put(images[0], 4, 4, self.size[0] - 8)
        return page

    def describe(self) -> str:
        moved = ", ".join(f"{name} {amount:+.1f}" for name in self.directions if (amount := self.value(name)))
        what = f"{self.sheet.n} samples" if self.one is None else f"Sample {self.one + 1} of {self.sheet.n}"
        cut = "no truncation" if self.value("cut") >= NO_CUT else f"z cut off at ±{self.value('cut'):.1f}"
        return f"{self.note}{what} of seed {self.value('seed')}, {cut}; moved along: {moved or 'nothing'}."

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if not pressed:
            return
        if self.one is not None:
            self.set("All samples.", view="grid")
        elif (i := self.sheet.at(x, y)) is not None:
            self.set(f"Sample {i + 1}, large; press it to see all.", view="one", sample=i + 1)
