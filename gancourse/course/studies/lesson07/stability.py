"""More stable training? Twelve settings that nobody tuned, for each arm of `critics`: which share of them trains?

The generators are P1's, P1's without BatchNorm, a perceptron and a deeper one; the rates a fifth of the recipe's, its
own, and five times it, for both networks. Every arm gets the same real images. WGAN's authors made such a comparison by
eye, on photographs (Arjovsky et al. 2017, section 4.3; Gulrajani et al. 2017, section 5.1); here a rule decides.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

import torch

from gancourse.course.studies.lesson07.critics import ARMS, P1, PLAIN, WASSERSTEIN, Watched, made, scored, train
from gancourse.course.studies.runner import Job, Study, results
from gancourse.course.verdicts import FAILS, HOLDS, OPEN, UNDECIDED
from gancourse.data.mnist_digits import mnist
from gancourse.models.catalogue import networks

WIDTH = 32  # a quarter of P1's
IMAGES, EPOCHS = 60_000, 3
SAMPLES = 5_000
#: name -> options of `DCGANVariant`; None: P1's perceptron
GENERATORS: dict[str, dict[str, bool] | None] = {
    "P1's": {},
    "without BatchNorm": {"norm_g": False},
    "perceptron": None,
    "deeper": {"deep": True},
}
RATES = (0.2, 1.0, 5.0)  # times the recipe's


def jobs(quick: bool) -> list[Job]:
    """Every arm in every setting, setting by setting, so that a study that is cut short still compares the arms."""
    size = {"width": WIDTH, "images": IMAGES, "epochs": EPOCHS, "samples": SAMPLES}
    tiny = {"width": 4, "images": 320, "epochs": 1, "samples": 300}
    return [
        {"key": f"{g}-{r}-{a}", "arm": arm, "generator": generator, "rate": rate, "seed": 0}
        | (tiny if quick else size)
        | settings
        | {"every": 10**9, "n_every": 0}  # no curve
        for g, generator in enumerate(GENERATORS)
        for r, rate in enumerate(RATES[1:2] if quick else RATES)
        for a, (arm, settings) in enumerate(ARMS.items())
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one arm in one setting, and score it; a run that diverged has no scores."""
    options = GENERATORS[job["generator"]]
    job = job | {"config": job["config"] | {"lr": job["config"]["lr"] * job["rate"]}}
    algorithm = made(job, **(options or {}))
    if options is None:
        torch.manual_seed(job["seed"])
        G, _ = networks("mlp")
        algorithm = Watched(G, algorithm.networks["D"], algorithm.recipe, job["every"], job["n_every"])
    found = train(job, algorithm, mnist("train").subset(job["images"]))
    del found["curve"]
    return found if "diverged" in found else found | scored(algorithm.networks["G"], job["samples"])


STUDY = Study(
    f"The share of {len(GENERATORS) * len(RATES)} settings (four generators, three rates) in which each of "
    f"{len(ARMS)} recipes trains",
    jobs,
    run,
)

# ------------------------------------------------------------------------------------- what the lesson asks of it


def threshold() -> float:
    """The distance of P1's perceptrons after 5 epochs, over the seeds of `p1_seeds`; farther off is not trained.

    Raises StudyError where that study was not run.
    """
    rows = [row for row in results("p1_seeds")["rows"] if row["model"] == "mlp"]
    return statistics.mean(row["at"]["5"]["classifier_fid"] for row in rows)


def trains(row: dict[str, Any], limit: float) -> bool:
    """Whether a run has trained: it did not diverge, each of the ten digits is at least 1 % of its samples, and its
    distance is at most `limit`."""
    return "diverged" not in row and row["classes"] == 10 and row["classifier_fid"] <= limit


def grid(found: dict[str, Any]) -> dict[str, dict[tuple[str, float], bool]]:
    """Arm -> (generator, rate) -> whether it trains."""
    limit = threshold()
    arms: dict[str, dict[tuple[str, float], bool]] = {arm: {} for arm in ARMS}
    for row in found["rows"]:
        arms[row["arm"]][row["generator"], row["rate"]] = trains(row, limit)
    return arms


def verdicts(found: dict[str, Any]) -> list[dict[str, str]]:
    """P1's claim of more stable training, of each of WASSERSTEIN: claim, holds if, arm, measured, verdict.

    Each setting is run by the arm and by a control. Those in which just one of the two trains decide, by a sign test at
    0.05, two-sided: HOLDS where the arm wins more of them than chance would give, FAILS where the control does; the two
    controls have to agree, else it is not decided.
    """
    arms, rows = grid(found), []
    for arm in WASSERSTEIN:
        said, parts = [], [f"{arm} {sum(arms[arm].values())} of {len(arms[arm])}"]
        for control in (P1, PLAIN):
            both = arms[arm].keys() & arms[control].keys()
            ours, theirs = ([s for s in both if a[s] and not b[s]] for a, b in _ways(arms[arm], arms[control]))
            only = len(ours), len(theirs)
            p = sign_test(*only)
            said.append(OPEN if not both else UNDECIDED if p >= 0.05 else HOLDS if only[0] > only[1] else FAILS)
            parts.append(
                f"{control} {sum(arms[control].values())} of {len(arms[control])} (only the one {only[0]}, only the "
                f"other {only[1]}, p = {p:.2f})"
            )
        rows.append(
            {
                "claim": "more stable training",
                "holds if": "it trains where a control does not, and not the other way round, beyond chance",
                "arm": arm,
                "measured": "; ".join(parts),
                "verdict": said[0] if len(set(said)) == 1 else UNDECIDED,
            }
        )
    return rows


def _ways(a: dict[Any, bool], b: dict[Any, bool]) -> tuple[tuple[dict[Any, bool], dict[Any, bool]], ...]:
    return (a, b), (b, a)


def sign_test(ups: int, downs: int) -> float:
    """The two-sided p of so many ups and downs where either is as probable; 1 for none."""
    n, few = ups + downs, min(ups, downs)
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(few + 1)) / 2**n)
