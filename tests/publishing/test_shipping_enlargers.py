"""From `train srgan` over `ship` to `pretrained.enlarger` and `enlarge`: cards, eight bits, what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import __main__ as program
from gancourse import pretrained
from gancourse.course import datasets, enlarging, lessons
from gancourse.course.lessons import Trained
from gancourse.pretrained import ENLARGER, TRANSLATOR, PretrainedError
from gancourse.publishing import shipping_translators
from gancourse.training.checkpoint import RunError
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread", "quick_packing")
PIXELS = {"content": "pixels"}
ROWS = {
    "srresnet": Trained("srgan", "enlarging", config={"batch_size": 4}, translation=PIXELS | {"adversarial": 0.0}),
    "srgan": Trained("srgan", "enlarging", config={"batch_size": 4}, translation=PIXELS),
}
FEW = ["--images", "8", "--epochs", "1", "--width", "4", "--network", "blocks=1", "--device", "cpu"]


MORE = {
    "srresnet": ["--constant-rate"],
    "srgan": ["--network", "blocks=2", "norm=0", "residual=1", "size=32", "--adversarial", "0.01"],
}


@pytest.fixture(scope="module", autouse=True)
def small():
    """The two commands, whatever lessons train by these names, few pictures to judge, and all of them small."""
    with pytest.MonkeyPatch.context() as patch:
        one = next(iter(lessons.LESSONS))
        patch.setitem(lessons.LESSONS, one, replace(lessons.LESSONS[one], trains=ROWS))
        for name, row in list(lessons.LESSONS.items())[1:]:
            rest = {name: what for name, what in row.trains.items() if name not in ROWS}
            patch.setitem(lessons.LESSONS, name, replace(row, trains=rest))
        patch.setattr(shipping_translators, "N_ENLARGED", 4)
        patch.setattr(datasets, "ENLARGED", 96)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small):
    """A run of each command, which tests leave as it is."""
    folder = tmp_path_factory.mktemp("runs")
    for name, more in MORE.items():
        train(name, folder / name, *more)
    return folder


def train(name, out, *more) -> None:
    assert program.main(["train", name, *FEW, *map(str, more), "--out", str(out)]) == 0


def ship(run, out, *more) -> int:
    return program.main(["ship", str(run), "--name", "mine", "--epochs", "1", "--out", str(out), *more])


@pytest.mark.parametrize("name", MORE)
def test_a_run_is_shipped_loaded_and_made_again_by_its_card(tmp_path, runs, name, capsys):
    assert ship(runs / name, tmp_path / "w", "--eight-bit") == 0
    said = capsys.readouterr().out
    assert "bytes (G)" in said and "psnr_bicubic" in said
    assert pretrained.names(tmp_path / "w", ENLARGER) == ["mine"] and pretrained.names(tmp_path / "w", TRANSLATOR) == []
    card = pretrained.card("mine", tmp_path / "w", ENLARGER)
    assert list(card["files"]) == ["G"] and sorted(p.suffix for p in (tmp_path / "w").iterdir()) == [
        ".json",
        ".xz",
    ]
    assert set(card["scores"]) == {"psnr", "ssim", "psnr_bicubic", "ssim_bicubic"} and card["licence"]
    G: Any = pretrained.enlarger("mine", tmp_path / "w")
    assert not G.training and not any(p.requires_grad for p in G.parameters())
    assert G(torch.zeros(1, 3, 5, 7)).shape == (1, 3, 20, 28)
    checkpoint = Run(runs / name).load(1)
    trained = checkpoint.network("G")
    for key, value in G.state_dict().items():
        if value.ndim > 1:  # rounded to 255 levels a row
            step = trained[key].abs().flatten(1).amax(1) / 127
            assert ((value - trained[key]).abs().flatten(1).amax(1) <= step * 0.51).all()
        else:
            assert torch.equal(value, trained[key])
    assert datasets.DATA["enlarging"].score({"G": G}, 4) == pytest.approx(card["scores"], rel=1e-6)  # scored as rounded
    words = card["commands"][0].removeprefix("python -m gancourse ").replace("RUN", str(tmp_path / "again")).split()
    assert words[1] == name and program.main([*words, "--device", "cpu"]) == 0
    again = Run(tmp_path / "again").load(1)
    assert all(torch.equal(v, again.tensors[k]) for k, v in checkpoint.tensors.items() if k.startswith(("G", "D")))


def test_a_start_is_in_the_card_and_in_its_command(tmp_path, runs):
    train("srgan", tmp_path / "run", "--start", runs / "srresnet")
    assert ship(tmp_path / "run", tmp_path / "w") == 0
    card = pretrained.card("mine", tmp_path / "w", ENLARGER)
    assert card["start"] == json.loads((tmp_path / "run" / "config.json").read_text())["start"]
    assert "--start RUN_BEFORE" in card["commands"][0] and "train srgan " in card["commands"][0]


def test_the_command_line_enlarges_by_what_is_shipped(tmp_path, runs, monkeypatch, capsys):
    ship(runs / "srresnet", tmp_path / "w", "--eight-bit")
    shipped = SimpleNamespace(
        names=lambda kind: pretrained.names(tmp_path / "w", kind),
        enlarger=lambda name: pretrained.enlarger(name, tmp_path / "w"),
    )
    monkeypatch.setattr(enlarging, "pretrained", shipped)
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(tmp_path / "in.png")
    words = ["enlarge", str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--model"]
    assert program.main([*words, "mine"]) == 0
    with Image.open(tmp_path / "out.png") as made:
        assert made.size == (40, 40)
    assert program.main([*words, "yours", "--overwrite"]) == 1
    assert "model is 'yours', expected one of mine, bicubic" in capsys.readouterr().err


def test_damaged_weights_other_data_and_unknown_names_are_refused(tmp_path, runs):
    shutil.copytree(runs / "srresnet", tmp_path / "run")
    ship(tmp_path / "run", tmp_path / "w")
    with pytest.raises(PretrainedError, match="expected one of mine"):
        pretrained.enlarger("yours", tmp_path / "w")
    with pytest.raises(PretrainedError, match=r"expected one of \(nothing"):
        pretrained.translator("mine", folder=tmp_path / "w")
    path = tmp_path / "w" / "mine-g.safetensors.xz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(PretrainedError, match="no whole xz file"):
        pretrained.enlarger("mine", tmp_path / "w")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["data"]["name"] = "holidays"
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="which no lesson trains on"):
        shipping_translators.ship_translator(Run(tmp_path / "run"), "mine", 1, tmp_path)


SHIPPED = pretrained.names(kind=ENLARGER)


@pytest.mark.parametrize("name", SHIPPED)
def test_everything_that_is_shipped_enlarges(name):
    card = pretrained.card(name, kind=ENLARGER)
    assert len(card["commands"]) == 2 and card["licence"] and card["scores"]["psnr_bicubic"] > 20
    G = pretrained.enlarger(name)
    with torch.no_grad():
        made = G(torch.rand(1, 3, 16, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert made.shape[:2] == (1, 3) and made.abs().max() <= 1 and made.std() > 0.05
