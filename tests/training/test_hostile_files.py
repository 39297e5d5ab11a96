"""Files that are damaged, foreign or made to hurt: each is refused with its name, and nothing is run or overwritten."""

import ast
import errno
import functools
import gc
import json
import math
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from gancourse import files
from gancourse.data import mnist
from gancourse.models import networks
from gancourse.training import Minimax, Trainer, lock, run
from gancourse.training import checkpoint as checkpoints
from gancourse.training.checkpoint import Checkpoint, CheckpointError, RunError, load_checkpoint, save_checkpoint
from gancourse.training.run import Run
from gancourse.training.trainer import Config

ROOT = Path(__file__).resolve().parents[2]
QUICK = settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MILLION = 1_000_000
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", autouse=True)
def no_flush():
    """Flushing to the disk is what takes the time here; what a crash leaves is tested in test_kill.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "fsync", lambda handle: None)
        yield


def checkpoint(epoch=1, **config):
    tensors = {"G.weight": torch.arange(6.0).view(2, 3), "half": torch.tensor([1.5], dtype=torch.bfloat16)}
    return Checkpoint(tensors, epoch, {"model": "mlp"} | config, [{"epoch": epoch, "loss_d": 0.1}])


def trainer(folder, epochs=2, **config):
    torch.manual_seed(0)
    settings = {"epochs": epochs, "batch_size": 16, "precision": "float32", "fast": False} | config
    return Trainer(Minimax(*networks("mlp")), mnist("test").subset(32), Config(**settings), folder, "cpu")


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def file_of(header: dict | bytes, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file with this header, true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


# -------------------------------------------------------------------------------- nothing is unpickled


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch.save", "torch.save, old", "pickle"])
def test_a_pickle_under_another_name_does_not_run(tmp_path, how):
    run, trap = Run(tmp_path / "run"), tmp_path / "sprung"
    run.save(checkpoint())
    path = run.checkpoint_path(1)
    if how == "pickle":
        path.write_bytes(pickle.dumps(Bomb(trap)))
    else:
        torch.save({"w": Bomb(trap)}, path, _use_new_zipfile_serialization=how == "torch.save")
    with pytest.raises(CheckpointError, match="truncated or is no checkpoint"):
        run.load(1)
    assert run.newest()[0] is None
    assert not trap.exists()
    if how == "torch.save":
        torch.load(path.rename(tmp_path / "model.pt"), weights_only=False)
        assert trap.exists()  # the trap was a real one


def test_nothing_in_the_package_unpickles():
    """Two exceptions, whose published weights exist as a .pth only: read by torch's loader of plain tensors, and only
    with the right hash, which the same expression checks. Lite0's are read once, by a command, into safetensors."""
    text = (ROOT / "gancourse" / "evaluation" / "inception.py").read_text(encoding="utf-8")
    assert text.count("torch.load(") == 1 and "torch.load(io.BytesIO(inception_weights()), weights_only=True" in text
    text = (ROOT / "gancourse" / "models" / "feature_weights.py").read_text(encoding="utf-8")
    assert text.count("torch.load(") == 1 and text.count("_tensors(") == 2  # where it is defined, and in convert
    assert "torch.load(io.BytesIO(_the_pth(raw)), weights_only=True" in text
    assert "def _the_pth(raw: bytes) -> bytes:\n    return _expected(raw, PTH_SHA256, MEMBER, " in text
    allowed = {"evaluation/inception.py", "models/feature_weights.py"}
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    for path in (ROOT / "gancourse").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not forbidden & {name.name.split(".")[0] for name in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, path
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                known = path.relative_to(ROOT / "gancourse").as_posix() in allowed
                known = known and (node.value.id, node.attr) == ("torch", "load")
                assert known or (node.value.id, node.attr) not in {("torch", "load"), ("pd", "read_pickle")}, path
            elif isinstance(node, ast.keyword):
                refused = isinstance(node.value, ast.Constant) and node.value.value is False
                assert node.arg != "allow_pickle" or refused, path
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path


# -------------------------------------------------------------------------------- headers made to hurt

ABOUT = {"format": checkpoints.FORMAT, "meta": "{}", "sha256": "0" * 64}


def entry(start, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


@functools.cache
def headers() -> dict[str, bytes]:
    about = {"__metadata__": ABOUT}
    duplicate = json.dumps(about | {"a": entry(0, 4)})[:-1] + ', "a": ' + json.dumps(entry(0, 4)) + "}"
    two = json.dumps(about)[:-1] + ', "__metadata__": ' + json.dumps(ABOUT) + "}"
    return {
        "claims 2**60 bytes": file_of(about, size=1 << 60),
        "claims 2**64 - 1 bytes": file_of(about, size=(1 << 64) - 1),
        "a tensor of 2**60 bytes": file_of(about | {"a": entry(0, 1 << 60, [1 << 58])}),
        "a shape that overflows": file_of(about | {"a": entry(0, 4, [1 << 40, 1 << 40])}, bytes(4)),
        "a shape of nothing": file_of(about | {"a": entry(0, 0, [0, 1 << 62, 1 << 62])}),
        "a negative shape": file_of(about | {"a": entry(0, 4, [-1])}, bytes(4)),
        "a negative offset": file_of(about | {"a": entry(-4, 4)}, bytes(4)),
        "offsets the wrong way": file_of(about | {"a": entry(8, 4), "b": entry(0, 8, [2])}, bytes(8)),
        "overlapping": file_of(about | {"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, bytes(12)),
        "a hole": file_of(about | {"a": entry(0, 4), "b": entry(8, 12)}, bytes(12)),
        "offsets that are no numbers": file_of(about | {"a": {"data_offsets": ["0", "4"]}}, bytes(4)),
        "offsets that are not finite": file_of(json.dumps(about | {"a": entry(0, math.inf)}).encode(), bytes(4)),
        "no offsets": file_of(about | {"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
        "entries that are lists": file_of(about | {"a": [0, 4]}, bytes(4)),
        "an unknown type": file_of(about | {"a": entry(0, 4, dtype="F99")}, bytes(4)),
        "a name that comes twice": file_of(duplicate.encode(), bytes(4)),
        "metadata that comes twice": file_of(two.encode()),
        "metadata that is a list": file_of({"__metadata__": [1]}),
        "metadata of numbers": file_of({"__metadata__": {"format": checkpoints.FORMAT, "meta": 1, "sha256": 2}}),
        "10 MB of header": file_of({"__metadata__": {"format": "x" * 10 * MILLION}}),
        "1 MB of names": file_of(json.dumps({f"{i:06}": [] for i in range(70_000)}).encode()),
        "10 MB of brackets": file_of(b"[" * 10 * MILLION),
        "a number of 1 MB": file_of(b'{"a": ' + b"9" * MILLION + b"}"),
        "no header": file_of(b""),
        "not UTF-8": file_of(b'{"\xff": 1}'),
        "nothing": b"",
    }


@pytest.mark.parametrize("name", headers())
def test_a_hostile_header_is_refused_and_costs_little(tmp_path, name):
    path = tmp_path / "epoch-0001.safetensors"
    path.write_bytes(headers()[name])
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=str(path)) as caught:
            load_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 50 * MILLION
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000


def test_a_checkpoint_whose_content_is_of_the_wrong_type_is_refused(tmp_path):
    path = tmp_path / "epoch-0001.safetensors"
    tensors = {"w": torch.zeros(2)}
    good = {"epoch": 1, "config": {}, "history": []}
    wrong = [[], {}, good | {"epoch": "1"}, good | {"config": []}, good | {"history": {}}, good | {"history": [1]}]
    for body in [*wrong, good | {"history": [{"loss": "1"}]}]:
        meta = json.dumps(body)
        digest = checkpoints._digest(tensors, meta)  # right, so that only the content is wrong
        path.write_bytes(save(tensors, {"format": checkpoints.FORMAT, "meta": meta, "sha256": digest}))
        with pytest.raises(CheckpointError, match="no checkpoint"):
            load_checkpoint(path)


def test_a_file_of_100_gigabytes_is_not_read(tmp_path):
    run = Run(tmp_path)
    run.save(checkpoint())
    for path in (run.checkpoint_path(1), tmp_path / "config.json", tmp_path / "history.csv"):
        path.touch()
        try:
            os.truncate(path, 100 * 10**9)  # sparse: it takes no space
        except OSError:
            pytest.skip("no sparse files here")
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="has 100,000,000,000 bytes; no checkpoint is larger"):
            load_checkpoint(run.checkpoint_path(1))
        with pytest.raises(RunError, match=r"config\.json cannot be read \(it has 100,000,000,000 bytes"):
            _ = run.config
        with pytest.raises(RunError, match=r"history\.csv is no table of numbers \(it has 100,000,000,000 bytes"):
            run.history()
        assert tracemalloc.get_traced_memory()[1] < MILLION
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    run = Run(tmp_path)
    run.save(checkpoint())
    run.checkpoint_path(1).unlink()
    (tmp_path / "history.csv").unlink()
    for path in (run.checkpoint_path(1), tmp_path / "config.json", tmp_path / "history.csv"):
        os.mkfifo(path)
    with pytest.raises(CheckpointError, match="is no file"):
        load_checkpoint(run.checkpoint_path(1))
    with pytest.raises(RunError, match="it is no file"):
        _ = run.config
    with pytest.raises(RunError, match="it is no file"):
        run.history()


def test_more_than_can_be_read_again_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "epoch-0001.safetensors"
    save_checkpoint(path, checkpoint())
    before = content(tmp_path)
    for limit in ("MAX_FILE", "MAX_HEADER"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, limit, 100)
            with pytest.raises(RunError, match=r"a checkpoint would have .* the limits are .*smaller networks"):
                save_checkpoint(path, checkpoint())
    assert content(tmp_path) == before


# -------------------------------------------------------------------------------- any damage at all

NUMBERS = st.floats() | st.integers(-(2**40), 2**40).map(float)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "epoch-0001.safetensors"
    save_checkpoint(path, checkpoint())
    return path.read_bytes()


def loads_the_same_or_not_at_all(path, data):
    path.write_bytes(data)
    try:
        found = load_checkpoint(path)
    except CheckpointError as error:
        assert str(path) in str(error)
        return
    expected = checkpoint()
    assert (found.epoch, found.config, found.history) == (expected.epoch, expected.config, expected.history)
    assert found.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(found.tensors[k], expected.tensors[k]) for k in expected.tensors)


@QUICK
@given(data=st.data())
def test_truncated_anywhere(tmp_path, saved, data):
    keep = data.draw(st.integers(0, len(saved) - 1))
    more = data.draw(st.binary(max_size=20))
    loads_the_same_or_not_at_all(tmp_path / "c", saved[:keep] + more)


@settings(QUICK, max_examples=150)
@given(data=st.data())
def test_bits_flipped_anywhere(tmp_path, saved, data):
    damaged = bytearray(saved)
    for bit in data.draw(st.lists(st.integers(0, 8 * len(saved) - 1), min_size=1, max_size=3)):
        damaged[bit // 8] ^= 1 << bit % 8
    loads_the_same_or_not_at_all(tmp_path / "c", bytes(damaged))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@QUICK
@given(header=st.dictionaries(st.sampled_from(["__metadata__", "a", "b"]), JSON), data=st.binary(max_size=16))
def test_any_json_as_a_header(tmp_path, header, data):
    about = {"__metadata__": ABOUT} | header
    loads_the_same_or_not_at_all(tmp_path / "c", file_of(about, data))


@QUICK
@given(
    st.dictionaries(st.sampled_from(["G.w", "D.w", "x"]), st.lists(st.floats(width=32), max_size=4)),
    st.integers(0, 10**6),
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)
def test_a_checkpoint_of_anything_comes_back(tmp_path, tensors, epoch, config):
    config = json.loads(json.dumps(config))
    made = Checkpoint({k: torch.tensor(v) for k, v in tensors.items()}, epoch, config, [])
    save_checkpoint(tmp_path / "c", made)
    found = load_checkpoint(tmp_path / "c")
    assert found.epoch == epoch
    assert json.dumps(found.config, sort_keys=True) == json.dumps(config, sort_keys=True)
    for name, tensor in made.tensors.items():
        assert torch.equal(found.tensors[name].view(torch.uint8), tensor.view(torch.uint8))  # NaN's bits too


CONFIGS = st.builds(
    Config,
    model=st.text(max_size=10),
    epochs=st.integers(1, 10**6),
    batch_size=st.integers(1, 10**6),
    k=st.integers(1, 100),
    lr=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    betas=st.tuples(*[st.floats(0, 1, exclude_max=True)] * 2),
    loss=st.sampled_from(["non_saturating", "saturating"]),
    fresh_z=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
    ema_half_life=st.floats(min_value=0, allow_infinity=False),
    precision=st.sampled_from(["auto", "float32", "bfloat16"]),
    fast=st.booleans(),
)


@QUICK
@given(CONFIGS)
def test_a_config_comes_back_from_its_file(tmp_path, config):
    run = Run(tmp_path)
    run.write_config(asdict(config))
    found = run.config
    assert found is not None
    assert Config.from_dict(found) == config


@settings(QUICK, max_examples=100)
@given(name=st.sampled_from(sorted({f.name for f in fields(Config)})), value=JSON)
def test_a_config_of_any_value_is_taken_or_refused_by_name(name, value):
    try:
        config = Config.from_dict({name: value})
    except ValueError as error:
        assert str(error).startswith(f"{name} is ")
    else:
        assert getattr(config, name) == (tuple(value) if name == "betas" else value)


@QUICK
@given(st.lists(st.fixed_dictionaries({"epoch": NUMBERS, "a,b": NUMBERS, "c": NUMBERS}), max_size=4))
def test_a_history_comes_back_from_its_file(tmp_path, rows):
    (tmp_path / "history.csv").write_text(run.history_csv(rows), encoding="utf-8")
    found = Run(tmp_path).history()
    assert len(found) == len(rows)
    for row, back in zip(rows, found, strict=True):
        assert {k: repr(v + 0.0) for k, v in row.items()} == {k: repr(v) for k, v in back.items()}  # -0.0 comes as 0.0


@QUICK
@given(st.binary(max_size=60) | st.text("epoch,12.\n\"'\r\0 ", max_size=40).map(str.encode))
def test_any_bytes_as_config_and_history(tmp_path, data):
    for name in ("config.json", "history.csv"):
        (tmp_path / name).write_bytes(data)
    run = Run(tmp_path)
    for read in (lambda: run.config, run.history):
        try:
            read()
        except RunError as error:
            assert str(tmp_path) in str(error)


@QUICK
@given(st.binary(max_size=100))
def test_any_bytes_as_a_sheet_of_samples(tmp_path, data):
    whole = Run(tmp_path)
    whole.save_samples(1, torch.zeros(64, 1, 28, 28, dtype=torch.uint8))
    good = (tmp_path / "samples" / "epoch-0001.png").read_bytes()
    (tmp_path / "samples" / "epoch-0002.png").write_bytes(good[: len(data) * 4] + data)
    (tmp_path / "samples" / "epoch-two.png").write_bytes(good)
    assert whole.samples().keys() - {2} == {1}


# -------------------------------------------------------------------------------- folders that cannot be used as asked


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"model": "mlp', "config.json cannot be read"),
        ('{"model": "mlp", "epochs": 2}', "holds a run with other settings"),
        ('{"name": "a package of JavaScript", "version": "1.0"}', "(?s)other settings.*you ask for no such setting"),
        ("[" * 100_000, "config.json cannot be read"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "config.json cannot be read"),
        ("9" * 100_000, "config.json cannot be read"),
        (json.dumps({f"setting {i}": "x" * 1000 for i in range(3000)}), "(?s)other settings.* more\n"),
    ],
    ids=["truncated", "older", "foreign", "nested lists", "nested objects", "a long number", "3 MB"],
)
def test_a_folder_with_a_config_that_is_not_ours(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "history.csv").write_text("mine, do not touch\n")
    before = content(tmp_path)
    with pytest.raises(RunError, match=message) as caught:
        trainer(tmp_path)
    assert content(tmp_path) == before
    assert not (tmp_path / ".lock").exists()
    assert len(str(caught.value)) < 10_000


def test_a_folder_with_somebody_elses_history(tmp_path):
    (tmp_path / "history.csv").write_text("mine, do not touch\n")
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"a history but no config\.json; choose another run folder"):
        trainer(tmp_path)
    assert content(tmp_path) == before


def test_a_checkpoint_of_another_run_or_epoch_is_passed_over(tmp_path, capsys):
    one, other = trainer(tmp_path / "one", epochs=2), trainer(tmp_path / "other", epochs=3, seed=1)
    one.fit(progress=False), other.fit(progress=False)
    assert one.run and other.run
    foreign, renamed = other.run.checkpoint_path(3).read_bytes(), one.run.checkpoint_path(2).read_bytes()
    one.run.checkpoint_path(3).write_bytes(foreign)
    one.run.checkpoint_path(4).write_bytes(renamed)
    one.run.checkpoint_path(5).write_bytes(save({"w": torch.zeros(1)}, {"format": "gancourse-checkpoint-0"}))
    again = trainer(tmp_path / "one", epochs=4)
    said = capsys.readouterr().out
    assert again.epoch == 2
    for complaint in ("belongs to another run", "epoch 2 under another name", "has format 'gancourse-checkpoint-0'"):
        assert complaint in said
    again.fit(progress=False)
    assert again.run
    assert again.run.checkpointed_epochs() == [3, 4]
    aside = {p.name: p.read_bytes() for p in (tmp_path / "one" / "checkpoints").glob("*.unusable")}
    assert aside.keys() == {f"epoch-000{e}.safetensors.unusable" for e in (3, 4, 5)}  # kept, out of the way
    assert aside["epoch-0003.safetensors.unusable"] == foreign


@pytest.mark.parametrize(
    ("lost", "change"),
    [("G.net.0.weight", "another shape"), ("opt_d.1.exp_avg", "missing"), ("rng.own", "missing")],
)
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, lost, change):
    made = trainer(tmp_path, epochs=1)
    made.fit(progress=False)
    assert made.run
    whole = made.run.load(1)
    tensors = dict(whole.tensors)
    removed = tensors.pop(lost)
    if change == "another shape":
        tensors[lost] = torch.zeros(3, 3, dtype=removed.dtype)
    elif lost.startswith("opt"):
        tensors["opt_d.1000.exp_avg"] = removed
    made.run.save(Checkpoint(tensors, 1, whole.config, whole.history))
    before = content(tmp_path)
    with pytest.raises(CheckpointError, match=r"(?s)of epoch 1 does not fit this run .*Nothing was changed"):
        trainer(tmp_path, epochs=2)
    assert content(tmp_path) == before


def test_damaged_newer_checkpoints_do_not_push_out_good_ones(tmp_path):
    made = trainer(tmp_path, epochs=4)
    made.fit(progress=False)
    assert made.run
    for epoch in (5, 6, 7):
        made.run.checkpoint_path(epoch).write_bytes(b"damaged")
    made.run.save(Checkpoint({}, 4, {}, []))
    assert made.run.checkpointed_epochs()[:2] == [3, 4]


# -------------------------------------------------------------------------------- disks that are full or read-only


@pytest.mark.parametrize(
    ("what", "number", "remedy"),
    [
        ("epoch-0002.png", errno.ENOSPC, r"Free some space and go on with fit\(\)"),
        ("epoch-0002.safetensors", errno.ENOSPC, r"Free some space and go on with fit\(\)"),
        ("history.csv", errno.EROFS, r"Make it writable and go on with fit\(\)"),
    ],
    ids=["sheet", "checkpoint", "history"],
)
def test_a_save_that_fails_keeps_files_and_networks(tmp_path, monkeypatch, number, remedy, what):
    made, whole = trainer(tmp_path / "run", epochs=3), trainer(None, epochs=3)
    assert made.run
    made.fit(progress=False, seconds=0.0)
    before = content(tmp_path / "run")
    real = files.os.replace

    def replace(source, target):
        if Path(target).name == what:
            raise OSError(number, os.strerror(number), str(target))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", replace)
        with pytest.raises(RunError, match=f"could not be written to: {os.strerror(number)}.*is whole.*{remedy}"):
            made.fit(progress=False)
    after = content(tmp_path / "run")
    assert before.items() <= after.items()
    assert not [name for name in after if name.endswith(".tmp")]
    made.fit(progress=False)  # there is space again
    whole.fit(progress=False)
    assert made.run.checkpointed_epochs()[-1] == 3
    final = made.run.load(3).network("G")
    assert all(torch.equal(final[k], v) for k, v in whole.networks["G"].state_dict().items())


def test_a_disk_that_is_really_full(tmp_path):
    resource = pytest.importorskip("resource")
    made = trainer(tmp_path, epochs=2)
    assert made.run
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # sheets fit, checkpoints do not
    try:
        with pytest.raises(RunError, match=r"could not be written to: File too large.*Free some space"):
            made.fit(progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert content(tmp_path).keys() == {"config.json", "samples/epoch-0000.png", "samples/epoch-0001.png"}
    made.fit(progress=False)
    assert made.run.checkpointed_epochs() == [1, 2]  # what could not be saved is saved first


def test_a_read_only_folder_is_refused_before_training_and_can_be_looked_at(tmp_path, monkeypatch):
    number = errno.EROFS
    made = trainer(tmp_path)
    made.fit(progress=False)
    history = made.history
    del made
    gc.collect()
    before = content(tmp_path)

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock.FileLock, "acquire", refused)
    with pytest.raises(RunError, match=f"{os.strerror(number)}. Make it writable, or choose another run folder"):
        trainer(tmp_path)
    assert content(tmp_path) == before
    run = Run(tmp_path)
    assert run.newest()[0] is not None
    assert run.history() == history
    assert run.samples().keys() == set(range(len(history) + 1))


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(RunError, match="could not be written to: File exists"):
        trainer(tmp_path / "file")
    with pytest.raises(RunError, match="could not be written to: Not a directory"):
        trainer(tmp_path / "file" / "run")
    made = trainer(tmp_path / "run", epochs=1)
    (tmp_path / "run" / "checkpoints").write_bytes(b"mine")
    with pytest.raises(RunError, match="could not be written to"):
        made.fit(progress=False)
    assert (tmp_path / "file").read_bytes() == (tmp_path / "run" / "checkpoints").read_bytes() == b"mine"


# -------------------------------------------------------------------------------- one writer at a time

HOLDER = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_in_use_by_another_process_is_refused(tmp_path):
    made = trainer(tmp_path, epochs=1)
    made.fit(progress=False)
    assert made.run
    made.run.release()
    before = content(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / lock.NAME)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=r"is in use by another process.*Nothing was changed"):
            trainer(tmp_path, epochs=2)
        with pytest.raises(RunError, match="is in use by another process"):
            Run(tmp_path).save(checkpoint())
        assert Run(tmp_path).newest()[0] is not None  # looking is free
        assert content(tmp_path) == before
        other.kill()
    again = trainer(tmp_path, epochs=2)  # the system let go of it
    assert again.epoch == 1
    assert len(again.fit(progress=False)) == 2


def test_the_newer_trainer_of_a_session_takes_over(tmp_path):
    older = trainer(tmp_path, epochs=3)
    older.fit(progress=False, seconds=0.0)
    newer = trainer(tmp_path, epochs=3)
    assert newer.epoch == 1
    newer.fit(progress=False, seconds=0.0)
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"taken over by a newer Trainer of this session.*Go on with the newer one"):
        older.fit(progress=False)
    assert content(tmp_path) == before
    assert len(newer.fit(progress=False)) == 3
    assert newer.run
    assert newer.run.checkpointed_epochs() == [2, 3]


def test_a_trainer_that_is_refused_takes_nothing_over(tmp_path):
    older = trainer(tmp_path, epochs=2)
    with pytest.raises(RunError, match="other settings"):
        trainer(tmp_path, epochs=2, lr=1.0)
    assert len(older.fit(progress=False)) == 2


def test_the_folder_is_given_back_when_the_run_is_dropped(tmp_path):
    run = Run(tmp_path)
    run.lock()
    other = lock.FileLock(tmp_path / lock.NAME, timeout=0)
    with pytest.raises(lock.Timeout):
        other.acquire()
    del run
    gc.collect()
    other.acquire()
    other.release()
    again = Run(tmp_path)
    again.lock()
    again.release()
    other.acquire()
    other.release()


def test_a_folder_that_was_removed_and_made_again(tmp_path):
    import shutil

    older = trainer(tmp_path / "run", epochs=1)
    shutil.rmtree(tmp_path / "run")
    newer = trainer(tmp_path / "run", epochs=1)
    with pytest.raises(lock.Timeout):
        lock.FileLock(tmp_path / "run" / lock.NAME, timeout=0).acquire()
    newer.fit(progress=False)
    del older


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError()], ids=repr)
def test_a_file_system_without_locks_is_trusted(tmp_path, monkeypatch, error):
    def refused(*_):
        raise error

    monkeypatch.setattr(lock.FileLock, "acquire", refused)
    older, newer = trainer(tmp_path, epochs=1), trainer(tmp_path, epochs=1)
    newer.fit(progress=False)
    with pytest.raises(RunError, match="taken over"):
        older.fit(progress=False)


def test_what_a_killed_process_left_behind_is_removed(tmp_path):
    run = Run(tmp_path)
    run.save(checkpoint())
    run.release()
    before = content(tmp_path)
    for place in (".config.json.123-0a1b2c3d.tmp", "checkpoints/.epoch-0002.safetensors.9-00000000.tmp"):
        (tmp_path / place).write_bytes(b"half")
    (tmp_path / ".mine.tmp").write_bytes(b"not ours")
    Run(tmp_path).lock()
    assert content(tmp_path) == before | {".mine.tmp": b"not ours"}
