"""CycleGAN (Zhu et al. 2017): two translators, there and back, learned from two sets of pictures without pairs.

Lesson 09 writes the round by hand. With the same settings both give the same weights, bit for bit; a test holds them
to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gancourse.data.images import scale
from gancourse.data.pairs import Batch, TrainingData, UnalignedPairs
from gancourse.models.cyclegan import Pool, ResNetTranslator
from gancourse.models.unet import PatchDiscriminator
from gancourse.training.algorithms.base import Setting
from gancourse.training.algorithms.translating import Translating
from gancourse.training.losses import wide
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.step import grad_norm, means
from gancourse.training.translation import CYCLE_LOSSES, CycleRecipe

N_FIXED = 8  # pictures of each side whose translations are kept, epoch by epoch


class CycleGAN(Translating):
    """One step of both generators, then one of both discriminators (Zhu et al. 2017, equation 3 and section 4).

    G_ab: pictures of the first side (B, C, H, W) in [-1, 1] -> such of the second; G_ba: back. D_a, D_b: pictures of a
    side -> logits, or scores, of patches. Data: `UnalignedPairs` of one picture size. The discriminators are shown
    fakes from a pool, which the run's checkpoints hold.

    statistics, each a mean over the two sides: the adversarial losses of D and G, the L1 distances of the way there and
    back and of the identity (before their weights), D's mean answers, the norms of the gradients.
    Raises ValueError for data in one set or in aligned pairs; the generators would see what they are to find.
    """

    name = "cyclegan"
    statistics = ("loss_d", "loss_g", "cycle", "identity", "score_real", "score_fake", "grad_norm_d", "grad_norm_g")
    recipe: CycleRecipe
    averages = {"ema_ab": "G_ab", "ema_ba": "G_ba"}

    def __init__(
        self, G_ab: nn.Module, G_ba: nn.Module, D_a: nn.Module, D_b: nn.Module, recipe: CycleRecipe | None = None
    ) -> None:
        super().__init__(G_ab=G_ab, G_ba=G_ba, D_a=D_a, D_b=D_b)
        self.recipe = CycleRecipe() if recipe is None else recipe

    @property
    def together(self) -> int:  # type: ignore[override]
        """A batch is passed whole: it is one picture of each side, or a few."""
        return self.setting.config.batch_size // self.setting.team.size

    def start(self, setting: Setting) -> None:
        if setting.accumulate > 1:
            raise ValueError(
                f"accumulate is {setting.accumulate}; CycleGAN's batches are one picture or a few: choose a smaller "
                "batch_size instead."
            )
        super().start(setting)
        alone = all(_gives_each_its_own(self.networks[name]) for name in ("G_ab", "G_ba", "D_a", "D_b"))
        self._together = setting.config.fast and alone

    def check(self, data: TrainingData) -> None:
        self.takes_no("k", "fresh_z", "loss")
        if not isinstance(data, UnalignedPairs):
            raise ValueError(f"{data.name} is not two sets without partners: give UnalignedPairs.")
        if data.a.shape != data.b.shape:
            raise ValueError(f"{data.a.name} is {data.a.shape}, {data.b.name} {data.b.shape}: scale one of them.")
        for side in "ab":  # of the data's size, so that they can only be made here
            if f"pool_{side}" not in self.networks:
                pool = Pool(self.recipe.pool, (data.a.shape[0], data.a.shape[1], data.a.shape[2]))
                self.networks[f"pool_{side}"] = pool.to(self.setting.device)

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        n = self.networks
        sides = {"opt_g": nn.ModuleList([n["G_ab"], n["G_ba"]]), "opt_d": nn.ModuleList([n["D_a"], n["D_b"]])}
        return {name: self.setting.adam(both) for name, both in sides.items()}

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """One batch (a, b), each (B, C, H, W) -> the eight statistics, (8,)."""
        ((a, b),) = batches
        recipe, pair, (weight_d, weight_g) = self.recipe, PAIR_LOSSES[self.recipe.loss], CYCLE_LOSSES[self.recipe.loss]
        G_ab, G_ba, D_a, D_b = (self.views[name] for name in ("G_ab", "G_ba", "D_a", "D_b"))
        opt_g, opt_d = self.optimisers["opt_g"], self.optimisers["opt_d"]
        stays = recipe.cycle and recipe.identity

        with _standing(D_a, D_b):
            if stays and self._together:
                (fake_b, same_b), (fake_a, same_a) = _in_one(G_ab, a, b), _in_one(G_ba, b, a)
            else:
                fake_b, fake_a = G_ab(a), G_ba(b)
            scores = wide(D_b(fake_b)), wide(D_a(fake_a))
            loss_g = weight_g * torch.stack([pair.generator(s.detach(), s) for s in scores]).sum()
            total, cycle, identity = loss_g, torch.zeros_like(loss_g), torch.zeros_like(loss_g)
            if recipe.cycle:
                cycle = _l1(G_ba(fake_b), a) + _l1(G_ab(fake_a), b)
                total = total + recipe.cycle * cycle
            if stays:
                if not self._together:
                    same_b, same_a = G_ab(b), G_ba(a)
                identity = _l1(same_b, b) + _l1(same_a, a)
                total = total + recipe.cycle * recipe.identity * identity
            opt_g.zero_grad()
            total.backward()
            opt_g.step()

        opt_d.zero_grad()
        loss_d, reals, fakes = torch.zeros((), device=a.device), [], []
        for D, real, fake, pool in ((D_a, a, fake_a, "pool_a"), (D_b, b, fake_b, "pool_b")):
            shown = self._pool(pool).exchange(fake.detach(), rng)
            of_real, of_fake = _in_one(D, real, shown) if self._together else (D(real), D(shown))
            reals.append(wide(of_real))
            fakes.append(wide(of_fake))
            loss_d = loss_d + weight_d * pair.discriminator(reals[-1], fakes[-1])
        loss_d.backward()
        opt_d.step()
        norms = [torch.stack([grad_norm(one) for one in side]).norm() for side in ((D_a, D_b), (G_ab, G_ba))]
        losses, answers = means(loss_d, loss_g, cycle, identity), means(torch.stack(reals), torch.stack(fakes))
        return torch.cat([losses / 2, answers, torch.stack(norms)])

    def _pool(self, name: str) -> Pool:
        pool = self.networks[name]
        assert isinstance(pool, Pool)
        return pool

    def fixed(self, data: TrainingData, seed: int) -> tuple[Tensor, Tensor]:
        assert isinstance(data, UnalignedPairs)
        some = torch.arange(min(N_FIXED, len(data)))
        return scale(data.a.rows(some)).cpu(), scale(data.b.rows(some)).cpu()

    def sample(self, networks: Mapping[str, nn.Module], fixed: tuple[Tensor, Tensor]) -> Tensor:
        """The first pictures of each side: as they are, translated, and translated back."""
        a, b = fixed
        G_ab, G_ba = networks.get("ema_ab", networks["G_ab"]), networks.get("ema_ba", networks["G_ba"])
        fake_b, fake_a = G_ab(a), G_ba(b)
        return torch.cat([a, fake_b, G_ba(fake_b), b, fake_a, G_ab(fake_a)])


def _gives_each_its_own(network: nn.Module) -> bool:
    """Whether a network of ours answers a picture in the same way in any batch: it has no BatchNorm."""
    own = isinstance(network, ResNetTranslator | PatchDiscriminator)
    return own and not any(isinstance(layer, _BatchNorm) for layer in network.modules())


def _in_one(network: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """network(x) and network(y), from one pass of both: two pictures cost less than twice one."""
    of_x, of_y = network(torch.cat([x, y])).chunk(2)
    return of_x, of_y


def _l1(x: Tensor, y: Tensor) -> Tensor:
    """The mean of |x - y|, a scalar; in float32, whatever autocast does."""
    return (x.float() - y).abs().mean()


@contextmanager
def _standing(*networks: nn.Module) -> Iterator[None]:
    """Networks whose parameters get no gradient for a while."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)
