"""What a cell that compares trainings asks first: the stop button may have ended one of them before its time."""

from __future__ import annotations

from collections.abc import Mapping, Sized

from gancourse.training.trainer import Trainer, TrainingStopped


def need_all(trained: Sized, count: int) -> None:
    """Raise TrainingStopped, one line in a notebook, where fewer than `count` trainings have left something.

    trained: what an earlier cell keeps of each of its trainings once that has come to its end.
    """
    if len(trained) < count:
        raise TrainingStopped(
            f"this cell compares {count} trainings, of which {len(trained) or 'none'} came to the end. Run the cell "
            "that trains them again before you go on."
        )


def note_stops(runs: Mapping[str, Trainer]) -> None:
    """Print a line where one of these runs was stopped, or has another number of epochs; nothing where all are whole.

    runs: name -> its trainer, of two or more that are compared.
    """
    done = {run.epoch for run in runs.values()}
    if len(done) > 1 or any(run.epoch < run.config.epochs for run in runs.values()):
        has = ", ".join(f"{name} has {run.epoch} of its {run.config.epochs} epochs" for name, run in runs.items())
        print(f"note: these were not trained alike: {has}")
