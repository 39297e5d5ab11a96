"""What a transposed convolution costs, an exercise of two lessons: the formula, and the mistakes made in it."""

from __future__ import annotations

from gancourse.exercises.checking.engine import StudentFunction
from gancourse.exercises.checking.judging import judge_formula


def judge_transposed_cost(call: StudentFunction, cases: list[tuple[int, int, int, int]]) -> None:
    """Judge call(c_in, c_out, kernel, size), the multiplications for one image, on these cases.

    size: pixels along a side of the input. Each input pixel stamps the whole kernel once, for every pair of channels.
    """
    mistakes = [
        (lambda a, b, k, n: a * b * k * k, "These are the weights. How often is each of them used?"),
        (
            lambda a, b, k, n: a * b * k * k * (2 * n) ** 2,
            "You count the pixels of the output: each *input* pixel stamps one kernel, and that is all.",
        ),
        (lambda a, b, k, n: a * b * k * k * n, "The image is square: it has size * size pixels, not size."),
        (lambda a, b, k, n: a * b * k * n * n, "The kernel is square: k * k weights for each pair of channels."),
        (
            lambda a, b, k, n: 2 * a * b * k * k * n * n,
            "Count a multiplication together with its addition: they count as one here.",
        ),
        (lambda a, b, k, n: b * k * k * n * n, "Every output channel has a kernel for every input channel."),
    ]
    judge_formula(
        call,
        cases,
        lambda a, b, k, n: a * b * k * k * n * n,
        mistakes,
        [f"the layer {case}" for case in cases],
        exact=True,
    )
