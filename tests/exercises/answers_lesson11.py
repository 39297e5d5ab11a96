"""Answers to the exercises of lesson11: right ones, and wrong ones with a part of their message."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gancourse.exercises import lesson11
from gancourse.models.equalised import EqualLinear
from gancourse.models.stylegan import adaptive_instance_norm, demodulation
from gancourse.training.style import crossed
from gancourse.training.style import lazy as ours_lazy

# --- equal rates -----------------------------------------------------------------------------------------------------


def linear(of_weight=lambda n, out, lr: lr / n**0.5, of_bias=lambda n, out, lr: lr):
    def answer(x, weight, bias, lr):
        out, n = weight.shape
        return F.linear(x, weight * of_weight(n, out, lr), bias * of_bias(n, out, lr))

    return answer


def linear_by_einsum(x, weight, bias, lr):
    total = torch.einsum("bi,oi->bo", x, weight) / x.size(1) ** 0.5 + bias
    return lr * total


def linear_by_the_course(x, weight, bias, lr):
    layer = EqualLinear(weight.shape[1], weight.shape[0], lr=lr)
    return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))


def linear_in_place(x, weight, bias, lr):
    weight *= lr / math.sqrt(x.shape[1])
    return x @ weight.T + bias * lr


def bias_in_place(x, weight, bias, lr):
    return x @ weight.T * lr / x.shape[1] ** 0.5 + bias.mul_(lr)


# --- modulated weights -----------------------------------------------------------------------------------------------


def at_inputs(weight, style):
    return weight * style[:, None, :, None, None]


def modulate(scaled=at_inputs, over=(2, 3, 4), divide=lambda own, squares: own / (squares + 1e-8).sqrt()):
    def answer(weight, style):
        own = scaled(weight, style)
        return divide(own, own.square().sum(over, keepdim=True))

    return answer


def modulate_by_loop(weight, style):
    found = []
    for s in style:
        own = weight * s.reshape(1, -1, 1, 1)
        length = (own.flatten(1).pow(2).sum(1) + 1e-8) ** 0.5
        found.append(own / length.view(-1, 1, 1, 1))
    return torch.stack(found)


def modulate_by_einsum(weight, style):
    own = torch.einsum("oikl,bi->boikl", weight, style)
    return torch.einsum("boikl,bo->boikl", own, torch.rsqrt(torch.einsum("boikl,boikl->bo", own, own) + 1e-8))


def modulate_by_the_course(weight, style):
    return at_inputs(weight, style) * demodulation(weight, style)[:, :, None, None, None]


def modulate_in_place(weight, style):
    weight.mul_(style[0][:, None, None])
    return modulate()(weight, style)


def modulate_by_normalize(weight, style):
    return F.normalize(at_inputs(weight, style).flatten(2), dim=2, eps=1e-8).view(len(style), *weight.shape)


def modulate_with_length_detached(weight, style):
    own = at_inputs(weight, style)
    return own / (own.detach().square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()


# --- AdaIN -----------------------------------------------------------------------------------------------------------


def halves(style, x):
    return style[:, :, None, None].chunk(2, 1)


def adain(
    over=(2, 3),
    cut=halves,
    one=1.0,
    root=lambda var: (var + 1e-8).sqrt(),
    var=lambda x, over: x.var(over, unbiased=False, keepdim=True),
    total=lambda one, y, shift: one * y + shift,
    mean=lambda x, over: x.mean(over, keepdim=True),
):
    def answer(x, style):
        scale, shift = cut(style, x)
        return total(one + scale, (x - mean(x, over)) / root(var(x, over)), shift)

    return answer


def adain_by_loops(x, style):
    C = x.shape[1]
    rows = []
    for maps, s in zip(x, style, strict=True):
        found = []
        for c, m in enumerate(maps):
            gap = m - m.mean()
            found.append(gap / torch.sqrt((gap**2).mean() + 1e-8) * (s[c] + 1) + s[C + c])
        rows.append(torch.stack(found))
    return torch.stack(rows)


def adain_by_moments(x, style):
    mean, square = x.mean((-1, -2), keepdim=True), (x * x).mean((-1, -2), keepdim=True)
    y = (x - mean) * torch.rsqrt((square - mean**2).clamp(min=0) + 1e-8)
    scale, shift = style.unsqueeze(-1).unsqueeze(-1).split(x.shape[1], 1)
    return torch.addcmul(y + shift, scale, y)


def adain_without_axes(x, style):
    C = x.shape[1]
    y = F.instance_norm(x, eps=1e-8)
    return (1 + style[:, :C]) * y + style[:, C:]


def adain_in_place(x, style):
    x -= x.mean((2, 3), keepdim=True)
    return adain()(x, style)


def adain_in_numpy(x, style):
    return adain()(x, style).detach().numpy()


# --- noise -----------------------------------------------------------------------------------------------------------


def noisy(
    shape=lambda b, c, h, w: (b, 1, h, w), draw=torch.randn, total=lambda x, s, n: x + s * n, source=lambda rng: rng
):
    return lambda x, strength, rng: total(x, strength, draw(*shape(*x.shape), generator=source(rng)))


def noise_image_by_image(x, strength, rng):
    return torch.stack([image + strength * torch.randn(image.shape[-2:], generator=rng) for image in x])


def noise_by_normal(x, strength, rng):
    noise = torch.empty(x.shape[0], *x.shape[2:]).normal_(generator=rng)
    return torch.addcmul(x, noise[:, None], torch.as_tensor(strength))


def noise_seeded_again(x, strength, rng):
    return noisy()(x, strength, rng.manual_seed(rng.initial_seed()))


def noise_in_place(x, strength, rng):
    return x.add_(strength * torch.randn(len(x), 1, *x.shape[2:], generator=rng))


def noise_of_long(x, strength, rng):
    return x + strength * torch.randn(len(x), 1, *x.shape[2:], generator=rng, dtype=torch.float64)


# --- style mixing ----------------------------------------------------------------------------------------------------


def mix(start=lambda first: first - 1, end=lambda last: last, exchanged=False):
    def answer(w_source, w_donor, first, last, n_styles):
        if exchanged:
            w_source, w_donor = w_donor, w_source
        w = w_source[:, None].repeat(1, n_styles, 1)
        w[:, start(first) : end(last)] = w_donor[:, None]
        return w

    return answer


def mix_by_list(w_source, w_donor, first, last, n_styles):
    return torch.stack([w_donor if first <= i <= last else w_source for i in range(1, n_styles + 1)], 1)


def mix_by_where(w_source, w_donor, first, last, n_styles):
    layer = torch.arange(1, n_styles + 1).view(1, -1, 1)
    return torch.where((layer >= first) & (layer <= last), w_donor.unsqueeze(1), w_source.unsqueeze(1))


def mix_by_the_course(w_source, w_donor, first, last, n_styles):
    start = torch.full((len(w_source),), first - 1)
    w = crossed(w_source, w_donor, start, n_styles)
    w[:, last:] = w_source[:, None]
    return w


def mix_expanded(w_source, w_donor, first, last, n_styles):
    w = w_source[:, None].expand(-1, n_styles, -1)
    w[:, first - 1 : last] = w_donor[:, None]
    return w


def mix_in_place(w_source, w_donor, first, last, n_styles):
    w = mix_by_list(w_source, w_donor, first, last, n_styles)
    w_source.copy_(w_donor)
    return w


# --- truncation ------------------------------------------------------------------------------------------------------


def truncate(
    mean_of=lambda mapping, z: mapping(z).mean(0),
    draw=lambda n, size, rng: torch.randn(n, size, generator=rng),
    total=lambda mean, w, psi: mean + psi * (w - mean),
    graph=torch.no_grad,
):
    def answer(mapping, w, psi, n, rng, z_size):
        with graph():
            mean = mean_of(mapping, draw(n, z_size, rng))
        return total(mean, w, psi)

    return answer


def truncate_in_parts(mapping, w, psi, n, rng, z_size):
    total, left = 0, n
    while left:
        m = min(left, 500)
        total, left = total + mapping(torch.randn(m, z_size, generator=rng)).sum(0), left - m
    return torch.lerp((total / n).detach().expand_as(w), w, psi)


def truncate_one_by_one(mapping, w, psi, n, rng, z_size):
    found = [mapping(torch.randn(z_size, generator=rng)).detach() for _ in range(n)]
    return psi * w + (1 - psi) * sum(found) / n


def truncate_in_place(mapping, w, psi, n, rng, z_size):
    mean = mapping(torch.randn(n, z_size, generator=rng)).mean(0).detach()
    return w.sub_(mean).mul_(psi).add_(mean)


def truncate_of_w(mapping, w, psi, n, rng, z_size):
    mapping(torch.randn(n, z_size, generator=rng))
    return w.mean(0) + psi * (w - w.mean(0))


def truncate_without_mapping(mapping, w, psi, n, rng, z_size):
    return w.mean(0) + psi * (w - w.mean(0))


def truncate_w_mapped(mapping, w, psi, n, rng, z_size):
    return mapping(w)


# --- lazy steps ------------------------------------------------------------------------------------------------------


def lazy(
    weight=lambda k, g: k * g / 2,
    rate=lambda k, lr: lr * k / (k + 1),
    beta1=lambda k, b: b ** (k / (k + 1)),
    beta2=lambda k, b: b ** (k / (k + 1)),
):
    return lambda k, lr, b1, b2, g: (weight(k, g), rate(k, lr), beta1(k, b1), beta2(k, b2))


def lazy_by_the_course(k, lr, beta1, beta2, gamma):
    rate, betas = ours_lazy(lr, (beta1, beta2), k)
    return [0.5 * gamma * k, rate, *betas]


def lazy_in_numpy(k, lr, beta1, beta2, gamma):
    c = 1 - 1 / (k + 1)
    return np.array([k * gamma / 2, c * lr, *np.power([beta1, beta2], c)])


# --- the hunt --------------------------------------------------------------------------------------------------------


def published():
    found: dict = {}
    exec(lesson11.published_style_layer(), found)
    return found["StyleLayer"]


def repaired(*pairs):
    """The listing with some lines of it replaced."""
    code = lesson11.published_style_layer()
    for old, new in pairs:
        assert old in code, old
        code = code.replace(old, new)
    found: dict = {}
    exec(code, found)
    return found["StyleLayer"]


STRENGTH = ("torch.randn(())", "torch.zeros(())")
STATISTICS = ("((0, 2, 3)", "((2, 3)")
CUT = (".view(2, len(w), -1, 1, 1)", "[:, :, None, None].chunk(2, 1)")
ONE = ("return scale * y", "return (1 + scale) * y")
ALL = (STRENGTH, STATISTICS, CUT, ONE)
ONE_OF_BIAS = (
    "nn.init.zeros_(self.affine.bias)",
    "nn.init.zeros_(self.affine.bias)\n        self.affine.bias.data[:outputs] = 1",
)
RELU = "F.leaky_relu(y + self.bias[:, None, None], 0.2)"


class Layer(nn.Module):
    """The whole written anew."""

    def __init__(self, inputs, outputs, w_size):
        super().__init__()
        self.affine = nn.Linear(w_size, 2 * outputs)
        self.affine.bias.data.zero_()
        self.strength = nn.Parameter(torch.zeros(1, 1, 1, 1))
        self.conv = nn.Conv2d(inputs, outputs, 3, padding="same", bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x, w, noise):
        y = F.leaky_relu(self.conv(x) + self.bias.view(-1, 1, 1) + noise * self.strength, 0.2)
        return adaptive_instance_norm(y, self.affine(w))


def hunt_by_instance_norm(inputs, outputs, w_size):
    norm = ("(y - mean) / (variance + 1e-8).sqrt()", "nn.InstanceNorm2d(y.shape[1])(y)")
    return repaired(STRENGTH, CUT, ONE, norm)(inputs, outputs, w_size)


def but(*left, more=()):
    """All repairs but these, and some more changes."""
    return repaired(*[pair for pair in ALL if pair not in left], *more)


def and_then(old, new):
    return but(more=[(old, new)])


RIGHT: dict[str, list[Any]] = {
    "equal_linear": [linear(), linear_by_einsum, linear_by_the_course],
    "modulate": [modulate(), modulate_by_loop, modulate_by_einsum],
    "adain": [adain(), adain_by_loops, adain_by_moments, adaptive_instance_norm],
    "add_noise": [noisy(), noise_image_by_image, noise_by_normal],
    "mix": [mix(), mix_by_list, mix_by_where, mix_by_the_course],
    "truncate": [truncate(), truncate_in_parts, truncate_one_by_one],
    "lazy": [lazy(), lazy_by_the_course, lazy_in_numpy],
    "bug_hunt": [repaired(*ALL), Layer, hunt_by_instance_norm, but(ONE, more=[ONE_OF_BIAS])],
}

WRONG: dict[str, dict[str, tuple[Any, str]]] = {
    "equal_linear": {
        "as they are": (linear(lambda n, out, lr: 1, lambda n, out, lr: 1), "used as they are"),
        "no root": (linear(lambda n, out, lr: lr), "1 / sqrt(in) is missing"),
        "bias alone": (linear(lambda n, out, lr: 1), "The weight is used as it is"),
        "no lr": (linear(lambda n, out, lr: 1 / n**0.5, lambda n, out, lr: 1), "lr is missing, in the weight and"),
        "no lr in the weight": (linear(lambda n, out, lr: 1 / n**0.5), "The weight lacks lr"),
        "no lr in the bias": (linear(of_bias=lambda n, out, lr: 1), "The bias counts lr times"),
        "bias scaled": (linear(of_bias=lambda n, out, lr: lr / n**0.5), "The bias is divided by sqrt(in), too"),
        "bias by the root": (linear(of_bias=lambda n, out, lr: 1 / n**0.5), "The bias is scaled by 1 / sqrt(in)"),
        "no bias": (linear(of_bias=lambda n, out, lr: 0), "The bias is missing"),
        "root forgotten": (linear(lambda n, out, lr: lr / n), "The square root is forgotten: lr / sqrt(in)"),
        "both without root": (linear(lambda n, out, lr: lr / n, lambda n, out, lr: lr / n), "forgotten, and the bias"),
        "root turned": (linear(lambda n, out, lr: lr * n**0.5), "You multiply by sqrt(in)"),
        "outputs": (linear(lambda n, out, lr: lr / out**0.5), "The root is that of the outputs"),
        "all weights": (linear(lambda n, out, lr: lr / (n * out) ** 0.5), "has all weights in it"),
        "batch": (lambda x, w, b, lr: F.linear(x, w * lr / len(x) ** 0.5, b * lr), "that of the batch"),
        "gain": (linear(lambda n, out, lr: lr * (2 / n) ** 0.5), "a gain of sqrt(2) more"),
        "lr twice": (linear(lambda n, out, lr: lr**2 / n**0.5), "has lr twice"),
        "lr turned": (linear(lambda n, out, lr: 1 / lr / n**0.5, lambda n, out, lr: 1 / lr), "You divide by lr"),
        "transposed": (lambda x, w, b, lr: x @ w * lr / x.shape[1] ** 0.5 + b * lr, "Your function stopped"),
        "transposed where it fits": (
            lambda x, w, b, lr: linear()(x, w.T if len(w) == w.shape[1] else w, b, lr),
            "The weight is transposed",
        ),
        "weight in place": (linear_in_place, "It changes `weight` in place"),
        "bias in place": (bias_in_place, "It changes `bias` in place"),
        "detached": (lambda *given: linear()(*given).detach(), "no gradient passes"),
        "weight's data": (lambda x, w, b, lr: linear()(x, w.data, b, lr), "no gradient comes to `weight`"),
        "half detached": (
            lambda x, w, b, lr: linear()(x, (w + w.detach()) / 2, b, lr),
            "gradient for `weight` is not",
        ),
        "float64": (lambda *given: linear()(*given).double(), "in float64"),
        "an array": (lambda *given: linear()(*given).detach().numpy(), "a tensor of shape"),
        "half": (lambda *given: linear()(*given) / 2, "these are not the layer's outputs"),
    },
    "modulate": {
        "scaled alone": (at_inputs, "not divided by their length"),
        "no style": (modulate(lambda w, s: w[None].repeat(len(s), 1, 1, 1, 1)), "The style is missing"),
        "length first": (
            lambda w, s: at_inputs(w / (w.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt(), s),
            "before they are scaled: first the style",
        ),
        "outputs": (modulate(lambda w, s: w * s[:, :, None, None, None]), "the division takes that away again"),
        "outputs alone": (lambda w, s: w * s[:, :, None, None, None], "`style[:, None, :, None, None]`"),
        "rows": (modulate(lambda w, s: w * s[:, None, None, :, None]), "along the kernel's rows"),
        "columns": (modulate(lambda w, s: w * s[:, None, None, None, :]), "along the kernel's columns"),
        "1 +": (modulate(lambda w, s: at_inputs(w, 1 + s)), "1 is added to the style"),
        "outputs as well": (modulate(over=(1, 2, 3, 4)), "over the output channels as well"),
        "images as well": (modulate(over=(0, 2, 3, 4)), "over the images as well"),
        "over outputs": (modulate(over=(1, 3, 4)), "is over the output channels:"),
        "over inputs": (modulate(over=2), "over the input channels alone"),
        "over the kernel": (modulate(over=(3, 4)), "over the kernel alone"),
        "over everything": (modulate(over=(0, 1, 2, 3, 4)), "over everything"),
        "no root": (modulate(divide=lambda own, squares: own / (squares + 1e-8)), "The square root is forgotten"),
        "multiplied": (modulate(divide=lambda own, squares: own * (squares + 1e-8).sqrt()), "You multiply by the"),
        "mean": (
            lambda w, s: at_inputs(w, s) * (at_inputs(w, s).square().mean((2, 3, 4), keepdim=True) + 1e-8).rsqrt(),
            "the mean of squares",
        ),
        "absolute": (lambda w, s: (o := at_inputs(w, s)) / o.abs().sum((2, 3, 4), keepdim=True), "absolute values"),
        "sum": (lambda w, s: (o := at_inputs(w, s)) / o.sum((2, 3, 4), keepdim=True), "You divide by the sum"),
        "no eps": (modulate(divide=lambda own, squares: own / squares.sqrt()), "1e-8 is missing"),
        "eps outside": (modulate(divide=lambda own, squares: own / (squares.sqrt() + 1e-8)), "outside of the root"),
        "eps 1e-5": (modulate(divide=lambda own, squares: own / (squares + 1e-5).sqrt()), "these are not the weights"),
        "normalize": (modulate_by_normalize, "1e-8 is missing"),
        "outputs first": (lambda w, s: modulate()(w, s).transpose(0, 1), "the images are the first axis"),
        "for one convolution": (lambda w, s: modulate()(w, s).flatten(0, 1), "are one axis"),
        "one image": (lambda w, s: modulate()(w, s)[0], "of the first image alone"),
        "mean style": (lambda w, s: modulate()(w, s.mean(0, keepdim=True))[0], "the mean style"),
        "in place": (modulate_in_place, "It changes `weight` in place"),
        "detached": (lambda w, s: modulate()(w, s.detach()), "no gradient comes to `style`"),
        "length detached": (modulate_with_length_detached, "their gradient for `weight` is not"),
        "float32": (lambda w, s: modulate()(w.float(), s.float()), "in float32: what it was given is float64"),
    },
    "adain": {
        "no 1 +": (adain(one=0.0), "The 1 + is missing"),
        "BatchNorm": (adain((0, 2, 3)), "over the batch as well"),
        "BatchNorm, no 1 +": (adain((0, 2, 3), one=0.0), "has its own. And the 1 + is missing"),
        "LayerNorm": (adain((1, 2, 3)), "over the channels as well"),
        "everything": (adain((0, 1, 2, 3)), "over everything"),
        "pixel": (adain(1), "over the channels of each pixel"),
        "batch": (adain(0), "over the batch alone"),
        "rows": (adain(2), "over the rows alone"),
        "columns": (adain(3), "over the last axis alone"),
        "exchanged": (adain(cut=lambda s, x: halves(s, x)[::-1]), "exchanged"),
        "across": (adain(cut=lambda s, x: s.view(2, len(x), -1, 1, 1)), "cut across the images"),
        "in turns": (adain(cut=lambda s, x: s.view(len(s), -1, 2, 1, 1).unbind(2)), "taken in turns"),
        "without axes": (adain_without_axes, "along the height and the width"),
        "n - 1": (adain(var=lambda x, over: x.var(over, keepdim=True)), "divides by n - 1: `unb"),
        "eps outside": (adain(root=lambda var: var.sqrt() + 1e-8), "1e-8 stands outside of the root: it"),
        "std": (
            adain(var=lambda x, over: x.std(over, keepdim=True), root=lambda std: std + 1e-8),
            "outside of the root, and the variance",
        ),
        "no eps": (adain(root=torch.sqrt), "1e-8 is missing"),
        "torch's eps": (lambda x, s: adain_by_eps(x, s, 1e-5), "torch's default"),
        "variance": (adain(root=lambda var: var + 1e-8), "The square root is forgotten"),
        "no mean": (adain(mean=lambda x, over: 0), "The mean is not taken away"),
        "no deviation": (adain(root=torch.ones_like), "do not divide by the deviation"),
        "no shift": (adain(total=lambda one, y, shift: one * y), "The shift is missing"),
        "no scale": (adain(total=lambda one, y, shift: y + shift), "The scale is missing"),
        "no style": (lambda x, s: F.instance_norm(x, eps=1e-8), "The style is missing"),
        "shift scaled": (adain(total=lambda one, y, shift: one * (y + shift)), "The shift is scaled, too"),
        "1 + outside": (adain(one=0.0, total=lambda one, y, shift: 1 + one * y + shift), "added to the map"),
        "1 twice": (adain(total=lambda one, y, shift: one * y + 1 + shift), "the shift as well"),
        "NaN": (lambda x, s: adain()(x, s) * torch.nan, "are NaN. For x"),
        "in place": (adain_in_place, "It changes `x` in place"),
        "detached": (lambda x, s: adain()(x.detach(), s), "no gradient comes to `x`"),
        "statistics detached": (adain(mean=lambda x, over: x.detach().mean(over, keepdim=True)), "for `x` is not"),
        "float32": (lambda x, s: adain()(x, s).float(), "in float32"),
        "an array": (adain_in_numpy, "a tensor of shape"),
    },
    "add_noise": {
        "per channel": (noisy(lambda b, c, h, w: (b, c, h, w)), "Each channel has noise of its own"),
        "one for all images": (noisy(lambda b, c, h, w: (1, 1, h, w)), "All images have the same noise"),
        "one a map": (noisy(lambda b, c, h, w: (b, 1, 1, 1)), "One number is added to a whole map"),
        "one a channel": (noisy(lambda b, c, h, w: (b, c, 1, 1)), "One number is added to a whole map"),
        "rows": (noisy(lambda b, c, h, w: (b, 1, h, 1)), "All pixels of a row"),
        "columns": (noisy(lambda b, c, h, w: (b, 1, 1, w)), "All pixels of a column"),
        "uniform": (noisy(draw=torch.rand), "`torch.randn` draws N(0, 1)"),
        "wide uniform": (
            noisy(draw=lambda *shape, generator: 12**0.5 * (torch.rand(*shape, generator=generator) - 0.5)),
            "is not normal",
        ),
        "shifted": (noisy(draw=lambda *shape, generator: torch.randn(*shape, generator=generator) + 0.5), "has mean"),
        "no strength": (noisy(total=lambda x, s, n: x + n), "The strength is missing"),
        "strength twice": (noisy(total=lambda x, s, n: x + s * s * n), "The strength counts twice"),
        "multiplied": (noisy(total=lambda x, s, n: x * (1 + s * n)), "multiplied by x"),
        "x gone": (noisy(total=lambda x, s, n: s * n.expand_as(x)), "x has gone"),
        "x shrunk": (noisy(total=lambda x, s, n: (1 - s) * x + s * n), "Each channel has noise of its own"),
        "nothing": (lambda x, s, rng: x * 1, "Nothing is added"),
        "another source": (noisy(source=lambda rng: None), "it is not drawn from `rng`"),
        "randn_like": (lambda x, s, rng: x + s * torch.randn_like(x[:, :1]), "`torch.randn_like` takes none"),
        "seeded": (noisy(source=lambda rng: rng.manual_seed(0)), "different seeds give the same noise"),
        "its own": (noisy(source=lambda rng: torch.Generator().manual_seed(0)), "different seeds give the same"),
        "seeded again": (noise_seeded_again, "A second call gives the same noise"),
        "item": (lambda x, s, rng: noisy()(x, float(s), rng), "no gradient comes to the strength"),
        "half detached": (
            lambda x, s, rng: noisy()(x, (s + torch.as_tensor(s).detach()) / 2, rng),
            "the gradient for the strength is not",
        ),
        "always some": (noisy(total=lambda x, s, n: x + (s + 1e-4) * n), "With a strength of 0"),
        "in place": (noise_in_place, "It changes `x` in place"),
        "float64": (noise_of_long, "draw the noise in float32"),
        "an array": (lambda *given: noisy()(*given).detach().numpy(), "a tensor of shape"),
        "an image": (lambda *given: noisy()(*given)[0], "It returned shape"),
        "root": (noisy(total=lambda x, s, n: x + (0.3 * s) ** 0.5 * n), "Twice the strength is not twice the noise"),
    },
    "mix": {
        "from 0": (mix(lambda first: first, lambda last: last + 1), "You count from 0"),
        "first left out": (mix(lambda first: first), "Layer `first` is left out"),
        "last left out": (mix(end=lambda last: last - 1), "Layer `last` is left out"),
        "one too many": (mix(end=lambda last: last + 1), "One layer too many"),
        "to the end": (mix(end=lambda last: None), "All layers from `first` on"),
        "from the start": (mix(lambda first: 0), "All layers up to `last`"),
        "exchanged": (mix(exchanged=True), "Source and donor are exchanged."),
        "exchanged, from 0": (mix(lambda f: f, lambda la: la + 1, True), "exchanged, and you count from 0"),
        "source alone": (mix(end=lambda last: 0), "The donor is missing"),
        "donor alone": (lambda s, d, f, la, n: d[:, None].repeat(1, n, 1), "All layers have the donor's w"),
        "layers first": (lambda *given: mix()(*given).transpose(0, 1), "the images are the first axis"),
        "layers last": (lambda *given: mix()(*given).transpose(1, 2), "layers are axis 1"),
        "one row": (lambda *given: mix()(*given).flatten(1), "one long row"),
        "averaged": (
            lambda s, d, *more: mix()(s, (s + d) / 2, *more),
            "The two w are averaged",
        ),
        "expanded": (mix_expanded, "Your function stopped"),
        "in place": (mix_in_place, "It changes `w_source` in place"),
        "float64": (lambda *given: mix()(*given).double(), "w is float32"),
        "a list": (lambda *given: list(mix()(*given)), "a tensor of shape"),
        "added": (lambda s, d, *more: mix()(s, s + d, *more), "these are not w_donor's w in those layers"),
    },
    "truncate": {
        "mean of z": (truncate(lambda mapping, z: mapping(z.mean(0, keepdim=True))), "asked for the mean of z alone"),
        "mean of z, one row": (truncate(lambda mapping, z: mapping(z.mean(0))), "asked for the mean of z alone"),
        "0": (truncate(lambda mapping, z: mapping(0 * z[:1])[0]), "asked for 0 alone"),
        "one z": (truncate(draw=lambda n, size, rng: 3 + torch.randn(1, size, generator=rng)), "a single z alone"),
        "half of n": (truncate(draw=lambda n, size, rng: torch.randn(n // 2, size, generator=rng)), "was given 1500"),
        "w's own mean": (truncate_of_w, "that of the w that were given"),
        "no mapping": (truncate_without_mapping, "`mapping` is never called"),
        "w mapped": (truncate_w_mapped, "mapping takes z (m, 6)"),
        "exchanged": (truncate(total=lambda m, w, psi: w + psi * (m - w)), "psi and 1 - psi are exchanged"),
        "towards 0": (truncate(total=lambda m, w, psi: psi * w), "drawn towards 0"),
        "not added": (truncate(total=lambda m, w, psi: psi * (w - m)), "not added again"),
        "not taken away": (truncate(total=lambda m, w, psi: m + psi * w), "not taken away first"),
        "mean scaled": (truncate(total=lambda m, w, psi: psi * m + w - m), "psi scales the mean"),
        "mean alone": (truncate(total=lambda m, w, psi: m.expand_as(w)), "All w are the mean"),
        "sign": (truncate(total=lambda m, w, psi: m - psi * (w - m)), "The sign is turned"),
        "from w": (truncate(total=lambda m, w, psi: w + psi * (w - m)), "It begins at w"),
        "nothing": (truncate(total=lambda m, w, psi: w * 1), "w comes back as it was"),
        "one number": (truncate(lambda mapping, z: mapping(z).mean()), "a single number"),
        "sum": (truncate(lambda mapping, z: mapping(z).sum(0)), "You sum over the n vectors"),
        "median": (truncate(lambda mapping, z: mapping(z).median(0).values), "This is the median"),
        "first": (truncate(lambda mapping, z: mapping(z)[0]), "the w of the first z"),
        "wrong axis": (truncate(lambda mapping, z: mapping(z).mean(1)), "Your function stopped"),
        "uniform": (truncate(draw=lambda n, size, rng: torch.rand(n, size, generator=rng)), "N(0, 1) is expected"),
        "sphere": (
            truncate(
                draw=lambda n, size, rng: size**0.5 * F.normalize(torch.randn(n, size, generator=rng)),
            ),
            "z is put on its sphere",
        ),
        "repeated": (
            truncate(draw=lambda n, size, rng: torch.randn(1, size, generator=rng).repeat(n, 1)),
            "All rows of z are the same",
        ),
        "another source": (truncate(draw=lambda n, size, rng: torch.randn(n, size)), "not drawn from `rng`"),
        "seeded": (
            truncate(draw=lambda n, size, rng: torch.randn(n, size, generator=rng.manual_seed(0))),
            "do not seed it",
        ),
        "graph": (truncate(graph=torch.enable_grad), "the mean keeps a graph"),
        "no graph": (lambda *given: truncate()(*given).detach(), "no gradient comes to w"),
        "half detached": (
            truncate(total=lambda m, w, psi: m + psi * ((w + w.detach()) / 2 - m)),
            "their gradient for w is not psi",
        ),
        "in place": (truncate_in_place, "It changes `w` in place"),
        "float64": (lambda *given: truncate()(*given).double(), "w is float32"),
        "cut off": (truncate(total=lambda m, w, psi: (m + psi * (w - m)).clamp(-0.5, 0.5)), "this is not mean + psi"),
    },
    "lazy": {
        "weight alone": (lambda k, lr, beta1, beta2, gamma: k * gamma / 2, "returned 1 number: four"),
        "no k": (lazy(lambda k, g: g / 2), "The weight: k is missing"),
        "no half": (lazy(lambda k, g: k * g), "The weight: the half is missing"),
        "gamma": (lazy(lambda k, g: g), "The weight: it is gamma alone"),
        "divided": (lazy(lambda k, g: g / 2 / k), "The weight: you divide by k"),
        "k + 1": (lazy(lambda k, g: (k + 1) * g / 2), "The weight: k + 1 is too much"),
        "no gamma": (lazy(lambda k, g: k), "The weight: gamma / 2 is missing"),
        "k / (k + 1)": (lazy(lambda k, g: k * g / 2 * k / (k + 1)), "belongs to the rate"),
        "rate as it was": (lazy(rate=lambda k, lr: lr), "The rate: it is as it was"),
        "rate turned": (lazy(rate=lambda k, lr: lr * (k + 1) / k), "The rate: the fraction is turned round"),
        "rate 1 / (k + 1)": (lazy(rate=lambda k, lr: lr / (k + 1)), "The rate: k is missing above"),
        "rate by k": (lazy(rate=lambda k, lr: lr / k), "The rate: it is divided by k"),
        "rate times k": (lazy(rate=lambda k, lr: lr * k), "which is the penalty's"),
        "rate k - 1": (lazy(rate=lambda k, lr: lr * (k - 1) / k), "(k - 1) / k"),
        "rate to the power": (lazy(rate=lambda k, lr: lr ** (k / (k + 1))), "as the betas are"),
        "beta1 as it was": (lazy(beta1=lambda k, b: b), "The beta1: it is as it was"),
        "beta1 multiplied": (lazy(beta1=lambda k, b: b * k / (k + 1)), "The beta1: it is multiplied"),
        "beta2 as it was": (lazy(beta2=lambda k, b: b), "The beta2: it is as it was"),
        "beta2 multiplied": (lazy(beta2=lambda k, b: b * k / (k + 1)), "The beta2: it is multiplied"),
        "beta2 turned": (lazy(beta2=lambda k, b: b ** ((k + 1) / k)), "The beta2: the power is turned round"),
        "beta2 1 / (k + 1)": (lazy(beta2=lambda k, b: b ** (1 / (k + 1))), "The beta2: the power is 1 / (k + 1)"),
        "beta2 1 / k": (lazy(beta2=lambda k, b: b ** (1 / k)), "The beta2: the power is 1 / k:"),
        "beta2 k": (lazy(beta2=lambda k, b: b**k), "The beta2: the power is k:"),
        "beta2 (k - 1) / k": (lazy(beta2=lambda k, b: b ** ((k - 1) / k)), "The beta2: the power is (k - 1) / k"),
        "beta2 nearly": (lazy(beta2=lambda k, b: 1 - (1 - b) * k / (k + 1)), "1 - beta is multiplied"),
        "betas exchanged": (lambda k, lr, b1, b2, g: lazy()(k, lr, b2, b1, g), "The beta1: the two betas are exch"),
        "another order": (lambda *given: lazy()(*given)[::-1], "as the weight, it gives"),
        "three": (lambda *given: lazy()(*given)[:3], "four are expected"),
        "a pair of betas": (lambda *given: (*lazy()(*given)[:2], lazy()(*given)[2:]), "numbers are expected"),
    },
    "bug_hunt": {
        "as published": (published(), "4 of 4 bugs are still there"),
        "statistics": (but(STATISTICS), "1 of 4 bugs is still there.\n- The statistics are taken over the batch"),
        "no 1 +": (but(ONE), "1 of 4 bugs is still there.\n- AdaIN's scale lacks the 1 +"),
        "cut": (but(CUT), "1 of 4 bugs is still there.\n- The affine's answer is cut across the images"),
        "strength": (but(STRENGTH), "1 of 4 bugs is still there.\n- The noise begins with a strength of"),
        "two left": (but(STATISTICS, CUT), "2 of 4 bugs are still there.\n- The statistics"),
        "two others left": (but(ONE, STRENGTH), "2 of 4 bugs are still there.\n- AdaIN's scale lacks"),
        "three left": (but(ONE, STATISTICS, CUT), "3 of 4 bugs are"),
        "strength 1": (and_then("torch.zeros(())", "torch.ones(())"), "begins with a strength of 1.00"),
        "strength a channel": (
            and_then("torch.zeros(())", "torch.zeros(outputs, 1, 1)"),
            "The strength has one number for each channel",
        ),
        "strength not learned": (and_then("nn.Parameter(torch.zeros(()))", "torch.zeros(())"), "no parameter `streng"),
        "LayerNorm": (and_then("((2, 3)", "((1, 2, 3)"), "over the channels as well"),
        "everything": (and_then("((2, 3)", "((0, 1, 2, 3)"), "over everything"),
        "pixel": (and_then("((2, 3)", "((1,)"), "over the channels of each pixel"),
        "rows": (and_then("((2, 3)", "((2,)"), "over one side of the maps alone: it"),
        "columns": (and_then("((2, 3)", "((3,)"), "over one side of the maps alone, the last"),
        "n - 1": (and_then("unbiased=False, ", ""), "divides by n - 1: it divided by n"),
        "not normalised": (and_then("y = (y - mean) / (variance + 1e-8).sqrt()", "pass"), "Nothing is normalised"),
        "1 twice": (but(more=[ONE_OF_BIAS]), "1 is added to AdaIN's scale twice"),
        "1 + shift": (but(ONE, more=[("y + shift", "y + 1 + shift")]), "1 is added to the shift: it is"),
        "1 + shift, too": (and_then("y + shift", "y + 1 + shift"), "1 is added to the shift, too"),
        "turns": (
            and_then("[:, :, None, None].chunk(2, 1)", ".view(len(w), -1, 2, 1, 1).unbind(2)"),
            "taken in turns",
        ),
        "exchanged": (and_then("scale, shift =", "shift, scale ="), "Scales and shifts are exchanged"),
        "no noise": (and_then(" + self.strength * noise", ""), "What was right has changed: the noise has gone"),
        "late noise": (
            but(more=[(" + self.strength * noise", ""), (RELU, RELU + " + self.strength * noise")]),
            "the noise comes after LeakyReLU",
        ),
        "no bias": (and_then("y + self.bias[:, None, None]", "y"), "the bias has gone"),
        "no activation": (and_then(RELU, "y + self.bias[:, None, None]"), "LeakyReLU has gone"),
        "ReLU": (and_then(RELU, "F.relu(y + self.bias[:, None, None])"), "it is a ReLU"),
        "slope": (and_then(RELU, "F.leaky_relu(y + self.bias[:, None, None])"), "torch's default"),
        "late activation": (
            but(
                more=[
                    (RELU, "y + self.bias[:, None, None]"),
                    ("(1 + scale) * y + shift", "F.leaky_relu((1 + scale) * y + shift, 0.2)"),
                ]
            ),
            "LeakyReLU comes after AdaIN",
        ),
        "a bug and a change": (
            but(CUT, more=[(" + self.strength * noise", "")]),
            "1 of 4 bugs is still there.\n- The affine's answer is cut across the images",
        ),
        "no 1e-8": (and_then(" + 1e-8", ""), "the 1e-8 in the root has gone"),
        "a bias of the convolution": (and_then("padding=1, bias=False", "padding=1"), "a parameter more, `conv.bias`"),
        "the affine's own start": (and_then("nn.init.zeros_(self.affine.bias)", "pass"), "begins with other numbers"),
        "5 x 5": (and_then("outputs, 3, padding=1", "outputs, 5, padding=2"), "`conv.weight` has shape (4, 2, 5, 5)"),
        "no padding": (and_then("padding=1, ", ""), "the layer stopped with RuntimeError"),
        "one image": (
            and_then("return (1 + scale) * y + shift", "return ((1 + scale) * y + shift)[0]"),
            "shape (3, 4, 5, 6) is expected",
        ),
        "detached": (and_then("self.affine(w)", "self.affine(w).detach()"), "no gradient comes to `w`"),
        "in place": (and_then("y = self.conv(x)", "x.add_(1)\n        y = self.conv(x)"), "It changes `x` in place"),
        "stops": (and_then(".chunk(2, 1)", ".chunk(3, 1)"), "the layer stopped with ValueError"),
        "something else": (and_then("y + shift", "y * 0.9 + shift"), "computes something else"),
        "the class": (lambda inputs, outputs, w_size: Layer, "the layer is expected"),
        "a result": (lambda inputs, outputs, w_size: torch.zeros(1), "the layer is expected"),
    },
}


def adain_by_eps(x, style, eps):
    scale, shift = halves(style, x)
    return (1 + scale) * F.instance_norm(x, eps=eps) + shift
