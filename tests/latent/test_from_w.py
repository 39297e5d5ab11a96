"""A StyleGAN seen from w: standardised, inverted, edited layer by layer."""

from typing import Any

import pytest
import torch

from gancourse import latent, models
from gancourse.evaluation.styles import w_of
from gancourse.latent import Edit, LatentError, edits

networks: Any = models.networks


@pytest.fixture
def G(style_generator):
    return style_generator


def test_u_is_standard_normal_where_w_is_gs(G):
    seen = latent.from_w(G, 4000)
    u = seen.u(w_of(G, latent.sample(4000, 12, seed=5)))
    assert u.mean(0).abs().max() < 0.15 and (u.t().cov() - torch.eye(12)).abs().max() < 0.2


def test_there_and_back(G):
    seen, u = latent.from_w(G, 2000), latent.sample(7, 12, seed=1)
    assert torch.allclose(seen.u(seen.w(u)), u, atol=1e-3)
    w = w_of(G, latent.sample(3, 12))
    assert torch.allclose(latent.generate(seen, seen.u(w)), latent.generate_w(G, w), atol=1e-4)


def test_directions_come_by_falling_variance(G):
    seen = latent.from_w(G, 2000)
    found = latent.principal_directions(seen, 12)
    assert (found.strengths[:-1] >= found.strengths[1:]).all()
    assert torch.allclose(found.vectors.abs(), torch.eye(12), atol=1e-2)  # u's axes are w's principal ones already


def test_inversion_into_w_finds_a_picture_of_g(G):
    seen, w = latent.from_w(G, 2000), w_of(G, latent.sample(2, 12, seed=8))
    target = latent.generate_w(G, w)
    found = latent.invert(seen, target, restarts=4, steps=150, prior=1e-4)
    apart = (target[0] - target[1]).square().mean()
    assert found.error.max() < 0.02 * apart
    assert (latent.generate_w(G, seen.w(found.z)) - target).square().mean() < 0.02 * apart


def test_an_edit_of_chosen_layers_changes_only_what_they_paint(G, tmp_path):
    z = latent.sample(3, 12, seed=2)
    assert edits.activations(G, z[:1], 1).shape == (1, 12) and edits.activations(G, z[:1], 2).shape == (1, 6, 12)
    step = torch.randn(12, generator=torch.Generator().manual_seed(0))
    late = torch.zeros(6, 12)
    late[4:] = step
    in_all, in_some = Edit("dusk to night", 1, step), Edit("in late layers", 2, late)
    w = w_of(G, z)
    with torch.no_grad():
        expected = G.synthesis(w + 0.5 * step)
        styles = G.each_layer(w).clone()
        styles[:, 4:] += 0.5 * step
        expected_late = G.synthesis(styles)
    assert torch.allclose(edits.apply(G, z, [(in_all, 0.5)]), expected, atol=1e-5)
    assert torch.allclose(edits.apply(G, z, [(in_some, 0.5)]), expected_late, atol=1e-5)
    path = edits.save(tmp_path / "edits.safetensors", [in_all, in_some], G)
    again = edits.load(path, G)
    assert torch.allclose(edits.apply(G, z, [(again["in late layers"], 0.5)]), expected_late, atol=1e-5)


def test_a_difference_of_w_carries_the_mean_from_one_kind_to_the_other(G):
    z = latent.sample(40, 12)
    step = latent.layer_difference(G, z[:20], z[20:], layer=1)
    w = w_of(G, z)
    assert torch.allclose(step, w[:20].mean(0) - w[20:].mean(0), atol=1e-5)


def test_pictures_of_styles_are_checked(G):
    w = w_of(G, latent.sample(2, 12))
    assert torch.allclose(latent.generate_w(G, w), latent.generate_w(G, G.each_layer(w)), atol=1e-5)
    with pytest.raises(LatentError, match=r"w has shape \(2, 11\), expected \(B, 12\) or \(B, 6, 12\)"):
        latent.generate_w(G, w[:, :11])
    with pytest.raises(LatentError, match="has no w"):
        latent.generate_w(networks("dcgan")[0], w)


def test_other_generators_have_no_w():
    with pytest.raises(LatentError, match="G is a DCGANGenerator, which has no w"):
        latent.from_w(networks("dcgan")[0])


def test_whatever_takes_a_generator_takes_both(G):
    seen = latent.from_w(G, 500)
    for one in (G, seen):
        path = latent.path(latent.sample(3, 12), 3)
        assert latent.path_statistics(one, path).steps.shape[0] == len(path) - 1
        z = latent.sample(60, 12)
        found = latent.attribute_direction(z, latent.generate(one, z).mean((1, 2, 3)))
        assert found.direction.norm() == pytest.approx(1, abs=1e-5)
        gradient = latent.attribute_gradient(one, z[:4], lambda x: x.mean((1, 2, 3)))
        assert gradient.shape == (4, 12)
