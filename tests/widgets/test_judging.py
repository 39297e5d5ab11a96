"""The widgets that judge samples: what they compute, draw and say, by controls and by pointer."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from driving import MAKERS, Colourful, changes, press, spoken, square
from torch import nn

from gancourse import data, models, widgets
from gancourse.training import Minimax
from gancourse.widgets import neighbours
from gancourse.widgets.real_or_fake import wilson

# -------------------------------------------------------------------------------------------------------------- epochs


def a_run(epochs=(0, 1, 2, 5)):
    rng = np.random.default_rng(0)
    samples = {e: rng.integers(0, 255, (64, 1, 28, 28)).astype(np.uint8) for e in epochs}
    rows = [{"epoch": e, "loss_d": 1.4 - e / 10, "loss_g": 0.7 + e / 5} for e in range(1, 6)]
    return SimpleNamespace(samples=samples, history=rows)


def test_the_scrubber_shows_the_epoch_and_its_losses():
    run = a_run()
    figure = widgets.epochs_scrubber(run)
    assert figure.epochs == [0, 1, 2, 5] and figure.epoch == 5
    said = spoken(figure)
    assert "D's loss 0.900" in said and "G's 1.700" in said and "Since epoch 2" in said
    figure.set("", epoch=0)
    found = square(figure.shown, 6, 30, 56)[::2, ::2, 0].astype(int)
    assert np.abs(found - run.samples[0][0, 0]).max() <= 3 and "loss" not in spoken(figure)
    left, _, right, bottom = figure.box
    assert figure.place(left, bottom) == 0 and figure.place(right, bottom) == 5
    assert figure.place(left + (right - left) * 0.38, bottom) == 2 and figure.place(5, 5) is None


def test_the_scrubber_survives_nan_losses_and_refuses_nothing_to_show():
    run = a_run()
    run.history[2]["loss_g"] = math.nan
    run.history[3]["loss_g"] = math.inf
    figure = widgets.epochs_scrubber(run)
    assert not figure.trouble and figure.shown.image.size == figure.size
    assert widgets.epochs_scrubber(run.samples).shown.image.size[0] < figure.size[0]
    assert "images have shape" in spoken(widgets.epochs_scrubber({1: np.zeros((4, 4))}))


def test_a_scrubber_of_nothing_says_so(tmp_path):
    assert "no samples" in spoken(widgets.epochs_scrubber({}))
    assert "no samples" in spoken(widgets.epochs_scrubber(tmp_path))


def test_the_scrubber_reads_trainers_and_run_folders(tmp_path):
    from gancourse import data
    from gancourse.training import Trainer
    from gancourse.training.trainer import Config

    torch.manual_seed(0)
    G, D = models.networks("mlp")
    algorithm, images = Minimax(G, D), data.mnist("test").subset(256)
    trainer = Trainer(algorithm, images, Config(model="mlp", epochs=2), out=tmp_path / "run")
    trainer.fit(progress=False)
    figure = widgets.epochs_scrubber(trainer)
    assert figure.epochs == [0, 1, 2] and "after epoch 2" in spoken(figure) and "D's loss" in spoken(figure)
    assert "after epoch 1" in changes(figure, figure.before.click)
    x, bottom = figure.box[0], figure.box[3]
    assert "after epoch 0" in changes(figure, lambda: press(figure, x, bottom - 20, drag=True))
    folder = widgets.epochs_scrubber(tmp_path / "run")
    assert bytes(folder.picture.value) == bytes(widgets.epochs_scrubber(trainer).picture.value)


# -------------------------------------------------------------------------------------------------------- real or fake


def test_wilson_intervals():
    low, high = wilson(10, 20)
    assert low == pytest.approx(0.2993, abs=1e-4) and high == pytest.approx(0.7007, abs=1e-4)
    assert wilson(0, 20)[0] == 0 and 0.15 < wilson(0, 20)[1] < 0.17
    assert wilson(20, 20)[1] == pytest.approx(1) and wilson(10, 20)[0] == pytest.approx(1 - high)
    with pytest.raises(ValueError, match="21 right of 20"):
        wilson(21, 20)


class Knows(nn.Module):
    """D that answers by the brightest pixel."""

    def forward(self, x):
        return x.amax((1, 2, 3)) - 0.9


def test_a_round_is_judged_against_the_truth_and_d(G):
    dark = models.MLPGenerator()
    with torch.no_grad():
        for p in dark.parameters():
            p.zero_()
    figure = widgets.real_or_fake(dark, Knows())
    truth, pixels, theirs = figure.round
    assert 0 < sum(truth) < 20 and theirs == truth  # real digits have white pixels
    for image, real in zip(pixels, truth, strict=True):
        assert (image.max() > 200) == real
    assert "Image 2 of 20" in changes(figure, lambda: figure.answer(True))
    while not figure.over:
        figure.answer(True)
    figure.answer(True)
    n = sum(truth)
    low, high = wilson(n, 20)
    assert len(figure.answers) == 20
    text = figure.describe()
    assert f"You: {n} of 20 right" in text and f"{low:.0%} to {high:.0%}" in text
    assert "D, on the same images: 20 of 20 right, 100%" in text
    assert text.endswith(f"mistakes: {', '.join(str(i + 1) for i in range(20) if not truth[i])}.")
    assert figure.page().image.size == figure.size
    figure.start()
    assert figure.round[0] != truth and not figure.answers
    figure.memory["round"] = 0
    assert figure.round[0] == truth


def test_real_images_must_fit(G):
    assert "pass real images" in spoken(widgets.real_or_fake(Colourful()))
    other = data.Images(torch.zeros(4, 3, 28, 28, dtype=torch.uint8))
    assert "resize them" in spoken(widgets.real_or_fake(G, images=other))


def test_a_round_of_real_or_fake(networks):
    figure = widgets.real_or_fake(*networks)
    truth = figure.round[0]
    for real in truth[:-1]:
        changes(figure, (figure.real if real else figure.fake).click)
    assert "Image 20 of 20" in spoken(figure)
    said = changes(figure, (figure.fake if truth[-1] else figure.real).click)
    assert "You: 19 of 20 right" in said and "D, on the same images" in said and "mistakes: 20." in said
    figure.real.click()
    assert "Press New round" in spoken(figure)
    assert "Image 1 of 20" in changes(figure, figure.again.click)


# ---------------------------------------------------------------------------------------------------------- neighbours


def test_a_copy_is_found_at_distance_zero(monkeypatch):
    monkeypatch.setattr(neighbours, "AMONG", 6_000)
    train = data.mnist("test").subset(7_000)

    class Copies(nn.Module):
        """Gives training images 5,123, 5,124, ..., by heart."""

        def forward(self, z):
            return data.scale(train.pixels[5_123 : 5_123 + len(z)])

    figure = widgets.nearest_neighbours(Copies(), train)
    _, found = figure.found
    distances, which = found["pixels"]
    assert which[:, 0].tolist() == list(range(5_123, 5_139)) and distances[:, 0].max() < 1e-2
    assert (distances.diff(dim=1) >= 0).all()
    x = train.pixels.flatten(1).float() / 255
    exact = (x - x[5_125]).norm(dim=1).sort()
    assert which[2].tolist() == exact.indices[:6].tolist()
    assert torch.allclose(distances[2], exact.values[:6], atol=1e-2)
    assert found["features"][1][:, 0].tolist() == which[:, 0].tolist()
    figure.set("", sample=3)
    assert "number 5125, at a distance of 0.0" in spoken(figure)
    assert figure.shown.image.size == figure.size


def test_neighbours_of_colour_images():
    torch.manual_seed(0)
    pixels = torch.randint(0, 255, (9, 3, 128, 128), dtype=torch.uint8)
    figure = widgets.nearest_neighbours(Colourful(), data.Images(pixels))
    assert list(figure.found[1]) == ["pixels"] and figure.page().image.size == figure.size


def test_neighbours_are_chosen_by_number_and_by_pointer(networks):
    figure = MAKERS["nearest_neighbours"](*networks)
    assert "Sample 3 of seed 0" in changes(figure, lambda: setattr(figure.controls["sample"], "value", 3))
    x, y = figure.sheet.corner(15)
    assert "Sample 16 of seed 0" in changes(figure, lambda: press(figure, x + 3, y + 3))
    assert "Sample 16 of seed 1" in changes(figure, figure.roll.click)
