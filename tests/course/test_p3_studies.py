"""P3's two wider claims: what the studies of shuffled pixels and of 128 pixels compute."""

import pytest
import torch

from gancourse.course import claims
from gancourse.course.studies.lesson03 import permuted
from gancourse.course.studies.lesson04 import high_resolution
from gancourse.data import mnist
from gancourse.models import Generator, MLPGenerator


def test_shuffled_images_put_in_order_are_the_images():
    order = torch.randperm(784, generator=torch.Generator().manual_seed(0))
    images = mnist("test").subset(5)
    mixed = permuted.shuffled(images, order)
    assert not torch.equal(mixed.pixels, images.pixels) and mixed.labels is images.labels
    assert torch.equal(*(x.pixels.flatten(1).sort().values for x in (mixed, images)))  # the same pixels, moved
    G = MLPGenerator()
    z = torch.randn(3, 100)
    shown = permuted.InOrder(G, order)(z)
    assert torch.equal(shown.flatten(1)[:, order], G(z).flatten(1))  # shuffled again, they are what G made


def test_a_generator_of_shuffled_digits_shows_digits():
    class Copies(Generator):
        def forward(self, z):
            return mixed.pixels

    order = torch.randperm(784, generator=torch.Generator().manual_seed(1))
    images = mnist("test").subset(5)
    mixed = permuted.shuffled(images, order)
    assert torch.equal(permuted.InOrder(Copies(), order)(torch.zeros(5, 100)), images.pixels)


@pytest.mark.slow
def test_a_quick_run_of_each_pair_at_128_pixels_has_its_figures():
    mlp, dcgan = (high_resolution.run(job | {"n": 400}) for job in high_resolution.jobs(True))
    assert mlp["parameters"] > 10 * dcgan["parameters"] and 0 < mlp["grain_real"] < mlp["grain"] < 1


@pytest.mark.parametrize(
    ("dcgan", "verdict"), [(100.0, claims.FAILS), (260.0, claims.UNDECIDED), (600.0, claims.HOLDS)]
)
def test_the_verdict_on_wider_domains_follows_its_rule(monkeypatch, dcgan, verdict):
    middle = {"MLP": 450.0, "MLP, ten times as long": 250.0, "DCGAN": dcgan}
    rows = [{"name": n, "permuted": True, "classifier_fid": m + d} for n, m in middle.items() for d in (-10, 0, 10)]
    monkeypatch.setattr(claims, "results", lambda study: {"rows": rows})
    assert claims._wider_domains()[1] == verdict
    rows.clear()
    with pytest.raises(LookupError):
        claims._wider_domains()
