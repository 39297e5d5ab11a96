"""The short MNIST studies train what their rows say: one part exchanged, everything else P1's."""

import pytest
import torch
from torch import nn

from gancourse import models
from gancourse.course.studies import runner, small_dcgan
from gancourse.course.studies.lesson03 import guidelines, mnist_seeds, tricks
from gancourse.data import mnist
from gancourse.training import Config, Minimax, Recipe, Trainer


def test_with_no_part_exchanged_it_is_p1s_dcgan():
    torch.manual_seed(0)
    G, D = small_dcgan.dcgan()
    torch.manual_seed(0)
    for ours, p1 in zip((G, D), models.networks("dcgan"), strict=True):
        theirs = p1.state_dict()
        assert repr(ours.net) == repr(p1.net)
        assert all(torch.equal(value, theirs[key]) for key, value in ours.state_dict().items())


@pytest.mark.parametrize("name", guidelines.VARIANTS)
def test_every_variant_draws_images_and_differs_in_what_it_says(name):
    options = dict(guidelines.VARIANTS[name])
    options.pop("beta1", None)
    G, D = small_dcgan.dcgan(0.0625, **options)
    assert D(G(torch.randn(3, 100))).shape == (3,)
    plain_g, plain_d = small_dcgan.dcgan(0.0625)
    kinds = [[type(layer) for layer in network.net] for network in (G, D)]
    plain = [[type(layer) for layer in network.net] for network in (plain_g, plain_d)]
    assert [a != b for a, b in zip(kinds, plain, strict=True)] == {
        "no BatchNorm": [True, True],
        "G: LeakyReLU": [True, False],
        "G: nearest, then convolution": [True, False],
        "D: pooling": [False, True],
    }.get(name, [False, False])
    scales = [layer.weight.mean().item() for layer in G.net if isinstance(layer, nn.BatchNorm2d)]
    assert all(abs(s - (0 if "N(0" in name else 1)) < 0.05 for s in scales)


def test_a_quick_job_gives_figures_and_a_broken_run_says_so():
    job = next(job for job in guidelines.jobs(True) if job["variant"] == "Adam's beta1 0.9")
    found = guidelines.run(job)
    assert len(found["spectrum"]) == 15 and 0 <= found["kl"] <= 2.31 and found["classifier_fid"] > 50
    assert len({job["key"] for job in guidelines.jobs(False)}) == 24 == 3 * len(guidelines.VARIANTS)
    G, D = small_dcgan.dcgan(0.0625)
    next(D.parameters()).data.fill_(float("nan"))
    assert list(small_dcgan.figures(Trainer(Minimax(G, D), mnist("test").subset(128), Config("dcgan", 1)))) == [
        "diverged"
    ]


@pytest.mark.parametrize("off", ["range of tanh", "separate batches", "Gaussian z"])
def test_a_trick_that_is_off_is_off(off, monkeypatch):
    seen = {}

    def keep(trainer):
        seen["trainer"] = trainer
        return {}

    monkeypatch.setattr(tricks, "figures", keep)
    tricks.run(next(job for job in tricks.jobs(True) if job["without"] == off))
    trainer = seen["trainer"]
    assert trainer.algorithm.recipe.real_target == 0.9 and trainer.config.betas == (0.5, 0.999)
    x = next(trainer.data.batches(64, torch.Generator().manual_seed(0)))
    assert (x.max() > 2.5) == (off == "range of tanh") and (x.min() > -0.9) == (off == "range of tanh")
    assert trainer.algorithm.recipe.mixed == (off == "separate batches")
    u = trainer.networks["G"].net[0](torch.randn(4000, 1)) if off == "Gaussian z" else None
    assert u is None or (u.abs().max() <= 1 and abs(u.var() - 1 / 3) < 0.02)


def test_one_batch_through_d_is_what_mixed_batches_does():
    """Without BatchNorm the company does not matter: both ways give the same weights. With it they do not."""
    ends = {}
    for norm in (False, True):
        for mixed in (False, True):
            torch.manual_seed(0)
            G, D = small_dcgan.dcgan(0.0625, norm=norm)
            config = Config("dcgan", 1, 32, fast=False, precision="float32")
            recipe = Recipe(real_target=0.9, mixed=mixed)
            trainer = Trainer(Minimax(G, D, recipe), mnist("test").subset(64), config, device="cpu")
            trainer.fit(progress=False)
            ends[norm, mixed] = torch.cat([p.flatten() for p in [*G.parameters(), *D.parameters()]])
    gap = {n: (ends[n, False] - ends[n, True]).abs().max().item() for n in (False, True)}
    assert gap[False] < 1e-5 < gap[True]


def test_the_table_has_mean_and_spread_and_leaves_out_what_diverged():
    rows: list[dict] = [
        {"v": "a", "fid": 1.0},
        {"v": "a", "fid": 3.0},
        {"v": "b", "diverged": "at step 3"},
        {"v": "c", "fid": 2},
    ]
    found = small_dcgan.table(rows, "v", ("fid",))
    assert found["a"]["fid"] == pytest.approx((2.0, 2**0.5)) and found["c"]["fid"] == (2.0, 0.0) and "b" not in found


@pytest.mark.parametrize("name", ["guidelines", "mnist_seeds", "permuted", "tricks"])
def test_committed_rows_are_those_of_the_studys_jobs(name):
    rows = runner.results(name)["rows"]
    jobs = {job["key"]: job for job in runner.find(name).jobs(False)}
    assert rows and all({key: row[key] for key in jobs[row["key"]]} == jobs[row["key"]] for row in rows)
    seeds = [row["seed"] for row in rows]
    assert len({seeds.count(seed) for seed in seeds}) == 1  # every variant with every seed that was run


def test_the_residual_pair_is_a_pair_of_the_study():
    job = next(job for job in mnist_seeds.jobs(True) if job["model"] == "residual")
    assert mnist_seeds.run(job)["classifier_fid"] > 50
