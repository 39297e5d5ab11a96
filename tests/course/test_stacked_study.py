"""The study of stacked MNIST: its arms differ in what they say, its controls are what they are called."""

import json
from typing import Any, cast

import pytest
import torch

from gancourse.course.studies import runner
from gancourse.course.studies.lesson07 import stacked
from gancourse.data import mnist
from gancourse.models.spectral import normalised
from gancourse.training import Config
from gancourse.training.critic import CriticRecipe, check_networks


def test_the_runner_finds_the_study():
    assert runner.find("stacked") is stacked.STUDY


@pytest.mark.parametrize("quick", [False, True])
def test_jobs_have_keys_of_their_own_and_are_plain(quick):
    jobs = stacked.jobs(quick)
    assert len({job["key"] for job in jobs}) == len(jobs) and json.loads(json.dumps(jobs)) == jobs
    arms = [job for job in jobs if "arm" in job]
    assert {job["arm"] for job in arms} == set(stacked.ARMS)
    assert {job["control"] for job in jobs if "control" in job} == set(stacked.CONTROLS)
    assert len({job["images"] * job["epochs"] for job in arms}) == 1  # equal images
    if not quick:
        assert len(arms) == 3 * len(stacked.ARMS) and {job["samples"] for job in jobs} == {25_600}


@pytest.mark.parametrize("name", stacked.ARMS)
def test_an_arm_trains_what_it_says_and_is_counted_on_its_way(name):
    job = next(job for job in stacked.jobs(True) if job.get("arm") == name)
    trainer, row = stacked.train(job)
    algorithm: Any = trainer.algorithm
    recipe: Any = algorithm.recipe
    G, D = (cast(Any, trainer.networks[part]) for part in "GD")
    check_networks(G, D, recipe)
    assert isinstance(trainer.config, Config) and isinstance(recipe, CriticRecipe)
    assert D.image_shape[0] == 3 * recipe.packing and G.image_shape == (3, 28, 28)
    batch_norm = any(isinstance(layer, torch.nn.BatchNorm2d) for layer in D.modules())
    assert (batch_norm, recipe.packing, recipe.loss, bool(normalised(D)), recipe.penalised) == {
        "DCGAN": (True, 1, "non_saturating", False, False),
        "DCGAN, packs of two": (True, 2, "non_saturating", False, False),
        "WGAN-GP": (False, 1, "wasserstein", False, True),
        "SN, hinge": (False, 1, "hinge", True, False),
        "R3GAN's loss": (False, 1, "relativistic", False, True),
        stacked.OURS: (False, 1, "relativistic", False, True),
    }[name]
    assert row["images_seen"] == 2 * 320 and row["samples"] == 100 and 1 <= row["modes"] <= 100
    assert [part["images"] for part in row["curve"]] == [320, 640]
    assert row["steps_g"] == 640 // (64 * trainer.config.k)
    assert 0 < row["curve"][0]["cpu_seconds"] <= row["curve"][1]["cpu_seconds"] == row["cpu_seconds"]
    json.dumps(row)


def test_a_run_that_diverges_says_so():
    job = next(job for job in stacked.jobs(True) if job.get("arm") == "DCGAN")
    row = stacked.run(job | {"config": job["config"] | {"lr": 1e30}})
    assert "diverged" in row and "modes" not in row


def rows(images):
    """Every channel's pixels as bytes, image by image."""
    return [row.tobytes() for row in images.pixels.reshape(-1, 784).numpy()]


def test_controls_are_what_they_are_called():
    made = {name: make(200, 0) for name, make in stacked.CONTROLS.items()}
    digits: Any = mnist("test")
    of = dict(zip(rows(digits), digits.labels.tolist(), strict=True))
    for name, images in made.items():
        assert images.shape == (3, 28, 28) and len(images) == 200
        known = [row in of for row in rows(images)]
        assert all(known) if name.startswith("real") else not any(known), name
    hundred: Any = made["real, 100 modes alone"]
    read = torch.tensor([of[row] for row in rows(hundred)]).view(-1, 3)
    assert torch.equal(read @ torch.tensor([100, 10, 1]), hundred.labels)
    some: Any = stacked._hundred(3000, 0)
    assert len(some.labels.unique()) == 100
    ink = {name: (images.pixels > 127).double().mean().item() for name, images in made.items()}
    assert abs(ink["blobs"] - ink[stacked.REAL]) < 0.1  # about as many strokes as of digits


def test_a_control_is_counted():
    row = stacked.run(next(job for job in stacked.jobs(True) if job.get("control") == "uniform noise"))
    assert row["distance"] > 50 and row["samples"] == 100
