"""Named edits of a generator's images: a step in z or in a chosen layer, kept in a file that is verified on load.

An edit is a name, a layer and a step. `apply` adds amount x step to what the layer receives, for as many edits as are
given; `save` and `load` keep them as safetensors, with the generator that they belong to. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor

from gancourse.files import read_at_most, write_atomically
from gancourse.latent.directions import activations, check_layer, through
from gancourse.latent.generating import checked
from gancourse.models.base import Generator, eval_mode

FORMAT = "gancourse-edits-1"
_MAX_FILE = 64 << 20  # bytes
_MAX_NAME = 60
_BATCH = 256


class EditError(ValueError):
    """Edits that cannot be used, saved or read; the message says why, and what to do."""


@dataclass(frozen=True)
class Edit:
    """A step that changes G's images in one way.

    name: for people, "dusk to night". layer: how many modules of G.net come before the step; 0 is z itself.
    step: what amount 1 adds there: (z_size,) for layer 0, else (C, H, W), as `activations` gives it for one z.
    about: how it was found, and what it was measured to do; free text.
    """

    name: str
    layer: int
    step: Tensor
    about: str = ""


@torch.no_grad()
def apply(G: Generator, z: Tensor, edits: Sequence[tuple[Edit, float]]) -> Tensor:
    """Images of z (B, z_size) under edits, each with its amount: (B, C, H, W) in [-1, 1] on the CPU, in eval mode.

    With no edits, or amounts of 0, these are G's own images. Raises LatentError as `activations` does, and EditError
    for a step that does not fit its layer.
    """
    last = max([edit.layer for edit, _ in edits], default=0)
    check_layer(G, last)
    wanted = {layer: activations(G, z[:1], layer).shape[1:] for layer in {edit.layer for edit, _ in edits}}
    for edit, _ in edits:
        if edit.step.shape != wanted[edit.layer]:
            raise EditError(
                f"the edit {edit.name!r} has a step of shape {tuple(edit.step.shape)}, layer {edit.layer} of "
                f"{type(G).__name__} receives {tuple(wanted[edit.layer])}: it was made for another generator or layer."
            )
    with eval_mode(G):
        parts = []
        for part in z.split(_BATCH):
            h = part
            for layer in range(len(G.net) + 1):
                for edit, amount in edits:
                    if edit.layer == layer:
                        h = h + amount * edit.step
                if layer < len(G.net):
                    h = through(G, h, layer)
            parts.append(checked(h.view(-1, *G.image_shape), len(part)))
    return torch.cat(parts)


# ------------------------------------------------------------------------------------------------ files


def key(G: Generator) -> str:
    """Which generator this is: SHA-256 over its weights and buffers."""
    from gancourse.evaluation.features import weights_key

    return weights_key(G)


def save(path: str | Path, edits: Sequence[Edit], G: Generator) -> Path:
    """Write edits of G to a .safetensors file, whole or not at all; returns its path.

    Raises EditError: another ending, no edits, a name twice, empty or longer than 60 characters, a step that is not
    finite or does not fit its layer.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise EditError(f"path is {path}, expected a name in .safetensors.")
    names = [edit.name for edit in edits]
    if not names or len(set(names)) < len(names):
        raise EditError(f"the edits are named {names}, expected at least one, and each name once.")
    for edit in edits:
        _usable(edit, G)
    tensors = {edit.name: edit.step.detach().cpu().float().contiguous().clone() for edit in edits}
    about = {edit.name: {"layer": edit.layer, "about": edit.about} for edit in edits}
    metadata = {"format": FORMAT, "generator": key(G), "edits": json.dumps(about, sort_keys=True)}
    metadata["sha256"] = _digest(tensors, metadata)
    write_atomically(path, save_safetensors(tensors, metadata))
    return path


def load(path: str | Path, G: Generator) -> dict[str, Edit]:
    """The edits of a file by name, if they were made for this G and nothing in the file has changed since.

    Raises EditError: a file that is missing, too large, damaged, of another kind, or of another generator.
    """
    path = Path(path)
    try:
        read_at_most(path, _MAX_FILE)
        with safe_open(str(path), framework="pt") as file:  # the header of a foreign file is bounded by the file's size
            metadata: Mapping[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
        if metadata.get("format") != FORMAT:
            raise EditError(f"its format is {metadata.get('format')!r}, expected {FORMAT!r}")
        if metadata.get("sha256") != _digest(tensors, metadata):
            raise EditError("its content is not what was saved: it is damaged or was changed")
        if metadata["generator"] != key(G):
            raise EditError("it was made for a generator with other weights: load that one, or find the edits anew")
        about = json.loads(metadata["edits"])
        if set(about) != set(tensors):
            raise EditError("its names and its steps do not agree")
        found = {name: Edit(name, int(row["layer"]), tensors[name], str(row["about"])) for name, row in about.items()}
        for edit in found.values():
            _usable(edit, G)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise EditError(f"{path} holds no edits for this generator: {str(error)[:200]}.") from error
    return found


def _usable(edit: Edit, G: Generator) -> None:
    """Raises EditError for an edit that `apply` could not use."""
    if not edit.name.strip() or len(edit.name) > _MAX_NAME or not edit.name.isprintable():
        raise EditError(f"a name is {edit.name[:80]!r}, expected 1 to {_MAX_NAME} printable characters")
    if not bool(edit.step.isfinite().all()):
        raise EditError(f"the step of {edit.name!r} holds NaN or infinity")
    wanted = activations(G, torch.zeros(1, G.z_size), edit.layer).shape[1:]
    if edit.step.shape != wanted:
        raise EditError(
            f"the step of {edit.name!r} has shape {tuple(edit.step.shape)}, layer {edit.layer} receives {tuple(wanted)}"
        )


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 over everything in the file but itself."""
    h = hashlib.sha256(json.dumps([metadata.get(k, "") for k in ("format", "generator", "edits")]).encode())
    for name in sorted(tensors):
        h.update(json.dumps([name, list(tensors[name].shape), str(tensors[name].dtype)]).encode())
        h.update(tensors[name].contiguous().numpy().tobytes())
    return h.hexdigest()
