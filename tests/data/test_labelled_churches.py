"""Label maps are exact, the pictures beside them are the same to the bit, and pairs differ where they may."""

import itertools
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from gancourse.data import DataError
from gancourse.data.churches import (
    CLASSES,
    FACTORS,
    church_pairs,
    dataset,
    labelled_churches,
    procedural_churches,
    render,
    scenery,
    unpaired_churches,
)
from gancourse.data.churches.aligned import MAY_CHANGE, MOVES, extra_draws
from gancourse.data.churches.pen import NUMBER, Pen
from gancourse.data.pairs import AlignedPairs, UnalignedPairs


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    return tmp_path


def drawn(index, size=32, seed=11, **only):
    """One church with every factor of `only` at one value: its picture and its label map at three times its size."""
    rng = dataset._rng(seed, index)
    names = dataset._names(dataset._draw_factors(rng, {name: (value,) for name, value in only.items()}))
    canvas = Image.new("L", (3 * size, 3 * size))
    return dataset._picture(rng, names, size, canvas), np.asarray(canvas)


def whole(fine, number):
    """Where all nine parts of a pixel are of the class."""
    size = len(fine) // 3
    return (fine.reshape(size, 3, size, 3) == number).all((1, 3))


def touched(fine, numbers):
    """Where any of the nine parts of a pixel is of one of the classes."""
    size = len(fine) // 3
    return np.isin(fine.reshape(size, 3, size, 3), numbers).any((1, 3))


# -- label maps ----------------------------------------------------------------------------------------------------


def test_the_pictures_are_those_of_the_renderer_to_the_bit():
    images, maps, factors = labelled_churches(30, 48, seed=4)
    plain, plain_factors = procedural_churches(30, 48, seed=4)
    assert torch.equal(images.pixels, plain.pixels)
    assert all(torch.equal(factors[name], plain_factors[name]) for name in FACTORS)
    assert maps.shape == (30, 48, 48) and maps.dtype == torch.uint8 and int(maps.max()) < len(CLASSES)


def test_a_pixels_class_is_the_one_at_its_centre():
    picture, fine = drawn(3)
    both = dataset.render_labelled(11, 3, 32)
    assert np.array_equal(both[..., :3], picture)
    for y, x in itertools.product(range(0, 32, 5), range(32)):
        assert both[y, x, 3] == fine[3 * y + 1, 3 * x + 1]


def test_the_pen_fills_the_same_pixels_on_both_canvases():
    rng = np.random.default_rng(0)
    for _ in range(60):
        colours, classes = Image.new("RGB", (60, 60)), Image.new("L", (60, 60))
        plain = Image.new("RGB", (60, 60))
        pen, only = Pen(colours, classes), ImageDraw.Draw(plain)
        points = [(int(x), int(y)) for x, y in rng.integers(-10, 70, (5, 2))]
        x, y = np.sort(rng.integers(0, 60, (2, 2))).tolist()
        box = [x[0], y[0], x[1], y[1]]
        pen.polygon(points, (9, 9, 9), "roof")
        pen.rectangle([3, 4, 12, 9], (9, 9, 9), "roof")
        pen.ellipse(box, (9, 9, 9), "roof")
        only.polygon(points, fill=(9, 9, 9))
        only.rectangle([3, 4, 12, 9], fill=(9, 9, 9))
        only.ellipse(box, fill=(9, 9, 9))
        assert np.array_equal(np.asarray(colours), np.asarray(plain))
        assert np.array_equal(np.asarray(colours)[..., 0] == 9, np.asarray(classes) == NUMBER["roof"])


def test_label_maps_are_the_ones_that_their_version_stands_for():
    """What they were when MAPS_VERSION was set; a little tolerance for another Pillow's edges. Changed? Raise it."""
    counts = np.bincount(labelled_churches(12, 64, seed=0)[1].flatten().numpy(), minlength=len(CLASSES))
    assert dataset.MAPS_VERSION == 1
    expected = [24299, 587, 7601, 1144, 399, 3041, 8438, 1062, 852, 1370, 293, 66]
    assert np.allclose(counts, expected, atol=40), counts.tolist()


def test_every_class_is_in_some_church_and_openings_lie_in_walls():
    maps = labelled_churches(60, 64, seed=2)[1].numpy()
    assert set(np.unique(maps)) == set(range(len(CLASSES)))
    wall, window, door = (NUMBER[name] for name in ("wall", "window", "door"))
    beside = {wall: 0, window: 0, door: 0}
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        neighbour = np.roll(maps, (dy, dx), (1, 2))
        for number in beside:
            beside[number] += int(((maps == window) & (neighbour == number)).sum())
    assert beside[wall] + beside[window] > 0.97 * 4 * (maps == window).sum()  # the rest stands behind a tree
    assert (maps[:, 0] == NUMBER["sky"]).mean() > 0.95


@pytest.mark.parametrize(
    ("name", "before", "after", "classes"),
    [
        ("stone", "brick", "granite", MAY_CHANGE["stone"]),
        ("stone", "whitewash", "rose", MAY_CHANGE["stone"]),
        ("roof", "slate", "tiles", MAY_CHANGE["roof"]),
        ("roof", "copper", "oak", MAY_CHANGE["roof"]),
        ("time", "morning", "dusk", CLASSES),
        ("weather", "clear", "snow", CLASSES),
        ("weather", "cloudy", "rain", CLASSES),
    ],
)
def test_outside_of_what_a_factor_may_change_all_pixels_are_equal(name, before, after, classes):
    """Over many churches: the classes whose pixels change are those that are named, no more and no fewer."""
    numbers, changed_classes = [NUMBER[c] for c in classes], set()
    for index in range(40):
        others = {} if name in ("time", "stone", "roof") else {"time": "noon"}
        a, fine = drawn(index, **others | {name: before})
        b, other = drawn(index, **others | {name: after})
        assert np.array_equal(fine, other)
        changed = (a != b).any(-1)
        assert not changed[~touched(fine, numbers)].any()
        changed_classes |= {c for c in CLASSES if changed[whole(fine, NUMBER[c])].any()}
    assert changed_classes | {"gilt"} == set(classes) | {"gilt"}  # a cross is rarely as thick as a pixel of these


@pytest.mark.parametrize(
    ("name", "before", "after", "kind"),
    [("roof", "slate", "tiles", "roof"), ("stone", "brick", "granite", "wall")],
)
def test_all_that_is_called_roof_or_wall_takes_the_new_colour(name, before, after, kind):
    """In clear noons: so a map's roof and wall are the renderer's, and not more."""
    for index in range(20):
        a, fine = drawn(index, time="noon", weather="clear", **{name: before})
        b, _ = drawn(index, time="noon", weather="clear", **{name: after})
        assert (a != b).any(-1)[whole(fine, NUMBER[kind])].all()


def test_another_window_changes_openings_and_the_walls_around_them_alone():
    for index in range(20):
        _, a = drawn(index, windows="round")
        _, b = drawn(index, windows="square")
        assert {CLASSES[c] for c in np.unique([a[a != b], b[a != b]])} <= {"wall", "window", "door"}


# -- which pairs are aligned ---------------------------------------------------------------------------------------


class Recorder(np.random.Generator):
    """A random generator that writes down how many numbers it was asked for."""

    def __init__(self, bits):
        super().__init__(bits)
        self.asked = []

    def random(self, *size):  # type: ignore[override]
        out = super().random(*size)
        self.asked.append(np.shape(out))
        return out


def asked_for(monkeypatch, **only):
    """What a church draws before its weather falls over the finished picture."""
    rng = Recorder(np.random.PCG64([11, 5]))
    names = dataset._names(dataset._draw_factors(rng, {name: (value,) for name, value in only.items()}))
    monkeypatch.setattr(scenery, "weather_over", lambda *_: None)
    dataset._picture(rng, names, 16)
    return rng.asked


def test_two_times_and_weathers_are_in_line_where_they_are_said_to_be(monkeypatch):
    kinds = list(itertools.product(FACTORS["time"], FACTORS["weather"]))
    asked = {kind: asked_for(monkeypatch, time=kind[0], weather=kind[1]) for kind in kinds}
    for one, other in itertools.combinations(kinds, 2):
        assert (asked[one] == asked[other]) == (extra_draws(*one) == extra_draws(*other)), (one, other)


def test_stone_and_roof_draw_nothing_of_their_own(monkeypatch):
    for name in ("stone", "roof"):
        asked = [asked_for(monkeypatch, **{name: value}) for value in FACTORS[name]]
        assert all(one == asked[0] for one in asked)


def test_every_aligned_pair_has_one_label_map_and_others_have_not():
    def share_equal(one, other):
        return np.mean([np.array_equal(drawn(i, 16, **one)[1], drawn(i, 16, **other)[1]) for i in range(6)])

    kinds = list(itertools.product(("noon", "dusk", "night"), ("clear", "cloudy", "snow")))
    for one, other in itertools.combinations(kinds, 2):
        share = share_equal(*({"time": t, "weather": w} for t, w in (one, other)))
        assert share == 1 if extra_draws(*one) == extra_draws(*other) else share < 0.5, (one, other)


def test_every_factor_is_either_a_pairs_or_refused_with_a_reason():
    assert set(MAY_CHANGE) | set(MOVES) == set(FACTORS) and not set(MAY_CHANGE) & set(MOVES)


# -- pairs ---------------------------------------------------------------------------------------------------------


def test_pairs_are_what_a_trainer_takes():
    pairs, maps, factors = church_pairs(12, "morning", "dusk", 32, seed=3)
    assert isinstance(pairs, AlignedPairs) and len(pairs) == 12 and maps.shape == (12, 32, 32)
    assert pairs.a.name == "churches-v1-32px-seed3 (morning)" and pairs.b.name == "churches-v1-32px-seed3 (dusk)"
    assert {FACTORS["time"][i] for i in factors["time"].tolist()} == {"morning"}
    again = church_pairs(12, "morning", "dusk", 32, seed=3)[0]
    assert again.fingerprint == pairs.fingerprint != church_pairs(12, "dusk", "morning", 32, seed=3)[0].fingerprint
    a, b = next(pairs.batches(5, torch.Generator().manual_seed(1)))
    c, d = next(again.batches(5, torch.Generator().manual_seed(1)))
    assert torch.equal(a, c) and torch.equal(b, d) and a.shape == (5, 3, 32, 32) and float(a.min()) >= -1
    assert float(a.mean()) > float(b.mean()) + 0.1  # a row by day, the same at dusk
    assert torch.equal(maps, labelled_churches(12, 32, seed=3, time="dusk")[1])


def test_fewer_pairs_are_the_beginning_of_more():
    few, some_maps, _ = church_pairs(3, "clear", "snow", 32)
    more, maps, _ = church_pairs(8, "clear", "snow", 32)
    assert torch.equal(few.b.pixels, more.b.pixels[:3]) and torch.equal(some_maps, maps[:3])


def test_nights_are_left_out_of_summer_and_snow():
    _, _, factors = church_pairs(120, "clear", "snow", 16)
    counts = torch.bincount(factors["time"], minlength=5)
    assert FACTORS["time"][4] == "night" and counts[4] == 0 and counts[:4].min() > 15
    free = dataset.factor_table(120, 0)
    assert all(torch.equal(factors[name], free[name]) for name in FACTORS if name not in ("time", "weather"))


def test_other_factors_can_be_held():
    pairs, _, factors = church_pairs(40, "clear", "snow", 16, time="noon", stone=("rose", "brick"))
    assert {FACTORS["stone"][i] for i in factors["stone"].tolist()} == {"brick", "rose"}
    assert {FACTORS["time"][i] for i in factors["time"].tolist()} == {"noon"}
    assert pairs.b.name == "churches-v1-16px-seed0 (brick, rose; noon; snow)"


@pytest.mark.parametrize(
    ("arguments", "only", "message"),
    [
        (
            ("noon", "dusk"),
            {},
            "noon and dusk are not aligned: noon draws 0 random numbers for the height of a low sun, dusk 1, and from "
            "there on every random number means something else, so that the two pictures show two places. Aligned: "
            "morning and evening, morning and dusk, evening and dusk; noon and night (where it is fog, snow, rain).",
        ),
        (("noon", "night"), {"weather": "clear"}, "not aligned with weather clear: noon draws 0 random numbers for st"),
        (("clear", "snow"), {"time": "night"}, "Aligned with time night: fog and snow, fog and rain, snow and rain."),
        (("spire", "dome"), {}, "top moves what is drawn (a higher tower"),
        (("round", "square"), {}, "windows moves what is drawn (the openings have other outlines)"),
        (("noon", "snow"), {}, "'noon' is a value of time, 'snow' one of weather: a pair differs in one factor"),
        (("noon", "noon"), {}, "before and after are both 'noon'"),
        (
            ("summer", "snow"),
            {},
            "'summer' is no value of a church's factor; choose two of one of these. time: morning",
        ),
        (
            ("clear", "snow"),
            {"weather": "fog"},
            "weather is what the two sides differ in, clear and snow; leave weather=",
        ),
        (("clear", "snow"), {"hour": "noon"}, "'hour' is no factor of a church; choose from plan, top"),
        (("clear", "snow"), {"time": "midnight"}, "time cannot be 'midnight'; choose from morning, noon"),
        (("clear", "snow"), {"time": ()}, "time has no value to take; choose from morning"),
    ],
)
def test_pairs_that_are_not_aligned_are_refused_with_what_is_possible(arguments, only, message):
    before, after = arguments
    with pytest.raises(DataError, match=re.escape(message)):
        church_pairs(4, before, after, 16, **only)


def test_unpaired_halves_share_no_church_and_draw_from_the_same_others():
    data = unpaired_churches(20, "clear", "snow", 16, seeds=(1, 2))
    assert isinstance(data, UnalignedPairs) and len(data) == 20
    assert data.a.name == "churches-v1-16px-seed1 (morning, noon, evening, dusk; clear)"
    assert data.b.name == "churches-v1-16px-seed2 (morning, noon, evening, dusk; snow)"
    maps = [labelled_churches(20, 16, seed, time="noon")[1] for seed in (1, 2)]
    assert not any(torch.equal(a, b) for a, b in itertools.product(*maps))
    assert len(unpaired_churches(3, "noon", "dusk", 16)) == 3  # no pairs, so nothing has to be in line
    with pytest.raises(DataError, match="time is what the two sides differ in, noon and dusk"):
        unpaired_churches(3, "noon", "dusk", 16, time="noon")
    with pytest.raises(DataError, match=re.escape("seeds are (4, 4), expected two different ones")):
        unpaired_churches(3, "noon", "dusk", 16, seeds=(4, 4))


# -- many ----------------------------------------------------------------------------------------------------------


def test_many_come_from_a_memory_map_of_their_own(own_cache, monkeypatch):
    monkeypatch.setattr(dataset, "_MANY", 8)
    first, maps, _ = church_pairs(9, "morning", "dusk", 32)
    procedural_churches(9, 32)
    labelled_churches(9, 32)
    files = sorted(file.name for file in own_cache.iterdir())
    assert len(files) == 4 and files[-1] == "churches-v1-32-0-9.npy" and all("-maps-v1-" in name for name in files[:3])
    monkeypatch.setattr(dataset, "render_labelled", lambda *_: pytest.fail("rendered again"))
    again, same, _ = church_pairs(9, "morning", "dusk", 32)
    assert again.fingerprint == first.fingerprint and torch.equal(maps, same)
    assert torch.equal(labelled_churches(9, 32, time="dusk")[0].pixels, first.b.pixels)


def test_several_processes_draw_the_same(monkeypatch):
    monkeypatch.setattr(dataset, "_CHUNK", 3)
    monkeypatch.setattr(dataset, "_MANY", 5)
    monkeypatch.setattr(dataset.workers, "cores", lambda: 2)
    only = {"time": ("dusk",)}
    alone = np.stack([dataset.render_labelled(4, i, 16, only).transpose(2, 0, 1) for i in range(7)])
    monkeypatch.setattr(dataset, "render_labelled", lambda *_: pytest.fail("this process rendered too"))
    assert np.array_equal(dataset._rendered(7, 16, 4, only=only), alone)


def test_a_single_render_is_the_same_as_ever():
    assert np.array_equal(render(11, 2, 32), dataset.render_labelled(11, 2, 32)[..., :3])
