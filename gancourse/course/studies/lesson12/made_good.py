"""P4's churches made good: P4's two networks, G twice as wide as lesson 04's, told what a church is, or not.

Two candidates: "plain" is told nothing; "factors" is told, D which church each picture is, G which one z asks for
(`models.factors`). All else is alike: 128 pixels from the start, DCGAN's rates, which fall, an averaged G. The rule,
set before these runs: after 80,000 images the one whose samples are nearer to renders on the reader's features goes on
to 400,000. One run each: the rule decides what goes on, and not which is better in general. That D is P4's was found
in earlier, shorter tries of 32 pixels: StyleGAN2's discriminator with R1, told the same, came less far in three times
as many images.

The chosen run was looked at as it went on, and changed: from its fifth epoch on the distance grew again while D got
ever surer. So it was stopped after the sixth, and "with R1" goes on from the fifth at half the rate. Of R1's
weight two values were tried for half an epoch or one: 1, which is kept, and 10, with which D ended by knowing nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gancourse import latent
from gancourse.course.starting import go_on_from
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.churches.classes import churches_with_factors
from gancourse.data.images import unscale
from gancourse.data.sheets import pack
from gancourse.evaluation import church_reader
from gancourse.evaluation.scores import evaluate
from gancourse.models.base import Discriminator, Generator, init_dcgan
from gancourse.models.catalogue import networks
from gancourse.models.dcgan import DCGAN128Discriminator, DCGAN128Generator
from gancourse.models.factors import FactorGenerator
from gancourse.training import Config, Minimax, Recipe, Trainer
from gancourse.training.run import Run

MODELS = {"plain": "dcgan128", "factors": "dcgan128-factors"}
CHURCHES, EPOCHS, COMPARED = 40_000, 10, 2  # the rule compares after so many epochs
STOPPED, BEST = 6, 5  # the chosen run was stopped after that epoch of EPOCHS, and gone on from that one
WITH_R1, R1_EPOCHS = "with R1", 4
N_SCORED, N_SHOWN = 1_000, 6
_ALL = tuple(range(1, EPOCHS + 1))  # epochs whose checkpoints stay
RUNS = Path("build/studies/made-good-runs")


def jobs(quick: bool) -> list[Job]:
    """Both candidates up to the comparison, the chosen one, and what went on from it; runs in RUNS, which resume."""
    return [
        {
            "key": f"made-good-{name}".lower().replace(" ", "-") + "-quick" * quick,
            "candidate": name,
            "until": {"chosen": STOPPED, WITH_R1: R1_EPOCHS}.get(name, COMPARED),
            "churches": 32 if quick else CHURCHES,
            "widths": {"width": 8, "width_d": 4} if quick else {"width": 32, "width_d": 16},
            "samples": 40 if quick else N_SCORED,
            "runs": str(RUNS) + "-quick" * quick,
        }
        for name in (*MODELS, "chosen", WITH_R1)
    ]


def folder(job: Job, name: str) -> Path:
    """The run of a candidate."""
    return Path(job["runs"]) / name


def _pair(name: str, width: int, width_d: int) -> tuple[Generator, Discriminator]:
    if name == "factors":
        return networks(MODELS[name], width=width, width_d=width_d)
    G, D = DCGAN128Generator(width), DCGAN128Discriminator(width_d)
    init_dcgan(G)
    init_dcgan(D)
    return G, D


def _data(job: Job, name: str) -> Any:
    return churches_with_factors(job["churches"]) if name == "factors" else procedural_churches(job["churches"])[0]


def _trained(job: Job, name: str, until: int) -> Trainer:
    """The run of a candidate, trained until the end of an epoch, as far as it is not yet."""
    torch.manual_seed(0)
    algorithm = Minimax(*_pair(name, **job["widths"]), Recipe(decay=True))
    config = Config(MODELS[name], EPOCHS, 32, ema_half_life=10_000.0)
    trainer = Trainer(algorithm, _data(job, name), config, folder(job, name), "cpu", milestones=_ALL)
    trainer.fit(progress=False, until=until)
    return trainer


def _with_r1(job: Job, name: str) -> Trainer:
    """The run that goes on from the chosen candidate's epoch BEST, with R1, half the rate and other random numbers."""
    torch.manual_seed(0)
    G, D = _pair(name, **job["widths"])
    algorithm = Minimax(G, D, Recipe(r1=1.0, r1_share=0.25, decay=True))
    algorithm.started_from, algorithm.before = go_on_from(G, D, folder(job, name), BEST)
    config = Config(MODELS[name], R1_EPOCHS, 32, lr=1e-4, ema_half_life=10_000.0, seed=1)
    trainer = Trainer(algorithm, _data(job, name), config, folder(job, WITH_R1), "cpu", milestones=_ALL)
    trainer.fit(progress=False)
    return trainer


def judged(G: Generator, n: int) -> dict[str, Any]:
    """Scores of n samples of z from seed 0, unpicked, against as many unseen renders of their size, on the reader.

    kinds: as of `church_reader.scores`. obeys: of a FactorGenerator, for each factor, how many are read as the value
    that z chose.
    """
    z = latent.sample(n, G.z_size, 0)
    x = latent.generate(G, z)
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
    }


def chosen(job: Job) -> str:
    """The candidate that the rule chooses: the nearer one after COMPARED epochs."""
    near = {name: judged(_averaged(job, name, name, COMPARED), job["samples"])["distance"] for name in MODELS}
    return min(near, key=lambda name: near[name])


def _averaged(job: Job, name: str, run: str, epoch: int) -> Generator:
    """The averaged generator of a candidate's networks in a run, after an epoch."""
    G = _pair(name, **job["widths"])[0]
    G.load_state_dict(Run(folder(job, run)).load(epoch).network("ema"))
    return G


def run(job: Job) -> dict[str, Any]:
    """Train a run as far as its job says, and judge its averaged generator after each epoch.

    images of the curve: those of the run that it went on from are counted. strip, of the two candidates: the first
    samples where the rule compares them.
    """
    candidate, until = job["candidate"], job["until"]
    name = candidate if candidate in MODELS else chosen(job)
    which = WITH_R1 if candidate == WITH_R1 else name
    trainer = _with_r1(job, name) if candidate == WITH_R1 else _trained(job, name, until)
    curve = []
    for epoch in range(1, until + 1):
        found = judged(_averaged(job, name, which, epoch), job["samples"])
        images = (epoch + BEST * (candidate == WITH_R1)) * job["churches"]
        curve.append({"images": images} | {k: found[k] for k in ("distance", "kinds", "recall")})
    rows = trainer.history[:until]
    for point, row in zip(curve, rows, strict=True):
        point["d_real"] = round(row["d_real"], 3)
    seconds = round(sum(row["seconds"] for row in rows))
    if candidate in MODELS:
        G = _averaged(job, name, which, until)
        x = latent.generate(G, latent.sample(N_SHOWN, G.z_size, 0))
        found["strip"] = pack(unscale(x), 75)
    return {"network": name, "curve": curve, "training_seconds": seconds, **found}


STUDY = Study(
    "P4's two networks at 128 pixels, told the factors of each church and not told; the one that a rule lets go on, "
    "and that with R1",
    jobs,
    run,
)
