"""Exercises of notebook 12, BigGAN and Projected GAN: `from gancourse.exercises import lesson12 as ex`."""

from __future__ import annotations

import pathlib

import torch
from torch import nn
from torch.nn import functional as F

from gancourse.exercises.checking import (
    batch_sizes,
    class_conditions,
    folders,
    orthogonality,
    projected_listing,
    several_heads,
    shortcuts,
    standing_statistics,
    truncation,
)
from gancourse.exercises.checking.engine import exercise


@exercise(
    title="A class in every layer",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    BigGAN tells $G$ its class in every BatchNorm (Brock et al. 2019, section 3 and appendix B): gain and bias of a
    layer are linear in the class embedding `e` (B, E) and in the layer's own chunk of $z$, `z` (B, Z), one behind the
    other, `e` first. `to_gain` and `to_bias` are the weights, (C, E + Z). `x` (B, C, H, W) has been normalised
    already. Return $(1 + \text{gain})\,x + \text{bias}$, (B, C, H, W), with a gain and a bias for each map of each
    image.
    """,
    hints=(
        "How many gains has a batch of B images with C maps each? And what is the gain where all weights are 0?",
        "`torch.cat([e, z], 1)` is (B, E + Z). A weight (C, E + Z) turns it into (B, C); height and width need an axis "
        "of length 1 each.",
        "`(1 + F.linear(given, to_gain)[:, :, None, None]) * x`, where given is [e, z], and the bias in the same way",
    ),
    check=class_conditions.check_condition,
)
def condition(x, e, z, to_gain, to_bias):
    """x (B, C, H, W), e (B, E), z (B, Z), to_gain and to_bias (C, E + Z) -> (B, C, H, W)."""
    given = torch.cat([e, z], 1)
    gain, bias = F.linear(given, to_gain), F.linear(given, to_bias)
    return (1 + gain[:, :, None, None]) * x + bias[:, :, None, None]


@exercise(
    title="Does it look like its class?",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    BigGAN's $D$ is told the class at its very end (Miyato and Koyama 2018, equation 3). `h` (B, C, H, W) is what its
    last ReLU gives; $s$ is its sum over the pixels. The logit is $\langle \text{weight}, s\rangle + \text{bias} +
    \langle e_y, s\rangle$, where $e_y$ is the embedding of the image's class: row $y$ of `table` (K, C). `weight` is
    (C,), `bias` a scalar, `y` (B,) holds the classes. Return the logits, (B,).
    """,
    hints=(
        "Three things are added. Which of them knows nothing of the class? And over which axes is each a sum?",
        "`h.sum((2, 3))` is (B, C), and so is `table[y]`. Their inner product is taken image by image.",
        "`s @ weight + bias + (table[y] * s).sum(1)`, where s is the sum over the pixels",
    ),
    check=class_conditions.check_projection_logit,
)
def projection_logit(h, table, weight, bias, y):
    """h (B, C, H, W), table (K, C), weight (C,), bias (), classes y (B,), int64 -> logits (B,)."""
    s = h.sum((2, 3))
    return s @ weight + bias + (table[y] * s).sum(1)


@exercise(
    title="Hinge, for several heads",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Projected GAN's $D$ has several heads, each of which is a discriminator with a loss of its own (Sauer et al. 2021,
    section 3). `real` and `fake` are lists with a tensor of logits for each head, (B, H, W) of its own H and W. With
    hinge, $D$ pays $E \max(0, 1 - s) + E \max(0, 1 + s)$, for real and for fake logits, and $G$ pays $-E\,s$ for
    fakes. Each mean is over all logits of one head; the heads' losses are added. Return the pair, $D$'s loss and
    $G$'s.
    """,
    hints=(
        "One head scores a real image 5, another one -1. What do they cost together, and what would their average?",
        "First cut each logit, `relu`, then average within the head, then add the heads. G's loss has no cut.",
        "`sum((1 - r).relu().mean() + (1 + f).relu().mean() for r, f in zip(real, fake))`; for G `-f.mean()`",
    ),
    check=several_heads.check_head_losses,
)
def head_losses(real, fake):
    """(D's loss, G's loss), two scalars; real, fake: lists of logits, one (B, H, W) for each head."""
    of_d = sum((1 - r).relu().mean() + (1 + f).relu().mean() for r, f in zip(real, fake, strict=True))
    of_g = sum(-f.mean() for f in fake)
    return of_d, of_g


@exercise(
    title="No two filters alike",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    BigGAN's $G$ pays for filters of a layer that resemble one another: $\lVert W W^\top \odot (1 - I)\rVert_F^2$, the
    sum of the squares off the diagonal (Brock et al. 2019, equation 3; there the filters are columns, so that it
    reads $W^\top W$). $W$ is a layer's weight as a matrix with a row for each output: (out, in), of a convolution
    (out, in k k). `G` is a network; add up the penalty over all `nn.Linear` and `nn.Conv2d` in it. Its class
    embedding, `G.shared`, is left out, and so are biases and BatchNorms. Return the sum, a scalar, without the factor
    $\beta$.
    """,
    hints=(
        "What stands at (i, j) of W times its transpose, and what on the diagonal? Which of the two says that filters "
        "are alike?",
        "`G.modules()` has all layers, at any depth. `weight.flatten(1)` is a matrix with a row for each output.",
        "`gram = W @ W.T`, and `(gram * (1 - torch.eye(len(gram)))).square().sum()` for each layer",
    ),
    check=orthogonality.check_orthogonal_penalty,
)
def orthogonal_penalty(G):
    """The orthogonal penalty of all linear layers and convolutions of a network G, off the diagonal: a scalar."""
    total = torch.zeros(())
    for layer in G.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            W = layer.weight.flatten(1)
            gram = W @ W.T
            total = total + (gram * (1 - torch.eye(len(gram)))).square().sum()
    return total


@exercise(
    title="Truncated z",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    BigGAN draws $z$ from $N(0, I)$ in training. Afterwards, for better pictures at the price of variety, numbers
    outside of $[-t, t]$ are drawn again, until all are inside (Brock et al. 2019, section 3.1). Return such a `z`,
    (n, d), float32. All numbers come from `rng`, a `torch.Generator`. Only the numbers that are outside are drawn
    again: of a row of a hundred, some nearly always are.
    """,
    hints=(
        "Where would `clamp` put the numbers that are outside? Did G ever see those?",
        "A mask, `z.abs() > t`, says which numbers are outside, and indexing with it replaces them. Can a new number "
        "be outside, too?",
        "`while (outside := z.abs() > t).any(): z[outside] = torch.randn(int(outside.sum()), generator=rng)`",
    ),
    check=truncation.check_truncated,
)
def truncated(n, d, t, rng):
    """z (n, d), float32, from N(0, I) without what is outside of [-t, t], drawn from the generator rng."""
    z = torch.randn(n, d, generator=rng)
    while (outside := z.abs() > t).any():
        z[outside] = torch.randn(int(outside.sum()), generator=rng)
    return z


@exercise(
    title="Standing statistics",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    An averaged $G$ has BatchNorm statistics that fit other weights. So they are made anew (Brock et al. 2019,
    appendix C): $G$ is run on many batches, and each statistic becomes the mean of the batches' own, each batch
    counted alike. `G` has `nn.BatchNorm2d` layers that have run before, in train or in eval mode; `zs` is a list of
    batches. Change $G$ in place: `running_mean` and `running_var` (that of a batch as torch takes it, over n - 1).
    Call $G$ once for each batch, without a graph. Leave it in eval mode, its weights and each layer's `momentum` as
    they were.
    """,
    hints=(
        "With torch's momentum of .1, how much does the first of a hundred batches count in the end? And what of the "
        "statistics from before?",
        "`reset_running_stats()` forgets, and `momentum = None` means a plain average, as the help of `nn.BatchNorm2d` "
        "says. In which mode does a BatchNorm measure?",
        "For each norm `norm.reset_running_stats()` and `norm.momentum = None`; then G in train mode on each z, under "
        "`torch.no_grad()`; then the old momenta and `G.eval()`",
    ),
    check=standing_statistics.check_standing,
)
def standing(G, zs):
    """Sets the BatchNorm statistics of G, in place, to the mean over the batches zs, tensors (B, d)."""
    norms = [layer for layer in G.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    G.train()
    with torch.no_grad():
        for z in zs:
            G(z)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    G.eval()


@exercise(
    title="Larger batches, or more images?",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    BigGAN's larger batches made better pictures (Brock et al. 2019, table 1, which counts iterations). But who takes
    a larger batch for as many steps also shows more images. To tell the two apart takes two controls. A run has
    `steps` steps of $G$ with batches of `batch` images; before each of them $D$ has `k` steps, each on a batch of
    real images that is new. The controls have batches of `other` images, and the same k. Return three numbers: how
    many real images the run has shown; how many steps of $G$ a control at equal images has; how many real images a
    control at equal steps shows.
    """,
    hints=(
        "How many real images does D see between two steps of G?",
        "One step of G comes with k batches of real images. In the first control the images are equal, in the second "
        "the steps are.",
        "`steps * k * batch`; that divided by `k * other`; and `steps * k * other`",
    ),
    check=batch_sizes.check_controls,
)
def controls(steps, batch, other, k):
    """(real images of the run, steps of G at equal images, real images at equal steps): three numbers."""
    images = steps * k * batch
    return images, images / (k * other), steps * k * other


@exercise(
    title="Find the bug: one class for all",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    These lines label pictures by their folders, as a well-known loader does. They run, and a conditional GAN trained on
    them learns something, but never knows one class from another. The paths look like
    `data/ImageNet/train/tench/9.jpg`, and the root is `data/ImageNet`. Write them right: the class of a picture is the
    name of the folder that it lies in, at whatever depth, so that `train/tench` and `val/tench` are one class. Classes
    are numbered from 0, by their sorted names. Return a list with a label for each path, in the order of the paths.

    ```python
    names = [pathlib.PurePosixPath(path).relative_to(root).parts[0] for path in paths]
    classes = sorted(set(names))
    return [classes.index(name) for name in names]
    ```
    """,
    hints=(
        "What is `names` for the path above? How many different ones are there?",
        "`parts[0]` is the first folder below the root. Which part of a path is the folder that the picture lies in?",
        "`pathlib.PurePosixPath(path).parent.name`, and the rest as it is",
    ),
    check=folders.check_labels_of,
)
def labels_of(paths, root):
    """The labels of pictures, a list of ints; paths: a list of str below the folder root, with / between the parts."""
    names = [pathlib.PurePosixPath(path).parent.name for path in paths]
    classes = sorted(set(names))
    return [classes.index(name) for name in names]


@exercise(
    title="Find the bug: the shortcut",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    A block of BigGAN's $D$ adds two convolutions, each behind a ReLU, to a shortcut that carries `x` as it came in.
    These lines save memory, run without an error, and train. One thing in them is wrong. Which? Write them right;
    `conv1`, `conv2` and `shortcut` are layers.

    ```python
    h = F.relu(x, inplace=True)
    h = F.relu(conv1(h), inplace=True)
    return conv2(h) + shortcut(x)
    ```
    """,
    hints=(
        "Put an x with negative numbers in, and look at x afterwards.",
        "The second ReLU writes over what conv1 made, which nobody else needs. What does the first one write over?",
        "`F.relu(x)`, without `inplace=True`, and the rest as it is",
    ),
    check=shortcuts.check_block,
)
def block(x, conv1, conv2, shortcut):
    """conv2(relu(conv1(relu(x)))) + shortcut(x), for x (B, C, H, W), which stays as it is: (B, O, H, W)."""
    h = F.relu(x)
    h = F.relu(conv1(h), inplace=True)
    return conv2(h) + shortcut(x)


def published_discriminator() -> str:
    """The listing of the exercise `bug_hunt`: code that runs, with bugs."""
    return projected_listing.PUBLISHED


@exercise(
    title="The bug hunt",
    difficulty="hard",
    minutes=20,
    prompt=r"""
    `print(ex.published_discriminator())` shows Projected GAN's $D$, reduced to what matters, with a step of its
    training, in the manner of published code. It runs, and $D$'s loss is a number like any other; but $D$ learns
    hardly anything, and $G$ learns nothing at all. Four things are wrong in the class, all of them about what is
    borrowed and frozen: the features and the projections. Copy the class, write it right, and return one,
    `ProjectedD(features, channels, mixed)`. Whatever an optimiser does with `D.parameters()`, only the heads may
    change; and a $D$ that is loaded from another's `state_dict()` must give the same logits. What was right is to
    stay: the name `heads`, a convolution with kernels of 1 for each map, projections drawn from $N(0, 1) / \sqrt{c}$,
    and a logit from each head.
    """,
    hints=(
        "Ask the same D twice about the same pictures. Then call `D.train()`, and look at `D.features.training`. Then "
        "ask for the gradient of a logit with respect to the picture.",
        "What is frozen is a weight: gradients still pass through it to the picture. What is drawn once and kept, but "
        "not learned, is a buffer. And which range do MEAN and STD belong to?",
        "`features.requires_grad_(False)` in place of `no_grad`; a `train` of its own that ends with "
        "`self.features.eval()`; `((x + 1) / 2 - MEAN) / STD`; and `self.register_buffer(...)` for each projection",
    ),
    check=projected_listing.check_bug_hunt,
)
def bug_hunt(features, channels, mixed):
    """The repaired discriminator, a Module: pictures (B, 3, H, W) in [-1, 1] -> logits (B, heads)."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    class ProjectedD(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = features.eval().requires_grad_(False)
            self.heads = nn.ModuleList(nn.Conv2d(mixed, 1, 1) for _ in channels)
            for i, c in enumerate(channels):
                self.register_buffer(f"projection_{i}", torch.randn(mixed, c, 1, 1) / c**0.5)

        def train(self, mode=True):
            super().train(mode)
            self.features.eval()
            return self

        def forward(self, x):
            logits = []
            for i, m in enumerate(self.features(((x + 1) / 2 - mean) / std)):
                projected = F.conv2d(m, getattr(self, f"projection_{i}"))
                logits.append(self.heads[i](projected).mean((1, 2, 3)))
            return torch.stack(logits, 1)

    return ProjectedD()
