"""What lesson 10's study and notebook share: churches to enlarge, a run of SRResNet or SRGAN to its end, enlargements.

A job trains into a run folder below build/studies/runs, so that one that was stopped goes on after its last epoch. An
SRGAN begins with the SRResNet of its own seed, which the first job that needs it trains.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.churches import labelled_churches
from gancourse.data.degraded import CropPairs
from gancourse.data.images import Images, scale
from gancourse.models.base import eval_mode
from gancourse.models.catalogue import enlargers
from gancourse.models.fast_enlarger import FastEnlarger
from gancourse.models.srgan import SRResNet
from gancourse.training import Config, Trainer
from gancourse.training.algorithms.srgan import SRGAN
from gancourse.training.run import Run
from gancourse.training.superresolution import SRRecipe

RUNS = Path("build/studies/runs")
SIZE, TIMES = 256, 4  # pixels a side of the large pictures, and how many times smaller the small ones are
HELD_OUT = 4  # the seed of churches that judge; 0 trains, and the reader of windows has seeds of its own
N_HELD_OUT = 120
PIXELS = {"content": "pixels", "adversarial": 0.0}  # SRResNet's recipe


def churches(n: int, seed: int = 0) -> Images:
    """n churches (n, 3, 256, 256)."""
    return labelled_churches(n, SIZE, seed)[0]


def held_out(n: int = N_HELD_OUT) -> Tensor:
    """n churches that nothing was trained on, (n, 3, 256, 256) in [-1, 1]."""
    return scale(churches(n, HELD_OUT).pixels)


def generator_of(job: dict[str, Any]) -> nn.Module:
    """G of a job's run, trained to its end first where it is not; job has what `run_of` asks for.

    A run that is finished is only read, so that others may read it at the same time.
    """
    return _finished(job) or run_of(job).networks["G"]


def _finished(job: dict[str, Any]) -> nn.Module | None:
    """G of a run that is there and whole, made by these very settings."""
    run = Run(RUNS / job["key"])
    config = run.config
    if config is None or job["epochs"] not in run.checkpointed_epochs():
        return None
    made = {name: config[name] for name in ("epochs", "batch_size", "lr", "seed", "translation")}
    asked = [job["epochs"], job["batch"], job["lr"], job["seed"], asdict(SRRecipe(**job["recipe"]))]
    if list(made.values()) != asked:
        return None
    G = enlargers(**job["options"])["G"]
    G.load_state_dict(run.load(job["epochs"]).network("G"))
    return G


def run_of(job: dict[str, Any], progress: bool = False) -> Trainer:
    """A run to its end: job has key, images, times, epochs, batch, lr, how, options, seed, `recipe`, `start`.

    options: of `enlargers`. start: the job whose G it begins with, or None.
    """
    start = generator_of(job["start"]).state_dict() if job["start"] else None
    torch.manual_seed(job["seed"])
    networks = enlargers(**job["options"])
    if start:
        networks["G"].load_state_dict(start)
    algorithm = SRGAN(**networks, recipe=SRRecipe(**job["recipe"]))
    data = CropPairs(churches(job["images"]), job["times"], how=job["how"])
    config = Config("srgan", job["epochs"], job["batch"], lr=job["lr"], betas=(0.9, 0.999), seed=job["seed"])
    trainer = Trainer(algorithm, data, config, RUNS / job["key"], "cpu", keep_last=1)
    trainer.fit(progress=progress)
    return trainer


@torch.no_grad()
def enlarged(G: nn.Module, small: Tensor) -> Tensor:
    """What G makes of small pictures (N, 3, h, w) in [-1, 1], in eval mode: (N, 3, 4 h, 4 w) in [-1, 1]."""
    view = FastEnlarger(G) if type(G) is SRResNet else G
    with eval_mode(G):
        return torch.cat([view(part).clamp(-1, 1) for part in small.split(10)])
