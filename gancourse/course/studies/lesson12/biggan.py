"""BigGAN in small with its parts taken away one at a time, batches of four sizes, and churches of 25 kinds.

What helps, the large batch or the images that it brings? A batch of another size is tried twice: with as many images
in all as the others have (then it makes fewer steps), and with as many steps (then it sees more images, at most MOST).
"base-longer" is the control of the second: the batch of 32, with the images that the batch of 64 sees at equal steps.
All have one rate, that of the batch of 32.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from gancourse import latent
from gancourse.course.studies.runner import Job, Study
from gancourse.data import sheets
from gancourse.data.churches.classes import NAMES, churches_by_class
from gancourse.data.images import scale, unscale
from gancourse.data.mnist_digits import mnist
from gancourse.data.pairs import LabelledImages
from gancourse.evaluation import conditions
from gancourse.models import BigGANGenerator, networks, standing_statistics
from gancourse.training import BigGAN, BigGANRecipe, Config, Trainer, TrainingDiverged

SEEDS = (0, 1, 2)
IMAGES, BATCH = 15_000, 32
LR, BETAS = 2e-3, (0.0, 0.99)  # found by trial: at the paper's rates, and with its memory, so few steps come nowhere
MOST = 60_000  # images of the runs with as many steps
CHURCHES = 15_000
HALF_LIFE = 2_000.0  # images, of the average of G
CUTS = (0.25, 0.5, 0.75, 1.0, 2.0, float("inf"))  # where z is truncated
CURVES = ("base", "no-penalty")  # arms whose truncation is looked at
SAMPLES = {"digits": 500, "churches": 40}  # images of each class that are measured
SHOWN = {"digits": 4, "churches": 2}  # samples of each class on a sheet
# arm -> (options of the networks, settings of the recipe); one seed each, but for the first
ARMS: dict[str, tuple[dict[str, int], dict[str, Any]]] = {
    "base": ({}, {}),
    "no-one-plus": ({"one_plus": 0}, {}),
    "mean": ({"summed": 0}, {}),
    "no-skip-z": ({"skip_z": 0}, {}),
    "no-spectral": ({"spectral": 0}, {}),
    "no-penalty": ({}, {"orthogonal": 0.0}),
    "normal": ({"orthogonal": 0}, {}),
    "no-projection": ({"projection": 0}, {}),
}
BATCHES = (64, 256, 1024)
AT_EQUAL_STEPS = (64, 256)


def jobs(quick: bool) -> list[Job]:
    """The base first, then what is compared with it; churches last, and what readers say of real images."""
    found = [_digits(arm, quick, seed) for arm in ARMS for seed in (SEEDS if arm == "base" and not quick else (0,))]
    found += [_digits(f"batch-{size}", quick, batch=size) for size in BATCHES[: 1 if quick else None]]
    for size in AT_EQUAL_STEPS[: 1 if quick else None]:
        shown = min(IMAGES * size // BATCH, MOST)
        found.append(_digits(f"batch-{size}-steps", quick, batch=size, epochs=shown // IMAGES))
    found.append(_digits("base-longer", quick, epochs=2))
    options = {"size": 32, "classes": len(NAMES)}
    found.append(_job("churches", quick, 0, data="churches", images=CHURCHES, options=options, batch=16))
    return [*found, *(_real(data, quick) for data in SHOWN)]


def _digits(arm: str, quick: bool, seed: int = 0, **more: Any) -> Job:
    options, recipe = ARMS.get(arm, ({}, {}))
    return _job(arm, quick, seed, **({"data": "digits", "images": IMAGES, "options": options, "recipe": recipe} | more))


def _job(arm: str, quick: bool, seed: int, **more: Any) -> Job:
    job: Job = {
        "key": f"biggan-{arm}-{seed}",
        "arm": arm,
        "seed": seed,
        "batch": BATCH,
        "epochs": 1,
        "recipe": {},
    } | more
    job["samples"] = SAMPLES[job["data"]]
    if quick:
        small = {"width": 4} | job["options"]
        job |= {"key": job["key"] + "-quick", "images": 64, "batch": 16, "epochs": 1, "options": small, "samples": 4}
    return job


def _real(data: str, quick: bool) -> Job:
    """What is measured of real images, in the place of a G's."""
    return {
        "key": f"biggan-real-{data}" + "-quick" * quick,
        "arm": "real",
        "data": data,
        "samples": 4 if quick else SAMPLES[data],
    }


def run(job: Job) -> dict[str, Any]:
    """Train an arm and judge its averaged generator, or judge real images; a run that diverged has only `diverged`."""
    if job["arm"] == "real":
        return figures(real(job["data"], job["samples"]), job["data"])
    trainer = trained(job)
    if isinstance(trainer, str):
        return {"diverged": trainer}
    G, n, last = trainer.averages["ema"], job["samples"], trainer.history[-1]
    assert isinstance(G, BigGANGenerator)
    found: dict[str, Any] = {"running": figures(conditions.by_class(G, n, G.classes), job["data"])}
    if job["arm"] in CURVES and not job["seed"]:
        found["truncation"] = truncation(G, max(2, n // 5))
    standing_statistics.renewed(G)
    images = conditions.by_class(G, n, G.classes)
    found |= figures(images, job["data"])
    found |= {name: round(last[name], 4) for name in trainer.algorithm.statistics}
    found["training_seconds"] = round(sum(row["seconds"] for row in trainer.history), 1)
    found["images_per_second"] = round(last["images_per_second"], 1)
    found["steps"] = trainer.epoch * (job["images"] // job["batch"])
    if not job["seed"]:
        some = images[:, : SHOWN[job["data"]]].flatten(0, 1)
        found["strip"] = sheets.pack(unscale(some), quality=0 if job["data"] == "digits" else 75)
    return found


def trained(job: Job) -> Trainer | str:
    """The run of a job, trained; or what is said where it diverged."""
    torch.manual_seed(job["seed"])
    algorithm = BigGAN(*networks("biggan", **job["options"]), BigGANRecipe(**job["recipe"]))
    config = Config(
        "biggan",
        job["epochs"],
        job["batch"],
        lr=LR,
        betas=BETAS,
        seed=job["seed"],
        ema_half_life=HALF_LIFE,
    )
    images = mnist("train").subset(job["images"]) if job["data"] == "digits" else churches_by_class(job["images"])
    trainer = Trainer(algorithm, LabelledImages(images), config, device="cpu")
    try:
        trainer.fit(progress=False)
    except TrainingDiverged as error:
        return str(error).split(";")[0]
    return trainer


def figures(images: Tensor, data: str) -> dict[str, Any]:
    """Of images (classes, n, C, H, W) in [-1, 1]: obedience, variety, and distances over all and within classes."""
    reader = conditions.digits() if data == "digits" else conditions.churches()
    found, within = conditions.obeyed(images, reader), conditions.within_classes(images, reader)
    return {
        "obedience": round(found.mean, 4),
        "shares": [round(share, 4) for share in found.shares.tolist()],
        "variety": _or_none(found.variety.nanmean()),
        "distance": round(conditions.over_all(images, reader), 3),
        "within": round(within.mean().item(), 3),
        "within_each": [round(value, 3) for value in within.tolist()],
    }


def _or_none(value: Tensor) -> float | None:
    """A number for JSON, which knows no nan: where no class has two samples that are read rightly there is none."""
    return None if value.isnan() else round(value.item(), 4)


def truncation(G: BigGANGenerator, n: int) -> list[dict[str, Any]]:
    """At each of CUTS, with the statistics that G has and with standing ones of z cut alike: figures of digits.

    cut: None for z as it is drawn. G ends with its own statistics.
    """
    kept = {name: value.clone() for name, value in G.state_dict().items()}
    rows = []
    for cut in CUTS:
        shorter = partial(latent.truncate, threshold=cut)
        for statistics in ("running", "standing"):
            if statistics == "standing":
                standing_statistics.renewed(G, shorter)
            found = figures(conditions.by_class(G, n, G.classes, cut=shorter), "digits")
            short = {name: found[name] for name in ("obedience", "variety", "distance", "within")}
            rows.append({"cut": None if cut == float("inf") else cut, "statistics": statistics, **short})
            G.load_state_dict(kept)
    return rows


def real(data: str, n: int) -> Tensor:
    """n real images of each class that the readers' own real ones are not among, (classes, n, C, H, W) in [-1, 1]."""
    seed, classes = conditions.SEED_REAL + 1, 10 if data == "digits" else len(NAMES)
    images = mnist("train") if data == "digits" else churches_by_class(classes * (2 * n + 10), seed=seed)
    labels = images.labels
    assert labels is not None
    return torch.stack([scale(images.pixels[labels == label][:n]) for label in range(classes)])


STUDY = Study(
    "BigGAN in small on MNIST with one part less at a time, batches of 32 to 1,024 at equal images and at equal steps, "
    "truncation with and without the orthogonal penalty and standing statistics; and churches of 25 kinds",
    jobs,
    run,
)
