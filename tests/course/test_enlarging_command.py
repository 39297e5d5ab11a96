"""`python -m gancourse train srgan`: pretraining, a start from it, a folder of pictures, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from gancourse import __main__ as cli
from gancourse.course import lessons
from gancourse.course.datasets import DATA
from gancourse.course.lessons import Trained
from gancourse.course.starting import start_from
from gancourse.models import SRResNet
from gancourse.training.checkpoint import RunError
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = {"smoke": {"width": 4, "blocks": 1}}
ROWS = {
    "srresnet": Trained(
        "srgan", "enlarging", SMALL, config={"batch_size": 4}, translation={"content": "pixels", "adversarial": 0.0}
    ),
    "srgan": Trained("srgan", "enlarging", SMALL, config={"batch_size": 4}, translation={"content": "pixels"}),
}
FEW = ["--profile", "smoke", "--images", "8", "--epochs", "1", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(autouse=True)
def rows(monkeypatch):
    """Both commands, whatever a lesson trains by these names."""
    one = next(iter(lessons.LESSONS))
    more = replace(lessons.LESSONS[one], trains=ROWS)
    monkeypatch.setitem(lessons.LESSONS, "99_enlarging", more)


def run(*arguments) -> int:
    return cli.main([str(a) for a in arguments])


def weights(folder, part="G"):
    return Run(folder).newest()[0].network(part)  # type: ignore[union-attr]


def test_a_pretraining_and_a_run_that_starts_from_it(tmp_path, capsys):
    before, after = tmp_path / "before", tmp_path / "after"
    assert run("train", "srresnet", *FEW, "--out", before) == 0
    config = json.loads((before / "config.json").read_text())
    assert config["options"]["G"] == {"width": 4, "blocks": 1, "scale": 4, "norm": "batch", "residual": 0}
    assert config["data"]["name"].startswith("enlarging-churches") and "-256px-" in config["data"]["name"]
    assert config["translation"]["adversarial"] == 0 and "start" not in config

    rate = ["--lr", "1e-12"]  # so that a start can be seen at the end
    assert run("train", "srgan", *FEW, *rate, "--start", before, "--out", after) == 0
    G = SRResNet(4, 1)
    digest = start_from(G, before)
    assert json.loads((after / "config.json").read_text())["start"] == digest
    matrices = [name for name, value in weights(before).items() if value.ndim > 1]
    assert all(torch.allclose(weights(before)[name], weights(after)[name], atol=1e-6) for name in matrices)
    assert run("train", "srgan", *FEW, *rate, "--start", before, "--epochs", 2, "--out", after) == 0
    assert "resuming" in capsys.readouterr().out

    save_file(G.state_dict(), tmp_path / "g.safetensors")
    assert run("train", "srgan", *FEW, *rate, "--start", tmp_path / "g.safetensors", "--out", tmp_path / "file") == 0
    assert json.loads((tmp_path / "file" / "config.json").read_text())["start"] == digest
    assert run("train", "srgan", *FEW, *rate, "--out", after) == 1  # from fresh networks: another run
    assert "start: the folder has" in capsys.readouterr().err


def test_pictures_of_ones_own_and_another_scale(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "mine").mkdir()
    for i in range(4):
        Image.new("RGB", (300 + i, 280), (40 * i, 90, 200)).save(tmp_path / "mine" / f"{i}.png")
    out = tmp_path / "run"
    words = [
        "--data",
        tmp_path / "mine",
        "--network",
        "scale=8",
        "norm=0",
        "residual=1",
        "--constant-rate",
        "--pixels",
        "0.5",
        "--weight",
        "2",
    ]
    assert run("train", "srgan", *FEW[:2], *FEW[4:], *words, "--out", out) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["data"]["count"] == 4 and config["options"]["G"] == {
        "width": 4, "blocks": 1, "scale": 8, "norm": "none", "residual": 1
    }  # fmt: skip
    assert config["translation"] == {
        "content": "pixels", "weight": 2.0, "pixels": 0.5, "adversarial": 1e-3, "decay": False
    }  # fmt: skip


def test_a_card_says_what_bicubic_reaches():
    torch.manual_seed(0)
    found = DATA["enlarging"].score({"G": SRResNet(4, 1)}, 4)
    assert found["psnr"] < found["psnr_bicubic"] and 25 < found["psnr_bicubic"] < 35
    assert 0 < found["ssim"] < found["ssim_bicubic"] < 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["srgan", "--start", "nowhere"], "nowhere cannot be read"),
        (["srgan", "--loss", "hinge"], "--loss is hinge, and srgan has one of its own"),
        (["srgan", "--l1", "3"], "--l1 is Pix2Pix's, and srgan is trained otherwise"),
        (
            ["srgan", "--network", "deep=1"],
            "srgan has no deep; it has width, blocks, scale, norm, icnr, size, residual",
        ),
        (["srgan", "--network", "scale=3"], "scale is 3, expected 2, 4 or 8"),
        (["mlp", "--start", "run"], "--start is run, and mlp starts from fresh networks"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said, tmp_path, capsys):
    assert run("train", *arguments, *FEW, "--out", tmp_path / "run") == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_weights_that_do_not_fit_are_refused_and_change_nothing(tmp_path):
    torch.manual_seed(0)
    G = SRResNet(4, 1)
    before = {name: value.clone() for name, value in G.state_dict().items()}
    path = tmp_path / "g.safetensors"
    state = SRResNet(4, 1).state_dict()
    for bad, said in (
        (SRResNet(8, 1).state_dict(), r"of body.0.net.0.weight it has \(8, 8, 3, 3\), expected \(4, 4, 3, 3\)"),
        (SRResNet(4, 2).state_dict(), r"of body.1.* expected"),
        (SRResNet(4, 1, norm="none").state_dict(), "norm"),
        (state | {"head.0.bias": torch.full((4,), torch.nan)}, "NaN or infinity in head.0.bias"),
    ):
        save_file(bad, path)
        with pytest.raises(RunError, match=said):
            start_from(G, path)
    path.write_bytes(b"no weights")
    with pytest.raises(RunError, match=r"is no .safetensors file"):
        start_from(G, path)
    with pytest.raises(RunError, match="holds no run"):
        start_from(G, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in G.state_dict().items())
