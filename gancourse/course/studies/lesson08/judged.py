"""What is measured of a generator that paints churches from label maps: against the truth, and against itself."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies import translations
from gancourse.data import sheets
from gancourse.data.churches import FACTORS
from gancourse.data.images import unscale
from gancourse.evaluation import feature_statistics, frechet_distance
from gancourse.evaluation.church_reader import church_features
from gancourse.evaluation.segmenter import mean_iou, segment
from gancourse.evaluation.translation import colourfulness, distinct, enlarged, psnr, read_enlarged, ssim

DRAWS = 8  # pictures painted of one map
N_SHOWN = 6
MODES = ("eval", "dropout", "batch of 1", "batch of 50")


@torch.no_grad()
def painted(G: nn.Module, x: Tensor, mode: str, seed: int = 0) -> Tensor:
    """What G paints of maps x (N, 3, H, W) in one of MODES.

    "eval": BatchNorm's stored statistics, no dropout. "dropout": the same with dropout on. "batch of n": train mode, as
    the paper's code does with n = 1: BatchNorm uses the batch's own statistics. G is left as it was.
    """
    if mode in ("eval", "dropout"):
        return translations.translated(G, x, None if mode == "eval" else seed)
    before = {name: value.clone() for name, value in G.state_dict().items()}
    was = G.training
    G.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = torch.cat([G(part) for part in x.split(int(mode.rpartition(" ")[2]))])
    G.train(was)
    G.load_state_dict(before)
    return found


def scored(pictures: Tensor, n: int, code: bool) -> dict[str, float]:
    """Pictures (n, 3, 64, 64) in [-1, 1] of the n held-out maps, beside maps, true churches and factors."""
    _, y, maps, factors = translations.map_judges(n, code)
    read, parts = read_enlarged(pictures), segment(pictures)
    found = {
        "iou": mean_iou(parts, maps),
        "pixels": (parts == maps).double().mean().item(),
        "psnr": psnr(pictures, y).clamp(max=60).mean().item(),
        "ssim": ssim(pictures, y).mean().item(),
        "l1": (pictures - y).abs().mean().item() * 127.5,
        "distance": frechet_distance(
            *feature_statistics(enlarged(pictures), church_features(), allow_few=True), *_real(n)
        ),
        "colour": colourfulness(pictures, maps, "wall"),
        **{name: (read[name] == factors[name]).double().mean().item() for name in ("stone", "roof")},
    }
    return {name: round(value, 4) for name, value in found.items()}


@cache
def _real(n: int) -> tuple[Tensor, Tensor]:
    """Statistics of other churches by day: of seed 5, so that the true ones of the maps have a floor."""
    others = translations.churches_by_day(n, seed=5)
    return feature_statistics(enlarged(others), church_features(), allow_few=True)


def ceiling(n: int) -> dict[str, float]:
    """The same scores of the true churches."""
    return scored(translations.map_judges(n, False)[1], n, False)


def choices(G: nn.Module, n: int, code: bool) -> dict[str, Any]:
    """What dropout chooses where the map leaves it open: DRAWS pictures of each map, their stones as they are read.

    stones_a_map: different stones among the draws. stones: the shares of all six over everything. spread: how far the
    draws of one pixel lie apart, a standard deviation in levels of 255, on average.
    """
    x = translations.map_judges(n, code)[0]
    draws = torch.stack([painted(G, x, "dropout", seed) for seed in range(DRAWS)])
    stones = torch.stack([read_enlarged(draw)["stone"] for draw in draws])
    shares = torch.bincount(stones.flatten(), minlength=len(FACTORS["stone"])).double() / stones.numel()
    return {
        "stones_a_map": round(distinct(stones).double().mean().item(), 3),
        "stones": [round(share, 4) for share in shares.tolist()],
        "spread": round(draws.std(0).mean().item() * 127.5, 3),
    }


def figures(G: nn.Module, n: int, code: bool) -> dict[str, Any]:
    """All of it, in every mode, and a strip of the first maps painted with dropout on."""
    x = translations.map_judges(n, code)[0]
    found: dict[str, Any] = {mode: scored(painted(G, x, mode), n, code) for mode in MODES}
    found |= choices(G, n, code)
    found["strip"] = sheets.pack(unscale(painted(G, x[:N_SHOWN], "dropout")))
    return found


def of_a_card(networks: dict[str, nn.Module], n: int) -> dict[str, float]:
    """What a card says of "G", painted with dropout on from plain maps."""
    n = min(n, translations.N_HELD_OUT)
    return scored(painted(networks["G"], translations.map_judges(n, False)[0], "dropout"), n, False)
