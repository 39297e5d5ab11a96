"""Judging a generator that is told a class: copiers whose answers are known, of digits and of churches."""

import pytest
import torch

from gancourse.data.churches.classes import churches_by_class
from gancourse.data.images import scale
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import conditions

FEW = 500  # real churches that the reader's features are taken of


@pytest.fixture
def few_churches(monkeypatch):
    monkeypatch.setattr(conditions, "N_REAL", FEW)
    conditions.churches.cache_clear()
    yield
    conditions.churches.cache_clear()


def digits(n: int, of) -> torch.Tensor:
    """n training digits for each class, of the class that `of` names."""
    train = mnist("train").subset(5_000)
    assert train.labels is not None
    return torch.stack([scale(train.pixels[train.labels == of(label)][:n]) for label in range(10)])


def test_z_is_as_long_as_g_takes_it_and_every_class_has_its_own():
    seen = []

    def G(z, y):
        seen.append((z, y))
        return torch.zeros(len(z), 1, 28, 28)

    G.z_size = 7  # type: ignore[attr-defined]
    assert conditions.by_class(G, 3, 4, cut=lambda z: z.clamp(-1, 1)).shape == (4, 3, 1, 28, 28)
    assert [(tuple(z.shape), set(y.tolist())) for z, y in seen] == [((3, 7), {label}) for label in range(4)]
    assert max(z.abs().max() for z, _ in seen) <= 1 and not torch.equal(seen[0][0], seen[1][0])


def test_a_swap_of_classes_is_seen_within_them_and_not_over_all():
    right, swapped = digits(100, lambda label: label), digits(100, lambda label: (label + 1) % 10)
    reader = conditions.digits()
    assert conditions.obeyed(right, reader).mean > 0.9 and conditions.obeyed(swapped, reader).mean < 0.1
    assert conditions.over_all(swapped, reader) == pytest.approx(conditions.over_all(right, reader), rel=1e-3)
    near, far = (conditions.within_classes(images, reader) for images in (right, swapped))
    assert near.shape == (10,) and (far > 3 * near).all()


def test_one_image_of_each_class_has_no_variety_and_a_distance_within():
    right = digits(100, lambda label: label)
    same = right[:, :1].expand(-1, 100, -1, -1, -1)
    reader = conditions.digits()
    found = conditions.obeyed(same, reader)
    assert found.mean > 0.8 and found.variety[found.shares > 0].max() < 1e-6
    assert (conditions.within_classes(same, reader) > 2 * conditions.within_classes(right, reader)).all()


def test_churches_are_read_enlarged_as_well_as_large(few_churches):
    reader = conditions.churches()
    images = churches_by_class(400, seed=5)
    large = churches_by_class(400, 64, seed=5)
    assert images.labels is not None
    features, found = reader.look(scale(images.pixels))
    share, better = (
        found.eq(images.labels).double().mean().item(),
        reader.look(scale(large.pixels))[1].eq(images.labels).double().mean().item(),
    )
    print(f"read rightly: {share:.2f} at 32 pixels, {better:.2f} at 64")
    assert features.shape == (400, 96) and 0.5 < share <= better + 0.05
    assert sum(len(reader.real(label)) for label in range(25)) == FEW


def test_a_card_of_churches_counts_what_is_read(few_churches):
    images = churches_by_class(1_500, seed=5)
    assert images.labels is not None
    places = [torch.where(images.labels == label)[0] for label in range(25)]

    def copier(z, y):
        index = torch.stack([places[label][i % len(places[label])] for i, label in enumerate(y.tolist())])
        return scale(images.pixels[index])

    found = conditions.church_scores(copier)
    wrong = conditions.church_scores(lambda z, y: copier(z, (y + 5) % 25))
    assert set(found) == {"obedience", "variety", "distance", "samples"} and found["samples"] == 1_000
    assert found["obedience"] > 0.5 > 0.2 > wrong["obedience"]
    assert wrong["distance"] == pytest.approx(found["distance"], rel=0.05)
