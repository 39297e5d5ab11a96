"""Critics as rulers: a small MLP on two fixed samples of the plane, held to slope 1 by one constraint or another.

Beside what it says, E s(x) - E s(y), stands the exact W1 of the two samples (`transport.w1_assignment`), and how steep
the critic is (`lipschitz`). Nothing moves but the critic: what is asked is how long it takes to be a ruler, and of
what.

Sources: [ACB17] Arjovsky, Chintala and Bottou 2017; [G17] Gulrajani et al. 2017; [M18] Miyato et al. 2018; [MGN18]
Mescheder et al. 2018; asked before by Mallasto et al. 2019, "How well do WGANs estimate the Wasserstein metric?".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.models.spectral import spectral_norm
from gancourse.theory import plane
from gancourse.theory.games import ring_centres, sample_ring
from gancourse.theory.lipschitz import frozen_copy, largest_slope, slope_bound
from gancourse.theory.playground import Net
from gancourse.theory.transport import w1_assignment
from gancourse.training.critic_step import clip_weights
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.penalties import gradient_penalty, r1_penalty

POINTS = 1000  # of each sample
STEPS = (1, 3, 10, 30, 100, 300)
CONSTRAINTS = ("clip", "penalty", "spectral", "r1", "none")


# ------------------------------------------------------------------------------------------- pairs of samples


def _gaussian(x: float) -> plane.Source:
    return lambda n, rng: torch.tensor([x, 0.0]) + 0.5 * torch.randn(n, 2, generator=rng)


def _one_mode(n: int, rng: torch.Generator) -> Tensor:
    return ring_centres()[0] + 0.1 * torch.randn(n, 2, generator=rng)


#: name -> the sources of x (the real points) and of y
PAIRS: dict[str, tuple[plane.Source, plane.Source]] = {
    "two Gaussians": (_gaussian(-1.5), _gaussian(1.5)),
    "ring and one mode": (sample_ring, _one_mode),
    "ring and ring": (sample_ring, sample_ring),
}


def samples(pair: str, seed: int, points: int = POINTS) -> tuple[Tensor, Tensor]:
    """The two samples of a pair, (points, 2) float32 each. Raises ValueError for an unknown pair or no points."""
    if pair not in PAIRS:
        raise ValueError(f"pair is {pair!r}, expected one of {', '.join(PAIRS)}")
    if points < 1:
        raise ValueError(f"points is {points}, expected at least 1 of each sample")
    rng = torch.Generator().manual_seed(seed)
    x, y = (source(points, rng) for source in PAIRS[pair])
    return x, y


@lru_cache(maxsize=64)
def exact(pair: str, seed: int, points: int = POINTS) -> float:
    """W1 between the two samples of `samples`, exactly. Raises ValueError as it does."""
    return w1_assignment(*samples(pair, seed, points))


# ---------------------------------------------------------------------------------------------- the critic

Loss = Callable[[Tensor, Tensor], Tensor]
#: what the critic minimises, from s(x) (n,) and s(y) (m,); "logistic" is Algorithm 1's
LOSSES: dict[str, Loss] = {
    "wasserstein": PAIR_LOSSES["wasserstein"].discriminator,
    "hinge": PAIR_LOSSES["hinge"].discriminator,
    "logistic": PAIR_LOSSES["non_saturating"].discriminator,
}


@dataclass(frozen=True)
class Setting:
    """How a critic is trained.

    constraint: one of CONSTRAINTS. strength: the clip, the penalty's weight, or R1's gamma; nothing for the others.
    loss: one of LOSSES. negative_slope: of its LeakyReLUs; 0 makes ReLUs. optimiser: "Adam" (betas 0 and 0.9, [G17])
    or "RMSprop" ([ACB17]). Raises ValueError for anything else.
    """

    constraint: str = "penalty"
    strength: float = 10.0
    loss: str = "wasserstein"
    negative_slope: float = 0.2
    optimiser: str = "Adam"
    lr: float = 1e-3

    def __post_init__(self) -> None:
        for name, known in (("constraint", CONSTRAINTS), ("loss", LOSSES), ("optimiser", ("Adam", "RMSprop"))):
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")
        for name in ("strength", "lr"):
            if not ((number := getattr(self, name)) > 0 and math.isfinite(number)):
                raise ValueError(f"{name} is {number}, expected a number above 0")

    def critic(self, seed: int = 0) -> Net:
        """A critic 2-128-128-128-1 with the weights of this seed; the global random state stays as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            critic = Net(1, layers=3, width=128)
            for layer in critic.modules():
                if isinstance(layer, nn.LeakyReLU):
                    layer.negative_slope = self.negative_slope
            if self.constraint == "spectral":
                spectral_norm(critic)  # draws the first vector of its power iteration
        return critic


def train(setting: Setting, x: Tensor, y: Tensor, steps: Sequence[int], seed: int = 0) -> Iterator[tuple[int, Net]]:
    """Train a critic on all of x (n, 2) and y (n, 2) at every step; after each of `steps` give (step, the critic then).

    It is one critic that goes on training: copy what should stay. Clipping follows each step ([ACB17] algorithm 1).
    Ends early, without an error, before the first step whose loss is not a finite number.
    Raises ValueError for steps that are not rising whole numbers from 1 up, and for samples of unequal size.
    """
    if list(steps) != sorted(set(steps)) or not steps or min(steps) < 1:
        raise ValueError(f"steps are {list(steps)}, expected rising whole numbers from 1 up, such as 1, 10, 100")
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} points and y has {len(y)}: the penalty pairs them, so give equally many")
    critic, rng = setting.critic(seed), torch.Generator().manual_seed(seed)
    made = {
        "Adam": lambda p: torch.optim.Adam(p, setting.lr, betas=(0.0, 0.9)),
        "RMSprop": lambda p: torch.optim.RMSprop(p, setting.lr),
    }
    optimiser = made[setting.optimiser](critic.parameters())
    for step in range(1, max(steps) + 1):
        loss = LOSSES[setting.loss](critic(x), critic(y))
        if setting.constraint == "penalty":
            loss = loss + setting.strength * gradient_penalty(critic, x, y, rng)
        elif setting.constraint == "r1":
            loss = loss + setting.strength / 2 * r1_penalty(critic, x)
        if not math.isfinite(loss.item()):
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if setting.constraint == "clip":
            clip_weights(critic, setting.strength)
        if step in steps:
            yield step, critic


@torch.no_grad()
def estimate(critic: nn.Module, x: Tensor, y: Tensor) -> float:
    """E s(x) - E s(y) for x (n, ...) and y (m, ...), in float64 and eval mode, which changes nothing in the critic."""
    copied = frozen_copy(critic)
    return (copied(x.double()).mean() - copied(y.double()).mean()).item()


def measure(
    setting: Setting, pair: str, seed: int = 0, steps: Sequence[int] = STEPS, points: int = POINTS
) -> list[dict[str, Any]]:
    """One critic on one pair of samples, measured after each of `steps`: a row each, the same for the same arguments.

    step, exact (W1 of the two samples), estimate (E s(x) - E s(y)), fresh (the same critic on as many new points of
    both sources), slope (the largest that a search finds), secant (the largest between a point of x and one of y),
    bound (what its layers allow), by_slope (estimate / slope) and by_secant, which is at most `exact` whatever the
    critic is. Raises ValueError as `samples` and `train` do, and without scipy.
    """
    x, y = samples(pair, seed, points)
    new_x, new_y = samples(pair, seed + 1_000_003, points)
    rows = []
    for step, critic in train(setting, x, y, steps, seed):
        slope, gap = largest_slope(critic, x, y), estimate(critic, x, y)
        rows.append(
            {
                "step": step,
                "exact": exact(pair, seed, points),
                "estimate": gap,
                "fresh": estimate(critic, new_x, new_y),
                "slope": slope.largest,
                "secant": slope.secant,
                "bound": slope_bound(critic, x[:1]),
                "by_slope": gap / slope.largest if slope.largest else 0.0,
                "by_secant": gap / slope.secant if slope.secant else 0.0,
            }
        )
    return rows
