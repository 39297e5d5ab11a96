"""A critic and its generator: WGAN, WGAN-GP, spectral normalisation, least squares, relativistic pairs; one algorithm.

What differs between them is data, a `CriticRecipe`: the pair of losses, what bounds the critic's slope, the optimiser.
`training.critic_step` has the two steps as one would write them by hand. With the same settings both give the same
weights, bit for bit; a test holds them to it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.images import Images
from gancourse.data.pairs import Batch, TrainingData
from gancourse.models.spectral import computed_once, held
from gancourse.training.algorithms.base import Setting
from gancourse.training.algorithms.two_networks import TwoNetworks
from gancourse.training.augment import augmented
from gancourse.training.critic import CriticRecipe, check_networks
from gancourse.training.critic_step import clip_weights, untouched
from gancourse.training.losses import wide
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.penalties import between, slopes, squared_slopes
from gancourse.training.step import draw_z, grad_norm, means

WARM_UP = {"steps": 100, "first": 25, "every": 500}  # of the code of WGAN's authors


class CriticGAN(TwoNetworks):
    """k steps of a critic, then one of the generator, by a `CriticRecipe` (WGAN: Arjovsky et al. 2017, Algorithm 1).

    G: z (B, z_size) -> images (B, C, H, W) in [-1, 1]. D: such images, or packs of them, -> scores (B,), any numbers.
    Every step draws its own fakes, G's too. In G's step nothing of D changes.

    statistics: the losses (D's without its penalty), the mean scores of real and fake images in D's steps, the weighted
    penalty and the mean slope |grad D| where it was taken, if there is one, and the norms of the gradients.
    Raises ValueError for networks that cannot be trained so: see `critic.check_networks`.
    """

    name = "critic"
    recipe: CriticRecipe

    def __init__(self, G: nn.Module, D: nn.Module, recipe: CriticRecipe | None = None) -> None:
        super().__init__(G=G, D=D)
        self.recipe = CriticRecipe() if recipe is None else recipe
        check_networks(G, D, self.recipe)
        self.pair = PAIR_LOSSES[self.recipe.loss]
        penalised = ("penalty", "slope") if self.recipe.penalised else ()
        self.statistics = ("loss_d", "loss_g", "score_real", "score_fake", *penalised, "grad_norm_d", "grad_norm_g")
        self._rounds = self._done = 0  # rounds of an epoch, and of the whole run until now

    @property
    def together(self) -> int:  # type: ignore[override]
        """The images of a pack, and of a group of packs where D compares these."""
        return self.recipe.packing * super().together

    def start(self, setting: Setting) -> None:
        """As every algorithm's. Raises ValueError for a batch that packs do not divide, and for another game's loss."""
        config, packing = setting.config, self.recipe.packing
        part = config.batch_size // setting.team.size // setting.accumulate
        if part % packing:
            raise ValueError(
                f"packing is {packing}, and D gets {part} images at a time, which packs of {packing} do not divide: "
                f"choose a batch_size, and parts of it, that are multiples of {packing}."
            )
        if config.loss not in ("non_saturating", self.recipe.loss):
            raise ValueError(
                f'Config.loss is "{config.loss}", a loss of Algorithm 1; a critic\'s is CriticRecipe(loss=...), one of '
                f"{', '.join(PAIR_LOSSES)}."
            )
        if not config.fresh_z:
            raise ValueError("fresh_z is False: a critic's generator steps on fresh fakes always; use fresh_z=True.")
        super().start(setting)

    def check(self, data: TrainingData) -> None:
        if not isinstance(data, Images):
            raise ValueError(f"{data.name} comes in tuples, and a critic takes images alone: give an Images.")
        self.check_parts()
        self._rounds = len(data) // (self.setting.config.batch_size * self.batches_per_round)

    def _optimiser(self, network: nn.Module, lr: float | None) -> torch.optim.Optimizer:
        if self.recipe.optimiser == "rmsprop":
            lr = lr or self.setting.config.lr
            return self.setting.joined(torch.optim.RMSprop(network.parameters(), lr))
        return super()._optimiser(network, lr)

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        self._done = epoch * self._rounds

    def settings(self) -> dict[str, Any]:
        return {"loss": self.recipe.loss, "critic": asdict(self.recipe) | {"augment": list(self.recipe.augment)}}

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return self.recipe.marks()

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """k batches (B, C, H, W) -> the statistics, one number each; D's are means over its steps.

        A round of the warm-up goes over its k batches of real images again and again, with fresh fakes.
        """
        x_reals = [x for x in batches if isinstance(x, Tensor)]
        steps = self._critic_steps(len(x_reals))
        of_d = torch.stack([self._critic_step(x_reals[i % len(x_reals)], rng) for i in range(steps)]).mean(0)
        loss_g, norm_g = self._generator_step(x_reals[-1], rng)
        self._done += 1
        return torch.cat([of_d[:1], loss_g[None], of_d[1:], norm_g[None]])

    def _critic_steps(self, k: int) -> int:
        first = self._done < WARM_UP["first"] or self._done % WARM_UP["every"] == 0
        return WARM_UP["steps"] if self.recipe.warm_up and first else k

    def _critic_step(self, x_real: Tensor, rng: torch.Generator) -> Tensor:
        """Returns loss_d, score_real, score_fake, penalty and slope where there is one, grad_norm_d."""
        G, D, opt_d = self.views["G"], self.views["D"], self.optimisers["opt_d"]
        parts, recipe = self.setting.accumulate, self.recipe
        z = draw_z(G, len(x_real), rng, self.setting.team.share)
        found = torch.zeros(len(self.statistics) - 3, device=x_real.device)
        opt_d.zero_grad()
        for i, (x_part, z_part) in enumerate(zip(x_real.chunk(parts), z.chunk(parts), strict=True)):
            with torch.no_grad():
                x_fake = self._view(G(z_part), rng)
            x_part = self._view(x_part, rng)
            once = held(D) if i else contextlib.nullcontext()  # one power iteration a step, however many parts
            with once, computed_once(D):
                real_scores, fake_scores = wide(D(x_part)), wide(D(x_fake))
                total = loss_d = self.pair.discriminator(real_scores, fake_scores)
                said = [loss_d, real_scores, fake_scores]
                if recipe.penalised:
                    penalty, slope = self._penalty(D, x_part, x_fake, rng)
                    total = loss_d + penalty
                    said += [penalty, slope]
                (total / parts).backward()
            found += means(*said) / parts
        opt_d.step()
        if recipe.constraint == "clip":
            clip_weights(self.networks["D"], recipe.clip)
        return torch.cat([found, grad_norm(D)[None]])

    def _penalty(self, D: nn.Module, x_real: Tensor, x_fake: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """The penalties with their weights, a scalar, and the slopes where they were taken."""
        recipe, terms, found = self.recipe, [], []
        some = math.ceil(recipe.penalty_share * len(x_real))
        x_real, x_fake = x_real[:some], x_fake[:some]
        if recipe.gradient_penalty:
            slope = slopes(D, between(x_real, x_fake, rng, self.setting.team.share))
            terms.append(recipe.gradient_penalty * (slope - 1).square().mean())
            found.append(slope.detach())
        for gamma, x in ((recipe.r1, x_real), (recipe.r2, x_fake)):
            if gamma:
                squared = squared_slopes(D, x)
                terms.append(gamma / 2 * squared.mean())
                found.append(squared.detach().sqrt())
        penalty = terms[0]
        for term in terms[1:]:
            penalty = penalty + term
        return penalty, torch.cat(found)

    def _generator_step(self, x_real: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Returns loss_g and grad_norm_g."""
        G, D, opt_g = self.views["G"], self.views["D"], self.optimisers["opt_g"]
        parts, pair = self.setting.accumulate, self.pair
        with untouched(D):
            z = draw_z(G, len(x_real), rng, self.setting.team.share)
            mean = torch.zeros((), device=x_real.device)
            opt_g.zero_grad()
            for x_part, z_part in zip(x_real.chunk(parts), z.chunk(parts), strict=True):
                x_fake = self._view(G(z_part), rng)
                with computed_once(D):
                    fake_scores = wide(D(x_fake))
                    real_scores = wide(D(self._view(x_part, rng))) if pair.compares else fake_scores.detach()
                    loss_g = pair.generator(real_scores, fake_scores)
                    (loss_g / parts).backward()
                mean += loss_g.detach() / parts
            opt_g.step()
        return mean, grad_norm(G)

    def _view(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Images (B, C, H, W), augmented -> packs of so many as channels of one, (B / packing, packing x C, H, W)."""
        x, packing = augmented(x, self.recipe.augment, rng, self.setting.team.share), self.recipe.packing
        return x if packing == 1 else x.reshape(len(x) // packing, packing * x.shape[1], *x.shape[2:])
