"""The exercises that notebooks hold, read from the lines that announce them, and the page that lists all of them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gancourse.publishing import notebooks
from gancourse.publishing.website import pages

DIFFICULTIES = ("easy", "medium", "hard")
_LINE = re.compile(r"\*\*Exercise: (.+?)\*\* \((\w+), (\d+) minutes?\)\. *(.*)", re.DOTALL)
_SECTION = re.compile(r"^##+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Listed:
    """An exercise of a notebook. section: the heading that it stands under; asks: what it asks; both in Markdown."""

    title: str
    difficulty: str
    minutes: int
    section: str
    asks: str


def listed(notebook: notebooks.Notebook | None) -> list[Listed]:
    """The exercises of a notebook in their order: of each Markdown cell with **Exercise: TITLE** (easy, 3 minutes).

    Raises ValueError for a difficulty that is none of DIFFICULTIES.
    """
    found, section = [], ""
    for cell in notebook.cells if notebook is not None else []:
        if cell.cell_type != "markdown":
            continue
        line = _LINE.search(cell.source)
        before = cell.source[: line.start()] if line else cell.source
        section = [section, *_SECTION.findall(before)][-1]
        if line is None:
            continue
        title, difficulty, minutes, asks = line.groups()
        if difficulty not in DIFFICULTIES:
            raise ValueError(
                f"the exercise {title!r} is called {difficulty!r}, expected one of {', '.join(DIFFICULTIES)}."
            )
        found.append(Listed(title, difficulty, int(minutes), section, asks.strip()))
        section = [section, *_SECTION.findall(asks)][-1]
    return found


def anchor(title: str) -> str:
    """The id that an exercise has in its lesson's page. title: its text, in Markdown or HTML."""
    plain = html.unescape(re.sub(r"<[^>]*>", "", title))
    return "exercise-" + re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def with_anchors(page: str) -> str:
    """A page's HTML with an id for each exercise, where its title stands."""
    return re.sub(
        r"<strong>(Exercise: (.*?))</strong>", lambda bold: f'<strong id="{anchor(bold[2])}">{bold[1]}</strong>', page
    )


def body(lessons: Mapping[str, notebooks.Notebook | None]) -> str:
    """The page of all exercises as HTML: a table of how many, then those of each lesson. lessons: name -> notebook."""
    exercises = {name: found for name, notebook in lessons.items() if (found := listed(notebook))}
    titles = {name: html.escape(notebooks.title(lessons[name], name)) for name in exercises}
    everything = [one for found in exercises.values() for one in found]
    counts = [_count(found) for found in exercises.values()]
    rows = [
        f'<tr><th scope="row"><a href="#{name}">{titles[name]}</a></th>{row}</tr>'
        for name, row in zip(exercises, counts, strict=True)
    ]
    head = "".join(f'<th scope="col">{word}</th>' for word in ("topic", *DIFFICULTIES, "minutes"))
    total = f'<tr><th scope="row">all</th>{_count(everything)}</tr>'
    choices = "".join(f'<button type="button" aria-pressed="false">{word}</button>' for word in DIFFICULTIES)
    sections = "\n".join(
        f'<h2 id="{name}">{titles[name]}<a class="anchor-link" href="#{name}">¶</a></h2>\n<ul class="exercises">'
        + "".join(_item(one, name) for one in found)
        + "</ul>"
        for name, found in exercises.items()
    )
    return f"""<h1 id="Exercises">Exercises</h1>
<p>{len(everything)} exercises. Each is a cell of its lesson with three dots in it, a check that says what is wrong with
an answer, three hints and a solution. The minutes are estimates.</p>
<table class="counts"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody><tfoot>{total}</tfoot></table>
<p class="choose" role="group" aria-label="show only" data-list=".exercises" hidden>Show only: {choices}</p>
{sections}"""


def _count(found: list[Listed]) -> str:
    numbers = [sum(one.difficulty == word for one in found) for word in DIFFICULTIES]
    return "".join(f"<td>{number}</td>" for number in (*numbers, sum(one.minutes for one in found)))


def _item(one: Listed, lesson: str) -> str:
    return (
        f'<li data-kind="{one.difficulty}"><a href="{lesson}.html#{anchor(one.title)}">'
        f'{pages.inline(one.title)}</a> <span class="tag {one.difficulty}">{one.difficulty}</span> '
        f'<span class="facts">{one.minutes} minutes · {pages.inline(one.section)}</span></li>'
    )
