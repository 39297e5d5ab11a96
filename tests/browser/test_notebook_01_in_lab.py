"""Notebook 01 as a reader meets it: opened in JupyterLab, run from top to bottom, its widgets used."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from lab import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
NAME = "01_minimax_theory.ipynb"
ERRORS = '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]'


def test_notebook_01_runs_and_its_widgets_answer(open_notebook, lab):
    shutil.copy(ROOT / "notebooks" / NAME, lab.folder)
    notebook = open_notebook(NAME)
    page = notebook.page
    stored = nbformat.read(ROOT / "notebooks" / NAME, as_version=4)
    pictures = sum("image/png" in o.get("data", {}) for cell in stored.cells for o in cell.get("outputs", []))
    script = "n => document.querySelectorAll('.jp-OutputArea-output img[src^=\"data:image/png\"]').length === n"
    notebook.wait(script, pictures)  # before anything runs the stored pictures are there, the widgets' among them
    for css in (".gc-explorer", ".gc-playground"):
        assert page.locator(css).count() == 0
    print(f"notebook 01, smoke profile: {notebook.run():.0f} s")
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert [prompt.strip(" []:") for prompt in prompts] == [str(n) for n in range(1, len(prompts) + 1)]
    assert page.locator(ERRORS).all_inner_texts() == []
    outputs = notebook.outputs()

    before = notebook.source(".gc-explorer")
    notebook.drag(".gc-explorer", 2, -40)  # the mean of the generator
    notebook.changes(".gc-explorer", before, "notebook 01, explorer, dragged slider to new picture")

    shown = [notebook.source(".gc-playground")]
    notebook.click(".gc-playground", "Run")
    for _ in range(5):
        notebook.changes(".gc-playground", shown[-1], "notebook 01, playground, from picture to picture")
        shown.append(notebook.source(".gc-playground"))
    notebook.click(".gc-playground", "Pause")
    notebook.says(".gc-playground", "Paused")
    notebook.screenshot("notebook-01")

    assert notebook.outputs() == outputs  # pictures are replaced, never appended
    assert notebook.errors == []
