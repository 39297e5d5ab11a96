"""P1's two GANs over seeds, each with P1's recipe on all of MNIST: early on, and at equal epochs.

Four seeds of each say whether one run's difference is more than luck. Both are measured at 5 and at 50 epochs, the MLP
at P1's 100 too. Early on each is scored ten times, DCGAN every 50 steps, and the MLP every 1,300: as many steps as take
it the same time (`make bench`: some 26 of its images to one of DCGAN's).
The loop is `train_step`, Algorithm 1 as printed. On a processor of two cores all of it takes some six hours, on a
data-centre GPU minutes; the committed figures are a GPU's.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import N_SCORE, image_figures
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import classifier_fid
from gancourse.evaluation.image_batches import samples
from gancourse.models import networks
from gancourse.models.fast import prefers_bfloat16
from gancourse.training.config import pick_device
from gancourse.training.step import train_step

SEEDS = (0, 1, 2, 3)
EPOCHS = (5, 50, 100)
EARLY = 10  # scores before the first of EPOCHS, one each `every` steps
N_EARLY = 4096  # samples of each of them
RUNS = {"mlp": {"epochs": 100, "every": 1300}, "dcgan": {"epochs": 50, "every": 50}}


def jobs(quick: bool) -> list[Job]:
    """Both networks with every seed, seed by seed."""
    size = {"images": 60_000, "n": N_SCORE, "n_early": N_EARLY}
    tiny = {"images": 256, "n": 300, "n_early": 300, "epochs": 5, "every": 1}
    return [
        {"key": f"{model}-{seed}", "model": model, "seed": seed} | size | what | (tiny if quick else {})
        for seed in SEEDS[: 1 if quick else None]
        for model, what in RUNS.items()
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one pair; `early`: step -> distance, `at`: epoch -> its figures (as `image_figures`, without spectrum)."""
    device = pick_device()
    torch.manual_seed(job["seed"])
    G, D = networks(job["model"])
    for network in (G, D):
        network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    opt_g, opt_d = (torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), fused=True) for net in (G, D))
    images = mnist("train").subset(job["images"]).to(device)
    rng = torch.Generator(device).manual_seed(job["seed"])
    half = prefers_bfloat16(device)
    early: dict[str, float] = {}
    at: dict[str, dict[str, Any]] = {}
    step = 0
    for epoch in range(1, job["epochs"] + 1):
        for x_real in images.batches(128, rng):
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                train_step(G, D, opt_g, opt_d, [x_real], rng)
            step += 1
            if step % job["every"] == 0 and len(early) < EARLY:
                early[str(step)] = round(classifier_fid(G, job["n_early"], allow_few=True), 2)
        if epoch in EPOCHS:
            found = image_figures(samples(copy.deepcopy(G).cpu(), job["n"], 500))
            at[str(epoch)] = {name: value for name, value in found.items() if name != "spectrum"}
    return {"early": early, "at": at, "precision": "bfloat16" if half else "float32", "device": device.type}


STUDY = Study("P1's MLP GAN and DCGAN over 4 seeds: early on at equal times, and at 5, 50 and 100 epochs", jobs, run)
