"""Two densities with sliders: D*(x) = p/(p + p_g), V(D*) and the Jensen-Shannon divergence (notebook 01, 1.4-1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import numpy as np
from torch import Tensor

from gancourse import theory
from gancourse.plots.style import COLOURS
from gancourse.theory.minimax import Density, Mixture, Normal, Uniform
from gancourse.widgets.figure import Figure, choice, float_slider, in_row
from gancourse.widgets.page import PALE, Box, Canvas, in_box
from gancourse.widgets.pointer import Pointer

TOP: Box = (40, 28, 600, 228)
BELOW: Box = (40, 268, 600, 412)
SIDE: Box = (672, 28, 920, 300)
X_LOW, X_HIGH = -6.0, 6.0


class OptimalDiscriminator(Figure):
    """Two densities with sliders: D*, V(D*) and the Jensen-Shannon divergence in closed form (notebook 01, 1.4-1.5)."""

    title = "Explorer of the optimal discriminator"
    css_class = "gc-explorer"

    def __init__(self) -> None:
        self.shape = choice("Data p", ["one hump", "two humps", "uniform"], "one hump")
        self.mean_p = float_slider("Mean of p", -1.0, -3.0, 3.0)
        self.std_p = float_slider("Width of p", 0.8, 0.3, 2.0)
        self.mean_q = float_slider("Mean of q", 1.5, -4.0, 4.0)
        self.std_q = float_slider("Width of q", 1.2, 0.3, 2.0)
        self._x = theory.grid(-15.0, 15.0, 1500)  # wide enough for all the mass at any setting
        self._path: tuple[tuple[Any, ...], list[tuple[float, float]]] = ((), [])
        below_shape = w.Label("", layout=w.Layout(width="300px"))
        p, q = in_row(self.shape, self.mean_p, self.std_p), in_row(below_shape, self.mean_q, self.std_q)
        super().__init__([w.VBox([p, q])])
        self._pointer = Pointer(self.picture, self, lambda *_: None)  # for the arrow keys of the list alone
        self._pointer.active = False
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
        """Draw the picture anew and say what it shows."""
        x, data = self._x, self.data()
        p, q = self._on_grid(data), Normal(self.mean_q.value, self.std_q.value)(x)
        key = (self.shape.value, self.mean_p.value, self.std_p.value, self.std_q.value)
        if self._path[0] != key:
            means = [i / 4 for i in range(-16, 17)]
            curve = [float(theory.criterion(p, Normal(m, self.std_q.value)(x), x)) for m in means]
            self._path = key, list(zip(means, curve, strict=True))
        self.picture.value = explorer_picture(p, q, x, self._path[1], self.mean_q.value)
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


def explorer_picture(p: Tensor, q: Tensor, x: Tensor, path: Sequence[tuple[float, float]], here: float) -> bytes:
    """Densities p and q (N,) on the grid x (N,), D* below, and C(G) along `path`: pairs (mean of G, C). PNG bytes.

    here: the mean at which G is now. What is drawn ends at X_LOW and X_HIGH; V and JSD are integrals over all of x.
    """
    canvas = Canvas()
    best = theory.optimal_discriminator(p, q)
    drawn = (x >= X_LOW) & (x <= X_HIGH)
    xs, ps, qs, d = (values[drawn].numpy() for values in (x, p, q, best))
    high = max(0.5, 1.08 * float(max(ps.max(), qs.max())))
    data = in_box(TOP, xs - X_LOW, ps, X_HIGH - X_LOW, 0, high)
    corners = [(TOP[2], TOP[3]), (TOP[0], TOP[3])]
    canvas.draw.polygon([float(2 * v) for point in [*data, *corners] for v in point], fill="#DFE2E6")
    for value in (0.0, 0.5, 1.0):
        y = BELOW[3] - (BELOW[3] - BELOW[1]) * value
        canvas.line(np.array([(BELOW[0], y), (BELOW[2], y)]), PALE, 1)
        canvas.text(BELOW[0] - 6, y, f"{value:g}".replace("0.5", "½"), size=12, anchor="rm")
    canvas.line(data, COLOURS["data"], 2)
    canvas.line(in_box(TOP, xs - X_LOW, qs, X_HIGH - X_LOW, 0, high), COLOURS["generator"], 2)
    canvas.line(in_box(BELOW, xs - X_LOW, d, X_HIGH - X_LOW, 0, 1), COLOURS["discriminator"], 2.2)
    for box in (TOP, BELOW):
        canvas.axis(box)
        for tick in range(-6, 7, 2):
            at = box[0] + (box[2] - box[0]) * (tick - X_LOW) / (X_HIGH - X_LOW)
            canvas.text(at, box[3] + 15, str(tick).replace("-", "−"), size=11, anchor="ms")
    canvas.text(TOP[0], 19, "Two densities:")
    canvas.text(TOP[0] + 104, 19, "data p", COLOURS["data"])
    canvas.text(TOP[0] + 156, 19, "generator p_g", COLOURS["generator"])
    canvas.text(BELOW[0], 259, "D*(x) = p / (p + p_g)", COLOURS["discriminator"])
    _criterion(canvas, path, here)
    jsd = float(theory.jsd(p, q, x))
    value, bound = (round(float(v), 3) + 0.0 for v in (theory.value(p, q, best, x), 2 * jsd - theory.LOG4))  # no −0
    canvas.text(SIDE[0] - 30, 352, f"V(D*) = {value:.3f}".replace("-", "−"), COLOURS["discriminator"], 17)
    canvas.text(SIDE[0] - 30, 378, f"−log 4 + 2 JSD = {bound:.3f}".replace("= -", "= −"), size=15)
    canvas.text(SIDE[0] - 30, 404, f"JSD = {jsd:.3f}", COLOURS["accent"], 15)
    canvas.text(SIDE[0] + 76, 404, f"of at most log 2 = {theory.LOG2:.3f}", size=12)
    return canvas.png()


def _criterion(canvas: Canvas, path: Sequence[tuple[float, float]], here: float) -> None:
    left, top, right, bottom = SIDE
    low, high = -theory.LOG4, 0.08
    for value, label in ((-theory.LOG4, "−log 4"), (0.0, "0")):
        y = bottom - (bottom - top) * (value - low) / (high - low)
        canvas.line(np.array([(left, y), (right, y)]), PALE, 1)
        canvas.text(left - 5, y, label, size=11, anchor="rm")
    means, values = np.array(path, np.float64).T
    curve = in_box(SIDE, means - means[0], values, means[-1] - means[0], low, high)
    canvas.line(curve, COLOURS["muted"], 2)
    now = np.interp(here, means, values)
    spot = in_box(SIDE, np.array([here - means[0]]), np.array([now]), means[-1] - means[0], low, high)
    canvas.dots(spot, COLOURS["generator"], 5)
    canvas.axis(SIDE)
    for tick in (-4, -2, 0, 2, 4):
        at = left + (right - left) * (tick - means[0]) / (means[-1] - means[0])
        canvas.text(at, bottom + 15, str(tick).replace("-", "−"), size=11, anchor="ms")
    canvas.text(left - 30, 19, "V(D*), moving the generator's mean")
