"""StyleGAN in small: z becomes w, and w tells every layer of a generator how strongly each channel counts.

The generator of StyleGAN2 (Karras et al. 2020, "Analyzing and improving the image quality of
StyleGAN"), with few channels; the first StyleGAN's way of styling, AdaIN (Karras et al. 2019, section 2), is an option
of the same file. Written for a CPU: no layer has weights of its own for each image, since scaling a layer's input and
output does the same, and the gain of an activation is put into the weights before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models.base import Generator, ShapeError, wide
from gancourse.models.equalised import EqualLinear, blur, no_autocast, upsampled

GAIN = math.sqrt(2)  # after LeakyReLU(0.2), about what keeps the variance (He et al. 2015)
SLOPE = 0.2
EPSILON = 1e-8
FIRST = 4  # pixels a side, of the constant that the generator begins with
_NOISE_SEED = 11


def unit(z: Tensor) -> Tensor:
    """z (B, d) divided by the root of its mean square: on the sphere of radius sqrt(d) (Karras et al. 2018, 4.2)."""
    z = wide(z)
    return z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()


class Mapping(nn.Module):
    """z (B, z_size) -> w (B, w_size): `layers` linear layers, each with LeakyReLU(0.2), at a hundredth of the rate.

    z is put on its sphere first (`unit`). Buffer: w_mean (w_size,), the mean of w over z, which training follows; 0
    before. (Karras et al. 2019, section 2 and appendix C.)
    """

    w_mean: Tensor

    def __init__(self, z_size: int, w_size: int, layers: int, lr: float = 0.01) -> None:
        super().__init__()
        sizes = [z_size] + [w_size] * layers
        self.layers = nn.ModuleList(EqualLinear(a, b, lr=lr, gain=GAIN) for a, b in pairwise(sizes))
        self.register_buffer("w_mean", torch.zeros(w_size))

    def forward(self, z: Tensor) -> Tensor:
        w = unit(z)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE)
        return w


def demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """1 / |w s| for each output channel: weight (O, I, k, k), style (B, I) -> (B, O) (Karras et al. 2020, eq. 3).

    What a layer's outputs are multiplied with so that they have unit variance, if its inputs have it.
    """
    with no_autocast(style.device.type):
        return (wide(style).square() @ wide(weight).square().sum((2, 3)).t() + EPSILON).rsqrt()


class StyledConv(nn.Module):
    """x (B, inputs, H, W) and w (B, w_size) -> (B, outputs, H, W), or twice that size: a layer of the generator.

    A 3x3 convolution whose input channels w has scaled, s = affine(w), and whose outputs are divided by |weight s|;
    noise; bias; LeakyReLU (Karras et al. 2020, figure 2d). adain: StyleGAN's first form instead: convolution, noise,
    bias, LeakyReLU, then every map gets mean and spread from w (Karras et al. 2019, equation 1). Noise has one strength
    a layer, 0 at the start: at first it does nothing.
    """

    def __init__(self, inputs: int, outputs: int, w_size: int, up: bool = False, adain: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.strength = nn.Parameter(torch.zeros(()))
        self.affine = EqualLinear(w_size, 2 * outputs) if adain else EqualLinear(w_size, inputs, bias=1.0)
        self.scale, self.up, self.adain = 1 / math.sqrt(9 * inputs), up, adain

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        style = self.affine(w)
        weight = self.weight * self.scale
        if self.adain:
            y = self._convolved(x, weight)
        else:
            y = self._convolved(x * style[:, :, None, None].to(x.dtype), weight)
        scale = style.new_full((1, 1), GAIN) if self.adain else GAIN * demodulation(weight, style)
        y = torch.addcmul((GAIN * self.bias)[:, None, None].to(y.dtype), y, scale[:, :, None, None].to(y.dtype))
        if noise is not None:
            y += (GAIN * self.strength * noise).to(y.dtype)
        y = F.leaky_relu_(y, SLOPE)
        return adaptive_instance_norm(y, style) if self.adain else y

    def _convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, padding=1)
        return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), gain=4.0, padding=1)


def adaptive_instance_norm(x: Tensor, style: Tensor) -> Tensor:
    """(1 + scale) (x - mean) / deviation + shift, of every map (Karras et al. 2019, eq. 1; the 1 + is its code's).

    x (B, C, H, W); style (B, 2 C), the scales and then the shifts -> as x.
    """
    scale, shift = style[:, :, None, None].to(x.dtype).chunk(2, 1)
    return F.instance_norm(x, eps=EPSILON) * (1 + scale) + shift


class ToRGB(nn.Module):
    """x (B, inputs, H, W) and w (B, w_size) -> what the layers so far add to the picture, (B, 3, H, W), float32.

    A 1x1 convolution, its input scaled by w, without demodulation (Karras et al. 2020, appendix B). adain: w is not
    looked at, as in StyleGAN's first form.
    """

    def __init__(self, inputs: int, w_size: int, adain: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine = None if adain else EqualLinear(w_size, inputs, bias=1.0)
        self.scale = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor | None) -> Tensor:
        if self.affine is not None and w is not None:
            x = x * self.affine(w)[:, :, None, None].to(x.dtype)
        return wide(F.conv2d(x, self.weight * self.scale, self.bias))


class Synthesis(nn.Module):
    """w, one for all layers (B, w_size) or one for each (B, n_styles, w_size) -> images (B, 3, size, size).

    Begins with a learned constant, 4 pixels a side; at every size the picture so far, enlarged, is added to by a ToRGB
    (Karras et al. 2020, section 4.1). Style i goes to convolution i, and to the ToRGB before it, if there is one; the
    last style to the last ToRGB. adain: a ToRGB has none, and so there is one style less. noise: one map
    (B or 1, 1, h, w) for each convolution (`draw_noise`); None for the maps that are the same for all images.
    In eval mode images are clamped to [-1, 1]; nothing else keeps them there. Raises ShapeError for w of another number
    of layers.
    """

    def __init__(self, size: int, width: int, w_size: int, adain: bool = False, noise: bool = True) -> None:
        super().__init__()
        self.size, self.noise, self.adain = size, noise, adain
        self.sizes = [FIRST * 2**i for i in range(int(math.log2(size // FIRST)) + 1)]
        wide = [channels_at(side, width) for side in self.sizes]
        self.constant = nn.Parameter(torch.randn(1, wide[0], FIRST, FIRST))
        convolutions = [StyledConv(wide[0], wide[0], w_size, adain=adain)]
        for before, now in pairwise(wide):
            convolutions += [StyledConv(before, now, w_size, True, adain), StyledConv(now, now, w_size, False, adain)]
        self.convolutions = nn.ModuleList(convolutions)
        self.to_rgb = nn.ModuleList(ToRGB(now, w_size, adain) for now in wide)
        rng = torch.Generator().manual_seed(_NOISE_SEED)
        for i, side in enumerate(self.noise_sides):
            stored = torch.randn(1, 1, side, side, generator=rng, device="cpu").to(self.constant.device)
            self.register_buffer(f"noise_{i}", stored, persistent=False)

    @property
    def n_styles(self) -> int:
        """How many w an image takes: one for each convolution, and one for the last ToRGB where those have styles."""
        return len(self.convolutions) + (not self.adain)

    @property
    def noise_sides(self) -> list[int]:
        """Pixels a side of each convolution's noise."""
        return [self.sizes[0]] + [side for side in self.sizes[1:] for _ in (1, 2)]

    @property
    def style_sides(self) -> list[int]:
        """Of each style the pixels a side of what its convolution makes; of the last ToRGB's, those of the picture."""
        return [*self.noise_sides, self.size][: self.n_styles]

    def stored_noise(self) -> list[Tensor]:
        """The noise that is the same for all images: for each convolution (1, 1, h, w)."""
        return [getattr(self, f"noise_{i}") for i in range(len(self.convolutions))]

    def draw_noise(self, n: int, rng: torch.Generator) -> list[Tensor]:
        """Noise N(0, 1) for n images: for each convolution (n, 1, h, w), on the generator's device."""
        return [torch.randn(n, 1, side, side, generator=rng, device=rng.device) for side in self.noise_sides]

    def forward(self, w: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        styles = w.unbind(1) if w.ndim == 3 else (w,) * self.n_styles
        if len(styles) != self.n_styles:
            raise ShapeError(
                f"w has {len(styles)} styles, expected {self.n_styles}: one for each layer, or (B, w_size)."
            )
        noise = self.stored_noise() if noise is None else noise
        maps: list[Tensor | None] = list(noise) if self.noise else [None] * len(self.convolutions)
        x = self.constant.expand(len(w), -1, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.convolutions[0](x, styles[0], maps[0])
        rgb_styles = [None] * len(self.to_rgb) if self.adain else styles[1::2]
        picture = self.to_rgb[0](x, rgb_styles[0])
        for i, to_rgb in enumerate(self.to_rgb[1:]):
            for j in (2 * i + 1, 2 * i + 2):
                x = self.convolutions[j](x, styles[j], maps[j])
            picture = upsampled(picture) + to_rgb(x, rgb_styles[i + 1])
        return picture if self.training else picture.clamp(-1, 1)


class EachLayer(nn.Module):
    """w (B, w_size) -> (B, n_styles, w_size): the same w for every layer, where an edit may change some of them."""

    def __init__(self, n_styles: int) -> None:
        super().__init__()
        self.n_styles = n_styles

    def forward(self, w: Tensor) -> Tensor:
        return w[:, None].expand(-1, self.n_styles, -1)


class StyleGenerator(Generator):
    """z (B, z_size) -> images (B, 3, size, size): a `Mapping` to w, then a `Synthesis` (Karras et al. 2019, 2020).

    .net: the mapping, `EachLayer`, the synthesis; so an edit (latent.edits) in layer 1 is one of w, in layer 2 one of
    the w of chosen layers.

    width: channels up to 16 pixels a side; half as many for each doubling after. size: pixels a side, a power of 2 from
    8. mapping: layers of the mapping. latent: numbers of z, and of w. adain: StyleGAN's first form of styling. noise:
    whether the layers have noise; without it, G is a function of w alone.
    Raises ValueError for a value out of range. In eval mode images are clamped to [-1, 1].

    Buffer: path_mean (), the running mean of path lengths that training keeps (`training.style`).
    """

    path_mean: Tensor

    def __init__(
        self, width: int = 64, size: int = 64, mapping: int = 4, latent: int = 128, adain: int = 0, noise: int = 1
    ) -> None:
        super().__init__()
        check_sizes(width, size)
        for name, value in (("mapping", mapping), ("latent", latent)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}, expected a whole number of at least 1.")
        self.z_size, self.image_shape = latent, (3, size, size)
        self.options = {
            "width": width, "size": size, "mapping": mapping, "latent": latent, "adain": int(adain), "noise": int(noise)
        }  # fmt: skip
        synthesis = Synthesis(size, width, latent, bool(adain), bool(noise))
        self.net = nn.Sequential(Mapping(latent, latent, mapping), EachLayer(synthesis.n_styles), synthesis)
        self.register_buffer("path_mean", torch.zeros(()))

    @property
    def mapping(self) -> Mapping:
        """z -> w."""
        mapping = self.net[0]
        assert isinstance(mapping, Mapping)
        return mapping

    @property
    def synthesis(self) -> Synthesis:
        """w -> images."""
        synthesis = self.net[-1]
        assert isinstance(synthesis, Synthesis)
        return synthesis

    def enter(self, z: Tensor) -> Tensor:
        return z

    def each_layer(self, w: Tensor) -> Tensor:
        """w (B, w_size) for every layer: (B, n_styles, w_size)."""
        styles: Tensor = self.net[1](w)
        return styles

    def truncated(self, w: Tensor, psi: float) -> Tensor:
        """w (..., w_size) drawn towards the mean: mean + psi (w - mean) (Karras et al. 2019, appendix B).

        psi 1 leaves w where it is; with psi 0 every image is that of the mean.
        """
        return torch.lerp(self.mapping.w_mean.to(w.dtype).expand_as(w), w, psi)


def channels_at(side: int, width: int) -> int:
    """Channels of a layer with so many pixels a side: width up to 16 pixels, then half as many for each doubling."""
    return max(1, min(width, 16 * width // side))


def check_sizes(width: int, size: int) -> None:
    """Raises ValueError for a width below 1 and a size that is no power of 2 from 8."""
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"width is {width!r}, expected a whole number of at least 1.")
    if not isinstance(size, int) or size < 8 or size & (size - 1):
        raise ValueError(f"size is {size!r}, expected a power of 2, 8 or more.")
