"""What is measured of a generator of churches at 64 pixels: its quality, and what its latents control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.data import sheets
from gancourse.data.churches import FACTORS, labelled_churches, procedural_churches
from gancourse.data.images import Images, unscale
from gancourse.evaluation import church_reader
from gancourse.evaluation.features import Extractor
from gancourse.evaluation.image_batches import batches
from gancourse.evaluation.neighbours import manifold_scores
from gancourse.evaluation.path_length import path_length
from gancourse.evaluation.statistics import feature_statistics, frechet_distance
from gancourse.evaluation.styles import mixing_table, noise_shares, separability, w_of
from gancourse.models.stylegan import StyleGenerator

SIZE = 64
SEED_REAL = 1_001  # of churches that nothing is trained on
READ = ("plan", "stone", "roof", "time", "weather", "trees", "turned", "sun")  # what the reader knows well at 64 pixels
PSI = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0)
N_SHOWN = 48
AMOUNTS = (0.5, 1.0, 1.5)  # of an edit's step
N_EDITED = 200  # pictures that an edit is tried on, at most
FEWEST = 20  # a value that one in so many pictures has not is not edited
_BATCH = 100
SHOWN = ("dcgan", "stylegan", "dcgan-long", "shipped")  # arms whose samples are shown
# Changes that a person may want: name -> (factor, from, to)
EDITS: dict[str, tuple[str, str, str]] = {
    "noon to night": ("time", "noon", "night"),
    "clear to snow": ("weather", "clear", "snow"),
    "clear to fog": ("weather", "clear", "fog"),
    "turned": ("turned", "left", "right"),
    "chapel to two towers": ("plan", "chapel", "two towers"),
    "no trees to conifers": ("trees", "none", "conifer"),
}


def groups(G: StyleGenerator) -> dict[str, list[int]]:
    """Layers by the pixels a side of what their convolution makes: "4", "8", and so on -> numbers of styles.

    The first of two scales the maps of the size before, on their way up. The last style is the last ToRGB's. Also
    "4-8", the coarse ones together, and "32-", the fine ones.
    """
    sides = G.synthesis.style_sides
    each = {str(side): [i for i, one in enumerate(sides) if one == side] for side in G.synthesis.sizes}
    return each | {"4-8": each["4"] + each["8"], "32-": [i for i, one in enumerate(sides) if one >= 32]}


@cache
def _extractor() -> Extractor:
    return church_reader.church_features()


def _features(images: Images | Tensor) -> Tensor:
    """The reader's features of images, (n, 96)."""
    with torch.no_grad():
        return torch.cat([_extractor()(x) for x in batches(images)])


@cache
def real(n: int) -> Tensor:
    """The reader's features of n churches that nothing was trained on, (n, 96)."""
    return _features(procedural_churches(n, SIZE, SEED_REAL)[0])


def quality(images: Tensor) -> dict[str, float]:
    """Of images (N, 3, 64, 64) in [-1, 1]: the distance to as many renders, kinds, precision, recall and coverage."""
    n, extractor = len(images), _extractor()
    fake = _features(images)
    real_ones = procedural_churches(n, SIZE, SEED_REAL)[0]
    statistics = feature_statistics(real_ones, extractor, allow_few=True)
    found, expected, _ = church_reader.combinations(church_reader.read(images), church_reader.KINDS)
    precise, dense = manifold_scores(real(n), fake)
    return {
        "distance": round(frechet_distance(*feature_statistics(images, extractor, allow_few=True), *statistics), 3),
        "kinds": round(found / expected, 3),
        "precision": round(precise.precision, 3),
        "recall": round(precise.recall, 3),
        "coverage": round(dense.coverage, 3),
    }


def drawn(G: nn.Module, n: int, seed: int = 0) -> Tensor:
    """n images of z from seed, (n, C, H, W) in [-1, 1]."""
    return latent.generate(G, latent.sample(n, latent.z_size(G), seed))


def mixing(G: StyleGenerator, n: int) -> dict[str, dict[str, list[float]]]:
    """Group of layers -> factor -> pairs that differ; the donor's, the source's and other values' shares; chance."""
    table = mixing_table(G, church_reader.read, groups(G), n)
    return {
        group: {
            factor: [found.pairs, *(round(v, 4) for v in found[1:])] for factor, found in row.items() if factor in READ
        }
        for group, row in table.items()
    }


def planes(G: nn.Module, n: int) -> dict[str, dict[str, dict[str, float]]]:
    """Latent ("z", "w") -> factor -> how well a linear classifier tells it there, from the pictures read most surely.

    Of n pictures that half counts, for each factor, whose two most probable values are furthest apart (Karras et al.
    2019, section 4.2). "untrained": w of a mapping that has learned nothing, for the same pictures: a control.
    """
    z = latent.sample(n, latent.z_size(G), 3)
    values, margins = _read_surely(latent.generate(G, z))
    points = {"z": z}
    if isinstance(G, StyleGenerator):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            fresh = StyleGenerator(**G.options)
        points |= {"w": w_of(G, z), "untrained": w_of(fresh, z)}
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in points}
    for factor in READ:
        surer = margins[factor].argsort(descending=True)[: n // 2].sort().values
        there = values[factor][surer]
        if len(there.unique()) > 1:
            for name, where in points.items():
                told = separability(where[surer], there)._asdict()
                found[name][factor] = {key: round(value, 4) for key, value in told.items()}
    return found


@torch.no_grad()
def _read_surely(images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Factor -> the most probable value of each image, and by how much it is more probable than the next."""
    reader = church_reader.reader()
    parts = [reader(part) for part in images.split(_BATCH)]
    best = {factor: torch.cat([part[factor] for part in parts]).softmax(1).topk(2) for factor in READ}
    values = {factor: top.indices[:, 0] for factor, top in best.items()}
    return values, {factor: top.values[:, 0] - top.values[:, 1] for factor, top in best.items()}


def truncation(G: StyleGenerator, n: int) -> list[dict[str, float]]:
    """Quality and variety at each psi of PSI."""
    w = w_of(G, latent.sample(n, G.z_size, 0))
    return [{"psi": psi} | quality(latent.generate_w(G, G.truncated(w, psi))) for psi in PSI]


def edits(
    G: nn.Module, n: int, table: Mapping[str, Mapping[str, Sequence[float]]] | None = None
) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Latent -> edit of EDITS -> for each amount how often it does what it says, and how much it leaves.

    Latents: "z"; of a StyleGAN "w", and "layers", w in the layers alone that hold the factor by `table`, which is what
    `mixing` returns (`holds`). The step is the mean of the latents whose pictures have the value to reach, less that of
    those with the value to leave, from n z, if there are enough of both. It is tried, times each of AMOUNTS, on other z
    whose pictures have the value to leave. done: the share that then have the other. kept: the share of the other
    factors' values that stay. by_chance: done with a step as long, of the same points with their values shuffled.
    some: on how many pictures.
    """
    z, fresh = (latent.sample(n, latent.z_size(G), seed) for seed in (5, 6))
    read, before = (church_reader.read(latent.generate(G, part)) for part in (z, fresh))
    shuffle = torch.randperm(n, generator=torch.Generator().manual_seed(7))
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    spaces = ("z", "w", "layers") if isinstance(G, StyleGenerator) else ("z",)
    for space in spaces if table else spaces[:2]:
        found[space] = {}
        points, others = (_in_space(G, space, part) for part in (z, fresh))
        for name, (factor, leave, reach) in EDITS.items():
            values = FACTORS[factor]
            have, want = (read[factor] == values.index(v) for v in (leave, reach))
            starts = (before[factor] == values.index(leave)).nonzero().flatten()[:N_EDITED]
            if min(int(have.sum()), int(want.sum()), len(starts)) < max(5, n // FEWEST):
                continue
            step = points[want].mean(0) - points[have].mean(0)
            random = points[want[shuffle]].mean(0) - points[have[shuffle]].mean(0)
            random = random * step.norm() / random.norm()
            chosen = groups(G)[holds(table, factor)] if space == "layers" and table else None  # type: ignore[arg-type]
            rows = []
            for amount in AMOUNTS:
                done = [
                    church_reader.read(_moved(G, space, others[starts], amount * one, chosen)) for one in (step, random)
                ]
                reached, by_chance = ((after[factor] == values.index(reach)).double().mean().item() for after in done)
                stay = [(done[0][one] == before[one][starts]).double().mean().item() for one in READ if one != factor]
                rows.append(
                    {
                        "amount": amount,
                        "done": round(reached, 4),
                        "kept": round(sum(stay) / len(stay), 4),
                        "by_chance": round(by_chance, 4),
                        "some": len(starts),
                    }
                )
            found[space][name] = rows
    return found


def holds(table: Mapping[str, Mapping[str, Sequence[float]]], factor: str) -> str:
    """The group of layers whose donor gives a factor's value most often beyond chance, by what `mixing` returns."""
    return max(table, key=lambda group: table[group][factor][1] - table[group][factor][4])


def _in_space(G: nn.Module, space: str, z: Tensor) -> Tensor:
    return w_of(G, z) if space != "z" and isinstance(G, StyleGenerator) else z


def _moved(G: nn.Module, space: str, points: Tensor, step: Tensor, layers: list[int] | None) -> Tensor:
    """The pictures of points that a step has moved, in all layers or in some."""
    if space == "z" or not isinstance(G, StyleGenerator):
        return latent.generate(G, points + step)
    styles = G.each_layer(points).clone()
    styles[:, layers if layers is not None else slice(None)] += step
    return latent.generate_w(G, styles)


def ceiling(n: int) -> dict[str, float]:
    """Edit of EDITS -> the share of the other factors' values that the reader keeps when a render is edited, exactly.

    Snow hides roofs, and night hides stone: no edit can keep more.
    """
    found = {}
    for name, (factor, leave, reach) in EDITS.items():
        before, after = (
            church_reader.read(labelled_churches(n, SIZE, SEED_REAL, **{factor: (value,)})[0])
            for value in (leave, reach)
        )
        stay = [(after[one] == before[one]).double().mean().item() for one in READ if one != factor]
        found[name] = round(sum(stay) / len(stay), 4)
    return found


def figures(G: nn.Module, n: int) -> dict[str, Any]:
    """All that the study's tables need of one generator; n: pictures of each measurement."""
    G = G.eval()
    images = drawn(G, n)
    found: dict[str, Any] = {"quality": quality(images), "planes": planes(G, 3 * n)}
    paths = {"z": path_length(G, _extractor(), max(2, n // 2))}
    if isinstance(G, StyleGenerator):
        paths["w"] = path_length(G, _extractor(), max(2, n // 2), in_w=True)
        found["mixing"] = mixing(G, n)
        found["edits"] = edits(G, 2 * n, found["mixing"])
        found["truncation"] = truncation(G, n)
        noise = [part.square().mean().sqrt().item() * 127.5 for part in noise_shares(G, 16, 8)]
        found["noise_levels"] = [round(value, 3) for value in noise]
    else:
        found["edits"] = edits(G, 2 * n)
    found["path_length"] = {name: [round(value, 3) for value in length] for name, length in paths.items()}
    found["spread"] = round(2 * _features(images).var(0).sum().item(), 3)  # mean squared distance of two pictures
    found["strip"] = sheets.pack(unscale(images[:N_SHOWN]), quality=75)
    return found
