"""A stand-in for Google Colab's package, as much of it as the course meets: see tests/compat/colab.py."""
