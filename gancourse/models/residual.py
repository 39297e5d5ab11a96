"""A pair of ours around P2's residual block, which P2 lists and never uses."""

from __future__ import annotations

from torch import Tensor, nn

from gancourse.models.base import Z_SIZE, Discriminator, Generator


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
