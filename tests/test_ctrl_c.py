"""Ctrl-C at several moments of every command: one line, status 130, nothing left running, what was finished kept.

Each command runs in a process group of its own, as under a shell, and the whole group gets SIGINT, kernels not being of
it. A variable in the environment tells afterwards which processes came of it, wherever they are now.
"""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gancourse.training.run import Run

psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

ROOT = Path(__file__).resolve().parents[1]
LONG = 240.0  # seconds; for a deadline only, on a machine that does much else
MARK = "GANCOURSE_TEST_MARK"
NOTEBOOK = """\
# %% [markdown]
# # 0{n} A small one

# %%
print("a cell that is done")

# %%
import time
from pathlib import Path

Path("../in-cell-0{n}").touch()
time.sleep({seconds})
"""


class Command:
    """A running command, and what is to be said of it once it was interrupted."""

    def __init__(self, folder, *arguments, program=None, **environment):
        self.folder, self.mark = folder, secrets.token_hex(8)
        self.said = folder / "said.txt"
        known = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        settings = {MARK: self.mark, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [*(program or [sys.executable, "-m"]), *map(str, arguments)],
                cwd=folder,
                env=known | settings | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def text(self):
        return self.said.read_text(errors="replace")

    def until(self, moment, what):
        """Wait until moment() is true."""
        end = time.monotonic() + LONG
        while not moment():
            assert self.process.poll() is None, f"ended before {what}:\n{self.text()}"
            assert time.monotonic() < end, f"never came to {what}:\n{self.text()}"
            time.sleep(0.01)
        return self

    def until_loaded(self, library):
        """Wait until this process has loaded a library: it is in the middle of its imports."""
        maps = Path(f"/proc/{self.process.pid}/maps")
        return self.until(lambda: library in maps.read_text(), f"loading {library}")

    def until_child(self, n=1):
        return self.until(lambda: len(psutil.Process(self.process.pid).children()) >= n, "a child")

    def left(self):
        """Processes that came of this command and still run."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == self.mark:
                    found.append(process.cmdline())
            except psutil.Error:
                continue
        return found

    def interrupt(self):
        """SIGINT to the group; returns the lines that were said after it. Checks status, children and their number."""
        before = len(self.text())
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            status = self.process.wait(LONG)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            pytest.fail(f"did not end:\n{self.text()}")
        said = [line for line in self.text()[before:].splitlines() if line.strip()]
        assert "Traceback" not in self.text(), self.text()
        assert status in (130, -signal.SIGINT), f"status {status}:\n{self.text()}"
        end = time.monotonic() + 10
        while left := self.left():
            assert time.monotonic() < end, f"still running: {left}"
            time.sleep(0.1)
        return said


@pytest.fixture
def course(tmp_path):
    """A folder with two notebooks, the first of which ends soon."""
    (tmp_path / "notebooks" / "src").mkdir(parents=True)
    for n, seconds in ((0, 0), (1, 600)):
        text = NOTEBOOK.format(n=n, seconds=seconds)
        (tmp_path / "notebooks" / "src" / f"0{n}_small.py").write_text(text, encoding="utf-8")
    return tmp_path


def pipeline(folder, chosen=""):
    return Command(folder, "gancourse", "course", "--profile", "smoke", "--notebooks", chosen)


def finished(folder):
    """Notebook -> status in the table, for those whose page is there too."""
    table = json.loads((folder / "build" / "course.json").read_text())
    return {r["name"]: r["status"] for r in table if (folder / "build" / "html" / f"{r['name']}.html").exists()}


# -- make course ----------------------------------------------------------------------------------------------------


def test_course_while_it_is_loaded(course):
    assert pipeline(course).until_loaded("zmq").interrupt() == ["stopped"]


@pytest.mark.slow
def test_course_while_a_kernel_starts(course):
    assert pipeline(course).until_child().interrupt() == ["stopped"]


@pytest.mark.slow
def test_course_in_a_cell_keeps_the_notebook_before(course):
    command = pipeline(course).until((course / "in-cell-01").exists, "the cell")
    assert command.interrupt() == ["stopped"]
    assert finished(course) == {"00_small": "ok"}
    assert (course / "build" / "html" / "index.html").exists()
    runtime = subprocess.run([sys.executable, "-m", "jupyter", "--runtime-dir"], capture_output=True, text=True)
    assert not [p for p in Path(runtime.stdout.strip()).glob("kernel-*.json") if p.stat().st_mtime > started(command)]


def started(command):
    """When the command began, as the files' clock has it."""
    return (command.folder / "notebooks" / "src" / "01_small.py").stat().st_mtime


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["a cell that is done", "ok in"])
def test_course_between_cells_and_between_notebooks(course, moment):
    command = pipeline(course)
    command.until(lambda: moment in command.text(), moment)
    said = command.interrupt()
    assert said[-1] == "stopped" and len(said) <= 3  # what it was saying when the signal came
    if moment == "ok in":
        assert finished(course) == {"00_small": "ok"}


def stand_in(folder):
    """What the Makefile needs so as to take the course for installed."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in ("constraints.txt", "stamp"):
        (folder / name).touch()


@pytest.mark.slow
def test_make_course(course):
    stand_in(course)
    bin_folder = Path(sys.executable).parent
    settings = [f"BIN={bin_folder}", "STAMP=stamp", "PROFILE=smoke", "NOTEBOOKS=01"]
    command = Command(course, "-f", ROOT / "Makefile", *settings, "course", program=["make"])
    command.until((course / "in-cell-01").exists, "the cell")
    assert [line for line in command.interrupt() if not line.startswith("make")] == ["stopped"]


# -- make test -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("nbval", [False, True])
def test_tests(tmp_path, course, nbval):
    """In a test, and in a notebook's cell under nbval, whose kernel is a grandchild in a session of its own."""
    if nbval:
        subprocess.run(
            [sys.executable, "-m", "gancourse", "sync"],
            cwd=course,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
        what = ["--nbval", course / "notebooks" / "01_small.ipynb"]
    else:
        (tmp_path / "test_long.py").write_text(
            "import time\nfrom pathlib import Path\n\n\n"
            f"def test_long():\n    Path({str(tmp_path / 'in-cell-01')!r}).touch()\n    time.sleep(600)\n"
        )
        what = [tmp_path / "test_long.py"]
    command = Command(
        tmp_path, "tests.stoppable", "-n", "2", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, *what
    )
    command.until((tmp_path / "in-cell-01").exists, "the test")
    assert command.interrupt() == ["stopped"]


@pytest.mark.slow
def test_tests_while_they_are_loaded(tmp_path):
    command = Command(tmp_path, "tests.stoppable", "-n", "2", "-q", ROOT / "tests" / "test_files.py")
    assert command.until_child().interrupt()[-1] == "stopped"


TWO_LINES = """import os, signal, time
signal.signal(signal.SIGINT, lambda *_: os._exit(130))
open("ready", "w").close()
time.sleep(600)
"""


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_make_test_does_not_go_on_with_its_second_half(course, shell):
    """The recipe tells its shell to stop: bash would go on after a child that ends by itself."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    stand_in(course)
    printed = subprocess.run(
        ["make", "-n", "-f", ROOT / "Makefile", "STAMP=stamp", "test"], cwd=course, capture_output=True, text=True
    )
    (course / "first.py").write_text(TWO_LINES)
    halves = re.findall(r"\S+/python -m tests\.stoppable [^|;\\\n]*", printed.stdout)
    assert len(halves) == 2 and "--nbval" in halves[1]
    script = printed.stdout.replace(halves[0], f"{sys.executable} first.py ").replace(halves[1], "touch second ")
    command = Command(course, script, program=[shell, "-c"]).until((course / "ready").exists, "its first half")
    assert command.interrupt() == []
    assert not (course / "second").exists()


# -- make lab --------------------------------------------------------------------------------------------------------


def lab(folder, *more, **environment):
    options = ["--no-browser", "--port=0", "--port-retries=0", "--IdentityProvider.token=secret", "--allow-root"]
    npm = folder / "bin" / "npm"  # asked by a thread, it would have the last word (`gancourse.publishing.lab`)
    npm.parent.mkdir()
    npm.write_text(f"#!/bin/sh\ntouch {folder}/asked\nsleep 600\n")
    npm.chmod(0o755)
    path = f"{npm.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"JUPYTER_PREFER_ENV_PATH": "1", "PATH": path, **environment}
    return Command(folder, "gancourse", "lab", folder, *options, *more, **environment)


def answers(request):
    try:
        return bool(urllib.request.urlopen(request, timeout=LONG).read())
    except urllib.error.URLError:
        return False


@pytest.mark.slow
def test_lab_while_it_is_loaded(tmp_path):
    assert lab(tmp_path).until_loaded("zmq").interrupt() == ["stopped"]


@pytest.mark.slow
@pytest.mark.parametrize("kernels", [0, 1])
def test_lab(tmp_path, kernels):
    command = lab(tmp_path)
    command.until(lambda: "token=" in command.text(), "its address")
    if kernels:
        address = re.search(r"http://(localhost|127\.0\.0\.1):(\d+)/", command.text())
        assert address
        request = urllib.request.Request(
            f"{address[0]}api/kernels", b"{}", {"Authorization": "token secret", "Content-Type": "application/json"}
        )
        command.until(lambda: answers(request), "answering")  # it says its address before it listens
        command.until_child()
    said = command.interrupt()
    # its threads may be saying what they have done so far, in the moment in which it is stopped
    assert [line for line in said if not line.startswith("[I ")] == ["stopped"] == said[-1:]
    assert not (tmp_path / "asked").exists()


EXTENSION = """\
import asyncio

from jupyter_server.extension.application import ExtensionApp


class Stubborn(ExtensionApp):
    name = "stubborn"

    async def stop_extension(self):
        {stop}


def _jupyter_server_extension_points():
    return [{{"module": "stubborn", "app": Stubborn}}]
"""
HALF_OPEN = """pass


from tornado.tcpserver import TCPServer

TCPServer.stop = lambda self: {}[0]  # a socket that has no handler yet
"""


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["raise RuntimeError", "await asyncio.sleep(10_000)", HALF_OPEN])
def test_lab_whose_extension_will_not_stop(tmp_path, stop):
    (tmp_path / "stubborn.py").write_text(EXTENSION.format(stop=stop), encoding="utf-8")
    command = lab(
        tmp_path, "--ServerApp.jpserver_extensions={'stubborn': True}", PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}"
    )
    command.until(lambda: "token=" in command.text() and "stubborn | extension was" in command.text(), "its address")
    begun = time.monotonic()
    said = command.interrupt()
    assert said[-1] == "stopped" and time.monotonic() - begun < LONG / 2


# -- train -----------------------------------------------------------------------------------------------------------


def train(folder, *more, program=None):
    name = [] if program else ["gancourse"]
    options = ["--epochs", "100000", "--images", "640", "--out", folder / "run", "--device", "cpu", *more]
    return Command(folder, *name, "train", "mlp", *options, program=program)


@pytest.mark.slow
def test_train_while_it_is_loaded(tmp_path):
    assert train(tmp_path).until_loaded("libtorch").interrupt() == ["stopped"]


def test_train_in_an_epoch(tmp_path):
    run = Run(tmp_path / "run")
    said = train(tmp_path).until(lambda: len(run.checkpointed_epochs()) >= 2, "its second epoch").interrupt()
    assert len([line for line in said if "stopped" in line]) == 1
    newest, complaints = run.newest()
    assert newest is not None and newest.epoch >= 2 and complaints == []
    assert not list((tmp_path / "run").rglob("*.tmp"))


SLOW_SAVE = """
import os, runpy, sys, time
from pathlib import Path
real, saved = os.fsync, []
def slow(handle):
    name = os.readlink(f"/proc/self/fd/{handle}")
    if "epoch-0003.safetensors" in name and not saved:
        saved.append(name)
        Path("saving").touch()
        time.sleep(600)
    real(handle)
os.fsync = slow
sys.argv[0] = "gancourse"
runpy.run_module("gancourse", run_name="__main__", alter_sys=True)
"""


def test_train_in_a_save_keeps_the_epoch(tmp_path):
    command = train(tmp_path, program=[sys.executable, "-c", SLOW_SAVE])
    command.until((tmp_path / "saving").exists, "the save").interrupt()
    newest, complaints = Run(tmp_path / "run").newest()
    assert newest is not None and newest.epoch == len(newest.history) == 3 and complaints == []
    assert not list((tmp_path / "run").rglob("*.tmp"))


# -- reproduce -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["start", "job", "after a job"])
def test_reproduce(tmp_path, moment):
    command = Command(tmp_path, "gancourse", "reproduce", "tricks", "--quick", "--workers", "2")
    kept = tmp_path / "build" / "studies" / "tricks-quick"
    if moment == "after a job":
        command.until(lambda: list(kept.glob("[a-z0-9]*.json")), "a finished job")
    else:
        command.until_child(2)
        if moment == "job":
            pid = psutil.Process(command.process.pid).children()[0].pid
            command.until(lambda: "libtorch" in Path(f"/proc/{pid}/maps").read_text(), "a job")
    assert command.interrupt()[-1] == "stopped"
    rows = [json.loads(path.read_text()) for path in kept.glob("[a-z0-9]*.json")]
    assert all("seconds" in row for row in rows) and (rows or moment != "after a job")
    assert not list(tmp_path.rglob("*.tmp"))
