"""P3's comparison measures what is shipped, and counts cost as one would by hand."""

import torch

from gancourse import models, pretrained
from gancourse.course.studies.lesson03 import gan_vs_dcgan, p1_seeds
from gancourse.course.studies.runner import results


def test_multiplications_are_those_counted_by_hand():
    (mlp_g, mlp_d), (G, D) = models.networks("mlp"), models.networks("dcgan")
    assert gan_vs_dcgan.multiply_adds(mlp_g) == 100 * 128 + 128 * 256 + 256 * 784
    assert gan_vs_dcgan.multiply_adds(mlp_d) == 784 * 256 + 256 * 128 + 128
    assert gan_vs_dcgan.multiply_adds(G) == 100 * 256 * 49 + 256 * 128 * 16 * 49 + 128 * 16 * 196
    assert gan_vs_dcgan.multiply_adds(D) == 64 * 16 * 196 + 64 * 128 * 16 * 49 + 6272
    assert not any(layer._forward_hooks for layer in G.modules())


def test_the_committed_results_are_those_of_the_shipped_weights():
    jobs = gan_vs_dcgan.jobs(False)
    rows = results("gan_vs_dcgan")["rows"]
    assert [{k: row[k] for k in job} for row, job in zip(rows, jobs, strict=True)] == jobs
    assert {row["name"] for row in rows} == {"real digits", "mlp-mnist", "dcgan-mnist"}


def test_a_row_is_measured_again_as_it_stands():
    job = gan_vs_dcgan.jobs(False)[1]
    assert job["name"] == "mlp-mnist"
    stated = next(row for row in results("gan_vs_dcgan")["rows"] if row["key"] == job["key"])
    found = gan_vs_dcgan.run(job | {"images": 2000})
    for column, tolerance in (("background_variation", 0.1), ("edge_sharpness", 0.05), ("confident", 0.25)):
        assert abs(found[column] / stated[column] - 1) < tolerance, column
    assert found["parameters"] == stated["parameters"] == 481_425
    assert torch.is_tensor(pretrained.load("mlp-mnist", job["epoch"])(torch.zeros(1, 100)))


def test_the_seeds_of_p1s_recipe_are_those_of_its_jobs_and_were_scored_at_equal_times():
    jobs, rows = p1_seeds.jobs(False), results("p1_seeds")["rows"]
    assert [{k: row[k] for k in job} for row, job in zip(rows, jobs, strict=True)] == jobs
    for row in rows:
        assert list(row["early"]) == [str(row["every"] * i) for i in range(1, p1_seeds.EARLY + 1)]
        assert set(row["at"]) == {str(epoch) for epoch in p1_seeds.EPOCHS if epoch <= row["epochs"]}
    steps = {model: what["every"] / gan_vs_dcgan.images_per_second(model) for model, what in p1_seeds.RUNS.items()}
    assert abs(steps["mlp"] / steps["dcgan"] - 1) < 0.01


def test_a_quick_run_of_p1s_recipe_has_its_figures():
    job = p1_seeds.jobs(True)[0] | {"images": 128}
    found = p1_seeds.run(job)
    assert len(found["early"]) == 5 and found["at"]["5"]["classifier_fid"] > 100
