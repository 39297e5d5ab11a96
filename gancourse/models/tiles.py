"""A whole picture through a network that enlarges it, tile by tile, without seams.

A network of convolutions takes a picture of any size, but its feature maps are as large as the picture (64 channels of
float32 at 4000 x 3000 pixels are 3 GB, several times over). In tiles they are as large as a tile. Near a tile's border
the network sees padding where the picture goes on, so tiles overlap, and of each only the inner part is kept. Padding
at the picture's own border is what the network saw in training, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.models.base import ShapeError, eval_mode

TILE, OVERLAP = 64, 16  # pixels of the picture that goes in


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along a side of `length` pixels, ascending; each is min(tile, length) long.

    Neighbours share at least `overlap` pixels. The last tile ends where the side ends, so that all have one size; it
    then shares more with the one before it. Raises ValueError: length or tile below 1, overlap not in 0 ... tile - 1.
    """
    if length < 1 or tile < 1:
        raise ValueError(f"length is {length} and tile is {tile} pixels, expected at least 1 of each.")
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap is {overlap} pixels, expected 0 to {tile - 1}: less than the tile, which is {tile}.")
    starts = list(range(0, max(length - tile, 0), tile - overlap))
    return [*starts, max(length - tile, 0)]


def enlarge(
    G: Callable[[Tensor], Tensor], picture: Tensor, scale: int, tile: int = TILE, overlap: int = OVERLAP
) -> Tensor:
    """A picture (3, H, W) or (1, 3, H, W) enlarged by G to (3, scale H, scale W) or (1, ...), float32, on its device.

    G: (1, 3, h, w) -> (1, 3, scale h, scale w) for any h and w up to `tile`; a network is put into eval mode for the
    time, and the tiles go to where its weights are. picture: any size, odd sides and sides below a tile included;
    [-1, 1], as G expects. tile, overlap: in pixels of `picture`; of each tile overlap / 2 are dropped at inner borders.

    Where a pixel of G's output depends on no pixel of its input farther than overlap / 2 away, the result is G of the
    whole picture, to rounding. SRGAN's generator (Ledig et al. 2017, figure 4) of 8 blocks looks 24 pixels far, that of
    16 blocks 40: an overlap of 48, or 80, is exact, and what a smaller one leaves is for you to measure. A network that
    takes means over the whole picture (InstanceNorm, say) sees those of a tile, and no overlap helps.
    Memory: the result, and what G needs for one tile. Raises ShapeError for another picture or what G makes of a tile;
    ValueError as `tile_starts`, and for a scale below 1.
    """
    whole = _checked(picture, scale)
    made = torch.empty(3, scale * whole.shape[1], scale * whole.shape[2], device=picture.device)
    for rows, columns, piece in pieces(G, whole, scale, tile, overlap):
        made[:, rows, columns] = piece
    return made if picture.ndim == 3 else made[None]


def pieces(
    G: Callable[[Tensor], Tensor], picture: Tensor, scale: int, tile: int = TILE, overlap: int = OVERLAP
) -> Iterator[tuple[slice, slice, Tensor]]:
    """What `enlarge` puts together, row by row: (rows, columns, piece), places in the result and the piece (3, h, w).

    The pieces cover the result once. For who wants it in another form than one float32 tensor. Arguments as those of
    `enlarge`. Raises ShapeError and ValueError as it does.
    """
    whole = _checked(picture, scale)
    height, down = _kept(whole.shape[1], tile, overlap)
    width, across = _kept(whole.shape[2], tile, overlap)
    weights = list(G.parameters()) if isinstance(G, nn.Module) else []
    device = weights[0].device if weights else whole.device
    for top, rows in down:
        for left, columns in across:
            x = whole[None, :, top : top + height, left : left + width].to(device)
            with torch.no_grad(), eval_mode(G):
                y = G(x)
            if not isinstance(y, Tensor) or y.shape != (1, 3, scale * x.shape[2], scale * x.shape[3]):
                raise ShapeError(
                    f"G made {tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__} of a tile "
                    f"{tuple(x.shape)}, expected {(1, 3, scale * x.shape[2], scale * x.shape[3])}: scale is {scale}."
                )
            inner = y[0, :, _within(rows, top, scale), _within(columns, left, scale)]
            yield _enlarged(rows, scale), _enlarged(columns, scale), inner.to(picture.device, torch.float32)


def _kept(length: int, tile: int, overlap: int) -> tuple[int, list[tuple[int, slice]]]:
    """The size of tiles along a side, and of each its start and what of the side is taken from it.

    As many tiles as `tile_starts` says, and no larger than that many must be: the last one repeats little then.
    """
    n = len(tile_starts(length, tile, overlap))
    if n == 1:
        return length, [(0, slice(0, length))]
    tile = -(-(length + (n - 1) * overlap) // n)
    starts = tile_starts(length, tile, overlap)
    middles = [(start + before + tile) // 2 for before, start in pairwise(starts)]
    return tile, list(zip(starts, map(slice, [0, *middles], [*middles, length]), strict=True))


def _within(kept: slice, start: int, scale: int) -> slice:
    return slice(scale * (kept.start - start), scale * (kept.stop - start))


def _enlarged(kept: slice, scale: int) -> slice:
    return slice(scale * kept.start, scale * kept.stop)


def _checked(picture: Any, scale: int) -> Tensor:
    """The picture as (3, H, W)."""
    if scale < 1:
        raise ValueError(f"scale is {scale}, expected a whole number of at least 1.")
    shape = tuple(picture.shape) if isinstance(picture, Tensor) else type(picture).__name__
    if isinstance(picture, Tensor) and picture.ndim == 4 and picture.shape[0] == 1:
        picture = picture[0]
    if not isinstance(picture, Tensor) or picture.ndim != 3 or picture.shape[0] != 3 or not picture.numel():
        raise ShapeError(f"picture is {shape}, expected (3, H, W) or (1, 3, H, W): one colour picture at a time.")
    if not picture.is_floating_point():
        raise ShapeError(
            f"picture is {picture.dtype}, expected float32 in [-1, 1]: gancourse.data.scale(x) makes it of uint8."
        )
    return picture
