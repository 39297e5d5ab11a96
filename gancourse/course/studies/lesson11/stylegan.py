"""StyleGAN with its parts exchanged one at a time, beside a DCGAN of as many parameters that trained as long.

Churches of 64 pixels. StyleGANs are trained at 16 pixels first, then at 32 and 64 (`growing`). Every arm takes about
the same time on one core: networks that compute less see more images. Two more arms: "shipped", the generator that
comes with the course, is judged as the others are, and "dcgan-long" trains twice as long as the other DCGANs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from gancourse import pretrained
from gancourse.course.studies.lesson11 import judged
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import procedural_churches
from gancourse.data.degraded import shrunk
from gancourse.data.images import Images
from gancourse.models import Generator, networks
from gancourse.models.growing import grown
from gancourse.models.standing_statistics import renewed
from gancourse.training import Config, Minimax, StyleGAN, StyleRecipe, Trainer

SEEDS = (0, 1)
CHURCHES = 16_000
BATCH, LR = 16, 6e-3
FADE = 8_000  # images over which a larger discriminator fades in
R1 = {16: 0.1, 32: 0.25, 64: 1.0}  # gamma by pixels a side: found by trial; StyleGAN2-ADA's rule gives a twentieth
Stages = tuple[tuple[int, int, float | None], ...]  # pixels a side, epochs, gamma of R1 (None: by that rule)
GROWING: Stages = ((16, 2, R1[16]), (32, 1, R1[32]), (64, 1, R1[64]))  # as long as two epochs of 64 pixels
# name -> (options of the network, settings of the recipe, stages)
ARMS: dict[str, tuple[dict[str, int], dict[str, Any], Stages]] = {
    "stylegan": ({}, {}, GROWING),
    "adain": ({"adain": 1}, {}, GROWING),
    "no-mixing": ({}, {"mixing": 0.0}, GROWING),
    "weak-r1": ({}, {}, tuple((size, epochs, None) for size, epochs, _ in GROWING)),
    "not-grown": ({}, {}, ((64, 2, R1[64]),)),
}
ONCE = ("no-mixing", "weak-r1", "not-grown")  # arms of the first seed alone
DCGAN_WIDTH, DCGAN_EPOCHS = 18, 18  # as many parameters as StyleGAN in all
SHIPPED = "stylegan-churches"
LONG_EPOCHS, LONG_CHURCHES = 30, 20_000  # of the DCGAN that trains for longer, on as many churches as SHIPPED


def jobs(quick: bool) -> list[Job]:
    """Seed by seed, so that a study that was stopped has whole tables."""
    found = []
    for seed in SEEDS[: 1 if quick else None]:
        rows = [_dcgan("dcgan", seed, quick, DCGAN_EPOCHS)]
        for arm, (options, recipe, stages) in ARMS.items():
            if not seed or arm not in ONCE:
                rows.append(_job(arm, seed, quick, options=options, recipe=recipe, stages=stages, batch=BATCH, lr=LR))
        found += [rows[1], rows[0], *rows[2:]]
    shipped = {"key": "stylegan-shipped" + "-quick" * quick, "arm": "shipped", "seed": 0}
    shipped["judged_on"] = found[0]["judged_on"]
    return [*found, _dcgan("dcgan-long", 0, quick, LONG_EPOCHS), shipped]


def _dcgan(arm: str, seed: int, quick: bool, epochs: int) -> Job:
    stages: Stages = ((judged.SIZE, epochs, None),)
    job = _job(arm, seed, quick, options={"width": DCGAN_WIDTH}, recipe={}, stages=stages, batch=64, lr=2e-4)
    return job | ({} if arm == "dcgan" or quick else {"images": LONG_CHURCHES})


def _job(arm: str, seed: int, quick: bool, **more: Any) -> Job:
    job = {
        "key": f"stylegan-{arm}-{seed}" + "-quick" * quick,
        "arm": arm,
        "seed": seed,
        "images": 64 if quick else CHURCHES,
        "fade": 32 if quick else FADE,
        "judged_on": 60 if quick else 600,
        **more,
    }
    if quick:
        job |= {"stages": [(size, 1, r1) for size, _, r1 in job["stages"]], "options": job["options"] | {"width": 4}}
    return job | {"stages": [list(stage) for stage in job["stages"]]}


def trained(job: Job) -> list[Trainer]:
    """The runs of a job, one a stage, trained; the last one is at 64 pixels."""
    torch.manual_seed(job["seed"])
    if job["arm"].startswith("dcgan"):
        ((size, epochs, _),) = job["stages"]
        algorithm = Minimax(*networks("dcgan64", **job["options"]))
        return [_fitted(algorithm, job, size, epochs, (0.5, 0.999))]
    done: list[Trainer] = []
    for size, epochs, r1 in job["stages"]:
        if done:
            G, D = (done[-1].networks[name].cpu() for name in "GD")
            nets = grown(G, D)  # type: ignore[arg-type]
        else:
            nets = networks("stylegan", size=size, **job["options"])  # type: ignore[assignment]
        recipe = StyleRecipe(fade=job["fade"], r1=r1, **job["recipe"])
        done.append(_fitted(StyleGAN(*nets, recipe), job, size, epochs, (0.0, 0.99)))
    return done


def _fitted(algorithm: Minimax | StyleGAN, job: Job, size: int, epochs: int, betas: tuple[float, float]) -> Trainer:
    config = Config(
        algorithm.name, epochs, job["batch"], lr=job["lr"], betas=betas, seed=job["seed"], ema_half_life=10_000.0
    )
    trainer = Trainer(algorithm, shrunk(_churches(job["images"]), size), config, device="cpu")
    trainer.fit(progress=False)
    return trainer


@cache
def _churches(n: int) -> Images:
    return procedural_churches(n, judged.SIZE)[0]


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and judge its averaged generator; or judge the one that is shipped."""
    if job["arm"] == "shipped":
        return judged.figures(pretrained.load(SHIPPED), job["judged_on"]) | {"sha256": shipped_sha256()}
    runs = trained(job)
    G = runs[-1].averages["ema"]
    if isinstance(G, Generator) and job["arm"].startswith("dcgan"):
        renewed(G)
    found = judged.figures(G, job["judged_on"])
    if job["arm"] == "dcgan" and not job["seed"]:
        found["ceiling"] = judged.ceiling(job["judged_on"])
    if job["arm"] not in judged.SHOWN or job["seed"]:
        del found["strip"]  # no figure shows it
    return found | {"training_seconds": round(sum(row["seconds"] for one in runs for row in one.history))}


def shipped_sha256() -> str:
    """Which weights SHIPPED has now."""
    sha256: str = pretrained.card(SHIPPED)["files"][str(pretrained.epochs(SHIPPED)[-1])]["G"]["sha256"]
    return sha256


STUDY = Study(
    f"StyleGAN with its parts exchanged one at a time, beside a DCGAN of equal size and time, churches of 64 pixels, "
    f"{len(SEEDS)} seeds (of {' and '.join(ONCE)} one), and two longer ones: quality, mixing layer by layer, what "
    "planes tell in z and w, paths, truncation, edits",
    jobs,
    run,
)
