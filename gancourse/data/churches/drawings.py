"""Label maps in the course's colours: as pictures that a network takes in, as files, and read from a drawing of yours.

A drawing may come from any program that paints without smoothing its edges: an indexed PNG with the course's palette
(`save_drawing` writes one to begin with), any picture whose colours are near those of the palette, or a grey PNG whose
values are the classes' numbers themselves.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gancourse.data.churches.pen import CLASSES
from gancourse.data.images import DataError, Images

if TYPE_CHECKING:
    from torch import Tensor

# One colour a class, each more than twice NEAR away from all others, so that a colour near one is near no other.
PALETTE: dict[str, tuple[int, int, int]] = {
    "sky": (128, 190, 255),
    "hill": (60, 120, 140),
    "ground": (140, 200, 70),
    "path": (240, 220, 160),
    "shadow": (70, 60, 110),
    "tree": (20, 120, 40),
    "wall": (225, 150, 110),
    "roof": (190, 40, 40),
    "top": (220, 70, 190),
    "window": (20, 30, 220),
    "door": (100, 50, 10),
    "gilt": (255, 230, 0),
}
NEAR = 32  # how far a drawing's colour may be from its class's, as a distance in RGB
_MOST = 4096  # pixels that a drawing may be wide or high


def painted(maps: Tensor, name: str = "label maps") -> Images:
    """Label maps (N, H, W), numbers of CLASSES, in the palette's colours: Images (N, 3, H, W), for pairs with pictures.

    Raises DataError for maps of another shape or type, and for numbers that are no class.
    """
    import torch

    if maps.ndim != 3:
        hint = ": maps[None] for one map" if maps.ndim == 2 else ""
        raise DataError(f"label maps have shape {tuple(maps.shape)}, expected (N, H, W){hint}.")
    if maps.is_floating_point() or maps.is_complex():
        raise DataError(f"label maps are {maps.dtype}, expected whole numbers 0 to {len(CLASSES) - 1}.")
    if maps.numel() and not 0 <= int(maps.min()) <= int(maps.max()) < len(CLASSES):
        raise DataError(
            f"label maps hold numbers from {int(maps.min())} to {int(maps.max())}, expected 0 to {len(CLASSES) - 1}: "
            "the positions of CLASSES."
        )
    colours = torch.tensor(list(PALETTE.values()), dtype=torch.uint8, device=maps.device)
    pixels = torch.empty(len(maps), 3, *maps.shape[1:], dtype=torch.uint8, device=maps.device)
    for start in range(0, len(maps), 256):  # in parts: an index takes eight times the room of the numbers
        pixels[start : start + 256] = colours[maps[start : start + 256].long()].permute(0, 3, 1, 2)
    return Images(pixels, name=name)


def save_drawing(classes: Tensor, path: str | Path) -> None:
    """One label map (H, W) as an indexed PNG with the course's palette, which `read_drawing` gives back exactly.

    Raises DataError for another shape or numbers that are no class.
    """
    painted(classes[None])  # its errors
    image = Image.fromarray(classes.cpu().numpy().astype(np.uint8), mode="P")
    image.putpalette([level for colour in PALETTE.values() for level in colour])
    image.save(path, "PNG")


def read_drawing(path: str | Path, size: int | None = None) -> Tensor:
    """Your drawing as a label map, (H, W) uint8 numbers of CLASSES; (size, size) where a size is given.

    path: an indexed or coloured picture in the colours of PALETTE, each pixel no farther than NEAR from one of them;
        or a grey one whose values are the classes' numbers.
    size: resized to it by nearest neighbours, which mixes no classes; the drawing must then be square.

    Raises DataError: no picture, one that is too large or not square, and colours that are no class, each named with
    where it is and what is nearest.
    """
    import torch

    image = _opened(Path(path))
    if max(image.size) > _MOST:
        raise DataError(
            f"{path} is {image.width}x{image.height} pixels, expected at most {_MOST} a side; make it smaller."
        )
    if size is not None and image.width != image.height:
        raise DataError(
            f"{path} is {image.width}x{image.height} pixels, expected a square for a label map of {size}x{size}: cut "
            "it, or add to its shorter side."
        )
    if image.mode == "L" and np.asarray(image).max() < len(CLASSES):
        classes = np.array(image)
    else:
        classes = _by_colour(np.asarray(_on_white(image)), path)
    if size is not None and size != image.width:
        classes = np.asarray(Image.fromarray(classes).resize((size, size), Image.Resampling.NEAREST))
    return torch.from_numpy(classes.copy())


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                image.load()
                return image.copy()
    except FileNotFoundError as error:
        raise DataError(f"{path} is no file; give the drawing's path.") from error
    except Exception as error:  # decoders raise many kinds
        raise DataError(
            f"{path} cannot be read as a picture ({type(error).__name__}: {str(error)[:100]}); save it as PNG again."
        ) from error


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _by_colour(pixels: np.ndarray, path: str | Path) -> np.ndarray:
    """(H, W, 3) -> the class of the nearest colour, (H, W) uint8. Raises DataError for colours that are near none."""
    palette = np.array(list(PALETTE.values()), np.int64)
    packed = pixels.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    found, inverse = np.unique(packed, return_inverse=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], -1)
    best, least = np.empty(len(colours), np.uint8), np.empty(len(colours), np.int64)
    for start in range(0, len(colours), 4096):
        distance = ((colours[start : start + 4096, None] - palette) ** 2).sum(-1)
        best[start : start + 4096], least[start : start + 4096] = distance.argmin(1), distance.min(1)
    classes = best[inverse].reshape(packed.shape)
    unknown = np.flatnonzero(least > NEAR**2)
    if len(unknown):
        counts = np.bincount(inverse.ravel(), minlength=len(found))
        unknown = unknown[np.argsort(-counts[unknown], kind="stable")]
        lines = []
        for i in unknown[:8]:
            y, x = np.argwhere(packed == found[i])[0]
            name = CLASSES[best[i]]
            lines.append(
                f"\n  {_hex(colours[i])}: {counts[i]:,} pixels, the first at x = {x}, y = {y}; "
                f"nearest is {name}, {_hex(PALETTE[name])}"
            )
        more = f"\n  and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        raise DataError(
            f"{path} has {len(unknown)} colours that are no class:{''.join(lines)}{more}\nDraw with the colours of "
            "PALETTE, and with a pencil rather than a brush that smooths its edges; save as PNG, since JPEG mixes them."
        )
    return classes


def _hex(colour: np.ndarray | tuple[int, int, int]) -> str:
    return "#" + "".join(f"{int(level):02x}" for level in colour)
