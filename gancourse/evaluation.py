"""Numbers for generated images: the course's own MNIST classifier, and the scores that rest on it.

The Fréchet distance is called FID in the literature, where the features come from Inception, a network
trained on photographs. Here they come from a small classifier of handwritten digits, and the numbers are on
another scale: compare a `classifier_fid` only with another at the same number of samples, and with real
images'.

    python -m gancourse.evaluation train-classifier --out PATH

makes the classifier that the package ships.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import struct
import subprocess
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn
from torch.nn import functional

from gancourse.data import Images, mnist, scale
from gancourse.fast import has_bfloat16
from gancourse.files import cache_folder, write_atomically
from gancourse.models import Z_SIZE, ShapeError

FORMAT = "gancourse-classifier-1"
_BATCH = 500  # images per forward pass; fixed, since z is drawn batch by batch
_MAX_HEADER = 1 << 20  # bytes; ours is some 3 kB, a hostile one could claim gigabytes
_SAMPLES_PER_FEATURE = 4  # why 4: see feature_statistics

Source = nn.Module | Images | Tensor  # a generator, or images


class EvaluationError(ValueError):
    """Images or statistics that cannot be scored; the message says why, and what to do."""


class WeightsError(RuntimeError):
    """Classifier weights that are missing, damaged or foreign; the message says which, and what to do."""


# --- the classifier ------------------------------------------------------------------------------------


class MNISTClassifier(nn.Module):
    """Images (B, 1, 28, 28) in [-1, 1] -> logits (B, 10): four convolutions, 130,986 parameters.

    `features` are the 64 channel means of the last convolution, each standardised over the training images (a
    BatchNorm without scale and shift), so that a Fréchet distance has a unit: the variance of one feature.
    LeakyReLU, since a unit that a ReLU leaves dead on real images would be standardised by a variance of 0,
    and one odd generated image that wakes it would decide the score.
    """

    n_features = 64

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
            return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)]

        self.body = nn.Sequential(
            *block(1, 32, kernel=5, stride=2), *block(32, 64, stride=2), *block(64, 96), *block(96, 64)
        )
        self.standardise = nn.BatchNorm1d(self.n_features, affine=False)
        self.head = nn.Linear(self.n_features, 10)

    def features(self, x: Tensor) -> Tensor:
        """Images (B, 1, 28, 28) in [-1, 1] -> (B, 64): what the last layer sees. Raises ShapeError."""
        if x.ndim != 4 or tuple(x.shape[1:]) != (1, 28, 28):
            raise ShapeError(f"images have shape {tuple(x.shape)}, expected MNIST's (B, 1, 28, 28).")
        f: Tensor = self.standardise(self.body(x).mean((2, 3)))
        return f

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x))
        return logits


def load_classifier(path: str | Path) -> MNISTClassifier:
    """Classifier weights from a .safetensors file, whose SHA-256 must be the one in the .json card beside it.

    Returns the classifier on the CPU, in eval mode, without gradients.
    Raises WeightsError when either file is missing, damaged or of another kind. Nothing is unpickled.
    """
    path = Path(path)
    card = path.with_suffix(".json")
    again = "Install gancourse again, or make one: python -m gancourse.evaluation train-classifier --out PATH"
    try:
        expected = json.loads(card.read_text(encoding="utf-8"))["sha256"]
        raw = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{error.filename} cannot be read ({error.strerror}). {again}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(f"{card} is no card with a SHA-256 ({error!r}). {again}") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != expected:
        raise WeightsError(f"{path} is damaged: its SHA-256 is {found}, the card says {expected}. {again}")
    try:
        (size,) = struct.unpack("<Q", raw[:8])
        if size > min(_MAX_HEADER, len(raw) - 8):
            raise ValueError(f"its header claims {size:,} bytes")
        form = json.loads(raw[8 : 8 + size]).get("__metadata__", {}).get("format")
        if form != FORMAT:
            raise ValueError(f"its format is {form!r}, expected {FORMAT!r}")
        model = MNISTClassifier()
        model.load_state_dict(load_safetensors(raw))
    except (struct.error, ValueError, AttributeError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{path} holds no weights of the course's classifier: {error}. {again}") from error
    return model.eval().requires_grad_(False)


@cache
def _shipped(device: str) -> MNISTClassifier:
    with resources.as_file(resources.files("gancourse") / "assets" / "weights") as folder:
        return load_classifier(folder / "mnist-classifier.safetensors").to(device)


def classifier(device: torch.device | str = "cpu") -> MNISTClassifier:
    """The course's MNIST classifier, in eval mode on `device`; loaded, and its hash checked, once.

    Raises WeightsError when the shipped file is missing or damaged.
    """
    return _shipped(str(device)).eval()


@torch.no_grad()
def accuracy(model: nn.Module, images: Images) -> float:
    """The share of labelled images, in [0, 1], that `model` gets right, in eval mode."""
    if images.labels is None:
        raise EvaluationError(f"{images.name} has no labels; accuracy needs them.")
    right = 0
    with _eval_mode(model):
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            right += int((model(scale(images.pixels[part])).argmax(1) == images.labels[part]).sum())
    return right / len(images)


# --- making the classifier -----------------------------------------------------------------------------


def _augment(x: Tensor, rng: torch.Generator) -> Tensor:
    """Images (B, 1, H, W) in [-1, 1], turned up to 10 degrees, scaled up to 10 %, shifted up to 2 px."""
    draw = torch.rand(4, len(x), generator=rng) * 2 - 1
    angle, size, shift = draw[0] * math.radians(10), 1 + 0.1 * draw[1], draw[2:] * 2 * (2 / x.shape[-1])
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    theta = torch.stack([torch.stack([cos, -sin, shift[0]], 1), torch.stack([sin, cos, shift[1]], 1)], 1)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x + 1, grid, align_corners=False) - 1  # so that what moves in is black, -1


def train_classifier(
    out: str | Path, seed: int = 0, epochs: int = 10, train: Images | None = None, test: Images | None = None
) -> float:
    """Train an MNISTClassifier; write `out` (.safetensors) and its card (.json); return its accuracy.

    AdamW with a one-cycle learning rate, batch 250, augmented images, cross-entropy; bfloat16 autocast where
    the CPU multiplies it. The schedule is fixed and the last weights are kept: test images choose nothing.

    train, test: labelled Images; None for MNIST's 60,000 and 10,000. The same seed gives the same file on the
    same machine with the same number of threads.
    Raises EvaluationError (no labels, no epochs, a name not in .safetensors), OSError (cannot write).
    """
    out = Path(out)
    train, test = train or mnist("train"), test or mnist("test")
    if train.labels is None or test.labels is None:
        raise EvaluationError("training and test images need labels.")
    if epochs < 1 or out.suffix != ".safetensors":
        raise EvaluationError(f"epochs is {epochs}, out is {out}; expected at least 1, and a name in .safetensors.")
    commit = _commit()  # now, since files may change while it trains
    started, batch_size = time.perf_counter(), min(250, len(train))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MNISTClassifier().to(memory_format=torch.channels_last)
    rng = torch.Generator().manual_seed(seed)
    steps = len(train) // batch_size
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.008, total_steps=epochs * steps)
    half = has_bfloat16(torch.device("cpu"))
    seconds = 0
    for epoch in range(1, epochs + 1):
        total = torch.zeros(())
        order = torch.randperm(len(train), generator=rng)[: steps * batch_size]
        for index in order.split(batch_size):
            x = _augment(scale(train.pixels[index]), rng).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = model(x)
            loss = functional.cross_entropy(logits.float(), train.labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.detach()
        seconds = round(time.perf_counter() - started)
        print(f"epoch {epoch}/{epochs}: loss {total.item() / steps:.4f}, {seconds} s", flush=True)
    score = accuracy(model, test)
    raw = save_safetensors({k: v.contiguous() for k, v in model.state_dict().items()}, {"format": FORMAT})
    options = f"--out {out.name} --seed {seed} --epochs {epochs}"
    card = {
        "name": out.stem,
        "what": "The course's MNIST classifier (gancourse.evaluation.MNISTClassifier), float32 weights",
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
        "parameters": sum(p.numel() for p in model.parameters()),
        "features": model.n_features,
        "how": "AdamW, one-cycle learning rate to 0.008, batch 250, augmented images; the last weights",
        "command": f"python -m gancourse.evaluation train-classifier {options}",
        "commit": commit,
        "data": {s.name: {"images": len(s), "sha256": s.fingerprint} for s in (train, test)},
        "score": {"test accuracy": score, "measured on": f"{len(test)} test images, float32"},
        "precision": "bfloat16 autocast, float32 weights" if half else "float32",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "licence": "MIT, as the code. Trained on MNIST (LeCun, Cortes, Burges), which is CC BY-SA 3.0.",
    }
    write_atomically(out, raw)
    write_atomically(out.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())
    return score


def _commit() -> str:
    """The commit of the code that runs, marked when this file has changed since; "unknown" without git."""
    here = Path(__file__).resolve()

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=here.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", here.name)
        return git("rev-parse", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


# --- statistics of features ----------------------------------------------------------------------------


def feature_statistics(
    images: Images | Tensor | Iterable[Tensor],
    extractor: Callable[[Tensor], Tensor],
    batch_size: int = _BATCH,
    allow_few: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mean (F,) and covariance (F, F) of the images' features, in float64, one pass and constant memory.

    images: Images; a float tensor (N, C, H, W) in [-1, 1]; or an iterable of such batches, each used once.
    extractor: images (B, C, H, W) -> features (B, F) on the images' device; `classifier().features`, for one.
    batch_size: images per call of the extractor (an iterable's batches are taken as they come).
    allow_few: go on, with a warning, where there are fewer than 4 F images. Below F + 1 the covariance is
        singular, and at 4 F the eigenvalues of a unit covariance still come out anywhere between (1 - 1/2)^2
        and (1 + 1/2)^2 (Marchenko and Pastur, 1967).

    Batches are merged as in Chan, Golub and LeVeque, 1979, which loses no digits where E[f f'] - m m' would.
    Raises EvaluationError: too few images; values outside [-1, 1] or not finite; a wrong type or shape.
    """
    n, mean, scatter = 0, torch.zeros(0), torch.zeros(0)
    with torch.no_grad():
        for x in _batches(images, batch_size):
            f = extractor(x)
            if f.ndim != 2 or len(f) != len(x):
                raise EvaluationError(f"the extractor gave shape {tuple(f.shape)}, expected ({len(x)}, F).")
            f = f.cpu().double()
            m = f.mean(0)
            centred = f - m
            if n == 0:
                mean, scatter = torch.zeros_like(m), torch.zeros(len(m), len(m), dtype=m.dtype)
            shift = m - mean
            scatter += centred.T @ centred + torch.outer(shift, shift) * (n * len(f) / (n + len(f)))
            n += len(f)
            mean += shift * (len(f) / n)
    needed = _SAMPLES_PER_FEATURE * len(mean)
    if n < max(needed, 2):
        few = f"{n} images are too few for the covariance of {len(mean)} features: it needs at least {needed}"
        if not allow_few or n < 2:
            raise EvaluationError(f"{few}. Take more, or allow_few=True: the distance comes out too large.")
        warnings.warn(f"{few}; the distance comes out too large.", stacklevel=2)
    return mean, scatter / (n - 1)


def _batches(images: Images | Tensor | Iterable[Tensor], batch_size: int) -> Iterator[Tensor]:
    """The images as checked float32 batches in [-1, 1]."""
    if isinstance(images, Images):
        yield from map(scale, images.pixels.split(batch_size))
        return
    if isinstance(images, Tensor):
        if images.is_floating_point() and images.numel() and images.min() >= 0:
            raise EvaluationError(
                f"all values lie in [{images.min():.3g}, {images.max():.3g}], expected [-1, 1] black at -1: "
                "2 * x - 1 brings [0, 1] there."
            )
        images = images.split(batch_size) if images.ndim else [images]
    for x in images:
        if x.ndim != 4:
            raise EvaluationError(f"images have shape {tuple(x.shape)}, expected (N, C, H, W).")
        if not x.is_floating_point():
            raise EvaluationError(
                f"images are {x.dtype}, expected floats in [-1, 1]. For uint8: Images(x), or data.scale(x)."
            )
        if not len(x):
            continue
        low, high = x.min().item(), x.max().item()
        if not (low >= -1.001 and high <= 1.001):  # written so that NaN is caught too
            raise EvaluationError(f"values lie in [{low:.3g}, {high:.3g}], expected [-1, 1], tanh's range.")
        yield x.float()


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """The squared Fréchet (2-Wasserstein) distance of two Gaussians, in float64; 0 where they are equal.

        |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1^1/2 S2 S1^1/2)^1/2)

    mean1, mean2: (F,). cov1, cov2: (F, F), symmetric, positive semi-definite; singular ones are fine, since
    both roots come from symmetric eigenvalue problems.
    Raises EvaluationError: shapes differ, or a number is not finite.
    Source: Dowson and Landau, 1982; as a score of generators, Heusel et al., 2017, equation 6.
    """
    n, shapes = mean1.numel(), [tuple(t.shape) for t in (mean1, cov1, mean2, cov2)]
    if shapes != [(n,), (n, n)] * 2:
        raise EvaluationError(f"means and covariances have shapes {shapes}, expected (F,) and (F, F), twice.")
    m1, s1, m2, s2 = (t.detach().cpu().double() for t in (mean1, cov1, mean2, cov2))
    if not all(bool(t.isfinite().all()) for t in (m1, s1, m2, s2)):
        raise EvaluationError("a mean or covariance holds a number that is not finite; were the features NaN?")
    values, vectors = torch.linalg.eigh(s1)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ s2 @ root).clamp(min=0).sqrt().sum()
    distance = (m1 - m2).square().sum() + s1.trace() + s2.trace() - 2 * cross
    return max(0.0, distance.item())  # rounding can leave some -1e-13


def cached_statistics(images: Images, extractor: MNISTClassifier) -> tuple[Tensor, Tensor]:
    """`feature_statistics` of a real set, kept in the cache folder under the hash of images and weights."""
    weights = save_safetensors({k: v.contiguous() for k, v in extractor.state_dict().items()})
    key = hashlib.sha256(images.fingerprint.encode() + weights).hexdigest()
    path, n = cache_folder() / f"statistics-{key[:16]}.bin", extractor.n_features
    with contextlib.suppress(OSError):
        raw = path.read_bytes()
        if len(raw) == 32 + 8 * n * (n + 1) and hashlib.sha256(raw[32:]).digest() == raw[:32]:
            table = torch.from_numpy(np.frombuffer(raw[32:], dtype="<f8").reshape(n + 1, n).copy())
            return table[0], table[1:]
    mean, cov = feature_statistics(images, extractor.features)
    raw = torch.cat([mean[None], cov]).numpy().astype("<f8").tobytes()
    with contextlib.suppress(OSError):  # a read-only home costs some seconds per start, not the score
        write_atomically(path, hashlib.sha256(raw).digest() + raw)
    return mean, cov


@cache
def _test_statistics() -> tuple[Tensor, Tensor]:
    return cached_statistics(mnist("test"), classifier())


# --- scores --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _eval_mode(source: object) -> Iterator[None]:
    """A module in eval mode for a while; every part of it gets back the mode that it had."""
    before = [(m, m.training) for m in source.modules()] if isinstance(source, nn.Module) else []
    if isinstance(source, nn.Module):
        source.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def _device(source: Source) -> torch.device:
    if isinstance(source, nn.Module):
        return next((p.device for p in source.parameters()), torch.device("cpu"))
    return source.device


@torch.no_grad()
def _generate(G: nn.Module, n: int, seed: int) -> Iterator[Tensor]:
    """n images from G in batches; z is drawn on the CPU, so that every device sees the same."""
    rng = torch.Generator().manual_seed(seed)
    for start in range(0, n, _BATCH):
        z = torch.randn(min(_BATCH, n - start), getattr(G, "z_size", Z_SIZE), generator=rng)
        yield G(z.to(_device(G)))


def _images(source: Source, n: int | None, seed: int) -> Images | Tensor | Iterator[Tensor]:
    """n generated images, or the first n of those given."""
    if isinstance(source, nn.Module):
        n = 10_000 if n is None else n
        if n < 1:
            raise EvaluationError(f"n is {n}, expected at least 1 generated image.")
        return _generate(source, n, seed)
    if n is None:
        return source
    if not 1 <= n <= len(source):
        raise EvaluationError(f"n is {n}, but there are {len(source)} images; choose 1 to {len(source)}.")
    return source.subset(n) if isinstance(source, Images) else source[:n]


def classifier_fid(source: Source, n: int | None = None, seed: int = 0, allow_few: bool = False) -> float:
    """The Fréchet distance, on the classifier's features, of `source` to MNIST's 10,000 test images.

    source: a generator, z (B, z_size) -> (B, 1, 28, 28) in [-1, 1], run in eval mode, which is restored; or
        images, as Images or as a float tensor (N, 1, 28, 28) in [-1, 1].
    n: how many images; None for 10,000 generated ones, or all that are given. Fewer give larger distances:
        compare at equal n only. The floor is what real images score: `classifier_fid(mnist("train"), n)`.
    seed: of the generator's z. allow_few: as in `feature_statistics`; here 256 images are asked for.

    This is not the FID of the literature, whose features are Inception's.
    Raises EvaluationError, ShapeError, WeightsError.
    """
    model = classifier(_device(source))
    with _eval_mode(source):
        mean, cov = feature_statistics(_images(source, n, seed), model.features, allow_few=allow_few)
    return frechet_distance(mean, cov, *_test_statistics())


class ClassHistogram(NamedTuple):
    """counts: (10,) int64, images taken for each digit. kl: KL(share || uniform) in nats, 0 to log 10."""

    counts: Tensor
    kl: float


@torch.no_grad()
def class_histogram(source: Source, n: int | None = None, seed: int = 0) -> ClassHistogram:
    """How a generator, or a set of images, is spread over the ten digits; arguments as in `classifier_fid`.

    kl is 0 when all digits are equally frequent, log 10 = 2.303 nats when all images are of one digit.
    Raises EvaluationError, ShapeError, WeightsError.
    """
    model, counts = classifier(_device(source)), torch.zeros(10, dtype=torch.int64)
    with _eval_mode(source):
        for x in _batches(_images(source, n, seed), _BATCH):
            counts += torch.bincount(model(x).argmax(1).cpu(), minlength=10)
    if not counts.sum():
        raise EvaluationError("there are no images to count; give at least one.")
    share = counts.double() / counts.sum()
    return ClassHistogram(counts, max(0.0, math.log(10) + torch.special.xlogy(share, share).sum().item()))


def main(arguments: list[str] | None = None) -> None:
    """Make the course's MNIST classifier, the one command that there is so far."""
    parser = argparse.ArgumentParser(prog="python -m gancourse.evaluation", description=main.__doc__)
    command = parser.add_subparsers(required=True).add_parser("train-classifier", help="train it and write it")
    command.add_argument("--out", required=True, help="where the .safetensors is written, its card beside it")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--epochs", type=int, default=10)
    given = parser.parse_args(arguments)
    print(f"test accuracy {100 * train_classifier(given.out, given.seed, given.epochs):.2f} %")


if __name__ == "__main__":
    main()
