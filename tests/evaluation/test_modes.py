"""Modes of stacked MNIST: what is counted is what is there, and the KL is the one that is stated."""

import math

import pytest
import torch
from torch import nn

from gancourse.data import DataError, Images, mnist, scale, stacked_mnist
from gancourse.data.stacked import MODES, mode_shares
from gancourse.evaluation import EvaluationError, classifier, count_modes, mode_scores, modes, sampling_floor
from gancourse.evaluation.modes import divergence


@pytest.fixture(scope="module")
def digits():
    """One test image of each digit of which the classifier is as sure as it gets: (10, 28, 28) in [-1, 1]."""
    images = mnist("test").sample(2000)
    x = scale(images.pixels)
    with torch.no_grad():
        p = classifier()(x).softmax(1)
    best = torch.stack([p[:, d].where(images.labels == d, torch.tensor(0.0)).argmax() for d in range(10)])
    return x[best, 0]


@pytest.fixture(scope="module")
def real():
    return stacked_mnist(2000, seed=5, split="test")


@pytest.fixture(scope="module")
def counted(real):
    return count_modes(real)


def drawn(digits, numbers):
    """Clean images of these modes, (len(numbers), 3, 28, 28)."""
    k = torch.as_tensor(numbers)
    return torch.stack([digits[k // 100], digits[k // 10 % 10], digits[k % 10]], 1)


class OfModes(nn.Module):
    """A generator that makes exactly the modes given, all equally often."""

    image_shape, z_size = (3, 28, 28), 4

    def __init__(self, digits, numbers):
        super().__init__()
        self.images, self.norm = drawn(digits, numbers), nn.BatchNorm1d(4)

    def forward(self, z):
        self.norm(z)  # in train mode this would move its statistics
        place = torch.special.ndtr(z[:, 0]) * len(self.images)
        return self.images[place.long().clamp(max=len(self.images) - 1)]


@pytest.mark.parametrize(("m", "n"), [(1, 400), (37, 800), (400, 4000)])
def test_a_generator_of_m_modes_has_m_modes(digits, m, n):
    chosen = torch.randperm(MODES, generator=torch.Generator().manual_seed(m))[:m]
    G = OfModes(digits, chosen).train()
    found = count_modes(G, n)
    assert found.n == found.counts.sum() == n and found.modes == m
    assert torch.equal(found.counts.nonzero().flatten(), chosen.sort().values)
    chance = (m - 1) / (2 * n)
    assert found.kl == pytest.approx(math.log(MODES / m) + chance, abs=0.01 + 3 * chance / math.sqrt(max(1, m / 2)))
    assert found.sure == 1 and found.sure_modes == m
    assert G.training and G.norm.num_batches_tracked == 0


def test_more_samples_are_counted_in_pieces_and_a_seed_means_the_same(digits):
    G = OfModes(digits, range(100, 300))
    a, b, c = count_modes(G, 510), count_modes(G, 510), count_modes(G, 510, seed=1)  # 500 pass at a time
    assert torch.equal(a.counts, b.counts) and not torch.equal(a.counts, c.counts)
    assert count_modes(G, 1).n == 1


def test_the_default_number_is_that_of_the_literature(digits, monkeypatch):
    monkeypatch.setattr(modes, "SAMPLES", 700)
    assert count_modes(OfModes(digits, [3])).n == 700


def test_the_kl_of_a_skewed_histogram(digits):
    images = drawn(digits, [123] * 6 + [789] * 2)
    found = count_modes(images)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found.kl == pytest.approx(math.log(1000) - entropy, abs=1e-12)
    p = mode_shares()
    by_hand = 0.75 * math.log(0.75 / p[123]) + 0.25 * math.log(0.25 / p[789])
    assert found.kl_data == pytest.approx(by_hand, abs=1e-12)
    assert found.at_least(1) == 2 and found.at_least(3) == 1 and found.at_least(7) == 0


def test_the_divergence_is_the_reverse_one():
    share = torch.tensor([0.5, 0.25, 0.25])
    assert divergence(torch.tensor([2, 1, 1]), share) == 0
    assert divergence(torch.tensor([0, 1, 1]), share) == pytest.approx(math.log(2))  # finite: a mode never made
    assert divergence(torch.tensor([1, 1]), torch.tensor([1.0, 0.0])) == math.inf
    with pytest.raises(EvaluationError, match="no images"):
        divergence(torch.zeros(3), share)


def test_real_images_have_the_modes_of_their_labels(real, counted):
    found = counted
    labels = torch.bincount(real.labels, minlength=MODES)
    moved = (found.counts - labels).abs().sum().item() / 2  # images read as another mode, at least
    assert moved < 0.03 * len(real) and found.sure > 0.95
    assert found.distance < 1
    floor = sampling_floor(len(real), "test")
    assert found.kl == pytest.approx(floor.kl, rel=0.1) and found.modes == pytest.approx(floor.modes, rel=0.05)


def test_channels_are_read_each_on_its_own(digits):
    one = drawn(digits, [250])
    other = one.clone()
    other[:, 1] = digits[9]
    assert count_modes(one).counts[250] == 1 and count_modes(other).counts[290] == 1


def test_an_unsure_channel_makes_an_image_unsure(digits):
    two = drawn(digits, [123, 123])
    blends = torch.stack([(digits[a] + digits[b]) / 2 for a in range(10) for b in range(a)]).view(-1, 1, 28, 28)
    with torch.no_grad():  # which of them it is least sure of depends on the processor's instructions
        sure = classifier()(blends).softmax(1).amax(1)
    assert sure.min() < 0.9  # the point of the test
    two[1, 2] = blends[sure.argmin(), 0]
    found = count_modes(two)
    assert found.sure == 0.5 and found.sure_modes == 1


def test_noise_is_far_from_digits_whatever_it_is_read_as(counted):
    noise = torch.rand(500, 3, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert count_modes(noise).distance > 50 * counted.distance
    assert math.isnan(count_modes(noise[:10]).distance)


def test_floor_is_the_mean_of_draws():
    n, draws = 3000, 300
    p, rng = mode_shares(), torch.Generator().manual_seed(0)
    counts = torch.stack([torch.multinomial(p, n, True, generator=rng).bincount(minlength=MODES) for _ in range(draws)])
    floor = sampling_floor(n)
    for expected, values in (
        (floor.modes, (counts > 0).sum(1).double()),
        (floor.kl, torch.tensor([divergence(c, torch.full((MODES,), 1e-3)) for c in counts])),
        (floor.kl_data, torch.tensor([divergence(c, p) for c in counts])),
    ):
        assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(draws)


def test_floor_at_its_ends():
    one, many = sampling_floor(1), sampling_floor(25_600)
    p = mode_shares()
    assert one.modes == pytest.approx(1) and one.kl == pytest.approx(math.log(1000))
    assert many.kl_data == pytest.approx(999 / 51_200, rel=0.03)  # Wilks' theorem
    assert many.modes == pytest.approx(1000, abs=1e-3)
    bias = (p * (1000 * p).log()).sum().item()  # MNIST's digits are not equally frequent
    assert many.kl - many.kl_data == pytest.approx(bias) and 0.003 < bias < 0.006
    assert sampling_floor(128_000).kl_data == pytest.approx(999 / 256_000, rel=0.01)
    with pytest.raises(ValueError, match="n is 0"):
        sampling_floor(0)
    with pytest.raises(DataError, match="split is 'all'"):
        sampling_floor(10, "all")


def test_scores_are_plain_numbers(real):
    found = mode_scores(real)
    assert list(found) == ["samples", "modes", "kl", "kl_data", "few", "sure", "sure_modes", "distance"]
    assert {type(value) for value in found.values()} <= {int, float} and found["samples"] == 2000


def test_modes_that_are_made_too_seldom_are_few(monkeypatch):
    counts = torch.tensor([0, 5, 6, 7] + 996 * [25])
    found = modes.ModeCount(25_600, 999, 0.123456, 0.2, 1.0, 999, 3.0, counts)
    monkeypatch.setattr(modes, "count_modes", lambda *args: found)
    assert mode_scores(nn.Identity())["few"] == 2  # a fifth of 25.6 images are 5.12: those with 0 and with 5
    assert mode_scores(nn.Identity())["kl"] == 0.1235


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(4, 1, 28, 28) - 1, r"shape \(4, 1, 28, 28\), expected \(N, 3, 28, 28\).*stacked_mnist"),
        (torch.zeros(4, 3, 32, 32) - 1, r"expected \(N, 3, 28, 28\)"),
        (Images(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)), r"expected \(N, 3, 28, 28\)"),
        (torch.rand(4, 3, 28, 28), r"expected \[-1, 1\]"),
        (torch.full((4, 3, 28, 28), math.nan), r"expected \[-1, 1\]"),
        (torch.zeros(0, 3, 28, 28), "no images to count"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(EvaluationError, match=message):
        count_modes(images)


def test_a_bad_number_is_named(digits, real):
    with pytest.raises(EvaluationError, match="n is 0"):
        count_modes(OfModes(digits, [1]), 0)
    with pytest.raises(EvaluationError, match="there are 2000 images"):
        count_modes(real, 2001)
