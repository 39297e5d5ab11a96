# %% [markdown]
# # 05 Evaluation: numbers one can believe
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/05_evaluation.ipynb)
#
# The papers of this course say "realistic", "less noisy", "visually indistinguishable", and show a grid of samples. This
# lesson puts numbers on such words, takes each number apart, and then does its best to fool it.
#
# **What you will learn**
#
# - why nobody reports the likelihood of a GAN
# - what FID is, from two bell curves up, computed by hand once
# - why a score means nothing without its floor, its number of samples and the name of its features
# - how to make a bad generator score well, and good images score badly
# - what precision and recall say about P1's networks that one number cannot
# - how far P1's DCGAN generator can be taken, layer for layer as it is
#
# **Time.** Little is trained here; most of the minutes go into making samples and looking at them through a classifier.
# The plan cell below prints what was measured. The exercises come on top, each with its own estimate.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.4 | 1.4 | 10 minutes |
# | 2 cores with bfloat16 units | 0.4 | 1.2 | 8.7 minutes |

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (more samples), or "auto"
seed = 0  # of the networks, the order of the data, and z

# %%
import io
import math

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch.func import jacrev
from torch.nn.functional import interpolate

from gancourse import data, evaluation, models, plots, pretrained
from gancourse.course import profiles
from gancourse.course.studies import runner as core
from gancourse.course.studies.lesson05 import mnist_scores
from gancourse.exercises import lesson05 as ex
from gancourse.training import Trainer
from gancourse.training.trainer import Config

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("05_evaluation", profile)
n_samples = {"smoke": 500, "laptop": 5_000, "paper": 10_000}[plan.profile]
print(plan)
print(f"samples of each generator: {n_samples:,}")

# %% [markdown]
# ## 5.1 Why not simply ask for the likelihood?
#
# Other generative models are judged by the probability density that they give to images they never saw. A GAN's generator
# has a density too, one might think: that of $G(z)$ for $z \sim \mathcal N(0, I)$. But $z$ has 100 numbers and an image
# has 784. Near each $z$ the generator is almost its linearisation, $G(z + \delta) \approx G(z) + J\delta$ with a $784 \times 100$ matrix
# $J$, and such a matrix cannot reach more than 100 directions:
#
# $$ \operatorname{rank} \frac{\partial G}{\partial z} \le 100 < 784. \tag{5.1} $$
#
# So all the images that $G$ can make lie on a sheet with no volume. On the sheet the density is infinite, off it zero,
# and a real digit lies off it, if only by a hair. The likelihood of every test image is 0, whatever $G$ has learnt.
#
# **Predict:** how many of the 784 directions does P1's trained MLP reach at one $z$, and how evenly?

# %%
G = pretrained.load("mlp-mnist", 50).double()
z = torch.randn(100, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
J = jacrev(lambda z: G(z[None]).flatten())(z)
reach = torch.linalg.svdvals(J)
print(f"J is {J.shape[0]} x {J.shape[1]}, its rank is {torch.linalg.matrix_rank(J)}")
share = reach.square().cumsum(0) / reach.square().sum()
print(f"nine tenths of all movement lie in {int((share < 0.9).sum()) + 1} of the {J.shape[0]} directions")
assert torch.linalg.matrix_rank(J) <= 100

# %% [markdown]
# What we can do with $G$ is draw samples. So every score of this lesson compares two *sets*: samples, and real images.
#
# ## 5.2 What should be compared?
#
# Not pixels. Move a digit by two pixels: you hardly see it, and the distance in pixels is as large as that to another
# digit. We need **features**: numbers that say what is on an image. The course has a classifier of digits, right on more
# than 99 % of the test set, and the 64 numbers that its last layer sees are our features, each scaled to variance 1 on
# the training images.

# %%
train, test = data.mnist("train"), data.mnist("test")
look = evaluation.classifier_features()
x = data.scale(test.pixels[:1000])
moved = torch.roll(x, (2, 2), (2, 3))
other = x[torch.randperm(1000, generator=torch.Generator().manual_seed(1))]


def distances(features):
    near, far = features(x) - features(moved), features(x) - features(other)
    return near.flatten(1).norm(dim=1).median(), far.flatten(1).norm(dim=1).median()


with torch.no_grad():
    for name, features in (("pixels", lambda x: x), ("features", look)):
        near, far = distances(features)
        print(f"{name:9} the same digit, moved by 2 pixels: {near / far:.2f} times the distance to another image")

# %% [markdown]
# Two sets of features are two clouds in 64 dimensions. How far are two clouds apart?
#
# ## 5.3 What is FID?
#
# Start on the line, with two bell curves $\mathcal N(m_1, s_1^2)$ and $\mathcal N(m_2, s_2^2)$. Think of them as heaps of sand,
# and of moving one onto the other. Each grain travels some distance; the cheapest plan, by mean squared distance, keeps
# the order of the grains. For bell curves that plan is $x \mapsto m_2 + \frac{s_2}{s_1}(x - m_1)$, and its cost is
#
# $$ d^2 = (m_1 - m_2)^2 + (s_1 - s_2)^2. \tag{5.2} $$
#
# We can check that with sand: sort two samples, and pair them off.

# %%
rng = torch.Generator().manual_seed(seed)
m1, s1, m2, s2 = 0.0, 1.0, 2.0, 0.5
a = (m1 + s1 * torch.randn(1_000_000, generator=rng, dtype=torch.float64)).sort().values
b = (m2 + s2 * torch.randn(1_000_000, generator=rng, dtype=torch.float64)).sort().values
formula = (m1 - m2) ** 2 + (s1 - s2) ** 2
print(f"sand: {(a - b).square().mean():.2f}   formula: {formula:.2f}")
print(f"paired at random instead: {(a - b[torch.randperm(len(b), generator=rng)]).square().mean():.1f}")
assert math.isclose((a - b).square().mean(), formula, rel_tol=0.01)

# %% [markdown]
# **Exercise: The Fréchet distance of two bell curves** (easy, 3 minutes). Return the squared Fréchet distance of $\mathcal N(m_1, s_1^2)$ and $\mathcal N(m_2, s_2^2)$ on the line; the
# arguments are two means and two standard deviations.


# %% tags=["exercise"]
def my_frechet_1d(m1, s1, m2, s2):
    """The squared Fréchet distance of two normal distributions on the line, from means and standard deviations."""
    ...  # your code


# %%
ex.frechet_1d.check(my_frechet_1d)

# %% [markdown]
# In $F$ dimensions the variances become covariance matrices and $s_1 s_2$ becomes the root of a product of matrices:
#
# $$ d^2 = |m_1 - m_2|^2 + \operatorname{tr}\big(\Sigma_1 + \Sigma_2 - 2\,(\Sigma_1 \Sigma_2)^{1/2}\big). \tag{5.3} $$
#
# That is all of it. Heusel et al. (2017) took $m$ and $\Sigma$ from features of the Inception network and called the number
# **FID**, Fréchet Inception distance. On our classifier's features it is the same formula on another scale, and we say
# **classifier FID**. By hand, once, for 2,000 training and 2,000 test images:

# %%
with torch.no_grad():
    a = look(data.scale(train.pixels[:2000])).double()
    b = look(data.scale(test.pixels[:2000])).double()
cov_a, cov_b = a.T.cov(), b.T.cov()
eigenvalues = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0)
by_hand = (a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * eigenvalues.sqrt().sum()
package = evaluation.frechet_distance(a.mean(0), cov_a, b.mean(0), cov_b)
print(f"by hand {by_hand:.3f}, by the package {package:.3f}")
assert math.isclose(by_hand, package, rel_tol=1e-6)

# %% [markdown]
# **Exercise: FID by hand** (medium, 10 minutes). Return the squared Fréchet distance (5.3) of two sets of features, float64 tensors of shape $(N, F)$ and $(M, F)$.
# The trace of the root of $\Sigma_1\Sigma_2$ is the sum of the roots of its eigenvalues, which are real and not
# negative, though `torch.linalg.eigvals` returns them as complex numbers.


# %% tags=["exercise"]
def my_frechet(a, b):
    """The squared Fréchet distance of features (N, F) and (M, F), in float64."""
    ...  # your code


# %%
ex.frechet.check(my_frechet)

# %% [markdown]
# ## 5.4 When is a distance small?
#
# Real images against real images do not score 0: the cell above compared two sets of genuine digits. That number is the
# **floor**, and no score should be quoted without it. Here are the generators that come with the course: 10,000 samples
# each against the 10,000 test images, and in the first row 10,000 training images in the place of samples. (The table
# is made by `python -m gancourse reproduce mnist_scores`, in a few minutes.)

# %%
rows = [{**row, "run": mnist_scores.label(row)} for row in core.results("mnist_scores")["rows"]]
print(evaluation.table(rows))
floor = rows[0]["fid"]
for row in rows[1:]:
    print(f"{row['run']}: {row['fid'] / floor:,.0f} times the floor")

# %% [markdown]
# P1 calls its MLP's digits satisfactory at 50 epochs and DCGAN's realistic at 5. The order is confirmed. The distance to
# the floor says how much of "realistic" is left to do.
#
# Another seed for $z$ gives another number. How much does it move? Three seeds each:

# %% tags=["nbval-ignore-output"]
generators = {"P1's MLP, epoch 5": ("mlp-mnist", 5), "P1's MLP, epoch 50": ("mlp-mnist", 50)}
generators["P1's DCGAN, epoch 5"] = ("dcgan-mnist", 5)
samples = {}
real = evaluation.summary_of(test, look)
for name, (weights, epoch) in generators.items():
    G = pretrained.load(weights, epoch)
    samples[name] = evaluation.summarise(G, look, n_samples)
    fids = [evaluation.evaluate(samples[name], real, look).fid]
    fids += [evaluation.classifier_fid(G, n_samples, seed=s) for s in (1, 2)]
    print(f"{name:20} {n_samples:,} samples, three seeds: {fids[0]:.1f}, {fids[1]:.1f}, {fids[2]:.1f}")

# %% [markdown]
# ## 5.5 How many samples are enough?
#
# An estimated covariance is never quite the true one, and every deviation counts as distance. So FID is too large, the
# more so the fewer images there are: **it is biased**. The remedy is not patience but a rule: compare at equal
# $n$ only. Below we score real training images, and P1's MLP, from fewer and fewer images, drawn from those we have.


# %%
def fid_of(features, n, seed):
    part = features[torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))[:n]].double()
    return evaluation.frechet_distance(part.mean(0), part.T.cov(), real.mean, real.cov)


genuine = evaluation.summarise(train, look, 10_000).features
sizes = [300, 500, 1000, 2000, 5000, 10_000]
bias = {n: [fid_of(genuine, n, s) for s in range(5 if n < 5000 else 1)] for n in sizes}
for n, values in bias.items():
    print(f"{n:>6,} real images: {np.mean(values):.2f}")

# %%
fig = Figure(figsize=(7.6, 3.6), layout="constrained")
ax = fig.subplots()
inverse = [1000 / n for n in sizes]
ax.plot(inverse, [np.mean(bias[n]) for n in sizes], "o-", color=plots.COLOURS["data"])
ax.plot([1000 / n for n, v in bias.items() for _ in v], [v for vs in bias.values() for v in vs], ".", color="#BEC4CC")
ax.set_xlabel("1000 / number of images")
ax.set_ylabel("classifier FID of real images")
plots.show(
    fig,
    "5.1",
    "The same real images, scored from fewer and fewer of them (to the right). The points lie near a line in 1/n, whose "
    "end at the left is what infinitely many images would score.",
    "A rising, nearly straight line of grey dots: the distance against one thousand over the number of images.",
)

# %% [markdown]
# **Exercise: What would infinitely many samples score?** (medium, 6 minutes). FID from $n$ samples lies near $\mathrm{FID}_\infty + c/n$. Given the numbers of samples and the distances, two
# float64 tensors of shape $(K,)$, fit a line against $1/n$ by least squares and return its value at $1/n = 0$.


# %% tags=["exercise"]
def my_extrapolate(n, fids):
    """The intercept of the least-squares line of fids (K,) against 1 / n (K,)."""
    ...  # your code


# %%
ex.extrapolate.check(my_extrapolate)

# %% [markdown]
# Even that intercept is not 0: MNIST's test digits were written by other people than its training digits, and the
# classifier has seen the training digits. A floor is a property of the data, not of chance alone.
#
# **KID** avoids the bias. It compares every image with every other through a kernel $k(x, y) = (x^\top y / F + 1)^3$, and
# takes the mean over pairs within each set, minus twice the mean over pairs between them:
#
# $$ \widehat{d^2} = \underset{i \ne j}{\operatorname{mean}}\; k(x_i, x_j) + \underset{i \ne j}{\operatorname{mean}}\; k(y_i, y_j)
# - 2 \operatorname{mean}\; k(x_i, y_j). \tag{5.4} $$
#
# A pair $i = i$ is left out, because a point is nearer to itself than any other ever is. Two halves of the test set have
# the distance 0, and the estimate should lie around it, on both sides:

# %%
halves = []
for s in range(8):
    shuffled = real.features[torch.randperm(10_000, generator=torch.Generator().manual_seed(s))]
    halves.append(evaluation.kernel_distance(shuffled[:1000], shuffled[1000:2000], s).value)
print("KID of 1,000 test images against 1,000 others, eight times:")
print(" ".join(f"{v:+.2f}" for v in halves), f"  mean {np.mean(halves):+.2f}")
assert abs(np.mean(halves)) < 3 * np.std(halves) / 8**0.5

# %% [markdown]
# **Exercise: KID without bias** (medium, 6 minutes). Given the kernel's values within the first set, within the second, and between them (three $n \times n$ matrices),
# return the unbiased estimate of the squared distance: the sum of the two means over all pairs of *different* points
# within a set, minus twice the mean over all pairs between the sets.


# %% tags=["exercise"]
def my_unbiased_mmd(k_real, k_fake, k_between):
    """The unbiased squared kernel distance from three (n, n) matrices of kernel values."""
    ...  # your code


# %%
ex.unbiased_mmd.check(my_unbiased_mmd)

# %% [markdown]
# Far below $4F$ images the covariance is not worth the name (with fewer than $F + 1$ it has no inverse), and published
# code computes FID from 512 images in 2,048 dimensions all the same. The package refuses, unless told by name:

# %%
try:
    evaluation.classifier_fid(train, n=100)
except evaluation.EvaluationError as error:
    print(error)

# %% [markdown]
# ## 5.6 How do you fool it?
#
# Real digits, treated in five ways, none of which has anything to do with a generator. **Predict** before you run: which
# of them look wrong to you, and which will look wrong to the score?
#
# - *replayed*: training images, as they are: a "generator" that has memorised its training set
# - *one digit*: genuine ones of a single kind, as after a complete collapse
# - *JPEG*: compressed and unpacked again
# - *resized*: to 14 × 14 and back to 28 × 28, as happens in careless data pipelines
# - *upside down*


# %%
def jpeg(x, quality):
    images = []
    for picture in data.unscale(x)[:, 0].numpy():
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        images.append(torch.from_numpy(np.array(Image.open(file))))
    return data.scale(torch.stack(images)[:, None])


base = data.scale(train.pixels[:2000])
fooling = {
    "replayed": base,
    "one digit": data.scale(train.pixels[train.labels == 1][:2000]),
    "JPEG": jpeg(base, quality=50),
    "resized": interpolate(interpolate(base, size=14, mode="area"), size=28, mode="bilinear"),
    "upside down": base.flip(2),
}
plots.show(
    plots.side_by_side({name: x[:12] for name, x in fooling.items() if name != "replayed"}, columns=3),
    "5.2",
    "Twelve images of each set. The JPEG's ringing and the blur of the resized ones take a second look.",
    "Four grids of twelve digits: ones only; digits with faint noise around the strokes; slightly blurred digits; digits "
    "upside down.",
)

# %%
scores = {name: evaluation.evaluate(x, real, look) for name, x in fooling.items()}
print(f"{'2,000 images':14}{'FID':>7}{'precision':>11}{'recall':>8}{'class. IS':>11}{'KL':>6}")
for name, s in scores.items():
    print(f"{name:14}{s.fid:7.1f}{s.precision:11.2f}{s.recall:8.2f}{s.inception_score:11.1f}{s.kl:6.2f}")

# %% [markdown]
# The *replayed* set has the best score there is, the floor itself: **FID does not see copying**. A generator that stores
# its training set wins. *Resized* digits are perfectly legible, and pay dearly; a pipeline that resizes real and
# generated images differently measures its own filter (Parmar et al., 2022, found exactly that in published FIDs).
# *One digit* is expensive for FID, while precision is as high as for real images: each single image is genuine.
#
# **Exercise: Inception score** (easy, 5 minutes). `p` holds a classifier's probabilities for $N$ images, $(N, K)$, rows that sum to 1, exact zeros among them. Return
# $\exp\big(\tfrac1N\sum_i \mathrm{KL}(p_i \,\|\, \bar p)\big)$, where $\bar p$ is the mean of the rows.


# %% tags=["exercise"]
def my_inception_score(p):
    """exp of the mean KL of each row of p (N, K) from the mean row."""
    ...  # your code


# %%
ex.inception_score.check(my_inception_score)

# %% [markdown]
# Copying can be tested for. Take the distance of each sample to its *nearest* training image, and the same for real images
# that were not trained on. A model that has learnt the distribution is as far from its training set as unseen real
# images are; copies are nearer. The Mann-Whitney test says by how many standard errors (Meehan et al., 2020; below
# $-3$ is an alarm):

# %%
seen, unseen = genuine[:10_000], evaluation.summarise(data.Images(train.pixels[20_000:22_000]), look).features
fresh = evaluation.summarise(data.Images(train.pixels[30_000:31_000]), look).features
noisy = evaluation.summarise((base[:1000] + 0.1 * torch.randn(1000, 1, 28, 28, generator=rng)).clamp(-1, 1), look)
for name, features in (
    ("real, not trained on", fresh),
    ("replayed", seen[:1000]),
    ("replayed, with noise", noisy.features),
):
    copies = evaluation.memorisation(seen, unseen, features)
    print(f"{name:22} z = {copies.z:6.1f}, nearer than 99 % of unseen real images: {copies.share:.0%}")

# %% tags=["nbval-ignore-output"]
G = pretrained.load("dcgan-mnist", 5)
with torch.no_grad():
    shown = G(torch.randn(10, 100, generator=torch.Generator().manual_seed(seed)))
    nearest, distance = [], []
    for part in torch.arange(plan.images).split(10_000):
        d, i = evaluation.nearest_neighbours(
            look(shown), evaluation.summarise(data.Images(train.pixels[part]), look).features
        )
        nearest.append(part[0] + i)
        distance.append(d)
best = torch.stack(distance).argmin(0)
index = torch.stack(nearest)[best, torch.arange(10)]
copies = evaluation.memorisation(seen, unseen, samples["P1's DCGAN, epoch 5"].features)
print(f"P1's DCGAN at epoch 5: z = {copies.z:.1f}, no copies" if copies.z > -3 else "copies!")
plots.show(
    plots.side_by_side(
        {"DCGAN's samples": shown, "nearest of the training images": data.scale(train.pixels[index])}, 5
    ),
    "5.3",
    "Ten samples (left, not picked) and, in the same places, the training image nearest in features. Similar digits, not "
    "the same ones.",
    "Two grids of ten digits; those on the right resemble those on the left in kind and slant, but differ in their strokes.",
)

# %% [markdown]
# ## 5.7 Bad images, or missing ones?
#
# One number cannot tell a generator that draws badly from one that draws few things well. Two can. Round every real image,
# in feature space, stands a ball that reaches to its third-nearest real neighbour. **Precision** is the share of samples
# inside some real ball; **recall** is the share of real images inside some ball of the samples (Kynkäänniemi et al.,
# 2019). *Density* and *coverage* (Naeem et al., 2020) ask the same with less weight on outliers.
#
# **Exercise: Precision from balls** (medium, 8 minutes). Round every real point stands a ball that reaches to its nearest *other* real point ($k = 1$). Return the share of
# the fake points that lie in at least one ball. Both sets are float64 tensors, $(N, F)$ and $(M, F)$.


# %% tags=["exercise"]
def my_precision(real, fake):
    """The share of fake points (M, F) inside the balls of the real ones (N, F), k = 1."""
    ...  # your code


# %%
ex.precision.check(my_precision)

# %%
plots.show(
    plots.scoreboard(rows),
    "5.4",
    "Every generator that the course ships, and real training images (grey). Left: the distance, on a logarithmic scale. "
    "Right: precision against recall; real images stand in the upper right corner.",
    "Left, a dot per generator at its distance. Right, the same generators at their recall and precision: the perceptrons "
    "towards the left, DCGAN further right, real images at the upper right.",
)
for row in rows:
    print(
        f"{row['run']:32} precision {row['precision']:.2f}  recall {row['recall']:.2f}  coverage {row['coverage']:.2f}"
    )

# %% [markdown]
# Look at recall. The MLP at 50 epochs draws many digits that pass as real, and reaches only a fraction of the real ones:
# it has a narrow repertoire. DCGAN after 5 epochs reaches most of the repertoire, and draws more of it badly. P1's word
# for both is "realistic". The two need different medicine.
#
# ## 5.8 Whose eyes?
#
# Inception has seen 1.2 million photographs, and no handwriting. A 28 × 28 digit has to be blown up to 299 × 299 and
# tinted grey before it may look; what it then responds to are strokes as textures. Numbers like "MNIST, FID 6.8"
# (Lucic et al., 2018) are computed so, and are fine for ranking similar models. But what does a network see that knows
# nothing of digits? We need no download for that question: a network that was **never trained** knows nothing of anything.

# %%
stand_in = evaluation.random_features(channels=1)
real_random = evaluation.summary_of(test, stand_in)
print(f"{'2,000 images':14}{'classifier':>12}{'untrained':>12}     times the floor")
ratios = {}
for name, x in fooling.items():
    s = evaluation.evaluate(x, real_random, stand_in)
    ratios[name] = (scores[name].fid / scores["replayed"].fid, s.fid)
floor_random = ratios["replayed"][1]
for name, (trained, untrained) in ratios.items():
    print(f"{name:14}{trained:12.0f}{untrained / floor_random:12.0f}")
assert ratios["resized"][0] / ratios["upside down"][0] < ratios["resized"][1] / ratios["upside down"][1]

# %% [markdown]
# To the untrained eyes, a little blur is worse by far than digits that stand on their heads: the textures of the latter
# are nearly right. To the classifier the two are about equally bad. Neither is wrong; they answer different questions. So
# the name of the features belongs to a score as the unit belongs to a length, and
# `evaluation.inception_features()` is there for whoever needs the literature's number (extra `metrics`, one
# download).
#
# ## 5.9 When the metric and the eye disagree
#
# Which of these two sets is better?

# %%
with torch.no_grad():
    mlp = pretrained.load("mlp-mnist", 50)(torch.randn(2000, 100, generator=torch.Generator().manual_seed(seed)))
plots.show(
    plots.side_by_side({"A": fooling["resized"][:20], "B": mlp[:20]}, columns=5),
    "5.5",
    "Twenty images each, not picked. Decide before you run the next cell.",
    "Two grids of twenty digits. A: legible, slightly blurred digits. B: digits with ragged strokes and specks, several of "
    "them illegible.",
)

# %%
for name, x in (("A, real digits, resized", fooling["resized"]), ("B, P1's MLP at epoch 50", mlp)):
    found = evaluation.summarise(x, look)
    result = evaluation.evaluate(found, real, look)
    shift = (found.mean - real.mean).square().sum() / result.fid
    print(f"{name}: FID {result.fid:.0f} ({shift:.0%} of it from the means), precision {result.precision:.2f}")

# %% [markdown]
# The score prefers B, and so does precision. Blur does the same thing to every image: all features move together, the mean
# in (5.3) with them, and out of the real balls. B's illegible digits are scattered about the right place. A number that
# ranks B above A is a number to look behind. What we do about it: several scores, their floor, and always the images,
# unpicked.
#
# ## 5.10 Can we watch the score while training?
#
# `Trainer(score=evaluation.quick_fid)` scores 2,048 samples after each epoch, into the history's column `fid`. The number
# has the bias of its 2,048 samples, so its curve is for comparing epochs, not papers.
#
# **Before you run it.** P1's MLP, a few epochs: the score should fall from several hundred, quickly at first.
# "Broken" would be a curve that rises again while the losses look calm.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(seed)
G, D = models.networks("mlp")
config = Config(epochs=plan.epochs, seed=seed)
trainer = Trainer(G, D, train.subset(plan.images), config, score=evaluation.quick_fid)
history = trainer.fit()
print("classifier FID of 2,048 samples:", " ".join(f"{row['fid']:.0f}" for row in history))
plots.show(
    plots.losses(history),
    "5.6",
    "A short run of P1's MLP. The panel on the right has the score; the losses alone would not tell that G improves.",
    "Four panels against the epoch: losses, D's answers, gradient norms, and the score of 2,048 samples, which falls.",
)

# %% [markdown]
# From a terminal, `python -m gancourse train mlp --score-every 5 --out RUN` does the same, `python -m gancourse evaluate RUN`
# scores a run with everything above, and `python -m gancourse compare RUN RUN` puts several side by side.

# %% [markdown]
# ## 5.11 How good can it get with this generator?
#
# P1's DCGAN has had its 100 epochs, and its distance is still many times the floor. Is the generator too small? We keep
# it, layer for layer, and change everything else. First: *what* is wrong with its digits? The classifier can say of how
# many it is unsure. **Predict** the share, for real digits and for DCGAN's.


# %%
def unsure(x):
    with torch.no_grad():
        return (look.both(x)[1].softmax(1).max(1).values < 0.9).double().mean().item()


z = torch.randn(2000, 100, generator=torch.Generator().manual_seed(seed))
p1, best = pretrained.load("dcgan-mnist", 100), pretrained.load("dcgan-mnist-best")
with torch.no_grad():
    digits = {"P1's DCGAN, epoch 100": p1(z), "the one we are about to make": best(z)}
print(f"{'real digits':30} less than 90 % sure of {unsure(base):.1%}")
for name, x in digits.items():
    print(f"{name:30} less than 90 % sure of {unsure(x):.1%}")

# %% [markdown]
# So the trouble is not blur. Too many of its images are *between* digits, and there is a reason. All $z$ form one
# connected ball, and $G$ is continuous, so all images that $G$ can make are connected too: on the way from a $z$ that
# gives a 1 to a $z$ that gives an 8 it must pass something, and whatever lies there has a share of the $z$. The data is
# not like that; hardly anything lies between a 1 and an 8. $G$ can only make the passage steep, and three layers are not
# many to be steep with.
#
# The remedy is to tear the ball. We cluster the training images, by $k$-means on their pixels, without looking at labels.
# We cut the line of $z$'s first coordinate into $K = 100$ intervals, as probable as the clusters are large, and move each
# $z$ by a centre $c_k$, drawn once from $\mathcal N(0, I)$, that belongs to its interval:
#
# $$ z \mapsto z + c_{k(z_1)}. \tag{5.5} $$
#
# Now $G$'s first layer sees a mixture of Gaussians that lie far apart (Ben-Yosef and Weinshall, 2018), and need not fill
# the space between them. $D$ is told the cluster of each image, real or fake: with $h(x)$ for its last hidden layer, its
# logit becomes
#
# $$ s(x, k) = w_0^\top h(x) + w_k^\top h(x). \tag{5.6} $$
#
# That is a GAN conditioned on clusters of its own data (Liu et al., 2020). `models.ClusterGenerator` has P1's layers and
# P1's number of parameters, and $z$ is drawn as ever; `gancourse/models/clusters.py` finds the clusters in some seconds.
#
# **Exercise: Tear a ball** (easy, 4 minutes). `z` is $(B, d)$; `edges`, $(K - 1,)$, are ascending numbers that cut the line into $K$ intervals; `centres` is
# $(K, d)$. Return $z + c_k$, $(B, d)$, where $k$, from 0, is the number of the interval that the first coordinate of
# $z$ lies in.


# %% tags=["exercise"]
def my_torn(z, edges, centres):
    """z (B, d), moved by the centre of the interval that its first coordinate lies in."""
    ...  # your code


# %%
ex.torn.check(my_torn)

# %% [markdown]
# Does it help, and does it alone? Here is an ablation: every row is a training run with the same generator and the same
# number of training images. The first rows are the path, each on top of the one before; the rows with a plus sign are
# what the years after 2014 recommend, each on top of the averaged generator with high, falling learning rates. **Predict** the
# best of them first.

# %%
study = core.results("best_recipe_short")
path = ("p1", "ema", "decay", "high", "final", "torn")
runs = {row["key"]: row for row in study["rows"]}
order = [f"{key}-0" for key in path] + [key for key in runs if key.split("-")[0] not in path]
print(f"{runs['p1-0']['images_seen']:,} training images a run; {study['machine']}")
print(f"{'':48}{'FID':>7}{'precision':>11}{'recall':>8}{'KL':>6}{'seconds':>9}")
for row in [runs[key] for key in order]:
    numbers = f"{row['classifier_fid']:7.1f}{row['precision']:11.2f}{row['recall']:8.2f}{row['kl']:6.2f}"
    print(f"{row['label']:48}{numbers}{row['train_seconds']:9.0f}")
finals = [row["classifier_fid"] for key, row in runs.items() if key.startswith("final")]
print(f"the path's end, seeds 0 to {len(finals) - 1}: " + ", ".join(f"{fid:.1f}" for fid in finals))

assert runs["decay-0"]["classifier_fid"] > runs["p1-0"]["classifier_fid"]
assert max(finals) < min(row["classifier_fid"] for row in study["rows"] if row["key"].split("-")[0] != "final")

# %% [markdown]
# In runs as short as these, an average and falling rates make things *worse*: the average still remembers the beginning,
# and P1's small learning rate falls before $G$ has got anywhere. With larger rates the three together pay. And neither half of the path's
# end does it alone: clusters at P1's learning rate stay far, as larger rates do without clusters.
#
# Short runs say little about long ones. So the end of the path was run for longer, and is shipped as `dcgan-mnist-best`.
# Against P1's recipe at 100 epochs, under the same evaluator:

# %%
by_name = {(row["name"], row["epoch"]): row for row in core.results("mnist_scores")["rows"]}
old = by_name["dcgan-mnist", 100]
(new,) = [row for (name, _), row in by_name.items() if name == "dcgan-mnist-best"]
print(f"{'':26}{'images seen':>13}{'FID':>7}{'precision':>11}{'recall':>8}{'path length':>13}")
for name, row in (("P1's recipe, 100 epochs", old), (f"ours, {new['epoch']} epochs", new)):
    numbers = f"{row['fid']:7.2f}{row['precision']:11.2f}{row['recall']:8.2f}{row['path_length']:13.0f}"
    print(f"{name:26}{row['epoch'] * 60_000:13,}{numbers}")
print(f"{old['fid'] / new['fid']:.1f} times nearer, after {new['epoch'] / old['epoch']:.0%} of the images")
plots.show(
    plots.side_by_side({name: x[:30] for name, x in digits.items()}, columns=6),
    "5.7",
    "Thirty images each from the same z, not picked: P1's recipe after 100 epochs, and the same layers under ours.",
    "Two grids of thirty digits. Left, most are legible, several are between two digits. Right, nearly all are clear.",
)

# %% [markdown]
# Is every digit on the right clear? Not all. Since we know which cluster a $z$ falls into, mode collapse need not be guessed
# at here: we can visit the clusters one by one, and ask where the classifier is lost.

# %%
D_best = pretrained.load("dcgan-mnist-best", part="D")
z = torch.randn(10_000, 100, generator=torch.Generator().manual_seed(seed))
code = best.code(z)
with torch.no_grad():
    drawn = torch.cat([best(part) for part in z.split(1000)])
per_cluster = torch.tensor([unsure(drawn[code == k]) for k in range(len(best.centres))])
for k in per_cluster.argsort(descending=True)[:3].tolist():
    share = (code == k).double().mean()
    print(f"cluster {k:2}, {share:.1%} of all z: unsure of {per_cluster[k]:.0%}")
worst = int(per_cluster.argmax())
fids = [evaluation.evaluate(x, real, look).fid for x in (drawn, drawn[code != worst])]
print(
    f"in the median cluster: {per_cluster.median():.1%}. FID with the worst one {fids[0]:.2f}, without it {fids[1]:.2f}"
)
members = data.scale(train.pixels[:20_000])
members = members[D_best.code(members) == worst][:12]
plots.show(
    plots.side_by_side({"drawn in the worst cluster": drawn[code == worst][:12], "real images of it": members}, 6),
    "5.8",
    "The one cluster that failed. Its real images are thin digits of every kind, alike in pixels and in nothing else; G has "
    "collapsed there, to one image that is no digit at all.",
    "Two grids of twelve images. Left, twelve nearly equal patches of noise. Right, thin, faint digits of many kinds.",
)

# %% [markdown]
# The score does not mind so small a part of $z$; the eye does.
#
# What else did it cost? We tore the latent space, so let us walk across the tears: one $z$, whose first coordinate moves from
# $-2$ to $2$ in equal steps.

# %%
walk = z[:1].repeat(24, 1)
walk[:, 0] = torch.linspace(-2, 2, 24)
with torch.no_grad():
    walks = {"P1's recipe": p1(walk), "ours": best(walk)}
steps = {name: (x[1:] - x[:-1]).flatten(1).norm(dim=1) for name, x in walks.items()}
for name, step in steps.items():
    print(f"{name:12} mean change of the image from step to step {step.mean():.1f}, largest {step.max():.1f}")
plots.show(
    plots.side_by_side(walks, columns=8),
    "5.9",
    "One coordinate of z, 24 equal steps, row by row. P1's digit hardly changes. Ours becomes another digit at every tear.",
    "Two grids of twenty-four digits. Left, nearly the same digit throughout. Right, many different digits.",
)

# %% [markdown]
# That is the price: along one of its 100 directions this generator jumps, and a path between two samples is smooth only
# within a cluster. (The path length in the table above, which lesson 06 explains, takes steps so small that they hardly
# ever straddle a tear: it sees the calm within the clusters, and not the jumps. One more number to look behind.) For
# pictures to sample it is the better generator; for a walk through latent space, as in lesson 06, it is the worse one. And
# look at recall before you call it better at everything: within a cluster it still draws less than there is.
#
# ## What we now know
#
# A GAN has no likelihood to report, so it is judged by comparing samples with real images in some network's features; FID
# is the cost of moving one Gaussian cloud onto the other. Such a number means something beside its floor, at equal
# numbers of samples, and with the name of its features, and it sees neither copies nor the reason why it is high.
# Precision and recall separate bad images from missing ones, and by them P1's MLP lacks variety where its DCGAN lacks
# polish. P1's generator was not too small for better: what it lacked were a latent space that need not connect every digit
# with every other, and larger learning rates that fall.
#
# ## What we do not know yet
#
# - What each step of 5.11 is worth in long runs: `python -m gancourse reproduce best_recipe` asks, in many hours.
# - How these scores behave on photographs, where no classifier of our own can help.
# - What the axes of $z$ mean, and whether paths between samples are smooth: lesson 06.
#
# ## References
#
# - S. Ben Abdallah, *Adversarial Networks for Image Generation* (P1 of this course).
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, 2017: FID.
# - M. Bińkowski et al., *Demystifying MMD GANs*, 2018: KID, and the bias of FID.
# - T. Kynkäänniemi et al., *Improved Precision and Recall Metric for Assessing Generative Models*, 2019.
# - M. Naeem et al., *Reliable Fidelity and Diversity Metrics for Generative Models*, 2020: density and coverage.
# - M. Chong and D. Forsyth, *Effectively Unbiased FID and Inception Score*, 2020: the line in $1/n$.
# - C. Meehan, K. Chaudhuri and S. Dasgupta, *A Non-Parametric Test to Detect Data-Copying*, 2020.
# - G. Parmar, R. Zhang and J. Zhu, *On Aliased Resizing and Surprising Subtleties in GAN Evaluation*, 2022.
# - M. Ben-Yosef and D. Weinshall, *Gaussian Mixture Generative Adversarial Networks*, 2018: mixtures in latent space.
# - S. Liu et al., *Diverse Image Generation via Self-Conditioned GANs*, 2020: clusters of the data as conditions.
# - T. Miyato and M. Koyama, *cGANs with Projection Discriminator*, 2018: (5.6).
# - L. Theis, A. van den Oord and M. Bethge, *A Note on the Evaluation of Generative Models*, 2016.
# - M. Lucic et al., *Are GANs Created Equal?*, 2018.
