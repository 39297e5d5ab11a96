"""Images laid out as one array of pixels, in numpy alone: what figures and widgets draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

GUTTER = 2  # pixels between two images, and around the grid
SLACK = 1e-3  # how far rounding may carry a float image out of [-1, 1]


def to_uint8(images: Any) -> np.ndarray:
    """Images as a uint8 array (B, C, H, W).

    `images` is a torch tensor or a numpy array of shape (B, C, H, W) with C = 1 (grey) or 3 (RGB), either uint8 or
    floating point in [-1, 1]. Raises ValueError, naming what was wrong, for anything else.
    """
    if hasattr(images, "detach"):  # a torch tensor; numpy has no bfloat16
        images = images.detach().cpu()
        images = (images.float() if images.is_floating_point() else images).numpy()
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[1] not in (1, 3):
        hint = "add the batch dimension with images[None]" if array.ndim == 3 else "reshape them"
        if array.ndim == 3 and array.shape[0] not in (1, 3):
            hint = "add the channel dimension with images[:, None]"
        elif array.ndim == 4 and array.shape[3] in (1, 3):
            hint = "bring the channels forward with np.moveaxis(images, 3, 1)"
        raise ValueError(f"images have shape {array.shape}, expected (B, C, H, W) with C = 1 or 3: {hint}")
    if array.size == 0:
        raise ValueError(f"images have shape {array.shape}, which holds no pixel: pass at least one image")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"images have dtype {array.dtype}, expected uint8 or floating point: convert them")
    low, high = float(array.min()), float(array.max())
    if not (low >= -1 - SLACK and high <= 1 + SLACK):  # written so that a NaN fails too
        remedy = "scale or clamp them first, with images.clip(-1, 1)"
        if math.isnan(low):
            remedy = "they hold NaN"
        elif low >= 0 and high <= 255:
            remedy = "scale or clamp them first, with images / 127.5 - 1"
        raise ValueError(f"float images reach from {low:.4g} to {high:.4g}, expected [-1, 1]: {remedy}")
    return np.rint((np.clip(array, -1, 1) + 1) * 127.5).astype(np.uint8)


def to_grid(images: Any, columns: int) -> np.ndarray:
    """One uint8 picture, (H', W') for grey images or (H', W', 3) for RGB, of `images` in the given order.

    Row by row, left to right, `columns` to a row, with a white gutter of 2 pixels around each image. Takes what
    `to_uint8` takes; ValueError also where `columns` is less than 1.
    """
    array = to_uint8(images)
    if columns < 1:
        raise ValueError(f"columns is {columns}, expected at least 1")
    count, channels, height, width = array.shape
    rows = math.ceil(count / columns)
    size = (rows * (height + GUTTER) + GUTTER, columns * (width + GUTTER) + GUTTER, channels)
    grid = np.full(size, 255, dtype=np.uint8)
    for i, image in enumerate(array):
        top = GUTTER + (i // columns) * (height + GUTTER)
        left = GUTTER + (i % columns) * (width + GUTTER)
        grid[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return grid[..., 0] if channels == 1 else grid
