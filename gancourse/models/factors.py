"""P4's two networks, told the factors of a church: which plan, which hour, which weather.

A class told to both (lesson 08) lets D judge a picture as the church that it should be. A church of the renderer has
ten classes at once, its factors. P4's generator has no input for them and gets none: a part of z stands for them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.data.churches import FACTORS
from gancourse.models.base import Discriminator, ShapeError
from gancourse.models.dcgan import GrowingDCGANGenerator, mirrored

SIZES = tuple(len(values) for values in FACTORS.values())  # how many values each factor has
TOLD = sum(SIZES)  # coordinates of z that stand for factors, one for each value
SHARPNESS = 12.0  # of the softmax that chooses: at 12, z is seldom between two values


class FactorGenerator(GrowingDCGANGenerator):
    """P4's generator, layer for layer, in whose z the first 41 of 100 coordinates choose the ten factors (ours).

    z ~ N(0, I) as ever. Each value of each factor has a coordinate, and the largest of a factor's coordinates is the
    value that is chosen: `code`. The first layer sees their softmax, of the same mean and variance as z, and the other
    coordinates as they are. So every value is equally probable, and the map from z to images stays continuous: between
    two churches the choice turns over quickly, but not at once. width, size: as of `GrowingDCGANGenerator`.
    """

    def code(self, z: Tensor) -> Tensor:
        """The factors that each z (B, 100) chooses: (B, 10) int64, positions in the values of FACTORS."""
        return torch.stack([part.argmax(1) for part in z[:, :TOLD].split(SIZES, 1)], 1)

    def place(self, z: Tensor) -> Tensor:
        chosen = [
            (F.softmax(SHARPNESS * part, 1) - 1 / n) * (n / math.sqrt(n - 1))  # mean 0, variance 1 where one is 1
            for part, n in zip(z[:, :TOLD].split(SIZES, 1), SIZES, strict=True)
        ]
        return torch.cat([*chosen, z[:, TOLD:]], 1)


class FactorDiscriminator(Discriminator):
    """P4's discriminator, told factors: images x (B, 3, size, size), their factors (B, 10) int64 -> logits (B,).

    w0 . h(x) + the sum over factors of (w[value] . h(x) + b[value]), h the last map, (Miyato and Koyama 2018, equation
    3, with ten classes at once). The terms of the factors begin at 0. width_d: channels of P4's first layer. size: 16,
    32, 64 or 128; below 128 without P4's first layers.
    Raises ValueError for another size, ShapeError for factors of another shape or type or out of range, and where
    there are none.
    """

    starts: Tensor  # the last layer's first output of each factor

    def __init__(self, width_d: int = 16, size: int = 128) -> None:
        super().__init__()
        self.image_shape = (3, size, size)
        self.options = {"width_d": width_d, "size": size}
        self.net = mirrored(width_d, size)
        last = self.net[-2]
        assert isinstance(last, nn.Conv2d)
        self.net[-2] = nn.Conv2d(last.in_channels, 1 + TOLD, kernel_size=4)
        self.register_buffer("starts", torch.tensor([1, *SIZES]).cumsum(0)[:-1], persistent=False)
        self.forget_told()

    @torch.no_grad()
    def forget_told(self) -> None:
        """Set the terms of the factors to 0, where they begin."""
        for parameter in self.net[-2].parameters():
            parameter[1:].zero_()

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        return self.leave(self._outputs(x), x, code)

    def leave(self, outputs: Tensor, x: Tensor | None = None, code: Tensor | None = None) -> Tensor:
        """The logits (B,) among the last layer's outputs, (B, 1 + 41, 1, 1)."""
        outputs = outputs.flatten(1)
        code = self._checked(code, len(outputs))
        return outputs[:, 0] + outputs.gather(1, self.starts + code).sum(1)

    def _checked(self, code: Tensor | None, n: int) -> Tensor:
        if code is None:
            raise ShapeError(
                "this discriminator judges an image as the church that it should be, and was told no factors: "
                f"D(x, code) with code ({n}, {len(SIZES)}) int64, of fakes G.code(z)."
            )
        if code.shape != (n, len(SIZES)) or code.dtype != torch.int64:
            raise ShapeError(
                f"factors have shape {tuple(code.shape)}, {code.dtype}; expected ({n}, {len(SIZES)}), torch.int64."
            )
        if code.device.type == "cpu":  # elsewhere the answer would have to be waited for
            in_range(code)
        return code


def in_range(code: Tensor) -> None:
    """Raises ShapeError, naming the factor, where factors (N, 10) are no positions in the values of FACTORS."""
    for (name, values), column in zip(FACTORS.items(), code.t(), strict=True):
        if column.numel() and not 0 <= int(column.min()) <= int(column.max()) < len(values):
            raise ShapeError(
                f"{name} goes from {int(column.min())} to {int(column.max())}; expected 0 to {len(values) - 1}."
            )
