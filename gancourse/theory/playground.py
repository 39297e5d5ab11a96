"""The playground's game: two small networks on points in the plane, played by the course's own `train_step`.

No widget and no picture is made here; gancourse.pictures draws a Game, gancourse.widgets puts controls around it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gancourse import theory
from gancourse.theory import plane
from gancourse.training.losses import GENERATOR_LOSSES
from gancourse.training.step import train_step

Who = Literal["D", "G", "both"]
BATCH_SIZE = 128
SHOWN, ARROWS = 256, 48  # samples drawn, and how many of them carry an arrow
CELLS = 20  # the JSD is estimated on CELLS x CELLS squares
COUNTED = 4000  # points of each kind counted for it


@dataclass
class Settings:
    """What the controls set. Sizes are hidden layers and their width; the rest is named as in training.Config."""

    data: str = "ring"  # a name of points.SHAPES, "formula" or "drawn"
    formula: str = "2*cos(2*pi*t), sin(4*pi*t)"
    drawn: tuple[tuple[float, float], ...] = ()
    layers_g: int = 2
    width_g: int = 32
    layers_d: int = 2
    width_d: int = 32
    loss: str = "non_saturating"
    k: int = 1
    lr_d: float = 3e-3
    lr_g: float = 1e-3
    optimiser: str = "Adam"
    seed: int = 0

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
        self.source = settings.source()
        with torch.random.fork_rng(devices=[]):  # the notebook's own random state stays as it was
            torch.manual_seed(settings.seed)
            self.G = Net(2, settings.layers_g, settings.width_g)
            self.D = Net(1, settings.layers_d, settings.width_d)
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

        All three are `train_step`; whoever is not to move is given an optimiser with learning rate 0.
        """
        if self.trouble:
            return False
        s = self.settings
        opt_d = self.opt_d if who != "G" else torch.optim.SGD(self.D.parameters(), lr=0.0)
        opt_g = self.opt_g if who != "D" else torch.optim.SGD(self.G.parameters(), lr=0.0)
        reals = [self.source(BATCH_SIZE, self.rng) for _ in range(s.k if who == "both" else 1)]
        statistics = train_step(self.G, self.D, opt_g, opt_d, reals, self.rng, GENERATOR_LOSSES[s.loss])
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
    def heat(self, n: int = 48) -> Tensor:
        """D(x) at the middles of n x n squares of the view, (n, n); row 0 is the top."""
        middles = plane.VIEW * ((torch.arange(n) + 0.5) * 2 / n - 1)
        y, x = torch.meshgrid(-middles, middles, indexing="ij")
        return torch.sigmoid(self.D(torch.stack([x.flatten(), y.flatten()], 1))).reshape(n, n)

    def arrows(self) -> tuple[Tensor, Tensor]:
        """Samples (ARROWS, 2), and the direction in which G's loss pulls each: minus its gradient, (ARROWS, 2)."""
        x = self.samples(ARROWS).requires_grad_(True)
        loss = GENERATOR_LOSSES[self.settings.loss](self.D(x)) * len(x)  # each point's own loss, not its share
        (gradient,) = torch.autograd.grad(loss, x)
        return x.detach(), -gradient

    @torch.no_grad()
    def warped_grid(self, lines: int = 13, points_per_line: int = 40) -> Tensor:
        """G of a grid in z, (2 * lines, points_per_line, 2); lines at equal steps of probability of z."""
        u = torch.linspace(0.02, 0.98, lines)
        across = torch.special.ndtri(u)[:, None].expand(lines, points_per_line)
        along = torch.special.ndtri(torch.linspace(0.02, 0.98, points_per_line)).expand(lines, points_per_line)
        z = torch.cat([torch.stack([across, along], 2), torch.stack([along, across], 2)])
        return self.G(z.reshape(-1, 2)).reshape(2 * lines, points_per_line, 2)

    def describe(self) -> str:
        """The state in words, for those who cannot see the picture."""
        d, g = self.rounds["D"], self.rounds["G"]
        jsd = self.jsds[-1][1]
        text = f"{d} {'step' if d == 1 else 'steps'} of D, {g} of G. "
        if self.losses:
            mark = "-0.693" if self.settings.loss == "saturating" else "0.693"
            loss_d, loss_g = self.losses[-1]
            text += f"D's loss {loss_d:.3f} (1.386 at equilibrium), G's {loss_g:.3f} ({mark} at equilibrium). "
        text += f"JSD of data and samples {jsd:.3f} of at most 0.693 (data against data: {self.floor:.3f})."
        return f"{self.trouble} {text}" if self.trouble else text


def jsd_estimate(a: Tensor, b: Tensor) -> float:
    """Jensen-Shannon divergence (nats, in [0, ln 2]) of two sets of points (N, 2), from counts in squares.

    Points outside the view count in the squares at its border. Few points make the estimate too large: two sets of the
    same kind do not give 0. NaN where a point is not a number.
    """
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        return math.nan
    shares = []
    for x in (a, b):
        cell = ((x / plane.VIEW + 1) / 2 * CELLS).long().clamp(0, CELLS - 1)
        counts = torch.bincount(cell[:, 0] * CELLS + cell[:, 1], minlength=CELLS**2)
        shares.append(counts.double() / len(x))
    squares = torch.arange(CELLS**2, dtype=torch.float64)
    return float(theory.jsd(shares[0], shares[1], squares))


def replay(settings: Settings, rounds: int) -> Game:
    """A new game with these settings, `rounds` rounds later, measured after every tenth."""
    game = Game(settings)
    for done in range(0, rounds, 10):
        game.play(min(10, rounds - done))
    return game


def as_points(values: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """Pairs of numbers, kept inside the view."""
    return tuple(
        (max(-plane.VIEW, min(plane.VIEW, float(x))), max(-plane.VIEW, min(plane.VIEW, float(y)))) for x, y in values
    )
