"""What the short MNIST studies share: a scaled-down DCGAN with parts exchanged, a run of it, and its figures.

P1's DCGAN at half its width, five epochs of the first 6,000 images in batches of 64 (as many steps as one epoch of all
of MNIST in batches of 128), three seeds: small enough for dozens of runs on a laptop's processor. Compare the
figures with each other, and not with those of full runs.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import artefacts, cached_statistics, classifier, frechet_distance
from gancourse.evaluation.image_batches import samples
from gancourse.evaluation.summary import divergence_from_uniform
from gancourse.models.base import Discriminator, Generator, init_dcgan
from gancourse.training.trainer import Trainer, TrainingDiverged

SEEDS = (0, 1, 2)
SMALL = {"images": 6_000, "epochs": 5, "batch_size": 64, "width": 0.5}
QUICK = {"images": 128, "epochs": 1, "batch_size": 64, "width": 0.0625}
N_SCORE = 10_000


class AnyGenerator(Generator):
    """z (B, 100) -> images (B, 1, 28, 28) by the layers given."""

    image_shape = (1, 28, 28)

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.net = nn.Sequential(*layers)


class AnyDiscriminator(Discriminator):
    """Images (B, 1, 28, 28) -> logits (B,) by the layers given, whose last one is a Sigmoid."""

    image_shape = (1, 28, 28)

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.net = nn.Sequential(*layers)


def dcgan(
    width: float = 1.0,
    up: str = "transposed 4",
    down: str = "strided",
    norm: bool = True,
    slope_g: float = 0.0,
    slope_d: float = 0.2,
    norm_weight: float = 1.0,
) -> tuple[Generator, Discriminator]:
    """P1's DCGAN with parts exchanged, initialised; the defaults are P1's.

    width: times P1's channels. up: how G doubles a size, "transposed 4" or "transposed 3" (kernel) or "nearest"
    (upsampling, then a 3 x 3 convolution). down: how D halves one, "strided" or "pooling" (a 3 x 3 convolution, then
    the maximum of 2 x 2). norm: BatchNorm where P1 has it. slope_g, slope_d: of LeakyReLU; 0 is ReLU.
    norm_weight: BatchNorm's weights start from N(norm_weight, 0.02).
    """
    c4, c2, c1 = (round(width * c) for c in (256, 128, 64))

    def grow(c_in: int, c_out: int) -> list[nn.Module]:
        if up == "nearest":
            return [nn.Upsample(scale_factor=2), nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)]
        if up == "transposed 3":
            return [nn.ConvTranspose2d(c_in, c_out, 3, stride=2, padding=1, output_padding=1, bias=False)]
        return [nn.ConvTranspose2d(c_in, c_out, 4, stride=2, padding=1, bias=False)]

    def shrink(c_in: int, c_out: int) -> list[nn.Module]:
        if down == "pooling":
            return [nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.MaxPool2d(2)]
        return [nn.Conv2d(c_in, c_out, 4, stride=2, padding=1, bias=False)]

    def after(channels: int, slope: float) -> list[nn.Module]:
        layers: list[nn.Module] = [nn.BatchNorm2d(channels)] if norm else []
        return [*layers, nn.LeakyReLU(slope) if slope else nn.ReLU()]

    first = nn.ConvTranspose2d(100, c4, 7, bias=False)
    G = AnyGenerator([first, *after(c4, slope_g), *grow(c4, c2), *after(c2, slope_g), *grow(c2, 1), nn.Tanh()])
    down_to_7 = [*shrink(1, c1), nn.LeakyReLU(slope_d), *shrink(c1, c2), *after(c2, slope_d)]
    D = AnyDiscriminator([*down_to_7, nn.Flatten(), nn.Linear(49 * c2, 1), nn.Sigmoid()])
    for network in (G, D):
        init_dcgan(network)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.data += norm_weight - 1
    return G, D


def figures(trainer: Trainer, view: Callable[[Any], nn.Module] = lambda G: G) -> dict[str, Any]:
    """What the tables of the notebooks show of a finished run; a run that diverged has only `diverged`.

    view: what is measured in the place of the generator.
    """
    try:
        trainer.fit(progress=False)
    except TrainingDiverged as error:
        return {"diverged": str(error).split(";")[0]}
    last = trainer.history[-1]
    images = samples(view(trainer.networks["G"]), N_SCORE if len(trainer.data) > 1000 else 500, 500)
    return {
        **image_figures(images),
        "d_real": round(last["d_real"], 3),
        "d_fake": round(last["d_fake_before"], 3),
        "loss_g": round(last["loss_g"], 3),
        "seconds_per_epoch": round(statistics.median(row["seconds"] for row in trainer.history), 2),
    }


@torch.no_grad()
def image_figures(images: Tensor) -> dict[str, Any]:
    """Scores of images (N, 1, 28, 28) in [-1, 1]: distance, classes, the classifier's confidence, texture."""
    model = classifier()
    features = torch.cat([model.features(x) for x in images.split(500)])
    p = model.head(features).softmax(1)
    mean, cov = features.double().mean(0), features.double().T.cov()
    counts = torch.bincount(p.argmax(1), minlength=10)
    two, four = artefacts.checkerboard(images)
    return {
        "classifier_fid": round(frechet_distance(mean, cov, *cached_statistics(mnist("test"), model)), 2),
        "kl": round(divergence_from_uniform(counts), 4),
        "classes": int((counts.double() / len(p) >= 0.01).sum()),
        "confident": round((p.amax(1) > 0.95).double().mean().item(), 4),
        "background_variation": round(artefacts.background_variation(images), 3),
        "edge_sharpness": round(artefacts.edge_sharpness(images), 4),
        "high_frequency": round(artefacts.high_frequency(images), 5),
        "checkerboard_2": round(two, 3),
        "checkerboard_4": round(four, 3),
        "spectrum": [float(f"{v:.4g}") for v in artefacts.spectrum(images)],
    }


def table(rows: list[dict[str, Any]], by: str, columns: tuple[str, ...]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and standard deviation over seeds: variant -> column -> (mean, spread). Runs that diverged are left out."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name in dict.fromkeys(row[by] for row in rows):
        values = [row for row in rows if row[by] == name and "diverged" not in row]
        if values:
            lists = {c: [float(row[c]) for row in values] for c in columns}
            found[name] = {
                c: (statistics.mean(v), statistics.stdev(v) if len(v) > 1 else 0.0) for c, v in lists.items()
            }
    return found
