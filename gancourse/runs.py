"""A run is a folder: config.json, history.csv, checkpoints/*.safetensors, samples/*.png.

Whatever the notebooks plot of a run is in its folder, so a run can be stopped, resumed, compared and scrubbed through.
Every file is written atomically; a checkpoint holds networks, optimisers, random states and history, and a digest over all
of it that is checked before anything is used. Nothing is ever unpickled.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from gancourse.data import tile, untile
from gancourse.files import write_atomically

FORMAT = "gancourse-checkpoint-1"
_MAX_HEADER = 4 << 20  # bytes; ours are some 100 kB, a hostile one could claim gigabytes
_NAME = re.compile(r"epoch-(\d{4,})\.safetensors")

Row = dict[str, float]


class RunError(RuntimeError):
    """A run folder that cannot be used as asked; the message says why, and what to do."""


class CheckpointError(RunError):
    """A checkpoint that is damaged, foreign or of another version."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds: named tensors, and the epoch, config and history that go with them."""

    tensors: dict[str, Tensor]
    epoch: int
    config: dict[str, Any]
    history: list[Row]

    def network(self, prefix: str) -> dict[str, Tensor]:
        """The state dict of one network: prefix "G" or "D" (or "ema")."""
        start = prefix + "."
        return {k[len(start) :]: v for k, v in self.tensors.items() if k.startswith(start)}


def _digest(tensors: dict[str, Tensor], meta: str) -> str:
    digest = hashlib.sha256(meta.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically. Raises OSError (disk full, read-only) and leaves what was there."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in checkpoint.tensors.items()}
    body = {"epoch": checkpoint.epoch, "config": checkpoint.config, "history": checkpoint.history}
    meta = json.dumps(body, sort_keys=True)
    write_atomically(
        path, save_safetensors(tensors, {"format": FORMAT, "meta": meta, "sha256": _digest(tensors, meta)})
    )


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a checkpoint. Raises CheckpointError when it is truncated, altered, foreign or of another version."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        (size,) = struct.unpack("<Q", raw[:8])
        if size > min(_MAX_HEADER, len(raw) - 8):
            raise CheckpointError(
                f"{path} is truncated or is no checkpoint: its header claims {size:,} bytes."
            )
        header = json.loads(raw[8 : 8 + size])
        about = header.get("__metadata__", {}) if isinstance(header, dict) else {}
        found = about.get("format")
        if found != FORMAT:
            raise CheckpointError(
                f"{path} has format {found!r}, this version reads {FORMAT!r}. It was written by another program or "
                "version: train again, or use the version that wrote it."
            )
        tensors = load_safetensors(raw)
        if _digest(tensors, about["meta"]) != about["sha256"]:
            raise CheckpointError(f"{path} was altered or damaged: its digest does not match its content.")
        body = json.loads(about["meta"])
        return Checkpoint(tensors, int(body["epoch"]), body["config"], body["history"])
    except (
        struct.error,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        SafetensorError,
    ) as error:
        raise CheckpointError(
            f"{path} is truncated or is no checkpoint ({type(error).__name__}: {error})."
        ) from error


class Run:
    """A run folder. Made when first written to.

    folder: where it is, or is to be.
    keep_last: how many of the newest checkpoints stay.
    milestones: epochs whose checkpoints stay for good.
    """

    def __init__(self, folder: str | Path, keep_last: int = 2, milestones: tuple[int, ...] = ()) -> None:
        self.folder = Path(folder)
        self.keep_last = keep_last
        self.milestones = milestones

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, epochs with checkpoints: {self.checkpointed_epochs()})"

    @property
    def config(self) -> dict[str, Any] | None:
        """The run's config.json, or None for a new run. Raises RunError when it cannot be read as JSON."""
        path = self.folder / "config.json"
        if not path.exists():
            return None
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(
                f"{path} cannot be read ({error}). Restore it, or choose another run folder."
            ) from error
        if not isinstance(config, dict):
            raise RunError(
                f"{path} holds a {type(config).__name__}, expected an object. Choose another run folder."
            )
        return config

    def write_config(self, config: dict[str, Any]) -> None:
        write_atomically(self.folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())

    def checkpoint_path(self, epoch: int) -> Path:
        return self.folder / "checkpoints" / f"epoch-{epoch:04d}.safetensors"

    def checkpointed_epochs(self) -> list[int]:
        """Epochs that have a checkpoint file, ascending."""
        names = [_NAME.fullmatch(p.name) for p in (self.folder / "checkpoints").glob("*.safetensors")]
        return sorted(int(name[1]) for name in names if name)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the epoch's checkpoint, then history.csv, then drop what is no longer kept."""
        save_checkpoint(self.checkpoint_path(checkpoint.epoch), checkpoint)
        write_atomically(self.folder / "history.csv", history_csv(checkpoint.history).encode())
        for epoch in self.checkpointed_epochs()[: -self.keep_last]:
            if epoch not in self.milestones:
                self.checkpoint_path(epoch).unlink(missing_ok=True)

    def load(self, epoch: int) -> Checkpoint:
        """The checkpoint of one epoch. Raises CheckpointError when there is none, or it is damaged."""
        if epoch not in (have := self.checkpointed_epochs()):
            raise CheckpointError(
                f"{self.folder} has no checkpoint of epoch {epoch}; there are {have or 'none'}."
            )
        return load_checkpoint(self.checkpoint_path(epoch))

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that is whole (None when there is none), and what was wrong with newer ones."""
        complaints: list[str] = []
        for epoch in reversed(self.checkpointed_epochs()):
            try:
                return self.load(epoch), complaints
            except CheckpointError as error:
                complaints.append(str(error))
        return None, complaints

    def history(self) -> list[Row]:
        """history.csv as rows of floats, one an epoch; empty for a new run. Raises RunError when it is no such table."""
        path = self.folder / "history.csv"
        if not path.exists():
            return []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise RunError(
                f"{path} is no table of numbers ({error}). The checkpoints hold the history too."
            ) from error

    def save_samples(self, epoch: int, pixels: Tensor) -> None:
        """Write uint8 (B, C, H, W) samples as one sheet, samples/epoch-0005.png, eight to a row."""
        sheet = tile(pixels)
        array = sheet[0].numpy() if sheet.shape[0] == 1 else sheet.permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(array).save(file, "PNG")
        write_atomically(self.folder / "samples" / f"epoch-{epoch:04d}.png", file.getvalue())

    def samples(self, n: int = 64, size: tuple[int, int] | None = None) -> dict[int, Tensor]:
        """The sample sheets cut up again: epoch -> (n, C, H, W) uint8. A sheet that cannot be read is left out.

        size: (H, W) of one image; None for square images, eight to a row.
        """
        found = {}
        for path in sorted((self.folder / "samples").glob("epoch-*.png")):
            try:
                with Image.open(path) as image:
                    array = np.array(image)
            except (OSError, ValueError):
                continue
            sheet = torch.from_numpy(array if array.ndim == 3 else array[..., None]).permute(2, 0, 1)
            side = (sheet.shape[2] + 2) // 8 - 2
            found[int(path.stem.removeprefix("epoch-"))] = untile(sheet, size or (side, side), n)
        return found


def history_csv(history: list[Row]) -> str:
    """History rows as CSV text; floats in full, so that reading gives back the same numbers."""
    file = io.StringIO()
    columns = list(history[0]) if history else []
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for row in history:
        writer.writerow(
            {k: int(v) if math.isfinite(v) and v == int(v) else repr(float(v)) for k, v in row.items()}
        )
    return file.getvalue()
