"""Every network of the course, one class each, exactly as its paper prints it.

Every generator maps z (B, 100) to images (B, C, H, W) in [-1, 1]; every discriminator maps images to logits (B,). `net`
is the printed stack, its Sigmoid included: `forward` stops before the Sigmoid, because log(sigmoid(s)) computed in two
steps loses its gradient where it is needed most, and `probability` applies it.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Z_SIZE = 100
CLUSTERS = 100  # of a `TornGenerator` and a `ToldDiscriminator`


class ShapeError(ValueError):
    """A tensor of the wrong shape was given to a network."""


class Generator(nn.Module):
    """G of Goodfellow et al. 2014: z (B, z_size) -> images (B, C, H, W) in [-1, 1]. ShapeError for any other z."""

    net: nn.Sequential
    image_shape: tuple[int, int, int]
    z_size: int = Z_SIZE

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.z_size:
            raise ShapeError(
                f"z has shape {tuple(z.shape)}, expected (B, {self.z_size}): "
                f"torch.randn(B, {self.z_size}). Trailing 1x1 axes are added inside the generator."
            )
        first, z = self.net[0], self.place(z)
        z = z if isinstance(first, nn.Linear) else z[:, :, None, None]
        x: Tensor = self.net(z)
        return x.view(-1, *self.image_shape)

    def place(self, z: Tensor) -> Tensor:
        """Where the first layer sees z (B, z_size): z itself, in all but a `TornGenerator`."""
        return z


class Discriminator(nn.Module):
    """D of Goodfellow et al. 2014, up to its final Sigmoid: images (B, C, H, W) in [-1, 1] -> logits (B,).

    ShapeError for images of another shape.
    """

    net: nn.Sequential
    image_shape: tuple[int, int, int]

    def forward(self, x: Tensor) -> Tensor:
        return self._outputs(x).flatten()

    def _outputs(self, x: Tensor) -> Tensor:
        """All layers but the Sigmoid."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape:
            c, h, w = self.image_shape
            raise ShapeError(f"images have shape {tuple(x.shape)}, expected (B, {c}, {h}, {w}).")
        if isinstance(self.net[0], nn.Linear):
            x = x.flatten(1)
        for layer in self.net[:-1]:
            x = layer(x)
        return x

    def probability(self, x: Tensor) -> Tensor:
        """D(x) in (0, 1), shape (B,): the discriminator's estimate that x is real."""
        p: Tensor = self.net[-1](self(x))
        return p


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


class DCGANGenerator(Generator):
    """P1's DCGAN generator, 1x1 -> 7x7 -> 14x14 -> 28x28; 1,781,504 parameters.

    P1's table lists a LeakyReLU slope "for G and D", but the generator that it prints uses ReLU; so does this one.
    """

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(Z_SIZE, 256, kernel_size=7, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.ConvTranspose2d(256, 128, kernel_size=4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 1, kernel_size=4, stride=2, padding=1, bias=False),
            nn.Tanh(),
        )


class DCGANDiscriminator(Discriminator):
    """P1's DCGAN discriminator, 28x28 -> 14x14 -> 7x7 -> one logit; 138,625 parameters."""

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 64, kernel_size=4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, kernel_size=4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(6272, 1),
            nn.Sigmoid(),
        )


class ResidualBlock(nn.Module):
    """P2's block, mended: two 3x3 convolutions with BatchNorm and ReLU, added to a 1x1 shortcut.

    x (B, c_in, H, W) -> (B, c_out, H, W), or half the size with stride 2. P2 lists it without padding, so that its
    branch comes out 4 pixels smaller than its shortcut and the sum raises. Here both have one size, since the 3x3
    convolutions are padded and the shortcut has the same stride; it is the identity where nothing changes.
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(c_in, c_out, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        same = c_in == c_out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(c_in, c_out, kernel_size=1, stride=stride, bias=False)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.branch(x) + self.shortcut(x))
        return y


class ResidualGenerator(Generator):
    """Ours, around P2's block: 1x1 -> 7x7 -> 14x14, a residual block there, -> 28x28; 747,520 parameters at width 64.

    width: channels of the block's output; twice as many go in.
    """

    image_shape = (1, 28, 28)

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(Z_SIZE, 2 * width, kernel_size=7, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            ResidualBlock(2 * width, width),
            nn.ConvTranspose2d(width, 1, kernel_size=4, stride=2, padding=1, bias=False),
            nn.Tanh(),
        )


class ResidualDiscriminator(Discriminator):
    """Ours, around P2's block: 28x28 -> 14x14, a residual block to 7x7, -> one logit; 61,249 parameters at width 64.

    width: channels of the block's output; half as many go in.
    """

    image_shape = (1, 28, 28)

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, width // 2, kernel_size=4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2),
            ResidualBlock(width // 2, width, stride=2),
            nn.Flatten(),
            nn.Linear(49 * width, 1),
            nn.Sigmoid(),
        )


class DCGAN128Generator(Generator):
    """P4's generator, six transposed convolutions from 1x1 to 128x128 RGB.

    width: channels of the last hidden layer; the plan is 16, 8, 4, 2, 1 times it (1024-512-256-128-64 at 64, our
    reading: the paper does not print its widths). 12,786,560 parameters at width 64.
    """

    image_shape = (3, 128, 128)

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = [16 * width, 8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(Z_SIZE, channels[0], kernel_size=4, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        ]
        for c_in, c_out in pairwise(channels):
            layers += [
                nn.ConvTranspose2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(c_out),
                nn.ReLU(),
            ]
        layers += [nn.ConvTranspose2d(width, 3, kernel_size=4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.net = nn.Sequential(*layers)


class DCGAN128Discriminator(Discriminator):
    """P4's discriminator, six convolutions from 128x128 RGB to one logit; the mirror image of its generator.

    width: channels of the first layer (64 at full width).
    norm_first: BatchNorm after the first layer too, as P4 prints it; DCGAN practice, and the default, has none there.
    """

    image_shape = (3, 128, 128)

    def __init__(self, width: int = 64, norm_first: bool = False) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, 8 * width, 16 * width]
        layers: list[nn.Module] = []
        for i, (c_in, c_out) in enumerate(pairwise(channels)):
            layers.append(nn.Conv2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False))
            if i > 0 or norm_first:
                layers.append(nn.BatchNorm2d(c_out))
            layers.append(nn.LeakyReLU(0.2))
        layers += [nn.Conv2d(16 * width, 1, kernel_size=4, stride=1, padding=0, bias=False), nn.Sigmoid()]
        self.net = nn.Sequential(*layers)


def init_dcgan(module: nn.Module) -> None:
    """DCGAN's initialisation (Radford et al. 2016, section 4), in place, from torch's global random state.

    Weights of linear and (transposed) convolution layers ~ N(0, 0.02), their biases 0; BatchNorm's weights
    ~ N(1, 0.02), its biases 0. (0.02 is a standard deviation. Texts that draw BatchNorm's weights from
    N(0, 0.02) start with every normalised activation near 0.)
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class StrongDiscriminator(Discriminator):
    """Ours, for P1's DCGAN generator: three convolutions without BatchNorm; 659,137 parameters, P1's D has 138,625."""

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 64), (64, 128), (128, 256)):
            layers += [nn.Conv2d(inputs, outputs, 4, 2, padding=1), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * 3 * 3, 1), nn.Sigmoid())


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
        return self.of_cluster(self._outputs(x), x, code)

    def of_cluster(self, outputs: Tensor, x: Tensor, code: Tensor | None) -> Tensor:
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
    """P4's discriminator, told of clusters: see `ToldDiscriminator`. width: as in `DCGAN128Discriminator`."""

    def __init__(self, width: int = 64, clusters: int = CLUSTERS) -> None:
        super().__init__(width)
        self.net[-2] = nn.Conv2d(16 * width, 1 + clusters, kernel_size=4, stride=1, padding=0, bias=False)
        self.register_buffer("means", torch.zeros(clusters, 3 * 25 * 25))


def nearest(x: Tensor, means: Tensor) -> Tensor:
    """The index of the nearest of means (K, F) for each x (B, F): (B,) int64. Ours, by one product."""
    with torch.autocast(x.device.type, enabled=False):  # in bfloat16 many would be equally near
        return (x @ means.t() - means.square().sum(1) / 2).argmax(1)


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


def count_parameters(module: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
