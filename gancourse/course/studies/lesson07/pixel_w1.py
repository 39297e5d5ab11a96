"""W1 between the pixels of images, exactly: does it put generators of digits in the order in which one would?

Each source is set against n real training images, by assignment, with Euclidean distances of images in [-1, 1]. The
floor is what other real images score. Beside the shipped generators stand things that nobody would take for digits: the
mean image, noise, the centres of k-means, real images blurred. Stanczuk et al. 2021, "Wasserstein GANs work because
they fail", expect some of them below the floor. At the largest n the classifier's distance is measured too.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from gancourse import pretrained
from gancourse.course.studies.lesson05.mnist_scores import label, shipped
from gancourse.course.studies.runner import Job, Study
from gancourse.data.images import scale
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import classifier_fid
from gancourse.evaluation.image_batches import generate
from gancourse.theory.transport import w1_assignment

SEEDS = (0, 1, 2)
SIZES = (500, 1000, 2000)
REAL = "other real images"
CENTRES, TO_CLUSTER, ROUNDS = 100, 10_000, 10  # k-means: centres, images that they come from, Lloyd's rounds


def drawn(seed: int) -> Tensor:
    """The real images of one draw, shuffled, (14000, 1, 28, 28) uint8: 4,000 for the floor, then k-means'."""
    order = torch.randperm(60_000, generator=torch.Generator().manual_seed(seed))
    return mnist("train").pixels[order[: 2 * max(SIZES) + TO_CLUSTER]]


def blurred(x: Tensor, std: float = 1.5) -> Tensor:
    """Images (N, 1, H, W) convolved with a Gaussian of `std` pixels, the same shape."""
    at = torch.arange(-4.0, 5.0)
    line = torch.softmax(-at.square() / (2 * std**2), 0)
    return conv2d(x + 1, (line[:, None] * line)[None, None], padding=4) - 1  # black is -1, outside as well


def k_means(x: Tensor, k: int, n: int, seed: int, rounds: int = ROUNDS) -> Tensor:
    """k centres of x (N, d) by Lloyd's algorithm, each as often as its cluster's share of n points asks, shuffled."""
    rng = torch.Generator().manual_seed(seed)
    centres = x[torch.randperm(len(x), generator=rng)[:k]]
    for _ in range(rounds):
        nearest = torch.cdist(x, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, x)
        counts = torch.bincount(nearest, minlength=k)
        centres = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), centres)
    ends = (torch.bincount(torch.cdist(x, centres).argmin(1), minlength=k).cumsum(0) * n / len(x)).round().long()
    copies = centres.repeat_interleave(ends.diff(prepend=ends.new_zeros(1)), 0)
    return copies[torch.randperm(n, generator=rng)]  # so that the first of them are a fair draw


def _image(points: Tensor) -> Tensor:
    return points.reshape(-1, 1, 28, 28)


#: name -> (n, seed) -> n images (n, 1, 28, 28) in [-1, 1] that no generator made
MADE: dict[str, Callable[[int, int], Tensor]] = {
    REAL: lambda n, seed: scale(drawn(seed)[max(SIZES) :][:n]),
    "other real images, blurred": lambda n, seed: blurred(scale(drawn(seed)[max(SIZES) :][:n])),
    f"centres of k-means, {CENTRES}": lambda n, seed: _image(
        k_means(scale(drawn(seed)[2 * max(SIZES) :]).flatten(1), CENTRES, n, seed)
    ),
    "mean image": lambda n, seed: scale(mnist("train").pixels).mean(0).expand(n, 1, 28, 28),
    "noise, uniform": lambda n, seed: 2 * torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed)) - 1,
    "black images": lambda n, seed: torch.full((n, 1, 28, 28), -1.0),
}


def jobs(quick: bool) -> list[Job]:
    """Every source with every seed, seed by seed; quick: what no generator made, in small."""
    sizes = [20, 40] if quick else list(SIZES)
    sources: list[dict[str, Any]] = [{"source": name, "name": None, "epoch": None} for name in MADE]
    for name, epoch in shipped()[: 1 if quick else None]:
        sources.append({"source": label({"name": name, "epoch": epoch}), "name": name, "epoch": epoch})
    return [
        {"key": f"{i:02d}-{seed}", **source, "seed": seed, "sizes": sizes}
        for seed in SEEDS[: 1 if quick else None]
        for i, source in enumerate(sources)
    ]


def run(job: Job) -> dict[str, Any]:
    """w1: n -> the distance of the first n of both sides. classifier_fid: of the largest n, to MNIST's test images."""
    n = max(job["sizes"])
    if job["name"] is None:
        images = MADE[job["source"]](n, job["seed"])
    else:
        images = torch.cat(list(generate(pretrained.load(job["name"], job["epoch"]), n, job["seed"])))
    real = scale(drawn(job["seed"])[:n])
    w1 = {str(size): round(w1_assignment(images[:size], real[:size]), 4) for size in job["sizes"]}
    return {"w1": w1, "classifier_fid": round(classifier_fid(images, allow_few=True), 2)}


STUDY = Study(
    "Pixel W1 by assignment: generators, real images, means and noise against real digits, 3 draws of up to 2,000",
    jobs,
    run,
)


def table(results: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a source, by falling quality as the classifier's distance sees it: w1 at the largest n, spread, fid."""
    sources = list(dict.fromkeys(row["source"] for row in results["rows"]))
    rows = []
    for source in sources:
        mine = [row for row in results["rows"] if row["source"] == source]
        w1 = [row["w1"][str(max(row["sizes"]))] for row in mine]
        rows.append(
            {
                "source": source,
                "w1": statistics.mean(w1),
                "spread": statistics.stdev(w1) if len(w1) > 1 else 0.0,
                "classifier_fid": statistics.mean(row["classifier_fid"] for row in mine),
            }
        )
    return sorted(rows, key=lambda row: row["classifier_fid"])
