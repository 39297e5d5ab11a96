"""Networks that are trained on small pictures first, and grow (Karras et al. 2018, "Progressive growing of GANs").

Where a church stands and what the sky is like can be learned at 16 pixels, where a step takes a third to a quarter of
the time and much fewer are needed. `grown` makes networks of twice the size that begin where the small ones ended.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from gancourse.models.base import Generator, eval_mode, init_dcgan
from gancourse.models.dcgan import GrowingDCGANGenerator
from gancourse.models.style_discriminator import FadingEntrance, StyleDiscriminator
from gancourse.models.stylegan import StyleGenerator

_Z = 512  # z whose pictures tell the mean and spread of each colour
_BILINEAR = (0.25, 0.75, 0.75, 0.25)  # twice the size by a transposed convolution of 4 taps


@torch.no_grad()
def grown(G: Generator, D: StyleDiscriminator) -> tuple[Generator, StyleDiscriminator]:
    """Networks for pictures of twice the size, with the weights of G and D, which stay as they are.

    The new G's pictures are G's, enlarged: a StyleGAN's new layers add nothing yet, since the weights of their ToRGB
    are 0; a DCGAN's are made so that they enlarge (`_dcgan_grown`). The new D sees an image at half its size, as D
    did, until its new first block has faded in (`FadingEntrance`, whose share is moved by training: `fade` of its
    recipe). New layers draw from torch's global random state.
    Raises ValueError for a D of another size than G's, and for a G or a D that cannot grow.
    """
    size = G.image_shape[-1]
    if D.image_shape != G.image_shape:
        raise ValueError(f"G makes pictures of {size} pixels and D takes {D.image_shape[-1]}: they grow together.")
    if not isinstance(D, StyleDiscriminator):
        raise ValueError(f"D is a {type(D).__name__}, which does not grow; a StyleDiscriminator does.")
    larger: Generator
    if isinstance(G, GrowingDCGANGenerator):
        larger = _dcgan_grown(G)
    elif isinstance(G, StyleGenerator):
        larger = StyleGenerator(**(dict(G.options) | {"size": 2 * size}))
        larger.load_state_dict(larger.state_dict() | G.state_dict())
        larger.synthesis.to_rgb[-1].weight.zero_()  # type: ignore[operator, union-attr]
    else:
        raise ValueError(f"G is a {type(G).__name__}, which does not grow; a StyleGenerator does.")
    judge = type(D)(**(dict(D.options) | {"size": 2 * size, "fading": 1}))
    first, *rest = copy.deepcopy(list[Any](D.net))
    if isinstance(first, FadingEntrance):  # what faded in has arrived
        rest = [first.block, *rest]
        first = first.from_rgb
    entrance = judge.net[0]
    assert isinstance(entrance, FadingEntrance)
    entrance.before.load_state_dict(first.state_dict())
    judge.net = nn.Sequential(entrance, *rest)
    return larger, judge


def _dcgan_grown(G: GrowingDCGANGenerator) -> GrowingDCGANGenerator:
    """A G of twice the size whose last two convolutions do what G's last one did, and enlarge it.

    Between them are BatchNorm and ReLU, which an image would not survive. So six of the new channels carry red, green
    and blue and their negatives: ReLU leaves one of each two, and their difference is the colour. BatchNorm's gain and
    bias give them back their spread and mean. The last layer interpolates them; its weights from the other channels
    begin at 0. (A network that begins where another ended: Chen et al. 2016, "Net2Net".)
    """
    larger = type(G)(**(dict(G.options) | {"size": 2 * G.image_shape[-1]}))
    n = len(G.net) - 2  # layers that stay
    rgb, made, norm, _, last, _ = list[Any](G.net)[n:-1] + list[Any](larger.net)[n:]
    if len(last.weight) < 2 * 3:
        raise ValueError(f"width is {G.options['width']}; six channels have to carry the colours: choose 6 or more.")
    init_dcgan(larger)
    larger.net[:n].load_state_dict(G.net[:n].state_dict())
    with eval_mode(G):
        hidden = G.net[:n](G.enter(torch.randn(_Z, G.z_size)))
    made.weight[:, :6] = torch.cat([rgb.weight, -rgb.weight], 1)
    outputs = made(hidden)
    norm.running_mean.copy_(outputs.mean((0, 2, 3)))
    norm.running_var.copy_(outputs.var((0, 2, 3)))
    norm.weight[:6] = (norm.running_var[:6] + norm.eps).sqrt()
    norm.bias[:6] = norm.running_mean[:6]
    taps = torch.tensor(_BILINEAR)
    last.weight.zero_()
    for colour in range(3):
        last.weight[colour, colour] = torch.outer(taps, taps)
        last.weight[3 + colour, colour] = -last.weight[colour, colour]
    return larger


def fading(D: nn.Module) -> list[FadingEntrance]:
    """The parts of D that fade in: one, or none."""
    return [part for part in D.modules() if isinstance(part, FadingEntrance)]


def fade_in(D: nn.Module, shown: int, over: int) -> None:
    """Set the share of what fades in to shown / over, images both; 1 where over is 0."""
    for entrance in fading(D):
        entrance.fade_to(min(1.0, shown / over) if over else 1.0)
