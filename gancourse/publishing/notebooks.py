"""A notebook as a file: built from its source in ``notebooks/src``, compared with it, and kept tidy.

The text of a notebook is edited in ``notebooks/src/NAME.py`` (jupytext's percent format).
``notebooks/NAME.ipynb`` is built from it, and is committed because it holds what the source cannot: outputs.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from gancourse.publishing.lighter import lighter_text

Notebook = nbformat.NotebookNode

# The same for every notebook and every machine, so that running one somewhere else changes nothing here.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
WIDGET_MIMES = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")
PROGRESS_BAR = re.compile(r"\d+%\|.*\||\d+it \[.*\]")  # what tqdm prints: " 45%|####5     | 9/20 [00:12<00:15]"


def names(root: Path, chosen: str = "") -> list[str]:
    """Names of the course's notebooks, in reading order.

    ``chosen`` picks some of them by the beginnings of their names, comma-separated: ``"02,03"``. Raises
    FileNotFoundError where ``root`` has no ``notebooks/src``, and ValueError for a beginning that fits none.
    """
    folder = root / "notebooks" / "src"
    every = sorted(path.stem for path in folder.glob("*.py"))
    if not every:
        raise FileNotFoundError(f"no notebook sources in {folder}: run this from the root of the repository")
    wanted = [part for part in re.split(r"[,\s]+", chosen) if part]
    for part in wanted:
        if not any(name.startswith(part) for name in every):
            raise ValueError(f"no notebook begins with {part!r}; there are {', '.join(every)}")
    return [name for name in every if not wanted or any(name.startswith(part) for part in wanted)]


def source_path(root: Path, name: str) -> Path:
    return root / "notebooks" / "src" / f"{name}.py"


def built_path(root: Path, name: str) -> Path:
    return root / "notebooks" / f"{name}.ipynb"


def read(path: Path) -> Notebook:
    return nbformat.read(path, as_version=4)


def read_source(path: Path) -> Notebook:
    """The source as a notebook without outputs or ids; of the cells' metadata only the tags count."""
    notebook = jupytext.read(path, fmt="py:percent")
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": list(tags)} if tags else {})
    return notebook


def write(notebook: Notebook, path: Path) -> bool:
    """Write in one step, so that an interruption leaves the old file whole; True if the file changed."""
    text = nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return True


def build(source: Notebook, old: Notebook | None, name: str) -> Notebook:
    """``source`` with the ids of ``old``'s cells, and with the outputs of those that did not change.

    A cell that changed keeps its place's id and loses its outputs; a new cell gets an id that follows from
    the notebook's name and the cell's text, so that building twice gives the same file.
    """
    cells = source.cells
    before = old.cells if old is not None else []
    for cell in cells:
        cell.pop("id", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    matcher = difflib.SequenceMatcher(None, [_text(c) for c in before], [_text(c) for c in cells], autojunk=False)
    for _, low, high, start, stop in matcher.get_opcodes():
        for was, now in zip(before[low:high], cells[start:stop], strict=False):
            if was.cell_type != now.cell_type:
                continue
            now["id"] = was.get("id")
            if now.cell_type == "code" and was.source == now.source:
                now.outputs, now.execution_count = was.outputs, was.execution_count
    used: set[str] = set()
    for cell in cells:
        salt = 0
        while not cell.get("id") or cell["id"] in used:
            digest = hashlib.sha256(f"{name}\n{salt}\n{cell.cell_type}\n{cell.source}".encode())
            cell["id"] = digest.hexdigest()[:8]
            salt += 1
        used.add(cell["id"])
    built = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    built.nbformat_minor = 5
    return built


def differences(source: Notebook, built: Notebook) -> list[str]:
    """How ``built`` departs from its source: one line for each cell whose type, text or tags differ."""
    found = []
    for n, (a, b) in enumerate(zip(source.cells, built.cells, strict=False)):
        for what, left, right in (
            ("type", a.cell_type, b.cell_type),
            ("source", a.source, b.source),
            ("tags", a.metadata.get("tags", []), b.metadata.get("tags", [])),
        ):
            if left != right:
                first = a.source.strip().splitlines()[0] if a.source.strip() else "(empty)"
                found.append(f"cell {n} ({first[:60]}): the {what} differs")
    if len(source.cells) != len(built.cells):
        found.append(f"the source has {len(source.cells)} cells, the notebook {len(built.cells)}")
    return found


def copy_outputs(executed: Notebook, built: Notebook) -> Notebook:
    """``built`` with the outputs of ``executed``, cell by cell (by id), tidied: see :func:`tidy`.

    Their pictures are packed into fewer bytes: see :func:`lighten`.
    """
    fresh = {cell["id"]: cell for cell in executed.cells}
    for cell in built.cells:
        if cell.cell_type == "code":
            cell.outputs = fresh[cell["id"]].outputs
            cell.execution_count = fresh[cell["id"]].execution_count
    return tidy(lighten(built))


def lighten(notebook: Notebook) -> Notebook:
    """The notebook with its pictures in fewer bytes and the same pixels; takes a second or two a picture."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if png := output.get("data", {}).get("image/png"):
            output.data["image/png"] = lighter_text(png)
    return notebook


def tidy(notebook: Notebook) -> Notebook:
    """Leave only what a reader of the committed file needs, so that refreshing twice gives the same file.

    Execution counts become 1 to n. Widget views go (nobody can show them without a kernel, and GitHub refuses
    a notebook whose widget state is missing), and so does an output that was only a progress bar. Metadata
    of widgets and papermill goes; that of an output, which holds a figure's alternative text, stays.
    """
    count = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": list(tags)} if tags else {})
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
        cell.outputs = _tidy_outputs(cell.outputs, cell.execution_count)
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def _tidy_outputs(outputs: list[Any], count: int | None) -> list[Any]:
    kept: list[Any] = []
    for output in outputs:
        if output.output_type == "stream":
            # A carriage return overwrites the line: what stays is what a terminal would show in the end.
            lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in output.text.split("\n")]
            if output.name == "stderr":
                lines = [line for line in lines if not PROGRESS_BAR.search(line)]
            output.text = "\n".join(lines)
            if not output.text.strip():
                continue
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text
                continue
        elif output.output_type in ("display_data", "execute_result"):
            for mime in WIDGET_MIMES:
                output.data.pop(mime, None)
            only_text = set(output.data) <= {"text/plain"}
            if only_text and (not output.data or PROGRESS_BAR.search(output.data["text/plain"])):
                continue
            if "execution_count" in output:
                output.execution_count = count
        kept.append(output)
    return kept


def _text(cell: Notebook) -> tuple[str, str]:
    return cell.cell_type, cell.source


def title(notebook: Notebook | None, otherwise: str) -> str:
    """The notebook's first heading, as plain text: without the dollar signs round a formula."""
    for cell in notebook.cells if notebook is not None else []:
        found = re.search(r"^# +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return found.group(1).replace("$", "").strip()
    return otherwise
