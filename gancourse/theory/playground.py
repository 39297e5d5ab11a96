"""The playground's game: two small networks on points in the plane, played by the course's own steps.

These are `train_step` for Goodfellow's losses, and `critic_step` and `generator_step` for the others and wherever D's
slope is bounded. No widget and no picture is made here: gancourse.widgets.playground draws a Game and steers it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gancourse.models.base import eval_mode
from gancourse.models.spectral import spectral_norm
from gancourse.theory import plane
from gancourse.theory.plane import jsd_estimate
from gancourse.training.critic_step import Penalty, critic_step, generator_step
from gancourse.training.losses import LOSSES
from gancourse.training.pair_losses import PAIR_LOSSES, PairLoss
from gancourse.training.penalties import gradient_penalty, r1_penalty
from gancourse.training.step import draw_z, train_step

Who = Literal["D", "G", "both"]
BATCH_SIZE = 128
SHOWN, ARROWS = 256, 48  # samples drawn, and how many of them carry an arrow
HEAT = 48  # squares each way on which D is drawn
COUNTED = 4000  # points of each kind counted for it
LOSS_NAMES = tuple(dict.fromkeys([*LOSSES, *PAIR_LOSSES]))
# What may bound D's slope, and a usual weight: c of clipping, lambda of the penalty, gamma of R1; None: it has none.
CONSTRAINTS = {"none": None, "clip": 0.1, "gradient_penalty": 1.0, "spectral_norm": None, "r1": 1.0}


@dataclass
class Settings:
    """What the controls set. Sizes are hidden layers and their width; the rest is named as in training.Config.

    loss: of LOSSES or PAIR_LOSSES. constraint: of CONSTRAINTS; weight: its c, lambda or gamma.
    """

    data: str = "ring"  # a name of points.SHAPES, "formula" or "drawn"
    formula: str = "2*cos(2*pi*t), sin(4*pi*t)"
    drawn: tuple[tuple[float, float], ...] = ()
    layers_g: int = 2
    width_g: int = 32
    layers_d: int = 2
    width_d: int = 32
    loss: str = "non_saturating"
    constraint: str = "none"
    weight: float = 1.0
    k: int = 1
    lr_d: float = 3e-3
    lr_g: float = 1e-3
    optimiser: str = "Adam"
    seed: int = 0

    @property
    def minimax(self) -> bool:
        """Whether D's output is a logit (Goodfellow's losses): then D(x) is a probability, and 1/2 means something."""
        return self.loss in LOSSES

    @property
    def pair(self) -> PairLoss:
        """The losses of D and G."""
        if self.loss in PAIR_LOSSES:
            return PAIR_LOSSES[self.loss]
        own = LOSSES[self.loss]
        return PairLoss(own.discriminator, lambda real, fake: own.generator(fake), own.marks)

    def check(self) -> None:
        """Raises ValueError for a loss or a constraint that there is not, and for a weight that is not positive."""
        for name, value, known in (("loss", self.loss, LOSS_NAMES), ("constraint", self.constraint, CONSTRAINTS)):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, expected {', '.join(known)}")
        if not 0 < self.weight < math.inf:
            raise ValueError(f"weight is {self.weight}, expected a positive number such as 0.1")

    def source(self) -> plane.Source:
        """Where the data comes from. Raises ValueError for an unknown name, a bad formula or no drawn points."""
        if self.data == "formula":
            return plane.formula(self.formula)
        if self.data == "drawn":
            return plane.drawn(self.drawn)
        if self.data not in plane.SHAPES:
            raise ValueError(f"data is {self.data!r}, expected {', '.join([*plane.SHAPES, 'formula', 'drawn'])}")
        return plane.SHAPES[self.data]


class Net(nn.Module):
    """An MLP on the plane, (B, 2) -> (B, 2) for a generator, (B, 2) -> logits (B,) for a discriminator."""

    z_size = 2

    def __init__(self, outputs: int, layers: int, width: int) -> None:
        super().__init__()
        sizes = [2] + [width] * layers
        hidden = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        self.net = nn.Sequential(*hidden, nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).squeeze(-1)


class Game:
    """A generator G, a discriminator D, their optimisers, and what has happened between them so far.

    .rounds {"D": steps of D, "G": steps of G}   .losses rows (loss of D, loss of G), one a step
    .jsds rows (number of losses at that time, JSD)   .trouble "" or why nothing goes on
    The same settings, among them the seed, and the same steps give the same game.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.check()
        self.source = settings.source()
        with torch.random.fork_rng(devices=[]):  # the notebook's own random state stays as it was
            torch.manual_seed(settings.seed)
            self.G = Net(2, settings.layers_g, settings.width_g)
            self.D = Net(1, settings.layers_d, settings.width_d)
            if settings.constraint == "spectral_norm":
                spectral_norm(self.D)
        self.rng = torch.Generator().manual_seed(settings.seed)
        shown = torch.Generator().manual_seed(settings.seed + 1_000_003)
        self.z_fixed = torch.randn(COUNTED, 2, generator=shown)
        self.x_real = self.source(COUNTED, shown)
        self.floor = jsd_estimate(self.x_real, self.source(COUNTED, shown))  # data against data: not quite 0
        self.use_optimiser(settings.optimiser)
        self.rounds = {"D": 0, "G": 0}
        self.losses: list[tuple[float, float]] = []
        self.jsds: list[tuple[int, float]] = []
        self.trouble = ""
        self.measure()

    def use_optimiser(self, name: str) -> None:
        """Fresh optimisers without memory. Raises ValueError for a name other than "Adam" and "SGD"."""
        if name not in ("Adam", "SGD"):
            raise ValueError(f'optimiser is {name!r}, expected "Adam" or "SGD"')
        self.settings.optimiser = name

        def make(network: nn.Module, lr: float) -> torch.optim.Optimizer:
            if name == "SGD":
                return torch.optim.SGD(network.parameters(), lr)
            return torch.optim.Adam(network.parameters(), lr, betas=(0.5, 0.999))

        self.opt_g, self.opt_d = make(self.G, self.settings.lr_g), make(self.D, self.settings.lr_d)

    def set_rates(self, lr_d: float, lr_g: float) -> None:
        """New learning rates from the next step on; Adam keeps its memory."""
        self.settings.lr_d, self.settings.lr_g = lr_d, lr_g
        for optimiser, lr in ((self.opt_d, lr_d), (self.opt_g, lr_g)):
            for group in optimiser.param_groups:
                group["lr"] = lr

    def step(self, who: Who = "both") -> bool:
        """One step of D, one of G, or a round of Algorithm 1: k of D, then one of G. False if it was not possible.

        With Goodfellow's losses and no constraint all three are `train_step`; whoever is not to move is given an
        optimiser with learning rate 0.
        """
        if self.trouble:
            return False
        s = self.settings
        reals = [self.source(BATCH_SIZE, self.rng) for _ in range(s.k if who == "both" else 1)]
        if s.minimax and s.constraint == "none":
            opt_d = self.opt_d if who != "G" else torch.optim.SGD(self.D.parameters(), lr=0.0)
            opt_g = self.opt_g if who != "D" else torch.optim.SGD(self.G.parameters(), lr=0.0)
            statistics = train_step(self.G, self.D, opt_g, opt_d, reals, self.rng, LOSSES[s.loss].generator)
        else:
            statistics = self._critic_round(who, reals)
        self.rounds["D"] += len(reals) if who != "G" else 0
        self.rounds["G"] += who != "D"
        weights = [p for network in (self.G, self.D) for p in network.parameters()]
        if not all(bool(torch.isfinite(values).all()) for values in (statistics, *weights)):
            self.trouble = (
                f"After {self.rounds['D']} steps of D and {self.rounds['G']} of G a loss or a weight is not a finite "
                "number any more (NaN). Lower the learning rates, then press Reset."
            )
            return False
        self.losses.append((float(statistics[0]), float(statistics[1])))
        return True

    def _critic_round(self, who: Who, reals: list[Tensor]) -> Tensor:
        """`step` with a critic: the losses of D (a mean over its steps) and of G, (2,); who does not move is judged."""
        s, pair = self.settings, self.settings.pair
        clip = s.weight if s.constraint == "clip" else None
        with torch.no_grad(), eval_mode(self.D):
            real, fake = self.D(reals[-1]), self.D(self.G(draw_z(self.G, len(reals[-1]), self.rng)))
            loss_d, loss_g = pair.discriminator(real, fake), pair.generator(real, fake)
        if who != "G":
            steps = [critic_step(self.G, self.D, self.opt_d, x, self.rng, pair, self._penalty(), clip) for x in reals]
            loss_d = torch.stack(steps).mean()
        if who != "D":
            loss_g = generator_step(self.G, self.D, self.opt_g, reals[-1], self.rng, pair)
        return torch.stack([loss_d, loss_g])

    def _penalty(self) -> Penalty | None:
        weight = self.settings.weight
        if self.settings.constraint == "gradient_penalty":
            return lambda *given: weight * gradient_penalty(*given)
        if self.settings.constraint == "r1":
            return lambda D, x_real, x_fake, rng: weight / 2 * r1_penalty(D, x_real)
        return None

    def play(self, rounds: int, seconds: float = math.inf) -> None:
        """Some rounds of Algorithm 1, fewer if they take longer than `seconds`, then a measurement."""
        end = time.monotonic() + seconds
        for _ in range(rounds):
            if not self.step() or time.monotonic() > end:
                break
        self.measure()

    # ---------------------------------------------------------------------------------------- what one can see

    @torch.no_grad()
    def measure(self) -> float:
        """The JSD of data and samples as it is now, estimated on squares; kept in .jsds."""
        jsd = jsd_estimate(self.x_real, self.G(self.z_fixed))
        self.jsds.append((len(self.losses), jsd))
        return jsd

    @torch.no_grad()
    def samples(self, n: int = SHOWN) -> Tensor:
        """G of the first n fixed z, (n, 2)."""
        return self.G(self.z_fixed[:n])

    @torch.no_grad()
    def heat(self) -> tuple[Tensor, tuple[float, float, float]]:
        """D at the middles of HEAT x HEAT squares of the view, (HEAT, HEAT), row 0 the top; its low, middle and high.

        For Goodfellow's losses the probability D(x), and 0, 1/2, 1. A critic's score has no 1/2: its middle is the
        median over the data and the samples shown, and low and high are as far from it as any square is.
        """
        with eval_mode(self.D):  # in train mode a look would move spectral norm's state, and with it the game
            d = self.D(plane.squares(HEAT)).reshape(HEAT, HEAT)
            if self.settings.minimax:
                return torch.sigmoid(d), (0.0, 0.5, 1.0)
            middle = float(self.D(torch.cat([self.x_real[:SHOWN], self.samples()])).median().nan_to_num(0, 0, 0))
        half = float((d - middle).abs().nan_to_num(0, 0).max()) or 1.0
        return d, (middle - half, middle, middle + half)

    def slope(self) -> float:
        """The largest |grad| of D's score (for Goodfellow's losses the logit) at the middles of heat's squares."""
        x = plane.squares(HEAT).requires_grad_(True)
        with eval_mode(self.D):
            (gradient,) = torch.autograd.grad(self.D(x).sum(), x)
        return float(gradient.norm(dim=1).max())

    def arrows(self) -> tuple[Tensor, Tensor]:
        """Samples (ARROWS, 2), and the direction in which G's loss pulls each: minus its gradient, (ARROWS, 2)."""
        x, pair = self.samples(ARROWS).requires_grad_(True), self.settings.pair
        with eval_mode(self.D):
            fake = self.D(x)
            real = self.D(self.x_real[:ARROWS]) if pair.compares else fake.detach()
        loss = pair.generator(real, fake) * len(x)  # each point's own loss, not its share
        (gradient,) = torch.autograd.grad(loss, x)
        return x.detach(), -gradient

    @torch.no_grad()
    def warped_grid(self) -> Tensor:
        """G of a grid in z of 13 lines each way, (26, 40, 2); lines at equal steps of probability of z."""
        u, v = (torch.special.ndtri(torch.linspace(0.02, 0.98, n)) for n in (13, 40))
        across, along = u[:, None].expand(13, 40), v.expand(13, 40)
        z = torch.cat([torch.stack([across, along], 2), torch.stack([along, across], 2)])
        return self.G(z.reshape(-1, 2)).reshape(26, 40, 2)

    def describe(self) -> str:
        """The state in words, for those who cannot see the picture."""
        d, g = self.rounds["D"], self.rounds["G"]
        jsd = self.jsds[-1][1]
        text = f"{d} {'step' if d == 1 else 'steps'} of D, {g} of G. "
        if self.losses:
            told = []
            for name, loss in zip(("loss_d", "loss_g"), self.losses[-1], strict=True):
                mark = self.settings.pair.marks.get(name)
                told.append(f"{loss:.3f} ({mark[0]:.3f} at equilibrium)" if mark else f"{loss:.3f}")
            text += f"D's loss {told[0]}, G's {told[1]}. "
        if not self.settings.minimax:
            _, middle, high = self.heat()[1]
            text += f"D's score lies within {high - middle:.3g} of its median, {middle:.3g}. "
        if not self.settings.minimax or self.settings.constraint != "none":
            text += f"D's steepest slope in the picture is {self.slope():.3g}. "
        text += f"JSD of data and samples {jsd:.3f} of at most 0.693 (data against data: {self.floor:.3f})."
        return f"{self.trouble} {text}" if self.trouble else text


def replay(settings: Settings, rounds: int) -> Game:
    """A new game with these settings, `rounds` rounds later, measured after every tenth."""
    game = Game(settings)
    for done in range(0, rounds, 10):
        game.play(min(10, rounds - done))
    return game
