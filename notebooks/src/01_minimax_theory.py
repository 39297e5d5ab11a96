# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 The minimax theory
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/01_minimax_theory.ipynb)
#
# What a generative adversarial network is trained to do: proved where it can be proved, and run where it can only be seen.
#
# **What you will learn**
#
# - why one would give up the likelihood, and what a generator does to noise
# - the game of a generator $G$ and a discriminator $D$, and the best $D$ for any $G$
# - what $G$ minimises when $D$ is at its best, and why that is hard to descend
# - why practice uses another loss for $G$, and exactly what that changes
# - what alternating gradient steps do: spiral, orbit, diverge, converge
# - how mode collapse comes about, what theory promises, and what is often printed wrongly
#
# **Time.** The plan cell below prints the minutes that this notebook was measured to take. Nearly every cell is instant; the reading is what takes an hour.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.5 | 0.7 | 1.0 minutes |
# | 2 cores with bfloat16 units | 0.4 | 0.7 | 0.9 minutes |
#
# This notebook follows sections 1.1 to 1.8 of P1 and section 4 of G14 (both under References). Each statement in it is asserted by code: were one false, the notebook would stop there.

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (as long as the paper trained), or "auto"
seed = 0  # of everything random that is trained

# %%
import itertools
import math

import matplotlib.pyplot as plt
import sympy
import torch

from gancourse import plots, theory, widgets
from gancourse.course import profiles
from gancourse.exercises import lesson01 as ex
from gancourse.theory import Mixture, Normal, Uniform, games
from gancourse.theory.playground import Game, Settings
from gancourse.training import losses

plots.use_style()
torch.set_num_threads(1)  # the networks here are too small to be shared between cores
DATA, GENERATOR, DISCRIMINATOR, ACCENT = (
    plots.COLOURS[name] for name in ("data", "generator", "discriminator", "accent")
)

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("01_minimax_theory", profile)
print(plan)

# %% [markdown]
# ## 1.1 What does it mean to learn a distribution?
#
# You have some thousand images and want more of the same kind. What is "the same kind", in mathematics?
#
# Say that the images are independent draws from a density $p$ on $\mathbb{R}^n$, with one coordinate for each pixel. Nobody knows $p$. A *model* is a family of densities $p_\theta$, and learning is the choice of its parameters $\theta$. The classical choice makes the observed points $x_1, \dots, x_N$ as likely as possible:
#
# $$ \max_\theta \; \frac{1}{N} \sum_{i=1}^{N} \log p_\theta(x_i). \tag{1.1} $$
#
# For many points this average tends to $\mathbb{E}_p[\log p_\theta(x)]$, where $\mathbb{E}_p$ is the mean over $x$ drawn from $p$. It differs by a sign, and by a constant without $\theta$, from the Kullback-Leibler divergence
#
# $$ \mathrm{KL}(p \,\|\, p_\theta) = \int p(x) \log \frac{p(x)}{p_\theta(x)} \, dx \;\ge\; 0, \tag{1.2} $$
#
# so maximum likelihood finds the $\theta$ that minimises (1.2). It is 0 only for $p_\theta = p$. The order of the two densities matters: (1.2) is infinite when the model rules out a place where data occurs, so a likelihood model covers *everything*. The reverse, $\mathrm{KL}(p_\theta \,\|\, p)$, punishes the opposite fault: model samples where there is no data.
#
# Let us fit one normal density to data with two humps, in both senses. For (1.2) the answer is known: match mean and variance.

# %%
x = theory.grid(-9.0, 9.0, 1500)
humps = Mixture([0.6, 0.4], [Normal(-1.6, 0.6), Normal(2.0, 0.6)])
mean = theory.integrate(x * humps(x), x)
std = theory.integrate((x - mean) ** 2 * humps(x), x).sqrt()

m, s = (t.clone().requires_grad_(True) for t in (mean, std))
slopes = torch.autograd.grad(theory.kl(humps(x), Normal(m, s)(x), x), (m, s))
assert max(abs(slope) for slope in slopes) < 1e-9  # moment matching is a stationary point of (1.2)

candidates = [(i / 20, j / 20) for i in range(-50, 51, 2) for j in range(6, 50, 2)]
reverse = min(candidates, key=lambda c: theory.kl(Normal(*c)(x), humps(x), x))
print(f"smallest KL(p || model): mean {mean:.2f}, std {std:.2f}")
print(f"smallest KL(model || p): mean {reverse[0]:.2f}, std {reverse[1]:.2f}")

# %%
fig, ax = plt.subplots()
ax.fill_between(x, humps(x), color=DATA, alpha=0.3, lw=0)
ax.plot(x, humps(x), color=DATA)
ax.plot(x, Normal(mean, std)(x), color=GENERATOR)
ax.plot(x, Normal(*reverse)(x), color=GENERATOR, ls="--")
ax.annotate("data $p$", (2.55, 0.19), color=DATA)
ax.annotate("likelihood:\ncovers everything", (3.5, 0.07), color=GENERATOR)
ax.annotate("reversed KL:\nseeks one hump", (-1.2, 0.55), color=GENERATOR)
ax.set(xlabel="$x$", ylabel="density", xlim=(-5, 7), ylim=(0, 0.72))
plots.show(
    fig,
    "1.1",
    "One normal density fitted to two humps of data (grey). Solid: the maximum-likelihood fit puts much of its "
    "mass where there is no data. Dashed: the fit by the reversed divergence drops a hump. Keep both in mind.",
    "Two grey humps near -1.6 and 2. A low, wide solid curve spans both; a narrow dashed curve sits on the left hump.",
)

# %% [markdown]
# For (1.1) one must *evaluate* $p_\theta(x)$. A flexible way to make images is to draw a *latent* vector $z$ from a simple density $p_z$, a standard normal for instance, and to decode it. If the decoder gives a density $p_\theta(x \mid z)$, then
#
# $$ p_\theta(x) = \int p_z(z)\, p_\theta(x \mid z)\, dz, \tag{1.3} $$
#
# and this integral is *intractable*: how hard is it to estimate by drawing $z$? Take the friendliest case there is, a model that draws $x$ from a standard normal in $n$ dimensions, and ask how many draws it takes until one falls within half a unit of $x = 0$ in every coordinate.

# %%
hit = (Normal().cdf(torch.tensor(0.5)) - Normal().cdf(torch.tensor(-0.5))).item()  # in one coordinate
for n in (1, 2, 10, 100, 784):
    print(f"n = {n:3d}: one draw in 10^{-n * math.log10(hit):.1f} comes near")
assert -784 * math.log10(hit) > 300

# %% [markdown]
# For an image of 784 pixels, waiting for a hit is hopeless. And a generator that maps 100 latent numbers to 784 pixels, without added noise, does worse than that: its outputs lie on a set of at most 100 dimensions, which has volume zero in $\mathbb{R}^{784}$, so that it has *no density there at all*.
#
# An **implicit model** gives (1.1) up. It is a map $G$, with parameters $\theta$, that turns noise into samples,
#
# $$ z \sim p_z, \qquad x = G(z), \tag{1.4} $$
#
# and we may only sample from it. We write $p_g$ for the density of its samples. The algorithm never computes $p_g$; the theory below assumes that it exists, and section 1.6 returns to what happens when it does not.
#
# **Predict.** Let the two humps of figure 1.1 move apart. Where does the likelihood fit go, and what happens to its value of $\mathrm{KL}(p \,\|\, p_\theta)$? Change the `humps` and look.

# %% [markdown]
# ## 1.2 What does a generator do to noise?
#
# Noise is structureless. Where does the structure of the samples come from?
#
# From the slopes of $G$. In one dimension, with $G$ strictly monotone, the probability of a small interval $dz$ is carried to the interval $|G'(z)|\,dz$. It is spread thin where $G$ is steep and piled up where $G$ is flat:
#
# $$ p_g(x) = \frac{p_z(z)}{|G'(z)|} \quad\text{at } x = G(z). \tag{1.5} $$
#
# This is the *change of variables*. Here is a generator, $G(z) = z + 1.5 \tanh(2z)$, that makes two humps out of one.


# %%
def G(z):
    return z + 1.5 * torch.tanh(2 * z)


z = theory.grid(-5.0, 5.0, 4000)
x_g, p_g = theory.push_forward(Normal(), G, z)
total = torch.trapezoid(p_g, x_g).item()
inside = x_g.abs() < 1
by_formula = torch.trapezoid(p_g[inside], x_g[inside]).item()
samples = G(Normal().sample(200_000, torch.Generator().manual_seed(1)))
by_samples = (samples.abs() < 1).double().mean().item()
print(f"total mass by (1.5): {total:.3f}")
print(f"mass of -1 < x < 1:  {by_formula:.2f} by (1.5), {by_samples:.2f} by counting samples")
assert abs(total - 1) < 1e-4 and abs(by_formula - by_samples) < 0.005

# %%
fig, (top, middle, bottom) = plt.subplots(3, 1, figsize=(7.2, 5.2), sharex=True, height_ratios=[2, 1.6, 1.6])
top.hist(samples.numpy(), bins=120, range=(-5, 5), density=True, color=GENERATOR, alpha=0.25)
top.plot(x_g, p_g, color=GENERATOR)
top.set(ylim=(0, 0.31))
top.annotate("$p_g$: curve by (1.5), histogram of samples", (-4.9, 0.26), color=GENERATOR)
for point in torch.linspace(-2.4, 2.4, 33, dtype=torch.float64):
    middle.plot([point, G(point)], [0, 1], color=GENERATOR, lw=0.9, alpha=0.7)
middle.set(ylim=(0, 1), yticks=[], ylabel="$z \\to G(z)$")
middle.grid(False)
bottom.fill_between(z, Normal()(z), color=ACCENT, alpha=0.2, lw=0)
bottom.plot(z, Normal()(z), color=ACCENT)
bottom.annotate("noise $p_z$", (0.9, 0.3), color=ACCENT)
bottom.set(xlabel="$z$ below, $x = G(z)$ above", xlim=(-5, 5))
plots.show(
    fig,
    "1.2",
    "Noise enters at the bottom and leaves at the top. Where the lines fan out, $G$ is steep and its samples thin; "
    "where they crowd, the samples pile up.",
    "Bottom: a bell curve of noise. Middle: lines from each z up to G(z) spread apart in the centre and bunch on "
    "both sides. Top: the resulting density has two humps with a valley at 0, and a histogram of samples agrees.",
)

# %% [markdown]
# Can some $G$ make *any* data? In one dimension, yes. Let $\Phi$ be the cumulative distribution of the noise and $F$ that of the data. Then $G = F^{-1} \circ \Phi$ carries the one to the other. But look at (1.5) the other way round: a generator whose slope is nowhere above $L$ has
#
# $$ p_g(G(z)) \;\ge\; p_z(z) / L. \tag{1.6} $$
#
# It *must* leave samples between two humps. How steep would the perfect generator be?

# %%
half = torch.tensor([-0.005, 0.005], dtype=torch.float64)
for gap in (0.5, 1.0, 1.5, 2.0):
    target = Mixture([0.5, 0.5], [Normal(-gap, 0.4), Normal(gap, 0.4)])
    by_formula = (Normal()(torch.zeros(1)) / target(torch.zeros(1).double())).item()  # (1.5) at z = 0
    noise = torch.special.ndtri(target.cdf(half))  # the z that the perfect G sends to x = -0.005 and 0.005
    by_difference = (0.01 / (noise[1] - noise[0])).item()
    print(f"humps at -{gap} and +{gap}: the perfect G has slope {by_formula:.3g} at z = 0")
    assert abs(by_difference / by_formula - 1) < 0.01

# %% [markdown]
# A network of limited slope cannot do that, and so it leaves a bridge of samples between separate kinds of data. In images these are the digits that are half a 4 and half a 9. This is a limit of continuous generators fed with connected noise, not of training.
#
# **Predict.** What is $p_g$ near $x = 0$ for $G(z) = z^2$? Formula (1.5) needs a second term now (why?), and its slope vanishes somewhere. `theory.push_forward(Normal(), torch.square, z)` refuses to compute it: read what it says.

# %% [markdown]
# ## 1.3 What is the game?
#
# We can sample from the data and from $G$, and evaluate neither density. What can tell $G$ whether its samples are good?
#
# A second network. The *discriminator* $D(x) \in (0, 1)$ states its probability that $x$ is data and not generated. It is scored by the logarithm of the probability that it gave to the truth. With data and generated points in equal numbers, its total score is the **value**
#
# $$ V(D, G) = \mathbb{E}_{p}\big[\log D(x)\big] + \mathbb{E}_{p_z}\big[\log\big(1 - D(G(z))\big)\big], \tag{1.7} $$
#
# and the game is
#
# $$ \min_G \; \max_D \; V(D, G). \tag{1.8} $$
#
# Read it from the inside out: for each $G$, $D$ makes the value as large as it can; among all $G$, choose the one for which even the best $D$ scores least. Both logarithms are at most 0, so $V \le 0$, with 0 for a $D$ that is always right and certain. A $D$ that shrugs and says $1/2$ everywhere gets $V = 2\log\frac12 = -\log 4$, whatever $G$ does.
#
# Both expectations can be estimated from samples, which is all that we have in practice. Here we also know the densities, so let us compute $V$ both ways for some fixed $D$. (In code we write $q$ for the generator's density $p_g$. A network computes the *logit* $a = \log\frac{D}{1-D}$, any real number, and $D = \sigma(a) = 1/(1 + e^{-a})$.)

# %%
x = theory.grid(-9.0, 10.0, 8000)
p, q = Normal(-1.0, 0.8), Normal(1.5, 1.2)


def some_d(x):
    return torch.sigmoid(0.5 - 1.5 * x)


by_quadrature = theory.value(p(x), q(x), some_d(x), x).item()
rng = torch.Generator().manual_seed(3)
real, fake = p.sample(400_000, rng), q.sample(400_000, rng)
by_samples = (some_d(real).log().mean() + (1 - some_d(fake)).log().mean()).item()
shrug = theory.value(p(x), q(x), torch.full_like(x, 0.5), x).item()
print(f"V by quadrature {by_quadrature:.2f}, by samples {by_samples:.2f}; D = 1/2: {shrug:.4f}")
assert abs(by_quadrature - by_samples) < 0.01
assert abs(shrug + math.log(4)) < 1e-9

# %% [markdown]
# Programs minimise, so $D$'s loss in code is $L_D = -V$. The number to remember is $\log 4 \approx 1.386$: $D$'s loss when it knows nothing.
#
# **Predict.** How large is $V$ for a $D$ that is certain and right about everything except for one data point in a thousand, about which it is certain and wrong? What does that say about a $D$ that ends in exactly 0 or 1?

# %% [markdown]
# ## 1.4 What is the best a discriminator can do?
#
# Freeze the generator. Samples now come from a fixed density $p_g$, and the discriminator meets a point $x$ from the data with density $p(x)$, and from the generator with density $p_g(x)$. What should it answer there?
#
# At each $x$ on its own it chooses a number $d = D(x)$ to make
#
# $$ p(x)\,\log d + p_g(x)\,\log(1-d) \tag{1.9} $$
#
# as large as it can. The first term pulls $d$ towards 1, the second towards 0, each with the strength of its density. Set the derivative to zero, and the two pulls balance at
#
# $$ D^*_G(x) = \frac{p(x)}{p(x)+p_g(x)}. \tag{1.10} $$
#
# A computer algebra system can do this for us, and check that it is a maximum and the only one.

# %%
d, P, Q = sympy.symbols("d p q", positive=True)
integrand = P * sympy.log(d) + Q * sympy.log(1 - d)
(d_star,) = sympy.solve(sympy.diff(integrand, d), d)
curvature = sympy.factor(sympy.diff(integrand, d, 2).subs(d, d_star))
print("D* =", d_star)
print("second derivative there:", curvature)
assert sympy.simplify(d_star - P / (P + Q)) == 0
second = sympy.diff(integrand, d, 2)
assert sympy.simplify(second + P / d**2 + Q / (1 - d) ** 2) == 0  # negative for every d: strictly concave

# %%
fig, ax = plt.subplots()
ds = torch.sigmoid(torch.linspace(-12, 12, 800, dtype=torch.float64))
for weights, above in (((0.45, 0.05), 8), ((0.25, 0.25), -34), ((0.05, 0.45), 8)):
    curve = weights[0] * ds.log() + weights[1] * (1 - ds).log()
    best = weights[0] / sum(weights)
    ax.plot(ds, curve, color=DATA)
    top = weights[0] * math.log(best) + weights[1] * math.log(1 - best)
    ax.plot([best], [top], "o", color=DISCRIMINATOR)
    ax.annotate(f"p = {weights[0]}, q = {weights[1]}", (best, top), (0, above), ha="center", textcoords="offset points")
ax.set(
    xlabel="$d$, the answer at this $x$",
    ylabel="$p\\,\\log d + q\\,\\log(1 - d)$",
    ylim=(-1.2, 0.02),
    xlim=(-0.03, 1.03),
)
plots.show(
    fig,
    "1.3",
    "What $D$ gains at one point $x$, as a function of its answer $d$, for three pairs of densities. Each curve has one "
    "maximum (violet), at $p/(p+q)$.",
    "Three concave curves over d from 0 to 1. Their maxima lie at 0.9, 0.5 and 0.1.",
)

# %% [markdown]
# Nothing was assumed about $G$: (1.10) holds for a bad generator as well as for a perfect one. Only for the perfect one, $p_g = p$, is it $1/2$ everywhere. (Several texts, P1 among them, say that the optimal discriminator *is obtained when* $p_g = p$. There is one for every $G$.) Its logit has a plain meaning:
#
# $$ a^*(x) = \log\frac{D^*_G(x)}{1 - D^*_G(x)} = \log \frac{p(x)}{p_g(x)}, \tag{1.11} $$
#
# so training a discriminator is *estimating a ratio of densities from samples*.
#
# We do not have to believe the algebra. Train a small network on samples alone, never showing it a density, and compare. It takes a few seconds. If it goes wrong, the mean error stays near 0.3, which is that of an untrained network.

# %% tags=["nbval-ignore-output"]
steps = 100 * plan.epochs
D = games.train_discriminator(real=p, fake=q, steps=steps, seed=seed)
best = theory.optimal_discriminator(p(x), q(x))
weight = (p(x) + q(x)) / 2  # judge it where there are samples to learn from
error = theory.integrate((D.probability(x) - best).abs() * weight, x)
print(f"{steps} steps; mean error where the samples are: {error:.3f}")
assert error < 0.03
value_of_trained = theory.value(p(x), q(x), D.probability(x), x)  # for section 1.5

# %% tags=["nbval-ignore-output"]
fig, (above, ax) = plt.subplots(2, 1, figsize=(7.2, 5.0), sharex=True, height_ratios=[1, 1.7])
for density, colour, name, at in ((p, DATA, "data $p$", (-3.6, 0.35)), (q, GENERATOR, "$p_g$", (2.6, 0.27))):
    above.fill_between(x, density(x), color=colour, alpha=0.25, lw=0)
    above.plot(x, density(x), color=colour)
    above.annotate(name, at, color=colour)
above.set(ylabel="density")
ax.plot(x, D.probability(x), color=DISCRIMINATOR)
ax.plot(x, best, color="black", ls="--", lw=1.3)
ax.annotate("trained $D$", (-8.3, 0.91), color=DISCRIMINATOR)
ax.annotate("$D^*$ (dashed)", (0.6, 0.62))
ax.set(xlabel="$x$", ylabel="probability of data", xlim=(-8.5, 8), ylim=(-0.03, 1.05))
plots.show(
    fig,
    "1.4",
    "A network trained on samples (violet) lies on $D^*$ (dashed) wherever either density has mass. "
    "At the edges, where it has seen nothing, it may do as it likes.",
    "Top: the data's density on the left, the generator's on the right. Bottom: the trained D falls from 1 to 0 "
    "between them, on top of the dashed D*.",
)

# %% [markdown]
# On the far left, $D^*$ turns *down* again: the generator's density is the wider one, so far enough out a point is more likely generated. No sample ever lands there, and the network does not know.
#
# **Predict, then move the sliders.** Slide the generator's mean towards the data. What happens to the steepest part of $D^*$? Which width must the generator have so that $D^*$ becomes flat, and at which height? And for a uniform density of data: where can $D^*$ be exactly 1, and where exactly 0? (The curve on the right belongs to section 1.5.)

# %%
widgets.optimal_discriminator_explorer()

# %% [markdown]
# **Predict.** What does $D$ learn when it is shown twice as many real points as generated ones? That is the second of the next two exercises.

# %% [markdown]
# **Exercise: The best discriminator** (easy, 3 minutes). The generator is frozen. At a point where the data has density $p$ and the generator density $p_g$ (both
# positive), which value $d = D(x)$ maximises $p \log d + p_g \log(1 - d)$? Write it as a function of the
# two densities.


# %% tags=["exercise"]
def my_optimal_discriminator(p, p_g):
    """The d in (0, 1) that maximises p log d + p_g log(1 - d)."""
    ...  # your code


# %%
ex.optimal_discriminator.check(my_optimal_discriminator)

# %% [markdown]
# **Exercise: A discriminator that sees more real points** (easy, 3 minutes). In each batch D is shown twice as many real points as fake ones, and its loss is the mean over the whole
# batch. Which function of $p$ and $p_g$ does it learn now?


# %% tags=["exercise"]
def my_unbalanced_discriminator(p, p_g):
    """The best D at densities p and p_g when it sees two real points for each fake one."""
    ...  # your code


# %%
ex.unbalanced_discriminator.check(my_unbalanced_discriminator)

# %% [markdown]
# ## 1.5 What does the generator minimise, then?
#
# If $D$ always answers at its best, only $G$ is left to choose. What is it minimising?
#
# Put (1.10) into (1.7) and write $m = (p + p_g)/2$ for the mean of the two densities. Each logarithm gives up a factor 2:
#
# $$ C(G) = \max_D V(D, G) = \mathbb{E}_p\Big[\log \frac{p}{2m}\Big] + \mathbb{E}_{p_g}\Big[\log \frac{p_g}{2m}\Big] = -\log 4 + \mathrm{KL}(p\,\|\,m) + \mathrm{KL}(p_g\,\|\,m). \tag{1.12} $$
#
# The last two terms are twice the **Jensen-Shannon divergence**, by its definition, so
#
# $$ C(G) = -\log 4 + 2\,\mathrm{JSD}(p \,\|\, p_g). \tag{1.13} $$
#
# KL is never negative, and 0 only for equal densities. Hence $C(G) \ge -\log 4$, with equality if and only if $p_g = p$: this is theorem 1 of G14. First the algebra under the integral, then both sides of (1.13) as numbers for several pairs of densities.

# %%
M = (P + Q) / 2
left = P * sympy.log(P / (P + Q)) + Q * sympy.log(Q / (P + Q))
right = -(P + Q) * sympy.log(2) + P * sympy.log(P / M) + Q * sympy.log(Q / M)
assert sympy.simplify(sympy.expand_log(left - right)) == 0  # (1.12) under the integral; its first term gives -log 4

x = theory.grid(-16.0, 16.0, 16_000)
pairs = {
    "equal": (Normal(), Normal()),
    "near": (Normal(), Normal(0.5, 1.2)),
    "far": (Normal(-2.0, 0.8), Normal(2.0, 1.0)),
    "two humps, one normal": (humps, Normal(mean, std)),
    "half overlapping uniforms": (Uniform(0.0, 2.0), Uniform(1.0, 3.0)),
    "disjoint uniforms": (Uniform(0.0, 1.0), Uniform(4.0, 5.0)),
}
print(f"{'pair':26s} max V    -log 4 + 2 JSD   JSD")
for name, (a, b) in pairs.items():
    v = theory.value(a(x), b(x), theory.optimal_discriminator(a(x), b(x)), x)
    divergence = theory.jsd(a(x), b(x), x)
    print(f"{name:26s} {v:7.4f}  {2 * divergence - math.log(4):7.4f}        {divergence:8.4f}")
    assert abs(v - (2 * divergence - math.log(4))) < 1e-9
    assert -1e-12 < divergence < math.log(2) + 1e-12

# %% [markdown]
# For any $D$ that is not the best, $V(D, G)$ lies below $C(G)$. A trained $D$ therefore gives a *lower bound* on the divergence: $\mathrm{JSD} \ge \frac12 (V + \log 4)$. The one from section 1.4:

# %%
truth = theory.jsd(p(x), q(x), x)
print(f"JSD of data and generator: {truth:.4f} nats")

# %% tags=["nbval-ignore-output"]
vouched = (value_of_trained + math.log(4)) / 2
print(f"the trained D vouches for {vouched:.4f}")
assert vouched < truth

# %% [markdown]
# Now a picture that will explain much of what follows. Let the data be $N(2, 1)$ and the generator $G(z) = \theta + z$ with standard normal noise, so $p_g = N(\theta, 1)$. Fix some discriminator and move $\theta$: that is one curve. Do it for many discriminators: $C$ is the upper *envelope* of the curves. Each $D^*_{\theta_0}$ gives a curve that touches the envelope at its own $\theta_0$, and has the same slope there:
#
# $$ \frac{dC}{d\theta}(\theta_0) = \frac{\partial}{\partial\theta} V(D^*_{\theta_0}, \theta)\Big|_{\theta = \theta_0}. \tag{1.14} $$
#
# So one may treat $D$ as a constant when one takes $G$'s gradient (in code, that is why $G$'s step leaves $D$ alone). But only the slope agrees, and only at that point.

# %%
x = theory.grid(-16.0, 16.0, 2000)
data = Normal(2.0, 1.0)


def fixed_d(theta_0, theta):
    best = theory.optimal_discriminator(data(x), Normal(theta_0)(x))
    return theory.value(data(x), Normal(theta)(x), best, x).item()


for theta_0 in (-2.0, 0.0, 1.5):
    t = torch.tensor(theta_0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(theory.criterion(data(x), Normal(t)(x), x), t)
    frozen, _ = theory.generator_gradients(data, Normal, theta_0, x)
    print(f"theta {theta_0:4.1f}: slope of C {slope:.4f}, slope with D* frozen {frozen:.4f}")
    assert abs(slope - frozen) < 1e-8

# %%
thetas = torch.linspace(-3, 7, 81).tolist()
fig, ax = plt.subplots()
for theta_0 in (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0):
    ax.plot(thetas, [fixed_d(theta_0, t) for t in thetas], color=DISCRIMINATOR, lw=0.9, alpha=0.6)
    ax.plot([theta_0], [fixed_d(theta_0, theta_0)], "o", ms=4, color=DISCRIMINATOR)
envelope = [theory.criterion(data(x), Normal(t)(x), x).item() for t in thetas]
ax.plot(thetas, envelope, color=GENERATOR, lw=2.6)
ax.annotate("$C(G)$", (0.35, -0.72), color=GENERATOR, va="bottom")
ax.annotate("$V(D, G)$, each for one fixed $D$", (-2.9, -2.4), color=DISCRIMINATOR)
ax.set(xlabel="$\\theta$, the generator's position (data at 2)", ylabel="value", ylim=(-4, 0.15), xlim=(-3, 7))
plots.show(
    fig,
    "1.5",
    "$C(G)$ (orange) is the envelope of the value for every fixed discriminator (violet), each touching it at one point. "
    "$C$ is lowest at the data. A single violet curve is not: a $G$ that trusts one $D$ for too long runs past the data.",
    "An orange valley with its minimum -1.386 at theta = 2. Violet curves touch it from below at one point each and fall "
    "away without end on the far side of the data; the curve for theta = 2 is flat at -1.386.",
)

# %% [markdown]
# **Predict.** Start at $\theta = 0$ with the $D^*$ that belongs there, and let $G$ follow that one violet curve downhill. Does it stop at the data? What would have to happen, and how often, for it to stop?

# %% [markdown]
# **Exercise: The value at the best discriminator** (medium, 8 minutes). `p` and `p_g` are two distributions over $n$ outcomes (tensors of $n$ probabilities; some may be 0, with
# $0 \log 0 = 0$). Compute $C(G) = \max_D V(D, G)$, the value of the game when D is the best one.


# %% tags=["exercise"]
def my_value_at_optimum(p, p_g):
    """C(G) = max over D of V(D, G), in nats; p and p_g are tensors of n probabilities."""
    ...  # your code


# %%
ex.value_at_optimum.check(my_value_at_optimum)

# %% [markdown]
# ## 1.6 Can one walk down this divergence?
#
# $C(G)$ has its minimum where we want it. Does its slope lead there?
#
# Take densities that do not overlap. Then $m$ is $p/2$ wherever $p$ lives and $p_g/2$ wherever $p_g$ lives, every logarithm in the JSD is $\log 2$, and
#
# $$ \mathrm{JSD} = \log 2 \quad\text{for disjoint supports, however near or far apart they are.} \tag{1.15} $$
#
# A perfect discriminator exists, $C(G) = 0$, and moving $G$ a little changes nothing: *no slope*. Compare the Wasserstein-1 distance: the least average distance over which mass must be carried to turn one density into the other. On the line, with the cumulative distributions $F_p$ and $F_{p_g}$, it is
#
# $$ W_1(p, p_g) = \int |F_p(x) - F_{p_g}(x)| \, dx. \tag{1.16} $$
#
# For two uniform densities on $[0, 1]$ and $[\theta, \theta + 1]$ with $\theta \ge 0$ both are known: $\mathrm{JSD} = \min(\theta, 1) \log 2$ and $W_1 = \theta$.

# %%
x = theory.grid(-1.0, 8.0, 9000)
print("theta   JSD     W1")
for theta in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0):
    a, b = Uniform(0.0, 1.0)(x), Uniform(theta, theta + 1.0)(x)
    divergence, distance = theory.jsd(a, b, x).item(), theory.wasserstein_1d(a, b, x).item()
    print(f"{theta:5.2f}  {divergence:.4f}  {distance:.4f}")
    assert abs(divergence - min(theta, 1.0) * math.log(2)) < 1e-9
    assert abs(distance - theta) < 1e-9

# %% [markdown]
# Normal densities always overlap, yet the same happens to them in practice: the overlap falls so fast with the distance that no program can see the slope. And the distance is measured in standard deviations. In $n$ dimensions, two standard normals whose means differ by $\delta$ in *every* coordinate are $\delta\sqrt{n}$ apart along the line through the means; in all other directions they are equal, so this line decides the JSD, and $W_1 = \delta\sqrt n$ exactly. Let $\delta$ be a quarter of a standard deviation:

# %%
x = theory.grid(-12.0, 20.0, 16_000)
for n in (1, 10, 100, 784):
    gap = 0.25 * math.sqrt(n)
    t = torch.tensor(gap, dtype=torch.float64, requires_grad=True)
    divergence = theory.jsd(Normal()(x), Normal(t)(x), x)
    (slope,) = torch.autograd.grad(divergence, t)
    print(
        f"n = {n:3d}  distance {gap:4.2f}  JSD {divergence:.4f} of {math.log(2):.4f}  slope {slope:.4f}  slope of W1: 1"
    )
assert divergence > 0.998 * math.log(2) and slope < 0.003

# %%
x = theory.grid(-6.0, 12.0, 1800)
shifts = torch.linspace(-4, 6, 81).tolist()
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
for name, family, how in (
    ("uniform, width 1", lambda t: Uniform(t, t + 1.0), {"lw": 4, "alpha": 0.4}),
    ("normal, std 1", lambda t: Normal(t, 1.0), {"ls": "--"}),
):
    own, others = family(0.0)(x), [family(t)(x) for t in shifts]
    left.plot(shifts, [theory.jsd(own, other, x) for other in others], color=GENERATOR, label=name, **how)
    right.plot(shifts, [theory.wasserstein_1d(own, other, x) for other in others], color=ACCENT, label=name, **how)
left.axhline(math.log(2), color=DATA, lw=1)
left.annotate("$\\log 2$", (5.2, 0.712), color=DATA)
left.set(title="JSD", xlabel="shift of the generator", ylim=(-0.02, 0.8))
right.set(title="Wasserstein-1", xlabel="shift of the generator")
right.legend(loc="upper center")
plots.show(
    fig,
    "1.6",
    "Left: the JSD is flat as soon as the densities part (broad line: uniform; dashed: normal). Right: the Wasserstein-1 "
    "distance keeps its slope at every shift, the same for both.",
    "Left: a V-shaped valley at shift 0 that saturates at log 2 on both sides. Right: a V with straight arms that never flatten.",
)

# %% [markdown]
# Add what section 1.1 said, that an image generator's samples fill a set of volume zero. Such a set and the data hardly overlap, so a perfect discriminator exists nearly always (Arjovsky and Bottou 2017 make this precise). The better $D$ becomes, the less it tells $G$. This is the seed of the Wasserstein GAN, a later lesson.
#
# **Predict.** Give both uniform densities the width 4. At which shift does the JSD saturate now? What does that suggest about adding noise to real *and* generated images?

# %% [markdown]
# ## 1.7 Which loss should the generator use?
#
# At the start samples are poor, and $D$ rejects them with confidence. What does $G$ learn then?
#
# $G$ meets $D$ only through the logit $a$ of a generated point, $D(G(z)) = \sigma(a)$. The minimax game lets $G$ minimise $\log(1 - D(G(z)))$, the **saturating** loss. Since $\sigma'(a) = \sigma(a)(1 - \sigma(a))$,
#
# $$ \frac{d}{da} \log\big(1 - \sigma(a)\big) = -\sigma(a) = -D(G(z)). \tag{1.17} $$
#
# A sample that $D$ has seen through, $D(G(z)) \approx 0$, gives nearly nothing. G14 proposes to minimise $-\log D(G(z))$ instead, the **non-saturating** loss:
#
# $$ \frac{d}{da} \big(-\log \sigma(a)\big) = -\big(1 - \sigma(a)\big) = -\big(1 - D(G(z))\big), \tag{1.18} $$
#
# which is strongest exactly there. The ratio of the two is
#
# $$ \frac{1 - D(G(z))}{D(G(z))} = e^{-a} \;\to\; \infty \quad\text{as}\quad D(G(z)) \to 0. \tag{1.19} $$

# %%
a = torch.tensor([-9.0, -4.0, -1.0, 0.0, 1.0, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
(saturating,) = torch.autograd.grad(torch.log(1 - torch.sigmoid(a)).sum(), a)
(non_saturating,) = torch.autograd.grad(-torch.log(torch.sigmoid(a)).sum(), a)
assert torch.allclose(saturating, theory.saturating_gradient(a.detach()))
assert torch.allclose(non_saturating, theory.non_saturating_gradient(a.detach()))
assert torch.allclose(non_saturating / saturating, theory.gradient_ratio(a.detach()))
print("logit  D(G(z))  saturating  non-saturating    ratio")
for row in zip(a.tolist(), torch.sigmoid(a).tolist(), saturating.tolist(), non_saturating.tolist(), strict=True):
    print(f"{row[0]:5.0f}  {row[1]:7.4f}  {row[2]:10.4f}  {row[3]:14.4f}  {row[3] / row[2]:7.1f}")

# %% [markdown]
# At $D(G(z)) = 1/2$ both are $-1/2$. Below, the non-saturating loss is stronger; above, the saturating one is.
#
# Now let $D$ be at its best. In the location game of figure 1.5 the logit of $D^*$ is linear, with slope $\mu - \theta$, the gap between data and generator; $G$'s gradient is (1.17) or (1.18) times that gap, averaged over $z$. How does it depend on the gap?

# %%
x = theory.grid(-14.0, 26.0, 4000)
gaps = [0.25 * i for i in range(1, 41)]
received = [theory.generator_gradients(Normal(gap, 1.0), Normal, 0.0, x) for gap in gaps]
print(" gap  saturating  non-saturating")
for gap in (1.0, 2.0, 4.0, 6.0, 8.0, 10.0):
    s, n = received[gaps.index(gap)]
    d_mean = theory.integrate(Normal()(x) * torch.sigmoid(gap * x - gap**2 / 2), x).item()  # E[D*(G(z))]
    assert abs(s + gap * d_mean) < 1e-9 and abs(n + gap * (1 - d_mean)) < 1e-9
    print(f"{gap:4.0f}  {s:10.1e}  {n:14.4f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
ds = torch.linspace(0.001, 0.999, 300)
left.plot(ds, ds, color=GENERATOR, ls="--")
left.plot(ds, 1 - ds, color=GENERATOR)
left.annotate("saturating", (0.82, 0.86), ha="right", color=GENERATOR)
left.annotate("non-saturating", (0.17, 0.86), color=GENERATOR)
left.axvspan(0, 0.1, color=plots.COLOURS["muted"], alpha=0.4, lw=0)
left.annotate("early\ntraining", (0.012, 0.4), fontsize=8.5)
left.set(xlabel="$D(G(z))$", title="size of the gradient on the logit", ylim=(0, 1.02), xlim=(0, 1))
right.semilogy(gaps, [abs(s) for s, _ in received], color=GENERATOR, ls="--")
right.semilogy(gaps, [abs(n) for _, n in received], color=GENERATOR)
right.annotate("saturating", (5.2, 1e-4), color=GENERATOR)
right.annotate("non-saturating", (2.6, 16), color=GENERATOR)
right.set(xlabel="gap between data and generator", title="size of $G$'s gradient, $D$ optimal", ylim=(1e-6, 60))
plots.show(
    fig,
    "1.7",
    "Left: what a sample passes back to $G$, against $D$'s verdict on it. Right: $G$'s gradient through the optimal $D$. "
    "With the saturating loss (dashed) it dies with the distance; with the other (solid) it grows.",
    "Left: two straight lines that cross at one half; the non-saturating one is largest at D(G(z)) = 0. Right, on a "
    "logarithmic scale: the saturating gradient falls from about 0.3 to 0.00001 as the gap grows to 10, the other rises to 10.",
)

# %% [markdown]
# Three things that are often printed or coded otherwise, each in one line. The saturating gradient vanishes at $D(G(z)) \approx 0$, *not* at 1. "Maximise $D(G(z))$" is not "maximise $\log D(G(z))$": without the logarithm the gradient is $\sigma'(a)$, which vanishes at both ends. And `log(D + 1e-8)`, meant to protect against $\log 0$, takes the gradient away exactly where the loss was chosen for it; computed from the logit, nothing needs protection.

# %%
a = torch.tensor(-25.0, requires_grad=True)  # D is very sure that this sample is generated
variants = {
    "saturating, log(1 - D)": -torch.nn.functional.softplus(a),
    "maximise D": -torch.sigmoid(a),
    "-log(D + 1e-8)": -torch.log(torch.sigmoid(a) + 1e-8),
    "-log D, from the logit": torch.nn.functional.softplus(-a),
}
sizes = {name: torch.autograd.grad(loss, a)[0].abs().item() for name, loss in variants.items()}
for name, size in sizes.items():
    print(f"{name:24s} gradient on the logit {size:.0e}")
assert [size > 0.99 for size in sizes.values()] == [False, False, False, True]

# %% [markdown]
# **Predict.** A network's last layer can push $a$ to $-120$ for a bad sample. What is `torch.log(torch.sigmoid(a))` in float32 then, and its gradient? Try it, then try `-softplus(-a)`.

# %% [markdown]
# **Exercise: Where does the loss saturate?** (easy, 2 minutes). A published book says that the generator's gradient vanishes when $D(G(z)) \approx 1$. For the minimax
# loss $\log(1 - D(G(z)))$, where does the gradient with respect to D's logit really vanish?
#
# - A: where $D(G(z)) \approx 1$, D takes the fakes for real
# - B: where $D(G(z)) \approx 0$, D recognises the fakes
# - C: where $D(G(z)) = 1/2$, D cannot tell
# - D: nowhere

# %% tags=["exercise"]
# One of "A", "B", "C", "D".
my_where_it_saturates = ...


# %%
ex.where_it_saturates.check(my_where_it_saturates)

# %% [markdown]
# **Exercise: The gradient of the saturating loss** (medium, 5 minutes). G's loss in the minimax game is $\log(1 - D)$ with $D = \sigma(\ell)$, where $\ell$ is D's logit on a
# fake. What is its derivative with respect to $\ell$? Write it in closed form (a function of the logit,
# no autograd).


# %% tags=["exercise"]
def my_saturating_gradient(logit):
    """The derivative of log(1 - sigmoid(logit)) with respect to the logit."""
    ...  # your code


# %%
ex.saturating_gradient.check(my_saturating_gradient)

# %% [markdown]
# **Exercise: The gradient of the non-saturating loss** (medium, 5 minutes). Now G's loss is $-\log D$ with $D = \sigma(\ell)$. What is its derivative with respect to $\ell$, in
# closed form? Compare both gradients at $\ell = -6$.


# %% tags=["exercise"]
def my_non_saturating_gradient(logit):
    """The derivative of -log(sigmoid(logit)) with respect to the logit."""
    ...  # your code


# %%
ex.non_saturating_gradient.check(my_non_saturating_gradient)

# %% [markdown]
# ## 1.8 Is it still the same game?
#
# No. Then what is it, and what survives of section 1.5?
#
# With the non-saturating loss the players minimise
#
# $$ L_D = -V(D, G), \qquad L_G = -\mathbb{E}_{p_z}\big[\log D(G(z))\big], \tag{1.20} $$
#
# each over its own parameters. P1 calls this a "min-min" game and a heuristic. *Heuristic* is right: theorem 1 was about (1.8). *Min-min* needs care. Both players minimise, but not the same function: there is no single $F$ that both descend, and their interests still conflict. The smallest example shows it: all data at 0, all generated points at $\theta$, and $D(x) = \sigma(wx)$. If one $F(w, \theta)$ had the two gradients $\partial F/\partial w = \partial L_D/\partial w$ and $\partial F/\partial\theta = \partial L_G / \partial\theta$, its mixed second derivatives would agree.

# %%
w, th = sympy.symbols("w theta", real=True)


def softplus(s):
    return sympy.log(1 + sympy.exp(s))


L_D = sympy.log(2) + softplus(w * th)  # -log D(0) - log(1 - D(theta))
L_G = {"saturating": -softplus(w * th), "non-saturating": softplus(-w * th)}
origin = {w: 0, th: 0}
for name, loss in L_G.items():
    mixed = [sympy.diff(f, w, th).subs(origin) for f in (L_D, loss)]
    total = [float((L_D + loss).subs({w: 1, th: t})) for t in (0, 3)]
    print(f"{name:14s} mixed derivatives {mixed[0]} and {mixed[1]}; L_D + L_G = {total[0]:.3f} or {total[1]:.3f}")
    assert mixed == [sympy.Rational(1, 2), -sympy.Rational(1, 2)]  # opposed, not equal: no common F
assert sympy.simplify(L_D + L_G["saturating"] - sympy.log(2)) == 0

# %% [markdown]
# Said exactly:
#
# 1. The saturating game is zero-sum in what $G$ can influence: the sum of the losses does not depend on $G$ here (it is $\log 2$). The non-saturating game is not.
# 2. In both, at the equilibrium the mixed derivatives are *opposed*. The two players still pull against each other, and there they pull in the same way in both games.
# 3. **Same fixed point.** If $p_g = p$ is within reach, both games rest there: $D = 1/2$ everywhere, so both gradients on the logit are $-1/2$, and as $D$ is flat, none of it reaches $G$'s parameters.
# 4. **Different dynamics.** Away from it the gradients differ, by the factor (1.19).
#
# What does the non-saturating $G$ descend when $D$ is optimal? With $D^*$ frozen at the current $\theta$,
#
# $$ \nabla_\theta\, \mathbb{E}_{p_g}\big[-\log D^*\big] = \nabla_\theta \Big( \mathrm{KL}(p_g \,\|\, p) - 2\,\mathrm{JSD}(p_g \,\|\, p) \Big) \tag{1.21} $$
#
# (Arjovsky and Bottou 2017): the *reversed* divergence of section 1.1, which forgives missing humps, *minus* the quantity that theorem 1 is about. We assert (1.21), and then ask the question that "same fixed point" leaves open: what if $G$ cannot reach the data? Let one normal of standard deviation 2 chase two unequal humps.

# %%
x = theory.grid(-16.0, 16.0, 2000)
uneven = Mixture([0.7, 0.3], [Normal(-2.0, 0.6), Normal(2.0, 0.6)])


def wide(theta):
    return Normal(theta, 2.0)


for theta in (-1.5, 0.0, 1.0):
    t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    jsd, kl = theory.jsd(uneven(x), wide(t)(x), x), theory.kl(wide(t)(x), uneven(x), x)
    s, n = theory.generator_gradients(uneven, wide, theta, x)
    (of_jsd,) = torch.autograd.grad(2 * jsd, t, retain_graph=True)
    (of_difference,) = torch.autograd.grad(kl - 2 * jsd, t)
    print(f"theta {theta:4.1f}: saturating {s:7.4f} = {of_jsd:7.4f}; non-saturating {n:7.4f} = {of_difference:7.4f}")
    assert abs(s - of_jsd) < 1e-8 and abs(n - of_difference) < 1e-6


# %%
def rest(which, low=-3.0, high=1.0):
    """The theta in [low, high] at which a gradient vanishes, by bisection; 0: saturating, 1: non-saturating."""
    for _ in range(40):
        middle = (low + high) / 2
        negative = theory.generator_gradients(uneven, wide, middle, x)[which] < 0
        low, high = (middle, high) if negative else (low, middle)
    return (low + high) / 2


rests = rest(0), rest(1)
print(f"saturating rests at {rests[0]:.3f}, non-saturating at {rests[1]:.3f}")
assert rests[1] - rests[0] > 0.3  # the fixed points are the same only where G can reach the data
far = {}
for loss in ("saturating", "non_saturating"):
    far[loss] = games.LocationGame(2.0).play(300, k=5, lr_d=0.2, lr_g=0.2, loss=loss, start=(0.0, 0.0, -3.5))[:, 2]
    slow = int(((far[loss] - 2).abs() > 0.1).nonzero().max()) + 1
    print(f"{loss:14s} from -3.5 to within 0.1 of the data at 2: {slow} generator steps")
    assert slow < 300  # both arrive

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
thetas = torch.linspace(-2, 1, 41).tolist()
both = [theory.generator_gradients(uneven, wide, t, x) for t in thetas]
for which, style in ((0, "--"), (1, "-")):
    left.plot(thetas, [pair[which] for pair in both], color=GENERATOR, ls=style)
    left.plot([rests[which]], [0], "o", color=GENERATOR)
left.axhline(0, color=DATA, lw=1)
left.annotate("saturating", (-1.9, 0.06), color=GENERATOR)
left.annotate("non-saturating", (-1.15, -0.85), color=GENERATOR)
left.set(xlabel="$\\theta$", title="$G$'s gradient, data out of reach", ylim=(-1.4, 0.7))
for loss, style in (("saturating", "--"), ("non_saturating", "-")):
    right.plot(far[loss], color=GENERATOR, ls=style)
right.axhline(2, color=DATA, lw=1)
right.annotate("data", (262, 2.08), color=DATA)
right.set(xlabel="generator step", ylabel="$\\theta$", title="Algorithm 1 with $k = 5$ from afar", xlim=(0, 300))
right.annotate("saturating", (40, -2.2), color=GENERATOR)
right.annotate("non-saturating", (24, 0.1), color=GENERATOR)
plots.show(
    fig,
    "1.8",
    "Left: where $G$ cannot match the data, the two losses come to rest (dots) at different places. Right: where it can, "
    "both arrive, but from afar the saturating loss (dashed) hardly moves for a long time.",
    "Left: two gradient curves that cross zero at different theta. Right: theta against generator steps from -3.5; "
    "the non-saturating curve reaches the data at 2 soon, the saturating one much later.",
)

# %% [markdown]
# **Predict.** Make the normal narrow, `Normal(theta, 1.0)`. The saturating loss then has more than one resting place. Which of them lies on which hump, and what would a generator that rests there have forgotten?

# %% [markdown]
# ## 1.9 What does Algorithm 1 do, step by step?
#
# Nobody can maximise over $D$ fully before each step of $G$. What if $D$ gets only $k$ steps?
#
# That is Algorithm 1 of G14, here without its minibatches:
#
# > repeat:
# > &nbsp;&nbsp; $k$ times: draw noise $z$ and data $x$; move $D$'s parameters *up* the gradient of $V$;
# > &nbsp;&nbsp; once: draw fresh noise $z$; move $G$'s parameters *down* the gradient of its loss.
#
# G14 used $k = 1$, "the least expensive option". (Its algorithm prints the noise prior as $p_g(z)$, and P1 copies that; it is the $p_z(z)$ of the text. $p_g$ is the density of the *samples*.)
#
# The location game is small enough to follow by hand: data $N(\mu, 1)$ with $\mu = 2$, $G(z) = \theta + z$, and $D(x) = \sigma(wx + b)$. Its $D^*$ has $w = \mu - \theta$. Start with $w = b = 0$ and $\theta = -1$, and use exact expectations and step sizes of 0.2:
#
# - $D = 1/2$ everywhere, so $\partial V/\partial w = \frac12(\mu - \theta) = 1.5$ and $\partial V/\partial b = \frac12 - \frac12 = 0$.
# - $D$'s step: $w = 0.2 \cdot 1.5 = 0.3$ and $b = 0$.
# - $G$'s gradient, from (1.17): $\partial V/\partial\theta = -w\,\mathbb{E}[\sigma(w(\theta + z))]$, which is near $-0.3\,\sigma(-0.3) \approx -0.128$. So $\theta$ moves up by about 0.026.

# %%
game = games.LocationGame(mu=2.0)
up_w, up_b = game.discriminator_ascent(0.0, 0.0, -1.0)
assert abs(up_w - 1.5) < 1e-9 and abs(up_b) < 1e-9
by_hand = -1.0 + 0.2 * 0.3 / (1 + math.exp(0.3))  # sigma(-0.3) for the mean of sigma over z
path = game.play(steps=3, k=1, lr_d=0.2, lr_g=0.2)
print("step     w        b      theta")
for step, (w_now, b_now, theta_now) in enumerate(path.tolist()):
    print(f"{step:4d}  {w_now:7.4f}  {b_now:7.4f}  {theta_now:7.4f}")
assert abs(path[1, 0] - 0.3) < 1e-9 and abs(path[1, 2] - by_hand) < 1e-3

# %% [markdown]
# Now 250 generator steps, with $k = 1$, 5 and 20, and beside them the ideal: a $G$ that descends $C$ itself, against the exact $D^*$.

# %%
paths = {k: game.play(steps=250, k=k, lr_d=0.2, lr_g=0.2) for k in (1, 5, 20)}
ideal = [-1.0]
for _ in range(250):
    w_best, b_best = game.best_discriminator(ideal[-1])
    ideal.append(ideal[-1] - 0.2 * game.generator_gradient(w_best, b_best, ideal[-1]))
print("  k   first within 0.1   overshoots by   mean |w - w*|   steps of D in all")
for k, path in paths.items():
    overshoot = (path[:, 2].max() - 2).clamp(min=0).item()
    first = int((path[:, 2] > 1.9).nonzero()[0])
    lag = (path[:, 0] - (2 - path[:, 2])).abs()[1:].mean().item()
    print(f"{k:3d}   {first:16d}   {overshoot:13.3f}   {lag:13.3f}   {250 * k:10d}")
    assert (path[-1] - torch.tensor([0.0, 0.0, 2.0])).abs().max() < 0.1  # all end at theta = 2, D = 1/2
away = [max(abs(a - b) for a, b in zip(path[:, 2].tolist(), ideal, strict=True)) for path in paths.values()]
assert away[0] > away[1] > away[2]  # the larger k is, the closer to descending C

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.8))
styles = {1: (":", 1.6), 5: ("--", 1.6), 20: ("-", 1.8)}
left.plot([-1.2, 3.2], [3.2, -1.2], color=DISCRIMINATOR, lw=1)
left.annotate("$D^*$: $w = 2 - \\theta$", (-0.2, 2.35), color=DISCRIMINATOR)
for k, path in paths.items():
    left.plot(path[:, 2], path[:, 0], color=GENERATOR, ls=styles[k][0], lw=styles[k][1])
    right.plot(path[:, 2], color=GENERATOR, ls=styles[k][0], lw=styles[k][1], label=f"$k = {k}$")
left.plot([2], [0], "o", color="black")
left.annotate("equilibrium", (1.95, -0.1), (0.1, -0.75), arrowprops={"arrowstyle": "-", "lw": 0.8})
left.set(xlabel="$\\theta$, the generator", ylabel="$w$, the discriminator")
right.plot(ideal, color="black", lw=1, label="exact $D^*$")
right.axhline(2, color=DATA, lw=1)
right.set(xlabel="generator step", ylabel="$\\theta$")
right.legend(loc="lower right")
plots.show(
    fig,
    "1.9",
    "The location game from $\\theta = -1$. With $k = 20$ (solid) $D$ stays on its best line (violet) and $G$ walks down $C$; "
    "with $k = 1$ (dotted) $D$ lags behind, $G$ runs past the data at 2, and both spiral in.",
    "Left: paths in the plane of theta and w; the one for k = 20 joins the D* line and follows it to the equilibrium, that "
    "for k = 1 winds around it. Right: theta against steps; k = 1 overshoots and oscillates, k = 20 follows the ideal.",
)

# %% [markdown]
# A surprise: the three first come near the data after about the same number of generator steps, although $k = 20$ pays for 20 times as many steps of $D$. It is only then that they differ. A larger $k$ buys fidelity to the theory (no running past the data, no spiral), not speed on the way.
#
# **Predict.** What happens to the spiral when $D$ learns ten times as fast, `lr_d=2.0`, with $k = 1$? Is that the same as $k = 10$?

# %% [markdown]
# ## 1.10 Do such games always settle?
#
# The spiral of figure 1.9 went inwards. Was that luck?
#
# It was the shape of $D$'s objective: $V$ is *curved* in $w$, and the curvature damps. Take it away and keep only the conflict. The **bilinear game** is
#
# $$ \min_\theta \max_\varphi \; V(\theta, \varphi) = \theta\,\varphi, \tag{1.22} $$
#
# with its equilibrium at $(0, 0)$, step size $\eta$, and three ways to play:
#
# - **simultaneous** steps: both move from the old point, $\theta' = \theta - \eta\varphi$, $\;\varphi' = \varphi + \eta\theta$;
# - **alternating** steps: $\varphi$ answers the new $\theta'$, so $\varphi' = \varphi + \eta\theta'$;
# - **extragradient** (Korpelevich 1976): both look ahead by one simultaneous step, and then step from the *old* point with the gradients of the point ahead.
#
# Each step multiplies $(\theta, \varphi)$ by a matrix, and what the matrix does to lengths decides everything.

# %%
eta, theta_s, phi_s = sympy.symbols("eta theta varphi", real=True)
state = sympy.Matrix([theta_s, phi_s])
simultaneous = sympy.Matrix([[1, -eta], [eta, 1]])
alternating = sympy.Matrix([[1, -eta], [eta, 1 - eta**2]])
extragradient = sympy.eye(2) + sympy.Matrix([[0, -eta], [eta, 0]]) * simultaneous


def growth(matrix):  # squared length after a step, over squared length before
    return sympy.factor(sympy.simplify((matrix * state).dot(matrix * state) / state.dot(state)))


new_theta, new_phi = alternating * state
ellipse = theta_s**2 + phi_s**2 - eta * theta_s * phi_s
kept = ellipse.subs({theta_s: new_theta, phi_s: new_phi}, simultaneous=True)
assert sympy.simplify(growth(simultaneous) - (1 + eta**2)) == 0
assert sympy.simplify(growth(extragradient) - (1 - eta**2 + eta**4)) == 0
assert sympy.expand(kept - ellipse) == 0 and sympy.simplify(alternating.det()) == 1
print("simultaneous: length^2 times", growth(simultaneous))
print("extragradient: length^2 times", growth(extragradient))
print("alternating keeps", ellipse)

# %% [markdown]
# So simultaneous steps *always* diverge, by the factor $\sqrt{1 + \eta^2}$ a step: a smaller $\eta$ only diverges more slowly. Alternating steps stay on the ellipse $\theta^2 + \varphi^2 - \eta\theta\varphi = \text{const}$ (for $\eta < 2$) and go round it for ever. Extragradient contracts by $\sqrt{1 - \eta^2 + \eta^4} < 1$ for $0 < \eta < 1$. Now the same with numbers.

# %%
step_size, n = 0.1, 400
orbits = {how: games.bilinear(how, step_size, n) for how in ("simultaneous", "alternating", "extragradient")}
for how, orbit in orbits.items():
    radius = orbit.norm(dim=1)
    average = orbit.mean(0).norm().item()
    print(f"{how:14s} distance from the equilibrium: start 1, end {radius[-1]:.3f}; of the average {average:.3f}")

radius = orbits["simultaneous"].norm(dim=1)
assert torch.allclose(radius[1:] / radius[:-1], torch.tensor(math.sqrt(1 + step_size**2)).double())
radius = orbits["extragradient"].norm(dim=1)
assert torch.allclose(radius[1:] / radius[:-1], torch.tensor(math.sqrt(1 - step_size**2 + step_size**4)).double())
for length in (100, 1000, 10_000):  # the running average of the orbit shrinks like 1 / length
    average = games.bilinear("alternating", step_size, length).mean(0).norm().item()
    print(f"alternating: average of {length:5d} steps at distance {average:.4f}")
    assert average < 2.2 / (step_size * length)

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2))
for ax, (how, orbit) in zip(axes, orbits.items(), strict=True):
    ax.plot(orbit[:, 0], orbit[:, 1], color=DISCRIMINATOR, lw=1)
    running = orbit.cumsum(0) / torch.arange(1, len(orbit) + 1)[:, None]
    ax.plot(running[:, 0], running[:, 1], color=ACCENT, lw=1.3)
    ax.plot(*orbit[0], "o", color=DISCRIMINATOR, ms=4)
    ax.plot([0], [0], "k+", ms=9)
    reach = 1.1 * max(1.0, orbit.abs().max().item())
    ax.set(title=how, xlabel="$\\theta$", xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
axes[0].set_ylabel("$\\varphi$")
axes[1].annotate("running average", (-0.5, -0.5), color=ACCENT, fontsize=8.5)
plots.show(
    fig,
    "1.10",
    "The bilinear game from the dot at (1, 0). Simultaneous steps spiral out (note the scale); alternating steps orbit, "
    "while their running average (blue) closes in on the equilibrium (cross); extragradient spirals in.",
    "Three panels: an outward spiral to a radius of about seven, a closed ring whose running average winds to the centre, "
    "and an inward spiral.",
)

# %% [markdown]
# Here is the reason for two habits of practice. Steps alternate: $G$ answers the $D$ that has just moved. And *averages* of a generator's weights over training are often better than the last weights. A warning too: that losses hover around a constant says nothing about having arrived. On the orbit they do so for ever.
#
# **Predict.** Add damping, $V = \theta\varphi - \frac{c}{2}\varphi^2$ with a small $c > 0$. Which of the three outcomes changes? In figure 1.9, what played the role of $c$?

# %% [markdown]
# **Exercise: One step of the bilinear game** (medium, 5 minutes). In the smallest game that GAN training resembles, $V(x, y) = xy$: $x$ descends, $y$ ascends. Take one
# **simultaneous** gradient step with learning rate `lr` from $(x, y)$ and return the new pair.


# %% tags=["exercise"]
def my_simultaneous_step(x, y, lr):
    """One simultaneous gradient step of min over x, max over y of x * y; returns the new (x, y)."""
    ...  # your code


# %%
ex.simultaneous_step.check(my_simultaneous_step)

# %% [markdown]
# **Exercise: The extragradient step** (hard, 10 minutes). In the same game $V(x, y) = xy$: take a simultaneous step to a look-ahead point, compute the gradients
# **there**, and apply them **at the old point**, with the same learning rate `lr` both times. Return the
# new pair.


# %% tags=["exercise"]
def my_extragradient_step(x, y, lr):
    """One extragradient step of min over x, max over y of x * y; returns the new (x, y)."""
    ...  # your code


# %%
ex.extragradient_step.check(my_extragradient_step)

# %% [markdown]
# ## 1.11 Why does a generator forget half of the world?
#
# Trained GANs often make only some kinds of the data: **mode collapse**. Is it what the theory asks for?
#
# It is not. Let the data have 8 equal, well-separated modes (kinds), and let $G$ spread its samples evenly over $c$ of them. The divergences then have closed forms:

# %%
print(" c    C(G)     JSD    KL(p || p_g)  KL(p_g || p)")
last = math.inf
for c in range(1, 9):
    divergence = theory.jsd_of_missing_modes(8, c)
    forward = 0.0 if c == 8 else math.inf
    print(f"{c:2d}  {-math.log(4) + 2 * divergence:7.4f}  {divergence:.4f}  {forward:9.1f}     {math.log(8 / c):9.4f}")
    assert divergence < last  # each mode found lowers C
    last = divergence
assert abs(last) < 1e-12

# %% [markdown]
# Every missing mode costs something in $C$, and $C$ is lowest when none is missing. So the fault is not in the *goal* of the minimax game. But note who forbids a missing mode: only $\mathrm{KL}(p\,\|\,p_g)$, the likelihood's, and infinitely so. The JSD merely dislikes it, and (1.21) starts from $\mathrm{KL}(p_g\,\|\,p)$, which is smaller still than that.
#
# The main cause lies in the *order* of min and max. In $\min_G \max_D$, $D$ may answer every $G$. Gradient steps do not know which player was meant to move last. Swap them: for a *fixed* $D$, the best $G$ sends every $z$ to the one point where $D$ is largest,
#
# $$ \min_G V(D, G) = \mathbb{E}_p[\log D(x)] + \log\big(1 - \max_x D(x)\big), \tag{1.23} $$
#
# a total collapse. (This is one violet curve of figure 1.5, followed to its end.) How near a training run comes to it depends on how fast $D$ answers.
#
# We try it on a ring of 8 Gaussians (Metz et al. 2017), with a small GAN. A mode counts as covered if at least 1 % of the samples lie within three standard deviations of its centre. Two runs differ in *one* number, the learning rate of $D$: in the first it equals $G$'s, in the second it is a tenth of that. Expect 8 modes, or nearly, in the first when it has trained for long (not in the smoke profile), and at most 3 at a time in the second.

# %% tags=["nbval-ignore-output"]
centres, spread = games.ring_centres(), 0.1
steps = 100 * plan.epochs
watch = [steps * i // 10 for i in range(1, 11)]
runs, ring_samples = {}, {}
for name, lr_d in (("D as fast as G", 1e-3), ("D ten times slower", 1e-4)):
    runs[name] = games.RingGAN(seed=seed, lr_d=lr_d, lr_g=1e-3, std=spread)
    ring_samples[name] = runs[name].train(steps, watch)
    counts = [games.count_modes(points, centres, spread) for points in ring_samples[name].values()]
    print(f"{name:18s} modes over time {[c.covered for c in counts]}, samples near a mode {counts[-1].good:.0%}")
    if name == "D ten times slower":
        assert max(c.covered for c in counts) <= 3
    elif plan.profile != "smoke":
        assert counts[-1].covered >= 6

# %% [markdown]
# Now (1.23) itself: take the *good* run, freeze its $D$, and let $G$ go on alone. Two questions. Is one single point really the best answer to this $D$? And do gradient steps find it?

# %% tags=["nbval-ignore-output"]
frozen = runs["D as fast as G"]
z_fixed = torch.randn(1000, 2, generator=torch.Generator().manual_seed(99))
before = frozen.sample(z_fixed)
for _ in range(400):
    frozen.step_g()  # D does not move any more
alone = frozen.sample(z_fixed)
plane = torch.cartesian_prod(torch.linspace(-4, 4, 161), torch.linspace(-4, 4, 161))
places = torch.cat([plane, before, alone])  # a poor D may be largest far outside
with torch.no_grad():
    best = places[frozen.D(places).flatten().argmax()].expand(1000, 2)
    costs = [losses.saturating_loss(frozen.D(points).flatten()).item() for points in (before, alone, best)]
for name, points, cost in zip(
    ("G as it was", "G after 400 steps alone", "all z at the best point"), (before, alone, best), costs, strict=True
):
    count = games.count_modes(points, centres, spread)
    print(f"{name:24s} E[log(1 - D)] {cost:6.2f}   modes {count.covered}   near a mode {count.good:.0%}")
assert costs[2] <= min(costs[:2])

# %% [markdown]
# The first answer is yes: with everything at one point, $G$ pays less than either of its own versions. That is (1.23), and it is a total collapse. The second is no, or not in 400 steps: each sample climbs the hill of $D$ that it stands on, and a $D$ that has kept up with its $G$ is a landscape of low hills, one at every mode. We had expected a collapse here, and the run says otherwise. Samples travel together when they all stand on *one* slope, that is, when they lie close together already: at the start of training, and again whenever a collapsed $G$ is driven off its spot. To see it, give a new $D$ 300 steps against an untrained $G$, whose samples all lie near 0, and then let $G$ go alone.

# %% tags=["nbval-ignore-output"]
fresh = games.RingGAN(seed=seed, std=spread)
for _ in range(300):
    fresh.step_d()
for when in ("untrained G", "200 steps of G alone"):
    flock = fresh.sample(z_fixed)
    verdict = fresh.D.probability(flock).mean()
    print(f"{when:21s} D(G(z)) {verdict:.3f}   modes {games.count_modes(flock, centres, spread).covered}")
    for _ in range(200):
        fresh.step_g()
assert verdict > 0.9 and games.count_modes(flock, centres, spread).covered <= 2

# %% [markdown]
# Every sample fools this $D$, and the flock has gone one way: away from most of the ring. Now the pictures.

# %% tags=["nbval-ignore-output"]
real = games.sample_ring(1000, torch.Generator().manual_seed(5), spread)
panels = {name: list(points.values())[-1] for name, points in ring_samples.items()}
panels["$D$ frozen, $G$ alone"] = alone
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4))
for ax, (name, points) in zip(axes, panels.items(), strict=True):
    ax.scatter(*real.T, s=2, color=plots.COLOURS["muted"])
    ax.scatter(*points.T, s=3, color=GENERATOR)
    covered = games.count_modes(points, centres, spread).covered
    ax.set(
        title=name.replace("D ", "$D$ ").replace(" G", " $G$"),
        xlim=(-3.2, 3.2),
        ylim=(-3.2, 3.2),
        aspect="equal",
    )
    ax.set(xticks=[], yticks=[], xlabel=f"modes covered: {covered} of 8")
plots.show(
    fig,
    "1.11",
    "Data (grey) and generated points (orange). Left: $D$ keeps up. Middle: the same networks with a slow $D$. "
    "Right: the generator of the left panel after 400 more steps against a $D$ that no longer answers.",
    "Three panels with eight grey clusters in a ring. The number of clusters that hold generated points is written below "
    "each panel: " + ", ".join(str(games.count_modes(v, centres, spread).covered) for v in panels.values()) + ".",
)

# %% [markdown]
# Where a run covers several modes, threads of samples join neighbours: the bridge of section 1.2, which no continuous generator can avoid.
#
# The slow run does not stay where it is: when $D$ has at last learnt to reject the spot, $G$ moves on to another, and $D$ forgets the first. It *cycles*, as the bilinear game does. A list of modes over time that keeps changing tells collapse from convergence; one picture does not.
#
# **Predict.** Will `k=10` repair the slow run? It gives $D$ ten steps of a tenth of the size. Try `games.RingGAN(seed=seed, k=10, lr_d=1e-4)`.

# %% [markdown]
# **Exercise: Counting modes** (medium, 8 minutes). A mode is covered when at least `minimum` samples lie within `radius` of its centre. Given `samples` (N,
# 2) and `centres` (K, 2), return how many of the K modes are covered. (The discs do not overlap.)


# %% tags=["exercise"]
def my_count_modes(samples, centres, radius, minimum):
    """How many of the K centres (K, 2) have at least `minimum` of the samples (N, 2) within `radius`."""
    ...  # your code


# %%
ex.count_modes.check(my_count_modes)

# %% [markdown]
# ## 1.12 What does theory promise, and what does practice get?
#
# G14's proposition 2 promises that $p_g$ converges to $p$. Under which conditions?
#
# 1. *$D$ reaches its optimum at each step.* In practice: $k = 1$.
# 2. *$D$ and $G$ have enough capacity*, as if they were any functions. In practice: finite networks.
# 3. *The update is made on $p_g$ itself*, in which $C$ is convex (a maximum over $D$ of functions that are linear in $p_g$). In practice: on the parameters $\theta$, in which it is not.
#
# Grant all three, and it works. On a grid we can update $p_g$ itself: the slope of $C$ with respect to $p_g(x)$ is $\log(1 - D^*(x))$, by (1.14); we multiply $p_g$ by $e^{-\eta \cdot \text{slope}}$ and normalise, so that it stays a density.

# %%
x = theory.grid(-8.0, 8.0, 1600)
p_here, q_here = humps(x), Normal(4.0, 1.5)(x)  # a poor start, on the far side
for step in range(1, 401):
    d = theory.optimal_discriminator(p_here, q_here)
    q_here = q_here * torch.exp(-0.5 * torch.log1p(-d))
    q_here = q_here / theory.integrate(q_here, x)
    if step in (1, 10, 100, 400):
        print(f"step {step:3d}: JSD {theory.jsd(p_here, q_here, x):.4f}")
assert theory.jsd(p_here, q_here, x) < 1e-3
line = [theory.criterion(p_here, (1 - t) * Normal(-4.0)(x) + t * humps(x), x).item() for t in (0.0, 0.5, 1.0)]
shift = [theory.criterion(p_here, Normal(t, 0.5)(x), x).item() for t in (-1.6, 0.2, 2.0)]
print(f"C half-way between two densities {line[1]:.3f}, mean of its values at the ends {(line[0] + line[2]) / 2:.3f}")
print(
    f"C half-way between two parameters {shift[1]:.3f}, mean of its values at the ends {(shift[0] + shift[2]) / 2:.3f}"
)
assert line[1] <= (line[0] + line[2]) / 2  # convex in p_g
assert shift[1] > (shift[0] + shift[2]) / 2  # not convex in theta

# %% [markdown]
# Now take away the capacity of $D$. Let the data be two humps, symmetric about 0, the generator one normal about 0, and $D(x) = \sigma(wx + b)$ as in section 1.9. The value is concave in $(w, b)$, since the logit is linear in them, so a point where its gradient vanishes is the maximum.

# %%
twins = Mixture([0.5, 0.5], [Normal(-2.0, 0.5), Normal(2.0, 0.5)])
one = Normal(0.0, 1.0)
wb = torch.zeros(2, dtype=torch.float64, requires_grad=True)
restricted = theory.value(twins(x), one(x), torch.sigmoid(wb[0] * x + wb[1]), x)
(gradient,) = torch.autograd.grad(restricted, wb)
print(f"best linear D: value {restricted.item():.4f} = -log 4; true JSD {theory.jsd(twins(x), one(x), x):.4f}")
assert gradient.abs().max() < 1e-9  # w = b = 0, D = 1/2 everywhere, is the best that this D can do
assert abs(restricted.item() + math.log(4)) < 1e-9
assert theory.jsd(twins(x), one(x), x) > 0.3

# %%
fig, ax = plt.subplots(figsize=(7.2, 3.2))
ax.fill_between(x, twins(x), color=DATA, alpha=0.3, lw=0)
ax.plot(x, twins(x), color=DATA)
ax.plot(x, one(x), color=GENERATOR)
ax.axhline(0.5, color=DISCRIMINATOR)
ax.plot(x, theory.optimal_discriminator(twins(x), one(x)), color=DISCRIMINATOR, ls="--", lw=1.2)
ax.annotate("best linear $D$: 1/2", (0, 0.53), color=DISCRIMINATOR, ha="center")
ax.annotate("$D^*$", (2.66, 0.96), color=DISCRIMINATOR, ha="center")
ax.annotate("data", (2.0, 0.42), color=DATA, ha="center")
ax.annotate("$p_g$", (0, 0.43), color=GENERATOR, ha="center")
ax.set(xlabel="$x$", xlim=(-5, 5), ylim=(0, 1.08))
plots.show(
    fig,
    "1.12",
    "A discriminator that can only tell left from right sees no difference between these two densities: $D = 1/2$, both "
    "losses at their equilibrium marks, and $p_g \\ne p$. The unrestricted $D^*$ (dashed) does see it.",
    "Data with two humps at -2 and 2, a generated hump at 0. A flat line at one half is the best linear D; the dashed D* "
    "is near 0 in the middle and near 1 outside.",
)

# %% [markdown]
# So $D = 1/2$ means "this $D$, trained so far, cannot tell them apart", and no more. At an equilibrium of finite networks the generator need only fool *that* discriminator. And the losses show the state of the game, not the quality of the samples; a later lesson measures quality.
#
# **Predict.** Which statistic of the data must $p_g$ match to fool a linear $D$? And one with logit $w_1 x + w_2 x^2 + b$?

# %% [markdown]
# ## 1.13 What is printed wrongly?
#
# Famous texts and courses contain the following. Knowing why each is wrong is a good test of having understood this notebook.
#
# 1. *"The optimal discriminator is obtained when $p_g = p$"* (P1). There is one for every $G$, (1.10); at $p_g = p$ it is $1/2$.
# 2. *"$D(x) \approx 1$ on data when training succeeds"* (P1, section 1.5; its section 1.7 says $1/2$). $D(x) \approx 1$ is success of $D$ *over* $G$. At the equilibrium $D = 1/2$ on data too.
# 3. *Noise drawn from $p_g(z)$* (G14's algorithm and P1). It is $p_z(z)$: section 1.9.
# 4. *"The generator's gradient vanishes when $D(G(z)) \approx 1$"* (a textbook). The saturating one vanishes at 0: (1.17).
# 5. *"Descend $\log(1 - D)$" in the text, $-\log D$ in the code, "equivalent"* (a widely used tutorial). Section 1.8: another game, with the same fixed point only if it is within reach.
# 6. *"Maximise $D(G(z))$" in the text, $\log D(G(z))$ in the formula* (another of our sources, P2). The first vanishes at both ends: section 1.7.
# 7. *`log(sigmoid(a) + 1e-8)`* (several repositories). It removes the gradient where it was wanted: section 1.7.
# 8. *Label noise with its signs swapped*, so that the targets leave $[0, 1]$. Then the loss has no minimum, as the cell below asserts.
#
# The errors that concern networks and data (weights of BatchNorm, ranges of pixels, batches) wait for notebooks 02 and 03.


# %%
def cross_entropy(target, logit):  # -t log D - (1 - t) log(1 - D), written on the logit
    return torch.nn.functional.softplus(logit) - target * logit


logits = torch.tensor([0.0, 10.0, 100.0, 1000.0])
print("logit          ", "".join(f"{a:9.0f}" for a in logits.tolist()))
for target in (0.9, 1.0, 1.2):
    print(f"loss, target {target}", "".join(f"{loss:9.2f}" for loss in cross_entropy(target, logits).tolist()))
assert cross_entropy(1.2, logits)[-1] < -150  # falls without end: D is paid for growing its logits
a = torch.tensor(math.log(0.9 / 0.1), requires_grad=True)
(slope,) = torch.autograd.grad(cross_entropy(0.9, a), a)
assert abs(slope) < 1e-6  # a target inside [0, 1] has its minimum at D = target
near_equilibrium = theory.optimal_discriminator(humps(x), humps(x))
assert torch.allclose(near_equilibrium, torch.full_like(x, 0.5))  # items 1 and 2: 1/2, on data too

# %% [markdown]
# ## 1.14 What happens when you play it yourself?
#
# All of the above on one table: data in the plane, a generator and a discriminator of two small layers each, and the training step that notebooks 02 and 03 use for images. *Step D* makes one step of $D$, *Step G* one of $G$, *Step both* one round of Algorithm 1, and *Run* plays rounds until *Pause*. In the left panel, dark violet means that $D$ believes in data, and each arrow shows where the loss of $G$ pulls its sample. The middle panel shows where $G$ takes a grid of noise, as figure 1.2 did in one dimension. Choose *drawn* as the data and press on the panel to make your own.
#
# For each question, write down what you expect before you press anything. *Reset* starts again with the same networks.
#
# 1. **A discriminator that is too good.** Set the learning rate of $D$ to 0.03 and press *Step D* ten times. Which way do the arrows point, and do they grow or shrink? Now choose the *saturating* loss: what becomes of the arrows, according to section 1.7?
# 2. **Can $G$ still get away?** Go on from there with *Step G*, fifteen times. Then start again, and choose the optimiser *SGD* before the steps of $G$. What does the difference say about Adam?
# 3. **A discriminator that is too slow.** Reset, with Adam and the non-saturating loss, and set the learning rate of $D$ to 0.0001. *Run* for some hundred rounds. Where do both losses settle, compared with their marks? And the JSD?
# 4. **Two islands.** Draw one point on the far left and one on the far right. What will lie between them when the JSD has stopped falling, and what does the warped grid look like there?

# %%
widgets.playground()

# %% [markdown]
# The widget has no code of its own: it presses buttons of a `Game`. So code can play the four questions too. (Answers follow: play first.)

# %% tags=["nbval-ignore-output"]
print(f"arrows before any step: {Game(Settings(seed=seed)).arrows()[1].norm(dim=1).mean():.3f}")
moved = {}
for optimiser, loss in itertools.product(("Adam", "SGD"), ("non_saturating", "saturating")):
    game = Game(Settings(lr_d=0.03, seed=seed))
    for _ in range(10):
        game.step("D")
    game.settings.loss = loss
    game.use_optimiser(optimiser)
    arrows, before = game.arrows()[1].norm(dim=1).mean(), game.samples()
    for _ in range(15):
        game.step("G")
    moved[optimiser, loss] = (game.samples() - before).norm(dim=1).mean().item()
    print(f"{optimiser:4s}  {loss:14s}  arrows {arrows:.3f}, then 15 steps of G: moved by {moved[optimiser, loss]:.4f}")
assert moved["Adam", "saturating"] > 0.5 * moved["Adam", "non_saturating"]
assert moved["SGD", "saturating"] < 0.02 * moved["SGD", "non_saturating"]

# %% tags=["nbval-ignore-output"]
slow = Game(Settings(lr_d=1e-4, seed=seed))
slow.play(300)
loss_d, loss_g = torch.tensor(slow.losses[-100:]).mean(0).tolist()
print(f"slow D: losses {loss_d:.2f} and {loss_g:.2f} (marks {2 * math.log(2):.2f} and {math.log(2):.2f})", end=", ")
print(f"JSD {slow.jsds[-1][1]:.2f} (worst: {math.log(2):.2f})")
assert abs(loss_d - 2 * math.log(2)) < 0.2 and abs(loss_g - math.log(2)) < 0.2 and slow.jsds[-1][1] > 0.5

islands = Game(Settings(data="drawn", drawn=((-2.0, 0.0), (2.0, 0.0)), seed=seed))
for rounds in (150, 300, 450):
    islands.play(150)
    between = (islands.samples(4000)[:, 0].abs() < 1.5).float().mean().item()
    print(f"islands: {rounds} rounds, JSD {islands.jsds[-1][1]:.2f}, {between:.0%} of the samples lie between them")
assert between > 0.01

# %% [markdown]
# 1. Ten steps of $D$ make the arrows of the non-saturating loss *longer*: a $D$ that is certain helps this generator. The saturating loss shrinks the same arrows by the factor $D/(1 - D)$, the inverse of (1.19).
# 2. And yet Adam moves the samples just as far. It divides each step by the usual size of the gradient, so that a gradient that is small *everywhere* is no obstacle to it; plain gradient descent (SGD) is all but stopped. Section 1.7 is a statement about gradients, and what becomes of a gradient is the optimiser's affair.
# 3. The losses stay at the marks of the equilibrium while the JSD stays near its *worst* value. Losses at their marks say that this $D$ cannot tell, as in section 1.12, and nothing about the samples.
# 4. The samples between the islands become fewer and do not vanish: the bridge of section 1.2. The warped grid is stretched wide there, and steep means thin, never empty.

# %% [markdown]
# ## What we now know
#
# The best discriminator against any generator is $p/(p + p_g)$, and against it the generator minimises $-\log 4 + 2\,\mathrm{JSD}$, which is lowest exactly at the data. Practice plays another game, with the non-saturating loss, few steps of $D$ and finite networks; it shares the fixed point where that is within reach, and nothing guarantees that steps lead there. How the play fails follows from the theory too: flat slopes when $D$ is too good, orbits when only conflict is left, and collapse when $D$ answers too slowly.
#
# ## What we do not know yet
#
# Whether all of this survives 784 dimensions and real digits: notebook 02 trains P1's first GAN. How to measure that samples are good, if the losses do not say. And whether another distance, without the flat slopes of section 1.6, can be trained.
#
# ## References
#
# - **P1**: S. Ben Abdallah, *Adversarial Networks for Image Generation*, sections 1.1 to 1.8.
# - **P2**: K. Schulz, *GANs for Image Generation on the MNIST Dataset*.
# - **G14**: I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661). Section 4 holds proposition 1, theorem 1 and proposition 2.
# - M. Arjovsky, L. Bottou, *Towards Principled Methods for Training Generative Adversarial Networks*, ICLR 2017, [arXiv:1701.04862](https://arxiv.org/abs/1701.04862): perfect discriminators, and (1.21).
# - L. Metz et al., *Unrolled Generative Adversarial Networks*, ICLR 2017, [arXiv:1611.02163](https://arxiv.org/abs/1611.02163): the ring.
# - L. Mescheder et al., *Which Training Methods for GANs do actually Converge?*, ICML 2018, [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): the game of one point against another, in section 1.8.
# - G. Gidel et al., *A Variational Inequality Perspective on Generative Adversarial Networks*, ICLR 2019, [arXiv:1802.10551](https://arxiv.org/abs/1802.10551): averaging and extragradient for GANs, after G. M. Korpelevich, 1976.
