"""What every generator and discriminator of the course has, and DCGAN's initialisation.

Every generator maps z (B, 100) to images (B, C, H, W) in [-1, 1]; every discriminator maps images to logits (B,). `net`
is the printed stack, its Sigmoid included: `forward` stops before the Sigmoid, because log(sigmoid(s)) computed in two
steps loses its gradient where it is needed most, and `probability` applies it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Z_SIZE = 100


class ShapeError(ValueError):
    """A tensor of the wrong shape was given to a network."""


class Generator(nn.Module):
    """G of Goodfellow et al. 2014: z (B, z_size) -> images (B, C, H, W) in [-1, 1]. ShapeError for any other z."""

    net: nn.Sequential
    image_shape: tuple[int, int, int]
    z_size: int = Z_SIZE
    options: Mapping[str, int] = {}  # what it was made with beside its class; a run's config states it
    chain = True  # whether `forward` is `enter`, the layers of net one after the other, and `leave`

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.z_size:
            raise ShapeError(
                f"z has shape {tuple(z.shape)}, expected (B, {self.z_size}): "
                f"torch.randn(B, {self.z_size}). Trailing 1x1 axes are added inside the generator."
            )
        return self.leave(self.net(self.enter(z)))

    def enter(self, z: Tensor) -> Tensor:
        """What the first layer takes: z (B, z_size), placed, with 1x1 axes where that layer convolves."""
        z = self.place(z)
        return z if isinstance(self.net[0], nn.Linear) else z[:, :, None, None]

    def leave(self, outputs: Tensor, *_: Any) -> Tensor:
        """The last layer's numbers as images."""
        return outputs.reshape(-1, *self.image_shape)

    def place(self, z: Tensor) -> Tensor:
        """Where the first layer sees z (B, z_size): z itself, in all but a `TornGenerator`."""
        return z


class Discriminator(nn.Module):
    """D of Goodfellow et al. 2014, up to its final Sigmoid: images (B, C, H, W) in [-1, 1] -> logits (B,).

    ShapeError for images of another shape.
    """

    net: nn.Sequential
    image_shape: tuple[int, int, int]
    options: Mapping[str, int] = {}

    @property
    def layers(self) -> list[nn.Module]:
        """The layers that `forward` goes through: all but the Sigmoid."""
        return list(self.net)[:-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self._outputs(x))

    def _outputs(self, x: Tensor) -> Tensor:
        """What the last of `layers` gives."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape:
            c, h, w = self.image_shape
            raise ShapeError(f"images have shape {tuple(x.shape)}, expected (B, {c}, {h}, {w}).")
        x = self.enter(x)
        for layer in self.layers:
            x = layer(x)
        return x

    def enter(self, x: Tensor) -> Tensor:
        """What the first layer takes: images x (B, C, H, W), as vectors for a linear one."""
        return x.flatten(1) if isinstance(self.net[0], nn.Linear) else x

    def leave(self, outputs: Tensor, *_: Any) -> Tensor:
        """The last layer's numbers as logits (B,)."""
        return outputs.flatten()

    def probability(self, x: Tensor) -> Tensor:
        """D(x) in (0, 1), shape (B,): the discriminator's estimate that x is real."""
        p: Tensor = self.net[-1](self(x))
        return p


@contextlib.contextmanager
def eval_mode(*networks: object) -> Iterator[None]:
    """Networks in eval mode for a while; every part gets back the mode that it had. What is no module is let be."""
    modules = [network for network in networks if isinstance(network, nn.Module)]
    before = [(part, part.training) for module in modules for part in module.modules()]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


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


def wide(x: Tensor) -> Tensor:
    """x, any shape, in at least float32: half types lose what a softplus or a sum of squares needs, float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def count_parameters(module: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
