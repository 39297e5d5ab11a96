"""Pairs of your own: two folders whose files have equal names, or one folder of two pictures side by side in each file.

Every picture must have its partner and every file must be whole: one that is left out on one side would put all later
pairs out of step. So nothing is left out here; what is missing, broken or of another size is named, to be mended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from gancourse.data.images import DataError
from gancourse.data.pairs import AlignedPairs, UnalignedPairs
from gancourse.data.photographs.mapmaker import Source, make
from gancourse.data.photographs.sources import SUFFIXES, open_pictures, stamp

_TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange width and height
_NAMED = 10  # files in one message


def paired_folders(a: str | Path, b: str | Path, size: int = 64) -> AlignedPairs:
    """Pictures of two folders, and of the folders in them, paired by their names without the ending.

    "a/7.png" and "b/7.jpg" are a pair. Both are scaled and cropped alike, to (3, size, size), as `image_folder` does,
    and kept in the cache; so the two of a pair must be equally large, though pairs may differ.

    Raises DataError, naming the files: no folder, no pictures, a picture without a partner or with two, partners of
    different sizes, pictures that cannot be decoded or are too small.
    """
    folders = Path(a), Path(b)
    first, second = (_by_stem(folder) for folder in folders)
    lost = [f"{first[s]} has none in {folders[1]}" for s in sorted(first.keys() - second.keys())]
    lost += [f"{second[s]} has none in {folders[0]}" for s in sorted(second.keys() - first.keys())]
    if lost:
        raise DataError(
            f"{len(lost)} pictures without a partner: add it under the same name, or remove them.{_list(lost)}"
        )
    stems, other = sorted(first), []
    for s in stems:
        sizes = [_size(folder / names[s]) for folder, names in zip(folders, (first, second), strict=True)]
        if None not in sizes and sizes[0] != sizes[1]:  # broken ones are named when they are decoded
            other.append(f"{s}: {_said(sizes[0])} in {folders[0]}, {_said(sizes[1])} in {folders[1]}")
    if other:
        raise DataError(f"{len(other)} pairs of different sizes: scale one of each to the other's.{_list(other)}")
    sides = zip(folders, (first, second), strict=True)
    return _pairs([_source(folder, [names[s] for s in stems], "whole") for folder, names in sides], size)


def side_by_side_pairs(folder: str | Path, size: int = 64, first: str = "left") -> AlignedPairs:
    """Pictures of a folder, and of the folders in it, each of them two of equal width side by side.

    So published pairs are often laid out (Isola et al. 2017, their data sets). Each half is scaled and cropped to
    (3, size, size), and kept in the cache.
    first: "left" or "right", the half that is a pair's first image, what a translation starts from.

    Raises DataError, naming the files: no folder, no pictures, an odd width, pictures not wider than high, ones that
    cannot be decoded or are too small.
    """
    if first not in ("left", "right"):
        raise DataError(f'first is {first!r}, expected "left" or "right": the half to start from.')
    path = Path(folder)
    names, wrong = sorted(_by_stem(path).values()), []
    for name in names:
        found = _size(path / name)
        if found and (found[0] % 2 or found[0] <= found[1]):
            why = "an odd width has no two halves" if found[0] % 2 else "two side by side are wider than high"
            wrong.append(f"{name}: {_said(found)}, {why}")
    if wrong:
        raise DataError(
            f"{len(wrong)} pictures that are not two of equal width side by side: mend or remove them.{_list(wrong)}"
        )
    parts = ("left", "right") if first == "left" else ("right", "left")
    return _pairs([_source(path, names, part) for part in parts], size)


def own_pairs(folder: str | Path, size: int = 64) -> AlignedPairs:
    """Pairs of one folder: `paired_folders` of its a and b where it has both, else `side_by_side_pairs`."""
    a, b = Path(folder) / "a", Path(folder) / "b"
    return paired_folders(a, b, size) if a.is_dir() and b.is_dir() else side_by_side_pairs(folder, size)


def own_sides(folder: str | Path, size: int = 64) -> UnalignedPairs:
    """Pictures of a folder's folders a and b, two sets without partners, (3, size, size) each; kept in the cache.

    Raises DataError: one of the folders is missing or holds no pictures, and as `image_folder` does.
    """
    sides = []
    for name in "ab":
        path = Path(folder) / name
        if not path.is_dir():
            raise DataError(f"{folder} has no folder {name}; put the pictures of the two sides into a and b.")
        sides.append(open_pictures(path, size))
    return UnalignedPairs(*sides)


def _pairs(sources: list[Source], size: int) -> AlignedPairs:
    a, b = (make(source, size) for source in sources)
    return AlignedPairs(a, b)


def _source(folder: Path, names: list[str], part: str) -> Source:
    name = folder.resolve().name or "pictures"
    if part != "whole":
        name = f"{name}-{part}"
    # With the path: two unpacked folders can agree in all names, sizes and times, and still hold other pictures
    about = f"pairs {part} {folder.resolve()} {stamp(folder, names)}".encode(errors="surrogatepass")
    identity = hashlib.sha256(about).hexdigest()
    return Source("folder", folder, name, names, 0.0, identity, part=part)


def _by_stem(folder: Path) -> dict[str, str]:
    """Path without ending -> path, both relative to the folder. Raises DataError: no folder, none, two of one name."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give one that holds pictures (JPEG, PNG, TIFF ...).")
    found: dict[str, str] = {}
    twice = []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(folder)
        stem = name.with_suffix("").as_posix()
        if stem in found:
            twice.append(f"{found[stem]} and {name}")
        found[stem] = str(name)
    if twice:
        raise DataError(f"{folder} holds pictures whose names differ in the ending alone: rename one.{_list(twice)}")
    if not found:
        raise DataError(f"{folder} holds no pictures: no file in it ends in {', '.join(sorted(SUFFIXES))}.")
    return found


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height as they are seen; None for what cannot be opened, which decoding then reports."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112) in _TURNED
    except Exception:  # decoders raise many kinds
        return None
    return (height, width) if turned else (width, height)


def _said(size: tuple[int, int] | None) -> str:
    return "unknown" if size is None else f"{size[0]}x{size[1]}"


def _list(lines: Iterable[str]) -> str:
    lines = list(lines)
    more = f"\n  and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return "".join(f"\n  {line}" for line in lines[:_NAMED]) + more
