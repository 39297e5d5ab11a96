# %% [markdown]
# # 00 Start here
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/00_start_here.ipynb)
#
# A generative adversarial network, a GAN, is two neural networks that play a game against each other until one of them
# can draw. Before any theory, this page lets you watch it happen on your own machine.
#
# **What you will learn**
#
# - what a GAN is, in one picture and in thirty lines
# - whether everything that the course needs works on your machine, and how long its lessons will take there
# - what a minute of training can do, and how to look at it
# - how the lessons, the exercises and the three profiles work
#
# **Time.** One minute of training and some seconds around it; the plan cell below prints the minutes that were measured
# on your class of machine.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.3 | 1.1 | 1.1 minutes |
# | 2 cores with bfloat16 units | 0.2 | 1.0 | 1.0 minutes |

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (as long as the paper trained), or "auto"
seed = 0  # of everything random

# %%
import math

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import softplus

from gancourse import data, models, plots
from gancourse.course import profiles
from gancourse.exercises import lesson02 as mlp02
from gancourse.training import Config, Minimax, Trainer, losses

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("00_start_here", profile, seed)
print(plan)

# %% [markdown]
# ## 0.1 What is a GAN?
#
# Suppose you want a program that draws handwritten digits. You own plenty of examples, but nobody can write down the
# rule that makes an image a digit. So we let a second program find out what the first one does wrong:
#
# - The **generator** $G$ turns a vector of random numbers $z$ into an image $G(z)$. It never sees a real image.
# - The **discriminator** $D$ sees an image, sometimes a real one $x$ and sometimes a fake one $G(z)$, and answers with
#   a number between 0 and 1: its estimate that the image is real.
#
# $D$ is trained to tell the two apart. $G$ is trained to make $D$ answer 1 for its fakes. Each is the other's teacher,
# and as $D$ gets harder to fool, $G$ has to draw better.
#
# Here is the whole game, with real digits from our data set and with images by a generator that has not learned
# anything yet.

# %%
torch.manual_seed(seed)
G, D = models.networks("dcgan")
real = data.mnist("train").subset(6)
z = torch.randn(6, 100)
with torch.no_grad():
    first_fakes = G.eval()(z)
plots.show(
    plots.game_diagram(real.pixels, first_fakes),
    "0.1",
    "The game. Both kinds of images go to D, which answers how real each looks. Its mistakes teach D (violet). G's loss "
    "(orange) goes back the way that the fakes came: through D to the pixels, and through the pixels to G.",
    "Diagram. Training data gives real images, noise z passes through the generator G and gives fake images, here grey "
    "mush. Both go to the discriminator D, which answers with a probability. D's loss teaches D. A dashed orange path "
    "leads from G's loss into D, out of D to the fake images, and from them to G.",
)

# %% [markdown]
# Follow the orange dashed path once more, since it is the idea that makes a GAN work. $D$ does not just say "fake".
# It is a differentiable function of the pixels, so its answer comes with a gradient: *this pixel darker, that one
# lighter, and I would be more inclined to believe you*. $G$ gets a correction for every pixel of every image it draws.
#
# ## 0.2 Does everything work here?
#
# If you ever ask somebody for help, paste what this cell prints into your question.

# %% tags=["nbval-ignore-output"]
print(profiles.environment())

# %% [markdown]
# And this is what the plan cell at the top chose for you. A **profile** says how long the training runs of a lesson
# are: `smoke` takes seconds and only proves that the code runs, `laptop` takes minutes and shows everything that the
# lesson talks about, `paper` trains for as long as the paper did. `auto` takes the longest of them that was measured
# to finish within 20 minutes on your class of machine. To choose another one, write its name into the cell that says
# `profile = "auto"`, and run the notebook again from there.

# %% tags=["nbval-ignore-output"]
print(f"profile:  {plan.profile} ({plan.reason})")
print(f"device:   {plan.device}")
print(f"training: {plan.epochs} epochs of {plan.images:,} images at most")

# %% [markdown]
# ## 0.3 What do the players see?
#
# MNIST: 70,000 handwritten digits, 28 by 28 pixels, grey. They came with the package, so nothing is downloaded. They
# are stored as bytes, 0 (black) to 255 (white), and handed to the networks as numbers between −1 and 1.

# %%
images = data.mnist("train")
print(images)
print(f"as stored:  {images.pixels.dtype}, from {images.pixels.min()} to {images.pixels.max()}")

batch = next(images.batches(64, torch.Generator().manual_seed(seed)))
print(f"as a batch: {batch.dtype}, shape {tuple(batch.shape)}, from {batch.min():.0f} to {batch.max():.0f}")
assert batch.shape == (64, 1, 28, 28) and batch.min() == -1 and batch.max() == 1

# %%
plots.show(
    plots.image_grid(images.pixels[:36], columns=12),
    "0.2",
    "The first 36 images of the training set, in the order in which they are stored.",
    "Three rows of twelve handwritten digits, white on black, in different hands and slants.",
)

# %% [markdown]
# ## 0.4 Who plays?
#
# The two networks below are the DCGAN of the paper that lessons 02 and 03 follow. $G$ is made of transposed
# convolutions, $D$ of convolutions with one linear layer at its end. Lesson 03 takes them apart. For now, look at what
# goes in and what comes out.

# %%
for name, network in (("G", G), ("D", D)):
    print(f"{name}: {models.count_parameters(network):>9,} parameters")
print(f"z {tuple(z.shape)} -> G(z) {tuple(G(z).shape)} -> D(G(z)) {tuple(D.probability(G(z)).shape)}")

with torch.no_grad():
    answers = torch.cat([D.eval().probability(batch), D.probability(first_fakes)])
print(f"D's answers for real and fake images, before training: {answers.min():.1f} to {answers.max():.1f}")
assert (answers - 0.5).abs().max() < 0.05
assert models.count_parameters(G) == 1_781_504 and models.count_parameters(D) == 138_625

# %% [markdown]
# An untrained $D$ shrugs: about 1/2 for everything. What is its loss then? $D$ pays $-\log D(x)$ for a real image and
# $-\log(1 - D(G(z)))$ for a fake one:
#
# $$ L_D = -\log D(x) - \log\bigl(1 - D(G(z))\bigr). \tag{0.1} $$
#
# With $D = 1/2$ both terms are $\log 2$ (logarithms are natural ones in this course), so a $D$ that cannot tell pays
# $2 \ln 2$. Keep the number: it is the mark against which we read every loss curve of the course. If $D$'s loss is
# far below it, $D$ is winning.

# %%
undecided = torch.zeros(1000)  # logits: D = sigmoid(0) = 1/2
loss = losses.discriminator_loss(undecided, undecided)
print(f"loss of a D that answers 1/2: {loss:.3f};   2 ln 2 = {2 * math.log(2):.3f}")
assert math.isclose(loss.item(), 2 * math.log(2), rel_tol=1e-6)

# %% [markdown]
# ## 0.5 What can one minute do?
#
# **Before you run the next cell, guess.** What will $G$ draw after a minute: noise, blobs, strokes, digits?
#
# The cell trains for at most a minute, in epochs of a few thousand images, and keeps what $G$ draws from one and the same
# 64 vectors $z$ after each epoch. What should happen: blobs within the first epochs, then strokes, then shapes that you
# could read out. What "broken" would look like: 64 times the same picture, or noise that stays noise while $D$'s loss falls
# to 0.
#
# One remark first. This is *not* the paper's recipe: we take smaller batches and a higher learning rate, so that
# a minute holds more steps, and only a part of the data. Lesson 03 trains the same networks as the paper says.

# %% tags=["nbval-ignore-output"]
minute = Config(model="dcgan", epochs=plan.epochs, batch_size=32, lr=5e-4, seed=seed)
trainer = Trainer(Minimax(G, D), images.subset(plan.images), minute)
history = trainer.fit(seconds=55)

# %% [markdown]
# Did it do what it should? Each row below is one moment; each column is one $z$, always the same, so you can follow
# a single digit as it comes out of the fog. Nothing was picked: these are the first twelve of the 64.

# %% tags=["nbval-ignore-output"]
last = trainer.epoch
moments = sorted({round(last * share) for share in (0, 0.1, 0.2, 0.4, 0.7, 1)})
plots.show(
    plots.samples_over_epochs({epoch: trainer.samples[epoch] for epoch in moments}),
    "0.3",
    f"One minute, from top to bottom: what G draws from the same twelve z after {', '.join(map(str, moments))} epochs "
    f"of {len(trainer.data):,} images.",
    "Rows of twelve small images, one row per moment. At the top grey mush; each later row has more of shapes that resemble handwritten digits.",
)

# %% [markdown]
# Now put yourself in $D$'s place.

# %% tags=["nbval-ignore-output"]
plots.show(
    plots.side_by_side({"real": images.pixels[100:125], "by G": trainer.samples[last][:25]}),
    "0.4",
    "Real digits at the left, G's after the minute at the right. Which ones would you have believed?",
    "Two grids of 25 small images. Left: real handwritten digits. Right: images by the generator, some of them digit-like, many malformed.",
)
row = history[-1]
print(f"D's mean answer in the last epoch: {row['d_real']:.2f} for real, {row['d_fake_before']:.2f} for fake images")
print(f"D's loss {row['loss_d']:.2f}, of a D that cannot tell {2 * math.log(2):.2f}")

# %% [markdown]
# If the last line's first number is well below its second, $D$ still sees the difference, and there is something left
# for $G$ to learn. That is the usual state of a GAN, as you will see: on real images the game hardly ever ends in
# a draw.
#
# <details><summary>Answer to the guess</summary>
#
# Smudges and strokes first, then shapes. Already the second row of figure 0.3 has left the noise behind, and the last
# row holds figures that you can read out beside others that are no digit at all. Nobody told $G$ what a stroke is.
#
# </details>
#
# **Change this and predict first.** Run the training cell a second time: it goes on with the networks as they are. Does
# the second minute help as much as the first one did? And what happens to figure 0.3's top row?
#
# <details><summary>Answer</summary>
#
# The top row is no longer noise: it shows what $G$ draws before *this* minute, which is what it drew at the end of the
# first. The second minute helps, but by far less. We tried it with two seeds and the distance of lesson 05: the first
# minute took nearly all of the way from noise, and the second did not quite halve what was left.
#
# </details>
#
# ## 0.6 What does the whole game look like in code?
#
# The minute above was run by the course's trainer, which also keeps time, samples and checkpoints. The game itself is
# short. Here is all of it, for points in the plane instead of images: the data lie on a heart, $z$ has two
# coordinates, and each player has two hidden layers.
#
# $D$ ends in a *logit*, any real number $s(x)$, and its probability is $D(x) = \sigma(s(x))$ with the sigmoid
# $\sigma(s) = 1/(1 + e^{-s})$. Then $-\log D = \mathrm{softplus}(-s)$ and $-\log(1 - D) = \mathrm{softplus}(s)$, with
# $\mathrm{softplus}(s) = \log(1 + e^s)$: the losses of figure 0.1 are made of these two terms. $D$'s is the first on real
# images plus the second on fakes, and $G$'s is the first on fakes.
#
# **Predict.** $G$ starts with a blot near the middle. Will it grow into the heart evenly, or find one side first?


# %% tags=["nbval-ignore-output"]
def heart(n):
    """n points of the data, (n, 2)."""
    t = 2 * math.pi * torch.rand(n, generator=rng)
    x = 16 * t.sin() ** 3
    y = 13 * t.cos() - 5 * (2 * t).cos() - 2 * (3 * t).cos() - (4 * t).cos()
    return torch.stack([x, y], 1) / 8


def network(outputs):
    """Two numbers in, `outputs` numbers out."""
    return nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


rng = torch.Generator().manual_seed(seed)
torch.manual_seed(seed)
g, d = network(2), network(1)
opt_g = torch.optim.Adam(g.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(d.parameters(), lr=1e-3, betas=(0.5, 0.999))
z_fixed = torch.randn(1000, 2, generator=rng)  # always the same, so that one can see G change
snapshots = {}
steps = 200 if plan.profile == "smoke" else 2000
for step in range(steps + 1):
    if step in (0, steps // 10, steps // 2, steps):
        snapshots[step] = g(z_fixed).detach()

    x_real, x_fake = heart(256), g(torch.randn(256, 2, generator=rng))
    loss_d = softplus(-d(x_real)).mean() + softplus(d(x_fake.detach())).mean()  # detach: this step moves D alone
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = softplus(-d(g(torch.randn(256, 2, generator=rng)))).mean()  # the gradient comes to G through D
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()

away = {step: torch.cdist(points, heart(2000)).min(1).values.mean().item() for step, points in snapshots.items()}
print("mean distance of G's points from the heart:", ", ".join(f"{away[step]:.2f} at step {step}" for step in away))
if plan.profile != "smoke":
    assert away[steps] < 0.3 * away[0]

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 4, figsize=(11, 3.2), sharey=True)
curve = heart(1000)
for ax, (step, points) in zip(axes, snapshots.items(), strict=True):
    ax.scatter(*curve.T, s=2, color=plots.COLOURS["muted"])
    ax.scatter(*points.T, s=3, color=plots.COLOURS["generator"])
    ax.set(title=f"step {step}", xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[])
plots.show(
    fig,
    "0.5",
    "A whole GAN on points in the plane. Grey: the data. Orange: what $G$ makes of the same 1,000 $z$ as it learns.",
    "Four panels with a grey heart-shaped curve. Orange points: a blot in the middle at first, then a streak, then "
    f"a cloud that fills and surrounds the heart, at last points that lie {away[steps]:.2f} from the curve on average.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# It does not grow evenly. $D$ soon knows that the blot is wrong and which way is out, and *all* points follow: they shoot
# off together as a streak, and overshoot. Only when $D$ answers the streak do they spread, and then settle on the curve.
# A few points are still inside, where there are no data: this $G$ has not yet bent all of the plane onto the curve.
#
# </details>
#
# Every GAN of this course has this loop at its heart. What changes are the networks, the losses, and how often each player
# moves. To take it apart, change one line at a time: set the learning rate of `opt_d` to 1e-4, or leave out `.detach()`.
# (Nothing breaks then. Why not? `opt_d` moves only $D$, and $G$'s leftover gradients are cleared before its step, so all
# that it costs is time.)
#
# ## 0.7 How does the course work?
#
# **The lessons**, in reading order:
#
# | lesson | question |
# |---|---|
# | [00 Start here](00_start_here.ipynb) | What is a GAN, and does it run here? |
# | [01 The minimax game](01_minimax_theory.ipynb) | Why does this game make $G$ draw the data, and when does it not? |
# | [02 A GAN from multilayer perceptrons](02_mlp_gan_mnist.ipynb) | How is it trained, step by step, and how does one read its losses? |
# | [03 DCGAN](03_dcgan_mnist.ipynb) | What do convolutions, BatchNorm and initialisation change? |
# | [04 DCGAN at 128 pixels](04_dcgan_lsun128.ipynb) | What changes with size and colour, and how does one find what a generator leaves out? |
# | [05 Evaluation](05_evaluation.ipynb) | How good is a generator, and what can a score not see? |
# | [06 Latent space](06_latent_space.ipynb) | What does a generator know, and can you steer it? |
# | [07 Wasserstein](07_wasserstein.ipynb) | What should a discriminator measure, and does that help? |
# | [08 Conditions and Pix2Pix](08_pix2pix.ipynb) | How is $G$ told what to make: a class, or a drawing? |
# | [09 CycleGAN](09_cyclegan.ipynb) | What can be learned from two sets of pictures without pairs, and what hides in the result? |
# | [10 SRGAN](10_srgan.ipynb) | How much of an enlarged picture is invented, and is it the true one? |
# | [11 StyleGAN](11_stylegan.ipynb) | Which layer holds what, and is $w$ easier to steer than $z$? |
# | [12 BigGAN and borrowed features](12_biggan.ipynb) | What does scale buy, and what do borrowed features? |
#
# **Running them.** On your own machine, `make lab` opens them in JupyterLab and `make course` runs them all; on Colab,
# the first cell of each installs the package. Run the cells from the top with Shift+Enter. You may stop a training
# cell (the stop button): the networks keep what they have learned so far, and the cells below work with it, if one epoch
# had ended; they need its numbers.
# A widget needs its kernel: in a notebook that you saved and open again, its place says `Error displaying widget: model
# not found` until its cell has run once more.
#
# **Each section** asks a question, answers it, runs it, looks at it, and lets you try. Where a statement of theory can
# be put into a line of code, an `assert` next to it does so: the notebook would stop there if it were false. Before a
# **Predict** is resolved, write down what you expect; the answer is folded.
#
# **The exercises** are cells with three dots in them. Each has a check, three hints and a solution, and each check
# knows the common mistakes. Here is what that looks like, with an exercise of lesson 02: scale pixels from
# 0 to 255 so that they lie between −1 and 1. First, nobody has answered; then somebody has, wrongly; then rightly.

# %%
scaling = mlp02.scale_images.demonstration()  # shown here, it counts for nobody
print(scaling)
print(scaling.check(...))
print()
print(scaling.check(lambda pixels: pixels.float() / 255))
print()
print(scaling.check(lambda pixels: pixels.float() / 255 * 2 - 1))

# %% [markdown]
# `scaling.hint()` gives the next hint, from a nudge to the key line, and `scaling.solution()` shows the answer. An
# exercise that you skip never stops a notebook. Near the end of each notebook, under *What you have passed*, a cell lists
# which of its exercises are passed and which are open.

# %%
scaling.hint()

# %% [markdown]
# ## What we now know
#
# A GAN trains a generator with the gradient of a second network that learns to tell its images from real ones. The game
# fits into thirty lines, and a minute of it is enough to get from noise to shapes that look like digits. A $D$ that cannot tell pays $2 \ln 2$, and the
# distance from that mark says who is winning.
#
# ## What we do not know yet
#
# Why the game should end with $G$ drawing the data, and not anything else that fools $D$: lesson 01. What exactly
# happened in each training step: lesson 02. Why these networks and not others: lesson 03. And whether the digits are
# *good*, which so far nobody has measured.
#
# ## References
#
# - I. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville, Y. Bengio, *Generative
#   Adversarial Nets*, NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661): the idea, in eight pages.
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional Generative
#   Adversarial Networks*, ICLR 2016, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434): the networks of this page.
# - S. Ben Abdallah, *Adversarial Networks for Image Generation*: the paper that lessons 01 to 03 follow ("P1" there).
# - Y. LeCun, C. Cortes, C. Burges, *The MNIST Database of Handwritten Digits*, 1998.
