"""What lesson 10's checks look through: networks that note what they are given, and where gradients go."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import Wrong
from gancourse.exercises.checking.judging import close


def one_number(value: Any) -> Tensor:
    """The value as a 0-d tensor; `Wrong` where it is no tensor of one number."""
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: G learns from it, so a tensor is expected, with its graph.")
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: one number is expected.")
    return value.reshape(())


def gradients(value: Tensor, *leaves: Tensor) -> list[Tensor]:
    """The gradient of a number for each leaf, zeros where it does not depend on it."""
    found = torch.autograd.grad(value, leaves, allow_unused=True, retain_graph=True) if leaves else ()
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


class Call:
    """One call of `Features`: what it was shown, in which mode, its maps, and where their gradients can be asked."""

    def __init__(self, shown: Tensor, training: bool) -> None:
        self.shown, self.training = shown, training
        self.maps: list[Tensor] = []
        self.probes: list[Tensor] = []


class _Calls(list[Call]):
    def __deepcopy__(self, memo: dict[int, Any]) -> _Calls:
        return self  # a copied network notes here as well


class Features(nn.Module):
    """Pictures (B, 3, H, W) -> a tuple of three maps, of 4, 6 and 5 channels; `calls` notes how it was called.

    norm: with BatchNorm, so that the mode counts. Its weights ask for gradients, as those of any loaded network.
    """

    def __init__(self, norm: bool = False) -> None:
        super().__init__()
        sizes = ((3, 4, 1), (4, 6, 2), (6, 5, 2))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(c_in, c_out, 3, stride, 1), nn.BatchNorm2d(c_out) if norm else nn.Identity(), nn.Tanh()
            )
            for c_in, c_out, stride in sizes
        )
        self.calls = _Calls()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        call = Call(x.detach().clone(), self.training)
        maps = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            y = (i + 1) * x
            call.maps.append(y.detach().clone())
            if y.requires_grad:
                call.probes.append(torch.zeros_like(y, requires_grad=True))
                y = y + call.probes[-1]
            maps.append(y)
        self.calls.append(call)
        return tuple(maps)

    def hangs_on(self, value: Tensor, pictures: Tensor) -> bool:
        """Whether a number has a gradient for the maps of any of these pictures (B, 3, H, W)."""
        for call in self.calls:
            rows = torch.tensor([any(close(row, one, atol=1e-5) for one in pictures) for row in call.shown])
            if rows.any() and any(bool(g[rows].any()) for g in gradients(value, *call.probes)):
                return True
        return False


class Watched(nn.Module):
    """A network that notes what it is given."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        y: Tensor = self.net(x)
        return y
