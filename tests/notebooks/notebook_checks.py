"""What every committed notebook must be: each check takes a notebook and says what is wrong with it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCAL_PATH = re.compile(r"/(?:home|root|tmp|Users|private|var/folders)/|\b[A-Z]:\\")
DURATION = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*(?:s|seconds?|min|minutes?)\b")
IMAGE_MIMES = ("image/png", "image/jpeg", "image/svg+xml")
NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
PROGRESS = (
    "## What you have passed\n\nRun this cell at any time, also on another day: it lists which exercises of this "
    "lesson are passed and which are open."
)


def executed_top_to_bottom(notebook: Any) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, expected 1 to {len(counts)}: run `make refresh`"


def no_foreign_metadata(notebook: Any) -> Iterator[str]:
    """Widget state that a reader's browser cannot use, and what papermill notes about a run."""
    for key in ("widgets", "papermill"):
        if key in notebook.metadata:
            yield f"the notebook's metadata has {key!r}"
    for n, cell in enumerate(notebook.cells):
        foreign = set(cell.metadata) - {"tags"}
        if foreign:
            yield f"cell {n}: metadata {sorted(foreign)}"
        for output in cell.get("outputs", []):
            if any("widget" in mime for mime in output.get("data", {})):
                yield f"cell {n}: a widget view, which shows nothing without a kernel"


def no_errors(notebook: Any) -> Iterator[str]:
    for n, output in outputs(notebook):
        if output.output_type == "error":
            yield f"cell {n}: {output.ename}: {output.evalue}"
        if output.output_type == "stream" and output.name == "stderr":
            yield f"cell {n}: standard error says {output.text.strip()[:80]!r}"


def no_local_paths(notebook: Any) -> Iterator[str]:
    for n, output in outputs(notebook):
        text = text_of(output)
        if LOCAL_PATH.search(text) or str(ROOT) in text:
            yield f"cell {n}: an output holds a path of this machine"


def unique_ids(notebook: Any) -> Iterator[str]:
    ids = [cell.get("id") for cell in notebook.cells]
    for twice in sorted({str(i) for i in ids if ids.count(i) > 1 or not i}):
        yield f"id {twice!r} is missing or used more than once"


def title_goals_time(notebook: Any) -> Iterator[str]:
    start = "\n".join(cell.source for cell in notebook.cells[:4] if cell.cell_type == "markdown")
    if not re.match(r"# \d\d \S", start):
        yield "it does not start with a title such as '# 02 The multilayer GAN'"
    for phrase in ("What you will learn", "**Time"):
        if phrase not in start:
            yield f"its first cells lack {phrase!r}"


def alternative_text(notebook: Any) -> Iterator[str]:
    for n, output in outputs(notebook):
        for mime in set(IMAGE_MIMES) & set(output.get("data", {})):
            if not output.metadata.get(mime, {}).get("alt", "").strip():
                yield f"cell {n}: a picture ({mime}) without alternative text: show it with plots.show"
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=)", cell.source):
            yield f"cell {n}: a picture in the text without alternative text"


def compared_cells(notebook: Any, at_least: int = 6) -> Iterator[str]:
    """nbval must have numbers to compare: outputs that do not depend on profile, device or time."""
    count = sum(
        any(re.search(r"\d", compared_text(output)) for output in cell.outputs)
        for cell in code_cells(notebook)
        if not tags(cell) & {*NOT_COMPARED, "progress"}
    )
    if count < at_least:
        yield f"{count} cells have numbers that are compared, expected at least {at_least}"


def closed_forms_compared(notebook: Any) -> Iterator[str]:
    """A cell that calls gancourse.theory or sympy, and trains nothing, must let nbval compare its output."""
    exact = names_from(notebook, ("gancourse.theory", "gancourse.theory.minimax", "sympy"))
    exact -= names_from(notebook, ("gancourse.theory.games", "gancourse.theory.playground"))  # they train
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not tags(cell) & NOT_COMPARED or learns(cell):
            continue
        called = {name.split(".")[0] for name in calls(cell)} & exact
        if called:
            yield f"cell {n}: calls {', '.join(sorted(called))}, a closed form, and is not compared"


def training_took_time(notebook: Any) -> Iterator[str]:
    """A cell that calls fit or train says how many epochs it ran and how long."""
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not trains(cell):
            continue
        text = "\n".join(text_of(output) for output in cell.outputs)
        times = [float(found.replace(",", "")) for found in DURATION.findall(text)]
        if "epoch" not in text:
            yield f"cell {n}: it trains, and its output does not mention epochs"
        elif not any(time > 0 for time in times):
            yield f"cell {n}: it trains, and its output shows no time above 0"


def progress_at_the_end(notebook: Any) -> Iterator[str]:
    """A lesson with exercises says after the last of them what is passed, in the same words and place as the others."""
    cells = notebook.cells
    last = max((n for n, cell in enumerate(cells) if "exercise" in tags(cell) or _checks(cell)), default=-1)
    places = [n for n, cell in enumerate(cells) if "progress" in tags(cell)]
    if not any("exercise" in tags(cell) for cell in cells):
        if places:
            yield f"cell {places[0]}: says what is passed, and there is no exercise"
        return
    if len(places) != 2 or places[1] != places[0] + 1:
        yield f'cells {places} have the tag "progress", expected a text and the code after it'
        return
    number = cells[0].source[2:4]
    code = f'from gancourse.exercises import progress\n\nprogress("{number}")'
    if [cells[n].source for n in places] != [PROGRESS, code]:
        yield f"cells {places} say what is passed in words of their own; copy those of another lesson, with {number!r}"
    if places[0] < last:
        yield f"cell {places[0]}: says what is passed before the exercise in cell {last}"
    if not any(cell.source.startswith("## What we now know") for cell in cells[places[1] + 1 : places[1] + 2]):
        yield f"cell {places[1]}: what is passed is not followed by `## What we now know`"


def _checks(cell: Any) -> bool:
    return cell.cell_type == "code" and any(name.endswith(".check") for name in calls(cell))


CHECKS = (
    executed_top_to_bottom,
    no_foreign_metadata,
    no_errors,
    no_local_paths,
    unique_ids,
    title_goals_time,
    alternative_text,
    compared_cells,
    closed_forms_compared,
    training_took_time,
    progress_at_the_end,
)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def outputs(notebook: Any) -> Iterator[tuple[int, Any]]:
    for n, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            yield n, output


def tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def text_of(output: Any) -> str:
    """All the text of an output, without encoded pictures."""
    if output.output_type == "stream":
        return output.text
    data = {mime: value for mime, value in output.get("data", {}).items() if not mime.startswith("image/")}
    texts = [value if isinstance(value, str) else json.dumps(value) for value in data.values()]
    return "\n".join([*texts, json.dumps(output.get("metadata", {})), *output.get("traceback", [])])


def compared_text(output: Any) -> str:
    """What counts as a compared result: printed text and plain values, not a figure's caption."""
    if output.output_type == "stream":
        return output.text if output.name == "stdout" else ""
    data = output.get("data", {})
    if "text/markdown" in data or any(mime in data for mime in IMAGE_MIMES):
        return ""
    return data.get("text/plain", "")


def parse(cell: Any) -> ast.Module:
    """The cell's syntax tree; lines that only IPython understands count as empty statements."""
    plain = re.sub(r"^(\s*)[%!?].*$", r"\1pass", cell.source, flags=re.MULTILINE)
    return ast.parse(plain)


def calls(cell: Any) -> set[str]:
    """What the cell calls, as dotted names such as "theory.jsd"; a call without arguments keeps its "()"."""
    found = set()
    for node in ast.walk(parse(cell)):
        if isinstance(node, ast.Call):
            bare = "" if node.args or node.keywords else "()"
            found.add(ast.unparse(node.func) + bare)
    return found


def trains(cell: Any) -> bool:
    """Whether it calls ``trainer.fit`` or ``train(...)``; ``module.train()`` only sets a mode."""
    return any(re.search(r"\.fit(\(\))?$|^(training\.)?train$", name) for name in calls(cell))


def learns(cell: Any) -> bool:
    """Whether it trains, or calls a helper such as ``train_discriminator``, whose numbers may differ."""
    return trains(cell) or any(re.search(r"(^|\.)train_\w+(\(\))?$", name) for name in calls(cell))


def names_from(notebook: Any, modules: tuple[str, ...]) -> set[str]:
    """Names by which the notebook knows these modules and what it imports from them."""
    found = set()
    for cell in code_cells(notebook):
        for node in ast.walk(parse(cell)):
            if isinstance(node, ast.Import):
                found |= {a.asname or a.name.split(".")[0] for a in node.names if a.name in modules}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {
                    a.asname or a.name
                    for a in node.names
                    if node.module in modules or f"{node.module}.{a.name}" in modules
                }
    return found
