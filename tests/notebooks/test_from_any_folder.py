"""`pytest --nbval` gives the same result from every folder, with --rootdir, and for a notebook copied elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

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


def start(*command: str, cwd: Path, **pipes: Any) -> subprocess.Popen[str]:
    """A process of Python, without what this run of pytest has set."""
    environment = {k: v for k, v in os.environ.items() if k not in ("GANCOURSE_PROFILE", "PYTEST_ADDOPTS")}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *command], cwd=cwd, env=environment, text=True, **pipes)


def options(*arguments: str) -> list[str]:
    """Those of `pytest --nbval`; a checkout whose entry points were not installed again names the plugin."""
    plugins = {entry.value for entry in metadata.entry_points(group="pytest11")}
    add = [] if PLUGIN in plugins else ["-p", PLUGIN]
    return ["-q", "-p", "no:cacheprovider", *add, "--nbval", *arguments]


def run(cwd: Path, *arguments: str) -> tuple[int, str]:
    """pytest --nbval in a process and a folder of its own, started as by hand: (status, what it said)."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = start("-m", "pytest", *options(*arguments), cwd=cwd, **pipes)
    said, _ = process.communicate()
    return process.returncode, said


PARENT = """
import json, os, sys
import pytest
import nbval.plugin  # what takes the time of a start, so that every child has it
import gancourse.publishing.notebook_testing
for line in sys.stdin:
    job = json.loads(line)
    if not (pid := os.fork()):
        status = 70
        try:
            said = os.open(job["said"], os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(said, 1)
            os.dup2(said, 2)
            os.chdir(job["cwd"])
            sys.path[0] = job["cwd"]  # as `python -m pytest` has it
            status = int(pytest.main(job["options"]))
            sys.stdout.flush()
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """`run`, each time in a process forked from one that has pytest and nbval imported; without fork, `run` itself."""
    if not hasattr(os, "fork"):
        yield run
        return
    folder = tmp_path_factory.mktemp("parent")
    parent = start("-c", PARENT, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asked, answered = parent.stdin, parent.stdout
    assert asked and answered

    def run_in_a_child(cwd: Path, *arguments: str) -> tuple[int, str]:
        said = folder / "said.txt"
        said.unlink(missing_ok=True)
        job = {"cwd": str(cwd), "options": options(*arguments), "said": str(said)}
        print(json.dumps(job), file=asked, flush=True)
        return int(answered.readline()), said.read_text()

    yield run_in_a_child
    asked.close()
    parent.wait(60)


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
def test_a_notebook_passes_from_there(places, forked, cwd, arguments):
    status, said = forked(places[cwd], *(argument.format(**places) for argument in arguments))
    assert status == 0 and "1 passed" in said, said


def test_a_real_difference_is_still_one(places, forked, tmp_path):
    path = tmp_path / "different.ipynb"
    path.write_text((places["elsewhere"] / "copy.ipynb").read_text().replace("smoke", "paper"))
    status, said = forked(places["empty"], str(path))
    assert status == 1 and "1 failed" in said, said


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
    status, said = run(tmp_path, "-n", "2", "one.ipynb", "other.ipynb")
    assert status == 0 and "16 passed" in said, said


def test_installing_registers_the_plugin():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert declared["pytest11"] == {"gancourse": PLUGIN} and __import__(PLUGIN, fromlist=["SANITIZE"]).SANITIZE.exists()
