"""Scores of run folders: `python -m gancourse evaluate RUN`, and `compare RUN RUN...` for the table of several.

Each score is a file of its own in the run's folder, scores/epoch-0005-mnist-classifier-10000-0.json, so that scoring
a run that still trains disturbs nobody, and scoring it again with the same arguments replaces the same file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gancourse.data.images import Images
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation.features import Extractor, classifier_features, random_features
from gancourse.evaluation.image_batches import EvaluationError
from gancourse.evaluation.inception import inception_features
from gancourse.evaluation.lite0 import lite0_features
from gancourse.evaluation.scores import Scores, evaluate
from gancourse.evaluation.summary import summarise, summary_of
from gancourse.files import read_at_most, write_atomically
from gancourse.models.base import Generator
from gancourse.models.catalogue import networks, options_in
from gancourse.training.checkpoint import fitting
from gancourse.training.run import Run, RunError

FEATURES = ("classifier", "inception", "lite0", "random")
_NAME = re.compile(r"epoch-[0-9]{4,18}-[a-z0-9-]+-[0-9]+-[0-9]+\.json")
_SAME = ("features", "real", "n")  # scores compare only where these agree


def extractor_of(name: str, channels: int) -> Extractor:
    """The extractor of one of FEATURES, for images of so many channels. Raises EvaluationError, WeightsError."""
    if name == "classifier":
        return classifier_features()
    if name == "inception":
        return inception_features()
    if name == "lite0":
        return lite0_features()
    if name == "random":
        return random_features(channels)
    raise EvaluationError(f"features is {name!r}, expected one of {', '.join(FEATURES)}.")


def generator_of(run: Run, epoch: int | None = None) -> tuple[Generator, int, str]:
    """A run's generator at one of its checkpoints (None: the newest), its epoch, and "ema" where it is the average.

    Raises RunError: no run, no such checkpoint, or networks that this version does not know.
    """
    config = run.config
    if config is None:
        raise RunError(f"{run.folder} holds no run: it has no config.json.")
    checkpoint = run.newest()[0] if epoch is None else run.load(epoch)
    if checkpoint is None:
        raise RunError(f"{run.folder} has no checkpoint that can be used; train at least one epoch.")
    name = str(config.get("model"))
    try:
        G, _ = networks(name, **options_in(config))
    except (ValueError, LookupError, TypeError) as error:
        raise RunError(f"{run.folder} holds a run of {name!r}, which cannot be made again here: {error}") from error
    which = "ema" if checkpoint.network("ema") else "G"
    with fitting(checkpoint):
        G.load_state_dict(checkpoint.network(which))
    return G.eval().requires_grad_(False), checkpoint.epoch, which


def score_run(
    folder: str | Path,
    epoch: int | None = None,
    n: int = 10_000,
    seed: int = 0,
    features: str | None = None,
    real: Images | None = None,
    allow_few: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Score a run's generator, write the scores into its folder, and return them with what they rest on.

    epoch: of a checkpoint; None for the newest. features: one of FEATURES; None for the classifier on 28 x 28 grey
    images and random features on others. real: the images to compare with; None for MNIST's test set.
    n, seed, allow_few, progress: as in `evaluate`.
    Raises RunError, EvaluationError, WeightsError, OSError.
    """
    run = Run(folder)
    G, found, which = generator_of(run, epoch)
    digits = G.image_shape == (1, 28, 28)
    if real is None and not digits:
        raise EvaluationError(f"{folder} makes images of shape {G.image_shape}: give the real ones to compare with.")
    real = mnist("test") if real is None else real
    if real.shape != G.image_shape:
        raise EvaluationError(f"the real images have shape {real.shape}, the generator makes {G.image_shape}.")
    look = extractor_of(features or ("classifier" if digits else "random"), G.image_shape[0])
    scores = evaluate(G, real, look, n, seed, allow_few, progress)
    row = {
        "epoch": found,
        "network": which,
        "features": look.name,
        "real": real.name,
        "seed": seed,
        **{name: None if isinstance(v, float) and math.isnan(v) else v for name, v in scores._asdict().items()},
    }
    path = run.folder / "scores" / f"epoch-{found:04d}-{look.name}-{n}-{seed}.json"
    write_atomically(path, (json.dumps(row, indent=1) + "\n").encode())
    return row


def scores_of(folder: str | Path) -> list[dict[str, Any]]:
    """What `score_run` wrote into a run's folder, in order of the epoch. Raises RunError for a file without scores."""
    rows = []
    for path in sorted((Path(folder) / "scores").glob("*.json")):
        if not _NAME.fullmatch(path.name):
            continue
        try:
            row = json.loads(read_at_most(path, 1 << 16))
            rows.append({key: row[key] for key in ("epoch", "network", "features", "real", "seed", *Scores._fields)})
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise RunError(f"{path} holds no scores ({str(error)[:200]}); delete it and evaluate again.") from error
    return sorted(rows, key=lambda row: row["epoch"])


def comparison(folders: Sequence[str | Path]) -> list[dict[str, Any]]:
    """A row for each run, its newest scores and its name under "run"; first, the floor: as many real images.

    The floor is there for MNIST: 10,000 of its training images against its test set.
    Raises RunError where a run was never scored, EvaluationError where the scores of two runs do not compare.
    """
    rows: list[dict[str, Any]] = []
    for folder in folders:
        scores = scores_of(folder)
        if not scores:
            raise RunError(f"{folder} has no scores yet: python -m gancourse evaluate {folder}")
        rows.append({"run": Path(folder).name, **scores[-1]})
    for row in rows[1:]:
        for key in _SAME:
            if row[key] != rows[0][key]:
                raise EvaluationError(
                    f"{rows[0]['run']} was scored with {key} {rows[0][key]}, {row['run']} with {row[key]}: such "
                    "numbers do not compare. Evaluate both in the same way."
                )
    if rows and rows[0]["features"] == "mnist-classifier" and rows[0]["real"] == "mnist-test":
        rows.insert(0, {"run": "real images", "epoch": None, "network": "", **floor(rows[0]["n"])._asdict()})
    return rows


def floor(n: int = 10_000) -> Scores:
    """The scores of n of MNIST's training images, drawn, against its test set, on the classifier's features."""
    look = classifier_features()
    images = mnist("train").sample(n)
    return evaluate(summary_of(images, look) if n == 10_000 else summarise(images, look), None, look)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of scores as text, a line each; the first column is the run's name."""
    columns = ("epoch", "n", "fid", "kid", "inception_score", "precision", "recall", "density", "coverage", "kl")
    heads = ("epoch", "n", "distance", "KID", "IS", "precision", "recall", "density", "coverage", "KL")
    width = max(len(str(row["run"])) for row in rows)
    lines = [f"{'run':{width}}" + "".join(f"{head:>11}" for head in heads)]
    lines += [f"{row['run']:{width}}" + "".join(f"{_cell(row[key]):>11}" for key in columns) for row in rows]
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
