"""`networks(name)`: a fresh generator and discriminator by name, initialised by their paper's recipe.

`translators(name)`: the same for networks whose input is a picture; CycleGAN has four. `enlargers()`: SRGAN's two.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from torch import nn

from gancourse.models.base import Discriminator, Generator, init_dcgan
from gancourse.models.biggan import BigGANDiscriminator, BigGANGenerator
from gancourse.models.clusters import (
    Cluster128Discriminator,
    Cluster128Generator,
    ClusterDiscriminator,
    ClusterGenerator,
)
from gancourse.models.critics import Critic, DCGANVariant
from gancourse.models.cyclegan import ResNetTranslator
from gancourse.models.dcgan import (
    DCGAN64Discriminator,
    DCGAN64Generator,
    DCGAN128Discriminator,
    DCGAN128Generator,
    DCGANDiscriminator,
    DCGANGenerator,
    GrowingDCGANGenerator,
    StrongDiscriminator,
)
from gancourse.models.factors import FactorDiscriminator, FactorGenerator
from gancourse.models.mlp import MLPDiscriminator, MLPGenerator, SchulzDiscriminator, SchulzGenerator
from gancourse.models.residual import ResidualDiscriminator, ResidualGenerator
from gancourse.models.srgan import SRDiscriminator, SRResNet
from gancourse.models.style_discriminator import GrowingDiscriminator, StyleDiscriminator
from gancourse.models.stylegan import StyleGenerator
from gancourse.models.unet import PatchDiscriminator, UNet

_PAIRS: dict[str, tuple[type[Generator], type[Discriminator]]] = {
    "mlp": (MLPGenerator, MLPDiscriminator),
    "schulz": (SchulzGenerator, SchulzDiscriminator),
    "dcgan": (DCGANGenerator, DCGANDiscriminator),
    "dcgan-strong": (DCGANGenerator, StrongDiscriminator),
    "dcgan-clusters": (ClusterGenerator, ClusterDiscriminator),
    "residual": (ResidualGenerator, ResidualDiscriminator),
    "critic": (DCGANVariant, Critic),
    "dcgan64": (DCGAN64Generator, DCGAN64Discriminator),
    "dcgan128": (DCGAN128Generator, DCGAN128Discriminator),
    "dcgan128-grown": (GrowingDCGANGenerator, GrowingDiscriminator),
    "dcgan128-factors": (FactorGenerator, FactorDiscriminator),
    "dcgan128-clusters": (Cluster128Generator, Cluster128Discriminator),
    "stylegan": (StyleGenerator, StyleDiscriminator),
    "biggan": (BigGANGenerator, BigGANDiscriminator),
}
NAMES = tuple(_PAIRS)
_WIDTH = (("width",), ("width",))
_OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # of G and of D
    "residual": _WIDTH,
    "critic": (("width", "channels", "norm_g", "deep"), ("width", "channels", "packing", "norm_d", "spectral")),
    "dcgan64": _WIDTH,
    "dcgan128": _WIDTH,
    "dcgan128-grown": (("width", "size"), ("width_d", "size", "fading")),
    "dcgan128-factors": (("width", "size"), ("width_d", "size")),
    "dcgan128-clusters": (("width",), ("width", "width_d")),
    "stylegan": (("width", "size", "mapping", "latent", "adain", "noise"), ("width", "size", "fading")),
    "biggan": (
        ("width", "classes", "size", "skip_z", "one_plus", "spectral", "orthogonal"),
        ("width", "classes", "size", "summed", "projection", "spectral", "orthogonal"),
    ),
}
# Keep what they drew: PyTorch's own, as P1 and P2 do, N(0, 1), or orthogonal matrices.
_AS_MADE = ("mlp", "schulz", "stylegan", "biggan")


def networks(name: str, **options: int) -> tuple[Generator, Discriminator]:
    """A fresh generator and discriminator, initialised by their paper's recipe from torch's global random state.

    name: "mlp" (P1) and "schulz" (P2), with PyTorch's default initialisation; "dcgan" (P1), "dcgan-strong" (P1's G,
        our `StrongDiscriminator`), "dcgan-clusters" (P1's two, told of clusters), "residual" (ours, around P2's block),
        "dcgan64" (Radford et al.), "dcgan128" (P4), "dcgan128-grown" (P4's G on its way to 128 pixels, and StyleGAN's
        D, which has drawn its weights), "dcgan128-factors" (P4's two, told the factors of churches) and
        "dcgan128-clusters" (P4's two, told of clusters), with `init_dcgan`;
        "critic" (P1's G with parts to exchange, with `init_dcgan`, and a `Critic`, with `init_critic`); "stylegan"
        (Karras et al. 2020, in small); "biggan" (Brock et al. 2019, in small), whose two are told a class.
    options: width, of "residual", "dcgan64", "dcgan128" and "dcgan128-clusters" (64); of "critic" width (128), channels
        (1), norm_g (True) and deep (False) for G, packing (1), norm_d and spectral (False) for D; of "stylegan" width
        and size (64 both), for G mapping (4), latent (128), adain (0) and noise (1), for D fading (0); of
        "dcgan128-grown" and "dcgan128-factors" width (32), size (128) and for D width_d (64, 16), of the first fading
        (0); of "dcgan128-clusters" for D width_d (0: as wide as G); of
        "biggan" width (32), classes (10), size (28), spectral and orthogonal (1), for G skip_z and one_plus (1), for D
        summed and projection (1): see there.
    Raises ValueError for another name, and for an option that these networks do not have.
    """
    if name not in _PAIRS:
        raise ValueError(f"model is {name!r}, expected one of {', '.join(_PAIRS)}.")
    if unknown := sorted(set(options) - set(options_of(name))):
        have = ", ".join(options_of(name)) or "none: its sizes are its paper's"
        raise ValueError(f"{unknown[0]} is {options[unknown[0]]!r}, and {name} has no such option; it has {have}.")
    theirs = _OPTIONS.get(name, ((), ()))
    G, D = (
        kind(**{one: value for one, value in options.items() if one in known})
        for kind, known in zip(_PAIRS[name], theirs, strict=True)
    )
    assert isinstance(G, Generator) and isinstance(D, Discriminator)
    if name not in _AS_MADE:
        init_dcgan(G)
        if not isinstance(D, Critic | StyleDiscriminator):  # has drawn its weights
            init_dcgan(D)
        if isinstance(D, FactorDiscriminator):
            D.forget_told()
    return G, D


def options_of(name: str) -> tuple[str, ...]:
    """The options that `networks` takes for a name."""
    of_g, of_d = _OPTIONS.get(name, ((), ()))
    return tuple(dict.fromkeys([*of_g, *of_d]))


def defaults_of(name: str) -> dict[str, int]:
    """The options that `networks` takes for a name, with their defaults."""
    defaults = {k: p.default for kind in _PAIRS.get(name, ()) for k, p in signature(kind).parameters.items()}
    return {option: defaults[option] for option in options_of(name)}


def options_in(config: Mapping[str, Any]) -> dict[str, int]:
    """The options that a run's networks were made with, from its config.json; `networks(config["model"], **them)`.

    Runs made by version 0.1 do not state them: there G's last layer tells the width.
    """
    stated = config.get("options")
    if stated is not None:
        return {**stated.get("D", {}), **stated.get("G", {})}
    return {"width": config["parameters"]["G"][-1][0]} if options_of(str(config["model"])) else {}


TRANSLATORS: dict[str, tuple[str, ...]] = {"pix2pix": ("G", "D"), "cyclegan": ("G_ab", "G_ba", "D_a", "D_b")}


def translators(name: str, width: int = 16, size: int = 64, conditional: int = 1) -> dict[str, nn.Module]:
    """Fresh networks that translate pictures (Isola et al. 2017, 6.1; Zhu et al. 2017, 7.2), by `TRANSLATORS`' names.

    name: "pix2pix", a `UNet` and a `PatchDiscriminator` twice as wide, of 34 pixels; "cyclegan", two
        `ResNetTranslator` of four blocks and two discriminators as wide as they, of 34 pixels, with InstanceNorm.
    width: of the generators. size: of pix2pix's pictures. conditional: 0 for a D of pix2pix that sees no condition.
    All are initialised by `init_dcgan`.
    Raises ValueError for another name, and as the networks do.
    """
    if name not in TRANSLATORS:
        raise ValueError(f"model is {name!r}, expected one of {', '.join(TRANSLATORS)}.")
    made: dict[str, nn.Module]
    if name == "pix2pix":
        made = {"G": UNet(width, size), "D": PatchDiscriminator(6 if conditional else 3, 2 * width)}
    else:
        made = {side: ResNetTranslator(width) for side in ("G_ab", "G_ba")}
        made |= {side: PatchDiscriminator(3, width, norm="instance") for side in ("D_a", "D_b")}
    for network in made.values():
        init_dcgan(network)
    return made


def enlargers(
    width: int = 32,
    blocks: int = 8,
    scale: int = 4,
    norm: str = "batch",
    icnr: int = 1,
    size: int = 64,
    residual: int = 0,
) -> dict[str, nn.Module]:
    """Fresh networks of SRGAN (Ledig et al. 2017, figure 4): "G", an `SRResNet`, and "D", an `SRDiscriminator`.

    width: of G; D has half of it, and the paper 64 for both. size: of the crops that D judges. Other options: see
    there. Initialised by PyTorch's defaults and ICNR. Raises ValueError as the networks do.
    """
    return {
        "G": SRResNet(width, blocks, scale, norm, bool(icnr), bool(residual)),
        "D": SRDiscriminator(max(1, width // 2), size),
    }
