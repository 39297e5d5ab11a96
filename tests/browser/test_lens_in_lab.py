"""The lens over enlargements in JupyterLab in a real browser: by mouse, by keyboard, by a press on a version."""

from __future__ import annotations

import pytest
import torch
from lab import quiet, record

from gancourse.widgets.lens import EDGE, LARGE, TOP, Lens

STEADY = pytest.mark.usefixtures("nothing_is_appended_and_nothing_complains")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), STEADY]
LENS = ".gc-lens"
CELLS = (
    "from gancourse import widgets\n"
    "from gancourse.data.churches import procedural_churches\n"
    "from gancourse.data.degraded import enlarge_bicubic, shrink\n"
    "from gancourse.data.images import scale\n"
    "truth = scale(procedural_churches(3, 256)[0].pixels)\n"
    "small = shrink(truth)\n"
    'widgets.lens({"bicubic": enlarge_bicubic(small), "half grey": truth / 2}, truth, small)',
)


@pytest.fixture(scope="module")
def page(open_notebook):
    notebook = open_notebook("lens.ipynb", CELLS)
    notebook.run()
    notebook.page.wait_for_selector(f"{LENS} img")
    return notebook


@pytest.fixture(scope="module")
def place():
    """(column, row) of a picture of 256 pixels -> where it lies in the widget's picture, in [0, 1]."""
    grey = torch.zeros(1, 3, 256, 256)
    width, height = Lens({"bicubic": grey, "half grey": grey}, grey, grey[..., :64, :64]).size

    def found(column, row):
        return (EDGE + (column + 0.5) * LARGE / 256) / width, (TOP + (row + 0.5) * LARGE / 256) / height

    return found


def test_the_lens_follows_the_mouse(page, place):
    before = page.source(LENS)
    page.press(LENS, place(60, 200))
    milliseconds = page.changes(LENS, before, "lens, press to new picture")
    record("lens, press to new picture", milliseconds)
    if quiet():
        assert milliseconds < 150
    page.says(LENS, "around (60, 200)")
    page.screenshot("lens", LENS)


def test_it_follows_keys_and_another_version_comes_to_the_large_view(page):
    before = page.source(LENS)
    page.key(LENS, 0, "ArrowRight")  # x
    page.changes(LENS, before, "lens, key to new picture")
    page.says(LENS, "around (61, 200)")
    before = page.source(LENS)
    page.page.locator(f"{LENS} select").first.select_option("truth")
    page.changes(LENS, before, "lens, another version")
    page.says(LENS, "truth in the large view")


def test_arrow_keys_choose_from_a_list_and_do_not_go_from_cell_to_cell(page):
    chosen = page.page.locator(f"{LENS} select").first
    chosen.select_option("truth")
    page.says(LENS, "truth in the large view")
    before = page.source(LENS)
    chosen.focus()
    chosen.press("ArrowUp")  # JupyterLab's own command for it would select the cell above
    page.changes(LENS, before, "lens, arrow key in a list to new picture")
    assert page.page.evaluate("() => document.activeElement.tagName") == "SELECT"
