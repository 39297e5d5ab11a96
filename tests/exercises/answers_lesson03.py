"""Answers to the exercises of lesson03: right ones, and wrong ones with a part of their message."""

import copy
import statistics
from typing import Any

import answers_layers
import numpy as np
import torch
from torch import nn
from torch.nn import functional


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


# --- unusual right answers, and wrong ones that are nearly right -----------------------------------------------------

right: Any = RIGHT  # the same tables, whose types differ from row to row
wrong: Any = WRONG


def layers_of_g(drop=(), swap=None, replace=None, eps=1e-5, momentum=0.1):
    layers = list(generator())
    layers[1], layers[4] = nn.BatchNorm2d(256, eps, momentum), nn.BatchNorm2d(128, eps, momentum)
    for place, layer in (replace or {}).items():
        layers[place] = layer
    if swap:
        layers[swap[0]], layers[swap[1]] = layers[swap[1]], layers[swap[0]]
    return nn.Sequential(*[layer for place, layer in enumerate(layers) if place not in drop])


class OfFunctions(nn.Module):
    """G with parameters of its own, and no layer at all."""

    w0: torch.Tensor
    w1: torch.Tensor
    w2: torch.Tensor

    def __init__(self, use_batch=None):
        super().__init__()
        self.use_batch = use_batch
        for n, shape in enumerate([(128, 1, 4, 4), (256, 128, 4, 4), (100, 256, 7, 7)]):
            setattr(self, f"w{2 - n}", nn.Parameter(0.02 * torch.randn(shape)))
        for n, c in enumerate((256, 128)):
            setattr(self, f"b{n}", nn.Parameter(torch.zeros(c)))
            setattr(self, f"g{n}", nn.Parameter(torch.ones(c)))
            self.register_buffer(f"m{n}", torch.zeros(c))
            self.register_buffer(f"v{n}", torch.ones(c))

    def norm(self, x, n):
        m, v, g, b = (getattr(self, f"{letter}{n}") for letter in "mvgb")
        training = self.training if self.use_batch is None else self.use_batch
        return functional.batch_norm(x, m, v, g, b, training).relu()

    def forward(self, z):
        x = self.norm(functional.conv_transpose2d(z, self.w0), 0)
        x = self.norm(functional.conv_transpose2d(x, self.w1, stride=2, padding=1), 1)
        return torch.tanh(functional.conv_transpose2d(x, self.w2, stride=2, padding=1))


def with_linear():
    """The first layer as a Linear: on one pixel it is the same product."""
    first = nn.Sequential(nn.Flatten(), nn.Linear(100, 256 * 49, bias=False), nn.Unflatten(1, (256, 7, 7)))
    return nn.Sequential(first, *list(generator())[1:])


class NormOfFunctions(nn.Module):
    mean: torch.Tensor
    var: torch.Tensor

    def __init__(self, channels, momentum=0.2, eps=1e-5, unbiased=True):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))
        self.momentum, self.eps, self.unbiased = momentum, eps, unbiased

    def forward(self, x):
        mean, var = self.mean, self.var
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            with torch.no_grad():
                self.mean += self.momentum * (mean - self.mean)
                self.var += self.momentum * (x.var((0, 2, 3), unbiased=self.unbiased) - self.var)
        unit = (x - mean[:, None, None]) / (var[:, None, None] + self.eps).sqrt()
        return unit * self.weight[:, None, None] + self.bias[:, None, None]


class StridedSlice(nn.Module):
    """A shortcut without a stride: every other pixel, and a Linear over the channels."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.mix, self.stride = nn.Linear(c_in, c_out, bias=False), stride

    def forward(self, x):
        return self.mix(x[:, :, :: self.stride, :: self.stride].movedim(1, -1)).movedim(-1, 1)


def shortcut_and(more):
    def layer(a, b, s):
        return nn.Identity() if a == b and s == 1 else nn.Sequential(nn.Conv2d(a, b, 1, s, bias=False), more(b))

    return layer


def biased_shortcut(a, b, s):
    return nn.Identity() if a == b and s == 1 else nn.Conv2d(a, b, 1, s)


def init_linear_too(module):
    init()(module)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)


def init_all_weights(module):
    init()(module)
    if isinstance(module, (nn.Embedding, nn.LayerNorm)):
        nn.init.ones_(module.weight)
        nn.init.normal_(module.weight)


def init_by_new_parameters(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        module.weight = nn.Parameter(torch.empty_like(module.weight).normal_(0, 0.02))
    elif isinstance(module, nn.BatchNorm2d):
        module.weight = nn.Parameter(1 + 0.02 * torch.randn_like(module.weight))
        module.bias = nn.Parameter(torch.zeros_like(module.bias))


def previewed_frozen(G, z):
    mode = G.training
    G.eval().requires_grad_(False)
    x = G(z)
    G.train(mode)
    return x


def previewed_without_gradients(G, z):
    torch.set_grad_enabled(False)
    return preview_with_try(G, z)


def better_by(middle=statistics.mean, spread=statistics.stdev, join=sum, equal=False):
    def clearly(a, b):
        gap, noise = middle(b) - middle(a), join([spread(a), spread(b)])
        return gap >= noise if equal else gap > noise

    return clearly


right["transposed_size"] += [
    lambda n, k, s, p: float((n - 1) * s - 2 * p + k),
    lambda n, k, s, p: np.int64(n * s) + k - s - 2 * p,
]
right["block_parameters"] += [
    lambda a, b, k, n: torch.zeros(a, b, k, k).numel() + (b + b if n else 0),
    lambda a, b, k, n: np.prod([a, b, k, k]) + 2 * b * int(n),
]
right["build_generator"] += [OfFunctions, with_linear, lambda: layers_of_g(replace={2: nn.LeakyReLU(0.0)})]
right["init_weights"] += [init_by_new_parameters]
right["translate_batch_norm"] += [NormOfFunctions, lambda c: nn.Sequential(nn.BatchNorm2d(c, momentum=1 / 5))]
right["separate_batches"] += [
    lambda D, a, b: torch.stack([D(a), D(b)]),
    lambda D, a, b: [D(x)[:, None] for x in (a, b)],
    lambda D, a, b: (D.train()(a), D(b.detach())),
]
right["preview"] += [
    lambda G, z: nn.Sequential(copy.deepcopy(G)).eval()(z).detach(),
    lambda G, z: torch.cat([preview_with_try(G, one) for one in z.split(5)]),
]
right["transposed_cost"] += [
    lambda a, b, k, n: float(a) * b * (k * n) ** 2,
    lambda a, b, k, n: np.prod([a, b, k, k, n, n]),
]
right["shortcut"] += [
    lambda a, b, s: nn.Identity() if (a, s) == (b, 1) else StridedSlice(a, b, s),
    lambda a, b, s: nn.Sequential() if (a, s) == (b, 1) else nn.LazyConv2d(b, 1, s, bias=False),
]
right["checkerboard_peak"] += [
    lambda p, period: np.exp(np.log(peak(p, period))),
    lambda p, period: float(torch.tensor(peak(p.float(), period))),
]
right["clearly_better"] += [
    lambda a, b: torch.tensor(b).mean() - torch.tensor(a).mean() > torch.tensor(a).std() + torch.tensor(b).std(),
    lambda a, b: int(better_by()(a, b)),
    lambda a, b: np.bool_(better_by()(a, b)),
]

wrong["transposed_size"] |= {
    "a hundredth off": (lambda n, k, s, p: (n - 1) * s - 2 * p + k + 0.01, "it gives 7.01, and 7 is right"),
    "stride and kernel exchanged": (lambda n, k, s, p: (n - 1) * k - 2 * p + s, "is right"),
}
wrong["block_parameters"] |= {"a hundredth off": (lambda a, b, k, n: a * b * k * k + 2 * b * n + 0.01, "it gives")}
wrong["build_generator"] |= {
    "no ReLU": (lambda: layers_of_g(drop=[2, 5]), "Both ReLUs are missing"),
    "no first ReLU": (lambda: layers_of_g(drop=[2]), "The first ReLU is missing"),
    "no second ReLU": (lambda: layers_of_g(drop=[5]), "The second ReLU is missing"),
    "ReLU before BatchNorm": (lambda: layers_of_g(swap=(1, 2)), "are not the same"),
    "both ReLUs before BatchNorm": (
        lambda: nn.Sequential(*[generator()[i] for i in (0, 2, 1, 3, 5, 4, 6, 7)]),
        "order",
    ),
    "Tanh inside": (lambda: layers_of_g(replace={2: nn.Tanh(), 5: nn.Tanh()}), "A Tanh stands inside"),
    "a Tanh inside": (lambda: layers_of_g(replace={5: nn.Tanh()}), "behind the second BatchNorm"),
    "LeakyReLU": (lambda: layers_of_g(replace={2: nn.LeakyReLU(0.2), 5: nn.LeakyReLU(0.2)}), "as D has them"),
    "eps": (lambda: layers_of_g(eps=0.8), "eps is 0.8"),
    "momentum": (lambda: layers_of_g(momentum=0.8), "momentum 0.8"),
    "dropout": (lambda: layers_of_g(replace={2: nn.Sequential(nn.ReLU(), nn.Dropout())}), "outputs in train mode"),
    "always of the batch": (lambda: OfFunctions(use_batch=True), "outputs in eval mode"),
    "clamped": (lambda: layers_of_g(replace={7: nn.Hardtanh()}), "are not the same"),
}
wrong["init_weights"] |= {
    "Linear too": (init_linear_too, "weights of `Linear`"),
    "others too": (init_all_weights, "weights of `Embedding`"),
    "truncated": (lambda m: init(conv=(0.0, 0.0176))(m), "standard deviation 0.018"),
}
wrong["translate_batch_norm"] |= {
    "Keras' eps": (lambda c: nn.BatchNorm2d(c, eps=1e-3, momentum=0.2), "eps is 0.001"),
    "a larger eps": (lambda c: nn.BatchNorm2d(c, eps=1e-2, momentum=0.2), "eps is 0.01"),
    "not affine": (lambda c: nn.BatchNorm2d(c, momentum=0.2, affine=False), "leave `affine` on"),
    "no statistics": (lambda c: nn.BatchNorm2d(c, momentum=0.2, track_running_stats=False), "no running statistics"),
    "biased": (lambda c: NormOfFunctions(c, unbiased=False), "running statistics after a batch"),
    "the published one, by hand": (lambda c: NormOfFunctions(c, eps=0.8), "eps is 0.8"),
}
wrong["separate_batches"] |= {
    "detached": (lambda D, a, b: (D(a).detach(), D(b).detach()), "cut off from D"),
    "fakes detached": (lambda D, a, b: (D(a), D(b).detach()), "on the fake images are cut off"),
    "numpy": (lambda D, a, b: [D(x).detach().numpy() for x in (a, b)], "cut off from D"),
    "half": (lambda D, a, b: (D(a[:6]), D(b[:6])), "12 logits for 12 real"),
}
wrong["preview"] |= {
    "left frozen": (previewed_frozen, "left frozen"),
    "gradients left off": (previewed_without_gradients, "whether gradients are recorded"),
    "half of the rows": (lambda G, z: preview_with_try(G, z[:8]), "(16, 1, 28, 28)"),
    "clamped": (lambda G, z: preview_with_try(G, z).clamp(0, 1), "not the images that G makes"),
}
wrong["transposed_cost"] |= {"a hundredth off": (lambda a, b, k, n: a * b * k * k * n * n + 0.01, "it gives")}
wrong["shortcut"] |= {
    "bias": (biased_shortcut, "`bias=False`"),
    "BatchNorm": (shortcut_and(nn.BatchNorm2d), "nothing after it"),
    "ReLU": (shortcut_and(lambda c: nn.ReLU()), "an activation follows"),
    "dropout": (shortcut_and(lambda c: nn.Dropout(0.5)), "outputs in train mode"),
    "maximum": (
        lambda a, b, s: (
            nn.Identity()
            if (a, s) == (b, 1)
            else nn.Sequential(nn.MaxPool2d(s, ceil_mode=True), nn.Conv2d(a, b, 1, bias=False))
        ),
        "are not the same",
    ),
}
wrong["checkerboard_peak"] |= {
    "no root": (peak_over(lambda a, b: a * b), "The root is missing"),
    "rounded": (lambda p, period: round(peak(p, period), 2), "rounded, approximated"),
    "one further": (lambda p, period: peak(p.roll(-1), period), "is right"),
}
wrong["clearly_better"] |= {
    "or equal": (better_by(equal=True), "By *more* than"),
    "medians": (better_by(middle=statistics.median), "compares the medians"),
    "in quadrature": (better_by(join=lambda both: float(np.hypot(*both))), "root of the sum of squares"),
    "variances": (better_by(spread=statistics.variance), "These are the variances"),
    "standard errors": (better_by(spread=lambda v: statistics.stdev(v) / len(v) ** 0.5), "standard errors"),
    "the larger": (better_by(join=max), "takes the larger"),
    "one side": (better_by(join=lambda both: both[0]), "standard deviation of b is missing"),
    "extremes": (lambda a, b: max(a) < min(b), "the worst of a"),
    "the gap": (lambda a, b: statistics.mean(b) - statistics.mean(a) - 3, "True or False is expected"),
}
RIGHT |= answers_layers.RIGHT
WRONG |= answers_layers.WRONG


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def peak_by(formula):
    def stands_out(power, period):
        k = 2 * (len(power) - 1) // period
        after = power[k + 1] if k + 1 < len(power) else power[k - 1]
        return formula(power[k], (power[k - 1] * after) ** 0.5)

    return stands_out


def peak_at_half(power, period):
    k = (len(power) - 1) // period
    return power[k] / (power[k - 1] * power[k + 1]) ** 0.5


wrong["transposed_size"] |= {
    "no padding": (lambda n, k, s, p: (n - 1) * s + k, "The padding is missing"),
    "no kernel": (lambda n, k, s, p: (n - 1) * s - 2 * p, "The last patch is missing"),
    "no stride": (lambda n, k, s, p: n - 1 - 2 * p + k, "The stride is missing"),
}
wrong["checkerboard_peak"] |= {
    "half the frequency": (peak_at_half, "half of the frequency"),
    "the neighbours": (peak_by(lambda at, around: around), "the neighbours' mean"),
    "the difference": (peak_by(lambda at, around: at - around), "This is the difference"),
    "upside down": (peak_by(lambda at, around: around / at), "upside down"),
}
wrong["transposed_cost"] |= {"one more": (lambda a, b, k, n: a * b * k * k * n * n + 1, "always 1 too much")}
