"""One row a lesson: its title, what it is about, how long it runs, what it trains and on what. All else asks here.

A new lesson is a row of LESSONS, a notebook of its name, `exercises/lessonNN.py` and, where it has long runs,
`course/studies/lessonNN/`. It then is in the README, on the site, in the command line and in every test of all lessons.
This module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PROFILES = ("smoke", "laptop", "paper")


@dataclass(frozen=True)
class Trained:
    """Networks that `python -m gancourse train NAME` trains.

    network: their name in `models.networks`. data: one of DATA. options: profile -> what `models.networks` is given.
    critic: settings of a `CriticRecipe`, where a critic is trained; None for others. translation: settings of a
    `Pix2PixRecipe`, a `CycleRecipe` or an `SRRecipe`, where networks of `models.translators` or `enlargers` are.
    style: settings of a `StyleRecipe`, where a StyleGAN is. biggan: settings of a `BigGANRecipe`, where a BigGAN is.
    config: settings of `Config` that its recipe has. Options of the command line go before all of them.
    """

    network: str
    data: str = "mnist"
    options: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    critic: Mapping[str, Any] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    translation: Mapping[str, Any] | None = None
    style: Mapping[str, Any] | None = None
    biggan: Mapping[str, Any] | None = None

    @property
    def algorithm(self) -> str:
        """Which of `training.algorithms` trains it: "minimax", "critic", "pix2pix", "cyclegan", "srgan", "stylegan",
        "biggan".
        """
        if self.style is not None:
            return "stylegan"
        if self.biggan is not None:
            return "biggan"
        if self.translation is not None:
            return self.network
        return "minimax" if self.critic is None else "critic"


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course.

    title, about: for the README and the site. lengths: profile -> (epochs, images of the data set); what an epoch means
    is the lesson's own affair. trains: the command line's name -> what it trains. timed_as: which of them (by the
    network's name) the notebook mostly trains; None where it trains little. seconds_per_image: profile -> measured
    processor seconds, where the networks' size depends on the profile. figure: the number of the figure that stands for
    the lesson on the site; empty: that of the notebook's cell with the tag "thumbnail", or else its last picture.
    """

    title: str
    about: str
    lengths: Mapping[str, tuple[int, int]]
    trains: Mapping[str, Trained] = field(default_factory=dict)
    timed_as: str | None = None
    seconds_per_image: Callable[[], Mapping[str, float]] | None = None
    figure: str = ""


CHURCH_WIDTH = {"smoke": 4, "laptop": 8, "paper": 64}  # of lesson 04's networks; 64 is P4's, as we read it
_WIDTHS = {profile: {"width": width} for profile, width in CHURCH_WIDTH.items()}


def _church_seconds() -> Mapping[str, float]:
    from gancourse.course.studies.runner import results

    rate = {row["width"]: row["cpu_seconds_per_image"] for row in results("church_speed")["rows"]}
    return {profile: rate[width] for profile, width in CHURCH_WIDTH.items() if width in rate}


# Lesson 07's critics, each by its paper's recipe: WGAN (Arjovsky et al. 2017), WGAN-GP (Gulrajani et al. 2017, and the
# rates of its authors' code for MNIST), SN-GAN (Miyato et al. 2018), LSGAN (Mao et al. 2017, P1's rates), and the loss
# of R3GAN (Huang et al. 2024) on our networks. Batches of 64, as in the first four.
CRITICS: dict[str, Trained] = {
    "wgan": Trained(
        "critic",
        critic={"loss": "wasserstein", "constraint": "clip", "clip": 0.01, "optimiser": "rmsprop"},
        config={"k": 5, "lr": 5e-5, "batch_size": 64},
    ),
    "wgan-gp": Trained(
        "critic",
        critic={"loss": "wasserstein", "gradient_penalty": 10.0},
        config={"k": 5, "lr": 1e-4, "betas": (0.5, 0.9), "batch_size": 64},
    ),
    "sn-gan": Trained(
        "critic",
        critic={"loss": "hinge", "constraint": "spectral"},
        config={"k": 5, "betas": (0.0, 0.9), "batch_size": 64},
    ),
    "lsgan": Trained("critic", critic={"loss": "least_squares"}, config={"batch_size": 64}),
    "r3gan": Trained(
        "critic",
        critic={"loss": "relativistic", "r1": 1.0, "r2": 1.0},
        config={"betas": (0.0, 0.99), "batch_size": 64},
    ),
}

# Lesson 10's enlargers: SRResNet without BatchNorm, added to the bicubic enlargement, for runs as short as ours.
_ENLARGERS = {
    "smoke": {"width": 8, "blocks": 1, "norm": 0, "residual": 1},
    "laptop": {"norm": 0, "residual": 1},
    "paper": {"norm": 0, "residual": 1},
}

# Lesson 12's BigGAN: small batches and high rates, for runs as short as ours; the paper's are in BigGANRecipe.
_BIG = {"batch_size": 32, "lr": 2e-3, "betas": (0.0, 0.99), "ema_half_life": 2_000.0}
_OF_CHURCHES = {profile: {"size": 32, "classes": 25} for profile in PROFILES} | {
    "smoke": {"size": 32, "classes": 25, "width": 4}
}

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
        figure="2.7",
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
            "church-grown": Trained(
                "dcgan128-grown",
                "churches",
                {"smoke": {"width": 8, "width_d": 8}},
                config={"batch_size": 16, "lr": 2e-3, "betas": (0.0, 0.99), "ema_half_life": 10_000.0},
            ),
            "church-factors": Trained(
                "dcgan128-factors",
                "factors",
                {"smoke": {"width": 8, "width_d": 8}},
                config={"batch_size": 32, "ema_half_life": 10_000.0},
            ),
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
        figure="5.10",
    ),
    "06_latent_space": Lesson(
        "Latent space",
        "steering a trained generator: paths, directions, arithmetic, inversion; is it a copy?",
        {"smoke": (30, 800), "laptop": (150, 4_000), "paper": (500, 20_000)},  # steps of inversion; z
        figure="6.10",
    ),
    "07_wasserstein": Lesson(
        "Wasserstein",
        "what should the discriminator measure? distances, Lipschitz critics, and the loss of today",
        {"smoke": (2, 640), "laptop": (8, 6_400), "paper": (20, 60_000)},
        CRITICS,
        "dcgan",
        figure="7.3",
    ),
    "08_pix2pix": Lesson(
        "Conditions and Pix2Pix",
        "telling a generator what to make: a class, a label map; which loss does what, judged by the truth",
        {"smoke": (1, 32), "laptop": (2, 1_000), "paper": (8, 6_000)},
        {"pix2pix": Trained("pix2pix", "maps", {"smoke": {"width": 4}}, config={"batch_size": 4}, translation={})},
        "dcgan",
    ),
    "09_cyclegan": Lesson(
        "CycleGAN",
        "morning to dusk and summer to snow without pairs; what is hidden in the snow",
        {"smoke": (1, 16), "laptop": (2, 300), "paper": (4, 3_000)},
        {
            f"cyclegan-{task}": Trained(
                "cyclegan", task, {"smoke": {"width": 4}}, config={"batch_size": 1, "lr": 5e-4}, translation={}
            )
            for task in ("dusk", "snow")
        },
        "dcgan",
        figure="9.2",
    ),
    "10_srgan": Lesson(
        "SRGAN",
        "enlarging pictures; how much of the detail is invented, and whether it is the true one",
        {"smoke": (1, 32), "laptop": (4, 640), "paper": (15, 1_600)},
        {
            "srresnet": Trained(
                "srgan",
                "enlarging",
                _ENLARGERS,
                config={"batch_size": 16, "lr": 1e-3, "betas": (0.9, 0.999)},
                translation={"content": "pixels", "adversarial": 0.0},
            ),
            "srgan": Trained(
                "srgan",
                "enlarging",
                _ENLARGERS,
                config={"batch_size": 16, "lr": 2e-4, "betas": (0.9, 0.999)},
                translation={"content": "features"},
            ),
        },
        "dcgan",
        figure="10.1",
    ),
    "11_stylegan": Lesson(
        "StyleGAN",
        "styles in every layer; which layer holds what, and whether w is easier to read and to steer than z",
        {"smoke": (1, 32), "laptop": (2, 3_200), "paper": (5, 20_000)},
        {
            "stylegan": Trained(
                "stylegan",
                "small",
                {"smoke": {"width": 4}},
                config={"batch_size": 16, "lr": 6e-3, "betas": (0.0, 0.99), "ema_half_life": 10_000.0},
                style={"fade": 20_000},
            )
        },
        "dcgan",
        figure="11.5",
    ),
    "12_biggan": Lesson(
        "BigGAN and borrowed features",
        "what scale buys, what borrowed features buy, and P4's churches made good",
        {"smoke": (1, 320), "laptop": (1, 15_000), "paper": (10, 60_000)},
        {
            "biggan": Trained("biggan", "digits", {"smoke": {"width": 4}}, config=_BIG, biggan={}),
            "biggan-churches": Trained("biggan", "classes", _OF_CHURCHES, config=_BIG, biggan={}),
        },
        "dcgan",
    ),
}


def trained() -> dict[str, tuple[str, Trained]]:
    """The command line's name -> the lesson and what is trained, of all lessons."""
    return {name: (lesson, what) for lesson, row in LESSONS.items() for name, what in row.trains.items()}


def lengths_of(lesson: str) -> Mapping[str, tuple[int, int]]:
    """Profile -> (epochs, images), of a lesson that `trained` names."""
    return LESSONS[lesson].lengths


def command_of(network: str, critic: Mapping[str, Any] | None = None, data: str = "") -> str:
    """The command line's name of networks, and of a critic's settings the one whose own agree most with them.

    data: the name of a run's data, which begins with that of its kind; it chooses where networks are trained on
    several. Their own name where no lesson trains them.
    """
    rows = [
        (name, what.critic or {})
        for name, (_, what) in trained().items()
        if what.network == network and (what.critic is None) == (critic is None)
    ]
    rows.sort(key=lambda row: trained()[row[0]][1].data != data.split("-")[0])
    if critic is None:
        return next((name for name, _ in rows), network)
    agree = {name: sum(1 if critic.get(k) == v else -1 for k, v in given.items()) for name, given in rows}
    return max(agree, key=lambda name: agree[name], default=network)
