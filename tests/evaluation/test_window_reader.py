"""The shipped reader tells windows of unseen churches apart, is unsure of blurs, and its errors are counted."""

import json
import math

import pytest
import torch
from torch import nn

from gancourse.data.churches.windows import SHAPES, patches, placed_windows
from gancourse.data.images import scale
from gancourse.evaluation import WeightsError, window_training
from gancourse.evaluation.intervals import wilson
from gancourse.evaluation.window_reader import (
    SHIPPED,
    WindowReader,
    confusion,
    hallucination,
    load_reader,
    probabilities,
    read,
)
from gancourse.files import card_of, read_unpacked
from gancourse.models.base import ShapeError


@pytest.fixture(scope="module")
def unseen():
    """Windows of churches of a seed that nothing was trained on, their pictures in [-1, 1]."""
    images, windows = placed_windows(60, 256, 77)
    return scale(images.pixels), windows


def test_the_shipped_reader_reads_true_windows(unseen):
    x, windows = unseen
    said = read(patches(x, windows))
    assert said.dtype == torch.int64 and len(said) >= 100
    right = int((said == windows.shape).sum())
    assert right >= 0.9 * len(said) and wilson(right, len(said))[1] >= 0.95
    assert (read(patches(x.flip(2), windows)) == windows.shape).double().mean() < 0.7


def test_the_shipped_reader_is_unsure_of_blurs_and_sure_of_a_wrong_shape(unseen):
    x, windows = unseen
    crisp = hallucination(windows.shape, probabilities(patches(x, windows)))
    blurred = hallucination(windows.shape, probabilities(patches(window_training.shrunk(x, 8), windows)))
    assert crisp.share_sure > 0.7 and crisp.rate < 0.05
    assert blurred.share_sure < 0.15
    images, others = placed_windows(20, 256, 77, windows="square")
    invented = hallucination(torch.zeros_like(others.shape), probabilities(patches(scale(images.pixels), others)))
    assert invented.share_sure > 0.9 and invented.rate > 0.95, "square where the truth would be round"


def test_the_card_states_what_the_shipped_reader_does(unseen):
    card = json.loads(card_of(SHIPPED).read_text())
    stated = card["scores"]
    assert set(stated) == {*(f"reader, scale {s}" for s in (1, 4, 8)), *(f"twin, scale {s}" for s in (4, 8))}
    assert stated["reader, scale 1"]["all"] >= 0.95
    assert 1 / 3 < stated["twin, scale 8"]["all"] < stated["twin, scale 4"]["all"] < stated["reader, scale 1"]["all"]
    assert card["parameters"] == sum(p.numel() for p in WindowReader().parameters()) <= 120_000
    assert card["bytes"] == len(read_unpacked(SHIPPED, 1 << 20)) <= 250_000
    x, windows = unseen
    found = (read(patches(window_training.shrunk(x, 4), windows)) == windows.shape).double().mean().item()
    assert found == pytest.approx(stated["reader, scale 4"]["all"], abs=0.12)


def test_a_reader_is_trained_written_and_refused_when_it_is_another(tmp_path):
    out = tmp_path / "w.safetensors.xz"  # the package's own are packed, too
    score = window_training.train_window_reader(out, churches=4, test=3, epochs=1)
    again = load_reader(out)
    assert isinstance(again, WindowReader) and not again.training
    unseen = window_training.collected(3, window_training.TESTED_ON)
    assert window_training.scores(again, unseen.pixels[1], unseen.labels) == score["reader, scale 1"]
    out.write_bytes(b"0" * 100)
    with pytest.raises(WeightsError, match="train-window-reader"):
        load_reader(out)
    with pytest.raises(ValueError, match=r"expected a name in .safetensors"):
        window_training.train_window_reader(tmp_path / "w.pt")
    with pytest.raises(ShapeError, match=r"expected \(B, 3, 24, 24\)"):
        WindowReader()(torch.zeros(1, 3, 32, 32))


def test_training_windows_come_in_every_shape_and_lose_what_they_are_shrunk_by():
    found = window_training.collected(3, 1)
    assert found.labels.bincount().tolist() == [len(found.labels) // 3] * 3
    assert {factor: part.shape for factor, part in found.pixels.items()} == {
        factor: (len(found.labels), 3, 32, 32) for factor in (1, 4, 8)
    }
    steps = [part.float().diff(dim=3).abs().mean().item() for part in found.pixels.values()]
    assert steps == sorted(steps, reverse=True)
    x = scale(found.pixels[1])
    one, two = (window_training.moved(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert one.shape == (len(x), 3, 24, 24) and torch.equal(one, two)


def test_a_reader_sees_the_same_in_fog_and_at_noon():
    model = WindowReader().eval()
    x = torch.rand(4, 3, 24, 24) - 0.5
    assert torch.allclose(model(x), model(0.5 * x + 0.3), atol=0.05)


class Said(nn.Module):
    """Takes patches for logits."""

    def forward(self, x):
        return x


def test_probabilities_are_a_softmax_in_batches():
    logits = torch.randn(1201, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(probabilities(logits, Said()), logits.softmax(1))
    assert torch.equal(read(logits, Said()), logits.argmax(1))


def test_confusion_counts_truths_in_rows():
    truth, said = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 2, 0])
    assert confusion(truth, said).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert confusion(truth[:0], said[:0]).tolist() == [[0] * 3] * 3
    with pytest.raises(ValueError, match="said has values from 0 to 3, expected 0 to 2"):
        confusion(torch.tensor([0, 1]), torch.tensor([0, 3]))
    with pytest.raises(ShapeError, match=r"expected \(B,\) twice"):
        confusion(truth, said[:2])


def test_only_what_is_sure_and_wrong_is_a_hallucination():
    truth = torch.tensor([0, 0, 0, 2])
    probability = torch.tensor([[0.95, 0.03, 0.02], [0.05, 0.95, 0.0], [0.2, 0.8, 0.0], [0.02, 0.02, 0.96]])
    found = hallucination(truth, probability)
    assert (found.windows, found.sure, found.wrong) == (4, 3, 1), "the third is wrong, and not sure"
    assert found.rate == pytest.approx(1 / 3) and found.share_sure == 0.75
    assert found.counts.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]] and found.interval == wilson(1, 3)
    blurred = hallucination(truth, torch.full((4, 3), 1 / 3))
    assert blurred.sure == 0 and math.isnan(blurred.rate) and blurred.share_sure == 0 and blurred.interval == (0, 1)
    assert hallucination(truth, probability, sure=0.5).wrong == 2
    with pytest.raises(ShapeError, match="expected one for each"):
        hallucination(truth[:2], probability)


def test_wilson_against_known_values():
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    for k, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(k, n, 1.959964) == pytest.approx((low, high), abs=5e-5)
    assert wilson(20, 20)[1] == 1 and wilson(20, 20)[0] == pytest.approx(1 - wilson(0, 20)[1])
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(30, 100, z=1.0)
    for p in (low, high):
        assert abs(0.3 - p) == pytest.approx((p * (1 - p) / 100) ** 0.5)
    for k, n in ((5, 4), (-1, 3)):
        with pytest.raises(ValueError, match="expected 0 <= k <= n"):
            wilson(k, n)
    assert len(SHAPES) == 3
