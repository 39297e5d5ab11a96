"""The loop that GAN tutorials teach, kept as the baseline of `make bench`.

Images pass one by one through PIL and transforms into a DataLoader, everything is float32, D ends in a Sigmoid under
BCELoss, D's gradients are computed in G's step and thrown away, and two losses are read back at every step. The
networks are the course's own; G's step reuses D's fake batch, as most tutorials do.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from gancourse.data import Images
from gancourse.models import Discriminator, Generator


class PictureData(Dataset[torch.Tensor]):
    """uint8 images in memory, given out one by one as a tutorial's data set does."""

    def __init__(self, images: Images) -> None:
        self.arrays = images.pixels.permute(0, 2, 3, 1).squeeze(-1).numpy()
        channels = images.shape[0]
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize([0.5] * channels, [0.5] * channels)]
        )

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, index: int) -> torch.Tensor:
        x: torch.Tensor = self.transform(Image.fromarray(self.arrays[index]))
        return x


def tutorial_steps(
    G: Generator, D: Discriminator, images: Images, device: torch.device, batch_size: int = 128
) -> Iterator[None]:
    """Trains without end; each `next` is one D step and one G step."""
    G, D = G.to(device), D.to(device)
    workers = 4 if device.type == "cuda" else 0
    loader = DataLoader(
        PictureData(images),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    bce = nn.BCELoss()
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    ones, zeros = torch.ones(batch_size, device=device), torch.zeros(batch_size, device=device)
    while True:
        for x in loader:
            x = x.to(device)
            opt_d.zero_grad()
            loss_real = bce(D.probability(x), ones)
            loss_real.backward()
            fake = G(torch.randn(batch_size, G.z_size, device=device))
            loss_fake = bce(D.probability(fake.detach()), zeros)
            loss_fake.backward()
            opt_d.step()
            opt_g.zero_grad()
            loss_g = bce(D.probability(fake), ones)
            loss_g.backward()
            opt_g.step()
            (loss_real + loss_fake).item(), loss_g.item()
            yield
