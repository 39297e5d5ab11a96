"""What is shipped is what its card says, is made again by its commands, and is refused when it is anything else."""

import itertools
import json
import shlex
import shutil
import struct
import subprocess
import tracemalloc

import pytest
import torch
from safetensors.torch import save

from gancourse import files, pretrained
from gancourse.__main__ import main
from gancourse.evaluation.generated import digit_scores
from gancourse.models import Generator
from gancourse.pretrained import PretrainedError, halved, quartered, restored
from gancourse.publishing import shipping
from gancourse.training.checkpoint import RunError
from gancourse.training.run import Run

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*too few for the covariance.*"),
    pytest.mark.usefixtures("quick_packing"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory, quick_packing):
    """A short run of the MLP, shipped at two epochs: its run folder and the folder of weights."""
    folder = tmp_path_factory.mktemp("shipped")
    patch = pytest.MonkeyPatch()
    patch.setattr(shipping, "N_SCORE", 500)
    command = f"train mlp --epochs 3 --images 384 --betas 0.4 0.99 --milestones 1 3 --out {folder / 'run'}"
    assert main(shlex.split(command)) == 0
    assert (
        main(shlex.split(f"ship {folder / 'run'} --name small --epochs 1 3 --curve 2 3 --out {folder / 'weights'}"))
        == 0
    )
    yield folder / "run", folder / "weights"
    patch.undo()


@pytest.fixture
def weights(made, tmp_path):
    """A copy of the shipped folder, to spoil."""
    shutil.copytree(made[1], tmp_path / "weights")
    return tmp_path / "weights"


def test_what_is_loaded_is_the_run_rounded_to_half_precision(made):
    run, weights = made
    assert pretrained.names(weights) == ["small"] and pretrained.epochs("small", weights) == [1, 3]
    before = torch.get_rng_state()
    for part in ("G", "D"):
        network = pretrained.load("small", 1, part, weights)
        trained = Run(run).load(1).network(part)
        assert not network.training and not any(p.requires_grad for p in network.parameters())
        for key, value in network.state_dict().items():
            assert value.dtype == trained[key].dtype
            assert torch.equal(value, trained[key].half().float() if value.ndim > 1 else trained[key])
    assert torch.equal(before, torch.get_rng_state())
    last = pretrained.load("small", folder=weights).state_dict()
    assert all(torch.equal(v, last[k]) for k, v in pretrained.load("small", 3, folder=weights).state_dict().items())


def test_eight_bits_are_the_nearest_of_255_values_in_each_row(made, tmp_path):
    """And half the bytes; what is scored and loaded is what the file holds."""
    run, halves = made
    words = f"ship {run} --name small --epochs 3 --eight-bit --out {tmp_path}"
    assert main(shlex.split(words)) == 0
    card = pretrained.card("small", tmp_path)
    assert card["commands"][1].endswith(" --eight-bit --out FOLDER")
    for part in ("G", "D"):
        network, trained = pretrained.load("small", 3, part, tmp_path), Run(run).load(3).network(part)
        for key, value in network.state_dict().items():
            if value.ndim > 1:
                scale = trained[key].abs().amax(1, keepdim=True) / 127
                assert ((value - trained[key]).abs() <= scale / 2 * (1 + 1e-5)).all()
                assert torch.allclose(value.abs().amax(1), trained[key].abs().amax(1))
                assert all(len(row.unique()) <= 255 for row in value)
            else:
                assert torch.equal(value, trained[key])
        assert card["files"]["3"][part]["bytes"] < 0.52 * pretrained.card("small", halves)["files"]["3"][part]["bytes"]
    G = pretrained.load("small", 3, folder=tmp_path)
    assert isinstance(G, Generator) and digit_scores(G, 500) == card["files"]["3"]["scores"]


def test_stored_zeros_and_a_layer_called_scale_are_restored():
    state = {"a": torch.zeros(2, 3), "b.scale": torch.rand(4), "n": torch.tensor(7)}
    for stored in (halved(state), quartered(state)):
        again = restored(stored)
        assert again.keys() == state.keys() and all(torch.equal(again[k], state[k]) for k in state)


def test_the_strip_holds_the_samples_of_every_epoch_in_the_order_of_z(made):
    run, weights = made
    strip, samples = pretrained.strip("small", weights), Run(run).samples()
    assert list(strip) == [0, 1, 2, 3] == list(samples)
    assert all(torch.equal(strip[e], samples[e][:16]) for e in strip)
    drawn = pretrained.load("small", 3, folder=weights)(pretrained.fixed_z("small", 16, weights))
    shown = strip[3].float() / 127.5 - 1
    assert (drawn - shown).abs().mean() < 0.02 < (drawn.flip(0) - shown).abs().mean()


def test_the_cards_commands_make_the_same_files_again(made, tmp_path):
    card = pretrained.card("small", made[1])
    assert "--betas 0.4 0.99" in card["commands"][0] and card["files"]["3"]["scores"]["samples"] == 500
    for command in card["commands"]:
        words = shlex.split(command)[3:]  # after: python -m gancourse
        places = {"RUN": str(tmp_path / "run"), "FOLDER": str(tmp_path / "weights")}
        assert main([places.get(word, word) for word in words]) == 0
    again = pretrained.card("small", tmp_path / "weights")
    assert list(card["curve"]) == ["2", "3"] and card["curve"]["3"] == card["files"]["3"]["scores"]
    assert again["curve"] == card["curve"] and again["files"] == card["files"] and again["strip"] == card["strip"]
    assert [row["loss_d"] for row in again["history"]] == [row["loss_d"] for row in card["history"]]
    packed = sorted(made[1].glob("*.safetensors.xz"))
    assert len(packed) == 4
    for path in packed:
        assert path.read_bytes() == (tmp_path / "weights" / path.name).read_bytes()


def test_unknown_names_epochs_and_parts_list_what_there_is(weights):
    with pytest.raises(PretrainedError, match=r"'\.\./small', expected one of small"):
        pretrained.load("../small", folder=weights)
    with pytest.raises(PretrainedError, match="at epoch 2; there are epochs 1, 3"):
        pretrained.load("small", 2, folder=weights)
    with pytest.raises(PretrainedError, match=r"'H', expected \"G\""):
        pretrained.load("small", 1, "H", weights)
    with pytest.raises(PretrainedError, match="nothing is shipped"):
        pretrained.card("small", weights / "empty")


def test_a_wrong_hash_is_refused(weights):
    path = weights / "small-g-0001.safetensors.xz"
    whole = path.read_bytes()
    raw = bytearray(files.unpacked(whole, 1 << 24))
    raw[-1] ^= 1
    path.write_bytes(files.packed(bytes(raw)))
    with pytest.raises(PretrainedError, match="is damaged: its SHA-256"):
        pretrained.load("small", 1, folder=weights)
    for damaged in (whole[:-1], whole[:-1] + b"x", whole[:100], b"", whole + whole[:40]):
        path.write_bytes(damaged)
        with pytest.raises(PretrainedError, match="is damaged: it is no whole xz file"):
            pretrained.load("small", 1, folder=weights)
    strip = weights / "small-strip.webp"
    strip.write_bytes(strip.read_bytes() + b" ")
    with pytest.raises(PretrainedError, match="cannot be read"):  # longer than its card says: not read at all
        pretrained.strip("small", weights)
    strip.unlink()
    with pytest.raises(PretrainedError, match="cannot be read"):
        pretrained.strip("small", weights)


def _with_card(weights, change):
    path = weights / "small.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def _hostile(weights, raw, ending):
    """A file with these bytes, and a card that vouches for it."""
    entry = shipping.written(weights, f"small-g-0001.safetensors{ending}", raw)
    _with_card(weights, lambda card: card["files"]["1"].update(G=entry))


@pytest.mark.parametrize("ending", ["", ".xz"])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04\x95",  # how a pickle begins
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        save({"net.0.weight": torch.zeros(2, 2)}),
    ],
    ids=["empty", "pickle", "endless header", "no tensors", "other tensors"],
)
def test_hostile_weights_are_refused_even_when_their_card_vouches_for_them(weights, raw, ending):
    _hostile(weights, raw, ending)
    if ending and (weights / "small-g-0001.safetensors.xz").stat().st_size > len(raw):
        expected = "cannot be read"  # more than its card says that it holds
    else:
        expected = "holds no G of mlp"
    with pytest.raises(PretrainedError, match=expected):
        pretrained.load("small", 1, folder=weights)


def test_a_packed_file_that_holds_more_than_its_card_says_is_never_unpacked(weights):
    """A bomb: 80 MB of zeros in a few kB. Its card states what its first bytes are."""
    bomb = files.packed(bytes(80 << 20))
    path = weights / "small-g-0001.safetensors.xz"
    path.write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(PretrainedError, match="is damaged: it holds more than"):
        pretrained.load("small", 1, folder=weights)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    _with_card(weights, lambda card: card["files"]["1"]["G"].update(bytes=1 << 50))  # a card does not set the limit
    with pytest.raises(PretrainedError, match="it holds more than 67,108,864 bytes"):
        pretrained.load("small", 1, folder=weights)


def test_a_card_cannot_point_out_of_its_folder_and_foreign_json_is_no_card(weights):
    _with_card(weights, lambda card: card["files"]["1"]["G"].update(file="../weights/small-g-0001.safetensors.xz"))
    with pytest.raises(PretrainedError, match="expected a plain name"):
        pretrained.load("small", 1, folder=weights)
    (weights / "other.json").write_text('{"format": "something"}')
    (weights / "broken.json").write_text("[" * 100_000)
    assert pretrained.names(weights) == ["small"]


def test_a_strip_that_does_not_fit_its_card_is_refused(weights):
    _with_card(weights, lambda card: card["strip"].update(epochs=[0, 1, 2, 3, 4]))
    with pytest.raises(PretrainedError, match="does not fit its card"):
        pretrained.strip("small", weights)
    _with_card(weights, lambda card: card.update(strip=None))
    with pytest.raises(PretrainedError, match="has no strip"):
        pretrained.strip("small", weights)


def test_shipping_refuses_what_it_cannot_make(made, tmp_path):
    run = Run(made[0])
    with pytest.raises(RunError, match=r"no checkpoint of epoch 9; there are \[1, 2, 3\]"):
        shipping.ship(run, "small", [9], tmp_path)
    with pytest.raises(RunError, match="no checkpoint of epoch 7"):
        shipping.ship(run, "small", [1], tmp_path, curve=(1, 7))
    assert not list(tmp_path.iterdir())  # found out before anything was made
    with pytest.raises(RunError, match=r"'\.\./x'"):
        shipping.ship(run, "../x", [1], tmp_path)
    with pytest.raises(RunError, match="is no run folder"):
        shipping.ship(Run(tmp_path), "small", [1], tmp_path)


def test_g_itself_of_a_run_with_an_average_is_that_of_a_run_without_one(made, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "N_SCORE", 500)
    run, out = tmp_path / "run", tmp_path / "out"
    command = "train mlp --epochs 3 --images 384 --betas 0.4 0.99 --milestones 1 2 3 --ema-half-life 500"
    assert main(shlex.split(f"{command} --out {run}")) == 0
    for name, more in (("average", ""), ("itself", "--as-trained")):
        assert main(shlex.split(f"ship {run} --name {name} --epochs 3 {more} --out {out}")) == 0
    plain, itself, average = (
        pretrained.card(name, folder) for name, folder in (("small", made[1]), ("itself", out), ("average", out))
    )
    assert itself["files"]["3"]["G"]["sha256"] == plain["files"]["3"]["G"]["sha256"]
    assert average["files"]["3"]["G"]["sha256"] != plain["files"]["3"]["G"]["sha256"]
    assert not itself["files"]["3"]["averaged"] and average["files"]["3"]["averaged"]
    strips = [pretrained.strip("small", made[1]), pretrained.strip("itself", out)]
    assert list(strips[0]) == list(strips[1]) and all(torch.equal(strips[0][e], strips[1][e]) for e in strips[0])
    assert "--as-trained" in itself["commands"][1]
    assert "--milestones 1-3 --out" in itself["commands"][0]  # the strip is made of checkpoints, so all must be there
    assert "--milestones 3 --out" in average["commands"][0]


def test_a_long_strip_of_large_images_keeps_twelve_epochs_from_the_first_to_the_last(tmp_path):
    kept = {epoch: torch.full((8, 3, 8, 8), epoch, dtype=torch.uint8) for epoch in range(31)}
    entry = shipping._strip(kept, {"model": "dcgan128"}, "large", tmp_path)
    assert entry["epochs"] == [0, 1, 11, 20, 30] and entry["shape"] == [6, 3, 8, 8]
    assert shipping._strip(kept, {"model": "dcgan"}, "digits", tmp_path)["epochs"] == list(range(31))


SHIPPED = [(name, epoch) for name in pretrained.names() for epoch in pretrained.epochs(name)]


def test_there_is_something_and_not_too_much_of_it(pytestconfig):
    assert {"mlp-mnist", "dcgan-mnist", "church-procedural"} <= set(pretrained.names())
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=pytestconfig.rootpath, capture_output=True, text=True)
    sizes = [(pytestconfig.rootpath / name).stat().st_size for name in tracked.stdout.split("\0") if name]
    assert sum(sizes) < 60e6 and max(sizes, default=0) < 16e6  # what a clone of the course may weigh, and a file
    assert sum(path.stat().st_size for path in pretrained.FOLDER.iterdir()) < 32e6  # also where there is no git


@pytest.mark.parametrize(("name", "epoch"), SHIPPED)
def test_everything_that_is_shipped_loads_and_runs(name, epoch):
    G = pretrained.load(name, epoch)
    x = G(pretrained.fixed_z(name, 4))
    assert tuple(x.shape) == (4, *G.image_shape) and x.abs().max() <= 1 and x.std() > 0.1
    card = pretrained.card(name)
    if "D" in card["files"][str(epoch)]:
        D = pretrained.load(name, epoch, "D")
        assert D(x).isfinite().all() and D(x).shape == (4,)
    assert len(card["commands"]) == 2 and card["licence"] and card["data"]["sha256"]
    if card["strip"] and epoch in (strip := pretrained.strip(name)):  # the same z, so the same images
        assert (x - (strip[epoch][:4].float() / 127.5 - 1)).abs().mean() < 0.02


@pytest.mark.parametrize("name", pretrained.names())
def test_the_cards_second_command_names_what_is_shipped(name):
    """Its epochs, and those whose D comes too: the last one's at least, where there is any."""
    card = pretrained.card(name)
    words, with_d = shlex.split(card["commands"][1]), [int(e) for e, files in card["files"].items() if "D" in files]

    def numbers(option):
        after = words[words.index(option) + 1 :]
        return [int(word) for word in itertools.takewhile(str.isdigit, after)]

    assert numbers("--epochs") == pretrained.epochs(name)
    assert with_d == (numbers("--discriminators") if "--discriminators" in words else pretrained.epochs(name))
    assert not with_d or pretrained.epochs(name)[-1] in with_d  # what pretrained.load(name, part="D") gives
    files = [files[part]["file"] for files in card["files"].values() for part in "GD" if part in files]
    there = {path.name for path in pretrained.FOLDER.glob(f"{name}-[gd]-????.safetensors*")}
    assert there == set(files) and all(file.endswith(".safetensors.xz") for file in files)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "epoch"), [(n, e) for n, e in SHIPPED if n in ("mlp-mnist", "dcgan-mnist")])
def test_the_cards_scores_are_those_of_the_shipped_weights(name, epoch):
    stated = pretrained.card(name)["files"][str(epoch)]["scores"]
    G = pretrained.load(name, epoch)
    assert isinstance(G, Generator)
    found = digit_scores(G, stated["samples"])
    assert found == pytest.approx(stated, rel=0.01, abs=0.002)
