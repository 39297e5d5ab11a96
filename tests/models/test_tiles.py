"""Tiles: a picture in pieces through a network is the picture as a whole through it, where the overlap is enough."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gancourse.models.base import ShapeError
from gancourse.models.tiles import enlarge, pieces, tile_starts

pytestmark = pytest.mark.usefixtures("one_thread")
SIDES = st.integers(1, 60)


class Enlarger(nn.Module):
    """Zero-padded convolutions 3x3 and 5x5 (1 + 2 pixels far) and a PixelShuffle; keeps the sizes that it was given."""

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3 * scale**2, 5, padding=2), nn.PixelShuffle(scale)
        )
        self.drop = nn.Dropout(0.5)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        return self.drop(self.net(x))


FAR = 3
MEAN: Any = lambda x: (x - x.mean((2, 3), keepdim=True)).repeat(1, 1, 2, 2)  # noqa: E731


def picture(h: int, w: int) -> torch.Tensor:
    return torch.rand(3, h, w, generator=torch.Generator().manual_seed(h * 1_000 + w)) * 2 - 1


def whole(G: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return G.eval()(x[None])[0]


@given(length=st.integers(1, 300), tile=st.integers(1, 80), overlap=st.integers(0, 79))
def test_tiles_cover_a_side_and_overlap(length, tile, overlap):
    overlap = min(overlap, tile - 1)
    starts = tile_starts(length, tile, overlap)
    size = min(tile, length)
    assert starts[0] == 0 and starts[-1] + size == length
    assert all(a < b <= a + tile - overlap for a, b in pairwise(starts))
    assert len(starts) == 1 + max(0, -(-(length - tile) // (tile - overlap)))  # no more of them than it takes


def test_the_places_by_hand():
    assert tile_starts(100, 64, 16) == [0, 36]
    assert tile_starts(112, 64, 16) == [0, 48]
    assert tile_starts(113, 64, 16) == [0, 48, 49]
    assert tile_starts(64, 64, 16) == tile_starts(5, 64, 16) == [0]


@settings(max_examples=40, deadline=None)
@given(h=SIDES, w=SIDES, tile=st.integers(2 * FAR + 1, 20), scale=st.sampled_from([1, 2, 4]))
def test_the_result_is_the_network_on_the_whole_picture(h, w, tile, scale):
    G, x = Enlarger(scale), picture(h, w)
    made = enlarge(G, x, scale, tile, 2 * FAR)
    assert made.shape == (3, scale * h, scale * w) and not made.requires_grad
    assert torch.allclose(made, whole(G, x), atol=1e-6)


def test_less_overlap_leaves_seams_where_the_tiles_meet():
    G, x = Enlarger(), picture(40, 40)
    wrong = [(enlarge(G, x, 2, 20, overlap) - whole(G, x)).abs().amax(0) for overlap in (0, 2 * FAR - 2, 2 * FAR)]
    assert wrong[0].max() > 0.05 and wrong[1].max() > 1e-4 and wrong[2].max() < 1e-6
    near = torch.zeros(80, dtype=torch.bool)
    near[2 * (20 - FAR) : 2 * (20 + FAR)] = True  # of the seam between two tiles of 20
    beside = ~near[:, None] & ~near[None]
    assert wrong[0][beside].max() < 1e-6 and (wrong[0][near][:, :34] > 1e-3).any(1).all()


def test_no_tile_is_larger_than_asked_and_the_pieces_cover_the_result_once():
    G, x = Enlarger(), picture(301, 77)
    covered = torch.zeros(602, 154)
    for rows, columns, piece in pieces(G, x, 2, 32, 8):
        covered[rows, columns] += 1
        assert piece.shape == covered[rows, columns].expand(3, -1, -1).shape
    assert (covered == 1).all()
    assert set(G.seen) == {(1, 3, 31, 31)} and len(G.seen) == 13 * 3  # 13 x 31 pixels less 12 x 8 are 307
    wide = Enlarger()
    enlarge(wide, picture(5, 80), 2, 32, 8)
    assert set(wide.seen) == {(1, 3, 5, 32)}


def test_one_of_a_batch_and_training_mode():
    G, x = Enlarger(), picture(13, 9)
    before = torch.get_rng_state()
    first = enlarge(G.train(), x[None], 2, 8, 6)
    assert first.shape == (1, 3, 26, 18) and G.training and G.drop.training  # without dropout, and as it was after
    assert torch.equal(first[0], enlarge(G, x, 2, 8, 6)) and torch.equal(torch.get_rng_state(), before)
    assert enlarge(nn.Upsample(scale_factor=3, mode="bicubic"), x, 3).shape == (3, 39, 27)  # no weights
    whole_of = nn.functional.interpolate(x[None], scale_factor=3, mode="bicubic")[0]
    assert torch.allclose(enlarge(nn.Upsample(scale_factor=3, mode="bicubic"), x, 3, 8, 4), whole_of, atol=1e-6)


def test_what_looks_at_the_whole_picture_is_not_the_same_in_tiles():
    x = picture(20, 20)
    assert (enlarge(MEAN, x, 2, 10, 8) - MEAN(x[None])[0]).abs().max() > 0.01


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (
            (Enlarger(), picture(8, 8), 4),
            ShapeError,
            r"G made \(1, 3, 16, 16\) of a tile .* \(1, 3, 32, 32\)",
        ),
        ((lambda x: 3, picture(8, 8), 2), ShapeError, "G made int of a tile"),
        ((Enlarger(), torch.zeros(2, 3, 8, 8), 2), ShapeError, r"picture is \(2, 3, 8, 8\)"),
        ((Enlarger(), torch.zeros(1, 8, 8), 2), ShapeError, r"picture is \(1, 8, 8\)"),
        ((Enlarger(), torch.zeros(3, 0, 8), 2), ShapeError, r"picture is \(3, 0, 8\)"),
        ((Enlarger(), [1], 2), ShapeError, "picture is list"),
        ((Enlarger(), torch.zeros(3, 8, 8, dtype=torch.uint8), 2), ShapeError, "torch.uint8, expected float32"),
        ((Enlarger(), picture(8, 8), 0), ValueError, "scale is 0"),
        ((Enlarger(), picture(8, 8), 2, 0), ValueError, "tile is 0"),
        ((Enlarger(), picture(8, 8), 2, 8, 8), ValueError, "overlap is 8 pixels, expected 0 to 7"),
        ((Enlarger(), picture(8, 8), 2, 8, -1), ValueError, "overlap is -1"),
    ],
)
def test_what_cannot_be_enlarged_is_said(arguments, error, said):
    with pytest.raises(error, match=said):
        enlarge(*arguments)
