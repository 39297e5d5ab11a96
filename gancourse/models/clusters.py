"""Networks that know clusters of the training images, found without labels, and how the clusters are found.

A GAN that is conditioned on clusters of its own data needs no annotation and covers more of it (Liu et al. 2020,
"Diverse image generation via self-conditioned GANs"; they cluster D's features as D learns, we cluster pixels, once).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.data.images import Images, scale
from gancourse.models.base import Z_SIZE, Discriminator, Generator
from gancourse.models.dcgan import DCGAN128Discriminator, DCGAN128Generator, DCGANDiscriminator, DCGANGenerator

CLUSTERS = 100  # of a `TornGenerator` and a `ToldDiscriminator`
ROUNDS = 30  # of Lloyd's algorithm


class TornGenerator(Generator):
    """A generator, layer for layer another one's, whose latent space is torn into clusters.

    z ~ N(0, I) as ever. Its first coordinate falls into one of `clusters` intervals, its `code`; the first layer sees
    z + centres[code], a mixture of Gaussians far apart (Ben-Yosef and Weinshall 2018, section 3). A continuous map of
    one ball must lead from every image to every other, through what is none; this map may jump.

    Buffers, which training leaves alone: centres (clusters, 100) ~ N(0, I), always the same; edges (clusters - 1,), the
    ends of the intervals, which make all equally probable until `clusters.find_clusters` sets them.
    """

    centres: Tensor
    edges: Tensor

    def _tear(self, clusters: int) -> None:
        self.register_buffer("centres", torch.randn(clusters, Z_SIZE, generator=torch.Generator().manual_seed(3)))
        self.register_buffer("edges", intervals(torch.ones(clusters)))

    def code(self, z: Tensor) -> Tensor:
        """The cluster of each z (B, 100): (B,) int64."""
        return torch.bucketize(z[:, 0].contiguous(), self.edges)

    def place(self, z: Tensor) -> Tensor:
        return z + self.centres[self.code(z)]


class ClusterGenerator(TornGenerator, DCGANGenerator):
    """P1's DCGAN generator, torn: see `TornGenerator`."""

    def __init__(self, clusters: int = CLUSTERS) -> None:
        super().__init__()
        self._tear(clusters)


class Cluster128Generator(TornGenerator, DCGAN128Generator):
    """P4's generator, torn: see `TornGenerator`. width: as in `DCGAN128Generator`."""

    def __init__(self, width: int = 64, clusters: int = CLUSTERS) -> None:
        super().__init__(width)
        self._tear(clusters)


def intervals(weights: Tensor) -> Tensor:
    """Ends (K - 1,) that cut a normal number into K intervals, as probable as weights (K,) say (inversion; ours)."""
    below = (weights.double().cumsum(0) / weights.sum())[:-1]
    return torch.special.ndtri(below.clamp(1e-9, 1 - 1e-9)).float()


class ToldDiscriminator(Discriminator):
    """A discriminator that is told which cluster an image belongs to: its last layer has a part for each.

    Logits (B,) of images x and clusters code (B,), w0 . h(x) + w[code] . h(x), biases left out (Miyato and Koyama 2018,
    equation 3); without code, that of the nearest of `means`, as for real images.

    Buffer: means (clusters, F), the clusters' mean `outline`; 0 until `clusters.find_clusters` sets them.
    """

    means: Tensor

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        return self.leave(self._outputs(x), x, code)

    def leave(self, outputs: Tensor, x: Tensor, code: Tensor | None) -> Tensor:
        """The logits (B,) among the last layer's outputs, (B, 1 + clusters) or (B, 1 + clusters, 1, 1)."""
        outputs = outputs.flatten(1)
        code = self.code(x) if code is None else code
        return outputs[:, 0] + outputs.gather(1, code[:, None] + 1)[:, 0]

    @torch.no_grad()
    def code(self, x: Tensor) -> Tensor:
        """The cluster with the nearest mean, for images x (B, C, H, W): (B,) int64."""
        return nearest(self.outline(x), self.means)

    def outline(self, x: Tensor) -> Tensor:
        """What clusters are found by: images (B, C, H, W) at no more than 28 pixels a side, (B, F) float32 (ours)."""
        return F.avg_pool2d(x.float(), -(-x.shape[-1] // 28)).flatten(1)


class ClusterDiscriminator(ToldDiscriminator, DCGANDiscriminator):
    """P1's DCGAN discriminator, told of clusters: see `ToldDiscriminator`. 765,925 parameters for 100 clusters."""

    def __init__(self, clusters: int = CLUSTERS) -> None:
        super().__init__()
        self.net[-2] = nn.Linear(6272, 1 + clusters)
        self.register_buffer("means", torch.zeros(clusters, 784))


class Cluster128Discriminator(ToldDiscriminator, DCGAN128Discriminator):
    """P4's discriminator, told of clusters: see `ToldDiscriminator`. width: as in `DCGAN128Discriminator`.

    width_d: the same, for a D beside a wider G; 0 for as wide as G.
    """

    def __init__(self, width: int = 64, clusters: int = CLUSTERS, width_d: int = 0) -> None:
        super().__init__(width_d or width)
        self.options = {"width": width, "width_d": width_d} if width_d else {"width": width}
        self.net[-2] = nn.Conv2d(16 * (width_d or width), 1 + clusters, kernel_size=4, stride=1, padding=0, bias=False)
        self.register_buffer("means", torch.zeros(clusters, 3 * 25 * 25))


def nearest(x: Tensor, means: Tensor) -> Tensor:
    """The index of the nearest of means (K, F) for each x (B, F): (B,) int64. Ours, by one product."""
    with torch.autocast(x.device.type, enabled=False):  # in bfloat16 many would be equally near
        return (x @ means.t() - means.square().sum(1) / 2).argmax(1)


@torch.no_grad()
def k_means(x: Tensor, k: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm on points x (N, F), from k of them: means (k, F), and how many points are nearest to each (k,).

    Raises ValueError for fewer points than clusters.
    """
    if len(x) < k:
        raise ValueError(f"there are {len(x)} images for {k} clusters; use at least {k} images.")
    means = x[torch.randperm(len(x), generator=rng)[:k].to(x.device)]
    for _ in range(ROUNDS):
        member = F.one_hot(nearest(x, means), k).to(x.dtype)
        size = member.sum(0)[:, None]
        means = torch.where(size > 0, member.t() @ x / size.clamp(min=1), means)  # an empty one stays where it is
    return means, nearest(x, means).bincount(minlength=k)


def find_clusters(G: TornGenerator, D: ToldDiscriminator, images: Images, seed: int = 0) -> None:
    """Tell both networks, in place, of the clusters of these images: how probable each is, and its mean outline.

    Raises ValueError for fewer images than clusters.
    """
    x = torch.cat([D.outline(scale(part.cpu())) for part in images.pixels.split(500)])
    means, counts = k_means(x, len(D.means), torch.Generator().manual_seed(seed))
    D.means.copy_(means)
    G.edges.copy_(intervals(counts))


def of_fakes(G: nn.Module, z: Tensor) -> tuple[Tensor, ...]:
    """What D is told of fake images beside the images: the code of z, if it has any: clusters (B,), factors (B, 10)."""
    code = getattr(getattr(G, "inner", G), "code", None)
    return () if code is None else (code(z),)


def of_reals(D: nn.Module, x_real: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
    """What D is told of real images: the labels that they came with, or their clusters (B,), if it knows any (ours).

    Clusters are found before the images are augmented.
    """
    if labels is not None:
        return (labels,)
    inner = getattr(D, "inner", D)
    return (inner.code(x_real),) if isinstance(inner, ToldDiscriminator) else ()
