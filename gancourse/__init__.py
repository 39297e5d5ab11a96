"""gancourse: the package behind a course on generative adversarial networks.

The notebooks are the course; this package is what they import. Where to look: ``data``, ``churches``, ``photographs``
(images in), ``models`` (every network), ``losses``, ``step`` (Algorithm 1), ``training`` (it over epochs), ``runs``
(what a training run leaves on disk), ``evaluation``, ``latent``, ``theory`` (closed forms), ``plots`` and ``widgets``
(what you see), ``exercises``, ``studies`` (long results), ``profiles`` (how long a run may be). Imports flow one way,
from images to notebooks: tests/test_structure.py has the layers.
"""

__version__ = "0.1.0"
