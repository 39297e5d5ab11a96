"""Exercises of notebook 07, what the discriminator should measure: `from gancourse.exercises import lesson07 as ex`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F

from gancourse.exercises.checking import critic_losses, critic_rounds, critics, transport
from gancourse.exercises.checking import listings as hunt
from gancourse.exercises.checking.engine import Wrong, exercise
from gancourse.exercises.checking.gradient_penalty import check_gradient_penalty
from gancourse.exercises.checking.judging import choices
from gancourse.exercises.checking.spectral import check_spectral_norm


@exercise(
    title="The earth mover's distance on the line",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    Two samples of $n$ numbers each. Every point carries $1/n$ of the earth. On the line the cheapest plan moves the
    smallest $x$ to the smallest $y$, the second to the second, and so on. Return $W_1$, the mean way.
    """,
    hints=(
        "Which point goes where, once both samples are in order?",
        "`x.sort().values` is x in order. Each way is an absolute difference.",
        "`(x.sort().values - y.sort().values).abs().mean()`",
    ),
    check=transport.check_w1,
)
def w1(x, y):
    """The earth mover's distance of two samples x, y of numbers, (n,) each: a single number."""
    return (x.sort().values - y.sort().values).abs().mean()


@exercise(
    title="Unequal samples, with weights",
    difficulty="hard",
    minutes=12,
    prompt=r"""
    Now the points $x$ have weights $p$ and the points $y$ weights $q$, each adding up to 1, and there need not be as
    many of both. With the distribution functions $F$ and $G$ of the two, $W_1 = \int |F(t) - G(t)|\,dt$: between two
    neighbouring points (of both samples together) $F - G$ is constant. Return $W_1$.
    """,
    hints=(
        "Where do F and G jump, and by how much? What are they between two jumps?",
        "Sort all points together, and take p and -q in that order: their running sum is F - G after each point.",
        "`height = torch.cat([p, -q])[order].cumsum(0)`, then sum `height[:-1].abs() * points.diff()`",
    ),
    check=transport.check_w1_weighted,
)
def w1_weighted(x, p, y, q):
    """The earth mover's distance of points x (n,), weights p (n,), and points y (m,), weights q (m,)."""
    points, order = torch.cat([x, y]).sort()
    height = torch.cat([p, -q])[order].cumsum(0)
    return (height[:-1].abs() * points.diff()).sum()


@exercise(
    title="What a function proves",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    The dual of the transport problem, $W_1 = \max_f\; E_p f - E_q f$, is over all $f$ with
    $|f(a) - f(b)| \le |a - b|$ for **every** two points. Here are $n$ points of the plane, the values of some $f$ at
    them, and the weights of $p$ and of $q$ at them. Return a pair: whether this $f$ is admissible at these points, and
    $E_p f - E_q f$, whatever the first answer is.
    """,
    hints=(
        "How many pairs of points are there? In the plane, is a point's neighbour in the list its neighbour?",
        "`f[:, None] - f` holds all differences, `torch.cdist(x, x)` all distances. A slope of exactly 1 is allowed.",
        "`ok = bool(((f[:, None] - f).abs() <= torch.cdist(x, x)).all())`, and the value is `p @ f - q @ f`",
    ),
    check=transport.check_dual,
)
def dual(x, f, p, q):
    """(admissible: True or False, E_p f - E_q f) for points x (n, 2), values f (n,), weights p and q (n,)."""
    distance = torch.cdist(x, x)
    admissible = bool(((f[:, None] - f).abs() <= distance).all())
    return admissible, p @ f - q @ f


@exercise(
    title="Clipping",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    WGAN keeps its critic from growing steep by force: after each of its steps every parameter of $D$ is cut to
    $[-c, c]$. Do that, in place, so that the optimiser goes on with the same parameters. Nothing needs to be returned.
    """,
    hints=(
        "Which parameters does D have, and which are no weights of a layer you would think of first?",
        "`D.parameters()` gives them all. Weights that ask for gradients are changed under `torch.no_grad()`.",
        "`with torch.no_grad():`, and for each p of D.parameters(): `p.clamp_(-c, c)`",
    ),
    check=critics.check_clip,
)
def clip_weights(D, c):
    """Cut every parameter of the network D to [-c, c], in place."""
    with torch.no_grad():
        for p in D.parameters():
            p.clamp_(-c, c)


@exercise(
    title="The gradient penalty",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    WGAN-GP asks for slopes of 1 instead: return the mean over the batch of $(\lVert \nabla_{\hat x} D(\hat x)
    \rVert_2 - 1)^2$ at $\hat x = t\,x + (1 - t)\,G(z)$, with one fresh $t \sim U(0, 1)$ for each image and the norm of
    an image's *whole* gradient. (The weight 10 comes later.) $D$ is to learn from it, and $G$ is not to be reached;
    `x_fake` comes straight from $G$. Where $D$ is flat, its gradient must stay finite.
    """,
    hints=(
        "How many t are there for a batch, and which shape lets each multiply an image (C, H, W)?",
        "`torch.autograd.grad(D(x_hat).sum(), x_hat, create_graph=True)`, for an x_hat that is detached and then asks "
        "for a gradient; then `flatten(1)`.",
        "`t = torch.rand(len(x_real), 1, 1, 1)`; at last `((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()`",
    ),
    check=check_gradient_penalty,
)
def gradient_penalty(D, x_real, x_fake):
    """WGAN-GP's penalty without its weight, a scalar; x_real, x_fake (B, C, H, W), D gives scores (B,)."""
    t = torch.rand(len(x_real), 1, 1, 1)
    x_hat = (t * x_real + (1 - t) * x_fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x_hat).sum(), x_hat, create_graph=True)
    return (gradient.flatten(1).norm(2, dim=1) - 1).square().mean()


@exercise(
    title="Whose score is it?",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    The penalty speaks of the slope of *one* image's score. So a critic may not mix the images of a batch. Write the
    test: given a `D` in train mode and a batch, does the score of an image depend on the other images? Return True or
    False. (Ask `D`, do not read it: mixing can be written in many ways.)
    """,
    hints=(
        "Leave the first image as it is, and change the others. What should happen to its score?",
        "`D(x)[0]` against `D(y)[0]`, where y is x with other images after the first; equal up to rounding?",
        "`y = torch.cat([x[:1], torch.randn_like(x[1:])])`, then `not torch.allclose(D(x)[0], D(y)[0], atol=1e-5)`",
    ),
    check=critics.check_mixes_batch,
)
def mixes_batch(D, x):
    """Whether D, in train mode, lets the other images of x (B, C, H, W) change an image's score: True or False."""
    others = torch.cat([x[:1], torch.randn_like(x[1:])])
    with torch.no_grad():
        return not torch.allclose(D(x)[0], D(others)[0], atol=1e-5)


@exercise(
    title="Spectral normalisation, one step",
    difficulty="hard",
    minutes=15,
    prompt=r"""
    Divide a layer's weight by its largest singular value $\sigma$. With $M$ for `W` as a matrix (outputs × all the
    rest) and two unit vectors $u$, $v$ that are kept from step to step: in training, $v \leftarrow M^\top u$ and then
    $u \leftarrow M v$, each divided by its length; then $\sigma = u^\top M v$. In evaluation, $u$ and $v$ are used as
    they are. Return $(W/\sigma, u, v)$ as new tensors. $u$ and $v$ are constants for the gradient, $\sigma$ is not.
    """,
    hints=(
        "Which of the three lines run without gradients, and which only in training?",
        "`F.normalize(a, dim=0)` divides by the length. `W.flatten(1)` is the matrix, of a convolution too.",
        "Under `torch.no_grad()`: `v = F.normalize(M.T @ u, dim=0)`, `u = F.normalize(M @ v, dim=0)`. Then, outside: "
        "`sigma = u @ (M @ v)`",
    ),
    check=check_spectral_norm,
)
def spectral_norm(W, u, v, training):
    """(W / sigma, u, v) for a weight W (c_out, ...) and its state u (c_out,), v (the rest,); one step if training."""
    M = W.flatten(1)
    if training:
        with torch.no_grad():
            v = F.normalize(M.T @ u, dim=0)
            u = F.normalize(M @ v, dim=0)
    return W / (u @ M @ v), u, v


@exercise(
    title="A look that leaves no trace",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    Return $D$'s scores of the images `x`, in eval mode and without a graph, between two steps of a training: nothing in
    $D$ may change by it, neither a number nor a mode. (Spectral normalisation and BatchNorm both keep a state that a
    forward in train mode moves; and a part of $D$ may have a mode of its own.)
    """,
    hints=(
        "What does `torch.no_grad()` not protect?",
        "`D.eval()`, then the scores. How do you know which mode each module was in before?",
        "`modes = [(m, m.training) for m in D.modules()]`, and at the end `m.train(was)` would reach its children: set "
        "`m.training = was`",
    ),
    check=critics.check_scores,
)
def scores(D, x):
    """The scores (B,) that the network D gives images x (B, C, H, W), by which D does not change at all."""
    modes = [(module, module.training) for module in D.modules()]
    D.eval()
    with torch.no_grad():
        found = D(x)
    for module, training in modes:
        module.training = training
    return found


@exercise(
    title="A round of WGAN",
    difficulty="hard",
    minutes=20,
    prompt=r"""
    Write one round. For each batch of `x_reals`: a **fresh** $z \sim N(0, I)$ of shape (B, 100), one step of the
    critic, which maximises $E\,D(x) - E\,D(G(z))$, then every weight of $D$ clipped to $[-c, c]$. After all of them
    one step of $G$, on a fresh $z$ as well, which minimises $-E\,D(G(z))$. Both networks stay in train mode; no step
    may use gradients that an earlier one left behind, and the critic's steps may leave none in $G$.
    """,
    hints=(
        "An optimiser minimises. What is the critic's loss, then, and what is G's?",
        "The critic needs no graph of G, and G's step leaves gradients in D. Which `zero_grad` belongs where?",
        "In the loop: `loss = D(G(z).detach()).mean() - D(x_real).mean()`, zero, backward, step, clip; after it "
        "`loss = -D(G(torch.randn(len(x_real), 100))).mean()`",
    ),
    check=critic_rounds.check_wgan_round,
)
def wgan_round(G, D, opt_g, opt_d, x_reals, c):
    """A step of D on each batch of the list x_reals, (B, 1, 28, 28), each followed by clipping to c; then one of G."""
    for x_real in x_reals:
        z = torch.randn(len(x_real), 100)
        loss = D(G(z).detach()).mean() - D(x_real).mean()
        opt_d.zero_grad()
        loss.backward()
        opt_d.step()
        with torch.no_grad():
            for p in D.parameters():
                p.clamp_(-c, c)
    loss = -D(G(torch.randn(len(x_real), 100))).mean()
    opt_g.zero_grad()
    loss.backward()
    opt_g.step()


@exercise(
    title="The hinge loss",
    difficulty="easy",
    minutes=4,
    prompt=r"""
    SN-GAN's $D$ pays for a real image only while it scores below 1, and for a fake only while it scores above $-1$:
    return $E \max(0, 1 - s(x)) + E \max(0, 1 + s(G(z)))$, which $D$ minimises, from the scores of a real and a fake
    batch.
    """,
    hints=(
        "What does a real image cost that scores 3? And one that scores 0?",
        "`relu` is max(0, .). It belongs inside the mean.",
        "`(1 - real_scores).relu().mean()`, and the same with the other sign for the fakes",
    ),
    check=critic_losses.check_hinge,
)
def hinge_loss(real_scores, fake_scores):
    """The hinge loss of D, a scalar tensor, from scores of shape (B,) each."""
    return (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean()


@exercise(
    title="The loss of today",
    difficulty="medium",
    minutes=12,
    prompt=r"""
    R3GAN's $D$ compares an image with a fake, pair by pair, and pays for its slope at both: return
    $E\,\mathrm{softplus}\bigl(-(s(x) - s(G(z)))\bigr) + \frac{\gamma}{2}\, E\lVert\nabla_x s(x)\rVert^2 +
    \frac{\gamma}{2}\, E\lVert\nabla s(G(z))\rVert^2$, as a scalar from which $D$ can learn and that does not reach $G$.
    """,
    hints=(
        "Which pairs are there in two batches of B images? And what is the penalty's slope taken of?",
        "R1 and R2 are one function of D and a batch. `softplus` comes before the mean, the square before the sum.",
        "`F.softplus(D(x_fake) - D(x_real)).mean()`; for each batch `gradient.flatten(1).square().sum(1).mean()`",
    ),
    check=critic_losses.check_relativistic,
)
def relativistic_loss(D, x_real, x_fake, gamma):
    """What R3GAN's D minimises, a scalar; x_real, x_fake (B, C, H, W), as many of both, D gives scores (B,)."""
    x_real, x_fake = x_real.detach().requires_grad_(), x_fake.detach().requires_grad_()
    real, fake = D(x_real), D(x_fake)
    loss = F.softplus(fake - real).mean()
    for s, x in ((real, x_real), (fake, x_fake)):
        (gradient,) = torch.autograd.grad(s.sum(), x, create_graph=True)
        loss = loss + gamma / 2 * gradient.flatten(1).square().sum(1).mean()
    return loss


def critic_curves(points: int = 40) -> dict[str, dict[str, list[float]]]:
    """The five runs of the exercise `read_critic`, drawn by formula so that each shows one thing clearly.

    Returns run ("A" to "E") -> column -> `points` numbers, from the beginning of the run to its end. "estimate":
    E D(x) - E D(G(z)), as the run logged it. "slope": the critic's largest slope at that time, found by search.
    "later": the estimate of a copy of the critic that was trained on for long against the same G, under the same
    constraint.
    """
    runs: dict[str, dict[str, list[float]]] = {name: {"estimate": [], "slope": [], "later": []} for name in "ABCDE"}
    for i in range(points):
        t, wave = i / (points - 1), 1 + 0.02 * math.sin(2.3 * i)
        rows = {  # the distance as it is, the critic's slope, the share of the distance that it sees
            "A": (6 * math.exp(-2.2 * t), 1.0, 0.96),
            "B": (2.0, 0.1 + 1.4 * t**1.5, 0.96),
            "C": (5.8, 1.0, 0.96 * math.exp(-1.7 * t)),
            "D": (5.0, 1.0, 0.96),
            "E": (6 * math.exp(-1.6 * t), 0.1 * math.exp(2.3 * t), 0.96),
        }
        for name, (distance, slope, share) in rows.items():
            runs[name]["estimate"].append(distance * slope * share * wave)
            runs[name]["slope"].append(slope)
            runs[name]["later"].append(distance * slope * 0.99)
    return runs


_CRITICS = {
    "A": "G came closer",
    "B": "the critic grew steeper",
    "C": "the critic fell behind",
    "D": "nothing changed",
    "E": "G came closer",
}
_CRITIC_EVIDENCE = {
    "A": "the estimate falls, the slope stays, and a critic that is trained on finds no more than the run's own",
    "B": "divide the estimate by the slope: what W1 is at least does not change, while the critic becomes steeper",
    "C": "the estimate falls, and yet a critic that is trained on still finds as much as at the beginning",
    "D": "none of the three curves goes anywhere",
    "E": "divide the estimate by the slope: what is left falls, although the logged curve rises",
}


def _check_read_critic(answer: Any) -> str:
    given = choices(answer, "Run", _CRITICS, [*dict.fromkeys(_CRITICS.values()), "G became worse"])
    for run, diagnosis in _CRITICS.items():
        if given[run] != diagnosis:
            raise Wrong(f"Run {run} is not a case of `{given[run]}`: {_CRITIC_EVIDENCE[run]}.")
    return "A critic's loss measures a distance only as far as its slope is known and the critic is near its best."


@exercise(
    title="Reading a critic's loss",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    `ex.critic_curves()` holds five runs, A to E (drawn by formula, so that each is a clear case): the logged
    `estimate`, the critic's largest `slope`, and what it would have said `later`, trained on against the same $G$. Plot
    them. In which runs did the samples become better? Give each run one of: `G came closer`, `G became worse`, `the
    critic grew steeper`, `the critic fell behind`, `nothing changed`.
    """,
    hints=(
        "An estimate can fall for two reasons, and rise for two. Which curves tell them apart?",
        "A critic of slope K measures K times the distance at most: divide. And compare `estimate` with `later`.",
        "In two runs, A and one whose logged curve rises, estimate divided by slope falls.",
    ),
    check=_check_read_critic,
    value=True,
)
def read_critic():
    """A dict: run "A" to "E" -> diagnosis."""
    return {
        "A": "G came closer",
        "B": "the critic grew steeper",
        "C": "the critic fell behind",
        "D": "nothing changed",
        "E": "G came closer",
    }


def listings() -> dict[int, str]:
    """The eight pieces of code of the exercise `bug_hunt`: number -> code that runs."""
    return hunt.listings()


@exercise(
    title="The bug hunt",
    difficulty="hard",
    minutes=20,
    prompt=r"""
    `ex.listings()` holds eight pieces of code, 1 to 8, seven of them with a bug that raises no error; most were
    published. Read them (`print(ex.listings()[1])`), run them, and give each its diagnosis, a dict
    `{1: "...", 2: "...", ...}`, out of: `norm over channels`, `t per pixel`, `D never feels the penalty`, `BatchNorm
    in the critic`, `G's step on stale fakes`, `clipping with BatchNorm`, `an evaluation changes D`, `detached fakes`,
    `wrong sign`, `healthy`.
    """,
    hints=(
        "Write down the shape of everything. Then ask of each tensor: whose graph is it in, and when was it drawn?",
        "Where there are layers: what of them is no weight of a convolution, and what moves in a forward?",
        "1 and 2 have a wrong shape, of the norm and of t; in 4 an argument is missing that 1 and 2 have; 5 and 7 have "
        "a layer that 8 does without.",
    ),
    check=hunt.check_bug_hunt,
    value=True,
)
def bug_hunt():
    """A dict: listing 1 to 8 -> diagnosis."""
    return {
        1: "norm over channels",
        2: "t per pixel",
        3: "healthy",
        4: "D never feels the penalty",
        5: "BatchNorm in the critic",
        6: "G's step on stale fakes",
        7: "clipping with BatchNorm",
        8: "an evaluation changes D",
    }
