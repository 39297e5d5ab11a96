"""StyleGAN's networks: what each part computes, against the formula of its paper or a longer way to the same."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gancourse import models
from gancourse.latent import generate
from gancourse.models import count_parameters, fast
from gancourse.models.base import ShapeError
from gancourse.models.equalised import EqualConv, EqualLinear, blur, halved, upsampled
from gancourse.models.growing import fading, grown
from gancourse.models.style_discriminator import DownBlock, MinibatchDeviation, StyleDiscriminator
from gancourse.models.stylegan import (
    Mapping,
    StyledConv,
    StyleGenerator,
    Synthesis,
    ToRGB,
    adaptive_instance_norm,
    channels_at,
    demodulation,
    unit,
)

networks: Any = models.networks


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def small(**options) -> Any:
    return StyleGenerator(**({"width": 8, "size": 16, "mapping": 2, "latent": 12} | options))


def loud(G: Any) -> Any:
    """With noise that can be seen."""
    for layer in G.synthesis.convolutions:
        layer.strength.data.fill_(0.5)
    return G


# -- the parts --------------------------------------------------------------------------------


def test_sizes_are_those_that_the_lesson_states():
    G, D = networks("stylegan")
    assert (count_parameters(G), count_parameters(D)) == (377_928, 296_401)
    assert G.synthesis.n_styles == 10 and [channels_at(side, 64) for side in (4, 8, 16, 32, 64)] == [64, 64, 64, 32, 16]
    x = G(torch.randn(2, 128))
    assert x.shape == (2, 3, 64, 64) and D(x).shape == (2,)


def test_unit_puts_z_on_its_sphere():
    z = 7 * torch.randn(5, 12)
    assert torch.allclose(unit(z).norm(dim=1), torch.full((5,), 12.0).sqrt())
    assert torch.allclose(unit(3 * z), unit(z))


@pytest.mark.parametrize("lr", [1.0, 0.01])
def test_an_equal_layer_keeps_the_variance_and_learns_at_its_rate(lr):
    layer: Any = EqualLinear(400, 300, lr=lr)
    x = torch.randn(200, 400)
    assert layer(x).var().item() == pytest.approx(1, abs=0.05)
    before = (layer.weight * layer.scale).detach()
    optimiser = torch.optim.Adam(layer.parameters(), 1e-3)
    layer(x).square().sum().backward()
    optimiser.step()  # Adam's first step moves each parameter by its rate
    moved = (layer.weight * layer.scale - before).abs()
    assert moved.median().item() == pytest.approx(lr * 1e-3 / 400**0.5, rel=0.01)


def test_an_equal_convolution_keeps_the_variance():
    x = torch.randn(20, 32, 16, 16)
    inside = EqualConv(32, 48, 3, gain=1.5)(x)[:, :, 1:-1, 1:-1]
    assert inside.var().item() == pytest.approx(1.5**2, rel=0.1)


def test_a_bias_begins_as_asked_and_is_scaled():
    assert torch.allclose(EqualLinear(3, 2, bias=1.0, lr=0.01)(torch.zeros(1, 3)), torch.ones(1, 2))


def test_a_blur_keeps_a_plain_picture_and_weighs_by_1_3_3_1():
    plain = blur(torch.ones(1, 2, 8, 8))
    assert plain.shape == (1, 2, 9, 9) and torch.allclose(plain[:, :, 2:-2, 2:-2], torch.ones(1, 2, 5, 5))
    dot = torch.zeros(1, 1, 7, 7)
    dot[..., 3, 3] = 1
    row = blur(dot)[0, 0, 3, 2:6] * 64
    assert torch.allclose(row, 3 * torch.tensor([1.0, 3.0, 3.0, 1.0]))


def test_enlarged_is_zeros_between_and_a_blur():
    x = torch.randn(2, 3, 6, 6)
    spread = torch.zeros(2, 3, 12, 12)
    spread[:, :, ::2, ::2] = x
    by_hand = blur(spread, gain=4.0)[:, :, :-1, :-1]
    assert torch.allclose(upsampled(x)[:, :, 1:-1, 1:-1], by_hand[:, :, 1:-1, 1:-1], atol=1e-6)


# -- styles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("up", [False, True])
def test_scaled_maps_are_what_weights_of_its_own_would_give_each_image(up):
    """Karras et al. 2020, equations 1 and 3, image by image."""
    layer: Any = StyledConv(5, 7, 12, up=up)
    layer.bias.data.normal_()
    layer.strength.data.fill_(0.3)
    x, w = torch.randn(3, 5, 8, 8), torch.randn(3, 12)
    noise = torch.randn(3, 1, 16 if up else 8, 16 if up else 8)
    y = layer(x, w, noise)
    for i in range(3):
        style = layer.affine(w[i : i + 1])[0]
        weight = layer.weight * layer.scale * style[:, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            z = F.conv_transpose2d(x[i : i + 1], weight.transpose(0, 1), stride=2)
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
            z = F.conv2d(z, (taps[:, None] * taps).expand(7, 1, 4, 4), padding=1, groups=7)
        else:
            z = F.conv2d(x[i : i + 1], weight, padding=1)
        z = z + layer.bias[:, None, None] + 0.3 * noise[i]
        assert torch.allclose(y[i], 2**0.5 * F.leaky_relu(z, 0.2)[0], atol=1e-5)


def test_upward_is_zeros_between_a_convolution_and_a_blur():
    layer: Any = StyledConv(4, 6, 12, up=True)
    x, w = torch.randn(1, 4, 6, 6), torch.randn(1, 12)
    style = layer.affine(w)
    weight = layer.weight * layer.scale
    spread = torch.zeros(1, 4, 12, 12)
    spread[:, :, ::2, ::2] = x * style[:, :, None, None]
    flipped = weight.flip(2, 3)  # a transposed convolution turns the kernel round
    z = blur(F.conv2d(spread, flipped, padding=1), gain=4.0)[:, :, :-1, :-1]
    z = z * demodulation(weight, style)[:, :, None, None]
    y = layer(x, w, None)
    assert torch.allclose(y[..., 3:-3, 3:-3], 2**0.5 * F.leaky_relu(z, 0.2)[..., 3:-3, 3:-3], atol=1e-5)


def test_demodulated_outputs_have_unit_variance_whatever_the_style():
    weight = torch.randn(32, 24, 3, 3)
    style = 5 * torch.rand(4, 24) + 0.1
    x = torch.randn(4, 24, 40, 40)
    y = F.conv2d(x * style[:, :, None, None], weight) * demodulation(weight, style)[:, :, None, None]
    assert torch.allclose(y.var((2, 3)).mean(1), torch.ones(4), atol=0.05)
    assert torch.allclose(demodulation(weight, 10 * style) * 10, demodulation(weight, style), rtol=1e-4)


def test_adain_gives_every_map_the_mean_and_spread_of_its_style():
    x, style = 3 + 2 * torch.randn(2, 5, 9, 9), torch.randn(2, 10)
    y = adaptive_instance_norm(x, style)
    assert torch.allclose(y.mean((2, 3)), style[:, 5:], atol=1e-4)
    assert torch.allclose(y.std((2, 3), correction=0), (1 + style[:, :5]).abs(), atol=1e-3)


def test_adain_forgets_how_strong_a_map_was_and_modulation_does_not():
    w = torch.randn(1, 12)
    for adain in (True, False):
        layer = StyledConv(3, 4, 12, adain=adain)
        x = torch.randn(1, 3, 8, 8)
        same = torch.allclose(layer(x, w, None), layer(4 * x, w, None), atol=1e-4)
        assert same == adain


def test_a_picture_is_the_sum_of_what_its_sizes_add():
    G = small()
    w = G.mapping(torch.randn(2, 12))
    whole = G.train().synthesis(w)
    parts = torch.zeros_like(whole)
    kept = [layer.weight.data.clone() for layer in G.synthesis.to_rgb]
    for i in range(3):
        for j, layer in enumerate(G.synthesis.to_rgb):
            layer.weight.data = kept[j] if i == j else torch.zeros_like(kept[j])
        parts += G.synthesis(w)
    assert torch.allclose(whole, parts, atol=1e-5)


def test_what_to_rgb_adds_is_not_demodulated():
    layer: Any = ToRGB(6, 12)
    x, w = torch.randn(2, 6, 4, 4), torch.randn(2, 12)
    before = layer(x, w)
    layer.affine.weight.data *= 2
    layer.affine.bias.data *= 2
    assert torch.allclose(layer(x, w), 2 * before, atol=1e-5)


@pytest.mark.parametrize("adain", [0, 1])
def test_every_layer_is_given_its_own_style(adain, monkeypatch):
    G, given = small(adain=adain), {}
    for kind in (StyledConv, ToRGB):
        usual = kind.forward

        def watched(self, x, w, *rest, usual=usual):
            given[self] = w
            return usual(self, x, w, *rest)

        monkeypatch.setattr(kind, "forward", watched)
    n = G.synthesis.n_styles
    assert n == (5 if adain else 6)
    G.synthesis(torch.arange(n).float()[None, :, None].expand(1, n, 12))
    assert [given[layer][0, 0].item() for layer in G.synthesis.convolutions] == [0, 1, 2, 3, 4]
    rgb = [given[layer] for layer in G.synthesis.to_rgb]
    assert rgb == [None] * 3 if adain else [w[0, 0].item() for w in rgb] == [1, 3, 5]


def test_an_adain_layer_by_hand():
    """Convolution, noise, bias, LeakyReLU, and then the style."""
    layer: Any = StyledConv(3, 4, 12, adain=True)
    layer.bias.data.normal_()
    layer.strength.data.fill_(0.4)
    x, w, noise = torch.randn(2, 3, 8, 8), torch.randn(2, 12), torch.randn(2, 1, 8, 8)
    y = F.conv2d(x, layer.weight / 27**0.5, padding=1) + layer.bias[:, None, None] + 0.4 * noise
    y = adaptive_instance_norm(2**0.5 * F.leaky_relu(y, 0.2), layer.affine(w))
    assert torch.allclose(layer(x, w, noise), y, atol=1e-4)


def test_a_to_rgb_by_hand():
    layer: Any = ToRGB(6, 12)
    x, w = torch.randn(2, 6, 4, 4), torch.randn(2, 12)
    layer.bias.data.normal_()
    scaled = x * layer.affine(w)[:, :, None, None]
    assert torch.allclose(layer(x, w), F.conv2d(scaled, layer.weight / 6**0.5) + layer.bias[:, None, None], atol=1e-5)


def test_w_and_demodulation_are_not_rounded_by_autocast():
    G, z = small(), torch.randn(4, 12)
    weight, style = torch.randn(6, 5, 3, 3), torch.randn(4, 5)
    w, d = G.mapping(z), demodulation(weight, style)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(G.mapping(z), w) and torch.equal(demodulation(weight, style), d)


def test_a_layer_of_styles_moves_what_comes_after_it():
    G = small()
    w, other = G.mapping(torch.randn(2, 12))
    n = G.synthesis.n_styles
    base = w.expand(n, -1).clone()
    for layer in range(n):
        mixed = base.clone()
        mixed[layer] = other
        assert not torch.equal(G.synthesis(mixed[None]), G.synthesis(base[None]))
    last = base.clone()
    last[n - 1] = other  # the last picture's style alone: all sizes before stay as they are
    difference = G.train().synthesis(last[None]) - G.synthesis(base[None])
    assert difference.abs().max() > 0


def test_one_w_for_all_layers_is_the_same_as_the_same_in_each():
    G = small()
    w = G.mapping(torch.randn(3, 12))
    assert torch.equal(G.synthesis(w), G.synthesis(w[:, None].expand(-1, G.synthesis.n_styles, -1)))
    with pytest.raises(ShapeError, match=r"w has 5 styles, expected 6"):
        G.synthesis(w[:, None].expand(-1, 5, -1))


# -- noise ------------------------------------------------------------------------------------


def test_noise_does_nothing_at_first_and_something_when_it_has_a_strength():
    G, z = small(), torch.randn(2, 12)
    w, rng = G.mapping(z), torch.Generator().manual_seed(1)
    noise = G.synthesis.draw_noise(2, rng)
    assert [tuple(part.shape) for part in noise] == [(2, 1, side, side) for side in (4, 8, 8, 16, 16)]
    assert torch.equal(G.synthesis(w, noise), G.synthesis(w))
    loud(G)
    assert not torch.allclose(G.synthesis(w, noise), G.synthesis(w))
    assert torch.equal(G(z), G(z))  # without noise of its own an image has the one that all have


def test_stored_noise_is_the_same_everywhere_and_is_not_saved():
    assert torch.equal(small().synthesis.noise_3, small().synthesis.noise_3)
    assert not [name for name in small().state_dict() if "noise" in name]


def test_without_noise_none_is_added():
    G = loud(small(noise=0))
    w = G.mapping(torch.randn(1, 12))
    assert torch.equal(G.synthesis(w, G.synthesis.draw_noise(1, torch.Generator())), G.synthesis(w))


# -- the mapping ------------------------------------------------------------------------------


def test_the_mapping_has_its_layers_and_looks_at_directions_alone():
    mapping: Any = Mapping(12, 20, 3)
    z = torch.randn(4, 12)
    assert [layer.weight.shape for layer in mapping.layers] == [(20, 12), (20, 20), (20, 20)]
    assert torch.allclose(mapping(2 * z), mapping(z), atol=1e-5)
    w = unit(z)
    for layer in mapping.layers:
        w = 2**0.5 * F.leaky_relu(F.linear(w, layer.weight * 0.01 / layer.weight.shape[1] ** 0.5), 0.2)
    assert torch.allclose(mapping(z), w, atol=1e-5)


def test_truncation_goes_towards_the_mean_of_w():
    G = small()
    G.mapping.w_mean.normal_()
    w = G.mapping(torch.randn(3, 12))
    assert torch.allclose(G.truncated(w, 1.0), w) and torch.equal(G.truncated(w, 0.0), G.mapping.w_mean.expand_as(w))
    assert torch.allclose(G.truncated(w, 0.7), G.mapping.w_mean + 0.7 * (w - G.mapping.w_mean), atol=1e-6)


# -- the discriminator ------------------------------------------------------------------------


def test_the_deviation_of_a_batch_is_one_number_a_group():
    x = torch.randn(8, 3, 4, 4)
    y = MinibatchDeviation()(x)
    assert y.shape == (8, 4, 4, 4) and torch.equal(y[:, :3], x)
    for group in (x[::2], x[1::2]):  # images i, i + 2, i + 4, i + 6
        expected = group.std(0, correction=0).mean()
        first = 0 if torch.equal(group, x[::2]) else 1
        assert torch.allclose(y[first, 3], expected.expand(4, 4), atol=1e-5)
    assert MinibatchDeviation()(x[:1].expand(4, -1, -1, -1))[:, 3].abs().max() < 1e-3


@pytest.mark.parametrize(("n", "alike"), [(1, 1), (2, 2), (3, 3), (5, 1), (6, 3), (8, 4)])
def test_a_batch_that_four_does_not_divide_has_smaller_groups(n, alike):
    x = torch.randn(n, 3, 4, 4)
    found = MinibatchDeviation()(x)[:, 3, 0, 0]
    assert len(found) == n and (found.max() < 1e-3) == (alike == 1)
    assert len(found.unique()) == (n // alike if alike > 1 else 1)


def test_a_block_of_d_keeps_the_variance():
    D: Any = StyleDiscriminator(32, 32)
    x = D.net[0](torch.randn(16, 3, 32, 32))
    for block in list(D.net)[1:4]:
        before, x = x, block(x)
        assert 0.4 < (x.square().mean() / before.square().mean()).item() < 1.6
        assert x.shape[-1] == before.shape[-1] // 2


def test_a_block_of_d_by_hand():
    block: Any = DownBlock(3, 5)
    block.first.bias.data.normal_()
    block.second.bias.data.normal_()
    x = torch.randn(2, 3, 8, 8)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = (taps[:, None] * taps).expand(3, 1, 4, 4)
    y = 2**0.5 * F.leaky_relu(
        F.conv2d(x, block.first.weight / 27**0.5, padding=1) + block.first.bias[:, None, None], 0.2
    )
    y = F.conv2d(F.pad(y, (2, 2, 2, 2)), kernel, groups=3)  # 9 x 9
    y = F.conv2d(y, block.second.weight / 27**0.5, stride=2) + block.second.bias[:, None, None]
    y = 2**0.5 * F.leaky_relu(y, 0.2)
    beside = F.conv2d(F.pad(x, (1, 1, 1, 1)), kernel, stride=2, groups=3)
    beside = F.conv2d(beside, block.skip.weight / 3**0.5)
    assert torch.allclose(block(x), (y + beside) / 2**0.5, atol=1e-5)


def test_halved_is_every_second_pixel_of_the_blur():
    x = torch.randn(2, 4, 8, 8)
    assert torch.allclose(halved(x), blur(x)[:, :, 1::2, 1::2], atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(halved(x), blur(x.float())[:, :, 1::2, 1::2].float(), atol=0.05)


def test_the_last_layers_of_d_by_hand():
    D: Any = StyleDiscriminator(8, 8)
    convolution, linear, last = D.net[-7], D.net[-4], D.net[-2]
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        h = D.net[2](D.net[1](D.net[0](x)))
        h = F.leaky_relu(2**0.5 * F.conv2d(h, convolution.weight / (9 * 9) ** 0.5, padding=1), 0.2)
        h = F.leaky_relu(2**0.5 * F.linear(h.flatten(1), linear.weight / 128**0.5), 0.2)
        assert torch.allclose(D(x), F.linear(h, last.weight / 8**0.5)[:, 0], atol=1e-5)


def test_logits_follow_the_image():
    D: Any = StyleDiscriminator(8, 16)
    x = torch.randn(4, 3, 16, 16)
    assert D(x).shape == (4,) and not torch.allclose(D(x), D(x.flip(0)))
    assert torch.allclose(D.probability(x), D(x).sigmoid())
    with pytest.raises(ShapeError, match=r"expected \(B, 3, 16, 16\)"):
        D(torch.randn(4, 3, 32, 32))


# -- both -------------------------------------------------------------------------------------


@pytest.mark.parametrize("adain", [0, 1])
def test_images_are_clamped_in_eval_mode_alone(adain):
    G, z = small(adain=adain), torch.randn(4, 12)
    for layer in G.synthesis.to_rgb:
        layer.weight.data *= 5
    assert G.train()(z).abs().max() > 1 and G.eval()(z).abs().max() == 1
    assert generate(G, z).shape == (4, 3, 16, 16)


@pytest.mark.parametrize("adain", [0, 1])
def test_the_fast_path_computes_the_same(adain):
    G, D = networks("stylegan", width=8, size=16, latent=12, adain=adain)
    plan = fast.Plan("float32", True, True, "cpu")
    z = torch.randn(3, 12)
    x = loud(G)(z)
    logits = D(x)
    assert torch.allclose(plan.prepare(G)(z), x, atol=1e-5) and torch.allclose(plan.prepare(D)(x), logits, atol=1e-4)


def test_bfloat16_is_near():
    G, D = networks("stylegan", width=16, size=16)
    z = torch.randn(8, 128)
    x = G.eval()(z)
    with torch.autocast("cpu", torch.bfloat16):
        rough = G(z)
        logits = D(x)
    assert rough.dtype == torch.float32 and (rough - x).abs().mean() < 0.02
    assert (logits.float() - D(x)).abs().mean() < 0.1 * D(x).abs().mean() + 0.05


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 48}, "size is 48, expected a power of 2"),
        ({"size": 4}, "size is 4"),
        ({"width": 0}, "width is 0"),
        ({"mapping": 0}, "mapping is 0"),
        ({"latent": 1.5}, "latent is 1.5"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        StyleGenerator(**options)
    if "size" in options:
        with pytest.raises(ValueError, match=said):
            StyleDiscriminator(**options)


def test_weights_go_from_one_network_to_another_of_its_options():
    G = loud(small(adain=1))
    again: Any = StyleGenerator(**G.options)
    again.load_state_dict(G.state_dict())
    z = torch.randn(2, 12)
    assert torch.equal(again(z), G(z))
    assert isinstance(G.synthesis, Synthesis) and all(a <= b for a, b in pairwise(G.synthesis.sizes))


# -- growing -----------------------------------------------------------------------------------------------------------


def test_grown_networks_begin_where_the_small_ones_ended():
    G, D = networks("stylegan", width=8, size=16, mapping=2, latent=12)
    G.mapping.w_mean.normal_()
    larger: Any
    judge: Any
    larger, judge = grown(loud(G), D)
    z, x = torch.randn(5, 12), torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        G.train(), larger.train()
        assert torch.allclose(larger(z), upsampled(G(z)), atol=1e-5) and larger.synthesis.n_styles == 8
        assert torch.allclose(judge(x), D(F.avg_pool2d(x, 2)), atol=1e-5)
        judge.net[0].fade_to(1)
        assert not torch.allclose(judge(x), D(F.avg_pool2d(x, 2)), atol=1e-2)
    assert torch.equal(larger.mapping.w_mean, G.mapping.w_mean)


def test_they_grow_again_and_what_faded_in_stays():
    G, D = networks("stylegan", width=8, size=8, mapping=1, latent=6)
    for _ in range(2):
        G, D = grown(G, D)
        fading(D)[0].fade_to(1)
    again, judge = grown(G, D)
    x = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(judge(x), D(F.avg_pool2d(x, 2)), atol=1e-4)
    assert again.image_shape == (3, 64, 64) and len(fading(judge)) == 1
    remade = networks("stylegan", **again.options, **{k: v for k, v in judge.options.items() if k == "fading"})
    remade[0].load_state_dict(again.state_dict())
    remade[1].load_state_dict(judge.state_dict())


def test_the_small_networks_stay_as_they_are():
    G, D = networks("stylegan", width=8, size=8, mapping=1, latent=6)
    _, judge = grown(G, D)
    with torch.no_grad():
        for p in judge.parameters():
            p.zero_()
    assert all(p.abs().max() > 0 for p in D.parameters() if p.ndim > 1)
    with pytest.raises(ValueError, match="G makes pictures of 8 pixels and D takes 16: they grow together"):
        grown(G, networks("stylegan", width=8, size=16)[1])


def test_half_way_both_entrances_count():
    _, D = grown(*networks("stylegan", width=8, size=8, mapping=1, latent=6))
    entrance, x = fading(D)[0], torch.randn(3, 3, 16, 16)
    with torch.no_grad():
        found = []
        for share in (0.0, 0.25, 1.0):
            entrance.fade_to(share)
            found.append(entrance(x))
    assert torch.allclose(found[1], 0.75 * found[0] + 0.25 * found[2], atol=1e-5)
