"""A run that is killed, at any moment, goes on as if nothing had happened; so does one whose disk was full.

Each life of a run is a process of its own, forked from one parent that has torch imported (this file, run as a
program): a killed process leaves what a crash of the program leaves.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

EPOCHS = 5
RUNS = 16  # killed one to three times each, at random moments, and as many once or twice in a save

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork; what is tested is the same everywhere"),
]


# -------------------------------------------------------------------------------- in the parent of all lives


def live(images, folder: str, kill_at: int, epochs: int, messages: int) -> None:
    """Train the run in `folder` to its end, or until its files have been touched `kill_at` times."""
    import torch

    from gancourse.models import networks
    from gancourse.training import Minimax, Trainer
    from gancourse.training.trainer import Config

    count_touches(kill_at, messages)
    torch.manual_seed(0)
    G, D = networks("mlp")
    config = Config(epochs=epochs, batch_size=16, precision="float32", fast=False, ema_half_life=100.0)
    trainer = Trainer(Minimax(G, D), images, config, folder, "cpu", milestones=(2,))
    trainer.fit(progress=False)


def count_touches(kill_at: int, messages: int) -> None:
    """Write in pieces, and count every piece, flush, rename and removal; at number `kill_at`, be killed.

    Counts are from 1; 0 never kills. The last count is reported through the file `messages`.
    """
    touches = 0

    def touch() -> None:
        nonlocal touches
        touches += 1
        os.pwrite(messages, f"{touches:8}".encode(), 0)
        if touches == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function):
        def call(*arguments, **settings):
            touch()
            result = function(*arguments, **settings)
            touch()
            return result

        return call

    class Pieces:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            for start in range(0, len(data), len(data) // 3 + 1):
                self.file.write(data[start : start + len(data) // 3 + 1])
                self.file.flush()
                touch()

    real = Path.open

    def opened(path, mode="r", *arguments, **settings):
        file = real(path, mode, *arguments, **settings)
        return Pieces(file) if "x" in mode else file

    Path.open = opened  # type: ignore[assignment, method-assign]
    os.replace, os.fsync, os.unlink = counted(os.replace), counted(os.fsync), counted(os.unlink)


def nursery() -> None:
    """Read a life a line, let it live, say how it ended."""
    import torch

    import gancourse.training  # noqa: F401  # every life has it
    from gancourse.data import mnist

    torch.set_num_threads(1)
    images = mnist("test").subset(52)
    weight = torch.zeros(1, requires_grad=True)
    weight.grad = torch.zeros(1)
    torch.optim.Adam([weight]).step()  # imports a good deal
    for line in sys.stdin:
        job = json.loads(line)
        if "shell" in job:
            print(json.dumps({"code": subprocess.run(job["shell"], shell=True).returncode}), flush=True)
            continue
        messages = os.memfd_create("touches") if hasattr(os, "memfd_create") else os.open(job["scratch"], 0x42, 0o600)
        start = time.perf_counter()
        if not (pid := os.fork()):
            status = 1
            with contextlib.suppress(BaseException):
                os.dup2(os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
                os.dup2(1, 2)
                try:
                    live(images, job["folder"], job.get("kill_at", 0), job.get("epochs", EPOCHS), messages)
                    status = 0
                except BaseException:
                    traceback.print_exc()
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)
        if "kill_after" in job:
            time.sleep(job["kill_after"])
            os.kill(pid, signal.SIGKILL)  # our child, not waited for yet: its number cannot be another's
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        touches = int(os.pread(messages, 8, 0) or b"0")
        os.close(messages)
        print(json.dumps({"code": code, "touches": touches, "seconds": time.perf_counter() - start}), flush=True)


# -------------------------------------------------------------------------------- the tests


class Nursery:
    def __init__(self, scratch: Path, *prefix: str):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.scratch = scratch
        self.process = subprocess.Popen(
            [*prefix, sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).resolve().parents[2],
        )

    def ask(self, job: dict) -> dict:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def life(self, folder: Path, **how) -> dict:
        log = self.scratch / f"{folder.name}.log"
        ended = self.ask({"folder": str(folder), "log": str(log), "scratch": str(self.scratch / "touches")} | how)
        return ended | {"log": log.read_text() if log.exists() else ""}

    def close(self):
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture(scope="module")
def nursery_(tmp_path_factory):
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(nursery_, tmp_path_factory):
    """A run that nothing happened to, how long it took and how often it touched files."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    ended = nursery_.life(folder)
    assert ended["code"] == 0, ended["log"]
    return folder, ended


def same(a: Path, b: Path) -> None:
    """Two finished runs are the same: every bit but the times, and no file too many or too few."""
    import torch

    from gancourse.training.run import Run

    files = [sorted(str(p.relative_to(f)) for p in f.rglob("*") if p.is_file()) for f in (a, b)]
    assert files[0] == files[1]
    for name in files[0]:
        if name.endswith(".png"):
            assert (a / name).read_bytes() == (b / name).read_bytes(), name
    one, other = Run(a), Run(b)
    for epoch in one.checkpointed_epochs():
        x, y = one.load(epoch), other.load(epoch)
        assert x.tensors.keys() == y.tensors.keys()
        assert [name for name in x.tensors if not torch.equal(x.tensors[name], y.tensors[name])] == []
        assert untimed(x.history) == untimed(y.history)
    assert untimed(one.history()) == untimed(other.history())


def untimed(history):
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in history]


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_at_a_random_moment(nursery_, whole, tmp_path, seed):
    folder, ended = whole
    moments = random.Random(seed)
    run = tmp_path / f"run-{seed}"
    codes = []
    for _ in range(1 + seed % 3):  # one to three deaths
        how = {"kill_after": moments.uniform(0.0, ended["seconds"])}
        codes.append(nursery_.life(run, **how)["code"])
    assert set(codes) <= {-signal.SIGKILL, 0}  # a life may have been over before its time
    last = nursery_.life(run)
    assert last["code"] == 0, last["log"]
    same(folder, run)


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_in_the_middle_of_a_save(nursery_, whole, tmp_path, seed):
    folder, ended = whole
    moments = random.Random(1000 + seed)
    run = tmp_path / f"run-{seed}"
    for _ in range(1 + seed % 2):
        killed = nursery_.life(run, kill_at=moments.randint(1, ended["touches"] // (1 + seed % 2)))
        assert killed["code"] == -signal.SIGKILL, killed["log"]
    last = nursery_.life(run)
    assert last["code"] == 0, last["log"]
    same(folder, run)


def test_killed_step_by_step_through_one_save(nursery_, tmp_path):
    """From the end of epoch 1 on, one touch at a time: all that a save does, and the next sheet of samples."""
    short = nursery_.life(tmp_path / "short", epochs=1)["touches"]
    two = nursery_.life(tmp_path / "two", epochs=2)["touches"]
    assert two - short > 20
    start = tmp_path / "start"
    nursery_.life(start, epochs=1)
    for step in range(1, two - short + 1):
        run = tmp_path / f"run-{step}"
        shutil.copytree(start, run)
        killed = nursery_.life(run, epochs=2, kill_at=step)
        assert killed["code"] == -signal.SIGKILL, killed["log"]
        last = nursery_.life(run, epochs=2)
        assert last["code"] == 0, last["log"]
        same(tmp_path / "two", run)
        shutil.rmtree(run)


def test_a_disk_that_fills_up_and_a_disk_that_turns_read_only(whole, tmp_path):
    """On a small disk of its own, seen by the nursery alone; needs root, and Linux."""
    disk = tmp_path / "disk"
    disk.mkdir()
    room = int(1.6 * (whole[0] / "checkpoints" / "epoch-0005.safetensors").stat().st_size)  # for one, not for two
    mount = f'mount -t tmpfs -o size={room} none "$0" && exec "$@"'
    private = ["unshare", "--mount", "sh", "-c", mount, str(disk)]
    if not shutil.which("unshare") or subprocess.run([*private, "true"], capture_output=True).returncode:
        pytest.skip("cannot mount a disk here")
    alone = Nursery(tmp_path, *private)
    run, copy = disk / "run", tmp_path / "copy"
    try:
        full = alone.life(run)
        assert full["code"] == 1
        assert "could not be written to: No space left on device. What was written before is whole" in full["log"]
        assert alone.ask({"shell": f"mount -o remount,size=50m {disk}"})["code"] == 0
        resumed = alone.life(run)
        assert resumed["code"] == 0, resumed["log"]
        assert f"resuming {run} after epoch 1" in resumed["log"]
        assert alone.ask({"shell": f"cp -r {run} {copy} && mount -o remount,ro {disk}"})["code"] == 0
        same(whole[0], copy)
        refused = alone.life(run, epochs=EPOCHS + 1)
        assert refused["code"] == 1
        assert "could not be written to: Read-only file system. Make it writable, or choose" in refused["log"]
    finally:
        alone.close()


if __name__ == "__main__":
    nursery()
