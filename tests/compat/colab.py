"""The notebooks on a stand-in for Google Colab: `make test-colab`.

A venv with Colab's Python and packages (colab.txt), a kernel in which google.colab is imported (colab_stub/), a folder
that holds a notebook and nothing else. There every notebook runs in smoke, beginning with its own setup cell; git takes
the address in it to this checkout. Afterwards: nothing that was installed has another version, the widgets work, and a
run that was killed goes on from the Drive. What only Colab itself can show (its pages) is not tested.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import papermill

from gancourse.course.lessons import LESSONS
from gancourse.publishing import notebook_head, notebooks

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "colab"
VENV, CONTENT, CHECKOUT, STATE = (BUILD / name for name in ("venv", "content", "repository", "state"))
PYTHON = VENV / "bin" / "python"
VERSIONS = ("3.12", "3.13")  # of Python
START = 600  # seconds that a kernel may take to start, on a machine that is busy with other things
TRAINS = "out=out"  # in the cell that trains into a run folder


def tried(python: str) -> None:
    """Whether there is such an interpreter, of a version that Colab has had. Raises SystemExit with the remedy.

    pyenv's python3.13, say, is a script that is always there, and fails where that version is not chosen.
    """
    try:
        asked = [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        found = subprocess.run(asked, capture_output=True, text=True)
    except OSError as error:
        found = subprocess.CompletedProcess([python], 1, "", str(error))
    version, said = found.stdout.strip(), (found.stderr.strip().splitlines() or [""])[0]
    if found.returncode or version not in VERSIONS:
        what = f"is Python {version}" if version else f"does not work ({said})"
        raise SystemExit(
            f"{python} {what}, expected Python {' or '.join(VERSIONS)}: make test-colab PY=/path/to/python3.13"
        )


def machine(python: str) -> None:
    """Make the venv, once for each version of colab.txt; afterwards take the course out of it again."""
    wanted, stamp = HERE / "colab.txt", VENV / "colab.txt"
    if not stamp.is_file() or stamp.read_text() != wanted.read_text():
        tried(python)
        print("installing Colab's packages (some minutes, 6 GB) ...", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([python, "-m", "venv", VENV], check=True)
        pip("install", "-q", "-r", str(wanted))
        stamp.write_text(wanted.read_text())
    if any(line.startswith("gancourse") for line in frozen()):
        pip("uninstall", "-q", "-y", "gancourse")


def pip(*words: str) -> str:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment()).stdout


def frozen() -> list[str]:
    """What is installed, with versions."""
    return sorted(pip("freeze", "--all").splitlines())


def environment() -> dict[str, str]:
    """That of a kernel. git's insteadOf leads the published address to CHECKOUT."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "JUPYTER_PATH")}
    return kept | {
        "GANCOURSE_PROFILE": "smoke",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{CHECKOUT}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{notebook_head.repository(ROOT)}",
        "IPYTHONDIR": str(STATE / "ipython"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONPATH": str(HERE / "colab_stub"),
        "STAND_IN_DRIVE": str(STATE / "drive"),
    }


def publish() -> None:
    """This working tree as a repository that can be cloned."""
    shutil.rmtree(CHECKOUT, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (CHECKOUT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, CHECKOUT / name)
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    for words in (["init", "-q"], ["add", "-A", "-f"], [*who, "commit", "-q", "-m", "the course"]):
        subprocess.run(["git", *words], cwd=CHECKOUT, check=True)


def kernel() -> None:
    """The kernel "colab" of the stand-in."""
    launch = "import google.colab; from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
    spec = {
        "argv": [str(PYTHON), "-c", launch, "-f", "{connection_file}", "--log-level=ERROR"],
        "display_name": "Colab",
        "language": "python",
        "env": environment(),
    }
    folder = STATE / "jupyter" / "kernels" / "colab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    os.environ["JUPYTER_PATH"] = str(STATE / "jupyter")


def run(name: str, **parameters: Any) -> tuple[nbformat.NotebookNode, float]:
    """The notebook, run in a folder of its own as Colab has it; seconds. Complaints on standard error are a failure."""
    shutil.rmtree(CONTENT, ignore_errors=True)
    CONTENT.mkdir(parents=True)
    path, out = CONTENT / f"{name}.ipynb", STATE / f"{name}.ipynb"
    shutil.copy(notebooks.built_path(ROOT, name), path)
    start = time.perf_counter()
    options = {"kernel_name": "colab", "cwd": str(CONTENT), "progress_bar": False, "start_timeout": START}
    papermill.execute_notebook(str(path), str(out), parameters, **options)
    done = notebooks.tidy(notebooks.read(out))
    said = [o.text for cell in done.cells for o in cell.get("outputs", []) if o.get("name") == "stderr"]
    assert not said, f"{name} complains: {said}"
    return done, time.perf_counter() - start


def words(notebook: nbformat.NotebookNode, within: str) -> str:
    """What the first cell whose source has `within` prints."""
    cell = next(c for c in notebook.cells if c.cell_type == "code" and within in c.source)
    return "".join(output.get("text", "") for output in cell.outputs)


def killed_after_an_epoch(source: str) -> str:
    """A cell that trains, up to the line that calls fit(); in its place one epoch, and the end of the process."""
    fit = re.search(r"^.*?(\w+)\.fit\(", source, re.MULTILINE)
    assert fit, source
    return source[: fit.start()] + f"next({fit.group(1)}.epochs())\nimport os\nos.kill(os.getpid(), 9)"


def is_killed(name: str) -> None:
    """A runtime that keeps its run in the Drive, and ends after the first of two epochs."""
    CONTENT.mkdir(parents=True, exist_ok=True)
    notebook = notebooks.read(notebooks.built_path(ROOT, name))
    n = next(n for n, c in enumerate(notebook.cells) if TRAINS in c.source)
    notebook.cells = notebook.cells[: n + 1]
    notebook.cells[n].source = killed_after_an_epoch(notebook.cells[n].source)
    (parameters,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    parameters.source += '\nout = "drive"'
    try:
        place = {"metadata": {"path": str(CONTENT)}}
        nbclient.NotebookClient(notebook, kernel_name="colab", startup_timeout=START, resources=place).execute()
    except nbclient.exceptions.DeadKernelError:
        folder = STATE / "drive" / "MyDrive" / "gancourse" / f"{name}-smoke" / "checkpoints"
        assert [path.stem for path in folder.glob("*.safetensors")] == ["epoch-0001"], list(folder.iterdir())
    else:
        raise AssertionError("the kernel was to be killed")


def lesson(name: str) -> None:
    """One notebook; one that trains into a folder does so in the Drive, and is killed once on its way."""
    source = notebooks.source_path(ROOT, name).read_text(encoding="utf-8")
    if resumes := TRAINS in source:
        is_killed(name)
    done, seconds = run(name, **({"out": "drive"} if resumes else {}))
    plan = words(done, "plan = ")
    assert ("has no GPU" in plan) == (LESSONS[name].timed_as is not None) or " on cuda" in plan, plan
    print(f"{name}: ran in {seconds:.0f} s", flush=True)
    if resumes:
        text = words(done, TRAINS)
        rest = re.search(r"^1 epoch of .*", text, re.MULTILINE)
        assert rest, text
        print(f"  killed after epoch 1; the next runtime trained {rest.group(0)}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--python", default="python3.13", help="an interpreter of Colab's version")
    parser.add_argument("--notebooks", default="", metavar="02,03", help="only these (default: all)")
    options = parser.parse_args()
    machine(options.python)
    shutil.rmtree(STATE, ignore_errors=True)
    publish()
    kernel()
    before = frozen()
    for name in notebooks.names(ROOT, options.notebooks):
        lesson(name)
    assert (STATE / "asked-for-custom-widgets").exists() or options.notebooks, "anywidget did not ask Colab"
    after = frozen()
    added = sorted(set(after) - set(before))
    assert set(before) <= set(after) and len(added) == 1 and added[0].startswith("gancourse"), (
        f"gone: {sorted(set(before) - set(after))}; new: {added}"
    )
    print(f"the install added gancourse and changed none of {len(before)} installed versions")
    subprocess.run([PYTHON, HERE / "run_widgets_7.py"], check=True, cwd=STATE, env=environment())
    return 0


if __name__ == "__main__":
    sys.exit(main())
