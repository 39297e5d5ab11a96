"""A large file over HTTP that arrives whole or not at all: resumed, and checked against its size and hash."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

from gancourse.data.images import DataError

TIMEOUT = 30.0  # seconds without a byte
PAUSES = (1.0, 3.0, 10.0)  # seconds before each new attempt; an attempt that brought something starts over
_BLOCK = 1 << 20
_BROKEN = (urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError)  # not a full disk, which is an OSError


class DownloadFailed(DataError):
    """One source did not give the file; the message says why. What arrived is kept, unless it was wrong."""


def download(url: str, file: Path, size: int | None = None, sha256: str | None = None) -> None:
    """Download `url` to `file`, by way of `file`.part, which a later call goes on with.

    size, sha256: what the whole file must have; None: what the server says, and anything.
    A connection that breaks is taken up again where it broke (HTTP Range); a server that ignores that is read from the
    start. Raises DownloadFailed: the file is not there, another size or hash, or attempt after attempt brings nothing.
    """
    if file.exists():
        return
    part = file.with_name(file.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures, have = 0, _length(part)
    with tqdm(total=size, initial=have, desc=file.name, unit="B", unit_scale=True, leave=False) as bar:
        while True:
            why, whole = "", False
            try:
                size, whole = _attempt(url, part, size, bar)
            except urllib.error.HTTPError as error:
                why = f"the server answers {error.code} {error.reason}"
                error.close()
                if error.code < 500 and error.code not in (408, 429):
                    raise DownloadFailed(why) from error
            except (*_BROKEN, http.client.HTTPException) as error:
                why = str(getattr(error, "reason", error)) or type(error).__name__
            if whole:
                break
            failures = 1 if _length(part) > have else failures + 1
            have = _length(part)
            if failures > len(PAUSES):
                raise DownloadFailed(f"{why or 'the connection breaks off'} ({have:,} bytes of it are here)")
            time.sleep(PAUSES[failures - 1])
    if sha256 is not None and hash_of(part) != sha256:
        part.unlink()
        raise DownloadFailed(f"what it gives has not the SHA-256 {sha256}, and was deleted")
    os.replace(part, file)


def _attempt(url: str, part: Path, size: int | None, bar: tqdm[None]) -> tuple[int | None, bool]:
    """One connection. Returns the whole file's size, as far as known, and whether all of it is here."""
    start = _length(part)
    if size is not None and start > size:
        part.unlink()
        start = 0
    if start == size:
        return size, True
    headers = {"User-Agent": "gancourse", "Accept-Encoding": "identity"} | (
        {"Range": f"bytes={start}-"} if start else {}
    )
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # what is here is no beginning of what is there
            error.close()
            part.unlink()
            return size, False
        raise
    with answer:
        total = _total(answer, start)
        if answer.status == 206 and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            part.unlink(missing_ok=True)
            return size, False
        if size is not None and total is not None and total != size:
            raise DownloadFailed(f"the server offers {total:,} bytes, expected {size:,}: it is another file")
        size = total if size is None else size
        bar.total = size
        with part.open("ab" if answer.status == 206 else "wb", buffering=0) as out:
            bar.n = out.tell()
            while block := answer.read1(_BLOCK):
                if size is not None and out.tell() + len(block) > size:
                    raise DownloadFailed(f"the server gives more than the {size:,} bytes expected: it is another file")
                out.write(block)
                bar.update(len(block))
            have = out.tell()
    return size, have == size if size is not None else True


def _total(answer: http.client.HTTPResponse, start: int) -> int | None:
    """The whole file's size by the headers of an answer."""
    if answer.status == 206:
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("Content-Range") or "")
        return int(found[1]) if found else None
    length = answer.headers.get("Content-Length") or ""
    return int(length) if length.isdecimal() else None


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def hash_of(file: Path) -> str:
    """SHA-256 of a file, read piece by piece."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
