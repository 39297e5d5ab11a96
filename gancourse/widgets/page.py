"""What widgets draw on, with numpy and Pillow in a few milliseconds, where a matplotlib figure takes 100.

`Page` is for sample images: a grey page is one byte a pixel with a palette, and is packed as PNG; a page with colour
images is packed as JPEG, which is ten times as quick there. Small images are enlarged pixel by pixel, so that one sees
what G made. `Canvas` is for curves and points.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from gancourse.plots.style import COLOURS

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
PALE = "#E8EAED"
SIZE = (960, 436)  # of a canvas
SMALL = 48  # pixels; images up to this size are enlarged without smoothing, and many of them fit on a page
_INKS = ("generator", "discriminator", "accent", "data", "muted")  # the palette's last places, behind the greys
_SHADES = 4  # of each ink on white, for smooth edges
_WHITE = 255 - _SHADES * len(_INKS)
_GREYS = np.rint(np.arange(256) * (_WHITE / 255)).astype(np.uint8)  # grey level of an image -> place in the palette


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


@cache
def _palette() -> bytes:
    greys = np.rint(np.arange(_WHITE + 1)[:, None] * (255 / _WHITE)).repeat(3, 1)
    share = np.arange(1, _SHADES + 1)[:, None] / _SHADES
    shades = [255 + share * (np.array(ImageColor.getrgb(COLOURS[ink])[:3]) - 255) for ink in _INKS]
    return np.rint(np.vstack([greys, *shades])).astype(np.uint8).tobytes()


@dataclass(frozen=True)
class Sheet:
    """Where n images lie on a page: rows of `columns`, squares of `side` pixels with `gap` between, from (x, y)."""

    x: int
    y: int
    n: int
    columns: int
    side: int
    gap: int = 4

    @property
    def width(self) -> int:
        return min(self.n, self.columns) * (self.side + self.gap) - self.gap

    @property
    def height(self) -> int:
        return -(-self.n // self.columns) * (self.side + self.gap) - self.gap

    def corner(self, i: int) -> tuple[int, int]:
        """The upper left corner of image i."""
        row, column = divmod(i, self.columns)
        return self.x + column * (self.side + self.gap), self.y + row * (self.side + self.gap)

    def at(self, x: float, y: float) -> int | None:
        """The image at a place of the page; None beside all of them."""
        pitch = self.side + self.gap
        column, row = int((x - self.x) // pitch), int((y - self.y) // pitch)
        i = row * self.columns + column
        return i if 0 <= column < self.columns and row >= 0 and i < self.n else None


class Page:
    """A white page of a fixed size, in pixels. colour: whether the images on it have three channels."""

    def __init__(self, width: int, height: int, colour: bool) -> None:
        self.colour = colour
        self.image = Image.new("RGB" if colour else "L", (width, height), self._ink("paper"))
        self.draw = ImageDraw.Draw(self.image)

    def _ink(self, name: str) -> tuple[int, ...] | int:
        if self.colour:
            return ImageColor.getrgb(COLOURS[name])
        return {"paper": _WHITE, "ink": 34}.get(name) or _WHITE + _SHADES * (1 + _INKS.index(name))

    def put(self, image: np.ndarray, x: int, y: int, side: int) -> None:
        """One image, uint8 (C, H, W), fitted into the square of this side with its upper left corner at (x, y)."""
        picture = fitted(image, side)
        dx, dy = (side - picture.shape[1]) // 2, (side - picture.shape[0]) // 2
        if self.colour and picture.ndim == 2:
            picture = picture[..., None].repeat(3, 2)
        self.image.paste(Image.fromarray(picture if self.colour else _GREYS[picture]), (x + dx, y + dy))

    def sheet(self, images: np.ndarray, sheet: Sheet) -> None:
        """Images, uint8 (B, C, H, W), in a sheet's places."""
        images, (h, w) = images[: sheet.n], images.shape[2:]
        factor, rest = divmod(sheet.side, w)
        if self.colour or rest or h != w or w > SMALL or len(images) % sheet.columns:
            for i, image in enumerate(images):
                self.put(image, *sheet.corner(i), sheet.side)
            return
        # Small grey images in full rows, as under a slider: all at once, which takes a third of the time.
        rows, pitch = len(images) // sheet.columns, sheet.side + sheet.gap
        large = _GREYS[images[:, 0]].repeat(factor, 1).repeat(factor, 2).reshape(rows, sheet.columns, *[sheet.side] * 2)
        canvas = np.full((rows, pitch, sheet.columns, pitch), _WHITE, np.uint8)
        canvas[:, : sheet.side, :, : sheet.side] = large.transpose(0, 2, 1, 3)
        flat = canvas.reshape(rows * pitch, -1)[: rows * pitch - sheet.gap, : sheet.columns * pitch - sheet.gap]
        self.image.paste(Image.fromarray(np.ascontiguousarray(flat)), (sheet.x, sheet.y))

    def frame(self, x: float, y: float, width: float, height: float, ink: str, line: int = 3) -> None:
        """A frame around a rectangle, outside of it."""
        box = (x - line, y - line, x + width + line - 1, y + height + line - 1)
        self.draw.rectangle(box, outline=self._ink(ink), width=line)

    def tag(self, x: float, y: float, label: str, ink: str) -> None:
        """A filled label with its upper left corner at (x, y): white on the ink, so that colour is not all it says."""
        size = font(13)
        width = size.getlength(label) + 8
        self.draw.rectangle((x, y, x + width, y + 18), fill=self._ink(ink))
        self.draw.text((x + 4, y + 9), label, fill=self._ink("paper"), font=size, anchor="lm")

    def mark(self, sheet: Sheet, i: int, ink: str, label: str = "") -> None:
        """A frame, and a label in its corner, around image i of a sheet."""
        x, y = sheet.corner(i)
        self.frame(x, y, sheet.side, sheet.side, ink)
        if label:
            self.tag(x - 3, y - 3, label, ink)

    def line(self, points: Sequence[tuple[float, float]], ink: str, width: float = 2) -> None:
        """A line through points that lie on white."""

        def draw(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
            flat = [3 * v for a, b in points for v in (a - x, b - y)]
            pen.line(flat, fill=255, width=round(3 * width), joint="curve")

        self._smooth(points, width + 1, ink, draw)

    def dot(self, x: float, y: float, radius: float, ink: str) -> None:
        """A filled circle; its edge is mixed with white."""

        def draw(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
            a, b, r = 3 * (x - left), 3 * (y - top), 3 * radius
            pen.ellipse((a - r, b - r, a + r, b + r), fill=255)

        self._smooth([(x, y)], radius + 1, ink, draw)

    def _smooth(
        self,
        points: Sequence[tuple[float, float]],
        margin: float,
        ink: str,
        draw: Callable[[ImageDraw.ImageDraw, int, int], None],
    ) -> None:
        """Draw three times as large, reduce, and ink what is covered: whole where it is, shades of the ink at edges."""
        xs, ys = zip(*points, strict=True)
        left, top = math.floor(min(xs) - margin), math.floor(min(ys) - margin)
        width, height = math.ceil(max(xs) + margin) - left, math.ceil(max(ys) + margin) - top
        large = Image.new("L", (3 * width, 3 * height))
        draw(ImageDraw.Draw(large), left, top)
        covered = large.reduce(3)
        if self.colour or ink in ("ink", "paper"):
            self.image.paste(self._ink(ink), (left, top), covered)
            return
        first = int(self._ink(ink)) - _SHADES  # type: ignore[arg-type]
        shade = np.rint(np.asarray(covered) * (_SHADES / 255)).astype(np.uint8)
        self.image.paste(Image.fromarray(shade + np.uint8(first)), (left, top), Image.fromarray(shade > 0))

    def text(self, x: float, y: float, text: str, size: int = 13, anchor: str = "ls") -> None:
        self.draw.text((x, y), text, fill=self._ink("ink"), font=font(size), anchor=anchor)

    @property
    def kind(self) -> str:
        """What `packed` gives: "png" or "jpeg"."""
        return "jpeg" if self.colour else "png"

    def packed(self) -> bytes:
        """The page packed for the screen: PNG for a grey page, JPEG for a colour one."""
        buffer = io.BytesIO()
        if self.colour:
            self.image.save(buffer, "JPEG", quality=88)
        else:
            self._with_palette().save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def png(self) -> bytes:
        """The page packed for a file: PNG, small."""
        buffer = io.BytesIO()
        picture = self.image.quantize(128) if self.colour else self._with_palette()
        picture.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _with_palette(self) -> Image.Image:
        picture = self.image.copy()
        picture.putpalette(_palette())
        return picture


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 (C, H, W) -> (h, w) or (h, w, 3), as large as fits into the square: a whole multiple for small images."""
    c, h, w = image.shape
    picture = image[0] if c == 1 else image.transpose(1, 2, 0)
    if max(h, w) == side:
        return np.ascontiguousarray(picture)
    if max(h, w) <= SMALL and max(h, w) <= side:
        factor = side // max(h, w)
        return picture.repeat(factor, 0).repeat(factor, 1)
    factor = side / max(h, w)
    size = max(1, round(w * factor)), max(1, round(h * factor))
    how = Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size, how))


def message(width: int, height: int, title: str, text: str) -> Page:
    """A page that says in words why there is no picture."""
    page = Page(width, height, colour=False)
    page.frame(3, 3, width - 6, height - 6, "muted", 2)
    page.text(24, 40, title, 16)
    for i, row in enumerate(textwrap.wrap(text, max(20, (width - 48) // 8))[: max(1, (height - 64) // 20)]):
        page.text(24, 70 + 20 * i, row, 14)
    return page


class Canvas:
    """A white picture of SIZE, in colour, for curves and points, drawn on in pixels.

    Shapes are drawn at twice the size and reduced, which smooths their edges; text is set afterwards, at its own size.
    """

    def __init__(self) -> None:
        self.image = Image.new("RGB", (2 * SIZE[0], 2 * SIZE[1]), COLOURS["paper"])
        self.draw = ImageDraw.Draw(self.image)
        self._texts: list[tuple[tuple[float, float], str, str, int, str]] = []

    def line(self, xy: np.ndarray, colour: str, width: float = 1.5) -> None:
        """A polyline through the points (N, 2); points that are not numbers are left out."""
        xy = xy[np.isfinite(xy).all(1)].clip(-5000, 5000)
        if len(xy) > 1:
            self.draw.line((2 * xy).ravel().tolist(), fill=colour, width=max(1, round(2 * width)), joint="curve")

    def dashed(self, x0: float, x1: float, y: float, colour: str) -> None:
        for x in np.arange(x0, x1, 8):
            self.draw.line((2 * x, 2 * y, 2 * min(x + 4, x1), 2 * y), fill=colour, width=2)

    def dots(self, xy: np.ndarray, colour: str, radius: float) -> None:
        """Filled circles at the points (N, 2), without those that are not numbers."""
        r = 2 * radius
        for x, y in 2 * xy[np.isfinite(xy).all(1)].clip(-5000, 5000):
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def frame(self, box: Box, colour: str = COLOURS["muted"]) -> None:
        self.draw.rectangle([2 * side for side in box], outline=colour, width=2)

    def text(self, x: float, y: float, text: str, colour: str = COLOURS["ink"], size: int = 13, anchor: str = "ls"):
        """Text, set last; the anchor is Pillow's: "ls" means that (x, y) is the left end of the base line."""
        self._texts.append(((x, y), text, colour, size, anchor))

    def axis(self, box: Box, right: str = "") -> None:
        """The left and lower edge of a panel, with words below its right end."""
        left, top, end, bottom = box
        self.line(np.array([(left, top), (left, bottom), (end, bottom)]), COLOURS["data"], 1)
        if right:
            self.text(end, bottom + 14, right, size=11, anchor="rs")

    def clear_outside(self, box: Box, room: Box) -> None:
        """Paint `room` white around `box`: what was drawn over the edge of a panel goes."""
        (a, b, c, d), (left, top, right, bottom) = box, room
        for side in ((left, top, right, b), (left, d, right, bottom), (left, top, a, bottom), (c, top, right, bottom)):
            if side[2] > side[0] and side[3] > side[1]:
                self.draw.rectangle([2 * v for v in side], fill=COLOURS["paper"])

    def png(self) -> bytes:
        picture = self.image.reduce(2)
        draw = ImageDraw.Draw(picture)
        for xy, text, colour, size, anchor in self._texts:
            draw.text(xy, text, fill=colour, font=font(size), anchor=anchor)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


def in_box(box: Box, x: np.ndarray, y: np.ndarray, x_end: float, low: float, high: float) -> np.ndarray:
    """Points (N, 2) in the pixels of a panel: x from 0 to x_end, y from low to high, where it is cut off."""
    left, top, right, bottom = box
    share = (np.clip(y, low, high) - low) / (high - low)
    return np.stack([left + (right - left) * x / max(x_end, 1), bottom - (bottom - top) * share], 1)
