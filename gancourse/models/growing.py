"""A StyleGAN that is trained on small pictures first, and grows (Karras et al. 2018, "Progressive growing of GANs").

Where a church stands and what the sky is like can be learned at 16 pixels, where a step takes a third to a quarter of
the time and much fewer are needed. `grown` makes networks of twice the size that begin where the small ones ended.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from gancourse.models.style_discriminator import FadingEntrance, StyleDiscriminator
from gancourse.models.stylegan import StyleGenerator


@torch.no_grad()
def grown(G: StyleGenerator, D: StyleDiscriminator) -> tuple[StyleGenerator, StyleDiscriminator]:
    """Networks for pictures of twice the size, with the weights of G and D, which stay as they are.

    The new G's pictures are G's, enlarged: its new layers add nothing yet, since the weights of their ToRGB are 0. The
    new D sees an image at half its size, as D did, until its new first block has faded in (`FadingEntrance`, whose
    share is moved by training: StyleRecipe.fade). New layers draw from torch's global random state.
    Raises ValueError for a D of another size than G's.
    """
    size = G.image_shape[-1]
    if D.image_shape != G.image_shape:
        raise ValueError(f"G makes pictures of {size} pixels and D takes {D.image_shape[-1]}: they grow together.")
    larger = StyleGenerator(**(dict(G.options) | {"size": 2 * size}))
    larger.load_state_dict(larger.state_dict() | G.state_dict())
    larger.synthesis.to_rgb[-1].weight.zero_()  # type: ignore[operator, union-attr]
    judge = StyleDiscriminator(**(dict(D.options) | {"size": 2 * size, "fading": 1}))
    first, *rest = copy.deepcopy(list[Any](D.net))
    if isinstance(first, FadingEntrance):  # what faded in has arrived
        rest = [first.block, *rest]
        first = first.from_rgb
    entrance = judge.net[0]
    assert isinstance(entrance, FadingEntrance)
    entrance.before.load_state_dict(first.state_dict())
    judge.net = nn.Sequential(entrance, *rest)
    return larger, judge


def fading(D: nn.Module) -> list[FadingEntrance]:
    """The parts of D that fade in: one, or none."""
    return [part for part in D.modules() if isinstance(part, FadingEntrance)]
