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
SEEDS = (0, 1, 2)


def jobs(quick: bool) -> list[Job]:
    """Seed by seed, so that a study that was stopped has whole tables; "paired" and "floors" are its two ends."""
    found = []
    for seed in SEEDS[: 1 if quick else None]:
        for task in TASKS:
            for arm in (*(ARMS if task == "dusk" else OF_SNOW), "paired", *["floors"] * (seed == 0)):
                found.append(
                    {
                        "key": f"cyclegan-{task}-{arm}-{seed}" + "-quick" * quick,
                        "task": task,
                        "arm": arm,
                        "seed": seed,
                        "recipe": ARMS.get(arm, {}),
                        "pairs": 8 if quick else 600,
                        "epochs": 2,
                        "batch": 1,
                        "lr": 5e-4,  # the paper's 2e-4 is for many more steps
                        "width": 4 if quick else 16,
                        "held_out": 24 if quick else translations.N_HELD_OUT,
                    }
                )
    return found


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and judge both of its translators."""
    if job["arm"] == "floors":
        found: dict[str, Any] = {"floors": judged.floors(job["task"], job["held_out"])}
        return found | ({"visible": judged.visible(4 * job["held_out"])} if job["task"] == "snow" else {})
    networks = translations.paired(job) if job["arm"] == "paired" else translations.cyclegan(job).networks
    found = judged.figures(networks, job["task"], job["held_out"])
    if job["seed"]:
        del found["strip"]  # figures show the first seed
    return found


STUDY = Study(
    f"CycleGAN with each of its parts switched off once, {' and '.join(TASKS)}, {len(SEEDS)} seeds, "
    "judged on true pairs, beside the same generators trained on pairs",
    jobs,
    run,
)
