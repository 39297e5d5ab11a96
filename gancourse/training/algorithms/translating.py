"""What `pix2pix` and `cyclegan` share: rates that stay and then fall, settings that a folder remembers, marks.

Their rounds differ; those are in their own files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gancourse.training.algorithms.base import Algorithm, Setting
from gancourse.training.translation import CycleRecipe, Pix2PixRecipe, falling_rate


class Translating(Algorithm):
    """Networks that make a picture of a picture, by a recipe. A subclass writes the rest.

    recipe: with decay the rates stay for half of the run, and then fall.
    """

    recipe: Pix2PixRecipe | CycleRecipe

    def start(self, setting: Setting) -> None:
        if setting.config.fast and setting.plan.precision == "bfloat16":  # in float32 either order is as quick
            self.to_channels_last()
        super().start(setting)

    def begin_epoch(self, epoch: int) -> None:
        if self.recipe.decay:
            rate = falling_rate(self.setting.config.lr, epoch, self.setting.config.epochs)
            for optimiser in self.optimisers.values():
                for group in optimiser.param_groups:
                    group["lr"] = rate

    def settings(self) -> dict[str, Any]:
        return {"translation": asdict(self.recipe)}

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return self.recipe.marks()
