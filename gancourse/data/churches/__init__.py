"""Procedural churches: a data set that anybody can have, any number of images, with the truth about each.

    dataset   procedural_churches(n): many of them, with the factors that each was drawn from
    building  a whole church from its parts
    masonry   walls, roofs and towers in three dimensions, drawn with Pillow
    scenery   what surrounds it: sky, ground, trees, weather

Which church is in a picture? `gancourse.evaluation.church_reader` reads that off, for samples too.
"""

from gancourse.data.churches.dataset import FACTORS, VERSION, factors_of, procedural_churches, render

__all__ = ["FACTORS", "VERSION", "factors_of", "procedural_churches", "render"]
