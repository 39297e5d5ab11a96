"""Samples inside a results file: a few small images as text."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def pack(pixels: Tensor) -> str:
    """uint8 images (B, C, H, W), C = 1 or 3, side by side in one PNG, as base64 text."""
    b, c, h, w = pixels.shape
    row = pixels.permute(2, 0, 3, 1).reshape(h, b * w, c).contiguous().numpy()
    buffer = io.BytesIO()
    Image.fromarray(row[..., 0] if c == 1 else row).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def unpack(text: str) -> Tensor:
    """The images (B, C, H, H) that `pack` was given; they must have been square."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        row = torch.from_numpy(np.array(picture))
    side = row.shape[0]
    return row.view(side, -1, side, 1 if row.ndim == 2 else 3).permute(1, 3, 0, 2).contiguous()
