"""What the latent widgets do, without a widget: each tool has a state, draws a page of it and says it in a sentence.

gancourse.latent_widgets and gancourse.sample_widgets put controls around them.
"""

from gancourse.tools.arithmetic import Arithmetic
from gancourse.tools.base import Frozen, Tool
from gancourse.tools.explorer import NO_CUT, Explorer
from gancourse.tools.interpolator import Interpolator
from gancourse.tools.neighbours import Neighbours
from gancourse.tools.real_or_fake import RealOrFake, wilson
from gancourse.tools.scrubber import Scrubber
from gancourse.tools.seed_map import SeedMap

__all__ = [
    "NO_CUT",
    "Arithmetic",
    "Explorer",
    "Frozen",
    "Interpolator",
    "Neighbours",
    "RealOrFake",
    "Scrubber",
    "SeedMap",
    "Tool",
    "wilson",
]
