"""What is measured of two translators, there and back: against true pairs, inside windows, and of what they hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies import translations
from gancourse.data import sheets
from gancourse.data.churches.tasks import true_pairs, unpaired
from gancourse.data.images import scale, unscale
from gancourse.evaluation.smuggling import told
from gancourse.evaluation.translation import colour_transfer, error_inside, psnr, read_enlarged, ssim

N_SHOWN = 6
NOISE = 2  # levels of 255, of the noise that a hidden message does not survive
KEPT = {"dusk": ("plan", "stone", "roof"), "snow": ("plan", "stone")}  # factors that a translation should keep
Translator = Callable[[Tensor], Tensor]


def translators_of(networks: Mapping[str, nn.Module]) -> tuple[Translator, Translator]:
    """There and back: pictures (N, 3, H, W) in [-1, 1] -> such, by G_ab and by G_ba, in eval mode."""
    there = partial(translations.translated, networks["G_ab"])
    return there, partial(translations.translated, networks["G_ba"])


def scored(made: Tensor, true: Tensor, maps: Tensor, factors: dict[str, Tensor], task: str) -> dict[str, float]:
    """Pictures (n, 3, 64, 64) in [-1, 1] beside what they should have been: PSNR, SSIM, L1 and that inside windows.

    L1 in levels of 255. For every factor of KEPT the share of churches in which it is read rightly.
    """
    read = read_enlarged(made)
    found = {
        "psnr": psnr(made, true).clamp(max=60).mean().item(),
        "ssim": ssim(made, true).mean().item(),
        "l1": (made - true).abs().mean().item() * 127.5,
        "windows": error_inside(made, true, maps, "window"),
        **{name: (read[name] == factors[name]).double().mean().item() for name in KEPT[task]},
    }
    return {name: round(value, 4) for name, value in found.items()}


def both_ways(there: Translator, back: Translator, task: str, n: int) -> dict[str, dict[str, float]]:
    """The scores of both directions on n true pairs that nothing was trained on."""
    pairs, maps, factors = true_pairs(task, n, translations.HELD_OUT)
    a, b = scale(pairs.a.pixels), scale(pairs.b.pixels)
    return {
        "ab": scored(there(a), b, maps, factors, task),
        "ba": scored(back(b), a, maps, factors, task),
    }


def floors(task: str, n: int) -> dict[str, dict[str, dict[str, float]]]:
    """What nothing at all scores, what a transfer of colours does, and the true pictures themselves."""
    sides = unpaired(task, n)
    a, b = scale(sides.a.pixels), scale(sides.b.pixels)
    pairs = true_pairs(task, n, translations.HELD_OUT)[0]
    true_a, true_b = scale(pairs.a.pixels), scale(pairs.b.pixels)
    return {
        "the picture itself": both_ways(lambda x: x, lambda x: x, task, n),
        "transfer of colours": both_ways(
            lambda x: colour_transfer(x, a, b), lambda x: colour_transfer(x, b, a), task, n
        ),
        "the truth": both_ways(lambda x: true_b, lambda x: true_a, task, n),
    }


def cycle_errors(networks: Mapping[str, nn.Module], a: Tensor, seed: int = 0) -> dict[str, float]:
    """The L1 distance of the way there and back of a (N, 3, H, W), in levels of 255: as it is, and with noise half-way.

    noise: each channel of each pixel NOISE levels up or down. rounded: the picture half-way in whole levels of 255, as
    a file would keep it.
    """
    there = translations.translated(networks["G_ab"], a)
    sign = torch.randint(0, 2, there.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    halfway = {
        "cycle": there,
        "cycle_rounded": scale(unscale(there)),
        "cycle_noise": (there + NOISE / 127.5 * sign).clamp(-1, 1),
    }
    return {
        name: round((translations.translated(networks["G_ba"], x) - a).abs().mean().item() * 127.5, 4)
        for name, x in halfway.items()
    }


def hidden(networks: Mapping[str, nn.Module], n: int) -> dict[str, float]:
    """How often the roof's colour is read from snow pictures: from the translator's, and from those with noise.

    Of n churches, half of which train a reader (evaluation.smuggling.told).
    """
    pairs, _, factors = true_pairs("snow", n, translations.HELD_OUT)
    there = translations.translated(networks["G_ab"], scale(pairs.a.pixels))
    sign = torch.randint(0, 2, there.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made, noisy = told(there, factors["roof"]), told((there + NOISE / 127.5 * sign).clamp(-1, 1), factors["roof"])
    return {
        "roof_told": round(made.share, 4),
        "roof_told_error": round(made.error, 4),
        "roof_told_noise": round(noisy.share, 4),
    }


def visible(n: int) -> dict[str, float]:
    """The same of true pictures: what snow leaves to be seen, and what there is to see without it."""
    pairs, _, factors = true_pairs("snow", n, translations.HELD_OUT)
    snow, clear = (told(scale(side.pixels), factors["roof"]) for side in (pairs.b, pairs.a))
    return {
        "snow": round(snow.share, 4),
        "snow_error": round(snow.error, 4),
        "clear": round(clear.share, 4),
        "chance": round(snow.chance, 4),
    }


def figures(networks: Mapping[str, nn.Module], task: str, n: int) -> dict[str, Any]:
    """All of it, and a strip of the first churches: translated, and translated back."""
    pairs = true_pairs(task, n, translations.HELD_OUT)[0]
    a = scale(pairs.a.pixels)
    there, back = translators_of(networks)
    found: dict[str, Any] = both_ways(there, back, task, n) | cycle_errors(networks, a)
    if task == "snow":
        found |= hidden(networks, 4 * n)
    shown = there(a[:N_SHOWN])
    found["strip"] = sheets.pack(unscale(torch.cat([shown, back(shown)])))
    return found


def of_a_card(networks: Mapping[str, nn.Module], task: str, n: int) -> dict[str, dict[str, float]]:
    """What a card says of "G_ab" and "G_ba": the scores of both ways."""
    return both_ways(*translators_of(networks), task, min(n, translations.N_HELD_OUT))
