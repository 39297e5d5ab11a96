"""P3's comparison, the MLP GAN against DCGAN, from the shipped weights of both: whatever epochs there are.

P3 compares 200 epochs of the one with 100 of the other. The weights say by their cards how they are made from nothing;
here they are loaded, 10,000 images are drawn from each generator, and real digits are measured beside them.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import torch
from torch import nn

from gancourse import pretrained
from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import N_SCORE, image_figures
from gancourse.data.images import scale
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation.image_batches import samples
from gancourse.models.base import Generator, count_parameters
from gancourse.models.catalogue import networks

NAMES = ("mlp-mnist", "dcgan-mnist")
REAL = "real digits"


def jobs(quick: bool) -> list[Job]:
    """Real digits, and every shipped epoch of both; a job's weights are part of it, so new weights are a new job."""
    n = 500 if quick else N_SCORE
    found: list[Job] = [{"key": "real", "name": REAL, "images": n}]
    for name in NAMES:
        files = pretrained.card(name)["files"]
        for epoch in pretrained.epochs(name):
            sha256 = files[str(epoch)]["G"]["sha256"]
            found.append({"key": f"{name}-{epoch:04d}", "name": name, "epoch": epoch, "images": n, "sha256": sha256})
    return found


def run(job: Job) -> dict[str, Any]:
    """Figures of the images; for a generator also what it and its D cost, which no weight of a D changes."""
    if job["name"] == REAL:
        return image_figures(scale(mnist("train").pixels[: job["images"]]))
    G, about = pretrained.load(job["name"], job["epoch"]), pretrained.card(job["name"])
    model, n_train = about["model"], about["data"]
    _, D = networks(model, **about["options"])
    speed = images_per_second(model)
    return image_figures(samples(G, job["images"], 500)) | {
        "parameters": count_parameters(G.requires_grad_()) + count_parameters(D.requires_grad_()),
        "multiply_adds": multiply_adds(G) + multiply_adds(D),
        "seconds_per_epoch": round(n_train["count"] / speed, 2),
        "minutes": round(job["epoch"] * n_train["count"] / speed / 60, 2),
    }


def images_per_second(model: str) -> float:
    """The training speed that lesson 03 counts by, of "mlp" or "dcgan": `make bench` on one quiet processor, once.

    Its runs were planned by these two figures, so they stay as they are when the benchmark is run anew.
    """
    path = resources.files("gancourse").joinpath("assets/results/bench.json")
    rows = json.loads(path.read_text(encoding="utf-8"))["lesson03"]["rows"]
    return float(next(row["ours"] for row in rows if row["model"] == model))


def multiply_adds(network: nn.Module) -> int:
    """Multiplications of one forward pass for one image: each weight times the places where it is used."""
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        transposed = isinstance(layer, nn.ConvTranspose2d)
        places = 1 if isinstance(layer, nn.Linear) else (inputs[0] if transposed else output)[0, 0].numel()
        assert isinstance(layer.weight, torch.Tensor)
        counts.append(layer.weight.numel() * places)

    hooks = [
        layer.register_forward_hook(count)
        for layer in network.modules()
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    ]
    shape = (1, 100) if isinstance(network, Generator) else (1, *network.image_shape)  # type: ignore[misc]
    with torch.no_grad():
        network.eval()(torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    return sum(counts)


STUDY = Study("P3's comparison: the MLP GAN against DCGAN, from their shipped weights, beside real digits", jobs, run)
