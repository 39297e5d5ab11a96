"""The course's interactive figures: `playground()` and `optimal_discriminator_explorer()`, and those of
gancourse.latent_widgets and gancourse.sample_widgets, which steer and judge a generator.

They use only what ipywidgets 7.7.1 (Google Colab) and 8 share. Each is one picture, replaced in place, with labelled
controls and a line that says in words what changed. Where there is no kernel (GitHub, HTML pages) the picture is shown.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import ipywidgets as w
from torch import Tensor

from gancourse import pictures, theory
from gancourse.controls import LABEL
from gancourse.controls import Figure as _Figure
from gancourse.controls import button as _button
from gancourse.controls import choice as _choice
from gancourse.controls import float_slider as _float
from gancourse.controls import number as _number
from gancourse.latent_widgets import arithmetic, interpolator, latent_explorer, seed_map
from gancourse.pointer import Pointer
from gancourse.sample_widgets import epochs_scrubber, nearest_neighbours, real_or_fake
from gancourse.theory import plane
from gancourse.theory.minimax import Density, Mixture, Normal, Uniform
from gancourse.theory.playground import Game, Settings, Who, as_points, replay

__all__ = [
    "arithmetic",
    "epochs_scrubber",
    "interpolator",
    "latent_explorer",
    "nearest_neighbours",
    "optimal_discriminator_explorer",
    "playground",
    "real_or_fake",
    "seed_map",
]

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
WIDTHS = (4, 8, 16, 32, 64, 128)
PACES = {
    "slow motion": (1, 0.4),
    "1 round a picture": (1, 0.05),
    "at most 5 rounds": (5, 0.05),
    "at most 20": (20, 0.05),
}
LONGEST_PLAY = 0.025  # seconds of rounds for one picture, which itself takes about as long: together under 60 ms
BRUSH = 0.15  # a drag leaves points this far apart in the plane, or a little more
STATIC_ROUNDS = 300  # of the game whose picture stands in for the widget where nothing runs


class Playground(_Figure):
    """GAN Lab's controls over `gancourse.training.step.train_step`; .game is the game that is shown."""

    title = "Playground: a generator and a discriminator on points in the plane"

    def __init__(self, seed: int = 0) -> None:
        s = self.settings = Settings(seed=seed)
        names = {"step_d": "Step D", "step_g": "Step G", "step_both": "Step both", "reset": "Reset"}
        self.buttons = {name: _button(label) for name, label in names.items()}
        self.run, self.pause = _button("Run", "primary"), _button("Pause")
        losses = [("non-saturating", "non_saturating"), ("saturating", "saturating")]
        self.controls: dict[str, Any] = {
            "data": _choice("Data", [*plane.SHAPES, "formula", "drawn"], s.data),
            "loss": _choice("Loss of G", losses, s.loss),
            "k": _number("k: D per G", s.k, 1, 10),
            "optimiser": _choice("Optimiser", ["Adam", "SGD"], s.optimiser),
            "lr_d": _choice("Learning rate D", [(f"{r:g}", r) for r in RATES], s.lr_d),
            "lr_g": _choice("Learning rate G", [(f"{r:g}", r) for r in RATES], s.lr_g),
            "layers_d": _number("Layers of D", s.layers_d, 1, 4),
            "layers_g": _number("Layers of G", s.layers_g, 1, 4),
            "width_d": _choice("Width of D", WIDTHS, s.width_d),
            "width_g": _choice("Width of G", WIDTHS, s.width_g),
        }
        self.pace = _choice("Pace of Run", list(PACES), "at most 5 rounds")
        self.formula = w.Text(
            description="x(t), y(t)",
            value=s.formula,
            continuous_update=False,
            style=LABEL,
            layout=w.Layout(width="420px"),
        )
        self.pen = {"x": _float("Point at x", 0.0, -2.8, 2.8), "y": _float("and y", 0.0, -2.8, 2.8)}
        self.add, self.clear = _button("Add point"), _button("Clear")
        self._drawing = w.HBox([*self.pen.values(), self.add, self.clear], layout=w.Layout(flex_flow="row wrap"))
        self._task: asyncio.Task[None] | None = None
        wrap = w.Layout(flex_flow="row wrap")
        row = w.HBox([self.run, self.pause, *self.buttons.values()], layout=wrap)
        names_of_rows = ("data loss optimiser", "lr_d layers_d width_d", "lr_g layers_g width_g")
        chosen = [[self.controls[name] for name in names.split()] for names in names_of_rows]
        rows = [w.HBox(controls, layout=wrap) for controls in (*chosen, [self.controls["k"], self.pace])]
        super().__init__([row, rows[0], self.formula, self._drawing, *rows[1:]], "gc-playground")
        self.pointer = Pointer(self.picture, self, self._pressed)
        steps: tuple[tuple[str, Who], ...] = (("step_d", "D"), ("step_g", "G"), ("step_both", "both"))
        for name, who in steps:
            self.buttons[name].on_click(lambda _, who=who: self.step(who))
        self.buttons["reset"].on_click(lambda _: self.new_game("Reset: new networks."))
        self.run.on_click(lambda _: self.start())
        self.pause.on_click(lambda _: self.stop("Paused."))
        self.add.on_click(lambda _: self.draw_point(self.pen["x"].value, self.pen["y"].value))
        self.clear.on_click(lambda _: self._draw(()))
        self.formula.observe(lambda change: self._set("formula", change["new"]), "value")
        for name, control in self.controls.items():
            control.observe(lambda change, name=name: self._set(name, change["new"]), "value")
        self.new_game("Ready.")

    @property
    def empty(self) -> bool:
        """Whether the data is to be drawn and nothing has been drawn yet: then there is nothing to play."""
        return self.settings.data == "drawn" and not self.settings.drawn

    def new_game(self, why: str) -> None:
        """Fresh networks for the present settings; a source of data that cannot be used leaves the old game."""
        self.stop()
        self.formula.layout.display = "" if self.settings.data == "formula" else "none"
        self._drawing.layout.display = "" if self.settings.data == "drawn" else "none"
        self.pointer.active = self.settings.data == "drawn"
        if self.empty:
            how = "Press or drag in the picture" if self.pointer.works else "Press Add point"
            self.picture.value = pictures.empty_plane(f"{how} to draw the data.")
            self.say(f"No points are drawn yet. {how} to draw the data; the sliders x and y move Add point.")
            return
        try:
            self.game = Game(self.settings)
        except ValueError as error:
            self.say(f"Nothing has changed: {error}.")
            return
        self.show(why)

    def step(self, who: Who) -> None:
        self.stop()
        if self.empty:
            self.say("No points are drawn yet: there is no data to play on.")
            return
        if self.game.step(who):
            self.game.measure()
        label = {"D": "One step of D.", "G": "One step of G.", "both": f"D {self.settings.k} times, then G once."}
        self.show(label[who])

    def show(self, why: str = "") -> None:
        self.picture.value = pictures.game_picture(self.game)
        self.say(f"{why} {self.game.describe()}")

    def draw_point(self, x: float, y: float) -> None:
        """Add a point to the drawn data and start a new game on it."""
        self._draw((*self.settings.drawn, *as_points([(x, y)])))

    def _pressed(self, x: float, y: float, pressed: bool) -> None:
        """A press leaves one point; a drag leaves them all along its way, also where the page reported few places."""
        place = pictures.in_the_plane(x, y)
        if self.settings.data != "drawn" or place is None:
            return
        if pressed or not self.settings.drawn:
            self.draw_point(*place)
            return
        start = self.settings.drawn[-1]
        n = int(math.dist(start, place) / BRUSH)
        if n:
            shares = [i / n for i in range(1, n + 1)]
            way = [(start[0] + t * (place[0] - start[0]), start[1] + t * (place[1] - start[1])) for t in shares]
            self._draw((*self.settings.drawn, *as_points(way)))

    def _draw(self, drawn: tuple[tuple[float, float], ...]) -> None:
        self.settings.drawn = drawn
        self.new_game(f"{len(drawn)} {'point is' if len(drawn) == 1 else 'points are'} drawn.")

    def _set(self, name: str, value: Any) -> None:
        setattr(self.settings, name, value)
        label = self.controls[name].description if name in self.controls else "The formula"
        if name in ("lr_d", "lr_g"):
            self.game.set_rates(self.settings.lr_d, self.settings.lr_g)
        elif name == "optimiser":
            self.game.use_optimiser(value)
        elif name not in ("loss", "k"):
            self.new_game(f"{label} is {value} now: new networks.")
            return
        self.show(f"{label} is {value} now.")

    # ------------------------------------------------------------------------------------------------- running

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Play until paused, as a task in the kernel's own loop: no thread, so that the controls stay live."""
        if self.running:
            return
        if self.empty:
            self.say("No points are drawn yet: there is no data to play on.")
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.say("Run needs a Jupyter kernel; the step buttons work here.")
            return
        self.say("Running.")
        self._task = loop.create_task(self._play())

    def stop(self, why: str = "") -> None:
        """Stop playing; with `why`, say so."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if why:
            self.show(why)

    async def _play(self) -> None:
        spoken = time.monotonic()
        while not self.game.trouble:
            start = time.monotonic()
            rounds, pause = PACES[self.pace.value]
            self.game.play(rounds, LONGEST_PLAY)
            self.picture.value = pictures.game_picture(self.game)
            if start - spoken > 2:  # a screen reader cannot follow twenty lines a second
                self.say(f"Running. {self.game.describe()}")
                spoken = start
            await asyncio.sleep(max(0.01, pause - (time.monotonic() - start)))
        self.show("Stopped.")

    def still(self) -> tuple[bytes, str]:
        game = replay(Settings(seed=self.settings.seed), STATIC_ROUNDS)
        return pictures.game_picture(game), f"{self.title}, after {STATIC_ROUNDS} rounds. {game.describe()}"


class Explorer(_Figure):
    """Two densities with sliders; D*, V(D*) and the JSD in closed form."""

    title = "Explorer of the optimal discriminator"

    def __init__(self) -> None:
        self.shape = _choice("Data p", ["one hump", "two humps", "uniform"], "one hump")
        self.mean_p = _float("Mean of p", -1.0, -3.0, 3.0)
        self.std_p = _float("Width of p", 0.8, 0.3, 2.0)
        self.mean_q = _float("Mean of q", 1.5, -4.0, 4.0)
        self.std_q = _float("Width of q", 1.2, 0.3, 2.0)
        self._x = theory.grid(-15.0, 15.0, 1500)  # wide enough for all the mass at any setting
        self._path: tuple[tuple[Any, ...], list[tuple[float, float]]] = ((), [])
        wrap = w.Layout(flex_flow="row wrap")
        p = w.HBox([self.shape, self.mean_p, self.std_p], layout=wrap)
        below_shape = w.Label("", layout=w.Layout(width="300px"))
        q = w.HBox([below_shape, self.mean_q, self.std_q], layout=wrap)
        super().__init__([w.VBox([p, q])], "gc-explorer")
        for control in (self.shape, self.mean_p, self.std_p, self.mean_q, self.std_q):
            control.observe(lambda _: self.show(), "value")
        self.show()

    def data(self) -> Density:
        """The density p; its standard deviation is the width (uniform) or that of each hump."""
        m, s = self.mean_p.value, self.std_p.value
        if self.shape.value == "two humps":
            return Mixture([0.5, 0.5], [Normal(m - 1.5, s), Normal(m + 1.5, s)])
        if self.shape.value == "uniform":
            return Uniform(m - s * 3**0.5, m + s * 3**0.5)
        return Normal(m, s)

    def _on_grid(self, density: Density) -> Tensor:
        values = density(self._x)
        return values / theory.integrate(values, self._x)  # the edges of a uniform fall between points of the grid

    def show(self) -> None:
        x, data = self._x, self.data()
        p, q = self._on_grid(data), Normal(self.mean_q.value, self.std_q.value)(x)
        key = (self.shape.value, self.mean_p.value, self.std_p.value, self.std_q.value)
        if self._path[0] != key:
            means = [i / 4 for i in range(-16, 17)]
            curve = [float(theory.criterion(p, Normal(m, self.std_q.value)(x), x)) for m in means]
            self._path = key, list(zip(means, curve, strict=True))
        self.picture.value = pictures.explorer_picture(p, q, x, self._path[1], self.mean_q.value)
        self.text = self._words(p, q)
        self.say(self.text)

    def _words(self, p: Any, q: Any) -> str:
        jsd = float(theory.jsd(p, q, self._x))
        value = round(2 * jsd - theory.LOG4, 3) + 0.0  # not −0
        return (
            f"Data: {self.shape.value}, mean {self.mean_p.value:.1f}, width {self.std_p.value:.1f}; generator: mean "
            f"{self.mean_q.value:.1f}, width {self.std_q.value:.1f}. V(D*) = {value:.3f}, "
            f"JSD = {jsd:.3f} of at most {theory.LOG2:.3f}."
        )

    def still(self) -> tuple[bytes, str]:
        return bytes(self.picture.value), f"{self.title}. {self.text}"


def playground(seed: int = 0) -> Playground:
    """GAN Lab's controls over this course's own training step, on points in the plane. Nothing runs until you press."""
    return Playground(seed)


def optimal_discriminator_explorer() -> Explorer:
    """Two densities with sliders: D*(x) = p/(p + q), V(D*) and the Jensen-Shannon divergence (notebook 01, 1.4-1.5)."""
    return Explorer()
