"""Exercises of notebook 09, translating without pairs: `from gancourse.exercises import lesson09 as ex`."""

from __future__ import annotations

import torch
from torch import nn

from gancourse.exercises.checking import cycle_listing, cycles
from gancourse.exercises.checking import instance_norm as layers
from gancourse.exercises.checking.engine import exercise
from gancourse.exercises.checking.hidden import check_jump
from gancourse.exercises.checking.pool import check_exchange


@exercise(
    title="There and back",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    `G_ab` turns pictures of side $a$ into such of side $b$, and `G_ba` the other way. Without pairs nobody can say
    what $G_{ab}(a)$ should be; but what comes back should be what went: return $E\,|G_{ba}(G_{ab}(a)) - a| +
    E\,|G_{ab}(G_{ba}(b)) - b|$, each mean over all pixels of the batch, as a tensor from which both networks learn.
    (The weight $\lambda$ comes later.)
    """,
    hints=(
        "Follow one picture of side a. Which network may it be given to, and which one takes the result?",
        "`G_ba(G_ab(a))` is a after both ways. The distance is L1: an absolute value, then a mean.",
        "`(G_ba(G_ab(a)) - a).abs().mean()`, and the same with a and b exchanged, added",
    ),
    check=cycles.check_cycle_loss,
)
def cycle_loss(G_ab, G_ba, a, b):
    """What is lost on the ways there and back, a scalar; a, b: pictures (B, 3, H, W) of the two sides."""
    there, back = G_ab(a), G_ba(b)
    return (G_ba(there) - a).abs().mean() + (G_ab(back) - b).abs().mean()


@exercise(
    title="What is there already stays",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    A translator to side $b$ that is shown a picture of side $b$ has nothing to do. Return the identity term with its
    weight, $\frac{\lambda}{2}\bigl(E\,|G_{ab}(\cdot) - \cdot| + E\,|G_{ba}(\cdot) - \cdot|\bigr)$, where `cycle` is
    $\lambda$. Which pictures belong in which place is for you to say.
    """,
    hints=(
        "Which of a and b may G_ab change, and which should it leave alone?",
        "G_ab paints pictures of side b: it is shown b. The weight is half of `cycle`.",
        "`cycle / 2 * (G_ab(b) - b).abs().mean()`, and the same for G_ba with its own side",
    ),
    check=cycles.check_identity_loss,
)
def identity_loss(G_ab, G_ba, a, b, cycle):
    """The identity term with its weight, half of `cycle`, a scalar; a, b: pictures (B, 3, H, W) of the two sides."""
    same = (G_ab(b) - b).abs().mean() + (G_ba(a) - a).abs().mean()
    return cycle / 2 * same


@exercise(
    title="InstanceNorm by hand",
    difficulty="medium",
    minutes=7,
    prompt=r"""
    InstanceNorm takes its statistics from each picture and each channel alone, in training and afterwards: return
    $(x - \mu) / \sqrt{\sigma^2 + \varepsilon}$ with mean and variance over the pixels of one channel of one picture,
    the variance as the plain mean of squares (divided by $n$, not $n - 1$).
    """,
    hints=(
        "A batch has the axes (B, C, H, W). Over which of them does the mean go, and how many means are there then?",
        "`x.mean((2, 3), keepdim=True)` is (B, C, 1, 1), which fits x. `var` divides by n - 1 unless it is told.",
        "`var = x.var((2, 3), unbiased=False, keepdim=True)`; eps is added to it before the root",
    ),
    check=layers.check_instance_norm,
)
def instance_norm(x, eps):
    """x (B, C, H, W), each channel of each picture less its mean, divided by the root of its variance plus eps."""
    mean = x.mean((2, 3), keepdim=True)
    var = x.var((2, 3), unbiased=False, keepdim=True)
    return (x - mean) / (var + eps).sqrt()


def published_ends() -> str:
    """The listing of the exercise `ends`: code that runs, with a bug."""
    return layers.PUBLISHED


@exercise(
    title="How far to reflect",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    `print(ex.published_ends())` shows how a widely read implementation begins and ends its translators. It works, for
    colour pictures. Try it with one channel, find out what is wrong, and write `ends(channels)` so that a picture keeps
    its size whatever its channels. Only the padding is to change.
    """,
    hints=(
        "How many pixels does a 7 x 7 convolution take on each side of a picture? And a 3 x 3?",
        "A kernel of k pixels takes (k - 1) / 2 on each side. Does the number of channels come into that?",
        "`nn.ReflectionPad2d(3)` before each 7 x 7 convolution, `nn.ReflectionPad2d(1)` before the 3 x 3",
    ),
    check=layers.check_ends,
)
def ends(channels):
    """A Module: pictures (B, channels, H, W) in [-1, 1] -> such of the same shape."""
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels, 8, 7),
        nn.InstanceNorm2d(8),
        nn.ReLU(),
        nn.ReflectionPad2d(1),
        nn.Conv2d(8, 8, 3),
        nn.InstanceNorm2d(8),
        nn.ReLU(),
        nn.ReflectionPad2d(3),
        nn.Conv2d(8, channels, 7),
        nn.Tanh(),
    )


@exercise(
    title="The pool",
    difficulty="medium",
    minutes=15,
    prompt=r"""
    $D$ is shown earlier fakes again, so that it does not forget what $G$ once did (Shrivastava et al. 2017). `held` is
    a list of at most `size` fakes, empty at first, which your function changes in place. For each fake of the batch:
    while there is room, it is kept, and shown. Then a fair coin decides: either it is shown itself, or one of those
    held, drawn at random, is shown, and the new one takes its place. Return the pictures to show, as many as came.
    `fakes` come straight from $G$: neither what is kept nor what is shown may have its graph, and what is kept must be
    a copy. With `size` 0 the fakes themselves are shown.
    """,
    hints=(
        "There are three cases for each fake. What is shown in each, and what does `held` look like afterwards?",
        "`fakes.detach().clone()` at the top cares for graph and memory. `torch.rand(())` is a coin, and "
        "`torch.randint(size, ())` a place. Take the old one out before its place is taken.",
        "`shown.append(held[i])`, and then `held[i] = fake`; at the end `torch.stack(shown)`",
    ),
    check=check_exchange,
)
def exchange(held, fakes, size):
    """What D is shown, (B, C, H, W), for fakes (B, C, H, W) from G; held: a list of at most `size` earlier ones."""
    shown = []
    for fake in fakes.detach().clone():
        if len(held) < size:
            held.append(fake)
            shown.append(fake)
        elif size and torch.rand(()) < 0.5:
            i = int(torch.randint(size, ()))
            shown.append(held[i])
            held[i] = fake
        else:
            shown.append(fake)
    return torch.stack(shown)


@exercise(
    title="Both translators at once",
    difficulty="medium",
    minutes=12,
    prompt=r"""
    Return a pair: what both translators minimise, and the optimiser that takes their steps. The loss is least squares
    against both discriminators, $E\,(D_b(G_{ab}(a)) - 1)^2 + E\,(D_a(G_{ba}(b)) - 1)^2$, plus `cycle` times the cycle
    term of exercise 1. The optimiser is **one** Adam with rate $2 \cdot 10^{-4}$ and betas $(.5, .999)$ for both
    translators, and for them alone.
    """,
    hints=(
        "Which D judges what G_ab paints? And whose weights does the cycle term move?",
        "Compute each fake once, and use it twice: for its D, and for the way back. Lists of parameters can be added.",
        "`torch.optim.Adam([*G_ab.parameters(), *G_ba.parameters()], lr=2e-4, betas=(0.5, 0.999))`",
    ),
    check=cycles.check_translators,
)
def translators(G_ab, G_ba, D_a, D_b, a, b, cycle):
    """(loss, optimiser) of both translators; a, b: pictures (B, 3, H, W), D_a, D_b: pictures -> scores of patches."""
    fake_b, fake_a = G_ab(a), G_ba(b)
    adversarial = (D_b(fake_b) - 1).square().mean() + (D_a(fake_a) - 1).square().mean()
    lost = (G_ba(fake_b) - a).abs().mean() + (G_ab(fake_a) - b).abs().mean()
    optimiser = torch.optim.Adam([*G_ab.parameters(), *G_ba.parameters()], lr=2e-4, betas=(0.5, 0.999))
    return adversarial + cycle * lost, optimiser


@exercise(
    title="What the fake hides",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    How does the way back know what snow had covered? Measure how faint the account is that the fake keeps of it: move
    each number of $G_{ab}(a)$ by `levels` of the 255 levels of a picture, up or down by a coin of its own. Return how
    many times larger the cycle's error becomes, $E\,|G_{ba}(G_{ab}(a) + \text{noise}) - a|$ divided by
    $E\,|G_{ba}(G_{ab}(a)) - a|$. Mind that pictures lie in $[-1, 1]$. (Whether you cut at $\pm 1$ afterwards does not
    matter.)
    """,
    hints=(
        "255 levels lie between black and white. How long is the way from black to white in [-1, 1]?",
        "`torch.randint(2, fake.shape) * 2 - 1` is a coin for each number, -1 or 1. The noise is added to the fake.",
        "`noise = (torch.randint(2, fake.shape) * 2 - 1) * levels * 2 / 255`",
    ),
    check=check_jump,
)
def jump(G_ab, G_ba, a, levels):
    """How many times larger the error of the way there and back is with noise on the fake; a (B, 3, H, W): a number."""
    with torch.no_grad():
        fake = G_ab(a)
        coins = torch.randint(2, fake.shape) * 2 - 1
        noise = coins * (levels * 2 / 255)
        return (G_ba(fake + noise) - a).abs().mean() / (G_ba(fake) - a).abs().mean()


def listing() -> str:
    """The round of CycleGAN of the exercise `bug_hunt`, with nine marked lines: code that runs."""
    return cycle_listing.LISTING


@exercise(
    title="The bug hunt",
    difficulty="hard",
    minutes=20,
    prompt=r"""
    `print(ex.listing())` shows a round of CycleGAN that runs without an error. Nine lines are marked, `A` to `I`; four
    of them are wrong, and all but one of these were published. Give each line its diagnosis, a dict `{"A": "...", "B":
    "...", ...}`, out of: `pad is not the kernel's`, `norm before tanh`, `a network never moves`, `D's step reaches G`,
    `loss must not be halved`, `target swapped`, `fakes must be detached`, `translators swapped`, `weight too small`,
    `healthy`.
    """,
    hints=(
        "Ask of each loss: whom does its gradient reach, and who is to learn from it? When are gradients zeroed?",
        "Why does `retain_graph=True` stand there? And which brightness can a picture have, after line B?",
        "A, C, E, F and G are as they should be.",
    ),
    check=cycle_listing.check_cycle_hunt,
    value=True,
)
def bug_hunt():
    """A dict: marked line "A" to "I" -> diagnosis."""
    return {
        "A": "healthy",
        "B": "norm before tanh",
        "C": "healthy",
        "D": "D's step reaches G",
        "E": "healthy",
        "F": "healthy",
        "G": "healthy",
        "H": "translators swapped",
        "I": "weight too small",
    }
