"""Sentences of the lessons that no cell holds to a result: each stands there, and the committed results say it."""

import re
from pathlib import Path
from statistics import fmean

import pytest

from gancourse.course.studies.lesson07 import pixel_w1, readings
from gancourse.course.studies.runner import results

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
COARSE, FINER = "4-8", ("16", "32", "64", "32-")


def text(name):
    """A page of notebooks/, or the Markdown of a notebook's source, on one line."""
    path = NOTEBOOKS / (name if name.endswith(".md") else f"src/{name}.py")
    return " ".join(re.sub(r"(?m)^# ?", "", path.read_text(encoding="utf-8")).split())


def says(pair, setting):
    """What a critic says at the last step that all have, over the exact distance; one number a seed."""
    rows = [row for row in results("rulers")["rows"] if (row["pair"], row["setting"]) == (pair, setting)]
    return [row["estimate"][row["step"].index(300)] / row["exact"] for row in rows]


def penalties():
    first, second = "two Gaussians", "ring and one mode"
    spectral = [r for r in results("rulers")["rows"] if r["setting"].startswith("spectral")]
    return (
        all(2.4 < ratio < 2.8 for pair in (first, second) for ratio in says(pair, "penalty 1"))
        and all(1 < ratio < 1.28 for pair in (first, second) for ratio in says(pair, "penalty 10"))
        and all(0.88 < ratio < 1.13 for ratio in says(first, "penalty 100"))
        and sorted(ratio > 0.88 for ratio in says(second, "penalty 100")) == [False, True, True]
        and max(e / row["exact"] for row in spectral for e in row["estimate"]) < 1.001
    )


def pixels_rank_the_trained():
    made = (pixel_w1.REAL, "centres", "other real", "black", "mean", "noise")
    rows = [row for row in pixel_w1.table(results("pixel_w1")) if not row["source"].startswith(made)]
    order = readings.rank_correlation([row["classifier_fid"] for row in rows], [row["w1"] for row in rows])
    return len(rows) == 11 and round(order, 2) == 0.91


def of_cyclegan(arm, task, way, column):
    found = [row for row in results("cyclegan")["rows"] if (row["arm"], row["task"]) == (arm, task)]
    return fmean(row[way][column] for row in found)


def without_a_cycle():
    return all(of_cyclegan("no-cycle", task, way, "plan") < 0.52 for task in ("dusk", "snow") for way in ("ab", "ba"))


def transfer_of_colours():
    floors = {
        r["task"]: r["floors"]["transfer of colours"] for r in results("cyclegan")["rows"] if r["arm"] == "floors"
    }
    behind = {
        (task, way): of_cyclegan("cyclegan", task, way, "psnr") - floors[task][way]["psnr"]
        for task, way in (("dusk", "ab"), ("snow", "ab"), ("dusk", "ba"))
    }
    return behind["dusk", "ab"] < 1.5 and behind["snow", "ab"] < 1.5 and round(behind["dusk", "ba"]) == 3


def as_printed():
    rows = results("srgan")["rows"]
    bicubic = next(row for row in rows if row["arm"] == "ends" and row["times"] == 4)["bicubic"]
    mine = [row for row in rows if row["arm"] == "as-printed"]
    above = fmean(row["psnr"] for row in mine) - bicubic["psnr"]
    return 0.4 < above < 0.6 and fmean(row["ssim"] for row in mine) < bicubic["ssim"]


def layers():
    rows = [row for row in results("stylegan")["rows"] if "mixing" in row]

    def far(row, group, factor):
        donor, chance = row["mixing"][group][factor][1], row["mixing"][group][factor][4]
        return (donor - chance) / (1 - chance)

    (shipped,) = (row for row in rows if row["arm"] == "shipped")
    most = all(far(shipped, COARSE, factor) > 0.65 for factor in ("plan", "time", "weather", "trees", "turned"))
    third = all(0.25 < far(shipped, COARSE, factor) < 0.45 for factor in ("stone", "roof", "sun"))
    finer = max(far(row, group, factor) for row in rows for group in FINER for factor in row["mixing"][group])
    return most and third and finer < 0.15


def planes():
    rows = results("stylegan")["rows"]

    def told(arm, space, factor=None):
        found = [row["planes"][space] for row in rows if row["arm"] == arm]
        of = [read for row in found for name, read in row.items() if factor in (None, name)]
        return fmean(read["accuracy"] - read["chance"] for read in of)

    less = all(
        told("dcgan", "z", factor) < told("stylegan", "w", factor) - 0.1 for factor in ("time", "weather", "sun")
    )
    means = round(told("dcgan", "z"), 2), round(told("stylegan", "w"), 2)
    return less and means == (0.19, 0.22) and told("dcgan", "z", "turned") > 2 * told("stylegan", "w", "turned")


def edits():
    rows = results("stylegan")["rows"]
    ceiling = next(row["ceiling"] for row in rows if "ceiling" in row)

    def done(arm, space, edit):
        tried = [row["edits"][space][edit] for row in rows if row["arm"] == arm]
        best = [max(each, key=lambda one: min(one["done"], one["kept"] / ceiling[edit])) for each in tried]
        return fmean(one["done"] for one in best)

    better = [done(arm, "w", edit) > done(arm, "z", edit) for arm in ("stylegan", "shipped") for edit in ceiling]
    return (sum(better), len(better)) == (10, 12)


def products():
    rows = results("bench")["algorithms"]["rows"]
    half = {row["algorithm"] for row in rows if row["precision"] == "bfloat16" and row["products"] < 0.5}
    whole = min(row["products"] for row in rows if row["precision"] == "float32")
    return whole > 2 / 3 and {"stylegan", "cyclegan-dusk"} <= half


def last_rows():
    return [row["name"] for row in results("mnist_scores")["rows"]][-2:] == ["dcgan-mnist-best", "r3gan-mnist"]


@pytest.mark.parametrize(
    ("page", "sentence", "holds"),
    [
        ("07_wasserstein", "With weight 1 it says about two and a half times the distance", penalties),
        ("07_wasserstein", "their eleven rows alone have a rank correlation of 0.91", pixels_rank_the_trained),
        ("09_cyclegan", "the plan is found in about half of the churches or in fewer", without_a_cycle),
        ("09_cyclegan", "on the way to the morning it is 3 dB behind", transfer_of_colours),
        ("10_srgan", "only half a decibel above the bicubic enlargement, and by SSIM not above it", as_printed),
        ("11_stylegan", "stone, roof and the side of the light go only about a third of it", layers),
        ("11_stylegan", "nearly as well as StyleGAN's $w$ (0.19 against 0.22)", planes),
        ("11_stylegan", "In ten of the twelve rows a step in $w$ does what it says more often", edits),
        ("SPEED.md", "in float32 two thirds of the round or more is in products", products),
        ("SCORES.md", "The last two rows are P1's generator, layer for layer, under other recipes.", last_rows),
    ],
)
def test_a_sentence_is_there_and_the_results_say_it(page, sentence, holds):
    assert sentence in text(page)
    assert holds()
