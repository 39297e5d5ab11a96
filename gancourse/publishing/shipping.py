"""From a run folder to the files that the package ships: weights, a strip of samples, and the card about them.

    python -m gancourse ship RUN --name dcgan-mnist --epochs 5 50 100 --out FOLDER

`gancourse.pretrained` reads what this writes. The card holds the two commands that make the files from nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save as save_safetensors
from torch import Tensor

from gancourse.course.datasets import data_of
from gancourse.data.images import Images, unscale
from gancourse.data.sheets import lossless
from gancourse.evaluation import copies
from gancourse.files import write_atomically, write_unpacked
from gancourse.models import standing_statistics
from gancourse.models.base import Generator
from gancourse.models.catalogue import networks, options_in
from gancourse.pretrained import FORMAT, halved, quartered, restored, z_of_run
from gancourse.publishing.again import as_words, stages, train_command
from gancourse.training.checkpoint import Checkpoint, RunError
from gancourse.training.config import Config
from gancourse.training.provenance import commit
from gancourse.training.run import Run

N_STRIP = 16  # z of a strip; a run has 64
N_ROWS = 5  # of a strip of 128 px images, at most
N_SCORE = 10_000  # generated images that are scored


class Photographs(NamedTuple):
    """What weights of photographs need before they are shipped: the images they are of, others, and their source."""

    train: Images
    unseen: Images
    source: str  # for the card: whose, how many, on what terms


def ship(
    run: Run,
    name: str,
    epochs: list[int],
    out: Path,
    trained_at: str = "",
    curve: tuple[int, ...] = (),
    as_trained: bool = False,
    eight_bit: bool = False,
    discriminators: Collection[int] | None = None,
    strip: bool = True,
    stand: bool = False,
    photographs: Photographs | None = None,
) -> dict[str, Any]:
    """Write the weights of some epochs of a run, its strip and its card into `out`; return the card.

    epochs: whose checkpoints the run still has. curve: epochs of which only the scores are kept. trained_at: the commit
    that the run was trained at, where it is not the one that is checked out now. Weights of two or more dimensions are
    rounded to float16, or, eight_bit, to int8 with a scale per row; the rest, BatchNorm's statistics above all, stays
    float32. The scores are those of the rounded weights. The averaged generator is shipped where the run has one.
    as_trained: G itself in its place (an average does not touch what it is taken of, so these are the weights of a run
    without one); its strip is made of checkpoints. discriminators: epochs whose D is shipped too, None for all. strip:
    whether samples of the run's epochs are. stand: BatchNorm's statistics of G made anew (models.standing_statistics).
    photographs: needed for a run on images that are neither MNIST's nor the renderer's; see evaluation.copies.
    Raises RunError: a bad name, a run without config, no checkpoint of an epoch, photographs without that check, or
    copies among the samples.
    """
    config = _refused(run, name, [*epochs], [*curve], photographs)
    data = data_of(config["data"]["name"])
    torch.manual_seed(0)
    G, D = networks(config["model"], **options_in(config))
    rounded = quartered if eight_bit else halved
    files: dict[str, Any] = {}
    for epoch in sorted(epochs):
        checkpoint = run.load(epoch)
        averaged = bool(checkpoint.network("ema")) and not as_trained
        entry: dict[str, Any] = {"averaged": averaged}
        for part, network in (("G", G), ("D", D)):
            if part == "D" and discriminators is not None and epoch not in discriminators:
                continue
            stored = rounded(checkpoint.network("ema" if averaged and part == "G" else part))
            network.load_state_dict(restored(stored))
            if stand and part == "G":
                stored |= standing_statistics.renewed(G)
            if photographs is not None and part == "G":
                entry["copies"] = _copies(G, photographs, config, name)
            entry[part] = written(out, f"{name}-{part.lower()}-{epoch:04d}.safetensors.xz", save_safetensors(stored))
        if data is not None:
            entry["scores"] = data.score(G, N_SCORE)
        files[str(epoch)] = entry
    learning = {}
    for epoch in curve:
        checkpoint = run.load(epoch)
        G.load_state_dict((not as_trained and checkpoint.network("ema")) or checkpoint.network("G"))
        if str(epoch) in files and "scores" in files[str(epoch)]:
            learning[str(epoch)] = files[str(epoch)]["scores"]
        elif data is not None:
            learning[str(epoch)] = data.score(G, N_SCORE)
    history = max((run.history(), checkpoint.history), key=len)
    shown = {epoch: rows for epoch, rows in _samples(run, G, as_trained).items() if epoch <= max(epochs)}
    needed = {*epochs, *curve} | (shown.keys() - {0} if _by_itself(checkpoint, as_trained) else set())
    again = [
        f"python -m gancourse ship RUN --name {name} --epochs {as_words(sorted(epochs))}",
        *([f"--curve {as_words(curve)}"] if curve else []),
        *["--as-trained"] * as_trained,
        *["--eight-bit"] * eight_bit,
        *([] if discriminators is None else [f"--discriminators {as_words(sorted(discriminators))}".rstrip()]),
        *["--no-strip"] * (not strip),
        *["--standing"] * stand,
        *["--photographs TRAIN UNSEEN --source TEXT"] * (photographs is not None),
        "--out FOLDER",
    ]
    card = {
        "format": FORMAT,
        "name": name,
        "what": f"{type(G).__name__} and {type(D).__name__} of gancourse.models, trained on {config['data']['name']}",
        "model": config["model"],
        "options": options_in(config),
        "z_size": G.z_size,
        **stages(config, [row for row in run.history() if row["epoch"] <= max(epochs)]),
        "commands": [train_command(config, sorted(needed)), " ".join(again)],
        "commit": trained_at or commit(),
        "data": config["data"],
        "config": {f.name: config[f.name] for f in fields(Config)},
        "computed": config["computed"],
        "device": config["device"],
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "files": files,
        "curve": learning,
        "strip": _strip(shown, config, name, out) if strip else None,
        "licence": data.licence if data else photographs.source if photographs else "",
        "history": [{k: int(v) if k == "epoch" else float(f"{v:.4g}") for k, v in row.items()} for row in history],
    }
    write_atomically(out / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())
    return card


def _refused(
    run: Run, name: str, epochs: list[int], curve: list[int], photographs: Photographs | None
) -> dict[str, Any]:
    """The run's config, where nothing speaks against shipping it. Raises RunError as `ship` does."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", name):
        raise RunError(f"name is {name!r}, expected lower-case letters, digits and '-'.")
    config = run.config
    if config is None or not epochs:
        raise RunError(f"{run.folder} is no run folder, or no epochs were asked for ({epochs}).")
    if missing := sorted({*epochs, *curve} - set(run.checkpointed_epochs())):
        raise RunError(f"{run.folder} has no checkpoint of epoch {missing[0]}; there are {run.checkpointed_epochs()}.")
    if data_of(config["data"]["name"]) is None and photographs is None:
        raise RunError(
            f"{run.folder} was trained on {config['data']['name']}: weights of photographs are shipped only after a "
            "check for copies. Give --photographs TRAIN UNSEEN and --source."
        )
    return config


def _copies(G: Generator, photographs: Photographs, config: dict[str, Any], name: str) -> dict[str, float]:
    """What the card says of copies. Raises RunError where there are any, or where these are not the training images."""
    if photographs.train.fingerprint != config["data"]["sha256"]:
        raise RunError(f"{photographs.train.name} is not what this run was trained on: its SHA-256 is another.")
    found = copies.check(G, photographs.train, photographs.unseen)
    if found.share:
        raise RunError(
            f"{name}: {found.share:.1%} of {len(found.closest)} samples are copies of training images (closeness below "
            f"{copies.COPY}). Such weights are not shipped: train with --augment, on more images, or for less long."
        )
    return {
        "share": found.share,
        "closest": round(found.closest.min().item(), 3),
        "unseen_share": round(found.unseen, 4),
        "samples": len(found.closest),
        "unseen": len(photographs.unseen),
    }


def written(out: Path, file: str, raw: bytes) -> dict[str, Any]:
    """Write a file, packed if it is called .xz; returns what a card says of it: the hash and the size of `raw`."""
    write_unpacked(out / file, raw)
    return {"file": file, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}


def _by_itself(checkpoint: Checkpoint, as_trained: bool) -> bool:
    """Whether G's own samples are wanted of a run that kept its average's: then checkpoints have to give them."""
    return as_trained and bool(checkpoint.network("ema"))


@torch.no_grad()
def _samples(run: Run, G: Generator, as_trained: bool) -> dict[int, Tensor]:
    """Images of a run's fixed z by epoch, uint8: those that it kept, or, as_trained, of G itself where it has both."""
    kept = run.samples(N_STRIP)
    there = run.checkpointed_epochs() if as_trained and kept else []
    if not there or not _by_itself(run.load(there[-1]), as_trained):
        return kept
    found = {0: kept[0]}  # before training the average is G
    z = z_of_run((run.config or {})["seed"], G.z_size)[:N_STRIP]
    for epoch in there:
        checkpoint = run.load(epoch)
        G.load_state_dict(checkpoint.network("G"))
        found[epoch] = unscale(G.eval()(z))
    return found


def _strip(kept: dict[int, Tensor], config: dict[str, Any], name: str, out: Path) -> dict[str, Any]:
    """The first z of the run's samples, an epoch a row, as one WebP without losses; its entry of the card."""
    small = not config["model"].startswith("dcgan128")  # each of its images has 63 times as many numbers as a digit
    columns, epochs = N_STRIP if small else 6, sorted(kept)
    if not small and len(epochs) > N_ROWS:  # the first two, and others as evenly spaced as may be, to the last
        step = (len(epochs) - 2) / (N_ROWS - 2)
        epochs = epochs[:2] + [epochs[1 + round(step * i)] for i in range(1, N_ROWS - 1)]
    rows = {epoch: kept[epoch][:columns] for epoch in epochs}
    sheet = torch.stack(list(rows.values()))  # (epochs, n, C, H, W)
    e, n, c, h, w = sheet.shape
    array = sheet.permute(0, 3, 1, 4, 2).reshape(e * h, n * w, c).numpy()
    picture = Image.fromarray(np.ascontiguousarray(array[..., 0] if c == 1 else array))
    entry = written(out, f"{name}-strip.webp", lossless(picture))
    return entry | {"epochs": list(rows), "shape": [n, c, h, w]}
