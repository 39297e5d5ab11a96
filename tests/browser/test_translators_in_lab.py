"""Drawing a church, and going there and back, in JupyterLab in a real browser: by mouse, by keyboard, by buttons."""

from __future__ import annotations

import pytest
from lab import quiet, record

from gancourse.widgets.draw_a_church import GAP, LEFT, PIXEL, SIDE, TOP

STEADY = pytest.mark.usefixtures("nothing_is_appended_and_nothing_complains")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), STEADY]
BOARD, TOOL = ".gc-draw-a-church", ".gc-there-and-back"
CELLS = (
    "import torch\nfrom gancourse import widgets\ntorch.set_num_threads(1)",
    "widgets.draw_a_church()",
    'widgets.there_and_back("dusk")',
)
WIDTH = LEFT + 2 * SIDE * PIXEL + GAP + LEFT
HEIGHT = TOP + SIDE * PIXEL + 8


@pytest.fixture(scope="module")
def page(open_notebook):
    notebook = open_notebook("translators.ipynb", CELLS)
    notebook.run()
    for css in (BOARD, TOOL):
        notebook.page.wait_for_selector(f"{css} img")
    return notebook


def place(column, row):
    """Where a pixel of the map lies in the widget's picture, in [0, 1]."""
    return (LEFT + (column + 0.5) * PIXEL) / WIDTH, (TOP + (row + 0.5) * PIXEL) / HEIGHT


def test_a_church_is_drawn_with_the_mouse_and_painted_at_once(page):
    page.page.locator(f"{BOARD} select").filter(has_text="gilt").select_option("roof")
    page.says(BOARD, "The brush paints roof")
    before = page.source(BOARD)
    page.press(BOARD, place(10, 10))
    milliseconds = page.changes(BOARD, before, "draw a church, press to new picture")
    record("draw a church, press to new picture", milliseconds)
    if quiet():
        assert milliseconds < 150
    page.says(BOARD, "wide, at (10, 10)")
    before = page.source(BOARD)
    page.press(BOARD, place(20, 10), place(30, 14), place(40, 10))  # dragged
    page.changes(BOARD, before, "draw a church, drag to new picture")
    page.says(BOARD, "wide, at (40, 10)")
    page.screenshot("draw-a-church", BOARD)


def test_the_same_is_done_by_slider_key_and_button(page):
    before = page.source(BOARD)
    page.key(BOARD, 1, "ArrowRight")  # x
    page.changes(BOARD, before, "draw a church, key to new picture")
    page.says(BOARD, "wide, at (41, 10)")
    before = page.source(BOARD)
    page.click(BOARD, "Paint")
    page.changes(BOARD, before, "draw a church, Paint to new picture")
    page.says(BOARD, "Painted roof at (41, 10)")
    before = page.source(BOARD)
    page.click(BOARD, "Another")
    page.changes(BOARD, before, "draw a church, other dice to new picture")
    page.click(BOARD, "Undo")
    page.says(BOARD, "Undone")


def test_the_slider_goes_there_and_back(page):
    before = page.source(TOOL)
    page.key(TOOL, 0, "ArrowRight")
    page.changes(TOOL, before, "there and back, key to new picture")
    page.says(TOOL, "between translated and back again")
    page.click(TOOL, "Back")
    page.says(TOOL, "back again. What comes back is")
    page.screenshot("there-and-back", TOOL)


@pytest.fixture
def narrow(page):
    wide = page.page.viewport_size
    page.page.set_viewport_size({"width": 390, "height": 844})
    page.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    for css in (BOARD, TOOL):
        page.wait("css => document.querySelector(css).getBoundingClientRect().width < 390", css)
    yield page
    page.page.set_viewport_size(wide)


@pytest.mark.parametrize("css", [BOARD, TOOL])
def test_no_control_is_wider_than_a_narrow_page_and_words_stay_legible(narrow, css):
    script = """css => {
      const end = document.querySelector(css).closest(".jp-OutputArea-output").getBoundingClientRect().right;
      const parts = document.querySelectorAll(["select", "input", "button"].map((tag) => `${css} ${tag}`));
      const picture = document.querySelector(`${css} img`), sideways = picture.parentElement;
      return {
        over: [...parts, sideways].map((part) => part.getBoundingClientRect().right - end),
        scale: picture.getBoundingClientRect().width / picture.naturalWidth,
        scrolls: sideways.scrollWidth - sideways.clientWidth,
      };
    }"""
    found = narrow.page.evaluate(script, css)
    assert max(found["over"]) <= 0
    assert found["scale"] >= 0.69 and found["scrolls"] > 0


def test_a_press_finds_its_place_on_a_picture_that_is_scrolled_sideways(narrow):
    x, y = place(40, 20)
    narrow.page.locator(f"{BOARD} img").scroll_into_view_if_needed()
    seen = narrow.page.evaluate(
        """([css, x]) => {
          const picture = document.querySelector(`${css} img`), sideways = picture.parentElement;
          sideways.scrollLeft = x * picture.getBoundingClientRect().width - sideways.clientWidth / 2;
          return sideways.scrollLeft;
        }""",
        [BOARD, x],
    )
    assert seen > 0
    before = narrow.source(BOARD)
    narrow.press(BOARD, (x, y))
    narrow.changes(BOARD, before, "draw a church, press on a narrow page to new picture")
    narrow.says(BOARD, "wide, at (40, 20)")
    assert narrow.page.evaluate("css => document.querySelector(`${css} img`).parentElement.scrollLeft", BOARD) == seen


def test_under_a_finger_which_draws_the_picture_is_as_wide_as_the_page(narrow):
    script = """css => {
      const picture = document.querySelector(`${css} img`), sideways = picture.parentElement;
      return [sideways.scrollWidth - sideways.clientWidth, picture.style.touchAction];
    }"""
    assert narrow.page.evaluate(script, BOARD)[0] > 0
    device = narrow.page.context.new_cdp_session(narrow.page)
    device.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        narrow.wait(f"css => ({script})(css)[0] === 0", BOARD)
        assert narrow.page.evaluate(script, BOARD)[1] == "pinch-zoom"
    finally:
        device.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
        device.detach()
