"""The check of lesson 03's discriminator: with the same weights it must compute what P1's does."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.layers import compare


def _p1s() -> nn.Sequential:
    """P1's D up to its logit: images (B, 1, 28, 28) -> (B, 1); the course's own is models.dcgan's, the same layers."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(6272, 1),
    )


_EXPECTED = {nn.Conv2d: "a convolution", nn.BatchNorm2d: "a BatchNorm2d", nn.Linear: "a Linear layer"}


def check_build_discriminator(call: StudentFunction) -> str:
    """The check of `lesson03.build_discriminator`: a network that is to compute what P1's D does, up to its logit."""
    net = call()
    if not isinstance(net, nn.Module):
        raise Wrong(f"It returned {describe((net,))}: return a network, such as an `nn.Sequential`.")
    ours = _p1s()
    x = torch.rand(8, 1, 28, 28) * 2 - 1
    theirs = _in_order(net, x)
    for i, (mine, layer) in enumerate(zip(_with_weights(ours), theirs, strict=False), start=1):
        _same_layer(mine, layer, i)
    if len(theirs) != 4:
        kinds = ", ".join(type(layer).__name__ for layer in theirs)
        raise Wrong(f"The layers with weights are {kinds}; two Conv2d, one BatchNorm2d and one Linear are expected.")
    with torch.no_grad():
        for mine, layer in zip(_with_weights(ours), theirs, strict=True):
            for tensor in mine.parameters():
                tensor.copy_(torch.randn_like(tensor) * (0.3 if tensor.ndim > 1 else 1.0))
            layer.load_state_dict(mine.state_dict(), strict=False)
        mistakes = [(_logits(ours, x, **what), message) for what, message in _D_MISTAKES]
        right = _logits(ours, x)
        mistakes.append((right.sigmoid(), "These are probabilities: return logits, without a sigmoid at the end."))
        value = net.train()(x)
    value = value.reshape(-1) if isinstance(value, Tensor) and value.numel() == 8 else value
    otherwise = (
        "With the very weights of P1's D it computes something else: compare the order of its layers with the text."
    )
    compare(value, right, mistakes, otherwise)
    return "With the same weights it gives the same logits: your D is P1's, not only one of the same size."


def _with_weights(net: nn.Module) -> list[nn.Module]:
    return [layer for layer in net.modules() if not list(layer.children()) and list(layer.parameters())]


def _in_order(net: nn.Module, x: Tensor) -> list[nn.Module]:
    """The layers with weights in the order in which an image passes them."""
    passed: list[nn.Module] = []
    hooks = [layer.register_forward_hook(lambda layer, *_: passed.append(layer)) for layer in _with_weights(net)]
    try:
        with torch.no_grad():
            net.train()(x)
    except Exception as error:
        raise Wrong(f"The network stops on images of shape (8, 1, 28, 28): {brief(error)}.") from None
    finally:
        for hook in hooks:
            hook.remove()
    return passed


def _same_layer(mine: nn.Module, layer: nn.Module, i: int) -> None:
    where = f"Layer {i} of those with weights"
    if type(layer) is not type(mine):
        extra = ""
        if isinstance(layer, nn.BatchNorm2d) and i == 2:
            extra = (
                " P1's D has no BatchNorm after its first convolution: there the numbers are still pixels' contrasts."
            )
        elif isinstance(layer, nn.Linear) and i == 3:
            extra = " A BatchNorm belongs after the second convolution."
        raise Wrong(f"{where} is `{type(layer).__name__}`: {_EXPECTED[type(mine)]} is expected.{extra}")
    names = {
        nn.Conv2d: ("in_channels", "out_channels", "kernel_size", "stride", "padding"),
        nn.BatchNorm2d: ("num_features", "eps"),
        nn.Linear: ("in_features", "out_features"),
    }[type(mine)]
    for name in names:
        found, expected = getattr(layer, name), getattr(mine, name)
        if found != expected:
            raise Wrong(f"{where}, {_EXPECTED[type(mine)]}, has {name} {found}: {expected} is expected.")
    if isinstance(layer, nn.Conv2d) and layer.bias is not None:
        raise Wrong(f"{where}, a convolution, has a bias: P1's have none, `bias=False`.")
    if isinstance(layer, nn.Linear) and layer.bias is None:
        raise Wrong("The Linear layer has no bias: P1's has one.")


def _logits(
    net: nn.Module, x: Tensor, slope: float = 0.2, first: bool = True, last: bool = True, early: bool = False
) -> Tensor:
    """P1's D in train mode, with what a mistake changes (early: activation before BatchNorm). Logits (B,), float64."""
    conv1, _, conv2, norm, _, flatten, linear = copy.deepcopy(net).train().children()

    def active(h: Tensor, on: bool) -> Tensor:
        return F.leaky_relu(h, slope) if on else h

    h = conv2(active(conv1(x), first))
    h = norm(active(h, last)) if early else active(norm(h), last)
    logits: Tensor = linear(flatten(h)).reshape(-1)
    return logits.double()


_D_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"slope": 0.01}, "LeakyReLU's slope is 0.01, PyTorch's default: P1's is 0.2."),
    ({"slope": 0.0}, "These are ReLUs: P1's D has LeakyReLU with slope 0.2, so that no gradient to G is cut to 0."),
    ({"first": False}, "The activation after the first convolution is missing."),
    ({"last": False}, "The activation after BatchNorm is missing."),
    ({"first": False, "last": False}, "Without activations all of D is one linear map: LeakyReLU 0.2 after both."),
    ({"early": True}, "The second LeakyReLU stands before BatchNorm: it belongs after it."),
]
