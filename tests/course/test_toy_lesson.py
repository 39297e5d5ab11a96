"""A new lesson is one row of LESSONS and files of its name: it then is everywhere, with no other place to edit.

The toy is that of CONTRIBUTING.md, so that what is printed there works.
"""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from contributing import FILES, TOY

from gancourse import exercises
from gancourse.__main__ import main
from gancourse.course import commands, lessons, profiles, studies
from gancourse.course.lessons import LESSONS, Lesson, Trained
from gancourse.course.studies import runner
from gancourse.exercises.record import catalogue
from gancourse.publishing import editions, notebook_head, notebooks, pipeline, readme
from gancourse.training.run import Run

ROOT = Path(__file__).parents[2]
NAME = f"{TOY}_toy"
ROW = eval(f"{{{FILES['gancourse/course/lessons.py']}}}", {"Lesson": Lesson, "Trained": Trained})[NAME]
EXERCISE, ANSWERS = FILES[f"gancourse/exercises/lesson{TOY}.py"], FILES[f"tests/exercises/answers_lesson{TOY}.py"]
STUDY = FILES[f"gancourse/course/studies/lesson{TOY}/toy_question.py"]
NOTEBOOK = FILES[f"notebooks/src/{NAME}.py"]
MINUTES = {"lessons": {NAME: {"cpu-bf16": {"smoke": 0.1, "laptop": 0.6}}}, "machines": {"cpu-bf16": "2-core Toy"}}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The lesson's row, and its files in a temporary folder that looks like the repository: that folder."""
    for path, text in {
        f"exercises/lesson{TOY}.py": EXERCISE,
        f"answers/answers_lesson{TOY}.py": ANSWERS,
        f"studies/lesson{TOY}/__init__.py": "",
        f"studies/lesson{TOY}/toy_question.py": STUDY,
        f"notebooks/src/{NAME}.py": NOTEBOOK,
        "gancourse/assets/results/minutes.json": json.dumps(MINUTES),
        "pyproject.toml": '[project]\nurls = { Repository = "https://github.com/me/mine" }\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    before = set(sys.modules)
    monkeypatch.setitem(LESSONS, NAME, ROW)
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path / "exercises")])
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path / "studies")])
    listed = catalogue._lesson(tmp_path / "exercises" / f"lesson{TOY}.py")
    monkeypatch.setitem(catalogue.catalogue(), TOY, listed)
    monkeypatch.syspath_prepend(ROOT / "tests" / "exercises")
    monkeypatch.syspath_prepend(tmp_path / "answers")
    monkeypatch.setattr(profiles, "measured_minutes", lambda: MINUTES["lessons"])
    importlib.invalidate_caches()
    runner._modules.cache_clear()
    yield tmp_path
    runner._modules.cache_clear()
    for name in [name for name in set(sys.modules) - before if f"lesson{TOY}" in name]:
        del sys.modules[name]
    for package in (exercises, studies):
        vars(package).pop(f"lesson{TOY}", None)


def test_it_has_a_plan_and_an_estimate(toy, monkeypatch):
    monkeypatch.setenv("GANCOURSE_PROFILE", "laptop")
    plan = profiles.choose(NAME)
    assert (plan.epochs, plan.images) == (2, 1_000)
    assert profiles.estimated_minutes(NAME, "cpu-bf16")["paper"] > 0.6  # the profile that nobody measured


def test_the_command_line_trains_it(toy, monkeypatch):
    assert lessons.trained()["toy"] == (NAME, ROW.trains["toy"])
    parser = commands.argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers())
    assert parser.parse_args(["train", "toy", "--out", "x"]).model == "toy"
    run = toy / "run"
    assert main(["train", "toy", "--out", str(run), "--profile", "smoke", "--batch-size", "64"]) == 0
    assert (Run(run).config or {})["model"] == "mlp" and len(Run(run).history()) == 1


def test_it_is_in_the_course_table_and_has_minutes_at_its_head(toy):
    row = readme.course().splitlines()[-1]
    assert row == f"| [{TOY} Toy](notebooks/{NAME}.ipynb) | what a new lesson has to bring | 0.6 |"
    table = notebook_head.minutes_table(NAME, toy / "gancourse" / "assets" / "results" / "minutes.json")
    assert table[-1].startswith("# | 2 cores with bfloat16 units | 0.1 | 0.6 | ")


def test_it_is_built_and_on_the_site(toy):
    assert pipeline.sync(toy) == [NAME] and pipeline.check(toy) == []
    assert f"github/me/mine/blob/main/notebooks/{NAME}" in (toy / "notebooks/src" / f"{NAME}.py").read_text()
    index = pipeline.make_html(toy)
    assert f'<a href="{NAME}.html">{TOY} Toy: what a lesson has to bring</a>' in index.read_text(encoding="utf-8")
    assert "A lesson about nothing, in the shape of all the others." in index.read_text(encoding="utf-8")


def test_its_exercises_have_editions_and_their_answers_are_tested(toy):
    written = editions.build(toy / "notebooks" / "src" / f"{NAME}.py", toy / "editions")
    assert (
        "return n // b" in written["instructor"].read_text() and "return n // b" not in written["student"].read_text()
    )
    tables = importlib.import_module("tables_of_answers")
    names = [(module.__name__, answers.__name__) for module, answers in tables.modules()]
    assert names[-1] == (f"gancourse.exercises.lesson{TOY}", f"answers_lesson{TOY}") and len(names) > 6


def test_exercises_without_tested_answers_are_named_with_the_remedy(toy):
    (toy / "answers" / f"answers_lesson{TOY}.py").unlink()
    with pytest.raises(LookupError, match=rf"lesson{TOY} has no tested answers: write tests/exercises/answers_lesson"):
        importlib.import_module("tables_of_answers").modules()


def test_its_exercise_accepts_and_refuses_what_the_page_says(toy):
    (module, answers), name = importlib.import_module("tables_of_answers").modules()[-1], "steps"
    exercise = vars(module)[name]
    assert len(answers.RIGHT[name]) >= 2 and len(answers.WRONG[name]) >= 3  # as test_checks.py asks of all
    right = [exercise.reference, *answers.RIGHT[name]]
    assert {exercise.check(answer).status for answer in right} == {"correct"}
    for answer, fragment in answers.WRONG[name].values():
        result = exercise.check(answer)
        assert result.status == "wrong" and fragment in result.message
    assert exercise.stub in NOTEBOOK and exercise.prompt in re.sub(r"(?m)^# ?", "", NOTEBOOK)


def test_its_notebook_runs_and_has_the_head_that_is_asked_for(toy, monkeypatch, capsys):
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")
    notebook = notebooks.read_source(toy / "notebooks" / "src" / f"{NAME}.py")
    cell: dict = {}
    for one in (one for one in notebook.cells if one.cell_type == "code"):
        exec(one.source, cell)
    printed = capsys.readouterr().out
    assert "256 images in batches of 64: 4 steps" in printed and "1 epochs, " in printed and cell["plan"].epochs == 1
    monkeypatch.syspath_prepend(ROOT / "tests" / "notebooks")
    checks = importlib.import_module("notebook_checks")
    assert not list(checks.title_goals_time(notebook)) and any(map(checks.trains, checks.code_cells(notebook)))
    assert not list(checks.progress_at_the_end(notebook))
    assert repr(cell["progress"](TOY)).startswith(f"Lesson {TOY}: no exercise has been tried here yet\nIt has 1;")
    setup = next(one.source for one in notebook.cells if "setup" in one.metadata.get("tags", []))
    real = notebooks.read_source(ROOT / "notebooks" / "src" / "05_evaluation.py")
    assert setup in [one.source for one in real.cells]


def test_its_studies_can_be_reproduced(toy, capsys):
    assert main(["reproduce"]) == 0 and "The toy study" in capsys.readouterr().out
    rows = runner.reproduce("toy_question", toy / "toy.json", True, 0, toy / "work", report=str)["rows"]
    assert [row["steps"] for row in rows] == [4, 2, 1]
    own: dict = {}
    exec(FILES["tests/course/test_toy_question_study.py"], own)
    (check,) = [thing for name, thing in own.items() if name.startswith("test_")]
    check()


def test_the_list_of_lessons_imports_nothing_heavy():
    code = (
        "import sys, gancourse.course.lessons\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'PIL', 'nbformat', 'scipy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
