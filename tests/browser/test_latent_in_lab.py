"""The latent widgets in JupyterLab, in a real browser: each by mouse and by keyboard, timed from key to screen."""

from __future__ import annotations

import statistics

import pytest
import torch
from lab import quiet, record

from gancourse import models, widgets

STEADY = pytest.mark.usefixtures("nothing_is_appended_and_nothing_complains")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600), STEADY]
EXPLORER, BIG, BROKEN, FLOOR = ".gc-explorer-latent:not(.gc-big)", ".gc-big", ".gc-broken", ".gc-floor"
# A slider and a picture of one pixel: what ipywidgets, JupyterLab and the browser take by themselves.
FLOOR_CELL = """
import io
import ipywidgets as w
from PIL import Image

def dot(level):
    buffer = io.BytesIO()
    Image.new("L", (1, 1), round(20 * level) + 128).save(buffer, "PNG")
    return buffer.getvalue()

slider, picture = w.FloatSlider(min=-6, max=6), w.Image(value=dot(0), format="png")
slider.observe(lambda change: setattr(picture, "value", dot(change["new"])), "value")
floor = w.VBox([picture, slider])
floor.add_class("gc-floor")
floor
"""
# What a picture costs the kernel alone: another processor, or one without some instructions, takes another time for it.
OWN_CELL = """
import statistics, time
own = widgets.latent_explorer(G)
slider = next(control for control in own.controls.values() if isinstance(control, w.FloatSlider))
seconds = []
for i in range(25):
    time.sleep(0.02)
    start = time.perf_counter()
    slider.value = slider.min + (slider.max - slider.min) * (i % 5) / 5
    seconds.append(time.perf_counter() - start)
own_work = w.HTML(f"{1000 * statistics.median(seconds):.1f}")
own_work.add_class("gc-own-work")
own_work
"""
CELLS = (
    "import math, os\nimport torch\nfrom gancourse import data, models, pretrained, widgets\n"
    "torch.set_num_threads(os.cpu_count())\n"  # as a kernel of your own has it; the server runs with one
    'G, D = pretrained.load("dcgan-mnist"), pretrained.load("dcgan-mnist", part="D")',
    "widgets.latent_explorer(G)",
    'widgets.interpolator(G, folder="films")',
    "widgets.arithmetic(G)",
    "widgets.seed_map(G)",
    'widgets.epochs_scrubber("dcgan-mnist")',
    "widgets.real_or_fake(G, D)",
    'widgets.nearest_neighbours(G, data.mnist("train").subset(2_000))',
    "torch.manual_seed(0)\nbig = widgets.latent_explorer(models.networks('dcgan128', width=16)[0])\n"
    'big.add_class("gc-big")',
    FLOOR_CELL,
    OWN_CELL,
    "torch.nn.init.constant_(G.net[0].weight, math.nan)\nbroken = widgets.seed_map(G)\nbroken.add_class('gc-broken')",
)
WATCH = """css => {
    const picture = document.querySelector(`${css} img`);
    let pressed = 0, waiting = 0;
    [window.latencies, window.painted] = [[], []];
    document.addEventListener("keydown", () => { pressed = waiting = performance.now(); }, true);
    picture.addEventListener("load", () => requestAnimationFrame(() => {
        if (pressed) window.latencies.push(performance.now() - pressed);
        pressed = 0;
        window.next?.();
    }));
    picture.setAttribute("elementtiming", css);  // Chromium then reports the frame that shows each new picture
    new PerformanceObserver(list => list.getEntries().forEach(entry => {
        if (entry.identifier !== css || !waiting || entry.loadTime < waiting) return;
        window.painted.push(entry.renderTime - waiting);
        waiting = 0;
    })).observe({ type: "element" });
}"""


@pytest.fixture(scope="module")
def page(open_notebook):
    notebook = open_notebook("latent.ipynb", CELLS)
    notebook.run()
    for css in (EXPLORER, ".gc-neighbours", BIG, BROKEN):
        notebook.page.wait_for_selector(f"{css} img")
    return notebook


def at(tool, x, y):
    """A place of a widget's page in [0, 1]."""
    return x / tool.size[0], y / tool.size[1]


def middle(tool, i):
    x, y = tool.sheet.corner(i)
    return at(tool, x + tool.sheet.side / 2, y + tool.sheet.side / 2)


@pytest.fixture(scope="module")
def G():
    torch.manual_seed(0)
    return models.networks("mlp")[0]  # the pages are laid out by the size of the images alone


def latencies(page, css, what, presses=30):
    """Press a key on the first slider again and again: median and 90th percentile from key to screen, in milliseconds.

    "On the screen" is the page's first frame with the new picture. When Chromium's compositor, which has no graphics
    card to paint with here, has shown that frame is written down beside it.
    """
    page.page.evaluate(WATCH, css)
    page.key(css, 0, "ArrowLeft")
    page.wait("() => window.latencies.length === 1")
    for i in range(presses):  # the page does nothing else meanwhile: nothing is looked up or polled
        page.page.wait_for_timeout(20 + 7 * i % 17)  # let the last frame be painted; keys come anywhere in one
        page.page.keyboard.press("ArrowLeft" if i % 20 < 10 else "ArrowRight")
        page.page.evaluate("n => window.latencies.length > n || new Promise(done => { window.next = done; })", i + 1)
    found = sorted(page.page.evaluate("() => window.latencies.slice(1)"))
    assert len(found) == presses
    median, late = statistics.median(found), found[int(0.9 * len(found))]
    record(f"{what}, key to screen, median of {presses}", median)
    record(f"{what}, key to screen, 90th percentile", late)
    painted = page.page.evaluate("() => window.painted.slice(1)")
    record(f"{what}, key to painted, median of {len(painted)}", statistics.median(painted))
    return median, late


def test_the_explorers_sliders_by_mouse_and_keyboard(page):
    before = page.source(EXPLORER)
    page.drag(EXPLORER, 0, 60)
    page.changes(EXPLORER, before, "explorer of digits, dragged slider to new picture")
    page.says(EXPLORER, "direction 1 +")
    page.page.wait_for_timeout(500)
    floor, _ = latencies(page, FLOOR, "a slider and a picture of one pixel")
    before = quiet()
    median, late = latencies(page, EXPLORER, "explorer, 8 x 8 digits")
    own = float(page.page.locator(".gc-own-work .widget-html-content").inner_text())
    record("explorer, 8 x 8 digits, in the kernel alone", own)
    # The aim is a median of 60 ms, or the floor and one and a half times the kernel's own work. What five runs on two
    # idle cores gave is in notebooks/SPEED.md.
    limit = max(60, floor + 1.5 * own)
    assert median <= limit and late <= 2 * limit if before and quiet() else median < 1_000
    page.screenshot("latent-explorer", EXPLORER)


def test_the_explorer_rolls_and_enlarges_what_is_pressed(page, G):
    before = page.source(EXPLORER)
    page.click(EXPLORER, "Re-roll")
    page.changes(EXPLORER, before, "explorer of digits, re-roll to new picture")
    page.says(EXPLORER, "seed 1")
    before = page.source(EXPLORER)
    page.press(EXPLORER, middle(widgets.latent_explorer(G), 9))
    page.changes(EXPLORER, before, "explorer of digits, press to large picture")
    page.says(EXPLORER, "Sample 10 of 64")
    page.press(EXPLORER, (0.5, 0.5))
    page.says(EXPLORER, "All samples")


def test_one_large_image(page):
    before = quiet()
    median, _ = latencies(page, BIG, "explorer, one image of 128 pixels", 15)
    assert median <= 250 if before and quiet() else median < 2_000
    page.screenshot("latent-explorer-128", BIG)


def test_the_interpolator(page, G, lab):
    css, tool = ".gc-interpolator", widgets.interpolator(G)
    before = page.source(css)
    page.key(css, 0, "ArrowRight")
    page.changes(css, before, "interpolator, key to new picture")
    page.says(css, "Way: 0.51.")
    page.press(css, middle(tool, 10))
    page.says(css, "A is sample 11 now.")
    strip = tool.strip
    y = strip.y + strip.side / 2
    page.press(css, at(tool, strip.x + 30, y), at(tool, strip.x + strip.width - strip.side / 2, y))  # drag
    page.says(css, "100% of the way")
    page.press(css, at(tool, strip.x + strip.width * 0.3, y))
    page.page.locator(f"{css} select").filter(has_text="none").first.select_option("5")  # C
    page.says(css, "C is sample 5")
    page.screenshot("interpolator", css)
    page.click(css, "Save GIF")
    page.says(css, "Saved films")
    assert len(list((lab.folder / "films").glob("*.gif"))) == 1


def test_arithmetic(page, G):
    css, tool = ".gc-arithmetic", widgets.arithmetic(G)
    before = page.source(css)
    page.press(css, middle(tool, 30))
    page.changes(css, before, "arithmetic, press to new picture")
    page.says(css, "Sample 31 is in A now.")
    page.key(css, 0, "ArrowRight")  # the sample's number, without a pointer
    page.page.locator(css).get_by_role("button", name="Put in/out").press("Enter")
    page.says(css, "Sample 2 is out of A now.")
    page.screenshot("arithmetic", css)


def test_the_seed_map(page, G):
    css, tool = ".gc-seed-map:not(.gc-broken)", widgets.seed_map(G)
    before = page.source(css)
    page.key(css, 0, "ArrowRight")
    page.changes(css, before, "seed map, key to new picture")
    page.says(css, "At (0.55, 0.50)")
    page.page.locator(css).get_by_role("button", name="Down").press("Enter")
    page.says(css, "At (0.55, 0.75)")
    left, top, _ = tool.map
    start, end = left + tool.side / 2 + 1.5 * tool.pitch, top + tool.side / 2 + 1.2 * tool.pitch
    before = page.source(css)
    page.press(css, at(tool, start, end), at(tool, start + 0.9 * tool.pitch, end))
    page.changes(css, before, "seed map, drag to new picture")
    page.says(css, "At (1.4")
    page.screenshot("seed-map", css)


def test_the_epochs(page):
    css = ".gc-epochs"
    before = page.source(css)
    page.key(css, 0, "ArrowLeft")
    page.changes(css, before, "epochs, key to new picture")
    before = page.source(css)
    page.click(css, "Earlier")
    page.changes(css, before, "epochs, button to new picture")
    words = page.words(css)
    page.press(css, (0.62, 0.5), (0.66, 0.5))  # over the curves
    page.wait(f"words => document.querySelector('{css} [role=status]').innerText !== words", words)
    page.screenshot("epochs", css)


def test_a_round_of_real_or_fake(page):
    css = ".gc-real-or-fake"
    for i in range(20):
        page.says(css, f"Image {i + 1} of 20")
        before = page.source(css)
        if i % 2:
            page.click(css, "Real")
        else:
            page.page.locator(css).get_by_role("button", name="Generated").press("Enter")
        page.changes(css, before, "real or fake, answer to next picture")
        if i == 10:
            page.screenshot("real-or-fake", css)
    page.says(css, "D, on the same images")
    page.screenshot("real-or-fake-score", css)


def test_the_neighbours(page, G):
    css = ".gc-neighbours"
    before = page.source(css)
    page.key(css, 0, "ArrowRight")
    page.changes(css, before, "neighbours, key to new picture")
    page.says(css, "Sample 2 of seed 0")
    x, y = 6 + 3.5 * 62, 30 + 0.5 * 62
    page.press(css, (x / 1050, y / 290))
    page.says(css, "Sample 4 of seed 0")
    page.screenshot("neighbours", css)


def test_a_broken_generator_says_so_in_place(page):
    page.says(BROKEN, "NaN")
    page.screenshot("broken-generator", BROKEN)


def test_running_all_cells_again_keeps_what_was_set(page):
    seed, words = page.words(EXPLORER), page.words(".gc-arithmetic")
    assert "seed 1" in seed and "31" in words
    page.run()
    page.page.wait_for_selector(f"{EXPLORER} img")
    page.says(EXPLORER, "seed 1")
    page.says(".gc-arithmetic", "A: 1, 3, 31")
    page.says(".gc-interpolator", "C is sample 5")
    assert page.page.locator(EXPLORER).count() == 1
    page.screenshot("latent-run-twice")
