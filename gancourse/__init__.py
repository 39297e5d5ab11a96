"""gancourse: the package behind a course on generative adversarial networks.

The notebooks are the course; this package is what they import. Where to look: ``data`` (images in), ``models`` (every
network), ``training`` (losses, one step, a whole run), ``pretrained`` (weights that come with the course),
``evaluation`` (scores), ``theory`` (what can be computed exactly), ``latent`` (what one can do with z), ``plots`` and
``widgets`` (what you see), ``exercises``, ``course`` (lessons, the papers' claims, long studies), ``publishing`` (from
notebooks to pages). Imports flow one way, from images to notebooks; README.md in this folder is the map.
"""

__version__ = "1.0.0"
