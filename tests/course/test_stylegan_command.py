"""`python -m gancourse train stylegan`: small pictures first, grown from that, a folder of pictures, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

from gancourse import __main__ as cli
from gancourse import models, pretrained
from gancourse.course import datasets, lessons
from gancourse.course.lessons import Trained
from gancourse.data import DataError, Images
from gancourse.data.degraded import shrunk
from gancourse.models.growing import grown
from gancourse.publishing import shipping
from gancourse.training.run import Run

networks: Any = models.networks

pytestmark = pytest.mark.usefixtures("one_thread", "quick_packing")
OPTIONS = {"smoke": {"width": 4, "mapping": 1, "latent": 8}}
ROWS = {"stylegan": Trained("stylegan", "small", OPTIONS, config={"batch_size": 4, "betas": (0.0, 0.99)}, style={})}
FEW = ["--profile", "smoke", "--images", "8", "--epochs", "1", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(autouse=True)
def rows(monkeypatch):
    """The command, whatever a lesson trains by this name."""
    one = next(iter(lessons.LESSONS))
    monkeypatch.setitem(lessons.LESSONS, "99_styles", replace(lessons.LESSONS[one], trains=ROWS))


def run(*arguments) -> int:
    return cli.main([str(a) for a in ("train", "stylegan", *FEW, *arguments)])


def config(folder):
    return json.loads((folder / "config.json").read_text())


def test_a_run_of_small_pictures_and_one_that_grows_from_it(tmp_path, capsys):
    small, large = tmp_path / "16", tmp_path / "32"
    assert run("--network", "size=16", "--r1", "2", "--out", small) == 0
    made = config(small)
    assert made["style"]["r1"] == 2 and made["options"]["G"]["size"] == 16 and "start" not in made
    assert made["data"]["name"] == "churches-v1-64px-seed0-to-16px" and made["algorithm"] == "stylegan"

    grow = ["--network", "size=32", "fading=1", "--start", small, "--fade", "100", "--lr", "1e-12"]
    assert run(*grow, "--out", large) == 0
    assert len(config(large)["start"]) == 64 and config(large)["style"]["fade"] == 100
    checkpoint: Any = Run(small).newest()[0]
    before = networks("stylegan", width=4, mapping=1, latent=8, size=16)
    for name, network in zip("GD", before, strict=True):
        network.load_state_dict(checkpoint.network(name))
    after: Any = Run(large).newest()[0]
    expected, found = grown(*before)[0].state_dict(), after.network("G")
    for key in (key for key in expected if key in before[0].state_dict() and "mean" not in key):
        assert torch.allclose(found[key], expected[key], atol=1e-6), key
    assert run(*grow, "--epochs", 2, "--out", large) == 0  # goes on
    assert "resuming" in capsys.readouterr().out


def ship(folder, out, *more) -> Any:
    assert cli.main(["ship", str(folder), "--name", "mine", "--no-strip", "--out", str(out), *map(str, more)]) == 0
    return pretrained.card("mine", out)


def test_a_card_tells_the_whole_chain_and_its_commands_make_the_same_weights(tmp_path, monkeypatch):
    known = replace(datasets.DATA["churches"], score=lambda G, n: {"distance": 1.0})  # the reader wants 64 pixels
    monkeypatch.setattr(shipping, "data_of", lambda name: known)
    assert run("--network", "size=16", "--r1", "0.5", "--out", tmp_path / "a") == 0
    grow = ["--network", "size=32", "fading=1", "--start", tmp_path / "a", "--epochs", "3", "--lr", "0.01"]
    assert run(*grow, "--milestones", "1-3", "--out", tmp_path / "b") == 0
    card = ship(tmp_path / "b", tmp_path / "w", "--epochs", "2")
    assert [(stage["size"], stage["images"]) for stage in card["stages"]] == [(16, 8), (32, 16)]
    assert all(stage["seconds"] >= 0 for stage in card["stages"])
    first, second = card["commands"][0].split(" && ")
    assert first == (
        "python -m gancourse train stylegan --epochs 1 --width 4 --network size=16 mapping=1 latent=8 --images 8 "
        "--precision float32 --r1 0.5 --out RUN-1"
    )
    assert "--start RUN-1 --milestones 2 --out RUN" in second and "--epochs 3" in second and "fading=1" in second
    for i, command in enumerate((first, second)):
        words = command.replace("RUN-1", str(tmp_path / "c1")).replace(" RUN", f" {tmp_path / 'c2'}").split()[3:]
        assert cli.main([*words, "--device", "cpu"]) == 0, i
    again = ship(tmp_path / "c2", tmp_path / "w2", "--epochs", "2")
    assert [again["files"]["2"][part]["sha256"] for part in "GD"] == [
        card["files"]["2"][part]["sha256"] for part in "GD"
    ]
    assert again["commands"] == card["commands"]
    assert pretrained.load("mine", folder=tmp_path / "w").image_shape == (3, 32, 32)


def refused(capsys, *arguments) -> str:
    capsys.readouterr()
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def test_what_cannot_grow_is_refused(tmp_path, capsys):
    small = tmp_path / "16"
    assert run("--network", "size=16", "--out", small) == 0
    grow = ["--start", small, "--out", tmp_path / "x"]
    assert "has a G of" in refused(capsys, "--network", "size=64", "fading=1", *grow)
    assert "half the size, all else alike" in refused(capsys, "--network", "size=32", "latent=9", "fading=1", *grow)
    assert "make it with fading=1" in refused(capsys, "--network", "size=32", *grow)
    nowhere = ["--network", "size=32", "fading=1", "--start", tmp_path / "none", "--out", tmp_path / "x"]
    assert "holds no run of stylegan: train one of 16 pixels first" in refused(capsys, *nowhere)
    assert not (tmp_path / "x").exists()


def test_settings_of_others_and_a_loss_are_refused(tmp_path, capsys):
    assert "--loss is saturating, and stylegan has one of its own" in refused(
        capsys, "--loss", "saturating", "--out", tmp_path / "x"
    )
    assert "--packing is a critic's" in refused(capsys, "--packing", "2", "--out", tmp_path / "x")


def test_a_folder_of_pictures_is_made_small(tmp_path):
    for i in range(5):
        Image.new("RGB", (90, 80), (40 * i, 100, 200)).save(tmp_path / f"{i}.png")
    out = tmp_path / "run"
    arguments = ["--network", "size=16", "--data", tmp_path, "--images", "4", "--out", out]
    assert run(*arguments) == 0 and config(out)["data"]["count"] == 4


def test_shrunk_images_are_means_of_blocks():
    pixels = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)
    images = Images(pixels, name="noise")
    small = shrunk(images, 4)
    expected = pixels.float().unflatten(3, (4, 4)).unflatten(2, (4, 4)).mean((3, 5)).round()
    assert torch.equal(small.pixels.float(), expected) and small.name == "noise-to-4px"
    assert shrunk(images, 16) is images
    with pytest.raises(DataError, match="of which no means make 5 x 5"):
        shrunk(images, 5)
