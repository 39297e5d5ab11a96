"""Which church is in the picture? A small network that reads the factors of procedural churches, and what follows.

The renderer knows the truth, so the reader's errors are known too: its card states, factor by factor, how often it is
right on churches that it never saw. With it a generator's samples can be counted: which plans, tops, hours and weathers
does it make, how often, and which has it dropped?

    python -m gancourse train-church-reader --out PATH

makes the reader that the package ships.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.images import Images, scale
from gancourse.evaluation import Extractor, WeightsError, feature_statistics, frechet_distance, judge_training
from gancourse.evaluation.features import weights_key
from gancourse.evaluation.image_batches import samples
from gancourse.evaluation.summary import divergence_from_uniform
from gancourse.files import card_of, read_at_most, read_verified
from gancourse.models.base import ShapeError
from gancourse.pretrained import restored, tensors_in
from gancourse.training.provenance import commit

SHIPPED = Path(__file__).parents[1] / "assets" / "weights" / "church-reader.safetensors.xz"
_SIZES = [len(values) for values in FACTORS.values()]
KINDS = ("plan", "stone", "time", "weather")  # factors that the reader knows well, 750 combinations
_MAX_FILE = 8 << 20
_BATCH = 250


class FactorReader(nn.Module):
    """Images (B, 3, 128, 128) in [-1, 1] -> for each factor of FACTORS logits (B, its number of values).

    Four strided convolutions over the image at half size, a layer of 96 `features`, and one linear answer. Images of
    64 pixels a side are taken as that half.
    """

    n_features = 96

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)]

        self.body = nn.Sequential(
            nn.AvgPool2d(2), *block(3, 24), *block(24, 48), *block(48, 96), *block(96, 96), nn.Flatten()
        )
        self.last = nn.Linear(96 * 16, self.n_features, bias=False)
        self.standardise = nn.BatchNorm1d(self.n_features, affine=False)
        self.head = nn.Linear(self.n_features, sum(_SIZES))

    def features(self, x: Tensor) -> Tensor:
        """Images (B, 3, 128, 128) in [-1, 1] -> (B, 96), standardised over training churches. Raises ShapeError."""
        if x.ndim != 4 or tuple(x.shape[1:]) not in ((3, 128, 128), (3, 64, 64)):
            raise ShapeError(
                f"images have shape {tuple(x.shape)}, expected churches, (B, 3, 128, 128) or (B, 3, 64, 64)."
            )
        f: Tensor = self.standardise(self.last(self.body(x) if x.shape[-1] == 128 else self.body[1:](x)))
        return f

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.answers(self.features(x))

    def answers(self, features: Tensor) -> dict[str, Tensor]:
        """The logits of every factor from `features` (B, 96)."""
        logits = self.head(functional.leaky_relu(features, 0.1))
        return dict(zip(FACTORS, logits.split(_SIZES, 1), strict=True))


def load_reader(path: Path = SHIPPED) -> FactorReader:
    """A reader in eval mode, without gradients, if its file is the one that the .json card beside it names.

    Raises WeightsError: a file that is missing, damaged or of another kind. Nothing is unpickled.
    """
    again = "Install gancourse again, or make one: python -m gancourse train-church-reader --out PATH"
    try:
        card = json.loads(read_at_most(card_of(path), 1 << 20))
        model = FactorReader()
        model.load_state_dict(restored(tensors_in(read_verified(path, card["sha256"], _MAX_FILE))))
    except Exception as error:  # whatever a foreign file makes json, safetensors or torch raise
        raise WeightsError(f"{path} holds no reader of churches: {str(error)[:200]}. {again}") from error
    return model.eval().requires_grad_(False)


@cache
def reader() -> FactorReader:
    """The reader that the package ships, loaded once."""
    return load_reader()


def church_features(model: FactorReader | None = None) -> Extractor:
    """The reader's 96 features, and its answers for plan and stone together as 30 logits: for gancourse.evaluation.

    Distances on them are on a scale of their own, the variance of one feature, and no FID of the literature. The
    Inception score with these logits asks how sure and how varied plan and stone are: at most 30.
    """
    network = reader() if model is None else model

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        features = network.features(x)
        answers = network.answers(features)
        plan, stone = (answers[name].log_softmax(1) for name in ("plan", "stone"))
        return features, (plan[:, :, None] + stone[:, None, :]).flatten(1)

    return Extractor("church-reader", network.n_features, both, weights_key(network), torch.device("cpu"))


@cache
def accuracies() -> dict[str, float]:
    """How often the shipped reader is right, factor -> share of unseen churches, from its card."""
    found: dict[str, float] = json.loads(read_at_most(card_of(SHIPPED), 1 << 20))["accuracy"]
    return found


@torch.no_grad()
def read(images: Images | Tensor, model: Callable[[Tensor], dict[str, Tensor]] | None = None) -> dict[str, Tensor]:
    """The most probable value of every factor: name -> (N,) int64, positions in FACTORS[name].

    images: Images, or floats (N, 3, 128, 128) or (N, 3, 64, 64) in [-1, 1]; model: the shipped reader by default.
    """
    model = reader() if model is None else model
    pixels = images.pixels if isinstance(images, Images) else images
    parts = [model(scale(x) if x.dtype == torch.uint8 else x) for x in pixels.split(_BATCH)]
    return {name: torch.cat([p[name].argmax(1) for p in parts]) for name in FACTORS}


class Coverage(NamedTuple):
    """One factor, counted. shares: (values,), summing to 1. kl: KL(shares || uniform) in nats; 0 is even.

    missing: the values that come less than a quarter as often as they should.
    """

    shares: Tensor
    kl: float
    missing: list[str]


def coverage(factors: dict[str, Tensor], name: str) -> Coverage:
    """How one factor is spread over its values, among churches whose factors were drawn or read.

    factors: for each name in FACTORS positions in its values, (N,) int64, as `procedural_churches` and `read` give
    them.
    """
    values = FACTORS[name]
    counts = torch.bincount(factors[name], minlength=len(values))
    shares = counts.double() / len(factors[name])
    missing = [v for v, share in zip(values, shares.tolist(), strict=True) if share < 0.25 / len(values)]
    return Coverage(shares, divergence_from_uniform(counts), missing)


def combinations(factors: dict[str, Tensor], names: tuple[str, ...]) -> tuple[int, float, int]:
    """How many combinations of these factors occur, how many would among as many churches as drawn, and how many exist.

    factors: as in `coverage`, (N,) each. Of K combinations, n independent uniform draws meet K (1 - (1 - 1/K)^n) in the
    mean: a generator that has learned the churches by heart, or that makes few kinds, meets fewer.
    """
    code = torch.zeros_like(next(iter(factors.values())))
    total = 1
    for name in names:
        code = code * len(FACTORS[name]) + factors[name]
        total *= len(FACTORS[name])
    return len(code.unique()), total * (1 - (1 - 1 / total) ** len(code)), total


def accuracy(
    model: Callable[[Tensor], dict[str, Tensor]], images: Images, truth: dict[str, Tensor]
) -> dict[str, float]:
    """Factor -> the share of images whose value is read rightly; truth: for each factor positions in FACTORS, (N,)."""
    found = read(images, model)
    return {name: (found[name] == truth[name]).double().mean().item() for name in FACTORS}


def scores(G: nn.Module) -> dict[str, float]:
    """What the card of a generator of churches states, from 1,000 samples in eval mode, z from seed 0.

    distance: to as many unseen renders of their size, on `church_features`; floor: that of other renders. kinds: how
    many of the combinations of KINDS the reader finds, as a share of what `combinations` expects; kinds_real: in
    renders.
    """
    extractor, n = church_features(), 1000
    x = samples(G, n, 100)
    real, other = (feature_statistics(procedural_churches(n, x.shape[-1], seed)[0], extractor) for seed in (1, 2))
    found, expected, _ = combinations(read(x), KINDS)
    met, expected_real, _ = combinations(read(procedural_churches(n, x.shape[-1], seed=1)[0]), KINDS)
    return {
        "distance": round(frechet_distance(*feature_statistics(x, extractor), *real), 2),
        "floor": round(frechet_distance(*other, *real), 2),
        "kinds": round(found / expected, 3),
        "kinds_real": round(met / expected_real, 3),
        "samples": n,
    }


def train_reader(
    out: str | Path, images: int = 8000, test: int = 2000, epochs: int = 8, seed: int = 0
) -> dict[str, float]:
    """Train a FactorReader on procedural churches of seed 0, test it on others, write `out` and its card.

    Half of the images are blurred and all get some noise, since what the reader is made for, a generator's samples, are
    less crisp than renders. AdamW, one cycle of the learning rate, the last weights: the test images choose nothing.
    Returns the accuracies on the test images (seed 1), factor by factor, of the rounded weights. Raises ValueError for
    an `out` that is no .safetensors file.
    """
    out, at, started = Path(out), commit(), time.perf_counter()
    judge_training.refuse_name(out)
    churches, truth = procedural_churches(images, seed=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FactorReader().to(memory_format=torch.channels_last)
    rng = torch.Generator().manual_seed(seed)
    batch = min(100, images)

    def loss(logits: dict[str, Tensor], index: Tensor) -> Tensor:
        losses = [functional.cross_entropy(logits[name].float(), truth[name][index]) for name in FACTORS]
        return torch.stack(losses).sum()

    judge_training.fit(model, churches, loss, epochs, batch, rng)
    raw = judge_training.rounded(model)
    unseen, unseen_truth = procedural_churches(test, seed=1)
    score = accuracy(model.eval(), unseen, unseen_truth)
    about = {
        "what": "gancourse.evaluation.church_reader.FactorReader, float16 weights",
        "parameters": sum(p.numel() for p in model.parameters()),
        "command": "python -m gancourse train-church-reader "
        f"--out {out.name} --images {images} --epochs {epochs} --seed {seed}",
        "commit": at,
        "accuracy": {name: round(value, 4) for name, value in score.items()},
    }
    judge_training.write(out, raw, about, (churches, unseen), started)
    return score
