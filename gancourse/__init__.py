"""gancourse: the package behind a course on generative adversarial networks.

The notebooks are the course; this package is what they import. Where to look: ``data`` (images in), ``models`` (every
network), ``losses``, ``training`` (Algorithm 1), ``runs`` (what a training run leaves on disk), ``theory`` (closed
forms), ``plots`` and ``widgets`` (what you see), ``exercises``, ``profiles`` (how long a run may be).
"""

__version__ = "0.1.0"
