"""What stands in a progress file, and how it is read when anybody may have written it.

    {
     "format": "gancourse progress 1",
     "about": "...",
     "name": "Ada Lovelace",
     "edited": false,
     "exercises": {
      "lesson01.count_modes": {
       "status": "wrong",                         what the latest check said: "correct" or "wrong"
       "first_passed": "2026-03-01T12:00:00Z",    UTC; null as long as it was not passed
       "attempts": 3,                             checks of an answer; stubs do not count
       "version": "0.1.0"                         of gancourse: when it was first passed, until then the latest
      }
     },
     "checksum": "..."
    }

An exercise that was passed stays passed when a later attempt fails: `first_passed` stays.

The checksum tells that a file was changed by something else than the checks. It is no proof of anything: the file is
on the student's own computer, nothing is signed, and whoever reads this module can write a file that fits.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gancourse import __version__

LIMIT = 1 << 20  # bytes that a file may have; one of all exercises has some 20,000
NAME_LENGTH = 80

_KIND, _NUMBER = "gancourse progress", 1
_ABOUT = (
    "Which exercises were passed, as the checks of gancourse noted it on this computer; it is sent nowhere. "
    "The checksum shows a change by hand, and proves nothing."
)
_KEY = re.compile(r"lesson\d\d\.[A-Za-z_]\w{0,99}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_MOST_EXERCISES, _MOST_ATTEMPTS = 1_000, 1_000_000
_FIELDS = {"format", "about", "name", "edited", "exercises", "checksum"}
_ENTRY_FIELDS = {"status", "first_passed", "attempts", "version"}


class RecordError(ValueError):
    """A file is no progress file, or no whole one; the message goes on from the file's name: "it is ..."."""


class NewerFormat(RecordError):
    """A progress file of a later gancourse, which this one cannot read."""


@dataclass(frozen=True)
class Entry:
    """What is known of one exercise; the module's docstring says what each field means."""

    status: str
    first_passed: str | None
    attempts: int
    version: str

    @property
    def passed(self) -> bool:
        """Whether it was ever passed."""
        return self.first_passed is not None


@dataclass(frozen=True)
class Record:
    """What a progress file says.

    edited: something else than the checks has changed it, now or earlier. left_out: what it says that makes no sense,
    a line each; none of it is in `entries`. as_written: it is just what `written` gives for this record.
    """

    name: str = ""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    edited: bool = False
    left_out: tuple[str, ...] = ()
    as_written: bool = True


def now() -> str:
    """The time in UTC as files have it: "2026-03-01T12:00:00Z"."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clean(text: str, width: int = NAME_LENGTH) -> str:
    """A text that may be printed wherever it came from: one line, nothing invisible, at most `width` characters."""
    shown = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text[: 20 * width]))
    shown = " ".join(shown.split())
    return shown if len(shown) <= width else shown[: width - 3].rstrip() + "..."


def may_be_kept(key: str) -> bool:
    """Whether a key is of the form that exercises of lessons have; others, as those of tests, are kept nowhere."""
    return _KEY.fullmatch(key) is not None


def with_attempt(record: Record, key: str, status: str, when: str) -> Record:
    """A record with one more attempt, "correct" or "wrong"; what was passed before stays passed."""
    old = record.entries.get(key)
    passed = old is not None and old.passed
    first = old.first_passed if passed and old else when if status == "correct" else None
    version = old.version if passed and old else __version__
    entry = Entry(status, first, min((old.attempts if old else 0) + 1, _MOST_ATTEMPTS), version)
    return replace(record, entries={**record.entries, key: entry})


def merged(earlier: Record, later: Record) -> Record:
    """Two records of one student in one: attempts are added, the first pass and the latest status count."""
    entries = dict(earlier.entries)
    for key, new in later.entries.items():
        old = entries.get(key)
        if old is None:
            entries[key] = new
            continue
        passes = [one for one in (old, new) if one.passed]
        first = min(passes, key=lambda one: one.first_passed or "", default=new)
        attempts = min(old.attempts + new.attempts, _MOST_ATTEMPTS)
        entries[key] = Entry(new.status, first.first_passed, attempts, first.version)
    return Record(earlier.name or later.name, entries, earlier.edited or later.edited)


def written(record: Record) -> bytes:
    """The file of a record."""
    entries = {
        key: {"status": e.status, "first_passed": e.first_passed, "attempts": e.attempts, "version": e.version}
        for key, e in sorted(record.entries.items())
    }
    body = {
        "format": f"{_KIND} {_NUMBER}",
        "about": _ABOUT,
        "name": record.name,
        "edited": record.edited,
        "exercises": entries,
    }
    return (json.dumps({**body, "checksum": _checksum(body)}, indent=1, ensure_ascii=False) + "\n").encode()


def parse(raw: bytes) -> Record:
    """The record in a file's content, whoever wrote it.

    Raises RecordError for what is no progress file, NewerFormat for one of a later gancourse. Single entries that make
    no sense are left out, and said in `left_out`.
    """
    if len(raw) > LIMIT:
        raise RecordError(f"it has {len(raw):,} bytes, expected at most {LIMIT:,}")
    try:
        given = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_once_each)
        return _record(given)
    except UnicodeDecodeError:
        raise RecordError("it is not UTF-8 text") from None
    except RecursionError:
        raise RecordError("it is nested too deeply") from None
    except RecordError:
        raise
    except ValueError as error:  # JSON's own, and numbers with thousands of digits
        raise RecordError(f"it is no JSON ({clean(str(error))})") from None


def _record(given: Any) -> Record:
    kind = given.get("format") if isinstance(given, dict) else None
    found = re.fullmatch(rf"{_KIND} (\d{{1,6}})", kind, re.ASCII) if isinstance(kind, str) else None
    if not found:
        raise RecordError("it is no progress file of gancourse")
    if int(found[1]) != _NUMBER:
        raise NewerFormat(f"it is of another gancourse (its format is {found[1]}, here it is {_NUMBER})")
    exercises = given.get("exercises")
    if not isinstance(exercises, dict):
        raise RecordError(f"its exercises are {_kind(exercises)}, expected an object")
    if len(exercises) > _MOST_EXERCISES:
        raise RecordError(f"it has {len(exercises):,} exercises, expected at most {_MOST_EXERCISES:,}")
    left_out = [f"the field {clean(name, 40)!r} is none of a progress file" for name in given.keys() - _FIELDS]
    entries = {}
    for key, value in exercises.items():
        if wrong := _wrong(key, value):
            left_out.append(f"{clean(key, 60)!r}: {wrong}")
        else:
            entries[key] = Entry(**value)
    name = given.get("name", "")
    if not isinstance(name, str):
        left_out.append(f"the name is {_kind(name)}, expected a text")
        name = ""
    fits = given.get("checksum") == _checksum({field: value for field, value in given.items() if field != "checksum"})
    edited = not fits or given.get("edited") is not False
    return Record(clean(name), entries, edited, tuple(sorted(left_out)), fits and not left_out)


def _wrong(key: str, value: Any) -> str:
    """What is wrong with an entry of a file; "" if nothing is."""
    if not may_be_kept(key):
        return "expected a key such as lesson01.count_modes"
    if not isinstance(value, dict) or value.keys() != _ENTRY_FIELDS:
        fields = sorted(clean(name, 20) for name in list(value)[:6]) if isinstance(value, dict) else _kind(value)
        return f"it has {fields}, expected {sorted(_ENTRY_FIELDS)}"
    status, first, attempts, version = (value[name] for name in ("status", "first_passed", "attempts", "version"))
    if status not in ("correct", "wrong"):
        return f"status is {_kind(status)}, expected 'correct' or 'wrong'"
    if first is not None and not _is_time(first):
        return f"first_passed is {_kind(first)}, expected null or a time such as 2026-03-01T12:00:00Z"
    if status == "correct" and first is None:
        return "status is 'correct' and first_passed is null, expected a time"
    if type(attempts) is not int or not 1 <= attempts <= _MOST_ATTEMPTS:
        return f"attempts is {_kind(attempts)}, expected a whole number from 1 to {_MOST_ATTEMPTS:,}"
    if not isinstance(version, str) or clean(version, 40) != version:
        return f"version is {_kind(version)}, expected one such as {__version__}"
    return ""


def _is_time(value: Any) -> bool:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _kind(value: Any) -> str:
    """A value in a few characters, whatever it is."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "null" if value is None else clean(repr(value) if isinstance(value, str) else str(value), 40)


def _checksum(body: Mapping[str, Any]) -> str:
    """SHA-256 of the content, however it is laid out."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _no_number(text: str) -> Any:
    raise RecordError(f"it has {text}, which is no number of JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RecordError(f"it says {clean(name, 40)!r} twice")
        found[name] = value
    return found
