"""The MLP pairs: P1's, and P2's (Schulz)."""

from __future__ import annotations

from torch import nn

from gancourse.models.base import Z_SIZE, Discriminator, Generator


class MLPGenerator(Generator):
    """P1's MLP generator, 100 -> 128 -> 256 -> 784, tanh; 247,440 parameters."""

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(Z_SIZE, 128),
            nn.LeakyReLU(0.2),
            nn.Linear(128, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 784),
            nn.Tanh(),
        )


class MLPDiscriminator(Discriminator):
    """P1's MLP discriminator, 784 -> 256 -> 128 -> 1, sigmoid; 233,985 parameters."""

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(784, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 128),
            nn.LeakyReLU(0.2),
            nn.Linear(128, 1),
            nn.Sigmoid(),
        )


class SchulzGenerator(Generator):
    """P2's MLP generator, 100 -> 128 -> 256 -> 512 -> 784, ReLU, tanh; 579,728 parameters.

    P2 does not state the size of z; 100 is P1's.
    """

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(Z_SIZE, 128),
            nn.ReLU(),
            nn.Linear(128, 256),
            nn.ReLU(),
            nn.Linear(256, 512),
            nn.ReLU(),
            nn.Linear(512, 784),
            nn.Tanh(),
        )


class SchulzDiscriminator(Discriminator):
    """P2's MLP discriminator, 784 -> 512 -> 256 -> 1, ReLU, sigmoid; 533,505 parameters.

    P2's formula has two layers, its code these three.
    """

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(784, 512),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Linear(256, 1),
            nn.Sigmoid(),
        )
