"""Answers to the exercises of lesson05: right ones, and wrong ones with a part of their message."""

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
}

WRONG = {
    "frechet_1d": {
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
}
