"""Numbers for generated images, and what they rest on.

Two ways to look at an image stand behind one interface, an `Extractor`: the course's own MNIST classifier
(`classifier_features`), and Inception, as in the literature (`inception_features`, a download). FID means the Fréchet
distance on Inception's features; on the classifier's the numbers are on another scale: we say classifier distance.
For pictures of 32 pixels and more there is EfficientNet-Lite0 too (`lite0_features`): its distance is no FID either.
Compare scores only where extractor, real set and number of samples are the same, and beside the score of real images.

Our renderer knows the truth about its churches, so networks read it off any picture: `church_reader` the whole church,
`segmenter` what is where, `window_reader` which shape a window has, with the `intervals` of such shares. `translation`
has the distances of two pictures, and `enlarging` those of enlargements from what they should be.

    python -m gancourse evaluate RUN

scores a run; `python -m gancourse train-classifier --out PATH` makes the classifier that the package ships.
"""

from gancourse.evaluation.classifier_training import train_classifier
from gancourse.evaluation.features import Extractor, classifier_features, random_features
from gancourse.evaluation.image_batches import EvaluationError, Source
from gancourse.evaluation.inception import inception_features
from gancourse.evaluation.kernel import KernelDistance, kernel_distance
from gancourse.evaluation.lite0 import lite0_features
from gancourse.evaluation.mnist_classifier import (
    MNISTClassifier,
    WeightsError,
    accuracy,
    classifier,
    load_classifier,
)
from gancourse.evaluation.modes import ModeCount, SamplingFloor, count_modes, mode_scores, sampling_floor
from gancourse.evaluation.neighbours import (
    DensityCoverage,
    Memorisation,
    PrecisionRecall,
    density_coverage,
    memorisation,
    nearest_neighbours,
    precision_recall,
)
from gancourse.evaluation.path_length import PathLength, path_length
from gancourse.evaluation.run_scores import comparison, floor, score_run, scores_of, table
from gancourse.evaluation.scores import ClassHistogram, Scores, class_histogram, classifier_fid, evaluate, quick_fid
from gancourse.evaluation.statistics import feature_statistics, frechet_distance
from gancourse.evaluation.summary import Summary, cached_statistics, summarise, summary_of

__all__ = [
    "ClassHistogram",
    "DensityCoverage",
    "EvaluationError",
    "Extractor",
    "KernelDistance",
    "MNISTClassifier",
    "Memorisation",
    "ModeCount",
    "PathLength",
    "PrecisionRecall",
    "SamplingFloor",
    "Scores",
    "Source",
    "Summary",
    "WeightsError",
    "accuracy",
    "cached_statistics",
    "class_histogram",
    "classifier",
    "classifier_features",
    "classifier_fid",
    "comparison",
    "count_modes",
    "density_coverage",
    "evaluate",
    "feature_statistics",
    "floor",
    "frechet_distance",
    "inception_features",
    "kernel_distance",
    "lite0_features",
    "load_classifier",
    "memorisation",
    "mode_scores",
    "nearest_neighbours",
    "path_length",
    "precision_recall",
    "quick_fid",
    "random_features",
    "sampling_floor",
    "score_run",
    "scores_of",
    "summarise",
    "summary_of",
    "table",
    "train_classifier",
]
