"""From `train` over `ship` to `pretrained.translator`: cards whose commands make the same again; what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch

from gancourse import __main__ as program
from gancourse import pretrained
from gancourse.pretrained import TRANSLATOR, PretrainedError
from gancourse.training.checkpoint import RunError
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread", "quick_packing")
SMALL = ["--images", "8", "--epochs", "1", "--width", "4", "--device", "cpu", "--milestones", "1"]
TRAINED = {
    "pix2pix": ["--batch-size", "2", "--l1", "50", "--untold"],
    "cyclegan-dusk": ["--pool", "3", "--constant-rate"],
    "cyclegan-snow": ["--loss", "non_saturating", "--identity", "0"],
}


@pytest.fixture(autouse=True)
def few_judges(monkeypatch):
    from gancourse.publishing import shipping_translators

    monkeypatch.setattr(shipping_translators, "N_SCORE", 12)


@pytest.mark.parametrize("name", TRAINED)
def test_a_run_is_trained_shipped_and_loaded(tmp_path, name, capsys):
    program.main(["train", name, *SMALL, *TRAINED[name], "--out", str(tmp_path / "run")])
    program.main(["ship", str(tmp_path / "run"), "--name", "mine", "--epochs", "1", "--out", str(tmp_path / "w")])
    card = json.loads((tmp_path / "w" / "mine.json").read_text())
    assert pretrained.names(tmp_path / "w", TRANSLATOR) == ["mine"] and pretrained.names(tmp_path / "w") == []
    checkpoint = Run(tmp_path / "run").load(1)
    for part in card["files"]:
        G: Any = pretrained.translator("mine", part, tmp_path / "w")
        trained = checkpoint.network(part)
        assert all((v - trained[k]).abs().max() < 1e-3 for k, v in G.state_dict().items() if v.is_floating_point())
        assert G(torch.zeros(1, 3, 64, 64)).shape == (1, 3, 64, 64) and not G.training
    assert list(card["files"]) == (["G"] if name == "pix2pix" else ["G_ab", "G_ba"])
    assert card["licence"] and card["scores"] and card["data"]["sha256"]
    # the card's own command makes the same run again
    words = card["commands"][0].removeprefix("python -m gancourse ").replace("RUN", str(tmp_path / "again")).split()
    program.main([*words, "--width", "4", "--device", "cpu"])
    again = Run(tmp_path / "again").load(1)
    assert all(torch.equal(v, again.tensors[k]) for k, v in checkpoint.tensors.items() if k.startswith(("G", "D")))


def test_eight_bits_take_half_of_the_room(tmp_path):
    program.main(["train", "pix2pix", *SMALL, "--batch-size", "2", "--out", str(tmp_path / "run")])
    sizes = []
    for more in ([], ["--eight-bit"]):
        words = ["ship", str(tmp_path / "run"), "--name", "mine", "--epochs", "1", "--out", str(tmp_path / "w"), *more]
        program.main(words)
        sizes.append(pretrained.card("mine", tmp_path / "w", TRANSLATOR)["files"]["G"]["bytes"])
    assert sizes[1] < 0.65 * sizes[0]
    G: Any = pretrained.translator("mine", folder=tmp_path / "w")
    assert G.options["width"] == 4


def test_what_is_no_translator_or_not_whole_is_refused(tmp_path):
    from gancourse.publishing.shipping_translators import ship_translator

    program.main(["train", "pix2pix", *SMALL, "--batch-size", "2", "--out", str(tmp_path / "run")])
    run = Run(tmp_path / "run")
    with pytest.raises(RunError, match="no run of pix2pix or cyclegan"):
        ship_translator(Run(tmp_path / "none"), "mine", 1, tmp_path)
    with pytest.raises(RunError, match="no checkpoint of epoch 7"):
        ship_translator(run, "mine", 7, tmp_path)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["data"]["name"] = "pairs of holidays"
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="which no lesson trains on"):
        ship_translator(run, "mine", 1, tmp_path)


def test_damaged_weights_and_unknown_names_are_refused(tmp_path):
    program.main(["train", "pix2pix", *SMALL, "--batch-size", "2", "--out", str(tmp_path / "run")])
    program.main(["ship", str(tmp_path / "run"), "--name", "mine", "--epochs", "1", "--out", str(tmp_path / "w")])
    with pytest.raises(PretrainedError, match=re.escape("part is 'D'; of mine there is G")):
        pretrained.translator("mine", "D", tmp_path / "w")
    with pytest.raises(PretrainedError, match="expected one of mine"):
        pretrained.translator("yours", folder=tmp_path / "w")
    path = tmp_path / "w" / "mine-g.safetensors.xz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(PretrainedError, match="no whole xz file"):
        pretrained.translator("mine", folder=tmp_path / "w")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pix2pix", "--pool", "3"], "--pool is CycleGAN's, and pix2pix is trained otherwise"),
        (["pix2pix", "--loss", "hinge"], "--loss is hinge, and pix2pix has one of its own"),
        (["cyclegan-dusk", "--l1", "3"], "--l1 is Pix2Pix's"),
        (["cyclegan-dusk", "--loss", "hinge"], "loss is 'hinge'"),
        (["cyclegan-dusk", "--network", "deep=1"], "cyclegan has none of these"),
        (["mlp", "--cycle", "3"], "--cycle is CycleGAN's"),
        (["pix2pix", "--augment", "flip"], "augment is flip, which makes no sense for maps"),
    ],
)
def test_options_of_other_algorithms_are_refused(tmp_path, capsys, words, said):
    assert program.main(["train", *words, *SMALL[:4], "--out", str(tmp_path / "run")]) != 0
    said_so = capsys.readouterr().err
    assert said in said_so and not (tmp_path / "run").exists()


SHIPPED = pretrained.names(kind=TRANSLATOR)


@pytest.mark.parametrize("name", SHIPPED)
def test_everything_that_is_shipped_translates(name):
    card = pretrained.card(name, kind=TRANSLATOR)
    assert len(card["commands"]) == 2 and card["licence"] and card["scores"]
    for part in card["files"]:
        G = pretrained.translator(name, part)
        with torch.no_grad():
            made = G(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1)
        assert made.abs().max() <= 1 and made.std() > 0.05
