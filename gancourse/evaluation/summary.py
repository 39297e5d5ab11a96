"""What the scores need to know of a set of images, gathered in one pass; that of a real set is kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import math
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from gancourse.data.images import Images, some
from gancourse.evaluation.features import Extractor, classifier_features
from gancourse.evaluation.image_batches import EvaluationError, Source, bar, batches, count, take
from gancourse.evaluation.mnist_classifier import MNISTClassifier
from gancourse.evaluation.statistics import Moments
from gancourse.files import cache_folder, read_at_most, write_atomically
from gancourse.models.base import eval_mode

KEEP = 10_000  # images whose features are kept: what distances between single images are taken of


@dataclass(frozen=True)
class Summary:
    """n images, in the features of one extractor.

    mean (F,), cov (F, F): float64. features: (min(n, 10,000), F) float32, of 10,000 images drawn at random.
    share: (K,) float64, the mean probability of each class; counts: (K,) int64, images per most probable class; both
    empty where the extractor knows no classes. certainty: mean over the images of sum p log p, in nats, 0 at most.
    """

    n: int
    mean: Tensor
    cov: Tensor
    features: Tensor
    share: Tensor
    counts: Tensor
    certainty: float

    @property
    def inception_score(self) -> float:
        """exp of the mean KL(p(class | image) || p(class)), from 1 to K; nan without classes.

        High when each image is of one class for sure and all classes are frequent: it never looks at real images.
        Source: Salimans et al., 2016, section 4; over the whole set at once (Barratt and Sharma, 2018, section 4.1).
        """
        if not len(self.share):
            return math.nan
        return math.exp(self.certainty - torch.special.xlogy(self.share, self.share).sum().item())

    @property
    def kl(self) -> float:
        """KL(share of each most probable class || uniform) in nats: 0 to log K; nan without classes."""
        return divergence_from_uniform(self.counts) if len(self.counts) else math.nan


def divergence_from_uniform(counts: Tensor) -> float:
    """KL(counts / their sum || uniform) in nats, from 0 to log K."""
    share = counts.double() / counts.sum()
    return max(0.0, math.log(len(counts)) + torch.special.xlogy(share, share).sum().item())


def summarise(
    source: Source,
    extractor: Extractor,
    n: int | None = None,
    seed: int = 0,
    allow_few: bool = False,
    progress: bool = False,
) -> Summary:
    """One pass over n generated images (10,000 where n is None), or over n of those given, drawn at random (None: all).

    Nothing but one batch, the features of 10,000 images and the statistics is in memory, however many images pass.
    allow_few: as in `feature_statistics`. progress: show a bar.
    Raises EvaluationError, ShapeError.
    """
    total = count(source, n)
    keep = torch.zeros(total, dtype=torch.bool)
    keep[some(total, min(total, KEEP))] = True
    moments, kept, row = Moments(), torch.zeros(0), 0
    probability, counts, certainty = torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.0
    with torch.no_grad(), eval_mode(source):
        parts = batches(take(source, n, seed))
        for x in bar(parts, total, progress, extractor.name):
            features, logits = extractor.both(x)
            some_of_them = features.detach().cpu().float()[keep[moments.n : moments.n + len(features)]]
            if not kept.numel():  # in one place: small pieces that stay between large ones that go tear up the heap
                kept = some_of_them.new_empty(min(total, KEEP), features.shape[1])
            kept[row : row + len(some_of_them)] = some_of_them
            row += len(some_of_them)
            moments.add(features)
            if logits is not None:
                log_p = logits.detach().cpu().double().log_softmax(1)
                if not len(counts):
                    probability, counts = log_p.new_zeros(log_p.shape[1]), counts.new_zeros(log_p.shape[1])
                probability += log_p.exp().sum(0)
                counts += log_p.argmax(1).bincount(minlength=len(counts))
                certainty += (log_p.exp() * log_p).sum().item()
    mean, cov = moments.result(allow_few)
    return Summary(moments.n, mean, cov, kept[:row], probability / moments.n, counts, certainty / moments.n)


def summary_of(images: Images, extractor: Extractor, allow_few: bool = False, progress: bool = False) -> Summary:
    """`summarise` of a real set, kept in the cache folder under the hash of images and weights. Raises as that does."""
    key = hashlib.sha256(f"summary-2 {images.fingerprint} {extractor.name} {extractor.key}".encode()).hexdigest()
    path = cache_folder() / f"summary-{key[:16]}.bin"
    with contextlib.suppress(OSError, KeyError, SafetensorError):
        raw = read_at_most(path, 1 << 30)
        if hashlib.sha256(raw[32:]).digest() == raw[:32]:
            found = load_safetensors(raw[32:])
            n, certainty = int(found.pop("n")), float(found.pop("certainty"))
            return Summary(n=n, certainty=certainty, **found)
    made = summarise(images, extractor, allow_few=allow_few, progress=progress)
    if made.n != len(images):
        raise EvaluationError(f"{images.name} changed while it was read.")
    numbers = {"n": torch.tensor(made.n), "certainty": torch.tensor(made.certainty, dtype=torch.float64)}
    tensors = {name: getattr(made, name).contiguous() for name in ("mean", "cov", "features", "share", "counts")}
    raw = save_safetensors(numbers | tensors)
    with contextlib.suppress(OSError):  # a read-only home costs some seconds per start, not the score
        write_atomically(path, hashlib.sha256(raw).digest() + raw)
    return made


def cached_statistics(images: Images, extractor: MNISTClassifier) -> tuple[Tensor, Tensor]:
    """Mean (F,) and covariance (F, F) of a real set's features under a classifier, from `summary_of`."""
    found = summary_of(images, classifier_features(next(extractor.parameters()).device, extractor))
    return found.mean, found.cov
