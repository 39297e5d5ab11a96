"""The playground: GAN Lab's controls over the course's own training step, on points in the plane, and its picture.

gancourse.theory.playground plays the game; here it is shown and steered.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import ipywidgets as w
import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Tensor

from gancourse import theory
from gancourse.models.spectral import normalised
from gancourse.plots.style import COLOURS
from gancourse.theory import plane
from gancourse.theory.plane import VIEW, as_points
from gancourse.theory.playground import CONSTRAINTS, LOSS_NAMES, Game, Settings, Who, replay
from gancourse.widgets.figure import LABEL, WHOLE, Figure, button, choice, float_slider, in_row, number
from gancourse.widgets.page import PALE, SIZE, Box, Canvas, in_box
from gancourse.widgets.pointer import Pointer

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
WEIGHTS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
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
BANDS = 20  # shades of D from its lowest to its highest value

MAIN: Box = (6, 28, 406, 428)
GRID: Box = (430, 28, 660, 258)
LOSSES: Box = (690, 28, 920, 258)
JSD: Box = (430, 306, 660, 428)


class Playground(Figure):
    """GAN Lab's controls over `gancourse.training.step.train_step`; .game is the game that is shown.

    Nothing runs until you press. The same seed gives the same networks.
    """

    title = "Playground: a generator and a discriminator on points in the plane"
    css_class = "gc-playground"

    def __init__(self, seed: int = 0) -> None:
        s = self.settings = Settings(seed=seed)
        self.run, self.pause = button("Run", self.start, "primary"), button("Pause", lambda: self.stop("Paused."))
        self.buttons = {
            "step_d": button("Step D", lambda: self.step("D")),
            "step_g": button("Step G", lambda: self.step("G")),
            "step_both": button("Step both", lambda: self.step("both")),
            "reset": button("Reset", lambda: self.new_game("Reset: new networks.")),
        }
        losses, constraints = ([(_words(name), name) for name in names] for names in (LOSS_NAMES, CONSTRAINTS))
        rates = [(f"{r:g}", r) for r in RATES]
        self.controls: dict[str, Any] = {
            "data": choice("Data", [*plane.SHAPES, "formula", "drawn"], s.data),
            "loss": choice("Loss", losses, s.loss),
            "constraint": choice("Constraint of D", constraints, s.constraint),
            "weight": choice("c, λ or γ", [(f"{v:g}", v) for v in WEIGHTS], s.weight),
            "k": number("k: D per G", s.k, 1, 10),
            "optimiser": choice("Optimiser", ["Adam", "SGD"], s.optimiser),
            "lr_d": choice("Learning rate D", rates, s.lr_d),
            "lr_g": choice("Learning rate G", rates, s.lr_g),
            "layers_d": number("Layers of D", s.layers_d, 1, 4),
            "layers_g": number("Layers of G", s.layers_g, 1, 4),
            "width_d": choice("Width of D", WIDTHS, s.width_d),
            "width_g": choice("Width of G", WIDTHS, s.width_g),
        }
        self.pace = choice("Pace of Run", list(PACES), "at most 5 rounds")
        width = w.Layout(width="420px", max_width=WHOLE)
        self.formula = w.Text(
            description="x(t), y(t)", value=s.formula, continuous_update=False, style=LABEL, layout=width
        )
        x, y = float_slider("Point at x", 0.0, -2.8, 2.8), float_slider("and y", 0.0, -2.8, 2.8)
        self.pen = {"x": x, "y": y}
        self.add = button("Add point", lambda: self.draw_point(x.value, y.value))
        self.clear = button("Clear", lambda: self._draw(()))
        self._drawing = w.HBox([x, y, self.add, self.clear], layout=w.Layout(flex_flow="row wrap"))  # its own: it hides
        self._task: asyncio.Task[None] | None = None
        self.controls["weight"].disabled = True  # nothing to weigh yet
        names = ("data loss optimiser", "constraint weight", "lr_d layers_d width_d", "lr_g layers_g width_g")
        data, *rest = (in_row(*[self.controls[name] for name in line.split()]) for line in names)
        last = in_row(self.controls["k"], self.pace)
        top = in_row(self.run, self.pause, *self.buttons.values())
        super().__init__([top, data, self.formula, self._drawing, *rest, last])
        self.pointer = Pointer(self.picture, self, self._pressed)
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
            self.picture.value = empty_plane(f"{how} to draw the data.")
            self.say(f"No points are drawn yet. {how} to draw the data; the sliders x and y move Add point.")
            return
        try:
            self.game = Game(self.settings)
        except ValueError as error:
            self.say(f"Nothing has changed: {error}.")
            return
        self.show(why)

    def step(self, who: Who) -> None:
        """One step of D, of G, or a round of Algorithm 1; a running game is paused for it."""
        self.stop()
        if self.empty:
            self.say("No points are drawn yet: there is no data to play on.")
            return
        if self.game.step(who):
            self.game.measure()
        label = {"D": "One step of D.", "G": "One step of G.", "both": f"D {self.settings.k} times, then G once."}
        self.show(label[who])

    def show(self, why: str = "") -> None:
        """Draw the game as it is now, and say it."""
        self.picture.value = game_picture(self.game)
        self.say(f"{why} {self.game.describe()}")

    def draw_point(self, x: float, y: float) -> None:
        """Add a point to the drawn data and start a new game on it."""
        self._draw((*self.settings.drawn, *as_points([(x, y)])))

    def _pressed(self, x: float, y: float, pressed: bool) -> None:
        """A press leaves one point; a drag leaves them all along its way, also where the page reported few places."""
        place = in_the_plane(x, y)
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
        anew = name not in ("loss", "constraint", "weight", "k", "lr_d", "lr_g", "optimiser")
        if name in ("lr_d", "lr_g"):
            self.game.set_rates(self.settings.lr_d, self.settings.lr_g)
        elif name == "optimiser":
            self.game.use_optimiser(value)
        elif name == "constraint":
            usual = CONSTRAINTS[value]
            self.controls["weight"].disabled = usual is None
            self.controls["weight"].value = usual or self.settings.weight
            anew = bool(normalised(self.game.D)) != (value == "spectral_norm")  # which is a part of D
        if anew:
            self.new_game(f"{label} is {_words(value)} now: new networks.")
        else:
            self.show(f"{label} is {_words(value)} now.")

    # ------------------------------------------------------------------------------------------------- running

    @property
    def running(self) -> bool:
        """Whether Run plays."""
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
            self.picture.value = game_picture(self.game)
            if start - spoken > 2:  # a screen reader cannot follow twenty lines a second
                self.say(f"Running. {self.game.describe()}")
                spoken = start
            await asyncio.sleep(max(0.01, pause - (time.monotonic() - start)))
        self.show("Stopped.")

    def still(self) -> tuple[bytes, str]:
        game = replay(Settings(seed=self.settings.seed), STATIC_ROUNDS)
        return game_picture(game), f"{self.title}, after {STATIC_ROUNDS} rounds. {game.describe()}"


def game_picture(game: Game) -> bytes:
    """D's heat map with data, samples and arrows; G's warped grid; losses; the JSD: as PNG bytes, 960 x 436."""
    canvas, (heat, scale) = Canvas(), game.heat()
    _plane(canvas, game, heat, scale)
    left, top, right, bottom = (round(2 * side) for side in MAIN)
    plane = canvas.image.crop((left, top, right, bottom))
    _warped(canvas, game)  # its lines may reach anywhere
    canvas.clear_outside(GRID, (0, 0, *SIZE))
    canvas.image.paste(plane, (left, top))
    _losses(canvas, game)
    _jsd(canvas, game)
    _key(canvas, game, scale)
    for box in (MAIN, GRID):
        canvas.frame(box)
    believes = "what D believes" if game.settings.minimax else "how D scores"
    canvas.text(MAIN[0], 19, f"Data, samples, and {believes}")
    canvas.text(GRID[0], 19, "G's grid: where z goes")
    canvas.text(JSD[0], 297, "JSD of data and samples")
    if game.trouble:
        middle = (MAIN[0] + MAIN[2]) / 2, (MAIN[1] + MAIN[3]) / 2
        canvas.draw.rectangle([2 * v for v in (MAIN[0] + 30, middle[1] - 26, MAIN[2] - 30, middle[1] + 26)], "#FFFFFF")
        canvas.text(*middle, "Not a number (NaN): training broke.", anchor="ms", size=14)
        canvas.text(middle[0], middle[1] + 18, "Lower the learning rates, press Reset.", anchor="ms")
    return canvas.png()


def empty_plane(words: str) -> bytes:
    """The playground before any data: a frame with words in it, as PNG bytes of the same size."""
    canvas = Canvas()
    canvas.frame(MAIN)
    canvas.text((MAIN[0] + MAIN[2]) / 2, (MAIN[1] + MAIN[3]) / 2, words, anchor="ms")
    return canvas.png()


def _words(name: Any) -> str:
    """A name of a setting as it is shown."""
    shown = {"non_saturating": "non-saturating", "wasserstein": "Wasserstein", "r1": "R1"}
    return shown.get(name, str(name).replace("_", " "))


def in_the_plane(x: float, y: float) -> tuple[float, float] | None:
    """The point of the plane at a place of game_picture, given in [0, 1] from its left and top; None outside of it."""
    left, top, right, bottom = MAIN
    across, down = (x * SIZE[0] - left) / (right - left), (y * SIZE[1] - top) / (bottom - top)
    if not (0 <= across <= 1 and 0 <= down <= 1):
        return None
    return (2 * across - 1) * VIEW, (1 - 2 * down) * VIEW


def _place(points: Tensor, box: Box) -> np.ndarray:
    """Points of the plane (N, 2) in the pixels of a box."""
    left, top, right, bottom = box
    xy = points.numpy().astype(np.float64)
    share = np.stack([(xy[:, 0] + VIEW) / (2 * VIEW), (VIEW - xy[:, 1]) / (2 * VIEW)], 1)
    return np.array([left, top]) + share * np.array([right - left, bottom - top])


def _plane(canvas: Canvas, game: Game, heat: Tensor, scale: tuple[float, float, float]) -> None:
    left, top, side = round(2 * MAIN[0]), round(2 * MAIN[1]), round(2 * (MAIN[2] - MAIN[0]))
    low, _, high = scale
    shares = np.nan_to_num((heat.numpy().astype(np.float32) - low) / (high - low), nan=0.5, posinf=1.0, neginf=0.0)
    d = np.asarray(Image.fromarray(shares).resize((side // 2, side // 2), Image.Resampling.BICUBIC))
    violet = np.array(ImageColor.getrgb(COLOURS["discriminator"]))
    levels = np.arange(BANDS + 1)[:, None] / BANDS
    palette = np.vstack([255 + (violet - 255) * 0.6 * levels, violet]).astype(np.uint8)
    bands = (d.clip(0, 1) * BANDS + 0.5).astype(np.uint8)  # steps, not shades: they read as contours, and pack well
    real = d > 0.5
    bands[:, 1:][real[:, 1:] != real[:, :-1]] = BANDS + 1  # where D passes its middle
    bands[1:][real[1:] != real[:-1]] = BANDS + 1
    plane = Image.fromarray(bands)
    plane.putpalette(palette.tobytes())
    canvas.image.paste(plane.resize((side, side), Image.Resampling.NEAREST).convert("RGB"), (left, top))
    canvas.dots(_place(game.x_real[:400], MAIN), COLOURS["data"], 1.8)
    _arrows(canvas, game)
    canvas.dots(_place(game.samples(), MAIN), COLOURS["generator"], 2.6)


def _arrows(canvas: Canvas, game: Game) -> None:
    """Arrows grow with the gradient, up to a length that still lets one see the others."""
    x, pull = game.arrows()
    size = pull.norm(dim=1, keepdim=True).clamp(min=1e-9)
    length = 0.9 * torch.tanh(size / 2)
    tips = _place(x + pull / size * length, MAIN)
    for tail, tip in zip(_place(x, MAIN), tips, strict=True):
        vector = tip - tail
        n = float(np.hypot(*vector))
        if not 3 < n < 1000:  # too short to see, or not a number
            continue
        along = vector / n
        across = np.array([-along[1], along[0]])
        head = min(6.0, 0.5 * n)
        canvas.line(np.stack([tail, tip]), COLOURS["ink"], 1.0)
        wings = [tip, tip - head * along + 0.5 * head * across, tip - head * along - 0.5 * head * across]
        canvas.draw.polygon([float(2 * v) for point in wings for v in point], fill=COLOURS["ink"])


def _warped(canvas: Canvas, game: Game) -> None:
    canvas.draw.rectangle([2 * side for side in GRID], fill=COLOURS["paper"])
    canvas.dots(_place(game.x_real[:400], GRID), COLOURS["muted"], 1.2)
    for line in game.warped_grid():
        canvas.line(_place(line, GRID), COLOURS["generator"], 0.8)


def _losses(canvas: Canvas, game: Game) -> None:
    left, upper, right, bottom = LOSSES
    losses = np.array(game.losses, np.float64).reshape(-1, 2)
    marks = {name: game.settings.pair.marks.get(f"loss_{name[0]}") for name in ("discriminator", "generator")}
    low, high, ticks = _reach(game, losses, [mark[0] for mark in marks.values() if mark])

    def y(value: float) -> float:
        return bottom - (bottom - upper) * (value - low) / (high - low)

    top = max(abs(low), abs(high))
    unit = 1.0 if 0.1 < top < 100 else 10.0 ** math.floor(math.log10(top))  # there is room for few characters
    canvas.text(left, 19, "Losses" if unit == 1 else f"Losses, in units of {_short(unit)}")
    for tick in ticks:
        canvas.line(np.array([(left, y(tick)), (right, y(tick))]), PALE, 1)
        canvas.text(left - 5, y(tick), _short(tick / unit), size=11, anchor="rm")
    for name, mark in marks.items():
        if mark:
            canvas.dashed(left, right, y(mark[0]), COLOURS[name])
            canvas.text(right + 4, y(mark[0]), mark[1], COLOURS[name], 11, "lm")
    steps = np.arange(1, len(losses) + 1)
    every = max(1, len(losses) // 300)  # a mean of each bunch, so that long runs stay legible and fast
    keep = len(losses) // every * every
    for column, name in ((1, "generator"), (0, "discriminator")):
        means = losses[:keep, column].reshape(-1, every).mean(1)
        canvas.line(in_box(LOSSES, steps[:keep:every], means, len(losses), low, high), COLOURS[name], 1.4)
    canvas.axis(LOSSES, f"step {len(losses):,}" if len(losses) else "")
    canvas.text(left + 8, upper + 14, "D", COLOURS["discriminator"], 13)
    canvas.text(left + 24, upper + 14, "G", COLOURS["generator"], 13)


def _reach(game: Game, losses: np.ndarray, marks: list[float]) -> tuple[float, float, list[float]]:
    """Lower and upper end of the panel of losses, and its ticks: fixed for Goodfellow's, and what the others need."""
    if game.settings.minimax:
        low, high = (-2.4, 2.4) if game.settings.loss == "saturating" else (0.0, 3.0)
        return low, high, [tick for tick in range(-2, 4) if low <= tick <= high]
    seen = losses[np.isfinite(losses).all(1)]
    usual = np.quantile(seen, (0.01, 0.99)) if len(seen) else [0.0, 1.0]  # a first steep step would flatten all others
    low, high = min(0.0, *marks, usual[0]), max(0.0, *marks, usual[1])
    high = high if high > low else low + 1.0
    low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
    step = 10.0 ** math.floor(math.log10(high - low))
    step = step if (high - low) / step > 3 else step / 2 if (high - low) / step > 1.5 else step / 5
    return low, high, [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _short(value: float) -> str:
    """A number in few characters."""
    return f"{value:.2g}".replace("-", "−").replace("e+0", "e")


def _jsd(canvas: Canvas, game: Game) -> None:
    left, top, right, bottom = JSD
    x, jsd = np.array(game.jsds, np.float64).T
    every = max(1, len(x) // 600)
    high = 0.75
    for value, label in ((theory.LOG2, "ln 2"), (0.0, "0")):
        y = bottom - (bottom - top) * value / high
        canvas.line(np.array([(left, y), (right, y)]), PALE, 1)
        canvas.text(right + 4, y, label, size=11, anchor="lm")
    canvas.dashed(left, right, bottom - (bottom - top) * game.floor / high, COLOURS["data"])
    curve = in_box(JSD, x[::every], jsd[::every], len(game.losses), 0.0, high)
    canvas.line(curve, COLOURS["accent"], 1.6)
    canvas.dots(curve[-1:], COLOURS["accent"], 2.5)
    if math.isfinite(jsd[-1]):
        canvas.text(right, 297, f"{jsd[-1]:.3f}", COLOURS["accent"], 13, "rs")
    canvas.axis(JSD)


def _key(canvas: Canvas, game: Game, scale: tuple[float, float, float]) -> None:
    x, y, step = LOSSES[0], 312, 23
    violet = ImageColor.getrgb(COLOURS["discriminator"])
    for i in range(24):  # a strip from D's lowest to its highest value
        shade = tuple(round(255 + (v - 255) * 0.6 * i / 23) for v in violet)
        canvas.draw.rectangle([2 * v for v in (x + i, y - 6, x + i + 1, y + 6)], fill=shade)
    canvas.frame((x, y - 6, x + 24, y + 6))
    canvas.line(np.array([(x, y + step), (x + 24, y + step)]), COLOURS["discriminator"], 1.2)
    canvas.dots(np.array([(x + 12, y + 2 * step)]), COLOURS["data"], 3)
    canvas.dots(np.array([(x + 12, y + 3 * step)]), COLOURS["generator"], 3.5)
    canvas.line(np.array([(x + 2, y + 4 * step), (x + 18, y + 4 * step)]), COLOURS["ink"], 1.2)
    tip = [(x + 24, y + 4 * step), (x + 17, y + 4 * step - 3.5), (x + 17, y + 4 * step + 3.5)]
    canvas.draw.polygon([2 * v for point in tip for v in point], fill=COLOURS["ink"])
    canvas.dashed(x, x + 24, y + 5 * step, COLOURS["data"])
    d = ("D from 0 (generated) to 1 (data)", "D = 1/2")
    if not game.settings.minimax:
        _, middle, high = scale
        d = (f"D's score: its median ± {_short(high - middle)}", f"the median, {_short(middle)}")
    for i, label in enumerate(
        (*d, "data", "samples G(z), z fixed", "where G's loss pulls a sample", "JSD of data against more data")
    ):
        canvas.text(x + 32, y + i * step, label, size=12, anchor="lm")
