"""Inception's features, as in the literature: needs the extra `metrics` and, once, a download of 96 MB.

Sources: Szegedy et al. 2016 (the network), Heusel et al. 2017 (its features as a score).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import urllib.request
from pathlib import Path

import torch
from torch import Tensor, nn

from gancourse.data.images import unscale
from gancourse.evaluation.features import Extractor, weights_key
from gancourse.evaluation.mnist_classifier import WeightsError
from gancourse.files import cache_folder, read_verified, write_atomically

# The weights of 2015 that every published FID rests on, as torch-fidelity's authors converted them (Apache 2.0).
URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
_LIMIT = 200 << 20  # bytes; the file has 95,628,359


def inception_features(network: nn.Module | None = None) -> Extractor:
    """The 2,048 pooled features of Inception v3 and its 1,008 logits, for images of any size, grey or RGB.

    network: (B, 3, H, W) uint8 -> (features (B, 2048), logits); None for torch-fidelity's port of the original, whose
        weights are downloaded on first use into the cache folder and checked against their SHA-256 at every load.

    Grey images are shown as three equal channels, and every size is resized to 299 x 299 inside. For MNIST this means
    digits in the eyes of a network that has seen photographs: the number is the literature's, the meaning is thin.
    Raises WeightsError: the extra is not installed, there is no network, or the file is not the one expected.
    """
    model = (_torch_fidelity() if network is None else network).eval().requires_grad_(False)

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        pixels = unscale(x)
        features, logits = model(pixels.expand(-1, 3, -1, -1) if pixels.shape[1] == 1 else pixels)
        return features.flatten(1), logits

    key = SHA256 if network is None else weights_key(network)
    return Extractor("inception", 2048, both, key, torch.device("cpu"), smooth=False)


def _torch_fidelity() -> nn.Module:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise WeightsError('Inception needs the extra "metrics": pip install "gancourse[metrics]".') from error
    state = torch.load(io.BytesIO(inception_weights()), weights_only=True, map_location="cpu")
    again = io.BytesIO()  # torch-fidelity would unpickle whatever a file holds: it gets one that is ours, of tensors
    torch.save(state, again)
    again.seek(0)
    model: nn.Module = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=again
    )
    return model


def inception_weights(url: str = URL, sha256: str = SHA256, folder: Path | None = None) -> bytes:
    """The file of Inception's weights: from the cache folder, or downloaded into it; its hash is always checked.

    Raises WeightsError when it cannot be downloaded, or is not the file expected; nothing is kept then.
    """
    path = (cache_folder() if folder is None else folder) / f"inception-{sha256[:12]}.pth"
    with contextlib.suppress(OSError, ValueError):
        return read_verified(path, sha256, _LIMIT)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            raw = answer.read(_LIMIT)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"Inception's weights could not be downloaded from {url} ({error}). Download that file elsewhere and put "
            f"it at {path}, or use classifier_features() or random_features(), which need no download."
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise WeightsError(f"{url} gave a file with SHA-256 {found}, expected {sha256}; it was not kept. Try again.")
    write_atomically(path, raw)
    return raw
