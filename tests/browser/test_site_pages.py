"""The pages of `make html` in a real browser: a phone and a laptop, light and dark, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from gancourse.publishing import pipeline

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder():
    return pipeline.make_html(ROOT).parent


@pytest.mark.parametrize("width", [390, 1280])
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
