"""Churches in three dimensions, drawn with Pillow: boxes, gables, towers and their tops, seen through a small camera.

Everything is a polygon in a world of metres: x to the right, y up, z away from the viewer, the church's front in the
plane z = 0. `View` projects, knows which faces look at the camera, and shades them by sun and sky; the parts are drawn
from the far to the near, so that nothing has to be sorted. Coordinates are rounded to whole pixels of a canvas three
times as large as the image, which is how the edges become smooth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gancourse.data.churches.pen import Pen

Point = tuple[float, float, float]
Colour = tuple[float, float, float]  # red, green, blue in [0, 255]
Pixel = tuple[int, int]


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """a at t = 0, b at t = 1."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def times(a: Colour, b: Colour) -> Colour:
    """Channel by channel: a surface of colour a under light b."""
    return (a[0] * b[0], a[1] * b[1], a[2] * b[2])


def ink(c: Colour) -> tuple[int, int, int]:
    """A colour as Pillow wants it, clipped."""
    return (
        min(255, max(0, int(c[0] + 0.5))),
        min(255, max(0, int(c[1] + 0.5))),
        min(255, max(0, int(c[2] + 0.5))),
    )


def turn(degrees: float) -> tuple[float, float]:
    """Cosine and sine, rounded: libraries differ in the last digit, and the same seed should give the same picture."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 9), round(math.sin(angle), 9)


@dataclass(frozen=True)
class Light:
    """sky: light from everywhere; sun: light from one side. Both are factors a channel, about 0 to 1."""

    sky: Colour
    sun: Colour
    direction: Point  # towards the sun, of length 1
    window: Colour  # what a window shows: dark glass by day, a lamp by night
    haze: Colour
    fog: float  # how much of the haze lies before the church, 0 to 1


class View:
    """A camera in front of the church, and a pen.

    yaw: degrees by which the church is turned; eye, distance: metres of the camera above ground and from the front.
    scale, left, ground: pixels a metre at the front, and where the front's middle stands on the canvas.
    """

    def __init__(
        self, pen: Pen, light: Light, yaw: float, eye: float, distance: float, middle: float, frame: Colour
    ) -> None:
        self.pen, self.light = pen, light
        self.cos, self.sin = turn(yaw)
        self.eye, self.distance, self.middle = eye, distance, middle
        self.scale, self.left, self.ground = frame

    def project(self, p: Point) -> tuple[float, float]:
        """A point in metres from the front's middle at the ground, as the canvas shows it."""
        x, y, z = p[0], p[1], p[2] - self.middle
        far = x * self.sin + z * self.cos + self.middle + self.distance
        s = self.scale * self.distance / far
        rise = (y - self.eye) * s
        return self.left + (x * self.cos - z * self.sin) * s, self.ground - self.eye * self.scale - rise

    def pixel(self, p: Point) -> Pixel:
        x, y = self.project(p)
        return int(x + 0.5), int(y + 0.5)

    def faces(self, normal: Point, at: Point) -> bool:
        """Whether a face with this outward normal, through the point `at`, looks at the camera."""
        x, z = at[0], at[2] - self.middle
        vx, vz = x * self.cos - z * self.sin, x * self.sin + z * self.cos + self.middle + self.distance
        nx, nz = normal[0] * self.cos - normal[2] * self.sin, normal[0] * self.sin + normal[2] * self.cos
        return nx * vx + normal[1] * (at[1] - self.eye) + nz * vz < 0

    def shade(self, colour: Colour, normal: Point, dim: float = 1.0) -> Colour:
        """A surface's colour under the light."""
        light = self.light
        nx, nz = normal[0] * self.cos - normal[2] * self.sin, normal[0] * self.sin + normal[2] * self.cos
        d = light.direction
        lit = max(0.0, nx * d[0] + normal[1] * d[1] + nz * d[2])
        up = 0.86 + 0.14 * normal[1]  # what looks up sees more of the sky
        c = (
            colour[0] * (light.sky[0] * up + light.sun[0] * lit) * dim,
            colour[1] * (light.sky[1] * up + light.sun[1] * lit) * dim,
            colour[2] * (light.sky[2] * up + light.sun[2] * lit) * dim,
        )
        return mix(c, light.haze, light.fog)

    def polygon(self, points: list[Point], colour: Colour, kind: str) -> None:
        """A face of a class of label maps, `kind`."""
        self.pen.polygon([self.pixel(p) for p in points], ink(colour), kind)


class Wall:
    """A vertical face: origin at its lower left as seen from outside, `along` a unit vector on the ground."""

    def __init__(self, view: View, origin: Point, along: tuple[float, float], width: float, height: float) -> None:
        self.view, self.origin, self.along = view, origin, along
        self.width, self.height = width, height
        self.normal = (along[1], 0.0, -along[0])
        self.seen = view.faces(self.normal, origin)

    def at(self, u: float, v: float) -> Point:
        """u metres along the wall, v up."""
        return self.origin[0] + self.along[0] * u, self.origin[1] + v, self.origin[2] + self.along[1] * u

    def outline(self, uv: list[tuple[float, float]], colour: Colour, dim: float = 1.0, kind: str = "wall") -> None:
        """A polygon on the wall, shaded as the wall is."""
        self.view.polygon([self.at(u, v) for u, v in uv], self.view.shade(colour, self.normal, dim), kind)

    def plain(self, uv: list[tuple[float, float]], colour: Colour, kind: str) -> None:
        """A polygon on the wall in just this colour."""
        self.view.polygon([self.at(u, v) for u, v in uv], colour, kind)

    def rectangle(
        self, u0: float, v0: float, u1: float, v1: float, colour: Colour, dim: float = 1.0, kind: str = "wall"
    ) -> None:
        self.outline([(u0, v0), (u1, v0), (u1, v1), (u0, v1)], colour, dim, kind)

    def masonry(self, colour: Colour) -> None:
        """The wall itself: darker towards the ground, where less of the sky is seen, with a plinth."""
        top, steps = self.height, 4
        for i in range(steps):
            dim = 0.87 + 0.13 * (i + 0.5) / steps
            self.rectangle(0, top * i / steps, self.width, top, colour, dim)
        if self.origin[1] == 0:
            self.rectangle(0, 0, self.width, min(0.7, 0.08 * top), colour, 0.72)

    def opening(
        self, u: float, v: float, width: float, height: float, shape: str, trim: Colour, fill: Colour, kind: str
    ) -> None:
        """A window or door, its foot's middle at (u, v): a frame in the wall's light, then the opening."""
        frame = max(0.16, 0.13 * width)
        self.outline(arch(u, v - frame, width + 2 * frame, height + 2 * frame, shape), trim, 1.06)
        self.plain(arch(u, v, width, height, shape), fill, kind)


def arch(u: float, v: float, width: float, height: float, kind: str) -> list[tuple[float, float]]:
    """The outline of an opening: "round", "pointed" or "square" at its top."""
    a, b = u - width / 2, u + width / 2
    if kind == "square":
        return [(a, v), (b, v), (b, v + height), (a, v + height)]
    half = width / 2
    if kind == "round":
        spring = v + height - half
        return [(b, v), *[(u + half * c, spring + half * s) for c, s in _HALF_TURN], (a, v)]
    spring = v + height - 0.9 * width
    points = [(u + half * (1 - t * t), spring + 0.9 * width * (1 - (1 - t) * (1 - t)) ** 0.8) for t in _RISE]
    return [(b, v), *points, *[(2 * u - x, y) for x, y in points[-2::-1]], (a, v)]


_HALF_TURN = [turn(d) for d in range(0, 181, 30)]
_RISE = [0.0, 0.25, 0.5, 0.75, 1.0]
_CIRCLE = [turn(d) for d in range(0, 360, 24)]


def disc(u: float, v: float, radius: float) -> list[tuple[float, float]]:
    """A circle on a wall, around (u, v)."""
    return [(u + radius * c, v + radius * s) for c, s in _CIRCLE]


def box_walls(view: View, x: float, z: float, width: float, depth: float, base: float, height: float) -> list[Wall]:
    """The four walls of a box whose front's middle is (x, z), those that look at the camera, side walls first."""
    h = width / 2
    walls = [
        Wall(view, (x + h, base, z), (0.0, 1.0), depth, height),
        Wall(view, (x - h, base, z + depth), (0.0, -1.0), depth, height),
        Wall(view, (x - h, base, z), (1.0, 0.0), width, height),
    ]
    return [wall for wall in walls if wall.seen]


def gable_roof(view: View, x: float, z: float, width: float, depth: float, base: float, rise: float, roof: Colour):
    """Two slopes whose ridge runs away from the viewer; those that are seen, with a darker edge at the eaves."""
    h, over = width / 2, 0.35
    length = math.sqrt(rise * rise + h * h)
    for side in (-1.0, 1.0):
        normal = (side * rise / length, h / length, 0.0)
        if not view.faces(normal, (x, base + rise, z)):
            continue
        edge, drop = x + side * (h + over), base - over * rise / h
        near, far, ridge = z - 0.3, z + depth, base + rise
        for i in range(4):  # paler towards the ridge
            t = i / 4
            low_x, low_y = edge + (x - edge) * t, drop + (ridge - drop) * t
            corners = [(low_x, low_y, near), (low_x, low_y, far), (x, ridge, far), (x, ridge, near)]
            view.polygon(corners, view.shade(roof, normal, 0.90 + 0.04 * i), "roof")
        lip = [(edge, drop, near), (edge, drop, far), (edge, drop - 0.3, far), (edge, drop - 0.3, near)]
        view.polygon(lip, view.shade(roof, (side, 0.0, 0.0), 0.62), "roof")


# Half outlines of a tower's top: (radius, height), from the eaves up, as parts of the half width and of the rise.
_ROUND_TOPS = {
    "dome": [(1.0, 0.0), (0.98, 0.22), (0.90, 0.44), (0.76, 0.64), (0.56, 0.82), (0.30, 0.95), (0.06, 1.0)],
    "onion": [
        (0.72, 0.0), (0.95, 0.10), (1.08, 0.22), (1.04, 0.36), (0.82, 0.50),
        (0.50, 0.62), (0.26, 0.74), (0.12, 0.87), (0.03, 1.0),
    ],
}  # fmt: skip


def tower_top(
    view: View, kind: str, x: float, z: float, width: float, base: float, rise: float, roof: Colour, stone: Colour
) -> float:
    """What stands on a square or round tower around (x, z): returns the height of its tip.

    kind: "spire" (steep, eight-sided), "pyramid" (low, four-sided), "dome", "onion", or "battlements".
    """
    h = width / 2
    if kind == "battlements":
        tooth = width / 7
        for wall in box_walls(view, x, z - h - 0.12, width + 0.24, width + 0.24, base, 1.3 * tooth):
            wall.rectangle(0, -0.4 * tooth, wall.width, 0.3 * tooth, stone, 0.98, "top")
            for i in range(4):
                u = 2 * i * wall.width / 7
                wall.rectangle(u, 0, u + wall.width / 7, 1.3 * tooth, stone, 1.02, "top")
        return base + 1.3 * tooth
    if kind in _ROUND_TOPS:
        _turned(view, _ROUND_TOPS[kind], x, z, h * 1.02, base, rise, roof, "top")
        return base + rise
    sides = 4 if kind == "pyramid" else 8
    reach = h * 1.10 * (math.sqrt(2) if sides == 4 else 1.0 / turn(22.5)[0])
    corners = [turn(360 * (i + 0.5) / sides) for i in range(sides)]
    ring = [(x + reach * c, base, z + reach * s) for c, s in corners]
    tip = (x, base + rise, z)
    for i in range(sides):
        c, s = turn(360 * (i + 1) / sides)
        length = math.sqrt(rise * rise + h * h)
        normal = (c * rise / length, h / length, s * rise / length)
        if view.faces(normal, ring[i]):
            view.polygon([ring[i], ring[(i + 1) % sides], tip], view.shade(roof, normal), "top")
    return base + rise


_SLICES = [turn(d) for d in range(0, 361, 20)]
_SLICE_MIDDLES = [turn(d + 10) for d in range(0, 360, 20)]


def _turned(
    view: View, profile: list[tuple[float, float]], x: float, z: float, radius: float, base: float, rise: float,
    colour: Colour, kind: str,
) -> None:  # fmt: skip
    """A surface of revolution, as upright slices, each in its own light."""
    for i, (c, s) in enumerate(_SLICE_MIDDLES):
        normal = (0.92 * c, 0.39, 0.92 * s)
        if not view.faces((c, 0.0, s), (x + 0.5 * radius * c, base, z + 0.5 * radius * s)):
            continue
        (c0, s0), (c1, s1) = _SLICES[i], _SLICES[i + 1]
        left = [(x + radius * r * c0, base + rise * t, z + radius * r * s0) for r, t in profile]
        right = [(x + radius * r * c1, base + rise * t, z + radius * r * s1) for r, t in profile]
        view.polygon(left + right[::-1], view.shade(colour, normal), kind)


def drum(view: View, x: float, z: float, radius: float, base: float, height: float, colour: Colour) -> None:
    """A round wall."""
    _turned(view, [(1.0, 0.0), (1.0, 1.0)], x, z, radius, base, height, colour, "wall")
    _turned(
        view,
        [(1.07, 0.0), (1.07, 1.0)],
        x,
        z,
        radius,
        base + height * 0.93,
        height * 0.09,
        mix(colour, (255, 255, 255), 0.2),
        "wall",
    )


def finial(view: View, x: float, z: float, tip: float, size: float, gilt: Colour) -> None:
    """A cross on the tip, and the ball that it stands on."""
    px, py = view.pixel((x, tip, z))
    s = view.scale * size * view.distance / (view.distance + z)
    w, colour = max(1, int(s * 0.07 + 0.5)), ink(gilt)
    view.pen.rectangle([px - w, py - int(s), px + w, py + 1], colour, "gilt")
    arm, y = int(s * 0.32), py - int(s * 0.68)
    view.pen.rectangle([px - arm, y - w, px + arm, y + w], colour, "gilt")
    view.pen.ellipse([px - 2 * w, py - 2 * w, px + 2 * w, py + 2 * w], colour, "gilt")
