"""EfficientNet-Lite0, a network that was trained to name what is in photographs; here as its authors laid it out.

Tan and Le 2019 (the family, section 4 and table 1); Google's Lite variants leave out squeeze-and-excitation and have
ReLU6 for swish. It is small, and nothing in it is hard to read: sixteen times the same block. Written for this course
from the table; `gancourse.models.feature_weights` brings trained weights, `gancourse.models.features` freezes it.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gancourse.data.images import into_range
from gancourse.models.base import ShapeError

# Tan and Le 2019, table 1, without stem and head: blocks, kernel, stride of the first, expansion, channels out
STAGES = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)
TAPS = (2, 4, 10, 15)  # the blocks whose outputs are the four maps: the last of each size
CHANNELS = (24, 40, 112, 320)
STRIDES = (4, 8, 16, 32)
SMALLEST = 32  # pixels: below, the last map would be a part of a pixel
_SLACK = 1.01  # a picture's largest value; rounding in half precision passes 1 by less


class Layer(nn.Module):
    """A convolution without bias, BatchNorm, and ReLU6 unless `bare`: (B, inputs, H, W) -> (B, outputs, H/s, W/s).

    Sizes are rounded up, and the edges padded as TensorFlow's "same" does, where these weights were trained: with
    stride 2 and an even side, one row more below than above. Padding both alike would move every map by half a pixel.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, bare: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        self.kernel, self.stride, self.bare = kernel, stride, bare

    def forward(self, x: Tensor) -> Tensor:
        left, right = _edges(x.shape[3], self.kernel, self.stride)
        above, below = _edges(x.shape[2], self.kernel, self.stride)
        if (left, above) == (right, below):  # the convolution pads by itself, without a copy of x
            x = F.conv2d(x, self.conv.weight, self.conv.bias, self.stride, (above, left), 1, self.conv.groups)
        else:
            x = self.conv(F.pad(x, (left, right, above, below)))
        x = self.norm(x)
        return x if self.bare else F.relu6(x)

    def fold(self) -> None:
        """Give the convolution what BatchNorm does in eval mode, a gain and a bias per channel, and drop BatchNorm."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


def _edges(n: int, kernel: int, stride: int) -> tuple[int, int]:
    """How many zeros go before and after n numbers, so that ceil(n / stride) come out."""
    wanted = max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)
    return wanted // 2, wanted - wanted // 2


class Block(nn.Module):
    """Widen by 1x1, look around channel by channel, narrow by 1x1; x is added where the shape stays.

    The inverted bottleneck of Sandler et al. 2018 (MobileNetV2, section 3.3). Nothing bends the narrow output.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Layer(inputs, wide) if expansion > 1 else nn.Identity()
        self.depthwise = Layer(wide, wide, kernel, stride, groups=wide)
        self.project = Layer(wide, outputs, bare=True)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1], H and W at least 32 -> four maps; 4,652,008 parameters (Tan and Le 2019).

    The maps have 24, 40, 112 and 320 channels at 1/4, 1/8, 1/16 and 1/32 of the size, rounded up: the outputs of the
    last block of each size, which Projected GAN (Sauer et al. 2021) taps too. `logits` goes on to the 1,000 classes.

    Why [-1, 1], and neither [0, 1] nor ImageNet's mean and deviation, on which most networks for PyTorch were trained:
    Google trained the Lite variants on (pixel - 127) / 128, and the weights agree. Their first BatchNorm stores mean
    and variance of what came before it in training. Drawn churches (96 at 128 px) have 0.74 of that variance in
    [-1, 1], 3.6 times it with ImageNet's numbers and 0.19 of it in [0, 1]; their means are off by 0.09, 0.43 and 0.55
    stored deviations. The names that it gives say less: it calls 32 of
    the 96 drawings a church, 51 with ImageNet's numbers, which raise contrast, and 18 in [0, 1].

    Raises ShapeError for another shape; PictureError for pictures that are no floats, or outside of [-1.01, 1.01].
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Layer(3, 32, 3, 2)
        blocks: list[Block] = []
        inputs = 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for i in range(repeats):
                blocks.append(Block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = Layer(inputs, 1280)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        check(x)
        maps = []
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in TAPS:
                maps.append(x)
        a, b, c, d = maps
        return a, b, c, d

    def logits(self, x: Tensor) -> Tensor:
        """The same pictures -> logits (B, 1000) of ImageNet's classes, in the order of their WordNet numbers."""
        out: Tensor = self.classifier(self.head(self(x)[-1]).mean((2, 3)))
        return out


class PictureError(ValueError):
    """Pictures that are not what the network was trained on: other numbers, or another range."""


def check(x: Tensor) -> None:
    """Raise ShapeError unless x is (B, 3, H, W) of at least 32 pixels a side, PictureError unless it is in [-1, 1]."""
    if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[2:]) < SMALLEST:
        raise ShapeError(
            f"pictures have shape {tuple(x.shape)}, expected (B, 3, H, W) with H and W at least {SMALLEST}: enlarge "
            "small ones first, and show grey ones as three equal channels."
        )
    if not x.is_floating_point():
        raise PictureError(f"pictures are {x.dtype}, expected floats in [-1, 1]: gancourse.data.scale makes them so.")
    if not x.numel():
        return
    low, high = (value.item() for value in x.detach().aminmax())
    if not (low >= -_SLACK and high <= _SLACK):  # written so that NaN is caught too
        raise PictureError(
            f"values lie in [{low:.3g}, {high:.3g}], expected [-1, 1], which this network was trained on: "
            f"{into_range(low, high)}."
        )
