"""The lens, driven without a browser: where it lies, what is under it, and how near that is to the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from driving import changes, picture_of, press, spoken

from gancourse import widgets
from gancourse.data.images import Images, scale
from gancourse.evaluation.translation import psnr
from gancourse.widgets.lens import GIVEN, LARGE, TRUTH, _beside, _shortened
from gancourse.widgets.page import SMALL, font

pytestmark = pytest.mark.usefixtures("one_thread")
EDGE, TOP = 8, 28  # of the large view


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def lens(n: int = 2, h: int = 96, w: int = 96, **more: Any) -> Any:
    truth = noise(n, 3, h, w)
    near = (truth.int() + noise(n, 3, h, w, seed=1).int() % 5 - 2).clamp(0, 255).to(torch.uint8)
    return widgets.lens({"near": near, "far": 255 - truth}, truth, **more)


def test_under_the_lens_is_what_lies_there_of_every_view():
    tool = lens(small=noise(2, 3, 24, 24, seed=2))
    tool.set("", x=40, y=21, lens=16, picture=1)
    assert tool.place() == (32, 13) and list(tool.views) == [GIVEN, "near", "far", TRUTH]
    for name in ("near", "far", TRUTH):
        assert (tool.inside(name) == tool.views[name][1, :, 13:29, 32:48]).all()
    blocks = tool.small[1].repeat(4, 1).repeat(4, 2)  # each pixel over the 4 x 4 of the truth that it was made from
    assert (tool.inside(GIVEN) == blocks[:, 13:29, 32:48]).all()


@pytest.mark.parametrize(("x", "y", "place"), [(0, 0, (0, 0)), (95, 95, (72, 72)), (95, 0, (72, 0)), (12, 83, (0, 71))])
def test_it_stays_inside_the_picture(x, y, place):
    tool = lens()
    tool.set("", x=x, y=y)
    assert tool.place() == place and tool.inside("near").shape == (3, 24, 24)


def test_psnr_is_of_the_pixels_under_the_lens():
    tool = lens()
    tool.set("", x=40, y=50, lens=20)
    part = np.s_[0:1, :, 40:60, 30:50]
    for name, value in tool.decibels().items():
        made, true = (scale(torch.from_numpy(tool.views[one][part])) for one in (name, TRUTH))
        assert value == pytest.approx(psnr(made, true).item(), abs=1e-4)
        assert f"{value:.1f} dB {name}" in tool.text
    assert tool.decibels()["near"] > 40 > tool.decibels()["far"] and TRUTH not in tool.decibels()
    same = noise(1, 3, 30, 30)
    assert "equal same" in widgets.lens({"same": same}, same).text


def test_pointer_and_sliders_do_the_same():
    by_sliders, by_pointer = lens(), lens()
    said = changes(by_sliders, lambda: by_sliders.set("", x=10, y=70))
    assert "24 x 24 pixels around (10, 70)" in said
    press(by_pointer, EDGE + 10.5 * LARGE / 96, TOP + 70.5 * LARGE / 96)
    assert (by_pointer.value("x"), by_pointer.value("y")) == (10, 70)
    assert by_pointer.picture.value == by_sliders.picture.value
    press(by_pointer, EDGE + LARGE + 300, TOP + 40.5 * LARGE / 96, drag=True)  # out of the picture: to its edge
    assert (by_pointer.value("x"), by_pointer.value("y")) == (95, 40)
    assert "y: 41" in changes(by_sliders, lambda: setattr(by_sliders.controls["y"], "value", 41))


def test_a_press_beside_the_large_view_does_not_move_it_and_one_on_a_piece_shows_that_version():
    tool = lens()
    press(tool, 2, 100)
    press(tool, EDGE + LARGE + 10, 300)
    press(tool, 100, 100, drag=True)
    assert (tool.value("x"), tool.value("y"), tool.value("version")) == (48, 48, "near")
    for i, name in enumerate(tool.views):
        x, y = tool._piece(i)
        press(tool, x + 5, y + 5)
        assert tool.value("version") == name and f"{name} in the large view" in spoken(tool)
    assert (tool.value("x"), tool.value("y")) == (48, 48)


def test_the_page_shows_the_view_the_lens_and_the_pieces():
    tool = lens()
    tool.set("", version="far", x=30, y=60, lens=24)
    page = np.asarray(tool.shown.image)
    large = page[TOP : TOP + LARGE, EDGE : EDGE + LARGE].astype(int)
    x, y = tool._piece(1)
    side = tool.sheet.side
    piece = page[y : y + side, x : x + side].transpose(2, 0, 1)
    at = (np.arange(side) * 24) // side
    assert (piece == tool.inside("far")[:, at[:, None], at]).all()
    blank = lens()
    blank.set("", version="far", x=80, y=10, lens=24)
    moved = abs(np.asarray(blank.shown.image)[TOP : TOP + LARGE, EDGE : EDGE + LARGE].astype(int) - large).sum(2) > 0
    rows, columns = np.nonzero(moved)
    # two frames of 3 pixels and no more: around (68, 0) and (18, 48), 24 pixels a side, each 4 on the page
    assert (rows.min(), rows.max()) == (0, 4 * 72 + 2) and (columns.min(), columns.max()) == (4 * 18 - 3, 4 * 92 + 2)
    assert 0 < moved.mean() < 0.02
    assert picture_of(tool).size == tool.size


@pytest.mark.parametrize(("h", "w"), [(96, 40), (40, 96), (5, 7), (1, 1), (300, 300)])
def test_other_shapes(h, w):
    tool = lens(1, h, w)
    most = min(SMALL, h, w)
    for side in {min(4, most), most}:
        tool.set("", lens=side, x=w - 1, y=0)
        assert tool.inside("far").shape == (3, side, side) and not tool.trouble
        left, top, factor = tool._on_page()
        tool._point((left + 0.5 * factor) / tool.size[0], (top + (h - 0.5) * factor) / tool.size[1], True)
        assert (tool.value("x"), tool.value("y")) == (0, h - 1)


def test_decibels_give_way_to_a_name_that_would_be_cut():
    beside = {name: _beside(name, 22.7, 164) for name in ("bicubic", "srresnet-churches")}
    assert beside == {"bicubic": "22.7 dB", "srresnet-churches": "22.7"}
    for name, said in beside.items():
        assert _shortened(name, 164 - font(13).getlength(said) - 6) == name
    assert _shortened("srresnet-churches", 164 - font(13).getlength("22.7 dB") - 6) != "srresnet-churches"
    assert _beside("srresnet-churches", math.inf, 164) == "equal"


@pytest.mark.parametrize("n", range(1, 11))
def test_every_number_of_versions_has_room(n):
    truth = noise(1, 3, 64, 64)
    tool = widgets.lens({f"version {i} with a name": truth for i in range(n)}, truth, noise(1, 3, 16, 16))
    assert len(tool.views) == n + 2 and tool.size[0] <= 960
    corners = [tool._piece(i) for i in range(n + 2)]
    assert len(set(corners)) == n + 2
    assert all(x + tool.sheet.side <= tool.size[0] and y + tool.sheet.side <= tool.size[1] for x, y in corners)


def test_floats_and_images_are_pictures_too():
    truth = noise(2, 3, 32, 32)
    tool = widgets.lens({"a": scale(truth), "b": Images(truth)}, Images(truth), scale(truth[:, :, ::4, ::4]))
    assert set(tool.decibels().values()) == {float("inf")}
    png, alt = tool.still()
    assert png.startswith(b"\x89PNG") and alt.startswith("A lens. Picture 0")


X = noise(2, 3, 32, 32)
WRONG: list[Any] = [
    ([{}, X], "versions is 0 versions, expected 1 to 10"),
    ([{str(i): X for i in range(11)}, X], "versions is 11 versions"),
    ([[X], X], "versions is a list"),
    ([{"truth": X}, X], "a version is named 'truth'"),
    ([{"a": X[:1]}, X], r"a is (1, 3, 32, 32), expected (2, 3, 32, 32)"),
    ([{"a": X[0]}, X], "add the batch dimension"),
    ([{"a": X}, X[:0]], "holds no pixel"),
    ([{"a": X[:, :1]}, X], "expected colour pictures"),
    ([{"a": scale(X) * 2}, X], "a: float images reach from"),
    ([{"a": scale(X) * float("nan")}, X], "they hold NaN"),
    ([{"a": X}, X, X[:1]], "small is (1, 3, 32, 32), expected 2 pictures"),
    ([{"a": X}, X, noise(2, 3, 64, 64)], "no larger than the truth's"),
    ([{"a": 3}, X], "a: images have shape ()"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_shown_is_said_in_the_pictures_place(arguments, said):
    tool = widgets.lens(*arguments)
    assert said in tool.text and picture_of(tool)
    press(tool, 10, 10)
