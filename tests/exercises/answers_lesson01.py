"""Answers to the exercises of lesson01: right ones, and wrong ones with a part of their message."""

import math

import numpy as np
import torch


def value_with_logs(p, q):
    both = (p > 0) & (q > 0)
    value = torch.zeros((), dtype=p.dtype)
    value = value + (p[both] * torch.log(p[both] / (p + q)[both])).sum()
    return value + (q[both] * torch.log(q[both] / (p + q)[both])).sum()


def value_with_jsd(p, q):
    m = (p + q) / 2
    return -math.log(4) + torch.xlogy(p, p / m).sum() + torch.xlogy(q, q / m).sum()


def value_with_loop(p, q):
    total = 0.0
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        total += a * math.log(a / (a + b)) if a else 0
        total += b * math.log(b / (a + b)) if b else 0
    return total


def jsd(p, q):
    m = (p + q) / 2
    return (torch.xlogy(p, p / m).sum() + torch.xlogy(q, q / m).sum()) / 2


def value_nan_at_zero(p, q):
    return (p * torch.log(p / (p + q)) + q * torch.log(q / (p + q))).sum()


def extragradient_as_array(x, y, lr):
    game = np.array([[0.0, -1.0], [1.0, 0.0]])
    start = np.array([x, y])
    return start + lr * game @ (start + lr * game @ start)


def twice(x, y, lr):
    x, y = x - lr * y, y + lr * x
    return x - lr * y, y + lr * x


def half_look_ahead(x, y, lr):
    a, b = x - lr / 2 * y, y + lr / 2 * x
    return x - lr * b, y + lr * a


def backward_look_ahead(x, y, lr):
    a, b = x + lr * y, y - lr * x
    return x - lr * b, y + lr * a


def modes_by_loop(samples, centres, radius, minimum):
    covered = 0
    for centre in centres:
        distance = ((samples - centre) ** 2).sum(dim=1).sqrt()
        covered += int((distance < radius).sum() >= minimum)
    return covered


def modes_by_nearest(samples, centres, radius, minimum):
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    return float((torch.bincount(nearest[distance < radius], minlength=len(centres)) >= minimum).sum())


def modes_without_radius(samples, centres, radius, minimum):
    nearest = torch.cdist(samples, centres).argmin(dim=1)
    return sum(int((nearest == mode).sum() >= minimum) for mode in range(len(centres)))


def modes_squared(samples, centres, radius, minimum):
    squared = ((samples[:, None] - centres[None]) ** 2).sum(dim=2)
    return int(((squared <= radius).sum(dim=0) >= minimum).sum())


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def optimal_for_numbers(p, q):
    if p > q:
        return 1 - q / (p + q)
    return p / (p + q)


RIGHT = {
    "optimal_discriminator": [
        lambda p, q: p / (p + q),
        lambda p, q: 1 / (1 + q / p),
        lambda p, q: torch.sigmoid(p.log() - q.log()),
        optimal_for_numbers,
        lambda p, q: np.asarray(p) / (np.asarray(p) + np.asarray(q)),
    ],
    "unbalanced_discriminator": [
        lambda p, q: 2 * p / (2 * p + q),
        lambda a, b: 1 - b / (b + 2 * a),
        lambda p, q: (2 / 3 * p) / (2 / 3 * p + 1 / 3 * q),
    ],
    "value_at_optimum": [value_with_logs, value_with_jsd, value_with_loop],
    "saturating_gradient": [
        lambda logit: -torch.sigmoid(logit),
        lambda logit: -sigmoid(logit),
        lambda logit: -torch.exp(logit) / (1 + torch.exp(logit)),
    ],
    "non_saturating_gradient": [
        lambda logit: torch.sigmoid(logit) - 1,
        lambda logit: -sigmoid(-logit),
        lambda logit: -(1 - torch.sigmoid(logit)).float(),
    ],
    "where_it_saturates": ["B", " b. ", "(B)"],
    "simultaneous_step": [
        lambda x, y, lr: (x - lr * y, y + lr * x),
        lambda x, y, lr: np.array([x, y]) + lr * np.array([-y, x]),
        lambda a, b, rate: [torch.tensor(a - rate * b), torch.tensor(b + rate * a)],
    ],
    "extragradient_step": [
        extragradient_as_array,
        lambda x, y, lr: (x - lr * (y + lr * x), y + lr * (x - lr * y)),
    ],
    "count_modes": [modes_by_loop, modes_by_nearest],
}

WRONG = {
    "optimal_discriminator": {
        "labels swapped": (lambda p, q: q / (p + q), "probability of a fake"),
        "density ratio": (lambda p, q: p / q, "density ratio"),
        "one half": (lambda p, q: 0.5, "for every G"),
        "logit": (lambda p, q: torch.log(p / q), "best logit"),
        "something else": (
            lambda p, q: p**2 / (p**2 + q**2),
            "For p = 0.2, p_g = 0.6 it gives 0.1, and 0.25",
        ),
        "text": (lambda p, q: "p/(p+q)", "numbers are expected"),
        "one number for all": (lambda p, q: p.sum() / (p + q).sum(), "and 0.25 is right"),
        "too many numbers": (lambda p, q: torch.stack([p, q]), "one number per point"),
        "misspelt": (lambda p, q: p / (p + r), "NameError: name 'r' is not defined"),  # type: ignore[name-defined]  # noqa: F821
        "one argument": (lambda p: p, "Keep the arguments of the stub"),
        "called": (0.25, "without calling it"),
    },
    "unbalanced_discriminator": {
        "balanced": (lambda p, q: p / (p + q), "where does the factor 2 enter"),
        "the fakes are doubled": (lambda p, q: p / (p + 2 * q), "stands at the generator's density"),
        "not below the line": (lambda p, q: 2 * p / (p + q), "in the denominator too"),
        "labels swapped": (lambda p, q: q / (2 * p + q), "probability of a fake"),
    },
    "value_at_optimum": {
        "JSD alone": (jsd, "Jensen-Shannon divergence alone"),
        "no constant": (lambda p, q: 2 * jsd(p, q), "constant is missing"),
        "JSD once": (lambda p, q: jsd(p, q) - math.log(4), "enters twice"),
        "sign of the constant": (lambda p, q: 2 * jsd(p, q) + math.log(4), "wrong sign"),
        "the loss": (lambda p, q: math.log(4) - 2 * jsd(p, q), "The value V itself"),
        "bits": (lambda p, q: 2 * jsd(p, q) / math.log(2) - 2, "bits"),
        "KL": (lambda p, q: 2 * (p * torch.log(p / q)).sum() - math.log(4), "KL(p || p_g)"),
        "nan at zeros": (value_nan_at_zero, "0 log 0 counts as 0"),
        "not summed": (lambda p, q: torch.xlogy(p, p / (p + q)), "a single number is expected"),
    },
    "saturating_gradient": {
        "sign": (torch.sigmoid, "sign is wrong"),
        "with respect to D": (lambda logit: -1 / (1 - torch.sigmoid(logit)), "with respect to D."),
        "no logarithm": (lambda logit: -sigmoid(logit) * (1 - sigmoid(logit)), "derivative of 1 - D"),
        "the other loss": (lambda logit: torch.sigmoid(logit) - 1, "the non-saturating loss"),
        "the loss itself": (lambda logit: torch.log(1 - torch.sigmoid(logit)), "the loss itself"),
    },
    "non_saturating_gradient": {
        "sign": (lambda logit: 1 - torch.sigmoid(logit), "sign is wrong"),
        "the other loss": (lambda logit: -torch.sigmoid(logit), "the saturating loss"),
        "with respect to D": (lambda logit: -1 / torch.sigmoid(logit), "with respect to D."),
        "no logarithm": (lambda logit: -sigmoid(logit) * (1 - sigmoid(logit)), "derivative of -D"),
        "the loss itself": (lambda logit: -torch.log(torch.sigmoid(logit)), "the loss itself"),
    },
    "where_it_saturates": {
        "at 1, as the book has it": ("A", "look at the other end"),
        "at one half": ("C", "not small"),
        "nowhere": ("D", "Where?"),
        "a sentence": ("where D is 0", "one letter is expected"),
        "a number": (0, "one letter is expected"),
        "a function": (lambda: "B", "not a function"),
    },
    "simultaneous_step": {
        "alternating": (lambda x, y, lr: (x - lr * y, y + lr * (x - lr * y)), "alternating"),
        "roles": (lambda x, y, lr: (x + lr * y, y - lr * x), "roles are exchanged"),
        "both descend": (lambda x, y, lr: (x - lr * y, y - lr * x), "Both players descend"),
        "both ascend": (lambda x, y, lr: (x + lr * y, y + lr * x), "Both players ascend"),
        "own position": (lambda x, y, lr: (x - lr * x, y + lr * y), "the other's position"),
        "the change only": (lambda x, y, lr: (-lr * y, lr * x), "x = 1, y = 0, lr = 0.1: the new x it gives"),
        "x only": (lambda x, y, lr: x - lr * y, "It returned 1 numbers"),
    },
    "extragradient_step": {
        "simultaneous": (lambda x, y, lr: (x - lr * y, y + lr * x), "look-ahead point, a plain simultaneous"),
        "two steps": (twice, "starts from the look-ahead point"),
        "half the look-ahead": (half_look_ahead, "goes half as far"),
        "alternating": (lambda x, y, lr: (x - lr * y, y + lr * (x - lr * y)), "alternating"),
        "backward": (backward_look_ahead, "goes the wrong way"),
    },
    "count_modes": {
        "nearest centre, however far": (modes_without_radius, "Samples far from every mode"),
        "no minimum": (lambda s, c, r, n: int((torch.cdist(s, c) <= r).any(dim=0).sum()), "stray sample"),
        "squared distance": (modes_squared, "Squared distances"),
        "samples": (lambda s, c, r, n: int((torch.cdist(s, c) <= r).any(dim=1).sum()), "count the modes"),
        "missing modes": (lambda s, c, r, n: len(c) - modes_by_loop(s, c, r, n), "modes that are missing"),
        "all": (lambda s, c, r, n: len(c), "radius"),
        "axes": (lambda s, c, r, n: torch.cdist(s, c.T), "Print the shapes"),
    },
}
