"""Builds, runs and publishes the notebooks: `python -m gancourse COMMAND`.

sync builds the notebooks, check compares, course runs them into build/, refresh runs them and keeps the outputs, plans
does so with their heads alone, html makes pages without running. Run it from the root of the repository, or through
``make``. The notebooks never import this module.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any, ClassVar

import papermill
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm

from gancourse import stopping
from gancourse.files import write_atomically
from gancourse.publishing import notebook_head, notebooks
from gancourse.publishing.website import pages, play, site

START = 600  # seconds that a kernel may take to start on a busy machine; one that dies is noticed at once


class _Lines:
    """A file that lets a running cell's lines through above the progress bar."""

    def write(self, text: str) -> None:
        with tqdm.external_write_mode(file=sys.stdout):
            sys.stdout.write(textwrap.indent(text, "    "))

    def flush(self) -> None:
        sys.stdout.flush()


class _Client(PapermillNotebookClient):
    """Runs a notebook, and shows beside papermill's bar how far the bar inside the running cell is.

    In a notebook, tqdm's bar is a widget: its text travels as updates of that widget, which nothing prints.
    """

    managers: ClassVar[list[Any]] = []  # of the kernels that were started

    def create_kernel_manager(self):
        self.managers.append(super().create_kernel_manager())
        return self.managers[-1]

    def handle_comm_msg(self, outs, msg, cell_index):
        super().handle_comm_msg(outs, msg, cell_index)
        data = msg["content"].get("data", {})
        text = html.unescape(str(data.get("state", {}).get("value", ""))).strip()
        if self.nb_man.pbar is not None and re.search(r"\[.*\]", text):
            self.nb_man.pbar.set_postfix_str(text)


def forget_kernels() -> None:
    """Remove the files through which kernels are found, of kernels that were killed."""
    for manager in _Client.managers:
        manager.cleanup_connection_file()


class _Engine(NBClientEngine):
    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, start_timeout=60, stdout_file=None, **kwargs):
        client = _Client(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            timeout=None,
            stdout_file=stdout_file,
            extra_arguments=["--log-level=ERROR"],  # of the kernel itself; what notebooks say is not touched
        )
        client.execute()


papermill_engines.register("gancourse", _Engine)


def execute(path: Path, out: Path, folder: Path, profile: str) -> tuple[str | None, float]:
    """Run the notebook ``path`` in ``folder`` and write it with its outputs to ``out``.

    Returns what went wrong (None if nothing did) and the seconds it took. The kernel is this interpreter's
    own, whatever other kernels are registered on the machine, and is told the profile by GANCOURSE_PROFILE. What its
    exercises' checks say goes into nobody's progress file.
    """
    os.environ["GANCOURSE_PROFILE"] = profile
    os.environ["GANCOURSE_PROGRESS"] = "off"
    own = str(Path(sys.prefix) / "share" / "jupyter")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [own, os.environ.get("JUPYTER_PATH")]))
    out.parent.mkdir(parents=True, exist_ok=True)
    bar: Any = {"desc": path.stem, "leave": False, "file": sys.stderr, "dynamic_ncols": True}
    start, trouble = time.perf_counter(), None
    try:
        papermill.execute_notebook(
            str(path),
            str(out),
            engine_name="gancourse",
            kernel_name="python3",
            cwd=str(folder),
            progress_bar=bar if sys.stderr.isatty() else False,
            start_timeout=START,
            stdout_file=_Lines(),
        )
    except PapermillExecutionError as error:
        traceback = "\n".join(error.traceback) or f"{error.ename}: {error.evalue}"
        source = textwrap.indent(error.source.rstrip(), "    ")
        plain = re.sub(r"\x1b\[[0-9;]*m", "", traceback)
        trouble = f"cell In [{error.exec_count}]:\n{source}\n\n{plain}"
    except Exception as error:  # a dead kernel, a notebook that is not one: the next notebook may still run
        trouble = f"{type(error).__name__}: {error}"
    return trouble, time.perf_counter() - start


def sync(root: Path, chosen: str = "") -> list[str]:
    """Build ``notebooks/*.ipynb`` from their sources; returns the names of those that changed."""
    changed = []
    for name in notebooks.names(root, chosen):
        notebook_head.update(root, name)
        path = notebooks.built_path(root, name)
        old = notebooks.read(path) if path.exists() else None
        built = notebooks.build(notebooks.read_source(notebooks.source_path(root, name)), old, name)
        if notebooks.write(built, path):
            changed.append(name)
    return changed


def check(root: Path, chosen: str = "") -> list[str]:
    """What keeps the built notebooks from agreeing with their sources; empty if they do."""
    found = []
    for name in notebooks.names(root, chosen):
        path = notebooks.built_path(root, name)
        if not path.exists():
            found.append(f"{name}: not built yet")
            continue
        if notebook_head.update(root, name, write=False):
            found.append(f"{name}: its badge, its address or its table of minutes is not up to date")
        source = notebooks.read_source(notebooks.source_path(root, name))
        found += [f"{name}: {line}" for line in notebooks.differences(source, notebooks.read(path))]
    return found


def course(root: Path, profile: str, chosen: str = "", keep_going: bool = False) -> list[dict[str, Any]]:
    """Run the chosen notebooks into ``build/notebooks``; write their pages and the index to ``build/html``.

    Returns one record for each (name, status "ok", "failed" or "not run", seconds, profile), and stops at the
    first failure unless ``keep_going``. ``build/course.json`` holds them and those of earlier runs; it and the index
    are written after each notebook, so that whoever stops keeps what is finished.
    """
    build = root / "build"
    chosen_names = notebooks.names(root, chosen)
    records: list[dict[str, Any]] = []
    stopped = False
    for n, name in enumerate(chosen_names, start=1):
        record: dict[str, Any] = {"name": name, "status": "not run", "seconds": None, "profile": profile}
        records.append(record)
        if stopped:
            continue
        say(f"[{n}/{len(chosen_names)}] {name} ({profile})")
        source, out = notebooks.built_path(root, name), build / "notebooks" / f"{name}.ipynb"
        if not source.exists():
            sync(root, name)
        trouble, seconds = execute(source, out, source.parent, profile)
        record.update(status="failed" if trouble else "ok", seconds=round(seconds, 1))
        with stopping.whole():
            if out.exists():
                pages.write_page(out, build / "html")
            _keep(records, root)
        say(f"[{n}/{len(chosen_names)}] {name}: {record['status']} in {seconds:.0f} s")
        if trouble:
            say(f"\n{name} failed in {trouble}\n")
            stopped = not keep_going
    play.write(build / "html", site.FRAME)
    with stopping.whole():
        index = _keep(records, root)
    say(f"pages: {os.path.relpath(index, Path.cwd())}")
    return records


def _keep(records: list[dict[str, Any]], root: Path) -> Path:
    """Write these records and those of earlier runs, and the index of the pages; returns the index."""
    build = root / "build"
    table = build / "course.json"
    earlier = json.loads(table.read_text(encoding="utf-8")) if table.exists() else []
    merged = {record["name"]: record for record in [*earlier, *records]}
    everything = [merged[name] for name in notebooks.names(root) if name in merged]
    write_atomically(table, (json.dumps(everything, indent=1) + "\n").encode())
    return site.finish(everything, build / "notebooks", build / "html", root)


def refresh(root: Path, profile: str, chosen: str = "") -> list[dict[str, Any]]:
    """Run the chosen notebooks and write their outputs back into ``notebooks/``; returns a record of each."""
    sync(root, chosen)
    records: list[dict[str, Any]] = []
    for name in notebooks.names(root, chosen):
        path = notebooks.built_path(root, name)
        say(f"{name} ({profile})")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / path.name
            trouble, seconds = execute(path, out, path.parent, profile)
            status = "failed" if trouble else "ok"
            records.append({"name": name, "status": status, "profile": profile, "seconds": seconds})
            if trouble:
                say(f"\n{name} failed after {seconds:.0f} s, and keeps its old outputs: {trouble}\n")
                continue
            changed = notebooks.write(notebooks.copy_outputs(notebooks.read(out), notebooks.read(path)), path)
        say(f"{name}: {'outputs written' if changed else 'nothing changed'}, {seconds:.0f} s")
    return records


def refresh_plans(root: Path, profile: str, chosen: str = "") -> list[str]:
    """Run the chosen notebooks up to their plan cells, and keep what these print: for minutes that are newly measured.

    Returns the names of the notebooks that changed. Raises RuntimeError when one does not run.
    """
    sync(root, chosen)
    changed = []
    for name in notebooks.names(root, chosen):
        path = notebooks.built_path(root, name)
        whole, head = notebooks.read(path), notebooks.read(path)
        ends = [n for n, cell in enumerate(whole.cells) if re.search(r"^plan = ", cell.source, re.MULTILINE)]
        head.cells = head.cells[: ends[0] + 1] if ends else []
        with tempfile.TemporaryDirectory() as folder:
            start, out = Path(folder) / "start.ipynb", Path(folder) / "out.ipynb"
            notebooks.write(head, start)
            trouble, _ = execute(start, out, path.parent, profile)
            if trouble:
                raise RuntimeError(f"{name} does not reach its plan: {trouble}")
            whole.cells[: len(head.cells)] = notebooks.copy_outputs(notebooks.read(out), head).cells
        if notebooks.write(notebooks.tidy(whole), path):
            changed.append(name)
    return changed


def make_html(root: Path, chosen: str = "") -> Path:
    """Pages of the committed notebooks as they are, and an index of them."""
    folder = root / "build" / "html"
    records = []
    for name in notebooks.names(root, chosen):
        pages.write_page(notebooks.built_path(root, name), folder)
        records.append({"name": name, "status": "as committed", "seconds": None, "profile": ""})
    play.write(folder, site.FRAME)
    return site.finish(records, root / "notebooks", folder, root)


def record_minutes(records: list[dict[str, Any]], path: Path) -> None:
    """Add measured minutes to ``path``, where ``gancourse.course.profiles`` reads them.

    The table is {"lessons": {lesson: {class of device: {profile: minutes}}}, "machines": {class of device:
    what it was measured on}}. Runs that failed are not recorded.
    """
    from gancourse.course import profiles
    from gancourse.training import provenance

    table: dict[str, Any] = {"lessons": {}, "machines": {}}
    if path.exists():
        table = json.loads(path.read_text(encoding="utf-8"))
    device = profiles.device_class()
    for record in records:
        if record["status"] == "ok":
            minutes = round(record["seconds"] / 60, 2)
            table["lessons"].setdefault(record["name"], {}).setdefault(device, {})[record["profile"]] = minutes
    table["machines"][device] = provenance.describe()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def say(text: str) -> None:
    print(text, flush=True)
