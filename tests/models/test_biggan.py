"""BigGAN's networks: what their parts compute, what each option changes, and what a wrong label is answered."""

import copy
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gancourse import models
from gancourse.models import count_parameters, fast
from gancourse.models.base import ShapeError
from gancourse.models.biggan import ConditionalBatchNorm, DownBlock, UpBlock, init_biggan
from gancourse.models.spectral import computed_once, normalised

networks: Any = models.networks


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def pair(**options: int) -> Any:
    return networks("biggan", **({"width": 4} | options))


def z(n: int = 6) -> torch.Tensor:
    return torch.randn(n, models.Z_SIZE, generator=torch.Generator().manual_seed(3))


def test_sizes_are_those_of_the_docstring():
    assert [count_parameters(one) for one in networks("biggan")] == [180_577, 141_729]


@pytest.mark.parametrize(("size", "shape", "classes"), [(28, (1, 28, 28), 10), (32, (3, 32, 32), 25)])
def test_images_are_in_range_and_scores_are_one_an_image(size, shape, classes):
    G, D = pair(size=size, classes=classes)
    y = torch.arange(6) * (classes // 6)
    x = G(z(), y)
    assert x.shape == (6, *shape) and x.abs().max() <= 1 and D(x, y).shape == (6,)
    assert G.z_size == 100 and G.options["classes"] == D.options["classes"] == classes


def test_without_labels_the_classes_come_in_turn():
    G, _ = pair()
    G.eval()
    assert torch.equal(G(z(23)), G(z(23), torch.arange(23) % 10))


def test_the_norm_is_one_plus_a_gain_that_it_is_told():
    norm = ConditionalBatchNorm(3, 5)
    x, condition = torch.randn(8, 3, 4, 4) * 3 + 1, torch.randn(8, 5)
    normed = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    gain, bias = (part(condition)[:, :, None, None] for part in (norm.gain, norm.bias))
    assert torch.allclose(norm(x, condition), (1 + gain) * normed + bias, atol=1e-5)
    norm.one_plus = False
    assert torch.allclose(norm(x, condition), gain * normed + bias, atol=1e-5)
    assert torch.allclose(ConditionalBatchNorm(3, 5)(x, condition * 0), normed, atol=1e-5)


def test_a_block_is_its_branch_beside_its_shortcut_of_the_same_x():
    """The ReLU must not be in place: the shortcut then sees what it left."""
    up: Any = UpBlock(4, 6, 5, True)
    x, condition = torch.randn(3, 4, 7, 7), torch.randn(3, 5)
    before = x.clone()
    h = up.norm_1(x, condition).relu().repeat_interleave(2, 2).repeat_interleave(2, 3)
    h = up.second(up.norm_2(up.first(h), condition).relu())
    beside = up.shortcut(x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.allclose(up(x, condition), h + beside, atol=1e-5) and torch.equal(x, before)
    down: Any = DownBlock(4, 6)
    h = F.avg_pool2d(down.second(down.first(x[..., :6, :6].relu()).relu()), 2)
    assert torch.allclose(down(x[..., :6, :6]), h + F.avg_pool2d(down.shortcut(x[..., :6, :6]), 2), atol=1e-5)
    last: Any = DownBlock(4, 4, down=False)
    assert torch.allclose(last(x), last.second(last.first(x.relu()).relu()) + x, atol=1e-5)
    first: Any = DownBlock(4, 6, down=False, first=True)
    assert torch.allclose(first(x), first.second(first.first(x).relu()) + first.shortcut(x), atol=1e-5)
    assert torch.equal(x, before)


def told(network: Any) -> list[torch.Tensor]:
    """What every conditional norm of G is told, in one pass."""
    seen: list[torch.Tensor] = []
    for part in network.modules():
        if isinstance(part, ConditionalBatchNorm):
            part.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    network(z(), torch.arange(6))
    return seen


def test_each_block_is_told_the_shared_class_and_its_own_part_of_z():
    G, _ = pair()
    first = G.net[0].weight.shape[1]
    parts = [first, *(G.net[i].norm_1.gain.weight.shape[1] - G.shared.embedding_dim for i in (1, 2))]
    assert sum(parts) == 100 and max(parts) - min(parts) <= 1
    chunks = z().split(parts, 1)
    seen = told(G)
    for block in (0, 1):
        expected = torch.cat([G.shared(torch.arange(6)), chunks[1 + block]], 1)
        assert torch.equal(seen[2 * block], expected) and torch.equal(seen[2 * block + 1], expected)


def test_without_skip_z_all_of_z_enters_first_and_the_norms_see_the_class_alone():
    G, _ = pair(skip_z=0)
    assert G.net[0].weight.shape[1] == 100
    assert all(torch.equal(condition, G.shared(torch.arange(6))) for condition in told(G))


def test_one_plus_is_an_option_of_all_norms():
    for one_plus in (0, 1):
        norms = [part for part in pair(one_plus=one_plus)[0].modules() if isinstance(part, ConditionalBatchNorm)]
        assert len(norms) == 4 and all(norm.one_plus == one_plus for norm in norms)


def test_the_score_is_a_line_and_a_direction_of_the_class():
    _, D = pair()
    D.eval()
    x, y = torch.rand(6, 1, 28, 28) * 2 - 1, torch.tensor([3, 3, 0, 1, 9, 9])
    h = x
    for layer in list(D.net)[:-1]:
        h = layer(h)
    h = h.sum((2, 3))
    expected = h @ D.linear.weight[0] + D.linear.bias + (D.embedding.weight[y] * h).sum(1)
    assert torch.allclose(D(x, y), expected, atol=1e-4)
    mean = pair(summed=0)[1].eval()
    mean.load_state_dict(D.state_dict())
    bias = D.linear.bias.detach()
    assert torch.allclose(49 * (mean(x, y) - bias), D(x, y) - bias, atol=1e-4)


def test_a_d_that_ignores_its_labels_is_found():
    x, y = torch.rand(6, 1, 28, 28) * 2 - 1, torch.arange(6)
    _, D = pair()
    _, deaf = pair(projection=0)
    D.eval(), deaf.eval()
    assert not torch.allclose(D(x, y), D(x, y + 1), atol=1e-3) and torch.equal(deaf(x, y), deaf(x, y + 1))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([0, 1, 2, 3, 4, 10]), r"from 0 to 10; expected \(6,\), int64, 0 to 9"),
        (torch.tensor([0, 1, 2, 3, 4, -1]), "from -1 to 4"),
        (torch.zeros(5, dtype=torch.long), r"shape \(5,\)"),
        (torch.zeros(6, 1, dtype=torch.long), r"shape \(6, 1\)"),
        (torch.zeros(6), r"float32.*y.long\(\)"),
    ],
)
def test_labels_that_are_no_classes_are_refused(y, message):
    G, D = pair()
    for call in (lambda: G(z(), y), lambda: D(torch.zeros(6, 1, 28, 28), y)):
        with pytest.raises(ShapeError, match=message):
            call()


def test_other_shapes_and_no_labels_are_refused():
    G, D = pair()
    with pytest.raises(ShapeError, match=r"expected \(B, 100\)"):
        G(torch.randn(3, 99), torch.arange(3))
    with pytest.raises(ShapeError, match="an image and its class"):
        D(torch.zeros(3, 1, 28, 28))
    with pytest.raises(ShapeError, match=r"expected \(B, 1, 28, 28\)"):
        D(torch.zeros(3, 1, 32, 32), torch.arange(3))
    with pytest.raises(TypeError, match="no probability"):
        D.probability(torch.zeros(3, 1, 28, 28))
    for options, message in (({"size": 30}, "size is 30, expected 28 or 32"), ({"classes": 0}, "classes is 0")):
        with pytest.raises(ValueError, match=message):
            pair(**options)


def matrix(layer: Any) -> torch.Tensor:
    weight = layer.parametrizations.weight.original if hasattr(layer, "parametrizations") else layer.weight
    return weight.detach().flatten(1)


def test_weights_are_drawn_orthogonal_embeddings_too():
    layers = [p for one in pair() for p in one.modules() if isinstance(p, (torch.nn.Linear, torch.nn.Conv2d))]
    for layer in [*layers, *(p for one in pair() for p in one.modules() if isinstance(p, torch.nn.Embedding))]:
        w = matrix(layer)
        gram = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        assert torch.allclose(gram, torch.eye(len(gram)), atol=1e-5)
        bias: Any = getattr(layer, "bias", None)
        assert bias is None or not bias.any()
    wide = torch.nn.Linear(100, 100)
    init_biggan(wide, orthogonal=False)
    assert 0.018 < wide.weight.std().item() < 0.022


def test_every_weight_but_gs_embedding_is_divided_by_its_largest_singular_value():
    G, D = pair()
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    layers = [sum(isinstance(part, kinds) for part in one.modules()) for one in (G, D)]
    assert [len(normalised(one)) for one in (G, D)] == [layers[0], layers[1] + 1]  # of D the embedding too
    for one in (G, D):
        for _ in range(30):  # power iterations
            with computed_once(one):
                pass
        one.eval()
        assert all(abs(torch.linalg.matrix_norm(part.weight.flatten(1), 2) - 1) < 0.02 for part in normalised(one))
    assert not any(normalised(one) for one in pair(spectral=0))


def test_under_autocast_norms_weights_and_scores_stay_float32():
    G, D = pair()
    y, seen = torch.arange(6), []
    for part in G.modules():
        if isinstance(part, ConditionalBatchNorm):
            part.register_forward_hook(lambda _, given, out: seen.append(out.dtype))
    D.linear.register_forward_hook(lambda _, given, out: seen.append(out.dtype))
    norm = ConditionalBatchNorm(3, 5)
    x, condition = torch.randn(8, 3, 4, 4), torch.randn(8, 5)
    plain = norm(x, condition)
    with torch.autocast("cpu", torch.bfloat16), computed_once(G), computed_once(D):
        assert torch.equal(norm(x, condition), plain)
        weights = [part.weight.dtype for one in (G, D) for part in normalised(one)]
        scores = D(G(z(), y), y)
    assert {*seen, *weights, scores.dtype} == {torch.float32} and len(seen) == 5


def test_the_fast_path_scores_alike():
    G, D = pair()
    x, y = torch.rand(6, 1, 28, 28) * 2 - 1, torch.arange(6)
    plan = fast.Plan("float32", True, True, "cpu")
    D.eval(), G.eval()
    before, images = D(x, y), G(z(), y)
    quick: Any = plan.prepare(copy.deepcopy(D))
    laid = copy.deepcopy(G)
    plan.prepare(laid)
    assert torch.allclose(quick(x, y), before, atol=1e-4) and torch.allclose(laid(z(), y), images, atol=1e-5)


def test_where_z_is_all_that_is_given_the_latent_tools_work_too():
    from gancourse import latent

    G, _ = pair()
    G.eval()
    with torch.no_grad():
        assert torch.allclose(latent.generate(G, z(12)), G(z(12), torch.arange(12) % 10), atol=1e-5)
