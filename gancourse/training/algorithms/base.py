"""The seam between a trainer and a game: `Trainer` runs rounds, an `Algorithm` says what a round is.

A trainer knows epochs, history, progress, precision, averages, checkpoints, resuming and processes. An algorithm knows
its networks, what their losses are called, and what some steps on some batches do to them. A new algorithm is one class
in one file of this folder: it writes `round` and `sample`, and gets everything else from the trainer.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.pairs import Batch, TrainingData
from gancourse.models.fast import Plan
from gancourse.training.config import Config
from gancourse.training.processes import Team


@dataclass(frozen=True)
class Setting:
    """What a trainer gives its algorithm: everything that decides how a round is computed, and on what."""

    config: Config
    device: torch.device
    plan: Plan
    team: Team
    accumulate: int = 1  # parts that each batch passes the networks in; their gradients add up

    def adam(self, network: nn.Module, lr: float | None = None, betas: tuple[float, float] | None = None) -> Any:
        """Adam for a network, at the config's rate and betas where none are given, in one kernel where that works."""
        optimiser = torch.optim.Adam(
            network.parameters(), lr or self.config.lr, betas or self.config.betas, fused=self.plan.fused or None
        )
        return self.joined(optimiser)

    def joined(self, optimiser: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Any optimiser, made fit for several processes and for autocast; every algorithm's passes through here."""
        self.team.join(optimiser)
        # Autocast keeps a weight's bfloat16 copy until its context ends; with k > 1 D would be judged by an old one.
        optimiser.register_step_post_hook(lambda *_: torch.clear_autocast_cache())
        return optimiser


class Algorithm:
    """What a round is. A subclass sets the names below and writes `make_optimisers`, `round`, `fixed` and `sample`.

    networks: name -> network, initialised; trained in place, saved and resumed under these names.
    .optimisers: name -> optimiser, made by `start`. .views: name -> the network to compute with: itself, or a faster
        view of the same parameters (models.fast). .setting: what the trainer gave.

    statistics: names of the numbers that `round` returns, in order: columns of the history. A name that begins with
        "loss" must stay finite; the trainer stops where it does not.
    averages: name of an averaged network -> the network it follows, where the config asks for an average.
    together: images of a batch that no part of it may separate, where a batch is passed in parts.
    """

    name = ""
    statistics: tuple[str, ...] = ()
    averages: Mapping[str, str] = {}
    batches_per_round = 1
    together = 1

    def __init__(self, **networks: nn.Module) -> None:
        self.networks = networks
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.views: dict[str, nn.Module] = {}
        self.setting: Setting

    # -- what a subclass writes ----------------------------------------------------------------------------------

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Name -> optimiser, each from `self.setting.adam` or through `self.setting.joined`."""
        raise NotImplementedError

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """Some steps on `batches_per_round` batches: this process's share of each. All randomness comes from `rng`.

        Returns the statistics, (len(statistics),), without gradient, on the batches' device: the trainer adds them up
        there, since reading a number back would make the device wait.
        """
        raise NotImplementedError

    def fixed(self, data: TrainingData, seed: int) -> Any:
        """What samples are drawn from, the same at every epoch: z, or images that are held on to; on the CPU."""
        raise NotImplementedError

    def sample(self, networks: Mapping[str, nn.Module], fixed: Any) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] that show how far it is, by these networks, in eval mode."""
        raise NotImplementedError

    # -- what a subclass may change ------------------------------------------------------------------------------

    def check(self, data: TrainingData) -> None:
        """Look at the data once, before the first round. Raises ValueError where it does not fit the networks."""

    def begin_epoch(self, epoch: int) -> None:
        """Called before epoch `epoch`, counted from 0: learning rates that fall, noise that fades."""

    def settings(self) -> dict[str, Any]:
        """What a run folder remembers beside the config, as plain JSON values."""
        return {}

    def marks(self) -> Mapping[str, tuple[float, str]]:
        """Statistic -> its value at the game's equilibrium and what to call that: a dashed line in figures."""
        return {}

    def to_channels_last(self) -> None:
        """Lay the networks' weights in memory as convolution kernels want them; called before `start` makes views."""
        for network in self.networks.values():
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def takes_no(self, *names: str) -> None:
        """Raise ValueError where the run's config has another value than the default for settings not used here."""
        for one in fields(Config):
            value = getattr(self.setting.config, one.name)
            if one.name in names and value != one.default:
                raise ValueError(
                    f"{one.name} is {value!r}, which {self.name} has no use for; leave it at {one.default!r}."
                )

    # -- what the trainer calls ----------------------------------------------------------------------------------

    def start(self, setting: Setting) -> None:
        """Take the setting, move the networks to its device, make their faster views and their optimisers."""
        self.setting = setting
        for network in self.networks.values():
            network.to(setting.device)
        self.views = {name: setting.plan.prepare(network) for name, network in self.networks.items()}
        self.optimisers = self.make_optimisers()

    def twin(self, accumulate: int) -> Algorithm:
        """The same algorithm on copies of its networks, for trying what fits: nothing that it does reaches this one."""
        twin = copy.copy(self)
        twin.networks = copy.deepcopy(self.networks)
        twin.start(replace(self.setting, accumulate=accumulate))
        return twin
