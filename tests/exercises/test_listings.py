"""Lesson 07's listings do what their diagnoses say: each is run, beside one that does it right."""

import pytest
import torch
from torch import nn

from gancourse.exercises import lesson07


@pytest.fixture
def of():
    """Number of a listing -> the names that it defines."""
    torch.manual_seed(0)

    def run(number):
        names: dict = {}
        exec(lesson07.listings()[number], names)
        return names

    return run


class Straight(nn.Module):
    """A critic with the slope 1 everywhere: the penalty is 0. It notes where it was asked."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.full((48,), 48**-0.5))

    def forward(self, x):
        self.seen = x.detach()
        return x.flatten(1) @ self.w


X_REAL, X_FAKE = torch.zeros(5, 3, 4, 4), torch.ones(5, 3, 4, 4)
right = lesson07.gradient_penalty.reference


def test_the_norm_over_channels_finds_fault_with_a_slope_of_1(of):
    assert right(Straight(), X_REAL, X_FAKE) < 1e-6
    assert of(1)["gradient_penalty"](Straight(), X_REAL, X_FAKE) > 1
    steep = Straight()
    steep.w.data *= 4  # the root of 4 x 4 pixels: the slope that it asks for
    assert of(1)["gradient_penalty"](steep, X_REAL, X_FAKE) < 1e-6


def test_a_t_per_pixel_leaves_the_line(of):
    D = Straight()
    right(D, X_REAL, X_FAKE)
    assert D.seen.flatten(1).std(1).max() < 1e-6
    of(2)["gradient_penalty"](D, X_REAL, X_FAKE)
    assert D.seen.flatten(1).std(1).min() > 0.1


def test_the_healthy_step_is_that_of_wgan_gp_and_leaves_g_alone(of):
    def step():
        torch.manual_seed(1)
        D, G = Straight(), nn.Sequential(nn.Linear(7, 48), nn.Unflatten(1, (3, 4, 4)))
        return D, G, torch.optim.SGD(D.parameters(), lr=0.1), torch.randn(5, 7)

    D, G, opt_d, z = step()
    of(3)["critic_step"](D, G, opt_d, X_REAL + 0.5, z, right)
    assert all(p.grad is None for p in G.parameters())
    other, G, _, z = step()
    x_fake = G(z).detach()
    total = other(x_fake).mean() - other(X_REAL + 0.5).mean() + 10 * right(other, X_REAL + 0.5, x_fake)
    (gradient,) = torch.autograd.grad(total, [other.w])
    assert torch.allclose(D.w, other.w - 0.1 * gradient, atol=1e-6)


def test_without_create_graph_the_weights_never_feel_the_penalty(of):
    D = Straight()
    D.w.data *= 3
    found, wanted = of(4)["gradient_penalty"](D, X_REAL, X_FAKE), 10 * right(D, X_REAL, X_FAKE)
    assert torch.allclose(found, wanted) and wanted.requires_grad and not found.requires_grad
    torch.manual_seed(2)
    plain = D(X_FAKE).mean() - D(X_REAL).mean()
    (with_it,), (without,) = (torch.autograd.grad(loss, [D.w], retain_graph=True) for loss in (plain + found, plain))
    assert torch.equal(with_it, without)


def test_batchnorm_mixes_the_images_of_a_batch(of):
    D = of(5)["critic"]()
    assert lesson07.mixes_batch.reference(D, torch.randn(4, 1, 28, 28))


def test_gs_step_is_on_the_last_fakes_of_ds(of):
    drawn, G, D = [], nn.Linear(100, 3), nn.Linear(3, 1)
    G.register_forward_pre_hook(lambda module, z: drawn.append(z[0]))
    optimisers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in (G, D)]
    of(6)["wgan_round"](G, D, *optimisers, [torch.randn(4, 3) for _ in range(5)])
    assert len(drawn) == 6 and drawn[5] is drawn[4] and not torch.equal(drawn[4], drawn[3])


def test_clipping_crushes_batchnorms_scale(of):
    names = of(7)
    D = names["critic"]()
    scales = [layer.weight for layer in D.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(scales) == 3 and all(bool((scale == 1).all()) for scale in scales)
    assert D(torch.randn(2, 3, 64, 64)).shape == (2,)
    names["after_each_step"](D)
    assert all(torch.allclose(scale, torch.tensor(0.01)) for scale in scales)


def test_an_evaluation_in_train_mode_moves_the_state(of):
    names = of(8)
    D, images = names["critic"](), torch.randn(3, 1, 28, 28)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    names["log_scores"](D, images)
    changed = {name for name, value in D.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.endswith(("_u", "_v")) for name in changed)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    lesson07.scores.reference(D, images)
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())


def test_the_critics_curves_say_what_their_diagnoses_say():
    runs = lesson07.critic_curves()
    ends = {name: {column: (row[0], row[-1]) for column, row in run.items()} for name, run in runs.items()}

    def factor(name, column):
        return ends[name][column][1] / ends[name][column][0]

    assert factor("A", "estimate") < 0.3 and factor("A", "slope") == 1
    assert factor("B", "estimate") > 5 and 0.9 < factor("B", "estimate") / factor("B", "slope") < 1.1
    assert factor("C", "estimate") < 0.3 and factor("C", "later") > 0.9
    assert all(0.9 < factor("D", column) < 1.1 for column in ("estimate", "slope", "later"))
    assert factor("E", "estimate") > 1.3 and factor("E", "estimate") / factor("E", "slope") < 0.3
