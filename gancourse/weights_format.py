"""How shipped weights are stored: matrices and kernels in half precision, or in eight bits with a scale per row.

The rest of a network's state, BatchNorm's statistics above all, stays as it is: those are few numbers, and far apart.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SCALE = ".scale"  # of the tensor whose name comes before it


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state with its floating tensors of two or more dimensions in float16, the rest as it was."""
    return {k: (v.half() if _is_matrix(v) else v).contiguous() for k, v in state.items()}


def quartered(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with int8 in place of float16, and for each such tensor (n, ...) a float32 `NAME.scale`, (n, 1, ...).

    w is stored as round(w / scale), where scale is max |w| / 127 within each slice of the first dimension: symmetric,
    to the nearest of 255 values, an error of at most scale / 2.
    """
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        if _is_matrix(value):
            scale = value.float().abs().amax(tuple(range(1, value.ndim)), keepdim=True) / 127
            scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # a slice of zeros
            stored[key] = (value.float() / scale).round().to(torch.int8).contiguous()
            stored[key + _SCALE] = scale.contiguous()
        else:
            stored[key] = value.contiguous()
    return stored


def restored(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `halved` or `quartered` made, as a state in float32 for `load_state_dict`."""
    state: dict[str, Tensor] = {}
    for key, value in stored.items():
        if key + _SCALE in stored:
            state[key] = value.float() * stored[key + _SCALE]
        elif not (key.endswith(_SCALE) and key.removesuffix(_SCALE) in stored):
            state[key] = value.float() if value.is_floating_point() else value
    return state


def _is_matrix(value: Tensor) -> bool:
    return value.is_floating_point() and value.ndim > 1
