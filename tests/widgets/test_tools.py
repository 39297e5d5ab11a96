"""The latent tools, without a widget: what they compute, draw and say."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gancourse import data, latent, models, tools
from gancourse.latent import LatentError
from gancourse.latent_pictures import Page, Sheet, message
from gancourse.plots.grids import to_uint8


class Colourful(nn.Module):
    """z (B, 5) -> images (B, 3, 128, 128): each channel one number of z."""

    z_size = 5

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 3, bias=False)

    def forward(self, z):
        return torch.tanh(self.first(z))[:, :, None, None].expand(-1, 3, 128, 128)


@pytest.fixture(scope="module")
def G():
    torch.manual_seed(0)
    made = models.MLPGenerator()
    with torch.no_grad():
        for layer in made.net:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(2)
    return made


@pytest.fixture(params=["grey", "colour"])
def either(request, G):
    torch.manual_seed(0)
    return G if request.param == "grey" else Colourful()


def shown(page, x, y, side):
    """The grey levels (or colours) of a square of a page, as a reader of the file sees them."""
    picture = Image.open(io.BytesIO(page.png())).convert("RGB")
    return np.asarray(picture)[y : y + side, x : x + side]


def tool_names():
    return [tools.Explorer, tools.Interpolator, tools.Arithmetic, tools.SeedMap]


@pytest.mark.parametrize("kind", tool_names())
def test_every_page_has_the_size_it_says_and_opens(kind, either):
    tool = kind(either)
    page = tool.page()
    assert page.image.size == tool.size
    assert Image.open(io.BytesIO(page.packed())).size == tool.size == Image.open(io.BytesIO(page.png())).size
    assert page.kind == ("png" if tool.source.small else "jpeg")
    assert page.packed()[:4] == (b"\x89PNG" if tool.source.small else b"\xff\xd8\xff\xe0")
    assert tool.describe()[0].isupper() or tool.describe()[0].isdigit()


# ---------------------------------------------------------------------------------------------- the page


def test_a_sheet_knows_its_places():
    sheet = Sheet(10, 20, 7, 3, 30, 5)
    assert (sheet.width, sheet.height) == (100, 100)
    for i in range(7):
        x, y = sheet.corner(i)
        assert sheet.at(x + 1, y + 1) == i == sheet.at(x + 29, y + 29)
    assert sheet.at(9, 25) is None and sheet.at(46, 91) is None and sheet.at(120, 25) is None


def test_images_are_drawn_pixel_by_pixel():
    image = data.mnist("test").pixels[:1].numpy()
    page = Page(100, 100, colour=False)
    page.put(image[0], 10, 12, 84)
    found = shown(page, 10, 12, 84)[::3, ::3, 0]
    assert np.abs(found.astype(int) - image[0, 0]).max() <= 1  # the palette has a few greys fewer
    assert (shown(page, 0, 0, 10) == 255).all()


@pytest.mark.parametrize(("n", "size", "side"), [(8, 28, 56), (8, 28, 28), (7, 28, 56), (8, 28, 50), (8, 64, 128)])
def test_a_sheet_drawn_at_once_is_that_of_its_images_one_by_one(n, size, side):
    images = np.random.default_rng(0).integers(0, 256, (n + 1, 1, size, size), np.uint8)
    sheet = Sheet(3, 5, n, 4, side, 6)
    at_once, one_by_one = (Page(sheet.width + 9, sheet.height + 9, colour=False) for _ in range(2))
    at_once.sheet(images, sheet)
    for i in range(n):
        one_by_one.put(images[i], *sheet.corner(i), side)
    assert at_once.image.tobytes() == one_by_one.image.tobytes()


def test_inks_and_smooth_lines_on_a_grey_page():
    page = Page(60, 60, colour=False)
    page.frame(10, 10, 20, 20, "generator")
    page.line([(35, 50), (55, 40)], "accent")
    page.dot(45, 15, 6, "discriminator")
    colours = {tuple(c) for c in shown(page, 0, 0, 60).reshape(-1, 3).tolist()}
    assert {(0xD0, 0x62, 0x0C), (0x5A, 0x3F, 0xA8), (0x00, 0x8F, 0xCC), (255, 255, 255)} <= colours
    assert len(colours) > 6  # shades at the edges
    assert all(len(set(c)) == 1 or max(c) - min(c) > 20 for c in colours)


def test_a_message_fits_its_page():
    page = message(300, 120, "There is no picture", "word " * 200)
    assert page.image.size == (300, 120) and shown(page, 0, 0, 100).min() < 100


# --------------------------------------------------------------------------------------------- frozen G


def test_a_frozen_generator_stays_as_it_was_and_agrees_with_the_plain_one():
    torch.manual_seed(0)
    G, _ = models.networks("dcgan")
    frozen = tools.Frozen(G)
    z = latent.sample(6)
    before = frozen.images(z)
    plain = to_uint8(latent.generate(G, z)).astype(int)
    assert np.abs(before - plain).mean() < 1
    with torch.no_grad():
        next(G.parameters()).mul_(3)
    assert np.array_equal(frozen.images(z), before) and G.training
    assert all(not p.requires_grad for p in frozen.G.parameters())


def test_a_generator_that_raises_is_named():
    class Raises(nn.Module):
        def forward(self, z):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(LatentError, match=r"G raised RuntimeError for z .* mat1 and mat2"):
        tools.Frozen(Raises())
    with pytest.raises(LatentError, match="expected a generator"):
        tools.Frozen("dcgan-mnist")  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- explorer


def test_the_explorer_moves_along_its_directions(G):
    tool = tools.Explorer(G, seed=3)
    strongest = latent.principal_directions(G, 6).vectors
    assert torch.equal(tool.z(), latent.sample(64, seed=3))
    tool.amounts["direction 2"] = 1.5
    assert torch.allclose(tool.z() - latent.sample(64, seed=3), (1.5 * strongest[1]).expand(64, 100), atol=1e-5)
    tool.threshold = 0.5
    tool.one = 7
    expected = latent.truncate(latent.sample(64, seed=3)[7:8], 0.5) + 1.5 * strongest[1]
    assert torch.allclose(tool.z(), expected)
    assert tool.describe() == "Sample 8 of 64 of seed 3, z cut off at ±0.5; moved along: direction 2 +1.5."
    found = shown(tool.page(), 4, 4, 476)[8::17, 8::17, 0].astype(int)
    assert np.abs(found - tool.source.images(expected)[0, 0]).max() <= 1


def test_own_directions_and_unknown_first_layers(G):
    own = {"thicker": torch.ones(100) / 10}
    tool = tools.Explorer(G, own)
    assert list(tool.amounts) == ["thicker"]
    with pytest.raises(LatentError, match="'bad' has shape"):
        tools.Explorer(G, {"bad": torch.ones(3)})

    class Other(nn.Module):
        z_size = 8

        def forward(self, z):
            return torch.tanh(z)[:, None, None, :].expand(-1, 1, 8, 8)

    tool = tools.Explorer(Other())
    assert tool.describe().startswith("Random directions") and len(tool.directions) == 6
    vectors = torch.stack(list(tool.directions.values()))
    assert torch.allclose(vectors @ vectors.T, torch.eye(6), atol=1e-5)


# ------------------------------------------------------------------------------------------ interpolator


def test_the_interpolator_goes_from_a_to_b_and_round(G):
    tool = tools.Interpolator(G, seed=1)
    z = latent.sample(16, seed=1)
    tool.choose(2, 9)
    t = torch.tensor([0.0, 0.25, 1.0])
    assert torch.allclose(tool.at(t), latent.slerp(z[2], z[9], t), atol=1e-6)
    tool.how = "lerp"
    assert torch.allclose(tool.at(t), latent.lerp(z[2], z[9], t), atol=1e-6)
    tool.choose(2, 9, 4)
    assert torch.equal(tool.at(torch.tensor([0.0, 1.0])), z[[2, 2]])
    assert torch.allclose(tool.at(torch.tensor([1 / 3, 2 / 3])), z[[9, 4]], atol=1e-4)
    for wrong in ((1,), (1, 2, 3, 4, 5), (0, 16)):
        with pytest.raises(ValueError, match="expected 2 to 4 numbers from 0 to 15"):
            tool.choose(*wrong)


def test_a_film_loops_without_a_double_frame(G):
    tool = tools.Interpolator(G)
    film = tool.film(32)
    assert len(film) == 32 and np.array_equal(film[1], film[-1]) and not np.array_equal(film[0], film[1])
    ends = tool.source.images(tool.candidates()[[0, 1]]).astype(int)
    assert np.abs(film[0] - ends[0]).max() <= 2 and np.abs(film[16] - ends[1]).max() <= 2
    tool.choose(0, 1, 2)
    assert len(tool.film(30)) == 30


def test_the_strip_is_kept_while_the_place_moves(G):
    tool = tools.Interpolator(G)
    tool.page()
    calls: list[int] = []
    images = tool.source.images
    tool.source.images = lambda z: calls.append(len(z)) or images(z)  # type: ignore[method-assign, func-returns-value]
    tool.t = 0.7
    first = tool.page().packed()
    assert calls == [1]
    tool.choose(0, 5)
    assert tool.page().packed() != first and calls == [1, 1, 9]


# -------------------------------------------------------------------------------------------- arithmetic


def test_arithmetic_of_chosen_samples(G):
    tool = tools.Arithmetic(G, seed=2)
    z = latent.sample(36, seed=2)
    tool.groups = {"A": [1, 2], "B": [3], "C": [4, 5, 6]}
    answer = tool.answer()
    assert answer is not None
    assert torch.allclose(answer, z[1:3].mean(0) - z[3] + z[4:7].mean(0), atol=1e-6)
    x, y, side = tool.result
    found = shown(tool.page(), x, y, side)[4::8, 4::8, 0].astype(int)
    assert np.abs(found - tool.source.images(answer[None])[0, 0]).max() <= 3
    assert tool.toggle("B", 3) is False and tool.toggle("C", 3) is True
    assert tool.answer() is None and "at least one" in tool.describe() and tool.page().image.size == tool.size
    with pytest.raises(ValueError, match="sample 37"):
        tool.toggle("A", 36)
    mine = tools.Arithmetic(G, z=z[:5])
    assert mine.sheet.n == 5 and torch.equal(mine.candidates(), z[:5])


# ---------------------------------------------------------------------------------------------- seed map


def test_the_plane_is_the_same_wherever_one_comes_from(G):
    tool = tools.SeedMap(G, seed=5)
    tool.move(1.0, 2.0)
    assert torch.equal(tool.z(), tool.crossing(1, 2))
    tool.move(1.25, 2.5)
    corners = torch.stack([tool.crossing(i, j) for j in (2, 3) for i in (1, 2)])
    assert torch.allclose(tool.z(), latent.blend(corners, 0.25, 0.5), atol=1e-6)
    tool.move(-7.5, 30.2)
    assert tool.left <= -7.5 <= tool.left + 3 and tool.top <= 30.2 <= tool.top + 3
    tool.move(1.25, 2.5)
    assert torch.allclose(tool.z(), latent.blend(corners, 0.25, 0.5), atol=1e-6)
    tool.seed = 6
    assert not torch.equal(tool.crossing(1, 2), corners[0])


def test_the_place_under_the_pointer_is_where_the_dot_is_drawn(G):
    tool = tools.SeedMap(G)
    for x, y in ((0.5, 0.5), (1.3, 0.1), (-0.4, 1.9)):
        tool.move(x, y)
        picture = shown(tool.page(), 0, 0, tool.map[2] + 30).astype(int)
        orange = np.argwhere(np.abs(picture - (0xD0, 0x62, 0x0C)).max(2) == 0)
        row, column = orange.mean(0)
        found = tool.place(column, row)
        assert found is not None and math.isclose(found[0], x, abs_tol=0.02) and math.isclose(found[1], y, abs_tol=0.02)
    assert tool.place(tool.map[2] + 200, 100) is None


# ---------------------------------------------------------------------------------------------- scrubber


def a_run(epochs=(0, 1, 2, 5)):
    rng = np.random.default_rng(0)
    samples = {e: rng.integers(0, 255, (64, 1, 28, 28)).astype(np.uint8) for e in epochs}
    rows = [{"epoch": e, "loss_d": 1.4 - e / 10, "loss_g": 0.7 + e / 5} for e in range(1, 6)]
    return samples, rows


def test_the_scrubber_shows_the_epoch_and_its_losses():
    samples, rows = a_run()
    tool = tools.Scrubber(samples, rows)
    assert tool.epochs == [0, 1, 2, 5] and tool.epoch == 5
    assert "D's loss 0.900" in tool.describe() and "G's 1.700" in tool.describe() and "Since epoch 2" in tool.describe()
    tool.epoch = 0
    found = shown(tool.page(), 6, 30, 56)[::2, ::2, 0].astype(int)
    assert np.abs(found - samples[0][0, 0]).max() <= 3 and "loss" not in tool.describe()
    left, _, right, bottom = tool.box
    assert tool.place(left, bottom) == 0 and tool.place(right, bottom) == 5
    assert tool.place(left + (right - left) * 0.38, bottom) == 2 and tool.place(5, 5) is None


def test_the_scrubber_survives_nan_losses_and_refuses_nothing_to_show():
    samples, rows = a_run()
    rows[2]["loss_g"] = math.nan
    rows[3]["loss_g"] = math.inf
    tool = tools.Scrubber(samples, rows)
    assert tool.page().image.size == tool.size
    assert tools.Scrubber(samples).page().image.size[0] < tool.size[0]
    with pytest.raises(LatentError, match="no samples"):
        tools.Scrubber({})
    with pytest.raises(LatentError, match="images have shape"):
        tools.Scrubber({1: np.zeros((4, 4))})


# -------------------------------------------------------------------------------------------- real or fake


def test_wilson_intervals():
    low, high = tools.wilson(10, 20)
    assert low == pytest.approx(0.2993, abs=1e-4) and high == pytest.approx(0.7007, abs=1e-4)
    assert tools.wilson(0, 20)[0] == 0 and 0.15 < tools.wilson(0, 20)[1] < 0.17
    assert tools.wilson(20, 20)[1] == pytest.approx(1) and tools.wilson(10, 20)[0] == pytest.approx(1 - high)
    with pytest.raises(ValueError, match="21 right of 20"):
        tools.wilson(21, 20)


class Knows(nn.Module):
    """D that answers by the brightest pixel."""

    def forward(self, x):
        return x.amax((1, 2, 3)) - 0.9


def test_a_round_is_judged_against_the_truth_and_d(G):
    dark = models.MLPGenerator()
    with torch.no_grad():
        for p in dark.parameters():
            p.zero_()
    tool = tools.RealOrFake(dark, Knows())
    assert 0 < sum(tool.truth) < 20 and tool.d_answers == tool.truth  # real digits have white pixels
    for image, real in zip(tool.pixels, tool.truth, strict=True):
        assert (image.max() > 200) == real
    before = tool.page().packed()
    tool.answer(True)
    assert tool.page().packed() != before and "Image 2 of 20" in tool.describe()
    while not tool.over:
        tool.answer(True)
    tool.answer(True)
    n = sum(tool.truth)
    low, high = tools.wilson(n, 20)
    assert len(tool.answers) == 20 and tool.right(tool.answers) == n
    text = tool.describe()
    assert f"You: {n} of 20 right" in text and f"{low:.0%} to {high:.0%}" in text
    assert "D, on the same images: 20 of 20 right, 100%" in text
    assert text.endswith(f"mistakes: {', '.join(str(i + 1) for i in range(20) if not tool.truth[i])}.")
    assert tool.page().image.size == tool.size
    truth = tool.truth
    tool.start(1)
    assert tool.truth != truth and not tool.answers
    tool.start(0)
    assert tool.truth == truth


def test_real_images_must_fit(G):
    with pytest.raises(LatentError, match="pass real images"):
        tools.RealOrFake(Colourful())
    with pytest.raises(LatentError, match="resize them"):
        tools.RealOrFake(G, images=data.Images(torch.zeros(4, 3, 28, 28, dtype=torch.uint8)))


# ---------------------------------------------------------------------------------------------- neighbours


def test_a_copy_is_found_at_distance_zero():
    train = data.mnist("test").subset(7_000)

    class Copies(nn.Module):
        """Gives training images 5,123, 5,124, ..., by heart."""

        def forward(self, z):
            return data.scale(train.pixels[5_123 : 5_123 + len(z)])

    tool = tools.Neighbours(Copies(), train, among=6_000)
    distances, which = tool.found["pixels"]
    assert which[:, 0].tolist() == list(range(5_123, 5_139)) and distances[:, 0].max() < 1e-2
    assert (distances.diff(dim=1) >= 0).all()
    x = train.pixels.flatten(1).float() / 255
    exact = (x - x[5_125]).norm(dim=1).sort()
    assert which[2].tolist() == exact.indices[:6].tolist()
    assert torch.allclose(distances[2], exact.values[:6], atol=1e-2)
    assert tool.found["features"][1][:, 0].tolist() == which[:, 0].tolist()
    tool.chosen = 2
    assert "number 5125, at a distance of 0.0" in tool.describe()
    assert tool.page().image.size == tool.size


def test_neighbours_of_colour_images():
    torch.manual_seed(0)
    pixels = torch.randint(0, 255, (9, 3, 128, 128), dtype=torch.uint8)
    tool = tools.Neighbours(Colourful(), data.Images(pixels))
    assert list(tool.found) == ["pixels"] and tool.page().image.size == tool.size
