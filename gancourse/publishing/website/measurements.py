"""The site's page of all claims and measurements: what the papers say and what we found, and every study behind it.

The claims are those of notebooks/CLAIMS.md, which `gancourse.course.claims` makes and a test holds to it; the studies
are the files of assets/results.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from gancourse.publishing.website import pages

COLUMNS = ("paper", "claim", "holds if", "measured", "verdict")
_KINDS = {
    "holds": "holds",
    "holds in part": "part",
    "fails": "fails",
    "not decided": "open",
    "not measured yet": "open",
}


@dataclass(frozen=True)
class Study:
    """A file of results. lesson: the number of the lesson that it belongs to; rows: how many runs or figures it has."""

    name: str
    what: str
    lesson: str
    rows: int
    machine: str


def claims(text: str) -> list[dict[str, str]]:
    """The rows of the table of claims in a Markdown text, by COLUMNS. Raises ValueError for a row of another length."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("| ") or tuple(cells) == COLUMNS or set(cells) <= {"---"}:
            continue
        if len(cells) != len(COLUMNS):
            raise ValueError(f"a claim has {len(cells)} cells, expected {', '.join(COLUMNS)}: {line[:80]}")
        found.append(dict(zip(COLUMNS, cells, strict=True)) | {"verdict": cells[-1].strip("*")})
    return found


def studies() -> list[Study]:
    """The studies whose results are there, by lesson and name."""
    course = resources.files("gancourse").joinpath("course", "studies")
    where = {
        file.name.removesuffix(".py"): folder.name.removeprefix("lesson")
        for folder in course.iterdir()
        if re.fullmatch(r"lesson\d\d", folder.name)
        for file in folder.iterdir()
    }
    found = []
    for file in resources.files("gancourse").joinpath("assets", "results").iterdir():
        if not file.name.endswith(".json"):
            continue
        made: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if made.get("study") in where:
            name = made["study"]
            found.append(Study(name, made["what"], where[name], len(made["rows"]), made["machine"]))
    return sorted(found, key=lambda study: (study.lesson, study.name))


def body(path: Path, lessons: dict[str, str]) -> str:
    """The page as HTML. path: CLAIMS.md. lessons: name -> title of those that have a page."""
    text = path.read_text(encoding="utf-8")
    about = re.split(r"<!--|^\| ", text, maxsplit=1, flags=re.MULTILINE)[0]
    heading, _, intro = about.partition("\n")
    rows = claims(text)
    counts = Counter(row["verdict"] for row in rows)
    chips = "".join(
        f'<button type="button" aria-pressed="false" data-kind="{html.escape(verdict)}">{verdict} ({number})</button>'
        for verdict, number in counts.most_common()
    )
    cards = "".join(
        f'<li data-kind="{html.escape(row["verdict"])}"><h3>{pages.inline(row["claim"])}</h3>'
        f'<p><span class="tag {_KINDS.get(row["verdict"], "open")}">{row["verdict"]}</span> '
        f'<span class="facts">said by {row["paper"]}</span></p>'
        f"<dl><dt>holds if</dt><dd>{pages.inline(row['holds if'])}</dd>"
        f"<dt>measured</dt><dd>{pages.inline(row['measured']) or 'not yet'}</dd></dl></li>"
        for row in rows
    )
    return f"""<h1 id="claims">{html.escape(heading.removeprefix("# "))}</h1>
{pages.markdown(intro)}
<h2 id="the-claims">{len(rows)} claims<a class="anchor-link" href="#the-claims">¶</a></h2>
<p class="choose" role="group" aria-label="show only" data-list=".claims" hidden>Show only: {chips}</p>
<ul class="claims">{cards}</ul>
{_measurements(lessons)}"""


def _measurements(lessons: dict[str, str]) -> str:
    found = studies()
    pages_of = {name[:2]: name for name in lessons}
    rows = []
    for study in found:
        lesson = study.lesson
        if lesson in pages_of:
            lesson = f'<a href="{pages_of[lesson]}.html">{lesson}</a>'
        rows.append(
            f"<tr><td>{lesson}</td><td>{html.escape(study.what)}<br><code>python -m gancourse reproduce {study.name}"
            f"</code></td><td>{study.rows}</td><td>{html.escape(study.machine)}</td></tr>"
        )
    head = "".join(f'<th scope="col">{word}</th>' for word in ("lesson", "what was run", "rows", "on"))
    return f"""<h2 id="measurements">{len(found)} studies<a class="anchor-link" href="#measurements">¶</a></h2>
<p>What the lessons and the claims rest on. Each is a file of results that comes with the package, made by the command
beside it; a row is a run, or what was measured of one.</p>
<table class="studies"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>"""
