"""Processes start from wherever they are asked for: a script, `python -c`, stdin, a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gancourse import workers

ROOT = Path(__file__).resolve().parents[1]

# What starts processes, each without a main guard, in a small form; it prints "right".
PLAIN = """
import math
from gancourse import workers
print("right" if dict(workers.answers(math.sqrt, [4, 9, 16], 2)) == {0: 2.0, 1: 3.0, 2: 4.0} else "wrong")
"""
RENDERER = """
from gancourse.data.churches import dataset
dataset._CHUNK, dataset._MANY, dataset.workers.cores = 2, 3, lambda: 2
here, there = dataset._chunk(4, 0, 5, 16), dataset.render
dataset.render = None
print("right" if (dataset._rendered(5, 16, 4) == here).all() else "wrong")
"""
MAP_MAKER = """
import os, tempfile
from pathlib import Path
from PIL import Image
from gancourse.data.photographs import image_folder
folder = Path(tempfile.mkdtemp())
for i in range(70):
    Image.new("RGB", (20, 20), (i, 0, 0)).save(folder / f"{i:02}.png")
images = image_folder(folder, 16, folder / "map")
print("right" if images.pixels[:, 0, 0, 0].tolist() == list(range(70)) else "wrong")
"""
STUDY = """
import tempfile
from pathlib import Path
from gancourse.course.studies import runner
folder = Path(tempfile.mkdtemp())
found = runner.reproduce("church_speed", folder / "out.json", True, 2, folder)
print("right" if found["rows"] and (folder / "out.json").exists() else "wrong")
"""
EVERY = {"plain": PLAIN, "renderer": RENDERER, "map maker": MAP_MAKER, "study": STUDY}


def started(way: str, code: str, folder: Path) -> str:
    """What the code printed last, started in one of four ways from a folder that is not ours."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GANCOURSE_CACHE": str(folder / "cache")}
    if way == "notebook":
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}).execute(env=environment)
        return "".join(o.get("text", "") for o in notebook.cells[0].outputs if o.get("name") == "stdout").split()[-1]
    script = folder / "script.py"
    script.write_text(code)
    how = {"script": ["script.py"], "-c": ["-c", code], "stdin": ["-"]}[way]
    done = subprocess.run(
        [sys.executable, *how],
        input=code if way == "stdin" else None,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return done.stdout.split()[-1]


QUICK = [("plain", "script"), ("plain", "-c"), ("plain", "stdin"), ("renderer", "-c"), ("map maker", "stdin")]


@pytest.mark.parametrize(("what", "way"), QUICK)
def test_it_works_from_there(what, way, tmp_path):
    assert started(way, EVERY[what], tmp_path) == "right"


REST = [(what, way) for what in EVERY for way in ("script", "-c", "stdin", "notebook") if (what, way) not in QUICK]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "way"), REST)
def test_everything_works_from_everywhere(what, way, tmp_path):
    assert started(way, EVERY[what], tmp_path) == "right"


def chatty(job):
    print("a job's own words must not be taken for its answer")
    return {"twice": 2 * job} if job < 5 else bytes(job)


@pytest.mark.skipif(sys.platform == "win32", reason="asks for groups as POSIX does")
def test_a_worker_is_not_of_the_group_that_ctrl_c_reaches():
    assert [answer for _, answer in workers.answers(own_group, [0, 1], 2)].count(os.getpgrp()) == 0


def own_group(job):
    return os.getpgrp()


own_group.__module__ = "test_workers"


def broken(job):
    raise ValueError(f"job {job} cannot be done")


def deadly(job):
    os._exit(3)


def slow(job):
    Path(job).write_text(str(os.getpid()))
    time.sleep(600)


@pytest.fixture(autouse=True)
def found_by_the_workers(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)  # they are told sys.path
    sys.modules.setdefault("test_workers", sys.modules[__name__])
    for function in (chatty, broken, deadly, slow):
        monkeypatch.setattr(function, "__module__", "test_workers")


def test_json_and_bytes_come_back_whatever_a_job_prints():
    assert dict(workers.answers(chatty, [1, 2, 100_000], 2)) == {0: {"twice": 2}, 1: {"twice": 4}, 2: bytes(100_000)}
    assert list(workers.answers(chatty, [], 2)) == []


def test_what_a_job_raises_and_a_worker_that_dies_are_told():
    with pytest.raises(workers.JobError, match="ValueError: job 7 cannot be done"):
        list(workers.answers(broken, [7], 1))
    with pytest.raises(workers.WorkerError, match=r"died \(status 3\)"):
        list(workers.answers(deadly, [7], 1))


def test_where_no_process_can_be_started_it_says_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(workers.WorkerError, match=r"no process can be started here \(sys.executable is empty"):
        list(workers.answers(chatty, [1], 1))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False


def wait_for(condition, seconds=100):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes as POSIX does")
@pytest.mark.parametrize("how", ["an error", "killed"])
def test_workers_end_with_whoever_asked(how, tmp_path):
    """In the middle of a job: when the caller meets an error, and when it is killed."""
    file = tmp_path / "pid"
    code = f"""
import sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_workers
from gancourse import workers
list(workers.answers(test_workers.slow, [{str(file)!r}], 1))
"""
    if how == "killed":
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        caller = subprocess.Popen([sys.executable, "-c", code], env=environment)
        wait_for(lambda: file.exists() and file.read_text())
        caller.kill()
        caller.wait()
    else:
        with closing(workers.answers(chatty_then_slow, [1, str(file)], 2)) as found:
            next(found)
            wait_for(lambda: file.exists() and file.read_text())
    wait_for(lambda: not alive(int(file.read_text())))


def chatty_then_slow(job):
    return job if isinstance(job, int) else slow(job)


chatty_then_slow.__module__ = "test_workers"


def test_a_study_whose_workers_cannot_start_says_what_to_write(tmp_path, monkeypatch):
    from gancourse.course.studies import runner

    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(runner.StudyError, match=r"workers=0 \(--workers 0\) runs the others in this process"):
        runner.reproduce("church_speed", tmp_path / "o.json", True, 2, tmp_path, report=lambda line: None)
    runner.reproduce("church_speed", tmp_path / "o.json", True, 0, tmp_path, report=lambda line: None)
