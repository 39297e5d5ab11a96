"""The stop button in a lesson's training: what needs the whole of it ends there, and run again it ends as if unstopped.

The cells of the notebooks' sources are run here in this process, in the smoke profile, with a folder for the runs.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gancourse.publishing import notebooks
from gancourse.training import SRGAN, StyleGAN, Trainer, TrainingStopped
from gancourse.training.run import Run

ROOT = Path(__file__).resolve().parents[2]
LESSONS = notebooks.names(ROOT)
# Cells that train and cannot go on with a part of it: their text, or that of the cell after them, compares.
COMPARES = re.compile(r"assert torch\.equal|assert same == ")
FIT = re.compile(r"\.fit\(([^)]*)\)")


def cells(name):
    """The code cells of a lesson."""
    source = notebooks.read_source(notebooks.source_path(ROOT, name))
    return [cell.source for cell in source.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", LESSONS)
def test_what_is_compared_to_the_bit_is_trained_whole(name):
    code = cells(name)
    for cell, after in zip(code, [*code[1:], ""], strict=True):
        if (FIT.search(cell) or FIT.search(after)) and COMPARES.search(cell + after):
            for arguments in FIT.findall(cell):
                assert "whole=True" in arguments, cell


@pytest.mark.parametrize("name", LESSONS)
def test_what_is_asserted_of_a_run_is_asserted_of_a_whole_one(name):
    """A laptop run that was stopped is shown, and not refused by a line that speaks of all its epochs."""
    code = cells(name)
    for cell, after in zip(code, [*code[1:], ""], strict=True):
        trained = [arguments for arguments in FIT.findall(cell) if "whole=True" not in arguments]
        for condition in re.findall(r"^if (.*plan\.profile .*):", cell + "\n" + after, re.M) if trained else []:
            assert re.search(r"\.epoch == plan\.epochs|len\(\w*history\w*\)", condition), condition


def lesson(name, out, epochs):
    """(variables, code cells) of a lesson after its cells up to the plan, with more epochs and a run folder."""
    variables: dict[str, Any] = {}
    code = cells(name)
    plan = next(n for n, cell in enumerate(code) if "plan = profiles.choose" in cell)
    ran(code[: plan + 1], variables)
    variables |= {"plan": replace(variables["plan"], epochs=epochs), "out": out}
    return variables, code[plan + 1 :]


def training_cells(code, first):
    """The cell that contains `first`, and the one after it."""
    place = next(n for n, cell in enumerate(code) if first in cell)
    return code[place : place + 2]


def weights(folder):
    """File -> its tensors' bytes, of the newest checkpoint of each run under a folder; random states are left out."""
    found = {}
    for config in sorted(folder.rglob("config.json")):
        checkpoint, complaints = Run(config.parent).newest()
        assert checkpoint is not None and complaints == []
        for name, tensor in checkpoint.tensors.items():
            if not name.startswith("rng."):
                found[config.parent.name, checkpoint.epoch, name] = tensor.numpy().tobytes()
    return found


def stop_in(monkeypatch, algorithm, epoch):
    """A keyboard interrupt in the first round of an epoch of the first training."""
    real = Trainer.rounds

    def rounds(self):
        for stats in real(self):
            yield stats
            if isinstance(self.algorithm, algorithm) and self.epoch == epoch - 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "rounds", rounds)


def ran(code, variables):
    for cell in code:
        exec(cell, variables)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "first", "algorithm"),
    [("10_srgan", 'folders["resnet"]', SRGAN), ("11_stylegan", "stages = {}", StyleGAN)],
)
def test_a_second_stage_never_begins_with_half_of_the_first(tmp_path, monkeypatch, name, first, algorithm):
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")
    variables, code = lesson(name, tmp_path / "whole", 3)
    stages = training_cells(code, first)[: 2 if name == "10_srgan" else 1]
    ran(stages, variables)
    variables, _ = lesson(name, tmp_path / "stopped", 3)
    with monkeypatch.context() as patch:
        stop_in(patch, algorithm, 2)
        with pytest.raises(TrainingStopped, match="goes on after epoch 1"):
            ran(stages[:1], variables)
        for cell in stages[1:]:  # what a student may do next: it trains nothing
            with pytest.raises(NameError):
                exec(cell, variables)
    assert len(list((tmp_path / "stopped").rglob("config.json"))) == 1
    ran(stages, variables)
    ran(stages, variables)  # and once more: nothing is trained twice
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")


@pytest.mark.slow
def test_srgan_stopped_in_its_first_epoch_begins_anew_with_the_whole_of_srresnet(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")
    for kept in ("whole", "stopped"):
        variables, code = lesson("10_srgan", tmp_path / kept, 1)
        resnet, gan = training_cells(code, 'folders["resnet"]')
        exec(resnet, variables)
        if kept == "stopped":
            with monkeypatch.context() as patch:
                stop_in(patch, SRGAN, 1)
                exec(gan, variables)
        variables["runs"] = variables["truth"] = None  # names of later cells
        exec(gan, variables)
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
