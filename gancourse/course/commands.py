"""The commands of this room: `train`, `reproduce`, `claims`."""

from __future__ import annotations

import argparse
import re
from itertools import chain
from pathlib import Path
from typing import Any

from gancourse import stopping
from gancourse.course.lessons import DATA, LESSONS, PROFILES, trained


def add_commands(commands: Any) -> None:
    """Add them to the subparsers of `python -m gancourse`."""
    from gancourse.training.config import Config
    from gancourse.training.recipe import Recipe
    from gancourse.training.settings import add_arguments

    train = commands.add_parser("train", help="train a GAN into a run folder; the same command resumes it")
    train.add_argument("model", choices=list(trained()))
    train.add_argument("--out", required=True, help="run folder")
    train.add_argument("--profile", choices=PROFILES, default="paper", help="how long (paper)")
    train.add_argument("--epochs", type=int, help="instead of the profile's")
    train.add_argument("--data", help="; ".join(f"{name}: {kind.about}" for name, kind in DATA.items()))
    train.add_argument("--images", type=int, help="use only the first N training images")
    train.add_argument("--width", type=int, help="of networks that have one: channels of the last hidden layer of G")
    add_arguments(train, Config, without=("model", "epochs"))
    add_arguments(train, Recipe)
    train.add_argument("--device", default="auto")
    train.add_argument("--accumulate", type=int, default=1, help="pass each batch in so many parts (less memory)")
    milestones = {"type": span, "nargs": "*", "default": [(5,), (50,), (100,)]}
    train.add_argument("--milestones", help="whose checkpoints stay: 5 9-20 (5 50 100)", **milestones)
    train.add_argument("--keep-last", type=int, default=2, help="so many of the newest checkpoints stay too (2)")
    train.add_argument("--score-every", type=int, default=0, help="classifier distance of 2,048 samples every N epochs")
    train.set_defaults(run=_train)

    again = commands.add_parser("reproduce", help="run a study (hours) and write its results")
    again.add_argument("name", nargs="?", help="which one; without a name they are listed")
    again.add_argument("--out", help="results file (default: build/studies/NAME.json)")
    again.add_argument("--quick", action="store_true", help="a tiny version, to see that it runs")
    again.add_argument("--workers", type=int, help="processes at a time, one thread each (default: one a core)")
    again.set_defaults(run=_reproduce)

    claims = commands.add_parser("claims", help="print the table of the papers' claims")
    claims.set_defaults(run=_claims)


def span(text: str) -> tuple[int, ...]:
    """ "5" -> (5,), "5-8" -> (5, 6, 7, 8). Raises ArgumentTypeError for anything else."""
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise argparse.ArgumentTypeError(f"{text!r} is no epoch and no span of epochs, such as 5 or 9-20")
    return tuple(range(first, last + 1))


def _train(options: argparse.Namespace) -> None:
    stopping.interruptible()  # what was trained is kept
    import torch

    from gancourse.evaluation import quick_fid
    from gancourse.models.catalogue import networks, options_of
    from gancourse.training import Config, Minimax, Recipe, Trainer, pick_device
    from gancourse.training.processes import launched
    from gancourse.training.settings import values

    lesson, what = trained()[options.model]
    kind = DATA[what.data]
    if options.augment and not kind.augment:
        raise ValueError(f"augment is {' '.join(options.augment)}, which makes no sense for {what.data}; leave it out.")
    if options.width and "width" not in options_of(what.network):
        raise ValueError(f"width is {options.width}, and {options.model} has its paper's sizes; leave it out.")
    if options.score_every and what.data != "mnist":
        raise ValueError("--score-every is for digits; score such a run afterwards: python -m gancourse evaluate.")
    epochs, n_images = LESSONS[lesson].lengths[options.profile]
    config = Config(
        model=what.network,
        epochs=epochs if options.epochs is None else options.epochs,
        **values(options, Config, without=("model", "epochs")),
    )
    images = kind.open(options.data, n_images if options.images is None else options.images, options.images is None)
    if options.device in ("auto", "cpu") and pick_device(options.device).type == "cpu" and launched() is None:
        from gancourse.course.profiles import busy_line

        if line := busy_line(convolutions=what.network not in ("mlp", "schulz")):
            print(line)
    torch.manual_seed(options.seed)
    G, D = networks(
        what.network, **({"width": options.width} if options.width else what.options.get(options.profile, {}))
    )
    rest: dict[str, Any] = {"milestones": tuple(chain.from_iterable(options.milestones))}
    if options.score_every:
        rest |= {"score": quick_fid, "score_every": options.score_every}
    rest |= {"accelerator": launched(), "accumulate": options.accumulate, "keep_last": options.keep_last}
    algorithm = Minimax(G, D, Recipe(**values(options, Recipe)))
    trainer = Trainer(algorithm, images, config, options.out, options.device, **rest)
    trainer.fit()
    if trainer.epoch < config.epochs:
        raise KeyboardInterrupt("said by fit")


def _reproduce(options: argparse.Namespace) -> None:
    stopping.interruptible()  # finished jobs are kept
    from gancourse.course.studies import runner

    if options.name is None:
        for name in runner.names():
            print(f"{name:20} {runner.find(name).what}")
        return
    out = Path(options.out or f"build/studies/{options.name}.json")
    runner.reproduce(options.name, out, options.quick, options.workers)
    print(f"wrote {out}")


def _claims(options: argparse.Namespace) -> None:
    from gancourse.course import claims

    print(claims.markdown())
