"""The site's first page: the course's moving picture, a way for each kind of reader, and all lessons at a glance.

All of it is read from the notebooks, the measured minutes and the instructors' plan; pictures become small files beside
the page.
"""

from __future__ import annotations

import base64
import html
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from gancourse.course import profiles
from gancourse.course.lessons import LESSONS
from gancourse.publishing import notebooks
from gancourse.publishing.website import exercise_list, pages

MOVING = Path(".github/pictures/gancourse.webp")
MOVING_ALT = (
    "Moving picture: digits become readable while a DCGAN trains; three drawn churches change shape, stone and weather"
)
WIDTH, HEIGHT = 640, 400  # pixels of a lesson's picture, at most
PICTURES = "pictures"  # the folder of the pictures, beside the pages
PLAN = "INSTRUCTORS.md"
Read = dict[str, notebooks.Notebook | None]


@dataclass(frozen=True)
class Way:
    """A way through the course. lessons: the numbers of its notebooks, all of them where there are none. text: HTML."""

    title: str
    lessons: tuple[str, ...]
    text: str


WAYS = (
    Way(
        "An afternoon",
        ("00", "02", "06"),
        "What a GAN is; one that you write by hand and train; what it does when it is steered. Lesson 02 recalls the "
        "theory that it needs.",
    ),
    Way(
        "A week",
        ("00", "01", "02", "03", "04", "05", "06", "07"),
        "A lesson a day, 00 and 01 on the first: from the proof to churches of 128 pixels, to scores that one can "
        "believe, and to what a discriminator should measure. Lessons 08 to 12 go on from there.",
    ),
    Way(
        "A term, as an instructor", (), "All of it, with a plan by hours, what to show, what students ask, how to mark."
    ),
)


def body(records: list[dict[str, Any]], found: Read, folder: Path, root: Path, more: str = "") -> str:
    """What stands in the first page's <main>. Writes pictures into `folder`/pictures.

    records, folder, root: as in `site.finish`; found: the notebook of each record; more: HTML of a list of other pages.
    """
    asked = questions(found)
    cards = "\n".join(_card(record, found[record["name"]], asked, folder) for record in records)
    return f"""<div class="hero">
<h1>gancourse</h1>
<p class="lead">Two networks play against each other until one of them can draw: a course on generative adversarial
networks, in {len(records)} notebooks that run on a laptop.</p>
{_moving(folder, root)}
{_first_steps(records, folder)}
</div>
{_ways(found, folder, root)}
<h2 id="lessons">The lessons</h2>
<p class="facts">{_how(records)}</p>
<ol class="course">
{cards}
</ol>
{more}"""


def questions(found: Read) -> dict[str, str]:
    """Lesson -> the question that it answers, as HTML, from a table of rows | [title](NAME.ipynb) | question |."""
    row = re.compile(r"^\| \[[^\]]+\]\((\w+)\.ipynb\) \| (.+?) \|$", re.MULTILINE)
    cells = [cell for notebook in found.values() if notebook for cell in notebook.cells]
    rows = [match.groups() for cell in cells if cell.cell_type == "markdown" for match in row.finditer(cell.source)]
    return {name: pages.inline(question) for name, question in rows}


def _moving(folder: Path, root: Path) -> str:
    """The course's moving picture, which stands still for whoever asks for less motion; nothing where it is missing."""
    if not (root / MOVING).is_file():
        return ""
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    moving, still = (f"{PICTURES}/{name}.webp" for name in ("course", "course-still"))
    (folder / moving).write_bytes((root / MOVING).read_bytes())
    with Image.open(root / MOVING) as picture:
        width, height = picture.size
        picture.seek(getattr(picture, "n_frames", 1) - 1)
        picture.convert("RGB").save(folder / still, "WEBP", quality=85)
    return (
        f'<figure class="moving"><picture><source srcset="{still}" media="(prefers-reduced-motion: reduce)">'
        f'<img src="{moving}" width="{width}" height="{height}" alt="{MOVING_ALT}"></picture>'
        f'<button type="button" data-still="{still}" data-moving="{moving}" hidden>pause</button></figure>'
    )


def _first_steps(records: list[dict[str, Any]], folder: Path) -> str:
    first = next((r["name"] for r in records if (folder / f"{r['name']}.html").exists()), None)
    begin = f'<a class="strong" href="{first}.html">Begin with lesson {first[:2]}</a>' if first else ""
    if (folder / "play.html").exists():
        begin += ' <a href="play.html">Play, without Python</a>'
    return f'<p class="steps">{begin} <a href="#ways">Choose a way</a> <a href="#lessons">See all lessons</a></p>'


def _how(records: list[dict[str, Any]]) -> str:
    """What the facts below the lessons' titles are, said once."""
    words = "Running times are measured on two cores, in the profile laptop; reading and exercises come on top."
    if all(record["status"] == "as committed" for record in records):
        return f"{words} The pages show what the committed notebooks hold; nothing was run to make them."
    return f"{words} These pages show a run of your own."


def _ways(found: Read, folder: Path, root: Path) -> str:
    parts = []
    for way in WAYS:
        chosen = [n for n in found if not way.lessons or n[:2] in way.lessons]
        if not chosen or len({n[:2] for n in chosen}) < len(way.lessons):
            continue
        links = " ".join(
            f'<a href="{n}.html">{n[:2]}</a>' if (folder / f"{n}.html").exists() else n[:2] for n in chosen
        )
        about = way.text if way.lessons else way.text + _plan(root)
        parts.append(f"<li><h3>{way.title}</h3><p>{about}</p><p>{links}</p>{_facts(chosen, found)}</li>")
    return f'<h2 id="ways">A way for each reader</h2>\n<ul class="ways">{"".join(parts)}</ul>' if parts else ""


def _plan(root: Path) -> str:
    """How long the instructors' plan is, with a link to it."""
    path = root / "notebooks" / PLAN
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    hours = [float(h) for h in re.findall(r"^\| \d+ \(([\d.]+) h\)", text, re.MULTILINE)]
    if not hours:
        return ""
    page = f"{path.stem.lower()}.html"
    return f' <a href="{page}">The plan</a> has {len(hours)} sessions, {sum(hours):g} hours.'


def _facts(chosen: list[str], found: Read) -> str:
    """Exercises and running time of some lessons together."""
    exercises = [one for name in chosen for one in exercise_list.listed(found[name])]
    times = [t for name in chosen if (t := measured(name))]
    parts = []
    if exercises:
        parts.append(f"{len(exercises)} exercises, some {hours(sum(e.minutes for e in exercises))} by their estimates")
    if times:
        parts.append(f"{sum(max(t) for t in times):.0f} minutes of running")
    return f'<p class="facts">{"; ".join(parts)}</p>' if parts else ""


def hours(minutes: float) -> str:
    """Minutes in words: "50 minutes", "1 hour", "2.5 hours"."""
    if minutes < 60:
        return f"{minutes:.0f} minutes"
    halves = round(minutes / 30)
    return "1 hour" if halves == 2 else f"{halves / 2:g} hours"


def measured(name: str) -> list[float]:
    """Measured minutes of a lesson in the profile laptop, on each class of processor; empty if there are none."""
    classes = profiles.measured_minutes().get(name, {})
    return sorted(classes[c]["laptop"] for c in ("cpu", "cpu-bf16") if "laptop" in classes.get(c, {}))


def _card(record: dict[str, Any], notebook: notebooks.Notebook | None, asked: dict[str, str], folder: Path) -> str:
    """One notebook of the overview: picture, title, question, minutes, exercises."""
    name = record["name"]
    heading = html.escape(notebooks.title(notebook, name))
    if (folder / f"{name}.html").exists():
        heading = f'<a href="{name}.html">{heading}</a>'
    facts = []
    if record["status"] not in ("ok", "as committed"):
        facts.append(f'<span class="{record["status"].split()[0]}">{html.escape(record["status"])}</span>')
    if record["seconds"] is not None:
        facts.append(f"ran {record['seconds'] / 60:.1f} minutes ({html.escape(record['profile'])})")
    elif times := measured(name):
        spread = sorted({f"{t:.1f}" for t in times}, key=float)
        facts.append(f"runs {' to '.join(spread)} minutes")
    if exercises := exercise_list.listed(notebook):
        count = f"{len(exercises)} exercise{'s' * (len(exercises) > 1)}"
        facts.append(f"{count}, some {hours(sum(e.minutes for e in exercises))}")
    question = asked.get(name) or html.escape(summary(notebook))
    shown = thumbnail(notebook, name, folder)
    return (
        f'<li><div class="picture">{shown}</div><div class="words"><h3>{heading}</h3>'
        f'<p>{question}</p><p class="facts">{" · ".join(facts)}</p></div></li>'
    )


def summary(notebook: notebooks.Notebook | None) -> str:
    """The first sentence after the notebook's title (and badge), without Markdown."""
    for cell in notebook.cells if notebook is not None else []:
        found = re.search(r"^# [^\n]+\n+(?:\[!\[[^\n]+\n+)?(?![*#])(.+?)(?:\n\n|\Z)", cell.source, re.DOTALL)
        if cell.cell_type == "markdown" and found:
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(found.group(1).split()))
            return re.split(r"(?<=[.?!]) ", re.sub(r"[*`$]", "", plain))[0]
    return ""


def thumbnail(notebook: notebooks.Notebook | None, name: str, folder: Path) -> str:
    """Write a small picture of the notebook to `folder`/pictures/NAME.webp; returns an ``img`` element, or "".

    It is the figure that the lesson's row names; else that of the cell with the tag "thumbnail"; else the last picture.
    """
    output = chosen_picture(notebook, LESSONS[name].figure if name in LESSONS else "")
    if output is None:
        return ""
    with Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))) as opened:
        picture = opened.convert("RGB")
    inside = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
    picture = picture.crop(inside) if inside else picture
    picture.thumbnail((WIDTH, HEIGHT))
    path = folder / PICTURES / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "WEBP", quality=80, method=6)
    alt = html.escape(output.get("metadata", {}).get("image/png", {}).get("alt", ""), quote=True)
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{PICTURES}/{path.name}" {size} loading="lazy" alt="{alt}">'


def chosen_picture(notebook: notebooks.Notebook | None, figure: str) -> Any | None:
    """The output that holds a notebook's picture: see `thumbnail`. figure: the number in its caption, or ""."""
    cells = notebook.cells if notebook is not None else []
    pictures = [(cell, out) for cell in cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    named = [out for _, out in pictures if figure and out["data"].get("text/plain", "").startswith(f"Figure {figure}:")]
    tagged = [out for cell, out in pictures if "thumbnail" in cell.metadata.get("tags", [])]
    return ([None] + [out for _, out in pictures] + tagged + named)[-1]
