"""The pen that every church is drawn with: it can repeat each call with a class number on a second canvas.

So the label map of a picture is exact: drawn from the same coordinates in the same order, by the same rasteriser, and
without the averaging that makes a picture's edges smooth. A picture is the same with and without its label map.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

# The classes of a label map, by number. What is drawn later covers what was drawn before; the sky is what stays free.
CLASSES = ("sky", "hill", "ground", "path", "shadow", "tree", "wall", "roof", "top", "window", "door", "gilt")
NUMBER = {name: number for number, name in enumerate(CLASSES)}

Ink = tuple[int, int, int]


class Pen:
    """Polygons, rectangles and ellipses of a class, in an ink, on the canvas of a picture.

    canvas: of the picture, RGB. classes: the canvas of its label map, mode "L" and of equal size; None for none.
    `kind` is one of CLASSES; coordinates are Pillow's.
    """

    def __init__(self, canvas: Image.Image, classes: Image.Image | None = None) -> None:
        self._colours = ImageDraw.Draw(canvas)
        self._classes = None if classes is None else ImageDraw.Draw(classes)

    def polygon(self, points: Sequence[tuple[int, int]], ink: Ink, kind: str) -> None:
        self._colours.polygon(points, fill=ink)
        if self._classes:
            self._classes.polygon(points, fill=NUMBER[kind])

    def rectangle(self, box: Sequence[float], ink: Ink, kind: str) -> None:
        self._colours.rectangle(box, fill=ink)
        if self._classes:
            self._classes.rectangle(box, fill=NUMBER[kind])

    def ellipse(self, box: Sequence[float], ink: Ink, kind: str) -> None:
        self._colours.ellipse(box, fill=ink)
        if self._classes:
            self._classes.ellipse(box, fill=NUMBER[kind])
