"""Which training images are closest to a sample: has the generator learned them by heart?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.data.images import Images, scale
from gancourse.data.mnist_digits import mnist
from gancourse.widgets.figure import in_row, number, seed_control
from gancourse.widgets.page import Page, Sheet
from gancourse.widgets.real_or_fake import real_images
from gancourse.widgets.tool import Frozen, Tool

SHOWN = 6  # neighbours of a sample
AMONG = 10_000  # training images that are compared in features
_CHUNK = 5_000  # training images compared at once
_COARSE = 32  # pixels; larger images are compared at this size


class NearestNeighbours(Tool):
    """Choose a sample of G and see the closest training images (MNIST's 60,000 where none are given).

    In pixels, and for digits in features too: those of the course's classifier, for the first AMONG images, computed
    when they are first asked for.
    """

    title = "Nearest neighbours: is it a copy?"
    css_class = "gc-neighbours"

    def __init__(self, G: nn.Module, images: Images | None = None, seed: int = 0) -> None:
        with self.making():
            self.source = Frozen(G)
            self.is_mnist = tuple(self.source.shape) == (1, 28, 28)
            if images is None and self.is_mnist:
                images = mnist("train")
            self.images = real_images(self.source.shape, images)
            self.sheet = Sheet(6, 30, 16, 4, 56 if self.source.small else 84, 6)
            x = self.sheet.x + self.sheet.width + 40
            self.large = (x, 30, 168)
            self.places = [Sheet(x + 200, y, SHOWN, SHOWN, 84, 10) for y in (30, 170)]
            right = self.places[0].x + self.places[0].width + 8
            self.size = (right, max(self.sheet.height + 40, 290 if self.is_mnist else 240))
            self._features: Tensor | None = None
            self._of_seed = lru_cache(1)(self._search)
            self.controls = {"sample": number("Sample", 1, 1, self.sheet.n), "seed": seed_control(seed)}
            self.roll = self.re_roll()
            self.rows = [in_row(*self.controls.values(), self.roll)]

    @property
    def found(self) -> tuple[np.ndarray, dict[str, tuple[Tensor, Tensor]]]:
        """Samples, uint8 (n, C, H, W), and in each space distances to their neighbours and which these are, (n, 6)."""
        return self._of_seed(self.value("seed"))

    def _search(self, seed: int) -> tuple[np.ndarray, dict[str, tuple[Tensor, Tensor]]]:
        samples = self.source.images(self.source.z(self.sheet.n, seed))
        x = torch.from_numpy(samples)
        found = {"pixels": nearest(_coarse(x), self.images, SHOWN)}
        if self.is_mnist:
            found["features"] = self._in_features(x)
        return samples, found

    @torch.no_grad()
    def _in_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        from gancourse.evaluation import classifier

        model = classifier()
        if self._features is None:
            parts = self.images.pixels[:AMONG].split(500)
            self._features = torch.cat([model.features(scale(part)) for part in parts])
        features = model.features(scale(x))
        which = torch.cdist(features, self._features).topk(SHOWN, largest=False).indices
        return in_order(features, self._features[which], which)

    def page(self) -> Page:
        (samples, found), chosen = self.found, self.value("sample") - 1
        page = Page(*self.size, self.source.colour)
        page.text(6, 20, "Choose from these samples")
        page.sheet(samples, self.sheet)
        page.mark(self.sheet, chosen, "generator", str(chosen + 1))
        x, y, side = self.large
        page.text(x, 20, f"sample {chosen + 1}")
        page.put(samples[chosen], x, y, side)
        page.frame(x, y, side, side, "generator")
        titles = {
            "pixels": f"closest of {len(self.images):,} training images, in pixels",
            "features": f"closest of the first {min(AMONG, len(self.images)):,}, in the classifier's features",
        }
        for place, (space, (distances, which)) in zip(self.places, found.items(), strict=False):
            page.text(place.x, place.y - 10, titles[space])
            page.sheet(np.stack([np.asarray(self.images.pixels[int(i)]) for i in which[chosen]]), place)
            for k in range(SHOWN):
                a, b = place.corner(k)
                page.text(a, b + place.side + 15, f"{float(distances[chosen, k]):.2f}", 12)
        return page

    def describe(self) -> str:
        sample = self.value("sample")
        closest = {space: (float(d[sample - 1, 0]), int(i[sample - 1, 0])) for space, (d, i) in self.found[1].items()}
        distance, which = closest["pixels"]
        text = (
            f"Sample {sample} of seed {self.value('seed')}: the closest training image in pixels is number {which}, "
            f"at a distance of {distance:.2f}"
        )
        if "features" in closest:
            distance, which = closest["features"]
            text += f"; in features number {which}, at {distance:.2f}"
        return text + ". A copy would lie at 0."

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if pressed and (i := self.sheet.at(x, y)) is not None:
            self.set("", sample=i + 1)


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
    found = best[1]
    return in_order(points, _coarse(images.pixels[found.flatten()]).unflatten(0, found.shape), found)


def in_order(points: Tensor, those: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """The few closest, with exact distances, in order: points (B, F), those (B, k, F), their numbers which (B, k).

    What finds them among many computes distances from products of matrices, as |a|^2 - 2 a b + |b|^2, which on some
    processors leaves 0.01 of a distance that is 0.
    """
    exact = (those - points[:, None]).norm(dim=2).sort(dim=1, stable=True)
    return exact.values, which.gather(1, exact.indices)
