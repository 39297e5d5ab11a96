"""Is lesson 05's best generator beaten by a plain z, in as many images? Eight recipes with a critic, one seed each.

Lesson 05 tore its latent space into a hundred clusters to get there. Here G is P1's own, z is N(0, I), and D is the
critic of lesson 07, without BatchNorm. All of them see 1.2 million real images, average G over 10,000 of them, and let
their rates fall to 0. This is a search on one seed, and no comparison of losses: it shows what can be had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from gancourse.course.studies.lesson07.critics import config_of, scored
from gancourse.course.studies.runner import Job, Study
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import quick_fid
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.wasserstein import CriticGAN
from gancourse.training.critic import CriticRecipe, network_options
from gancourse.training.trainer import Trainer

WIDTH = 128  # P1's
IMAGES, EPOCHS = 60_000, 20
SAMPLES = 10_000
EMA, EVERY = 10_000.0, 2  # half-life of the average, in images; epochs between two points of the curve
_TODAY = {"loss": "relativistic", "r1": 1.0, "r2": 1.0}
_NO_MOMENTUM = [0.0, 0.99]

#: key, settings of the recipe, settings of the run
RECIPES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("r3gan-0.0002", _TODAY, {"lr": 2e-4, "betas": _NO_MOMENTUM, "batch_size": 64}),
    ("r3gan-0.001", _TODAY, {"lr": 1e-3, "betas": _NO_MOMENTUM, "batch_size": 128}),
    ("r3gan-0.002", _TODAY, {"lr": 2e-3, "betas": _NO_MOMENTUM, "batch_size": 128}),
    ("r3gan-momentum", _TODAY, {"lr": 5e-4, "betas": [0.5, 0.99], "batch_size": 64}),
    ("r3gan-gamma-0.1", _TODAY | {"r1": 0.1, "r2": 0.1}, {"lr": 1e-3, "betas": _NO_MOMENTUM, "batch_size": 128}),
    ("r3gan-gamma-5", _TODAY | {"r1": 5.0, "r2": 5.0}, {"lr": 1e-3, "betas": _NO_MOMENTUM, "batch_size": 128}),
    ("p1-loss-r1", {"loss": "non_saturating", "r1": 1.0}, {"lr": 1e-3, "betas": [0.5, 0.99], "batch_size": 128}),
    (
        "wgan-gp",
        {"loss": "wasserstein", "gradient_penalty": 1.0},
        {"lr": 1e-3, "betas": _NO_MOMENTUM, "batch_size": 64, "k": 2},
    ),
)


def jobs(quick: bool) -> list[Job]:
    """One job a recipe."""
    size = {"width": WIDTH, "images": IMAGES, "epochs": EPOCHS, "samples": SAMPLES}
    tiny = {"width": 4, "images": 320, "epochs": 2, "samples": 300}
    return [
        {"key": key, "recipe": recipe | {"decay": True}, "config": config, "seed": 0} | (tiny if quick else size)
        for key, recipe, config in RECIPES
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one recipe and score its averaged generator; `curve`: the distance of its average every second epoch."""
    config = replace(config_of(job), ema_half_life=EMA)
    recipe = CriticRecipe(**job["recipe"])
    torch.manual_seed(job["seed"])
    G, D = networks("critic", width=job["width"], **network_options(recipe))
    data = mnist("train").subset(job["images"])
    trainer = Trainer(CriticGAN(G, D, recipe), data, config, score=quick_fid, score_every=EVERY)
    history = trainer.fit(progress=False)
    return {
        "curve": [round(row["fid"], 3) for row in history[EVERY - 1 :: EVERY]],
        "device": trainer.setting.device.type,
        **scored(trainer.averages["ema"], job["samples"]),
    }


STUDY = Study(
    f"A plain z against lesson 05's torn one: {len(RECIPES)} recipes with a critic, {EPOCHS * IMAGES:,} images, 1 seed",
    jobs,
    run,
)
