"""Every convolution of every network of the course, against float64: a program, so that a crash ends no test run.

`python tests/models/convolutions.py quick|large` computes each of them forward and both gradients, in both memory
formats, and in bfloat16 where a run would. It prints the layer that it is about to compute: what is printed last is
what the process died of. test_convolutions.py runs it under several instruction sets.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gancourse.models import Discriminator, Generator
from gancourse.models.projected import MIXED
from gancourse.models.stylegan import channels_at

LAYERS = (nn.Conv2d, nn.ConvTranspose2d)
# Every width that a profile, a study, a test or a notebook uses; test_convolutions.py reads them all and compares.
RESIDUAL = (2, 4, 8, 16, 32, 64)
P4 = (2, 4, 8, 16, 64)
CRITIC = (2, 4, 6, 64, 128)
TRANSLATORS = (4, 8, 16, 32)
ENLARGERS = (4, 8, 16, 32)
STYLEGAN = (4, 64)
DCGAN64 = (4, 18, 64)
GROWN = (8, 24, 32)
FACTORS_D = (4, 8, 16)
BIGGAN = (4, 32)
HEADS = (4, 8, 64)
DCGAN = (0.0625, 0.5, 1.0)
UP, DOWN = ("transposed 4", "transposed 3", "nearest"), ("strided", "pooling")
CHECKS_WITH_NETWORKS = {
    f"gancourse.exercises.checking.{name}"
    for name in (
        *("critics", "cycles", "instance_norm", "painting", "patches", "pix2pix_scene"),
        *("content", "enlarging", "srgan_listing"),
        *("orthogonality", "shortcuts", "standing_statistics"),
    )
}
QUICK_WORK = 30e6  # multiplications for one image; layers with more are "large" (P4's, at full width)


@dataclass
class Used:
    """A convolution as a network uses it."""

    layer: Any  # nn.Conv2d or nn.ConvTranspose2d
    shape: tuple[int, ...]  # of one input, (C, H, W)
    by: list[str] = field(default_factory=list)
    work: int = 0  # multiplications for one input

    def __str__(self) -> str:
        c, h, w = self.shape
        return f"{self.layer} of {c}x{h}x{w}, in {', '.join(self.by[:3])}" + (" ..." if len(self.by) > 3 else "")


def networks() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """(name, network, shape of one input), of every network with convolutions; shapes and no numbers (meta)."""
    from gancourse import models
    from gancourse.course.studies.small_dcgan import dcgan
    from gancourse.evaluation.church_reader import FactorReader
    from gancourse.evaluation.features import RandomNetwork
    from gancourse.evaluation.mnist_classifier import MNISTClassifier
    from gancourse.evaluation.segmenter import Segmenter
    from gancourse.evaluation.window_reader import WindowReader
    from gancourse.models.catalogue import networks as pair
    from gancourse.models.catalogue import options_of
    from gancourse.models.efficientnet import EfficientNetLite0

    def both(name: str, made: tuple[Generator, Discriminator]) -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
        G, D = made
        yield f"{name} G", G, (getattr(G, "z_size", models.Z_SIZE),)
        yield f"{name} D", D, D.image_shape

    with torch.device("meta"):
        for name in names():
            widths = {
                "stylegan": STYLEGAN,
                "residual": RESIDUAL,
                "critic": CRITIC,
                "dcgan64": DCGAN64,
                "dcgan128": P4,
                "dcgan128-grown": GROWN,
                "dcgan128-factors": GROWN,
                "dcgan128-clusters": P4,
            }.get(name, (64,))
            for width in widths if name != "biggan" else ():
                yield from both(f"{name} (width {width})", pair(name, **({"width": width} if options_of(name) else {})))
        for width_d in FACTORS_D:
            made = pair("dcgan128-factors", width=8, width_d=width_d)
            yield from both(f"dcgan128-factors (width_d {width_d})", made)
        for width in P4:
            yield (
                f"dcgan128 D with norm_first (width {width})",
                models.DCGAN128Discriminator(width, True),
                (3, 128, 128),
            )
        for width in CRITIC:
            for options in ({"channels": 3}, {"packing": 2}, {"channels": 3, "packing": 2}, {"deep": 1}):
                for norm_g in (False, True):  # without BatchNorm there are biases
                    made = pair("critic", width=width, norm_g=norm_g, **options)
                    yield from both(f"critic (width {width}, {options})", made)
        for part in DCGAN:
            for up, down in [*((up, "strided") for up in UP), *((UP[0], down) for down in DOWN)]:
                yield from both(f"small DCGAN (width {part}, {up}, {down})", dcgan(part, up, down))
        for width in TRANSLATORS:
            for size in (16, 64):
                yield f"U-Net (width {width})", models.UNet(width, size), (3, size, size)
            yield f"ResNet translator (width {width})", models.ResNetTranslator(width), (3, 64, 64)
            for channels in (3, 6):
                for norm in ("batch", "instance"):
                    for halvings in (1, 2, 3):
                        D = models.PatchDiscriminator(channels, width, halvings, norm)
                        yield f"patches ({channels} channels, width {width}, {halvings}, {norm})", D, (channels, 64, 64)
        for width in ENLARGERS:
            for norm in ("batch", "none"):  # without BatchNorm there are biases
                enlargers = models.enlargers(width, 1, norm=norm)
                yield f"SRResNet (width {width}, {norm})", enlargers["G"], (3, 16, 16)
                yield f"SRGAN's D (of width {width})", enlargers["D"], (3, 64, 64)
        yield from styled()
        yield from heads()
        for width in BIGGAN:
            for size in (28, 32):
                big = pair("biggan", width=width, size=size, spectral=0)
                yield f"BigGAN G (width {width})", big[0], (models.Z_SIZE,)
                # itself it wants a class
                yield f"BigGAN D (width {width})", nn.Sequential(*big[1].layers), big[1].image_shape
        lite0 = EfficientNetLite0()  # its layers: itself, it looks at the numbers of a picture
        yield "EfficientNet-Lite0", nn.Sequential(lite0.stem, *lite0.blocks, lite0.head), (3, 64, 64)
        yield "segmenter", Segmenter(), (3, 64, 64)
        yield "window reader", WindowReader(), (3, 24, 24)
        yield "MNIST classifier", MNISTClassifier(), (1, 28, 28)
        yield "church reader", FactorReader(), (3, 128, 128)
        yield "random features", RandomNetwork(1), (1, 28, 28)
        yield "random features", RandomNetwork(3), (3, 128, 128)


def styled() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """What StyleGAN's layers compute by functions, as layers: their weights are scaled before."""
    for width in STYLEGAN:
        for side in (4, 8, 16, 32, 64):
            now, lower = channels_at(side, width), channels_at(side // 2, width)
            alike = nn.Conv2d(now, now, 3, padding=1, bias=False)
            yield f"StyleGAN (width {width})", alike, (now, side, side)
            yield f"StyleGAN's picture (width {width})", nn.Conv2d(now, 3, 1), (now, side, side)
            yield (
                f"StyleGAN's blur (width {width})",
                nn.Conv2d(now, now, 4, padding=2, groups=now, bias=False),
                (now, side, side),
            )
            if side > 4:
                up = nn.ConvTranspose2d(lower, now, 3, stride=2, bias=False)
                yield f"StyleGAN, up (width {width})", up, (lower, side // 2, side // 2)
                blur = nn.Conv2d(now, now, 4, padding=2, groups=now, bias=False)
                yield f"StyleGAN's blur (width {width})", blur, (now, side + 1, side + 1)
                yield f"StyleGAN D (width {width})", nn.Conv2d(now, now, 3, padding=1), (now, side, side)
                yield f"StyleGAN D, down (width {width})", nn.Conv2d(now, lower, 3, stride=2), (now, side + 1, side + 1)
                yield (
                    f"StyleGAN D, skip (width {width})",
                    nn.Conv2d(now, lower, 1, bias=False),
                    (now, side // 2, side // 2),
                )
        yield f"StyleGAN D (width {width})", nn.Conv2d(3, channels_at(64, width), 1), (3, 64, 64)
        wide = channels_at(4, width)
        yield f"StyleGAN D, last (width {width})", nn.Conv2d(wide + 1, wide, 3, padding=1), (wide + 1, 4, 4)


def heads() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """The heads of a projected discriminator, without the division of their weights."""
    for width in HEADS:
        for channels, side in zip(MIXED, (16, 8, 4, 2), strict=True):
            name, inputs, small = f"projected head of {channels} (width {width})", channels, side
            while small > 4:
                yield name, nn.Conv2d(inputs, width, 4, 2, 1), (inputs, small, small)
                inputs, small = width, small // 2
            if inputs == channels:
                yield name, nn.Conv2d(inputs, width, 1), (inputs, small, small)
            yield name, nn.Conv2d(width + 1, width, 3, padding=1), (width + 1, small, small)
            yield name, nn.Conv2d(width, 1, small), (width, small, small)


def names() -> list[str]:
    """All pairs of the catalogue."""
    from gancourse.models.catalogue import NAMES

    return list(NAMES)


def collected() -> dict[str, Used]:
    """Each different convolution once: of the networks by a pass without numbers, of the exercises by checking them."""
    from gancourse.models import ToldDiscriminator
    from gancourse.models.factors import FactorDiscriminator

    found: dict[str, Used] = {}
    owner = [""]

    def see(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if not isinstance(layer, LAYERS) or not given or not isinstance(given[0], Tensor) or given[0].ndim != 4:
            return
        if isinstance(layer, nn.modules.lazy.LazyModuleMixin):
            return  # it has no numbers yet; it is met again as what it becomes
        shape = tuple(given[0].shape[1:])
        key = f"{type(layer).__name__} {layer} {shape}"
        used = found.get(key)
        if used is None:
            # the layer's own class, without its numbers: to the meta device before the copy, which then costs nothing
            plain = copy.deepcopy(layer).to("meta")
            if parametrize.is_parametrized(plain, "weight"):  # spectral norm: a weight that moves when it is read
                parametrize.remove_parametrizations(plain, "weight")
            found[key] = used = Used(plain, shape)
            used.work = work(used)
        if owner[0] not in used.by:
            used.by.append(owner[0])

    handle = nn.modules.module.register_module_forward_pre_hook(see)
    try:
        for name, network, shape in networks():
            owner[0] = name
            x = torch.empty(2, *shape, device="meta")
            told: tuple[torch.Tensor, ...] = ()
            if isinstance(network, ToldDiscriminator):  # else it would read the cluster's number off the pixels
                told = (torch.zeros(2, dtype=torch.long, device="meta"),)
            elif isinstance(network, FactorDiscriminator):
                told = (torch.zeros(2, 10, dtype=torch.long, device="meta"),)
            network.eval()(x, *told)
        for name, answer in answers():
            owner[0] = name
            answer()
    finally:
        handle.remove()
    return found


def answers() -> Iterator[tuple[str, Callable[[], object]]]:
    """Every right answer to an exercise that builds a network, or is given one, as a call that checks it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "exercises"))
    import importlib

    from gancourse.exercises.checking import engine

    for number in range(1, 100):
        try:
            lesson = importlib.import_module(f"gancourse.exercises.lesson{number:02}")
        except ModuleNotFoundError:
            return
        given = importlib.import_module(f"answers_lesson{number:02}")
        for key, exercise in engine.exercises(lesson).items():
            if "nn." not in exercise.source and exercise._check.__module__ not in CHECKS_WITH_NETWORKS:
                continue
            for answer in (exercise.reference() if exercise.value else exercise.reference, *given.RIGHT[key]):
                yield f"exercise {number:02} {key}", partial(exercise.check, answer)


def work(used: Used) -> int:
    weight, (_, h, w) = used.layer.weight, used.shape
    if isinstance(used.layer, nn.ConvTranspose2d):
        return weight.numel() * h * w
    sh, sw = used.layer.stride
    return weight.numel() * max(1, h // sh) * max(1, w // sw)


def errors(
    used: Used, batches: tuple[int, ...], ways: list[tuple[bool, bool]], rng: torch.Generator
) -> Iterator[tuple[str, float]]:
    """For each size of a batch and way (channels_last, bfloat16): its words, and the largest difference to float64.

    Of output and both gradients, each in parts of the largest true value. A smaller batch is the first part of the
    largest, which is as many such parts.
    """
    from gancourse.models.pointwise import without_faulty_kernel

    plain = copy.deepcopy(used.layer).to_empty(device="cpu")
    for value in plain.parameters():
        value.data = torch.empty(value.shape).normal_(0.0, value[0].numel() ** -0.5, generator=rng)
    x_all = torch.randn(max(batches), *used.shape, generator=rng)
    back_all, right = _in_float64(plain, x_all, min(batches), rng)
    for batch, (last, bfloat16) in itertools.product(batches, ways):
        order = torch.channels_last if last else torch.contiguous_format
        how = f"{'channels_last' if last else 'contiguous'}{', bfloat16' if bfloat16 else ''}, batch {batch}"
        print(f"{used}; {how}", flush=True)
        layer, x = copy.deepcopy(plain), x_all[:batch].clone(memory_format=order).requires_grad_()
        if last:  # as fast.Network prepares a network, whoever wrote the layer
            layer = without_faulty_kernel(layer).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext():
            y = layer(x)
        back = back_all[:batch]
        y.backward(back.to(y.dtype).contiguous(memory_format=order))
        pairs = list(zip([y, x.grad, *grads(layer)], right[batch], strict=True))
        # A bias's gradient is a sum that may lie near 0, and of few channels all may: it is measured by its usual size.
        usual = back.double().norm().item() / y.shape[1] ** 0.5
        least = [usual if b.ndim == 1 else 1e-12 for _, b in pairs]
        found = [
            ((a.double() - b).abs().max() / b.abs().max().clamp_min(low)).item()
            for (a, b), low in zip(pairs, least, strict=True)
        ]
        yield f"{used}; {how}", max(found)


def _in_float64(plain: nn.Module, x: Tensor, part: int, rng: torch.Generator) -> tuple[Tensor, dict[int, list[Tensor]]]:
    """A gradient for the layer's output, and its output and gradients in float64 by the number of images so far."""
    true = copy.deepcopy(plain).double()
    back, right = torch.empty(0), {}
    outputs: list[Tensor] = []
    slopes: list[Tensor] = []
    for start in range(0, len(x), part):
        x_true = x[start : start + part].double().requires_grad_()
        y_true = true(x_true)
        if not start:
            back = torch.randn(len(x), *y_true.shape[1:], generator=rng)
        y_true.backward(back[start : start + part].double())  # gradients of the weights add up
        assert x_true.grad is not None
        outputs.append(y_true.detach())
        slopes.append(x_true.grad)
        right[start + part] = [torch.cat(outputs), torch.cat(slopes), *(grad.clone() for grad in grads(true))]
    return back, right


def grads(layer: nn.Module) -> list[Tensor]:
    return [p.grad for p in layer.parameters() if p.grad is not None]


def main(which: str) -> None:
    from gancourse.models.fast import prefers_bfloat16

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    ways = [(False, False), (True, False)] + [(True, True)] * prefers_bfloat16(torch.device("cpu"))
    chosen = [u for u in collected().values() if (u.work > QUICK_WORK) == (which == "large")]
    wrong = []
    for used in chosen:
        for what, found in errors(used, (6, 3) if used.work < QUICK_WORK / 8 else (2,), ways, rng):
            if not found < (0.03 if "bfloat16" in what else 3e-5):
                wrong.append(f"{what}: wrong by {found:.1e} of the largest value")
    print(f"{len(chosen)} convolutions")
    print("\n".join(wrong) or "all right")


if __name__ == "__main__":
    main(sys.argv[1])
