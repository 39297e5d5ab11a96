"""Widgets that a lesson's page plays, from a folder in a real browser without a network."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from lab import PATIENCE, SCREENSHOTS
from PIL import Image

from gancourse import latent
from gancourse.data.images import unscale
from gancourse.publishing import notebooks
from gancourse.publishing.website import live, pages, play, play_data, play_weights, site
from gancourse.widgets.optimal_discriminator import OptimalDiscriminator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
# By lesson: for each of its widgets, what a keyboard presses there, and the picture that is another one then
PRESSED = {
    "01": [("[name=mean_q]", "ArrowLeft", "[data-best]"), ("[data-step-d]", "Enter", "[data-plane]")],
    "02": [("[id^=along-slant]", "ArrowRight", "[data-grid]")],
    "03": [("[id^=along-first]", "ArrowLeft", "[data-grid]")],
    "06": [
        ("[name=place]", "ArrowRight", "[data-part=walk] [data-large]"),
        ("[data-grid]", "ArrowRight", "[data-large]"),
        ("[data-members] button", "Enter", "[data-part=arithmetic] [data-large]"),
        ("[id^=along-thickness]", "ArrowRight", "[data-grid]"),
        ("[name=moment]", "Home", "[data-grid]"),
        ("[data-fake]", "f", "[data-answered]"),
    ],
}
SHOWN = "picture => picture.toDataURL ? picture.toDataURL() : picture.innerHTML"  # of a canvas, or of what holds some
WIDGETS = [(lesson, i) for lesson, those in PRESSED.items() for i in range(len(those))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    names = [next((ROOT / "notebooks").glob(f"{lesson}_*.ipynb")).stem for lesson in PRESSED]
    for name in names:
        pages.write_page(notebooks.built_path(ROOT, name), folder)
    play.write(folder, site.FRAME)
    records = [{"name": name, "status": "as committed", "seconds": None, "profile": ""} for name in names]
    site.finish(records, ROOT / "notebooks", folder, ROOT)
    return folder


@pytest.fixture
def opened(folder, browser):
    """opened(lesson, width, scheme, ...) opens its page; what its console complains about fails the test."""
    contexts, complaints = [], []

    def open_it(lesson, width=1280, scheme="light", where=folder, **options):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme, offline=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.asked = []
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(next(where.glob(f"{lesson}_*.html")).as_uri())
        return page

    open_it.complaints = complaints  # type: ignore[attr-defined]
    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def widget(page, i):
    return page.locator(".live").nth(i)


def begin(page, i):
    """Press "Play it here" by keyboard, and wait until what was asked for is drawn."""
    button = widget(page, i).locator(".live-bar button")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "i => { const box = document.querySelectorAll('.live')[i];"
        " return box.classList.contains('playing') && Play.busy === 0; }",
        arg=i,
    )
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"  # the focus stays


def loaded(page):
    """Which files of the page Play were asked for."""
    return sorted(url.rpartition("/")[2] for url in page.asked if "/play" in url)


def test_these_are_all_of_them(folder):
    expected = {
        lesson: sum(isinstance(plays, live.Live) for plays in those.values()) for lesson, those in live.WIDGETS.items()
    }
    assert {lesson: len(those) for lesson, those in PRESSED.items()} == {k: n for k, n in expected.items() if n}


@pytest.mark.parametrize(("lesson", "i"), WIDGETS)
def test_a_widget_is_a_picture_until_it_is_asked_for_and_then_answers_the_keyboard(opened, lesson, i):
    page = opened(lesson, 390, has_touch=True, is_mobile=True)
    box, (where, key, which) = widget(page, i), PRESSED[lesson][i]
    picture, stage = box.locator(".jp-RenderedImage img"), box.locator(".live-stage")
    assert picture.is_visible() and not stage.is_visible() and loaded(page) == []
    assert page.evaluate("typeof Play") == "undefined"
    begin(page, i)
    assert not picture.is_visible() and stage.is_visible()
    assert loaded(page) == ["play-data.js", "play.css", "play.js"]
    before = stage.locator(which).first.evaluate(f"c => ({SHOWN})(c)")
    stage.locator(where).first.focus()
    page.keyboard.press(key)
    page.wait_for_function(
        """([i, which, before]) => { const stage = document.querySelectorAll(".live-stage")[i];
        return Play.busy === 0 && (SHOWN)(stage.querySelector(which)) !== before; }""".replace("SHOWN", SHOWN),
        arg=[i, which, before],
    )
    page.wait_for_function(
        "i => document.querySelectorAll('.live-stage')[i].querySelector('[role=status]').textContent.length > 9", arg=i
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390  # innerWidth would grow on a phone
    box.locator(".live-bar button").press("Enter")
    assert picture.is_visible() and not stage.is_visible()
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.asked)


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_a_page_at_once_fit_the_screen_and_share_what_they_load(opened, width, scheme):
    for lesson in PRESSED:
        page = opened(lesson, width, scheme)
        for i in range(len(PRESSED[lesson])):
            begin(page, i)
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            widget(page, i).screenshot(path=SCREENSHOTS / f"live-{lesson}-{i}-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert loaded(page) == ["play-data.js", "play.css", "play.js"]  # once
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(set(ids)) == len(ids)
        dangling = page.evaluate(
            """() => ["for", "aria-describedby", "aria-controls", "aria-labelledby"].flatMap((name) =>
            [...document.querySelectorAll(`.live [${name}]`)].map((e) => e.getAttribute(name)))
            .filter((id) => !document.getElementById(id))"""
        )
        assert dangling == []
        nameless = page.evaluate(
            """() => [...document.querySelectorAll(".live :is(button, input, select, canvas, svg)")]
            .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim() ||
              e.closest("[aria-label]:not(section)"))).map((e) => e.outerHTML)"""
        )
        assert nameless == []
        buttons = page.evaluate("[...document.querySelectorAll('.live-bar button')].map(e => e.ariaLabel)")
        assert len(set(buttons)) == len(buttons) and all(words.startswith("Back to the picture: ") for words in buttons)


def test_two_widgets_of_a_page_do_not_move_each_other(opened):
    page = opened("06")
    for i in (1, 3):
        begin(page, i)
    first, second = (widget(page, i) for i in (1, 3))
    assert first.locator("[value=map]").is_checked() and second.locator("[value=samples]").is_checked()
    grids = [box.locator("[data-grid]") for box in (first, second)]
    before = [grid.evaluate("c => c.toDataURL()") for grid in grids]
    second.locator("[id^=along-slant]").press("End")
    page.wait_for_function(
        "d => Play.busy === 0 && document.querySelectorAll('.live')[3].querySelector('canvas').toDataURL() !== d",
        arg=before[1],
    )
    assert grids[0].evaluate("c => c.toDataURL()") == before[0]
    second.locator("[name=seed]").press("Enter")  # a form that would be sent would leave the page
    assert second.locator(".live-stage").is_visible()


def test_what_runs_stops_when_the_picture_comes_back(opened):
    page = opened("01")
    begin(page, 1)
    box = widget(page, 1)
    box.locator("[data-run]").click()
    rounds = "document.querySelectorAll('.live')[1].parts.board.game().losses.length"
    page.wait_for_function(f"{rounds} > 3")
    box.locator(".live-bar button").click()
    before = page.evaluate(rounds)
    page.wait_for_timeout(300)
    assert page.evaluate(rounds) == before and box.locator("[data-run]").text_content() == "Run"
    page = opened("06")
    begin(page, 0)
    place = widget(page, 0).locator("[name=place]")
    widget(page, 0).locator("[data-play]").click()
    page.wait_for_function("document.querySelector('[name=place]').value > 10")
    widget(page, 0).locator(".live-bar button").click()
    before = place.input_value()
    page.wait_for_timeout(300)
    assert place.input_value() == before


def test_print_and_a_page_without_scripts_show_the_picture(opened):
    page = opened("06")
    begin(page, 4)
    page.emulate_media(media="print")
    assert page.locator(".live .jp-RenderedImage:visible").count() == len(PRESSED["06"])
    assert page.locator(":is(.live-stage, .live-bar):visible").count() == 0
    page = opened("06", java_script_enabled=False)
    assert page.locator(".live .jp-RenderedImage:visible").count() == len(PRESSED["06"])
    assert page.locator(".live button").count() == 0


def test_without_the_files_of_the_page_play_the_picture_stays_and_the_page_says_what_is_missing(
    opened, folder, tmp_path
):
    for path in folder.glob("*.*"):
        if not path.name.startswith("play-data"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    page = opened("06", where=tmp_path)
    button = widget(page, 4).locator(".live-bar button")
    for _ in range(2):  # a second try fails in the same way
        button.click()
        page.wait_for_function(
            "document.querySelector('.live-bar [role=status]:not(:empty)')?.textContent != 'Loading …'"
        )
    assert "make html" in widget(page, 4).locator("[role=status]").first.inner_text()
    assert widget(page, 4).locator("img").is_visible() and button.get_attribute("aria-expanded") == "false"
    assert opened.complaints and all("play-data.js" in one or "ERR_FILE_NOT_FOUND" in one for one in opened.complaints)
    (tmp_path / "play-data.js").write_bytes((folder / "play-data.js").read_bytes())
    begin(page, 4)  # and one after the file has come does not
    opened.complaints.clear()


def test_the_best_discriminator_is_the_widgets(opened):
    page, own = opened("01"), OptimalDiscriminator()
    begin(page, 0)
    for shape, values in (
        ("one hump", {}),
        ("two humps", {"mean_p": 0.5, "std_q": 0.3}),
        ("uniform", {"mean_p": -1.0, "std_p": 0.6, "mean_q": -4.0, "std_q": 0.4}),
        ("one hump", {"mean_q": -1.0, "std_q": 0.6}),
    ):
        own.shape.value = shape
        widget(page, 0).locator("[name=shape]").select_option(shape)
        for name, value in values.items():
            getattr(own, name).value = value
            widget(page, 0).locator(f"[name={name}]").fill(str(value))
        page.wait_for_function(
            "words => document.querySelector('[data-part=optimal] [data-said]').textContent === words",
            arg=own.text.replace("-", "−"),
        )


def test_arithmetic_is_the_courses(opened):
    page = opened("06")
    begin(page, 2)
    box, z = widget(page, 2), latent.sample(64, seed=0)
    groups = [z[:3], z[3:6], z[6:9]]
    layers = play_weights.rounded(play_weights.folded(play_data.generator(play_data.NAME)))

    def alike():
        page.wait_for_function("Play.busy === 0")
        address = box.locator("[data-part=arithmetic] [data-large]").evaluate("c => c.toDataURL()")
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("L"))
        expected = unscale(play_weights.images(layers, latent.arithmetic(*groups)[None]))[0, 0].numpy()
        return expected.std() > 20 and np.abs(shown.astype(int) - expected).max() <= 1

    assert alike()
    box.get_by_label("take digit 2 out of B").press("Enter")
    groups[1] = z[[3, 5]]
    assert alike()
    box.locator("[name=chosen]").press("End")
    page.wait_for_function("Play.busy === 0")
    box.get_by_role("button", name="Add to C").click()
    groups[2] = torch.cat([z[6:9], z[63:]])
    assert alike()
    for _ in range(3):
        box.get_by_label("take digit 1 out of A").press("Enter")
        page.wait_for_function("Play.busy === 0")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-said]')].some(e => e.textContent.startsWith('Choose at least one digit'))"
    )
