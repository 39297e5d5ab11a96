"""What the command line trains on: how each kind of data is opened, how a card scores what was trained on it.

This module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SMALL = 64  # pixels a side of what lesson 11 makes
ENLARGED = 256  # pixels a side of what lesson 10 enlarges to
UNSEEN = 1_000  # the seed of churches that no run is trained on


@dataclass(frozen=True)
class Data:
    """A kind of data that the command line trains on.

    about: for the help of --data. open: (path or None, how many, whether fewer will do) -> images, or pairs. score:
    (generator, or networks by name; how many) -> what a card says of it. licence: of weights trained on it. augment:
    whether mirror images and DiffAugment make sense.
    """

    about: str
    open: Callable[[str | None, int, bool], Any]
    score: Callable[[Any, int], dict[str, float]]
    licence: str
    augment: bool = False


def _mnist(path: str | None, n: int, at_most: bool) -> Any:
    from gancourse.data.mnist_digits import mnist

    return mnist("train", path).subset(n)


def _digits(path: str | None, n: int, at_most: bool) -> Any:
    from gancourse.data.pairs import LabelledImages

    return LabelledImages(_mnist(path, n, at_most))


def _church_classes(path: str | None, n: int, at_most: bool) -> Any:
    from gancourse.data.churches.classes import churches_by_class
    from gancourse.data.images import DataError
    from gancourse.data.pairs import LabelledImages

    if path is not None:
        raise DataError(f"data is {path}, and only procedural churches come with their class; leave --data out.")
    return LabelledImages(churches_by_class(n))


def _churches(size: int) -> Callable[[str | None, int, bool], Any]:
    def opened(path: str | None, n: int, at_most: bool) -> Any:
        if path is None or path == "procedural":
            from gancourse.data.churches import procedural_churches

            return procedural_churches(n, size)[0]
        from gancourse.data.photographs import open_pictures

        images = open_pictures(path, size)
        return images.subset(min(n, len(images)) if at_most else n)

    return opened


def _churches_with_factors(path: str | None, n: int, at_most: bool) -> Any:
    from gancourse.data.churches.classes import churches_with_factors
    from gancourse.data.images import DataError

    if path not in (None, "procedural"):
        raise DataError(f"--data is {path}, and of pictures of yours nobody knows the factors: leave it out.")
    return churches_with_factors(n)


def _painted_maps(path: str | None, n: int, at_most: bool) -> Any:
    from gancourse.data.churches.tasks import map_pairs

    if path is not None:
        return _own_pairs(path, n, at_most)
    return map_pairs(n)[0]


def _own_pairs(path: str, n: int, at_most: bool) -> Any:
    from gancourse.data.pairs import first_pairs
    from gancourse.data.photographs.own_pairs import own_pairs

    pairs = own_pairs(path)
    return first_pairs(pairs, min(n, len(pairs)) if at_most else n)


def _unpaired(task: str) -> Callable[[str | None, int, bool], Any]:
    def opened(path: str | None, n: int, at_most: bool) -> Any:
        from gancourse.data.churches.tasks import unpaired
        from gancourse.data.pairs import first_pairs
        from gancourse.data.photographs.own_pairs import own_sides

        if path is None:
            return unpaired(task, n)
        sides = own_sides(path)
        return first_pairs(sides, min(n, len(sides)) if at_most else n)

    return opened


def _enlarging(path: str | None, n: int, at_most: bool) -> Any:
    if path is None:
        from dataclasses import replace

        from gancourse.data.churches import procedural_churches

        images = procedural_churches(n, ENLARGED)[0]
        return replace(images, name=f"enlarging-{images.name}")
    from gancourse.data.photographs import open_pictures

    pictures = open_pictures(path, ENLARGED)
    return pictures.subset(min(n, len(pictures)) if at_most else n)


def _enlarging_scores(networks: Any, n: int) -> dict[str, Any]:
    """PSNR in decibels and SSIM of G's enlargements of n unseen churches, and of bicubic ones."""
    from functools import partial

    from gancourse.data.churches import procedural_churches
    from gancourse.data.degraded import enlarge_bicubic
    from gancourse.data.images import scale
    from gancourse.evaluation.enlarging import fidelity

    G, hr = networks["G"], scale(procedural_churches(n, ENLARGED, UNSEEN)[0].pixels)
    bicubic = fidelity(partial(enlarge_bicubic, scale=G.scale), hr, G.scale)
    return fidelity(G, hr, G.scale) | {f"{name}_bicubic": value for name, value in bicubic.items()}


def _map_scores(networks: Any, n: int) -> dict[str, Any]:
    from gancourse.course.studies.lesson08 import judged

    return judged.of_a_card(networks, n)


def _cycle_scores(task: str) -> Callable[[Any, int], dict[str, Any]]:
    def scored(networks: Any, n: int) -> dict[str, Any]:
        from gancourse.course.studies.lesson09 import judged

        return judged.of_a_card(networks, task, n)

    return scored


def _digit_scores(G: Any, n: int) -> dict[str, float]:
    from gancourse.evaluation.generated import digit_scores

    return digit_scores(G, n)


def _class_scores(G: Any, n: int) -> dict[str, float]:
    from gancourse.evaluation import conditions

    return conditions.church_scores(G)


def _church_scores(G: Any, n: int) -> dict[str, float]:
    from gancourse.evaluation import church_reader

    return church_reader.scores(G)


DATA = {
    "mnist": Data(
        "folder with MNIST/raw; default: the MNIST inside the package",
        _mnist,
        _digit_scores,
        "MIT, as the code. Trained on MNIST (LeCun, Cortes, Burges), which is CC BY-SA 3.0.",
    ),
    "digits": Data(
        "as of mnist; the labels are told",
        _digits,
        _digit_scores,
        "MIT, as the code. Trained on MNIST (LeCun, Cortes, Burges), which is CC BY-SA 3.0.",
    ),
    "classes": Data(
        "procedural churches of 32 pixels and their plan and time of day; no others",
        _church_classes,
        _class_scores,
        "MIT, as the code.",
    ),
    "churches": Data(
        "LSUN's folder, one of pictures or a made map; default: procedural churches",
        _churches(128),
        _church_scores,
        "MIT, as the code.",
        augment=True,
    ),
    "factors": Data(
        "procedural churches alone, whose factors the networks are told",
        _churches_with_factors,
        _church_scores,
        "MIT, as the code.",
    ),
    "small": Data(
        "LSUN's folder, or one of pictures, made 64 pixels high and wide; default: procedural churches of that size",
        _churches(SMALL),
        _church_scores,
        "MIT, as the code.",
        augment=True,
    ),
    "maps": Data(
        "a folder of pairs, two pictures side by side in each file, or with folders a and b of equal names; default: "
        "label maps of procedural churches at noon, and the churches",
        _painted_maps,
        _map_scores,
        "MIT, as the code.",
    ),
    "enlarging": Data(
        "a folder of pictures, made 256 pixels high and wide; default: procedural churches of that size",
        _enlarging,
        _enlarging_scores,
        "MIT, as the code.",
    ),
    **{
        task: Data(
            f"a folder with folders a and b of pictures; default: procedural churches, {sides}",
            _unpaired(task),
            _cycle_scores(task),
            "MIT, as the code.",
        )
        for task, sides in {"dusk": "in the morning and at dusk", "snow": "in summer and in snow"}.items()
    },
}


def data_of(name: str) -> Data | None:
    """The kind of data whose name a run's config has, such as "mnist-train"; None for pictures of the user's own."""
    return DATA.get(name.split("-")[0])
