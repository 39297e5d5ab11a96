"""Studies: runs that take too long for a notebook, each a named recipe whose results are committed as data.

`python -m gancourse reproduce NAME` runs course/studies/lessonNN/NAME.py; a copy of what it writes is
committed as assets/results/NAME.json.
"""
