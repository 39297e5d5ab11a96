"""Exercises of notebook 01, the minimax theory: `from gancourse.exercises import lesson01 as ex`."""

from __future__ import annotations

import math
from typing import Any

import torch

from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise
from gancourse.exercises.checking.judging import (
    close,
    counted,
    judge,
    judge_formula,
    letter,
    numbers,
    pointwise,
    scalar,
)


def _densities() -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    p = torch.tensor([0.2, 0.05, 0.4, 0.7, 0.01], dtype=torch.float64)
    q = torch.tensor([0.6, 0.3, 0.4, 0.1, 0.5], dtype=torch.float64)
    return p, q, [f"p = {a:g}, p_g = {b:g}" for a, b in zip(p.tolist(), q.tolist(), strict=True)]


def _check_optimal_discriminator(call: StudentFunction) -> str:
    p, q, points = _densities()
    value = pointwise(call, p, q)
    mistakes = [
        (q / (p + q), "This is the probability of a fake: D answers 1 for real, so the data's density is on top."),
        (
            p / q,
            "p/p_g is the density ratio, which can exceed 1. D is a probability: how does it follow from the ratio?",
        ),
        (torch.full_like(p, 0.5), "1/2 everywhere is the best D only where p_g = p. There is a best D for every G."),
        (torch.log(p / q), "log(p/p_g) is the best logit. D is a probability: one function is still missing."),
    ]
    judge(value, p / (p + q), mistakes, points, "Set the derivative of p log d + p_g log(1 - d) to zero.")
    return "It needs no assumption about G, and is 1/2 exactly where the two densities cross."


@exercise(
    title="The best discriminator",
    difficulty="easy",
    minutes=3,
    prompt=r"""
    The generator is frozen. At a point where the data has density $p$ and the generator density $p_g$ (both
    positive), which value $d = D(x)$ maximises $p \log d + p_g \log(1 - d)$? Write it as a function of the
    two densities.
    """,
    hints=(
        "At one x nothing but a number d is chosen. What does the derivative with respect to d look like?",
        "The derivative is p/d - p_g/(1 - d). Where is it zero?",
        "p (1 - d) = p_g d, so d is p divided by the sum of the two.",
    ),
    check=_check_optimal_discriminator,
)
def optimal_discriminator(p, p_g):
    """The d in (0, 1) that maximises p log d + p_g log(1 - d)."""
    return p / (p + p_g)


def _check_unbalanced_discriminator(call: StudentFunction) -> str:
    p, q, points = _densities()
    value = pointwise(call, p, q)
    mistakes = [
        (p / (p + q), "This is the best D for as many real points as fake ones: where does the factor 2 enter?"),
        (
            p / (p + 2 * q),
            "The factor 2 stands at the generator's density, but it is the real points that D sees twice as often.",
        ),
        (2 * p / (p + q), "The factor 2 must stand in the denominator too: as it is, D exceeds 1 where p > p_g."),
        (q / (2 * p + q), "This is the probability of a fake: D answers 1 for real."),
    ]
    judge(value, 2 * p / (2 * p + q), mistakes, points, "Weigh each density by how many points it sends to D.")
    return "D answers 2/3 where p_g = p: a D trained on unequal numbers looks too confident without being wrong."


@exercise(
    title="A discriminator that sees more real points",
    difficulty="easy",
    minutes=3,
    prompt=r"""
    In each batch D is shown twice as many real points as fake ones, and its loss is the mean over the whole
    batch. Which function of $p$ and $p_g$ does it learn now?
    """,
    hints=(
        "What changes in p log d + p_g log(1 - d)?",
        "Two thirds of the terms are real, one third fake: the objective at x is (2/3) p log d + (1/3) p_g log(1 - d).",
        "Put 2p in the place of p in the best discriminator, above and below the line.",
    ),
    check=_check_unbalanced_discriminator,
)
def unbalanced_discriminator(p, p_g):
    """The best D at densities p and p_g when it sees two real points for each fake one."""
    return 2 * p / (2 * p + p_g)


def _jsd(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    middle = (p + q) / 2
    return (torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle)).sum() / 2


def _check_value_at_optimum(call: StudentFunction) -> str:
    generator = torch.Generator().manual_seed(1)
    pairs = [torch.rand(2, 6, generator=generator, dtype=torch.float64) + 0.05 for _ in range(3)]
    pairs = [pair / pair.sum(dim=1, keepdim=True) for pair in pairs]
    value = torch.stack([scalar(call(p.clone(), q.clone())) for p, q in pairs])
    jsd = torch.stack([_jsd(p, q) for p, q in pairs])
    kl = torch.stack([(p * torch.log(p / q)).sum() for p, q in pairs])
    log4 = math.log(4)

    def table(formula: Any) -> torch.Tensor:
        return torch.stack([formula(p, q) for p, q in pairs])

    real_half = table(lambda p, q: torch.xlogy(p, p / (p + q)).sum())
    fake_half = table(lambda p, q: torch.xlogy(q, q / (p + q)).sum())
    mistakes = [
        (
            -log4 + 4 * jsd,
            "Your Jensen-Shannon divergence lacks its 1/2: it is the mean of two KL to the middle, not their sum.",
        ),
        (jsd, "This is the Jensen-Shannon divergence alone: C(G) is twice it, shifted by a constant."),
        (2 * jsd, "The constant is missing: at p_g = p the value is -log 4, not 0."),
        ((-log4 + 2 * jsd) / 2, "This is half of it: both halves of V are added, not averaged."),
        ((-log4 + 2 * jsd) / 6, "This is a mean over the outcomes: V is a sum, the probabilities do the averaging."),
        (-2 * log4 + 2 * jsd, "The constant counts twice: with (p + p_g) under the line, -log 4 is in it already."),
        (-math.log(2) + 2 * jsd, "The constant is log(1/2) twice, -log 4: each half of V brings one."),
        (real_half, "This is the real half alone: V also has p_g log(1 - D)."),
        (2 * real_half, "This is the real half, twice: the fake half has p_g where the real one has p."),
        (fake_half, "This is the fake half alone: V also has p log D."),
        (2 * fake_half, "This is the fake half, twice: the real half has p where the fake one has p_g."),
        (real_half - fake_half, "The fake half has a minus sign: V is a sum, p log D + p_g log(1 - D)."),
        (fake_half - real_half, "The real half has a minus sign: V is a sum, p log D + p_g log(1 - D)."),
        (
            table(lambda p, q: (torch.xlogy(p / (p + q), p) + torch.xlogy(q / (p + q), q)).sum()),
            "The arguments of `torch.xlogy` are exchanged: `torch.xlogy(p, d)` is p log d, with p in front.",
        ),
        (
            table(lambda p, q: (torch.log(p / (p + q)) + torch.log(q / (p + q))).sum()),
            "The weights are missing: it is p log D + p_g log(1 - D), each logarithm times its probability.",
        ),
        (
            table(lambda p, q: (torch.xlogy(p, p) + torch.xlogy(q, q)).sum()),
            "D and 1 - D are p/(p + p_g) and p_g/(p + p_g): you take the logarithms of p and p_g themselves.",
        ),
        (-log4 + jsd, "The divergence enters twice: both halves of V contribute a Kullback-Leibler term."),
        (log4 + 2 * jsd, "The constant has the wrong sign: at p_g = p, D is 1/2 and V = log(1/2) + log(1/2)."),
        (log4 - 2 * jsd, "This is -C(G), the discriminator's loss. The value V itself is asked for."),
        ((-log4 + 2 * jsd) / math.log(2), "These are bits: the loss of a GAN uses the natural logarithm."),
        (
            -log4 + 2 * kl,
            "This uses KL(p || p_g). The divergence that appears is Jensen-Shannon's, through (p + p_g)/2.",
        ),
    ]
    judge(value, -log4 + 2 * jsd, mistakes, (f"pair {i} of random distributions" for i in (1, 2, 3)))
    p, q = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.3, 0.7]], dtype=torch.float64)
    edge = scalar(call(p, q))
    if not torch.isfinite(edge):
        raise Wrong(f"Where p or p_g is 0 it gives {edge.item()}: 0 log 0 counts as 0. See `torch.xlogy`.")
    if not close(edge, torch.zeros_like(edge), atol=1e-3):
        raise Wrong(f"For disjoint supports it gives {edge.item():.4g}: D tells all apart there, so V is 0.")
    return "It lies between -log 4 (p_g = p) and 0 (disjoint supports, where it no longer changes: remember this)."


@exercise(
    title="The value at the best discriminator",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    `p` and `p_g` are two distributions over $n$ outcomes (tensors of $n$ probabilities; some may be 0, with
    $0 \log 0 = 0$). Compute $C(G) = \max_D V(D, G)$, the value of the game when D is the best one.
    """,
    hints=(
        "Put the best D into V(D, G) = sum of p log D + p_g log(1 - D).",
        "Zeros make 0 * log(0) = nan: `torch.xlogy(p, d)` is p log d with 0 log 0 = 0. Or use -log 4 + 2 JSD(p, p_g).",
        "`torch.xlogy(p, p / (p + p_g)) + torch.xlogy(p_g, p_g / (p + p_g))`, summed.",
    ),
    check=_check_value_at_optimum,
)
def value_at_optimum(p, p_g):
    """C(G) = max over D of V(D, G), in nats; p and p_g are tensors of n probabilities."""
    total = p + p_g
    return (torch.xlogy(p, p / total) + torch.xlogy(p_g, p_g / total)).sum()


def _logits() -> tuple[torch.Tensor, list[str]]:
    logits = torch.tensor([-6.0, -4.7, -2.0, -0.5, 0.0, 0.3, 1.0, 2.9, 4.0], dtype=torch.float64)
    return logits, [f"a logit of {value:g}" for value in logits.tolist()]


def _closed_form(call: StudentFunction, value: torch.Tensor, right: torch.Tensor) -> None:
    """`Wrong` where right numbers come from autograd, or from differences: both are exact to a few digits only."""
    logits, _ = _logits()
    tapes = []

    def saved(x: torch.Tensor) -> torch.Tensor:
        tapes.append(x.shape)
        return x

    try:
        with torch.autograd.graph.saved_tensors_hooks(saved, lambda x: x):
            again = call(logits.clone())
    except Wrong:  # written for numbers
        again = call(float(logits[0]))
        again = [again, *(call(float(logit)) for logit in logits[1:])]
    if tapes:
        raise Wrong("The numbers are right, but autograd found them: write the derivative in closed form.")
    dtype = getattr(again, "dtype", None)
    exact = torch.finfo(torch.float32 if str(dtype).endswith("float32") else torch.float64).eps
    if bool(((value - right).abs() > 32 * exact).any()):
        raise Wrong(
            "Close, but not exact: this looks like a difference quotient, (f(l + h) - f(l)) / h, or a rounded number. "
            "Write the derivative in closed form."
        )


def _check_saturating_gradient(call: StudentFunction) -> str:
    logits, points = _logits()
    d = torch.sigmoid(logits)
    mistakes = [
        (d, "The sign is wrong: log(1 - D) falls as the logit rises, so its derivative is negative."),
        (-1 / (1 - d), "This is the derivative with respect to D. The logit is one step further: times D(1 - D)."),
        (-d * (1 - d), "This is the derivative of 1 - D: the logarithm's own derivative, 1/(1 - D), is missing."),
        (d - 1, "This is the derivative of -log D, the non-saturating loss."),
        (torch.log(1 - d), "This is the loss itself: its derivative is asked for."),
    ]
    value = pointwise(call, logits)
    judge(value, -d, mistakes, points, "Chain rule: derivative of the log, times D(1 - D).")
    _closed_form(call, value, -d)
    return "It vanishes where D is near 0, that is for fakes that D recognises: exactly where G should learn most."


@exercise(
    title="The gradient of the saturating loss",
    difficulty="medium",
    minutes=5,
    prompt=r"""
    G's loss in the minimax game is $\log(1 - D)$ with $D = \sigma(s)$, where $s$ is D's logit on a
    fake. What is its derivative with respect to $s$? Write it in closed form (a function of the logit,
    no autograd).
    """,
    hints=(
        "Chain rule: from the logit to D, from D to the loss.",
        "dD/ds = D(1 - D), and the derivative of log(1 - D) with respect to D is -1/(1 - D).",
        "The factors 1 - D cancel: what remains is -D, and D is the sigmoid of the logit.",
    ),
    check=_check_saturating_gradient,
)
def saturating_gradient(logit):
    """The derivative of log(1 - sigmoid(logit)) with respect to the logit."""
    return -1 / (1 + math.e ** (-logit))


def _check_non_saturating_gradient(call: StudentFunction) -> str:
    logits, points = _logits()
    d = torch.sigmoid(logits)
    mistakes = [
        (1 - d, "The sign is wrong: -log D falls as the logit rises, so its derivative is negative."),
        (-d, "This is the derivative of log(1 - D), the saturating loss."),
        (-1 / d, "This is the derivative with respect to D. The logit is one step further: times D(1 - D)."),
        (-d * (1 - d), "This is the derivative of -D: the logarithm's own derivative, 1/D, is missing."),
        (-torch.log(d), "This is the loss itself: its derivative is asked for."),
    ]
    value = pointwise(call, logits)
    judge(value, d - 1, mistakes, points, "Chain rule: derivative of the log, times D(1 - D).")
    _closed_form(call, value, d - 1)
    return "Near D = 0 it is -1 where the saturating one is -D: their ratio, (1 - D)/D, grows without bound."


@exercise(
    title="The gradient of the non-saturating loss",
    difficulty="medium",
    minutes=5,
    prompt=r"""
    Now G's loss is $-\log D$ with $D = \sigma(s)$. What is its derivative with respect to $s$, in
    closed form? Compare both gradients at $s = -6$.
    """,
    hints=(
        "The same chain as for the saturating loss, with another last link.",
        "dD/ds = D(1 - D), and the derivative of -log D with respect to D is -1/D.",
        "The factors D cancel: what remains is -(1 - D).",
    ),
    check=_check_non_saturating_gradient,
)
def non_saturating_gradient(logit):
    """The derivative of -log(sigmoid(logit)) with respect to the logit."""
    return 1 / (1 + math.e ** (-logit)) - 1


_SATURATION = {
    "A": "At D(G(z)) = 1 the derivative with respect to the logit is -1, the largest that it can be. "
    "Look at the other end.",
    "C": "At D(G(z)) = 1/2 the derivative with respect to the logit is -1/2: not small.",
    "D": "The derivative with respect to the logit is -D(G(z)), which does become small. Where?",
}


def _check_where_it_saturates(answer: Any) -> str:
    chosen = letter(answer, "ABCD")
    if chosen != "B":
        raise Wrong(_SATURATION[chosen])
    return "Early in training D rejects every fake, D(G(z)) is near 0, and G is told next to nothing."


@exercise(
    title="Where does the loss saturate?",
    difficulty="easy",
    minutes=2,
    prompt=r"""
    Somebody tells you that the generator's gradient vanishes when $D(G(z)) \approx 1$. For the minimax
    loss $\log(1 - D(G(z)))$, where does the gradient with respect to D's logit really vanish?

    - A: where $D(G(z)) \approx 1$, D takes the fakes for real
    - B: where $D(G(z)) \approx 0$, D recognises the fakes
    - C: where $D(G(z)) = 1/2$, D cannot tell
    - D: nowhere
    """,
    hints=(
        "Draw log(1 - sigmoid(s)) against the logit s. Where is it flat?",
        "Equation (1.17) has the derivative: it is -D.",
        "-D is near 0 where D is near 0.",
    ),
    check=_check_where_it_saturates,
    value=True,
)
def where_it_saturates():
    """One of "A", "B", "C", "D"."""
    return "B"


_ROUNDS = [(0.5, -0.3, -1.0, 1, 0.2), (0.5, -0.3, -1.0, 3, 0.2), (-0.4, 0.8, 1.5, 4, 0.1)]
_ROUND_NAMES = [
    f"w = {w:g}, b = {b:g}, theta = {theta:g}, k = {k}, lr = {lr:g}: {name}"
    for w, b, theta, k, lr in _ROUNDS
    for name in ("the new w", "the new b", "the new theta")
]


def _ascent(w: float, b: float, theta: float) -> tuple[float, float]:
    # Not the location game's own gradients: any will do, and these need no integral
    return theta - w + 0.3 * b * theta, 1.0 - b + 0.5 * w


def _gradient(w: float, b: float, theta: float) -> float:
    return -w + 0.2 * b * theta


def _round(
    w: float, b: float, theta: float, k: int, lr: float, up: float = 1.0, down: float = 1.0, each: bool = False
) -> tuple[float, float, float]:
    """Algorithm 1 with the signs of the two steps, and with a step of G after each of D's if `each`."""
    for number in range(k):
        up_w, up_b = _ascent(w, b, theta)
        w, b = w + up * lr * up_w, b + up * lr * up_b
        if each or number == k - 1:
            theta -= down * lr * _gradient(w, b, theta)
    return w, b, theta


def _generator_first(w: float, b: float, theta: float, k: int, lr: float) -> tuple[float, float, float]:
    theta -= lr * _gradient(w, b, theta)
    for _ in range(k):
        up_w, up_b = _ascent(w, b, theta)
        w, b = w + lr * up_w, b + lr * up_b
    return w, b, theta


def _against_the_old_d(w: float, b: float, theta: float, k: int, lr: float) -> tuple[float, float, float]:
    new_w, new_b, _ = _round(w, b, theta, k, lr)
    return new_w, new_b, theta - lr * _gradient(w, b, theta)


def _one_long_step(w: float, b: float, theta: float, k: int, lr: float) -> tuple[float, float, float]:
    up_w, up_b = _ascent(w, b, theta)
    w, b = w + k * lr * up_w, b + k * lr * up_b
    return w, b, theta - lr * _gradient(w, b, theta)


def _b_after_w(w: float, b: float, theta: float, k: int, lr: float) -> tuple[float, float, float]:
    for _ in range(k):
        w += lr * _ascent(w, b, theta)[0]
        b += lr * _ascent(w, b, theta)[1]
    return _generator_last(w, b, theta, lr)


def _w_after_b(w: float, b: float, theta: float, k: int, lr: float) -> tuple[float, float, float]:
    for _ in range(k):
        b += lr * _ascent(w, b, theta)[1]
        w += lr * _ascent(w, b, theta)[0]
    return _generator_last(w, b, theta, lr)


def _generator_last(w: float, b: float, theta: float, lr: float) -> tuple[float, float, float]:
    return w, b, theta - lr * _gradient(w, b, theta)


def _of_rates(w: float, b: float, theta: float, k: int, of_d: float, of_g: float) -> tuple[float, float, float]:
    return _generator_last(*_round(w, b, theta, k, of_d)[:2], theta, of_g)


def _check_algorithm_1_round(call: StudentFunction) -> str:
    rows = []
    for start in _ROUNDS:
        row = numbers(call(*start, _ascent, _gradient)).reshape(-1)
        if row.numel() != 3:
            raise Wrong(f"It returned {counted(row)}: the new w, the new b and the new theta are expected.")
        rows.append(row)

    def table(rule: Any) -> torch.Tensor:
        return torch.tensor([rule(*start) for start in _ROUNDS], dtype=torch.float64).reshape(-1)

    mistakes = [
        (
            table(lambda w, b, theta, k, lr: _round(w, b, theta, 1, lr)),
            "D makes a single step, whatever k is: repeat it k times before G moves.",
        ),
        (
            table(lambda w, b, theta, k, lr: _round(w, b, theta, k, lr, each=True)),
            "G moves after each of D's steps: it moves once, after all k.",
        ),
        (
            table(_one_long_step),
            "D makes one step of k times the length: take a fresh gradient for each of the k steps.",
        ),
        (table(_generator_first), "G moves first: in Algorithm 1 it answers the D that has just made its k steps."),
        (
            table(_b_after_w),
            "b's gradient is taken with the new w: ask for both of D's gradients at the old w and b, then move both. "
            "Beside w and b, theta ends elsewhere too.",
        ),
        (
            table(_w_after_b),
            "w's gradient is taken with the new b: ask for both of D's gradients at the old w and b, then move both.",
        ),
        (
            table(lambda w, b, theta, k, lr: _round(w, b, theta, k + 1, lr)),
            "D makes k + 1 steps: `range(k)` makes k.",
        ),
        (
            table(lambda w, b, theta, k, lr: _generator_last(*_round(w, b, theta, k - 1, lr)[:2], theta, lr)),
            "D makes k - 1 steps: `range(k)` makes k.",
        ),
        (
            table(lambda w, b, theta, k, lr: _generator_last(w, b, theta, lr)),
            "D does not move: return the w and b of its last step.",
        ),
        (
            table(lambda w, b, theta, k, lr: (*_round(w, b, theta, k, lr)[:2], theta)),
            "G does not move: after D's k steps theta makes one, down its gradient.",
        ),
        (
            table(lambda w, b, theta, k, lr: _of_rates(w, b, theta, k, 1.0, 1.0)),
            "The learning rate is missing: each gradient is multiplied by `lr`.",
        ),
        (
            table(lambda w, b, theta, k, lr: _of_rates(w, b, theta, k, 1.0, lr)),
            "The learning rate is missing in D's steps: each gradient is multiplied by `lr`.",
        ),
        (
            table(lambda w, b, theta, k, lr: _of_rates(w, b, theta, k, lr, 1.0)),
            "The learning rate is missing in G's step: each gradient is multiplied by `lr`.",
        ),
        (
            table(lambda w, b, theta, k, lr: (*_ascent(w, b, theta), _gradient(w, b, theta))),
            "These are the gradients: take the steps with them, and return the new w, b and theta.",
        ),
        (
            table(lambda w, b, theta, k, lr: _round(w, b, theta, k, lr)[::-1]),
            "The outputs are in another order: return w, b and theta.",
        ),
        (
            table(lambda w, b, theta, k, lr: (_round(w, b, theta, k, lr)[2], *_round(w, b, theta, k, lr)[:2])),
            "The outputs are in another order: return w, b and theta.",
        ),
        (table(_against_the_old_d), "G's gradient is taken at the old w and b: use those that D has just reached."),
        (
            table(lambda w, b, theta, k, lr: _round(w, b, theta, k, lr, up=-1.0)),
            "D goes down: it makes V as large as it can, so it adds its gradient.",
        ),
        (
            table(lambda w, b, theta, k, lr: _round(w, b, theta, k, lr, down=-1.0)),
            "G goes up: it makes its loss as small as it can, so it subtracts its gradient.",
        ),
    ]
    hint = "k times: w and b up; then once: theta down."
    judge(torch.cat(rows), table(_round), mistakes, _ROUND_NAMES, hint)
    return "This is all of Algorithm 1: with minibatches for the exact gradients, it trains every GAN of the course."


@exercise(
    title="One round of Algorithm 1",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Write one round of Algorithm 1 for the location game: `k` steps of D's `w` and `b` *up* the gradient of $V$, then
    one step of G's `theta` *down* the gradient of its loss, all with learning rate `lr`. Both gradients are given:
    `ascent(w, b, theta)` returns the pair $(\partial V/\partial w, \partial V/\partial b)$, and
    `gradient(w, b, theta)` the number $\partial L_G/\partial\theta$. Return the new `w`, `b` and `theta`.
    """,
    hints=(
        "What is inside the loop, and what comes after it?",
        "Inside: ask for both of D's gradients at once, then move w and b. After it: G, against the D that has moved.",
        "`for _ in range(k):` then `up_w, up_b = ascent(w, b, theta)` and `w, b = w + lr * up_w, b + lr * up_b`",
    ),
    check=_check_algorithm_1_round,
)
def algorithm_1_round(w, b, theta, k, lr, ascent, gradient):
    """One round: k steps of D up, then one step of G down; returns the new (w, b, theta)."""
    for _ in range(k):
        up_w, up_b = ascent(w, b, theta)
        w, b = w + lr * up_w, b + lr * up_b
    return w, b, theta - lr * gradient(w, b, theta)


_STARTS = [(1.0, 0.0, 0.1), (0.5, -2.0, 0.3), (-1.5, 0.7, 0.5)]
_START_NAMES = [
    f"x = {x:g}, y = {y:g}, lr = {lr:g}: {name}" for x, y, lr in _STARTS for name in ("the new x", "the new y")
]


def _positions(call: StudentFunction) -> torch.Tensor:
    rows = []
    for start in _STARTS:
        row = numbers(call(*start)).reshape(-1)
        if row.numel() != 2:
            raise Wrong(f"It returned {counted(row)}: the new x and the new y are expected.")
        rows.append(row)
    return torch.cat(rows)


_SWAPPED = "The outputs are exchanged: return the new x first, then the new y."
_CHANGES = "These are the changes alone: add them to the old x and the old y."


def _rule(step: Any) -> torch.Tensor:
    return torch.tensor([step(*start) for start in _STARTS], dtype=torch.float64).reshape(-1)


def _check_simultaneous_step(call: StudentFunction) -> str:
    mistakes = [
        (_rule(lambda x, y, lr: (y + lr * x, x - lr * y)), _SWAPPED),
        (_rule(lambda x, y, lr: (-lr * y, lr * x)), _CHANGES),
        (_rule(lambda x, y, lr: (x - y, y + x)), "The learning rate is missing: each gradient is multiplied by `lr`."),
        (
            _rule(lambda x, y, lr: (x - lr * (y + lr * x), y + lr * x)),
            "Your x uses the new y: these are alternating steps. Simultaneous ones both start from the old point.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * y, y + lr * (x - lr * y))),
            "Your y uses the new x: these are alternating steps. Simultaneous ones both start from the old point.",
        ),
        (_rule(lambda x, y, lr: (x + lr * y, y - lr * x)), "The roles are exchanged: x minimises xy, y maximises it."),
        (
            _rule(lambda x, y, lr: (x - lr * y, y - lr * x)),
            "Both players descend: y is the one that maximises, it ascends.",
        ),
        (
            _rule(lambda x, y, lr: (x + lr * y, y + lr * x)),
            "Both players ascend: x is the one that minimises, it descends.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * x, y + lr * y)),
            "The derivative of xy with respect to x is y, and with respect to y it is x: each "
            "moves by the other's position.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * x * y, y + lr * x * y)),
            "You step along V = xy itself: take its derivatives, y with respect to x and x with respect to y.",
        ),
        (_rule(lambda x, y, lr: (x, y + lr * x)), "x does not move: it makes a step of its own, down its gradient y."),
        (_rule(lambda x, y, lr: (x - lr * y, y)), "y does not move: it makes a step of its own, up its gradient x."),
    ]
    judge(_positions(call), _rule(lambda x, y, lr: (x - lr * y, y + lr * x)), mistakes, _START_NAMES)
    return "The distance from (0, 0), where nobody wants to move, grows by the factor sqrt(1 + lr^2) each step."


@exercise(
    title="One step of the bilinear game",
    difficulty="medium",
    minutes=5,
    prompt=r"""
    In the smallest game that GAN training resembles, $V(x, y) = xy$: $x$ descends, $y$ ascends. Take one
    **simultaneous** gradient step with learning rate `lr` from $(x, y)$ and return the new pair.
    """,
    hints=(
        "What are the two partial derivatives of xy?",
        "x moves against y, y moves along x; both gradients are taken at the old point.",
        "`return x - lr * y, y + lr * x`",
    ),
    check=_check_simultaneous_step,
)
def simultaneous_step(x, y, lr):
    """One simultaneous gradient step of min over x, max over y of x * y; returns the new (x, y)."""
    return x - lr * y, y + lr * x


def _extragradient(x: float, y: float, lr: float, look: float = 1.0) -> tuple[float, float]:
    ahead_x, ahead_y = x - look * lr * y, y + look * lr * x
    return x - lr * ahead_y, y + lr * ahead_x


def _two_steps(x: float, y: float, lr: float) -> tuple[float, float]:
    x, y = x - lr * y, y + lr * x
    return x - lr * y, y + lr * x


def _check_extragradient_step(call: StudentFunction) -> str:
    def changes(x: float, y: float, lr: float) -> tuple[float, float]:
        new_x, new_y = _extragradient(x, y, lr)
        return new_x - x, new_y - y

    mistakes = [
        (_rule(lambda x, y, lr: _extragradient(x, y, lr)[::-1]), _SWAPPED),
        (_rule(changes), _CHANGES),
        (
            _rule(lambda x, y, lr: (x + lr * (y + lr * x), y - lr * (x - lr * y))),
            "The roles are exchanged in the last step: x descends and y ascends.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * y, y + lr * x)),
            "This is the look-ahead point, a plain simultaneous step: take the gradient there, and "
            "step from the start.",
        ),
        (_rule(_two_steps), "The second step starts from the look-ahead point: it must start from the old (x, y)."),
        (
            _rule(lambda x, y, lr: _extragradient(x, y, lr, look=0.5)),
            "Your look-ahead goes half as far, or you average both gradients, which is the same here. That is "
            "a method too, but here both steps have the full learning rate.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * y, y + lr * (x - lr * y))),
            "These are alternating steps: y has looked ahead, x has not.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * (y - lr * x), y + lr * (x + lr * y))),
            "The look-ahead goes the wrong way: there too x descends and y ascends.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * (y + lr * x), y - lr * (x - lr * y))),
            "Both players descend in the last step: y is the one that maximises, it ascends.",
        ),
        (
            _rule(lambda x, y, lr: (x + lr * (y + lr * x), y + lr * (x - lr * y))),
            "Both players ascend in the last step: x is the one that minimises, it descends.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * (x - lr * y), y + lr * (y + lr * x))),
            "The derivative of xy with respect to x is y: x moves by the look-ahead's y, and y by its x.",
        ),
        (
            _rule(lambda x, y, lr: (x - (y + lr * x), y + (x - lr * y))),
            "The learning rate is missing in the last step: both steps have it.",
        ),
        (
            _rule(lambda x, y, lr: (x - lr * (y + x), y + lr * (x - y))),
            "The learning rate is missing in the look-ahead: both steps have it.",
        ),
        (
            _rule(lambda x, y, lr: (x - 2 * lr * y, y + 2 * lr * x)),
            "The gradients of the old point are applied twice: the second step takes those of the look-ahead point.",
        ),
    ]
    judge(_positions(call), _rule(_extragradient), mistakes, _START_NAMES)
    return "The distance from (0, 0) now shrinks: to look ahead is enough to turn the spiral inwards."


@exercise(
    title="The extragradient step",
    difficulty="hard",
    minutes=10,
    prompt=r"""
    In the same game $V(x, y) = xy$: take a simultaneous step to a look-ahead point, compute the gradients
    **there**, and apply them **at the old point**, with the same learning rate `lr` both times. Return the
    new pair.
    """,
    hints=(
        "Two gradients are computed, but only the second moves the players for good.",
        "The look-ahead point is (x - lr y, y + lr x). The final step starts from x and y, not from it.",
        "`ahead_x, ahead_y = x - lr * y, y + lr * x`, then `return x - lr * ahead_y, y + lr * ahead_x`",
    ),
    check=_check_extragradient_step,
)
def extragradient_step(x, y, lr):
    """One extragradient step of min over x, max over y of x * y; returns the new (x, y)."""
    ahead_x, ahead_y = x - lr * y, y + lr * x
    return x - lr * ahead_y, y + lr * ahead_x


_DAMPED = [
    (0.0, 0.1),
    (0.04, 0.1),
    (0.09, 0.1),
    (0.12, 0.1),
    (0.5, 0.1),
    (0.4, 0.5),
    (0.3, 0.5),
    (0.6, 0.5),
    (0.9, 0.95),
]


def _verdict(value: Any) -> float:
    """True or False, however it is written, as 1.0 or 0.0; else `Wrong`."""
    if isinstance(value, bool):
        return float(value)
    number = scalar(value).item()
    if number not in (0.0, 1.0):
        raise Wrong(f"It returned {number:g}: True or False is expected.")
    return number


def _check_enough_damping(call: StudentFunction) -> str:
    value = torch.tensor([_verdict(call(c, lr)) for c, lr in _DAMPED], dtype=torch.float64)

    def table(rule: Any) -> torch.Tensor:
        return torch.tensor([float(rule(c, lr)) for c, lr in _DAMPED], dtype=torch.float64)

    right = table(lambda c, lr: c > lr)
    mistakes = [
        (
            table(lambda c, lr: c > 0),
            "Any damping is enough for alternating steps. Here both start from the old point.",
        ),
        (1 - right, "It is the other way round: say True where the steps converge."),
        (table(lambda c, lr: True), "Always True: without damping, c = 0, these steps spiral outwards."),
        (
            table(lambda c, lr: False),
            "Always False: with c = 0.5 and lr = 0.1 the steps come to rest at (0, 0). Try it.",
        ),
        (
            table(lambda c, lr: c > lr**2),
            "c is compared with lr squared: the determinant is 1 - lr c + lr^2. When is it below 1?",
        ),
        (
            table(lambda c, lr: c > lr / 2),
            "Twice the damping is needed: the determinant is 1 - lr c + lr^2, the damping enters it once.",
        ),
    ]
    points = [f"c = {c:g}, lr = {lr:g}" for c, lr in _DAMPED]
    judge(
        value, right, mistakes, points, "(1 is True: the steps converge.) Simulate a few hundred steps and look.", True
    )
    return "The damping must win against the learning rate: smaller steps make the same game stable."


@exercise(
    title="How much damping is enough?",
    difficulty="hard",
    minutes=10,
    prompt=r"""
    Add damping to the maximiser, $V(x, y) = xy - \frac{c}{2} y^2$, and take **simultaneous** steps with learning rate
    `lr`. For which $c$ do they come to rest at $(0, 0)$? Return True or False, for $0 \le c \le 1$ and
    $0 < \mathrm{lr} \le 1$; on the border they do not.
    """,
    hints=(
        "One step multiplies (x, y) by a 2 by 2 matrix. Which one? Or simulate: 2,000 steps are enough to see it.",
        "The matrix is [[1, -lr], [lr, 1 - lr c]]. For these c its eigenvalues are a complex pair, and the square of "
        "their size is the determinant.",
        "The steps shrink when 1 - lr c + lr^2 < 1. Solve for c.",
    ),
    check=_check_enough_damping,
)
def enough_damping(c, lr):
    """Whether simultaneous steps on x * y - c/2 * y**2 converge to (0, 0)."""
    return c > lr


def _samples() -> tuple[torch.Tensor, torch.Tensor]:
    angles = torch.arange(8) * (2 * math.pi / 8)
    centres = 2 * torch.stack([angles.cos(), angles.sin()], dim=1)
    unit = torch.nn.functional.normalize(torch.randn(400, 2), dim=1)
    # By mode: 0 to 2 well covered, 3 with 5 stray samples, 4 and 5 only at a distance of 0.4, the others
    # empty
    distances = {0: (0.05, 150), 1: (0.1, 80), 2: (0.2, 60), 3: (0.1, 5), 4: (0.4, 50), 5: (0.4, 55)}
    parts, start = [], 0
    for mode, (distance, count) in distances.items():
        parts.append(centres[mode] + distance * unit[start : start + count])
        start += count
    samples = torch.cat(parts)
    return samples[torch.randperm(len(samples))], centres


def _counts(samples: torch.Tensor, centres: torch.Tensor, radius: float, minimum: int) -> int:
    distance = torch.cdist(samples, centres)
    return int(((distance <= radius).sum(dim=0) >= minimum).sum())


def _check_count_modes(call: StudentFunction) -> str:
    samples, centres = _samples()
    few = centres[:5]
    cases = [
        (samples, some, radius, least)
        for some, radius, least in [
            (centres, 0.3, 20),
            (centres, 0.3, 3),
            (centres, 0.15, 20),
            (centres, 0.3, 100),
            (centres, 0.3, 80),  # one mode has exactly 80 samples
            (centres, 0.22, 60),  # at a distance of 0.2, with both coordinates together up to 0.28
            (few, 0.3, 5),
        ]
    ]

    def with_distance(power: float) -> Any:
        return lambda s, c, r, n: ((torch.cdist(s, c, p=power) <= r).sum(dim=0) >= n).sum()

    mistakes = [
        (
            lambda s, c, r, n: ((torch.cdist(s, c) <= r).sum(dim=1) >= n).sum(),
            "No mode is covered: is the sum missing, or along the wrong axis? In `torch.cdist(samples, centres)`, "
            "(N, K), `sum(dim=0)` counts the samples near each centre, `sum(dim=1)` the centres near each sample.",
        ),
        (
            lambda s, c, r, n: int((torch.cdist(s, c) <= r).sum() >= n),
            "All samples are counted together, so that it is 1 or 0: count those of each centre, `sum(dim=0)`.",
        ),
        (
            lambda s, c, r, n: (torch.cdist(s, c) <= r).sum(),
            "These are the samples near a mode: count the modes that have at least `minimum` of them.",
        ),
        (
            lambda s, c, r, n: ((torch.cdist(s, c) <= r).sum(dim=0) > n).sum(),
            "A mode with exactly `minimum` samples is covered too: at least means >=.",
        ),
        (
            with_distance(1),
            "This is the sum of the coordinates' distances: `radius` is that of a disc, so take the root of the sum of "
            "squares (`torch.cdist` does).",
        ),
        (with_distance(float("inf")), "This is a square round each centre: `radius` is that of a disc."),
        (lambda s, c, r, n: _counts(s, c, 9e9, n), "Every mode is counted: `radius` plays no part in it."),
        (
            lambda s, c, r, n: (torch.bincount(torch.cdist(s, c).argmin(dim=1), minlength=len(c)) >= n).sum(),
            "Samples far from every mode are counted for the nearest one: `radius` plays no part in it.",
        ),
        (lambda s, c, r, n: _counts(s, c, r, 1), "A single stray sample counts as a mode: use `minimum`."),
        (
            lambda s, c, r, n: _counts(s, c, r**0.5, n),
            "Squared distances are compared with `radius`: one is squared, the other not.",
        ),
        (
            lambda s, c, r, n: (torch.cdist(s, c).min(dim=1).values <= r).sum(),
            "These are the samples near a mode: count the modes.",
        ),
        (
            lambda s, c, r, n: len(c) - _counts(s, c, r, n),
            "These are the modes that are missing: count those that are covered.",
        ),
    ]
    points = [f"{len(some)} centres, radius = {radius:g}, minimum = {least}" for _, some, radius, least in cases]
    judge_formula(call, cases, _counts, mistakes, points)
    return "Counting needs known modes: on images, a classifier's classes take their place."


@exercise(
    title="Counting modes",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    A mode is covered when at least `minimum` samples lie within `radius` of its centre. Given `samples` (N,
    2) and `centres` (K, 2), return how many of the K modes are covered. (The discs do not overlap.)
    """,
    hints=(
        "Which table of numbers holds all that is needed?",
        "`torch.cdist(samples, centres)` gives the (N, K) distances. Compare, then sum over one of the axes.",
        "`((torch.cdist(samples, centres) <= radius).sum(dim=0) >= minimum).sum()`",
    ),
    check=_check_count_modes,
)
def count_modes(samples, centres, radius, minimum):
    """How many of the K centres (K, 2) have at least `minimum` of the samples (N, 2) within `radius`."""
    near = torch.cdist(samples, centres) <= radius
    return int((near.sum(dim=0) >= minimum).sum())
