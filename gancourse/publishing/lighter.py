"""The pictures of a committed notebook in fewer bytes: the very same pixels, packed with more patience.

A PNG's rows may be stored as differences, from the left or from above; which is best differs from picture to picture,
as does how often the code that shortens frequent bytes had best begin anew. So all of them are tried.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zlib

import numpy as np
from PIL import Image

_MAX_PIXELS = 1 << 24
_LUMINANCE = np.array([299, 587, 114])  # in thousandths: colours that look alike get numbers that are close


def lighter_text(code: str) -> str:
    """`lighter` of a picture in base64, as notebooks hold it; what is none stays as it is."""
    try:
        png = base64.b64decode("".join(code.split()), validate=True)
    except (ValueError, binascii.Error):
        return code
    made = lighter(png)
    return code if made is png else base64.b64encode(made).decode("ascii")


def lighter(png: bytes) -> bytes:
    """A PNG of the same pixels in as few bytes as zlib can; `png` itself where that is no smaller.

    Also what is no PNG, is animated, is partly transparent or has more than 8 bits a channel is given back as it is.
    """
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            if image.mode not in ("P", "RGB", "RGBA") or image.info.get("transparency") or image.width < 1:
                return png
            if getattr(image, "n_frames", 1) > 1 or image.width * image.height > _MAX_PIXELS or png[24:25] > b"\x08":
                return png
            pixels = np.asarray(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return png
    if (pixels[..., 3] < 255).any():
        return png
    pixels = np.ascontiguousarray(pixels[..., :3])
    made = min(_candidates(pixels), key=len)
    if len(made) >= len(png):
        return png
    with Image.open(io.BytesIO(made)) as again:
        if not np.array_equal(np.asarray(again.convert("RGB")), pixels):
            raise RuntimeError("a picture was packed wrongly: this is a mistake of gancourse.publishing.lighter.")
    return made


def _candidates(pixels: np.ndarray) -> list[bytes]:
    """PNG files of (H, W, 3) uint8 pixels: with a palette where 256 colours do, by each way to store rows."""
    h, w, _ = pixels.shape
    number = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, index = np.unique(number, return_inverse=True)
    palette, rows, depth = b"", pixels.reshape(h, 3 * w), 3
    if len(colours) <= 256:
        rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], 1).astype(np.uint8)
        order = np.argsort(rgb @ _LUMINANCE, kind="stable")
        palette, depth = rgb[order].tobytes(), 1
        rows = np.argsort(order).astype(np.uint8)[index.reshape(h, w)]
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 3 if palette else 2, 0, 0, 0))
    head = b"\x89PNG\r\n\x1a\n" + head + (_chunk(b"PLTE", palette) if palette else b"")
    found = []
    for kind in range(5):
        raw = _as_differences(rows, depth, kind)
        for memory in (8, 9) if kind else range(5, 10):  # with less of it, codes begin anew more often
            strategy = zlib.Z_FILTERED if kind else zlib.Z_DEFAULT_STRATEGY
            packer = zlib.compressobj(9, zlib.DEFLATED, 15, memory, strategy)
            data = packer.compress(raw) + packer.flush()
            found.append(head + _chunk(b"IDAT", data) + _chunk(b"IEND", b""))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)  # which chooses anew for each row
    return [*found, buffer.getvalue()]


def _as_differences(rows: np.ndarray, depth: int, kind: int) -> bytes:
    """Rows (H, W * depth) uint8 as a PNG stores them, each behind the number of its filter (PNG's 9.2).

    kind: 0 as they are; 1 from the pixel to the left, 2 above, 3 the mean of both, 4 Paeth's choice of neighbour.
    """
    x = rows.astype(np.int16)
    left, up, corner = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    left[:, depth:], up[1:], corner[1:, depth:] = x[:, :-depth], x[:-1], x[:-1, :-depth]
    guess = left + up - corner
    off = abs(guess - left), abs(guess - up), abs(guess - corner)
    paeth = np.where((off[0] <= off[1]) & (off[0] <= off[2]), left, np.where(off[1] <= off[2], up, corner))
    stored = x - (np.zeros_like(x), left, up, (left + up) // 2, paeth)[kind]
    return np.concatenate([np.full((len(x), 1), kind), stored & 255], 1).astype(np.uint8).tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
