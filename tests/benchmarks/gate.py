"""Is the fast path as good as the plain one? `python -m tests.benchmarks.gate` trains both and compares.

Over several seeds, the plain float32 loop and the path that this machine chooses train the same networks from the same
start; then the Frechet distance on the course's classifier features (10,000 samples against the test set) is measured.
The gate: the fast path's mean is at most the plain loop's worst seed plus the spread of the plain loop's seeds.
Writes build/gate.json. On 2 CPU cores this takes about an hour (mlp 20 epochs, dcgan 5, 3 seeds).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch

from gancourse.data import mnist
from gancourse.evaluation import classifier_fid
from gancourse.machine import describe
from gancourse.models import networks
from gancourse.training import Config, Trainer

EPOCHS = {"mlp": 20, "dcgan": 5}


def score(model: str, seed: int, epochs: int, n_images: int, **path: Any) -> tuple[float, str]:
    """The distance after training, and the precision it was trained in."""
    torch.manual_seed(seed)
    G, D = networks(model)
    config = Config(model=model, epochs=epochs, seed=seed, **path)
    trainer = Trainer(G, D, mnist("train").subset(n_images), config)
    trainer.fit(progress=False)
    return classifier_fid(trainer.G, seed=seed), trainer.plan.precision


def within(fast: list[float], plain: list[float]) -> bool:
    """Whether the fast path's mean is no worse than the worst plain seed by more than the plain seeds' spread."""
    return statistics.mean(fast) <= max(plain) + (max(plain) - min(plain))


def compare(model: str, seeds: list[int], epochs: int, n_images: int) -> dict[str, Any]:
    """Both paths over the seeds: distances, means, verdict."""
    plain = [score(model, s, epochs, n_images, fast=False, precision="float32")[0] for s in seeds]
    results = [score(model, s, epochs, n_images) for s in seeds]
    fast = [result[0] for result in results]
    return {
        "model": model,
        "epochs": epochs,
        "images": n_images,
        "seeds": seeds,
        "precision": results[0][1],
        "plain": [round(v, 2) for v in plain],
        "fast": [round(v, 2) for v in fast],
        "within_spread": within(fast, plain),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(EPOCHS), choices=list(EPOCHS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="instead of 20 for mlp and 5 for dcgan")
    parser.add_argument("--images", type=int, default=60_000)
    options = parser.parse_args()
    rows = []
    for model in options.models:
        row = compare(model, options.seeds, options.epochs or EPOCHS[model], options.images)
        rows.append(row)
        print(f"{model}: plain float32 {row['plain']}, fast {row['precision']} {row['fast']}: ", end="")
        print("within the spread of seeds" if row["within_spread"] else "WORSE than the spread of seeds", flush=True)
    build = Path("build")
    build.mkdir(exist_ok=True)
    (build / "gate.json").write_text(json.dumps({"machine": describe(), "rows": rows}, indent=2) + "\n")
    return 0 if all(row["within_spread"] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
