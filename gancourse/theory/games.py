"""Games small enough to look inside: the location game of Algorithm 1, the bilinear game, a ring of
Gaussians.

Sources: [G14] Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1; [M17] Metz et al. 2017,
"Unrolled generative adversarial networks" (the ring of 8 Gaussians); [K76] Korpelevich 1976 (the
extragradient step).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gancourse.seeds import random_numbers
from gancourse.theory.minimax import Density, Normal, grid
from gancourse.training.losses import discriminator_loss, non_saturating_loss

GeneratorLoss = Literal["saturating", "non_saturating"]


# ------------------------------------------------------------------------------ a D trained on samples


class SmallNet(nn.Module):
    """An MLP with two hidden layers; `forward` returns (B, outputs), or (B,) for one output."""

    def __init__(self, inputs: int, outputs: int, width: int, activation: type[nn.Module] = nn.Tanh) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(inputs, width),
            activation(),
            nn.Linear(width, width),
            activation(),
            nn.Linear(width, outputs),
        )
        self.inputs = inputs

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.reshape(-1, self.inputs).float()).squeeze(-1)

    @torch.no_grad()
    def probability(self, x: Tensor) -> Tensor:
        """D(x) = sigmoid(logit), in float64; x (N,) for a net with one input, (N, inputs) otherwise."""
        return torch.sigmoid(self(x).double())


def _seeded(seed: int, build: type[SmallNet], *args: object) -> SmallNet:
    """A network whose initial weights depend on `seed` alone, leaving the global random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(*args)  # type: ignore[arg-type]


def train_discriminator(real: Density, fake: Density, steps: int = 2000, seed: int = 0) -> SmallNet:
    """Train a small D (1 input, 2 x 32 hidden units) on samples of two densities; it never sees a density.

    Minimises the discriminator's loss -V of [G14] eq. 1 with Adam on fresh batches of 512 real and as many
    generated points; the learning rate falls linearly from 0.01 to 0, so that the noise of the last batches
    averages out. Raises ValueError for fewer than one step, or a seed that is no
    whole number from 0 to 2**63 - 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    rng = random_numbers(seed)
    net = _seeded(seed, SmallNet, 1, 1, 32)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, total_iters=steps)
    for _ in range(steps):
        loss = discriminator_loss(net(real.sample(512, rng)), net(fake.sample(512, rng)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net


# ------------------------------------------------------------------------------------ the location game


@dataclass(frozen=True)
class LocationGame:
    """Data N(mu, 1), generator G(z) = theta + z with z ~ N(0, 1), discriminator D(x) = sigmoid(w x + b).

    The family of D contains D* for every theta: log p(x) - log p_g(x) is linear in x, with w = mu - theta and
    b = (theta^2 - mu^2)/2. Expectations over z are integrals, not batches, so that nothing here is random.
    """

    mu: float = 2.0

    def best_discriminator(self, theta: float) -> tuple[float, float]:
        """(w, b) of D*_G at theta."""
        return self.mu - theta, (theta**2 - self.mu**2) / 2

    def discriminator_ascent(self, w: float, b: float, theta: float) -> tuple[float, float]:
        """(dV/dw, dV/db): the direction in which D climbs."""
        z, weight = _noise()
        real, fake = self.mu + z, theta + z
        pull = torch.sigmoid(-(w * real + b)) * weight  # d log sigmoid(s) / ds = 1 - D
        push = torch.sigmoid(w * fake + b) * weight  # d log(1 - sigmoid(s)) / ds = -D
        return float((pull * real - push * fake).sum()), float((pull - push).sum())

    def generator_gradient(self, w: float, b: float, theta: float, loss: GeneratorLoss = "saturating") -> float:
        """dL_G/dtheta, averaged over z: (dL/ds) * w, since dx/dtheta = 1 and ds/dx = w.

        Raises ValueError for another loss than "saturating" or "non_saturating".
        """
        z, weight = _noise()
        d = torch.sigmoid(w * (theta + z) + b)
        if loss == "saturating":
            return float(-(d * weight).sum() * w)
        if loss == "non_saturating":
            return float(-((1 - d) * weight).sum() * w)
        raise ValueError(f'loss must be "saturating" or "non_saturating", got {loss!r}')

    def play(
        self,
        steps: int,
        k: int = 1,
        lr_d: float = 0.1,
        lr_g: float = 0.1,
        loss: GeneratorLoss = "saturating",
        start: tuple[float, float, float] = (0.0, 0.0, -1.0),
    ) -> Tensor:
        """Algorithm 1 of [G14] with exact expectations: k ascent steps of D, then one descent step of G.

        Returns (steps + 1, 3): the rows (w, b, theta) before the first and after each generator step.
        Raises ValueError where steps or k is below 1.
        """
        if k < 1 or steps < 1:
            raise ValueError(f"steps and k must be at least 1, got steps={steps}, k={k}")
        w, b, theta = start
        path = [start]
        for _ in range(steps):
            for _ in range(k):
                up_w, up_b = self.discriminator_ascent(w, b, theta)
                w, b = w + lr_d * up_w, b + lr_d * up_b
            theta -= lr_g * self.generator_gradient(w, b, theta, loss)
            path.append((w, b, theta))
        return torch.tensor(path, dtype=torch.float64)


def _noise() -> tuple[Tensor, Tensor]:
    """Points z and weights that make a sum an expectation over N(0, 1); 160 cells give 12 digits."""
    z = grid(-8.0, 8.0, 160)
    return z, Normal()(z) * (z[1] - z[0])


# ------------------------------------------------------------------------------------ the bilinear game


def bilinear(method: Literal["simultaneous", "alternating", "extragradient"], eta: float, steps: int) -> Tensor:
    """Play min over theta, max over phi of V = theta * phi from (1, 0) with step size eta; returns (steps + 1, 2),
    rows (theta, phi).

    simultaneous: both players use the old point. alternating: theta moves first, phi answers the new theta.
    extragradient [K76]: both look one step ahead, and then step from where they were with the gradients found
    there. Raises ValueError for any other method.
    """
    theta, phi = 1.0, 0.0
    path = [(theta, phi)]
    for _ in range(steps):
        if method == "simultaneous":
            theta, phi = theta - eta * phi, phi + eta * theta
        elif method == "alternating":
            theta = theta - eta * phi
            phi = phi + eta * theta
        elif method == "extragradient":
            ahead_theta, ahead_phi = theta - eta * phi, phi + eta * theta
            theta, phi = theta - eta * ahead_phi, phi + eta * ahead_theta
        else:
            raise ValueError(f'method must be "simultaneous", "alternating" or "extragradient", got {method!r}')
        path.append((theta, phi))
    return torch.tensor(path, dtype=torch.float64)


# ----------------------------------------------------------------------------------- the ring of modes


def ring_centres() -> Tensor:
    """The centres of 8 Gaussians, equally spaced on a circle of radius 2 ([M17]): (8, 2), float32."""
    angle = 2 * math.pi * torch.arange(8) / 8
    return 2.0 * torch.stack([angle.cos(), angle.sin()], 1)


def sample_ring(n: int, rng: torch.Generator, std: float = 0.1) -> Tensor:
    """n points of the ring, shape (n, 2), float32; every mode equally likely."""
    centres = ring_centres()
    which = torch.randint(len(centres), (n,), generator=rng)
    return centres[which] + std * torch.randn(n, 2, generator=rng)


@dataclass(frozen=True)
class ModeCount:
    """covered: how many modes; shares (modes,): fraction of samples at each; good: fraction near any."""

    covered: int
    shares: Tensor
    good: float


def count_modes(samples: Tensor, centres: Tensor, std: float) -> ModeCount:
    """Count the modes that samples (N, 2) cover: those with at least one in a hundred of them within 3 std."""
    distance = torch.cdist(samples.float(), centres.float())
    nearest, which = distance.min(1)
    near = nearest <= 3 * std
    shares = torch.bincount(which[near], minlength=len(centres)) / len(samples)
    return ModeCount(int((shares >= 0.01).sum()), shares, float(near.float().mean()))


class RingGAN:
    """A small GAN on the ring: G 2 -> 64 -> 64 -> 2, D 2 -> 64 -> 64 -> 1, ReLU and Adam.

    Raises ValueError for a seed that is no whole number from 0 to 2**63 - 1.
    """

    BATCH = 256

    def __init__(
        self,
        seed: int = 0,
        k: int = 1,
        lr_d: float = 1e-3,
        lr_g: float = 1e-3,
        std: float = 0.1,
    ) -> None:
        self.std, self.k = std, k
        self.rng = random_numbers(seed)
        self.G = _seeded(seed, SmallNet, 2, 2, 64, nn.ReLU)
        self.D = _seeded(seed + 1, SmallNet, 2, 1, 64, nn.ReLU)
        self.optimiser_g = torch.optim.Adam(self.G.parameters(), lr=lr_g, betas=(0.5, 0.999))
        self.optimiser_d = torch.optim.Adam(self.D.parameters(), lr=lr_d, betas=(0.5, 0.999))

    def noise(self, n: int) -> Tensor:
        """n z ~ N(0, I), (n, 2), from the game's own generator of random numbers."""
        return torch.randn(n, 2, generator=self.rng)

    def step_d(self) -> None:
        """One step of D on fresh real and generated points; G is not touched."""
        with torch.no_grad():
            fake = self.G(self.noise(self.BATCH))
        real = sample_ring(self.BATCH, self.rng, self.std)
        loss = discriminator_loss(self.D(real), self.D(fake))
        self.optimiser_d.zero_grad()
        loss.backward()
        self.optimiser_d.step()

    def step_g(self) -> None:
        """One non-saturating step of G against D as it is; D's own gradients are cleared at its next step."""
        loss = non_saturating_loss(self.D(self.G(self.noise(self.BATCH))))
        self.optimiser_g.zero_grad()
        loss.backward()
        self.optimiser_g.step()

    def train(self, steps: int, watch: Iterable[int] = ()) -> dict[int, Tensor]:
        """`steps` rounds of k D steps and one G step.

        Returns samples (1000, 2), made from one fixed batch of z, after each round in `watch`.
        """
        fixed = torch.randn(1000, 2, generator=torch.Generator().manual_seed(99))
        watch = set(watch)
        seen: dict[int, Tensor] = {}
        for step in range(1, steps + 1):
            for _ in range(self.k):
                self.step_d()
            self.step_g()
            if step in watch:
                seen[step] = self.sample(fixed)
        return seen

    @torch.no_grad()
    def sample(self, z: Tensor) -> Tensor:
        """G's points for z (B, 2), (B, 2), without gradient."""
        return self.G(z)
