"""The lists of the site, made from the lessons: glossary, exercises, claims and measurements."""

import re
from pathlib import Path

import nbformat
import pytest

from gancourse.course import claims
from gancourse.course.studies import runner
from gancourse.publishing import notebooks
from gancourse.publishing.website import exercise_list, glossary, measurements, pages, site

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lessons():
    return {name: notebooks.read(notebooks.built_path(ROOT, name)) for name in notebooks.names(ROOT)}


def of(*texts):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])


def test_the_lessons_introduce_every_word_of_the_glossary(lessons):
    missing = glossary.TERMS.keys() - {entry.term for entry in glossary.found(lessons)}
    assert not missing, f"no lesson has these in bold: take them out of glossary.TERMS, or mend them: {missing}"
    assert len({glossary.anchor(term) for term in glossary.TERMS}) == len(glossary.TERMS)


@pytest.mark.parametrize(
    "text",  # what is expected stands in braces
    [
        "One. {A **pool** keeps fakes of the last fifty steps of training, at least.} Two.",
        "- Zero is here.\n- {**lerp** is a straight way, and no more than this is said of it here.}\n- Two.",
        "{Heusel et al. (2017) called it **FID**, which is the name that everybody uses.}",
        "{The **value** is\n\n$$ V. \\tag{1} $$}\n\nMore.",
        "Zero. {A short **U-Net**. It halves.} It doubles.",
        "{A **U-Net**. It halves.} It doubles.",
        "{(It was found by several people, and in other ways, under the name **f-GAN**.)}",
    ],
)
def test_a_word_is_explained_by_the_sentence_in_which_it_is_bold(text):
    says = text[text.index("{") + 1 : text.rindex("}")]
    term = says.split("**")[1]
    assert glossary.sentence(text[: text.index("{")] + says + text[text.rindex("}") + 1 :], term) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(One. It was found by several people, and in other ways, as **f-GAN**.)", "It was found by several people"),
        ("**lerp** is a straight way, and no more than this is said of it here;", "**lerp** is a straight way"),
        ("A **U-Net**.\n\nIt halves. It doubles.", "A **U-Net**. It halves."),
    ],
)
def test_a_sentence_that_is_taken_out_of_its_place_ends_as_one(text, says):
    found = glossary.sentence(text, text.split("**")[1])
    assert found.startswith(says) and found.endswith(".") and "doubles" not in found


def test_a_word_leads_to_the_first_place_in_the_first_lesson(tmp_path):
    lessons = {"01_a": of("# A\n\nA **plan** says it."), "02_b": of("# B\n\nNo **plan**, a **pool**, the **pool**.")}
    for name, notebook in lessons.items():
        notebooks.write(notebook, tmp_path / f"{name}.ipynb")
        pages.write_page(tmp_path / f"{name}.ipynb", tmp_path)
    records = [{"name": name, "status": "ok", "seconds": None, "profile": ""} for name in lessons]
    site.finish(records, tmp_path, tmp_path, tmp_path)
    site.finish(records, tmp_path, tmp_path, tmp_path)
    text = (tmp_path / "glossary.html").read_text()
    assert 'href="01_a.html#term-plan"' in text and 'href="02_b.html#term-plan"' not in text
    assert 'href="02_b.html#term-pool"' in text
    page = (tmp_path / "02_b.html").read_text()
    assert page.count('id="term-pool"') == 1 and page.index('id="term-pool"') < page.index("<strong>pool")
    assert '"at": "term-pool", "heading": "pool of fakes", "text": "No plan' in (tmp_path / "search.js").read_text()
    assert page.count('href="glossary.html"') == 1 and '<a href="glossary.html" aria-current="page">' in text


def test_every_exercise_of_the_lessons_is_listed_once_with_a_place_of_its_own(lessons):
    text = exercise_list.body(lessons)
    links = re.findall(r'href="(\d\d_\w+)\.html#(exercise-[^"]+)"', text)
    announced = [
        (name, exercise_list.anchor(pages.inline(title)))
        for name, notebook in lessons.items()
        for cell in notebook.cells
        for title in re.findall(r"\*\*Exercise: (.+?)\*\*", cell.source)
    ]
    assert links == announced and len(set(links)) == len(links)
    total = re.findall(r"<td>(\d+)</td>", text[text.index("<tfoot>") :])
    assert sum(map(int, total[:3])) == len(links)


def test_exercises_are_counted_by_lesson_and_difficulty_and_anchored_in_their_page():
    lessons = {"01_a": of("# A\n\n## 1.1 Why?", "**Exercise: `one` of $G$** (hard, 5 minutes). Do."), "02_b": of("# B")}
    text = exercise_list.body(lessons)
    assert "<td>0</td><td>0</td><td>1</td><td>5</td>" in text and 'id="02_b"' not in text
    assert 'data-kind="hard"' in text and "1.1 Why?" in text
    page = exercise_list.with_anchors(pages.markdown(lessons["01_a"].cells[1].source))
    (anchor,) = re.findall(r'href="01_a.html#([^"]+)"', text)
    assert f'<strong id="{anchor}">Exercise: ' in page and exercise_list.with_anchors(page) == page


def test_the_page_of_claims_has_each_with_its_verdict_and_every_study_with_its_command():
    path = ROOT / "notebooks" / "CLAIMS.md"
    rows = measurements.claims(path.read_text(encoding="utf-8"))
    made = claims.table()
    assert [row["claim"] for row in rows] == [row["claim"] for row in made]
    assert [row["verdict"] for row in rows] == [row["verdict"] for row in made]
    text = measurements.body(path, {"02_mlp_gan_mnist": "02"})
    assert text.count("<dt>holds if</dt>") == len(rows) and "<!--" not in text
    assert {study.name for study in measurements.studies()} <= set(runner.names())
    assert "python -m gancourse reproduce clinic</code>" in text and 'href="02_mlp_gan_mnist.html">02</a>' in text
    assert 'href="03_' not in text  # a lesson without a page


def test_a_row_of_claims_that_lacks_a_cell_is_refused():
    with pytest.raises(ValueError, match="a claim has 4 cells, expected paper, claim"):
        measurements.claims("| paper | claim | holds if | measured | verdict |\n| --- | --- |\n| P1 | a | b | c |")
