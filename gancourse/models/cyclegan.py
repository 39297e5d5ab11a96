"""CycleGAN's generator (Zhu et al. 2017, 7.1, after Johnson et al. 2016), and the pool of earlier fakes for its D."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse.models.unet import translates


class ResidualBlock(nn.Module):
    """x (B, C, H, W) -> x + f(x): two 3x3 convolutions, each with InstanceNorm, one ReLU between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.net(x)
        return y


class ResNetTranslator(nn.Module):
    """x (B, channels, H, W) in [-1, 1] -> a picture of the same shape in [-1, 1]; H and W multiples of 4.

    A 7x7 convolution, two that halve, `blocks` residual blocks at a quarter of the size, two that double, a 7x7
    convolution and tanh. InstanceNorm without parameters, borders padded by reflection: as many pixels as the kernel
    needs, 3 for 7x7 and 1 for 3x3. There is no noise: one input has one answer. ShapeError for another shape.
    """

    def __init__(self, width: int = 16, blocks: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.options: Mapping[str, int] = {"width": width, "blocks": blocks, "channels": channels}
        self.channels = channels

        def normed(layer: nn.Module, outputs: int) -> list[nn.Module]:
            return [layer, nn.InstanceNorm2d(outputs), nn.ReLU()]

        w = width
        self.net = nn.Sequential(
            nn.ReflectionPad2d(3),
            *normed(nn.Conv2d(channels, w, 7), w),
            *normed(nn.Conv2d(w, 2 * w, 3, 2, 1), 2 * w),
            *normed(nn.Conv2d(2 * w, 4 * w, 3, 2, 1), 4 * w),
            *[ResidualBlock(4 * w) for _ in range(blocks)],
            *normed(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, output_padding=1), 2 * w),
            *normed(nn.ConvTranspose2d(2 * w, w, 3, 2, 1, output_padding=1), w),
            nn.ReflectionPad2d(3),
            nn.Conv2d(w, channels, 7),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        translates(x, self.channels, 4)
        y: Tensor = self.net(x)
        return y


class Pool(nn.Module):
    """The last fakes, of which D is shown some again (Shrivastava et al. 2017; Zhu et al. 2017, section 4).

    A module, so that a run's checkpoints hold it: `images` (size, *shape) and `held`, how many there are.
    """

    images: Tensor
    held: Tensor

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("held", torch.zeros((), dtype=torch.int64))

    def exchange(self, fakes: Tensor, rng: torch.Generator) -> Tensor:
        """Fakes (B, C, H, W) -> as many to show to D. Each new one is kept while there is room.

        Then, by the toss of a coin, either it is shown itself, or it takes the place of one that is held, drawn at
        random, and that one is shown. size 0: the fakes themselves, and no number is drawn.
        """
        if not self.size:
            return fakes
        shown = []
        for fake in fakes:
            held = int(self.held)
            if held < self.size:
                self.images[held] = fake
                self.held += 1
                shown.append(fake)
                continue
            coin, place = torch.rand(2, generator=rng, device=rng.device).tolist()
            if coin < 0.5:
                shown.append(fake)
            else:
                index = int(place * self.size)
                shown.append(self.images[index].clone())
                self.images[index] = fake
        return torch.stack(shown)
