"""When a batch does not fit the device: how many of its images would, so that the run can go on in parts."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch


class OutOfMemory(RuntimeError):
    """The device's memory does not hold a step; the message names the part of the batch that fits."""


def ran_out(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, had no memory left."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def parts_that_fit(attempt: Callable[[int], Any], batch: int, parts: int, device: torch.device) -> int | None:
    """In how many parts a batch of so many images passes a round; None when not even one image at a time does.

    attempt: tries a round in so many parts, on copies. It is called from 2 * `parts` parts on, doubling.
    batch: what the parts are made of: images, or packs of images that stay together.
    """
    while (parts := 2 * parts) <= batch and batch % parts == 0:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        try:
            attempt(parts)
            return parts
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
    return None
