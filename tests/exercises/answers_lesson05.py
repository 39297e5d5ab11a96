"""Answers to the exercises of lesson05: right ones, and wrong ones with a part of their message."""

from typing import Any

import numpy as np
import torch
from scipy.linalg import sqrtm


def frechet_scipy(a, b):
    a, b = a.numpy(), b.numpy()
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(s1 @ s2)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(root))


def matrix_root(s):
    values, vectors = torch.linalg.eigh(s)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_by(root, divisor=1, factor=2.0, final=lambda d: d):
    """The distance with one part exchanged; divisor: what is taken off n in the covariance."""

    def answer(a, b):
        s1, s2 = torch.cov(a.T, correction=divisor), torch.cov(b.T, correction=divisor)
        shift = (a.mean(0) - b.mean(0)).square().sum()
        return final(shift + s1.trace() + s2.trace() - factor * root(s1, s2))

    return answer


def symmetric(s1, s2):
    r = matrix_root(s1)
    return matrix_root(r @ s2 @ r).trace()


def mmd(within, factor=2.0, between=lambda k: k.mean(), final=lambda d: d):
    def answer(k_real, k_fake, k_between):
        return final(within(k_real) + within(k_fake) - factor * between(k_between))

    return answer


def apart(k):
    return k[~torch.eye(len(k), dtype=torch.bool)].mean()


def extrapolate_lstsq(n, fids):
    design = torch.stack([torch.ones_like(n), 1 / n], 1)
    return torch.linalg.lstsq(design, fids[:, None]).solution[0, 0]


def extrapolate_numpy(n, fids):
    return np.polyfit(1 / n.numpy(), fids.numpy(), 1)[1]


def two_points(n, fids):
    return (n[-1] * fids[-1] - n[0] * fids[0]) / (n[-1] - n[0])


def precision_loop(real, fake):
    hits = 0
    for point in fake:
        inside = False
        for i, centre in enumerate(real):
            others = torch.cat([real[:i], real[i + 1 :]])
            inside |= bool((point - centre).norm() <= (others - centre).norm(dim=1).min())
        hits += inside
    return hits / len(fake)


def precision_topk(real, fake):
    radius = torch.cdist(real, real).topk(2, largest=False).values[:, 1]
    return (torch.cdist(fake, real) <= radius[None]).sum(1).clamp(max=1).float().mean()


def precision_with(radius=lambda w: w.sort(1).values[:, 1], share=lambda i: i.any(1).double().mean()):
    return lambda real, fake: share(torch.cdist(fake, real) <= radius(torch.cdist(real, real)))


def recall(real, fake):
    return precision_topk(fake, real)


def torn_by_counting(z, edges, centres):
    return z + centres[(z[:, :1] > edges).sum(1)]


def torn_by_loop(z, edges, centres):
    return torch.stack([row + centres[sum(float(row[0]) > float(e) for e in edges)] for row in z])


def torn_with(place=lambda z, c: z + c, column=0, step=0):
    def answer(z, edges, centres):
        code = torch.bucketize(z[:, column].contiguous(), edges)
        return place(z, centres[(code + step).clamp(0, len(centres) - 1)])

    return answer


def xlogx(p):
    return torch.special.xlogy(p, p)


def score_by_kl(p):
    m = p.mean(0, keepdim=True)
    kl = torch.where(p > 0, p * (p.clamp(min=1e-300) / m).log(), torch.zeros_like(p)).sum(1)
    return kl.mean().exp().item()


def score_by_entropies(p):
    entropy = torch.distributions.Categorical(probs=p).entropy().mean()
    return float(torch.exp(torch.distributions.Categorical(probs=p.mean(0)).entropy() - entropy))


def copies_with(limit=lambda usual, d: usual.quantile(0.01), share=lambda below: below.double().mean()):
    """The exercise's solution with one part exchanged; d: the samples' distances, usual: the unseen images'."""

    def answer(train, unseen, fake):
        d, usual = (torch.cdist(points, train).min(1).values for points in (fake, unseen))
        return share(d < limit(usual, d))

    return answer


def copies_numpy(train, unseen, fake):
    d, usual = (np.array([((p - train.numpy()) ** 2).sum(1).min() for p in x.numpy()]) for x in (fake, unseen))
    return np.mean(d < np.percentile(usual, 1))  # squares keep the order


def copies_sorted(train, unseen, fake):
    usual = torch.cdist(unseen, train).amin(1).sort().values[len(unseen) // 100]
    return (torch.cdist(fake, train).amin(1) < usual).float().mean().item()


def on_average(train, unseen, fake):
    return float(torch.cdist(fake, train).min(1).values.mean() < torch.cdist(unseen, train).min(1).values.mean())


def wide_cloud(real):
    return real.mean(0) + 5 * real.std() * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))


def by_lists(real):
    mean = real.mean(0)
    return [[3.5 * (v - m) + m for v, m in zip(row, mean.tolist(), strict=True)] for row in real.tolist()]


RIGHT = {
    "frechet_1d": [
        lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1**2 + s2**2 - 2 * s1 * s2,
        lambda m1, s1, m2, s2: torch.tensor([m1 - m2, s1 - s2]).square().sum(),
    ],
    "frechet": [frechet_scipy, frechet_by(symmetric), frechet_by(symmetric, divisor=0)],
    "unbiased_mmd": [
        mmd(apart),
        lambda a, b, c: sum((k.sum() - k.diagonal().sum()) / (len(k) ** 2 - len(k)) for k in (a, b)) - 2 * c.mean(),
    ],
    "extrapolate": [extrapolate_lstsq, extrapolate_numpy],
    "precision": [precision_loop, precision_topk],
    "inception_score": [score_by_kl, score_by_entropies],
    "torn": [torn_by_counting, torn_by_loop],
    "copied_share": [copies_with(), copies_numpy, copies_sorted],
    "fool_recall": [wide_cloud, by_lists, lambda real: (6 * (real - real.mean(0)) + real.mean(0)).numpy()],
}

WRONG = {
    "frechet_1d": {
        "taken for variances": (
            lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1 + s2 - 2 * (s1 * s2) ** 0.5,
            "take them for var",
        ),
        "variances": (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1**2 - s2**2) ** 2, "standard deviations"),
        "root": (lambda m1, s1, m2, s2: ((m1 - m2) ** 2 + (s1 - s2) ** 2) ** 0.5, "take no root"),
        "means alone": (lambda m1, s1, m2, s2: (m1 - m2) ** 2, "spreads count"),
        "independent": (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1**2 + s2**2, "pairs like with like"),
        "absolute": (lambda m1, s1, m2, s2: abs(m1 - m2) + abs(s1 - s2), "squared"),
    },
    "frechet": {
        "product of roots": (
            frechet_by(lambda s1, s2: (matrix_root(s1) @ matrix_root(s2)).trace()),
            "not the product of the roots",
        ),
        "elementwise": (frechet_by(lambda s1, s2: (s1 @ s2).diagonal().clamp(min=0).sqrt().sum()), "each number"),
        "no last term": (frechet_by(symmetric, factor=0.0), "last term is missing"),
        "once": (frechet_by(symmetric, factor=1.0), "counts twice"),
        "root": (frechet_by(symmetric, final=lambda d: d.sqrt()), "take no root"),
        "means": (lambda a, b: (a.mean(0) - b.mean(0)).square().sum(), "means alone"),
        "independent": (
            lambda a, b: (a.mean(0) - b.mean(0)).square().sum() + (a.std(0) - b.std(0)).square().sum(),
            "independent",
        ),
    },
    "unbiased_mmd": {
        "biased": (mmd(lambda k: k.mean()), "never below 0"),
        "once": (mmd(apart, factor=1.0), "counts twice"),
        "diagonal everywhere": (mmd(apart, between=apart), "belongs to the mean"),
        "n squared": (mmd(lambda k: (k.sum() - k.trace()) / len(k) ** 2), "n (n - 1)"),
        "sign": (mmd(apart, final=lambda d: -d), "turned round"),
    },
    "extrapolate": {
        "slope": (lambda n, f: np.polyfit(1 / n.numpy(), f.numpy(), 1)[0], "slope"),
        "largest": (lambda n, f: f[-1], "bias and all"),
        "mean": (lambda n, f: f.mean(), "mean of the distances"),
        "against n": (lambda n, f: np.polyfit(n.numpy(), f.numpy(), 1)[1], "against 1/n"),
        "two points": (two_points, "use every point"),
    },
    "precision": {
        "self": (precision_with(lambda w: w.sort(1).values[:, 0]), "itself"),
        "recall": (recall, "This is the recall"),
        "coverage": (precision_with(share=lambda i: i.any(0).double().mean()), "share of the real"),
        "one radius": (precision_with(lambda w: w.sort(1).values[:, 1].max()), "own radius"),
        "pairs": (precision_with(share=lambda i: i.double().mean()), "counts once"),
        "outside": (precision_with(share=lambda i: 1 - i.any(1).double().mean()), "outside"),
    },
    "inception_score": {
        "nan": (lambda p: ((p * p.log()).sum(1).mean() - (p.mean(0) * p.mean(0).log()).sum()).exp(), "0 log 0"),
        "log": (lambda p: xlogx(p).sum(1).mean() - xlogx(p.mean(0)).sum(), "take exp"),
        "exp first": (
            lambda p: (xlogx(p) - torch.special.xlogy(p, p.mean(0))).sum(1).exp().mean(),
            "before exp",
        ),
        "turned": (lambda p: (xlogx(p.mean(0)).sum() - xlogx(p).sum(1).mean()).exp(), "turned round"),
        "outer": (lambda p: (-xlogx(p.mean(0)).sum()).exp(), "how sure"),
        "per image": (lambda p: xlogx(p).sum(1), "one number"),
    },
    "torn": {
        "centre alone": (torn_with(lambda z, c: c), "Add z"),
        "last coordinate": (torn_with(column=-1), "first coordinate"),
        "from one": (torn_with(step=-1), "One too low"),
        "minus": (torn_with(lambda z, c: z - c), "is added"),
        "z itself": (torn_with(lambda z, c: z), "Nothing moved"),
        "one number": (lambda z, edges, centres: z.sum(), "one point for each z"),
    },
    "copied_share": {
        "others": (copies_with(share=lambda below: (~below).double().mean()), "no nearer"),
        "median": (copies_with(lambda usual, d: usual.median()), "take 1 %"),
        "99": (copies_with(lambda usual, d: usual.quantile(0.99)), "below the 1 % quantile"),
        "all": (copies_with(lambda usual, d: usual.min()), "99 % will do"),
        "exact": (copies_with(lambda usual, d: 1e-12), "one changed pixel"),
        "own quantile": (copies_with(lambda usual, d: d.quantile(0.01)), "hide the copies"),
        "exchanged": (lambda train, unseen, fake: copies_with()(train, fake, unseen), "hide the copies"),
        "to the unseen": (
            lambda train, unseen, fake: (
                (torch.cdist(fake, unseen).min(1).values < torch.cdist(unseen, train).min(1).values.quantile(0.01))
                .double()
                .mean()
            ),
            "those to the training images",
        ),
        "on average": (on_average, "hide the copies"),
        "a list": (copies_with(share=lambda below: below.double()), "a single number"),
    },
    "fool_recall": {
        "the real ones": (lambda real: real, "honest variety"),
        "one point": (lambda real: real.mean(0).expand_as(real) + 100, "must hold the real ones"),
        "noise": (lambda real: real + 0.1, "honest variety"),
        "far away": (lambda real: real + 1000, "must hold the real ones"),
        "few": (lambda real: real[:10], "as many points"),
        "nan": (lambda real: real * float("nan"), "not finite"),
    },
}


# --- unusual right answers, and wrong ones that are nearly right -----------------------------------------------------

right: Any = RIGHT  # the same tables, whose types differ from row to row
wrong: Any = WRONG


def nearest_ball_only(real, fake):
    radius = torch.cdist(real, real).sort(1).values[:, 1]
    nearest = torch.cdist(fake, real).min(1)
    return (nearest.values <= radius[nearest.indices]).double().mean()


def precision_numpy(real, fake):
    real, fake = real.numpy(), fake.numpy()
    within = np.linalg.norm(real[:, None] - real[None], axis=2) + np.diag([np.inf] * len(real))
    return np.mean((np.linalg.norm(fake[:, None] - real[None], axis=2) <= within.min(0)).any(1))


def precision_city(real, fake):
    radius = torch.cdist(real, real, p=1).sort(1).values[:, 1]
    return (torch.cdist(fake, real, p=1) <= radius).any(1).double().mean()


def mmd_numpy(a, b, c):
    n = len(a)
    off = 1 - np.eye(n)
    return ((a.numpy() + b.numpy()) * off).sum() / (n * n - n) - 2 * c.numpy().mean()


right["frechet_1d"] += [
    lambda m1, s1, m2, s2: abs(complex(m1 - m2, s1 - s2)) ** 2,
    lambda m1, s1, m2, s2: np.float32((m1 - m2) ** 2 + (s1 - s2) ** 2),
]
right["frechet"] += [
    lambda a, b: frechet_by(symmetric)(a.double(), b.double()).float(),
    frechet_by(lambda s1, s2: torch.linalg.eigvals(s2 @ s1).real.sqrt().sum()),
]
right["unbiased_mmd"] += [mmd_numpy, lambda a, b, c: apart(a.float()) + apart(b.float()) - 2 * c.float().mean()]
right["extrapolate"] += [
    lambda n, f: np.linalg.lstsq(np.stack([1 / n.numpy(), np.ones(len(n))], 1), f.numpy(), rcond=None)[0][1],
    lambda n, f: f.mean() - (1 / n).mean() * torch.cov(torch.stack([1 / n, f]))[0, 1] / (1 / n).var(),
]
right["precision"] += [precision_numpy, lambda real, fake: float(precision_topk(real.float(), fake.float()))]
right["inception_score"] += [
    lambda p: np.exp(np.mean([sum(a * np.log(a / m) for a, m in zip(r, p.mean(0), strict=True) if a) for r in p])),
    lambda p: 2 ** ((xlogx(p).sum(1).mean() - xlogx(p.mean(0)).sum()) / np.log(2)),
]
right["torn"] += [
    lambda z, e, c: z.numpy() + c.numpy()[np.digitize(z[:, 0].numpy(), e.numpy())],
    lambda z, e, c: z.add_(c[torch.bucketize(z[:, 0].contiguous(), e)]),
]

wrong["frechet_1d"] |= {
    "spreads not squared": (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + abs(s1 - s2), "that of the standard"),
    "sum of spreads": (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1 + s2) ** 2, "*difference*"),
    "half": (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1 - s2) ** 2 / 2, "no half"),
    "an eps": (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1 - s2) ** 2 + 1e-3, "always 0.001 too much"),
}
wrong["frechet"] |= {
    "rounded": (frechet_by(symmetric, final=lambda d: torch.round(d, decimals=2)), "is right"),
    "no square": (
        lambda a, b: frechet_by(symmetric)(a, b) - (a.mean(0) - b.mean(0)).square().sum(),
        "means is missing",
    ),
    "uncentred": (lambda a, b: frechet_by(symmetric)(a - a.mean(0), b - b.mean(0)), "means is missing"),
}
wrong["unbiased_mmd"] |= {
    "cut at 0": (mmd(apart, final=lambda d: d.clamp(min=0)), "cut it off"),
    "root": (mmd(apart, final=lambda d: d.abs().sqrt()), "is right"),
}
wrong["extrapolate"] |= {
    "median": (lambda n, f: f.median(), "is right"),
    "both": (lambda n, f: np.polyfit(1 / n.numpy(), f.numpy(), 1), "single number"),
    "a parabola": (lambda n, f: np.polyfit(1 / n.numpy(), f.numpy(), 2)[2], "least squares"),
}
wrong["precision"] |= {
    "nearest ball": (nearest_ball_only, "nearest real point's ball alone"),
    "second neighbour": (precision_with(lambda w: w.sort(1).values[:, 2]), "second nearest"),
    "city blocks": (precision_city, "sums of coordinate"),
    "halfway": (precision_with(lambda w: w.sort(1).values[:, 1] / 2), "not half-way"),
    "mean radius": (precision_with(lambda w: w.sort(1).values[:, 1].mean()), "not the mean one"),
}
wrong["inception_score"] |= {
    "rounded": (lambda p: round(score_by_kl(p), 3), "rounded, approximated"),
    "summed": (lambda p: (xlogx(p).sum() - xlogx(p.mean(0)).sum()).exp(), "entropies of the images are summed"),
    "wrong axis": (lambda p: (xlogx(p).sum(0).mean() - xlogx(p.mean(1)).sum()).exp(), "along the wrong axis"),
}
wrong["torn"] |= {
    "one too high": (torn_with(step=1), "One too high"),
    "scaled": (torn_with(lambda z, c: z + 2 * c), "is right"),
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def moments(x):
    return x.mean(0), torch.cov(x.T)


def frechet_of(shift, ends, last):
    def distance(a, b):
        (m1, s1), (m2, s2) = moments(a), moments(b)
        roots = torch.linalg.eigvals(s1 @ s2).real.clamp(min=0)
        return shift(m1 - m2) + ends(s1.trace(), s2.trace()) - 2 * last(roots)

    return distance


def of_squares(gap):
    return gap.square().sum()


def of_roots(roots):
    return roots.sqrt().sum()


def within(k_real, k_fake):
    return k_real.sum() - k_real.trace() + k_fake.sum() - k_fake.trace()


def line(intercept):
    def fit(n, fids):
        u = 1 / n
        products, squares = (u - u.mean()) * (fids - fids.mean()), (u - u.mean()).square()
        return intercept(products, squares, u.mean(), fids.mean())

    return fit


def score(sure, mean):
    return lambda p: (sure(xlogx(p)) - xlogx(mean(p)).sum()).exp()


def copies_counted(train, unseen, fake):
    limit = torch.cdist(unseen, train).min(1).values.quantile(0.01)
    return (torch.cdist(fake, train).min(1).values < limit).sum()


def inside_counted(real, fake):
    return (torch.cdist(fake, real) <= torch.cdist(real, real).sort(1).values[:, 1]).any(1).sum()


wrong["frechet_1d"] |= {
    "subtracted": (lambda a, s, b, t: (a - b) ** 2 - (s - t) ** 2, "Both squares are added"),
    "signed spreads": (lambda a, s, b, t: (a - b) ** 2 + s - t, "that of the standard deviations too"),
    "means not squared": (lambda a, s, b, t: a - b + (s - t) ** 2, "that of the means too"),
    "spreads alone": (lambda a, s, b, t: (s - t) ** 2, "The means count too"),
    "sum of the means": (lambda a, s, b, t: (a + b) ** 2 + (s - t) ** 2, "*difference* of the means"),
    "half of all": (lambda a, s, b, t: ((a - b) ** 2 + (s - t) ** 2) / 2, "half of what is right"),
}
wrong["frechet"] |= {
    "plus": (frechet_of(of_squares, lambda s, t: s + t, lambda r: -of_roots(r)), "last term has the wrong sign"),
    "no root": (frechet_of(of_squares, lambda s, t: s + t, lambda r: r.sum()), "The root is missing"),
    "mean of the means": (
        frechet_of(lambda gap: gap.square().mean(), lambda s, t: s + t, of_roots),
        "a sum over the features",
    ),
    "a length": (frechet_of(lambda gap: gap.norm(), lambda s, t: s + t, of_roots), "is to be squared"),
    "one trace": (frechet_of(of_squares, lambda s, t: s, of_roots), "trace of the second covariance"),
    "the other trace": (frechet_of(of_squares, lambda s, t: t, of_roots), "trace of the first covariance"),
    "sign": (lambda a, b: -frechet_of(of_squares, lambda s, t: s + t, of_roots)(a, b), "right but for the sign"),
}
wrong["unbiased_mmd"] |= {
    "a sum": (lambda r, f, b: within(r, f) - 2 * b.mean(), "Within the sets you sum"),
    "plus": (lambda r, f, b: within(r, f) / 42 + 2 * b.mean(), "mixed mean has the wrong sign"),
    "within alone": (lambda r, f, b: within(r, f) / 42, "The mixed mean is missing"),
    "third summed": (lambda r, f, b: within(r, f) / 42 - 2 * b.sum(), "The third matrix is summed"),
    "by n": (lambda r, f, b: within(r, f) / 7 - 2 * b.mean(), "you divide by n:"),
    "by n - 1": (lambda r, f, b: within(r, f) / 6 - 2 * b.mean(), "you divide by n - 1:"),
    "pairs once": (lambda r, f, b: within(r, f) / 21 - 2 * b.mean(), "you divide by n (n - 1) / 2:"),
    "diagonals": (lambda r, f, b: (r.sum() + f.sum()) / 42 - 2 * b.mean(), "subtract their traces"),
}
wrong["extrapolate"] |= {
    "plus": (line(lambda xy, xx, u, y: y + xy.sum() / xx.sum() * u), "The sign is turned"),
    "mean over sum": (line(lambda xy, xx, u, y: y - xy.mean() / xx.sum() * u), "0.2 times"),
    "sum over mean": (line(lambda xy, xx, u, y: y - xy.sum() / xx.mean() * u), "5 times"),
    "n - 1 over n": (line(lambda xy, xx, u, y: y - xy.sum() / 4 / xx.mean() * u), "1.25 times"),
}
wrong["precision"] |= {"counted": (inside_counted, "how many fakes lie inside")}
wrong["inception_score"] |= {
    "mean along the wrong axis": (score(lambda h: h.sum(1).mean(), lambda p: p.mean(1)), "along the wrong axis"),
    "sum along the wrong axis": (score(lambda h: h.sum(0).mean(), lambda p: p.mean(0)), "along the wrong axis"),
    "mean over classes": (score(lambda h: h.mean(1).mean(), lambda p: p.mean(0)), "averaged over the classes"),
    "answers summed": (score(lambda h: h.sum(1).mean(), lambda p: p.sum(0)), "The answers are summed"),
    "plus": (lambda p: (xlogx(p).sum(1).mean() + xlogx(p.mean(0)).sum()).exp(), "The two entropies are added"),
}
wrong["copied_share"] |= {"counted": (copies_counted, "how many they are")}
