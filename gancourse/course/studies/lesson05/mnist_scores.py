"""One evaluator for every generator of digits that the course ships: 10,000 samples against MNIST's test set.

`python -m gancourse reproduce mnist_scores` measures; `gancourse.publishing.readme` puts the table into
notebooks/SCORES.md.
"""

from __future__ import annotations

from typing import Any

from gancourse import pretrained
from gancourse.course.studies.runner import Job, Study
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import classifier_features, evaluate, floor, memorisation, path_length, summarise, summary_of

SAMPLES, PATHS, REAL = 10_000, 500, "real images"
#: what a name stands for in the tables
NAMES = {
    "mlp-mnist": "P1's MLP",
    "dcgan-mnist": "P1's DCGAN",
    "schulz-mnist": "P2's MLP, mended",
    "residual-mnist": "residual pair",
    "dcgan-mnist-best": "P1's DCGAN generator, best recipe",
    "r3gan-mnist": "P1's DCGAN generator, plain z, R3GAN's loss",
    "r3gan-mnist-small": "the same with a fifth of the width, for browsers",
}


def shipped() -> list[tuple[str, int]]:
    """Name and epoch of every shipped generator of 28 x 28 digits, in the order of NAMES."""
    known = [name for name in pretrained.names() if name in NAMES]
    return [(name, epoch) for name in sorted(known, key=list(NAMES).index) for epoch in pretrained.epochs(name)]


def jobs(quick: bool) -> list[Job]:
    """Real images first, for the floor; then every shipped generator."""
    size = {"samples": 300 if quick else SAMPLES, "paths": 20 if quick else PATHS}
    made: list[Job] = [{"key": "real", "name": REAL, "epoch": None, **size}]
    made += [{"key": f"{name}-{epoch:04d}", "name": name, "epoch": epoch, **size} for name, epoch in shipped()]
    return made[:2] if quick else made


def run(job: Job) -> dict[str, Any]:
    """All scores of one generator, or of real training images in its place."""
    n = job["samples"]
    if job["name"] == REAL:
        return _rounded(floor(n)._asdict())
    G, look = pretrained.load(job["name"], job["epoch"]), classifier_features()
    seen = mnist("train").sample(10_000)  # where copies are looked for
    ours, train, test = summarise(G, look, n), summary_of(seen, look), summary_of(mnist("test"), look)
    copies = memorisation(train.features, test.features, ours.features)
    return _rounded(
        evaluate(ours, test, look)._asdict()
        | {"copies_z": copies.z, "copies_share": copies.share, "path_length": path_length(G, look, job["paths"]).value}
    )


def _rounded(scores: dict[str, Any]) -> dict[str, Any]:
    return {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in scores.items()}


STUDY = Study("Every shipped generator of digits under every score, 10,000 samples against the test set", jobs, run)

_COLUMNS = (
    ("fid", "classifier distance", ".2f"),
    ("kid", "KID", ".3f"),
    ("precision", "precision", ".2f"),
    ("recall", "recall", ".2f"),
    ("coverage", "coverage", ".2f"),
    ("inception_score", "classifier IS", ".2f"),
    ("kl", "KL from uniform", ".3f"),
)


def label(row: dict[str, Any]) -> str:
    """What a row is called in a table: "P1's MLP, epoch 50"."""
    name = NAMES.get(row["name"], row["name"])
    return name if row["epoch"] is None else f"{name}, epoch {row['epoch']}"


def markdown(results: dict[str, Any]) -> str:
    """The study's rows as a Markdown table, with a line that says what they are; real images stand first."""
    rows = results["rows"]
    about = (
        f"{rows[0]['samples']:,} samples each against MNIST's 10,000 test images; features and classes of the course's "
        "own classifier, so the distances are not those of the literature. The first row is what real training images "
        "score."
    )
    heads = [head for _, head, _ in _COLUMNS]
    lines = ["| images of | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    lines += [f"| {label(row)} | " + " | ".join(f"{row[k]:{f}}" for k, _, f in _COLUMNS) + " |" for row in rows]
    return "\n".join([about, "", *lines])
