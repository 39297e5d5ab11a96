"""What makes one site of the course's pages: the index, the way from page to page, search, and the shared files."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from pathlib import Path
from typing import Any

from PIL import Image

from gancourse.publishing import notebooks, pages

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
{bar}<main>
{body}
</main>
<script src="search.js" defer></script><script src="site.js" defer></script></body></html>
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
    if (folder / "play.html").exists():  # publishing.play has written it
        extra.insert(0, (folder / "play.html", "Play, without Python"))
    index = folder / "index.html"
    items = "\n".join(_item(record, executed, folder) for record in records)
    more = "".join(f'<p><a href="{page.name}">{title}</a></p>' for page, title in filter(None, extra))
    intro = "<p>Adversarial networks, from the minimax game to StyleGAN and BigGAN, in notebooks that run.</p>"
    body = f'<h1>gancourse</h1>\n{intro}\n<ol class="course">\n{items}\n</ol>\n{more}'
    index.write_text(FRAME.format(title="gancourse", bar=pages.BAR, body=body), encoding="utf-8")
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
    page.write_text(FRAME.format(title=title, bar=pages.BAR, body=pages.markdown(text)), encoding="utf-8")
    return page, title


def _sections(page: Path, title: str) -> list[dict[str, str]]:
    """What search looks through: each section's page, title, anchor, heading and text."""
    text = page.read_text(encoding="utf-8")
    text = text[text.find("<main>") : text.find("</main>")]
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


def _item(record: dict[str, Any], executed: Path, folder: Path) -> str:
    """One notebook's line of the index: picture, title, status, minutes."""
    notebook = _read(executed, record["name"])
    heading = html.escape(notebooks.title(notebook, record["name"]))
    if (folder / f"{record['name']}.html").exists():
        heading = f'<a href="{record["name"]}.html">{heading}</a>'
    facts = [f'<span class="{record["status"].split()[0]}">{html.escape(record["status"])}</span>']
    if record["seconds"] is not None:
        facts.append(f"{record['seconds'] / 60:.1f} minutes")
    if record["profile"]:
        facts.append(f"profile {html.escape(record['profile'])}")
    about = html.escape(summary(notebook))
    return (
        f'<li><div class="picture">{thumbnail(notebook)}</div>'
        f'<div><h2>{heading}</h2><p>{about}</p><p class="facts">{" · ".join(facts)}</p></div></li>'
    )


def summary(notebook: notebooks.Notebook | None) -> str:
    """The first sentence after the notebook's title (and badge), without Markdown."""
    for cell in notebook.cells if notebook is not None else []:
        found = re.search(r"^# [^\n]+\n+(?:\[!\[[^\n]+\n+)?(?![*#])(.+?)(?:\n\n|\Z)", cell.source, re.DOTALL)
        if cell.cell_type == "markdown" and found:
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(found.group(1).split()))
            return re.split(r"(?<=[.?!]) ", re.sub(r"[*`$]", "", plain))[0]
    return ""


def thumbnail(notebook: notebooks.Notebook | None) -> str:
    """A picture of the notebook as an ``img`` element at most 480 pixels wide, or an empty string.

    That of the cell with the tag "thumbnail", or else the last one.
    """
    cells = notebook.cells if notebook is not None else []
    for cell in sorted(reversed(cells), key=lambda cell: "thumbnail" not in cell.metadata.get("tags", [])):
        for output in reversed(cell.get("outputs", [])):
            data = output.get("data", {}).get("image/png")
            if not data:
                continue
            picture = Image.open(io.BytesIO(base64.b64decode(data)))
            picture.thumbnail((480, 480))
            buffer = io.BytesIO()
            picture.save(buffer, "PNG")
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            code = base64.b64encode(buffer.getvalue()).decode()
            return f'<img src="data:image/png;base64,{code}" alt="{html.escape(alt, quote=True)}">'
    return ""
