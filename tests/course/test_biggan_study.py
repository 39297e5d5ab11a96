"""The study of BigGAN's parts: its jobs, and a quick one of each kind from end to end."""

import json
from typing import Any

import pytest
import torch

from gancourse import models
from gancourse.course.studies.lesson12 import biggan
from gancourse.evaluation import conditions

networks: Any = models.networks
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def few_churches(monkeypatch):
    monkeypatch.setattr(conditions, "N_REAL", 500)
    conditions.churches.cache_clear()
    yield
    conditions.churches.cache_clear()


@pytest.mark.parametrize("quick", [False, True])
def test_jobs_have_keys_of_their_own_and_are_plain(quick):
    jobs = biggan.jobs(quick)
    assert len({job["key"] for job in jobs}) == len(jobs) and json.loads(json.dumps(jobs)) == jobs
    arms = [job["arm"] for job in jobs]
    assert set(biggan.ARMS) <= set(arms) and arms.count("base") == (1 if quick else len(biggan.SEEDS))
    assert arms.count("real") == 2 and arms.count("churches") == 1
    assert all(job["images"] <= 64 for job in jobs if quick and job["arm"] != "real")


def test_a_batch_is_tried_at_equal_images_and_at_equal_steps():
    jobs = {job["arm"]: job for job in biggan.jobs(False) if job.get("seed") == 0}

    def shown(arm):
        return jobs[arm]["images"] * jobs[arm]["epochs"]

    def steps(arm):
        return jobs[arm]["epochs"] * (jobs[arm]["images"] // jobs[arm]["batch"])

    for batch in biggan.BATCHES:
        assert shown(f"batch-{batch}") == shown("base") and jobs[f"batch-{batch}"]["batch"] == batch
    assert shown("base-longer") == shown("batch-64-steps") and jobs["base-longer"]["batch"] == jobs["base"]["batch"]
    for batch in biggan.AT_EQUAL_STEPS:
        arm = f"batch-{batch}-steps"
        assert shown(arm) <= biggan.MOST and jobs[arm]["batch"] == batch
        assert steps(arm) == pytest.approx(steps("base"), rel=0.02) or shown(arm) == biggan.MOST


def of(arm: str, data: str = "") -> dict[str, Any]:
    return next(job for job in biggan.jobs(True) if job["arm"] == arm and data in ("", job["data"]))


def test_an_arm_differs_from_the_base_in_its_part_alone():
    base = of("base")
    for arm in biggan.ARMS:
        job = of(arm)
        changed = {name for name in base if name not in ("key", "arm") and job[name] != base[name]}
        assert len(changed) == (arm != "base"), arm
        options, recipe = biggan.ARMS[arm]
        trainer: Any = biggan.trained(job)
        G, D = trainer.networks["G"], trainer.networks["D"]
        assert {**D.options, **G.options}.items() >= options.items()
        assert trainer.algorithm.recipe.orthogonal == recipe.get("orthogonal", 1e-4)


@pytest.mark.slow
def test_digits_have_all_figures_and_a_curve_of_truncation():
    found = biggan.run(of("base"))
    figures = {"obedience", "shares", "variety", "distance", "within", "within_each"}
    assert figures <= set(found) and figures == set(found["running"])
    cuts = [None if cut == float("inf") else cut for cut in biggan.CUTS]
    assert [row["cut"] for row in found["truncation"]] == [cut for cut in cuts for _ in range(2)]
    assert [row["statistics"] for row in found["truncation"][:2]] == ["running", "standing"]
    assert found["steps"] == 4 and found["images_per_second"] > 0 and len(found["shares"]) == 10
    assert json.loads(json.dumps(found, allow_nan=False)) and len(found["strip"]) < 60_000
    assert "truncation" not in biggan.run(of("mean"))


def test_truncated_z_gives_less_variety_and_g_keeps_its_statistics():
    torch.manual_seed(0)
    G: Any = networks("biggan", width=4)[0].eval()
    seen: dict[float, float] = {}
    standing: list[float] = []
    before = {k: v.clone() for k, v in G.state_dict().items()}
    real = conditions.by_class

    def watched(G, n, classes, seed=0, cut=lambda z: z):
        seen[len(seen)] = cut(torch.randn(100, 100)).abs().max().item()
        return real(G, n, classes, seed, cut)

    renewed = biggan.standing_statistics.renewed

    def renewed_as(G, cut=lambda z: z):
        standing.append(cut(torch.randn(100, 100)).abs().max().item())
        return renewed(G, cut)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "by_class", watched)
        patch.setattr(biggan.standing_statistics, "renewed", renewed_as)
        biggan.truncation(G, 3)
    assert all(a <= cut for cut, a in zip(biggan.CUTS, standing, strict=True))
    assert all(a <= cut for cut, a in zip([c for c in biggan.CUTS for _ in range(2)], seen.values(), strict=True))
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())


@pytest.mark.slow
def test_churches_and_real_images_have_the_same_figures(few_churches):
    found = biggan.run(of("churches"))
    assert len(found["shares"]) == len(found["within_each"]) == 25
    assert json.loads(json.dumps(found, allow_nan=False)) and len(found["strip"]) < 60_000
    for data, at_least in (("digits", 0.8), ("churches", 0.5)):
        real = biggan.run(of("real", data))
        assert real["obedience"] > at_least and set(real) == set(found["running"])


def test_a_run_that_diverges_says_so(monkeypatch):
    monkeypatch.setattr(biggan, "LR", 1e30)
    assert set(biggan.run(of("no-spectral"))) == {"diverged"}
