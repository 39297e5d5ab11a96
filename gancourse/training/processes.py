"""The same training in several processes, on several devices or machines: Hugging Face Accelerate does the talking.

Every process holds the whole of G and D and draws the same random numbers; of every batch of images and of z it takes
its own share, and before an optimiser's step the gradients are averaged over the processes. So the batch of the config
is the batch of all processes together, and without BatchNorm the result is that of one process, but for rounding.
BatchNorm computes its statistics from a process's own share; the running averages that evaluation uses are averaged
over the processes after each epoch.

Accelerate's usual wrapper (DistributedDataParallel) expects one backward pass through all of a network's parameters for
each forward pass. A GAN's step makes two passes through D before one backward pass, and then one with D frozen; so we
hand Accelerate the gradients ourselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

Share = tuple[int, int]  # (rank, number of processes)
ALONE: Share = (0, 1)


class Team:
    """The processes that train together; one process alone is a team of one, and then nothing here does anything."""

    def __init__(self, accelerator: Any = None) -> None:
        self.accelerator = accelerator
        self.share: Share = ALONE
        if accelerator is not None:
            self.share = (accelerator.process_index, accelerator.num_processes)
        self.rank, self.size = self.share
        self.is_main = self.rank == 0

    def check_batch(self, batch_size: int) -> None:
        """Raises ValueError when the batch cannot be shared out evenly."""
        if batch_size % self.size:
            raise ValueError(
                f"batch_size is {batch_size}, which {self.size} processes cannot share evenly; it is the batch of all "
                f"of them together: choose a multiple of {self.size}."
            )

    def join(self, optimiser: torch.optim.Optimizer) -> None:
        """Average the gradients over the team before each of the optimiser's steps."""
        if self.size > 1:
            optimiser.register_step_pre_hook(lambda opt, *_: self._average_gradients(opt))

    def _average_gradients(self, optimiser: torch.optim.Optimizer) -> None:
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
        # one message instead of one a parameter; reshape(-1) follows the logical order, so layouts may differ
        together = self.mean(torch.cat([g.reshape(-1) for g in gradients]))
        for gradient, part in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def mean(self, tensor: Tensor) -> Tensor:
        """The tensor's mean over the team, the same in every process. NaN in one is NaN in all."""
        if self.size == 1:
            return tensor
        mean: Tensor = self.accelerator.reduce(tensor, reduction="mean")
        return mean

    def largest(self, number: Tensor) -> Tensor:
        """The largest of the team's scalars, the same in every process."""
        if self.size == 1:
            return number
        largest: Tensor = self.accelerator.gather(number.reshape(1)).max()
        return largest

    def average_buffers(self, *networks: nn.Module) -> None:
        """Make BatchNorm's running averages the same everywhere: their mean."""
        if self.size == 1:
            return
        for network in networks:
            for buffer in network.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self.mean(buffer))

    def wait(self) -> None:
        """Until everybody has come here."""
        if self.size > 1:
            self.accelerator.wait_for_everyone()

    @contextlib.contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process goes through this block before the others enter it."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()


def launched() -> Any:
    """An Accelerator when this process was started by `accelerate launch` or `notebook_launcher`, else None.

    Raises ValueError when it was, and the extra `distributed` is not installed.
    """
    import os

    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return None
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ValueError('this is one process of several, which needs: pip install "gancourse[distributed]"') from error
    return Accelerator(cpu=not torch.cuda.is_available())
