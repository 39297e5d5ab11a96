"""Pictures for the widgets, drawn with numpy and Pillow: some 15 ms each, where a matplotlib figure takes 100 ms.

Shapes are drawn at twice the size and reduced, which smooths their edges; text is set afterwards, at its own size.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from gancourse import theory
from gancourse.plots.style import COLOURS
from gancourse.theory.plane import VIEW
from gancourse.theory.playground import Game

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
PALE = "#E8EAED"
BANDS = 20  # shades of D from 0 to 1


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


class Canvas:
    """A white picture that is drawn on in pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (2 * width, 2 * height), COLOURS["paper"])
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
            draw.text(xy, text, fill=colour, font=_font(size), anchor=anchor)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


# ------------------------------------------------------------------------------------------ the playground

MAIN: Box = (6, 28, 406, 428)
GRID: Box = (430, 28, 660, 258)
LOSSES: Box = (690, 28, 920, 258)
JSD: Box = (430, 306, 660, 428)
SIZE = (960, 436)


def game_picture(game: Game) -> bytes:
    """D's heat map with data, samples and arrows; G's warped grid; losses; the JSD: as PNG bytes, 960 x 436."""
    canvas = Canvas(*SIZE)
    _plane(canvas, game)
    left, top, right, bottom = (round(2 * side) for side in MAIN)
    plane = canvas.image.crop((left, top, right, bottom))
    _warped(canvas, game)  # its lines may reach anywhere
    canvas.clear_outside(GRID, (0, 0, *SIZE))
    canvas.image.paste(plane, (left, top))
    _losses(canvas, game)
    _jsd(canvas, game)
    _key(canvas)
    for box in (MAIN, GRID):
        canvas.frame(box)
    canvas.text(MAIN[0], 19, "Data, samples, and what D believes")
    canvas.text(GRID[0], 19, "G's grid: where z goes")
    canvas.text(LOSSES[0], 19, "Losses")
    canvas.text(JSD[0], 297, "JSD of data and samples")
    if game.trouble:
        middle = (MAIN[0] + MAIN[2]) / 2, (MAIN[1] + MAIN[3]) / 2
        canvas.draw.rectangle([2 * v for v in (MAIN[0] + 30, middle[1] - 26, MAIN[2] - 30, middle[1] + 26)], "#FFFFFF")
        canvas.text(*middle, "Not a number (NaN): training broke.", anchor="ms", size=14)
        canvas.text(middle[0], middle[1] + 18, "Lower the learning rates, press Reset.", anchor="ms")
    return canvas.png()


def empty_plane(words: str) -> bytes:
    """The playground before any data: a frame with words in it, as PNG bytes of the same size."""
    canvas = Canvas(*SIZE)
    canvas.frame(MAIN)
    canvas.text((MAIN[0] + MAIN[2]) / 2, (MAIN[1] + MAIN[3]) / 2, words, anchor="ms")
    return canvas.png()


def in_the_plane(x: float, y: float) -> tuple[float, float] | None:
    """The point of the plane at a place of game_picture, given in [0, 1] from its left and top; None outside of it."""
    left, top, right, bottom = MAIN
    across, down = (x * SIZE[0] - left) / (right - left), (y * SIZE[1] - top) / (bottom - top)
    if not (0 <= across <= 1 and 0 <= down <= 1):
        return None
    return (2 * across - 1) * VIEW, (1 - 2 * down) * VIEW


def _place(points: Tensor, box: Box) -> np.ndarray:
    """Points of the plane (N, 2) in the pixels of a box."""
    left, top, right, bottom = box
    xy = points.numpy().astype(np.float64)
    share = np.stack([(xy[:, 0] + VIEW) / (2 * VIEW), (VIEW - xy[:, 1]) / (2 * VIEW)], 1)
    return np.array([left, top]) + share * np.array([right - left, bottom - top])


def _plane(canvas: Canvas, game: Game) -> None:
    left, top, side = round(2 * MAIN[0]), round(2 * MAIN[1]), round(2 * (MAIN[2] - MAIN[0]))
    heat = np.nan_to_num(game.heat().numpy().astype(np.float32), nan=0.5)
    d = np.asarray(Image.fromarray(heat).resize((side // 2, side // 2), Image.Resampling.BICUBIC))
    violet = np.array(ImageColor.getrgb(COLOURS["discriminator"]))
    levels = np.arange(BANDS + 1)[:, None] / BANDS
    palette = np.vstack([255 + (violet - 255) * 0.6 * levels, violet]).astype(np.uint8)
    bands = (d.clip(0, 1) * BANDS + 0.5).astype(np.uint8)  # steps, not shades: they read as contours, and pack well
    real = d > 0.5
    bands[:, 1:][real[:, 1:] != real[:, :-1]] = BANDS + 1  # where D passes 1/2
    bands[1:][real[1:] != real[:-1]] = BANDS + 1
    plane = Image.fromarray(bands)
    plane.putpalette(palette.tobytes())
    canvas.image.paste(plane.resize((side, side), Image.Resampling.NEAREST).convert("RGB"), (left, top))
    canvas.dots(_place(game.x_real[:400], MAIN), COLOURS["data"], 1.8)
    _arrows(canvas, game)
    canvas.dots(_place(game.samples(), MAIN), COLOURS["generator"], 2.6)


def _arrows(canvas: Canvas, game: Game) -> None:
    """Arrows grow with the gradient, up to a length that still lets one see the others."""
    x, pull = game.arrows()
    size = pull.norm(dim=1, keepdim=True).clamp(min=1e-9)
    length = 0.9 * torch.tanh(size / 2)
    tips = _place(x + pull / size * length, MAIN)
    for tail, tip in zip(_place(x, MAIN), tips, strict=True):
        vector = tip - tail
        n = float(np.hypot(*vector))
        if not 3 < n < 1000:  # too short to see, or not a number
            continue
        along = vector / n
        across = np.array([-along[1], along[0]])
        head = min(6.0, 0.5 * n)
        canvas.line(np.stack([tail, tip]), COLOURS["ink"], 1.0)
        wings = [tip, tip - head * along + 0.5 * head * across, tip - head * along - 0.5 * head * across]
        canvas.draw.polygon([float(2 * v) for point in wings for v in point], fill=COLOURS["ink"])


def _warped(canvas: Canvas, game: Game) -> None:
    canvas.draw.rectangle([2 * side for side in GRID], fill=COLOURS["paper"])
    canvas.dots(_place(game.x_real[:400], GRID), COLOURS["muted"], 1.2)
    for line in game.warped_grid():
        canvas.line(_place(line, GRID), COLOURS["generator"], 0.8)


def _curve(box: Box, x: np.ndarray, y: np.ndarray, x_end: float, low: float, high: float) -> np.ndarray:
    left, top, right, bottom = box
    share = (np.clip(y, low, high) - low) / (high - low)
    return np.stack([left + (right - left) * x / max(x_end, 1), bottom - (bottom - top) * share], 1)


def _losses(canvas: Canvas, game: Game) -> None:
    left, top, right, bottom = LOSSES
    saturating = game.settings.loss == "saturating"
    low, high = (-2.4, 2.4) if saturating else (0.0, 3.0)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / (high - low)

    for tick in (-2, -1, 0, 1, 2, 3):
        if low <= tick <= high:
            canvas.line(np.array([(left, y(tick)), (right, y(tick))]), PALE, 1)
            canvas.text(left - 5, y(tick), str(tick).replace("-", "−"), size=11, anchor="rm")
    g_mark, g_label = (-theory.LOG2, "−ln 2") if saturating else (theory.LOG2, "ln 2")
    for value, label, name in ((theory.LOG4, "2 ln 2", "discriminator"), (g_mark, g_label, "generator")):
        canvas.dashed(left, right, y(value), COLOURS[name])
        canvas.text(right + 4, y(value), label, COLOURS[name], 11, "lm")
    losses = np.array(game.losses, np.float64).reshape(-1, 2)
    steps = np.arange(1, len(losses) + 1)
    every = max(1, len(losses) // 300)  # a mean of each bunch, so that long runs stay legible and fast
    keep = len(losses) // every * every
    for column, name in ((1, "generator"), (0, "discriminator")):
        means = losses[:keep, column].reshape(-1, every).mean(1)
        canvas.line(_curve(LOSSES, steps[:keep:every], means, len(losses), low, high), COLOURS[name], 1.4)
    _axis(canvas, LOSSES, len(losses))
    canvas.text(left + 8, top + 14, "D", COLOURS["discriminator"], 13)
    canvas.text(left + 24, top + 14, "G", COLOURS["generator"], 13)


def _jsd(canvas: Canvas, game: Game) -> None:
    left, top, right, bottom = JSD
    x, jsd = np.array(game.jsds, np.float64).T
    every = max(1, len(x) // 600)
    high = 0.75
    for value, label in ((theory.LOG2, "ln 2"), (0.0, "0")):
        y = bottom - (bottom - top) * value / high
        canvas.line(np.array([(left, y), (right, y)]), PALE, 1)
        canvas.text(right + 4, y, label, size=11, anchor="lm")
    canvas.dashed(left, right, bottom - (bottom - top) * game.floor / high, COLOURS["data"])
    curve = _curve(JSD, x[::every], jsd[::every], len(game.losses), 0.0, high)
    canvas.line(curve, COLOURS["accent"], 1.6)
    canvas.dots(curve[-1:], COLOURS["accent"], 2.5)
    if math.isfinite(jsd[-1]):
        canvas.text(right, 297, f"{jsd[-1]:.3f}", COLOURS["accent"], 13, "rs")
    _axis(canvas, JSD, 0)


def _axis(canvas: Canvas, box: Box, steps: int) -> None:
    left, top, right, bottom = box
    canvas.line(np.array([(left, top), (left, bottom), (right, bottom)]), COLOURS["data"], 1)
    if steps:
        canvas.text(right, bottom + 14, f"step {steps:,}", size=11, anchor="rs")


def _key(canvas: Canvas) -> None:
    x, y, step = LOSSES[0], 312, 23
    violet = ImageColor.getrgb(COLOURS["discriminator"])
    for i in range(24):  # a strip from D = 0 to D = 1
        shade = tuple(round(255 + (v - 255) * 0.6 * i / 23) for v in violet)
        canvas.draw.rectangle([2 * v for v in (x + i, y - 6, x + i + 1, y + 6)], fill=shade)
    canvas.frame((x, y - 6, x + 24, y + 6))
    canvas.line(np.array([(x, y + step), (x + 24, y + step)]), COLOURS["discriminator"], 1.2)
    canvas.dots(np.array([(x + 12, y + 2 * step)]), COLOURS["data"], 3)
    canvas.dots(np.array([(x + 12, y + 3 * step)]), COLOURS["generator"], 3.5)
    canvas.line(np.array([(x + 2, y + 4 * step), (x + 18, y + 4 * step)]), COLOURS["ink"], 1.2)
    tip = [(x + 24, y + 4 * step), (x + 17, y + 4 * step - 3.5), (x + 17, y + 4 * step + 3.5)]
    canvas.draw.polygon([2 * v for point in tip for v in point], fill=COLOURS["ink"])
    canvas.dashed(x, x + 24, y + 5 * step, COLOURS["data"])
    words = ("D from 0 (generated) to 1 (data)", "D = 1/2", "data", "samples G(z), z fixed")
    for i, label in enumerate((*words, "where G's loss pulls a sample", "JSD of data against more data")):
        canvas.text(x + 32, y + i * step, label, size=12, anchor="lm")


# ---------------------------------------------------------------------------- the optimal discriminator

TOP: Box = (40, 28, 600, 228)
BELOW: Box = (40, 268, 600, 412)
SIDE: Box = (672, 28, 920, 300)
X_LOW, X_HIGH = -6.0, 6.0


def explorer_picture(p: Tensor, q: Tensor, x: Tensor, path: Sequence[tuple[float, float]], here: float) -> bytes:
    """Densities p and q (N,) on the grid x (N,), D* below, and C(G) along `path`: pairs (mean of G, C). PNG bytes.

    here: the mean at which G is now. What is drawn ends at X_LOW and X_HIGH; V and JSD are integrals over all of x.
    """
    canvas = Canvas(*SIZE)
    best = theory.optimal_discriminator(p, q)
    drawn = (x >= X_LOW) & (x <= X_HIGH)
    xs, ps, qs, d = (values[drawn].numpy() for values in (x, p, q, best))
    high = max(0.5, 1.08 * float(max(ps.max(), qs.max())))
    data = _curve(TOP, xs - X_LOW, ps, X_HIGH - X_LOW, 0, high)
    corners = [(TOP[2], TOP[3]), (TOP[0], TOP[3])]
    canvas.draw.polygon([float(2 * v) for point in [*data, *corners] for v in point], fill="#DFE2E6")
    for value in (0.0, 0.5, 1.0):
        y = BELOW[3] - (BELOW[3] - BELOW[1]) * value
        canvas.line(np.array([(BELOW[0], y), (BELOW[2], y)]), PALE, 1)
        canvas.text(BELOW[0] - 6, y, f"{value:g}".replace("0.5", "½"), size=12, anchor="rm")
    canvas.line(data, COLOURS["data"], 2)
    canvas.line(_curve(TOP, xs - X_LOW, qs, X_HIGH - X_LOW, 0, high), COLOURS["generator"], 2)
    canvas.line(_curve(BELOW, xs - X_LOW, d, X_HIGH - X_LOW, 0, 1), COLOURS["discriminator"], 2.2)
    for box in (TOP, BELOW):
        _axis(canvas, box, 0)
        for tick in range(-6, 7, 2):
            at = box[0] + (box[2] - box[0]) * (tick - X_LOW) / (X_HIGH - X_LOW)
            canvas.text(at, box[3] + 15, str(tick).replace("-", "−"), size=11, anchor="ms")
    canvas.text(TOP[0], 19, "Two densities:")
    canvas.text(TOP[0] + 104, 19, "data p", COLOURS["data"])
    canvas.text(TOP[0] + 156, 19, "generator q", COLOURS["generator"])
    canvas.text(BELOW[0], 259, "D*(x) = p / (p + q)", COLOURS["discriminator"])
    _criterion(canvas, path, here)
    jsd = float(theory.jsd(p, q, x))
    value, bound = (round(float(v), 3) + 0.0 for v in (theory.value(p, q, best, x), 2 * jsd - theory.LOG4))  # no −0
    canvas.text(SIDE[0] - 30, 352, f"V(D*) = {value:.3f}".replace("-", "−"), COLOURS["discriminator"], 17)
    canvas.text(SIDE[0] - 30, 378, f"−log 4 + 2 JSD = {bound:.3f}".replace("= -", "= −"), size=15)
    canvas.text(SIDE[0] - 30, 404, f"JSD = {jsd:.3f}", COLOURS["accent"], 15)
    canvas.text(SIDE[0] + 76, 404, f"of at most log 2 = {theory.LOG2:.3f}", size=12)
    return canvas.png()


def _criterion(canvas: Canvas, path: Sequence[tuple[float, float]], here: float) -> None:
    left, top, right, bottom = SIDE
    low, high = -theory.LOG4, 0.08
    for value, label in ((-theory.LOG4, "−log 4"), (0.0, "0")):
        y = bottom - (bottom - top) * (value - low) / (high - low)
        canvas.line(np.array([(left, y), (right, y)]), PALE, 1)
        canvas.text(left - 5, y, label, size=11, anchor="rm")
    means, values = np.array(path, np.float64).T
    curve = _curve(SIDE, means - means[0], values, means[-1] - means[0], low, high)
    canvas.line(curve, COLOURS["muted"], 2)
    now = np.interp(here, means, values)
    spot = _curve(SIDE, np.array([here - means[0]]), np.array([now]), means[-1] - means[0], low, high)
    canvas.dots(spot, COLOURS["generator"], 5)
    _axis(canvas, SIDE, 0)
    for tick in (-4, -2, 0, 2, 4):
        at = left + (right - left) * (tick - means[0]) / (means[-1] - means[0])
        canvas.text(at, bottom + 15, str(tick).replace("-", "−"), size=11, anchor="ms")
    canvas.text(left - 30, 19, "V(D*), moving the generator's mean")
