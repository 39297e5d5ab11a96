"""The explorer of the optimal discriminator in JupyterLab in a real browser: by mouse and by keyboard."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("nothing_is_appended_and_nothing_complains"),
]
EXPLORER = ".gc-explorer"
CELLS = ("from gancourse import widgets\nwidgets.optimal_discriminator_explorer()",)


@pytest.fixture(scope="module")
def page(open_notebook):
    notebook = open_notebook("explorer.ipynb", CELLS)
    notebook.run()
    notebook.page.wait_for_selector(f"{EXPLORER} img")
    return notebook


def test_arrow_keys_choose_the_shape_of_the_data(page):
    shape = page.page.locator(f"{EXPLORER} select").first
    for key, chosen in (("ArrowDown", "two humps"), ("ArrowDown", "uniform"), ("ArrowUp", "two humps")):
        before = page.source(EXPLORER)
        shape.focus()
        shape.press(key)  # JupyterLab's own command for it would select the cell above or below
        page.changes(EXPLORER, before, "explorer, arrow key in a list to new picture")
        page.says(EXPLORER, f"Data: {chosen}")
    assert page.page.evaluate("() => document.activeElement.tagName") == "SELECT"


def test_the_picture_takes_no_press(page):
    before = page.words(EXPLORER)
    page.press(EXPLORER, (0.3, 0.3), (0.6, 0.3))
    page.page.wait_for_timeout(500)
    assert page.words(EXPLORER) == before


def test_sliders_follow_mouse_and_keys(page):
    before = page.source(EXPLORER)
    page.key(EXPLORER, 2, "ArrowRight")  # the mean of the generator
    page.changes(EXPLORER, before, "explorer, key to new picture")
    page.says(EXPLORER, "generator: mean 1.6")
    before = page.source(EXPLORER)
    page.drag(EXPLORER, 2, -40)
    page.changes(EXPLORER, before, "explorer, dragged slider to new picture")
