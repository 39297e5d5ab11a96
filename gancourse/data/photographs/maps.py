"""Images that stay on the disk: a file of uint8 pixels, mapped into memory, and a page of JSON that describes it.

A made map is a folder with pixels.u8, (N, C, H, W) uint8 without a header, and about.json: count, shape, SHA-256, how
the pictures were cropped, and which of them were left out. about.json is written last: without it there is no map.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.data.images import DataError, Images
from gancourse.files import read_at_most

PIXELS, ABOUT, FORMAT = "pixels.u8", "about.json", 1
_MAX_ABOUT = 64 << 20  # bytes
_BLOCK = 1 << 24  # bytes read at a time
_CPU = torch.device("cpu")


@dataclass(frozen=True, repr=False)
class MappedImages(Images):
    """Images in a file. Batches are read from it, not through the map, so memory does not grow with the images.

    pixels: the file, mapped read-only, for looking at some of them. Writing into them in place ends the process.
    path:   the file of pixels.
    sha256: its fingerprint, as about.json states it; None for a subset, whose fingerprint is computed.
    target: where batches go; the pixels stay where they are.

    Pickling, and so a process that is spawned, takes the path along and no pixels.
    """

    path: Path = Path()
    sha256: str | None = None
    target: torch.device = _CPU

    @property
    def device(self) -> torch.device:
        return self.target

    @property
    def fingerprint(self) -> str:
        return self.sha256 or digest(self.path, tuple(self.pixels.shape))

    def to(self, device: torch.device | str) -> MappedImages:
        """The same images, their batches on `device`."""
        return replace(self, target=torch.device(device))

    def subset(self, n: int) -> Images:
        few = super().subset(n)
        return few if n == len(self) else replace(few, sha256=None)  # type: ignore[call-arg]

    def verify(self) -> None:
        """Read all of the file (seconds a gigabyte). Raises DataError when it is not what about.json says."""
        if digest(self.path, tuple(self.pixels.shape)) != self.fingerprint:
            raise DataError(f"{self.path} does not match the hash in {ABOUT}; delete its folder and make it again.")

    def _rows(self, index: Tensor) -> Tensor:
        rows = torch.empty(len(index), *self.shape, dtype=torch.uint8)
        view = rows.flatten().numpy().data
        size = len(view) // max(len(index), 1)
        with self.path.open("rb", buffering=0) as file:  # opened for each batch: nothing for processes to share
            for i, place in enumerate(index.tolist()):
                file.seek(place * size)
                if file.readinto(view[i * size : (i + 1) * size]) != size:
                    raise DataError(f"{self.path} was cut short while it was in use; make it again.")
        return rows.to(self.target)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.path, tuple(self.pixels.shape), self.name, self.sha256, self.target)


def _again(path: Path, shape: tuple[int, ...], name: str, sha256: str | None, target: torch.device) -> MappedImages:
    return MappedImages(_mapped(path, shape), None, name, path, sha256, target)


def _mapped(path: Path, shape: tuple[int, ...]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch knows no read-only tensors; a writable map would count as memory
        return torch.from_numpy(np.memmap(path, np.uint8, "r", shape=shape))


def digest(path: Path, shape: tuple[int, ...]) -> str:
    """What Images.fingerprint is for the first shape[0] images of a file of pixels; read piece by piece."""
    total = hashlib.sha256(repr(shape).encode())
    for block in _blocks(path, shape[0] * shape[1] * shape[2] * shape[3]):
        total.update(block)
    return total.hexdigest()


def _blocks(path: Path, count: int) -> Iterator[memoryview]:
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as file:
        while count > 0:
            n = file.readinto(block[: min(count, _BLOCK)])
            if not n:
                raise DataError(f"{path} ends {count:,} bytes too early; delete its folder and make it again.")
            yield block[:n]
            count -= n


def is_map(folder: str | Path) -> bool:
    """Whether a folder holds a made map."""
    return (Path(folder) / ABOUT).is_file()


def about(folder: str | Path) -> dict[str, Any]:
    """about.json of a made map. Raises DataError when it is missing, damaged, or of another format."""
    path = Path(folder) / ABOUT
    try:
        found = json.loads(read_at_most(path, _MAX_ABOUT))
        right = (
            found["format"] == FORMAT
            and [type(n) for n in [found["count"], *found["shape"]]] == [int] * 4
            and found["count"] > 0
            and found["shape"][0] in (1, 3)
            and min(found["shape"]) > 0
            and all(isinstance(found[key], str) for key in ("name", "sha256", "crop", "source"))
            and isinstance(found["left_out"], list)
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); delete its folder and make it again.") from error
    if not right:
        raise DataError(f"{path} does not describe images of format {FORMAT}; delete its folder and make it again.")
    return dict(found)


def open_map(folder: str | Path) -> MappedImages:
    """The images of a made map, (N, C, H, W) uint8, none of them read yet.

    Raises DataError when the folder holds no map, or one whose file has not the size that about.json states.
    """
    said, path = about(folder), Path(folder) / PIXELS
    shape = (said["count"], *said["shape"])
    expected = said["count"] * said["shape"][0] * said["shape"][1] * said["shape"][2]
    found = os.path.getsize(path) if path.is_file() else -1
    if found != expected:
        raise DataError(
            f"{path} has {found:,} bytes, expected {expected:,}; delete its folder and make it again."
            if found >= 0
            else f"{path} is missing; delete its folder and make it again."
        )
    return MappedImages(_mapped(path, shape), None, said["name"], path, said["sha256"])
