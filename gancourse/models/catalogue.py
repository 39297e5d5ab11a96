"""`networks(name)`: a fresh generator and discriminator by name, initialised by their paper's recipe."""

from __future__ import annotations

from gancourse.models.base import Discriminator, Generator, init_dcgan
from gancourse.models.clusters import (
    Cluster128Discriminator,
    Cluster128Generator,
    ClusterDiscriminator,
    ClusterGenerator,
)
from gancourse.models.dcgan import (
    DCGAN128Discriminator,
    DCGAN128Generator,
    DCGANDiscriminator,
    DCGANGenerator,
    StrongDiscriminator,
)
from gancourse.models.mlp import MLPDiscriminator, MLPGenerator, SchulzDiscriminator, SchulzGenerator
from gancourse.models.residual import ResidualDiscriminator, ResidualGenerator


def networks(name: str, width: int = 64) -> tuple[Generator, Discriminator]:
    """A fresh generator and discriminator, initialised by their paper's recipe from torch's global random state.

    name: "mlp" (P1) and "schulz" (P2), with PyTorch's default initialisation; "dcgan" (P1), "dcgan-strong" (P1's G,
        our `StrongDiscriminator`), "dcgan-clusters" (P1's two, told of clusters, for a RegularisedTrainer),
        "residual" (ours, around P2's block), "dcgan128" (P4) and "dcgan128-clusters" (P4's two, told of clusters), with
        `init_dcgan`.
    width: for "residual", "dcgan128" and "dcgan128-clusters". Raises ValueError for another name.
    """
    G: Generator
    D: Discriminator
    if name == "mlp":
        return MLPGenerator(), MLPDiscriminator()
    if name == "schulz":
        return SchulzGenerator(), SchulzDiscriminator()
    if name == "dcgan":
        G, D = DCGANGenerator(), DCGANDiscriminator()
    elif name == "dcgan-strong":
        G, D = DCGANGenerator(), StrongDiscriminator()
    elif name == "dcgan-clusters":
        G, D = ClusterGenerator(), ClusterDiscriminator()
    elif name == "residual":
        G, D = ResidualGenerator(width), ResidualDiscriminator(width)
    elif name == "dcgan128":
        G, D = DCGAN128Generator(width), DCGAN128Discriminator(width)
    elif name == "dcgan128-clusters":
        G, D = Cluster128Generator(width), Cluster128Discriminator(width)
    else:
        raise ValueError(
            f'model is {name!r}, expected "mlp", "schulz", "dcgan", "dcgan-strong", "dcgan-clusters", "residual", '
            '"dcgan128" or "dcgan128-clusters".'
        )
    init_dcgan(G)
    init_dcgan(D)
    return G, D
