"""What stands at the head of every notebook and is kept elsewhere: the Colab badge, the repository's address, minutes.

The address has one place, [project.urls] in pyproject.toml; the minutes are in assets/results/minutes.json.
`pipeline sync` writes both into notebooks/src, and the tests and `pipeline check` say where they disagree.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from gancourse.course import profiles
from gancourse.course.estimates import words

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BADGE_TEXT = "Open in Colab"
HEADER = "# | minutes, measured on | smoke | laptop | paper, estimated |"
RULE = "# | --- | ---: | ---: | ---: |"
KINDS = {
    "cpu": "without bfloat16 units (AVX2 only)",
    "cpu-bf16": "with bfloat16 units",
    "cuda": "NVIDIA GPU",
    "mps": "Apple GPU",
}
_BADGE_LINE = re.compile(r"^# \[!\[[^\n]*\n#\n", re.MULTILINE)
_TABLE = re.compile(r"^#\n# \| minutes, measured on [^\n]*\n(?:# \|[^\n]*\n)*", re.MULTILINE)
_TITLE = re.compile(r"^# # [^\n]+\n#\n", re.MULTILINE)
_TIME = re.compile(r"^# \*\*Time\.\*\*(?:[^\n]*\n# (?=\S))*[^\n]*\n", re.MULTILINE)
_INSTALL = re.compile(r"git\+https://github\.com/[\w.-]+/[\w.-]+")


def repository(root: Path) -> str:
    """Where the course is published, "owner/name" on GitHub, from pyproject.toml. Raises ValueError without it."""
    path = root / "pyproject.toml"
    urls = tomllib.loads(path.read_text(encoding="utf-8"))["project"].get("urls", {})
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", urls.get("Repository", ""))
    if found is None:
        raise ValueError(f"{path} has no [project.urls] Repository of the form https://github.com/OWNER/NAME.")
    return found.group(1)


def badge(slug: str, name: str) -> str:
    """Markdown of the badge that opens notebook `name` of the repository `slug` in Google Colab."""
    address = f"https://colab.research.google.com/github/{slug}/blob/main/notebooks/{name}.ipynb"
    return f"[![{BADGE_TEXT}]({BADGE})]({address})"


def minutes_table(lesson: str, path: Path) -> list[str]:
    """The lines of a lesson's table of minutes, commented; none where nothing was measured (or it is no lesson)."""
    if lesson not in profiles.LESSONS or not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for kind, label in KINDS.items():
        found = table["lessons"].get(lesson, {}).get(kind)
        if not found:
            continue
        cores = re.match(r"(\d+)-core ", table["machines"][kind])
        on = f"{cores.group(1)} cores {label}" if cores else label
        guessed = {"paper": found["paper"]} if "paper" in found else profiles.estimated_minutes(lesson, kind)
        cells = [f"{found[name]:.1f}" if name in found else "" for name in ("smoke", "laptop")]
        cells.append(words(guessed["paper"]) if "paper" in guessed else "")
        rows.append(f"# | {on} | {' | '.join(cells)} |")
    return [HEADER, RULE, *rows] if rows else []


def updated(source: str, name: str, slug: str, table: list[str]) -> str:
    """The text of notebooks/src/NAME.py with its badge, address and table of minutes brought up to date."""
    source = _INSTALL.sub(f"git+https://github.com/{slug}", source)
    source = _BADGE_LINE.sub("", source)
    source = _TITLE.sub(lambda title: f"{title.group(0)}# {badge(slug, name)}\n#\n", source, count=1)
    source = _TABLE.sub("", source)
    lines = "".join(f"{line}\n" for line in ["#", *table]) if table else ""
    return _TIME.sub(lambda time: time.group(0) + lines, source, count=1)


def update(root: Path, name: str, write: bool = True) -> bool:
    """Bring the head of one source up to date (or only look, without `write`); True if it was not.

    A folder without pyproject.toml has no address, and its sources are left as they are.
    """
    if not (root / "pyproject.toml").is_file():
        return False
    path = root / "notebooks" / "src" / f"{name}.py"
    before = path.read_text(encoding="utf-8")
    table = minutes_table(name, root / "gancourse" / "assets" / "results" / "minutes.json")
    after = updated(before, name, repository(root), table)
    if write and after != before:
        path.write_text(after, encoding="utf-8")
    return after != before
