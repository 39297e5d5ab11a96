"""The studies best_recipe and mnist_scores in miniature, and the README's table of scores."""

import json

import pytest
import torch

from gancourse import pretrained
from gancourse.course.studies import runner
from gancourse.course.studies.lesson05 import best_recipe, best_recipe_short, mnist_scores
from gancourse.data import mnist
from gancourse.models import networks
from gancourse.training import Config, Recipe, RegularisedTrainer


def test_the_recipes_are_for_one_generator_and_no_more_images_than_p1s():
    jobs = best_recipe.jobs(False)
    assert {job["epochs"] * job["images"] for job in jobs} == {20 * 60_000}  # P1: 100 x 60,000
    assert [job["seed"] for job in jobs if job["key"].startswith("final")] == [0, 1, 2]
    assert len({job["key"] for job in jobs}) == len(jobs) == len(best_recipe.ROWS) + 2
    assert json.loads(json.dumps(jobs)) == jobs
    for key, (_, change) in best_recipe.ROWS.items():
        Recipe(**change.get("recipe", {}))
        assert set(change) <= {"ema_half_life", "model", "recipe", "spectral", "batch_size", "lr", "fresh_z"}, key
    assert {job["key"] for job in best_recipe_short.jobs(False)} <= {job["key"] for job in jobs}


@pytest.mark.slow
@pytest.mark.parametrize("job", best_recipe.jobs(True), ids=lambda job: job["key"])
def test_every_kind_of_recipe_runs(job, capsys):
    row = best_recipe.run(job | {"epochs": 1})
    assert row["images_seen"] == 128 and row["classifier_fid"] > 50 and 0 <= row["recall"] <= 1


def test_learning_rates_fall_epoch_by_epoch():
    torch.manual_seed(0)
    config = Config(epochs=4, batch_size=32)
    recipe = Recipe(lr_d=4e-4, decay=True)
    trainer = RegularisedTrainer(*networks("mlp"), mnist("train").subset(64), config, recipe)
    seen = [(trainer.opt_d.param_groups[0]["lr"], trainer.opt_g.param_groups[0]["lr"]) for _ in trainer.epochs()]
    assert [round(1e5 * d) for d, _ in seen] == [40, 30, 20, 10]
    assert [round(1e5 * g) for _, g in seen] == [20, 15, 10, 5]


# --- mnist_scores and the README ---------------------------------------------------------------------------


@pytest.mark.parametrize("job", mnist_scores.jobs(True), ids=lambda job: job["key"])
def test_a_shipped_generator_and_real_images_are_scored(job):
    row = mnist_scores.run(job)
    assert row["n"] == 300 and row["fid"] > 0
    assert ("copies_z" in row) == (job["name"] != mnist_scores.REAL)


def test_every_shipped_generator_of_digits_has_a_name_in_the_table():
    for name in pretrained.names():
        if pretrained.load(name).image_shape == (1, 28, 28):
            assert name in mnist_scores.NAMES, f"{name} is shipped: give it a name in NAMES"


def test_the_results_are_of_what_is_shipped():
    rows = runner.results("mnist_scores")["rows"]
    scored = [(row["name"], row["epoch"]) for row in rows[1:]]
    assert scored and set(scored) <= set(mnist_scores.shipped())
    assert rows[0]["name"] == mnist_scores.REAL and all(row["n"] == 10_000 for row in rows)
    assert all(rows[0]["fid"] < row["fid"] for row in rows[1:])
