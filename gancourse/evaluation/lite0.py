"""EfficientNet-Lite0's features as an extractor: for colour pictures of any size, from a package of 17 MB.

Its Fréchet distance is not the FID of the literature: FID means Inception's features, and the numbers of two networks
are on two scales. It has the same blind spots, though: both were trained to name ImageNet's classes, and a generator
that was trained on such features is flattered by a score on them (Kynkäänniemi et al. 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.evaluation.features import Extractor, weights_key
from gancourse.evaluation.mnist_classifier import WeightsError
from gancourse.models.feature_weights import SHA256, FeatureWeightsError
from gancourse.models.features import CHANNELS, borrowed_features, random_features


def lite0_features(device: torch.device | str = "cpu", seed: int | None = None) -> Extractor:
    """The means over all places of EfficientNet-Lite0's last map: (B, 3, H, W) or (B, 1, H, W) in [-1, 1] -> (B, 320).

    seed: None for the trained network (Tan and Le 2019), "lite0" in tables; or that of its untrained twin, a control
        with a name of its own, which needs no weights.
    H and W are at least 32 (ShapeError below), and nothing is resized: unlike Inception's, these features are those
    of the pictures at their own size, so compare scores at one size only. Grey pictures are shown as three equal
    channels. There are no logits: ImageNet's classes are not those of the course's pictures.
    Raises WeightsError where the weights are not in the cache, saying how they get there.
    """
    try:
        look = borrowed_features(device) if seed is None else random_features(seed, device)
    except FeatureWeightsError as error:
        raise WeightsError(str(error)) from error

    def both(x: Tensor) -> tuple[Tensor, None]:
        return look(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)[-1].mean((2, 3)), None

    key, name = (SHA256, "lite0") if seed is None else (weights_key(look), f"lite0-random-{seed}")
    return Extractor(name, CHANNELS[-1], both, key, torch.device(device))
