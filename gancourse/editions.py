"""Build student and instructor edition of the notebooks from one source: `python -m gancourse.editions`.

The source is a notebook whose exercise cells hold the stubs. A cell that a student fills in carries the tag
`exercise:MODULE.NAME`, for example `exercise:minimax01.optimal_discriminator`, where
`gancourse.exercises.MODULE.NAME` is the exercise. In the jupytext script:

    # %% tags=["exercise:minimax01.optimal_discriminator"]
    def my_optimal_discriminator(p, p_g):
        ...  # your code

    # %%
    ex.optimal_discriminator.check(my_optimal_discriminator)

The cell defines exactly one name, a function or a value (`my_answer = ...`). The name is free, and the call
of `check` may stand in the same cell, at its end. The student edition keeps all cells as they are. The
instructor edition replaces the definition by the code of the reference solution, bound to the same name;
imports and calls in that cell stay. Outputs that the solution changes are removed: those of the exercises'
cells and of cells that call `.check(`.

With `--execute` both editions are run (nbclient; GANCOURSE_PROFILE applies) and keep their outputs, and every
exercise must come out "not attempted" in the student edition and "correct" in the instructor edition.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from gancourse.exercises.engine import Exercise

EDITIONS = {"student": "not attempted", "instructor": "correct"}

_TAG = "exercise:"
# Run after the last cell, and not kept: what each check said, in a form that no text of a message can imitate
_COLLECT = "import json\nfrom gancourse.exercises import engine\nprint(json.dumps(engine.results))"


class EditionError(Exception):
    """A notebook does not follow the rules above, or an edition does not come out as it must."""


def build(source: Path, out: Path, execute: bool = False) -> dict[str, Path]:
    """Write `out`/student/NAME.ipynb and `out`/instructor/NAME.ipynb from a notebook (.ipynb or percent .py).

    Returns the two paths by edition. Raises `EditionError`, which names the notebook and the cell.
    """
    import nbformat

    notebook = read(source)
    written = {}
    for edition, expected in EDITIONS.items():
        result = instructor(notebook, source.name) if edition == "instructor" else copy.deepcopy(notebook)
        if execute:
            _run(result, f"{source.name}, {edition} edition", tagged(notebook, source.name), expected)
        path = out / edition / f"{source.stem}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(result, path)
        written[edition] = path
    return written


def read(source: Path) -> Any:
    """A notebook from .ipynb or from a jupytext percent script."""
    if source.suffix == ".py":
        import jupytext

        return jupytext.read(source)
    import nbformat

    return nbformat.read(source, as_version=4)


def tagged(notebook: Any, name: str) -> dict[int, Exercise]:
    """The exercise of each tagged cell, by the cell's index.

    Raises `EditionError` for an unknown exercise, one that is tagged twice, and a call of `ex.NAME.check(`
    for which no cell is tagged.
    """
    found: dict[int, Exercise] = {}
    for index, cell in enumerate(notebook.cells):
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(_TAG):
                found[index] = _exercise(tag, f"{name}, cell {index}")
    keys = [exercise.key for exercise in found.values()]
    for key in keys:
        if keys.count(key) > 1:
            raise EditionError(f"{name}: {_TAG}{key} tags {keys.count(key)} cells, expected one.")
    names = {exercise.name for exercise in found.values()}
    for index, cell in enumerate(notebook.cells):
        for checked in re.findall(r"\bex\.(\w+)\.check\(", cell.source) if cell.cell_type == "code" else []:
            if checked not in names:
                raise EditionError(
                    f"{name}, cell {index}: ex.{checked} is checked, but no cell is tagged for it. "
                    f'Tag the cell with its stub "{_TAG}MODULE.{checked}".'
                )
    return found


def _exercise(tag: str, where: str) -> Exercise:
    module, _, name = tag.removeprefix(_TAG).partition(".")
    try:
        exercise = getattr(importlib.import_module(f"gancourse.exercises.{module}"), name)
    except (ImportError, AttributeError):
        exercise = None
    if not isinstance(exercise, Exercise):
        raise EditionError(f"{where}: {tag!r} names no exercise; expected {_TAG}MODULE.NAME.")
    return exercise


def instructor(notebook: Any, name: str) -> Any:
    """A copy of the notebook with the reference solution in each tagged cell."""
    result = copy.deepcopy(notebook)
    for index, exercise in tagged(result, name).items():
        cell = result.cells[index]
        cell.source = fill(cell.source, exercise, f"{name}, cell {index}")
        _clear(cell)
    for cell in result.cells:
        if cell.cell_type == "code" and ".check(" in cell.source:
            _clear(cell)
    return result


def fill(stub: str, exercise: Exercise, where: str = "the cell") -> str:
    """The cell's code with its one definition replaced by the reference solution, under the same name."""
    parts: list[str] = []
    defined: list[str] = []
    try:
        nodes = ast.parse(stub).body
    except SyntaxError as error:
        raise EditionError(
            f"{where}: line {error.lineno} is not Python (no magics here): {error.text}"
        ) from None
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.Assign | ast.AnnAssign):
            name = node.name if isinstance(node, ast.FunctionDef) else ast.unparse(_target(node))
            defined.append(name)
            parts.append(exercise.solution_code(name))
        else:
            parts.append(ast.get_source_segment(stub, node) or "")
    if len(defined) != 1 or not defined[0].isidentifier():
        raise EditionError(
            f"{where}: an exercise's cell must define one name, a function or a value, and it defines "
            f"{', '.join(defined) or 'none'}. Move the rest to a cell of its own."
        )
    separator = "\n" if exercise.value else "\n\n\n"
    return separator.join(parts)


def _target(node: ast.Assign | ast.AnnAssign) -> ast.expr:
    return node.target if isinstance(node, ast.AnnAssign) else node.targets[0]


def _clear(cell: Any) -> None:
    cell.outputs = []
    cell.execution_count = None


def _run(notebook: Any, where: str, exercises: dict[int, Exercise], expected: str) -> None:
    import nbclient
    import nbformat

    notebook.cells.append(nbformat.v4.new_code_cell(_COLLECT))
    try:
        nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    except nbclient.exceptions.CellExecutionError as error:
        raise EditionError(f"{where}: a cell stops with an error.\n{error}") from error
    verify(json.loads(notebook.cells.pop().outputs[0].text), exercises, expected, where)


def verify(results: dict[str, str], exercises: dict[int, Exercise], expected: str, where: str) -> None:
    """Raise `EditionError` unless every exercise has the expected status; `results` as in the engine."""
    for exercise in exercises.values():
        status = results.get(exercise.key, "never checked")
        if status != expected:
            raise EditionError(f"{where}: {exercise.key} is {status!r}, expected {expected!r}.")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status, 1 after an `EditionError`."""
    parser = argparse.ArgumentParser(
        prog="python -m gancourse.editions", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: notebooks/*.ipynb")
    parser.add_argument("--out", type=Path, default=Path("build/editions"), help="default: build/editions")
    parser.add_argument("--execute", action="store_true", help="run both editions and check every exercise")
    options = parser.parse_args(arguments)
    sources = options.notebooks or sorted(Path("notebooks").glob("*.ipynb"))
    if not sources:
        print("no notebooks found: run this in the repository, or name them", file=sys.stderr)
        return 1
    for source in sources:
        try:
            written = build(source, options.out, options.execute)
        except EditionError as error:
            print(error, file=sys.stderr)
            return 1
        print(*written.values(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
