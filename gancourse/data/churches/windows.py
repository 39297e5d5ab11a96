"""Where the windows of a church are, which shape they have, and patches around them, in this picture or another.

The factor "windows" says round, pointed or square for a whole church, but not every opening obeys it: a rose and the
hollow of a bellcote are always round, and of a window far away or half behind a tree nothing of the shape may be seen.
The renderer can tell: it draws the same church with each of the three shapes, all else equal to the pixel, and a window
counts where the three label maps differ. So the same windows, with the same centres, would have been chosen whatever
their shape is, and neither number nor place gives it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gancourse.data.churches.dataset import FACTORS, factor_table, render_labelled
from gancourse.data.churches.labelled import Values, labelled_churches
from gancourse.data.churches.pen import NUMBER
from gancourse.data.images import DataError, Images

SHAPES = FACTORS["windows"]
LEAST = 3  # pixels in which any two shapes of a window differ: with fewer a reader of true 256 px pictures errs often
PATCH = 24  # pixels, at 256 px: the head of the largest window with its frame, and little else


class Windows(NamedTuple):
    """Windows of N pictures, in their order. All int64.

    picture: (M,), which of the N. centre: (M, 2), row and column of the middle of the window's head, where the shape
    shows. shape: (M,), positions in SHAPES.
    """

    picture: Tensor
    centre: Tensor
    shape: Tensor


def placed_windows(
    n: int, size: int = 256, seed: int = 0, least: int = LEAST, **only: Values
) -> tuple[Images, Windows]:
    """n churches, as `labelled_churches(n, size, seed, **only)` has them, and the windows whose shape can be seen.

    least: pixels of the label map in which every two shapes of a window must differ. At 256 px and 3 pixels a church
        has 2.3 such windows in the mean, many have none. About 30 ms a church.

    Raises DataError as `labelled_churches` does, and for `least` below 1: then a rose would count.
    """
    images, _, factors = labelled_churches(n, size, seed, **only)
    others = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in only.items()}
    found = in_every_shape(n, size, seed, least, **others)
    centres = [centre for _, centre in found]
    picture = torch.repeat_interleave(torch.arange(n), torch.tensor([len(centre) for centre in centres]))
    return images, Windows(picture, torch.cat(centres), factors["windows"][picture])


def in_every_shape(
    n: int, size: int = 256, seed: int = 0, least: int = LEAST, **only: Values
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each of n churches with all windows round, pointed and square, and where they are.

    Yields pictures (3, 3, size, size) uint8, in the order of SHAPES, and centres (k, 2) int64 as in `Windows`, which
    are the same in all three. Arguments as in `placed_windows`; `windows` in `only` changes nothing. Raises DataError
    as that does.
    """
    if least < 1:
        raise DataError(f"least is {least}, expected at least 1 pixel: what is the same in every shape shows none.")
    allowed = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in only.items()}
    factor_table(n, seed, allowed)
    for i in range(n):
        drawn = [render_labelled(seed, i, size, allowed | {"windows": (shape,)}) for shape in SHAPES]
        both = torch.stack([torch.from_numpy(one) for one in drawn])
        yield both[..., :3].permute(0, 3, 1, 2), _heads(both[..., 3] == NUMBER["window"], least)


def patches(pictures: Tensor, windows: Windows, size: int = PATCH) -> Tensor:
    """Square patches around windows, cut out of pictures that show those churches: (M, 3, size, size).

    pictures: (N, 3, H, W), of any kind, from wherever: enlarged ones too, if they have the size of those in which the
        windows were found. windows: as `placed_windows` gives them. size: of a patch, even; pixel (size / 2, size / 2)
        is the window's centre. Beyond a picture's border its last pixel goes on.

    Raises DataError for an odd size, and where a window lies outside of all pictures.
    """
    if size < 2 or size % 2:
        raise DataError(f"size is {size}, expected an even number of pixels, so that a centre is at size / 2.")
    if pictures.ndim != 4 or (
        len(windows.picture)
        and (
            int(windows.picture.max()) >= len(pictures)
            or bool((windows.centre.amax(0) >= torch.tensor(pictures.shape[2:])).any())
        )
    ):
        raise DataError(
            f"pictures have shape {tuple(pictures.shape)}, and some window is in none of them; give (N, 3, H, W) of "
            "the churches, and of the size, in which the windows were found."
        )
    half = size // 2
    around = functional.pad(pictures.float(), (half,) * 4, mode="replicate")
    at = torch.arange(size)
    rows, columns = (windows.centre[:, i, None] + at for i in range(2))
    cut = around[windows.picture[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return cut.permute(0, 3, 1, 2).to(pictures.dtype)


def _heads(masks: Tensor, least: int) -> Tensor:
    """Centres of heads (k, 2) of the windows in which any two of the masks (3, H, W) differ in `least` pixels.

    The head of a window of width w is taken for as high as it is wide: its middle lies w / 2 below the top.
    """
    centres = []
    for pixels in _components(masks.any(0)):
        at = torch.tensor(pixels)
        (top, left), (bottom, right) = at.amin(0).tolist(), at.amax(0).tolist()
        box = masks[:, top : bottom + 1, left : right + 1]
        differ = [int((box[a] != box[b]).sum()) for a, b in ((0, 1), (0, 2), (1, 2))]
        row, column = top + (right - left + 1) // 2, (left + right + 1) // 2
        if min(differ) >= least and bool(masks[:, row, column].all()):  # two windows that touch have a wall there
            centres.append((row, column))
    return torch.tensor(sorted(centres), dtype=torch.int64).reshape(-1, 2)


def _components(mask: Tensor) -> Iterator[list[tuple[int, int]]]:
    """The pixels of each part of a mask (H, W) that hangs together by its sides."""
    left = {(row, column) for row, column in mask.nonzero().tolist()}
    while left:
        found = [left.pop()]
        for row, column in found:  # grows while it is read
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in left:
                    left.remove(near)
                    found.append(near)
        yield found
