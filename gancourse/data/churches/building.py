"""A whole church from its parts: measures in metres, then nave, transept, towers and their openings.

The plans of `gancourse.data.churches.FACTORS`, built with the walls and roofs of `masonry`, from the far to the near.
"""

from __future__ import annotations

import numpy as np

from gancourse.data.churches.masonry import (
    Colour,
    Light,
    View,
    Wall,
    box_walls,
    disc,
    drum,
    finial,
    gable_roof,
    ink,
    mix,
    times,
    tower_top,
    turn,
)
from gancourse.data.churches.pen import Pen
from gancourse.data.churches.scenery import lit, varied

STONE: dict[str, Colour] = {
    "limestone": (226, 212, 182),
    "brick": (184, 98, 74),
    "whitewash": (246, 243, 234),
    "sandstone": (214, 172, 118),
    "granite": (158, 158, 162),
    "rose": (232, 182, 160),
}
ROOF: dict[str, Colour] = {
    "slate": (84, 94, 116),
    "tiles": (186, 90, 60),
    "copper": (104, 166, 148),
    "oak": (102, 78, 62),
}
SLIM = {  # how high a tower's top is, in widths of the tower
    "spire": (2.0, 3.3),
    "pyramid": (0.6, 0.95),
    "dome": (0.6, 0.8),
    "onion": (1.1, 1.5),
    "battlements": (0.2, 0.2),
}
WOOD: Colour = (112, 74, 50)


class Church:
    """One church: measured in `__init__`, drawn by `draw`.

    pen, width: of the canvas. factors: one value for each of churches.FACTORS. ground, horizon: their heights in the
    picture, in parts of it, from above.
    """

    def __init__(
        self, pen: Pen, rng: np.random.Generator, factors: dict[str, str], width: int, ground: float,
        horizon: float, light: Light, grass: Colour,
    ) -> None:  # fmt: skip
        draws = iter(rng.random(40).tolist())

        def between(low: float, high: float) -> float:
            return low + (high - low) * next(draws)

        self.factors, self.light, self.grass, self.width = factors, light, grass, width
        self.snow = factors["weather"] == "snow"
        self.stone = varied(rng, STONE[factors["stone"]], 9)
        roof = varied(rng, ROOF[factors["roof"]], 9)
        self.roof = mix(roof, (236, 240, 247), 0.78) if self.snow else roof
        white = factors["stone"] == "whitewash"
        self.trim = mix(self.stone, (190, 178, 160), 0.5) if white else mix(self.stone, (250, 244, 232), 0.55)
        self.gilt = lit((214, 178, 96), light, 0.7)
        self.glass = mix(light.window, light.haze, light.fog)
        self.shape = factors["windows"]

        self.nave, self.height, self.length = between(8.5, 12), between(6, 9.5), between(15, 26)
        self.rise = self.nave * between(0.45, 0.8)
        self.tower = between(4.2, 5.8)
        self.tall = self.height + self.rise * 0.6 + between(3.0, 9.0)
        self.slim = between(*SLIM[factors["top"]])
        lantern, self.aside = between(0.72, 0.9), between(0.0, 0.35)
        lantern_tall = between(2.2, 4.6)
        self.rose, self.beside = next(draws) < 0.55, next(draws) < 0.5

        self.seen = -1 if factors["turned"] == "left" else 1  # the side whose wall is seen
        yaw = -self.seen * between(14, 36)
        plan, wide = factors["plan"], self.nave
        if plan == "side tower":
            wide = self.nave + 2 * self.tower
        elif plan == "two towers":
            self.tower *= 0.84
            wide = self.nave + self.tower
        elif plan == "crossing":
            self.tower = self.nave * lantern
            self.tall = self.height + self.rise * 0.75 + lantern_tall
        crown = self.tall + self.tower * self.slim
        if plan == "chapel":
            self.length *= 0.7
            crown = self.height + self.rise + 4.6 + 1.5 * min(self.slim, 1.6)
        self.wide = wide

        spread = wide * turn(abs(yaw))[0] + self.length * turn(abs(yaw))[1] * 0.8
        scale = width * min(between(0.80, 0.92) * ground / (crown + 1.6), between(0.72, 0.86) / spread)
        eye = (ground - horizon) * width / scale
        self.view = View(pen, light, yaw, eye, between(60, 130), self.length / 2, (scale, 0.0, ground * width))
        # Front and side together stand in the picture's middle, give or take
        self.view.left = width * between(0.46, 0.54) - self.view.project((0.0, 0.0, self.length * 0.45))[0]
        self.path_end, self.path_half = between(0.25, 0.75), between(1.0, 1.6)

    def draw(self) -> None:
        self._path()
        self._shadow()
        plan, length = self.factors["plan"], self.length
        if plan == "crossing":
            self._crossing()
        elif plan == "west tower":
            self._nave(self.tower * 0.3, length, front=True)
            self._tower(0, 0, self.tower * 1.08, door=True)
        elif plan == "side tower":
            side = self.seen if self.beside else -self.seen
            x, z = side * (self.nave + self.tower) * 0.5, self.tower * 0.5 + self.aside * length
            if side != self.seen:  # it stands behind the nave
                self._tower(x, z, self.tower)
            self._nave(0, length, front=True)
            if side == self.seen:
                self._tower(x, z, self.tower)
        elif plan == "two towers":
            self._nave(0, length, front=True)
            for side in (-self.seen, self.seen):  # the nearer one last
                self._tower(side * self.nave * 0.5, self.tower * 0.3, self.tower)
        else:
            self._nave(0, length, front=True)
            self._bellcote()

    # -- parts ---------------------------------------------------------------------------------------------------

    def _window(self, wall: Wall, u: float, v: float, width: float, height: float, fill: Colour | None = None) -> None:
        wall.opening(u, v, width, height, self.shape, self.trim, self.glass if fill is None else fill, "window")

    def _door(self, wall: Wall, u: float, width: float, height: float) -> None:
        wall.opening(u, 0.15, width, height, self.shape, self.trim, self.view.shade(WOOD, wall.normal, 0.8), "door")

    def _nave(self, z: float, depth: float, front: bool) -> None:
        for wall in box_walls(self.view, 0, z, self.nave, depth, 0, self.height):
            wall.masonry(self.stone)
            if abs(wall.normal[0]) > 0.5:
                count = max(2, int(depth / 3.6))
                for i in range(count):
                    u = depth * (i + 0.5) / count
                    self._window(wall, u, self.height * 0.28, depth / count * 0.34, self.height * 0.5)
                wall.rectangle(0, self.height * 0.93, depth, self.height, self.trim, 0.8)
        gable_roof(self.view, 0, z, self.nave, depth, self.height, self.rise, self.roof)
        if front:
            self._front(z)

    def _front(self, z: float) -> None:
        """The front with its gable: a door, and a rose or a pair of windows above it."""
        nave, height, plan = self.nave, self.height, self.factors["plan"]
        wall = Wall(self.view, (-nave / 2, 0, z), (1.0, 0.0), nave, height)
        if not wall.seen:
            return
        middle, top = nave / 2, height + self.rise
        wall.masonry(self.stone)
        wall.outline([(0, height), (nave, height), (middle, top)], self.stone)
        for end in (-0.35, nave + 0.35):
            edge = [(end, height - 0.25), (middle, top + 0.1), (middle, top + 0.65), (end, height + 0.2)]
            wall.outline(edge, self.trim, 1.02)
        if plan == "west tower":  # the tower stands before the middle
            for u in (0.12, 0.88):
                self._window(wall, u * nave, 0.3 * height, nave * 0.09, height * 0.42)
            return
        self._door(wall, middle, nave * 0.2, height * 0.46)
        if self.rose:
            v, r = height * 0.93, nave * 0.13
            wall.outline(disc(middle, v, r * 1.28), self.trim, 1.06)
            wall.plain(disc(middle, v, r), self.glass, "window")
            wall.rectangle(middle - r, v - 0.1, middle + r, v + 0.1, self.trim)
            wall.rectangle(middle - 0.1, v - r, middle + 0.1, v + r, self.trim)
        else:
            for u in (-0.11, 0.11):
                self._window(wall, middle + u * nave, height * 0.74, nave * 0.1, height * 0.44)
        if plan != "two towers":
            for u in (0.2, 0.8):
                self._window(wall, u * nave, height * 0.3, nave * 0.09, height * 0.4)

    def _tower(self, x: float, z: float, side: float, door: bool = False) -> None:
        top, light = self.tall, self.light
        dark = mix(mix(self.glass, (40, 40, 48), 0.55), light.haze, light.fog * 0.6)
        for wall in box_walls(self.view, x, z - side / 2, side, side, 0, top):
            wall.masonry(self.stone)
            for u in (0.33, 0.67):  # the bells
                self._window(wall, u * side, top * 0.76, side * 0.17, top * 0.15, dark)
            for v in (0.36, 0.58):
                self._window(wall, 0.5 * side, top * v, side * 0.17, top * 0.1)
            if door and wall.normal[2] < -0.5:
                self._door(wall, 0.5 * side, side * 0.4, min(self.height * 0.5, 3.6))
            for v in (0.52 * top, top - 0.28):  # cornices
                wall.rectangle(-0.12, v, side + 0.12, v + 0.36, self.trim, 1.02)
        self._top(x, z, side, top, side * self.slim, 1.5)

    def _top(self, x: float, z: float, side: float, base: float, rise: float, cross: float) -> None:
        kind = self.factors["top"]
        tip = tower_top(self.view, kind, x, z, side, base, rise, self.roof, self.stone)
        if kind != "battlements":
            finial(self.view, x, z, tip, cross, self.gilt)

    def _crossing(self) -> None:
        """A tower or a drum where nave and transept meet."""
        middle, tower = self.length * 0.55, self.tower
        self._nave(middle, self.length - middle, front=False)
        self._transept(middle)
        if self.factors["top"] in ("dome", "onion"):
            low = self.height * 0.7
            drum(self.view, 0, middle, tower / 2, low, self.tall - low, self.stone)
            self._drum_windows(middle, tower / 2, self.height + self.rise * 0.62)
            self._top(0, middle, tower, self.tall, tower * self.slim * 0.9, 1.7)
        else:
            self._tower(0, middle, tower * 0.86)
        self._nave(0, middle - self.nave * 0.31, front=True)

    def _drum_windows(self, z: float, radius: float, low: float) -> None:
        height, w = (self.tall - low) * 0.62, radius * 0.28
        for degrees in range(0, 360, 36):
            c, s = turn(degrees)
            x, far = radius * c, z + radius * s
            if self.view.faces((c, 0.0, s), (x, low, far)):
                wall = Wall(self.view, (x + s * w / 2, low, far - c * w / 2), (-s, c), w, height)
                self._window(wall, w / 2, 0.12 * height, w * 0.8, height * 0.9)

    def _transept(self, middle: float) -> None:
        """Two arms across the nave, with gables to the left and right."""
        arms, depth, height, rise = self.nave * 1.72, self.nave * 0.62, self.height * 0.94, self.rise * 0.8
        z, h = middle - depth / 2, arms / 2
        for wall in box_walls(self.view, 0, z, arms, depth, 0, height):
            wall.masonry(self.stone)
            if abs(wall.normal[0]) > 0.5:
                wall.outline([(0, height), (depth, height), (depth / 2, height + rise)], self.stone)
                self._window(wall, depth / 2, height * 0.3, depth * 0.3, height * 0.7)
            else:
                for u in (0.1, 0.9):
                    self._window(wall, u * arms, height * 0.3, arms * 0.05, height * 0.42)
        length = (rise * rise + depth * depth / 4) ** 0.5
        normal = (0.0, depth / 2 / length, -rise / length)
        if self.view.faces(normal, (0, height + rise, middle)):
            corners = [(-h, height, z), (h, height, z), (h, height + rise, middle), (-h, height + rise, middle)]
            self.view.polygon(corners, self.view.shade(self.roof, normal), "roof")

    def _bellcote(self) -> None:
        """A little turret with a bell on the front's gable."""
        width, height, base = 2.3, 3.1, self.height + self.rise - 1.1
        hollow = mix((44, 42, 50), self.light.haze, self.light.fog)
        for wall in box_walls(self.view, 0, 0.0, width, width, base, height):
            wall.masonry(self.stone)
            wall.opening(width / 2, 0.9, width * 0.46, height * 0.5, "round", self.stone, hollow, "window")
        self._top(0, width / 2, width * 1.12, base + height, width * min(self.slim, 1.6), 1.3)

    # -- on the ground -------------------------------------------------------------------------------------------

    def _shadow(self) -> None:
        """The shadow on the ground, away from the sun, and the dark line where the church stands."""
        view, (dx, dy, dz) = self.view, self.light.direction
        x, z = -dx / dy * 0.75 * self.height, -dz / dy * 0.75 * self.height  # as the camera sees it
        x, z = x * view.cos + z * view.sin, z * view.cos - x * view.sin  # in the church's own axes
        ground = lit(self.grass, self.light, 0.0)
        dim, dark = 0.98 - 0.42 * sum(self.light.sun) / 3, 0.7
        shade = mix(times(ground, (dim, dim, dim)), self.light.haze, self.light.fog)
        h, far = self.wide / 2, self.length
        corners = [(-h, 0.0), (h, 0.0), (h, far), (-h, far)]
        for i in range(4):
            (ax, az), (bx, bz) = corners[i], corners[(i + 1) % 4]
            view.polygon([(ax, 0, az), (bx, 0, bz), (bx + x, 0, bz + z), (ax + x, 0, az + z)], shade, "shadow")
        foot = mix(times(ground, (dark, dark, dark)), self.light.haze, self.light.fog)
        h = self.nave / 2 + 0.5
        view.polygon([(-h, 0, -0.7), (h, 0, -0.7), (h, 0, far), (-h, 0, far)], foot, "shadow")

    def _path(self) -> None:
        """A path that winds from the door to the lower edge of the picture."""
        view, light = self.view, self.light
        gravel: Colour = (212, 214, 222) if self.snow else (212, 196, 164)
        colour = mix(lit(mix(gravel, self.grass, 0.2), light, 0.55), light.haze, light.fog * 0.6)
        (x0, y0), (x1, y1) = view.project((0.0, 0.0, -0.2)), view.project((0.0, 0.0, -6.0))
        x2, y2 = self.width * self.path_end, self.width * 1.03
        left, right = [], []
        for i in range(9):  # a parabola
            t = i / 8
            a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
            x, y = a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2
            grow = self.path_half * view.scale * (1 + 2.2 * t * t)
            left.append((int(x - grow), int(y)))
            right.append((int(x + grow), int(y)))
        view.pen.polygon(left + right[::-1], ink(colour), "path")
