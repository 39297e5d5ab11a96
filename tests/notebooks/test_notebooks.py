"""Every committed notebook: built from its source, executed, and fit to be read without running it."""

import re
from functools import cache

import pytest
from notebook_checks import CHECKS, ROOT, code_cells, compared_cells, tags

from gancourse import exercises
from gancourse.exercises.checking import engine
from gancourse.exercises.record.catalogue import catalogue
from gancourse.publishing import editions, notebooks

NAMES = sorted(path.stem for path in (ROOT / "notebooks" / "src").glob("*.py"))


@cache
def read(name):
    path = notebooks.built_path(ROOT, name)
    if not path.exists():  # test_notebook_agrees_with_its_source fails then, and one failure says enough
        pytest.skip("not built")
    return notebooks.read(path)


@pytest.mark.parametrize("name", NAMES)
def test_notebook_agrees_with_its_source(name):
    assert notebooks.built_path(ROOT, name).exists(), "not built: run `make sync`, then `make refresh`"
    source = notebooks.read_source(notebooks.source_path(ROOT, name))
    assert notebooks.differences(source, read(name)) == [], "run `make sync`, then `make refresh`"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_committed_notebook(name, check):
    notebook = read(name)
    if check is compared_cells and name.startswith("00"):
        problems = list(compared_cells(notebook, at_least=3))
    else:
        problems = list(check(notebook))
    assert problems == []


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_small_enough_to_be_shown(name):
    size = notebooks.built_path(ROOT, name).stat().st_size
    assert size < 3e6, f"{size:,} bytes: GitHub shows no notebook of many megabytes; draw fewer pictures"


@pytest.mark.parametrize("name", NAMES)
def test_title_has_the_number_of_the_file(name):
    found = re.match(r"# (\d\d) ", read(name).cells[0].source)
    assert found and found.group(1) == name[:2]


@pytest.mark.parametrize("name", [name for name in NAMES if name[:2] in catalogue()])
def test_what_is_passed_near_its_end_is_of_its_own_exercises(name, monkeypatch):
    """The notebook checks every exercise of its lesson, and the note lists just these; committed is that of nobody."""
    notebook, number = read(name), name[:2]
    asked = {exercise.key: exercise for exercise in editions.tagged(notebook, name).values()}
    (cell,) = [cell for cell in code_cells(notebook) if "progress" in tags(cell)]
    monkeypatch.setattr(engine, "results", {})
    note = exercises.progress(number)
    assert [output.data["text/plain"] for output in cell.outputs] == [repr(note)]
    assert cell.outputs[0].data["text/html"] == note._repr_html_() and f"It has {len(asked)};" in note.message
    engine.results.update(dict.fromkeys(asked, "wrong"))
    heading, *lines = repr(exercises.progress(number)).splitlines()
    assert heading == f"Lesson {number}: 0 of {len(asked)} exercises passed"
    titles = [line.removeprefix("open: ").rpartition(" (")[0] for line in lines]
    assert sorted(titles) == sorted(exercise.title for exercise in asked.values())


def test_every_built_notebook_has_a_source():
    built = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert built <= set(NAMES)
