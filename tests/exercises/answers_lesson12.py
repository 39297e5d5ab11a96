"""Answers to the exercises of lesson12: right ones, and wrong ones with a part of their message."""

import itertools
import os
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import update_bn

from gancourse.exercises import lesson12

# --- gain and bias ---------------------------------------------------------------------------------------------------


def maps(y):
    return y[:, :, None, None]


def condition(given=lambda e, z: torch.cat([e, z], 1), total=lambda x, gain, bias: (1 + maps(gain)) * x + maps(bias)):
    def answer(x, e, z, to_gain, to_bias):
        vector = given(e, z)
        return total(x, vector @ to_gain.T, vector @ to_bias.T)

    return answer


def condition_by_loops(x, e, z, to_gain, to_bias):
    rows = []
    for image, e_row, z_row in zip(x, e, z, strict=True):
        vector = torch.hstack([e_row, z_row])
        rows.append(
            torch.stack([m + (g @ vector) * m + b @ vector for m, g, b in zip(image, to_gain, to_bias, strict=True)])
        )
    return torch.stack(rows)


def condition_in_two_parts(x, e, z, to_gain, to_bias):
    n = e.size(1)
    gain = torch.einsum("be,ce->bc", e, to_gain[:, :n]) + torch.einsum("bz,cz->bc", z, to_gain[:, n:])
    bias = e @ to_bias[:, :n].t() + z @ to_bias[:, n:].t()
    return torch.addcmul(bias.unsqueeze(-1).unsqueeze(-1), gain.add(1).unsqueeze(-1).unsqueeze(-1), x)


def condition_in_place(x, e, z, to_gain, to_bias):
    vector = torch.cat([e, z], 1)
    return x.mul_(1 + maps(vector @ to_gain.T)).add_(maps(vector @ to_bias.T))


# --- the projection --------------------------------------------------------------------------------------------------


def logit(pool=lambda h: h.sum((2, 3)), row=lambda table, y: table[y], total=None):
    total = total or (lambda s, e, weight, bias: s @ weight + bias + (s * e).sum(1))
    return lambda h, table, weight, bias, y: total(pool(h), row(table, y), weight, bias)


def logit_by_loop(h, table, weight, bias, y):
    found = []
    for image, k in zip(h, y.tolist(), strict=True):
        s = image.flatten(1).sum(1)
        found.append((weight + table[k]) @ s + bias)
    return torch.stack(found)


def logit_by_one_hot(h, table, weight, bias, y):
    s = torch.einsum("bchw->bc", h)
    e = F.one_hot(y, len(table)).float() @ table
    return F.linear(s, weight[None], bias[None]).squeeze(1) + torch.einsum("bc,bc->b", e, s)


def logit_pixel_by_pixel(h, table, weight, bias, y):
    return ((weight + F.embedding(y, table))[:, :, None, None] * h).sum((1, 2, 3)) + bias


# --- several heads ---------------------------------------------------------------------------------------------------


def of_d(real, fake):
    return sum(F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True))


def of_g(real, fake):
    return -sum(f.mean() for f in fake)


def heads(d=of_d, g=of_g):
    return lambda real, fake: (d(real, fake), g(real, fake))


def joined(logits):
    return [torch.cat([x.flatten(1) for x in logits], 1)]


def averaged(logits):
    return [torch.stack([x.mean((1, 2)) for x in logits]).mean(0)]


def within(logits):
    return [x.mean((1, 2)) for x in logits]


def heads_by_clamp(real, fake):
    d, g = torch.zeros(()), torch.zeros(())
    for r, f in zip(real, fake, strict=True):
        d = d + torch.clamp(1 - r, min=0).sum() / r.numel() - torch.minimum(torch.zeros(()), -1 - f).mean()
        g = g - torch.mean(f)
    return [d, g]


def each(of_real, of_fake):
    """D's loss with other costs of a real and of a fake logit."""
    return lambda real, fake: sum(of_real(r).mean() + of_fake(f).mean() for r, f in zip(real, fake, strict=True))


def of_fakes(cost):
    """G's loss with another cost of a fake logit."""
    return lambda real, fake: sum(cost(f).mean() for f in fake)


# --- the orthogonal penalty ------------------------------------------------------------------------------------------


def off(gram):
    return gram * (1 - torch.eye(len(gram)))


def layers(G):
    return [m for m in G.modules() if isinstance(m, nn.Linear | nn.Conv2d)]


def matrices(G):
    return [m.weight.flatten(1) for m in layers(G)]


def penalty(weights=matrices, one=lambda W: off(W @ W.T).square().sum()):
    return lambda G: sum(one(W) for W in weights(G))


def penalty_by_names(G):
    total = torch.zeros(())
    for name, p in G.named_parameters():
        if p.ndim > 1 and not name.startswith("shared"):
            W = p.reshape(p.shape[0], -1)
            gram = torch.mm(W, W.t())
            total += torch.linalg.norm(gram - torch.diag(gram.diag())) ** 2
    return total


def penalty_by_triangle(G):
    found = []
    for m in layers(G):
        rows = m.weight.view(len(m.weight), -1)
        found.append(2 * sum((a @ b) ** 2 for a, b in itertools.combinations(rows, 2)))
    return torch.stack(found).sum()


def matrices_and(*kinds):
    """The matrices of linear layers and convolutions, and more: weights of these kinds of layers, or vectors."""

    def found(G):
        more = [m.weight for m in G.modules() if isinstance(m, kinds)]
        return matrices(G) + [p.reshape(len(p), -1) for p in more]

    return found


def of_kind(kind):
    return lambda G: [m.weight.flatten(1) for m in G.modules() if isinstance(m, kind)]


def all_parameters(G):
    return [p.reshape(len(p), -1) for p in G.parameters()]


def without_embedding(G):
    return [p.reshape(len(p), -1) for name, p in G.named_parameters() if "shared" not in name]


def convolutions_as(change):
    return lambda G: [m.weight if isinstance(m, nn.Linear) else change(m.weight) for m in layers(G)]


def penalty_backward(G):
    total = penalty()(G)
    total.backward()
    return total.detach()


def penalty_that_scales(G):
    total = penalty()(G)
    with torch.no_grad():
        layers(G)[0].weight.mul_(0.5)
    return total


def penalty_half_detached(G):
    return penalty(one=lambda W: off(W @ W.detach().T).square().sum())(G)


# --- truncated z -----------------------------------------------------------------------------------------------------


def drawn(change=lambda z, t, rng: z, source=lambda rng: rng):
    """N(0, 1) from rng, and then changed."""

    def answer(n, d, t, rng):
        rng = source(rng)
        return change(torch.randn(n, d, generator=rng), t, rng)

    return answer


def again(z, t, rng, outside=lambda z, t: z.abs() > t, more=None):
    more = more or (lambda n, rng: torch.randn(n, generator=rng))
    while bool((mask := outside(z, t)).any()):
        z[mask] = more(int(mask.sum()), rng)
    return z


def truncated_by_where(n, d, t, rng):
    z = torch.full((n, d), torch.inf)
    while not (z.abs() <= t).all():
        z = torch.where(z.abs() <= t, z, torch.empty(n, d).normal_(generator=rng))
    return z


def truncated_from_a_pool(n, d, t, rng):
    kept = torch.empty(0)
    while len(kept) < n * d:
        pool = torch.randn(n * d, generator=rng)
        kept = torch.cat([kept, pool[(pool <= t) & (pool >= -t)]])
    return kept[: n * d].view(n, d)


def truncated_one_by_one(n, d, t, rng):
    def one():
        while True:
            value = float(torch.randn((), generator=rng))
            if abs(value) <= t:
                return value

    return torch.tensor([[one() for _ in range(d)] for _ in range(n)])


def truncated_by_inverse(n, d, t, rng):
    return nn.init.trunc_normal_(torch.empty(n, d), a=-t, b=t, generator=rng)


def whole_rows(n, d, t, rng):
    rows: list[torch.Tensor] = []
    while len(rows) < n:
        row = torch.randn(d, generator=rng)
        if (row.abs() <= t).all():
            rows.append(row)
    return torch.stack(rows)


def redrawn_once(z, t, rng):
    mask = z.abs() > t
    z[mask] = torch.randn(int(mask.sum()), generator=rng)
    return z


def set_to_zero(z, t, rng):
    return torch.where(z.abs() > t, 0.0, z)


def left_out(z, t, rng):
    return z[z.abs() <= t]


def others_positive(z, t, rng):
    return torch.where(z.abs() > t, t * torch.rand(z.shape, generator=rng), z)


def rows_repeated(n, d, t, rng):
    return truncated_from_a_pool(1, d, t, rng).repeat(n, 1)


# --- standing statistics ---------------------------------------------------------------------------------------------


def norms(G):
    return [m for m in G.modules() if isinstance(m, nn.BatchNorm2d)]


def standing(reset=True, momentum=None, train=True, graph=torch.no_grad, end="eval", back=True, batches=list):
    def answer(G, zs):
        before = [m.momentum for m in norms(G)]
        for m in norms(G):
            if reset:
                m.reset_running_stats()
            m.momentum = momentum if momentum != "old" else m.momentum
        G.train(train)
        with graph():
            for z in batches(zs):
                G(z)
        for m, was in zip(norms(G), before, strict=True):
            m.momentum = was if back else m.momentum
        if end == "eval":
            G.eval()

    return answer


def standing_by_the_library(G, zs):
    update_bn(iter(zs), G)
    G.eval()


def standing_by_hooks(combine=lambda each: each.mean(0), correction=1):
    def answer(G, zs):
        found: dict[Any, tuple[list, list]] = {m: ([], []) for m in norms(G)}

        def note(m, given, _):
            found[m][0].append(given[0].mean((0, 2, 3)))
            found[m][1].append(given[0].var((0, 2, 3), correction=correction))

        hooks = [m.register_forward_hook(note) for m in norms(G)]
        G.train()
        with torch.no_grad():
            for z in zs:
                G(z)
        for hook in hooks:
            hook.remove()
        for m, (means, variances) in found.items():
            m.running_mean.copy_(combine(torch.stack(means)))
            m.running_var.copy_(combine(torch.stack(variances)))
        G.eval()

    return answer


def standing_with_a_step(G, zs):
    standing()(G, zs)
    with torch.no_grad():
        norms(G)[0].weight.add_(0.1)


def standing_with_backward(G, zs):
    standing(graph=torch.enable_grad)(G, zs)
    G(zs[0]).sum().backward()
    G.seen.pop()


# --- two controls ----------------------------------------------------------------------------------------------------


def controls(
    images=lambda n, b, o, k: n * b * k, steps=lambda n, b, o, k: n * b / o, at_steps=lambda n, b, o, k: n * o * k
):
    return lambda *case: (images(*case), steps(*case), at_steps(*case))


def controls_in_whole_numbers(steps, batch, other, k):
    images = sum(batch for _ in range(k)) * steps
    return np.array([images, images // (other * k), images // batch * other])


# --- labels ----------------------------------------------------------------------------------------------------------


def numbered(names):
    order = sorted(set(names))
    return [order.index(name) for name in names]


def below(path, root):
    return path.removeprefix(root + "/").split("/")


def labels_of(name=lambda path, root: path.split("/")[-2], number=numbered):
    return lambda paths, root: number([name(path, root) for path in paths])


def labels_by_numpy(paths, root):
    folders = [os.path.basename(os.path.dirname(path)) for path in paths]
    return torch.as_tensor(np.unique(folders, return_inverse=True)[1])


def labels_of_sorted_paths(paths, root):
    paths.sort()
    return labels_of()(paths, root)


# --- the block -------------------------------------------------------------------------------------------------------


def block(first=F.relu, second=F.relu, total=lambda h, x, shortcut: h + shortcut(x)):
    return lambda x, conv1, conv2, shortcut: total(conv2(second(conv1(first(x)))), x, shortcut)


def block_on_a_copy(x, conv1, conv2, shortcut):
    h = nn.ReLU(inplace=True)(x.clone())
    return shortcut(x).add(conv2(torch.relu_(conv1(h))))


def block_shortcut_first(x, conv1, conv2, shortcut):
    carried = shortcut(x)
    return carried + conv2(conv1(x.clamp(min=0)).clamp(min=0))


def block_as_published(x, conv1, conv2, shortcut):
    h = F.relu(x, inplace=True)
    h = F.relu(conv1(h), inplace=True)
    return conv2(h) + shortcut(x)


def block_shortcut_first_in_place(x, conv1, conv2, shortcut):
    carried = shortcut(x.clone())
    return carried + conv2(F.relu(conv1(F.relu(x, inplace=True))))


# --- the hunt --------------------------------------------------------------------------------------------------------


def published():
    found: dict = {}
    exec(lesson12.published_discriminator(), found)
    return found["ProjectedD"]


def repaired(*pairs):
    """The listing with some lines of it replaced."""
    code = lesson12.published_discriminator()
    for old, new in pairs:
        assert old in code, old
        code = code.replace(old, new)
    found: dict = {}
    exec(code, found)
    return found["ProjectedD"]


RANGE = ("(x - MEAN) / STD", "((x + 1) / 2 - MEAN) / STD")
MODE = (
    "    def forward(self, x):",
    "    def train(self, mode=True):\n        super().train(mode)\n"
    "        self.features.eval()\n        return self\n\n    def forward(self, x):",
)
GRAPH = (
    "        with torch.no_grad():\n            maps = self.features(",
    "        self.features.requires_grad_(False)\n        if True:\n            maps = self.features(",
)
KEPT = (
    "projection = torch.randn(self.mixed, c, 1, 1) / c**0.5",
    'projection = getattr(self, f"p_{c}")',
)
DRAWN = (
    "        self.heads = ",
    "        for c in channels:\n"
    '            self.register_buffer(f"p_{c}", torch.randn(mixed, c, 1, 1) / c**0.5)\n'
    "        self.heads = ",
)
ALL = (RANGE, MODE, GRAPH, KEPT, DRAWN)
PROJECTION = (KEPT, DRAWN)


def but(*left, more=()):
    """All repairs but these, and some more changes."""
    return repaired(*[pair for pair in ALL if pair not in left], *more)


def and_then(old, new):
    return but(more=[(old, new)])


def drawn_as(line):
    """All repairs, with another line that makes the projection of c channels."""
    return but(
        DRAWN,
        more=[("        self.heads = ", f"        for c in channels:\n            {line}\n        self.heads = ")],
    )


class Anew(nn.Module):
    """The whole written anew: convolutions for projections, the features kept out of the parameters."""

    def __init__(self, features, channels, mixed):
        super().__init__()
        self.borrowed = [features.eval()]
        self.projections = nn.ModuleList(nn.Conv2d(c, mixed, 1, bias=False) for c in channels)
        for weight, c in zip(self.projections.parameters(), channels, strict=True):
            nn.init.normal_(weight, std=c**-0.5)
        self.projections.requires_grad_(False)
        self.heads = nn.ModuleList([nn.Conv2d(mixed, 1, 1) for _ in channels])

    def forward(self, x):
        x = x / 2 + 0.5
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        seen = self.borrowed[0]((x - mean) / std)
        parts = zip(seen, self.projections, self.heads, strict=True)
        return torch.cat([head(project(m)).flatten(1).mean(1, keepdim=True) for m, project, head in parts], 1)


def hunt_by_seed(features, channels, mixed):
    """Projections from a seed of their own, made again in every call, and `eval` in every call."""
    lines = "projection = torch.randn(self.mixed, c, 1, 1, generator=torch.Generator().manual_seed(c)) / c**0.5"
    evaluated = ("            maps = self.features(", "            maps = self.features.eval()(")
    return repaired(RANGE, GRAPH, (KEPT[0], lines), evaluated)(features, channels, mixed)


RIGHT: dict[str, list[Any]] = {
    "condition": [condition(), condition_by_loops, condition_in_two_parts],
    "projection_logit": [logit(), logit_by_loop, logit_by_one_hot, logit_pixel_by_pixel],
    "head_losses": [heads(), heads_by_clamp],
    "orthogonal_penalty": [penalty(), penalty_by_names, penalty_by_triangle],
    "truncated": [
        drawn(again),
        truncated_by_where,
        truncated_from_a_pool,
        truncated_one_by_one,
        truncated_by_inverse,
    ],
    "standing": [standing(), standing_by_the_library, standing_by_hooks()],
    "controls": [controls(), controls_in_whole_numbers],
    "labels_of": [labels_of(), labels_by_numpy],
    "block": [block(), block_on_a_copy, block_shortcut_first],
    "bug_hunt": [repaired(*ALL), Anew, hunt_by_seed],
}

WRONG: dict[str, dict[str, tuple[Any, str]]] = {
    "condition": {
        "no 1 +": (condition(total=lambda x, g, b: maps(g) * x + maps(b)), "The gain lacks its 1 +"),
        "1 to the map": (condition(total=lambda x, g, b: maps(g) * x + 1 + maps(b)), "The 1 is added to the map"),
        "1 to the bias": (condition(total=lambda x, g, b: (1 + maps(g)) * x + 1 + maps(b)), "to the bias as well"),
        "1 twice": (condition(total=lambda x, g, b: (2 + maps(g)) * x + maps(b)), "added to the gain twice"),
        "exchanged": (condition(total=lambda x, g, b: (1 + maps(b)) * x + maps(g)), "Gain and bias are exchanged"),
        "gain from to_bias": (condition(total=lambda x, g, b: (1 + maps(b)) * x + maps(b)), "`to_bias` makes both"),
        "bias from to_gain": (condition(total=lambda x, g, b: (1 + maps(g)) * x + maps(g)), "`to_gain` makes both"),
        "across the batch": (
            condition(total=lambda x, g, b: (1 + maps(g.mean(0, keepdim=True))) * x + maps(b.mean(0, keepdim=True))),
            "Gain and bias are averaged over the batch",
        ),
        "gain across the batch": (
            condition(total=lambda x, g, b: (1 + maps(g.mean(0, keepdim=True))) * x + maps(b)),
            "The gain is averaged over the batch",
        ),
        "of the first": (
            condition(total=lambda x, g, b: (1 + maps(g[:1])) * x + maps(b[:1])),
            "the gain and the bias of the first",
        ),
        "one for all maps": (
            condition(total=lambda x, g, b: (1 + maps(g.mean(1, keepdim=True))) * x + maps(b.mean(1, keepdim=True))),
            "averaged over the channels",
        ),
        "without axes": (
            condition(total=lambda x, g, b: (1 + g) * x + b if g.shape == x.shape[2:] else condition_of(x, g, b)),
            "along the height and the width",
        ),
        "one axis": (
            condition(
                total=lambda x, g, b: (
                    (1 + g[:, :, None]) * x + b[:, :, None] if g.shape == x.shape[2:] else condition_of(x, g, b)
                )
            ),
            "along the channels and the height",
        ),
        "images and channels": (
            condition(
                total=lambda x, g, b: condition_of(x, g.T, b.T) if len(g) == g.shape[1] else condition_of(x, g, b)
            ),
            "Images and channels are exchanged",
        ),
        "without axes where nothing fits": (condition(total=lambda x, g, b: (1 + g) * x + b), "Your function stopped"),
        "no z": (condition(lambda e, z: torch.cat([e, 0 * z], 1)), "z is missing"),
        "no class": (condition(lambda e, z: torch.cat([0 * e, z], 1)), "The class is missing"),
        "z first": (condition(lambda e, z: torch.cat([z, e], 1)), "z stands before e"),
        "no bias": (condition(total=lambda x, g, b: (1 + maps(g)) * x), "The bias is missing"),
        "no gain": (condition(total=lambda x, g, b: x + maps(b)), "The gain is missing"),
        "bias scaled": (condition(total=lambda x, g, b: (1 + maps(g)) * (x + maps(b))), "The bias is scaled, too"),
        "normalised again": (
            condition(total=lambda x, g, b: condition_of(F.batch_norm(x, None, None, training=True), g, b)),
            "normalised once more",
        ),
        "exponential": (condition(total=lambda x, g, b: maps(g.exp()) * x + maps(b)), "The gain is exponential"),
        "sigmoid": (condition(total=lambda x, g, b: maps(g.sigmoid()) * x + maps(b)), "The gain is a sigmoid"),
        "1 -": (condition(total=lambda x, g, b: (1 - maps(g)) * x + maps(b)), "The sign of the gain is turned"),
        "in place": (condition_in_place, "It changes `x` in place"),
        "detached": (lambda *given: condition()(*given).detach(), "no gradient passes"),
        "class detached": (lambda x, e, *more: condition()(x, e.detach(), *more), "no gradient comes to `e`"),
        "float64": (lambda *given: condition()(*given).double(), "in float64"),
        "half": (lambda *given: condition()(*given) / 2, "these are not the maps"),
    },
    "projection_logit": {
        "mean": (logit(lambda h: h.mean((2, 3))), "h is averaged over the pixels"),
        "largest": (logit(lambda h: h.amax((2, 3))), "the largest pixel"),
        "one pixel": (logit(lambda h: h[:, :, 0, 0]), "takes one pixel of h"),
        "mean in the class": (
            lambda h, t, w, b, y: h.sum((2, 3)) @ w + b + (t[y] * h.mean((2, 3))).sum(1),
            "In the class's term h is averaged",
        ),
        "sum in the class": (
            lambda h, t, w, b, y: h.mean((2, 3)) @ w + b + (t[y] * h.sum((2, 3))).sum(1),
            "In the class's term h is summed",
        ),
        "no class": (logit(total=lambda s, e, w, b: s @ w + b), "The class's term is missing"),
        "class alone": (logit(total=lambda s, e, w, b: (s * e).sum(1)), "The linear term is missing: weight . s + b"),
        "no weight": (logit(total=lambda s, e, w, b: (s * e).sum(1) + b), "The linear term is missing: weight . s."),
        "no bias": (logit(total=lambda s, e, w, b: s @ w + (s * e).sum(1)), "The bias is missing"),
        "multiplied": (logit(total=lambda s, e, w, b: (s @ w + b) * (s * e).sum(1)), "The two terms are multiplied"),
        "embedding added": (logit(total=lambda s, e, w, b: s @ w + b + e.sum(1)), "The embedding is added as it is"),
        "all classes": (
            lambda h, t, w, b, y: (s := h.sum((2, 3))) @ w + b + (s @ t.T).sum(1),
            "The embeddings of all classes are added up",
        ),
        "a logit a class": (
            lambda h, t, w, b, y: ((s := h.sum((2, 3))) @ w + b)[:, None] + s @ t.T,
            "There is a logit for each class",
        ),
        "best class": (
            lambda h, t, w, b, y: (s := h.sum((2, 3))) @ w + b + (s @ t.T).max(1).values,
            "The class that fits best",
        ),
        "class 0": (logit(row=lambda t, y: t[0]), "by the embedding of class 0"),
        "class of the first": (logit(row=lambda t, y: t[y[0]]), "by the class of the first"),
        "class before": (logit(row=lambda t, y: t[y - 1]), "by the class before its own"),
        "sum over the batch": (
            logit(total=lambda s, e, w, b: s @ w + b + (s * e).sum()),
            "The class's term is summed over the batch",
        ),
        "sum over the images": (
            lambda h, t, w, b, y: (s := h.sum((2, 3))) @ w + b + (s * t[y]).sum(0 if len(s) == s.shape[1] else 1),
            "summed over the images: the channels are axis 1",
        ),
        "logits summed": (lambda *given: logit()(*given).sum(), "The logits are summed over the batch"),
        "logits averaged": (lambda *given: logit()(*given).mean(), "The logits are averaged over the batch"),
        "all pairs": (
            logit(total=lambda s, e, w, b: (s @ w + b)[:, None] + s @ e.T),
            "by the classes of all others",
        ),
        "mean product": (logit(total=lambda s, e, w, b: s @ w + b + (s * e).mean(1)), "is a mean over the channels"),
        "(B, 1)": (lambda *given: logit()(*given)[:, None], "The logits are (B, 1)"),
        "probabilities": (lambda *given: logit()(*given).sigmoid(), "These are probabilities"),
        "a logit a pixel": (
            lambda h, t, w, b, y: ((w + t[y])[:, :, None, None] * h).sum(1) + b,
            "There is a logit for each pixel",
        ),
        "bias a pixel": (
            lambda h, t, w, b, y: (((w + t[y])[:, :, None, None] * h).sum(1) + b).sum((1, 2)),
            "The bias counts once for every pixel",
        ),
        "embedding detached": (logit(row=lambda t, y: t[y].detach()), "no gradient comes to `table`"),
        "h in place": (
            lambda h, t, w, b, y: logit()(h.mul_(2), t, w, b, y),
            "It changes `h` in place",
        ),
        "half": (lambda *given: logit()(*given) / 2, "these are not weight . s + bias + e_y . s"),
    },
    "head_losses": {
        "exchanged": (heads(d=lambda r, f: of_d(f, r)), "D's loss: real and fake are exchanged"),
        "half": (heads(d=lambda r, f: of_d(r, f) / 2), "D's loss: this is half of it"),
        "sign": (heads(d=lambda r, f: -of_d(r, f)), "D's loss: the sign is turned"),
        "last head": (heads(d=lambda r, f: of_d(r[-1:], f[-1:])), "D's loss: only the last head"),
        "first head": (heads(d=lambda r, f: of_d(r[:1], f[:1])), "D's loss: only the first head"),
        "real half": (heads(d=each(lambda r: (1 - r).relu(), lambda f: 0 * f)), "D's loss: only the real half"),
        "fake half": (heads(d=each(lambda r: 0 * r, lambda f: (1 + f).relu())), "D's loss: only the fake half"),
        "one logit": (heads(d=lambda r, f: of_d(averaged(r), averaged(f))), "averaged to one logit for each image"),
        "one logit, times heads": (
            heads(d=lambda r, f: len(r) * of_d(averaged(r), averaged(f))),
            "averaged to one logit for each image",
        ),
        "mean within": (heads(d=lambda r, f: of_d(within(r), within(f))), "the logits of an image are averaged first"),
        "mean of a head": (
            heads(d=lambda r, f: of_d([x.mean() for x in r], [x.mean() for x in f])),
            "the logits of a head are averaged first",
        ),
        "mean over heads": (heads(d=lambda r, f: of_d(r, f) / len(r)), "D's loss: this is the mean over the heads"),
        "joined": (heads(d=lambda r, f: of_d(joined(r), joined(f))), "D's loss: all logits are put into one mean"),
        "joined, times heads": (
            heads(d=lambda r, f: len(r) * of_d(joined(r), joined(f))),
            "D's loss: all logits are put into one mean",
        ),
        "sum": (
            heads(d=lambda r, f: sum((1 - a).relu().sum() + (1 + b).relu().sum() for a, b in zip(r, f, strict=True))),
            "D's loss: you sum over the logits",
        ),
        "no cut": (heads(d=each(lambda r: 1 - r, lambda f: 1 + f)), "D's loss: nothing is cut off"),
        "WGAN": (heads(d=each(lambda r: -r, lambda f: f)), "D's loss: this is WGAN's"),
        "no margin": (heads(d=each(lambda r: (-r).relu(), lambda f: f.relu())), "D's loss: the margins are 0"),
        "Goodfellow": (heads(d=each(lambda r: F.softplus(-r), F.softplus)), "D's loss: this is Goodfellow's"),
        "G's sign": (heads(g=lambda r, f: -of_g(r, f)), "G's loss: the sign is turned"),
        "G of real": (heads(g=lambda r, f: of_g(f, r)), "G's loss: these are the real logits"),
        "G cut": (heads(g=of_fakes(lambda f: (1 - f).relu())), "G's loss: G has no margin"),
        "G minus D": (heads(g=of_fakes(lambda f: -(1 + f).relu())), "G's loss: this is D's fake half, turned"),
        "G as D": (heads(g=of_fakes(lambda f: (1 + f).relu())), "G's loss: this is D's fake half:"),
        "G cut at 0": (heads(g=of_fakes(lambda f: (-f).relu())), "G's loss: nothing is cut off in G's loss"),
        "G as Goodfellow": (heads(g=of_fakes(lambda f: F.softplus(-f))), "G's loss: this is Goodfellow's"),
        "G's mean over heads": (heads(g=lambda r, f: of_g(r, f) / len(f)), "G's loss: this is the mean over the heads"),
        "G joined": (heads(g=lambda r, f: of_g(r, joined(f))), "G's loss: all logits are put into one mean"),
        "G's last head": (heads(g=lambda r, f: of_g(r, f[-1:])), "G's loss: only the last head"),
        "G's first head": (heads(g=lambda r, f: of_g(r, f[:1])), "G's loss: only the first head"),
        "G's sum": (heads(g=lambda r, f: -sum(x.sum() for x in f)), "G's loss: you sum over the logits"),
        "G with real": (heads(g=lambda r, f: of_g(r, f) - of_g(f, r)), "G's loss: the real logits are in it"),
        "other order": (lambda r, f: heads()(r, f)[::-1], "as D's loss, it gives"),
        "numbers": (lambda r, f: tuple(float(x) for x in heads()(r, f)), "a tensor is expected"),
        "one": (lambda r, f: of_d(r, f), "a pair is expected"),
        "detached": (heads(g=lambda r, f: of_g(r, f).detach()), "G's loss is right, but has no gradient"),
        "real detached": (heads(d=lambda r, f: of_d([x.detach() for x in r], f)), "D's loss is right, its gradient"),
    },
    "orthogonal_penalty": {
        "outermost layers": (penalty(weights=lambda G: [G.first.weight]), "Only one layer counts"),
        "diagonal": (penalty(one=lambda W: (W @ W.T).square().sum()), "pull every filter towards 0"),
        "minus I": (
            penalty(one=lambda W: (W @ W.T - torch.eye(len(W))).square().sum()),
            "W W^T - I: that is the older penalty",
        ),
        "diagonal alone": (penalty(one=lambda W: (W @ W.T).diag().square().sum()), "This is the diagonal alone"),
        "W^T W": (penalty(one=lambda W: off(W.T @ W).square().sum()), "W^T W compares the inputs"),
        "W^T W - I": (
            penalty(one=lambda W: (W.T @ W - torch.eye(W.shape[1])).square().sum()),
            "And the diagonal is in it",
        ),
        "not squared": (penalty(one=lambda W: off(W @ W.T).norm()), "The norm is not squared"),
        "absolute": (penalty(one=lambda W: off(W @ W.T).abs().sum()), "absolute values"),
        "sum": (penalty(one=lambda W: off(W @ W.T).sum()), "Nothing is squared"),
        "mean": (penalty(one=lambda W: off(W @ W.T).square().mean()), "the mean over the matrix"),
        "mean over layers": (lambda G: penalty()(G) / len(layers(G)), "the mean over the layers"),
        "half": (penalty(one=lambda W: (W @ W.T).triu(1).square().sum()), "This is half of it"),
        "beta": (lambda G: 1e-4 * penalty()(G), "beta is in it"),
        "embedding": (penalty(matrices_and(nn.Embedding)), "The class embedding is in it: classes"),
        "all": (penalty(all_parameters), "Biases, BatchNorm's weights and the class embedding"),
        "vectors": (penalty(without_embedding), "Biases and BatchNorm's weights are in it"),
        "linear alone": (penalty(of_kind(nn.Linear)), "Convolutions are missing: as (out, rest)"),
        "linear and embedding": (
            penalty(of_kind(nn.Linear | nn.Embedding)),
            "Convolutions are missing, and the class embedding",
        ),
        "convolutions alone": (penalty(of_kind(nn.Conv2d)), "Linear layers are missing"),
        "inputs": (
            penalty(convolutions_as(lambda w: w.transpose(0, 1).flatten(1))),
            "The rows of a convolution are its inputs",
        ),
        "kernels": (penalty(convolutions_as(lambda w: w.flatten(0, 2))), "cut into rows of its kernels"),
        "kernels summed": (penalty(convolutions_as(lambda w: w.sum((2, 3)))), "The kernels are summed up"),
        "columns": (penalty(convolutions_as(lambda w: w.flatten(1).T)), "Of convolutions you take W^T W"),
        "unit": (
            penalty(one=lambda W: off(F.normalize(W, dim=1) @ F.normalize(W, dim=1).T).square().sum()),
            "divided by their lengths",
        ),
        "not flattened": (penalty(lambda G: [m.weight for m in layers(G)]), "Your function stopped"),
        "detached": (lambda G: penalty()(G).detach(), "has no gradient"),
        "half detached": (penalty_half_detached, "its gradient for `first.weight` is not"),
        "backward": (penalty_backward, "It calls `backward`"),
        "weights changed": (penalty_that_scales, "It changes weights of G"),
        "a number": (lambda G: float(penalty()(G)), "a tensor is expected"),
        "double": (lambda G: 3 * penalty()(G), "For a small generator it gives"),
    },
    "truncated": {
        "clamped": (drawn(lambda z, t, rng: z.clamp(-t, t)), "they were clamped"),
        "set to 0": (drawn(set_to_zero), "they were set, and not drawn again"),
        "untouched": (drawn(), "as of any N(0, 1): draw those again"),
        "once": (drawn(redrawn_once), "repeat until none is"),
        "one end": (
            drawn(lambda z, t, rng: again(z, t, rng, outside=lambda z, t: z > t)),
            "both ends count",
        ),
        "times t": (drawn(lambda z, t, rng: t * z), "z is multiplied by t"),
        "shrunk": (drawn(lambda z, t, rng: t * z / z.abs().max()), "All numbers are made smaller"),
        "tanh": (drawn(lambda z, t, rng: t * z.tanh()), "A tanh squeezes"),
        "fmod": (drawn(lambda z, t, rng: torch.fmod(z, t)), "The remainder folds"),
        "remainder": (drawn(lambda z, t, rng: z % t), "The remainder folds"),
        "uniform": (
            lambda n, d, t, rng: t * (2 * torch.rand(n, d, generator=rng) - 1),
            "the numbers are uniform in [-t, t]",
        ),
        "others positive": (drawn(others_positive), "what stands in place of the others is not N(0, 1)"),
        "positive": (drawn(lambda z, t, rng: again(z, t, rng).abs()), "No number is negative"),
        "narrow": (
            lambda n, d, t, rng: again(0.3 * t * torch.randn(n, d, generator=rng), t, rng),
            "not distributed as N(0, 1) is there",
        ),
        "whole rows": (whole_rows, "hardly ever inside as a whole"),
        "left out": (drawn(left_out), "are drawn again, not left out"),
        "rows repeated": (rows_repeated, "All rows of z are the same"),
        "another source": (drawn(again, lambda rng: None), "some of the numbers are not drawn from `rng`"),
        "another source for the others": (
            drawn(lambda z, t, rng: again(z, t, rng, more=lambda n, rng: torch.randn(n))),
            "some of the numbers are not drawn from `rng`",
        ),
        "seeded": (drawn(again, lambda rng: torch.Generator().manual_seed(3)), "different seeds give the same z"),
        "seeded again": (drawn(again, lambda rng: rng.manual_seed(rng.initial_seed())), "A second call gives the same"),
        "float64": (lambda *given: drawn(again)(*given).double(), "float32 is expected"),
        "exchanged": (lambda n, d, t, rng: drawn(again)(d, n, t, rng), "It returned shape"),
        "an array": (lambda *given: drawn(again)(*given).numpy(), "a tensor of shape"),
        "NaN": (drawn(lambda z, t, rng: torch.where(z.abs() > t, torch.nan, z)), "are not finite"),
    },
    "standing": {
        "momentum": (standing(reset=False, momentum="old"), "the old statistics are still in it, and the last"),
        "momentum after a reset": (standing(momentum="old"), "the beginning, 0 or 1, is still in it"),
        "no reset": (standing(reset=False), "still has the old statistics in it"),
        "eval": (standing(train=False), "G is in eval mode when it is called"),
        "last": (standing(momentum=1.0), "is that of the last batch alone"),
        "first": (standing_by_hooks(lambda each: each[0]), "is that of the first batch alone"),
        "sum": (standing_by_hooks(lambda each: each.sum(0)), "is a sum over the batches"),
        "median": (standing_by_hooks(lambda each: each.median(0).values), "is the median"),
        "over n": (standing_by_hooks(correction=0), "`norm1.running_var` divides by n"),
        "one batch": (standing(batches=lambda zs: [torch.cat(zs)]), "All z are put into one batch"),
        "some": (standing(batches=lambda zs: zs[:-1]), "once on each of the 6 batches, and was called 5 times"),
        "twice": (standing(batches=lambda zs: zs + zs), "was called 12 times"),
        "nothing": (lambda G, zs: G.eval(), "G is never called"),
        "reset alone": (
            lambda G, zs: (standing()(G, zs), [m.reset_running_stats() for m in norms(G)]),
            "0 or 1: after",
        ),
        "left in train": (standing(end="train"), "left in train mode"),
        "momentum left": (standing(back=False), "`norm1.momentum` is left at None, and was 0.1"),
        "weights changed": (standing_with_a_step, "`norm1.weight` has changed"),
        "backward": (standing_with_backward, "Weights have gradients now"),
        "something": (
            standing_by_hooks(lambda each: each.mean(0) + 0.5),
            "`norm1.running_mean` is not the mean of the 6 batches' own",
        ),
    },
    "controls": {
        "no k": (controls(lambda n, b, o, k: n * b), "The images of the first run: k is missing"),
        "k + 1": (controls(lambda n, b, o, k: n * b * (k + 1)), "run: G's own step shows no real image"),
        "by k": (controls(lambda n, b, o, k: n * b / k), "run: you divide by k"),
        "other": (controls(lambda n, b, o, k: n * o * k), "that is with the other batch size"),
        "steps": (controls(lambda n, b, o, k: n), "these are its steps"),
        "fakes too": (controls(lambda n, b, o, k: 2 * n * b * k), "real images are counted, not fakes"),
        "equal steps first": (controls(steps=lambda n, b, o, k: n), "these are as many steps as before"),
        "turned": (controls(steps=lambda n, b, o, k: n * o / b), "images: the fraction is turned round"),
        "k twice": (controls(steps=lambda n, b, o, k: n * b * k / o), "k counts twice"),
        "k in it": (controls(steps=lambda n, b, o, k: n * b / o / k), "k is in it"),
        "no batch": (controls(steps=lambda n, b, o, k: n / o), "the first run's batch is missing"),
        "images": (controls(steps=lambda n, b, o, k: n * b * k), "these are images"),
        "no k at equal steps": (controls(at_steps=lambda n, b, o, k: n * o), "at equal steps: k is missing"),
        "as many images": (controls(at_steps=lambda n, b, o, k: n * b * k), "these are as many images as before"),
        "k + 1 at equal steps": (controls(at_steps=lambda n, b, o, k: n * o * (k + 1)), "steps: G's own step"),
        "steps again": (controls(at_steps=lambda n, b, o, k: n * o / b), "that is a number of steps"),
        "turned at equal steps": (controls(at_steps=lambda n, b, o, k: n * b * k * b / o), "steps: the fraction"),
        "two": (lambda *case: controls()(*case)[:2], "three are expected"),
        "other order": (lambda *case: controls()(*case)[::-1], "The images of the first run: that is with the other"),
        "none of these": (controls(lambda n, b, o, k: n + b), "as the images of the first run, it gives"),
    },
    "labels_of": {
        "as published": (labels_of(lambda path, root: below(path, root)[0]), "the first folder below the root"),
        "whole path": (labels_of(lambda path, root: path.rpartition("/")[0]), "the whole path counts"),
        "file names": (labels_of(lambda path, root: below(path, root)[-1]), "The pictures' own names are numbered"),
        "second level": (
            labels_of(lambda path, root: below(path, root)[1] if len(below(path, root)) > 2 else below(path, root)[0]),
            "the labels are",
        ),
        "each its own": (lambda paths, root: list(range(len(paths))), "Every picture has a label of its own"),
        "as they come": (
            labels_of(number=lambda names: [list(dict.fromkeys(names)).index(n) for n in names]),
            "Classes are numbered as they come",
        ),
        "from 1": (lambda *given: [i + 1 for i in labels_of()(*given)], "Labels begin at 1"),
        "backwards": (
            labels_of(number=lambda names: [sorted(set(names), reverse=True).index(n) for n in names]),
            "sorted backwards",
        ),
        "gaps": (labels_of(number=lambda names: [sorted(names).index(n) for n in names]), "Labels have gaps"),
        "sorted": (lambda *given: sorted(labels_of()(*given)), "The labels are sorted"),
        "paths sorted": (labels_of_sorted_paths, "It changes the list `paths`"),
        "zeros": (lambda paths, root: [0] * len(paths), "all labels are 0"),
        "names": (lambda paths, root: [path.split("/")[-2] for path in paths], "labels are whole numbers"),
        "one too few": (lambda *given: labels_of()(*given)[1:], "one for each path"),
        "a set": (lambda *given: set(labels_of()(*given)), "a list of 5 whole numbers"),
    },
    "block": {
        "as published": (block_as_published, "The first ReLU writes its result over x"),
        "shortcut saved, x not": (block_shortcut_first_in_place, "The first ReLU writes its result over x"),
        "relu in the shortcut": (
            block(total=lambda h, x, shortcut: h + shortcut(x.relu())),
            "The shortcut is given relu(x)",
        ),
        "no first": (block(first=lambda x: x), "The first ReLU has gone"),
        "no second": (block(second=lambda x: x), "The second ReLU has gone"),
        "none": (block(lambda x: x, lambda x: x), "Both ReLUs have gone"),
        "behind the sum": (block(total=lambda h, x, s: F.relu(h + s(x))), "There is a ReLU behind the sum"),
        "behind conv2": (block(total=lambda h, x, s: F.relu(h) + s(x)), "one ReLU too many, behind conv2"),
        "no shortcut": (block(total=lambda h, x, s: h), "The shortcut is missing"),
        "x as it is": (
            lambda x, a, b, s: b(F.relu(a(F.relu(x)))) + (x if s.in_channels == s.out_channels else s(x)),
            "x is added as it is",
        ),
        "leaky": (block(lambda x: F.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)), "These are LeakyReLUs"),
        "shortcut behind a ReLU": (
            block(total=lambda h, x, s: h + F.relu(s(x))),
            "There is a ReLU behind the shortcut",
        ),
        "doubled in place": (lambda x, *more: block()(x.mul_(2), *more), "It changes `x` in place"),
        "detached": (block(total=lambda h, x, s: h + s(x.detach())), "their gradient for `x` is not"),
        "tanh": (block(torch.tanh), "with the x that came in"),
    },
    "bug_hunt": {
        "as published": (published(), "4 of 4 bugs are still there"),
        "range": (but(RANGE), "1 of 4 bugs is still there.\n- The features are shown pictures less mean, by std"),
        "mode": (but(MODE), "1 of 4 bugs is still there.\n- After `D.train()` the features are in train mode"),
        "graph": (but(GRAPH), "1 of 4 bugs is still there.\n- No gradient comes to the picture"),
        "projection": (but(*PROJECTION), "1 of 4 bugs is still there.\n- The projection is drawn anew"),
        "two left": (but(RANGE, GRAPH), "2 of 4 bugs are still there.\n- The features are shown"),
        "two others left": (but(MODE, *PROJECTION), "2 of 4 bugs are still there.\n- After `D.train()`"),
        "in [0, 1]": (but(RANGE, more=[(RANGE[0], "(x + 1) / 2")]), "are shown pictures in [0, 1]"),
        "as they are": (but(RANGE, more=[(RANGE[0], "x")]), "are shown pictures in [-1, 1]"),
        "levels": (but(RANGE, more=[(RANGE[0], "(x + 1) * 127.5")]), "are shown pictures as levels"),
        "own mean": (but(RANGE, more=[(RANGE[0], "(x - x.mean()) / x.std()")]), "in no range that we know"),
        "detached": (
            and_then("((x + 1) / 2", "((x.detach() + 1) / 2"),
            "No gradient comes to the picture",
        ),
        "features trained": (
            but(GRAPH, more=[(GRAPH[0], "        if True:\n            maps = self.features(")]),
            "D's optimiser now trains the features",
        ),
        "projection trained": (
            drawn_as('self.register_parameter(f"p_{c}", nn.Parameter(torch.randn(mixed, c, 1, 1) / c**0.5))'),
            "The projection is trained",
        ),
        "projection not saved": (
            drawn_as('setattr(self, f"p_{c}", torch.randn(mixed, c, 1, 1) / c**0.5)'),
            "its projection is not in the state",
        ),
        "projection too loud": (
            drawn_as('self.register_buffer(f"p_{c}", torch.randn(mixed, c, 1, 1))'),
            "multiplies the variance by",
        ),
        "projection of one number": (
            drawn_as('self.register_buffer(f"p_{c}", torch.randn(mixed, 1, 1, 1).expand(-1, c, -1, -1) / c**0.5)'),
            "loses channels",
        ),
        "projection with a ReLU": (
            and_then("head(F.conv2d(m, projection))", "head(F.conv2d(m, projection).relu())"),
            "no mix",
        ),
        "one logit": (
            and_then("torch.stack(logits, 1)", "torch.stack(logits, 1).mean(1)"),
            "a head that is sure would pay",
        ),
        "logits summed": (and_then(".mean((1, 2, 3))", ".sum((1, 2, 3))"), "not the means over each head's answer"),
        "wider heads": (and_then("nn.Conv2d(mixed, 1, 1)", "nn.Conv2d(mixed, 1, 3)"), "A head has changed"),
        "heads renamed": (and_then("self.heads", "self.judges"), "`D.heads` is to stay"),
        "everything frozen": (
            and_then("self.features.requires_grad_(False)", "self.requires_grad_(False)"),
            "The heads are frozen as well",
        ),
        "train without return": (and_then("        return self\n", ""), "end yours with `return self`"),
        "train that does nothing": (
            but(
                MODE,
                more=[(MODE[0], "    def train(self, mode=True):\n        return self\n\n    def forward(self, x):")],
            ),
            "no longer reaches D and its heads",
        ),
        "D itself": (lambda *given: 3, "the discriminator is expected"),
    },
}


def condition_of(x, gain, bias):
    return (1 + maps(gain)) * x + maps(bias)


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def heads_of(on_real, on_fake):
    def losses(real, fake):
        of_d = sum(on_real(r) + on_fake(f) for r, f in zip(real, fake, strict=True))
        return of_d, -sum(f.mean() for f in fake)

    return losses


def real_cost(r):
    return (1 - r).relu().mean()


def fake_cost(f):
    return (1 + f).relu().mean()


WRONG["head_losses"] |= {
    "real summed": (heads_of(lambda r: (1 - r).relu().sum(), fake_cost), "the real half is summed"),
    "fake summed": (heads_of(real_cost, lambda f: (1 + f).relu().sum()), "the fake half is summed"),
    "real not cut": (heads_of(lambda r: (1 - r).mean(), fake_cost), "the real half is not cut off"),
    "1 + real": (heads_of(lambda r: (1 + r).relu().mean(), fake_cost), "sign inside: it is relu(1 - r)"),
    "real - 1": (heads_of(lambda r: (r - 1).relu().mean(), fake_cost), "sign inside: it is relu(1 - r)"),
    "1 - fake": (heads_of(real_cost, lambda f: (1 - f).relu().mean()), "sign inside: it is relu(1 + f)"),
    "no fake margin": (heads_of(real_cost, lambda f: f.relu().mean()), "the fake half has the margin 0"),
    "fake subtracted": (heads_of(real_cost, lambda f: -fake_cost(f)), "subtracted"),
}
WRONG["orthogonal_penalty"] |= {"the sign": (lambda G: -lesson12.orthogonal_penalty.reference(G), "for the sign")}
