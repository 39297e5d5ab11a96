"""The committed notebooks as slides: `python -m gancourse slides [--notebooks 02,03]`, or `make slides`.

One slide per section; its further cells lie below it (arrow down). Cells that only draw show their figure, not their
code. The slides are nbconvert's, over reveal.js, which the browser loads from the network.
"""

from __future__ import annotations

import re
from pathlib import Path

from nbconvert import SlidesExporter
from traitlets.config import Config

from gancourse.publishing import notebooks

SKIPPED = {"setup", "parameters", "progress"}  # the last is a student's own: it says nothing to a class


def arranged(notebook: notebooks.Notebook) -> notebooks.Notebook:
    """Mark each cell of a notebook, in place: "slide" (a title or section), "subslide", "fragment" or "skip"."""
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        figure = any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        if tags & SKIPPED:
            kind = "skip"
        elif cell.cell_type == "markdown":
            kind = "slide" if re.match(r"##? ", cell.source) else "subslide"
        else:
            kind = "subslide" if figure or "exercise" in tags else "fragment"
        cell.metadata["slideshow"] = {"slide_type": kind}
        if figure:
            cell.metadata["tags"] = [*tags, "remove-input"]
    return notebook


def write(path: Path, folder: Path) -> Path:
    """Write the notebook `path` as slides, `folder/NAME.slides.html`; returns where."""
    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"remove-input"}
    exporter = SlidesExporter(config, reveal_scroll=True, reveal_number="c/t", reveal_transition="none")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    notebook = arranged(notebooks.tidy(notebooks.read(path)))
    notebook.metadata["title"] = notebooks.title(notebook, path.stem)
    body, _ = exporter.from_notebook_node(notebook)
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{path.stem}.slides.html"
    out.write_text(body, encoding="utf-8")
    return out


def write_all(root: Path, chosen: str = "") -> list[Path]:
    """Write the slides of the chosen notebooks to build/slides; returns their paths."""
    return [
        write(notebooks.built_path(root, name), root / "build" / "slides") for name in notebooks.names(root, chosen)
    ]
