"""A crash inside the student's function in words: its message, where it was, on which input, what to do."""

from __future__ import annotations

import difflib
import dis
import linecache
import re
import textwrap
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

#: How the modules are imported that solutions and hints name, by the names that they have there.
IMPORTS = {
    "F": "import torch.nn.functional as F",
    "functional": "from torch.nn import functional",
    "nn": "from torch import nn",
    "np": "import numpy as np",
    **{name: f"import {name}" for name in ("torch", "math", "itertools", "statistics", "pathlib", "random")},
}

_CUT_OFF = (
    "The loss is cut off from the weights: look for a `.detach()`, `.item()`, `float()` or `no_grad` on the way from "
    "the network that is trained to the loss."
)
_IN_PLACE = "Weights are changed in place by `nn.init.normal_` and its like, or inside `with torch.no_grad():`."

# A part of an exception's message, and what to do; the first that fits is told.
_BY_MESSAGE = [
    (
        "ifferentiated Tensor",
        "What you differentiate by must ask for a gradient, `x.requires_grad_()`, before the network is called on "
        "that very tensor.",
    ),
    ("does not require grad", _CUT_OFF),
    ("only for scalar outputs", "Only a single number can be differentiated: take the mean, or the sum, first."),
    ("[lL]eaf [vV]ariable|as parameter '", _IN_PLACE),
    (
        "onverted to|must be Tensor|must be real number",
        "Functions of `math` take a number, functions of `torch` a tensor: use torch's on tensors.",
    ),
    (
        "Boolean value of Tensor",
        "`max`, `min`, `if`, `and` and `or` ask for one True or False: for each number of a tensor there are "
        "`torch.clamp`, `torch.relu` and `torch.where`.",
    ),
    (r"for \^|bitwise_xor", "A power is `**` in Python: `^` is something else."),
    (
        "between 0 and 1",
        "`binary_cross_entropy` takes probabilities: for logits there is `binary_cross_entropy_with_logits`.",
    ),
    (
        r"torch\.return_types",
        "`sort`, `max(dim)`, `median(dim)` and their like return values and indices: take `.values`.",
    ),
    (
        r"unsupported operand type.*'(tuple|list)'|'(tuple|list)' object has no attribute",
        "There is a list or a tuple where a tensor is needed: take its items one by one, the only one by `[0]`.",
    ),
    (
        "but got float|'float' object cannot be interpreted as an integer",
        "A size is a whole number: `//` divides without a fraction.",
    ),
    (
        "object has no attribute '(weight|bias)'",
        "Not every layer has one: ask what it is first, `isinstance(layer, nn.Conv2d)`.",
    ),
]


def describe(args: Sequence[Any]) -> str:
    """The arguments of a call in words, for messages."""
    words = []
    for value in args:
        if isinstance(value, torch.Tensor):
            words.append(f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}")
        elif isinstance(value, torch.nn.Module | torch.optim.Optimizer) or callable(value):
            words.append(getattr(value, "__name__", type(value).__name__))
        else:
            text = re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # addresses change from run to run
            words.append(textwrap.shorten(text, 60))
    return ", ".join(words) or "no arguments"


def brief(error: BaseException) -> str:
    """An exception's type and the first line of its message, at most 160 characters, without a full stop."""
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{kind}: {textwrap.shorten(lines[0], 160).removesuffix('.')}" if lines else kind


def crash_message(function: Callable[..., Any], args: tuple[Any, ...], error: BaseException) -> str:
    """The message for an exception inside the student's function: what, where, which input, what to do."""
    where = ""
    code = getattr(function, "__code__", None)
    if code is not None:
        frames = [
            (frame, line)
            for frame, line in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == code.co_filename
        ]
        line = linecache.getline(frames[-1][0].f_code.co_filename, frames[-1][1]).strip() if frames else ""
        where = f" at `{line}`" if line else ""
    return f"Your function stopped{where} with {brief(error)}. It was called with {describe(args)}. {_remedy(error)}"


def raised_by(function: Callable[..., Any], error: BaseException) -> bool:
    """Whether a `raise` of the function's own cell made this exception, and no library, as torch for `x ^ 2`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = getattr(function, "__code__", None)
    if trace is None or code is None or trace.tb_frame.f_code.co_filename != code.co_filename:
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _meant(error: BaseException) -> str:
    """The name nearest to one that is misspelt: of the names that the failing line can see, or of its object's
    attributes. "" where there is none near. Python finds one only when it prints a traceback, which nobody does here.
    """
    if isinstance(error, NameError) and error.__traceback__ is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        last = frames[-1]
        own = [frame for frame in frames if frame.f_code.co_filename == last.f_code.co_filename]
        known = [*(name for frame in own for name in frame.f_locals), *last.f_globals, *last.f_builtins, *IMPORTS]
    elif isinstance(error, AttributeError):
        known = dir(error.obj)
    else:
        return ""
    name = error.name or ""
    private = name.startswith("_")
    others = {other.lower(): other for other in reversed(known) if private or not other.startswith("_")}
    near = difflib.get_close_matches(name.lower(), others, n=1, cutoff=0.75) if name not in known else []
    return others[near[0]] if near else ""


def _remedy(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, SystemExit):
        return "It asks Python to end, and would take the notebook with it: `return` the answer instead."
    if isinstance(error, UnboundLocalError):
        return "It has no value yet on that line: it is assigned further down, or in a branch that was not taken."
    if isinstance(error, NameError) and error.name in IMPORTS:
        return f"This notebook has not imported it: write `{IMPORTS[error.name]}` above your function."
    if isinstance(error, AttributeError) and isinstance(error.obj, types.ModuleType | torch.Tensor):
        place = getattr(error.obj, "__name__", "torch")
        if place in ("torch", "torch.nn") and callable(getattr(functional, error.name or "", None)):
            return f"It is a function of `torch.nn.functional`: `F.{error.name}`, behind `{IMPORTS['F']}`."
    if meant := _meant(error):
        return f"Did you mean `{meant}`?"
    if isinstance(error, NameError):
        return "Check the spelling of that name, and that the cell which imports or defines it has been run."
    for pattern, remedy in _BY_MESSAGE:
        if re.search(pattern, text):
            return remedy
    if isinstance(error, TypeError) and ("positional argument" in text or "keyword argument" in text):
        return (
            "Keep the arguments of the stub, in their order; if the call is inside your function, count its arguments."
        )
    if isinstance(error, RuntimeError | ValueError) and re.search(r"size|shape|dimension|number of columns", text):
        return "Print the shapes on that line: two of them do not fit."
    return "Call it on such an input in a cell of its own to see the full traceback."
