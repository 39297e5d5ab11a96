"""`python -m gancourse train church-factors`: stopped, and gone on from with other settings; its card says so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from gancourse import __main__ as cli
from gancourse import pretrained
from gancourse.course import datasets
from gancourse.publishing import shipping
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread", "quick_packing")
FEW = ["--profile", "smoke", "--images", "8", "--batch-size", "4", "--device", "cpu", "--precision", "float32"]
SMALL = ["--network", "size=16"]


def newest(folder) -> Any:
    return Run(folder).newest()[0]


def run(*arguments) -> int:
    return cli.main([str(a) for a in ("train", "church-factors", *FEW, *SMALL, *arguments)])


def test_it_stops_as_told_goes_on_and_the_card_has_the_whole_chain(tmp_path, monkeypatch, capsys):
    known = replace(datasets.DATA["factors"], score=lambda G, n: {"distance": 1.0})  # the reader wants 64 pixels
    monkeypatch.setattr(shipping, "data_of", lambda name: known)
    first, second = tmp_path / "a", tmp_path / "b"
    assert run("--epochs", "3", "--decay", "--until", "2", "--out", first) == 0
    assert "stopped after epoch 2 of 3, as --until says" in capsys.readouterr().out
    assert newest(first).epoch == 2
    more = ["--epochs", "1", "--lr", "1e-12", "--r1", "1", "--r1-share", "0.5", "--start", first, "--milestones", "1"]
    assert run(*more, "--out", second) == 0
    before, after = (newest(folder) for folder in (first, second))
    for name in ("G", "D"):
        for key, value in before.network(name).items():
            if "running" not in key and "num_batches" not in key:
                assert torch.allclose(after.network(name)[key], value, atol=1e-6), (name, key)
    config: Any = json.loads((second / "config.json").read_text())
    assert len(config["start"]) == 64 and config["before"]["epochs"] == 2 and config["before"]["planned"] == 3

    ship = ["ship", second, "--name", "mine", "--epochs", "1", "--no-strip", "--out", tmp_path / "w"]
    assert cli.main([str(a) for a in ship]) == 0
    card = pretrained.card("mine", tmp_path / "w")
    assert [(stage["size"], stage["images"]) for stage in card["stages"]] == [(16, 16), (16, 8)]
    one, two = card["commands"][0].split(" && ")
    assert one.startswith("python -m gancourse train church-factors --epochs 3 --until 2 ") and "--decay" in one
    assert one.endswith("--out RUN-1") and "--r1 1.0" in two and two.endswith("--start RUN-1 --milestones 1 --out RUN")

    assert run("--epochs", "3", "--decay", "--out", first) == 0  # and the first goes on where it was stopped
    assert newest(first).epoch == 3


@pytest.mark.parametrize("until", ["0", "4"])
def test_an_epoch_that_there_is_not_is_refused(tmp_path, capsys, until):
    assert run("--epochs", "3", "--until", until, "--out", tmp_path / "a") != 0
    assert f"--until is {until}, expected an epoch of the run, 1 to 3" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_networks_of_another_size_are_refused(tmp_path, capsys):
    assert run("--epochs", "1", "--out", tmp_path / "a") == 0
    assert run("--epochs", "1", "--width", "16", "--start", tmp_path / "a", "--out", tmp_path / "b") != 0
    assert "'width': 8" in (said := capsys.readouterr().err) and "give these the same ones" in said
    assert run("--epochs", "1", "--start", tmp_path / "nothing", "--out", tmp_path / "c") != 0
