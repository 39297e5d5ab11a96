"""Images in: all of MNIST, as one uint8 tensor that yields shuffled float batches in [-1, 1].

The tutorials' DataLoader decodes, transforms and stacks every image on its own, again in every epoch; for small images
that costs more than the training. Here the images stay uint8 in one tensor on the training device, and a batch is one
gather and one multiplication.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gancourse.files import cache_folder, write_atomically

# mnist.xz, decoded: 60,000 training then 10,000 test images (28x28 uint8), then their 70,000 labels (uint8).
_TRAIN, _TEST, _SIDE = 60_000, 10_000, 28
_MNIST_BYTES = (_TRAIN + _TEST) * (_SIDE * _SIDE + 1)
_MNIST_SHA256 = "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83"


class DataError(ValueError):
    """Images that are missing, damaged or of the wrong form; the message says which, and what to do."""


def scale(pixels: Tensor) -> Tensor:
    """uint8 pixels in [0, 255] -> float32 in [-1, 1], the range of a generator that ends in tanh. Any shape."""
    return pixels.to(torch.float32).mul_(1 / 127.5).sub_(1.0)


def unscale(x: Tensor) -> Tensor:
    """Floats in [-1, 1] -> uint8 pixels in [0, 255], rounded; values outside are clipped. Any shape."""
    return ((x.detach().float() + 1.0) * 127.5).round_().clamp_(0, 255).to(torch.uint8)


def tile(pixels: Tensor, columns: int = 8, gap: int = 2) -> Tensor:
    """Set (B, C, H, W) uint8 images on one (C, rows*(H+gap)-gap, columns*(W+gap)-gap) white sheet, row by row."""
    n, c, h, w = pixels.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = torch.full((c, rows * (h + gap) - gap, columns * (w + gap) - gap), 255, dtype=torch.uint8)
    for i, image in enumerate(pixels.cpu()):
        top, left = i // columns * (h + gap), i % columns * (w + gap)
        sheet[:, top : top + h, left : left + w] = image
    return sheet


def untile(sheet: Tensor, size: tuple[int, int], n: int, gap: int = 2) -> Tensor:
    """The inverse of `tile`: the first n images, of (height, width) `size`, on a (C, ., .) sheet, as (n, C, H, W)."""
    h, w = size
    columns = (sheet.shape[2] + gap) // (w + gap)
    corners = [(i // columns * (h + gap), i % columns * (w + gap)) for i in range(n)]
    return torch.stack([sheet[:, top : top + h, left : left + w] for top, left in corners])


@dataclass(frozen=True)
class Images:
    """A data set of images, kept as uint8 until they are a batch.

    pixels: (N, C, H, W) uint8 tensor, C = 1 or 3.
    labels: (N,) int64 tensor, or None where there are none.
    name:   what the data is called in messages and in a run's config.

    Raises DataError for pixels or labels of another type, shape or number.
    """

    pixels: Tensor
    labels: Tensor | None = None
    name: str = "images"

    def __post_init__(self) -> None:
        p = self.pixels
        if not isinstance(p, Tensor):
            raise DataError(
                f"{self.name}: pixels are a {type(p).__name__}, expected a tensor: torch.from_numpy(array)."
            )
        if p.dtype != torch.uint8:
            raise DataError(
                f"{self.name}: pixels are {p.dtype}, expected torch.uint8 in [0, 255]. "
                "Floats in [-1, 1] become uint8 with gancourse.data.unscale(x)."
            )
        if p.ndim != 4 or p.shape[1] not in (1, 3):
            raise DataError(
                f"{self.name}: pixels have shape {tuple(p.shape)}, expected (N, C, H, W) with C = 1 or 3. "
                "For grey images without a channel axis use pixels.unsqueeze(1)."
            )
        if self.labels is not None and len(self.labels) != len(p):
            raise DataError(f"{self.name}: {len(p)} images but {len(self.labels)} labels; give one label per image.")

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        n, c, h, w = self.pixels.shape
        return f"Images({self.name!r}, {n:,} of {c}x{h}x{w}, uint8, on {self.pixels.device})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        c, h, w = self.pixels.shape[1:]
        return c, h, w

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the pixels and their shape: what a run's config remembers of its data (0.1 s for MNIST)."""
        digest = hashlib.sha256(repr(tuple(self.pixels.shape)).encode())
        digest.update(self.pixels.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self.pixels.device

    def to(self, device: torch.device | str) -> Images:
        """The same images on `device` (MNIST takes 47 MB there)."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, pixels=self.pixels.to(device), labels=labels)

    def subset(self, n: int) -> Images:
        """The first n images (MNIST's order is already random). Raises DataError when there are fewer than n."""
        if not 1 <= n <= len(self):
            raise DataError(f"{self.name}: asked for {n} images of {len(self)}; choose 1 to {len(self)}.")
        labels = None if self.labels is None else self.labels[:n]
        return replace(self, pixels=self.pixels[:n], labels=labels)

    def batches(self, batch_size: int, rng: torch.Generator, drop_last: bool = True) -> Iterator[Tensor]:
        """One epoch: every image once, in an order drawn from `rng`, as float32 (batch_size, C, H, W) in [-1, 1].

        rng: a torch.Generator on the images' device; the same state gives the same order.
        drop_last: leave out the last, smaller batch (96 of MNIST's 60,000 at batch size 128). By default, since
            BatchNorm's statistics and the loss's mean would weigh its images more, and code that assumes the batch
            size breaks there; another 96 are left out in every epoch, so none is lost for long.

        Raises DataError when batch_size is below 1 or above the number of images.
        """
        if not 1 <= batch_size <= len(self):
            raise DataError(
                f"batch_size is {batch_size}, but {self.name} has {len(self)} images; choose 1 to {len(self)}."
            )
        order = torch.randperm(len(self), generator=rng, device=self.device)
        last = len(self) // batch_size * batch_size if drop_last else len(self)
        for start in range(0, last, batch_size):
            yield scale(self._rows(order[start : start + batch_size]))

    def _rows(self, index: Tensor) -> Tensor:
        """The images of these numbers, (B, C, H, W) uint8, on `self.device`."""
        return self.pixels[index]


def mnist(split: str = "train", root: str | Path | None = None) -> Images:
    """MNIST's handwritten digits: (N, 1, 28, 28) uint8 with labels 0 to 9, nothing downloaded.

    split: "train" (60,000), "test" (10,000) or "all" (train, then test).
    root: None for the copy inside this package; or a folder as torchvision lays it out (root/MNIST/raw/*-ubyte, also
        root/raw or root itself, plain or .gz).

    Raises DataError: unknown split, a missing or truncated file, a wrong magic number, a hash that does not match.
    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998 (CC BY-SA 3.0).
    """
    if split not in ("train", "test", "all"):
        raise DataError(f'split is {split!r}, expected "train", "test" or "all".')
    pixels, labels = _embedded_mnist() if root is None else _read_mnist_folder(Path(root))
    part = {"train": slice(0, _TRAIN), "test": slice(_TRAIN, None), "all": slice(None)}[split]
    return Images(torch.from_numpy(pixels[part]), torch.from_numpy(labels[part].astype(np.int64)), f"mnist-{split}")


def _embedded_mnist() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (70000, 1, 28, 28) and labels (70000,) from the package; decoded once, then read from the cache."""
    cached = cache_folder() / f"mnist-{_MNIST_SHA256[:12]}.bin"
    try:
        raw = cached.read_bytes()
    except OSError:
        raw = b""
    if hashlib.sha256(raw).hexdigest() != _MNIST_SHA256:  # absent, cut short or damaged: decode again
        try:
            raw = lzma.decompress(resources.files("gancourse").joinpath("assets/mnist.xz").read_bytes())
        except (OSError, lzma.LZMAError) as error:
            raise DataError(
                f"gancourse/assets/mnist.xz is missing or damaged ({error}); install gancourse again."
            ) from error
        found = hashlib.sha256(raw).hexdigest()
        if found != _MNIST_SHA256:
            raise DataError(
                f"gancourse/assets/mnist.xz decodes to SHA-256 {found}, expected {_MNIST_SHA256}; "
                "install gancourse again."
            )
        try:
            write_atomically(cached, raw)
        except OSError as error:  # a read-only home or a full disk costs a second per start, not the course
            print(f"gancourse: MNIST could not be cached in {cached.parent} ({error.strerror})", file=sys.stderr)
    data = np.frombuffer(bytearray(raw), dtype=np.uint8)  # a bytearray, so that torch may own writable memory
    cut = (_TRAIN + _TEST) * _SIDE * _SIDE
    return data[:cut].reshape(-1, 1, _SIDE, _SIDE), data[cut:]


def _read_mnist_folder(root: Path) -> tuple[np.ndarray, np.ndarray]:
    folders = [root / "MNIST" / "raw", root / "raw", root]

    def read(name: str, magic: int, shape: tuple[int, ...]) -> np.ndarray:
        for path in [folder / (name + end) for folder in folders for end in ("", ".gz")]:
            if path.is_file():
                return _read_idx(path, magic, shape)
        places = ", ".join(str(folder) for folder in folders)
        raise DataError(f"{name} (or {name}.gz) was not found in {places}; root=None uses the embedded MNIST.")

    pixels = [read(f"{part}-images-idx3-ubyte", 2051, (n, 28, 28)) for part, n in (("train", _TRAIN), ("t10k", _TEST))]
    labels = [read(f"{part}-labels-idx1-ubyte", 2049, (n,)) for part, n in (("train", _TRAIN), ("t10k", _TEST))]
    return np.concatenate(pixels)[:, None], np.concatenate(labels)


def _read_idx(path: Path, magic: int, shape: tuple[int, ...]) -> np.ndarray:
    """One file of MNIST's idx format: magic number, sizes (big-endian int32 each), then the bytes."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); copy it again, or use root=None.") from error
    header = 4 * (1 + len(shape))
    if len(raw) < header:
        raise DataError(f"{path} has {len(raw)} bytes, fewer than its {header}-byte header; copy it again.")
    found_magic, *sizes = struct.unpack(f">{1 + len(shape)}i", raw[:header])
    if found_magic != magic:
        raise DataError(f"{path} begins with magic number {found_magic}, expected {magic}; is it an MNIST idx file?")
    if tuple(sizes) != shape:
        raise DataError(f"{path} says it holds {tuple(sizes)}, expected {shape}.")
    expected = header + int(np.prod(shape))
    if len(raw) != expected:
        raise DataError(
            f"{path} has {len(raw)} bytes, expected {expected}: it was cut short or added to; copy it again."
        )
    return np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(shape)


def pack_mnist(root: str | Path, out: str | Path) -> str:
    """Make assets/mnist.xz from a torchvision-style folder; returns the SHA-256 of what it decodes to.

    `python -m gancourse pack-mnist ROOT OUT` is how the embedded file was made.
    """
    pixels, labels = _read_mnist_folder(Path(root))
    raw = pixels.tobytes() + labels.tobytes()
    assert len(raw) == _MNIST_BYTES
    write_atomically(Path(out), lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
    return hashlib.sha256(raw).hexdigest()
