"""What the papers claim about MNIST, what we measured, and whether the claim holds: one table, made from results.

Every number comes from assets/results or from the cards of the shipped weights, and every verdict from the rule beside
it: equal conditions, a control, and the spread over seeds. Where the spread swallows the difference, or where there is
one run of a side and so no spread to set against it, the verdict is "not decided"; `decide` is that rule. A claim whose
study was not run yet says so.

    python -m gancourse claims

prints the table; `gancourse.publishing.readme` puts it into notebooks/CLAIMS.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gancourse import pretrained
from gancourse.course.studies.lesson07 import critics, readings, stability
from gancourse.course.studies.runner import StudyError, results
from gancourse.course.verdicts import (
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    UNDECIDED,
    decide,
    reach,
    seed_by_seed,
    steadier,
    together,
)

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


def _column(rows: list[Row], column: str) -> list[float]:
    """The values of a column, a run each; runs that diverged have none and are left out."""
    return [float(row[column]) for row in rows if column in row]


def _spread(rows: list[Row], column: str) -> tuple[float, float, str]:
    """Mean and standard deviation over seeds, and both as text: "30.1 ± 2.0 (3 seeds)". Diverged runs are left out."""
    values = _column(rows, column)
    mean, spread = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    if len(values) == 1:
        return mean, spread, f"{mean:.3g} (1 seed)"
    return mean, spread, f"{mean:.3g} ± {spread:.2g} ({len(values)} seeds)"


def _seeds(model: str, epoch: int, column: str) -> list[float]:
    """P1's networks with P1's recipe on all of MNIST, at one epoch: a value for each seed."""
    found = [float(row["at"][str(epoch)][column]) for row in _rows("p1_seeds", model=model) if str(epoch) in row["at"]]
    if not found:
        raise LookupError(f"p1_seeds has no {model} at epoch {epoch}")
    return found


def _words(values: Sequence[float]) -> str:
    """As in `_spread`: "30.1 ± 2.0 (3 seeds)"."""
    return _spread([{"value": value} for value in values], "value")[2]


def _at(name: str, epoch: int | None = None) -> Row:
    """The comparison's row of a generator: at one epoch, or at the last that there is."""
    rows = sorted(_rows("gan_vs_dcgan", name=name), key=lambda row: row["epoch"])
    return rows[-1] if epoch is None else next(row for row in rows if row["epoch"] == epoch)


def _real() -> Row:
    return _rows("gan_vs_dcgan", name="real digits")[0]


# --- P1 ------------------------------------------------------------------------------------------------------------


def _mlp_at_50() -> tuple[str, str]:
    early, late = (_seeds("mlp", epoch, "classifier_fid") for epoch in (5, 50))
    noise, real = _seeds("mlp", 50, "background_variation"), _real()
    found = (
        f"distance {_words(early)} at 5 epochs, {_words(late)} at 50 (real: {real['classifier_fid']:.2f}); background "
        f"{_words(noise)} grey levels (real: {real['background_variation']:.2f})"
    )
    better = decide(late, [value / 2 for value in early])
    noisy = decide([2 * real["background_variation"]] * len(noise), noise)
    return found, together([better, noisy])


def _dcgan_at_5() -> tuple[str, str]:
    (near, sure), (far, unsure) = (
        [_seeds(model, epoch, column) for column in ("classifier_fid", "confident")]
        for model, epoch in (("dcgan", 5), ("mlp", 50))
    )
    verdicts = [decide(near, far), decide(unsure, sure)]
    found = (
        f"distance: DCGAN at 5 epochs {_words(near)}, MLP at 50 {_words(far)}: {verdicts[0]}; share of images "
        f"classified with certainty: {_words(sure)} and {_words(unsure)}: {verdicts[1]}"
    )
    return found, together(verdicts)


def _versus(column: str, what: str, more: bool, p3: bool = False) -> Callable[[], tuple[str, str]]:
    """DCGAN against the MLP in one column: decided at 50 epochs of both, over seeds; beside it one longer run of each.

    p3: set P3's unequal epochs (200 and 100) beside it too.
    """

    def measure() -> tuple[str, str]:
        mlp, dcgan = (_seeds(model, 50, column) for model in ("mlp", "dcgan"))
        parts = [f"{what}, 50 epochs of both: MLP {_words(mlp)}, DCGAN {_words(dcgan)} (real: {_real()[column]:.3g})"]
        for title, epochs in [("P1's 100 of both", (100, 100)), ("P3's 200 and 100", (200, 100))][: 2 if p3 else 1]:
            one, other = (_at(name, epoch)[column] for name, epoch in zip(GENERATORS, epochs, strict=True))
            parts.append(f"{title}, 1 seed each, so {decide([one], [other])}: {one:.3g} and {other:.3g}")
        return "; ".join(parts), decide(mlp, dcgan) if more else decide(dcgan, mlp)

    return measure


def _stability() -> tuple[str, str]:
    mlp, dcgan = (_seeds(model, 50, "classifier_fid") for model in ("mlp", "dcgan"))
    verdict, f, p = steadier(dcgan, mlp)
    relative = [statistics.stdev(values) / statistics.mean(values) for values in (mlp, dcgan)]
    found = (
        f"distance after 50 epochs: MLP {_words(mlp)}, DCGAN {_words(dcgan)}; relative to the mean "
        f"{relative[0]:.2f} and {relative[1]:.2f}; "
        f"F = {f:.1f}, p = {p:.2f}"
    )
    return found, verdict


def _without(study: str, by: str, on: str, off: str, note: str = "") -> Callable[[], tuple[str, str]]:
    """Whether taking something away makes the distance larger by more than both spreads together."""

    def measure() -> tuple[str, str]:
        kept, taken = (_column(_rows(study, **{by: name}), "classifier_fid") for name in (on, off))
        found = f"distance {_words(kept)} with it, {_words(taken)} without; short runs at half width{note}"
        return found, decide(kept, taken)

    return measure


# --- P2 ------------------------------------------------------------------------------------------------------------


def _indistinguishable() -> tuple[str, str]:
    rows, real = _rows("schulz_long", model="schulz"), _real()
    found = (
        f"as printed, after {rows[0]['epochs']} epochs: distance {_spread(rows, 'fid')[2]}, KL from uniform "
        f"{_spread(rows, 'kl')[2]}; real digits {real['classifier_fid']:.2f}"
    )
    near = [row["fid"] <= 2 * real["classifier_fid"] for row in rows]
    # One run refutes what is claimed of every run, and does not confirm it
    return found, FAILS if not any(near) else HOLDS if all(near) and len(near) > 1 else UNDECIDED


def _mlp_suits_mnist() -> tuple[str, str]:
    mlp, dcgan = (_seeds(model, 50, "classifier_fid") for model in ("mlp", "dcgan"))
    late, early = _seeds("mlp", 100, "classifier_fid"), _seeds("dcgan", 5, "classifier_fid")
    minutes = [_at(name, epoch)["minutes"] for name, epoch in zip(GENERATORS, (100, 5), strict=True)]
    found = (
        f"distance, 50 epochs of both: MLP {_words(mlp)}, DCGAN {_words(dcgan)}; in about equal time, MLP after 100 "
        f"epochs ({minutes[0]:.1f} minutes) {_words(late)}, DCGAN after 5 ({minutes[1]:.1f}) {_words(early)}, where "
        f"whether DCGAN is closer {'is not decided' if decide(early, late) == UNDECIDED else decide(early, late)}"
    )
    return found, decide(mlp, dcgan)


def _balance() -> tuple[str, str]:
    """P2's networks as printed against P1's by the same settings but a fresh z, after equally many epochs."""
    printed, control = _rows("schulz_long", model="schulz"), _rows("schulz_fix", model="mlp")
    epoch = min(row["epochs"] for row in control)
    lost = [row["history"][epoch - 1]["d_fake_before"] < 0.05 for row in printed]
    lost_control = [row["history"][epoch - 1]["d_fake_before"] < 0.05 for row in control]
    found = (
        f"as printed, D(G(z)) is below 0.05 in epoch {epoch} in {sum(lost)} of {len(lost)} seeds; of P1's smaller "
        f"networks by the same settings, but with a fresh z for G's step, in {sum(lost_control)} of {len(lost_control)}"
    )
    if min(len(lost), len(lost_control)) < 3:
        return found, UNDECIDED
    return found, HOLDS if all(lost) and not any(lost_control) else FAILS if not any(lost) else PARTLY


def _wider_domains() -> tuple[str, str]:
    texts, found = [], {}
    for name in ("MLP", "MLP, ten times as long", "DCGAN"):
        found[name] = _column(_rows("permuted", name=name, permuted=True), "classifier_fid")
        texts.append(f"{name} {_words(found[name])}")
    verdict = decide(found["MLP, ten times as long"], found["DCGAN"])
    return "distance, pixels shuffled: " + "; ".join(texts) + "; short runs, DCGAN at half width", verdict


def _high_resolution() -> tuple[str, str]:
    mlp, dcgan = (_rows("high_resolution", pair=name) for name in ("MLP", "DCGAN"))
    real = mlp[0]["grain_real"]
    closer = decide(_column(dcgan, "distance"), _column(mlp, "distance"))
    off = [[abs(grain - real) for grain in _column(rows, "grain")] for rows in (dcgan, mlp)]
    grain = decide(*off)
    found = (
        f"at 128 pixels, distance: MLP {_spread(mlp, 'distance')[2]}, DCGAN {_spread(dcgan, 'distance')[2]}: {closer}; "
        f"share of power in patterns finer than 4 pixels: MLP {_spread(mlp, 'grain')[2]}, DCGAN "
        f"{_spread(dcgan, 'grain')[2]}, renders {real:.2g}: {grain}; {mlp[0]['epochs']} epochs of "
        f"{mlp[0]['images']:,} images, the MLP at a rate of {mlp[0]['lr']:g} and DCGAN, at an eighth of its width, at "
        f"{dcgan[0]['lr']:g} (at 0.0002 such a DCGAN does not learn, lesson 04)"
    )
    return found, together([closer, grain])


# --- P1 on WGAN: each claim of WGAN as P1 knows it, with clipping, and with the gradient penalty -------------------


def _of_wgan(module: Any, study: str, *names: str) -> tuple[list[str], list[str]]:
    """Texts and verdicts of a study's claims that are called so, for WGAN with clipping and for WGAN-GP."""
    found = [v for v in module.verdicts(results(study)) if v["claim"] in names and v["arm"] in critics.WASSERSTEIN]
    kind = {name: name.rpartition(", ")[2] + ": " if ", " in name else "" for name in names}
    return [f"{kind[v['claim']]}{v['measured']}: {v['verdict']}" for v in found], [v["verdict"] for v in found]


def _wgan(module: Any, study: str, *names: str) -> Callable[[], tuple[str, str]]:
    def measure() -> tuple[str, str]:
        texts, verdicts = _of_wgan(module, study, *names)
        return "; ".join(texts), together(verdicts)

    return measure


def _wgan_collapse() -> tuple[str, str]:
    texts, verdicts = _of_wgan(readings, "critics", *(f"less mode collapse, by {what}" for what in ("KL", "coverage")))
    ours, theirs = (_column(_rows("stacked", arm=arm), "modes") for arm in ("WGAN-GP", "DCGAN"))
    verdicts.append(decide(theirs, ours))
    texts.append(f"modes of 1,000 (stacked MNIST): WGAN-GP {_words(ours)}, DCGAN {_words(theirs)}: {verdicts[-1]}")
    return "; ".join(texts), together(verdicts)


def _supervised() -> tuple[str, str]:
    """Pix2Pix with its paper's loss: against its map, and where the map says it, against the stone that was ordered."""
    ceiling = _rows("pix2pix", arm="ceiling")[0]["ceiling"]
    plain, coded = (_rows("pix2pix", arm="l1-cgan", code=code) for code in (False, True))
    maps, stones = [row["dropout"]["iou"] for row in plain], [row["dropout"]["stone"] for row in coded]
    verdicts = [reach(maps, 0.9 * ceiling["iou"]), reach(stones, 0.9 * ceiling["stone"])]
    text = (
        f"mean IoU {_words(maps)}, of true churches {ceiling['iou']:.3g}: {verdicts[0]}; stone as ordered "
        f"{_words(stones)}, read from true churches {ceiling['stone']:.3g}: {verdicts[1]}"
    )
    return text, together(verdicts)


FLOORS = ("the picture itself", "transfer of colours")


def _of_cyclegan(task: str, way: str, column: str) -> tuple[list[float], dict[str, float]]:
    """The long runs' values of a column, one a seed, and what the floors and the truth have there."""
    rows = _rows("cyclegan", arm="cyclegan-long", task=task)
    floors = _rows("cyclegan", arm="floors", task=task)[0]["floors"]
    return [row[way][column] for row in rows], {name: both[way][column] for name, both in floors.items()}


def _without_pairs() -> tuple[str, str]:
    """Translations are nearer the true pictures than all that needs no training; lamps, inside windows too."""
    texts, verdicts = [], []
    for task, way, what in (
        ("dusk", "ab", "to dusk"),
        ("dusk", "ba", "to morning"),
        ("snow", "ab", "to snow"),
        ("snow", "ba", "to summer"),
    ):
        values, floors = _of_cyclegan(task, way, "psnr")
        bar = max(floors[name] for name in FLOORS)
        verdicts.append(reach(values, bar))
        texts.append(f"PSNR {what} {_words(values)}, without training {bar:.3g}: {verdicts[-1]}")
    values, floors = _of_cyclegan("dusk", "ab", "windows")
    bar = min(floors[name] for name in FLOORS)
    verdicts.append(reach([-value for value in values], -bar))
    texts.append(f"error in lit windows {_words(values)}, without training {bar:.3g}: {verdicts[-1]}")
    return "; ".join(texts), together(verdicts)


def _unchanged() -> tuple[str, str]:
    """What light and weather do not touch is read from the translations as from the true pictures."""
    texts, verdicts = [], []
    for task, what in (("dusk", "at dusk"), ("snow", "in snow")):
        for column in ("plan", "stone"):
            values, found = _of_cyclegan(task, "ab", column)
            verdicts.append(reach(values, found["the truth"] - 0.05))
            texts.append(f"{column} {what} {_words(values)}, truth {found['the truth']:.3g}: {verdicts[-1]}")
    return "; ".join(texts), together(verdicts)


DETAIL = (0.8, 1.25)  # of enlargements, as a share of the truth's: within these it is neither blurred nor overdone


LEVELS = {"4-8": "coarse", "16": "middle", "32-": "fine"}  # groups of the study's tables
HELD = 0.3  # of the way from chance to always: layers that give so many of a donor's values hold the factor


CLEARLY = 0.03  # of all answers: by so many more are right where a latent is easier to read


def _held(row: Row) -> dict[str, list[str]]:
    """Level of LEVELS -> the factors that its layers hold, in a seed's table of mixtures."""
    return {
        level: [factor for factor, of in row["mixing"][group].items() if of[0] and of[1] - of[4] >= HELD * (1 - of[4])]
        for group, level in LEVELS.items()
    }


def _fine_grained() -> tuple[str, str]:
    """Layers of at least two levels hold a factor that those of no other level hold, in every seed."""
    rows = _rows("stylegan", arm="stylegan")
    found = [_held(row) for row in rows]
    texts = [
        f"{level} layers hold " + (" and ".join(", ".join(one[level]) or "none" for one in found))
        for level in LEVELS.values()
    ]
    alone = []
    for one in found:
        all_of_them = [factor for factors in one.values() for factor in factors]
        alone.append(float(sum(any(all_of_them.count(f) == 1 for f in factors) for factors in one.values())))
    return "; ".join(texts), reach(alone, 2.0)


def _separated() -> tuple[str, str]:
    """Planes tell the factors better in w than in z, and than in the w of a mapping that has learned nothing."""
    rows = _rows("stylegan", arm="stylegan")

    def beyond(space: str) -> list[float]:
        return [statistics.mean(of["accuracy"] - of["chance"] for of in row["planes"][space].values()) for row in rows]

    w, told, verdicts = beyond("w"), [], []
    for space, name in (("z", "z"), ("untrained", "an untrained mapping")):
        other = beyond(space)
        verdicts.append(reach([mine - theirs for mine, theirs in zip(w, other, strict=True)], CLEARLY))
        told.append(f"{name} {_words(other)}: {verdicts[-1]}")
    return f"told beyond chance in w {_words(w)}; in {'; in that of '.join(told)}", together(verdicts)


def _edited(row: Row, space: str, names: Sequence[str], ceiling: Row) -> float:
    """Mean over edits of the best amount's smaller one: how often it is done, and the share kept of what can be."""
    return statistics.mean(
        max(min(one["done"], one["kept"] / ceiling[name]) for one in row["edits"][space][name]) for name in names
    )


def _steered() -> tuple[str, str]:
    """Edits in w do what they say and keep the rest better than those in its z, and in the z of DCGAN."""
    ours, theirs = _rows("stylegan", arm="stylegan"), _rows("stylegan", arm="dcgan")
    ceiling = next(row["ceiling"] for row in theirs if "ceiling" in row)
    every = [row["edits"][space] for rows, space in ((ours, "z"), (ours, "w"), (theirs, "z")) for row in rows]
    names = sorted(set.intersection(*map(set, every)))
    if not names:
        raise LookupError("stylegan has no edit that all of its generators could be given")
    w = [_edited(row, "w", names, ceiling) for row in ours]
    told, verdicts = [], []
    for rows, name in ((ours, "its z"), (theirs, "DCGAN's z")):
        other = [_edited(row, "z", names, ceiling) for row in rows]
        verdicts.append(decide(other, w))
        told.append(f"in {name} {_words(other)}: {verdicts[-1]}")
    return f"{len(names)} edits in w {_words(w)}; {'; '.join(told)}", together(verdicts)


def _realistic_textures() -> tuple[str, str]:
    """SRGAN's patches are nearer true ones than those of the network it began with, and as rich in detail."""
    by_seed = {row["seed"]: row for row in _rows("srgan", arm="srresnet", times=4)}
    rows = _rows("srgan", arm="srgan", times=4)
    bicubic = _rows("srgan", arm="ends", times=4)[0]["bicubic"]["texture"]
    textures, before = _column(rows, "texture"), [by_seed[row["seed"]]["texture"] for row in rows]
    nearer = reach([min(old, bicubic) - new for new, old in zip(textures, before, strict=True)], 0.0)
    details = _column(rows, "detail")
    rich = reach([min(value - DETAIL[0], DETAIL[1] - value) for value in details], 0.0)
    text = (
        f"distance of textures {_words(textures)}, of SRResNets {_words(before)}, bicubic {bicubic:.3g}: {nearer}; "
        f"detail {_words(details)} of the truth's: {rich}"
    )
    return text, together([nearer, rich])


GENERATORS = ("mlp-mnist", "dcgan-mnist")
P1_NETS = "as P1 prints it"
# --- P4: on procedural churches, not on LSUN's photographs ----------------------------------------------------------


def _church_kinds() -> tuple[str, str]:
    if "church-procedural" not in pretrained.names():
        raise LookupError("no generator of churches is shipped")
    epoch, share, samples = _kinds("church-procedural")
    text = (
        f"after {epoch} epochs {share:.0%} of the combinations that as many renders show (samples: {samples:,}); 1 seed"
    )
    if "church-remedies" in pretrained.names():
        epoch, remedied, _ = _kinds("church-remedies")
        text += f"; with lesson 04's remedies, after {epoch} epochs, {remedied:.0%}"
    return (text, HOLDS) if share >= 0.9 else (f"{text}; 100 were not run", OPEN)


def _kinds(name: str) -> tuple[int, float, int]:
    """Of a generator's last epoch: that, its kinds as a share of what renders show, and of how many samples."""
    files = pretrained.card(name)["files"]
    epoch = max(files, key=int)
    found = files[epoch]["scores"]
    return int(epoch), found["kinds"] / found["kinds_real"], found["samples"]


def _by_seed(ours: list[Row], theirs: list[Row]) -> str:
    """The paired comparison of two settings by their distances, in words."""
    near, far = ([row["distance"] for row in sorted(rows, key=lambda row: row["seed"])] for rows in (ours, theirs))
    verdict, gap, error = seed_by_seed(near, far)
    return f"{-gap:+.0f} ± {error:.0f}: {verdict}"


def _church_reading(reading: str, against: str) -> Callable[[], tuple[str, str]]:
    """Whether one reading of P4's settings comes closer to the data than another by more than both spreads."""

    def measure() -> tuple[str, str]:
        ours, theirs = (_rows("church_contradictions", reading=name) for name in (reading, against))
        near, far = _column(ours, "distance"), _column(theirs, "distance")
        found = (
            f"distance {_words(near)} with it, {_words(far)} without; {ours[0]['epochs']} epochs of "
            f"{ours[0]['images']:,} images at an eighth of the width; 100 were not run"
        )
        verdict, by_seed = decide(near, far), _by_seed(ours, theirs)
        return f"{found}; seed by seed (lesson 04) {by_seed}", verdict

    return measure


CLAIMS = (
    Claim("P1", "The MLP is satisfactory at 50 epochs, though some digits stay noisy and blurry",
          "distance at most half of that at 5 epochs, and the background varies more than twice as much as in real "
          "digits, each by more than the spreads", _mlp_at_50),
    Claim("P1", "DCGAN is already realistic at 5 epochs",
          "at 5 epochs it has a smaller distance, and more images that the classifier is sure of (0.95), than the MLP "
          "at 50, each by more than both spreads", _dcgan_at_5),
    Claim("P1, P3", "DCGAN's samples are less noisy",
          "after 50 epochs of both its background varies less by more than both spreads",
          _versus("background_variation", "background, grey levels", more=False, p3=True)),
    Claim("P1", "DCGAN's samples are sharper",
          "after 50 epochs of both the step at a stroke's edge is larger by more than both spreads",
          _versus("edge_sharpness", "step at an edge, share of the grey scale", more=True)),
    Claim("P1", "DCGAN is more stable to train",
          "after 50 epochs of both the distance's spread over seeds, relative to its mean, is smaller, with p below "
          "0.05 in an F test of the logarithms", _stability),
    Claim("P1", "BatchNorm is one reason",
          "without it the distance grows by more than both spreads",
          _without("guidelines", "variant", P1_NETS, "no BatchNorm")),
    Claim("P1", "Transposed convolutions are another",
          "with upsampling and a convolution in their place the distance grows by more than both spreads",
          _without("guidelines", "variant", P1_NETS, "G: nearest, then convolution",
                   ", where G's work for an image grows (section 3.11)")),
    Claim("P1", "LeakyReLU (in D) helps, since it avoids dying ReLUs",
          "with ReLU the distance grows by more than both spreads",
          _without("tricks", "without", "none: all tricks on", "LeakyReLU in D")),
    Claim("P1", "WGAN's loss is more meaningful",
          "along a run, the steps of what the loss says follow those of the distance more closely than with P1's game, "
          "and than with its loss and the critic's network, by more than both spreads, over the whole run and over its "
          "second half",
          _wgan(readings, "critics", "a more meaningful loss", "a more meaningful loss, late in the run")),
    Claim("P1", "It is smoother",
          "its curve goes up and down less, over its range, than both controls', by more than both spreads",
          _wgan(readings, "critics", "a smoother loss")),
    Claim("P1", "WGAN trains more stably",
          "of twelve settings it trains in some where a control does not, and not the other way round, with p below "
          "0.05 in a sign test",
          _wgan(stability, "stability", "more stable training")),
    Claim("P1", "WGAN has less mode collapse",
          "after equal images the KL of the ten digits is smaller, and coverage larger, than both controls', and on "
          "stacked MNIST it finds more modes than a DCGAN, each by more than both spreads", _wgan_collapse),
    Claim("P1", "Pix2Pix suits supervised tasks (on drawings of churches)",
          "on maps that it never saw every seed's pictures are read as the map at least 0.9 times as well as the true "
          "ones (mean IoU), and where the map says the stone, it is the one ordered at least 0.9 times as often",
          _supervised),
    Claim("P1", "CycleGAN learns without pairs (morning and dusk, summer and snow)",
          "after 12,000 steps, in every seed, its translations, both ways of both tasks, are nearer the true pictures "
          "(PSNR) than the picture itself and than a transfer of colours; at dusk also inside windows, which are lit",
          _without_pairs),
    Claim("P1", "What it need not change remains unchanged",
          "after 12,000 steps, in every seed, the plan and the stone are read from its dusk and from its snow as often "
          "rightly as from the true pictures, less 0.05",
          _unchanged),
    Claim("P1", "SRGAN gives realistic textures (churches of 64 pixels, enlarged to 256)",
          "in every seed its patches are nearer to true ones (Fréchet distance, by a network that was never trained) "
          "than those of the SRResNet that it began with, and than bicubic ones; and the differences of neighbouring "
          "pixels are 0.8 to 1.25 times as large as the truth's",
          _realistic_textures),
    Claim("P1", "StyleGAN offers fine-grained control at different levels of detail",
          f"in every seed at least two of its levels (layers of 4 and 8, of 16, of 32 and 64 pixels a side) hold a "
          f"factor that no other level holds: how often a mixture has the donor's value goes at least {HELD:.0%} of "
          "the way from chance to always", _fine_grained),
    Claim("P1", "StyleGAN separates the latent space from the image synthesis (counted: is w easier to read than z?)",
          f"in every seed linear classifiers tell the factors better in w than in z, and than in the w of an untrained "
          f"mapping, by {CLEARLY:.0%} more right answers or more, the mean over factors", _separated),
    Claim("P1", "StyleGAN's attributes are manipulated in a more interpretable way",
          "edits (best amount; the smaller of how often it is done and of what is kept, as a share of what an exact "
          "render keeps) are better in w than in its z and in DCGAN's, by more than both spreads", _steered),
    Claim("P2", "After 50 epochs samples are visually indistinguishable from MNIST",
          "in every run, distance at most twice that of real digits", _indistinguishable),
    Claim("P2", "MLPs suit MNIST, whose images have few spatial dependencies",
          "after 50 epochs of both the MLP is closer to real digits than DCGAN by more than both spreads",
          _mlp_suits_mnist),
    Claim("P2", "G and D are hard to keep in balance",
          "after 10 epochs D(G(z)) is below 0.05 with the networks as printed in every seed, with P1's in none",
          _balance),
    Claim("P3", "DCGAN's samples are significantly better",
          "after 50 epochs of both its distance is smaller by more than both spreads",
          _versus("classifier_fid", "distance", more=False, p3=True)),
    Claim("P3", "GANs (its MLPs) suit wider domains; convolutional networks find spatial correlation",
          "with shuffled pixels an MLP with ten times the (cheaper) epochs is closer than DCGAN by more than both "
          "spreads",
          _wider_domains),
    Claim("P3", "DCGAN is the most appropriate tool for high resolution and little noise (stand-in data, not LSUN)",
          "at 128 pixels it is closer to the data than an MLP after equal images, and so is its share of fine grain, "
          "each by more than both spreads", _high_resolution),
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
