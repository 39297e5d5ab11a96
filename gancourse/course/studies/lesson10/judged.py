"""What is measured of enlarged pictures: their distance from the true ones, their textures, and their windows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from torch import Tensor, nn

from gancourse.course.studies.lesson10 import enlarging
from gancourse.data import sheets
from gancourse.data.churches.windows import Windows, patches, placed_windows
from gancourse.data.degraded import HOWS, enlarge_bicubic, shrink
from gancourse.data.images import scale, unscale
from gancourse.evaluation.features import Extractor, random_features
from gancourse.evaluation.statistics import feature_statistics, frechet_distance
from gancourse.evaluation.translation import psnr, ssim
from gancourse.evaluation.window_reader import confusion, hallucination, probabilities
from gancourse.models.srgan import checkerboard

PATCH = 64  # pixels a side, of the patches whose textures are compared
AT_ONCE = 100  # patches that a network looks at
N_SHOWN = 6
N_LITE0 = 80  # churches: 1,280 patches, as many as the covariance of 320 features needs
N_OTHERWISE = 60  # churches that are made smaller in other ways, too
MIDDLE = (slice(80, 208), slice(64, 192))  # of a picture of 256 pixels: most of the church
PIECE = (slice(112, 176), slice(96, 160))  # a quarter of that, in which one sees single pixels
SHOWN = ("srresnet", "srgan", "srgan-both", "gan-pixels", "no-icnr")  # arms of figure 10.4
Enlarger = Callable[[Tensor], Tensor]


@cache
def judges(n: int) -> tuple[Tensor, Windows]:
    """n churches (n, 3, 256, 256) in [-1, 1] that nothing was trained on, and their windows."""
    images, windows = placed_windows(n, enlarging.SIZE, enlarging.HELD_OUT)
    return scale(images.pixels), windows


def cut(pictures: Tensor, side: int = PATCH) -> Tensor:
    """Pictures (N, C, H, W) cut into squares without overlap: (N * (H // side) * (W // side), C, side, side)."""
    n, c, h, w = pictures.shape
    rows, columns = h // side, w // side
    squares = pictures[..., : rows * side, : columns * side].reshape(n, c, rows, side, columns, side)
    return squares.permute(0, 2, 4, 1, 3, 5).reshape(n * rows * columns, c, side, side)


def fine_detail(pictures: Tensor) -> float:
    """The mean of |differences of neighbours| of pictures (N, C, H, W) in [-1, 1], both ways, in levels of 255."""
    down, across = pictures.diff(dim=2).abs().mean(), pictures.diff(dim=3).abs().mean()
    return (down + across).item() / 2 * 127.5


def texture_distance(made: Tensor, truth: Tensor, extractor: Extractor | None = None) -> float:
    """The Fréchet distance between the patches of two sets of pictures (N, 3, H, W) in [-1, 1].

    extractor: what looks at them; None for `evaluation.features.random_features`, a network that was never trained.
        It sees colours, contrast and textures, and it is none of those that train a generator here.
    """
    look = random_features() if extractor is None else extractor
    made_like, true_like = (feature_statistics(cut(side), look, AT_ONCE) for side in (made, truth))
    return frechet_distance(*made_like, *true_like)


def scored(made: Tensor, truth: Tensor, small: Tensor) -> dict[str, float]:
    """Enlargements (N, 3, H, W) in [-1, 1] of `small` (N, 3, h, w), beside the true pictures, by fixed formulas.

    psnr, ssim: as `evaluation.translation` has them. back: the mean of |made smaller again - small|, in levels of 255.
    detail: `fine_detail` as a share of the truth's. texture: `texture_distance`. checkerboard: of `models.srgan`, in
    levels, less the truth's.
    """
    pattern = checkerboard(made) - checkerboard(truth)
    found = {
        "psnr": psnr(made, truth).clamp(max=60).mean().item(),
        "ssim": ssim(made, truth).mean().item(),
        "back": (shrink(made, made.shape[-1] // small.shape[-1]) - small).abs().mean().item() * 127.5,
        "detail": fine_detail(made) / fine_detail(truth),
        "texture": texture_distance(made, truth),
        "checkerboard": pattern * 127.5,
    }
    return {name: round(value, 4) for name, value in found.items()}


def by_lite0(made: Tensor, truth: Tensor) -> float:
    """The Fréchet distance of patches by borrowed features, of the first of pictures (N, 3, H, W) in [-1, 1].

    This judge trains some of the arms, and so may flatter them.

    Raises FeatureWeightsError where these features are not there.
    """
    from gancourse.evaluation.lite0 import lite0_features

    return round(texture_distance(made[:N_LITE0], truth[:N_LITE0], lite0_features()), 4)


def windows_of(made: Tensor, windows: Windows) -> dict[str, Any]:
    """What the reader of windows says of enlargements (N, 3, 256, 256) in [-1, 1].

    confusion: rows are the true shapes, columns what is read. sure: the same of those that are read surely. windows,
    hallucinated: how many there are, and the share of the sure ones that show a wrong shape (see
    `hallucination`), None where none is sure.
    """
    said = probabilities(patches(made, windows))
    surely = hallucination(windows.shape, said)
    return {
        "windows": surely.windows,
        "confusion": confusion(windows.shape, said.argmax(1)).tolist(),
        "sure": surely.counts.tolist(),
        "share_sure": round(surely.share_sure, 4),
        "hallucinated": round(surely.rate, 4) if surely.sure else None,
    }


def judged(enlarger: Enlarger, n: int, times: int = enlarging.TIMES) -> dict[str, Any]:
    """All of it, of n churches made `times` smaller; and the middle of the first few, as a strip."""
    truth, windows = judges(n)
    small = shrink(truth, times)
    made = enlarger(small)
    return {
        **scored(made, truth, small),
        "lite0": by_lite0(made, truth),
        **windows_of(made, windows),
        "strip": sheets.pack(unscale(made[:N_SHOWN, :, *PIECE])),
    }


def otherwise(enlarger: Enlarger, n: int, times: int = enlarging.TIMES) -> dict[str, dict[str, float]]:
    """PSNR and detail where the first pictures were made smaller otherwise: how of `data.degraded.HOWS` -> figures."""
    truth = judges(n)[0][:N_OTHERWISE]
    found = {}
    for how in HOWS:
        made = enlarger(shrink(truth, times, how))
        figures = {"psnr": psnr(made, truth).mean().item(), "detail": fine_detail(made) / fine_detail(truth)}
        found[how] = {name: round(value, 4) for name, value in figures.items()}
    return found


def figures(G: nn.Module, job: dict[str, Any]) -> dict[str, Any]:
    """What a job's row holds, of its enlarger."""

    def enlarger(small: Tensor) -> Tensor:
        return enlarging.enlarged(G, small)

    found = judged(enlarger, job["held_out"], job["times"])
    if job["others"]:
        found["otherwise"] = otherwise(enlarger, job["held_out"], job["times"])
    if job["seed"] or job["times"] != enlarging.TIMES or job["arm"] not in SHOWN:
        del found["strip"]  # no figure shows it
    return found


def ends(n: int, times: int) -> dict[str, Any]:
    """Bicubic enlargement, and the true pictures; the textures' floor: two halves of the true pictures."""

    def bicubic(small: Tensor) -> Tensor:
        return enlarge_bicubic(small, times)

    truth, windows = judges(n)
    halves = texture_distance(truth[::2], truth[1::2])
    return {
        "bicubic": {**judged(bicubic, n, times), "otherwise": otherwise(bicubic, n, times)},
        "truth": {**windows_of(truth, windows), "texture_of_halves": round(halves, 4)},
    }


def of_a_card(G: nn.Module, n: int) -> dict[str, float]:
    """What a card says of an enlarger: the fixed formulas, beside bicubic enlargement's."""
    truth = enlarging.held_out(min(n, enlarging.N_HELD_OUT))
    small = shrink(truth)
    of_g = scored(enlarging.enlarged(G, small), truth, small)
    bicubic = scored(enlarge_bicubic(small), truth, small)
    return {**of_g, **{f"bicubic_{name}": value for name, value in bicubic.items()}}
