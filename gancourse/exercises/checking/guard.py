"""What surrounds a check: an answer may loop for ever, print a thousand lines, or change torch for the whole notebook.

`within` stops a function after some seconds, `Transcript` takes what is printed, and `kept_world` puts torch, numpy
and `random` back as they were.

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
import math
import random
import signal
import statistics
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

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
                if done.is_set():
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


# --- what an answer can change for everybody ----------------------------------------------------------------------

_MODULES = {
    "torch": torch,
    "torch.nn": torch.nn,
    "torch.nn.functional": torch.nn.functional,
    "torch.nn.init": torch.nn.init,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.random": torch.random,
    "numpy": np,
    "math": math,
    "random": random,
    "statistics": statistics,
}
_OURS = (types.FunctionType, types.BuiltinFunctionType, type, staticmethod, classmethod, property)
_HOMES = tuple(str(Path(module.__file__ or "").parent) for module in (torch, np))


def _functions(owner: Any) -> dict[str, Any]:
    return {name: thing for name, thing in vars(owner).items() if isinstance(thing, _OURS) or callable(thing)}


def _owners() -> dict[str, tuple[Any, dict[str, Any], set[str]]]:
    """Name -> a module or class of torch, its functions by name, and the names that a class inherits."""
    owners: dict[str, Any] = dict(_MODULES)
    owners["torch.Tensor"] = torch.Tensor
    owners |= {f"torch.nn.{name}": thing for name, thing in vars(torch.nn).items() if isinstance(thing, type)}
    found = {}
    for label, owner in owners.items():
        bases = owner.__mro__[1:] if isinstance(owner, type) else ()
        found[label] = (owner, _functions(owner), {name for base in bases for name in vars(base)})
    return found


_OWNERS = _owners()  # as they are when this module is imported: before any answer is


def _own_doing(new: Any, old: Any) -> bool:
    """Whether a library has replaced a function of its own, as torch's compiler does when it is first needed."""
    code = getattr(new, "__code__", None)
    home = code is not None and code.co_filename.startswith(_HOMES)
    return home and getattr(new, "__name__", "") == getattr(old, "__name__", None)


_MISSING = object()


def _replaced() -> list[tuple[str, Any, str, Any, Any]]:
    """(full name, owner, name, what stands there now, what belongs there) of every function that was replaced."""
    found = []
    for label, (owner, functions, inherited) in _OWNERS.items():
        now = vars(owner)
        for name, thing in functions.items():
            there = now.get(name, _MISSING)
            if there is not thing and not _own_doing(there, thing):
                found.append((f"{label}.{name}", owner, name, there, thing))
        if inherited and len(now) > len(functions):
            found += [
                (f"{label}.{name}", owner, name, now[name], _MISSING)
                for name in list(now)
                if name in inherited and name not in functions and callable(now[name]) and not name.startswith("__")
            ]
    return found


def _put(owner: Any, name: str, thing: Any) -> None:
    if thing is _MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, thing)


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _cudnn() -> tuple[bool, bool]:
    return torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic


def _set_cudnn(flags: tuple[bool, bool]) -> None:
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = flags


# What it is, how it is read, how it is set, and what to do instead of changing it
_SETTINGS: list[tuple[str, Callable[[], Any], Callable[[Any], Any], str]] = [
    (
        "whether gradients are recorded",
        torch.is_grad_enabled,
        lambda on: torch._C._set_grad_enabled(on),
        "use `with torch.no_grad():`, which ends by itself",
    ),
    (
        "torch's default dtype",
        torch.get_default_dtype,
        torch.set_default_dtype,
        "convert the tensors at hand, with `.double()` or `.float()`",
    ),
    ("torch's default device", torch.get_default_device, _set_device, "move the tensors at hand, with `.to(device)`"),
    ("torch's number of threads", torch.get_num_threads, torch.set_num_threads, "leave it to the notebook"),
    (
        "torch's deterministic mode",
        _deterministic,
        lambda both: torch.use_deterministic_algorithms(both[0], warn_only=both[1]),
        "leave it to the notebook",
    ),
    ("cuDNN's flags", _cudnn, _set_cudnn, "leave them to the notebook"),
    (
        "torch's anomaly detection",
        torch.is_anomaly_enabled,
        lambda on: torch.autograd.set_detect_anomaly(on),
        "use `with torch.autograd.detect_anomaly():`",
    ),
]


class World:
    """What a check found when it began. `mend` puts everything back that an answer has changed since."""

    def __init__(self) -> None:
        self._settings = [read() for _, read, _, _ in _SETTINGS]
        self.replaced = _replaced()  # by the notebook, before the check
        for _, owner, name, _, right in self.replaced:
            _put(owner, name, right)
        torch.set_default_dtype(torch.float32)
        torch._C._set_grad_enabled(True)
        if torch.get_default_device().type != "cpu":
            torch.set_default_device(None)
        self._standard = [read() for _, read, _, _ in _SETTINGS]

    def mend(self) -> str:
        """Put back what was changed since the check began, and say what it was; "" where nothing was."""
        found = _replaced()
        for _, owner, name, _, right in found:
            _put(owner, name, right)
        told = []
        if found:
            names = ", ".join(f"`{full}`" for full, *_ in found[:3]) + (" and others" if len(found) > 3 else "")
            told.append(f"It replaces {names} for the whole notebook: give a function of your own a name of its own.")
        for (what, read, write, instead), value in zip(_SETTINGS, self._standard, strict=True):
            if read() != value:
                write(value)
                told.append(f"It leaves {what} changed for the whole notebook: {instead}.")
        return " ".join(told) + " (It has been put back.)" if told else ""

    def leave(self) -> None:
        """Give the notebook back what it had, its own replacements included."""
        self.mend()
        for (_, read, write, _), value in zip(_SETTINGS, self._settings, strict=True):
            if read() != value:
                write(value)
        for _, owner, name, theirs, _ in self.replaced:
            _put(owner, name, theirs)

    def note(self) -> str:
        """What to add to a verdict, where the notebook had replaced functions before the check."""
        if not self.replaced:
            return ""
        names = ", ".join(f"`{full}`" for full, *_ in self.replaced[:3])
        return f"\n(This notebook has replaced {names}. The check used the library's own.)"


@contextmanager
def kept_world(seed: int = 0) -> Iterator[World]:
    """A block in torch's usual settings, with random numbers of its own; afterwards all is as it was."""
    python, numpy = random.getstate(), np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    world = World()
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.default_generator.manual_seed(seed)  # not torch.manual_seed: that would reseed the GPU as well
            random.seed(seed)
            np.random.seed(seed)
            yield world
    finally:
        world.leave()
        random.setstate(python)
        np.random.set_state(numpy)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
