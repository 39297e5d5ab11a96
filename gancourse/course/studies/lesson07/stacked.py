"""Stacked MNIST: which recipe finds the 1,000 combinations of three digits, how evenly, and what does it cost?

One generator and one critic, P1's shapes at a quarter of its width, under the recipes of lesson 07 at equal numbers of
real images; and, on the same networks, what we found to get there with least work. Each run is counted several times on
its way and at its end, with 25,600 samples, as the literature does.

Before the runs stand controls, counted in the same way: real test digits, where the classifier's errors and chance are
all that is seen; and things that are no digits, or too few of them, where a count of modes might be fooled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from gancourse.course.studies.lesson07.critics import config_of
from gancourse.course.studies.runner import Job, Study
from gancourse.data.images import Images, unscale
from gancourse.data.mnist_digits import mnist
from gancourse.data.stacked import stacked_mnist
from gancourse.evaluation.modes import SAMPLES, mode_scores
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.wasserstein import CriticGAN
from gancourse.training.critic import CriticRecipe, network_options
from gancourse.training.trainer import Trainer, TrainingDiverged

SEEDS = (0, 1, 2)
WIDTH = 32
PER_EPOCH, EPOCHS = 60_000, 10
CURVE = 5_120  # samples of each count on the way
PUBLISHED = {  # modes and KL, as R3GAN's table of the literature has them (Huang et al. 2024)
    "DCGAN": (99, 3.40),
    "WGAN-GP": (959, 0.73),
    "PacGAN": (992, 0.28),
    "R3GAN": (1000, 0.029),
}

OURS = "R3GAN's loss, γ 0.1, averaged"
#: name -> settings of the networks, of the recipe and of the run
ARMS: dict[str, dict[str, dict[str, Any]]] = {
    "DCGAN": {
        "networks": {"norm_d": True},
        "recipe": {"loss": "non_saturating"},
        "config": {"lr": 2e-4, "betas": [0.5, 0.999], "batch_size": 64},
    },
    "DCGAN, packs of two": {
        "networks": {"norm_d": True},
        "recipe": {"loss": "non_saturating", "packing": 2},
        "config": {"lr": 2e-4, "betas": [0.5, 0.999], "batch_size": 64},
    },
    "WGAN-GP": {
        "networks": {},
        "recipe": {"loss": "wasserstein", "gradient_penalty": 10.0},
        "config": {"lr": 1e-4, "betas": [0.5, 0.9], "batch_size": 64, "k": 5},
    },
    "SN, hinge": {
        "networks": {},
        "recipe": {"loss": "hinge", "constraint": "spectral"},
        "config": {"lr": 2e-4, "betas": [0.0, 0.9], "batch_size": 64, "k": 5},
    },
    "R3GAN's loss": {
        "networks": {},
        "recipe": {"loss": "relativistic", "r1": 1.0, "r2": 1.0},
        "config": {"lr": 2e-4, "betas": [0.0, 0.99], "batch_size": 64},
    },
    OURS: {
        "networks": {},
        "recipe": {"loss": "relativistic", "r1": 0.1, "r2": 0.1, "decay": True},
        "config": {"lr": 1e-3, "betas": [0.0, 0.99], "batch_size": 64, "ema_half_life": 10_000.0},
    },
}


# --- controls --------------------------------------------------------------------------------------------------------


def _real(n: int, seed: int) -> Images:
    return stacked_mnist(n, seed, "test")


def _hundred(n: int, seed: int) -> Images:
    """Real test digits, but of 100 modes alone: the perfect generator of a tenth of the data."""
    digits, rng = mnist("test"), torch.Generator().manual_seed(seed)
    assert digits.labels is not None
    modes = torch.randperm(1000, generator=rng)[:100][torch.randint(100, (n,), generator=rng)]
    wanted = torch.stack([modes // 100, modes // 10 % 10, modes % 10], 1)
    pixels = torch.zeros(n, 3, 28, 28, dtype=torch.uint8)
    for digit in range(10):
        of = (digits.labels == digit).nonzero().flatten()
        place = wanted == digit
        pixels[place] = digits.pixels[of[torch.randint(len(of), (int(place.sum()),), generator=rng)], 0]
    return Images(pixels, modes, "stacked, 100 modes")


def _untrained(n: int, seed: int) -> Images:
    torch.manual_seed(seed)
    G, _ = networks("critic", width=WIDTH, channels=3)
    with torch.no_grad():
        z = torch.randn(n, 100, generator=torch.Generator().manual_seed(seed))
        return Images(torch.cat([unscale(G.eval()(part)) for part in z.split(500)]), None, "untrained")


def _noise(n: int, seed: int) -> Images:
    rng = torch.Generator().manual_seed(seed)
    return Images(torch.randint(256, (n, 3, 28, 28), generator=rng, dtype=torch.uint8), None, "noise")


def _blobs(n: int, seed: int) -> Images:
    """Smooth noise, thresholded, in the middle of the image: strokes of no digit."""
    rng = torch.Generator().manual_seed(seed)
    window = torch.zeros(28, 28)
    window[4:24, 4:24] = 1
    parts = []
    for start in range(0, n, 500):
        x = avg_pool2d(torch.randn(min(500, n - start), 3, 32, 32, generator=rng), 5, stride=1)
        parts.append((255 * window * (x > 0.15)).to(torch.uint8))
    return Images(torch.cat(parts), None, "blobs")


def _halves(n: int, seed: int) -> Images:
    """The upper half of one digit on the lower half of another."""
    upper, lower = stacked_mnist(n, seed, "test").pixels, stacked_mnist(n, seed + 1000, "test").pixels
    return Images(torch.cat([upper[:, :, :14], lower[:, :, 14:]], 2), None, "halves")


REAL = "real test digits"
CONTROLS: dict[str, Callable[[int, int], Images]] = {
    REAL: _real,
    "real, 100 modes alone": _hundred,
    "halves of two digits": _halves,
    "blobs": _blobs,
    "uniform noise": _noise,
    "untrained generator": _untrained,
}
_KEYS = dict(zip(CONTROLS, ("real", "hundred", "halves", "blobs", "noise", "untrained"), strict=True))


# --- the study -------------------------------------------------------------------------------------------------------


def jobs(quick: bool) -> list[Job]:
    """The controls, then every arm with every seed, seed by seed, so that a study that is cut short still compares."""
    n = 100 if quick else SAMPLES
    found: list[Job] = [
        {"key": f"{_KEYS[name]}-{seed}", "control": name, "seed": seed, "samples": n}
        for name in CONTROLS
        for seed in SEEDS
        if name == REAL or seed == 0
    ]
    size = {"width": WIDTH, "images": PER_EPOCH, "epochs": EPOCHS, "samples": SAMPLES, "n_curve": CURVE}
    tiny = {"width": 4, "images": 320, "epochs": 2, "samples": 100, "n_curve": 100}
    return found + [
        {"key": f"{i}-{seed}", "arm": name, "seed": seed} | (tiny if quick else size) | settings
        for seed in SEEDS[: 1 if quick else None]
        for i, (name, settings) in enumerate(ARMS.items())
    ]


def run(job: Job) -> dict[str, Any]:
    """Count a control; or train an arm, with its counts on the way (`curve`) and at the end, and what it cost."""
    if "control" in job:
        return mode_scores(CONTROLS[job["control"]](job["samples"], job["seed"]))
    return train(job)[1]


def made(job: Job) -> CriticGAN:
    """The networks of an arm's job, initialised by its seed, and the algorithm around them."""
    recipe = CriticRecipe(**job["recipe"])
    torch.manual_seed(job["seed"])
    G, D = networks("critic", width=job["width"], channels=3, **network_options(recipe), **job["networks"])
    return CriticGAN(G, D, recipe)


def train(job: Job) -> tuple[Trainer, dict[str, Any]]:
    """The trainer of an arm after its last epoch, and its figures. A run that diverges has `diverged`, and no counts.

    cpu_seconds: of this process, for training alone. steps_g: of the generator.
    """
    config = config_of(job)
    trainer = Trainer(made(job), stacked_mnist(job["images"]), config)
    curve: list[dict[str, Any]] = []
    spent, start = 0.0, time.process_time()
    try:
        for row in trainer.epochs():
            spent += time.process_time() - start
            curve.append(
                {"images": row["epoch"] * _seen(job), "cpu_seconds": round(spent, 3)}
                | mode_scores(_shown(trainer), job["n_curve"])
            )
            start = time.process_time()
    except TrainingDiverged as error:
        return trainer, {"diverged": str(error).split(";")[0], "curve": curve}
    return trainer, {
        **mode_scores(_shown(trainer), job["samples"]),
        "cpu_seconds": round(spent, 3),
        "images_seen": job["epochs"] * _seen(job),
        "steps_g": job["epochs"] * _seen(job) // (config.batch_size * config.k),
        "device": trainer.setting.device.type,
        "precision": trainer.setting.plan.precision,
        "curve": curve,
    }


def _seen(job: Job) -> int:
    """Real images of an epoch: whole rounds of k batches."""
    a_round = job["config"]["batch_size"] * job["config"].get("k", 1)
    return int(job["images"] // a_round * a_round)


def _shown(trainer: Trainer) -> nn.Module:
    """The averaged generator, or the generator where there is no average."""
    return trainer.averages.get("ema", trainer.networks["G"])


STUDY = Study("Stacked MNIST, 1,000 modes: controls of the count, and recipes at equal numbers of images", jobs, run)
