"""The study of lesson 04's predictions: what its cases change, and what it measures."""

import pytest
import torch
from torch import nn

from gancourse import models
from gancourse.course.studies.lesson04 import church_predictions as study


def test_every_job_has_a_key_of_its_own_and_sees_as_many_pictures():
    jobs = study.jobs(False)
    assert len({job["key"] for job in jobs}) == len(jobs) == len(study.CASES) * len(study.SEEDS)
    assert {job["images"] * job["epochs"] for job in jobs} == {9600}


def test_the_last_layers_are_changed_and_nothing_else():
    z = torch.randn(2, 100)
    outputs = {}
    for last in ("relu", "leaky", "bias"):
        torch.manual_seed(0)
        G = models.networks("dcgan128", width=2)[0]
        study.change_last(G, last)
        with torch.no_grad():
            outputs[last] = G.eval().net[:-3](z[:, :, None, None])
        torch.testing.assert_close(outputs[last], outputs["relu"])
        assert isinstance(G.net[-3], nn.LeakyReLU if last == "leaky" else nn.ReLU)
        assert (G.net[-2].bias is not None) == (last == "bias")
    with pytest.raises(ValueError, match="'tanh'"):
        study.change_last(G, "tanh")


def test_a_grey_patch_is_found_and_colours_are_told_apart():
    x = torch.rand(40, 3, 32, 32) * 0.5 + 0.3
    assert not study.unpainted(x).any()
    x[0, :, 4:20, 4:20] = 0.01
    assert study.unpainted(x).flatten(1).any(1).tolist() == [True] + 39 * [False]
    assert study.colour_distance(x, x) < 1e-6 < study.colour_distance(x, x - 0.2)
