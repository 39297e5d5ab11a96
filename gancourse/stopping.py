"""What Ctrl-C does to a program of the course, at any moment: one line, exit status 130, and no child left running.

A program is a module that is run as `python -m`. It calls `from_here` before its other imports, so that an interrupt
while these are loaded (seconds, with torch) is no traceback either, and `program` at its end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

_last: list[Callable[[], Any]] = []


def from_here() -> None:
    """From now on an interrupt ends this process at once, and its children; the line is "stopped".

    Does nothing where interrupts are ignored, as in a job in the background of a script, nor outside the main thread.
    """
    _on_interrupt(_at_once)


def _at_once(signum: int, frame: Any) -> None:
    leave()


def at_the_end(last: Callable[[], Any]) -> None:
    """Have `last` called when an interrupt has ended the children."""
    _last.append(last)


def interruptible() -> None:
    """From now on an interrupt raises KeyboardInterrupt, for a command that has something to keep.

    Only in a program that has called `from_here`; elsewhere everything stays as it is.
    """
    if signal.getsignal(signal.SIGINT) is _at_once:
        _on_interrupt(signal.default_int_handler)


def leave(line: str = "stopped") -> NoReturn:
    """End the children, print the line (none if it is empty), and leave with status 130, whatever signals come."""
    with contextlib.suppress(ValueError):  # outside the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_children()
    for last in _last:
        with contextlib.suppress(Exception):
            last()
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        sys.stdout.flush()
    if line:
        with contextlib.suppress(OSError):
            os.write(2, ("\r\x1b[K" if sys.stderr and sys.stderr.isatty() else "").encode() + f"{line}\n".encode())
    os._exit(130)  # what other libraries do when an interpreter ends would print tracebacks


def program(main: Callable[[], int | None]) -> NoReturn:
    """Run `main` and leave with the status that it returns; 130 means that it was stopped, and has said so."""
    line = ""
    try:
        status = main() or 0
    except KeyboardInterrupt:
        status, line = 130, "stopped"
    if status == 130:
        leave(line=line)
    from_here()  # the interpreter takes a moment to end
    sys.exit(status)


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """An interrupt in this block is heard at its end, so that what the block writes is whole (not on Windows)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_children() -> None:
    """Kill the processes that this one has started, and theirs; where psutil is not installed, none are."""
    try:
        import psutil
    except ImportError:
        return
    for _ in range(3):  # a child may be starting another meanwhile
        with contextlib.suppress(psutil.Error):
            children = psutil.Process().children(recursive=True)
            for child in children:
                with contextlib.suppress(psutil.Error):
                    child.kill()
            psutil.wait_procs(children, timeout=2)


def _on_interrupt(handler: Any) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, handler)
