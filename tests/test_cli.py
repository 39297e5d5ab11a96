"""`python -m gancourse`: exit statuses, messages, and the run folder that it leaves."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from gancourse import __main__ as cli
from gancourse import pretrained
from gancourse.course.datasets import DATA
from gancourse.course.lessons import LESSONS, PROFILES, trained
from gancourse.data import Images, mnist, mnist_digits
from gancourse.data.pairs import LabelledImages
from gancourse.publishing import recorded_help
from gancourse.publishing.again import train_command
from gancourse.training import (
    BigGANRecipe,
    Config,
    CriticRecipe,
    CycleRecipe,
    Minimax,
    Pix2PixRecipe,
    Recipe,
    SRRecipe,
    StyleRecipe,
)
from gancourse.training.run import Run
from gancourse.training.settings import flag

ROOT = Path(__file__).resolve().parents[1]
FEW = ["--images", "64", "--batch-size", "16", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(scope="module")
def few():
    return mnist("train").subset(640)


@pytest.fixture(autouse=True)
def quick(monkeypatch, few, one_thread):
    """One thread, and MNIST's first images without reading all of it again; --data still reads its folder."""
    real = mnist_digits.mnist
    monkeypatch.setattr(mnist_digits, "mnist", lambda split, root=None: real(split, root) if root else few)


def run(*arguments):
    return cli.main([str(a) for a in arguments])


def test_train_and_resume(tmp_path, capsys):
    assert run("train", "mlp", "--epochs", 1, "--out", tmp_path / "run", *FEW) == 0
    assert "1 epoch of mlp in" in capsys.readouterr().out
    assert run("train", "mlp", "--epochs", 2, "--out", tmp_path / "run", *FEW) == 0
    assert f"resuming {tmp_path / 'run'} after epoch 1" in capsys.readouterr().out
    assert run("train", "mlp", "--epochs", 2, "--out", tmp_path / "whole", *FEW) == 0
    resumed, whole = Run(tmp_path / "run").load(2), Run(tmp_path / "whole").load(2)
    assert resumed.tensors.keys() == whole.tensors.keys()
    assert all(torch.equal(resumed.tensors[name], whole.tensors[name]) for name in whole.tensors)


AS_PROGRAM = """
import runpy, sys
import gancourse
assert not {"torch", "numpy", "matplotlib", "IPython"} & set(sys.modules), "import gancourse is light"
import gancourse.training
heavy = ("IPython", "ipywidgets", "ipykernel", "jupyter_client", "matplotlib", "nbformat", "scipy")
print([name for name in heavy if name in sys.modules])
sys.argv = ["gancourse", "train", "mlp", "--epochs", "0", "--out", "nowhere"]
runpy.run_module("gancourse", run_name="__main__")
"""


def test_it_is_a_program_and_needs_no_jupyter(tmp_path):
    root = Path(cli.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", AS_PROGRAM],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert done.stdout.strip() == "[]"
    assert done.stderr.strip() == "error: epochs is 0, expected a whole number of at least 1."
    assert done.returncode == 1


@pytest.mark.parametrize("model", ["mlp", "dcgan"])
def test_every_profile_is_the_lessons(model, tmp_path, monkeypatch):
    made = []

    class Untrained:
        def __init__(self, algorithm, images, config, out, device, milestones, accelerator, accumulate, keep_last):
            made.append((type(algorithm.networks["G"]).__name__.lower(), len(images), config, milestones))
            self.epoch = config.epochs

        def fit(self, until):
            pass

    class All(list):
        def subset(self, n):
            return [0] * n

    monkeypatch.setattr("gancourse.training.Trainer", Untrained)
    monkeypatch.setattr(mnist_digits, "mnist", lambda split, root: All())
    lesson = LESSONS[trained()[model][0]].lengths
    for name in PROFILES:
        assert run("train", model, "--profile", name, "--out", tmp_path, "--milestones", "5-7", 9) == 0
        generator, n, config, milestones = made.pop()
        assert generator == f"{model}generator"
        assert (config.epochs, n) == lesson[name]
        assert (config.model, config.batch_size, config.k, milestones) == (model, 128, 1, (5, 6, 7, 9))
    assert run("train", model, "--out", tmp_path, "--reuse-fakes", "--plain", "--seed", 3, "--loss", "saturating") == 0
    _, n, config, milestones = made.pop()
    assert (config.epochs, n, milestones) == (100, 60_000, (5, 50, 100))  # P1's, with its figures' epochs
    assert (config.fresh_z, config.fast, config.seed, config.loss) == (False, False, 3, "saturating")


@pytest.mark.parametrize("words", ["five", "7-5", "-3", "5-", "1-9999999"])
def test_a_span_of_epochs_that_is_none_is_refused_by_name(words, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "mlp", "--out", "x", f"--milestones={words}"])
    assert f"{words!r} is no epoch" in capsys.readouterr().err


def test_the_seed_decides_the_networks(tmp_path):
    first = {}
    for seed, folder in ((0, "a"), (0, "b"), (1, "c")):
        assert run("train", "mlp", "--epochs", 1, "--seed", seed, "--out", tmp_path / folder, *FEW) == 0
        first[folder] = Run(tmp_path / folder).load(1).tensors["G.net.0.weight"]
        torch.rand(5)  # what other programs drew does not matter
    assert torch.equal(first["a"], first["b"])
    assert (first["a"] - first["c"]).abs().max() > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "epochs is 0, expected a whole number of at least 1"),
        (["--batch-size", "0"], "batch_size is 0, expected"),
        (["--batch-size", "65"], "batch_size x k is 65 x 1, more than the 64 images"),
        (["--k", "-1"], "k is -1, expected"),
        (["--lr", "-1"], "lr is -1.0, expected a positive number"),
        (["--lr", "nan"], "lr is nan, expected a positive number"),
        (["--seed", "-1"], "seed is -1, expected"),
        (["--images", "0"], "asked for 0 images of 640"),
        (["--ema-half-life", "-1"], "ema_half_life is -1.0, expected"),
        (["--device", "abacus"], "device is 'abacus'"),
        (
            ["--data", "no/such/folder"],
            "train-images-idx3-ubyte (or train-images-idx3-ubyte.gz) was not found",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_value_is_one_line_and_status_1(tmp_path, capsys, arguments, message):
    assert run("train", "mlp", "--out", tmp_path / "run", *FEW, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "vae", "--out", "x"],
        ["train", "mlp"],
        ["train", "mlp", "--out", "x", "--profile", "auto"],
        ["train", "mlp", "--out", "x", "--epochs", "many"],
        ["train", "mlp", "--out", "x", "--loss", "mse"],
        ["fly"],
        [],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m gancourse" in capsys.readouterr().err


def test_other_settings_than_the_folders(tmp_path, capsys):
    run("train", "mlp", "--epochs", 1, "--out", tmp_path, *FEW)
    before = (tmp_path / "config.json").read_bytes()
    assert run("train", "mlp", "--epochs", 1, "--out", tmp_path, *FEW, "--k", 2) == 1
    assert "k: the folder has 1, you ask for 2" in capsys.readouterr().err
    assert (tmp_path / "config.json").read_bytes() == before
    assert json.loads(before)["k"] == 1


def test_a_run_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    assert run("train", "mlp", "--epochs", 1, "--out", tmp_path / "file" / "run", *FEW) == 1
    assert "choose another run folder" in capsys.readouterr().err


def test_divergence_is_status_1(tmp_path, capsys):
    assert run("train", "mlp", "--epochs", 1, "--out", tmp_path, *FEW, "--lr", "1e30") == 1
    assert "error: a loss became NaN or infinite at step" in capsys.readouterr().err
    assert Run(tmp_path).checkpointed_epochs() == []


def test_stopping_is_status_130(tmp_path, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Minimax, "round", stop)
    assert run("train", "mlp", "--epochs", 2, "--out", tmp_path, *FEW) == 130
    said = capsys.readouterr()
    assert "stopped by you in epoch 1 of 2" in said.out
    assert "Traceback" not in said.err and (said.out + said.err).count("stopped") == 1


def test_pack_mnist(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gancourse.data.mnist_digits.pack_mnist", lambda root, out: f"{root} to {out}")
    assert run("pack-mnist", "here", "there") == 0
    assert "SHA-256 of the decoded data: here to there" in capsys.readouterr().out
    monkeypatch.undo()
    assert run("pack-mnist", tmp_path, tmp_path / "out") == 1
    assert "was not found in" in capsys.readouterr().err


def test_a_recipe_on_the_command_line_is_in_the_run_and_in_the_command_that_makes_it_again(tmp_path):
    words = [
        "--r1",
        "0.5",
        "--r1-share",
        "0.25",
        "--decay",
        "--mixed",
        "--images",
        "64",
        "--batch-size",
        "32",
        "--epochs",
        "2",
    ]
    assert cli.main(["train", "mlp", *words, "--device", "cpu", "--out", str(tmp_path / "run")]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert [config["recipe"][key] for key in ("r1", "r1_share", "decay", "mixed")] == [0.5, 0.25, True, True]
    again = train_command(config, [2])
    assert "--decay --r1 0.5 --r1-share 0.25 --mixed" in again and "--r1" not in train_command(
        config | {"recipe": {}}, [2]
    )
    arguments = again.replace("RUN", str(tmp_path / "again")).split()[3:]
    assert cli.main([*arguments, "--device", "cpu"]) == 0
    first, second = (Run(tmp_path / name).load(2).network("G") for name in ("run", "again"))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


# -------------------------------------------------------------------------------- every option, for every network

VALUES = {  # another value than the default, as words, for fields whose range asks for a certain one
    "epochs": "3",
    "betas": "0.3 0.9",
    "loss": "saturating",
    "precision": "float32",
    "real_target": "0.9",
    "r1_share": "0.5",
    "penalty_share": "0.5",
    "augment": "flip cutout",
    "lr_d": "0.001",
    "lr_g": "0.002",
    "content": "random",
}
OF_CRITICS: dict[object, str] = {  # likewise, of a critic's recipe: what no preset has, or what all but some have not
    "loss": "non_saturating",
    "constraint": "spectral",
    "optimiser": "rmsprop",
    "augment": "cutout colour",
    ("sn-gan", "constraint"): "clip",
    ("wgan", "optimiser"): "adam",
}
BESIDE = {  # what must be said too, since two settings make no sense together
    ("wgan-gp", "constraint"): "--gradient-penalty 0",
    ("wgan", "gradient_penalty"): "--constraint none",
    ("wgan", "r1"): "--constraint none",
    ("wgan", "r2"): "--constraint none",
    ("sn-gan", "gradient_penalty"): "--constraint none",
}


def recipe_of(model):
    pictures = {"pix2pix": Pix2PixRecipe, "cyclegan": CycleRecipe, "srgan": SRRecipe}
    kinds = {"minimax": Recipe, "critic": CriticRecipe, "stylegan": StyleRecipe, "biggan": BigGANRecipe, **pictures}
    return kinds[trained()[model][1].algorithm]


def other_than_default(one, model="mlp") -> list[str]:
    """The words that give a field another value than its default."""
    if isinstance(one.default, bool):
        return [flag(one)]
    special: dict[object, str] = OF_CRITICS if recipe_of(model) is CriticRecipe else {}
    if recipe_of(model) is CycleRecipe:
        special = {"loss": "non_saturating"}
    if recipe_of(model) is StyleRecipe:
        special = {"r1": "0.5", "mixing": "0.5", "w_decay": "0.5", "augment": "cutout colour"}
    value = special.get((model, one.name)) or special.get(one.name) or VALUES.get(one.name)
    return [flag(one), *(value or str(one.default + (7 if isinstance(one.default, int) else 0.125))).split()]


@pytest.mark.parametrize(
    ("one", "model"),
    [(one, model) for model in trained() for one in [*fields(Config), *fields(recipe_of(model))]],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_option_reaches_the_config_for_every_network(one, model, tmp_path, monkeypatch, few):
    if one.name == "mixed" and model.endswith(("-clusters", "-factors")):
        return  # refused: tests/models/test_clusters.py, tests/training/test_told_factors.py
    what = trained()[model][1]
    its_own_rounds = what.translation is not None or what.style is not None
    its_own_loss = what.algorithm in ("pix2pix", "srgan", "stylegan", "biggan")
    if (its_own_rounds and one.name in ("k", "fresh_z")) or (its_own_loss and one.name == "loss"):
        return  # refused: see test_pix2pix_cyclegan.py, test_superresolution.py, test_style.py
    if one.name == "model" or (one.name == "augment" and not DATA[trained()[model][1].data].augment):
        return
    seen: dict[str, object] = {}

    def keep(algorithm, images, config, out, device, **rest):
        seen.update(rest | {f.name: getattr(config, f.name) for f in fields(Config)})
        seen.update({f.name: getattr(algorithm.recipe, f.name) for f in fields(recipe_of(model))})
        raise KeyboardInterrupt

    monkeypatch.setattr("gancourse.training.Trainer", keep)
    large = Images(torch.zeros(1, 3, 128, 128, dtype=torch.uint8), name="large")
    monkeypatch.setattr(
        "gancourse.data.churches.procedural_churches",
        lambda n, *size: (large if size or model == "church-grown" else few, None),
    )
    labelled = Images(torch.zeros(64, 3, 32, 32, dtype=torch.uint8), torch.zeros(64, dtype=torch.int64), "classes")
    monkeypatch.setattr("gancourse.data.churches.classes.churches_by_class", lambda n: labelled)
    told = LabelledImages(replace(large, labels=torch.zeros(1, 10, dtype=torch.int64)))
    monkeypatch.setattr("gancourse.data.churches.classes.churches_with_factors", lambda n: told)
    monkeypatch.setattr("gancourse.data.churches.tasks.map_pairs", lambda n: (few, None, None))
    monkeypatch.setattr("gancourse.data.churches.tasks.unpaired", lambda task, n: few)
    words = ["train", model, "--profile", "smoke", "--images", "64", "--out", str(tmp_path)]
    words += [*other_than_default(one, model), *BESIDE.get((model, one.name), "").split()]
    assert cli.main([*words, "--accumulate", "4", "--keep-last", "3"]) == 130
    said = other_than_default(one, model)[1:]
    value = seen[one.name]
    if isinstance(one.default, bool):
        assert value is not one.default
    else:
        found = value if isinstance(value, tuple) else (value,)
        assert [str(v) for v in found] == said
    assert (seen["accumulate"], seen["keep_last"]) == (4, 3)  # also beside an option of a recipe
    assert "accelerator" in seen
    own = what.critic or what.translation or what.style or what.biggan or {}
    assert value != {**what.config, **own}.get(one.name)


@pytest.mark.parametrize("model", [name for name, (_, what) in trained().items() if what.critic is not None])
def test_a_critics_recipe_is_what_it_starts_from(model, tmp_path, capsys):
    what = trained()[model][1]
    assert (
        run("train", model, "--profile", "smoke", "--epochs", 1, "--width", 2, "--out", tmp_path, "--images", 320) == 0
    )
    config = json.loads((tmp_path / "config.json").read_text())
    for name, value in what.config.items():
        assert config[name] == (list(value) if isinstance(value, tuple) else value)
    assert CriticRecipe(**config["critic"]) == CriticRecipe(**(what.critic or {}))
    capsys.readouterr()
    with pytest.raises(SystemExit):
        run("train", "--help")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  {model}: ")]
    arguments = line.split(": ")[1].split()  # the help's words, given to another preset, make it this one
    other = "lsgan" if model == "r3gan" else "r3gan"
    arguments += ["--r1", "0", "--r2", "0"] if other == "r3gan" else []
    for name, default in (("k", "1"), ("lr", "0.0002"), ("betas", "0.5 0.999")):
        arguments += [] if f"--{name}" in arguments else [f"--{name}", *default.split()]
    again = ["train", other, *arguments, "--profile", "smoke", "--epochs", 1, "--width", 2, "--images", 320]
    assert run(*again, "--out", tmp_path / "again") == 0
    found = json.loads((tmp_path / "again" / "config.json").read_text())
    assert {k: v for k, v in found.items() if k != "computed"} == {k: v for k, v in config.items() if k != "computed"}


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("wgan-gp", ["--mixed"], "--mixed is Algorithm 1's, and wgan-gp is trained otherwise"),
        ("wgan-gp", ["--augment", "cutout"], "augment is cutout, which makes no sense for mnist"),
        ("mlp", ["--packing", "2"], "--packing is a critic's, and mlp is trained otherwise"),
        ("mlp", ["--loss", "hinge"], "loss is 'hinge', expected one of non_saturating, saturating"),
        ("lsgan", ["--loss", "saturating"], "loss is 'saturating', expected one of wasserstein, hinge"),
        ("lsgan", ["--reuse-fakes"], "fresh_z is False"),
        ("lsgan", ["--packing", "3"], "packing is 3, and D gets 16 images at a time"),
        ("wgan", ["--constraint", "none"], "nothing bounds the critic's slope"),
        ("wgan-gp", ["--k", "0"], "k is 0, expected a whole number of at least 1"),
        ("lsgan", ["--network", "norm_d=1", "--r1", "1"], "BatchNorm, and its slope is penalised"),
        ("lsgan", ["--network", "big=1"], "big is 1, and critic has no such option; it has width, channels"),
        ("mlp", ["--network", "deep=1"], "deep is 1, and mlp has no such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_does_not_go_with_the_game_is_one_line_and_status_1(model, arguments, message, tmp_path, capsys):
    assert run("train", model, "--epochs", 1, "--out", tmp_path / "run", *FEW, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert not (tmp_path / "run").exists()


def test_a_critics_run_is_resumed_evaluated_shipped_and_made_again_by_its_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gancourse.publishing.shipping.N_SCORE", 500)
    out = tmp_path / "run"
    words = ["--width", 4, "--network", "deep=1", "--k", 2, "--packing", 2, "--lr-g", 0.001, "--ema-half-life", 100]
    for epochs in (1, 2):
        assert run("train", "sn-gan", *words, "--epochs", epochs, "--out", out, *FEW) == 0
    assert f"resuming {out} after epoch 1" in capsys.readouterr().out
    assert run("evaluate", out, "--samples", 200, "--allow-few") == 0
    assert run("ship", out, "--name", "critic", "--epochs", 2, "--out", tmp_path / "shipped") == 0
    card = pretrained.card("critic", tmp_path / "shipped")
    made_again = card["commands"][0]
    assert "train sn-gan " in made_again and "--width 4 --network deep=1" in made_again
    assert "--loss" not in made_again and "--constraint" not in made_again and "--packing 2" in made_again
    arguments = made_again.replace("RUN", str(tmp_path / "again")).split()[3:]
    assert cli.main([*arguments, "--device", "cpu"]) == 0
    first, second = (Run(tmp_path / name).load(2).tensors for name in ("run", "again"))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
    D = pretrained.load("critic", part="D", folder=tmp_path / "shipped")
    assert D(torch.zeros(3, 2, 28, 28)).shape == (3,)


@pytest.mark.parametrize(("model", "width"), [("residual", 8), ("church", 4)])
def test_networks_of_another_width_are_trained_evaluated_and_shipped(model, width, tmp_path, monkeypatch):
    churches = Images(torch.zeros(16, 3, 128, 128, dtype=torch.uint8), name="churches-tiny")
    monkeypatch.setattr("gancourse.data.churches.procedural_churches", lambda n, size: (churches, None))
    monkeypatch.setattr("gancourse.evaluation.church_reader.scores", lambda G: {"distance": 1.0})
    monkeypatch.setattr("gancourse.publishing.shipping.N_SCORE", 500)
    out = tmp_path / "run"
    few = ["--images", 16, "--batch-size", 8, "--epochs", 1, "--device", "cpu", "--precision", "float32"]
    assert run("train", model, "--width", width, "--out", out, *few) == 0
    assert json.loads((out / "config.json").read_text())["options"]["G"] == {"width": width}
    if model == "residual":
        assert run("evaluate", out, "--samples", 200, "--allow-few") == 0
    assert run("ship", out, "--name", "wide", "--epochs", 1, "--out", tmp_path / "shipped") == 0
    card = pretrained.card("wide", tmp_path / "shipped")
    assert card["options"] == {"width": width} and f"--width {width}" in card["commands"][0]
    G = pretrained.load("wide", folder=tmp_path / "shipped")
    assert G(torch.zeros(1, 100)).shape[1:] == G.image_shape


def test_a_width_that_a_network_has_not_is_refused(tmp_path, capsys):
    assert run("train", "mlp", "--width", 8, "--out", tmp_path / "run", *FEW) == 1
    assert "width is 8, and mlp has its paper's sizes" in capsys.readouterr().err


def test_a_command_about_notebooks_loads_no_torch():
    code = "import sys; from gancourse.__main__ import main; main(['check']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.rstrip().endswith("False"), done.stdout + done.stderr


def test_the_table_of_rooms_is_what_the_rooms_bring():
    for room, names in cli.ROOMS.items():
        commands = argparse.ArgumentParser().add_subparsers()
        import_module(f"gancourse.{room}.commands").add_commands(commands)
        assert tuple(commands.choices) == names


def subparsers(parser):
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction)).choices


def test_recorded_help_is_what_the_commands_say(monkeypatch):
    assert recorded_help.record() == recorded_help.PATH.read_text(encoding="utf-8"), (
        "an option has changed: python -m gancourse record-help"
    )
    live, recorded = cli._parser([], cli._add_commands), cli._parser([], recorded_help.replay)
    assert (
        list(subparsers(recorded)) == list(subparsers(live)) == [name for names in cli.ROOMS.values() for name in names]
    )
    for columns in ("60", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        assert recorded.format_help() == live.format_help()
        for name, parser in subparsers(live).items():
            assert subparsers(recorded)[name].format_help() == parser.format_help(), name


HELP = """
import contextlib, io, sys
from gancourse.__main__ import ROOMS, main
for words in [["--help"], [], ["nothing"], *([name, "--help"] for names in ROOMS.values() for name in names)]:
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), contextlib.suppress(SystemExit):
        main(words)
        raise AssertionError(f"{words} ends without help")
    assert (out if "--help" in words else errors).getvalue().startswith("usage: python -m gancourse"), words
heavy = ("torch", "numpy", "PIL", "matplotlib", "IPython", "ipywidgets", "nbformat", "safetensors", "tqdm")
print([name for name in heavy if name in sys.modules])
"""


def test_help_of_every_command_loads_nothing_heavy():
    """torch takes two seconds to load, and no help needs it."""
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_help_that_is_meant_for_another_program_reaches_it(monkeypatch):
    seen = []
    monkeypatch.setattr("gancourse.publishing.commands._lab", lambda options: seen.append(options.rest))
    assert run("lab", "notebooks", "--", "--help") == 0
    assert seen and "--help" in seen[0]
