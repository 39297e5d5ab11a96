"""Ways of making pictures smaller, and crops of the small and the large ones."""

from __future__ import annotations

import pytest
import torch

from gancourse.data.degraded import HOWS, CropPairs, enlarge_bicubic, shrink
from gancourse.data.images import DataError, Images, scale, unscale

pytestmark = pytest.mark.usefixtures("one_thread")


def pictures(n: int = 6, h: int = 32, w: int = 24, seed: int = 0) -> Images:
    rng = torch.Generator().manual_seed(seed)
    return Images(torch.randint(0, 256, (n, 3, h, w), generator=rng, dtype=torch.uint8), name="made up")


def stripes(period: float, side: int = 64) -> torch.Tensor:
    """Upright stripes with `period` pixels, (1, 3, side, side)."""
    wave = 0.8 * torch.cos(2 * torch.pi * torch.arange(side) / period)
    return wave.expand(1, 3, side, side).clone()


def test_area_is_the_mean_of_a_block_rounded_to_a_level():
    pixels = pictures().pixels
    by_hand = pixels.double().view(6, 3, 8, 4, 6, 4).mean((3, 5))
    found = unscale(shrink(scale(pixels), 4))
    assert found.shape == (6, 3, 8, 6)
    assert (found.double() - by_hand).abs().max() <= 0.5 + 1e-3
    small = shrink(scale(pixels), 4)
    assert torch.equal(scale(unscale(small)), small)  # nothing between the levels


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("by", [2, 4, 8])
def test_every_way_keeps_a_flat_picture_and_the_range(how, by):
    flat = scale(torch.full((1, 3, 16, 32), 200, dtype=torch.uint8))
    small = shrink(flat, by, how)
    assert small.shape == (1, 3, 16 // by, 32 // by) and small.dtype == torch.float32
    assert (small - flat[..., : 16 // by, : 32 // by]).abs().max() < 2 / 127.5
    sharp = torch.where(torch.arange(32) < 15, -1.0, 1.0).expand(1, 3, 16, 32)
    assert shrink(sharp, by, how).abs().max() <= 1  # a cubic overshoots at an edge


def test_without_antialiasing_fine_stripes_become_coarse_ones():
    """Stripes of 3.2 pixels cannot be shown at a quarter of the size: what is left of them is another pattern."""
    left = {how: shrink(stripes(3.2), 4, how).std().item() for how in HOWS}
    assert left["bicubic"] > 0.4  # of 0.57
    assert left["antialias"] < left["bicubic"] / 4
    assert left["area"] < left["bicubic"] / 2
    wide = {how: shrink(stripes(32), 4, how) for how in ("bicubic", "antialias")}
    assert (wide["bicubic"] - wide["antialias"]).abs().max() < 0.1  # of those that can be shown both say the same


def test_jpeg_is_area_with_its_own_faults_and_the_same_every_time():
    x = scale(pictures(2).pixels)
    one, area = shrink(x, 4, "jpeg"), shrink(x, 4, "area")
    assert torch.equal(one, shrink(x, 4, "jpeg"))
    assert 0.02 < (one - area).abs().mean() < 0.5
    grey = shrink(x[:, :1], 4, "jpeg")
    assert grey.shape == (2, 1, 8, 6)


def test_bicubic_goes_back_to_the_size_and_stays_in_range():
    x = scale(pictures(2).pixels)
    large = enlarge_bicubic(x, 4)
    assert large.shape == (2, 3, 128, 96) and large.abs().max() <= 1
    slope = torch.linspace(-0.5, 0.5, 16).expand(1, 3, 16, 16)
    assert (enlarge_bicubic(slope, 2)[..., 8:-8] - torch.linspace(-0.5, 0.5, 16).view(1, 1, 1, 16).repeat_interleave(
        2, -1)[..., 8:-8]).abs().max() < 1 / 30  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "by", "said"),
    [((1, 3, 30, 32), 4, "30 x 32"), ((1, 3, 32, 30), 4, r": 32, : 28"), ((3, 32, 32), 4, r"x\[None\]")],
)
def test_sides_that_do_not_divide_are_refused(shape, by, said):
    with pytest.raises(DataError, match=said):
        shrink(torch.zeros(shape), by)


def test_another_way_is_refused():
    with pytest.raises(DataError, match="how is 'lanczos', expected one of area, bicubic"):
        shrink(torch.zeros(1, 3, 8, 8), 4, "lanczos")


# -------------------------------------------------------------------------------- crops


def placed(whole: torch.Tensor, part: torch.Tensor) -> list[tuple[int, int, bool]]:
    """Where part (C, h, w) lies in whole (C, H, W): (row, column, mirrored)."""
    found, side = [], part.shape[-1]
    for mirrored in (False, True):
        wanted = part.flip(-1) if mirrored else part
        windows = whole.unfold(1, side, 1).unfold(2, side, 1)  # (C, rows, columns, side, side)
        hits = (windows == wanted[:, None, None]).flatten(3).all(3).all(0).nonzero().tolist()
        found += [(row, column, mirrored) for row, column in hits]
    return found


@pytest.mark.parametrize("how", ["area", "jpeg"])
def test_a_small_crop_is_cut_from_the_whole_picture_made_small(how):
    data = CropPairs(pictures(), 4, 16, how)
    whole, small = data.images.pixels, unscale(shrink(scale(data.images.pixels), 4, how))
    seen: set[int] = set()
    places: set[tuple[int, int, bool]] = set()
    for epoch in range(6):
        rng = torch.Generator().manual_seed(epoch)
        for lr, hr in data.batches(3, rng):
            assert lr.shape == (3, 3, 4, 4) and hr.shape == (3, 3, 16, 16) and hr.dtype == torch.float32
            for lr_one, hr_one in zip(unscale(lr), unscale(hr), strict=True):
                ((index, (row, column, mirrored)),) = [(i, at) for i in range(6) for at in placed(whole[i], hr_one)]
                assert row % 4 == column % 4 == 0
                assert (row // 4, column // 4, mirrored) in placed(small[index], lr_one)
                seen.add(index)
                places.add((row, column, mirrored))
    assert seen == set(range(6))
    assert {mirrored for *_, mirrored in places} == {False, True}
    assert {row for row, *_ in places} == set(range(0, 17, 4))  # the last place too
    assert {column for _, column, _ in places} == set(range(0, 9, 4))


def test_every_picture_comes_once_an_epoch_and_the_state_of_the_rng_decides():
    data = CropPairs(pictures(), 4, 16)
    one, two = (list(data.batches(2, torch.Generator().manual_seed(3))) for _ in range(2))
    assert all(torch.equal(a, b) for pair in zip(one, two, strict=True) for a, b in zip(*pair, strict=True))
    rng = torch.Generator().manual_seed(3)
    list(data.batches(2, rng))
    assert not torch.equal(next(data.batches(2, rng))[1], one[0][1])
    whole = CropPairs(pictures(h=16, w=16), 4, 16)  # the crop is the picture, mirrored or not
    shown = torch.cat([hr for _, hr in whole.batches(2, rng)])
    sums = sorted(shown.sum((1, 2, 3)).tolist())
    assert sums == pytest.approx(sorted(scale(whole.images.pixels).sum((1, 2, 3)).tolist()), abs=1e-2)


def test_another_scale_crop_or_way_is_other_data():
    kinds = [(4, 16, "area"), (2, 16, "area"), (4, 24, "area"), (4, 16, "bicubic")]
    prints = {CropPairs(pictures(), *kind).fingerprint for kind in kinds}
    assert len(prints) == 4
    assert CropPairs(pictures(), 4, 16).fingerprint == CropPairs(pictures(), 4, 16).to("cpu").fingerprint in prints
    assert CropPairs(pictures(seed=1), 4, 16).fingerprint not in prints


def test_the_middles_are_the_first_pictures():
    data = CropPairs(pictures(h=32, w=32), 4, 16)
    lr, hr = data.middles(8)
    assert lr.shape == (6, 3, 4, 4)
    assert torch.equal(hr, scale(data.images.pixels[..., 8:24, 8:24]))
    assert torch.equal(lr, shrink(scale(data.images.pixels), 4)[..., 2:6, 2:6])


@pytest.mark.parametrize(
    ("images", "by", "crop", "said"),
    [
        (Images(torch.zeros(4, 1, 32, 32, dtype=torch.uint8)), 4, 16, "1 channel, expected 3"),
        (pictures(), 3, 15, "scale is 3, expected one of 2, 4, 8"),
        (pictures(), 4, 18, "crop is 18, .* multiple of 4 up to 24"),
        (pictures(), 4, 44, "crop is 44"),
        (pictures(h=30), 4, 16, "30 x 24 pixels cannot be made 4 times smaller"),
    ],
)
def test_what_does_not_fit_is_refused(images, by, crop, said):
    with pytest.raises(DataError, match=said):
        CropPairs(images, by, crop)
