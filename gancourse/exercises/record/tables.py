"""Texts of a record: one exercise in a line, all lessons in a table, and tables that line up in a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from gancourse.exercises.record.catalogue import Listed, ListedLesson, catalogue, known
from gancourse.exercises.record.form import Entry, Record


def passed(lesson: ListedLesson, entries: Mapping[str, Entry]) -> int:
    """How many exercises of a lesson were passed; what the lesson does not have does not count."""
    return sum(one.key in entries and entries[one.key].passed for one in lesson.exercises)


def tried(lesson: ListedLesson, entries: Mapping[str, Entry]) -> int:
    """How many exercises of a lesson were tried and never passed."""
    return sum(one.key in entries and not entries[one.key].passed for one in lesson.exercises)


def line(one: Listed, entry: Entry | None) -> str:
    """How one exercise stands."""
    if entry is None or not entry.passed:
        return f"open: {task(one, entry)}"
    failed = " (the latest attempt was not correct; passed stays passed)" if entry.status == "wrong" else ""
    return f"passed: {one.title}{failed}"


def task(one: Listed, entry: Entry | None) -> str:
    """An open exercise: its title, how hard it is, its minutes, and how often it was tried."""
    return f"{one}, tried {times(entry.attempts)}".rstrip() if entry else str(one)


def of_a_student(record: Record, everything: bool = False) -> str:
    """A table of all lessons, and below it what is open in those that were begun and in the first that was not.

    everything: what is open in the others, too.
    """
    entries = record.entries
    counts = {number: (passed(one, entries), tried(one, entries)) for number, one in catalogue().items()}
    rows = [["lesson", "passed", "tried", "open"]]
    for number, lesson in catalogue().items():
        (n, m), all_of_it = counts[number], len(lesson.exercises)
        rows.append([f"{number} {lesson.about}", f"{n} of {all_of_it}", str(m), str(all_of_it - n)])
    n, m = (sum(column) for column in zip(*counts.values(), strict=True))
    head = f"{n} of {len(known())} exercises passed" + (f", {m} more tried" if m else "")
    lines = [f"{record.name}: {head}" if record.name else head, "", aligned(rows, "<>>>")]

    fresh = [number for number, count in counts.items() if count == (0, 0)]
    later = [] if everything else fresh[1:]
    for number, lesson in catalogue().items():
        left = [one for one in lesson.exercises if one.key not in entries or not entries[one.key].passed]
        if left and number not in later:
            lines += ["", f"Open in {number}", *(f"  {task(one, entries.get(one.key))}" for one in left)]
    notes = []
    if later:
        notes.append(f"With --all, those of {', '.join(later)} too.")
    if failed := sum(one.passed and one.status == "wrong" for one in entries.values()):
        notes.append(f"Passed stays passed: the latest attempt at {failed} of them was not correct.")
    if strange := sorted(entries.keys() - known().keys()):
        notes.append(f"Not counted, because this version of the course has no such exercise: {few(strange)}.")
    return "\n".join([*lines, *([""] if notes else []), *notes])


def few(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def times(n: int) -> str:
    """ "once", "twice", "3 times"; "" for 0, which stands for a number that nobody has counted."""
    return {0: "", 1: "once", 2: "twice"}.get(n, f"{n} times")


def aligned(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Rows of cells as a table. sides: a character a column, "<" or ">" for where its cells stand."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(sides))]
    lines = []
    for row in rows:
        cells = []
        for cell, side, wide in zip(row, sides, widths, strict=True):
            space = " " * (wide - width(cell))
            cells.append(cell + space if side == "<" else space + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese, Japanese and Korean characters take two, accents none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
