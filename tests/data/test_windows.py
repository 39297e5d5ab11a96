"""Windows are where the label map has them, in the shape of the factor, and nothing but the outline tells which."""

import pytest
import torch

from gancourse.data import DataError
from gancourse.data.churches import FACTORS, labelled_churches
from gancourse.data.churches.pen import NUMBER
from gancourse.data.churches.windows import SHAPES, Windows, in_every_shape, patches, placed_windows


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def twelve():
    """Pictures and windows, and the same churches without asking for windows."""
    return (*placed_windows(12, 256, 7), *labelled_churches(12, 256, 7))


def test_centres_are_on_windows_and_labels_are_the_factor(twelve):
    images, windows, plain, maps, factors = twelve
    assert torch.equal(images.pixels, plain.pixels) and images.name == plain.name
    picture, centre, shape = windows
    assert len(picture) >= 12 and centre.shape == (len(picture), 2) and shape.dtype == torch.int64
    assert (maps[picture, centre[:, 0], centre[:, 1]] == NUMBER["window"]).all()
    assert torch.equal(shape, factors["windows"][picture]) and torch.equal(picture, picture.sort().values)


def test_a_centre_is_in_the_head_of_its_window(twelve):
    _, windows, _, maps, _ = twelve
    for picture, (row, column) in zip(windows.picture.tolist(), windows.centre.tolist(), strict=True):
        glass = maps[picture, :, column] == NUMBER["window"]
        above = next(k for k in range(row + 1) if not glass[row - k])
        below = next(k for k in range(len(glass) - row) if not glass[row + k])
        assert above <= 8 and above <= below + 1, "the top is where the shape shows"


def test_the_same_windows_are_found_whatever_their_shape():
    found = [placed_windows(4, 256, 7, windows=shape)[1] for shape in SHAPES]
    for number, windows in enumerate(found):
        assert torch.equal(windows.centre, found[0].centre) and torch.equal(windows.picture, found[0].picture)
        assert (windows.shape == number).all() and len(windows.shape)


def test_a_church_in_every_shape_differs_in_windows_and_doors_alone():
    for number, (pictures, _) in enumerate(in_every_shape(6, 128, 3)):
        for shape, picture in zip(SHAPES, pictures, strict=True):
            images, _, _ = labelled_churches(number + 1, 128, 3, windows=shape)
            assert torch.equal(images.pixels[number], picture)
        far = (pictures[0].int() - pictures[2].int()).abs().amax(0) > 0
        assert 0 < far.double().mean() < 0.03


def test_a_rose_and_a_bellcote_are_no_windows_with_a_shape():
    """Of a chapel's openings those that are round in every church are left out, those of its walls are found."""
    _, windows = placed_windows(12, 256, 2, least=1, plan="chapel")
    _, maps, _ = labelled_churches(12, 256, 2, plan="chapel", windows="round")
    _, other, _ = labelled_churches(12, 256, 2, plan="chapel", windows="square")
    changed = maps != other
    for picture, (row, column) in zip(windows.picture.tolist(), windows.centre.tolist(), strict=True):
        near = changed[picture, max(0, row - 12) : row + 12, max(0, column - 7) : column + 7]
        assert near.any()
    highest = torch.full((12,), 256).scatter_reduce(0, windows.picture, windows.centre[:, 0], "amin")
    tops = torch.tensor([int((one == NUMBER["window"]).any(1).nonzero()[0]) for one in maps])
    assert (highest - tops > 12).double().mean() > 0.8, (
        "the bellcote's hollow is the highest window, and is not counted"
    )


def test_what_differs_in_few_pixels_is_left_out():
    counts = [len(placed_windows(4, 256, 1, least=least)[1].shape) for least in (1, 3, 8)]
    assert counts[0] > counts[1] > counts[2]


def test_patches_are_what_lies_around_a_centre():
    x = torch.rand(2, 3, 20, 30)
    windows = Windows(torch.tensor([0, 1, 1]), torch.tensor([[8, 9], [19, 29], [0, 0]]), torch.zeros(3).long())
    cut = patches(x, windows, 6)
    assert torch.equal(cut[0], x[0, :, 5:11, 6:12])
    assert torch.equal(cut[:, :, 3, 3], x[windows.picture, :, windows.centre[:, 0], windows.centre[:, 1]])
    assert torch.equal(cut[1, :, 3:, 3:], x[1, :, 19:, 29:].expand(3, 3, 3)), "the last pixel goes on"
    whole = torch.arange(2 * 3 * 20 * 30, dtype=torch.int32).view(2, 3, 20, 30).to(torch.uint8)
    assert patches(whole, windows, 6).dtype == torch.uint8
    none = Windows(torch.zeros(0).long(), torch.zeros(0, 2).long(), torch.zeros(0).long())
    assert patches(x, none).shape == (0, 3, 24, 24)


def test_the_glass_is_as_bright_in_every_shape():
    inside = torch.cat([p[:, :, c[:, 0], c[:, 1]] for p, c in in_every_shape(10, 256, 3)], 2).double()
    assert inside.shape[2] > 15
    for other in inside[1:]:  # a centre may be at an edge, which another shape covers a little more
        assert (other - inside[0]).mean().abs() < 4 < inside[0].std()


def test_what_cannot_be_is_refused():
    with pytest.raises(DataError, match="expected at least 1 pixel"):
        placed_windows(1, least=0)
    with pytest.raises(DataError, match="choose from"):
        placed_windows(1, windows="oval")
    windows = Windows(torch.tensor([0]), torch.tensor([[100, 5]]), torch.tensor([0]))
    with pytest.raises(DataError, match="of the churches, and of the size"):
        patches(torch.zeros(1, 3, 64, 64), windows)
    with pytest.raises(DataError, match="expected an even number"):
        patches(torch.zeros(1, 3, 256, 256), windows, 23)
    assert FACTORS["windows"] == SHAPES
