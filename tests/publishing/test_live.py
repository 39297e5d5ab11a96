"""Widgets that a lesson's page plays: which they are, as what, and what is written. tests/browser plays them."""

import html
import re
from pathlib import Path

import nbformat
import pytest

from gancourse.publishing import notebooks
from gancourse.publishing.website import live, pages, play, site

ROOT = Path(__file__).resolve().parents[2]
PLAYED = {
    ("01", "optimal_discriminator_explorer"): ("optimal", "whole"),
    ("01", "playground"): ("playground", "whole"),
    ("02", "latent_explorer"): ("explore", "whole"),
    ("03", "latent_explorer"): ("explore", "whole"),
    ("06", "interpolator"): ("explore walk", "grid"),
    ("06", "seed_map"): ("explore", "map"),
    ("06", "arithmetic"): ("explore arithmetic", "grid"),
    ("06", "latent_explorer"): ("explore", "whole"),  # that of G; that of G_church stays a picture
    ("06", "epochs_scrubber"): ("epochs", "whole"),
    ("06", "real_or_fake"): ("game", "whole"),
}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def calls():
    """The widgets of the lessons: (lesson, what its cell calls)."""
    for path in sorted((ROOT / "notebooks" / "src").glob("*.py")):
        for call in re.findall(r"^widgets\.(.+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield path.stem[:2], call


def test_every_widget_of_every_lesson_is_decided_once():
    found = list(calls())
    rows = [(lesson, begins) for lesson, those in live.WIDGETS.items() for begins in those]
    assert len(found) == len(rows) > 15
    for lesson, call in found:
        assert sum(of == lesson and call.startswith(begins) for of, begins in rows) == 1, (lesson, call)
    for lesson, begins in rows:
        assert sum(of == lesson and call.startswith(begins) for of, call in found) == 1, (lesson, begins)
    for those in live.WIDGETS.values():
        assert all(len(plays if isinstance(plays, str) else plays.note) > 20 for plays in those.values())


def test_what_plays_which_widget():
    found = {}
    for lesson, call in calls():
        if plays := live.of(lesson, f"x = 1\nwidgets.{call}"):
            found[lesson, call.partition("(")[0]] = (plays.parts, plays.form)
    assert found == PLAYED
    assert live.of("01", "print(widgets.playground())") is live.of("07", "widgets.playground()") is None


def test_the_committed_notebooks_have_a_picture_for_each():
    for lesson in sorted({lesson for lesson, _ in PLAYED}):
        (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
        notebook = notebooks.read(path)
        assert live.mark(notebook, lesson)
        marked = [
            output.metadata["image/png"]
            for cell in notebook.cells
            for output in cell.get("outputs", ())
            if "live" in output.get("metadata", {}).get("image/png", {})
        ]
        assert len(marked) == sum(of == lesson for of, _ in PLAYED)
        assert all(about["alt"] for about in marked)  # which names the button, too


def page(tmp_path, lesson, code):
    output = nbformat.v4.new_output(
        "display_data", data={"image/png": PICTURE}, metadata={"image/png": {"alt": "A widget. As it was."}}
    )
    cells = [nbformat.v4.new_markdown_cell("# Lesson"), nbformat.v4.new_code_cell(code, outputs=[output])]
    path = tmp_path / f"{lesson}_lesson.ipynb"
    notebooks.write(nbformat.v4.new_notebook(cells=cells), path)
    return pages.write_page(path, tmp_path / "html").read_text(encoding="utf-8")


def test_a_page_keeps_the_picture_and_says_beside_it_what_plays(tmp_path):
    text = page(tmp_path, "06", "widgets.seed_map(G, seed=seed)")
    box = re.search(
        r'<div class="live"([^>]*)>\s*<div class="jp-RenderedImage[^>]*>\s*<img([^>]*)>\s*</div></div>', text
    )
    assert box and 'data-parts="explore"' in box[1] and 'data-form="map"' in box[1]
    assert "not the notebook's generator" in html.unescape(box[1])
    assert PICTURE in box[2] and 'alt="A widget. As it was."' in box[2]
    assert "<canvas" not in text and "play" not in re.sub(r'<div class="live"[^>]*>', "", text)  # loaded when asked for
    assert re.findall(r'<script[^>]* src="(?!theme|site)([^"]+)"', text) == ["live.js"]
    assert (tmp_path / "html" / "live.js").is_file()


@pytest.mark.parametrize(
    ("lesson", "code"),
    [("07", "widgets.playground()"), ("06", "widgets.latent_explorer(G_church, seed=seed)"), ("06", "x = 1")],
)
def test_a_page_without_such_a_widget_knows_nothing_of_it(tmp_path, lesson, code):
    text = page(tmp_path, lesson, code)
    assert PICTURE in text and "live" not in text
    assert not (tmp_path / "html" / "live.js").exists()


def test_a_widget_without_a_picture_is_not_marked():
    output = nbformat.v4.new_output("display_data", data={"text/plain": "a widget"})
    cell = nbformat.v4.new_code_cell("widgets.playground()", outputs=[output])
    assert not live.mark(nbformat.v4.new_notebook(cells=[cell]), "01")


def test_the_parts_are_those_of_the_page_play_and_of_lessons_without_ids():
    parts, whole = live.parts(), play.body() + play.asset("lessons.html")
    assert set(parts) == {"explore", "walk", "epochs", "game", "playground", "optimal", "arithmetic"}
    for name, markup in parts.items():
        assert markup.startswith("<section ") and markup.endswith("</section>")
        assert f'data-part="{name}"' in markup and 'aria-label="' in markup.partition(">")[0]
        assert not re.search(r'\bid="|aria-labelledby|<h\d', markup)
        inside = markup[markup.index(">") :].strip(">\n")
        assert inside in whole, name  # word for word: there is one copy
    assert parts["explore"].count('data-of="sliders"') == 3


def test_the_script_asks_for_files_that_the_site_has_and_for_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(play, "data", lambda: "")
    text = live.write(tmp_path).read_text(encoding="utf-8")
    play.write(tmp_path, site.FRAME)
    asked = re.findall(r'(?:href|src): "([^"]+)"', text)
    assert sorted(asked) == ["play-data.js", "play.css", "play.js"]
    assert all((tmp_path / name).is_file() for name in asked)
    assert not re.search(r"https?://|\bfetch\(|XMLHttpRequest|import\(", text)
