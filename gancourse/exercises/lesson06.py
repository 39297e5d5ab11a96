"""Exercises of notebook 06, latent space: `from gancourse.exercises import lesson06 as ex`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise
from gancourse.exercises.checking.judging import apart, check_draws, close, judge, judge_formula, ks_distance, numbers


def _tensor(value: object, shape: tuple[int, ...], what: str) -> Tensor:
    """The answer as a float64 tensor of this shape, else `Wrong`."""
    found = numbers(value)
    if tuple(found.shape) != shape:
        raise Wrong(f"It returned shape {tuple(found.shape)}: {what}, shape {shape}, is expected.")
    return found


def _check_lerp_length(call: StudentFunction) -> str:
    cases = [(0.5, 100), (0.25, 100), (0.0, 64), (1.0, 9), (0.1, 512)]
    mistakes = [
        (
            lambda t, d: math.sqrt(d),
            "That is the length at both ends, and all along slerp. Lengths do not add up: variances do.",
        ),
        (lambda t, d: d * ((1 - t) ** 2 + t**2), "That is the mean of the *squared* length: take its root."),
        (
            lambda t, d: math.sqrt(d) * ((1 - t) ** 2 + t**2),
            "The root goes over the whole: the weights (1 - t) and t are inside it too.",
        ),
        (
            lambda t, d: math.sqrt(d * abs(1 - 2 * t)),
            "Variances of independent numbers add up: both signs are +.",
        ),
        (
            lambda t, d: math.sqrt(2 * ((1 - t) ** 2 + t**2)) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2)),
            "That is the mean length; its root mean square is asked for, and has no gamma function.",
        ),
        (
            lambda t, d: math.sqrt((1 - t) ** 2 + t**2),
            "That is one number of z. There are d of them, and their squares add up.",
        ),
    ]
    judge_formula(
        call,
        cases,
        lambda t, d: math.sqrt(d * ((1 - t) ** 2 + t**2)),
        mistakes,
        [f"t = {t:g}, d = {d}" for t, d in cases],
    )
    return "In the middle the length is that of the ends divided by the root of 2, in any number of dimensions."


@exercise(
    title="The length of a lerp",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    $z_1$ and $z_2$ are independent draws from $\mathcal N(0, I)$ in $d$ dimensions. What is the root mean square
    length of $(1-t)\,z_1 + t\,z_2$, that is $\sqrt{E|\cdot|^2}$?
    """,
    hints=(
        "Look at one of the d numbers first: which variance does (1 - t) a + t b have?",
        "Variances of independent numbers add up, a factor counts squared: (1 - t)^2 + t^2. Then sum over d numbers.",
        "`math.sqrt(d * ((1 - t)**2 + t**2))`",
    ),
    check=_check_lerp_length,
)
def lerp_length(t, d):
    """The root mean square length of (1 - t) z1 + t z2 for independent z1, z2 ~ N(0, I) in d dimensions."""
    return math.sqrt(d * ((1 - t) ** 2 + t**2))


def _check_slerp_at(call: StudentFunction, a: Tensor, b: Tensor, t: float) -> None:
    angle = torch.acos(a @ b / 36)

    def slerp(t: float) -> Tensor:
        return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)

    value = _tensor(call(a.clone(), b.clone(), t), (40,), "one z")
    if close(value, slerp(t), atol=1e-5):
        return
    line = (1 - t) * a + t * b
    if close(value, line, atol=1e-4):
        raise Wrong("That is the straight line: its middle is too short. Weight with sines of the angle instead.")
    if close(value, slerp(1 - t), atol=1e-4):
        raise Wrong("The ends are exchanged: t = 0 is a, t = 1 is b.")
    if close(value, 6 * line / line.norm(), atol=1e-4):
        raise Wrong(
            "That is the straight line, stretched back to the sphere: on the right curve, but it does not turn "
            "evenly. At t the angle from a must be t times the whole angle."
        )
    root = math.sqrt((1 - t) ** 2 + t**2)
    if close(value, line / root, atol=1e-4):
        raise Wrong("That is right for a right angle only: use the angle between a and b.")
    if close(value, math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b, atol=1e-4):
        raise Wrong("That is right for a right angle only: use the angle between a and b.")
    if close(value.norm(), torch.tensor(1.0).double(), atol=1e-3):
        raise Wrong("It has length 1: the weights apply to a and b as they are, not to their directions.")
    if not bool(value.isfinite().all()):
        raise Wrong(
            f"For t = {t:g} it gives NaN between two z of length 6: a cosine is between -1 and 1, so the inner product "
            "is divided by both lengths."
        )
    raise Wrong(
        f"For t = {t:g} its length is {float(value.norm()):.3g} between two z of length 6, and it lies "
        f"{float((value - slerp(t)).norm()):.3g} away from the right point."
    )


def _check_slerp(call: StudentFunction) -> str:
    a, b = torch.randn(2, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    a, b = 6 * a / a.norm(), 6 * b / b.norm()
    obtuse = 0.8 * a.norm() * (b - 1.5 * a) / (b - 1.5 * a).norm() * 1.25
    for end in (b, obtuse):
        for t in (0.25, 0.5, 0.9, 0.0, 1.0):
            _check_slerp_at(call, a, end, t)
    axis = 6 * torch.eye(40, dtype=torch.float64)[0]  # its angle to itself comes out as 0 exactly, on every machine
    for start, end in ((axis, axis.clone()), (a, a.clone()), (a, a * (1 + 1e-9))):
        same = _tensor(call(start.clone(), end, 0.3), (40,), "one z")
        if not bool(same.isfinite().all()):
            raise Wrong(
                "From z to the same z it gives NaN: the sine of the angle is 0 there. Return lerp in that case."
            )
        if not close(same, start, rtol=1e-2, atol=1e-2):
            raise Wrong("From z to the same z it leaves z.")
    return "It keeps to the sphere, turns evenly, and survives parallel vectors."


@exercise(
    title="Slerp, safely",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    Write equation 6.3 for two vectors `a` and `b` of the same length, shape `(d,)`, and a number `t`. It must survive
    `a == b`, where $\sin\omega = 0$, and rounding, which can carry a cosine beyond 1.
    """,
    hints=(
        "The cosine of the angle is a @ b divided by both lengths.",
        "`torch.acos(cosine.clamp(-1, 1))`. When the sine of the angle is tiny, a straight line is as good.",
        "`(torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)`",
    ),
    check=_check_slerp,
)
def slerp(a, b, t):
    """The point at share t of the great circle from a to b, (d,) each, both of the same length."""
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    if torch.sin(angle) < 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _check_arithmetic(call: StudentFunction) -> str:
    a, b, c = torch.randn(3, 3, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    value = numbers(call(a.clone(), b.clone(), c.clone()))
    if tuple(value.shape) == (3, 20):
        raise Wrong("It gives three z: take the mean over the samples of each group first.")
    value = _tensor(value.squeeze(), (20,), "one z")
    ma, mb, mc = a.mean(0), b.mean(0), c.mean(0)
    mistakes = [
        (3 * (ma - mb + mc), "These are sums, three times too long: take means."),
        (ma + mb - mc, "Signs: it is B that is taken away."),
        (mb - ma + mc, "Signs: A comes first, and it is B that is taken away."),
        (ma - mb - mc, "Signs: C is added."),
        (ma + mb + mc, "Signs: B is taken away."),
        (ma - mb, "C is missing."),
        (a[0] - b[0] + c[0], "It uses the first sample of each group only."),
        ((ma - mb + mc) / 3, "Do not divide by three again: the means have done that."),
    ]
    judge(value, ma - mb + mc, mistakes, [f"number {i}" for i in range(20)])
    return "Each mean has variance 1/3, and three of them add up to 1: the answer lies where G was trained."


@exercise(
    title="A − B + C",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    `a`, `b` and `c` hold three z each, shape `(3, d)`. Return the z of DCGAN's vector arithmetic, equation 6.4.
    """,
    hints=(
        "Which axis counts the samples?",
        "`.mean(0)` averages over the samples.",
        "`return a.mean(0) - b.mean(0) + c.mean(0)`",
    ),
    check=_check_arithmetic,
)
def arithmetic(a, b, c):
    """mean(a) - mean(b) + mean(c): (n, d) each -> (d,)."""
    return a.mean(0) - b.mean(0) + c.mean(0)


def _check_principal(call: StudentFunction) -> str:
    rng = torch.Generator().manual_seed(3)
    left = torch.linalg.qr(torch.randn(30, 12, generator=rng, dtype=torch.float64))[0]
    right = torch.linalg.qr(torch.randn(12, 12, generator=rng, dtype=torch.float64))[0]
    strengths = torch.linspace(5, 0.5, 12, dtype=torch.float64)
    w = (left * strengths) @ right.t()
    value = numbers(call(w.clone(), 3))
    if tuple(value.shape) in ((3, 30), (30, 3)):
        raise Wrong("These are directions in the layer's output: those in z are on the other side of W.")
    if tuple(value.shape) == (12, 3):
        raise Wrong("These are columns: one direction a *row* is expected, shape (k, d). Transpose.")
    value = _tensor(value, (3, 12), "three directions in z, one a row")

    def agree(vectors: Tensor) -> bool:
        return close((value * vectors).sum(1).abs(), torch.ones(3, dtype=torch.float64), atol=1e-3)

    lengths = value.norm(dim=1)
    unit = close(lengths, torch.ones(3, dtype=torch.float64))
    if unit and agree(right.t()[:3]):
        wide = torch.randn(4, 9, generator=rng, dtype=torch.float64)  # fewer outputs than numbers of z
        found = _tensor(call(wide.clone(), 2), (2, 9), "two directions in z, one a row")
        wanted = torch.linalg.svd(wide, full_matrices=False).Vh[:2]
        if not close((found * wanted).sum(1).abs(), torch.ones(2, dtype=torch.float64), atol=1e-3):
            raise Wrong("Right for 3 directions of a (30, 12) layer, but not for 2 of a (4, 9) one: use `k`.")
        return "The right singular vectors of W: nothing had to be drawn, since z has covariance I."
    directions = torch.nn.functional.normalize(value, dim=1)
    if close((directions * right.t()[:3]).sum(1).abs(), torch.ones(3, dtype=torch.float64), atol=1e-3):
        raise Wrong("The directions are right, their lengths are not: make them unit vectors.")
    if agree(right.t()[-3:]) or agree(right.t()[-3:].flip(0)):
        raise Wrong("These are the *weakest* directions: `eigh` sorts from small to large.")
    if agree(right.t()[:3].flip(0)):
        raise Wrong("The strongest comes first: turn the order round.")
    if close(value.abs(), right[:3].abs(), atol=1e-3):  # the sign of each column of V is the library's choice
        raise Wrong(
            "These are rows of V: its columns are the directions (`torch.linalg.svd` returns V already transposed)."
        )
    strongest = (w @ directions.t()).norm(dim=0)
    raise Wrong(
        f"Along your first direction the output changes by {float(strongest[0]):.2f} a unit; there is one with "
        f"{float(strengths[0]):.2f}."
    )


@exercise(
    title="The strongest directions of a layer",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    A first layer computes $y = Wz$, with `w` of shape `(outputs, d)` and $z \sim \mathcal N(0, I)$. Return the `k` unit
    directions in $z$ along which $y$ varies most, the strongest first, one a row: shape `(k, d)`. Signs do not matter.
    """,
    hints=(
        "How far does y move for a step v? |Wv|. Which unit v makes that largest?",
        "The right singular vector of W with the largest singular value, and so on.",
        "`torch.linalg.svd(w, full_matrices=False)` returns U, S and V transposed.",
    ),
    check=_check_principal,
)
def principal_directions(w, k):
    """The k unit vectors v (k, d) with the largest |W v|, the largest first."""
    return torch.linalg.svd(w, full_matrices=False).Vh[:k]


def _check_attribute(call: StudentFunction) -> str:
    rng = torch.Generator().manual_seed(4)
    z = torch.randn(80, 10, generator=rng, dtype=torch.float64)
    z[:, 1] = 0.8 * z[:, 0] + 0.6 * z[:, 1]  # two numbers that are correlated in this sample
    truth = torch.zeros(10, dtype=torch.float64)
    truth[[0, 4]] = torch.tensor([3.0, -4.0], dtype=torch.float64)
    y = z @ truth + 50 + 0.1 * torch.randn(80, generator=rng, dtype=torch.float64)
    z = z + 0.3
    found = numbers(call(z.clone(), y.clone()))
    value = found.flatten() if tuple(found.shape) in ((10, 1), (1, 10)) else _tensor(found, (10,), "one direction in z")
    centred = y - y.mean()
    right = torch.linalg.lstsq(z - z.mean(0), centred[:, None]).solution[:, 0]
    unit = right / right.norm()
    if close(value, unit, atol=1e-4):
        return "Least squares finds the direction, whatever else varies, and the mean does not disturb it."
    if close(value, right, atol=1e-3):
        raise Wrong(
            "The direction is right: divide it by its length, so that a unit of it is one standard deviation of z."
        )
    if close(value, -unit, atol=1e-4):
        raise Wrong("The sign is wrong: the attribute must grow along it.")
    without = torch.linalg.lstsq(z, y[:, None]).solution[:, 0]
    if close(value, without / without.norm(), atol=1e-4) or close(value, without, atol=5e-2):
        raise Wrong("The mean of y is fitted with directions: subtract the means first, or add a column of ones to z.")
    half = torch.linalg.lstsq(z, centred[:, None]).solution[:, 0]
    if close(value, half / half.norm(), atol=1e-4):
        raise Wrong("Only the mean of y is subtracted: z has a mean in this sample too.")
    if close(value, right / right.abs().sum(), atol=1e-4) or close(value, right / right.abs().max(), atol=1e-4):
        raise Wrong("Its length is not 1: divide by the root of the sum of squares, `norm()`.")
    covariance = (z - z.mean(0)).t() @ centred
    if close(value, covariance / covariance.norm(), atol=1e-4):
        raise Wrong(
            "That is z'y alone: where numbers of z are correlated in the sample, solve the least squares problem."
        )
    middle = y > y.median()
    difference = z[middle].mean(0) - z[~middle].mean(0)
    if close(value, difference / difference.norm(), atol=1e-4):
        raise Wrong("A difference of two means throws away how much y differs: use least squares.")
    told, _ = apart(float(value @ unit / value.norm().clamp(min=1e-9)), 1.0)
    raise Wrong(f"Its cosine with the least squares direction is {told}.")


@exercise(
    title="A direction from labels",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    `z` has shape `(n, d)`, and `y`, shape `(n,)`, is an attribute measured on the images $G(z)$. Return the unit
    vector along which `y` grows fastest, by least squares, equation 6.6.
    """,
    hints=(
        "A thickness is 3 pixels on average, not 0. What does least squares without a constant make of that?",
        "Subtract both means, solve, and divide by the length.",
        "`torch.linalg.lstsq(z - z.mean(0), (y - y.mean())[:, None]).solution[:, 0]`",
    ),
    check=_check_attribute,
)
def attribute_direction(z, y):
    """The unit vector (d,) along which y (n,) grows fastest as a linear function of z (n, d)."""
    direction = torch.linalg.lstsq(z - z.mean(0), (y - y.mean())[:, None]).solution[:, 0]
    return direction / direction.norm()


def _check_shape(z: Tensor, threshold: float) -> None:
    """`Wrong` unless z looks drawn from a normal distribution that is cut off at the threshold."""
    below = torch.special.ndtr(torch.tensor(-threshold, dtype=torch.float64))
    ranks = ((torch.special.ndtr(z) - below) / (1 - 2 * below)).clamp(0, 1)
    limit = 2.7 / math.sqrt(len(z))
    if ks_distance(ranks) <= limit:
        return
    if ks_distance(z / (2 * threshold) + 0.5) < limit:
        raise Wrong("These are uniform numbers: keep the normal's shape inside the threshold.")
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    std = math.sqrt(1 - 2 * threshold * density / (1 - 2 * float(below)))
    told, right = apart(float(z.std()), std)
    raise Wrong(
        f"Their mean is {float(z.mean()):.2f} and their standard deviation {told}; a normal cut off at {threshold:g} "
        f"has 0 and {right}. Do not rescale, and do not keep a part: draw numbers beyond the threshold again until "
        "none is left."
    )


def _check_truncated(call: StudentFunction) -> str:
    rows = _tensor(call(200, 100, 0.8), (200, 100), "200 z of 100 numbers")
    z = rows.flatten()
    if not bool(z.isfinite().all()):
        raise Wrong("Some numbers are not finite.")
    if float(z.abs().max()) > 0.8 + 1e-6:
        far = float(z[z.abs().argmax()])
        raise Wrong(
            f"A number is {far:.2f}, and the threshold is 0.8: both signs count, and what is drawn again can be beyond "
            "it again."
        )
    if float((z.abs() > 0.8 - 1e-4).double().mean()) > 0.02:
        raise Wrong("Many numbers lie exactly at the threshold: draw them again instead of clamping them.")
    if float(z.min()) >= 0:
        raise Wrong("All numbers are positive: the threshold is one for the absolute value, on both sides.")
    check_draws(rows)
    _check_shape(z, 0.8)
    other = _tensor(call(60, 150, 1.5), (60, 150), "60 z of 150 numbers")
    if float(other.abs().max()) > 1.5 + 1e-6:
        raise Wrong(f"With a threshold of 1.5 the largest number is {float(other.abs().max()):.2f}.")
    _check_shape(other.flatten(), 1.5)
    again = numbers(call(200, 100, 0.8)).flatten()
    if torch.equal(z, again):
        raise Wrong("It gives the same numbers each time: draw them afresh.")
    return "The normal's shape inside the threshold, nothing outside: BigGAN's truncation."


@exercise(
    title="BigGAN's truncation",
    difficulty="medium",
    minutes=7,
    prompt=r"""
    Draw `n` z of `d` numbers from the standard normal, in which numbers beyond `threshold` (in absolute value) are
    drawn again until none is left.
    """,
    hints=(
        "Draw all, then look which are too large in absolute value.",
        "A `while` loop: as long as any number is too large, replace those by fresh draws.",
        "`draws[far] = torch.randn(int(far.sum()))` with `far = draws.abs() > threshold`",
    ),
    check=_check_truncated,
)
def truncated_normal(n, d, threshold):
    """n z of d numbers, (n, d), from N(0, 1) cut off at -threshold and threshold."""
    draws = torch.randn(n, d)
    while (far := draws.abs() > threshold).any():
        draws[far] = torch.randn(int(far.sum()))
    return draws


class _SmallG(torch.nn.Module):
    """z (B, 6) -> images (B, 1, 4, 4) in [-1, 1], in float64: coarse differences shall not pass for gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(6, 12), torch.nn.Tanh(), torch.nn.Linear(12, 16), torch.nn.Tanh()
        ).double()

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z).view(-1, 1, 4, 4)


def _bright(x: Tensor) -> Tensor:
    """An attribute: exp of the left half's mean minus twice the right half's, images (B, 1, 4, 4) -> (B,)."""
    return (x[..., :2].mean((1, 2, 3)) - 2 * x[..., 2:].mean((1, 2, 3))).exp()


def _check_gradient(call: StudentFunction) -> str:
    G = _SmallG()
    z = torch.randn(5, 6, dtype=torch.float64)
    kept = z.clone()
    found = call(G, z, _bright)
    if not torch.equal(z.detach(), kept):
        raise Wrong("The z that it was given have changed: take the gradient at them, and leave them where they are.")
    if any(p.grad is not None for p in G.parameters()):
        raise Wrong("G's weights have gradients now: `torch.autograd.grad` asks for those of z alone.")
    value = _tensor(found, (5, 6), "one gradient for each z")
    at = kept.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_bright(G(at)).sum(), at)
    unit = gradient / gradient.norm(dim=1, keepdim=True)
    if close(value, unit, rtol=1e-4, atol=1e-6):
        return "Each z has a steepest direction of its own; their mean is what the linear fit finds."
    if close(value, gradient, rtol=1e-3):
        raise Wrong("The gradients are right: divide each by its own length.")
    if close(value, -unit, rtol=1e-3):
        raise Wrong("The attribute falls along these: the sign is wrong.")
    if close(value, gradient / gradient.norm(), rtol=1e-3):
        raise Wrong("All are divided by one length, that of the whole table: each z needs its own.")
    mean = gradient.mean(0) / gradient.mean(0).norm()
    if close(value, mean.expand(5, 6), rtol=1e-3):
        raise Wrong("That is the mean direction, the same for all z: here each z is to get its own.")
    raise Wrong(
        f"The cosine of your first direction with the gradient is "
        f"{float(value[0] @ unit[0] / value[0].norm().clamp(min=1e-9)):.2f}."
    )


@exercise(
    title="The steepest direction at a z",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    `attribute` takes images (B, 1, H, W) and returns one number for each, shape `(B,)`. For `z` of shape `(n, d)`
    return the unit vectors along which $\text{attribute}(G(z))$ grows fastest at each $z$, shape `(n, d)`. G keeps its
    weights, and `z` its numbers.
    """,
    hints=(
        "A gradient with respect to the input, not the weights. What must z be, so that autograd follows it?",
        "The sum over the batch has each z's own gradient in its row, since no image depends on another's z.",
        "`torch.autograd.grad(attribute(G(z)).sum(), z)` at a copy that requires gradients; then normalise the rows.",
    ),
    check=_check_gradient,
)
def steepest_directions(G, z, attribute):
    """The unit vectors (n, d) along which attribute(G(z)) (n,) grows fastest at each z (n, d)."""
    z = z.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(attribute(G(z)).sum(), z)
    return gradient / gradient.norm(dim=1, keepdim=True)
