"""SRGAN with its parts exchanged one at a time (Ledig et al. 2017): content, judge, pretraining, ICNR, shrinking.

Churches of 64 pixels, enlarged to 256; and of 32, for the question whether windows are the true ones: there the small
picture no longer says their shape. Each seed's SRGANs begin with its own SRResNet, and are trained equally long.
Bicubic enlargement and the true pictures are the two ends.
"""

from __future__ import annotations

from typing import Any

from gancourse.course.studies.lesson10 import enlarging, judged
from gancourse.course.studies.runner import Job, Study

SEEDS = (0, 1, 2)
EPOCHS = (15, 6)  # of SRResNet, and of what follows it; 100 steps each
ALONE = 10  # epochs of an SRGAN without SRResNet: they take as long as both
# Trained on pixels alone: name -> (options of the network, how pictures were made smaller)
RESNETS: dict[str, tuple[dict[str, Any], str]] = {
    "srresnet": ({}, "area"),  # ours: without BatchNorm, added to the bicubic enlargement
    "batchnorm": ({"norm": "batch"}, "area"),
    "as-printed": ({"norm": "batch", "residual": 0}, "area"),
    "no-icnr": ({"icnr": 0}, "area"),
    "jpeg": ({}, "jpeg"),
}
# Begun with "srresnet" of the same seed: name -> recipe
GANS: dict[str, dict[str, Any]] = {
    "srgan": {"content": "features"},
    "srgan-both": {"content": "features", "pixels": 1.0},
    "gan-pixels": {"content": "pixels"},
    "gan-random": {"content": "random"},
    "no-judge": {"content": "features", "adversarial": 0.0},
}
FROM_SCRATCH = "no-pretraining"  # SRGAN's recipe, from the start
OTHERS = ("srresnet", "srgan", "jpeg")  # shown pictures that were made smaller in other ways
EIGHT = ("srresnet", "srgan")  # trained to enlarge eight times, too


def jobs(quick: bool) -> list[Job]:
    """SRResNets first, since the others begin with them; then seed by seed."""
    seeds = SEEDS[: 1 if quick else None]
    found = [_resnet("srresnet", seed, quick, times) for times in (4, 8) for seed in seeds]
    for seed in seeds:
        found += [_gan(arm, seed, quick) for arm in GANS]
        found.append(_gan("srgan", seed, quick, 8))
        found += [_resnet(arm, seed, quick) for arm in RESNETS if arm != "srresnet"]
        found.append(_gan(FROM_SCRATCH, seed, quick))
    return [*found, *(_job("ends", 0, quick, times) for times in (4, 8))]


def _job(arm: str, seed: int, quick: bool, times: int, **more: Any) -> Job:
    options = {"norm": "none", "residual": 1, "scale": times} | ({"width": 8, "blocks": 1} if quick else {})
    return {
        "key": f"srgan-{arm}-x{times}-{seed}" + "-quick" * quick,
        "arm": arm,
        "times": times,
        "seed": seed,
        "images": 16 if quick else 1600,
        "batch": 8 if quick else 16,
        "how": "area",
        "start": None,
        "others": arm in OTHERS and times == enlarging.TIMES,
        "held_out": 80 if quick else enlarging.N_HELD_OUT,
        **more,
        "options": options | more.get("options", {}),
    }


def _resnet(arm: str, seed: int, quick: bool, times: int = enlarging.TIMES) -> Job:
    options, how = RESNETS[arm]
    more = {"recipe": enlarging.PIXELS, "epochs": 1 if quick else EPOCHS[0], "lr": 1e-3}
    return _job(arm, seed, quick, times, options=options, how=how, **more)


def _gan(arm: str, seed: int, quick: bool, times: int = enlarging.TIMES) -> Job:
    start = None if arm == FROM_SCRATCH else _resnet("srresnet", seed, quick, times)
    epochs = EPOCHS[1] if start else ALONE
    recipe = GANS.get(arm, GANS["srgan"])
    return _job(arm, seed, quick, times, start=start, recipe=recipe, epochs=1 if quick else epochs, lr=2e-4)


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and judge its enlargements of churches that nothing was trained on."""
    if job["arm"] == "ends":
        return judged.ends(job["held_out"], job["times"])
    return judged.figures(enlarging.generator_of(job), job)


STUDY = Study(
    f"SRGAN with its parts exchanged one at a time, churches of 64 pixels enlarged to 256, {len(SEEDS)} seeds: "
    "distances, textures, and whether the windows that it paints are the true ones",
    jobs,
    run,
)
