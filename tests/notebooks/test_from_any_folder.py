"""`pytest --nbval` gives the same result from every folder, with --rootdir, and for a notebook copied elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "gancourse.publishing.notebook_testing"
# Its committed address differs from a fresh one: without the sanitizer it fails. The profile is the shortest one.
CELL = "import os\nimport gancourse\nprint(hex(id(gancourse)))\nprint(os.environ['GANCOURSE_PROFILE'])"


def write(path: Path) -> Path:
    outputs = [nbformat.v4.new_output("stream", name="stdout", text="0x7fabcdef0123\nsmoke\n")]
    cell = nbformat.v4.new_code_cell(CELL, execution_count=1, outputs=outputs)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest --nbval in a process and a folder of its own."""
    plugins = {entry.value for entry in metadata.entry_points(group="pytest11")}
    add = [] if PLUGIN in plugins else ["-p", PLUGIN]  # a checkout whose entry points were not installed again
    environment = {k: v for k, v in os.environ.items() if k not in ("GANCOURSE_PROFILE", "PYTEST_ADDOPTS")}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *add, "--nbval", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A checkout's outline with one small notebook, the same notebook copied out of it, and an empty folder."""
    base = tmp_path_factory.mktemp("places")
    checkout, elsewhere, empty = base / "checkout", base / "elsewhere", base / "empty"
    (checkout / "notebooks").mkdir(parents=True)
    elsewhere.mkdir()
    empty.mkdir()
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, checkout / name)
    write(checkout / "notebooks" / "one.ipynb")
    write(elsewhere / "copy.ipynb")
    return {"checkout": checkout, "notebooks": checkout / "notebooks", "elsewhere": elsewhere, "empty": empty}


@pytest.mark.parametrize(
    ("cwd", "arguments"),
    [
        ("checkout", ["notebooks/one.ipynb"]),
        ("notebooks", ["one.ipynb"]),
        ("empty", ["{notebooks}/one.ipynb"]),
        ("empty", ["--rootdir", "{empty}", "{notebooks}/one.ipynb"]),
        ("empty", ["{elsewhere}/copy.ipynb"]),
        ("checkout", ["{elsewhere}"]),
    ],
    ids=["root", "notebooks", "another", "another-rootdir", "copied", "copied-folder"],
)
def test_a_notebook_passes_from_there(places, cwd, arguments):
    done = run(places[cwd], *(argument.format(**places) for argument in arguments))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_real_difference_is_still_one(places, tmp_path):
    path = tmp_path / "different.ipynb"
    path.write_text((places["elsewhere"] / "copy.ipynb").read_text().replace("smoke", "paper"))
    done = run(places["empty"], str(path))
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout + done.stderr


def test_notebooks_of_others_are_left_alone(tmp_path):
    from gancourse.publishing import notebook_testing

    other = tmp_path / "other.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), other)
    assert not notebook_testing._ours(str(other)) and not notebook_testing._ours(str(tmp_path))
    assert notebook_testing._ours(f"{write(tmp_path / 'ours.ipynb')}::Cell 0") and notebook_testing._ours(str(tmp_path))


def test_each_worker_runs_whole_notebooks(tmp_path):
    cells = ["import gancourse\nn = 0", *["n += 1"] * 6, "assert n == 6"]
    for name in ("one", "other"):
        made = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=made), tmp_path / f"{name}.ipynb")
    done = run(tmp_path, "-n", "2", "one.ipynb", "other.ipynb")
    assert done.returncode == 0 and "16 passed" in done.stdout, done.stdout + done.stderr


def test_installing_registers_the_plugin():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert declared["pytest11"] == {"gancourse": PLUGIN} and __import__(PLUGIN, fromlist=["SANITIZE"]).SANITIZE.exists()
