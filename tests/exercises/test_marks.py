"""The progress files of a class in one table, whoever wrote what lies in the folder."""

import csv
import io
import json
import os
import sys

import pytest

from gancourse.__main__ import main
from gancourse.exercises.record import form, marks
from gancourse.exercises.record.catalogue import catalogue, known
from gancourse.exercises.record.form import Record

ONE, TWO = "lesson01.count_modes", "lesson01.saturating_gradient"
NOON = "2026-03-01T12:00:00Z"


def content(name="", passed=(), when=NOON):
    record = Record(name)
    for key in passed:
        record = form.with_attempt(record, key, "correct", when)
    return form.written(record)


def put(folder, name, raw):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return path


def edited(raw, change):
    given = json.loads(raw)
    change(given)
    return json.dumps(given)


@pytest.fixture
def run(tmp_path, capsys):
    def command(*words):
        status = main(["marks", str(tmp_path), *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


def test_a_row_a_student_and_a_column_a_lesson(tmp_path, run):
    everything = [one.key for one in catalogue()["02"].exercises]
    put(tmp_path, "a.json", content("Zoe", [ONE, TWO]))
    put(
        tmp_path,
        "Ada_17_assignsubmission_file_/progress.json",
        content("Ada Lovelace", everything, "2026-03-02T00:00:00Z"),
    )
    put(tmp_path, "nobody/progress.JSON", content())
    put(tmp_path, "notes.txt", "not looked at")
    put(tmp_path, ".hidden/progress.json", "{")
    put(tmp_path, ".progress.json", "{")
    status, out, _ = run()
    rows = [line.split("  ") for line in out.splitlines()]
    assert status == 0 and rows[0][0] == "student" and "hidden" not in out and "notes" not in out
    cells = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows[1:4]}
    assert cells["Ada Lovelace"][:3] == ["-", "13/13", "-"] and cells["Ada Lovelace"][-1] == f"13/{len(known())}"
    assert cells["Zoe"][0] == "2/11" and cells["Zoe"][-1] == f"2/{len(known())}"
    assert list(cells) == ["Ada Lovelace", "nobody/progress.JSON", "Zoe"]
    assert "not signed" in out and "proves nothing" in out and "*" not in out


HUGE = b'{"format": "gancourse progress 1", "x": "' + b"a" * form.LIMIT + b'"}'
FOREIGN = {
    "not utf-8": (b'{"name": "\xff"}', "not UTF-8"),
    "cut short": (content("Bob", [ONE])[:200], "no JSON"),
    "empty": (b"", "no JSON"),
    "huge": (HUGE, "bytes, expected at most"),
    "deep": (b"[" * 300_000 + b"]" * 300_000, "nested too deeply"),
    "a notebook": (b'{"cells": [], "nbformat": 4}', "no progress file of gancourse"),
    "nan": (content().replace(b'"edited": false', b'"edited": NaN'), "NaN"),
    "later": (content().replace(b"progress 1", b"progress 7"), "its format is 7, here it is 1"),
    "a list": (b"[]", "no progress file"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_file_that_is_none_is_listed_with_the_reason_and_the_others_count(tmp_path, run, what):
    raw, reason = FOREIGN[what]
    put(tmp_path, "good.json", content("Ada", [ONE]))
    put(tmp_path, "bad.json", raw)
    status, out, err = run("--csv", tmp_path / "out.csv")
    assert (status, err) == (0, "") and "\nAda " in out
    below = out.split("Not counted:\n")[1]
    assert below.startswith("  bad.json: it ") and reason in below.splitlines()[0]
    assert len(table(tmp_path / "out.csv")) == 2


def test_a_folder_of_foreign_files_alone_is_listed(tmp_path, run):
    put(tmp_path, "bad.json", "")
    status, out, _ = run()
    assert status == 0 and out.startswith("Not counted:\n  bad.json: ")


def pass_all(given):
    given["exercises"] |= {
        key: {"status": "correct", "first_passed": NOON, "attempts": 1, "version": "0.1.0"} for key in known()
    }


CHANGES = {
    "a pass more": (pass_all, "changed by something else than the checks"),
    "a status that does not exist": (lambda g: g["exercises"][ONE].update(status="superb"), "status is 'superb'"),
    "an unknown exercise": (lambda g: g["exercises"].update({"lesson01.no_such": g["exercises"][ONE]}), "01.no_such"),
    "wrong types": (lambda g: g["exercises"].update({TWO: 7}), f"'{TWO}': it has 7"),
    "a name that is none": (lambda g: g.update(name=[1]), "the name is a list"),
    "many at once": (lambda g: g["exercises"].update({f"x{n}": n for n in range(900)}), "and 897 more"),
    "fields": (lambda g: g.update({"\x1b[2J": 1}), "'[2J'"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_edited_file_is_counted_as_far_as_it_makes_sense_and_marked(tmp_path, run, what):
    change, remark = CHANGES[what]
    put(tmp_path, "x.json", edited(content("Ada", [ONE]), change))
    status, out, _ = run()
    assert status == 0 and "* Look at:\n  x.json: changed by something else than the checks" in out and remark in out
    assert out.splitlines()[1].endswith("*") and "\x1b" not in out
    assert max(map(len, out.splitlines())) < 1_000


def test_an_unknown_exercise_of_another_version_is_no_change_by_hand(tmp_path, run):
    put(tmp_path, "x.json", content("Ada", [ONE, "lesson77.later"]))
    _, out, _ = run()
    assert "no such exercise: lesson77.later" in out and "changed" not in out and f"1/{len(known())}" in out


def test_the_same_name_and_the_same_seconds_are_said_of_both(tmp_path, run):
    put(tmp_path, "a.json", content("Ada", [ONE, TWO]))
    put(tmp_path, "b.json", content("ADA", [ONE], "2026-03-02T12:00:00Z"))
    put(tmp_path, "c.json", content("Bob", [ONE, TWO]))
    put(tmp_path, "d.json", content("Cy"))
    put(tmp_path, "e.json", content("Di"))
    _, out, _ = run()
    assert [line.split("  ")[0] for line in out.splitlines()[1:4]] == ["Ada (a.json)", "ADA (b.json)", "Bob"]
    noted = out.split("* Look at:\n")[1]
    assert "  a.json: the same name as in b.json; passed in the same seconds as c.json\n" in noted
    assert "  b.json: the same name as in a.json\n" in noted
    assert "  c.json: passed in the same seconds as a.json\n" in noted and "d.json" not in noted


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and links")
def test_pipes_links_and_folders_are_not_opened(tmp_path, run):
    os.mkfifo(tmp_path / "pipe.json")
    put(tmp_path, "real.json", content("Ada", [ONE]))
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.json").mkdir()
    _, out, _ = run()
    assert out.count("it is a link") == 2 and "pipe.json: it cannot be read (it is no file)" in out
    assert "folder.json" not in out and out.count("Ada") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names in Unicode alone")
def test_a_file_name_that_is_no_text_is_printed(tmp_path, run):
    (tmp_path / os.fsdecode(b"a\xff\x1b.json")).write_bytes(content())
    status, out, _ = run("--csv", tmp_path / "o.csv")
    assert status == 0 and "a .json" in out


def table(path):
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_has_numbers_as_numbers_and_nothing_that_a_spreadsheet_would_run(tmp_path, run):
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1", 'a"b, c;\nd', "Ada 小林"]
    for n, name in enumerate(names):
        put(
            tmp_path,
            f"{n}.json",
            edited(content("", [ONE], f"2026-03-0{n + 1}T12:00:00Z"), lambda g, name=name: g.update(name=name)),
        )
    put(tmp_path, "=1+1.json", content("Bob"))
    status, out, _ = run("--csv", tmp_path / "out" / "marks.csv")
    assert status == 0 and f"wrote {tmp_path / 'out' / 'marks.csv'}" in out
    raw = (tmp_path / "out" / "marks.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\r\n") == len(names) + 2
    rows = table(tmp_path / "out" / "marks.csv")
    assert {row["student"] for row in rows} == {
        *("'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", "'＝1", 'a"b, c; d', "Ada 小林", "Bob")
    }
    assert {row["01 (of 11)"] for row in rows if row["student"] != "Bob"} == {"1"}
    assert [row["file"] for row in rows if row["student"] == "Bob"] == ["'=1+1.json"]
    assert rows[0][f"passed (of {len(known())})"] in ("0", "1") and b",1,0,0" in raw
    assert not any(cell.startswith(marks._FORMULA) for row in rows for cell in row.values())


def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capsys):
    put(tmp_path, "f/x.json", content("Ada"))
    (tmp_path / "empty").mkdir()
    for words, message in (
        ([tmp_path / "none"], "is no folder"),
        ([tmp_path / "f" / "x.json"], "is no folder"),
        ([tmp_path / "empty"], "no file in"),
        ([tmp_path / "f", "--csv", tmp_path / "f" / "x.json"], "as a student's file may be called"),
    ):
        assert main(["marks", *map(str, words)]) == 1
        assert message in capsys.readouterr().err
    assert (tmp_path / "f" / "x.json").read_bytes() == content("Ada")
