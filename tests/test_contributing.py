"""CONTRIBUTING.md stays true: what it names exists, its commands are understood, and its widget works.

Its toy lesson, with exercise and study, is the one of course/test_toy_lesson.py.
"""

import argparse
import re
import shlex
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import contributing
import pytest
from contributing import COMMANDS, FILES, PAGE, ROOT, TEXT
from test_structure import LAYERS

from gancourse.__main__ import ROOMS
from gancourse.course.lessons import LESSONS, Lesson, Trained

PAGES = ("A lesson", "An exercise", "A widget", "A study", "Weights")


def missing(names: set[str]) -> list[str]:
    """Names that stand for nothing: no file, none of those that the toy brings, and for NN and NAME no example."""
    toys = {*FILES, *(name.replace(".py", ".ipynb").replace("/src", "") for name in FILES if "/src/" in name)}
    # what a command writes or reads where the reader works
    own = re.compile(r"(runs|build|\.venv)/.*|__init__\.py")
    return sorted(name for name in names if not (name in toys or own.fullmatch(name) or _examples(name)))


def _examples(name: str) -> list[Path]:
    pattern = name.replace("NN", "[0-9][0-9]").replace("NAME", "*").rstrip("/")
    return [path for path in ROOT.glob(pattern) if path.is_dir() or not name.endswith("/")]


def test_every_file_and_folder_that_it_names_exists():
    names = contributing.named(TEXT)
    assert missing(names) == []
    assert len(names) > 40 and {"gancourse/course/lessons.py", "notebooks/src/NN_NAME.py", "CHANGELOG.md"} <= names


def test_a_file_that_is_gone_is_found():
    text = "`gancourse/lessons.py`, `tests/gone/`, `notebooks/src/NN_NAME.txt`, [a map](../gancourse/MAP.md)\n"
    text += "```sh\npytest tests/test_gone.py\n```\n"
    assert missing(contributing.named(text)) == [
        *("gancourse/MAP.md", "gancourse/lessons.py", "notebooks/src/NN_NAME.txt", "tests/gone/"),
        "tests/test_gone.py",
    ]


def test_there_is_a_page_each_and_every_link_leads_to_its_heading():
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert [heading for heading in headings if heading in PAGES] == list(PAGES)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
    for page in (PAGE, ROOT / "CHANGELOG.md"):
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == [], page.name


def test_the_rooms_stand_in_their_order():
    listed = re.findall(r"`(\w+)`", TEXT.split("From the ground up: ")[1].split("**")[0])
    assert listed == " ".join(LAYERS.values()).split()


def test_the_lists_of_lessons_that_are_kept_by_hand_have_all_of_them():
    start = (ROOT / "notebooks" / "src" / "00_start_here.py").read_text(encoding="utf-8")
    plan = (ROOT / "notebooks" / "INSTRUCTORS.md").read_text(encoding="utf-8").split("## A plan by hours")[1]
    taught = " ".join(line.split("|")[2] for line in plan.split("\n## ")[0].splitlines() if line.startswith("| "))
    for name in LESSONS:
        assert f"# | [{name[:2]} " in start and f"]({name}.ipynb)" in start, f"{name} is not in 0.7 of 00_start_here.py"
        assert re.search(rf"\b{name[:2]}\b", taught), f"{name} is not in the plan by hours of INSTRUCTORS.md"


# -- its commands ------------------------------------------------------------------------------------------------------


def understood(line: str) -> str:
    """What is wrong with a line for a shell: "" where nothing is. Nothing is run."""
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=\w+", word)]
    if words[:3] == ["python", "-m", "gancourse"]:
        return _course(words[3:])
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return "" if words[1] in targets else f"make has no target {words[1]}"
    if words[0] == "pytest" and "-m" in words:
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
        marker = words[words.index("-m") + 1]
        return "" if marker in [line.split(":")[0] for line in settings["markers"]] else f"there is no marker {marker}"
    known = words[0] in ("pytest", "cp", "ruff") or words[:2] in (["python", "-c"], ["source", ".venv/bin/activate"])
    return "" if known else f"{words[0]} is no tool of the course"


def _course(words: list[str]) -> str:
    parser = argparse.ArgumentParser(exit_on_error=False)
    commands = parser.add_subparsers()
    for room in (room for room, names in ROOMS.items() if words[0] in names):
        import_module(f"gancourse.{room}.commands").add_commands(commands)
    if words[0] not in commands.choices:
        return f"there is no command {words[0]}"
    one = commands.choices[words[0]]
    one.exit_on_error = False
    try:
        _, rest = one.parse_known_args(words[1:])
    except argparse.ArgumentError as error:
        return str(error)
    return f"{words[0]} does not know {' '.join(rest)}" if rest else ""


@pytest.fixture
def row(monkeypatch):
    """The toy's row of LESSONS, as the page has it."""
    made = eval(f"{{{FILES['gancourse/course/lessons.py']}}}", {"Lesson": Lesson, "Trained": Trained})
    for name, lesson in made.items():
        monkeypatch.setitem(LESSONS, name, lesson)
    return made


def test_every_command_is_understood(row):
    assert {line: wrong for line in COMMANDS if (wrong := understood(line))} == {}
    assert len(COMMANDS) > 25


def test_a_command_that_nobody_understands_is_found(row):
    for line, says in {
        "python -m gancourse bake toy": "no command bake",
        "python -m gancourse ship runs/toy --name x --epochs 1 --out y --sixteen-bit": "--sixteen-bit",
        "python -m gancourse train nothing --out x": "nothing",
        "make bread": "no target bread",
        "pytest -m lazy tests": "no marker lazy",
        "npm install": "npm",
    }.items():
        assert says in understood(line), line


def test_what_it_says_in_words_of_commands_and_options_is_so():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = {name for names in ROOMS.values() for name in names}
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) <= targets
    assert set(re.findall(r"python -m gancourse ([a-z-]+)", TEXT)) <= commands
    options = set(re.findall(r"`(--[a-z-]+)", TEXT.split("## Weights")[1]))
    asked = (f"ship RUN --name x --epochs 1 --out y {option} 1 2" for option in options - {"--epochs", "--out"})
    assert len(options) > 6
    assert not [wrong for words in asked if "does not know --" in (wrong := _course(words.split()))]


# -- its widget --------------------------------------------------------------------------------------------------------


def test_its_widget_passes_its_own_test(tmp_path, monkeypatch):
    import torch

    from gancourse import models, widgets

    (tmp_path / "exposure.py").write_text(FILES["gancourse/widgets/exposure.py"], encoding="utf-8")
    monkeypatch.setattr(widgets, "__path__", [*widgets.__path__, str(tmp_path)])
    monkeypatch.syspath_prepend(ROOT / "tests" / "widgets")
    test: dict = {}
    row: dict = {}
    try:
        exec(FILES["gancourse/widgets/__init__.py"], row)
        monkeypatch.setattr(widgets, "exposure", row["exposure"])
        exec(FILES["tests/widgets/test_exposure.py"], test)
        torch.manual_seed(0)
        G = models.MLPGenerator()
        (check,) = [thing for name, thing in test.items() if name.startswith("test_")]
        check(G)
        make = eval(f"{{{FILES['tests/widgets/driving.py']}}}", {"widgets": widgets})["exposure"]
        assert make(G, None).controls and repr(make(G, None)).startswith("Exposure")
        assert "G raised" in make(torch.nn.Linear(2, 2), None).text  # no generator: said in the picture's place
    finally:
        sys.modules.pop("gancourse.widgets.exposure", None)
