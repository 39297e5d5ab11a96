"""What the papers claim about MNIST, what we measured, and whether the claim holds: one table, made from results.

Every number comes from assets/results or from the cards of the shipped weights, and every verdict from the rule beside
it. A claim whose study was not run yet says so.

    python -m gancourse claims

prints the table; `gancourse.publishing.readme` puts it into the README.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gancourse import pretrained
from gancourse.course.studies.runner import StudyError, results

HOLDS, FAILS, PARTLY, OPEN = "holds", "fails", "holds in part", "not measured yet"

Row = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """One claim. `measure` returns what was found, in words with numbers, and the verdict by the stated `rule`.

    It raises StudyError, or LookupError, where its results are not there.
    """

    paper: str
    says: str
    rule: str
    measure: Callable[[], tuple[str, str]]


def _rows(study: str, **where: Any) -> list[Row]:
    """A study's rows that have these values. Raises LookupError when there are none."""
    found = [row for row in results(study)["rows"] if all(row.get(k) == v for k, v in where.items())]
    if not found:
        raise LookupError(f"{study} has no rows with {where}")
    return found


def _spread(rows: list[Row], column: str) -> tuple[float, float, str]:
    """Mean and standard deviation over seeds, and both as text: "30.1 ± 2.0 (3 seeds)". Diverged runs are left out."""
    values = [float(row[column]) for row in rows if column in row]
    mean, spread = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    return mean, spread, f"{mean:.3g} ± {spread:.2g} ({len(values)} seed{'s' * (len(values) != 1)})"


def _at(name: str, epoch: int | None = None) -> Row:
    """The comparison's row of a generator: at one epoch, or at the last that there is."""
    rows = sorted(_rows("gan_vs_dcgan", name=name), key=lambda row: row["epoch"])
    return rows[-1] if epoch is None else next(row for row in rows if row["epoch"] == epoch)


def _real() -> Row:
    return _rows("gan_vs_dcgan", name="real digits")[0]


# --- P1 ------------------------------------------------------------------------------------------------------------


def _mlp_at_50() -> tuple[str, str]:
    try:
        early, late, real = _at("mlp-mnist", 5), _at("mlp-mnist", 50), _real()
    except StopIteration:
        raise LookupError("epochs 5 and 50 are not both there") from None
    found = (
        f"distance {early['classifier_fid']:.1f} at 5 epochs, {late['classifier_fid']:.1f} at 50 "
        f"(real: {real['classifier_fid']:.2f}); background {late['background_variation']:.1f} grey levels "
        f"(real: {real['background_variation']:.2f}); 1 seed"
    )
    better = late["classifier_fid"] < early["classifier_fid"] / 2
    noisy = late["background_variation"] > 2 * real["background_variation"]
    return found, HOLDS if better and noisy else PARTLY if better or noisy else FAILS


def _dcgan_at_5() -> tuple[str, str]:
    try:
        dcgan, mlp = _at("dcgan-mnist", 5), _at("mlp-mnist", 50)
    except StopIteration:
        raise LookupError("the epochs are not there") from None
    found = (
        f"DCGAN at 5 epochs: distance {dcgan['classifier_fid']:.1f}, {dcgan['confident']:.0%} of its images classified "
        f"with certainty; MLP at 50: {mlp['classifier_fid']:.1f}, {mlp['confident']:.0%}; 1 seed each"
    )
    better = [dcgan["classifier_fid"] < mlp["classifier_fid"], dcgan["confident"] > mlp["confident"]]
    return found, HOLDS if all(better) else PARTLY if any(better) else FAILS


def _versus(column: str, what: str, more: bool) -> Callable[[], tuple[str, str]]:
    """DCGAN against the MLP, each at the last epoch that there is, in one column."""

    def measure() -> tuple[str, str]:
        dcgan, mlp, real = _at("dcgan-mnist"), _at("mlp-mnist"), _real()
        found = (
            f"{what}: MLP after {mlp['epoch']} epochs {mlp[column]:.3g}, DCGAN after {dcgan['epoch']} "
            f"{dcgan[column]:.3g}, real digits {real[column]:.3g}; 1 seed each"
        )
        return found, HOLDS if (dcgan[column] > mlp[column]) == more else FAILS

    return measure


def _stability() -> tuple[str, str]:
    mlp, dcgan = _rows("mnist_seeds", pair="MLP"), _rows("guidelines", variant="as P1 prints it")
    parts = []
    for name, rows in (("MLP", mlp), ("DCGAN", dcgan)):
        mean, spread, text = _spread(rows, "classifier_fid")
        parts.append((spread / mean, f"{name} {text}"))
    found = "; ".join(text for _, text in parts) + "; equal images, short runs"
    return found, HOLDS if parts[1][0] < parts[0][0] else FAILS


def _without(study: str, by: str, on: str, off: str) -> Callable[[], tuple[str, str]]:
    """Whether taking something away makes the distance larger by more than both spreads together."""

    def measure() -> tuple[str, str]:
        with_it, without = _rows(study, **{by: on}), _rows(study, **{by: off})
        (m1, s1, t1), (m0, s0, t0) = _spread(with_it, "classifier_fid"), _spread(without, "classifier_fid")
        found = f"distance {t1} with it, {t0} without; short runs at half width"
        return found, HOLDS if m0 - m1 > s0 + s1 else FAILS if m1 - m0 > s0 + s1 else PARTLY

    return measure


UNDECIDED = "not decided"  # the spread over seeds swallows the difference, or there are too few seeds


# --- P2 ------------------------------------------------------------------------------------------------------------


def _indistinguishable() -> tuple[str, str]:
    rows, real = _rows("schulz_long", model="schulz"), _real()
    mean, spread, text = _spread(rows, "fid")
    found = (
        f"as printed, after {rows[0]['epochs']} epochs: distance {text}, KL from uniform {_spread(rows, 'kl')[2]}; "
        f"real digits {real['classifier_fid']:.2f}"
    )
    most = 2 * real["classifier_fid"]
    return found, HOLDS if mean + spread <= most else FAILS if mean - spread > most else UNDECIDED


def _few_spatial_dependencies() -> tuple[str, str]:
    """Shuffling all images' pixels alike leaves everything in place but what neighbours know of each other."""
    texts, found = [], {}
    for name in ("DCGAN", "MLP, ten times as long"):
        found[name] = [
            _spread(_rows("permuted", name=name, permuted=shuffled), "classifier_fid") for shuffled in (0, 1)
        ]
        texts.append(f"{name} {found[name][0][2]}, shuffled {found[name][1][2]}")
    (plain, noise, _), (shuffled, more, _) = found["DCGAN"]
    cost = shuffled - plain
    verdict = FAILS if cost > noise + more else HOLDS if noise + more < plain / 4 else UNDECIDED
    return "distance: " + "; ".join(texts) + "; short runs, DCGAN at half width", verdict


def _balance() -> tuple[str, str]:
    """P2's networks as printed against P1's by the same settings, after equally many epochs."""
    printed, control = _rows("schulz_long", model="schulz"), _rows("schulz_fix", model="mlp")
    epoch = min(row["epochs"] for row in control)
    lost = [row["history"][epoch - 1]["d_fake_before"] < 0.05 for row in printed]
    lost_control = [row["history"][epoch - 1]["d_fake_before"] < 0.05 for row in control]
    found = (
        f"as printed, after {epoch} epochs, D has won in {sum(lost)} of {len(lost)} seeds; of P1's smaller networks by the "
        f"same settings in {sum(lost_control)} of {len(lost_control)}"
    )
    if min(len(lost), len(lost_control)) < 3:
        return found, UNDECIDED
    return found, HOLDS if all(lost) and not any(lost_control) else FAILS if not any(lost) else PARTLY


def _wider_domains() -> tuple[str, str]:
    texts, found = [], {}
    for name in ("MLP", "MLP, ten times as long", "DCGAN"):
        mean, spread, text = _spread(_rows("permuted", name=name, permuted=True), "classifier_fid")
        found[name] = mean, spread
        texts.append(f"{name} {text}")
    (mlp, noise), (dcgan, more) = found["MLP, ten times as long"], found["DCGAN"]
    verdict = HOLDS if dcgan - mlp > noise + more else FAILS if mlp - dcgan > noise + more else PARTLY
    return "distance, pixels shuffled: " + "; ".join(texts) + "; short runs, DCGAN at half width", verdict


def _high_resolution() -> tuple[str, str]:
    mlp, dcgan = (_rows("high_resolution", pair=name) for name in ("MLP", "DCGAN"))
    real = mlp[0]["grain_real"]
    closer = [statistics.mean(r["distance"] for r in dcgan), statistics.mean(r["distance"] for r in mlp)]
    grain = [_spread(rows, "grain") for rows in (mlp, dcgan)]
    found = (
        f"at 128 pixels, distance: MLP {_spread(mlp, 'distance')[2]}, DCGAN {_spread(dcgan, 'distance')[2]}; share of "
        f"power in patterns finer than 4 pixels: MLP {grain[0][2]}, DCGAN {grain[1][2]}, renders {real:.2g}; "
        f"{mlp[0]['epochs']} epochs of {mlp[0]['images']:,} images"
    )
    better = [closer[0] < closer[1], abs(grain[1][0] - real) < abs(grain[0][0] - real)]
    return found, HOLDS if all(better) else PARTLY if any(better) else FAILS


P1_NETS = "as P1 prints it"
# --- P4: on procedural churches, not on LSUN's photographs ----------------------------------------------------------


def _church_kinds() -> tuple[str, str]:
    if "church-procedural" not in pretrained.names():
        raise LookupError("no generator of churches is shipped")
    epoch, share, samples = _kinds("church-procedural")
    text = (
        f"after {epoch} epochs {share:.0%} of the combinations that as many renders show (samples: {samples:,}); 1 seed"
    )
    if "church-best" in pretrained.names():
        epoch, remedied, _ = _kinds("church-best")
        text += f"; with lesson 04's remedies, after {epoch} epochs, {remedied:.0%}"
    return (text, HOLDS) if share >= 0.9 else (f"{text}; 100 were not run", OPEN)


def _kinds(name: str) -> tuple[int, float, int]:
    """Of a generator's last epoch: that, its kinds as a share of what renders show, and of how many samples."""
    files = pretrained.card(name)["files"]
    epoch = max(files, key=int)
    found = files[epoch]["scores"]
    return int(epoch), found["kinds"] / found["kinds_real"], found["samples"]


def _church_reading(reading: str, against: str) -> Callable[[], tuple[str, str]]:
    """Whether one reading of P4's settings comes closer to the data than another by more than both spreads."""

    def measure() -> tuple[str, str]:
        ours, theirs = (_rows("church_contradictions", reading=name) for name in (reading, against))
        (m1, s1, t1), (m0, s0, t0) = _spread(ours, "distance"), _spread(theirs, "distance")
        found = (
            f"distance {t1} with it, {t0} without; {ours[0]['epochs']} epochs of {ours[0]['images']:,} images at an "
            "eighth of the width; 100 were not run"
        )
        return found, HOLDS if m0 - m1 > s0 + s1 else FAILS if m1 - m0 > s0 + s1 else PARTLY

    return measure


CLAIMS = (
    Claim("P1", "The MLP is satisfactory at 50 epochs, though some digits stay noisy and blurry",
          "distance at most half of that at 5 epochs, and the background varies more than twice as much as in real "
          "digits", _mlp_at_50),
    Claim("P1", "DCGAN is already realistic at 5 epochs",
          "at 5 epochs it has a smaller distance, and more images that the classifier is sure of (0.95), than the MLP "
          "at 50", _dcgan_at_5),
    Claim("P1, P3", "DCGAN's samples are less noisy", "its background varies less",
          _versus("background_variation", "background, grey levels", more=False)),
    Claim("P1", "DCGAN's samples are sharper", "the step at a stroke's edge is larger",
          _versus("edge_sharpness", "step at an edge, share of the grey scale", more=True)),
    Claim("P1", "DCGAN is more stable to train", "the distance's spread over seeds, divided by its mean, is smaller",
          _stability),
    Claim("P1", "BatchNorm is one reason",
          "without it the distance grows by more than both spreads",
          _without("guidelines", "variant", P1_NETS, "no BatchNorm")),
    Claim("P1", "Transposed convolutions are another",
          "with upsampling and a convolution in their place the distance grows by more than both spreads",
          _without("guidelines", "variant", P1_NETS, "G: nearest, then convolution")),
    Claim("P1", "LeakyReLU (in D) helps, since it avoids dying ReLUs",
          "with ReLU the distance grows by more than both spreads",
          _without("tricks", "without", "none: all tricks on", "LeakyReLU in D")),
    Claim("P2", "After 50 epochs samples are visually indistinguishable from MNIST",
          "distance at most twice that of real digits, by more than the spread", _indistinguishable),
    Claim("P2", "MLPs suit MNIST, whose images have few spatial dependencies",
          "shuffling the pixels, which takes away just these, does not set a convolutional network back by more than "
          "both spreads", _few_spatial_dependencies),
    Claim("P2", "G and D are hard to keep in balance",
          "with the networks as printed D(G(z)) falls below 0.05 in every seed, with P1's by the same settings in none",
          _balance),
    Claim("P3", "DCGAN's samples are significantly better", "smaller distance",
          _versus("classifier_fid", "distance", more=False)),
    Claim("P3", "MLPs suit wider domains than convolutional networks",
          "with shuffled pixels an MLP with ten times the (cheaper) epochs is closer by more than both spreads",
          _wider_domains),
    Claim("P3", "DCGAN is the most appropriate tool for high resolution and little noise (stand-in data, not LSUN)",
          "at 128 pixels it is closer to the data than an MLP after equal images, and so is its share of fine grain",
          _high_resolution),
    Claim("P4", "No mode collapse (stand-in data, not LSUN)",
          "samples show at least 0.9 of the combinations of plan, stone, time and weather that renders show",
          _church_kinds),
    Claim("P4", "A learning rate of 0.0002, as in its abstract (stand-in data, not LSUN)",
          "in a short run, a smaller distance than with 0.002, as in its text, by more than both spreads",
          _church_reading("practice", "practice-0.002")),
    Claim("P4", "BatchNorm's weights from N(0, 0.02), and BatchNorm after D's first convolution too, at its text's "
          "rate (stand-in data, not LSUN)",
          "in a short run at 0.002, a smaller distance than with DCGAN's practice by more than both spreads",
          _church_reading("as-printed-0.002", "practice-0.002")),
    Claim("P4", "The same at its abstract's rate (stand-in data, not LSUN)",
          "in a short run at 0.0002, a smaller distance than with DCGAN's practice by more than both spreads",
          _church_reading("as-printed", "practice")),
)  # fmt: skip


def table() -> list[dict[str, str]]:
    """One row a claim: paper, claim, rule, measured, verdict."""
    rows = []
    for claim in CLAIMS:
        try:
            measured, verdict = claim.measure()
        except (StudyError, LookupError):
            measured, verdict = "", OPEN
        rows.append(
            {"paper": claim.paper, "claim": claim.says, "rule": claim.rule, "measured": measured, "verdict": verdict}
        )
    return rows


def markdown() -> str:
    """The table in Markdown. Distance: the classifier's Fréchet distance to MNIST's test images, 10,000 samples; for P4
    the Fréchet distance on the church reader's features."""
    lines = ["| paper | claim | holds if | measured | verdict |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {r['paper']} | {r['claim']} | {r['rule']} | {r['measured']} | **{r['verdict']}** |" for r in table()]
    return "\n".join(lines)
