"""Numbers for generated images: the course's own MNIST classifier, and the scores that rest on it.

The Fréchet distance is called FID in the literature, where the features come from Inception, a network trained on
photographs. Here they come from a small classifier of handwritten digits, and the numbers are on another scale:
compare a `classifier_fid` only with another at the same number of samples, and with real images'.

    python -m gancourse.evaluation train-classifier --out PATH

makes the classifier that the package ships.
"""

from gancourse.evaluation.classifier_training import train_classifier
from gancourse.evaluation.inputs import EvaluationError, Source
from gancourse.evaluation.mnist_classifier import (
    FORMAT,
    MNISTClassifier,
    WeightsError,
    accuracy,
    classifier,
    load_classifier,
)
from gancourse.evaluation.scores import ClassHistogram, class_histogram, classifier_fid
from gancourse.evaluation.statistics import cached_statistics, feature_statistics, frechet_distance

__all__ = [
    "FORMAT",
    "ClassHistogram",
    "EvaluationError",
    "MNISTClassifier",
    "Source",
    "WeightsError",
    "accuracy",
    "cached_statistics",
    "class_histogram",
    "classifier",
    "classifier_fid",
    "feature_statistics",
    "frechet_distance",
    "load_classifier",
    "train_classifier",
]
