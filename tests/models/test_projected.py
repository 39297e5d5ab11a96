"""A discriminator that looks through frozen features: here through the untrained twin, which needs no download."""

import copy
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gancourse import models
from gancourse.models.base import ShapeError
from gancourse.models.efficientnet import CHANNELS
from gancourse.models.features import random_features
from gancourse.models.projected import MIXED, Head, ProjectedDiscriminator
from gancourse.models.spectral import normalised
from gancourse.training import Config, CriticGAN, CriticRecipe, StyleGAN, StyleRecipe, Trainer

networks: Any = models.networks


@pytest.fixture(scope="module")
def features():
    return random_features()


@pytest.fixture
def D(features) -> Any:
    torch.manual_seed(0)
    return ProjectedDiscriminator(features, width=8)


def pictures(n: int = 4, size: int = 64) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_logits_are_one_a_picture_and_follow_it(D):
    x = pictures()
    D.eval()
    assert D(x).shape == (4,) and not torch.allclose(D(x), D(x.flip(0)))
    with pytest.raises(ShapeError, match=r"expected \(B, 3, 64, 64\)"):
        D(pictures(size=32))


def test_maps_are_mixed_over_channels_and_from_coarse_to_fine(D, features):
    x = pictures()
    maps = D.enter(x)
    assert [tuple(m.shape[1:]) for m in maps] == [(c, s, s) for c, s in zip(MIXED, (16, 8, 4, 2), strict=True)]
    seen = features(x)
    coarsest = F.conv2d(seen[3], D.channels_3)
    assert torch.allclose(maps[3], coarsest, atol=1e-4)
    above = F.interpolate(coarsest, size=4, mode="bilinear", align_corners=False)
    by_hand = (F.conv2d(seen[2], D.channels_2) + F.conv2d(above, D.sizes_2)) / 2**0.5
    assert torch.allclose(maps[2], by_hand, atol=1e-4)
    for i, size in ((1, 8), (0, 16)):
        above = F.interpolate(maps[i + 1], size=size, mode="bilinear", align_corners=False)
        own, mixed = F.conv2d(seen[i], getattr(D, f"channels_{i}")), F.conv2d(above, getattr(D, f"sizes_{i}"))
        assert torch.allclose(maps[i], (own + mixed) / 2**0.5, atol=1e-4)


def test_in_train_mode_each_head_has_a_logit_and_learns_from_its_own(D):
    x = pictures()
    every = D.train()(x)
    assert every.shape == (16,) and D.eval()(x).shape == (4,)
    torch.manual_seed(1)
    maps = D.enter(x)
    alone = torch.stack([head(maps[i])[:, 0] for i, head in enumerate(D.net[0].each)], 1)
    assert torch.allclose(D(x), alone.mean(1), atol=1e-5)
    F.softplus(-D.train()(x)).mean().backward()
    for head in D.net[0].each:
        assert max(p.grad.abs().max() for p in head.parameters()) > 0


def test_a_copy_shares_the_features_and_options_tell_them_apart(D, features):
    again = copy.deepcopy(D)
    assert again._features.what is features and again.net[0] is not D.net[0]
    others = ProjectedDiscriminator(random_features(seed=1), width=8)
    fewer = ProjectedDiscriminator(features, width=8, heads=(0, 2))
    assert len({tuple(one.options.items()) for one in (D, others, fewer)}) == 3
    assert fewer.options["heads"] == 0b101 and again.options == D.options


def test_projections_are_always_the_same_and_are_no_parameters(D, features):
    again = ProjectedDiscriminator(features, width=8)
    for i, inputs in enumerate(CHANNELS):
        assert torch.equal(getattr(again, f"channels_{i}"), getattr(D, f"channels_{i}"))
        assert getattr(D, f"channels_{i}").shape == (MIXED[i], inputs, 1, 1)
    names = {name.split(".")[0] for name in D.state_dict()}
    assert names == {"net"}  # neither features nor projections are saved


def test_features_are_neither_trained_nor_put_into_train_mode(D, features):
    before = {k: v.clone() for k, v in features.state_dict().items()}
    optimiser = torch.optim.Adam(D.parameters(), 0.1)
    D.train()(pictures()).sum().backward()
    optimiser.step()
    assert all(torch.equal(v, before[k]) for k, v in features.state_dict().items())
    assert not features.training and not any(p.requires_grad for p in features.parameters())


def test_gradients_reach_the_pictures_also_where_they_lie_outside(D):
    D.eval()  # spectral norm's estimate moves otherwise
    x: Any = (2 * pictures()).requires_grad_()
    D(x).sum().backward()
    assert x.grad[x.detach().abs() > 1].abs().max() > 0
    assert torch.allclose(D(x), D(x.detach().clamp(-1, 1)))


@pytest.mark.parametrize(("side", "channels"), [(16, 64), (8, 128), (4, 256), (2, 512)])
def test_a_head_judges_a_map_and_every_weight_of_it_is_normalised(side, channels):
    torch.manual_seed(0)
    head = Head(channels, side, 8)
    assert head(torch.randn(4, channels, side, side)).shape == (4, 1)
    assert len(normalised(head)) == sum(hasattr(layer, "weight") for layer in head)


def test_a_head_is_told_whether_a_batch_is_all_alike():
    torch.manual_seed(0)
    head = Head(64, 16, 8).eval()
    one = torch.randn(1, 64, 16, 16)
    alone, among = head(one.expand(4, -1, -1, -1))[0], head(torch.cat([one, torch.randn(3, 64, 16, 16)]))[0]
    assert not torch.allclose(alone, among, atol=1e-4)


def test_heads_can_be_chosen(features):
    torch.manual_seed(0)
    one: Any = ProjectedDiscriminator(features, width=8, heads=(2,))
    assert len(one.net[0].each) == 1 and one.net[0].each[0][0].in_channels == MIXED[2] and one(pictures()).shape == (4,)


def test_raw_taps_are_the_features_maps(features):
    torch.manual_seed(0)
    raw: Any = ProjectedDiscriminator(features, width=8, mixed=False)
    x = pictures()
    assert all(torch.equal(a, b) for a, b in zip(raw.enter(x), features(x), strict=True))
    assert not [name for name, _ in raw.named_buffers() if name.startswith(("channels", "sizes"))]
    assert [head[0].in_channels for head in raw.net[0].each] == list(CHANNELS)
    assert raw(x).shape == (16,) and raw.eval()(x).shape == (4,)
    assert raw.options != ProjectedDiscriminator(features, width=8).options


def test_training_moves_heads_and_neither_features_nor_projections(features):
    from gancourse.data import Images

    torch.manual_seed(0)
    G = networks("dcgan64", width=4)[0]
    D: Any = ProjectedDiscriminator(features.train(), width=4)  # a slip that must change nothing
    frozen = {f"features.{k}": v for k, v in features.state_dict().items()}
    frozen |= {k: v for k, v in D.named_buffers() if k.startswith(("channels", "sizes"))}
    before, heads = ({k: v.clone() for k, v in one.items()} for one in (frozen, D.state_dict()))
    images = Images((pictures(16) * 127.5 + 127.5).to(torch.uint8), name="noise")
    recipe = CriticRecipe("hinge", "spectral", augment=("colour", "translation", "cutout"))
    Trainer(CriticGAN(G, D, recipe), images, Config("projected", 1, 8), device="cpu").fit(progress=False)
    assert D.training and not any(part.training for part in features.modules())
    assert len(before) > 100 and sum(k.startswith(("channels", "sizes")) for k in before) == 7
    assert all(torch.equal(v, before[k]) for k, v in frozen.items())
    moved = [k for k, v in D.state_dict().items() if not torch.equal(v, heads[k])]
    assert len([k for k in moved if k.endswith("original")]) == sum("original" in k for k in heads)


def test_small_pictures_can_be_enlarged_for_the_features(features):
    torch.manual_seed(0)
    D = ProjectedDiscriminator(features, size=32, larger=2, width=8)
    assert D.enter(pictures(size=32))[0].shape[-1] == 16 and D.eval()(pictures(size=32)).shape == (4,)


def test_a_size_that_the_features_do_not_divide_is_refused(features):
    with pytest.raises(ValueError, match="size is 48, expected a multiple of 32"):
        ProjectedDiscriminator(features, size=48)


def test_it_trains_a_generator(features):
    from gancourse.data import Images

    torch.manual_seed(0)
    G = networks("stylegan", width=4, mapping=1, latent=8)[0]
    D = ProjectedDiscriminator(features, width=4)
    images = Images((pictures(16) * 127.5 + 127.5).to(torch.uint8), name="noise")
    for precision in ("float32", "bfloat16"):
        config = Config("projected", 1, 8, precision=precision)
        trainer = Trainer(StyleGAN(G, D, StyleRecipe(r1=0.0)), images, config, device="cpu")
        row = trainer.fit(progress=False)[0]
        assert all(torch.isfinite(torch.tensor(list(row.values()))))
