"""Churches by the number: factors drawn at random, a picture rendered from them, many pictures kept in the cache.

`procedural_churches(n, size, seed)` renders churches by time of day and weather, and returns with them the factors that
they were drawn from. So a question that photographs leave open has an exact answer here: which kinds does a generator
make, how often, and which has it dropped? Image i depends on (seed, i) alone: fewer images are the beginning of more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gancourse import workers
from gancourse.data.churches import building, scenery
from gancourse.data.churches.building import Church
from gancourse.data.churches.masonry import Colour, Light, ink, mix
from gancourse.data.churches.pen import Pen
from gancourse.data.churches.scenery import SUPER, varied
from gancourse.files import cache_folder

if TYPE_CHECKING:
    from torch import Tensor

    from gancourse.data.images import Images

VERSION = 1  # of the pictures: a change to them makes the cached ones old
MAPS_VERSION = 1  # of their label maps, likewise

# What is drawn independently and uniformly for every image, and can be asked for exactly.
FACTORS: dict[str, tuple[str, ...]] = {
    "plan": ("west tower", "side tower", "two towers", "crossing", "chapel"),
    "top": tuple(building.SLIM),  # of the tower, or of what stands for one
    "stone": tuple(building.STONE),
    "roof": tuple(building.ROOF),
    "windows": ("round", "pointed", "square"),
    "time": tuple(scenery.TIMES),
    "weather": ("clear", "cloudy", "fog", "snow", "rain"),
    "trees": ("broadleaf", "conifer", "cypress", "none"),
    "turned": ("left", "right"),  # which side wall is seen
    "sun": ("left", "right"),
}

Only = Mapping[str, Sequence[str]]  # factor -> the values that it may take, for a part of all churches

_GRASS: list[Colour] = [(118, 152, 78), (138, 158, 84), (98, 142, 84), (160, 158, 96)]
_LEAF: dict[str, list[Colour]] = {
    "broadleaf": [(92, 136, 66), (116, 148, 66), (78, 120, 72), (196, 134, 60), (186, 96, 56)],
    "conifer": [(54, 96, 74), (64, 104, 70), (50, 86, 80)],
    "cypress": [(66, 104, 66), (58, 92, 72), (80, 112, 64)],
}
_CHUNK = 200  # images that one process renders at a time
_MANY = 600  # from here on other processes help, and the images are kept in the cache


def procedural_churches(n: int, size: int = 128, seed: int = 0) -> tuple[Images, dict[str, Tensor]]:
    """n churches and the factors that they were drawn from.

    Returns Images (n, 3, size, size) and, for every name in FACTORS, an int64 tensor (n,): positions in FACTORS[name].
    Beside the factors hundreds of uniform numbers decide an image: measures, colours, place of the camera, and the
    noise of sky and hills. The factors of (seed, i) are the same everywhere, the pixels wherever Pillow draws alike.
    Many images are rendered by all cores (about 5 ms each and core), once: then they come from the cache folder, as a
    memory map. Raises DataError for n or size out of range.
    """
    import torch

    from gancourse.data.images import Images

    pixels = pictures(n, size, seed)
    return Images(torch.from_numpy(pixels), name=f"churches-v{VERSION}-{size}px-seed{seed}"), factor_table(n, seed)


def factor_table(n: int, seed: int, only: Only | None = None) -> dict[str, Tensor]:
    """The factors of n churches: for every name in FACTORS positions in its values, (n,) int64."""
    import torch

    codes = torch.tensor([factors_of(seed, i, only) for i in range(n)])
    return {name: codes[:, i].clone() for i, name in enumerate(FACTORS)}


def factors_of(seed: int, index: int, only: Only | None = None) -> list[int]:
    """The factors of one image, as positions in FACTORS' tuples, in their order."""
    return _draw_factors(_rng(seed, index), only or {})


def render(seed: int, index: int, size: int = 128) -> np.ndarray:
    """One church, (size, size, 3) uint8."""
    rng = _rng(seed, index)
    return _picture(rng, _names(_draw_factors(rng, {})), size)


def render_labelled(seed: int, index: int, size: int = 128, only: Only | None = None) -> np.ndarray:
    """One church and its label map, (size, size, 4) uint8: red, green, blue, and the class's number in pen.CLASSES.

    A pixel's class is the one that covers its centre. The first three channels are `render`'s where `only` is empty.
    """
    rng = _rng(seed, index)
    classes = Image.new("L", (SUPER * size, SUPER * size))
    picture = _picture(rng, _names(_draw_factors(rng, only or {})), size, classes)
    return np.dstack([picture, np.asarray(classes)[SUPER // 2 :: SUPER, SUPER // 2 :: SUPER]])


def _rng(seed: int, index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, index]))


def _draw_factors(rng: np.random.Generator, only: Only) -> list[int]:
    """One number for each factor, whatever values it may take: so that a restricted church is the same in all else."""
    codes = []
    for u, (name, values) in zip(rng.random(len(FACTORS)).tolist(), FACTORS.items(), strict=True):
        allowed = only.get(name, values)
        codes.append(values.index(allowed[int(u * len(allowed))]))
    return codes


def _names(codes: list[int]) -> dict[str, str]:
    return {name: values[i] for (name, values), i in zip(FACTORS.items(), codes, strict=True)}


def _picture(rng: np.random.Generator, f: dict[str, str], size: int, classes: Image.Image | None = None) -> np.ndarray:
    """The picture (size, size, 3); its label map, SUPER times as large, on the canvas `classes` if there is one."""
    side = 1 if f["sun"] == "right" else -1
    ground = 0.80 + 0.08 * rng.random()  # where the church stands, in parts of the picture
    horizon = ground - 0.05 - 0.07 * rng.random()
    sun = (0.5 + side * (0.24 + 0.22 * rng.random()), horizon * (0.12 + 0.4 * rng.random()))
    if f["time"] in scenery.LOW_SUN:
        sun = (sun[0], horizon * (0.62 + 0.3 * rng.random()))
    soft, low = scenery.sky(rng, size, f["time"], f["weather"], sun, horizon)
    light = scenery.light_of(f["time"], f["weather"], side, low)

    width = SUPER * size
    small = Image.fromarray(np.clip(soft + 0.5, 0, 255).astype(np.uint8))
    canvas = small.resize((width, width), Image.Resampling.NEAREST)
    pen = Pen(canvas, classes)
    grass = varied(rng, _GRASS[int(rng.random() * len(_GRASS))], 10)
    if f["weather"] == "snow":
        grass = mix(grass, (232, 236, 244), 0.84)
    scenery.hills(pen, rng, width, horizon, mix(grass, (88, 116, 112), 0.55), light)
    scenery.ground(pen, width, horizon, grass, light)
    _trees(pen, rng, f, width, ground, light, behind=True)
    Church(pen, rng, f, width, ground, horizon, light, grass).draw()
    _trees(pen, rng, f, width, ground, light, behind=False)

    picture = np.asarray(canvas.reduce(SUPER)).astype(np.float32)
    scenery.weather_over(rng, picture, f["weather"], low, ground)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _trees(
    pen: Pen, rng: np.random.Generator, f: dict[str, str], width: int, ground: float, light: Light,
    behind: bool,
) -> None:  # fmt: skip
    """Trees to the left and right of the church, behind it or nearer to the viewer."""
    if f["trees"] == "none":
        return
    leaves = _LEAF[f["trees"]]
    leaf = varied(rng, leaves[int(rng.random() * len(leaves))], 9)
    for _ in range((1 if behind else 0) + int(2.6 * rng.random())):
        across, near, grown, which = rng.random(4).tolist()
        side = -1 if which < 0.5 else 1
        if behind:
            x, foot, tall = 0.48 - 0.2 * across, ground - 0.005 - 0.03 * near, 0.26 + 0.18 * grown
        else:
            x, foot, tall = 0.53 - 0.2 * across, ground + 0.03 + 0.06 * near, 0.20 + 0.22 * grown
        x = width * (0.5 + side * x)
        y, tall = width * foot, width * tall * (1.12 if f["trees"] == "cypress" else 0.97)
        w = tall * 0.22
        shade = ink(scenery.lit(mix(leaf, (40, 60, 40), 0.5), light, 0.0))
        pen.ellipse([int(x - w), int(y - w * 0.16), int(x + w), int(y + w * 0.16)], shade, "shadow")
        scenery.tree(pen, rng, f["trees"], x, y, tall, leaf, light, f["weather"] == "snow")


# -- many --------------------------------------------------------------------------------------------------------


def pictures(n: int, size: int, seed: int, only: Only | None = None) -> np.ndarray:
    """The pixels of n churches, (n, 3, size, size) uint8, or with `only` (also an empty one) and their label maps,
    (n, 4, size, size), as `render_labelled` gives them. Raises DataError for n, size or seed out of range.
    """
    from gancourse.data.images import DataError

    if not isinstance(n, int) or n < 1:
        raise DataError(f"n is {n!r}, expected a whole number of churches, at least 1.")
    if not isinstance(size, int) or not 16 <= size <= 1024:
        raise DataError(f"size is {size!r}, expected 16 to 1024 pixels.")
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise DataError(f"seed is {seed!r}, expected a whole number from 0 to 2**63 - 1.")
    return _rendered(n, size, seed, only=only) if n < _MANY else _cached(n, size, seed, only)


def _chunk(seed: int, start: int, stop: int, size: int, only: Only | None = None) -> np.ndarray:
    def one(i: int) -> np.ndarray:
        return render(seed, i, size) if only is None else render_labelled(seed, i, size, only)

    return np.stack([one(i).transpose(2, 0, 1) for i in range(start, stop)])


def _chunk_bytes(job: list[Any]) -> bytes:
    """A worker's: the pixels of _chunk(*job)."""
    return _chunk(*job).tobytes()


def _shape(n: int, size: int, only: Only | None) -> tuple[int, int, int, int]:
    return n, 3 if only is None else 4, size, size


def _rendered(n: int, size: int, seed: int, out: np.ndarray | None = None, only: Only | None = None) -> np.ndarray:
    """As `pictures`, into `out` if it is given; many of them by a process for every core."""
    out = np.empty(_shape(n, size, only), np.uint8) if out is None else out
    starts = set(range(0, n, _CHUNK))
    processes = min(workers.cores(), len(starts))
    if n >= _MANY and processes > 1:
        jobs: list[list[Any]] = [[seed, start, min(n, start + _CHUNK), size, only] for start in sorted(starts)]
        with (
            contextlib.suppress(workers.WorkerError),  # then this process does what is left
            contextlib.closing(workers.answers(_chunk_bytes, jobs, processes)) as found,
        ):
            for place, data in found:
                start, stop = jobs[place][1:3]
                out[start:stop] = np.frombuffer(data, np.uint8).reshape(_shape(stop - start, size, only))
                starts.remove(start)
    for start in sorted(starts):
        out[start : start + _CHUNK] = _chunk(seed, start, min(n, start + _CHUNK), size, only)
    return out


def _cached(n: int, size: int, seed: int, only: Only | None = None) -> np.ndarray:
    """The images as a memory map of a file in the cache folder, rendered first where it is not there."""
    path = cache_folder() / f"churches-v{VERSION}-{size}-{seed}-{n}{_part(only)}.npy"
    shape = _shape(n, size, only)
    with contextlib.suppress(OSError, ValueError, EOFError):  # absent or damaged: render again
        pixels = np.load(path, mmap_mode="c", allow_pickle=False)
        if pixels.shape == shape and pixels.dtype == np.uint8:
            return pixels
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        _rendered(n, size, seed, pixels, only)
        pixels.flush()
        del pixels
        os.replace(temporary, path)
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except OSError as error:  # a full disk or a read-only home costs the time again, not the images
        print(f"gancourse: churches could not be cached in {path.parent} ({error.strerror})")
        return _rendered(n, size, seed, only=only)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _part(only: Only | None) -> str:
    """What a file's name says of labelled churches, and of the values that their factors may take."""
    if only is None:
        return ""
    values = json.dumps({name: list(only[name]) for name in sorted(only)})
    return f"-maps-v{MAPS_VERSION}-{hashlib.sha256(values.encode()).hexdigest()[:12]}"
