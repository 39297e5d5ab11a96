"""The latent widgets without a kernel: values set, buttons and pictures pressed, pictures and words compared."""

from __future__ import annotations

import base64
import gc
import html
import io
import math
import re
import time

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import nn

from gancourse import kept, latent, models, widgets
from gancourse.data import Images

MAKERS = {
    "latent_explorer": lambda G, D: widgets.latent_explorer(G),
    "interpolator": lambda G, D: widgets.interpolator(G),
    "arithmetic": lambda G, D: widgets.arithmetic(G),
    "seed_map": lambda G, D: widgets.seed_map(G),
    "epochs_scrubber": lambda G, D: widgets.epochs_scrubber({0: np.zeros((9, 1, 28, 28)), 3: np.ones((9, 1, 28, 28))}),
    "real_or_fake": lambda G, D: widgets.real_or_fake(G, D),
    "nearest_neighbours": lambda G, D: widgets.nearest_neighbours(
        G, Images(torch.zeros(9, 1, 28, 28, dtype=torch.uint8))
    ),
}


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return models.networks("mlp")


@pytest.fixture(params=MAKERS)
def figure(request, networks):
    return MAKERS[request.param](*networks)


def spoken(figure):
    return html.unescape(re.sub("<.*?>", "", figure.status.value))


def changes(figure, act):
    """Do something, and check that picture and status both follow."""
    picture, status = bytes(figure.picture.value), figure.status.value
    act()
    assert bytes(figure.picture.value) != picture and figure.status.value != status
    return spoken(figure)


def press(figure, x, y, drag=False):
    """A pointer at a place of the page, in pixels, as the page would report it."""
    width, height = figure.tool.size
    figure._point(x / width, y / height, not drag)


def shown(figure):
    """The picture that the page is given: a data: address."""
    kind, text = bytes(figure.picture.value).split(b";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    assert figure.picture.format == "url" and kind == f"data:image/{picture.format}".lower().encode()
    return picture


# ------------------------------------------------------------------------------------------------- all seven


def test_without_a_kernel_the_picture_stands_in(figure):
    bundle, metadata = figure._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.format == "PNG" and picture.size == figure.tool.size
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
    monkeypatch.setattr(kept, "_cell", lambda: tuple(where))
    monkeypatch.setattr(kept, "_shown", {})
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
    assert shown(figure).size == (640, 240)
    for part in vars(figure).values():  # no button or slider raises
        for button in part.values() if isinstance(part, dict) else [part]:
            if hasattr(button, "click"):
                button.click()
    for control in figure.controls.values():
        if hasattr(control, "max"):
            control.value = control.max
    figure._point(0.5, 0.5, True)
    assert figure._repr_mimebundle_()[0]["image/png"]


def test_a_scrubber_of_nothing_says_so(tmp_path):
    assert "no samples" in spoken(widgets.epochs_scrubber({}))
    assert "no samples" in spoken(widgets.epochs_scrubber(tmp_path))


# --------------------------------------------------------------------------------------------- each of them


def test_the_explorer_slides_rolls_cuts_and_enlarges(networks):
    figure = widgets.latent_explorer(networks[0])
    start = bytes(figure.picture.value)
    said = changes(figure, lambda: setattr(figure.controls["direction 3"], "value", 2.5))
    assert said.startswith("direction 3: 2.50.") and "direction 3 +2.5" in said
    assert "z cut off at ±0.7" in changes(figure, lambda: setattr(figure.controls["cut"], "value", 0.7))
    changes(figure, figure.roll.click)
    assert figure.controls["seed"].value == 1 and "seed 1" in spoken(figure)
    x, y = figure.tool.sheet.corner(10)
    changes(figure, lambda: press(figure, x + 5, y + 5))
    assert figure.controls["view"].value == "one" and figure.controls["sample"].value == 11
    changes(figure, lambda: press(figure, 100, 100))
    assert figure.controls["view"].value == "grid"
    changes(figure, figure.reset.click)
    figure.controls["seed"].value = 0
    assert bytes(figure.picture.value) == start


def test_one_change_draws_one_picture(networks, monkeypatch):
    figure = widgets.latent_explorer(networks[0])
    figure.controls["direction 1"].value = 1
    drawn: list[int] = []
    page = figure.tool.page

    def counted():
        drawn.append(1)
        return page()

    monkeypatch.setattr(figure.tool, "page", counted)
    figure.reset.click()
    figure.roll.click()
    figure.controls["direction 2"].value = 1
    assert len(drawn) == 3


def test_the_explorer_takes_named_directions_and_refuses_others(networks):
    figure = widgets.latent_explorer(networks[0], {"thicker": torch.ones(100) / 10})
    assert "thicker: 3.00." in changes(figure, lambda: setattr(figure.controls["thicker"], "value", 3.0))
    assert "'short' has shape" in spoken(widgets.latent_explorer(networks[0], {"short": torch.ones(3)}))


def test_the_interpolator_by_controls_and_by_pointer(networks, tmp_path):
    figure = widgets.interpolator(networks[0], folder=tmp_path / "films")
    assert "80% of the way" in changes(figure, lambda: setattr(figure.controls["t"], "value", 0.8))
    assert "by lerp" in changes(figure, lambda: setattr(figure.controls["how"], "value", "lerp"))
    assert "C: 7." in changes(figure, lambda: setattr(figure.controls["C"], "value", 6))
    for i, letter in ((12, "A"), (4, "B")):
        x, y = figure.tool.sheet.corner(i)
        assert f"{letter} is sample {i + 1} now." in changes(figure, lambda x=x, y=y: press(figure, x + 9, y + 9))
    assert figure.tool.chosen == (12, 4, 6) and figure.controls["next"].value == "A"
    x, y = figure.tool.strip.corner(2)
    changes(figure, lambda: press(figure, x + figure.tool.strip.side / 2, y + 9, drag=True))
    assert figure.controls["t"].value == 0.25
    figure.export["gif"].click()
    figure.export["png"].click()
    film = Image.open(tmp_path / "films" / "lerp-seed0-13-5-7.gif")
    assert getattr(film, "n_frames", 0) == 32 and film.size == (224, 224) and film.info["loop"] == 0
    assert Image.open(tmp_path / "films" / "lerp-seed0-13-5-7.png").format == "PNG"
    assert "Saved" in spoken(figure) and "16 images" in spoken(figure)


def test_a_film_that_cannot_be_saved_is_said(networks, tmp_path):
    (tmp_path / "file").write_text("")
    figure = widgets.interpolator(networks[0], folder=tmp_path / "file")
    figure.export["gif"].click()
    assert spoken(figure).startswith("Not saved:")


def test_arithmetic_by_number_and_by_pointer(networks):
    figure = widgets.arithmetic(networks[0])
    figure.controls["group"].value = "B"
    figure.controls["sample"].value = 20
    assert "Sample 20 is in B now. A: 1, 2, 3; B: 4, 5, 6, 20" in changes(figure, figure.put.click)
    x, y = figure.tool.sheet.corner(3)
    assert "Sample 4 is out of B now." in changes(figure, lambda: press(figure, x + 9, y + 9))
    assert "Choose at least one sample" in changes(figure, figure.clear.click)


def test_the_plane_is_walked_by_arrows_and_pointer(networks):
    figure = widgets.seed_map(networks[0])
    assert "Right. At (0.75, 0.50)" in changes(figure, figure.ways["Right"].click)
    assert "Up. At (0.75, 0.25)" in changes(figure, figure.ways["Up"].click)
    left, top, _ = figure.tool.map
    half = figure.tool.side / 2
    changes(figure, lambda: press(figure, left + half + 2 * figure.tool.pitch, top + half, drag=True))
    assert (figure.controls["x"].value, figure.controls["y"].value) == pytest.approx((1.0, -1.0))


def test_the_scrubber_reads_trainers_and_run_folders(tmp_path):
    from gancourse import data
    from gancourse.training import Trainer
    from gancourse.training.trainer import Config

    torch.manual_seed(0)
    G, D = models.networks("mlp")
    trainer = Trainer(G, D, data.mnist("test").subset(256), Config(model="mlp", epochs=2), out=tmp_path / "run")
    trainer.fit(progress=False)
    figure = widgets.epochs_scrubber(trainer)
    assert figure.tool.epochs == [0, 1, 2] and "after epoch 2" in spoken(figure) and "D's loss" in spoken(figure)
    assert "after epoch 1" in changes(figure, figure.before.click)
    x, bottom = figure.tool.box[0], figure.tool.box[3]
    assert "after epoch 0" in changes(figure, lambda: press(figure, x, bottom - 20, drag=True))
    folder = widgets.epochs_scrubber(tmp_path / "run")
    assert bytes(folder.picture.value) == bytes(widgets.epochs_scrubber(trainer).picture.value)


def test_a_round_of_real_or_fake(networks):
    figure = widgets.real_or_fake(*networks)
    truth = figure.tool.truth
    for real in truth[:-1]:
        changes(figure, (figure.real if real else figure.fake).click)
    assert "Image 20 of 20" in spoken(figure)
    said = changes(figure, (figure.fake if truth[-1] else figure.real).click)
    assert "You: 19 of 20 right" in said and "D, on the same images" in said and "mistakes: 20." in said
    figure.real.click()
    assert "Press New round" in spoken(figure)
    assert "Image 1 of 20" in changes(figure, figure.again.click)


def test_neighbours_are_chosen_by_number_and_by_pointer(networks):
    figure = MAKERS["nearest_neighbours"](*networks)
    assert "Sample 3 of seed 0" in changes(figure, lambda: setattr(figure.controls["sample"], "value", 3))
    x, y = figure.tool.sheet.corner(15)
    assert "Sample 16 of seed 0" in changes(figure, lambda: press(figure, x + 3, y + 3))
    assert "Sample 16 of seed 1" in changes(figure, figure.roll.click)


# --------------------------------------------------------------------------------------- speed and memory


def quickest(act, times=7):
    found = []
    for i in range(times):
        start = time.process_time()
        act(i)
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.slow
def test_updates_are_quick(networks):
    """The kernel's share; the browser tests measure from key to screen. 8 x 8 digits, and one image of 128 pixels."""
    for G, limit in (
        (networks[0], 0.04),
        (models.networks("dcgan")[0], 0.25),
        (models.networks("dcgan128", 16)[0], 0.15),
    ):
        slider = widgets.latent_explorer(G).controls["direction 1"]
        assert quickest(lambda i, slider=slider: setattr(slider, "value", i / 4 + 0.1)) < limit


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


def test_latent_space_is_what_the_explorer_shows(networks):
    """The picture is that of the z which the library computes."""
    figure = widgets.latent_explorer(networks[0])
    figure.controls["direction 1"].value = 2.0
    figure.controls["view"].value = "one"
    z = latent.sample(64)[:1] + 2 * latent.principal_directions(networks[0], 1).vectors
    expected = (latent.generate(networks[0], z)[0, 0].numpy() + 1) * 127.5
    picture = np.asarray(shown(figure).convert("L")).astype(float)
    assert np.abs(picture[4:480, 4:480][8::17, 8::17] - expected).max() < 4
