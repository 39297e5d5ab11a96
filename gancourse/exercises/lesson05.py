"""Exercises of notebook 05, evaluation: `from gancourse.exercises import lesson05 as ex`."""

from __future__ import annotations

from collections.abc import Callable

import torch

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong, exercise
from gancourse.exercises.checking.judging import apart, judge, judge_one, numbers, scalar
from gancourse.exercises.checking.relations import relation


def _check_frechet_1d(call: StudentFunction) -> str:
    cases = torch.tensor([[0.0, 1.0, 3.0, 1.0], [0.0, 1.0, 0.0, 3.0], [1.0, 2.0, -1.0, 0.5], [2.0, 0.0, 5.0, 0.0]])
    m1, s1, m2, s2 = cases.double().T
    values = torch.stack([scalar(call(*map(float, case))) for case in cases])
    mistakes = [
        ((m1 - m2).square() + (s1.square() - s2.square()).square(), "It is the standard deviations that are compared."),
        ((m1 - m2).square() + (s1.square() - s2.square()).abs(), "It is (s1 - s2)^2: s1^2 + s2^2 - 2 s1 s2."),
        ((m1 - m2).abs() + (s1 - s2).abs(), "Both differences are squared."),
        (((m1 - m2).square() + (s1 - s2).square()).sqrt(), "FID is the squared distance: take no root at the end."),
        ((m1 - m2).square() + (s1 - s2).abs(), "Both differences are squared, that of the standard deviations too."),
        ((m1 - m2).square() + (s1 - s2).square() / 2, "Both squares count in full: no half."),
        ((m1 - m2).square() + (s1 + s2).square(), "It is the *difference* of the standard deviations: s1 - s2."),
        (
            (m1 - m2).square() + s1 + s2 - 2 * (s1 * s2).sqrt(),
            "s1 and s2 are standard deviations, and you take them for variances.",
        ),
        ((m1 - m2).square() - (s1 - s2).square(), "Both squares are added: spreads that differ add to the distance."),
        ((m1 - m2).square() + s1 - s2, "Both differences are squared, that of the standard deviations too."),
        (m1 - m2 + (s1 - s2).square(), "Both differences are squared, that of the means too."),
        ((s1 - s2).square(), "The means count too: (m1 - m2)^2 is missing."),
        ((m1 + m2).square() + (s1 - s2).square(), "It is the *difference* of the means: m1 - m2."),
        ((m1 - m2).square(), "The spreads count too: a collapsed generator may well have the right mean."),
        (
            (m1 - m2).square() + s1.square() + s2.square(),
            "This is the mean squared distance of independent pairs: the cheapest coupling pairs like with like.",
        ),
    ]
    points = [f"m1, s1 = {a:g}, {b:g} and m2, s2 = {c:g}, {d:g}" for a, b, c, d in cases.tolist()]
    judge(values, (m1 - m2).square() + (s1 - s2).square(), mistakes, points)
    return "Shift every point by m2 - m1, stretch by s2 / s1: no other way of moving one onto the other costs less."


@exercise(
    title="The Fréchet distance of two bell curves",
    difficulty="easy",
    minutes=3,
    prompt=r"""
    Return the squared Fréchet distance of $\mathcal N(m_1, s_1^2)$ and $\mathcal N(m_2, s_2^2)$ on the line; the
    arguments are two means and two standard deviations.
    """,
    hints=(
        "Which map takes the first bell curve onto the second, and how far does it move a point on average?",
        "x goes to m2 + (s2 / s1) (x - m1), so it moves by (m2 - m1) + (s2 / s1 - 1) (x - m1). Square, and average.",
        "`return (m1 - m2) ** 2 + (s1 - s2) ** 2`",
    ),
    check=_check_frechet_1d,
)
def frechet_1d(m1, s1, m2, s2):
    """The squared Fréchet distance of two normal distributions on the line, from means and standard deviations."""
    return (m1 - m2) ** 2 + (s1 - s2) ** 2


def _moments(points: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    centred = points - points.mean(0)
    return points.mean(0), centred.T @ centred / n


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _frechet(a: torch.Tensor, b: torch.Tensor, biased: bool = False) -> torch.Tensor:
    (m1, s1), (m2, s2) = _moments(a, len(a) - (not biased)), _moments(b, len(b) - (not biased))
    root = _root(s1)
    return (m1 - m2).square().sum() + s1.trace() + s2.trace() - 2 * _root(root @ s2 @ root).trace()


def _check_frechet(call: StudentFunction) -> str:
    rng = torch.Generator().manual_seed(5)
    a = torch.randn(400, 3, generator=rng, dtype=torch.float64) @ torch.randn(3, 3, generator=rng, dtype=torch.float64)
    b = torch.randn(300, 3, generator=rng, dtype=torch.float64) @ torch.randn(3, 3, generator=rng, dtype=torch.float64)
    b = b + torch.tensor([1.0, -0.5, 0.25])
    value = scalar(call(a.clone(), b.clone()))
    (m1, s1), (m2, s2) = _moments(a, 399), _moments(b, 299)
    shift = (m1 - m2).square().sum()
    traces = s1.trace() + s2.trace()
    mistakes = [
        (shift, "This is the distance of the means alone: where are the covariances?"),
        (_frechet(a, b) - shift, "The distance of the means is missing."),
        (shift + traces, "The last term is missing, - 2 tr((S1 S2)^1/2)."),
        (
            shift + traces - 2 * (_root(s1) @ _root(s2)).trace(),
            "The root of a product is not the product of the roots unless the matrices commute: take that of S1 S2.",
        ),
        (
            shift + traces - 2 * (s1 @ s2).diagonal().clamp(min=0).sqrt().sum(),
            "`torch.sqrt` takes the root of each number. The root of the matrix is meant: its eigenvalues' roots.",
        ),
        (
            shift + (s1.diagonal().sqrt() - s2.diagonal().sqrt()).square().sum(),
            "This treats the features as independent: the off-diagonal covariances are left out.",
        ),
        (shift + traces - _root(_root(s1) @ s2 @ _root(s1)).trace(), "The last trace counts twice."),
        (_frechet(a, b).sqrt(), "FID is the squared distance: take no root at the end."),
        (2 * shift + 2 * traces - _frechet(a, b), "The last term has the wrong sign: - 2 tr((S1 S2)^1/2)."),
        (
            shift + traces - 2 * (s1 @ s2).trace(),
            "The root is missing: the last term is made of the roots of the eigenvalues of S1 S2.",
        ),
        (
            _frechet(a, b) - shift + shift / 3,
            "The squared distance of the means is a sum over the features: you take its mean.",
        ),
        (_frechet(a, b) - shift + shift.sqrt(), "The distance of the means is to be squared."),
        (_frechet(a, b) - s1.trace(), "The trace of the first covariance is missing."),
        (_frechet(a, b) - s2.trace(), "The trace of the second covariance is missing."),
    ]
    expected = _frechet(a, b)
    if abs(value - _frechet(a, b, biased=True)) < 1e-6 * expected:
        return "Right (your covariances divide by n and not by n - 1, which makes no difference that matters here)."
    for mistaken, message in mistakes:
        if abs(value - mistaken) < 2e-5 * mistaken.abs():
            raise Wrong(message)
    if not abs(value - expected) < 2e-5 * expected:
        told, right = apart(float(value), float(expected))
        related = relation(value.reshape(1), expected.reshape(1))
        raise Wrong(f"For 400 and 300 points in 3 dimensions it gives {told}, and {right} is right. {related}".rstrip())
    return "Nothing else is behind the letters FID, but the choice of the features."


@exercise(
    title="FID by hand",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    Return the squared Fréchet distance (5.3) of two sets of features, float64 tensors of shape $(N, F)$ and $(M, F)$.
    The trace of the root of $\Sigma_1\Sigma_2$ is the sum of the roots of its eigenvalues, which are real and not
    negative, though `torch.linalg.eigvals` returns them as complex numbers.
    """,
    hints=(
        "Two means, two covariances; which four terms are added?",
        "`torch.cov` wants the features in rows, so pass `.T`. The eigenvalues of `cov1 @ cov2` give the last term.",
        "The last term is `2 * torch.linalg.eigvals(s1 @ s2).real.clamp(min=0).sqrt().sum()`.",
    ),
    check=_check_frechet,
)
def frechet(a, b):
    """The squared Fréchet distance of features (N, F) and (M, F), in float64."""
    s1, s2 = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvals(s1 @ s2).real.clamp(min=0).sqrt()
    shift = (a.mean(0) - b.mean(0)).square().sum()
    return shift + s1.trace() + s2.trace() - 2 * roots.sum()


def _kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _check_unbiased_mmd(call: StudentFunction) -> str:
    rng = torch.Generator().manual_seed(6)
    a, b = torch.randn(2, 7, 4, generator=rng, dtype=torch.float64)
    aa, bb, ab = _kernel(a, a), _kernel(b, b), _kernel(a, b)
    value = scalar(call(aa.clone(), bb.clone(), ab.clone()))
    n = 7

    def apart(k: torch.Tensor) -> torch.Tensor:
        return (k.sum() - k.trace()) / (n * (n - 1))

    expected = apart(aa) + apart(bb) - 2 * ab.mean()
    mistakes = [
        (
            aa.mean() + bb.mean() - 2 * ab.mean(),
            "Every point is compared with itself too, on the diagonals: that is the biased estimate, never below 0.",
        ),
        (apart(aa) + apart(bb) - ab.mean(), "The mixed mean counts twice: (x - y)^2 = x^2 + y^2 - 2xy."),
        (
            apart(aa) + apart(bb) - 2 * apart(ab),
            "The mixed matrix has no point compared with itself: its diagonal belongs to the mean.",
        ),
        (
            (aa.sum() - aa.trace() + bb.sum() - bb.trace()) / n**2 - 2 * ab.mean(),
            "Without its diagonal a matrix has n (n - 1) entries, not n^2.",
        ),
        (apart(aa) + apart(bb) + 2 * ab.mean(), "The mixed mean has the wrong sign: it is subtracted, twice."),
        (apart(aa) + apart(bb), "The mixed mean is missing: twice the mean of the third matrix is subtracted."),
        (apart(aa) + apart(bb) - 2 * ab.sum(), "The third matrix is summed: take its mean, over all n^2 entries."),
        (
            (apart(aa) + apart(bb)) * n * (n - 1) - 2 * ab.mean(),
            "Within the sets you sum: divide by the number of pairs, n (n - 1).",
        ),
        *[
            (
                (apart(aa) + apart(bb)) * n * (n - 1) / few - 2 * ab.mean(),
                f"Within the sets you divide by {told}: there are n (n - 1) pairs of different points.",
            )
            for few, told in ((n, "n"), (n - 1, "n - 1"), (n * (n - 1) / 2, "n (n - 1) / 2"))
        ],
        (
            (aa.sum() + bb.sum()) / (n * (n - 1)) - 2 * ab.mean(),
            "The diagonals are still in the sums: subtract their traces.",
        ),
        (expected.clamp(min=0), "Do not cut it off at 0: then it is no longer right on average."),
        (2 * ab.mean() - apart(aa) - apart(bb), "The sign is turned round: sets that are far apart must score high."),
    ]
    judge_one(value, expected, mistakes, "two sets of 7 points")
    return "Right on average at any number of samples, and so below 0 now and then."


@exercise(
    title="KID without bias",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    Given the kernel's values within the first set, within the second, and between them (three $n \times n$ matrices),
    return the unbiased estimate of the squared distance: the sum of the two means over all pairs of *different* points
    within a set, minus twice the mean over all pairs between the sets.
    """,
    hints=(
        "Which entries of the first two matrices compare a point with itself?",
        "Sum everything, subtract the trace, divide by n (n - 1). In the third matrix every entry is a fair pair.",
        "`within = lambda k: (k.sum() - k.trace()) / (len(k) * (len(k) - 1))`",
    ),
    check=_check_unbiased_mmd,
)
def unbiased_mmd(k_real, k_fake, k_between):
    """The unbiased squared kernel distance from three (n, n) matrices of kernel values."""
    n = len(k_real)
    within = (k_real.sum() - k_real.trace() + k_fake.sum() - k_fake.trace()) / (n * (n - 1))
    return within - 2 * k_between.mean()


def _check_extrapolate(call: StudentFunction) -> str:
    n = torch.tensor([500.0, 1000.0, 2000.0, 5000.0, 10_000.0], dtype=torch.float64)
    exact = 2.5 + 3000 / n
    value = scalar(call(n.clone(), exact.clone()))
    if abs(value - 3000) < 1:
        raise Wrong("This is the slope: the intercept is asked for, where 1/n is 0.")
    if abs(value - exact[-1]) < 1e-6:
        raise Wrong("This is the distance at the largest n, bias and all: extend the line to 1/n = 0.")
    if abs(value - exact.mean()) < 1e-6:
        raise Wrong("This is the mean of the distances: fit a line against 1/n.")
    slope = ((n - n.mean()) * (exact - exact.mean())).sum() / (n - n.mean()).square().sum()
    if abs(value - (exact.mean() - slope * n.mean())) < 1e-3:
        raise Wrong("The line is fitted against n: against 1/n the points lie on one.")
    u = 1 / n
    slope = ((u - u.mean()) * (exact - exact.mean())).sum() / (u - u.mean()).square().sum()
    if abs(value - (exact.mean() + slope * u.mean())) < 1e-3:
        raise Wrong("The sign is turned: the line goes through the means, so the intercept is mean FID - slope mean u.")
    for share in (len(n), 1 / len(n), (len(n) - 1) / len(n), len(n) / (len(n) - 1)):
        if abs(value - (exact.mean() - share * slope * u.mean())) < 1e-3:
            raise Wrong(
                f"The slope is {share:.3g} times what it should be: covariance and variance are both sums, or both "
                "means over the same n."
            )
    if abs(value - 2.5) > 1e-4:
        raise Wrong(f"For distances 2.5 + 3000/n it gives {value:.4g}, and 2.5 is right.")
    noise = torch.tensor([0.3, -0.2, 0.1, 0.0, -0.1], dtype=torch.float64)
    slope = ((u - u.mean()) * (exact + noise - (exact + noise).mean())).sum() / (u - u.mean()).square().sum()
    fitted = (exact + noise).mean() - slope * u.mean()
    value = scalar(call(n.clone(), exact + noise))
    if abs(value - fitted) > 1e-3:
        raise Wrong(
            f"Right on exact points, but with noise it gives {value:.5g} where least squares over all of them give "
            f"{fitted:.5g}: use every point, not two of them."
        )
    return "The intercept estimates what infinitely many samples would score; it carries the noise of all the points."


@exercise(
    title="What would infinitely many samples score?",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    FID from $n$ samples lies near $\mathrm{FID}_\infty + c/n$. Given the numbers of samples and the distances, two
    float64 tensors of shape $(K,)$, fit a line against $1/n$ by least squares and return its value at $1/n = 0$.
    """,
    hints=(
        "On which axis do the points lie on a straight line?",
        "With u = 1/n: slope = cov(u, FID) / var(u), and the line goes through the two means.",
        "`np.polyfit(1 / n, fids, 1)` returns slope and intercept; or a `torch.linalg.lstsq` with columns 1 and 1/n.",
    ),
    check=_check_extrapolate,
)
def extrapolate(n, fids):
    """The intercept of the least-squares line of fids (K,) against 1 / n (K,)."""
    u = 1 / n
    slope = ((u - u.mean()) * (fids - fids.mean())).sum() / (u - u.mean()).square().sum()
    return fids.mean() - slope * u.mean()


def _check_precision(call: StudentFunction) -> str:
    # The fake at 5.8 is nearest to 6.5, whose ball is small, and lies in the large ball of 4
    real = torch.tensor([[0.0], [1.0], [2.0], [4.0], [6.5], [6.6], [20.0], [21.0]], dtype=torch.float64)
    fake = torch.tensor([[0.4], [5.8], [2.9], [12.0], [22.5], [21.5], [40.0], [0.6]], dtype=torch.float64)
    mixed = torch.Generator().manual_seed(7)
    cloud = torch.randn(40, 3, generator=mixed, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.3])
    thrown = 1.2 * torch.randn(60, 3, generator=mixed, dtype=torch.float64)
    scenes = [(real, fake), (cloud, thrown)]
    value = torch.stack([scalar(call(one.clone(), two.clone())) for one, two in scenes])

    def share(formula: Callable[..., torch.Tensor], p: float = 2) -> torch.Tensor:
        """The formula of fake-to-real distances, radii, and fakes' own radii, in both scenes."""
        found = []
        for one, two in scenes:
            within, own = torch.cdist(one, one, p=p).sort(1).values, torch.cdist(two, two, p=p).sort(1).values
            found.append(formula(torch.cdist(two, one, p=p), within[:, 1], own[:, 1], within[:, 2]).double().mean())
        return torch.stack(found)

    def nearest_only(d: torch.Tensor, r: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return d.min(1).values <= r[d.argmin(1)]

    expected = share(lambda d, r, *_: (d <= r).any(1))
    mistakes = [
        (
            share(nearest_only),
            "You ask the nearest real point's ball alone: another point's ball may be larger and reach the fake.",
        ),
        (
            share(lambda d, r, *_: (d <= r).any(0)),
            "This is a share of the real points: precision asks about the fakes.",
        ),
        (
            share(lambda d, r, own, _: (own >= d.T).any(1)),
            "This is the recall: the balls stand round the real points.",
        ),
        (
            share(lambda d, *_: (d <= 0).any(1)),
            "The nearest point to a real point is itself, at 0: leave it out, or take the second smallest distance.",
        ),
        (share(lambda d, r, own, second: (d <= second).any(1)), "These balls reach to the second nearest other point."),
        (share(lambda d, r, *_: (d <= r).any(1), p=1), "These are sums of coordinate distances: `torch.cdist(a, b)`."),
        (
            share(lambda d, r, *_: (d <= r.max()).any(1)),
            "Every ball has its own radius, that of its centre's neighbour.",
        ),
        (share(lambda d, r, *_: d <= r), "A fake counts once, however many balls it lies in: is it in any?"),
        (share(lambda d, r, *_: (d <= r.mean()).any(1)), "Every ball has its own radius, not the mean one."),
        (share(lambda d, r, *_: (d <= r / 2).any(1)), "The balls reach *to* the nearest other point, not half-way."),
        (1 - expected, "This is the share of fakes outside."),
        (
            expected * torch.tensor([float(len(two)) for _, two in scenes], dtype=torch.float64),
            "This is how many fakes lie inside: their share is asked for, the mean.",
        ),
    ]
    judge(value, expected, mistakes, ["8 real and 8 fake points", "40 real and 60 fake points"])
    return "Inside one ball is enough; and one outlier among the real points makes a ball that holds far too much."


@exercise(
    title="Precision from balls",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Round every real point stands a ball that reaches to its nearest *other* real point ($k = 1$). Return the share of
    the fake points that lie in at least one ball. Both sets are float64 tensors, $(N, F)$ and $(M, F)$.
    """,
    hints=(
        "Two tables of distances are needed: real to real for the radii, fake to real for the question.",
        "In the first table every row holds a 0, the point itself: sort each row and take the second.",
        "`torch.cdist(real, real).sort(1).values[:, 1]` are the radii; compare `torch.cdist(fake, real)` with them.",
    ),
    check=_check_precision,
)
def precision(real, fake):
    """The share of fake points (M, F) inside the balls of the real ones (N, F), k = 1."""
    radius = torch.cdist(real, real).sort(1).values[:, 1]
    inside = torch.cdist(fake, real) <= radius
    return inside.any(1).double().mean()


def _check_inception_score(call: StudentFunction) -> str:
    p = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.5, 0.5, 0.0]], dtype=torch.float64)
    value = numbers(call(p.clone()))
    if value.numel() != 1:
        raise Wrong(f"It returned {describe((value,))}: one number for the whole set is expected.")
    if value.isnan().any():
        raise Wrong("It gives nan where a probability is exactly 0: 0 log 0 is 0. `torch.special.xlogy` knows that.")
    share = p.mean(0)
    inner = torch.special.xlogy(p, p).sum(1).mean()
    outer = torch.special.xlogy(share, share).sum()
    mistakes = [
        (inner - outer, "This is the logarithm of the score: take exp at the end."),
        ((-inner).exp(), "This is exp of the mean entropy of the single answers: subtract it from that of their mean."),
        ((-outer).exp(), "This is exp of the entropy of the mean answer: how sure is the classifier of each image?"),
        ((outer - inner).exp(), "The difference is turned round: a sure classifier and even classes must score high."),
        *[
            (
                (sure - torch.special.xlogy(mean, mean).sum()).exp(),
                "A sum or a mean goes along the wrong axis: rows are images, so the mean answer is `p.mean(0)`, and "
                "`xlogy(p, p).sum(1)` is that of each image.",
            )
            for sure in (inner, torch.special.xlogy(p, p).sum(0).mean())
            for mean in (share, p.mean(1))
            if sure is not inner or mean is not share
        ],
        (
            (inner * len(p) - outer).exp(),
            "The entropies of the images are summed: take their mean, or more images give another score.",
        ),
        (
            (inner / p.shape[1] - outer).exp(),
            "An image's p log p are averaged over the classes: they are summed, `sum(1)`, then averaged over images.",
        ),
        (
            (inner - torch.special.xlogy(p.sum(0), p.sum(0)).sum()).exp(),
            "The answers are summed: their mean, `p.mean(0)`, is what sums to 1.",
        ),
        ((inner + outer).exp(), "The two entropies are added: the score is exp of their difference."),
        (
            (torch.special.xlogy(p, p).sum(1) - torch.special.xlogy(p, share).sum(1)).exp().mean(),
            "The mean is taken before exp, not after it.",
        ),
    ]
    expected = (inner - outer).exp()
    judge_one(value, expected, mistakes, "four images")
    return "From 1 (all answers alike) to the number of classes; the real images never enter."


@exercise(
    title="Inception score",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    `p` holds a classifier's probabilities for $N$ images, $(N, K)$, rows that sum to 1, exact zeros among them. Return
    $\exp\big(\tfrac1N\sum_i \mathrm{KL}(p_i \,\|\, \bar p)\big)$, where $\bar p$ is the mean of the rows.
    """,
    hints=(
        "The mean KL is the mean of sum p log p minus the sum of the mean p times its logarithm.",
        "`torch.special.xlogy(p, p)` is p log p, and 0 where p is 0.",
        "exp of `xlogy(p, p).sum(1).mean() - xlogy(m, m).sum()` with `m = p.mean(0)`.",
    ),
    check=_check_inception_score,
)
def inception_score(p):
    """exp of the mean KL of each row of p (N, K) from the mean row."""
    share = p.mean(0)
    certainty = torch.special.xlogy(p, p).sum(1).mean()
    return (certainty - torch.special.xlogy(share, share).sum()).exp()


def _check_torn(call: StudentFunction) -> str:
    rng = torch.Generator().manual_seed(11)
    z = torch.randn(8, 3, generator=rng, dtype=torch.float64)
    z[:4, 0] = torch.tensor([-2.0, -0.2, 0.2, 2.0], dtype=torch.float64)
    edges, centres = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64), torch.randn(4, 3, generator=rng).double()
    value = numbers(call(z.clone(), edges.clone(), centres.clone()))
    if value.shape != z.shape:
        raise Wrong(f"It returned {describe((value,))}: one point for each z is expected, {tuple(z.shape)}.")
    code = torch.bucketize(z[:, 0].contiguous(), edges)
    last = torch.bucketize(z[:, -1].contiguous(), edges)
    mistakes = [
        (centres[code], "This is the centre alone: all z of an interval would give one image. Add z."),
        (z + centres[last], "The interval is that of the first coordinate, `z[:, 0]`."),
        (z + centres[(code - 1).clamp(min=0)], "One too low: a z below the first end lies in interval 0."),
        (z + centres[(code + 1).clamp(max=3)], "One too high: a z below the first end lies in interval 0."),
        (z - centres[code], "The centre is added."),
        (z, "Nothing moved: add the centre of z's interval."),
    ]
    points = [f"z number {i}, coordinate {j}" for i in range(len(z)) for j in range(3)]
    judge(value.flatten(), (z + centres[code]).flatten(), [(m.flatten(), text) for m, text in mistakes], points)
    return "Still drawn as ever, from N(0, I); but two z on either side of an end now land far apart."


@exercise(
    title="Tear a ball",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    `z` is $(B, d)$; `edges`, $(K - 1,)$, are ascending numbers that cut the line into $K$ intervals; `centres` is
    $(K, d)$. Return $z + c_k$, $(B, d)$, where $k$, from 0, is the number of the interval that the first coordinate of
    $z$ lies in.
    """,
    hints=(
        "How many of the ends lie below the first coordinate? That is the number of its interval.",
        "`torch.bucketize(numbers, edges)` counts them; `centres[k]` picks a row for each k.",
        "`return z + centres[torch.bucketize(z[:, 0].contiguous(), edges)]`",
    ),
    check=_check_torn,
)
def torn(z, edges, centres):
    """z (B, d), moved by the centre of the interval that its first coordinate lies in."""
    return z + centres[torch.bucketize(z[:, 0].contiguous(), edges)]


def _mixture() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """300 training points, 1,000 unseen ones, 200 samples: 50 copies, 10 close calls, 40 ordinary, 100 far away."""
    rng = torch.Generator().manual_seed(12)
    train, unseen = (torch.randn(n, 3, generator=rng, dtype=torch.float64) for n in (300, 1000))
    smallest = torch.cdist(unseen, train).min(1).values.sort().values
    between = (smallest[3] + smallest[6]) / 2  # nearer than 99 % of the unseen ones, and not than all
    apart = torch.cdist(train, train).fill_diagonal_(9.0).min(1).values > 4 * between
    near = train[50:][apart[50:]][:10] + torch.tensor([between, 0.0, 0.0])
    ordinary, far = (torch.randn(n, 3, generator=rng, dtype=torch.float64) for n in (40, 100))
    return train, unseen, torch.cat([train[:50], near, ordinary, 12 * far + 20])


def _check_copied_share(call: StudentFunction) -> str:
    train, unseen, fake = _mixture()
    value = scalar(call(train.clone(), unseen.clone(), fake.clone()))
    d, usual = torch.cdist(fake, train).min(1).values, torch.cdist(unseen, train).min(1).values
    between = torch.cdist(fake, unseen).min(1).values
    expected = (d < usual.quantile(0.01)).double().mean()
    mistakes = [
        (1 - expected, "This is the share of samples that are no nearer: the other ones are asked for."),
        ((d < usual.median()).double().mean(), "Half of the unseen images are nearer than their median: take 1 %."),
        ((d < usual.quantile(0.99)).double().mean(), "Nearer than 99 % of them means below the 1 % quantile."),
        ((d < usual.min()).double().mean(), "This asks for samples nearer than every unseen image: 99 % will do."),
        (len(d) * expected, "This is how many they are: their share is asked for, the mean."),
        ((d < 1e-12).double().mean(), "This counts exact copies: one changed pixel, and a copy is missed."),
        (
            (usual < usual.quantile(0.01)).double().mean(),
            "This is the share of the unseen images, 1 % by construction.",
        ),
        ((between < usual.quantile(0.01)).double().mean(), "The distances are those to the training images."),
        (
            torch.zeros((), dtype=torch.float64),
            "The limit is a quantile of the unseen images' distances: the samples' own ones, and the mean of their "
            "distances, hide the copies behind the many that are far away.",
        ),
    ]
    judge(
        value.reshape(1),
        expected.reshape(1),
        [(m.reshape(1), t) for m, t in mistakes],
        ["200 samples, 50 copied"],
    )
    return "Every fourth of these samples is a copy, yet on average they are farther away than unseen images."


@exercise(
    title="Which samples are copies?",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    `train` $(N, F)$, `unseen` $(U, F)$ and `fake` $(M, F)$ are float64 features of training images, of real images that
    were not trained on, and of samples. Return the share of the samples whose distance to the nearest training image is
    below the 1 % quantile of the same distance of the unseen images.
    """,
    hints=(
        "Two lists of distances are needed: of each sample, and of each unseen image, to its nearest training image.",
        "`torch.cdist(fake, train).min(1).values` is the first list; `.quantile(0.01)` of the second is the limit.",
        "`return (to_train(fake) < to_train(unseen).quantile(0.01)).double().mean()`",
    ),
    check=_check_copied_share,
)
def copied_share(train, unseen, fake):
    """The share of samples nearer to the training set than 99 % of the unseen images are."""
    usual = torch.cdist(unseen, train).min(1).values
    return (torch.cdist(fake, train).min(1).values < usual.quantile(0.01)).double().mean()


def _check_fool_recall(call: StudentFunction) -> str:
    rng = torch.Generator().manual_seed(13)
    real = torch.randn(400, 16, generator=rng, dtype=torch.float64) + 4 * torch.eye(16)[torch.arange(400) % 10]
    fake = numbers(call(real.clone()))
    if fake.shape != real.shape:
        raise Wrong(f"It returned {describe((fake,))}: as many points as there are real ones, {tuple(real.shape)}.")
    if not fake.isfinite().all():
        raise Wrong("Some of the numbers are not finite.")
    between = torch.cdist(real, fake)
    reach = torch.cdist(fake, fake).sort(1).values[:, 3]
    wide = torch.cdist(real, real).sort(1).values[:, 5]
    recall = (between <= reach).any(1).double().mean().item()
    coverage = (between <= wide[:, None]).any(1).double().mean().item()
    scored = f"They have recall {recall:.2f} and coverage {coverage:.2f}"
    if recall < 0.9 and coverage > 0.1:
        raise Wrong(f"{scored}: recall is to be above 0.9, and coverage below 0.1.")
    if coverage > 0.1:
        raise Wrong(f"{scored}: that is honest variety. No point may come near the real ones.")
    if recall < 0.9:
        raise Wrong(
            f"{scored}: the balls that stand round your points must hold the real ones. What makes balls large?"
        )
    return f"{scored}: not one of your points is worth anything, and recall is delighted."


@exercise(
    title="Fool recall",
    difficulty="medium",
    minutes=6,
    prompt=r"""
    `real` is $(N, F)$, float64. Return as many points, $(N, F)$, with a recall ($k = 3$) above 0.9 though hardly any
    real point has one of yours in its ball: with a coverage ($k = 5$) below 0.1.
    """,
    hints=(
        "Recall's balls stand round *your* points, and reach to the third-nearest of them. How do you make them large?",
        "Points far from one another have large balls. Scatter them widely, round the middle of the real ones.",
        "Move every real point away from their mean, to several times its distance.",
    ),
    check=_check_fool_recall,
)
def fool_recall(real):
    """As many points as the real ones (N, F), none of them near one, with a high recall."""
    return real.mean(0) + 4 * (real - real.mean(0))
