"""The progress file is written: by the checks, one attempt at a time, and by `python -m gancourse progress`.

A check neither fails nor waits for long because of its file. What could not be written stays in memory, and goes along
with the next attempt, or when the kernel ends. Several processes may write at once: each reads the file anew, adds what
is its own, and replaces the file, under a lock. What is there and makes no sense is never overwritten: it is kept under
another name, and that is said.
"""

from __future__ import annotations

import atexit
import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from gancourse.exercises.record import place
from gancourse.exercises.record.form import (
    LIMIT,
    NewerFormat,
    Record,
    RecordError,
    clean,
    may_be_kept,
    merged,
    now,
    parse,
    with_attempt,
    written,
)
from gancourse.files import NO_LOCKS, read_at_most, write_atomically

WAIT = 1.0  # seconds that a check may wait for another process that writes
PATIENCE = 10.0  # the same for a command

_one = threading.Lock()
_pending: list[tuple[str, str, str]] = []  # attempts that are in no file yet: key, status, when
_last: list[Path] = []  # the file that they are for
_said: set[str] = set()  # what the student was told in this session: once is enough
_BUSY = "Another program is writing the progress file: this attempt goes along with the next one."


class Busy(RuntimeError):
    """Another process holds the file."""


def note_attempt(key: str, status: str) -> str:
    """Keep what a check has found of an exercise; returns what the student must be told of it, mostly nothing.

    status: "correct", "wrong", or "not attempted", of which nothing is kept. Raises nothing.
    """
    if status == "not attempted" or not may_be_kept(key):
        return ""
    try:
        path = place.of_checks()
        if path is None:
            return ""
        with _one:
            _pending.append((key, status, now()))
            _last[:] = [path]
            begun = [_kept_in(path)] if place.in_colab() or not path.exists() else []
            told = [*bring_along(), *_flush(path, 0 if _BUSY in _said else WAIT), *begun]
            _said.discard(_BUSY)
    except Busy:
        told = [_BUSY]
    except Exception as error:
        told = [f"This attempt is in no progress file yet: {clean(str(error), 300)}. The next check tries again."]
    new = [line for line in dict.fromkeys(told) if line not in _said]
    _said.update(new)
    return "\n".join(new)


def _kept_in(path: Path) -> str:
    shown = "`!python -m gancourse progress` in a cell" if place.in_colab() else "`python -m gancourse progress`"
    return f"What you have passed is kept in {place.described(path)}. To see it: {shown}."


def _flush(path: Path, wait: float) -> list[str]:
    def with_all(record: Record) -> Record:
        for attempt in _pending:
            record = with_attempt(record, *attempt)
        return record

    told = change(path, with_all, wait)
    _pending.clear()
    return told


@atexit.register
def _at_exit() -> None:
    with suppress(Exception), _one:
        if _pending:
            _flush(_last[0], WAIT)


def read(path: Path) -> Record:
    """The record in a file. Raises OSError, RecordError for what is no progress file, with the file's name."""
    try:
        return parse(read_at_most(path, LIMIT))
    except RecordError as error:
        raise type(error)(f"{path} cannot be read: {error}.") from None


def change(path: Path, how: Callable[[Record], Record], wait: float = PATIENCE) -> list[str]:
    """Replace the record in a file by how(record), as one step for all processes; returns what must be told.

    A file that cannot be read is first kept under another name, and one that was changed by hand copied there. Raises
    OSError, Busy where another process keeps the file for longer than `wait` seconds, NewerFormat.
    """
    path = Path(os.path.realpath(path))  # what a link leads to, and not the link, is replaced
    with _locked(path, wait):
        record, told = _standing(path)
        write_atomically(path, written(how(record)))
    return told


def _standing(path: Path) -> tuple[Record, list[str]]:
    """What is in the file, once everything in it that would be lost has been kept elsewhere."""
    try:
        raw = read_at_most(path, LIMIT)
        record = parse(raw)
    except FileNotFoundError:
        return Record(), []
    except NewerFormat as error:
        raise NewerFormat(f"{path} is left as it is, because {error}; update gancourse") from None
    except (RecordError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EFBIG:
            raise
        why = str(error) if isinstance(error, RecordError) else "it is far too large"
        kept = _other_name(path, "broken")
        os.replace(path, kept)
        return Record(), [f"{path} could not be read ({why}). It is kept as {kept.name}, and a new file is begun."]
    if record.as_written:
        return record, []
    kept = _other_name(path, "edited")
    write_atomically(kept, raw)
    return record, [f"{path} was changed by something else than the checks. As it was, it is kept as {kept.name}."]


def bring_along() -> list[str]:
    """In Colab, take what the runtime had noted before the Drive was mounted into the Drive's file."""
    old = place.left_in_the_runtime()
    if old is None:
        return []
    with _locked(old, WAIT):
        if not old.exists():  # another kernel was faster
            return []
        earlier, told = _standing(old)
        if old.exists():
            told += change(place.usual(), lambda record: merged(record, earlier), WAIT)
            os.replace(old, _other_name(old, "moved"))
    return told


def set_name(path: Path, name: str) -> list[str]:
    """Write the student's name into a file; returns what must be told. Raises ValueError for no name, as `change`."""
    if not clean(name):
        raise ValueError(f"the name is {name!r}, expected one with letters in it.")
    return change(path, lambda record: replace(record, name=clean(name)))


def reset(path: Path) -> Path:
    """Begin anew: keep the file under another name, which is returned, and leave one with the name alone.

    Raises OSError, Busy as `change`.
    """
    path = Path(os.path.realpath(path))
    with _locked(path, PATIENCE):
        name = ""
        with suppress(RecordError):
            name = read(path).name
        kept = _other_name(path, "before-reset")
        os.replace(path, kept)
        write_atomically(path, written(Record(name)))
    return kept


def _other_name(path: Path, why: str) -> Path:
    """A name that is free, beside a file, and does not end in .json."""
    stem = f"{path.name}.{why}-{now().replace(':', '')}"
    names = (path.with_name(f"{stem}{end}") for end in ("", *(f"-{n}" for n in range(2, 1_000))))
    return next(name for name in names if not name.exists())


@contextmanager
def _locked(path: Path, wait: float) -> Iterator[None]:
    """One process at a time. A file system that knows no locks is trusted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise Busy(f"another program is writing {path}; try again when it has ended.") from None
    except NotImplementedError:
        pass
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        yield
    finally:
        lock.release()
