"""The live training dashboard: one picture, replaced after every epoch.

    board = Dashboard("P1's MLP")
    display(board)
    trainer.fit(watch=board)

and, in a cell of its own, `board.show("2.6", caption)` leaves the last picture in the notebook, for those who read it
where no kernel runs.
"""

from __future__ import annotations

from typing import Any

from gancourse import plots
from gancourse.plots import dashboard
from gancourse.training.history import History
from gancourse.training.trainer import Trainer
from gancourse.widgets.figure import Figure


class Dashboard(Figure):
    """A training run as it goes: give it to `Trainer.fit(watch=...)`. .history and .samples are the newest ones.

    name: of the run, written above the picture.
    """

    title, hint, css_class = "Training dashboard", "live while the notebook runs", "gc-dashboard"

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.history = History()
        self.samples: Any = None
        super().__init__(width=dashboard.WIDTH)
        self._say()

    def __call__(self, trainer: Trainer) -> None:
        """Show where `trainer` is now."""
        self.history = History(trainer.history, trainer.history.marks)
        self.samples = trainer.samples.get(trainer.epoch)
        self.picture.value = plots.to_png(self._draw(), tight=False)
        self._say()

    def _draw(self) -> Any:
        return dashboard.picture(self.history, self.samples, self.name)

    def _say(self) -> None:
        self.text = ". ".join(part for part in (self.name, dashboard.describe(self.history)) if part)
        self.say(self.text)

    def show(self, number: str, caption: str) -> None:
        """Publish the picture as it is now as a figure of the notebook, as `plots.show` does."""
        plots.show(self._draw(), number, caption, f"{self.title}. {self.text}")
