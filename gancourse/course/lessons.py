"""One row a lesson: its title, what it is about, how long it runs, what it trains and on what. All else asks here.

A new lesson is a row of LESSONS, a notebook of its name, `exercises/lessonNN.py` and, where it has long runs,
`course/studies/lessonNN/`. It then is in the README, on the site, in the command line and in every test of all lessons.
This module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PROFILES = ("smoke", "laptop", "paper")


@dataclass(frozen=True)
class Data:
    """A kind of data that the command line trains on.

    about: for the help of --data. open: (path or None, how many, whether fewer will do) -> images. score: (generator,
    how many) -> what a card says of it. licence: of weights trained on it. augment: whether mirror images and
    DiffAugment make sense.
    """

    about: str
    open: Callable[[str | None, int, bool], Any]
    score: Callable[[Any, int], dict[str, float]]
    licence: str
    augment: bool = False


@dataclass(frozen=True)
class Trained:
    """Networks that `python -m gancourse train NAME` trains.

    network: their name in `models.networks`. data: one of DATA. options: profile -> what `models.networks` is given.
    """

    network: str
    data: str = "mnist"
    options: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course.

    title, about: for the README and the site. lengths: profile -> (epochs, images of the data set); what an epoch means
    is the lesson's own affair. trains: the command line's name -> what it trains. timed_as: which of them (by the
    network's name) the notebook mostly trains; None where it trains little. seconds_per_image: profile -> measured
    processor seconds, where the networks' size depends on the profile.
    """

    title: str
    about: str
    lengths: Mapping[str, tuple[int, int]]
    trains: Mapping[str, Trained] = field(default_factory=dict)
    timed_as: str | None = None
    seconds_per_image: Callable[[], Mapping[str, float]] | None = None


def _mnist(path: str | None, n: int, at_most: bool) -> Any:
    from gancourse.data.mnist_digits import mnist

    return mnist("train", path).subset(n)


def _churches(path: str | None, n: int, at_most: bool) -> Any:
    if path is None or path == "procedural":
        from gancourse.data.churches import procedural_churches

        return procedural_churches(n)[0]
    from gancourse.data.photographs import open_pictures

    images = open_pictures(path, 128)
    return images.subset(min(n, len(images)) if at_most else n)


def _digit_scores(G: Any, n: int) -> dict[str, float]:
    from gancourse.evaluation.generated import digit_scores

    return digit_scores(G, n)


def _church_scores(G: Any, n: int) -> dict[str, float]:
    from gancourse.evaluation import church_reader

    return church_reader.scores(G)


DATA = {
    "mnist": Data(
        "folder with MNIST/raw; default: the MNIST inside the package",
        _mnist,
        _digit_scores,
        "MIT, as the code. Trained on MNIST (LeCun, Cortes, Burges), which is CC BY-SA 3.0.",
    ),
    "churches": Data(
        "LSUN's folder, one of pictures or a made map; default: procedural churches",
        _churches,
        _church_scores,
        "MIT, as the code.",
        augment=True,
    ),
}

CHURCH_WIDTH = {"smoke": 4, "laptop": 8, "paper": 64}  # of lesson 04's networks; 64 is P4's, as we read it
_WIDTHS = {profile: {"width": width} for profile, width in CHURCH_WIDTH.items()}


def _church_seconds() -> Mapping[str, float]:
    from gancourse.course.studies.runner import results

    rate = {row["width"]: row["cpu_seconds_per_image"] for row in results("church_speed")["rows"]}
    return {profile: rate[width] for profile, width in CHURCH_WIDTH.items() if width in rate}


LESSONS: dict[str, Lesson] = {
    "00_start_here": Lesson(
        "Start here",
        "what a GAN is, how the course works, your first digits",
        {"smoke": (2, 640), "laptop": (60, 3_200), "paper": (60, 3_200)},
        timed_as="dcgan",
    ),
    "01_minimax_theory": Lesson(
        "Minimax theory",
        "the value function, the best discriminator, what the two generator losses do; a playground to break GANs in",
        {"smoke": (2, 0), "laptop": (20, 0), "paper": (40, 0)},
    ),
    "02_mlp_gan_mnist": Lesson(
        "MLP GAN on MNIST",
        "Algorithm 1 by hand, then through the package; a clinic of failures",
        {"smoke": (2, 2_560), "laptop": (25, 60_000), "paper": (100, 60_000)},
        {"mlp": Trained("mlp"), "schulz": Trained("schulz")},
        "mlp",
    ),
    "03_dcgan_mnist": Lesson(
        "DCGAN on MNIST",
        "the same game between convolutional networks; which guidelines do the work",
        {"smoke": (2, 640), "laptop": (2, 30_000), "paper": (100, 60_000)},
        {name: Trained(name) for name in ("dcgan", "dcgan-strong", "residual")},
        "dcgan",
    ),
    "04_dcgan_lsun128": Lesson(
        "DCGAN at 128 pixels",
        "churches: what a selection hides, mode collapse counted, kind by kind, blobs explained",
        {"smoke": (2, 64), "laptop": (6, 1_600), "paper": (100, 126_227)},
        {
            "church": Trained("dcgan128", "churches", _WIDTHS),
            "church-clusters": Trained("dcgan128-clusters", "churches", _WIDTHS),
        },
        "dcgan128",
        _church_seconds,
    ),
    "05_evaluation": Lesson(
        "Evaluation",
        "FID from two bell curves up, its floor, its bias, how to fool it; how good P1's generator can get",
        {"smoke": (2, 2_560), "laptop": (5, 60_000), "paper": (50, 60_000)},
        {"dcgan-clusters": Trained("dcgan-clusters")},
        "mlp",
    ),
    "06_latent_space": Lesson(
        "Latent space",
        "steering a trained generator: paths, directions, arithmetic, inversion; is it a copy?",
        {"smoke": (30, 800), "laptop": (150, 4_000), "paper": (500, 20_000)},  # steps of inversion; z
    ),
}


def trained() -> dict[str, tuple[str, Trained]]:
    """The command line's name -> the lesson and what is trained, of all lessons."""
    return {name: (lesson, what) for lesson, row in LESSONS.items() for name, what in row.trains.items()}


def command_of(network: str) -> str:
    """The command line's name of networks; their own name where no lesson trains them."""
    return next((name for name, (_, what) in trained().items() if what.network == network), network)


def data_of(name: str) -> Data | None:
    """The kind of data whose name a run's config has, such as "mnist-train"; None for pictures of the user's own."""
    return DATA.get(name.split("-")[0])


def numbered(names: Iterable[str]) -> list[str]:
    """Names of modules of exercises or studies, "lesson07", of the lessons that have one."""
    have = set(names)
    return [one for name in LESSONS if (one := f"lesson{name[:2]}") in have]
