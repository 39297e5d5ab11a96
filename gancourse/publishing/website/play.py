"""The page "Play": a generator, a game and a playground that run in the reader's browser, without a server.

Four files: play.html, play.css, play.js (the scripts of assets/site/play, one after the other) and play-data.js, which
`play_data` makes. They are plain scripts and text in base64, since a page that was opened from a folder may load
scripts, and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections import defaultdict
from importlib import resources
from pathlib import Path

from gancourse.files import cache_folder, write_atomically
from gancourse.publishing.website import pages

SCRIPTS = (
    *("random", "network", "latent", "page", "explorer", "walk", "epochs", "game", "plane", "playground"),
    *("optimal", "arithmetic"),  # of lessons alone
    "start",
)
BUDGET = 2_000_000  # bytes, of the four files together
HEAD = (
    '<link rel="stylesheet" href="play.css"><script src="play-data.js" defer></script>'
    '<script src="play.js" defer></script>'
)


def asset(name: str) -> str:
    """The text of one of the page's own files."""
    return resources.files("gancourse").joinpath("assets", "site", "play", name).read_text(encoding="utf-8")


def body() -> str:
    """What the page shows, for a page whose head has HEAD: each part works by itself, and may be left out."""
    return asset("play.html")


def write(folder: Path, frame: str) -> Path:
    """Write the page and what it needs into `folder`; returns its path.

    frame: the HTML around it, with {title}, {bar} and {body}; other places in it are left empty. Raises
    ValueError where the files together exceed BUDGET.
    """
    text = frame.format_map(defaultdict(str, title="Play: a GAN in your browser", bar=pages.BAR, body=body()))
    files = {
        "play-data.js": data(),
        "play.css": asset("play.css"),
        "play.js": "".join(asset(f"{name}.js") for name in SCRIPTS),
        "play.html": text.replace("</head>", f"{HEAD}</head>", 1),
    }
    size = sum(len(content.encode()) for content in files.values())
    if size > BUDGET:
        raise ValueError(
            f"the page Play has {size:,} bytes, and {BUDGET:,} may travel: "
            "name fewer epochs in EPOCHS of gancourse/publishing/website/play_data.py."
        )
    for name, content in files.items():
        write_atomically(folder / name, content.encode())
    return folder / "play.html"


def data() -> str:
    """The script with the page's data: some seconds' work, so that it is kept in the cache for the next time."""
    made_of = ingredients()
    cached, first = cache_folder() / f"play-{made_of[:12]}.js", f"// {made_of}\n"
    with contextlib.suppress(OSError):
        if (text := cached.read_text(encoding="utf-8")).startswith(first):
            return text
    from gancourse.publishing.website import play_data  # and with it torch, which pages can do without

    text = f"{first}globalThis.PLAY_DATA = {json.dumps(play_data.contents(), separators=(',', ':'))};\n"
    with contextlib.suppress(OSError):  # a folder that cannot be written costs these seconds again
        write_atomically(cached, text.encode())
    return text


def ingredients() -> str:
    """A hash of what the data is made of: the modules that make it, and the cards of the weights that they read."""
    package, found = resources.files("gancourse"), hashlib.sha256()
    for name in ("play_data.py", "play_weights.py"):
        found.update(package.joinpath("publishing", "website", name).read_bytes())
    for card in sorted(package.joinpath("assets", "weights").iterdir(), key=lambda path: path.name):
        if re.search(r"mnist.*\.json$", card.name):
            found.update(card.read_bytes())
    return found.hexdigest()
