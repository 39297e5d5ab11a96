"""Checks note what was passed: where they may, whatever becomes of the file; and what a student sees of it."""

import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from filelock import FileLock

from gancourse import exercises, files
from gancourse.__main__ import main
from gancourse.exercises import lesson01
from gancourse.exercises.checking import engine
from gancourse.exercises.record import form, place, tables, writing
from gancourse.exercises.record.catalogue import catalogue, known
from gancourse.publishing import notebook_testing, notebooks

ONE, TWO = "lesson01.count_modes", "lesson01.saturating_gradient"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A session that has checked nothing and told nothing, on a machine whose user keeps things in tmp_path/data."""
    monkeypatch.setattr(writing, "_pending", [])
    monkeypatch.setattr(writing, "_last", [])
    monkeypatch.setattr(writing, "_said", set())
    monkeypatch.setattr(writing, "WAIT", 0.05)
    monkeypatch.setattr(engine, "results", {})
    monkeypatch.setattr(files, "data_folder", lambda: tmp_path / "data")
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)


@pytest.fixture
def file(monkeypatch, tmp_path):
    """A progress file that the variable names; it does not exist yet."""
    monkeypatch.setenv(place.VARIABLE, str(tmp_path / "mine" / "progress.json"))
    return tmp_path / "mine" / "progress.json"


def entries(path):
    return form.parse(path.read_bytes()).entries


def others(path):
    """What lies beside a file, the lock aside."""
    return sorted(p.name for p in path.parent.iterdir() if p != path and not p.name.endswith(".lock"))


class Kernel:
    """A kernel in which a cell runs that may ask for input, or may not."""

    def __init__(self, allow_stdin):
        self.allow_stdin = allow_stdin

    def get_parent(self, channel):
        return {"content": {"allow_stdin": self.allow_stdin}}


def kernel(monkeypatch, allow_stdin):
    shell = types.SimpleNamespace(kernel=Kernel(allow_stdin))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


# -- the list of exercises -----------------------------------------------------------------------------------------


def test_the_list_that_is_read_as_text_is_that_of_the_modules():
    for number, lesson in catalogue().items():
        module = __import__(f"gancourse.exercises.lesson{number}", fromlist=["x"])
        real = [(e.key, e.title, e.difficulty, e.minutes) for e in engine.exercises(module).values()]
        assert [(one.key, one.title, one.difficulty, one.minutes) for one in lesson.exercises] == real
        assert lesson.about[0].isupper() and not lesson.about.startswith("Lesson")
    assert list(catalogue()) == [path.stem[-2:] for path in sorted((ROOT / "gancourse/exercises").glob("lesson*.py"))]
    assert len(known()) == sum(len(lesson.exercises) for lesson in catalogue().values()) > 100


@pytest.mark.parametrize("lesson", ["00", "99", "", "1.0", None, "²", "lesson", -1])
def test_a_lesson_without_exercises_is_refused_by_name(lesson):
    with pytest.raises(ValueError, match="expected one that has exercises: 01, 02"):
        exercises.progress(lesson)


@pytest.mark.parametrize("lesson", ["01", "1", 1, "01_minimax_theory", "lesson01"])
def test_a_lesson_is_named_as_people_do(lesson):
    assert "Lesson 01:" in repr(exercises.progress(lesson))


# -- who writes, and where -----------------------------------------------------------------------------------------


def test_in_tests_nothing_is_kept_whatever_the_user_has_set():
    assert os.environ[place.VARIABLE] == "off" and place.of_checks() is None


@pytest.mark.parametrize("allow_stdin", [True, False])
def test_a_check_writes_where_a_person_runs_the_cell_and_nowhere_else(monkeypatch, tmp_path, allow_stdin):
    monkeypatch.delenv(place.VARIABLE)
    kernel(monkeypatch, allow_stdin)
    lesson01.count_modes.check(lesson01.count_modes.reference)
    assert (tmp_path / "data").exists() == allow_stdin
    if allow_stdin:
        assert entries(tmp_path / "data" / "progress.json")[ONE].passed


@pytest.mark.parametrize("kept", [None, {}, types.SimpleNamespace(get_ipython=lambda: None)])
def test_without_a_kernel_nobody_sits_there(monkeypatch, kept):
    monkeypatch.setitem(sys.modules, "IPython", kept)
    monkeypatch.delenv(place.VARIABLE)
    assert not place.a_person_runs_this() and place.of_checks() is None


def test_the_variable_names_a_file_or_a_folder_or_nothing_at_all(monkeypatch, tmp_path):
    for said, path in ((tmp_path, tmp_path / "progress.json"), (tmp_path / "p.json", tmp_path / "p.json")):
        monkeypatch.setenv(place.VARIABLE, str(said))
        assert place.of_checks() == place.usual() == path
    monkeypatch.setenv(place.VARIABLE, "~/p.json")
    assert place.usual() == Path.home() / "p.json"
    monkeypatch.setenv(place.VARIABLE, "OFF")
    kernel(monkeypatch, True)
    assert place.of_checks() is None
    with pytest.raises(ValueError, match="GANCOURSE_PROGRESS is 'OFF'"):
        place.usual()
    monkeypatch.setenv(place.VARIABLE, "")
    assert place.of_checks() == tmp_path / "data" / "progress.json"


IN_A_KERNEL = """
from gancourse.exercises.record import place, writing
print(place.a_person_runs_this(), bool(writing.note_attempt("lesson01.count_modes", "correct")))
"""


def test_a_real_kernel_tells_a_person_from_a_program(tmp_path):
    from jupyter_client.manager import start_new_kernel

    kept = {name: value for name, value in os.environ.items() if name != place.VARIABLE}
    environment = kept | {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    environment |= {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path / "ipython")}
    manager, client = start_new_kernel(startup_timeout=300, kernel_name="python3", env=environment)
    try:
        for allow_stdin in (False, True, False):
            printed: list[str] = []
            reply = client.execute_interactive(
                IN_A_KERNEL,
                allow_stdin=allow_stdin,
                stdin_hook=print,
                output_hook=lambda message, printed=printed: printed.append(message["content"].get("text", "")),
                timeout=300,
            )
            assert reply["content"]["status"] == "ok", reply
            assert "".join(printed).strip() == f"{allow_stdin} {allow_stdin}"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    (found,) = tmp_path.rglob("progress.json")
    assert entries(found)[ONE].attempts == 1  # the two cells that a program ran have left nothing


def test_pytest_keeps_nothing_also_where_the_user_has_set_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv(place.VARIABLE, str(tmp_path / "mine.json"))
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")
    notebook_testing.prepare(types.SimpleNamespace(option=types.SimpleNamespace()))  # type: ignore[arg-type]
    assert os.environ[place.VARIABLE] == "off" and place.of_checks() is None


# -- what is written -----------------------------------------------------------------------------------------------


def test_checks_count_attempts_and_a_stub_is_none(file):
    for answer in (None, ...):
        assert lesson01.count_modes.check(answer).status == "not attempted"
    assert not file.parent.exists()
    assert lesson01.count_modes.check(lambda *_: 0).status == "wrong"
    assert entries(file)[ONE].attempts == 1 and not entries(file)[ONE].passed
    lesson01.count_modes.check(lesson01.count_modes.reference)
    lesson01.count_modes.check(lambda *_: 0)
    entry = entries(file)[ONE]
    assert entry.passed and (entry.status, entry.attempts) == ("wrong", 3)
    assert others(file) == []


def test_the_first_check_says_where_it_keeps_it_and_the_others_say_nothing(file):
    first, second = (lesson01.count_modes.check(lambda *_: 0) for _ in range(2))
    assert first.kept == (
        f"What you have passed is kept in {file}, on this computer alone. To see it: `python -m gancourse progress`."
    )
    assert repr(first).endswith(f"\nYour progress\n{first.kept}") and first.kept[:20] in first._repr_html_()
    assert second.kept == "" and "progress" not in repr(second) + second._repr_html_()


def test_exercises_of_no_lesson_are_not_kept(file):
    @engine.exercise(title="T", difficulty="easy", minutes=1, prompt="", hints=("a", "b", "c"), check=lambda f: "Well.")
    def mine(x):
        return x

    assert mine.check(abs).status == "correct" and not file.exists()


def test_a_demonstration_is_nobodys_progress(file):
    shown = lesson01.count_modes.demonstration()
    shown.hint()
    assert shown.check(shown.reference).status == "correct" and repr(shown) == repr(lesson01.count_modes)
    assert not file.exists() and ONE not in engine.results
    assert lesson01.count_modes.hint().heading.startswith("Hint 1 ") and lesson01.count_modes.key == ONE
    start = (ROOT / "notebooks" / "src" / "00_start_here.py").read_text(encoding="utf-8")
    assert "= mlp02.scale_images.demonstration()" in start and start.count("mlp02.") == 1  # what lesson 00 answers


WRITER = """
import sys
from gancourse.exercises.record import writing
writing.WAIT = 60.0
for n in range(10):
    assert "no progress file" not in writing.note_attempt(f"lesson01.{sys.argv[1]}{n % 5}", "wrong")
    writing.note_attempt("lesson01.both", "correct")
print(len(writing._pending))
"""


def test_processes_that_write_at_once_lose_nothing(file):
    command = [sys.executable, "-c", WRITER]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([*command, w], env=environment, stdout=subprocess.PIPE, text=True) for w in "abc"]
    assert [p.communicate(timeout=300)[0] for p in running] == ["0\n"] * 3
    found = entries(file)
    assert found.pop("lesson01.both").attempts == 30
    assert {key: e.attempts for key, e in found.items()} == {f"lesson01.{w}{n}": 2 for w in "abc" for n in range(5)}
    assert others(file) == []


def test_threads_of_one_process_lose_nothing(file):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: writing.note_attempt(ONE, "wrong"), range(40)))
    assert entries(file)[ONE].attempts == 40


def test_while_another_holds_the_file_attempts_wait_and_go_along_with_the_next_one(file):
    writing.note_attempt(TWO, "wrong")
    with FileLock(file.with_name(f".{file.name}.lock")):
        assert "goes along with the next one" in writing.note_attempt(ONE, "wrong")
        assert writing.note_attempt(ONE, "correct") == ""  # said once
        assert ONE not in entries(file)
    assert writing.note_attempt(TWO, "wrong") == ""
    assert (entries(file)[ONE].attempts, entries(file)[ONE].passed, entries(file)[TWO].attempts) == (2, True, 2)


def test_what_waits_is_written_when_the_session_ends(file):
    file.parent.mkdir()
    with FileLock(file.with_name(f".{file.name}.lock")):
        writing.note_attempt(ONE, "correct")
    writing._at_exit()
    assert entries(file)[ONE].passed and writing._pending == []
    file.unlink()
    writing._at_exit()
    assert not file.exists()


def test_a_file_system_that_knows_no_locks_is_trusted(file, monkeypatch):
    def refuses(*_, **__):
        raise OSError(next(iter(files.NO_LOCKS - {None})), "no locks available")

    monkeypatch.setattr(writing.FileLock, "acquire", refuses)
    writing.note_attempt(ONE, "correct")
    assert entries(file)[ONE].passed


def test_a_check_does_not_fail_when_nothing_can_be_written(file, monkeypatch):
    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "write_atomically", disk_full)
    first, second = (lesson01.count_modes.check(lesson01.count_modes.reference) for _ in range(2))
    assert (first.status, second.status) == ("correct", "correct")
    assert "in no progress file yet: [Errno 28] No space left" in first.kept and second.kept == ""
    monkeypatch.undo()
    monkeypatch.setenv(place.VARIABLE, str(file))
    writing._pending[:], writing._last[:] = [(ONE, "correct", form.now())] * 2, [file]
    writing.note_attempt(ONE, "wrong")
    assert (entries(file)[ONE].attempts, entries(file)[ONE].passed) == (3, True)


@pytest.mark.parametrize("obstacle", ["a file in place of the folder", "a folder in place of the file", "no home"])
def test_a_check_does_not_fail_where_there_is_no_place_for_the_file(file, monkeypatch, obstacle):
    if obstacle == "no home":
        monkeypatch.delenv(place.VARIABLE)
        kernel(monkeypatch, True)

        def homeless():
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(files, "data_folder", homeless)
    elif obstacle.startswith("a file"):
        file.parent.write_text("")
    else:
        (file / "progress.json").mkdir(parents=True)
    result = lesson01.count_modes.check(lesson01.count_modes.reference)
    assert result.status == "correct" and "in no progress file yet" in result.kept
    assert "\n" not in result.kept and len(result.kept) < 500


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b"not json", b"[" * 100_000, b" " * (form.LIMIT + 1)], ids=len)
def test_a_broken_file_is_kept_under_another_name_and_a_new_one_begun(file, raw):
    file.parent.mkdir()
    file.write_bytes(raw)
    told = writing.note_attempt(ONE, "correct")
    (kept,) = others(file)
    assert kept.startswith("progress.json.broken-") and (file.parent / kept).read_bytes() == raw
    assert f"{file} could not be read (it " in told and f"It is kept as {kept}, and a new file is begun." in told
    assert entries(file)[ONE].passed and writing.note_attempt(ONE, "wrong") == ""


def test_two_broken_files_in_one_second_are_both_kept(file, monkeypatch):
    file.parent.mkdir()
    monkeypatch.setattr(writing, "now", lambda: "2026-03-01T12:00:00Z")
    for raw in (b"one", b"two"):
        file.write_bytes(raw)
        writing.note_attempt(ONE, "wrong")
    assert [(file.parent / name).read_bytes() for name in others(file)] == [b"one", b"two"]


def test_what_somebody_edited_counts_on_and_as_it_was_is_kept_beside_it(file):
    writing.note_attempt(ONE, "wrong")
    content = json.loads(file.read_bytes())
    content["exercises"]["lesson01.other"] = {"status": "no such"}
    edited = json.dumps(content).encode()
    file.write_bytes(edited)
    assert "was changed by something else than the checks" in writing.note_attempt(ONE, "wrong")
    (kept,) = others(file)
    assert kept.startswith("progress.json.edited-") and (file.parent / kept).read_bytes() == edited
    assert entries(file)[ONE].attempts == 2 and form.parse(file.read_bytes()).edited
    writing.note_attempt(ONE, "wrong")
    assert others(file) == [kept]


def test_a_file_of_a_later_gancourse_is_left_alone(file):
    writing.note_attempt(ONE, "wrong")
    later = file.read_bytes().replace(b"gancourse progress 1", b"gancourse progress 2")
    file.write_bytes(later)
    assert "is left as it is" in writing.note_attempt(ONE, "correct")
    assert file.read_bytes() == later and others(file) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_a_link(file, tmp_path):
    file.parent.mkdir()
    file.symlink_to(tmp_path / "elsewhere.json")
    writing.note_attempt(ONE, "correct")
    assert file.is_symlink() and entries(tmp_path / "elsewhere.json")[ONE].passed


def test_a_check_leaves_the_notebooks_random_numbers_alone(file):
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    lesson01.count_modes.check(lesson01.count_modes.reference)
    assert random.random() == expected and file.exists()


# -- Colab ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """A cell that a person runs in Colab; its Drive is tmp_path/drive, once that is made."""
    monkeypatch.delenv(place.VARIABLE)
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(files, "DRIVE", tmp_path / "drive")
    kernel(monkeypatch, True)
    return tmp_path / "drive" / "MyDrive"


def test_in_colab_it_is_kept_in_the_runtime_and_moves_into_the_drive_once_that_is_mounted(colab, tmp_path):
    told = writing.note_attempt(ONE, "wrong")
    assert "progress.json of this runtime, and is gone when the runtime ends: mount your Google Drive" in told
    writing.note_attempt(TWO, "correct")
    assert writing.note_attempt(ONE, "wrong") == ""
    colab.mkdir(parents=True)
    assert "gancourse/progress.json of your Google Drive" in writing.note_attempt(ONE, "correct")
    found = entries(colab / "gancourse" / "progress.json")
    assert (found[ONE].attempts, found[ONE].passed, found[TWO].passed) == (3, True, True)
    assert not (tmp_path / "data" / "progress.json").exists()  # so that nothing is counted twice
    assert [name.split("-")[0] for name in others(tmp_path / "data" / "progress.json")] == ["progress.json.moved"]


def test_a_next_runtime_says_where_it_goes_on_and_a_program_in_it_finds_it(colab, monkeypatch, capsys):
    colab.mkdir(parents=True)
    writing.note_attempt(ONE, "correct")
    monkeypatch.setattr(writing, "_said", set())  # another runtime
    assert "of your Google Drive, where the next runtime finds it" in writing.note_attempt(TWO, "wrong")
    monkeypatch.delitem(sys.modules, "google.colab")
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")  # what a cell's `!python -m gancourse progress` inherits
    assert main(["progress"]) == 0
    assert "1 of 11" in capsys.readouterr().out


def test_a_broken_file_of_the_runtime_does_not_keep_the_drive_from_being_written(colab, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "progress.json").write_text("{")
    colab.mkdir(parents=True)
    assert "could not be read" in writing.note_attempt(ONE, "correct")
    assert entries(colab / "gancourse" / "progress.json")[ONE].passed


# -- the note at a notebook's end ----------------------------------------------------------------------------------


def test_the_note_of_a_fresh_notebook_is_the_same_on_every_machine(monkeypatch, file):
    """So that it can be committed and compared: without a person nothing is read, whatever the machine holds."""
    nobody = exercises.progress("01")
    assert repr(nobody) == (
        "Lesson 01: no exercise has been tried here yet\nIt has 11; `python -m gancourse progress` shows what is open."
    )
    writing.note_attempt(ONE, "correct")
    monkeypatch.delenv(place.VARIABLE)
    monkeypatch.setattr(files, "data_folder", lambda: file.parent)
    engine.results[ONE] = "not attempted"  # as the stubs of a committed notebook come out
    assert exercises.progress("01") == nobody
    kernel(monkeypatch, True)
    assert "1 of 11 exercises passed" in repr(exercises.progress("01"))


def test_the_note_lists_what_is_passed_and_what_is_open(file):
    for status in ("correct", "wrong"):
        writing.note_attempt(ONE, status)
    for _ in range(2):
        writing.note_attempt(TWO, "wrong")
    note = exercises.progress("01")
    lines = repr(note).splitlines()
    assert lines[0] == "Lesson 01: 1 of 11 exercises passed" and len(lines) == 13
    assert "passed: Counting modes (the latest attempt was not correct; passed stays passed)" in lines
    assert "open: The gradient of the saturating loss (medium, 5 minutes), tried twice" in lines
    assert lines[-1] == f"Kept in {file}, on this computer alone."
    assert "<strong>Lesson 01: 1 of 11 exercises passed</strong>" in note._repr_html_()
    assert "tried here yet" in repr(exercises.progress("02"))


def test_the_note_of_an_executed_edition_counts_what_its_session_has_passed():
    assert place.of_checks() is None
    lesson01.count_modes.check(lesson01.count_modes.reference)
    lesson01.saturating_gradient.check(lambda *_: 0)
    text = repr(exercises.progress("01"))
    assert "1 of 11" in text and "passed: Counting modes" in text and "Kept in" not in text
    assert "loss (medium, 5 minutes), tried\n" in text


@pytest.mark.slow  # starts two kernels that import torch
def test_the_cell_near_a_notebooks_end_counts_what_a_person_has_passed_also_on_another_day(tmp_path):
    from jupyter_client.manager import start_new_kernel

    notebook = notebooks.read_source(ROOT / "notebooks" / "src" / "01_minimax_theory.py")
    (told,) = [c.source for c in notebook.cells if c.cell_type == "code" and "progress" in c.metadata.get("tags", [])]
    passed = "from gancourse.exercises import lesson01 as ex\nex.count_modes.check(ex.count_modes.reference)"
    environment = os.environ | {
        place.VARIABLE: str(tmp_path / "progress.json"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    shown: list[str] = []
    for cells in ([told, passed, told], [told]):
        manager, client = start_new_kernel(
            startup_timeout=300, kernel_name="python3", env=environment | {"PYTHONPATH": str(ROOT)}
        )
        try:
            for source in cells:
                reply = client.execute_interactive(
                    source,
                    timeout=300,
                    output_hook=lambda message: shown.extend(
                        [message["content"]["data"]["text/plain"]] if "data" in message["content"] else []
                    ),
                )
                assert reply["content"]["status"] == "ok", reply
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    before, checked, after, another_day = shown
    assert before.startswith("Lesson 01: no exercise has been tried here yet") and "Correct" in checked
    assert after.startswith("Lesson 01: 1 of 11 exercises passed\n") and "\npassed: Counting modes\n" in after
    assert another_day == after


def test_the_note_says_what_is_wrong_with_a_file_and_raises_nothing(tmp_path, file):
    file.parent.mkdir()
    file.write_text("{")
    assert "cannot be read: it is no JSON" in repr(exercises.progress("01"))
    assert file.read_text() == "{"  # to look is not to touch
    assert f"There is no file {tmp_path / 'none.json'}." in repr(exercises.progress("01", tmp_path / "none.json"))
    assert "tried here yet" in repr(exercises.progress("01", tmp_path))


# -- python -m gancourse progress ----------------------------------------------------------------------------------


def test_the_command_shows_a_table_by_lesson_and_what_is_open(file, capsys):
    assert main(["progress"]) == 0
    assert "No exercise has been tried yet" in capsys.readouterr().out and not file.exists()
    for key, status in ((ONE, "correct"), (TWO, "wrong"), ("lesson03.same_padding_fuzz", "wrong")):
        writing.note_attempt(key, status)
    assert main(["progress"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == f"1 of {len(known())} exercises passed, 1 more tried".split()
    lines = [" ".join(row) for row in rows]
    assert "01 The minimax theory 1 of 11 1 10" in lines and "02 The MLP GAN 0 of 13 0 13" in lines
    assert "\nOpen in 01\n" in out and "  The gradient of the saturating loss (medium, 5 minutes), tried once\n" in out
    assert "\nOpen in 02\n" in out and "Open in 03" not in out and "With --all, those of 03, 04" in out
    assert "no such exercise: lesson03.same_padding_fuzz." in out and f"Kept in {file}" in out
    assert "Counting modes" not in out
    assert main(["progress", "--all", "--file", str(file)]) == 0
    out = capsys.readouterr().out
    assert all(f"Open in {number}\n" in out for number in catalogue()) and "--all" not in out


def test_what_failed_after_it_was_passed_is_said(file, capsys):
    for status in ("correct", "wrong"):
        writing.note_attempt(ONE, status)
    main(["progress"])
    assert "Passed stays passed: the latest attempt at 1 of them was not correct." in capsys.readouterr().out


def test_the_command_loads_no_torch(tmp_path):
    code = f"""
import sys
from gancourse.__main__ import main
main(["progress", "--name", "A"])
main(["marks", {str(tmp_path)!r}])
print([name for name in ("torch", "numpy", "IPython") if name in sys.modules])
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), place.VARIABLE: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.rstrip().endswith("[]") and done.stderr == "", done.stdout + done.stderr


def test_a_name_is_stored_and_keeps_what_was_passed(file, capsys):
    writing.note_attempt(ONE, "correct")
    assert main(["progress", "--name", " Ada\tLovelace "]) == 0
    assert capsys.readouterr().out.startswith("Ada Lovelace: 1 of ")
    record = form.parse(file.read_bytes())
    assert record.name == "Ada Lovelace" and record.entries[ONE].passed and not record.edited
    assert main(["progress", "--name", "\u200b "]) == 1
    assert "expected one with letters in it" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "goes"), [("yes\n", True), ("y\n", False), ("\n", False)])
def test_reset_asks_and_keeps_a_backup(file, monkeypatch, capsys, answer, goes):
    writing.note_attempt(ONE, "correct")
    before = file.read_bytes()
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(["progress", "--reset"]) == 0
    assert "will be open again" in capsys.readouterr().out
    if goes:
        (kept,) = others(file)
        assert (file.parent / kept).read_bytes() == before and entries(file) == {}
    else:
        assert file.read_bytes() == before and others(file) == []


def test_reset_without_somebody_to_ask_needs_a_word_more_and_keeps_the_name(file, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    writing.note_attempt(ONE, "correct")
    writing.set_name(file, "Ada")
    assert main(["progress", "--reset"]) == 1
    assert "add --yes if you mean it" in capsys.readouterr().err and entries(file)[ONE].passed
    assert main(["progress", "--reset", "--yes"]) == 0
    assert "kept as" in capsys.readouterr().out
    assert form.parse(file.read_bytes()) == form.Record("Ada") and len(others(file)) == 1
    assert main(["progress", "--yes"]) == 1


def test_what_cannot_be_done_is_said_in_one_line(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(writing, "PATIENCE", 0.05)
    missing, foreign = tmp_path / "none.json", tmp_path / "foreign.json"
    foreign.write_text('{"cells": []}')
    writing.note_attempt(ONE, "correct")
    monkeypatch.setattr(writing.change, "__defaults__", (0.05,))
    with FileLock(file.with_name(f".{file.name}.lock")):
        for words, message in (
            (["--file", str(missing)], f"there is no file {missing}"),
            (["--file", str(foreign)], f"{foreign} cannot be read: it is no progress file of gancourse."),
            (["--name", "Ada"], "another program is writing"),
            (["--reset", "--yes"], "another program is writing"),
        ):
            assert main(["progress", *words]) == 1
            error = capsys.readouterr().err
            assert error.startswith("error: ") and message in error and error.count("\n") == 1
    monkeypatch.setenv(place.VARIABLE, "off")
    assert main(["progress"]) == 1 and "GANCOURSE_PROGRESS is 'off'" in capsys.readouterr().err


def test_a_terminal_that_knows_few_characters_gets_what_it_can_show(file, monkeypatch):
    writing.set_name(file, "小林")
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["progress"]) == 0
    terminal.flush()
    assert terminal.buffer.getvalue().startswith(b"??: 0 of ")  # type: ignore[attr-defined]


def test_columns_line_up_whatever_the_script():
    text = tables.aligned([["小林", "1"], ["Zoe\u0308", "22"], ["Ada", "3"]], "<>")
    assert [tables.width(line) for line in text.splitlines()] == [8, 8, 8]
