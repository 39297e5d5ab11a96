"""The progress files of a class in one table: `python -m gancourse marks FOLDER`.

Anybody may have written what lies in the folder. A file that is no progress file is listed with the reason and not
counted; entries that make no sense are not counted, and said; what the checksum shows is said too. None of this is
proof: files are kept on the students' own computers, unsigned, and can be made up (`gancourse.exercises.record.form`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gancourse.exercises.record.catalogue import catalogue, known
from gancourse.exercises.record.form import LIMIT, Record, RecordError, clean, parse
from gancourse.exercises.record.tables import aligned, few, passed
from gancourse.files import read_at_most

NO_PROOF = (
    "These files come from the students' own computers and are not signed. The checksum shows a careless change by "
    "hand; it proves nothing."
)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet may take for the beginning of one


@dataclass
class Row:
    """One file of a folder.

    file: its name from the folder on, fit to print. record: None where it cannot be read. remarks: what to know of it.
    namesake: another file has the same student's name.
    """

    file: str
    record: Record | None
    remarks: list[str] = field(default_factory=list)
    namesake: bool = False

    @property
    def student(self) -> str:
        """The name in the file, with the file's own where two have it, and that alone where there is none."""
        name = self.record.name if self.record else ""
        return f"{clean(name, 40)} ({clean(self.file, 40)})" if self.namesake else name or self.file

    def passed(self) -> list[int]:
        """How many exercises of each lesson were passed."""
        return [passed(lesson, self.record.entries) for lesson in catalogue().values()] if self.record else []


def collect(folder: str | Path) -> list[Row]:
    """The rows of all .json files in a folder and those in it, sorted by student; hidden ones are left out.

    Raises ValueError where there is no such folder or no such file in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give the one that holds the students' progress files.")
    rows = [_row(path, folder) for path in _files(folder)]
    if not rows:
        raise ValueError(f"no file in {folder} ends in .json; progress files do, such as progress.json.")
    _same_names(rows)
    _same_times(rows)
    return sorted(rows, key=lambda row: (row.record is None, row.student.casefold(), row.file))


def _files(folder: Path) -> Iterator[Path]:
    for place, inner, names in os.walk(folder):  # links to folders are not followed
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        yield from (
            Path(place, name) for name in sorted(names) if name.lower().endswith(".json") and not name.startswith(".")
        )


def _row(path: Path, folder: Path) -> Row:
    row = Row(clean(path.relative_to(folder).as_posix(), 300), None)
    try:
        if path.is_symlink():
            raise RecordError("it is a link")
        row.record = parse(read_at_most(path, LIMIT))
    except RecordError as error:
        row.remarks.append(str(error))
        return row
    except OSError as error:
        row.remarks.append(f"it cannot be read ({clean(error.strerror or str(error), 100)})")
        return row
    if row.record.edited:
        row.remarks.append("changed by something else than the checks")
    if row.record.left_out:
        row.remarks.append(f"not counted: {few(row.record.left_out, 3)}")
    if strange := sorted(row.record.entries.keys() - known().keys()):
        row.remarks.append(f"not counted, since this version of the course has no such exercise: {few(strange, 3)}")
    return row


def _same_names(rows: list[Row]) -> None:
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        if row.record and row.record.name:
            by_name.setdefault(row.record.name.casefold(), []).append(row)
    for same in by_name.values():
        for row in same if len(same) > 1 else ():
            row.namesake = True
            row.remarks.append(f"the same name as in {few([one.file for one in same if one is not row], 3)}")


def _same_times(rows: list[Row]) -> None:
    """Two students do not pass an exercise in the same second, and the next one again; a copied file has."""
    by_times: dict[frozenset[tuple[str, str]], list[Row]] = {}
    for row in rows:
        entries = row.record.entries if row.record else {}
        times = frozenset((key, entry.first_passed) for key, entry in entries.items() if entry.first_passed)
        if times:
            by_times.setdefault(times, []).append(row)
    for same in by_times.values():
        for row in same if len(same) > 1 else ():
            row.remarks.append(f"passed in the same seconds as {few([one.file for one in same if one is not row], 3)}")


def table(rows: list[Row]) -> str:
    """All rows for a terminal: a student a line, a lesson a column, and below it the remarks."""
    sizes = [len(lesson.exercises) for lesson in catalogue().values()]
    lines = [["student", *catalogue(), "passed", ""]]
    for row in rows:
        if row.record:
            counts = row.passed()
            cells = [f"{n}/{size}" if n else "-" for n, size in zip(counts, sizes, strict=True)]
            lines.append([clean(row.student, 85), *cells, f"{sum(counts)}/{sum(sizes)}", "*" if row.remarks else ""])
    text = [aligned(lines, "<" + ">" * (len(sizes) + 1) + "<")] if len(lines) > 1 else []
    noted = [row for row in rows if row.record and row.remarks]
    for heading, some in (("* Look at:", noted), ("Not counted:", [row for row in rows if not row.record])):
        if some:
            text += ["", heading, *(f"  {row.file}: {'; '.join(row.remarks)}" for row in some)]
    return "\n".join([*text, "", NO_PROOF]).lstrip("\n")


def as_csv(rows: list[Row]) -> bytes:
    """The same for a spreadsheet, numbers as numbers; files that were not counted have none.

    UTF-8 with a mark at its beginning, by which spreadsheets know it. A text that one could take for a formula has an
    apostrophe in front.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    heads = [f"{number} (of {len(lesson.exercises)})" for number, lesson in catalogue().items()]
    writer.writerow(["student", "file", *heads, f"passed (of {len(known())})", "remarks"])
    for row in rows:
        counts: list[int | str] = [*row.passed()] or [""] * len(heads)
        total = sum(row.passed()) if row.record else ""
        name = row.record.name if row.record else ""
        writer.writerow([_harmless(name), _harmless(row.file), *counts, total, _harmless("; ".join(row.remarks))])
    return out.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
