"""Pix2Pix's networks (Isola et al. 2017): a U-Net that paints one picture from another, and a judge of patches.

The U-Net's input says what to paint; the only thing that is left to chance is dropout. The judge answers once for every
patch of a picture, so that it asks whether the textures are real, and leaves the large shapes to an L1 loss.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from gancourse.models.base import ShapeError, eval_mode


def translates(x: Tensor, channels: int, multiple: int, exactly: int | None = None) -> None:
    """Raise ShapeError unless x is (B, channels, H, W), H and W multiples of `multiple`, or `exactly` so many."""
    if x.ndim == 4 and x.shape[1] == channels:
        h, w = x.shape[2:]
        if (h, w) == (exactly, exactly) or (exactly is None and h % multiple == 0 and w % multiple == 0):
            return
    size = f"{exactly}, {exactly}" if exactly else f"H, W), multiples of {multiple}"
    raise ShapeError(f"pictures have shape {tuple(x.shape)}, expected (B, {channels}, {size}{')' * bool(exactly)}.")


class UNet(nn.Module):
    """x (B, channels, size, size) in [-1, 1] -> a picture of the same shape in [-1, 1] (Isola et al. 2017, 6.1.1).

    Convolutions with stride 2 halve the picture to one pixel, transposed ones double it again; each of these also gets
    what the convolution of its size gave, over a skip. width: channels of the first; then 2, 4 and 8 times as many.
    No BatchNorm in the first, and none at one pixel, where a batch of one would become 0. Dropout of 1/2 after the
    first three doublings is the only noise: `painting` keeps it on when the rest is in eval mode.
    Raises ValueError for a size that is no power of two from 16 on; ShapeError for pictures of another shape.
    """

    def __init__(self, width: int = 16, size: int = 64, channels: int = 3) -> None:
        super().__init__()
        if size < 16 or size & (size - 1):
            raise ValueError(f"size is {size}, expected a power of two, at least 16.")
        self.options: Mapping[str, int] = {"width": width, "size": size, "channels": channels}
        self.size, self.channels = size, channels
        levels = size.bit_length() - 1
        widths = [width * min(8, 2**level) for level in range(levels)]  # of what each halving gives
        down, up = [], []
        for level, outputs in enumerate(widths):
            inputs = widths[level - 1] if level else channels
            normed = 0 < level < levels - 1
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normed))
            down.append(nn.Sequential(*layers, *[nn.BatchNorm2d(outputs)] * normed))
        for level in reversed(range(levels)):
            inputs = widths[level] * (1 if level == levels - 1 else 2)  # what comes up, and what comes over the skip
            outputs = widths[level - 1] if level else channels
            layers = [nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=level == 0)]
            layers += [nn.BatchNorm2d(outputs)] if level else [nn.Tanh()]
            layers += [nn.Dropout(0.5)] if level >= levels - 3 else []
            up.append(nn.Sequential(*layers))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)

    def forward(self, x: Tensor) -> Tensor:
        translates(x, self.channels, 1, self.size)
        kept = []
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        x = self.up[0](kept.pop())
        for layer in self.up[1:]:
            x = layer(torch.cat([x, kept.pop()], 1))
        return x


@contextlib.contextmanager
def painting(G: object) -> Iterator[None]:
    """G in eval mode for a while, but for its dropout, which stays on: BatchNorm stands still, chance does not.

    What is no module is let be.
    """
    with eval_mode(G):
        for part in G.modules() if isinstance(G, nn.Module) else ():
            if isinstance(part, nn.Dropout):
                part.train()
        yield


class PatchDiscriminator(nn.Module):
    """Pictures (B, channels, H, W) in [-1, 1] -> logits (B, 1, H', W'), one for each of many patches that overlap.

    channels: 6 for a condition and a picture, one behind the other, 3 for a picture alone. halvings: convolutions with
    stride 2; two with stride 1 follow. A logit sees `receptive_field(halvings)` pixels. width: channels of the first;
    each next one has twice as many, at most 8 times. norm: "batch" (Pix2Pix) or "instance" (CycleGAN), none in the
    first and the last (Isola et al. 2017, 6.1.2; Zhu et al. 2017, 7.2). Raises ValueError for another norm, and for no
    halving; ShapeError for pictures of other channels.
    """

    def __init__(self, channels: int = 6, width: int = 32, halvings: int = 2, norm: str = "batch") -> None:
        super().__init__()
        if norm not in ("batch", "instance"):
            raise ValueError(f'norm is {norm!r}, expected "batch" or "instance".')
        if halvings < 1:
            raise ValueError(f"halvings is {halvings}, expected at least 1.")
        self.options = {"channels": channels, "width": width, "halvings": halvings}
        self.channels = channels
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        inputs = width
        for level in range(1, halvings + 1):
            outputs = width * min(8, 2**level)
            stride = 2 if level < halvings else 1
            normed = nn.BatchNorm2d(outputs) if norm == "batch" else nn.InstanceNorm2d(outputs)
            layers += [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=norm == "instance"), normed, nn.LeakyReLU(0.2)]
            inputs = outputs
        self.net = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ShapeError(f"pictures have shape {tuple(x.shape)}, expected (B, {self.channels}, H, W).")
        logits: Tensor = self.net(x)
        return logits


def receptive_field(halvings: int) -> int:
    """Pixels a side that one logit of a `PatchDiscriminator` depends on, far from the border: 16, 34, 70 for 1, 2, 3.

    From the last layer down: r pixels of a convolution's output need (r - 1) stride + kernel of its input. The
    padding moves the window and does not change its size.
    """
    field = 1
    for stride in [1, 1] + [2] * halvings:
        field = (field - 1) * stride + 4
    return field
