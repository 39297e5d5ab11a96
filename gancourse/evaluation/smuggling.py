"""What does a picture still say of what it should hide? A small reader, trained on the spot, and how often it is right.

Snow lies on a roof, and its colour can hardly be seen. A translator that must find its way back may hide it all the
same, in patterns that an eye does not see (Chu, Zhmoginov and Sandler 2017). A reader that is trained on pictures of
one translator finds what is in them, wherever it is; on true snow it finds what is really visible.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Told(NamedTuple):
    """share: of unseen pictures whose label was read rightly; error: its standard error; chance: of the commonest."""

    share: float
    error: float
    chance: float


def told(pictures: Tensor, labels: Tensor, epochs: int = 12, seed: int = 0, width: int = 16) -> Told:
    """Train a reader of labels on one half of the pictures, and count how often it is right on the other.

    pictures: (N, 3, H, W) in [-1, 1]; labels: (N,) int64 from 0. One network is trained, and the last weights judge:
    the second half chooses nothing. Deterministic by its seed. Raises ValueError for fewer than 20 pictures.
    """
    n = len(pictures) // 2
    if n < 10 or len(labels) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures and {len(labels)} labels, expected as many of both, at least 20.")
    kinds = int(labels.max()) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        w = width
        reader = nn.Sequential(
            nn.Conv2d(3, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),  # at full size: patterns may be fine
            nn.Conv2d(w, w, 3, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            nn.Conv2d(w, 2 * w, 3, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
            nn.Conv2d(2 * w, 4 * w, 3, 2, 1, bias=False), nn.BatchNorm2d(4 * w), nn.ReLU(),
            nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(16 * w, kinds),
        ).to(memory_format=torch.channels_last)  # fmt: skip
    rng = torch.Generator().manual_seed(seed)
    batch = min(25, n)
    optimiser = torch.optim.AdamW(reader.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.004, total_steps=epochs * (n // batch))
    for _ in range(epochs):
        for index in torch.randperm(n, generator=rng)[: n // batch * batch].split(batch):
            loss = functional.cross_entropy(reader(pictures[index]), labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    reader.eval()
    with torch.no_grad():
        found = torch.cat([reader(part).argmax(1) for part in pictures[n:].split(100)])
    share = (found == labels[n:]).double().mean().item()
    chance = (torch.bincount(labels[n:]).max() / len(labels[n:])).item()
    return Told(share, math.sqrt(max(share * (1 - share), 1e-9) / len(labels[n:])), chance)
