"""What the screen lets through is all that counts: neighbours and counts against every pair computed by hand."""

from __future__ import annotations

import pytest
import torch

from gancourse.evaluation import distances, kernel_distance
from gancourse.evaluation.distances import close_pairs, nearest
from gancourse.evaluation.neighbours import manifold_scores, memorisation, nearest_neighbours, radii

pytestmark = pytest.mark.usefixtures("one_thread")


def every(a, b):
    """All distances (M, N), each from the difference, in float64."""
    return torch.stack([(b.double() - x.double()).square().sum(1).sqrt() for x in a])


def by_hand(real, fake, k_precision=3, k_density=5):
    """Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 5 and 6; as they stand there."""
    d = every(fake, real)
    reach, wide = (every(real, real).kthvalue(k + 1).values for k in (k_precision, k_density))
    reach_fake = every(fake, fake).kthvalue(k_precision + 1).values
    return (
        ((d <= reach).any(1).double().mean().item(), (d <= reach_fake[:, None]).any(0).double().mean().item()),
        ((d <= wide).sum().item() / (k_density * len(fake)), (d <= wide).any(0).double().mean().item()),
    )


def normal(n, size, seed):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def sets(kind):
    """Two sets of features, as awkward as the name says."""
    a, b = normal(411, 6, 0), 1.2 * normal(350, 6, 1)
    if kind == "far from 0":  # float32 keeps four digits of a difference
        return a + 1000, b + 1000
    if kind == "one huge":  # rounding of its products is larger than all other distances
        a[7], b[3] = 1e6, -1e6
    if kind == "copies":
        a[100:160], b[:200] = a[5], a[5]
        b[200:220] = a[20:40]
    if kind == "collapsed":
        b = b[:1].expand(350, -1)
    if kind == "all one point":
        return a[:1].expand(40, -1), a[:1].expand(30, -1)
    if kind == "tight":  # clusters a millionth wide
        return 1e-6 * a + (torch.arange(411) % 3)[:, None], 1e-6 * b + (torch.arange(350) % 4)[:, None]
    if kind == "few":
        return a[:7], b[:9]
    if kind == "on a line":
        return a[:, :1], b[:, :1]
    if kind == "wide":
        return normal(90, 900, 2), 0.9 * normal(80, 900, 3)
    if kind == "float64":
        return a.double() + 1e-9, b.double()
    return a, b


KINDS = ["plain", "far from 0", "one huge", "copies", "collapsed", "all one point", "tight", "few", "on a line", "wide"]
KINDS += ["float64"]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_all_pairs(kind):
    real, fake = sets(kind)
    assert manifold_scores(real, fake) == by_hand(real, fake)
    assert manifold_scores(fake, real, 5, 2) == by_hand(fake, real, 5, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_are_those_of_all_pairs(kind):
    points, among = sets(kind)
    d = every(points, among)
    expected = d.topk(4, 1, largest=False).values
    found, index = nearest(points, among, 4)
    assert torch.allclose(found, expected, rtol=1e-12, atol=0)
    assert torch.allclose(d.gather(1, index), expected, rtol=1e-12, atol=0)
    assert all(len(set(row.tolist())) == 4 for row in index)


def test_a_copy_lies_at_0_even_far_from_the_origin():
    a = normal(500, 64, 0) + 300
    assert nearest_neighbours(a[100:200], a)[0].eq(0).all()
    assert torch.equal(nearest_neighbours(a[100:200], a)[1], torch.arange(100, 200))
    assert radii(torch.cat([a, a]), 1).eq(0).all() and radii(a, 1).min() > 1
    assert memorisation(a[:300], a[300:], a[:50]).share == 1


def test_a_program_that_allows_coarse_products_gets_the_same():
    real, fake = sets("far from 0")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert distances.Screen(real, fake).bounds(slice(0, 5)).dtype == torch.float64
        assert manifold_scores(real, fake) == by_hand(real, fake)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("kind", ["plain", "one huge", "wide", "tight"])
def test_bounds_are_below_the_distances_and_near_them(kind):
    points, among = sets(kind)
    screen = distances.Screen(points, among)
    bounds = screen.bounds(slice(0, len(points)))[:, : len(among)].double()
    squares = (every(points, among) / screen.scale).square()
    norms = sum(
        (x.double() - among.double().mean(0)).square().sum(1).div(screen.scale**2).view(shape)
        for x, shape in ((points, (-1, 1)), (among, (1, -1)))
    )
    assert (bounds <= squares).all()
    assert (squares - bounds <= 3e-4 * norms + 1e-12).all()


@pytest.mark.parametrize("kind", ["plain", "collapsed"])
def test_memory_does_not_grow_with_the_number_of_pairs(kind, monkeypatch):
    """No part has more distances than _PAIRS says, whatever passes the screen."""
    monkeypatch.setattr(distances, "_PAIRS", 1 << 14)
    sizes = []
    for name in ("bounds", "exact"):
        whole = getattr(distances.Screen, name)

        def kept(*given, whole=whole):
            out = whole(*given)
            sizes.append(out.numel())
            return out

        monkeypatch.setattr(distances.Screen, name, kept)
    direct = distances.direct

    def counted(a, b):
        d = direct(a, b)
        sizes.append(d.numel())
        return d

    monkeypatch.setattr(distances, "direct", counted)
    real, fake = sets(kind)
    assert manifold_scores(real, fake) == by_hand(real, fake)
    assert max(sizes) <= 1 << 14 and 2 * sum(sizes) > real.shape[0] * fake.shape[0]


def test_few_pairs_are_computed():
    real, fake = normal(2000, 16, 0), normal(2000, 16, 1)
    everywhere = torch.full((2000,), 3.0)
    pairs = [len(d) for _, _, d in close_pairs(fake, real, everywhere, everywhere)]
    close = int((every(fake, real) <= 3).sum())
    assert close <= sum(pairs) <= close + 20 and close > 0


def test_kid_is_the_mean_over_all_pairs():
    """Binkowski et al. 2018, section 4, pair by pair."""
    a, b = normal(2013, 5, 0), normal(2600, 5, 1) + 0.3

    def estimate(x, y):
        n = len(x)
        kxx, kyy, kxy = ((p @ q.T / 5 + 1).pow(3) for p, q in ((x, x), (y, y), (x, y)))
        off = ~torch.eye(n, dtype=torch.bool)
        return kxx[off].mean() + kyy[off].mean() - 2 * kxy.mean()

    rng = torch.Generator().manual_seed(4)
    x, y = (f.double()[torch.randperm(len(f), generator=rng)] for f in (a, b))
    size = 201
    blocks = torch.stack([estimate(x[i : i + size], y[i : i + size]) for i in range(0, 10 * size, size)])
    found = kernel_distance(a, b, seed=4)
    assert found.value == pytest.approx(blocks.mean().item(), rel=1e-12)
    assert found.error == pytest.approx((blocks.std() / 10**0.5).item(), rel=1e-12)
