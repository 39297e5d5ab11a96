"""The exercises of the course, one module per notebook: `from gancourse.exercises import lesson01 as ex`.

Every exercise has `.check(answer)`, `.hint()` and `.solution()`; `gancourse.exercises.checking.engine` says how they
work. What was passed is kept in a file on the student's computer: `gancourse.exercises.record`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gancourse.exercises.checking.engine import Note


def progress(lesson: str | int, file: str | Path | None = None) -> Note:
    """What of a lesson's exercises is passed and what is open, for the end of its notebook: `progress("12")`.

    file: a progress file; None: the one that the checks here write into, if they do, and what they said in this
    session. Raises ValueError for a lesson that has no exercises.
    """
    from gancourse.exercises.record.note import note_of

    return note_of(lesson, file)
