"""The style mixer in JupyterLab in a real browser: by mouse, by keys, by a button."""

from __future__ import annotations

import pytest
from lab import quiet, record

from gancourse import models
from gancourse.widgets.style_mixer import SOURCES, StyleMixer

STEADY = pytest.mark.usefixtures("nothing_is_appended_and_nothing_complains")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), STEADY]
MIXER = ".gc-style-mixer"
CELLS = (
    "import torch\n"
    "from gancourse import models, widgets\n"
    "torch.manual_seed(0)\n"
    "widgets.style_mixer(models.networks('stylegan')[0])",
)


@pytest.fixture(scope="module")
def page(open_notebook):
    notebook = open_notebook("style_mixer.ipynb", CELLS)
    notebook.run()
    notebook.page.wait_for_selector(f"{MIXER} img")
    return notebook


def test_a_press_chooses_a_mixture(page):
    tool = StyleMixer(models.StyleGenerator(width=4, size=8, mapping=1, latent=4))
    x, y = tool.table.corner(2 * SOURCES + 3)
    before = page.source(MIXER)
    page.press(MIXER, ((x + 40) / tool.size[0], (y + 40) / tool.size[1]))
    milliseconds = page.changes(MIXER, before, "style mixer, press to new picture")
    record("style mixer, press to new picture", milliseconds)
    page.says(MIXER, "source 4 with the styles of donor 3")
    page.screenshot("style_mixer", MIXER)


def test_keys_move_the_layers_and_buttons_choose_them(page):
    before = page.source(MIXER)
    page.key(MIXER, 0, "ArrowRight")  # the first layer of the donors
    milliseconds = page.changes(MIXER, before, "style mixer, key to new picture")
    record("style mixer, key to new picture", milliseconds)
    if quiet():
        assert milliseconds < 400
    page.says(MIXER, "Layers 2 to 4 of 10 (8 to 16 pixels) from the donors")
    before = page.source(MIXER)
    page.page.locator(f"{MIXER} button", has_text="Fine").click()
    page.changes(MIXER, before, "style mixer, button to new picture")
    page.says(MIXER, "Layers 8 to 10 of 10 (64 pixels)")
