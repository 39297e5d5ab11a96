"""The study of borrowed features: its jobs, a quick one of each kind with a stand-in for Lite0, and what rows say."""

import json
import math
from typing import Any

import pytest
import torch

from gancourse.course import verdicts
from gancourse.course.studies.lesson12 import projected
from gancourse.data import sheets
from gancourse.evaluation import lite0
from gancourse.models.features import FeatureWeightsError, random_features
from gancourse.models.projected import ProjectedDiscriminator
from gancourse.training import CriticGAN, Minimax

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for the covariance")
CACHES = (projected._looks, projected._judge, projected._reference)


@pytest.fixture(scope="module")
def twin():
    return random_features(seed=1)


@pytest.fixture
def stand_in(monkeypatch, twin):
    """Another untrained network in the place of Lite0, whose weights need not be here."""
    for module in (projected, lite0):
        monkeypatch.setattr(module, "borrowed_features", lambda *device: twin)
    for cached in CACHES:
        cached.cache_clear()
    yield twin
    for cached in CACHES:
        cached.cache_clear()


def of(arm: str) -> dict[str, Any]:
    return next(job for job in projected.jobs(True) if job["arm"] == arm)


@pytest.mark.parametrize("quick", [False, True])
def test_jobs_are_plain_and_have_keys_of_their_own(quick):
    jobs = projected.jobs(quick)
    assert len({job["key"] for job in jobs}) == len(jobs) and json.loads(json.dumps(jobs)) == jobs
    arms = [job["arm"] for job in jobs]
    assert {arm: arms.count(arm) for arm in projected.ARMS} == {arm: n for arm, (*_, n) in projected.ARMS.items()}
    assert arms.count(projected.RENDERS) == 1 and arms[0] == projected.RENDERS
    assert min(arms.count(arm) for arm in (projected.BASELINE, projected.PROJECTED)) >= 2  # or nothing is decided


def test_without_the_weights_it_stops_before_it_trains(monkeypatch, tmp_path):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    for cached in CACHES:
        cached.cache_clear()
    monkeypatch.setattr(projected, "made", lambda job: pytest.fail("it trained"))
    with pytest.raises(FeatureWeightsError, match="weights are not at"):
        projected.run(of("dcgan"))


def test_each_arm_has_its_own_discriminator_and_game(stand_in):
    nets = {arm: projected.made(of(arm)).algorithm for arm in projected.ARMS}
    assert isinstance(nets.pop("dcgan"), Minimax) and all(isinstance(one, CriticGAN) for one in nets.values())
    D: dict[str, Any] = {arm: one.networks["D"] for arm, one in nets.items()}
    assert all(isinstance(one, ProjectedDiscriminator) for one in D.values())
    assert {arm for arm, one in D.items() if one._features.what is not stand_in} == {"random"}
    assert {arm for arm, one in D.items() if not one.mixed} == {"raw taps"}
    assert {arm: len(one.net[0].each) for arm, one in D.items() if len(one.net[0].each) != 4} == {"one head": 1}
    recipe: Any = nets["projected"]
    assert (recipe.recipe.loss, recipe.recipe.augment) == ("hinge", projected.DIFFAUGMENT)
    assert recipe.setting.config.betas == (0.0, 0.99) and not recipe.recipe.penalised
    starts = [one.networks["G"].state_dict() for one in nets.values()]
    assert all(torch.equal(starts[0][k], other[k]) for other in starts for k in other)  # all begin alike


@pytest.mark.slow
def test_runs_have_a_point_a_part_and_pictures(stand_in):
    found = {arm: projected.run(of(arm)) for arm in ("dcgan", "projected", "renders")}
    assert json.loads(json.dumps(found)) == found
    curve = found["dcgan"]["curve"]
    assert curve["images"] == [64, 128] and 0 < curve["seconds"][0] < curve["seconds"][1]
    names = {*projected.JUDGES, "kinds", "precision", "recall", "coverage"}
    for one in found.values():
        assert names <= set(one["curve"]) and all(math.isfinite(v) for values in one["curve"].values() for v in values)
    # renders are nearer to renders than noise is; so few of them have no covariance of 320 features
    assert found["renders"]["curve"]["reader"][0] < min(
        found[arm]["curve"]["reader"][-1] for arm in ("dcgan", "projected")
    )
    assert sheets.unpack(found["projected"]["strips"]["64"]).shape == (projected.N_SHOWN, 3, 64, 64)


def test_parts_differ_and_come_again(monkeypatch, stand_in):
    seen: list[str] = []
    made = projected.made

    def watched(job):
        trainer: Any = made(job)
        rounds = trainer.rounds

        def noted():
            seen.append(trainer.data.fingerprint)
            return rounds()

        trainer.rounds = noted
        return trainer

    monkeypatch.setattr(projected, "made", watched)
    monkeypatch.setattr(projected, "scored", lambda images: {})
    monkeypatch.setattr(projected, "renewed", lambda G: None)
    monkeypatch.setattr(projected, "PARTS", 2)
    projected._churches.cache_clear()
    projected.run(of("dcgan") | {"parts": 3})
    assert len(set(seen[:2])) == 2 and seen[2] == seen[0]
    projected._churches.cache_clear()


# --- what rows say ------------------------------------------------------------------------------------------------


def row(
    arm: str, seed: int = 0, reader=(20.0, 10.0), lite0=(20.0, 10.0), random=(20.0, 10.0), slow=10.0
) -> dict[str, Any]:
    curve = {"images": [100, 200], "seconds": [slow, 2 * slow], "reader": reader, "lite0": lite0, "random": random}
    return {"arm": arm, "seed": seed, "curve": curve}


def rows(**changed: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows in which every arm is as good as "dcgan" by every judge, but for what is changed: arm -> row's arguments."""
    floor: dict[str, Any] = {judge: (2.0,) for judge in projected.JUDGES}
    found = [row("renders", **floor)]
    for arm, (*_, seeds) in projected.ARMS.items():
        for seed in range(seeds):
            usual: dict[str, Any] = {judge: (20.0, 10.0 + 0.1 * seed) for judge in projected.JUDGES}
            found.append(row(arm, seed, **(usual | changed.get(arm.replace(" ", "_"), {}))))
    return found


def test_distances_are_read_off_the_line_between_points():
    some = rows(dcgan={"slow": 5.0})
    assert projected.at(some, "projected", "reader", "seconds", 15.0) == [15.0, pytest.approx(15.05)]
    assert projected.shared(some, "seconds", ("dcgan", "projected")) == 10.0 and projected.shared(some, "images") == 200


def test_faster_asks_for_images_and_for_time():
    better = {"reader": (9.0, 5.0)}
    assert projected.converges(rows(projected=better))["both"] == verdicts.HOLDS
    assert projected.converges(rows()) == {"images": "not decided", "seconds": "not decided", "both": "not decided"}
    slower = projected.converges(rows(projected={"reader": (18.0, 5.0), "slow": 40.0}, dcgan={"slow": 10.0}))
    assert slower == {"images": verdicts.HOLDS, "seconds": verdicts.FAILS, "both": verdicts.PARTLY}
    unfair = {"lite0": (9.0, 5.0)}  # by the judge that trained it alone
    assert projected.converges(rows(projected=unfair))["both"] == verdicts.UNDECIDED


def test_a_gain_that_only_the_teacher_sees_is_a_leak():
    found = projected.leak(rows(projected={"lite0": (9.0, 6.0)}))
    base = 10.05 - 2
    assert found.gains["projected"]["lite0"] == [pytest.approx(1 - 4 / base)] * 2
    assert sum(found.gains["dcgan"]["reader"]) == pytest.approx(0)
    assert found.gaps["projected"] == pytest.approx(1 - 4 / base) and found.share == pytest.approx(1)
    assert found.flatters == verdicts.HOLDS
    assert found.swap == pytest.approx((1 - 4 / base) / 2) and found.own_judge == verdicts.HOLDS


def test_a_gain_that_all_judges_see_is_no_leak():
    better = {judge: (9.0, 6.0) for judge in projected.JUDGES}
    found = projected.leak(rows(projected=better))
    assert (found.share, found.swap) == (pytest.approx(0), pytest.approx(0))
    assert (found.flatters, found.own_judge) == ("not decided", "not decided")


def test_a_judge_that_is_milder_to_all_adds_nothing_to_the_swap():
    milder = {"random": (9.0, 4.0)}  # the random features find both arms better
    found = projected.leak(rows(projected=milder, random=milder))
    assert found.swap == pytest.approx(0) and found.own_judge == verdicts.UNDECIDED
    own = projected.leak(rows(projected={"lite0": (9.0, 4.0)}, random={"random": (9.0, 4.0)}))
    assert own.swap == pytest.approx(own.gains["projected"]["lite0"][0]) and own.own_judge == verdicts.HOLDS


def test_there_is_no_share_of_a_loss():
    worse = projected.leak(rows(projected={judge: (30.0, 20.0) for judge in projected.JUDGES}))
    assert worse.share is None and worse.gains["projected"]["reader"][0] < 0
