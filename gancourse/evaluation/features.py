"""Images into features: one interface, and the extractors that need no download.

A score is only as good as the features it looks at, and two scores compare only where the extractor is the same: so an
extractor has a name, which goes into every table, and a key over its weights, under which statistics are cached.
`gancourse.evaluation.inception` has the one that the literature uses.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from gancourse.evaluation.image_batches import EvaluationError
from gancourse.evaluation.mnist_classifier import MNISTClassifier, classifier
from gancourse.models.folded import folded


@dataclass(frozen=True)
class Extractor:
    """Images (B, C, H, W) in [-1, 1] -> features (B, size), and logits (B, K) where there are classes.

    name: as it stands in tables. network: images -> (features, logits or None), without gradients of its own weights.
    key: changes when the weights do. smooth: whether gradients pass from the features to the images.
    """

    name: str
    size: int
    network: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    key: str
    device: torch.device
    smooth: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        """The features (B, size) of images (B, C, H, W) in [-1, 1]."""
        return self.network(x.to(self.device))[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features (B, size) and logits (B, K), or None; EvaluationError where the network gives other shapes."""
        features, logits = self.network(x.to(self.device))
        if features.shape != (len(x), self.size) or (logits is not None and logits.shape[:1] != (len(x),)):
            raise EvaluationError(
                f"the extractor {self.name} gave features of shape {tuple(features.shape)}, "
                f"expected ({len(x)}, {self.size})."
            )
        return features, logits


def weights_key(network: nn.Module) -> str:
    """SHA-256 over a network's weights and buffers."""
    state = {k: v.detach().cpu().contiguous().clone() for k, v in network.state_dict().items()}
    return hashlib.sha256(save_safetensors(state)).hexdigest()


def classifier_features(device: torch.device | str = "cpu", model: MNISTClassifier | None = None) -> Extractor:
    """The 64 features of the course's MNIST classifier and its ten logits: for 28 x 28 digits alone.

    model: another classifier in eval mode, whose weights stay; None for the one that the package ships.
    Raises WeightsError.
    """
    network = classifier(device) if model is None else model.to(device)
    looking = network if network.training else copy.deepcopy(network)
    if looking is not network:
        looking.body = folded(network.body)

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        features = looking.features(x)
        return features, looking.head(features)

    return Extractor("mnist-classifier", network.n_features, both, weights_key(network), torch.device(device))


class RandomNetwork(nn.Module):
    """Images (B, channels, H, W), H and W at least 16 -> (B, 64): four convolutions that were never trained.

    Weights ~ N(0, 2 / fan-in) from `seed`. The features are the means over all places of the last layer's 64 channels:
    what they respond to are colours, contrast and the texture of small patches.
    """

    def __init__(self, channels: int = 3, seed: int = 0) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        layers: list[nn.Module] = []
        for inputs, outputs in ((channels, 32), (32, 64), (64, 64), (64, 64)):
            convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
            with torch.no_grad():
                weight = torch.randn(convolution.weight.shape, generator=rng)
                convolution.weight.copy_(weight * (2 / (9 * inputs)) ** 0.5)
            layers += [convolution, nn.LeakyReLU(0.1)]
        self.net = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        f: Tensor = self.net(x.contiguous(memory_format=torch.channels_last)).mean((2, 3))
        return 10 * f  # brings a feature's variance near 1 on photographs; the distance is on its own scale anyway


def random_features(channels: int = 3, seed: int = 0) -> Extractor:
    """64 features of a network that was never trained: a score for images of any size when nothing may be downloaded.

    What it is worth. A random convolutional network tells textures, colours and contrast apart, so a Fréchet distance
    on it falls as a generator learns those, and finds blur, noise and a missing colour. It knows no objects: a church
    with two left halves costs nothing. Its numbers mean nothing beside an Inception FID, and nothing in themselves:
    compare runs, at one number of images, with the distance between two halves of the real ones beside them.
    (Naeem et al., 2020, section 3.3, use random embeddings too, where trained ones do not fit the data.)
    """
    network = RandomNetwork(channels, seed).eval().requires_grad_(False)
    key = weights_key(network)
    network.net = folded(network.net)
    return Extractor(f"random-{seed}", 64, lambda x: (network(x), None), key, torch.device("cpu"))
