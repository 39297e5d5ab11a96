"""Which two pictures of a church show the same scene: what a factor may change, and when the random numbers line up.

A church is drawn from one stream of random numbers. Its factors come first, one number each, so that another value
changes none of the others; but some values then draw numbers that others do not: stars on a clear night, the height of
a low sun. From there on every number means something else, clouds, camera and church, and the two pictures show two
places. Pairs are aligned where both sides draw equally many, and where the factor moves nothing.
"""

from __future__ import annotations

from itertools import combinations

from gancourse.data.churches.dataset import FACTORS, Only
from gancourse.data.churches.scenery import LOW_SUN, STARS
from gancourse.data.images import DataError

# Factors that move nothing, and the classes of the label map whose pixels they may change.
EVERYTHING = ("everything",)
MAY_CHANGE: dict[str, tuple[str, ...]] = {
    "time": EVERYTHING,
    "weather": EVERYTHING,
    "stone": ("wall", "top"),  # battlements are of stone
    "roof": ("roof", "top"),
}
MOVES = {  # and why the others are refused
    "plan": "it is another building",
    "top": "a higher tower makes the whole church smaller, so that it fits into the picture",
    "windows": "the openings have other outlines",
    "trees": "each kind draws random numbers of its own",
    "turned": "the church is seen from the other side",
    "sun": "shadows fall to the other side",
}


def extra_draws(time: str, weather: str) -> dict[str, int]:
    """What a time and a weather draw beyond what every church draws, before it is built: reason -> random numbers."""
    draws = {"the height of a low sun": int(time in LOW_SUN)}
    draws["stars"] = 3 * STARS.get(weather, 0) if time == "night" else 0
    return draws


def factor_of(before: str, after: str) -> str:
    """The factor that both are values of. Raises DataError for unknown values, equal ones, and those of two factors."""
    for value in (before, after):
        if not any(value in values for values in FACTORS.values()):
            said = "; ".join(f"{name}: {', '.join(FACTORS[name])}" for name in MAY_CHANGE)
            raise DataError(f"{value!r} is no value of a church's factor; choose two of one of these. {said}.")
    found = [name for name, values in FACTORS.items() if before in values and after in values]
    if not found:
        one, other = (next(n for n, values in FACTORS.items() if v in values) for v in (before, after))
        raise DataError(
            f"{before!r} is a value of {one}, {after!r} one of {other}: a pair differs in one factor. Keep the other "
            f"one as it is, by {one}={before!r} or {other}={after!r}."
        )
    if before == after:
        raise DataError(f"before and after are both {before!r}; choose another value of {found[0]}.")
    return found[0]


def aligned_others(name: str, before: str, after: str, only: Only) -> dict[str, tuple[str, ...]]:
    """`only` without those values of time or weather that would put this change out of line; as it is, where all do.

    Raises DataError where `only` holds the factor itself.
    """
    if name in only:
        raise DataError(f"{name} is what the two sides differ in, {before} and {after}; leave {name}= out.")
    others = {n: tuple(values) for n, values in only.items()}
    if name not in ("time", "weather"):
        return others
    other = "weather" if name == "time" else "time"
    every = others.get(other, FACTORS[other])
    fitting = tuple(value for value in every if not _difference(name, before, after, value))
    return others if fitting in ((), every) else others | {other: fitting}


def refuse_unaligned(name: str, before: str, after: str, only: Only) -> None:
    """Raises DataError where no church has an aligned pair of these values, saying why and what is possible."""
    if name not in MAY_CHANGE:
        raise DataError(
            f"churches {before} and {after} are not aligned: {name} moves what is drawn ({MOVES[name]}). Aligned "
            f"pairs differ in {', '.join(MAY_CHANGE)}."
        )
    if name not in ("time", "weather"):
        return
    other = "weather" if name == "time" else "time"
    every = tuple(only.get(other, FACTORS[other]))
    found = [_difference(name, before, after, value) for value in every]
    if not all(found):
        return
    where = f" with {other} {' or '.join(every)}" if other in only else ""
    raise DataError(
        f"{before} and {after} are not aligned{where}: {found[0]}, and from there on every random number means "
        f"something else, so that the two pictures show two places. Aligned{where}: {_possible(name, every)}."
    )


def _difference(name: str, before: str, after: str, other: str) -> str:
    """Why a change is out of line where the other one of time and weather has this value; "" where it is aligned."""
    first, second = (
        extra_draws(value, other) if name == "time" else extra_draws(other, value) for value in (before, after)
    )
    for what in first:
        if first[what] != second[what]:
            return f"{before} draws {first[what]} random numbers for {what}, {after} {second[what]}"
    return ""


def _possible(name: str, others: tuple[str, ...]) -> str:
    """The aligned changes of a factor, in groups: "morning and dusk; noon and night (where it is fog)"."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for before, after in combinations(FACTORS[name], 2):
        if fitting := tuple(value for value in others if not _difference(name, before, after, value)):
            groups.setdefault(fitting, []).append(f"{before} and {after}")
    said = [
        ", ".join(pairs) + ("" if fitting == others else f" (where it is {', '.join(fitting)})")
        for fitting, pairs in groups.items()
    ]
    return "; ".join(said)
