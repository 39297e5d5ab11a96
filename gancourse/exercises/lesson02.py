"""Exercises of notebook 02, the MLP GAN: `from gancourse.exercises import lesson02 as ex`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.exercises.checking import bugs, training_steps
from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise
from gancourse.exercises.checking.judging import (
    array,
    choices,
    close,
    judge,
    judge_formula,
    numbers,
    scalar,
)
from gancourse.exercises.checking.relations import one_term


def _check_scale_images(call: StudentFunction) -> str:
    pixels = torch.tensor([0, 1, 64, 127, 128, 200, 254, 255], dtype=torch.uint8).reshape(2, 1, 2, 2)
    value = array(call(pixels.clone()))
    if value is None or value.shape != pixels.shape:
        found = call(pixels.clone())
        raise Wrong(f"For pixels of shape (2, 1, 2, 2) it returned {describe((found,))}: the shape must stay.")
    unit = pixels.double().reshape(-1) / 255
    mistakes = [
        (unit, "The range is [0, 1]: G ends in tanh, so the data must fill [-1, 1]."),
        (unit - 0.5, "The range is [-0.5, 0.5]: tanh reaches twice as far."),
        (
            (unit - 0.1307) / 0.3081,
            "This is the classifiers' normalisation, -0.42 to 2.82: tanh never exceeds 1, so G could not draw white.",
        ),
        (2 * unit, "The range is [0, 2]: move it by 1, so that black becomes -1."),
        (pixels.double().reshape(-1) / 128 - 1, "255 becomes 0.992, not 1: the middle of 0 to 255 is 127.5."),
        (unit - 1, "The range is [-1, 0]: divide by 127.5, half of 255, and white becomes 1."),
        (1 - 2 * unit, "Black and white are exchanged: 0 must become -1 and 255 become 1."),
    ]
    points = [f"a pixel of {level}" for level in pixels.reshape(-1).tolist()]
    hint = "Arithmetic on uint8 wraps around at 256: make it float first." if not value.is_floating_point() else ""
    judge(numbers(value).reshape(-1), 2 * unit - 1, mistakes, points, hint)
    if value.dtype != torch.float32:
        raise Wrong(f"The values are right, but their type is {value.dtype}: the networks are float32.")
    grey = torch.tensor([[100, 120], [140, 150]], dtype=torch.uint8).reshape(1, 1, 2, 2)
    value = numbers(call(grey.clone())).reshape(-1)
    if not close(value, grey.double().reshape(-1) / 127.5 - 1):
        raise Wrong(
            f"A batch of greys, 100 to 150, becomes {value.min():.3g} to {value.max():.3g}: use 0 and 255, the same "
            "for every batch, and not the smallest and largest pixel of this one."
        )
    return "Black is -1 and white is 1, as in the pictures that G makes: D cannot tell them apart by their range."


@exercise(
    title="Pixels for a generator that ends in tanh",
    difficulty="easy",
    minutes=3,
    prompt=r"""
    MNIST's pixels are `uint8`, 0 to 255. Scale a tensor of them to `float32` in $[-1, 1]$, so that 0
    becomes $-1$ and 255 becomes 1.
    """,
    hints=(
        "Which straight line goes through (0, -1) and (255, 1)?",
        "Convert with `.float()` first, then divide by half of 255.",
        "`return pixels.float() / 127.5 - 1`",
    ),
    check=_check_scale_images,
)
def scale_images(pixels):
    """uint8 pixels (B, 1, H, W) as float32 in [-1, 1], same shape."""
    return pixels.float() / 127.5 - 1


def _loss(call: StudentFunction, *logits: torch.Tensor) -> torch.Tensor:
    """The student's loss on these logits; `Wrong` if it is not a scalar that can be differentiated."""
    return scalar(_differentiable(call, *[item.clone().requires_grad_() for item in logits]))


def _differentiable(call: StudentFunction, *logits: torch.Tensor) -> torch.Tensor:
    value = call(*logits)
    if not isinstance(value, torch.Tensor):
        raise Wrong(f"It returned {describe((value,))}: return the loss as a tensor, so that it has a gradient.")
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: take the mean over the batch.")
    if not value.requires_grad:
        raise Wrong("The loss has no gradient: look for a `.detach()`, `.item()` or `no_grad` inside your function.")
    return value


def _check_gradients(
    call: StudentFunction, loss: Callable[..., torch.Tensor], cases: Sequence[tuple[torch.Tensor, ...]], what: list[str]
) -> None:
    """The loss has the right value on each case; has it the right gradient on each of its arguments (`what`)?"""
    for case in cases:
        mine, ours = ([item.clone().requires_grad_() for item in case] for _ in range(2))
        found = torch.autograd.grad(_differentiable(call, *mine).sum(), mine, allow_unused=True)
        wanted = torch.autograd.grad(loss(*ours), ours)
        for name, got, right, logits in zip(what, found, wanted, case, strict=True):
            size = f"for logits of {logits[0]:g}" if bool((logits == logits[0]).all()) else "for moderate logits"
            if got is None or (bool(right.any()) and not bool(got.any())):
                raise Wrong(
                    f"The value is right, but no gradient reaches the {name} logits {size}: the loss must be "
                    "differentiable in them. What is detached, `G(z)`, is detached before D, never behind it."
                )
            if not bool(got.isfinite().all()):
                raise Wrong(f"The value is right, but {size} the gradient is {got[0]:g}: use `F.softplus` or its like.")
            if not close(got, right):
                raise Wrong(
                    f"The value is right, but its gradient on the {name} logits {size} is not that of the loss."
                )


def _check_extremes(call: StudentFunction, cases: list[tuple[torch.Tensor, ...]], expected: list[float]) -> None:
    """A logit of 200 or so: the sigmoid rounds to 0 or 1 there, and its logarithm shows it."""
    for logits, wanted in zip(cases, expected, strict=True):
        value = _loss(call, *logits).item()
        if not math.isclose(value, wanted, rel_tol=1e-3, abs_tol=1e-3):
            shown = ", ".join(f"{item[0].item():g}" for item in logits)
            raise Wrong(
                f"Right for moderate logits, but for logits of {shown} it gives {value:.4g}, and {wanted:.4g} is "
                "right: the sigmoid rounds to 0 or 1 before the logarithm sees it (an added 1e-8 only hides that, and "
                "removes the gradient). Use `F.softplus`, `F.logsigmoid` or `F.binary_cross_entropy_with_logits`."
            )


def _check_discriminator_loss(call: StudentFunction) -> str:
    real, fake = torch.randn(6) * 2, torch.randn(6) * 2
    value = _loss(call, real, fake)
    on_real, on_fake = F.softplus(-real).mean(), F.softplus(fake).mean()
    d_real, d_fake = torch.sigmoid(real), torch.sigmoid(fake)
    bce = F.binary_cross_entropy_with_logits
    mistakes = [
        (
            F.softplus(real).mean() + F.softplus(-fake).mean(),
            "The labels are swapped: your loss falls when D takes fakes for real. Real images have the target 1.",
        ),
        ((on_real + on_fake) / 2, "This is half of the loss: add the real and the fake mean, do not average them."),
        (6 * (on_real + on_fake), "You sum over the batch: take the mean, or the loss grows with the batch size."),
        (on_real, "Only the real batch counts: where does D learn what a fake is?"),
        (on_fake, "Only the fake batch counts: calling everything fake would be the best D."),
        (
            on_real + F.softplus(-fake).mean(),
            "Both halves call their images real: for a fake it is log(1 - D), so its logit has the other sign.",
        ),
        (-on_real - on_fake, "This is the value V, which D maximises. Its loss is minimised: change the sign."),
        (
            F.softplus(real).mean() + on_fake,
            "Both halves call their images fake: for a real one it is log D, so its logit has the other sign.",
        ),
        (
            (1 - d_real).mean() + d_fake.mean(),
            "The logarithms are missing: the loss is made of log D and log(1 - D), not of D.",
        ),
        (
            d_fake.mean() - d_real.mean(),
            "The logarithms are missing: the loss is made of log D and log(1 - D), not of D.",
        ),
        (
            fake.mean() - real.mean(),
            "These are means of logits, as WGAN has it: log D and log(1 - D) are asked for, with D = sigmoid(logit).",
        ),
        (
            bce(d_real, torch.ones(6)) + bce(d_fake, torch.zeros(6)),
            "The sigmoid is applied twice: `binary_cross_entropy_with_logits` takes the logits as they are.",
        ),
        (
            bce(real, torch.ones(6)) - bce(fake, torch.zeros(6)),
            "The fake half has the wrong sign: both halves are penalties, so they add up.",
        ),
        *one_term({"real half": F.softplus(-real), "fake half": F.softplus(fake)}),
    ]
    judge(
        value.reshape(1),
        (on_real + on_fake).double().reshape(1),
        [(mistaken.double().reshape(1), message) for mistaken, message in mistakes],
        ["two batches of random logits"],
    )
    high, low = torch.full((4,), 200.0), torch.full((4,), -200.0)
    _check_extremes(call, [(low, low), (high, high)], [200.0, 200.0])

    def loss(on_real: torch.Tensor, on_fake: torch.Tensor) -> torch.Tensor:
        return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()

    _check_gradients(call, loss, [(real, fake), (low, low), (high, high)], ["real", "fake"])
    return "At the equilibrium, D = 1/2 everywhere, it is 2 log 2 = 1.386: the mark to look for in loss curves."


@exercise(
    title="The discriminator's loss, on logits",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    D returns logits, $D(x) = \sigma(s(x))$. Write its loss, $-\mathrm{mean}\,\log D(x) -
    \mathrm{mean}\,\log(1 - D(G(z)))$, as a function of the logits of a real and of a fake batch, in a form
    that survives logits of $\pm 200$.
    """,
    hints=(
        "log(sigmoid(s)) is the problem: which function of torch computes it in one go?",
        "-log(sigmoid(s)) = softplus(-s), and -log(1 - sigmoid(s)) = softplus(s).",
        "`F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()`",
    ),
    check=_check_discriminator_loss,
)
def discriminator_loss(real_logits, fake_logits):
    """The discriminator's loss, a scalar tensor, from logits of shape (B,) each."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def _check_generator_loss(call: StudentFunction) -> str:
    fake = torch.randn(6) * 2
    value = _loss(call, fake)
    right = F.softplus(-fake).mean()
    bce = F.binary_cross_entropy_with_logits
    mistakes = [
        (-F.softplus(fake).mean(), "This is the saturating loss, mean log(1 - D): the other one is asked for."),
        (F.softplus(fake).mean(), "Your loss decreases when D recognises the fakes: check the target, or the sign."),
        (-right, "Your loss decreases when D recognises the fakes: check the sign."),
        (6 * right, "You sum over the batch: take the mean, or the loss grows with the batch size."),
        (
            bce(torch.sigmoid(fake), torch.ones(6)),
            "The sigmoid is applied twice: `binary_cross_entropy_with_logits` takes the logits as they are.",
        ),
        (
            -fake.mean(),
            "This is a mean of logits, as WGAN has it: -log D is asked for, with D the sigmoid of the logit.",
        ),
        (torch.sigmoid(fake).mean(), "This is the mean of D: the logarithm is missing, and the sign."),
        (
            (1 - torch.sigmoid(fake)).mean(),
            "The logarithm is missing: this is the mean of 1 - D, and the loss is -log D.",
        ),
        (-torch.sigmoid(fake).mean(), "The logarithm is missing: the loss is -log D, not -D."),
    ]
    judge(
        value.reshape(1),
        right.double().reshape(1),
        [(mistaken.double().reshape(1), message) for mistaken, message in mistakes],
        ["a batch of random logits"],
    )
    extremes: list[tuple[torch.Tensor, ...]] = [(torch.full((4,), -200.0),), (torch.full((4,), 200.0),)]
    _check_extremes(call, extremes, [200.0, 0.0])
    _check_gradients(call, lambda logits: F.softplus(-logits).mean(), [(fake,), *extremes], ["fake"])
    return "At the equilibrium it is log 2 = 0.693, and a rejected fake still has a gradient of -1 on its logit."


@exercise(
    title="The generator's non-saturating loss",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    Write G's non-saturating loss, $-\mathrm{mean}\,\log D(G(z))$, as a function of D's logits on a fake
    batch.
    """,
    hints=(
        "It is one half of D's loss, with another label on the fakes.",
        "G wants the fakes to be called real: target 1, so -log(sigmoid(s)).",
        "`F.softplus(-fake_logits).mean()`",
    ),
    check=_check_generator_loss,
)
def generator_loss(fake_logits):
    """The non-saturating generator loss, a scalar tensor, from D's logits on fakes, shape (B,)."""
    return F.softplus(-fake_logits).mean()


@exercise(
    title="Algorithm 1, the discriminator's step",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    Write one update of D: `G(z)` makes the fakes, `D` returns logits, `optimiser` holds D's weights. Leave
    no gradients in G, and both networks in train mode. Nothing needs to be returned. (Your loss from above
    may be used.)
    """,
    hints=(
        "Four things happen: fakes, loss, gradients, update. Which of them concern G?",
        "G's graph is not needed: `G(z).detach()`. Old gradients must go before `backward`: `optimiser.zero_grad()`.",
        "`loss = F.softplus(-D(x_real)).mean() + F.softplus(D(G(z).detach())).mean()`, then zero_grad, backward, step",
    ),
    check=training_steps.check_discriminator_step,
)
def discriminator_step(G, D, optimiser, x_real, z):
    """Update D once on real images x_real (B, 1, 28, 28) and on fakes made from z (B, 100)."""
    x_fake = G(z).detach()
    loss = F.softplus(-D(x_real)).mean() + F.softplus(D(x_fake)).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@exercise(
    title="Algorithm 1, the generator's step",
    difficulty="hard",
    minutes=12,
    prompt=r"""
    Write one update of G with the non-saturating loss: draw a **fresh** $z \sim N(0, 1)$ of shape
    (batch_size, 100), let D judge the fakes, update G alone. `optimiser` holds G's weights. If you freeze D
    for speed, thaw it again.
    """,
    hints=(
        "The gradient reaches G through D. What must not be detached this time?",
        "D's weights collect gradients too, but only `optimiser` moves weights, and D's step clears them first.",
        "`loss = F.softplus(-D(G(torch.randn(batch_size, 100)))).mean()`, then zero_grad, backward, step",
    ),
    check=training_steps.check_generator_step,
)
def generator_step(G, D, optimiser, batch_size):
    """Update G once, on a fresh z (batch_size, 100) from N(0, 1), with the non-saturating loss."""
    z = torch.randn(batch_size, 100)
    loss = F.softplus(-D(G(z))).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _check_mlp_parameters(call: StudentFunction) -> str:
    cases = [(100, 128, 256, 784), (784, 256, 128, 1), (3, 5), (2, 7, 1, 4, 3)]

    def total(of: Any) -> Any:
        return lambda widths: sum(of(a, b) for a, b in itertools.pairwise(widths))

    right = total(lambda a, b: a * b + b)
    mistakes = [
        (total(lambda a, b: a * b), "The biases are missing: one for each output of a layer."),
        (total(lambda a, b: a * b + a), "The biases belong to the outputs of a layer, not to its inputs."),
        (total(lambda a, b: a * b + 1), "A layer has one bias for each of its outputs, not a single one."),
        (
            total(lambda a, b: a + b),
            "Each input is joined to each output: a layer has a product of weights, not a sum.",
        ),
        (lambda w: right(w) + w[0], "The inputs have no biases: count those of the layers alone."),
        (lambda w: right(w) - w[-1], "The last layer has biases too."),
        (lambda w: right(w) - (w[-2] + 1) * w[-1], "The last layer is missing: n widths make n - 1 layers."),
    ]
    points = [f"widths {list(widths)}" for widths in cases]
    judge_formula(call, [(list(widths),) for widths in cases], right, mistakes, points, exact=True)
    return "G of notebook 02 has more weights than D, and most of them lie in its last layer."


@exercise(
    title="Counting the weights of an MLP",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    An MLP is given by its widths, G of this notebook by `[100, 128, 256, 784]`: three `Linear` layers with
    biases. How many parameters does it have? Count by arithmetic, then compare with `sum(p.numel() for p in
    G.parameters())`.
    """,
    hints=(
        "How many numbers does one Linear layer from a to b hold?",
        "a * b weights and b biases. Which pairs (a, b) are there?",
        "`sum(a * b + b for a, b in zip(widths, widths[1:]))`",
    ),
    check=_check_mlp_parameters,
)
def mlp_parameters(widths):
    """The number of weights and biases of an MLP with these widths, a list of at least two integers."""
    return sum(a * b + b for a, b in itertools.pairwise(widths))


def curves(epochs: int = 40) -> dict[str, dict[str, list[float]]]:
    """The four runs of the exercise `read_curves`, drawn by formula so that each shows one thing clearly.

    Returns run ("A" to "D") -> column -> a value for each epoch. Columns as in a run's history: d_real and
    d_fake_before (D's mean answers, in (0, 1)), loss_d and loss_g (which follow from them as if all answers
    in a batch were equal).
    """
    answers: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in "ABCD"}
    for epoch in range(epochs):
        wave = math.sin(1.9 * epoch)
        lead = 0.36 * (1 - math.exp(-(epoch + 1) / 3)) * (1 - epoch / 250)  # of a healthy D: P1's, as measured
        pairs = {
            "A": (1 - 0.3 * math.exp(-epoch / 5) - 0.001, 0.3 * math.exp(-epoch / 5) + 0.001),
            "B": (0.5 + 0.0005 * wave, 0.5 - 0.0005 * wave),
            "C": (0.5 + lead + 0.01 * wave, 0.5 - lead + 0.012 * wave),
            "D": (0.5 + 0.4 * math.sin(0.6 * epoch), 0.5 + 0.4 * math.sin(0.6 * epoch + 2.0)),
        }
        for name, (real, fake) in pairs.items():
            answers[name][0].append(real)
            answers[name][1].append(fake)
    return {
        name: {
            "d_real": real,
            "d_fake_before": fake,
            "loss_d": [-math.log(r) - math.log(1 - f) for r, f in zip(real, fake, strict=True)],
            "loss_g": [-math.log(f) for f in fake],
        }
        for name, (real, fake) in answers.items()
    }


_DIAGNOSES = {"A": "discriminator wins", "B": "no learning", "C": "balance", "D": "oscillation"}
_EVIDENCE = {
    "A": "its D loss goes to 0 while G's keeps growing, D(x) is near 1 and D(G(z)) near 0",
    "B": "both losses lie on their equilibrium marks from the first epoch on, before anything is learned",
    "C": "its D loss settles below 1.386, with D(x) well above D(G(z)), and neither runs on to its end of the scale, "
    "as in figure 2.6, where G learns",
    "D": "D(x) and D(G(z)) swing by turns over almost the whole range, and do not settle",
}


def _check_read_curves(answer: Any) -> str:
    given = choices(answer, "Run", _DIAGNOSES, sorted(_DIAGNOSES.values()))
    wrong = [run for run, diagnosis in _DIAGNOSES.items() if given[run] != diagnosis]
    if wrong:
        run = wrong[0]
        raise Wrong(f"Run {run} is not a case of `{given[run]}`: {_EVIDENCE[run]}.")
    return "Losses at their marks can mean balance or that nothing happens: always look at samples as well."


@exercise(
    title="Reading loss curves",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    `ex.curves()` holds four runs, A to D (drawn by formula, so that each is a clear case). Plot them, and
    give each run its diagnosis, a dict such as `{"A": "balance", ...}`, out of: `balance`, `discriminator
    wins` (G's training has collapsed), `no learning` (the weights do not move), `oscillation`.
    """,
    hints=(
        "Draw 2 log 2 = 1.386 into the D losses and log 2 = 0.693 into the G losses first.",
        "A D loss near 0 means that D wins. A loss that is exactly on its mark from the start means something else.",
        "A goes to 0, B never leaves the marks, C settles off them and stays, D swings.",
    ),
    check=_check_read_curves,
    value=True,
)
def read_curves():
    """A dict: run "A" to "D" -> "balance", "discriminator wins", "no learning" or "oscillation"."""
    return {"A": "discriminator wins", "B": "no learning", "C": "balance", "D": "oscillation"}


def _check_jsd_bound(call: StudentFunction) -> str:
    ln2 = math.log(2)
    losses = [2 * ln2, 1.0, 0.6, 0.1, 0.0, 1.6]
    value = torch.stack([scalar(call(loss)) for loss in losses])
    given = torch.tensor(losses, dtype=torch.float64)
    right = (ln2 - given / 2).clamp(min=0)
    mistakes = [
        (
            ln2 - given / 2,
            "Right while the loss is below its mark. Above it this is negative: nothing is proved, so 0.",
        ),
        ((2 * ln2 - given).clamp(min=0), "The half is missing: V at the best D holds 2 JSD."),
        (2 * ln2 - given, "The half is missing: V at the best D holds 2 JSD. And a bound below 0 proves nothing."),
        ((given / 2 - ln2).clamp(min=0), "The sign is turned: a *small* loss of D proves a large divergence."),
        (given / 2 - ln2, "The sign is turned: a *small* loss of D proves a large divergence."),
        ((2 * ln2 - given / 2).clamp(min=0), "The half goes over both: (2 log 2 - loss) / 2."),
        (
            (ln2 + given / 2).clamp(min=0),
            "The sign is turned: D's loss is -V, so that a large loss lowers the bound.",
        ),
        ((ln2 - given).clamp(min=0), "The mark of D's loss is 2 log 2, where D = 1/2; log 2 is the mark of G's."),
        (((2 * ln2 - given) / (2 * ln2)).clamp(min=0), "This is a share of the largest value: the bound is in nats."),
    ]
    judge(value, right, mistakes, [f"a loss of {loss:.4g}" for loss in losses])
    return "At a loss of 0 it is log 2, the largest JSD there is: D tells every real image from every fake one."


@exercise(
    title="What D's loss proves",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    By equation (2.6), $D$'s loss gives a lower bound on the JSD between data and generator, in nats. Return
    it. A divergence is never negative: where the loss proves nothing, the bound is 0.
    """,
    hints=(
        "What is the bound when the loss lies on its mark, 2 log 2? And when it is 0?",
        "Half of the distance from the mark, and never below 0.",
        "`return max(0.0, math.log(2) - loss_d / 2)`",
    ),
    check=_check_jsd_bound,
)
def jsd_bound(loss_d):
    """What a discriminator's loss (nats, at least 0) proves: a lower bound on JSD(p || p_g), in [0, log 2]."""
    return max(0.0, math.log(2) - loss_d / 2)


class _Curved(nn.Module):
    """A small smooth D: images (B, 1, 4, 4) -> logits (B,), with another gradient at every image."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = 3 * self.net(x).flatten()
        return logits

    def probability(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self(x))


def _check_r1(call: StudentFunction) -> str:
    D, x = _Curved(), torch.rand(6, 1, 4, 4) * 2 - 1
    before = [parameter.detach().clone() for parameter in D.parameters()]
    value = call(D, x.clone())
    if not isinstance(value, torch.Tensor):
        raise Wrong(f"It returned {describe((value,))}: D's step needs the penalty as a tensor, with a gradient.")
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: one number is asked for, the mean over the images.")
    if any(not torch.equal(a, b) for a, b in zip(before, D.parameters(), strict=True)):
        raise Wrong("D's weights have changed: the penalty is only computed here, D's step comes later.")

    def of(output: Any, reduce: Any = torch.sum, at: torch.Tensor = x) -> torch.Tensor:
        at = at.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(reduce(output(at)), at, create_graph=True)
        return gradient.flatten(1)

    slopes = of(D)
    right = slopes.square().sum(1).mean()
    mistakes = [
        (right / 2, "This is half of it: the factor gamma / 2 comes later, where the penalty is added to D's loss."),
        (slopes.norm(dim=1).mean(), "The norm is not squared yet."),
        (slopes.square().mean(), "You take the mean over the pixels: a squared norm is their sum."),
        (slopes.square().sum(), "You sum over the images: take the mean over the batch."),
        (
            of(D, torch.mean).square().sum(1).mean(),
            "You differentiated the *mean* of the logits, so each image's gradient is divided by the batch size: take "
            "the gradient of their sum.",
        ),
        (
            of(D.probability).square().sum(1).mean(),
            "You differentiated the probability: R1 asks for the slope of the logit s(x), which does not flatten where "
            "D is sure.",
        ),
        (
            (slopes.norm(dim=1) - 1).square().mean(),
            "This is WGAN-GP's penalty: R1 wants the slope 0 at real images, not 1.",
        ),
        (
            slopes.square().sum(0).mean(),
            "The sum goes over the images, the mean over the pixels: sum over the pixels, `sum(1)` behind "
            "`flatten(1)`, then take the mean over the batch.",
        ),
        (slopes.abs().sum(1).mean(), "You add up absolute values: the squared norm is the sum of the squares."),
        (slopes.sum(1).mean(), "Nothing is squared: the squared norm is the sum of the gradient's squares."),
        (slopes.mean(0).square().sum(), "You averaged the gradients before squaring: opposite slopes cancel."),
    ]
    judge(
        value.detach().double().reshape(1),
        right.detach().double().reshape(1),
        [(mistaken.detach().double().reshape(1), message) for mistaken, message in mistakes],
        ["a small D and six images"],
    )
    wanted = torch.autograd.grad(right, list(D.parameters()), allow_unused=True)
    if not value.requires_grad:
        raise Wrong(
            "The number is right, but it cannot be differentiated again, so D's step would not feel it: "
            "`create_graph=True`."
        )
    got = torch.autograd.grad(value, list(D.parameters()), allow_unused=True)
    for ours, theirs in zip(wanted, got, strict=True):
        ours = torch.zeros(1) if ours is None else ours
        theirs = torch.zeros_like(ours) if theirs is None else theirs
        if not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-6):
            raise Wrong("The number is right, its gradient for D's weights is not: is a `.detach()` on the way?")
    return "Multiplied by gamma / 2 and added to D's loss it is R1: the gradient of a gradient, in a few lines more."


@exercise(
    title="R1, the price of a slope",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    `D` returns logits $s(x)$, shape (B,). Return $\mathbb E_x\,\lVert \nabla_x s(x) \rVert^2$, the mean over the
    batch of the squared norm of the logit's gradient at each image, so that it can itself be differentiated.
    """,
    hints=(
        "What has to be differentiated with respect to what? And which images must ask for a gradient?",
        "`torch.autograd.grad(D(x).sum(), x, create_graph=True)` gives one gradient an image, (B, C, H, W).",
        "`x = x.detach().requires_grad_()`, take that gradient, then `.square().flatten(1).sum(1).mean()`",
    ),
    check=_check_r1,
)
def r1(D, x):
    """R1's mean squared slope, a scalar tensor with a gradient for D's weights; x: real images (B, C, H, W)."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean()


@exercise(
    title="A batch of any size",
    difficulty="easy",
    minutes=3,
    prompt=r"""
    P2 unrolls its images with `imgs.view(batch_size, -1)`. With a batch size of 128 that fails at the end of an
    epoch: MNIST has 60,000 images, and the last batch has 96. Write it so that images (B, C, H, W) become
    (B, C·H·W), one row for each image, whatever the four numbers are.
    """,
    hints=(
        "Which of the two numbers in `view(batch_size, -1)` is known only when the batch is there?",
        "`len(images)` is the batch's own size; torch also has a method that keeps the first axis.",
        "`return images.flatten(1)`, or `images.reshape(len(images), -1)`",
    ),
    check=bugs.check_flatten_batch,
)
def flatten_batch(images):
    """Images (B, C, H, W) as rows (B, C*H*W)."""
    return images.flatten(1)


@exercise(
    title="Outputs and targets of one shape",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    P2's $D$ ends in a sigmoid and gives outputs (B, 1); its targets have shape (B,), 1 for real and 0 for fake.
    `BCELoss` refuses the pair. Return the mean binary cross-entropy of such outputs and such targets.
    """,
    hints=(
        "Bring both to one shape. Which axis is too many, or missing?",
        "`targets[:, None]` is (B, 1); `outputs.squeeze(1)` is (B,). (Why not `squeeze()`? Think of B = 1.)",
        "`return F.binary_cross_entropy(outputs, targets[:, None])`",
    ),
    check=bugs.check_criterion,
)
def criterion(outputs, targets):
    """The mean binary cross-entropy, a scalar tensor; outputs (B, 1) in (0, 1), targets (B,) of 0 and 1."""
    return F.binary_cross_entropy(outputs, targets[:, None])


@exercise(
    title="A residual branch that fits its shortcut",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    P2's `ResidualBlock` adds a branch (3 × 3 convolution, BatchNorm, ReLU, 3 × 3 convolution, BatchNorm) to a
    1 × 1 shortcut, and raises an error. Return the branch as a Module, mended: images (B, c_in, H, W) become
    (B, c_out, H, W).
    """,
    hints=(
        "A 3 x 3 convolution without padding has no output for the outermost ring of pixels.",
        "Both convolutions lose a ring; `padding=1` adds it before the convolution.",
        "`nn.Conv2d(c_in, c_out, 3, padding=1)`, BatchNorm, ReLU, `nn.Conv2d(c_out, c_out, 3, padding=1)`, BatchNorm",
    ),
    check=bugs.check_residual_branch,
)
def residual_branch(c_in, c_out):
    """The branch of a residual block, a Module: images (B, c_in, H, W) -> (B, c_out, H, W)."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
        nn.Conv2d(c_out, c_out, 3, padding=1),
        nn.BatchNorm2d(c_out),
    )


@exercise(
    title="The clinic",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    Give each of the six patients its diagnosis, a dict `{1: "...", 2: "...", ...}`, out of: `data range`, `mode
    collapse`, `G is detached`, `sigmoid twice`, `learning rate too high`, `target swapped in G's step`, `learning
    rate too low`, `healthy`. The check tells you what to look at, and at the end the line of code that was to blame.
    """,
    hints=(
        "Begin with what is impossible in a healthy run: a gradient of 0, a grey background, a value never passed.",
        "sigmoid(0) = 0.5 and sigmoid(1) = 0.73: what if D's logits were probabilities themselves?",
        "3 has no gradient; 4 answers between 0.5 and 0.73; 6 is content with D(G(z)) near 0; 1 has a grey background.",
    ),
    check=bugs.check_clinic,
    value=True,
)
def clinic():
    """A dict: patient 1 to 6 -> diagnosis."""
    return {
        1: "data range",
        2: "mode collapse",
        3: "G is detached",
        4: "sigmoid twice",
        5: "learning rate too high",
        6: "target swapped in G's step",
    }
