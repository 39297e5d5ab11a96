"""The fast path: the same mathematics as `training.train_step`, arranged for the hardware."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from gancourse.training import Trainer


@dataclass(frozen=True)
class Plan:
    """How a run is computed on this machine: chosen by `plan`, shown in the run's config."""

    precision: str  # "float32" or "bfloat16" (autocast; losses, weights and optimiser stay float32)
    fast: bool
    fused: bool  # Adam in one kernel
    device: str

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device, torch.bfloat16)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
        allowed = limit in ("ALL", "DEFAULT") or "BF16" in limit or "AMX" in limit
        return allowed and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def plan(precision: str, fast: bool, device: torch.device, G: nn.Module) -> Plan:
    """Resolve "auto" for this device. Raises ValueError when bfloat16 is asked for by name and is not to be had."""
    able = has_bfloat16(device)
    if precision == "bfloat16" and device.type == "mps":
        raise ValueError(
            'precision is "bfloat16", which Apple\'s MPS does not train in; use "auto" or "float32".'
        )
    if precision == "auto":
        precision = "bfloat16" if able and fast else "float32"
    return Plan(precision, False, fast and device.type in ("cpu", "cuda"), device.type)


def epoch(trainer: Trainer, tick: Callable[[int], Any]) -> tuple[Tensor, Tensor]:
    raise AssertionError
