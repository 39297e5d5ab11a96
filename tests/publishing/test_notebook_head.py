"""What the head of each notebook repeats from elsewhere: one address of the repository, one table of minutes."""

import json
import re
from pathlib import Path

import pytest

from gancourse.course.lessons import LESSONS
from gancourse.publishing import notebook_head, notebooks, pipeline
from gancourse.publishing.website import overview, pages

ROOT = Path(__file__).resolve().parents[2]
NAMES = notebooks.names(ROOT)
SLUG = notebook_head.repository(ROOT)
MINUTES = ROOT / "gancourse" / "assets" / "results" / "minutes.json"
SOURCE = """\
# %% [markdown]
# # 02 A title
#
# What it is about. And more.
#
# **Time.** Some minutes; the plan cell
# prints them.
#
# The end.

# %% tags=["setup"]
package = "gancourse @ git+https://github.com/somebody/else"
"""


def source(name):
    return notebooks.source_path(ROOT, name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_head_is_up_to_date(name):
    assert not notebook_head.update(ROOT, name, write=False), "run `make sync`"
    first = notebooks.read(notebooks.built_path(ROOT, name)).cells[0].source
    assert first.count(notebook_head.badge(SLUG, name)) == 1
    assert "| smoke | laptop | paper, estimated |" in first


def test_the_address_is_the_same_everywhere():
    """Badges, setup cells, README and the instructors' page know one repository, and nothing else of that name."""
    texts = {name: source(name) for name in NAMES}
    for name, text in texts.items():
        assert text.count(f'gancourse @ git+https://github.com/{SLUG}"') == 1, name
    for page in ["README.md", *(f"notebooks/{path.name}" for path in ROOT.glob("notebooks/*.md"))]:
        texts[page] = (ROOT / page).read_text(encoding="utf-8")
    for name, text in texts.items():
        found = re.findall(r"github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?=[\s\"')/>]|$)", text)
        found += re.findall(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)", text)
        assert [slug for slug in found if slug.split("/")[-1] == "gancourse" and slug != SLUG] == [], name


def test_a_new_address_and_new_minutes_are_written(tmp_path):
    minutes = tmp_path / "minutes.json"
    lessons = {"02_mlp_gan_mnist": {"cpu": {"laptop": 5.04}, "cpu-bf16": {"smoke": 0.4, "laptop": 3.64, "paper": 200}}}
    machines = {"cpu": "2-core X, AVX2 only; torch 2", "cpu-bf16": "8-core Y; torch 2"}
    minutes.write_text(json.dumps({"lessons": lessons, "machines": machines}))
    table = notebook_head.minutes_table("02_mlp_gan_mnist", minutes)
    assert table[2].startswith("# | 2 cores without bfloat16 units (AVX2 only) |  | 5.0 | ")
    assert table[3] == "# | 8 cores with bfloat16 units | 0.4 | 3.6 | 3.3 hours |"
    once = notebook_head.updated(SOURCE, "02_a", "me/mine", table)
    assert once.startswith(f"# %% [markdown]\n# # 02 A title\n#\n# {notebook_head.badge('me/mine', '02_a')}\n#\n# What")
    assert "# prints them.\n#\n# | minutes" in once and "hours |\n#\n# The end." in once
    assert "git+https://github.com/me/mine" in once and "somebody" not in once
    assert notebook_head.updated(once, "02_a", "me/mine", table) == once
    moved = notebook_head.updated(once, "02_a", "you/yours", [])
    assert "mine" not in moved and "| minutes" not in moved
    assert moved == notebook_head.updated(SOURCE, "02_a", "you/yours", [])
    assert notebook_head.minutes_table("02_mlp_gan_mnist", tmp_path / "none.json") == []
    assert notebook_head.minutes_table("99_none", minutes) == []


def test_a_missing_or_odd_address_is_refused(tmp_path):
    for urls in ("", '[project.urls]\nRepository = "https://example.org/x"\n'):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n{urls}')
        with pytest.raises(ValueError, match=r"no \[project.urls\] Repository of the form"):
            notebook_head.repository(tmp_path)


def test_sync_and_check_keep_the_head(tmp_path):
    folder = tmp_path / "notebooks" / "src"
    folder.mkdir(parents=True)
    (folder / "02_a.py").write_text(SOURCE, encoding="utf-8")
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/me/mine"\n')
    pipeline.sync(tmp_path)
    assert pipeline.check(tmp_path) == []
    built = notebooks.read(notebooks.built_path(tmp_path, "02_a"))
    assert "me/mine" in built.cells[0].source and "me/mine" in built.cells[1].source
    project.write_text(project.read_text().replace("me/mine", "you/yours"))
    assert pipeline.check(tmp_path) == ["02_a: its badge, its address or its table of minutes is not up to date"]
    pipeline.sync(tmp_path)
    assert pipeline.check(tmp_path) == []
    assert overview.summary(built) == "What it is about."


def test_pages_have_words_in_the_place_of_the_badge():
    """The site needs no network; the badge is a picture on Colab's server."""
    page = pages.markdown(notebook_head.badge("me/mine", "02_a"))
    assert "<img" not in page and ">Open in Colab</a>" in page and "blob/main/notebooks/02_a.ipynb" in page


def test_the_recorded_minutes_name_their_machine():
    table = json.loads(MINUTES.read_text(encoding="utf-8"))
    classes = {kind for lesson in table["lessons"].values() for kind in lesson}
    assert classes == table["machines"].keys() <= notebook_head.KINDS.keys()
    if "cpu" in classes:
        assert "only" in table["machines"]["cpu"]
    assert table["lessons"].keys() == LESSONS.keys()
