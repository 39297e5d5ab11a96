"""BigGAN in small (Brock et al. 2019): classes told to every norm of G and, as a direction, to D.

G has one embedding of the classes for all its layers; each layer's norm gets its gains and biases from it and from a
part of z. D scores h(x) along a direction of its own for every class. Weights of both are divided by their largest
singular value (`models.spectral`).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from gancourse.models.base import Z_SIZE, Discriminator, Generator, ShapeError, wide
from gancourse.models.conditional import check_labels
from gancourse.models.equalised import no_autocast
from gancourse.models.spectral import spectral_norm

FIRST = {28: 7, 32: 4}  # pixels a side of an image -> of G's first maps, and of D's last
EMBEDDED = 32  # numbers that stand for a class in G


class ConditionalBatchNorm(nn.Module):
    """BatchNorm whose gain and bias are told: x (B, C, H, W) and a condition (B, conditions) -> (B, C, H, W).

    (1 + W condition) x' + V condition, where x' has mean 0 and variance 1 in every channel (Brock et al. 2019, appendix
    B; de Vries et al. 2017). Without the 1, whose lack in a public reimplementation was found after some 200 runs
    (compare_gan, issue 54), the gains begin around 0 and half of all channels with their sign turned.

    one_plus: whether the 1 is there. The gains and biases are computed in float32 also under autocast.
    """

    def __init__(self, channels: int, conditions: int, one_plus: bool = True) -> None:
        super().__init__()
        self.one_plus = one_plus
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(conditions, channels, bias=False)
        self.bias = nn.Linear(conditions, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        with no_autocast(x.device.type):
            gain, bias = self.gain(wide(condition)), self.bias(wide(condition))
            normed: Tensor = self.norm(wide(x))
            return torch.addcmul(bias[:, :, None, None], normed, (gain + self.one_plus)[:, :, None, None])


class UpBlock(nn.Module):
    """x (B, C, H, W) and a condition (B, conditions) -> (B, C', 2 H, 2 W) (Brock et al. 2019, figure 15b).

    Norm, ReLU, nearest upsampling, 3x3, norm, ReLU, 3x3; beside them a 1x1 to the same shape, and their sum. The 1x1
    comes before the upsampling, which is the same for a quarter of the work. No ReLU is in place: the first would
    change what the 1x1 sees.
    """

    def __init__(self, inputs: int, outputs: int, conditions: int, one_plus: bool) -> None:
        super().__init__()
        self.norm_1 = ConditionalBatchNorm(inputs, conditions, one_plus)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm_2 = ConditionalBatchNorm(outputs, conditions, one_plus)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.first(F.interpolate(F.relu(self.norm_1(x, condition)), scale_factor=2))
        h = self.second(F.relu(self.norm_2(h, condition)))
        beside: Tensor = F.interpolate(self.shortcut(x), scale_factor=2)
        return h + beside


class BigGANGenerator(Generator):
    """z (B, z_size) and labels y (B,) -> images in [-1, 1], (B, 1, 28, 28) or (B, 3, 32, 32).

    At the defaults 7x7 -> 14x14 -> 28x28; 180,577 parameters.

    classes: how many there are. size: 28, one channel, or 32, three. width: channels of the last block; twice as many
        for each halving of the size. skip_z: the first layer sees the first part of z, each block the next one, beside
        the embedded class; without, the first layer sees all of z, and the blocks the class alone. one_plus: see
        `ConditionalBatchNorm`. spectral: whether weights are divided by their largest singular value; the embedding is
        not. orthogonal: whether weights are drawn orthogonal or from N(0, 0.02).
    Without labels the images are of the classes in turn, 0, 1, 2 and so on: what asks a G for many images of many z
    then gets as many of each. ShapeError for another z, and for labels that are no classes; ValueError for a size.
    """

    chain = False

    def __init__(
        self,
        width: int = 32,
        classes: int = 10,
        size: int = 28,
        skip_z: int = 1,
        one_plus: int = 1,
        spectral: int = 1,
        orthogonal: int = 1,
    ) -> None:
        super().__init__()
        _check(width, classes, size)
        self.options = {
            "width": width,
            "classes": classes,
            "size": size,
            "skip_z": int(skip_z),
            "one_plus": int(one_plus),
            "spectral": int(spectral),
            "orthogonal": int(orthogonal),
        }
        self.classes, self.image_shape, self.skip_z = classes, (1 if size == 28 else 3, size, size), bool(skip_z)
        channels = [*_channels(width, size)[::-1], width]
        n_blocks = len(channels) - 1
        self._parts = [len(part) for part in torch.arange(Z_SIZE).tensor_split(n_blocks + 1)] if skip_z else [Z_SIZE]
        self.shared = nn.Embedding(classes, EMBEDDED)
        told = self._parts[1:] if skip_z else [0] * n_blocks
        blocks = [
            UpBlock(c_in, c_out, EMBEDDED + more, bool(one_plus))
            for (c_in, c_out), more in zip(pairwise(channels), told, strict=True)
        ]
        last = [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, self.image_shape[0], 3, padding=1), nn.Tanh()]
        first = nn.Linear(self._parts[0], channels[0] * FIRST[size] ** 2)
        self.net = nn.Sequential(first, *blocks, nn.Sequential(*last))
        init_biggan(self, bool(orthogonal))
        if spectral:
            spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.z_size:
            raise ShapeError(f"z has shape {tuple(z.shape)}, expected (B, {self.z_size}): torch.randn(B, G.z_size).")
        if y is None:
            y = torch.arange(len(z), device=z.device) % self.classes
        else:
            check_labels(y, len(z), self.classes)
        start, *rest = z.split(self._parts, 1)
        label, side = self.shared(y), FIRST[self.image_shape[-1]]
        first, *blocks, last = self.net
        x = first(start).view(len(z), side, side, -1).permute(0, 3, 1, 2)  # channels_last
        for i, block in enumerate(blocks):
            x = block(x, torch.cat([label, rest[i]], 1) if self.skip_z else label)
        images: Tensor = last(x)
        return images


class DownBlock(nn.Module):
    """x (B, C, H, W) -> (B, C', H / 2, W / 2), or of the same size (Brock et al. 2019, figure 15c).

    ReLU, 3x3, ReLU, 3x3, the mean of 2 x 2; beside them that mean and a 1x1, or x itself where nothing changes.

    down: whether the size halves. first: no ReLU before the first convolution, which is given an image.
    """

    def __init__(self, inputs: int, outputs: int, down: bool = True, first: bool = False) -> None:
        super().__init__()
        self.down, self.starts = down, first
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if down or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.second(F.relu(self.first(x if self.starts else F.relu(x))))
        beside: Tensor = self.shortcut(F.avg_pool2d(x, 2) if self.down else x)
        return (F.avg_pool2d(h, 2) if self.down else h) + beside


class Pooling(nn.Module):
    """x (B, C, H, W) -> h (B, C): of every channel the sum over all places, or the mean."""

    def __init__(self, summed: bool) -> None:
        super().__init__()
        self.summed = summed

    def forward(self, x: Tensor) -> Tensor:
        return wide(x).sum((2, 3)) if self.summed else wide(x).mean((2, 3))


class BigGANDiscriminator(Discriminator):
    """Images (B, 1, 28, 28) or (B, 3, 32, 32) in [-1, 1] and labels y (B,) -> scores (B,), any real numbers.

    s(x, y) = w . h(x) + b + <e_y, h(x)>, a projection on a direction of the class (Miyato and Koyama 2018, equation 3),
    of h summed over all places (Brock et al. 2019, figure 15c). At the defaults 28x28 -> 14x14 -> 7x7; 141,729
    parameters.

    width: channels of the first block; twice as many for each halving of the size. classes, size, spectral, orthogonal:
        as of `BigGANGenerator`; here the embedding is divided too. summed: False for the mean over all places.
        projection: False for a D that takes labels and does not look at them.
    ShapeError for other images, and for labels that are no classes; ValueError for a size.
    """

    def __init__(
        self,
        width: int = 32,
        classes: int = 10,
        size: int = 28,
        summed: int = 1,
        projection: int = 1,
        spectral: int = 1,
        orthogonal: int = 1,
    ) -> None:
        super().__init__()
        _check(width, classes, size)
        self.options = {
            "width": width,
            "classes": classes,
            "size": size,
            "summed": int(summed),
            "projection": int(projection),
            "spectral": int(spectral),
            "orthogonal": int(orthogonal),
        }
        self.classes, self.image_shape = classes, (1 if size == 28 else 3, size, size)
        channels = _channels(width, size)
        blocks = [DownBlock(self.image_shape[0], width, first=True)]
        blocks += [DownBlock(c_in, c_out) for c_in, c_out in pairwise(channels)]
        blocks.append(DownBlock(channels[-1], channels[-1], down=False))
        self.net = nn.Sequential(*blocks, nn.ReLU(), Pooling(bool(summed)))
        self.linear = nn.Linear(channels[-1], 1)
        self.embedding = nn.Embedding(classes, channels[-1]) if projection else None
        init_biggan(self, bool(orthogonal))
        if spectral:
            spectral_norm(self)
            if self.embedding is not None:
                parametrizations.spectral_norm(self.embedding)

    @property
    def layers(self) -> list[nn.Module]:
        """All layers up to h(x): there is no Sigmoid to stop before."""
        return list(self.net)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.leave(self._outputs(x), x, y)

    def leave(self, outputs: Tensor, x: Tensor, y: Tensor | None) -> Tensor:  # type: ignore[override]
        """The scores (B,) of h(x) (B, C) and labels (B,). Raises ShapeError, also where there are no labels."""
        if y is None:
            raise ShapeError("a score is of an image and its class: D(x, y), with labels y (B,) int64.")
        check_labels(y, len(x), self.classes)
        with no_autocast(x.device.type):
            score: Tensor = self.linear(outputs).flatten()
            return score if self.embedding is None else score + (self.embedding(y) * outputs).sum(1)

    def probability(self, x: Tensor) -> Tensor:
        """It has none. Raises TypeError."""
        raise TypeError("this score is no probability, and is of an image and its class: use D(x, y).")


def init_biggan(module: nn.Module, orthogonal: bool = True) -> None:
    """Weights of linear layers, convolutions and embeddings orthogonal, biases 0, in place (Brock et al. 2019, 3).

    A convolution's weight is taken as the matrix (out, in x h x w) (Saxe et al. 2014). orthogonal False: from
    N(0, 0.02), as DCGAN's. From torch's global random state; before `spectral_norm`.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding):
            if orthogonal:
                nn.init.orthogonal_(layer.weight)
            else:
                nn.init.normal_(layer.weight, 0.0, 0.02)
            if getattr(layer, "bias", None) is not None:
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def _channels(width: int, size: int) -> list[int]:
    """Channels after each halving of the size, from the first to the smallest maps."""
    halvings = (size // FIRST[size]).bit_length() - 1
    return [width * 2**i for i in range(halvings)]


def _check(width: int, classes: int, size: int) -> None:
    for name, value in (("width", width), ("classes", classes)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}, expected a whole number of at least 1.")
    if size not in FIRST:
        raise ValueError(f"size is {size!r}, expected {' or '.join(map(str, FIRST))} pixels a side.")
