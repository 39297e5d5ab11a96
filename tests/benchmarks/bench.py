"""`make bench`: the course's training step against the tutorials' loop, on this machine.

Both loops live in processes of their own, hold their images in memory, and are timed in turns (A B A B ...), so that a
machine whose speed drifts slows both alike; the table shows medians over the pairs. Against a matrix product stands the
share that the FLOPs of the step, counted by torch, times the steps a second, are of those of a large matrix product in
the same precision, timed in the same run: a yardstick and no bound.
Writes build/bench.json and build/bench.png; with --record also the table in notebooks/SPEED.md and
the figures behind it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from gancourse.training import Minimax
from tests.benchmarks import busy, recording
from tests.benchmarks.process import AVX2, Process

MODELS = ("mlp", "dcgan", "dcgan128")
STEPS = {
    "cpu": {"mlp": 200, "dcgan": 12, "dcgan128": 1},
    "cuda": {"mlp": 1000, "dcgan": 500, "dcgan128": 100},
}
BATCH = 128
MARKS = ("<!-- measured by: make bench -->", "<!-- end -->")
MARKS_AVX2 = ("<!-- avx2: measured by bench --avx2 -->", "<!-- end of avx2 -->")


def _images(model: str) -> Any:
    import torch

    from gancourse.data import Images, mnist

    if model != "dcgan128":
        return mnist("train")
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(512, 3, 16, 16, generator=rng)
    pixels = torch.nn.functional.interpolate(coarse, 128, mode="bilinear").mul(255).to(torch.uint8)
    return Images(pixels, name="made by us, 128 px")


def _ours(model: str, precision: str, device: Any) -> Any:
    """Steps of gancourse.training without end."""
    import torch

    from gancourse.models import networks
    from gancourse.training import Config, Trainer

    images = _images(model)
    torch.manual_seed(0)
    G, D = networks(model)
    config = Config(model=model, fresh_z=False, precision=precision)
    trainer = Trainer(Minimax(G, D), images, config, device=device.type)
    print(f"  ours: {trainer.setting.plan}", file=sys.stderr)
    while True:
        yield from trainer.rounds()


def _worker(kind: str, model: str, precision: str, pipe: Any) -> None:
    """Answers ("run", n) with seconds, "peak" with bytes, "flops" with FLOPs a step."""
    import torch

    from gancourse.models import networks
    from gancourse.training.trainer import pick_device
    from tests.benchmarks.tutorial_loop import tutorial_steps

    device = pick_device("auto")
    torch.manual_seed(0)
    steps = (
        _ours(model, precision, device)
        if kind == "ours"
        else tutorial_steps(*networks(model), _images(model), device, BATCH)
    )
    while (message := pipe.recv()) != "stop":
        if message == "peak":
            pipe.send(_peak_memory(device))
            continue
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(message):
            next(steps)
        if device.type == "cuda":
            torch.cuda.synchronize()
        pipe.send(time.perf_counter() - start)


def _peak_memory(device: Any) -> int:
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _ceiling(precision: str, pipe: Any) -> None:
    """FLOP/s of a large square matrix product, the best of several."""
    import torch

    from gancourse.training.trainer import pick_device

    device = pick_device("auto")
    n = 8192 if device.type == "cuda" else 2048
    a = torch.randn(n, n, device=device, dtype=getattr(torch, precision))
    best = float("inf")
    for _ in range(12):
        start = time.perf_counter()
        b = a @ a
        float(b[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - start)
    pipe.send(2 * n**3 / best)


def _flops(model: str) -> int:
    """FLOPs of one image's share of a step (one D step, one G step on the same fakes), counted by torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from gancourse.models import networks
    from gancourse.training import train_step

    G, D = networks(model)
    opt_g, opt_d = (torch.optim.SGD(n.parameters(), 0.0) for n in (G, D))
    x = torch.zeros(2, *G.image_shape)
    with FlopCounterMode(display=False) as counter:
        train_step(G, D, opt_g, opt_d, [x], torch.Generator(), fresh_z=False)
    return counter.get_total_flops() // len(x)


def compare(model: str, precision: str, environment: dict[str, str], pairs: int, device: str) -> dict[str, Any]:
    """One row of the table."""
    n = STEPS[device][model]
    ours = Process(_worker, "ours", model, precision, environment=environment)
    theirs = Process(_worker, "tutorial", model, precision, environment=environment)
    for side in (ours, theirs):
        side.ask(max(1, n // 10))
    times = [(ours.ask(n), theirs.ask(n)) for _ in range(pairs)]
    peaks = ours.ask("peak"), theirs.ask("peak")
    for side in (ours, theirs):
        side.stop()
    ceiling = Process(_ceiling, precision, environment=environment)
    peak_flops = ceiling.pipe.recv()
    ceiling.process.join()
    rate_ours, rate_theirs = (n * BATCH / statistics.median(t[i] for t in times) for i in (0, 1))
    return {
        "model": model,
        "device": device + (" (AVX2 only)" if environment else ""),
        "precision": precision,
        "ours": round(rate_ours, 1),
        "baseline": round(rate_theirs, 1),
        "ratio": round(statistics.median(b / a for a, b in times), 2),
        "ceiling_share": round(rate_ours * _flops(model) / peak_flops, 3),
        "ceiling_gflops": round(peak_flops / 1e9, 1),
        "peak_memory_mb": [round(p / 1e6) for p in peaks],
        "pairs": pairs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=MODELS, choices=MODELS)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="put the table into notebooks/SPEED.md")
    parser.add_argument("--busy", action="store_true", help="only the rows beside a busy process (90 s)")
    parser.add_argument("--avx2", action="store_true", help="only the rows of AVX2, in a table of their own")
    parser.add_argument("--quick", action="store_true", help="a few steps and one pair: does it run?")
    options = parser.parse_args()

    from gancourse.models.fast import prefers_bfloat16
    from gancourse.training.provenance import describe
    from gancourse.training.trainer import pick_device

    device = pick_device("auto")
    settings: list[tuple[str, dict[str, str]]] = [("float32", {})]
    if prefers_bfloat16(device):
        settings.insert(0, ("bfloat16", {}))
    if options.avx2 and device.type != "cpu":
        parser.error(f"--avx2 is about processors, and this machine trains on {device.type}.")
    if device.type == "cpu":
        settings = [*([] if options.avx2 else settings), ("float32", AVX2)]
    if options.quick:
        options.pairs, settings = 1, settings[:1]
        for steps in STEPS.values():
            steps.update(dict.fromkeys(steps, 1))
    print(f"{describe()}; images/s, medians of {options.pairs} pairs in turns\n")
    if options.busy:
        beside = busy.measure(options.pairs, options.quick)
        if options.record:
            recording.record(lambda page: page, busy=beside)
        return
    print("model     device          precision      ours  tutorial  ratio  product  MB, ours/tutorial")
    rows = []
    for model in options.models:
        for precision, environment in settings:
            row = compare(model, precision, environment, options.pairs, device.type)
            rows.append(row)
            print(_line(row), flush=True)
    found: dict[str, Any] = {"machine": describe(), "rows": rows}
    if options.avx2:
        if options.record:
            recording.record(lambda page: with_table(page, **found, marks=MARKS_AVX2), avx2=found)
        return
    build = Path("build")
    build.mkdir(exist_ok=True)
    (build / "bench.json").write_text(json.dumps(rows, indent=2) + "\n")
    _chart(rows, describe()).savefig(build / "bench.png", dpi=120)
    print()
    beside = busy.measure(options.pairs, options.quick) if device.type == "cpu" else []
    print("\nwritten: build/bench.json, build/bench.png")
    if options.record:
        recording.record(lambda page: with_table(page, **found), **found, busy=beside)


def with_table(page: str, machine: str, rows: list[dict[str, Any]], marks: tuple[str, str] = MARKS) -> str:
    """The page with the table between its two marks made anew."""
    return recording.with_table(
        page,
        marks,
        f"Images a second on {machine}; medians of {rows[0]['pairs']} pairs of runs, in turns.",
        dict.fromkeys(("networks", "device", "precision"), "---")
        | dict.fromkeys(("gancourse", "tutorials' loop", "ratio", "against a matrix product", "peak MB"), "---:"),
        [
            [
                r["model"],
                r["device"],
                r["precision"],
                f"{r['ours']:,.0f}",
                f"{r['baseline']:,.0f}",
                f"{r['ratio']:.2f}",
                f"{r['ceiling_share']:.0%}",
                " / ".join(f"{peak:,}" for peak in r["peak_memory_mb"]),
            ]
            for r in rows
        ],
    )


def _line(row: dict[str, Any]) -> str:
    ours, theirs = row["peak_memory_mb"]
    return (
        f"{row['model']:9} {row['device']:15} {row['precision']:9} {row['ours']:9,.0f} {row['baseline']:9,.0f} "
        f"{row['ratio']:5.2f}x {row['ceiling_share']:7.0%} {ours:8,}/{theirs:,}"
    )


def _chart(rows: list[dict[str, Any]], machine: str) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from gancourse.plots import COLOURS, use_style

    use_style()
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(rows) + 1.4), layout="constrained")
    labels = [f"{r['model']}, {r['precision']}\n{r['device']}" for r in rows]
    axes.barh(range(len(rows)), [r["ratio"] for r in rows], color=COLOURS["generator"])
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1, color=COLOURS["data"], linestyle="--")
    for i, row in enumerate(rows):
        axes.text(row["ratio"], i, f" {row['ratio']:.2f}x ({row['ours']:,.0f} images/s)", va="center", fontsize=8)
    axes.set_xlim(0, max(r["ratio"] for r in rows) * 1.35)
    axes.set_xlabel("images/s, times the tutorials' loop")
    axes.set_title(machine, fontsize=9)
    return figure


if __name__ == "__main__":
    main()
