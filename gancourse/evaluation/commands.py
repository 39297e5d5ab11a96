"""The commands of this room: `evaluate`, `compare`, and what made the networks that judge."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gancourse.evaluation.run_scores import FEATURES


def add_commands(commands: Any) -> None:
    """Add them to the subparsers of `python -m gancourse`."""
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

    judge = commands.add_parser("train-classifier", help="make the classifier of digits that the package ships")
    judge.add_argument("--out", required=True, help="where the .safetensors is written, its card beside it")
    judge.add_argument("--seed", type=int, default=0)
    judge.add_argument("--epochs", type=int, default=10)
    judge.set_defaults(run=_train_classifier)

    reader = commands.add_parser("train-church-reader", help="make the reader of churches that the package ships")
    reader.add_argument("--out", required=True, help="where the .safetensors is written, its card beside it")
    reader.add_argument("--images", type=int, default=8000)
    reader.add_argument("--epochs", type=int, default=8)
    reader.add_argument("--seed", type=int, default=0)
    reader.set_defaults(run=_train_church_reader)

    maps = commands.add_parser("train-church-segmenter", help="make the reader of label maps that the package ships")
    maps.add_argument("--out", required=True, help="where the .safetensors is written, its card beside it")
    maps.add_argument("--images", type=int, default=6000)
    maps.add_argument("--epochs", type=int, default=5)
    maps.add_argument("--seed", type=int, default=0)
    maps.set_defaults(run=_train_church_segmenter)

    windows = commands.add_parser("train-window-reader", help="make the reader of windows that the package ships")
    windows.add_argument("--out", required=True, help="where the .safetensors is written, its card beside it")
    windows.add_argument("--churches", type=int, default=1200)
    windows.add_argument("--epochs", type=int, default=12)
    windows.add_argument("--seed", type=int, default=0)
    windows.set_defaults(run=_train_window_reader)


def _train_church_segmenter(options: argparse.Namespace) -> None:
    from gancourse.evaluation.segmenter import train_segmenter

    found = train_segmenter(options.out, options.images, epochs=options.epochs, seed=options.seed)
    for name, share in found.items():
        print(f"{name:10} {share:.1%}")


def _train_window_reader(options: argparse.Namespace) -> None:
    from gancourse.evaluation.window_training import train_window_reader

    found = train_window_reader(options.out, options.churches, epochs=options.epochs, seed=options.seed)
    for name, shares in found.items():
        print(f"{name:16} " + ", ".join(f"{what} {share:.1%}" for what, share in shares.items()))


def _train_classifier(options: argparse.Namespace) -> None:
    from gancourse.evaluation.classifier_training import train_classifier

    print(f"test accuracy {100 * train_classifier(options.out, options.seed, options.epochs):.2f} %")


def _train_church_reader(options: argparse.Namespace) -> None:
    from gancourse.evaluation.church_reader import train_reader

    found = train_reader(options.out, options.images, epochs=options.epochs, seed=options.seed)
    for name, share in found.items():
        print(f"{name:10} {share:.1%}")


def _evaluate(options: argparse.Namespace) -> None:
    from gancourse.evaluation.image_batches import EvaluationError
    from gancourse.evaluation.mnist_classifier import WeightsError
    from gancourse.evaluation.run_scores import score_run, table

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


def _real(data: str | None, n: int) -> Any:
    """The images to compare with: MNIST's test set where nothing is given."""
    if data is None:
        return None
    if data == "procedural":
        from gancourse.data.churches import procedural_churches

        return procedural_churches(n)[0]
    from gancourse.data.photographs import open_pictures

    return open_pictures(Path(data), 128)


def _compare(options: argparse.Namespace) -> None:
    from gancourse.evaluation.run_scores import comparison, table
    from gancourse.files import write_atomically

    rows = comparison(options.runs)
    print(table(rows))
    if options.out:
        from gancourse.plots import to_png
        from gancourse.plots.scoreboard import scoreboard

        write_atomically(Path(options.out), to_png(scoreboard(rows)))
        print(f"wrote {options.out}")
