"""What the studies of lessons 08 and 09 share: runs in folders that a stop cannot lose, held-out churches, and judging.

A job trains into a run folder below build/studies/runs, so that one that was stopped in the middle of its training goes
on after its last epoch. What comes out is judged on churches of a seed that nothing is trained on.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.churches.tasks import map_pairs, true_pairs, unpaired
from gancourse.data.images import scale
from gancourse.data.pairs import AlignedPairs
from gancourse.models.base import eval_mode
from gancourse.models.catalogue import translators
from gancourse.models.unet import painting
from gancourse.training import Config, CycleGAN, CycleRecipe, Pix2Pix, Pix2PixRecipe, Trainer

RUNS = Path("build/studies/runs")
HELD_OUT = 4  # the seed of churches that judge; 0 to 3 train
N_HELD_OUT = 400  # a covariance of the church reader needs 384


@torch.no_grad()
def translated(G: nn.Module, x: Tensor, seed: int | None = None) -> Tensor:
    """What G makes of pictures x (N, C, H, W) in [-1, 1], in eval mode; seed: with its dropout on, drawn from it."""
    mode = eval_mode if seed is None else painting
    with mode(G), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed or 0)
        return torch.cat([G(part) for part in x.split(50)])


def pix2pix(job: dict[str, Any], progress: bool = False) -> Trainer:
    """A run of Pix2Pix to its end: job has key, pairs, epochs, batch, width, code, seed, and `recipe`, its settings."""
    recipe = Pix2PixRecipe(**job["recipe"])
    torch.manual_seed(job["seed"])
    networks = translators("pix2pix", job["width"], conditional=int(recipe.conditional))
    data = map_pairs(job["pairs"], code=job["code"])[0]
    config = Config("pix2pix", job["epochs"], job["batch"], seed=job["seed"])
    return _to_its_end(job, Pix2Pix(**networks, recipe=recipe), data, config, progress)


def cyclegan(job: dict[str, Any], progress: bool = False) -> Trainer:
    """A run of CycleGAN to its end: job has key, task, pairs, epochs, batch, lr, width, seed, and `recipe`."""
    torch.manual_seed(job["seed"])
    networks = translators("cyclegan", job["width"])
    algorithm = CycleGAN(**networks, recipe=CycleRecipe(**job["recipe"]))
    config = Config("cyclegan", job["epochs"], job["batch"], lr=job["lr"], seed=job["seed"])
    return _to_its_end(job, algorithm, unpaired(job["task"], job["pairs"]), config, progress)


def _to_its_end(job: dict[str, Any], algorithm: Any, data: Any, config: Config, progress: bool) -> Trainer:
    trainer = Trainer(algorithm, data, config, RUNS / job["key"], "cpu", keep_last=1)
    trainer.fit(progress=progress)
    return trainer


@cache
def map_judges(n: int, code: bool) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """n held-out maps as G is given them, their churches, both (n, 3, 64, 64) in [-1, 1]; maps; factors."""
    pairs, maps, factors = map_pairs(n, seed=HELD_OUT, code=code)
    return scale(pairs.a.pixels), scale(pairs.b.pixels), maps, factors


def churches_by_day(n: int, seed: int) -> Tensor:
    """n churches in the light of `map_pairs`, (n, 3, 64, 64) in [-1, 1]."""
    return scale(map_pairs(n, seed=seed)[0].b.pixels)


def paired(job: dict[str, Any], progress: bool = False) -> dict[str, nn.Module]:
    """What CycleGAN's generator reaches where it is given pairs: both directions, each trained on L1 alone.

    As many pictures, in the same order of seeds: true pairs of seed 1. Returns "G_ab" and "G_ba".
    """
    found = {}
    pairs = true_pairs(job["task"], job["pairs"], seed=1)[0]
    for way, data in (("G_ab", pairs), ("G_ba", AlignedPairs(pairs.b, pairs.a))):
        torch.manual_seed(job["seed"])
        networks = translators("cyclegan", job["width"])
        algorithm = Pix2Pix(networks[way], networks["D_a"], Pix2PixRecipe(adversarial=0.0, decay=True))
        config = Config("cyclegan", job["epochs"], job["batch"], lr=job["lr"], seed=job["seed"])
        trainer = _to_its_end(job | {"key": f"{job['key']}-{way}"}, algorithm, data, config, progress)
        found[way] = trainer.networks["G"]
    return found
