"""What the course's ideas are for the table of `bought`: which weights or which study show each, and its modules."""

from __future__ import annotations

import ast
import io
import token
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from gancourse.models.catalogue import enlargers, networks, translators
from gancourse.models.conditional import ConditionalGenerator

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """Where a study shows an idea that no shipped weights show.

    study: its name. where: what the rows of the idea's arm have in common, over all seeds. figures: what the table
    calls a figure -> where it stands in a row. made: a row -> its generator, for its parameters; None where the study
    trained several.
    measure: where the figure is not one of the generators' own, its name, and `beside` and `control`: another arm of
    the same study with the figure that it has.
    """

    study: str
    where: Row
    figures: Mapping[str, tuple[str, ...]]
    made: Callable[[Row], nn.Module] | None = None
    measure: str = ""
    beside: str = ""
    control: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Idea:
    """A row of the table. lesson: where the course has it. modules: of the package, those that it is written in.

    model: the networks by whose name its shipped weights are found; "" where a study shows it.
    """

    lesson: int
    name: str
    modules: tuple[str, ...]
    model: str = ""
    shown: Shown | None = None


_SCORES = {
    "distance": ("classifier_fid",),
    "precision": ("precision",),
    "recall": ("recall",),
    "coverage": ("coverage",),
    "digits": ("classes",),
}
_CRITIC = ("models.critics", "training.critic", "training.critic_step", "training.algorithms.wasserstein")
_STYLE = ("models.style_discriminator", "models.equalised", "training.style", "training.algorithms.stylegan")


def _critic(row: Row) -> nn.Module:
    return networks("critic", width=row["width"])[0]


IDEAS = (
    Idea(2, "P1's MLP", ("models.mlp", "training.step", "training.losses"), "mlp"),
    Idea(2, "P2's MLP, mended", ("models.mlp", "training.penalties"), "schulz"),
    Idea(3, "P1's DCGAN", ("models.dcgan",), "dcgan"),
    Idea(3, "residual generator", ("models.residual",), "residual"),
    Idea(4, "P4's DCGAN", ("models.dcgan", "training.augment"), "dcgan128"),
    Idea(5, "DCGAN, best recipe", ("models.clusters", "training.recipe"), "dcgan-clusters"),
    Idea(
        7,
        "WGAN-GP",
        (*_CRITIC, "training.penalties"),
        shown=Shown("critics", {"arm": "WGAN-GP"}, _SCORES, _critic),
    ),
    Idea(
        7,
        "spectral norm, hinge",
        (*_CRITIC, "models.spectral", "training.pair_losses"),
        shown=Shown("critics", {"arm": "SN, hinge"}, _SCORES, _critic),
    ),
    Idea(7, "R3GAN's loss", (*_CRITIC, "training.pair_losses", "training.penalties"), "critic"),
    Idea(
        8,
        "a class, told",
        ("models.conditional", "training.algorithms.conditional"),
        shown=Shown(
            "conditional",
            {"arm": "told"},
            {"value": ("obedience",)},
            lambda row: ConditionalGenerator(),
            "class told",
            "D not told",
            {"arm": "not-told"},
        ),
    ),
    Idea(
        8,
        "Pix2Pix",
        ("models.unet", "training.translation", "training.algorithms.pix2pix"),
        shown=Shown(
            "pix2pix",
            {"arm": "l1-cgan", "code": False},
            {"value": ("dropout", "distance")},
            lambda row: translators("pix2pix", row["width"])["G"],
            "distance",
            "L1 alone",
            {"arm": "l1", "code": False},
        ),
    ),
    Idea(
        9,
        "CycleGAN",
        ("models.cyclegan", "training.translation", "training.algorithms.cyclegan"),
        shown=Shown(
            "cyclegan",
            {"arm": "cyclegan", "task": "dusk"},
            {"value": ("ab", "l1")},
            lambda row: translators("cyclegan", row["width"])["G_ab"],
            "L1 error",
            "no cycle",
            {"arm": "no-cycle", "task": "dusk"},
        ),
    ),
    Idea(
        10,
        "SRGAN",
        ("models.srgan", "training.superresolution", "training.algorithms.srgan"),
        shown=Shown(
            "srgan",
            {"arm": "srgan", "times": 4},
            {"value": ("hallucinated",)},
            lambda row: enlargers(**row["options"])["G"],
            "windows wrong",
            "SRResNet",
            {"arm": "srresnet", "times": 4},
        ),
    ),
    Idea(11, "StyleGAN", ("models.stylegan", *_STYLE), "stylegan"),
    Idea(12, "P4's DCGAN, grown", ("models.dcgan", "models.growing", *_STYLE), "dcgan128-grown"),
    Idea(12, "P4's DCGAN, told", ("models.dcgan", "models.factors"), "dcgan128-factors"),
    Idea(
        12,
        "BigGAN",
        ("models.biggan", "models.spectral", "training.biggan", "training.algorithms.biggan"),
        shown=Shown(
            "biggan",
            {"arm": "base", "data": "digits"},
            {"value": ("obedience",)},
            lambda row: networks("biggan", **row["options"])[0],
            "class told",
            "real",
            {"arm": "real", "data": "digits"},
        ),
    ),
    Idea(
        12,
        "Projected GAN",
        ("models.projected", "models.features", "models.feature_weights", "models.efficientnet"),
        shown=Shown(
            "projected",
            {"arm": "projected"},
            {"value": ("curve", "reader")},
            lambda row: networks("dcgan64", width=row["width"])[0],
            "distance",
            "DCGAN",
            {"arm": "dcgan"},
        ),
    ),
)


def lines_of(modules: tuple[str, ...]) -> int:
    """Lines of code of modules of this package, "models.dcgan": see `code_lines`. Raises ImportError for no module."""
    return sum(code_lines(_path(module).read_text(encoding="utf-8")) for module in modules)


def _path(module: str) -> Path:
    spec = find_spec(f"gancourse.{module}")
    if spec is None or spec.origin is None:
        raise ImportError(f"gancourse.{module} does not exist; name it in ideas.IDEAS as it is called now.")
    return Path(spec.origin)


def code_lines(source: str) -> int:
    """How many lines of a Python source hold code: blank lines, comments and docstrings do not count."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [
        (node.body[0].lineno, node.body[0].end_lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
    ]
    nothing = {token.NEWLINE, token.NL, token.COMMENT, token.INDENT, token.DEDENT, token.ENCODING, token.ENDMARKER}
    lines: set[int] = set()
    for part in tokenize.generate_tokens(io.StringIO(source).readline):
        inside = any(first <= part.start[0] and part.end[0] <= (last or first) for first, last in texts)
        if part.type not in nothing and not (part.type == token.STRING and inside):
            lines.update(range(part.start[0], part.end[0] + 1))
    return len(lines)
