"""The study of StyleGAN's parts: its jobs, and a quick one of each kind from end to end."""

import json

import pytest
import torch

from gancourse.course.studies.lesson11 import judged, stylegan
from gancourse.models import count_parameters, networks
from gancourse.models.stylegan import StyleGenerator

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for the covariance")


@pytest.mark.parametrize("quick", [False, True])
def test_jobs_have_keys_of_their_own_and_are_plain(quick):
    jobs = stylegan.jobs(quick)
    assert len({job["key"] for job in jobs}) == len(jobs) == 8 * (1 if quick else 2)
    assert json.loads(json.dumps(jobs)) == jobs
    assert {job["arm"] for job in jobs} == {*stylegan.ARMS, "dcgan"} >= set(judged.SHOWN)
    assert all(job["stages"][-1][0] == judged.SIZE for job in jobs)


def test_the_baseline_has_as_many_parameters():
    style, plain = networks("stylegan"), networks("dcgan64", width=stylegan.DCGAN_WIDTH)
    a, b = (sum(map(count_parameters, pair)) for pair in (style, plain))
    assert abs(a - b) < 0.01 * a


def of(arm: str) -> dict:
    return next(job for job in stylegan.jobs(True) if job["arm"] == arm)


def test_stages_grow_and_carry_what_was_learned():
    runs = stylegan.trained(of("path-length"))
    assert [run.networks["G"].image_shape[-1] for run in runs] == [16, 32, 64]
    last = runs[-1]
    still = stylegan.trained(of("stylegan") | {"lr": 1e-12})
    small, large = (run.networks["G"].state_dict() for run in (still[0], still[-1]))
    shared = [key for key in small if "mean" not in key]
    assert len(shared) > 20 and all(torch.allclose(large[key], small[key], atol=1e-6) for key in shared)
    assert last.history[0]["path_length"] > 0 and isinstance(last.averages["ema"], StyleGenerator)
    assert last.networks["D"].options["fading"] == 1 and runs[0].networks["D"].options["fading"] == 0


def test_a_stylegan_has_all_figures_and_a_dcgan_those_of_z():
    found = stylegan.run(of("stylegan"))
    assert {"quality", "planes", "edits", "mixing", "truncation", "noise_levels", "path_length", "strip"} <= set(found)
    assert set(found["mixing"]) == {"4", "8", "16", "32", "64"} and set(found["planes"]) == {"z", "w"}
    for row in found["mixing"].values():
        for pairs, donor, source, other in row.values():
            assert pairs == 0 or donor + source + other == pytest.approx(1, abs=1e-3)
    assert [row["psi"] for row in found["truncation"]] == list(judged.PSI) and len(found["noise_levels"]) == 10
    plain = stylegan.run(of("dcgan"))
    assert "mixing" not in plain and set(plain["path_length"]) == set(plain["planes"]) == {"z"}
    assert json.loads(json.dumps([found, plain]))


def test_layers_are_grouped_by_the_size_at_which_they_act():
    G = networks("stylegan", width=4)[0]
    assert judged.groups(G) == {"4": [0], "8": [1, 2], "16": [3, 4], "32": [5, 6], "64": [7, 8, 9]}


def test_an_edit_is_done_where_the_step_reaches_the_value(monkeypatch):
    """On a generator whose one number is the time of day, the step from noon to night does what it says."""

    def read(x):
        night = (x.mean((1, 2, 3)) < 0).long() * 3 + 1  # noon is 1, night 4
        return {
            factor: (night if factor == "time" else torch.zeros(len(x), dtype=torch.long)) for factor in judged.READ
        }

    class ByBrightness(torch.nn.Module):
        z_size = 6

        def forward(self, z):
            return torch.tanh(z[:, :1, None, None]).expand(-1, 3, 64, 64)

    monkeypatch.setattr(judged.church_reader, "read", read)
    found = judged.edits(ByBrightness(), 60)
    assert set(found) == {"z"} and set(found["z"]) == {"noon to night"}
    assert found["z"]["noon to night"]["done"] > 0.5 and found["z"]["noon to night"]["kept"] == 1
