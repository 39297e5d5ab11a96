"""Exercises of notebook 03, the DCGAN: `from gancourse.exercises import lesson03 as ex`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gancourse.exercises.checking.costs import judge_transposed_cost
from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.discriminator import check_build_discriminator
from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise, is_stub
from gancourse.exercises.checking.judging import close, judge, judge_formula, numbers, scalar
from gancourse.exercises.checking.layers import check_batch_norm, check_transposed_convolution
from gancourse.exercises.checking.same_network import judge_network


def _check_transposed_size(call: StudentFunction) -> str:
    cases = [(1, 7, 1, 0), (7, 4, 2, 1), (14, 4, 2, 1), (5, 3, 2, 1), (6, 5, 3, 0)]
    mistakes = [
        (
            lambda n, k, s, p: (n + 2 * p - k) // s + 1,
            "This is the formula of an ordinary convolution: the transposed one goes the other way.",
        ),
        (lambda n, k, s, p: (n - 1) * s + 2 * p + k, "Padding has the wrong sign: here it cuts the edges off."),
        (lambda n, k, s, p: n * s - 2 * p + k, "n inputs have n - 1 gaps between them: s stands n - 1 times."),
        (lambda n, k, s, p: (n - 1) * s - p + k, "Padding cuts on both sides: it counts twice."),
        (
            lambda n, k, s, p: n * s,
            "size * stride is right for k4 s2 p1, but not in general: kernel and padding count.",
        ),
        (lambda n, k, s, p: (n - 1) * s + k, "The padding is missing: it cuts `padding` pixels off each side."),
        (lambda n, k, s, p: (n - 1) * s - 2 * p, "The last patch is missing: it is `kernel` pixels wide."),
        (lambda n, k, s, p: n - 1 - 2 * p + k, "The stride is missing: the patches lie `stride` pixels apart."),
        (
            lambda n, k, s, p: (n - 1) * s - 2 * p + k - 1,
            "One too few: the last input covers k outputs, not k - 1.",
        ),
    ]
    names = ("size", "kernel", "stride", "padding")
    points = [", ".join(f"{name} {item}" for name, item in zip(names, case, strict=True)) for case in cases]
    judge_formula(call, cases, lambda n, k, s, p: (n - 1) * s - 2 * p + k, mistakes, points, exact=True)
    return "1 becomes 7, 7 becomes 14, 14 becomes 28: this is G's way from a vector to a digit."


@exercise(
    title="The size after a transposed convolution",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    How large is the output of `nn.ConvTranspose2d` (no dilation, no output padding) for a square input of
    width `size`? Check your formula by hand on G's three layers: k7 s1 p0, k4 s2 p1, k4 s2 p1, starting
    from 1.
    """,
    hints=(
        "Each input pixel paints a patch of kernel x kernel pixels. How far apart are the patches?",
        "The last patch starts at (size - 1) * stride and is kernel wide; padding then cuts both edges off.",
        "`(size - 1) * stride - 2 * padding + kernel`",
    ),
    check=_check_transposed_size,
)
def transposed_size(size, kernel, stride, padding):
    """The output width of a transposed convolution on a square input of width `size`."""
    return (size - 1) * stride - 2 * padding + kernel


def _check_block_parameters(call: StudentFunction) -> str:
    cases = [(100, 256, 7, True), (256, 128, 4, True), (128, 1, 4, False)]
    mistakes = [
        (lambda a, b, k, n: a * b * k * k + b + 2 * b * n, "You count a bias for the convolution: it has none."),
        (lambda a, b, k, n: a * b * k * k, "BatchNorm's parameters are missing: how many per channel?"),
        (lambda a, b, k, n: a * b * k * k + b * n, "BatchNorm has a weight and a bias for each channel: two."),
        (
            lambda a, b, k, n: a * b * k * k + 4 * b * n,
            "Running mean and variance are buffers, not parameters: no optimiser moves them.",
        ),
        (
            lambda a, b, k, n: a * b * k + 2 * b * n,
            "The kernel is square: k * k weights for each pair of channels.",
        ),
        (lambda a, b, k, n: b * k * k + 2 * b * n, "Every output channel has a kernel for every input channel."),
        (
            lambda a, b, k, n: a * b * k * k + 2 * a * n,
            "BatchNorm follows the convolution: it has as many channels as come out of it.",
        ),
    ]
    judge_formula(
        call,
        cases,
        lambda a, b, k, n: a * b * k * k + 2 * b * n,
        mistakes,
        [f"the block {case}" for case in cases],
        exact=True,
    )
    return "Most of G's weights are in its first layer, which turns z into 7 x 7 pixels of 256 channels."


@exercise(
    title="Counting the weights of a DCGAN block",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    A block of G is a transposed convolution without bias, followed by BatchNorm if `batch_norm` is true.
    How many parameters does it have?
    """,
    hints=(
        "Count the convolution first: one kernel for each pair of an input and an output channel.",
        "kernel * kernel * c_in * c_out; BatchNorm adds a weight and a bias for each output channel.",
        "`c_in * c_out * kernel**2 + (2 * c_out if batch_norm else 0)`",
    ),
    check=_check_block_parameters,
)
def block_parameters(c_in, c_out, kernel, batch_norm):
    """The parameters of a transposed convolution without bias, and of the BatchNorm behind it, if any."""
    return c_in * c_out * kernel**2 + (2 * c_out if batch_norm else 0)


def _generator(order: str = "tnrtnrt", **norm: Any) -> nn.Sequential:
    """G by its layers' initials: Transposed convolution, BatchNorm (N), ReLU (R), LeakyReLU (L) or Tanh (H)."""
    shapes = iter([(100, 256, 7, 1, 0), (256, 128, 4, 2, 1), (128, 1, 4, 2, 1)])
    widths = iter([256, 128])
    layers: dict[str, Callable[[], nn.Module]] = {
        "t": lambda: nn.ConvTranspose2d(*next(shapes), bias=False),
        "n": lambda: nn.BatchNorm2d(next(widths), **norm),
        "r": nn.ReLU,
        "l": lambda: nn.LeakyReLU(0.2),
        "h": nn.Tanh,
    }
    return nn.Sequential(*[layers[one]() for one in order], nn.Tanh())


def _check_build_generator(call: StudentFunction) -> str:
    net = call()
    if not isinstance(net, nn.Module):
        raise Wrong(f"It returned {describe((net,))}: return a network, such as an `nn.Sequential`.")
    z = torch.randn(8, 100, 1, 1)
    try:
        images = net.train()(z)
    except RuntimeError as error:
        raise Wrong(
            f"The network stops on z of shape (8, 100, 1, 1): {str(error).splitlines()[0][:160]}. Does each layer take "
            "as many channels as the one before gives?"
        ) from None
    if tuple(images.shape) != (8, 1, 28, 28):
        raise Wrong(f"z of shape (8, 100, 1, 1) becomes {tuple(images.shape)}: (8, 1, 28, 28) is expected.")
    if not bool((net(50 * z).abs() <= 1).all()):
        raise Wrong("The pixels leave [-1, 1]: a Tanh at the end is missing.")
    if not bool((images < 0).any()):
        raise Wrong("A Sigmoid gives pixels in [0, 1]: the data is in [-1, 1], so end with a Tanh.")
    channels = [buffer.numel() for buffer in net.buffers() if buffer.is_floating_point() and buffer.ndim][::2]
    if channels != [256, 128]:
        found = ", ".join(map(str, channels)) or "none"
        extra = " (the output has none: its statistics are the image's)" if len(channels) > 2 else ""
        raise Wrong(f"BatchNorm layers over 256 and 128 channels are expected, and it has {found}{extra}.")
    count, right = sum(parameter.numel() for parameter in net.parameters()), 1_781_504
    if count == right + 256 + 128 + 1:
        raise Wrong("The convolutions have biases: pass `bias=False`, since BatchNorm brings a bias of its own.")
    if count == right + 1:
        raise Wrong("The last convolution has a bias: our source has none in any convolution of G, `bias=False`.")
    if count != right:
        raise Wrong(
            f"It has {count:,} parameters, and {right:,} are right: compare kernels and channels with the text."
        )
    mistakes: list[tuple[Callable[[], nn.Module], str]] = [
        (lambda: _generator("tntnt"), "Both ReLUs are missing: without them G is linear but for its BatchNorms."),
        (lambda: _generator("tnrtnt"), "The second ReLU is missing: one follows each BatchNorm."),
        (lambda: _generator("tntnrt"), "The first ReLU is missing: one follows each BatchNorm."),
        (lambda: _generator("trntrnt"), "The order is BatchNorm, then ReLU: yours has the ReLU first."),
        (
            lambda: _generator("tnhtnht"),
            "A Tanh stands inside the network: inside there are ReLUs, the Tanh is the end.",
        ),
        (lambda: _generator("tnrtnht"), "A Tanh stands behind the second BatchNorm: a ReLU belongs there."),
        (lambda: _generator("tnhtnrt"), "A Tanh stands behind the first BatchNorm: a ReLU belongs there."),
        (lambda: _generator("tnltnlt"), "These are LeakyReLUs, as D has them: G has ReLUs."),
        (
            lambda: _generator(eps=0.8),
            "BatchNorm's eps is 0.8: the second argument of `nn.BatchNorm2d` is eps, added to the variance.",
        ),
        (
            lambda: _generator(momentum=0.8),
            "BatchNorm's running statistics move too fast, with momentum 0.8: leave PyTorch's own, 0.1.",
        ),
    ]
    otherwise = "The sizes are right, but given the same weights it computes something else: {part} are not the same."
    judge_network(call, [_generator], torch.randn(6, 100, 1, 1), mistakes, otherwise)
    return "From 1 x 1 to 28 x 28 in three layers, with pixels in (-1, 1)."


@exercise(
    title="Building the DCGAN generator",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    Return G as an `nn.Sequential` that takes z of shape (B, 100, 1, 1): transposed convolutions 100 to 256
    (k7 s1 p0), 256 to 128 (k4 s2 p1), 128 to 1 (k4 s2 p1), all without bias; BatchNorm and ReLU after the
    first two, Tanh after the last.
    """,
    hints=(
        "Eight layers in all: three convolutions, two BatchNorms, two ReLUs, one Tanh.",
        "`nn.ConvTranspose2d(100, 256, 7, 1, 0, bias=False)`, `nn.BatchNorm2d(256)`, `nn.ReLU()`, and so on.",
        "The end is `nn.ConvTranspose2d(128, 1, 4, 2, 1, bias=False), nn.Tanh()`, with no BatchNorm between.",
    ),
    check=_check_build_generator,
)
def build_generator():
    """The DCGAN generator: z (B, 100, 1, 1) -> images (B, 1, 28, 28) in (-1, 1)."""
    return nn.Sequential(
        nn.ConvTranspose2d(100, 256, 7, 1, 0, bias=False),
        nn.BatchNorm2d(256),
        nn.ReLU(),
        nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def _check_init_weights(call: StudentFunction) -> str:
    norm = nn.BatchNorm2d(2048)
    with torch.no_grad():
        norm.bias.fill_(0.3)  # so that an initialisation that forgets the bias shows
    layers: dict[str, nn.Conv2d | nn.ConvTranspose2d] = {
        "Conv2d": nn.Conv2d(32, 64, 4, bias=False),
        "ConvTranspose2d": nn.ConvTranspose2d(64, 32, 4, bias=False),
    }
    others = {"Linear": nn.Linear(40, 30), "Embedding": nn.Embedding(30, 20), "LayerNorm": nn.LayerNorm(30)}
    net = nn.Sequential(nn.Sequential(*layers.values()), nn.ReLU(), norm, *others.values())
    kept = {name: [p.detach().clone() for p in layer.parameters()] for name, layer in others.items()}
    before = {name: layer.weight.detach().clone() for name, layer in layers.items()}
    if is_stub(call.function):
        call.in_place(net)
    net.apply(call.in_place)
    for name, layer in layers.items():
        weight = layer.weight.detach()
        if torch.equal(weight, before[name]):
            raise Wrong(f"The weights of `{name}` are as they were: does your test find that kind of layer?")
        _check_normal(f"The weights of `{name}`", weight, 0.0)
    weight = norm.weight.detach()
    if torch.equal(weight, torch.ones_like(weight)):
        raise Wrong("BatchNorm's weights are as they were, all 1: DCGAN draws them from N(1, 0.02).")
    if weight.mean().abs() < 0.5:
        raise Wrong(
            f"BatchNorm's weights have mean {weight.mean():.2f}: they multiply every normalised activation, so all of "
            "them start near 0. N(1, 0.02) is meant, not N(0, 0.02)."
        )
    _check_normal("BatchNorm's weights", weight, 1.0)
    if not close(norm.bias.detach(), torch.zeros_like(norm.bias)):
        raise Wrong(f"BatchNorm's biases have mean {norm.bias.mean():.2f}: they start at 0.")
    for name, other in others.items():
        if not all(map(torch.equal, other.parameters(), kept[name])):
            raise Wrong(f"It also changes the weights of `{name}`: layers of other kinds are left alone.")
    return "Small weights, and BatchNorm that starts close to doing nothing but normalising."


def _check_normal(what: str, weight: torch.Tensor, mean: float) -> None:
    """`Wrong` unless the weights look drawn from N(mean, 0.02); the networks are large enough to be sure."""
    found, std = weight.mean().item(), weight.std().item()
    if abs(found - mean) > 0.005:
        raise Wrong(f"{what} have mean {found:.3f}: {mean:g} is expected.")
    if abs(std - 0.02**0.5) < 0.01:
        raise Wrong(f"{what} have standard deviation {std:.3f}: 0.02 is the standard deviation, not the variance.")
    if std < 0.001:
        raise Wrong(
            f"{what} have standard deviation {std:.4f}: 0.02 is already the standard deviation, do not square it."
        )
    if abs(std - 0.02) > 0.002:
        raise Wrong(f"{what} have standard deviation {std:.3f}: 0.02 is expected.")
    if (weight - mean).abs().max() < 0.05:
        raise Wrong(f"{what} are not from a normal distribution, none is far out: use `nn.init.normal_`.")


@exercise(
    title="DCGAN's initialisation",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Write the function that `net.apply` calls with each layer: weights of `Conv2d` and `ConvTranspose2d`
    from $N(0, 0.02)$, weights of `BatchNorm2d` from $N(1, 0.02)$, its biases 0, where 0.02 is the standard
    deviation. Other layers are left alone.
    """,
    hints=(
        "Which layers are there, and how do you tell them apart? `isinstance` takes a tuple of classes.",
        "`nn.init.normal_(tensor, mean, std)` and `nn.init.zeros_(tensor)` change a tensor in place.",
        "`nn.init.normal_(module.weight, 1.0, 0.02)` for BatchNorm, and 0.0 in place of 1.0 for both convolutions.",
    ),
    check=_check_init_weights,
)
def init_weights(module):
    """Initialise one layer in place as DCGAN does; called by `net.apply(init_weights)`."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _check_momentum(layer: nn.Module, x: torch.Tensor) -> None:
    """`Wrong` unless one batch moves the running mean, which starts at 0, by 0.2 of its own mean."""
    at_zero = [not bool(buffer.any()) and buffer.numel() == x.shape[1] for buffer in layer.buffers()]
    layer.train()(x)
    means = [buffer for buffer, zero in zip(layer.buffers(), at_zero, strict=True) if zero]
    if not means:
        raise Wrong("No running mean starts at 0: are the running statistics kept?")
    share = float((means[0] / x.mean((0, 2, 3))).mean())
    if abs(share - 0.8) < 0.01:
        raise Wrong(
            "momentum=0.8 has the opposite meaning in PyTorch: there it is the weight of the new batch, in Keras "
            "that of the old average."
        )
    if abs(share - 1) < 0.01 and getattr(layer, "momentum", 0) is None:
        raise Wrong("momentum is None: that is the plain mean of all batches. Which weight has the new batch?")
    if abs(share - 0.2) > 1e-3:
        momentum, eps = getattr(layer, "momentum", round(share, 3)), getattr(layer, "eps", 1e-5)
        if eps > 1e-2:
            raise Wrong(
                f"eps is {eps:g}: the second argument of `nn.BatchNorm2d` is eps, added to the variance. Name the "
                "argument: `momentum=`."
            )
        raise Wrong(f"momentum is {momentum}: which weight has the new batch, if the old average keeps 0.8?")


def _check_translate_batch_norm(call: StudentFunction) -> str:
    for channels in (128, 64):
        layer = call(channels)
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm3d) or not isinstance(layer, nn.Module):
            raise Wrong(f"It returned {describe((layer,))}: an `nn.BatchNorm2d` is expected.")
        widths = {p.numel() for p in layer.parameters()}
        if widths and widths != {channels}:
            raise Wrong(f"Asked for {channels} channels, it made a layer over {min(widths)}.")
        if not widths or len(list(layer.parameters())) != 2:
            raise Wrong("The layer has no weight and bias for its channels, which Keras' layer has: leave `affine` on.")
        if not any(buffer.numel() == channels for buffer in layer.buffers()):
            raise Wrong("The layer keeps no running statistics, and in eval mode it needs them: leave them on.")
        x = 0.3 * torch.randn(2, channels, 2, 1) + 1  # small: so that a variance over n shows
        _check_momentum(call(channels), x)
        mistakes: list[tuple[Callable[[], nn.Module], str]] = [
            (
                lambda channels=channels, eps=eps: nn.BatchNorm2d(channels, eps, 0.2),  # type: ignore[misc]
                f"eps is {eps:g}: PyTorch's own, 1e-05, is asked for.{more}",
            )
            for eps, more in [
                (0.8, " The second argument of `nn.BatchNorm2d` is eps, added to the variance. Name `momentum=`."),
                (0.2, " The second argument of `nn.BatchNorm2d` is eps, added to the variance. Name `momentum=`."),
                (1e-3, " (That one is Keras'.)"),
                (1e-2, ""),
                (1e-1, ""),
            ]
        ]
        otherwise = "Given the same weights it is no BatchNorm with PyTorch's own eps: {part} are not the same."
        right = [lambda channels=channels: nn.BatchNorm2d(channels, momentum=0.2)]
        judge_network(lambda channels=channels: call(channels), right, x, mistakes, otherwise)  # type: ignore[misc]
    return "The published `BatchNorm2d(128, 0.8)` sets eps to 0.8: a channel of variance 0.1 comes out at a third."


@exercise(
    title="Find the bug: BatchNorm2d(128, 0.8)",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    A widely copied GAN was translated from Keras, `BatchNormalization(momentum=0.8)`, to PyTorch as
    `nn.BatchNorm2d(128, 0.8)`. In Keras, momentum is the weight of the old average: $\mu \leftarrow
    0.8\,\mu + 0.2\,\mu_\text{batch}$. Return the PyTorch layer over `channels` channels that keeps the same
    running averages, with PyTorch's own eps.
    """,
    hints=(
        "Read the signature of `nn.BatchNorm2d`: what is its second argument?",
        "It is eps. And PyTorch's momentum is the weight of the new batch.",
        "`nn.BatchNorm2d(channels, momentum=0.2)`",
    ),
    check=_check_translate_batch_norm,
)
def translate_batch_norm(channels):
    """PyTorch's BatchNorm2d with the running averages of Keras' momentum 0.8."""
    return nn.BatchNorm2d(channels, momentum=0.2)


class _NormedDiscriminator(nn.Module):
    """Images (B, 1, 28, 28) -> logits (B,), with a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 4, 4, 4), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x).reshape(-1)


def _check_separate_batches(call: StudentFunction) -> str:
    D = _NormedDiscriminator()
    x_real, x_fake = torch.rand(12, 1, 28, 28) * 0.5 + 0.4, torch.rand(12, 1, 28, 28) - 0.9
    value = call(D, x_real.clone(), x_fake.clone())
    rows = isinstance(value, torch.Tensor) and value.ndim >= 2 and len(value) == 2  # a stacked pair is one too
    if not rows and (not isinstance(value, tuple | list) or len(value) != 2):
        raise Wrong(f"It returned {describe((value,))}: a pair is expected, the logits on real and on fake images.")
    logits = torch.cat([numbers(item).reshape(-1) for item in value])
    if logits.numel() != 24:
        raise Wrong(f"It returned {logits.numel()} logits for 12 real and 12 fake images.")
    if not D.training:
        raise Wrong("D is left in eval mode: the rest of the training would run with it.")
    # In train mode the outputs do not depend on the running statistics, which the call has moved
    with torch.no_grad():
        real, fake = D(x_real).double(), D(x_fake).double()
        both = D(torch.cat([x_real, x_fake])).double()
    right = torch.cat([real, fake])
    if close(logits, right, atol=1e-4):
        for item, name in zip(value, ("real", "fake"), strict=True):
            if not isinstance(item, torch.Tensor) or not item.requires_grad:
                raise Wrong(
                    f"The logits on the {name} images are cut off from D, which could not learn from them: look for a "
                    "`.detach()`, `.tolist()` or `no_grad`."
                )
            found = torch.autograd.grad(item.sum(), list(D.parameters()), retain_graph=True, allow_unused=True)
            wanted = torch.autograd.grad(D(x_real if name == "real" else x_fake).sum(), list(D.parameters()))
            if any(f is None or not close(f, w, 1e-3, 1e-4) for f, w in zip(found, wanted, strict=True)):
                raise Wrong(f"The logits on the {name} images are right, but the gradient that D gets of them is not.")
        return "The statistics of each batch are its own: no real image is normalised by the fakes beside it."
    if close(logits, both, atol=1e-4) or close(logits, torch.cat([both[12:], both[:12]]), atol=1e-4):
        raise Wrong(
            "Real and fake images went through D in one batch: BatchNorm then normalises each by the statistics of "
            "both, which leaks the label. Call D once for each."
        )
    if close(logits, torch.cat([fake, real]), atol=1e-4):
        raise Wrong("The two are exchanged: return the logits on real images first.")
    if close(logits, torch.sigmoid(right), atol=1e-4):
        raise Wrong("These are probabilities: return D's logits as they are.")
    raise Wrong("These are not D's logits in train mode: in eval mode BatchNorm uses its running statistics instead.")


@exercise(
    title="Real and fake through BatchNorm",
    difficulty="medium",
    minutes=5,
    prompt=r"""
    D contains BatchNorm and is in train mode. Return its logits on the real and on the fake batch, in such
    a way that the normalisation of a real image does not depend on the fake ones.
    """,
    hints=(
        "Over which images does BatchNorm average in train mode?",
        "Over those of one call. `torch.cat` would mix them.",
        "`return D(x_real), D(x_fake)`",
    ),
    check=_check_separate_batches,
)
def separate_batches(D, x_real, x_fake):
    """D's logits on x_real and on x_fake, each (B, 1, 28, 28): a pair of shape (B,) each."""
    return D(x_real), D(x_fake)


class _NormedGenerator(nn.Module):
    """z (B, 100) -> images (B, 1, 28, 28), with a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(100, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 784), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(z).reshape(-1, 1, 28, 28)


def _check_preview(call: StudentFunction) -> str:
    G = _NormedGenerator()
    for _ in range(5):
        G(torch.randn(32, 100) * 2 + 1)  # running statistics that differ from those of the batch below
    z = torch.randn(16, 100)
    statistics = torch.cat([buffer.double().reshape(-1) for buffer in G.buffers()])
    images = call(G, z.clone())
    if not isinstance(images, torch.Tensor) or tuple(images.shape) != (16, 1, 28, 28):
        raise Wrong(f"It returned {describe((images,))}: the images that G makes are expected, (16, 1, 28, 28).")
    if not torch.equal(statistics, torch.cat([buffer.double().reshape(-1) for buffer in G.buffers()])):
        raise Wrong(
            "G ran in train mode: looking at it has moved BatchNorm's running statistics. Call `G.eval()` first."
        )
    if images.requires_grad:
        raise Wrong("The images carry G's graph, which costs memory: make them under `torch.no_grad()`.")
    if not all(parameter.requires_grad for parameter in G.parameters()):
        raise Wrong("G is left frozen: `requires_grad_(False)` stays after the preview. Use `torch.no_grad()`.")
    if not G.training:
        raise Wrong("G is left in eval mode: it came in train mode, and its training goes on after the preview.")
    with torch.no_grad():
        expected = G.eval()(z)
    if not close(images.double(), expected.double(), atol=1e-4):
        raise Wrong(
            "These are not the images that G makes from this z in eval mode: use z, and all of its rows, as given."
        )
    call(G, z.clone())
    if G.training:
        raise Wrong("G came in eval mode and left in train mode: keep `G.training`, and put it back as it was.")
    return "The preview leaves no trace: not in the statistics, not in the mode, not in memory."


@exercise(
    title="A preview that leaves no trace",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    Between two training steps we look at `G(z)`. Return the images, made in eval mode and without a graph,
    and leave G in the mode, train or eval, in which it came.
    """,
    hints=(
        "What does a call of G change, when G is in train mode?",
        "BatchNorm's running statistics. So: remember `G.training`, call `G.eval()`, and put the mode back at the end.",
        "`G.train(was_training)` puts the mode back; the images are made under `with torch.no_grad():`.",
    ),
    check=_check_preview,
)
def preview(G, z):
    """Images of G for z (B, 100), made in eval mode, without a graph; G's mode and statistics stay."""
    was_training = G.training
    G.eval()
    with torch.no_grad():
        images = G(z)
    G.train(was_training)
    return images


def _check_transposed_cost(call: StudentFunction) -> str:
    judge_transposed_cost(call, [(100, 256, 7, 1), (256, 128, 4, 7), (128, 1, 4, 14), (3, 5, 2, 9)])
    return "G's first layer has most of the weights, and its second does most of the work."


@exercise(
    title="What a transposed convolution costs",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    How many multiplications does a transposed convolution need for one image with `size` × `size` pixels of input?
    (Pixels at the border are counted like all others, although padding cuts off some of their stamps.)
    """,
    hints=(
        "Section 3.2: each input pixel stamps the kernel onto the output. What is one stamp made of?",
        "One stamp is c_in * c_out * kernel * kernel products, and there is one for each input pixel.",
        "`c_in * c_out * kernel**2 * size**2`",
    ),
    check=_check_transposed_cost,
)
def transposed_cost(c_in, c_out, kernel, size):
    """Multiplications of a transposed convolution for one image of size x size input pixels."""
    return c_in * c_out * kernel**2 * size**2


def _check_shortcut(call: StudentFunction) -> str:
    for c_in, c_out, stride, side in [(8, 16, 2, 14), (8, 16, 1, 14), (16, 16, 2, 7), (16, 16, 1, 7)]:
        layer = call(c_in, c_out, stride)
        if not isinstance(layer, nn.Module):
            raise Wrong(f"It returned {describe((layer,))}: a layer is expected, such as an `nn.Conv2d`.")
        x = torch.randn(2, c_in, side, side)
        branch = nn.Conv2d(c_in, c_out, 3, stride, 1)(x)
        what = f"For c_in {c_in}, c_out {c_out}, stride {stride} and a {side} x {side} image"
        try:
            found = layer(x)
        except Exception as error:
            raise Wrong(f"{what} it stops: {brief(error)}.") from None
        if found.shape[1] != c_out:
            raise Wrong(f"{what} it gives {found.shape[1]} channels, and the branch has {c_out}: they cannot be added.")
        if found.shape != branch.shape:
            raise Wrong(
                f"{what} it gives {found.shape[-1]} x {found.shape[-1]} pixels, and the branch {branch.shape[-1]} x "
                f"{branch.shape[-1]}. Which of its settings changes the branch's size?"
            )
        weights = [p for p in layer.parameters() if p.ndim > 1]
        wide = next((p for p in weights if p.ndim == 4 and p.shape[2:] != (1, 1)), None)
        if wide is not None:
            size = tuple(wide.shape[2:])
            raise Wrong(f"Its kernel is {size[0]} x {size[1]}: a shortcut mixes channels, one pixel alone.")
        if c_in == c_out and stride == 1:
            if not torch.equal(found, x):
                raise Wrong(f"{what} nothing has to change: `nn.Identity()` passes x on as it is, at no cost.")
            continue
        if not weights:
            raise Wrong(f"{what} a 1 x 1 convolution is expected, whose weights choose what is passed on.")
        if len(list(layer.parameters())) > 1:
            raise Wrong(
                f"{what} it has {sum(p.numel() for p in layer.parameters())} weights, and {c_in * c_out} are expected: "
                "one 1 x 1 convolution without a bias, `bias=False`, and nothing after it."
            )
        rights: list[Callable[[], nn.Module]] = [
            lambda a=c_in, b=c_out, s=stride: nn.Conv2d(a, b, 1, s, bias=False),  # type: ignore[misc]
            lambda a=c_in, b=c_out, s=stride: nn.Sequential(  # type: ignore[misc]
                nn.AvgPool2d(s, ceil_mode=True), nn.Conv2d(a, b, 1, bias=False)
            ),
        ]
        mistakes: list[tuple[Callable[[], nn.Module], str]] = [
            (
                lambda build=rights[0], more=more: nn.Sequential(build(), more()),  # type: ignore[misc]
                f"{what} an activation follows the convolution: a shortcut passes on what it gets, negative or not.",
            )
            for more in (nn.ReLU, nn.Tanh, nn.Sigmoid, lambda: nn.LeakyReLU(0.2))
        ]
        judge_network(
            lambda a=c_in, b=c_out, s=stride: call(a, b, s),  # type: ignore[misc]
            rights,
            x,
            mistakes,
            f"{what} it computes more than a 1 x 1 convolution without bias: {{part}} are not the same.",
        )
    return "Both ways end in one shape, for odd sizes too: 7 pixels become 4 on either."


@exercise(
    title="The shortcut of a residual block",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    The branch of our residual block begins with `nn.Conv2d(c_in, c_out, 3, stride, padding=1)`; its other layers keep
    the shape. Return the layer for the shortcut, so that both can be added: a 1 × 1 convolution without bias where
    channels or size change, and `nn.Identity()` where nothing does.
    """,
    hints=(
        "The branch changes the number of channels and, by its stride, the size. The shortcut must change both alike.",
        "`nn.Conv2d` has a stride whatever its kernel is.",
        "`nn.Conv2d(c_in, c_out, 1, stride, bias=False)`, unless `c_in == c_out and stride == 1`.",
    ),
    check=_check_shortcut,
)
def shortcut(c_in, c_out, stride):
    """The shortcut beside a branch from c_in to c_out channels with this stride."""
    if c_in == c_out and stride == 1:
        return nn.Identity()
    return nn.Conv2d(c_in, c_out, 1, stride, bias=False)


def _check_checkerboard_peak(call: StudentFunction) -> str:
    power = torch.rand(15, dtype=torch.float64) + 0.5  # of images 28 pixels wide: 0 to 14 cycles
    wide = torch.rand(17, dtype=torch.float64) + 0.5  # 32 pixels
    cases = [(power, 2), (power, 4), (wide, 4), (wide, 8), (wide, 2)]
    value = torch.stack([scalar(call(p.clone(), period)) for p, period in cases])

    def table(formula: Any) -> torch.Tensor:
        return torch.stack([scalar(formula(p, 2 * (len(p) - 1) // period)) for p, period in cases])

    def around(p: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        return p[k - 1], p[k + 1] if k + 1 < len(p) else p[k - 1]

    mistakes = [
        (
            table(lambda p, k: 2 * p[k] / sum(around(p, k))),
            "That is the arithmetic mean of the neighbours. A spectrum falls by factors: take the geometric one.",
        ),
        (
            table(lambda p, k: p[k] / (p[k - 1] * (p[k + 1] if k + 1 < len(p) else p[0])).sqrt()),
            "Above the finest frequency the spectrum is mirrored: its neighbour there is the one below, not p[0].",
        ),
        (table(lambda p, k: p[k] / p[k - 1]), "Compare with both neighbours: the spectrum falls, peak or not."),
        (
            table(lambda p, k: p[k] / (around(p, k)[0] * around(p, k)[1])),
            "The root is missing: the geometric mean of two numbers is the root of their product.",
        ),
        (
            table(lambda p, k: p[k // 2] / (around(p, k // 2)[0] * around(p, k // 2)[1]).sqrt()),
            "You look at half of the frequency: the width W is twice `len(power) - 1`, and k is W / period.",
        ),
        (
            table(lambda p, k: (around(p, k)[0] * around(p, k)[1]).sqrt()),
            "This is the neighbours' mean: divide the power by it.",
        ),
        (
            table(lambda p, k: p[k] - (around(p, k)[0] * around(p, k)[1]).sqrt()),
            "This is the difference: how many *times* its neighbours' mean is it?",
        ),
        (
            table(lambda p, k: p[k] / p.sum()),
            "That is its share of the power. How does it stand out from its neighbours?",
        ),
        (table(lambda p, k: p[k]), "That is the power itself. How does it stand out from its neighbours?"),
    ]
    right = table(lambda p, k: p[k] / (around(p, k)[0] * around(p, k)[1]).sqrt())
    names = [f"{2 * (len(p) - 1)} pixels and period {period}" for p, period in cases]
    judge(value, right, mistakes, names)
    return "1 where the spectrum falls smoothly; the more above 1, the more visible the pattern."


@exercise(
    title="A checkerboard in the spectrum",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    `power` holds the mean power at $0, 1, \dots, W/2$ cycles per image width. A pattern that repeats every `period`
    pixels lies at $k = W/\text{period}$. Return how far it stands out: its power over the geometric mean
    $\sqrt{P_{k-1}P_{k+1}}$ of its neighbours. At the finest frequency, $k = W/2$, both neighbours are $P_{k-1}$, since
    the spectrum of a real image is mirrored there.
    """,
    hints=(
        "How wide is the image? `power` has W / 2 + 1 entries.",
        "W is 2 * (len(power) - 1), and k is W // period; then look at power[k - 1], power[k] and power[k + 1].",
        "`after = power[k + 1] if k + 1 < len(power) else power[k - 1]`",
    ),
    check=_check_checkerboard_peak,
)
def checkerboard_peak(power, period):
    """How far a pattern of this period stands out of the spectrum `power`, (W / 2 + 1,)."""
    k = 2 * (len(power) - 1) // period
    after = power[k + 1] if k + 1 < len(power) else power[k - 1]
    return power[k] / (power[k - 1] * after) ** 0.5


def _check_clearly_better(call: StudentFunction) -> str:
    # scores (smaller is better) of a and of b, and whether a is clearly better
    cases = [
        ([10.0, 11.0, 12.0], [20.0, 22.0, 24.0], True),
        ([20.0, 22.0, 24.0], [10.0, 11.0, 12.0], False),
        ([10.0, 11.0, 12.0], [11.0, 13.0, 15.0], False),
        ([10.0, 14.0], [15.0, 17.0], False),
        ([10.0, 10.0, 10.0], [10.1, 10.1, 10.1], True),
        ([10.0, 10.0, 10.0], [10.0, 10.0, 10.0], False),  # no difference and no spread
        ([9.0, 10.0, 11.0], [11.0, 12.0, 13.0], False),  # the difference is 2, and so is the sum
        ([10.0, 10.0, 40.0], [30.0, 31.0, 32.0], False),  # the medians are further apart than the means
        ([9.0, 10.0, 11.0], [10.7, 11.7, 12.7], False),  # 1.7 against 1 + 1, whose root of squares is 1.41
        *[([9.0, 10.0, 11.0], [9 + gap, 10 + gap, 11 + gap], False) for gap in (1.5, 1.3, 1.1, 0.9)],
        ([0.0, 0.2], [0.21, 0.41], False),  # 0.21 against 0.28; the variances are small
    ]
    answers = [call(list(a), list(b)) for a, b, _ in cases]
    value = []
    for answer in answers:
        truth = float(answer) if isinstance(answer, bool) else float(scalar(answer))
        if truth not in (0.0, 1.0):
            raise Wrong(f"It returned {describe((answer,))}: True or False is expected.")
        value.append(bool(truth))
    if value == [right for *_, right in cases]:
        return "By this rule a difference counts when it is larger than the noise of both sides together."

    def rule(spread: Any, both_ways: bool = False, middle: Any = statistics.mean, join: Any = sum) -> list[bool]:
        found = []
        for a, b, _ in cases:
            gap = middle(b) - middle(a)
            found.append((abs(gap) if both_ways else gap) > join([spread(a), spread(b)]))
        return found

    def or_equal(a: list[float], b: list[float]) -> bool:
        return statistics.mean(b) - statistics.mean(a) >= statistics.stdev(a) + statistics.stdev(b)

    def deviation(values: list[float], minus: int = 1) -> float:
        mean = sum(values) / len(values)
        return (sum((v - mean) ** 2 for v in values) / (len(values) - minus)) ** 0.5

    if value == rule(deviation, both_ways=True):
        raise Wrong("It also says so when *b* is better: a smaller distance is the better one.")
    if value == [not right for *_, right in cases] or value == [sum(a) > sum(b) for a, b, _ in cases]:
        raise Wrong("Smaller is better: these are distances.")
    if value == rule(lambda values: 0.0):
        raise Wrong("It compares the means alone: how much would they move with other seeds?")
    if value == rule(lambda values: deviation(values, 0)):
        raise Wrong("Two or three values lie close to their own mean: divide by n - 1, not by n.")
    known = [
        (
            [or_equal(a, b) for a, b, _ in cases],
            "By *more* than both standard deviations: a difference that equals their sum does not count.",
        ),
        (rule(deviation, middle=statistics.median), "It compares the medians: the rule is about the means."),
        (
            rule(deviation, join=lambda both: math.hypot(*both)),
            "The rule adds both standard deviations, it does not take the root of the sum of squares.",
        ),
        (rule(statistics.variance), "These are the variances: take the standard deviations, their roots."),
        (rule(lambda values: deviation(values) / len(values) ** 0.5), "These are standard errors: do not divide by n."),
        (rule(deviation, join=max), "It takes the larger standard deviation alone: the rule adds both."),
        (rule(deviation, join=lambda both: both[0]), "The standard deviation of b is missing."),
        (rule(deviation, join=lambda both: both[1]), "The standard deviation of a is missing."),
        ([max(a) < min(b) for a, b, _ in cases], "It compares the worst of a with the best of b, not the means."),
    ]
    for mistaken, message in known:
        if value == mistaken:
            raise Wrong(message)
    for (a, b, right), got in zip(cases, value, strict=True):
        if got != right:
            raise Wrong(f"For {a} against {b} it says {got}, and {right} is right.")
    raise AssertionError("unreachable")


@exercise(
    title="Is the difference larger than the noise?",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    `a` and `b` are distances to real digits (smaller is better), one for each seed. Return whether `a` is clearly
    better: its mean is smaller by more than the sum of both standard deviations, each over $n - 1$. This is the rule
    of the tables below. It is no significance test; with so few seeds there is not much to test.
    """,
    hints=(
        "Two numbers for each list: a mean, and a standard deviation.",
        "`statistics.mean` and `statistics.stdev` (which divides by n - 1) take lists.",
        "`statistics.mean(b) - statistics.mean(a) > statistics.stdev(a) + statistics.stdev(b)`",
    ),
    check=_check_clearly_better,
)
def clearly_better(a, b):
    """Whether the distances a are smaller than b by more than both standard deviations together."""
    return statistics.mean(b) - statistics.mean(a) > statistics.stdev(a) + statistics.stdev(b)


@exercise(
    title="Building the DCGAN discriminator",
    difficulty="medium",
    minutes=12,
    prompt=r"""
    Return P1's D up to its logit (without the sigmoid) as an `nn.Sequential` that takes images (B, 1, 28, 28) and
    gives (B, 1): convolutions 1 to 64 and 64 to 128 (k4 s2 p1), both without bias; LeakyReLU 0.2 after both, BatchNorm
    only between the second and its LeakyReLU; then flatten, and one linear layer with bias. The check loads the same
    weights into your network and into the course's, and compares what they compute.
    """,
    hints=(
        "Seven layers: two convolutions, one BatchNorm, two LeakyReLUs, `nn.Flatten`, one linear layer.",
        "Each convolution halves the side: 28, 14, 7. So the linear layer takes 128 * 7 * 7 = 6272 numbers.",
        "The middle is `nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2)`.",
    ),
    check=check_build_discriminator,
)
def build_discriminator():
    """The DCGAN discriminator up to its logit: images (B, 1, 28, 28) -> (B, 1)."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(6272, 1),
    )


@exercise(
    title="BatchNorm by hand",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    Write equation (3.3) out. `x` is (B, C, H, W); `weight` ($\gamma$), `bias` ($\beta$), `mean` and `var` (the running
    averages) have one number for each channel, (C,); $\varepsilon$ is $10^{-5}$. In training, normalise by the batch's
    own mean and variance (over $n$), and move both running averages *in place*: 0.9 of the old, 0.1 of the batch's,
    where PyTorch takes the variance over $n - 1$. Otherwise normalise by the running averages, and leave them alone.
    """,
    hints=(
        "Over which axes of (B, C, H, W) is the mean of a channel taken?",
        "Over 0, 2 and 3. Numbers of shape (C,) become `[:, None, None]` to stand beside x; `mul_` and `add_` change a "
        "tensor in place.",
        "`mean.mul_(0.9).add_(0.1 * x.mean((0, 2, 3)))`, and the same for `var` with `x.var((0, 2, 3))`",
    ),
    check=check_batch_norm,
)
def batch_norm(x, weight, bias, mean, var, training):
    """BatchNorm of x (B, C, H, W) as nn.BatchNorm2d computes it; mean and var (C,) move in place in training."""
    m, v = mean, var
    if training:
        m, v = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        mean.mul_(0.9).add_(0.1 * m)
        var.mul_(0.9).add_(0.1 * x.var((0, 2, 3)))
    normalised = (x - m[:, None, None]) / (v[:, None, None] + 1e-5).sqrt()
    return weight[:, None, None] * normalised + bias[:, None, None]


@exercise(
    title="A transposed convolution by hand",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    Section 3.2 in code, without PyTorch's own transposed convolution. `x` is (B, c_in, H, W), `weight` is (c_in, c_out,
    k, k), as in `nn.ConvTranspose2d`. Each input pixel stamps the kernel, scaled by its value; stamps lie `stride`
    pixels apart and add up where they overlap; at the end `padding` pixels are cut off on each side.
    """,
    hints=(
        "How large is the canvas before anything is cut off? Begin with zeros of that size.",
        "For the pixel (i, j) the stamp begins at (i * stride, j * stride) and is k wide. Its values are those of the "
        "pixel's channels times the kernel, summed over c_in: `torch.einsum` does that for the whole batch.",
        '`out[:, :, i*s : i*s + k, j*s : j*s + k] += torch.einsum("bc,cokl->bokl", x[:, :, i, j], weight)`',
    ),
    check=check_transposed_convolution,
)
def transposed_convolution(x, weight, stride, padding):
    """x (B, c_in, H, W) and weight (c_in, c_out, k, k) -> images (B, c_out, ...) as nn.ConvTranspose2d (no bias)."""
    b, _, h, w = x.shape
    _, c_out, k, _ = weight.shape
    out = x.new_zeros(b, c_out, (h - 1) * stride + k, (w - 1) * stride + k)
    for i in range(h):
        for j in range(w):
            top, left = i * stride, j * stride
            out[:, :, top : top + k, left : left + k] += torch.einsum("bc,cokl->bokl", x[:, :, i, j], weight)
    return out[:, :, padding : out.shape[2] - padding, padding : out.shape[3] - padding]
