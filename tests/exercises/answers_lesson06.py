"""Answers to the exercises of lesson06: right ones, and wrong ones with a part of their message."""

import math

import numpy as np
import torch
from torch.nn.functional import normalize

from gancourse import latent


def slerp_by_rotation(a, b, t):
    u = a / a.norm()
    side = b - (b @ u) * u
    if side.norm() < 1e-6:
        return a
    angle = torch.atan2(side.norm(), b @ u) * t
    return a.norm() * (torch.cos(angle) * u + torch.sin(angle) * side / side.norm())


def slerp_unsafe(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def nlerp(a, b, t):
    line = (1 - t) * a + t * b
    return line / line.norm() * a.norm()


def principal_by_eigh(w, k):
    return torch.linalg.eigh(w.T @ w).eigenvectors.flip(1)[:, :k].T


def principal_by_numpy(w, k):
    values, vectors = np.linalg.eigh(w.numpy().T @ w.numpy())
    return [vectors[:, i] for i in np.argsort(-values)[:k]]


def svd(w):
    return torch.linalg.svd(w, full_matrices=False)


def attribute_with_ones(z, y):
    ones = torch.cat([z, torch.ones(len(z), 1, dtype=z.dtype)], 1)
    w = torch.linalg.lstsq(ones, y[:, None]).solution[:-1, 0]
    return normalize(w, dim=0)


def attribute_in_numpy(z, y):
    z, y = z.numpy(), y.numpy()
    w = np.linalg.pinv(z - z.mean(0)) @ (y - y.mean())
    return w / np.linalg.norm(w)


def raw(z, y):
    return torch.linalg.lstsq(z, y[:, None]).solution[:, 0]


def centred(z, y):
    return raw(z - z.mean(0), y - y.mean())


def halves(z, y):
    high = y > y.median()
    return normalize(z[high].mean(0) - z[~high].mean(0), dim=0)


RIGHT = {
    "lerp_length": [
        lambda t, d: math.sqrt(d * ((1 - t) ** 2 + t**2)),
        lambda t, d: torch.tensor(d * (1 - 2 * t + 2 * t * t)).sqrt(),
        lambda t, d: d**0.5 * math.hypot(1 - t, t),
    ],
    "slerp": [slerp_by_rotation, latent.slerp, lambda a, b, t: a if torch.allclose(a, b) else slerp_unsafe(a, b, t)],
    "arithmetic": [
        lambda a, b, c: (a - b + c).mean(0),
        lambda a, b, c: a.numpy().mean(0) - b.numpy().mean(0) + c.numpy().mean(0),
        latent.arithmetic,
    ],
    "principal_directions": [principal_by_eigh, principal_by_numpy, lambda w, k: -svd(w).Vh[:k]],
    "attribute_direction": [attribute_with_ones, attribute_in_numpy],
    "truncated_normal": [
        lambda n, d, t: torch.nn.init.trunc_normal_(torch.empty(n, d), a=-t, b=t),
        lambda n, d, t: latent.truncate(torch.randn(n, d), t),
        lambda n, d, t: (z := torch.randn(9 * n * d))[z.abs() < t][: n * d].view(n, d),
    ],
}

WRONG = {
    "lerp_length": {
        "constant": (lambda t, d: math.sqrt(d), "all along slerp"),
        "squared": (lambda t, d: d * ((1 - t) ** 2 + t**2), "take its root"),
        "root of d alone": (lambda t, d: math.sqrt(d) * ((1 - t) ** 2 + t**2), "over the whole"),
        "difference": (lambda t, d: math.sqrt(d * abs((1 - t) ** 2 - t**2)), "both signs are +"),
        "one number": (lambda t, d: math.hypot(1 - t, t), "There are d of them"),
        "something else": (lambda t, d: 7.0, "For t = 0.5, d = 100 it gives 7"),
    },
    "slerp": {
        "lerp": (lambda a, b, t: (1 - t) * a + t * b, "straight line"),
        "exchanged": (lambda a, b, t: slerp_by_rotation(b, a, t), "exchanged"),
        "stretched line": (nlerp, "does not turn"),
        "of directions": (lambda a, b, t: slerp_by_rotation(a, b, t) / a.norm(), "has length 1"),
        "not safe": (slerp_unsafe, "gives NaN"),
        "both at once": (lambda a, b, t: torch.stack([a, b]), "one z, shape (40,)"),
        "something else": (lambda a, b, t: a * 2, "its length is 12"),
    },
    "arithmetic": {
        "sums": (lambda a, b, c: (a - b + c).sum(0), "three times too long"),
        "signs": (lambda a, b, c: (a + b - c).mean(0), "B that is taken away"),
        "no C": (lambda a, b, c: (a - b).mean(0), "C is missing"),
        "first ones": (lambda a, b, c: a[0] - b[0] + c[0], "first sample"),
        "no means": (lambda a, b, c: a - b + c, "three z"),
        "divided again": (lambda a, b, c: (a - b + c).mean(0) / 3, "divide by three again"),
    },
    "principal_directions": {
        "left": (lambda w, k: svd(w).U[:, :k].T, "other side of W"),
        "weakest": (lambda w, k: torch.linalg.eigh(w.T @ w).eigenvectors[:, :k].T, "*weakest*"),
        "weakest first": (lambda w, k: torch.linalg.eigh(w.T @ w).eigenvectors[:, -k:].T, "turn the order round"),
        "scaled": (lambda w, k: svd(w).S[:k, None] * svd(w).Vh[:k], "make them unit vectors"),
        "columns": (lambda w, k: svd(w).Vh.T[:k], "rows of V"),
        "rows of W": (lambda w, k: normalize(w[:k], dim=1), "there is one with 5.00"),
    },
    "attribute_direction": {
        "not a unit": (centred, "divide it by its length"),
        "sign": (lambda z, y: -normalize(centred(z, y), dim=0), "must grow along it"),
        "mean left in": (lambda z, y: normalize(raw(z, y), dim=0), "subtract the means first"),
        "covariance": (lambda z, y: normalize((z - z.mean(0)).T @ (y - y.mean()), dim=0), "z'y alone"),
        "difference of means": (halves, "difference of two means"),
        "one per sample": (lambda z, y: y, "one direction in z"),
        "something else": (lambda z, y: torch.eye(10)[4], "Its cosine with"),
    },
    "truncated_normal": {
        "clamped": (lambda n, d, t: torch.randn(n, d).clamp(-t, t), "instead of clamping"),
        "scaled": (lambda n, d, t: t * torch.randn(n, d), "beyond the threshold"),
        "scaled and cut": (lambda n, d, t: latent.truncate(torch.randn(n, d), 2 * t) / 2, "do not rescale"),
        "uniform": (lambda n, d, t: (2 * torch.rand(n, d) - 1) * t, "uniform numbers"),
        "transposed": (lambda n, d, t: latent.truncate(torch.randn(d, n), t), "200 z of 100 numbers"),
        "always the same": (lambda n, d, t: latent.truncate(latent.sample(n, d), t), "same numbers each time"),
    },
}
