"""The history of a run: a row of numbers for each epoch that has ended, and samples by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

Row = dict[str, float]


class History(list[Row]):
    """Rows of floats, one an epoch. .marks: statistic -> (its value at the equilibrium, what to call that)."""

    def __init__(self, rows: Iterable[Row] = (), marks: Mapping[str, tuple[float, str]] | None = None) -> None:
        super().__init__(rows)
        self.marks = dict(marks or {})

    def __getitem__(self, place: Any) -> Any:
        """As a list has it. Raises IndexError, with the remedy, where no epoch has ended yet."""
        if not self and not isinstance(place, slice):
            raise IndexError("there is no row yet: run the training again, and let its first epoch end")
        return super().__getitem__(place)


class Samples(dict[int, Any]):
    """Epoch -> its samples, uint8 tensors (N, C, H, W)."""

    def __missing__(self, epoch: int) -> NoReturn:
        have = ", ".join(map(str, sorted(self))) or "none"
        raise KeyError(
            f"there are no samples of epoch {epoch} (of these there are: {have}). Where the run was stopped before it: "
            "run the training again, and let that epoch end."
        )
