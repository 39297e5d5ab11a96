"""The studies critics and stability in miniature, and their rules on made-up runs."""

from __future__ import annotations

import json
import math

import pytest

from gancourse.course.studies import runner
from gancourse.course.studies.lesson07 import critic_speed, critics, plain_z, readings, stability, stacked
from gancourse.course.verdicts import FAILS, HOLDS, UNDECIDED
from gancourse.models import networks
from gancourse.models.dcgan import DCGANGenerator
from gancourse.training.critic import CriticRecipe


@pytest.mark.parametrize("study", [critics, stability, plain_z, critic_speed])
def test_jobs_have_keys_of_their_own_and_can_be_written_down(study):
    for quick in (True, False):
        jobs = study.jobs(quick)
        assert len({job["key"] for job in jobs}) == len(jobs) and json.loads(json.dumps(jobs)) == jobs
        for job in jobs:
            CriticRecipe(**job["recipe"])


def test_the_studies_are_found_and_as_large_as_asked():
    assert {"critics", "stability"} <= set(runner.names())
    jobs = critics.jobs(False)
    assert {job["seed"] for job in jobs} == {0, 1, 2} and len(jobs) == 3 * len(critics.ARMS)
    assert len({job["images"] * job["epochs"] for job in jobs}) == 1  # equal images
    per_arm = [job for job in stability.jobs(False) if job["arm"] == critics.P1]
    assert len({(job["generator"], job["rate"]) for job in per_arm}) == len(per_arm) >= 12


def test_every_arm_trains_the_same_generator_and_only_p1s_d_has_batchnorm():
    shapes = set()
    for job in critics.jobs(True)[: len(critics.ARMS)]:
        made = critics.made(job | {"width": 128})
        shapes.add(str([tuple(p.shape) for p in made.networks["G"].parameters()]))
        assert ("BatchNorm" in str(made.networks["D"])) == (job["arm"] == critics.P1)
    assert shapes == {str([tuple(p.shape) for p in DCGANGenerator().parameters()])}


def test_a_run_watches_itself(monkeypatch):
    job = next(job for job in critics.jobs(True) if job["arm"] == "WGAN-GP")
    row = critics.run(job | {"epochs": 1, "samples": 260, "n_every": 260})
    assert row["curve"]["images"] == [320, 640, 960] and row["images_seen"] == 960 and row["steps_g"] == 3
    assert {len(values) for values in row["curve"].values()} == {3} and "slope" in row["curve"]
    assert row["classifier_fid"] > 0 and row["classes"] >= 1 and json.loads(json.dumps(row)) == row


def _row(arm, fid, loss, **figures):
    images = [1000 * i for i in range(len(fid))]
    return {"arm": arm, "recipe": critics.ARMS[arm]["recipe"], **figures} | {
        "curve": {"fid": fid, "loss_d": loss, "images": images}
    }


FALLING = [9.0, 6.0, 7.0, 4.0, 3.0, 3.5, 2.0]


def test_a_loss_that_is_the_distance_follows_it_and_one_that_is_not_does_not():
    follows = _row("WGAN-GP", FALLING, [-v for v in FALLING])
    assert readings.reading(follows) == FALLING and readings.meaning(follows) == (1.0, 1.0, 1.0)
    against = _row("WGAN-GP", FALLING, FALLING)
    assert readings.meaning(against) == (-1.0, -1.0, -1.0)
    trend = _row("WGAN-GP", FALLING, [-9.0, -8.0, -7.0, -5.0, -4.5, -3.0, -2.0])  # only the trend is the same
    levels, steps, _ = readings.meaning(trend)
    assert levels > 0.9 and steps < 0.5
    assert readings.meaning(_row("WGAN-GP", FALLING, [0.0] * 7)) == (0.0, 0.0, 0.0)
    at_equilibrium = _row(critics.P1, FALLING, [2 * math.log(2)] * 7)
    assert readings.reading(at_equilibrium) == [0.0] * 7


def test_two_falls_that_slow_down_agree_in_their_steps_and_not_late():
    falls = [0.8**i for i in range(24)]
    zigzag = [0.0] * 12 + [0.0, 0.02] * 6  # where little is left of the fall, one goes up when the other goes down
    a, b = ([f + sign * z for f, z in zip(falls, zigzag, strict=True)] for sign in (1, -1))
    levels, steps, last = readings.meaning(_row("WGAN-GP", a, [-v for v in b]))
    assert levels > 0.9 and steps > 0.5 and last < -0.4


def test_a_straight_curve_is_smooth_and_a_zigzag_is_not():
    assert readings.roughness([5, 4, 2, 1]) == 1 and readings.roughness([1, 1]) == 1
    assert readings.roughness([0, 1, 0, 1, 0]) == 4


def test_images_until_a_distance():
    row = _row("WGAN-GP", FALLING, FALLING)
    assert readings.images_to(row, 4.0) == 3000 and readings.images_to(row, 1.0) == math.inf


def _results(better, control, plain):
    """Three seeds of each arm whose KL is that of its argument, and of all other arms 1."""
    value = {"WGAN-GP": better, critics.P1: control, critics.PLAIN: plain}
    rows = [
        _row(arm, FALLING, [-v for v in FALLING], kl=value.get(arm, 1.0) + 0.01 * seed, coverage=0.5)
        for arm in critics.ARMS
        for seed in range(3)
    ]
    return {"rows": rows}


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ((0.1, 0.5, 0.5), HOLDS),
        ((0.9, 0.5, 0.5), FAILS),
        ((0.1, 0.5, 0.1), UNDECIDED),  # better than P1's networks alone: it may be the network
        ((0.5, 0.5, 0.5), UNDECIDED),
    ],
)
def test_a_claim_holds_against_both_controls_or_not_at_all(figures, verdict):
    found = readings.verdicts(_results(*figures))
    (kl,) = [row for row in found if row["arm"] == "WGAN-GP" and "KL" in row["claim"]]
    assert kl["verdict"] == verdict
    (coverage,) = [row for row in found if row["arm"] == "WGAN-GP" and "coverage" in row["claim"]]
    assert coverage["verdict"] == UNDECIDED


def test_what_trains():
    good = {"classes": 10, "classifier_fid": 20.0}
    assert stability.trains(good, 50.0)
    assert not stability.trains(good | {"classes": 9}, 50.0)
    assert not stability.trains(good, 10.0)
    assert not stability.trains({"diverged": "loss_d"}, 50.0)


def test_the_sign_test_is_the_binomial():
    assert stability.sign_test(0, 0) == 1 and stability.sign_test(3, 3) == 1
    assert stability.sign_test(6, 0) == stability.sign_test(0, 6) == 2 / 64
    assert stability.sign_test(5, 1) == 2 * (1 + 6) / 64


def _grid(arms):
    """Arm -> in which of 12 settings it trains; all others train in none."""
    rows = []
    for arm in stability.ARMS:
        for i, (generator, rate) in enumerate((g, r) for g in stability.GENERATORS for r in stability.RATES):
            fid = 1.0 if i in arms.get(arm, ()) else 1e6
            rows.append({"arm": arm, "generator": generator, "rate": rate, "classes": 10, "classifier_fid": fid})
    return {"rows": rows}


def test_stable_is_what_trains_where_both_controls_do_not():
    found = {row["arm"]: row for row in stability.verdicts(_grid({"WGAN-GP": range(12), critics.P1: range(3)}))}
    assert found["WGAN-GP"]["verdict"] == HOLDS and found["WGAN, clipping"]["verdict"] == UNDECIDED
    both = {"WGAN-GP": range(8), critics.P1: range(3), critics.PLAIN: range(12)}
    assert stability.verdicts(_grid(both))[1]["verdict"] == UNDECIDED
    worse = {critics.P1: range(12), critics.PLAIN: range(6)}
    assert stability.verdicts(_grid(worse))[1]["verdict"] == FAILS


def test_the_perceptron_of_the_grid_is_p1s():
    assert stability.GENERATORS["perceptron"] is None and networks("mlp")[0].image_shape == (1, 28, 28)


def test_a_recipe_of_the_search_trains_and_its_average_is_scored():
    job = next(job for job in plain_z.jobs(True) if job["key"] == "wgan-gp")
    row = plain_z.run(job)
    assert len(row["curve"]) == 1 and row["curve"][0] > 0 and row["classifier_fid"] > 0
    assert {job["images"] * job["epochs"] for job in plain_z.jobs(False)} == {1_200_000}  # as lesson 05's best had


@pytest.mark.parametrize("study", ["critics", "stacked"])
def test_what_an_image_costs_is_measured_for_every_arm(study, monkeypatch):
    jobs = [job for job in critic_speed.jobs(True) if job["study"] == study]
    assert [job["arm"] for job in jobs] == list((critics if study == "critics" else stacked).ARMS)
    row = jobs[0] | critic_speed.run(jobs[0])
    assert row["images_per_cpu_second"] > 0
    monkeypatch.setattr(critic_speed, "results", lambda name: {"rows": [row]})
    assert critic_speed.minutes(study, jobs[0]["arm"], 6000) == pytest.approx(100 / row["images_per_cpu_second"])
    with pytest.raises(KeyError):
        critic_speed.minutes(study, "no such arm", 1)
