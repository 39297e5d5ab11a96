"""Critics as rulers: what each constraint makes of E s(x) - E s(y), beside the exact W1, on points of the plane.

The constraints that lesson 07 speaks of, each on three pairs of samples with three seeds, measured after 1 to 300 steps
of the critic (`gancourse.theory.rulers`), two of them after 1,000 as well. The third pair is
two samples of one distribution: what a critic finds between those is what it has learned by heart.
"""

from __future__ import annotations

import statistics
from typing import Any

from gancourse.course.studies.runner import Job, Study
from gancourse.theory.rulers import PAIRS, POINTS, STEPS, Setting, measure

SEEDS = (0, 1, 2)
#: name -> what differs from `rulers.Setting`
SETTINGS: dict[str, dict[str, Any]] = {
    **{f"clip {c:g}": {"constraint": "clip", "strength": c} for c in (0.001, 0.01, 0.03, 0.1)},
    "clip 0.01, RMSProp 5e-5": {"constraint": "clip", "strength": 0.01, "optimiser": "RMSprop", "lr": 5e-5},
    **{f"penalty {w:g}": {"constraint": "penalty", "strength": w} for w in (1.0, 10.0, 100.0)},
    "spectral norm": {"constraint": "spectral"},
    "spectral norm, ReLU": {"constraint": "spectral", "negative_slope": 0.0},
    "spectral norm, hinge": {"constraint": "spectral", "loss": "hinge"},
    "R1 1": {"constraint": "r1", "strength": 1.0},
    "R1 1, logistic": {"constraint": "r1", "strength": 1.0, "loss": "logistic"},
    "none": {"constraint": "none"},
}
LONG = ("penalty 10", "spectral norm")  # these go on
COLUMNS = ("step", "estimate", "fresh", "slope", "secant", "bound")


def jobs(quick: bool) -> list[Job]:
    """Every setting on every pair with every seed, seed by seed, so that a study that is cut short still compares."""
    return [
        {
            "key": f"{p}-{i:02d}-{seed}",
            "setting": name,
            "pair": pair,
            "seed": seed,
            "steps": [1, 2] if quick else [*STEPS, *[1000] * (name in LONG)],
            "points": 40 if quick else POINTS,
            "options": options,
        }
        for seed in SEEDS[: 1 if quick else None]
        for p, pair in enumerate(PAIRS)
        for i, (name, options) in enumerate(SETTINGS.items())
    ]


def run(job: Job) -> dict[str, Any]:
    """`rulers.measure` as columns: exact, one number, and of each of COLUMNS a list, one number a measured step."""
    rows = measure(Setting(**job["options"]), job["pair"], job["seed"], job["steps"], job["points"])
    columns = {name: [_short(row[name]) for row in rows] for name in COLUMNS}
    return {"exact": _short(rows[0]["exact"]), **columns}


def _short(value: float) -> float:
    return float(f"{value:.5g}")


STUDY = Study(
    f"Critics on fixed points of the plane against the exact W1: {len(SETTINGS)} settings, 3 pairs of samples, 3 seeds",
    jobs,
    run,
)


def summary(results: dict[str, Any], pair: str, step: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Means and standard deviations over seeds, after `step` steps on `pair`: setting -> column -> (mean, spread).

    Columns: ratio (estimate / exact), fresh (that on new points / exact), slope, by_slope (ratio / slope), bound.
    Raises ValueError for a pair or a step that the results do not hold.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for row in results["rows"]:
        if row["pair"] != pair or step not in row["step"]:
            continue
        at = row["step"].index(step)
        ratio, slope = row["estimate"][at] / row["exact"], row["slope"][at]
        figures = {
            "ratio": ratio,
            "fresh": row["fresh"][at] / row["exact"],
            "slope": slope,
            "by_slope": ratio / slope,
            "bound": row["bound"][at],
        }
        for name, value in figures.items():
            found.setdefault(row["setting"], {}).setdefault(name, []).append(value)
    if not found:
        raise ValueError(
            f"no results for pair {pair!r} at step {step}: pairs {', '.join(PAIRS)}; steps {', '.join(map(str, STEPS))}"
        )
    return {
        setting: {
            name: (statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0)
            for name, values in columns.items()
        }
        for setting, columns in found.items()
    }
