"""The study of StyleGAN's parts: its jobs, and a quick one of each kind from end to end."""

import json
from typing import Any

import pytest
import torch

from gancourse import models
from gancourse.course.studies.lesson11 import judged, stylegan
from gancourse.models import count_parameters
from gancourse.models.stylegan import StyleGenerator

networks: Any = models.networks

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for the covariance")


@pytest.mark.parametrize("quick", [False, True])
def test_jobs_have_keys_of_their_own_and_are_plain(quick):
    jobs = stylegan.jobs(quick)
    once = len(stylegan.ONCE) + 2
    assert len({job["key"] for job in jobs}) == len(jobs) == (8 if quick else 2 * (6 - len(stylegan.ONCE)) + once)
    assert json.loads(json.dumps(jobs)) == jobs
    arms = [job["arm"] for job in jobs]
    assert set(arms) == {*stylegan.ARMS, "dcgan", "dcgan-long", "shipped"} >= set(judged.SHOWN)
    assert all(job["stages"][-1][0] == judged.SIZE for job in jobs if job["arm"] != "shipped")
    assert all(arms.count(arm) == 1 for arm in stylegan.ONCE)


def test_the_baseline_has_as_many_parameters():
    style, plain = networks("stylegan"), networks("dcgan64", width=stylegan.DCGAN_WIDTH)
    a, b = (sum(map(count_parameters, pair)) for pair in (style, plain))
    assert abs(a - b) < 0.01 * a


def of(arm: str) -> dict[str, Any]:
    return next(job for job in stylegan.jobs(True) if job["arm"] == arm)


def test_stages_grow_and_carry_what_was_learned():
    runs: Any = stylegan.trained(of("adain"))
    assert [run.networks["G"].image_shape[-1] for run in runs] == [16, 32, 64]
    last = runs[-1]
    still = stylegan.trained(of("stylegan") | {"lr": 1e-12})
    small, large = (run.networks["G"].state_dict() for run in (still[0], still[-1]))
    shared = [key for key in small if "mean" not in key]
    assert len(shared) > 20 and all(torch.allclose(large[key], small[key], atol=1e-6) for key in shared)
    assert last.networks["G"].options["adain"] == 1 and isinstance(last.averages["ema"], StyleGenerator)
    assert last.networks["D"].options["fading"] == 1 and runs[0].networks["D"].options["fading"] == 0


@pytest.mark.slow
def test_a_stylegan_has_all_figures_and_a_dcgan_those_of_z():
    found = stylegan.run(of("stylegan"))
    assert {"quality", "planes", "edits", "mixing", "truncation", "noise_levels", "path_length", "strip"} <= set(found)
    assert set(found["mixing"]) == {"4", "8", "16", "32", "64", "4-8", "32-"} and set(found["planes"]) == {
        "z",
        "w",
        "untrained",
    }
    for row in found["mixing"].values():
        for pairs, donor, source, other, _ in row.values():
            assert pairs == 0 or donor + source + other == pytest.approx(1, abs=1e-3)
    assert [row["psi"] for row in found["truncation"]] == list(judged.PSI) and len(found["noise_levels"]) == 10
    plain = stylegan.run(of("dcgan-long") | {"stages": [[64, 1, None]]})
    assert "mixing" not in plain and set(plain["path_length"]) == set(plain["planes"]) == {"z"}
    assert json.loads(json.dumps([found, plain])) and len(found["strip"]) < 100_000


def test_layers_are_grouped_by_the_size_at_which_they_act():
    G = networks("stylegan", width=4)[0]
    assert judged.groups(G) == {"4": [0], "8": [1, 2], "16": [3, 4], "32": [5, 6], "64": [7, 8, 9]} | {
        "4-8": [0, 1, 2],
        "32-": [5, 6, 7, 8, 9],
    }


class ByNumbers(torch.nn.Module):
    """Brightness is z's first number, and redness its second."""

    z_size = 30

    def forward(self, z):
        grey = torch.tanh(z[:, :1, None, None]).expand(-1, 3, 64, 64)
        return torch.cat([torch.tanh(z[:, 1:2, None, None]).expand(-1, 1, 64, 64), grey[:, 1:]], 1)


def by_eye(x):
    """Noon is bright and night dark; trees are red or not."""
    found = {factor: torch.zeros(len(x), dtype=torch.long) for factor in judged.READ}
    night, red = (x[:, 1].mean((1, 2)) < 0).long() * 3 + 1, (x[:, 0].mean((1, 2)) > 0).long()
    return found | {"time": night, "trees": red}


def test_an_edit_is_done_where_the_step_reaches_the_value_and_keeps_what_it_does_not_touch(monkeypatch):
    monkeypatch.setattr(judged.church_reader, "read", by_eye)
    rows = judged.edits(ByNumbers(), 200)["z"]["noon to night"]
    assert [row["amount"] for row in rows] == list(judged.AMOUNTS)
    done, kept = ([row[name] for row in rows] for name in ("done", "kept"))
    assert done == sorted(done) and done[1] > 0.7 and done[2] > 0.9
    assert all(0.95 < k <= 1 for k in kept[:2]) and rows[1]["by_chance"] < done[1] - 0.3
    swapped: Any = ByNumbers()
    swapped.forward = lambda z: ByNumbers.forward(swapped, z[:, [0, 0, *range(2, 30)]])  # red follows the light
    worse = judged.edits(swapped, 200)["z"]["noon to night"]
    assert worse[1]["kept"] < kept[1] - 0.05


def test_layers_hold_what_their_donor_gives_beyond_chance():
    row = {"4": {"time": [100, 0.5, 0.3, 0.2, 0.45]}, "8": {"time": [100, 0.4, 0.4, 0.2, 0.1]}}
    assert judged.holds(row, "time") == "8"


def test_an_edit_in_chosen_layers_leaves_the_others_alone():
    G: Any = networks("stylegan", width=4, mapping=1, latent=8)[0].eval()
    w, step = torch.randn(3, 8), torch.randn(8)
    styles = G.each_layer(w).clone()
    styles[:, [1, 2]] += step
    with torch.no_grad():
        assert torch.equal(judged._moved(G, "layers", w, step, [1, 2]), G.synthesis(styles))
        assert torch.equal(judged._moved(G, "w", w, step, None), G.synthesis(w + step))


def test_a_reader_that_sees_no_difference_leaves_nothing_to_edit(monkeypatch):
    monkeypatch.setattr(judged.church_reader, "read", lambda x: by_eye(x * 0 + 1))
    assert judged.edits(ByNumbers(), 60)["z"] == {}


def test_no_edit_can_keep_more_than_the_render_does():
    found = judged.ceiling(12)
    assert set(found) == set(judged.EDITS) and all(0.3 < value <= 1 for value in found.values())


def test_a_strip_and_truncation_follow_their_arguments():
    G = networks("stylegan", width=4, mapping=1, latent=8)[0].eval()
    G.mapping.w_mean.normal_()
    rows = judged.truncation(G, 20)
    assert rows[0]["kinds"] < rows[-1]["kinds"] or rows[0]["distance"] != rows[-1]["distance"]
