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
# - what gradient steps in a game do: spiral, orbit, diverge, converge
# - how mode collapse comes about, what theory promises, and where GANs stand among generative models
#
# **Time.** The plan cell below prints the minutes that this notebook was measured to take. Nearly every cell is instant; the reading is what takes an hour.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.5 | 0.9 | 1.3 minutes |
# | 2 cores with bfloat16 units | 0.4 | 0.8 | 1.3 minutes |
#
# This notebook follows sections 1.1 to 1.8 of P1 and section 4 of G14 (both under References). Wherever a line of code can hold a statement to account, an `assert` does: were that statement false, the notebook would stop there. If you have not seen a GAN run yet, lesson 00 has a whole one in thirty lines.
#
# **Notation.** $p$ is the density of the data, $p_g$ that of the generator's samples, $p_z$ that of the noise $z$. $D(x)$ is a probability, $s(x)$ its logit: $D(x) = \sigma(s(x))$ with the sigmoid $\sigma(s) = 1/(1+e^{-s})$. Logarithms are natural.

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
plan = profiles.choose("01_minimax_theory", profile, seed)
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
# so maximum likelihood finds the $\theta$ that minimises (1.2). It is 0 only for $p_\theta = p$.
#
# The order of the two densities matters:
#
# - $\mathrm{KL}(p \,\|\, p_\theta)$ is infinite when the model rules out a place where data occur. A likelihood model must cover *everything*.
# - The reverse, $\mathrm{KL}(p_\theta \,\|\, p)$, punishes the opposite fault: samples of the model where there are no data.
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
empty = humps(x) < 0.05 * humps(x).max()  # where data hardly ever occur
wasted = theory.integrate(torch.where(empty, Normal(mean, std)(x), 0.0), x).item()
print(f"smallest KL(p || model): mean {mean:.2f}, std {std:.2f}; {wasted:.0%} of its mass where data hardly occur")
print(f"smallest KL(model || p): mean {reverse[0]:.2f}, std {reverse[1]:.2f}")
assert wasted > 0.2

# %%
fig, ax = plt.subplots()
ax.fill_between(x, humps(x), color=DATA, alpha=0.3, lw=0)
ax.plot(x, humps(x), color=DATA)
ax.plot(x, Normal(mean, std)(x), color=GENERATOR)
ax.plot(x, Normal(*reverse)(x), color=GENERATOR, ls="--")
ax.annotate("data $p$", (2.55, 0.19), color=DATA)
ax.annotate("likelihood:\ncovers everything", (3.5, 0.07), color=GENERATOR)
ax.annotate("reversed KL:\nseeks one hump", (-0.95, 0.52), color=GENERATOR)
ax.set(xlabel="$x$", ylabel="density", xlim=(-5, 7), ylim=(0, 0.72))
plots.show(
    fig,
    "1.1",
    f"One normal density fitted to two humps of data (grey). Solid: the maximum-likelihood fit puts {wasted:.0%} of its "
    "mass where there are hardly any data. Dashed: the fit by the reversed divergence drops a hump. Keep both in mind.",
    "Two grey humps near -1.6 and 2. A low, wide solid curve spans both; a narrow dashed curve sits on the left hump.",
)

# %% [markdown]
# For (1.1) one must *evaluate* $p_\theta(x)$. A flexible way to make images is to draw a *latent* vector $z$ from a simple density $p_z$, a standard normal for instance, and to decode it. If the decoder gives a density $p_\theta(x \mid z)$, then
#
# $$ p_\theta(x) = \int p_z(z)\, p_\theta(x \mid z)\, dz, \tag{1.3} $$
#
# and this integral is *intractable*. One can try to estimate it: draw many $z$ and take the mean of $p_\theta(x \mid z)$. How many does that need? Most $z$ decode to something that is nothing like $x$ and add next to nothing, so the mean hangs on the few that come near.
#
# Take the friendliest case there is, one in which the answer is known: $z$ is a standard normal in $n$ dimensions, and the decoder only adds a little noise, $p_\theta(x \mid z) = N(x; z, \sigma_x^2)$ in each coordinate with $\sigma_x = 1/2$. Then $p_\theta(x) = N(x; 0, 1 + \sigma_x^2)$. The variance of the estimate is known too. At $x = 0$ its relative error after $N$ draws is $\sqrt{(r^n - 1)/N}$ with $r = (1 + \sigma_x^2) / (\sigma_x \sqrt{2 + \sigma_x^2}) = 5/3$. So $N = 100\,(r^n - 1)$ draws are needed for an error of 10 %.

# %% tags=["nbval-ignore-output"]
sigma_x, draws = 0.5, 20_000
ratio = (1 + sigma_x**2) / (sigma_x * math.sqrt(2 + sigma_x**2))
rng = torch.Generator().manual_seed(7)
for n in (1, 2, 10, 100, 784):
    log_p = torch.zeros(draws)
    for _ in range(n):  # log p(x | z), summed over the coordinates, at x = 0
        z = torch.randn(draws, generator=rng)
        log_p -= (z / sigma_x) ** 2 / 2 + math.log(sigma_x * math.sqrt(2 * math.pi))
    estimate = (log_p.logsumexp(0) - math.log(draws)).item()  # of log p(x), from 20,000 z
    truth = -n * math.log(math.sqrt(2 * math.pi * (1 + sigma_x**2)))
    needed = math.log10(100 * math.expm1(n * math.log(ratio)))
    print(f"n = {n:3d}: log p(x) {truth:8.1f}, estimated {estimate:8.1f}; draws for 10 %: 10^{needed:.1f}")
    if n <= 2:
        assert abs(estimate - truth) < 0.05
    if n == 784:
        assert truth - estimate > 100 and needed > 170

# %% [markdown]
# For an image of 784 pixels the estimate is off by hundreds of nats (the unit of a natural logarithm), and no computer will ever draw enough. A better idea is to learn which $z$ to draw for which $x$; that is the variational autoencoder (section 1.13).
#
# And a generator that maps 100 latent numbers to 784 pixels, *without* added noise, is worse off than that: its outputs lie on a set of at most 100 dimensions, which has volume zero in $\mathbb{R}^{784}$, so that it has *no density there at all*.
#
# An **implicit model** gives (1.1) up. It is a map $G$, with parameters $\theta$, that turns noise into samples,
#
# $$ z \sim p_z, \qquad x = G(z), \tag{1.4} $$
#
# and we may only sample from it. We write $p_g$ for the density of its samples. The algorithm never computes $p_g$; the theory below assumes that it exists, and section 1.6 returns to what happens when it does not.
#
# **Predict.** Let the two humps of figure 1.1 move apart. Where does the likelihood fit go, and what happens to its value of $\mathrm{KL}(p \,\|\, p_\theta)$? Change the `humps` and look.
#
# <details><summary>Answer</summary>
#
# The mean stays between the humps, at their weighted mean, and the standard deviation grows with the gap: for a large gap it is nearly proportional to it. $\mathrm{KL}$ grows without end, but slowly, like the logarithm of the gap: each time that the gap doubles, another $\log 2$ is paid for the width.
#
# </details>
# %% [markdown]
# ## 1.2 What does a generator do to noise?
#
# Noise is structureless. Where does the structure of the samples come from?
#
# From the slopes of $G$. In one dimension, with $G$ strictly monotone, the probability of a small interval $dz$ is carried to the interval $|G'(z)|\,dz$. It is spread thin where $G$ is steep and piled up where $G$ is flat:
#
# $$ p_g(x) = \frac{p_z(z)}{|G'(z)|} \quad\text{at } x = G(z). \tag{1.5} $$
#
# This is the *change of variables*. (A model that keeps (1.5) computable in many dimensions, with an invertible $G$, is a *normalising flow*: section 1.13.) Here is a generator, $G(z) = z + 1.5 \tanh(2z)$, that makes two humps out of one.


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
fig, (top, middle, bottom) = plt.subplots(3, 1, figsize=(8, 6.4), sharex=True, height_ratios=[2, 2, 1.6])
top.hist(samples.numpy(), bins=40, range=(-5, 5), density=True, color=GENERATOR, alpha=0.2, edgecolor="white")
top.plot(x_g, p_g, color=GENERATOR)
top.set(ylim=(0, 0.29), ylabel="density")
top.annotate("$p_g$: curve by (1.5), bars from samples", (-4.9, 0.25), color=GENERATOR)
shares = torch.arange(1, 40, dtype=torch.float64) / 40
for point in Normal().quantile(shares):  # each gap between two lines holds one fortieth of the noise
    middle.plot([point, G(point)], [0, 1], color=GENERATOR, lw=0.9, alpha=0.7)
    bottom.plot([point, point], [0, Normal()(point)], color=ACCENT, lw=0.7, alpha=0.7)
middle.set(ylim=(0, 1), yticks=[], ylabel="$z \\to G(z)$")
middle.grid(False)
bottom.fill_between(z, Normal()(z), color=ACCENT, alpha=0.2, lw=0)
bottom.plot(z, Normal()(z), color=ACCENT)
bottom.annotate("noise $p_z$", (0.95, 0.3), color=ACCENT)
bottom.set(xlabel="$z$ below, $x = G(z)$ above", ylabel="density", xlim=(-5, 5))
plots.show(
    fig,
    "1.2",
    "Noise enters at the bottom and leaves at the top. Between any two neighbouring lines lies the same share of the "
    "noise, one fortieth. Where they fan out, $G$ is steep and its samples thin; where they crowd, the samples pile up.",
    "Bottom: a bell curve of noise, cut into forty slices of equal area. Middle: the lines from the cuts up to G(z) spread "
    "apart in the centre and bunch on both sides. Top: the density has two humps there and a valley at 0; bars agree.",
)

# %% [markdown]
# Can some $G$ make *any* data? In one dimension, yes. Let $\Phi$ be the cumulative distribution of the noise and $F$ that of the data. Then $G = F^{-1} \circ \Phi$ carries the one to the other.
#
# But look at (1.5) the other way round. A function whose slope is nowhere steeper than $L$ is called **Lipschitz** with the constant $L$: it can stretch no distance by more than the factor $L$. A generator that is Lipschitz has
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

# %%
x = theory.grid(0.0, 1.0, 200_000)
squares = Normal().sample(400_000, torch.Generator().manual_seed(2)) ** 2
below_1 = theory.integrate(torch.exp(-x / 2) / torch.sqrt(2 * math.pi * x), x).item()
assert abs((squares < 1).double().mean().item() - below_1) < 0.005  # the formula of the answer
try:
    theory.push_forward(Normal(), torch.square, z=theory.grid(-2.0, 2.0, 100))
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Two $z$ lead to each $x > 0$, namely $\sqrt x$ and $-\sqrt x$, and their densities add up. At $z = 0$ the slope $2z$ vanishes, so (1.5) divides by something that tends to 0: $p_g(x) = e^{-x/2}/\sqrt{2\pi x}$ grows without bound as $x \to 0$, though its integral stays 1. For $x < 0$ it is 0.
#
# </details>

# %% [markdown]
# ## 1.3 What is the game?
#
# We can sample from the data and from $G$, and evaluate neither density. What can tell $G$ whether its samples are good?
#
# A second network. The *discriminator* $D(x) \in (0, 1)$ states its probability that $x$ is data and not generated. It is scored by the logarithm of the probability that it gave to the truth. Its mean score on data and its mean score on generated points, added up, are the **value**
#
# $$ V(D, G) = \mathbb{E}_{p}\big[\log D(x)\big] + \mathbb{E}_{p_z}\big[\log\big(1 - D(G(z))\big)\big], \tag{1.7} $$
#
# and the game is
#
# $$ \min_G \; \max_D \; V(D, G). \tag{1.8} $$
#
# Read it from the inside out: for each $G$, $D$ makes the value as large as it can; among all $G$, choose the one for which even the best $D$ scores least.
#
# Both logarithms are at most 0, so $V \le 0$, with 0 for a $D$ that is always right and certain. A $D$ that shrugs and says $1/2$ everywhere gets $V = 2\log\frac12 = -\log 4$, whatever $G$ does.
#
# Both expectations can be estimated from samples, which is all that we have in practice. Here we also know the densities, so let us compute $V$ both ways for some fixed $D$. A network computes the *logit* $s = \log\frac{D}{1-D}$, any real number, and $D = \sigma(s)$.

# %%
x = theory.grid(-9.0, 10.0, 8000)
p, p_g = Normal(-1.0, 0.8), Normal(1.5, 1.2)


def some_d(x):
    return torch.sigmoid(0.5 - 1.5 * x)


by_quadrature = theory.value(p(x), p_g(x), some_d(x), x).item()
rng = torch.Generator().manual_seed(3)
real, fake = p.sample(400_000, rng), p_g.sample(400_000, rng)
by_samples = (some_d(real).log().mean() + (1 - some_d(fake)).log().mean()).item()
shrug = theory.value(p(x), p_g(x), torch.full_like(x, 0.5), x).item()
print(f"V by quadrature {by_quadrature:.2f}, by samples {by_samples:.2f}; D = 1/2: {shrug:.4f}")
assert abs(by_quadrature - by_samples) < 0.01
assert abs(shrug + math.log(4)) < 1e-9

# %% [markdown]
# Programs minimise, so $D$'s loss in code is $L_D = -V$. The number to remember is $\log 4 \approx 1.386$: $D$'s loss when it knows nothing.
#
# **Predict.** How large is $V$ for a $D$ that is certain and right about everything except for one data point in a thousand, about which it is certain and wrong? What does that say about a $D$ that ends in exactly 0 or 1?
#
# <details><summary>Answer</summary>
#
# Minus infinity: one $\log 0$ among a thousand terms is enough. So the best $D$ never answers exactly 0 or 1 where both kinds of points occur, and a program must never compute $\log$ of a rounded probability. Losses are therefore written on the logit: $-\log\sigma(s) = \mathrm{softplus}(-s)$ is finite for every $s$.
#
# </details>

# %%
thousand = torch.ones(1000)
thousand[0] = 0.0  # D's answers on data: certain of all, and wrong about the first
assert thousand.log().mean() == -math.inf
assert torch.nn.functional.softplus(torch.tensor(1000.0)) == 1000  # -log sigma(-1000): large, and finite
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
d, P, Q = sympy.symbols("d p p_g", positive=True)
integrand = P * sympy.log(d) + Q * sympy.log(1 - d)
(d_star,) = sympy.solve(sympy.diff(integrand, d), d)
curvature = sympy.factor(sympy.diff(integrand, d, 2).subs(d, d_star))
print("D* =", d_star)
print("second derivative there:", curvature)
assert sympy.simplify(d_star - P / (P + Q)) == 0
second = sympy.diff(integrand, d, 2)
assert sympy.simplify(second + P / d**2 + Q / (1 - d) ** 2) == 0  # negative for every d: strictly concave

# %%
fig, ax = plt.subplots(figsize=(7.2, 4.2))
logits = torch.linspace(-40, 40, 4000, dtype=torch.float64)  # d as close to 0 and to 1 as float64 has it
log_d, log_not_d = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
for weights, style, place, ha in (
    ((0.45, 0.05), "-", (0.9, -0.09), "right"),
    ((0.25, 0.25), "--", (0.5, -0.62), "center"),
    ((0.05, 0.45), ":", (0.1, -0.09), "left"),
):
    ax.plot(torch.sigmoid(logits), weights[0] * log_d + weights[1] * log_not_d, color=DISCRIMINATOR, ls=style)
    best = weights[0] / sum(weights)
    top = weights[0] * math.log(best) + weights[1] * math.log(1 - best)
    ax.plot([best], [top], "o", color="black", ms=6)
    ax.annotate(f"$p = {weights[0]}$, $p_g = {weights[1]}$: $d = {best:.1f}$", place, ha=ha)
ax.set(
    xlabel="$d$, the answer at this $x$",
    ylabel="$p\\,\\log d + p_g\\,\\log(1 - d)$",
    ylim=(-1.2, 0.0),
    xlim=(-0.03, 1.03),
)
plots.show(
    fig,
    "1.3",
    "What $D$ gains at one point $x$, as a function of its answer $d$, for three pairs of densities (solid, dashed, dotted). "
    "Each curve has one maximum (dot), at $p/(p+p_g)$, and falls without end at $d = 0$ and $d = 1$.",
    "Three concave curves over d from 0 to 1. Their maxima lie at 0.9, 0.5 and 0.1; all fall steeply at both ends.",
)

# %% [markdown]
# Nothing was assumed about $G$: (1.10) holds for a bad generator as well as for a perfect one. Only for the perfect one, $p_g = p$, is it $1/2$ everywhere. The logit of $D^*_G$ has a plain meaning:
#
# $$ s^*(x) = \log\frac{D^*_G(x)}{1 - D^*_G(x)} = \log \frac{p(x)}{p_g(x)}, \tag{1.11} $$
#
# so training a discriminator is *estimating a ratio of densities from samples*.
#
# We do not have to believe the algebra. Train a small network on samples alone, never showing it a density, and compare. It takes a few seconds. If it goes wrong, the mean error stays near that of an untrained network, which is printed beside it.

# %% tags=["nbval-ignore-output"]
steps = 100 * plan.epochs
best = theory.optimal_discriminator(p(x), p_g(x))
weight = (p(x) + p_g(x)) / 2  # judge it where there are samples to learn from
errors = {}
for name, length in (("one step", 1), (f"{steps} steps", steps)):
    D = games.train_discriminator(real=p, fake=p_g, steps=length, seed=seed)
    errors[name] = theory.integrate((D.probability(x) - best).abs() * weight, x)
    print(f"{name:10s} mean error where the samples are: {errors[name]:.3f}")
assert errors[f"{steps} steps"] < 0.03 < errors["one step"]
value_of_trained = theory.value(p(x), p_g(x), D.probability(x), x)  # for section 1.5

# %% tags=["nbval-ignore-output"]
fig, (above, ax) = plt.subplots(2, 1, figsize=(7.2, 5.0), sharex=True, height_ratios=[1, 1.7])
for density, colour, name, at in ((p, DATA, "data $p$", (-3.6, 0.35)), (p_g, GENERATOR, "$p_g$", (2.6, 0.27))):
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
    "between them, on top of the dashed D*; at the far left D* falls to 0 and the trained D stays near 1.",
)

# %% [markdown]
# On the far left, $D^*$ turns *down* again: the generator's density is the wider one, so far enough out a point is more likely generated. Next to no sample lands there, and the network does not know.
#
# A ratio is also a way to get a density. If $p_g$ is *known*, as it is here, then (1.11) gives $p(x) = p_g(x)\, e^{s(x)}$: a classifier has estimated the data's density. This is **noise-contrastive estimation** (Gutmann and Hyvärinen 2010), four years older than GANs. There the noise is fixed, and $D$ holds the model of the data. In a GAN it is the "noise" that learns, and its density is never known.

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    recovered = p_g(x) * torch.exp(D(x).double())  # no sample's density was ever shown to D
cell_width = x[1] - x[0]
off = (recovered - p(x)).abs().sum() * cell_width
print(f"the data's density from D's logit: integral {recovered.sum() * cell_width:.2f}, off by {off:.3f} in all")
if plan.profile != "smoke":
    assert off < 0.1

# %% [markdown]
# **Predict, then move the sliders.** Slide the generator's mean towards the data. What happens to the steepest part of $D^*$? Which width must the generator have so that $D^*$ becomes flat, and at which height? And for a uniform density of data: where can $D^*$ be exactly 1, and where exactly 0? (The curve on the right belongs to section 1.5.)
#
# <details><summary>Answer</summary>
#
# As the means come together, the steepest part of $D^*$ gets flatter. With equal means *and* equal widths, $D^*$ is flat, at height $1/2$; with equal means and unequal widths it is not. $D^*$ is exactly 1 only where data occur and $p_g = 0$, and exactly 0 only where samples occur and $p = 0$. Normal densities are nowhere 0. If the data are uniform, $D^*$ is exactly 0 outside of their interval, and below 1 inside.
#
# </details>
# %%
widgets.optimal_discriminator_explorer()

# %% [markdown]
# **Predict.** What does $D$ learn when it is shown twice as many real points as generated ones? That is the second of the next two exercises; its check has the answer.

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
# Put (1.10) into (1.7) and write $m = (p + p_g)/2$ for the mean of the two densities, so that $p + p_g = 2m$. Each of the two factors 2 gives a $-\log 2$:
#
# $$ C(G) = \max_D V(D, G) = \mathbb{E}_p\Big[\log \frac{p}{2m}\Big] + \mathbb{E}_{p_g}\Big[\log \frac{p_g}{2m}\Big] = -\log 4 + \mathrm{KL}(p\,\|\,m) + \mathrm{KL}(p_g\,\|\,m). \tag{1.12} $$
#
# The last two terms are twice the **Jensen-Shannon divergence**, by its definition, so
#
# $$ C(G) = -\log 4 + 2\,\mathrm{JSD}(p \,\|\, p_g). \tag{1.13} $$
#
# KL is never negative, and 0 only for equal densities. Hence $C(G) \ge -\log 4$, with equality if and only if $p_g = p$: this is theorem 1 of G14.
#
# At $p_g = p$ and $D = 1/2$ neither player can do better by moving alone: $D$ is the best one against this $G$, and against a $D$ that says $1/2$ everywhere all $G$ are equally good. Such a pair is a **Nash equilibrium** of the game, and whenever this course says *equilibrium*, this is meant.
#
# (The JSD is one of the *f-divergences*, which all compare two densities by the mean of some convex function of their ratio. Each of them has a game like (1.8) of its own; Nowozin et al. 2016 train generators with several of them, under the name **f-GAN**.)
#
# First the algebra under the integral, then both sides of (1.13) as numbers for several pairs of densities.

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
truth = theory.jsd(p(x), p_g(x), x)
print(f"JSD of data and generator: {truth:.4f} nats")

# %% tags=["nbval-ignore-output"]
vouched = (value_of_trained + math.log(4)) / 2
print(f"the trained D vouches for {vouched:.4f}")
assert vouched < truth

# %% [markdown]
# The loss of $D$ in every GAN that plays (1.7) can be read in this way: $\frac12(\log 4 - L_D)$ is what this $D$ can vouch for, and the true JSD is at least as large, up to the noise of the batch. A loss near $\log 4$ says that *this* $D$ sees little difference; it never says that there is none.
#
# Now a picture that will explain much of what follows. Let the data be $N(2, 1)$ and the generator $G(z) = \theta + z$ with standard normal noise, so $p_g = N(\theta, 1)$. Fix some discriminator and move $\theta$: that is one curve. Do it for many discriminators: $C$ is the upper *envelope* of the curves. Each $D^*_{\theta_0}$ gives a curve that touches the envelope at its own $\theta_0$, and has the same slope there:
#
# $$ \frac{dC}{d\theta}(\theta_0) = \frac{\partial}{\partial\theta} V(D^*_{\theta_0}, \theta)\Big|_{\theta = \theta_0}. \tag{1.14} $$
#
# This is the **envelope theorem**: the slope of a maximum is the slope of whatever attains it. So one may treat $D$ as a constant when one takes $G$'s gradient (in code, that is why $G$'s step leaves $D$ alone). But only the slope agrees, and only at that point.

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
#
# <details><summary>Answer</summary>
#
# It does not stop: the curve for $\theta_0 = 0$ falls for ever, since to this $D$ everything far to the right is data. $D$ has to be brought back to its best after each small step of $G$; then the next step follows a new violet curve, and all of them together follow $C$. How often is often enough is section 1.9.
#
# </details>

# %%
assert all(fixed_d(0.0, t + 1) < fixed_d(0.0, t) for t in range(8))  # ever further down, past the data at 2
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
# Normal densities always overlap, so their JSD always has a slope. But the slope dies with the overlap, faster than any power of the distance between the two; and that distance counts in standard deviations.
#
# In $n$ dimensions, two standard normals whose means differ by $\delta$ in *every* coordinate are $\delta\sqrt{n}$ apart along the line through the means. In all other directions they are equal, so this line decides the JSD, and $W_1 = \delta\sqrt n$ exactly. Let $\delta$ be a quarter of a standard deviation, a difference that hardly shows in any one coordinate, and go from one pixel to the 784 of a digit and the 49,152 of a church at 128 pixels in colour:

# %%
slopes = {}
for n in (1, 10, 100, 784, 49_152):
    gap = 0.25 * math.sqrt(n)
    x = theory.grid(-12.0, gap + 12.0, 16_000)
    t = torch.tensor(gap, dtype=torch.float64, requires_grad=True)
    divergence = theory.jsd(Normal()(x), Normal(t)(x), x)
    (slope,) = torch.autograd.grad(divergence, t)
    slopes[n] = slope.item()
    shown = f"{slopes[n]:.4f}" if slopes[n] > 1e-12 else "0 to rounding"
    print(f"n = {n:6,d}  distance {gap:5.2f}  JSD {divergence:.4f} of {math.log(2):.4f}  slope {shown};  of W1: 1")
assert slopes[784] < 0.01 * slopes[100] and abs(slopes[49_152]) < 1e-12

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
    "Left: the JSD of the uniform densities (broad line) is flat as soon as they part; that of the normal ones (dashed), which never part, flattens towards log 2. Right: the Wasserstein-1 "
    "distance keeps its slope at every shift, the same for both.",
    "Left: a V with its tip at shift 0 that is flat at log 2 beyond 1 on both sides, and a wide round valley that nears log 2. Right: a V with straight arms that never flatten.",
)

# %% [markdown]
# Add what section 1.1 said, that an image generator's samples fill a set of volume zero. Two such sets hardly overlap, so that a perfect discriminator exists (Arjovsky and Bottou 2017 say under which conditions). The better $D$ becomes, the less the loss of (1.8) tells $G$. This is the seed of the Wasserstein GAN, which keeps the slope by making $D$ Lipschitz.
#
# **Predict.** Give both uniform densities the width 4. At which shift does the JSD saturate now? What does that suggest about adding noise to real *and* generated images?
#
# <details><summary>Answer</summary>
#
# At 4: they stop overlapping only when the shift exceeds the width. Wide densities overlap for longer, so noise that is added to *both* kinds of images (to one alone it would give $D$ something to see) widens both and brings the slope back. The price: $G$ then learns to match the *noisy* densities.
#
# </details>

# %%
x = theory.grid(-1.0, 12.0, 13_000)
wide_jsd = [theory.jsd(Uniform(0.0, 4.0)(x), Uniform(t, t + 4.0)(x), x).item() for t in (1.0, 3.0, 4.0, 5.0)]
assert wide_jsd[0] < wide_jsd[1] < wide_jsd[2] - 0.1 and abs(wide_jsd[2] - wide_jsd[3]) < 1e-9
# %% [markdown]
# ## 1.7 Which loss should the generator use?
#
# At the start samples are poor, and $D$ rejects them with confidence. What does $G$ learn then?
#
# $G$ meets $D$ only through the logit $s$ of a generated point, $D(G(z)) = \sigma(s)$. The minimax game lets $G$ minimise $\log(1 - D(G(z)))$, the **saturating** loss. Since $\sigma'(s) = \sigma(s)(1 - \sigma(s))$,
#
# $$ \frac{d}{ds} \log\big(1 - \sigma(s)\big) = -\sigma(s) = -D(G(z)). \tag{1.17} $$
#
# A sample that $D$ has seen through, $D(G(z)) \approx 0$, gives nearly nothing. G14 proposes to minimise $-\log D(G(z))$ instead, the **non-saturating** loss:
#
# $$ \frac{d}{ds} \big(-\log \sigma(s)\big) = -\big(1 - \sigma(s)\big) = -\big(1 - D(G(z))\big), \tag{1.18} $$
#
# which is strongest exactly there. The ratio of the two is
#
# $$ \frac{1 - D(G(z))}{D(G(z))} = e^{-s} \;\to\; \infty \quad\text{as}\quad D(G(z)) \to 0. \tag{1.19} $$

# %%
s = torch.tensor([-9.0, -4.0, -1.0, 0.0, 1.0, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
(saturating,) = torch.autograd.grad(torch.log(1 - torch.sigmoid(s)).sum(), s)
(non_saturating,) = torch.autograd.grad(-torch.log(torch.sigmoid(s)).sum(), s)
assert torch.allclose(saturating, theory.saturating_gradient(s.detach()))
assert torch.allclose(non_saturating, theory.non_saturating_gradient(s.detach()))
assert torch.allclose(non_saturating / saturating, theory.gradient_ratio(s.detach()))
print("logit  D(G(z))  saturating  non-saturating      ratio")
for row in zip(s.tolist(), torch.sigmoid(s).tolist(), saturating.tolist(), non_saturating.tolist(), strict=True):
    print(f"{row[0]:5.0f}  {row[1]:7.4f}  {row[2]:10.4f}  {row[3]:14.4f}  {row[3] / row[2]:9.4f}")

# %% [markdown]
# At $D(G(z)) = 1/2$ both are $-1/2$. Below, the non-saturating loss is stronger; above, the saturating one is.
#
# Now let $D$ be at its best. In the location game of figure 1.5 the logit of $D^*$ is linear, with slope $\mu - \theta$, the gap between data and generator. $G$'s gradient is (1.17) or (1.18) times that gap, averaged over $z$. How does it depend on the gap?

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
sizes = [abs(s) for s, _ in received]
best_gap = gaps[sizes.index(max(sizes))]
print(f"the saturating gradient is largest at a gap of {best_gap}: {max(sizes):.2f}")
assert 1 < best_gap < 3 and sizes[-1] < 1e-4 * max(sizes)

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
right.annotate("saturating", (3.9, 1e-4), color=GENERATOR)
right.annotate("non-saturating", (2.6, 16), color=GENERATOR)
right.set(xlabel="gap between data and generator", title="size of $G$'s gradient, $D$ optimal", ylim=(1e-6, 60))
plots.show(
    fig,
    "1.7",
    "Left: what a sample passes back to $G$, against $D$'s verdict on it. Right: $G$'s gradient through the optimal $D$. "
    f"With the saturating loss (dashed) it dies once the gap exceeds {best_gap}; with the other (solid) it grows.",
    "Left: two straight lines that cross at one half; the non-saturating one is largest at D(G(z)) = 0. Right, on a "
    f"logarithmic scale: the saturating gradient rises to {max(sizes):.1f}, then falls below 0.00001 as the gap grows to 10; "
    "the other rises to 10.",
)

# %% [markdown]
# Three traps, each in one line:
#
# - The saturating gradient vanishes at $D(G(z)) \approx 0$, *not* at 1.
# - To maximise $D(G(z))$ is not to maximise $\log D(G(z))$: without the logarithm the gradient is $\sigma'(s)$, which vanishes at both ends.
# - `log(D + 1e-8)`, meant to protect against $\log 0$, takes the gradient away exactly where the loss was chosen for it. Computed from the logit, nothing needs protection.

# %%
s = torch.tensor(-25.0, requires_grad=True)  # D is very sure that this sample is generated
variants = {
    "saturating, log(1 - D)": -torch.nn.functional.softplus(s),
    "maximise D": -torch.sigmoid(s),
    "-log(D + 1e-8)": -torch.log(torch.sigmoid(s) + 1e-8),
    "-log D, from the logit": torch.nn.functional.softplus(-s),
}
sizes = {name: torch.autograd.grad(loss, s)[0].abs().item() for name, loss in variants.items()}
for name, size in sizes.items():
    print(f"{name:24s} gradient on the logit {size:.0e}")
assert [size > 0.99 for size in sizes.values()] == [False, False, False, True]

# %% [markdown]
# **Predict.** A network's last layer can push $s$ to $-120$ for a bad sample. What is `torch.log(torch.sigmoid(s))` in float32 then, and its gradient? Try it, then try `-softplus(-s)`.

# %%
s = torch.tensor(-120.0, requires_grad=True)
by_steps, by_logit = torch.log(torch.sigmoid(s)), -torch.nn.functional.softplus(-s)
print(f"log(sigmoid(s)) = {by_steps:.0f}, gradient {torch.autograd.grad(by_steps, s)[0]:.0f}", end="; ")
print(f"-softplus(-s) = {by_logit:.0f}, gradient {torch.autograd.grad(by_logit, s)[0]:.0f}")
assert by_steps == -math.inf and by_logit == -120

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\sigma(-120) \approx 10^{-52}$ is below the smallest float32, so it is 0, its logarithm $-\infty$, and the gradient $\infty \cdot 0$, which is NaN: one such sample ends the training. `-softplus(-s)` is $-120$ with the gradient 1.
#
# </details>

# %% [markdown]
# **Exercise: Where does the loss saturate?** (easy, 2 minutes). Somebody tells you that the generator's gradient vanishes when $D(G(z)) \approx 1$. For the minimax
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
# **Exercise: The gradient of the saturating loss** (medium, 5 minutes). G's loss in the minimax game is $\log(1 - D)$ with $D = \sigma(s)$, where $s$ is D's logit on a
# fake. What is its derivative with respect to $s$? Write it in closed form (a function of the logit,
# no autograd).


# %% tags=["exercise"]
def my_saturating_gradient(logit):
    """The derivative of log(1 - sigmoid(logit)) with respect to the logit."""
    ...  # your code


# %%
ex.saturating_gradient.check(my_saturating_gradient)

# %% [markdown]
# **Exercise: The gradient of the non-saturating loss** (medium, 5 minutes). Now G's loss is $-\log D$ with $D = \sigma(s)$. What is its derivative with respect to $s$, in
# closed form? Compare both gradients at $s = -6$.


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
# each over its own parameters. P1 calls this a "min-min" game and a heuristic. *Heuristic* is right: theorem 1 was about (1.8). *Min-min* is true of each player on its own, as P1 says: each minimises its own loss. But they do not minimise the same function: there is no single $F$ that both descend, and their interests still conflict.
#
# The smallest example shows it: all data at 0, all generated points at $\theta$, and $D(x) = \sigma(wx)$. If one $F(w, \theta)$ had the two gradients $\partial F/\partial w = \partial L_D/\partial w$ and $\partial F/\partial\theta = \partial L_G / \partial\theta$, its mixed second derivatives would agree.

# %%
w, th = sympy.symbols("w theta", real=True)


def softplus(logit):
    return sympy.log(1 + sympy.exp(logit))


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
# (Arjovsky and Bottou 2017): the *reversed* divergence of section 1.1, which forgives missing humps, *minus* twice the divergence that theorem 1 is about.
#
# We assert (1.21), and then ask the question that "same fixed point" leaves open: what if $G$ cannot reach the data? Let one normal of standard deviation 2 chase two unequal humps.

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
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
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
# **Predict.** Make the normal narrow, `Normal(theta, 1.0)`. How many resting places does each loss have then, and where? What does a generator that rests there leave out?

# %%
thetas = [i / 20 - 3 for i in range(121)]
narrow = [theory.generator_gradients(uneven, Normal, t, x) for t in thetas]
for which, name in enumerate(("saturating", "non-saturating")):
    slopes = [pair[which] for pair in narrow]
    valleys = [round(thetas[i], 1) for i in range(120) if slopes[i] < 0 <= slopes[i + 1]]  # from downhill to uphill
    print(f"{name:14s} comes to rest near theta = {valleys}")
    assert len(valleys) == 2 and valleys[0] < -1 and valleys[1] > 1

# %% [markdown]
# <details><summary>Answer</summary>
#
# Both losses have two resting places now, one near each hump, with a summit between them that no descent comes to rest on. A generator that rests at one hump leaves out the other, and no small step tells it so. Where it starts decides which hump it gets.
#
# </details>

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
# G14 used $k = 1$, "the least expensive option".
#
# The location game is small enough to follow by hand: data $N(\mu, 1)$ with $\mu = 2$, $G(z) = \theta + z$, and $D(x) = \sigma(wx + b)$. Its $D^*$ has $w = \mu - \theta$. Start with $w = b = 0$ and $\theta = -1$, and use exact expectations and step sizes of 0.2:
#
# - $D = 1/2$ everywhere, so $\partial V/\partial w = \frac12(\mu - \theta) = 1.5$ and $\partial V/\partial b = \frac12 - \frac12 = 0$.
# - $D$'s step: $w = 0.2 \cdot 1.5 = 0.3$ and $b = 0$.
# - $G$'s gradient, from (1.17): $\partial V/\partial\theta = -w\,\mathbb{E}[\sigma(w(\theta + z) + b)]$, which is near $-0.3\,\sigma(-0.3) \approx -0.128$. So $\theta$ moves up by about 0.026.
#
# In general, $\partial V/\partial w = \mathbb{E}_p[(1 - D(x))\,x] - \mathbb{E}_{p_g}[D(x)\,x]$, and $\partial V/\partial b$ is the same without the factors $x$. Here they are as code.

# %%
mu = 2.0
z = theory.grid(-8.0, 8.0, 160)
weight_z = Normal()(z) * (z[1] - z[0])  # a sum with these weights is a mean over z ~ N(0, 1)


def ascent(w, b, theta):
    """(dV/dw, dV/db): the way up for D."""
    x_real, x_fake = mu + z, theta + z
    pull = weight_z * (1 - torch.sigmoid(w * x_real + b))  # d log D / ds = 1 - D
    push = weight_z * torch.sigmoid(w * x_fake + b)  # -d log(1 - D) / ds = D
    return (pull * x_real - push * x_fake).sum().item(), (pull - push).sum().item()


def gradient(w, b, theta):
    """dV/dtheta: (1.17), times ds/dx = w and dx/dtheta = 1."""
    return -w * (weight_z * torch.sigmoid(w * (theta + z) + b)).sum().item()


up_w, up_b = ascent(0.0, 0.0, -1.0)
print(
    f"at the start D's gradient is ({up_w:.1f}, {abs(up_b):.1f}); after its step G's is {gradient(0.3, 0.0, -1.0):.3f}"
)
assert abs(up_w - 1.5) < 1e-9 and abs(up_b) < 1e-9
assert abs(gradient(0.3, 0.0, -1.0) + 0.3 / (1 + math.exp(0.3))) < 0.005  # by hand: sigma(-0.3) for its mean over z

# %% [markdown]
# **Exercise: One round of Algorithm 1** (medium, 8 minutes). Write one round of Algorithm 1 for the location game: `k` steps of D's `w` and `b` *up* the gradient of $V$, then
# one step of G's `theta` *down* the gradient of its loss, all with learning rate `lr`. Both gradients are given:
# `ascent(w, b, theta)` returns the pair $(\partial V/\partial w, \partial V/\partial b)$, and
# `gradient(w, b, theta)` the number $\partial L_G/\partial\theta$. Return the new `w`, `b` and `theta`.


# %% tags=["exercise"]
def my_algorithm_1_round(w, b, theta, k, lr, ascent, gradient):
    """One round: k steps of D up, then one step of G down; returns the new (w, b, theta)."""
    ...  # your code


# %%
ex.algorithm_1_round.check(my_algorithm_1_round)

# %% [markdown]
# And this is the algorithm, whole. Compare it with yours.


# %%
def algorithm_1(steps, k, lr_d=0.2, lr_g=0.2, w=0.0, b=0.0, theta=-1.0):
    """Rows (w, b, theta): at the start, and after each step of G."""
    path = [(w, b, theta)]
    for _ in range(steps):
        for _ in range(k):
            up_w, up_b = ascent(w, b, theta)
            w, b = w + lr_d * up_w, b + lr_d * up_b
        theta = theta - lr_g * gradient(w, b, theta)
        path.append((w, b, theta))
    return torch.tensor(path, dtype=torch.float64)


print("step     w        b      theta")
for step, (w_now, b_now, theta_now) in enumerate(algorithm_1(steps=3, k=1).tolist()):
    print(f"{step:4d}  {w_now:7.4f}  {b_now:7.4f}  {theta_now:7.4f}")
game = games.LocationGame(mu)  # the same in the package, for what follows
assert torch.allclose(algorithm_1(50, k=3), game.play(50, k=3, lr_d=0.2, lr_g=0.2), atol=1e-12)

# %% [markdown]
# Now 250 generator steps, with $k = 1$, 5 and 20, and beside them the ideal: a $G$ that descends $C$ itself, against the exact $D^*$.

# %%
paths = {k: algorithm_1(steps=250, k=k) for k in (1, 5, 20)}
ideal = [-1.0]
for _ in range(250):
    ideal.append(ideal[-1] - 0.2 * gradient(*game.best_discriminator(ideal[-1]), ideal[-1]))
print("  k   first within 0.1   overshoots by   mean |w - w*|   steps of D in all")
for k, path in paths.items():
    overshoot = (path[:, 2].max() - 2).clamp(min=0).item()
    first = int((path[:, 2] > 1.9).nonzero()[0])
    lag = (path[:, 0] - (2 - path[:, 2])).abs()
    print(f"{k:3d}   {first:16d}   {overshoot:13.3f}   {lag[1:].mean().item():13.3f}   {250 * k:10d}")
    assert (path[-1] - torch.tensor([0.0, 0.0, 2.0])).abs().max() < 0.1  # all end at theta = 2, D = 1/2
    assert 35 <= first <= 45
assert lag[10:].max() < 0.25  # with k = 20, w is near its best after ten steps of G
away = [max(abs(a - b) for a, b in zip(path[:, 2].tolist(), ideal, strict=True)) for path in paths.values()]
assert away[0] > away[1] > away[2]  # the larger k is, the closer to descending C

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6))
styles = {1: (":", 1.8), 5: ("--", 1.6), 20: ("-", 1.8)}
left.plot([-1.2, 3.2], [3.2, -1.2], color=DISCRIMINATOR, lw=1)
left.annotate("best $w$ for each $\\theta$: $2 - \\theta$", (-0.1, 2.6), color=DISCRIMINATOR)
for k, path in paths.items():
    left.plot(path[:, 2], path[:, 0], color=GENERATOR, ls=styles[k][0], lw=styles[k][1])
    right.plot(path[:, 2], color=GENERATOR, ls=styles[k][0], lw=styles[k][1])
for k, place in ((1, (-0.15, 0.95)), (5, (-0.5, 1.42)), (20, (-1.15, 2.3))):
    left.annotate(f"$k = {k}$", place, color=GENERATOR)
left.plot([-1], [0], "s", color="black", ms=5)
left.annotate("start", (-0.95, -0.28))
left.plot([2], [0], "o", color="black", ms=5)
left.annotate("equilibrium", (1.95, -0.06), (0.4, -0.75), arrowprops={"arrowstyle": "-", "lw": 0.8})
left.set(xlabel="$\\theta$, the generator", ylabel="$w$, the discriminator", xlim=(-1.3, 3.0), ylim=(-1.0, 3.2))
right.plot(ideal, color="black", lw=1)
right.axhline(2, color=DATA, lw=1)
for k, place in ((1, (92, 2.6)), (5, (16, 2.25))):
    right.annotate(f"$k = {k}$", place, color=GENERATOR)
right.annotate("$k = 20$ (solid), and below it\nthe exact $D^*$ (black, thin)", (56, 1.35))
right.annotate("data", (232, 1.85), color=DATA)
right.set(xlabel="generator step", ylabel="$\\theta$", ylim=(-1.2, 2.9))
plots.show(
    fig,
    "1.9",
    "The location game from $\\theta = -1$. With $k = 20$ (solid) $D$ comes near its best $w$ (violet) within ten steps of "
    "$G$, which then walks down $C$. With $k = 1$ (dotted) $D$ lags behind, $G$ runs past the data at 2, and both spiral in.",
    "Left: paths in the plane of theta and w; the one for k = 20 rises to the line of best w and follows it to the "
    "equilibrium, that for k = 1 winds around it. Right: theta against steps; k = 1 overshoots and oscillates, k = 20 "
    "follows the ideal.",
)

# %% [markdown]
# A surprise: the three first come near the data after about the same number of generator steps, although $k = 20$ pays for 20 times as many steps of $D$. It is only then that they differ. A larger $k$ buys fidelity to the theory (no running past the data, no spiral), not speed on the way.
#
# **Predict.** What happens to the spiral when $D$ learns ten times as fast, `lr_d=2.0`, with $k = 1$? Is that the same as $k = 10$?

# %%
ten_steps, long_step = algorithm_1(250, k=10), algorithm_1(250, k=1, lr_d=2.0)
for name, path in (("k = 10", ten_steps), ("k = 1, lr_d = 2.0", long_step), ("k = 1", paths[1])):
    print(f"{name:18s} overshoots by {path[:, 2].max() - 2:.2f}, ends at theta = {path[-1, 2]:.2f}")
assert ten_steps[:, 2].max() < paths[1][:, 2].max() < long_step[:, 2].max()

# %% [markdown]
# <details><summary>Answer</summary>
#
# It is not. Ten small steps turn with the curvature of $V$ and end near $D^*$: hardly any overshoot. One step of ten times the length shoots past $D^*$ and back, and the game swings more than before.
#
# </details>

# %% [markdown]
# ## 1.10 Do such games always settle?
#
# The spiral of figure 1.9 went inwards. Was that luck?
#
# It was the shape of $D$'s objective: $V$ is *curved* in $w$, and the curvature damps. Take the curvature away and keep only the conflict. What is left is the **bilinear game**:
#
# $$ \min_\theta \max_\varphi \; V(\theta, \varphi) = \theta\,\varphi. \tag{1.22} $$
#
# Its Nash equilibrium is $(0, 0)$. With the step size $\eta$, there are three ways to play:
#
# - **simultaneous** steps: both move from the old point, $\theta' = \theta - \eta\varphi$, $\;\varphi' = \varphi + \eta\theta$;
# - **alternating** steps: $\varphi$ answers the new $\theta'$, so $\varphi' = \varphi + \eta\theta'$;
# - **extragradient** (Korpelevich 1976): both look ahead by one simultaneous step, and then step from the *old* point with the gradients of the point ahead.
#
# Write the first and the third yourself, before you see them as code. (The exercises call the players $x$ and $y$.)

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
# The three rules as code:


# %%
def simultaneous(theta, phi, eta):
    return theta - eta * phi, phi + eta * theta


def alternating(theta, phi, eta):
    theta = theta - eta * phi
    return theta, phi + eta * theta  # the new theta


def extragradient(theta, phi, eta):
    ahead_theta, ahead_phi = theta - eta * phi, phi + eta * theta
    return theta - eta * ahead_phi, phi + eta * ahead_theta  # from the old point, with the gradients of the point ahead


def orbit(rule, eta, steps):
    """Rows (theta, phi) from (1, 0), (steps + 1, 2)."""
    points = [(1.0, 0.0)]
    for _ in range(steps):
        points.append(rule(*points[-1], eta))
    return torch.tensor(points, dtype=torch.float64)


RULES = {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient}
for how, rule in RULES.items():
    assert torch.equal(orbit(rule, 0.1, 50), games.bilinear(how, 0.1, 50))  # as the package plays them

# %% [markdown]
# All three are linear in $(\theta, \varphi)$: each step multiplies it by a matrix, and what the matrix does to lengths decides everything. To find out, we hand the rules symbols in place of numbers.

# %%
eta, theta_s, phi_s = sympy.symbols("eta theta varphi", real=True)


def growth(rule):  # squared length after a step, over squared length before
    new_theta, new_phi = rule(theta_s, phi_s, eta)
    return sympy.factor(sympy.simplify((new_theta**2 + new_phi**2) / (theta_s**2 + phi_s**2)))


new_theta, new_phi = alternating(theta_s, phi_s, eta)
ellipse = theta_s**2 + phi_s**2 - eta * theta_s * phi_s
kept = ellipse.subs({theta_s: new_theta, phi_s: new_phi}, simultaneous=True)
assert sympy.simplify(growth(simultaneous) - (1 + eta**2)) == 0
assert sympy.simplify(growth(extragradient) - (1 - eta**2 + eta**4)) == 0
assert sympy.expand(kept - ellipse) == 0
print("simultaneous: length^2 times", growth(simultaneous))
print("extragradient: length^2 times", growth(extragradient))
print("alternating keeps", ellipse)

# %% [markdown]
# - **Simultaneous** steps *always* diverge, by the factor $\sqrt{1 + \eta^2}$ a step: a smaller $\eta$ only diverges more slowly.
# - **Alternating** steps stay on the ellipse $\theta^2 + \varphi^2 - \eta\theta\varphi = \text{const}$ (for $\eta < 2$) and go round it for ever.
# - **Extragradient** contracts by $\sqrt{1 - \eta^2 + \eta^4} < 1$ for $0 < \eta < 1$.
#
# Now the same with numbers.

# %%
step_size, n = 0.1, 400
orbits = {how: orbit(rule, step_size, n) for how, rule in RULES.items()}
for how, points in orbits.items():
    radius = points.norm(dim=1)
    average = points.mean(0).norm().item()
    print(f"{how:14s} distance from the equilibrium: start 1, end {radius[-1]:.3f}; of the average {average:.3f}")

radius = orbits["simultaneous"].norm(dim=1)
assert torch.allclose(radius[1:] / radius[:-1], torch.tensor(math.sqrt(1 + step_size**2)).double())
radius = orbits["extragradient"].norm(dim=1)
assert torch.allclose(radius[1:] / radius[:-1], torch.tensor(math.sqrt(1 - step_size**2 + step_size**4)).double())
for length in (100, 1000, 10_000):  # the running average of the orbit shrinks like 1 / length
    average = orbit(alternating, step_size, length).mean(0).norm().item()
    print(f"alternating: average of {length:5d} steps at distance {average:.4f}")
    assert average < 2.2 / (step_size * length)

# %%
fig, axes = plt.subplots(1, 3, figsize=(11, 3.9))
for ax, (how, points) in zip(axes, orbits.items(), strict=True):
    ax.plot(points[:, 0], points[:, 1], color=DISCRIMINATOR, lw=1)
    running = points.cumsum(0) / torch.arange(1, len(points) + 1)[:, None]
    ax.plot(running[:, 0], running[:, 1], color=ACCENT, lw=1.5)
    ax.plot(*points[0], "o", color=DISCRIMINATOR, ms=5)
    ax.plot([0], [0], "k+", ms=10)
    reach = 1.1 * max(1.0, points.abs().max().item())
    ax.set(title=how, xlabel="$\\theta$", xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
axes[0].set_ylabel("$\\varphi$")
axes[1].annotate("running average", (-0.5, -0.5), color=ACCENT)
plots.show(
    fig,
    "1.10",
    "The bilinear game from the dot at (1, 0). Simultaneous steps spiral out (note the scale); alternating steps orbit, "
    "while their running average (blue) closes in on the equilibrium (cross); extragradient spirals in.",
    "Three panels: an outward spiral to a radius of about seven, a closed ring whose running average winds to the centre, "
    "and an inward spiral.",
)

# %% [markdown]
# Here is a reason for two habits of practice. Steps alternate: $G$ answers the $D$ that has just moved. And one keeps an *average* of a generator's weights over training; lesson 05 measures what that is worth. A warning too: that losses hover around a constant says nothing about having arrived. On the orbit they do so for ever.
#
# **Predict.** Add damping, $V = \theta\varphi - \frac{c}{2}\varphi^2$ with a small $c > 0$. Which of the three outcomes changes? Is any $c > 0$ enough? In figure 1.9, what played the role of $c$?


# %%
def damped(how, c, eta=0.1, steps=400):
    """The distance from (0, 0) after some steps on theta * phi - c/2 * phi**2 from (1, 0)."""
    theta, phi = 1.0, 0.0
    for _ in range(steps):
        if how == "simultaneous":
            theta, phi = theta - eta * phi, phi + eta * (theta - c * phi)
        elif how == "alternating":
            theta = theta - eta * phi
            phi = phi + eta * (theta - c * phi)
        else:
            ahead_theta, ahead_phi = theta - eta * phi, phi + eta * (theta - c * phi)
            theta, phi = theta - eta * ahead_phi, phi + eta * (ahead_theta - c * ahead_phi)
    return math.hypot(theta, phi)


print("step size 0.1, 400 steps, distance at the end (1 at the start)")
print("     c   " + "  ".join(f"{how:>13s}" for how in RULES))
for c in (0.0, 0.05, 0.1, 0.2):
    print(f"{c:6.2f}   " + "  ".join(f"{damped(how, c):13.3f}" for how in RULES))
assert damped("simultaneous", 0.05, steps=4000) > 100 and damped("simultaneous", 0.2, steps=4000) < 1e-6
assert damped("alternating", 0.01, steps=40_000) < 1e-3  # any damping will do here

# %% [markdown]
# <details><summary>Answer</summary>
#
# Alternating steps come to rest with any small $c > 0$: the orbit becomes an inward spiral. Extragradient arrives sooner. Simultaneous steps still diverge with a small $c$. Their step has the determinant $1 - \eta c + \eta^2$, and the spiral turns inwards only where it is below 1, that is for $c > \eta$: the damping must win against the step size. At $c = \eta$ they orbit.
#
# In figure 1.9 the curvature of $V$ in $w$ and $b$ played the role of $c$.
#
# </details>

# %% [markdown]
# **Exercise: How much damping is enough?** (hard, 10 minutes). Add damping to the maximiser, $V(x, y) = xy - \frac{c}{2} y^2$, and take **simultaneous** steps with learning rate
# `lr`. For which $c$ do they come to rest at $(0, 0)$? Return True or False, for $0 \le c \le 1$ and
# $0 < \mathrm{lr} \le 1$; on the border they do not.


# %% tags=["exercise"]
def my_enough_damping(c, lr):
    """Whether simultaneous steps on x * y - c/2 * y**2 converge to (0, 0)."""
    ...  # your code


# %%
ex.enough_damping.check(my_enough_damping)

# %% [markdown]
# ## 1.11 Why does a generator forget half of the world?
#
# Trained GANs often make only some kinds of the data: **mode collapse**. Is it what the theory asks for?
#
# It is not. Let the data have 8 equal, well-separated modes (kinds), and let $G$ spread its samples evenly over $c$ of them. The divergences then have closed forms:

# %%
print(" c     C(G)    2 JSD   KL(p || p_g)  KL(p_g || p)   KL(p_g || p) - 2 JSD")
goals = []  # rows: 2 JSD, the reversed KL, and what the non-saturating loss descends
for c in range(1, 9):
    divergence = theory.jsd_of_missing_modes(8, c)
    forward, reverse_kl = (0.0 if c == 8 else math.inf), math.log(8 / c)
    practice = reverse_kl - 2 * divergence
    row = f"{2 * divergence:7.4f}   {forward:12.1f}  {reverse_kl:12.4f}   {abs(practice):20.4f}"
    print(f"{c:2d}  {-math.log(4) + 2 * divergence:7.4f}  {row}")
    goals.append((2 * divergence, reverse_kl, practice))
    assert c == 8 or reverse_kl > 2 * divergence > divergence > 0
for goal in zip(*goals, strict=True):
    gains = [before - after for before, after in itertools.pairwise(goal)]
    assert min(gains) > 0 and gains == sorted(
        gains, reverse=True
    )  # each mode found lowers it, by less than the last did
    assert abs(goal[-1]) < 1e-12

# %% [markdown]
# Every missing mode costs something, in each column, and each is lowest when none is missing. So the fault is not in the *goal*, neither in that of the minimax game ($C$) nor in that of the non-saturating loss (the last column, by (1.21)).
#
# But compare the prices. Only $\mathrm{KL}(p\,\|\,p_g)$, the likelihood's divergence, *forbids* a missing mode, with an infinite price. All the others ask a finite one, and the last modes to be found are worth the least.
#
# A further cause lies in the *order* of min and max. In $\min_G \max_D$, $D$ may answer every $G$. Gradient steps do not know which player was meant to move last. Swap them: for a *fixed* $D$, the best $G$ sends every $z$ to the one point where $D$ is largest,
#
# $$ \min_G V(D, G) = \mathbb{E}_p[\log D(x)] + \log\big(1 - \max_x D(x)\big), \tag{1.23} $$
#
# a total collapse. (This is one violet curve of figure 1.5, followed to its end.) How near a training run comes to it depends on how fast $D$ answers.
#
# We try it on a ring of 8 Gaussians (Metz et al. 2017), with a small GAN. A mode counts as covered if at least 1 % of the samples lie within three standard deviations of its centre, and as *held* if at least 20 % do. Two kinds of runs differ in *one* number, the learning rate of $D$: it is that of $G$, or a fifth of it. Each is played with three seeds.
#
# What should happen: with an equal $D$, all 8 modes, or nearly, when it has trained for long (not in the smoke profile). With a slow $D$, a $G$ that runs to where $D$ is largest, sits there until $D$ has learned to reject the place, and runs on.

# %% tags=["nbval-ignore-output"]
centres, mode_std = games.ring_centres(), 0.1
steps = 100 * plan.epochs
watch = list(range(20, steps + 1, 20))
speeds = {"D as fast as G": 1e-3, "D five times slower": 2e-4}
gans, pictures, shares = {}, {}, {}


def moves(share):
    """The modes that held a fifth of the samples, in order, without repeats; share (times, modes)."""
    held = [int(row.argmax()) for row in share if row.max() >= 0.2]
    return [mode for mode, _ in itertools.groupby(held)]


for name, lr_d in speeds.items():
    for run in range(seed, seed + 3):
        gan = games.RingGAN(seed=run, lr_d=lr_d, lr_g=1e-3, std=mode_std)
        seen = gan.train(steps, watch)
        share = torch.stack([games.count_modes(points, centres, mode_std).shares for points in seen.values()])
        gans[name, run], pictures[name, run], shares[name, run] = gan, seen, share
        covered = (share >= 0.01).sum(1)
        late = covered[len(covered) // 2 :].double().mean()
        print(
            f"{name:19s} seed {run}: modes covered in the second half {late:.1f} on average, at the end {covered[-1]}; "
            f"held at some time {int((share >= 0.2).any(0).sum())}, changes of the mode held {max(0, len(moves(share)) - 1)}"
        )
        if plan.profile != "smoke" and lr_d == 1e-3:
            assert covered[-1] >= 6 and len(moves(share)) <= 2
        elif plan.profile != "smoke":
            assert late < 2 and len(moves(share)) > 10 and (share >= 0.2).any(0).sum() >= 5

# %% [markdown]
# Now the pictures. Those of the slow run are not picked by eye: they show its last four visits to a mode, each at the moment when it held most samples.

# %% tags=["nbval-ignore-output"]
real = games.sample_ring(1000, torch.Generator().manual_seed(5), mode_std)
slow, fast = ("D five times slower", seed), ("D as fast as G", seed)
visits = []  # (first time, last time) of each visit of the slow run
for time, row in enumerate(shares[slow]):
    if row.max() >= 0.2:
        same = visits and int(shares[slow][visits[-1][-1]].argmax()) == int(row.argmax())
        visits[-1].append(time) if same else visits.append([time])
peaks = [max(visit, key=lambda time: float(shares[slow][time].max())) for visit in visits[-4:]]
peaks = peaks or [len(watch) - 1]

fig = plt.figure(figsize=(11, 7.6))
rows = fig.subfigures(2, 1, height_ratios=[1, 1.35])
panels = [("$D$ as fast as $G$", fast, len(watch) - 1), *[("slow $D$", slow, time) for time in peaks]]
for ax, (label, key, time) in zip(rows[0].subplots(1, len(panels)), panels, strict=True):
    ax.scatter(*real.T, s=2, color=plots.COLOURS["muted"])
    ax.scatter(*pictures[key][watch[time]].T, s=3, color=GENERATOR)
    ax.set(title=f"{label}, round {watch[time]}", xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal")
    ax.title.set_fontsize(9.5)
    ax.set(xticks=[], yticks=[], xlabel=f"modes covered: {int((shares[key][time] >= 0.01).sum())} of 8")
lines = rows[1].subplots(2, 1, sharex=True)
for ax, key, label in zip(lines, (fast, slow), ("$D$ as fast as $G$", "$D$ five times slower"), strict=True):
    image = ax.imshow(
        shares[key].T,
        aspect="auto",
        cmap="Oranges",
        vmin=0,
        vmax=0.5,
        extent=(0, steps, 7.5, -0.5),
        interpolation="nearest",
    )
    ax.set(title=f"share of the samples at each mode: {label}", ylabel="mode", yticks=range(8))
    ax.grid(False)
lines[1].set_xlabel("round")
bar = rows[1].colorbar(image, ax=lines, shrink=0.8)
bar.set_label("share of the samples")
plots.show(
    fig,
    "1.11",
    "Above: data (grey) and samples (orange). Below: where the samples are over time, a row for each of the 8 modes. A fast "
    "$D$ spreads $G$ over all of them. Before a slow $D$, $G$ holds one mode, leaves it for another, and comes back later.",
    "Above: in the first panel the samples lie round the ring, open between two neighbouring modes, in the others in one spot or on a streak through one mode. "
    f"Below: eight filled rows for the fast D; for the slow D short dashes that jump from row to row, "
    f"{max(0, len(moves(shares[slow])) - 1)} times.",
)

# %% [markdown]
# The slow run *forgets*: it holds a mode, loses it, and may find it again hundreds of rounds later. When $D$ has at last learned to reject the spot, $G$ moves on to another. That it comes back later shows that $D$ has unlearned the rejection in the meantime. The game *cycles*, as the bilinear game does. A picture of modes over time tells collapse from convergence; one picture of samples does not.
#
# Where a run covers several modes, threads of samples join neighbours: the bridge of section 1.2, which no continuous generator of connected noise can avoid.
#
# Now (1.23) itself: take the *good* run, freeze its $D$, and let $G$ go on alone. Two questions. Is one single point really the best answer to this $D$? And do gradient steps find it?

# %% tags=["nbval-ignore-output"]
frozen = gans[fast]
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
    count = games.count_modes(points, centres, mode_std)
    print(f"{name:24s} E[log(1 - D)] {cost:6.2f}   modes {count.covered}   near a mode {count.good:.0%}")
assert costs[2] <= min(costs[:2])

# %% [markdown]
# The first answer is yes: with everything at one point, $G$ pays less than either of its own versions. That is (1.23), and it is a total collapse.
#
# The second is no, or not in 400 steps. Each sample climbs the hill of $D$ that it stands on, and this $D$, which has kept up with its $G$, has a hill near every mode. We had expected a collapse here, and the run says otherwise.
#
# Samples travel together when they all stand on *one* slope, that is, when they lie close together already: at the start of training, and again whenever a collapsed $G$ is driven off its spot. To see it, give a new $D$ 300 steps against an untrained $G$, whose samples all lie near 0, and then let $G$ go alone.

# %% tags=["nbval-ignore-output"]
fresh = games.RingGAN(seed=seed, std=mode_std)
for _ in range(300):
    fresh.step_d()
for when in ("untrained G", "200 steps of G alone"):
    flock = fresh.sample(z_fixed)
    verdict = fresh.D.probability(flock).mean()
    print(f"{when:21s} D(G(z)) {verdict:.3f}   modes {games.count_modes(flock, centres, mode_std).covered}")
    for _ in range(200):
        fresh.step_g()
assert verdict > 0.9 and games.count_modes(flock, centres, mode_std).covered <= 2

# %% [markdown]
# Every sample fools this $D$, and the flock has gone one way: away from most of the ring.
#
# **Predict.** Will `k=5` repair the slow run? It gives $D$ five steps of a fifth of the size. Try `games.RingGAN(seed=seed, k=5, lr_d=2e-4)`.
#
# <details><summary>Answer</summary>
#
# It does, in each of the three seeds that we ran: all 8 modes at the end. What counts is how far $D$ gets between two steps of $G$, and five short steps get it about as far as a long one.
#
# </details>

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
fig, ax = plt.subplots(figsize=(7.6, 3.8))
ax.fill_between(x, twins(x), color=DATA, alpha=0.3, lw=0)
ax.plot(x, twins(x), color=DATA)
ax.plot(x, one(x), color=GENERATOR)
ax.axhline(0.5, color=DISCRIMINATOR)
ax.plot(x, theory.optimal_discriminator(twins(x), one(x)), color=DISCRIMINATOR, ls="--", lw=1.2)
ax.annotate("best linear $D$: 1/2", (0, 0.53), color=DISCRIMINATOR, ha="center")
ax.annotate("$D^*$", (2.66, 0.96), color=DISCRIMINATOR, ha="center")
ax.annotate("data", (2.0, 0.42), color=DATA, ha="center")
ax.annotate("$p_g$", (0, 0.43), color=GENERATOR, ha="center")
ax.set(xlabel="$x$", ylabel="density; probability of data", xlim=(-5, 5), ylim=(0, 1.08))
plots.show(
    fig,
    "1.12",
    "A discriminator that can only tell left from right sees no difference between these two densities: $D = 1/2$, both "
    "losses at their equilibrium marks, and $p_g \\ne p$. The unrestricted $D^*$ (dashed) does see it.",
    "Data with two humps at -2 and 2, a generated hump at 0. A flat line at one half is the best linear D; the dashed D* "
    "is near 0 in the middle, above 0.9 on the outer side of each hump, and near 0 again at both edges.",
)

# %% [markdown]
# So $D = 1/2$ means "this $D$, trained so far, cannot tell them apart", and no more. At an equilibrium of finite networks the generator need only fool *that* discriminator. And the losses show the state of the game, not the quality of the samples; lesson 05 measures quality.
#
# **Predict.** Which statistic of the data must $p_g$ match to fool a linear $D$? And one with logit $w_1 x + w_2 x^2 + b$?

# %%
x = theory.grid(-16.0, 16.0, 3200)
square = torch.zeros(3, dtype=torch.float64, requires_grad=True)
for width, fooled in ((1.0, False), (math.sqrt(2.0**2 + 0.5**2), True)):  # the second has the variance of the data
    d = torch.sigmoid(square[0] * x + square[1] * x**2 + square[2])
    (climb,) = torch.autograd.grad(theory.value(twins(x), Normal(0.0, width)(x), d, x), square)
    print(f"generator's std {width:.2f}: D's gradient at D = 1/2 has size {climb.norm():.3f}")
    assert bool(climb.norm() < 1e-3) == fooled

# %% [markdown]
# <details><summary>Answer</summary>
#
# The mean. At $w = b = 0$ the gradient of $V$ with respect to $w$ is half the difference of the two means, so equal means leave a linear $D$ nothing to climb. With $x^2$ in the logit the mean of $x^2$ must agree too, and with it the variance. Each feature that $D$ can form is one moment that $G$ must match.
#
# </details>

# %% [markdown]
# ## 1.13 Where do GANs stand?
#
# We have met several ways to learn a distribution in passing. How do they differ, and when does one want a GAN?
#
# The question that sorts them is what becomes of the density $p_\theta(x)$ of section 1.1:
#
# | family | what is trained | the density of the model | drawing a sample |
# | --- | --- | --- | --- |
# | autoregressive likelihood (PixelRNN, 2016) | the likelihood (1.1), one pixel given those before it | exact | one pass for each pixel |
# | variational autoencoder (Kingma and Welling 2013) | a lower bound of (1.1): a second network proposes the $z$ that (1.3) needs | a bound | one pass |
# | normalising flow (NICE, 2014; Real NVP, 2016) | (1.1) by the change of variables (1.5), with a $G$ that can be inverted | exact | one pass |
# | **GAN** (2014) | the game (1.8): a divergence that a second network estimates from samples | none; only samples | one pass |
# | diffusion (2015; Ho et al. 2020) | to remove a little noise, at every strength of noise: a bound of (1.1) | a bound | many passes |
#
# The first three and the last pay for a likelihood, with a bound, an invertible network or many passes. A GAN gives it up, and with it the means of section 1.1 to *forbid* a missing mode.
#
# **How it came about.** Noise-contrastive estimation (2010, section 1.4) had shown that a classifier between data and noise learns a density. G14 turned it around in 2014: keep the classifier, and let the *noise* learn. DCGAN (2015) found networks with which it works, f-GAN (2016) and Wasserstein GAN (2017) other divergences for it, BigGAN and StyleGAN (2018) size and quality. Since about 2021 diffusion models make the better pictures on most benchmarks (Dhariwal and Nichol 2021).
#
# **What has stayed.** One pass through $G$ makes an image, so GANs are at home where speed counts. And an adversarial loss *added to another one* sharpens what that one leaves blurred: in super-resolution, in the autoencoders in which latent diffusion models work, and in distilling those models to a few passes. In each of these there is a $D$ that is trained as in this lesson.
#
# **Predict.** For which of the five can you state how probable *this* photograph is? And which of them could you train, if you had only a program that makes samples for you, and nothing that can be differentiated?
#
# <details><summary>Answer</summary>
#
# Exactly: for the autoregressive model and the flow. Within a bound: for the autoencoder and the diffusion model. For a GAN not at all, although the ratio $p/p_g$ is what its $D$ estimates.
#
# None of them. A GAN needs no *density*, but $G$ must be differentiable: its gradient comes through $D$ and then through $G$'s own operations (figure 0.1). A program that cannot be differentiated can play the data, not the generator.
#
# </details>
# %% [markdown]
# ## 1.14 What happens when you play it yourself?
#
# All of the above in one widget: data in the plane, a generator and a discriminator of two small layers each, and the training step that notebooks 02 and 03 use for images.
#
# - *Step D* makes one step of $D$, *Step G* one of $G$, *Step both* one round of Algorithm 1, and *Run* plays rounds until *Pause*.
# - In the left panel, dark violet means that $D$ believes in data, and each arrow shows where the loss of $G$ pulls its sample.
# - The middle panel shows where $G$ takes a grid of noise, as figure 1.2 did in one dimension.
# - Choose *drawn* as the data and press on the panel to make your own.
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
# The widget has no code of its own: it presses buttons of a `Game`. So code can play the four questions too. (Numbers follow: play first.)

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
assert moved["Adam", "saturating"] / moved["Adam", "non_saturating"] < 2
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
# <details><summary>Answers</summary>
#
# 1. Ten steps of $D$ make the arrows of the non-saturating loss *longer*: a $D$ that is certain helps this generator. The saturating loss shrinks the same arrows by the factor $D/(1 - D)$, the inverse of (1.19).
# 2. And yet Adam moves the samples about as far. It divides each step by the usual size of the gradient, so that a gradient that is small *everywhere* is no obstacle to it. Plain gradient descent (SGD) is all but stopped. Section 1.7 is a statement about gradients, and what becomes of a gradient is the optimiser's affair.
# 3. The losses stay at the marks of the equilibrium while the JSD stays near its *worst* value. Losses at their marks say that this $D$ cannot tell, as in section 1.12, and nothing about the samples.
# 4. The samples between the islands become fewer and do not vanish: the bridge of section 1.2. The warped grid is stretched wide there, and steep means thin, never empty.
#
# </details>

# %% [markdown] tags=["progress"]
# ## What you have passed
#
# Run this cell at any time, also on another day: it lists which exercises of this lesson are passed and which are open.

# %% tags=["progress"]
from gancourse.exercises import progress

progress("01")

# %% [markdown]
# ## What we now know
#
# The best discriminator against any generator is $p/(p + p_g)$, and against it the generator minimises $-\log 4 + 2\,\mathrm{JSD}$, which is lowest exactly at the data. Practice plays another game, with the non-saturating loss, few steps of $D$ and finite networks; it shares the fixed point where that is within reach, and nothing guarantees that steps lead there. How the play fails follows from the theory too: flat slopes when $D$ is too good, orbits when only conflict is left, and hopping from mode to mode when $D$ answers too slowly.
#
# ## What we do not know yet
#
# Whether all of this survives 784 dimensions and real digits: notebook 02 trains P1's first GAN. How to measure that samples are good, if the losses do not say. And whether another distance, without the flat slopes of section 1.6, can be trained.

# %% [markdown]
# ## Appendix: slips to know when you read the papers
#
# The papers are worth reading, and each has slips of the pen that can stop a careful reader for an hour. Here are those that concern this lesson; those about networks and data wait for lessons 02 to 04.
#
# 1. P1 says that the optimal discriminator is obtained when $p_g$ equals the density of the data. There is one for every $G$, by (1.10); at $p_g = p$ it is $1/2$.
# 2. P1 has $D(x) \approx 1$ on data as the mark of success in its section 1.5, and $1/2$ in section 1.7. $D(x) \approx 1$ is success of $D$ *over* $G$; at the equilibrium $D = 1/2$, on data too.
# 3. The algorithm in G14, and in P1 after it, prints the noise prior as $p_g(z)$. It is the $p_z(z)$ of their text: $p_g$ is the density of the *samples*.
# 4. P2's text lets $G$ maximise $D(G(z))$, its formula $\log D(G(z))$. The formula is the one to use: without the logarithm the gradient vanishes at both ends (section 1.7).
#
# And one that is easily made in code: *label smoothing* replaces the target 1 by 0.9, so that $D$ has something to lose by being certain. With a sign slip the target becomes 1.1 or 1.2, and leaves $[0, 1]$. Then the loss has no minimum:


# %%
def cross_entropy(target, logit):  # -t log D - (1 - t) log(1 - D), written on the logit
    return torch.nn.functional.softplus(logit) - target * logit


logits = torch.tensor([0.0, 10.0, 100.0, 1000.0])
print("logit          ", "".join(f"{value:9.0f}" for value in logits.tolist()))
for target in (0.9, 1.0, 1.2):
    print(f"loss, target {target}", "".join(f"{loss:9.2f}" for loss in cross_entropy(target, logits).tolist()))
assert cross_entropy(1.2, logits)[-1] < -150  # falls without end: D is paid for growing its logits
logit = torch.tensor(math.log(0.9 / 0.1), requires_grad=True)
(slope,) = torch.autograd.grad(cross_entropy(0.9, logit), logit)
assert abs(slope) < 1e-6  # a target inside [0, 1] has its minimum at D = target
at_equilibrium = theory.optimal_discriminator(humps(x), humps(x))
assert torch.allclose(at_equilibrium, torch.full_like(x, 0.5))  # items 1 and 2: 1/2, on data too

# %% [markdown]
# ## References
#
# - **P1**: S. Ben Abdallah, *Adversarial Networks for Image Generation*, sections 1.1 to 1.8.
# - **P2**: K. Schulz, *GANs for Image Generation on the MNIST Dataset*.
# - **G14**: I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661). Section 4 holds proposition 1, theorem 1 and proposition 2.
# - M. Gutmann, A. Hyvärinen, *Noise-contrastive estimation: A new estimation principle for unnormalized statistical models*, AISTATS 2010.
# - S. Nowozin, B. Cseke, R. Tomioka, *f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization*, NeurIPS 2016, [arXiv:1606.00709](https://arxiv.org/abs/1606.00709).
# - M. Arjovsky, L. Bottou, *Towards Principled Methods for Training Generative Adversarial Networks*, ICLR 2017, [arXiv:1701.04862](https://arxiv.org/abs/1701.04862): perfect discriminators, and (1.21).
# - L. Metz et al., *Unrolled Generative Adversarial Networks*, ICLR 2017, [arXiv:1611.02163](https://arxiv.org/abs/1611.02163): the ring.
# - L. Mescheder et al., *Which Training Methods for GANs do actually Converge?*, ICML 2018, [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): the game of one point against another, in section 1.8.
# - G. Gidel et al., *A Variational Inequality Perspective on Generative Adversarial Networks*, ICLR 2019, [arXiv:1802.10551](https://arxiv.org/abs/1802.10551): averaging and extragradient for GANs, after G. M. Korpelevich, 1976.
# - Section 1.13: D. Kingma, M. Welling, *Auto-Encoding Variational Bayes*, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114); L. Dinh et al., *NICE*, [arXiv:1410.8516](https://arxiv.org/abs/1410.8516), and *Density estimation using Real NVP*, [arXiv:1605.08803](https://arxiv.org/abs/1605.08803); A. van den Oord et al., *Pixel Recurrent Neural Networks*, [arXiv:1601.06759](https://arxiv.org/abs/1601.06759); J. Sohl-Dickstein et al., *Deep Unsupervised Learning using Nonequilibrium Thermodynamics*, [arXiv:1503.03585](https://arxiv.org/abs/1503.03585); J. Ho et al., *Denoising Diffusion Probabilistic Models*, [arXiv:2006.11239](https://arxiv.org/abs/2006.11239); P. Dhariwal, A. Nichol, *Diffusion Models Beat GANs on Image Synthesis*, [arXiv:2105.05233](https://arxiv.org/abs/2105.05233).
