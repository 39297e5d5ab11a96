"""Google Colab: what is said without a GPU, and run folders in the Drive. tests/compat/colab.py runs the notebooks."""

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from gancourse.course import colab, profiles
from gancourse.course.lessons import LESSONS
from gancourse.data import Images
from gancourse.models import networks
from gancourse.publishing import notebooks
from gancourse.training import Minimax, Trainer
from gancourse.training.trainer import Config


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """A kernel of Colab whose Drive is a folder here; .granted says whether the user gives the permission."""
    module: Any = types.ModuleType("google.colab.drive")
    module.granted, module.mounted = True, []

    def mount(place):
        module.mounted.append(place)
        if module.granted:
            (tmp_path / "MyDrive").mkdir(exist_ok=True)

    module.mount = mount
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setitem(sys.modules, "google.colab.drive", module)
    monkeypatch.setattr(colab, "DRIVE", tmp_path)
    monkeypatch.delenv("GANCOURSE_PROFILE", raising=False)
    return module


def test_elsewhere_drive_is_refused_and_folders_are_folders(tmp_path):
    assert not colab.here()
    plan = profiles.choose("02_mlp_gan_mnist", "smoke")
    assert plan.folder(None) is None and plan.folder(str(tmp_path)) == tmp_path
    with pytest.raises(ValueError, match='out is "drive", which only Google Colab has; name a folder'):
        plan.folder("drive")
    assert "GPU" not in str(plan)


def test_the_drive_is_mounted_when_it_is_asked_for(drive, tmp_path, capsys):
    plan = profiles.choose("03_dcgan_mnist", "laptop")
    assert plan.folder(None) is None and plan.folder("runs") == colab.Path("runs") and drive.mounted == []
    assert plan.folder("drive") == tmp_path / "MyDrive" / "gancourse" / "03_dcgan_mnist-laptop"
    assert drive.mounted == [str(tmp_path)]
    assert "gancourse/03_dcgan_mnist-laptop" in capsys.readouterr().out


def test_without_permission_nothing_is_trained_into_the_void(drive):
    drive.granted = False
    with pytest.raises(RuntimeError, match=r"not at .* after mounting it, so nothing would be kept"):
        colab.run_folder("drive", "a-run")


def test_the_next_runtime_goes_on(drive):
    """The first runtime dies in epoch 2; another one, which knows nothing but the Drive, trains epoch 2 alone."""

    def trainer():
        torch.manual_seed(0)
        images = Images(torch.zeros(64, 1, 28, 28, dtype=torch.uint8))
        out = profiles.choose("02_mlp_gan_mnist", "smoke").folder("drive")
        return Trainer(Minimax(*networks("mlp")), images, Config(epochs=2, batch_size=32), out=out, device="cpu")

    next(trainer().epochs())
    second = trainer()
    assert second.epoch == 1
    assert [row["epoch"] for row in second.fit(progress=False)] == [1, 2]
    assert trainer().epoch == 2


@pytest.mark.parametrize(("device", "said"), [("cpu", True), ("cuda", False)])
def test_a_runtime_without_a_gpu_says_how_to_get_one(drive, monkeypatch, device, said):
    monkeypatch.setattr("gancourse.training.config.pick_device", lambda name: torch.device(device))
    monkeypatch.setattr(profiles, "device_class", lambda device=None: "cuda" if device == "cuda" else "cpu-bf16")
    monkeypatch.setattr(profiles.estimates, "timed", lambda model, device: 10_000.0)
    assert ("Change runtime type > T4 GPU" in str(profiles.choose("03_dcgan_mnist"))) == said
    assert "GPU." not in str(profiles.choose("01_minimax_theory"))  # which a GPU would not make faster


@pytest.fixture(scope="module")
def stand_in() -> Any:
    """tests/compat/colab.py as a module."""
    spec = importlib.util.spec_from_file_location("stand_in", Path(__file__).parents[1] / "compat" / "colab.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stand_in_kills_every_cell_that_trains_into_a_folder(stand_in):
    """The cell as it is up to its fit(), over however many lines the trainer is made; then one epoch, and the end."""
    sources = [notebooks.read_source(notebooks.source_path(stand_in.ROOT, name)) for name in LESSONS]
    cells = [cell.source for source in sources for cell in source.cells if stand_in.TRAINS in cell.source]
    cells = [source for source in cells if ".fit(" in source]
    assert len(cells) >= 4
    for source in cells:
        killed = stand_in.killed_after_an_epoch(source)
        compile(killed, "cell", "exec")
        assert stand_in.TRAINS in killed and ".fit(" not in killed
        name = killed[killed.index("next(") + 5 : killed.index(".epochs())")]
        assert f"\n{name} = Trainer(" in killed and killed.endswith("os.kill(os.getpid(), 9)")


def test_the_stand_in_says_which_python_it_needs(stand_in, tmp_path):
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    remedy = r"expected Python 3.12 or 3.13: make test-colab PY="
    for python, what in ((str(shim), "does not work .*not found"), (str(tmp_path / "none"), "does not work .*No such")):
        with pytest.raises(SystemExit, match=f"{python} {what}.*{remedy}"):
            stand_in.tried(python)
    shim.write_text("#!/bin/sh\necho 3.14\n")
    with pytest.raises(SystemExit, match=f"is Python 3.14, {remedy}"):
        stand_in.tried(str(shim))
    shim.write_text("#!/bin/sh\necho 3.12\n")
    stand_in.tried(str(shim))
