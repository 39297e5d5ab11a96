"""Stacked MNIST: three digits that are MNIST's, drawn each on its own, with labels that say which."""

import math
from typing import Any

import pytest
import torch

from gancourse.data import DataError, mnist, scale, stacked_mnist
from gancourse.data.stacked import MODES, mode_of, mode_shares
from gancourse.evaluation import classifier

N = 20_000


@pytest.fixture(scope="module")
def images():
    return stacked_mnist(N, seed=3)


@pytest.fixture(scope="module")
def digits(images):
    """The three digits of each image by its label, (N, 3)."""
    return torch.stack([images.labels // 100, images.labels // 10 % 10, images.labels % 10], 1)


def digits_of(split):
    return mnist(split).labels


def as_bytes(pixels):
    return [row.tobytes() for row in pixels.reshape(-1, 784).numpy()]


def chi_square(counts, expected):
    return ((counts - expected).square() / expected).sum().item()


def test_what_comes(images):
    assert images.shape == (3, 28, 28) and len(images) == N and images.name == "stacked-train"
    assert images.pixels.dtype == torch.uint8 and images.labels.dtype == torch.int64
    assert images.pixels.untyped_storage().nbytes() == N * 2352  # and no larger set is kept alive behind it
    assert images.labels.min() >= 0 and images.labels.max() < MODES


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_channel_is_a_digit_of_its_split_and_the_label_names_it(split):
    some: Any = stacked_mnist(300, seed=1, split=split)
    theirs: Any
    theirs, others = mnist(split), mnist("test" if split == "train" else "train")
    of = dict(zip(as_bytes(theirs.pixels), theirs.labels.tolist(), strict=True))
    found = as_bytes(some.pixels)
    assert not set(found) & set(as_bytes(others.pixels))
    read = torch.tensor([of[one] for one in found]).view(-1, 3)  # a KeyError: an image that is none of MNIST's
    assert torch.equal(read @ torch.tensor([100, 10, 1]), some.labels)


def test_the_classifier_reads_the_digits_that_the_labels_name(images, digits):
    with torch.no_grad():
        read = classifier()(scale(images.pixels[:400]).view(-1, 1, 28, 28)).argmax(1).view(-1, 3)
    assert (read == digits[:400]).double().mean() > 0.99
    assert torch.equal(mode_of(digits), images.labels)


def test_channels_are_drawn_independently_and_uniformly_over_the_images(images, digits):
    shares = torch.bincount(digits_of("train"), minlength=10).double() / 60_000
    for a, b in ((0, 1), (0, 2), (1, 2)):
        pairs = torch.bincount(10 * digits[:, a] + digits[:, b], minlength=100).double()
        assert chi_square(pairs, N * torch.outer(shares, shares).flatten()) < 99 + 5 * math.sqrt(2 * 99)
        same = (images.pixels[:, a] == images.pixels[:, b]).flatten(1).all(1)
        assert same.sum() <= 5  # by chance one image in 60,000
    one = torch.bincount(digits.flatten(), minlength=10).double()
    assert chi_square(one, torch.full((10,), 3 * N / 10)) > 9 + 10 * math.sqrt(2 * 9)  # not uniform over the digits


def test_a_seed_means_the_same_images_and_more_begin_with_them(images):
    again: Any
    fewer: Any
    other: Any
    again, fewer, other = stacked_mnist(N, 3), stacked_mnist(1000, 3), stacked_mnist(1000, 4)
    assert again.fingerprint == images.fingerprint and torch.equal(again.labels, images.labels)
    assert torch.equal(fewer.pixels, images.pixels[:1000]) and torch.equal(fewer.labels, images.labels[:1000])
    assert (other.labels == fewer.labels).sum() < 20


def test_shares_of_the_modes(digits):
    shares = mode_shares()
    p = torch.bincount(digits_of("train"), minlength=10).double() / 60_000
    assert shares.sum() == pytest.approx(1) and shares.shape == (MODES,)
    assert shares[142].item() == pytest.approx((p[1] * p[4] * p[2]).item())
    counts = torch.bincount(mode_of(digits), minlength=MODES).double()
    assert abs(chi_square(counts, N * shares) - 999) < 5 * math.sqrt(2 * 999)
    assert not torch.allclose(shares, mode_shares("test"))


@pytest.mark.parametrize("n", [0, -1, 1_000_001, 2.5, True, None])
def test_a_bad_number_is_named(n):
    with pytest.raises(
        DataError, match=rf"^n is {n}, expected a whole number of images from 1 to 1,000,000 \(2.4 GB\)"
    ):
        stacked_mnist(n)


@pytest.mark.parametrize("split", ["all", "training", None])
def test_a_bad_split_is_named(split):
    with pytest.raises(DataError, match=f'^split is {split!r}, expected "train" or "test": no image'):
        stacked_mnist(10, split=split)
    with pytest.raises(DataError, match=f"^split is {split!r}"):
        mode_shares(split)
