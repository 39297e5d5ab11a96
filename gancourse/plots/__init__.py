"""The course's static figures.

    showing       the style, and `show`: a picture with its caption and alternative text
    samples       grids of images
    curves        losses and what D answers, from the rows of a history
    game          the GAN game in one picture
    architecture  a network, drawn from the network itself
    strokes       what these two are drawn with
    scoreboard    a table of scores as a figure
    dots          runs over seeds, compared
    plane         runs in the plane of two measures
    class_maps    a label map with the names of its classes
    grids         images laid out as one array of pixels
    style         colours and settings

Every notebook calls `use_style()` once and hands each figure to `show`, which publishes it as one picture with
alternative text, followed by its caption. The colours are the same everywhere: the data is grey, the generator orange,
the discriminator violet.

The functions here build a bare `matplotlib.figure.Figure`, never one registered with pyplot: the inline back end
displays every figure that pyplot knows at the end of a cell, and a figure would then appear twice.
"""

from gancourse.plots.architecture import architecture_diagram
from gancourse.plots.class_maps import class_map
from gancourse.plots.curves import compare_losses, losses
from gancourse.plots.dots import dots
from gancourse.plots.game import game_diagram
from gancourse.plots.plane import plane
from gancourse.plots.samples import image_grid, samples_over_epochs, side_by_side
from gancourse.plots.scoreboard import scoreboard
from gancourse.plots.showing import show, to_png, use_style
from gancourse.plots.style import COLOURS

__all__ = [
    "COLOURS",
    "architecture_diagram",
    "class_map",
    "compare_losses",
    "dots",
    "game_diagram",
    "image_grid",
    "losses",
    "plane",
    "samples_over_epochs",
    "scoreboard",
    "show",
    "side_by_side",
    "to_png",
    "use_style",
]
