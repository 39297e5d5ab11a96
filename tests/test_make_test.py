"""`make test` runs both of its halves, reports both, and fails when either does; `make lab` hands on a profile."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = """#!/bin/sh
# stands in for the course's Python: says what it was asked, and fails in the half that it is told to fail in
echo "asked: $*, profile ${GANCOURSE_PROFILE:-of the notebook}"
case "$*" in *"$FAILING"*) exit 3;; esac
"""


needs_make = pytest.mark.skipif(sys.platform == "win32" or not shutil.which("make"), reason="needs make and sh")


def made(folder, *words, **variables):
    """`make WORDS` in a folder where the course seems to be installed, with these environment variables."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    (folder / ".venv" / ".installed").touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "GANCOURSE"))} | variables
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True)


@needs_make
@pytest.mark.parametrize(
    ("failing", "status", "words"),
    [
        ("nothing", 0, ""),
        ("-n 2 tests", 2, "failed in the unit tests"),
        ("--nbval", 2, "failed in the notebooks"),
        ("tests.stoppable", 2, "failed in the unit tests and the notebooks"),
    ],
)
def test_both_halves_run_and_both_are_reported(tmp_path, failing, status, words):
    done = made(tmp_path, "test", FAILING=failing)
    assert done.stdout.count("asked: -m tests.stoppable") == 2 and done.returncode == status, done
    assert words in done.stderr and (status or not done.stderr)


@needs_make
@pytest.mark.parametrize(
    ("words", "profile"),
    [(["lab"], "of the notebook"), (["lab", "PROFILE=smoke"], "smoke"), (["lab", "PROFILE="], "of the notebook")],
)
def test_the_lab_takes_a_profile_that_is_asked_for_and_no_other(tmp_path, words, profile):
    done = made(tmp_path, *words, FAILING="nothing", PROFILE="of something else")
    assert done.stdout == f"asked: -m gancourse lab notebooks, profile {profile}\n" and not done.returncode, done
