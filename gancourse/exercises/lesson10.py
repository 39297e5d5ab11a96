"""Exercises of notebook 10, enlarging pictures with SRGAN: `from gancourse.exercises import lesson10 as ex`."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from gancourse.exercises.checking import content as losses
from gancourse.exercises.checking import decibels, enlarging, srgan_listing
from gancourse.exercises.checking.engine import exercise
from gancourse.exercises.checking.imagenet import check_for_imagenet


@exercise(
    title="Decibels",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    The ruler of super-resolution is the peak signal-to-noise ratio, $10 \log_{10}(\text{peak}^2 / \text{MSE})$, where
    the peak is the largest difference that two pixels can have. `x` and `y` are pictures in $[-1, 1]$, (N, C, H, W).
    Return one number for each pair, (N,), with the mean square error over all pixels and channels of the pair.
    """,
    hints=(
        "How far is black from white in [-1, 1]? And how many numbers has the answer, for N pictures?",
        "The mean square error of each pair is `(x - y).square().mean((1, 2, 3))`; the peak is 2, and is squared.",
        "`10 * (4 / error).log10()`",
    ),
    check=decibels.check_psnr,
)
def psnr(x, y):
    """The PSNR of each pair of pictures in [-1, 1], both (N, C, H, W), in decibels: (N,)."""
    error = (x - y).square().mean((1, 2, 3))
    return -10 * (error / 4).log10()


@exercise(
    title="Decibels of brightness alone",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    Most published tables measure luma alone, $Y = 16 + 65.481\,R + 128.553\,G + 24.966\,B$ with $R, G, B$ in $[0, 1]$
    (BT.601 in studio swing: from 16 to 235), and a peak of 255. `x` and `y` are pictures in $[-1, 1]$, (N, 3, H, W).
    Return the PSNR of their luma, (N,). Predict first: is it higher or lower than that of all three channels?
    """,
    hints=(
        "In which range do the three channels have to be before they are weighted?",
        "`(x + 1) / 2` lies in [0, 1]. Weights of shape (3, 1, 1) multiply the channels, and `.sum(1)` adds them.",
        "`10 * (255**2 / error).log10()`, where the error is the mean square of the lumas' difference over (1, 2)",
    ),
    check=decibels.check_psnr_y,
)
def psnr_y(x, y):
    """The PSNR of the luma of each pair of pictures in [-1, 1], both (N, 3, H, W), in decibels: (N,)."""
    weights = torch.tensor([65.481, 128.553, 24.966]).view(3, 1, 1)
    luma_x, luma_y = (16 + (weights * (pictures + 1) / 2).sum(1) for pictures in (x, y))
    error = (luma_x - luma_y).square().mean((1, 2))
    return -10 * (error / 255**2).log10()


@exercise(
    title="PixelShuffle by hand",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    A convolution at the small size makes $r^2$ channels for each one that is wanted, and PixelShuffle lays them out:
    pixel $(h\,r + i,\ w\,r + j)$ of channel $c$ is the number at $(h, w)$ of channel $c\,r^2 + i\,r + j$. Return that,
    (B, C, H r, W r), of `x` (B, C r r, H, W), without `nn.PixelShuffle` and its function.
    """,
    hints=(
        "Of the three parts of a channel's number, c, i and j: which one changes slowest? What is that in a reshape?",
        "`x.reshape(B, C, r, r, H, W)` has the axes c, i, j, h, w after the first. Which order do the large "
        "picture's rows and columns ask for?",
        "`.permute(0, 1, 4, 2, 5, 3)` brings i behind h and j behind w; then one more reshape",
    ),
    check=enlarging.check_pixel_shuffle,
)
def pixel_shuffle(x, r):
    """x (B, C r r, H, W) -> (B, C, H r, W r), in the order of nn.PixelShuffle(r)."""
    B, channels, H, W = x.shape
    C = channels // r**2
    parts = x.reshape(B, C, r, r, H, W).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(B, C, H * r, W * r)


@exercise(
    title="What ImageNet's networks expect",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    A network of ImageNet was trained on pictures in $[0, 1]$, less a mean of $(.485, .456, .406)$ and divided by a
    standard deviation of $(.229, .224, .225)$, red, green and blue. Ours lie in $[-1, 1]$. Return them as it expects
    them, so that a gradient comes back through it.
    """,
    hints=(
        "What is black in our pictures, and what is it in those that the mean was taken of?",
        "First to [0, 1]. Then a mean of shape (3, 1, 1) fits pictures (B, 3, H, W); one of shape (3,) would not.",
        "`((x + 1) / 2 - mean) / std`, with `torch.tensor([...]).view(3, 1, 1)` for both",
    ),
    check=check_for_imagenet,
)
def for_imagenet(x):
    """Pictures (B, 3, H, W) in [-1, 1] as a network of ImageNet expects them, the same shape."""
    mean = torch.tensor([0.485, 0.456, 0.406], device=x.device).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], device=x.device).view(3, 1, 1)
    return ((x + 1) / 2 - mean) / std


@exercise(
    title="The distance of features",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    `features` turns pictures into a tuple of maps, of several sizes. Return the content loss: for each map the mean
    over all its numbers of the squared difference between the fake's and the truth's; these means added. $G$ learns
    through the fake. The truth's features need no graph, and must not have one (the network's weights ask for
    gradients here, as those of any loaded network).
    """,
    hints=(
        "How many times is `features` called, and which of the calls does G learn through?",
        "The truth's call stands under `torch.no_grad()`, the fake's does not. `zip` pairs their maps.",
        "`sum(F.mse_loss(f, t) for f, t in zip(features(fake), of_real))`",
    ),
    check=losses.check_content_loss,
)
def content_loss(features, fake, real):
    """The distance of features, a scalar; fake, real (B, 3, H, W), features: pictures -> a tuple of maps."""
    with torch.no_grad():
        of_real = features(real)
    return sum(F.mse_loss(f, t) for f, t in zip(features(fake), of_real, strict=True))


@exercise(
    title="What SRGAN's G pays",
    difficulty="easy",
    minutes=5,
    prompt=r"""
    $G$ pays for the content, and `weight` times for what $D$ says of its fakes, the mean of $-\log D(G(x))$ (Ledig et
    al. 2017, section 2.2, where it is a sum; the weight is $10^{-3}$). `content` is a scalar, `fake_logits` (B,) are
    $D$'s logits. Return the sum. $D$ may be very sure of a fake: nothing must overflow.
    """,
    hints=(
        "D is the sigmoid of its logit. What is -log of that, for a logit of -120, in float32?",
        "-log sigmoid(s) is softplus(-s), which PyTorch computes for any s.",
        "`weight * F.softplus(-fake_logits).mean()`, and the content",
    ),
    check=losses.check_generator_loss,
)
def generator_loss(content, fake_logits, weight):
    """What G minimises, a scalar; content: a scalar, fake_logits (B,): D's of the fakes, weight: a number."""
    return content + weight * F.softplus(-fake_logits).mean()


@exercise(
    title="A large picture in tiles",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    A large picture is enlarged tile by tile, so that memory does not grow with it. Along one side of `length` pixels,
    tiles of `tile` pixels cover it, and neighbours share at least `overlap` pixels (less than `tile`). Return the list
    of the tiles' starts, in order, as few as will do. No tile sticks out: the last one is moved back to end at the
    border. A picture no longer than a tile is a single one, `[0]`.
    """,
    hints=(
        "How far may the next tile begin behind one, at most? And where does the last one begin?",
        "Steps of tile - overlap, as long as a tile would end before the border; then one that ends at the border.",
        "`list(range(0, length - tile, tile - overlap))` are all but the last one",
    ),
    check=enlarging.check_tiles,
)
def tiles(length, tile, overlap):
    """Where tiles start that cover [0, length) and share `overlap` pixels at least: a list of ints, in order."""
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def published_srgan() -> str:
    """The listing of the exercise `bug_hunt`: code that runs, with bugs."""
    return srgan_listing.PUBLISHED


@exercise(
    title="The bug hunt",
    difficulty="hard",
    minutes=20,
    prompt=r"""
    `print(ex.published_srgan())` shows a step of SRGAN's $G$ in the manner of published code. It runs, and the loss
    falls; but $G$'s pictures come out with too much contrast, dark greys black and light ones white, and the
    features say little. Four things are wrong in `g_loss`, all of them about ranges, modes and graphs. Write it
    right. What was right is to stay: $G$ takes small pictures in $[0, 1]$ and ends in a tanh, $D$ knows pictures in
    $[-1, 1]$, the pixels are compared in $[-1, 1]$, and the weights are those of the listing.
    """,
    hints=(
        "Write down the range of each picture on each line: low, true, fake, and what `features` is given. What is the "
        "brightest value that a tanh has? And in which mode is a network that has just been loaded?",
        "`true` belongs in [-1, 1], where the fake is. Both of them go through ImageNet's mean and deviation on their "
        "way to `features`, and to nothing else. Which of the two calls of `features` needs a graph?",
        "`true = true / 127.5 - 1`; `features.eval()`; and `features(for_imagenet(true))` under `torch.no_grad()`",
    ),
    check=srgan_listing.check_bug_hunt,
)
def bug_hunt(net, D, features, low, true):
    """What G minimises, repaired; low, true: levels 0 to 255, uint8, (B, 3, h, w) and (B, 3, 4h, 4w)."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    low, true = low / 255, true / 127.5 - 1
    fake = torch.tanh(net(low))
    features.eval()
    with torch.no_grad():
        of_true = features(((true + 1) / 2 - mean) / std)
    of_fake = features(((fake + 1) / 2 - mean) / std)
    pixels = F.mse_loss(fake, true)
    content = sum(F.mse_loss(f, t) for f, t in zip(of_fake, of_true, strict=True))
    adversarial = F.softplus(-D(fake)).mean()
    return pixels + 0.006 * content + 0.001 * adversarial
