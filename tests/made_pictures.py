"""Pictures for tests, made here: no photograph is part of the project."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

FORMATS = ("JPEG", "WEBP", "PNG")


def picture(seed: int, width: int, height: int) -> Image.Image:
    """A smooth coloured picture; every seed another."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **settings) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def records(n: int, short: int = 40) -> list[bytes]:
    """n pictures, landscape and portrait, JPEG, WebP and PNG in turn."""
    out = []
    for i in range(n):
        long = short + i % 23
        size = (long, short) if i % 2 else (short, long)
        out.append(encoded(picture(i, *size), FORMATS[i % 3]))
    return out


def write_lmdb(root: Path, values: list[bytes], name: str = "church_outdoor_train") -> Path:
    """LSUN's layout: root/NAME_lmdb/data.mdb, keys of 40 hex digits in no particular order. Returns root."""
    import lmdb

    folder = root / f"{name}_lmdb"
    folder.mkdir(parents=True)
    with lmdb.open(str(folder), map_size=1 << 30) as database, database.begin(write=True) as records:
        for i, value in enumerate(values):
            records.put(key(i), value)
    (folder / "lock.mdb").unlink()
    return root


def key(i: int) -> bytes:
    return b"%040x" % (i * 0x9E3779B97F4A7C15 % 2**64)


def put_checksum(images, answers) -> None:
    """Of a batch, into a queue; here, so that a spawned process imports little to find it."""
    import torch

    answers.put(next(images.batches(64, torch.Generator().manual_seed(9))).double().sum().item())
