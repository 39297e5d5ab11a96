"""Which training images are closest to a sample: has the generator learnt them by heart?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse import latent
from gancourse.data.images import Images, scale
from gancourse.data.mnist_digits import mnist
from gancourse.latent_pictures import Page, Sheet
from gancourse.tools.base import Frozen, Tool
from gancourse.tools.real_or_fake import real_images

_CHUNK = 5_000  # training images compared at once
_COARSE = 32  # pixels; larger images are compared at this size


class Neighbours(Tool):
    """.chosen (a sample's number) .seed. The nearest images of a training set, in pixels and in features.

    images: the training set; MNIST's 60,000 for a generator of digits. Features, on MNIST alone, are the course's
    classifier's; they are computed for the first `among` images, when they are first asked for.
    """

    SHOWN = 6

    def __init__(self, G: nn.Module, images: Images | None = None, seed: int = 0, among: int = 10_000) -> None:
        self.source = Frozen(G)
        if images is None and tuple(self.source.shape) == (1, 28, 28):
            images = mnist("train")
        self.images = real_images(self.source.shape, images)
        self.is_mnist = tuple(self.source.shape) == (1, 28, 28)
        self.among = min(among, len(self.images))
        self.chosen = 0
        self.sheet = Sheet(6, 30, 16, 4, 56 if self.source.small else 84, 6)
        x = self.sheet.x + self.sheet.width + 40
        side = 84
        self.large = (x, 30, 168)
        self.rows = [Sheet(x + 200, y, self.SHOWN, self.SHOWN, side, 10) for y in (30, 170)]
        self.size = (
            self.rows[0].x + self.rows[0].width + 8,
            max(self.sheet.height + 40, 290 if self.is_mnist else 240),
        )
        self._features: Tensor | None = None
        self.roll(seed)

    def roll(self, seed: int) -> None:
        """New samples, and their neighbours."""
        self.seed = seed
        self.samples = self.source.images(latent.sample(self.sheet.n, self.source.z_size, seed))
        x = torch.from_numpy(self.samples)
        self.found = {"pixels": nearest(_coarse(x), self.images, self.SHOWN)}
        if self.is_mnist:
            self.found["features"] = self._in_features(x)

    @torch.no_grad()
    def _in_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        from gancourse.evaluation import classifier

        model = classifier()
        if self._features is None:
            parts = self.images.pixels[: self.among].split(500)
            self._features = torch.cat([model.features(scale(part)) for part in parts])
        distance = torch.cdist(model.features(scale(x)), self._features)
        return distance.topk(self.SHOWN, largest=False)

    def page(self) -> Page:
        page = Page(*self.size, self.source.colour)
        page.text(6, 20, "Choose from these samples")
        page.sheet(self.samples, self.sheet)
        page.mark(self.sheet, self.chosen, "generator", str(self.chosen + 1))
        x, y, side = self.large
        page.text(x, 20, f"sample {self.chosen + 1}")
        page.put(self.samples[self.chosen], x, y, side)
        page.frame(x, y, side, side, "generator")
        titles = {
            "pixels": f"closest of {len(self.images):,} training images, in pixels",
            "features": f"closest of the first {self.among:,}, in the classifier's features",
        }
        for row, (space, (distances, which)) in zip(self.rows, self.found.items(), strict=False):
            page.text(row.x, row.y - 10, titles[space])
            page.sheet(np.stack([np.asarray(self.images.pixels[int(i)]) for i in which[self.chosen]]), row)
            for k in range(self.SHOWN):
                a, b = row.corner(k)
                page.text(a, b + row.side + 15, f"{float(distances[self.chosen, k]):.2f}", 12)
        return page

    def describe(self) -> str:
        distances, which = self.found["pixels"]
        text = (
            f"Sample {self.chosen + 1} of seed {self.seed}: the closest training image in pixels is number "
            f"{int(which[self.chosen, 0])}, at a distance of {float(distances[self.chosen, 0]):.2f}"
        )
        if "features" in self.found:
            distances, which = self.found["features"]
            text += f"; in features number {int(which[self.chosen, 0])}, at {float(distances[self.chosen, 0]):.2f}"
        return text + ". A copy would lie at 0."


def _coarse(pixels: Tensor) -> Tensor:
    """uint8 (B, C, H, W) -> float (B, numbers) on [0, 1]; large images averaged to at most 32 pixels a side."""
    x = pixels.float() / 255
    if max(x.shape[2:]) > 2 * _COARSE:
        x = functional.adaptive_avg_pool2d(x, _COARSE)
    return x.flatten(1)


def nearest(points: Tensor, images: Images, k: int) -> tuple[Tensor, Tensor]:
    """The k images closest to each of the points (B, numbers): Euclidean distances and numbers, (B, k) each."""
    best = torch.full((len(points), 0), 0.0), torch.zeros(len(points), 0, dtype=torch.long)
    for start in range(0, len(images), _CHUNK):
        distance = torch.cdist(points, _coarse(images.pixels[start : start + _CHUNK]))
        values, which = distance.topk(min(k, distance.shape[1]), largest=False)
        values, which = torch.cat([best[0], values], 1), torch.cat([best[1], which + start], 1)
        kept = values.topk(min(k, values.shape[1]), largest=False)
        best = kept.values, which.gather(1, kept.indices)
    return best
