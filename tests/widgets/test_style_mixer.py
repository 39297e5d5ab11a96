"""The style mixer, driven without a browser: whose styles are where, and what is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from driving import changes, press, spoken

from gancourse import models, widgets
from gancourse.widgets.style_mixer import DONORS, SOURCES

networks: Any = models.networks

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def G(style_generator):
    return style_generator


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return float(np.abs(a.astype(int) - b.astype(int)).mean()) < 2  # bfloat16's rounding


def test_with_all_layers_a_mixture_is_its_donor_and_no_layer_more_changes_its_source(G):
    tool = widgets.style_mixer(G)
    tool.set("", layers=(1, 6))
    pictures = tool.pictures()
    assert len(pictures) == SOURCES + DONORS + SOURCES * DONORS
    for row in range(DONORS):
        for column in range(SOURCES):
            mixed = pictures[SOURCES + DONORS + row * SOURCES + column]
            assert near(mixed, pictures[SOURCES + row])


def test_layers_are_those_of_the_slider(G):
    tool = widgets.style_mixer(G, seed=4)
    tool.set("", layers=(3, 4))
    sources, donors = tool.styles()
    styles = sources[2].float().expand(6, -1).clone()
    styles[2:4] = donors[1].float()
    with torch.no_grad():
        expected = ((G.synthesis(styles[None])[0] + 1) * 127.5).round().clamp(0, 255).numpy()
    assert near(tool.pictures()[SOURCES + DONORS + 1 * SOURCES + 2], expected)
    assert "Layers 3 to 4 of 6 (8 to 16 pixels) from the donors" in tool.text


def test_truncation_draws_all_towards_one_picture(G):
    G.mapping.w_mean.normal_()
    tool = widgets.style_mixer(G)
    spread = tool.pictures()[:SOURCES].std(0).mean()
    assert "psi 0.00" in changes(tool, lambda: tool.set("", psi=0.0))
    pictures = tool.pictures()
    assert all(near(picture, pictures[0]) for picture in pictures) and spread > 5


def test_buttons_choose_coarse_middle_and_fine_layers(G):
    tool = widgets.style_mixer(G)
    found = {}
    for name, button in tool.buttons.items():
        button.click()
        found[name] = tool.value("layers")
        assert spoken(tool).startswith(f"{name}.")
    assert found == {"Coarse": (1, 2), "Middle": (3, 4), "Fine": (5, 6)}


def test_a_press_chooses_and_one_beside_does_not(G):
    tool = widgets.style_mixer(G)
    x, y = tool.table.corner(2 * SOURCES + 3)
    assert "source 4 with the styles of donor 3" in changes(tool, lambda: press(tool, x + 9, y + 9))
    x, y = tool.above.corner(1)
    changes(tool, lambda: press(tool, x + 9, y + 9))
    x, y = tool.beside.corner(0)
    assert "source 2 with the styles of donor 1" in changes(tool, lambda: press(tool, x + 9, y + 9))
    before = bytes(tool.picture.value)
    press(tool, 3, 3)
    assert bytes(tool.picture.value) == before and tool.memory["chosen"] == [0, 1]


def test_another_seed_gives_others(G):
    tool = widgets.style_mixer(G)
    before = tool.pictures().copy()
    tool.set("", seed=9)
    assert not near(before, tool.pictures())


def test_training_on_does_not_change_the_pictures(G):
    tool = widgets.style_mixer(G)
    before = tool.pictures().copy()
    with torch.no_grad():
        for p in G.parameters():
            p.mul_(2)
    tool._pictures.cache_clear()
    assert np.array_equal(before, tool.pictures())


def test_a_generator_without_styles_is_refused_in_the_pictures_place():
    tool = widgets.style_mixer(networks("dcgan")[0])
    assert "G is a DCGANGenerator, which has no styles" in tool.text and not tool.controls


def test_every_page_has_its_size(G):
    tool = widgets.style_mixer(G)
    assert tool.page().image.size == tool.size
