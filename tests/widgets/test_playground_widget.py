"""The playground without a kernel: values set, buttons pressed, pictures and words compared; and its picture."""

from __future__ import annotations

import asyncio
import io

import ipywidgets as w
import numpy as np
import pytest
import torch
from driving import PNG
from PIL import Image

from gancourse import widgets
from gancourse.models.spectral import normalised
from gancourse.theory.playground import CONSTRAINTS, LOSS_NAMES, Game, Settings
from gancourse.widgets.page import SIZE
from gancourse.widgets.playground import GRID, LOSSES, MAIN, game_picture


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


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_another_loss_acts_at_once_and_keeps_the_networks(loss):
    board = widgets.playground()
    game, before = board.game, board.picture.value
    board.controls["loss"].value = "saturating" if loss == "non_saturating" else "non_saturating"
    board.controls["loss"].value = loss
    assert board.game is game and board.settings.loss == loss
    board.buttons["step_both"].click()
    assert rounds(board) == (1, 1) and board.picture.value != before
    assert ("score" in board.status.value) is (loss not in ("non_saturating", "saturating"))


def test_a_constraint_shows_its_weight_and_acts_at_once():
    board = widgets.playground()
    game, weight = board.game, board.controls["weight"]
    assert weight.disabled
    board.controls["loss"].value = "wasserstein"
    board.controls["constraint"].value = "clip"
    assert board.game is game and not weight.disabled and weight.value == CONSTRAINTS["clip"]
    assert "Constraint of D is clip now" in board.status.value
    weight.value = 0.03
    assert "c, λ or γ is 0.03 now" in board.status.value
    board.buttons["step_d"].click()
    assert max(p.abs().max().item() for p in game.D.parameters()) == pytest.approx(0.03)
    board.controls["constraint"].value = "gradient_penalty"
    assert weight.value == board.settings.weight == CONSTRAINTS["gradient_penalty"]
    board.buttons["step_both"].click()
    board.controls["constraint"].value = "none"
    assert weight.disabled and board.game is game and rounds(board) == (2, 1)


def test_spectral_norm_is_a_part_of_d_and_starts_a_new_game():
    board = widgets.playground()
    board.buttons["step_both"].click()
    first = board.game
    board.controls["constraint"].value = "spectral_norm"
    assert board.game is not first and rounds(board) == (0, 0) and normalised(board.game.D)
    assert board.controls["weight"].disabled and "spectral norm now: new networks" in board.status.value
    for name in ("step_d", "step_g", "step_both"):
        board.buttons[name].click()
    assert rounds(board) == (2, 2)
    board.controls["layers_d"].value = 3
    assert len(normalised(board.game.D)) == 4
    board.controls["constraint"].value = "r1"
    assert not normalised(board.game.D) and rounds(board) == (0, 0) and not board.controls["weight"].disabled


def test_a_critic_runs_in_the_loop():
    board = widgets.playground()
    board.controls["loss"].value = "relativistic"
    board.controls["constraint"].value = "r1"

    async def press():
        board.run.click()
        for _ in range(200):
            await asyncio.sleep(0.02)
            if board.game.rounds["G"] >= 3:
                break
        board.pause.click()

    asyncio.run(press())
    assert board.game.rounds["G"] >= 3 and "Paused" in board.status.value and "of its median" in board.status.value


def test_a_constraint_can_be_chosen_while_no_point_is_drawn():
    board = widgets.playground()
    board.controls["data"].value = "drawn"
    board.controls["constraint"].value = "spectral_norm"
    assert board.empty and "No points are drawn yet" in board.status.value
    board.draw_point(1.0, 1.0)
    assert normalised(board.game.D) and "1 point is drawn" in board.status.value


def test_the_way_of_the_tab_key_through_the_controls():
    board, way = widgets.playground(), []

    def walk(widget):
        if isinstance(widget, w.Box):
            for child in widget.children:
                walk(child)
        elif getattr(widget, "description", ""):
            way.append(widget.description)

    walk(board)
    assert way[:7] == ["Run", "Pause", "Step D", "Step G", "Step both", "Reset", "Data"]
    new = ["Constraint of D", "c, λ or γ"]
    assert [name for name in way[7:] if name not in new] == [
        *("Loss", "Optimiser", "x(t), y(t)", "Point at x", "and y", "Add point", "Clear"),
        *("Learning rate D", "Layers of D", "Width of D", "Learning rate G", "Layers of G", "Width of G"),
        *("k: D per G", "Pace of Run"),
    ]
    assert way[way.index("Clear") + 1 :][:2] == new


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


def panel(image, box):
    left, top, right, bottom = (round(side) for side in box)
    return image[top + 2 : bottom - 1, left + 2 : right - 1]


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_game_can_be_drawn(loss, constraint):
    game = Game(Settings(loss=loss, constraint=constraint, weight=0.1))
    first = picture(game)
    game.play(2)
    assert np.abs(picture(game) - first).max() > 60


def test_a_critics_colours_do_not_depend_on_where_its_score_is_zero():
    game = Game(Settings(loss="wasserstein", constraint="gradient_penalty"))
    game.play(10)
    before = picture(game)
    with torch.no_grad():
        list(game.D.parameters())[-1].add_(8.0)
    after = picture(game)
    assert (np.abs(panel(after, MAIN) - panel(before, MAIN)).max(2) > 8).mean() < 0.01
    legend = (LOSSES[0], 300, SIZE[0] - 2, SIZE[1] - 2)
    assert (panel(after, legend) != panel(before, legend)).any()  # it says the median


def test_a_critics_palest_and_darkest_shade_are_equally_far_from_the_middle(monkeypatch):
    game = Game(Settings(loss="hinge"))
    ramp = torch.linspace(-1.0, 3.0, 48).expand(48, 48)  # the middle, 0, lies at a quarter of the way
    monkeypatch.setattr(game, "heat", lambda: (ramp, (-3.0, 0.0, 3.0)))
    monkeypatch.setattr(game, "x_real", game.x_real[:0])
    monkeypatch.setattr(game, "samples", lambda n=0: torch.zeros(0, 2))
    monkeypatch.setattr(game, "arrows", lambda: (torch.zeros(0, 2), torch.zeros(0, 2)))
    row = panel(picture(game), MAIN)[200].sum(1)
    quarter, edge = len(row) // 4, row[-3:].mean()
    line = row[quarter - 6 : quarter + 6].min()
    assert line < edge  # the line at the middle, darker than any shade
    white, middle, dark = 765, row[quarter + 12], edge
    assert middle == pytest.approx((white + dark) / 2, abs=12)
    assert row[3] == pytest.approx(white - (white - dark) / 3, abs=16)


def test_small_and_large_losses_have_a_unit(monkeypatch):
    said = []
    monkeypatch.setattr("gancourse.widgets.page.Canvas.text", lambda self, x, y, text, *a, **k: said.append(text))
    for size, unit in ((0.004, "0.001"), (1.0, ""), (4_000.0, "1e3")):
        game = Game(Settings(loss="wasserstein"))
        game.losses = [(-size, size), (-0.5 * size, 0.2 * size)]
        said.clear()
        game_picture(game)
        assert (f"Losses, in units of {unit}" if unit else "Losses") in said
        assert all(
            len(text) <= 4 for text in said[said.index(next(t for t in said if t.startswith("Losses"))) + 1 :][:4]
        )


def test_a_critic_that_broke_can_be_drawn():
    game = Game(Settings(loss="wasserstein", optimiser="SGD", lr_d=1e30, lr_g=1e30))
    for _ in range(5):
        game.step()
    game.measure()
    assert game.trouble and picture(game).shape[2] == 3
