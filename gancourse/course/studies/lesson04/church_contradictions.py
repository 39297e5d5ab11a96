"""P4's contradictions, each reading trained and measured: small networks, procedural churches, a short run."""

from __future__ import annotations

import torch
from torch import nn

from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import procedural_churches
from gancourse.data.images import scale
from gancourse.data.sheets import pack
from gancourse.evaluation import feature_statistics, frechet_distance
from gancourse.evaluation.church_reader import KINDS, church_features, combinations, coverage, read
from gancourse.evaluation.image_batches import samples
from gancourse.models.base import init_dcgan
from gancourse.models.dcgan import DCGAN128Discriminator, DCGAN128Generator
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.trainer import Config, Trainer, TrainingDiverged

#: what each reading changes of DCGAN's practice at the abstract's learning rate; the text's is 0.002
READINGS: dict[str, Job] = {
    "practice": {},
    "practice-0.002": {"lr": 2e-3},
    "norms-from-0": {"lr": 2e-3, "norm_mean": 0.0},
    "norm-first": {"lr": 2e-3, "norm_first": True},
    "as-printed-0.002": {"lr": 2e-3, "norm_mean": 0.0, "norm_first": True},
    "as-printed": {"norm_mean": 0.0, "norm_first": True},
}
SEEDS = (0, 1, 2)


def _jobs(quick: bool) -> list[Job]:
    size = (
        {"width": 4, "images": 64, "epochs": 1, "n": 400}
        if quick
        else {"width": 8, "images": 8000, "epochs": 3, "n": 500}
    )
    plain = {"lr": 2e-4, "norm_mean": 1.0, "norm_first": False}
    return [
        {"key": f"{name}-{seed}", "reading": name, "seed": seed, **plain, **changed, **size}
        for seed in (SEEDS[:1] if quick else SEEDS)
        for name, changed in READINGS.items()
    ]


def networks(width: int, norm_mean: float, norm_first: bool) -> tuple[DCGAN128Generator, DCGAN128Discriminator]:
    """P4's networks; BatchNorm's weights of both are drawn from N(norm_mean, 0.02)."""
    G, D = DCGAN128Generator(width), DCGAN128Discriminator(width, norm_first)
    for network in (G, D):
        init_dcgan(network)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, norm_mean, 0.02)
    return G, D


def _run(job: Job) -> dict[str, float | str | None]:
    images, _ = procedural_churches(job["images"])
    real, _ = procedural_churches(job["n"] * 2, seed=1)
    torch.manual_seed(job["seed"])
    G, D = networks(job["width"], job["norm_mean"], job["norm_first"])
    with torch.no_grad():
        start = G(torch.randn(64, 100)).std(0).mean().item()  # how far apart the images of different z begin
    config = Config("dcgan128", job["epochs"], 16, lr=job["lr"], seed=job["seed"], fresh_z=False)
    trainer = Trainer(Minimax(G, D), images, config, device="cpu")
    extractor, diverged, distances = church_features(), False, []
    reference, x = feature_statistics(real, extractor), torch.empty(0)

    def score(trainer: Trainer) -> None:
        nonlocal x
        x = samples(trainer.networks["G"], job["n"], 100)
        distances.append(round(frechet_distance(*feature_statistics(x, extractor), *reference), 2))

    try:
        trainer.fit(progress=False, watch=score)
    except TrainingDiverged:
        diverged = True
    found = read(x)
    last = trainer.history[-1] if trainer.history else {}
    kinds, expected, _ = combinations(found, KINDS)
    return {
        "diverged": diverged,
        "spread_at_start": start,
        "distance": distances[-1],
        "distances": distances,  # before training, then after each epoch
        "spread": x.std(0).mean().item(),
        "spread_real": scale(real.pixels).std(0).mean().item(),
        "kinds": kinds / expected,
        "kl_time": coverage(found, "time").kl,
        **{key: last.get(key) for key in ("loss_d", "loss_g", "d_real", "d_fake_before")},
        **({} if job["seed"] else {"picture": _picture(trainer)}),
    }


def _picture(trainer: Trainer) -> str:
    """Six samples at half their size."""
    return pack(nn.functional.avg_pool2d(trainer.samples[max(trainer.samples)][:6].float(), 2).byte())


STUDY = Study("P4's contradictions: learning rate, BatchNorm's start, BatchNorm on D's first layer", _jobs, _run)
