"""Weights from an earlier run, for a run that begins where that one ended, or grows from it: `--start RUN_OR_FILE`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.files import read_unpacked
from gancourse.models.base import Generator
from gancourse.models.catalogue import networks
from gancourse.models.dcgan import GrowingDCGANGenerator
from gancourse.models.growing import grown
from gancourse.models.style_discriminator import StyleDiscriminator
from gancourse.models.stylegan import StyleGenerator
from gancourse.pretrained import restored, tensors_in
from gancourse.training.checkpoint import Checkpoint, RunError, fitting
from gancourse.training.run import Run

GROWING: dict[type[Generator], str] = {
    StyleGenerator: "stylegan",
    GrowingDCGANGenerator: "dcgan128-grown",
}
_MAX_FILE = 256 << 20  # bytes


def begin(algorithm: Any, where: str | Path) -> None:
    """Give networks what a run has learned: `start_from` for SRGAN's G, `grow_from` for GROWING, else `go_on_from`.

    The algorithm remembers it: its `started_from`, and `before` where G and D are two.
    """
    if algorithm.name == "srgan":
        algorithm.started_from = start_from(algorithm.networks["G"], where)
        return
    G, D = algorithm.networks["G"], algorithm.networks["D"]
    algorithm.started_from, algorithm.before = (grow_from if type(G) in GROWING else go_on_from)(G, D, where)


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
    return _digest(state)


def grow_from(G: Generator, D: StyleDiscriminator, where: str | Path) -> tuple[str, dict[str, Any]]:
    """Give both networks what a run of half their size has learned (`models.growing`).

    Returns the SHA-256 of what they were given, and those settings of that run that tell how it was made.

    where: the run's folder; of its newest checkpoint G and D count, and no average: D knows no other G. D has to have
    a block that fades in (fading=1). Raises RunError where there is no such run, or where its networks are of another
    size or other options.
    """
    run = Run(where)
    options, size = (run.config or {}).get("options"), G.image_shape[-1]
    name = GROWING[type(G)]
    if not isinstance(options, dict) or (run.config or {}).get("model") != name:
        raise RunError(f"{where} holds no run of {name}: train one of {size // 2} pixels first.")
    wanted = dict(G.options) | {"size": size // 2}
    if options.get("G") != wanted:
        raise RunError(f"{where} has a G of {options.get('G')}, expected {wanted}: half the size, all else alike.")
    if not D.options.get("fading"):
        raise RunError("D has no block that fades in: make it with fading=1 (--network fading=1).")
    checkpoint, _ = newest(run)
    with torch.random.fork_rng(devices=[]), fitting(checkpoint):
        before = networks(name, **options["G"])[0], networks(name, **(options["G"] | options["D"]))[1]
        for name, network in zip("GD", before, strict=True):
            network.load_state_dict(checkpoint.network(name))
        for mine, theirs in zip((G, D), grown(*before), strict=True):  # type: ignore[arg-type]
            mine.load_state_dict(theirs.state_dict())
    return _described(run, checkpoint)


def go_on_from(G: Generator, D: nn.Module, where: str | Path, epoch: int | None = None) -> tuple[str, dict[str, Any]]:
    """Give both networks what those of another run have learned, to be trained on with other settings.

    where: the run's folder; of its checkpoint, the newest or that of an epoch, G and D count, and no average: D knows
    no other G. Returns as `grow_from`. Raises RunError where there is no such run or checkpoint, or where its networks
    have other options.
    """
    run = Run(where)
    options, mine = (run.config or {}).get("options"), {"G": dict(G.options), "D": dict(D.options)}  # type: ignore[arg-type]
    if options != mine:
        raise RunError(f"{where} has networks with the options {options}, expected {mine}: give these the same ones.")
    checkpoint = newest(run)[0] if epoch is None else run.load(epoch)
    with fitting(checkpoint):
        for name, network in (("G", G), ("D", D)):
            network.load_state_dict(checkpoint.network(name))
    return _described(run, checkpoint)


def _described(run: Run, checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
    """The SHA-256 of a checkpoint's G and D, and its run's settings; epochs: those that it was trained for.

    planned: what its settings said, where it was stopped before.
    """
    digest = _digest({name: value for name, value in checkpoint.tensors.items() if name.startswith(("G.", "D."))})
    told = {name: value for name, value in (run.config or {}).items() if name not in ("parameters", "computed")}
    planned = {"planned": told["epochs"]} if told.get("epochs") != checkpoint.epoch else {}
    seconds = sum(row["seconds"] for row in checkpoint.history)
    return digest, told | {"epochs": checkpoint.epoch, **planned, "seconds": seconds}


def _digest(state: Mapping[str, Tensor]) -> str:
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
        return restored(tensors_in(read_unpacked(path, _MAX_FILE)))
    except OSError as error:
        raise RunError(
            f"{path} cannot be read ({error.strerror or error}); give a run folder or a .safetensors file."
        ) from error
    except ValueError as error:
        raise RunError(f"{path} is no .safetensors file of a generator ({error}).") from error
