"""What lesson 04 asks its readers to predict: a narrower pair, few churches, a G that cannot fall silent.

All runs see as many pictures as the lesson's own, 9,600, at its batch and learning rate. "few" goes through 200
churches 48 times, with and without DiffAugment. "leaky" has a LeakyReLU for the last ReLU of G, "bias" a bias in its
last layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gancourse import models
from gancourse.course.studies.lesson04.high_resolution import grain
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import procedural_churches
from gancourse.data.images import scale
from gancourse.evaluation import feature_statistics, frechet_distance
from gancourse.evaluation.church_reader import church_features
from gancourse.evaluation.image_batches import samples
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.recipe import Recipe
from gancourse.training.trainer import Trainer, TrainingDiverged

SEEDS = (0, 1)
DIFFAUGMENT = ["colour", "translation", "cutout"]
CASES: dict[str, dict[str, Any]] = {
    "width 4": {"width": 4},
    "width 8": {"width": 8},
    "few": {"width": 8, "images": 200, "epochs": 48},
    "few, DiffAugment": {"width": 8, "images": 200, "epochs": 48, "augment": DIFFAUGMENT},
    "leaky": {"width": 8, "last": "leaky"},
    "bias": {"width": 8, "last": "bias"},
}


def jobs(quick: bool) -> list[Job]:
    """Each case with every seed."""
    plain = {"images": 1600, "epochs": 6, "augment": [], "last": "relu", "n": 500}
    small = {"width": 4, "images": 64, "epochs": 1, "n": 400} if quick else {}
    return [
        {"key": f"{name.replace(', ', '-').replace(' ', '-').lower()}-{seed}", "case": name, "seed": seed}
        | {**plain, **changed, **small}
        for seed in (SEEDS[:1] if quick else SEEDS)
        for name, changed in CASES.items()
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one pair. Distances and shares on n samples; D's answers are means of its logits in eval mode."""
    images, _ = procedural_churches(job["images"])
    real, _ = procedural_churches(job["n"], seed=1)
    torch.manual_seed(job["seed"])
    G, D = models.networks("dcgan128", width=job["width"])
    change_last(G, job["last"])
    config = Config("dcgan128", job["epochs"], 16, lr=2e-3, seed=job["seed"], fresh_z=False)
    trainer = Trainer(Minimax(G, D, Recipe(augment=tuple(job["augment"]))), images, config, device="cpu")
    try:
        trainer.fit(progress=False)
    except TrainingDiverged as error:
        return {"diverged": str(error).split(";")[0]}
    x, extractor, unseen = samples(trainer.networks["G"], job["n"], 100), church_features(), scale(real.pixels)
    distance = frechet_distance(*feature_statistics(x, extractor), *feature_statistics(real, extractor))
    return {
        "distance": round(distance, 2),
        "colour": round(colour_distance(x, unseen), 4),
        "grain": round(grain(x), 5),
        "grain_real": round(grain(unseen), 5),
        "variety": round(x.std(0).mean().item(), 4),
        "grey": round(unpainted(x).flatten(1).any(1).double().mean().item(), 4),
        "d_real": [round(float(row["d_real"]), 3) for row in trainer.history],
        "d_fake": [round(float(row["d_fake_before"]), 3) for row in trainer.history],
        "logit_seen": round(mean_logit(trainer.networks["D"], scale(images.pixels[:200])), 2),
        "logit_unseen": round(mean_logit(trainer.networks["D"], unseen[:200]), 2),
        "logit_fake": round(mean_logit(trainer.networks["D"], x[:200]), 2),
    }


def change_last(G: nn.Module, last: str) -> None:
    """Leave G as it is ("relu"), or change what feeds its output: "leaky", or "bias" in the last layer.

    Raises ValueError for another word.
    """
    net: Any = G.net
    if last == "leaky":
        net[-3] = nn.LeakyReLU(0.2)
    elif last == "bias":
        old = net[-2]
        new = nn.ConvTranspose2d(old.in_channels, old.out_channels, 4, 2, 1, bias=True)
        new.weight.data.copy_(old.weight.data)
        net[-2] = new
    elif last != "relu":
        raise ValueError(f'last is {last!r}, expected "relu", "leaky" or "bias".')


def colour_distance(x: Tensor, real: Tensor) -> float:
    """Fréchet distance of the means over an image's four quarters, 12 numbers an image (N, 3, H, W) in [-1, 1]."""
    ours, theirs = (avg_pool2d(images, images.shape[-1] // 2).flatten(1).double() for images in (x, real))
    return frechet_distance(ours.mean(0), ours.T.cov(), theirs.mean(0), theirs.T.cov())


def unpainted(x: Tensor) -> Tensor:
    """(B, 1, H, W), bool: the middles of 9 x 9 patches with all numbers nearer to 0 than 0.08, as in lesson 04."""
    return avg_pool2d((x.abs().amax(1, keepdim=True) < 0.08).float(), 9, 1, 4) > 0.999


@torch.no_grad()
def mean_logit(D: nn.Module, x: Tensor) -> float:
    """D's mean logit in eval mode."""
    D.eval()
    return torch.cat([D(part) for part in x.split(100)]).mean().item()


STUDY = Study("What lesson 04 asks to predict: width, few churches, DiffAugment, G's last layer: 2 seeds", jobs, run)
