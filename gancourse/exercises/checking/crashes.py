"""A crash inside the student's function in words: its message, where it was, on which input, what to do."""

from __future__ import annotations

import linecache
import re
import textwrap
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import torch


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


def _remedy(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, SystemExit):
        return "It asks Python to end, and would take the notebook with it: `return` the answer instead."
    if isinstance(error, NameError):
        return "Check the spelling of that name, and that the cell which imports or defines it has been run."
    if isinstance(error, TypeError) and ("positional argument" in text or "keyword argument" in text):
        return (
            "Keep the arguments of the stub, in their order; if the call is inside your function, count its arguments."
        )
    if "ifferentiated Tensor" in text:
        return (
            "What you differentiate by must ask for a gradient, `x.requires_grad_()`, before the network is called on "
            "that very tensor."
        )
    if "does not require grad" in text:
        return (
            "The loss is cut off from the weights: look for a `.detach()`, `.item()`, `float()` or `no_grad` "
            "on the way from the network that is trained to the loss."
        )
    if "leaf Variable" in text or "leaf variable" in text:
        return "Weights are changed in place by `nn.init.normal_` and its like, or inside `with torch.no_grad():`."
    if "onverted to" in text or "must be Tensor" in text or "must be real number" in text:
        return "Functions of `math` take a number, functions of `torch` a tensor: use torch's on tensors."
    if isinstance(error, RuntimeError) and re.search(r"size|shape|dimension", text):
        return "Print the shapes on that line: two of them do not fit."
    return "Call it on such an input in a cell of its own to see the full traceback."
