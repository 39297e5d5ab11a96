"""What a card says of a generator of digits."""

from __future__ import annotations

from gancourse.evaluation.image_batches import samples
from gancourse.evaluation.scores import class_histogram, classifier_fid
from gancourse.models.base import Generator


def digit_scores(G: Generator, n: int) -> dict[str, float]:
    """classifier_fid and kl of n images from G, z from seed 0: what a card states, and what a test computes again."""
    images = samples(G, n, 500)
    kl = class_histogram(images).kl
    return {"classifier_fid": round(classifier_fid(images), 3), "kl": round(kl, 4), "samples": len(images)}
