"""The README's figures are those of the results that the package ships."""

import json
import re
from pathlib import Path

from tests.benchmarks.bench import MARKS, RESULTS, with_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_speed_table_is_the_recorded_one():
    results = json.loads((ROOT / RESULTS).read_text(encoding="utf-8"))
    assert with_table(README, results["machine"], results["rows"]) == README
    spoilt = [dict(row, ratio=99.0) for row in results["rows"]]
    assert with_table(README, results["machine"], spoilt) != README


def test_every_make_target_is_in_the_readme_and_every_link_leads_somewhere():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert targets == set(re.findall(r"`make ([a-z]+)`", README.split("## Make targets")[1].split("\n## ")[0]))
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links and all((ROOT / link).exists() for link in links)


def test_the_marks_stand_once():
    assert [README.count(mark) for mark in MARKS] == [1, 1]
