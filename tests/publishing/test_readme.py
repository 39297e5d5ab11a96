"""The figures of the README and of the pages beside the notebooks are those of the results that the package ships."""

import json
import re
import runpy
from pathlib import Path

import pytest
import torch
from PIL import Image

from gancourse.__main__ import ROOMS, main
from gancourse.course.lessons import LESSONS
from gancourse.course.verdicts import HOLDS
from gancourse.data import sheets
from gancourse.publishing import front, readme
from gancourse.publishing.website import site

ROOT = Path(__file__).parents[2]
BENCHMARKS = {  # "tests" may be a package of another project
    name: runpy.run_path(str(ROOT / "tests" / "benchmarks" / f"{name}.py"))
    for name in ("bench", "algorithms", "peers", "latencies")
}
MARKS = BENCHMARKS["bench"]["MARKS"]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in readme.PAGES}
README, SPEED = PAGES["README.md"], PAGES["notebooks/SPEED.md"]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_speed_table_is_the_recorded_one(name):
    recorded = json.loads((ROOT / "gancourse/assets/results/bench.json").read_text(encoding="utf-8"))
    results = recorded if name == "bench" else recorded[name]
    with_table = BENCHMARKS[name]["with_table"]
    assert with_table(SPEED, results["machine"], results["rows"]) == SPEED
    rates: dict[str, object] = {"ratio": 99.0, "median": 999.0}
    if name == "peers":
        rates = {"ratios": dict.fromkeys(results["rows"][0]["ratios"], 99.0)}
    spoilt = [row | rates for row in results["rows"]]
    assert with_table(SPEED, results["machine"], spoilt) != SPEED


def test_every_make_target_is_in_the_readme_and_every_link_leads_somewhere():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert targets == set(re.findall(r"`make ([a-z-]+)`", README.split("## Make targets")[1].split("\n## ")[0]))
    for page in [ROOT / "README.md", *sorted(ROOT.glob("notebooks/*.md")), ROOT / "gancourse" / "README.md"]:
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == [], page.name
    assert len(re.findall(r"\]\([^)#]+\)", README)) > 15


def test_the_readme_leads_to_every_page_beside_the_notebooks_and_so_does_the_site():
    stems = sorted(path.stem for path in ROOT.glob("notebooks/*.md"))
    assert [stem for stem in stems if f"(notebooks/{stem}.md)" not in README] == []
    assert sorted(site.EXTRA) == stems


def test_every_command_and_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = {name for names in ROOMS.values() for name in names}
    for name in [*PAGES, "notebooks/SCALE.md", "notebooks/INSTRUCTORS.md", "gancourse/README.md"]:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"python -m gancourse ([a-z-]+)", text)) <= commands, name
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets, name


def test_the_marks_stand_once():
    assert [SPEED.count(mark) for mark in MARKS] == [1, 1]
    assert sorted(name for names in readme.PAGES.values() for name in names) == sorted(readme.TABLES)
    for page, names in readme.PAGES.items():
        assert [[PAGES[page].count(mark) for mark in readme.marks(name)] for name in names] == [[1, 1]] * len(names)


def test_the_tables_are_those_of_the_results(tmp_path):
    for text in PAGES.values():
        assert readme.with_tables(text) == text, "run: python -m gancourse readme"
    claims = PAGES["notebooks/CLAIMS.md"]
    (tmp_path / "CLAIMS.md").write_text(claims.replace("**holds**", "**fails**"), encoding="utf-8")
    assert main(["readme", str(tmp_path / "CLAIMS.md")]) == 0
    assert (tmp_path / "CLAIMS.md").read_text(encoding="utf-8") == claims


@pytest.mark.parametrize("name", front.FINDINGS)
def test_a_finding_is_borne_out_by_its_results_and_has_its_figure(name):
    one = front.FINDINGS[name]
    assert set(one.verdicts()) == {HOLDS}, "the results no longer say so: write another finding"
    assert f"({front.FOLDER}/finding-{name}.webp)" in README and "{" not in front.markdown()
    assert set(re.findall(r"\{(.+?)\}", one.text)) <= {*one.rows(), "seeds"}


def test_the_pictures_of_the_front_door_are_small_and_made_by_a_command(tmp_path, monkeypatch):
    monkeypatch.setattr(front, "strip", lambda: Image.new("RGB", (8, 8)))
    assert main(["pictures", str(tmp_path)]) == 0
    for made in tmp_path.iterdir():
        there = ROOT / front.FOLDER / made.name
        assert f"({front.FOLDER}/{made.name})" in README and there.stat().st_size < 400_000
        if made.name.startswith("finding-"):
            assert Image.open(made).size == pytest.approx(Image.open(there).size, rel=0.05)


def test_the_strip_shows_real_images_beside_generated_ones(monkeypatch):
    asked: list[str] = []

    def samples(name, n):
        asked.append(name)
        return torch.zeros(n, 3, 9, 9).byte()

    monkeypatch.setattr(front, "samples", samples)
    page = front.strip()
    assert asked == [front.DIGITS, front.CHURCHES, front.PHOTOGRAPHS]
    assert page.size == (5 * (front.SIDE + front.GAP) - front.GAP, front.SIDE + front.WORDS)


def style_rows(*arms):
    strip = sheets.pack(torch.zeros(48, 3, 64, 64, dtype=torch.uint8), quality=90)
    quality = {"distance": 9.0, "kinds": 0.9, "recall": 0.5}
    trained = {"stages": [[16, 2, 0.1], [64, 1, None]], "images": 1000, "training_seconds": 120}
    return {"rows": [{"arm": arm, "strip": strip, "quality": quality} | trained for arm in arms]}


ARMS = ("dcgan", "dcgan", "stylegan", "stylegan", "dcgan-long", "shipped")


def test_the_page_of_styles_shows_both_kinds_and_below_it_stand_their_numbers(monkeypatch):
    monkeypatch.setattr(front, "results", lambda name: style_rows(*ARMS))
    stages = [{"size": 16, "images": 5_000, "seconds": 60}, {"size": 64, "images": 2_000, "seconds": 240}]
    monkeypatch.setattr(front.pretrained, "card", lambda name: {"stages": stages})
    page = front.styles()
    assert page.size == (2 * (8 * 66 - 2) + front.GAP, 6 * 66 - 2 + front.WORDS)
    table = front.styles_measured().splitlines()[2:]
    assert table[0] == "| DCGAN | 2 | 3,000 | 9 | 0.9 | 0.5 |" and table[1].startswith("| StyleGAN | 5 | 7,000 | 9 |")
    assert table[2] == "| DCGAN, short | 2 | 3,000 | 9 ± 0 | 0.9 ± 0 | 0.5 ± 0 |" and len(table) == 4


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
    assert list(LESSONS) == lessons
    minutes = {lessons[0]: {"cpu-bf16": {"laptop": 1.25}, "cpu": {"laptop": 2.5}}}
    monkeypatch.setattr(readme.profiles, "measured_minutes", lambda: minutes)
    heads, _, first, *_ = readme.course().splitlines()
    assert "with bf16 units" in heads and first.endswith("| 1.2 | 2.5 |")
