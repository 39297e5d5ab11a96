# %% [markdown]
# # 11 Styles in every layer: StyleGAN
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/11_stylegan.ipynb)
#
# Until now $z$ went into the first layer, and what it does there was found out afterwards (lesson 06). StyleGAN tells *every* layer what to draw. P1 (section 3) promises "fine-grained control over image synthesis at different levels of detail", by
# "separating the latent space from the image synthesis", and so the "manipulation of attributes in a more interpretable way". The factors of our churches are known: time of day, weather, stone, plan and more. So what each of these phrases promises can be counted.
#
# **What you will learn**
#
# - why $z$ is a poor place to steer from, and what a mapping to $w$ may do about it
# - to build the parts by hand: equal rates, styles as AdaIN and as scaled weights, noise, a blur, the spread of a batch
# - to write StyleGAN2's round by hand, with a penalty that is taken seldom
# - what the weight of that penalty decides
# - why it helps to begin with small pictures
# - to count which layers hold the time of day, the stone, the plan
# - whether $w$ is easier to read and to steer than $z$, in numbers
# - what truncation buys and costs, and how to find the $w$ of a picture
#
# **Time.** Some minutes on a processor; the plan cell below prints what was measured on your class of machine. The
# exercises come on top, each with its own estimate.
#
# | minutes, measured on | smoke | laptop | paper, estimated |
# | --- | ---: | ---: | ---: |
# | 2 cores without bfloat16 units (AVX2 only) | 0.2 | 1.8 | 26 minutes |
# | 2 cores with bfloat16 units | 0.2 | 1.6 | 22 minutes |

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
from statistics import fmean
from textwrap import fill

import torch
from torch.nn import functional as F

from gancourse import latent, models, plots, pretrained, widgets
from gancourse.course import claims, profiles
from gancourse.course.studies.lesson11 import judged, stylegan
from gancourse.course.studies.runner import look_up as study
from gancourse.data import sheets
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.degraded import shrunk
from gancourse.data.images import scale
from gancourse.evaluation import church_reader
from gancourse.evaluation.styles import mixing_table, noise_shares, w_of
from gancourse.exercises import lesson11 as ex
from gancourse.latent.edits import Edit
from gancourse.models.equalised import EqualLinear, blur, upsampled
from gancourse.models.growing import grown
from gancourse.models.style_discriminator import MinibatchDeviation
from gancourse.models.stylegan import StyledConv, adaptive_instance_norm, demodulation
from gancourse.training import Config, StyleGAN, StyleRecipe, Trainer, need_all
from gancourse.training.penalties import r1_penalty
from gancourse.training.step import draw_z
from gancourse.training.style import lazy

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("11_stylegan", profile, seed)
out = plan.folder(out)
print(plan)

# %% [markdown]
# ## 11.1 What is wrong with $z$?
#
# $z$ comes from a round cloud, whatever the data is. Suppose that no church has two towers in fog. The cloud has no hole for that: $G$ has to fill the place with something else, and whatever lies around it is bent. A *learned* map from $z$ to a $w$
# that may lie as it likes could undo the bending (Karras et al. 2019, section 4 and figure 6).
#
# In the plane this can be computed. Two factors $a$ and $b$ are uniform on the unit square without its upper right quarter. One map from a normal cloud to it takes $a$ from $z_1$ by its distribution, then $b$ from $z_2$ by its distribution given $a$:
#
# $$ a = F_a^{-1}(\Phi(z_1)), \qquad b = F_{b|a}^{-1}(\Phi(z_2)). \tag{11.1} $$
#
# $\Phi$ is the distribution function of $N(0, 1)$, $F_a$ that of $a$, and $F_{b|a}$ that of $b$ where $a$ is known. For $a < 1/2$, $b$ goes up to 1; beyond, only up to 1/2. **Predict**: in the plane of $z$, where do the points lie that have one and the same $b$, say 0.4?

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
assert math.isclose(jump, 1.095, abs_tol=1e-3)
plots.show(
    plots.plane(lines, "z1, which decides a", "z2", ["b = 0.4"]),
    "11.1",
    "Where one value of b lies in z. Who goes from left to right, to change a alone, has to step up where the empty quarter begins.",
    "Four level rows of dots, one above the other; at one place all four are shifted upwards, the upper ones by more.",
)

# %% [markdown]
# So a straight walk along $z_1$ changes $a$ and leaves $b$ alone only as far as the jump. Another map would bend elsewhere, but bend it must: if $a$ depended on one straight direction of $z$ alone, and $b$ on another, then every $a$ would meet every $b$, also in the empty quarter, for a normal cloud is nowhere empty. In the square itself a straight line
# changes $a$ alone, as far as there is data. So a $w$ that lies like the factors can be steered along straight lines, and a normal $z$ cannot, not for both factors. Whether training finds such a $w$ is another matter: sections 11.9 and 11.10 count it.
#
# ## 11.2 A mapping, and equal rates
#
# The **mapping** is a small MLP, $w = f(z)$. First $z$ is put on its sphere, $z / \sqrt{\tfrac1d \sum_i z_i^2}$, where $d$ is how many numbers it has, so that its length says nothing. Every layer has an **equalised rate** (Karras et al. 2018): its weights are drawn from $N(0, 1)$, and are divided by the
# root of the number of inputs where they are used. Why not draw them smaller in the first place, as is usual? Because of Adam. It moves every weight by about the learning rate, however large the weight is. Weights of about 0.01, of a layer of 9,216 inputs, can be turned over in five steps that hardly move those of a layer of 64 inputs.
#
# In the mapping each step is also to count a hundredth, for its $w$ decides all that follows. So its weights and biases are kept $1/\text{lr}$ times as large, with $\text{lr} = 0.01$, and are multiplied by lr where they are used.
#
# **Exercise: Equal rates** (easy, 6 minutes). Write the layer: `weight` is drawn from $N(0, 1) / \text{lr}$. Multiply it by $\text{lr} / \sqrt{\text{inputs}}$, and the bias by lr, and return the layer's outputs.


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
# $\mu$ is the mean over the pixels of the map, $\sigma$ the root of their variance (over $n$, not $n - 1$) plus $\epsilon = 10^{-8}$. $s_i$ and $t_i$ are one number each for a map; $A$ and $c$ are learned, for each layer its own, and $c$ begins at 0. The $1 +$ is not in the paper; it is in its authors' code. Without it the scales would lie round 0 at the start: half of the maps
# would change their sign, and many would be faint.
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
deviation = by_hand.std((2, 3), unbiased=False)
print("three maps of deviation .1, 1 and 10, in two images; after AdaIN they have |1 + s|:")
print(deviation, (1 + style[:, :3]).abs(), sep="\n")

# %% [markdown]
# What is lost? A map that was faint beside the others is as strong as they are: how strong it was *in this image* is gone. The authors suppose that the trained network found a way round that: a droplet, a spot in a feature map so strong that it alone sets the map's deviation. Without the normalisation the droplets are gone (Karras et al. 2020, section 2). StyleGAN2 normalises by what is
# *expected* instead of by what is there. It scales the weights $w_{oi}$ that read map $i$ by $s_i$, and divides the weights of each output $o$ by their length:
#
# $$ w'_{oikl} = s_i\, w_{oikl}, \qquad w''_{oikl} = \frac{w'_{oikl}}{\sqrt{\sum_{i,k,l} (w'_{oikl})^2 + \epsilon}}. \tag{11.3} $$
#
# ($k, l$ count the places of the kernel; $\epsilon$ as above.) Here $s = A w + c$ has one number for each map that goes *in*, and $c$ begins at 1: that takes the place of the $1 +$. If the inputs are independent with variance 1, each output has variance 1. Each image gets weights of its own.
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
        # LeakyReLU takes about half of the variance: the root of 2 gives it back
        slow = 2**0.5 * F.leaky_relu(F.conv2d(x[i : i + 1], own, padding=1) + layer.bias[:, None, None], 0.2)
        assert torch.allclose(layer(x[i : i + 1], w[i : i + 1], None), slow, atol=1e-5)
    maps = torch.randn(4, 16, 64, 64)
    y = F.conv2d(maps * style[:, :, None, None], weight) * demodulation(weight, style)[:, :, None, None]
print(f"styles from {style.min():.2f} to {style.max():.2f}; variance of the outputs {y.var((2, 3)).mean():.2f}")
assert abs(y.var((2, 3)).mean() - 1) < 0.1

# %% [markdown]
# ## 11.4 What is chance, and what is not?
#
# Where each snowflake lies and which brick is darker does not matter, and yet it has to lie somewhere. A generator that takes such chance out of $z$ wastes capacity on it. StyleGAN gives every convolution of $G$ **noise**: one map $n \sim N(0, 1)$ for all channels of an image, times a strength that is learned. (The first StyleGAN had one strength for each channel.) The strength begins at 0: at first the noise does nothing. When we look at pictures later, one draw of all noises is kept and is the same for all, so that one $z$ gives one picture.
#
# **Exercise: Noise** (easy, 6 minutes). Draw the noise from `rng`, one map an image, and add it to `x`.


# %% tags=["exercise"]
def my_add_noise(x, strength, rng):
    """x (B, C, H, W) + strength noise, the same noise for all channels; strength: a scalar, rng: a generator."""
    ...  # your code


# %%
ex.add_noise.check(my_add_noise)

# %% [markdown]
# ## 11.5 The two networks
#
# $G$ begins with a constant of 4 × 4 pixels, learned, and the same for every picture. At 4 pixels there is one convolution, at each larger size there are two, with styles and noise, of which the first doubles the size. Then a **ToRGB**, a 1 × 1 convolution that a style scales and nothing divides, makes red, green and blue of the maps and adds them to the picture so far, enlarged. A style goes to one convolution and to the ToRGB before it, if there is one there; the last style goes to the last ToRGB: nine convolutions, ten styles. As a style scales what goes *in*, the first of the two at a size scales maps of the size before.
#
# $D$ goes the other way, in residual blocks (lesson 03). Before its last layers it is told how much the images of a group of four differ: a $G$ whose pictures are all alike is given away by that one number. Feature maps that are doubled or halved are also blurred by $[1, 3, 3, 1]$, so that no checkerboard is left (lesson 03, section 3.2).

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
    differ = ((group - group.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
    assert torch.allclose(told[j::2, -1], differ.expand(4, 2, 2), atol=1e-5)
print("blur and the spread of a group: by hand and by the package the same")

# %% [markdown]
# ## 11.6 The game
#
# The losses are Goodfellow's, on logits, as in lesson 02. $D$ also pays R1 (lesson 07) on real images, $\tfrac\gamma2\,\mathbb E\,|\nabla D(x)|^2$. Here $\gamma$ says how much a slope costs. StyleGAN2-ADA's code takes $\gamma = 0.0002\,\text{size}^2 / \text{batch}$; with our batch of 16 that is 0.05 at 64 pixels. We found by trial that more is needed here: 1 at 64 pixels, 0.25 at 32 and 0.1 at 16. The study of section 11.7 has both.
#
# A gradient's gradient is dear: $D$ is gone through forwards, backwards, and backwards through both. So StyleGAN2 takes it only in every 16th round, in a step of its own, 16 times as heavy (Karras et al. 2020, section 3.1 and appendix B): in the sum that is as much. $D$'s Adam now makes 17 steps where it made 16,
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
# In training nine of ten pictures get *two* $w$: one for the first layers, another for the rest, cut at a random layer. So no layer can rely on what another one was told. Layers from one, layers from another is called **style mixing**; in section 11.8 it shows what a layer holds.
#
# **Exercise: Style mixing** (easy, 6 minutes). Give the donor's $w$ to layers `first` to `last`, both included, and the source's to all others.


# %% tags=["exercise"]
def my_mix(w_source, w_donor, first, last, n_styles):
    """w_source, w_donor (B, d) -> (B, n_styles, d): the donor's w in layers first to last, counted from 1."""
    ...  # your code


# %%
ex.mix.check(my_mix)

# %% [markdown]
# The whole round, by hand. In the cell R1 comes every fourth round, so that eight rounds have two of it; $G$ pays no penalty, and its Adam stays as it is. $G$ keeps a running mean of $w$ as it goes; section 11.11 needs it. (The package can also penalise how unevenly a step in $w$ changes the picture, the path length of Karras et al. 2020: `StyleRecipe(path_length=2.0)`. Ours leave it out.)


# %% tags=["nbval-ignore-output"]
def fakes(G, n, rng, mixing=0.9):
    """n pictures of fresh z and noise, and the w of their first layers."""
    w, other = (G.mapping(draw_z(G, n, rng)) for _ in range(2))
    layers = G.synthesis.n_styles
    mixed, where = torch.rand(2, n, generator=rng)  # is it mixed, and where is the cut?
    cut = 1 + (where * (layers - 1)).long().clamp(max=layers - 2)  # 1 to layers - 1, counted from 0
    first = torch.where(mixed < mixing, cut, layers)  # the first layer that has the other w
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
Trainer(StyleGAN(*theirs, StyleRecipe(r1=1.0, r1_every=4)), few, config, device="cpu").fit(progress=False, whole=True)
for one, other in zip(mine, theirs, strict=True):
    for by_hand, by_package in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(by_hand, by_package)
print("by hand and by the package: the same weights in both networks, bit for bit")

# %% [markdown]
# ## 11.7 Small first
#
# Where a church stands and what the sky is like can be seen at 16 pixels, and there a step takes a third to a quarter of the time. As ProGAN before it (Karras et al. 2018), the first StyleGAN grew, from 8 pixels to 1,024. StyleGAN2 no longer does: details that grew stick to places in the picture (Karras et al. 2020, section 4). We grow, from 16 to 64, to save time; whether that helps, an arm of the study will tell.
# Our $G$'s picture is a sum over sizes, so it can simply get one more term: the new layers begin with a ToRGB of 0. The new block of $D$ fades in over its old entrance, while a given number of images passes.
#
# Live, in short (at laptop): two epochs at 16 pixels, one at 32. The first churches should be colours of sky and grass with something on the horizon, no more. Broken would be: all samples alike, or $D$'s answers at 1 and 0.

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
    trainer.fit(whole=True)
    stages[f"{size} pixels"] = latent.generate(trainer.averages["ema"].cpu(), latent.sample(8, 128, seed))

# %% tags=["nbval-ignore-output"]
need_all(stages, 2)
both = [F.interpolate(x, size=64, mode="nearest") for x in stages.values()]
plots.show(
    plots.image_grid(torch.cat([*both, scale(churches.pixels[:8])]), 8),
    "11.2",
    f"Eight z after {plan.epochs} epoch{'s' * (plan.epochs > 1)} at 16 pixels and, below, after one more at 32; and eight of the churches that both are trained on.",
    "Three rows: coarse squares of sky, ground and something dark; the same a little finer; churches.",
)

# %% [markdown]
# At the start the larger $G$ draws the smaller one's picture, enlarged: the cell asserts it. stylegan-churches, which the rest of the lesson looks at, was grown so in longer runs.

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
# How much is due to which part? StyleGAN; four more, each with one thing changed; and a DCGAN that has as many parameters, $G$ and $D$ together. All are short runs on one core, of about equal time (eight to nine minutes where nothing else runs), with 16,000 churches: what computes less is shown more images. Beside them stand the same DCGAN, trained for twice as long, and stylegan-churches, which took an hour and a half. *Distance* is the Fréchet distance of the church reader's features on 600 samples (lower is better; on the card's 1,000 it comes out a little smaller), *kinds* the number of combinations of plan, stone, time and weather, as a share
# of what as many renders would show, *precision* the share of samples that have renders around them, *recall* that of renders that have samples around them (lesson 05). (`python -m gancourse reproduce stylegan`.)
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
    "dcgan-long": "DCGAN, long",
    "shipped": "stylegan-churches",
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


def each(numbers, digits=1):
    """Some numbers, one a seed, as text."""
    return ", ".join(f"{number:.{digits}f}" for number in numbers)


def images(arm):
    """How many training images its networks were shown, repeated ones too."""
    if arm == "shipped":
        return sum(stage["images"] for stage in card["stages"])
    row = rows_of(arm)[0]
    return sum(epochs for _, epochs, _ in row["stages"]) * row["images"]


if found:
    columns = {"distance": 1, "kinds": 2, "precision": 2, "recall": 2}
    print(f"{'one number a seed':34}{'images':>9}" + "".join(f"{column:>15}" for column in columns))
    for arm, name in NAMES.items():
        cells = (each(values(arm, "quality", column), digits) for column, digits in columns.items())
        print(f"{name:34}{images(arm):9,}" + "".join(f"{cell:>15}" for cell in cells))
    distance = {arm: values(arm, "quality", "distance") for arm in NAMES}
    assert min(distance["adain"] + distance["weak-r1"] + distance["not-grown"]) > max(distance["stylegan"])
    assert min(distance["dcgan"]) < min(distance["stylegan"]) and max(distance["dcgan"]) > max(distance["stylegan"])

# %%
if found:
    shown = {NAMES[arm]: sheets.unpack(rows_of(arm)[0]["strip"])[:12] for arm in judged.SHOWN}
    plots.show(
        plots.image_grid(torch.cat(list(shown.values())), 12),
        "11.4",
        f"The first twelve z of seed 0. From top to bottom: {'; '.join(shown)}.",
        "Four rows of twelve small churches: rough and ragged; blurred, many hardly more than an outline; clearer; and the clearest, most of them with a tower.",
    )

# %% [markdown]
# AdaIN, R1 by the rule of StyleGAN2-ADA's code, and 64 pixels from the start end further away than either StyleGAN; without mixing it is as near, or a little nearer. (Where there is one run, take it as a hint.) The two DCGANs lie on both sides of the two StyleGANs: in eight minutes nothing is decided between them, except that the StyleGANs end alike and the DCGANs do not.
# stylegan-churches is nearer than all, after more time than any of them; a DCGAN that trains for as long has not been run. What it still lacks is variety, by its recall.
#
# ## 11.8 Which layer holds what?
#
# Give a source the donor's $w$ in some layers. The network that reads our churches (lesson 04) says what it sees in source, donor and mixture. Where source and donor differ in a factor: how often does the mixture have the donor's value? A mixture that is simply another church may have it by chance, too. We count that chance with another donor's styles, and take it off: in the table 0 is no more than chance, and 1 is always. The last two rows put groups of layers together.
#
# **Predict** for each factor whether coarse layers hold it (4 and 8 pixels a side), middle ones (16), or fine ones (32 and 64): the time of day, the weather, stone, roof and plan, trees, the side that the church is turned to, the side that the light comes from (*sun*).

# %%
LEVELS = ("4-8", "16", "32-")
table = mixing_table(G, church_reader.read, judged.groups(G), {"smoke": 30, "laptop": 300, "paper": 1000}[plan.profile])


def beyond(donor, chance):
    """From chance, 0, to always, 1."""
    return (donor - chance) / (1 - chance)


def print_shares(share):
    """A table of groups of layers by factors; share(group, factor) -> text."""
    print(f"{'layers of':12}" + "".join(f"{factor:>11}" for factor in judged.READ))
    for group in judged.groups(G):
        name = {"4-8": "4 and 8", "32-": "32 and 64"}.get(group, group)
        print(f"{name:12}" + "".join(f"{share(group, factor):>11}" for factor in judged.READ))


# %% tags=["nbval-ignore-output"]
print("stylegan-churches: how far the donor's value goes from chance (0) to always (1)")
print_shares(lambda group, factor: f"{beyond(table[group][factor].donor, table[group][factor].chance):.2f}")
halves = [(b - a) / 2 for row in table.values() for a, b in (row[factor].interval for factor in judged.READ)]
print(f"\nhalf of a 95 % interval of a donor's share, before chance is taken off: at most {max(halves):.2f}")
right = church_reader.accuracies()
print("the reader is right, on renders:", ", ".join(f"{factor} {right[factor]:.2f}" for factor in judged.READ))

# %%
if found:
    for arm in ("stylegan", "no-mixing", "not-grown"):
        print(
            f"{NAMES[arm]}, short, {len(rows_of(arm))} seeds"
            if len(rows_of(arm)) > 1
            else f"{NAMES[arm]}, short, 1 seed"
        )
        print_shares(
            lambda group, factor, arm=arm: (
                f"{fmean(beyond(m[1], m[4]) for m in values(arm, 'mixing', group, factor)):.2f}"
            )
        )
        print()
    by_seed = {group: [beyond(m[1], m[4]) for m in values("stylegan", "mixing", group, "time")] for group in ("4", "8")}
    print("StyleGAN, time of day, seed by seed:", "; ".join(f"layers of {g}: {each(v, 2)}" for g, v in by_seed.items()))
    finer = [
        beyond(m[1], m[4])
        for row in found["rows"]
        if "mixing" in row
        for g in LEVELS[1:]
        for m in row["mixing"][g].values()
    ]
    print(f"layers of 16 pixels and more, all runs and factors: at most {max(finer):.2f}")
    assert max(finer) < 0.2

# %% [markdown]
# The layers of 4 and 8 pixels hold most of it. In stylegan-churches the time of day goes with their $w$ in nearly every mixture, and plan, weather, trees and the side that the church is turned to go two thirds of the way or more; stone, roof and the side of the light go only about a third of it. Those of 16 pixels and more hold none of our factors by themselves, in no run. So what decides the stone is not in one of these groups alone; more the table does not say. Karras et al. find pose in coarse layers of faces and colours in fine ones; with ours not even the colour of the stone goes with the fine ones. Growing is not the reason, for the run that began at 64 pixels does the same. Perhaps
# our factors are too large: each of them can be seen in a picture of 16 pixels. And *which* of the coarse layers holds one is an accident of the run, as the time of day shows.
#
# Without mixing in training the coarse layers hand over less. There one layer may rely on what another was told, and the mixture is a third church.

# %%
widgets.style_mixer(G)

# %% [markdown]
# ## 11.9 Is $w$ easier to read than $z$?
#
# If $w$ lies as the factors do, then a plane separates noon from night, and a linear classifier can tell the time of day from $w$. Karras et al. (2019, section 4.2) make a score of that. Of 1,800 pictures we keep, for each factor, the half of which the reader is surest, as in the paper. We fit a linear classifier to two thirds of these, and count on the rest how much more often it is right than a guess that always says the most frequent value. A control is $w$ of a mapping that has learned nothing. (300 pictures judge each classifier: in one seed, differences below about 0.06 are chance.)
#
# **Predict** which factors gain most from the mapping, if any.

# %%
if found:
    print(f"{'right, beyond most frequent':28}" + "".join(f"{factor:>9}" for factor in judged.READ))

    def told(arm, space):
        """Factor -> how much more often the classifier is right than whoever says the most frequent value of the same
        pictures, mean of the seeds."""
        rows = values(arm, "planes", space)
        gains = {
            factor: [row[factor]["accuracy"] - row[factor]["chance"] for row in rows if factor in row]
            for factor in judged.READ
        }
        return {factor: fmean(gain) if gain else math.nan for factor, gain in gains.items()}

    lines = {
        "StyleGAN's z": told("stylegan", "z"),
        "w of an untrained mapping": told("stylegan", "untrained"),
        "StyleGAN's w": told("stylegan", "w"),
        "w, trained without mixing": told("no-mixing", "w"),
        "DCGAN's z": told("dcgan", "z"),
        "stylegan-churches, z": told("shipped", "z"),
        "stylegan-churches, w": told("shipped", "w"),
        "DCGAN's z, long": told("dcgan-long", "z"),
    }
    for name, line in lines.items():
        print(f"{name:28}" + "".join(f"{line[factor]:9.2f}" for factor in judged.READ))
    for before, after in (("StyleGAN's z", "StyleGAN's w"), ("stylegan-churches, z", "stylegan-churches, w")):
        assert all(lines[after][factor] > lines[before][factor] for factor in judged.READ)
    assert fmean(lines["w of an untrained mapping"].values()) < 0.03

# %% [markdown]
# StyleGAN's $w$ is read better than its $z$, in every factor; the $w$ of a mapping that has learned nothing is not. So the mapping learns to undo some of the bending. Time of day and weather gain most. But DCGAN, which has no mapping, does not seem to bend as much: in the mean over the factors its $z$ is read nearly as well as StyleGAN's $w$ (0.19 against 0.22). Time of day, weather and the side of the light are read less well in it, and the side that the church is turned to far better.
#
# A second ruler is the **path length** of lesson 06: the mean squared speed of the reader's features on the way from one church to another, in $z$ along the sphere and in $w$ along a straight line (Karras et al. 2019, section 4.1). We divide it by the mean squared distance of two pictures of the same generator. A way that ran straight and evenly in the features would have 1, and a generator with little variety gains nothing.

# %%
if found:
    print(f"{'path length, one number a seed':34}{'in z':>22}{'in w':>22}")
    length = {}
    for arm in ("stylegan", "no-mixing", "adain", "dcgan", "shipped", "dcgan-long"):
        for space in "zw":
            rows = [row for row in rows_of(arm) if space in row["path_length"]]
            length[arm, space] = [row["path_length"][space][0] / row["spread"] for row in rows]
        print(f"{NAMES[arm]:34}{each(length[arm, 'z']):>22}{each(length[arm, 'w']):>22}")
    for arm in ("stylegan", "shipped"):
        assert all(w < z for z, w in zip(length[arm, "z"], length[arm, "w"], strict=True))
    assert max(length["dcgan", "z"]) < min(length["stylegan", "w"])

# %% [markdown]
# In $w$ the way is shorter than in $z$, by a third or more, as in the paper; in DCGAN's $z$ it is shorter still. A short way is no sign of quality: AdaIN has the shortest, and the worst pictures.
#
# ## 11.10 Is it easier to steer?
#
# An edit is a step: the mean of the latents whose pictures show night, less the mean of those that show noon. It is tried on fresh pictures at noon. *Done* is the share that then shows night; *kept* is the share of all other factors that stay as they were. Not all can stay: snow hides roofs, night hides stone. *Render* is what the reader keeps when our renderer changes that one factor and no other; its own errors are in it.
# The step is tried at half, once and one and a half times its length, and the table has the one at which the smaller of *done*, and of *kept* as a share of *render*, is largest. *Layers* is a step in $w$ too, but only in the group of layers that holds the factor best, by the same generator's table. *By chance*: how often a step of the same length does it that was made from the same latents with their pictures' values shuffled.
#
# **Predict** for which edit DCGAN's $z$ is as good.

# %%
if found:
    ceiling = next(row["ceiling"] for row in found["rows"] if "ceiling" in row)

    def best(row, edit):
        """The amount at which the smaller of done and of kept, as a share of what can be, is largest."""
        return max(row[edit], key=lambda one: min(one["done"], one["kept"] / ceiling[edit]))

    def print_edits(spaces):
        """A table of edits by latents; spaces: (arm, latent) -> its name."""
        heads = "".join(f"{name:>14}" for name in spaces.values())
        print(f"{'done / kept':22}{heads}{'by chance':>11}{'render':>8}")
        for edit in judged.EDITS:
            cells, by_chance = [], []
            for arm, space in spaces:
                rows = [best(row, edit) for row in values(arm, "edits", space) if edit in row]
                by_chance += [row["by_chance"] for row in rows]
                means = [fmean(row[column] for row in rows) for column in ("done", "kept")] if rows else []
                cells.append(" / ".join(f"{mean:.2f}" for mean in means) or "too few")
            chance = f"{max(by_chance):.2f}" if by_chance else ""
            print(f"{edit:22}" + "".join(f"{cell:>14}" for cell in cells) + f"{chance:>11}{ceiling[edit]:8.2f}")

    print("short runs, mean of the seeds; by chance: the largest of the row")
    short = {("dcgan", "z"): "DCGAN's z", ("stylegan", "z"): "StyleGAN's z", ("stylegan", "w"): "its w"}
    print_edits(short | {("stylegan", "layers"): "layers"})
    print("\nlong runs, one seed")
    long = {("dcgan-long", "z"): "DCGAN's z", ("shipped", "z"): "StyleGAN's z", ("shipped", "w"): "its w"}
    print_edits(long | {("shipped", "layers"): "layers"})

# %% [markdown]
# In ten of the twelve rows a step in $w$ does what it says more often than one in the same generator's $z$, mostly by a little, and keeps about as much; the rule below does not decide it. Nothing keeps much when night falls: by the reader the church is another one then, where *render* says that it need not be. A step in the layers that hold a factor does nearly what one in all layers does, for those layers hold most of it; in the short runs fog and trees lose by it. And DCGAN's $z$ is no worse: it turns churches and makes snow with less harm to the rest.
#
# Name an edit, save it, and apply it to churches that it was not made from. The file says for which generator it was made; any other generator refuses it.

# %% tags=["nbval-ignore-output"]
z = latent.sample({"smoke": 300, "laptop": 1500, "paper": 3000}[plan.profile], G.z_size, seed + 10)
read, w = church_reader.read(latent.generate(G, z)), w_of(G, z)
edits = []
for name, (factor, leave, reach) in judged.EDITS.items():
    have, want = (read[factor] == FACTORS[factor].index(value) for value in (leave, reach))
    if min(have.sum(), want.sum()) < 5:
        continue
    group = max(LEVELS, key=lambda level: beyond(table[level][factor].donor, table[level][factor].chance))
    step = torch.zeros(G.synthesis.n_styles, G.z_size)
    step[judged.groups(G)[group]] = w[want].mean(0) - w[have].mean(0)
    # 2: after the mapping, and after w was copied for every layer
    edits.append(Edit(name, 2, step, f"means of {int(want.sum())} and {int(have.sum())} w, in layers {group}"))
with tempfile.TemporaryDirectory() as folder:
    file = latent.edits.save(Path(folder) / "edits.safetensors", edits, G)
    kept = latent.edits.load(file, G)
    try:
        latent.edits.load(file, trainer.averages["ema"])  # the live run's
    except latent.edits.EditError as error:
        print(fill(f"refused: {str(error).replace(folder, '')}", 100))
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
    "Four rows of six churches: at noon; in fog; in snow; at night. Below the first row many have become other churches, most of all at night.",
)

# %% [markdown]
# **P1's three sentences.** The second is true by the way the network is built: a mapping, then a synthesis. What can be counted is what that is for, whether $w$ lies nearer to the factors than $z$. The third speaks of interpreting; we count whether an edit does what it says and leaves the rest. The rules were written down before the study's first result; the first of them was made fairer to factors of two values after one of twelve runs was done, which changed no verdict of that run. All our factors are large things: none of them names what fine layers may draw, such as grain and edges, so the first rule cannot see that.

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
# With $\psi = 1$ nothing changes; with $\psi = 0$ all pictures are that of the mean (Karras et al. 2019, appendix B).
#
# **Exercise: Truncation** (medium, 8 minutes). The mean is that of $w$, and not $f$ of the mean of $z$. Take it over `n` draws, without a graph.


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
print(
    f"the mean of w that training kept differs from that of 5,000 w by {off.norm() / G.mapping.w_mean.norm():.1%} of its length"
)
plots.show(
    plots.image_grid(torch.cat(drawn), 8),
    "11.6",
    "Eight churches with psi 1, .7, .5, .25 and 0, from top to bottom.",
    "Five rows of eight churches that grow more and more alike; in the last row all are the same.",
)

# %%
if found:
    columns = {"distance": 1, "precision": 2, "recall": 2, "kinds": 2}
    for arm in ("stylegan", "shipped"):
        print(f"{NAMES[arm]}\n{'psi':>6}" + "".join(f"{column:>16}" for column in columns))
        for i, psi in enumerate(judged.PSI):
            rows = [row[i] for row in values(arm, "truncation")]
            cells = (each([row[column] for row in rows], digits) for column, digits in columns.items())
            print(f"{psi:6.2f}" + "".join(f"{cell:>16}" for cell in cells))

# %% [markdown]
# Precision rises, recall and kinds fall to nothing, and the distance grows all the way: our generators lack variety more than quality, and truncation gives away the variety that they have. It may make a page of samples look better, as it does in print; by the distance it never pays here.
#
# ## 11.12 The $w$ of a picture
#
# Before you can edit a church that $G$ has not drawn, you need its $w$; lesson 06 found a $z$ in the same way. `latent.from_w` brings $w$ to a form in which its numbers are about normal, so that the same search works (Zhu et al. 2020: the last LeakyReLU is undone, then mean and covariance are taken out).

# %% tags=["nbval-ignore-output"]
targets = scale(procedural_churches(4, 64, judged.SEED_REAL)[0].pixels)
steps, restarts = {"smoke": (20, 1), "laptop": (300, 3), "paper": (400, 8)}[plan.profile]
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
    plots.image_grid(torch.cat([targets, *inverted.values()]), 4),
    "11.7",
    "Four churches that G has never seen, and what the search finds for them: in z, and in w.",
    "Three rows of four churches: sharp ones; churches of like colours and other shapes; and again.",
)

# %% [markdown]
# Colours and light are found, and mostly where the church stands; the church itself is another one, or a smear. Given enough steps, as at laptop, the search in $w$ ends nearer than that in $z$, in the mean over these four pictures; with a third of the steps it ended further away. Four pictures are few, and by the eye it is hard to say which row is nearer.
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
    "Ten squares. Eight are black or nearly so; the eighth and the last, which are alike, are grainy all over.",
)

# %% [markdown]
# Training has left nearly all of the strengths where they began, at 0, and uses one of them, at 64 pixels: chance in these pictures is grain. What else is chance in a render, clouds and snowflakes, $G$ takes out of $w$.
#
# ## 11.14 What can go wrong in a layer?
#
# **Exercise: The bug hunt** (hard, 20 minutes). `print(ex.published_style_layer())` shows a layer of the first StyleGAN in the manner of published code. It runs, and it learns; but an image looks different beside other images than alone, at the beginning there is much noise, and mixing styles does not do what it should. Four things are wrong. Copy the class into your function, repair it, and return `StyleLayer(inputs, outputs, w_size)`; names and shapes of the parameters, the order of the parts, LeakyReLU(0.2), the variance over n and $10^{-8}$ stay.

# %%
print(ex.published_style_layer())


# %% tags=["exercise"]
def my_bug_hunt(inputs, outputs, w_size):
    """The repaired layer, a Module: layer(x, w, noise), (B, inputs, H, W) -> (B, outputs, H, W)."""
    ...  # your code


# %%
ex.bug_hunt.check(my_bug_hunt)

# %% [markdown] tags=["progress"]
# ## What you have passed
#
# Run this cell at any time, also on another day: it lists which exercises of this lesson are passed and which are open.

# %% tags=["progress"]
from gancourse.exercises import progress

progress("11")

# %% [markdown]
# ## What we now know
#
# The mapping gives StyleGAN a $w$ that is easier to read than its $z$, in every factor and every run. But in our runs a DCGAN of as many parameters and equal time has a $z$ that reads and steers about as well. Of the layers, those of 4 and 8 pixels hold most of what our churches differ in, if styles were mixed in training, though stone and roof only in part; the finer ones hold none of it by themselves. What decided most in our short runs was that styles scale weights, instead of AdaIN, and that training began with small pictures; the weight of R1 came after them.
#
# ## What we do not know yet
#
# - What longer runs would do: Karras et al. show their networks tens of millions of pictures.
# - Whether the table of 11.8 is the same for other seeds of a long run: the study's runs are short, and stylegan-churches is one run. And whether a DCGAN that trains for an hour and a half is nearer than it.
# - What the path length penalty would change: we have not run it.
#
# ## References
#
# - S. Ben Abdallah, *Adversarial Networks for Image Generation* (P1): section 3, on StyleGAN.
# - T. Karras, S. Laine, T. Aila, *A Style-Based Generator Architecture for Generative Adversarial Networks*, CVPR 2019, [arXiv:1812.04948](https://arxiv.org/abs/1812.04948): StyleGAN; mixing, separability, path length.
# - T. Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, CVPR 2020, [arXiv:1912.04958](https://arxiv.org/abs/1912.04958): StyleGAN2; scaled weights, lazy penalties, droplets.
# - T. Karras, T. Aila, S. Laine, J. Lehtinen, *Progressive Growing of GANs for Improved Quality, Stability, and Variation*, ICLR 2018, [arXiv:1710.10196](https://arxiv.org/abs/1710.10196): equal rates, growing, the spread of a batch.
# - T. Karras et al., *Training Generative Adversarial Networks with Limited Data*, NeurIPS 2020, [arXiv:2006.06676](https://arxiv.org/abs/2006.06676): StyleGAN2-ADA, whose code has the rule for R1.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which Training Methods for GANs do actually Converge?*, ICML 2018, [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): R1.
# - P. Zhu, R. Abdal, Y. Qin, J. Femiani, P. Wonka, *Improved StyleGAN Embedding: Where are the Good Latents?*, 2020, [arXiv:2012.09036](https://arxiv.org/abs/2012.09036): the standardised $w$.
