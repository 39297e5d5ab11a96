"""A picture of yours enlarged by a shipped network, your run, or bicubic: `python -m gancourse enlarge IN OUT`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm.auto import tqdm

from gancourse import pretrained
from gancourse.course.starting import newest
from gancourse.data.degraded import enlarge_bicubic
from gancourse.data.images import scale, unscale
from gancourse.data.photographs import one_picture
from gancourse.files import write_atomically
from gancourse.models.catalogue import enlargers
from gancourse.models.tiles import pieces, tile_starts
from gancourse.pretrained import ENLARGER, PretrainedError
from gancourse.training.checkpoint import RunError, fitting
from gancourse.training.run import Run

TILE = 192  # small pixels a side: some 200 MB for a network of 32 channels
MOST = 100_000_000  # pixels of the result
TIMES = 4  # of bicubic


@dataclass(frozen=True)
class Enlarger:
    """What enlarges: (1, 3, H, W) in [-1, 1] -> (1, 3, times H, times W), looking `reach` small pixels to each side."""

    name: str
    network: Callable[[Tensor], Tensor]
    times: int
    reach: int


def chosen(name: str) -> Enlarger:
    """One by name: "bicubic", or a shipped network. Raises PretrainedError for another, with those that there are."""
    if name == "bicubic":
        return Enlarger(name, lambda x: enlarge_bicubic(x, TIMES), TIMES, 2)
    if name not in (there := pretrained.names(kind=ENLARGER)):
        raise PretrainedError(f"model is {name!r}, expected one of {', '.join([*there, 'bicubic'])}.")
    return _of(name, pretrained.enlarger(name))


def of_run(folder: str | Path) -> Enlarger:
    """The generator of a run of SRGAN at its newest whole checkpoint, averaged where the run has its average.

    Raises RunError: no run of SRGAN, or no checkpoint that can be used.
    """
    run = Run(folder)
    config = run.config
    if config is None or config.get("algorithm") != "srgan":
        raise RunError(f"{folder} is no run of srgan: give the --out folder of one.")
    checkpoint, weights = newest(run)
    with fitting(checkpoint), torch.random.fork_rng(devices=[]):
        G = enlargers(**config["options"]["G"])["G"]
        G.load_state_dict(weights)
    return _of(f"{Path(folder).name}, epoch {checkpoint.epoch}", G)


def _of(name: str, G: nn.Module) -> Enlarger:
    G = G.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Enlarger(name, G, int(G.scale), int(G.reach))  # type: ignore[arg-type]


def enlarge_file(
    source: str | Path,
    out: str | Path,
    enlarger: Enlarger,
    tile: int = TILE,
    overwrite: bool = False,
    device: torch.device | str = "cpu",
) -> list[str]:
    """Enlarge a picture's file into another; returns what is to be said of it, a sentence each.

    A grey picture stays grey. Transparency is enlarged bicubically beside the colours; a JPEG has none, so that the
    picture is laid on white first. The colour profile is kept. `out` is written whole or not at all.
    tile: small pixels a side; tiles overlap by as much as the network looks, so that none are seen.
    Raises DataError for a picture that cannot be read, enlarged within MOST pixels, or written there; ValueError for a
    tile no larger than what the network looks at, and for a network that makes NaN; OSError as writing does.
    """
    overlap = 2 * enlarger.reach
    if tile <= overlap:
        raise ValueError(
            f"tile is {tile} pixels, expected at least {overlap + 1}: {enlarger.name} looks {enlarger.reach} pixels to "
            "each side of what it paints."
        )
    one_picture.check_place(out, source, overwrite)
    picture = one_picture.read_picture(source, enlarger.times, MOST)
    said, (h, w) = list(picture.said), picture.colours.shape[1:]
    size = enlarger.times * w, enlarger.times * h
    one_picture.refuse_size(out, *size)
    colours, alpha = picture.colours, picture.alpha
    if alpha is not None and one_picture.format_of(out) == "JPEG":
        said.append(f"{Path(out).name} is JPEG, which has no transparency: the picture is laid on white.")
        colours, alpha = one_picture.on_white(colours, alpha), None
    if alpha is not None:
        colours = one_picture.filled(colours, alpha)
    if isinstance(enlarger.network, nn.Module):
        enlarger.network.to(device)
    made = _enlarged(colours, picture.grey, enlarger, tile, overlap)
    if alpha is not None:
        large = Image.fromarray(alpha[0].numpy()).resize(size, Image.Resampling.BICUBIC)
        made = np.concatenate([made, np.asarray(large)[..., None]], 2)
    data = one_picture.encoded(made[..., 0] if made.shape[2] == 1 else made, out, picture.profile)
    one_picture.check_place(out, source, overwrite)  # it took a while
    write_atomically(Path(out), data)
    return [*said, f"{out}: {size[0]}x{size[1]} pixels, from {w}x{h}, by {enlarger.name}."]


def _enlarged(colours: Tensor, grey: bool, enlarger: Enlarger, tile: int, overlap: int) -> np.ndarray:
    """Colours (3, H, W) uint8 -> pixels (times H, times W, 3) uint8, or (..., 1) for a grey picture."""
    h, w = colours.shape[1:]
    made = np.empty((enlarger.times * h, enlarger.times * w, 1 if grey else 3), np.uint8)
    n = len(tile_starts(h, tile, overlap)) * len(tile_starts(w, tile, overlap))
    parts = pieces(enlarger.network, scale(colours), enlarger.times, tile, overlap)
    for rows, columns, piece in tqdm(parts, "tiles", n, leave=False, disable=None):
        if not bool(piece.isfinite().all()):
            raise ValueError(f"{enlarger.name} makes NaN or infinity of this picture; take an earlier checkpoint.")
        piece = piece.mean(0, keepdim=True) if grey else piece
        made[rows, columns] = unscale(piece).permute(1, 2, 0).numpy()
    return made
