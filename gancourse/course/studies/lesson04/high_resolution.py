"""P3 says that DCGAN is the tool for high resolution and little noise: an MLP and a DCGAN at 128 pixels, equal images.

Both train on the same procedural churches, the same batches. The MLP is P1's with an output, and D with an input, of
49,152 values. DCGAN is P4's at an eighth of its width, at the learning rate of P4's text. Grain is the share of an
image's power in patterns finer than 4 pixels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies.lesson04.church_contradictions import networks
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import procedural_churches
from gancourse.data.images import scale
from gancourse.data.sheets import pack
from gancourse.evaluation import feature_statistics, frechet_distance
from gancourse.evaluation.artefacts import high_frequency
from gancourse.evaluation.church_reader import KINDS, church_features, combinations, read
from gancourse.evaluation.image_batches import samples
from gancourse.models.base import Z_SIZE, Discriminator, Generator, count_parameters
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.trainer import Config, Trainer, TrainingDiverged

#: name -> learning rate: P1's for its MLP, that of P4's text for its DCGAN
PAIRS = {"MLP": 2e-4, "DCGAN": 2e-3}
SEEDS = (0, 1, 2)


class MLP128Generator(Generator):
    """P1's MLP with an output of 128 x 128 pixels in colour, z (B, 100) -> (B, 3, 128, 128) in [-1, 1]."""

    image_shape = (3, 128, 128)

    def __init__(self) -> None:
        super().__init__()
        hidden = [nn.Linear(Z_SIZE, 128), nn.LeakyReLU(0.2), nn.Linear(128, 256), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*hidden, nn.Linear(256, 3 * 128 * 128), nn.Tanh())


class MLP128Discriminator(Discriminator):
    """P1's MLP with an input of 128 x 128 pixels in colour, (B, 3, 128, 128) -> logits (B,)."""

    image_shape = (3, 128, 128)

    def __init__(self) -> None:
        super().__init__()
        hidden = [nn.Linear(3 * 128 * 128, 256), nn.LeakyReLU(0.2), nn.Linear(256, 128), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*hidden, nn.Linear(128, 1), nn.Sigmoid())


def jobs(quick: bool) -> list[Job]:
    """Both pairs with every seed."""
    size = {"images": 64, "epochs": 1, "n": 400} if quick else {"images": 1600, "epochs": 4, "n": 500}
    return [
        {"key": f"{name.lower()}-{seed}", "pair": name, "lr": lr, "width": 4 if quick else 8, "seed": seed, **size}
        for seed in (SEEDS[:1] if quick else SEEDS)
        for name, lr in PAIRS.items()
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one pair; distance on the church reader's features, grain, coverage, and a few samples."""
    images, _ = procedural_churches(job["images"])
    real, _ = procedural_churches(job["n"] * 2, seed=1)
    torch.manual_seed(job["seed"])
    G: Any
    D: Discriminator
    if job["pair"] == "MLP":
        G, D = MLP128Generator(), MLP128Discriminator()
    else:
        G, D = networks(job["width"], norm_mean=1.0, norm_first=False)
    parameters = count_parameters(G) + count_parameters(D)
    trainer = Trainer(
        Minimax(G, D), images, Config("dcgan128", job["epochs"], 16, lr=job["lr"], seed=job["seed"]), device="cpu"
    )
    try:
        trainer.fit(progress=False)
    except TrainingDiverged as error:
        return {"diverged": str(error).split(";")[0]}
    x, extractor = samples(trainer.networks["G"], job["n"], 100), church_features()
    distance = frechet_distance(*feature_statistics(x, extractor), *feature_statistics(real, extractor))
    kinds, expected, _ = combinations(read(x), KINDS)
    return {
        "distance": round(distance, 2),
        "grain": round(grain(x), 5),
        "grain_real": round(grain(scale(real.pixels[: job["n"]])), 5),
        "kinds": round(kinds / expected, 3),
        "parameters": parameters,
        "train_seconds": round(sum(row["seconds"] for row in trainer.history), 1),
        "picture": pack(nn.functional.avg_pool2d(trainer.samples[max(trainer.samples)][:6].float(), 2).byte()),
    }


def grain(images: Tensor) -> float:
    """The share of power in patterns finer than 4 pixels, of images (N, 3, H, W) in [-1, 1] made grey."""
    return high_frequency(images.mean(1, keepdim=True))


STUDY = Study("An MLP and a DCGAN on procedural churches at 128 pixels, equal images: 3 seeds", jobs, run)
