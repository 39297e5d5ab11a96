"""Is the fast path as good as the plain one? Both train the same networks from the same start, over several seeds.

The plain path is the readable loop in float32; the fast one is what this machine chooses (see gancourse.models.fast).
What is compared is the Fréchet distance on the course's classifier features, 10,000 samples against MNIST's test set.
"""

from __future__ import annotations

import statistics
from typing import Any

from gancourse.course.studies.runner import Job, Study
from gancourse.training.algorithms.minimax import Minimax

EPOCHS = {"mlp": 20, "dcgan": 5}


def jobs(quick: bool) -> list[Job]:
    """Both paths, two models, three seeds. quick: one epoch of 256 images, one seed."""
    return [
        {
            "key": f"{model}-{path}-{seed}",
            "model": model,
            "path": path,
            "seed": seed,
            "epochs": 1 if quick else EPOCHS[model],
            "images": 256 if quick else 60_000,
            "samples": 256 if quick else 10_000,
        }
        for model in EPOCHS
        for seed in range(1 if quick else 3)
        for path in ("fast", "plain")
    ]


def run(job: Job) -> dict[str, Any]:
    """Train once: fid, the precision that was used, images a second."""
    import torch

    from gancourse.data.mnist_digits import mnist
    from gancourse.evaluation import classifier_fid
    from gancourse.models.catalogue import networks
    from gancourse.training.trainer import Config, Trainer

    path: dict[str, Any] = {} if job["path"] == "fast" else {"fast": False, "precision": "float32"}
    torch.manual_seed(job["seed"])
    G, D = networks(job["model"])
    config = Config(model=job["model"], epochs=job["epochs"], seed=job["seed"], **path)
    trainer = Trainer(Minimax(G, D), mnist("train").subset(job["images"]), config)
    history = trainer.fit(progress=False)
    return {
        "fid": round(classifier_fid(trainer.networks["G"], n=job["samples"], seed=job["seed"]), 3),
        "precision": trainer.setting.plan.precision,
        "images_per_second": round(statistics.median(row["images_per_second"] for row in history)),
    }


def verdict(rows: list[Job], model: str) -> dict[str, Any]:
    """The distances of both paths over the seeds, and whether the fast path's mean is within the plain one's spread.

    rows: those of the results file. Within: no worse than the plain loop's worst seed.
    """
    fids = {p: [r["fid"] for r in rows if (r["model"], r["path"]) == (model, p)] for p in ("plain", "fast")}
    return {**fids, "within": statistics.mean(fids["fast"]) <= max(fids["plain"])}


def markdown(results: dict[str, Any]) -> str:
    """The gate in Markdown: both paths' distances, seed by seed, and whether the fast one passes."""
    lines = [
        "| networks | epochs | plain loop, float32 | fast path | its mean is no worse |",
        "| --- | ---: | --- | --- | --- |",
    ]
    for model, epochs in EPOCHS.items():
        found = verdict(results["rows"], model)
        plain, fast = (", ".join(f"{fid:.1f}" for fid in found[path]) for path in ("plain", "fast"))
        lines.append(f"| {model} | {epochs} | {plain} | {fast} | {'yes' if found['within'] else 'no'} |")
    precision = next(row["precision"] for row in results["rows"] if row["path"] == "fast")
    about = f"Classifier distance of three seeds each; the fast path in {precision}, on {results['machine']}."
    return "\n".join([about, "", *lines])


STUDY = Study("the fast path's quality against the plain float32 loop's, over seeds", jobs, run)
