"""What makes one site of the course's pages: the index, the way from page to page, search, and the shared files."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from gancourse.publishing import notebooks
from gancourse.publishing.website import exercise_list, glossary, measurements, overview, pages

SHARED = ("site.css", "site.js", "theme.js")
# Markdown files beside the notebooks that become pages of their own; CLAIMS becomes a page of another form
EXTRA = ("CLAIMS", "SCORES", "SPEED", "SCALE", "INSTRUCTORS")
PLAY = "play.html"
# The parts of the site, in the bar of every page
PLACES = {
    "index.html#lessons": "Lessons",
    PLAY: "Play",
    "exercises.html": "Exercises",
    "glossary.html": "Glossary",
    "claims.html": "Claims",
    "instructors.html": "Teaching",
}

FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="site.css"><link rel="icon" href="data:,">
<script src="theme.js"></script></head><body class="plain">
{bar}{before}<main id="content">
{body}
</main>{after}
<script src="site.js" defer></script></body></html>
"""


def finish(records: list[dict[str, Any]], executed: Path, folder: Path, root: Path) -> Path:
    """Write what the pages in `folder` share, and `index.html`; returns its path.

    records: one for each notebook, in reading order: name, status, seconds (or None), profile. executed: the folder of
    the notebooks that the pages were made of. root: the repository, for the pages that are Markdown files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        (folder / name).write_text(pages.asset(name), encoding="utf-8")
    found = {record["name"]: _read(executed, record["name"]) for record in records}
    there = {name: notebook for name, notebook in found.items() if (folder / f"{name}.html").exists()}
    titles = {name: notebooks.title(notebook, name) for name, notebook in there.items()}
    words = glossary.found(there)
    others = [
        _written(folder, "exercises", "Exercises", exercise_list.body(there)),
        _written(folder, "glossary", "Glossary", glossary.body(words, titles)),
        *filter(None, (_extra(root / "notebooks" / f"{name}.md", folder, titles) for name in EXTRA)),
    ]
    if (folder / PLAY).exists():  # written by another module of this room, where there is one
        others.insert(0, (folder / PLAY, "Play, without Python"))
    links = "".join(f'<li><a href="{page.name}">{title}</a></li>' for page, title in others)
    index = folder / "index.html"
    more = f'<h2 id="more">More</h2>\n<ul class="more">{links}</ul>'
    first = framed("gancourse", overview.body(records, found, folder, root, more), margin=False)
    index.write_text(first, encoding="utf-8")
    order = [None, *there, None]
    for before, name, after in zip(order, there, order[2:], strict=False):
        _complete(folder / f"{name}.html", before, after, titles)
    for page in (index, *(page for page, _ in others), *(folder / f"{name}.html" for name in there)):
        _with_places(page, folder)
    sections = [section for name in there for section in _sections(folder / f"{name}.html", titles[name])]
    for page, title in others:
        sections += _sections(page, title)
    text = json.dumps(sections, ensure_ascii=False)
    (folder / "search.js").write_text(f"window.COURSE = {text};\n", encoding="utf-8")
    return index


def _read(executed: Path, name: str) -> notebooks.Notebook | None:
    path = executed / f"{name}.ipynb"
    return notebooks.read(path) if path.exists() else None


def _written(folder: Path, name: str, title: str, body: str) -> tuple[Path, str]:
    """A page that is written to `folder`/NAME.html: where it is, and its title."""
    page = folder / f"{name}.html"
    page.write_text(framed(html.escape(title), body), encoding="utf-8")
    return page, title


def _with_places(page: Path, folder: Path) -> None:
    """Links to the site's parts, in the bar of `page`; the part that it is itself is marked."""
    links = []
    for name, title in PLACES.items():
        if (folder / name.partition("#")[0]).exists():
            here = ' aria-current="page"' if page.name == name else ""
            links.append(f'<a href="{name}"{here}>{title}</a>')
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"(<!--places-->).*?(?=</nav>)", lambda mark: mark[1] + "".join(links), text, count=1)
    page.write_text(text, encoding="utf-8")


def _complete(page: Path, before: str | None, after: str | None, titles: dict[str, str]) -> None:
    """Links to the previous and the next page at the foot of `page`, and ids that the lists of the site lead to."""

    def link(name: str | None, words: str, rel: str) -> str:
        if name is None:
            return "<span></span>"
        return f'<a rel="{rel}" href="{name}.html"><small>{words}</small>{html.escape(titles[name])}</a>'

    foot = f'<nav class="neighbours">{link(before, "previous", "prev")}{link(after, "next", "next")}</nav>'
    text = page.read_text(encoding="utf-8")
    text = re.sub(r'<!--neighbours-->(<nav class="neighbours">.*?</nav>)?', lambda _: "<!--neighbours-->" + foot, text)
    page.write_text(glossary.with_anchors(exercise_list.with_anchors(text)), encoding="utf-8")


def _extra(path: Path, folder: Path, titles: dict[str, str]) -> tuple[Path, str] | None:
    """A Markdown file as a page: where it is, and its title. None where there is no such file."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    title = heading.group(1) if heading else path.stem
    body = measurements.body(path, titles) if path.stem == "CLAIMS" else pages.markdown(text)
    return _written(folder, path.stem.lower(), title, body)


def framed(title: str, body: str, margin: bool = True) -> str:
    """A whole page from the HTML of its <main>; with its sections in the margin, where it has one."""
    contents = pages.contents(body) if margin else ""
    before, after = (f'<div class="page">{contents}', "</div>") if contents else ("", "")
    return FRAME.format(title=title, bar=pages.BAR, body=body, before=before, after=after)


def _sections(page: Path, title: str) -> list[dict[str, str]]:
    """What search looks through: the page, title, anchor, heading and text of each section, or word of the glossary."""
    text = page.read_text(encoding="utf-8")
    text = text[text.find("<main") : text.find("</main>")]
    parts = re.split(r'<(?:h[1-3]|dt) id="([^"]+)">(.*?)</(?:h[1-3]|dt)>', text, flags=re.DOTALL)
    found = []
    for anchor, heading, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found.append(
            {
                "page": page.name,
                "title": title,
                "at": html.unescape(anchor),
                "heading": _words(heading),
                "text": _words(body),
            }
        )
    return found


def _words(markup: str) -> str:
    """The words of some HTML: no tags, no equations, no spaces in a row."""
    markup = re.sub(r"<(style|script|math|annotation)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    markup = re.sub(r"</?(?:span|strong|em|a|code)\b[^>]*>", "", markup)  # these stand inside of words and sentences
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).replace("¶", " ").split())
