"""What D gets to see of an image: DiffAugment's changes, and mirror images of the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.training.processes import ALONE, Share
from gancourse.training.settings import setting


def _translate(x: Tensor, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """Shifted by up to an eighth of the side in each direction; zeros move in."""
    b, _, h, w = x.shape
    reach = max(1, round(h / 8))
    rank, processes = share
    shift = torch.randint(0, 2 * reach + 1, (2, b * processes, 1), generator=rng, device=x.device)[:, rank::processes]
    rows = shift[0] + torch.arange(h, device=x.device)
    columns = shift[1] + torch.arange(w, device=x.device)
    image = torch.arange(b, device=x.device)[:, None, None]
    return F.pad(x, [reach] * 4)[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(x: Tensor, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """A square of half the side set to zero, anywhere."""
    b, _, h, w = x.shape
    rank, processes = share
    centre = torch.rand(2, b * processes, 1, generator=rng, device=x.device)[:, rank::processes]
    rows = (torch.arange(h, device=x.device) - centre[0] * h).abs() < h / 4
    columns = (torch.arange(w, device=x.device) - centre[1] * w).abs() < w / 4
    return x * ~(rows[:, :, None] & columns[:, None, :])[:, None]


def _colour(x: Tensor, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """Brightness within +-0.5, saturation within 0 to 2, contrast within 0.5 to 1.5, for each image its own."""
    rank, processes = share
    draw = torch.rand(3, len(x) * processes, 1, 1, 1, generator=rng, device=x.device)[:, rank::processes]
    x = x + draw[0] - 0.5
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (2 * draw[1])
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + (x - middle) * (draw[2] + 0.5)


# Differentiable, drawn anew for each image, the same for real and fake (Zhao et al. 2020, DiffAugment). share: draw for
# all processes and take this one's part, so that every `rng` stays in step.
AUGMENTATIONS = {"translation": _translate, "cutout": _cutout, "colour": _colour}


def augmenting() -> Any:
    """A field of a class of settings: the AUGMENTATIONS of all that D sees (Zhao et al. 2020), none by default."""
    return setting(
        (),
        f"DiffAugment on all that D sees: {', '.join(AUGMENTATIONS)}",
        lambda v: all(name in AUGMENTATIONS for name in v),
        f"some of {', '.join(AUGMENTATIONS)}",
        choices=tuple(AUGMENTATIONS),
        many="+",
    )


def augmented(x: Tensor, names: Sequence[str], rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """Images x (B, C, H, W) under the AUGMENTATIONS of these names, one after the other; "flip" is none of D's."""
    for name in names:
        if name != "flip":
            x = AUGMENTATIONS[name](x, rng, share)
    return x


def flip(x_real: Tensor, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """Real images (B, C, H, W), each mirrored left to right with probability 1/2. For data whose mirror image is data.

    Data augmentation (the "x-flips" of Karras et al. 2020, "Training generative adversarial networks with limited
    data"), and no DiffAugment: it is for the real images alone. G then has to match the data and its mirror image, half
    each: twice the images. Shown both, real and fake, D could not tell a G that makes left-handed images only from one
    that makes both kinds, since mirrored with probability 1/2 they look the same (there, section 2.2: an augmentation
    leaks unless the distribution that it came from can be told).
    """
    rank, processes = share
    mirrored = torch.rand(len(x_real) * processes, 1, 1, 1, generator=rng, device=x_real.device)[rank::processes] < 0.5
    return torch.where(mirrored, x_real.flip(3), x_real)
