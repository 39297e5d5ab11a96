"""The stop button in a lesson's training: what needs the whole of it ends there, and run again it ends as if unstopped.

The cells of the notebooks' sources are run here in this process, in the smoke profile, with a folder for the runs.
"""

import re
import symtable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gancourse import plots
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


@pytest.mark.parametrize("name", LESSONS)
def test_several_trainings_of_one_cell_are_whole_and_counted_by_the_cell_after_it(name):
    """The stop button ends the cell, where it would begin the next training, and a part of them is compared by none."""
    code = cells(name)
    for cell, after in zip(code, [*code[1:], ""], strict=True):
        if re.search(r"^for .*:\n(?:(?:    .*)?\n)*    .*\.fit\(", cell, re.M):
            assert all("whole=True" in arguments for arguments in FIT.findall(cell)), cell
            assert after.startswith("need_all("), after


@pytest.mark.parametrize("name", LESSONS)
def test_a_comparison_to_the_bit_in_the_next_cell_names_what_may_have_happened(name):
    """Where its student went on after the stop, it would be an AssertionError that says nothing."""
    code = cells(name)
    for cell, after in zip(code, [*code[1:], ""], strict=True):
        if "whole=True" in cell and "assert same ==" in after:
            assert after.startswith("need_all(") or re.search(r"assert same == \w+, .*Run its cell again", after), after


@pytest.mark.parametrize("name", LESSONS)
def test_no_text_after_a_training_speaks_of_the_epochs_that_were_planned(name):
    trained = False
    for cell in cells(name):
        trained = trained or any("whole=True" not in arguments for arguments in FIT.findall(cell))
        if trained:
            assert not re.search(r"\{(?:plan\.epochs|config\.epochs|short)\b", cell), cell


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


def names_of(cell):
    """(names that a cell takes from earlier ones, names that it defines); what it redefines counts as its own."""
    top = symtable.symtable(cell, "cell", "exec")
    defined = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    taken, tables = {one.get_name() for one in top.get_symbols() if one.is_referenced()}, top.get_children()
    while tables:
        table = tables.pop()
        taken |= {one.get_name() for one in table.get_symbols() if one.is_global()}
        tables += table.get_children()
    return taken - defined, defined


def until(monkeypatch, name, first, epochs=None):
    """(variables, the cells from the one with `first` on) of a lesson, after those that this cell needs.

    epochs: of the plan, in place of those of the smoke profile.
    """
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")
    variables: dict[str, Any] = {}
    code = cells(name)
    plan = next(n for n, cell in enumerate(code) if "plan = profiles.choose" in cell)
    place = next(n for n, cell in enumerate(code) if first in cell)
    ran(code[: plan + 1], variables)
    if epochs is not None:
        variables["plan"] = replace(variables["plan"], epochs=epochs)
    lacking, before = names_of(code[place])[0], []
    for cell in reversed(code[plan + 1 : place]):
        taken, defined = names_of(cell)
        if defined & lacking - variables.keys():
            lacking = lacking - defined | taken
            before.append(cell)
    ran(reversed(before), variables)
    return variables, code[place:]


def stop_training(monkeypatch, number, epoch=1):
    """A keyboard interrupt in the first round of an epoch of a training, counted from 1 as they begin."""
    real, begun = Trainer.rounds, []

    def rounds(self):
        if self not in begun:
            begun.append(self)
        for stats in real(self):
            yield stats
            if begun.index(self) == number - 1 and self.epoch == epoch - 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "rounds", rounds)


def captions(monkeypatch):
    """Number of a figure -> its caption, of those that are shown from here on."""
    found: dict[str, str] = {}
    monkeypatch.setattr(plots, "show", lambda fig, number, caption, alt: found.update({number: caption}))
    return found


@pytest.mark.slow
def test_an_epoch_by_hand_that_is_stopped_ends_in_a_line(monkeypatch):
    variables, code = until(monkeypatch, "04_dcgan_lsun128", "next(Trainer(")
    stop_training(monkeypatch, 1)
    with pytest.raises(TrainingStopped, match="Run the cell again before you go on: it begins anew"):
        exec(code[0], variables)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("07_wasserstein", "pairs_of_runs = {}"),
        ("08_pix2pix", "shown, obeys = {}, {}"),
        ("08_pix2pix", "painters, live = {}, {}"),
        ("11_stylegan", "stages = {}"),
    ],
)
def test_what_compares_several_trainings_says_which_lack(monkeypatch, name, first, number):
    variables, code = until(monkeypatch, name, first)
    shown = captions(monkeypatch)
    with monkeypatch.context() as patch:
        stop_training(patch, number)
        with pytest.raises(TrainingStopped, match="Run the cell again"):
            exec(code[0], variables)
    with pytest.raises(TrainingStopped, match=f"of which {number - 1 or 'none'} came to the end"):
        exec(code[1], variables)
    assert not shown
    ran(code[:2], variables)


LIVE = {  # lesson: the trainers of a live comparison, and the place of the first among the trainings that this needs
    "02_mlp_gan_mnist": ("schulz", "mended", 1),
    "03_dcgan_mnist": ("dcgan", "mlp", 1),
    "07_wasserstein": ("trainer", "today", 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIVE)
def test_a_live_comparison_is_of_equals_or_says_that_it_is_not(monkeypatch, capsys, name):
    """The second training has the epochs of the first, also where that was stopped, and is whole."""
    *trainers, place = LIVE[name]
    with monkeypatch.context() as patch:
        stop_training(patch, place, epoch=2)
        variables, code = until(monkeypatch, name, "note_stops(", epochs=2)
    capsys.readouterr()
    exec(code[0], variables)
    first, second = (variables[trainer] for trainer in trainers)
    assert first.epoch == second.epoch == second.config.epochs == 1
    assert re.search("^note: these were not trained alike: .* has 1 of its 2 epochs", capsys.readouterr().out, re.M)

    variables, code = until(monkeypatch, name, "note_stops(", epochs=2)
    exec(code[0], variables)
    first, second = (variables[trainer] for trainer in trainers)
    assert first.epoch == second.epoch == 2
    assert "not trained alike" not in capsys.readouterr().out

    stop_training(monkeypatch, place + 1)
    with pytest.raises(TrainingStopped, match="what comes next needs all of this training"):
        until(monkeypatch, name, "note_stops(", epochs=2)


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
def test_epochs_are_counted_where_a_run_was_stopped(monkeypatch, stopped):
    shown = captions(monkeypatch)
    if stopped:
        stop_training(monkeypatch, 1, epoch=2)
    epochs = "1 epoch" if stopped else "2 epochs"
    variables, code = until(monkeypatch, "12_biggan", '"12.1"', epochs=2)
    exec(code[0], variables)
    assert f"after {epochs} of" in shown["12.1"]
