"""The course's own MNIST classifier: the network, its file, its accuracy."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from gancourse.data.images import Images, scale
from gancourse.evaluation.image_batches import BATCH, EvaluationError
from gancourse.files import card_of, read_verified
from gancourse.models.base import ShapeError, eval_mode
from gancourse.pretrained import tensors_in

FORMAT = "gancourse-classifier-1"
_MAX_FILE = 8 << 20  # bytes; ours has some 530 kB


class WeightsError(RuntimeError):
    """Classifier weights that are missing, damaged or foreign; the message says which, and what to do."""


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

    A file in .safetensors.xz is unpacked; the hash is of what it holds.
    Returns the classifier on the CPU, in eval mode, without gradients.
    Raises WeightsError when either file is missing, damaged or of another kind. Nothing is unpickled.
    """
    path = Path(path)
    card = card_of(path)
    again = "Install gancourse again, or make one: python -m gancourse train-classifier --out PATH"
    try:
        expected = json.loads(card.read_text(encoding="utf-8"))["sha256"]
    except OSError as error:
        raise WeightsError(f"{error.filename} cannot be read ({error.strerror}). {again}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(f"{card} is no card with a SHA-256 ({error!r}). {again}") from error
    try:
        raw = read_verified(path, expected, _MAX_FILE)
    except OSError as error:
        raise WeightsError(f"{error.filename} cannot be read ({error.strerror}). {again}") from error
    except ValueError as error:
        raise WeightsError(f"{error}. {again}") from error
    try:
        tensors, size = tensors_in(raw), int.from_bytes(raw[:8], "little")
        form = json.loads(raw[8 : 8 + size]).get("__metadata__", {}).get("format")
        if form != FORMAT:
            raise ValueError(f"its format is {form!r}, expected {FORMAT!r}")
        model = MNISTClassifier()
        model.load_state_dict(tensors)
    except (ValueError, AttributeError, RuntimeError) as error:
        raise WeightsError(f"{path} holds no weights of the course's classifier: {error}. {again}") from error
    return model.eval().requires_grad_(False)


@cache
def _shipped(device: str) -> MNISTClassifier:
    with resources.as_file(resources.files("gancourse") / "assets" / "weights") as folder:
        return load_classifier(folder / "mnist-classifier.safetensors.xz").to(device)


def classifier(device: torch.device | str = "cpu") -> MNISTClassifier:
    """The course's MNIST classifier, in eval mode on `device`; loaded, and its hash checked, once.

    Raises WeightsError when the shipped file is missing or damaged.
    """
    return _shipped(str(device)).eval()


@torch.no_grad()
def accuracy(model: nn.Module, images: Images) -> float:
    """The share of labelled images, in [0, 1], that `model` gets right, in eval mode.

    Raises EvaluationError for images without labels.
    """
    if images.labels is None:
        raise EvaluationError(f"{images.name} has no labels; accuracy needs them.")
    right = 0
    with eval_mode(model):
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            right += int((model(scale(images.pixels[part])).argmax(1) == images.labels[part]).sum())
    return right / len(images)
