"""Small pictures made from large ones, in the ways that one knows, and crops of both to train enlargers on.

A network that enlarges learns the inverse of one way of shrinking. Four are here, because pictures from elsewhere were
shrunk in another way: `HOWS`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from gancourse.data.images import DataError, Images, scale, unscale
from gancourse.data.pairs import LabelledImages

HOWS = ("area", "bicubic", "antialias", "jpeg")
SCALES = (2, 4, 8)
_QUALITY = 40  # of JPEG: its blocks and rings are plain to see
_AT_ONCE = 64  # whole pictures that are shrunk at a time


def shrink(x: Tensor, scale: int = 4, how: str = "area") -> Tensor:
    """x (N, C, H, W) in [-1, 1] -> (N, C, H / scale, W / scale) in [-1, 1], rounded to the 256 levels of a file.

    how: "area", the mean of each block of scale x scale pixels; "bicubic", Keys' cubic with taps as for the large
    picture, so that stripes finer than the small one can show become coarse ones (aliasing); "antialias", the cubic
    widened by `scale`, as MATLAB's imresize and the paper have it (Ledig et al. 2017, 3.2); "jpeg", area, and then
    a JPEG file of quality 40.
    There is no gradient through it. Raises DataError for another `how`, and for sides that scale does not divide.
    """
    if how not in HOWS:
        raise DataError(f"how is {how!r}, expected one of {', '.join(HOWS)}.")
    _divides(x, scale)
    x = x.detach().float()
    if how == "bicubic":
        small = F.interpolate(x, scale_factor=1 / scale, mode="bicubic", align_corners=False)
    elif how == "antialias":
        small = F.interpolate(x, scale_factor=1 / scale, mode="bicubic", align_corners=False, antialias=True)
    else:
        small = F.avg_pool2d(x, scale)
    pixels = unscale(small)
    return _back(_through_jpeg(pixels) if how == "jpeg" else pixels)


Square = TypeVar("Square", Images, LabelledImages)


def shrunk(images: Square, size: int) -> Square:
    """Images (n, C, size, size) of larger ones: the means of blocks, rounded; themselves, if they have that size.

    Labels stay with them. Raises DataError for images that are not square, and for a size that does not divide theirs.
    """
    if isinstance(images, LabelledImages):
        return replace(images, images=shrunk(images.images, size))
    _, h, w = images.shape
    if h != w or h % size:
        raise DataError(f"images have {h} x {w} pixels, of which no means make {size} x {size}: that must divide both.")
    if h == size:
        return images
    parts = [F.avg_pool2d(part.float(), h // size).round_().to(torch.uint8) for part in images.pixels.split(_AT_ONCE)]
    return Images(torch.cat(parts), images.labels, f"{images.name}-to-{size}px")


def enlarge_bicubic(x: Tensor, scale: int = 4) -> Tensor:
    """x (N, C, H, W) in [-1, 1] -> (N, C, scale H, scale W) in [-1, 1]: Keys' cubic, what an enlarger has to beat."""
    return F.interpolate(x.float(), scale_factor=scale, mode="bicubic", align_corners=False).clamp(-1, 1)


def _divides(x: Tensor, by: int) -> None:
    if x.ndim != 4:
        raise DataError(f"x has shape {tuple(x.shape)}, expected (N, C, H, W): x[None] for one picture.")
    if by < 2 or x.shape[2] % by or x.shape[3] % by:
        h, w = x.shape[2:]
        raise DataError(
            f"pictures of {h} x {w} pixels cannot be made {by} times smaller: choose a scale from 2 on that divides "
            f"both, or cut them, such as x[..., : {h // max(by, 1) * by}, : {w // max(by, 1) * by}]."
        )


def _through_jpeg(pixels: Tensor) -> Tensor:
    """uint8 pixels (N, C, H, W), through a JPEG file each."""
    found = []
    for picture in pixels.cpu():
        grey = len(picture) == 1
        file = io.BytesIO()
        array = picture[0].numpy() if grey else picture.permute(1, 2, 0).numpy()
        Image.fromarray(array).save(file, "JPEG", quality=_QUALITY)
        read = torch.from_numpy(np.array(Image.open(file)))
        found.append(read[None] if grey else read.permute(2, 0, 1))
    return torch.stack(found).to(pixels.device) if found else pixels


_back: Callable[[Tensor], Tensor] = scale  # under another name: `scale` is a number in the functions here


@dataclass(frozen=True)
class CropPairs:
    """Crops of pictures, small and large: batches (lr (B, 3, crop/scale, crop/scale), hr (B, 3, crop, crop)), [-1, 1].

    images: (N, 3, H, W). The small crop is cut from the whole picture made smaller (`shrink`, by `how`), which happens
    once; so the crop's corner is a multiple of `scale`. Place and mirroring of each crop are drawn from the rng that
    `batches` is given; an epoch has one crop of every picture.
    small: the small pictures, uint8, made here where they are not given.
    Raises DataError for grey pictures, a scale that is not 2, 4 or 8 or does not divide the sides and the crop, and for
    a crop larger than a picture.
    """

    images: Images
    scale: int = 4
    crop: int = 64
    how: str = "area"
    small: Tensor | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        c, h, w = self.images.shape
        if c != 3:
            raise DataError(f"{self.images.name} has {c} channel, expected 3: pixels.expand(-1, 3, -1, -1).")
        if self.scale not in SCALES:
            raise DataError(f"scale is {self.scale!r}, expected one of {', '.join(map(str, SCALES))}.")
        if not 1 <= self.crop <= min(h, w) or self.crop % self.scale:
            raise DataError(
                f"crop is {self.crop}, and pictures of {self.images.name} are {h} x {w}: choose a multiple of "
                f"{self.scale} up to {min(h, w) // self.scale * self.scale}."
            )
        if self.small is None:
            parts = torch.arange(len(self.images), device=self.images.device).split(_AT_ONCE)
            small = [unscale(shrink(_back(self.images.rows(part)), self.scale, self.how)) for part in parts]
            object.__setattr__(self, "small", torch.cat(small))

    @property
    def name(self) -> str:
        """As of all `TrainingData`."""
        return self.images.name

    @property
    def fingerprint(self) -> str:
        """As of all `TrainingData`: another scale, crop or way of shrinking is other data."""
        about = f"{self.images.fingerprint} {self.scale} {self.crop} {self.how}"
        return hashlib.sha256(about.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> CropPairs:
        """The same on a device."""
        assert self.small is not None
        return replace(self, images=self.images.to(device), small=self.small.to(device))

    def batches(self, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch: a crop of every picture, all that is random drawn from `rng`, without the last, smaller batch."""
        _, h, w = self.images.shape
        step, device = self.scale, self.images.device
        for index in self.images.order(batch_size, rng):
            drawn = torch.rand(3, len(index), generator=rng, device=device)
            top = (drawn[0] * ((h - self.crop) // step + 1)).long()
            left = (drawn[1] * ((w - self.crop) // step + 1)).long()
            yield self.cut(index, top, left, drawn[2] < 0.5)

    def cut(self, index: Tensor, top: Tensor, left: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
        """The crops of pictures `index` whose upper left corner is (top, left), in small pixels: (lr, hr). All (B,)."""
        assert self.small is not None
        s = self.scale
        lr = _cut(self.small[index], top, left, mirrored, self.crop // s)
        return _back(lr), _back(_cut(self.images.rows(index), s * top, s * left, mirrored, self.crop))

    def middles(self, n: int) -> tuple[Tensor, Tensor]:
        """The middle of the first n pictures, or of all where there are fewer: (lr, hr), as a batch."""
        _, h, w = self.images.shape
        index = torch.arange(min(n, len(self)), device=self.images.device)
        top, left = (torch.full_like(index, (side - self.crop) // (2 * self.scale)) for side in (h, w))
        return self.cut(index, top, left, torch.zeros_like(index, dtype=torch.bool))


def _cut(pixels: Tensor, top: Tensor, left: Tensor, mirrored: Tensor, side: int) -> Tensor:
    """Squares of `side` from pixels (B, C, H, W), each from its own corner; axes in the order (B, C, side, side)."""
    steps = torch.arange(side, device=pixels.device)
    rows = top[:, None] + steps
    columns = left[:, None] + torch.where(mirrored[:, None], side - 1 - steps, steps)
    each = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    return pixels[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
