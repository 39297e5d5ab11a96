"""What surrounds a check: an answer may loop for ever, or print a thousand lines.

`within` stops a function after some seconds, and `Transcript` takes what is printed. What an answer changes for the
whole notebook is put back by `gancourse.exercises.checking.world`.

How `within` stops a function, and what it cannot stop. A second thread raises `OutOfTime` in the one that runs the
function (`PyThreadState_SetAsyncExc`), in a notebook's kernel and in a script, on Linux, macOS and Windows, whether
the function awaits anything or not. Python delivers such an exception between two of its own instructions. So a single
call into compiled code (one huge matrix product, `sum` over an endless iterator) ends first, as it does after Ctrl-C.
Calls that wait for the system (`time.sleep`, a lock) are interrupted on Linux and macOS, in the main thread; on Windows
they end first. Ctrl-C and the kernel's stop button work as ever: no signal that they use is touched.
"""

from __future__ import annotations

import ctypes
import io
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

#: Seconds that one check may take. The slowest reference solution needs a small part of one.
TIME_LIMIT = 30.0
_AGAIN = 0.02  # seconds between two attempts to stop a function that catches everything

T = TypeVar("T")


class OutOfTime(BaseException):
    """Raised in a function that `within` stops; a BaseException, so that `except Exception` lets it through."""


def within(seconds: float, function: Callable[[], T]) -> T:
    """function(), or `OutOfTime` if it has not returned after so many seconds (the module's docstring says how)."""
    thread, lock, done, told = threading.get_ident(), threading.Lock(), threading.Event(), threading.Event()
    wakes = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGURG")

    def watch() -> None:
        if done.wait(seconds):
            return
        while True:
            with lock:  # so that nothing is raised once `finish` is through
                if done.is_set() or not _runs(thread, done):  # `finish` itself may have been struck
                    return
                told.set()
                _raise_in(thread, OutOfTime)
                if wakes:  # a system call that waits is only left for a signal; the default is to ignore this one
                    signal.pthread_kill(thread, signal.SIGURG)
            if done.wait(_AGAIN):  # whoever catches everything is told again
                return

    def finish() -> None:
        while not done.is_set():
            with suppress(OutOfTime), lock:
                done.set()
        if told.is_set():  # one may still be on its way; to cancel it would leave the interpreter on the alert for ever
            with suppress(OutOfTime):
                _raise_in(thread, OutOfTime)
                for _ in range(10_000):
                    pass

    before = signal.signal(signal.SIGURG, lambda *_: None) if wakes else None
    try:
        threading.Thread(target=watch, daemon=True, name="time limit of a check").start()
    except RuntimeError:  # a platform without threads: no limit
        done.set()
    try:
        return function()
    finally:
        finish()
        if wakes:
            signal.signal(signal.SIGURG, before if before is not None else signal.SIG_DFL)


def _runs(thread: int, done: threading.Event) -> bool:
    """Whether the call of `within` that made this event is still under way in the thread."""
    frame = sys._current_frames().get(thread)
    while frame is not None and not (frame.f_code is within.__code__ and frame.f_locals.get("done") is done):
        frame = frame.f_back
    return frame is not None


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise an exception in a thread, at its next instruction; one that was not delivered yet is replaced."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


class Transcript(io.TextIOBase):
    """Takes what is printed: keeps the first lines, each cut to a width, and counts the others."""

    encoding = "utf-8"

    def __init__(self, lines: int = 10, width: int = 200) -> None:
        self.lines, self.width = lines, width
        self._kept: list[str] = []
        self._line = ""
        self._count = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Take a piece of text; returns its length, as files do."""
        first, *others = str(text).split("\n")
        self._line = (self._line + first)[: self.width + 1]
        for piece in others:
            self._end_line()
            self._line = piece[: self.width + 1]
        return len(text)

    def _end_line(self) -> None:
        self._count += 1
        if len(self._kept) < self.lines:
            cut = len(self._line) > self.width
            self._kept.append(self._line[: self.width] + ("..." if cut else ""))

    def text(self) -> str:
        """The first lines, and how many more there were; "" where nothing was printed."""
        if self._line:
            self._end_line()
            self._line = ""
        more = self._count - len(self._kept)
        return "\n".join([*self._kept, *([f"... and {more:,} more lines"] if more else [])])
