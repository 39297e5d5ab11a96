"""Weights of a generator from an earlier run, for a run that begins where that one ended: `--start RUN_OR_FILE`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from gancourse.files import read_at_most
from gancourse.pretrained import restored, tensors_in
from gancourse.training.checkpoint import Checkpoint, RunError
from gancourse.training.run import Run

_MAX_FILE = 256 << 20  # bytes


def start_from(G: nn.Module, where: str | Path) -> str:
    """Give G the weights of a generator that was trained before; returns their SHA-256, which a run remembers.

    where: a run folder, whose newest checkpoint counts, its average where it has one; or a .safetensors file of G
    alone, such as a card's. Nothing is unpickled, and G changes only where all fits.
    Raises RunError: there is no such run, checkpoint or file, or its tensors have other names or shapes than G's.
    """
    where = Path(where)
    state = _of_run(where) if where.is_dir() else _of_file(where)
    wanted = G.state_dict()
    for name in sorted(wanted.keys() | state.keys()):
        theirs, mine = (str(tuple(s[name].shape)) if name in s else "none" for s in (state, wanted))
        if theirs != mine:
            raise RunError(
                f"{where} holds another generator than this one: of {name} it has {theirs}, expected {mine}. "
                "Give this one the options (width, blocks, scale, norm) that it was made with."
            )
    if broken := [name for name, value in state.items() if not bool(value.isfinite().all())]:
        raise RunError(f"{where} holds NaN or infinity in {broken[0]}; start from an earlier checkpoint.")
    G.load_state_dict(state)
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def newest(run: Run) -> tuple[Checkpoint, dict[str, Tensor]]:
    """A run's newest whole checkpoint, and its generator's weights by name, of any shape: its average if it has one.

    Raises RunError where no checkpoint can be used, saying why.
    """
    checkpoint, complaints = run.newest()
    if checkpoint is None:
        said = "; ".join(complaints) or "train at least one epoch"
        raise RunError(f"{run.folder} has no checkpoint that can be used: {said}.")
    return checkpoint, checkpoint.network("ema") or checkpoint.network("G")


def _of_run(folder: Path) -> dict[str, Tensor]:
    run = Run(folder)
    if run.config is None:
        raise RunError(f"{folder} holds no run: it has no config.json.")
    return newest(run)[1]


def _of_file(path: Path) -> dict[str, Tensor]:
    try:
        return restored(tensors_in(read_at_most(path, _MAX_FILE)))
    except OSError as error:
        raise RunError(
            f"{path} cannot be read ({error.strerror or error}); give a run folder or a .safetensors file."
        ) from error
    except ValueError as error:
        raise RunError(f"{path} is no .safetensors file of a generator ({error}).") from error
