"""The live training dashboard: one picture, replaced after every epoch.

    board = Dashboard("P1's MLP")
    display(board)
    trainer.fit(watch=board)

and, in a cell of its own, `board.show("2.6", caption)` leaves the last picture in the notebook, for those who read it
where no kernel runs.
"""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as w

from gancourse import dashboard, plots
from gancourse.training.trainer import Row, Trainer


class Dashboard(w.VBox):
    """A training run as it goes: give it to `Trainer.fit(watch=...)`. .history and .samples are the newest ones."""

    def __init__(self, title: str = "", loss: str = "non_saturating") -> None:
        self.title, self.loss = title, loss
        self.history: list[Row] = []
        self.samples: Any = None
        self.picture = w.Image(format="png", layout=w.Layout(width="1040px", max_width="100%", height="auto"))
        self.status = w.HTML()
        super().__init__([self.picture, self.status])
        self.add_class("gc-dashboard")
        self._say()

    def __call__(self, trainer: Trainer) -> None:
        """Show where `trainer` is now."""
        self.history, self.samples = list(trainer.history), trainer.samples.get(trainer.epoch)
        self._draw()

    def _draw(self) -> None:
        figure = dashboard.picture(self.history, self.samples, self.title, self.loss)
        self.picture.value = plots.to_png(figure, tight=False)
        self._say()

    def _say(self) -> None:
        self.text = ". ".join(part for part in (self.title, dashboard.describe(self.history)) if part)
        self.status.value = f'<div role="status" aria-live="polite">{html.escape(self.text)}</div>'

    def show(self, number: str, caption: str) -> None:
        """Publish the picture as it is now as a figure of the notebook, as `plots.show` does."""
        alt = f"Training dashboard. {self.text}"
        plots.show(dashboard.picture(self.history, self.samples, self.title, self.loss), number, caption, alt)

    def __repr__(self) -> str:  # the default lists every value, and notebooks are compared by it
        return "Training dashboard (live while the notebook runs)"
