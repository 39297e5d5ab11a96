"""The site of the course, built from small notebooks: whole in itself, linked, searchable."""

import html
import json
import re

import nbformat
import pytest

from gancourse.publishing import notebooks, pages, site, slides

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


def test_search_finds_sections_by_their_words(built):
    text = (built[0] / "search.js").read_text(encoding="utf-8")
    sections = json.loads(text.removeprefix("window.COURSE = ").rstrip().removesuffix(";"))
    why = next(s for s in sections if s["heading"] == "1.1 Why?")
    assert why["page"] == "01_second.html" and "saddle point" in why["text"] and "<" not in why["text"]
    assert {s["page"] for s in sections} == {"00_first.html", "01_second.html", "instructors.html"}


def test_slides_begin_at_sections_skip_the_setup_and_hide_the_code_of_figures(built, tmp_path):
    folder, _ = built
    path = folder.parent / "repository" / "notebooks" / "01_second.ipynb"
    notebook = notebooks.read(path)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("import secret", metadata={"tags": ["setup"]}))
    notebook.cells.append(nbformat.v4.new_code_cell("shown_code = 2"))
    notebooks.write(notebook, path)
    text = slides.write(path, tmp_path / "slides").read_text(encoding="utf-8")
    assert [c.metadata.slideshow.slide_type for c in slides.arranged(notebook).cells] == [
        "slide",
        "skip",
        "subslide",
        "fragment",
    ]
    assert "secret" not in text and "shown_code" in text and PICTURE in text
    assert "<section" in text and not re.search(r'<span class="n">x</span>', text)


def test_the_tagged_picture_stands_for_a_notebook_or_else_the_last_one():
    def cell(alt, *tags):
        about = {"image/png": {"alt": alt}}
        output = nbformat.v4.new_output("display_data", data={"image/png": PICTURE}, metadata=about)
        return nbformat.v4.new_code_cell("x", outputs=[output], metadata={"tags": list(tags)})

    def shown(*cells):
        (alt,) = re.findall(r'alt="(\w*)"', site.thumbnail(nbformat.v4.new_notebook(cells=cells)))
        return alt

    assert shown(cell("one"), cell("two")) == "two"
    assert shown(cell("one", "thumbnail"), cell("two")) == "one"
    assert site.thumbnail(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x")])) == ""


def test_a_title_is_plain_text():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 06 What is in $z$?")])
    assert notebooks.title(notebook, "06") == "06 What is in z?"
