"""Procedural churches: a data set that anybody can have, any number of images, with the truth about each.

    dataset   procedural_churches(n): many of them, with the factors that each was drawn from
    labelled  labelled_churches: with label maps; church_pairs: the same churches by day and at dusk, in summer and snow
    aligned   which changes leave all else where it is, and why others do not
    classes   small ones labelled by plan and time of day, others by all of their factors
    windows   where the windows are whose shape can be seen, and patches around them
    drawings  label maps in colours, and read from a drawing of yours
    building  a whole church from its parts
    masonry   walls, roofs and towers in three dimensions, drawn with Pillow
    scenery   what surrounds it: sky, ground, trees, weather
    pen       what they are drawn with: a picture, and its label map beside it

Which church is in a picture? `gancourse.evaluation.church_reader` reads that off, for samples too.
"""

from gancourse.data.churches.dataset import FACTORS, VERSION, factors_of, procedural_churches, render
from gancourse.data.churches.labelled import church_pairs, labelled_churches, unpaired_churches
from gancourse.data.churches.pen import CLASSES

__all__ = [
    "CLASSES",
    "FACTORS",
    "VERSION",
    "church_pairs",
    "factors_of",
    "labelled_churches",
    "procedural_churches",
    "render",
    "unpaired_churches",
]
