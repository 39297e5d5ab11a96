"""Exercises of notebook 04, the DCGAN at 128 pixels: `from gancourse.exercises import lesson04 as ex`."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from gancourse.exercises.checking.costs import judge_transposed_cost
from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise
from gancourse.exercises.checking.judging import close, judge_formula, judge_one, numbers

_P4_D = [(4, 2)] * 5 + [(4, 1)]


def _field(layers: list[tuple[int, int]]) -> int:
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def _check_receptive_field(call: StudentFunction) -> str:
    cases = [[(4, 2)], [(4, 2), (4, 2)], [(3, 1), (3, 1), (3, 1)], [(5, 3), (3, 2), (2, 1)], _P4_D]

    def stride_first(layers: list[tuple[int, int]]) -> int:
        field, jump = 1, 1
        for kernel, stride in layers:
            jump *= stride
            field += (kernel - 1) * jump
        return field

    def every_kernel(layers: list[tuple[int, int]]) -> int:
        field, jump = 1, 1
        for kernel, stride in layers:
            field += kernel * jump
            jump *= stride
        return field

    def product(layers: list[tuple[int, int]]) -> int:
        found = 1
        for kernel, _ in layers:
            found *= kernel
        return found

    mistakes = [
        (stride_first, "A layer's own stride does not yet spread its kernel: multiply after you have added."),
        (
            lambda c: 1 + sum(k - 1 for k, _ in c),
            "The strides are missing: after a stride of 2, neighbours lie 2 pixels apart.",
        ),
        (
            lambda c: _field(c[::-1]),
            "You go through the layers from the last to the first; this recursion begins at the image.",
        ),
        (lambda c: _field(c[:1]), "Only the first layer counts: does the `return` stand inside the loop?"),
        (
            every_kernel,
            "A kernel adds kernel - 1 steps, not kernel: the first of its pixels is counted already.",
        ),
        (lambda c: _field(c) - 1, "A field begins with 1 pixel, that which looks at itself."),
        (
            product,
            "Kernels do not multiply: each adds kernel - 1 steps, of the size that the strides before have made.",
        ),
        (
            lambda c: sum(k for k, _ in c),
            "Windows overlap: a kernel adds kernel - 1 pixels, at the distance that the strides before have made.",
        ),
    ]
    judge_formula(call, [(case,) for case in cases], _field, mistakes, [f"layers {case}" for case in cases], exact=True)
    return "D's last answer sees the whole image of 128 pixels, and its padding; the field after one layer is 4 pixels."


@exercise(
    title="The receptive field",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    How many pixels wide is the window of the image that one number after these convolutions depends on?
    `layers` is a list of pairs `(kernel, stride)`, from the image on; padding does not matter.
    """,
    hints=(
        "After one layer the window is the kernel. How far apart, in pixels, are two neighbours of the layer's output?",
        "Keep two numbers: the field, from 1, and the distance of neighbours in pixels, from 1.",
        "For each layer: `field += (kernel - 1) * distance`, then `distance *= stride`.",
    ),
    check=_check_receptive_field,
)
def receptive_field(layers):
    """The width, in pixels, of what one number after `layers`, pairs (kernel, stride), depends on."""
    field, distance = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * distance
        distance *= stride
    return field


def _check_products(call: StudentFunction) -> str:
    judge_transposed_cost(call, [(1024, 512, 4, 4), (64, 3, 4, 64), (3, 8, 5, 7)])
    return "With half of the channels and twice the side, a layer costs the same: that is the plan of P4's networks."


@exercise(
    title="What a layer costs",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    How many multiplications (each with its addition) does a transposed convolution from `c_in` channels of
    `n` by `n` pixels to `c_out` channels cost, for one image, with a kernel of `kernel` by `kernel`? It has
    stride 2 and no bias; the edges, where a stamp is cut off, count as well.
    """,
    hints=(
        "Think of lesson 03's stamps: what does one input pixel of one channel do for one output channel?",
        "It multiplies the kernel, `kernel * kernel` numbers. How many such pixels, inputs and outputs are there?",
        "`c_in * c_out * kernel**2 * n**2`",
    ),
    check=_check_products,
)
def layer_products(c_in, c_out, kernel, n):
    """Multiplications of a transposed convolution on c_in channels of n x n pixels."""
    return c_in * c_out * kernel**2 * n**2


class _SmallD(nn.Module):
    """Images (B, 3, 8, 8) -> logits (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x).flatten()


def _gradients(D: nn.Module) -> torch.Tensor:
    found = [torch.zeros(p.numel()) if p.grad is None else p.grad.detach().flatten() for p in D.parameters()]
    return torch.cat(found).double()


def _check_accumulated(call: StudentFunction) -> str:
    D = _SmallD()
    x_real, x_fake = torch.randn(6, 3, 8, 8), (2 * torch.randn(6, 3, 8, 8)).requires_grad_()
    for p in D.parameters():
        p.grad = torch.ones_like(p)  # what an earlier step has left
    before = torch.cat([p.detach().flatten() for p in D.parameters()])
    call.in_place(D, x_real, x_fake)
    if not D.training:
        raise Wrong("D is left in eval mode: the rest of the training would run with it.")
    if not all(p.requires_grad for p in D.parameters()):
        raise Wrong("D is left frozen: set `requires_grad_(True)` again.")
    after, found = torch.cat([p.detach().flatten() for p in D.parameters()]), _gradients(D)
    if not torch.equal(before, after):
        raise Wrong("D's weights have moved: only the gradients are asked for, the optimiser's step comes later.")
    if x_fake.grad is not None and x_fake.grad.abs().sum() > 0:
        raise Wrong("The gradient went on into the fake images, towards G: `x_fake.detach()`.")

    def of(loss) -> torch.Tensor:
        D.zero_grad()
        loss().backward()
        return _gradients(D)

    real, fake = (
        of(lambda: functional.softplus(-D(x_real)).mean()),
        of(lambda: functional.softplus(D(x_fake.detach())).mean()),
    )
    if close(found, real + fake, rtol=1e-3, atol=1e-5):
        return "Two backward passes, one step: the gradient of a sum is the sum of the gradients."
    mistakes = [
        (6 * real + fake, "The real batch's loss is summed, the fake one's averaged: take the mean of both."),
        (real + 6 * fake, "The fake batch's loss is summed, the real one's averaged: take the mean of both."),
        (
            real - fake,
            "The fake batch has the wrong sign: it is `softplus(D(x_fake))`, added to the loss of the real one.",
        ),
        (
            fake - real,
            "The real batch has the wrong sign: it is `softplus(-D(x_real))`, added to the loss of the fake one.",
        ),
        (
            of(lambda: functional.softplus(D(x_real)).mean() + functional.softplus(D(x_fake.detach())).mean()),
            "Both batches are called fake: for real images it is `softplus(-D(x_real))`.",
        ),
        (
            of(lambda: functional.softplus(-D(x_real)).mean() + functional.softplus(-D(x_fake.detach())).mean()),
            "Both batches are called real: for fake images it is `softplus(D(x_fake))`.",
        ),
        (
            of(lambda: functional.softplus(D(x_real)).mean() + functional.softplus(-D(x_fake.detach())).mean()),
            "The labels are exchanged: it is `softplus(-D(x_real))` and `softplus(D(x_fake))`.",
        ),
        (
            of(
                lambda: (
                    functional.softplus(-D(x_real).sigmoid()).mean()
                    + functional.softplus(D(x_fake.detach()).sigmoid()).mean()
                )
            ),
            "The sigmoid is applied twice: D returns logits, and softplus takes them as they are.",
        ),
        (real + fake + 1, "The gradients of the step before are still in it: begin with `D.zero_grad()`."),
        (fake, "Only the fake batch is left: was the gradient set to zero between the two?"),
        (real, "Only the real batch counts: add the fake batch's loss."),
        (
            -real - fake,
            "The sign: D minimises `softplus(-D(x_real))` on real and `softplus(D(x_fake))` on fake images.",
        ),
        ((real + fake) / 2, "Half of it: P4 adds the two means, it does not average them."),
        (6 * (real + fake), "A loss is the mean over its batch, not the sum."),
    ]
    for wrong, message in mistakes:
        if close(found, wrong, rtol=1e-3, atol=1e-5):
            raise Wrong(message)
    raise Wrong("D's gradients are not those of `softplus(-D(x_real)).mean() + softplus(D(x_fake)).mean()`.")


@exercise(
    title="Gradients, accumulated",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    P4 computes D's gradient in two passes, first for the real batch, then for the fake one, and lets them add
    up before the one step. Do that: leave in every `p.grad` of D the gradient of $-E\log D(x) -
    E\log(1-D(G(z)))$. D returns logits; do not move its weights, and let no gradient reach G.
    """,
    hints=(
        "What does `backward` do with a gradient that is already there?",
        "It adds to it. So: empty the gradients, one backward for the real loss, one for the fake.",
        "`softplus(-D(x_real)).mean().backward()`, then the same for `softplus(D(x_fake.detach()))`.",
    ),
    check=_check_accumulated,
)
def accumulate(D, x_real, x_fake):
    """Leave D's gradient, of the real and the fake batch together, in its parameters' .grad."""
    D.zero_grad()
    functional.softplus(-D(x_real)).mean().backward()
    functional.softplus(D(x_fake.detach())).mean().backward()


def _check_mirror(call: StudentFunction) -> str:
    x = torch.randn(400, 3, 6, 8)
    kept = x.clone()
    found = call(x)
    if not isinstance(found, torch.Tensor) or found.shape != x.shape:
        raise Wrong(f"It returned {describe((found,))}: images of the same shape are expected, (400, 3, 6, 8).")
    if not torch.equal(x, kept):
        raise Wrong(
            "The batch that it was given has changed: make a new tensor, since the caller may need the old one."
        )
    same = (found == x).flatten(1).all(1)
    turned = (found == x.flip(3)).flatten(1).all(1)
    if (found == x.flip(2)).flatten(1).all(1).any():
        raise Wrong("The images stand on their heads: width is the last axis, `flip(3)`.")
    if (found == x.flip(0)).all() or not (same | turned).all():
        raise Wrong("Every image should come back as it was or mirrored, in its place in the batch.")
    if turned.all() or same.all():
        raise Wrong("All images were treated alike: each should be mirrored with probability 1/2, on its own.")
    if not 0.4 < turned.double().mean() < 0.6:
        raise Wrong(f"Of 400 images {int(turned.sum())} were mirrored: about half is expected.")
    again = [call(x.clone()) for _ in range(3)]
    if torch.equal(found, again[0]):
        raise Wrong("The second call mirrored the same images: draw anew in every call.")
    counts = [int((one == x.flip(3)).flatten(1).all(1).sum()) for one in (found, *again)]
    if counts == [200] * 4:
        raise Wrong("Exactly half of the batch each time: then the images are not independent. Draw for each its own.")
    if int((turned[1:] != turned[:-1]).sum()) < 130:  # 200 are expected, 10 is the standard deviation
        raise Wrong("Neighbours in the batch are treated alike: draw for each image on its own.")
    y = x[:8].clone().requires_grad_()
    z = call(y)
    if not (isinstance(z, torch.Tensor) and z.requires_grad):
        raise Wrong(
            "The graph is cut: whoever differentiates D by its images, as R1 does, must come through the mirror."
        )
    if not torch.equal(torch.autograd.grad(z.sum(), y)[0], torch.ones_like(y)):
        raise Wrong("The graph is cut for some images: look for a `.detach()`.")
    return (
        "Mirrored or not, half and half. Used on the real images alone, it doubles the data, and G still has to build "
        "on both sides."
    )


@exercise(
    title="The mirror",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    P4 augments nothing. Write the oldest augmentation: return the batch with each image mirrored (left to right)
    with probability 1/2, independently of the others. It must be differentiable, and leave `x` as it is.
    """,
    hints=(
        "Which axis of (B, C, H, W) is the width, and what does `x.flip` return?",
        "Draw one number for each image, and choose between `x` and its mirror image with `torch.where`.",
        "`torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x, x.flip(3))`",
    ),
    check=_check_mirror,
)
def mirror(x):
    """Images x (B, C, H, W), each mirrored left to right with probability 1/2."""
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x, x.flip(3))


def _check_expected_kinds(call: StudentFunction) -> str:
    cases = [(25, 1), (25, 25), (625, 500), (10, 1000), (100, 7)]
    mistakes = [
        (lambda k, n: min(k, n), "min(kinds, n) would need every sample to be of a new kind: samples repeat."),
        (lambda k, n: (1 - 1 / k) ** n, "This is the probability that one kind does not occur."),
        (lambda k, n: k * (1 - 1 / k) ** n, "These are the kinds that do not occur."),
        (
            lambda k, n: 1 - (1 - 1 / k) ** n,
            "This is the probability that one kind occurs; there are `kinds` of them.",
        ),
        (lambda k, n: k * (1 - (1 - 1 / n) ** k), "kinds and n are exchanged."),
        (
            lambda k, n: k * (1 - math.e ** (-n / k)),
            "Close: e^(-n/k) is the limit for many kinds; the exact factor is (1 - 1/k)^n.",
        ),
        (lambda k, n: round(k * (1 - (1 - 1 / k) ** n)), "This is rounded: a mean number need not be a whole one."),
        (lambda k, n: int(k * (1 - (1 - 1 / k) ** n)), "This is rounded down: a mean number need not be a whole one."),
        (lambda k, n: k * (1 - (1 - 1 / k) ** (n - 1)), "n - 1 draws are counted: every one of the n can miss a kind."),
        (lambda k, n: float(n), "That many samples are drawn; several can be of one kind."),
    ]
    judge_formula(
        call, cases, lambda k, n: k * (1 - (1 - 1 / k) ** n), mistakes, [f"{k} kinds and {n} samples" for k, n in cases]
    )
    return "That is what a generator without mode collapse meets; the fewer it meets, the more it has lost."


@exercise(
    title="How many kinds should there be?",
    difficulty="medium",
    minutes=7,
    prompt=r"""
    There are `kinds` kinds of churches, all equally frequent. Among `n` independent ones, how many different
    kinds occur on average?
    """,
    hints=(
        "Take one kind. With which probability is it absent from all n?",
        "$(1 - 1/\\text{kinds})^n$. The expected number of kinds that occur is a sum over the kinds.",
        "`kinds * (1 - (1 - 1 / kinds) ** n)`",
    ),
    check=_check_expected_kinds,
)
def expected_kinds(kinds, n):
    """The mean number of different kinds among n uniform draws from `kinds` of them."""
    return kinds * (1 - (1 - 1 / kinds) ** n)


def _check_best(call: StudentFunction) -> str:
    x = torch.randn(12, 3, 8, 8)
    D = _SmallD()
    with torch.no_grad():
        list(D.parameters())[-1].sub_(D(x).median())  # half of the logits are negative
        order = D(x).argsort(descending=True)
    found = call(D, x.clone(), 4)
    if tuple(getattr(found, "shape", ())) != (4, 3, 8, 8):
        raise Wrong(f"It returned {describe((found,))}: four images are expected, (4, 3, 8, 8).")
    if not D.training:
        raise Wrong("D is left in eval mode: the training goes on after this look at it.")
    if not all(p.requires_grad and p.grad is None for p in D.parameters()):
        raise Wrong("D is left frozen, or with gradients: score the images under `torch.no_grad()`.")
    if getattr(found, "requires_grad", False):
        raise Wrong("The images carry D's graph: score them under `torch.no_grad()`.")
    values = numbers(found)
    if close(values, x[order[:4]].double()):
        for count, k in ((12, 1), (7, 6)):
            value = numbers(call(D, x[:count].clone(), k))
            with torch.no_grad():
                best = D(x[:count]).argsort(descending=True)[:k]
            if not close(value, x[best].double()):
                raise Wrong(f"Right for four of 12 images, but not for {k} of {count}: use `k` and the batch as given.")
        return "The four that D believes most, the best one first. Keep the other eight in mind."
    if close(values, x[order.flip(0)[:4]].double()):
        raise Wrong("These are the worst: a large logit means that D believes the image.")
    if close(values, x[order[:4].sort().values].double()):
        raise Wrong("The right four, in the order of the batch: the best is to come first.")
    with torch.no_grad():
        sizes = D(x).abs().argsort(descending=True)
    if close(values, x[sizes[:4]].double()):
        raise Wrong("These have the largest logits in absolute value: a very negative one is a rejected image.")
    if close(values, x[:4].double()):
        raise Wrong("These are the first four: sort by D's answers.")
    if close(values, x[order[:4].flip(0)].double()):
        raise Wrong("The right four, the worst of them first: the best is to come first.")
    raise Wrong("These are not the four images with D's largest answers.")


@exercise(
    title="The selected best",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    Return the `k` images of the batch that D believes most, the most believed first.
    """,
    hints=(
        "D's logits grow with D(x). Which function gives the places of the largest numbers?",
        "`topk` gives values and places, in descending order.",
        "`with torch.no_grad(): return x[D(x).topk(k).indices]`",
    ),
    check=_check_best,
)
def select_best(D, x, k):
    """The k images of x (B, C, H, W) with the largest answers of D, the largest first."""
    with torch.no_grad():
        return x[D(x).topk(k).indices]


def _check_r1(call: StudentFunction) -> str:
    D = _SmallD()
    x = 2 * torch.randn(6, 3, 8, 8)
    found = call(D, x.clone())
    if not isinstance(found, torch.Tensor) or found.numel() != 1:
        raise Wrong(f"It returned {describe((found,))}: a single number is expected, the mean over the batch.")
    if any(p.grad is not None for p in D.parameters()):
        raise Wrong(
            "D's weights have gradients now: `backward` fills them. `torch.autograd.grad` asks for the images' alone."
        )
    images = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(D(images).sum(), images, create_graph=True)
    squares = gradient.flatten(1).square().sum(1)
    value, right = numbers(found).reshape(()), squares.mean().detach().double()
    mistakes = [
        (
            right / 36,
            "The gradient of a batch's *mean* is six times too small here: differentiate the sum of D's logits.",
        ),
        (squares.detach().double().sqrt().mean(), "These are lengths: R1 asks for their squares."),
        (squares.sum().detach().double(), "Summed over the batch: take the mean, so that its size does not matter."),
        (gradient.square().mean().detach().double(), "A mean over pixels: an image's squares are to be summed."),
        (right / 2, "The factor gamma / 2 comes later: return the mean of the squared lengths."),
        (
            squares.mean().detach().double() / 64,
            "The sum goes over the channels alone: an image's squares are summed over all pixels, `flatten(1)` first.",
        ),
        (
            gradient.flatten(1).square().sum(0).mean().detach().double(),
            "The sum goes over the images, the mean over the pixels: sum over the pixels, `sum(1)`, then average.",
        ),
        (gradient.flatten(1).abs().sum(1).mean().detach().double(), "These are absolute values: R1 asks for squares."),
        (gradient.flatten(1).sum(1).mean().detach().double(), "Nothing is squared: R1 asks for the squared length."),
        (gradient.sum(0).square().sum().detach().double(), "Square each image's gradient before you add them up."),
    ]
    with torch.no_grad():
        answers = D(x).sigmoid()
    through = (squares.detach() * (answers * (1 - answers)).square()).mean().double()
    mistakes.append((through, "This is the gradient of D(x), after the sigmoid: R1 takes that of the logit."))
    judge_one(value, right, mistakes, "a small D and six images")
    if not found.requires_grad:
        raise Wrong("The number is right, but D cannot learn from it: pass `create_graph=True`.")
    weight = next(D.parameters())  # of the first layer
    (ours,) = torch.autograd.grad(squares.mean(), [weight])
    (theirs,) = torch.autograd.grad(found.reshape(()), [weight], allow_unused=True)
    if theirs is None or not close(theirs.double(), ours.double(), atol=1e-4):
        raise Wrong("Its gradient for D's weights is not that of the penalty: is something detached on the way?")
    return "A gradient of a gradient: the steeper D is where the data is, the more it pays."


@exercise(
    title="R1, by hand",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Return $E\,|\nabla_x s(x)|^2$ over the real images `x` (B, 3, H, W), where `D` returns the logits $s$: for each
    image the squared length of its gradient, then the mean. D is to learn from it, so it must be differentiable.
    """,
    hints=(
        "Gradients are wanted for the images, and not for the weights. Which call returns them, and fills nothing?",
        "`torch.autograd.grad(D(x).sum(), x)`, for an x that requires gradients. Why may one sum the logits?",
        "`create_graph=True`, then `gradient.flatten(1).square().sum(1).mean()`",
    ),
    check=_check_r1,
)
def r1_by_hand(D, x):
    """The mean over real images x (B, 3, H, W) of |grad of D's logit at x|^2, differentiable."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean()
