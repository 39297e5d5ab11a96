"""Widgets that judge samples: `epochs_scrubber`, `real_or_fake`, `nearest_neighbours`.

As in gancourse.latent_widgets, each is a tool of gancourse.tools with controls around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as w
from torch import nn

from gancourse import tools
from gancourse.controls import LABEL, button, number
from gancourse.data.images import Images
from gancourse.latent import LatentError
from gancourse.tool_figure import SEEDS, WRAP, ToolFigure, seed_control
from gancourse.training.run import Run, RunError


class EpochsScrubber(ToolFigure):
    """One slider through the epochs of a run: the same z each time, and a cursor on the loss curves."""

    title = "Epochs: the same z through training"

    def __init__(self, run: Any, history: Sequence[Mapping[str, Any]] | None = None) -> None:
        self.make(lambda: tools.Scrubber(*_run(run, history)))
        epochs = [0] if self.tool is None else self.tool.epochs
        self.before, self.after = button("Earlier"), button("Later")
        self.controls = {
            "epoch": w.SelectionSlider(
                options=epochs, value=epochs[-1], description="Epoch", style=LABEL, layout=w.Layout(width="520px")
            )
        }
        self.before.on_click(lambda _: self.go(-1))
        self.after.on_click(lambda _: self.go(1))
        row = w.HBox([self.controls["epoch"], self.before, self.after], layout=WRAP)
        self.assemble([row], "gc-epochs")

    def apply(self) -> None:
        if self.tool is not None:
            self.tool.epoch = self.controls["epoch"].value

    def go(self, by: int) -> None:
        """One place along the epochs that have samples."""
        if self.tool is not None:
            place = self.tool.epochs.index(self.tool.epoch) + by
            place = min(max(place, 0), len(self.tool.epochs) - 1)
            self.set("", epoch=self.tool.epochs[place])

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        epoch = self.tool.place(x, y)
        if epoch is not None and epoch != self.tool.epoch:
            self.set("", epoch=epoch)


def _run(
    run: Any, history: Sequence[Mapping[str, Any]] | None
) -> tuple[Mapping[int, Any], Sequence[Mapping[str, Any]]]:
    """Samples and history of whatever stands for a run."""
    if isinstance(run, Mapping):
        return run, history or ()
    if hasattr(run, "samples") and not callable(run.samples):  # a Trainer
        return run.samples, run.history if history is None else history
    if isinstance(run, str) and not Path(run).exists():
        from gancourse import pretrained

        return pretrained.strip(run), pretrained.card(run)["history"] if history is None else history
    try:
        folder = run if isinstance(run, Run) else Run(run)
        return folder.samples(), folder.history() if history is None else history
    except (RunError, TypeError) as error:
        raise LatentError(f"no run can be read from {run!r}: {error}") from error


class RealOrFake(ToolFigure):
    """Twenty images, two buttons, a score with its confidence interval beside D's own."""

    title = "Real or generated?"

    def __init__(self, G: nn.Module, D: nn.Module | None = None, images: Images | None = None, n: int = 20) -> None:
        self.make(lambda: tools.RealOrFake(G, D, images, n))
        self.real, self.fake, self.again = button("Real", "primary"), button("Generated"), button("New round")
        self.controls = {}
        self.real.on_click(lambda _: self.answer(True))
        self.fake.on_click(lambda _: self.answer(False))
        self.again.on_click(lambda _: self.start())
        self.assemble([w.HBox([self.real, self.fake, self.again], layout=WRAP)], "gc-real-or-fake")

    def answer(self, real: bool) -> None:
        if self.tool is not None:
            over = self.tool.over
            self.tool.answer(real)
            self.show("Press New round for twenty other images." if over else "")

    def start(self) -> None:
        if self.tool is not None:
            try:
                self.tool.start(self.tool.round + 1)
            except LatentError as error:
                self.tool, self.trouble = None, str(error)
            self.show("A new round.")

    def extra(self) -> Any:
        return self.tool.round, list(self.tool.answers)

    def restore(self, extra: Any) -> None:
        number, answers = extra
        self.tool.start(number)
        for real in answers:
            self.tool.answer(real)


class NearestNeighbours(ToolFigure):
    """Samples, and the training images that are closest to the chosen one."""

    title = "Nearest neighbours: is it a copy?"

    def __init__(self, G: nn.Module, images: Images | None = None, seed: int = 0) -> None:
        self.make(lambda: tools.Neighbours(G, images, seed))
        n = 16 if self.tool is None else self.tool.sheet.n
        self.roll = button("Re-roll", "primary")
        self.controls = {"sample": number("Sample", 1, 1, n), "seed": seed_control(seed)}
        self.roll.on_click(lambda _: self.set("New samples.", seed=(self.controls["seed"].value + 1) % (SEEDS + 1)))
        self.assemble([w.HBox([*self.controls.values(), self.roll], layout=WRAP)], "gc-neighbours")

    def apply(self) -> None:
        if self.tool is not None:
            self.tool.chosen = self.controls["sample"].value - 1
            if self.tool.seed != self.controls["seed"].value:
                self.tool.roll(self.controls["seed"].value)

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if pressed and (i := self.tool.sheet.at(x, y)) is not None:
            self.set("", sample=i + 1)


def epochs_scrubber(run: Any, history: Sequence[Mapping[str, Any]] | None = None) -> EpochsScrubber:
    """The same z through the epochs of a run: a Trainer, a run folder, a name of `pretrained`, or {epoch: images}.

    history: rows with epoch, loss_d and loss_g, for {epoch: images}; a run's own otherwise.
    """
    return EpochsScrubber(run, history)


def real_or_fake(G: nn.Module, D: nn.Module | None = None, images: Images | None = None, n: int = 20) -> RealOrFake:
    """Play discriminator on n images: real ones (MNIST's test images where none are given), and G's."""
    return RealOrFake(G, D, images, n)


def nearest_neighbours(G: nn.Module, images: Images | None = None, seed: int = 0) -> NearestNeighbours:
    """Choose a sample of G and see the closest training images (MNIST's where none are given)."""
    return NearestNeighbours(G, images, seed)
