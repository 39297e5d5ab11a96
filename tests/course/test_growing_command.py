"""`python -m gancourse train church-grown`: P4's generator, from 16 pixels up; its card tells all the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from gancourse import __main__ as cli
from gancourse import pretrained
from gancourse.course import datasets
from gancourse.models import networks
from gancourse.models.growing import grown
from gancourse.publishing import shipping
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread", "quick_packing")
FEW = ["--profile", "smoke", "--images", "8", "--epochs", "1", "--device", "cpu", "--precision", "float32"]


def run(*arguments) -> int:
    return cli.main([str(a) for a in ("train", "church-grown", *FEW, "--batch-size", "4", *arguments)])


def config(folder) -> Any:
    return json.loads((folder / "config.json").read_text())


def test_it_grows_and_the_card_has_the_whole_chain(tmp_path, monkeypatch, capsys):
    known = replace(datasets.DATA["churches"], score=lambda G, n: {"distance": 1.0})  # the reader wants 64 pixels
    monkeypatch.setattr(shipping, "data_of", lambda name: known)
    assert run("--network", "size=16", "--r1", "0.5", "--out", tmp_path / "a") == 0
    grow = ["--network", "size=32", "fading=1", "--fade", "100", "--start", tmp_path / "a", "--lr", "1e-12"]
    assert run(*grow, "--milestones", "1", "--out", tmp_path / "b") == 0
    made = config(tmp_path / "b")
    assert len(made["start"]) == 64 and made["recipe"]["fade"] == 100 and made["algorithm"] == "minimax"
    assert made["data"]["name"] == "churches-v1-128px-seed0-to-32px" and "start" not in config(tmp_path / "a")

    first: Any = Run(tmp_path / "a").newest()[0]
    pair: Any = networks("dcgan128-grown", width=8, width_d=8, size=16)
    for name, network in zip("GD", pair, strict=True):
        network.load_state_dict(first.network(name))
    expected = grown(*pair)[0].state_dict()
    after: Any = Run(tmp_path / "b").newest()[0]
    for key in ("net.0.weight", "net.3.weight", "net.9.weight"):
        assert torch.allclose(after.network("G")[key], expected[key], atol=1e-6), key

    ship = ["ship", tmp_path / "b", "--name", "mine", "--epochs", "1", "--no-strip", "--out", tmp_path / "w"]
    assert cli.main([str(a) for a in ship]) == 0
    card = pretrained.card("mine", tmp_path / "w")
    assert [(stage["size"], stage["images"]) for stage in card["stages"]] == [(16, 8), (32, 8)]
    one, two = card["commands"][0].split(" && ")
    assert one == (
        "python -m gancourse train church-grown --epochs 1 --width 8 --network width_d=8 size=16 --images 8 "
        "--batch-size 4 --precision float32 --r1 0.5 --out RUN-1"
    )
    assert two.endswith("--fade 100 --start RUN-1 --milestones 1 --out RUN") and "width_d=8 size=32 fading=1" in two
    assert pretrained.load("mine", folder=tmp_path / "w").image_shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--network", "size=32", "fading=1", "--start", "NOWHERE"],
            "no run of dcgan128-grown: train one of 16 pixels",
        ),
        (["--network", "size=16", "--accumulate", "2", "--r1", "1"], "D gets 2 images at a time"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, capsys, arguments, said):
    arguments = [str(tmp_path / "none") if word == "NOWHERE" else word for word in arguments]
    assert run(*arguments, "--out", tmp_path / "x") == 1
    assert said in capsys.readouterr().err and not (tmp_path / "x").exists()


def test_a_d_fades_in_over_so_many_images_also_after_a_pause(tmp_path):
    grow = ["--network", "size=32", "fading=1", "--start", tmp_path / "a", "--fade", "32", "--out", tmp_path / "b"]
    assert run("--network", "size=16", "--out", tmp_path / "a") == 0
    shares = []
    for epochs in (1, 2, 6):  # of 8 images in rounds of 4: the last round of each begins 4 images before its end
        assert run(*grow, "--epochs", epochs) == 0
        checkpoint: Any = Run(tmp_path / "b").newest()[0]
        shares.append(checkpoint.network("D")["net.0.share"].item())
    assert shares == pytest.approx([4 / 32, 12 / 32, 1.0])
