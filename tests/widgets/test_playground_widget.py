"""The playground without a kernel: values set, buttons pressed, pictures and words compared; and its picture."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
import torch
from driving import PNG
from PIL import Image

from gancourse import widgets
from gancourse.theory.playground import Game, Settings
from gancourse.widgets.page import SIZE
from gancourse.widgets.playground import GRID, game_picture


def rounds(board):
    return board.game.rounds["D"], board.game.rounds["G"]


@pytest.mark.parametrize(("name", "after"), [("step_d", (1, 0)), ("step_g", (0, 1)), ("step_both", (1, 1))])
def test_a_button_steps_whom_it_names(name, after):
    board = widgets.playground()
    before, said = board.picture.value, board.status.value
    board.buttons[name].click()
    assert rounds(board) == after
    assert bytes(board.picture.value).startswith(PNG) and board.picture.value != before
    assert board.status.value != said and f"{after[0]} step" in board.status.value


def test_k_rates_loss_and_optimiser_act_at_once_and_keep_the_networks():
    board = widgets.playground()
    game = board.game
    board.controls["k"].value = 3
    board.controls["lr_d"].value = 0.1
    board.controls["loss"].value = "saturating"
    assert board.game is game and game.opt_d.param_groups[0]["lr"] == 0.1
    board.buttons["step_both"].click()
    assert rounds(board) == (3, 1) and "-0.693 at equilibrium" in board.status.value
    board.controls["optimiser"].value = "SGD"
    assert isinstance(game.opt_g, torch.optim.SGD) and game.opt_d.param_groups[0]["lr"] == 0.1


def test_sizes_and_data_start_a_new_game():
    board = widgets.playground()
    board.controls["width_g"].value = 8
    board.controls["layers_d"].value = 3
    assert board.game.G.net[0].out_features == 8
    assert sum(isinstance(layer, torch.nn.Linear) for layer in board.game.D.net) == 4
    before = board.picture.value
    board.controls["data"].value = "two moons"
    assert board.picture.value != before and "two moons" in board.status.value


def test_reset_repeats_the_same_game():
    board = widgets.playground(seed=3)
    shown = []
    for _ in range(2):
        for _ in range(3):
            board.buttons["step_both"].click()
        shown.append(board.picture.value)
        board.buttons["reset"].click()
    assert shown[0] == shown[1] and rounds(board) == (0, 0)


def test_a_formula_and_drawn_points_become_the_data():
    board = widgets.playground()
    board.controls["data"].value = "formula"
    board.formula.value = "2*t, 0*t"
    assert board.game.x_real[:, 0].min() > -0.6 and board.game.x_real[:, 1].abs().max() < 0.6
    game = board.game
    board.formula.value = "2*t"
    assert board.game is game and "needs two parts" in board.status.value
    board.controls["data"].value = "drawn"
    assert board.game is game and "No points are drawn yet" in board.status.value
    board.pen["x"].value, board.pen["y"].value = 1.0, -2.0
    board.add.click()
    assert (board.game.x_real - torch.tensor([1.0, -2.0])).abs().max() < 0.6


def test_run_plays_in_the_loop_and_pause_stops_it():
    board = widgets.playground()

    async def press():
        board.run.click()
        assert board.running
        for _ in range(100):
            await asyncio.sleep(0.02)
            if board.game.rounds["G"] >= 10:
                break
        board.pause.click()
        stopped = rounds(board)
        await asyncio.sleep(0.1)
        return stopped

    before = board.picture.value
    stopped = asyncio.run(press())
    assert stopped == rounds(board) and stopped[1] >= 10 and not board.running
    assert board.picture.value != before and "Paused" in board.status.value


def test_nothing_runs_where_there_is_no_loop():
    board = widgets.playground()
    board.run.click()
    assert rounds(board) == (0, 0) and "needs a Jupyter kernel" in board.status.value


def test_a_run_that_breaks_stops_and_says_why():
    board = widgets.playground()
    board.controls["optimiser"].value = "SGD"
    board.game.set_rates(1e30, 1e30)

    async def press():
        board.run.click()
        assert board._task is not None
        await asyncio.wait_for(board._task, 20)

    asyncio.run(press())
    assert "NaN" in board.status.value and "Lower the learning rates" in board.status.value
    board.controls["lr_d"].value = 1e-4
    board.buttons["reset"].click()
    board.buttons["step_both"].click()
    assert rounds(board) == (1, 1)


def test_every_control_has_a_visible_label():
    board = widgets.playground()
    controls = [*board.controls.values(), *board.buttons.values(), board.run, board.pause, board.pace, board.formula]
    assert all(control.description for control in controls)


# ------------------------------------------------------------------------------------------------ its picture


def picture(game):
    return np.asarray(Image.open(io.BytesIO(game_picture(game))).convert("RGB")).astype(int)


def test_the_picture_moves_with_the_game():
    game = Game(Settings())
    before = picture(game)
    game.play(20)
    assert picture(game).shape == before.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(picture(game) - before).max() > 60


def test_a_generator_that_reaches_far_does_not_draw_over_its_neighbours(monkeypatch):
    game = Game(Settings())
    monkeypatch.setattr(game, "warped_grid", lambda: torch.zeros(1, 2, 2))
    left, top, right, bottom = GRID
    before = picture(game)
    ends = torch.tensor([[[-20.0, 1.0], [20.0, 1.0]], [[0.0, -20.0], [1.0, 20.0]]])
    monkeypatch.setattr(game, "warped_grid", lambda: ends)
    changed = np.argwhere((picture(game) != before).any(2))
    assert len(changed) > 100  # in the grid's own panel
    (y0, x0), (y1, x1) = changed.min(0), changed.max(0)
    assert x0 >= left and y0 >= top and x1 <= right and y1 <= bottom


def test_the_same_game_has_the_same_picture():
    games = [Game(Settings(data="line")), Game(Settings(data="line"))]
    for game in games:
        game.play(250)
    assert np.array_equal(picture(games[0]), picture(games[1]))


def test_a_game_that_broke_can_be_drawn():
    game = Game(Settings(optimiser="SGD", lr_d=1e30))
    for _ in range(5):
        game.step()
    game.measure()
    assert game.trouble and picture(game).shape[2] == 3
