"""A new lesson is one row of LESSONS and files of its name: it then is everywhere, with no other place to edit."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gancourse import exercises
from gancourse.__main__ import main
from gancourse.course import commands, lessons, profiles, studies
from gancourse.course.lessons import LESSONS, Lesson, Trained
from gancourse.course.studies import runner
from gancourse.publishing import editions, notebook_head, pipeline, readme
from gancourse.training.run import Run

ROOT = Path(__file__).parents[2]
NAME = "13_toy"
ROW = Lesson(
    "Toy",
    "what a new lesson has to bring",
    {"smoke": (1, 256), "laptop": (2, 1_000), "paper": (20, 60_000)},
    {"toy": Trained("mlp")},
    "mlp",
)
EXERCISE = '''
from gancourse.exercises.checking.engine import Wrong, exercise


def _check(answer):
    if answer(3) != 6:
        raise Wrong("Three twice is six.")
    return "Right."


@exercise(title="Twice", difficulty="easy", minutes=1, prompt="2x", hints=("Twice", "x + x", "`2 * x`"), check=_check)
def twice(x):
    """Twice x."""
    return 2 * x
'''
ANSWERS = 'RIGHT = {"twice": [lambda x: 2 * x]}\nWRONG = {"twice": {"same": (lambda x: x, "Three twice")}}\n'
STUDY = """
from gancourse.course.studies.runner import Study


def jobs(quick):
    return [{"key": "one"}]


def run(job):
    return {"value": 1}


STUDY = Study("A toy's question", jobs, run)
"""
NOTEBOOK = """# %% [markdown]
# # 13 Toy
#
# A lesson that is not there. It has one exercise.
#
# **Time.** None.

# %%
from gancourse.exercises import lesson13 as ex

# %% tags=["exercise"]
def my_twice(x):
    ...  # your code

# %%
ex.twice.check(my_twice)
"""
MINUTES = {"lessons": {NAME: {"cpu-bf16": {"smoke": 0.1, "laptop": 0.6}}}, "machines": {"cpu-bf16": "2-core Toy"}}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The lesson's row, and its files in a temporary folder that looks like the repository: that folder."""
    for path, text in {
        "exercises/lesson13.py": EXERCISE,
        "answers/answers_lesson13.py": ANSWERS,
        "studies/lesson13/__init__.py": "",
        "studies/lesson13/toy_question.py": STUDY,
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
    monkeypatch.syspath_prepend(ROOT / "tests" / "exercises")
    monkeypatch.syspath_prepend(tmp_path / "answers")
    monkeypatch.setattr(profiles, "measured_minutes", lambda: MINUTES["lessons"])
    importlib.invalidate_caches()
    runner._modules.cache_clear()
    yield tmp_path
    runner._modules.cache_clear()
    for name in [name for name in set(sys.modules) - before if "lesson13" in name]:
        del sys.modules[name]
    for package in (exercises, studies):
        vars(package).pop("lesson13", None)


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
    assert row == f"| [13 Toy](notebooks/{NAME}.ipynb) | what a new lesson has to bring | 0.6 |"
    table = notebook_head.minutes_table(NAME, toy / "gancourse" / "assets" / "results" / "minutes.json")
    assert table[-1].startswith("# | 2 cores with bfloat16 units | 0.1 | 0.6 | ")


def test_it_is_built_and_on_the_site(toy):
    assert pipeline.sync(toy) == [NAME] and pipeline.check(toy) == []
    assert "github/me/mine/blob/main/notebooks/13_toy" in (toy / "notebooks/src" / f"{NAME}.py").read_text()
    index = pipeline.make_html(toy)
    assert f'<a href="{NAME}.html">13 Toy</a>' in index.read_text(encoding="utf-8")
    assert "A lesson that is not there." in index.read_text(encoding="utf-8")


def test_its_exercises_have_editions_and_their_answers_are_tested(toy):
    written = editions.build(toy / "notebooks" / "src" / f"{NAME}.py", toy / "editions")
    assert "return 2 * x" in written["instructor"].read_text() and "return 2 * x" not in written["student"].read_text()
    tables = importlib.import_module("tables_of_answers")
    names = [(module.__name__, answers.__name__) for module, answers in tables.modules()]
    assert names[-1] == ("gancourse.exercises.lesson13", "answers_lesson13") and len(names) > 6


def test_its_studies_can_be_reproduced(toy, capsys):
    assert main(["reproduce"]) == 0 and "A toy's question" in capsys.readouterr().out
    rows = runner.reproduce("toy_question", toy / "toy.json", workers=0, work=toy / "work", report=str)["rows"]
    assert rows[0]["value"] == 1


def test_the_list_of_lessons_imports_nothing_heavy():
    code = (
        "import sys, gancourse.course.lessons\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'PIL', 'nbformat', 'scipy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
