"""Answers to the exercises of lesson07: right ones, and wrong ones with a part of their message."""

import copy
import itertools
from typing import Any

import numpy as np
import scipy.stats
import torch
import torch.nn.functional as F
from torch import nn

# --- distances -------------------------------------------------------------------------------------------------------


def w1_of_lists(x, y):
    return sum(abs(a - b) for a, b in zip(sorted(x.tolist()), sorted(y.tolist()), strict=True)) / len(x)


def w1_one_by_one(x, y):
    """The smallest of each in turn."""
    x, y, total = x.clone(), y.clone(), 0.0
    while len(x):
        total += abs(float(x.min() - y.min()))
        i, j = int(x.argmin()), int(y.argmin())
        x, y = torch.cat([x[:i], x[i + 1 :]]), torch.cat([y[:j], y[j + 1 :]])
    return total


def gaps(x, y):
    return x.sort().values - y.sort().values


def steps(x, p, y, q, ordered=True):
    points, order = torch.cat([x, y]).sort()
    jumps = torch.cat([p, -q])
    return points.diff(), (jumps[order] if ordered else jumps).cumsum(0)


def w1_by_thresholds(x, p, y, q):
    points = sorted({*x.tolist(), *y.tolist()})
    total = 0.0
    for a, b in itertools.pairwise(points):
        total += (b - a) * abs(float(p[x <= a].sum() - q[y <= a].sum()))
    return total


def w1_by_moving(x, p, y, q):
    """The plan itself: the first grains left go to the first room left."""
    here = sorted(zip(x.tolist(), p.double().tolist(), strict=True))
    there = sorted(zip(y.tolist(), q.double().tolist(), strict=True))
    total = 0.0
    while here and there:
        (a, grains), (b, room) = here.pop(0), there.pop(0)
        moved = min(grains, room)
        total += moved * abs(a - b)
        if grains - moved > 1e-12:
            here.insert(0, (a, grains - moved))
        if room - moved > 1e-12:
            there.insert(0, (b, room - moved))
    return total


def weighted(term, ordered=True):
    def answer(x, p, y, q):
        gap, height = steps(x, p, y, q, ordered)
        return term(height, gap)

    return answer


def dual_by_loops(x, f, p, q):
    ok = True
    for i in range(len(f)):
        for j in range(i):
            if abs(f[i] - f[j]) > torch.dist(x[i], x[j]) * (1 + 1e-6):
                ok = False
    return ok, sum(float((a - b) * c) for a, b, c in zip(p, q, f, strict=True))


def dual_numpy(x, f, p, q):
    x, f, p, q = (item.numpy() for item in (x, f, p, q))
    far = np.linalg.norm(x[:, None] - x, axis=2)
    return np.all(np.abs(f[:, None] - f) <= far), np.dot(p - q, f)


def dual(
    condition=lambda rise, far: (rise.abs() <= far).all(),
    value=lambda p, q, f: p @ f - q @ f,
    distance=lambda x: torch.cdist(x, x),
):
    return lambda x, f, p, q: (bool(condition(f[:, None] - f, distance(x))), value(p, q, f))


def neighbours(x, f, p, q):
    return all(abs(f[i + 1] - f[i]) <= torch.dist(x[i + 1], x[i]) for i in range(len(f) - 1)), (p - q) @ f


def divided(x, f, p, q):
    slopes = (f[:, None] - f).abs() / torch.cdist(x, x)
    return bool((slopes <= 1).all()), (p - q) @ f


def divided_above(x, f, p, q):
    i, j = torch.triu_indices(len(f), len(f), 1)
    return bool(((f[i] - f[j]).abs() / (x[i] - x[j]).norm(dim=1) <= 1).all()), (p - q) @ f


# --- critics ---------------------------------------------------------------------------------------------------------


def clip_data(D, c):
    for p in D.parameters():
        p.data = p.data.clamp(-c, c)


def clip_copy(D, c):
    with torch.no_grad():
        for p in D.parameters():
            p.copy_(torch.where(p.abs() > c, c * p.sign(), p))


def clip_vector(D, c):
    with torch.no_grad():
        flat = nn.utils.parameters_to_vector(D.parameters()).clamp(-c, c)
        nn.utils.vector_to_parameters(flat, D.parameters())


def clipped(rule=lambda w, c: w.clamp(-c, c), which=lambda name, p: True):
    def clip(D, c):
        for name, p in D.named_parameters():
            if which(name, p):
                p.data = rule(p.data, c)

    return clip


def clip_by_new_parameters(D, c):
    for module in D.modules():
        for name, p in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(p.detach().clamp(-c, c)))


def clip_state(D, c):
    D.load_state_dict({name: value.clamp(-c, c) for name, value in D.state_dict().items()})


def clip_by_scaling(D, c):
    largest = max(p.detach().abs().max() for p in D.parameters())
    for p in D.parameters():
        p.data *= c / largest


def clip_and_freeze(D, c):
    D.requires_grad_(False)
    for p in D.parameters():
        p.clamp_(-c, c)


def clip_without_no_grad(D, c):
    for p in D.parameters():
        p.clamp_(-c, c)


def points(x_real, x_fake, t=None):
    t = torch.rand(len(x_real), 1, 1, 1) if t is None else t
    return (t * x_real + (1 - t) * x_fake).detach().requires_grad_()


def image_norm(g):
    return g.flatten(1).norm(2, dim=1)


def penalty(  # the penalty with one thing changed
    norm=image_norm,
    end=lambda n: ((n - 1) ** 2).mean(),
    draw=lambda x: torch.rand(len(x), 1, 1, 1),
    graph=True,
    reduce=torch.sum,
    score=lambda s: s,
    detach=True,
):
    def answer(D, x_real, x_fake):
        t = draw(x_real)
        x_hat = t * x_real + (1 - t) * x_fake
        x_hat = x_hat.detach().requires_grad_() if detach else x_hat
        (g,) = torch.autograd.grad(reduce(score(D(x_hat))), x_hat, create_graph=graph, retain_graph=True)
        return end(norm(g))

    return answer


def penalty_with_ones(D, x_real, x_fake):
    x_hat = points(x_real, x_fake)
    s = D(x_hat)
    g = torch.autograd.grad(s, x_hat, torch.ones_like(s), create_graph=True, retain_graph=True, only_inputs=True)[0]
    return torch.mean((torch.sqrt(torch.sum(g.view(len(g), -1) ** 2, dim=1) + 1e-12) - 1) ** 2)


def penalty_from_the_fake(D, x_real, x_fake):
    x_fake = x_fake.data
    x_hat = x_fake + torch.empty(len(x_real)).uniform_()[:, None, None, None] * (x_real - x_fake)
    x_hat.requires_grad_(True)
    (g,) = torch.autograd.grad(D(x_hat).sum(), [x_hat], create_graph=True)
    return F.mse_loss(g.square().sum((1, 2, 3)).add(1e-12).sqrt(), torch.ones(len(g)))


def penalty_one_by_one(D, x_real, x_fake):
    total = torch.zeros(())
    for real, fake in zip(x_real, x_fake.detach(), strict=True):
        x_hat = torch.lerp(real, fake, torch.rand(()))[None].requires_grad_()
        (g,) = torch.autograd.grad(D(x_hat), x_hat, create_graph=True)
        total = total + (g.norm() - 1) ** 2
    return total / len(x_real)


def penalty_lerp(D, x_real, x_fake):
    x_hat = torch.lerp(x_real, x_fake.detach(), torch.rand(len(x_real)).reshape(-1, 1, 1, 1)).requires_grad_()
    (g,) = torch.autograd.grad(D(x_hat).mean() * len(x_real), x_hat, create_graph=True)
    return (torch.linalg.vector_norm(g, dim=(1, 2, 3)) - 1).pow(2).mean()


def penalty_by(of):
    """Differentiated by one of the two batches, and not by the points between them."""

    def answer(D, x_real, x_fake):
        x_real, x_fake = x_real.requires_grad_(), x_fake.detach().requires_grad_()
        t = torch.rand(len(x_real), 1, 1, 1)
        s = D(t * x_real + (1 - t) * x_fake)
        (g,) = torch.autograd.grad(s.sum(), {"real": x_real, "fake": x_fake}[of], create_graph=True)
        return ((image_norm(g) - 1) ** 2).mean()

    return answer


def penalty_with_backward(D, x_real, x_fake):
    x_hat = points(x_real, x_fake)
    D(x_hat).sum().backward(create_graph=True)
    return ((image_norm(x_hat.grad) - 1) ** 2).mean()


def penalty_of_detached_points(D, x_real, x_fake):
    x_hat = points(x_real, x_fake)
    (g,) = torch.autograd.grad(D(x_hat.detach()).sum(), x_hat, create_graph=True)
    return ((image_norm(g) - 1) ** 2).mean()


def penalty_moves_d(D, x_real, x_fake):
    with torch.no_grad():
        next(D.parameters()).add_(0.01)
    return penalty()(D, x_real, x_fake)


def penalty_of_two_halves(D, x_real, x_fake):
    return penalty()(D, x_real[:10], x_fake[:10])


def sqrt_norm(g):
    return g.flatten(1).square().sum(1).sqrt()


SEEDED = torch.rand(4096, 1, 1, 1, generator=torch.Generator().manual_seed(1))


def mixes_by_gradient(D, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(D(x)[0], x)
    return bool((g[1:] != 0).any())


def mixes_by_one_alone(D, x):
    return not np.allclose(D(x)[0].item(), D(x[:1]).item(), atol=1e-5)


def mixes_by_repeating(D, x):
    with torch.no_grad():
        return not torch.allclose(D(x), torch.cat([D(one[None].repeat(3, 1, 1, 1))[:1] for one in x]), atol=1e-5)


def mixes_in_eval(D, x):
    D.eval()
    found = mixes_by_gradient(D, x)
    D.train()
    return found


def spectral(  # one step with one thing changed
    order="vu", unit=(True, True), sigma=None, keep=False, no_grad=True, detach=False, evaluate=False, steps=1
):
    def answer(W, u, v, training):
        M = W.flatten(1)
        u0, v0 = u, v
        if training or evaluate:
            with torch.set_grad_enabled(not no_grad):
                for name in order * steps:
                    if name == "v":
                        v = M.T @ u
                        v = v / v.norm() if unit[0] else v
                    else:
                        u = M @ v
                        u = u / u.norm() if unit[1] else u
        s = u @ M @ v if sigma is None else sigma(M, u, v, u0, v0)
        s = s.detach() if detach else s
        return W / s, *((u0, v0) if keep else (u, v))

    return answer


def spectral_of_torch(W, u, v, training):
    """PyTorch's own order: u from the old v, then v."""
    M = W.reshape(len(W), -1)
    if training:
        with torch.no_grad():
            u = F.normalize(torch.mv(M, v), dim=0)
            v = F.normalize(torch.mv(M.t(), u), dim=0)
    sigma = torch.dot(u, torch.mv(M, v))
    return [W / sigma, u, v]


def spectral_detached(W, u, v, training):
    flat = W.view(W.shape[0], -1)
    if training:
        v = F.normalize(flat.detach().t().mv(u), dim=0)
        u = F.normalize(flat.detach().mv(v), dim=0)
    return W * (1 / (u[:, None] * flat * v[None]).sum()), u.clone(), v.clone()


def spectral_in_place(W, u, v, training):
    M = W.flatten(1)
    if training:
        with torch.no_grad():
            v.copy_(F.normalize(M.T @ u, dim=0))
            u.copy_(F.normalize(M @ v, dim=0))
    return W / (u @ M @ v), u, v


def spectral_on_w(W, u, v, training):
    scaled, u, v = spectral()(W, u, v, training)
    with torch.no_grad():
        W.copy_(scaled)
    return W, u, v


def scores_of_a_copy(D, x):
    with torch.inference_mode():
        return copy.deepcopy(D).eval()(x).clone()


def scores_by_names(D, x):
    modes = {name: m.training for name, m in D.named_modules()}
    D.train(False)
    found = D(x).detach()
    for name, m in D.named_modules():
        m.training = modes[name]
    return found


def scores_put_back(D, x):
    """In eval mode by hand, module by module, also where D raises."""
    was = [m for m in D.modules() if m.training]
    try:
        for m in was:
            m.training = False
        with torch.no_grad():
            return torch.stack([D(image[None])[0] for image in x])
    finally:
        for m in was:
            m.training = True


def look(evaluate=True, back=lambda D, was: None, no_grad=True):
    def scores(D, x):
        was = D.training
        if evaluate:
            D.eval()
        with torch.set_grad_enabled(not no_grad):
            found = D(x)
        back(D, was)
        return found

    return scores


def scores_then_train(D, x):
    found = scores_by_names(D, x)
    return found if D.training else (D.train(), found)[1]


def scores_with_one_part_off(D, x):
    found = scores_by_names(D, x)
    D[1].training = not D[1].training
    return found


def scores_with_gradients(D, x):
    found = copy.deepcopy(D).eval()(x).detach()
    for p in D.parameters():
        p.grad = torch.zeros_like(p)
    return found


# --- the round -------------------------------------------------------------------------------------------------------


def critic_loss(real, fake):
    return fake.mean() - real.mean()


def wgan(  # the round with one thing changed
    d_loss=critic_loss,
    g_loss=lambda s: -s.mean(),
    detach=True,
    zero_d=True,
    zero_g=True,
    clip="after",
    fresh_g=True,
    fresh_d=True,
    stale=False,
    batch=lambda x_reals, i: x_reals[i],
    steps=lambda x_reals: len(x_reals),
    inside=False,
    first_g=False,
    detach_g=False,
    draw=lambda b: torch.randn(b, 100),
    cut_at=1.0,
    before=None,
    after=None,
):
    def answer(G, D, opt_g, opt_d, x_reals, c):
        def cut(net):
            with torch.no_grad():
                for p in net.parameters():
                    p.clamp_(-c * cut_at, c * cut_at)

        def g_step(z, x_fake=None):
            x_fake = G(z) if x_fake is None else x_fake
            loss = g_loss(D(x_fake.detach() if detach_g else x_fake))
            if zero_g:
                opt_g.zero_grad()
            loss.backward(retain_graph=True)
            opt_g.step()

        if before:
            before(G, D)
        b = len(x_reals[0])
        if first_g:
            g_step(draw(b))
        z = draw(b)
        for i in range(steps(x_reals)):
            if fresh_d and i:
                z = draw(b)
            x_fake = G(z)
            if clip == "before":
                cut(D)
            loss = d_loss(D(batch(x_reals, i)), D(x_fake.detach() if detach else x_fake))
            if zero_d:
                opt_d.zero_grad()
            loss.backward(retain_graph=True)
            opt_d.step()
            if clip in ("after", "both"):
                cut(D)
            if clip == "both":
                cut(G)
            if inside:
                g_step(draw(b))
        if clip == "late":
            cut(D)
        if not inside and not first_g:
            g_step(draw(b) if fresh_g else z, x_fake if stale else None)
        if clip == "end":
            cut(D)
        if after:
            after(G, D)

    return answer


def wgan_in_functions(G, D, opt_g, opt_d, x_reals, c):
    def critic_step(x_real):
        opt_d.zero_grad(set_to_none=True)
        with torch.no_grad():
            x_fake = G(torch.randn(x_real.size(0), 100))
        (-(D(x_real).mean() - D(x_fake).mean())).backward()
        opt_d.step()
        for p in D.parameters():
            p.data.clamp_(-c, c)

    for x_real in x_reals:
        critic_step(x_real)
    D.requires_grad_(False)
    opt_g.zero_grad()
    D(G(torch.randn(len(x_reals[-1]), 100))).mean().neg().backward()
    opt_g.step()
    D.requires_grad_(True)


def wgan_one_batch(G, D, opt_g, opt_d, x_reals, c):
    """Real and fake together: this D has no BatchNorm, so that one batch is the same as two."""
    for x in x_reals:
        both = torch.cat([x, G(torch.empty(len(x), 100).normal_()).detach()])
        s = D(both)
        sign = torch.cat([-torch.ones(len(x)), torch.ones(len(x))])
        D.zero_grad()
        (s * sign).sum().div(len(x)).backward()
        opt_d.step()
        clip_data(D, c)
    G.zero_grad()
    (-D(G(torch.randn(len(x), 100)))).mean().backward()
    opt_g.step()


def wgan_two_backwards(G, D, opt_g, opt_d, x_reals, c):
    for x in x_reals:
        opt_d.zero_grad()
        (-D(x).mean()).backward()
        z = torch.randn(len(x), 100)
        D(G(z).detach()).mean().backward()
        opt_d.step()
        clip_copy(D, c)
    z = torch.randn(len(x), 100)
    loss = -D(G(z)).mean()
    for p, g in zip(G.parameters(), torch.autograd.grad(loss, list(G.parameters())), strict=True):
        p.grad = g
    opt_g.step()


def wgan_closures(G, D, opt_g, opt_d, x_reals, c):
    for x in x_reals:

        def closure(x=x):
            opt_d.zero_grad()
            loss = D(G(torch.randn(len(x), 100)).detach()).mean() - D(x).mean()
            loss.backward()
            return loss

        opt_d.step(closure)
        clip_copy(D, c)
    opt_g.zero_grad()
    (-D(G(torch.randn(len(x_reals[0]), 100))).mean()).backward()
    opt_g.step()


def wgan_in_eval(G, D, opt_g, opt_d, x_reals, c):
    G.eval()
    wgan()(G, D, opt_g, opt_d, x_reals, c)
    G.train()


def wgan_same_noise():
    return lambda b: torch.randn(b, 100, generator=torch.Generator().manual_seed(1))


# --- losses ----------------------------------------------------------------------------------------------------------


def hinge_by_where(real, fake):
    zero = torch.zeros(())
    return torch.maximum(1 - real, zero).mean() + torch.maximum(1 + fake, zero).mean()


def hinge_where_margin(real, fake):
    return -torch.clamp(real - 1, max=0).mean() - torch.min(torch.zeros_like(fake), -fake - 1).mean()


def slope2(D, x, graph=True):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=graph)
    return g.flatten(1).square().sum(1)


def relativistic(
    pair=lambda s, r: F.softplus(r - s).mean(),
    price=lambda D, x, y, gamma: gamma / 2 * (slope2(D, x).mean() + slope2(D, y).mean()),
    detach=True,
):
    def answer(D, x_real, x_fake, gamma):
        x_fake = x_fake.detach() if detach else x_fake
        return pair(D(x_real), D(x_fake)) + price(D, x_real, x_fake, gamma)

    return answer


def relativistic_together(D, x_real, x_fake, gamma):
    x = torch.cat([x_real, x_fake]).detach().requires_grad_()
    s = D(x)
    (g,) = torch.autograd.grad(s.sum(), x, create_graph=True)
    r, f = s.chunk(2)
    return -F.logsigmoid(r - f).mean() + gamma * g.square().sum((1, 2, 3)).mean()


def relativistic_bce(D, x_real, x_fake, gamma):
    difference = D(x_real) - D(x_fake.data)
    loss = F.binary_cross_entropy_with_logits(difference, torch.ones_like(difference))
    for x in (x_real.clone(), x_fake.data.clone()):
        x.requires_grad_(True)
        g = torch.autograd.grad(D(x).unbind(), x, create_graph=True)[0]
        loss = loss + 0.5 * gamma * (g**2).sum() / len(x)
    return loss


CRITICS = {
    "A": "G came closer",
    "B": "the critic grew steeper",
    "C": "the critic fell behind",
    "D": "nothing changed",
    "E": "G came closer",
}
HUNT = {
    1: "norm over channels",
    2: "t per pixel",
    3: "healthy",
    4: "D never feels the penalty",
    5: "BatchNorm in the critic",
    6: "G's step on stale fakes",
    7: "clipping with BatchNorm",
    8: "an evaluation changes D",
}

RIGHT: dict[str, list[Any]] = {
    "w1": [
        w1_of_lists,
        lambda x, y: np.abs(np.sort(x) - np.sort(y)).mean(),
        lambda x, y: (torch.sort(x, descending=True)[0] - torch.sort(y, descending=True)[0]).abs().sum() / x.numel(),
        lambda x, y: w1_one_by_one(x, y) / len(x),
        lambda x, y: F.l1_loss(x[x.argsort()], y[y.argsort()])[None],
        lambda x, y: scipy.stats.wasserstein_distance(x.numpy(), y.numpy()),
    ],
    "w1_weighted": [
        w1_by_thresholds,
        w1_by_moving,
        lambda x, p, y, q: scipy.stats.wasserstein_distance(x.numpy(), y.numpy(), p.numpy(), q.numpy()),
        weighted(lambda h, gap: torch.trapezoid(h[:-1].abs().repeat_interleave(2), dim=0) * 0 + h[:-1].abs() @ gap),
    ],
    "dual": [
        dual_by_loops,
        dual_numpy,
        dual(),
        lambda x, f, p, q: [torch.tensor(dual()(x, f, p, q)[0]), ((p - q) * f).sum().item()],
        dual(lambda rise, far: (rise <= far + 1e-6).all()),
    ],
    "clip_weights": [clip_data, clip_copy, clip_vector, clipped(), clipped(lambda w, c: w.clip(-c, c))],
    "gradient_penalty": [
        penalty(),
        penalty_with_ones,
        penalty_from_the_fake,
        penalty_one_by_one,
        penalty_lerp,
        penalty(norm=lambda g: (g.flatten(1).square().sum(1) + 1e-12).sqrt()),
    ],
    "mixes_batch": [mixes_by_gradient, mixes_by_one_alone, mixes_by_repeating],
    "spectral_norm": [spectral(), spectral_of_torch, spectral_detached],
    "scores": [scores_of_a_copy, scores_by_names, scores_put_back],
    "wgan_round": [wgan(), wgan_in_functions, wgan_one_batch, wgan_two_backwards, wgan_closures],
    "hinge_loss": [
        hinge_by_where,
        hinge_where_margin,
        lambda r, f: F.relu(1.0 - r.double()).mean() + F.relu(1.0 + f.double()).mean(),
        lambda r, f: ((1 - r).clamp(min=0) + (1 + f).clamp(min=0)).mean()[None],
    ],
    "relativistic_loss": [relativistic(), relativistic_together, relativistic_bce],
    "read_critic": [
        CRITICS,
        {f"run {name}": word.upper() for name, word in CRITICS.items()},
        {name.lower(): f"{word}." for name, word in CRITICS.items()},
    ],
    "bug_hunt": [
        HUNT,
        {str(n): word for n, word in HUNT.items()},
        {f"Listing {n}": word.replace("'", "\u2019") for n, word in HUNT.items()},
    ],
}

WRONG: dict[str, dict[str, tuple[Any, str]]] = {
    "w1": {
        "squares": (lambda x, y: (gaps(x, y) ** 2).mean(), "squared distances"),
        "W2": (lambda x, y: (gaps(x, y) ** 2).mean().sqrt(), "This is W2"),
        "not sorted": (lambda x, y: (x - y).abs().mean(), "sort both first"),
        "sum": (lambda x, y: gaps(x, y).abs().sum(), "take the mean"),
        "half": (lambda x, y: gaps(x, y).abs().mean() / 2, "Half of it"),
        "signed": (lambda x, y: gaps(x, y).mean(), "cancel"),
        "means": (lambda x, y: abs(x.mean() - y.mean()), "distance of the two means"),
        "all pairs": (lambda x, y: torch.cdist(x[:, None], y[:, None]).mean(), "each has one partner"),
        "x sorted": (lambda x, y: (x.sort().values - y).abs().mean(), "Only x is sorted"),
        "y sorted": (lambda x, y: (x - y.sort().values).abs().mean(), "Only y is sorted"),
        "opposite": (lambda x, y: (x.sort().values - y.sort().values.flip(0)).abs().mean(), "dearest plan"),
        "largest": (lambda x, y: gaps(x, y).abs().max(), "longest way"),
        "nearest": (lambda x, y: (x[:, None] - y).abs().min(1).values.mean(), "nearest"),
        "median": (lambda x, y: gaps(x, y).abs().median(), "is right"),
        "gaps": (lambda x, y: gaps(x, y).abs(), "a single number is expected"),
        "Kolmogorov": (lambda x, y: scipy.stats.ks_2samp(x, y).statistic, "is right"),
        "rounded": (lambda x, y: round(float(gaps(x, y).abs().mean()), 2), "rounded"),
    },
    "w1_weighted": {
        "weights not sorted": (weighted(lambda h, gap: h[:-1].abs() @ gap, ordered=False), "in the same order"),
        "right end": (weighted(lambda h, gap: h[1:].abs() @ gap), "after the left one"),
        "signed": (weighted(lambda h, gap: h[:-1] @ gap), "the absolute value"),
        "absolute value late": (weighted(lambda h, gap: (h[:-1] @ gap).abs()), "comes too late"),
        "squared": (weighted(lambda h, gap: h[:-1] ** 2 @ gap), "Cramér"),
        "largest": (weighted(lambda h, gap: h.abs().max()), "Kolmogorov"),
        "no gaps": (weighted(lambda h, gap: h.abs().sum()), "not multiplied by the gaps"),
        "trapezoids": (weighted(lambda h, gap: (h[:-1].abs() + h[1:].abs()) @ gap / 2), "no trapezoids"),
        "no weights": (
            lambda x, p, y, q: scipy.stats.wasserstein_distance(x.numpy(), y.numpy()),
            "p and q are not used",
        ),
        "everywhere": (lambda x, p, y, q: p @ torch.cdist(x[:, None], y[:, None]) @ q, "not the cheapest"),
        "of equal samples": (lambda x, p, y, q: (x.sort().values - y.sort().values).abs().mean(), "stopped"),
        "means": (lambda x, p, y, q: abs(p @ x - q @ y), "comes too late"),
        "heights": (weighted(lambda h, gap: h.abs()), "a single number is expected"),
    },
    "dual": {
        "neighbours": (neighbours, "compare every pair"),
        "strict": (dual(lambda rise, far: ((rise.abs() < far) | (far == 0) & (rise == 0)).all()), "is allowed"),
        "strict, with itself": (dual(lambda rise, far: (rise.abs() < far).all()), "where `<` fails"),
        "one direction": (dual(lambda rise, far: (rise.triu(1) <= far).all()), "take |f_i - f_j|"),
        "the other direction": (dual(lambda rise, far: (rise.tril(-1) <= far).all()), "take |f_i - f_j|"),
        "values": (lambda x, f, p, q: (bool((f.abs() <= 1).all()), (p - q) @ f), "its *slope* is"),
        "squares": (dual(distance=lambda x: torch.cdist(x, x) ** 2), "root is missing"),
        "taxi": (dual(distance=lambda x: torch.cdist(x, x, p=1)), "|dx| and |dy|"),
        "king": (dual(distance=lambda x: torch.cdist(x, x, p=torch.inf)), "the larger of"),
        "divided": (divided, "0/0 is NaN"),
        "divided above": (divided_above, "instead of dividing"),
        "always": (dual(lambda rise, far: torch.tensor(True)), "calls every f admissible"),
        "backwards": (dual(lambda rise, far: (rise.abs() > far).any()), "look at every pair"),
        "slope 2": (dual(lambda rise, far: (rise.abs() <= 2 * far).all()), "look at every pair"),
        "sign": (dual(value=lambda p, q, f: q @ f - p @ f), "The sign"),
        "absolute": (dual(value=lambda p, q, f: (p @ f - q @ f).abs()), "No absolute value"),
        "one expectation": (dual(value=lambda p, q, f: p @ f), "E_q f must be taken"),
        "sum": (dual(value=lambda p, q, f: p @ f + q @ f), "are added"),
        "no weights": (dual(value=lambda p, q, f: f.mean() - f.mean()), "weights of its own"),
        "largest": (dual(value=lambda p, q, f: f.max() - f.min()), "is right"),
        "only the flag": (lambda x, f, p, q: True, "a pair is expected"),
        "a table": (lambda x, f, p, q: (f[:, None] - f <= torch.cdist(x, x), 0.5), "for all points together"),
        "one for each point": (dual(value=lambda p, q, f: (p - q) * f), "a single number is expected"),
    },
    "clip_weights": {
        "not in place": (lambda D, c: [p.clamp(-c, c) for p in D.parameters()], "D has not changed"),
        "above": (clipped(lambda w, c: w.clamp(max=c)), "Only weights above c"),
        "below": (clipped(lambda w, c: w.clamp(min=-c)), "Only weights below -c"),
        "from 0": (clipped(lambda w, c: w.clamp(0, c)), "Negative weights became 0"),
        "signs": (clipped(lambda w, c: c * w.sign()), "became -c or c"),
        "scaled": (clipped(lambda w, c: w * min(1, c / float(w.abs().max()))), "Each layer is scaled"),
        "all scaled": (clip_by_scaling, "All weights are scaled"),
        "norm": (clipped(lambda w, c: w * min(1, c / float(w.norm()))), "norm of each tensor"),
        "zeroed": (clipped(lambda w, c: torch.where(w.abs() > c, 0, w)), "became 0: they become"),
        "weights only": (clipped(which=lambda name, p: "weight" in name), "0.bias"),
        "matrices only": (clipped(which=lambda name, p: p.ndim > 1), "1.weight"),
        "top level": (clipped(which=lambda name, p: name.count(".") == 1), "3.1.weight"),
        "without BatchNorm": (clipped(which=lambda name, p: name[0] != "1"), "1.weight, 1.bias"),
        "new parameters": (clip_by_new_parameters, "still holds the old ones"),
        "state dict": (clip_state, "running statistics"),
        "frozen": (clip_and_freeze, "no longer ask for gradients"),
        "gradients": (lambda D, c: nn.utils.clip_grad_value_(D.parameters(), c), "The gradients have changed"),
        "a fixed c": (lambda D, c: clip_data(D, 0.01), "are not those"),
        "no no_grad": (clip_without_no_grad, "torch.no_grad()"),
    },
    "gradient_penalty": {
        "channels": (penalty(norm=lambda g: g.norm(2, dim=1)), "the channels alone"),
        "rows": (penalty(norm=lambda g: g.norm(2, dim=2)), "the rows alone"),
        "last axis": (penalty(norm=lambda g: g.norm(2, dim=-1)), "the last axis alone"),
        "each channel": (penalty(norm=lambda g: g.flatten(2).norm(dim=2)), "each channel alone"),
        "whole batch": (penalty(norm=torch.norm), "over the whole batch"),
        "no norm": (penalty(norm=lambda g: g), "There is no norm"),
        "absolute values": (penalty(norm=torch.abs), "There is no norm"),
        "mean over pixels": (penalty(norm=lambda g: g.square().mean((1, 2, 3)).sqrt()), "root of their *sum*"),
        "t per pixel": (penalty(draw=torch.rand_like), "Every pixel has a t of its own"),
        "t per channel": (penalty(draw=lambda x: torch.rand(*x.shape[:2], 1, 1)), "between the channels"),
        "one t": (penalty(draw=lambda x: torch.rand(1)), "All images have one t"),
        "the middle": (penalty(draw=lambda x: 0.5), "here 0.50"),
        "at the real": (penalty(draw=lambda x: 1.0), "real images themselves"),
        "at the fakes": (penalty(draw=lambda x: 0.0), "fakes themselves"),
        "normal t": (penalty(draw=lambda x: torch.randn(len(x), 1, 1, 1)), "uniform on [0, 1]"),
        "t squared": (penalty(draw=lambda x: torch.rand(len(x), 1, 1, 1) ** 2), "not evenly spread"),
        "seeded t": (penalty(draw=lambda x: SEEDED[: len(x)]), "draw it anew"),
        "fakes shuffled": (
            lambda D, r, f: penalty()(D, r, f[torch.randperm(len(f))]),
            "on the line between an image and its fake",
        ),
        "no create_graph": (penalty(graph=False), "create_graph=True"),
        "detached": (penalty(norm=lambda g: image_norm(g.detach())), "create_graph=True"),
        "half detached": (
            penalty(norm=lambda g: (g * g.detach()).flatten(1).sum(1).add(1e-12).sqrt()),
            "its gradient for D's weights is not",
        ),
        "G reached": (penalty(detach=False), "towards G"),
        "norm squared": (penalty(end=lambda n: ((n**2 - 1) ** 2).mean()), "take the root first"),
        "not squared": (penalty(end=lambda n: (n - 1).mean()), "The square is missing"),
        "absolute": (penalty(end=lambda n: (n - 1).abs().mean()), "is to be squared"),
        "slope 0": (penalty(end=lambda n: (n**2).mean()), "asks for the slope 0"),
        "one-sided": (penalty(end=lambda n: (n - 1).relu().square().mean()), "Only slopes above 1"),
        "mean first": (penalty(end=lambda n: (n.mean() - 1) ** 2), "steep images hide"),
        "sum": (penalty(end=lambda n: ((n - 1) ** 2).sum()), "You sum over the batch"),
        "one for each image": (penalty(end=lambda n: (n - 1) ** 2), "one number is expected"),
        "weighted": (penalty(end=lambda n: 10 * ((n - 1) ** 2).mean()), "comes later"),
        "mean of the scores": (penalty(reduce=torch.mean), "take the sum"),
        "sigmoid": (penalty(score=torch.sigmoid), "sigmoid of the score"),
        "by the fake": (penalty_by("fake"), "with respect to x_fake"),
        "by the real": (penalty_by("real"), "with respect to x_real"),
        "1-norm": (penalty(norm=lambda g: g.flatten(1).norm(1, dim=1)), "adds up absolute values"),
        "largest": (penalty(norm=lambda g: g.flatten(1).abs().max(1).values), "largest derivative"),
        "NaN where flat": (penalty(norm=sqrt_norm), "add 1e-12"),
        "backward": (penalty_with_backward, "`backward` fills them"),
        "points detached": (penalty_of_detached_points, "on that very tensor"),
        "moves D": (penalty_moves_d, "D's weights have changed"),
        "ten images": (penalty_of_two_halves, "D was called on 10 images"),
        "a number": (lambda D, r, f: penalty()(D, r, f).item(), "needs a tensor"),
        "of the weights": (lambda D, r, f: sum(p.square().sum() for p in D.parameters()), "D was called on 0 images"),
    },
    "mixes_batch": {
        "by name": (lambda D, x: any(isinstance(m, nn.BatchNorm2d) for m in D.modules()), "called BatchNorm"),
        "any norm": (lambda D, x: any("Norm" in type(m).__name__ for m in D.modules()), "Any normalisation"),
        "in eval mode": (mixes_in_eval, "mixes in train mode alone"),
        "order": (lambda D, x: not torch.allclose(D(x), D(x.flip(0)).flip(0), atol=1e-5), "never finds anything"),
        "turned": (lambda D, x: not mixes_by_gradient(D, x), "turned round"),
        "always": (lambda D, x: True, "suspects every D"),
        "itself changed": (lambda D, x: bool(D(x)[0] != D(x**3)[0]), "suspects every D"),
        "a difference": (lambda D, x: D(x)[0] - D(x[:1])[0], "True or False is expected"),
        "a word": (lambda D, x: "no", "numbers are expected"),
        "only at the top": (lambda D, x: any(isinstance(m, nn.BatchNorm2d) for m in D), "a D that takes the batch's"),
    },
    "spectral_norm": {
        "v not normalised": (spectral(unit=(False, True)), "v is not normalised"),
        "u not normalised": (spectral(unit=(True, False)), "u is not normalised"),
        "nothing normalised": (spectral(unit=(False, False)), "is not normalised"),
        "no memory": (spectral(keep=True), "come back as they were"),
        "no step": (lambda W, u, v, t: (W / (u @ W.flatten(1) @ v), u, v), "come back as they were"),
        "two steps": (spectral(steps=2), "two steps"),
        "only v": (spectral(order="v"), "v is right, u is not"),
        "only u": (spectral(order="u"), "one power iteration"),
        "multiplied": (
            lambda W, u, v, t: (lambda s, a, b: (W * (a @ W.flatten(1) @ b), a, b))(*spectral()(W, u, v, t)),
            "multiplied by sigma",
        ),
        "Frobenius": (spectral(sigma=lambda M, *_: M.norm()), "Frobenius"),
        "exact": (spectral(sigma=lambda M, *_: torch.linalg.svdvals(M)[0]), "exact sigma"),
        "old state": (spectral(sigma=lambda M, u, v, a, b: a @ M @ b), "use the new ones"),
        "old u": (spectral(sigma=lambda M, u, v, a, b: a @ M @ v), "takes the old u"),
        "root": (spectral(sigma=lambda M, u, v, a, b: (u @ M @ v).sqrt()), "There is no root"),
        "square": (spectral(sigma=lambda M, u, v, a, b: (u @ M @ v) ** 2), "sigma is squared"),
        "W as it was": (spectral(sigma=lambda M, *_: torch.ones(())), "came back as it was"),
        "sigma detached": (spectral(detach=True), "cut off from W's gradient"),
        "gradients through u, v": (spectral(no_grad=False), "gradients go through u and v"),
        "no gradient": (
            lambda W, u, v, t: tuple(item.detach() for item in spectral()(W, u, v, t)),
            "has no gradient for W",
        ),
        "moves in eval": (spectral(evaluate=True), "looking at scores must leave no trace"),
        "in place": (spectral_in_place, "changed in place"),
        "W in place": (spectral_on_w, "W itself has changed"),
        "u as a list": (lambda W, u, v, t: (W, u.tolist(), v), "u came back as"),
        "v as it was": (lambda W, u, v, t: (*spectral()(W, u, v, t)[:2], v), "u is right, v is not"),
        "sigma and 1": (spectral(sigma=lambda M, u, v, a, b: u @ M @ v + 1), "with W as a matrix"),
        "W detached": (
            lambda W, u, v, t: (lambda s, a, b: (W.detach() / (a @ W.flatten(1) @ b), a, b))(*spectral()(W, u, v, t)),
            "gradient for W is not",
        ),
        "two tensors": (lambda W, u, v, t: spectral()(W, u, v, t)[:2], "three tensors are expected"),
        "sigma first": (lambda W, u, v, t: (spectral()(W, u, v, t)[0], v, u), "u has shape"),
        "flat": (
            lambda W, u, v, t: (spectral()(W, u, v, t)[0].flatten(1), u, v) if W.ndim > 2 else spectral()(W, u, v, t),
            "W / sigma has shape",
        ),
        "eval by the exact": (
            lambda W, u, v, t: spectral()(W, u, v, t) if t else (W / torch.linalg.matrix_norm(W.flatten(1), 2), u, v),
            "is not that of the u and v",
        ),
    },
    "scores": {
        "in train mode": (look(evaluate=False), "under `no_grad` too"),
        "a copy in train mode": (lambda D, x: copy.deepcopy(D).train()(x).detach(), "which depend on the other images"),
        "left in eval mode": (look(), "left in eval mode"),
        "always train": (look(back=lambda D, was: D.train()), "own: note `m.training`"),
        "one mode for all": (look(back=lambda D, was: D.train(was)), "own: note `m.training`"),
        "always train, if in eval": (scores_then_train, "put into train mode"),
        "one part": (scores_with_one_part_off, "Not every part"),
        "with a graph": (look(no_grad=False, back=lambda D, was: D.train(was)), "carry D's graph"),
        "two forwards": (
            lambda D, x: (D(x), scores_of_a_copy(D, x))[1],
            "under `no_grad` too",
        ),
        "sigmoid": (lambda D, x: scores_of_a_copy(D, x).sigmoid(), "These are not D's scores"),
        "the mean": (lambda D, x: scores_of_a_copy(D, x).mean(), "the scores are expected"),
        "a list": (lambda D, x: scores_of_a_copy(D, x).tolist(), "the scores are expected"),
        "gradients": (scores_with_gradients, "have gradients now"),
    },
    "wgan_round": {
        "D uphill": (wgan(d_loss=lambda r, f: r.mean() - f.mean()), "The critic goes the wrong way"),
        "G uphill": (wgan(g_loss=lambda s: s.mean()), "G goes the wrong way"),
        "both turned": (
            wgan(d_loss=lambda r, f: r.mean() - f.mean(), g_loss=lambda s: s.mean()),
            "The critic goes the wrong way",
        ),
        "halves": (wgan(d_loss=lambda r, f: critic_loss(r, f) / 2), "Half a step"),
        "D's sum": (wgan(d_loss=lambda r, f: f.sum() - r.sum()), "The loss is summed"),
        "G's sum": (wgan(g_loss=lambda s: -s.sum()), "G's loss is summed"),
        "real only": (wgan(d_loss=lambda r, f: -r.mean()), "real batch only"),
        "fake only": (wgan(d_loss=lambda r, f: f.mean()), "fakes only"),
        "Goodfellow's D": (wgan(d_loss=lambda r, f: (F.softplus(-r) + F.softplus(f)).mean()), "Goodfellow's loss"),
        "Goodfellow's G": (wgan(g_loss=lambda s: F.softplus(-s).mean()), "G's loss is Goodfellow's"),
        "sigmoid in D": (wgan(d_loss=lambda r, f: critic_loss(r.sigmoid(), f.sigmoid())), "no sigmoid"),
        "sigmoid in G": (wgan(g_loss=lambda s: -s.sigmoid().mean()), "no sigmoid"),
        "hinge": (wgan(d_loss=lambda r, f: ((1 - r).relu() + (1 + f).relu()).mean()), "hinge loss"),
        "squared": (wgan(d_loss=lambda r, f: (f.mean() - r.mean()) ** 2), "not along the gradient of mean D(G(z))"),
        "absolute for G": (wgan(g_loss=lambda s: (s - 1).square().mean()), "not along the gradient of -mean"),
        "G detached": (wgan(detach_g=True), "must not be detached"),
        "not detached": (wgan(detach=False), "went through G"),
        "D not zeroed": (wgan(zero_d=False), "opt_d.zero_grad()"),
        "G not zeroed": (wgan(zero_g=False), "opt_g.zero_grad()"),
        "not clipped": (wgan(clip="never"), "is not clipped"),
        "clipped once": (wgan(clip="late"), "is not clipped"),
        "clipped before": (wgan(clip="before"), "is not clipped"),
        "clipped at half": (wgan(cut_at=0.5), "not those that clipping"),
        "clipped at the end": (wgan(clip="end"), "is not clipped"),
        "both clipped": (wgan(clip="both"), "only D's are clipped"),
        "stale z": (wgan(fresh_g=False), "once more, a bug of published code"),
        "stale fakes": (wgan(stale=True, fresh_g=False, detach=True), "made before"),
        "one z for all": (wgan(fresh_d=False), "Several steps of D share one z"),
        "first batch": (wgan(batch=lambda x, i: x[0]), "uses batch 1"),
        "batches turned": (wgan(batch=lambda x, i: x[-1 - i]), "Step 1 of D uses batch 3"),
        "one step": (wgan(steps=lambda x: 1), "D made 1 step on 3"),
        "five steps": (wgan(steps=lambda x: 5, batch=lambda x, i: x[i % len(x)]), "D made 5 steps"),
        "no step of D": (wgan(steps=lambda x: 0, fresh_g=False), "D made 0 steps"),
        "G each time": (wgan(inside=True), "G made 3 steps"),
        "G first": (wgan(first_g=True), "G's step comes last"),
        "no G": (lambda G, D, g, d, x, c: wgan()(G, D, torch.optim.SGD(G.parameters(), lr=0.1), d, x, c), "no step"),
        "nothing": (lambda G, D, g, d, x, c: D(x[0]), "No optimiser has made a step"),
        "uniform z": (wgan(draw=lambda b: torch.rand(b, 100)), "uniform on [0, 1]"),
        "one row": (wgan(draw=lambda b: torch.randn(1, 100).expand(b, 100)), "rows of z are repeated"),
        "seeded z": (wgan(draw=wgan_same_noise()), "share one z"),
        "64 z": (wgan(draw=lambda b: torch.randn(64, 100)), "here (32, 100)"),
        "32 z": (wgan(draw=lambda b: torch.randn(32, 100)), "here (20, 100)"),
        "in eval mode": (wgan_in_eval, "G ran in eval mode"),
        "left in eval mode": (wgan(after=lambda G, D: D.eval()), "D is left in eval mode"),
        "left frozen": (wgan(after=lambda G, D: D.requires_grad_(False)), "D is left frozen"),
        "D moved at the end": (wgan(after=lambda G, D: clip_data(D, 0.001)), "after its own steps"),
    },
    "hinge_loss": {
        "subtracted": (lambda r, f: (1 - r).relu().mean() - (1 + f).relu().mean(), "so they are added"),
        "Python's max": (lambda r, f: max(0, 1 - r).mean() + max(0, 1 + f).mean(), "ask for one True or False"),
        "exchanged": (lambda r, f: ((1 + r).relu() + (1 - f).relu()).mean(), "are exchanged"),
        "half": (lambda r, f: hinge_by_where(r, f) / 2, "half of it"),
        "summed": (lambda r, f: ((1 - r).relu() + (1 + f).relu()).sum(), "sum over the batch"),
        "real only": (lambda r, f: (1 - r).relu().mean(), "Only the real half"),
        "fake only": (lambda r, f: (1 + f).relu().mean(), "Only the fake half"),
        "no cut": (lambda r, f: (1 - r).mean() + (1 + f).mean(), "Nothing is cut off"),
        "WGAN": (lambda r, f: f.mean() - r.mean(), "WGAN's loss"),
        "no margin": (lambda r, f: ((-r).relu() + f.relu()).mean(), "The margin is 0"),
        "sign": (lambda r, f: -hinge_by_where(r, f), "The sign is turned"),
        "mean first": (lambda r, f: (1 - r.mean()).relu() + (1 + f.mean()).relu(), "before the cut"),
        "sigmoid": (lambda r, f: hinge_by_where(r.sigmoid(), f.sigmoid()), "through a sigmoid"),
        "pairs": (lambda r, f: (1 - (r - f)).relu().mean(), "Pairs are compared"),
        "squared": (lambda r, f: ((1 - r).relu() ** 2 + (1 + f).relu() ** 2).mean(), "is squared"),
        "Goodfellow's": (lambda r, f: (F.softplus(-r) + F.softplus(f)).mean(), "Goodfellow's"),
        "margin 2": (lambda r, f: ((2 - r).relu() + (2 + f).relu()).mean(), "is right"),
        "a number": (lambda r, f: hinge_by_where(r, f).item(), "needs a tensor"),
        "detached": (lambda r, f: hinge_by_where(r, f).detach(), "has no gradient"),
        "fakes detached": (lambda r, f: hinge_by_where(r, f.detach()), "for the fake scores is not"),
    },
    "relativistic_loss": {
        "exchanged": (relativistic(lambda s, r: F.softplus(s - r).mean()), "are exchanged"),
        "Goodfellow's": (relativistic(lambda s, r: (F.softplus(-s) + F.softplus(r)).mean()), "compare pairs"),
        "means": (relativistic(lambda s, r: F.softplus(r.mean() - s.mean())), "softplus comes first"),
        "all pairs": (relativistic(lambda s, r: F.softplus(r[:, None] - s).mean()), "with every fake"),
        "WGAN": (relativistic(lambda s, r: (r - s).mean()), "softplus is missing"),
        "summed": (relativistic(lambda s, r: F.softplus(r - s).sum()), "take the mean"),
        "no penalty": (relativistic(price=lambda *_: 0), "The penalties are missing"),
        "R1 alone": (relativistic(price=lambda D, x, y, g: g / 2 * slope2(D, x).mean()), "R2 is missing"),
        "R2 alone": (relativistic(price=lambda D, x, y, g: g / 2 * slope2(D, y).mean()), "R1 is missing"),
        "gamma": (
            relativistic(price=lambda D, x, y, g: g * (slope2(D, x).mean() + slope2(D, y).mean())),
            "gamma / 2, for each",
        ),
        "averaged": (
            relativistic(price=lambda D, x, y, g: g / 2 * slope2(D, torch.cat([x, y])).mean()),
            "yours are averaged",
        ),
        "subtracted": (
            relativistic(price=lambda D, x, y, g: -g / 2 * (slope2(D, x) + slope2(D, y)).mean()),
            "the wrong sign",
        ),
        "slope 1": (
            relativistic(
                price=lambda D, x, y, g: g / 2 * sum((slope2(D, a).sqrt() - 1).square().mean() for a in (x, y))
            ),
            "R1 and R2 ask for 0",
        ),
        "not squared": (
            relativistic(price=lambda D, x, y, g: g / 2 * sum(slope2(D, a).sqrt().mean() for a in (x, y))),
            "not squared",
        ),
        "mean over pixels": (
            relativistic(price=lambda D, x, y, g: g / 2 * sum(slope2(D, a).mean() / 60 for a in (x, y))),
            "mean over pixels",
        ),
        "summed penalties": (
            relativistic(price=lambda D, x, y, g: g / 2 * sum(slope2(D, a).sum() for a in (x, y))),
            "penalties are summed",
        ),
        "mean of the scores": (
            relativistic(price=lambda D, x, y, g: g / 2 * sum(slope2(D, a).mean() / 64 for a in (x, y))),
            "divides each gradient by the batch size",
        ),
        "no graph": (
            relativistic(price=lambda D, x, y, g: g / 2 * sum(slope2(D, a, graph=False).mean() for a in (x, y))),
            "`create_graph=True` missing",
        ),
        "not detached": (relativistic(detach=False), "towards G"),
        "of the probability": (
            lambda D, x, y, g: (
                relativistic(price=lambda D, x, y, g: 0)(D, x, y, g)
                + g / 2 * sum(slope2(lambda a: D(a).sigmoid(), a).mean() for a in (x, y))
            ),
            "is right",
        ),
        "a number": (lambda D, x, y, g: relativistic()(D, x, y, g).item(), "needs a tensor"),
        "one for each": (relativistic(lambda s, r: F.softplus(r - s)), "one number is expected"),
    },
    "read_critic": {
        "logged curve believed": (CRITICS | {"E": "G became worse"}, "what is left falls"),
        "steeper taken for worse": (CRITICS | {"B": "G became worse"}, "divide the estimate by the slope"),
        "falling taken for better": (CRITICS | {"C": "G came closer"}, "still finds as much"),
        "A": (CRITICS | {"A": "the critic fell behind"}, "no more than the run's own"),
        "D": (CRITICS | {"D": "the critic fell behind"}, "none of the three curves"),
        "unknown": (CRITICS | {"D": "bored"}, "the diagnoses to choose from"),
        "one open": (CRITICS | {"E": ...}, "Run E has no diagnosis yet"),
        "a word": ("G came closer", "a dict is expected"),
    },
    "bug_hunt": {
        "norm": (HUNT | {1: "healthy"}, "how many slopes has one image"),
        "t": (HUNT | {2: "norm over channels"}, "the shape of t"),
        "detach taken for a bug": (HUNT | {3: "detached fakes"}, "whom should it not"),
        "sign": (HUNT | {3: "wrong sign"}, "when real images score higher"),
        "graph": (HUNT | {4: "healthy"}, "Differentiate that number"),
        "BatchNorm": (HUNT | {5: "clipping with BatchNorm"}, "score of an image depend"),
        "stale": (HUNT | {6: "healthy"}, "follow z"),
        "clipping": (HUNT | {7: "BatchNorm in the critic"}, "before"),
        "evaluation": (HUNT | {8: "healthy"}, "call it twice"),
        "unknown": (HUNT | {8: "flu"}, "the diagnoses to choose from"),
        "one open": (HUNT | {8: ...}, "Listing 8 has no diagnosis yet"),
        "a word": ("healthy", "a dict is expected"),
    },
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def weighted_by(change):
    def area(x, p, y, q):
        points, order = torch.cat([x, y]).sort()
        return change(torch.cat([p, -q])[order], points.diff())

    return area


def added_weights(x, p, y, q):
    points, order = torch.cat([x, y]).sort()
    return (torch.cat([p, q])[order].cumsum(0)[:-1].abs() * points.diff()).sum()


def pairing(compare, penalty=lambda g: g.flatten(1).square().sum(1)):
    def loss(D, x_real, x_fake, gamma):
        x_real, x_fake = x_real.detach().requires_grad_(), x_fake.detach().requires_grad_()
        real, fake = D(x_real), D(x_fake)
        total = compare(real, fake).mean()
        for scores, x in ((real, x_real), (fake, x_fake)):
            (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
            total = total + gamma / 2 * penalty(gradient).mean()
        return total

    return loss


def right_pair(real, fake):
    return F.softplus(fake - real)


def on_real(real):
    return (1 - real).relu().mean()


def on_fake(fake):
    return (1 + fake).relu().mean()


WRONG["w1_weighted"] |= {
    "weights added": (added_weights, "they come with a minus sign"),
    "not summed up": (weighted_by(lambda h, gap: (h[:-1].abs() * gap).sum()), "The weights are not summed up"),
    "a mean": (weighted_by(lambda h, gap: (h.cumsum(0)[:-1].abs() * gap).mean()), "the area is their sum"),
}
WRONG["hinge_loss"] |= {
    "real summed": (lambda r, f: (1 - r).relu().sum() + on_fake(f), "The real half is summed"),
    "fake summed": (lambda r, f: on_real(r) + (1 + f).relu().sum(), "The fake half is summed"),
    "1 + real": (lambda r, f: (1 + r).relu().mean() + on_fake(f), "The real half has the wrong sign inside"),
    "real - 1": (lambda r, f: (r - 1).relu().mean() + on_fake(f), "The real half has the wrong sign inside"),
    "1 - fake": (lambda r, f: on_real(r) + (1 - f).relu().mean(), "The fake half has the wrong sign inside"),
    "real not cut": (lambda r, f: (1 - r).mean() + on_fake(f), "The real half is not cut off"),
    "fake not cut": (lambda r, f: on_real(r) + (1 + f).mean(), "The fake half is not cut off"),
    "real as it is": (lambda r, f: r.relu().mean() + on_fake(f), "The real half is relu of the score"),
    "no real margin": (lambda r, f: (-r).relu().mean() + on_fake(f), "The real half's margin is 0"),
    "no fake margin": (lambda r, f: on_real(r) + f.relu().mean(), "The fake half's margin is 0"),
}
WRONG["relativistic_loss"] |= {
    "added": (pairing(lambda r, f: F.softplus(f + r)), "The scores are added"),
    "fake alone": (pairing(lambda r, f: F.softplus(f)), "Only the fake's score"),
    "real alone": (pairing(lambda r, f: F.softplus(-r)), "Only the real image's score"),
    "no logarithm": (pairing(lambda r, f: (f - r).sigmoid()), "The logarithm is missing"),
    "absolute": (pairing(right_pair, lambda g: g.flatten(1).abs().sum(1)), "absolute values"),
    "not squared at all": (pairing(right_pair, lambda g: g.flatten(1).sum(1)), "Nothing is squared"),
    "over the images": (pairing(right_pair, lambda g: g.flatten(1).square().sum(0)), "The sum goes over the images"),
    "over the channels": (pairing(right_pair, lambda g: g.square().sum(1)), "over the channels alone"),
}
