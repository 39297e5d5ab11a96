"""One place for a setting: a dataclass field with its default, its meaning and its range.

`setting` makes such a field. From it come the check of its value, the option of the command line with its help, and the
words of the command that a card prints.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, field, fields
from typing import Any


def setting(
    default: Any,
    about: str,
    allowed: Callable[[Any], bool],
    expected: str,
    *,
    option: str = "",
    choices: Sequence[str] = (),
    kind: Callable[[str], Any] = str,
    many: str = "",
) -> Any:
    """A field of a class of settings.

    about: what it means; the command line's help. allowed, expected: which values it takes, and that in words.
    option: the flag that takes a True off, where the default is True ("--plain"). choices: of a text. kind: what makes
    a value of a word. many: "2" or "+" words, which become a tuple.
    """
    data = {"about": about, "allowed": allowed, "expected": expected, "option": option}
    return field(default=default, metadata=data | {"choices": tuple(choices), "kind": kind, "many": many})


def check(settings: Any) -> None:
    """Raise ValueError for the first field whose value is not allowed, naming it, its value and what was expected."""
    for one in fields(settings):
        value = getattr(settings, one.name)
        if not one.metadata["allowed"](value):
            raise ValueError(f"{one.name} is {value!r}, expected {one.metadata['expected']}.")


# --- ranges ----------------------------------------------------------------------------------------------------------


def whole(low: int, high: int | None = None) -> Callable[[Any], bool]:
    """Whole numbers from low to high."""
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v and (high is None or v <= high)


def number(inside: Callable[[float], bool]) -> Callable[[Any], bool]:
    """Finite numbers of which `inside` holds."""
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and inside(v)


def one_of(names: Sequence[str]) -> Callable[[Any], bool]:
    """One of the names."""
    return lambda v: isinstance(v, str) and v in names


def switch(value: Any) -> bool:
    """True or False."""
    return isinstance(value, bool)


# --- fields that several classes of settings have ---------------------------------------------------------------------


def choice(default: str, about: str, names: Sequence[str]) -> Any:
    """A field: one of the names."""
    return setting(default, about, one_of(names), f"one of {', '.join(names)}", choices=names)


def own_rate(network: str) -> Any:
    """A field: the learning rate of one network alone, None for that of the run."""
    return setting(
        None,
        f"{network}'s learning rate, where it is not lr",
        lambda v: v is None or number(lambda rate: rate > 0)(v),
        "a positive number such as 2e-4, or None",
        kind=float,
    )


def falling() -> Any:
    """A field: whether the learning rates fall."""
    about = "rates fall linearly, epoch by epoch, from their full value in the first to 0 after the last"
    return setting(False, about, switch, "True or False")


def amount(about: str, such_as: str = "") -> Any:
    """A field: how much of something that is added, none by default; `such_as` is an example for the message."""
    expected = "0 (none) or a positive number" + f" such as {such_as}" * bool(such_as)
    return setting(0.0, about, number(lambda v: v >= 0), expected, kind=float)


def part_of_batch(about: str) -> Any:
    """A field: a share in (0, 1], all of a batch by default."""
    return setting(1.0, about, number(lambda v: 0 < v <= 1), "above 0 and at most 1, such as 0.25", kind=float)


# --- the command line ------------------------------------------------------------------------------------------------


def flag(one: Field[Any]) -> str:
    """The option of a field: "--batch-size"."""
    return one.metadata["option"] or f"--{one.name.replace('_', '-')}"


def add_arguments(parser: Any, settings: type, without: Sequence[str] = ()) -> None:
    """An option for each field of a class of settings, to a parser or a group of one; what is not said is absent."""
    for one in fields(settings):
        if one.name in without:
            continue
        about = one.metadata
        if isinstance(one.default, bool):
            action = "store_false" if one.default else "store_true"
            parser.add_argument(flag(one), dest=one.name, action=action, help=about["about"], default=argparse.SUPPRESS)
            continue
        shown = " ".join(map(str, one.default)) if isinstance(one.default, tuple) else one.default
        words: dict[str, Any] = {"type": about["kind"], "default": argparse.SUPPRESS}
        if about["choices"] and not about["many"]:
            words["choices"] = about["choices"]
        if about["many"]:
            words["nargs"] = int(about["many"]) if about["many"].isdigit() else about["many"]
        unset = one.default in (None, (), "") or one.default == 0
        parser.add_argument(flag(one), dest=one.name, help=about["about"] + (f" ({shown})" * (not unset)), **words)


def values(options: argparse.Namespace, settings: type, without: Sequence[str] = ()) -> dict[str, Any]:
    """What the command line said of the fields; those that it did not mention are left out."""
    said = vars(options)
    found = {one.name: said[one.name] for one in fields(settings) if one.name in said and one.name not in without}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def words(
    given: Mapping[str, Any], settings: type, without: Sequence[str] = (), usual: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """The options that give a class of settings these values; what is as usual, or at its default, is left out."""
    for one in fields(settings):
        if one.name in without or one.name not in given:
            continue
        value = tuple(given[one.name]) if isinstance(given[one.name], list) else given[one.name]
        if value == (usual or {}).get(one.name, one.default):
            continue
        if isinstance(one.default, bool):
            yield flag(one)
        else:
            yield f"{flag(one)} {' '.join(map(str, value)) if isinstance(value, tuple) else value}"
