"""The check of lesson 12's two controls of a larger batch: at equal images, and at equal steps."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import judge_formula, numbers

_CASES = ((60_000, 32, 256, 2), (9_216_000, 256, 2048, 2), (480_000, 64, 16, 1), (21_000, 10, 30, 5))


def check_controls(call: StudentFunction) -> str:
    """The check of `lesson12.controls`: controls(steps, batch, other, k) -> (images, steps, images)."""
    answers: dict[tuple[int, ...], Tensor] = {}
    for case in _CASES:
        value = numbers(call(*case))
        if value.shape != (3,):
            raise Wrong(f"It returned numbers of shape {tuple(value.shape)}: three are expected.")
        answers[case] = value
    for place, (name, right, slips) in enumerate(_PARTS):
        points = [f"steps = {n:,}, batch = {b}, other = {o} and k = {k}, as {name}," for n, b, o, k in _CASES]
        told = [(slip, f"{name[0].upper()}{name[1:]}: {message}") for slip, message in slips]
        judge_formula(lambda *case, place=place: answers[case][place], _CASES, right, told, points)  # type: ignore[arg-type]
    return (
        "At equal images the larger batch has fewer steps, at equal steps it has seen more: whoever reports only the "
        "second cannot tell a better gradient from more data. A batch size that wins both ways has won."
    )


_Formula = Callable[..., float]
_SEEN = "D sees `batch` real images in each of its k steps"
_PARTS: tuple[tuple[str, _Formula, list[tuple[_Formula, str]]], ...] = (
    (
        "the images of the first run",
        lambda n, b, o, k: n * b * k,
        [
            (lambda n, b, o, k: n * b, f"k is missing: {_SEEN}, and G's step is one."),
            (lambda n, b, o, k: n * b * (k + 1), f"G's own step shows no real image: {_SEEN}."),
            (lambda n, b, o, k: n * b / k, f"you divide by k: {_SEEN}."),
            (lambda n, b, o, k: n * o * k, "that is with the other batch size."),
            (lambda n, b, o, k: n, "these are its steps: each shows k batches."),
            (lambda n, b, o, k: 2 * n * b * k, "real images are counted, not fakes."),
        ],
    ),
    (
        "the steps at equal images",
        lambda n, b, o, k: n * b / o,
        [
            (lambda n, b, o, k: n, "these are as many steps as before: then it sees other / batch times the images."),
            (lambda n, b, o, k: n * o / b, "the fraction is turned round: a larger batch takes fewer steps."),
            (lambda n, b, o, k: n * b * k / o, "k counts twice: both runs have k steps of D in one of G's."),
            (lambda n, b, o, k: n * b / o / k, "k is in it: both runs have the same k, so it cancels."),
            (lambda n, b, o, k: n / o, "the first run's batch is missing: images / (other k)."),
            (lambda n, b, o, k: n * b * k, "these are images: divide them by those of one step, other k."),
        ],
    ),
    (
        "the images at equal steps",
        lambda n, b, o, k: n * o * k,
        [
            (lambda n, b, o, k: n * o, f"k is missing: {_SEEN}."),
            (
                lambda n, b, o, k: n * b * k,
                "these are as many images as before: each batch has `other` of them.",
            ),
            (lambda n, b, o, k: n * o * (k + 1), f"G's own step shows no real image: {_SEEN}."),
            (lambda n, b, o, k: n * o / b, "that is a number of steps."),
            (lambda n, b, o, k: n * b / o * o * k, "that is at equal images again: the steps are the first run's."),
            (lambda n, b, o, k: n * b * k * b / o, "the fraction is turned round: a larger batch sees more."),
        ],
    ),
)
