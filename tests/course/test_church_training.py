"""P4's networks from the command line: on procedural churches and on a folder of pictures, and shipped."""

import json

import pytest
import torch
from PIL import Image

from gancourse import pretrained
from gancourse.__main__ import main
from gancourse.course.studies.lesson04 import church_contradictions
from gancourse.course.studies.lesson04.church_contradictions import READINGS
from gancourse.course.studies.runner import find
from gancourse.data.churches import render
from gancourse.data.sheets import pack, unpack
from gancourse.models import DCGAN128Generator, networks
from gancourse.publishing import again, shipping
from gancourse.training.run import Run

SMALL = ["--width", "2", "--batch-size", "8", "--images", "16", "--epochs", "1", "--device", "cpu"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("church")
    assert main(["train", "church", *SMALL, "--reuse-fakes", "--ema-half-life", "50", "--out", str(folder)]) == 0
    return Run(folder)


def test_a_run_on_procedural_churches(run):
    assert run.config["model"] == "dcgan128"
    assert run.config["data"]["name"].startswith("churches-v")
    assert run.config["data"]["count"] == 16
    assert run.checkpointed_epochs() == [1]
    assert run.config["parameters"]["G"][-1] == [2, 3, 4, 4]


def test_it_goes_on_and_refuses_another_width(run, capsys):
    folder = str(run.folder)
    more = [*SMALL[:-4], "--epochs", "2", "--device", "cpu", "--reuse-fakes", "--ema-half-life", "50", "--out", folder]
    assert main(["train", "church", *more]) == 0
    assert "resuming" in capsys.readouterr().out
    assert main(["train", "church", "--width", "3", *more[2:]]) == 1
    assert "error" in capsys.readouterr().err


def test_a_folder_of_pictures_with_diffaugment(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(12):
        Image.fromarray(render(0, i)).resize((150, 140)).save(pictures / f"{i}.png")
    words = ["--width", "2", "--batch-size", "4", "--profile", "smoke", "--epochs", "1", "--device", "cpu"]
    augment = ["--augment", "colour", "translation", "cutout"]
    assert main(["train", "church", "--data", str(pictures), *words, *augment, "--out", str(tmp_path / "run")]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data"]["count"] == 12
    assert config["recipe"]["augment"] == ["colour", "translation", "cutout"]
    assert "--augment colour translation cutout" in again.train_command(config, [1])


def test_what_only_churches_have_is_refused_for_others(tmp_path, capsys):
    assert main(["train", "mlp", "--width", "8", "--out", str(tmp_path)]) == 1
    assert "width is 8, and mlp has its paper's sizes" in capsys.readouterr().err


def test_a_church_generator_is_shipped_with_its_width(run, tmp_path, monkeypatch):
    # a thousand renders take a while
    monkeypatch.setattr("gancourse.evaluation.church_reader.scores", lambda G: {"distance": 1.0})
    card = shipping.ship(run, "tiny-church", [1], tmp_path, "abc")
    assert card["options"] == {"width": 2}
    assert card["commands"][0].startswith("python -m gancourse train church --epochs")
    for word in ("--width 2", "--batch-size 8", "--images 16", "--reuse-fakes", "--ema-half-life 50"):
        assert word in card["commands"][0]
    G = pretrained.load("tiny-church", folder=tmp_path)
    assert isinstance(G, DCGAN128Generator)
    strip = pretrained.strip("tiny-church", tmp_path)
    assert list(strip) == [0, 1]  # nothing after the epochs that are shipped
    assert strip[1].shape == (6, 3, 128, 128)
    x = G(pretrained.fixed_z("tiny-church", 6, tmp_path))
    assert ((x + 1) * 127.5 - strip[1].float()).abs().mean() < 2


def test_p4s_networks_are_p4s():
    G, D = networks("dcgan128")
    assert [m.out_channels for m in G.modules() if isinstance(m, torch.nn.ConvTranspose2d)] == [
        1024,
        512,
        256,
        128,
        64,
        3,
    ]
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in D.modules()) == 4  # not after the first, not at the end


def test_strips_keep_colours():
    pixels = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(unpack(pack(pixels)), pixels)
    assert torch.equal(unpack(pack(pixels[:, :1])), pixels[:, :1])
    shades = torch.arange(64, dtype=torch.uint8).add(torch.arange(6)[:, None, None, None]).expand(6, 3, 64, 64).byte()
    assert torch.equal(unpack(pack(shades)), shades) and len(pack(shades)) < 1000  # of 74,000 bytes


def test_the_contradictions_differ_in_what_they_say_and_in_nothing_else():
    every = find("church_contradictions").jobs(False)
    assert [job["seed"] for job in every] == [seed for seed in (0, 1, 2) for _ in READINGS]
    jobs = {job["reading"]: job for job in every if job["seed"] == 0}
    practice = jobs.pop("practice")
    assert {name: {k: v for k, v in job.items() if v != practice[k]} for name, job in jobs.items()} == {
        name: {"key": f"{name}-0", "reading": name, **READINGS[name]} for name in jobs
    }
    torch.manual_seed(0)
    _, D = church_contradictions.networks(2, 0.0, True)
    norms = [m for m in D.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 5
    assert torch.cat([m.weight for m in norms]).abs().max() < 0.1


@pytest.mark.slow
def test_a_contradiction_runs():
    study = find("church_contradictions")
    figures = study.run(study.jobs(True)[1])
    assert figures["distance"] > 0
    assert figures["distances"][-1] == figures["distance"] and len(figures["distances"]) == 2
    assert not figures["diverged"]
    assert 0 < figures["kinds"] <= 1
    assert unpack(figures["picture"]).shape == (6, 3, 64, 64)
