# %% [markdown]
# # 11 Styles in every layer: StyleGAN
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/11_stylegan.ipynb)
#
# Until now $z$ went into the first layer, and what it does there was found afterwards (lesson 06). StyleGAN tells *every* layer what to draw. P1 (section 3) says of it: "fine-grained control over image synthesis at different levels of detail", "separating the
# latent space from the image synthesis", "manipulation of attributes in a more interpretable way". Our churches' factors are known, so each of these sentences becomes a count.
#
# **What you will learn**
#
# - why $z$ is a poor place to steer from, and what a mapping to $w$ may do about it
# - to build the parts by hand: equal rates, styles as AdaIN and as scaled weights, noise, a blur, the spread of a batch
# - to write StyleGAN2's round by hand, with penalties that are taken seldom
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
from statistics import fmean

import torch
from torch.nn import functional as F

from gancourse import latent, models, plots, pretrained, widgets
from gancourse.course import claims, profiles, verdicts
from gancourse.course.studies.lesson11 import judged, stylegan
from gancourse.course.studies.runner import look_up as study
from gancourse.data import sheets
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.images import scale, unscale
from gancourse.evaluation import church_reader
from gancourse.evaluation.styles import mixing_table, noise_shares, separability, w_of
from gancourse.exercises import lesson11 as ex
from gancourse.models.equalised import EqualLinear, blur
from gancourse.models.growing import grown
from gancourse.models.stylegan import StyledConv, adaptive_instance_norm, demodulation
from gancourse.training import Config, StyleGAN, StyleRecipe, Trainer
from gancourse.training.penalties import r1_penalty
from gancourse.training.step import draw_z

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("11_stylegan", profile)
out = plan.folder(out)
print(plan)

# %% [markdown]
# ## 11.1 What is wrong with $z$?
#
# $z$ is drawn from a ball, whatever the data is. If no church has two towers in the fog at night, there is no hole in the ball for it: $G$ has to bend its map so that the place is filled with something else, and directions bend with it. A
# *learned* map from $z$ to a $w$ that has no prescribed distribution could undo the bending (Karras et al. 2019, section 4 and figure 6).
#
# That can be seen in the plane. The data below is a square with one corner missing, and its two coordinates are two factors. (a) is the data; (b) is what a ball becomes when it has to be filled; (c) is how straight lines of the factors look in the ball.
# [Figure: 2-D toy: the map from a disc to the L-shaped data by its rotations; build with theory.transport? TODO]
#
# **Predict** where a straight line "more of factor 1, the other kept" must bend most.
#
# ## 11.2 A mapping, and equal rates
#
# The mapping is a small MLP, $w = f(z)$. $z$ is first put on its sphere, $z / \sqrt{\tfrac1d \sum z_i^2}$, so that its length says nothing. Every layer is **equalised** (Karras et al. 2018): its parameter is drawn from $N(0, 1)$ and is divided by the
# root of the fan-in where it is used. Why not draw it smaller in the first place, as He et al. do? Because of Adam, which moves every parameter by about the learning rate, whatever its size: a layer of 9,216 inputs, with weights of
# about 0.01, would be turned upside down in a few steps in which a layer of 64 inputs hardly moves. The mapping learns a hundred times more slowly: its $w$ decides everything that follows.
#
# **Exercise: Equal rates** (easy, 6 minutes). Write the layer.


# %% tags=["exercise"]
def my_equal_linear(x, weight, bias, lr):
    """x (B, in) -> (B, out); weight (out, in) and bias (out,) are scaled where they are used, lr: a number."""
    ...  # your code


# %%
ex.equal_linear.check(my_equal_linear)

# %%
print(f"{'inputs':>8}{'plain: share of its size that a weight moves in a step':>58}{'equalised':>12}")
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
    print(f"{inputs:8,}{moved[0]:58.1%}{moved[1]:12.1%}")

# %% [markdown]
# ## 11.3 What is a style?
#
# A style is a pair of numbers for each feature map of a layer: how strong it is, and where its middle lies. The first StyleGAN normalised each map of each image and then gave it mean and spread from $w$ (**AdaIN**, Karras et al. 2019, equation 1):
#
# $$ \mathrm{AdaIN}(x_i, s) = (1 + s_i)\, \frac{x_i - \mu(x_i)}{\sigma(x_i)} + t_i, \qquad (s, t) = A w + a. \tag{11.1} $$
#
# The $1 +$ is not in the paper and is in its code: without it every map is almost switched off at the start.
#
# **Exercise: AdaIN** (medium, 8 minutes). Write (11.1).


# %% tags=["exercise"]
def my_adain(x, style):
    """x (B, C, H, W) with mean and spread by style (B, 2C), the scales and then the shifts: (B, C, H, W)."""
    ...  # your code


# %%
ex.adain.check(my_adain)

# %% [markdown]
# Normalising each map by what is in it forgets how strong it was beside the others, and the network learned to get round that with a droplet, one bright spot that pulls a map's mean (Karras et al. 2020, section 2). StyleGAN2 normalises by what is
# *expected* instead: it scales the weights that read map $i$ by $s_i$, and divides the weights of each output $j$ by their length,
#
# $$ w'_{ijk} = s_i\, w_{ijk}, \qquad w''_{ijk} = \frac{w'_{ijk}}{\sqrt{\sum_{i,k} (w'_{ijk})^2 + \epsilon}}. \tag{11.2} $$
#
# If the inputs have unit variance and are independent, so have the outputs. Each image has weights of its own.
#
# **Exercise: Weights of its own for each image** (medium, 10 minutes). Write (11.2).


# %% tags=["exercise"]
def my_modulate(weight, style):
    """weight (O, I, k, k), style (B, I) -> the weights of each image, (B, O, I, k, k)."""
    ...  # your code


# %%
ex.modulate.check(my_modulate)

# %% [markdown]
# The package never makes those weights. A convolution is linear, so scaling the *inputs* by $s$ and dividing the *outputs* by the length gives the same, with one ordinary convolution for the whole batch:

# %%
torch.manual_seed(seed)
layer = StyledConv(16, 8, w_size=12)
x, w = torch.randn(4, 16, 8, 8), torch.randn(4, 12)
style, weight = layer.affine(w), layer.weight * layer.scale
for i in range(4):
    own = weight * style[i, :, None, None]
    own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    slow = 2**0.5 * F.leaky_relu(F.conv2d(x[i : i + 1], own, padding=1) + layer.bias[:, None, None], 0.2)
    assert torch.allclose(layer(x, w, None)[i : i + 1], slow, atol=1e-5)
y = F.conv2d(torch.randn(4, 16, 64, 64) * style[:, :, None, None], weight) * demodulation(weight, style)[:, :, None, None]
print(f"styles from {style.min():.2f} to {style.max():.2f}; variance of the outputs {y.var((2, 3)).mean():.2f}")

# %% [markdown]
# ## 11.4 What is chance, and what is not?
#
# Leaves, clouds, snowflakes: where each of them lies does not matter. A generator that has to make such chance out of $z$ wastes capacity on it. StyleGAN gives every layer **noise**: one map $n \sim N(0, 1)$ for all channels of an image, times a strength that is learned and begins at 0, so that at first it does nothing.
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
# $G$ begins with a constant of 4 x 4 pixels that it has learned, the same for every picture. At each size two convolutions with styles and noise, of which the first doubles the size, and a ToRGB, which adds what it has to say to the picture so far, enlarged. $D$ goes the other way, in residual blocks, and before its last layers it is told how much
# the images of a group differ: a $G$ whose pictures are all alike is found out by that one number. Doubling and halving go with a **blur** by $[1, 3, 3, 1]$ (lesson 02's checkerboards!).

# %%
torch.manual_seed(seed)
G, D = models.networks("stylegan")
print(f"{models.count_parameters(G):,} parameters of G, {models.count_parameters(D):,} of D; {G.synthesis.n_styles} styles a picture")
print("styles by size:", judged.groups(G))

# %% [markdown]
# ## 11.6 The game
#
# The losses are Goodfellow's, on logits, as in lesson 02. $D$ also pays R1, $\tfrac\gamma2\,\mathbb E|\nabla D(x)|^2$ on real images (lesson 07). A gradient's gradient costs as much as all the rest of the step. StyleGAN2 takes it in a step of its own in every 16th round only, 16 times as heavy. That is as much in the sum; and Adam, which now makes 17 steps where it made 16, gets a
# rate and betas that make 17 steps go as far, and forget as fast, as 16 did.
#
# **Exercise: Seldom, but as much** (medium, 8 minutes).


# %% tags=["exercise"]
def my_lazy(k, lr, beta1, beta2, gamma):
    """(weight of E|grad D|^2 in its own step, rate, beta1, beta2), where R1 has one step every k rounds."""
    ...  # your code


# %%
ex.lazy.check(my_lazy)

# %% [markdown]
# In training nine of ten pictures get *two* $w$, one for the first layers and one for the rest, cut at a random layer. So no layer can rely on what another one was told. Layers from one, layers from another: that is all that style mixing is, also later, when we steer.
#
# **Exercise: Style mixing** (easy, 6 minutes).


# %% tags=["exercise"]
def my_mix(w_source, w_donor, first, last, n_styles):
    """w_source, w_donor (B, d) -> (B, n_styles, d): the donor's w in layers first to last, counted from 1."""
    ...  # your code


# %%
ex.mix.check(my_mix)

# %% [markdown]
# The whole round, by hand:

# %% tags=["nbval-ignore-output"]
# (as in tests/training/test_style.py: by_hand; assert bit-identical weights with the package)

# %% [markdown]
# ## 11.7 Small first
#
# Where a church stands and what the sky is like can be seen at 16 pixels, and there a step takes a quarter of the time and far fewer steps are needed. The first StyleGAN, as ProGAN before it, grew: 16, 32, 64. With a $G$ whose picture is a sum over sizes that is simple: the new layers begin with a ToRGB of 0. The new block of $D$ fades in over the old entrance.

# %% tags=["nbval-ignore-output"]
# live: stages of growing, dashboard / samples of each stage (figure 11.x: the same z at 16, 32, 64)

# %% [markdown]
# ## 11.8 Which layer holds what?
#
# Now the shipped generator. [mixing table: groups x factors, P(donor's value | values differ), interval; rule P1a]

# %%
widgets.style_mixer(pretrained.load("stylegan-churches"))

# %% [markdown]
# ## 11.9 Is $w$ easier to read than $z$?
#
# [separability in z and w per factor, two seeds, vs reader's error; DCGAN's z beside; path lengths]
#
# ## 11.10 Is it easier to steer?
#
# [edits: noon to night... done/kept in z, w, and DCGAN's z; edits saved and applied to any sample; chosen layers]
#
# ## 11.11 Quality against variety: truncation
#
# **Exercise: Truncation** (medium, 8 minutes).


# %% tags=["exercise"]
def my_truncate(mapping, w, psi, n, rng, z_size):
    """w (B, d) drawn towards the mean of w over n draws of z, N(0, I) with z_size numbers: (B, d)."""
    ...  # your code


# %%
ex.truncate.check(my_truncate)

# %% [markdown]
# ## 11.12 The $w$ of a picture
#
# [latent.invert(latent.from_w(G), render): error; edit the inverted church: dusk to night]
#
# ## 11.13 What does the noise move?
#
# [noise_shares figure]
#
# ## 11.14 What do published versions get wrong?


# %%
print(ex.published_style_layer())


# %% tags=["exercise"]
def my_bug_hunt(inputs, outputs, w_size):
    """The repaired layer, a Module: layer(x, w, noise), (B, inputs, H, W) -> (B, outputs, H, W)."""
    ...  # your code


# %%
ex.bug_hunt.check(my_bug_hunt)
