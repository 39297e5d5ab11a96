"""Exercises of notebook 03, the DCGAN: `from gancourse.exercises import lesson03 as ex`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise, is_stub
from gancourse.exercises.checking.judging import close, judge, numbers, scalar


def _integers(call: StudentFunction, cases: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, Any]:
    """The student's values for these arguments, and a function that tabulates a formula over them."""
    value = torch.stack([scalar(call(*case)) for case in cases])
    return value, lambda formula: torch.tensor([float(formula(*case)) for case in cases], dtype=torch.float64)


def _check_transposed_size(call: StudentFunction) -> str:
    cases = [(1, 7, 1, 0), (7, 4, 2, 1), (14, 4, 2, 1), (5, 3, 2, 1), (6, 5, 3, 0)]
    value, table = _integers(call, cases)
    mistakes = [
        (
            table(lambda n, k, s, p: (n + 2 * p - k) // s + 1),
            "This is the formula of an ordinary convolution: the transposed one goes the other way.",
        ),
        (table(lambda n, k, s, p: (n - 1) * s + 2 * p + k), "Padding has the wrong sign: here it cuts the edges off."),
        (table(lambda n, k, s, p: n * s - 2 * p + k), "n inputs have n - 1 gaps between them: s stands n - 1 times."),
        (table(lambda n, k, s, p: (n - 1) * s - p + k), "Padding cuts on both sides: it counts twice."),
        (
            table(lambda n, k, s, p: n * s),
            "size * stride is right for k4 s2 p1, but not in general: kernel and padding count.",
        ),
        (
            table(lambda n, k, s, p: (n - 1) * s - 2 * p + k - 1),
            "One too few: the last input covers k outputs, not k - 1.",
        ),
    ]
    right = table(lambda n, k, s, p: (n - 1) * s - 2 * p + k)
    names = ("size", "kernel", "stride", "padding")
    points = [", ".join(f"{name} {item}" for name, item in zip(names, case, strict=True)) for case in cases]
    judge(value, right, mistakes, points)
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
    value, table = _integers(call, cases)
    right = table(lambda a, b, k, n: a * b * k * k + 2 * b * n)
    mistakes = [
        (table(lambda a, b, k, n: a * b * k * k + b + 2 * b * n), "You count a bias for the convolution: it has none."),
        (table(lambda a, b, k, n: a * b * k * k), "BatchNorm's parameters are missing: how many per channel?"),
        (table(lambda a, b, k, n: a * b * k * k + b * n), "BatchNorm has a weight and a bias for each channel: two."),
        (
            table(lambda a, b, k, n: a * b * k * k + 4 * b * n),
            "Running mean and variance are buffers, not parameters: no optimiser moves them.",
        ),
        (
            table(lambda a, b, k, n: a * b * k + 2 * b * n),
            "The kernel is square: k * k weights for each pair of channels.",
        ),
        (table(lambda a, b, k, n: b * k * k + 2 * b * n), "Every output channel has a kernel for every input channel."),
        (
            table(lambda a, b, k, n: a * b * k * k + 2 * a * n),
            "BatchNorm follows the convolution: it has as many channels as come out of it.",
        ),
    ]
    judge(value, right, mistakes, [f"the block {case}" for case in cases], exact=True)
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
    kinds = [type(module) for module in net.modules()]
    if nn.Tanh not in kinds and not bool((net(50 * z).abs() <= 1).all()):
        raise Wrong("The pixels leave [-1, 1]: a Tanh at the end is missing.")
    if nn.Sigmoid in kinds:
        raise Wrong("A Sigmoid gives pixels in [0, 1]: the data is in [-1, 1], so end with a Tanh.")
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    if [norm.num_features for norm in norms] != [256, 128]:
        found = ", ".join(str(norm.num_features) for norm in norms) or "none"
        extra = " (the output has none: its statistics are the image's)" if len(norms) > 2 else ""
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
    net = nn.Sequential(nn.Sequential(*layers.values()), nn.ReLU(), norm, nn.Linear(4, 1))
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


def _check_translate_batch_norm(call: StudentFunction) -> str:
    for channels in (128, 64):
        layer = call(channels)
        if not isinstance(layer, nn.BatchNorm2d):
            raise Wrong(f"It returned {describe((layer,))}: an `nn.BatchNorm2d` is expected.")
        if layer.num_features != channels:
            raise Wrong(f"Asked for {channels} channels, it made a layer over {layer.num_features}.")
        if layer.eps > 1e-2:
            raise Wrong(
                f"eps is {layer.eps:g}: the second argument of `nn.BatchNorm2d` is eps, added to the variance. Name "
                "the argument: `momentum=`."
            )
        momentum = layer.momentum
        if momentum is not None and abs(momentum - 0.8) < 1e-6:
            raise Wrong(
                "momentum=0.8 has the opposite meaning in PyTorch: there it is the weight of the new batch, in Keras "
                "that of the old average."
            )
        if momentum is None or abs(momentum - 0.2) > 1e-6:
            raise Wrong(f"momentum is {momentum}: which weight has the new batch, if the old average keeps 0.8?")
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
    if not isinstance(value, tuple | list) or len(value) != 2:
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
    cases = [(100, 256, 7, 1), (256, 128, 4, 7), (128, 1, 4, 14), (3, 5, 2, 9)]
    value, table = _integers(call, cases)
    right = table(lambda a, b, k, n: a * b * k * k * n * n)
    mistakes = [
        (table(lambda a, b, k, n: a * b * k * k), "These are the weights. How often is each of them used?"),
        (
            table(lambda a, b, k, n: a * b * k * k * (2 * n) ** 2),
            "You count the places of the output. Here each *input* pixel stamps the kernel once.",
        ),
        (table(lambda a, b, k, n: a * b * k * k * n), "The input has size * size pixels, not size."),
        (table(lambda a, b, k, n: a * b * k * n * n), "The kernel is square: k * k weights for each pair of channels."),
        (
            table(lambda a, b, k, n: 2 * a * b * k * k * n * n),
            "Count a multiplication together with its addition, once.",
        ),
    ]
    judge(value, right, mistakes, [f"the layer {case}" for case in cases], exact=True)
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
        except RuntimeError as error:
            raise Wrong(f"{what} it stops: {str(error).splitlines()[0][:140]}.") from None
        if found.shape[1] != c_out:
            raise Wrong(f"{what} it gives {found.shape[1]} channels, and the branch has {c_out}: they cannot be added.")
        if found.shape != branch.shape:
            raise Wrong(
                f"{what} it gives {found.shape[-1]} x {found.shape[-1]} pixels, and the branch {branch.shape[-1]} x "
                f"{branch.shape[-1]}. Which of its settings changes the branch's size?"
            )
        kernels = [m.kernel_size for m in layer.modules() if isinstance(m, nn.Conv2d)]
        if any(kernel != (1, 1) for kernel in kernels):
            raise Wrong(f"Its kernel is {kernels[0][0]} x {kernels[0][1]}: a shortcut mixes channels, one pixel alone.")
        if c_in == c_out and stride == 1 and not torch.equal(found, x):
            raise Wrong(f"{what} nothing has to change: `nn.Identity()` passes x on as it is, at no cost.")
        if (c_in != c_out or stride > 1) and not kernels:
            raise Wrong(f"{what} a 1 x 1 convolution is expected, whose weights choose what is passed on.")
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
    ]
    answers = [call(list(a), list(b)) for a, b, _ in cases]
    value = [answer if isinstance(answer, bool) else bool(scalar(answer)) for answer in answers]
    if value == [right for *_, right in cases]:
        return "By this rule a difference counts when it is larger than the noise of both sides together."

    def rule(spread: Any, both_ways: bool = False) -> list[bool]:
        found = []
        for a, b, _ in cases:
            gap = sum(b) / len(b) - sum(a) / len(a)
            found.append((abs(gap) if both_ways else gap) > spread(a) + spread(b))
        return found

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
