"""What the page "Play" carries: generators in eight bits, directions in z, real digits, samples to compare with.

All of it is made from what the package ships: weights, their card and strip, MNIST, the course's classifier.
"""

from __future__ import annotations

import base64
import io
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gancourse import latent, pretrained
from gancourse.data.mnist_digits import mnist
from gancourse.data.sheets import tile
from gancourse.evaluation import classifier
from gancourse.models.base import Generator
from gancourse.publishing.website import play_weights
from gancourse.publishing.website.play_weights import Layer, text

NAME, WHAT = "mlp-mnist", "the MLP of lesson 02"
EPOCHS = (5, 50, 100, 200)  # whose weights travel: some 0.34 MB each
FITTED, JUDGED = 4000, 256  # z to which directions are fitted, and by which eight bits are judged
STORED, OF = 8, 64  # samples of PyTorch for the page to compare itself with, of the z of seed 0
REAL, COLUMNS = 100, 10  # digits of MNIST's test set, drawn at random, for the game
MOMENTS = (0, 1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 125, 150, 175, 200)  # of the strip, as far as it has them


def contents(name: str = NAME, epochs: tuple[int, ...] = EPOCHS) -> dict[str, Any]:
    """All that the page's scripts read, as JSON's types; numbers in bulk are base64 of little-endian arrays.

    name: of a shipped generator of digits. epochs: of those whose weights are shipped, ascending.
    Raises PretrainedError as `pretrained.load` does, ValueError for a generator that the page cannot compute.
    """
    networks = {epoch: generator(name, epoch) for epoch in epochs}
    layers = {epoch: play_weights.rounded(play_weights.folded(G)) for epoch, G in networks.items()}
    G, last = networks[epochs[-1]], epochs[-1]
    return {
        "what": WHAT,
        "parameters": sum(p.numel() for p in G.parameters()),
        "zSize": G.z_size,
        "last": last,
        "generators": {str(epoch): play_weights.packed(one) for epoch, one in layers.items()},
        "directions": {str(epoch): directions(one) for epoch, one in networks.items()},
        "strip": strip(name),
        "scores": scores(name),
        "real": {"png": png(mnist("test").sample(REAL).pixels, COLUMNS), "n": REAL, "columns": COLUMNS},
        "samples": samples(layers[last], latent.sample(OF, G.z_size, seed=0), last),
        "eightBits": difference(G, layers[last]),
    }


def generator(name: str, epoch: int | None = None) -> Generator:
    """A shipped generator after an epoch, None for the last. Raises PretrainedError as `pretrained.load` does."""
    return cast(Generator, pretrained.load(name, epoch))


def directions(G: Generator) -> dict[str, dict[str, Any]]:
    """Directions in z by name: "thickness", "slant", "digit 0" to "digit 9", "first" and "second", the strongest ones.

    Each a unit vector (z_size,) and, of those fitted to an attribute, r2 (`latent.attribute_direction`); of the
    strongest, their share of the first layer's variance (`latent.principal_directions`). Thickness and slant are
    fitted within a digit.
    """
    z = latent.sample(FITTED, G.z_size, seed=1)
    x = latent.generate(G, z)
    with torch.no_grad():
        logits = torch.cat([classifier()(part) for part in x.split(500)])
    digit = logits.argmax(1)
    fitted = {
        "thickness": latent.attribute_direction(z, latent.thickness(x), digit),
        "slant": latent.attribute_direction(z, latent.slant(x), digit),
    }
    for d in range(10):
        others = torch.cat([logits[:, :d], logits[:, d + 1 :]], 1)
        fitted[f"digit {d}"] = latent.attribute_direction(z, logits[:, d] - others.logsumexp(1))
    found: dict[str, dict[str, Any]] = {
        name: {"vector": text(one.direction.numpy()), "r2": round(one.r2, 3)} for name, one in fitted.items()
    }
    strongest = latent.principal_directions(G, 2)
    for name, vector, share in zip(("first", "second"), strongest.vectors, strongest.share.tolist(), strict=True):
        found[name] = {"vector": text(vector.numpy()), "share": round(share, 3)}
    return found


def strip(name: str) -> dict[str, Any]:
    """The shipped strip at some moments: a picture with a row of digits for each, and the seed of their z."""
    shipped = pretrained.strip(name)
    kept = [epoch for epoch in shipped if epoch in MOMENTS or len(shipped) <= len(MOMENTS)]
    rows = torch.cat([shipped[epoch] for epoch in kept])
    n = len(rows) // len(kept)
    seed = pretrained.card(name)["config"]["seed"] + pretrained.SEED_OF_FIXED_Z
    return {"png": png(rows, n), "epochs": kept, "n": n, "columns": 4, "seed": seed}


def scores(name: str) -> dict[str, float]:
    """The distance to MNIST by epoch, of the epochs whose distance the card states."""
    card = pretrained.card(name)
    known = card["curve"] | {epoch: files["scores"] for epoch, files in card["files"].items() if "scores" in files}
    return {epoch: known[epoch]["classifier_fid"] for epoch in sorted(known, key=int)}


def samples(layers: list[Layer], z: Tensor, epoch: int) -> dict[str, Any]:
    """What PyTorch makes of eight-bit layers and the first of z (OF, z_size), of seed 0: in 16 bits a pixel."""
    x = play_weights.images(layers, z[:STORED])
    pixels = ((x + 1) / 2 * 65535).round().numpy().astype("<u2")
    return {"n": STORED, "of": len(z), "seed": 0, "epoch": epoch, "pixels": text(pixels)}


def difference(G: Generator, layers: list[Layer]) -> dict[str, float]:
    """How far eight bits move a grey level, of 255: on average and at most, over n digits."""
    z = latent.sample(JUDGED, G.z_size, seed=2)
    with torch.no_grad():
        levels = (G(z) - play_weights.images(layers, z)).abs() * 127.5
    return {"mean": round(levels.mean().item(), 4), "largest": round(levels.max().item(), 4), "n": JUDGED}


def png(pixels: Tensor, columns: int) -> str:
    """Grey images (B, 1, H, W) uint8 in rows of `columns`, without gaps, as a PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tile(pixels, columns, gap=0)[0].numpy())).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
