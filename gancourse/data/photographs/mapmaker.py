"""Makes maps: many pictures, decoded in parallel into one file of pixels (see gancourse.data.photographs.maps).

It can be killed at any moment and goes on where it was: workers write chunks of pictures into pixels.u8, and a journal
beside it says which chunks are there, with a checksum of each. What is made does not depend on how often that happened.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from tqdm.auto import tqdm

from gancourse.data.images import DataError
from gancourse.data.photographs import decode, maps
from gancourse.data.photographs.maps import MappedImages, is_map, open_map
from gancourse.files import alone, cache_folder, write_atomically
from gancourse.workers import cores

_CHUNK = 64  # pictures
_JOURNAL = "journal.jsonl"
_SPARE = 64 << 20  # bytes of disk that stay free


@dataclass(frozen=True)
class Source:
    """Pictures to be decoded: how a worker reads them, and under which names.

    most_bad: the share of them that may be broken before that is an error.
    identity: changes when the pictures do.
    others: ending -> number of files beside them that are not taken for pictures.
    part: "whole", or the "left" or "right" half of each picture.
    """

    kind: str  # "lmdb" or "folder"
    path: Path
    name: str
    names: list[str] = field(repr=False)
    most_bad: float
    identity: str
    others: dict[str, int] = field(default_factory=dict)
    part: str = "whole"


def make(source: Source, size: int = 128, cache: str | Path | None = None) -> MappedImages:
    """The map of a source: opened when it is there, made (or finished) when not.

    cache: its folder; None: one in `files.cache_folder()`, named after the source's name, the size and its identity.
    Raises DataError: too many broken pictures, a disk that is too small or cannot be written to, a folder that holds
    another map.
    """
    if not 8 <= size <= 1024:
        raise DataError(f"size is {size}, expected 8 to 1024 pixels.")
    identity = hashlib.sha256(f"{maps.FORMAT} {size} {source.identity}".encode()).hexdigest()
    folder = Path(cache) if cache else cache_folder() / "maps" / f"{source.name}-{size}-{identity[:12]}"
    if not is_map(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with alone(folder):
                if not is_map(folder):
                    _make(source, size, identity, folder)
        except OSError as error:
            raise DataError(
                f"{folder} could not be finished: {error.strerror or error}. What was made is kept, and the next call "
                "goes on from there. Free some space, or choose another folder (cache=, or $GANCOURSE_CACHE)."
            ) from error
    if maps.about(folder)["source"] != identity:
        raise DataError(
            f"{folder} holds other images than those of {source.path} at {size} pixels; choose another folder for "
            "the cache, or delete that one."
        )
    return open_map(folder)


def _make(source: Source, size: int, identity: str, folder: Path) -> None:
    """Decode all pictures into the folder, going on where an earlier call was stopped; about.json comes last."""
    file, journal, image = folder / maps.PIXELS, folder / _JOURNAL, 3 * size * size
    n, begun = len(source.names), time.perf_counter()
    entries = _read_journal(journal, identity)
    if not entries:
        write_atomically(journal, json.dumps({"source": identity}).encode() + b"\n")
    _refuse_small_disk(file, n * image)
    with file.open("ab") as pixels:
        pixels.truncate(n * image)  # takes no room before something is written
    done = {at: bad for at, crc, bad in entries if _crc(file, at * image, min(_CHUNK, n - at) * image) == crc}
    broken = {at + i: why for at, bad in done.items() for i, why in bad}
    jobs = [at for at in range(0, n, _CHUNK) if at not in done]
    before = n - sum(min(_CHUNK, n - at) for at in jobs)
    with (
        journal.open("a") as log,
        tqdm(total=n, initial=before, desc=source.name, unit=" pictures", leave=False) as bar,
        closing(_decoded(source, size, file, jobs)) as answers,
    ):
        for answer in answers:
            log.write("\n" + json.dumps(answer))  # a line that a kill cut short spoils no other
            log.flush()
            broken |= {answer["at"] + i: why for i, why in answer["bad"]}
            bar.update(min(_CHUNK, n - answer["at"]))
            _refuse_broken(source, broken)
    _refuse_broken(source, broken)
    left_out = [[source.names[i], why] for i, why in sorted(broken.items())]
    count = n - len(broken)
    _close_gaps(file, sorted(broken), n, image)
    shape = (count, 3, size, size)
    crop = f"shorter side resized to {size} (bilinear, antialiased), then the centre {size}x{size}"
    said = {"format": maps.FORMAT, "name": source.name, "count": count, "shape": list(shape[1:]), "crop": crop}
    said |= {"sha256": maps.digest(file, shape), "source": identity, "left_out": left_out}
    write_atomically(folder / maps.ABOUT, json.dumps(said, indent=1).encode() + b"\n")
    journal.unlink(missing_ok=True)
    seconds = time.perf_counter() - begun
    rate = f"{n - before:,} of them decoded in {seconds:.0f} s, {(n - before) / seconds:,.0f} a second"
    print(f"{source.name}: {count:,} pictures at {size}x{size} ({rate}), kept in {folder}")
    if left_out:
        print(f"left out {len(left_out)} that cannot be used:" + _list(left_out))
    if source.others:
        kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(source.others.items()))
        print(f"not taken for pictures, by their endings: {kinds}")


def _read_journal(path: Path, identity: str) -> list[tuple[int, int, list[Any]]]:
    """(at, crc, bad) of each chunk that was written; nothing when the journal is of other pictures, or none."""
    try:
        first, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
        if json.loads(first)["source"] != identity:
            return []
    except (OSError, ValueError, LookupError, TypeError):
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
            entries.append((entry["at"], entry["crc"], entry["bad"]))
        except (ValueError, LookupError, TypeError):  # cut short by a kill: that chunk is made again
            continue
    return entries


def _refuse_small_disk(file: Path, needed: int) -> None:
    """Raises DataError unless the disk has room for the bytes of the file that are not there yet."""
    have = getattr(file.stat(), "st_blocks", 0) * 512 if file.exists() else 0
    free = shutil.disk_usage(file.parent).free
    if needed - have + _SPARE > free:
        raise DataError(
            f"{file.parent} has {free / 1e9:.2f} GB free, but the pixels need {(needed - have + _SPARE) / 1e9:.2f} GB. "
            "Free some space, or choose another folder (cache=, or $GANCOURSE_CACHE)."
        )


def _refuse_broken(source: Source, broken: dict[int, str]) -> None:
    if len(broken) > source.most_bad * len(source.names):
        found = [[source.names[i], why] for i, why in sorted(broken.items())]
        raise DataError(
            f"{len(broken)} or more of the {len(source.names):,} pictures in {source.path} cannot be used; at most "
            f"{source.most_bad:.1%} may be left out. Mend or remove them:{_list(found)}"
        )


def _list(found: list[list[str]]) -> str:
    lines = [f"\n  {name}: {why}" for name, why in found[:10]]
    return "".join(lines) + (f"\n  and {len(found) - 10} more" if len(found) > 10 else "")


def _crc(file: Path, start: int, length: int) -> int:
    with file.open("rb") as pixels:
        pixels.seek(start)
        return zlib.crc32(pixels.read(length))


def _close_gaps(file: Path, gaps: list[int], n: int, image: int) -> None:
    """Move the last good pictures to where broken ones left gaps, and cut the file off behind them.

    Killed in between, the chunks that it touched no longer match their checksums, and are made again.
    """
    count, holes = n - len(gaps), set(gaps)
    with file.open("r+b") as pixels:
        for gap, last in zip(gaps, (i for i in range(count, n) if i not in holes), strict=False):
            pixels.seek(last * image)
            moved = pixels.read(image)
            pixels.seek(gap * image)
            pixels.write(moved)
        pixels.truncate(count * image)
        pixels.flush()
        os.fsync(pixels.fileno())


# -- the workers ---------------------------------------------------------------------------------------------------


def _decoded(source: Source, size: int, file: Path, jobs: list[int]) -> Generator[dict[str, Any]]:
    """The workers' answers, chunk by chunk in the order in which they are ready.

    One worker a core, each with a thread here that asks and listens. Whatever ends this generator ends the workers.
    """
    if not jobs:
        return
    task = {"source": {"kind": source.kind, "path": str(source.path.resolve())}, "size": size, "part": source.part}
    line = json.dumps(task | {"file": str(file.resolve())})
    waiting, answers = iter(jobs), SimpleQueue[dict[str, Any] | None]()
    lock = Lock()
    workers = [_worker(line) for _ in range(min(cores(), len(jobs)))]

    def listen(worker: subprocess.Popen[str]) -> None:
        assert worker.stdin and worker.stdout
        try:
            while True:
                with lock:
                    at = next(waiting, None)
                if at is None:
                    break
                job = {"at": at, "names": source.names[at : at + _CHUNK]}
                worker.stdin.write(json.dumps(job) + "\n")
                worker.stdin.flush()
                answer = json.loads(worker.stdout.readline())
                answers.put(answer)
                if "error" in answer:
                    break
        except (OSError, ValueError):
            answers.put({"error": f"a decoding process ended (status {worker.wait()})"})
        answers.put(None)

    threads = [Thread(target=listen, args=[worker], daemon=True) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            answer = answers.get()
            if answer is None:
                running -= 1
            elif "error" in answer:
                raise OSError(None, answer["error"])
            else:
                yield answer
    finally:
        for worker in workers:
            worker.kill()
        for worker, thread in zip(workers, threads, strict=True):
            thread.join()
            worker.communicate()


def _worker(first_line: str) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-P", decode.__file__],  # by its path, not by -m, so that the package is not imported
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    assert worker.stdin
    worker.stdin.write(first_line + "\n")
    worker.stdin.flush()
    return worker
