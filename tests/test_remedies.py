"""Every remedy that an error message writes as an expression is applied here, and works.

A row: what a user gave, what was called with it, and the expression that the message must recommend. The expression is
evaluated with the value under the message's own name for it, and the same call must then succeed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gancourse
from gancourse import data, evaluation, latent, models
from gancourse.data import Images
from gancourse.plots import grids
from gancourse.training.config import Config, pick_device
from gancourse.training.critic import CriticRecipe
from gancourse.training.recipe import Recipe

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for the covariance")
ROOT = Path(__file__).resolve().parents[1]
RNG = torch.Generator().manual_seed(0)


def random(*shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    x = torch.rand(*shape, generator=RNG) * (high - low) + low
    x.view(-1)[:2] = torch.tensor([low, high])  # both ends are reached
    return x


def scored(x: Any) -> object:
    return evaluation.classifier_fid(x, allow_few=True) if len(x) > 1 else list(evaluation.image_batches.batches(x))


def read(x: Any) -> object:
    return list(evaluation.image_batches.batches(x))


def network() -> Any:
    torch.manual_seed(0)
    return models.networks("mlp")[0]


NAN = random(6, 1, 28, 28, low=-1.0)
NAN[2] = float("nan")
GREY = torch.zeros(4, 28, 28, dtype=torch.uint8)
TABLE: list[tuple[str, Any, Callable[[Any], object], str]] = [
    # scores
    ("floats in 0..1", random(80, 1, 28, 28), scored, "2 * x - 1"),
    ("floats in 0..255", random(80, 1, 28, 28, high=255.0), scored, "x / 127.5 - 1"),
    ("floats in 0..65535", random(6, 1, 28, 28, high=65535.0), read, "2 * (x - x.min()) / (x.max() - x.min()) - 1"),
    (
        "floats in -128..127",
        random(6, 1, 9, 9, low=-128, high=127),
        read,
        "2 * (x - x.min()) / (x.max() - x.min()) - 1",
    ),
    ("floats a little outside", random(6, 1, 9, 9, low=-1.2, high=1.1), read, "x.clamp(-1, 1)"),
    ("NaN", NAN, read, "x[x.isfinite().flatten(1).all(1)]"),
    ("uint8", data.mnist("test").pixels[:80], scored, "data.scale(x)"),
    ("one image", random(1, 28, 28, low=-1.0), read, "x[None]"),
    ("one picture", random(28, 28, 3, low=-1.0), read, "x.permute(2, 0, 1)[None]"),
    ("one grey image", random(28, 28, low=-1.0), read, "x[None, None]"),
    ("modes of one digit", random(6, 1, 28, 28, low=-1.0), evaluation.modes.count_modes, "data.stacked_mnist(n)"),
    ("no channel axis", random(6, 28, 28, low=-1.0), read, "x.unsqueeze(1)"),
    # images
    ("an array", np.zeros((4, 1, 8, 8), np.uint8), Images, "torch.as_tensor(pixels)"),
    (
        "a list",
        torch.zeros(4, 1, 8, 8, dtype=torch.uint8).numpy().tolist(),
        Images,
        "torch.as_tensor(pixels).to(torch.uint8)",
    ),
    ("floats in -1..1", random(4, 1, 8, 8, low=-1.0), Images, "gancourse.data.unscale(pixels)"),
    ("fractions", random(4, 1, 8, 8), Images, "(255 * pixels).round().to(torch.uint8)"),
    (
        "float pixels",
        random(4, 1, 8, 8, high=255.0),
        Images,
        "pixels.nan_to_num().clamp(0, 255).round().to(torch.uint8)",
    ),
    ("int64", torch.full((4, 1, 8, 8), 9), Images, "pixels.to(torch.uint8)"),
    ("int64 far out", torch.full((4, 1, 8, 8), 999), Images, "pixels.clamp(0, 255).to(torch.uint8)"),
    ("bool", torch.ones(4, 1, 8, 8, dtype=torch.bool), Images, "pixels.to(torch.uint8) * 255"),
    ("grey", GREY, Images, "pixels.unsqueeze(1)"),
    ("channels last", torch.zeros(4, 8, 8, 3, dtype=torch.uint8), Images, "pixels.permute(0, 3, 1, 2)"),
    ("RGBA", torch.zeros(4, 4, 8, 8, dtype=torch.uint8), Images, "pixels[:, :3]"),
    ("RGBA last", torch.zeros(4, 8, 8, 4, dtype=torch.uint8), Images, "pixels.permute(0, 3, 1, 2)[:, :3]"),
    ("one image of uint8", torch.zeros(3, 8, 8, dtype=torch.uint8), Images, "pixels[None]"),
    # networks
    ("z of another size", torch.randn(6, 64), network(), "torch.randn(B, 100)"),
    # pictures
    ("grid, one image", np.zeros((1, 8, 8)), grids.to_uint8, "images[None]"),
    ("grid, no channel", np.zeros((6, 8, 8)), grids.to_uint8, "images[:, None]"),
    ("grid, channels last", np.zeros((6, 8, 8, 3)), grids.to_uint8, "np.moveaxis(images, 3, 1)"),
    ("grid, 0..255", random(6, 1, 8, 8, high=255.0), grids.to_uint8, "images / 127.5 - 1"),
    ("grid, outside", random(6, 1, 8, 8, low=-2.0), grids.to_uint8, "images.clip(-1, 1)"),
    # latent space
    (
        "inversion, other size",
        random(2, 1, 32, 30, low=-1.0),
        lambda x: latent.invert(network(), x, 1, 1),
        "torch.nn.functional.interpolate(x, (28, 28), mode='area')",
    ),
    (
        "inversion, colours",
        random(2, 3, 28, 28, low=-1.0),
        lambda x: latent.invert(network(), x, 1, 1),
        "x.mean(1, keepdim=True)",
    ),
    # settings
    ("betas", 0.5, lambda v: Config(betas=v), "(0.5, 0.999)"),
    ("lr", -1.0, lambda v: Config(lr=v), "2e-4"),
    ("real_target", 2.0, lambda v: Recipe(real_target=v), "0.9"),
    ("r1_share", 2.0, lambda v: Recipe(r1_share=v), "0.25"),
    ("penalty_share", 0.0, lambda v: CriticRecipe(penalty_share=v), "0.25"),
    ("device", "gpu", pick_device, '"cpu"'),
    ("precision", "half", lambda v: Config(precision=v), '"float32"'),
]


@pytest.mark.parametrize(("value", "call", "remedy"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_remedy_is_recommended_and_works(value, call, remedy):
    with pytest.raises(ValueError) as caught:
        call(value)
    assert remedy in str(caught.value)
    names = {"x": value, "pixels": value, "images": value, "B": 6, "n": 300, "torch": torch, "np": np, "data": data}
    call(eval(remedy, names | {"gancourse": gancourse}))


MARKS = re.compile(r"\bx\b *[/*.\[]|\* x\b|pixels[.\[]|images[.\[]|torch\.\w+\(|np\.\w+\(|data\.\w+\(")


def test_every_expression_in_a_message_is_in_the_table():
    """Texts of the package's errors that hold code: each piece of code is one that some row applies."""
    applied = " ".join(remedy for _, _, _, remedy in TABLE)
    missing = []
    for path in sorted((ROOT / "gancourse").rglob("*.py")):
        name = path.relative_to(ROOT / "gancourse").as_posix()
        if name.startswith(("exercises/", "publishing/")):  # the exercises' messages have tests
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and node.exc):
                continue
            texts = [n.value for n in ast.walk(node.exc) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            for code in MARKS.findall("\n".join(texts)):
                if code.strip() not in applied:
                    missing.append(f"{name}:{node.lineno}: {code}")
    assert not missing, "give each a row in TABLE"
