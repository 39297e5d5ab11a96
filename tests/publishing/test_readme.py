"""The README's figures are those of the results that the package ships."""

import json
import re
import runpy
from pathlib import Path

import pytest

from gancourse.__main__ import main
from gancourse.publishing import readme

ROOT = Path(__file__).parents[2]
BENCH = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "bench.py"))  # "tests" may be a package of another project
MARKS, RESULTS, with_table = (BENCH[name] for name in ("MARKS", "RESULTS", "with_table"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_speed_table_is_the_recorded_one():
    results = json.loads((ROOT / RESULTS).read_text(encoding="utf-8"))
    assert with_table(README, results["machine"], results["rows"]) == README
    spoilt = [dict(row, ratio=99.0) for row in results["rows"]]
    assert with_table(README, results["machine"], spoilt) != README


def test_every_make_target_is_in_the_readme_and_every_link_leads_somewhere():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert targets == set(re.findall(r"`make ([a-z-]+)`", README.split("## Make targets")[1].split("\n## ")[0]))
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links and all((ROOT / link).exists() for link in links)


def test_the_marks_stand_once():
    assert [README.count(mark) for mark in MARKS] == [1, 1]


def test_the_tables_are_those_of_the_results(tmp_path):
    assert readme.with_tables(README) == README, "run: python -m gancourse readme README.md"
    (tmp_path / "README.md").write_text(README.replace("**holds**", "**fails**"), encoding="utf-8")
    assert main(["readme", str(tmp_path / "README.md")]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README


def test_a_text_without_the_marks_is_left_alone(tmp_path, capsys):
    path = tmp_path / "other.md"
    path.write_text("nothing here")
    assert main(["readme", str(path)]) == 1 and "each once" in capsys.readouterr().err
    assert path.read_text() == "nothing here"


def test_a_table_goes_between_its_marks():
    assert readme.between("a\n<1>\nold\n<2>\nb", "<1>", "<2>", "new") == "a\n<1>\nnew\n<2>\nb"
    for text in ("<1>", "<2><1>", "<1><1><2>"):
        with pytest.raises(ValueError, match="each once"):
            readme.between(text, "<1>", "<2>", "new")


def test_the_course_map_names_every_notebook_and_its_measured_minutes(monkeypatch):
    lessons = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert list(readme.COURSE) == lessons
    minutes = {lessons[0]: {"cpu-bf16": {"laptop": 1.25}, "cpu": {"laptop": 2.5}}}
    monkeypatch.setattr(readme.profiles, "measured_minutes", lambda: minutes)
    heads, _, first, *_ = readme.course().splitlines()
    assert "with bf16 units" in heads and first.endswith("| 1.2 | 2.5 |")
