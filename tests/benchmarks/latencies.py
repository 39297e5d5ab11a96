"""From a key to the new picture on the screen: `python -m tests.benchmarks.latencies [--record]`.

Runs the two timed tests of tests/browser/test_latent_in_lab.py again and again, each time with a JupyterLab and a
Chromium of its own, and reads what they write into build/latencies.txt. --record puts the medians into bench.json and
into the table of notebooks/SPEED.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from typing import Any

from tests.benchmarks import recording

TESTS = ("the_explorers_sliders", "one_large_image")
MARKS = (
    "<!-- widgets: written by python -m tests.benchmarks.latencies --record -->",
    "<!-- end of widgets -->",
)
#: line of build/latencies.txt -> what the table says
ROWS = {
    "explorer, 8 x 8 digits, key to screen, median of 30": "explorer, 8 × 8 digits",
    "explorer, one image of 128 pixels, key to screen, median of 15": "explorer, one image of 128 pixels",
    "a slider and a picture of one pixel, key to screen, median of 30": "a slider and a picture of one pixel",
    "explorer, 8 x 8 digits, in the kernel alone": "of the explorer's digits, in the kernel alone",
}


def once() -> dict[str, float]:
    """One run of the tests: line -> milliseconds."""
    from tests.browser.lab import LATENCIES, ROOT

    LATENCIES.unlink(missing_ok=True)
    chosen = ["-k", " or ".join(TESTS), "tests/browser/test_latent_in_lab.py"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "browser", *chosen],
        cwd=ROOT,
        env={**os.environ, "CI": "true"},  # a suite that would skip itself fails
        check=True,
    )
    return read(LATENCIES.read_text(encoding="utf-8"))


def read(text: str) -> dict[str, float]:
    """The lines of build/latencies.txt that are in ROWS: line -> milliseconds. Raises KeyError where one is missing."""
    lines = dict(line.removesuffix(" ms").rsplit(": ", 1) for line in text.splitlines())
    return {line: float(lines[line]) for line in ROWS}


def summary(runs: list[dict[str, float]]) -> list[dict[str, Any]]:
    """A row for each line: what, runs (how many), median, lowest, highest (ms)."""
    return [
        {
            "what": what,
            "runs": len(runs),
            "median": statistics.median(values),
            "lowest": min(values),
            "highest": max(values),
        }
        for line, what in ROWS.items()
        for values in [[run[line] for run in runs]]
    ]


def with_table(page: str, machine: str, rows: list[dict[str, Any]]) -> str:
    """The page with the table of widgets made anew."""
    caption = (
        f"Milliseconds from a key to the page's first frame with the new picture, on {machine}; medians of "
        f"{rows[0]['runs']} runs in Chromium."
    )
    cells = [[r["what"], f"{r['median']:.0f}", f"{r['lowest']:.0f} to {r['highest']:.0f}"] for r in rows]
    return recording.with_table(page, MARKS, caption, {"picture": "---", "ms": "---:", "all runs": "---"}, cells)


def main() -> None:
    parser = argparse.ArgumentParser(description="Milliseconds from a key to the new picture of a widget.")
    parser.add_argument("--runs", type=int, default=5, help="how often the tests run, 5 unless told")
    parser.add_argument("--record", action="store_true", help="put the figures into bench.json and SPEED.md")
    given = parser.parse_args()

    from gancourse.training.provenance import describe

    rows = summary([once() for _ in range(given.runs)])
    for row in rows:
        print(f"{row['median']:6.1f} ms ({row['lowest']:.0f} to {row['highest']:.0f})  {row['what']}")
    if given.record:
        found: dict[str, Any] = {"machine": describe(), "rows": rows}
        recording.record(lambda page: with_table(page, **found), latencies=found)


if __name__ == "__main__":
    main()
