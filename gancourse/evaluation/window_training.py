"""How the reader of windows is made, and how it is measured: on renders, on enlargements, and beside twins.

A twin is the same network, trained and tested on windows that were shrunk and enlarged again: what it reads is what the
small picture still tells, and bounds from below what any network that enlarges can know.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gancourse.data.churches.windows import LEAST, PATCH, SHAPES, Windows, in_every_shape, patches
from gancourse.data.images import Images, scale
from gancourse.evaluation import judge_training
from gancourse.evaluation.window_reader import WindowReader, confusion, hallucination, probabilities
from gancourse.training.provenance import commit

TRAINED_ON, TESTED_ON = 5, 6  # seeds of churches
SIZE = 256  # pixels of a picture
SCALES = (1, 4, 8)  # 1: the render itself
_MARGIN = 4  # pixels around a patch for training, which move it about
_BATCH = 100


class Patches(NamedTuple):
    """M windows in all three shapes. pixels: scale -> (3 M, 3, 32, 32) uint8; labels: (3 M,) positions in SHAPES."""

    pixels: dict[int, Tensor]
    labels: Tensor


def shrunk(x: Tensor, factor: int) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], shrunk by means over blocks, kept in 8 bits, and enlarged again bicubically."""
    if factor == 1:
        return x
    small = _bytes(functional.avg_pool2d(x, factor))
    return functional.interpolate(scale(small), scale_factor=factor, mode="bicubic", align_corners=False).clamp(-1, 1)


def _bytes(x: Tensor) -> Tensor:
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def collected(churches: int, seed: int, least: int = LEAST) -> Patches:
    """The windows of so many churches of a seed, in every shape and at every scale of SCALES."""
    pixels: dict[int, list[Tensor]] = {factor: [] for factor in SCALES}
    labels = []
    for pictures, centre in in_every_shape(churches, SIZE, seed, least):
        shape = torch.arange(len(SHAPES)).repeat_interleave(len(centre))
        windows = Windows(shape, centre.repeat(len(SHAPES), 1), shape)
        x = scale(pictures)
        for factor in SCALES:
            pixels[factor].append(_bytes(patches(shrunk(x, factor), windows, PATCH + 2 * _MARGIN)))
        labels.append(shape)
    return Patches({factor: torch.cat(parts) for factor, parts in pixels.items()}, torch.cat(labels))


def moved(x: Tensor, rng: torch.Generator) -> Tensor:
    """Patches (B, 3, 32, 32) for training: (B, 3, 24, 24), moved by up to 2 pixels, half of them mirrored, some noise.

    Every fourth is blurred, with a bell of one width for all, up to 1.5 pixels.
    """
    row, column = torch.randint(_MARGIN - 2, _MARGIN + 3, (2,), generator=rng).tolist()
    x = x[:, :, row : row + PATCH, column : column + PATCH].clone()
    width = 0.3 + 1.2 * torch.rand((), generator=rng)
    bell = torch.exp(-((torch.arange(-4, 5) / width) ** 2) / 2)
    kernel = (bell[:, None] * bell[None, :] / bell.sum() ** 2).expand(3, 1, 9, 9)
    x[::4] = functional.conv2d(functional.pad(x[::4], (4,) * 4, mode="replicate"), kernel, groups=3)
    mirrored = torch.rand(len(x), 1, 1, 1, generator=rng) < 0.5
    x = torch.where(mirrored, x.flip(3), x)
    strength = 0.06 * torch.rand(len(x), 1, 1, 1, generator=rng)
    return (x + strength * torch.randn(x.shape, generator=rng)).clamp(-1, 1)


def trained(pixels: Tensor, labels: Tensor, epochs: int, seed: int) -> WindowReader:
    """A WindowReader in eval mode, trained on patches (M, 3, 32, 32) uint8 whose shapes are `labels` (M,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WindowReader().to(memory_format=torch.channels_last)
        images = Images(pixels, name="windows")
        rng = torch.Generator().manual_seed(seed)

        def loss(logits: Tensor, index: Tensor) -> Tensor:
            return functional.cross_entropy(logits.float(), labels[index])

        judge_training.fit(model, images, loss, epochs, min(_BATCH, len(images)), rng, moved)
    return model.eval()


def scores(model: WindowReader, seen: Tensor, labels: Tensor) -> dict[str, float]:
    """How often a reader is right on patches (M, 3, 32, 32) uint8, over all, shape by shape, and where it is sure.

    arched or square: right about which of the two. round or pointed: of the arched windows read as arched ones, those
    read rightly. sure, wrong where sure: as `hallucination` counts them; the latter is absent where none is sure.
    """
    inner = slice(_MARGIN, _MARGIN + PATCH)
    probability = probabilities(scale(seen[:, :, inner, inner]), model)
    table = confusion(labels, probability.argmax(1)).double()
    arched = table[:2, :2]
    found = hallucination(labels, probability)
    score = {"all": table.diagonal().sum() / table.sum()}
    score |= dict(zip(SHAPES, table.diagonal() / table.sum(1), strict=True))
    score["arched or square"] = (arched.sum() + table[2, 2]) / table.sum()
    score["round or pointed"] = arched.diagonal().sum() / arched.sum()
    score["sure"] = torch.tensor(found.share_sure)
    if found.sure:
        score["wrong where sure"] = torch.tensor(found.rate)
    return {name: round(float(share), 4) for name, share in score.items()}


def train_window_reader(
    out: str | Path, churches: int = 1200, test: int = 400, epochs: int = 12, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Train a WindowReader and its twins, test them on other churches, write the reader to `out`, and its card.

    The reader learns from renders and from as many windows that were shrunk by 4 and enlarged again; some of both are
    blurred further. Training windows may differ in 2 pixels only, test windows differ in LEAST. AdamW, one cycle of
    the learning rate, the last weights: the test windows choose nothing. Returns `scores` of the rounded weights on
    renders ("1"), on enlargements by 4 and 8, and those of the twins of either. Raises ValueError for an `out` that
    is no .safetensors file.
    """
    out, at, started = Path(out), commit(), time.perf_counter()
    judge_training.refuse_name(out)
    known, unseen = collected(churches, TRAINED_ON, 2), collected(test, TESTED_ON)
    both = torch.cat([known.pixels[1], known.pixels[4]])
    model = trained(both, known.labels.repeat(2), epochs, seed)
    raw = judge_training.rounded(model)
    score = {f"reader, scale {factor}": scores(model, unseen.pixels[factor], unseen.labels) for factor in SCALES}
    for factor in SCALES[1:]:
        twin = trained(known.pixels[factor], known.labels, epochs, seed)
        score[f"twin, scale {factor}"] = scores(twin, unseen.pixels[factor], unseen.labels)
    about = {
        "what": "gancourse.evaluation.window_reader.WindowReader, float16 weights",
        "parameters": sum(p.numel() for p in model.parameters()),
        "command": "python -m gancourse train-window-reader "
        f"--out {out.name} --churches {churches} --epochs {epochs} --seed {seed}",
        "commit": at,
        "windows": {"trained on": len(known.labels), "tested on": len(unseen.labels), "churches tested": test},
        "scores": score,
    }
    data = tuple(
        Images(part.pixels[1], name=f"windows-{SIZE}px-seed{number}")
        for part, number in ((known, TRAINED_ON), (unseen, TESTED_ON))
    )
    judge_training.write(out, raw, about, data, started)
    return score
