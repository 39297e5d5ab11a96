"""How long a notebook will probably take where nobody has measured it: estimates, and always called so.

They start from what was measured on a processor: the minutes of smoke and laptop, and a straight line through them over
the images that a profile trains on. Another device is faster or slower by the ratio of its training speed to that
processor's; a graphics card is timed for two seconds, here and now.
"""

from __future__ import annotations

import time
from functools import cache
from statistics import median
from typing import Any

import torch

from gancourse.course.studies.runner import results
from gancourse.data.images import Images
from gancourse.models.catalogue import networks
from gancourse.training.trainer import Config, Trainer

REFERENCE = "cpu-bf16"  # the class of device that all lessons were measured on
CORES = 2  # of that machine
CHURCHES = "04_dcgan_lsun128"
MODEL = {  # what a lesson mostly trains; the others train little, or nothing
    "00_start_here": "dcgan",
    "02_mlp_gan_mnist": "mlp",
    "03_dcgan_mnist": "dcgan",
    CHURCHES: "dcgan128",
    "05_evaluation": "mlp",
}
BENCH = {REFERENCE: ("cpu", "bfloat16"), "cpu": ("cpu (AVX2 only)", "float32")}  # their rows in bench.json

Table = dict[str, dict[str, dict[str, float]]]  # lesson -> class of device -> profile -> minutes


def minutes(
    lesson: str, device_class: str, measured: Table, lengths: dict[str, tuple[int, int]], width: dict[str, int]
) -> dict[str, float]:
    """Estimated minutes of a lesson's notebook on a class of device: profile -> minutes, of those not measured there.

    measured: as in profiles.measured_minutes(). lengths: profile -> (epochs, images). width: profile -> width of the
    churches' networks. Empty where there is nothing to start from.
    """
    here = measured.get(lesson, {}).get(device_class, {})
    known = here if {"smoke", "laptop"} <= here.keys() else measured.get(lesson, {}).get(REFERENCE, {})
    if not {"smoke", "laptop"} <= known.keys():
        return {}
    slower = 1.0
    if known is not here and lesson in MODEL:
        speed, theirs = speed_of(MODEL[lesson], device_class), speed_of(MODEL[lesson], REFERENCE)
        if not speed or not theirs:
            return {}
        slower = theirs / speed
    work = {profile: float(epochs * max(1, images)) for profile, (epochs, images) in lengths.items()}
    if lesson == CHURCHES:
        rate = {row["width"]: row["cpu_seconds_per_image"] for row in results("church_speed")["rows"]}
        work["paper"] *= rate[width["paper"]] / rate[width["laptop"]]
        slope = rate[width["laptop"]] / CORES / 60  # minutes an image, measured on one core
        if known is here and device_class != REFERENCE:
            slope *= (speed_of("dcgan128", REFERENCE) or 1.0) / (speed_of("dcgan128", device_class) or 1.0)
    else:
        slope = (known["laptop"] - known["smoke"]) / max(1.0, work["laptop"] - work["smoke"])
    line = {p: known.get(p, known["laptop"] + slope * (work[p] - work["laptop"])) for p in lengths}
    fixed = min(known["smoke"], known["laptop"])
    return {p: fixed + slower * max(0.0, line[p] - fixed) for p in lengths if p not in here}


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
def timed(model: str, device: str, seconds: float = 2.0) -> float | None:
    """Images a second that this device trains `model` with, on made-up images; None where that fails.

    It takes about `seconds`, and some more for the first steps. No random state outside it changes.
    """
    batch = 32 if model == "dcgan128" else 128  # P4's batch of 128 does not fit every card
    shape = (3, 128, 128) if model == "dcgan128" else (1, 28, 28)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device == "cuda" else []):
        torch.manual_seed(0)
        images = Images(torch.randint(0, 256, (8 * batch, *shape), dtype=torch.uint8), name="made up")
        try:
            trainer = Trainer(*networks(model), images, Config(model, 10_000, batch), device=device)
            epochs = trainer.epochs()
            next(epochs)  # the first one also chooses kernels
            start = time.perf_counter()
            speeds: list[float] = []
            while not speeds or time.perf_counter() - start < seconds:
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
