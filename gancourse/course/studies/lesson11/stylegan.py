"""StyleGAN with its parts exchanged one at a time, beside a DCGAN of as many parameters that trained as long.

Churches of 64 pixels. Every arm takes about the same time on one core: networks that compute less see more images.
"""

from __future__ import annotations

from typing import Any

import torch

from gancourse.course.studies.lesson11 import judged
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import procedural_churches
from gancourse.models import Generator, networks
from gancourse.models.standing_statistics import renewed
from gancourse.training import Config, Minimax, StyleGAN, StyleRecipe, Trainer

SEEDS = (0, 1)
CHURCHES = 20_000
BATCH = 16
LR = 5e-3
# name -> (options of the network, settings of the recipe, epochs)
ARMS: dict[str, tuple[dict[str, int], dict[str, Any], int]] = {
    "stylegan": ({}, {}, 5),
    "path-length": ({}, {"path_length": 2.0}, 4),
    "adain": ({"adain": 1}, {}, 5),
    "no-noise": ({"noise": 0}, {}, 5),
    "no-mixing": ({}, {"mixing": 0.0}, 5),
    "one-layer": ({"mapping": 1}, {}, 5),
}
DCGAN_WIDTH, DCGAN_EPOCHS = 18, 20  # as many parameters as StyleGAN in all


def jobs(quick: bool) -> list[Job]:
    """Seed by seed, so that a study that was stopped has whole tables."""
    found = []
    for seed in SEEDS[: 1 if quick else None]:
        for arm, (options, recipe, epochs) in ARMS.items():
            found.append(_job(arm, seed, quick, options=options, recipe=recipe, epochs=epochs, batch=BATCH, lr=LR))
        options = {"width": DCGAN_WIDTH}
        found.append(_job("dcgan", seed, quick, options=options, recipe={}, epochs=DCGAN_EPOCHS, batch=64, lr=2e-4))
    return found


def _job(arm: str, seed: int, quick: bool, **more: Any) -> Job:
    job = {
        "key": f"stylegan-{arm}-{seed}" + "-quick" * quick,
        "arm": arm,
        "seed": seed,
        "images": 64 if quick else CHURCHES,
        "judged_on": 400 if quick else 1000,
        **more,
    }
    if quick:
        job |= {"epochs": 1, "options": job["options"] | {"width": 4}}
    return job


def trained(job: Job, out: str | None = None) -> Trainer:
    """The run of a job, trained."""
    images = procedural_churches(job["images"], judged.SIZE)[0]
    torch.manual_seed(job["seed"])
    style = job["arm"] != "dcgan"
    nets = networks("stylegan" if style else "dcgan64", **job["options"])
    algorithm = StyleGAN(*nets, StyleRecipe(**job["recipe"])) if style else Minimax(*nets)
    config = Config(
        "stylegan" if style else "dcgan64",
        job["epochs"],
        job["batch"],
        lr=job["lr"],
        betas=(0.0, 0.99) if style else (0.5, 0.999),
        seed=job["seed"],
        ema_half_life=10_000.0,
    )
    trainer = Trainer(algorithm, images, config, out, device="cpu")
    trainer.fit(progress=False)
    return trainer


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and judge its averaged generator."""
    trainer = trained(job)
    G = trainer.averages["ema"]
    if isinstance(G, Generator) and job["arm"] == "dcgan":
        renewed(G)
    return judged.figures(G, job["judged_on"]) | {"training_seconds": round(sum(r["seconds"] for r in trainer.history))}


STUDY = Study(
    f"StyleGAN with its parts exchanged one at a time, beside a DCGAN of equal size and time, churches of 64 pixels, "
    f"{len(SEEDS)} seeds: quality, mixing layer by layer, what planes tell in z and w, paths, truncation, edits",
    jobs,
    run,
)
