"""From a run of Pix2Pix, CycleGAN or SRGAN to the files that the package ships: its generators, and their card.

    python -m gancourse ship RUN --name cyclegan-dusk --epochs 4 --out FOLDER

`pretrained.translator` reads what this writes, of SRGAN `pretrained.enlarger`.
"""

from __future__ import annotations

import json
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors

from gancourse.course.datasets import DATA
from gancourse.course.lessons import Trained, trained
from gancourse.data.churches.dataset import VERSION
from gancourse.files import write_atomically
from gancourse.models.catalogue import TRANSLATORS, enlargers, translators
from gancourse.pretrained import ENLARGER, TRANSLATOR, halved, quartered, restored
from gancourse.publishing.shipping import written
from gancourse.training import CycleRecipe, Pix2PixRecipe, SRRecipe, settings
from gancourse.training.checkpoint import RunError
from gancourse.training.config import Config
from gancourse.training.provenance import commit
from gancourse.training.run import Run

N_SCORE, N_ENLARGED = 400, 200
SHIPS = (*TRANSLATORS, "srgan")  # algorithms
_RECIPES: dict[str, Any] = {"pix2pix": Pix2PixRecipe, "cyclegan": CycleRecipe, "srgan": SRRecipe}


def ship_translator(
    run: Run, name: str, epoch: int, out: Path, trained_at: str = "", eight_bit: bool = False
) -> dict[str, Any]:
    """Write the generators of one epoch of a run, averaged where it has averages, and their card; return the card.

    Rounded as `shipping.ship` rounds, and scored as rounded. Raises RunError: no run of a translator, no checkpoint of
    the epoch, or data that no row of the course trains on (translators of your own pictures are not shipped with it).
    """
    config = run.config
    if config is None or config.get("algorithm") not in SHIPS:
        raise RunError(f"{run.folder} is no run of {' or '.join(SHIPS)}.")
    what = _row_of(config)
    if what is None:
        raise RunError(f"{run.folder} was trained on {config['data']['name']}, which no lesson trains on.")
    checkpoint, kind = run.load(epoch), config["algorithm"]
    options = _options(config)
    with torch.random.fork_rng(devices=[]):
        networks = enlargers(**options) if kind == "srgan" else translators(kind, **options)
    files: dict[str, Any] = {}
    rounded = quartered if eight_bit else halved
    for part in networks:
        if not part.startswith("G"):
            continue
        state = checkpoint.network(part.replace("G", "ema")) or checkpoint.network(part)
        stored = rounded(state)
        networks[part].load_state_dict(restored(stored))
        file = f"{name}-{part.lower().replace('_', '-')}.safetensors.xz"
        files[part] = written(out, file, save_safetensors(stored))
    network = type(networks[next(iter(files))]).__name__
    card = {
        "format": ENLARGER if kind == "srgan" else TRANSLATOR,
        "name": name,
        "what": f"{network} of gancourse.models, trained on {config['data']['name']}",
        "model": kind,
        "options": options,
        "commands": [
            _command(config, *what),
            f"python -m gancourse ship RUN --name {name} --epochs {epoch}{' --eight-bit' * eight_bit} --out FOLDER",
        ],
        "commit": trained_at or commit(),
        "data": config["data"],
        "config": {f.name: config[f.name] for f in fields(Config)},
        "translation": config["translation"],
        **({"start": config["start"]} if config.get("start") else {}),
        "computed": config["computed"],
        "device": config["device"],
        "torch": torch.__version__,
        "files": files,
        "scores": DATA[what[1].data].score(networks, N_ENLARGED if kind == "srgan" else N_SCORE),
        "licence": DATA[what[1].data].licence,
        "history": [{k: float(f"{v:.4g}") for k, v in row.items()} for row in checkpoint.history],
    }
    write_atomically(out / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())
    return card


def _row_of(config: dict[str, Any]) -> tuple[str, Trained] | None:
    """The command line's name, and what it trains, of a run: by its network, and by the data of the two sides.

    Of SRGAN's rows, one of which is a pretraining without D, the one that also has D or not; then whose settings agree.
    """
    sides = {"maps": "label maps", "dusk": "dusk", "snow": "snow", "enlarging": "enlarging"}
    data, recipe = config["data"]["name"], _RECIPES[config["algorithm"]]
    rows = [
        (name, what)
        for name, (_, what) in trained().items()
        if what.network == config["algorithm"] and sides[what.data] in data and f"churches-v{VERSION}" in data
    ]

    def differences(row: tuple[str, Trained]) -> tuple[bool, int]:
        made, usual = config["translation"], row[1].translation or {}
        judged = [bool(one.get("adversarial", True)) for one in (made, usual)]
        return judged[0] != judged[1], len(list(settings.words(made, recipe, usual=usual)))

    return min(rows, key=differences, default=None)


def _options(config: dict[str, Any]) -> dict[str, Any]:
    """What the networks are made with again."""
    if config["algorithm"] == "srgan":
        return dict(config["options"]["G"])
    of_g = config["options"]["G" if config["algorithm"] == "pix2pix" else "G_ab"]
    size = {"size": of_g["size"], "conditional": int(config["translation"]["conditional"])} if "size" in of_g else {}
    return {"width": of_g["width"], **size}


def _command(config: dict[str, Any], name: str, what: Trained) -> str:
    words = [f"python -m gancourse train {name} --epochs {config['epochs']} --images {config['data']['count']}"]
    words += _networks(config, what) if what.network == "srgan" else []
    words += settings.words(config, Config, without=("model", "epochs", "loss"), usual=what.config)
    words += settings.words(config["translation"], _RECIPES[what.network], usual=what.translation or {})
    words += ["--start RUN_BEFORE"] if config.get("start") else []
    return " ".join([*words, f"--milestones {config['epochs']} --out RUN"])


def _networks(config: dict[str, Any], what: Trained) -> list[str]:
    """The options of SRGAN's networks that are not those of its row."""
    usual = {name: one.default for name, one in signature(enlargers).parameters.items()} | dict(
        what.options.get("paper", {})
    )
    made = config["options"]["G"] | {"size": config["options"]["D"]["size"]}
    other = {name: value for name, value in made.items() if value != usual[name]}
    width = [f"--width {other.pop('width')}"] if "width" in other else []
    named = [f"{name}={int(value not in (0, 'none')) if name == 'norm' else value}" for name, value in other.items()]
    return [*width, *([f"--network {' '.join(named)}"] if named else [])]
