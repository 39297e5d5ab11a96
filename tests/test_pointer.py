"""Pointer input without a page: what the script would send is set by hand."""

from __future__ import annotations

import json
import shutil
import subprocess

import ipywidgets as w
import pytest

from gancourse import pictures, pointer, widgets
from gancourse.theory.plane import VIEW


def page_sends(target, **state):
    target._listener.set_state(state)


@pytest.fixture
def watched():
    heard: list = []
    picture = w.Image()
    box = w.VBox([picture])
    return pointer.Pointer(picture, box, lambda *point: heard.append(point)), box, heard


def test_presses_and_drags_arrive_with_their_place(watched):
    target, _, heard = watched
    for at in ([0.25, 0.5, 1], [0.3, 0.5, 1], [0.25, 0.5, 2]):
        page_sends(target, at=at)
    assert heard == [(0.25, 0.5, True), (0.3, 0.5, False), (0.25, 0.5, True)]


def test_the_listener_joins_the_box_only_after_the_page_has_reported(watched):
    target, box, _ = watched
    assert len(box.children) == 1 and not target.works
    page_sends(target, alive=True)
    page_sends(target, alive=True)
    assert len(box.children) == 2 and target.works


def test_it_can_be_switched_off(watched):
    target, _, _ = watched
    target.active = False
    assert target._listener.active is False and not target.active


def test_without_anywidget_nothing_is_called_and_nothing_breaks(monkeypatch):
    monkeypatch.setattr(pointer, "anywidget", None)
    board = widgets.playground()
    board.controls["data"].value = "drawn"
    assert not board.pointer.works and "Press Add point" in board.status.value
    board.add.click()
    assert board.game.settings.drawn == ((0.0, 0.0),)
    assert len(board.children) == len(widgets.Playground().children)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here to parse the script")
def test_the_script_is_javascript(tmp_path):
    (tmp_path / "script.mjs").write_text(pointer.SCRIPT)
    code = "import(process.argv[1]).then(m => console.log(JSON.stringify(Object.keys(m.default))))"
    done = subprocess.run(["node", "-e", code, tmp_path / "script.mjs"], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == ["initialize", "render"], done.stderr


def at(x, y):
    """The place in the picture, in [0, 1], of a point in the playground's plane."""
    left, top, right, bottom = pictures.MAIN
    pixels = left + (right - left) * (x + VIEW) / (2 * VIEW), top + (bottom - top) * (VIEW - y) / (2 * VIEW)
    return [pixels[0] / pictures.SIZE[0], pixels[1] / pictures.SIZE[1]]


def test_data_is_drawn_by_pressing_and_dragging():
    board = widgets.playground()
    page_sends(board.pointer, alive=True)
    page_sends(board.pointer, at=[*at(1.0, 1.0), 1])
    assert board.settings.drawn == () and not board.pointer.active  # the data is a ring, not drawn
    board.controls["data"].value = "drawn"
    assert board.pointer.active and "Press or drag in the picture" in board.status.value
    blank = board.picture.value
    board.buttons["step_both"].click()
    board.run.click()
    assert "no data to play on" in board.status.value and board.picture.value == blank
    page_sends(board.pointer, at=[0.9, 0.5, 2])  # beside the plane
    assert board.empty
    for press, place in enumerate([(-1.0, 2.0), (0.5, -1.5)], 3):
        page_sends(board.pointer, at=[*at(*place), press])
        assert board.settings.drawn[-1] == pytest.approx(place)
    page_sends(board.pointer, at=[*at(0.52, -1.5), 4])  # a drag that has hardly moved
    assert len(board.settings.drawn) == 2
    page_sends(board.pointer, at=[*at(0.9, -1.5), 4])
    assert board.settings.drawn[2:] == (pytest.approx((0.7, -1.5)), pytest.approx((0.9, -1.5)))
    assert "4 points are drawn" in board.status.value and board.picture.value != blank
    board.buttons["step_both"].click()
    assert board.game.rounds == {"D": 1, "G": 1}
    board.clear.click()
    assert board.empty and board.picture.value == blank
