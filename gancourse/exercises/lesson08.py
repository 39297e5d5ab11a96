"""Exercises of notebook 08, conditions and Pix2Pix: `from gancourse.exercises import lesson08 as ex`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking import conditions, painting, patches, pix2pix_losses
from gancourse.exercises.checking import pix2pix_listing as hunt
from gancourse.exercises.checking.engine import exercise


@exercise(
    title="A class behind an image",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    A convolution takes images, not numbers. So the class $y$ becomes ten planes behind the image: plane $k$ is 1
    everywhere where $k$ is the class, all others are 0. Return images with their planes, (B, 11, 28, 28), the image
    first. A batch need not hold every class.
    """,
    hints=(
        "How many numbers is a class, one-hot? And how often does each of them stand in a plane?",
        "`F.one_hot(y, 10)` is (B, 10), of whole numbers. `[:, :, None, None]` adds two axes, `expand` fills them.",
        "`F.one_hot(y, 10).to(x.dtype)[:, :, None, None].expand(-1, -1, 28, 28)`, and `torch.cat` along axis 1",
    ),
    check=conditions.check_with_class,
)
def with_class(x, y):
    """Images x (B, 1, 28, 28) and their classes y (B,), int64, 0 to 9 -> (B, 11, 28, 28), float."""
    planes = F.one_hot(y, 10).to(x.dtype)[:, :, None, None].expand(-1, -1, 28, 28)
    return torch.cat([x, planes], 1)


@exercise(
    title="The classes of fakes",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    D's step needs fakes with their classes. These lines make them, and one like the second was published. They run
    without an error, but after a long training one thing still looks bad. Which? Write them right.

    ```python
    z = torch.randn(n, 100)
    y = torch.randint(0, 9, (n,))
    return G(z, y), y
    ```
    """,
    hints=(
        "Draw ten thousand of these classes, and count each of them.",
        "Is the upper end of `torch.randint` among its draws? What does its help say?",
        "`torch.randint(0, 10, (n,))`, and the rest as it is",
    ),
    check=conditions.check_conditional_fakes,
)
def conditional_fakes(G, n):
    """n fakes, G(z, y) for z (n, 100) from N(0, I) and y (n,) uniform on the ten classes, and these y: a pair."""
    z = torch.randn(n, 100)
    y = torch.randint(0, 10, (n,))
    return G(z, y), y


@exercise(
    title="How far a logit sees",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    A stack of convolutions, the first layer first: `kernels[i]` and `strides[i]` are those of layer $i$. How many
    pixels a side does one number of the last layer's output depend on, far from the border? Begin there, with 1, and
    go down to the picture. (Pix2Pix's $D$: five kernels of 4 with strides 2, 2, 2, 1, 1. The paper says 70.)
    """,
    hints=(
        "One output of a layer needs `kernel` of its inputs. How many do two neighbouring outputs need?",
        "Between n neighbouring outputs are n - 1 gaps, each of `stride` inputs; the last window is kernel wide.",
        "For each layer from the last to the first: `side = (side - 1) * stride + kernel`",
    ),
    check=patches.check_receptive_field,
)
def receptive_field(kernels, strides):
    """Pixels a side that one output of a stack of convolutions depends on; lists of kernels and strides, in order."""
    side = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        side = (side - 1) * stride + kernel
    return side


@exercise(
    title="Ask the gradient",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    Arithmetic needs to know the layers. A gradient does not: a pixel counts if the logit changes with it. `D` gives
    logits (1, 1, H', W') for one picture `x` (1, C, H, W). Return how many pixels a side a logit **in the middle**
    depends on: the rows of the picture from the first to the last in which any channel has a gradient. `D` comes in
    train mode and has BatchNorm: what would you find then?
    """,
    hints=(
        "Which rows of the picture have a gradient, if you differentiate all logits together? And one of them?",
        "In train mode BatchNorm's mean is one over all pixels: `D.eval()`. Then "
        "`torch.autograd.grad(logits[0, 0, h // 2, w // 2], x)`, for an x that asks for a gradient.",
        "`rows = (gradient[0] != 0).any(0).any(1).nonzero()`; the last less the first, plus 1",
    ),
    check=patches.check_pixels_seen,
)
def pixels_seen(D, x):
    """Pixels a side that a logit in the middle of D's answer depends on; x (1, C, H, W) is larger than that."""
    D.eval()
    x = x.clone().requires_grad_()
    logits = D(x)
    h, w = logits.shape[2:]
    (gradient,) = torch.autograd.grad(logits[0, 0, h // 2, w // 2], x)
    rows = (gradient[0] != 0).any(0).any(1).nonzero()
    return int(rows.max() - rows.min()) + 1


@exercise(
    title="What D is asked",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Pix2Pix's $D$ judges pairs: a condition `x` with the true picture `y`, or with G's `fake`, one behind the other,
    the condition first. It gives logits, one a patch. Return its loss: binary cross-entropy with target 1 for real
    pairs and 0 for fakes, the mean over patches and pictures of each, the two added and **halved**. `fake` comes
    straight from $G$, which this step must not reach.
    """,
    hints=(
        "How many channels does D take? On which side of the loss does it need the condition?",
        "`D(torch.cat([x, y], 1))` are logits: softplus(-s) costs a real one, softplus(s) a fake one. Detach the fake.",
        "`(F.softplus(-D(torch.cat([x, y], 1))).mean() + ...) / 2`, and the same with `fake.detach()` for the fakes",
    ),
    check=pix2pix_losses.check_d_loss,
)
def pix2pix_d_loss(D, x, y, fake):
    """The loss of Pix2Pix's D, a scalar; x, y, fake (B, 3, H, W), D: (B, 6, H, W) -> logits (B, 1, H', W')."""
    real_logits = D(torch.cat([x, y], 1))
    fake_logits = D(torch.cat([x, fake.detach()], 1))
    return (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()) / 2


@exercise(
    title="What G pays",
    difficulty="medium",
    minutes=7,
    prompt=r"""
    $G$ pays for two things: that $D$ sees through it, $-\log D(x, G(x))$, averaged over patches and pictures, and
    `weight` times the mean over all pixels of $|G(x) - y|$. (The paper's weight is 100.) Return the sum; `fake` is
    $G(x)$, and $D$ gives logits.
    """,
    hints=(
        "Which of the two terms needs the condition, and which needs the true picture?",
        "With a logit s, -log D is softplus(-s). A mean over all pixels is `.mean()`, whatever the picture's size.",
        "`F.softplus(-D(torch.cat([x, fake], 1))).mean()`, plus weight times `(fake - y).abs().mean()`",
    ),
    check=pix2pix_losses.check_g_loss,
)
def pix2pix_g_loss(D, x, y, fake, weight):
    """The loss of Pix2Pix's G, a scalar; x, y, fake (B, 3, H, W), D: (B, 6, H, W) -> logits (B, 1, H', W')."""
    adversarial = F.softplus(-D(torch.cat([x, fake], 1))).mean()
    return adversarial + weight * (fake - y).abs().mean()


def walls() -> Tensor:
    """The colours of 20 walls, (20, 3), 0 to 255: 9 of limestone, 7 of brick, 4 of granite."""
    return painting.walls()


@exercise(
    title="What L1 paints alone",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    The map says "wall", and not of which stone. `ex.walls()` holds the colours of 20 such walls: 9 of limestone, 7 of
    brick, 4 of granite. A $G$ that is told no more has one colour for all of them. Return the constant (C,) that makes
    the mean loss over `values` (N, C) as small as can be, for `loss="l1"` and for `loss="l2"`. Then predict, and
    look: is there such a stone?
    """,
    hints=(
        "Each channel is a question of its own. Move the constant up a little: which values become dearer, which "
        "cheaper, and by how much?",
        "Under L1 it stops where as many values lie above as below. Under L2 the distances have to balance.",
        "`values.median(0).values` for one, `values.mean(0)` for the other",
    ),
    check=painting.check_best_constant,
)
def best_constant(values, loss):
    """The constant (C,) with the smallest mean loss, "l1": |values - c|, "l2": (values - c)^2, to values (N, C)."""
    return values.median(0).values if loss == "l1" else values.mean(0)


@exercise(
    title="Dropout on, BatchNorm still",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Pix2Pix's only noise is dropout, so it stays on when $G$ paints for us. BatchNorm should not: it is to use the
    statistics that it has stored, and not to move them. Neither `G.train()` nor `G.eval()` does that. Return $G$'s
    pictures of `x` so, and leave every part of $G$ in the mode that it had.
    """,
    hints=(
        "A mode belongs to each module, not to the network as a whole.",
        "First all of G into eval mode, then every `nn.Dropout` among `G.modules()` back into train mode.",
        "`modes = [(m, m.training) for m in G.modules()]`; at the end `m.training = was` for each, since "
        "`m.train(was)` would reach its children",
    ),
    check=painting.check_paint,
)
def paint(G, x):
    """G's pictures of x (B, 3, H, W), with dropout and with stored statistics; G is left as it was."""
    modes = [(module, module.training) for module in G.modules()]
    G.eval()
    for module in G.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        painted = G(x)
    for module, was in modes:
        module.training = was
    return painted


def listing() -> str:
    """The code of the exercise `bug_hunt`, with line numbers."""
    return hunt.listing()


@exercise(
    title="Three bugs in Pix2Pix",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    `print(ex.listing())` shows Pix2Pix, D and its training loop, with line numbers. It runs without an
    error, and three lines are wrong; bugs like them were published. Find them: a dict `{line: "diagnosis", ...}` of
    three, out of `the patches are too large`, `the condition is not shown`, `G stays in eval mode`, `the fakes are not
    detached`, `the fakes are stale`, `the targets are exchanged`, `D's loss is halved`, `L1 outweighs D`, `old
    gradients are left`.
    """,
    hints=(
        "Compare each docstring with what stands under it. Then follow x and y through one step, and G's mode through "
        "two epochs.",
        "One bug is in `discriminator`, and two are in `train`: one before D is asked, one after the last batch.",
        "Count the layers of stride 2; read what stands in front of `fake` in `fake_pair`; look for `G.train()`.",
    ),
    check=hunt.check_bug_hunt,
    value=True,
)
def bug_hunt():
    """A dict: number of a line -> diagnosis, for the three lines that are wrong."""
    return {
        4: "the patches are too large",
        17: "the condition is not shown",
        27: "G stays in eval mode",
    }
