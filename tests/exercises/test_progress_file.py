"""What stands in a progress file, and what is made of one that anybody may have written."""

import json
import math

import pytest

from gancourse.exercises.record import form
from gancourse.exercises.record.form import Entry, NewerFormat, Record, RecordError

ONE, TWO = "lesson01.count_modes", "lesson02.r1"
NOON, LATER = "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z"


def recorded(*attempts, name="Ada"):
    record = Record(name)
    for attempt in attempts:
        record = form.with_attempt(record, *attempt)
    return record


def changed(record, change):
    """The file of a record after somebody has edited it; `change` gets what it holds."""
    content = json.loads(form.written(record))
    change(content)
    return json.dumps(content).encode()


def test_what_is_written_is_read_again():
    record = recorded((ONE, "wrong", NOON), (ONE, "correct", LATER), (TWO, "wrong", LATER), name="Ada Lovelace 小林")
    assert form.parse(form.written(record)) == record
    assert record.entries[ONE] == Entry("correct", LATER, 2, form.__version__)
    assert record.entries[TWO] == Entry("wrong", None, 1, form.__version__)
    assert "小林" in form.written(record).decode()


def test_what_was_passed_stays_passed_with_the_time_and_the_version_of_the_first_pass(monkeypatch):
    record = recorded((ONE, "correct", NOON))
    monkeypatch.setattr(form, "__version__", "9.9")
    later = form.with_attempt(form.with_attempt(record, ONE, "wrong", LATER), TWO, "wrong", LATER)
    assert later.entries[ONE] == Entry("wrong", NOON, 2, record.entries[ONE].version) and later.entries[ONE].passed
    assert later.entries[TWO].version == "9.9"
    assert form.with_attempt(later, ONE, "correct", LATER).entries[ONE].first_passed == NOON


def test_two_records_of_one_student_become_one():
    first = recorded((ONE, "correct", LATER), name="")
    second = recorded((ONE, "correct", NOON), (ONE, "wrong", NOON), (TWO, "wrong", NOON))
    both = form.merged(first, second)
    assert both.name == "Ada" and both.entries.keys() == {ONE, TWO}
    assert both.entries[ONE] == Entry("wrong", NOON, 3, form.__version__)
    assert form.merged(second, first).entries[ONE] == Entry("correct", NOON, 3, form.__version__)


def test_the_checksum_shows_a_change_by_hand_and_the_mark_stays_when_the_file_is_written_again():
    record = recorded((ONE, "wrong", NOON))
    assert not form.parse(form.written(record)).edited

    def passes(content):
        content["exercises"][ONE] |= {"status": "correct", "first_passed": NOON}

    edited = form.parse(changed(record, passes))
    assert edited.edited and not edited.as_written and edited.entries[ONE].passed and not edited.left_out
    again = form.parse(form.written(form.with_attempt(edited, TWO, "wrong", LATER)))
    assert again.edited and again.as_written
    for gone in ("checksum", "edited"):
        assert form.parse(changed(record, lambda content, gone=gone: content.pop(gone))).edited


def test_another_layout_is_no_change():
    compact = json.dumps(json.loads(form.written(recorded((ONE, "correct", NOON))))).encode()
    for raw in (compact, b"\xef\xbb\xbf" + compact, compact.replace(b": ", b" :\r\n")):
        assert form.parse(raw) == recorded((ONE, "correct", NOON))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        ('{"format": "für"}'.encode("latin-1"), "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"format":' * 20_000 + b"1" + b"}" * 20_000, "nested too deeply"),
        (b"[1]", "no progress file"),
        (b"null", "no progress file"),
        (b'{"cells": [], "nbformat": 4}', "no progress file"),
        (b'{"format": 1}', "no progress file"),
        (b'{"format": ["gancourse progress 1"]}', "no progress file"),
        (b'{"format": "gancourse progress 1", "exercises": NaN}', "NaN"),
        (b'{"format": "gancourse progress 1", "exercises": -Infinity}', "-Infinity"),
        (b'{"format": "gancourse progress 1", "exercises": ' + b"9" * 5_000 + b"}", "no JSON"),
        (b'{"format": "gancourse progress 1"}', "exercises are null"),
        (b'{"format": "gancourse progress 1", "exercises": [1]}', "exercises are a list"),
        (b'{"format": "gancourse progress 1", "exercises": {"a": 1, "a": 2}}', "'a' twice"),
        (b" " * (form.LIMIT + 1), "1,048,577 bytes, expected at most 1,048,576"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_progress_file_is_refused_with_the_reason(raw, reason):
    with pytest.raises(RecordError, match=reason):
        form.parse(raw)


def test_too_many_exercises_are_refused():
    with pytest.raises(RecordError, match="1,001 exercises, expected at most 1,000"):
        form.parse(changed(Record(), lambda content: content["exercises"].update({str(n): 0 for n in range(1001)})))


def test_a_later_format_is_told_from_a_foreign_file():
    with pytest.raises(NewerFormat, match="another gancourse"):
        form.parse(changed(Record(), lambda content: content.update(format="gancourse progress 2")))


GOOD = {"status": "correct", "first_passed": NOON, "attempts": 1, "version": "0.1.0"}


@pytest.mark.parametrize(
    ("key", "entry", "reason"),
    [
        (TWO, GOOD | {"status": "passed"}, "status is 'passed', expected 'correct' or 'wrong'"),
        (TWO, GOOD | {"status": ["correct"]}, "status is a list"),
        (TWO, GOOD | {"first_passed": None}, "first_passed is null, expected a time"),
        (TWO, GOOD | {"first_passed": 5}, "first_passed is 5"),
        (TWO, GOOD | {"first_passed": "yesterday"}, "first_passed is 'yesterday'"),
        (TWO, GOOD | {"first_passed": "2026-13-01T12:00:00Z"}, "first_passed is '2026-13"),
        (TWO, GOOD | {"first_passed": "٢٠٢٦-03-01T12:00:00Z"}, "first_passed is"),
        (TWO, GOOD | {"attempts": 0}, "attempts is 0, expected a whole number from 1"),
        (TWO, GOOD | {"attempts": -1}, "attempts is -1"),
        (TWO, GOOD | {"attempts": True}, "attempts is True"),
        (TWO, GOOD | {"attempts": 1.0}, "attempts is 1.0"),
        (TWO, GOOD | {"attempts": "3"}, "attempts is '3'"),
        (TWO, GOOD | {"attempts": 10**300}, "attempts is 1000"),
        (TWO, GOOD | {"attempts": math.inf}, "Infinity"),
        (TWO, GOOD | {"version": {}}, "version is an object"),
        (TWO, GOOD | {"version": "0.1\n0"}, "version is"),
        (TWO, GOOD | {"points": 100}, "it has ['attempts', 'first_passed', 'points'"),
        (TWO, {}, "it has []"),
        (TWO, [[[]]], "it has a list"),
        (TWO, "correct", "it has 'correct'"),
        ("lesson1.r1", GOOD, "expected a key such as"),
        ("lesson02.r1\n", GOOD, "expected a key such as"),
        ("__proto__", GOOD, "expected a key such as"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entry_that_makes_no_sense_is_left_out_and_the_others_count(key, entry, reason):
    raw = changed(recorded((ONE, "correct", NOON)), lambda content: content["exercises"].update({key: entry}))
    if "Infinity" in raw.decode():
        with pytest.raises(RecordError, match=reason):
            form.parse(raw)
        return
    record = form.parse(raw)
    assert record.entries.keys() == {ONE} and record.edited and not record.as_written
    assert len(record.left_out) == 1 and reason in record.left_out[0] and "\n" not in record.left_out[0]
    assert len(record.left_out[0]) < 250


def test_fields_that_a_file_does_not_have_and_names_that_are_none_are_said():
    record = form.parse(changed(recorded(), lambda content: content.update(name=3, grade="A\u202e", **{"x" * 99: 1})))
    assert record.name == "" and len(record.left_out) == 3 and "the name is 3, expected a text" in record.left_out
    assert all(line.isprintable() for line in record.left_out)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Ada \n\t Lovelace ", "Ada Lovelace"),
        ("Ada\x1b[31m\u202e\u200b\x00", "Ada [31m"),
        ("\ud800Ada", "Ada"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("a" * 100, "a" * 77 + "..."),
        ("\u2028", ""),
    ],
)
def test_a_text_of_unknown_origin_can_be_printed_in_one_line(text, shown):
    assert form.clean(text) == shown


def test_only_exercises_of_lessons_are_kept():
    assert form.may_be_kept(ONE)
    assert not any(map(form.may_be_kept, ["test_engine.answer", "__main__.mine", "lesson01", "lesson01.a b", ""]))
