"""What the widgets of a generator have in common: its frozen copy, labels, words, trouble, memory, speed."""

from __future__ import annotations

import base64
import gc
import io
import math
import re

import numpy as np
import psutil
import pytest
import torch
from driving import MAKERS, picture_of, spoken
from PIL import Image
from torch import nn

from gancourse import latent, models, widgets
from gancourse.latent import LatentError
from gancourse.plots.grids import to_uint8
from gancourse.widgets import cell_memory
from gancourse.widgets.tool import Frozen


@pytest.fixture(params=MAKERS)
def figure(request, networks):
    return MAKERS[request.param](*networks)


# ------------------------------------------------------------------------------------------------------------ frozen G


def test_a_frozen_generator_stays_as_it_was_and_agrees_with_the_plain_one():
    torch.manual_seed(0)
    G, _ = models.networks("dcgan")
    frozen = Frozen(G)
    z = latent.sample(6)
    before = frozen.images(z)
    plain = to_uint8(latent.generate(G, z)).astype(int)
    assert np.abs(before - plain).mean() < 1
    with torch.no_grad():
        next(G.parameters()).mul_(3)
    assert np.array_equal(frozen.images(z), before) and G.training
    assert all(not p.requires_grad for p in frozen.G.parameters())


def test_a_generator_that_raises_is_named():
    class Raises(nn.Module):
        def forward(self, z):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(LatentError, match=r"G raised RuntimeError for z .* mat1 and mat2"):
        Frozen(Raises())
    with pytest.raises(LatentError, match="expected a generator"):
        Frozen("dcgan-mnist")  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------------- all seven


@pytest.mark.parametrize("kind", [widgets.latent_explorer, widgets.interpolator, widgets.arithmetic, widgets.seed_map])
def test_every_page_has_the_size_it_says_and_opens(kind, either):
    figure = kind(either)
    page = figure.page()
    assert page.image.size == figure.size
    assert Image.open(io.BytesIO(page.packed())).size == figure.size == Image.open(io.BytesIO(page.png())).size
    assert page.kind == ("png" if figure.source.small else "jpeg")
    assert page.packed()[:4] == (b"\x89PNG" if figure.source.small else b"\xff\xd8\xff\xe0")
    assert figure.describe()[0].isupper() or figure.describe()[0].isdigit()


def test_without_a_kernel_the_picture_stands_in(figure):
    bundle, metadata = figure._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.format == "PNG" and picture.size == figure.size
    assert len(metadata["image/png"]["alt"]) > 40
    assert bundle["text/plain"] == repr(figure) and "\n" not in repr(figure)
    assert not re.search("0x|[0-9a-f]{16}", repr(figure))


def test_every_control_has_a_visible_label_and_a_status(figure):
    def walk(box):
        for child in box.children:
            yield child
            yield from walk(child) if hasattr(child, "children") else ()

    named = [child for child in walk(figure) if hasattr(child, "description")]
    inputs = [child for child in named if type(child).__name__ not in ("HTML", "Image")]
    assert len(inputs) >= 2 and all(child.description for child in inputs)
    assert set(figure.controls.values()) <= set(inputs)
    assert 'role="status"' in figure.status.value and spoken(figure)


def test_every_control_changes_the_status(figure):
    for name, control in figure.controls.items():
        before = figure.status.value
        other = control.options[-1] if hasattr(control, "options") else control.max
        if control.value == (other[1] if isinstance(other, tuple) else other):
            continue  # as the last epoch
        control.value = other[1] if isinstance(other, tuple) else other
        assert figure.status.value != before, name
        assert control.description in spoken(figure)


@pytest.mark.parametrize("name", MAKERS)
def test_state_survives_running_everything_twice(name, networks, monkeypatch):
    where = ["cell-1", "run 1"]
    monkeypatch.setattr(cell_memory, "_cell", lambda: tuple(where))
    monkeypatch.setattr(cell_memory, "_shown", {})
    first = MAKERS[name](*networks)
    second = MAKERS[name](*networks)  # in the same cell
    for control in first.controls.values():
        control.value = (
            control.options[0] if hasattr(control, "options") and name == "epochs_scrubber" else control.value
        )
        if hasattr(control, "max"):
            control.value = control.max
    if name == "arithmetic":
        first.toggle(20)
    if name == "real_or_fake":
        first.real.click()
    where[1] = "run 2"
    again, beside = MAKERS[name](*networks), MAKERS[name](*networks)
    assert bytes(again.picture.value) == bytes(first.picture.value)
    assert bytes(beside.picture.value) == bytes(second.picture.value) != bytes(again.picture.value)
    assert first.comm is None and second.comm is None  # closed: nothing is left behind
    where[0] = "cell-2"
    assert bytes(MAKERS[name](*networks).picture.value) == bytes(second.picture.value)


class Wrong(nn.Module):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def forward(self, z):
        return self.x.expand(len(z), *self.x.shape[1:])


@pytest.mark.parametrize("name", [n for n in MAKERS if n != "epochs_scrubber"])
@pytest.mark.parametrize(
    ("x", "says"), [(torch.full((1, 1, 28, 28), math.nan), "NaN"), (torch.zeros(1, 784), "shape \\(1, 784\\)")]
)
def test_a_broken_generator_gives_a_message_in_place(name, x, says, networks):
    figure = MAKERS[name](Wrong(x), networks[1])
    assert re.search(says, spoken(figure))
    assert picture_of(figure).size == (640, 240)
    for part in vars(figure).values():  # no button or slider raises
        for button in part.values() if isinstance(part, dict) else [part]:
            if hasattr(button, "click"):
                button.click()
    for control in figure.controls.values():
        if hasattr(control, "max"):
            control.value = control.max
    figure._point(0.5, 0.5, True)
    assert figure._repr_mimebundle_()[0]["image/png"]


def test_a_run_that_breaks_in_between_forgets_nothing(networks, monkeypatch):
    where = ["cell", "run 1"]
    monkeypatch.setattr(cell_memory, "_cell", lambda: tuple(where))
    monkeypatch.setattr(cell_memory, "_shown", {})
    first = widgets.arithmetic(networks[0])
    first.set("", group="C", seed=4)
    first.toggle(20)
    where[1] = "run 2"
    assert spoken(widgets.arithmetic(nn.Linear(2, 2))).startswith("G raised")
    where[1] = "run 3"
    figure = widgets.arithmetic(networks[0])
    assert figure.groups["C"] == [6, 7, 8, 20] and spoken(figure).endswith(first.text)
    assert bytes(figure.picture.value) == bytes(first.picture.value)


# ---------------------------------------------------------------------------------------------------- memory


@pytest.mark.slow
def test_memory_is_steady_over_a_thousand_updates(networks):
    figure = widgets.latent_explorer(networks[0])
    process, slider = psutil.Process(), figure.controls["direction 1"]
    widgets_before = 0
    for i in range(1_100):
        slider.value = (i % 113) / 20 - 3 + 0.01
        if i == 99:
            gc.collect()
            before, widgets_before = process.memory_info().rss, len(_all_widgets())
    gc.collect()
    assert process.memory_info().rss - before < 8 << 20 and len(_all_widgets()) == widgets_before


def _all_widgets():
    import ipywidgets.widgets.widget as module

    return getattr(module, "_instances", None) or module.Widget.widgets
