"""Widgets that steer a generator: `latent_explorer`, `interpolator`, `arithmetic`, `seed_map`.

Each is a tool of gancourse.tools with controls around it, and one picture that is replaced in place. What can be done
with a pointer on the picture can be done with the controls too.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
from torch import Tensor, nn

from gancourse import tools
from gancourse.controls import LABEL, button, choice, float_slider, number
from gancourse.files import write_atomically
from gancourse.latent import LatentError
from gancourse.latent_pictures import Page
from gancourse.tool_figure import SEEDS, WRAP, ToolFigure, seed_control


class LatentExplorer(ToolFigure):
    """Sliders along directions, truncation, a seed; a grid or a single large image."""

    title = "Latent explorer: samples of a generator, moved along directions of z"

    def __init__(self, G: nn.Module, directions: Mapping[str, Tensor] | None = None, seed: int = 0) -> None:
        self.make(lambda: tools.Explorer(G, directions, seed))
        names = [] if self.tool is None else list(self.tool.directions)
        n = 64 if self.tool is None else self.tool.sheet.n
        one = self.tool is not None and self.tool.one is not None
        self.roll, self.reset = button("Re-roll", "primary"), button("Reset")
        self.controls = {
            "seed": seed_control(seed),
            "view": choice("Show", [("all samples", "grid"), ("one sample", "one")], "one" if one else "grid"),
            "sample": number("Sample", 1, 1, n),
            "cut": float_slider("Truncate z at", tools.NO_CUT, 0.1, tools.NO_CUT),
            **{name: float_slider(name, 0.0, -6.0, 6.0) for name in names},
        }
        first = [self.controls[name] for name in ("seed", "view", "sample", "cut")]
        rows = w.HBox([self.roll, self.reset, *first], layout=WRAP)
        sliders = w.HBox([self.controls[name] for name in names], layout=WRAP)
        self.roll.on_click(lambda _: self.set("New samples.", seed=(self.controls["seed"].value + 1) % (SEEDS + 1)))
        straight = {name: 0.0 for name in names} | {"cut": tools.NO_CUT}
        self.reset.on_click(lambda _: self.set("Back to the samples as they were drawn.", **straight))
        self.assemble([sliders, rows], "gc-explorer-latent")

    def apply(self) -> None:
        if self.tool is None:
            return
        tool, values = self.tool, {name: control.value for name, control in self.controls.items()}
        tool.seed, tool.threshold = values["seed"], values["cut"]
        tool.one = values["sample"] - 1 if values["view"] == "one" else None
        tool.amounts = {name: values[name] for name in tool.directions}

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if not pressed:
            return
        if self.controls["view"].value == "one":
            self.set("All samples.", view="grid")
        elif (i := self.tool.sheet.at(x, y)) is not None:
            self.set(f"Sample {i + 1}, large; press it to see all.", view="one", sample=i + 1)


class Interpolation(ToolFigure):
    """Two to four samples, the way between them, and its export as a film or a strip."""

    title = "Interpolator: from one sample to another"

    def __init__(self, G: nn.Module, seed: int = 0, folder: str | Path = ".") -> None:
        self.make(lambda: tools.Interpolator(G, seed))
        self.folder = Path(folder)
        n = 16 if self.tool is None else self.tool.sheet.n
        numbers = [(str(i + 1), i) for i in range(n)]
        self.roll = button("Re-roll", "primary")
        self.export = {"gif": button("Save GIF"), "png": button("Save PNG")}
        letters = {
            letter: choice(letter, numbers if letter in "AB" else [("none", -1), *numbers], start)
            for letter, start in zip("ABCD", (0, 1, -1, -1), strict=True)
        }
        self.controls = {
            "t": w.FloatSlider(description="Way", value=0.5, min=0, max=1, step=0.01, style=LABEL),
            "how": choice("Path", [("slerp: on the shell", "slerp"), ("lerp: straight", "lerp")], "slerp"),
            **letters,
            "next": choice("A press sets", list("ABCD"), "A"),
            "seed": seed_control(seed),
        }
        self.controls["t"].layout.width = "460px"
        top = w.HBox([self.controls["t"], self.controls["how"]], layout=WRAP)
        which = w.HBox([*letters.values(), self.controls["next"]], layout=WRAP)
        last = w.HBox([self.roll, *self.export.values(), self.controls["seed"]], layout=WRAP)
        self.roll.on_click(lambda _: self.set("New samples.", seed=(self.controls["seed"].value + 1) % (SEEDS + 1)))
        for kind, save in self.export.items():
            save.on_click(lambda _, kind=kind: self.save(kind))
        self.assemble([top, which, last], "gc-interpolator")

    def apply(self) -> None:
        if self.tool is None:
            return
        self.tool.seed, self.tool.t, self.tool.how = (self.controls[name].value for name in ("seed", "t", "how"))
        values = [self.controls[letter].value for letter in "ABCD"]
        self.tool.choose(*[i for i in values if i >= 0])

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        strip = self.tool.strip
        if y > strip.y - 24:
            t = (x - strip.x - strip.side / 2) / (strip.width - strip.side)
            self.set("", t=round(min(1.0, max(0.0, t)), 2))
        elif pressed and (i := self.tool.sheet.at(x, y)) is not None:
            letter = self.controls["next"].value
            following = {"A": "B", "B": "A", "C": "D", "D": "C"}[letter]
            self.set(f"{letter} is sample {i + 1} now.", **{letter: i, "next": following})

    def save(self, kind: str) -> None:
        """Write the way as a film (gif) or a strip (png) into the folder, and say where."""
        if self.tool is None:
            self.show()
            return
        numbers = "-".join(str(i + 1) for i in self.tool.chosen)
        path = self.folder / f"{self.tool.how}-seed{self.tool.seed}-{numbers}.{kind}"
        try:
            frames = self.tool.film(32 if kind == "gif" else 2 * (self.tool.FRAMES - 1))
            if kind == "png":
                frames = frames[: self.tool.FRAMES] if len(self.tool.chosen) == 2 else frames
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, gif(frames) if kind == "gif" else png(frames))
        except (OSError, LatentError) as error:
            self.say(f"Not saved: {error}")
            return
        self.say(f"Saved {path}: {len(frames)} images along the way. {self.text}")


def gif(frames: list[np.ndarray], side: int = 224, milliseconds: int = 60) -> bytes:
    """A film that loops, of uint8 images (C, H, W), each fitted into a square of `side` pixels."""
    pages = []
    for frame in frames:
        page = Page(side, side, frame.shape[0] == 3)
        page.put(frame, 0, 0, side)
        pages.append(page.image)
    buffer = io.BytesIO()
    pages[0].save(buffer, "GIF", save_all=True, append_images=pages[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def png(frames: list[np.ndarray], side: int = 112) -> bytes:
    """uint8 images (C, H, W) side by side."""
    page = Page(len(frames) * (side + 4) + 4, side + 8, frames[0].shape[0] == 3)
    for i, frame in enumerate(frames):
        page.put(frame, 4 + i * (side + 4), 4, side)
    return page.png()


class LatentArithmetic(ToolFigure):
    """A - B + C, with the means of samples that are chosen."""

    title = "Vector arithmetic: A − B + C"

    def __init__(self, G: nn.Module, z: Tensor | None = None, seed: int = 0) -> None:
        self.make(lambda: tools.Arithmetic(G, z, seed))
        n = 36 if self.tool is None else self.tool.sheet.n
        self.put, self.clear = button("Put in/out", "primary"), button("Clear group")
        self.controls = {
            "group": choice("Group", list("ABC"), "A"),
            "sample": number("Sample", 1, 1, n),
        }
        if z is None:
            self.controls["seed"] = seed_control(seed)
        self.put.on_click(lambda _: self.toggle(self.controls["sample"].value - 1))
        self.clear.on_click(lambda _: self._clear())
        group, sample, *rest = self.controls.values()
        self.assemble([w.HBox([group, sample, self.put, self.clear, *rest], layout=WRAP)], "gc-arithmetic")

    def apply(self) -> None:
        if self.tool is not None and "seed" in self.controls:
            self.tool.seed = self.controls["seed"].value

    def toggle(self, i: int) -> None:
        """Put sample i into the present group, or take it out."""
        if self.tool is not None:
            group = self.controls["group"].value
            there = self.tool.toggle(group, i)
            self.show(f"Sample {i + 1} is {'in' if there else 'out of'} {group} now.")

    def _clear(self) -> None:
        if self.tool is not None:
            group = self.controls["group"].value
            self.tool.groups[group] = []
            self.show(f"{group} is empty now.")

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        if pressed and (i := self.tool.sheet.at(x, y)) is not None:
            self.toggle(i)

    def extra(self) -> Any:
        return {name: list(members) for name, members in self.tool.groups.items()}

    def restore(self, extra: Any) -> None:
        self.tool.groups = {name: [i for i in extra[name] if i < self.tool.sheet.n] for name in "ABC"}


class SeedPlane(ToolFigure):
    """A plane of blended seeds, walked by sliders, arrows or a pointer."""

    title = "Seed map: a plane that can be walked"
    STEP = 0.25
    EDGE = 20.0

    def __init__(self, G: nn.Module, seed: int = 0) -> None:
        self.make(lambda: tools.SeedMap(G, seed))
        ways = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
        self.ways = {name: button(name) for name in ways}
        self.controls = {
            axis: w.FloatSlider(
                description=f"{axis} on the plane", value=0.5, min=-self.EDGE, max=self.EDGE, step=0.05, style=LABEL
            )
            for axis in ("x", "y")
        }
        self.controls["seed"] = seed_control(seed)
        for axis in ("x", "y"):
            self.controls[axis].layout.width = "440px"
        for name, (dx, dy) in ways.items():
            self.ways[name].on_click(lambda _, name=name, dx=dx, dy=dy: self.walk(name, dx, dy))
        sliders = w.HBox([self.controls["x"], self.controls["y"]], layout=WRAP)
        self.assemble([sliders, w.HBox([*self.ways.values(), self.controls["seed"]], layout=WRAP)], "gc-seed-map")

    def walk(self, name: str, dx: int, dy: int) -> None:
        x, y = self.controls["x"].value + dx * self.STEP, self.controls["y"].value + dy * self.STEP
        self.set(f"{name}.", x=min(max(x, -self.EDGE), self.EDGE), y=min(max(y, -self.EDGE), self.EDGE))

    def apply(self) -> None:
        if self.tool is not None:
            self.tool.seed = self.controls["seed"].value
            self.tool.move(self.controls["x"].value, self.controls["y"].value)

    def pressed(self, x: float, y: float, pressed: bool) -> None:
        place = self.tool.place(x, y)
        if place is not None:
            self.set("", x=place[0], y=place[1])


def latent_explorer(G: nn.Module, directions: Mapping[str, Tensor] | None = None, seed: int = 0) -> LatentExplorer:
    """Samples of G, moved along the strongest directions of its first layer, or along your own {name: (z_size,)}."""
    return LatentExplorer(G, directions, seed)


def interpolator(G: nn.Module, seed: int = 0, folder: str | Path = ".") -> Interpolation:
    """From one sample of G to another, or round through three or four; films and strips are saved in `folder`."""
    return Interpolation(G, seed, folder)


def arithmetic(G: nn.Module, z: Tensor | None = None, seed: int = 0) -> LatentArithmetic:
    """A - B + C by choosing samples of G: among those of z (n, z_size), or of the seed."""
    return LatentArithmetic(G, z, seed)


def seed_map(G: nn.Module, seed: int = 0) -> SeedPlane:
    """A plane with a random z at each crossing of a lattice and blends of four in between, to be walked."""
    return SeedPlane(G, seed)
