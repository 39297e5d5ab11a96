"""A grid of samples, or one large, moved along directions of z."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent import LatentError
from gancourse.latent_pictures import Page, Sheet
from gancourse.tools.base import Frozen, Tool

NO_CUT = 3.0  # the truncation slider's right end, which means: none


class Explorer(Tool):
    """A grid of samples, or one large, moved along directions.

    .seed .threshold (of truncation, NO_CUT for none) .amounts {name: standard deviations} .one (a sample's number, or
    None for the grid). directions: {name: (z_size,)}; by default the six strongest of G's first layer.
    """

    def __init__(self, G: nn.Module, directions: Mapping[str, Tensor] | None = None, seed: int = 0) -> None:
        self.source = Frozen(G)
        self.note = ""
        self.directions = dict(directions) if directions else self._strongest(G)
        for name, vector in self.directions.items():
            if tuple(vector.shape) != (self.source.z_size,):
                shape = tuple(vector.shape)
                raise LatentError(f"direction {name!r} has shape {shape}, expected ({self.source.z_size},).")
        self.amounts = dict.fromkeys(self.directions, 0.0)
        self.seed, self.threshold = seed, NO_CUT
        self.one: int | None = None if self.source.small else 0
        self.sheet = Sheet(4, 4, 64, 8, 56) if self.source.small else Sheet(4, 4, 16, 4, 128)
        self.size = (self.sheet.width + 8, self.sheet.height + 8)

    def _strongest(self, G: nn.Module) -> dict[str, Tensor]:
        try:
            found = latent.principal_directions(G, min(6, self.source.z_size))
        except LatentError as error:
            self.note = f"Random directions, since the strongest ones are not known: {error} "
            basis = torch.linalg.qr(latent.sample(self.source.z_size, self.source.z_size, 1))[0]
            return {f"random {i + 1}": v for i, v in enumerate(basis[:6])}
        return {f"direction {i + 1}": v for i, v in enumerate(found.vectors)}

    def z(self) -> Tensor:
        """The z that are shown, (n, z_size)."""
        z = latent.sample(self.sheet.n, self.source.z_size, self.seed)
        if self.one is not None:
            z = z[self.one : self.one + 1]
        if self.threshold < NO_CUT:
            z = latent.truncate(z, self.threshold)
        for name, amount in self.amounts.items():
            z = z + amount * self.directions[name]
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
        moved = ", ".join(f"{name} {amount:+.1f}" for name, amount in self.amounts.items() if amount)
        what = f"{self.sheet.n} samples" if self.one is None else f"Sample {self.one + 1} of {self.sheet.n}"
        cut = "no truncation" if self.threshold >= NO_CUT else f"z cut off at ±{self.threshold:.1f}"
        return f"{self.note}{what} of seed {self.seed}, {cut}; moved along: {moved or 'nothing'}."
