"""What is where in a picture of a church? A small network that reads the label map back from 64 px pictures.

The paper of Pix2Pix judges with a network of that kind (Isola et al. 2017, section 4.1, the "FCN score"): if a painted
picture is read as the map that it was painted from, its parts look like what they are. Ours was trained on renders,
whose maps are known, and what it scores on renders that it never saw is the ceiling.

    python -m gancourse train-church-segmenter --out PATH

makes the segmenter that the package ships.
"""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.data.churches import CLASSES, labelled_churches
from gancourse.data.images import Images, scale
from gancourse.evaluation import WeightsError, judge_training
from gancourse.files import card_of, read_at_most, read_verified
from gancourse.models.base import ShapeError
from gancourse.pretrained import restored, tensors_in
from gancourse.training.provenance import commit

SHIPPED = Path(__file__).parents[1] / "assets" / "weights" / "church-segmenter.safetensors.xz"
TRAINED_ON, TESTED_ON = 3, 4  # seeds of churches
_MAX_FILE = 8 << 20
_BATCH = 25


class Segmenter(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> logits of CLASSES, (B, 12, H, W); H and W multiples of 4.

    A small U-Net: two halvings, two doublings, and what each halving saw handed over. ShapeError for other pictures.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())

        w = width
        self.one = block(3, w)
        self.two = nn.Sequential(block(w, 2 * w, 2), block(2 * w, 2 * w))
        self.four = nn.Sequential(block(2 * w, 3 * w, 2), block(3 * w, 3 * w))
        self.up_two = block(5 * w, 2 * w)
        self.up_one = block(3 * w, w)
        self.head = nn.Conv2d(w, len(CLASSES), 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] % 4 or x.shape[3] % 4:
            raise ShapeError(f"pictures have shape {tuple(x.shape)}, expected (B, 3, H, W), multiples of 4.")
        one = self.one(x)
        two = self.two(one)
        up = self.up_two(torch.cat([_doubled(self.four(two)), two], 1))
        logits: Tensor = self.head(self.up_one(torch.cat([_doubled(up), one], 1)))
        return logits


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def load_segmenter(path: Path = SHIPPED) -> Segmenter:
    """A segmenter in eval mode, without gradients, if its file is the one that the .json card beside it names.

    Raises WeightsError: a file that is missing, damaged or of another kind. Nothing is unpickled.
    """
    again = "Install gancourse again, or make one: python -m gancourse train-church-segmenter --out PATH"
    try:
        card = json.loads(read_at_most(card_of(path), 1 << 20))
        model = Segmenter()
        model.load_state_dict(restored(tensors_in(read_verified(path, card["sha256"], _MAX_FILE))))
    except Exception as error:  # whatever a foreign file makes json, safetensors or torch raise
        raise WeightsError(f"{path} holds no segmenter of churches: {str(error)[:200]}. {again}") from error
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@cache
def segmenter() -> Segmenter:
    """The segmenter that the package ships, loaded once."""
    return load_segmenter()


@torch.no_grad()
def segment(images: Images | Tensor, model: nn.Module | None = None) -> Tensor:
    """The most probable class of every pixel, (N, H, W) uint8 numbers of CLASSES.

    images: Images, or floats (N, 3, H, W) in [-1, 1]; model: the shipped segmenter by default.
    """
    model = segmenter() if model is None else model
    pixels = images.pixels if isinstance(images, Images) else images
    parts = [model(scale(x) if x.dtype == torch.uint8 else x).argmax(1) for x in pixels.split(_BATCH)]
    return torch.cat(parts).to(torch.uint8)


def intersection_over_union(found: Tensor, truth: Tensor) -> Tensor:
    """For each of CLASSES the pixels where both say it, over those where either does; (12,) float64.

    found, truth: label maps (N, H, W), over all of which is counted; nan where a class is in neither. Raises ShapeError
    for maps of two shapes.
    """
    if found.shape != truth.shape:
        raise ShapeError(f"label maps have shapes {tuple(found.shape)} and {tuple(truth.shape)}, expected equal ones.")
    n = len(CLASSES)
    pairs = torch.bincount((truth.flatten().long() * n + found.flatten().long()), minlength=n * n).view(n, n).double()
    both = pairs.diagonal()
    return both / (pairs.sum(0) + pairs.sum(1) - both)


def mean_iou(found: Tensor, truth: Tensor) -> float:
    """The mean of `intersection_over_union` of maps (N, H, W) over the classes that are in the truth."""
    there = torch.bincount(truth.flatten().long(), minlength=len(CLASSES)) > 0
    return intersection_over_union(found, truth)[there].mean().item()


def train_segmenter(
    out: str | Path, images: int = 6000, test: int = 1000, epochs: int = 5, seed: int = 0
) -> dict[str, float]:
    """Train a Segmenter on renders of seed 3, test it on others (seed 4), write `out` and its card.

    Half of the pictures are blurred and all get some noise, since what it is made for, painted pictures, is less crisp
    than renders. AdamW, one cycle of the learning rate, the last weights: the test pictures choose nothing. Returns
    what the rounded weights score on the test pictures: the share of pixels, mean IoU, and IoU class by class. Raises
    ValueError for an `out` that is no .safetensors file.
    """
    out, at, started = Path(out), commit(), time.perf_counter()
    judge_training.refuse_name(out)
    churches, maps, _ = labelled_churches(images, 64, TRAINED_ON)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Segmenter().to(memory_format=torch.channels_last)
    rng = torch.Generator().manual_seed(seed)
    batch = min(25, images)

    def loss(logits: Tensor, index: Tensor) -> Tensor:
        return functional.cross_entropy(logits.float(), maps[index].long())

    judge_training.fit(model, churches, loss, epochs, batch, rng)
    raw = judge_training.rounded(model)
    unseen, truth, _ = labelled_churches(test, 64, TESTED_ON)
    found = segment(unseen, model.eval())
    score = {"pixels": (found == truth).double().mean().item(), "mean IoU": mean_iou(found, truth)}
    score |= dict(zip(CLASSES, intersection_over_union(found, truth).tolist(), strict=True))
    about = {
        "what": "gancourse.evaluation.segmenter.Segmenter, float16 weights",
        "parameters": sum(p.numel() for p in model.parameters()),
        "command": "python -m gancourse train-church-segmenter "
        f"--out {out.name} --images {images} --epochs {epochs} --seed {seed}",
        "commit": at,
        "scores": {name: round(value, 4) for name, value in score.items()},
    }
    judge_training.write(out, raw, about, (churches, unseen), started)
    return score
