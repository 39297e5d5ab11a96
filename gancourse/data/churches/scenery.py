"""What surrounds a church: sky, clouds, hills, ground, trees and weather, by time of day.

The soft things (sky, glow, fog) are numpy arrays at the image's own size; trees and hills are drawn with Pillow on a
canvas three times as large. Only operations that every machine rounds alike are used, and noise is drawn as uniform
numbers, so that a seed means the same picture everywhere (the same Pillow given).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from gancourse.data.churches.masonry import Colour, Light, Pixel, ink, mix, times, turn
from gancourse.data.churches.pen import Pen

SUPER = 3  # the canvas is this many times as wide as the image

# time -> sky from the zenith to the horizon; light from the sky and from the sun; clouds, lit and in shade
TIMES: dict[str, tuple[Colour, Colour, Colour, Colour, Colour, Colour, Colour]] = {
    "morning": ((112, 152, 206), (206, 208, 222), (255, 226, 190), (0.54, 0.57, 0.66), (0.60, 0.49, 0.37),
                (255, 240, 226), (206, 196, 210)),
    "noon": ((62, 124, 204), (128, 182, 232), (212, 232, 242), (0.53, 0.58, 0.66), (0.64, 0.60, 0.52),
             (255, 255, 255), (208, 220, 234)),
    "evening": ((96, 104, 164), (236, 162, 112), (255, 220, 150), (0.46, 0.42, 0.50), (0.78, 0.53, 0.28),
                (255, 206, 160), (188, 128, 136)),
    "dusk": ((30, 34, 82), (104, 74, 128), (238, 142, 112), (0.42, 0.38, 0.52), (0.34, 0.20, 0.18),
             (168, 100, 128), (66, 54, 98)),
    "night": ((12, 18, 48), (28, 40, 86), (62, 80, 124), (0.27, 0.31, 0.47), (0.22, 0.25, 0.33),
              (50, 60, 96), (20, 27, 56)),
}  # fmt: skip

# How many random numbers a time and a weather draw that others do not draw; see `aligned`.
LOW_SUN = ("morning", "evening", "dusk")  # these draw the sun's height once more
STARS = {"clear": 46, "cloudy": 14}  # of a night, three numbers each


@cache
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns in [0, 1], (size, 1) and (1, size), float32."""
    t = (np.arange(size, dtype=np.float32) + 0.5) / size
    return t[:, None], t[None, :]


@cache
def _weights(cells: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `size` pixels: its left neighbour among `cells` + 1 nodes, and how far beyond it (smoothed)."""
    t = np.arange(size, dtype=np.float32) * (cells / size)
    i = t.astype(np.int64)
    f = t - i
    return i, f * f * (3 - 2 * f)


def smooth_noise(nodes: np.ndarray, size: int) -> np.ndarray:
    """Values at nodes (rows + 1, columns + 1), blended to (size, size)."""
    i, f = _weights(nodes.shape[0] - 1, size)
    j, g = _weights(nodes.shape[1] - 1, size)
    columns = nodes[:, j] + g * (nodes[:, j + 1] - nodes[:, j])
    upper = columns[i]
    blended: np.ndarray = upper + f[:, None] * (columns[i + 1] - upper)
    return blended


def sky(rng: np.random.Generator, size: int, time: str, weather: str, sun: tuple[float, float], horizon: float):
    """The sky as (size, size, 3) float32 in [0, 255], and its colour at the horizon.

    sun: where the sun or the moon stands, (x, y) in parts of the image; horizon: its height, likewise, from above.
    """
    zenith, middle, low, _, _, bright, shade = (np.array(c, np.float32) for c in TIMES[time])
    tint = (rng.random(3, np.float32) - 0.5) * 14
    zenith, middle, low = zenith + tint, middle + tint, low + tint * 0.5
    grey = 0.0
    if weather in ("fog", "snow", "rain"):
        grey = {"fog": 0.62, "snow": 0.55, "rain": 0.6}[weather]
        cover = 0.5 * shade + 0.5 * low
        cover = 0.45 * cover + 0.55 * cover.mean()
        zenith, middle, low = (c + grey * (cover * s - c) for c, s in ((zenith, 0.92), (middle, 1.0), (low, 1.04)))
    y, x = _grid(size)
    t = np.minimum(y / np.float32(horizon), 1.0)
    t = t[:, 0]
    bend = np.float32(0.45 + 0.2 * rng.random())
    first, second = np.minimum(t / bend, 1)[:, None], np.clip((t - bend) / (1 - bend), 0, 1)[:, None]
    column = zenith + first * (middle - zenith) + second * (low - middle)
    picture = np.repeat(column[:, None, :], size, axis=1)

    dx, dy = x - np.float32(sun[0]), y - np.float32(sun[1])
    r2 = dx * dx + dy * dy
    if time == "night":
        if weather in STARS:
            _stars(rng, picture, horizon, STARS[weather])
            disc = np.clip((np.float32(0.0016) - r2) * 1600, 0, 1)[..., None]
            picture += disc * (np.array((244, 240, 222), np.float32) - picture)
        picture += (np.float32(26.0) / (1 + r2 * 90))[..., None]
    elif weather in ("clear", "cloudy"):
        strength = {"morning": 0.75, "noon": 0.4, "evening": 0.8, "dusk": 0.45}[time]
        glow = (np.float32(strength) / (1 + r2 * 34))[..., None]
        picture += glow * (np.array((255, 244, 214), np.float32) - picture)

    amount = {"clear": 0.30, "cloudy": 0.64, "fog": 0.45, "snow": 0.6, "rain": 0.75}[weather] + 0.2 * rng.random()
    rows = 5 + int(4 * rng.random())
    n = 0.55 * smooth_noise(rng.random((rows + 1, 4), np.float32), size)
    n += 0.28 * smooth_noise(rng.random((2 * rows + 1, 8), np.float32), size)
    n += 0.17 * smooth_noise(rng.random((4 * rows + 1, 18), np.float32), size)
    alpha = np.clip((n - np.float32(0.78 - 0.42 * amount)) * 5.5, 0, 1)
    alpha = alpha * alpha * (3 - 2 * alpha) * np.clip((np.float32(horizon) - y) * 7, 0, 1)
    body = shade + grey * (0.4 * shade + 0.6 * low - shade)
    crest = bright + grey * (0.3 * bright + 0.7 * low - bright)
    light = np.clip((n - np.float32(0.52)) * 3.2, 0, 1)[..., None]  # thick parts catch the light
    cloud = body + (0.35 + 0.65 * light) * (crest - body)
    picture += (alpha * np.float32(0.86 - 0.3 * grey))[..., None] * (cloud - picture)
    return picture, tuple(float(v) for v in low)


def _stars(rng: np.random.Generator, picture: np.ndarray, horizon: float, count: int) -> None:
    size = len(picture)
    draw = rng.random((count, 3))
    rows, columns = (draw[:, 0] * horizon * 0.85 * size).astype(int), (draw[:, 1] * size).astype(int)
    picture[rows, columns] += (40 + 150 * draw[:, 2:] ** 2).astype(np.float32)


def light_of(time: str, weather: str, side: int, low: Colour) -> Light:
    """The light of a time and weather; side: -1 for a sun to the left of the viewer, 1 to the right."""
    sky_light, sun = TIMES[time][3], TIMES[time][4]
    direct = {"clear": 1.0, "cloudy": 0.8, "fog": 0.3, "snow": 0.35, "rain": 0.2}[weather]
    ambient = {"clear": 1.0, "cloudy": 1.02, "fog": 1.18, "snow": 1.2, "rain": 1.16}[weather]
    lamps = time in ("dusk", "night")
    glass: Colour = (255, 206, 112) if lamps else times((58, 66, 84), mix(sky_light, (0.9, 0.9, 0.9), 0.4))
    fog = {"clear": 0.0, "cloudy": 0.0, "fog": 0.30, "snow": 0.10, "rain": 0.12}[weather]
    return Light(
        sky=times(sky_light, (ambient, ambient, ambient)),
        sun=times(sun, (1.15 * direct, 1.15 * direct, 1.15 * direct)),
        direction=(side * 0.74, 0.47, -0.481),
        window=glass,
        haze=low,
        fog=fog,
    )


def lit(colour: Colour, light: Light, facing: float = 0.5) -> Colour:
    """A surface without a direction of its own: `facing` says how much of the sun reaches it."""
    reach = tuple(s + facing * d for s, d in zip(light.sky, light.sun, strict=True))
    return mix(times(colour, (reach[0], reach[1], reach[2])), light.haze, light.fog)


def varied(rng: np.random.Generator, colour: Colour, by: float) -> Colour:
    """The colour, moved by up to `by` levels in brightness and half as much in each channel."""
    a, r, g, b = ((rng.random(4) - 0.5) * 2 * by).tolist()
    return colour[0] + a + r / 2, colour[1] + a + g / 2, colour[2] + a + b / 2


def hills(pen: Pen, rng: np.random.Generator, width: int, horizon: float, colour: Colour, light: Light) -> None:
    """Two ridges of hills, the farther one paler, down to the bottom of the canvas."""
    for far, height in ((0.72, 0.030 + 0.085 * rng.random()), (0.45, 0.012 + 0.05 * rng.random())):
        nodes = rng.random(7)
        i, f = _weights(6, 48)
        ridge = nodes[i] + f * (nodes[i + 1] - nodes[i])
        xs = np.linspace(0, width, 48)
        points: list[Pixel] = [
            (int(x), int(width * (horizon - height * r) + 0.5)) for x, r in zip(xs, ridge, strict=True)
        ]
        pen.polygon([(0, width), *points, (width, width)], ink(mix(lit(colour, light), light.haze, far)), "hill")


def ground(pen: Pen, width: int, horizon: float, colour: Colour, light: Light) -> None:
    """A plain from the horizon to the viewer, darker and fuller in colour as it comes near."""
    near, far = lit(colour, light, 0.55), mix(lit(colour, light, 0.6), light.haze, 0.42)
    top, steps = int(width * horizon), 14
    for i in range(steps):
        t = i / (steps - 1)
        y = top + (width - top) * (i / steps) ** 1.5
        pen.rectangle([0, int(y), width, width], ink(mix(far, times(near, (0.93, 0.93, 0.93)), t**0.7)), "ground")


def tree(pen: Pen, rng: np.random.Generator, kind: str, x: float, foot: float, tall: float, leaf: Colour,
         light: Light, snow: bool) -> None:  # fmt: skip
    """A tree `tall` pixels high whose trunk stands at (x, foot)."""
    side = 1 if light.direction[0] > 0 else -1
    dark, body, bright = (lit(times(leaf, (f, f, f)), light, s) for f, s in ((0.66, 0.0), (0.92, 0.35), (1.08, 0.85)))
    if snow:  # on top, and a little everywhere
        bright = mix(bright, lit((236, 240, 246), light, 0.6), 0.8 if kind != "cypress" else 0.35)
        body = mix(body, bright, 0.25)
    bark = lit((92, 70, 54), light, 0.2)
    wide = tall * (0.05 if kind == "broadleaf" else 0.035)
    pen.rectangle([int(x - wide), int(foot - tall * 0.35), int(x + wide), int(foot)], ink(bark), "tree")

    def blob(bx: float, by: float, rx: float, ry: float, colour: Colour) -> None:
        pen.ellipse([int(bx - rx), int(by - ry), int(bx + rx), int(by + ry)], ink(colour), "tree")

    if kind == "broadleaf":
        crown = foot - tall * 0.64
        spots = [(0.0, 0.0, 0.30)]
        for d in (20, 85, 150, 215, 325):
            c, s = turn(d)
            spots.append((0.19 * c, -0.17 * s, 0.17 + 0.06 * rng.random()))
        for tone, shift, shrink in ((dark, 0.0, 1.0), (body, 0.035, 0.86), (bright, 0.085, 0.52)):
            for u, v, r in spots:
                blob(
                    x + tall * (u + side * shift),
                    crown + tall * (v - shift),
                    tall * r * shrink,
                    tall * r * shrink,
                    tone,
                )
    elif kind == "conifer":
        for i in range(4):
            low, top = foot - tall * (0.12 + 0.20 * i), foot - tall * (0.50 + 0.167 * i)
            half = tall * (0.26 - 0.05 * i)
            pen.polygon([(int(x - half), int(low)), (int(x + half), int(low)), (int(x), int(top))], ink(dark), "tree")
            lit_side = [(int(x + side * half), int(low)), (int(x - side * half * 0.15), int(low)), (int(x), int(top))]
            pen.polygon(lit_side, ink(body), "tree")
            if snow:
                edge = [
                    (int(x + side * half * 0.9), int(low)),
                    (int(x + side * half * 0.3), int(low)),
                    (int(x), int(top)),
                ]
                pen.polygon(edge, ink(bright), "tree")
    else:  # cypress
        middle, half = foot - tall * 0.52, tall * 0.11
        blob(x, middle, half, tall * 0.48, dark)
        blob(x + side * half * 0.22, middle - tall * 0.01, half * 0.72, tall * 0.45, body)
        blob(x + side * half * 0.42, middle - tall * 0.02, half * 0.34, tall * 0.38, bright)


def weather_over(rng: np.random.Generator, picture: np.ndarray, weather: str, low: Colour, ground: float) -> None:
    """Fog that lies on the ground, falling snow or rain, over the finished picture (size, size, 3), in place."""
    size = len(picture)
    if weather == "fog":
        y, _ = _grid(size)
        bank = np.clip(1 - np.abs(y - np.float32(ground)) * 3.4, 0, 1) * 0.5
        drift = smooth_noise(rng.random((4, 4), np.float32), size)
        veil = (bank * (0.45 + 0.55 * drift))[..., None]
        picture += veil * (np.array(low, np.float32) - picture)
    elif weather == "snow":
        flakes = rng.random((70, 3))
        rows, columns = (flakes[:, 0] * (size - 1)).astype(int), (flakes[:, 1] * (size - 1)).astype(int)
        for dr, dc, strength in ((0, 0, 0.8), (1, 0, 0.35), (0, 1, 0.35)):
            spot = picture[rows + dr, columns + dc]
            picture[rows + dr, columns + dc] = spot + (strength * (0.4 + 0.6 * flakes[:, 2:])) * (246 - spot)
    elif weather == "rain":
        drops = rng.random((60, 3))
        length = size // 16
        rows, columns = (drops[:, 0] * (size - length)).astype(int), (drops[:, 1] * (size - length)).astype(int)
        for i in range(length):
            spot = picture[rows + i, columns + i // 3]
            picture[rows + i, columns + i // 3] = spot + (0.10 + 0.16 * drops[:, 2:]) * (225 - spot)
