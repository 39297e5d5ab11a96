"""What the three studies of P2's networks share: one run with some settings, measured.

A job names what differs from P2 as printed, with the listed bugs repaired: "model" ("schulz", or "mlp" for P1's),
"epochs", "seed", any field of `Config` or `Recipe`, "prior" ("normal" or "uniform") and "init" ("default", "normal" for
DCGAN's N(0, 0.02), "he").
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies.runner import Job
from gancourse.course.studies.variants import ToUniform
from gancourse.data.images import scale
from gancourse.data.mnist_digits import mnist
from gancourse.data.sheets import pack
from gancourse.evaluation import class_histogram, classifier_fid
from gancourse.models.base import Discriminator, init_dcgan
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.diagnosis import diagnose
from gancourse.training.losses import non_saturating_loss, wide
from gancourse.training.recipe import Recipe
from gancourse.training.step import STATISTICS, draw_z
from gancourse.training.trainer import Trainer

FINAL = 10_000  # samples for the figures at the end of a run


def _init(network: nn.Module, how: str) -> None:
    if how == "normal":
        init_dcgan(network)
    elif how == "he":
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
    elif how != "default":
        raise ValueError(f'init is {how!r}, expected "default", "normal" or "he".')


def trainer(job: Job) -> Trainer:
    """The run that a job describes, ready to start."""
    torch.manual_seed(job["seed"])
    G: Any
    D: Discriminator
    G, D = networks(job["model"])
    for network in (G, D):
        _init(network, job.get("init", "default"))
    if job.get("prior", "normal") == "uniform":
        G = nn.Sequential(ToUniform(), G)
    settings = {"fresh_z": job["model"] != "schulz"} | job  # P2: one fake batch for both steps
    config = Config(**{f.name: settings[f.name] for f in fields(Config) if f.name in settings})
    recipe = Recipe(**{f.name: settings[f.name] for f in fields(Recipe) if f.name in settings})
    return Trainer(Minimax(G, D, recipe), mnist("train").subset(job.get("images", 60_000)), config, device="cpu")


def measure(G: nn.Module, n: int) -> dict[str, Any]:
    """Classes, their KL divergence from uniform (nats), and the classifier's Fréchet distance, on n samples."""
    counts, kl = class_histogram(G, n)
    found = {"kl": round(kl, 3), "fid": round(classifier_fid(G, n, allow_few=True), 2)}
    return found | {"classes": (counts / n).tolist()}


def inside(G: nn.Module, D: nn.Module, z: Tensor) -> dict[str, float]:
    """How varied G's images are, and where G's gradient is lost on its way from the images to the weights.

    z: (B, z_size). variety: the standard deviation of a pixel between the images, in [0, 1] for pixels in [-1, 1],
    mean over pixels. grad_before_tanh: the mean over z of the norm of d(-log D(x))/d(what the last tanh is given), to
    be compared with `diagnose`'s grad_at_output, which is taken behind that tanh. grad_g: the norm of the gradient of
    the mean loss over all weights of G, at these z. Raises ValueError for a G without a tanh.
    """
    tanh = [layer for layer in G.modules() if isinstance(layer, nn.Tanh)]
    if not tanh:
        raise ValueError(f"{type(G).__name__} has no Tanh, so there is nothing in front of it to measure.")
    given: list[Tensor] = []
    handle = tanh[-1].register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    try:
        x = G(z)
    finally:
        handle.remove()
    loss = non_saturating_loss(wide(D(x)))
    before, *weights = torch.autograd.grad(loss, [given[0], *G.parameters()])
    return {
        "variety": x.detach().std(0).mean().item(),
        "grad_before_tanh": (before * len(z)).flatten(1).norm(dim=1).mean().item(),
        "grad_g": torch.nn.utils.get_total_norm(weights).item(),
    }


def run(job: Job, per_epoch: int = 0) -> dict[str, Any]:
    """Train and measure.

    per_epoch: how many samples to measure after every epoch; 0 leaves kl, fid and `inside` out of the history.
    Returns history (a row an epoch), the figures of `measure` for the last generator, and strip (16 of its samples).
    """
    t = trainer(job)
    G, D = t.networks["G"], t.networks["D"]
    x_real = scale(mnist("train").pixels[:500])
    z = draw_z(G, 500, torch.Generator().manual_seed(7))
    history = []
    for row in t.epochs():
        shown = {name: round(float(row[name]), 4) for name in ("epoch", *STATISTICS)}
        shown |= {name: round(value, 4) for name, value in diagnose(G, D, x_real, z).items()}
        if per_epoch:
            found = measure(G, per_epoch)
            shown |= {name: found[name] for name in ("kl", "fid")}
            shown |= {name: float(f"{value:.3g}") for name, value in inside(G, D, z).items()}  # some are tiny
        history.append(shown)
    return measure(G, job.get("samples", FINAL)) | {
        "history": history,
        "strip": pack(t.samples[t.epoch][:16]),
    }
