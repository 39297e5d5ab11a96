"""The dashboard: what it draws and says, and the widget that follows a run."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import models, plots
from gancourse.data import Images
from gancourse.plots import dashboard
from gancourse.plots.grids import to_grid
from gancourse.training import Minimax, Trainer
from gancourse.training.trainer import Config
from gancourse.widgets.dashboard import Dashboard


def row(epoch, **values):
    common = {"loss_d": 1.2, "loss_g": 0.9, "d_real": 0.6, "d_fake_before": 0.4, "d_fake_after": 0.38}
    return (
        {"epoch": float(epoch), "images_per_second": 1234.4, "grad_norm_d": 2.0, "grad_norm_g": 1.0} | common | values
    )


@pytest.fixture
def trainer():
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8)
    config = Config(batch_size=32, epochs=2, fast=False, precision="float32")
    return Trainer(Minimax(*models.networks("mlp")), Images(pixels), config, device="cpu")


def pixels_of(png):
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"))


def test_the_curves_are_the_three_panels_and_the_marks_are_there():
    fig = dashboard.picture([row(1), row(2, loss_g=1.1)], title="a run")
    titles = [ax.get_title("left") or ax.get_title() for ax in fig.axes]
    assert titles == ["Loss", "D's mean answer", "Norm of the gradient"]
    labels = {text.get_text() for text in fig.axes[0].texts}
    assert {"2 ln 2", "ln 2", "D's loss", "G's loss"} <= labels
    assert fig.texts[0].get_text() == "a run, epoch 2, 1,234 images/s"


def test_samples_are_drawn_pixel_by_pixel():
    samples = torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8)
    drawn = pixels_of(plots.to_png(dashboard.picture([row(1)], samples), tight=False))
    expected = np.kron(to_grid(samples[:32], 16), np.ones((2, 2), dtype=np.uint8))
    height = expected.shape[0]
    place = drawn[-6 - height : -6, 10 : 10 + expected.shape[1], 0]
    assert np.abs(place.astype(int) - expected).max() <= 1


def test_every_picture_of_a_run_has_one_size(trainer):
    sizes = set()
    trainer.fit(progress=False, watch=lambda t: sizes.add(pixels_of(_png(t)).shape))
    assert len(sizes) == 1


def _png(trainer):
    return plots.to_png(dashboard.picture(trainer.history, trainer.samples[trainer.epoch]), tight=False)


def test_a_generator_without_gradient_can_be_drawn_and_told():
    history = [row(1, grad_norm_g=0.0), row(2, grad_norm_g=0.0)]
    plots.to_png(dashboard.picture(history))
    assert "norm of D's gradient 2, of G's 0." in dashboard.describe(history)


def test_words_before_and_after_an_epoch():
    assert "Before the first epoch" in dashboard.describe([])
    said = dashboard.describe([row(3)])
    assert said.startswith("After epoch 3, 1,234 images/s: D's loss 1.20 (2 ln 2 = 1.39")
    assert "D(x) = 0.60, D(G(z)) = 0.40" in said


def test_the_widget_follows_a_run(trainer, capsys):
    board = Dashboard("tiny")
    pictures = [bytes(board.picture.value)]

    def watch(t):
        board(t)
        pictures.append(bytes(board.picture.value))

    trainer.fit(progress=False, watch=watch)
    assert len(pictures) == 4  # made, before the first epoch, and after each of two
    assert len(set(pictures)) == 4 and pictures[0] == b""
    assert board.history == trainer.history and "tiny. After epoch 2" in board.status.value
    assert "aria-live" in board.status.value
    assert torch.equal(board.samples, trainer.samples[2])
    assert repr(board) == "Training dashboard (live while the notebook runs)"


def test_one_image_widget_is_updated_in_place(trainer):
    board = Dashboard()
    widget = board.picture
    trainer.fit(progress=False, watch=board)
    assert board.picture is widget and board.children[0].children == (widget,)
    assert bytes(widget.value).startswith(b"\x89PNG")


def test_the_last_picture_can_be_left_in_the_notebook(trainer, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "show", lambda *given: shown.append(given))
    board = Dashboard("tiny")
    trainer.fit(progress=False, watch=board)
    board.show("2.6", "A caption.")
    fig, number, caption, alt = shown[0]
    assert (number, caption) == ("2.6", "A caption.")
    assert alt.startswith("Training dashboard. tiny. After epoch 2") and fig.axes
