"""The tables of README.md and of the pages beside the notebooks, each made from committed results between two marks.

    python -m gancourse readme

makes those of TABLES anew; tests check that each page has what the results give. The table of speeds is written by
`make bench`, which measures it.
"""

from __future__ import annotations

from collections.abc import Callable

from gancourse.course import claims, profiles
from gancourse.course.lessons import LESSONS
from gancourse.course.studies import runner
from gancourse.course.studies.lesson02 import fast_path
from gancourse.course.studies.lesson05 import mnist_scores
from gancourse.publishing import front

CLASSES = {"cpu-bf16": "with bf16 units", "cpu": "without", "cuda": "on a GPU"}


def course() -> str:
    """The course map in Markdown: lessons, and the measured minutes of the laptop profile on each class of machine."""
    minutes = profiles.measured_minutes()
    classes = [c for c in CLASSES if any("laptop" in minutes.get(lesson, {}).get(c, {}) for lesson in LESSONS)]
    heads = ["minutes" if len(classes) == 1 else f"minutes, {CLASSES[c]}" for c in classes]
    lines = [
        "| notebook | what it is about | " + " | ".join(heads) + " |",
        "| --- | --- |" + " ---: |" * len(heads),
    ]
    for lesson, row in LESSONS.items():
        cells = [f"{t:.1f}" if (t := _laptop(lesson, c)) else "" for c in classes]
        lines.append(
            f"| [{lesson[:2]} {row.title}](notebooks/{lesson}.ipynb) | {row.about} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)


def _laptop(lesson: str, device_class: str) -> float | None:
    return profiles.measured_minutes().get(lesson, {}).get(device_class, {}).get("laptop")


def scores() -> str:
    """Every shipped generator of digits under every score, in Markdown."""
    return mnist_scores.markdown(runner.results("mnist_scores"))


def quality() -> str:
    """Whether training through the fast path ends as well as through the plain loop, in Markdown."""
    return fast_path.markdown(runner.results("fast_path"))


#: name -> what makes it
TABLES: dict[str, Callable[[], str]] = {
    "course": course,
    "findings": front.markdown,
    "styles": front.styles_measured,
    "claims": claims.markdown,
    "scores": scores,
    "quality": quality,
}
#: text -> the tables that stand in it
PAGES: dict[str, tuple[str, ...]] = {
    "README.md": ("styles", "course", "findings"),
    "notebooks/CLAIMS.md": ("claims",),
    "notebooks/SCORES.md": ("scores",),
    "notebooks/SPEED.md": ("quality",),
}


def marks(name: str) -> tuple[str, str]:
    """The two lines that a table stands between."""
    return f"<!-- {name}: written by python -m gancourse readme -->", f"<!-- end of {name} -->"


def with_tables(text: str) -> str:
    """A text with each of TABLES made anew that has its marks there.

    Raises ValueError where there are none, and as `between` does where one mark is missing or stands twice.
    """
    names = [name for name in TABLES if any(mark in text for mark in marks(name))]
    if not names:
        raise ValueError(
            f"the text needs the two marks of a table, each once, such as {' and '.join(marks('course'))}."
        )
    for name in names:
        text = between(text, *marks(name), TABLES[name]())
    return text


def between(text: str, begin: str, end: str, body: str) -> str:
    """`text` with `body` on lines of its own between two marks; what stood there is gone.

    Raises ValueError where the text has not each mark once, in this order.
    """
    if [text.count(begin), text.count(end)] != [1, 1] or text.index(begin) > text.index(end):
        raise ValueError(f"the text needs {begin} and, after it, {end}, each once.")
    return f"{text[: text.index(begin)]}{begin}\n{body}\n{text[text.index(end) :]}"
