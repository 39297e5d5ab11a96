"""Pix2Pix's own ablation (Isola et al. 2017, table 1), on label maps of churches: which term does what?

The paper scores with a segmenter of photographs and has no truth to compare with but one photograph. Here the renderer
knows the map, the stone and the roof. Two kinds of maps: plain ones leave the stone open, coded ones say it.
"""

from __future__ import annotations

from typing import Any

from gancourse.course.studies import translations
from gancourse.course.studies.lesson08 import judged
from gancourse.course.studies.runner import Job, Study

ARMS: dict[str, dict[str, Any]] = {  # rows of the paper's table
    "l1": {"adversarial": 0.0},
    "cgan": {"l1": 0.0},
    "l1-gan": {"conditional": False},
    "l1-cgan": {},
}
CODED = ("l1", "l1-cgan")
SEEDS = (0, 1, 2)


def jobs(quick: bool) -> list[Job]:
    """Seed by seed, so that a study that was stopped has whole tables; "ceiling" is the true churches, read alike."""
    found = []
    for seed in SEEDS[: 1 if quick else None]:
        for code in (False, True):
            for arm in CODED if code else (*ARMS, *["ceiling"] * (seed == 0)):
                found.append(
                    {
                        "key": f"pix2pix-{arm}-{'coded' if code else 'plain'}-{seed}" + "-quick" * quick,
                        "arm": arm,
                        "code": code,
                        "seed": seed,
                        "recipe": ARMS.get(arm, {}),
                        "pairs": 16 if quick else 2000,
                        "epochs": 1 if quick else 5,
                        "batch": 4,
                        "width": 4 if quick else 16,
                        "held_out": 24 if quick else translations.N_HELD_OUT,
                    }
                )
    return found


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and judge what it paints of held-out maps, in every mode that one could paint in."""
    if job["arm"] == "ceiling":
        return {"ceiling": judged.ceiling(job["held_out"])}
    trainer = translations.pix2pix(job)
    found = judged.figures(trainer.networks["G"], job["held_out"], job["code"])
    if job["seed"]:
        del found["strip"]  # figures show the first seed
    return found


STUDY = Study(
    f"Pix2Pix's ablation on maps of churches: {len(ARMS)} losses, maps that leave the stone open or say it, "
    f"{len(SEEDS)} seeds, judged by the truth",
    jobs,
    run,
)
