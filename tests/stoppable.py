"""`python -m tests.stoppable ARGUMENTS`: pytest with these arguments, as `make test` runs it; Ctrl-C ends it at once.

With one line and status 130; pytest's own way prints what it was doing, in each of its processes, and leaves kernels of
notebooks to end by themselves. It is its own plugin, so that xdist's workers load it too.
"""

import signal
import sys

from gancourse import stopping

if __name__ == "__main__":
    stopping.from_here()


def pytest_configure(config):
    if hasattr(config, "workerinput"):  # a worker leaves it to the process that started it; a handler, unlike SIG_IGN,
        signal.signal(signal.SIGINT, lambda *_: None)  # is not inherited by what tests start


def main():
    import pytest

    return int(pytest.main([*sys.argv[1:], "-p", "tests.stoppable"]))


if __name__ == "__main__":
    stopping.program(main)
