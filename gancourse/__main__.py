"""`python -m gancourse`: the course without a notebook, for long runs and for making what the package ships.

Each room brings its own commands; this module gathers them, and says what went wrong in one line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from gancourse import stopping

if __name__ == "__main__":
    stopping.from_here()  # before what a command loads, which takes seconds

ROOMS = {  # whose commands these are; a command loads its own room alone, so that `check` needs no torch
    "exercises": ("progress", "marks"),
    "course": ("train", "enlarge", "reproduce", "claims"),
    "data": ("fetch", "pack-mnist"),
    "models": ("features",),
    "evaluation": (
        *("evaluate", "compare", "train-classifier"),
        *("train-church-reader", "train-church-segmenter", "train-window-reader"),
    ),
    "publishing": (
        *("sync", "check", "course", "refresh", "plans", "html", "slides"),
        *("editions", "lab", "readme", "banner", "pictures", "ship", "record-help"),
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for an error that is explained, 130 when you stopped it."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt as stop:
        if not stop.args:  # nobody has said it yet
            print("stopped", file=sys.stderr)
        return 130
    except OSError as error:
        print(
            f"error: {error}. What was written before is whole; free space or choose another folder.",
            file=sys.stderr,
        )
        return 1
    except (RuntimeError, ValueError) as error:
        if not type(error).__module__.startswith("gancourse") and type(error) is not ValueError:
            raise  # nothing that we foresaw: the traceback is what helps
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(words: list[str]) -> int:
    if not _rooms(words) or {"-h", "--help"} & set(words):  # a question, or no command at all: answered at once
        from gancourse.publishing.recorded_help import replay

        _parser(_rooms(words), replay).parse_known_args(words)
    parser = _parser(_rooms(words), _add_commands)
    options, rest = parser.parse_known_args(words)
    if rest and not getattr(options, "passes_on", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options.run(options) or 0


def _rooms(words: list[str]) -> list[str]:
    """The room of the command that comes first; none for anything else."""
    return [room for room, names in ROOMS.items() if words and words[0] in names]


def _parser(rooms: list[str], add: Callable[[str, Any], None]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gancourse", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for room in rooms or ROOMS:
        add(room, commands)
    return parser


def _add_commands(room: str, commands: Any) -> None:
    import_module(f"gancourse.{room}.commands").add_commands(commands)


if __name__ == "__main__":
    stopping.program(main)
