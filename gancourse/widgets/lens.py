"""A lens that slides over a picture, and what several enlargements of it, and the truth, look like in there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.data.images import Images, scale
from gancourse.evaluation.translation import psnr
from gancourse.latent import LatentError
from gancourse.plots.grids import to_uint8
from gancourse.widgets.figure import choice, in_row, number
from gancourse.widgets.page import SMALL, Page, Sheet, fitted, font
from gancourse.widgets.tool import Tool

LARGE, TOP, EDGE, GAP, BETWEEN, LABEL = 384, 28, 8, 24, 16, 24  # pixels of the page
TRUTH, GIVEN = "truth", "what was given"
MOST = 10  # versions
USUAL = 24  # pixels of the picture under the lens


class Lens(Tool):
    """A square lens over one large view; beside it what is under it, magnified: every version and the truth.

    The lens moves by the sliders x and y, or by a pointer on the large view; a press on one of the magnified pieces
    makes that version the large view. versions: name -> pictures (N, 3, H, W), uint8 or in [-1, 1]. truth: the pictures
    that they should be, of the same shape. small: what they were made from, (N, 3, h, w); None to leave it out. PSNR
    under the lens is that of the 8-bit pixels that one sees. A LatentError, of what cannot be shown, is said in the
    picture's place.
    """

    title = "A lens"
    css_class = "gc-lens"

    def __init__(
        self,
        versions: Mapping[str, Tensor | Images],
        truth: Tensor | Images,
        small: Tensor | Images | None = None,
    ) -> None:
        self._held = False  # whether a drag began on the large view
        with self.making():
            self.versions, self.truth, self.small = _checked(versions, truth, small)
            n, _, h, w = self.truth.shape
            views = {GIVEN: self.small} if self.small is not None else {}
            self.views = views | self.versions | {TRUTH: self.truth}
            columns, rows = _layout(len(self.views))
            side = (LARGE + 8) // rows - 8 - LABEL
            self.sheet = Sheet(EDGE + LARGE + GAP, TOP, len(self.views), columns, side, BETWEEN)
            self.size = (self.sheet.x + self.sheet.width + EDGE, TOP + LARGE + EDGE)
            self._large = lru_cache(maxsize=32)(self._fitted)
            most = min(SMALL, h, w)
            first = next(iter(self.versions))
            self.controls = {
                "version": choice("Large view", list(self.views), first),
                "picture": number("Picture", 0, 0, n - 1),
                "lens": number("Lens, pixels", min(USUAL, most), min(4, most), most),
                "x": number("x", w // 2, 0, w - 1),
                "y": number("y", h // 2, 0, h - 1),
            }
            c = self.controls
            self.rows = [in_row(c["x"], c["y"], c["lens"]), in_row(c["version"], c["picture"])]

    # -- what is under the lens ----------------------------------------------------------------------------------

    def place(self) -> tuple[int, int]:
        """The upper left pixel under the lens, (x, y): around where the sliders stand, and inside the picture."""
        side, (h, w) = self.value("lens"), self.truth.shape[2:]
        x, y = (self.value(name) - side // 2 for name in "xy")
        return min(max(x, 0), w - side), min(max(y, 0), h - side)

    def inside(self, name: str) -> np.ndarray:
        """What a view has under the lens, uint8 (3, side, side); of `small` each pixel where it lies in the truth."""
        (x, y), side, (h, w) = self.place(), self.value("lens"), self.truth.shape[2:]
        picture = self.views[name][self.value("picture")]
        rows, columns = np.arange(y, y + side), np.arange(x, x + side)
        return picture[:, (rows * picture.shape[1] // h)[:, None], columns * picture.shape[2] // w]

    def decibels(self) -> dict[str, float]:
        """The PSNR of every version under the lens, against the truth: by name, inf where all pixels are equal."""
        truth = scale(torch.from_numpy(self.inside(TRUTH)))
        made = scale(torch.from_numpy(np.stack([self.inside(name) for name in self.versions])))
        return dict(zip(self.versions, psnr(made, truth.expand_as(made)).tolist(), strict=True))

    # -- how it is drawn -----------------------------------------------------------------------------------------

    def _fitted(self, name: str, picture: int) -> np.ndarray:
        """A view as large as it is shown, uint8 (3, h, w)."""
        if name == GIVEN:  # one sees its pixels
            return _pixelated(self.views[name][picture], *self._fitted(TRUTH, picture).shape[1:])
        return fitted(self.views[name][picture], LARGE).transpose(2, 0, 1)

    def page(self) -> Page:
        page, view, picture = Page(*self.size, colour=True), self.value("version"), self.value("picture")
        page.text(EDGE, 18, _shortened(view, LARGE))
        page.put(self._large(view, picture), EDGE, TOP, LARGE)
        left, top, factor = self._on_page()
        (x, y), side = self.place(), self.value("lens")
        box = (left + x * factor, top + y * factor, side * factor, side * factor)
        page.frame(*box, "accent", 2)
        page.frame(*(box[0] - 2, box[1] - 2, box[2] + 4, box[3] + 4), "paper", 1)  # seen on any picture
        found = self.decibels()
        for i, name in enumerate(self.views):
            x, y = self._piece(i)
            said = _beside(name, found[name], self.sheet.side) if name in found else ""
            page.text(x + self.sheet.side, y - 6, said, anchor="rs")
            page.text(x, y - 6, _shortened(name, self.sheet.side - font(13).getlength(said) - 6))
            page.put(_pixelated(self.inside(name), self.sheet.side, self.sheet.side), x, y, self.sheet.side)
            if name == view:
                page.frame(x, y, self.sheet.side, self.sheet.side, "accent", 2)
        return page

    def _on_page(self) -> tuple[int, int, float]:
        """Where the large view begins on the page, and how many of its pixels are one of the truth."""
        h, w = self._large(self.value("version"), self.value("picture")).shape[1:]
        return EDGE + (LARGE - w) // 2, TOP + (LARGE - h) // 2, w / self.truth.shape[3]

    def _piece(self, i: int) -> tuple[int, int]:
        """The corner of magnified piece i; its name stands above it."""
        row, column = divmod(i, self.sheet.columns)
        return self.sheet.x + column * (self.sheet.side + BETWEEN), TOP + row * (
            self.sheet.side + 8 + LABEL
        ) + LABEL - 8

    def describe(self) -> str:
        side = self.value("lens")
        found = ", ".join(f"{_decibels(value)} {name}" for name, value in self.decibels().items())
        return (
            f"Picture {self.value('picture')}, {self.value('version')} in the large view. PSNR under the lens, "
            f"{side} x {side} pixels around ({self.value('x')}, {self.value('y')}): {found}."
        )

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        left, top, factor = self._on_page()
        h, w = self.truth.shape[2:]
        column, row = math.floor((x - left) / factor), math.floor((y - top) / factor)
        if pressed:
            self._held = 0 <= column < w and 0 <= row < h
            for i, name in enumerate(self.views):
                a, b = self._piece(i)
                if a <= x < a + self.sheet.side and b - LABEL < y < b + self.sheet.side:
                    self.set("", version=name)
        if self._held:
            self.set("", x=min(max(column, 0), w - 1), y=min(max(row, 0), h - 1))


def _layout(n: int) -> tuple[int, int]:
    """Columns and rows for n magnified pieces."""
    return next((columns, rows) for columns, rows in ((2, 2), (3, 2), (4, 3)) if columns * rows >= n)


def _pixelated(image: np.ndarray, h: int, w: int) -> np.ndarray:
    """uint8 (3, ., .) -> (3, h, w): each pixel a block, as nearly of one size as whole pixels allow."""
    rows, columns = np.arange(h) * image.shape[1] // h, np.arange(w) * image.shape[2] // w
    return image[:, rows[:, None], columns]


def _decibels(value: float) -> str:
    return "equal" if math.isinf(value) else f"{value:.1f} dB"


def _beside(name: str, value: float, width: float) -> str:
    """Decibels as they stand beside a name, in so many pixels: without their unit where that would cut the name."""
    said = _decibels(value)
    return said if font(13).getlength(name + said) + 6 <= width else said.removesuffix(" dB")


def _shortened(name: str, width: float) -> str:
    """A name, cut where it is wider than so many pixels."""
    if font(13).getlength(name) <= width:
        return name
    while name and font(13).getlength(name + "…") > width:
        name = name[:-1]
    return name + "…"


def _checked(versions: Any, truth: Any, small: Any) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
    """All of it as uint8 (N, 3, ...), or a LatentError that names what does not fit."""
    if not isinstance(versions, Mapping) or not 1 <= len(versions) <= MOST:
        what = f"{len(versions)} versions" if isinstance(versions, Mapping) else f"a {type(versions).__name__}"
        raise LatentError(f"versions is {what}, expected 1 to {MOST} by name: {{'bicubic': pictures, ...}}.")
    if taken := {TRUTH, GIVEN} & {str(name) for name in versions}:
        raise LatentError(f"a version is named {taken.pop()!r}, which is a view of the lens's own: name it otherwise.")
    wanted = _pixels("truth", truth)
    made = {str(name): _pixels(str(name), pictures) for name, pictures in versions.items()}
    for name, pictures in made.items():
        if pictures.shape != wanted.shape:
            raise LatentError(f"{name} is {pictures.shape}, expected {wanted.shape}, the shape of the truth.")
    given = None if small is None else _pixels("small", small)
    if given is not None and (len(given) != len(wanted) or any(np.greater(given.shape[2:], wanted.shape[2:]))):
        raise LatentError(f"small is {given.shape}, expected {len(wanted)} pictures no larger than the truth's.")
    return made, wanted, given


def _pixels(name: str, pictures: Any) -> np.ndarray:
    try:
        found = to_uint8(pictures.pixels if isinstance(pictures, Images) else pictures)
    except ValueError as error:
        raise LatentError(f"{name}: {error}.") from error
    if found.shape[1] != 3:
        raise LatentError(f"{name} is {found.shape}, expected colour pictures (N, 3, H, W): x.expand(-1, 3, -1, -1).")
    return found
