"""Critics, which give a score in place of a probability, and P1's DCGAN generator with parts exchanged; 28 pixels."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gancourse.models.base import Z_SIZE, Discriminator, Generator
from gancourse.models.spectral import spectral_norm


class Critic(Discriminator):
    """Images (B, packing x channels, 28, 28) -> scores s(x), (B,): any real numbers. No Sigmoid, and no BatchNorm.

    Three convolutions, as in our `StrongDiscriminator`: 28x28 -> 14x14 -> 7x7 -> 3x3 -> one score; 659,137 parameters
    at width 128. Its weights are drawn when it is made, by `init_critic`.

    width: even; channels of the last convolution are twice as many, of the first half as many, so that it goes with a
        generator of the same width. channels: of an image. packing: images that it judges at once, as channels of one
        (PacGAN, Lin et al. 2018). norm_d: BatchNorm after the second and third convolution, as P1's D has it after its
        second, for what clipping does to it. spectral: every weight divided by its largest singular value
        (`models.spectral`).
    Raises ValueError for a width that is odd, and for a number below 1.
    """

    def __init__(
        self, width: int = 128, channels: int = 1, packing: int = 1, norm_d: bool = False, spectral: bool = False
    ) -> None:
        super().__init__()
        _check(width=width, channels=channels, packing=packing)
        if width % 2:
            raise ValueError(f"width is {width}, expected an even number: the critic's first layer has half of it.")
        self.image_shape = (packing * channels, 28, 28)
        self.options = {
            "width": width,
            "channels": channels,
            "packing": packing,
            "norm_d": bool(norm_d),
            "spectral": bool(spectral),
        }
        layers: list[nn.Module] = []
        sizes = (packing * channels, width // 2, width, 2 * width)
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            layers.append(nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1))
            if norm_d and i > 0:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.2))
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * 3 * 3, 1))
        init_critic(self)
        if spectral:
            spectral_norm(self)

    @property
    def layers(self) -> list[nn.Module]:
        """All layers: there is no Sigmoid to stop before."""
        return list(self.net)

    def probability(self, x: Tensor) -> Tensor:
        """A critic has none. Raises TypeError."""
        raise TypeError("a critic's score is no probability: use D(x), the score itself.")


class DCGANVariant(Generator):
    """P1's DCGAN generator with parts exchanged; at the defaults, layer for layer `DCGANGenerator`.

    width: channels of the last hidden layer, twice as many before it. channels: of an image. norm_g: BatchNorm; without
        it the hidden layers have biases. deep: one more convolution, 3 x 3 without stride, at 7x7 and at 14x14.
    Raises ValueError for a number below 1.
    """

    def __init__(self, width: int = 128, channels: int = 1, norm_g: bool = True, deep: bool = False) -> None:
        super().__init__()
        _check(width=width, channels=channels)
        self.image_shape = (channels, 28, 28)
        self.options = {"width": width, "channels": channels, "norm_g": bool(norm_g), "deep": bool(deep)}

        def hidden(layer: nn.Module, outputs: int) -> list[nn.Module]:
            return [layer, *([nn.BatchNorm2d(outputs)] if norm_g else []), nn.ReLU()]

        wide, bias = 2 * width, not norm_g
        layers = hidden(nn.ConvTranspose2d(Z_SIZE, wide, kernel_size=7, stride=1, padding=0, bias=bias), wide)
        if deep:
            layers += hidden(nn.Conv2d(wide, wide, kernel_size=3, padding=1, bias=bias), wide)
        layers += hidden(nn.ConvTranspose2d(wide, width, kernel_size=4, stride=2, padding=1, bias=bias), width)
        if deep:
            layers += hidden(nn.Conv2d(width, width, kernel_size=3, padding=1, bias=bias), width)
        layers += [nn.ConvTranspose2d(width, channels, kernel_size=4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.net = nn.Sequential(*layers)


def init_critic(module: nn.Module) -> None:
    """Weights of linear and convolution layers ~ N(0, 2 / (1.04 fan-in)), biases 0, in place (He et al. 2015, eq. 15).

    For LeakyReLU(0.2): a score then depends on the image from the start, without BatchNorm to see to it. DCGAN's
    N(0, 0.02) leaves a critic without BatchNorm nearly flat. BatchNorm's own weights stay 1 and 0.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, 0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _check(**sizes: int) -> None:
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}, expected a whole number of at least 1.")
