"""Checks of notebook 02's three bugs in P2's listing, and of its clinic."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import judge, numbers, scalar


def check_flatten_batch(call: StudentFunction) -> str:
    """The check of `lesson02.flatten_batch`: images (B, C, H, W) -> (B, C*H*W), whatever B is."""
    for shape in ((128, 1, 28, 28), (96, 1, 28, 28), (1, 1, 28, 28), (5, 3, 4, 6)):
        images = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
        value = call(images.clone())
        wanted = images.flatten(1)
        if not isinstance(value, Tensor):
            raise Wrong(f"It returned {describe((value,))}: a tensor is expected.")
        if value.shape == wanted.shape:
            if not torch.equal(numbers(value), wanted.double()):
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
    value = call(outputs, t.clone())
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
        kernels = [m.kernel_size for m in branch.modules() if isinstance(m, nn.Conv2d)]
        if kernels.count((3, 3)) != 2:
            raise Wrong(f"The branch has convolutions of {kernels}: P2's has two of 3 x 3. Keep them, and pad them.")
    return "The branch has the size of its shortcut, so the two can be added: lesson 03 builds networks of them."


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
    if not isinstance(answer, dict):
        raise Wrong(f"The answer is {describe((answer,))}: a dict is expected, patient -> diagnosis.")
    given = {str(patient).strip(): " ".join(str(word).lower().split()) for patient, word in answer.items()}
    for patient, right in DIAGNOSES.items():
        word = given.get(str(patient), "none")
        if word in ("none", "ellipsis"):
            raise Wrong(f"Patient {patient} has no diagnosis yet.")
        if word not in [choice.lower() for choice in CHOICES]:
            raise Wrong(f"Patient {patient}: the diagnoses to choose from are {', '.join(CHOICES)}.")
        if word != right.lower():
            raise Wrong(f"Patient {patient} is not a case of `{answer_word(word)}`: {EVIDENCE[patient]}.")
    return "What had been done to them:\n" + "\n".join(f"{n}: {cause}." for n, cause in CAUSES.items())


def answer_word(word: str) -> str:
    """A choice as it is spelt in the list."""
    return next(choice for choice in CHOICES if choice.lower() == word)
