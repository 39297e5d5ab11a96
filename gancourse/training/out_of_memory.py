"""When a batch does not fit the device: how many of its images would, so that the run can go on in parts."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable

import torch
from torch import Tensor, nn


class OutOfMemory(RuntimeError):
    """The device's memory does not hold a step; the message names the part of the batch that fits."""


def ran_out(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, had no memory left."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def parts_that_fit(step: Callable[..., Tensor], G: nn.Module, D: nn.Module, x: Tensor, parts: int) -> int | None:
    """In how many parts a batch like x, (B, C, H, W), passes a training step; None when not even one image does.

    step: `train_step`. Tries it on copies of the networks, from 2 * `parts` parts on, doubling.
    """
    while (parts := 2 * parts) <= len(x) and len(x) % parts == 0:
        gc.collect()
        if x.device.type == "cuda":
            torch.cuda.empty_cache()
        try:
            copies = copy.deepcopy(G), copy.deepcopy(D)
            optimisers = [torch.optim.Adam(network.parameters(), lr=0.0) for network in copies]
            step(*copies, *optimisers, [x], torch.Generator(x.device), accumulate=parts)
            return parts
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
    return None
