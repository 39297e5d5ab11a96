"""Many images on one sheet: grids cut and uncut, and strips of samples as text inside a results file."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


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


def untile(sheet: Tensor, size: tuple[int, int], n: int) -> Tensor:
    """The inverse of `tile`: the first n images, of (height, width) `size`, on a (C, ., .) sheet, as (n, C, H, W)."""
    (h, w), gap = size, 2
    columns = (sheet.shape[2] + gap) // (w + gap)
    corners = [(i // columns * (h + gap), i % columns * (w + gap)) for i in range(n)]
    return torch.stack([sheet[:, top : top + h, left : left + w] for top, left in corners])


def pack(pixels: Tensor, quality: int = 0) -> str:
    """uint8 images (B, C, H, W), C = 1 or 3, side by side in one picture, as base64 text.

    quality: 0 for the very same images out of `unpack`, in a WebP without losses, or a PNG where there is one channel;
    1 to 100 for a WebP with losses, many times smaller. That is for three channels.
    """
    b, c, h, w = pixels.shape
    row = pixels.permute(2, 0, 3, 1).reshape(h, b * w, c).contiguous().numpy()
    buffer = io.BytesIO()
    if quality:
        Image.fromarray(row).save(buffer, "webp", quality=quality, method=6)
    elif c == 3:
        buffer.write(lossless(Image.fromarray(row)))
    else:
        Image.fromarray(row[..., 0]).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def lossless(picture: Image.Image) -> bytes:
    """A file of the very same pixels, a WebP: smaller than a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "webp", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def unpack(text: str) -> Tensor:
    """The images (B, C, H, H) that `pack` was given, or nearly; they must have been square."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        row = torch.from_numpy(np.array(picture))
    side = row.shape[0]
    return row.view(side, -1, side, 1 if row.ndim == 2 else 3).permute(1, 3, 0, 2).contiguous()
