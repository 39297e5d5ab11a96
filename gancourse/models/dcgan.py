"""DCGANs: P1's at 28 pixels, Radford et al.'s at 64, P4's at 128, and a stronger discriminator of ours."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gancourse.models.base import Z_SIZE, Discriminator, Generator

GROWN_SIZES = (16, 32, 64, 128)  # pixels a side, of a `GrowingDCGANGenerator`


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


class DCGAN128Generator(Generator):
    """P4's generator, six transposed convolutions from 1x1 to 128x128 RGB.

    width: channels of the last hidden layer; the plan is 16, 8, 4, 2, 1 times it (1024-512-256-128-64 at 64, our
    reading: the paper does not print its widths). 12,786,560 parameters at width 64.
    """

    image_shape = (3, 128, 128)

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.options = {"width": width}
        self.net = _growing([16 * width, 8 * width, 4 * width, 2 * width, width])


class GrowingDCGANGenerator(Generator):
    """P4's generator on its way to 128 pixels: its first layers, and a last one to RGB; `growing.grown` adds the next.

    width: as of `DCGAN128Generator`, whose `net` this has at 128 pixels, layer for layer. size: 16, 32, 64 or 128.
    Raises ValueError for another size.
    """

    def __init__(self, width: int = 32, size: int = 128) -> None:
        super().__init__()
        layers = 2 + _place(size)  # without the last
        self.image_shape = (3, size, size)
        self.options = {"width": width, "size": size}
        self.net = _growing([16 * width, 8 * width, 4 * width, 2 * width, width][:layers])


class DCGAN128Discriminator(Discriminator):
    """P4's discriminator, six convolutions from 128x128 RGB to one logit; the mirror image of its generator.

    width: channels of the first layer (64 at full width).
    norm_first: BatchNorm after the first layer too, as P4 prints it; DCGAN practice, and the default, has none there.
    """

    image_shape = (3, 128, 128)

    def __init__(self, width: int = 64, norm_first: bool = False) -> None:
        super().__init__()
        self.options = {"width": width}
        self.net = _shrinking([width, 2 * width, 4 * width, 8 * width, 16 * width], norm_first)


class DCGAN64Generator(Generator):
    """DCGAN's generator of 64 pixels (Radford et al. 2016, figure 1): as P4's, without its first layer's doubling.

    width: channels of the last hidden layer, 128 in the paper; 8, 4, 2 and 1 times it.
    """

    image_shape = (3, 64, 64)

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.options = {"width": width}
        self.net = _growing([8 * width, 4 * width, 2 * width, width])


class DCGAN64Discriminator(Discriminator):
    """The mirror image of `DCGAN64Generator`: five convolutions from 64x64 RGB to one logit. width: of its first."""

    image_shape = (3, 64, 64)

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.options = {"width": width}
        self.net = _shrinking([width, 2 * width, 4 * width, 8 * width])


def mirrored(width: int, size: int) -> nn.Sequential:
    """The layers of P4's discriminator that see images of `size` pixels and fewer, 16, 32, 64 or 128.

    width: channels of its first layer at 128 pixels. Raises ValueError for another size.
    """
    return _shrinking([width, 2 * width, 4 * width, 8 * width, 16 * width][3 - _place(size) :])


def _place(size: int) -> int:
    if size not in GROWN_SIZES:
        raise ValueError(f"size is {size!r}, expected one of {', '.join(map(str, GROWN_SIZES))}.")
    return GROWN_SIZES.index(size)


def _growing(channels: list[int]) -> nn.Sequential:
    """From 1x1 to 4x4, then twice as many pixels a side with every layer, the last one to RGB."""
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
    layers += [nn.ConvTranspose2d(channels[-1], 3, kernel_size=4, stride=2, padding=1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


def _shrinking(channels: list[int], norm_first: bool = False) -> nn.Sequential:
    """From RGB half as many pixels a side with every layer, and from 4x4 to one number."""
    layers: list[nn.Module] = []
    for i, (c_in, c_out) in enumerate(pairwise([3, *channels])):
        layers.append(nn.Conv2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False))
        if i > 0 or norm_first:
            layers.append(nn.BatchNorm2d(c_out))
        layers.append(nn.LeakyReLU(0.2))
    layers += [nn.Conv2d(channels[-1], 1, kernel_size=4, stride=1, padding=0, bias=False), nn.Sigmoid()]
    return nn.Sequential(*layers)


class StrongDiscriminator(Discriminator):
    """Ours, for P1's DCGAN generator: three convolutions without BatchNorm; 659,137 parameters, P1's D has 138,625."""

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 64), (64, 128), (128, 256)):
            layers += [nn.Conv2d(inputs, outputs, 4, 2, padding=1), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * 3 * 3, 1), nn.Sigmoid())
