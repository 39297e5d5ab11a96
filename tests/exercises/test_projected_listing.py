"""Lesson 12's listing runs, and each of its four bugs does what its repair says, beside the same code without it."""

import pytest
import torch
from answers_lesson12 import ALL, GRAPH, MODE, PROJECTION, RANGE, but, published, repaired

from gancourse.exercises import lesson12
from gancourse.exercises.checking.watching import Features

CHANNELS = (4, 6, 5)


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.rand(5, 3, 12, 12) * 2 - 1


def made(D):
    """A discriminator in train mode, on features from a seed of their own, whose statistics are not those of x."""
    torch.manual_seed(1)
    features = Features(norm=True)
    for name, value in features.named_buffers():
        if name.endswith("running_mean"):
            value.normal_()
        elif name.endswith("running_var"):
            value.uniform_(0.2, 0.5)
    return D(features, CHANNELS, 60).train()


def test_it_runs_and_its_step_trains_the_heads(x):
    names: dict = {}
    exec(lesson12.published_discriminator(), names)
    D = made(names["ProjectedD"])
    before = [head.weight.clone() for head in D.heads]
    optimiser = torch.optim.Adam(D.parameters(), 1e-3)
    losses = [names["discriminator_step"](D, optimiser, x, -x) for _ in range(3)]
    assert all(0 < loss < 100 for loss in losses)
    assert not [1 for head, old in zip(D.heads, before, strict=True) if torch.equal(head.weight, old)]


def test_the_repaired_one_answers_alike_in_both_modes_and_every_time(x):
    D = made(repaired(*ALL))
    assert torch.equal(D(x), D(x)) and torch.allclose(D(x), D.eval()(x))
    assert D(x).shape == (5, 3)
    assert torch.allclose(D(x)[:2], D(x[:2]), atol=1e-5)


def test_train_undoes_eval_so_that_a_picture_is_judged_by_its_neighbours(x):
    wrong, right = made(but(MODE)), made(repaired(*ALL))
    assert wrong.features.training and not right.features.training
    assert not torch.allclose(wrong(x)[:2], wrong(x[:2]), atol=1e-2)
    kept = [{name: value.clone() for name, value in D.features.named_buffers()} for D in (wrong, right)]
    for D, before, moved in ((wrong, kept[0], True), (right, kept[1], False)):
        D(x)
        assert any(not torch.equal(value, before[name]) for name, value in D.features.named_buffers()) == moved


def test_no_grad_leaves_g_without_a_gradient(x):
    x.requires_grad_()
    wrong, right = made(but(GRAPH)), made(repaired(*ALL))
    assert not torch.autograd.grad(wrong(x).sum(), x, allow_unused=True)[0]
    assert torch.autograd.grad(right(x).sum(), x)[0].flatten(1).norm(dim=1).min() > 0
    assert not any(p.requires_grad for p in right.features.parameters())


def test_the_features_are_shown_another_range(x):
    wrong, right = made(but(RANGE)), made(repaired(*ALL))
    for D in (wrong, right):
        D(x)
    shown = [D.features.calls[-1].shown for D in (wrong, right)]
    black, white = ((v - 0.485) / 0.229 for v in (0, 1))
    assert black < shown[1][:, 0].min() and shown[1][:, 0].max() < white
    assert shown[0][:, 0].min() < 2 * black


def test_a_projection_drawn_anew_is_another_question_each_time(x):
    wrong, right = made(but(*PROJECTION)), made(repaired(*ALL))
    logits = torch.stack([wrong(x).detach() for _ in range(8)])
    assert logits.std(0).mean() > 0.05
    assert torch.stack([right(x).detach() for _ in range(8)]).std(0).max() < 1e-6
    other = made(repaired(*ALL))
    torch.nn.init.zeros_(other.heads[0].weight)
    other.load_state_dict(right.state_dict())
    assert torch.allclose(other(x), right(x))


def test_the_published_one_has_all_four(x):
    D = made(published())
    x.requires_grad_()
    assert D.features.training and not torch.equal(D(x), D(x))
    assert not torch.autograd.grad(D(x).sum(), x, allow_unused=True)[0]
