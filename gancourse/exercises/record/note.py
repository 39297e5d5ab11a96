"""The note at a notebook's end: what of its lesson is passed and what is open."""

from __future__ import annotations

from pathlib import Path

from gancourse.exercises.checking import engine
from gancourse.exercises.record import place, writing
from gancourse.exercises.record.catalogue import catalogue, number_of
from gancourse.exercises.record.form import Entry, RecordError, clean
from gancourse.exercises.record.tables import line, passed

_BARS = {True: "#2a9d6f", False: "#888888"}  # all passed, or not yet


def note_of(lesson: str | int, file: str | Path | None = None) -> engine.Note:
    """How a lesson's exercises stand, in the file and in this session. Raises ValueError for no lesson with exercises.

    file: None for the one that checks of this session write into. Where they write into none, as when a program runs
    the notebook, only the session counts, so that what is printed does not depend on who has worked on the machine.
    """
    number = number_of(lesson)
    exercises = catalogue()[number].exercises
    entries, where = _kept(file)
    for one in exercises:
        status = engine.results.get(one.key, "not attempted")
        if one.key not in entries and status != "not attempted":
            entries[one.key] = Entry(status, "now" if status == "correct" else None, 0, "")
    if not any(one.key in entries for one in exercises):
        has = f"It has {len(exercises)}; `python -m gancourse progress` shows what is open."
        return engine.Note(f"Lesson {number}: no exercise has been tried here yet", "\n".join([has, *where]))
    n = passed(catalogue()[number], entries)
    lines = [line(one, entries.get(one.key)) for one in exercises]
    heading = f"Lesson {number}: {n} of {len(exercises)} exercises passed"
    return engine.Note(heading, "\n".join([*lines, *where]), _BARS[n == len(exercises)])


def _kept(file: str | Path | None) -> tuple[dict[str, Entry], list[str]]:
    """What is in the file, and a line that says where that is, or why there is nothing; no line where that is usual."""
    try:
        path = place.of_checks() if file is None else Path(file)
        if path is None:
            return {}, []
        return dict(writing.read(path).entries), [f"Kept in {place.described(path)}."]
    except FileNotFoundError:
        return {}, [] if file is None else [f"There is no file {file}."]
    except (OSError, RecordError, RuntimeError) as error:
        return {}, [clean(str(error), 300)]
