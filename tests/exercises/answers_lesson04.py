"""Answers to the exercises of lesson04: right ones, and wrong ones with a part of their message."""

import math
from typing import Any

import numpy as np
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


def r1(create=True, total=torch.sum, power=2, pixels=torch.sum, batch=torch.mean, sigmoid=False, factor=1.0):
    def answer(D, x):
        x = x.clone().requires_grad_()
        s = D(x).sigmoid() if sigmoid else D(x)
        (gradient,) = torch.autograd.grad(total(s), x, create_graph=create)
        squares = pixels(gradient.flatten(1).square(), 1)
        return factor * batch(squares if power == 2 else squares.sqrt())

    return answer


def r1_image_by_image(D, x):
    found = []
    for image in x:
        image = image[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(D(image)[0], image, create_graph=True)
        found.append((gradient**2).sum())
    return torch.stack(found).mean()


def r1_by_norm(D, x):
    x = x.detach().requires_grad_(True)
    out = D(x)
    gradient = torch.autograd.grad(out, x, torch.ones_like(out), create_graph=True)[0]
    return gradient.flatten(1).norm(dim=1).pow(2).mean().reshape(1)


def r1_by_backward(D, x):
    x = x.clone().requires_grad_()
    D(x).sum().backward(create_graph=True)
    return x.grad.flatten(1).square().sum(1).mean()


def r1_detached(D, x):
    return r1()(D, x).detach() + 0 * D(x).sum()


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
    "r1_by_hand": [r1(), r1_image_by_image, r1_by_norm],
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
        "absence": (lambda k, n: (1 - 1 / k) ** n, "one kind does not occur"),
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
    "r1_by_hand": {
        "mean of the logits": (r1(total=torch.mean), "six times too small"),
        "lengths": (r1(power=1), "asks for their squares"),
        "summed": (r1(batch=torch.sum), "take the mean"),
        "mean over pixels": (r1(pixels=torch.mean), "squares are to be summed"),
        "half": (r1(factor=0.5), "comes later"),
        "after the sigmoid": (r1(sigmoid=True), "of the logit"),
        "no graph": (r1(create=False), "create_graph=True"),
        "detached": (r1_detached, "detached on the way"),
        "backward": (r1_by_backward, "fills them"),
        "one an image": (r1(batch=lambda squares: squares), "single number"),
        "something else": (r1(factor=7.0), "is right"),
    },
}


# --- unusual right answers, and wrong ones that are nearly right -----------------------------------------------------

right: Any = RIGHT  # the same tables, whose types differ from row to row
wrong: Any = WRONG


def mirror_exactly_half(x):
    chosen = torch.zeros(len(x), dtype=torch.bool)
    chosen[torch.randperm(len(x))[: len(x) // 2]] = True
    return torch.where(chosen[:, None, None, None], x.flip(3), x)


def mirror_a_run(x):
    cut = torch.randint(int(0.42 * len(x)), max(1, int(0.58 * len(x))) + 1, ())
    return torch.cat([x[:cut].flip(3), x[cut:]])


def mirror_by_gather(x):
    width = torch.arange(x.shape[3]).expand_as(x)
    coin = torch.randint(0, 2, (len(x), 1, 1, 1))
    return x.gather(3, torch.where(coin == 1, width, x.shape[3] - 1 - width))


def mirror_cut(x):
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x, x.flip(3).detach())


def accumulate_by_grad(D, x_real, x_fake):
    loss = softplus(-D(x_real)).mean() + softplus(D(x_fake.detach())).mean()
    for p, gradient in zip(D.parameters(), torch.autograd.grad(loss, list(D.parameters())), strict=True):
        p.grad = gradient


def accumulate_in_pieces(D, x_real, x_fake):
    D.zero_grad(set_to_none=False)
    for real, fake in zip(x_real, x_fake.detach(), strict=True):
        ((softplus(-D(real[None])) + softplus(D(fake[None]))) / len(x_real)).sum().backward()


def accumulate_then(after):
    def answer(D, x_real, x_fake):
        accumulated()(D, x_real, x_fake)
        after(D)

    return answer


def best_in_numpy(D, x, k):
    scores = D(x).detach().numpy()
    return x.numpy()[np.argsort(-scores)[:k]]


def best_left_in_eval(D, x, k):
    D.eval()
    return best()(D, x, k)


def best_frozen(D, x, k):
    D.requires_grad_(False)
    return x[D(x).topk(k).indices]


right["receptive_field"] += [
    lambda layers: 1 + sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers)),
    lambda layers: np.float64(field_backwards(layers)),
]
right["layer_products"] += [
    lambda a, b, k, n: float(a * b) * (k * n) ** 2,
    lambda *all_: np.prod(all_[:2]) * math.prod(all_[2:]) ** 2,
]
right["accumulate"] += [accumulate_by_grad, accumulate_in_pieces]
right["mirror"] += [mirror_by_gather, lambda x: torch.stack([v.flip(-1) if np.random.rand() < 0.5 else v for v in x])]
right["expected_kinds"] += [
    lambda k, n: np.float32(k * (1 - (1 - 1 / k) ** n)),
    lambda k, n: -k * math.expm1(n * math.log1p(-1 / k)),
]
right["select_best"] += [
    best_in_numpy,
    lambda D, x, k: x[D(x).detach().sigmoid().sort(descending=True).indices[:k]],
    lambda D, x, k: torch.stack([x[i] for i in D(x).detach().topk(k).indices.tolist()]).double(),
]

wrong["receptive_field"] |= {
    "half a pixel": (lambda layers: field(layers) + 0.5, "it gives 4.5, and 4 is right"),
    "the first layer alone": (lambda layers: layers[0][0], "Only the first layer counts"),
    "the output's stride": (lambda layers: math.prod(s for _, s in layers), "is right"),
}
wrong["layer_products"] |= {
    "a hundredth off": (lambda a, b, k, n: a * b * k * k * n * n + 0.01, "it gives"),
    "channels added": (lambda a, b, k, n: (a + b) * k * k * n * n, "is right"),
}
wrong["accumulate"] |= {
    "left in eval mode": (accumulate_then(lambda D: D.eval()), "left in eval mode"),
    "left frozen": (accumulate_then(lambda D: D.requires_grad_(False)), "left frozen"),
}
wrong["mirror"] |= {
    "exactly half": (mirror_exactly_half, "Exactly half"),
    "a run": (mirror_a_run, "Neighbours in the batch"),
    "every other": (lambda x: torch.cat([x[:1].flip(3), x[1:]]) if len(x) < 9 else mirrored(seed=2)(x), "draw anew"),
    "mirrored ones cut": (mirror_cut, "cut for some images"),
    "noise": (lambda x: mirrored()(x) + 1e-4, "in its place"),
}
wrong["expected_kinds"] |= {
    "rounded": (lambda k, n: round(k * (1 - (1 - 1 / k) ** n)), "This is rounded"),
    "rounded down": (lambda k, n: int(k * (1 - (1 - 1 / k) ** n)), "rounded down"),
    "two places": (lambda k, n: round(k * (1 - (1 - 1 / k) ** n), 1), "rounded, approximated"),
    "one draw less": (lambda k, n: k * (1 - (1 - 1 / k) ** (n - 1)), "n - 1 draws"),
}
wrong["select_best"] |= {
    "absolute": (lambda D, x, k: x[D(x).detach().abs().topk(k).indices], "in absolute value"),
    "always four": (lambda D, x, k: x[D(x).detach().topk(min(4, len(x))).indices], "use `k`"),
    "left in eval mode": (best_left_in_eval, "left in eval mode"),
    "left frozen": (best_frozen, "left frozen"),
    "places": (lambda D, x, k: D(x).detach().topk(k).indices, "four images are expected"),
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def accumulate_by(real, fake):
    def accumulate(D, x_real, x_fake):
        D.zero_grad()
        (real(D(x_real)) + fake(D(x_fake.detach()))).backward()

    return accumulate


def squared(reduce):
    def penalty(D, x):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return reduce(gradient)

    return penalty


def field_of_whole_kernels(layers):
    field, distance = 1, 1
    for kernel, stride in layers:
        field += kernel * distance
        distance *= stride
    return field


wrong["receptive_field"] |= {"whole kernels": (field_of_whole_kernels, "adds kernel - 1 steps, not kernel")}
wrong["accumulate"] |= {
    "real summed": (
        accumulate_by(lambda s: softplus(-s).sum(), lambda s: softplus(s).mean()),
        "The real batch's loss is summed",
    ),
    "fake summed": (
        accumulate_by(lambda s: softplus(-s).mean(), lambda s: softplus(s).sum()),
        "The fake batch's loss is summed",
    ),
    "minus the fake": (
        accumulate_by(lambda s: softplus(-s).mean(), lambda s: -softplus(s).mean()),
        "The fake batch has the wrong sign",
    ),
    "minus the real": (
        accumulate_by(lambda s: -softplus(-s).mean(), lambda s: softplus(s).mean()),
        "The real batch has the wrong sign",
    ),
    "both fake": (
        accumulate_by(lambda s: softplus(s).mean(), lambda s: softplus(s).mean()),
        "Both batches are called fake",
    ),
    "both real": (
        accumulate_by(lambda s: softplus(-s).mean(), lambda s: softplus(-s).mean()),
        "Both batches are called real",
    ),
    "exchanged": (
        accumulate_by(lambda s: softplus(s).mean(), lambda s: softplus(-s).mean()),
        "The labels are exchanged",
    ),
    "sigmoid twice": (
        accumulate_by(lambda s: softplus(-s.sigmoid()).mean(), lambda s: softplus(s.sigmoid()).mean()),
        "The sigmoid is applied twice",
    ),
}
wrong["r1_by_hand"] |= {
    "over the channels": (squared(lambda g: g.square().sum(1).mean()), "over the channels alone"),
    "over the images": (squared(lambda g: g.flatten(1).square().sum(0).mean()), "The sum goes over the images"),
    "absolute": (squared(lambda g: g.flatten(1).abs().sum(1).mean()), "absolute values"),
    "not squared": (squared(lambda g: g.flatten(1).sum(1).mean()), "Nothing is squared"),
}
