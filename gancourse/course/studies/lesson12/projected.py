"""What borrowed features buy: Projected GAN (Sauer et al. 2021) beside a DCGAN with the same generator, and a leak.

Churches of 64 pixels, generators of one kind. "projected" is judged through EfficientNet-Lite0; "raw taps" lacks the
random projections, "one head" all heads but the finest, and "random" looks through the same network with random
weights. "dcgan" has a discriminator of its own. Along each run stand the distance to unseen renders by three judges:

- "reader", the church reader, which trained no arm;
- "lite0", the last map of Lite0, which trained "projected", "raw taps" and "one head";
- "random", the last map of the network that trained "random".

`converges` reads off whether borrowed features are faster, `leak` how much of what they gain is the judge's opinion.
Seconds are those of one core (CPU time of the process), without scoring: other programs do not move them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gancourse.course import verdicts
from gancourse.course.studies.lesson11 import judged
from gancourse.course.studies.runner import Job, Study
from gancourse.data import sheets
from gancourse.data.churches import procedural_churches
from gancourse.data.images import Images, scale, unscale
from gancourse.evaluation.features import Extractor
from gancourse.evaluation.lite0 import lite0_features
from gancourse.evaluation.statistics import feature_statistics, frechet_distance
from gancourse.models import Generator, networks
from gancourse.models.features import FrozenFeatures, borrowed_features, random_features
from gancourse.models.projected import ProjectedDiscriminator
from gancourse.models.standing_statistics import renewed
from gancourse.training import Config, CriticGAN, CriticRecipe, Minimax, Trainer

BASELINE, PROJECTED, RANDOM, RENDERS = "dcgan", "projected", "random", "renders"
WIDTH, BATCH, LR = 32, 32, 2e-4
DIFFAUGMENT = ("colour", "translation", "cutout")  # the policy of Zhao et al. 2020, which the paper takes
PART = 2_560  # images between two points of a curve
PARTS = 8  # parts that the data have; every arm sees them all, and cheaper ones see them again
SEED_TRAIN, SEED_FLOOR = 2_000, 1_002
# name -> (options of its discriminator, parts that it trains on, seeds): cheaper arms train until they took as long
ARMS: dict[str, tuple[dict[str, Any], int, int]] = {
    BASELINE: ({}, 32, 2),
    PROJECTED: ({}, PARTS, 2),
    RANDOM: ({}, PARTS, 2),
    "raw taps": ({"mixed": False}, 10, 1),
    "one head": ({"heads": [0]}, 10, 1),
}
JUDGES = ("reader", "lite0", "random")
N_SHOWN = 16
Rows = Sequence[Mapping[str, Any]]


def jobs(quick: bool) -> list[Job]:
    """The renders, for the floor of each distance; then seed by seed, so that a stopped study has whole tables."""
    size: Job = {"part": PART, "width": WIDTH, "heads_width": 64, "judged_on": 1_280}
    if quick:
        size = {"part": 64, "width": 4, "heads_width": 4, "judged_on": 60}
    found: list[Job] = [{"key": f"{RENDERS}-0" + "-quick" * quick, "arm": RENDERS, "seed": 0, **size}]
    for seed in range(2):
        for arm, (options, parts, seeds) in ARMS.items():
            if seed < seeds:
                key = f"{arm.replace(' ', '-')}-{seed}" + "-quick" * quick
                length: Job = {"parts": 1 + (arm == BASELINE) if quick else parts, "options": options}
                found.append({"key": key, "arm": arm, "seed": seed, **size, **length})
    return found


@cache
def _looks(name: str) -> FrozenFeatures:
    """What an arm's discriminator looks through. Raises FeatureWeightsError where Lite0's weights are not there."""
    return random_features() if name == RANDOM else borrowed_features()


@cache
def _judge(name: str) -> Extractor:
    return lite0_features(seed=0 if name == "random" else None)


@cache
def _reference(name: str, n: int) -> tuple[Tensor, Tensor]:
    """The statistics of n unseen renders by a judge, (320,) and (320, 320)."""
    renders = procedural_churches(n, judged.SIZE, judged.SEED_REAL)[0]
    return feature_statistics(renders, _judge(name), allow_few=True)


@cache
def _churches(n: int, part: int) -> Images:
    """Part 0, 1, ... of the training data, n images."""
    return procedural_churches(n, judged.SIZE, SEED_TRAIN + part)[0]


def scored(images: Tensor) -> dict[str, float]:
    """Images (N, 3, 64, 64) in [-1, 1] -> their distance by each of JUDGES, and by the reader alone all that
    `judged.quality` says: kinds, precision, recall, coverage."""
    found = judged.quality(images)
    distances = {"reader": found.pop("distance")}
    for name in JUDGES[1:]:
        statistics = feature_statistics(images, _judge(name), allow_few=True)
        distances[name] = round(frechet_distance(*statistics, *_reference(name, len(images))), 4)
    return distances | found


def made(job: Job) -> Trainer:
    """The trainer of a job, before its first epoch. An epoch is a part of the data."""
    torch.manual_seed(job["seed"])
    G, D = networks("dcgan64", width=job["width"])
    if job["arm"] == BASELINE:
        algorithm: Minimax | CriticGAN = Minimax(G, D)
    else:
        D = ProjectedDiscriminator(_looks(job["arm"]), judged.SIZE, width=job["heads_width"], **job["options"])
        algorithm = CriticGAN(G, D, CriticRecipe("hinge", "spectral", augment=DIFFAUGMENT))
    betas = (0.5, 0.999) if job["arm"] == BASELINE else (0.0, 0.99)
    config = Config(job["arm"], job["parts"], BATCH, lr=LR, betas=betas, seed=job["seed"], ema_half_life=1_000.0)
    return Trainer(algorithm, _churches(job["part"], 0), config, device="cpu")


def run(job: Job) -> dict[str, Any]:
    """Train an arm; `curve` has a list for each of images, seconds, JUDGES, kinds and so on, `strips` a few samples.

    Raises FeatureWeightsError at once where Lite0's weights are not there.
    """
    _looks(PROJECTED)
    if job["arm"] == RENDERS:
        return {
            "curve": _columns([scored(scale(procedural_churches(job["judged_on"], judged.SIZE, SEED_FLOOR)[0].pixels))])
        }
    trainer, seconds = made(job), 0.0
    points: list[dict[str, float]] = []
    strips: dict[str, str] = {}
    running = trainer.epochs()
    for done in range(1, job["parts"] + 1):
        trainer.data = _churches(job["part"], (done - 1) % PARTS)
        start = time.process_time()
        next(running)
        seconds += time.process_time() - start
        if done > PARTS and done % PARTS and done < job["parts"]:
            continue
        G = trainer.averages["ema"]
        assert isinstance(G, Generator)
        renewed(G)
        images = judged.drawn(G, job["judged_on"])
        points.append({"images": done * job["part"], "seconds": round(seconds, 3), **scored(images)})
        if done in (PARTS, job["parts"]):
            strips[str(done * job["part"])] = sheets.pack(unscale(images[:N_SHOWN]), quality=75)
    return {"curve": _columns(points), "strips": strips}


def _columns(points: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {name: [point[name] for point in points] for name in points[0]}


# --- what the rows say -----------------------------------------------------------------------------------------------


def shared(rows: Rows, by: str, arms: Sequence[str] = tuple(ARMS)) -> float:
    """How far all runs of these arms went; by: "images" or "seconds"."""
    return min(row["curve"][by][-1] for row in rows if row["arm"] in arms)


def at(rows: Rows, arm: str, judge: str, by: str, x: float) -> list[float]:
    """The distance by a judge where the runs of an arm had seen x images, or trained x seconds: one a seed.

    Between two points of a curve it is read off the line between them; before the first it is that of the first.
    """
    curves = [row["curve"] for row in rows if row["arm"] == arm]
    return [float(np.interp(x, curve[by], curve[judge])) for curve in curves]


def converges(rows: Rows) -> dict[str, str]:
    """Whether "projected" is nearer to renders than "dcgan" by the reader, which trained neither.

    by "images" and by "seconds", as far as both arms went: HOLDS or FAILS where the means over seeds differ by more
    than both standard deviations together (`verdicts.decide`), else UNDECIDED. "both": the two as one claim, "Projected
    GANs converge faster" (Sauer et al. 2021), which holds where both do.
    """
    found = {}
    for by in ("images", "seconds"):
        x = shared(rows, by, (BASELINE, PROJECTED))
        found[by] = verdicts.decide(*(at(rows, arm, "reader", by, x) for arm in (PROJECTED, BASELINE)))
    return found | {"both": verdicts.together(list(found.values()))}


class Leak(NamedTuple):
    """What an arm gains over "dcgan" by each judge, and how much of that is the judge's; see `leak`.

    gains: arm -> judge -> one gain a seed. gaps: arm -> mean gain by Lite0 less mean gain by the reader. share: what
    part of the gain of "projected" by Lite0 its gap is; None where there is no gain. flatters: the verdict on its gap.
    swap: by how much an arm gains more with its own teacher as judge than with the other's. own_judge: the verdict.
    """

    gains: dict[str, dict[str, list[float]]]
    gaps: dict[str, float]
    share: float | None
    flatters: str
    swap: float
    own_judge: str


def leak(rows: Rows) -> Leak:
    """How much of what borrowed features gain is the opinion of the judge that lent them.

    At equal images, as many as all arms saw. An excess is a distance less its floor, that of other renders ("renders").
    A gain is 1 - (a run's excess) / (the mean excess of "dcgan"): the share of it that the arm takes away, negative for
    an arm that is worse. A run's gap is its gain by Lite0 less its gain by the reader. Were Lite0 a judge like any
    other, the gaps of "projected" would be those of "dcgan", whose mean is 0.

    Two judges differ in more than whom they taught, though. So teachers are swapped: a run's lean is its gain by the
    random features less that by Lite0. That the random arm is worse, or that a judge is milder, moves the leans of both
    arms or cancels in them; what remains, half the difference between the leans of "random" and of "projected", is what
    one's own teacher adds (`swap`).

    Rules, written before any result: `flatters` HOLDS where the gaps of "projected" are above those of "dcgan", and
    `own_judge` where the leans of "random" are above those of "projected", by more than both standard deviations over
    seeds together (`verdicts.decide`); FAILS in the other direction; UNDECIDED in between.
    """
    x = shared(rows, "images")
    floors = {judge: next(row["curve"][judge][0] for row in rows if row["arm"] == RENDERS) for judge in JUDGES}
    gains: dict[str, dict[str, list[float]]] = {arm: {} for arm in ARMS}
    for judge, floor in floors.items():
        baseline = mean(at(rows, BASELINE, judge, "images", x)) - floor
        for arm in ARMS:
            gains[arm][judge] = [1 - (value - floor) / baseline for value in at(rows, arm, judge, "images", x)]

    def less(arm: str, judge: str, other: str) -> list[float]:
        return [a - b for a, b in zip(gains[arm][judge], gains[arm][other], strict=True)]

    gaps = {arm: less(arm, "lite0", "reader") for arm in ARMS}
    leans = {arm: less(arm, "random", "lite0") for arm in (RANDOM, PROJECTED)}
    gain = mean(gains[PROJECTED]["lite0"])
    return Leak(
        gains,
        {arm: mean(values) for arm, values in gaps.items()},
        mean(gaps[PROJECTED]) / gain if gain > 0 else None,
        verdicts.decide(gaps[BASELINE], gaps[PROJECTED]),
        (mean(leans[RANDOM]) - mean(leans[PROJECTED])) / 2,
        verdicts.decide(leans[PROJECTED], leans[RANDOM]),
    )


STUDY = Study(
    "A DCGAN's generator against discriminators on borrowed features (Projected GAN, and without its parts), churches "
    "of 64 pixels: distances along each run by three judges, two of which taught some of the arms",
    jobs,
    run,
)
