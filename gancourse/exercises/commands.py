"""The commands of this room: `progress` and `marks`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> None:
    """Add them to the subparsers of `python -m gancourse`."""
    mine = commands.add_parser("progress", help="which exercises you have passed, and which are open")
    mine.add_argument("--file", type=Path, help="a progress file (default: yours, or $GANCOURSE_PROGRESS)")
    mine.add_argument("--all", action="store_true", help="also what is open in lessons that you have not begun")
    what = mine.add_mutually_exclusive_group()
    what.add_argument("--name", help="write your name into the file, for whoever collects it")
    what.add_argument("--reset", action="store_true", help="begin anew, once you have confirmed; a backup is kept")
    mine.add_argument("--yes", action="store_true", help="with --reset: confirmed")
    mine.set_defaults(run=_progress)

    marks = commands.add_parser("marks", help="a table of the progress files that students handed in")
    marks.add_argument("folder", type=Path, metavar="FOLDER", help="all .json files in it, and in the folders in it")
    marks.add_argument("--csv", type=Path, metavar="OUT", help="also write it for a spreadsheet")
    marks.set_defaults(run=_marks)


def _progress(options: argparse.Namespace) -> None:
    from gancourse.exercises.record import place, tables, writing

    if options.yes and not options.reset:
        raise ValueError("--yes confirms --reset, which is not there; leave it out.")
    path = options.file or place.usual()
    if options.file is None:
        _say(*writing.bring_along())
    if options.name is not None:
        _say(*writing.set_name(path, options.name))
    if not path.exists():
        if options.file:
            raise ValueError(f"there is no file {path}.")
        _say(f"No exercise has been tried yet. What you pass will be kept in {place.described(path)}.")
        return
    if options.reset:
        _reset(path, options.yes)
        return
    record = writing.read(path)
    _say(tables.of_a_student(record, options.all), "", f"Kept in {place.described(path)}.")
    if record.edited:
        _say("It was changed by something else than the checks.")
    if record.left_out:
        _say("What makes no sense in it is not counted:", *(f"  {line}" for line in record.left_out[:10]))


def _reset(path: Path, confirmed: bool) -> None:
    from gancourse.exercises.record import writing

    if not confirmed:
        if not sys.stdin.isatty():
            raise ValueError(f"--reset was not confirmed, and {path} is as it was; add --yes if you mean it.")
        print(f"Every exercise in {path} will be open again. A backup stays beside it.")
        if input("Type yes to go on: ").strip().lower() != "yes":
            _say("Nothing was changed.")
            return
    _say(f"Begun anew. What was there is kept as {writing.reset(path)}.")


def _marks(options: argparse.Namespace) -> None:
    from gancourse.exercises.record import marks
    from gancourse.files import write_atomically

    if options.csv and options.csv.suffix.lower() == ".json":
        raise ValueError(f"--csv is {options.csv}, as a student's file may be called; end it in .csv.")
    rows = marks.collect(options.folder)
    _say(marks.table(rows))
    if options.csv:
        write_atomically(options.csv, marks.as_csv(rows))
        _say(f"wrote {options.csv}")


def _say(*lines: str) -> None:
    """Print what may hold any character, to a terminal that may not know it."""
    for line in lines:
        encoding = sys.stdout.encoding or "utf-8"
        print(line.encode(encoding, "replace").decode(encoding))
