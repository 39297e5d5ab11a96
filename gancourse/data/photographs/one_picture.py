"""One picture of yours in, as pixels and what goes with them, and one out, in the format that its name says.

Nothing is cropped or resized: `decode` does that for training. What cannot be kept is said in words (`Opened.said`).
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from gancourse.data.images import DataError
from gancourse.data.photographs.decode import BadPicture, kind
from gancourse.files import read_at_most

WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_LONGEST = {"JPEG": 65_535, "WEBP": 16_383}  # pixels a side
_MOST_BYTES = 1 << 28  # of a file
_GREY = ("1", "L", "LA", "La")
_PROFILED = ("L", "LA", "RGB", "RGBA", "P", "PA")  # modes whose colour profile still fits the pixels that are read


@dataclass(frozen=True)
class Opened:
    """A picture: colours (3, H, W) uint8, three equal channels where it is grey; alpha (1, H, W) uint8, or None.

    profile: its ICC profile, b"" for none. said: what of the file is not in here, a sentence each.
    """

    colours: Tensor
    alpha: Tensor | None
    grey: bool
    profile: bytes
    said: tuple[str, ...]


def read_picture(path: str | Path, times: int, most: int) -> Opened:
    """A file's picture, upright (EXIF orientation), in 8 bits; of several frames or pages the first.

    times, most: how much it is to be enlarged, and how many pixels it may then have. Raises DataError: no file, a
    folder, no picture, one that is broken or cut off, too large, or has levels that are no whole numbers.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give one picture in it.")
    try:
        data = read_at_most(path, _MOST_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path} is no file; give the path of a picture.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); give a picture that can.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, and sizes that are judged here
            with Image.open(io.BytesIO(data), formats=[kind(data)]) as image:
                if image.width * image.height * times**2 > most:
                    raise DataError(_too_large(path, image.size, times, most))
                return _opened(image, data, path)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path} is too large ({error}): cut it, or make it smaller, to {most // times**2:,} pixels at most."
        ) from error
    except BadPicture as error:
        raise DataError(f"{path} {error}; give a picture: JPEG, PNG, WebP, TIFF, GIF ...") from error
    except Exception as error:  # decoders raise many kinds: OSError, SyntaxError, struct.error ...
        raise DataError(
            f"{path} cannot be decoded ({type(error).__name__}: {str(error)[:100]}): it is broken, cut off, or of a "
            "kind that Pillow does not know; get it again, or save it as PNG."
        ) from error


def _too_large(path: Path, size: tuple[int, int], times: int, most: int) -> str:
    w, h = size
    shrunk = (most / (w * h)) ** 0.5 / times
    return (
        f"{path} is {w}x{h}; enlarged {times} times it would have {w * h * times**2:,} pixels, expected at most "
        f"{most:,}: cut it, or make it smaller first, such as {max(1, int(w * shrunk))}x{max(1, int(h * shrunk))}."
    )


def _opened(image: Image.Image, data: bytes, path: Path) -> Opened:
    mode, said = image.mode, []
    if mode == "F":
        raise DataError(f"{path} has levels that are no whole numbers; save it with 8 or 16 bits a channel.")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        said.append(f"{path.name} has {frames} frames or pages: this is the first.")
        image.seek(0)
    deep = mode.startswith("I") or (data.startswith(b"\x89PNG") and data[24:25] == b"\x10")
    if deep:
        said.append(f"{path.name} has 16 bits a channel: they become 8.")
    profile = image.info.get("icc_profile") or b"" if mode in _PROFILED else b""
    image = ImageOps.exif_transpose(image)
    if mode.startswith("I"):  # 16-bit grey
        levels = (np.asarray(image).clip(0, 65535) / 257).round().astype(np.uint8)
        image = Image.fromarray(levels)
    grey = mode in _GREY or mode.startswith("I")
    see_through = image.has_transparency_data
    pixels = torch.from_numpy(np.array(image.convert("RGBA" if see_through else "RGB"))).permute(2, 0, 1)
    alpha = pixels[3:] if see_through and (pixels[3] < 255).any() else None
    return Opened(pixels[:3].contiguous(), alpha, grey, profile, tuple(said))


def on_white(colours: Tensor, alpha: Tensor) -> Tensor:
    """Colours (3, H, W) uint8 laid on white by their alpha (1, H, W) uint8: (3, H, W) uint8."""
    share = alpha.float() / 255
    return (share * colours + (1 - share) * 255).round().to(torch.uint8)


def filled(colours: Tensor, alpha: Tensor, reach: int = 8) -> Tensor:
    """Colours (3, H, W) uint8 whose invisible pixels (alpha (1, H, W) of 0) have those of what is visible nearby.

    What is hidden there, black mostly, would else be mixed into the edge of what one sees. Pixels farther than `reach`
    from all that is visible get its mean colour.
    """
    seen = (alpha > 0).float()
    if not seen.any():
        return colours
    far = 2 * reach + 1
    sums, counts = (
        functional.avg_pool2d(x[None], far, 1, reach, count_include_pad=True)[0] for x in (colours * seen, seen)
    )
    mean = (colours * seen).sum((1, 2), keepdim=True) / seen.sum()
    nearby = torch.where(counts > 0, sums / counts.clamp_min(1e-9), mean)
    return torch.where(seen > 0, colours.float(), nearby).round().clamp(0, 255).to(torch.uint8)


def format_of(path: str | Path) -> str:
    """Pillow's name of the format that a file to be written has, by its suffix. Raises DataError for another."""
    if (suffix := Path(path).suffix.lower()) not in WRITTEN:
        ends = f"ends in {suffix}" if suffix else "has no ending"
        raise DataError(f"{path} {ends}, expected one of {', '.join(WRITTEN)}.")
    return WRITTEN[suffix]


def refuse_size(path: str | Path, width: int, height: int) -> None:
    """Raise DataError for a picture that the format of `path` has no room for, naming one that has."""
    name = format_of(path)
    if max(width, height) > (longest := _LONGEST.get(name, 1 << 31)):
        raise DataError(f"{path} would be {width}x{height} pixels, and {name} ends at {longest:,} a side: take .png.")


def check_place(path: str | Path, source: str | Path, overwrite: bool) -> None:
    """Raise DataError where a picture made from `source` cannot be written to `path`, or would replace what is there.

    A file that exists is replaced where `overwrite` says so, but never `source` itself.
    """
    path = Path(path)
    format_of(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file in it.")
    if path.exists():
        if Path(source).exists() and os.path.samefile(path, source):
            raise DataError(f"{path} is the picture itself, which would be lost; give another name.")
        if not overwrite:
            raise DataError(f"{path} exists; give another name, or --overwrite.")


def encoded(pixels: np.ndarray, path: str | Path, profile: bytes = b"") -> bytes:
    """The bytes of a file for pixels (H, W), (H, W, 2), (H, W, 3) or (H, W, 4) uint8: grey, colours, with alpha.

    In the format that the suffix of `path` says; JPEG at quality 95, all others without loss. Raises DataError as
    `format_of`, and for alpha in a JPEG.
    """
    name = format_of(path)
    if name == "JPEG" and pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        raise DataError(f"{path} is to be JPEG, which has no transparency; take .png, or `on_white`.")
    settings: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
        "TIFF": {"compression": "tiff_lzw"},
    }
    buffer = io.BytesIO()
    more = {"icc_profile": profile} if profile else {}
    image = Image.fromarray(pixels)
    if name == "WEBP" and image.mode in ("L", "LA"):
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")  # WebP has no grey
    image.save(buffer, name, **settings.get(name, {}), **more)
    return buffer.getvalue()
