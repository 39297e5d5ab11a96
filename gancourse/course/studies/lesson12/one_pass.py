"""How fast pictures come out: a generator answers in one pass, a diffusion model asks its network many times.

Measured are one pass of a generator and one of an untrained U-Net with about as many parameters, on the same batch, in
turns, on this machine; the many passes are multiplied, not run. Time does not depend on the weights. The U-Net is
Pix2Pix's, which halves the picture at once: those of diffusion models compute at full size too, with attention and a
time given to every layer (Ho et al. 2020, appendix B), and cost more. So the quotient here is a lower bound.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch
from torch import nn

from gancourse.models.base import Generator
from gancourse.models.unet import UNet

PASSES = {
    "DDIM (Song et al. 2021, section 5.1 and table 1)": 50,
    "DDPM (Ho et al. 2020, section 4)": 1000,
}
TURNS = 5  # at least
BATCH = 8


class OnePass(NamedTuple):
    """seconds_g, seconds_unet: medians over `turns`, of one pass for one picture. The others: parameters of both."""

    seconds_g: float
    seconds_unet: float
    turns: int
    parameters_g: int
    parameters_unet: int


def unet_like(G: Generator) -> UNet:
    """A U-Net for G's pictures, initialised anew, of the width whose number of parameters is nearest to G's."""
    channels, size, _ = G.image_shape
    wanted, width = _parameters(G), 1

    def off(width: int) -> int:
        with torch.device("meta"):  # its size alone
            return abs(_parameters(UNet(width, size, channels)) - wanted)

    while off(width + 1) < off(width):
        width += 1
    with torch.random.fork_rng(devices=[]):
        return UNet(width, size, channels).eval()


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@torch.no_grad()
def one_pass(G: Generator, seconds: float, batch: int = BATCH) -> OnePass:
    """Time one pass of G and one of `unet_like(G)`, in turns, for about so many seconds, TURNS times at least.

    G: z (B, z_size) -> pictures (B, C, size, size), size a power of two from 16 on; in eval mode, on the CPU.
    Raises ValueError for a size that no U-Net has.
    """
    unet = unet_like(G)
    z, x = torch.randn(batch, G.z_size), torch.randn(batch, *G.image_shape)
    G(z), unet(x)  # the first pass also makes the kernels
    start, times = perf_counter(), list[tuple[float, float]]()
    while len(times) < TURNS or perf_counter() - start < seconds:
        before = perf_counter()
        G(z)
        between = perf_counter()
        unet(x)
        times.append((between - before, perf_counter() - between))
    of_g, of_unet = (median(column) / batch for column in zip(*times, strict=True))
    return OnePass(of_g, of_unet, len(times), _parameters(G), _parameters(unet))


def passes_table(found: OnePass) -> str:
    """What was measured, as text: pictures a second of the generator, and of the U-Net times the passes of PASSES."""
    rows = [("a generator", 1, found.seconds_g), ("the U-Net, one pass", 1, found.seconds_unet)]
    rows += [(name, passes, passes * found.seconds_unet) for name, passes in PASSES.items()]
    lines = [f"{'':50}{'passes':>7}{'pictures a second':>19}{'times as slow':>15}"]
    for name, passes, each in rows:
        lines.append(f"{name:50}{passes:7,}{1 / each:19,.3g}{each / found.seconds_g:15,.1f}")
    about = f"Parameters: {found.parameters_g:,} and {found.parameters_unet:,}. Medians of {found.turns} turns; "
    return "\n".join([*lines, about + "many passes are one pass, multiplied."])
