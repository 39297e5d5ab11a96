"""Encoded pictures in, pixels out; run as a program, the worker that does so for one chunk of pictures after another.

Workers are plain child processes that read a line of JSON for each chunk and answer with another, because that works
from notebooks, from scripts without a main guard and on every system. They import neither torch nor the rest of the
package, so that many of them start quickly and stay small, and end when their parent does, however it ended.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

MAGIC = {  # how an encoded picture begins -> Pillow's name of its format
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"\x00\x00\x00\x0cjP  \r\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
}  # and RIFF....WEBP, ....ftypavif, P1 to P6


class BadPicture(ValueError):
    """Bytes that are no picture, or one that cannot be used; the message says why."""


def kind(data: bytes) -> str:
    """Pillow's name of a picture's format, by the first bytes; names and suffixes are not believed. Raises BadPicture.

    Formats that are programs (PostScript, PDF) are not among them.
    """
    for magic, name in MAGIC.items():
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PPM"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        Image.init()
        if "AVIF" not in Image.OPEN:
            raise BadPicture("is AVIF, which Pillow decodes from version 11.3 on: pip install -U pillow")
        return "AVIF"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        raise BadPicture("is HEIC, which Pillow does not decode: export it as JPEG")
    raise BadPicture(f"no picture that Pillow decodes: begins with {data[:8].hex(' ') or 'nothing'}")


def pixels(data: bytes, size: int, part: str = "whole") -> np.ndarray:
    """An encoded picture as (3, size, size) uint8: the shorter side resized to `size`, then the centre cut out.

    part: "whole", or the half of it that is treated so, "left" or "right".

    Resized bilinearly with antialiasing, to the same pixels as torchvision's Resize(size) and CenterCrop(size) give.
    EXIF orientation is honoured, transparency laid on white; of several frames or pages the first is taken. Raises
    BadPicture for what cannot be decoded, and for a picture whose shorter side would have to be enlarged more than
    twice.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a picture's metadata
            with Image.open(io.BytesIO(data), formats=[kind(data)]) as opened:
                image = _rgb(ImageOps.exif_transpose(opened))
    except BadPicture:
        raise
    except Exception as error:  # decoders raise many kinds: OSError, SyntaxError, struct.error, DecompressionBombError
        raise BadPicture(f"cannot be decoded ({type(error).__name__}: {str(error)[:100]})") from error
    if part != "whole":
        half = image.width // 2
        image = image.crop((0, 0, half, image.height) if part == "left" else (half, 0, 2 * half, image.height))
    w, h = image.size
    if min(w, h) * 2 < size:
        raise BadPicture(f"is {w}x{h} pixels, too small: its shorter side must be at least {(size + 1) // 2}")
    new = (size, int(size * h / w)) if w <= h else (int(size * w / h), size)
    if image.size != new:
        image = image.resize(new, Image.Resampling.BILINEAR)
    left, top = round((new[0] - size) / 2), round((new[1] - size) / 2)
    return np.asarray(image.crop((left, top, left + size, top + size))).transpose(2, 0, 1)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):  # 16-bit grey
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def reader(source: dict[str, str]) -> Callable[[str], bytes]:
    """name -> bytes, for a source {"kind": "lmdb" or "folder", "path": ...}. Each process opens its own."""
    if source["kind"] == "folder":
        folder = Path(source["path"])
        return lambda name: (folder / name).read_bytes()
    import lmdb

    records = lmdb.open(source["path"], readonly=True, lock=False, readahead=False, meminit=False).begin(buffers=False)

    def read(name: str) -> bytes:
        data: bytes | None = records.get(name.encode("latin-1"))
        if data is None:
            raise OSError("there is no such record")
        return data

    return read


def chunk(
    read: Callable[[str], bytes], names: list[str], size: int, part: str = "whole"
) -> tuple[np.ndarray, list[list[Any]]]:
    """(n, 3, size, size) pixels, and [place, why] for each picture that is broken; its pixels stay 0."""
    out = np.zeros((len(names), 3, size, size), np.uint8)
    bad: list[list[Any]] = []
    for i, name in enumerate(names):
        try:
            out[i] = pixels(read(name), size, part)
        except (BadPicture, OSError) as error:
            bad.append([i, str(error)])
    return out, bad


def work() -> None:
    """Lines {"at", "names"} in, {"at", "crc", "bad"} or {"error"} out, after one {"source", "size", "part", "file"}."""
    with contextlib.suppress(ValueError):  # the parent decides what an interrupt means
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.loads(sys.stdin.readline() or "null")
    if task is None:
        return
    read, size, parent = reader(task["source"]), task["size"], os.getppid()
    with open(task["file"], "r+b", buffering=0) as file:
        for line in sys.stdin:
            job = json.loads(line)
            array, bad = chunk(read, job["names"], size, task["part"])
            rows = array.reshape(-1).data
            if os.getppid() != parent:  # its successor may be at this file by now
                return
            file.seek(job["at"] * 3 * size * size)
            written = 0
            while written < len(rows):
                written += file.write(rows[written:])
            answer = {"at": job["at"], "crc": zlib.crc32(rows), "bad": bad}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        work()
    except OSError as failure:  # such as a full disk
        print(json.dumps({"error": failure.strerror or str(failure)}), flush=True)
        sys.exit(1)
