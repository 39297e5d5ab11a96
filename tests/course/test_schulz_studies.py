"""The studies of P2: jobs that say what they change, runs that carry it out, samples that survive as text."""

import pytest
import torch
from torch import nn

from gancourse.course.studies import runner
from gancourse.course.studies.lesson02 import schulz, schulz_collapse, schulz_long, schulz_search
from gancourse.course.studies.variants import ToUniform
from gancourse.data import Images
from gancourse.data.sheets import pack, unpack
from gancourse.exercises import lesson02
from gancourse.models import Generator
from gancourse.training import Minimax


@pytest.fixture
def few(monkeypatch):
    pixels = torch.randint(0, 256, (600, 1, 28, 28), dtype=torch.uint8)
    monkeypatch.setattr(schulz, "mnist", lambda split: Images(pixels))
    return {"model": "schulz", "seed": 0, "epochs": 1, "images": 600}


def test_a_strip_keeps_its_images():
    pixels = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    assert torch.equal(unpack(pack(pixels)), pixels)
    smooth = torch.linspace(0, 255, 64).to(torch.uint8).expand(9, 3, 64, 64)  # with losses: nearly, in fewer bytes
    near = unpack(pack(smooth, quality=90))
    assert near.shape == smooth.shape and (near.float() - smooth.float()).abs().mean() < 5
    noise = torch.randint(0, 256, (9, 3, 64, 64), dtype=torch.uint8)
    assert len(pack(noise, quality=90)) < 0.7 * len(pack(noise))


def test_the_search_stays_within_forty_runs_and_leaves_the_networks_alone():
    jobs = schulz_search.jobs(False)
    assert len(jobs) <= 40 and len({job["key"] for job in jobs}) == len(jobs)
    assert {job["model"] for job in jobs[1:]} == {"schulz"} and jobs[0]["model"] == "mlp"


def test_as_printed_means_p2s_settings(few):
    trainer = schulz.trainer(few)
    config = trainer.config
    assert (config.lr, config.betas, config.batch_size, config.k) == (2e-4, (0.5, 0.999), 128, 1)
    assert isinstance(trainer.algorithm, Minimax)
    assert not config.fresh_z and trainer.algorithm.recipe == schulz.Recipe()
    assert schulz.trainer(few | {"model": "mlp"}).config.fresh_z  # P1 follows Algorithm 1


def test_a_job_reaches_config_recipe_prior_and_initialisation(few):
    change = {"batch_size": 64, "r1": 2.0, "augment": ["cutout"], "prior": "uniform", "init": "he", "betas": [0.0, 0.9]}
    trainer = schulz.trainer(few | change)
    assert (trainer.config.batch_size, trainer.config.betas) == (64, (0.0, 0.9))
    assert isinstance(trainer.algorithm, Minimax)
    assert (trainer.algorithm.recipe.r1, trainer.algorithm.recipe.augment) == (2.0, ("cutout",))
    assert isinstance(next(trainer.networks["G"].children()), ToUniform)
    first = next(m for m in trainer.networks["D"].modules() if isinstance(m, nn.Linear))
    assert first.weight.std().item() == pytest.approx((2 / 784) ** 0.5, rel=0.02)
    with pytest.raises(ValueError, match="init is 'zero'"):
        schulz.trainer(few | {"init": "zero"})


def test_the_uniform_prior_is_uniform():
    class Spy(Generator):
        def forward(self, z):
            return z

    z = nn.Sequential(ToUniform(), Spy())(torch.randn(1000, 100, generator=torch.Generator().manual_seed(0)))
    shares = torch.histc(z, bins=10, min=-1, max=1) / z.numel()
    assert torch.allclose(shares, torch.full((10,), 0.1), atol=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["schulz_collapse", "schulz_long", "schulz_search"])
def test_quick_studies_run_from_end_to_end(name, tmp_path):
    found = runner.reproduce(
        name, tmp_path / "out.json", quick=True, workers=0, work=tmp_path, report=lambda line: None
    )
    for row in found["rows"]:
        assert 0 <= row["kl"] <= 2.31 and row["fid"] > 0 and sum(row["classes"]) == pytest.approx(1)
        assert unpack(row["strip"]).shape == (16, 1, 28, 28)
        assert {"loss_d", "logit_real", "silent_g", "grad_at_output", "spread"} <= set(row["history"][0])


def test_the_collapse_is_run_over_three_seeds():
    for study, epochs in ((schulz_collapse, 3), (schulz_long, 50)):
        jobs = study.jobs(False)
        assert [(job["seed"], job["epochs"]) for job in jobs] == [(0, epochs), (1, epochs), (2, epochs)]
        assert all(set(job) == {"key", "model", "seed", "epochs"} for job in jobs)


def test_inside_finds_the_gradient_before_the_tanh_and_at_the_weights():
    torch.manual_seed(0)
    G, D = schulz.networks("schulz")
    z = torch.randn(32, 100)
    found = schulz.inside(G, D, z)
    x = G(z)
    given = torch.atanh(x.detach().double().clamp(-1 + 1e-9, 1 - 1e-9)).float().requires_grad_()
    (gradient,) = torch.autograd.grad(nn.functional.softplus(-D(given.tanh())).sum(), given)
    assert found["grad_before_tanh"] == pytest.approx(gradient.flatten(1).norm(dim=1).mean().item(), rel=1e-3)
    nn.functional.softplus(-D(x)).mean().backward()
    norm = sum(p.grad.square().sum().item() for p in G.parameters() if p.grad is not None) ** 0.5
    assert found["grad_g"] == pytest.approx(norm, rel=1e-4)
    assert found["variety"] == pytest.approx(x.detach().numpy().std(axis=0, ddof=1).mean(), rel=1e-4)


def test_inside_of_a_saturated_generator_is_dead():
    """Every pixel at the end of tanh: D still pulls on the images, and nothing reaches the weights."""
    G, D = schulz.networks("schulz")
    with torch.no_grad():
        list(G.parameters())[-1].fill_(20.0)
    z = torch.randn(8, 100)
    found = schulz.inside(G, D, z)
    assert schulz.diagnose(G, D, torch.rand(8, 1, 28, 28), z)["grad_at_output"] > 1e-3
    assert max(found.values()) < 1e-6
    with pytest.raises(ValueError, match="has no Tanh"):
        schulz.inside(nn.Identity(), D, z)


def test_the_balanced_run_of_lesson_02_looks_like_the_healthy_ones_that_were_measured():
    """Its formula ends within the range of P1's three measured runs at their last epoch, give or take 0.08."""
    rows = [row for row in runner.results("schulz_fix")["rows"] if row["model"] == "mlp"]
    formula = lesson02.curves()["C"]
    for column in ("d_real", "d_fake_before"):
        found = [row["history"][-1][column] for row in rows]
        assert min(found) - 0.08 < formula[column][-1] < max(found) + 0.08
