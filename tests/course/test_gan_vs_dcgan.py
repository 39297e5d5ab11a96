"""P3's comparison measures what is shipped, and counts cost as one would by hand."""

import torch

from gancourse import models, pretrained
from gancourse.course.studies.lesson03 import gan_vs_dcgan
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
