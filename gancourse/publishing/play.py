"""The page "Play": a generator, a game and a playground that run in the reader's browser, without a server.

Four files: play.html, play.css, play.js (the scripts of assets/site/play, one after the other) and play-data.js, which
`play_data` makes. They are plain scripts and text in base64, since a page that was opened from a folder may load
scripts, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path

from gancourse.files import write_atomically
from gancourse.publishing import pages

SCRIPTS = ("random", "network", "latent", "page", "explorer", "walk", "epochs", "game", "plane", "playground", "start")
BUDGET = 2_000_000  # bytes, of the four files together
HEAD = (
    '<link rel="stylesheet" href="play.css"><script src="play-data.js" defer></script>'
    '<script src="play.js" defer></script>'
)
_MADE_OF = ("play_data.py", "play_weights.py")


def asset(name: str) -> str:
    """The text of one of the page's own files."""
    return resources.files("gancourse").joinpath("assets", "site", "play", name).read_text(encoding="utf-8")


def body() -> str:
    """What the page shows, for a page whose head has HEAD: each part works by itself, and may be left out."""
    return asset("play.html")


def write(folder: Path, frame: str) -> Path:
    """Write the page and what it needs into `folder`; returns its path.

    frame: the HTML around it, with {title}, {bar} and {body}. play-data.js, some seconds' work, is made only where it
    is missing or was made of something else. Raises ValueError where the files together exceed BUDGET.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_data(folder / "play-data.js")
    page = folder / "play.html"
    text = frame.format(title="Play: a GAN in your browser", bar=pages.BAR, body=body())
    texts = {
        "play.css": asset("play.css"),
        "play.js": "".join(asset(f"{name}.js") for name in SCRIPTS),
        page.name: text.replace("</head>", f"{HEAD}</head>", 1),
    }
    for name, content in texts.items():
        write_atomically(folder / name, content.encode())
    size = sum((folder / name).stat().st_size for name in (*texts, "play-data.js"))
    if size > BUDGET:
        raise ValueError(
            f"the page Play has {size:,} bytes, at most {BUDGET:,} may travel: "
            "ship fewer epochs, in EPOCHS of gancourse/publishing/play_data.py."
        )
    return page


def _write_data(path: Path) -> None:
    """Make play-data.js, unless the first line of the one that is there says that it is made of the same."""
    first = f"// {made_of()}\n"
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            if file.readline() == first:
                return
    from gancourse.publishing import play_data  # and with it torch, which pages can do without

    data = json.dumps(play_data.contents(), separators=(",", ":"))
    write_atomically(path, f"{first}globalThis.PLAY_DATA = {data};\n".encode())


def made_of() -> str:
    """A hash of what play-data.js is made of: the modules that make it, and the cards of the shipped weights."""
    files = resources.files("gancourse")
    found = hashlib.sha256()
    for name in _MADE_OF:
        found.update(files.joinpath("publishing", name).read_bytes())
    for card in sorted(files.joinpath("assets", "weights").iterdir(), key=lambda path: path.name):
        if card.name.endswith("mnist.json") or card.name == "mnist-classifier.json":
            found.update(card.read_bytes())
    return found.hexdigest()
