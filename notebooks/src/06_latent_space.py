# %% [markdown]
# # 06 Latent space: what is in $z$?
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/06_latent_space.ipynb)
#
# A trained generator is a map from a hundred random numbers to a digit. So far we drew $z$, looked at $G(z)$, and threw
# $z$ away. In this lesson nothing is trained: we take DCGAN's generator from the course's shipped weights and steer it.
#
# **What you will learn**
#
# - where a normal distribution in 100 dimensions lives, and what that means for a walk between two $z$
# - how to find directions in $z$ that mean something, and how to measure whether they do
# - what truncation buys, and what it costs
# - how to go back, from a real image to a $z$, and what G cannot draw
# - how to ask whether G has learnt its training images by heart
#
# **Time.** Short, since nothing is trained; the plan cell below prints the minutes that were measured on your class of
# machine. The exercises come on top, each with its own estimate.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.3 | 0.7 | 6.1 minutes |
# | 2 cores with bfloat16 units | 0.4 | 0.6 | 4.4 minutes |

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (more samples), or "auto"
seed = 0  # of every z that is drawn
name = "dcgan-mnist"  # one of pretrained.names(): which generator

# %%
import math
from itertools import pairwise

import torch
from matplotlib.figure import Figure

from gancourse import data, evaluation, latent, plots, pretrained, widgets
from gancourse.course import profiles
from gancourse.exercises import lesson06 as ex
from gancourse.plots import COLOURS

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("06_latent_space", profile)
print(plan)

# %% [markdown]
# ## 6.1 Where does $z$ live?
#
# Each of the $d = 100$ numbers of $z$ is drawn from $\mathcal N(0, 1)$, whose most probable value is 0. So the most
# probable $z$ is the origin. **Predict**: of 10,000 draws, how many are closer to the origin than half the average?
#
# The squared length is a sum of $d$ independent squares, each with mean 1 and variance 2:
#
# $$ E\,|z|^2 = d, \qquad \operatorname{Var}|z|^2 = 2d. \tag{6.1} $$
#
# The mean grows with $d$, the standard deviation only with $\sqrt{2d}$. For the length itself, which follows the chi
# distribution, this means a mean of about $\sqrt{d}$ and a standard deviation of about $1/\sqrt 2$, *in any number of
# dimensions*: a thin shell. The density is highest at the origin, but there is hardly any volume there.

# %%
print(f"{'d':>5}{'mean |z|':>10}{'its closed form':>17}{'std':>7}{'closed form':>13}{'below half the mean':>21}")
lengths = {}
for d in (1, 2, 10, 100, 1000):
    lengths[d] = latent.norms(latent.sample(10_000, d, seed))
    mean, std = latent.shell(d)
    close = (lengths[d] < mean / 2).float().mean().item()
    print(f"{d:5}{lengths[d].mean():10.1f}{mean:17.1f}{lengths[d].std():7.1f}{std:13.1f}{close:21.1%}")
    assert abs(lengths[d].mean() - mean) < 5 * std / 100
mean, std = latent.shell()
assert ((lengths[100] - mean).abs() < 4 * std).float().mean() > 0.999

# %%
fig = Figure(figsize=(7.6, 3.0))
ax = fig.subplots()
for (d, values), colour in zip(lengths.items(), ("muted", "data", "accent", "generator", None), strict=True):
    if colour:
        ax.hist(values, bins=60, range=(0, 13), density=True, histtype="step", color=COLOURS[colour], linewidth=1.8)
        x, y = {1: (0.45, 0.77), 2: (1.75, 0.55)}.get(d, (values.mean(), 0.6))
        ax.text(x, y, f"d = {d}", color=COLOURS[colour], ha="left" if d < 10 else "center")
ax.set(xlabel="|z|", yticks=[], ylim=(0, 0.85), title="Density of the length of z")
plots.show(
    fig,
    "6.1",
    "The length of z in 1, 2, 10 and 100 dimensions. The more dimensions, the further out, and the shell keeps its "
    "thickness.",
    "Four histograms of lengths: for one dimension highest at zero, for two and ten further to the right, for a hundred "
    "a narrow hump around ten with nothing below seven.",
)

# %% [markdown]
# The same sum makes directions special too: the cosine of the angle between two draws has mean 0 and standard deviation
# about $1/\sqrt d$. In 100 dimensions any two $z$ are nearly at right angles. Remember that: $G$ was trained on points
# of this shell alone, and on pairs that are far apart.

# %%
a, b = latent.sample(20_000, seed=seed + 1).view(2, 10_000, 100)
cosine = (a * b).sum(1) / (latent.norms(a) * latent.norms(b))
print(f"cosine of the angle: mean {cosine.mean():.2f}, standard deviation {cosine.std():.2f} (1/sqrt(100) = 0.10)")
assert abs(cosine.std() - 0.1) < 0.005

# %% [markdown]
# ## 6.2 How should one walk from one $z$ to another?
#
# Along the straight line, of course (**lerp**, linear interpolation):
#
# $$ \operatorname{lerp}(z_1, z_2; t) = (1-t)\,z_1 + t\,z_2. \tag{6.2} $$
#
# But the straight line between two points of a shell cuts through its inside. The alternative is the great circle
# (**slerp**), with $\omega$ the angle between $z_1$ and $z_2$:
#
# $$ \operatorname{slerp}(z_1, z_2; t) = \frac{\sin((1-t)\,\omega)}{\sin\omega}\,z_1 + \frac{\sin(t\,\omega)}{\sin\omega}\,z_2.
# \tag{6.3} $$
#
# **Exercise: The length of a lerp** (easy, 5 minutes). $z_1$ and $z_2$ are independent draws from $\mathcal N(0, I)$ in $d$ dimensions. What is the root mean square
# length of $(1-t)\,z_1 + t\,z_2$, that is $\sqrt{E|\cdot|^2}$?


# %% tags=["exercise"]
def my_lerp_length(t, d):
    """The root mean square length of (1 - t) z1 + t z2 for independent z1, z2 ~ N(0, I) in d dimensions."""
    ...  # your code


# %%
ex.lerp_length.check(my_lerp_length)

# %% [markdown]
# **Exercise: Slerp, safely** (medium, 10 minutes). Write equation 6.3 for two vectors `a` and `b` of the same length, shape `(d,)`, and a number `t`. It must survive
# `a == b`, where $\sin\omega = 0$, and rounding, which can carry a cosine beyond 1.


# %% tags=["exercise"]
def my_slerp(a, b, t):
    """The point at share t of the great circle from a to b, (d,) each, both of the same length."""
    ...  # your code


# %%
ex.slerp.check(my_slerp)

# %% [markdown]
# Most texts stop here: slerp stays on the shell, so slerp is better. Is it? **Predict**: how sure is a classifier of the
# image halfway along a lerp, and along a slerp? Let us load a generator, draw pairs, and measure four things along both
# ways: the length of $z$, in how many standard deviations it lies from the shell's mean, the confidence of lesson 05's classifier in its answer,
# and the ink.

# %%
epoch = pretrained.epochs(name)[-1]
G = pretrained.load(name, epoch)
classify = evaluation.classifier()
print(f"{name}: {pretrained.card(name)['what']}")


def confidence(x):
    """How sure the classifier is of its answer, (B,)."""
    return classify(x).softmax(1).amax(1)


def digit(x):
    """The classifier's answer, (B,)."""
    return classify(x).argmax(1)


# %% tags=["nbval-ignore-output"]
pairs, t = max(40, plan.images // 40), torch.linspace(0, 1, 9)
ends = latent.sample(2 * pairs, seed=seed + 2).view(2, pairs, 100)
walks = {}
print(f"{'':8}{'t':>6}{'|z|':>7}{'off the shell':>15}{'confidence':>13}{'± error':>9}{'ink':>7}")
for label, how in (("lerp", latent.lerp), ("slerp", latent.slerp)):
    z = how(ends[0], ends[1], t)  # (pairs, 9, 100)
    x = latent.generate(G, z.flatten(0, 1))
    sure, ink = confidence(x).view(pairs, 9), ((x + 1) / 2).mean((1, 2, 3)).view(pairs, 9)
    length, off = latent.norms(z), (latent.norms(z) - mean).abs() / std
    walks[label] = length.mean(0), sure.mean(0), sure.std(0) / math.sqrt(pairs)
    for i in (0, 2, 4, 8):
        numbers = f"{t[i]:6.2f}{length[:, i].mean():7.1f}{off[:, i].mean():15.1f}{sure[:, i].mean():13.3f}"
        print(f"{label:8}{numbers}{walks[label][2][i]:9.3f}{ink[:, i].mean():7.3f}")

# %% tags=["nbval-ignore-output"]
fig = Figure(figsize=(8.6, 3.0))
left, right = fig.subplots(1, 2)
left.axhspan(mean - 2 * std, mean + 2 * std, color="#E8EAED")
for (label, (length, sure, error)), colour in zip(walks.items(), ("data", "generator"), strict=True):
    left.plot(t, length, color=COLOURS[colour])
    left.text(0.5, length[4] + (0.25 if label == "lerp" else -0.6), label, color=COLOURS[colour], ha="center")
    right.errorbar(t, sure, error, color=COLOURS[colour], capsize=2, label=label)
left.set(title="Length of z", xlabel="t", ylabel="|z|", ylim=(6, 12))
right.set(title="Confidence of the classifier", xlabel="t", ylabel="mean", ylim=(0.7, 1.0))
right.legend()
plots.show(
    fig,
    "6.2",
    "Halfway, lerp (grey) is far from the shell (band: two standard deviations of |z|) and slerp (orange) on it. The "
    "classifier's confidence tells a far less clear story.",
    "Left: the length along lerp sags from ten to seven while slerp stays at ten inside the band. Right: mean confidence "
    "along both ways with error bars that overlap almost everywhere.",
)

# %% tags=["nbval-ignore-output"]
gap = walks["slerp"][1][3:6].mean() - walks["lerp"][1][3:6].mean()
error = math.hypot(*[walks[how][2][3:6].mean().item() for how in ("slerp", "lerp")])
print(f"slerp's advantage in confidence around the middle: {gap:+.3f}, with a standard error of about {error:.3f}")
print("clearly there" if gap > 2 * error else "no clear advantage for this generator")

# %% [markdown]
# So the geometry is certain, and the benefit is to be measured, not assumed. What does change along lerp is the ink: a
# shorter $z$ gives weaker signals in the first layer and paler strokes. We use slerp from here on, because then whatever
# we see cannot be blamed on a $z$ that $G$ has never met.
#
# ## 6.3 How smooth is the way?
#
# P4 shows rows of interpolations, calls them smooth, though "not of absolute continuity". Look at ours.

# %%
rows = latent.sample(10, seed=seed + 3).view(5, 2, 100)
way = latent.slerp(rows[:, 0], rows[:, 1], torch.linspace(0, 1, 11))
plots.show(
    plots.image_grid(latent.generate(G, way.flatten(0, 1)), columns=11),
    "6.3",
    "Five walks by slerp, from the left column to the right one; the first ten z of a seed, nothing picked.",
    "Five rows of eleven digits; in each, strokes of the left digit bend, open or close step by step into the right one.",
)

# %% [markdown]
# What could "absolute continuity" mean? $G$ is a chain of linear maps, BatchNorm (in eval mode also linear), ReLU and
# $\tanh$: each is Lipschitz, so $G$ is too, and an image can never jump. But it can hurry. Divide each way into small
# steps and look how unevenly the image changes, and what the classifier reads on the way.

# %%
walk = latent.path(latent.sample(2, seed=seed + 4), 60)
speed = latent.path_statistics(G, walk, classify)
read = digit(latent.generate(G, walk))
changes = [(i, int(read[i]), int(read[i + 1])) for i in range(len(read) - 1) if read[i] != read[i + 1]]
print(
    f"largest step {speed.steps.max() / speed.steps.mean():.1f} times the mean one, smallest {speed.steps.min() / speed.steps.mean():.1f}"
)
for i, before, after in changes:
    print(
        f"between step {i} and {i + 1} the answer turns from {before} to {after}; confidence {speed.confidence[i]:.2f}"
    )
print(f"a pixel moves by {speed.steps.max():.3f} in the fastest of {len(speed.steps)} steps, on a scale of 2")

# %% [markdown]
# A *digit* is a discrete thing, so somewhere between a 3 and a 7 there must be an image that is neither. Continuity of
# $G$ makes such images unavoidable; a good $G$ crosses that land quickly. The usual number for the smoothness of all ways
# is the **perceptual path length** (Karras et al., 2019): the mean squared speed, measured in the features of a
# classifier rather than in pixels. It has a spread, and ways differ:

# %% tags=["nbval-ignore-output"]
n = plan.images // 16
for other in [n for n in ("mlp-mnist", name) if n in pretrained.names()]:
    network = pretrained.load(other)
    ppl = evaluation.path_length(network, n=n, seed=seed)
    print(f"{other:14} path length {ppl.value:7.0f} ± {ppl.error:.0f} (standard error over {n} ways)")

# %% [markdown]
# A small value is no proof of quality: a generator that shows one image for every $z$ scores 0.
#
# **Try it.** Press samples for A and B, drag along the strip, add C and D for a round trip; save what you like as a GIF.

# %%
widgets.interpolator(G, seed=seed)

# %% [markdown]
# And a whole plane of blends: each crossing is a random $z$, in between four are mixed by slerp. Walk with the arrows, the
# sliders, or by dragging the dot.

# %%
widgets.seed_map(G, seed=seed)

# %% [markdown]
# ## 6.4 Can one calculate with $z$?
#
# Radford et al. (2016, section 6.3) took three $z$ of smiling women, three of neutral women and three of neutral men, and
# found a smiling man at
#
# $$ z = \bar z_A - \bar z_B + \bar z_C. \tag{6.4} $$
#
# Why three? One $z$ for each gave unstable results, they write. There is also a reason of geometry. Each number of a mean
# of $n$ draws has variance $1/n$, and three independent means add up to $3/n$:

# %%
draws = latent.sample(27 * 2_000, seed=seed + 5).view(3, 9, 2_000, 100)
for n in (1, 3, 9):
    groups = draws[:, :n].mean(1)
    z = groups[0] - groups[1] + groups[2]
    print(f"means of {n}: variance {z.var():.2f}, mean length {latent.norms(z).mean():.1f}, shell {mean:.1f}")
assert abs((draws[0, :3].mean(0) - draws[1, :3].mean(0) + draws[2, :3].mean(0)).var() - 1) < 0.02

# %% [markdown]
# With three the answer lies on the shell; with one it is too long, with nine too short.
#
# **Exercise: A − B + C** (easy, 4 minutes). `a`, `b` and `c` hold three z each, shape `(3, d)`. Return the z of DCGAN's vector arithmetic, equation 6.4.


# %% tags=["exercise"]
def my_arithmetic(a, b, c):
    """mean(a) - mean(b) + mean(c): (n, d) each -> (d,)."""
    ...  # your code


# %%
ex.arithmetic.check(my_arithmetic)

# %% [markdown]
# MNIST has no smiles, but it has thickness and slant, which can be measured in the image itself: a stroke of width $w$ and
# length $\ell$ has ink $w\ell$ and an edge of $2\ell$; the slant follows from the ink's moments. Draw many $z$ once, and
# measure all their images. The next sections use them too.

# %% tags=["nbval-ignore-output"]
z_all = latent.sample(plan.images, seed=seed + 6)
x_all = latent.generate(G, z_all)
digits, thick, slanted = digit(x_all), latent.thickness(x_all), latent.slant(x_all)
real = data.scale(data.mnist("test").pixels[:1000])
print(f"{'':12}{'thickness (px)':>20}{'slant (degrees)':>22}")
for label, x in (("generated", x_all), ("test images", real)):
    w, s = latent.thickness(x), latent.slant(x)
    print(f"{label:12}{w.mean():13.2f} ± {w.std():.2f}{s.mean():15.1f} ± {s.std():.1f}")

# %% [markdown]
# Now thick minus thin, within one digit, added to thin ones of another; then a digit exchanged for another. Each of many
# trials takes new samples, and we count.


# %%
def pick(which, order=None, largest=True, trial=0):
    """Three z of a digit: the extremes of an attribute in a part of the draws, or three at random."""
    index = torch.nonzero(digits == which)[:, 0]
    index = index[torch.randperm(len(index), generator=torch.Generator().manual_seed(trial))][:40]
    if order is not None:
        index = index[order[index].argsort(descending=largest)]
    return z_all[index[:3]]


# %% tags=["nbval-ignore-output"]
trials = 40
common = digits.bincount(minlength=10).argsort(descending=True)[:4].tolist()
p, q = common[:2]
c = torch.stack([pick(q, thick, False, i).mean(0) for i in range(trials)])
z = torch.stack(
    [
        latent.arithmetic(pick(p, thick, True, i), pick(p, thick, False, i), pick(q, thick, False, i))
        for i in range(trials)
    ]
)
before, after = latent.generate(G, c), latent.generate(G, z)
gain, kept = latent.thickness(after) - latent.thickness(before), (digit(after) == q).float().mean()
print(
    f"thick {p} - thin {p} + thin {q}: thicker in {(gain > 0).float().mean():.0%} of {trials} trials, by {gain.mean():.2f} px on average;"
)
print(
    f"    still a {q} in {kept:.0%}; C alone, the mean of three thin {q}, is a {q} in {(digit(before) == q).float().mean():.0%}"
)
z = torch.stack([latent.arithmetic(pick(p, trial=i), pick(q, trial=i), pick(q, trial=99 + i)) for i in range(trials)])
print(f"{p} - {q} + other {q}: a {p} in {(digit(latent.generate(G, z)) == p).float().mean():.0%} of {trials} trials")

# %% tags=["nbval-ignore-output"]
groups = {"A: thick": pick(p, thick, True), "B: thin": pick(p, thick, False), "C: thin": pick(q, thick, False)}
panels = {label: latent.generate(G, torch.cat([z, z.mean(0, keepdim=True)])) for label, z in groups.items()}
answer = latent.arithmetic(*groups.values()) + 0.3 * latent.sample(4, seed=seed)
panels["A − B + C, and near it"] = latent.generate(G, answer)
plots.show(
    plots.side_by_side(panels, columns=2),
    "6.4",
    "Three samples and their mean z for A, B and C; then the answer, with a little noise added four times, as in "
    "DCGAN's figure 7. The first trial, not a picked one.",
    "Four groups of four digits: thick ones of one digit, thin ones of the same, thin ones of another, and the four "
    "answers near A minus B plus C.",
)

# %% [markdown]
# Often, not always. And mind the mean of three $z$ alone (the fourth image of each group): it is not the average of the
# three images, but an image of its own, from well inside the shell. Section 6.7 comes back to such places. Arithmetic
# works as far as $G$ is nearly linear, and over distances as long as these it is not.
#
# **Try it**: choose your own A, B and C. Can you make it fail on purpose?

# %%
widgets.arithmetic(G, seed=seed)

# %% [markdown]
# ## 6.5 Which directions does $G$ itself care about?
#
# Nobody told $G$ what its hundred inputs mean, and no single one of them means anything. But some *directions* change the image more
# than others. GANSpace (Härkönen et al., 2020) draws many $z$, applies PCA to an early layer's output, and carries the
# components back to $z$. Our first layer is linear, $y = Wz$ (its transposed convolution stamps a single point, lesson
# 03), and $z$ has covariance $I$. Then $y$ has covariance $WW^\top$, and nothing needs to be drawn: the components come
# from the singular value decomposition
#
# $$ W = U\,\Sigma\,V^\top, \tag{6.5} $$
#
# where the columns of $V$ are directions in $z$, and $\sigma_i$ is the standard deviation of $y$ along the $i$-th.

# %%
directions = latent.principal_directions(G, 10)
w = latent.directions.first_layer(G)  # with BatchNorm folded in, as it acts in eval mode
y = latent.sample(1_000, seed=seed) @ w.T
y = y - y.mean(0)
_, u = torch.linalg.eigh(y @ y.T)  # PCA of drawn outputs, as GANSpace does it; ascending
components = y.T @ u[:, -3:].flip(1)
carried = torch.linalg.lstsq(w, components).solution.T  # carried back to z
cosines = torch.nn.functional.cosine_similarity(carried, directions.vectors[:3]).abs()
print("closed form against PCA of 1,000 draws, cosine:", [f"{c:.1f}" for c in cosines])
print(f"the ten strongest of 100 directions hold {directions.share.sum():.0%} of the first layer's variance")
assert cosines[0] > 0.8

# %% [markdown]
# The draws only approximate what the matrix says exactly. **Predict** before you look: will the strongest directions be
# things that we have words for?

# %% tags=["nbval-ignore-output"]
z0 = latent.sample(3, seed=seed + 7)
amounts = torch.linspace(-4, 4, 9)
moved = [latent.along(z, v, amounts) for v in directions.vectors[:3] for z in z0[:2]]
plots.show(
    plots.image_grid(latent.generate(G, torch.cat(moved)), columns=9),
    "6.5",
    "The three strongest directions, two rows each (two different z): from four standard deviations back to four forward.",
    "Six rows of nine digits; within each row the shape changes strongly, often into other digits, and two rows of the "
    "same direction do not change in the same way.",
)

# %% [markdown]
# **Exercise: The strongest directions of a layer** (medium, 8 minutes). A first layer computes $y = Wz$, with `w` of shape `(outputs, d)` and $z \sim \mathcal N(0, I)$. Return the `k` unit
# directions in $z$ along which $y$ varies most, the strongest first, one a row: shape `(k, d)`. Signs do not matter.


# %% tags=["exercise"]
def my_principal_directions(w, k):
    """The k unit vectors v (k, d) with the largest |W v|, the largest first."""
    ...  # your code


# %%
ex.principal_directions.check(my_principal_directions)

# %% [markdown]
# ## 6.6 Can we find a direction for a word?
#
# Turn it round: start from the word. Measure the attribute $y_i$ on the images of many $z_i$ and fit, by least squares,
#
# $$ \min_{v,\,c} \sum_i \bigl(y_i - v^\top z_i - c\bigr)^2. \tag{6.6} $$
#
# The direction is $v/|v|$. For thickness and slant we compare only within a digit (as the classifier reads it), since
# otherwise "thinner" would partly mean "a 1". For "is a 3" the attribute is the classifier's log-odds. Whether a linear
# function of $z$ explains anything is measured on a quarter of the $z$ that was kept out of the fit: $R^2$.

# %% tags=["nbval-ignore-output"]
wanted = common[1]
found = {
    "thicker": latent.attribute_direction(z_all, thick, digits),
    "to the right": latent.attribute_direction(z_all, slanted, digits),
    f"more of a {wanted}": latent.attribute_direction(z_all, latent.digit_logit(wanted)(x_all)),
}
for label, item in found.items():
    overlap = (directions.vectors @ item.direction).square().sum()
    print(
        f"{label:14} R2 {item.r2:.2f}, {item.slope:5.2f} a unit; {overlap:.0%} of it lies in the ten principal directions"
    )
cosine = found["thicker"].direction @ found["to the right"].direction
print(f"cosine of thickness and slant: {cosine:.2f}")

# %% [markdown]
# **Exercise: A direction from labels** (medium, 8 minutes). `z` has shape `(n, d)`, and `y`, shape `(n,)`, is an attribute measured on the images $G(z)$. Return the unit
# vector along which `y` grows fastest, by least squares, equation 6.6.


# %% tags=["exercise"]
def my_attribute_direction(z, y):
    """The unit vector (d,) along which y (n,) grows fastest as a linear function of z (n, d)."""
    ...  # your code


# %%
ex.attribute_direction.check(my_attribute_direction)

# %% [markdown]
# A direction is good if it changes what it is named after, and little else. So: move fresh $z$ along each, and along a
# random direction for comparison, and measure everything.

# %% tags=["nbval-ignore-output"]
fresh = latent.sample(max(40, plan.images // 40), seed=seed + 8)
x0 = latent.generate(G, fresh)
random = torch.nn.functional.normalize(latent.sample(1, seed=seed + 9)[0], dim=0)
tried = {**{k: v.direction for k, v in found.items()}, "strongest": directions.vectors[0], "random": random}
print(f"{'moved by +2':15}{'pixels':>8}{'thickness':>11}{'slant':>8}{'digit kept':>12}{f'is a {wanted}':>10}")
for label, v in tried.items():
    x = latent.generate(G, fresh + 2 * v)
    pixels, kept = (x - x0).square().mean().sqrt(), (digit(x) == digit(x0)).float().mean()
    thicker = (latent.thickness(x) - latent.thickness(x0)).mean()
    leaning = (latent.slant(x) - latent.slant(x0)).mean()
    share = (digit(x) == wanted).float().mean()
    print(f"{label:15}{pixels:8.2f}{thicker:+11.2f}{leaning:+8.1f}{kept:12.0%}{share:10.0%}")

# %% tags=["nbval-ignore-output"]
moved = [latent.along(z, item.direction, amounts) for item in found.values() for z in z0[:2]]
plots.show(
    plots.image_grid(latent.generate(G, torch.cat(moved)), columns=9),
    "6.6",
    f"Two rows each: thicker, to the right, more of a {wanted}. The middle column is where the z were drawn.",
    "Six rows of nine digits. In the first two the strokes thicken to the right, in the next two they lean over to the "
    "right, in the last two the shapes turn towards one digit.",
)

# %% [markdown]
# The named directions do what they say, on average; but none leaves the digit alone, and the
# strongest principal direction mostly exchanges digits, for which no single word fits. **Try it**: the explorer
# with our directions. Which slider would you trust with your own handwriting?

# %%
widgets.latent_explorer(G, {label: item.direction for label, item in found.items()}, seed=seed)

# %% [markdown]
# ## 6.7 What does truncation buy?
#
# If $G$ is best where it was trained most, why not stay in the middle? BigGAN's truncation trick draws each number of
# $z$ from a normal distribution that is cut off at a threshold. It should trade diversity for fidelity. We measure fidelity as
# *precision* (the share of samples that lie within the real images' manifold) and diversity as *recall* (the share of
# real images within the samples' manifold), both in the classifier's features, as in lesson 05.
#
# **Exercise: BigGAN's truncation** (medium, 7 minutes). Draw `n` z of `d` numbers from the standard normal, in which numbers beyond `threshold` (in absolute value) are
# drawn again until none is left.


# %% tags=["exercise"]
def my_truncated_normal(n, d, threshold):
    """n z of d numbers, (n, d), from N(0, 1) cut off at -threshold and threshold."""
    ...  # your code


# %%
ex.truncated_normal.check(my_truncated_normal)

# %% tags=["nbval-ignore-output"]
n = max(200, plan.images // 5)
features = evaluation.classifier_features()
f_real = features(data.scale(data.mnist("test").pixels[:n]))
cuts, curve = (0.3, 0.6, 1.0, 1.5, 2.0, math.inf), []
print(f"{'cut at':>8}{'|z|':>7}{'precision':>11}{'recall':>8}{'confidence':>12}{'KL of digits':>14}")
for cut in cuts:
    z = latent.truncate(z_all[:n], cut)
    x = latent.generate(G, z)
    score = evaluation.precision_recall(f_real, features(x))
    curve.append((score.precision, score.recall))
    kl = evaluation.class_histogram(x).kl
    print(
        f"{cut:8.1f}{latent.norms(z).mean():7.1f}{score.precision:11.2f}{score.recall:8.2f}{confidence(x).mean():12.2f}{kl:14.2f}"
    )

# %% tags=["nbval-ignore-output"]
panels = {f"cut at {cut:g}": latent.generate(G, latent.truncate(z_all[:16], cut)) for cut in (0.3, 1.0, math.inf)}
plots.show(
    plots.side_by_side(panels),
    "6.7",
    "The same sixteen z, truncated at 0.3, at 1, and not at all.",
    "Three grids of sixteen images. Left, cut at 0.3: black, with hardly a stroke. Middle, cut at 1: digits, thinner and "
    "paler than without a cut. Right: the digits without a cut.",
)

# %% [markdown]
# Read the table from the bottom up, and do not trust its confidence: a classifier can be sure of a black image. The
# promise was more precision for less recall. This $G$ keeps only half of it: a mild cut changes precision by no more than
# the chance of so few samples, a stronger one takes recall first, and the strongest destroys both. The origin is *not*
# where $G$ was trained most: section 6.1 says that hardly any $z$ was ever near it. Truncation walks off the shell towards
# the inside, and "the middle" of a distribution in 100 dimensions is a place where nobody lives.
#
# ## 6.8 Can one go back, from an image to $z$?
#
# $G$ has no inverse, and most images have no $z$ at all: a hundred numbers cannot reach every one of 784. But we can
# look for the closest:
#
# $$ z^* = \arg\min_z \; \tfrac1{784}\,\bigl|G(z) - x\bigr|^2 + \lambda\,\tfrac1d\,|z|^2, \tag{6.7} $$
#
# by gradient descent on $z$, with $G$ frozen. The landscape is full of local minima, so we start several times. The
# second term, small, discourages a $z$ far outside the shell. **Before you run it**: the error should fall quickly, restarts should end at different
# errors; "broken" would be an error as large as that of a random sample.

# %% tags=["nbval-ignore-output"]
test = data.mnist("test")
chosen = [int((test.labels == k).nonzero()[0]) for k in (1, 2, 4, 5, 7, 8)]  # the first of each, not picked
x_real = data.scale(test.pixels[chosen])
restarts = 8 if plan.profile != "smoke" else 3
back = latent.invert(G, x_real, restarts=restarts, steps=plan.epochs, prior=0.003, seed=seed)
x_back = latent.generate(G, back.z)
print(f"{'image':>6}{'random z':>10}{'worst restart':>15}{'median':>8}{'best':>7}{'|z|':>7}{'read as':>9}")
for i, k in enumerate((1, 2, 4, 5, 7, 8)):
    e = back.errors[:, i]
    print(
        f"{k:6}{back.history[0, :, i].mean():10.3f}{e.max():15.3f}{e.median():8.3f}{back.error[i]:7.3f}"
        f"{latent.norms(back.z)[i]:7.1f}{int(digit(x_back[i : i + 1])):9}"
    )

# %% [markdown]
# Now edit a real image: go along the directions of section 6.6 from the $z$ that was found.

# %% tags=["nbval-ignore-output"]
edits = [x_real, x_back]
for label in ("thicker", "to the right"):
    edits += [latent.generate(G, back.z + amount * found[label].direction) for amount in (3, -3)]
plots.show(
    plots.image_grid(torch.cat(edits), columns=6),
    "6.8",
    "Rows: real test images; the closest that G can draw; three standard deviations thicker, thinner, to the right, to "
    "the left.",
    "Six rows of six digits: real ones; similar ones, a little smoother; then thicker, thinner, leaning right and "
    "leaning left versions, some of which have turned into other digits.",
)

# %% [markdown]
# What $G$ cannot draw is as telling as what it can: the images with the largest error are those that this $G$ has no
# $z$ for. And where the found $z$ lies off the shell, edits are less reliable, since nothing was trained there.
#
# ## 6.9 Has $G$ learnt its images by heart?
#
# If samples are copies, their nearest training images are at distance 0. But how close is close? Real images that $G$
# has never seen have near neighbours in the training set too: they are the yardstick (Meehan et al., 2020). In pixels
# and in features, because a shifted copy is far away in pixels.

# %% tags=["nbval-ignore-output"]
n_train, n_few = 5 * max(400, plan.images // 2), max(100, plan.images // 20)
train, unseen = data.mnist("train").pixels[:n_train], data.mnist("test").pixels[:n_few]
fake = x_all[:n_few]
spaces = {"pixels": lambda x: x.flatten(1), "features": features}
for label, space in spaces.items():
    f_train = torch.cat([space(data.scale(part)) for part in train.split(500)])
    result = evaluation.memorisation(f_train, space(data.scale(unseen)), space(fake))
    print(
        f"{label:9} nearest of {n_train:,} training images: z-score {result.z:+.1f}, {result.share:.1%} suspiciously near"
    )
print("z-score below -3: copies. Around 0: as near as unseen real images. Above 0: further away.")

# %% [markdown]
# The numbers say whether copying is a habit; the widget lets you look at single cases. The nearest images should differ
# from the sample in ways that you can name.

# %%
widgets.nearest_neighbours(G, data.mnist("train").subset(20_000), seed=seed)

# %% [markdown]
# ## 6.10 One $z$ through training
#
# There is one more dimension: time. The shipped strip holds the same $z$ for every epoch of the run.

# %%
strip = pretrained.strip(name)
epochs = sorted(strip)
moments = [e for e in (0, 1, 2, 3, 5, 10, 25, 50, 100) if e in strip]
plots.show(
    plots.samples_over_epochs({e: strip[e] for e in moments}),
    "6.9",
    "Twelve z through the epochs of the run, a column for each.",
    "Rows of twelve images, one row an epoch: grey at first, then digits that keep their rough shape in some columns and "
    "become other digits in others.",
)
read = {e: digit(data.scale(strip[e])) for e in epochs}
for before, after in pairwise(epochs):
    if after <= 5 or after % 25 == 0:
        moved = (strip[after].float() - strip[before].float()).abs().mean() / 255
        turned = (read[after] != read[before]).float().mean()
        print(f"from epoch {before} to {after}: pixels change by {moved:.1%}, {turned:.0%} of the z change their digit")

# %% [markdown]
# The assignment of $z$ to digits is not fixed early and then polished: columns keep changing their digit while the losses
# hardly move. The game has many equally good answers, and $G$ drifts among them. Drag through the epochs:

# %%
widgets.epochs_scrubber(name)

# %% [markdown]
# ## 6.11 And you?
#
# Twenty images, each real or generated by the toss of a coin. Your score comes with its 95 % confidence interval, beside
# that of the discriminator which was trained against this very $G$.

# %%
widgets.real_or_fake(G, pretrained.load(name, epoch, "D"))

# %% [markdown]
# ## What we now know
#
# A normal $z$ in 100 dimensions lives on a thin shell, which explains the length of a lerp, the three $z$ of DCGAN's
# arithmetic and the failure of strong truncation; that slerp's images are better is another claim, and we measured it. $G$
# has directions that change thickness or slant on average, found by a plain linear fit, but they are never clean, and the
# directions that matter most to $G$ have no name. Real images can be approximated by optimising $z$, and nearest
# neighbours, with unseen images as the yardstick, tell learning from copying.
#
# ## What we do not know yet
#
# Whether cleaner directions exist, or whether they are a matter of how $G$ is built: StyleGAN puts a learnt map before $G$
# so that its latent space need not be a shell. And how much of all this survives at 128 pixels, where the attributes are
# no longer a ruler and a classifier away.
#
# ## References
#
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
#   Networks*, ICLR 2016, section 6.3, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - T. White, *Sampling Generative Networks*, 2016, [arXiv:1609.04468](https://arxiv.org/abs/1609.04468): slerp for GANs.
# - E. Härkönen et al., *GANSpace: Discovering Interpretable GAN Controls*, NeurIPS 2020,
#   [arXiv:2004.02546](https://arxiv.org/abs/2004.02546).
# - A. Brock, J. Donahue, K. Simonyan, *Large Scale GAN Training for High Fidelity Natural Image Synthesis*, ICLR 2019,
#   section 3.1, [arXiv:1809.11096](https://arxiv.org/abs/1809.11096).
# - T. Karras, S. Laine, T. Aila, *A Style-Based Generator Architecture for GANs*, CVPR 2019, section 4.1,
#   [arXiv:1812.04948](https://arxiv.org/abs/1812.04948).
# - C. Meehan, K. Chaudhuri, S. Dasgupta, *A Non-Parametric Test to Detect Data-Copying in Generative Models*, 2020,
#   [arXiv:2004.05675](https://arxiv.org/abs/2004.05675).
# - D. Castro et al., *Morpho-MNIST*, JMLR 2019, [arXiv:1809.10780](https://arxiv.org/abs/1809.10780): slant and thickness.
# - H. Javed, *Exploring DCGANs for Image Generation* (P4): rows of interpolations.
