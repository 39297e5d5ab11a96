"""Scores of translated pictures: against torchmetrics, against counting by hand, and against pictures made for it."""

from __future__ import annotations

import json

import pytest
import torch

from gancourse.data.churches import CLASSES, labelled_churches
from gancourse.data.images import scale
from gancourse.evaluation import WeightsError, segmenter
from gancourse.evaluation.segmenter import (
    SHIPPED,
    Segmenter,
    intersection_over_union,
    mean_iou,
    segment,
    train_segmenter,
)
from gancourse.evaluation.smuggling import told
from gancourse.evaluation.translation import (
    colour_transfer,
    colourfulness,
    distinct,
    enlarged,
    error_inside,
    psnr,
    read_enlarged,
    ssim,
)
from gancourse.files import card_of
from gancourse.models.base import ShapeError


def pictures(n: int = 3, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_psnr_and_ssim_are_torchmetrics(noise):
    functional = pytest.importorskip("torchmetrics.functional.image")
    x = pictures()
    y = (x + noise * pictures(seed=1)).clamp(-1, 1)
    for i in range(len(x)):
        a, b = (x[i : i + 1] + 1) / 2, (y[i : i + 1] + 1) / 2
        assert psnr(x, y)[i].item() == pytest.approx(
            functional.peak_signal_noise_ratio(a, b, data_range=1.0).item(), abs=1e-3
        )
        theirs = functional.structural_similarity_index_measure(a, b, data_range=1.0).item()
        assert ssim(x, y)[i].item() == pytest.approx(theirs, abs=1e-4)


def test_equal_pictures_are_as_near_as_can_be():
    x = pictures()
    assert psnr(x, x).isinf().all() and ssim(x, x).sub(1).abs().max() < 1e-6
    with pytest.raises(ShapeError, match="expected"):
        psnr(x, x[:2])
    with pytest.raises(ShapeError, match="at least 11"):
        ssim(x[..., :8, :8], x[..., :8, :8])


def test_iou_counts_pixels():
    truth = torch.tensor([[[0, 0, 1, 1]]], dtype=torch.uint8)
    found = torch.tensor([[[0, 1, 1, 2]]], dtype=torch.uint8)
    iou = intersection_over_union(found, truth)
    assert iou[:3].tolist() == [1 / 2, 1 / 3, 0] and iou[3:].isnan().all()
    assert mean_iou(found, truth) == pytest.approx((1 / 2 + 1 / 3) / 2)  # class 2 is not in the truth
    with pytest.raises(ShapeError, match="expected equal"):
        mean_iou(found, truth[..., :3])


def test_inside_a_class_and_nowhere_else():
    maps = torch.zeros(1, 4, 4, dtype=torch.uint8)
    maps[0, 0, 0] = CLASSES.index("window")
    x, y = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    y[:, :, 0, 0] = 2 / 127.5
    assert error_inside(x, y, maps, "window") == pytest.approx(2, rel=1e-5) and error_inside(x, y, maps, "sky") == 0
    assert error_inside(x, y, maps, "door") != error_inside(x, y, maps, "door")  # nan
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert colourfulness(red, maps, "sky") == pytest.approx(127.5 * (24 / 9) ** 0.5, rel=1e-4)
    assert colourfulness(x + 0.3, maps, "sky") == pytest.approx(0, abs=1e-4)


def test_distinct_values_of_each_column():
    assert distinct(torch.tensor([[1, 1, 5], [2, 1, 5], [1, 1, 3], [7, 1, 3]])).tolist() == [3, 1, 2]


def test_a_transfer_of_colours_brings_mean_and_spread():
    source, target = 0.2 * pictures(8), 0.1 * pictures(8, seed=1) + 0.4
    moved = colour_transfer(source, source, target)
    assert moved.mean((0, 2, 3)).sub(target.mean((0, 2, 3))).abs().max() < 1e-5
    assert moved.std((0, 2, 3)).sub(target.std((0, 2, 3))).abs().max() < 1e-5


def test_the_reader_reads_enlarged_churches_and_the_shipped_segmenter_finds_the_map():
    churches, maps, factors = labelled_churches(60, 64, 4)
    x = scale(churches.pixels)
    assert enlarged(x).shape == (60, 3, 128, 128)
    read = read_enlarged(x)
    assert (read["stone"] == factors["stone"]).double().mean() > 0.85
    card = json.loads(card_of(SHIPPED).read_text())
    assert mean_iou(segment(churches), maps) == pytest.approx(card["scores"]["mean IoU"], abs=0.05)
    assert mean_iou(segment(x.flip(3)), maps) < 0.6


def test_a_segmenter_is_trained_written_and_refused_when_it_is_another(tmp_path):
    score = train_segmenter(tmp_path / "s.safetensors", images=8, test=4, epochs=1)
    assert set(score) == {"pixels", "mean IoU", *CLASSES}
    again = segmenter.load_segmenter(tmp_path / "s.safetensors")
    assert isinstance(again, Segmenter) and not again.training
    (tmp_path / "s.safetensors").write_bytes(b"0" * 100)
    with pytest.raises(WeightsError, match="train-church-segmenter"):
        segmenter.load_segmenter(tmp_path / "s.safetensors")
    with pytest.raises(ValueError, match=r"expected a name in .safetensors"):
        train_segmenter(tmp_path / "s.pt")
    with pytest.raises(ShapeError, match="multiples of 4"):
        Segmenter(4)(torch.zeros(1, 3, 30, 30))


def test_what_a_picture_tells_is_found_and_what_it_does_not_tell_is_not():
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (240,), generator=rng)
    noise = 0.2 * torch.randn(240, 3, 16, 16, generator=rng)
    faint = torch.zeros(240, 3, 16, 16)
    faint[torch.arange(240), labels, ::2] = 0.4  # stripes in one of three colours
    assert told(noise, labels, width=4).share < 0.5
    found = told(noise + faint, labels, width=4)
    assert found.share > 0.8 and 0.3 < found.chance < 0.5 and 0 < found.error < 0.05
    assert told(noise + faint, labels, width=4) == found  # deterministic
    with pytest.raises(ValueError, match="at least 20"):
        told(noise[:10], labels[:10])
