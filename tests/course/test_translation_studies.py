"""The studies of lessons 08 and 09: a tiny version of each job runs, goes on where it was, and has what tables need."""

from __future__ import annotations

import pytest
import torch

from gancourse.course.studies import runner, translations
from gancourse.course.studies.lesson08 import conditional, judged, pix2pix
from gancourse.course.studies.lesson09 import cyclegan
from gancourse.course.studies.lesson09 import judged as cycles
from gancourse.models import translators

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(translations, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


def job(study, **wanted):
    return next(j for j in study.jobs(True) if all(j.get(k) == v for k, v in wanted.items()))


def test_there_are_three_seeds_of_every_arm_two_of_long_ones_and_one_of_the_ends():
    for study, ends in ((pix2pix, {"ceiling"}), (cyclegan, {"floors"})):
        jobs = study.jobs(False)
        assert len({j["key"] for j in jobs}) == len(jobs)
        for j in jobs:
            same = [o for o in jobs if all(o.get(k) == j.get(k) for k in ("arm", "code", "task"))]
            assert len(same) == (1 if j["arm"] in ends else 2 if j["arm"].endswith("-long") else 3)
    assert {"conditional", "pix2pix", "cyclegan"} <= set(runner.names())


def test_a_job_of_pix2pix_is_judged_in_every_mode_and_goes_on(runs):
    one = job(pix2pix, arm="l1-cgan", code=False)
    found = pix2pix.run(one)
    assert set(judged.MODES) <= set(found) and len(found["stones"]) == 6 and 1 <= found["stones_a_map"] <= 6
    assert found["dropout"] != found["eval"] and len(list(runs.iterdir())) == 1
    assert pix2pix.run(one) == found  # its run is there already: nothing is trained again
    ceiling = pix2pix.run(job(pix2pix, arm="ceiling"))["ceiling"]
    assert ceiling["iou"] > 0.6 and ceiling["l1"] == 0 and ceiling["stone"] > 0.8


def test_painting_in_any_mode_leaves_g_as_it_was():
    torch.manual_seed(0)
    G = translators("pix2pix", 4)["G"].train()
    before = {k: v.clone() for k, v in G.state_dict().items()}
    x = torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    state = torch.get_rng_state()
    made = {mode: judged.painted(G, x, mode) for mode in judged.MODES}
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items()) and G.training
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(made["eval"], judged.painted(G, x, "eval", 1))
    assert not torch.equal(made["dropout"], judged.painted(G, x, "dropout", 1))
    assert not torch.equal(made["batch of 1"], made["batch of 50"])


@pytest.mark.slow
def test_a_job_of_each_kind_of_cyclegan_is_judged():
    snow = cyclegan.run(job(cyclegan, arm="cyclegan", task="snow"))
    assert {"ab", "ba", "cycle", "cycle_rounded", "cycle_noise", "roof_told", "roof_told_noise"} <= set(snow)
    paired = cyclegan.run(job(cyclegan, arm="paired", task="dusk"))
    assert set(paired["ab"]) == {"psnr", "ssim", "l1", "windows", "plan", "stone", "roof"} and "roof_told" not in paired
    assert "strip" in paired and "strip" not in snow  # of what a figure shows


def test_the_floors_are_what_they_say():
    floors = cycles.floors("dusk", 24)
    itself, colours, truth = (floors[name]["ab"] for name in ("the picture itself", "transfer of colours", "the truth"))
    assert itself["l1"] > colours["l1"] > truth["l1"] == 0 and truth["psnr"] == 60
    assert truth["windows"] == 0 < colours["windows"]


def test_noise_half_way_is_as_large_as_it_says():
    class Same(torch.nn.Module):
        def forward(self, x):
            return x

    found = cycles.cycle_errors({"G_ab": Same(), "G_ba": Same()}, 0.5 * torch.ones(2, 3, 16, 16))
    assert found["cycle"] == 0 and found["cycle_noise"] == pytest.approx(cycles.NOISE, rel=1e-3)
    assert 0 < found["cycle_rounded"] < 0.5


def test_a_conditional_job_says_who_was_told():
    found = conditional.run(conditional.jobs(True)[0])
    assert 0 <= found["obedience"] <= 1 and len(found["shares"]) == 10 and found["classifier_fid"] > 0
    assert [j["arm"] for j in conditional.jobs(False)] == list(conditional.ARMS) * 3
