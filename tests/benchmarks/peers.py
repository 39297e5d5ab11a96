"""`make bench PEERS=1`: our step against the same work in other people's manner, in turns, on the CPU in float32.

The tutorials' loop; the step under torch.compile; JAX, one jitted scan (installed into build/peers for this alone).
With --record the table goes into notebooks/SPEED.md and the figures into bench.json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import recording
from tests.benchmarks.bench import BATCH, _images, _ours
from tests.benchmarks.process import AVX2, Process

PEERS = {"tutorial": "tutorials' loop", "compiled": "torch.compile", "jax": "JAX"}
STEPS = {"mlp": 100, "dcgan": 6}
SLOW = {("jax", "dcgan"): 1}  # its transposed convolutions
FOLDER = "build/peers"
MARKS = ("<!-- measured by: make bench PEERS=1 -->", "<!-- end of peers -->")
HELD = AVX2 | {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}
NOT_FOR = {"compiled": ["ATEN_CPU_CAPABILITY"]}  # with it a compiled step takes minutes; _worker narrows its loops


def _worker(kind: str, model: str, steps: str, pipe: Any) -> None:
    """Answers anything with the seconds of a step, the mean of so many; "stop" ends it."""
    n = int(steps)
    if kind == "jax":
        sys.path.append(FOLDER)
        from tests.benchmarks.jax_loop import jax_steps

        run = jax_steps(model, _images(model).pixels.numpy(), n, BATCH)
    else:
        endless = _steps(kind, model)

        def run() -> None:
            for _ in range(n):
                next(endless)

    run()  # compiles, and fills caches
    while pipe.recv() != "stop":
        start = time.perf_counter()
        run()
        pipe.send((time.perf_counter() - start) / n)


def _steps(kind: str, model: str) -> Any:
    import torch

    from gancourse.models import networks
    from tests.benchmarks.compiled_loop import compiled_steps
    from tests.benchmarks.tutorial_loop import tutorial_steps

    device = torch.device("cpu")
    if kind == "ours":
        return _ours(model, "float32", device)
    torch.manual_seed(0)
    pair = networks(model)
    if kind == "compiled":
        if os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2":
            from torch._inductor import config

            config.cpp.simdlen = 256  # bits
        return compiled_steps(*pair, _images(model), BATCH)
    return tutorial_steps(*pair, _images(model), device, BATCH)


def compare(model: str, environment: dict[str, str], pairs: int, peers: list[str]) -> dict[str, Any]:
    """Images a second of each, and the median over the turns of how many times as fast as each peer we are."""
    steps = {kind: SLOW.get((kind, model), STEPS[model]) for kind in ("ours", *peers)}
    sides = {
        kind: Process(_worker, kind, model, str(n), environment=environment, without=NOT_FOR.get(kind, ()))
        for kind, n in steps.items()
    }
    turns = [{kind: side.ask("run") for kind, side in sides.items()} for _ in range(pairs)]
    for side in sides.values():
        side.stop()
    rates = {kind: round(BATCH / statistics.median(turn[kind] for turn in turns), 1) for kind in sides}
    ratios = {kind: round(statistics.median(turn[kind] / turn["ours"] for turn in turns), 2) for kind in peers}
    return {"model": model, "isa": "AVX2 only" if environment else "", "pairs": pairs, "rates": rates, "ratios": ratios}


def with_table(page: str, machine: str, rows: list[dict[str, Any]]) -> str:
    """The page with the table between its two marks made anew."""
    kinds = list(rows[0]["ratios"])
    return recording.with_table(
        page,
        MARKS,
        f"Images a second in float32 on {machine}; medians of {rows[0]['pairs']} turns, in each of which all run one "
        "after the other. In brackets: how many times as fast as it ours is.",
        {"networks": "---", "device": "---"} | dict.fromkeys(("gancourse", *(PEERS[kind] for kind in kinds)), "---:"),
        [
            [r["model"], f"cpu ({r['isa']})" if r["isa"] else "cpu", f"{r['rates']['ours']:,.0f}"]
            + [f"{r['rates'][kind]:,.0f} ({r['ratios'][kind]:.2f})" for kind in kinds]
            for r in rows
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="put the table into notebooks/SPEED.md")
    parser.add_argument("--quick", action="store_true", help="a few steps and one turn: does it run?")
    options = parser.parse_args()

    from gancourse.training.provenance import describe

    if options.quick:
        options.pairs = 1
        STEPS.update(dict.fromkeys(STEPS, 1))
    if "jax" in options.peers and not Path(FOLDER, "jax").exists():
        sys.exit("JAX is not in build/peers: make bench PEERS=1 puts it there.")
    rows = []
    for model in options.models:
        for environment in ({}, HELD):
            rows.append(compare(model, environment, options.pairs, options.peers))
            print(rows[-1], flush=True)
    if options.record:
        found: dict[str, Any] = {"machine": describe(), "rows": rows}
        recording.record(lambda page: with_table(page, **found), peers=found)


if __name__ == "__main__":
    main()
