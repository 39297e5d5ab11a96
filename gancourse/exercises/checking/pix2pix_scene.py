"""What the checks of Pix2Pix's losses are played on in lesson 08: a small D, pairs, and fakes that hang on a leaf."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close

BATCH = 5
_SIZE = (3, 12, 14)  # 150 patches in a batch: no number that stands for a weight


class _Patches(nn.Module):
    """Pictures (B, 6, H, W) -> logits (B, 1, H', W'); notes what it is given. Three channels are filled up by zeros,
    so that a missing condition can be told from a crash."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(6, 5, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(5, 1, 4, 1, 1))
        with torch.no_grad():
            for weight in self.parameters():
                weight.mul_(2).add_(0.05)
        self.seen: list[Tensor] = []

    def forward(self, pictures: Tensor) -> Tensor:
        self.seen.append(pictures.detach().clone())
        if pictures.shape[1] == 3:
            pictures = torch.cat([torch.zeros_like(pictures), pictures], 1)
        logits: Tensor = self.net(pictures)
        return logits


class Scene:
    """D, a batch of conditions and true pictures, and fakes that hang on a leaf, `source`, as on G's weights."""

    def __init__(self) -> None:
        self.D = _Patches()
        self.x, self.y = (torch.rand(BATCH, *_SIZE) * 2 - 1 for _ in range(2))
        self.source = torch.zeros(BATCH, *_SIZE, requires_grad=True)
        self._made = torch.rand(BATCH, *_SIZE) * 2 - 1
        self.state = [p.detach().clone() for p in self.D.parameters()]

    @property
    def fake(self) -> Tensor:
        return self._made + self.source

    def logits(self, *pictures: Tensor) -> Tensor:
        """What D says of pictures, one behind the other; not noted."""
        found = self.D(torch.cat(pictures, 1))
        self.D.seen.pop()
        return found

    def run(self, call: StudentFunction, *more: float) -> Any:
        self.D.seen.clear()
        value = call(self.D, self.x.clone(), self.y.clone(), self.fake, *more)
        if any(not torch.equal(a, b) for a, b in zip(self.D.parameters(), self.state, strict=True)):
            raise Wrong("D's weights have changed: only the loss is computed here, the step comes later.")
        if any(p.grad is not None for p in self.D.parameters()) or self.source.grad is not None:
            raise Wrong("It calls `backward`: return the loss, the step comes later.")
        return value

    def judge_shown(self) -> list[Tensor]:
        """`Wrong` where D was shown anything but a condition with a picture; returns all that it was shown."""
        shown = self.D.seen
        if not shown:
            raise Wrong("D was never asked: where does the loss come from?")
        alone = [item for item in shown if item.shape[1] == 3]
        if len(alone) == len(shown):
            raise Wrong(
                "D is shown pictures alone, without what they were made from: then any real-looking picture will do. "
                "Put the condition before them, `torch.cat([x, y], 1)`."
            )
        if alone:
            which = "real pictures" if any(close(item, self.y) for item in alone) else "fakes"
            raise Wrong(
                f"The condition is on one side only: the {which} come without it. Then D tells real from fake by "
                "whether there is a map, and not by the picture."
            )
        return shown
