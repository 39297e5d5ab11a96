"""A notebook that is run again keeps its widgets as they were set: each takes over from its predecessor in the cell.

JupyterLab, Notebook 7 and VS Code tell the kernel which cell it runs. Where nobody does, and for a cell that was never
run in this kernel, widgets start afresh. The predecessor is closed, so that running all cells again and again does not
fill the memory with figures (and generators) that nobody sees.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import ipywidgets as w

_Key = tuple[str, str, int]  # cell, class of the figure, its place among those of this class in the cell
_shown: dict[_Key, tuple[str, Any]] = {}  # -> (the message that ran the cell, the figure)


def _cell() -> tuple[str, str] | None:
    """The cell that is being run and the message that asked for it, or None."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython is not None else None
    with contextlib.suppress(AttributeError, LookupError, TypeError):
        parent = kernel.get_parent()  # type: ignore[union-attr]
        return str(parent["metadata"]["cellId"]), str(parent["header"]["msg_id"])
    return None


@contextlib.contextmanager
def state(figure: Any) -> Iterator[None]:
    """Give a new figure the values of its predecessor's `.controls` and its `extra()`, and close the predecessor.

    The body, which connects the controls, runs after their values are set.
    """
    old = _replace(figure)
    if old is not None:
        for name, control in figure.controls.items():
            if name in old.controls:
                with contextlib.suppress(Exception):  # other options than before: the default stays
                    control.value = old.controls[name].value
        if old.tool is not None and figure.tool is not None:
            with contextlib.suppress(LookupError, TypeError, ValueError):
                figure.restore(old.extra())
        _close(old)
    yield


def _replace(figure: Any) -> Any:
    where = _cell()
    if where is None:
        return None
    cell, run = where
    place = 0
    while (key := (cell, type(figure).__name__, place)) in _shown and _shown[key][0] == run:
        place += 1
    old = _shown.get(key)
    _shown[key] = run, figure
    return None if old is None else old[1]


def _close(box: w.Widget) -> None:
    for child in getattr(box, "children", ()):
        _close(child)
    box.close()
