"""`make bench`: a round of each algorithm of lessons 07 to 12 against the loop that tutorials write for it, in turns.

Both train the lesson's own networks at its own batch, on noise: what the pictures show costs nothing. Beside the ratio
stands the share of our round that torch's profiler finds in convolutions and matrix products: what a round could still
win if all the rest were free. With --record the table goes into notebooks/SPEED.md and the figures into bench.json.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks import recording
from tests.benchmarks.process import AVX2, Process

STEPS = {"wgan-gp": 3, "pix2pix": 30, "cyclegan-dusk": 8, "srgan": 4, "stylegan": 16, "biggan": 20}
MARKS = ("<!-- algorithms: measured by make bench -->", "<!-- end of algorithms -->")
PICTURES = 640
PRODUCTS = re.compile(r"aten::(_?convolution|mkldnn_convolution|convolution_backward|slow_conv\w*|(add|b|badd)?mm)$")


def _noise(shape: tuple[int, int, int], seed: int = 0) -> Any:
    import torch

    from gancourse.data import Images

    rng = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (PICTURES, *shape), generator=rng, dtype=torch.uint8)
    return Images(pixels, torch.arange(PICTURES) % 10, name="noise")


def _made(name: str) -> tuple[Any, Any, Any]:
    """The lesson's algorithm with fresh networks, its data of noise, and its Config's fields."""
    import torch

    from gancourse.course.commands import _algorithm
    from gancourse.course.lessons import trained
    from gancourse.data.degraded import CropPairs
    from gancourse.data.pairs import AlignedPairs, LabelledImages, UnalignedPairs
    from gancourse.training.biggan import BigGANRecipe
    from gancourse.training.critic import CriticRecipe
    from gancourse.training.style import StyleRecipe
    from gancourse.training.superresolution import SRRecipe
    from gancourse.training.translation import CycleRecipe, Pix2PixRecipe

    _, what = trained()[name]
    torch.manual_seed(0)
    recipes: dict[str, Any] = {
        "wgan-gp": CriticRecipe(**(what.critic or {})),
        "pix2pix": Pix2PixRecipe(),
        "cyclegan-dusk": CycleRecipe(),
        "srgan": SRRecipe(content="pixels"),  # features would be the same network on both sides
        "stylegan": StyleRecipe(),
        "biggan": BigGANRecipe(),
    }
    algorithm = _algorithm(what, recipes[name], dict(what.options.get("laptop", {})), {})
    if name == "pix2pix":
        data: Any = AlignedPairs(_noise((3, 64, 64)), _noise((3, 64, 64), 1))
    elif name == "cyclegan-dusk":
        data = UnalignedPairs(_noise((3, 64, 64)), _noise((3, 64, 64), 1))
    elif name == "srgan":
        data = CropPairs(_noise((3, 128, 128)), algorithm.networks["G"].scale, algorithm.networks["D"].size)
    else:
        data = _noise(algorithm.networks["G"].image_shape)
        data = LabelledImages(data) if name == "biggan" else data
    return algorithm, data, dict(what.config)


def _worker(kind: str, name: str, precision: str, pipe: Any) -> None:
    """Answers a number n with the seconds of n rounds, "images" with the images of a round, ("share", n) with the share
    of the processor's time that n rounds spend in convolutions and matrix products.
    """
    from gancourse.course.lessons import trained
    from gancourse.training import Config, Trainer
    from tests.benchmarks.algorithm_loops import LOOPS, Pictures

    algorithm, data, settings = _made(name)
    images = settings.get("batch_size", 128) * settings.get("k", 1)
    if kind == "ours":
        config = Config(model=trained()[name][1].network, precision=precision, **settings)
        trainer = Trainer(algorithm, data, config, device="cpu")
        print(f"  ours: {trainer.setting.plan}", file=sys.stderr)

        def endless() -> Any:
            while True:
                yield from trainer.rounds()

        steps = endless()
    else:
        sides = [data.a.pixels, data.b.pixels] if hasattr(data, "a") else [getattr(data, "images", data).pixels]
        labels = data.images.labels if name == "biggan" else None
        steps = LOOPS[name](algorithm.networks, Pictures(*sides, labels=labels), settings)
    while (message := pipe.recv()) != "stop":
        if message == "images":
            pipe.send(images)
            continue
        if isinstance(message, tuple):
            pipe.send(_share_of_products(steps, message[1]))
            continue
        start = time.perf_counter()
        for _ in range(message):
            next(steps)
        pipe.send(time.perf_counter() - start)


def _share_of_products(steps: Iterator[Any], n: int) -> float:
    """The share of the time of n steps that goes into convolutions and matrix products, backward ones too."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(n):
            next(steps)
    times = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    return sum(t for name, t in times.items() if PRODUCTS.match(name)) / sum(times.values())


def compare(name: str, precision: str, environment: dict[str, str], pairs: int) -> dict[str, Any]:
    """One row of the table."""
    n = STEPS[name]
    ours, theirs = (Process(_worker, k, name, precision, environment=environment) for k in ("ours", "tutorial"))
    for side in (ours, theirs):
        side.ask(max(1, n // 4))
    times = [(ours.ask(n), theirs.ask(n)) for _ in range(pairs)]
    images, share = n * ours.ask("images"), ours.ask(("share", n))
    for side in (ours, theirs):
        side.stop()
    rates = [round(images / statistics.median(t[i] for t in times), 1) for i in (0, 1)]
    return {
        "algorithm": name,
        "device": "cpu" + (" (AVX2 only)" if environment else ""),
        "precision": precision,
        "ours": rates[0],
        "baseline": rates[1],
        "ratio": round(statistics.median(b / a for a, b in times), 2),
        "products": round(share, 3),
        "pairs": pairs,
    }


def with_table(page: str, machine: str, rows: list[dict[str, Any]]) -> str:
    """The page with the table between its two marks made anew."""
    return recording.with_table(
        page,
        MARKS,
        f"Images a second on {machine}; medians of {rows[0]['pairs']} pairs of runs, in turns, at a lesson's batch.",
        {"trained by": "---", "device": "---", "precision": "---"}
        | dict.fromkeys(("gancourse", "tutorials' loop", "ratio", "in products"), "---:"),
        [
            [
                r["algorithm"],
                r["device"],
                r["precision"],
                f"{r['ours']:,.0f}",
                f"{r['baseline']:,.0f}",
                f"{r['ratio']:.2f}",
                f"{r['products']:.0%}",
            ]
            for r in rows
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithms", nargs="*", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="put the table into notebooks/SPEED.md")
    parser.add_argument("--quick", action="store_true", help="a step and one pair: does it run?")
    options = parser.parse_args()

    import torch

    from gancourse.models.fast import prefers_bfloat16
    from gancourse.training.provenance import describe

    settings: list[tuple[str, dict[str, str]]] = [("float32", AVX2)]
    if prefers_bfloat16(torch.device("cpu")):
        settings.insert(0, ("bfloat16", {}))
    if options.quick:
        options.pairs, settings = 1, settings[:1]
        STEPS.update(dict.fromkeys(STEPS, 1))
    rows = []
    for name in options.algorithms:
        for precision, environment in settings:
            rows.append(compare(name, precision, environment, options.pairs))
            print(rows[-1], flush=True)
    if options.record:
        found: dict[str, Any] = {"machine": describe(), "rows": rows}
        recording.record(lambda page: with_table(page, **found), algorithms=found)


if __name__ == "__main__":
    main()
