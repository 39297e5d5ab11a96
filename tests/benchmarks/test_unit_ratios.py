"""What must stay quick, against a matrix product on the same machine in the same minute: `pytest -m benchmark -s`.

A figure in seconds says what the machine is and what else it does. Here both sides are processor time of one thread,
taken in turns, the least of several: the ratio is the code's. The limits leave about a factor of 3.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from gancourse import models, widgets
from gancourse.data import mnist
from gancourse.data.churches import render
from gancourse.evaluation import quick_fid
from gancourse.training import Config, Minimax, Trainer

pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("one_thread")]


def ratio(act: Callable[[int], Any], times: int = 7) -> float:
    """Processor time of act(i), in products of two 512 x 512 float32 matrices."""
    a, own, unit = torch.randn(512, 512), [], []
    for i in range(times):
        start = time.process_time()
        for _ in range(10):
            a @ a
        middle = time.process_time()
        act(i)
        own.append(time.process_time() - middle)
        unit.append((middle - start) / 10)
    found = min(own) / min(unit)
    print(f"\n{1000 * min(own):.1f} ms, {found:.1f} products of 512 x 512 matrices")
    return found


def test_a_picture_of_the_playground():
    board = widgets.playground()

    def act(_: int) -> None:
        board.game.play(5)
        board.show()

    assert ratio(act, 20) < LIMITS["playground"]


@pytest.mark.parametrize(("name", "options"), [("mlp", {}), ("dcgan", {}), ("dcgan128", {"width": 16})])
def test_a_key_in_the_latent_explorer(name, options):
    """The kernel's share; the browser tests measure from key to screen. 8 x 8 digits, or one image of 128 pixels."""
    torch.manual_seed(0)
    slider = widgets.latent_explorer(models.networks(name, **options)[0]).controls["direction 1"]
    assert ratio(lambda i: setattr(slider, "value", i / 4 + 0.1)) < LIMITS[name]


def test_a_church():
    assert ratio(lambda i: [render(9, 10 * i + j) for j in range(10)]) / 10 < LIMITS["church"]


def test_the_quick_score_costs_at_most_a_twentieth_of_a_dcgan_epoch():
    torch.manual_seed(0)
    config = Config(epochs=1, model="dcgan")
    run = Trainer(Minimax(*models.networks("dcgan")), mnist("train").subset(3000), config, device="cpu")
    G = run.networks["G"]
    quick_fid(G)  # loads the classifier and the real statistics
    start = time.process_time()
    run.fit(progress=False)
    middle = time.process_time()
    quick_fid(G)
    cost, epoch = time.process_time() - middle, 20 * (middle - start)
    print(f"\nquick score {cost:.2f} s, epoch {epoch:.0f} s of one core: {cost / epoch:.1%}")
    assert cost < 0.05 * epoch


# In products of two 512 x 512 matrices; found on one core of an AMD EPYC (Zen 4): 14.3, 1.3, 7.6, 2.4 and 1.2
LIMITS = {"playground": 45.0, "mlp": 4.0, "dcgan": 24.0, "dcgan128": 8.0, "church": 4.0}
