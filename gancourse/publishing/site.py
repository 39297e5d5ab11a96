"""What makes one site of the course's pages: the index, the way from page to page, search, and the shared files."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from gancourse.publishing import notebooks, overview, pages

SHARED = ("site.css", "site.js", "theme.js")
EXTRA = (
    "CLAIMS",
    "SCORES",
    "SPEED",
    "SCALE",
    "INSTRUCTORS",
)  # Markdown files beside the notebooks that become pages of their own

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
    there = [r["name"] for r in records if (folder / f"{r['name']}.html").exists()]
    titles = {name: notebooks.title(_read(executed, name), name) for name in there}
    for before, name, after in zip([None, *there], there, [*there[1:], None], strict=False):
        _join(folder / f"{name}.html", before, after, titles)
    extra = [_extra(root / "notebooks" / f"{name}.md", folder) for name in EXTRA]
    index = folder / "index.html"
    links = "".join(f'<li><a href="{page.name}">{title}</a></li>' for page, title in filter(None, extra))
    more = f'<h2 id="more">More</h2>\n<ul class="more">{links}</ul>' if links else ""
    body = overview.body(records, executed, folder, root, more)
    index.write_text(framed("gancourse", body, margin=False), encoding="utf-8")
    found = [section for name in there for section in _sections(folder / f"{name}.html", titles[name])]
    for page, title in filter(None, extra):
        found += _sections(page, title)
    (folder / "search.js").write_text(f"window.COURSE = {json.dumps(found, ensure_ascii=False)};\n", encoding="utf-8")
    return index


def _read(executed: Path, name: str) -> notebooks.Notebook | None:
    path = executed / f"{name}.ipynb"
    return notebooks.read(path) if path.exists() else None


def _join(page: Path, before: str | None, after: str | None, titles: dict[str, str]) -> None:
    """Links to the previous and the next page, at the foot of `page`."""

    def link(name: str | None, words: str, rel: str) -> str:
        if name is None:
            return "<span></span>"
        return f'<a rel="{rel}" href="{name}.html"><small>{words}</small>{html.escape(titles[name])}</a>'

    foot = f'<nav class="neighbours">{link(before, "previous", "prev")}{link(after, "next", "next")}</nav>'
    text = page.read_text(encoding="utf-8")
    text = re.sub(r'<!--neighbours-->(<nav class="neighbours">.*?</nav>)?', lambda _: "<!--neighbours-->" + foot, text)
    page.write_text(text, encoding="utf-8")


def _extra(path: Path, folder: Path) -> tuple[Path, str] | None:
    """A Markdown file as a page: where it is, and its title. None where there is no such file."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    title = heading.group(1) if heading else path.stem
    page = folder / f"{path.stem.lower()}.html"
    page.write_text(framed(html.escape(title), pages.markdown(text)), encoding="utf-8")
    return page, title


def framed(title: str, body: str, margin: bool = True) -> str:
    """A whole page from the HTML of its <main>; with its sections in the margin, where it has one."""
    contents = pages.contents(body) if margin else ""
    before, after = (f'<div class="page">{contents}', "</div>") if contents else ("", "")
    return FRAME.format(title=title, bar=pages.BAR, body=body, before=before, after=after)


def _sections(page: Path, title: str) -> list[dict[str, str]]:
    """What search looks through: each section's page, title, anchor, heading and text."""
    text = page.read_text(encoding="utf-8")
    text = text[text.find("<main") : text.find("</main>")]
    parts = re.split(r'<h[1-3] id="([^"]+)">(.*?)</h[1-3]>', text, flags=re.DOTALL)
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
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).replace("¶", " ").split())
