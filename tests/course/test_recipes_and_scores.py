"""The studies best_recipe and mnist_scores in miniature, and the table of scores."""

import json

import pytest
import torch

from gancourse import pretrained
from gancourse.course.studies import runner
from gancourse.course.studies.lesson05 import best_recipe, best_recipe_short, mnist_scores
from gancourse.data import mnist
from gancourse.data.images import scale
from gancourse.models import ToldDiscriminator, count_parameters, networks
from gancourse.models.base import Generator
from gancourse.models.clusters import of_fakes
from gancourse.training import Config, Minimax, Recipe, Trainer


def test_the_recipes_are_for_one_generator_and_no_more_images_than_p1s():
    jobs = best_recipe.jobs(False)
    assert {job["epochs"] * job["images"] for job in jobs} == {20 * 60_000}  # P1: 100 x 60,000
    assert [job["seed"] for job in jobs if job["key"].startswith("final")] == [0, 1, 2]
    assert len({job["key"] for job in jobs}) == len(jobs) == len(best_recipe.ROWS) + 2 * (1 + len(best_recipe.APART))
    assert json.loads(json.dumps(jobs)) == jobs
    for key, (_, change) in best_recipe.ROWS.items():
        Recipe(**change.get("recipe", {}))
        assert set(change) <= {
            "ema_half_life",
            "model",
            "recipe",
            "spectral",
            "batch_size",
            "lr",
            "fresh_z",
            "torn",
            "told",
        }, key
    assert {job["key"] for job in best_recipe_short.jobs(False)} <= {job["key"] for job in jobs}


@pytest.mark.slow
@pytest.mark.parametrize("job", best_recipe.jobs(True), ids=lambda job: job["key"])
def test_every_kind_of_recipe_runs(job, capsys):
    row = best_recipe.run(job | {"epochs": 1})
    assert row["images_seen"] == 128 and row["classifier_fid"] > 50 and 0 <= row["recall"] <= 1


def test_clusters_reach_both_networks_or_one_of_them():
    z = torch.randn(8, 100, generator=torch.Generator().manual_seed(0))
    x = scale(mnist("train").pixels[:8])
    found = {}
    for key in ("final", *best_recipe.APART):
        (job,) = best_recipe.recipes({"epochs": 1, "images": 128, "samples": 300}, (key,))
        G, D = best_recipe.train(job).networks.values()
        codes = torch.arange(8) * 12
        assert isinstance(G, Generator)
        moved, told = not torch.equal(G.place(z), z), isinstance(D.eval(), ToldDiscriminator)
        told = told and not torch.equal(D(x, codes), D(x, codes + 1))
        found[key] = moved, told, told and bool(of_fakes(G, z))  # G is torn; D listens; and to the clusters of z
        assert count_parameters(G) == count_parameters(networks("dcgan")[0])
    assert found == {
        "final": (True, True, True),
        "neither": (False, False, False),
        "untold": (True, False, False),
        "untorn": (False, True, False),
        "asked": (False, True, True),
    }


def test_learning_rates_fall_epoch_by_epoch():
    torch.manual_seed(0)
    config = Config(epochs=4, batch_size=32)
    recipe = Recipe(lr_d=4e-4, decay=True)
    trainer = Trainer(Minimax(*networks("mlp"), recipe), mnist("train").subset(64), config)
    seen = [
        (
            trainer.algorithm.optimisers["opt_d"].param_groups[0]["lr"],
            trainer.algorithm.optimisers["opt_g"].param_groups[0]["lr"],
        )
        for _ in trainer.epochs()
    ]
    assert [round(1e5 * d) for d, _ in seen] == [40, 30, 20, 10]
    assert [round(1e5 * g) for _, g in seen] == [20, 15, 10, 5]


# --- mnist_scores and its table ------------------------------------------------------------------------------


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
