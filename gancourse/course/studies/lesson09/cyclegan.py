"""CycleGAN with each of its parts switched off once (Zhu et al. 2017, 5.1.4), judged on true pairs.

Two tasks: morning to dusk, where lamps are lit that no change of colours can light, and summer to snow, which hides
what is under it. The same generator trained on pairs is the ceiling; the picture itself, and a transfer of colours, the
floor.
"""

from __future__ import annotations

from typing import Any

from gancourse.course.studies import translations
from gancourse.course.studies.lesson09 import judged
from gancourse.course.studies.runner import Job, Study
from gancourse.data.churches.tasks import TASKS

ARMS: dict[str, dict[str, Any]] = {
    "cyclegan": {},
    "no-cycle": {"cycle": 0.0},
    "no-identity": {"identity": 0.0},
    "no-pool": {"pool": 0},
    "log-loss": {"loss": "non_saturating"},
}
OF_SNOW = ("cyclegan", "no-cycle")  # what snow hides is asked of these two
SHOWN = ("cyclegan", "no-cycle", "paired")  # in figure 9.3
LENGTHS = {"": (600, 2), "-long": (3000, 4)}  # pairs, epochs: parts are told apart in short runs, claims in long ones
SEEDS = {"": (0, 1, 2), "-long": (0, 1)}


def jobs(quick: bool) -> list[Job]:
    """Seed by seed, the short runs first, so that a study that was stopped has whole tables.

    "paired" and "floors" are the two ends: the same generators trained on pairs, and what needs no training.
    """
    found = []
    for length in LENGTHS:
        for seed in SEEDS[length][: 1 if quick else None]:
            for task in TASKS:
                short = (*(ARMS if task == "dusk" else OF_SNOW), "paired", *["floors"] * (seed == 0))
                for arm in ("cyclegan",) if length else short:
                    found.append(_job(task, arm, length, seed, quick))
    return found


def _job(task: str, arm: str, length: str, seed: int, quick: bool) -> Job:
    pairs, epochs = LENGTHS[length]
    return {
        "key": f"cyclegan-{task}-{arm}{length}-{seed}" + "-quick" * quick,
        "task": task,
        "arm": arm + length,
        "seed": seed,
        "recipe": ARMS.get(arm, {}),
        "pairs": 8 if quick else pairs,
        "epochs": 2 if quick else epochs,
        "batch": 1,
        "lr": 5e-4,  # the paper's 2e-4 is for many more steps
        "width": 4 if quick else 16,
        "held_out": 24 if quick else translations.N_HELD_OUT,
    }


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and judge both of its translators."""
    if job["arm"] == "floors":
        found: dict[str, Any] = {"floors": judged.floors(job["task"], job["held_out"])}
        return found | ({"visible": judged.visible(4 * job["held_out"])} if job["task"] == "snow" else {})
    networks = translations.paired(job) if job["arm"] == "paired" else translations.cyclegan(job).networks
    found = judged.figures(networks, job["task"], job["held_out"])
    if (job["task"], job["seed"]) != ("dusk", 0) or job["arm"] not in SHOWN:
        del found["strip"]  # no figure shows it
    return found


STUDY = Study(
    f"CycleGAN with each of its parts switched off once, {' and '.join(TASKS)}, {len(SEEDS[''])} seeds, "
    f"judged on true pairs, beside the same generators trained on pairs; and {len(SEEDS['-long'])} seeds of long runs",
    jobs,
    run,
)
