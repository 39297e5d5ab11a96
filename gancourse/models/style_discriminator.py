"""StyleGAN2's discriminator (Karras et al. 2020, section 4.1), with few channels; its generator is in `stylegan`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models.base import Discriminator, wide
from gancourse.models.equalised import EqualConv, EqualLinear, blur, halved
from gancourse.models.stylegan import EPSILON, FIRST, GAIN, SLOPE, channels_at, check_sizes

GROUP = 4  # images whose spread the discriminator is told


class _FromRGB(nn.Sequential):
    """Images (B, 3, H, W) -> (B, C, H, W): 1x1 convolution, LeakyReLU."""

    def __init__(self, outputs: int) -> None:
        super().__init__(EqualConv(3, outputs, 1, gain=GAIN), nn.LeakyReLU(SLOPE))


class DownBlock(nn.Module):
    """x (B, C, H, W) -> (B, C', H / 2, W / 2): two convolutions, beside them a 1x1; the sum divided by sqrt(2).

    The second of the two, and the 1x1, halve the size after a blur; the two are followed by LeakyReLU, the 1x1 by
    nothing (Karras et al. 2020, figure 7c).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3, gain=GAIN)
        self.second = EqualConv(inputs, outputs, 3, stride=2)  # its activation's gain and 1 / sqrt(2) make 1
        self.skip = EqualConv(inputs, outputs, 1, gain=1 / GAIN, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu_(self.first(x), SLOPE)
        y = F.leaky_relu(self.second(blur(y)), SLOPE)
        beside: Tensor = self.skip(halved(x))
        return y.add_(beside)


class MinibatchDeviation(nn.Module):
    """x (B, C, H, W) -> (B, C + 1, H, W): one more map, how much the images of a group differ (Karras et al. 2018, 3).

    The standard deviation over a group of 4 images, pixel by pixel and channel by channel, and its mean: a G whose
    images are all alike is told apart by it. A batch that 4 does not divide has groups of 3, 2 or 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        n = next(size for size in (GROUP, 3, 2, 1) if len(x) % size == 0)
        groups = wide(x).reshape(n, -1, *x.shape[1:])
        spread = (groups.var(0, correction=0) + EPSILON).sqrt().mean((1, 2, 3))
        one_map = spread.repeat(n)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        return torch.cat([x, one_map.to(x.dtype)], 1)


class FadingEntrance(nn.Module):
    """Images (B, 3, H, W) -> (B, C, H / 2, W / 2): a new first block that fades in over the old entrance.

    share of what the new block makes of the image, and 1 - share of what the old FromRGB makes of it at half its size
    (Karras et al. 2018, section 2 and figure 2). Buffer: share (), 0 at first; training moves it to 1 by `fade_to`.
    """

    share: Tensor

    def __init__(self, from_rgb: nn.Module, block: nn.Module, before: nn.Module) -> None:
        super().__init__()
        self.from_rgb, self.block, self.before = from_rgb, block, before
        self.register_buffer("share", torch.zeros(()))
        self._arrived = False  # known without asking the device

    def fade_to(self, share: float) -> None:
        """Set the new block's share, 0 to 1; from 1 on the old entrance is not computed any more."""
        self.share.fill_(share)
        self._arrived = share >= 1

    def forward(self, x: Tensor) -> Tensor:
        new: Tensor = self.block(self.from_rgb(x))
        if self._arrived:
            return new
        return torch.lerp(self.before(F.avg_pool2d(x, 2)), new, self.share.to(new.dtype))


class StyleDiscriminator(Discriminator):
    """Images (B, 3, size, size) -> logits (B,): residual blocks down to 4 pixels, then two linear layers.

    (Karras et al. 2020, section 4.1.) width, size: as of `StyleGenerator`. fading: whether its first block is a
    `FadingEntrance`, as `growing.grown` makes one. An image's logit depends on its group.
    """

    def __init__(self, width: int = 64, size: int = 64, fading: int = 0) -> None:
        super().__init__()
        check_sizes(width, size)
        self.image_shape = (3, size, size)
        self.options = {"width": width, "size": size, "fading": int(fading)}
        layers: list[nn.Module] = [_FromRGB(channels_at(size, width))]
        side = size
        if fading:
            block = DownBlock(channels_at(size, width), channels_at(size // 2, width))
            layers = [FadingEntrance(layers[0], block, _FromRGB(channels_at(size // 2, width)))]
            side //= 2
        while side > FIRST:
            layers.append(DownBlock(channels_at(side, width), channels_at(side // 2, width)))
            side //= 2
        wide = channels_at(FIRST, width)
        layers += [MinibatchDeviation(), EqualConv(wide + 1, wide, 3, gain=GAIN), nn.LeakyReLU(SLOPE), nn.Flatten()]
        layers += [EqualLinear(wide * FIRST**2, wide, gain=GAIN), nn.LeakyReLU(SLOPE), EqualLinear(wide, 1)]
        self.net = nn.Sequential(*layers, nn.Sigmoid())


class GrowingDiscriminator(StyleDiscriminator):
    """The same beside a `GrowingDCGANGenerator`, whose width is another: width_d channels at 16 pixels and below."""

    def __init__(self, width_d: int = 64, size: int = 128, fading: int = 0) -> None:
        super().__init__(width_d, size, fading)
        self.options = {"width_d": width_d, "size": size, "fading": int(fading)}
