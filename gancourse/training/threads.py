"""How many threads a run computes with, where another process keeps some of the cores busy.

torch takes one thread a core, and after each piece of work they all wait for the last. On a quiet machine that is
right. Where another process computes, one of the threads is put aside again and again, and the others wait for it. With
two threads on two cores less than half of the quiet rate is left; one thread fewer avoids that. For convolutions on two
cores one thread more does better still, two of them on one core and one on the other, which the other process shares:
then each has half a core, and all are done together (`make bench` measures all of this).

Nothing is chosen where you have: OMP_NUM_THREADS or MKL_NUM_THREADS in the environment, or torch.set_num_threads.
The choice is made once a process, since the number of threads decides how sums are rounded: a loop by hand and
`Trainer` agree to the bit with the same number only.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

PROC = Path("/proc")
TICKS = 100  # a second, of the times in /proc/stat; the kernel counts so on every usual machine
BUSY = 0.5  # cores that others must use before anything is chosen
WORKED = 20_000_000  # nanoseconds within which a thread of this process has shown that it helps
READINGS = (0.2, 0.4)  # seconds; the second one is taken only if the first says busy, and decides with it


@dataclass(frozen=True)
class Choice:
    """threads: how many to compute with; cores: those that this process may use; busy: cores' worth that others use,
    None where nobody looked; laid_out: threads beyond the cores, two on one core and one on the other."""

    threads: int
    cores: int
    busy: float | None = None
    laid_out: bool = False

    @property
    def differs(self) -> bool:
        """Whether it is another number than on a quiet machine."""
        return self.busy is not None and self.threads != self.cores

    def __str__(self) -> str:
        """One line, empty where nothing differs."""
        if not self.differs:
            return ""
        layout = ", two on one core and one on the other" if self.laid_out else ""
        return (
            f"Other processes keep {self.busy:.1f} of {self.cores} cores busy: this one computes with {self.threads} "
            f"thread{'s' * (self.threads != 1)}{layout} (OMP_NUM_THREADS={self.cores} keeps {self.cores})."
        )


_made: Choice | None = None


def choose(convolutions: bool) -> Choice:
    """Look at the machine, choose, and set torch's threads; a second call returns the first one's choice.

    convolutions: whether the networks that will be trained mostly convolve.
    """
    global _made
    if _made is None:
        now = torch.get_num_threads()
        _made = Choice(now, now)
        if not _asked_for() and cores() > 1 and now == cores():
            choice = decide(now, others(), convolutions)
            torch.set_num_threads(choice.threads)
            if choice.laid_out and not lay_out(choice.threads):
                choice = decide(now, choice.busy, convolutions=False)
                torch.set_num_threads(choice.threads)
            _made = choice
    return _made


def decide(cores: int, busy: float | None, convolutions: bool) -> Choice:
    """What to do with so many cores of which others use `busy` (None: unknown). Sets nothing.

    One thread fewer for each core that others use, at least one thread; on two cores beside one process, three threads
    for convolutions.
    """
    if busy is None or busy < BUSY:
        return Choice(cores, cores, busy)
    taken = max(1, round(busy))
    if convolutions and cores == 2 and taken == 1:
        return Choice(3, cores, busy, laid_out=True)
    return Choice(max(1, cores - taken), cores, busy)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def others() -> float | None:
    """Cores' worth of time that other processes use of the cores that are ours too; None elsewhere than on Linux.

    It takes a moment: 0.2 s, and 0.4 s more to be sure where that looks busy, since a page that has just been opened
    is not worth a choice for hours.
    """
    found = [_reading(READINGS[0])]
    if found[0] is not None and found[0] >= BUSY:
        found.append(_reading(READINGS[1]))
    return min((one for one in found if one is not None), default=None)


def _reading(seconds: float, wait: Callable[[float], Any] = time.sleep) -> float | None:
    start, own, used = time.perf_counter(), time.process_time(), _used()
    wait(seconds)
    if used is None or (now := _used()) is None:
        return None
    own = time.process_time() - own
    return max(0.0, (now - used - own) / (time.perf_counter() - start))


def _used() -> float | None:
    """Seconds that our cores have computed since the machine started, for anybody; None where nothing tells."""
    if sys.platform != "linux":
        return None
    try:
        lines = (PROC / "stat").read_text().splitlines()
        mine = {f"cpu{n}" for n in os.sched_getaffinity(0)}
        # user nice system idle iowait irq softirq steal: all but idle and iowait
        rows = [[int(v) for v in line.split()[1:9]] for line in lines if line.split(maxsplit=1)[0] in mine]
    except (OSError, ValueError, IndexError):
        return None
    if len(rows) != len(mine):
        return None
    return sum(sum(row) - sum(row[3:5]) for row in rows) / TICKS


def lay_out(threads: int) -> bool:
    """Keep OpenMP's helpers on a core each, in turn, so that with the main thread two are on the first core.

    The calling thread stays free to move, so that processes and threads that it starts may use every core. Returns
    False, and changes nothing, where the helpers cannot be told from this process's other threads.
    """
    before, stop, a = _run_times(), time.perf_counter() + 2.0, torch.ones(1 << 19)
    helpers: list[int] = []
    while len(helpers) < threads - 1 and time.perf_counter() < stop:
        for _ in range(16):
            torch.sin(a)  # shared out in equal parts; a matrix product may leave some threads out
        grown = {n: t - before.get(n, 0) for n, t in _run_times().items() if n != os.getpid()}
        helpers = [n for n in sorted(grown, key=lambda n: -grown[n]) if grown[n] >= WORKED][: threads - 1]
    if len(helpers) < threads - 1:
        return False
    try:
        places = sorted(os.sched_getaffinity(0))
        for place, helper in enumerate(sorted(helpers)):
            os.sched_setaffinity(helper, {places[place % len(places)]})
    except OSError:
        return False
    return True


def _run_times() -> dict[int, int]:
    """Thread of this process -> nanoseconds that it has run."""
    times = {}
    for folder in (PROC / "self" / "task").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            times[int(folder.name)] = int((folder / "schedstat").read_text().split()[0])
    return times


# -- of a run that goes on -----------------------------------------------------------------------------------------


def to_go_on(computed: Any) -> int | None:
    """The threads that a resumed run had, if it is to have them again; None to compute with those that there are.

    None where you have set some, where this machine has too few cores for as many, and where the run does not say.
    computed: what its config.json says of them, which may be anything.
    """
    had = computed.get("threads") if isinstance(computed, dict) else None
    if not isinstance(had, int) or isinstance(had, bool) or not 1 <= had <= cores() + 1:
        return None
    usual = {cores(), _made.threads if _made else cores()}
    return None if _asked_for() or torch.get_num_threads() not in usual else had


@contextlib.contextmanager
def computing_with(threads: int | None) -> Iterator[None]:
    """So many threads inside this block, and those that there were again after it; None changes nothing."""
    before = torch.get_num_threads()
    if threads is None or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _asked_for() -> bool:
    return any(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))
