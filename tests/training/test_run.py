"""A run folder keeps what it is given, and refuses what is damaged."""

import json
import math
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from gancourse.data import Images
from gancourse.evaluation.run_scores import generator_of
from gancourse.models.catalogue import networks, options_of
from gancourse.training import Config, Minimax, Recipe, Trainer
from gancourse.training import checkpoint as checkpoints
from gancourse.training import run as runs
from gancourse.training.run import Checkpoint, CheckpointError, Run, RunError, load_checkpoint, save_checkpoint

HISTORY = [{"epoch": 1, "loss_d": 0.1 + 0.2, "seconds": 1e-7}, {"epoch": 2, "loss_d": 1 / 3, "seconds": 2.0}]


def checkpoint(epoch=2):
    tensors = {
        "G.weight": torch.arange(6.0).view(2, 3) + epoch,
        "G.count": torch.tensor(7),
        "D.weight": torch.arange(6.0).view(3, 2).T,  # not contiguous
        "opt_g.0.step": torch.tensor(3.0),
        "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "rng.own": torch.Generator().manual_seed(1).get_state(),
    }
    return Checkpoint(tensors, epoch, {"model": "mlp", "betas": [0.5, 0.999]}, HISTORY)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "epoch-0002.safetensors"
    save_checkpoint(path, checkpoint())
    return path


# -------------------------------------------------------------------------------- a checkpoint


def test_a_checkpoint_comes_back_to_the_bit(path):
    saved, loaded = checkpoint(), load_checkpoint(path)
    assert loaded.tensors.keys() == saved.tensors.keys()
    for name, tensor in saved.tensors.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        assert torch.equal(loaded.tensors[name], tensor)
    assert (loaded.epoch, loaded.config, loaded.history) == (saved.epoch, saved.config, saved.history)


def test_layers_that_share_a_weight_can_be_saved(tmp_path):
    weight = torch.arange(6.0)
    save_checkpoint(tmp_path / "c", Checkpoint({"a": weight, "b": weight, "c": weight[2:]}, 1, {}, []))
    loaded = load_checkpoint(tmp_path / "c").tensors
    assert torch.equal(loaded["a"], weight)
    assert torch.equal(loaded["b"], weight)
    assert torch.equal(loaded["c"], weight[2:])


def test_network_picks_one_networks_state(path):
    assert load_checkpoint(path).network("G").keys() == {"weight", "count"}
    assert load_checkpoint(path).network("opt_g").keys() == {"0.step"}
    assert load_checkpoint(path).network("ema") == {}


@pytest.mark.parametrize("keep", [0, 5, 8, 100, -1])
def test_a_truncated_checkpoint_is_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=rf"{path} .*truncated"):
        load_checkpoint(path)


def test_a_flipped_bit_anywhere_is_noticed(path):
    whole = path.read_bytes()
    (size,) = struct.unpack("<Q", whole[:8])
    spots = [0, 9, whole.index(b"sha256") + 12, whole.index(b"loss_d"), 8 + size, len(whole) - 1]
    for spot in spots:
        path.write_bytes(whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1 :])
        with pytest.raises(CheckpointError, match=str(path)):
            load_checkpoint(path)


def test_a_changed_number_says_that_it_was_altered(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="was altered or damaged: its digest does not match"):
        load_checkpoint(path)


def test_foreign_files_are_refused(tmp_path):
    foreign = {
        "plain safetensors": save({"w": torch.zeros(2)}),
        "another version": save({"w": torch.zeros(2)}, {"format": "gancourse-checkpoint-0"}),
        "no digest": save({"w": torch.zeros(2)}, {"format": checkpoints.FORMAT}),
        "a huge header": struct.pack("<Q", 1 << 60) + b"{}",
        "a list": struct.pack("<Q", 2) + b"[]" + bytes(10),
        "nested": struct.pack("<Q", 200_000) + b"[" * 200_000,
        "text": b"not a checkpoint at all",
    }
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            load_checkpoint(tmp_path / name)
    with pytest.raises(CheckpointError, match="has format 'gancourse-checkpoint-0', this version reads"):
        load_checkpoint(tmp_path / "another version")
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        load_checkpoint(tmp_path / "nowhere")


# -------------------------------------------------------------------------------- which checkpoints stay


def test_the_newest_and_the_milestones_stay(tmp_path):
    run = Run(tmp_path / "run", keep_last=2, milestones=(1, 4))
    assert run.checkpointed_epochs() == []
    for epoch in range(1, 8):
        run.save(checkpoint(epoch))
    assert run.checkpointed_epochs() == [1, 4, 6, 7]
    assert run.load(4).epoch == 4
    with pytest.raises(CheckpointError, match=r"no checkpoint of epoch 5; there are \[1, 4, 6, 7\]"):
        run.load(5)
    assert repr(run).endswith("epochs with checkpoints: [1, 4, 6, 7])")


def test_names_sort_as_numbers(tmp_path):
    run = Run(tmp_path, keep_last=3)
    for epoch in (9_999, 10_000, 2):
        run.save(checkpoint(epoch))
    (tmp_path / "checkpoints" / "epoch-0003.safetensors.part").write_bytes(b"")
    (tmp_path / "checkpoints" / "best.safetensors").write_bytes(b"")
    assert run.checkpointed_epochs() == [2, 9_999, 10_000]


def test_newest_passes_over_damaged_ones(tmp_path):
    run = Run(tmp_path, keep_last=3)
    assert run.newest() == (None, [])
    for epoch in (1, 2, 3):
        run.save(checkpoint(epoch))
    run.checkpoint_path(3).write_bytes(b"damaged")
    run.checkpoint_path(2).write_bytes(run.checkpoint_path(2).read_bytes()[:-1])
    found, complaints = run.newest()
    assert found is not None
    assert found.epoch == 1
    assert "epoch-0003" in complaints[0]
    assert "epoch-0002" in complaints[1]
    run.checkpoint_path(1).write_bytes(b"")
    assert run.newest()[0] is None


# -------------------------------------------------------------------------------- config and history


def test_config_comes_back(tmp_path):
    run = Run(tmp_path / "run")
    assert run.config is None
    assert not (tmp_path / "run").exists()  # looking makes nothing
    run.write_config({"model": "mlp", "lr": 2e-4})
    assert run.config == {"model": "mlp", "lr": 2e-4}


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read"), ("\udc80", "cannot be read"), ("[1]", "holds a list, expected an object")],
)
def test_a_damaged_config_is_refused(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text, errors="surrogateescape")
    with pytest.raises(RunError, match=rf"config\.json {message}.*hoose another run folder"):
        _ = Run(tmp_path).config


def test_history_comes_back_to_the_bit(tmp_path):
    run = Run(tmp_path)
    assert run.history() == []
    run.save(checkpoint())
    assert (tmp_path / "history.csv").read_text().splitlines()[0] == "epoch,loss_d,seconds"
    assert run.history() == HISTORY
    assert runs.history_csv([{"loss": math.nan}, {"loss": math.inf}]) == "loss\nnan\ninf\n"
    assert runs.history_csv([]) == "\n"


@pytest.mark.parametrize("text", ["epoch,loss\n1\n", "epoch,loss\n1,two\n", "epoch,loss\n1,2,3\n"])
def test_a_damaged_history_is_refused(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(RunError, match=r"history\.csv is no table of numbers .*checkpoints hold the history"):
        Run(tmp_path).history()


# -------------------------------------------------------------------------------- samples


@pytest.mark.parametrize("shape", [(64, 1, 28, 28), (10, 3, 16, 16)], ids=str)
def test_samples_come_back_to_the_bit(tmp_path, shape):
    run = Run(tmp_path)
    assert run.samples() == {}
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    run.save_samples(0, pixels)
    run.save_samples(5, 255 - pixels)
    found = run.samples(n=shape[0])
    assert found.keys() == {0, 5}
    assert torch.equal(found[0], pixels)
    assert torch.equal(found[5], 255 - pixels)
    with Image.open(tmp_path / "samples" / "epoch-0005.png") as image:
        assert image.mode == ("L" if shape[1] == 1 else "RGB")
        assert np.array(image)[0, 0].tolist() == (255 - pixels)[0, :, 0, 0].squeeze().tolist()


def test_a_sheet_that_cannot_be_read_is_left_out(tmp_path):
    run = Run(tmp_path)
    run.save_samples(1, torch.zeros(64, 1, 28, 28, dtype=torch.uint8))
    (tmp_path / "samples" / "epoch-0002.png").write_bytes(b"no image")
    assert run.samples().keys() == {1}


def test_config_is_plain_json(tmp_path):
    Run(tmp_path).write_config({"name": "MNIST"})
    text = (tmp_path / "config.json").read_text()
    assert json.loads(text) == {"name": "MNIST"}
    assert text.endswith("}\n")


def old(config: dict) -> dict:
    """What version 0.1 wrote: no algorithm, no options; the recipe only where there was one."""
    return {key: value for key, value in config.items() if key not in ("algorithm", "options", "recipe")}


@pytest.mark.parametrize("name", ["mlp", "residual", "dcgan128"])
def test_a_run_of_version_0_1_opens_for_reading_and_goes_on(name, tmp_path, one_thread):
    shape = (3, 128, 128) if name == "dcgan128" else (1, 28, 28)
    images = Images(torch.zeros(8, *shape, dtype=torch.uint8))

    def open_run(epochs, recipe=None):
        torch.manual_seed(0)
        pair = networks(name, **({"width": 4} if options_of(name) else {}))
        config = Config(name, epochs, 4, fast=False, precision="float32")
        return Trainer(Minimax(*pair, recipe), images, config, tmp_path, "cpu")

    open_run(1).fit(progress=False)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(old(json.loads(path.read_text()))))
    G, epoch, _ = generator_of(Run(tmp_path))
    assert epoch == 1 and G.image_shape == shape
    assert Run(tmp_path).history().marks["loss_d"][1] == "2 ln 2"
    with pytest.raises(RunError, match="recipe"):
        open_run(2, Recipe(r1=1.0))
    again = open_run(2)
    assert again.epoch == 1
    again.fit(progress=False)
    assert json.loads(path.read_text())["algorithm"] == "minimax"
