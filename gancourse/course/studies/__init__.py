"""Studies: runs that take too long for a notebook, each a named recipe whose results are committed as data.

`python -m gancourse reproduce NAME` runs gancourse/studies/NAME.py and writes assets/results/NAME.json.
"""
