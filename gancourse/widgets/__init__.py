"""The course's interactive figures, one file each.

    playground              a GAN on points in the plane, played by the course's own training step
    optimal_discriminator   two densities with sliders: D*, V(D*) and the JSD
    latent_explorer         samples moved along directions of z
    interpolator            from one sample to another
    arithmetic              A - B + C with samples
    seed_map                a plane of blended seeds
    style_mixer             sources with the styles of donors, layer by layer
    epochs                  the same z through a run
    real_or_fake            the student plays discriminator
    draw_a_church           a map that the reader draws, painted by a generator
    there_and_back          a picture, its translation, and what comes back
    lens                    enlargements and the truth, magnified where a lens lies
    neighbours              the training images closest to a sample
    dashboard               a training run as it goes

Each has a state, which lives in its controls, draws a picture of it, which is replaced in place, and says it in a line
of words. What can be done with a pointer on the picture can be done with the controls too. They share

    figure        the box with picture, controls and words, in ipywidgets 7.7.1 (Google Colab's) and 8
    tool          a figure that steers or judges a generator, and the generator's frozen copy
    page          what is drawn on
    pointer       presses on the picture
    cell_memory   a cell that is run again keeps its widgets as they were set

Here each is under the name by which notebooks call it: `widgets.latent_explorer(G)` makes a `LatentExplorer`.
"""

from gancourse.widgets.arithmetic import Arithmetic as arithmetic
from gancourse.widgets.draw_a_church import DrawAChurch as draw_a_church
from gancourse.widgets.epochs import EpochsScrubber as epochs_scrubber
from gancourse.widgets.interpolator import Interpolator as interpolator
from gancourse.widgets.latent_explorer import LatentExplorer as latent_explorer
from gancourse.widgets.lens import Lens as lens
from gancourse.widgets.neighbours import NearestNeighbours as nearest_neighbours
from gancourse.widgets.optimal_discriminator import OptimalDiscriminator as optimal_discriminator_explorer
from gancourse.widgets.playground import Playground as playground
from gancourse.widgets.real_or_fake import RealOrFake as real_or_fake
from gancourse.widgets.seed_map import SeedMap as seed_map
from gancourse.widgets.style_mixer import StyleMixer as style_mixer
from gancourse.widgets.there_and_back import ThereAndBack as there_and_back

__all__ = [
    "arithmetic",
    "draw_a_church",
    "epochs_scrubber",
    "interpolator",
    "latent_explorer",
    "lens",
    "nearest_neighbours",
    "optimal_discriminator_explorer",
    "playground",
    "real_or_fake",
    "seed_map",
    "style_mixer",
    "there_and_back",
]
