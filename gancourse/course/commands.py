"""The commands of this room: `train`, `enlarge`, `reproduce`, `claims`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection
from dataclasses import fields
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any

from gancourse import stopping
from gancourse.course.datasets import DATA
from gancourse.course.lessons import PROFILES, Trained, lengths_of, trained

_NETWORK = "options of the networks that have some, 0 or 1 for no and yes: deep=1 norm_g=0 channels=3"


def add_commands(commands: Any) -> None:
    """Add them to the subparsers of `python -m gancourse`."""
    from gancourse.training.config import Config
    from gancourse.training.pair_losses import PAIR_LOSSES
    from gancourse.training.settings import add_arguments

    train = commands.add_parser(
        "train",
        help="train a GAN into a run folder; the same command resumes it",
        epilog="\n".join(["critics, and what they start from; what you give goes before:", *map(_preset, _critics())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("model", choices=list(trained()))
    train.add_argument("--out", required=True, help="run folder")
    train.add_argument("--profile", choices=PROFILES, default="paper", help="how long (paper)")
    train.add_argument("--epochs", type=int, help="instead of the profile's")
    train.add_argument("--data", help="; ".join(f"{name}: {kind.about}" for name, kind in DATA.items()))
    train.add_argument("--images", type=int, help="use only the first N training images")
    train.add_argument("--width", type=int, help="of networks that have one: channels of the last hidden layer of G")
    train.add_argument("--network", type=_option, nargs="+", default=[], metavar="NAME=N", help=_NETWORK)
    add_arguments(train, Config, without=("model", "epochs", "loss"))
    both = "non_saturating", "saturating", *(name for name in PAIR_LOSSES if name != "non_saturating")
    unsaid = argparse.SUPPRESS
    train.add_argument("--loss", choices=both, default=unsaid, help="G's loss (non_saturating); the pair's of a critic")
    offered = {"loss"}
    for recipe, whose in _recipes().items():
        others = [other for other in _recipes() if other is not recipe]
        here = {one.name for one in fields(recipe)} - offered
        shared = {name for name in here if any(name in _fields(other) for other in others)}
        add_arguments(train.add_argument_group(f"{whose} settings"), recipe, without=_all_but(recipe, here - shared))
        if shared:
            add_arguments(train.add_argument_group("settings of several"), recipe, without=_all_but(recipe, shared))
        offered |= here
    usual_decay = {"dest": "decay", "action": "store_false", "default": unsaid}
    train.add_argument("--constant-rate", help="cyclegan: the rates do not fall in the second half", **usual_decay)
    start = "srgan: begin with the G of a run, or of a .safetensors; stylegan, church-grown: grow from a run"
    start += "; church-factors: go on from a run"
    train.add_argument("--start", metavar="RUN_OR_FILE", help=start)
    train.add_argument("--until", type=int, help="stop after this epoch; rates fall as for --epochs")
    train.add_argument("--device", default="auto")
    train.add_argument("--accumulate", type=int, default=1, help="pass each batch in so many parts (less memory)")
    milestones = {"type": span, "nargs": "*", "default": [(5,), (50,), (100,)]}
    train.add_argument("--milestones", help="whose checkpoints stay: 5 9-20 (5 50 100)", **milestones)
    train.add_argument("--keep-last", type=int, default=2, help="so many of the newest checkpoints stay too (2)")
    train.add_argument("--score-every", type=int, default=0, help="classifier distance of 2,048 samples every N epochs")
    train.set_defaults(run=_train)

    larger = commands.add_parser("enlarge", help="enlarge a picture of yours, by a network or bicubic")
    larger.add_argument("picture", metavar="IN", help="a file: PNG, JPEG, WebP, TIFF, GIF, BMP ...")
    larger.add_argument("out", metavar="OUT", help="the file to write; its ending says how: .png .jpg .webp .tif")
    by = larger.add_mutually_exclusive_group()
    by.add_argument("--model", default="srgan-churches", help="srgan-churches (default), srresnet-churches, bicubic")
    by.add_argument("--weights", metavar="RUN", help="a run folder of yours, in place of a model")
    larger.add_argument("--tile", type=int, help="pixels a side that the network sees at once (192)")
    larger.add_argument("--overwrite", action="store_true", help="replace OUT where it exists")
    larger.add_argument("--device", default="auto")
    larger.set_defaults(run=_enlarge)

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
    from gancourse.models.catalogue import options_of
    from gancourse.training import Config, Trainer, pick_device
    from gancourse.training.processes import launched
    from gancourse.training.settings import values

    lesson, what = trained()[options.model]
    kind = DATA[what.data]
    if (augment := getattr(options, "augment", ())) and not kind.augment:
        raise ValueError(f"augment is {' '.join(augment)}, which makes no sense for {what.data}; leave it out.")
    if options.width and what.translation is None and "width" not in options_of(what.network):
        raise ValueError(f"width is {options.width}, and {options.model} has its paper's sizes; leave it out.")
    grows = what.network in ("stylegan", "dcgan128-grown")
    goes_on = what.data == "factors"
    if options.start and what.algorithm != "srgan" and not grows and not goes_on:
        raise ValueError(f"--start is {options.start}, and {options.model} starts from fresh networks; leave it out.")
    if options.score_every and what.data not in ("mnist", "digits"):
        raise ValueError("--score-every is for digits; score such a run afterwards: python -m gancourse evaluate.")
    epochs, n_images = lengths_of(lesson)[options.profile]
    own_loss = ["loss"] * (what.algorithm != "minimax")
    said = values(options, Config, without=("model", "epochs", *own_loss))
    config = Config(
        model=what.network,
        epochs=epochs if options.epochs is None else options.epochs,
        **{**what.config, **said},
    )
    if options.until is not None and not 1 <= options.until <= config.epochs:
        raise ValueError(f"--until is {options.until}, expected an epoch of the run, 1 to {config.epochs}.")
    recipe = _recipe(options, what)
    images = kind.open(options.data, n_images if options.images is None else options.images, options.images is None)
    if options.device in ("auto", "cpu") and pick_device(options.device).type == "cpu" and launched() is None:
        from gancourse.course.profiles import busy_line

        if line := busy_line(convolutions=what.network not in ("mlp", "schulz")):
            print(line)
    torch.manual_seed(config.seed)
    asked = dict(what.options.get(options.profile, {})) | ({"width": options.width} if options.width else {})
    algorithm = _algorithm(what, recipe, asked, dict(options.network))
    if what.algorithm == "srgan":
        images = _crops(images, algorithm)
    if grows or goes_on:
        from gancourse.data.degraded import shrunk

        images = shrunk(images, algorithm.networks["G"].image_shape[-1])
    if options.start:
        from gancourse.course.starting import begin

        begin(algorithm, options.start)
    rest: dict[str, Any] = {"milestones": tuple(chain.from_iterable(options.milestones))}
    if options.score_every:
        rest |= {"score": quick_fid, "score_every": options.score_every}
    rest |= {"accelerator": launched(), "accumulate": options.accumulate, "keep_last": options.keep_last}
    trainer = Trainer(algorithm, images, config, options.out, options.device, **rest)
    trainer.fit(until=options.until)
    if options.until and trainer.epoch == options.until < config.epochs:
        print(f"stopped after epoch {trainer.epoch} of {config.epochs}, as --until says; without it the run goes on")
    elif trainer.epoch < config.epochs:
        raise KeyboardInterrupt("said by fit")


def _recipes() -> dict[type, str]:
    """Each class of settings of an algorithm, and whose they are."""
    from gancourse.training import (
        BigGANRecipe,
        CriticRecipe,
        CycleRecipe,
        Pix2PixRecipe,
        Recipe,
        SRRecipe,
        StyleRecipe,
    )

    return {
        Recipe: "Algorithm 1's",
        CriticRecipe: "a critic's",
        Pix2PixRecipe: "Pix2Pix's",
        CycleRecipe: "CycleGAN's",
        SRRecipe: "SRGAN's",
        StyleRecipe: "StyleGAN's",
        BigGANRecipe: "BigGAN's",
    }


def _recipe(options: argparse.Namespace, what: Trained) -> Any:
    """The settings of the algorithm that trains it. Raises ValueError for an option that only others have."""
    from gancourse.training.settings import flag, values

    if what.algorithm in ("pix2pix", "srgan", "stylegan", "biggan") and "loss" in vars(options):
        raise ValueError(f"--loss is {options.loss}, and {what.algorithm} has one of its own; leave it out.")
    algorithms = ("minimax", "critic", "pix2pix", "cyclegan", "srgan", "stylegan", "biggan")
    mine = dict(zip(algorithms, _recipes(), strict=True))[what.algorithm]
    for other, whose in _recipes().items():
        for one in fields(other):
            if one.name in vars(options) and one.name not in {*_fields(mine), "loss"}:
                raise ValueError(f"{flag(one)} is {whose}, and {options.model} is trained otherwise; leave it out.")
    preset = what.critic or what.translation or what.style or what.biggan or {}
    return mine(**{**preset, **values(options, mine)})


def _algorithm(what: Trained, recipe: Any, options: dict[str, int], said: dict[str, int]) -> Any:
    """The algorithm with fresh networks. Raises ValueError for options that these do not have."""
    from gancourse.models.catalogue import enlargers, networks, translators
    from gancourse.training import SRGAN, BigGAN, CriticGAN, CycleGAN, Minimax, Pix2Pix, StyleGAN
    from gancourse.training.critic import network_options

    if what.algorithm == "pix2pix":
        if said:
            raise ValueError(f"--network is {said}, and pix2pix has none of these; use --width, or leave it out.")
        return Pix2Pix(**translators("pix2pix", **options, conditional=int(recipe.conditional)), recipe=recipe)
    if what.algorithm == "cyclegan":
        if said:
            raise ValueError(f"--network is {said}, and cyclegan has none of these; use --width, or leave it out.")
        return CycleGAN(**translators("cyclegan", **options), recipe=recipe)
    if what.algorithm == "srgan":
        known = list(signature(enlargers).parameters)
        if unknown := sorted(set(said) - set(known)):
            raise ValueError(f"--network is {said}, and srgan has no {unknown[0]}; it has {', '.join(known)}.")
        chosen: dict[str, Any] = options | said
        if "norm" in chosen:
            chosen["norm"] = "batch" if chosen["norm"] else "none"
        return SRGAN(**enlargers(**chosen), recipe=recipe)
    if what.algorithm == "critic":
        G, D = networks(what.network, **(options | network_options(recipe) | said))
        return CriticGAN(G, D, recipe)
    G, D = networks(what.network, **(options | said))
    if what.algorithm == "stylegan":
        return StyleGAN(G, D, recipe)
    if what.algorithm == "biggan":
        return BigGAN(G, D, recipe)
    return Minimax(G, D, recipe)


def _crops(images: Any, algorithm: Any) -> Any:
    """Crops of the size that D judges, and the same as much smaller as G enlarges."""
    from gancourse.data.degraded import CropPairs

    return CropPairs(images, algorithm.networks["G"].scale, algorithm.networks["D"].size)


def _fields(settings: type) -> set[str]:
    return {one.name for one in fields(settings)}


def _critics() -> list[str]:
    return [name for name, (_, what) in trained().items() if what.critic is not None]


def _preset(name: str) -> str:
    """A critic's recipe in the command line's words."""
    from gancourse.training.config import Config
    from gancourse.training.critic import CriticRecipe
    from gancourse.training.settings import words

    what = trained()[name][1]
    return f"  {name}: {' '.join([*words(what.critic or {}, CriticRecipe), *words(what.config, Config)])}"


def _option(text: str) -> tuple[str, int]:
    """ "deep=1" -> ("deep", 1). Raises ArgumentTypeError for anything else."""
    found = re.fullmatch(r"([a-z_]{1,20})=(\d{1,6})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no option of a network with its number, such as deep=1")
    return found[1], int(found[2])


def _all_but(settings: type, names: Collection[str]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(settings) if one.name not in names)


def _enlarge(options: argparse.Namespace) -> None:
    from gancourse.course.enlarging import TILE, chosen, enlarge_file, of_run
    from gancourse.training.config import pick_device

    enlarger = of_run(options.weights) if options.weights else chosen(options.model)
    tile, device = TILE if options.tile is None else options.tile, pick_device(options.device)
    print(*enlarge_file(options.picture, options.out, enlarger, tile, options.overwrite, device), sep="\n")


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
