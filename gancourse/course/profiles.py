"""How long a run may be: smoke (seconds, for tests), laptop (minutes), paper (what the papers did).

A notebook asks `choose(lesson, profile)` and trains for `plan.epochs`. The minutes are measured ones, kept in
assets/results/minutes.json by `python -m gancourse course --record`; where there are none, they
are estimated.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from gancourse.course import colab, estimates
from gancourse.course.lessons import CHURCH_WIDTH as CHURCH_WIDTH
from gancourse.course.lessons import LESSONS, PROFILES
from gancourse.course.studies.runner import StudyError, results

_WITHOUT_CONVOLUTIONS = ("mlp", "schulz")  # what a lesson may mostly train
LONGEST_AUTO = 20.0  # minutes; "auto" takes nothing that was measured to be longer


@dataclass(frozen=True)
class Plan:
    """What a notebook does this time. `print(plan)` says it in two lines.

    epochs: how long to train; images: how many of the training set's images; device: "cpu", "cuda" or "mps";
    minutes: profile -> measured minutes of the whole notebook on this class of device (never measured: absent);
    estimates: profile -> estimated minutes, of those never measured here (see gancourse.course.estimates).
    busy: what was chosen because other processes compute, as a line of text; empty on a quiet machine.
    """

    lesson: str
    profile: str
    epochs: int
    images: int
    device: str
    minutes: dict[str, float]
    estimates: dict[str, float]
    reason: str
    busy: str = ""

    def __str__(self) -> str:
        lines = [f"profile {self.profile} on {self.device}: {self.reason}."]
        times = ", ".join(f"{name} {self.minutes[name]:.1f}" for name in PROFILES if name in self.minutes)
        lines.append(f"Measured minutes of this notebook on {device_class(self.device)}: {times or 'none yet'}.")
        guesses = [f"{name} {estimates.words(self.estimates[name])}" for name in PROFILES if name in self.estimates]
        if guesses:
            lines.append(f"Estimated, not measured: {', '.join(guesses)}.")
        if self.busy:
            lines.append(self.busy)
        if colab.here() and self.device == "cpu" and LESSONS[self.lesson].timed_as:
            lines.append(colab.NO_GPU)
        return "\n".join(lines)

    def folder(self, out: str | Path | None) -> Path | None:
        """The folder to keep this notebook's run in; None keeps it in memory, "drive" is a place in Google Drive.

        Raises ValueError for "drive" elsewhere than in Colab; see `gancourse.course.colab.run_folder`.
        """
        return colab.run_folder(out, f"{self.lesson}-{self.profile}")


def device_class(device: str | None = None) -> str:
    """The class of machine that minutes are kept for: "cuda", "mps", "cpu-bf16" or "cpu"."""
    from gancourse.models.fast import prefers_bfloat16
    from gancourse.training.config import pick_device

    found = pick_device(device or "auto")
    if found.type != "cpu":
        return found.type
    return "cpu-bf16" if prefers_bfloat16(found) else "cpu"


def choose(lesson: str, profile: str = "auto", seed: int = 0) -> Plan:
    """The plan of one notebook on this machine.

    profile: "smoke", "laptop", "paper", or "auto": the longest one whose measured minutes on this class of device are
        at most 20, and laptop where nothing was measured. The environment variable GANCOURSE_PROFILE goes before it.
    seed: what the notebook will give to its games; looked at here, before anything is computed.
    The first call of a process on a CPU also chooses the number of threads, where other processes compute and you have
    chosen none (see gancourse.training.threads).
    Raises ValueError for an unknown lesson or profile, and for a seed that is no whole number from 0 to 2**63 - 1.
    """
    if lesson not in LESSONS:
        raise ValueError(f"lesson is {lesson!r}, expected one of {', '.join(LESSONS)}.")
    from gancourse.seeds import check_seed
    from gancourse.training.config import pick_device

    check_seed(seed)

    device = pick_device("auto").type
    minutes = measured_minutes().get(lesson, {}).get(device_class(device), {})
    guesses = estimated_minutes(lesson, device_class(device))
    asked = os.environ.get("GANCOURSE_PROFILE") or profile
    reason = "set by GANCOURSE_PROFILE" if os.environ.get("GANCOURSE_PROFILE") else "asked for by name"
    if asked == "auto":
        asked, reason = _longest(minutes)
    if asked not in PROFILES:
        raise ValueError(f"profile is {asked!r}, expected auto, {', '.join(PROFILES)} (GANCOURSE_PROFILE goes first).")
    epochs, images = LESSONS[lesson].lengths[asked]
    busy = busy_line(LESSONS[lesson].timed_as not in (None, *_WITHOUT_CONVOLUTIONS)) if device == "cpu" else ""
    return Plan(lesson, asked, epochs, images, device, minutes, guesses, reason, busy)


def busy_line(convolutions: bool) -> str:
    """Choose the number of threads (see training.threads.choose) and say it in a line; empty where nothing differs.

    With it go the rates of networks like these that `make bench` measured, if it did on as many cores.
    """
    from gancourse.training import threads

    choice = threads.choose(convolutions)
    if not choice.differs:
        return ""
    model = "dcgan" if convolutions else "mlp"
    for row in _busy_rows():
        if (row["model"], row["cores"], row["threads"]) == (model, choice.cores, choice.threads):
            return (
                f"{choice} Measured by make bench beside one process, {model}: {row['after']:.0%} of the quiet rate "
                f"so, {row['before']:.0%} with {row['cores']} threads."
            )
    return str(choice)


def _busy_rows() -> list[dict[str, Any]]:
    try:
        return list(results("bench").get("busy", []))
    except StudyError:
        return []


def _longest(minutes: dict[str, float]) -> tuple[str, str]:
    fitting = [name for name in PROFILES if minutes.get(name, LONGEST_AUTO + 1) <= LONGEST_AUTO]
    if not fitting:
        return "laptop", "nothing longer was measured on this class of device"
    return fitting[-1], f"the longest one measured to take at most {LONGEST_AUTO:.0f} minutes"


@cache
def measured_minutes() -> dict[str, dict[str, dict[str, float]]]:
    """lesson -> class of device -> profile -> minutes, from assets/results/minutes.json; empty if there is none."""
    path = resources.files("gancourse").joinpath("assets/results/minutes.json")
    if not path.is_file():
        return {}
    lessons: dict[str, dict[str, dict[str, float]]] = json.loads(path.read_text(encoding="utf-8"))["lessons"]
    return lessons


def estimated_minutes(lesson: str, device_class: str) -> dict[str, float]:
    """profile -> minutes that a lesson's notebook will probably take on a class of device, where none were measured.

    On a device other than a CPU this trains for two seconds, the first time.
    """
    return estimates.minutes(LESSONS[lesson], device_class, measured_minutes().get(lesson, {}))


def environment() -> str:
    """Versions and device in a few lines: what to paste into a question."""
    import platform

    import torch

    import gancourse
    from gancourse.training.config import pick_device

    device = pick_device("auto")
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    return (
        f"gancourse {gancourse.__version__}, Python {platform.python_version()}, torch {torch.__version__}\n"
        f"device: {device.type} ({name}), class {device_class()}, {torch.get_num_threads()} threads"
    )
