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
# - how to find directions in $z$, or inside $G$, that mean something, and how to measure whether they do
# - how to name an edit, keep it in a file, and turn dusk into night over a church
# - what truncation buys, and what it costs
# - how to go back, from a real image to a $z$, and what G cannot draw
# - how to ask whether G has learned its training images by heart
#
# **Time.** Short, since nothing is trained; the plan cell below prints the minutes that were measured on your class of
# machine. The exercises come on top, each with its own estimate.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.3 | 0.6 | 5.9 minutes |
# | 2 cores with bfloat16 units | 0.4 | 0.5 | 2.5 minutes |

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
import tempfile
from pathlib import Path

import torch
from matplotlib.figure import Figure

from gancourse import data, evaluation, latent, plots, pretrained, widgets
from gancourse.course import profiles
from gancourse.data import churches
from gancourse.evaluation import church_reader
from gancourse.exercises import lesson06 as ex
from gancourse.plots import COLOURS

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("06_latent_space", profile, seed)
print(plan)


def paired(difference):
    """Mean, standard error, and a verdict, of differences measured on the same z, (n,): 95 % by Student's t."""
    difference = difference.double()
    mean, error = difference.mean().item(), difference.std().item() / math.sqrt(len(difference))
    limit = {2: 12.7, 3: 4.3}.get(len(difference), 2.0)  # errors; a spread from two or three values is itself a guess
    verdict = "not decided" if abs(mean) < limit * error else "more" if mean > 0 else "less"
    return mean, error, verdict


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
# <details><summary>Answer</summary>
#
# Of 100 dimensions, none: the last column of the table counts them. The most probable *point* is the origin, the most
# probable *length* is about 10, since there is so much more room further out.
#
# </details>

# %% [markdown]
# The same sum makes directions special too: the cosine of the angle between two draws has mean 0 and standard deviation
# about $1/\sqrt d$. In 100 dimensions any two $z$ are nearly at right angles. Remember that: $G$ was trained on points of
# this shell alone, and any two of them lie far apart.

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
# image half-way along a lerp, and along a slerp? And are lerp's strokes paler there, since its $z$ is shorter? Let us load a
# generator, draw pairs, and measure along both ways: the length of $z$, how many standard deviations it lies from the
# shell's mean, the confidence of lesson 05's classifier in its answer, the ink (the mean of all pixels, from 0 for black to
# 1 for white) and the width of the strokes in pixels (section 6.4 says how).

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
print(f"{'':8}{'t':>6}{'|z|':>7}{'off the shell':>15}{'confidence':>13}{'± error':>9}{'ink':>7}{'width':>7}")
for label, how in (("lerp", latent.lerp), ("slerp", latent.slerp)):
    z = how(ends[0], ends[1], t)  # (pairs, 9, 100)
    x = latent.generate(G, z.flatten(0, 1))
    length, off = latent.norms(z), (latent.norms(z) - mean).abs() / std
    sure, ink = confidence(x).view(pairs, 9), ((x + 1) / 2).mean((1, 2, 3)).view(pairs, 9)
    width = latent.thickness(x).view(pairs, 9)
    walks[label] = {"length": length, "sure": sure, "ink": ink, "width": width}
    for i in (0, 2, 4, 8):
        error = sure[:, i].std() / math.sqrt(pairs)
        numbers = f"{t[i]:6.2f}{length[:, i].mean():7.1f}{off[:, i].mean():15.1f}{sure[:, i].mean():13.3f}{error:9.3f}"
        print(f"{label:8}{numbers}{ink[:, i].mean():7.3f}{width[:, i].mean():7.2f}")

# %% tags=["nbval-ignore-output"]
fig = Figure(figsize=(8.6, 3.0))
left, right = fig.subplots(1, 2)
left.axhspan(mean - 2 * std, mean + 2 * std, color="#E8EAED")
for (label, found), colour in zip(walks.items(), ("data", "generator"), strict=True):
    length, sure = found["length"].mean(0), found["sure"]
    left.plot(t, length, color=COLOURS[colour])
    left.text(0.5, length[4] + (0.25 if label == "lerp" else -0.6), label, color=COLOURS[colour], ha="center")
    right.errorbar(t, sure.mean(0), sure.std(0) / math.sqrt(pairs), color=COLOURS[colour], capsize=2, label=label)
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

# %% [markdown]
# Both ways join the same two ends, so what is to be compared is the difference within each pair. The error of that is smaller than
# the bars of the figure suggest: what makes one pair easier than another drops out.

# %% tags=["nbval-ignore-output"]
middle = slice(3, 6)
gap = {key: (walks["lerp"][key] - walks["slerp"][key])[:, middle].mean(1) for key in ("sure", "ink", "width")}
for key, words in (("sure", "confidence"), ("ink", "ink"), ("width", "width of strokes, px")):
    difference, error, verdict = paired(gap[key])
    print(f"{words:22}lerp minus slerp around the middle: {difference:+.3f} ± {error:.3f} (standard error): {verdict}")

print(f"{'the same z, times':>22}" + "".join(f"{c:>7g}" for c in (0.1, 0.3, 0.5, 0.7, 0.9, 1)))
some = latent.sample(200, seed=seed + 2)
shorter = [latent.generate(G, c * some) for c in (0.1, 0.3, 0.5, 0.7, 0.9, 1)]
print(f"{'ink':>22}" + "".join(f"{((x + 1) / 2).mean():>7.3f}" for x in shorter))
print(f"{'width':>22}" + "".join(f"{latent.thickness(x).mean():>7.2f}" for x in shorter))
if name == "dcgan-mnist" and plan.profile != "smoke":
    assert paired(gap["ink"])[2] == paired(gap["width"])[2] == "more"
    assert [((x + 1) / 2).mean() for x in shorter[1:]] == sorted(
        [((x + 1) / 2).mean() for x in shorter[1:]], reverse=True
    )

# %% [markdown]
# <details><summary>Answer</summary>
#
# The geometry is certain, and the benefit for the images is not to be seen: read the line of the confidence. What does
# change is the ink, and not as one might guess: a shorter $z$ gives *bolder* strokes, not paler ones. The second table
# takes $z$ inwards on purpose: the shorter, the more ink, down to about a third of the length, below which there are no
# strokes at all but a dark weave (figure 6.7 shows it). A network with BatchNorm's constants and ReLUs is not an
# amplifier, in which a weaker signal would give a weaker picture.
#
# </details>

# %% [markdown]
# We use slerp from here on, because then whatever we see cannot be blamed on a $z$ that $G$ has never met.
#
# ## 6.3 How smooth is the way?
#
# P4 shows rows of interpolations and calls them smooth, but denies them "absolute continuity". Look at ours.

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
n, ppl = plan.images // 16, {}
for other in [n for n in ("mlp-mnist", name) if n in pretrained.names()]:
    network = pretrained.load(other)
    ppl[other] = evaluation.path_length(network, n=n, seed=seed)
    print(f"{other:14} path length {ppl[other].value:7.0f} ± {ppl[other].error:.0f} (standard error over {n} ways)")
values = list(ppl.values())
apart = abs(values[0].value - values[-1].value) > 2 * math.hypot(values[0].error, values[-1].error)
print("which of the two is smoother:", "read it off" if apart else "not decided, the difference is within two errors")

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
# length $\ell$ has ink $w\ell$ and an edge of $2\ell$, so that twice the ink over the edge is the width; the slant follows
# from the ink's moments. Draw many $z$ once, and measure all their images. The next sections use them too.

# %% tags=["nbval-ignore-output"]
z_all = latent.sample(plan.images, seed=seed + 6)
x_all = latent.generate(G, z_all)
digits, thick, slanted = digit(x_all), latent.thickness(x_all), latent.slant(x_all)
test = data.mnist("test")
real = data.scale(test.sample(1000).pixels)
in_file = torch.arange(1000)  # in the file's own order, for once on purpose
measured = {
    "generated": x_all,
    "training images, drawn": data.scale(data.mnist("train").sample(2000).pixels),
    "test images, drawn": real,
    "test, the first 1,000": data.scale(test.pixels[in_file]),
    "test, the last 1,000": data.scale(test.pixels[9_000 + in_file]),
}
print(f"{'':24}{'thickness (px)':>18}{'slant (degrees)':>20}{'error of the mean':>20}")
for label, x in measured.items():
    w, s = latent.thickness(x), latent.slant(x)
    error = s.std() / math.sqrt(len(s))
    print(f"{label:24}{w.mean():11.2f} ± {w.std():.2f}{s.mean():13.1f} ± {s.std():.1f}{error:20.1f}")
mean_slant = {label: latent.slant(x).mean().item() for label, x in measured.items()}
if name == "dcgan-mnist" and plan.profile != "smoke":  # G leans as what it was trained on does
    assert abs(mean_slant["generated"] - mean_slant["training images, drawn"]) < 1.5
assert mean_slant["test, the last 1,000"] - mean_slant["test, the first 1,000"] > 5

# %% [markdown]
# Mind the last two lines. They are from one file, and they lean differently: the two halves of MNIST's test images were written by two kinds of people, and the file keeps them apart (lesson 05). Whoever takes the
# first thousand as "the data" finds that this $G$ leans too far to the right. It does not: it leans as the images that it was
# trained on. So all real images of this lesson are **drawn** from their file (`sample`), not cut from its beginning.

# %% [markdown]
# Now take thick minus thin, both of one digit, and add the difference to thin ones of another digit. Then exchange one
# digit for another. Each of many trials takes another part of the same samples, and we count.


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
print(f"{p} - {q} + other {q}: a {p} in {(digit(latent.generate(G, z)) == p).float().mean():.0%} of {trials} trials;")
print(f"    by chance, among samples of any z: {(digits == p).float().mean():.0%}")

# %% tags=["nbval-ignore-output"]
groups = {"A: thick": pick(p, thick, True), "B: thin": pick(p, thick, False), "C: thin": pick(q, thick, False)}
panels = {label: latent.generate(G, torch.cat([z, z.mean(0, keepdim=True)])) for label, z in groups.items()}
answer = latent.arithmetic(*groups.values()) + 0.3 * latent.sample(4, seed=seed)
panels["A − B + C, and near it"] = latent.generate(G, answer)
plots.show(
    plots.side_by_side(panels, columns=2),
    "6.4",
    "Three samples and their mean z for A, B and C; then the answer, with a little noise added four times, as in "
    "DCGAN's figure 7. The first trial, not a picked one; the share above says how often the answer is the digit of C.",
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
# components back to $z$. **SeFa** (Shen and Zhou, 2021) draws nothing: it takes the directions in which the first layer's
# matrix $W$ stretches $z$ most, the eigenvectors of $W^\top W$. For a linear first layer, $y = Wz$ (our transposed
# convolution stamps a single point, lesson 03), both are the same, since $z$ has covariance $I$ and $y$ therefore $WW^\top$. The directions
# come from the singular value decomposition
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
print("SeFa's closed form against GANSpace's PCA of 1,000 draws, cosine:", [f"{c:.1f}" for c in cosines])
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
# <details><summary>Answer</summary>
#
# Hardly. They change the whole shape, and the same direction does different things to different $z$. A first layer knows nothing
# of digits: "strong" there means much change, of whatever kind. (On churches it is otherwise, see section 6.12.)
#
# </details>

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
# A direction is good if it changes what it is named after, and little else. So: move fresh $z$ along each and measure
# everything. The control is ten random directions, their mean and how far they spread: any step changes *some* digits.

# %% tags=["nbval-ignore-output"]
fresh = latent.sample(max(40, plan.images // 40), seed=seed + 8)
x0 = latent.generate(G, fresh)


def effect(x):
    """What changed from x0 to x: pixels (root mean square), thickness, slant, digits kept, share of the wanted digit."""
    return torch.tensor(
        [
            (x - x0).square().mean().sqrt(),
            (latent.thickness(x) - latent.thickness(x0)).mean(),
            (latent.slant(x) - latent.slant(x0)).mean(),
            (digit(x) == digit(x0)).float().mean(),
            (digit(x) == wanted).float().mean(),
        ]
    )


randoms = torch.nn.functional.normalize(latent.sample(10, seed=seed + 9), dim=1)
control = torch.stack([effect(latent.generate(G, fresh + 2 * v)) for v in randoms])
tried = {**{k: v.direction for k, v in found.items()}, "strongest": directions.vectors[0]}
rows = {label: effect(latent.generate(G, fresh + 2 * v)) for label, v in tried.items()}
rows |= {"random, mean": control.mean(0), "random, spread": control.std(0)}
print(f"{'moved by +2':16}{'pixels':>8}{'thickness':>11}{'slant':>8}{'digit kept':>12}{f'is a {wanted}':>10}")
for label, (pixels, thicker, leaning, kept, share) in rows.items():
    print(f"{label:16}{pixels:8.2f}{thicker:+11.2f}{leaning:+8.1f}{kept:12.0%}{share:10.0%}")
named = {"thicker": 1, "to the right": 2, f"more of a {wanted}": 4}  # the column that each is named after
for label, column in named.items():
    away = (rows[label][column] - control[:, column].mean()) / control[:, column].std()
    kept = (rows[label][3] - control[:, 3].mean()) / control[:, 3].std()
    print(f"{label:16}does what it says by {away:+.1f} spreads of the control; keeps the digit by {kept:+.1f}")
    assert plan.profile == "smoke" or name != "dcgan-mnist" or away > 2

# %% tags=["nbval-ignore-output"]
moved = [latent.along(z, item.direction, amounts) for item in found.values() for z in z0[:2]]
plots.show(
    plots.image_grid(latent.generate(G, torch.cat(moved)), columns=9),
    "6.6",
    f"Two rows each: thicker, to the right, more of a {wanted}. The middle column is where the z were drawn.",
    "Six rows of nine digits. In the first two the strokes thicken to the right, in the next two they lean over to the "
    "right, in the last two the shapes change, one into a clear 3, the other from a 4 into an 8.",
)

# %% [markdown]
# The named directions do what they say, far beyond what random ones do by accident. None leaves the digit alone; but then no step of this
# length does, as the control shows, so compare "digit kept" with the random line before you blame a direction. The strongest principal direction
# mostly exchanges digits, for which no single word fits. **Try it**: the explorer with our directions. Which slider
# would you trust with your own handwriting?

# %%
widgets.latent_explorer(G, {label: item.direction for label, item in found.items()}, seed=seed)

# %% [markdown]
# <details><summary>Answer</summary>
#
# By the table, "thicker": it does what it says, and keeps the digit about as often as a random step does, although that
# changes fewer pixels. "To the right" pays with more digits, and the third slider is *meant* to exchange them.
#
# </details>

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
n = max(200, plan.images // 8)
features = evaluation.classifier_features()
f_real = features(data.scale(data.mnist("test").sample(n).pixels))
cuts = (0.3, 0.6, 1.0, 1.5, 2.0, math.inf)
parts = z_all.split(n)[:3] if plan.profile != "smoke" else z_all.split(n)[:2]  # as many times anew, for the spread
curve = {}
print(f"precision and recall: means over {len(parts)} sets of {n} z, ± their spread; the other columns: the last set")
print(
    f"{'cut at':>8}{'|z|':>7}{'precision':>16}{'recall':>16}{'confidence':>12}{'KL of digits':>14}{'ink':>7}{'width':>7}"
)
for cut in cuts:
    scores = []
    for part in parts:
        x = latent.generate(G, latent.truncate(part, cut))
        score = evaluation.precision_recall(f_real, features(x))
        scores.append((score.precision, score.recall))
    curve[cut] = torch.tensor(scores)
    (p1, r1), (p2, r2) = curve[cut].mean(0), curve[cut].std(0)
    kl, length = evaluation.class_histogram(x).kl, latent.norms(latent.truncate(part, cut)).mean()
    ink, thick_now = ((x + 1) / 2).mean(), latent.thickness(x).mean()
    numbers = f"{cut:8.1f}{length:7.1f}{p1:9.2f} ± {p2:4.2f}{r1:9.2f} ± {r2:4.2f}{confidence(x).mean():12.2f}{kl:14.2f}"
    print(f"{numbers}{ink:7.3f}{thick_now:7.2f}")
for cut in (1.0, 1.5, 2.0):
    for column, words in enumerate(("precision", "recall")):
        change, error, verdict = paired(curve[cut][:, column] - curve[math.inf][:, column])
        print(f"cut at {cut:g} against no cut, {words:9} {change:+.3f} ± {error:.3f}: {verdict}")

# %% tags=["nbval-ignore-output"]
panels = {f"cut at {cut:g}": latent.generate(G, latent.truncate(z_all[:16], cut)) for cut in (0.3, 1.0, math.inf)}
plots.show(
    plots.side_by_side(panels),
    "6.7",
    "The same sixteen z, truncated at 0.3, at 1, and not at all.",
    "Three grids of sixteen images. Left, cut at 0.3: a dark weave with a few smears of light. Middle, cut at 1: digits "
    "with bolder strokes than without a cut, some with specks around. Right: the digits without a cut.",
)
if name == "dcgan-mnist":
    assert latent.thickness(panels["cut at 1"]).mean() > latent.thickness(panels["cut at inf"]).mean()

# %% [markdown]
# Read the table from the bottom up, and do not trust its confidence: the classifier was never shown a weave, and is sure of
# it. The promise was more precision for less recall. For the mild cuts, the last lines say what comes of each half of that
# promise, with the spread over sets of $z$ (three sets are few: what they do not decide may still be there). A strong cut
# destroys both. And the digits get *bolder* as $z$ gets shorter, as section 6.2 found. The origin is *not* where $G$ was
# trained most: section 6.1 says that hardly any $z$ was ever near it. Truncation walks off the shell towards the inside,
# and "the middle" of a distribution in 100 dimensions is a place where nobody lives.
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
drawn = test.sample(1000)
chosen = [int((drawn.labels == k).nonzero()[0]) for k in (1, 2, 4, 5, 7, 8)]  # the first drawn of each, not picked
x_real = data.scale(drawn.pixels[chosen])
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
# What $G$ cannot draw is as telling as what it can: where the best of all starts still has a large error, this $G$ may have no
# $z$ for that image, or the search did not find it (the worst restarts show how easily it fails). And look at |z| before you edit:
# far off the shell nothing was trained, so nothing is promised there. That edits are worse there we have not measured.
#
# ## 6.9 Has $G$ learned its images by heart?
#
# If samples are copies, their nearest training images are at distance 0. But how close is close? Real images that $G$ has
# never seen have near neighbours in the training set too: they are the yardstick (Meehan et al., 2020). We measure in
# pixels, and in features as well, because a shifted copy is far away in pixels.

# %% tags=["nbval-ignore-output"]
n_train, n_few = 5 * max(400, plan.images // 2), max(100, plan.images // 20)
train, unseen = data.mnist("train").sample(n_train).pixels, data.mnist("test").sample(n_few).pixels
fake = x_all[:n_few]
spaces = {"pixels": lambda x: x.flatten(1), "features": features}
for label, space in spaces.items():
    f_train = torch.cat([space(data.scale(part)) for part in train.split(500)])
    result = evaluation.memorisation(f_train, space(data.scale(unseen)), space(fake))
    chance = 0.01 + 3 * result.share_error  # of unseen real images 1 % are as near, and three errors (lesson 05)
    verdict = "more than chance" if result.share > chance else "no more than chance"
    print(
        f"{label:9} nearest of {n_train:,} training images: {result.share:.1%} of {n_few} are suspiciously near, {verdict} "
        f"(up to {chance:.1%}); z-score {result.z:+.1f}"
    )
print("The share finds some copies among many samples; the z-score, below -3, a whole set that lies too near.")

# %% [markdown]
# Decide by the share: a generator that copies in one sample of three and is bad otherwise has a fine z-score (lesson 05). The numbers say
# whether copying is a habit; the widget lets you look at single cases. The nearest images should differ
# from the sample in ways that you can name.

# %%
widgets.nearest_neighbours(G, data.mnist("train").sample(20_000), seed=seed)

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
read = torch.stack([digit(data.scale(strip[e])) for e in epochs])  # (epochs, z)
turned = (read[1:] != read[:-1]).float()
print(f"{read.shape[1]} z; in the mean of each part of the run, from one epoch to the next:")
for start, end in ((0, 10), (10, 25), (25, 50), (50, 75), (75, 100)):
    if end < len(epochs):
        share = turned[start:end].mean(0)  # for each z, since epochs of one z are no independent draws
        moved = torch.stack(
            [(strip[epochs[i + 1]].float() - strip[epochs[i]].float()).abs() for i in range(start, end)]
        )
        print(
            f"epochs {start:>2} to {end:>3}: pixels change by {moved.mean() / 255:.1%}; a z changes its digit with "
            f"{share.mean():.0%} ± {share.std() / math.sqrt(len(share)):.0%} (standard error over the z)"
        )

# %% [markdown]
# Only sixteen $z$ were kept, hence the errors. Even so: the assignment of $z$ to digits is not fixed early and then polished. It slows down, and
# it goes on in the last quarter of the run. The game has many equally good answers, and $G$ drifts among them. Drag
# through the epochs:

# %%
widgets.epochs_scrubber(name)

# %% [markdown]
# ## 6.11 Is the fitted direction the steepest one?
#
# The classifier is differentiable, and so is $G$. Why fit a line through thousands of samples, when the gradient of the attribute
# $f$ with respect to $z$ can be had for each $z$ alone? Because they are nearly the same thing, on average. For $z \sim \mathcal N(0, I)$
# **Stein's identity** says
#
# $$ E\bigl[\nabla_z f(G(z))\bigr] = E\bigl[z\, f(G(z))\bigr], \tag{6.8} $$
#
# and the right side is what least squares (6.6) finds, since the $z_i$ have covariance $I$. So the fitted direction is the mean
# of all gradients. A single gradient is another matter. **Predict**: move each $z$ by the same length, along the fitted direction or along
# its own gradient. Which raises the classifier's log-odds of the wanted digit more, for a short step? For a long one?
#
# **Exercise: The steepest direction at a z** (medium, 8 minutes). `attribute` takes images (B, 1, H, W) and returns one number for each, shape `(B,)`. For `z` of shape `(n, d)`
# return the unit vectors along which $\text{attribute}(G(z))$ grows fastest at each $z$, shape `(n, d)`. G keeps its
# weights, and `z` its numbers.


# %% tags=["exercise"]
def my_steepest_directions(G, z, attribute):
    """The unit vectors (n, d) along which attribute(G(z)) (n,) grows fastest at each z (n, d)."""
    ...  # your code


# %%
ex.steepest_directions.check(my_steepest_directions)

# %% tags=["nbval-ignore-output"]
logit, label = latent.digit_logit(wanted), f"more of a {wanted}"
gradients = latent.attribute_gradient(G, z_all[:250], logit)
fitted = found[label].direction
cosine = torch.nn.functional.cosine_similarity(gradients, fitted[None], dim=1)
mean_cosine = torch.nn.functional.cosine_similarity(gradients.mean(0), fitted, dim=0)
print(f"cosine with the fitted direction: single gradients {cosine.mean():.2f} ± {cosine.std():.2f} (spread over z),")
print(f"    their mean over {len(gradients)} z {mean_cosine:.2f}; two random directions: 0.00 ± 0.10")
assert plan.profile == "smoke" or name != "dcgan-mnist" or mean_cosine > 0.6

unit = torch.nn.functional.normalize(latent.attribute_gradient(G, fresh, logit), dim=1)
before = logit(x0)


def climb(steps, length):
    """Fresh z after so many steps of a length, each along the gradient at the place that was reached."""
    z = fresh
    for _ in range(steps):
        z = z + length * torch.nn.functional.normalize(latent.attribute_gradient(G, z, logit), dim=1)
    return z


def gained(z):
    """By how much the log-odds grew, for each z, and how many digits stayed."""
    x = latent.generate(G, z)
    return logit(x) - before, (digit(x) == digit(x0)).float().mean().item()


gains = {}
print(f"{'step':>6}  {'along':28}{'log-odds':>10}{'± error':>9}{'digit kept':>12}")
for step in (0.5, 2.0):
    ways = {
        "the fitted direction": fresh + step * fitted,
        "each z's own gradient": fresh + step * unit,
        "gradients, 8 short steps": climb(8, step / 8),
        "a random direction": fresh + step * randoms[0],
    }
    for way, z in ways.items():
        gains[step, way], kept = gained(z)
        value, error, _ = paired(gains[step, way])
        print(f"{step:6.1f}  {way:28}{value:+10.2f}{error:9.2f}{kept:12.0%}")
    value, error, verdict = paired(gains[step, "each z's own gradient"] - gains[step, "the fitted direction"])
    print(f"{step:6.1f}  own gradient minus fitted: {value:+.2f} ± {error:.2f}: {verdict}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Over a short step each $z$'s own gradient wins: it is the steepest direction *there*. Over a longer one the fitted direction
# does, for it is an average over the whole shell and does not change on the way, while the gradient of where one started soon points elsewhere.
# Many short steps, each with a new gradient, make up for that at the price of a backward pass each; but look at the digits kept, and remember that the classifier
# is what was climbed: a higher answer is not a better 3.
#
# </details>

# %% [markdown]
# ## 6.12 Can one turn dusk into night?
#
# Now to churches, 128 pixels wide, where no ruler measures an hour. But lesson 04 has a **reader**, a small network that names the hour (and the
# plan, the stone, the weather) of a church. On renders we know how often it is right; on a generator's samples it is an
# instrument outside its range, so we look as well. Draw samples, let it read them, and take the mean $z$ of night minus the mean $z$ of dusk.

# %% tags=["nbval-ignore-output"]
G_church = pretrained.load("church-remedies")
accuracy = church_reader.accuracies()
print(
    ", ".join(f"{factor} {accuracy[factor]:.0%}" for factor in ("time", "plan", "stone", "weather")), "right on renders"
)
z_church = latent.sample(max(160, plan.images // 5), seed=seed + 10)
hours = church_reader.read(latent.generate(G_church, z_church))["time"]
dusk, night = (churches.FACTORS["time"].index(hour) for hour in ("dusk", "night"))
half = len(z_church) // 2  # the first half finds the direction, the second judges it
z_dusk, z_night = (z_church[:half][hours[:half] == hour] for hour in (dusk, night))
step = latent.layer_difference(G_church, z_night, z_dusk, 0)  # in layer 0, that is in z itself
strongest = latent.principal_directions(G_church, 1).vectors[0]
cosine = torch.nn.functional.cosine_similarity(step, strongest, dim=0).abs()
print(f"{len(z_night)} at night, {len(z_dusk)} at dusk; the means of z are {latent.norms(step):.1f} apart")
print(f"cosine with the strongest principal direction of the first layer, but for the sign: {cosine:.2f} (random: 0.1)")
noise = math.sqrt(100 * (1 / len(z_night) + 1 / len(z_dusk)))
print(f"of that length chance alone makes {noise:.1f}, with so few: the direction is right on average, and noisy")

# %% [markdown]
# With a step in $z$, all that $z$ decides may change. $G$ works in layers: the first ones lay out the picture, the last ones paint it. So take
# the difference of means **in a chosen layer**: what the layer receives for night, minus what it receives for dusk, added there.
# **Predict**: in which layer should one step in, so that the church stays what it is?

# %% tags=["nbval-ignore-output"]
trial = z_church[half:][hours[half:] == dusk][:40]
x_dusk = latent.generate(G_church, trial)
was = church_reader.read(x_dusk)
kept_factors = ("plan", "stone", "weather")
rng = torch.Generator().manual_seed(seed)


def judge(x):
    """Read as night (B,), and the share of the factors that stayed (B,), for churches that were at dusk."""
    now = church_reader.read(x)
    same = torch.stack([(now[factor] == was[factor]).float() for factor in kept_factors])
    return (now["time"] == night).float(), same.mean(0)


names = {0: "z itself", 3: "4 x 4 pixels", 9: "16 x 16", 15: "64 x 64"}  # module of G.net that receives the step
night_edits, stayed = {}, {}
print(f"{len(trial)} churches at dusk, one step; beside it three random steps as long, in the same layer")
print(f"{'step in':16}{'read as night':>15}{'random':>16}{'plan, stone, weather stay':>28}{'random':>16}")
for layer, words in names.items():
    step = latent.layer_difference(G_church, z_night, z_dusk, layer)
    night_edits[layer] = latent.Edit(f"dusk to night, layer {layer}", layer, step, f"night minus dusk, in {words}")
    dark, stayed[layer] = judge(latent.edits.apply(G_church, trial, [(night_edits[layer], 1.0)]))
    h = latent.activations(G_church, z_church[:half], layer)  # random, but made of differences that do occur there
    chance = []
    for _ in range(3):
        other = torch.einsum("n,n...->...", torch.randn(half, generator=rng), h - h.mean(0))
        random_edit = latent.Edit("random", layer, other * step.norm() / other.norm())
        chance.append([share.mean() for share in judge(latent.edits.apply(G_church, trial, [(random_edit, 1.0)]))])
    chance = torch.tensor(chance)
    (night_chance, stay_chance), (night_spread, stay_spread) = chance.mean(0), chance.std(0)
    print(
        f"{words:16}{dark.mean():>15.0%}{f'{night_chance:.0%} ± {night_spread:.0%}':>16}"
        f"{stayed[layer].mean():>28.0%}{f'{stay_chance:.0%} ± {stay_spread:.0%}':>16}"
    )
    assert plan.profile == "smoke" or layer or dark.mean() > night_chance + 0.3
sign = torch.sign(night_edits[0].step @ strongest)
dark, stays = judge(latent.generate(G_church, trial + sign * strongest))
print(f"{'strongest, by 1':16}{dark.mean():>15.0%}{'':16}{stays.mean():>28.0%}")
for layer in (3, 9, 15):
    value, error, verdict = paired(stayed[layer] - stayed[0])
    print(f"factors that stay, a step in {names[layer]} against one in z: {value:+.2f} ± {error:.2f}: {verdict}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Night comes at once at every layer. In $z$ it is hardly a discovery: one unit along the strongest principal direction of the first layer does it too
# (the last line of the table), so the hour is what that layer carries most of, and here a strongest direction *has* a name. What differs is what
# *else* changes. A step in $z$ redraws the church about as much as random steps as long do (compare the two columns with their spread). In the last
# layers, where the layout is fixed already, the step towards night keeps more than random steps there, and the last line says whether it keeps more than the
# step in $z$. (Random steps in a late layer may darken everything by accident: hence their huge spread.) Look at the pictures, too: a step in a late layer is the same for all churches, so
# each gets the moons of the average night, in both places where a moon may stand. (A step in $z$ mostly draws two as well, of unequal brightness.)
#
# </details>

# %% tags=["nbval-ignore-output"]
shown = trial[:5]
panels = [latent.generate(G_church, shown)]
panels += [latent.edits.apply(G_church, shown, [(night_edits[layer], 1.0)]) for layer in (0, 15)]
plots.show(
    plots.image_grid(torch.cat(panels), columns=5),
    "6.10",
    "Rows: the first five churches at dusk; one step towards night in z; one step in the layer of 64 × 64 pixels.",
    "Three rows of five churches. First a violet dusk; below it night, with lit windows, mostly two moons, and partly changed buildings; in the last row the scenes of the first one, darkened, each with two moons.",
)

# %% [markdown]
# **Try it**: the slider from dusk (0) to night (1 and beyond), for all samples at once; negative values go back into the day.

# %% tags=["nbval-ignore-output"]
widgets.latent_explorer(G_church, {"dusk to night": night_edits[0].step}, seed=seed)

# %% [markdown]
# **And where $z$ was told?** `church-best` was trained with labels ([lesson 12](12_biggan.ipynb)): five of its hundred coordinates *are* the hours, and the largest of them is the hour that is chosen. To make night of dusk there is nothing to find: swap two coordinates. **Predict**: does the rest of the church stay now?

# %% tags=["nbval-ignore-output"]
G_told = pretrained.load("church-best")
x_told = latent.generate(G_told, z_church)
was = church_reader.read(x_told)
at_dusk = was["time"] == dusk
first = sum(len(values) for values in list(churches.FACTORS.values())[: list(churches.FACTORS).index("time")])
swapped = z_church[at_dusk].clone()
swapped[:, [first + dusk, first + night]] = swapped[:, [first + night, first + dusk]]
was = {factor: values[at_dusk] for factor, values in was.items()}
x_swapped = latent.generate(G_told, swapped)
dark, stays = judge(x_swapped)
print(f"{at_dusk.sum()} churches at dusk; two coordinates of z swapped: read as night {dark.mean():.0%}")
print(f"plan, stone, weather stay: {stays.mean():.0%}")
assert plan.profile == "smoke" or (dark.mean() > 0.9 and stays.mean() > max(share.mean() for share in stayed.values()))
plots.show(
    plots.image_grid(torch.cat([x_told[at_dusk][:5], x_swapped[:5]]), columns=5),
    "6.11",
    "Above: the first five churches of church-best that are read as dusk. Below: the same z with two coordinates swapped.",
    "Two rows of five churches: violet dusk with lit windows above, the same scenes at night below, dark and blue.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Mostly. Night comes, and more of what the reader reads stays than after any step above. But that is another generator, and it was bought with labels: somebody had to say of every picture which hour it shows. And even so the church does not stay as it was in every picture: $G$ paints hour and building in the same layers.
#
# </details>
#
# ## 6.13 Can an edit be kept?
#
# An edit is a name, a layer and a step: little enough for a small file, and good for *one* generator only, since another training, even of the same
# network, gives $z$ another meaning. So the file says whose it is, by a hash of the weights, and it is verified when it is loaded: its form, its
# content, and that it belongs to this $G$. It is safetensors, numbers and text; a pickle could run whatever its author likes.

# %% tags=["nbval-ignore-output"]
made = [latent.Edit(label, 0, item.direction, f"linear fit, R2 {item.r2:.2f}") for label, item in found.items()]
with tempfile.TemporaryDirectory() as folder:
    file = latent.edits.save(Path(folder) / "digits.safetensors", made, G)
    ours = latent.edits.load(file, G)
    print(f"{file.name}, {file.stat().st_size:,} bytes: " + "; ".join(f"{e.name} ({e.about})" for e in ours.values()))
    try:
        latent.edits.load(file, G_church)
    except latent.EditError as error:
        print("for another generator:", str(error).split("generator: ")[1])
    raw = file.read_bytes()
    file.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))  # one bit
    try:
        latent.edits.load(file, G)
    except latent.EditError as error:
        print("with one bit changed: ", str(error).split("generator: ")[1])

both = latent.edits.apply(G, fresh, [(ours["thicker"], 2.0), (ours["to the right"], -2.0)])
print(f"two at once: {(latent.thickness(both) - latent.thickness(x0)).mean():+.2f} px thicker, ", end="")
print(f"leaning by {(latent.slant(both) - latent.slant(x0)).mean():+.1f} degrees")

# %% [markdown]
# ## 6.14 And you?
#
# Twenty images, each real or generated by the toss of a coin. Your score comes with its 95 % confidence interval, beside
# that of the discriminator which was trained against this very $G$.

# %%
with_d = "D" in pretrained.card(name)["files"][str(epoch)]  # of some names only G is shipped
widgets.real_or_fake(G, pretrained.load(name, epoch, "D") if with_d else None)

# %% [markdown] tags=["progress"]
# ## What you have passed
#
# Run this cell at any time, also on another day: it lists which exercises of this lesson are passed and which are open.

# %% tags=["progress"]
from gancourse.exercises import progress

progress("06")

# %% [markdown]
# ## What we now know
#
# A normal $z$ in 100 dimensions lives on a thin shell, which explains the length of a lerp, the three $z$ of DCGAN's
# arithmetic and the failure of strong truncation; that slerp's images are better is another claim, and for this $G$ it is not
# borne out. $G$ has directions that change thickness, slant or the hour on average, found by a plain linear fit, which is the mean of all
# local gradients; no step is clean, and a random one is the control that says how unclean any step is. Real images can be
# approximated by optimising $z$, and nearest neighbours, with unseen images as the yardstick, tell learning from copying.
#
# ## What we do not know yet
#
# Whether cleaner directions exist, or whether they are a matter of how $G$ is built: StyleGAN puts a learned map before $G$
# so that its latent space need not be a shell. And what holds on photographs, where no renderer tells us how often a reader errs.
#
# ## References
#
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
#   Networks*, ICLR 2016, section 6.3, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - T. White, *Sampling Generative Networks*, 2016, [arXiv:1609.04468](https://arxiv.org/abs/1609.04468): slerp for GANs.
# - E. Härkönen et al., *GANSpace: Discovering Interpretable GAN Controls*, NeurIPS 2020,
#   [arXiv:2004.02546](https://arxiv.org/abs/2004.02546).
# - Y. Shen, B. Zhou, *Closed-Form Factorization of Latent Semantics in GANs* (SeFa), CVPR 2021,
#   [arXiv:2007.06600](https://arxiv.org/abs/2007.06600).
# - C. Stein, *Estimation of the Mean of a Multivariate Normal Distribution*, Annals of Statistics 9 (1981): the identity of
#   section 6.11.
# - A. Brock, J. Donahue, K. Simonyan, *Large Scale GAN Training for High Fidelity Natural Image Synthesis*, ICLR 2019,
#   section 3.1, [arXiv:1809.11096](https://arxiv.org/abs/1809.11096).
# - T. Karras, S. Laine, T. Aila, *A Style-Based Generator Architecture for GANs*, CVPR 2019, section 4.1,
#   [arXiv:1812.04948](https://arxiv.org/abs/1812.04948).
# - C. Meehan, K. Chaudhuri, S. Dasgupta, *A Non-Parametric Test to Detect Data-Copying in Generative Models*, 2020,
#   [arXiv:2004.05675](https://arxiv.org/abs/2004.05675).
# - D. Castro et al., *Morpho-MNIST*, JMLR 2019, [arXiv:1809.10780](https://arxiv.org/abs/1809.10780): slant and thickness.
# - H. Javed, *Exploring DCGANs for Image Generation* (P4): rows of interpolations.
