"""Where photographs come from: LSUN's churches, or a folder of your own; `mapmaker` crops them once into a map."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from gancourse.data.images import DataError
from gancourse.data.photographs.mapmaker import Source, make
from gancourse.data.photographs.maps import MappedImages, is_map, open_map

CHURCHES = "church_outdoor_train"
SUFFIXES = {  # of what is taken for a picture; its bytes then say which
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".heic", ".heif", ".avif"),
}


def lsun_churches(root: str | Path, size: int = 128, cache: str | Path | None = None) -> MappedImages:
    """LSUN's church_outdoor training images (126,227 of them in the release), as (N, 3, size, size) uint8.

    root: the folder that holds church_outdoor_train_lmdb, or that folder itself. Needs the extra `lsun`.
    size: the shorter side is resized to it (bilinear, antialiased), then the centre is cut out, as P4 does.
    cache: a folder for the pixels (6.2 GB for all at 128); None: one of its own in $GANCOURSE_CACHE or the user's
        cache. The first call makes it (some minutes a core), later ones open it.

    Raises DataError: no such LMDB, a truncated one, more than 0.1 % of broken records (fewer are left out, and
    reported), a disk that is too small, a cache that holds something else.
    Source: F. Yu et al., LSUN, arXiv:1506.03365; H. Javed, Exploring DCGANs for Image Generation.
    """
    return make(_lmdb(_find_lmdb(Path(root))), size, cache)


def image_folder(path: str | Path, size: int = 128, cache: str | Path | None = None) -> MappedImages:
    """Your own pictures, from a folder and the folders in it, as (N, 3, size, size) uint8.

    JPEG, PNG, WebP, GIF, BMP, TIFF, JPEG 2000, AVIF and PPM, of several frames or pages the first; cropped as in
    `lsun_churches`, EXIF orientation honoured, transparency laid on white. Pictures that cannot be used are named and
    left out: broken ones, other formats (HEIC), a shorter side below size / 2. Files that do not end as a picture does
    are counted.
    cache: as in `lsun_churches`; made again when the pictures have changed.

    Raises DataError: no pictures, more than a tenth of them unusable, a disk that is too small.
    """
    return make(_folder(Path(path)), size, cache)


def open_pictures(path: str | Path, size: int = 128, cache: str | Path | None = None) -> MappedImages:
    """Images from whatever `path` is: a made map, LSUN's churches, or a folder of pictures.

    Raises DataError: as those do, and for a map whose images have another size.
    """
    path = Path(path)
    if is_map(path):
        images = open_map(path)
        if images.shape != (3, size, size):
            raise DataError(f"{path} holds images of {images.shape}, expected (3, {size}, {size}); make another map.")
        return images
    if (path / "data.mdb").exists() or (path / f"{CHURCHES}_lmdb").exists() or path.suffix == ".mdb":
        return lsun_churches(path, size, cache)
    return image_folder(path, size, cache)


# -- sources -------------------------------------------------------------------------------------------------------


def _find_lmdb(root: Path) -> Path:
    if root.name == "data.mdb":
        root = root.parent
    for folder in (root, root / f"{CHURCHES}_lmdb"):
        if (folder / "data.mdb").is_file():
            return folder
    raise DataError(
        f"neither {root / 'data.mdb'} nor {root / f'{CHURCHES}_lmdb' / 'data.mdb'} was found. "
        "`python -m gancourse fetch lsun-church` fetches LSUN's churches (2.4 GB)."
    )


def _lmdb(folder: Path) -> Source:
    names, file = records(folder), folder / "data.mdb"
    about = hashlib.sha256("\n".join([str(file.stat().st_size), *names]).encode("latin-1")).hexdigest()
    return Source("lmdb", folder, folder.name.removesuffix("_lmdb"), names, 0.001, about)


def records(folder: Path) -> list[str]:
    """The keys of an LMDB, in order. Raises DataError when it is missing, damaged or cut short, or holds none."""
    try:
        import lmdb
    except ImportError as error:
        raise DataError('reading LSUN needs the package lmdb: pip install "gancourse[lsun]"') from error
    file = folder / "data.mdb"
    try:
        with lmdb.open(str(folder), readonly=True, lock=False, readahead=False, meminit=False) as database:
            have, said = file.stat().st_size, (database.info()["last_pgno"] + 1) * database.stat()["psize"]
            if have < 0.99 * said:  # the last pages may be unused; reading far behind the end would be a crash (SIGBUS)
                raise DataError(
                    f"{file} has {have:,} bytes, but says it has {said:,}: it was cut short. Unpack it again, from a "
                    "zip that is whole."
                )
            with database.begin() as reading:
                names = [bytes(key).decode("latin-1") for key in reading.cursor().iternext(values=False)]
    except lmdb.Error as error:
        if "already open" in str(error):  # lmdb allows that once
            raise DataError(
                f"{file} is already open in this process, by torchvision's LSUN perhaps; close it, or restart "
                "the kernel."
            ) from error
        raise DataError(f"{file} is no LMDB, or a damaged one ({error}); unpack it again.") from error
    if not names:
        raise DataError(f"{file} holds no records; unpack it again.")
    return names


def _folder(folder: Path) -> Source:
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give one that holds pictures (JPEG, PNG, TIFF ...).")
    seen = [p for p in sorted(folder.rglob("*")) if not p.name.startswith(".") and p.is_file()]
    files = [p for p in seen if p.suffix.lower() in SUFFIXES]
    if not files:
        raise DataError(f"{folder} holds no pictures: no file in it ends in {', '.join(sorted(SUFFIXES))}.")
    names = [str(p.relative_to(folder)) for p in files]
    others = Counter(p.suffix.lower() or "no ending" for p in seen if p.suffix.lower() not in SUFFIXES)
    return Source("folder", folder, folder.resolve().name or "pictures", names, 0.1, stamp(folder, names), dict(others))


def stamp(folder: Path, names: list[str]) -> str:
    """A hash of the files' names, sizes and times: it changes when the pictures do."""
    about = hashlib.sha256(b"first frames of nine formats\n")  # a map made when there were three is made again
    for name in names:
        stat = (folder / name).stat()
        about.update(f"{name}\n{stat.st_size} {stat.st_mtime_ns}\n".encode(errors="surrogatepass"))
    return about.hexdigest()
