"""The tutorials' step under torch.compile, with the images in one tensor, as somebody who compiles would write it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from gancourse.data import Images
from gancourse.models import Discriminator, Generator


def compiled_steps(G: Generator, D: Discriminator, images: Images, batch_size: int = 128) -> Iterator[None]:
    """Trains without end, on the CPU; each `next` is one D step and one G step on D's fakes."""
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
    softplus = nn.functional.softplus
    generate = torch.compile(G)

    @torch.compile
    def loss_of_d(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return softplus(-D(real)).mean() + softplus(D(fake)).mean()

    @torch.compile
    def loss_of_g(fake: torch.Tensor) -> torch.Tensor:
        return softplus(-D(fake)).mean()

    while True:
        for x in images.batches(batch_size, torch.Generator().manual_seed(0)):
            fake = generate(torch.randn(batch_size, G.z_size))
            opt_d.zero_grad()
            loss_of_d(x, fake.detach()).backward()
            opt_d.step()
            opt_g.zero_grad()
            loss_of_g(fake).backward()
            opt_g.step()
            yield
