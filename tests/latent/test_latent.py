"""gancourse.latent against closed forms, numpy, and generators that are broken on purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from gancourse import data, latent, models
from gancourse.latent import LatentError

GENERATORS = {
    "mlp": lambda: models.networks("mlp")[0],
    "dcgan": lambda: models.networks("dcgan")[0],
    "dcgan128": lambda: models.networks("dcgan128", width=2)[0],
}


@pytest.fixture(params=GENERATORS)
def G(request):
    torch.manual_seed(0)
    made = GENERATORS[request.param]()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.running_var is not None and layer.running_mean is not None:
            # running statistics that are not the trivial ones
            layer.running_var.uniform_(0.5, 2.0)
            layer.running_mean.normal_(0, 0.1)
    return made


def digit_maker():
    """A small smooth generator that makes images with contrast."""
    torch.manual_seed(1)
    made = models.MLPGenerator()
    with torch.no_grad():
        for layer in made.net:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(1.5)
    return made


# ---------------------------------------------------------------------------------------------- geometry


def test_norms_concentrate_as_the_chi_distribution_says():
    for d in (1, 2, 100):
        mean, std = latent.shell(d)
        lengths = latent.norms(latent.sample(20_000, d, seed=1))
        assert abs(lengths.mean() - mean) < 5 * std / math.sqrt(20_000)
        assert abs(lengths.std() / std - 1) < 0.05
    assert math.isclose(latent.shell(1)[0], math.sqrt(2 / math.pi)) and 9.97 < latent.shell(100)[0] < 9.98
    with pytest.raises(ValueError, match="at least 1"):
        latent.shell(0)


def test_sampling_repeats_by_seed():
    assert torch.equal(latent.sample(3, 5, seed=4), latent.sample(3, 5, seed=4))
    assert not torch.equal(latent.sample(3, 5, seed=4), latent.sample(3, 5, seed=5))


@pytest.mark.parametrize("seed", ["one", 1.5, -1, 2**63, True])
def test_sampling_names_a_seed_that_is_none(seed):
    with pytest.raises(ValueError, match=r"seed is .*, expected a whole number from 0 to 2\*\*63 - 1") as caught:
        latent.sample(10, seed=seed)
    assert repr(seed) in str(caught.value)


@pytest.mark.parametrize("how", [latent.lerp, latent.slerp])
def test_ends_are_exact_in_every_shape(how):
    a, b = latent.sample(6, 100, seed=2).split(3)
    t = torch.linspace(0, 1, 7)
    line = how(a, b, t)
    assert line.shape == (3, 7, 100) and line.dtype == torch.float32
    assert torch.equal(line[:, 0], a) and torch.equal(line[:, -1], b)
    assert torch.equal(how(a[0], b[0], 0.0), a[0]) and torch.equal(how(a[0], b[0], 1.0), b[0])
    assert torch.allclose(how(a[0], b[0], t), line[0]) and how(a, b, 0.3).shape == (3, 100)


def test_slerp_is_the_textbook_formula_and_keeps_length():
    a, b = latent.sample(2, 100, seed=3).double()
    a, b = 10 * a / a.norm(), 10 * b / b.norm()
    angle = torch.acos(a @ b / 100)
    t = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]
    textbook = torch.sin((1 - t) * angle) / torch.sin(angle) * a + torch.sin(t * angle) / torch.sin(angle) * b
    line = latent.slerp(a, b, t[:, 0])
    assert torch.allclose(line, textbook) and torch.allclose(latent.norms(line), torch.tensor(10.0).double())
    steps = (line[1:] - line[:-1]).norm(dim=1)
    assert torch.allclose(steps, steps[0])  # even speed
    assert latent.norms(latent.lerp(a, b, 0.5)) < 8  # the straight line cuts through the ball


def test_slerp_changes_length_evenly():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    line = latent.slerp(a, b, torch.linspace(0, 1, 5))
    assert torch.allclose(latent.norms(line), torch.tensor([2.0, 2.5, 3.0, 3.5, 4.0]))
    assert torch.allclose(line[2], torch.tensor([3.0, 3.0]) / math.sqrt(2))


def test_slerp_survives_parallel_opposite_and_zero_vectors():
    a = latent.sample(1, 100, seed=5)[0]
    t = torch.linspace(0, 1, 9)
    for b in (a, a * 1.5, a + 1e-7, -a, torch.zeros(100)):
        line = latent.slerp(a, b, t)
        assert line.isfinite().all() and torch.equal(line[0], a) and torch.equal(line[-1], b)
        assert (line[1:] - line[:-1]).norm(dim=1).max() < 2 * max(1.0, float((a - b).norm()) / 4)
    half = latent.slerp(a, -a, 0.5)
    assert torch.isclose(half.norm(), a.norm()) and abs(half @ a) < 1e-3  # over the pole, not through the origin
    assert torch.allclose(latent.slerp(torch.zeros(3), torch.zeros(3), t), torch.zeros(9, 3))


def test_different_latent_spaces_do_not_mix():
    with pytest.raises(ValueError, match="not from the same latent space"):
        latent.slerp(torch.zeros(3), torch.zeros(4), 0.5)


def test_paths_and_loops_go_through_their_points():
    points = latent.sample(3, 10, seed=6)
    line = latent.path(points, 4)
    assert line.shape == (9, 10) and torch.equal(line[[0, 4, 8]], points)
    ring = latent.loop(points, 4, latent.lerp)
    assert ring.shape == (12, 10) and torch.equal(ring[[0, 4, 8]], points)
    assert torch.allclose(ring[11], latent.lerp(points[2], points[0], 0.75), atol=1e-6)
    with pytest.raises(ValueError, match="1 points"):
        latent.path(points[:1], 4)


def test_a_blend_meets_its_corners_and_keeps_to_the_shell():
    corners = latent.sample(4, 100, seed=7)
    for i, (x, y) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]):
        assert torch.equal(latent.blend(corners, float(x), float(y)), corners[i])
    places = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    z = latent.blend(corners, places[:, 0], places[:, 1])
    assert z.shape == (50, 100) and torch.allclose(z[7], latent.blend(corners, *places[7].tolist()), atol=1e-5)
    low, high = latent.norms(corners).min(), latent.norms(corners).max()
    assert (latent.norms(z) >= low - 1e-4).all() and (latent.norms(z) <= high + 1e-4).all()
    with pytest.raises(ValueError, match=r"expected \(4, z_size\)"):
        latent.blend(corners[:3], 0.5, 0.5)


def test_arithmetic_of_three_means_stays_on_the_shell():
    a, b, c = latent.sample(9 * 2_000, 100, seed=8).view(3, 3, 2_000, 100).double()
    assert torch.allclose(latent.arithmetic(a[:, 0], b[:, 0], c[:, 0]), (a - b + c)[:, 0].mean(0))
    z = torch.stack([latent.arithmetic(a[:, i], b[:, i], c[:, i]) for i in range(2_000)])
    assert abs(z.var() - 1) < 0.02
    assert torch.equal(latent.arithmetic(a[0, 0], a[0, 0], b[0, 0]), b[0, 0])


def test_truncation_is_the_truncated_normal_and_moves_without_jumps():
    z = latent.sample(400, 500, seed=9)
    for threshold in (0.5, 1.0, 2.0):
        cut = latent.truncate(z, threshold)
        assert cut.abs().max() <= threshold
        inside = z[z.abs() < threshold]  # redrawing what is outside leaves what is inside
        quantiles = torch.linspace(0.05, 0.95, 19)
        assert torch.allclose(
            cut.flatten()[:100_000].quantile(quantiles), inside[:70_000].quantile(quantiles), atol=0.02
        )
    assert torch.allclose(latent.truncate(z, 8.0), z, atol=1e-4) and torch.equal(latent.truncate(z, math.inf), z)
    assert (latent.truncate(z, 1.0) - latent.truncate(z, 1.01)).abs().max() < 0.011
    assert latent.truncate(torch.tensor([40.0, -40.0, 0.0]), 1.0).tolist() == pytest.approx([1.0, -1.0, 0.0])
    with pytest.raises(ValueError, match="positive"):
        latent.truncate(z, 0.0)


# ------------------------------------------------------------------------------------------- generating


def test_generating_leaves_no_trace(G):
    G.train()
    G.net[0].eval()
    before = {k: v.clone() for k, v in G.state_dict().items()}
    x = latent.generate(G, latent.sample(3))
    assert x.shape == (3, *G.image_shape) and not x.requires_grad and x.abs().max() <= 1
    assert G.training and not G.net[0].training and G.net[1].training
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())


class Broken(nn.Module):
    z_size = 7

    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, z):
        return self.how(z)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (lambda z: torch.full((len(z), 1, 4, 4), math.nan), "NaN or infinity"),
        (lambda z: torch.zeros(len(z), 16), r"shape \(2, 16\) for 2 z"),
        (lambda z: torch.zeros(1, 1, 4, 4), r"shape \(1, 1, 4, 4\)"),
        (lambda z: torch.zeros(len(z), 2, 4, 4), "with C = 1 or 3"),
        (lambda z: torch.full((len(z), 1, 4, 4), 5.0), "expected \\[-1, 1\\]"),
        (lambda z: [z], "returned list"),
    ],
)
def test_a_broken_generator_is_named(how, says):
    with pytest.raises(LatentError, match=says):
        latent.generate(Broken(how), torch.zeros(2, 7))


def test_z_that_does_not_fit_is_named():
    with pytest.raises(LatentError, match=r"expected \(B, 7\)"):
        latent.generate(Broken(lambda z: z), torch.zeros(2, 8))


def test_path_statistics_of_a_known_path():
    images = Broken(lambda z: z[:, :1, None, None].expand(-1, 1, 4, 4) / 4)
    z = torch.zeros(4, 7)
    z[:, 0] = torch.tensor([0.0, 1.0, 3.0, 3.0])
    found = latent.path_statistics(images, z, lambda x: torch.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], 1))
    assert found.norms.tolist() == [0, 1, 3, 3]
    assert found.steps.tolist() == pytest.approx([0.25, 0.5, 0.0])
    assert found.confidence is not None and found.confidence[0] == 0.5 < found.confidence[1] < found.confidence[2]
    assert latent.path_statistics(images, z).confidence is None


# ------------------------------------------------------------------------------------------- directions


def test_principal_directions_are_those_of_pca(G):
    found = latent.principal_directions(G, 5)
    z = latent.sample(4_000, seed=3)
    with torch.no_grad():
        first = G.net[0](z if isinstance(G.net[0], nn.Linear) else z[:, :, None, None])
        y = (G.net[1].eval()(first) if isinstance(G.net[1], nn.BatchNorm2d) else first).flatten(1)[:, :500].numpy()
    # PCA in numpy, of the same outputs; and the eigenvectors of W'W, from the matrix that G applies
    with torch.no_grad():
        rows = torch.eye(100)
        zero = torch.zeros(1, 100)
        affine = lambda v: (  # noqa: E731
            G.net[1](G.net[0](v[:, :, None, None])) if isinstance(G.net[1], nn.BatchNorm2d) else G.net[0](v)
        ).flatten(1)
        w = (affine(rows) - affine(zero)).numpy().astype(np.float64)
    values, vectors = np.linalg.eigh(w @ w.T)
    strengths = np.sqrt(values[::-1][:5])
    assert np.allclose(found.strengths, strengths, rtol=1e-3)
    overlap = np.abs(np.sum(found.vectors.numpy() * vectors[:, ::-1][:, :5].T, 1))
    assert np.allclose(overlap, 1, atol=1e-2)
    assert np.allclose(found.share, values[::-1][:5] / values.sum(), rtol=1e-3)
    assert np.allclose(found.vectors @ found.vectors.T, np.eye(5), atol=1e-5)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    sampled = y.var(0).sum()  # the drawn outputs' variance is that of the matrix
    assert np.isclose(sampled, (w[:, : y.shape[1]] ** 2).sum(), rtol=0.05)


def test_principal_directions_refuse_what_they_do_not_know():
    with pytest.raises(LatentError, match="first layer"):
        latent.principal_directions(Broken(lambda z: z), 2)
    with pytest.raises(LatentError, match="k is 0"):
        latent.principal_directions(models.MLPGenerator(), 0)
    spoiled = models.MLPGenerator()
    spoiled.net[0] = first = nn.Linear(100, 128)
    nn.init.constant_(first.weight, math.nan)
    with pytest.raises(LatentError, match="not finite"):
        latent.principal_directions(spoiled, 2)


def bars(width, lean=0.0):
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    middle = 13.5 + (13.5 - rows) * math.tan(math.radians(lean))
    inside = ((columns - middle).abs() <= width / 2) & (rows > 3) & (rows < 24)
    return inside.float()[None, None] * 2 - 1


def test_thickness_and_slant_measure_bars():
    widths = [float(latent.thickness(bars(w))) for w in (2, 4, 6)]
    assert (
        widths == sorted(widths) and widths[0] == pytest.approx(2, abs=0.4) and widths[2] == pytest.approx(6, abs=1.5)
    )
    for lean in (-30, -10, 0, 10, 30):
        assert float(latent.slant(bars(3, lean))) == pytest.approx(lean, abs=1.5)
    empty = -torch.ones(2, 1, 28, 28)
    assert latent.thickness(empty).tolist() == [0, 0] and latent.slant(empty).abs().max() < 1e-3


def test_an_attribute_that_is_linear_in_z_is_found():
    maker = Broken(lambda z: torch.tanh(z @ torch.arange(7.0).diag() / 8)[:, None, None, :])
    towards = torch.tensor([0.0, 0, 0, 3, 0, 4, 0])

    def attribute(x):
        z = torch.atanh(x[:, 0, 0]) * 8 / torch.arange(7.0).clamp(min=1)
        return z @ towards + 2

    z = latent.sample(400, 7)
    x = latent.generate(maker, z)
    found = latent.attribute_direction(z, attribute(x))
    assert torch.allclose(found.direction, towards / 5, atol=1e-2) and found.r2 > 0.98
    assert found.slope == pytest.approx(5, rel=0.02)
    with pytest.raises(LatentError, match="same for all"):
        latent.attribute_direction(z, torch.ones(400))
    with pytest.raises(LatentError, match="expected at least 19"):
        latent.attribute_direction(z[:10], attribute(x)[:10])
    with pytest.raises(LatentError, match="one for each z"):
        latent.attribute_direction(z, attribute(x)[:10])


def test_groups_keep_what_is_between_them_out_of_the_direction():
    maker = Broken(lambda z: (z / 8).clamp(-1, 1)[:, None, None, :])
    attribute = lambda x: 10 * (x[:, 0, 0, 0] > 0) + x[:, 0, 0, 1] * 8  # noqa: E731
    z = latent.sample(2_000, 7)
    x = latent.generate(maker, z)
    free = latent.attribute_direction(z, attribute(x))
    held = latent.attribute_direction(z, attribute(x), groups=x[:, 0, 0, 0] > 0)
    assert free.direction[0] > 0.9 and held.direction[1] > 0.98 and held.slope == pytest.approx(1, rel=0.05)


def test_a_digit_is_what_the_classifier_says():
    x = data.scale(data.mnist("test").pixels[:200])
    labels = data.mnist("test").labels
    assert labels is not None
    logit = latent.digit_logit(3)(x)
    assert logit[labels[:200] == 3].min() > 0 > logit[labels[:200] != 3].median()
    with pytest.raises(ValueError, match="0 to 9"):
        latent.digit_logit(10)


def test_along_moves_by_standard_deviations():
    z, direction = latent.sample(2, 9, seed=1)
    moved = latent.along(z, direction / direction.norm(), torch.tensor([-2.0, 0.0, 2.0]))
    assert torch.equal(moved[1], z) and torch.allclose((moved[2] - z).norm(), torch.tensor(2.0))


# -------------------------------------------------------------------------------------------- inversion


def test_inversion_finds_the_image_of_a_known_z():
    G = digit_maker()
    z = latent.sample(3, seed=11)
    x = latent.generate(G, z)
    before = {k: v.clone() for k, v in G.state_dict().items()}
    G.train()
    found = latent.invert(G, x, restarts=4, steps=200, prior=0.0)
    assert found.z.shape == (3, 100) and found.errors.shape == (4, 3) and found.history.shape == (201, 4, 3)
    assert torch.allclose(found.error, (latent.generate(G, found.z) - x).square().mean((1, 2, 3)), atol=1e-5)
    assert torch.equal(found.error, found.errors.amin(0))
    spread = x.var(0).mean()
    assert found.error.max() < 0.01 * spread and found.history[0].mean() > spread
    assert G.training and all(p.grad is None for p in G.parameters())
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())


def test_inversion_of_one_image_does_not_depend_on_its_company():
    G = digit_maker()
    x = latent.generate(G, latent.sample(3, seed=11))
    alone = latent.invert(G, x[1:2], restarts=2, steps=5, seed=3)
    together = latent.invert(G, x, restarts=2, steps=5, seed=3)
    assert torch.allclose(alone.z[0], together.z[1], atol=1e-4)
    assert torch.equal(alone.z, latent.invert(G, x[1:2], restarts=2, steps=5, seed=3).z)


def test_inversion_says_what_it_cannot_do():
    G = digit_maker()
    with pytest.raises(LatentError, match="resize them"):
        latent.invert(G, torch.zeros(1, 3, 32, 32), restarts=1, steps=1)
    with pytest.raises(LatentError, match="at least 1"):
        latent.invert(G, torch.zeros(1, 1, 28, 28), restarts=0)
    with pytest.raises(LatentError, match="NaN"):
        latent.invert(Broken(lambda z: z[:, :, None, None][:, :1] * math.nan), torch.zeros(1, 1, 1, 1), steps=1)


def test_the_gradient_of_a_known_attribute():
    class Linear(torch.nn.Module):
        """z (B, 100) -> images (B, 1, 10, 10), small numbers in the order of z."""

        def forward(self, z):
            return torch.tanh(0.01 * z).view(-1, 1, 10, 10)

    weights = torch.randn(100, generator=torch.Generator().manual_seed(0))

    def attribute(x):
        return torch.atanh(x.flatten(1)) @ weights

    z = latent.sample(300)
    found = latent.attribute_gradient(Linear(), z, attribute)
    torch.testing.assert_close(found, (0.01 * weights).expand(300, 100), rtol=1e-3, atol=1e-6)
    fitted = latent.attribute_direction(z, attribute(Linear()(z)))
    torch.testing.assert_close(fitted.direction, torch.nn.functional.normalize(found[0], dim=0), rtol=1e-2, atol=1e-3)


def test_a_gradient_that_is_none_is_named():
    G, z = digit_maker(), latent.sample(2)
    with pytest.raises(LatentError, match="cut off from z"):
        latent.attribute_gradient(G, z, lambda x: x.detach().mean((1, 2, 3)))
    with pytest.raises(LatentError, match=r"shape \(2, 1\)"):
        latent.attribute_gradient(G, z, lambda x: x.mean((2, 3)))
    with pytest.raises(LatentError, match="not finite"):
        latent.attribute_gradient(G, z, lambda x: (0 * x).sqrt().sum((1, 2, 3)))
    assert latent.attribute_gradient(G, z, latent.thickness).isfinite().all()
    assert latent.attribute_gradient(G, z, latent.digit_logit(3)).abs().sum() > 0
