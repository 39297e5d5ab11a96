"""P4's training on an LMDB like LSUN's: the paper profile, started, stopped in its third epoch, resumed."""

import json

import pytest
import torch
from made_pictures import encoded, picture, write_lmdb

from gancourse import __main__ as cli
from gancourse.data.photographs import lsun_churches
from gancourse.training import Minimax
from gancourse.training.run import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lsun(tmp_path_factory):
    """1,000 records, WebP and JPEG in turn."""
    values = [encoded(picture(i, 64 + i % 30, 70), ("WEBP", "JPEG")[i % 2]) for i in range(1_000)]
    return write_lmdb(tmp_path_factory.mktemp("lsun"), values)


def test_the_paper_profile_is_stopped_after_20_steps_and_resumed(lsun, tmp_path, monkeypatch, capsys):
    """Narrow networks, for time; batch, epochs and all else are the paper's. Seven steps are an epoch."""
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    command = ["train", "church", "--data", str(lsun), "--profile", "paper", "--width", "1", "--device", "cpu"]
    steps, real = 0, Minimax.round

    def stopping(*arguments, **settings):
        nonlocal steps
        if steps == 20:
            raise KeyboardInterrupt
        steps += 1
        return real(*arguments, **settings)

    monkeypatch.setattr(Minimax, "round", stopping)
    assert cli.main([*command, "--out", str(tmp_path / "run")]) == 130
    said = capsys.readouterr()
    assert "church_outdoor_train: 1,000 pictures at 128x128" in said.out
    assert "stopped by you in epoch 3 of 100" in said.out
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data"] == {
        "name": "church_outdoor_train",
        "count": 1_000,
        "sha256": lsun_churches(lsun).fingerprint,
    }
    assert (config["epochs"], config["batch_size"], Run(tmp_path / "run").checkpointed_epochs()) == (100, 128, [1, 2])

    monkeypatch.setattr(Minimax, "round", real)
    assert cli.main([*command, "--out", str(tmp_path / "run"), "--epochs", "3"]) == 0
    said = capsys.readouterr()
    assert f"resuming {tmp_path / 'run'} after epoch 2" in said.out
    assert "pictures at 128x128" not in said.out  # the map was there
    assert cli.main([*command, "--out", str(tmp_path / "whole"), "--epochs", "3"]) == 0
    resumed, whole = (Run(tmp_path / name).load(3).tensors for name in ("run", "whole"))
    assert resumed.keys() == whole.keys()
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []
