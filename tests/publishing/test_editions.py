"""Student and instructor edition, built from a tiny notebook and executed."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gancourse.__main__ import main
from gancourse.exercises import lesson01, lesson02
from gancourse.publishing import editions


def cell(source, *tags, outputs=()):
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=list(outputs), execution_count=7)


def tiny():
    shown = new_output("execute_result", data={"text/plain": "Not attempted yet"}, execution_count=7)
    return new_notebook(
        cells=[
            new_markdown_cell("# A lesson"),
            cell("from gancourse.exercises import lesson01 as ex"),
            cell(
                "import math\n\n\ndef another_name(p, p_g):\n    ...  # your code",
                "exercise",
            ),
            cell("ex.optimal_discriminator.check(another_name)", outputs=[shown]),
            cell(
                "# read the question first\nletter = ...\nex.where_it_saturates.check(letter)",
                "exercise",
                "other",
            ),
            cell(lesson01.count_modes.stub, "exercise"),
            cell("ex.count_modes.check(my_count_modes); 1 + 1"),
            cell('from gancourse.exercises import progress\n\nprogress("01")', outputs=[shown]),
            cell("trainer = dict\ntrainer(progress=False)", outputs=[shown]),
        ]
    )


def write(notebook, path):
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow  # starts two kernels that import torch
def test_both_editions_run_and_every_check_comes_out_as_it_must(tmp_path):
    source = write(tiny(), tmp_path / "lesson.ipynb")
    assert main(["editions", str(source), "--out", str(tmp_path / "out"), "--execute"]) == 0
    student, teacher = (
        json.loads((tmp_path / "out" / edition / "lesson.ipynb").read_text()) for edition in editions.EDITIONS
    )
    assert len(student["cells"]) == len(teacher["cells"]) == 9
    assert "Not attempted yet" in str(student["cells"][3]["outputs"])
    assert "Correct: The best discriminator" in str(teacher["cells"][3]["outputs"])
    assert "Lesson 01: no exercise has been tried here yet" in str(student["cells"][7]["outputs"])
    assert "Lesson 01: 3 of 11 exercises passed" in str(teacher["cells"][7]["outputs"])
    assert "passed: Counting modes" in str(teacher["cells"][7]["outputs"])


def test_student_edition_is_the_source(tmp_path):
    written = editions.build(write(tiny(), tmp_path / "lesson.ipynb"), tmp_path / "out")
    assert nbformat.read(written["student"], 4) == nbformat.read(tmp_path / "lesson.ipynb", 4)


def test_instructor_edition_replaces_the_definition_and_keeps_the_rest():
    notebook = tiny()
    result = editions.instructor(notebook, "lesson.ipynb")
    assert notebook == tiny() or notebook.cells[2].source.endswith("# your code")
    filled = result.cells[2].source
    assert filled.startswith("import math\n")
    assert "def another_name(p, p_g):" in filled
    assert "return p / (p + p_g)" in filled
    assert result.cells[4].source.endswith("letter = where_it_saturates()\nex.where_it_saturates.check(letter)")
    assert result.cells[4].metadata.tags == ["exercise", "other"]
    assert result.cells[3].outputs == result.cells[7].outputs == []  # they showed "not attempted yet"
    assert result.cells[8].outputs != []  # no answer changes what it says
    assert result.cells[5].source == lesson01.count_modes.solution_code()


def test_solutions_bring_the_imports_they_need():
    filled = editions.fill(lesson02.generator_step.stub, lesson02.generator_step)
    assert filled.startswith("import torch\nimport torch.nn.functional as F\n\n\ndef my_generator_step(")


def test_from_a_percent_script(tmp_path):
    source = tmp_path / "lesson.py"
    source.write_text(
        "# %%\n%pip list\n\n# %%\nfrom gancourse.exercises import lesson01 as ex\n\n"
        '# %% tags=["exercise"]\n'
        "def step(x, y, lr):\n    ...\n\n\nex.simultaneous_step.check(step)\n"
    )
    written = editions.build(source, tmp_path / "out")
    assert "x - lr * y" in nbformat.read(written["instructor"], 4).cells[2].source
    assert "x - lr * y" not in nbformat.read(written["student"], 4).cells[2].source


IMPORT = cell("from gancourse.exercises import lesson01 as ex")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([cell("a = ...\nex.nonsense.check(a)", "exercise")], "has no exercise 'nonsense'"),
        ([cell("a = ...\nex.exercise.check(a)", "exercise")], "has no exercise 'exercise'"),
        ([cell("a = ...", "exercise")], "a is given to no check"),
        (
            [cell("a = ...\nex.count_modes.check(a)\nex.where_it_saturates.check(a)", "exercise")],
            "saturates; expected",
        ),
        ([cell("a = ...\nex.count_modes.check(a)")], 'no cell with the tag "exercise" defines it'),
        ([cell("a = 1\nb = 2", "exercise")], "it defines a, b"),
        ([cell("print()", "exercise")], "it defines none"),
        ([cell("a, b = 1, 2", "exercise")], "must define one name"),
        ([cell("%time\na = ...", "exercise")], "line 1 is not Python"),
        ([cell(f"{n} = ...\nex.count_modes.check({n})", "exercise") for n in "ab"], "a second cell"),
    ],
)
def test_a_notebook_that_breaks_the_rules_is_refused(cells, message, tmp_path, capsys):
    source = write(new_notebook(cells=[IMPORT, *cells]), tmp_path / "lesson.ipynb")
    assert main(["editions", str(source), "--out", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err


def test_a_status_that_is_not_the_expected_one_is_refused():
    exercises = editions.tagged(tiny(), "lesson.ipynb")
    results = {exercise.key: "not attempted" for exercise in exercises.values()}
    editions.verify(results, exercises, "not attempted", "lesson")
    results["lesson01.where_it_saturates"] = "correct"
    with pytest.raises(editions.EditionError, match="where_it_saturates is 'correct', expected 'not attempted'"):
        editions.verify(results, exercises, "not attempted", "lesson")
    del results["lesson01.count_modes"], results["lesson01.where_it_saturates"]
    with pytest.raises(editions.EditionError, match="is 'never checked'"):
        editions.verify(results, exercises, "not attempted", "lesson")


def test_no_notebooks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["editions"]) == 1
    assert "no notebooks found" in capsys.readouterr().err
