"""How near enlargements are to the pictures that they should be."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.data.degraded import shrink
from gancourse.evaluation.translation import psnr, ssim
from gancourse.models.base import eval_mode

_AT_ONCE = 4  # pictures


def fidelity(enlarge: Callable[[Tensor], Tensor], hr: Tensor, scale: int = 4, how: str = "area") -> dict[str, float]:
    """ "psnr" in decibels and "ssim", each the mean over pictures, of what `enlarge` makes of `hr` made smaller.

    enlarge: (B, 3, h, w) -> (B, 3, scale h, scale w), a network (then in eval mode) or a function. hr: (N, 3, H, W) in
    [-1, 1]. how: as in `shrink`. Of whole pictures with all three channels, borders included; published figures are
    often of luminance alone, without a border (Ledig et al. 2017, 3.1), and then some decibels higher.
    """
    found: dict[str, list[Tensor]] = {"psnr": [], "ssim": []}
    for part in hr.split(_AT_ONCE):
        with torch.no_grad(), eval_mode(enlarge):
            made = enlarge(shrink(part, scale, how))
        for name, measure in (("psnr", psnr), ("ssim", ssim)):
            found[name].append(measure(made, part))
    return {name: torch.cat(values).mean().item() for name, values in found.items()}
