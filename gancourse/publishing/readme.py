"""The README's tables, each made from committed results and written between two marks of its name.

    python -m gancourse readme README.md

makes those of TABLES anew; tests check that the README has what the results give. The table of speeds is written by
`make bench`, which measures it.
"""

from __future__ import annotations

from collections.abc import Callable

from gancourse.course import claims, profiles
from gancourse.course.studies import runner
from gancourse.course.studies.lesson02 import fast_path
from gancourse.course.studies.lesson05 import mnist_scores

#: lesson -> its title, and what it is about
COURSE = {
    "00_start_here": ("Start here", "what a GAN is, how the course works, your first digits"),
    "01_minimax_theory": (
        "Minimax theory",
        "the value function, the best discriminator, what the two generator losses do; a playground to break GANs in",
    ),
    "02_mlp_gan_mnist": ("MLP GAN on MNIST", "Algorithm 1 by hand, then through the package; a clinic of failures"),
    "03_dcgan_mnist": ("DCGAN on MNIST", "the same game between convolutional networks; which guidelines do the work"),
    "04_dcgan_lsun128": (
        "DCGAN at 128 pixels",
        "churches: what a selection hides, mode collapse counted exactly, blobs explained",
    ),
    "05_evaluation": (
        "Evaluation",
        "FID from two bell curves up, its floor, its bias, how to fool it; how good P1's generator can get",
    ),
    "06_latent_space": (
        "Latent space",
        "steering a trained generator: paths, directions, arithmetic, inversion; is it a copy?",
    ),
}
CLASSES = {"cpu-bf16": "with bf16 units", "cpu": "without", "cuda": "on a GPU"}


def course() -> str:
    """The course map in Markdown: lessons, and the measured minutes of the laptop profile on each class of machine."""
    minutes = profiles.measured_minutes()
    classes = [c for c in CLASSES if any("laptop" in minutes.get(lesson, {}).get(c, {}) for lesson in COURSE)]
    heads = ["minutes" if len(classes) == 1 else f"minutes, {CLASSES[c]}" for c in classes]
    lines = [
        "| notebook | what it is about | " + " | ".join(heads) + " |",
        "| --- | --- |" + " ---: |" * len(heads),
    ]
    for lesson, (title, about) in COURSE.items():
        cells = [f"{t:.1f}" if (t := _laptop(lesson, c)) else "" for c in classes]
        lines.append(f"| [{lesson[:2]} {title}](notebooks/{lesson}.ipynb) | {about} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _laptop(lesson: str, device_class: str) -> float | None:
    return profiles.measured_minutes().get(lesson, {}).get(device_class, {}).get("laptop")


def scores() -> str:
    """Every shipped generator of digits under every score, in Markdown."""
    return mnist_scores.markdown(runner.results("mnist_scores"))


def quality() -> str:
    """Whether training through the fast path ends as well as through the plain loop, in Markdown."""
    return fast_path.markdown(runner.results("fast_path"))


#: name -> what makes it
TABLES: dict[str, Callable[[], str]] = {
    "course": course,
    "scores": scores,
    "claims": claims.markdown,
    "quality": quality,
}


def marks(name: str) -> tuple[str, str]:
    """The two lines that a table stands between."""
    return f"<!-- {name}: written by python -m gancourse readme -->", f"<!-- end of {name} -->"


def with_tables(text: str) -> str:
    """A README's text with each of TABLES made anew. Raises ValueError as `between` does."""
    for name, make in TABLES.items():
        text = between(text, *marks(name), make())
    return text


def between(text: str, begin: str, end: str, body: str) -> str:
    """`text` with `body` on lines of its own between two marks; what stood there is gone.

    Raises ValueError where the text has not each mark once, in this order.
    """
    if [text.count(begin), text.count(end)] != [1, 1] or text.index(begin) > text.index(end):
        raise ValueError(f"the text needs {begin} and, after it, {end}, each once.")
    return f"{text[: text.index(begin)]}{begin}\n{body}\n{text[text.index(end) :]}"
