"""LSUN's churches, from the network or from a file that you have: `python -m gancourse fetch lsun-church`."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm.auto import tqdm

from gancourse.data.images import DataError
from gancourse.data.photographs.download import DownloadFailed, download, hash_of
from gancourse.data.photographs.sources import CHURCHES, records
from gancourse.files import alone, cache_folder

_SPARE = 256 << 20  # bytes of disk that stay free


@dataclass(frozen=True)
class Release:
    """A published set of pictures: one zip with an LMDB in it, and where the same pictures are in other clothes.

    hub: a data set on the Hugging Face hub, as Parquet files of `hub_size` bytes together; another order, the same
        pictures.
    """

    folder: str
    records: int
    url: str
    size: int
    sha256: str
    hub: str
    hub_files: tuple[str, ...]
    hub_size: int


# Size and hash of the zip: as TensorFlow Datasets recorded them (url_checksums/lsun.txt). The server's HTTPS
# certificate is not valid, so it is plain HTTP, and the hash is what we trust.
# The hub's data set is split 119,915 + 6,312 = 126,227; its sizes are those of its card.
LSUN_CHURCH = Release(
    folder=f"{CHURCHES}_lmdb",
    records=126_227,
    url="http://dl.yf.io/lsun/scenes/church_outdoor_train_lmdb.zip",
    size=2_448_463_466,
    sha256="91128ae026840ac0c5982b4445ab5fc4e092d6847cca76793b2b1a0815c2e74a",
    hub="tglcourse/lsun_church_train",
    hub_files=(
        "data/train-00000-of-00001-6cbaf0200a9bf96f.parquet",
        "data/test-00000-of-00001-b3f98c62a94e5d25.parquet",
    ),
    hub_size=2_512_548_233,
)


def fetch(
    to: str | Path | None = None,
    from_file: str | Path | None = None,
    url: str | None = None,
    release: Release = LSUN_CHURCH,
) -> Path:
    """The folder that holds the release's LMDB, for `lsun_churches`; downloaded and unpacked unless it is there.

    to: where; None: "lsun" in $GANCOURSE_CACHE or the user's cache. It takes 2.4 GB, and twice that for a while.
    from_file: the release's zip, had by other means; nothing is downloaded.
    url: another place of the same zip, tried before the usual ones ($HF_ENDPOINT: another hub).

    Raises DataError: every source failed (the message says how each did, and what else can be done), a zip that holds
    anything but the LMDB, a disk that is too small.
    """
    root = Path(to) if to else cache_folder() / "lsun"
    root.mkdir(parents=True, exist_ok=True)
    with alone(root):
        return _fetch(root, from_file, url, release)


def _fetch(root: Path, from_file: str | Path | None, url: str | None, release: Release) -> Path:
    if (root / release.folder / "data.mdb").is_file():
        _count(root / release.folder, release)
        return root
    if from_file is not None:
        _unpack(Path(from_file), root, release)
        return root
    archive, failed = root / f"{release.folder}.zip", []
    for source in [*([url] if url else []), release.url]:
        try:
            _room(root, 2 * release.size - _here(archive))
            download(source, archive, release.size, release.sha256)
        except DownloadFailed as error:
            failed.append(f"{source}: {error}")
        else:
            _unpack(archive, root, release)
            archive.unlink()
            return root
    try:
        return _from_hub(root, release)
    except DownloadFailed as error:
        failed.append(str(error))
    raise DataError(
        "LSUN's churches could not be fetched. What was tried:\n  "
        + "\n  ".join(failed)
        + f"\nWhat arrived is kept in {root}, and the same command goes on with it later. Or get the zip by other "
        f"means ({release.size / 1e9:.1f} GB, SHA-256 {release.sha256}) and give it: fetch lsun-church --from FILE, or "
        "its place: --url URL. Until then, train on your own pictures (--data FOLDER) or on churches that are drawn "
        "(--data procedural), which need no download."
    )


def _unpack(archive: Path, root: Path, release: Release) -> None:
    """The LMDB out of a zip, into root / release.folder; nothing else is in the zip, or it is refused."""
    begun = root / f".{release.folder}.unpacking"
    shutil.rmtree(begun, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = _checked(zipped, archive, release)
            _room(root, sum(member.file_size for member in members))
            for member in members:
                target = begun / PurePosixPath(member.filename).name
                target.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(member) as source, target.open("xb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)  # checks size and checksum
        _count(begun, release)
        os.replace(begun, root / release.folder)
    except FileNotFoundError as error:
        raise DataError(f"{archive} was not found; give the zip that holds {release.folder}.") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{archive} is no whole zip ({error}). Expected {release.size:,} bytes, found {_here(archive):,}; SHA-256 "
            f"{release.sha256}, found {hash_of(archive)}."
        ) from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _checked(zipped: zipfile.ZipFile, archive: Path, release: Release) -> list[zipfile.ZipInfo]:
    """The members to unpack. Raises DataError for a zip with any other name in it than the release's two files."""
    allowed = {f"{release.folder}/{name}" for name in ("data.mdb", "lock.mdb")}
    members = []
    for member in zipped.infolist():
        link = stat.S_ISLNK(member.external_attr >> 16)
        if member.filename == f"{release.folder}/" and member.is_dir():
            continue
        if member.filename not in allowed or link or member.flag_bits & 1:
            what = "a link" if link else "encrypted" if member.flag_bits & 1 else "not expected there"
            raise DataError(
                f"{archive} holds {member.filename!r}, which is {what}; the release holds {release.folder}/data.mdb "
                "and lock.mdb, and nothing else. Nothing was unpacked."
            )
        members.append(member)
    names = [member.filename for member in members]
    if f"{release.folder}/data.mdb" not in names or len(set(names)) < len(names):
        raise DataError(f"{archive} does not hold {release.folder}/data.mdb once; is it LSUN's zip of churches?")
    return members


def _count(folder: Path, release: Release) -> None:
    found = len(records(folder))
    if found != release.records:
        raise DataError(
            f"{folder / 'data.mdb'} holds {found:,} records, expected {release.records:,}; delete {folder} and "
            "fetch it again."
        )


def _from_hub(root: Path, release: Release) -> Path:
    """The same pictures from the Hugging Face hub, written as an LMDB. Raises DownloadFailed."""
    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    place = f"{base}/datasets/{release.hub}"
    try:
        import pyarrow  # noqa: F401  # to read what would be downloaded
    except ImportError as error:
        raise DownloadFailed(f'{place}: needs the package pyarrow: pip install "gancourse[lsun]"') from error
    files = [root / f"{release.hub.replace('/', '-')}-{i}.parquet" for i in range(len(release.hub_files))]
    try:
        _room(root, 2 * release.hub_size - sum(map(_here, files)))
        for name, file in zip(release.hub_files, files, strict=True):
            download(f"{place}/resolve/main/{name}", file)
        if (found := sum(map(_here, files))) != release.hub_size:
            raise DownloadFailed(f"its files have {found:,} bytes, expected {release.hub_size:,}: they have changed")
    except DownloadFailed as error:
        raise DownloadFailed(f"{place}: {error}") from error
    _write_lmdb(files, root, release)
    for file in files:
        file.unlink()
    return root


def _write_lmdb(files: list[Path], root: Path, release: Release) -> None:
    """Pictures out of Parquet files into an LMDB like LSUN's; the keys are numbers, in 40 hexadecimal digits."""
    import lmdb

    begun = root / f".{release.folder}.unpacking"
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    bar = tqdm(total=release.records, desc=release.folder, unit=" pictures", leave=False)
    try:
        with bar, lmdb.open(str(begun), map_size=4 * release.hub_size + (1 << 24), lock=False) as database:
            for start, pictures in _batches(files):
                with database.begin(write=True) as writing:
                    for i, picture in enumerate(pictures, start):
                        writing.put(b"%040x" % i, picture)
                bar.update(len(pictures))
        _count(begun, release)
        os.replace(begun, root / release.folder)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _batches(files: list[Path]) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first, encoded pictures), some at a time, from the column "image" of Parquet files."""
    import pyarrow
    from pyarrow import parquet

    start = 0
    for file in files:
        try:
            with parquet.ParquetFile(file) as table:
                for batch in table.iter_batches(256, columns=["image"]):
                    pictures = [row["bytes"] for row in batch.column(0).to_pylist()]
                    yield start, pictures
                    start += len(pictures)
        except (pyarrow.ArrowException, LookupError, TypeError) as error:
            file.unlink()
            raise DownloadFailed(f"{file.name} could not be read ({str(error)[:200]}), and was deleted") from error


def _here(file: Path) -> int:
    """Bytes of a file, or of the part of it that has been downloaded."""
    return sum(f.stat().st_size for f in (file, file.with_name(file.name + ".part")) if f.exists())


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARE > free:
        raise DataError(
            f"{folder} has {free / 1e9:.1f} GB free, but {(needed + _SPARE) / 1e9:.1f} GB are needed. Free some space, "
            "or choose another folder: --to FOLDER."
        )
