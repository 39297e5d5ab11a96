"""The studies rulers and pixel_w1 in miniature."""

from __future__ import annotations

import json

import pytest
import torch

from gancourse.course.studies import runner
from gancourse.course.studies.lesson07 import pixel_w1, rulers
from gancourse.theory.rulers import PAIRS, Setting
from gancourse.theory.transport import w1_assignment


@pytest.mark.parametrize("study", [rulers, pixel_w1])
def test_jobs_have_keys_of_their_own_seed_by_seed(study):
    jobs = study.jobs(False)
    assert len({job["key"] for job in jobs}) == len(jobs) and json.loads(json.dumps(jobs)) == jobs
    assert sorted({job["seed"] for job in jobs}) == [0, 1, 2]
    assert [job["seed"] for job in jobs] == sorted(job["seed"] for job in jobs)


def test_the_studies_are_found_by_name():
    assert {"rulers", "pixel_w1"} <= set(runner.names())


def test_every_setting_is_one():
    for options in rulers.SETTINGS.values():
        Setting(**options)
    assert len(rulers.jobs(False)) == len(rulers.SETTINGS) * len(PAIRS) * 3


def test_rulers_in_small(tmp_path, monkeypatch):
    few = [job for job in rulers.jobs(True) if job["pair"] == "two Gaussians"][::6]
    monkeypatch.setattr(runner, "find", lambda name: runner.Study("few", lambda quick: few, rulers.run))
    found = runner.reproduce("rulers", tmp_path / "r.json", True, 0, tmp_path / "work", lambda line: None)
    assert [row["setting"] for row in found["rows"]] == [job["setting"] for job in few]
    for row in found["rows"]:
        assert row["step"] == [1, 2] and all(len(row[name]) == 2 for name in rulers.COLUMNS) and row["exact"] > 2
    summary = rulers.summary(found, "two Gaussians", 2)
    row = found["rows"][0]
    assert summary[row["setting"]]["ratio"] == (row["estimate"][1] / row["exact"], 0.0)
    with pytest.raises(ValueError, match="at step 7"):
        rulers.summary(found, "two Gaussians", 7)


def test_sources_are_images_of_digits_or_stand_in_for_them():
    for name, make in pixel_w1.MADE.items():
        if "k-means" in name:
            continue  # takes a second; below, in small
        images = make(12, 1)
        assert images.shape == (12, 1, 28, 28) and images.min() >= -1.001 and images.max() <= 1.001, name
        assert torch.equal(images, make(12, 1))
    real = pixel_w1.drawn(0)
    used = {bytes(image.numpy().tobytes()) for image in real[:2000]}
    others = pixel_w1.MADE[pixel_w1.REAL](50, 0)
    back = ((others + 1) * 127.5).round().to(torch.uint8)
    assert sum(bytes(image.numpy().tobytes()) in used for image in back) == 0  # both sides of the floor are disjoint


def test_k_means_finds_clusters_and_gives_each_its_share():
    rng = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(30, 2, generator=rng) * 0.1, torch.randn(10, 2, generator=rng) * 0.1 + 5])
    points = pixel_w1.k_means(x, 2, 20, seed=1)
    assert points.shape == (20, 2)
    centres, counts = points.unique(dim=0, return_counts=True)
    assert counts.tolist() == [15, 5] and torch.allclose(centres, torch.stack([x[:30].mean(0), x[30:].mean(0)]))


def test_blurring_spreads_and_keeps_the_ink():
    x = torch.full((1, 1, 28, 28), -1.0)
    x[0, 0, 14, 14] = 1.0
    y = pixel_w1.blurred(x)
    assert (y + 1).sum().item() == pytest.approx(2.0, rel=1e-3) and y.max() < 0 and y[0, 0, 0, 0] == -1


@pytest.mark.filterwarnings("ignore:.*too few for the covariance")
def test_one_job_of_pixels():
    real, noise = (job for job in pixel_w1.jobs(True) if job["source"] in (pixel_w1.REAL, "noise, uniform"))
    rows = [{**job, **pixel_w1.run(job)} for job in (real, noise)]
    x = pixel_w1.scale(pixel_w1.drawn(0)[:20])
    assert rows[0]["w1"]["20"] == pytest.approx(w1_assignment(pixel_w1.MADE[pixel_w1.REAL](40, 0)[:20], x), abs=1e-4)
    assert rows[0]["w1"]["40"] < rows[1]["w1"]["40"] and rows[0]["classifier_fid"] < rows[1]["classifier_fid"]
    table = pixel_w1.table({"rows": rows[::-1]})
    assert [row["source"] for row in table] == [pixel_w1.REAL, "noise, uniform"] and table[0]["spread"] == 0.0
