"""MNIST: embedded in the package, or from a folder as torchvision lays it out."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import sys
import zlib
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from gancourse.data.images import DataError, Images
from gancourse.files import cache_folder, write_atomically

# mnist.xz, decoded: 60,000 training then 10,000 test images (28x28 uint8), then their 70,000 labels (uint8).
_TRAIN, _TEST, _SIDE = 60_000, 10_000, 28


_MNIST_BYTES = (_TRAIN + _TEST) * (_SIDE * _SIDE + 1)


_MNIST_SHA256 = "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83"


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
