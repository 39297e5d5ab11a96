"""What kind of machine this is, in words that name no particular one: for measured times."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

import torch


def describe() -> str:
    """One line such as "2-core AMD EPYC, avx512_bf16; torch 2.15.0"."""
    cuda = torch.cuda.is_available()
    what = torch.cuda.get_device_name() if cuda else f"{os.cpu_count()}-core {_processor()}"
    return f"{what}; torch {torch.__version__.split('+')[0]}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        if platform.system() == "Darwin":
            return subprocess.check_output(["sysctl", "-n", "machdep.cpu.brand_string"], text=True).strip()
        return platform.processor() or platform.machine()
    text = info.read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)
    have = flags.group(1).split() if flags else []
    fast = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in have][:1]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    if limit not in ("ALL", "DEFAULT"):
        fast = [f"{limit} only"]
    return ", ".join([model.group(1).strip() if model else platform.machine(), *fast])


def commit() -> str:
    """The commit of the code that runs, marked "with changes" when it was changed since; "unknown" without git."""
    package = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=package, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "*.py")
        return git("rev-parse", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
