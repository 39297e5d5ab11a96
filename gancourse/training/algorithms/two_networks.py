"""What `minimax` and `wasserstein` share: a generator against one discriminator, their two rates, samples of fixed z.

Their rounds differ, and what they add to them; that is in their own files.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse.data.pairs import TrainingData
from gancourse.models.style_discriminator import GROUP, MinibatchDeviation
from gancourse.training.algorithms.base import Algorithm
from gancourse.training.critic import CriticRecipe
from gancourse.training.recipe import Recipe
from gancourse.training.step import draw_z

N_FIXED = 64


class TwoNetworks(Algorithm):
    """A generator G and a discriminator D, k of whose steps make a round. A subclass writes `round`.

    recipe: its lr_g and lr_d, where they are not None, are the rates of G and D instead of the run's; with decay they
    fall. Samples are the images of N_FIXED fixed z, by the average of G where there is one.
    """

    averages = {"ema": "G"}
    recipe: Recipe | CriticRecipe

    @property
    def batches_per_round(self) -> int:  # type: ignore[override]
        """k, one for each step of D."""
        return self.setting.config.k

    @property
    def together(self) -> int:  # type: ignore[override]
        """The images that D compares with each other (`MinibatchDeviation`), or 1."""
        return GROUP if any(isinstance(part, MinibatchDeviation) for part in self.networks["D"].modules()) else 1

    def check_parts(self) -> None:
        """Raises ValueError where a part of a batch, or a process's share, would separate images that D compares."""
        config, parts = self.setting.config, self.setting.team.size * self.setting.accumulate
        if parts > 1 and config.batch_size // parts % self.together:
            raise ValueError(
                f"D gets {config.batch_size // parts} images at a time, and is told how much those of a group of "
                f"{self.together} differ: choose a batch_size whose parts are multiples of {self.together}."
            )

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        G, D = self.networks["G"], self.networks["D"]
        return {"opt_g": self._optimiser(G, self.recipe.lr_g), "opt_d": self._optimiser(D, self.recipe.lr_d)}

    def _optimiser(self, network: nn.Module, lr: float | None) -> torch.optim.Optimizer:
        """Of one network; lr None: the run's rate."""
        optimiser: torch.optim.Optimizer = self.setting.adam(network, lr)
        return optimiser

    def begin_epoch(self, epoch: int) -> None:
        config, recipe = self.setting.config, self.recipe
        if recipe.decay:
            for name, rate in (("opt_g", recipe.lr_g), ("opt_d", recipe.lr_d)):
                for group in self.optimisers[name].param_groups:
                    group["lr"] = (1 - epoch / config.epochs) * (rate or config.lr)

    def fixed(self, data: TrainingData, seed: int) -> Tensor:
        return draw_z(self.networks["G"], N_FIXED, torch.Generator().manual_seed(seed + 1_000_003))

    def sample(self, networks: Mapping[str, nn.Module], fixed: Tensor) -> Tensor:
        images: Tensor = networks.get("ema", networks["G"])(fixed)
        return images
