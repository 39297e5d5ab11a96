"""What one can do with z: draw it, walk between two of them, find directions that mean something, and invert an image.

    geometry    sampling, norms, lerp and slerp, paths, loops, blends, arithmetic, truncation: of z alone
    generating  images from z, checked; what changes along a path
    directions  principal directions of a generator's first layer; directions of attributes: thickness, slant, a digit
    inversion   the z whose image is closest to a given one

Everything is torch and works with any generator that maps z (B, z_size) to images (B, C, H, W) in [-1, 1].
"""

from gancourse.latent.directions import (
    AttributeDirection,
    Directions,
    along,
    attribute_direction,
    digit_logit,
    principal_directions,
    slant,
    thickness,
)
from gancourse.latent.generating import LatentError, PathStatistics, eval_mode, generate, path_statistics, z_size
from gancourse.latent.geometry import arithmetic, blend, lerp, loop, norms, path, sample, shell, slerp, truncate
from gancourse.latent.inversion import Inversion, invert

__all__ = [
    "AttributeDirection",
    "Directions",
    "Inversion",
    "LatentError",
    "PathStatistics",
    "along",
    "arithmetic",
    "attribute_direction",
    "blend",
    "digit_logit",
    "eval_mode",
    "generate",
    "invert",
    "lerp",
    "loop",
    "norms",
    "path",
    "path_statistics",
    "principal_directions",
    "sample",
    "shell",
    "slant",
    "slerp",
    "thickness",
    "truncate",
    "z_size",
]
