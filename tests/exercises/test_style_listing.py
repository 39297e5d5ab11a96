"""Lesson 11's listing runs, and each of its four bugs does what its repair says, beside the same code without it."""

import pytest
import torch
from answers_lesson11 import ALL, CUT, ONE, STATISTICS, STRENGTH, but, published, repaired


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def scene():
    x, w = torch.randn(3, 2, 6, 6), torch.randn(3, 5)
    return x * torch.tensor([0.5, 1.0, 3.0])[:, None, None, None], w, torch.randn(3, 1, 6, 6)


def made(layer, strength=None):
    """A layer of 2 inputs, 4 outputs and 5 numbers of w, from a seed of its own; with this strength of noise."""
    torch.manual_seed(1)
    layer = layer(2, 4, 5)
    if strength is not None:
        layer.strength.data.fill_(strength)
    return layer


def other(x, at):
    """The same with something else in image `at`."""
    changed = x.clone()
    changed[at] = torch.randn_like(x[at])
    return changed


def test_it_runs_and_learns(scene):
    layer, target = made(published()), torch.randn(3, 4, 6, 6)
    optimiser = torch.optim.Adam(layer.parameters(), 0.02)
    before = {name: p.clone() for name, p in layer.named_parameters()}
    losses = []
    for _ in range(50):
        loss = (layer(*scene) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert not [name for name, p in layer.named_parameters() if torch.equal(p, before[name])]


def test_the_repairs_are_those_of_the_reference(scene):
    from gancourse.exercises import lesson11

    layer, reference = made(repaired(*ALL), 0.4), lesson11.bug_hunt.reference(2, 4, 5)
    reference.load_state_dict(layer.state_dict())
    assert torch.allclose(layer(*scene), reference(*scene), atol=1e-6)


def test_without_the_1_nothing_passes_where_the_affine_gives_0(scene):
    x, w, noise = scene
    wrong, right = made(but(ONE)), made(repaired(*ALL))
    assert not wrong(x, 0 * w, noise).any()
    assert torch.allclose(right(x, 0 * w, noise).var((2, 3), correction=0), torch.ones(3, 4), atol=1e-3)
    # of a random w, half of the scales turn their map's sign
    w = torch.randn(1000, 5)
    scales = [layer.affine(w)[:, :4] + one for layer, one in ((wrong, 0), (right, 1))]
    turned = [float((scale < 0).float().mean()) for scale in scales]
    assert 0.4 < turned[0] < 0.6 and turned[1] < 0.1


def test_its_noise_is_loud_before_anything_is_learned(scene):
    x, w, noise = scene
    strengths = torch.stack([published()(2, 4, 5).strength.detach() for _ in range(400)])
    assert abs(float(strengths.mean())) < 0.2 and 0.85 < float(strengths.std()) < 1.15
    wrong, right = made(but(STRENGTH)), made(repaired(*ALL))
    assert not torch.allclose(wrong(x, w, noise), wrong(x, w, -noise), atol=0.1)
    assert torch.equal(right(x, w, noise), right(x, w, -noise))


def test_its_statistics_let_an_image_depend_on_the_others(scene):
    x, w, noise = scene
    wrong, right = made(but(STATISTICS)), made(repaired(*ALL))
    alone = [layer(x[:1], w[:1], noise[:1])[0] for layer in (wrong, right)]
    beside = [layer(other(x, 2), w, noise)[0] for layer in (wrong, right)]
    assert not torch.allclose(alone[0], beside[0], atol=0.05) and torch.allclose(alone[1], beside[1], atol=1e-5)
    # and no image has the mean that its style asks for
    for layer, as_asked in ((wrong, False), (right, True)):
        assert torch.allclose(layer(*scene).mean((2, 3)), layer.affine(w)[:, 4:], atol=1e-3) == as_asked


def test_its_cut_gives_an_image_the_styles_of_others(scene):
    x, w, noise = scene
    wrong, right = made(but(CUT)), made(repaired(*ALL))
    moved = {}
    for name, layer in (("wrong", wrong), ("right", right)):
        base = layer(x, w, noise)
        changes = [(layer(x, other(w, at), noise) - base).flatten(1).abs().amax(1) > 1e-5 for at in range(3)]
        moved[name] = [change.nonzero().flatten().tolist() for change in changes]
    assert moved["right"] == [[0], [1], [2]]
    assert moved["wrong"] == [[0, 1], [0, 2], [1, 2]]  # the middle one does not even get its own
    assert torch.allclose(wrong(x[:1], w[:1], noise[:1]), right(x[:1], w[:1], noise[:1]))  # one image hides it
