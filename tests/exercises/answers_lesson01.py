"""Answers to the exercises of lesson01: right ones, and wrong ones with a part of their message."""

import math
from typing import Any

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


def round_by_hand(w, b, theta, k, lr, ascent, gradient):
    done = 0
    while done < k:
        slopes = ascent(w, b, theta)
        w += lr * slopes[0]
        b += lr * slopes[1]
        done += 1
    theta -= lr * gradient(w, b, theta)
    return w, b, theta


def round_as_arrays(w, b, theta, k, lr, ascent, gradient):
    wb = np.array([w, b])
    for _ in range(k):
        wb = wb + lr * np.array(ascent(*wb, theta))
    return np.array([*wb, theta - lr * gradient(*wb, theta)])


def round_on_tensors(w, b, theta, k, lr, ascent, gradient):
    w, b, theta = torch.tensor([w, b, theta])
    for _ in range(k):
        up_w, up_b = ascent(w, b, theta)
        w, b = w + lr * up_w, b + lr * up_b
    return torch.stack([w, b, theta - lr * gradient(w, b, theta)])


def round_of(d_steps=None, up=1, down=1, length=1, each=False):
    """A round with a mistake in it."""

    def play(w, b, theta, k, lr, ascent, gradient):
        for _ in range(d_steps or k):
            up_w, up_b = ascent(w, b, theta)
            w, b = w + up * lr * (k if length == "k" else 1) * up_w, b + up * lr * (k if length == "k" else 1) * up_b
            if each:
                theta = theta - lr * gradient(w, b, theta)
        return w, b, theta if each else theta - down * lr * gradient(w, b, theta)

    return play


def round_g_first(w, b, theta, k, lr, ascent, gradient):
    theta = theta - lr * gradient(w, b, theta)
    for _ in range(k):
        up_w, up_b = ascent(w, b, theta)
        w, b = w + lr * up_w, b + lr * up_b
    return w, b, theta


def round_old_d(w, b, theta, k, lr, ascent, gradient):
    step = lr * gradient(w, b, theta)
    for _ in range(k):
        up_w, up_b = ascent(w, b, theta)
        w, b = w + lr * up_w, b + lr * up_b
    return w, b, theta - step


def round_b_after_w(w, b, theta, k, lr, ascent, gradient):
    for _ in range(k):
        w = w + lr * ascent(w, b, theta)[0]
        b = b + lr * ascent(w, b, theta)[1]
    return w, b, theta - lr * gradient(w, b, theta)


def damping_by_simulation(c, lr):
    x, y = 1.0, 0.0
    for _ in range(3000):
        x, y = x - lr * y, y + lr * (x - c * y)
    return x**2 + y**2 < 1


def damping_by_eigenvalues(c, lr):
    return np.abs(np.linalg.eigvals(np.array([[1, -lr], [lr, 1 - lr * c]]))).max() < 1


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
    "algorithm_1_round": [round_by_hand, round_as_arrays, round_on_tensors],
    "simultaneous_step": [
        lambda x, y, lr: (x - lr * y, y + lr * x),
        lambda x, y, lr: np.array([x, y]) + lr * np.array([-y, x]),
        lambda a, b, rate: [torch.tensor(a - rate * b), torch.tensor(b + rate * a)],
    ],
    "extragradient_step": [
        extragradient_as_array,
        lambda x, y, lr: (x - lr * (y + lr * x), y + lr * (x - lr * y)),
    ],
    "enough_damping": [
        lambda c, lr: c > lr,
        lambda c, lr: 1 - lr * c + lr**2 < 1,
        damping_by_simulation,
        damping_by_eigenvalues,
        lambda c, lr: torch.tensor(c) > lr,
        lambda c, lr: int(lr < c),
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
        "at 1, as the book has it": ("A", "Look at the other end"),
        "at one half": ("C", "not small"),
        "nowhere": ("D", "Where?"),
        "a sentence": ("where D is 0", "one letter is expected"),
        "a number": (0, "one letter is expected"),
        "a function": (lambda: "B", "not a function"),
    },
    "algorithm_1_round": {
        "k ignored": (round_of(d_steps=1), "a single step"),
        "one long step": (round_of(d_steps=1, length="k"), "k times the length"),
        "G in the loop": (round_of(each=True), "after each of D's steps"),
        "G first": (round_g_first, "G moves first"),
        "old D": (round_old_d, "at the old w and b"),
        "D down": (round_of(up=-1), "D goes down"),
        "G up": (round_of(down=-1), "G goes up"),
        "theta only": (lambda w, b, theta, k, lr, ascent, gradient: theta, "It returned 1 number:"),
    },
    "simultaneous_step": {
        "alternating": (lambda x, y, lr: (x - lr * y, y + lr * (x - lr * y)), "alternating"),
        "roles": (lambda x, y, lr: (x + lr * y, y - lr * x), "roles are exchanged"),
        "both descend": (lambda x, y, lr: (x - lr * y, y - lr * x), "Both players descend"),
        "both ascend": (lambda x, y, lr: (x + lr * y, y + lr * x), "Both players ascend"),
        "own position": (lambda x, y, lr: (x - lr * x, y + lr * y), "the other's position"),
        "the change only": (lambda x, y, lr: (-lr * y, lr * x), "the changes alone"),
        "x only": (lambda x, y, lr: x - lr * y, "It returned 1 number:"),
    },
    "extragradient_step": {
        "simultaneous": (lambda x, y, lr: (x - lr * y, y + lr * x), "look-ahead point, a plain simultaneous"),
        "two steps": (twice, "starts from the look-ahead point"),
        "half the look-ahead": (half_look_ahead, "goes half as far"),
        "alternating": (lambda x, y, lr: (x - lr * y, y + lr * (x - lr * y)), "alternating"),
        "backward": (backward_look_ahead, "goes the wrong way"),
    },
    "enough_damping": {
        "any damping": (lambda c, lr: c > 0, "enough for alternating steps"),
        "reversed": (lambda c, lr: c < lr, "other way round"),
        "always": (lambda c, lr: True, "Always True"),
        "never": (lambda c, lr: False, "Always False"),
        "squared": (lambda c, lr: c > lr**2, "lr squared"),
        "half": (lambda c, lr: c > lr / 2, "Twice the damping"),
        "a bound": (lambda c, lr: lr, "True or False is expected"),
        "twice": (lambda c, lr: c > 2 * lr, "c = 0.12, lr = 0.1 it gives 0, and 1 is right"),
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


# --- unusual right answers, and wrong ones that are nearly right -----------------------------------------------------

right: Any = RIGHT  # the same tables, whose types differ from row to row
wrong: Any = WRONG


def central(f, h):
    return lambda logit: (f(logit + h) - f(logit - h)) / (2 * h)


def by_autograd(logit):
    logit = torch.as_tensor(logit, dtype=torch.float64).requires_grad_()
    return torch.autograd.grad(torch.log(1 - torch.sigmoid(logit)).sum(), logit)[0]


def log_d(logit):
    return -torch.log(torch.sigmoid(logit))


def log_not_d(logit):
    return torch.log(1 - torch.sigmoid(logit))


def log_not_d_of_a_number(logit):
    return math.log(1 - 1 / (1 + math.exp(-float(logit)))) if not isinstance(logit, torch.Tensor) else log_not_d(logit)


def modes_with(distance, at_least=True):
    def count(samples, centres, radius, minimum):
        near = (distance(samples[:, None] - centres[None]) <= radius).sum(0)
        return int((near >= minimum if at_least else near > minimum).sum())

    return count


def euclid(d):
    return d.square().sum(-1).sqrt()


right["optimal_discriminator"] += [
    lambda p, q: (p.numpy() / (p + q).numpy()).astype(np.float32),
    lambda p, q: [a / (a + b) for a, b in zip(p.tolist(), q.tolist(), strict=True)],
    lambda p, q: (p / (p + q))[:, None],
]
right["unbalanced_discriminator"] += [
    lambda p, q: torch.sigmoid((2 * p / q).log()),
    lambda p, q: p / (p + q / 2),
    lambda p, q: np.asarray(p) * 2 / np.asarray(2 * p + q),
]
right["value_at_optimum"] += [
    lambda p, q: torch.xlogy(torch.cat([p, q]), torch.cat([p, q]) / torch.cat([p + q, p + q])).sum().float(),
    lambda p, q: np.sum([a * np.log(a / s) for a, s in zip([*p, *q], [*(p + q)] * 2, strict=True) if a > 0]),
    lambda p, q: (p * (p / (p + q) + 1e-12).log() + q * (q / (p + q) + 1e-12).log()).sum(),
]
right["saturating_gradient"] += [
    lambda logit: -1 / (1 + np.exp(-np.asarray(logit))),
    lambda logit: torch.sigmoid(-logit) - 1,
    lambda logit: -(torch.tanh(logit / 2) + 1) / 2,
    lambda logit: -torch.sigmoid(logit.float()),
]
right["non_saturating_gradient"] += [
    lambda logit: -1 / (1 + torch.exp(logit)),
    lambda logit: -(1 - 1 / (1 + np.exp(-np.asarray(logit)))),
    lambda logit: (torch.tanh(logit / 2) - 1) / 2,
]
right["where_it_saturates"] += ["B: where D(G(z)) is near 0", "b) D recognises the fakes", "B - near 0", "b."]
right["simultaneous_step"] += [
    lambda x, y, lr: torch.tensor([[x - lr * y], [y + lr * x]], dtype=torch.float64),
    lambda x, y, lr: ((z := complex(x, y) * complex(1, lr)).real, z.imag),
]
right["extragradient_step"] += [
    lambda x, y, lr: (x - lr * y - lr**2 * x, y + lr * x - lr**2 * y),
    lambda x, y, lr: torch.tensor([(1 - lr**2) * x - lr * y, (1 - lr**2) * y + lr * x]),
]
right["count_modes"] += [
    modes_with(euclid),
    lambda s, c, r, n: sum((np.hypot(*(s.numpy() - m).T) <= r).sum() >= n for m in c.numpy()),
    lambda s, c, r, n: ((torch.cdist(c.double(), s.double()) <= r).sum(1) >= n).double().sum(),
]

wrong["optimal_discriminator"] |= {
    "rounded": (lambda p, q: torch.round(p / (p + q), decimals=3), "rounded, approximated"),
    "an eps": (lambda p, q: p / (p + q + 1e-3), "rounded, approximated"),
    "roots": (lambda p, q: p.sqrt() / (p.sqrt() + q.sqrt()), "and 0.25 is right"),
    "for ever": (lambda p, q: (yield p), "a generator"),
}
wrong["unbalanced_discriminator"] |= {
    "squared": (lambda p, q: p**2 / (p**2 + q**2), "Weigh each density"),
    "capped": (lambda p, q: (2 * p / (p + q)).clamp(max=1), "is right"),
    "rounded": (lambda p, q: torch.round(2 * p / (2 * p + q), decimals=2), "rounded, approximated"),
}
wrong["value_at_optimum"] |= {
    "JSD without its half": (lambda p, q: -math.log(4) + 4 * jsd(p, q), "lacks its 1/2"),
    "half": (lambda p, q: value_with_jsd(p, q) / 2, "half of it"),
    "mean": (lambda p, q: value_with_jsd(p, q) / len(p), "a mean over the outcomes"),
    "constant twice": (lambda p, q: value_with_jsd(p, q) - math.log(4), "counts twice"),
    "log 2": (lambda p, q: 2 * jsd(p, q) - math.log(2), "log(1/2) twice"),
    "real half": (lambda p, q: torch.xlogy(p, p / (p + q)).sum(), "real half alone"),
}
wrong["saturating_gradient"] |= {
    "differences": (central(log_not_d, 1e-3), "difference quotient"),
    "fine differences": (central(log_not_d, 1e-5), "difference quotient"),
    "differences of numbers": (central(log_not_d_of_a_number, 1e-5), "difference quotient"),
    "differences in float32": (lambda logit: central(log_not_d, 1e-2)(logit.float()), "it gives"),
    "forward differences": (lambda x: (log_not_d(x + 1e-6) - log_not_d(x)) / 1e-6, "difference quotient"),
    "autograd": (by_autograd, "autograd found them"),
    "rounded": (lambda x: -torch.round(torch.sigmoid(x), decimals=8), "rounded number"),
}
wrong["non_saturating_gradient"] |= {
    "differences": (central(log_d, 1e-4), "difference quotient"),
    "half": (lambda x: (torch.sigmoid(x) - 1) / 2, "is right"),
    "in D": (lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x)), "is right"),
}
wrong["where_it_saturates"] |= {"an article": ("a loss is flat near 0", "one letter is expected")}
wrong["simultaneous_step"] |= {
    "exchanged": (lambda x, y, lr: (y + lr * x, x - lr * y), "outputs are exchanged"),
    "y first": (lambda x, y, lr: (x - lr * (y + lr * x), y + lr * x), "x uses the new y"),
    "no rate": (lambda x, y, lr: (x - y, y + x), "learning rate is missing"),
    "half a step": (lambda x, y, lr: (x - lr * y / 2, y + lr * x / 2), "is right"),
}
wrong["extragradient_step"] |= {
    "exchanged": (lambda x, y, lr: extragradient_as_array(x, y, lr)[::-1].copy(), "outputs are exchanged"),
    "changes": (lambda x, y, lr: extragradient_as_array(x, y, lr) - [x, y], "the changes alone"),
    "roles": (lambda x, y, lr: (x + lr * (y + lr * x), y - lr * (x - lr * y)), "roles are exchanged"),
    "averaged": (
        lambda x, y, lr: np.mean([extragradient_as_array(x, y, lr), (x - lr * y, y + lr * x)], 0),
        "average both gradients",
    ),
}
wrong["count_modes"] |= {
    "more than minimum": (modes_with(euclid, at_least=False), ">="),
    "city blocks": (modes_with(lambda d: d.abs().sum(-1)), "sum of the coordinates"),
    "squares": (modes_with(lambda d: d.abs().amax(-1)), "a square round each centre"),
    "eight modes": (lambda s, c, r, n: sum(int((euclid(s - c[k]) <= r).sum() >= n) for k in range(8)), "IndexError"),
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def round_with_rates(of_d, of_g, more=0):
    def play(w, b, theta, k, lr, ascent, gradient):
        for _ in range(k + more):
            up_w, up_b = ascent(w, b, theta)
            w, b = w + (lr if of_d else 1) * up_w, b + (lr if of_d else 1) * up_b
        return w, b, theta - (lr if of_g else 1) * gradient(w, b, theta)

    return play


def round_w_after_b(w, b, theta, k, lr, ascent, gradient):
    for _ in range(k):
        b += lr * ascent(w, b, theta)[1]
        w += lr * ascent(w, b, theta)[0]
    return w, b, theta - lr * gradient(w, b, theta)


def ordered(order):
    def play(*case):
        new = round_by_hand(*case)
        return [new[i] for i in order]

    return play


def halves(real, fake):
    return lambda p, q: (real * torch.xlogy(p, p / (p + q)) + fake * torch.xlogy(q, q / (p + q))).sum()


def near(samples, centres, radius):
    return torch.cdist(samples, centres) <= radius


wrong["value_at_optimum"] |= {
    "fake half": (halves(0, 1), "fake half alone"),
    "fake half twice": (halves(0, 2), "fake half, twice"),
    "minus the fake half": (halves(1, -1), "The fake half has a minus sign"),
    "minus the real half": (halves(-1, 1), "The real half has a minus sign"),
    "minus both": (halves(-1, -1), "This is -C(G)"),
    "order of xlogy": (
        lambda p, q: (torch.xlogy(p / (p + q), p) + torch.xlogy(q / (p + q), q)).sum(),
        "arguments of `torch.xlogy` are exchanged",
    ),
    "no weights": (lambda p, q: (torch.log(p / (p + q)) + torch.log(q / (p + q))).sum(), "The weights are missing"),
    "entropies": (lambda p, q: (torch.xlogy(p, p) + torch.xlogy(q, q)).sum(), "of p and p_g themselves"),
}
wrong["algorithm_1_round"] |= {
    "b at the new w": (round_b_after_w, "b's gradient is taken with the new w"),
    "w at the new b": (round_w_after_b, "w's gradient is taken with the new b"),
    "k + 1": (round_with_rates(True, True, 1), "k + 1 steps"),
    "k - 1": (round_with_rates(True, True, -1), "k - 1 steps"),
    "D stays": (lambda w, b, t, k, lr, up, down: (w, b, t - lr * down(w, b, t)), "D does not move"),
    "G stays": (lambda *case: (*round_by_hand(*case)[:2], case[2]), "G does not move"),
    "no rate": (round_with_rates(False, False), "The learning rate is missing: each"),
    "no rate of D": (round_with_rates(False, True), "missing in D's steps"),
    "no rate of G": (round_with_rates(True, False), "missing in G's step"),
    "the change only": (lambda w, b, t, k, lr, up, down: (*up(w, b, t), down(w, b, t)), "These are the gradients"),
    "backwards": (ordered((2, 1, 0)), "in another order"),
    "theta first": (ordered((2, 0, 1)), "in another order"),
    "something else": (lambda w, b, t, k, lr, up, down: (w, b, 2 * t), "the new w it gives"),
}
wrong["simultaneous_step"] |= {
    "the value": (lambda x, y, lr: (x - lr * x * y, y + lr * x * y), "V = xy itself"),
    "x stays": (lambda x, y, lr: (x, y + lr * x), "x does not move"),
    "y stays": (lambda x, y, lr: (x - lr * y, y), "y does not move"),
}
wrong["extragradient_step"] |= {
    "both descend": (lambda x, y, lr: (x - lr * (y + lr * x), y - lr * (x - lr * y)), "Both players descend"),
    "both ascend": (lambda x, y, lr: (x + lr * (y + lr * x), y + lr * (x - lr * y)), "Both players ascend"),
    "own position": (lambda x, y, lr: (x - lr * (x - lr * y), y + lr * (y + lr * x)), "by the look-ahead's y"),
    "no rate at the end": (lambda x, y, lr: (x - (y + lr * x), y + (x - lr * y)), "missing in the last step"),
    "no rate ahead": (lambda x, y, lr: (x - lr * (y + x), y + lr * (x - y)), "missing in the look-ahead"),
    "old gradients": (lambda x, y, lr: (x - 2 * lr * y, y + 2 * lr * x), "applied twice"),
}
wrong["count_modes"] |= {
    "wrong axis": (lambda s, c, r, n: int((near(s, c, r).sum(dim=1) >= n).sum()), "along the wrong axis"),
    "table turned": (lambda s, c, r, n: int((near(c, s, r).sum(dim=0) >= n).sum()), "along the wrong axis"),
    "no sum": (lambda s, c, r, n: int((near(s, c, r) >= n).sum()), "is the sum missing"),
    "no axis": (lambda s, c, r, n: int(near(s, c, r).sum() >= n), "it is 1 or 0"),
    "all near": (lambda s, c, r, n: int(near(s, c, r).sum()), "samples near a mode"),
}
