"""What is measured of a generator of churches at 64 pixels: its quality, and what its latents control."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.data import sheets
from gancourse.data.churches import FACTORS, procedural_churches
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
SHOWN = ("stylegan", "not-grown", "dcgan")  # arms whose samples are shown
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

    The first of two scales the maps of the size before, on their way up. The last style is the last ToRGB's.
    """
    sides = [*G.synthesis.noise_sides, G.synthesis.sizes[-1]][: G.synthesis.n_styles]
    return {str(side): [i for i, one in enumerate(sides) if one == side] for side in G.synthesis.sizes}


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
    """n images of z from seed."""
    return latent.generate(G, latent.sample(n, latent.z_size(G), seed))


def mixing(G: StyleGenerator, n: int) -> dict[str, dict[str, list[float]]]:
    """Group of layers -> factor -> pairs that differ, and the donor's, the source's and other values' shares."""
    table = mixing_table(G, church_reader.read, groups(G), n)
    return {
        group: {
            factor: [found.pairs, *(round(v, 4) for v in found[1:])] for factor, found in row.items() if factor in READ
        }
        for group, row in table.items()
    }


def planes(G: nn.Module, n: int) -> dict[str, dict[str, dict[str, float]]]:
    """Latent ("z", "w") -> factor -> how well a linear classifier tells it there."""
    z = latent.sample(n, latent.z_size(G), 3)
    read = church_reader.read(latent.generate(G, z))
    points = {"z": z} | ({"w": w_of(G, z)} if isinstance(G, StyleGenerator) else {})
    return {
        name: {
            factor: {key: round(value, 4) for key, value in separability(where, read[factor])._asdict().items()}
            for factor in READ
            if len(read[factor].unique()) > 1
        }
        for name, where in points.items()
    }


def truncation(G: StyleGenerator, n: int) -> list[dict[str, float]]:
    """Quality and variety at each psi of PSI."""
    w = w_of(G, latent.sample(n, G.z_size, 0))
    return [{"psi": psi} | quality(latent.generate_w(G, G.truncated(w, psi))) for psi in PSI]


def edits(G: nn.Module, n: int) -> dict[str, dict[str, dict[str, float]]]:
    """Latent -> edit of EDITS -> how often it does what its name says, and how much of all else it leaves.

    The step is the mean of the latents whose pictures have the value to reach, less that of those with the value to
    leave, from n z; it is tried, once, on other z whose pictures have the value to leave. done: the share that then
    have the other. kept: the share of the other factors' values that stay, over all factors of READ. some: on how many
    pictures.
    """
    z = latent.sample(n, latent.z_size(G), 5)
    fresh = latent.sample(n, latent.z_size(G), 6)
    read, before = (church_reader.read(latent.generate(G, part)) for part in (z, fresh))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for space in ("z", "w") if isinstance(G, StyleGenerator) else ("z",):
        found[space] = {}
        for name, (factor, leave, reach) in EDITS.items():
            values = FACTORS[factor]
            have, want = (read[factor] == values.index(v) for v in (leave, reach))
            starts = before[factor] == values.index(leave)
            if min(int(have.sum()), int(want.sum()), int(starts.sum())) < 5:
                continue
            points, tried = (part if space == "z" else w_of(G, part) for part in (z, fresh[starts]))  # type: ignore[arg-type]
            moved = tried + (points[want].mean(0) - points[have].mean(0))
            after = church_reader.read(
                latent.generate(G, moved) if space == "z" else latent.generate_w(G, moved)  # type: ignore[arg-type]
            )
            others = [one for one in READ if one != factor]
            kept = torch.stack([(after[one] == before[one][starts]).double().mean() for one in others]).mean()
            found[space][name] = {
                "done": round((after[factor] == values.index(reach)).double().mean().item(), 4),
                "kept": round(kept.item(), 4),
                "some": int(starts.sum()),
            }
    return found


def figures(G: nn.Module, n: int) -> dict[str, Any]:
    """All that the study's tables need of one generator; n: pictures of each measurement."""
    G = G.eval()
    images = drawn(G, n)
    found: dict[str, Any] = {"quality": quality(images), "planes": planes(G, 3 * n), "edits": edits(G, 2 * n)}
    paths = {"z": path_length(G, _extractor(), max(2, n // 2))}
    if isinstance(G, StyleGenerator):
        paths["w"] = path_length(G, _extractor(), max(2, n // 2), in_w=True)
        found["mixing"] = mixing(G, n)
        found["truncation"] = truncation(G, n)
        noise = [part.square().mean().sqrt().item() * 127.5 for part in noise_shares(G, 16, 8)]
        found["noise_levels"] = [round(value, 3) for value in noise]
    found["path_length"] = {name: [round(value, 3) for value in length] for name, length in paths.items()}
    found["strip"] = sheets.pack(unscale(images[:N_SHOWN]))
    return found
