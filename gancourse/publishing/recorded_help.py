"""What `--help` answers, kept in assets/help.json: the commands' options are made from settings, whose modules load
torch, which takes two seconds.

`record` runs each room's `add_commands` against a parser that only takes notes; `replay` does the same calls on a real
one. A test compares the two, so that the file cannot fall behind; `python -m gancourse record-help` writes it anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from gancourse.files import write_atomically

_PACKAGE = Path(__file__).parents[1]
PATH = _PACKAGE / "assets" / "help.json"
_FORMATTERS = ("RawDescriptionHelpFormatter",)


class Notes:
    """In a parser's place: keeps each call as [method, arguments, options, calls of what it gave]."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []

    def __getattr__(self, method: str) -> Callable[..., Notes]:
        def call(*arguments: Any, **options: Any) -> Notes:
            given = Notes()
            if method != "set_defaults":  # what a command runs: no matter for its help
                kept = {name: _plain(value) for name, value in options.items() if name != "type"}
                self.calls.append([method, list(arguments), kept, given.calls])
            return given

        return call


def _plain(value: Any) -> Any:
    """The value as JSON has it, which is what help shows of it."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, list | tuple | dict):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def record() -> str:
    """The text of the file: room -> the calls of its `add_commands`. Loads every room that brings commands."""
    calls = {}
    for path in sorted(_PACKAGE.glob("*/commands.py")):
        notes = Notes()
        import_module(f"gancourse.{path.parent.name}.commands").add_commands(notes)
        calls[path.parent.name] = notes.calls
    return json.dumps(calls, indent=0, ensure_ascii=False) + "\n"


def write(text: str) -> None:
    """Keep what `record` gave. Raises OSError."""
    write_atomically(PATH, text.encode())


def replay(room: str, commands: Any) -> None:
    """Add a room's commands, as they were recorded, to the subparsers: for their help and for nothing else."""
    _call(commands, json.loads(PATH.read_text(encoding="utf-8"))[room])


def _call(target: Any, calls: list[list[Any]]) -> None:
    for method, arguments, options, inner in calls:
        if options.get("formatter_class") in _FORMATTERS:
            options["formatter_class"] = getattr(argparse, options["formatter_class"])
        if isinstance(options.get("metavar"), list):
            options["metavar"] = tuple(options["metavar"])  # a name for each word; argparse knows them by their type
        _call(getattr(target, method)(*arguments, **options), inner)
