"""Answers to the exercises of lesson03: right ones, and wrong ones with a part of their message."""

import copy
import statistics

import numpy as np
import torch
from torch import nn


def size_from_torch(size, kernel, stride, padding):
    return nn.ConvTranspose2d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, size, size)).shape[-1]


def parameters_from_torch(a, b, k, batch_norm):
    layers = [nn.ConvTranspose2d(a, b, k, bias=False), *([nn.BatchNorm2d(b)] if batch_norm else [])]
    return sum(p.numel() for layer in layers for p in layer.parameters())


def generator(bias=False, last_bias=None, end=nn.Tanh, norms=True, extra_norm=False, last=(4, 2, 1), width=128):
    last_bias = bias if last_bias is None else last_bias
    layers: list[nn.Module] = [nn.ConvTranspose2d(100, 256, 7, 1, 0, bias=bias)]
    layers += [nn.BatchNorm2d(256)] if norms else []
    layers += [nn.ReLU(True), nn.ConvTranspose2d(256, width, 4, 2, 1, bias=bias)]
    layers += [nn.BatchNorm2d(128)] if norms else []
    layers += [nn.ReLU(True), nn.ConvTranspose2d(128, 1, last[0], last[1], last[2], bias=last_bias)]
    layers += [nn.BatchNorm2d(1)] if extra_norm else []
    return nn.Sequential(*layers, end())


class AsModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Sequential(*generator()[:3]), nn.Sequential(*generator()[3:7])

    def forward(self, z):
        return torch.tanh(self.second(self.first(z)))


def init_by_name(module):
    name = type(module).__name__
    if "Conv" in name:
        module.weight.data.normal_(0.0, 0.02)
    elif "BatchNorm" in name:
        module.weight.data.normal_(1.0, 0.02)
        module.bias.data.fill_(0)


def init_everything(net):
    """Walks over the layers itself, and therefore several times when called by `apply`."""
    for module in net.modules():
        init_by_name(module)
    return net


def init(conv=(0.0, 0.02), norm=(1.0, 0.02), kinds=(nn.Conv2d, nn.ConvTranspose2d), bias=True):
    def init_weights(module):
        if isinstance(module, kinds):
            nn.init.normal_(module.weight, *conv)
        elif isinstance(module, nn.BatchNorm2d):
            if norm:
                nn.init.normal_(module.weight, *norm)
            if bias:
                nn.init.zeros_(module.bias)

    return init_weights


def init_uniform(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.uniform_(module.weight, -0.0346, 0.0346)


def init_in_place_without_no_grad(module):
    if hasattr(module, "weight"):
        module.weight.normal_(0, 0.02)


def fakes_first(D, x_real, x_fake):
    on_fake = D(x_fake)
    on_real = D(x_real)
    return [on_real, on_fake]


def one_batch(D, x_real, x_fake):
    return D(torch.cat([x_real, x_fake])).chunk(2)


def in_eval_mode(D, x_real, x_fake):
    D.eval()
    pair = D(x_real), D(x_fake)
    D.train()
    return pair


def left_in_eval_mode(D, x_real, x_fake):
    pair = D(x_real), D(x_fake)
    D.eval()
    return pair


def preview_with_try(G, z):
    mode = G.training
    try:
        return G.eval()(z).detach()
    finally:
        G.train(mode)


def preview_of_a_copy(G, z):
    with torch.inference_mode():
        return copy.deepcopy(G).eval()(z)


@torch.no_grad()
def preview_with_if(G, z):
    if not G.training:
        return G(z)
    G.eval()
    x = G(z)
    G.train()
    return x


def previewed(before="eval", after="train", no_grad=True, rows=None):
    def preview(G, z):
        if before:
            getattr(G, before)()
        with torch.set_grad_enabled(not no_grad):
            x = G(z if rows is None else torch.randn_like(z))
        if after:
            getattr(G, after)()
        return x

    return preview


def linear_then_restore(G, z):
    return previewed(after="train")(G, z)


def shortcut(kernel=1, strided=True, identity=True, channels=True, padding=0):
    def layer(c_in, c_out, stride):
        if identity and c_in == c_out and stride == 1:
            return nn.Identity()
        return nn.Conv2d(c_in, c_out if channels else c_in, kernel, stride if strided else 1, padding, bias=False)

    return layer


def pooled_shortcut(c_in, c_out, stride):
    """Right too: average, then mix the channels; the size is rounded up, as the branch's is."""
    if c_in == c_out and stride == 1:
        return nn.Sequential()
    pool = nn.AvgPool2d(stride, ceil_mode=True)
    return nn.Sequential(pool, nn.Conv2d(c_in, c_out, 1, bias=False))


def peak(power, period):
    width = 2 * (len(power) - 1)
    both = torch.cat([power, power[1:-1].flip(0)])  # negative frequencies
    k = width // period
    return float(both[k] / (both[k - 1] * both[(k + 1) % width]).sqrt())


def peak_over(mean, wrap=True):
    def value(power, period):
        k = 2 * (len(power) - 1) // period
        after = power[k + 1] if k + 1 < len(power) else power[k - 1] if wrap else power[0]
        return power[k] / mean(power[k - 1], after)

    return value


def better(spread, sign=1, both=False):
    def clearly(a, b):
        gap = sign * (statistics.mean(b) - statistics.mean(a))
        return (abs(gap) if both else gap) > spread(a) + spread(b)

    return clearly


RIGHT = {
    "transposed_cost": [
        lambda a, b, k, n: a * b * k * k * n * n,
        lambda a, b, k, n: nn.ConvTranspose2d(a, b, k, bias=False).weight.numel() * n**2,
    ],
    "shortcut": [shortcut(), pooled_shortcut],
    "checkerboard_peak": [peak, peak_over(lambda a, b: (a * b).sqrt())],
    "clearly_better": [
        better(statistics.stdev),
        lambda a, b: np.mean(a) + np.std(a, ddof=1) < np.mean(b) - np.std(b, ddof=1),
    ],
    "transposed_size": [
        size_from_torch,
        lambda n, k, s, p: (n - 1) * s - 2 * p + k,
        lambda size, kernel, stride, padding: stride * size - stride + kernel - 2 * padding,
    ],
    "block_parameters": [
        parameters_from_torch,
        lambda a, b, k, norm: b * (a * k**2 + 2 * norm),
    ],
    "build_generator": [generator, lambda: AsModule()],
    "init_weights": [init(), init_by_name, init_everything],
    "translate_batch_norm": [
        lambda channels: nn.BatchNorm2d(channels, momentum=0.2),
        lambda c: nn.BatchNorm2d(c, 1e-5, 1 - 0.8),
        lambda c: nn.BatchNorm2d(c, eps=1e-3, momentum=0.2),  # Keras' own eps
    ],
    "separate_batches": [fakes_first, lambda D, a, b: (D(a), D(b))],
    "preview": [preview_with_try, preview_with_if, preview_of_a_copy],
}

WRONG = {
    "transposed_cost": {
        "weights": (lambda a, b, k, n: a * b * k * k, "How often is each of them used"),
        "output places": (lambda a, b, k, n: a * b * k * k * (2 * n) ** 2, "each *input* pixel"),
        "a row of pixels": (lambda a, b, k, n: a * b * k * k * n, "not size"),
        "kernel not squared": (lambda a, b, k, n: a * b * k * n * n, "kernel is square"),
        "additions too": (lambda a, b, k, n: 2 * a * b * k * k * n * n, "together with its addition"),
    },
    "shortcut": {
        "no stride": (shortcut(strided=False), "changes the branch's size"),
        "no channels": (shortcut(channels=False), "they cannot be added"),
        "always identity": (lambda a, b, s: nn.Identity(), "they cannot be added"),
        "3 x 3": (shortcut(kernel=3, padding=1), "one pixel alone"),
        "3 x 3 unpadded": (shortcut(kernel=3), "changes the branch's size"),
        "never identity": (shortcut(identity=False), "nothing has to change"),
        "pooling alone": (
            lambda a, b, s: (
                shortcut()(a, b, s) if a != b else nn.MaxPool2d(s, ceil_mode=True) if s > 1 else nn.Identity()
            ),
            "a 1 x 1 convolution is expected",
        ),
        "a tensor": (lambda a, b, s: torch.zeros(1), "a layer is expected"),
    },
    "checkerboard_peak": {
        "arithmetic mean": (peak_over(lambda a, b: (a + b) / 2), "take the geometric one"),
        "wraps to the mean": (peak_over(lambda a, b: (a * b).sqrt(), wrap=False), "is mirrored"),
        "one neighbour": (peak_over(lambda a, b: a), "both neighbours"),
        "share": (lambda p, period: p[2 * (len(p) - 1) // period] / p.sum(), "its share"),
        "power": (lambda p, period: p[2 * (len(p) - 1) // period], "the power itself"),
        "one": (lambda p, period: 1.0, "For 28 pixels and period 2"),
    },
    "clearly_better": {
        "both ways": (better(statistics.stdev, both=True), "also says so when *b*"),
        "larger": (better(lambda v: 0.0, sign=-1), "Smaller is better"),
        "means alone": (better(lambda v: 0.0), "means alone"),
        "over n": (better(statistics.pstdev), "n - 1"),
        "always": (lambda a, b: True, "and False is right"),
    },
    "transposed_size": {
        "ordinary convolution": (lambda n, k, s, p: (n + 2 * p - k) // s + 1, "ordinary convolution"),
        "sign of the padding": (lambda n, k, s, p: (n - 1) * s + 2 * p + k, "wrong sign"),
        "n gaps": (lambda n, k, s, p: n * s - 2 * p + k, "n - 1 gaps"),
        "padding once": (lambda n, k, s, p: (n - 1) * s - p + k, "cuts on both sides"),
        "size times stride": (lambda n, k, s, p: n * s, "not in general"),
        "one too few": (lambda n, k, s, p: (n - 1) * s - 2 * p + k - 1, "One too few"),
        "something else": (lambda n, k, s, p: 28, "size 1, kernel 7, stride 1, padding 0 it gives 28"),
    },
    "block_parameters": {
        "biases": (lambda a, b, k, n: parameters_from_torch(a, b, k, n) + b, "it has none"),
        "no BatchNorm": (lambda a, b, k, n: a * b * k * k, "BatchNorm's parameters are missing"),
        "half of BatchNorm": (lambda a, b, k, n: a * b * k * k + b * n, "two."),
        "running statistics": (lambda a, b, k, n: a * b * k * k + 4 * b * n, "are buffers"),
        "kernel not squared": (lambda a, b, k, n: a * b * k + 2 * b * n, "kernel is square"),
        "one kernel for each output": (lambda a, b, k, n: b * k * k + 2 * b * n, "for every input channel"),
        "BatchNorm over the inputs": (lambda a, b, k, n: a * b * k * k + 2 * a * n, "come out of it"),
        "one off": (
            lambda a, b, k, n: parameters_from_torch(a, b, k, n) + 1,
            "For the block (100, 256, 7, True) it gives 1,254,913",
        ),
    },
    "build_generator": {
        "biases": (lambda: generator(bias=True), "have biases"),
        "bias at the end": (lambda: generator(last_bias=True), "last convolution has a bias"),
        "no Tanh": (lambda: generator(end=nn.Identity), "Tanh at the end is missing"),
        "Sigmoid": (lambda: generator(end=nn.Sigmoid), "end with a Tanh"),
        "no BatchNorm": (lambda: generator(norms=False), "and it has none"),
        "BatchNorm at the end": (lambda: generator(extra_norm=True), "the output has none"),
        "wrong size": (lambda: generator(last=(3, 2, 1)), "becomes (8, 1, 27, 27)"),
        "channels do not fit": (lambda: generator(width=64), "as many channels as the one before gives"),
        "other kernel": (lambda: generator(last=(6, 2, 2)), "compare kernels and channels"),
        "an image": (lambda: torch.zeros(1, 1, 28, 28), "return a network"),
    },
    "init_weights": {
        "BatchNorm near 0": (init(norm=(0.0, 0.02)), "all of them start near 0"),
        "0.02 as a variance": (init(conv=(0.0, 0.02**0.5)), "not the variance"),
        "0.02 squared": (init(conv=(0.0, 0.02**2)), "do not square it"),
        "0.02 as a variance, BatchNorm": (init(norm=(1.0, 0.02**0.5)), "BatchNorm's weights have standard"),
        "only Conv2d": (init(kinds=nn.Conv2d), "The weights of `ConvTranspose2d` are as they were"),
        "only ConvTranspose2d": (init(kinds=nn.ConvTranspose2d), "The weights of `Conv2d` are as they were"),
        "no BatchNorm": (init(norm=None), "as they were, all 1"),
        "no bias": (init(bias=False), "they start at 0"),
        "mean 0.02": (init(conv=(0.02, 0.02)), "have mean 0.02"),
        "std 0.05": (init(conv=(0.0, 0.05)), "standard deviation 0.05"),
        "uniform": (init_uniform, "not from a normal distribution"),
        "in place on a leaf": (init_in_place_without_no_grad, "`nn.init.normal_`"),
    },
    "translate_batch_norm": {
        "as published": (lambda c: nn.BatchNorm2d(c, 0.8), "is eps"),
        "Keras' number": (lambda c: nn.BatchNorm2d(c, momentum=0.8), "opposite meaning"),
        "the default": (lambda c: nn.BatchNorm2d(c), "momentum is 0.1"),
        "cumulative": (lambda c: nn.BatchNorm2d(c, momentum=None), "momentum is None"),
        "both": (lambda c: nn.BatchNorm2d(c, 0.8, 0.2), "is eps"),
        "one dimension": (lambda c: nn.BatchNorm1d(c, momentum=0.2), "an `nn.BatchNorm2d` is expected"),
        "always 128": (lambda c: nn.BatchNorm2d(128, momentum=0.2), "Asked for 64 channels"),
    },
    "separate_batches": {
        "one batch": (one_batch, "in one batch"),
        "exchanged": (lambda D, a, b: (D(b), D(a)), "exchanged"),
        "probabilities": (lambda D, a, b: (D(a).sigmoid(), D(b).sigmoid()), "These are probabilities"),
        "eval mode": (in_eval_mode, "in train mode"),
        "left in eval mode": (left_in_eval_mode, "left in eval mode"),
        "joined": (lambda D, a, b: torch.cat([D(a), D(b)]), "a pair is expected"),
    },
    "preview": {
        "train mode": (previewed(before=None, after=None), "moved BatchNorm's running statistics"),
        "left in eval mode": (previewed(after=None), "left in eval mode"),
        "with the graph": (previewed(no_grad=False), "carry G's graph"),
        "always back to train": (linear_then_restore, "left in train mode"),
        "another z": (previewed(rows="new"), "not the images that G makes from this z"),
        "numpy": (lambda G, z: G(z).numpy(), "Call it on such an input"),
    },
}
