"""Answers to the exercises of lesson04: right ones, and wrong ones with a part of their message."""

import math

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus


def field_backwards(layers):
    """From the last layer to the image: how many inputs does one output need?"""
    width = 1
    for kernel, stride in reversed(layers):
        width = (width - 1) * stride + kernel
    return width


def field(layers, add_first=True, start=1, reverse=False, strides=True):
    width, jump = start, 1
    for kernel, stride in reversed(layers) if reverse else layers:
        if not add_first:
            jump *= stride if strides else 1
        width += (kernel - 1) * jump
        if add_first:
            jump *= stride if strides else 1
    return width


def accumulated(zero="first", sign=1, detach=True, real=True, fake=True, factor=1.0, total=False, step=False):
    def answer(D, x_real, x_fake):
        if zero == "first":
            D.zero_grad()
        reduce = torch.sum if total else torch.mean
        if real:
            (factor * sign * reduce(softplus(-D(x_real)))).backward()
        if zero == "between":
            D.zero_grad()
        if fake:
            (factor * sign * reduce(softplus(D(x_fake.detach() if detach else x_fake)))).backward()
        if step:
            torch.optim.SGD(D.parameters(), 0.1).step()

    return answer


def one_backward(D, x_real, x_fake):
    for p in D.parameters():
        p.grad = None
    real, fake = D(x_real), D(x_fake.detach())
    (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))).backward()


def mirror_by_loop(x):
    return torch.stack([image.flip(2) if torch.rand(()) < 0.5 else image for image in x])


def mirror_by_index(x):
    y = x.clone()
    chosen = torch.rand(len(x)) < 0.5
    y[chosen] = x[chosen].flip(-1)
    return y


def mirror_in_place(x):
    chosen = torch.rand(len(x)) < 0.5
    with torch.no_grad():
        x[chosen] = x[chosen].flip(3)
    return x


def mirrored(axis=3, p=0.5, per_image=True, seed=None, detach=False):
    def answer(x):
        rng = None if seed is None else torch.Generator().manual_seed(seed)
        draw = torch.rand((len(x) if per_image else 1, 1, 1, 1), generator=rng)
        y = torch.where(draw < p, x, x.flip(axis))
        return y.detach() if detach else y

    return answer


def best_by_sorting(D, x, k):
    with torch.no_grad():
        return x[D(x).argsort().flip(0)[:k]]


def best_by_python(D, x, k):
    scores = [float(D(image[None])) for image in x]
    return torch.stack([x[i] for i in sorted(range(len(x)), key=lambda i: -scores[i])[:k]])


def best(k_first=False, smallest=False, in_order=False, backwards=False, graph=False):
    def answer(D, x, k):
        if k_first:
            return x[:k]
        places = D(x).detach().topk(k, largest=not smallest).indices
        places = places.sort().values if in_order else places.flip(0) if backwards else places
        return x[places] * (1 + 0 * D(x)[places][:, None, None, None]) if graph else x[places]

    return answer


RIGHT = {
    "receptive_field": [field, field_backwards],
    "layer_products": [
        lambda a, b, k, n: a * b * k * k * n * n,
        lambda a, b, k, n: torch.zeros(a, b, k, k).numel() * n**2,
    ],
    "accumulate": [accumulated(), one_backward],
    "mirror": [mirrored(), mirror_by_loop, mirror_by_index],
    "expected_kinds": [
        lambda k, n: k * (1 - (1 - 1 / k) ** n),
        lambda k, n: k - k * math.exp(n * math.log1p(-1 / k)),
        lambda k, n: sum((1 - 1 / k) ** i for i in range(n)),
    ],
    "select_best": [best(), best_by_sorting, best_by_python],
}

WRONG = {
    "receptive_field": {
        "stride too early": (lambda layers: field(layers, add_first=False), "multiply after you have added"),
        "no strides": (lambda layers: field(layers, strides=False), "strides are missing"),
        "backwards": (lambda layers: field(layers, reverse=True), "from the last to the first"),
        "from 0": (lambda layers: field(layers, start=0), "begins with 1 pixel"),
        "product": (lambda layers: math.prod(k for k, _ in layers), "Kernels do not multiply"),
        "sum": (lambda layers: sum(k for k, _ in layers), "Windows overlap"),
        "something else": (lambda layers: 128, "and 4 is right"),
    },
    "layer_products": {
        "output pixels": (lambda a, b, k, n: a * b * k * k * (2 * n) ** 2, "pixels of the output"),
        "twice": (lambda a, b, k, n: 2 * a * b * k * k * n * n, "count as one here"),
        "weights": (lambda a, b, k, n: a * b * k * k, "These are the weights"),
        "kernel not squared": (lambda a, b, k, n: a * b * k * n * n, "kernel is square"),
        "image not squared": (lambda a, b, k, n: a * b * k * k * n, "image is square"),
        "one kernel an output": (lambda a, b, k, n: b * k * k * n * n, "for every input channel"),
    },
    "accumulate": {
        "old gradients": (accumulated(zero=""), "begin with `D.zero_grad()`"),
        "zeroed between": (accumulated(zero="between"), "set to zero between"),
        "real only": (accumulated(fake=False), "Only the real batch"),
        "sign": (accumulated(sign=-1), "The sign"),
        "half": (accumulated(factor=0.5), "does not average"),
        "sums": (accumulated(total=True), "not the sum"),
        "a step": (accumulated(step=True), "weights have moved"),
        "reaches G": (accumulated(detach=False), "towards G"),
        "another loss": (accumulated(factor=3.0), "are not those of"),
    },
    "mirror": {
        "upside down": (mirrored(axis=2), "on their heads"),
        "all or none": (mirrored(per_image=False), "treated alike"),
        "a quarter": (mirrored(p=0.25), "about half"),
        "always the same": (mirrored(seed=1), "draw anew"),
        "no graph": (mirrored(detach=True), "graph is cut"),
        "in place": (mirror_in_place, "has changed"),
        "the batch reversed": (lambda x: x.flip(0), "in its place"),
        "one image": (lambda x: x[0].flip(2), "of the same shape"),
    },
    "expected_kinds": {
        "min": (lambda k, n: min(k, n), "samples repeat"),
        "absent": (lambda k, n: k * (1 - 1 / k) ** n, "do not occur"),
        "one kind": (lambda k, n: 1 - (1 - 1 / k) ** n, "probability that one kind"),
        "exchanged": (lambda k, n: k * (1 - (1 - 1 / n) ** k), "exchanged"),
        "limit": (lambda k, n: k * (1 - math.exp(-n / k)), "Close"),
        "n": (lambda k, n: n, "several can be of one kind"),
    },
    "select_best": {
        "worst": (best(smallest=True), "These are the worst"),
        "in the batch's order": (best(in_order=True), "in the order of the batch"),
        "first": (best(k_first=True), "first four"),
        "backwards": (best(backwards=True), "worst of them first"),
        "graph": (best(graph=True), "carry D's graph"),
        "one image": (lambda D, x, k: x[D(x).argmax()], "four images are expected"),
    },
}
