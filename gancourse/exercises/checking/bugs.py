"""Checks of notebook 02's three bugs in P2's listing, and of its clinic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import array, choices, close, judge, numbers, scalar
from gancourse.exercises.checking.same_network import judge_network


def check_flatten_batch(call: StudentFunction) -> str:
    """The check of `lesson02.flatten_batch`: images (B, C, H, W) -> (B, C*H*W), whatever B is."""
    for shape in ((128, 1, 28, 28), (96, 1, 28, 28), (1, 1, 28, 28), (5, 3, 4, 6)):
        images = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
        answer = call(images.clone())
        value = array(answer)
        wanted = images.flatten(1)
        if value is None:
            raise Wrong(f"It returned {describe((answer,))}: a tensor is expected.")
        if value.shape == wanted.shape:
            if not torch.equal(numbers(value), wanted.double()):
                if torch.equal(numbers(value).sort(1).values, wanted.double().sort(1).values):
                    raise Wrong("Each row holds its image's pixels, but in another order: (C, H, W) is to be kept.")
                raise Wrong("The shape is right, but the rows are not the images: pixels of several images are mixed.")
            continue
        if shape[0] == 96 and value.shape == (128, 588):
            raise Wrong(
                "This is P2's bug: 96 images of 784 pixels came back as 128 rows of 588, pieces of two images each, "
                "without a complaint. The batch size must be read off the batch."
            )
        hint = " Other images have other sizes: the 784 must not be written down either." if shape[0] == 5 else ""
        raise Wrong(f"For images {shape} it returned {tuple(value.shape)}, expected {tuple(wanted.shape)}.{hint}")
    return "One row for each image, for every batch: the last one of an epoch too."


def check_criterion(call: StudentFunction) -> str:
    """The check of `lesson02.criterion`: outputs (B, 1), targets (B,) -> the mean binary cross-entropy."""
    p, t = torch.rand(6, 1) * 0.8 + 0.1, torch.tensor([1.0, 0, 0, 1, 1, 0])
    outputs = p.clone().requires_grad_()
    loss = value = call(outputs, t.clone())
    if not isinstance(value, Tensor) or not value.requires_grad:
        raise Wrong(
            f"It returned {describe((value,))}: a loss with a gradient is expected, a tensor made from outputs."
        )
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: take the mean over the batch.")
    right = F.binary_cross_entropy(p, t[:, None])
    every = (-(t * p.log() + (1 - t) * (1 - p).log())).mean()
    mistakes = [
        (
            every,
            "(6,) against (6, 1) was broadcast to (6, 6): every output met every target, and nothing complained. "
            "Bring both to one shape first.",
        ),
        (6 * right, "The loss is summed over the batch: take the mean."),
        (F.binary_cross_entropy(p, 1 - t[:, None]), "The labels are swapped: the target of real images is 1."),
        (-right, "The sign is wrong: the loss is minus the mean logarithm."),
        (
            F.binary_cross_entropy(t[:, None], p),
            "The arguments are exchanged: `binary_cross_entropy` takes the outputs first, then the targets.",
        ),
        (F.mse_loss(p, t[:, None]), "This is the squared error: the binary cross-entropy is asked for."),
        (
            F.binary_cross_entropy_with_logits(p, t[:, None]),
            "The outputs are probabilities already: their sigmoid was taken a second time.",
        ),
    ]
    judge(
        scalar(value).reshape(1),
        right.double().reshape(1),
        [(mistaken.double().reshape(1), message) for mistaken, message in mistakes],
        ["six outputs and their targets"],
    )
    given = p.clone().requires_grad_()
    slope = torch.autograd.grad(F.binary_cross_entropy(given, t[:, None]), given)[0]
    found = torch.autograd.grad(loss.sum(), outputs, allow_unused=True)[0]
    if found is None or not close(found, slope):
        raise Wrong(
            "The value is right, but its gradient on some outputs is not: look for a `.detach()` inside your function."
        )
    one = call(torch.tensor([[0.25]]), torch.tensor([1.0]))
    judge(scalar(one).reshape(1), torch.tensor([0.25]).log().neg().double(), [], ["a batch of a single image"])
    return "Both have one shape now, and a batch of one image works as well."


def check_residual_branch(call: StudentFunction) -> str:
    """The check of `lesson02.residual_branch`: (c_in, c_out) -> a Module that keeps height and width."""
    for c_in, c_out, h, w in ((1, 4, 28, 28), (3, 3, 7, 9), (4, 2, 5, 5)):
        branch = call(c_in, c_out)
        if not isinstance(branch, nn.Module):
            raise Wrong(f"It returned {describe((branch,))}: a Module is expected, an `nn.Sequential` for one.")
        x = torch.randn(2, c_in, h, w)
        try:
            y = branch(x)
        except Exception as error:
            raise Wrong(f"On images (2, {c_in}, {h}, {w}) the branch stopped with {brief(error)}.") from None
        if not isinstance(y, Tensor) or y.ndim != 4 or y.shape[:2] != (2, c_out):
            raise Wrong(f"For images (2, {c_in}, {h}, {w}) the branch gave {describe((y,))}: (2, {c_out}, {h}, {w}).")
        if y.shape[2:] != x.shape[2:]:
            raise Wrong(_sizes(h - y.shape[2], h, int(y.shape[2])))
        sizes = [weight.shape[2:] for weight in branch.parameters() if weight.ndim == 4]
        if sizes != [(3, 3), (3, 3)]:
            kernels = ", ".join(f"{size[0]} x {size[1]}" for size in sizes) or "none"
            raise Wrong(f"The branch's convolutions are {kernels}: P2's has two of 3 x 3. Keep them, and pad them.")
    _check_branch(call)
    return "The branch has the size of its shortcut, so the two can be added: lesson 03 builds networks of them."


def _branch(
    c_in: int,
    c_out: int,
    biases: tuple[bool, bool] = (True, True),
    order: str = "cnrcn",
    act: Callable[[], nn.Module] = nn.ReLU,
    outside: Callable[[int], nn.Module] | None = None,
    **norm: Any,
) -> nn.Sequential:
    """The branch by its layers' initials: Convolution, BatchNorm (N), ReLU (R) or another activation.

    outside: a layer that pads the images by 2 before the first convolution, in place of zeros before each.
    """
    padding = 0 if outside else 1
    convolutions = iter(
        nn.Conv2d(a, c_out, 3, padding=padding, bias=bias) for a, bias in zip((c_in, c_out), biases, strict=True)
    )
    widths = iter([c_in if order.startswith("n") else c_out, c_out])
    return nn.Sequential(
        outside(2) if outside else nn.Identity(),
        *[
            next(convolutions) if one == "c" else nn.BatchNorm2d(next(widths), **norm) if one == "n" else act()
            for one in order
        ],
    )


def _check_branch(call: StudentFunction) -> None:
    c_in, c_out = 3, 5
    x = torch.randn(4, c_in, 6, 7)
    probe = call(c_in, c_out)
    probe(x)  # lazy layers get their weights by it
    count = sum(p.numel() for p in probe.parameters())
    convolutions = 9 * c_out * (c_in + c_out)
    norms = 4 * c_out
    if count in (convolutions, convolutions + c_out, convolutions + 2 * c_out):
        raise Wrong("The BatchNorms are missing, or have no weights: one follows each convolution.")
    if count < convolutions + norms and count not in (convolutions + norms // 2, convolutions + norms // 2 + 2 * c_out):
        raise Wrong(f"The branch has {count} weights: two convolutions and two BatchNorms are expected.")
    pairs = [(True, True), (False, False), (True, False), (False, True)]  # BatchNorm takes a bias out again

    def builds(**changed: Any) -> list[Callable[[], nn.Module]]:
        return [partial(_branch, c_in, c_out, biases, **changed) for biases in pairs]

    def each(message: str, **changed: Any) -> list[tuple[Callable[[], nn.Module], str]]:
        return [(build, message) for build in builds(**changed)]

    mistakes = [
        *each("The ReLU is missing: without it, two convolutions are no more than one.", order="cncn"),
        *each("BatchNorm comes before the ReLU: convolution, BatchNorm, ReLU.", order="crncn"),
        *each("Nothing follows the last BatchNorm: P2's ReLU comes after the sum.", order="cnrcnr"),
        *each("BatchNorm follows each convolution: yours comes before it.", order="ncrcn"),
        *each("The last BatchNorm is missing.", order="cnrc"),
        *each("The first BatchNorm is missing.", order="crcn"),
        *each("The activation is not a ReLU: yours lets a part of the negative values through.", act=_leaky),
        *each("BatchNorm's eps is 0.8: the second argument of `nn.BatchNorm2d` is eps.", eps=0.8),
    ]
    otherwise = (
        "Sizes are right, but given the same weights your branch and P2's (convolution, BatchNorm, ReLU, convolution, "
        "BatchNorm) differ: {part} are not the same."
    )
    rights = [*builds(), *builds(outside=nn.ReflectionPad2d), *builds(outside=nn.ReplicationPad2d)]
    judge_network(lambda: call(c_in, c_out), rights, x, mistakes, otherwise)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _sizes(lost: int, side: int, got: int) -> str:
    why = {
        4: "Two 3 x 3 convolutions without padding take a border of one pixel each, on every side",
        2: "One of the two convolutions still takes a border of one pixel on every side",
    }.get(lost, "Each 3 x 3 convolution changes the side by 2 * padding - 2")
    return f"The branch makes {got} of {side} pixels a side, the shortcut keeps {side}: they cannot be added. {why}."


# --- the clinic ------------------------------------------------------------------------------------------------------

CHOICES = (
    "data range",
    "mode collapse",
    "G is detached",
    "sigmoid twice",
    "learning rate too high",
    "target swapped in G's step",
    "learning rate too low",
    "healthy",
)
DIAGNOSES = {
    1: "data range",
    2: "mode collapse",
    3: "G is detached",
    4: "sigmoid twice",
    5: "learning rate too high",
    6: "target swapped in G's step",
}
EVIDENCE = {
    1: "look at the black of its samples: what colour is it, and what colour did the data give D?",
    2: "its curves alone could be those of other patients; compare its samples with each other",
    3: "look at the norm of G's gradient, and compare the samples with those of an untrained G",
    4: "D's answers never fall below 1/2, not even for fakes, and never pass 0.73: which logits would give just these?",
    5: "look at the size of both losses and gradients, and at how they jump: how large were the steps?",
    6: "G's loss is small although D(G(z)) is near 0: which loss rewards that?",
}
CAUSES = {
    1: "D saw (x - 0.1307) / 0.3081, from -0.42 to 2.82: G's tanh cannot reach the ink, and its black is D's dark grey",
    2: "nothing is wrong in the code: these are P2's networks as printed",
    3: "`D(G(z).detach())` in G's step",
    4: "D ends in a sigmoid, and the loss takes another: `binary_cross_entropy_with_logits(D(x), ...)`",
    5: "`lr=0.02` instead of 0.0002",
    6: "G's step used the target 0 for its fakes, D's",
}


def check_clinic(answer: Any) -> str:
    """The check of `lesson02.clinic`: patient -> diagnosis; right answers are told the line of code that did it."""
    given = choices(answer, "Patient", DIAGNOSES, CHOICES)
    for patient, right in DIAGNOSES.items():
        word = given[str(patient)]
        if word != right:
            raise Wrong(f"Patient {patient} is not a case of `{word}`: {EVIDENCE[patient]}.")
    return "What had been done to them:\n" + "\n".join(f"{n}: {cause}." for n, cause in CAUSES.items())
