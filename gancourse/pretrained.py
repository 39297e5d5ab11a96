"""Networks that come with the course, trained: `pretrained.load("dcgan-mnist", epoch=5)` is a ready generator.

Each name has a card, NAME.json, that says how its files were made, by which commands, what they score and what their
SHA-256 is; `gancourse.publishing.shipping` writes both. Nothing is ever unpickled: a file is read only up to the size
and used only with the hash that its card states. Weights are packed, NAME.safetensors.xz; size and hash are then those
of the safetensors file inside, which `xz -d` gives.
"""

from __future__ import annotations

import io
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from gancourse.files import read_at_most, read_verified
from gancourse.models.base import Discriminator, Generator
from gancourse.models.catalogue import enlargers, networks, translators

FORMAT = "gancourse-weights-1"
TRANSLATOR = "gancourse-translator-1"
ENLARGER = "gancourse-enlarger-1"
FOLDER = Path(__file__).parent / "assets" / "weights"
SEED_OF_FIXED_Z = 1_000_003  # added to a run's seed
_MAX_CARD = 1 << 20  # bytes
_MAX_HEADER = 1 << 20
_MAX_FILE = 64 << 20
_MAX_PIXELS = 1 << 25  # of a strip
_FILE = re.compile(r"[a-z0-9][a-z0-9.-]{0,80}\.(safetensors|safetensors\.xz|png|webp)")


class PretrainedError(ValueError):
    """Weights that do not exist, are damaged, or are not what their card says; the message says which there are."""


def names(folder: Path = FOLDER, kind: str = FORMAT) -> list[str]:
    """What is shipped: the names that have a card in `folder`, sorted.

    kind: FORMAT, generators that are given z (`load`), TRANSLATOR, those that are given a picture (`translator`), or
    ENLARGER, those that make it larger (`enlarger`).
    """
    return sorted(path.stem for path in folder.glob("*.json") if _is_card(path, kind))


def _is_card(path: Path, kind: str) -> bool:
    try:
        found = json.loads(read_at_most(path, _MAX_CARD))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("format") == kind


def card(name: str, folder: Path = FOLDER, kind: str = FORMAT) -> dict[str, Any]:
    """What is known about a name: what, model, commands, commit, data, config, history, files, licence and more.

    `files` has, for each epoch (as text), the files of G and D and the scores of G; `history` is the run's, a row an
    epoch. Raises PretrainedError for an unknown name, listing what there is.
    """
    known = names(folder, kind)
    if name not in known:
        raise PretrainedError(f"name is {name!r}, expected one of {', '.join(known) or '(nothing is shipped here)'}.")
    found: dict[str, Any] = json.loads(read_at_most(folder / f"{name}.json", _MAX_CARD))
    return found


def epochs(name: str, folder: Path = FOLDER) -> list[int]:
    """The epochs whose weights are shipped, ascending; the last one is what `load` takes by default."""
    return sorted(int(epoch) for epoch in card(name, folder)["files"])


def load(name: str, epoch: int | None = None, part: str = "G", folder: Path = FOLDER) -> Generator | Discriminator:
    """A trained network, float32, on the CPU, in eval mode and without gradients (`.requires_grad_()` for them).

    name: one of `names()`. epoch: one of `epochs(name)`; None for the last. part: "G", z (B, 100) -> images in [-1, 1];
    or "D", images -> logits (B,). folder: where to look, the package's own by default.
    Raises PretrainedError: an unknown name, epoch or part (with those that there are), a part that is not shipped, a
    file that is missing, or one whose SHA-256 is not its card's.
    """
    if part not in ("G", "D"):
        raise PretrainedError(f'part is {part!r}, expected "G" (the generator) or "D" (the discriminator).')
    about, have = card(name, folder), epochs(name, folder)
    epoch = have[-1] if epoch is None else epoch
    if epoch not in have:
        shipped = ", ".join(map(str, have))
        raise PretrainedError(f"{name} is not shipped at epoch {epoch!r}; there are epochs {shipped}.")
    if part not in about["files"][str(epoch)]:
        raise PretrainedError(f'{name} is shipped without its discriminator at epoch {epoch}; there is part "G".')
    raw = _verified(folder, about["files"][str(epoch)][part])
    with torch.random.fork_rng(devices=[]):  # making a network draws random numbers: the caller's stay as they were
        network = networks(about["model"], **about.get("options", {}))["GD".index(part)]
    try:
        network.load_state_dict(restored(tensors_in(raw)))
    except (ValueError, RuntimeError) as error:
        raise PretrainedError(f"{name} at epoch {epoch} holds no {part} of {about['model']}: {error}.") from error
    return network.eval().requires_grad_(False)


def translator(name: str, part: str = "", folder: Path = FOLDER) -> nn.Module:
    """A trained network that translates pictures, (B, 3, H, W) in [-1, 1] both, as `load` gives one.

    name: one of `names(kind=TRANSLATOR)`. part: one of its card's files; "" for the only one, or the first: "G" of
    Pix2Pix, "G_ab" of CycleGAN. Raises PretrainedError as `load` does.
    """
    about = card(name, folder, TRANSLATOR)
    part = part or next(iter(about["files"]))
    if part not in about["files"]:
        raise PretrainedError(f"part is {part!r}; of {name} there is {', '.join(about['files'])}.")
    return _filled(name, part, about, folder)


def enlarger(name: str, folder: Path = FOLDER) -> nn.Module:
    """A trained network that enlarges pictures, (B, 3, H, W) in [-1, 1] to (B, 3, scale H, scale W), as `load` does.

    name: one of `names(kind=ENLARGER)`. The network states its `scale`. Raises PretrainedError as `load` does.
    """
    about = card(name, folder, ENLARGER)
    return _filled(name, "G", about, folder)


def _filled(name: str, part: str, about: dict[str, Any], folder: Path) -> nn.Module:
    """One of a card's networks with its weights, ready."""
    raw = _verified(folder, about["files"][part])
    with torch.random.fork_rng(devices=[]):
        made = enlargers(**about["options"]) if about["format"] == ENLARGER else None
        network = (made or translators(about["model"], **about["options"]))[part]
    try:
        network.load_state_dict(restored(tensors_in(raw)))
    except (ValueError, RuntimeError) as error:
        raise PretrainedError(f"{name} holds no {part} of {about['model']}: {error}.") from error
    return network.eval().requires_grad_(False)


def strip(name: str, folder: Path = FOLDER) -> dict[int, Tensor]:
    """Images from a few fixed z after every epoch of the run: epoch -> (n, C, H, W) uint8, in the same order of z.

    Epoch 0 is before training. So a slider over all epochs needs no weights. The z are the first n of the run's
    `z_fixed` (`fixed_z(name)`). Raises PretrainedError as `load` does, and where a name has no strip.
    """
    about = card(name, folder)
    if not about.get("strip"):
        with_strip = [other for other in names(folder) if card(other, folder).get("strip")]
        raise PretrainedError(f"{name} has no strip; those with one: {', '.join(with_strip) or 'none'}.")
    raw = _verified(folder, about["strip"])
    (n, c, h, w), moments = about["strip"]["shape"], about["strip"]["epochs"]
    image = Image.open(io.BytesIO(raw), formats=["PNG", "WEBP"])
    if image.size != (n * w, len(moments) * h) or image.width * image.height > _MAX_PIXELS:
        raise PretrainedError(f"the strip of {name} has {image.size} pixels, which does not fit its card.")
    sheet = torch.from_numpy(np.asarray(image.convert("L" if c == 1 else "RGB")).copy()).view(len(moments), h, n, w, c)
    return dict(zip(moments, sheet.permute(0, 2, 4, 1, 3).contiguous(), strict=True))


def fixed_z(name: str, n: int = 64, folder: Path = FOLDER) -> Tensor:
    """The first n (at most 64) of the fixed z of a name's run, (n, 100): those of its strip and of its samples."""
    about = card(name, folder)
    return z_of_run(about["config"]["seed"], about["z_size"])[:n]


def z_of_run(seed: int, z_size: int) -> Tensor:
    """The fixed z of a run, (64, z_size), as Trainer draws them."""
    return torch.randn(64, z_size, generator=torch.Generator().manual_seed(seed + SEED_OF_FIXED_Z))


def _verified(folder: Path, entry: dict[str, Any]) -> bytes:
    """The bytes of one of a card's files, if they are what the card says."""
    again = "Install gancourse again, or make it again: its card says how (pretrained.card)."
    if not isinstance(entry["file"], str) or not _FILE.fullmatch(entry["file"]):
        raise PretrainedError(f"a card names the file {entry['file']!r}, expected a plain name. {again}")
    path = folder / entry["file"]
    try:
        return read_verified(path, entry["sha256"], min(int(entry["bytes"]), _MAX_FILE))
    except OSError as error:
        raise PretrainedError(f"{path} cannot be read ({error.strerror or error}). {again}") from error
    except ValueError as error:
        raise PretrainedError(f"{error}. {again}") from error


def tensors_in(raw: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name, any shape, as they are stored. Raises ValueError for what is none."""
    try:
        (size,) = struct.unpack("<Q", raw[:8])
        if size > min(_MAX_HEADER, len(raw) - 8):
            raise ValueError(f"its header claims {size:,} bytes")
        return load_safetensors(raw)
    except (struct.error, SafetensorError) as error:
        raise ValueError(str(error)) from error


# --- how weights are stored ---------------------------------------------------------------------------------------
#
# Matrices and kernels in half precision, or in eight bits with a scale per row. The rest of a network's state,
# BatchNorm's statistics above all, stays as it is: those are few numbers, and far apart.

_SCALE = ".scale"  # of the tensor whose name comes before it


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state with its floating tensors of two or more dimensions, (n, ...), in float16, the rest as it was."""
    return {k: (v.half() if _is_matrix(v) else v).contiguous() for k, v in state.items()}


def quartered(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with int8 in place of float16, and for each such tensor (n, ...) a float32 `NAME.scale`, (n, 1, ...).

    w is stored as round(w / scale), where scale is max |w| / 127 within each slice of the first dimension: symmetric,
    to the nearest of 255 values, an error of at most scale / 2.
    """
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        if _is_matrix(value):
            scale = value.float().abs().amax(tuple(range(1, value.ndim)), keepdim=True) / 127
            scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # a slice of zeros
            stored[key] = (value.float() / scale).round().to(torch.int8).contiguous()
            stored[key + _SCALE] = scale.contiguous()
        else:
            stored[key] = value.contiguous()
    return stored


def restored(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `halved` or `quartered` made, tensors of the same shape in float32 for `load_state_dict`."""
    state: dict[str, Tensor] = {}
    for key, value in stored.items():
        if key + _SCALE in stored:
            state[key] = value.float() * stored[key + _SCALE]
        elif not (key.endswith(_SCALE) and key.removesuffix(_SCALE) in stored):
            state[key] = value.float() if value.is_floating_point() else value
    return state


def _is_matrix(value: Tensor) -> bool:
    return value.is_floating_point() and value.ndim > 1
