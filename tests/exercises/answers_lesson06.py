"""Answers to the exercises of lesson06: right ones, and wrong ones with a part of their message."""

import math
from typing import Any

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


def steepest(unit="each", sign=1, clone=True, backward=False, mean=False):
    def answer(G, z, attribute):
        at = (z.clone() if clone else z).requires_grad_()
        if backward:
            attribute(G(at)).sum().backward()
            gradient = at.grad
        else:
            (gradient,) = torch.autograd.grad(attribute(G(at)).sum(), at)
        if mean:
            gradient = gradient.mean(0).expand_as(gradient)
        length = {"each": gradient.norm(dim=1, keepdim=True), "all": gradient.norm(), "none": 1.0}[unit]
        return sign * gradient / length

    return answer


def steepest_in_a_loop(G, z, attribute):
    found = []
    for one in z:
        at = one[None].clone().requires_grad_()
        found.append(normalize(torch.autograd.grad(attribute(G(at))[0], at)[0][0], dim=0))
    return torch.stack(found)


def steepest_by_differences(G, z, attribute):
    with torch.no_grad():
        step = 0.3 * torch.eye(z.shape[1], dtype=z.dtype)
        columns = [attribute(G(z + v)) - attribute(G(z)) for v in step]
    return normalize(torch.stack(columns, 1), dim=1)


def steepest_moving(G, z, attribute):
    found = steepest()(G, z, attribute)
    z += 0.1 * found
    return found


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
    "steepest_directions": [steepest(), steepest(clone=False), steepest_in_a_loop],
}

WRONG = {
    "lerp_length": {
        "constant": (lambda t, d: math.sqrt(d), "all along slerp"),
        "squared": (lambda t, d: d * ((1 - t) ** 2 + t**2), "take its root"),
        "root of d alone": (lambda t, d: math.sqrt(d) * ((1 - t) ** 2 + t**2), "over the whole"),
        "difference": (lambda t, d: math.sqrt(d * abs((1 - t) ** 2 - t**2)), "both signs are +"),
        "one number": (lambda t, d: math.hypot(1 - t, t), "There are d of them"),
        "something else": (lambda t, d: 7.0, "For t = 0.25, d = 100 it gives 7, and 7.906 is right"),
    },
    "slerp": {
        "not divided": (lambda a, b, t: a * torch.acos(a @ b) + t * b, "a cosine is between -1 and 1"),
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
        "one side": (lambda n, d, threshold: -torch.randn(n, d).abs().clamp(min=0.9), "A number is -"),
        "clamped": (lambda n, d, t: torch.randn(n, d).clamp(-t, t), "instead of clamping"),
        "scaled": (lambda n, d, t: t * torch.randn(n, d), "threshold is 0.8: both signs"),
        "scaled and cut": (lambda n, d, t: latent.truncate(torch.randn(n, d), 2 * t) / 2, "Do not rescale"),
        "uniform": (lambda n, d, t: (2 * torch.rand(n, d) - 1) * t, "uniform numbers"),
        "transposed": (lambda n, d, t: latent.truncate(torch.randn(d, n), t), "200 z of 100 numbers"),
        "always the same": (lambda n, d, t: latent.truncate(latent.sample(n, d), t), "same numbers each time"),
    },
    "steepest_directions": {
        "not a unit": (steepest(unit="none"), "divide each by its own length"),
        "one length": (steepest(unit="all"), "each z needs its own"),
        "sign": (steepest(sign=-1), "the sign is wrong"),
        "mean": (steepest(mean=True), "the same for all z"),
        "backward": (steepest(backward=True), "gradients now"),
        "moved": (steepest_moving, "have changed"),
        "differences": (steepest_by_differences, "The cosine of your first direction"),
        "one alone": (lambda G, z, attribute: steepest()(G, z, attribute)[0], "one gradient for each z"),
    },
}


# --- unusual right answers, and wrong ones that are nearly right -----------------------------------------------------

right: Any = RIGHT  # the same tables, whose types differ from row to row
wrong: Any = WRONG


def by_power_iteration(w, k):
    found: list[torch.Tensor] = []
    for _ in range(k):
        v = torch.randn(w.shape[1], dtype=w.dtype)
        for _ in range(3000):
            v = w.T @ (w @ v)
            for u in found:
                v = v - (v @ u) * u
            v = v / v.norm()
        found.append(v)
    return torch.stack(found)


def slerp_numpy(a, b, t):
    a, b = a.numpy(), b.numpy()
    angle = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    return np.sinc((1 - t) * angle / np.pi) / np.sinc(angle / np.pi) * (1 - t) * a + t * b * np.sinc(
        t * angle / np.pi
    ) / np.sinc(angle / np.pi)


def redrawn(n, d, t):
    return latent.truncate(torch.randn(n, d), t)


right["lerp_length"] += [
    lambda t, d: np.sqrt(np.float32(d) * ((1 - t) ** 2 + t**2)),
    lambda t, d: math.sqrt(d) * abs(complex(1 - t, t)),
]
right["slerp"] += [slerp_numpy, lambda a, b, t: slerp_by_rotation(a, b, t).tolist()]
right["arithmetic"] += [
    lambda a, b, c: torch.stack([a, -b, c]).sum(0).mean(0)[None],
    lambda a, b, c: [*(a - b + c).mean(0)],
]
right["principal_directions"] += [by_power_iteration, lambda w, k: torch.linalg.svd(w).Vh[:k].float()]
right["attribute_direction"] += [
    lambda z, y: normalize(centred(z, y), dim=0)[:, None],
    lambda z, y: normalize(centred(z, y), dim=0)[None],
    lambda z, y: normalize(torch.linalg.solve(torch.cov(z.T), (z - z.mean(0)).T @ y), dim=0),
]
right["truncated_normal"] += [
    lambda n, d, t: torch.special.ndtri(
        torch.special.ndtr(torch.tensor(-t)) * (1 - 2 * (u := torch.rand(n, d))) + u
    ).clamp(-t, t),
    lambda n, d, t: redrawn(n, d, t).double().numpy(),
]

wrong["lerp_length"] |= {
    "mean length": (
        lambda t, d: math.sqrt(2) * math.hypot(1 - t, t) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2)),
        "That is the mean length",
    ),
    "rounded": (lambda t, d: round(math.sqrt(d * ((1 - t) ** 2 + t**2)), 2), "rounded, approximated"),
    "simulated": (
        lambda t, d: ((1 - t) * torch.randn(2000, d) + t * torch.randn(2000, d)).square().sum(1).mean().sqrt(),
        "is right",
    ),
}
wrong["slerp"] |= {
    "right angle": (lambda a, b, t: math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b, "right angle only"),
    "scaled line": (lambda a, b, t: ((1 - t) * a + t * b) / math.hypot(1 - t, t), "right angle only"),
    "acute": (
        lambda a, b, t: slerp_by_rotation(a, b, t) if a @ b >= 0 or t in (0.0, 1.0) else slerp_by_rotation(a, -b, t),
        "away from the right point",
    ),
}
wrong["arithmetic"] |= {
    "B first": (lambda a, b, c: (b - a + c).mean(0), "A comes first"),
    "C taken away": (lambda a, b, c: (a - b - c).mean(0), "C is added"),
    "medians": (lambda a, b, c: a.median(0)[0] - b.median(0)[0] + c.median(0)[0], "is right"),
    "rescaled": (lambda a, b, c: normalize((a - b + c).mean(0), dim=0) * 20**0.5, "is right"),
}
wrong["principal_directions"] |= {
    "columns of V": (lambda w, k: svd(w).Vh[:k].T, "one direction a *row*"),
    "always three": (lambda w, k: svd(w).Vh[:3], "two directions in z"),
    "a slip": (lambda w, k: svd(w).Vh[1 : k + 1], "there is one with 5.00"),
}
wrong["attribute_direction"] |= {
    "only y centred": (lambda z, y: normalize(raw(z, y - y.mean()), dim=0), "Only the mean of y"),
    "length 1 by sum": (lambda z, y: centred(z, y) / centred(z, y).abs().sum(), "Its length is not 1"),
    "rounded": (lambda z, y: torch.round(normalize(centred(z, y), dim=0), decimals=2), "Its cosine with"),
}
wrong["truncated_normal"] |= {
    "sorted": (lambda n, d, t: redrawn(n, d, t).flatten().sort().values.view(n, d), "not independent"),
    "rows sorted": (lambda n, d, t: redrawn(n, d, t).sort(1).values, "not independent"),
    "columns sorted": (lambda n, d, t: redrawn(n, d, t).sort(0).values, "not independent"),
    "one row": (lambda n, d, t: redrawn(1, d, t).expand(n, d), "All rows"),
    "positive": (lambda n, d, t: redrawn(n, d, t).abs(), "All numbers are positive"),
    "always 0.8": (lambda n, d, t: redrawn(n, d, 0.8), "1.5"),
    "folded": (lambda n, d, t: (z := torch.randn(n, d)).where(z.abs() <= t, z % t), "normal cut off"),
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------

wrong["arithmetic"] |= {"all added": (lambda a, b, c: (a + b + c).mean(0), "B is taken away")}
wrong["lerp_length"] |= {"twice": (lambda t, d: 2 * math.sqrt(d * ((1 - t) ** 2 + t**2)), "twice what is right")}
