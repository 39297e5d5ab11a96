"""`python -m gancourse`: the course without a notebook, for long runs and for making what the package ships."""

from __future__ import annotations

import argparse
import re
import sys
from itertools import chain
from typing import Any

from gancourse.course import profiles
from gancourse.data.images import DataError, Images
from gancourse.data.mnist_digits import mnist, pack_mnist
from gancourse.evaluation.commands import add_commands
from gancourse.models.catalogue import networks
from gancourse.training.out_of_memory import OutOfMemory
from gancourse.training.processes import launched
from gancourse.training.recipe import Recipe, RegularisedTrainer
from gancourse.training.run import RunError
from gancourse.training.trainer import Config, Trainer, TrainingDiverged


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for an error that is explained, 130 when you stopped it."""
    parser = argparse.ArgumentParser(prog="python -m gancourse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train a GAN into a run folder; the same command resumes it")
    train.add_argument("model", choices=list(profiles.TRAINING_LESSON))
    train.add_argument("--out", required=True, help="run folder")
    train.add_argument("--profile", choices=profiles.PROFILES, default="paper", help="how long (default: paper)")
    train.add_argument("--epochs", type=int, help="instead of the profile's epochs")
    train.add_argument(
        "--data",
        help="folder with MNIST/raw, default: the MNIST inside the package; for church: LSUN's folder, one of "
        "pictures or a made map; default: procedural",
    )
    train.add_argument("--images", type=int, help="use only the first N training images")
    train.add_argument("--width", type=int, help="church: channels of G's last hidden layer (P4: 64)")
    train.add_argument(
        "--augment", nargs="+", default=[], help="church: flip (real images), translation cutout colour (DiffAugment)"
    )
    train.add_argument("--r1", type=float, default=0.0, help="gamma of the R1 penalty on real images")
    train.add_argument("--r1-share", type=float, default=1.0, help="of a batch that R1 is computed on")
    train.add_argument("--decay", action="store_true", help="learning rates fall linearly to 0 over the epochs")
    train.add_argument("--mixed", action="store_true", help="real and fake images in one batch of D")
    train.add_argument("--batch-size", type=int, default=128)
    train.add_argument("--k", type=int, default=1, help="discriminator steps per generator step")
    train.add_argument("--lr", type=float, default=2e-4)
    train.add_argument("--betas", type=float, nargs=2, default=[0.5, 0.999], help="Adam's (default: 0.5 0.999)")
    train.add_argument("--loss", default="non_saturating", choices=["non_saturating", "saturating"])
    train.add_argument("--reuse-fakes", action="store_true", help="G's step reuses D's fake batch (P2, most tutorials)")
    train.add_argument("--ema-half-life", type=float, default=0.0, help="images; 0: no averaged generator")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="auto")
    train.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    train.add_argument("--plain", action="store_true", help="the readable loop instead of the fast path")
    train.add_argument("--accumulate", type=int, default=1, help="pass each batch in so many parts (less memory)")
    train.add_argument(
        "--milestones",
        type=_span,
        nargs="*",
        default=[(5,), (50,), (100,)],
        help="whose checkpoints stay: 5 9-20",
    )
    train.add_argument("--score-every", type=int, default=0, help="classifier FID of 2,048 samples every N epochs")
    train.set_defaults(run=_train)

    get = commands.add_parser("fetch", help="fetch LSUN's churches (2.4 GB); the same command goes on after a break")
    get.add_argument("what", choices=["lsun-church"])
    get.add_argument("--to", help="folder for them (default: in $GANCOURSE_CACHE or your cache)")
    get.add_argument("--from", dest="from_file", metavar="FILE", help="the zip, had by other means")
    get.add_argument("--url", help="another place of the same zip")
    get.set_defaults(run=_fetch)

    pack = commands.add_parser("pack-mnist", help="make assets/mnist.xz from a torchvision-style folder")
    pack.add_argument("root")
    pack.add_argument("out")
    pack.set_defaults(run=lambda a: print(f"SHA-256 of the decoded data: {pack_mnist(a.root, a.out)}"))

    ship = commands.add_parser("ship", help="make what the package ships of a run: weights, strip of samples, card")
    ship.add_argument("run_folder", metavar="RUN")
    ship.add_argument("--name", required=True, help='what it will be called: "dcgan-mnist"')
    ship.add_argument("--epochs", type=int, nargs="+", required=True, help="which checkpoints")
    ship.add_argument("--curve", type=int, nargs="+", default=[], help="checkpoints that are scored, but not shipped")
    ship.add_argument("--out", required=True, help="folder of weights and cards")
    ship.add_argument("--as-trained", action="store_true", help="G itself, where the run also has its average")
    ship.add_argument("--eight-bit", action="store_true", help="weights in int8 with scales: half the size of float16")
    ship.add_argument("--discriminators", type=int, nargs="*", help="epochs whose D is shipped too (default: all)")
    ship.add_argument("--no-strip", action="store_true", help="no strip of samples over the epochs")
    ship.add_argument("--standing", action="store_true", help="BatchNorm's statistics of G anew, from 2,000 z")
    ship.add_argument(
        "--photographs", nargs=2, metavar=("TRAIN", "UNSEEN"), help="folders: what it was trained on, and not"
    )
    ship.add_argument("--source", default="", help="with --photographs: whose they are, and on what terms")
    ship.add_argument("--trained-at", default="", help="commit of the run's code (default: this one)")
    ship.set_defaults(run=_ship)

    add_commands(commands)

    claims = commands.add_parser("claims", help="print the table of the papers' claims")
    claims.set_defaults(run=_claims)

    readme = commands.add_parser("readme", help="write the tables of results into a README")
    readme.add_argument("file", help="a text that has their marks")
    readme.set_defaults(run=_readme)

    again = commands.add_parser("reproduce", help="run a study (hours) and write its results")
    again.add_argument("name", nargs="?", help="which one; without a name they are listed")
    again.add_argument("--out", help="results file (default: build/studies/NAME.json)")
    again.add_argument("--quick", action="store_true", help="a tiny version, to see that it runs")
    again.add_argument("--workers", type=int, help="processes at a time, one thread each (default: one a core)")
    again.set_defaults(run=_reproduce)

    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (DataError, OutOfMemory, RunError, TrainingDiverged, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"error: {error}. What was written before is whole; free space or choose another folder.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


def _fetch(options: argparse.Namespace) -> None:
    from gancourse.data.photographs.fetch import fetch

    print(f"LSUN's churches are in {fetch(options.to, options.from_file, options.url)}")


def _reproduce(options: argparse.Namespace) -> None:
    from pathlib import Path

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


def _readme(options: argparse.Namespace) -> None:
    from pathlib import Path

    from gancourse.files import write_atomically
    from gancourse.publishing.readme import with_tables

    path = Path(options.file)
    write_atomically(path, with_tables(path.read_text(encoding="utf-8")).encode())


def _ship(options: argparse.Namespace) -> None:
    from pathlib import Path

    from gancourse.data.photographs import open_pictures
    from gancourse.publishing.shipping import Photographs, ship
    from gancourse.training.run import Run

    run, out, curve = Run(options.run_folder), Path(options.out), tuple(options.curve)
    photographs = None
    if options.photographs:
        if not options.source:
            raise ValueError("--photographs is given without --source: say whose they are, and on what terms.")
        train, unseen = (open_pictures(folder) for folder in options.photographs)
        photographs = Photographs(train, unseen, options.source)
    card = ship(
        run,
        options.name,
        options.epochs,
        out,
        options.trained_at,
        curve,
        as_trained=options.as_trained,
        eight_bit=options.eight_bit,
        discriminators=options.discriminators,
        strip=not options.no_strip,
        stand=options.standing,
        photographs=photographs,
    )
    for epoch, files in card["files"].items():
        print(
            f"{options.name} at epoch {epoch}: {files['G']['bytes']:,} bytes (G), "
            f"{files.get('scores', files.get('copies', 'not scored'))}"
        )


def _span(text: str) -> tuple[int, ...]:
    """ "5" -> (5,), "5-8" -> (5, 6, 7, 8)."""
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise argparse.ArgumentTypeError(f"{text!r} is no epoch and no span of epochs, such as 5 or 9-20")
    return tuple(range(first, last + 1))


def _train(options: argparse.Namespace) -> None:
    import torch

    from gancourse.evaluation import quick_fid

    church = options.model.startswith("church")
    if not church and (options.width or options.augment):
        raise ValueError(f"--width and --augment are for church; {options.model} has neither.")
    if church and options.score_every:
        raise ValueError("--score-every is for digits; score a church run afterwards: python -m gancourse evaluate.")
    epochs, n_images = profiles.LESSONS[profiles.TRAINING_LESSON[options.model]][options.profile]
    config = Config(
        model=options.model.replace("church", "dcgan128"),
        epochs=epochs if options.epochs is None else options.epochs,
        batch_size=options.batch_size,
        k=options.k,
        lr=options.lr,
        betas=tuple(options.betas),
        loss=options.loss,
        fresh_z=not options.reuse_fakes,
        seed=options.seed,
        ema_half_life=options.ema_half_life,
        precision=options.precision,
        fast=not options.plain,
    )
    if church:
        images = _churches(options.data, n_images if options.images is None else options.images, options.images is None)
    else:
        images = mnist("train", options.data).subset(n_images if options.images is None else options.images)
    torch.manual_seed(options.seed)
    width = {"width": options.width or profiles.CHURCH_WIDTH[options.profile]} if church else {}
    G, D = networks(config.model, **width)
    rest: dict[str, Any] = {"milestones": tuple(chain.from_iterable(options.milestones))}
    if options.score_every:
        rest |= {"score": quick_fid, "score_every": options.score_every}
    penalty = {"r1": options.r1, "r1_share": options.r1_share}
    recipe = Recipe(decay=options.decay, mixed=options.mixed, augment=tuple(options.augment), **penalty)
    if recipe != Recipe() or config.model.endswith("-clusters"):
        trainer: Trainer = RegularisedTrainer(
            G, D, images, config, recipe, out=options.out, device=options.device, **rest
        )
    else:
        rest |= {"accelerator": launched(), "accumulate": options.accumulate}
        trainer = Trainer(G, D, images, config, options.out, options.device, **rest)
    trainer.fit()
    if trainer.epoch < config.epochs:
        raise KeyboardInterrupt


def _churches(path: str | None, n: int, at_most: bool) -> Images:
    """Churches from LSUN's folder, from a folder of pictures, or procedural ones where there is neither.

    n: how many; at_most: where there are fewer, take what there is.
    """
    if path is None or path == "procedural":
        from gancourse.data.churches import procedural_churches

        return procedural_churches(n)[0]
    from gancourse.data.photographs import open_pictures

    images = open_pictures(path, 128)
    return images.subset(min(n, len(images)) if at_most else n)


if __name__ == "__main__":
    sys.exit(main())
