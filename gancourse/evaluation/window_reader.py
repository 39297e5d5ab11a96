"""Which shape has this window: round, pointed or square? A small network that reads patches of 256 px churches.

An enlarged picture shows more than the small one that it was made from. Is what it shows true? The renderer knows each
window's shape (`gancourse.data.churches.windows`); this reader says which one an enlargement shows, window by window.

It was also trained on blurred windows, with their true shapes, so that it says what can be known of a blur: it is sure
only where the outline is seen, or where the blur still tells. Then `hallucination` counts what is sure and wrong. A
patch also shows parts of the neighbouring windows, which have the same shape.

    python -m gancourse train-window-reader --out PATH

makes the reader that the package ships.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse.data.churches.windows import PATCH, SHAPES
from gancourse.evaluation import WeightsError
from gancourse.evaluation.intervals import wilson
from gancourse.files import card_of, read_at_most, read_verified
from gancourse.models.base import ShapeError
from gancourse.pretrained import restored, tensors_in

SHIPPED = Path(__file__).parents[1] / "assets" / "weights" / "window-reader.safetensors.xz"
SURE = 0.9  # the probability from which on the reader counts as sure
_MAX_FILE = 1 << 20
_BATCH = 500


class WindowReader(nn.Module):
    """Patches (B, 3, 24, 24) in [-1, 1], at 256 px a picture -> logits of SHAPES, (B, 3). ShapeError for others.

    Five convolutions of 3x3 pixels, two of which halve, and one linear answer. Each patch is brought to mean 0 and
    standard deviation 1 first: in fog and at night a window is as well seen as at noon.
    """

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

        self.body = nn.Sequential(
            *block(3, 24, 1), *block(24, 32, 2), *block(32, 48, 1), *block(48, 64, 2), *block(64, 64, 2), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(64 * 9, len(SHAPES)))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or tuple(x.shape[1:]) != (3, PATCH, PATCH):
            raise ShapeError(f"patches have shape {tuple(x.shape)}, expected (B, 3, {PATCH}, {PATCH}).")
        x = x - x.mean((1, 2, 3), keepdim=True)
        x = x / (x.std((1, 2, 3), keepdim=True) + 0.02)
        logits: Tensor = self.head(self.body(x))
        return logits


def load_reader(path: Path = SHIPPED) -> WindowReader:
    """A reader in eval mode, without gradients, if its file is the one that the .json card beside it names.

    Raises WeightsError: a file that is missing, damaged or of another kind. Nothing is unpickled.
    """
    again = "Install gancourse again, or make one: python -m gancourse train-window-reader --out PATH"
    try:
        card = json.loads(read_at_most(card_of(path), 1 << 20))
        model = WindowReader()
        model.load_state_dict(restored(tensors_in(read_verified(path, card["sha256"], _MAX_FILE))))
    except Exception as error:  # whatever a foreign file makes json, safetensors or torch raise
        raise WeightsError(f"{path} holds no reader of windows: {str(error)[:200]}. {again}") from error
    return model.eval().requires_grad_(False)


@cache
def reader() -> WindowReader:
    """The reader that the package ships, loaded once."""
    return load_reader()


def card() -> dict[str, Any]:
    """The card of the shipped reader: how it was made, and its scores beside those of its twins."""
    found: dict[str, Any] = json.loads(read_at_most(card_of(SHIPPED), 1 << 20))
    return found


@torch.no_grad()
def probabilities(patches: Tensor, model: nn.Module | None = None) -> Tensor:
    """What the reader thinks of patches (B, 3, 24, 24) in [-1, 1]: (B, 3), each row sums to 1.

    patches: as `gancourse.data.churches.windows.patches` cuts them. model: the shipped reader by default.
    Raises ShapeError for other patches.
    """
    model = reader() if model is None else model
    return torch.cat([model(x) for x in patches.split(_BATCH)]).softmax(1)


def read(patches: Tensor, model: nn.Module | None = None) -> Tensor:
    """The most probable shape of patches (B, 3, 24, 24) in [-1, 1]: (B,) int64, positions in SHAPES.

    model, errors: as in `probabilities`.
    """
    return probabilities(patches, model).argmax(1)


def confusion(truth: Tensor, said: Tensor, n: int = 3) -> Tensor:
    """How often each truth (row) was said to be what (column): (n, n) int64. truth, said: (B,) numbers below n.

    Raises ShapeError for two lengths, ValueError for numbers outside 0 to n - 1.
    """
    if truth.shape != said.shape or truth.ndim != 1:
        raise ShapeError(
            f"truth and said have shapes {tuple(truth.shape)} and {tuple(said.shape)}, expected (B,) twice."
        )
    for name, values in (("truth", truth), ("said", said)):
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < n:
            raise ValueError(f"{name} has values from {values.min()} to {values.max()}, expected 0 to {n - 1}.")
    return torch.bincount(truth.long() * n + said.long(), minlength=n * n).view(n, n)


class Hallucination(NamedTuple):
    """How much of what an enlargement shows is not so. windows: all; sure: read surely; wrong: surely as another shape.

    counts: (3, 3) int64, `confusion` of those that are read surely.
    """

    windows: int
    sure: int
    wrong: int
    counts: Tensor

    @property
    def rate(self) -> float:
        """wrong / sure: of the windows that show a shape, those that show another than the true one. nan for none."""
        return self.wrong / self.sure if self.sure else float("nan")

    @property
    def share_sure(self) -> float:
        """sure / windows: those that show a shape at all. nan where there is no window."""
        return self.sure / self.windows if self.windows else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """`wilson` of the rate, 95 %, as if windows were independent; (0, 1) where none is read surely."""
        return wilson(self.wrong, self.sure)


def hallucination(truth: Tensor, probability: Tensor, sure: float = SURE) -> Hallucination:
    """Count windows that show the wrong shape.

    Of the windows that the reader reads surely in a picture (its softmax probability of some shape is at least `sure`),
    a window is hallucinated if that shape is not the true one. A blurred window that the reader cannot tell is none;
    a sharp window of the wrong shape is one. So the rate alone flatters who shows little: state `share_sure` beside it.
    On true pictures the rate is not 0, since the reader errs: that is the floor, and the card states it.

    truth: (B,) int64, positions in SHAPES. probability: (B, 3), from `probabilities`. Raises ShapeError for two
    lengths.
    """
    best, said = probability.max(1)
    if len(truth) != len(said):
        raise ShapeError(f"there are {len(truth)} truths for {len(said)} windows, expected one for each.")
    shown = best >= sure
    counts = confusion(truth[shown], said[shown], len(SHAPES))
    right = int(counts.diagonal().sum())
    return Hallucination(len(truth), int(shown.sum()), int(shown.sum()) - right, counts)
