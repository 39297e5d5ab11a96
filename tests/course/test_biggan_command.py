"""`python -m gancourse train biggan` and `biggan-churches`: trained, resumed, scored, shipped, made again, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from gancourse import __main__ as cli
from gancourse import pretrained
from gancourse.course import lessons
from gancourse.course.lessons import Trained
from gancourse.data import mnist, mnist_digits
from gancourse.evaluation import conditions
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread", "quick_packing")
CHURCHES = {"size": 32, "classes": 25}
CONFIG = {"batch_size": 16, "betas": (0.0, 0.999), "ema_half_life": 100.0}
ROWS = {
    "biggan": Trained("biggan", "digits", {"smoke": {"width": 4}}, config=CONFIG, biggan={}),
    "biggan-churches": Trained(
        "biggan", "classes", {"smoke": CHURCHES | {"width": 4}, "paper": CHURCHES}, config=CONFIG, biggan={}
    ),
}
FEW = ["--images", "64", "--epochs", "1", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(autouse=True)
def rows(monkeypatch):
    """The commands, whatever a lesson trains by these names; and few digits."""
    one = next(iter(lessons.LESSONS))
    for name, row in lessons.LESSONS.items():
        monkeypatch.setitem(
            lessons.LESSONS, name, replace(row, trains={k: v for k, v in row.trains.items() if k not in ROWS})
        )
    monkeypatch.setitem(lessons.LESSONS, "99_big", replace(lessons.LESSONS[one], trains=ROWS))
    real, few = mnist_digits.mnist, mnist("train").subset(640)
    monkeypatch.setattr(mnist_digits, "mnist", lambda split, root=None: few if split == "train" else real(split))
    monkeypatch.setattr(conditions, "N_REAL", 500)
    conditions.churches.cache_clear()


def run(model: str, *arguments) -> int:
    return cli.main([str(a) for a in ("train", model, "--profile", "smoke", *FEW, *arguments)])


def config(folder):
    return json.loads((folder / "config.json").read_text())


def test_digits_are_trained_with_their_labels_and_go_on(tmp_path, capsys):
    out = tmp_path / "run"
    words = ["--orthogonal", "0.01", "--lr-g", "0.002", "--k", "2", "--network", "skip_z=0"]
    for epochs in (1, 2):
        assert run("biggan", *words, "--epochs", epochs, "--out", out) == 0
    assert f"resuming {out} after epoch 1" in capsys.readouterr().out
    made = config(out)
    assert made["algorithm"] == "biggan" and made["data"]["name"] == "mnist-train, labelled" and made["k"] == 2
    assert made["biggan"] == {"orthogonal": 0.01, "lr_d": None, "lr_g": 0.002}
    assert made["options"]["G"]["skip_z"] == 0 and made["options"]["D"]["classes"] == 10


def test_churches_come_in_their_25_classes(tmp_path):
    out = tmp_path / "run"
    assert run("biggan-churches", "--out", out) == 0
    made = config(out)
    assert made["options"]["G"]["classes"] == 25 and made["options"]["D"]["size"] == 32
    assert made["data"]["name"].startswith("classes-churches") and made["data"]["count"] == 64
    assert Run(out).samples(200)[1].shape == (200, 3, 32, 32)


@pytest.mark.parametrize("model", list(ROWS))
def test_a_run_is_shipped_and_made_again_by_its_command(model, tmp_path, monkeypatch):
    monkeypatch.setattr("gancourse.publishing.shipping.N_SCORE", 500)
    out, shipped = tmp_path / "run", tmp_path / "shipped"
    assert run(model, "--orthogonal", "0.01", "--out", out) == 0
    assert (
        cli.main(
            ["ship", str(out), "--name", "big", "--epochs", "1", "--no-strip", "--standing", "--out", str(shipped)]
        )
        == 0
    )
    card: Any = pretrained.card("big", shipped)
    command = card["commands"][0]
    assert f"train {model} " in command and "--orthogonal 0.01" in command and "stages" not in card
    assert "--batch-size" not in command and "lr-g" not in command
    arguments = command.replace("RUN", str(tmp_path / "again")).split()[3:]
    assert cli.main([*arguments, "--device", "cpu"]) == 0
    first, second = (Run(tmp_path / name).load(1).tensors for name in ("run", "again"))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
    G: Any = pretrained.load("big", folder=shipped)
    D: Any = pretrained.load("big", part="D", folder=shipped)
    y = torch.tensor([0, 3])
    assert D(G(torch.zeros(2, 100), y), y).shape == (2,)
    assert set(card["files"]["1"]["scores"]) >= ({"obedience"} if "churches" in model else {"classifier_fid"})


def test_a_run_of_digits_is_evaluated_over_all_classes(tmp_path):
    assert run("biggan", "--score-every", "1", "--out", tmp_path) == 0
    assert cli.main(["evaluate", str(tmp_path), "--samples", "300", "--allow-few"]) == 0


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("biggan", ["--loss", "saturating"], "--loss is saturating, and biggan has one of its own"),
        ("biggan", ["--r1", "1"], "--r1 is Algorithm 1's"),
        ("mlp", ["--orthogonal", "1"], "--orthogonal is BigGAN's, and mlp is trained otherwise"),
        ("biggan", ["--reuse-fakes"], "fresh_z is False, which biggan has no use for"),
        ("biggan-churches", ["--data", "somewhere"], "only procedural churches come with their class"),
        ("biggan-churches", ["--score-every", "1"], "--score-every is for digits"),
        ("biggan", ["--network", "classes=5"], "labels from 0 to 9, and G knows 5 classes"),
        ("biggan", ["--network", "size=32"], "G makes images of (3, 32, 32)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_go_together_is_one_line(model, arguments, message, tmp_path, capsys):
    assert run(model, *arguments, "--out", tmp_path / "run") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
    assert not (tmp_path / "run").exists()
