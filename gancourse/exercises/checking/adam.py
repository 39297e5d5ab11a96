"""The check of the optimiser that both of CycleGAN's translators share: what it holds, and Adam's numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import Wrong


def judge_optimiser(optimiser: Any, networks: dict[str, nn.Module]) -> None:
    """`Wrong` unless it is CycleGAN's Adam over all weights of the networks named G..., and none of those named D..."""
    if not isinstance(optimiser, torch.optim.Optimizer):
        raise Wrong(f"The second of the pair is {describe((optimiser,))}: an optimiser is expected.")
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    for name, network in networks.items():
        has = [id(p) in held for p in network.parameters()]
        if name.startswith("G") and not all(has):
            raise Wrong(
                f"The optimiser does not hold {name}'s weights: that translator gets gradients, and never moves. "
                "No error says so."
            )
        if name.startswith("D") and any(has):
            raise Wrong(f"The optimiser holds {name}'s weights too: the discriminators would help the fakes.")
    if not isinstance(optimiser, torch.optim.Adam):
        raise Wrong(f"The optimiser is {type(optimiser).__name__}: CycleGAN uses Adam.")
    for group in optimiser.param_groups:
        if abs(float(group["lr"]) - 2e-4) > 1e-9:
            raise Wrong(f"Adam's rate is {float(group['lr']):g}: CycleGAN's is 0.0002, `lr=2e-4`.")
        if tuple(float(beta) for beta in group["betas"]) != (0.5, 0.999):
            raise Wrong(f"Adam's betas are {tuple(group['betas'])}: CycleGAN's are (0.5, 0.999).")
        if group["weight_decay"]:
            raise Wrong(f"Adam has a weight decay of {group['weight_decay']:g}: CycleGAN uses none.")
