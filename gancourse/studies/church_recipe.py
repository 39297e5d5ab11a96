"""What makes the best generator of churches better: its recipe, and the recipe without one part at a time.

The runs are the beginning of the one that is shipped as church-best: the same settings, stopped early.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gancourse import factors
from gancourse.churches import procedural_churches
from gancourse.models import networks
from gancourse.regularisers import Recipe, RegularisedTrainer
from gancourse.studies.core import Job, Study
from gancourse.studies.strips import pack
from gancourse.training import Config

PARTS: dict[str, Job] = {
    "the whole recipe": {},
    "latent space not torn": {"torn": False},
    "no flips, no DiffAugment": {"augment": []},
}


def jobs(quick: bool) -> list[Job]:
    """The recipe, then without each part."""
    size = {"width": 2, "images": 112, "stop": 1} if quick else {"width": 16, "images": 24000, "stop": 2}
    whole = {"torn": True, "augment": ["flip", "translation"], "lr": 3e-4, "epochs": 14, "seed": 0}
    keys = ("whole", "not-torn", "not-augmented")
    return [
        {"key": f"{key}-0", "label": label, **whole, **changed, **size}
        for key, (label, changed) in zip(keys, PARTS.items(), strict=True)
    ]


def run(job: Job) -> dict[str, Any]:
    """Train to the epoch where it stops; scores of the averaged generator, D's answers, and a few samples."""
    images, _ = procedural_churches(job["images"])
    torch.manual_seed(job["seed"])
    model = "dcgan128-clusters" if job["torn"] else "dcgan128"
    G, D = networks(model, job["width"])
    config = Config(model, job["epochs"], 16, lr=job["lr"], seed=job["seed"], fresh_z=False, ema_half_life=10_000.0)
    recipe = Recipe(decay=True, augment=tuple(job["augment"]))
    trainer = RegularisedTrainer(G, D, images, config, recipe, device="cpu")
    for _ in trainer.epochs():
        if trainer.epoch == job["stop"]:
            break
    assert trainer.ema is not None
    last = trainer.history[-1]
    return {
        **factors.scores(trainer.ema),
        **{key: round(last[key], 3) for key in ("loss_d", "d_real", "d_fake_before")},
        "images_seen": job["stop"] * (job["images"] // 16) * 16,
        "picture": pack(nn.functional.avg_pool2d(trainer.samples[job["stop"]][:6].float(), 2).byte()),
    }


STUDY = Study("The recipe of the best generator of churches, and without each of its parts", jobs, run)
