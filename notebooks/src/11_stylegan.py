# %% [markdown]
# # 11 Styles in every layer: StyleGAN
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/11_stylegan.ipynb)
#
# Until now $z$ went into the first layer, and what it does there was found out afterwards (lesson 06). StyleGAN tells *every* layer what to draw. P1 (section 3) promises "fine-grained control over image synthesis at different levels of detail", by
# "separating the latent space from the image synthesis", and so the "manipulation of attributes in a more interpretable way". The factors of our churches are known: time of day, weather, stone, plan and more. So each of these sentences can be counted.
#
# **What you will learn**
#
# - why $z$ is a poor place to steer from, and what a mapping to $w$ may do about it
# - to build the parts by hand: equal rates, styles as AdaIN and as scaled weights, noise, a blur, the spread of a batch
# - to write StyleGAN2's round by hand, with a penalty that is taken seldom, and what that penalty's weight decides
# - why it helps to begin with small pictures
# - to count which layers hold the time of day, the stone, the plan
# - whether $w$ is easier to read and to steer than $z$, in numbers
# - what truncation buys and costs, and how to find the $w$ of a picture
#
# **Time.** Some minutes on a processor; the plan cell below prints what was measured on your class of machine. The
# exercises come on top, each with its own estimate.

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("gancourse") is None:
    package = "gancourse @ git+https://github.com/gancourse/gancourse"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", package])

# %% tags=["parameters"]
profile = "auto"  # "smoke" (seconds), "laptop" (minutes), "paper" (longer runs), or "auto"
seed = 0  # of the networks and the order of the data
out = None  # a folder, or on Colab "drive": the run is kept there, and goes on after an interruption

# %%
import math
import tempfile
from pathlib import Path
from statistics import fmean, stdev
from textwrap import fill

import torch
from torch.nn import functional as F

from gancourse import latent, models, plots, pretrained, widgets
from gancourse.course import claims, profiles, verdicts
from gancourse.course.studies.lesson11 import judged, stylegan
from gancourse.course.studies.runner import look_up as study
from gancourse.data import sheets
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.degraded import shrunk
from gancourse.data.images import scale, unscale
from gancourse.evaluation import church_reader
from gancourse.evaluation.styles import mixing_table, noise_shares, w_of
from gancourse.exercises import lesson11 as ex
from gancourse.latent.edits import Edit
from gancourse.models.equalised import EqualLinear, blur, upsampled
from gancourse.models.growing import grown
from gancourse.models.style_discriminator import MinibatchDeviation
from gancourse.models.stylegan import StyledConv, adaptive_instance_norm, demodulation
from gancourse.training import Config, StyleGAN, StyleRecipe, Trainer
from gancourse.training.penalties import r1_penalty
from gancourse.training.step import draw_z
from gancourse.training.style import lazy

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("11_stylegan", profile)
out = plan.folder(out)
print(plan)

# %% [markdown]
# ## 11.1 What is wrong with $z$?
#
# $z$ comes from a round cloud, whatever the data is. Suppose that no church has two towers in fog. The cloud has no hole for that: $G$ has to fill the place with something else, and whatever lies around it is bent. A *learned* map from $z$ to a $w$
# that may lie as it likes could undo the bending (Karras et al. 2019, section 4 and figure 6).
#
# In the plane this can be computed. Two factors $a$ and $b$ are uniform on a square whose upper right quarter is empty. One map from a normal cloud to it takes $a$ from $z_1$ by its distribution, then $b$ from $z_2$ by its distribution given $a$:
#
# $$ a = F_a^{-1}(\Phi(z_1)), \qquad b = F_{b|a}^{-1}(\Phi(z_2)). \tag{11.1} $$
#
# Here $\Phi$ and $F$ are distribution functions. Where $a$ is small, $b$ goes up to 1; where it is large, only up to 1/2. **Predict**: in the plane of $z$, where do the points lie that have one and the same $b$, say .4?

# %%
lines = {}
z1 = torch.linspace(-2.5, 2.5, 101)
share = torch.special.ndtr(z1)  # two thirds of the data have a < 1/2
a = torch.where(share < 2 / 3, share * 0.75, 0.5 + (share - 2 / 3) * 1.5)
for b in (0.1, 0.2, 0.3, 0.4):
    z2 = torch.special.ndtri(torch.where(a < 0.5, b, 2 * b))
    lines[f"b = {b}"] = list(zip(z1.tolist(), z2.tolist(), strict=True))
jump = max(y for _, y in lines["b = 0.4"]) - min(y for _, y in lines["b = 0.4"])
print(f"the line of b = 0.4 is level but for one jump, by {jump:.2f} standard deviations")
plots.show(
    plots.plane(lines, "z1, which decides a", "z2", ["b = 0.4"]),
    "11.1",
    "Where each factor's value lies in z: dots on one line have the same b. Who goes from left to right, to change a alone, has to step aside where the empty quarter begins.",
    "Four level rows of dots, one above the other; at one place all four are shifted upwards, the upper ones by more.",
)

# %% [markdown]
# No straight line in $z$ changes $a$ and leaves $b$ alone. In the square itself every level line does. So a $w$ that lies like the factors can be steered along straight lines, and a $z$ that has to be normal cannot. Whether training finds such a $w$ is another matter: sections 11.9 and 11.10 count it.
#
# ## 11.2 A mapping, and equal rates
#
# The **mapping** is a small MLP, $w = f(z)$. First $z$ is put on its sphere, $z / \sqrt{\tfrac1d \sum_i z_i^2}$, so that its length says nothing. Every layer has an **equalised rate** (Karras et al. 2018): its weights are drawn from $N(0, 1)$, and are divided by the
# root of the number of inputs where they are used. Why not draw them smaller in the first place, as is usual? Because of Adam. It moves every weight by about the learning rate, however large the weight is. A layer of 9,216 inputs has weights of about .01: some steps turn it over, in which a layer of 64 inputs hardly moves. In the mapping everything also counts a hundredth
# of that, for its $w$ decides all that follows.
#
# **Exercise: Equal rates** (easy, 6 minutes). Write the layer.


# %% tags=["exercise"]
def my_equal_linear(x, weight, bias, lr):
    """x (B, in) -> (B, out); weight (out, in) and bias (out,) are scaled where they are used, lr: a number."""
    ...  # your code


# %%
ex.equal_linear.check(my_equal_linear)

# %%
print("by how much one step of Adam changes the weights that act, as a share of their size")
print(f"{'inputs':>8}{'usual':>12}{'equalised':>12}")
for inputs in (64, 1024, 9216):
    moved = []
    torch.manual_seed(0)
    plain, equal = torch.nn.Linear(inputs, 8), EqualLinear(inputs, 8)
    torch.nn.init.normal_(plain.weight, 0, inputs**-0.5)
    for layer, factor in ((plain, 1.0), (equal, equal.scale)):
        before = layer.weight.detach() * factor
        opt = torch.optim.Adam(layer.parameters(), 2e-3)
        layer(torch.randn(32, inputs)).square().sum().backward()
        opt.step()
        moved.append(((layer.weight.detach() * factor - before).abs().mean() / before.abs().mean()).item())
    print(f"{inputs:8,}{moved[0]:12.1%}{moved[1]:12.1%}")

# %% [markdown]
# ## 11.3 What is a style?
#
# A style says of each feature map of a layer how much it counts. The first StyleGAN normalised each map $x_i$ of each image, and gave it spread and mean from $w$ (**AdaIN**, Karras et al. 2019, equation 1):
#
# $$ \mathrm{AdaIN}(x_i, s) = (1 + s_i)\, \frac{x_i - \mu(x_i)}{\sigma(x_i)} + t_i, \qquad (s, t) = A w + c. \tag{11.2} $$
#
# $\mu$ and $\sigma$ are mean and deviation over the pixels of the map; $A$ and $c$ are learned, for each layer its own. The $1 +$ is not in the paper; it is in its authors' code: without it nearly all maps would be switched off at the start.
#
# **Exercise: AdaIN** (medium, 8 minutes). Write (11.2).


# %% tags=["exercise"]
def my_adain(x, style):
    """x (B, C, H, W) with mean and spread by style (B, 2C), the scales and then the shifts: (B, C, H, W)."""
    ...  # your code


# %%
ex.adain.check(my_adain)

# %%
torch.manual_seed(seed)
x, style = torch.randn(2, 3, 8, 8) * torch.tensor([0.1, 1.0, 10.0])[:, None, None], torch.randn(2, 6)
by_hand = torch.empty_like(x)
for image in range(2):
    for i in range(3):
        map_ = x[image, i]
        normal = (map_ - map_.mean()) / (map_.var(unbiased=False) + 1e-8).sqrt()
        by_hand[image, i] = (1 + style[image, i]) * normal + style[image, 3 + i]
assert torch.allclose(by_hand, adaptive_instance_norm(x, style), atol=1e-5)
spread = by_hand.std((2, 3), unbiased=False)
print("three maps of deviation .1, 1 and 10, in two images; after AdaIN they have |1 + s|:")
print(spread, (1 + style[:, :3]).abs(), sep="\n")

# %% [markdown]
# What is lost? A map that was faint beside the others is as strong as they are: how strong it was *in this image* is gone. The trained network found a way round that. It painted a droplet, a spot so bright that it alone sets the map's deviation (Karras et al. 2020, section 2). StyleGAN2 normalises by what is
# *expected* instead of by what is there. It scales the weights $w_{oi}$ that read map $i$ by $s_i$, and divides the weights of each output $o$ by their length:
#
# $$ w'_{oikl} = s_i\, w_{oikl}, \qquad w''_{oikl} = \frac{w'_{oikl}}{\sqrt{\sum_{i,k,l} (w'_{oikl})^2 + \epsilon}}. \tag{11.3} $$
#
# ($k, l$ count the places of the kernel; $\epsilon = 10^{-8}$.) If the inputs are independent with variance 1, so are the outputs. Each image gets weights of its own.
#
# **Exercise: Weights of its own for each image** (medium, 10 minutes). Write (11.3).


# %% tags=["exercise"]
def my_modulate(weight, style):
    """weight (O, I, k, k), style (B, I) -> the weights of each image, (B, O, I, k, k)."""
    ...  # your code


# %%
ex.modulate.check(my_modulate)

# %% [markdown]
# The package never makes those weights. A convolution is linear: scaling its *inputs* by $s$ and dividing its *outputs* by the lengths gives the same, with one ordinary convolution for the whole batch.

# %%
torch.manual_seed(seed)
layer = StyledConv(16, 8, w_size=12)
x, w = torch.randn(4, 16, 8, 8), torch.randn(4, 12)
with torch.no_grad():
    style, weight = layer.affine(w), layer.weight * layer.scale
    for i in range(4):
        own = weight * style[i, :, None, None]
        own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        slow = 2**0.5 * F.leaky_relu(F.conv2d(x[i : i + 1], own, padding=1) + layer.bias[:, None, None], 0.2)
        assert torch.allclose(layer(x[i : i + 1], w[i : i + 1], None), slow, atol=1e-5)
    noise = torch.randn(4, 16, 64, 64)
    y = F.conv2d(noise * style[:, :, None, None], weight) * demodulation(weight, style)[:, :, None, None]
print(f"styles from {style.min():.2f} to {style.max():.2f}; variance of the outputs {y.var((2, 3)).mean():.2f}")
assert abs(y.var((2, 3)).mean() - 1) < 0.1

# %% [markdown]
# ## 11.4 What is chance, and what is not?
#
# Where each snowflake lies and which brick is darker does not matter, and yet it has to lie somewhere. A generator that takes such chance out of $z$ wastes capacity on it. StyleGAN gives every layer **noise**: one map $n \sim N(0, 1)$ for all channels of an image, times a strength that is learned. The strength begins at 0: at first the noise does nothing.
#
# **Exercise: Noise** (easy, 6 minutes).


# %% tags=["exercise"]
def my_add_noise(x, strength, rng):
    """x (B, C, H, W) + strength noise, the same noise for all channels; strength: a scalar, rng: a generator."""
    ...  # your code


# %%
ex.add_noise.check(my_add_noise)

# %% [markdown]
# ## 11.5 The two networks
#
# $G$ begins with a constant of 4 x 4 pixels, learned, and the same for every picture. At each size there are two convolutions with styles and noise, of which the first doubles the size; then a **ToRGB** adds what it has to say to the picture so far, enlarged. $D$ goes the other way, in residual blocks (lesson 03). Before its last layers it is told how much the images of a group
# of four differ: a $G$ whose pictures are all alike is given away by that one number. Whatever is doubled or halved is also blurred by $[1, 3, 3, 1]$, so that no checkerboard is left (lesson 04).

# %%
torch.manual_seed(seed)
G, D = models.networks("stylegan")
counts = [models.count_parameters(network) for network in (G, D)]
print(f"{counts[0]:,} parameters of G, {counts[1]:,} of D; {G.synthesis.n_styles} styles a picture")
for name, layers in list(judged.groups(G).items())[:5]:
    print(f"{name:>3} pixels a side: styles {', '.join(str(i + 1) for i in layers)}")

kernel = torch.tensor([1.0, 3, 3, 1])
kernel = torch.outer(kernel, kernel) / 64
x = torch.randn(1, 2, 8, 8)
each = [F.conv2d(F.pad(x[:, c : c + 1], (1, 1, 1, 1)), kernel[None, None]) for c in range(2)]
assert torch.allclose(blur(x, padding=1), torch.cat(each, 1), atol=1e-5)

x = torch.randn(8, 4, 2, 2)
told = MinibatchDeviation()(x)
for j in range(2):  # image j is in a group with j + 2, j + 4 and j + 6
    group = x[j::2]
    spread = ((group - group.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
    assert torch.allclose(told[j::2, -1], spread.expand(4, 2, 2), atol=1e-5)
print("blur and the spread of a group: by hand and by the package the same")

# %% [markdown]
# ## 11.6 The game
#
# The losses are Goodfellow's, on logits, as in lesson 02. $D$ also pays R1 (lesson 07) on real images, $\tfrac\gamma2\,\mathbb E\,|\nabla D(x)|^2$. A gradient's gradient costs as much as all the rest of the step. So StyleGAN2 takes it only in every 16th round, in a step of its own, 16 times as heavy: in the sum that is as much. Adam now makes 17 steps where it made 16,
# and gets a rate and betas by which 17 steps go as far, and forget as fast, as 16 did.
#
# **Exercise: Seldom, but as much** (medium, 8 minutes).


# %% tags=["exercise"]
def my_lazy(k, lr, beta1, beta2, gamma):
    """(weight of E|grad D|^2 in its own step, rate, beta1, beta2), where R1 has one step every k rounds."""
    ...  # your code


# %%
ex.lazy.check(my_lazy)

# %% [markdown]
# In training nine of ten pictures get *two* $w$: one for the first layers, another for the rest, cut at a random layer. So no layer can rely on what another one was told. Layers from one, layers from another: later that is how we steer, and it is called **style mixing**.
#
# **Exercise: Style mixing** (easy, 6 minutes).


# %% tags=["exercise"]
def my_mix(w_source, w_donor, first, last, n_styles):
    """w_source, w_donor (B, d) -> (B, n_styles, d): the donor's w in layers first to last, counted from 1."""
    ...  # your code


# %%
ex.mix.check(my_mix)

# %% [markdown]
# The whole round, by hand. $G$ keeps a running mean of $w$ as it goes; section 11.11 needs it. (The package can also penalise how unevenly a step in $w$ changes the picture, the path length of Karras et al. 2020: `StyleRecipe(path_length=2.0)`. Ours leave it out.)


# %%
def fakes(G, n, rng, mixing=0.9):
    """n pictures of fresh z and noise, and the w of their first layers."""
    w, other = (G.mapping(draw_z(G, n, rng)) for _ in "12")
    (mixed, where), layers = torch.rand(2, n, generator=rng), G.synthesis.n_styles
    first = torch.where(mixed < mixing, 1 + (where * (layers - 1)).long().clamp(max=layers - 2), layers)
    later = torch.arange(layers) >= first[:, None]
    styles = torch.where(later[:, :, None], other[:, None], w[:, None])
    return G.synthesis(styles, G.synthesis.draw_noise(n, rng)), w


def stylegan_round(G, D, opt_g, opt_d, x, rng, number, gamma, every):
    """D's step, R1's own step in every so many rounds, G's step; x: real images (B, 3, H, W)."""
    with torch.no_grad():
        fake, _ = fakes(G, len(x), rng)
    loss_d = F.softplus(-D(x)).mean() + F.softplus(D(fake)).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    if number % every == 0:
        opt_d.zero_grad()
        (every * gamma / 2 * r1_penalty(D, x)).backward()
        opt_d.step()

    fake, w = fakes(G, len(x), rng)
    G.mapping.w_mean.lerp_(w.detach().mean(0), 1 - 0.995)
    loss_g = F.softplus(-D(fake)).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()


few = shrunk(procedural_churches(32, 64)[0], 16)
sizes = {"width": 8, "size": 16, "mapping": 2, "latent": 16}
torch.manual_seed(seed)
mine = models.networks("stylegan", **sizes)
rate, betas = lazy(2e-3, (0.0, 0.99), 4)
opt_g = torch.optim.Adam(mine[0].parameters(), 2e-3, (0.0, 0.99))
opt_d = torch.optim.Adam(mine[1].parameters(), rate, betas)
rng, number = torch.Generator().manual_seed(seed), 0
for _ in range(2):
    for x in few.batches(8, rng):
        stylegan_round(*mine, opt_g, opt_d, x, rng, number, gamma=1.0, every=4)
        number += 1

torch.manual_seed(seed)
theirs = models.networks("stylegan", **sizes)
config = Config("stylegan", 2, 8, lr=2e-3, betas=(0.0, 0.99), seed=seed, fast=False, precision="float32")
Trainer(StyleGAN(*theirs, StyleRecipe(r1=1.0, r1_every=4)), few, config, device="cpu").fit(progress=False)
for one, other in zip(mine, theirs, strict=True):
    for by_hand, by_package in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(by_hand, by_package)
print("by hand and by the package: the same weights in both networks, bit for bit")

# %% [markdown]
# ## 11.7 Small first
#
# Where a church stands and what the sky is like can be seen at 16 pixels. There a step takes a quarter of the time, and far fewer are needed. As ProGAN before it (Karras et al. 2018), the first StyleGAN grew: 16, 32, 64. Our $G$'s picture is a sum over sizes, so it can simply get one more term: the new layers begin with a ToRGB of 0. The new block of $D$ fades in over its
# old entrance, while a given number of images passes.
#
# Live, in short: two epochs at 16 pixels, one at 32. At laptop the first churches should be colours of sky and grass with something on the horizon, no more. Broken would be: all samples alike, or $D$'s answers at 1 and 0.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(seed)
width = {"smoke": 8, "laptop": 64, "paper": 64}[plan.profile]
churches = procedural_churches(plan.images, 64)[0]
live = models.networks("stylegan", width=width, size=16)
stages = {}
for size, epochs in ((16, plan.epochs), (32, 1)):
    if size > 16:
        z, before = latent.sample(8, 128, seed), live[0].cpu().train()
        live = grown(*(network.cpu() for network in live))
        with torch.no_grad():
            assert torch.allclose(live[0].train()(z), upsampled(before(z)), atol=1e-4)
    recipe = StyleRecipe(r1=stylegan.R1[size], fade=plan.images // 2)
    config = Config("stylegan", epochs, 16, lr=stylegan.LR, betas=(0.0, 0.99), ema_half_life=2_000.0, seed=seed)
    folder = None if out is None else out / str(size)
    trainer = Trainer(StyleGAN(*live, recipe), shrunk(churches, size), config, folder)
    trainer.fit()
    stages[f"{size} pixels"] = latent.generate(trainer.averages["ema"].cpu(), latent.sample(8, 128, seed))

# %% tags=["nbval-ignore-output"]
both = [F.interpolate(x, size=64, mode="nearest") for x in stages.values()]
plots.show(
    plots.image_grid(torch.cat([*both, scale(churches.pixels[:8])]), 8),
    "11.2",
    "Eight z after two epochs at 16 pixels and, below, after one more at 32; and eight of the churches that both are trained on.",
    "Three rows: coarse squares of sky, ground and something dark; the same a little finer; churches.",
)

# %% [markdown]
# At the start the larger $G$ draws the smaller one's picture, enlarged: the cell asserts it. stylegan-churches, which the rest of the lesson looks at, was made so, in a longer run.

# %%
G = pretrained.load("stylegan-churches")
card = pretrained.card("stylegan-churches")
scores = list(card["files"].values())[-1]["scores"]
print(
    f"stylegan-churches: distance {scores['distance']:.1f} (of renders to renders {scores['floor']:.1f}), "
    f"{scores['kinds'] / scores['kinds_real']:.0%} of the kinds of church that as many renders show"
)
print("made by", *card["commands"][0].split(" && "), sep="\n  ")
plots.show(
    plots.image_grid(latent.generate(G, latent.sample(48, G.z_size, seed)), 12),
    "11.3",
    "48 samples of stylegan-churches, not picked: the first 48 z of this seed.",
    "Four rows of twelve churches in all lights and weathers, most with a tower, some with trees beside them.",
)

# %% [markdown]
# How much is due to which part? Five StyleGANs, each with one thing changed, and a DCGAN of as many parameters trained for about the same time on one core; two seeds each, 16,000 churches; short runs, of about ten minutes. *Distance* is the Fréchet distance of the church reader's features on 600 samples, *kinds* the share of kinds of church (plan and time of day, and the like) that as many
# renders show, *recall* the share of renders that have samples around them (lesson 05). (`python -m gancourse reproduce stylegan`.)
#
# **Predict** which change costs most.

# %%
NAMES = {
    "stylegan": "StyleGAN, as above",
    "adain": "AdaIN in place of scaled weights",
    "no-mixing": "no style mixing in training",
    "weak-r1": "R1 by StyleGAN2-ADA's rule",
    "not-grown": "64 pixels from the start",
    "dcgan": "DCGAN",
}
found = study("stylegan")


def rows_of(arm):
    """The rows of an arm, one a seed."""
    return [row for row in found["rows"] if row["arm"] == arm]


def values(arm, *path):
    """One number of each seed's row."""
    picked = rows_of(arm)
    for key in path:
        picked = [row[key] for row in picked]
    return picked


def spread(numbers, digits=1):
    """The mean of some numbers, and the lowest and the highest."""
    return f"{fmean(numbers):.{digits}f} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


if found:
    print(f"{'':34}{'distance':>22}{'kinds':>22}{'recall':>20}")
    for arm, name in NAMES.items():
        quality = [values(arm, "quality", column) for column in ("distance", "kinds", "recall")]
        cells = [f"{spread(q, 1 if i == 0 else 2):>{(22, 22, 20)[i]}}" for i, q in enumerate(quality)]
        print(f"{name:34}" + "".join(cells))

# %%
if found:
    shown = {NAMES[arm]: sheets.unpack(rows_of(arm)[0]["strip"])[:12] for arm in judged.SHOWN}
    plots.show(
        plots.image_grid(torch.cat(list(shown.values())), 12),
        "11.4",
        f"The first twelve z of seed 0 after about ten minutes. From top to bottom: {'; '.join(shown)}.",
        "Rows of twelve small churches.",
    )

# %% [markdown]
# [QUALITY PROSE]
#
# ## 11.8 Which layer holds what?
#
# Give a source the donor's $w$ in some layers. The network that reads our churches (lesson 04) says what it sees in source, donor and mixture. Where source and donor differ in a factor: how often does the mixture have the donor's value? Never is 0; and by chance it may have it too, when the mixture is simply another church. That chance is counted with another donor's styles, and subtracted.
#
# **Predict** for each factor whether coarse layers hold it (4 and 8 pixels a side), middle ones (16), or fine ones (32 and 64): the time of day, the weather, the stone, the plan, the side that the church is turned to.

# %%
LEVELS = ("4-8", "16", "32-")
table = mixing_table(G, church_reader.read, judged.groups(G), {"smoke": 30, "laptop": 300, "paper": 1000}[plan.profile])


def print_shares(share):
    """A table of groups of layers by factors; share(group, factor) -> text."""
    print(f"{'layers of':12}" + "".join(f"{factor:>11}" for factor in judged.READ))
    for group in judged.groups(G):
        name = {"4-8": "4 and 8", "32-": "32 and 64"}.get(group, group)
        print(f"{name:12}" + "".join(f"{share(group, factor):>11}" for factor in judged.READ))


# %% tags=["nbval-ignore-output"]
print("stylegan-churches: how often the mixture has the donor's value, beyond chance")
print_shares(lambda group, factor: f"{table[group][factor].donor - table[group][factor].chance:.2f}")
intervals = [m.interval for row in table.values() for m in row.values()]
print(f"\nhalf of a 95 % interval of the donor's share: at most {max(b - a for a, b in intervals) / 2:.2f}")

# %%
if found:
    for arm in ("stylegan", "no-mixing", "adain"):
        print(f"{NAMES[arm]}, mean of the seeds")
        print_shares(
            lambda group, factor, arm=arm: f"{fmean(m[1] - m[4] for m in values(arm, 'mixing', group, factor)):.2f}"
        )
        print()

# %% [markdown]
# [MIXING PROSE]

# %%
widgets.style_mixer(G)

# %% [markdown]
# ## 11.9 Is $w$ easier to read than $z$?
#
# If $w$ lies as the factors do, then a plane separates noon from night, and a linear classifier can tell the time of day from $w$. Karras et al. (2019, section 4.2) make a score of that. We fit a linear classifier to the values that the reader sees, on two thirds of the points, and count how often it is right on the rest. Controls: whoever always says the most frequent value; and
# $w$ of a mapping that has learned nothing.
#
# **Predict** which factors gain most from the mapping, if any.

# %%
if found:
    print(f"{'told rightly from':26}" + "".join(f"{factor:>9}" for factor in judged.READ))

    def told(arm, space, column="accuracy"):
        """Factor -> the mean over seeds of one column, where the classifier had two values to tell."""
        rows = values(arm, "planes", space)
        return {
            factor: fmean(row[factor][column] for row in rows if factor in row)
            if any(factor in row for row in rows)
            else math.nan
            for factor in judged.READ
        }

    lines = {
        "always the most frequent": told("stylegan", "z", "chance"),
        "StyleGAN's z": told("stylegan", "z"),
        "w, untrained mapping": told("stylegan", "untrained"),
        "StyleGAN's w": told("stylegan", "w"),
        "w, trained without mixing": told("no-mixing", "w"),
        "DCGAN's z": told("dcgan", "z"),
    }
    for name, line in lines.items():
        print(f"{name:26}" + "".join(f"{line[factor]:9.2f}" for factor in judged.READ))

# %% [markdown]
# [PLANES PROSE]
#
# A second ruler is the **path length** of lesson 06: how far the features move along a path from one church to another, in small steps, in $z$ along the sphere and in $w$ along a straight line (Karras et al. 2019, section 4.1).

# %%
if found:
    print(f"{'path length (mean, median)':34}{'in z':>24}{'in w':>24}")
    for arm in ("stylegan", "no-mixing", "adain", "dcgan"):
        rows = values(arm, "path_length")
        cells = [
            [row[space][0] / r["spread"] for row, r in zip(rows, rows_of(arm), strict=True)] if space in rows[0] else []
            for space in "zw"
        ]
        print(f"{NAMES[arm]:34}" + "".join(f"{spread(c, 2) if c else '':>24}" for c in cells))

# %% [markdown]
# ## 11.10 Is it easier to steer?
#
# An edit is a step: the mean of the latents whose pictures show night, less the mean of those that show noon. It is tried on fresh pictures at noon. *Done* is the share that then shows night; *kept* is the share of all other factors that stay as they were. Not all can stay: snow hides roofs, night hides stone. So *render* is what is kept when our renderer changes that one factor and nothing else. *Layers* is a step in $w$ too, but only
# in those layers that hold the factor by section 11.8. As a control, steps of the same length from shuffled pictures do it in the share of *by chance*.

# %%
if found:
    ceiling = next(row["ceiling"] for row in found["rows"] if "ceiling" in row)
    spaces = {
        ("dcgan", "z"): "DCGAN's z",
        ("stylegan", "z"): "StyleGAN's z",
        ("stylegan", "w"): "its w",
        ("stylegan", "layers"): "layers",
    }
    print(
        f"{'done / kept, step of 1':24}"
        + "".join(f"{name:>15}" for name in spaces.values())
        + f"{'by chance':>12}{'render':>9}"
    )
    for edit in judged.EDITS:
        cells, by_chance = [], []
        for arm, space in spaces:
            rows = [row[edit][1] for row in values(arm, "edits", space) if edit in row]
            by_chance += [row["by_chance"] for row in rows]
            cells.append(
                f"{fmean(r['done'] for r in rows):.2f} / {fmean(r['kept'] for r in rows):.2f}" if rows else "too few"
            )
        print(
            f"{edit:24}"
            + "".join(f"{cell:>15}" for cell in cells)
            + f"{fmean(by_chance) if by_chance else math.nan:12.2f}{ceiling[edit]:9.2f}"
        )

# %% [markdown]
# [EDITS PROSE]
#
# Name an edit, save it, and apply it to churches that it was not made from. The file says for which generator it was made, and is refused by any other.

# %% tags=["nbval-ignore-output"]
z = latent.sample({"smoke": 300, "laptop": 1500, "paper": 3000}[plan.profile], G.z_size, seed + 10)
read, w = church_reader.read(latent.generate(G, z)), w_of(G, z)
edits = []
for name, (factor, leave, reach) in judged.EDITS.items():
    have, want = (read[factor] == FACTORS[factor].index(value) for value in (leave, reach))
    if min(have.sum(), want.sum()) < 5:
        continue
    group = max(LEVELS, key=lambda level: table[level][factor].donor - table[level][factor].chance)
    step = torch.zeros(G.synthesis.n_styles, G.z_size)
    step[judged.groups(G)[group]] = w[want].mean(0) - w[have].mean(0)
    edits.append(Edit(name, 2, step, f"means of {int(want.sum())} and {int(have.sum())} w, in layers {group}"))
with tempfile.TemporaryDirectory() as folder:
    file = latent.edits.save(Path(folder) / "edits.safetensors", edits, G)
    kept = latent.edits.load(file, G)
fresh = latent.sample(200, G.z_size, seed + 11)
said = church_reader.read(latent.generate(G, fresh))
at_noon = fresh[
    (said["time"] == FACTORS["time"].index("noon")) & (said["weather"] == FACTORS["weather"].index("clear"))
][:8]
pictures = {"as drawn": latent.generate(G, at_noon)}
for name, edit in kept.items():
    if judged.EDITS[name][1] in ("noon", "clear"):
        pictures[name] = latent.edits.apply(G, at_noon, [(edit, 1.5)])
        print(f"{name}: {edit.about}")
plots.show(
    plots.image_grid(torch.cat(list(pictures.values())), len(at_noon)),
    "11.5",
    f"The first churches at a clear noon of 200 z, and three saved edits of them, one and a half times the step. From top to bottom: {'; '.join(pictures)}.",
    "Four rows of the same churches: at noon; at night; in snow; in fog.",
)

# %% [markdown]
# **P1's three sentences.** The rules were written down before the study ran.

# %%
if found:
    for row in claims.table():
        if "StyleGAN" in row["claim"]:
            rule = fill(f"Rule: {row['rule']}.", 110, subsequent_indent="  ")
            print(
                f"{row['claim']}: {row['verdict']}.",
                rule,
                *(fill(part, 110, subsequent_indent="    ") for part in row["measured"].split("; ")),
                "",
                sep="\n  ",
            )

# %% [markdown]
# ## 11.11 Quality against variety: truncation
#
# A $w$ far from the mean was seldom met in training, and its picture may be poor. Draw it in:
#
# $$ w' = \bar w + \psi\,(w - \bar w), \qquad \bar w = \mathbb E\,[f(z)]. \tag{11.4} $$
#
# With $\psi = 1$ nothing changes; with $\psi = 0$ all pictures are that of the mean.
#
# **Exercise: Truncation** (medium, 8 minutes). The mean is that of $w$, and not $f$ of the mean of $z$.


# %% tags=["exercise"]
def my_truncate(mapping, w, psi, n, rng, z_size):
    """w (B, d) drawn towards the mean of w over n draws of z, N(0, I) with z_size numbers: (B, d)."""
    ...  # your code


# %%
ex.truncate.check(my_truncate)

# %% tags=["nbval-ignore-output"]
w = w_of(G, latent.sample(8, G.z_size, seed))
drawn = [latent.generate_w(G, G.truncated(w, psi)) for psi in (1.0, 0.7, 0.5, 0.25, 0.0)]
off = G.mapping.w_mean - w_of(G, latent.sample(5000, G.z_size, seed + 1)).mean(0)
print(f"the running mean of training is {off.norm() / G.mapping.w_mean.norm():.1%} of its length from that of 5,000 w")
plots.show(
    plots.image_grid(torch.cat(drawn), 8),
    "11.6",
    "Eight churches with psi 1, .7, .5, .25 and 0, from top to bottom.",
    "Five rows of eight churches that grow more and more alike; in the last row all are the same.",
)

# %%
if found:
    print(f"{'psi':>6}" + "".join(f"{column:>22}" for column in ("distance", "precision", "recall", "kinds")))
    for i, psi in enumerate(judged.PSI):
        rows = [row[i] for row in values("stylegan", "truncation")]
        print(
            f"{psi:6.2f}"
            + "".join(
                f"{spread([row[c] for row in rows], 1 if c == 'distance' else 2):>22}"
                for c in ("distance", "precision", "recall", "kinds")
            )
        )

# %% [markdown]
# [TRUNCATION PROSE]
#
# ## 11.12 The $w$ of a picture
#
# A church that $G$ has not drawn is to be edited: find its $w$ first, as lesson 06 found $z$. `latent.from_w` brings $w$ to a form in which its numbers are about normal, so that the same search works.

# %% tags=["nbval-ignore-output"]
targets = scale(procedural_churches(6, 64, judged.SEED_REAL)[0].pixels)
steps, restarts = {"smoke": (20, 1), "laptop": (150, 3), "paper": (400, 8)}[plan.profile]
inverted = {}
for name, model in {"z": G, "w": latent.from_w(G)}.items():
    result = latent.invert(model, targets, restarts=restarts, steps=steps, seed=seed)
    inverted[name] = latent.generate(model, result.z)
    print(
        f"found in {name}: mean squared error {result.error.mean():.4f} ({result.error.min():.4f} to {result.error.max():.4f})"
    )
means = (targets - targets.mean((2, 3), keepdim=True)).square().mean()
print(f"an even colour, that of each picture's mean, has {means:.4f}")
plots.show(
    plots.image_grid(torch.cat([targets, *inverted.values()]), 6),
    "11.7",
    "Six churches that G has never seen, and what the search finds for them: in z, and in w.",
    "Three rows of six churches: sharp ones; churches of like colours and other shapes; and again.",
)

# %% [markdown]
# [INVERSION PROSE]
#
# ## 11.13 What does the noise move?
#
# Draw one layer's noise again and again while all else stays: by how much does each pixel change? **Predict**: which layer's noise moves most, and what?

# %%
moved = noise_shares(G, 16, {"smoke": 2, "laptop": 8, "paper": 8}[plan.profile])
strengths = [layer.strength.item() for layer in G.synthesis.convolutions]

# %% tags=["nbval-ignore-output"]
for i, side in enumerate(G.synthesis.noise_sides):
    print(
        f"noise {i + 1}, {side:2} pixels a side, strength {strengths[i]:+.3f}: {moved[i].square().mean().sqrt() * 127.5:5.2f} levels of 255"
    )
print(f"all at once:                          {moved[-1].square().mean().sqrt() * 127.5:5.2f}")
top = max(part.max() for part in moved)
heat = torch.stack([part / top for part in moved])[:, None] * 2 - 1
plots.show(
    plots.image_grid(F.interpolate(heat, size=64, mode="nearest"), 5),
    "11.8",
    "What each noise moves, the mean over 16 churches; last: all at once. White is the largest.",
    "Ten squares, most nearly black; in some of them the place of the church can be made out.",
)

# %% [markdown]
# [NOISE PROSE]
#
# ## 11.14 What do published versions get wrong?
#
# **Exercise: The bug hunt** (hard, 20 minutes). `print(ex.published_style_layer())` shows a layer of the first StyleGAN in the manner of published code. It runs, and it learns; but an image looks different beside other images than alone, at the beginning there is little but noise, and mixing styles does not do what it should. Four things are wrong. Write it right; names and shapes of the parameters, the order of the parts, LeakyReLU(0.2), the variance over n and $10^{-8}$ stay.

# %%
print(ex.published_style_layer())


# %% tags=["exercise"]
def my_bug_hunt(inputs, outputs, w_size):
    """The repaired layer, a Module: layer(x, w, noise), (B, inputs, H, W) -> (B, outputs, H, W)."""
    ...  # your code


# %%
ex.bug_hunt.check(my_bug_hunt)

# %% [markdown]
# ## What we now know
#
# [SUMMARY]
#
# ## What we do not know yet
#
# - What longer runs would do: Karras et al. show their networks millions of pictures, of which ours have seen some hundred thousand.
# - Whether the table of 11.8 is the same for other seeds of a long run: the study's runs are short, and stylegan-churches is one run.
# - What the path length penalty would change; it doubles the time of $G$'s steps.
#
# ## References
#
# - S. Ben Abdallah, *Adversarial Networks for Image Generation* (P1): section 3, on StyleGAN.
# - T. Karras, S. Laine, T. Aila, *A Style-Based Generator Architecture for Generative Adversarial Networks*, CVPR 2019, [arXiv:1812.04948](https://arxiv.org/abs/1812.04948): StyleGAN; mixing, separability, path length.
# - T. Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, CVPR 2020, [arXiv:1912.04958](https://arxiv.org/abs/1912.04958): StyleGAN2; scaled weights, lazy penalties, droplets.
# - T. Karras, T. Aila, S. Laine, J. Lehtinen, *Progressive Growing of GANs*, ICLR 2018, [arXiv:1710.10196](https://arxiv.org/abs/1710.10196): equal rates, growing, the spread of a batch.
# - T. Karras et al., *Training Generative Adversarial Networks with Limited Data*, NeurIPS 2020, [arXiv:2006.06676](https://arxiv.org/abs/2006.06676): StyleGAN2-ADA, whose code has the rule for R1.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which Training Methods for GANs do actually Converge?*, ICML 2018, [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): R1.
# - P. Zhu, R. Abdal, Y. Qin, J. Femiani, P. Wonka, *Improved StyleGAN Embedding: Where are the Good Latents?*, 2020, [arXiv:2012.09036](https://arxiv.org/abs/2012.09036): the standardised $w$.
