"""A run is a folder: config.json, history.csv, checkpoints/*.safetensors, samples/*.png.

Whatever the notebooks plot of a run is in its folder, so a run can be stopped, resumed, compared and scrubbed through.
Every file is written atomically, by one process at a time (.lock); a file that cannot be used is never written over.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gancourse.data.sheets import tile, untile
from gancourse.files import read_at_most, write_atomically
from gancourse.training import translation
from gancourse.training.checkpoint import Checkpoint, CheckpointError, RunError, load_checkpoint, save_checkpoint
from gancourse.training.critic import marks_in
from gancourse.training.history import History, Row
from gancourse.training.lock import FolderLock
from gancourse.training.losses import LOSSES
from gancourse.training.recipe import Recipe

FREE_SETTINGS = {"epochs", "computed"}  # what may change when a run goes on
# What runs made by version 0.1 did not state, and what it was. Their networks' options are told by their parameters.
_UNSTATED = {"algorithm": "minimax", "recipe": asdict(Recipe()) | {"augment": []}}
_MAX_FILE = 64 << 20  # bytes of a config.json, a history.csv or a sheet of samples
_MAX_PIXELS = 1 << 26  # of a sheet of samples
_CHECKPOINT = re.compile(r"epoch-([0-9]{4,18})\.safetensors")
_SHEET = re.compile(r"epoch-([0-9]{4,18})\.png")
_LEFT_OVER = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.tmp")


def differences(folder: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """A line for each setting that keeps a run from going on: what the folder has, and what is asked for."""
    lines = []
    if "algorithm" not in folder:
        folder = _UNSTATED | {"options": asked.get("options")} | folder
    for key in sorted((folder.keys() | asked.keys()) - FREE_SETTINGS):
        if key not in folder or key not in asked or folder[key] != asked[key]:
            theirs, mine = (_short(d[key]) if key in d else "no such setting" for d in (folder, asked))
            lines.append(f"{_short(key, 40)[1:-1]}: the folder has {theirs}, you ask for {mine}")
    return lines[:20] + [f"and {len(lines) - 20} more"] * (len(lines) > 20)


def _short(value: Any, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


@contextlib.contextmanager
def _writing(folder: Path, new: bool = False) -> Iterator[None]:
    """Says what a failed write means, and what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
        remedy = "Free some space" if full else "Make it writable"
        kept = "What was written before is whole, and the networks in memory are as they were. " * (not new)
        raise RunError(
            f"{folder} could not be written to: {error.strerror or error}. {kept}"
            f"{remedy}{' and go on with fit()' * (not new)}, or choose another run folder."
        ) from error


class Run:
    """A run folder. Reading makes and changes nothing; whoever writes first has the folder to itself (see `lock`).

    folder: where it is, or is to be.
    keep_last: how many of the newest checkpoints stay.
    milestones: epochs whose checkpoints stay for good.
    """

    def __init__(self, folder: str | Path, keep_last: int = 2, milestones: tuple[int, ...] = ()) -> None:
        self.folder = Path(folder)
        self.keep_last = keep_last
        self.milestones = milestones
        self._lock = FolderLock(self.folder)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, epochs with checkpoints: {self.checkpointed_epochs()})"

    # -- one writer at a time ------------------------------------------------------------------------------------

    def lock(self) -> None:
        """Take the folder for writing; every method that writes does so too. Given back when this Run is dropped.

        Raises RunError when another process has it, when a newer Run of this process took it over, or when the folder
        cannot be written to.
        """
        if self._lock.held():
            return
        with _writing(self.folder, new=True):
            self._lock.take()
            for folder in (self.folder, self.folder / "checkpoints", self.folder / "samples"):
                for path in folder.glob(".*.tmp"):  # of a process that was killed in the middle of a write
                    if _LEFT_OVER.fullmatch(path.name):
                        path.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the folder back before this Run is dropped."""
        self._lock.release()

    # -- settings ------------------------------------------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any] | None:
        """The run's config.json, or None for a new run. Raises RunError when it cannot be read as JSON."""
        path = self.folder / "config.json"
        try:
            config = json.loads(read_at_most(path, _MAX_FILE))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)[:200]
            raise RunError(f"{path} cannot be read ({why}). Restore it, or choose another run folder.") from error
        if not isinstance(config, dict):
            raise RunError(f"{path} holds a {type(config).__name__}, expected an object. Choose another run folder.")
        return config

    def agreed(self, settings: dict[str, Any]) -> dict[str, Any] | None:
        """The run's config, if it is that of a run with these settings; None for a new run.

        Raises RunError for a run with other settings (all but FREE_SETTINGS count), and for files without a config.
        """
        config = self.config
        if config is None:
            if self.checkpointed_epochs() or (self.folder / "history.csv").exists():
                raise RunError(
                    f"{self.folder} has checkpoints or a history but no config.json; choose another run folder."
                )
        elif lines := differences(config, settings):
            raise RunError(
                f"{self.folder} holds a run with other settings:\n  " + "\n  ".join(lines) + "\nNothing was changed. "
                "Use the folder's settings to go on with it, or choose another folder."
            )
        return config

    def write_config(self, config: dict[str, Any]) -> None:
        """Write config.json. Raises RunError when the folder is in use, or cannot be written to."""
        self._write(self.folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())

    def _write(self, path: Path, data: bytes) -> None:
        self.lock()
        with _writing(self.folder):
            write_atomically(path, data)

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def checkpoint_path(self, epoch: int) -> Path:
        return self.folder / "checkpoints" / f"epoch-{epoch:04d}.safetensors"

    def checkpointed_epochs(self) -> list[int]:
        """Epochs that have a checkpoint file, ascending."""
        names = [_CHECKPOINT.fullmatch(p.name) for p in (self.folder / "checkpoints").glob("*.safetensors")]
        epochs = [(int(name[1]), name[0]) for name in names if name]
        return sorted(epoch for epoch, name in epochs if name == self.checkpoint_path(epoch).name)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the epoch's checkpoint, then history.csv, then drop what is no longer kept.

        Raises RunError when the folder is in use, or cannot be written to; what was there before is then still there.
        """
        self.lock()
        with _writing(self.folder):
            save_checkpoint(self.checkpoint_path(checkpoint.epoch), checkpoint)
            self._settle(checkpoint)

    def _settle(self, checkpoint: Checkpoint) -> None:
        path, text = self.folder / "history.csv", history_csv(checkpoint.history).encode()
        if not path.exists() or path.read_bytes() != text:
            write_atomically(path, text)
        older = [e for e in self.checkpointed_epochs() if e <= checkpoint.epoch]
        for epoch in older[: -self.keep_last]:
            if epoch not in self.milestones:
                self.checkpoint_path(epoch).unlink(missing_ok=True)

    def load(self, epoch: int) -> Checkpoint:
        """The checkpoint of one epoch. Raises CheckpointError: there is none, it is damaged, or of another run."""
        if epoch not in (have := self.checkpointed_epochs()):
            raise CheckpointError(f"{self.folder} has no checkpoint of epoch {epoch}; there are {have or 'none'}.")
        path = self.checkpoint_path(epoch)
        checkpoint, config = load_checkpoint(path), self.config
        if checkpoint.epoch != epoch:
            raise CheckpointError(f"{path} is the checkpoint of epoch {checkpoint.epoch} under another name.")
        if config is not None and differences(config, checkpoint.config):
            raise CheckpointError(f"{path} belongs to another run: its settings are not those of config.json.")
        return checkpoint

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that is whole (None when there is none), and what was wrong with newer ones."""
        complaints: list[str] = []
        for epoch in reversed(self.checkpointed_epochs()):
            try:
                return self.load(epoch), complaints
            except CheckpointError as error:
                complaints.append(str(error))
        return None, complaints

    def go_on_after(self, checkpoint: Checkpoint) -> None:
        """Make the folder what it was when this checkpoint was saved, also if that save was cut short.

        Checkpoints of later epochs are renamed to *.unusable, so that going on neither counts nor overwrites them.
        """
        self.lock()
        with _writing(self.folder, new=True):
            for epoch in self.checkpointed_epochs():
                if epoch > checkpoint.epoch:
                    path = self.checkpoint_path(epoch)
                    aside = [path.with_name(f"{path.name}.{n or ''}unusable") for n in range(100)]
                    path.rename(next((p for p in aside if not p.exists()), aside[-1]))
            self._settle(checkpoint)

    # -- history and samples -------------------------------------------------------------------------------------

    def history(self) -> History:
        """history.csv as rows of floats, one an epoch; empty for a new run. Raises RunError when it is no table."""
        path = self.folder / "history.csv"
        try:
            table = csv.DictReader(io.StringIO(read_at_most(path, _MAX_FILE).decode(), newline=""), strict=True)
            rows = [{key: float(value) for key, value in row.items()} for row in table]
        except FileNotFoundError:
            return History()
        except (OSError, ValueError, TypeError, csv.Error) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)[:200]
            raise RunError(f"{path} is no table of numbers ({why}). The checkpoints hold the history too.") from error
        config = self.config or {}
        if config.get("algorithm") in ("critic", "biggan"):
            return History(rows, marks_in(config))
        if "translation" in config:
            return History(rows, translation.marks_in(config))
        pair = LOSSES.get(str(config.get("loss")))
        return History(rows, pair.marks if pair else {})

    def save_samples(self, epoch: int, pixels: Tensor) -> None:
        """Write uint8 (B, C, H, W) samples as one sheet, samples/epoch-0005.png, eight to a row."""
        sheet = tile(pixels)
        array = sheet[0].numpy() if sheet.shape[0] == 1 else sheet.permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(array).save(file, "PNG")
        self._write(self.folder / "samples" / f"epoch-{epoch:04d}.png", file.getvalue())

    def samples(self, n: int = 64, size: tuple[int, int] | None = None) -> dict[int, Tensor]:
        """The sample sheets cut up again: epoch -> (n, C, H, W) uint8. A sheet that cannot be read is left out.

        size: (H, W) of one image; None for square images, eight to a row.
        """
        found = {}
        for path in sorted((self.folder / "samples").glob("epoch-*.png")):
            if not (name := _SHEET.fullmatch(path.name)):
                continue
            try:
                with Image.open(io.BytesIO(read_at_most(path, _MAX_FILE))) as image:
                    if image.width * image.height > _MAX_PIXELS:
                        continue
                    array = np.array(image)
                sheet = torch.from_numpy(array if array.ndim == 3 else array[..., None]).permute(2, 0, 1)
                side = (sheet.shape[2] + 2) // 8 - 2
                found[int(name[1])] = untile(sheet, size or (side, side), n)
            except (
                OSError,
                ValueError,
                TypeError,
                SyntaxError,
                RuntimeError,
                ZeroDivisionError,
                Image.DecompressionBombError,
            ):
                continue
        return found


def history_csv(history: list[Row]) -> str:
    """History rows as CSV text; floats in full, so that reading gives back the same numbers."""
    file = io.StringIO()
    columns = list(history[0]) if history else []
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for row in history:
        writer.writerow({k: int(v) if math.isfinite(v) and v == int(v) else repr(float(v)) for k, v in row.items()})
    return file.getvalue()
