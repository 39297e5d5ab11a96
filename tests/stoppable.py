"""`python -m tests.stoppable ARGUMENTS`: pytest with these arguments, as `make test` runs it; Ctrl-C ends it at once.

With one line and status 130; pytest's own way prints what it was doing, in each of its processes, and leaves kernels of
notebooks to end by themselves. It is its own plugin, so that xdist's workers load it too.
"""

import signal
import sys

import pytest

from gancourse import stopping

_BLOCK = hasattr(signal, "pthread_sigmask")  # not on Windows

if __name__ == "__main__":
    stopping.from_here()


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session):
    """Workers are started with SIGINT held back, until they come to `pytest_configure`.

    Before that nothing of ours runs in them, and Ctrl-C would be the traceback of a Python that is starting.
    """
    if _BLOCK:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return (yield)
    finally:
        if _BLOCK:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def pytest_configure(config):
    if hasattr(config, "workerinput"):  # a worker leaves it to the process that started it; a handler, unlike SIG_IGN,
        signal.signal(signal.SIGINT, lambda *_: None)  # is not inherited by what tests start
        if _BLOCK:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def main():
    return int(pytest.main([*sys.argv[1:], "-p", "tests.stoppable"]))


if __name__ == "__main__":
    stopping.program(main)
