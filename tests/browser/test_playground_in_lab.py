"""The playground and the explorer in JupyterLab, in a real browser, as a reader uses them."""

from __future__ import annotations

import time

import pytest

from gancourse.theory.plane import VIEW
from gancourse.widgets.page import SIZE
from gancourse.widgets.playground import MAIN

STEADY = pytest.mark.usefixtures("nothing_is_appended_and_nothing_complains")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), STEADY]
EXPLORER, BOARD = ".gc-explorer", ".gc-playground"
CELLS = (
    "import torch\nfrom gancourse import widgets\ntorch.set_num_threads(1)",
    "widgets.optimal_discriminator_explorer()",
    "widgets.playground()",
)


@pytest.fixture(scope="module")
def page(open_notebook):
    notebook = open_notebook("widgets.ipynb", CELLS)
    notebook.run()
    for css in (EXPLORER, BOARD):
        notebook.page.wait_for_selector(f"{css} img")
    return notebook


def place(x, y):
    """Where a point of the plane lies in the playground's picture, in [0, 1]."""
    left, top, right, bottom = MAIN
    across, down = (x + VIEW) / (2 * VIEW), (VIEW - y) / (2 * VIEW)
    return (left + (right - left) * across) / SIZE[0], (top + (bottom - top) * down) / SIZE[1]


def test_a_dragged_slider_moves_the_explorers_picture_and_its_words(page):
    words, before = page.words(EXPLORER), page.source(EXPLORER)
    page.drag(EXPLORER, 2, -40)  # the mean of the generator
    page.changes(EXPLORER, before, "explorer, dragged slider to new picture")
    page.wait("words => document.querySelector('.gc-explorer [role=status]').innerText !== words", words)
    page.page.wait_for_timeout(300)
    page.screenshot("explorer", EXPLORER)


def test_a_key_moves_the_slider_by_one_step(page):
    before = page.source(EXPLORER)
    page.key(EXPLORER, 0, "ArrowRight")  # the mean of the data, from -1.0
    page.changes(EXPLORER, before, "explorer, key to new picture")
    page.says(EXPLORER, "mean -0.9, width")


def test_arrow_keys_choose_the_shape_of_the_data(page):
    shape = page.page.locator(f"{EXPLORER} select").first
    for key, chosen in (("ArrowDown", "two humps"), ("ArrowDown", "uniform"), ("ArrowUp", "two humps")):
        before = page.source(EXPLORER)
        shape.focus()
        shape.press(key)  # JupyterLab's own command for it would select the cell above or below
        page.changes(EXPLORER, before, "explorer, arrow key in a list to new picture")
        page.says(EXPLORER, f"Data: {chosen}")
    assert page.page.evaluate("() => document.activeElement.tagName") == "SELECT"


def test_the_explorers_picture_takes_no_press(page):
    before = page.words(EXPLORER)
    page.press(EXPLORER, (0.3, 0.3), (0.6, 0.3))
    page.page.wait_for_timeout(500)
    assert page.words(EXPLORER) == before


def test_a_step_moves_the_picture(page):
    before = page.source(BOARD)
    page.click(BOARD, "Step both")
    page.changes(BOARD, before, "playground, step to new picture")
    page.says(BOARD, "1 step of D, 1 of G")


def test_run_moves_the_samples_until_pause(page):
    shown = set()
    page.click(BOARD, "Run")
    start = time.perf_counter()
    while time.perf_counter() - start < 4:
        shown.add(page.source(BOARD))
        page.page.wait_for_timeout(10)
    print(f"playground, running: {len(shown) / 4:.0f} pictures a second")
    assert len(shown) > 8
    page.click(BOARD, "Pause")
    page.says(BOARD, "Paused")
    page.page.wait_for_timeout(300)
    after = page.source(BOARD)
    page.page.wait_for_timeout(500)
    assert page.source(BOARD) == after
    page.screenshot("playground", BOARD)


def test_a_critic_is_chosen_and_bounded(page):
    selects = page.page.locator(f"{BOARD} select")
    before = page.source(BOARD)
    selects.filter(has_text="Wasserstein").select_option("Wasserstein")
    page.changes(BOARD, before, "playground, another loss to new picture")
    page.says(BOARD, "Loss is Wasserstein now.")
    weight = selects.filter(has_text="0.03")
    weight = weight.filter(has_not_text="0.003")  # the learning rates have that too
    assert weight.is_disabled()
    selects.filter(has_text="gradient penalty").select_option("gradient penalty")
    page.says(BOARD, "Constraint of D is gradient penalty now.")
    assert weight.is_enabled()
    before = page.source(BOARD)
    page.click(BOARD, "Step both")
    page.changes(BOARD, before, "playground, a critic's step to new picture")
    page.says(BOARD, "D's steepest slope in the picture is")
    page.screenshot("playground-critic", BOARD)
    selects.filter(has_text="gradient penalty").select_option("none")
    selects.filter(has_text="Wasserstein").select_option("non-saturating")
    page.says(BOARD, "Loss is non-saturating now.")


def test_data_is_drawn_with_the_mouse(page):
    before = page.source(BOARD)
    page.page.locator(f"{BOARD} select").filter(has_text="two moons").select_option("drawn")
    page.changes(BOARD, before, "playground, another kind of data to new picture")
    page.says(BOARD, "Press or drag in the picture")
    page.screenshot("playground-empty", BOARD)
    before = page.source(BOARD)
    page.press(BOARD, place(-1.0, 1.0))
    page.changes(BOARD, before, "playground, press to new picture")
    page.says(BOARD, "1 point is drawn.")
    page.press(BOARD, place(-2.0, -1.0), place(2.0, -1.0))  # along a line
    page.wait("() => parseInt(document.querySelector('.gc-playground [role=status]').innerText) >= 8")
    page.page.wait_for_timeout(500)
    page.screenshot("playground-drawn", BOARD)
    before = page.source(BOARD)
    page.press(BOARD, (0.9, 0.9))  # beside the plane
    page.page.wait_for_timeout(300)
    assert page.source(BOARD) == before


def test_where_the_page_cannot_load_anywidget_the_buttons_do_the_same(open_notebook):
    other = open_notebook("blocked.ipynb", (CELLS[0], CELLS[2]), without="**/extensions/anywidget/**")
    other.run()
    other.page.wait_for_selector(f"{BOARD} img")
    before = other.source(BOARD)
    other.page.locator(f"{BOARD} select").filter(has_text="two moons").select_option("drawn")
    other.changes(BOARD, before, "playground without anywidget, another kind of data to new picture")
    other.says(BOARD, "Press Add point")
    empty = other.source(BOARD)
    other.press(BOARD, place(-1.0, 1.0))
    other.page.wait_for_timeout(500)
    assert other.source(BOARD) == empty
    other.click(BOARD, "Add point")
    other.says(BOARD, "1 point is drawn.")
