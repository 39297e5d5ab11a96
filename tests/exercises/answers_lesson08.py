"""Answers to the exercises of lesson08: right ones, and wrong ones with a part of their message."""

import bisect
import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# --- conditions ------------------------------------------------------------------------------------------------------


def told(planes):
    """with_class by a rule for the planes: y -> (B, K)."""

    def answer(x, y):
        rows = planes(y).to(x.dtype)[:, :, None, None]
        return torch.cat([x, rows.expand(-1, -1, *x.shape[2:])], 1)

    return answer


def hot(y):
    return F.one_hot(y, 10)


def told_by_filling(x, y):
    out = torch.zeros(len(x), 11, 28, 28)
    out[:, :1] = x
    out[torch.arange(len(x)), 1 + y] = 1
    return out


def told_by_an_eye(x, y):
    planes = torch.eye(10)[y].reshape(-1, 10, 1, 1) * torch.ones(1, 1, 28, 28)
    return torch.concatenate((x, planes), dim=1)


def told_by_comparing(x, y):
    planes = torch.arange(10).view(1, 10, 1, 1) == y.view(-1, 1, 1, 1)
    return torch.cat([x, planes.repeat(1, 1, 28, 28).float()], dim=1)


def told_by_scattering(x, y):
    planes = torch.zeros(x.size(0), 10, 28, 28).scatter_(1, y[:, None, None, None].expand(-1, 1, 28, 28), 1.0)
    return torch.hstack([x, planes.double().float()])


def told_one_by_one(x, y):
    rows = []
    for image, label in zip(x, y.tolist(), strict=True):
        rows.append(torch.cat([image, *[torch.full((1, 28, 28), float(k == label)) for k in range(10)]]))
    return torch.stack(rows)


def told_along_rows(x, y):
    """Axes added in front: what broadcasting makes of it where there are 28 images."""
    planes = hot(y).float().t()[None, :, :, None]
    return torch.cat([x, planes.expand(len(x), 10, len(y), 28)], 1)


def told_in_the_middle(x, y):
    out = torch.cat([x, torch.zeros(len(x), 10, 28, 28)], 1)
    out[torch.arange(len(x)), 1 + y, 14, 14] = 1
    return out


def told_in_place(x, y):
    out = told(hot)(x, y)
    y.add_(1)
    return out


def fakes(  # conditional_fakes with one thing changed
    draw=lambda n: torch.randint(0, 10, (n,)),
    noise=lambda n: torch.randn(n, 100),
    back=lambda y: y,
    image=lambda x: x,
):
    def answer(G, n):
        z, y = noise(n), draw(n)
        return image(G(z, y)), back(y)

    return answer


def fakes_in_two_parts(G, n):
    parts = [fakes()(G, n // 2), fakes()(G, n - n // 2)]
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


def fakes_by_numpy(G, n):
    labels = torch.as_tensor(np.random.randint(0, 10, n))
    with torch.no_grad():
        images = G(torch.normal(0, 1, (n, 100)), labels)
    return [images, labels]


# --- patches ---------------------------------------------------------------------------------------------------------


def walk(rule, start=1, order=reversed):
    def answer(kernels, strides):
        r = start
        for k, s in zip(order(kernels), order(strides), strict=True):
            r = rule(r, k, s)
        return r

    return answer


def field_from_the_picture(kernels, strides):
    """The other way round: each layer adds k - 1 steps of the strides below it."""
    r = jump = 1
    for k, s in zip(kernels, strides, strict=True):
        r, jump = r + (k - 1) * jump, jump * s
    return r


def field_by_recursion(kernels, strides):
    return 1 if not kernels else (field_by_recursion(kernels[1:], strides[1:]) - 1) * strides[0] + kernels[0]


def field_by_indices(kernels, strides):
    seen = {0}
    for k, s in list(zip(kernels, strides, strict=True))[::-1]:
        seen = {i * s + j for i in seen for j in range(k)}
    return torch.tensor(max(seen) - min(seen) + 1)


def spread(kernels, strides):
    r, jump = 1, 1
    for k, s in zip(kernels, strides, strict=True):
        jump *= s
        r += (k - 1) * jump
    return r


def seen(  # pixels_seen with one thing changed
    place=lambda s: s[0, 0, s.shape[2] // 2, s.shape[3] // 2],
    count=lambda g: (lambda rows: int(rows.max() - rows.min()) + 1)((g[0] != 0).any(0).any(1).nonzero()),
    evaluate=True,
):
    def answer(D, x):
        if evaluate:
            D.eval()
        x = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(place(D(x)), x)
        return count(g)

    return answer


def seen_by_backward(D, x):
    D.eval()
    x = x.detach().clone()
    x.requires_grad = True
    s = D(x)
    s[..., (s.shape[2] - 1) // 2, (s.shape[3] - 1) // 2].sum().backward()
    columns = [i for i in range(x.shape[3]) if bool(x.grad[..., i].abs().sum() > 0)]
    return len(columns)


def seen_by_poking(D, x):
    """Without autograd: columns are changed from either side, in float64, until the logit notices."""
    D, x = copy.deepcopy(D).eval().double(), x.double()

    def logit(columns):
        poked = x.clone()
        poked[..., columns] += 100
        with torch.no_grad():
            s = D(poked)
        return float(s[0, 0, s.shape[2] // 2, s.shape[3] // 2])

    side, still = x.shape[3], logit(slice(0, 0))
    after = bisect.bisect_left(range(side + 1), True, key=lambda k: logit(slice(0, k)) != still)
    beyond = bisect.bisect_left(range(side + 1), True, key=lambda k: logit(slice(k, side)) == still)
    return beyond - (after - 1)


def seen_in_a_copy(D, x):
    found = seen()(copy.deepcopy(D), x)
    return np.int64(found)


def seen_above_a_threshold(g):
    rows = (g[0].abs() > 0.3 * g.abs().max()).any(0).any(1).nonzero()
    return int(rows.max() - rows.min()) + 1


def seen_and_painted(D, x):
    x[0, 0, 0, 0] = 0
    return seen()(D, x)


# --- losses ----------------------------------------------------------------------------------------------------------


def bce(s, target):
    return F.binary_cross_entropy_with_logits(s, torch.full_like(s, float(target)))


def d_loss(  # pix2pix_d_loss with one thing changed
    real=lambda s: F.softplus(-s).mean(),
    fake=lambda s: F.softplus(s).mean(),
    end=lambda a, b: (a + b) / 2,
    real_pair=lambda x, y, fake: (x, y),
    fake_pair=lambda x, y, fake: (x, fake),
    detach=True,
):
    def answer(D, x, y, x_fake):
        x_fake = x_fake.detach() if detach else x_fake
        return end(
            real(D(torch.cat(real_pair(x, y, x_fake), 1))),
            fake(D(torch.cat(fake_pair(x, y, x_fake), 1))),
        )

    return answer


def d_loss_by_torch(D, x, y, fake):
    criterion = nn.BCEWithLogitsLoss()
    s_real, s_fake = D(torch.cat((x, y), dim=1)), D(torch.cat((x, fake.data), dim=1))
    return 0.5 * (criterion(s_real, torch.ones_like(s_real)) + criterion(s_fake, torch.zeros_like(s_fake)))


def d_loss_in_one_batch(D, x, y, fake):
    s = D(torch.cat([torch.cat([x, x]), torch.cat([y, fake.detach()])], 1))
    targets = torch.cat([torch.ones(len(x)), torch.zeros(len(x))])[:, None, None, None]
    return F.binary_cross_entropy_with_logits(s, targets.expand_as(s))


def d_loss_one_by_one(D, x, y, fake):
    total = torch.zeros(())
    for a, b, c in zip(x, y, fake.detach(), strict=True):
        total = total - F.logsigmoid(D(torch.cat([a, b])[None])).mean()
        total = total - torch.log(1 - D(torch.cat([a, c])[None]).sigmoid()).mean()
    return total / (2 * len(x))


def d_loss_of_pictures(D, x, y, fake):
    return (F.softplus(-D(y)).mean() + F.softplus(D(fake.detach())).mean()) / 2


def d_loss_with_backward(D, x, y, fake):
    loss = d_loss()(D, x, y, fake)
    loss.backward()
    return loss


def d_loss_moves_d(D, x, y, fake):
    loss = d_loss()(D, x, y, fake)
    for p in D.parameters():
        p.data.sub_(0.1)
    return loss


def d_loss_half_detached(D, x, y, fake):
    return (bce(D(torch.cat([x, y], 1)), 1) + bce(D(torch.cat([x, fake], 1)).detach(), 0)) / 2


def g_loss(  # pix2pix_g_loss with one thing changed
    adversarial=lambda s: F.softplus(-s).mean(),
    distance=lambda a, b: (a - b).abs().mean(),
    end=lambda a, b, w: a + w * b,
    pair=lambda x, y, fake: (x, fake),
    target=lambda x, y: y,
):
    def answer(D, x, y, fake, weight):
        return end(adversarial(D(torch.cat(pair(x, y, fake), 1))), distance(fake, target(x, y)), weight)

    return answer


def g_loss_by_torch(D, x, y, fake, weight):
    s = D(torch.cat((x, fake), dim=1))
    return nn.BCEWithLogitsLoss()(s, torch.ones_like(s)) + nn.L1Loss()(fake, y) * weight


def g_loss_one_by_one(D, x, y, fake, weight):
    parts = [
        -torch.log(torch.sigmoid(D(torch.cat([a, c])[None]))).mean() + weight * (b - c).abs().sum() / c.numel()
        for a, b, c in zip(x, y, fake, strict=True)
    ]
    return torch.stack(parts).mean()


def g_loss_of_pictures(D, x, y, fake, weight):
    return F.softplus(-D(fake)).mean() + weight * (fake - y).abs().mean()


# --- paints ----------------------------------------------------------------------------------------------------------


def constant(l1=lambda v: v.median(0).values, l2=lambda v: v.mean(0)):
    return lambda values, loss: (l1 if loss == "l1" else l2)(values)


def constant_by_sorting(values, loss):
    rows = values.sort(0).values
    return rows[(len(rows) - 1) // 2] if loss == "l1" else rows.sum(0) / len(rows)


def constant_by_trying(values, loss):
    """Every value of a channel as a candidate; L1's best is always among them."""
    if loss == "l2":
        return values.numpy().mean(axis=0)
    gaps = (values[:, None] - values[None]).abs().sum(0)  # candidate, channel
    return [float(values[int(i), c]) for c, i in enumerate(gaps.argmin(0))]


def most_frequent(values):
    rows, times = values.unique(dim=0, return_counts=True)
    return rows[times.argmax()]


def cheapest(values):
    return values[torch.cdist(values, values, p=1).sum(1).argmin()]


def constant_in_place(values, loss):
    values.copy_(values.sort(0).values)
    return constant()(values, loss)


def dropout_on(G):
    G.eval()
    for module in G.modules():
        if isinstance(module, nn.Dropout):
            module.train()


def painted(  # paint with one thing changed
    begin=dropout_on,
    restore=True,
    end=lambda G: None,
    value=lambda G, x: G(x),
):
    def answer(G, x):
        modes = [(m, m.training) for m in G.modules()]
        begin(G)
        with torch.no_grad():
            found = value(G, x)
        if restore:
            for m, was in modes:
                m.training = was
        end(G)
        return found

    return answer


def paint_a_copy(G, x):
    twin = copy.deepcopy(G).eval()
    twin.apply(lambda m: m.train() if isinstance(m, nn.Dropout) else None)
    return twin(x).detach()


def paint_norms_still(G, x):
    """The other way round: all in train mode, but for the BatchNorms."""
    was = {name: m.training for name, m in G.named_modules()}
    try:
        for m in G.modules():
            m.training = not isinstance(m, nn.modules.batchnorm._BatchNorm)
        return G(x)
    finally:
        for name, m in G.named_modules():
            m.training = was[name]


def paint_one_by_one(G, x):
    return torch.cat([painted()(G, one[None]) for one in x])


def paint_a_copy_in_train_mode(G, x):
    return copy.deepcopy(G).train()(x).detach()


def paint_and_put_back_statistics(G, x):
    state = copy.deepcopy(G.state_dict())
    found = painted(lambda G: G.train())(G, x)
    G.load_state_dict(state)
    return found


def paint_seeded(G, x):
    torch.manual_seed(3)
    return painted()(G, x)


def only_at_the_top(G):
    G.eval()
    for m in G.children():
        if isinstance(m, nn.Dropout):
            m.train()


def norms_only(G):
    G.eval()
    for m in G.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.train()


HUNT = {4: "the patches are too large", 17: "the condition is not shown", 27: "G stays in eval mode"}

RIGHT: dict[str, list[Any]] = {
    "with_class": [
        told(hot),
        told_by_filling,
        told_by_an_eye,
        told_by_comparing,
        told_by_scattering,
        told_one_by_one,
        lambda x, y: torch.cat([x, hot(y)[..., None, None].expand(len(x), 10, 28, 28)], 1),
    ],
    "conditional_fakes": [
        fakes(),
        fakes_by_numpy,
        fakes(lambda n: torch.randint(10, (n,))),
        fakes(lambda n: (torch.rand(n) * 10).long()),
        fakes(lambda n: torch.multinomial(torch.ones(10), n, replacement=True), image=lambda x: x.detach()),
        fakes(lambda n: torch.randperm(n) % 10),
    ],
    "receptive_field": [
        walk(lambda r, k, s: (r - 1) * s + k),
        walk(lambda r, k, s: r * s + k - s),
        field_from_the_picture,
        field_by_recursion,
        field_by_indices,
    ],
    "pixels_seen": [seen(), seen_by_backward, seen_by_poking, seen_in_a_copy],
    "pix2pix_d_loss": [d_loss(), d_loss_by_torch, d_loss_in_one_batch, d_loss_one_by_one],
    "pix2pix_g_loss": [
        g_loss(),
        g_loss_by_torch,
        g_loss_one_by_one,
        lambda D, x, y, f, w: weighed(D, x, y, f, w)[None],
    ],
    "best_constant": [
        constant(),
        constant_by_sorting,
        constant_by_trying,
        constant(lambda v: np.median(v.numpy(), axis=0), lambda v: v.mean(0, keepdim=True)),
        constant(lambda v: v.quantile(0.5, dim=0), lambda v: v.double().mean(0)),
    ],
    "paint": [painted(), paint_a_copy, paint_norms_still, paint_one_by_one],
    "bug_hunt": [
        HUNT,
        {str(n): word.upper() for n, word in HUNT.items()},
        {f"line {n}": f"{word}." for n, word in HUNT.items()},
        {5: "the patches are too large", 17: "the condition is not shown", 12: "G stays in eval mode"},
    ],
}


def weighed(D, x, y, fake, weight):
    s = D(torch.hstack([x, fake]))
    return torch.log1p(torch.exp(-s)).mean() + weight * F.l1_loss(y, fake)


WRONG: dict[str, dict[str, tuple[Any, str]]] = {
    "with_class": {
        "nine classes": (told(lambda y: hot(y)[:, :9]), "one of nine classes"),
        "planes alone": (lambda x, y: told(hot)(x, y)[:, 1:], "the image itself is missing"),
        "a number": (told(lambda y: y[:, None]), "nine times as much"),
        "a share": (told(lambda y: y[:, None] / 9), "nine times as much"),
        "classes of the batch": (told(F.one_hot), "a batch need not hold every class"),
        "planes first": (lambda x, y: torch.cat([told(hot)(x, y)[:, 1:], x], 1), "stand before the image"),
        "turned round": (told(lambda y: 1 - hot(y)), "turned round"),
        "signs": (told(lambda y: 2 * hot(y) - 1), "one-hot is asked for"),
        "numbered planes": (told(lambda y: hot(y) * y[:, None]), "holds its number"),
        "ten numbers": (told(lambda y: y[:, None].expand(-1, 10)), "All ten planes"),
        "opposite": (told(lambda y: hot(y).flip(1)), "opposite order"),
        "from 1": (told(lambda y: hot((y - 1) % 10)), "counted from 0"),
        "from -1": (told(lambda y: hot((y + 1) % 10)), "counted from 0"),
        "reshaped": (told(lambda y: hot(y).t().reshape(len(y), 10)), "axes mixed up"),
        "along the rows": (told_along_rows, "Sizes of tensors must match"),
        "the first class": (told(lambda y: hot(y)[:1].expand(len(y), -1)), "class of the first"),
        "each other's": (told(lambda y: hot(y).flip(0)), "each other's classes"),
        "one pixel": (told_in_the_middle, "in a part of its plane"),
        "whole numbers": (lambda x, y: told(hot)(x, y).long(), "pixels between -1 and 1 are lost"),
        "the image scaled": (lambda x, y: told(hot)((x + 1) / 2, y), "is not the image any more"),
        "detached": (lambda x, y: told(hot)(x.detach(), y), "no gradient comes back"),
        "half of it": (told(lambda y: hot(y) / 2), "the planes are not"),
        "y changed": (told_in_place, "in place"),
        "one-hot beside it": (lambda x, y: (x, hot(y)), "a tensor of shape"),
        "flat": (lambda x, y: torch.cat([x.flatten(1), hot(y)], 1), "it returned shape (6, 794)"),
    },
    "conditional_fakes": {
        "as published": (fakes(lambda n: torch.randint(0, 9, (n,))), "G never makes a 9"),
        "numpy's": (fakes(lambda n: torch.as_tensor(np.random.randint(0, 9, n))), "G never makes a 9"),
        "a product with 9": (fakes(lambda n: (torch.rand(n) * 9).long()), "G never makes a 9"),
        "from 1": (fakes(lambda n: torch.randint(1, 10, (n,))), "0 is never drawn"),
        "1 to 10": (fakes(lambda n: torch.randint(1, 11, (n,))), "counted from 0"),
        "eleven": (fakes(lambda n: torch.randint(0, 11, (n,))), "no class 10"),
        "five": (fakes(lambda n: torch.randint(0, 5, (n,))), "0 to 4"),
        "rounded": (fakes(lambda n: (torch.rand(n) * 9).round().long()), "Not all classes"),
        "normal": (
            fakes(lambda n: (torch.randn(n) * 2 + 5).long().clamp(0, 9)),
            "Not all classes",
        ),
        "in turn": (fakes(lambda n: torch.arange(n) % 10), "come in an order"),
        "sorted": (fakes(lambda n: torch.randint(0, 10, (n,)).sort().values), "come in an order"),
        "one for all": (fakes(lambda n: torch.randint(0, 10, (1,)).expand(n)), "draw one for each"),
        "seeded": (
            fakes(lambda n: torch.randint(0, 10, (n,), generator=torch.Generator().manual_seed(1))),
            "drew the same classes",
        ),
        "drawn again": (fakes(back=lambda y: torch.randint(0, 10, (len(y),))), "told another class"),
        "floats": (fakes(lambda n: torch.randint(0, 10, (n,)).float()), "whole numbers are expected"),
        "a column": (fakes(lambda n: torch.randint(0, 10, (n, 1))), "classes of shape (5000, 1)"),
        "one z": (fakes(noise=lambda n: torch.randn(1, 100).expand(n, 100)), "rows of z"),
        "uniform z": (fakes(noise=lambda n: torch.rand(n, 100)), "uniform on [0, 1]"),
        "always 5000": (fakes(lambda n: torch.randint(0, 10, (5000,))[:n].repeat(1), back=lambda y: y[:6]), "told"),
        "two parts": (fakes_in_two_parts, "called 2 times"),
        "images alone": (lambda G, n: fakes()(G, n)[0], "a pair is expected"),
        "classes first": (lambda G, n: fakes()(G, n)[::-1], "not what G made"),
        "scaled": (fakes(image=lambda x: (x + 1) / 2), "not what G made"),
    },
    "receptive_field": {
        "forwards": (walk(lambda r, k, s: (r - 1) * s + k, order=iter), "layer *below* it"),
        "no strides": (lambda k, s: 1 + sum(i - 1 for i in k), "strides are not used"),
        "r strides": (walk(lambda r, k, s: r * s + k), "r - 1 gaps"),
        "from 0": (walk(lambda r, k, s: (r - 1) * s + k, start=0), "Begin with 1"),
        "one too few": (walk(lambda r, k, s: (r - 1) * s + k - 1), "One too few"),
        "exchanged": (walk(lambda r, k, s: (r - 1) * k + s), "are exchanged"),
        "strides": (walk(lambda r, k, s: r * s), "how far apart"),
        "kernels": (walk(lambda r, k, s: r * k), "kernels are multiplied"),
        "sum": (lambda k, s: sum(k), "kernels are added"),
        "its own stride": (spread, "own stride"),
        "padding off": (walk(lambda r, k, s: (r - 1) * s + k - 2), "takes padding off"),
        "padding on": (walk(lambda r, k, s: (r - 1) * s + k + 2), "adds padding"),
        "area": (lambda k, s: field_from_the_picture(k, s) ** 2, "its side is asked"),
        "70": (lambda k, s: 70, "94 is right"),
        "a list": (lambda k, s: [16, 34, 70], "a single number is expected"),
    },
    "pixels_seen": {
        "area": (seen(count=lambda g: int((g[0] != 0).any(0).sum())), "its side is asked for"),
        "all numbers": (seen(count=lambda g: int((g != 0).sum())), "channels too"),
        "channels": (seen(count=lambda g: int((g[0] != 0).any(1).sum())), "once for each channel"),
        "corner": (seen(place=lambda s: s[0, 0, 0, 0]), "past the edge"),
        "all logits": (seen(place=lambda s: s.sum()), "Every pixel has a gradient"),
        "train mode": (seen(evaluate=False), "D has changed"),
        "a copy in train mode": (
            lambda D, x: seen(evaluate=False)(copy.deepcopy(D).train(), x),
            "a D in train mode",
        ),
        "logits": (lambda D, x: D.eval()(x).shape[-1], "number of logits a side"),
        "last less first": (seen(count=lambda g: seen_rows(g) - 1), "both count"),
        "one too many": (seen(count=lambda g: seen_rows(g) + 1), "One too many"),
        "strong ones": (seen(count=seen_above_a_threshold), "At the rim"),
        "by the paper": (lambda D, x: 70, "and 16 is right"),
        "a half": (lambda D, x: 15.5, "a whole number of pixels"),
        "the gradient": (seen(count=lambda g: g), "a single number is expected"),
        "in place": (seen_and_painted, "changes x in place"),
        "no gradient asked": (
            lambda D, x: torch.autograd.grad(D.eval()(x)[0, 0, 5, 5], x),
            "must ask for a gradient",
        ),
    },
    "pix2pix_d_loss": {
        "not halved": (d_loss(end=lambda a, b: a + b), "not halved"),
        "halved twice": (d_loss(end=lambda a, b: (a + b) / 4), "divided by 4"),
        "not detached": (d_loss(detach=False), "towards G"),
        "logits detached": (d_loss_half_detached, "not logits"),
        "condition with the real alone": (
            lambda D, x, y, f: (bce(D(torch.cat([x, y], 1)), 1) + bce(D(f.detach()), 0)) / 2,
            "the fakes come without it",
        ),
        "condition with the fakes alone": (
            lambda D, x, y, f: (bce(D(y), 1) + bce(D(torch.cat([x, f.detach()], 1)), 0)) / 2,
            "the real pictures come without it",
        ),
        "no condition": (d_loss_of_pictures, "pictures alone"),
        "the fake twice": (d_loss(fake_pair=lambda x, y, f: (f, f)), "a picture twice"),
        "y in the place of x": (d_loss(fake_pair=lambda x, y, f: (y, f)), "in the place of the condition"),
        "fake and y": (d_loss(fake_pair=lambda x, y, f: (f, y)), "a fake and the true picture"),
        "picture first": (
            d_loss(real_pair=lambda x, y, f: (y, x), fake_pair=lambda x, y, f: (f, x)),
            "x comes first, on both sides",
        ),
        "fake first": (d_loss(fake_pair=lambda x, y, f: (f, x)), "for the fakes alone"),
        "y first": (d_loss(real_pair=lambda x, y, f: (y, x)), "for the real pairs alone"),
        "other conditions": (d_loss(fake_pair=lambda x, y, f: (x.flip(0), f)), "shuffled"),
        "real target 0": (d_loss(real=lambda s: bce(s, 0)), "Real pairs have the wrong target"),
        "fake target 1": (d_loss(fake=lambda s: bce(s, 1)), "Fakes have the wrong target"),
        "targets exchanged": (d_loss(lambda s: bce(s, 0), lambda s: bce(s, 1)), "targets are exchanged"),
        "sign": (d_loss(end=lambda a, b: -(a + b) / 2), "sign is turned"),
        "real only": (d_loss(end=lambda a, b: a / 2), "Only the real half"),
        "fake only": (d_loss(end=lambda a, b: b / 2), "Only the fake half"),
        "sum": (d_loss(lambda s: F.softplus(-s).sum(), lambda s: F.softplus(s).sum()), "sum over patches and"),
        "sum of patches": (
            d_loss(lambda s: F.softplus(-s).sum((1, 2, 3)).mean(), lambda s: F.softplus(s).sum((1, 2, 3)).mean()),
            "sum over the patches",
        ),
        "sigmoid twice": (d_loss(lambda s: bce(s.sigmoid(), 1), lambda s: bce(s.sigmoid(), 0)), "taken twice"),
        "least squares": (d_loss(lambda s: ((s - 1) ** 2).mean(), lambda s: (s**2).mean()), "least squares"),
        "mean first": (d_loss(lambda s: F.softplus(-s.mean()), lambda s: F.softplus(s.mean())), "before the loss"),
        "smoothed": (d_loss(real=lambda s: bce(s, 0.9)), "is right"),
        "a number": (lambda D, x, y, f: d_loss()(D, x, y, f).item(), "needs a tensor"),
        "without a graph": (lambda D, x, y, f: d_loss()(D, x, y, f).detach(), "D cannot learn"),
        "patches": (d_loss(lambda s: F.softplus(-s), lambda s: F.softplus(s)), "one number"),
        "backward": (d_loss_with_backward, "calls `backward`"),
        "a step": (d_loss_moves_d, "weights have changed"),
        "D not asked": (lambda D, x, y, f: (y - f).abs().mean(), "never asked"),
    },
    "pix2pix_g_loss": {
        "L1 summed": (g_loss(distance=lambda a, b: (a - b).abs().sum()), "summed over pixels"),
        "L1 of each picture": (
            g_loss(distance=lambda a, b: (a - b).abs().sum((1, 2, 3)).mean()),
            "summed over each picture",
        ),
        "L2": (g_loss(distance=F.mse_loss), "a blur"),
        "root": (g_loss(distance=lambda a, b: F.mse_loss(a, b).sqrt()), "root of L2"),
        "wrong term": (g_loss(end=lambda a, b, w: w * a + b), "before the wrong term"),
        "both terms": (g_loss(end=lambda a, b, w: w * (a + b)), "multiplies both"),
        "no weight": (g_loss(end=lambda a, b, w: a + b), "weight is missing"),
        "100": (g_loss(end=lambda a, b, w: a + 100 * b), "written down as 100"),
        "no L1": (g_loss(end=lambda a, b, w: a), "L1 is missing"),
        "L1 alone": (g_loss(end=lambda a, b, w: w * b), "Only L1"),
        "L1 without D": (lambda D, x, y, f, w: w * (f - y).abs().mean(), "Only L1"),
        "signed": (g_loss(distance=lambda a, b: (a - b).mean()), "cancel"),
        "to x": (g_loss(target=lambda x, y: x), "with its condition"),
        "subtracted": (g_loss(end=lambda a, b, w: a - w * b), "L1 has the wrong sign"),
        "sigmoid twice": (g_loss(lambda s: bce(s.sigmoid(), 1)), "taken twice"),
        "no logarithm": (g_loss(lambda s: -s.sigmoid().mean()), "logarithm is missing"),
        "D's target": (g_loss(lambda s: bce(s, 0)), "D's: G wants"),
        "saturating": (g_loss(lambda s: -F.softplus(s).mean()), "saturating"),
        "half": (g_loss(lambda s: F.softplus(-s).mean() / 2), "adversarial term is halved"),
        "all halved": (g_loss(end=lambda a, b, w: (a + w * b) / 2), "It is halved"),
        "patches summed": (g_loss(lambda s: F.softplus(-s).sum()), "sum the adversarial term"),
        "picture first": (g_loss(pair=lambda x, y, f: (f, x)), "stands before the condition"),
        "y in the place of x": (g_loss(pair=lambda x, y, f: (y, f)), "Published code"),
        "the true pair": (g_loss(pair=lambda x, y, f: (x, y)), "judged by its fake"),
        "no condition": (g_loss_of_pictures, "pictures alone"),
        "detached": (g_loss(pair=lambda x, y, f: (x, f.detach())), "detached on its way to D"),
        "L1 detached": (g_loss(distance=lambda a, b: (a.detach() - b).abs().mean()), "L1's gradient"),
        "all detached": (lambda D, x, y, f, w: g_loss()(D, x, y, f.detach(), w), "no gradient comes to the fake"),
        "a number": (lambda D, x, y, f, w: float(g_loss()(D, x, y, f, w)), "needs a tensor"),
        "one for each": (g_loss(lambda s: F.softplus(-s).mean((1, 2, 3))), "one number"),
        "least squares": (g_loss(lambda s: ((s - 1) ** 2).mean()), "is right"),
    },
    "best_constant": {
        "mean for both": (constant(l1=lambda v: v.mean(0)), "the mean, which L2 asks for"),
        "median for both": (constant(l2=lambda v: v.median(0).values), "the median, which L1 asks for"),
        "exchanged": (constant(lambda v: v.mean(0), lambda v: v.median(0).values), "the mean, which L2"),
        "most frequent": (constant(l1=most_frequent), "one of the values"),
        "a stone": (constant(l1=cheapest), "any colour, channel by channel"),
        "halfway": (constant(l2=lambda v: (v.amin(0) + v.amax(0)) / 2), "Halfway between"),
        "one for all": (constant(l2=lambda v: v.mean().expand(3)), "One number for all channels"),
        "a number": (constant(l1=lambda v: v.median()), "a single number for all channels"),
        "per wall": (constant(l1=lambda v: v.median(1).values), "one for each value"),
        "values": (constant(l1=lambda v: v), "3 numbers are expected"),
        "rounded": (constant(l2=lambda v: v.mean(0).round()), "can be had"),
        "in place": (constant_in_place, "in place"),
        "only l1": (lambda v, loss: v.median(0).values if loss == "l1" else None, "does every branch"),
    },
    "paint": {
        "train": (painted(lambda G: G.train()), "G has changed"),
        "as it is": (painted(lambda G: None), "G has changed"),
        "eval": (painted(lambda G: G.eval()), "Dropout is off"),
        "only at the top": (painted(only_at_the_top), "within blocks too"),
        "the wrong way round": (painted(norms_only), "G has changed"),
        "the wrong way round, in a copy": (
            lambda G, x: painted(norms_only)(copy.deepcopy(G), x),
            "the other way round",
        ),
        "a copy in train mode": (paint_a_copy_in_train_mode, "others in its batch"),
        "statistics put back": (paint_and_put_back_statistics, "others in its batch"),
        "left so": (painted(restore=False), "Dropout is left on"),
        "left in eval": (painted(restore=False, end=lambda G: G.eval()), "left in eval mode"),
        "always train": (painted(end=lambda G: G.train()), "put into train mode"),
        "one mode for all": (painted(end=lambda G: G.train(not G.training).train(not G.training)), "train mode"),
        "one part": (painted(end=lambda G: G.drop.train(not G.drop.training)), "Not every part"),
        "seeded": (paint_seeded, "same picture"),
        "mean of ten": (painted(value=lambda G, x: torch.stack([G(x) for _ in range(10)]).mean(0)), "is grey"),
        "in [0, 1]": (painted(value=lambda G, x: (G(x) + 1) / 2), "return them as they are"),
        "the first": (painted(value=lambda G, x: G(x)[0]), "of shape (4, 3, 6, 6)"),
    },
    "bug_hunt": {
        "nothing": ({}, "0 of 3 are found"),
        "one": ({4: HUNT[4]}, "1 of 3 is found"),
        "two": ({4: HUNT[4], 17: HUNT[17]}, "2 of 3 are found"),
        "twice the same": ({4: HUNT[4], 5: HUNT[4], 27: HUNT[27]}, "2 of 3 are found"),
        "halved": (HUNT | {19: "D's loss is halved"}, "does halve D's loss"),
        "stale": (HUNT | {15: "the fakes are stale"}, "it is not stale"),
        "detach": (HUNT | {18: "the fakes are not detached"}, "keeps D's step away"),
        "targets": (HUNT | {23: "the targets are exchanged"}, "D's verdict on a fake"),
        "weight": (HUNT | {23: "L1 outweighs D"}, "100 is the paper's"),
        "old gradients": (HUNT | {20: "old gradients are left"}, "also clears"),
        "old gradients of G": (HUNT | {24: "old gradients are left"}, "leaves nothing in G"),
        "wrong diagnosis": (HUNT | {17: "the fakes are not detached"}, "Something is wrong at line 17"),
        "wrong line": ({8: "the condition is not shown"}, "but not at line 8"),
        "optimiser": (HUNT | {10: "old gradients are left"}, "right as it stands"),
        "unknown": (HUNT | {27: "flu"}, "the diagnoses to choose from"),
        "no such line": (HUNT | {99: "the fakes are stale"}, "its lines are 1 to 29"),
        "one open": (HUNT | {27: ...}, "Line 27 has no diagnosis yet"),
        "lines alone": ([4, 17, 27], "a dict is expected"),
    },
}


def seen_rows(g):
    rows = (g[0] != 0).any(0).any(1).nonzero()
    return int(rows.max() - rows.min()) + 1


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def d_loss_of(on_real, on_fake):
    def loss(D, x, y, fake):
        return (on_real(D(torch.cat([x, y], 1))) + on_fake(D(torch.cat([x, fake.detach()], 1)))) / 2

    return loss


def real_cost(logits):
    return F.softplus(-logits).mean()


def fake_cost(logits):
    return F.softplus(logits).mean()


WRONG["pix2pix_d_loss"] |= {
    "real summed": (d_loss_of(lambda s: F.softplus(-s).sum(), fake_cost), "The real half is summed"),
    "fake summed": (d_loss_of(real_cost, lambda s: F.softplus(s).sum()), "The fake half is summed"),
    "subtracted": (d_loss_of(real_cost, lambda s: -fake_cost(s)), "The fake half has the wrong sign"),
    "real without log": (d_loss_of(lambda s: (1 - s.sigmoid()).mean(), fake_cost), "The real half has no logarithm"),
    "fake without log": (d_loss_of(real_cost, lambda s: s.sigmoid().mean()), "The fake half has no logarithm"),
    "real logits": (d_loss_of(lambda s: -s.mean(), fake_cost), "The real half is a mean of logits"),
    "fake logits": (d_loss_of(real_cost, lambda s: s.mean()), "The fake half is a mean of logits"),
}
