"""Widgets that run on a lesson's own page, without a kernel: which ones, and as which parts.

A page shows a widget as the picture that its notebook kept. Where the page Play has a part that does the widget's job,
or assets/site/play/lessons.html one that only lessons show, `mark` says so beside the picture, and live.js plays it in
the picture's place once the reader asks for it. What it then loads are the files of the page Play, beside the lessons.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gancourse.files import write_atomically
from gancourse.publishing import notebooks

SCRIPT = "live.js"
_SITE = resources.files("gancourse").joinpath("assets", "site")


class Live(NamedTuple):
    """The parts that stand in for a widget, in their order, and in a sentence how they differ from it.

    form: "whole"; "grid", without the sliders; or "map", which is that too and begins as a map between four z.
    """

    parts: str
    note: str
    form: str = "whole"


_DIGITS = "It plays the MLP of lesson 02 as the course ships it"
_COLOUR = "a generator of 128 pixels in colour, too heavy for a page"
_CRITICS = "the page plays neither critics nor constraints, which this lesson's questions are about"
# By lesson, then by how the call in its notebook begins: what plays it, or in words why it stays a picture.
WIDGETS: dict[str, dict[str, Live | str]] = {
    "01": {
        "optimal_discriminator_explorer(": Live("optimal", "It computes what the notebook's does, in your browser."),
        "playground(": Live(
            "playground",
            "It plays on the ring or the grid, with Adam, and shows no warped grid; SGD and data that you draw need "
            "the notebook.",
        ),
    },
    "02": {
        'latent_explorer(trainer.networks["G"]': Live(
            "explore",
            f"{_DIGITS}, trained for up to 200 epochs; two of its sliders are strongest directions of the first layer, "
            "the others were fitted to what they are named after.",
        ),
    },
    "03": {
        'latent_explorer(dcgan.networks["G"]': Live(
            "explore",
            f"{_DIGITS}, not this notebook's DCGAN; two of its sliders are strongest directions of the first layer.",
        ),
    },
    "04": {"latent_explorer(G_all": _COLOUR},
    "06": {
        "interpolator(G": Live(
            "explore walk",
            f"{_DIGITS}, not the notebook's generator; the walk goes round through its stops, by slerp alone.",
            "grid",
        ),
        "seed_map(G": Live(
            "explore",
            f"{_DIGITS}, not the notebook's generator; of the plane it shows one square, between four crossings.",
            "map",
        ),
        "arithmetic(G": Live(
            "explore arithmetic", f"{_DIGITS}, not the notebook's generator; a group has up to five digits.", "grid"
        ),
        "latent_explorer(G,": Live(
            "explore",
            f"{_DIGITS}, not the notebook's generator, with directions that were fitted to it in the same way.",
        ),
        "nearest_neighbours(G": "it searches 20,000 training images, which do not travel with a page",
        "epochs_scrubber(name": Live(
            "epochs",
            "It shows the run of lesson 02's MLP, not the notebook's, and the distance to MNIST instead of the losses.",
        ),
        "latent_explorer(G_church": _COLOUR,
        "real_or_fake(G": Live(
            "game", f"{_DIGITS}, not the notebook's generator; no discriminator answers beside you."
        ),
    },
    "07": {"playground(": _CRITICS},
    "08": {"draw_a_church(": _COLOUR},
    "09": {'there_and_back("dusk"': _COLOUR, 'there_and_back("snow"': _COLOUR},
    "10": {"lens(": "its pictures are enlarged by networks of a size that does not travel with a page"},
    "11": {"style_mixer(G": _COLOUR},
}


def of(lesson: str, code: str) -> Live | None:
    """What plays the widget that a cell of a lesson ("01") shows; None where it stays a picture, or shows none."""
    for call in re.findall(r"^widgets\.(.+)", code, re.MULTILINE):
        for begins, plays in WIDGETS.get(lesson, {}).items():
            if call.startswith(begins) and isinstance(plays, Live):
                return plays
    return None


def mark(notebook: notebooks.Notebook, lesson: str) -> bool:
    """Say in place, in the metadata of widgets' pictures, what plays them; returns whether there are such pictures."""
    found = False
    for cell in notebook.cells:
        plays = of(lesson, cell.source) if cell.cell_type == "code" else None
        if plays is None:
            continue
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.metadata.setdefault("image/png", {})["live"] = plays._asdict()
                found = True
    return found


def parts() -> dict[str, str]:
    """The HTML of each part that a lesson may show: without ids and headings, which are a whole page's affair."""
    whole = "".join(_SITE.joinpath("play", name).read_text(encoding="utf-8") for name in ("play.html", "lessons.html"))
    needed = {
        part
        for rows in WIDGETS.values()
        for plays in rows.values()
        if isinstance(plays, Live)
        for part in plays.parts.split()
    }
    found = {}
    for name, section in re.findall(r'(?s)(?=<section [^>]*data-part="(\w+)")(.*?</section>)', whole):
        title = re.search(r"<h2[^>]*>(.*?)</h2>\n*", section)
        if title:  # on the page Play; elsewhere it says what it is itself
            section = re.sub(r'aria-labelledby="[^"]*"', f'aria-label="{title[1]}"', section.replace(title[0], ""))
        if name in needed:
            found[name] = section
    return found


def write(folder: Path) -> Path:
    """Write the script of the pages that have such widgets into `folder`; returns its path."""
    text = f"globalThis.PLAY_PARTS = {json.dumps(parts(), ensure_ascii=False)};\n"
    text += _SITE.joinpath(SCRIPT).read_text(encoding="utf-8")
    write_atomically(folder / SCRIPT, text.encode())
    return folder / SCRIPT
