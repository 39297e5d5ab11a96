# %% [markdown]
# # 04 DCGAN at 128 pixels: churches
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/04_dcgan_lsun128.ipynb)
#
# We go from grey digits of 28 × 28 pixels to colour pictures of 128 × 128: the same game again, with deeper networks. The
# paper is H. Javed's *Exploring DCGANs for Image Generation* (**P4**), which trains on 126,227 photographs of churches.
# Those photographs are not ours to hand out, so a small renderer draws churches for everybody. The renderer knows what is
# in each of its pictures, and that lets us count what a generator has left out.
#
# **What you will learn**
#
# - what changes between 28 and 128 pixels: receptive fields, channels, memory, arithmetic
# - what a selection of the best samples hides, how mode collapse is counted, and how far such a count can be trusted
# - which learning rate and which start of BatchNorm work, as measured, and why the two cannot be judged one by one
# - where white blobs and other artefacts come from, and how to remove four limitations that P4 names
# - what a full run would cost, estimated before it is started
#
# **Time.** The training here is short, and trained weights come with the course; the plan cell below prints the minutes
# measured on your class of machine. The exercises come on top, each with its own estimate.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.5 | 1.4 | 34 days |
# | 2 cores with bfloat16 units | 0.4 | 1.0 | 9.6 days |

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (P4's 100 epochs at full width), or "auto"
seed = 0  # of the networks, the order of the data, and z
pictures = None  # a folder of your own pictures, or LSUN's; None: $GANCOURSE_DATA, else procedural churches
out = None  # a folder, or on Colab "drive": the run is kept there, and goes on after an interruption

# %%
import copy
import math
import os

import torch
from matplotlib.figure import Figure
from torch.nn.functional import avg_pool2d, softplus

from gancourse import data, latent, models, plots, pretrained, widgets
from gancourse.course import profiles
from gancourse.course.studies.runner import results
from gancourse.data import churches
from gancourse.data.sheets import unpack
from gancourse.evaluation import church_reader, evaluate, summarise
from gancourse.evaluation.artefacts import high_frequency
from gancourse.exercises import lesson04 as ex
from gancourse.training import Config, Minimax, Recipe, Trainer
from gancourse.training.penalties import r1_penalty
from gancourse.training.recipe import view

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("04_dcgan_lsun128", profile, seed)
out = plan.folder(out)
width = profiles.CHURCH_WIDTH[plan.profile]
print(plan)
print(
    f"{plan.images:,} images, {plan.epochs} epochs, width {width} (P4's, as we read it: {profiles.CHURCH_WIDTH['paper']})"
)

# %% [markdown]
# ## 4.1 What changes between 28 and 128 pixels?
#
# P4 says what kind of layers there are, six transposed convolutions in $G$ and six convolutions in $D$, but neither the
# size of $z$ nor the numbers of channels; its diagram shows a generator for 64 × 64. We fill these gaps as DCGAN's authors
# do: $z$ has 100 numbers, and kernels are 4 × 4 with stride 2 (stride 1 in $G$'s first layer and in $D$'s last). Each time
# the image doubles its side, it halves its channels, except the last time: 1024, 512, 256, 128, 64, 3.
#
# Why that plan? A transposed convolution from $c_\text{in}$ channels of $n \times n$ pixels to $c_\text{out}$ channels
# stamps a kernel of $k \times k$ for each pixel and each pair of channels, so it costs
#
# $$ c_\text{in}\, c_\text{out}\, k^2\, n^2 \tag{4.1} $$
#
# multiplications. If the side is doubled and both numbers of channels are halved, this product stays the same: every layer
# in the middle costs the same.


# %%
def table_of(G):
    """Each transposed convolution: what it makes, its weights, and equation 4.1."""
    side, rows = 1, []
    for layer in G.net:
        if isinstance(layer, torch.nn.ConvTranspose2d):
            weights = layer.weight.numel()
            products = weights * side**2
            side = (side - 1) * layer.stride[0] - 2 * layer.padding[0] + layer.kernel_size[0]
            rows.append((layer.in_channels, layer.out_channels, side, weights, products))
    return rows


torch.manual_seed(seed)
G_full, D_full = models.networks("dcgan128", width=64)
rows = table_of(G_full)
print(f"{'layer':>14}{'output':>16}{'weights':>12}{'multiplications':>17}")
for c_in, c_out, side, weights, products in rows:
    print(f"{c_in:>6} -> {c_out:>4}{f'{c_out} x {side} x {side}':>16}{weights:>12,}{products:>17,}")
products_g = sum(row[-1] for row in rows)
digits = sum(row[-1] for row in table_of(models.DCGANGenerator()))
print(f"{models.count_parameters(G_full):,} parameters, {products_g:,} multiplications an image,")
print(f"{products_g / digits:.0f} times those of lesson 03's generator for {128**2 / 28**2:.0f} times as many pixels")

# %%
plots.show(
    plots.architecture_diagram(G_full, torch.randn(2, 100)),
    "4.1",
    "P4's generator at full width: five doublings from 4 × 4 to 128 × 128, the channels halved each time but the last.",
    "Blocks from left to right: 100 numbers, 1024 channels of 4 by 4, 512 of 8 by 8, 256 of 16 by 16, 128 of 32 by 32, "
    "64 of 64 by 64, and an image of 3 by 128 by 128, with the layers between them and their numbers of weights.",
)

# %% [markdown]
# $D$ is the mirror image of $G$. How much of the picture does one number inside $D$ see? Go from the image inwards, layer
# by layer, and keep two numbers: the **receptive field** $r$, the width of the window of the image that one number depends
# on, and the distance $j$ between two neighbouring numbers; both are in pixels of the image, and both begin at 1. A layer
# with kernel $k$ and stride $s$ changes them to
#
# $$ r \leftarrow r + (k-1)\,j, \qquad j \leftarrow s\,j. \tag{4.2} $$

# %%
field, jump = 1, 1
print(f"{'D, after layer':16}{'field':>7}{'distance':>10}")
for number, layer in enumerate([m for m in D_full.modules() if isinstance(m, torch.nn.Conv2d)], start=1):
    field, jump = field + (layer.kernel_size[0] - 1) * jump, jump * layer.stride[0]
    print(f"{number:>14}{field:>9}{jump:>10}")

# Does the picture agree? One number in the middle after layer 3: which pixels does its gradient reach?
x = torch.randn(1, 3, 128, 128, requires_grad=True)
D_full.eval().net[:7](x)[0, 0, 8, 8].backward()
reached = (x.grad[0].abs().sum(0) > 0).nonzero()
print(f"measured after layer 3: {int(reached.max() - reached.min()) + 1} pixels wide")

# %% [markdown]
# After three layers $D$ judges patches as large as a window or a tree. Only the last layers see a whole church, so only
# they can say that a tower is on the wrong side. Every detail can look right while the whole is wrong: P4 names wrong
# proportions among its artefacts. And how much memory does training need? It keeps the output of every layer until the
# backward pass.

# %%
kept = sum(c_out * side**2 for _, c_out, side, _, _ in rows) * 3  # after convolution, BatchNorm and ReLU
for name, bytes_each in (("float32", 4), ("bfloat16", 2)):
    print(f"one batch of 128 through G keeps about {128 * kept * bytes_each / 2**30:.1f} GiB in {name}")
weights = models.count_parameters(G_full) + models.count_parameters(D_full)
print(f"weights, gradients and Adam's two moments of both networks: {weights * 4 * 4 / 2**30:.2f} GiB")

# %% [markdown]
# **Exercise: The receptive field** (medium, 8 minutes). How many pixels wide is the window of the image that one number after these convolutions depends on?
# `layers` is a list of pairs `(kernel, stride)`, from the image on; padding does not matter.


# %% tags=["exercise"]
def my_receptive_field(layers):
    """The width, in pixels, of what one number after `layers`, pairs (kernel, stride), depends on."""
    ...  # your code


# %%
ex.receptive_field.check(my_receptive_field)

# %% [markdown]
# **Exercise: What a layer costs** (easy, 5 minutes). How many multiplications (each with its addition) does a transposed convolution from `c_in` channels of
# `n` by `n` pixels to `c_out` channels cost, for one image, with a kernel of `kernel` by `kernel`? It has
# stride 2 and no bias; the edges, where a stamp is cut off, count as well.


# %% tags=["exercise"]
def my_layer_products(c_in, c_out, kernel, n):
    """Multiplications of a transposed convolution on c_in channels of n x n pixels."""
    ...  # your code


# %%
ex.layer_products.check(my_layer_products)

# %% [markdown]
# ## 4.2 Which churches?
#
# P4's churches are LSUN's `church_outdoor`: photographs whose shorter side is 256 pixels, scaled and cropped to 128. They
# are 2.4 GB and not ours to hand out, so this notebook looks for pictures in three places, in this order: the folder
# `pictures` above, the folder that the environment variable `GANCOURSE_DATA` names, and the course's renderer. To fetch
# LSUN's photographs, run `python -m gancourse fetch lsun-church`.
#
# **Stand-in data.** All numbers and pictures that are committed here are from procedural churches, those that the renderer
# draws; the only exception is the generator of photographs at the end of section 4.10. Procedural churches are simpler than
# photographs: a claim of P4 that holds for them is made plausible, but not confirmed.


# %% tags=["nbval-ignore-output"]
def find_churches(n):
    """Images, and why these."""
    folder = pictures or os.environ.get("GANCOURSE_DATA")
    if folder:
        from gancourse.data.photographs import open_pictures

        images = open_pictures(folder)
        return images.subset(min(n, len(images))), "the pictures that you named"
    return churches.procedural_churches(n)[0], "no folder was named, so the renderer's"


images, why = find_churches(plan.images)
print(f"{images}: {why}")

# %% [markdown]
# For each picture the renderer draws the values of ten **factors** at random, such as the plan of the church, its stone,
# the time of day and the weather, each uniformly and independently of the others. It builds a church from them in three
# dimensions, and lights it. Besides the factors, hundreds of other random numbers vary measures, colours, hills and the
# camera; most of them make the noise of the clouds. Image $i$ of a seed is the same for everybody.

# %%
shown, truth = churches.procedural_churches(24, seed=2)
print(f"factors of the first: {', '.join(churches.FACTORS[name][truth[name][0]] for name in churches.FACTORS)}")
kinds = math.prod(len(values) for values in churches.FACTORS.values())
print(f"{len(churches.FACTORS)} factors, {kinds:,} combinations")
plots.show(
    plots.image_grid(shown.pixels, columns=6),
    "4.2",
    "The first 24 churches of one seed, not selected.",
    "Four rows of six drawings of churches with towers, spires, domes and battlements, at morning, noon, evening, "
    "dusk and night, in sun, fog, rain and snow, some between trees.",
)

# %% [markdown]
# ## 4.3 Is it still Algorithm 1?
#
# It is. P4 adds one detail to $D$'s step: the gradients of the real and of the fake batch are **accumulated**, which means
# that they are computed in two passes and added up before the one step. Since the gradient of a sum is the sum of the
# gradients,
#
# $$ \nabla\big(L_\text{real} + L_\text{fake}\big) = \nabla L_\text{real} + \nabla L_\text{fake}, \tag{4.3} $$
#
# this is the step that we know. Two passes save memory, since the graph of the first batch is gone before that of the
# second is built; and, as in lesson 03, real and fake images pass through BatchNorm separately. Here is an epoch by hand,
# with $G$'s step on the same fakes, as P4 has it:


# %%
def train_by_hand(G, D, images, batch_size, rng):
    """One epoch of Algorithm 1 as P4 arranges it."""
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for x_real in images.batches(batch_size, rng):
        x_fake = G(torch.randn(batch_size, 100, generator=rng))
        opt_d.zero_grad()
        softplus(-D(x_real)).mean().backward()  # minus log D(x)
        softplus(D(x_fake.detach())).mean().backward()  # minus log(1 - D(G(z))), added to the gradient
        opt_d.step()
        opt_g.zero_grad()
        softplus(-D(x_fake)).mean().backward()  # G maximises log D(G(z))
        opt_g.step()


# %%
few, _ = churches.procedural_churches(24, seed=3)
torch.manual_seed(seed)
G_hand, D_hand = models.networks("dcgan128", width=2)
train_by_hand(G_hand, D_hand, few, 8, torch.Generator().manual_seed(seed))

torch.manual_seed(seed)
G_package, D_package = models.networks("dcgan128", width=2)
plain = Config("dcgan128", 1, 8, seed=seed, fresh_z=False, fast=False, precision="float32")
next(Trainer(Minimax(G_package, D_package), few, plain, device="cpu").epochs())

pairs = [
    (a, b)
    for p, q in ((G_hand, G_package), (D_hand, D_package))
    for a, b in zip(p.parameters(), q.parameters(), strict=True)
]
far = max((a - b).abs().max().item() for a, b in pairs)
moved = sum(a.numel() for a, _ in pairs)
print(f"after {len(few) // 8} steps, {moved:,} weights: the largest difference is {far:g}")
assert far == 0

# %% [markdown]
# (The package adds both losses and makes a single backward pass. Each gradient is then the sum of the same two numbers in
# the opposite order, and the order of two numbers changes no bit of their sum.)
#
# **Exercise: Gradients, accumulated** (medium, 8 minutes). P4 computes D's gradient in two passes, first for the real
# batch, then for the fake one, and lets them add up before the one step. Do that: leave in every `p.grad` of D the gradient
# of $-E\log D(x) - E\log(1-D(G(z)))$. D returns logits; do not move its weights, and let no gradient reach G.


# %% tags=["exercise"]
def my_accumulate(D, x_real, x_fake):
    """Leave D's gradient, of the real and the fake batch together, in its parameters' .grad."""
    ...  # your code


# %%
ex.accumulate.check(my_accumulate)

# %% [markdown]
# ## 4.4 What happens when we train it?
#
# **Before you run it.** On a laptop we train narrow networks on few images: enough to see the order in which things are
# learned, not enough for a good church. For so short a run we take a learning rate ten times the usual one; section 4.8
# shows why. What should happen: first grey; then a sky above a ground, in the colours of the hours; then something in the
# middle, where churches stand. "Broken" would be a batch whose pictures are all alike and stay so, or a checkerboard that
# does not fade.

# %% tags=["nbval-ignore-output"]
batch_size = 128 if plan.profile == "paper" else 16
torch.manual_seed(seed)
G, D = models.networks("dcgan128", width=width)
lr = 2e-4 if plan.profile == "paper" else 2e-3
config = Config("dcgan128", plan.epochs, batch_size, lr=lr, seed=seed, fresh_z=False)
run = Trainer(Minimax(G, D), images, config, out=out)
history = run.fit()
row = history[-1]
print(
    f"epoch {run.epoch}: D(x) = {row['d_real']:.2f}, D(G(z)) = {row['d_fake_before']:.2f}, G's loss {row['loss_g']:.2f}"
)

# %% tags=["nbval-ignore-output"]
moments = sorted({0, 1, run.epoch // 4, run.epoch // 2, run.epoch})
plots.show(
    plots.samples_over_epochs({epoch: run.samples[epoch] for epoch in moments}, count=4),
    "4.3",
    "The run of this notebook, four fixed z: colours come first, then the place of things, and a weave over all.",
    "Rows of images by epoch. The first row is flat grey, the next grey with faint shades; then come blurred patches "
    "of colour, and in the last row a pale sky over a greenish ground with dark upright shapes, all but the first "
    "under a regular pattern like woven cloth.",
)

# %% [markdown]
# Which of these did we get? Two numbers help the eye. The **variety of samples** is the mean standard deviation of a pixel
# between the 64 samples of one epoch (pixel values in [-1, 1]); it is near 0 where all samples are the same picture. The
# **grain** is the share of an image's power in patterns finer than 4 pixels; a checkerboard raises it.


# %% tags=["nbval-ignore-output"]
def variety(x):
    """The mean standard deviation of a pixel between images (B, 3, H, W) in [-1, 1]."""
    return x.std(0).mean().item()


def grain(x):
    """The share of power in patterns finer than 4 pixels, of images (B, 3, H, W) in [-1, 1] made grey."""
    return high_frequency(x.mean(1, keepdim=True))


some = next(images.batches(min(64, len(images)), torch.Generator().manual_seed(seed)))
grains = {"renders": grain(some)}
print(f"{'':10}{'variety':>9}{'grain':>9}")
print(f"{'data':10}{variety(some):>9.3f}{grains['renders']:>9.4f}")
for e in moments:
    x = data.scale(run.samples[e])
    grains[e] = grain(x)
    print(f"{f'epoch {e}':10}{variety(x):>9.3f}{grains[e]:>9.4f}")
times = grains[run.epoch] / grains["renders"]
print(
    f"grain at the end: {times:.1f} times the data's: {'the weave has not faded' if times > 2 else 'no weave is left'}"
)

# %% [markdown]
# Colour and place came in the order that we expected. But look at the last row of the figure and the last line of the
# table, and hold us to our word: a checkerboard that does not fade is what we called broken, and here it is, as a weave
# over all pictures. And samples of different $z$ still differ less than renders do. In so short a run the transposed
# convolutions' own pattern (lesson 03) is stronger than what has been learned. More steps, a wider network and averaged
# weights remove nearly all of it: compare figure 4.4.
#
# A church takes longer. The course comes with a generator of the same kind that was trained for longer. Its card says for
# how long, on what, and with which command. (The command asks for more epochs than were made: the run was stopped by hand,
# and we ship what was saved by then. The last line says so.)

# %%
card = pretrained.card("church-procedural")
epoch = pretrained.epochs("church-procedural")[-1]
G_best, D_best = (pretrained.load("church-procedural", epoch, part) for part in "GD")
print(f"{card['what']}: {card['data']['count']:,} images, {epoch} epochs")
size = sum(p.numel() for p in G_best.parameters())
print(f"{size:,} parameters in G; averaged weights: {card['files'][str(epoch)]['averaged']}")
print(card["commands"][0])
print(f"planned: {card['config']['epochs']} epochs; done when it was stopped: {len(card['history'])}")

# %% [markdown]
# ## 4.5 What does a selection hide?
#
# P4 shows a batch that was not cherry-picked, which is what an honest paper does. Here is ours: the samples of 24 vectors
# $z$ from one seed, in their order.

# %%
n = 400 if plan.profile == "smoke" else 1000
z = latent.sample(n, seed=1)
fakes = torch.cat([latent.generate(G_best, part) for part in z.split(100)])
plots.show(
    plots.image_grid(fakes[:24], columns=6),
    "4.4",
    "The first 24 samples of the shipped generator, not selected.",
    "Four rows of six generated pictures with skies, grounds and churches of several shapes and colours, some clear, "
    "some smeared.",
)

# %% [markdown]
# P4 then shows a selection of the best. Whoever selects needs a judge, and one is at hand: $D$. We take the pictures that
# $D$ believes most, those with its largest answers, and beside them those that it believes least.

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    belief = torch.cat([D_best(part) for part in fakes.split(100)])
order = belief.argsort(descending=True)
plots.show(
    plots.side_by_side(
        {"the 9 that D believes most": fakes[order[:9]], "the 9 that it believes least": fakes[order[-9:]]},
        columns=3,
    ),
    "4.5",
    f"Of {n} samples, those with the largest and with the smallest answers of D.",
    "Two grids of nine generated pictures, the left ones mostly of other hours of the day than the right ones.",
)

# %% [markdown]
# Look at both grids before you read on. Is the left one better? $D$'s answer is no mark for beauty: $D$ was trained against
# *this* generator, and it rewards what it has not yet learned to refuse. And the pictures of the left grid have something
# in common. To measure what that is, we must know what is in a picture, and here the renderer helps.
#
# ## 4.6 Which churches does it make, and which has it dropped?
#
# P4 writes that it saw no mode collapse. On photographs that is an impression; on our churches it can be counted. A small
# network, the **reader**, was trained to read the factors off renders, half of them blurred. Since we know the truth about
# every render, we know how often the reader errs *there*. On a generator's samples nobody knows the truth: a smeared roof
# has no right answer. So here, and in every section that follows, what the reader says of samples is measured with an
# instrument outside the range in which it was tested. One thing can be checked: how sure the reader is of its answers, on
# renders and on samples.

# %% tags=["nbval-ignore-output"]
print(f"{'factor':10}{'values':>8}{'read rightly':>14}")
for name, share in church_reader.accuracies().items():
    print(f"{name:10}{len(churches.FACTORS[name]):>8}{share:>14.0%}")
readable = [name for name, share in church_reader.accuracies().items() if share >= 0.85]
print("we count:", ", ".join(readable))


def certainty(x):
    """Factor -> the reader's mean probability for its own answers, images (B, 3, 128, 128) in [-1, 1]."""
    with torch.no_grad():
        answers = church_reader.reader()(x)
    return {name: answers[name].softmax(1).amax(1).mean().item() for name in readable}


unseen, _ = churches.procedural_churches(200, seed=1)
print(f"{'how sure it is':18}" + "".join(f"{name:>9}" for name in readable))
for label, x in (("of 200 renders", data.scale(unseen.pixels)), ("of 200 samples", fakes[:200])):
    print(f"{label:18}" + "".join(f"{share:>9.2f}" for share in certainty(x).values()))

# %% [markdown]
# The reader is less sure of samples. So a value that seems to be missing may be there and be misread: what follows compares
# what the reader *says*.
#
# How far is a distribution of shares $q$ from uniform, over $K$ values?
#
# $$ \mathrm{KL}(q\,\|\,u) = \log K + \sum_{i=1}^{K} q_i \log q_i , \tag{4.4} $$
#
# It is 0 for an even spread, and $\log K$ for total collapse to one value. Renders, "real" in the table, give the floor:
# what chance and the errors of the same reader make of an even spread. (The shares of a small set are never quite even, so
# a small set needs a floor from as few renders.) We read renders, all samples, and what $D$ selects.

# %%
real, _ = churches.procedural_churches(2 * n, seed=1)
read = {
    "real": church_reader.read(real.subset(n)),
    "all samples": church_reader.read(fakes),
    "D's better half": church_reader.read(fakes[order[: n // 2]]),
    "real, as few": church_reader.read(real.subset(n // 10)),
    "D's best tenth": church_reader.read(fakes[order[: n // 10]]),
}

# %% tags=["nbval-ignore-output"]
print(f"{'KL to uniform, in nats':22}" + "".join(f"{name:>9}" for name in readable))
for label, found in read.items():
    print(f"{label:22}" + "".join(f"{church_reader.coverage(found, name).kl:>9.3f}" for name in readable))
lost = {name: church_reader.coverage(read["all samples"], name).missing for name in readable}
for name, missing in lost.items():
    if missing:
        print(f"{name}: fewer than a quarter of their share: {', '.join(missing)}")

# %% tags=["nbval-ignore-output"]
rows_of = [math.ceil(len(readable) / 2), 2]
fig = Figure(figsize=(8.6, 1.95 * rows_of[0]), layout="constrained")
axes = list(fig.subplots(*rows_of).flat)
for ax, name in zip(axes, readable, strict=False):
    values = churches.FACTORS[name]
    for offset, label, colour in ((-0.2, "renders", "data"), (0.2, "samples", "generator")):
        shares = church_reader.coverage(read["real" if label == "renders" else "all samples"], name).shares
        ax.barh([i + offset for i in range(len(values))], shares, 0.38, color=plots.COLOURS[colour], label=label)
    ax.axvline(1 / len(values), color=plots.COLOURS["ink"], linewidth=0.8, linestyle=":")
    ax.set_yticks(range(len(values)), values, fontsize=9)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.set(title=name, xlim=(0, 0.6), xticks=[0, 0.2, 0.4, 0.6], xticklabels=["0", "20 %", "40 %", "60 %"])
for ax in axes[len(readable) :]:
    ax.set_axis_off()
legend_ax = axes[-1] if len(axes) > len(readable) else axes[0]
legend_ax.legend(*axes[0].get_legend_handles_labels(), loc="center left" if legend_ax is axes[-1] else "best")
plots.show(
    fig,
    "4.6",
    "How often each value occurs, among renders (grey) and among samples (orange), as the reader sees them; dotted: even.",
    "Horizontal bar charts, one for each factor, with a grey and an orange bar for each value and a dotted line at the "
    "even share. The grey bars lie near the line, several orange ones far above or below it.",
)

# %% [markdown]
# The orange bars show a **bias**: in the data all values of a factor were equally frequent, among the samples they are not.
# Which differences are beyond chance? A share $q$ of $n$ pictures has a standard error of $\sqrt{q(1-q)/n}$.

# %% tags=["nbval-ignore-output"]
biased = []
for name in readable:
    ours, theirs = (church_reader.coverage(read[label], name).shares for label in ("all samples", "real"))
    error = ((ours * (1 - ours) + theirs * (1 - theirs)) / n).sqrt()
    for value, q, p, e in zip(churches.FACTORS[name], ours.tolist(), theirs.tolist(), error.tolist(), strict=True):
        biased.append((abs(q - p) / e, f"{name}: {value}", q, p, e))
biased.sort(reverse=True)
print(
    f"{sum(row[0] > 3 for row in biased)} of {len(biased)} values differ from the renders by more than 3 standard errors"
)
for far, value, q, p, _ in biased[:6]:
    print(f"{value:22} {q:.0%} of the samples, {p:.0%} of the renders ({far:.0f} standard errors)")
assert biased[0][0] > 3

# %% [markdown]
# Here it is whitewash and broadleaved trees that come too rarely, and nobody is wronged. With people's faces, voices or
# texts the same mechanism can turn a group that is a tenth of the data into a twentieth of what is generated, or give this
# group less variety; and a data set that is biased already may come out more biased still. Two things follow. Before you
# use a generator, count by group, as above, and compare with what the shares should be. (That needs a reader that is
# equally good for every group.) And do not treat what a generator draws as a sample of the world: not to train, not to
# illustrate, not to decide.
#
# Every single factor can be even while there are few combinations of them: a generator of only twenty pictures can do that.
# So we count *kinds*, the combinations of plan, stone, time and weather. Of $K$ kinds that are equally frequent, $n$
# independent samples meet
#
# $$ K\big(1 - (1 - 1/K)^n\big) \tag{4.5} $$
#
# different ones on average.

# %% tags=["nbval-ignore-output"]
for label, found in read.items():
    met, expected, total = church_reader.combinations(found, church_reader.KINDS)
    share = met / expected
    print(
        f"{label:18}{len(found['plan']):>6} pictures: {met:>4} of {total} combinations, expected {expected:5.1f}: {share:.0%}"
    )

# %% [markdown]
# That is the test. A generator without collapse would meet as many kinds as the line "real" does. This one meets clearly
# fewer: some kinds hardly ever come. No single sample shows that, and a page of samples hides it well.
#
# And $D$'s selection? It must not be compared with renders, but with **as many samples of the same generator, taken at
# random**: a hundred pictures meet fewer kinds than a thousand, whoever selects them. We take two hundred such handfuls at
# random.

# %% tags=["nbval-ignore-output"]
rng = torch.Generator().manual_seed(seed)
handfuls = [torch.randperm(n, generator=rng) for _ in range(200)]


def among(index):
    """How many kinds the samples of these numbers meet, and how uneven their hours are (KL to uniform, nats)."""
    part = {name: values[index] for name, values in read["all samples"].items()}
    return float(church_reader.combinations(part, church_reader.KINDS)[0]), church_reader.coverage(part, "time").kl


decided = {}
for label, count in (("D's better half", n // 2), ("D's best tenth", n // 10)):
    chance = torch.tensor([among(index[:count]) for index in handfuls])
    for column, words in enumerate(("kinds met", "unevenness of the hours")):
        value, mean, spread = among(order[:count])[column], chance[:, column].mean(), chance[:, column].std()
        decided[label, words] = (value - mean) / spread
        verdict = "not decided" if abs(decided[label, words]) < 2 else "more" if value > mean else "fewer"
        print(f"{label:16} {words:24}{value:8.3g}; at random {mean:.3g} ± {spread:.2g}: {verdict}")
hours = church_reader.coverage({"time": read["all samples"]["time"][order[: n // 10]]}, "time").shares
print(
    "D's best tenth:", ", ".join(f"{h} {q:.0%}" for h, q in zip(churches.FACTORS["time"], hours.tolist(), strict=True))
)
assert plan.profile == "smoke" or decided["D's best tenth", "unevenness of the hours"] > 4

# %% [markdown]
# Do the best by $D$'s score show fewer kinds of churches than as many random samples? That is not decided. But they show
# other *hours*, and far beyond chance: the last line says which. Whoever shows the best by $D$'s score shows $D$'s taste in
# light.
#
# **Exercise: The selected best** (easy, 5 minutes). Return the `k` images of the batch that D believes most, the most believed first.


# %% tags=["exercise"]
def my_select_best(D, x, k):
    """The k images of x (B, C, H, W) with the largest answers of D, the largest first."""
    ...  # your code


# %%
ex.select_best.check(my_select_best)

# %% [markdown]
# **Exercise: How many kinds should there be?** (medium, 7 minutes). There are `kinds` kinds of churches, all equally frequent. Among `n` independent ones, how many different
# kinds occur on average?


# %% tags=["exercise"]
def my_expected_kinds(kinds, n):
    """The mean number of different kinds among n uniform draws from `kinds` of them."""
    ...  # your code


# %%
ex.expected_kinds.check(my_expected_kinds)

# %% [markdown]
# ## 4.7 Is the way between two churches continuous?
#
# P4 interpolates between pairs of $z$, sees gothic turn into modern and domes into pointed roofs, and finds the change
# smooth, but denies it "absolute continuity". What can be meant? $G$ is a composition of continuous functions, so its
# images *are* continuous in $z$, always: what looks like a jump can only be a steep place. Continuity can be tested. Make
# the steps along $z$ half as long: then the image changes about half as much in each step, once the steps are short enough,
# while a real jump would stay as large as it was. We walk with a better generator (`church-remedies`; section 4.10 tells
# how it was made).

# %%
G_all = pretrained.load("church-remedies")
ends = latent.sample(6, seed=4).view(3, 2, 100)
rows = torch.cat([latent.generate(G_all, latent.path(pair, 5)) for pair in ends])
plots.show(
    plots.image_grid(rows, columns=len(rows) // len(ends)),
    "4.7",
    "Three walks from a church to another, along great circles (lesson 06 says why); the first six z of a seed, nothing picked.",
    "Three rows of six generated pictures; along each row one church, its sky and its trees turn step by step into another.",
)
largest = []
for steps in (8, 16, 32, 64):
    walk = torch.cat([latent.generate(G_all, latent.path(pair, steps)).diff(dim=0) for pair in ends]).abs()
    largest.append(walk.mean((1, 2, 3)).max().item() / 2)
    print(f"{steps:>3} steps: mean change of a pixel {walk.mean() / 2:.3f}, largest step's {largest[-1]:.3f}")
assert largest[-1] < 0.7 * largest[-2] < 0.7 * largest[0]

# %% [markdown]
# The mean change halves when the steps are halved: $G$ is continuous, as it must be. The largest change does not halve at
# first: some places are so steep that a long step leaps over them, and only short steps show that there is a slope. Such a
# place is what one *sees* as a break. One thing turns into another through pictures that are neither: for a while there are
# two half towers, or none.
#
# ## 4.8 Which learning rate, and which BatchNorm?
#
# Three settings are open. P4 itself names two learning rates, and in two other settings it departs from DCGAN's practice
# (the appendix has the details).
#
# | | P4 | DCGAN's practice |
# |---|---|---|
# | learning rate | 0.0002 and 0.002 | 0.0002 |
# | BatchNorm's weights begin as | $\mathcal N(0, 0.02)$ | $\mathcal N(1, 0.02)$, in its authors' code |
# | BatchNorm in $D$ | after every convolution | not after the first |
#
# The *distance* in the next table compares the reader's features of samples with those of renders: it says how far apart
# the two clouds of numbers lie, and is 0 for the same cloud ([lesson 05](05_evaluation.ipynb) builds it and takes it
# apart). *Kinds met* is section 4.6's count. **Predict**: which setting hurts most, and what do its samples look like? The
# runs are a study of narrow networks on procedural churches, with three short runs of each setting: enough to see what
# breaks.

# %%
study = results("church_contradictions")
titles = {
    "practice": "DCGAN's BatchNorm, 0.0002",
    "practice-0.002": "DCGAN's BatchNorm, 0.002",
    "norms-from-0": "weights from 0, 0.002",
    "norm-first": "D's first layer too, 0.002",
    "as-printed-0.002": "P4's BatchNorm, 0.002",
    "as-printed": "P4's BatchNorm, 0.0002",
}
first, seeds = study["rows"][0], sorted({row["seed"] for row in study["rows"]})
readings = {name: [] for name in titles}
for row in study["rows"]:
    readings[row["reading"]].append(row)
print(f"width {first['width']}, {first['images']:,} churches, seeds {seeds}, scores on {first['n']} samples")
print(f"{'':46}{'distance (all seeds) after epoch':>36}")
epochs = "".join(f"{e:>12}" for e in range(1, first["epochs"] + 1))
print(f"{'BatchNorm, learning rate':28}{'BN from':>8}{'BN first':>10}{epochs}{'kinds met':>12}")
for name, runs in readings.items():
    row = runs[0]
    spans = [sorted(r["distances"][e] for r in runs) for e in range(1, first["epochs"] + 1)]
    text = "".join(f"{f'{span[0]:.0f} to {span[-1]:.0f}':>12}" for span in spans)
    kinds = sum(r["kinds"] for r in runs) / len(runs)
    print(f"{titles[name]:28}{row['norm_mean']:>8g}{row['norm_first']!s:>10}{text}{kinds:>12.0%}")

# %%
strips = {titles[row["reading"]]: unpack(row["picture"]) for row in study["rows"] if row["seed"] == 0}
plots.show(
    plots.side_by_side({title: strips[title][:4] for title in titles.values()}, columns=2),
    "4.8",
    "Four samples of each setting at the end of its short run, the same z, seed 0.",
    "Six grids of four images. DCGAN's BatchNorm at 0.0002 is plain grey, P4's at 0.002 grey with a faint shape; the others "
    "are blurred landscapes with a dark shape in the middle.",
)

# %%
starts = {row["norm_mean"]: row["spread_at_start"] for row in study["rows"] if row["seed"] == 0}
for mean, spread in starts.items():
    print(f"BatchNorm from N({mean:g}, 0.02): before training, images of different z differ by {spread:.1e} in a pixel")
base = {row["seed"]: row["distance"] for row in readings["practice-0.002"]}
print("after the last epoch, against DCGAN's BatchNorm at 0.002, seed by seed:")
against = {}
for name in ("norms-from-0", "norm-first", "as-printed-0.002"):
    d = torch.tensor([row["distance"] - base[row["seed"]] for row in readings[name]])
    mean, error = d.mean().item(), d.std().item() / math.sqrt(len(d))
    against[name] = "not decided" if abs(mean) < 4.3 * error else "further away" if mean > 0 else "nearer"
    each = ", ".join(f"{v:+.0f}" for v in d.tolist())
    print(f"{titles[name]:28}{each:>16}; mean {mean:+.0f} ± {error:.0f} (error, {len(d)} seeds): {against[name]}")
assert min(row["distance"] for row in readings["practice"]) > max(row["distance"] for row in readings["as-printed"])

# %% [markdown]
# <details><summary>Answer</summary>
#
# The surprise: the settings cannot be judged one by one. With DCGAN's BatchNorm the **smaller** rate fails in every seed:
# $D$ soon answers 1 to real images and 0 to fakes, and $G$ stays where it began, grey. (The wider pair of section 4.5 did
# learn at that rate.) With the **larger** rate the same networks learn in every seed. P4's BatchNorm turns this round: of
# the four settings at 0.002 it is the furthest from the data, while at 0.0002 it learns and DCGAN's does not.
#
# </details>

# %% [markdown]
# The first two lines below figure 4.8 show what P4's BatchNorm does. Lesson 03 found that a block whose scales are near 0
# lets next to nothing through. Here every block is like that: *before training* all $z$ give nearly the same picture, and
# all pictures get nearly the same answer of $D$. So both networks begin slowly, and a $D$ that begins slowly does not win
# at once. That is our reading of the table, not a measurement. Does either change alone cost anything at 0.002? The last
# three lines compare seed by seed; with three seeds a mean must be 4.3 standard errors away from 0 to count (Student's t at
# 95 %). With the extra BatchNorm in $D$ the distance is larger in every seed, which three seeds can suggest but not decide;
# a start near 0 shows no direction at all. With both changes together it is larger in every seed as well, and by far. By
# the stricter $t$ even that is not decided; by the rule of lesson 03, section 3.15 (means further apart than both standard
# deviations together), it is.
#
# None of this is a verdict on P4's hundred epochs at eight times the width. It says that a learning rate belongs to a
# width, an initialisation and a length of run, and that a paper which prints two rates leaves it to its readers to find out
# which was meant.
#
# **And would an MLP do?** P3 calls DCGAN the most appropriate tool for high resolution and little noise, and concludes that
# from digits of 28 pixels. In lesson 03 we shuffled the pixels of digits, which took their neighbourhoods away; now we try
# the high resolution. P1's MLP, whose $G$ here puts out $3 \times 128 \times 128$ numbers and whose $D$ takes as many in,
# runs beside the narrow DCGAN from above. Each has a rate of its own paper, 0.0002 for the MLP and 0.002 for DCGAN; both
# see the same churches in the same order, with three seeds. **Predict**: which has more weights? Which draws sharper edges,
# and which more *grain*, patterns finer than 4 pixels? (*Distance* and *kinds* are those of above, *grain* that of section
# 4.4.)

# %%
study = results("high_resolution")
first = study["rows"][0]
print(f"{first['images']:,} churches, {first['epochs']} epochs, scores on {first['n']} samples")
print(f"{'networks':10}{'seed':>5}{'weights':>13}{'seconds':>9}{'distance':>10}{'kinds met':>11}{'grain':>9}")
for row in sorted(study["rows"], key=lambda row: row["pair"], reverse=True):
    print(
        f"{row['pair']:10}{row['seed']:>5}{row['parameters']:>13,}{row['train_seconds']:>9.0f}"
        f"{row['distance']:>10.1f}{row['kinds']:>11.0%}{row['grain']:>9.4f}"
    )
print(f"{'renders':58}{first['grain_real']:>9.4f}")
mlp, dcgan = ([row for row in study["rows"] if row["pair"] == pair] for pair in ("MLP", "DCGAN"))
print(f"the MLP has {mlp[0]['parameters'] / dcgan[0]['parameters']:.0f} times the weights,", end=" ")
print(
    f"took {sum(r['train_seconds'] for r in mlp) / sum(r['train_seconds'] for r in dcgan):.1f} times the seconds;",
    end=" ",
)
print(f"DCGAN's grain is {sum(r['grain'] for r in dcgan) / len(dcgan) / first['grain_real']:.1f} times that of renders")
assert max(row["distance"] for row in dcgan) < min(row["distance"] for row in mlp)

# %%
drawn = {"MLP": [], "DCGAN": []}
for row in study["rows"]:
    drawn[row["pair"]].append(unpack(row["picture"])[:2])
plots.show(
    plots.side_by_side({name: torch.cat(pairs) for name, pairs in drawn.items()}, columns=2),
    "4.9",
    "Two samples of each seed at the end of its short run, one seed a row, at half their size; the same two z in "
    "every row.",
    "Left, the MLP: grey fields with a faint darker or lighter patch and noise all over, hardly different from one "
    "another. Right, DCGAN: coloured sky, ground and patches, under a regular pattern like woven cloth.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The MLP has by far more weights: its last layer joins 256 numbers to every channel of every pixel. It draws hardly an
# edge, only a faint shape under grain. It has more grain than DCGAN in every seed, though the two means differ by less than
# both spreads together.
#
# </details>

# %% [markdown]
# By the distance the claim holds at these rates: in every seed DCGAN is closer to the renders, with a small part of the
# weights and in less time. (At the MLP's rate of 0.0002 the DCGAN of figure 4.8 learned nothing, so we cannot say how much
# is due to the rate and how much to the network.) But look at the pictures before you believe a verdict. Neither network
# has drawn a church in so few steps. The MLP's grain is noise, pixel by pixel, since each pixel has weights of its own; and
# the MLP gives nearly the same picture for every $z$. DCGAN's grain is the opposite of random: it is the weave of its
# transposed convolutions, which lesson 03 found in the spectrum, and there is several times as much of it as in renders. A
# DCGAN has little noise later in its training (figure 4.4), and not by its nature.
#
# ## 4.9 Where do blobs come from?
#
# P4 names artefacts, "white blobs" among them. To explain them, we must first be able to find them. A white blob is a small
# patch that is bright in all three channels, in surroundings that are not: so we compare small windows with the larger ones
# around them. How bright is too bright? We let the real images decide, and take the level that only 1 % of them exceed.


# %% tags=["nbval-ignore-output"]
def mean_over(x, size):
    """Means over size x size windows, one for each pixel; along the rows first, since that is quicker."""
    rows = avg_pool2d(x, (1, size), 1, (0, size // 2), count_include_pad=False)
    return avg_pool2d(rows, (size, 1), 1, (size // 2, 0), count_include_pad=False)


def whitest(x):
    """(B,): how much the whitest 5 x 5 patch of each image stands out from the 25 x 25 around it."""
    white = x.amin(1, keepdim=True)  # bright in every channel
    return (mean_over(white, 5) - mean_over(white, 25)).flatten(1).amax(1)


real_x = real.pixels[:n].float() / 127.5 - 1
level = torch.quantile(whitest(real_x), 0.99).item()
white = (whitest(fakes) > level).float().mean().item()
print(
    f"white blobs: in {(whitest(real_x) > level).float().mean():.0%} of real images, by choice; in {white:.0%} of the samples"
)

# %% [markdown]
# The whitest spots of renders, such as the moon, are whiter than anything in these samples: P4's artefact is not to be
# found here. But the course also ships the weights of an earlier epoch of the same run, and there something else catches
# the eye: **grey** patches without any feature, as if nobody had painted there. This grey is a particular number. It lies
# half-way between black and white, $x = 0$ in all three channels, which is what the last layer's tanh makes of a 0. So we
# look for patches of 9 × 9 pixels where all numbers are near 0.


# %% tags=["nbval-ignore-output"]
def unpainted(x, size=9, near=0.08):
    """(B, 1, H, W), bool: the middles of patches whose numbers are all nearer to 0 than `near`."""
    return mean_over((x.abs().amax(1, keepdim=True) < near).float(), size) > 0.999


early = pretrained.epochs("church-procedural")[0]
G_early = pretrained.load("church-procedural", early)
fakes_early = torch.cat([latent.generate(G_early, part) for part in z.split(100)])
grey = unpainted(fakes_early)
area = grey.flatten(1).sum(1)
for name, x in (
    ("real images", real_x),
    (f"samples at epoch {early}", fakes_early),
    (f"samples at epoch {epoch}", fakes),
):
    print(f"grey blobs in {unpainted(x).flatten(1).any(1).float().mean():6.1%} of {name}")

# %% tags=["nbval-ignore-output"]
plots.show(
    plots.image_grid(fakes_early[area.argsort(descending=True)[:12]], columns=6),
    "4.10",
    f"The twelve samples of epoch {early} with the largest grey patches, selected by the detector.",
    "Two rows of six generated pictures; in most of them a part of the church is a flat grey shape.",
)

# %% [markdown]
# Where does a 0 come from? The last layer adds up what the 16 channels before it send, without a bias, and those channels
# come out of a ReLU. If all of them are off at a place, that is 0, then the sum is 0 and the pixel is grey. So we count the
# channels that are on, inside the patches and elsewhere.

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    hidden = torch.cat([G_early.net[:-2](part[:, :, None, None]) for part in z[:200].split(100)])  # (200, 16, 64, 64)
    belief_early = torch.cat([D_best(part) for part in fakes_early.split(100)])
inside = mean_over(grey[:200].float(), 3)[:, :, ::2, ::2] > 0.999  # each hidden pixel paints some 4 x 4
on = (hidden > 0).float().mean(1, keepdim=True)
print(f"channels that are on: {on[inside].mean():.0%} inside grey blobs, {on[~inside].mean():.0%} elsewhere")
have, lack = belief_early[area > 0], belief_early[area == 0]
error = math.hypot(have.std() / math.sqrt(len(have)), lack.std() / math.sqrt(len(lack)))
print(
    f"the later D's mean answer, as a logit: {have.mean():.1f} to pictures with such blobs, {lack.mean():.1f} to those without"
)
print(f"    the difference: {have.mean() - lack.mean():+.1f} ± {error:.1f} (standard error)")

# %% [markdown]
# So a grey blob is a place where the last hidden layer has fallen silent. And there is a reason why it may last: no
# gradient passes through a ReLU that is off, so whatever $D$ says about that place, the layers before it hear nothing. They
# can learn only from other places, in this picture or in others, where the same channels are on. The last lines above show
# how little $D$ minds the blobs, even the $D$ of two epochs later: it does not find pictures with blobs less real than
# those without.
#
# What removes the blobs? Here patience did: from the earlier to the later of the two shipped epochs nearly all of them have
# gone, as the count above figure 4.10 shows. A LeakyReLU in $G$ or a bias in the last layer should prevent them from the
# start. **Predict**: if you exchange the last ReLU for a LeakyReLU, or add a bias, will the flat patches go, or only their
# grey? The next cell shows two short runs of each change, of the size of section 4.4, and the early generator itself with
# its last ReLU exchanged and no training after that:


# %% tags=["nbval-ignore-output"]
def flat(x, size=9, near=0.04):
    """(B,), bool: whether an image has a patch in which no channel varies by more than `near`, of whatever colour."""
    spread = (mean_over(x.square(), size) - mean_over(x, size).square()).clamp(min=0).sqrt()
    return (spread.amax(1) < near / 2).flatten(1).any(1)


layers = list(G_early.net)
layers[-3] = torch.nn.LeakyReLU(0.2)
with torch.no_grad():
    leaky = torch.nn.Sequential(*layers)(z[:200, :, None, None])
for words, x in (("as it is", fakes_early[:200]), ("with a LeakyReLU", leaky), ("renders", real_x[:200])):
    print(
        f"epoch {early}, {words:18} grey patches in {unpainted(x).flatten(1).any(1).float().mean():5.1%}, flat ones of any colour in {flat(x).float().mean():5.1%}"
    )
for case in ("width 8", "leaky", "bias"):
    runs = [row for row in results("church_predictions")["rows"] if row["case"] == case]
    share, distances = (
        ", ".join(f"{row[key]:{form}}" for row in runs) for key, form in (("grey", ".1%"), ("distance", ".0f"))
    )
    print(f"trained anew, {case:8} ({len(runs)} runs): grey patches in {share} of the samples; distance {distances}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# A LeakyReLU lets a little of every channel through, and a bias adds a colour: with either the sum is no longer 0, so the
# *grey* goes, and the detector finds nothing. That is no proof of a remedy, since the detector counts only the symptom by
# which we found the fault. The column beside it counts flat patches of any colour, and shows how many of those are left.
# (Flat patches alone are no fault: all renders have them, in their skies.) The runs that were trained anew decide nothing:
# in so few steps the unchanged $G$ has no grey patch either.
#
# </details>

# %% [markdown]
# (Are P4's white blobs the same fault at the other end of the scale, channels that are stuck *on*? We cannot say, since we
# found no white blobs to look into.)

# %% [markdown]
# ## 4.10 P4's four limitations, one by one
#
# **No augmentation.** If there are few images, $D$ learns them by heart, and then teaches $G$ nothing. Augmenting the real
# images alone would teach $G$ to draw augmented pictures. **DiffAugment** transforms *all* that $D$ sees, real and fake,
# differently each time and differentiably, so that $G$ can learn through the transformation and need not reproduce it:

# %%
seen = view(real_x[:8], Recipe(augment=("colour", "translation", "cutout")), torch.Generator().manual_seed(seed))
plots.show(
    plots.side_by_side({"real": real_x[:8], "as D sees them": seen.clamp(-1, 1)}, columns=4),
    "4.11",
    "Eight churches, and what D sees of them: colours moved, pictures shifted, squares cut out.",
    "Two grids of eight pictures. Right: the same churches as left, brighter, greyer or more contrasted, shifted, and each "
    "with a grey square in it.",
)

# %% [markdown]
# On the command line: `python -m gancourse train church --data FOLDER --augment colour translation cutout`. The simplest
# augmentation of all is a mirror: a mirrored church is a church. `--augment flip` mirrors half of the *real* images and
# leaves the fakes alone: if both were mirrored, $D$ could not notice when $G$ builds its towers on the left only.
#
# **Exercise: The mirror** (easy, 6 minutes). P4 augments nothing. Write the oldest augmentation: return the batch with each
# image mirrored (left to right) with probability 1/2, independently of the others. It must be differentiable, and leave `x`
# as it is.


# %% tags=["exercise"]
def my_mirror(x):
    """Images x (B, C, H, W), each mirrored left to right with probability 1/2."""
    ...  # your code


# %%
ex.mirror.check(my_mirror)

# %% [markdown]
# **100 epochs may be short.** Train longer, and watch a score rather than the loss. Here are pictures of the shipped run,
# from the same $z$ after some of its epochs:

# %%
by_epoch = pretrained.strip("church-procedural")
kept = sorted(by_epoch)
moments = [kept[1], *[kept[round(share * (len(kept) - 1))] for share in (0.5, 0.75, 1)]]
plots.show(
    plots.samples_over_epochs({e: by_epoch[e] for e in moments}, count=5),
    "4.12",
    "The run that made the shipped generator, the same z after some of its epochs.",
    "Rows of pictures by epoch: flat grey first, then blurred shapes under a sky, then shapes in which churches can "
    "be made out.",
)

# %% [markdown]
# **No FID, no Inception Score.** Both are scores of whole sets of images, which [lesson 05](05_evaluation.ipynb) builds:
# the first asks how far samples lie from real images, the second how sure and how varied a classifier's answers are;
# *precision* is the share of samples that look real, *recall* the share of real images that the generator could have made.
# All four need a network that looks at the images, and Inception was trained on photographs. For renders we use the reader
# instead (whose errors are known on renders only, section 4.6). The scores are computed as usual, but on another scale. So
# none of these scores means anything without its **floor**: what real churches that nobody trained on score against other
# real churches.

# %% tags=["nbval-ignore-output"]
extractor = church_reader.church_features()
reference = summarise(real, extractor)
floor = evaluate(churches.procedural_churches(n, seed=5)[0], reference, extractor)
score = evaluate(fakes, reference, extractor)
print(f"{n} images each, against {reference.n}")
print(f"{'':18}{'distance':>10}{'Inception score':>17}{'precision':>11}{'recall':>8}")
for name, s in (("real (the floor)", floor), ("samples", score)):
    print(f"{name:18}{s.fid:>10.2f}{s.inception_score:>17.2f}{s.precision:>11.2f}{s.recall:>8.2f}")
assert floor.fid < score.fid

# %% [markdown]
# **Artefacts.** Section 4.9 found some, and where they come from. A remedy that costs nothing is averaged weights (EMA):
# the shipped generator is an average over the end of its run. That takes out the flicker from step to step, but cannot add
# what the run has not learned.
#
# **All of it together.** How good can a generator of this size become? The course ships one that was made with every remedy
# of this section. $G$ is the network of section 4.5, layer for layer. Its run had three times as many churches, mirrored or
# not, and more than three times as many pictures in all. $D$ saw all of them through DiffAugment's translation, and **R1**
# held it flat at the real ones; the learning rate falls, and the weights are averaged. R1 takes a few lines, so here they
# are. At the real images $D$'s logit $s$ should not be steep, since any slope would drive a $G$ that has arrived there away
# again (Mescheder et al., 2018):
#
# $$ L_D \leftarrow L_D + \tfrac{\gamma}{2}\, E_{x \sim p}\bigl|\nabla_x s(x)\bigr|^2. \tag{4.6} $$


# %% tags=["nbval-ignore-output"]
def loss_with_r1(D, x_real, x_fake, gamma=1.0):
    """D's loss of section 4.3, and R1 on the real images."""
    x = x_real.detach().requires_grad_()
    s = D(x)
    (slope,) = torch.autograd.grad(s.sum(), x, create_graph=True)  # each image's own gradient is in its row
    r1 = slope.flatten(1).square().sum(1).mean()  # create_graph: D is to learn from it
    return softplus(-s).mean() + softplus(D(x_fake.detach())).mean() + gamma / 2 * r1


D_trained = copy.deepcopy(D_best).requires_grad_()  # shipped weights are loaded to be used, not trained
loss = loss_with_r1(D_trained, real_x[:8], fakes[:8])
plain = softplus(-D_trained(real_x[:8])).mean() + softplus(D_trained(fakes[:8])).mean()
penalty = r1_penalty(D_trained, real_x[:8])
assert penalty > 1e-3 and torch.isclose(2 * (loss - plain), penalty, rtol=1e-3)
loss.backward()  # a gradient of a gradient
assert all(p.grad.isfinite().all() for p in D_trained.parameters())
print(f"the shipped D, which no R1 held: its loss {plain.item():.3f}, E|grad s|^2 at the renders {penalty.item():.1f},")
print(f"with R1 {loss.item():.3f}; the package's own penalty gives the same")

# %% [markdown]
# **Exercise: R1, by hand** (medium, 8 minutes). Return $E\,|\nabla_x s(x)|^2$ over the real images `x` (B, 3, H, W), where `D` returns the logits $s$: for each
# image the squared length of its gradient, then the mean. D is to learn from it, so it must be differentiable.


# %% tags=["exercise"]
def my_r1_by_hand(D, x):
    """The mean over real images x (B, 3, H, W) of |grad of D's logit at x|^2, differentiable."""
    ...  # your code


# %%
ex.r1_by_hand.check(my_r1_by_hand)

# %% [markdown]
# And now the generator that was made with all of it. **Predict**: will you see the difference, or only measure it?

# %%
about = pretrained.card("church-remedies")
last = pretrained.epochs("church-remedies")[-1]
print(f"{about['what']}: {about['data']['count']:,} images, {last} epochs")
print(f"{models.count_parameters(G_all.requires_grad_()):,} parameters in G; section 4.5's has {size:,}")
print(about["commands"][0])

# %%
better = torch.cat([latent.generate(G_all, part) for part in z.split(100)])
plots.show(
    plots.image_grid(better[:24], columns=6),
    "4.13",
    "The first 24 samples of the generator with all remedies, not selected; the same z as in figure 4.4.",
    "Four rows of six generated churches with towers, spires, roofs, rows of windows and trees, by day, at dusk and at "
    "night, clearer than those of figure 4.4.",
)

# %% tags=["nbval-ignore-output"]
score_all = evaluate(better, reference, extractor)
print(f"{'':26}{'distance':>10}{'precision':>11}{'recall':>8}{'kinds met':>11}")
for name, s, x in (
    ("real (the floor)", floor, real.subset(n)),
    ("section 4.5's generator", score, fakes),
    ("all remedies", score_all, better),
):
    met, expected, _ = church_reader.combinations(church_reader.read(x), church_reader.KINDS)
    print(f"{name:26}{s.fid:>10.2f}{s.precision:>11.2f}{s.recall:>8.2f}{met / expected:>11.0%}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# You see it and you measure it: nearer to the renders, and more kinds. (One run each: how much another seed would change is not known.)
#
# </details>

# %% [markdown]
# What this generator still lacks is variety (look at the recall), and some of the clearest pictures fall apart when you
# look closer. Which remedy did it? These runs do not say: everything changed at once. Lesson 05 takes such a recipe apart,
# on digits, where a run is short enough to repeat. One hint is in the history of the two runs: what did $D$ answer at the
# end?

# %%
for name in ("church-procedural", "church-remedies"):
    row = pretrained.card(name)["history"][pretrained.epochs(name)[-1] - 1]
    print(f"{name:18} epoch {row['epoch']:>2}: D(x) = {row['d_real']:.2f}, D(G(z)) = {row['d_fake_before']:.2f}")

# %% [markdown]
# Three times the churches, a mirror, DiffAugment and R1 are all there to keep $D$ from being sure. And the $D$ of this run
# is less sure than the other, although it made more steps. A $D$ that is not sure goes on teaching.
#
# **And with what the later lessons found?** [Lesson 12](12_biggan.ipynb) comes back to these churches with P4's two
# networks, $G$ twice as wide, and one more idea: $D$ is told what each picture should show, its plan, its stone, its hour
# and so on, and a part of $z$ says which church $G$ should draw. That takes labels, which P4 did not have. So
# `church-best`, the generator of figure 4.14, is no remedy for a folder of photographs; it shows what P4's layers can do.

# %% tags=["thumbnail"]
G_best = pretrained.load("church-best")
best = torch.cat([latent.generate(G_best, part) for part in z.split(100)])
plots.show(
    plots.image_grid(best[:12], columns=6),
    "4.14",
    "The first 12 samples of church-best, not selected; the same z again.",
    "Two rows of six generated churches: naves, towers, roofs, cypresses and paths can be made out in most, in sun, "
    "fog and snow, in the evening and at dusk; the two dark ones are violet shapes with lit windows.",
)

# %% tags=["nbval-ignore-output"]
score_best = evaluate(best, reference, extractor)
met, expected, _ = church_reader.combinations(church_reader.read(best), church_reader.KINDS)
print(f"{'':26}{'distance':>10}{'precision':>11}{'recall':>8}{'kinds met':>11}")
print(f"{'all remedies':26}{score_all.fid:>10.2f}{score_all.precision:>11.2f}{score_all.recall:>8.2f}")
print(
    f"{'church-best':26}{score_best.fid:>10.2f}{score_best.precision:>11.2f}{score_best.recall:>8.2f}{met / expected:>11.0%}"
)

# %% [markdown]
# **And photographs?** Everything so far was drawn. The last generator of this lesson was trained on 3,035 photographs of
# bell towers, domes, apses and flying buttresses, a fortieth of what P4 had, and only 64 pixels wide before they were
# scaled up. None of them comes with the course. With so few, one question comes before all others: has the generator
# **copied** some of them? A copy has *one* training picture that is much nearer to it than all others, so we divide the
# distance to the nearest picture by the mean distance to the ten that come after it. For noisy copies this ratio stays
# below 0.4. The command that ships weights counts samples below 0.5 as copies, mirror images included, and refuses to write
# the weights if there is any. (The last number that the next cell prints comes from real photographs: of those that were
# held out, that many have a near-duplicate in the training set, such as a second picture of the same tower.)

# %%
about = pretrained.card("church-photographs")
last = pretrained.epochs("church-photographs")[-1]
G_photo = pretrained.load("church-photographs", last)
check = about["files"][str(last)]["copies"]
print(
    f"{about['data']['count']:,} photographs, {last} epochs, augmented: {about['commands'][0].split('--augment ')[1].split(' --')[0]}"
)
print(f"copies among {check['samples']:,} samples: {check['share']:.1%}, the closest at {check['closest']}")
print(
    f"among {check['unseen']} photographs that it never saw: {check['unseen_share']:.1%} (near-duplicates in the set)"
)
plots.show(
    plots.image_grid(latent.generate(G_photo, latent.sample(18, seed=1)), columns=6),
    "4.15",
    "18 samples of a generator of photographs, not selected.",
    "Three rows of six small pictures like impressionist paintings: towers, domes and walls of stone under blue, white or "
    "dark skies; no detail is sharp.",
)

# %% [markdown]
# Stone, sky, towers and domes are in the right places, and yet not one of these buildings would stand. The second picture
# and the ninth are nearly the same. This generator's latent space is **torn** into 100 clusters of photographs
# ([lesson 05](05_evaluation.ipynb) explains how, and what for); the $z$ of both pictures lie in the same cluster, and
# nearly all of that cluster has become one building in several colours. So no training photograph was copied, and yet the
# generator repeats itself: memorisation and collapse are two different faults.
#
# ## 4.11 What would the full run cost?
#
# Count the arithmetic of a step. $G$'s forward pass costs $g$ multiplications an image, $D$'s costs $d$. A backward pass
# costs about twice as much as its forward pass, or as much where only the gradient of the input is needed. $D$'s step:
# $g + 2d$ forward, $4d$ backward. $G$'s step with the same fakes: $d$ forward, $d + 2g$ backward. Together
#
# $$ 3g + 8d \text{ multiplications for an image.} \tag{4.7} $$
#
# Then divide by what a machine does in a second. For one processor, which the next cell names, we measured that, in
# processor seconds on one core. For the GPUs it is **an estimate**: their peak, from the data sheets, times the share of it
# that convolutions of this size usually reach, which we put at a third.

# %%
speed = results("church_speed")
rate = {row["width"]: row["cpu_seconds_per_image"] for row in speed["rows"]}
print(f"measured on one core of {speed['machine']}:")
for w, seconds in rate.items():
    g = sum(row[-1] for row in table_of(models.DCGAN128Generator(w)))
    d = g - 100 * 16 * w * 16 + 16 * w * 16  # the mirror image, with one logit in the place of z
    work = 2 * (3 * g + 8 * d)  # operations: a multiplication and an addition
    print(
        f"width {w:>2}: {1 / seconds:7.1f} images/s, {work / 1e9:6.2f} GFLOP an image, {work / seconds / 1e9:5.0f} GFLOP/s"
    )

# %%
images_seen = 126_227 * 100
cores = 2
print(f"P4's run, {images_seen:,} images through both networks at width 64, as estimates:")
print(
    f"{'this processor, 2 cores':28}{images_seen * rate[64] / cores / 86400:8.1f} days (measured on one core, halved)"
)
for name, peak in (("T4, float32", 8.1e12), ("T4, float16 tensor cores", 65e12), ("A100, bfloat16", 312e12)):
    hours = images_seen * work / (peak / 3) / 3600
    print(f"{name:28}{hours:8.1f} hours (a third of its peak of {peak / 1e12:g} TFLOP/s)")

# %% [markdown]
# The estimates leave out what a profiler would find: layers with three channels, BatchNorm and Adam, which are bound by
# memory and not by arithmetic. Expect a GPU to take longer than its line says. To start the run:
# `python -m gancourse train church --reuse-fakes --data FOLDER --out RUN` (P4's 100 epochs, width 64, and one batch of
# fakes for both steps), and the same command goes on after an interruption.
#
# **Change this and predict first.** (1) Set `width` to 4 in section 4.4, with the same `plan`: what gets worse, the
# colours, the church, or the weave? (2) Sort the samples of figure 4.10 by $D$'s answer instead of `area`: do the pictures
# with blobs come last? (3) Give `find_churches` 200 images only, and as many steps: how sure does $D$ become of images that
# it trained on, and of others? And how sure with DiffAugment? The next cell has a study of (1) and (3), two runs each.

# %%
rows = results("church_predictions")["rows"]
print(
    f"{'case':18}{'seed':>5}{'distance':>10}{'colours':>9}{'grain':>8}{'variety':>9}{'seen':>8}{'unseen':>8}{'samples':>9}"
)
for row in sorted(rows, key=lambda row: row["case"]):
    if row["case"].startswith(("width", "few")):
        numbers = f"{row['distance']:>10.0f}{row['colour']:>9.3f}{row['grain']:>8.3f}{row['variety']:>9.2f}"
        answers = f"{row['logit_seen']:>8.1f}{row['logit_unseen']:>8.1f}{row['logit_fake']:>9.1f}"
        print(f"{row['case']:18}{row['seed']:>5}{numbers}{answers}")
print(
    "colours: the distance of the mean colours of an image's four quarters; the last three: D's mean logits at the end"
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# (1) The colours: in both runs they are further off at half the width, and the samples vary less. The distance and the
# weave do not say which is better: in so short a run, two seeds differ as much as the two widths. (2) No: section 4.9
# printed that $D$ gives pictures with blobs no lower answers. (3) $D$ becomes surer of what it has seen than of other
# renders, though it is sure of neither: the gap between "seen" and "unseen" is what it has begun to learn by heart. With
# DiffAugment the gap is smaller in both runs. Two runs each: a hint, and no verdict.
#
# </details>

# %% [markdown]
# ## 4.12 What does it do when you steer it?
#
# Here is the generator with all remedies. Each slider moves all samples along one direction in $z$; the directions that
# change $G$'s first layer most come first. Press a sample to see it large, truncate $z$, or re-roll. **Predict**: does the
# strongest direction move the building, or the light? (For the small network that you have just trained, pass
# `run.networks["G"]`.)

# %% tags=["nbval-ignore-output"]
widgets.latent_explorer(G_all)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The light: from day through dusk to night. The building changes with it. [Lesson 06](06_latent_space.ipynb) measures both.
#
# </details>

# %% [markdown] tags=["progress"]
# ## What you have passed
#
# Run this cell at any time, also on another day: it lists which exercises of this lesson are passed and which are open.

# %% tags=["progress"]
from gancourse.exercises import progress

progress("04")

# %% [markdown]
# ## What we now know
#
# Nothing in the game changed between digits and churches: the same step, five doublings, and a plan of channels that makes
# every layer in the middle cost the same. On churches whose factors are known, mode collapse and bias can be counted and
# compared with a floor, and an artefact can be detected and traced to its cause; a selection of the best shows neither.
# Settings cannot be judged one by one: in short runs of narrow networks the smaller learning rate gets somewhere only with
# P4's BatchNorm, and the larger one is better with DCGAN's. And with all remedies at once, on three times the churches, one
# generator of the same size came nearer to the renders and made more kinds. That was one run of each, which does not say
# which remedy did it.
#
# ## What we do not know yet
#
# Whether all this carries over to photographs, where nobody knows the factors. How often our reader errs on samples. Whether the distance on our reader's
# features ranks generators as people would. And which scores can be trusted at all, which is lesson 05's question.
#
# ## Appendix: P4's text, where it is not clear
#
# P4 contradicts itself once: its abstract has a learning rate of 0.0002, its text 0.002. Twice it departs from what DCGAN's authors do, without
# saying so: BatchNorm's weights are drawn around 0 (theirs, in their code, around 1), and $D$ has a BatchNorm after its first layer. Not stated are the size of $z$,
# the channels and Adam's second beta; the diagram is of a generator for 64 pixels. Section 4.1 says how we read it, section 4.8 measures what is open.
#
# ## References
#
# - L. Mescheder, A. Geiger, S. Nowozin, *Which Training Methods for GANs do actually Converge?*, ICML 2018,
#   [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): R1, equation 9.
# - H. Javed, *Exploring DCGANs for Image Generation* (P4): setting, claims and limitations.
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
#   Networks*, ICLR 2016, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - F. Yu et al., *LSUN: Construction of a Large-scale Image Dataset*, 2015, [arXiv:1506.03365](https://arxiv.org/abs/1506.03365).
# - S. Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training*, NeurIPS 2020,
#   [arXiv:2006.10738](https://arxiv.org/abs/2006.10738).
# - Z. Lin et al., *PacGAN*, NeurIPS 2018, [arXiv:1712.04086](https://arxiv.org/abs/1712.04086): counting modes where the
#   modes are known.
