"""A multilayer perceptron's two passes, written out: the same products as autograd's, and little beside them.

At the size of P1's networks half of a step's time is no product: it is Python, allocation, a gradient for every
operation, copies. Here forward and backward are one call a product, into memory that is kept from step to step, and
the gradients of a network lie in one row, so that its norm is one call too.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gancourse.models.base import Discriminator, Generator

_ACTIVATIONS = (nn.LeakyReLU, nn.ReLU, nn.Tanh)
_LARGEST = 4096  # inputs or outputs of a layer: at 32 x 49,152 a product in bfloat16 ends the process (oneDNN, AMX)
_aten = torch.ops.aten


class Perceptron:
    """The passes of a network of linear layers, each followed by a LeakyReLU, a ReLU, a Tanh or nothing.

    network: a `Generator` or `Discriminator` of which `fits` holds. precision: of products and activations; parameters
    and gradients keep their own.
    .gradient: (P,) all gradients of the network, in the order of its parameters; their `.grad` are parts of it.
    `forward`, then `backward`, with nothing between them that changes the parameters. What a pass returns is
    overwritten by the next one. What is random in a network, or listens to it, has no place here.
    """

    def __init__(self, network: nn.Module, precision: torch.dtype) -> None:
        assert isinstance(network, Generator | Discriminator)
        self._linear: list[nn.Linear] = []
        self._after: list[nn.Module | None] = []  # the activation of each, if any
        for layer in _layers(network):
            if isinstance(layer, nn.Linear):
                self._linear.append(layer)
                self._after.append(None)
            else:
                self._after[-1] = layer
        parameters: list[Tensor] = list(network.parameters())
        self._parameters = parameters
        self.gradient = torch.zeros(sum(p.numel() for p in parameters), dtype=parameters[0].dtype)
        parts = self.gradient.split([p.numel() for p in parameters])
        self._gradients = [part.view_as(p) for part, p in zip(parts, parameters, strict=True)]
        self._precision = precision
        self._narrow = precision != parameters[0].dtype  # products in another type than the parameters'
        made = [torch.empty_like(p, dtype=precision) for p in parameters] if self._narrow else []
        self._weights = made or [p.detach() for p in parameters]
        self._slopes = [torch.empty_like(p, dtype=precision) for p in parameters] if self._narrow else self._gradients
        self._turned = [weight.t() for weight in self._weights[::2]]
        self._kept: dict[int, list[Tensor]] = {}  # what layers give, by the number of images
        self._back: dict[int, list[Tensor]] = {}  # and the slopes in what they are given
        self._used: list[Tensor] = []

    @staticmethod
    def fits(network: nn.Module) -> bool:
        """Whether its passes can be written out here: such a chain, of at most 4,096 numbers between layers, trained
        whole, on the CPU, nobody listening in."""
        if not isinstance(network, Generator | Discriminator):
            return False
        base = Generator if isinstance(network, Generator) else Discriminator
        own = ("forward", "enter", "leave", "place", "_outputs", "layers")
        if any(getattr(type(network), name, None) is not getattr(base, name, None) for name in own):
            return False
        if any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in network.modules()):
            return False
        layers = _layers(network)
        linear = [layer for layer in layers if type(layer) is nn.Linear and layer.bias is not None]
        alternate = all(type(layer) is nn.Linear or type(before) is nn.Linear for before, layer in pairwise(layers))
        parameters = list(network.parameters())
        return (
            type(layers[0]) is nn.Linear
            and alternate
            and all(type(layer) in (nn.Linear, *_ACTIVATIONS) for layer in layers)
            and all(layer.negative_slope > 0 for layer in layers if isinstance(layer, nn.LeakyReLU))  # sign = sign
            and len(parameters) == 2 * len(linear)
            and all(max(layer.in_features, layer.out_features) <= _LARGEST for layer in linear)
            and all(p.device.type == "cpu" and p.requires_grad for p in parameters)
        )

    def forward(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """Outputs (B, F) of inputs x (B, F') in this precision, in `out` where it is given."""
        if len(x) not in self._kept:
            self._kept[len(x)] = [x.new_empty(len(x), layer.out_features) for layer in self._linear]
            self._back[len(x)] = [x.new_empty(len(x), layer.in_features) for layer in self._linear]
        if self._narrow:
            torch._foreach_copy_(self._weights, self._parameters)
        self._used = [x, *self._kept[len(x)]]
        if out is not None:
            self._used[-1] = out
        for i, after in enumerate(self._after):
            y = self._used[i + 1]
            torch.addmm(self._weights[2 * i + 1], self._used[i], self._turned[i], out=y)
            if isinstance(after, nn.LeakyReLU):
                nn.functional.leaky_relu_(y, after.negative_slope)
            elif isinstance(after, nn.ReLU):
                y.relu_()
            elif isinstance(after, nn.Tanh):
                y.tanh_()
        return self._used[-1]

    def backward(self, slope: Tensor, parameters: bool = True, inputs: bool = False) -> Tensor | None:
        """From the loss's slope (B, F) in the last outputs, which is overwritten: gradients, the slope in inputs.

        parameters: whether `.gradient` is filled, and parameters get theirs. inputs: whether (B, F') is returned.
        """
        back = self._back[len(slope)]
        for i in reversed(range(len(self._linear))):
            after, y, x = self._after[i], self._used[i + 1], self._used[i]
            if isinstance(after, nn.LeakyReLU):
                _aten.leaky_relu_backward.grad_input(slope, y, after.negative_slope, True, grad_input=slope)
            elif isinstance(after, nn.ReLU):
                _aten.threshold_backward.grad_input(slope, y, 0, grad_input=slope)
            elif isinstance(after, nn.Tanh):
                _aten.tanh_backward.grad_input(slope, y, grad_input=slope)
            if parameters:
                torch.mm(slope.t(), x, out=self._slopes[2 * i])
                torch.sum(slope, 0, out=self._slopes[2 * i + 1])
            if i > 0 or inputs:
                slope = torch.mm(slope, self._weights[2 * i], out=back[i])
        if parameters:
            if self._narrow:
                torch._foreach_copy_(self._gradients, self._slopes)
            for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
                parameter.grad = gradient
        return slope if inputs else None


def _layers(network: Generator | Discriminator) -> list[nn.Module]:
    return list(network.net) if isinstance(network, Generator) else network.layers
