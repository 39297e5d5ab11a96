"""How good can it get with this generator? P1's DCGAN generator, other recipes, no more training images than P1 used.

A path, one change after another, each on top of the ones before, and beside it single changes on top of its fourth step
that did not get onto it. Every row is one run; the path's end has three seeds, and so have the rows that take it apart:
its clusters reach G, which is torn by them, and D, which is told of them: there is a run with neither, with each alone,
and with both. `best_recipe_short` is the same at a size for a laptop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gancourse.course.studies.runner import Job, Study
from gancourse.data.images import Images
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import classifier_features, evaluate
from gancourse.models.base import Discriminator, Generator, init_dcgan
from gancourse.models.catalogue import networks
from gancourse.models.clusters import ClusterDiscriminator, ClusterGenerator, ToldDiscriminator, find_clusters
from gancourse.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.penalties import spectral_norm
from gancourse.training.recipe import Recipe
from gancourse.training.trainer import Trainer

EPOCHS, IMAGES, SAMPLES = 20, 60_000, 10_000
HIGH = 1e-3  # five times P1's learning rate
R1 = {"r1": 0.2, "r1_share": 0.25}


def kept(**recipe: Any) -> dict[str, Any]:
    """What rows after the third step have, an averaged G and high, falling learning rates, and more of a Recipe."""
    return FALLING | {"lr": HIGH, "recipe": {"decay": True} | recipe}


FALLING = {"ema_half_life": 10_000.0, "recipe": {"decay": True}}

CLUSTERS = {"model": "dcgan-clusters", "fresh_z": False}

#: key -> label, and what differs from P1's recipe. The first five are the path; the others are one change each.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "p1": ("P1's recipe", {}),
    "ema": ("averaged G", {"ema_half_life": 10_000.0}),
    "decay": ("averaged G, learning rates fall to 0", FALLING),
    "high": ("the same, learning rates from 1e-3", kept()),
    "final": ("the same, 100 clusters", kept() | CLUSTERS),
    "torn": ("100 clusters, P1's learning rate", FALLING | CLUSTERS),
    "mixed": ("+ real and fake images in one batch of D", kept(mixed=True)),
    "smooth": ("+ real targets 0.9", kept(real_target=0.9)),
    "ttur": ("+ D's learning rate doubled", kept(lr_d=2 * HIGH)),
    "r1": ("+ R1 penalty", kept(**R1)),
    "penalty": ("+ gradient penalty", kept(gradient_penalty=1.0)),
    "spectral": ("+ spectral normalisation", kept() | {"spectral": True}),
    "translation": ("+ DiffAugment, translations", kept(augment=["translation"])),
    "batch": ("+ batches of 64", kept() | {"batch_size": 64}),
    "strong": ("+ a stronger D with R1", kept(**R1) | {"model": "dcgan-strong"}),
    "neither": ("no clusters; one batch of fakes for both steps", kept() | {"fresh_z": False}),
    "untold": ("100 clusters: G is torn, D is not told", kept() | CLUSTERS | {"told": "nobody"}),
    "untorn": ("100 clusters: D is told, G is not torn", kept() | CLUSTERS | {"torn": False, "told": "nearest"}),
    "asked": ("100 clusters: G is not torn, D asks for z's", kept() | CLUSTERS | {"torn": False}),
}
FINAL_SEEDS = (0, 1, 2)
APART = ("neither", "untold", "untorn", "asked")  # what takes the path's end apart, with the same seeds


def recipes(size: dict[str, int], rows: tuple[str, ...] = tuple(ROWS), seeds: tuple[int, ...] = (0,)) -> list[Job]:
    """The jobs of these rows: size has epochs, images and samples; the final recipe, and what takes it apart, also run
    with the other seeds."""
    again = [key for key in ("final", *APART) if key in rows]
    made = [(key, 0) for key in rows] + [(key, seed) for seed in seeds if seed for key in again]
    return [
        {"key": f"{key}-{seed}", "label": ROWS[key][0], "seed": seed, **size, "change": ROWS[key][1]}
        for key, seed in made
    ]


def jobs(quick: bool) -> list[Job]:
    """Every row, and the last recipe with three seeds."""
    if quick:
        return recipes({"epochs": 2, "images": 128, "samples": 300}, ("p1", "final", "spectral", *APART))
    return recipes({"epochs": EPOCHS, "images": IMAGES, "samples": SAMPLES}, seeds=FINAL_SEEDS)


def run(job: Job) -> dict[str, Any]:
    """Train one recipe and score the generator, averaged where the recipe says so, against the test set."""
    change, trainer = job["change"], train(job)
    G = trainer.averages.get("ema", trainer.networks["G"])
    scores = evaluate(G, None, classifier_features(), n=job["samples"])
    last = trainer.history[-1]
    return {
        "classifier_fid": round(scores.fid, 3),
        "kid": round(scores.kid, 4),
        "precision": round(scores.precision, 3),
        "recall": round(scores.recall, 3),
        "kl": round(scores.kl, 4),
        "d_real": round(last["d_real"], 3),
        "d_fake": round(last["d_fake_before"], 3),
        "images_seen": job["epochs"] * (job["images"] // (b := change.get("batch_size", 128)) * b),
        "train_seconds": round(sum(row["seconds"] for row in trainer.history), 1),
    }


def train(job: Job) -> Trainer:
    """The trainer of a job after its last epoch."""
    change = job["change"]
    torch.manual_seed(job["seed"])
    model = change.get("model", "dcgan")
    G, D = networks(model)
    assert isinstance(G, DCGANGenerator)  # the question is about this one
    images = mnist("train").subset(job["images"])
    if change.keys() & {"torn", "told"}:
        G, D = _taken_apart(change, images, job["seed"])
    if change.get("spectral"):
        spectral_norm(D)
    config = Config(
        model=model,
        epochs=job["epochs"],
        batch_size=change.get("batch_size", 128),
        lr=change.get("lr", 2e-4),
        fresh_z=change.get("fresh_z", True),
        seed=job["seed"],
        ema_half_life=change.get("ema_half_life", 0.0),
        fast="spectral" not in change,  # a normalised weight is made anew at each use: the plain path does that
    )
    trainer = Trainer(Minimax(G, D, Recipe(**change.get("recipe", {}))), images, config, device="cpu")
    trainer.fit(progress=False)
    return trainer


class _Untold(ToldDiscriminator, DCGANDiscriminator):
    """P1's discriminator, which is told of clusters like a `ClusterDiscriminator` and does not look at them."""

    def __init__(self, means: Tensor) -> None:
        super().__init__()
        self.register_buffer("means", means.clone())

    def leave(self, outputs: Tensor, x: Tensor, code: Tensor | None) -> Tensor:
        return outputs.flatten()


def _taken_apart(change: dict[str, Any], images: Images, seed: int) -> tuple[Generator, Discriminator]:
    """P1's networks where clusters reach only one of the two.

    torn (True): G's first layer sees z + c, the centre of z's cluster; without, z as P1's does.
    told ("both"): D is told a real image's nearest cluster, and the cluster that a fake's z lies in, as at the path's
        end. "nearest": the nearest one of both, so that it asks nothing of G. "nobody": D is P1's.
    """
    torn, told_d = ClusterGenerator(), ClusterDiscriminator()
    init_dcgan(torn)
    init_dcgan(told_d)
    find_clusters(torn, told_d, images, seed)
    told = change.get("told", "both")
    if not change.get("torn", True):
        torn.centres.zero_()
    G: Generator = torn
    D: Discriminator = told_d
    if told == "nearest":  # a G without clusters: nobody can tell D where z lies
        G = DCGANGenerator()
        G.net.load_state_dict(torn.net.state_dict())
    if told == "nobody":
        D = _Untold(told_d.means)
        init_dcgan(D)
    return G, D


STUDY = Study("How good P1's DCGAN generator gets under other recipes, in at most the images that P1 used", jobs, run)
