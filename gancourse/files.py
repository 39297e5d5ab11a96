"""Small things about files that several modules need: atomic writes, bounded reads, packing, where things are kept."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import lzma
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

# Weights are noise with the histogram of a bell: what can be won is in how frequent their bytes are, counted apart for
# each of four places (lp=2), so that a float's sign and exponent are told from the end of its mantissa.
_FOR_WEIGHTS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 2, "pb": 0, "dict_size": 1 << 22}]
_MEMORY = 64 << 20  # bytes that unpacking may take beside what it gives

#: What locking says on a file system that knows no locks (beside NotImplementedError).
NO_LOCKS = {getattr(errno, name, None) for name in ("ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK")}

DRIVE = Path("/content/drive")  # where Colab's own examples mount the user's Google Drive
IN_DRIVE = "MyDrive/gancourse"  # the course's folder in it


def cache_folder() -> Path:
    """Where decoded data is kept: $GANCOURSE_CACHE, else the platform's cache folder + "gancourse". May not exist."""
    if own := os.environ.get("GANCOURSE_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gancourse"


def data_folder() -> Path:
    """Where what a user made is kept: the platform's folder for it + "gancourse". May not exist.

    No cache: whoever clears caches keeps it. Raises RuntimeError where the user has no home folder.
    """
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "gancourse"


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader, or a crash, sees the old file or the new one and never a part.

    A temporary file in the same folder, flushed to the disk, then renamed over `path`. Raises OSError and leaves the
    old file as it was (disk full, folder read-only); the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what matters
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_at_most(path: Path, limit: int) -> bytes:
    """The content of a file. Raises OSError, also for what is no file or has more than `limit` bytes."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):  # opening a pipe would wait for ever
        raise OSError(errno.EINVAL, "it is no file", str(path))
    if about.st_size > limit:
        raise OSError(errno.EFBIG, f"it has {about.st_size:,} bytes, expected at most {limit:,}", str(path))
    with path.open("rb") as file:
        return file.read(limit)


def packed(raw: bytes) -> bytes:
    """An xz file that holds `raw`, for weights and for what looks like them."""
    return lzma.compress(raw, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=_FOR_WEIGHTS)


def unpacked(raw: bytes, limit: int) -> bytes:
    """What an xz file holds, if that is at most `limit` bytes: no more than one byte beyond is ever made.

    Raises ValueError for what is no whole xz file, has anything behind it, holds more or would take much memory.
    """
    reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    try:
        found = reader.decompress(raw, limit + 1)
    except lzma.LZMAError as error:
        raise ValueError(f"it is no whole xz file ({error})") from error
    if len(found) > limit:
        raise ValueError(f"it holds more than {limit:,} bytes")
    if not reader.eof or reader.unused_data:
        raise ValueError(f"it is no whole xz file ({'it goes on after its end' if reader.eof else 'it was cut short'})")
    return found


def read_unpacked(path: Path, limit: int) -> bytes:
    """The content of a file, or what it holds if its name ends in .xz: at most `limit` bytes, as the file itself.

    Raises OSError as `read_at_most`, ValueError for a file in .xz as `unpacked`.
    """
    raw = read_at_most(path, limit)
    if path.suffix != ".xz":
        return raw
    try:
        return unpacked(raw, limit)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def write_unpacked(path: Path, raw: bytes) -> None:
    """What `read_unpacked` reads: `raw`, in an xz file if the name ends in .xz. Raises as `write_atomically`."""
    write_atomically(path, packed(raw) if path.suffix == ".xz" else raw)


def card_of(weights: Path) -> Path:
    """Where the card of weights is: NAME.json beside NAME.safetensors or NAME.safetensors.xz."""
    return weights.with_name(weights.name.removesuffix(".xz")).with_suffix(".json")


def read_verified(path: Path, sha256: str, limit: int) -> bytes:
    """The content of a file whose hash is known, or, of a file in .xz, what it holds: then the hash is of that.

    Raises OSError as `read_at_most`; ValueError for another content, or more than `limit` bytes of it.
    """
    raw = read_unpacked(path, limit)
    if (found := hashlib.sha256(raw).hexdigest()) != sha256:
        raise ValueError(f"{path} is damaged: its SHA-256 is {found}, expected {sha256}")
    return raw


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time goes through this block; the others wait at its beginning (and say so)."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is at work in {folder}; waiting for it", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can (not on Windows)."""
    if sys.platform == "win32":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse to sync a folder
        pass
    finally:
        os.close(handle)
