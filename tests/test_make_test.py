"""`make test` runs both of its halves, reports both, and fails when either does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = """#!/bin/sh
# stands in for the course's Python: says what it was asked, and fails in the half that it is told to fail in
echo "asked: $*"
case "$*" in *"$FAILING"*) exit 3;; esac
"""


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("make"), reason="needs make and sh")
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
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | {"FAILING": failing}
    done = subprocess.run(["make", "test"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.count("asked: -m tests.stoppable") == 2 and done.returncode == status, done
    assert words in done.stderr and (status or not done.stderr)
