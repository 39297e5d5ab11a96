"""Exercises of notebook 11, styles in every layer with StyleGAN: `from gancourse.exercises import lesson11 as ex`."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from gancourse.exercises.checking import latents, lazy_steps, modulation, noise, style_listing, styles
from gancourse.exercises.checking.engine import exercise


@exercise(
    title="Equal rates",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    Adam moves every weight by about its rate, however large the weight is. So that all layers change at an equal pace,
    StyleGAN keeps its weights at one size and scales them where they are used. `weight` (out, in) was drawn as
    $N(0, 1) / \text{lr}$, where `lr` is a number, 0.01 in the mapping; `bias` is (out,). What multiplies `x` (B, in)
    is $\text{weight} \cdot \text{lr} / \sqrt{\text{in}}$, and the bias counts `lr` times. Return the layer's
    outputs, (B, out), so that gradients reach weight and bias.
    """,
    hints=(
        "Which axis of the weight has one number for each input? And is the bias a sum over inputs, too?",
        "Two factors: one for the weight, with the root of `x.shape[1]` in it, and one for the bias, without.",
        "`F.linear(x, weight * (lr / math.sqrt(x.shape[1])), bias * lr)`",
    ),
    check=styles.check_equal_linear,
)
def equal_linear(x, weight, bias, lr):
    """x (B, in) -> (B, out); weight (out, in) and bias (out,) are scaled where they are used, lr: a number."""
    scale = lr / math.sqrt(x.shape[1])
    return F.linear(x, weight * scale, bias * lr)


@exercise(
    title="Weights of its own for each image",
    difficulty="medium",
    minutes=10,
    prompt=r"""
    In StyleGAN2 a style $s$ scales the weights of a convolution, one number for each *input* channel:
    $w'_{oikl} = s_i\,w_{oikl}$ (Karras et al. 2020, equation 1). Then the weights of each *output* channel are divided
    by their length, $w''_{oikl} = w'_{oikl} / \sqrt{\sum_{i,k,l} w'^2_{oikl} + 10^{-8}}$ (equation 3). `weight` is
    (O, I, k, k), and `style` (B, I) has a row for each image. Return the weights of all images, (B, O, I, k, k).
    """,
    hints=(
        "The answer has five axes. Which of them has the style, and where does the style need an axis of length 1?",
        "`style[:, None, :, None, None]` is (B, 1, I, 1, 1). The sum of squares belongs to one image and one output "
        "channel: it is over the other three axes.",
        "`own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()`, where own is weight times style",
    ),
    check=modulation.check_modulate,
)
def modulate(weight, style):
    """weight (O, I, k, k), style (B, I) -> the weights of each image, (B, O, I, k, k)."""
    own = weight * style[:, None, :, None, None]
    return own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()


@exercise(
    title="AdaIN",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    In the first StyleGAN a style sets each map's mean and spread. `x` is (B, C, H, W); `style` is (B, 2C), for each
    image first the C scales, then the C shifts. Return
    $(1 + \text{scale})\,\dfrac{x - \text{mean}}{\text{deviation}} + \text{shift}$, (B, C, H, W), with a mean and a
    deviation for each map of each image. The deviation is the root of the variance over n, not n - 1, plus $10^{-8}$.
    """,
    hints=(
        "How many means has a batch of B images with C maps each? And how many scales?",
        "Mean and variance are over the axes (2, 3), with `keepdim=True`. `style[:, :, None, None].chunk(2, 1)` gives "
        "the scales and the shifts, both (B, C, 1, 1).",
        "`(1 + scale) * (x - mean) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-8).sqrt() + shift`",
    ),
    check=modulation.check_adain,
)
def adain(x, style):
    """x (B, C, H, W) with mean and spread by style (B, 2C), the scales and then the shifts: (B, C, H, W)."""
    scale, shift = style[:, :, None, None].chunk(2, 1)
    mean = x.mean((2, 3), keepdim=True)
    variance = x.var((2, 3), unbiased=False, keepdim=True)
    return (1 + scale) * (x - mean) / (variance + 1e-8).sqrt() + shift


@exercise(
    title="Noise",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    What a style does not decide (which brick is darker) comes from noise that every layer adds. Return `x`
    (B, C, H, W) plus `strength` times noise, $N(0, 1)$ at every pixel of every image, and the same for all channels of
    an image: (B, 1, H, W). `strength` is one number, a learned one; `rng` is a `torch.Generator`, and the noise is
    drawn from it, anew in every call.
    """,
    hints=(
        "How many numbers have to be drawn, for B images of C channels?",
        "`torch.randn` takes a shape and a generator. An axis of length 1 fits any number of channels.",
        "`torch.randn(len(x), 1, *x.shape[2:], generator=rng)`, times the strength",
    ),
    check=noise.check_add_noise,
)
def add_noise(x, strength, rng):
    """x (B, C, H, W) + strength noise, the same noise for all channels; strength: a scalar, rng: a generator."""
    drawn = torch.randn(len(x), 1, *x.shape[2:], generator=rng)
    return x + strength * drawn


@exercise(
    title="Style mixing",
    difficulty="easy",
    minutes=6,
    prompt=r"""
    Every layer of the generator has a w of its own, so an image can have some layers' w from another one. `w_source`
    and `w_donor` are (B, d). Return one w for each of the `n_styles` layers, (B, n_styles, d): the donor's for the
    layers `first` to `last`, counted from 1, both included, and the source's for all others.
    """,
    hints=(
        "Layer 1 is the first one. At which index does it stand in the answer, and at which does layer `last`?",
        "First the source's w for every layer: an axis in the middle, and `repeat`. Then a slice gets the donor's.",
        "`mixed[:, first - 1 : last] = w_donor[:, None]`, where mixed is `w_source[:, None].repeat(1, n_styles, 1)`",
    ),
    check=latents.check_mix,
)
def mix(w_source, w_donor, first, last, n_styles):
    """w_source, w_donor (B, d) -> (B, n_styles, d): the donor's w in layers first to last, counted from 1."""
    mixed = w_source[:, None].repeat(1, n_styles, 1)
    mixed[:, first - 1 : last] = w_donor[:, None]
    return mixed


@exercise(
    title="Truncation",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    Images of a w that is far from the mean are often poor ones, so w is drawn towards it:
    $\text{mean} + \psi\,(w - \text{mean})$. The mean is that of w: estimate it from `n` vectors $z \sim N(0, I)$ of
    `z_size` numbers, drawn from the generator `rng` and put through `mapping`, (m, z_size) -> (m, d). It needs no
    graph, and must not have one. `w` is (B, d), and `psi` a number. Return the truncated w, (B, d).
    """,
    hints=(
        "Is the mean of w what the mapping makes of the mean of z? It would be, if the mapping were linear.",
        "n rows of z go through the mapping, under `torch.no_grad()`; the mean is over the rows of what comes out.",
        "`mean = mapping(torch.randn(n, z_size, generator=rng)).mean(0)`, then `mean + psi * (w - mean)`",
    ),
    check=latents.check_truncate,
)
def truncate(mapping, w, psi, n, rng, z_size):
    """w (B, d) drawn towards the mean of w over n draws of z, N(0, I) with z_size numbers: (B, d)."""
    with torch.no_grad():
        mean = mapping(torch.randn(n, z_size, generator=rng)).mean(0)
    return mean + psi * (w - mean)


@exercise(
    title="Seldom, but as much",
    difficulty="medium",
    minutes=8,
    prompt=r"""
    R1 adds $\frac{\gamma}{2}\,E|\nabla D|^2$ to $D$'s loss. It is slow, so StyleGAN2 takes it every `k` rounds only,
    in a step of its own, with a weight that makes up for the others. Then k rounds make k + 1 steps of Adam instead of
    k. Over k rounds they are to go as far, and to forget as much, as k would: the rate is multiplied by
    $k / (k + 1)$, and both betas are taken to that power. Return four numbers: the weight of $E|\nabla D|^2$ in the
    step of its own, the rate, and the two betas.
    """,
    hints=(
        "How often would the penalty have been added in k rounds? And what is left of an old gradient after k steps?",
        "After k steps beta^k is left of it. With which beta is the same left after k + 1 steps?",
        "With `c = k / (k + 1)`: the weight k gamma / 2, the rate lr c, and the betas `beta1**c`, `beta2**c`",
    ),
    check=lazy_steps.check_lazy,
)
def lazy(k, lr, beta1, beta2, gamma):
    """(weight of E|grad D|^2 in its own step, rate, beta1, beta2), where R1 has one step every k rounds."""
    c = k / (k + 1)
    return k * gamma / 2, lr * c, beta1**c, beta2**c


def published_style_layer() -> str:
    """The listing of the exercise `bug_hunt`: code that runs, with bugs."""
    return style_listing.PUBLISHED


@exercise(
    title="The bug hunt",
    difficulty="hard",
    minutes=20,
    prompt=r"""
    `print(ex.published_style_layer())` shows a layer of StyleGAN's generator in its first form, in the manner of
    published code. It runs, and it learns; but an image looks different beside other images than alone, at the
    beginning there is little but noise, and mixing styles does not do what it should. Four things are wrong. Copy the
    class, write it right, and return a layer of these sizes, `StyleLayer(inputs, outputs, w_size)`. The parameters keep
    their names and shapes, and what was right is to stay: the order of the parts, LeakyReLU(0.2), the variance over n,
    and 1e-8.
    """,
    hints=(
        "Give the layer two images, then change the second one, or its w. What should happen to the first one's "
        "answer? And what comes out where w is 0?",
        "Statistics belong to one map of one image. The affine's answer is (B, 2 outputs): cut it so that every image "
        "keeps its own row. A scale of 0 lets nothing pass, and noise is to begin with no strength at all.",
        "`torch.zeros(())`, statistics over `(2, 3)`, `self.affine(w)[:, :, None, None].chunk(2, 1)` and `(1 + scale)`",
    ),
    check=style_listing.check_bug_hunt,
)
def bug_hunt(inputs, outputs, w_size):
    """The repaired layer, a Module: layer(x, w, noise), (B, inputs, H, W) -> (B, outputs, H, W)."""

    class StyleLayer(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            self.strength = nn.Parameter(torch.zeros(()))
            self.bias = nn.Parameter(torch.zeros(outputs))
            self.affine = nn.Linear(w_size, 2 * outputs)
            nn.init.zeros_(self.affine.bias)

        def forward(self, x, w, noise):
            y = self.conv(x) + self.strength * noise
            y = F.leaky_relu(y + self.bias[:, None, None], 0.2)
            mean = y.mean((2, 3), keepdim=True)
            variance = y.var((2, 3), unbiased=False, keepdim=True)
            y = (y - mean) / (variance + 1e-8).sqrt()
            scale, shift = self.affine(w)[:, :, None, None].chunk(2, 1)
            return (1 + scale) * y + shift

    return StyleLayer()
