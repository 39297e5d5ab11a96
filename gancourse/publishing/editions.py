"""Build student and instructor edition of the notebooks from one source: `python -m gancourse editions`.

The source is a notebook whose exercise cells hold the stubs. A cell that a student fills in carries the
tag `exercise` and defines one name, a function or a value (`my_answer = ...`). Which exercise it belongs
to is said by the check that is given this name, in the same cell or in another:

    # %%
    from gancourse.exercises import lesson01 as ex

    # %% tags=["exercise"]
    def my_optimal_discriminator(p, p_g):
        ...  # your code

    # %%
    ex.optimal_discriminator.check(my_optimal_discriminator)

The names are free, and other statements may stand in the cell. The student edition keeps all cells as
they are. The instructor edition replaces the definition by the code of the reference solution, bound to
the same name, and keeps the cell's other statements. Outputs that the solution changes are removed:
those of the exercises' cells, of cells that call `.check(`, and of the cell that says what is passed.

With `--execute` both editions are run (papermill; GANCOURSE_PROFILE applies) and keep their outputs, and
every exercise must come out "not attempted" in the student edition and "correct" in the instructor
edition.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from gancourse.exercises.checking.engine import Exercise

EDITIONS = {"student": "not attempted", "instructor": "correct"}

_TAG = "exercise"
_TOLD = re.compile(r"\.check\(|\bprogress\(")  # what a cell says that depends on the answers
# Run after the last cell, and not kept: what each check said, in a form that no text of a message can imitate
_COLLECT = "import json\nfrom gancourse.exercises.checking import engine\nprint(json.dumps(engine.results))"


class EditionError(ValueError):
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
            where = f"{source.name}, {edition} edition"
            _run(result, where, source.parent, tagged(notebook, source.name), expected)
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

    Raises `EditionError` for a tagged cell whose name is given to no check or to several, for two cells of
    one exercise, for an unknown exercise, and for a check of a name that no tagged cell defines.
    """
    trees = {index: _parse(cell.source) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    checks = _checks([node for tree in trees.values() for node in ast.walk(tree)], name)
    found: dict[int, Exercise] = {}
    names = set()
    for index, cell in enumerate(notebook.cells):
        if _TAG not in cell.metadata.get("tags", []):
            continue
        where = f"{name}, cell {index}"
        _, answer = _definition(cell.source, where)
        exercises = checks.get(answer, [])
        if len({exercise.key for exercise in exercises}) != 1:
            given = ", ".join(exercise.name for exercise in exercises) or "no check"
            raise EditionError(f"{where}: {answer} is given to {given}; expected one ex.NAME.check({answer}).")
        if exercises[0] in found.values():
            raise EditionError(f"{where}: a second cell for the exercise {exercises[0].name}, expected one.")
        found[index] = exercises[0]
        names.add(answer)
    for answer in checks.keys() - names:
        raise EditionError(
            f'{name}: {answer} is checked, but no cell with the tag "{_TAG}" defines it. Tag the cell with its stub.'
        )
    return found


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:  # a cell with a magic: it can hold neither a stub nor its check
        return ast.Module(body=[], type_ignores=[])


def _checks(nodes: list[ast.AST], name: str) -> dict[str, list[Exercise]]:
    """The exercises that each name is given to, from calls of the form `ex.NAME.check(answer)`."""
    modules = {
        alias.asname or alias.name: alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "gancourse.exercises"
        for alias in node.names
    }
    found: dict[str, list[Exercise]] = {}
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Attribute(attr="check", value=ast.Attribute(attr=exercise_name, value=ast.Name(id=module))),
                args=[ast.Name(id=answer)],
            ) if module in modules:
                exercises = importlib.import_module(f"gancourse.exercises.{modules[module]}")
                exercise = getattr(exercises, exercise_name, None)
                if not isinstance(exercise, Exercise):
                    raise EditionError(f"{name}: {exercises.__name__} has no exercise {exercise_name!r}.")
                found.setdefault(answer, []).append(exercise)
    return found


def _definition(source: str, where: str) -> tuple[int, str]:
    """Which of the statements in an exercise's cell is the one definition, and the name that it binds."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise EditionError(f"{where}: line {error.lineno} is not Python: {error.text}") from None
    found: list[tuple[int, str]] = []
    for position, node in enumerate(body):
        match node:
            case ast.FunctionDef(name=bound):
                found.append((position, bound))
            case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
                found.append((position, ast.unparse(target)))
    if len(found) != 1 or not found[0][1].isidentifier():
        defined = ", ".join(bound for _, bound in found) or "none"
        raise EditionError(
            f"{where}: an exercise's cell must define one name, a function or a value, and it defines "
            f"{defined}. Move the rest to a cell of its own."
        )
    return found[0]


def instructor(notebook: Any, name: str) -> Any:
    """A copy of the notebook with the reference solution in each tagged cell."""
    result = copy.deepcopy(notebook)
    for index, exercise in tagged(result, name).items():
        cell = result.cells[index]
        cell.source = fill(cell.source, exercise, f"{name}, cell {index}")
        _clear(cell)
    for cell in result.cells:
        if cell.cell_type == "code" and _TOLD.search(cell.source):
            _clear(cell)
    return result


def fill(stub: str, exercise: Exercise, where: str = "the cell") -> str:
    """The cell's code with its one definition replaced by the reference solution, under the same name."""
    definition, name = _definition(stub, where)
    parts = [
        exercise.solution_code(name) if position == definition else ast.get_source_segment(stub, node) or ""
        for position, node in enumerate(ast.parse(stub).body)
    ]
    return ("\n" if exercise.value else "\n\n\n").join(parts)


def _clear(cell: Any) -> None:
    cell.outputs = []
    cell.execution_count = None


def _run(notebook: Any, where: str, folder: Path, exercises: dict[int, Exercise], expected: str) -> None:
    import nbformat

    from gancourse.publishing.pipeline import execute

    cells = [*notebook.cells, nbformat.v4.new_code_cell(_COLLECT)]
    with tempfile.TemporaryDirectory() as temporary:
        start, out = Path(temporary) / "start.ipynb", Path(temporary) / "out.ipynb"
        nbformat.write(nbformat.from_dict({**notebook, "cells": cells}), start)
        trouble, _ = execute(start, out, folder, os.environ.get("GANCOURSE_PROFILE", ""))
        if trouble:
            raise EditionError(f"{where}: {trouble}")
        done = read(out)
    for cell, executed in zip(notebook.cells, done.cells, strict=False):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
    if "widgets" in done.metadata:
        notebook.metadata["widgets"] = done.metadata.widgets
    verify(json.loads(done.cells[-1].outputs[0].text), exercises, expected, where)


def verify(results: dict[str, str], exercises: dict[int, Exercise], expected: str, where: str) -> None:
    """Raise `EditionError` unless every exercise has the expected status; `results` as in the engine."""
    for exercise in exercises.values():
        status = results.get(exercise.key, "never checked")
        if status != expected:
            raise EditionError(f"{where}: {exercise.key} is {status!r}, expected {expected!r}.")
