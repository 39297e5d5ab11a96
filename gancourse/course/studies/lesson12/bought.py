"""What each lesson's idea bought, in one table of our own measurements: distance, coverage, images, minutes, lines.

Of every idea whose generator comes with the course, the checkpoint with the least distance on its cards is scored anew
with the scores as they stand now, beside real images (controls). Ideas that no shipped generator of z shows are read
from the results of their own study, by the median of its seeds; those that translate pictures, or are told a class,
have a measure of their own. Minutes are those of the machine that trained, "on" says which kind: the table compares no
machines. Where a study trained, its minutes include the judging.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from statistics import median
from typing import Any

from gancourse import pretrained
from gancourse.course.studies.lesson12.ideas import IDEAS, Row, Shown, lines_of
from gancourse.course.studies.runner import Job, Study, StudyError, results
from gancourse.data.churches import procedural_churches
from gancourse.data.images import Images
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import church_reader, class_histogram, evaluate
from gancourse.evaluation.image_batches import samples

DIGITS, CHURCHES = 10_000, 1_000  # samples that are scored
REAL = "real images"
SEED_REAL, SEED_OTHER = 1, 2  # of renders: those that are compared with, and the control, as `church_reader.scores`
DIGIT_SHARE = 0.01  # of all samples, that a digit must have to count as made
_BATCH = 100
WIDTH = 105  # of the table, in characters


def best(model: str) -> tuple[str, int] | None:
    """Name and epoch of the shipped weights of these networks with the least distance on their cards.

    None where none are shipped, or none whose card has scores: the course has no truth about photographs.
    """
    found = []
    for name in pretrained.names():
        card = pretrained.card(name)
        for epoch, files in card["files"].items() if card["model"] == model else ():
            if scores := files.get("scores"):
                found.append((scores.get("distance", scores.get("classifier_fid")), name, int(epoch)))
    return min(found)[1:] if found else None


def jobs(quick: bool) -> list[Job]:
    """The controls, every idea with shipped weights, and every idea whose study has results here.

    quick: one generator of digits, one of churches, with their controls, and the studies.
    """
    made: list[Job] = []
    digits, churches = (300, 60) if quick else (DIGITS, CHURCHES)
    shapes: dict[str, int] = {}
    for idea in IDEAS:
        if idea.shown is not None:
            if (there := _rows(idea.shown)) is not None:
                key = f"{idea.lesson:02d}-{idea.shown.study}-{_slug(idea.name)}"
                made.append({"key": key, "idea": idea.name, "read_from": idea.shown.study, "measured_at": there[0]})
        elif (found := best(idea.model)) is not None:
            name, epoch = found
            card = pretrained.card(name)
            kind = _kind(card)
            if quick and kind in shapes:
                continue
            n = shapes[kind] = digits if kind == "digits" else churches
            sha256 = card["files"][str(epoch)]["G"]["sha256"]
            job = {"idea": idea.name, "weights": name, "epoch": epoch, "sha256": sha256, "of": kind, "samples": n}
            made.append({"key": f"{idea.lesson:02d}-{name}-{epoch:04d}" + "-quick" * quick, **job})
    controls: list[Job] = [
        {"key": f"real-{_slug(kind)}" + "-quick" * quick, "idea": REAL, "of": kind, "samples": n}
        for kind, n in shapes.items()
    ]
    return [*controls, *made]


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def _kind(card: Row) -> str:
    """What a card's generator makes: "digits", "churches 64" or "churches 128"."""
    data: str = card["data"]["name"]
    return "digits" if data.startswith("mnist") else f"churches {data.rpartition('px')[0].rpartition('-')[2]}"


def run(job: Job) -> dict[str, Any]:
    """The figures of one row of the table."""
    if job["idea"] == REAL:
        return {"lesson": 0} | scores(_real(job["of"], job["samples"], control=True), job["of"])
    idea = next(idea for idea in IDEAS if idea.name == job["idea"])
    about = {"lesson": idea.lesson, "lines": lines_of(idea.modules)}
    if idea.shown is not None:
        return about | of_study(idea.shown)
    G = pretrained.load(job["weights"], job["epoch"])
    parameters = sum(p.numel() for p in G.parameters())
    found = scores(samples(G, job["samples"], _BATCH), job["of"])
    return about | found | of_card(pretrained.card(job["weights"]), job["epoch"]) | {"parameters": parameters}


def scores(images: Any, kind: str) -> dict[str, float]:
    """Of images, Images or (N, C, H, W) in [-1, 1], of a kind: distance, precision, recall, coverage and kinds.

    Against MNIST's test images on the classifier's features, or as many renders on the church reader's. kinds: the
    share of the ten digits that are at least DIGIT_SHARE of the images; or of the combinations of
    `church_reader.KINDS` those that are met, as a share of what so many renders meet in the mean.
    """
    n = len(images)
    if kind == "digits":
        found = evaluate(images, None, allow_few=True)
        counts = class_histogram(images).counts
        kinds = (counts >= DIGIT_SHARE * n).double().mean().item()
    else:
        found = evaluate(images, _real(kind, n), church_reader.church_features(), allow_few=True)
        met, expected, _ = church_reader.combinations(church_reader.read(images), church_reader.KINDS)
        kinds = met / expected
    rest = {name: round(getattr(found, name), 3) for name in ("precision", "recall", "coverage")}
    return {"distance": float(f"{found.fid:.4g}"), **rest, "kinds": round(kinds, 3)}


def _real(kind: str, n: int, control: bool = False) -> Images:
    """n real images of a kind; control: others than those that generated ones are compared with."""
    if kind == "digits":
        return mnist("train").sample(n)
    return procedural_churches(n, int(kind.rpartition(" ")[2]), SEED_OTHER if control else SEED_REAL)[0]


def of_card(card: Row, epoch: int) -> dict[str, Any]:
    """From a card: images that D saw until an epoch, minutes of training, and on what; of all stages where it has such.

    The stages of a card that has some end with the run that its history is of.
    """
    rows = [row for row in card["history"] if row["epoch"] <= epoch]
    before = card.get("stages", [])[:-1]
    seconds = sum(row["seconds"] for row in rows) + sum(stage["seconds"] for stage in before)
    threads = card.get("threads", 1)
    return {
        "images": card["data"]["count"] * epoch + sum(stage["images"] for stage in before),
        "minutes": round(seconds / 60, 1),
        "on": "GPU" if card["device"] == "cuda" else f"{card['device'].upper()} x{threads}",
        "machine": f"{card['device']}, threads: {threads}; torch {card['torch']}",
    }


def _rows(shown: Shown) -> tuple[str, list[Row], list[Row]] | None:
    """A study's commit, its rows of the arm and of the control; None where it has no results in this version.

    Raises StudyError where it has some, and none of the arm: the study has changed and `ideas` has not.
    """
    try:
        found = results(shown.study)
    except StudyError:
        return None

    def those(where: Row) -> list[Row]:
        every = [row for row in found["rows"] if {name: row.get(name) for name in where} == where]
        if rows := [row for row in every if "diverged" not in row]:
            return rows
        raise StudyError(f"the results of {shown.study!r} have no row with {dict(where)}: say in ideas.IDEAS which.")

    return found["commit"], those(shown.where), those(shown.control) if shown.measure else []


def of_study(shown: Shown) -> dict[str, Any]:
    """The same from a study's results, with the median of its seeds: figures, or a measure with its control's.

    Images and seconds of a run include those of the run that it begins with. judging: whether the minutes have it.
    Raises StudyError without results.
    """
    there = _rows(shown)
    if there is None:
        raise StudyError(f"there are no results of {shown.study!r} with {dict(shown.where)} in this version.")
    _, arm, control = there
    every = {row["key"]: row for row in results(shown.study)["rows"]}

    def middle(rows: Sequence[Row], path: Sequence[str]) -> float:
        return median(_at(row, path) for row in rows)

    found: dict[str, Any] = {name: round(middle(arm, path), 4) for name, path in shown.figures.items()}
    if "digits" in found:
        found |= {"of": "digits", "kinds": found.pop("digits") / 10}
    if shown.measure:
        beside = {"control": shown.beside, "control_value": round(middle(control, shown.figures["value"]), 4)}
        found |= {"measure": shown.measure, **beside}
    chains = [[row, *([every[row["start"]["key"]]] if row.get("start") else [])] for row in arm]
    device = arm[0].get("device", "cpu")
    return found | {
        "seeds": len(arm),
        "images": median(sum(_seen(row) for row in chain) for chain in chains),
        "minutes": round(median(sum(_training(row) or row["seconds"] for row in chain) for chain in chains) / 60, 1),
        "judging": _training(arm[0]) is None,
        "on": "GPU" if device == "cuda" else "CPU x1",
        "machine": results(shown.study)["machine"],
        **({"parameters": sum(p.numel() for p in shown.made(arm[0]).parameters())} if shown.made else {}),
    }


def _at(row: Any, path: Sequence[str]) -> float:
    """A figure of a row; of a curve its end."""
    for name in path:
        row = row[name]
    return float(row[-1] if isinstance(row, list) else row)


def _seen(row: Row) -> int:
    """Images that a run of a study was shown."""
    if "images_seen" in row:
        return int(row["images_seen"])
    return int(row["curve"]["images"][-1] if "curve" in row else row["epochs"] * row.get("pairs", row.get("images")))


def _training(row: Row) -> float | None:
    """Seconds of training alone of a study's run, where it says them."""
    if "seconds" in row.get("curve", {}):
        return _at(row, ("curve", "seconds"))
    return row.get("training_seconds")


STUDY = Study(
    "What each lesson's idea bought: the best shipped generator of each, scored anew beside real images, and what the "
    "other ideas' studies found; images, minutes, parameters, lines of code",
    jobs,
    run,
)


def table(rows: Sequence[Row]) -> str:
    """The study's rows as plain text, at most WIDTH characters wide, sorted by lesson; real images stand first."""
    head = f"{'':3}{'idea':23}{'of':13}{'distance':>9}{'coverage':>9}{'kinds':>6}"
    head += f"{'images':>9}{'minutes':>8} {'on':7}{'weights':>8}{'lines':>7}"
    lines = [head, "-" * len(head)]
    for row in sorted(rows, key=lambda row: row["lesson"]):
        lines.append(f"{row['lesson'] or '':>2} {row['idea']:23}{_measured(row)}{_cost(row)}".rstrip())
    return "\n".join([*lines, "", *_NOTES])


_NOTES = textwrap.wrap(
    "distance: to real images, on the features of the digits' classifier or of the church reader; those of digits "
    "compare with one another, and those of churches of one size. kinds: digits made, of ten; kinds of churches made, "
    "as a share of those in as many renders. Ideas that are told something have a measure of their own, beside a "
    "control's. minutes: of training, on a GPU or on so many threads of a CPU; * with the judging. weights: numbers "
    "in G. lines: of code in the idea's modules, which two ideas may share.",
    WIDTH,
)


def _measured(row: Row) -> str:
    if "measure" in row:
        return f"{row['measure']} {row['value']:#.3g}, {row['control']} {row['control_value']:#.3g}".ljust(37)
    return f"{row['of']:13}{row['distance']:9.2f}{row['coverage']:9.2f}{row['kinds']:6.2f}"


def _cost(row: Row) -> str:
    if row["idea"] == REAL:
        return ""
    weights = _short(row["parameters"]) if "parameters" in row else "-"
    mark = "*" if row.get("judging") else " "
    return f"{_short(row['images']):>9}{row['minutes']:8.1f}{mark}{row['on']:7}{weights:>8}{row['lines']:7}"


def _short(n: float) -> str:
    """12,000,000 -> "12.0 M", 71,424 -> "71 k", 1,200 -> "1.2 k"."""
    return f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.{int(n < 1e4)}f} k"
