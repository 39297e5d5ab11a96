"""A checkpoint is one safetensors file: named tensors, and the epoch, config and history that go with them.

A digest over all of it is checked before anything is used, sizes are checked before anything is read, and nothing is
ever unpickled: a file from somebody else can be refused, but it can neither run code nor fill the memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from gancourse.files import write_atomically
from gancourse.training.history import Row

FORMAT = "gancourse-checkpoint-1"
MAX_FILE = 2 << 30  # bytes; six times what the largest networks of the course need
MAX_HEADER = 16 << 20  # bytes; 40,000 epochs of history


class RunError(RuntimeError):
    """A run folder that cannot be used as asked; the message says why, and what to do."""


class CheckpointError(RunError):
    """A checkpoint that is damaged, foreign or of another version."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    tensors: dict[str, Tensor]
    epoch: int
    config: dict[str, Any]
    history: list[Row]

    def network(self, prefix: str) -> dict[str, Tensor]:
        """The state dict of one network: prefix "G" or "D" (or "ema")."""
        start = prefix + "."
        return {k[len(start) :]: v for k, v in self.tensors.items() if k.startswith(start)}


@contextlib.contextmanager
def fitting(checkpoint: Checkpoint) -> Iterator[None]:
    """Says so when a checkpoint turns out not to fit the networks and optimisers that it is loaded into."""
    try:
        yield
    except (RuntimeError, LookupError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"the checkpoint of epoch {checkpoint.epoch} does not fit this run ({type(error).__name__}: "
            f"{str(error)[:200]}). Nothing was changed in its folder. Use the version of this package that wrote it, "
            "or choose another run folder."
        ) from error


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises OSError (disk full, read-only) and leaves what was there; RunError for more than load_checkpoint would read.
    """
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in checkpoint.tensors.items():
        tensor = value.detach().cpu().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        tensors[name] = (
            tensor.clone() if memory in seen else tensor
        )  # layers that share a weight: safetensors wants two
        seen.add(memory)
    body = {"epoch": checkpoint.epoch, "config": checkpoint.config, "history": checkpoint.history}
    meta = json.dumps(body)  # in order: history's columns stay in theirs
    data = save_safetensors(tensors, {"format": FORMAT, "meta": meta, "sha256": _digest(tensors, meta)})
    (header,) = struct.unpack("<Q", data[:8])
    if header > MAX_HEADER or len(data) > MAX_FILE:
        raise RunError(
            f"a checkpoint would have {len(data):,} bytes, {header:,} of them for history and names; the limits are "
            f"{MAX_FILE:,} and {MAX_HEADER:,}. Use smaller networks or fewer epochs."
        )
    write_atomically(path, data)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a checkpoint. Raises CheckpointError: it is truncated, altered, foreign or of another version."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise CheckpointError(f"{path} is no file.")
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    except CheckpointError:
        raise
    except (
        struct.error,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        RuntimeError,  # torch's, for a shape that it cannot make; RecursionError
        SafetensorError,
    ) as error:
        raise CheckpointError(
            f"{path} is truncated or is no checkpoint ({type(error).__name__}: {str(error)[:200]})."
        ) from error


def _read(file: BinaryIO, path: Path) -> Checkpoint:
    length = os.fstat(file.fileno()).st_size
    if length > MAX_FILE:
        raise CheckpointError(f"{path} has {length:,} bytes; no checkpoint is larger than {MAX_FILE:,}.")
    (size,) = struct.unpack("<Q", file.read(8))
    if size > min(MAX_HEADER, length - 8):
        raise CheckpointError(f"{path} is truncated or is no checkpoint: its header claims {size:,} bytes.")
    header = json.loads(file.read(size), object_pairs_hook=_without_duplicates)
    about = header.pop("__metadata__", {})
    if (found := about.get("format")) != FORMAT:
        raise CheckpointError(
            f"{path} has format {str(found)[:80]!r}, this version reads {FORMAT!r}. It was written by another program "
            "or version: train again in another folder, or use the version that wrote it."
        )
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if 8 + size + end != length:
        raise CheckpointError(f"{path} is truncated: it has {length:,} bytes and should have {8 + size + end:,}.")
    file.seek(0)
    tensors = load_safetensors(file.read(length))
    if _digest(tensors, about["meta"]) != about["sha256"]:
        raise CheckpointError(f"{path} was altered or damaged: its digest does not match its content.")
    body = json.loads(about["meta"])
    epoch, config, history = body["epoch"], body["config"], body["history"]
    if not (isinstance(epoch, int) and isinstance(config, dict) and isinstance(history, list)):
        raise TypeError("its epoch, config or history is of the wrong type")
    if not all(isinstance(value, int | float) for row in history for value in row.values()):
        raise TypeError("its history holds something else than numbers")
    return Checkpoint(tensors, epoch, config, history)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which a name that comes twice could mean one thing to one reader and another to the next."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice in its header")
    return found


def _digest(tensors: dict[str, Tensor], meta: str) -> str:
    digest = hashlib.sha256(meta.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
