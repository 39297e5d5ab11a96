"""Lesson 09's listing runs, and each marked line does what its diagnosis says, beside one that does it right."""

import pytest
import torch
from torch import nn

from gancourse.exercises import lesson09


@pytest.fixture
def names():
    torch.manual_seed(0)
    found: dict = {}
    exec(lesson09.listing(), found)
    return found


@pytest.fixture
def nets():
    translators = [nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh()) for _ in range(2)]
    return *translators, *[nn.Conv2d(3, 1, 3) for _ in range(2)]


def a_and_b():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(2, 3, 6, 6, generator=generator) * 2 - 1 for _ in range(2)]


def gradients_of(names, code, nets):
    """The translators' gradients after a round of this code; the networks stay as they were (rates of 0)."""
    found: dict = {}
    exec(code, found)
    opt_g, opt_d = (torch.optim.SGD(nn.ModuleList(part).parameters(), lr=0.0) for part in (nets[:2], nets[2:]))
    found["one_round"](*nets, opt_g, opt_d, *a_and_b())
    return torch.cat([p.grad.flatten() for net in nets[:2] for p in net.parameters()])


def repaired(*changes):
    code = lesson09.listing()
    for old, new in changes:
        assert code.count(old) == 1
        code = code.replace(old, new)
    return code


DETACHED = ("D(fake)  # D", "D(fake.detach())  # D")
SHOWN = ("l1(G_ab(a), a) + l1(G_ba(b), b)", "l1(G_ab(b), b) + l1(G_ba(a), a)")
WEIGHTED = ("0.1 * identity", "5 * identity")


def test_nine_lines_are_marked_and_the_round_moves_all_four_networks(names, nets):
    assert [line[-1] for line in lesson09.listing().splitlines() if line[-3:-1] == "# "] == list("ABCDEFGHI")
    optimisers = names["optimisers"](*nets)
    before = [[p.clone() for p in net.parameters()] for net in nets]
    names["one_round"](*nets, *optimisers, *a_and_b())
    for net, old in zip(nets, before, strict=True):
        assert all(not torch.equal(p, q) for p, q in zip(net.parameters(), old, strict=True))


def test_the_norm_before_tanh_takes_brightness_and_contrast_away(names):
    end = names["ending"](4, 3)
    features = torch.randn(2, 4, 12, 12)
    assert end(features).shape == (2, 3, 12, 12)
    darker = features * 3 - 2
    assert torch.allclose(end(features), end(darker), atol=1e-3)
    healthy = nn.Sequential(*[layer for layer in end if not isinstance(layer, nn.InstanceNorm2d)])
    assert not torch.allclose(healthy(features), healthy(darker), atol=0.1)


def test_repaired_it_gives_the_gradients_of_the_paper_and_each_bug_others(names, nets):
    def terms(identity):
        G_ab, G_ba = nets[:2]
        a, b = a_and_b()
        loss, _ = lesson09.translators.reference(*nets, a, b, 10)
        loss = loss + identity(G_ab, G_ba, a, b, 10)
        weights = [p for net in nets[:2] for p in net.parameters()]
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])

    right = terms(lesson09.identity_loss.reference)
    found = gradients_of(names, repaired(DETACHED, SHOWN, WEIGHTED), nets)
    assert torch.allclose(found, right, atol=1e-5)
    for changes in ((SHOWN, WEIGHTED), (DETACHED, WEIGHTED), (DETACHED, SHOWN)):
        other = gradients_of(names, repaired(*changes), nets)
        assert (other - right).norm() > 1e-3 * right.norm()
    small = terms(lambda *given: lesson09.identity_loss.reference(*given) / 50)
    assert torch.allclose(gradients_of(names, repaired(DETACHED, SHOWN), nets), small, atol=1e-5)


def test_fakes_that_are_not_detached_leave_ds_gradients_in_the_translators(names, nets):
    G_ab, G_ba, D_a, D_b = nets
    a, b = a_and_b()
    weights = [p for net in nets[:2] for p in net.parameters()]
    loss_d = (D_a(G_ba(b)).square().mean() + D_b(G_ab(a)).square().mean()) / 2
    leaked = torch.cat([g.flatten() for g in torch.autograd.grad(loss_d, weights)])
    with_it, without = (
        gradients_of(names, repaired(*c), nets) for c in ((SHOWN, WEIGHTED), (DETACHED, SHOWN, WEIGHTED))
    )
    assert torch.allclose(with_it - without, leaked, atol=1e-5) and bool(leaked.any())


def test_without_the_graph_kept_the_round_would_stop(names, nets):
    with pytest.raises(RuntimeError, match="second time"):
        gradients_of(names, repaired(("retain_graph=True", "")), nets)
    gradients_of(names, repaired(("retain_graph=True", ""), DETACHED), nets)


def test_the_published_padding_fits_three_channels_alone():
    found: dict = {}
    exec(lesson09.published_ends(), found)
    sizes = {channels: found["ends"](channels)(torch.zeros(1, channels, 20, 20)).shape[-1] for channels in (1, 3, 4)}
    assert sizes == {1: 12, 3: 20, 4: 24}
