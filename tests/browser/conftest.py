"""One JupyterLab and one Chromium for all suites of this folder.

A suite marks itself with `pytestmark = pytest.mark.browser`, and opens notebooks with the fixture `open_notebook`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lab as tools


@pytest.fixture(scope="session")
def browser():
    with tools.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    with tools.serve(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def open_notebook(browser, lab):
    """open_notebook(name, cells) writes a notebook of these code cells and opens it; without cells it is there already.

    Closes the pages at the end of the module.
    """
    opened: list[tools.Notebook] = []

    def open_it(name: str, cells: tuple[str, ...] = (), without: str = "") -> tools.Notebook:
        if cells:
            lab.write(name, cells)
        opened.append(tools.Notebook(browser, lab, name, without))
        return opened[-1]

    yield open_it
    for notebook in opened:
        notebook.close()


@pytest.fixture
def nothing_is_appended_and_nothing_complains(page):
    """For suites whose fixture `page` is the one notebook that all their tests use."""
    before = page.outputs()
    yield
    assert page.outputs() == before
    assert page.errors == []
