"""Answers to the exercises of lesson09: right ones, and wrong ones with a part of their message."""

import random
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


def l1(x, y):
    return (x - y).abs().mean()


# --- terms -----------------------------------------------------------------------------------------------------------


def cycle(distance=l1, cut=False, total=lambda p, q: p + q):
    def answer(G_ab, G_ba, a, b):
        there, back = (x.detach() if cut else x for x in (G_ab(a), G_ba(b)))
        return total(distance(G_ba(there), a), distance(G_ab(back), b))

    return answer


def cycle_without_grad_there(G_ab, G_ba, a, b):
    with torch.no_grad():
        there, back = G_ab(a), G_ba(b)
    return l1(G_ba(there), a) + l1(G_ab(back), b)


def cycle_and_backward(G_ab, G_ba, a, b):
    loss = cycle()(G_ab, G_ba, a, b)
    loss.backward(retain_graph=True)
    return loss


def identity(weight=lambda c: c / 2, distance=l1):
    return lambda G_ab, G_ba, a, b, c: weight(c) * (distance(G_ab(b), b) + distance(G_ba(a), a))


def translators(target=1.0, loss=None, params=None, lr=2e-4, betas=(0.5, 0.999), make=None, weight=lambda c: c):
    def least_squares(G_ab, G_ba, D_a, D_b, a, b):
        return F.mse_loss(s := D_b(G_ab(a)), torch.full_like(s, target)) + (D_a(G_ba(b)) - target).pow(2).mean()

    def answer(G_ab, G_ba, D_a, D_b, a, b, c):
        held = params(G_ab, G_ba, D_a, D_b) if params else [*G_ab.parameters(), *G_ba.parameters()]
        opt = make(held) if make else torch.optim.Adam(held, lr=lr, betas=betas)
        value = (loss or least_squares)(G_ab, G_ba, D_a, D_b, a, b)
        return value + weight(c) * cycle()(G_ab, G_ba, a, b), opt

    return answer


def translators_in_groups(G_ab, G_ba, D_a, D_b, a, b, c):
    both = nn.ModuleList([G_ab, G_ba])
    groups = [{"params": G_ab.parameters()}, {"params": G_ba.parameters()}]
    loss = cycle()(*both, a, b) * c + ((1 - D_a(G_ba(b))) ** 2).mean() + ((1 - D_b(G_ab(a))) ** 2).mean()
    return loss, torch.optim.Adam(groups, 2e-4, (0.5, 0.999))


def translators_frozen(G_ab, G_ba, D_a, D_b, *rest):
    D_a.requires_grad_(False)
    return translators()(G_ab, G_ba, D_a, D_b, *rest)


def jump(
    unit=2 / 255, draw=None, ratio=lambda noisy, clean, a: l1(noisy, a) / l1(clean, a), after=lambda x: x, before=False
):
    def coins(x):
        return torch.randint(2, x.shape) * 2 - 1

    def answer(G_ab, G_ba, a, levels):
        fake = G_ab(a)
        noise = (draw or coins)(fake) * levels * unit
        noisy = G_ab(a + noise) if before else after(fake + noise)
        return ratio(G_ba(noisy), G_ba(fake), a)

    return answer


def jump_in_one_batch(G_ab, G_ba, a, levels):
    fake = G_ab(a)
    noise = torch.where(torch.rand_like(fake) < 0.5, -1.0, 1.0) * levels / 127.5
    clean, noisy = G_ba(torch.cat([fake, fake + noise])).chunk(2)
    return float(F.l1_loss(noisy, a) / F.l1_loss(clean, a))


# --- layers ----------------------------------------------------------------------------------------------------------


def instance_norm(axes=(2, 3), unbiased=False, scale=lambda var, eps: (var + eps).sqrt(), centre=True):
    def answer(x, eps):
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=unbiased, keepdim=True)
        return (x - mean if centre else x) / scale(var, eps)

    return answer


def instance_norm_flat(x, eps):
    flat = x.flatten(2)
    flat = flat - flat.mean(-1, keepdim=True)
    return (flat * torch.rsqrt(flat.pow(2).mean(-1, keepdim=True) + eps)).view_as(x)


def instance_norm_by_loops(x, eps):
    out = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            p = x[n, c]
            out[n, c] = (p - p.mean()) / (((p - p.mean()) ** 2).mean() + eps) ** 0.5
    return out


def ends(p=3, q=1, r=3, pad=nn.ReflectionPad2d, norm=nn.InstanceNorm2d, last=nn.Tanh):
    def build(channels):
        first, second, third = (one(channels) if callable(one) else one for one in (p, q, r))
        return nn.Sequential(
            *[pad(first), nn.Conv2d(channels, 8, 7), norm(8), nn.ReLU()],
            *[pad(second), nn.Conv2d(8, 8, 3), norm(8), nn.ReLU()],
            *[pad(third), nn.Conv2d(8, channels, 7), last()],
        )

    return build


def ends_by_mode(channels):
    def conv(c_in, c_out, k, bias=False):
        return nn.Conv2d(c_in, c_out, k, padding=k // 2, padding_mode="reflect", bias=bias)

    normed = [nn.InstanceNorm2d(8), nn.ReLU()]
    return nn.Sequential(conv(channels, 8, 7), *normed, conv(8, 8, 3), *normed, conv(8, channels, 7, True), nn.Tanh())


class Ends(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(channels, 8, 7), nn.Conv2d(8, 8, 3), nn.Conv2d(8, channels, 7)

    def forward(self, x):
        for layer in (self.a, self.b):
            side = layer.kernel_size[0] // 2
            x = F.instance_norm(layer(F.pad(x, (side,) * 4, mode="reflect"))).relu()
        return self.c(F.pad(x, (3, 3, 3, 3), mode="reflect")).tanh()


# --- the pool --------------------------------------------------------------------------------------------------------


def exchange(
    keep=lambda fake: fake.detach().clone(),
    show=lambda fake: fake.detach(),
    coin=lambda: random.random() < 0.5,
    place=lambda size: random.randrange(size),
    fill=lambda held, size: len(held) < size,
    swap="right",
    one_coin=False,
):
    def answer(held, fakes, size):
        shown = []
        both = coin() if one_coin else None
        for fake in fakes:
            if fill(held, size):
                held.append(keep(fake))
                shown.append(show(fake))
            elif size and (both if one_coin else coin()):
                i = place(len(held)) if held else 0
                if swap == "right":
                    shown.append(held[i])
                    held[i] = keep(fake)
                elif swap == "new after storing":
                    held[i] = keep(fake)
                    shown.append(held[i])
                elif swap == "in place":
                    shown.append(held[i])
                    held[i].copy_(fake.detach())
                else:
                    shown.append(held[i])
            else:
                shown.append(show(fake))
        return torch.stack(shown)

    return answer


def exchange_by_pop(held, fakes, size):
    shown = []
    for fake in fakes.detach():
        held.append(fake.clone())
        full = len(held) > size
        shown.append(held.pop(int(torch.randint(len(held) - 1, ()))) if full and size and torch.rand(1) > 0.5 else fake)
        if len(held) > size:
            held.pop()
    return torch.stack(shown)


def in_turn():
    count = iter(range(10**9))
    return lambda size: next(count) % size


# --- the hunt --------------------------------------------------------------------------------------------------------

HUNT = {
    **dict.fromkeys("ACEFG", "healthy"),
    "B": "norm before tanh",
    "D": "D's step reaches G",
    "H": "translators swapped",
    "I": "weight too small",
}

RIGHT: dict[str, list[Any]] = {
    "cycle_loss": [
        cycle(),
        cycle(F.l1_loss),
        lambda F_, G, a, b: F.l1_loss(F_(G(b)), b) + F.l1_loss(G(F_(a)), a),
        lambda F_, G, a, b: torch.cat([G(F_(a)) - a, F_(G(b)) - b]).abs().mean() * 2,
    ],
    "identity_loss": [
        identity(),
        identity(lambda c: 0.5 * c, F.l1_loss),
        lambda G_ab, G_ba, a, b, c: 0.5 * c * l1(G_ba(a), a) + 0.5 * c * l1(b, G_ab(b)),
    ],
    "instance_norm": [instance_norm(), instance_norm_flat, instance_norm_by_loops],
    "ends": [ends(), ends_by_mode, Ends],
    "exchange": [exchange(), exchange(show=lambda fake: fake.detach().clone()), exchange_by_pop],
    "translators": [translators(), translators_in_groups, lambda *given: list(translators()(*given))],
    "jump": [jump(), jump_in_one_batch, jump(after=lambda x: x.clamp(-1, 1))],
    "bug_hunt": [HUNT, {key.lower(): word.upper() for key, word in HUNT.items()}],
}

WRONG: dict[str, dict[str, tuple[Any, str]]] = {
    "cycle_loss": {
        "one way, other side": (
            lambda F_, G, a, b: (F_(a) - b).abs().mean() + (G(b) - a).abs().mean(),
            "other side, which",
        ),
        "order": (lambda F_, G, a, b: cycle()(G, F_, a, b), "The order is exchanged"),
        "detached": (cycle(cut=True), "the fakes are detached"),
        "without grad": (cycle_without_grad_there, "the fakes are detached"),
        "squared": (cycle(F.mse_loss), "squared"),
        "summed": (cycle(lambda x, y: (x - y).abs().sum()), "You sum over pixels and pictures"),
        "summed a picture": (cycle(lambda x, y: (x - y).abs().sum((1, 2, 3)).mean()), "over the pixels of a picture"),
        "a alone": (cycle(total=lambda p, q: p), "Only the way of a"),
        "b alone": (cycle(total=lambda p, q: q), "Only the way of b"),
        "averaged": (cycle(total=lambda p, q: (p + q) / 2), "half of it"),
        "weighted": (cycle(total=lambda p, q: 10 * (p + q)), "weight 10 comes later"),
        "one way": (lambda F_, G, a, b: l1(F_(a), a) + l1(G(b), b), "one way only"),
        "against the fake": (
            lambda F_, G, a, b: l1(G(F_(a)), F_(a)) + l1(F_(G(b)), G(b)),
            "compared with the fake",
        ),
        "against the other": (lambda F_, G, a, b: l1(G(F_(a)), b) + l1(F_(G(b)), a), "the other side's"),
        "mean first": (cycle(lambda x, y: (x - y).mean().abs()), "mean comes before"),
        "no absolute value": (cycle(lambda x, y: (x - y).mean()), "absolute value is missing"),
        "negative": (cycle(total=lambda p, q: -p - q), "sign is turned"),
        "identity": (lambda F_, G, a, b: l1(F_(b), b) + l1(G(a), a), "identity term"),
        "a number": (lambda *given: cycle()(*given).item(), "a tensor is expected"),
        "no graph": (lambda *given: cycle()(*given).detach(), "has no gradient"),
        "backward": (cycle_and_backward, "have gradients now"),
        "pixels": (cycle(lambda x, y: (x - y).abs()), "one number is expected"),
    },
    "identity_loss": {
        "swapped": (lambda F_, G, a, b, c: identity()(G, F_, a, b, c), "are exchanged"),
        "G_ba twice": (lambda F_, G, a, b, c: c / 2 * (l1(G(b), b) + l1(F_(b), b)), "G_ba is shown b"),
        "a twice": (lambda F_, G, a, b, c: c / 2 * (l1(F_(a), a) + l1(G(a), a)), "G_ab is shown a"),
        "no weight": (identity(lambda c: 1), "weight is missing"),
        "0.1": (identity(lambda c: 0.1), "The weight is 0.1"),
        "cycle": (identity(lambda c: c), "half of `cycle`: .5"),
        "averaged": (identity(lambda c: c / 4), "This is half of it"),
        "always 5": (identity(lambda c: 5), "always 5"),
        "b alone": (lambda F_, G, a, b, c: c / 2 * l1(F_(b), b), "Only G_ab's half"),
        "a alone": (lambda F_, G, a, b, c: c / 2 * l1(G(a), a), "Only G_ba's half"),
        "squared": (identity(distance=F.mse_loss), "squared"),
        "summed": (identity(distance=lambda x, y: (x - y).abs().sum()), "You sum"),
        "the cycle": (lambda F_, G, a, b, c: c / 2 * cycle()(F_, G, a, b), "the cycle term"),
        "compared": (lambda F_, G, a, b, c: c / 2 * (l1(F_(b), a) + l1(G(a), b)), "compared with a"),
        "no graph": (lambda *given: identity()(*given).detach(), "has no gradient"),
    },
    "instance_norm": {
        "batch": (instance_norm((0, 2, 3)), "this is BatchNorm"),
        "layer": (instance_norm((1, 2, 3)), "this is LayerNorm"),
        "pixels": (instance_norm((1,)), "channels of each pixel"),
        "rows": (instance_norm((2,)), "rows alone"),
        "columns": (instance_norm((3,)), "last axis alone"),
        "everything": (instance_norm((0, 1, 2, 3)), "One mean for everything"),
        "unbiased": (instance_norm(unbiased=True), "divides by n - 1"),
        "eps outside": (instance_norm(scale=lambda var, eps: var.sqrt() + eps), "eps stands outside of the root"),
        "std and eps": (instance_norm(unbiased=True, scale=lambda v, e: v.sqrt() + e), "and the variance divides"),
        "no eps": (instance_norm(scale=lambda var, eps: var.sqrt()), "eps is missing"),
        "no root": (instance_norm(scale=lambda var, eps: var + eps), "take its root"),
        "not centred": (instance_norm(centre=False), "mean is not taken away"),
        "not scaled": (instance_norm(scale=lambda var, eps: 1), "do not divide"),
        "eps fixed": (instance_norm(scale=lambda var, eps: (var + 1e-5).sqrt()), "always 1e-5"),
        "torch's": (lambda x, eps: F.instance_norm(x, eps=eps), "PyTorch's own `instance_norm`"),
        "GroupNorm": (lambda x, eps: F.group_norm(x, x.shape[1], eps=eps), "PyTorch's own `group_norm`"),
        "in place": (lambda x, eps: x.copy_(instance_norm()(x, eps)), "changes x in place"),
    },
    "ends": {
        "published": (ends(p=lambda c: c, r=lambda c: c), "fits by chance"),
        "no padding": (ends(0, 0, 0), "None of the three"),
        "3 x 3 alone": (ends(0, 1, 0), "7 x 7 convolutions are not padded"),
        "the last": (ends(3, 1, 0), "One of the 7 x 7"),
        "the middle": (ends(3, 0, 3), "3 x 3 convolution is not padded"),
        "zeros": (ends(pad=nn.ZeroPad2d), "a grey frame"),
        "replicated": (ends(pad=nn.ReplicationPad2d), "outermost pixel"),
        "in the wrong place": (ends(4, 0, 3), "not those of their convolutions"),
        "no tanh": (ends(last=nn.Identity), "tanh at the end is missing"),
        "sigmoid": (ends(last=nn.Sigmoid), "ends in a sigmoid"),
        "no norm": (ends(norm=lambda c: nn.Identity()), "InstanceNorms are missing"),
        "BatchNorm": (ends(norm=nn.BatchNorm2d), "Only the padding is to change"),
        "one channel": (lambda channels: ends()(1), "stopped with"),
        "a number": (lambda channels: 3, "a Module is expected"),
    },
    "exchange": {
        "always swaps": (exchange(coin=lambda: True), "always swaps"),
        "never swaps": (exchange(coin=lambda: False), "always shows the new fake"),
        "biased": (exchange(coin=lambda: random.random() < 0.8), "the coin is fair"),
        "never fills up": (exchange(fill=lambda held, size: False, coin=lambda: False), "does not fill up"),
        "too full": (exchange(fill=lambda held, size: True), "there is room for"),
        "with graph": (exchange(keep=lambda fake: fake), "kept with their graph"),
        "shown with graph": (exchange(show=lambda fake: fake), "What is shown to D has G's graph"),
        "a view": (exchange(keep=lambda fake: fake.detach()), "batch's own memory"),
        "new after storing": (exchange(swap="new after storing"), "kept and shown"),
        "in place": (exchange(swap="in place"), "kept and shown"),
        "not replaced": (exchange(swap="none"), "does not take its place"),
        "always the first": (exchange(place=lambda size: 0), "Only 1 of the"),
        "all but the last": (exchange(place=lambda size: random.randrange(size - 1)), "Only 4 of the"),
        "in turn": (exchange(place=in_turn()), "in turn"),
        "one coin": (exchange(one_coin=True), "One coin decides"),
        "a list": (lambda *given: list(exchange()(*given)), "`torch.stack`"),
        "one of them": (lambda *given: exchange()(*given)[0], "as many pictures"),
        "the mean": (lambda held, fakes, size: exchange()(held, fakes * 0.5, size), "no fake that was ever given"),
    },
    "translators": {
        "D's target": (translators(target=0.0), "The target is D's"),
        "D exchanged": (
            lambda F_, G, A, B, a, b, c: translators()(F_, G, B, A, a, b, c),
            "discriminators are exchanged",
        ),
        "real": (
            translators(loss=lambda F_, G, A, B, a, b: (A(a) - 1).square().mean() + (B(b) - 1).square().mean()),
            "shown the real",
        ),
        "half": (
            translators(
                loss=lambda F_, G, A, B, a, b: ((A(G(b)) - 1).square().mean() + (B(F_(a)) - 1).square().mean()) / 2
            ),
            "adversarial part is halved",
        ),
        "one side": (
            translators(loss=lambda F_, G, A, B, a, b: (B(F_(a)) - 1).square().mean()),
            "G_ba has no adversarial part",
        ),
        "summed": (
            translators(loss=lambda F_, G, A, B, a, b: (A(G(b)) - 1).square().sum() + (B(F_(a)) - 1).square().sum()),
            "sum over patches",
        ),
        "non-saturating": (
            translators(loss=lambda F_, G, A, B, a, b: F.softplus(-A(G(b))).mean() + F.softplus(-B(F_(a))).mean()),
            "non-saturating",
        ),
        "no cycle": (translators(weight=lambda c: 0), "way there and back is missing"),
        "no weight": (translators(weight=lambda c: 1), "has no weight"),
        "cycle alone": (translators(loss=lambda *given: 0), "adversarial part is missing"),
        "G_ba forgotten": (translators(params=lambda F_, G, A, B: F_.parameters()), "does not hold G_ba"),
        "G_ab forgotten": (translators(params=lambda F_, G, A, B: G.parameters()), "does not hold G_ab"),
        "D's too": (
            translators(params=lambda *nets: nn.ModuleList(nets).parameters()),
            "holds D_a's weights too",
        ),
        "SGD": (translators(make=lambda held: torch.optim.SGD(held, 2e-4)), "CycleGAN uses Adam"),
        "rate": (translators(lr=1e-3), "Adam's rate"),
        "betas": (translators(betas=(0.9, 0.999)), "Adam's betas"),
        "loss alone": (lambda *given: translators()(*given)[0], "a pair is expected"),
        "no optimiser": (lambda *given: (translators()(*given)[0], None), "an optimiser is expected"),
        "frozen": (translators_frozen, "left frozen"),
        "no graph": (lambda *given: (translators()(*given)[0].detach(), translators()(*given)[1]), "has no gradient"),
    },
    "jump": {
        "on the original": (jump(before=True), "the noise goes on the fake"),
        "half the range": (jump(unit=1 / 255), "a level is 2/255"),
        "levels as they are": (jump(unit=1.0), "wipes out the picture"),
        "four times": (jump(unit=4 / 255), "The largest change"),
        "uniform": (jump(draw=lambda x: torch.rand_like(x) * 2 - 1), "The sizes of the changes differ"),
        "normal": (jump(draw=torch.randn_like), "The largest change"),
        "up": (jump(draw=torch.ones_like), "moves the same way"),
        "one for a picture": (
            jump(draw=lambda x: torch.tensor([-1.0, 1, 1, -1]).view(4, 1, 1, 1).expand_as(x)),
            "the same for each",
        ),
        "one picture's": (jump(draw=lambda x: (torch.randint(2, x.shape[1:]) * 2 - 1).expand_as(x)), "each picture"),
        "biased": (jump(draw=lambda x: (torch.rand_like(x) < 0.8) * 2.0 - 1), "move up"),
        "no noise": (jump(unit=0.0), "never given a fake with noise"),
        "no clean": (lambda F_, G, a, k: G(F_(a) + k * 2 / 255).mean(), "never given the fake as it is"),
        "turned": (jump(ratio=lambda x, y, a: l1(y, a) / l1(x, a)), "turned round"),
        "difference": (jump(ratio=lambda x, y, a: l1(x, a) - l1(y, a)), "difference of the two"),
        "error": (jump(ratio=lambda x, y, a: l1(x, a)), "the error with noise: divide"),
        "against the clean": (jump(ratio=lambda x, y, a: l1(x, y) / l1(y, a)), "compare both with `a`"),
        "squared": (jump(ratio=lambda x, y, a: F.mse_loss(x, a) / F.mse_loss(y, a)), "squared"),
        "pixel by pixel": (jump(ratio=lambda x, y, a: ((x - a).abs() / (y - a).abs()).mean()), "pixel by pixel"),
        "added": (jump(ratio=lambda x, y, a: l1(x, a) / l1(y, a) - 1), "one more"),
        "pixels": (jump(ratio=lambda x, y, a: (x - a).abs()), "one number is expected"),
    },
    "bug_hunt": {
        "A": (HUNT | {"A": "pad is not the kernel's"}, "7 x 7 convolution take"),
        "B": (HUNT | {"B": "healthy"}, "ten times as large"),
        "C": (HUNT | {"C": "a network never moves"}, "count the weights"),
        "D": (HUNT | {"D": "healthy"}, "who put them there"),
        "E": (HUNT | {"E": "loss must not be halved"}, "factor of a half"),
        "F": (HUNT | {"F": "target swapped"}, "which D judges"),
        "G": (HUNT | {"G": "fakes must be detached"}, "Who has to learn"),
        "H": (HUNT | {"H": "healthy"}, "on its side already"),
        "I": (HUNT | {"I": "healthy"}, "how much is that"),
        "unknown": (HUNT | {"I": "flu"}, "the diagnoses to choose from"),
        "one open": (HUNT | {"I": ...}, "Line I has no diagnosis yet"),
        "a word": ("healthy", "a dict is expected"),
    },
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def mean_abs(gap):
    return gap.abs().mean()


def cycle_of(of_a, of_b):
    return lambda G_ab, G_ba, a, b: of_a(G_ba(G_ab(a)) - a) + of_b(G_ab(G_ba(b)) - b)


def identity_of(of_ab, of_ba):
    return lambda G_ab, G_ba, a, b, cycle: cycle / 2 * (of_ab(G_ab(b) - b) + of_ba(G_ba(a) - a))


def translators_of(of_b, of_a, sign=1):
    def loss(G_ab, G_ba, D_a, D_b, a, b, cycle):
        fake_b, fake_a = G_ab(a), G_ba(b)
        lost = mean_abs(G_ba(fake_b) - a) + mean_abs(G_ab(fake_a) - b)
        weights = [*G_ab.parameters(), *G_ba.parameters()]
        total = of_b(D_b(fake_b) - 1) + of_a(D_a(fake_a) - 1) + sign * cycle * lost
        return total, torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999))

    return loss


def mean_square(gap):
    return gap.square().mean()


WRONG["cycle_loss"] |= {
    "a summed": (cycle_of(lambda g: g.abs().sum(), mean_abs), "The way of a is summed"),
    "b summed": (cycle_of(mean_abs, lambda g: g.abs().sum()), "The way of b is summed"),
    "a squared": (cycle_of(mean_square, mean_abs), "The way of a is squared"),
    "b squared": (cycle_of(mean_abs, mean_square), "The way of b is squared"),
    "a without abs": (cycle_of(lambda g: g.mean(), mean_abs), "The way of a has no absolute value"),
    "subtracted": (cycle_of(mean_abs, lambda g: -mean_abs(g)), "The way of b has the wrong sign"),
}
WRONG["identity_loss"] |= {
    "one summed": (identity_of(lambda g: g.abs().sum(), mean_abs), "The half of G_ab is summed"),
    "one squared": (identity_of(mean_abs, mean_square), "The half of G_ba is squared"),
    "one without abs": (identity_of(lambda g: g.mean(), mean_abs), "The half of G_ab has no absolute value"),
    "subtracted": (identity_of(mean_abs, lambda g: -mean_abs(g)), "The half of G_ba has the wrong sign"),
}
WRONG["translators"] |= {
    "one summed": (translators_of(lambda g: g.square().sum(), mean_square), "term of G_ab is summed"),
    "subtracted": (translators_of(mean_square, lambda g: -mean_square(g)), "term of G_ba has the wrong sign"),
    "minus the way back": (translators_of(mean_square, mean_square, -1), "there and back has the wrong sign"),
}
