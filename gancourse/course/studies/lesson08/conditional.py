"""A conditional GAN on digits, with a D that is told the class and with one that is not: does G do as it is told?"""

from __future__ import annotations

from typing import Any

import torch

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import image_figures
from gancourse.data import sheets
from gancourse.data.images import unscale
from gancourse.data.mnist_digits import mnist
from gancourse.data.pairs import LabelledImages
from gancourse.evaluation.conditions import obedience
from gancourse.models.base import Z_SIZE
from gancourse.models.conditional import LOUD, ConditionalDiscriminator, ConditionalGenerator
from gancourse.training import ConditionalGAN, Config, Trainer

SEEDS = (0, 1, 2)
ARMS = {  # whether D is told, how loud a label is beside z, and the rate: five times P1's, or P1's
    "told": (True, LOUD, 1e-3),
    "not-told": (False, LOUD, 1e-3),
    "told-as-one": (True, 1.0, 1e-3),
    "told-slowly": (True, LOUD, 2e-4),
    "told-as-one-slowly": (True, 1.0, 2e-4),
}


def jobs(quick: bool) -> list[Job]:
    """Seed by seed, so that a study that was stopped has whole tables."""
    return [
        {
            "key": f"{arm}-{seed}",
            "arm": arm,
            "seed": seed,
            "lr": ARMS[arm][2],
            "images": 500 if quick else 60_000,
            "epochs": 1 if quick else 10,
            "samples": 20 if quick else 500,
        }
        for seed in SEEDS[: 1 if quick else None]
        for arm in ARMS
    ]


def run(job: Job) -> dict[str, Any]:
    """Train, and read what it makes of every class; the distance is that of as many of each class."""
    torch.manual_seed(job["seed"])
    told, loud, _ = ARMS[job["arm"]]
    G, D = ConditionalGenerator(loud), ConditionalDiscriminator(told, loud)
    config = Config("conditional", job["epochs"], lr=job["lr"], seed=job["seed"])
    trainer = Trainer(ConditionalGAN(G, D), LabelledImages(mnist("train").subset(job["images"])), config, device="cpu")
    trainer.fit(progress=False)
    found, n = obedience(G, job["samples"]), job["samples"]
    z = torch.randn(10 * n, Z_SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        images = G(z, torch.arange(10).repeat_interleave(n))
    scores = image_figures(images)
    return {
        "obedience": round(found.mean, 4),
        "shares": [round(share, 4) for share in found.shares.tolist()],
        "variety": round(found.variety.nanmean().item(), 4),
        **{name: scores[name] for name in ("classifier_fid", "kl", "confident")},
        "strip": sheets.pack(unscale(images[torch.arange(10) * n])),
    }


STUDY = Study(
    f"a conditional GAN on MNIST, D told the class or not, at two rates, {len(SEEDS)} seeds",
    jobs,
    run,
)
