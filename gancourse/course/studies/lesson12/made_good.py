"""P4's churches made good: P4's generator, layer for layer, and around it what lessons 05 to 12 found best.

Two candidates, both trained on small churches first, both with StyleGAN2's discriminator, R1 and an averaged G. "plain"
is told nothing; "factors" is told which church each picture is (`models.factors`). The rule, set before the runs: after
40,000 images at 16 pixels and 80,000 at 32, the one whose samples, enlarged to 64 pixels, are nearer to renders on the
reader's features goes on to 64 and 128 pixels. One run each: the rule decides what goes on, and not which is better in
general. Rates and R1's weights were found in earlier, shorter tries; so was that a D which is told ten factors needs a
tenth of R1: its slope is a sum of eleven terms, and at plain's weights it ended by answering 1/2 to every picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gancourse import latent
from gancourse.course.starting import grow_from
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.churches.classes import churches_with_factors
from gancourse.data.degraded import enlarge_bicubic, shrunk
from gancourse.data.images import unscale
from gancourse.data.sheets import pack
from gancourse.evaluation import church_reader
from gancourse.evaluation.scores import evaluate
from gancourse.models.base import Generator
from gancourse.models.catalogue import networks
from gancourse.models.factors import FactorGenerator
from gancourse.training import Config, Minimax, Recipe, Trainer
from gancourse.training.run import Run

MODELS = {"plain": "dcgan128-grown", "factors": "dcgan128-factors"}
R1_TIMES = {"plain": 1.0, "factors": 0.1}
CHURCHES = 40_000
# pixels a side -> epochs, gamma of R1, whether G's step has D's fakes, whether the rates fall
STAGES: dict[int, tuple[int, float, bool, bool]] = {
    16: (1, 0.0625, False, False),
    32: (2, 0.25, False, False),
    64: (2, 0.5, True, False),
    128: (3, 1.0, True, True),
}
COMPARED = 32  # pixels a side at which the rule compares
FADE = 10_000  # images over which a larger discriminator fades in
N_SCORED, N_SHOWN = 1_000, 24
RUNS = Path("build/studies/made-good-runs")


def jobs(quick: bool) -> list[Job]:
    """Both candidates up to 32 pixels, then the chosen one; each stage is a run folder under RUNS, and resumes."""
    first = [(name, size) for name in MODELS for size in STAGES if size <= COMPARED]
    rest = [("chosen", size) for size in STAGES if size > COMPARED]
    return [
        {
            "key": f"made-good-{name}-{size}" + "-quick" * quick,
            "candidate": name,
            "size": size,
            "churches": 32 if quick else CHURCHES,
            "widths": {"width": 8, "width_d": 8} if quick else {"width": 32, "width_d": 64},
            "samples": 40 if quick else N_SCORED,
            "runs": str(RUNS) + "-quick" * quick,
        }
        for name, size in [*first, *(rest[:1] if quick else rest)]
    ]


def folder(job: Job, name: str, size: int) -> Path:
    """The run of a candidate at a size."""
    return Path(job["runs"]) / f"{name}-{size}"


def _trained(job: Job, name: str, size: int) -> Trainer:
    """The run of a stage, trained as far as it is not yet."""
    epochs, r1, reuse, decay = STAGES[size]
    torch.manual_seed(0)
    first = size == min(STAGES)
    G, D = networks(MODELS[name], **job["widths"], size=size, fading=int(not first))
    algorithm = Minimax(
        G, D, Recipe(lr_d=3e-3, r1=R1_TIMES[name] * r1, r1_share=0.125, decay=decay, fade=0 if first else FADE)
    )
    if not first:
        grew = grow_from(G, D, folder(job, name, size // 2))  # type: ignore[arg-type]
        algorithm.started_from, algorithm.before = grew
    data: Any = churches_with_factors(job["churches"]) if name == "factors" else procedural_churches(job["churches"])[0]
    config = Config(MODELS[name], epochs, 16, lr=3e-4, betas=(0.0, 0.99), ema_half_life=10_000.0, fresh_z=not reuse)
    milestones = tuple(range(1, epochs + 1))
    trainer = Trainer(algorithm, shrunk(data, size), config, folder(job, name, size), "cpu", milestones=milestones)
    trainer.fit(progress=False)
    return trainer


def judged(G: Generator, n: int) -> dict[str, Any]:
    """Scores of n samples of z from seed 0, unpicked, against as many unseen renders of their size, on the reader.

    Samples of fewer than 64 pixels are enlarged bicubically, since the reader takes no smaller ones. kinds: as of
    `church_reader.scores`. obeys: of a FactorGenerator, for each factor, how many are read as the value that z chose.
    sheet: the first 24 of them, packed.
    """
    z = latent.sample(n, G.z_size, 0)
    x = latent.generate(G, z)
    sheet = pack(unscale(x[:N_SHOWN]), 80)
    if x.shape[-1] < 64:
        x = enlarge_bicubic(x, 64 // x.shape[-1])
    found = evaluate(x, procedural_churches(n, x.shape[-1], 1)[0], church_reader.church_features(), allow_few=True)
    read = church_reader.read(x)
    met, expected, _ = church_reader.combinations(read, church_reader.KINDS)
    obeys = {}
    if isinstance(G, FactorGenerator):
        told = G.code(z)
        obeys = {name: (read[name] == told[:, i]).double().mean().item() for i, name in enumerate(FACTORS)}
    return {
        "distance": round(found.fid, 2),
        "kinds": round(met / expected, 3),
        "precision": round(found.precision, 3),
        "recall": round(found.recall, 3),
        "obeys": {name: round(share, 3) for name, share in obeys.items()},
        "sheet": sheet,
    }


def chosen(job: Job) -> str:
    """The candidate that the rule chooses: the nearer one after its run at 32 pixels."""
    near = {name: judged(_averaged(_trained(job, name, COMPARED)), job["samples"])["distance"] for name in MODELS}
    return min(near, key=lambda name: near[name])


def _averaged(trainer: Trainer) -> Generator:
    G = trainer.averages["ema"]
    assert isinstance(G, Generator)
    return G


def run(job: Job) -> dict[str, Any]:
    """Train a stage, and judge its averaged generator after each epoch."""
    name = chosen(job) if job["candidate"] == "chosen" else job["candidate"]
    trainer = _trained(job, name, job["size"])
    G, curve = _averaged(trainer), []
    for row in trainer.history:
        checkpoint = Run(folder(job, name, job["size"])).load(int(row["epoch"]))
        G.load_state_dict(checkpoint.network("ema"))
        found = judged(G, job["samples"])
        curve.append({"images": row["epoch"] * job["churches"], "distance": found["distance"], "kinds": found["kinds"]})
    seconds = round(sum(row["seconds"] for row in trainer.history))
    return {"network": name, "curve": curve, "seconds": seconds, **found}


STUDY = Study(
    "P4's generator made good: two candidates of what is around it, and the one that a rule lets go on to 128 pixels",
    jobs,
    run,
)
