"""Checks of lesson 10's enlarging: PixelShuffle by hand, and the tiles in which a large picture is enlarged."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import numbers
from gancourse.exercises.checking.layers import by_hand, compare

# --- PixelShuffle ----------------------------------------------------------------------------------------------------


def check_pixel_shuffle(call: StudentFunction) -> str:
    """The check of `lesson10.pixel_shuffle`: pixel_shuffle(x, r), (B, C r r, H, W) -> (B, C, H r, W r)."""
    for (b, c, h, w), r in (((2, 3, 4, 5), 2), ((1, 2, 3, 2), 3), ((2, 1, 2, 5), 4), ((2, 3, 4, 5), 1)):
        x = torch.randn(b, c * r * r, h, w)
        value = by_hand(call, (x.clone(), r), "pixel_shuffle")
        otherwise = (
            f"For x {tuple(x.shape)} and r = {r} these are not the numbers of nn.PixelShuffle: the pixel (h r + i, "
            "w r + j) of channel c is the number at (h, w) of channel c r r + i r + j."
        )
        compare(value, F.pixel_shuffle(x, r).double(), _shuffle_mistakes(x.double(), r), otherwise)
    return "No number was computed, only moved: r r channels of a small picture are one channel of a large one."


def _shuffle_mistakes(x: Tensor, r: int) -> list[tuple[Tensor, str]]:
    b, channels, h, w = x.shape
    c = channels // (r * r)
    last, first = x.reshape(b, c, r, r, h, w), x.reshape(b, r, r, c, h, w)  # where C stands among the channels
    large = (b, c, h * r, w * r)
    return [
        (
            first.permute(0, 3, 4, 1, 5, 2).reshape(large),
            "The channels are taken in the order of TensorFlow's depth_to_space, place first and channel last. "
            "PyTorch's has the channel first: c r r + i r + j.",
        ),
        (
            first.permute(0, 3, 4, 2, 5, 1).reshape(large),
            "The channels are taken place first and channel last, and i and j are exchanged: PyTorch has c r r + i r "
            "+ j, with i down and j to the right.",
        ),
        (
            last.permute(0, 1, 4, 3, 5, 2).reshape(large),
            "i and j are exchanged: within a square of r x r the channels run along a row first, so that the slower of "
            "the two, i, goes down.",
        ),
        (
            x.reshape(large),
            "This is a reshape alone: it cuts the numbers in the order in which they lie. A permute has to bring i "
            "next to h and j next to w first.",
        ),
        (
            last.permute(0, 1, 2, 4, 3, 5).reshape(large),
            "The r r channels stand side by side as small pictures: they are to be interleaved, i behind h and j "
            "behind w.",
        ),
        (
            last.permute(0, 1, 4, 5, 2, 3).reshape(large),
            "The axes are h, w, i, j: before the reshape they have to be h, i, w, j.",
        ),
        (
            last.permute(0, 1, 5, 3, 4, 2).reshape(b, c, w * r, h * r),
            "Height and width are exchanged.",
        ),
        (
            last.mean((2, 3)).repeat_interleave(r, 2).repeat_interleave(r, 3),
            "The r r channels are averaged and repeated: each of them is one pixel of every square.",
        ),
        (
            last[:, :, 0, 0].repeat_interleave(r, 2).repeat_interleave(r, 3),
            "One channel is repeated: each of the r r channels is one pixel of every square.",
        ),
        (x, "Nothing has changed."),
    ]


# --- tiles -----------------------------------------------------------------------------------------------------------

_CASES = (
    (100, 64, 16),
    (64, 64, 16),
    (40, 64, 16),
    (160, 64, 16),
    (161, 64, 16),
    (200, 64, 0),
    (65, 64, 63),
    (9, 4, 3),
)


def check_tiles(call: StudentFunction) -> str:
    """The check of `lesson10.tiles`: tiles(length, tile, overlap) -> the starts, in order, as few as possible."""
    more = []
    for _ in range(40):
        tile = int(torch.randint(1, 40, ()))
        more.append((int(torch.randint(1, 200, ())), tile, int(torch.randint(tile, ()))))
    for length, tile, overlap in [*_CASES, *more]:
        _judge_starts(_starts(call(length, tile, overlap)), length, tile, overlap)
    return (
        "Every pixel is in a tile, and beside each seam lie the pixels that both need. The last two tiles share more, "
        "which costs a little time and no seam."
    )


def _starts(value: Any) -> list[int]:
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, list | tuple) and not value:
        return []
    found = numbers(value)
    if found.ndim == 2 and found.shape[1] == 2:
        raise Wrong("It returned pairs: the starts alone are asked for, one number for each tile.")
    if found.ndim != 1:
        raise Wrong(f"It returned {describe((value,))}: a list of starts is expected, one for each tile.")
    if not bool((found == found.round()).all()):
        raise Wrong(f"It returned {describe((value,))}: tiles begin at whole pixels.")
    return [int(item) for item in found]


def _judge_starts(starts: list[int], length: int, tile: int, overlap: int) -> None:
    def wrong(why: str) -> Wrong:
        return Wrong(f"tiles({length}, {tile}, {overlap}) gives {textwrap.shorten(str(starts), 80)}: {why}")

    if not starts:
        raise wrong("no tile at all. Even the smallest picture needs one.")
    if length <= tile:
        if starts == [0]:
            return
        raise wrong("a picture that fits into one tile is one tile, which begins at 0.")
    if starts != sorted(starts):
        raise wrong("in order, from left to right, so that neighbours stand next to one another.")
    if starts[0] < 0:
        raise wrong("the first tile begins before the picture does.")
    if starts[0] > 0:
        raise wrong("the first pixels are in no tile. The first one begins at 0.")
    if starts[-1] + tile > length:
        beyond = next(start for start in starts if start + tile > length)
        raise wrong(
            f"the tile at {beyond} ends at {beyond + tile}, and the picture at {length}. A tile that would stick out "
            f"is moved back to end at the border, at {length - tile}."
        )
    if len(set(starts)) < len(starts):
        twice = next(a for a, b in pairwise(starts) if a == b)
        raise wrong(f"the tile at {twice} stands there twice, too many. Where does it fit without being moved?")
    for number, (a, b) in enumerate(pairwise(starts), 1):
        shared = a + tile - b
        at_the_end = " at the end" if number == len(starts) - 1 and number > 1 else ""
        if shared < 0:
            raise wrong(f"between the tiles at {a} and {b} there is a gap of {-shared} pixels{at_the_end}.")
        if shared < overlap:
            raise wrong(
                f"the tiles at {a} and {b} share {shared} pixels{at_the_end}, and {overlap} are asked for: each step "
                "is tile - overlap at most."
            )
    if starts[-1] + tile < length:
        raise wrong(f"the last {length - tile - starts[-1]} pixels are in no tile. The last one ends at the border.")
    needed = 1 - (tile - length) // (tile - overlap)
    if len(starts) > needed:
        raise wrong(f"{len(starts)} tiles, and {needed} do. More of them share more than they need, and cost time.")
