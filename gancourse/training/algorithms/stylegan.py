"""StyleGAN2's game (Karras et al. 2020): Goodfellow's losses, penalties that are taken seldom, styles that are mixed.

Lesson 11 writes the round by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.images import Images
from gancourse.data.pairs import Batch, TrainingData
from gancourse.models.growing import fade_in
from gancourse.models.spectral import computed_once, held
from gancourse.models.stylegan import StyleGenerator
from gancourse.training.algorithms.two_networks import TwoNetworks
from gancourse.training.augment import augmented
from gancourse.training.losses import discriminator_loss, non_saturating_loss, wide
from gancourse.training.penalties import r1_penalty
from gancourse.training.step import draw_z, grad_norm, means
from gancourse.training.style import StyleRecipe, crossed, lazy, path_lengths

PATH_SHRINK = 2  # the path length is measured on a batch that is so many times smaller
PATH_KEPT = 0.99  # of the running mean of path lengths, from one penalty to the next


class StyleGAN(TwoNetworks):
    """One step of D, one of G; every few rounds one more step of each, on a penalty alone (Karras et al. 2020, 3.1).

    G: a `StyleGenerator`. D: images (B, 3, H, W) -> logits (B,), without BatchNorm. Every step draws its own fakes,
    with noise of their own. With `r1_every` or `path_every` 1 the penalty is in the loss of every step.

    statistics: the losses without penalties; D's mean answers for real and fake images in D's step; R1, E|grad D|^2,
    and the path length, 0 in rounds that do not take them and as many times as large in those that do as makes the
    epoch's mean that of the rounds that took them; the norms of the gradients. Raises ValueError for another G.
    """

    name = "stylegan"
    statistics = ("loss_d", "loss_g", "d_real", "d_fake", "r1", "path_length", "grad_norm_d", "grad_norm_g")
    batches_per_round = 1
    recipe: StyleRecipe  # type: ignore[assignment]

    def __init__(self, G: nn.Module, D: nn.Module, recipe: StyleRecipe | None = None) -> None:
        super().__init__(G=G, D=D)
        if not isinstance(G, StyleGenerator):
            raise ValueError(f'G is a {type(G).__name__}; StyleGAN trains those of models.networks("stylegan").')
        self.recipe = StyleRecipe() if recipe is None else recipe
        self._rounds = self._done = 0
        self.started_from = ""  # the SHA-256 of the weights that both networks have grown from
        self.before: Mapping[str, Any] = {}  # the settings of the run that made them, for a card

    @property
    def _gamma(self) -> float:
        return self.recipe.gamma(self._G.image_shape[-1], self.setting.config.batch_size)

    def check(self, data: TrainingData) -> None:
        self.takes_no("k", "fresh_z", "loss")
        if not isinstance(data, Images):
            raise ValueError(f"{data.name} comes in tuples, and StyleGAN takes images alone: give an Images.")
        self.check_parts()
        self._rounds = len(data) // self.setting.config.batch_size

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam; where a penalty has steps of its own, with the rate and betas of `lazy`."""
        config, recipe = self.setting.config, self.recipe
        seldom = {"G": (recipe.path_length, recipe.path_every), "D": (self._gamma, recipe.r1_every)}
        made: dict[str, torch.optim.Optimizer] = {}
        for name, (weight, every) in seldom.items():
            rate, betas = (recipe.lr_g if name == "G" else recipe.lr_d) or config.lr, config.betas
            if weight and every > 1:
                rate, betas = lazy(rate, betas, every)
            made[f"opt_{name.lower()}"] = self.setting.adam(self.networks[name], rate, betas)
        return made

    def begin_epoch(self, epoch: int) -> None:
        self._done = epoch * self._rounds

    def settings(self) -> dict[str, Any]:
        grew = {"start": self.started_from, "before": dict(self.before)} if self.started_from else {}
        return {"style": asdict(self.recipe) | {"augment": list(self.recipe.augment)}} | grew

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return self.recipe.marks()

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """One batch (B, 3, H, W) -> the eight statistics, (8,)."""
        (x_real,) = batches
        assert isinstance(x_real, Tensor)
        recipe, none = self.recipe, x_real.new_zeros(())
        fade_in(self.networks["D"], self._done * self.setting.config.batch_size, recipe.fade)
        takes_r1 = bool(self._gamma) and self._done % recipe.r1_every == 0
        takes_path = bool(recipe.path_length) and self._done % recipe.path_every == 0
        of_d, r1 = self._discriminator_step(x_real, rng, takes_r1 and recipe.r1_every == 1)
        if takes_r1 and recipe.r1_every > 1:
            r1 = self._times(recipe.r1_every) * self._r1_step(x_real, rng)
        loss_g, norm_g, path = self._generator_step(len(x_real), rng, takes_path and recipe.path_every == 1)
        if takes_path and recipe.path_every > 1:
            path = self._times(recipe.path_every) * self._path_step(len(x_real), rng)
        self._done += 1
        loss_d, d_real, d_fake, norm_d = of_d
        return torch.stack([loss_d, loss_g, d_real, d_fake, none + r1, none + path, norm_d, norm_g])

    def _times(self, every: int) -> float:
        """Rounds of this epoch for each of its rounds whose number `every` divides."""
        first = self._done // self._rounds * self._rounds
        taken = len(range(-(-first // every) * every, first + self._rounds, every))
        return self._rounds / taken

    # -- steps ---------------------------------------------------------------------------------------------------

    def _discriminator_step(self, x_real: Tensor, rng: torch.Generator, with_r1: bool) -> tuple[Tensor, Tensor]:
        """loss_d, d_real, d_fake and grad_norm_d, (4,); R1, where it is in the loss."""
        D, opt_d, parts = self.views["D"], self.optimisers["opt_d"], self.setting.accumulate
        found, r1 = torch.zeros(3, device=x_real.device), x_real.new_zeros(())
        opt_d.zero_grad()
        for x in x_real.chunk(parts):
            with torch.no_grad():
                x_fake = self._fakes(len(x), rng)[0]
            with computed_once(self.networks["D"]):
                real_logits, fake_logits = wide(D(self._seen(x, rng))), wide(D(self._seen(x_fake, rng)))
                loss_d = total = discriminator_loss(real_logits, fake_logits)
                if with_r1:
                    slope = r1_penalty(D, self._seen(x, rng))
                    total, r1 = total + self._gamma / 2 * slope, r1 + slope.detach() / parts
                (total / parts).backward()
            found += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
        opt_d.step()
        return torch.cat([found, grad_norm(D)[None]]), r1

    def _r1_step(self, x_real: Tensor, rng: torch.Generator) -> Tensor:
        """A step of D on R1 alone, `r1_every` times as heavy; returns R1 itself."""
        D, opt_d, parts = self.views["D"], self.optimisers["opt_d"], self.setting.accumulate
        r1 = x_real.new_zeros(())
        opt_d.zero_grad()
        for x in x_real.chunk(parts):
            slope = r1_penalty(D, self._seen(x, rng))
            (self.recipe.r1_every * self._gamma / 2 * slope / parts).backward()
            r1 += slope.detach() / parts
        opt_d.step()
        return r1

    def _generator_step(self, n: int, rng: torch.Generator, with_path: bool) -> tuple[Tensor, Tensor, Tensor]:
        """loss_g, grad_norm_g; the path length, where its penalty is in the loss."""
        G, D, opt_g, parts = self._G, self.views["D"], self.optimisers["opt_g"], self.setting.accumulate
        loss_sum = torch.zeros((), device=rng.device)
        path = torch.zeros((), device=rng.device)
        D.requires_grad_(False)
        try:
            opt_g.zero_grad()
            for _ in range(parts):
                x_fake, w = self._fakes(n // parts, rng)
                now = self.setting.team.mean(w.detach().mean(0))
                G.mapping.w_mean.lerp_(now, (1 - self.recipe.w_decay) / parts)
                with held(self.networks["D"]):
                    loss_g = total = non_saturating_loss(D(self._seen(x_fake, rng)))
                if with_path:
                    penalty, length = self._path_penalty(n // parts, rng)
                    total, path = total + self.recipe.path_length * penalty, path + length / parts
                (total / parts).backward()
                loss_sum += loss_g.detach() / parts
            opt_g.step()
        finally:  # whoever stops the kernel here keeps a D that can train
            D.requires_grad_(True)
        return loss_sum, grad_norm(G), path

    def _path_step(self, n: int, rng: torch.Generator) -> Tensor:
        """A step of G on the path length alone, `path_every` times as heavy; returns the length itself."""
        opt_g, parts = self.optimisers["opt_g"], self.setting.accumulate
        found = torch.zeros((), device=rng.device)
        opt_g.zero_grad()
        for _ in range(parts):
            penalty, length = self._path_penalty(n // parts, rng)
            (self.recipe.path_every * self.recipe.path_length * penalty / parts).backward()
            found += length / parts
        opt_g.step()
        return found

    def _path_penalty(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """E(|J^T y| - a)^2 on a smaller batch, a the running mean of lengths; and the mean length now."""
        G = self._G
        n = max(1, n // PATH_SHRINK)
        w, noise = self._styles(n, rng)[0], self._noise(n, rng)
        y = self._drawn(rng, n, *G.image_shape) / math.sqrt(G.image_shape[1] * G.image_shape[2])
        with torch.autocast(rng.device.type, enabled=False):  # second derivatives in bfloat16 would be noise
            lengths = path_lengths(G.synthesis, w, noise, y)
        now = self.setting.team.mean(lengths.detach().mean())
        G.path_mean.lerp_(now, (1 - PATH_KEPT) / self.setting.accumulate)
        return (lengths - G.path_mean).square().mean(), now

    # -- what they are given ---------------------------------------------------------------------------------------

    @property
    def _G(self) -> StyleGenerator:
        G = self.networks["G"]
        assert isinstance(G, StyleGenerator)
        return G

    def _drawn(self, rng: torch.Generator, n: int, *shape: int) -> Tensor:
        """N(0, 1), (n, *shape): drawn for all processes, this one's part."""
        rank, processes = self.setting.team.share
        return torch.randn(n * processes, *shape, generator=rng, device=rng.device)[rank::processes]

    def _noise(self, n: int, rng: torch.Generator) -> list[Tensor]:
        """One map for each convolution, (n, 1, h, w)."""
        return [self._drawn(rng, n, 1, side, side) for side in self._G.synthesis.noise_sides]

    def _styles(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """n images' w, layer by layer, (n, n_styles, w_size), some of them mixed; and unmixed, (n, w_size)."""
        G, (rank, processes) = self._G, self.setting.team.share
        n_styles = G.synthesis.n_styles
        w, other = (G.mapping(draw_z(G, n, rng, self.setting.team.share)) for _ in "12")
        u, v = torch.rand(2, n * processes, generator=rng, device=rng.device)[:, rank::processes]
        cut = 1 + (v * (n_styles - 1)).long().clamp(max=n_styles - 2)
        first = torch.where(u < self.recipe.mixing, cut, n_styles)
        return crossed(w, other, first, n_styles), w

    def _fakes(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """n images of fresh z and noise, and their w before they are mixed."""
        styles, w = self._styles(n, rng)
        return self._G.synthesis(styles, self._noise(n, rng)), w

    def _seen(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """What D gets to see of images."""
        return augmented(x, self.recipe.augment, rng, self.setting.team.share)
