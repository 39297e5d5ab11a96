"""The widgets of lessons 08 and 09, driven without a browser: by their controls, and by a pointer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from driving import changes, picture_of, press, spoken
from torch import nn

from gancourse import widgets
from gancourse.data.churches import CLASSES
from gancourse.models import UNet
from gancourse.widgets.draw_a_church import LEFT, PIXEL, SIDE, TOP, landscape

pytestmark = pytest.mark.usefixtures("one_thread")
THREE: Any = 3
DIVIDED: Any = lambda x: 1 / 0  # noqa: E731


class Negative(nn.Module):
    """The picture with its colours turned round, and now and then a pixel dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(-x).clamp(-1, 1)


def drawn(G: Any = None) -> Any:
    torch.manual_seed(0)
    return widgets.draw_a_church(Negative() if G is None else G, torch.stack([landscape(), landscape().flip(0)]))


def at(column: int, row: int) -> tuple[float, float]:
    return LEFT + (column + 0.5) * PIXEL, TOP + (row + 0.5) * PIXEL


def test_a_dab_by_the_sliders_and_by_the_pointer_is_the_same():
    by_sliders, by_pointer = drawn(), drawn()
    for board in (by_sliders, by_pointer):
        board.controls["brush"].value, board.controls["width"].value = "roof", 5
    by_sliders.set("", x=20, y=30)
    said = changes(by_sliders, by_sliders.buttons["paint"].click)
    assert "Painted roof at (20, 30)" in said
    press(by_pointer, *at(20, 30))
    assert torch.equal(by_sliders.drawing, by_pointer.drawing)
    roof = by_pointer.drawing == CLASSES.index("roof")
    assert roof[30, 20] and 13 <= roof.sum() <= 25 and roof.nonzero().float().mean(0).tolist() == [30, 20]


def test_a_drag_paints_a_line_and_is_undone_as_one():
    board = drawn()
    board.controls["width"].value = 1
    before = board.drawing
    press(board, *at(10, 10))
    press(board, *at(10, 20), drag=True)
    press(board, *at(16, 20), drag=True)
    wall = board.drawing == CLASSES.index("wall")
    assert wall.sum() == 17 and wall[10:21, 10].all() and wall[20, 10:17].all()
    assert "Undone" in changes(board, board.buttons["undo"].click)
    assert torch.equal(board.drawing, before)
    board.buttons["undo"].click()
    assert "nothing more to undo" in spoken(board)


def test_presses_beside_the_map_do_nothing_and_drags_stop_at_its_edge():
    board = drawn()
    before = board.drawing
    press(board, board.size[0] - 20, TOP + 20)
    press(board, board.size[0] - 60, TOP + 90, drag=True)
    assert torch.equal(board.drawing, before) and not board.memory["before"]
    board.controls["width"].value = 1
    press(board, *at(60, 5))
    press(board, board.size[0] - 20, TOP + 5.5 * PIXEL, drag=True)
    wall = board.drawing == CLASSES.index("wall")
    assert wall[5, 60:].all() and wall.sum() == SIDE - 60


@pytest.mark.parametrize(("x", "y"), [(0, 0), (SIDE - 1, 0), (SIDE - 1, SIDE - 1), (0, SIDE - 1)])
def test_the_brush_at_an_edge_is_drawn_on_the_map_alone(x, y):
    board = drawn()
    small = np.asarray(board.shown.image)
    board.set("", x=x, y=y, width=15)
    large = np.asarray(board.shown.image)
    rows, columns = np.nonzero((small != large).any(-1))
    assert len(rows) and columns.min() >= LEFT - 1 and rows.min() >= TOP - 1  # a frame has a line around it
    assert columns.max() <= LEFT + SIDE * PIXEL and rows.max() <= TOP + SIDE * PIXEL


def test_it_begins_again_and_throws_the_dice_again():
    board = drawn()
    press(board, *at(32, 32))
    assert "Begun again from church 2" in changes(board, lambda: setattr(board.controls["start"], "value", "church 2"))
    assert torch.equal(board.drawing, landscape().flip(0))
    first = board._picture(board.memory["map"], 0)
    changes(board, board.buttons["another"].click)
    assert board.value("seed") == 1 and (board._picture(board.memory["map"], 1) != first).any()
    assert (board._picture(board.memory["map"], 0) == first).all()  # of a seed it is always the same
    state = torch.get_rng_state()
    board.buttons["another"].click()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_drawing_is_saved_and_loaded(tmp_path):
    board = drawn()
    press(board, *at(5, 5))
    board.save(tmp_path / "church.png")
    other = drawn()
    assert "Loaded church.png" in changes(other, lambda: other.load(tmp_path / "church.png"))
    assert torch.equal(other.drawing, board.drawing)


def test_it_shows_map_and_picture_and_says_what_there_is():
    board = drawn(UNet(4))
    assert picture_of(board).size == board.size
    assert (
        board.text.startswith("The map: ")
        and "% sky" in board.text
        and "paints wall, 3 wide, at (32, 32)" in board.text
    )
    png, alt = board.still()
    assert png.startswith(b"\x89PNG") and alt.startswith("Draw a church. The map")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: widgets.draw_a_church(THREE), "G is a int"),
        (
            lambda: widgets.draw_a_church(Negative(), torch.zeros(2, 32, 32, dtype=torch.uint8)),
            r"maps have shape \(2, 32",
        ),
        (lambda: widgets.draw_a_church(DIVIDED), "G raised ZeroDivisionError"),
        (lambda: widgets.there_and_back("noon"), "task is 'noon'"),
        (
            lambda: widgets.there_and_back("dusk", THREE, THREE, torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)),
            "a translator is",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_the_pictures_place(make, said):
    import re

    assert re.search(said, make().text)


class Shift(nn.Module):
    """The picture, lighter by so much."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x):
        return x + self.by


def there_and_back(by: float = 0.2, back: float = -0.2) -> Any:
    pictures = torch.linspace(-0.5, 0.5, 4).view(4, 1, 1, 1).expand(4, 3, 64, 64)
    return widgets.there_and_back("dusk", Shift(by), Shift(back), pictures, pictures)


def test_the_slider_goes_there_and_back():
    tool = there_and_back()
    first, made, last = tool.stages()
    assert (made > first).all() and abs(first.astype(int) - last).max() <= 1
    seen = {}
    for place in (0.0, 0.5, 1.0, 2.0):
        tool.controls["at"].value = place
        seen[place] = tool.shown.image.getpixel((200, 200))
    assert seen[0.0] < seen[0.5] < seen[1.0] > seen[2.0]
    assert "between the picture and translated" in changes(tool, lambda: setattr(tool.controls["at"], "value", 0.25))
    changes(tool, tool.buttons["Back"].click)
    assert tool.value("at") == 2.0 and "back again" in tool.text
    press(tool, 8 + 96, 200)
    assert tool.value("at") == pytest.approx(0.5)
    press(tool, 470, 100)
    assert tool.value("at") == pytest.approx(0.5)


def test_noise_half_way_and_another_way_change_what_comes_back():
    tool = there_and_back(0.2, -0.1)
    assert tool.cycle_error() == pytest.approx(0.1 * 127.5, abs=1)  # of whole levels
    before = tool.stages()
    changes(tool, lambda: setattr(tool.controls["noise"], "value", 2))
    assert "noise of 2 levels half-way" in tool.text
    assert abs(tool.stages()[1].astype(int) - before[1]).max() in (2, 3)
    changes(tool, lambda: setattr(tool.controls["way"], "value", "dusk to morning"))
    assert (tool.stages()[1] < tool.stages()[0]).mean() > 0.9  # now the other translator goes first
    changes(tool, lambda: setattr(tool.controls["church"], "value", 3))
    assert "Church 3" in tool.text


@pytest.mark.parametrize("width", range(1, 16))
def test_the_brush_is_as_wide_as_it_says(width):
    board = drawn()
    board.controls["width"].value = width
    press(board, *at(32, 20))
    wall = (board.drawing == CLASSES.index("wall")).nonzero()
    assert ((wall.max(0).values - wall.min(0).values) + 1).tolist() == [width, width]


@pytest.mark.parametrize(
    "made", [lambda x: [x], lambda x: x[0], lambda x: x * float("nan"), lambda x: x[:0], lambda x: x[..., 0]]
)
def test_a_g_that_gives_no_picture_is_said(made):
    board = widgets.draw_a_church(made, landscape()[None])
    assert "picture" in board.text or "image" in board.text or "G raised" in board.text, board.text
    assert picture_of(board)


def test_maps_that_are_none_are_said_and_arrays_are_maps():
    assert "numbers from" in widgets.draw_a_church(Negative(), torch.full((1, 64, 64), 99)).text
    array: Any = landscape().numpy()[None]
    assert widgets.draw_a_church(Negative(), array).text.startswith("The map")


def test_the_last_seed_is_followed_by_the_first():
    board = drawn()
    board.controls["seed"].value = 9_999
    board.buttons["another"].click()
    assert board.value("seed") == 0


def test_one_side_may_be_given_alone_and_none_may_be_empty():
    pictures = torch.zeros(3, 3, 64, 64)
    tool = widgets.there_and_back("dusk", Shift(0.1), Shift(-0.1), pictures)
    assert tool.controls["church"].max == 2
    empty = torch.zeros(0, 3, 64, 64)
    assert "holds no picture" in widgets.there_and_back("dusk", Shift(0.1), Shift(-0.1), empty, empty).text
