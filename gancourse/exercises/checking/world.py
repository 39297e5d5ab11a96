"""What an answer can change for the whole notebook, and how it is put back: functions of torch, settings, seeds."""

from __future__ import annotations

import math
import random
import statistics
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

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
def kept_world() -> Iterator[World]:
    """A block in torch's usual settings, with random numbers of its own; afterwards all is as it was."""
    python, numpy = random.getstate(), np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    world = World()
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.default_generator.manual_seed(0)  # not torch.manual_seed: that would reseed the GPU as well
            random.seed(0)
            np.random.seed(0)
            yield world
    finally:
        world.leave()
        random.setstate(python)
        np.random.set_state(numpy)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
