"""Making a map that is killed, at any moment: it goes on, and what it makes is what an undisturbed one makes.

Each life is a process of its own, forked from this one: a killed process leaves what a crash of the program leaves.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_pictures import records, write_lmdb

from gancourse.data.photographs import lsun_churches, mapmaker, maps

SIZE, RUNS = 32, 8  # lives killed at random moments: one to three a run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork; what is tested is the same everywhere"),
]


@pytest.fixture(scope="module")
def lsun(tmp_path_factory):
    """1,000 records, the 300th of them broken, so that a gap has to be closed too."""
    values = records(1_000)
    values[300] = b"no picture"
    return write_lmdb(tmp_path_factory.mktemp("lsun"), values)


@pytest.fixture(scope="module")
def whole(lsun, tmp_path_factory):
    """A map that nothing happened to, and how long it took."""
    folder = tmp_path_factory.mktemp("maps") / "whole"
    start = time.perf_counter()
    assert life(lsun, folder) == 0
    return folder, time.perf_counter() - start


def life(root: Path, folder: Path, kill_after: float = 0.0, kill_at: int = 0, workers: Path | None = None) -> int:
    """Make the map in a process of its own; returns how that ended.

    kill_after: seconds until it is killed. kill_at: the line, of those executed in _make and _close_gaps, at which it
    kills itself. workers: a file for the workers' process numbers.
    """
    pid = os.fork()
    if not pid:
        status = 1
        with contextlib.suppress(BaseException):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            sys.stdout = sys.stderr = open(1, "w")  # noqa: SIM115
            if workers:
                real = mapmaker._worker

                def noted(line: str) -> "subprocess.Popen[str]":
                    worker = real(line)
                    with workers.open("a") as file:
                        file.write(f"{worker.pid}\n")
                    return worker

                mapmaker._worker = noted  # type: ignore[assignment]
            if kill_at:
                die_at_line(kill_at)
            lsun_churches(root, SIZE, folder)
            status = 0
        os._exit(status)
    if kill_after:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_at_line(number: int) -> None:
    watched, lines = {mapmaker._make.__code__, mapmaker._close_gaps.__code__}, 0

    def count(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(lambda frame, event, argument: count if frame.f_code in watched else None)


def same(a: Path, b: Path) -> bool:
    maps.open_map(b).verify()
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in (maps.ABOUT, maps.PIXELS))


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_at_a_random_moment(lsun, whole, tmp_path, seed):
    moments = random.Random(seed)
    ends = [life(lsun, tmp_path / "map", moments.uniform(0.05, whole[1])) for _ in range(1 + seed % 3)]
    assert set(ends) <= {-signal.SIGKILL, 0}
    assert life(lsun, tmp_path / "map") == 0
    assert same(whole[0], tmp_path / "map")


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_at_a_random_line(lsun, whole, tmp_path, seed):
    assert life(lsun, tmp_path / "map", kill_at=random.Random(seed).randint(1, 150)) == -signal.SIGKILL
    assert not maps.is_map(tmp_path / "map") or same(whole[0], tmp_path / "map")
    assert life(lsun, tmp_path / "map") == 0
    assert same(whole[0], tmp_path / "map")


def test_killed_at_every_line_of_its_end(lsun, whole, tmp_path):
    """From the moment when all is decoded on, one line at a time, until it gets through."""
    start = tmp_path / "start"
    real, mapmaker._close_gaps = mapmaker._close_gaps, lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    try:
        assert life(lsun, start) == -signal.SIGKILL
    finally:
        mapmaker._close_gaps = real
    ends: list[int] = []
    while not ends or ends[-1] != 0:
        folder = tmp_path / f"map-{len(ends)}"
        shutil.copytree(start, folder)
        ends.append(life(lsun, folder, kill_at=len(ends) + 1))
        assert life(lsun, folder) == 0
        assert same(whole[0], folder)
        shutil.rmtree(folder)
    assert len(ends) > 40 and set(ends[:-1]) == {-signal.SIGKILL}


def test_what_is_decoded_is_not_decoded_again_unless_it_is_damaged(lsun, whole, tmp_path, monkeypatch):
    folder = tmp_path / "map"
    assert life(lsun, folder, kill_at=100) == -signal.SIGKILL
    written = [
        int(line.split('"at": ')[1].split(",")[0]) for line in (folder / "journal.jsonl").read_text().split("\n")[2:]
    ]
    assert len(written) > 5
    with (folder / maps.PIXELS).open("r+b") as pixels:  # as a power cut may leave it
        pixels.seek((written[2] + 5) * 3 * SIZE * SIZE)
        pixels.write(b"\0" * 99)
    asked = []
    real = mapmaker._decoded

    def decoded(source, size, file, jobs):
        asked.extend(jobs)
        return real(source, size, file, jobs)

    monkeypatch.setattr(mapmaker, "_decoded", decoded)
    lsun_churches(lsun, SIZE, folder)
    assert sorted([*asked, *written]) == sorted([*range(0, 1_000, 64), written[2]])
    assert same(whole[0], folder)


def test_the_workers_of_a_killed_process_end(lsun, tmp_path):
    numbers = tmp_path / "workers"
    life(lsun, tmp_path / "map", kill_at=60, workers=numbers)
    pids = [int(line) for line in numbers.read_text().split()]
    assert pids
    until = time.monotonic() + 20
    while any(map(alive, pids)):
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"  # nobody may have waited
    except ProcessLookupError:
        return False


DISK = """
import sys
from gancourse.data.photographs import lsun_churches
from gancourse.data import DataError
from gancourse.data.photographs import mapmaker
mapmaker._SPARE = 0
mapmaker._refuse_small_disk = lambda *_: None  # the disk fills up while we decode
try:
    print(len(lsun_churches(sys.argv[1], 64, sys.argv[2])))
except DataError as error:
    print(error)
"""


def test_a_disk_that_fills_up(lsun, tmp_path):
    """On a small disk of its own; needs root, and Linux."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f'"{sys.executable}" -c "$1" "$2" "$0/map"'
    script = f'mount -t tmpfs -o size=5m none "$0" && {run} && mount -o remount,size=50m "$0" && {run}'
    private = ["unshare", "--mount", "sh", "-c"]
    mounts = [*private, 'mount -t tmpfs -o size=5m none "$0"', str(disk)]
    if not shutil.which("unshare") or subprocess.run(mounts, capture_output=True).returncode:
        pytest.skip("cannot mount a disk here")
    done = subprocess.run(
        [*private, script, str(disk), DISK, str(lsun)],
        capture_output=True,
        text=True,
        cwd=Path(mapmaker.__file__).parents[3],
    )
    assert "could not be finished: No space left on device. What was made is kept" in done.stdout, done
    assert done.stdout.splitlines()[-1] == "999"
