"""Churches with what is known about them: a label map for every picture, and the same church at another time.

`labelled_churches` gives pictures, label maps and factors. `church_pairs` gives the same churches twice, with one
factor changed: pixel by pixel the same scene, which no camera can do. `unpaired_churches` gives both kinds without
partners, to learn from as CycleGAN does; what was learned is then judged on true pairs of a seed that was not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gancourse.data.churches.aligned import aligned_others, factor_of, refuse_unaligned
from gancourse.data.churches.dataset import FACTORS, VERSION, Only, factor_table, pictures
from gancourse.data.images import DataError, Images
from gancourse.data.pairs import AlignedPairs, UnalignedPairs

if TYPE_CHECKING:
    from torch import Tensor

Values = str | tuple[str, ...]  # the value that a factor takes, or those among which it is drawn


def labelled_churches(
    n: int, size: int = 64, seed: int = 0, **only: Values
) -> tuple[Images, Tensor, dict[str, Tensor]]:
    """n churches, their label maps, and the factors that they were drawn from.

    only: for any of FACTORS the value that it takes, or several; `time="noon", weather=("clear", "cloudy")`. Church i
        of a seed is the same in all other factors, whatever it is.

    Returns Images (n, 3, size, size); label maps (n, size, size) uint8, numbers of `CLASSES`; and factors as
    `procedural_churches` does, whose images these are where `only` is empty. A pixel of a label map is of the class
    that covers its centre. Many are rendered once and then come from the cache folder, as a memory map.
    Raises DataError for n, size or seed out of range, an unknown factor or value.
    """
    import torch

    allowed = _allowed(only)
    both = torch.from_numpy(pictures(n, size, seed, allowed))
    images = Images(both[:, :3], name=f"churches-v{VERSION}-{size}px-seed{seed}{_said(allowed)}")
    return images, both[:, 3], factor_table(n, seed, allowed)


def church_pairs(
    n: int, before: str, after: str, size: int = 64, seed: int = 0, **only: Values
) -> tuple[AlignedPairs, Tensor, dict[str, Tensor]]:
    """n churches twice, with one factor at `before` and at `after` and all else equal: ("morning", "dusk"), ...

    before, after: two values of one factor: of "time", "weather", "stone" or "roof". Some are not aligned, because one
        of them draws random numbers that the other does not, and then every later number means something else:
        DataError says which, and what is possible. Of "clear" and "snow" night is such a case, so that it is left out.
    only: values of the other factors, as in `labelled_churches`.

    Returns the pairs; their label maps (n, size, size) uint8, which are those of both sides; and the factors of the
    side `before`. Raises DataError as `labelled_churches` does, for values of two factors, and for pairs not aligned.
    """
    name = factor_of(before, after)
    refuse_unaligned(name, before, after, _allowed(only))
    others = aligned_others(name, before, after, _allowed(only))
    a, maps, factors = labelled_churches(n, size, seed, **others | {name: (before,)})
    b, _, _ = labelled_churches(n, size, seed, **others | {name: (after,)})
    return AlignedPairs(a, b), maps, factors


def unpaired_churches(
    n: int, before: str, after: str, size: int = 64, seeds: tuple[int, int] = (1, 2), **only: Values
) -> UnalignedPairs:
    """n churches with a factor at `before` and n others with it at `after`: no church is on both sides.

    seeds: of the two sides, two different ones. Take none of them for pairs to judge with.
    before, after, only: as in `church_pairs`, and the other factors are drawn from the same values as there. Values
        whose pairs would not be aligned are welcome here: there are no pairs.

    Raises DataError as `labelled_churches` does, for values of two factors, and for equal seeds.
    """
    if len(set(seeds)) != 2:
        raise DataError(f"seeds are {seeds}, expected two different ones: equal seeds give the same churches twice.")
    name = factor_of(before, after)
    others = aligned_others(name, before, after, _allowed(only))
    sides = zip((before, after), seeds, strict=True)
    a, b = (labelled_churches(n, size, seed, **others | {name: (value,)})[0] for value, seed in sides)
    return UnalignedPairs(a, b)


def _allowed(only: dict[str, Values]) -> dict[str, tuple[str, ...]]:
    """`only` with tuples of known values, in the order of FACTORS. Raises DataError for what is unknown or empty."""
    for name in only:
        if name not in FACTORS:
            raise DataError(f"{name!r} is no factor of a church; choose from {', '.join(FACTORS)}.")
    allowed = {}
    for name, values in FACTORS.items():
        if name not in only:
            continue
        asked = (only[name],) if isinstance(only[name], str) else tuple(only[name])
        if unknown := [value for value in asked if value not in values]:
            raise DataError(f"{name} cannot be {unknown[0]!r}; choose from {', '.join(values)}.")
        if not asked:
            raise DataError(f"{name} has no value to take; choose from {', '.join(values)}, or leave it out.")
        allowed[name] = tuple(value for value in values if value in asked)
    return allowed


def _said(allowed: Only) -> str:
    """ " (dusk)", " (dusk; clear, cloudy)" for a name; "" where every church is meant."""
    return f" ({'; '.join(', '.join(values) for values in allowed.values())})" if allowed else ""
