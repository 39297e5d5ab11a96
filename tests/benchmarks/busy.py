"""Training beside a process that computes: `python -m tests.benchmarks.bench --busy`, and the end of `make bench`.

Of each kind of network two trainings live in processes of their own: one as torch starts it, and one that chose its
threads (gancourse.training.threads) while the other process computed. They are timed in turns: the first on the quiet
machine, then both beside the busy process. Ratios are taken within a turn. A third process chooses on the quiet
machine, where it must leave everything as it is.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.process import AVX2, Process

STEPS = {"mlp": 150, "dcgan": 6}
BATCH = 128


@contextlib.contextmanager
def company() -> Iterator[None]:
    """A process that computes and does nothing else, for as long as the block runs."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.5)
        yield
    finally:
        process.kill()
        process.wait()


def worker(model: str, pipe: Any) -> None:
    """Answers "choose" with the threads chosen, and a number n with the seconds that n steps took."""
    import torch

    from gancourse.data import mnist
    from gancourse.models import networks
    from gancourse.training import Config, Minimax, Trainer, threads

    torch.manual_seed(0)
    trainer = Trainer(Minimax(*networks(model)), mnist("train"), Config(model, precision="float32"), device="cpu")

    def rounds() -> Iterator[Any]:
        while True:
            yield from trainer.rounds()

    steps = rounds()
    while (message := pipe.recv()) != "stop":
        if message == "choose":
            pipe.send(threads.choose(convolutions=model != "mlp").threads)
            continue
        start = time.perf_counter()
        for _ in range(message):
            next(steps)
        pipe.send(time.perf_counter() - start)


def start(model: str) -> Process:
    """A training of its own, whose threads nobody has chosen."""
    return Process(worker, model, environment=AVX2, without=("OMP_NUM_THREADS", "MKL_NUM_THREADS"))


def measure(pairs: int = 5, quick: bool = False) -> list[dict[str, Any]]:
    """One row a model: model, cores, threads (chosen), quiet (images/s), before and after (shares of the quiet rate).

    Prints them as they come. quick: one turn of one step, whose figures mean nothing.
    """
    from gancourse.training.threads import cores

    rows = []
    print(f"beside a busy process, float32, AVX2, {cores()} cores: shares of the quiet rate, medians of {pairs} turns")
    for model, n in STEPS.items():
        n, turns = (1, 1) if quick else (n, pairs)
        plain, chosen, quiet = start(model), start(model), start(model)
        for training in (plain, chosen, quiet):
            training.ask(max(1, n // 5))
        left = quiet.ask("choose")
        quiet.stop()
        with company():
            threads = chosen.ask("choose")
            chosen.ask(max(1, n // 5))
        times = []
        for _ in range(turns):
            alone = plain.ask(n)
            with company():
                times.append((alone, plain.ask(n), chosen.ask(n)))
        plain.stop()
        chosen.stop()
        row = {
            "model": model,
            "cores": cores(),
            "threads": threads,
            "threads_when_quiet": left,
            "quiet": round(n * BATCH / statistics.median(t[0] for t in times), 1),
            "before": round(statistics.median(t[0] / t[1] for t in times), 3),
            "after": round(statistics.median(t[0] / t[2] for t in times), 3),
            "turns": turns,
        }
        rows.append(row)
        print(
            f"{model:9} quiet {row['quiet']:9,.0f} images/s ({left} threads chosen there)   "
            f"{cores()} threads {row['before']:5.0%}   {threads} threads, as chosen {row['after']:5.0%}",
            flush=True,
        )
    return rows
