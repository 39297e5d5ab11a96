"""`python -m gancourse evaluate RUN...` and `python -m gancourse compare RUN RUN...`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gancourse.data.images import Images
from gancourse.evaluation.image_batches import EvaluationError
from gancourse.evaluation.mnist_classifier import WeightsError
from gancourse.evaluation.run_scores import FEATURES, comparison, score_run, table
from gancourse.files import write_atomically


def add_commands(commands: Any) -> None:
    """Add both commands to the subparsers of `python -m gancourse`."""
    score = commands.add_parser("evaluate", help="score runs; the scores are kept in their folders")
    score.add_argument("runs", nargs="+", metavar="RUN", help="run folder")
    score.add_argument("--epoch", type=int, help="of a checkpoint (default: the newest)")
    score.add_argument("--samples", type=int, default=10_000)
    score.add_argument("--seed", type=int, default=0, help="of the generator's z")
    score.add_argument("--features", choices=FEATURES, help="default: classifier on digits, random on other images")
    score.add_argument("--data", help="the real images, where they are not MNIST's: a folder, LSUN's, or procedural")
    score.add_argument("--allow-few", action="store_true", help="go on with fewer images than a covariance needs")
    score.set_defaults(run=_evaluate)

    several = commands.add_parser("compare", help="print the newest scores of several runs, and draw them")
    several.add_argument("runs", nargs="+", metavar="RUN", help="run folder, evaluated before")
    several.add_argument("--out", help="also draw them, into this .png")
    several.set_defaults(run=_compare)


def _evaluate(options: argparse.Namespace) -> None:
    rows = []
    for folder in options.runs:
        try:
            row = score_run(
                folder,
                options.epoch,
                options.samples,
                options.seed,
                options.features,
                _real(options.data, options.samples),
                options.allow_few,
                progress=True,
            )
        except WeightsError as error:
            raise EvaluationError(str(error)) from error
        rows.append({"run": Path(folder).name, **row})
    first = rows[0]
    print(f"{first['features']}, against {first['real']}, z from seed {first['seed']}\n{table(rows)}")


def _real(data: str | None, n: int) -> Images | None:
    """The images to compare with: MNIST's test set where nothing is given."""
    if data is None:
        return None
    if data == "procedural":
        from gancourse.data.churches import procedural_churches

        return procedural_churches(n)[0]
    from gancourse.data.photographs import open_pictures

    return open_pictures(Path(data), 128)


def _compare(options: argparse.Namespace) -> None:
    rows = comparison(options.runs)
    print(table(rows))
    if options.out:
        from gancourse.plots import to_png
        from gancourse.plots.scoreboard import scoreboard

        write_atomically(Path(options.out), to_png(scoreboard(rows)))
        print(f"wrote {options.out}")
