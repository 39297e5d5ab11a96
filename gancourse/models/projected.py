"""A discriminator that looks through borrowed features (Sauer et al. 2021, "Projected GANs converge faster").

A frozen network that was trained on photographs gives four maps of a picture; random 1x1 convolutions mix their
channels and, from the coarsest to the finest, their sizes, so that no head can do with a few of them; small heads, the
only part that learns, judge each. So the discriminator need not learn to see before it can teach.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models.base import Discriminator
from gancourse.models.efficientnet import CHANNELS
from gancourse.models.equalised import no_autocast
from gancourse.models.features import borrowed_features, clamped
from gancourse.models.spectral import spectral_norm
from gancourse.models.style_discriminator import MinibatchDeviation

MIXED = (64, 128, 256, 512)  # channels of the projections, from the finest map to the coarsest, as in its code
_SEED = 5  # of the projections: always the same ones
Features = Callable[[Tensor], Sequence[Tensor]]


class _Shared:
    """Something that a copy of its owner does not copy."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        return self


class Head(nn.Sequential):
    """A projected map (B, C, S, S) -> one logit (B, 1): convolutions that halve it to 4 pixels or fewer, then two more.

    Every weight is divided by its largest singular value, as in the paper; its heads have BatchNorm beside that. Ours
    have none: their last convolution but one is told instead how much the images of a group differ
    (`MinibatchDeviation`), or heads agree that one good picture is enough.
    """

    def __init__(self, channels: int, side: int, width: int) -> None:
        layers: list[nn.Module] = []
        while side > 4:
            layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels, side = width, side // 2
        if not layers:
            layers += [nn.Conv2d(channels, width, 1), nn.LeakyReLU(0.2)]
        layers += [MinibatchDeviation(), nn.Conv2d(width + 1, width, 3, padding=1), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(width, 1, side), nn.Flatten()]
        super().__init__(*layers)
        spectral_norm(self)


class _Heads(nn.Module):
    """Maps of these channels and sides -> the heads' logits, (B, heads)."""

    def __init__(self, channels: Sequence[int], sides: Sequence[int], width: int, of: Sequence[int]) -> None:
        super().__init__()
        self.of = tuple(of)
        self.each = nn.ModuleList(Head(channels[i], sides[i], width) for i in of)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        return torch.cat([head(maps[i]) for head, i in zip(self.each, self.of, strict=True)], 1)


class ProjectedDiscriminator(Discriminator):
    """Images (B, 3, size, size) in [-1, 1] -> logits, through frozen features and random projections.

    In train mode one of each head and image, (B heads,), so that each head has a loss of its own (Sauer et al. 2021,
    equation 4); in eval mode their means, (B,). For training without R1: the features are steep. The paper's game is
    `CriticGAN` with CriticRecipe("hinge", "spectral", augment=("colour", "translation", "cutout")).
    features: images -> four maps, as `models.features.FrozenFeatures`; None for the borrowed ones. They are no part of
    the network: not trained, not saved, not copied with it, and they stay on the device where they were made. size:
    pixels a side of the images, a multiple of 32. larger: by how much they are enlarged for the features. width:
    channels of the heads. heads: which maps are judged, 0 for the finest. mixed: False for the features' maps as they
    are, without projections (the ablation of section 4).
    Raises ValueError for a size that 32 does not divide, FeatureWeightsError without the weights.
    """

    def __init__(
        self,
        features: Features | None = None,
        size: int = 64,
        larger: int = 1,
        width: int = 64,
        heads: Sequence[int] = (0, 1, 2, 3),
        mixed: bool = True,
    ) -> None:
        super().__init__()
        if size % 32:
            raise ValueError(f"size is {size}, expected a multiple of 32, by which the features' last map is smaller.")
        self._features = _Shared(borrowed_features() if features is None else features)
        self.image_shape, self.larger, self.mixed = (3, size, size), larger, mixed
        self.options = {
            "size": size, "larger": larger, "width": width, "mixed": int(mixed),
            "heads": sum(1 << i for i in heads),  # as bits, and which features: a run is resumed with no others
            "features": _checksum(self._features.what),
        }  # fmt: skip
        rng = torch.Generator().manual_seed(_SEED)
        for i, (inputs, outputs) in enumerate(zip(CHANNELS, MIXED, strict=True) if mixed else ()):
            self.register_buffer(f"channels_{i}", _drawn(outputs, inputs, rng), persistent=False)
            if i < 3:
                self.register_buffer(f"sizes_{i}", _drawn(outputs, MIXED[i + 1], rng), persistent=False)
        sides = [size * larger // stride for stride in (4, 8, 16, 32)]
        self.net = nn.Sequential(_Heads(MIXED if mixed else CHANNELS, sides, width, heads), nn.Sigmoid())

    def enter(self, x: Tensor) -> Any:
        """The maps of images that the heads see, from the finest to the coarsest."""
        x = clamped(x)
        if self.larger > 1:
            x = F.interpolate(x, scale_factor=self.larger, mode="bilinear", align_corners=False).clamp(-1, 1)
        with no_autocast(x.device.type):  # bfloat16 has no quick way back through depthwise convolutions with a stride
            seen = self._features.what(x)
        if not self.mixed:
            return list(seen)
        maps = [F.conv2d(part, getattr(self, f"channels_{i}")) for i, part in enumerate(seen)]
        for i in (2, 1, 0):
            coarser = F.interpolate(maps[i + 1], size=maps[i].shape[2:], mode="bilinear", align_corners=False)
            maps[i] = (maps[i] + F.conv2d(coarser, getattr(self, f"sizes_{i}"))) / math.sqrt(2)
        return maps

    def leave(self, outputs: Tensor, *_: Any) -> Tensor:
        """The heads' logits: each, or in eval mode their mean."""
        return outputs.flatten() if self.training else outputs.mean(1)


def _checksum(features: Any) -> int:
    """A number that tells networks of other weights apart; 0 for what is no network."""
    if not isinstance(features, nn.Module):
        return 0
    found = 0
    for value in features.state_dict().values():
        found = zlib.crc32(value.detach().cpu().contiguous().numpy().tobytes(), found)
    return found


def _drawn(outputs: int, inputs: int, rng: torch.Generator) -> Tensor:
    """A random 1x1 convolution that keeps the variance."""
    return torch.randn(outputs, inputs, 1, 1, generator=rng) / math.sqrt(inputs)
