"""The pages of `make html` in a real browser: a phone and a laptop, light and dark, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from gancourse.publishing import pipeline

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
# Text that leaves the screen at the right, but for what can be scrolled
CUT_OFF = """width => [...document.querySelectorAll("main :is(p, li, h1, h2, h3, .line, img)")]
  .filter(e => !e.closest("pre:not(:has(.line)), table, .equation") && e.getBoundingClientRect().right > width)
  .map(e => e.textContent.slice(0, 60))"""


@pytest.fixture(scope="module")
def folder():
    return pipeline.make_html(ROOT).parent


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_the_screen_and_complains_of_nothing(folder, width, scheme, browser):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page, complaints = context.new_page(), []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    shots = ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.html")):
        page.goto(path.as_uri())
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{path.name} is {wider} pixels wider than a screen of {width}"
        assert page.evaluate(CUT_OFF, width) == [], path.name
        page.screenshot(path=shots / f"site-{path.stem}-{width}-{scheme}.png")
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    assert complaints == []
    context.close()


def test_search_leads_to_a_section_and_the_theme_stays(folder, browser):
    page = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light").new_page()
    page.goto((folder / "index.html").as_uri())
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("/")
    page.keyboard.type("optimal discriminator")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/*.html#*")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    anchor = page.evaluate("decodeURIComponent(location.hash.slice(1))")
    assert page.evaluate("a => !!document.getElementById(a)", anchor)
    page.context.close()


@pytest.mark.parametrize("keys", [["Enter"], ["ArrowDown", "Enter"], ["ArrowDown", "ArrowDown", "Enter"]])
def test_search_keeps_the_keys_that_came_before_its_index(folder, browser, keys):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    held: list = []
    page.route("**/search.js", lambda route: held.append(route))
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("optimal discriminator")
    for key in keys:
        page.keyboard.press(key)
    while not held:
        page.wait_for_timeout(20)
    assert page.url.endswith("index.html")
    held[0].continue_()
    page.wait_for_url("**/*.html#*")
    slow, wanted = page.url, max(len(keys) - 2, 0)
    page.unroute("**/search.js")
    page.goto((folder / "index.html").as_uri())
    page.fill("#find", "optimal discriminator")
    page.locator("#found a").first.wait_for()
    assert page.locator("#found a").nth(wanted).evaluate("a => a.href") == slow
    page.press("#find", "Enter")  # in the box itself: the first that was found
    page.wait_for_url("**/*.html#*")
    page.context.close()


def test_search_finds_words_that_stand_together_and_the_glossary(folder, browser):
    page = browser.new_context(viewport={"width": 390, "height": 900}).new_page()
    page.goto((folder / "06_latent_space.html").as_uri())
    page.fill("#find", "mode collapse")
    first = page.locator("#found a").first
    first.wait_for()
    assert first.evaluate("a => a.firstChild.textContent") == "mode collapse"
    assert "glossary.html#term-mode-collapse" in (first.get_attribute("href") or "")
    assert "mode collapse. 01" in page.locator("#found small").first.inner_text()
    page.context.close()


def test_the_sections_stand_in_the_margin_of_a_wide_screen_and_are_folded_on_a_narrow_one(folder, browser):
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto((folder / "02_mlp_gan_mnist.html").as_uri() + "#2.5-What-does-Algorithm-1-look-like,-written-by-hand?")
    nav, main = page.locator(".contents").bounding_box(), page.locator("main").bounding_box()
    assert nav["x"] + nav["width"] <= main["x"] and 0 <= nav["y"] < 100  # also far down the page
    page.wait_for_selector(".contents a[aria-current]")
    assert page.locator(".contents a[aria-current]").inner_text().startswith("2.5")
    page.set_viewport_size({"width": 768, "height": 900})
    page.wait_for_function("!document.querySelector('.contents details').open")
    page.goto((folder / "02_mlp_gan_mnist.html").as_uri())
    assert not page.evaluate("document.querySelector('.contents details').open")
    page.context.close()


def test_the_keyboard_reaches_the_text_the_folded_set_up_and_what_scrolls(folder, browser):
    page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    page.goto((folder / "02_mlp_gan_mnist.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"
    summary = page.locator(".setup > summary")
    assert not page.locator(".setup .jp-CodeCell").first.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator(".setup .jp-CodeCell").first.is_visible()
    scrolls = "e => e.scrollWidth <= e.clientWidth + 1 || e.tabIndex === 0"
    assert page.evaluate(f"[...document.querySelectorAll('main pre, main table')].every({scrolls})")
    page.context.close()


def test_the_moving_picture_can_be_stopped_and_is_still_where_less_motion_is_asked_for(folder, browser):
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto((folder / "index.html").as_uri())
    page.click(".moving button")
    assert page.evaluate("document.querySelector('.moving img').currentSrc").endswith("course-still.webp")
    page.context.close()
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.goto((folder / "index.html").as_uri())
    assert page.evaluate("document.querySelector('.moving img').currentSrc").endswith("course-still.webp")
    assert not page.locator(".moving button").is_visible()
    page.context.close()


def test_lists_show_the_chosen_kinds_and_lead_to_the_place_in_the_lesson(folder, browser):
    page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    page.goto((folder / "exercises.html").as_uri())
    everything = page.locator(".exercises li:visible").count()
    hard = page.locator('.exercises li[data-kind="hard"]').count()
    page.get_by_role("button", name="hard").focus()
    page.keyboard.press("Enter")
    assert page.locator(".exercises li:visible").count() == hard < everything
    page.keyboard.press("Enter")
    assert page.locator(".exercises li:visible").count() == everything
    page.locator(".exercises a").last.click()
    page.wait_for_url("**/12_*.html#exercise-*")
    assert page.evaluate("document.getElementById(location.hash.slice(1)).getBoundingClientRect().top") > 0
    page.goto((folder / "glossary.html").as_uri())
    for link in page.locator(".glossary .facts a").all()[::20]:
        name, _, anchor = (link.get_attribute("href") or "").partition("#")
        assert f'<strong id="{anchor}">' in (folder / name).read_text(encoding="utf-8")
    page.goto((folder / "claims.html").as_uri())
    page.get_by_role("button", name="fails").click()
    assert set(page.locator(".claims li:visible .tag").all_inner_texts()) == {"fails"}
    page.context.close()
