# %% [markdown]
# # 08 Telling a generator what to make: conditions and Pix2Pix
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/08_pix2pix.ipynb)
#
# Every generator so far made what it liked. Here we say what we want: first a digit's class, then a whole drawing, which a
# generator paints as a picture. That is Pix2Pix, which P1 names among the systems of "supervised learning tasks". Our renderer
# knows the true picture of every drawing, its stone and its roof, so that we can ask what each part of the method is for, and
# get an exact answer.
#
# **What you will learn**
#
# - to condition a GAN on a class, and why both networks have to be told
# - what a U-Net and a discriminator of patches are, and how many pixels one of its answers depends on
# - what an L1 loss does where the drawing leaves something open, and what the adversarial loss does there
# - to write Pix2Pix by hand, and to find the bugs that published versions have
# - to repeat the ablation of its paper with an exact judge, three seeds each
# - whether its dropout makes choices, and in which mode to paint, answered by measurement
# - to draw a church yourself and see it painted
#
# **Time.** Some minutes on a processor; the plan cell below prints what was measured on your class of machine. The
# exercises come on top, each with its own estimate.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.2 | 1.6 | 35 minutes |
# | 2 cores with bfloat16 units | 0.2 | 1.5 | 31 minutes |

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (longer runs), or "auto"
seed = 0  # of the networks, the order of the data, z and dropout
out = None  # a folder, or on Colab "drive": the run is kept there, and goes on after an interruption

# %%
from statistics import fmean, stdev

import torch
from matplotlib.figure import Figure
from torch import nn
from torch.nn.functional import one_hot, softplus

from gancourse import data, models, plots, widgets
from gancourse.course import profiles, verdicts
from gancourse.course.studies.lesson08 import judged, pix2pix
from gancourse.course.studies.runner import look_up as study
from gancourse.data import sheets
from gancourse.data.churches import CLASSES, FACTORS
from gancourse.data.churches.tasks import map_pairs
from gancourse.data.pairs import LabelledImages
from gancourse.evaluation.conditions import obedience
from gancourse.evaluation.segmenter import mean_iou, segment
from gancourse.exercises import lesson08 as ex
from gancourse.models.conditional import ConditionalDiscriminator, ConditionalGenerator
from gancourse.training import ConditionalGAN, Config, Pix2Pix, Pix2PixRecipe, Trainer, draw_z, need_all

plots.use_style()
GREY, ORANGE, VIOLET, BLUE = (plots.COLOURS[name] for name in ("data", "generator", "discriminator", "accent"))

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("08_pix2pix", profile, seed)
out = plan.folder(out)
print(plan)

# %% [markdown]
# ## 8.1 Who has to be told?
#
# Say that every image $x$ comes with a class $y$. A conditional GAN (Mirza and Osindero, 2014) plays the game of lesson 01 for
# every class at once:
#
# $$ V(D, G) = \mathbb E_{x,y}[\log D(x\mid y)] + \mathbb E_{z,y}[\log(1 - D(G(z\mid y)\mid y))]. \tag{8.1} $$
#
# Freeze $G$. As in (1.6), at every pair $(x, y)$ the best discriminator answers
#
# $$ D^*(x\mid y) = \frac{p(x\mid y)}{p(x\mid y) + p_g(x\mid y)}, \tag{8.2} $$
#
# and it is $1/2$ everywhere only where $p_g(x\mid y) = p(x\mid y)$ for every class. Now take the class away from $D$ alone.
# What it meets is the mixture over all classes, so that it is content as soon as $\sum_y p(y)\,p_g(x\mid y) = p(x)$. A generator that
# ignores $y$ satisfies that, and so does one that takes it for more noise. **Predict**: what share of its samples will then be of the class that was asked for?
#
# The simplest way to tell a network is to put the class beside what it sees already, as ten numbers of which all but one are 0. That one
# is often 1; we take 10, so that the class is a vector as long as $z$ (100 numbers of variance 1), and ask below whether that is needed. Here is
# P1's MLP with ten more inputs on both sides, and one round of Algorithm 1 with a class, written by hand. The rate is 0.001, five times P1's.

# %%
torch.manual_seed(seed)
G, D = ConditionalGenerator(), ConditionalDiscriminator()
print(G.net[0], D.net[0], sep="\n")
z, y = torch.randn(3, 100), torch.tensor([3, 1, 4])
by_hand = G.net(torch.cat([z, 10.0 * one_hot(y, 10)], 1)).view(-1, 1, 28, 28)
assert torch.equal(by_hand, G(z, y))


# %% tags=["nbval-ignore-output"]
def conditional_round(G, D, opt_g, opt_d, x, y, rng):
    """One step of D, then one of G, on digits x (B, 1, 28, 28) in [-1, 1] and their classes y (B,)."""
    with torch.no_grad():
        x_fake = G(draw_z(G, len(x), rng), y)
    loss_d = softplus(-D(x, y)).mean() + softplus(D(x_fake, y)).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = softplus(-D(G(draw_z(G, len(x), rng), y), y)).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()


digits = LabelledImages(data.mnist("train").subset({"smoke": 640, "laptop": 30_000, "paper": 60_000}[plan.profile]))
plain = {"epochs": 1, "seed": seed, "fast": False, "precision": "float32"}
torch.manual_seed(seed)
G_hand, D_hand = ConditionalGenerator(), ConditionalDiscriminator()
opt_g, opt_d = (torch.optim.Adam(network.parameters(), 1e-3, (0.5, 0.999)) for network in (G_hand, D_hand))
rng = torch.Generator().manual_seed(seed)
some = LabelledImages(digits.images.subset(640))
for x, y in some.batches(128, rng):
    conditional_round(G_hand, D_hand, opt_g, opt_d, x, y, rng)

torch.manual_seed(seed)
G, D = ConditionalGenerator(), ConditionalDiscriminator()
Trainer(ConditionalGAN(G, D), some, Config("conditional", lr=1e-3, **plain), device="cpu").fit(
    progress=False, whole=True
)
for mine, theirs in zip(G_hand.parameters(), G.parameters(), strict=True):
    assert torch.equal(mine, theirs)
print("by hand and by the package: the same weights, bit for bit")

# %% [markdown]
# Now for longer, twice: once with a $D$ that is told the class, and once with one that sees ten zeros in its place. What "broken"
# would look like: with the first, samples that are not the digit of their row; with the second, samples that mostly are.

# %% tags=["nbval-ignore-output"]
shown, obeys = {}, {}
for told in (True, False):
    torch.manual_seed(seed)
    G, D = ConditionalGenerator(), ConditionalDiscriminator(told)
    config = Config("conditional", {"smoke": 1, "laptop": 10, "paper": 20}[plan.profile], lr=1e-3, seed=seed)
    trainer = Trainer(ConditionalGAN(G, D), digits, config)
    trainer.fit(whole=True)
    G = G.cpu()
    name = "D is told" if told else "D is not told"
    obeys[name] = obedience(G, {"smoke": 20, "laptop": 200, "paper": 200}[plan.profile])
    shown[name] = trainer.samples[trainer.epoch]
    print(f"{name}: {obeys[name].mean:.0%} of the samples are read as the class that was asked for; 10 % is chance")
if plan.profile != "smoke":
    assert obeys["D is told"].mean > 0.5 and obeys["D is told"].mean > 2 * obeys["D is not told"].mean

# %%
need_all(shown, 2)
plots.show(
    plots.side_by_side(shown, columns=8),
    "8.1",
    "Eight z, the same in every row; a row a class, from 0 at the top to 9. Left: D is told the class too, and G does as it is told. "
    "Right: it is not. A row has something in common, for G uses the label as more noise, but which digit that is has nothing to do "
    "with the label: of ten rows, one or two may be right by luck.",
    "Two grids of ten rows of eight digits. Left: a row of zeros, a row of ones, and so on to nines. Right: the digits of a "
    "row are alike, and in most rows they are not the digit that was asked for.",
)

# %% [markdown]
# A study has the same for ten epochs of all 60,000 digits, three seeds. *Variety* is how far apart the samples of a class lie on
# the classifier's features, relative to real digits of that class: 1 would be as varied as they are.
# (`python -m gancourse reproduce conditional`.)

# %%
found = study("conditional")
if found:
    print(f"{'':24}{'as asked':>18}{'variety':>18}{'distance':>18}")
    titles = {
        "told": "D is told, by a 10",
        "told-as-one": "by a 1",
        "told-slowly": "by a 10, at P1's rate",
        "told-as-one-slowly": "by a 1, at P1's rate",
        "not-told": "D is not told",
    }
    for arm, title in titles.items():
        rows = [row for row in found["rows"] if row["arm"] == arm]
        line = f"{title:24}"
        for column in ("obedience", "variety", "classifier_fid"):
            values = [row[column] for row in rows]
            line += f"{fmean(values):10.2f} ± {stdev(values):5.2f}"
        print(line)
    obeyed = {arm: [row["obedience"] for row in found["rows"] if row["arm"] == arm] for arm in titles}
    assert max(obeyed["not-told"]) < 0.2 and max(obeyed["told-as-one-slowly"]) < 0.2
    assert min(obeyed["told"] + obeyed["told-as-one"]) > 0.7 and min(obeyed["told-slowly"]) > 0.4

# %% [markdown]
# At the faster rate a label of 1 is heard as well as one of 10. At P1's rate only the louder one is obeyed after ten epochs, and the 1 not
# yet: a condition that seems to be ignored may be one that is not heard *yet*. Without being told, $D$ cannot make it heard at all.
#
# So $D$ is the one who has to be told. $G$ obeys because $D$ would notice, and for no other reason: *what G learns of the
# condition, it learns through D*. Keep this in mind for later: when a generator does not do what its input says, ask first whether its judge could have
# known.
#
# **Exercise: A class behind an image** (easy, 5 minutes). A convolution takes images, not numbers. So the class becomes ten planes behind the
# image: plane $k$ is 1 everywhere where $k$ is the class, all others are 0. (A batch need not hold every class.)


# %% tags=["exercise"]
def my_with_class(x, y):
    """Images x (B, 1, 28, 28) and their classes y (B,), int64, 0 to 9 -> (B, 11, 28, 28), float."""
    ...  # your code


# %%
ex.with_class.check(my_with_class)

# %% [markdown]
# ## 8.2 What if the condition is a picture?
#
# Ten classes are few. Let the condition be a drawing: a **label map** that says for every pixel what is there, and not how it
# looks. Our renderer draws both from the same factors, so each map has its picture, pixel by pixel. In this lesson all churches stand
# at noon, in clear or cloudy weather.

# %% tags=["nbval-ignore-output"]
pairs, maps, factors = map_pairs(plan.images, seed=0)
held, held_maps, held_factors = map_pairs({"smoke": 24, "laptop": 100, "paper": 300}[plan.profile], seed=4)
print(pairs.name, f"{len(pairs)} pairs of {pairs.a.shape}", sep="\n")
shares = torch.bincount(maps.flatten().long(), minlength=len(CLASSES)) / maps.numel()
print(", ".join(f"{name} {share:.1%}" for name, share in zip(CLASSES, shares.tolist(), strict=True)))
plots.show(
    plots.image_grid(torch.cat([held.a.pixels[:8], held.b.pixels[:8]]), 8),
    "8.2",
    "Eight label maps, and the churches that they are of: the first eight of a seed that nothing is trained on.",
    "A row of flat drawings in twelve bright colours, and under each a rendered church of exactly that shape.",
)

# %% [markdown]
# A map leaves much open: which of six stones, which of four roofs, where the clouds are, how green the grass is. So there is no
# function from maps to pictures to be learned, but a distribution $p(y\mid x)$, and we shall see what each loss makes of it. (In
# this lesson $x$ is what is given and $y$ the picture, as in Pix2Pix's paper.)
#
# ## 8.3 Which network paints a picture from a picture?
#
# The generator of Pix2Pix (Isola et al., 2017) is a **U-Net**. Convolutions with stride 2 halve the map until one pixel is left, so
# that every output can depend on the whole map: whether it is a church with one tower or with two. Transposed convolutions
# double it again. What was lost on the way, where exactly the edges are, comes over **skips**: each doubling also gets what the
# halving of its size gave.

# %%
torch.manual_seed(seed)
G = models.UNet(width=16, size=64)
x = data.scale(held.a.pixels[:1])
G.eval()
print(f"{'':34}{'halvings':>10}{'doublings':>12}")
kept = []
for layer in G.down:
    x = layer(x)
    kept.append(x)
ups = []
x = G.up[0](kept[-1])
ups.append(tuple(x.shape[1:]))
for layer, skip in zip(G.up[1:], reversed(kept[:-1]), strict=True):
    x = layer(torch.cat([x, skip], 1))  # the skip
    ups.append(tuple(x.shape[1:]))
for down, up in zip(kept, reversed(ups), strict=True):
    print(f"{tuple(down.shape[1:])!s:>34}{'':4}<->{'':3}{up!s:>16}")
with torch.no_grad():
    assert torch.equal(x, G(data.scale(held.a.pixels[:1])))
print(
    f"{models.count_parameters(G):,} parameters; dropout in {sum(isinstance(m, nn.Dropout) for m in G.modules())} layers"
)

# %% [markdown]
# There is no $z$. The paper found that $G$ learned to ignore it, and left **dropout**, in the three layers behind the narrowest place,
# as the only noise. We shall count what that noise is good for.
#
# ## 8.4 What does a judge of patches see?
#
# $D$ gets the map and a picture, one behind the other, six channels. Its last layer is a convolution too, so that it does not answer
# once but for every patch of the picture: *is this bit of texture real, and does it belong to this bit of map?* How large is a patch?
# Go back from one answer: $r$ pixels of a layer's output need
#
# $$ r_\text{in} = (r_\text{out} - 1)\, s + k \tag{8.3} $$
#
# pixels of its input, for a kernel of $k$ pixels and stride $s$. Padding moves the window and does not change its size. We compute
# it, and then count: the pixels on which one answer's gradient is not zero.


# %%
def counted(D, channels, size=192):
    """Pixels a side on which the answer in the middle depends, by the gradient."""
    x = torch.randn(1, channels, size, size, requires_grad=True)
    answers = D.eval()(x)
    answers[0, 0, answers.shape[2] // 2, answers.shape[3] // 2].backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    return int(rows[-1] - rows[0]) + 1


for halvings in (1, 2, 3, 4):
    torch.manual_seed(seed)
    D = models.PatchDiscriminator(3, 8, halvings)
    field = models.receptive_field(halvings)
    print(f"{halvings} convolutions with stride 2, then two with 1: {field} pixels by (8.3), {counted(D, 3)} counted")
    assert counted(D, 3) == field
four = 1
for stride in (1, 2, 2, 2, 2):  # a common variant: four with stride 2, and one behind them
    four = (four - 1) * stride + 4
print(f"four with stride 2, then one with 1: {four}")

# %% [markdown]
# The paper's 70 pixels, on pictures of 256, come from three convolutions with stride 2. A much copied version has four of them and
# says 70 in its comments; it sees 94. At our 64 pixels two do: 34 pixels, a little more than half a side.
#
# **Exercise: The classes of fakes** (easy, 4 minutes). $D$'s step needs fakes with their classes. A published version draws the classes by
# `torch.randint(0, 9, (n,))`. It runs without an error, and after a long training one thing still looks bad. Which? Write it right.


# %% tags=["exercise"]
def my_conditional_fakes(G, n):
    """n fakes, G(z, y) for z (n, 100) from N(0, I) and y (n,) uniform on the ten classes, and these y: a pair."""
    ...  # your code


# %%
ex.conditional_fakes.check(my_conditional_fakes)

# %% [markdown]
# **Exercise: How far a logit sees** (medium, 8 minutes). Write (8.3) for any stack of convolutions, the first layer first. Begin with the last one, and go down
# to the picture.


# %% tags=["exercise"]
def my_receptive_field(kernels, strides):
    """Pixels a side that one output of a stack of convolutions depends on; lists of kernels and strides, in order."""
    ...  # your code


# %%
ex.receptive_field.check(my_receptive_field)

# %% [markdown]
# **Exercise: Ask the gradient** (medium, 10 minutes). Arithmetic needs to know the layers; a gradient does not. `D` gives logits (1, 1, H', W') for one picture `x`.
# Return how many pixels a side a logit in the middle depends on. `D` comes in train mode and has BatchNorm: what would you find then?


# %% tags=["exercise"]
def my_pixels_seen(D, x):
    """Pixels a side that a logit in the middle of D's answer depends on; x (1, C, H, W) is larger than that."""
    ...  # your code


# %%
ex.pixels_seen.check(my_pixels_seen)

# %% [markdown]
# ## 8.5 What does L1 do where the map leaves it open?
#
# Pix2Pix's generator descends
#
# $$ L_G = \mathbb E\left[-\log D(x, G(x))\right] + \lambda\, \mathbb E\,|y - G(x)|, \qquad \lambda = 100, \tag{8.4} $$
#
# the mean over all pixels and channels in the second term. Look at that term alone, at one pixel of a wall. The map says *wall*, and
# among the pictures with such a map the wall is limestone, brick, whitewash, sandstone, granite or rose. One number has to serve
# for all of them. The mean of $|c - y|$ over $y$ is smallest where as many $y$ lie above $c$ as below: at the **median**, channel by
# channel. (Of the squared error it would be the mean.) What colour is that?

# %% tags=["nbval-ignore-output"]
walls = {}
for stone, name in enumerate(FACTORS["stone"]):
    here = (factors["stone"] == stone)[:, None, None] & (maps == CLASSES.index("wall"))
    pixels = pairs.b.pixels.permute(0, 2, 3, 1)[here].float()
    walls[name] = pixels.median(0).values if len(pixels) else torch.full((3,), float("nan"))
all_walls = pairs.b.pixels.permute(0, 2, 3, 1)[maps == CLASSES.index("wall")].float()
walls["median of all"], walls["mean of all"] = all_walls.median(0).values, all_walls.mean(0)
for name, colour in walls.items():
    away = (colour - colour.mean()).square().sum().sqrt()
    print(f"{name:14} red {colour[0]:4.0f}  green {colour[1]:4.0f}  blue {colour[2]:4.0f}   {away:4.0f} from grey")

stones = torch.stack(list(walls.values())[:6])
between = torch.pdist(stones, p=1).nanmean()
compromise = (stones - walls["median of all"]).abs().sum(1).nanmean()
print(f"on average two stones are {between:.0f} levels apart, the compromise and a stone {compromise:.0f}")
if plan.profile != "smoke":
    assert compromise < between

# %%
fig = Figure(figsize=(8.4, 1.5), layout="constrained")
ax = fig.subplots()
ax.imshow(torch.stack(list(walls.values())).nan_to_num(255)[None] / 255, aspect="auto")
ax.grid(False)
ax.set(xticks=range(len(walls)), yticks=[])
ax.set_xticklabels(walls, rotation=20, ha="right")
plots.show(
    fig,
    "8.3",
    "The six stones of the walls, and the two colours that compromise between them: L1's, the median, and that of the squared error.",
    "Eight patches of colour: light grey, brick red, whitish grey, ochre, bluish grey and a dull pink; then two greyish browns.",
)

# %% [markdown]
# A greyish brown, the colour of none of the six. The adversarial term can be satisfied by any one stone, as long as it is *a* stone: $D$ soon
# knows that walls of all maps do not look like this. So the two terms do different things, and the rest of this lesson holds them to it.
#
# **Exercise: What L1 paints alone** (easy, 6 minutes). `ex.walls()` holds the colours of 20 walls: 9 of limestone, 7 of brick, 4 of granite. Return the constant that makes the
# mean loss as small as can be, for `loss="l1"` and for `loss="l2"`. Then predict, and look: is there such a stone?


# %% tags=["exercise"]
def my_best_constant(values, loss):
    """The constant (C,) with the smallest mean loss, "l1": |values - c|, "l2": (values - c)^2, to values (N, C)."""
    ...  # your code


# %%
ex.best_constant.check(my_best_constant)

# %% [markdown]
# ## 8.6 What does Pix2Pix look like, written by hand?
#
# One batch of pairs, one step of $D$, one of $G$ on the same fakes. $D$'s loss is halved, which slows it relative to $G$ (section 3.3 of the
# paper). Everything is in train mode, dropout included.


# %% tags=["nbval-ignore-output"]
def pix2pix_round(G, D, opt_g, opt_d, x, y):
    """One step of D, then one of G: maps x and pictures y, (B, 3, 64, 64) in [-1, 1]."""
    fake = G(x)
    real_logits, fake_logits = D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1))
    loss_d = (softplus(-real_logits).mean() + softplus(fake_logits).mean()) / 2
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = softplus(-D(torch.cat([x, fake], 1))).mean() + 100 * (fake - y).abs().mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()


few, _, _ = map_pairs(16, seed=0)
torch.manual_seed(seed)
by_hand = models.translators("pix2pix", width=4)
torch.manual_seed(seed + 1)  # of the dropout
opt_g, opt_d = (torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in by_hand.values())
for x, y in few.batches(4, torch.Generator().manual_seed(seed)):
    pix2pix_round(*by_hand.values(), opt_g, opt_d, x, y)

torch.manual_seed(seed)
networks = models.translators("pix2pix", width=4)
trainer = Trainer(Pix2Pix(**networks), few, Config("pix2pix", batch_size=4, **plain), device="cpu")
torch.manual_seed(seed + 1)
trainer.fit(progress=False, whole=True)
for name in ("G", "D"):
    for mine, theirs in zip(by_hand[name].parameters(), networks[name].parameters(), strict=True):
        assert torch.equal(mine, theirs)
print("by hand and by the package: the same weights, bit for bit")

# %% [markdown]
# **Exercise: What D is asked** (medium, 8 minutes). Write $D$'s loss: binary cross-entropy with target 1 for real pairs and 0 for fakes, the mean over patches and pictures of
# each, the two added and halved. `fake` comes straight from $G$, which this step must not reach.


# %% tags=["exercise"]
def my_pix2pix_d_loss(D, x, y, fake):
    """The loss of Pix2Pix's D, a scalar; x, y, fake (B, 3, H, W), D: (B, 6, H, W) -> logits (B, 1, H', W')."""
    ...  # your code


# %%
ex.pix2pix_d_loss.check(my_pix2pix_d_loss)

# %% [markdown]
# **Exercise: What G pays** (medium, 7 minutes). And (8.4), with `weight` for $\lambda$.


# %% tags=["exercise"]
def my_pix2pix_g_loss(D, x, y, fake, weight):
    """The loss of Pix2Pix's G, a scalar; x, y, fake (B, 3, H, W), D: (B, 6, H, W) -> logits (B, 1, H', W')."""
    ...  # your code


# %%
ex.pix2pix_g_loss.check(my_pix2pix_g_loss)

# %% [markdown]
# ## 8.7 What happens when we train it?
#
# The same network twice, live: on L1 alone, and on both terms. **Predict**: which of the two will have the smaller L1 distance to the true
# pictures of maps that neither has seen? And which one would you rather hang on a wall?

# %% tags=["nbval-ignore-output"]
width = {"smoke": 4, "laptop": 16, "paper": 16}[plan.profile]
painters, live = {}, {}
for name, recipe in (("L1 alone", Pix2PixRecipe(adversarial=0.0)), ("L1 and D", Pix2PixRecipe())):
    torch.manual_seed(seed)
    networks = models.translators("pix2pix", width=width)
    config = Config("pix2pix", plan.epochs, batch_size=4, seed=seed)
    trainer = Trainer(Pix2Pix(**networks, recipe=recipe), pairs, config, out and out / name.replace(" ", "-"))
    trainer.fit(whole=True)
    painters[name], live[name] = trainer.networks["G"].cpu(), trainer.history

# %% tags=["nbval-ignore-output"]
need_all(painters, 2)
given, truth = data.scale(held.a.pixels), data.scale(held.b.pixels)
for name, G in painters.items():
    pictures = judged.painted(G, given, "dropout", seed)
    error = (pictures - truth).abs().mean().item() * 127.5
    print(f"{name}: L1 distance {error:.1f} levels of 255, mean IoU {mean_iou(segment(pictures), held_maps):.2f}")
panels = {"given": given[:8], "L1 alone": None, "L1 and D": None, "truth": truth[:8]}
for name, G in painters.items():
    panels[name] = judged.painted(G, given[:8], "dropout", seed)
plots.show(
    plots.image_grid(torch.cat(list(panels.values())), 8),
    "8.4",
    "From top to bottom: the first eight maps that nothing was trained on; painted after the short run on L1 alone; on both terms; "
    "the truth.",
    "Four rows of eight pictures: flat drawings; blurred churches in one brown; churches with coloured walls and rough textures; "
    "rendered churches.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# L1 alone has the smaller L1 distance: it is what it was trained for, and on average the brown is nearer to the true stone than another stone is. The
# second one does not stay at the brown. After so short a run its walls are patched with several colours, and much the same on every
# church; after the longer runs of figure 8.5 the churches differ. A stone that it chooses is wrong more often than right, since there
# are six of them, and the picture may be the better one all the same: a reminder that a distance to *the* truth is no measure of a picture where several would be true.
#
# </details>
#
# ## 8.8 Which term does what? The paper's table, with an exact judge
#
# Isola et al. asked which losses are needed, and had a network that segments photographs read the painted street scenes: if it finds the cars
# where the map says *car*, they look like cars (their "FCN score"). We do the same with a segmenter trained on our renders; what it scores
# on the *true* churches is the ceiling. Beside it stand what the paper could not have: the distance to the true picture, the colour of the
# walls, and the distance between two sets of pictures, on the features of lesson 04's reader of churches. Every row is three seeds of
# 2,000 pairs, five times over. (`python -m gancourse reproduce pix2pix`.)

# %%
NAMES = {"l1": "L1", "cgan": "cGAN", "l1-gan": "L1 + GAN, D untold", "l1-cgan": "L1 + cGAN"}
found = study("pix2pix")
if found:
    rows = [row for row in found["rows"] if row["arm"] != "ceiling"]
    ceiling = next(row["ceiling"] for row in found["rows"] if row["arm"] == "ceiling")
    columns = {
        "iou": "mean IoU",
        "pixels": "pixels",
        "l1": "L1, levels",
        "ssim": "SSIM",
        "colour": "wall colour",
        "distance": "distance",
    }
    print(f"{'maps that leave it open':24}" + "".join(f"{title:>16}" for title in columns.values()))
    table = {}
    for arm, name in NAMES.items():
        mine = [row["dropout"] for row in rows if row["arm"] == arm and not row["code"]]
        table[arm] = {column: [row[column] for row in mine] for column in columns}
        print(f"{name:24}" + "".join(f"{fmean(v):9.2f} ± {stdev(v):4.2f}" for v in table[arm].values()))
    print(f"{'the true churches':24}" + "".join(f"{ceiling[column]:9.2f}       " for column in columns))

# %%
if found:
    strips = {
        name: sheets.unpack(next(r["strip"] for r in rows if r["arm"] == arm and not r["code"]))
        for arm, name in NAMES.items()
    }
    n = judged.N_SHOWN
    test, _, _ = map_pairs(n, seed=4)
    plots.show(
        plots.image_grid(torch.cat([test.a.pixels, *strips.values(), test.b.pixels]), n),
        "8.5",
        "Seed 0 of each: the maps; "
        + "; ".join(strips)
        + "; the truth. The first six of the held-out churches, not picked.",
        "Six rows of six pictures: drawings, and the same churches painted by four generators, then the true ones.",
    )


# %%
def answers(questions):
    """For each sentence that one column is smaller than another in the mean: by more than both spreads together?"""
    for sentence, (smaller, larger) in questions.items():
        print(f"{sentence}: {verdicts.decide(smaller, larger)}")


if found:
    l1, both, alone, untold = (table[arm] for arm in ("l1", "l1-cgan", "cgan", "l1-gan"))
    answers(
        {
            "L1 alone is read as its map more often than both terms are": (both["iou"], l1["iou"]),
            "its walls are greyer than theirs": (l1["colour"], both["colour"]),
            "as a set, their pictures are nearer to churches than its own": (both["distance"], l1["distance"]),
            "without L1, the set is farther from churches than with both": (both["distance"], alone["distance"]),
            "a D that is told makes pictures that are read as their map more often": (untold["iou"], both["iou"]),
            "it makes a set that is nearer to churches": (both["distance"], untold["distance"]),
        }
    )

# %% [markdown]
# Reading the map back, the paper's own measure, likes L1 alone best here, and finds it near the ceiling. In the paper it was far from
# that: a class IoU of 0.11 for L1, 0.17 for both terms, 0.21 for photographs (table 1). Their streets are cluttered, our churches are large and
# plain, and a blurred church in one brown still has a roof where the roof should be. So on this data that score alone would tell us to
# throw the discriminator away. The pictures say otherwise, and so do the colour of the walls and the distance between the sets. *Whether
# a picture fits its drawing, and whether it looks like a church, are two questions*, and one score answers one of them.
#
# And telling $D$ does not do here what it did in 8.1. With a $D$ that is shown the map, $G$'s pictures are read as their map no more often than
# with one that is not, but rather less often; and which set is nearer to churches is not decided. There is a reason: with pairs, L1 already holds
# the picture to its drawing. (In the paper's table, too, the two differ by 0.02 with L1, and by 0.15 without.)
#
# ## 8.9 What if the map says it?
#
# Give every stone and every roof a colour of its own in the map. Nothing of the building is left open now, and the reader can tell
# whether a painted wall is the one that was ordered.

# %%
if found:
    print(f"{'maps that say it':24}{'stone as ordered':>18}{'roof as ordered':>18}{'mean IoU':>16}{'L1, levels':>16}")
    for arm in pix2pix.CODED:
        mine = [row["dropout"] for row in rows if row["arm"] == arm and row["code"]]
        values = {column: [row[column] for row in mine] for column in ("stone", "roof", "iou", "l1")}
        print(f"{NAMES[arm]:24}" + "".join(f"{fmean(v):11.2f} ± {stdev(v):4.2f}" for v in values.values()))
    print(f"{'the true churches':24}{ceiling['stone']:11.2f}{'':7}{ceiling['roof']:11.2f}")

# %%
if found:
    coded = {arm: [r["dropout"] for r in rows if r["arm"] == arm and r["code"]] for arm in pix2pix.CODED}
    plain_l1 = [r["dropout"] for r in rows if r["arm"] == "l1" and not r["code"]]

    def column(some, name):
        return [row[name] for row in some]

    answers(
        {
            "L1 alone: with the stone in the map, its walls are less grey": (
                column(plain_l1, "colour"),
                column(coded["l1"], "colour"),
            ),
            "with the stone in the map, both terms obey more often than L1 alone": (
                column(coded["l1"], "stone"),
                column(coded["l1-cgan"], "stone"),
            ),
            "both terms together are nearer to churches, as a set": (
                column(coded["l1-cgan"], "distance"),
                column(coded["l1"], "distance"),
            ),
        }
    )
    assert min(column(coded["l1"], "stone")) > 2 * max(column(plain_l1, "stone"))

# %% [markdown]
# Nothing but the map has changed, and L1 alone paints brick where brick was ordered. So it was not L1 that painted grey, but L1 *where
# the answer is open*. Ask of a blurred result first what its input leaves open. Roofs are obeyed less often than walls: most are small at 64
# pixels, and the reader finds fewer of them in the true churches too.
#
# ## 8.10 Does dropout choose?
#
# Where the map leaves the stone open, a generator that knew the distribution would paint brick one time and granite the next. Its
# only dice are the dropout. Paint each map eight times, and count the stones that the reader finds.

# %%
if found:
    print(
        f"{'eight pictures of a map':24}{'stones a map':>16}{'spread, levels':>18}   shares of the stones over all pictures"
    )
    for arm, name in NAMES.items():
        mine = [row for row in rows if row["arm"] == arm and not row["code"]]
        a, b = [row["stones_a_map"] for row in mine], [row["spread"] for row in mine]
        shares = ", ".join(
            f"{fmean(row['stones'][i] for row in mine):.0%} {stone}" for i, stone in enumerate(FACTORS["stone"])
        )
        print(f"{name:24}{fmean(a):9.2f} ± {stdev(a):4.2f}{fmean(b):11.2f} ± {stdev(b):4.2f}   {shares}")
    expected = 6 * (1 - (5 / 6) ** judged.DRAWS)
    print(f"eight draws from six stones would show {expected:.1f} of them")

# %%
if found:
    by_arm = {arm: [r for r in rows if r["arm"] == arm and not r["code"]] for arm in NAMES}
    answers(
        {
            "with D, a map gets more stones than with L1 alone": tuple(
                column(by_arm[a], "stones_a_map") for a in ("l1", "l1-cgan")
            ),
            "with D, the draws lie farther apart": tuple(column(by_arm[a], "spread") for a in ("l1", "l1-cgan")),
        }
    )
    assert max(column([r for r in rows if not r["code"]], "stones_a_map")) < expected - 1
    assert all(min(r["stones"]) < 0.06 for r in rows if not r["code"])

# %% [markdown]
# Hardly. The pictures of one map differ by a few levels of 255, and most maps get one stone, or two that the reader confuses: it finds more than
# one even in the pictures of L1, which are all but equal. Each map has *its* stone, by accidents of its shape, it seems, and dropout rarely
# overrules it. Nor are the six stones chosen evenly: in every seed some hardly occur. So Pix2Pix does choose, but it does not draw from
# $p(y\mid x)$. The paper says so itself: dropout brings "only minor stochasticity".
#
# **Exercise: Dropout on, BatchNorm still** (medium, 8 minutes). Write the mode that the table above was made with: BatchNorm uses what it has stored and does not move
# it, dropout stays on. Return $G$'s pictures of `x` so, without a gradient, and leave every part of $G$ in the mode that it had.


# %% tags=["exercise"]
def my_paint(G, x):
    """G's pictures of x (B, 3, H, W), with dropout and with stored statistics; G is left as it was."""
    ...  # your code


# %%
ex.paint.check(my_paint)

# %% [markdown]
# ## 8.11 Train or eval mode at test time?
#
# Perhaps the question most asked about Pix2Pix. The authors' code paints in *train* mode: dropout on, and BatchNorm with the statistics of
# the batch, which is one picture. Others call `eval()`, as they would with any other network. We paint the same held-out maps in four ways.

# %%
if found:
    for arm in ("l1-cgan", "l1"):
        print(f"{NAMES[arm]:24}{'mean IoU':>16}{'L1, levels':>16}{'wall colour':>16}{'distance':>16}")
        for mode in judged.MODES:
            mine = [row[mode] for row in rows if row["arm"] == arm and not row["code"]]
            line = "".join(
                f"{fmean(v):9.2f} ± {stdev(v):4.2f}"
                for v in ([r[c] for r in mine] for c in ("iou", "l1", "colour", "distance"))
            )
            print(f"   {mode:21}{line}")

# %%
if found:
    # the same three networks in each mode: so seed by seed
    modes = {mode: [row[mode] for row in by_arm["l1-cgan"]] for mode in judged.MODES}
    questions = {
        "without dropout the pictures are read as their map more often": ("iou", "dropout", "eval"),
        "with dropout the set is nearer to churches": ("distance", "dropout", "eval"),
        "with statistics of a batch of 1 it is nearer than with stored ones": ("distance", "batch of 1", "dropout"),
        "with statistics of a batch of 50": ("distance", "batch of 50", "dropout"),
    }
    for sentence, (name, smaller, larger) in questions.items():
        verdict, gap, error = verdicts.seed_by_seed(column(modes[smaller], name), column(modes[larger], name))
        print(f"{sentence}: {verdict} (by {gap:.3g} ± {error:.2g})")

# %% [markdown]
# What the mode changes is small beside what the loss changes. Dropout brings the set a little nearer to churches and costs a little of the fit;
# which statistics BatchNorm should use, three seeds do not decide. What one must not do is to leave `train()` on by accident and
# paint for a table: BatchNorm's stored statistics then drift with what is painted, and the next `eval()` finds other ones. With
# batches of one in *training*, as the authors had, the batch's own statistics are what the network has learned to live with; ours were of four.
#
# ## 8.12 Draw a church
#
# The course ships a generator that was trained for longer, 48,000 pairs, on plain maps. Draw with the pointer, or with the sliders and
# the buttons, which do the same. Start from a true map or from an empty landscape. *Another church* throws the dice of the dropout again.
#
# **Predict, then try.** A window in the sky. A church without a door. A roof under a wall. A church of trees.

# %%
widgets.draw_a_church()

# %% [markdown]
# A drawing of your own may come from any program: `data.churches.drawings.save_drawing` writes a map to begin with, and `read_drawing` reads
# what you made of it. Pairs of your own, two folders of pictures with equal names, train with
# `python -m gancourse train pix2pix --data FOLDER --out RUN`.
#
# ## 8.13 What do published versions get wrong?
#
# **Exercise: Three bugs in Pix2Pix** (hard, 15 minutes). `print(ex.listing())` shows Pix2Pix, its $D$ and its training loop, with line numbers.
# It runs without an error, and three lines are wrong; bugs like them were published. Find them: a dict `{line: "diagnosis", ...}` of
# three, out of `the patches are too large`, `the condition is not shown`, `G stays in eval mode`, `the fakes are not detached`, `the fakes
# are stale`, `the targets are exchanged`, `D's loss is halved`, `L1 outweighs D`, `old gradients are left`.

# %%
print(ex.listing())

# %% tags=["exercise"]
# A dict: line -> diagnosis, for three lines.
my_bug_hunt = ...

# %%
ex.bug_hunt.check(my_bug_hunt)

# %% [markdown] tags=["progress"]
# ## What you have passed
#
# Run this cell at any time, also on another day: it lists which exercises of this lesson are passed and which are open.

# %% tags=["progress"]
from gancourse.exercises import progress

progress("08")

# %% [markdown]
# ## What we now know
#
# A condition is obeyed because the judge knows it: tell $D$, or have pairs and a loss that compares. L1 paints what the drawing fixes and takes the
# median of what it leaves open, a greyish brown that no church has; a discriminator makes it choose, and pays with pictures that fit the drawing a little less
# well. No single score shows both. And Pix2Pix chooses once for each drawing: its dropout is no $z$.
#
# ## What we do not know yet
#
# - Whether a longer run, or another kind of noise, would make it choose anew for every picture.
# - How much of this carries over to photographs, where no renderer knows the truth. `--data` trains on yours.
# - What a generator learns that has the pictures and no pairs at all: that is CycleGAN, in [lesson 09](09_cyclegan.ipynb).
#
# ## References
#
# - S. Ben Abdallah, *Adversarial Networks for Image Generation* (P1): section 3, on Pix2Pix.
# - M. Mirza, S. Osindero, *Conditional Generative Adversarial Nets*, 2014, [arXiv:1411.1784](https://arxiv.org/abs/1411.1784).
# - P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros, *Image-to-Image Translation with Conditional Adversarial Networks*, CVPR 2017,
#   [arXiv:1611.07004](https://arxiv.org/abs/1611.07004): equations 1 to 4, section 3.3, table 1, and 6.1 for the networks.
# - O. Ronneberger, P. Fischer, T. Brox, *U-Net*, MICCAI 2015, [arXiv:1505.04597](https://arxiv.org/abs/1505.04597).
# - Z. Wang et al., *Image Quality Assessment: From Error Visibility to Structural Similarity*, 2004: SSIM.
