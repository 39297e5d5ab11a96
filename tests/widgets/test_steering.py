"""The widgets that steer a generator: what they compute, draw and say, by controls and by pointer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from driving import changes, picture_of, press, spoken, square
from PIL import Image
from torch import nn
from traitlets import TraitError

from gancourse import latent, widgets

# ----------------------------------------------------------------------------------------------------- latent explorer


def test_the_explorer_moves_along_its_directions(G):
    figure = widgets.latent_explorer(G, seed=3)
    strongest = latent.principal_directions(G, 6).vectors
    assert torch.equal(figure.z(), latent.sample(64, seed=3))
    figure.set("", **{"direction 2": 1.5})
    assert torch.allclose(figure.z() - latent.sample(64, seed=3), (1.5 * strongest[1]).expand(64, 100), atol=1e-5)
    figure.set("", cut=0.5, view="one", sample=8)
    expected = latent.truncate(latent.sample(64, seed=3)[7:8], 0.5) + 1.5 * strongest[1]
    assert torch.allclose(figure.z(), expected)
    assert figure.describe() == "Sample 8 of 64 of seed 3, z cut off at ±0.5; moved along: direction 2 +1.5."
    found = square(figure.page(), 4, 4, 476)[8::17, 8::17, 0].astype(int)
    assert np.abs(found - figure.source.images(expected)[0, 0]).max() <= 1


def test_own_directions_and_unknown_first_layers(G):
    own = {"thicker": torch.ones(100) / 10}
    figure = widgets.latent_explorer(G, own)
    assert list(figure.directions) == ["thicker"] and "thicker" in figure.controls
    assert "'bad' has shape (3,), expected (100,)" in spoken(widgets.latent_explorer(G, {"bad": torch.ones(3)}))

    class Other(nn.Module):
        z_size = 8

        def forward(self, z):
            return torch.tanh(z)[:, None, None, :].expand(-1, 1, 8, 8)

    figure = widgets.latent_explorer(Other())
    assert spoken(figure).startswith("Random directions") and len(figure.directions) == 6
    vectors = torch.stack(list(figure.directions.values()))
    assert torch.allclose(vectors @ vectors.T, torch.eye(6), atol=1e-5)


def test_the_explorer_slides_rolls_cuts_and_enlarges(networks):
    figure = widgets.latent_explorer(networks[0])
    start = bytes(figure.picture.value)
    said = changes(figure, lambda: setattr(figure.controls["direction 3"], "value", 2.5))
    assert said.startswith("direction 3: 2.50.") and "direction 3 +2.5" in said
    assert "z cut off at ±0.7" in changes(figure, lambda: setattr(figure.controls["cut"], "value", 0.7))
    changes(figure, figure.roll.click)
    assert figure.controls["seed"].value == 1 and "seed 1" in spoken(figure)
    x, y = figure.sheet.corner(10)
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
    page = figure.page

    def counted():
        drawn.append(1)
        return page()

    monkeypatch.setattr(figure, "page", counted)
    figure.reset.click()
    figure.roll.click()
    figure.controls["direction 2"].value = 1
    assert len(drawn) == 3


def test_the_explorer_takes_named_directions_and_refuses_others(networks):
    figure = widgets.latent_explorer(networks[0], {"thicker": torch.ones(100) / 10})
    assert "thicker: 3.00." in changes(figure, lambda: setattr(figure.controls["thicker"], "value", 3.0))
    assert "'short' has shape" in spoken(widgets.latent_explorer(networks[0], {"short": torch.ones(3)}))


def test_latent_space_is_what_the_explorer_shows(networks):
    """The picture is that of the z which the library computes."""
    figure = widgets.latent_explorer(networks[0])
    figure.controls["direction 1"].value = 2.0
    figure.controls["view"].value = "one"
    z = latent.sample(64)[:1] + 2 * latent.principal_directions(networks[0], 1).vectors
    expected = (latent.generate(networks[0], z)[0, 0].numpy() + 1) * 127.5
    picture = np.asarray(picture_of(figure).convert("L")).astype(float)
    assert np.abs(picture[4:480, 4:480][8::17, 8::17] - expected).max() < 4


# -------------------------------------------------------------------------------------------------------- interpolator


def test_the_interpolator_goes_from_a_to_b_and_round(G):
    figure = widgets.interpolator(G, seed=1)
    z = latent.sample(16, seed=1)
    figure.set("", A=2, B=9)
    t = torch.tensor([0.0, 0.25, 1.0])
    assert torch.allclose(figure.at(t), latent.slerp(z[2], z[9], t), atol=1e-6)
    figure.set("", how="lerp")
    assert torch.allclose(figure.at(t), latent.lerp(z[2], z[9], t), atol=1e-6)
    figure.set("", C=4)
    assert torch.equal(figure.at(torch.tensor([0.0, 1.0])), z[[2, 2]])
    assert torch.allclose(figure.at(torch.tensor([1 / 3, 2 / 3])), z[[9, 4]], atol=1e-4)
    for letter, wrong in (("A", -1), ("B", -1), ("B", 16), ("D", 16)):  # from two to four, of sixteen
        with pytest.raises(TraitError):
            figure.controls[letter].value = wrong
    assert figure.chosen == (2, 9, 4)


def test_a_film_loops_without_a_double_frame(G):
    figure = widgets.interpolator(G)
    film = figure.film(32)
    assert len(film) == 32 and np.array_equal(film[1], film[-1]) and not np.array_equal(film[0], film[1])
    ends = figure.source.images(figure.candidates()[[0, 1]]).astype(int)
    assert np.abs(film[0] - ends[0]).max() <= 2 and np.abs(film[16] - ends[1]).max() <= 2
    figure.set("", C=2)
    assert len(figure.film(30)) == 30


def test_the_strip_is_kept_while_the_place_moves(G):
    figure = widgets.interpolator(G)
    calls: list[int] = []
    images = figure.source.images
    figure.source.images = lambda z: calls.append(len(z)) or images(z)  # type: ignore[method-assign, func-returns-value]
    changes(figure, lambda: figure.set("", t=0.7))
    assert calls == [1]
    changes(figure, lambda: figure.set("", B=5))
    assert calls == [1, 1, 9]


def test_the_interpolator_by_controls_and_by_pointer(networks, tmp_path):
    figure = widgets.interpolator(networks[0], folder=tmp_path / "films")
    assert "80% of the way" in changes(figure, lambda: setattr(figure.controls["t"], "value", 0.8))
    assert "by lerp" in changes(figure, lambda: setattr(figure.controls["how"], "value", "lerp"))
    assert "C: 7." in changes(figure, lambda: setattr(figure.controls["C"], "value", 6))
    for i, letter in ((12, "A"), (4, "B")):
        x, y = figure.sheet.corner(i)
        assert f"{letter} is sample {i + 1} now." in changes(figure, lambda x=x, y=y: press(figure, x + 9, y + 9))
    assert figure.chosen == (12, 4, 6) and figure.controls["next"].value == "A"
    x, y = figure.strip.corner(2)
    changes(figure, lambda: press(figure, x + figure.strip.side / 2, y + 9, drag=True))
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


# ---------------------------------------------------------------------------------------------------------- arithmetic


def test_arithmetic_of_chosen_samples(G):
    figure = widgets.arithmetic(G, seed=2)
    z = latent.sample(36, seed=2)
    figure.memory = {"A": [1, 2], "B": [3], "C": [4, 5, 6]}
    answer = figure.answer()
    assert answer is not None
    assert torch.allclose(answer, z[1:3].mean(0) - z[3] + z[4:7].mean(0), atol=1e-6)
    x, y, side = figure.result
    found = square(figure.page(), x, y, side)[4::8, 4::8, 0].astype(int)
    assert np.abs(found - figure.source.images(answer[None])[0, 0]).max() <= 3
    for group in "BC":
        figure.set("", group=group)
        figure.toggle(3)
    assert figure.groups == {"A": [1, 2], "B": [], "C": [4, 5, 6, 3]}
    assert figure.answer() is None and "at least one" in spoken(figure) and figure.page().image.size == figure.size
    with pytest.raises(ValueError, match="sample 37"):
        figure.toggle(36)
    mine = widgets.arithmetic(G, z=z[:5])
    assert mine.sheet.n == 5 and torch.equal(mine.candidates(), z[:5]) and "seed" not in mine.controls
    assert mine.groups == {"A": [0, 1, 2], "B": [3, 4], "C": []}  # of the first nine, those that there are


def test_arithmetic_by_number_and_by_pointer(networks):
    figure = widgets.arithmetic(networks[0])
    figure.controls["group"].value = "B"
    figure.controls["sample"].value = 20
    assert "Sample 20 is in B now. A: 1, 2, 3; B: 4, 5, 6, 20" in changes(figure, figure.put.click)
    x, y = figure.sheet.corner(3)
    assert "Sample 4 is out of B now." in changes(figure, lambda: press(figure, x + 9, y + 9))
    assert "Choose at least one sample" in changes(figure, figure.clear.click)


# ------------------------------------------------------------------------------------------------------------ seed map


def test_the_plane_is_the_same_wherever_one_comes_from(G):
    figure = widgets.seed_map(G, seed=5)
    figure.set("", x=1.0, y=2.0)
    assert torch.equal(figure.z(), figure.crossing(1, 2))
    figure.set("", x=1.25, y=2.5)
    corners = torch.stack([figure.crossing(i, j) for j in (2, 3) for i in (1, 2)])
    assert torch.allclose(figure.z(), latent.blend(corners, 0.25, 0.5), atol=1e-6)
    figure.set("", x=-7.5, y=19.2)
    left, top = figure.corner()
    assert left <= -7.5 <= left + 3 and top <= 19.2 <= top + 3
    figure.set("", x=1.25, y=2.5)
    assert torch.allclose(figure.z(), latent.blend(corners, 0.25, 0.5), atol=1e-6)
    figure.set("", seed=6)
    assert not torch.equal(figure.crossing(1, 2), corners[0])


def test_the_place_under_the_pointer_is_where_the_dot_is_drawn(G):
    figure = widgets.seed_map(G)
    for x, y in ((0.5, 0.5), (1.3, 0.1), (-0.4, 1.9)):
        figure.set("", x=x, y=y)
        picture = square(figure.shown, 0, 0, figure.map[2] + 30).astype(int)
        orange = np.argwhere(np.abs(picture - (0xD0, 0x62, 0x0C)).max(2) == 0)
        row, column = orange.mean(0)
        found = figure.place(column, row)
        assert found is not None and math.isclose(found[0], x, abs_tol=0.02) and math.isclose(found[1], y, abs_tol=0.02)
    assert figure.place(figure.map[2] + 200, 100) is None


def test_the_plane_is_walked_by_arrows_and_pointer(networks):
    figure = widgets.seed_map(networks[0])
    assert "Right. At (0.75, 0.50)" in changes(figure, figure.ways["Right"].click)
    assert "Up. At (0.75, 0.25)" in changes(figure, figure.ways["Up"].click)
    left, top, _ = figure.map
    half = figure.side / 2
    changes(figure, lambda: press(figure, left + half + 2 * figure.pitch, top + half, drag=True))
    assert (figure.controls["x"].value, figure.controls["y"].value) == pytest.approx((1.0, -1.0))
