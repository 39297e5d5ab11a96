"""What every study shares: jobs that are run side by side, kept as they finish, and gathered into one results file.

A study is a module of this package with a `STUDY`. Its jobs are plain dictionaries, each run in a process of its own
with one thread (two such processes use two cores better than one process with two threads). Each finished job is
written at once, so a study that was stopped goes on where it was; `reproduce` then gathers all of them.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from gancourse.files import write_atomically
from gancourse.workers import WorkerError, answers, cores

Job = dict[str, Any]  # plain JSON values; "key" names it, in [a-z0-9._-]


@dataclass(frozen=True)
class Study:
    """A question that takes many runs.

    what: one sentence, shown by `reproduce --list`.
    jobs: quick -> the jobs; quick is a tiny version for tests, whose figures mean nothing.
    run: one job -> its figures, as plain JSON values. A module-level function, so that another process finds it.
    """

    what: str
    jobs: Callable[[bool], list[Job]]
    run: Callable[[Job], dict[str, Any]]


class StudyError(ValueError):
    """A study that does not exist, or results that were not made yet; the message says which there are."""


def names() -> list[str]:
    """The studies that there are: the modules of this package that hold one."""
    return sorted(name for name in _modules() if hasattr(_module(name), "STUDY"))


@cache
def _modules() -> dict[str, str]:
    """Last name -> whole name of each module in the lessons' folders; no two have one name."""
    package = importlib.import_module("gancourse.course.studies")
    found = [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.") if not m.ispkg]
    return {name.rpartition(".")[2]: name for name in found if ".lesson" in name}


def _module(name: str) -> Any:
    return importlib.import_module(_modules()[name])


def find(name: str) -> Study:
    """The study of that name. Raises StudyError with the names that there are."""
    if name not in names():
        raise StudyError(f"study is {name!r}, expected one of {', '.join(names())}.")
    study: Study = _module(name).STUDY
    return study


def reproduce(
    name: str,
    out: Path,
    quick: bool = False,
    workers: int | None = None,
    work: Path = Path("build/studies"),
    report: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Run every job of a study that is not yet done, write `out` (JSON) and return what it holds.

    workers: processes at a time, each with one thread; None for one a core. 0 runs all in this process (tests).
    work: where finished jobs are kept, in a folder of the study's name. Delete that folder to begin afresh.
    Raises StudyError for an unknown name; what a job raises ends the study, and finished jobs stay.
    """
    study = find(name)
    jobs = study.jobs(quick)
    folder = work / (name + "-quick" if quick else name)
    done = {job["key"]: row for job in jobs if (row := _kept(folder, job)) is not None}
    todo = [job for job in jobs if job["key"] not in done]
    report(f"{name}: {len(jobs)} jobs, {len(done)} already done")
    from gancourse.training.provenance import commit, describe

    now, machine = commit(), describe()

    def keep(job: Job, row: dict[str, Any]) -> None:
        row = row | {"commit": now, "computed_on": machine}  # its own: a study may go on under newer code, or elsewhere
        done[job["key"]] = row
        write_atomically(folder / f"{job['key']}.json", json.dumps(row).encode())
        report(f"{len(done)}/{len(jobs)} {job['key']}: {row['seconds']:.0f} s")

    processes = cores() if workers is None else workers
    if processes == 0:
        for job in todo:
            keep(job, _run(name, job))
    else:
        try:
            with closing(answers(_run_alone, [[name, job] for job in todo], processes)) as found:
                for place, row in found:
                    keep(todo[place], row)
        except WorkerError as error:
            raise StudyError(
                f"{error} Finished jobs are kept; workers=0 (--workers 0) runs the others in this process."
            ) from error
    results = {
        "study": name,
        "what": study.what,
        "command": f"python -m gancourse reproduce {name}" + (" --quick" if quick else ""),
        "commit": now,
        "machine": "; ".join(dict.fromkeys(done[job["key"]].get("computed_on", machine) for job in jobs)),
        "rows": [done[job["key"]] for job in jobs],
    }
    write_atomically(out, as_text(results).encode())
    return results


def as_text(results: dict[str, Any]) -> str:
    """Results as JSON with a line for what is said of all, and one for each row."""
    lines = [json.dumps(row) for row in results["rows"]]
    about = json.dumps({name: value for name, value in results.items() if name != "rows"})
    return f'{about[:-1]}, "rows": [\n' + ",\n".join(lines) + "\n]}\n"


def _kept(folder: Path, job: Job) -> dict[str, Any] | None:
    """A finished job's row, if the job is still the same."""
    if not re.fullmatch(r"[a-z0-9._-]+", job["key"]):
        raise ValueError(f"a job's key is {job['key']!r}, expected lower-case letters, digits, '.', '_' or '-'.")
    try:
        row: dict[str, Any] = json.loads((folder / f"{job['key']}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row if {name: row.get(name) for name in job} == json.loads(json.dumps(job)) else None


def _run_alone(job: list[Any]) -> dict[str, Any]:
    """A worker's: the study's name and the job -> its row, with one thread."""
    import torch

    torch.set_num_threads(1)
    return _run(*job)


def _run(name: str, job: Job) -> dict[str, Any]:
    start = time.perf_counter()
    figures = find(name).run(job)
    changed = [key for key in figures if key in job and figures[key] != job[key]]
    if changed:  # or the finished job would never be known again as the one that was asked for
        raise StudyError(f"the figures of {job['key']} have another {', '.join(changed)} than its job: rename one.")
    return {**job, **figures, "seconds": round(time.perf_counter() - start, 1)}


@cache
def results(name: str) -> dict[str, Any]:
    """The committed results of a study: study, what, command, commit, machine, and rows (a job and its figures each).

    Raises StudyError when there are none.
    """
    path = resources.files("gancourse").joinpath(f"assets/results/{name}.json")
    if not path.is_file():
        raise StudyError(f"there are no results of {name!r} in this version; python -m gancourse reproduce {name}.")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def look_up(name: str) -> dict[str, Any] | None:
    """`results` for a notebook, which goes on without: where there are none it says how to get them, and gives None."""
    try:
        return results(name)
    except StudyError as error:
        print(error)
        return None
