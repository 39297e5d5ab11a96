"""A stand-in for Google Colab's package, as much of it as the course meets: see tests/compat/colab.py."""

from google.colab import output as output  # as Colab's own does: anywidget looks for it among the loaded modules
