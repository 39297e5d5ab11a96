"""What lessons 08 and 09 translate: label maps into churches by day, morning into dusk, summer into snow.

A plain map says where walls and roofs are, and not of what: whoever paints it has to choose. A coded one says that too,
by colours of their own for every stone and every roof. In every task there is one light, or one weather, so that
nothing but the task's own factor tells the two sides apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gancourse.data.churches.drawings import painted
from gancourse.data.churches.labelled import church_pairs, labelled_churches, unpaired_churches
from gancourse.data.churches.pen import CLASSES
from gancourse.data.images import Images
from gancourse.data.pairs import AlignedPairs, UnalignedPairs

if TYPE_CHECKING:
    from torch import Tensor

DAY: dict[str, Any] = {"time": ("noon",), "weather": ("clear", "cloudy")}
TASKS: dict[str, tuple[str, str, dict[str, Any]]] = {  # the two sides, and the other factors
    "dusk": ("morning", "dusk", {"weather": ("clear", "cloudy")}),
    "snow": ("clear", "snow", {"time": "noon"}),
}
_COLOURS = {  # of a value's surfaces in a coded map: far from each other, and from the palette's
    "stone": ((255, 255, 255), (255, 170, 0), (255, 0, 0), (0, 255, 255), (120, 120, 120), (170, 85, 0)),
    "roof": ((255, 0, 160), (0, 0, 0), (120, 0, 255), (0, 255, 120)),
}
_SURFACE = {"stone": "wall", "roof": "roof"}


def coded(maps: Tensor, factors: dict[str, Tensor], name: str = "coded label maps") -> Images:
    """Label maps (N, H, W) and factors -> Images (N, 3, H, W): as `painted`, but walls and roofs say their kind."""
    import torch

    images = painted(maps, name)
    for factor, colours in _COLOURS.items():
        table = torch.tensor(colours, dtype=torch.uint8)
        here = (maps == CLASSES.index(_SURFACE[factor]))[:, None]
        surface = table[factors[factor]][:, :, None, None].expand_as(images.pixels)
        images.pixels.copy_(torch.where(here, surface, images.pixels))
    return images


def map_pairs(
    n: int, size: int = 64, seed: int = 0, code: bool = False
) -> tuple[AlignedPairs, Tensor, dict[str, Tensor]]:
    """n label maps in colours and the churches that they are of, by day; the maps as numbers (n, size, size); factors.

    code: whether the maps tell stone and roof, `coded`, or leave them open, `painted`. Raises DataError as
    `labelled_churches` does.
    """
    churches, maps, factors = labelled_churches(n, size, seed, **DAY)
    given = coded(maps, factors) if code else painted(maps)
    return AlignedPairs(given, churches), maps, factors


def unpaired(task: str, n: int) -> UnalignedPairs:
    """n churches of each side of one of TASKS, none of them on both: seeds 1 and 2."""
    before, after, others = TASKS[task]
    return unpaired_churches(n, before, after, **others)


def true_pairs(task: str, n: int, seed: int) -> tuple[AlignedPairs, Tensor, dict[str, Tensor]]:
    """n churches on both sides of one of TASKS, exactly aligned; their maps (n, 64, 64); factors of the first side."""
    before, after, others = TASKS[task]
    return church_pairs(n, before, after, seed=seed, **others)
