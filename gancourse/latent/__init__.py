"""What one can do with z: draw it, walk between two of them, find directions that mean something, and invert an image.

    geometry    sampling, norms, lerp and slerp, paths, loops, blends, arithmetic, truncation: of z alone
    generating  images from z, checked; what changes along a path
    directions  principal directions of a generator's first layer; directions of attributes: thickness, slant, a digit;
                an attribute's gradient in z; differences in a chosen layer
    edits       named steps in z or in a layer: applied, saved, and verified on load
    from_w      a StyleGAN as a function of w, made standard normal
    inversion   the z whose image is closest to a given one

Everything is torch and works with any generator that maps z (B, z_size) to images (B, C, H, W) in [-1, 1].
"""

from gancourse.latent import edits
from gancourse.latent.directions import (
    AttributeDirection,
    Directions,
    activations,
    along,
    attribute_direction,
    attribute_gradient,
    digit_logit,
    layer_difference,
    principal_directions,
    slant,
    thickness,
)
from gancourse.latent.edits import Edit, EditError
from gancourse.latent.from_w import FromW, from_w, generate_w
from gancourse.latent.generating import LatentError, PathStatistics, generate, path_statistics, z_size
from gancourse.latent.geometry import arithmetic, blend, lerp, loop, norms, path, sample, shell, slerp, truncate
from gancourse.latent.inversion import Inversion, invert
from gancourse.models.base import eval_mode

__all__ = [
    "AttributeDirection",
    "Directions",
    "Edit",
    "EditError",
    "FromW",
    "Inversion",
    "LatentError",
    "PathStatistics",
    "activations",
    "along",
    "arithmetic",
    "attribute_direction",
    "attribute_gradient",
    "blend",
    "digit_logit",
    "edits",
    "eval_mode",
    "from_w",
    "generate",
    "generate_w",
    "invert",
    "layer_difference",
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
