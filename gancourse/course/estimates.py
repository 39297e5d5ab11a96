"""How long a notebook will probably take where nobody has measured it: estimates, and always called so.

They start from what was measured on a processor: the minutes of smoke and laptop, and a straight line through them over
the images that a profile trains on. Another device is faster or slower by the ratio of its training speed to that
processor's; a graphics card is timed for two seconds, here and now.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from statistics import median
from typing import Any

from gancourse.course.lessons import Lesson
from gancourse.course.studies.runner import results

REFERENCE = "cpu-bf16"  # the class of device that all lessons were measured on
CORES = 2  # of that machine
SECONDS = 2.0  # that another device is timed for
BENCH = {REFERENCE: ("cpu", "bfloat16"), "cpu": ("cpu (AVX2 only)", "float32")}  # their rows in bench.json


def minutes(lesson: Lesson, device_class: str, measured: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Estimated minutes of a lesson's notebook on a class of device: profile -> minutes, of those not measured there.

    measured: class of device -> profile -> minutes. Empty where there is nothing to start from.
    """
    here = measured.get(device_class, {})
    known = here if {"smoke", "laptop"} <= here.keys() else measured.get(REFERENCE, {})
    if not {"smoke", "laptop"} <= known.keys():
        return {}
    slower, model = 1.0, lesson.timed_as
    if known is not here and model:
        speed, theirs = speed_of(model, device_class), speed_of(model, REFERENCE)
        if not speed or not theirs:
            return {}
        slower = theirs / speed
    work = {profile: float(epochs * max(1, images)) for profile, (epochs, images) in lesson.lengths.items()}
    slope = (known["laptop"] - known["smoke"]) / max(1.0, work["laptop"] - work["smoke"])
    if lesson.seconds_per_image and model:  # its networks' size depends on the profile, and was measured
        seconds = lesson.seconds_per_image()
        work["paper"] *= seconds["paper"] / seconds["laptop"]
        slope = seconds["laptop"] / CORES / 60  # minutes an image, measured on one core
        if known is here and device_class != REFERENCE:
            slope *= (speed_of(model, REFERENCE) or 1.0) / (speed_of(model, device_class) or 1.0)
    line = {p: known.get(p, known["laptop"] + slope * (work[p] - work["laptop"])) for p in lesson.lengths}
    fixed = min(known["smoke"], known["laptop"])
    return {p: fixed + slower * max(0.0, line[p] - fixed) for p in lesson.lengths if p not in here}


def speed_of(model: str, device_class: str) -> float | None:
    """Images a second in training: from `make bench` for processors, timed here for other devices; None: unknown."""
    if device_class in BENCH:
        return _benched().get((model, *BENCH[device_class]))
    return timed(model, device_class)


@cache
def _benched() -> dict[tuple[str, str, str], float]:
    rows: list[dict[str, Any]] = results("bench")["rows"]
    return {(row["model"], row["device"], row["precision"]): row["ours"] for row in rows}


@cache
def timed(model: str, device: str) -> float | None:
    """Images a second that this device trains `model` with, on made-up images; None where that fails.

    It takes about two seconds, and some more for the first steps. No random state outside it changes.
    """
    import torch

    from gancourse.data.images import Images
    from gancourse.models.catalogue import networks
    from gancourse.training import Config, Minimax, Trainer

    batch = 32 if model == "dcgan128" else 128  # P4's batch of 128 does not fit every card
    shape = (3, 128, 128) if model == "dcgan128" else (1, 28, 28)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device == "cuda" else []):
        torch.manual_seed(0)
        images = Images(torch.randint(0, 256, (8 * batch, *shape), dtype=torch.uint8), name="made up")
        try:
            trainer = Trainer(Minimax(*networks(model)), images, Config(model, 10_000, batch), device=device)
            epochs = trainer.epochs()
            next(epochs)  # the first one also chooses kernels
            start = time.perf_counter()
            speeds: list[float] = []
            while not speeds or time.perf_counter() - start < SECONDS:
                speeds.append(next(epochs)["images_per_second"])
        except (RuntimeError, MemoryError):  # too little memory, or a device that cannot
            return None
    return median(speeds)


def words(minutes: float) -> str:
    """A length of time in the unit that suits it: "0.4 minutes", "13 minutes", "2.4 hours", "9.6 days"."""
    for limit, size, unit in ((90, 1, "minutes"), (48 * 60, 60, "hours"), (float("inf"), 24 * 60, "days")):
        if minutes < limit:
            number = minutes / size
            return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"
    raise ValueError(f"minutes is {minutes!r}, expected a finite number.")
