"""Losses that are not Goodfellow's: pairs for D and G on scores s(x), any real numbers, none of them a probability.

A discriminator here need not answer "how probable is it that x is real?"; it may measure something else, and is then
called a critic. Every loss takes the scores of real images s(x) and of fake ones s(G(z)), each (B,), in at least
float32, and returns a scalar, a mean over the batch. D and G both minimise theirs.

G's loss takes both scores too, since in one of the pairs it compares a fake image with a real one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from gancourse.training import losses
from gancourse.training.losses import wide


@dataclass(frozen=True)
class PairLoss:
    """The losses of D and G that belong together, both on (real scores (B,), fake scores (B,)) -> a scalar.

    marks: statistic -> (its value where G makes the data's own distribution and D is best against it, what to call
    that). A statistic that may have any value there is left out. The mean scores are called score_real and score_fake.
    compares: whether G's loss looks at the real scores at all.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    marks: Mapping[str, tuple[float, str]]
    compares: bool = False


# --- Wasserstein -----------------------------------------------------------------------------------------------------


def wasserstein_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """-(E s(x) - E s(G(z))), which a critic minimises (Arjovsky et al. 2017, equation 3 and Algorithm 1).

    Scores (B,) -> a scalar. Minus it is an estimate of the earth mover's distance, from below, up to the factor K by
    which the critic is steeper than 1: for a critic as steep as the constraint allows and as good as it can be. Without
    a constraint it has no minimum. 0 where p_g = p, whatever the critic is: real and fake images are then alike.
    """
    return wide(fake_scores).mean() - wide(real_scores).mean()


def wasserstein_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """-E s(G(z)), which G minimises (Arjovsky et al. 2017, Theorem 3 and Algorithm 1); hinge's too.

    Scores (B,) -> a scalar; the real ones are not used. A score's zero is arbitrary (s + c is as good a critic as s),
    and so is this number: it is no measure of progress, only its gradient counts.
    """
    return -wide(fake_scores).mean()


# --- Hinge -----------------------------------------------------------------------------------------------------------


def hinge_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E max(0, 1 - s(x)) + E max(0, 1 + s(G(z))), which D minimises (Lim and Ye 2017; Miyato et al. 2018, eq. 16).

    Scores (B,) -> a scalar, at least 0. A real image that scores above 1 teaches D nothing more, nor does a fake one
    below -1. 2 where p_g = p: there every score in [-1, 1] is as good as any other, and none is better. Also 2 for a D
    that answers 0 everywhere.
    """
    return (1 - wide(real_scores)).relu().mean() + (1 + wide(fake_scores)).relu().mean()


# --- Least squares ---------------------------------------------------------------------------------------------------


def least_squares_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E (s(x) - 1)^2 / 2 + E s(G(z))^2 / 2, which D minimises (LSGAN: Mao et al. 2017, with targets a, b = 0, 1).

    Scores (B,) -> a scalar, at least 0. The best D is p / (p + p_g), as in Goodfellow's game, without a sigmoid. 1/4
    where p_g = p and D = 1/2.
    """
    return ((wide(real_scores) - 1).square().mean() + wide(fake_scores).square().mean()) / 2


def least_squares_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E (s(G(z)) - 1)^2 / 2, which G minimises (LSGAN: Mao et al. 2017, with the target c = 1).

    Scores (B,) -> a scalar, at least 0; the real ones are not used. A fake that D is sure of pulls the harder the
    surer D is, and so does one that scores above 1. 1/8 where p_g = p and D = 1/2.
    """
    return (wide(fake_scores) - 1).square().mean() / 2


# --- Relativistic ----------------------------------------------------------------------------------------------------


def relativistic_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E softplus(-(s(x) - s(G(z)))), which D minimises (Jolicoeur-Martineau 2018; R3GAN: Huang et al. 2024).

    Scores (B,), of as many real images as fake ones, which are compared in pairs -> a scalar. D need not say what is
    real, only which of two is more so: collapsing onto one mode then costs G with all others. ln 2 where the two score
    alike; as a D with constant scores does, and the best one where p_g = p. Raises ValueError for unequal numbers.
    """
    return softplus(-_differences(real_scores, fake_scores)).mean()


def relativistic_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E softplus(-(s(G(z)) - s(x))), which G minimises (Jolicoeur-Martineau 2018; R3GAN: Huang et al. 2024).

    Scores (B,), of as many real images as fake ones -> a scalar: G too is judged beside real images. ln 2 where the two
    score alike. Raises ValueError for unequal numbers.
    """
    return softplus(_differences(real_scores, fake_scores)).mean()


def _differences(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """s(x) - s(G(z)), pair by pair, (B,)."""
    if real_scores.shape != fake_scores.shape:
        raise ValueError(
            f"the relativistic loss compares pairs, and there are scores of shape {tuple(real_scores.shape)} and "
            f"{tuple(fake_scores.shape)}; give as many real images as fake ones."
        )
    return wide(real_scores) - wide(fake_scores)


# --- Goodfellow's, in the same form -----------------------------------------------------------------------------------


def non_saturating_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """`losses.non_saturating_loss` of the fake scores (B,) -> a scalar; the real ones are not used. ln 2 at s = 0.

    Its partner is `losses.discriminator_loss` (Goodfellow et al. 2014, equation 1 and section 3). A score is a logit
    here: 0 where p_g = p and D is best.
    """
    return losses.non_saturating_loss(fake_scores)


_LN_2 = (math.log(2), "ln 2")
_BOTH = ("score_real", "score_fake")
PAIR_LOSSES = {
    "wasserstein": PairLoss(wasserstein_discriminator, wasserstein_generator, {"loss_d": (0.0, "0")}),
    "hinge": PairLoss(hinge_discriminator, wasserstein_generator, {"loss_d": (2.0, "2")}),
    "least_squares": PairLoss(
        least_squares_discriminator,
        least_squares_generator,
        {"loss_d": (1 / 4, "1/4"), "loss_g": (1 / 8, "1/8"), **{name: (0.5, "1/2") for name in _BOTH}},
    ),
    "relativistic": PairLoss(
        relativistic_discriminator, relativistic_generator, {"loss_d": _LN_2, "loss_g": _LN_2}, compares=True
    ),
    "non_saturating": PairLoss(
        losses.discriminator_loss,
        non_saturating_generator,
        {"loss_d": (2 * math.log(2), "2 ln 2"), "loss_g": _LN_2, **{name: (0.0, "0") for name in _BOTH}},
    ),
}
