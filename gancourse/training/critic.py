"""What a critic is trained with, as settings: its loss, what bounds its slope, its optimiser; and what cannot be.

`training.algorithms.wasserstein` runs a round with a `CriticRecipe`. The losses are in `training.pair_losses`, the
penalties in `training.penalties`, spectral normalisation in `models.spectral`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gancourse.models.base import Discriminator
from gancourse.models.clusters import ToldDiscriminator, TornGenerator
from gancourse.models.critics import Critic
from gancourse.models.spectral import normalised
from gancourse.training.augment import augmenting
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.settings import (
    amount,
    check,
    choice,
    falling,
    number,
    own_rate,
    part_of_batch,
    setting,
    switch,
    whole,
)

CONSTRAINTS = ("none", "clip", "spectral")
OPTIMISERS = ("adam", "rmsprop")
_SIGMOIDS = (nn.Sigmoid, nn.LogSigmoid, nn.Hardsigmoid, nn.Softmax)


@dataclass(frozen=True)
class CriticRecipe:
    """How a critic and its generator are trained. The defaults are Goodfellow's loss without any bound on the slope.

    The number of D's steps for one of G's, rates and betas are those of the run's `Config`: k, lr, betas.
    Raises ValueError for a value out of range, naming it, and for settings that make no sense together: a Wasserstein
    loss without a bound, two bounds at once, penalties beside clipping.
    """

    loss: str = choice("non_saturating", "the pair of losses of D and G", tuple(PAIR_LOSSES))
    constraint: str = choice(
        "none", "what bounds the critic's slope, beside penalties: its weights clipped, or spectral norm", CONSTRAINTS
    )
    clip: float = setting(
        0.01,
        "with the constraint clip: no weight of the critic is larger",
        number(lambda v: v > 0),
        "a positive number such as 0.01",
        kind=float,
    )
    gradient_penalty: float = amount("weight of E(|grad D| - 1)^2 between real and fake images", such_as="10")
    r1: float = amount("gamma of the R1 penalty, gamma/2 E|grad D(x)|^2 on real images")
    r2: float = amount("gamma of the R2 penalty, the same as R1 on fake images")
    penalty_share: float = part_of_batch("of a batch that penalties are computed on: the same on average, and cheaper")
    optimiser: str = choice("adam", "of both networks; rmsprop has no betas", OPTIMISERS)
    packing: int = setting(
        1, "images that the critic judges at once (PacGAN)", whole(1), "a whole number of at least 1", kind=int
    )
    warm_up: bool = setting(
        False,
        "100 critic steps in G's first 25 steps and in every 500th, as in the code of WGAN's authors",
        switch,
        "True or False",
    )
    lr_d: float | None = own_rate("D")
    lr_g: float | None = own_rate("G")
    decay: bool = falling()
    augment: tuple[str, ...] = augmenting()

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        check(self)
        bounded = self.constraint != "none" or self.penalised
        if self.loss == "wasserstein" and not bounded:
            raise ValueError(
                'loss is "wasserstein" and nothing bounds the critic\'s slope, so that its loss falls for ever: use '
                'gradient_penalty=10, constraint="spectral" or constraint="clip".'
            )
        if self.constraint == "clip" and self.penalised:
            raise ValueError(
                'constraint is "clip" beside a penalty on the slope: take one of the two, as the papers do; '
                'constraint="none" keeps the penalty.'
            )
        if self.constraint == "spectral" and self.gradient_penalty:
            raise ValueError(
                f'constraint is "spectral" and gradient_penalty is {self.gradient_penalty:g}: one keeps the slope '
                "down, the other pulls it to 1; take one of the two."
            )

    @property
    def penalised(self) -> bool:
        """Whether a penalty on the critic's slope is in D's loss."""
        return bool(self.gradient_penalty or self.r1 or self.r2)

    def marks(self) -> dict[str, tuple[float, str]]:
        """Statistic -> its value at the equilibrium, or the value that a penalty asks for, and what to call that."""
        marks = dict(PAIR_LOSSES[self.loss].marks)
        return marks | ({"slope": (1.0, "1, asked for")} if self.gradient_penalty else {})


# Options of `models.networks("critic")` that a recipe decides.
OF_RECIPE = ("packing", "spectral")


def network_options(recipe: CriticRecipe) -> dict[str, int]:
    """What `models.networks("critic", ...)` has to be given for a recipe."""
    return {"packing": recipe.packing, "spectral": recipe.constraint == "spectral"}


def marks_in(config: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """The marks of a run of a critic, or of a BigGAN, from its config.json; none where that does not say."""
    if config.get("algorithm") == "biggan":
        return dict(PAIR_LOSSES["hinge"].marks)
    try:
        return CriticRecipe(**config["critic"]).marks()
    except (LookupError, TypeError, ValueError):
        return {}


def check_networks(G: nn.Module, D: nn.Module, recipe: CriticRecipe) -> None:
    """Raises ValueError, with the remedy, where a critic D, or a generator G, cannot be trained so.

    A critic that ends in a sigmoid; BatchNorm in one whose slope is penalised or bounded by spectral norm; spectral
    norm asked for and absent, or the other way round; as many channels as images and packing do not give; clusters.
    The course's discriminators will do: what they return is the logit before their Sigmoid.
    """
    if isinstance(G, TornGenerator) or isinstance(D, ToldDiscriminator):
        raise ValueError(
            f"{type(G).__name__} and {type(D).__name__} know clusters, which a critic here is not told of; use "
            'models.networks("critic").'
        )
    last = [layer for layer in D.modules() if not list(layer.children())][-1]
    stops_before = isinstance(D, Discriminator) and not isinstance(D, Critic)
    if isinstance(last, _SIGMOIDS) and not stops_before:
        raise ValueError(
            f"D ends in {type(last).__name__}: a critic's score is any real number, and a probability is not. Leave "
            "that layer out."
        )
    if any(isinstance(layer, _BatchNorm) for layer in D.modules()):
        if recipe.penalised:
            raise ValueError(
                "D has BatchNorm, and its slope is penalised: BatchNorm makes the score of an image depend on the "
                "whole batch, so that no image has a slope of its own. Use a D without, such as that of "
                'models.networks("critic"), or LayerNorm or InstanceNorm.'
            )
        if recipe.constraint == "spectral":
            raise ValueError(
                "D has BatchNorm beside spectral norm: dividing by a batch's standard deviation undoes the bound. Use "
                "a D without BatchNorm."
            )
    if bool(normalised(D)) != (recipe.constraint == "spectral"):
        raise ValueError(
            f'constraint is "{recipe.constraint}", and D has {"" if normalised(D) else "no "}spectral norm: use '
            'constraint="spectral" with models.networks("critic", spectral=True) or models.spectral.spectral_norm(D).'
        )
    judged, made = getattr(D, "image_shape", None), getattr(G, "image_shape", None)
    if judged and made and judged[0] != recipe.packing * made[0]:
        raise ValueError(
            f"packing is {recipe.packing} and G makes images of {made[0]} channels, so that D gets "
            f"{recipe.packing * made[0]}; it takes {judged[0]}. Make D with packing={recipe.packing}: "
            f'models.networks("critic", packing={recipe.packing}).'
        )
