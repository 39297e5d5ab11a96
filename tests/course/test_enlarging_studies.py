"""Lesson 10's study: a tiny version of each job runs, goes on where it was, and what judges enlargements can judge."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.course.studies import runner
from gancourse.course.studies.lesson10 import enlarging, judged, srgan
from gancourse.data import sheets
from gancourse.data.churches.windows import SHAPES
from gancourse.data.degraded import HOWS, CropPairs, enlarge_bicubic, shrink
from gancourse.evaluation.translation import psnr
from gancourse.training.algorithms.srgan import SRGAN

pytestmark = pytest.mark.usefixtures("one_thread")
N = 4  # churches that judge: 256 patches of 32 pixels, as many as the covariance of 64 features needs
FORMULAS = {"psnr", "ssim", "back", "detail", "texture", "checkerboard"}
OF_WINDOWS = {"windows", "confusion", "sure", "share_sure", "hallucinated"}


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(enlarging, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(judged, "cut", partial(judged.cut, side=32))
    return tmp_path / "runs"


@pytest.fixture
def stand_ins(monkeypatch):
    """In place of two networks with weights: any window looks surely round, and any two sets are 2.5 apart."""
    monkeypatch.setattr(judged, "probabilities", lambda cut: torch.tensor([[0.95, 0.03, 0.02]]).expand(len(cut), 3))
    monkeypatch.setattr(judged, "by_lite0", lambda made, truth: 2.5)


@pytest.fixture(scope="module")
def truth() -> Tensor:
    return judged.judges(2 * N)[0][:N]


def job(arm: str, times: int = 4, seed: int = 0, **other) -> runner.Job:
    """A quick one with still fewer pictures."""
    found = next(j for j in srgan.jobs(True) if (j["arm"], j["times"], j["seed"]) == (arm, times, seed))
    return {**found, "held_out": N, **other}


def bicubic(small: Tensor) -> Tensor:
    return enlarge_bicubic(small, 4)


def finite(found) -> bool:
    """Whether all numbers are, however deep they lie."""
    if isinstance(found, dict | list):
        return all(map(finite, found.values() if isinstance(found, dict) else found))
    return isinstance(found, str) or math.isfinite(found)


# -- jobs -----------------------------------------------------------------------------------------------------------


def test_there_are_three_seeds_of_every_arm_and_each_gan_begins_with_its_own_srresnet():
    for quick in (False, True):
        jobs = srgan.jobs(quick)
        keys = [j["key"] for j in jobs]
        assert len(set(keys)) == len(keys)
        for j in jobs:
            seeds = {o["seed"] for o in jobs if (o["arm"], o["times"]) == (j["arm"], j["times"])}
            assert seeds == ({0} if quick or j["arm"] == "ends" else {0, 1, 2})
            if j["arm"] in srgan.GANS:
                before = j["start"]
                assert (before["arm"], before["seed"], before["times"]) == ("srresnet", j["seed"], j["times"])
                assert before in jobs and keys.index(before["key"]) < keys.index(j["key"])
                assert before["options"] == j["options"]  # or its weights would not fit
            else:
                assert j["start"] is None
    arms = {*srgan.RESNETS, *srgan.GANS, srgan.FROM_SCRATCH, "ends"}
    assert {j["arm"] for j in jobs} == arms and {j["arm"] for j in jobs if j["times"] == 8} == {*srgan.EIGHT, "ends"}
    assert "srgan" in runner.names()


def test_who_begins_afresh_takes_more_steps_than_the_second_stage_and_fewer_than_both():
    jobs = {j["key"]: j for j in srgan.jobs(False)}
    begun, afresh = jobs["srgan-srgan-x4-1"], jobs["srgan-no-pretraining-x4-1"]
    assert begun["epochs"] < afresh["epochs"] < begun["epochs"] + begun["start"]["epochs"]  # SRResNet's are quicker
    assert afresh["recipe"] == begun["recipe"]


def test_an_srresnet_is_judged_in_all_ways(stand_ins):
    found = srgan.run(job("srresnet"))
    assert set(found) == FORMULAS | OF_WINDOWS | {"lite0", "strip", "otherwise"} and finite(found)
    assert sheets.unpack(found["strip"]).shape == (N, 3, 64, 64)
    assert set(found["otherwise"]) == set(HOWS) and found["otherwise"]["area"]["psnr"] == found["psnr"]
    truth = judged.judges(N)[0]  # it begins near bicubic enlargement, to which it adds
    assert found["psnr"] == pytest.approx(psnr(bicubic(shrink(truth)), truth).mean().item(), abs=4)


@pytest.mark.slow
def test_an_srgan_begins_with_its_srresnet_and_what_is_trained_stays(stand_ins, runs, monkeypatch):
    begun = []

    class Watched(SRGAN):
        def __init__(self, G, D, recipe):
            begun.append({name: value.clone() for name, value in G.state_dict().items()})
            super().__init__(G, D, recipe)

    monkeypatch.setattr(enlarging, "SRGAN", Watched)
    one = job("gan-random")
    found = srgan.run(one)
    assert set(found) == FORMULAS | OF_WINDOWS | {"lite0"} and finite(found)
    assert sorted(path.name for path in runs.iterdir()) == sorted([one["key"], one["start"]["key"]])
    monkeypatch.setattr(CropPairs, "batches", None)  # nothing is trained again
    before = enlarging.run_of(one["start"]).networks["G"].state_dict()
    assert all(torch.equal(begun[1][name], value) for name, value in before.items())
    assert any(not torch.equal(begun[0][name], value) for name, value in before.items())
    assert srgan.run(one) == found


def test_what_no_figure_shows_is_not_kept(stand_ins):
    assert not {"strip", "otherwise"} & set(srgan.run(job("srresnet", 8)))


def test_the_ends(stand_ins):
    found = srgan.run(job("ends", held_out=2 * N))
    assert finite(found) and set(found["bicubic"]) == FORMULAS | OF_WINDOWS | {"lite0", "strip", "otherwise"}
    assert set(found["truth"]) == OF_WINDOWS | {"texture_of_halves"}
    assert found["truth"]["texture_of_halves"] > 0 and found["bicubic"]["detail"] < 0.9
    worse = judged.otherwise(lambda small: enlarge_bicubic(small, 8), 2 * N, 8)
    assert worse["area"]["psnr"] < found["bicubic"]["psnr"] and worse["area"]["detail"] < found["bicubic"]["detail"]


def test_a_job_that_was_stopped_goes_on_to_the_same_network(monkeypatch, runs):
    one = job("srresnet", epochs=2)
    whole = enlarging.run_of(one).networks["G"].state_dict()
    monkeypatch.setattr(enlarging, "RUNS", runs.parent / "stopped")
    batches = CropPairs.batches
    epochs: list[int] = []

    def stopping(self, *words):
        epochs.append(len(epochs))
        if epochs == [0, 1]:
            raise RuntimeError("stopped")
        return batches(self, *words)

    monkeypatch.setattr(CropPairs, "batches", stopping)
    with pytest.raises(RuntimeError, match="stopped"):
        enlarging.run_of(one)
    again = enlarging.run_of(one)
    assert again.epoch == 2 and epochs == [0, 1, 2]  # the first was not trained again
    assert all(torch.equal(value, whole[name]) for name, value in again.networks["G"].state_dict().items())


# -- judges ---------------------------------------------------------------------------------------------------------


def blurred(x: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(x, side, 1, side // 2, count_include_pad=False)


def noisy(x: Tensor, level: float) -> Tensor:
    return (x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)


def test_the_distance_of_textures_is_0_of_itself_and_grows_with_blur_and_with_noise(truth):
    harmed = (blurred(truth, 3), blurred(truth, 7)), (noisy(truth, 0.05), noisy(truth, 0.2))
    for pair in harmed:
        itself, little, much = (judged.texture_distance(x, truth) for x in (truth, *pair))
        assert abs(itself) < 0.01 * little and little < 0.8 * much


def test_patches_are_cut_in_rows_and_what_is_left_over_is_not_used():
    x = torch.arange(2 * 5 * 7).view(2, 1, 5, 7)
    cut = judged.cut(x, side=2)
    assert cut.shape == (12, 1, 2, 2)
    assert torch.equal(cut[1], x[0, :, :2, 2:4]) and torch.equal(cut[3], x[0, :, 2:4, :2])
    assert torch.equal(cut[-1], x[1, :, 2:4, 4:6])


def test_fine_detail_is_in_levels_and_falls_with_blur(truth):
    stripes = torch.tensor([-1.0, 1.0]).repeat(8).expand(1, 1, 16, 16)  # 255 levels across, 0 down
    assert judged.fine_detail(stripes) == pytest.approx(127.5)
    sharp, soft, softer = (judged.fine_detail(x) for x in (truth, blurred(truth, 3), blurred(truth, 7)))
    assert sharp > 1.2 * soft > 1.2 * softer > 0


def test_the_truth_is_perfect_and_each_figure_knows_a_fault_of_its_own(truth):
    small = shrink(truth)
    perfect = judged.scored(truth, truth, small)
    assert set(perfect) == FORMULAS
    assert perfect == pytest.approx(
        {"psnr": 60, "ssim": 1, "back": 0, "detail": 1, "texture": 0, "checkerboard": 0}, abs=1e-3
    )
    soft = judged.scored(blurred(truth, 5), truth, small)
    assert soft["psnr"] < 40 and soft["ssim"] < 0.99 and soft["detail"] < 0.9 and soft["texture"] > 0.01
    darker = judged.scored(truth * 0.5 - 0.4, truth, small)
    assert darker["back"] > 10 > soft["back"]
    board = 0.1 * torch.tensor([-1.0, 1.0, 1.0, -1.0]).view(2, 2).repeat(128, 128)
    assert judged.scored((truth + board).clamp(-1, 1), truth, small)["checkerboard"] > 5 > abs(soft["checkerboard"])


def test_every_window_is_counted_where_it_belongs(monkeypatch):
    truth, windows = judged.judges(2 * N)
    n = len(windows.shape)
    assert n > 5 and len(windows.shape.unique()) > 1

    def says(answer: Tensor, sure: float):
        others = (1 - sure) / 2
        found = torch.full((n, len(SHAPES)), others)
        found[torch.arange(n), answer] = sure

        def probabilities(patches: Tensor) -> Tensor:
            assert patches.shape == (n, 3, 24, 24)
            return found

        monkeypatch.setattr(judged, "probabilities", probabilities)
        return judged.windows_of(truth, windows)

    right = says(windows.shape, 0.98)
    counts = windows.shape.bincount(minlength=3)
    assert right["confusion"] == right["sure"] == torch.diag(counts).tolist()
    assert (right["windows"], right["hallucinated"], right["share_sure"]) == (n, 0, 1)
    wrong = says((windows.shape + 1) % 3, 0.98)
    assert sum(map(sum, wrong["confusion"])) == n and wrong["hallucinated"] == 1
    unsure = says(windows.shape, 0.5)
    assert sum(map(sum, unsure["sure"])) == 0 == unsure["share_sure"] and unsure["confusion"] == right["confusion"]


def test_it_is_asked_of_every_way_of_making_small():
    found = judged.otherwise(bicubic, N)
    assert set(found) == set(HOWS) and finite(found)
    assert len({figures["psnr"] for figures in found.values()}) == len(HOWS)
    assert found["jpeg"]["psnr"] < found["area"]["psnr"]


def test_a_card_has_the_formulas_beside_bicubics(truth):
    class Bicubic(torch.nn.Module):
        def forward(self, x):
            return enlarge_bicubic(x, 4)

    found = judged.of_a_card(Bicubic(), N)
    assert set(found) == FORMULAS | {f"bicubic_{name}" for name in FORMULAS}
    assert all(found[name] == found[f"bicubic_{name}"] for name in FORMULAS)


def test_by_borrowed_features_a_blur_is_far_from_the_truth(lite0_cache, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(lite0_cache))
    few = enlarging.held_out(20)  # 1,280 patches, for 320 features
    assert abs(judged.by_lite0(few, few)) < 0.01 * judged.by_lite0(blurred(few, 7), few)
