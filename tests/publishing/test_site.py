"""The site of the course, built from small notebooks: whole in itself, linked, searchable."""

import html
import json
import re
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from gancourse.course.lessons import LESSONS
from gancourse.publishing import notebooks, slides
from gancourse.publishing.website import exercise_list, overview, pages, site

ROOT = Path(__file__).resolve().parents[2]

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def built(tmp_path):
    """Two notebooks as a site: (folder of pages, records)."""
    root, folder = tmp_path / "repository", tmp_path / "html"
    (root / "notebooks").mkdir(parents=True)
    texts = {
        "00_first": "# 00 First *things*\n\nA first sentence, with [a link](01_second.ipynb#1.1-Why?). Another.",
        "01_second": "# 01 Second\n\nWhat comes next. More.\n\n## 1.1 Why?\n\nBecause of $p_g$, the saddle point.",
    }
    for name, text in texts.items():
        output = nbformat.v4.new_output(
            "display_data", data={"image/png": PICTURE}, metadata={"image/png": {"alt": 'a "dot"'}}
        )
        code = nbformat.v4.new_code_cell("x = 1", execution_count=1, outputs=[output])
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code])
        notebooks.write(notebook, root / "notebooks" / f"{name}.ipynb")
        pages.write_page(root / "notebooks" / f"{name}.ipynb", folder)
    (root / "notebooks" / "INSTRUCTORS.md").write_text("# For instructors\n\n## Hours\n\nTwo hours.\n")
    records = [{"name": name, "status": "ok", "seconds": 90.0, "profile": "laptop"} for name in texts]
    site.finish(records, root / "notebooks", folder, root)
    site.finish(records, root / "notebooks", folder, root)  # a second time changes nothing
    return folder, records


def test_every_link_and_resource_is_there_and_none_is_in_the_network(built):
    folder, _ = built
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="(https?:)?//[^"]*\.(js|css|png)', text), page.name
        body = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
        for link in re.findall(r'(?:href|src)="([^"]+)"', body):
            if link.startswith(("data:", "https:")):
                continue
            name, _, anchor = html.unescape(link).partition("#")
            target = folder / name if name else page
            assert target.is_file(), (page.name, link)
            if anchor:
                ids = re.findall(r'\bid="([^"]+)"', target.read_text(encoding="utf-8"))
                assert anchor in map(html.unescape, ids), (page.name, link)


def test_pages_lead_to_their_neighbours_once(built):
    folder, _ = built
    first = (folder / "00_first.html").read_text(encoding="utf-8")
    assert first.count('rel="next" href="01_second.html"') == 1 and 'rel="prev"' not in first
    assert 'rel="prev" href="00_first.html"' in (folder / "01_second.html").read_text(encoding="utf-8")


def test_the_index_says_what_each_notebook_is_and_took(built):
    text = (built[0] / "index.html").read_text(encoding="utf-8")
    assert "A first sentence, with a link." in text and "Another" not in text
    assert "1.5 minutes" in text and "instructors.html" in text and 'alt="a &quot;dot&quot;"' in text
    assert "as committed" not in text and 'class="contents"' not in text and 'src="pictures/00_first.webp"' in text


def test_the_page_that_plays_is_on_the_index_and_in_search_where_there_is_one(built):
    folder, records = built
    assert "play.html" not in (folder / "index.html").read_text(encoding="utf-8")
    page = f'{pages.BAR}<main><h2 id="walk">A walk</h2>From digit to digit.</main>'
    (folder / "play.html").write_text(page, encoding="utf-8")
    site.finish(records, folder.parent / "repository" / "notebooks", folder, folder.parent / "repository")
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert text[text.index("<main") :].count('<a href="play.html">Play, without Python</a>') == 2
    assert '"page": "play.html", "title": "Play, without Python", "at": "walk"' in (folder / "search.js").read_text(
        encoding="utf-8"
    )
    assert '<a href="play.html" aria-current="page">Play</a>' in (folder / "play.html").read_text(encoding="utf-8")
    assert '<a href="play.html">Play</a>' in (folder / "00_first.html").read_text(encoding="utf-8")


def test_the_moving_picture_stands_still_for_whoever_asks_for_less_motion(built):
    folder, records = built
    root = folder.parent / "repository"
    assert "<picture>" not in (folder / "index.html").read_text()
    (root / overview.MOVING).parent.mkdir(parents=True)
    frames = [Image.new("RGB", (8, 4), colour) for colour in ("red", "blue")]
    frames[0].save(root / overview.MOVING, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    text = site.finish(records, root / "notebooks", folder, root).read_text()
    assert '<source srcset="pictures/course-still.webp" media="(prefers-reduced-motion: reduce)">' in text
    with Image.open(folder / "pictures/course-still.webp") as still:
        assert getattr(still, "n_frames", 1) == 1
        assert still.convert("RGB").tobytes()[2] > 200  # blue: the last frame


@pytest.fixture
def page(tmp_path):
    """The text of a page whose notebook has four set-up cells, a heading with an equation, and code."""
    cell, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    result = nbformat.v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=1)
    cells = [
        cell("# 02 A lesson\n\nAbout it."),
        code("import secret_setup", metadata={"tags": ["setup"]}),
        code("profile = 1", metadata={"tags": ["parameters"]}),
        code("plan = 2", outputs=[result]),
        cell("## 2.1 Why does $D$ answer?\n\nSo."),
        code("def one(a):\n    if a:\n\n        return '<b>'  # long", outputs=[result]),
        cell("## 2.2 Next"),
    ]
    notebooks.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "02_lesson.ipynb")
    return pages.write_page(tmp_path / "02_lesson.ipynb", tmp_path / "html").read_text(encoding="utf-8")


def test_set_up_cells_are_folded_and_what_follows_is_not(page):
    (folded,) = re.findall(r'<details class="setup">(.*?)</details>', page, re.DOTALL)
    assert folded.startswith("<summary>Set-up: 3 cells</summary>")
    assert "secret_setup" in folded and "plan" in folded and "2.1" not in folded and "return" not in folded
    plain = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x"), nbformat.v4.new_markdown_cell("y")])
    assert "fold" not in pages.fold(plain).cells[0].metadata  # no cell of it is tagged as set-up


def test_the_margin_lists_every_section_also_one_with_an_equation(page):
    (contents,) = re.findall(r'<nav class="contents".*?</nav>', page, re.DOTALL)
    assert re.findall(r'href="#([^"]+)"', contents) == ["2.1-Why-does-D-answer?", "2.2-Next"]
    assert "<math" in contents and "ns0" not in page
    assert pages.contents("<h1>Nothing</h1>") == ""
    assert "<b>" not in pages.contents('<h2 id="a">One</h2><b>two</b><a href="#">three</a>')  # a heading without a link


def test_a_line_of_code_is_an_element_that_knows_its_indentation(page):
    code = page[page.index('<h2 id="2.1') :]
    lines = re.findall(r'<span class="line"(?: style="--deep:(\d+)")?>(.*?)\n</span>', code)
    assert [int(deep or 0) for deep, _ in lines] == [0, 4, 0, 8]
    plain = [html.unescape(re.sub("<[^>]*>", "", text)) for _, text in lines]
    assert plain == ["def one(a):", "    if a:", "", "        return '<b>'  # long"]


def test_pages_share_their_style_read_the_search_when_asked_and_have_no_needless_stops_of_the_tab_key(page, tmp_path):
    assert "<style" not in page and 'href="jupyter.css"' in page and "search.js" not in page
    assert 'html[data-theme="dark"]' in (tmp_path / "html" / "jupyter.css").read_text(encoding="utf-8")
    assert "tabindex" not in page and 'href="#content"' in page and '<main id="content">' in page
    assert "In&nbsp;[" not in page and "Out[" not in page


def test_search_finds_sections_by_their_words(built):
    text = (built[0] / "search.js").read_text(encoding="utf-8")
    sections = json.loads(text.removeprefix("window.COURSE = ").rstrip().removesuffix(";"))
    why = next(s for s in sections if s["heading"] == "1.1 Why?")
    assert why["page"] == "01_second.html" and "saddle point" in why["text"] and "<" not in why["text"]
    lists = {"exercises.html", "glossary.html"}
    assert {s["page"] for s in sections} == {"00_first.html", "01_second.html", "instructors.html"} | lists


def test_slides_begin_at_sections_skip_the_setup_and_hide_the_code_of_figures(built, tmp_path):
    folder, _ = built
    path = folder.parent / "repository" / "notebooks" / "01_second.ipynb"
    notebook = notebooks.read(path)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("import secret", metadata={"tags": ["setup"]}))
    notebook.cells.append(nbformat.v4.new_code_cell("shown_code = 2"))
    notebook.cells.append(nbformat.v4.new_markdown_cell("## Of a student", metadata={"tags": ["progress"]}))
    notebooks.write(notebook, path)
    text = slides.write(path, tmp_path / "slides").read_text(encoding="utf-8")
    assert [c.metadata.slideshow.slide_type for c in slides.arranged(notebook).cells] == [
        "slide",
        "skip",
        "subslide",
        "fragment",
        "skip",
    ]
    assert "secret" not in text and "Of a student" not in text and "shown_code" in text and PICTURE in text
    assert "<section" in text and not re.search(r'<span class="n">x</span>', text)


def test_the_picture_of_a_notebook_is_the_named_figure_or_the_tagged_one_or_the_last(tmp_path):
    def cell(alt, *tags):
        data = {"image/png": PICTURE, "text/plain": f"Figure 1.{alt}: something"}
        output = nbformat.v4.new_output("display_data", data=data, metadata={"image/png": {"alt": alt}})
        return nbformat.v4.new_code_cell("x", outputs=[output], metadata={"tags": list(tags)})

    def shown(*cells, figure=""):
        output = overview.chosen_picture(nbformat.v4.new_notebook(cells=cells), figure)
        assert output is not None
        return output["metadata"]["image/png"]["alt"]

    assert shown(cell("1"), cell("2")) == "2"
    assert shown(cell("1", "thumbnail"), cell("2")) == "1"
    assert shown(cell("1"), cell("2", "thumbnail"), cell("11"), figure="1.1") == "1"
    assert shown(cell("1"), cell("2"), figure="1.9") == "2"
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x")])
    assert overview.thumbnail(empty, "01_none", tmp_path) == "" and not list(tmp_path.iterdir())


def test_the_figures_that_stand_for_lessons_are_in_their_notebooks():
    for name, lesson in LESSONS.items():
        notebook = notebooks.read(ROOT / "notebooks" / f"{name}.ipynb")
        output = overview.chosen_picture(notebook, lesson.figure)
        assert output is not None and output["data"]["text/plain"].startswith(
            f"Figure {lesson.figure}" if lesson.figure else ""
        )


def test_a_lesson_shows_the_question_of_the_table_its_exercises_and_its_minutes(tmp_path, monkeypatch):
    table = "| lesson | question |\n|---|---|\n| [00 Start](00_start.ipynb) | What is $G$? |"
    exercise = "## 0.1 Why?\n\n**Exercise: One** (easy, 3 minutes). Do it.\n\n## 0.2 How?"
    second = "**Exercise: Two** (hard, 60 minutes). Do that."
    cells = [nbformat.v4.new_markdown_cell(text) for text in ("# 00 Start", table, exercise, second)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    monkeypatch.setattr(overview.profiles, "measured_minutes", lambda: {"00_start": {"cpu": {"laptop": 1.24}}})
    record = {"name": "00_start", "status": "as committed", "seconds": None, "profile": ""}
    text = overview.body([record], {"00_start": notebook}, tmp_path, tmp_path)
    assert "What is <math" in text and "runs 1.2 minutes · 2 exercises, some 1 hour<" in text
    found = exercise_list.listed(notebook)
    assert [(e.title, e.difficulty, e.minutes, e.section) for e in found] == [
        ("One", "easy", 3, "0.1 Why?"),
        ("Two", "hard", 60, "0.2 How?"),
    ]


def test_an_exercise_of_unknown_difficulty_is_refused():
    cell = nbformat.v4.new_markdown_cell("**Exercise: One** (tricky, 3 minutes). Do it.")
    with pytest.raises(ValueError, match=r"'One' is called 'tricky', expected one of easy"):
        exercise_list.listed(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.parametrize(
    ("minutes", "words"), [(47, "47 minutes"), (60, "1 hour"), (67, "1 hour"), (90, "1.5 hours"), (240, "4 hours")]
)
def test_minutes_in_words(minutes, words):
    assert overview.hours(minutes) == words


def test_ways_through_the_course_count_what_their_lessons_hold(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "INSTRUCTORS.md").write_text("| 1 (1 h) | 00 |\n| 2 (1.5 h) | 01 |\n")
    cell = nbformat.v4.new_markdown_cell("# A lesson\n\n**Exercise: One** (easy, 20 minutes). Do it.")
    found: overview.Read = {name: nbformat.v4.new_notebook(cells=[cell]) for name in ("00_a", "02_b", "06_c")}
    records = [{"name": name, "status": "as committed", "seconds": None, "profile": ""} for name in found]
    text = overview.body(records, found, tmp_path, tmp_path)
    assert "An afternoon" in text and "A week" not in text  # lessons are missing for it
    assert "3 exercises, some 1 hour by their estimates" in text and "has 2 sessions, 2.5 hours." in text


def test_a_title_is_plain_text():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 06 What is in $z$?")])
    assert notebooks.title(notebook, "06") == "06 What is in z?"
