"""The page "Play" from a folder, in a real browser without a network: its numbers are PyTorch's, its parts work."""

from __future__ import annotations

import base64
import io
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from lab import PATIENCE, SCREENSHOTS, quiet, record
from PIL import Image

from gancourse import latent, pretrained
from gancourse.data.images import unscale
from gancourse.publishing.website import play, play_data, play_weights, site
from gancourse.theory.playground import Game, Settings, Who

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
GREY = 127.5  # levels of 255 for one unit of an image in [-1, 1]
KEYS = 5  # presses of an arrow key


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    play.write(folder, site.FRAME)
    site.finish([], folder, folder, folder)
    return folder


@pytest.fixture
def opened(folder, browser):
    """opened(width, scheme, ...) opens the page; what its console complains about fails the test."""
    contexts, complaints = [], []

    def open_it(width=1280, scheme="light", **options):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme, offline=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto((folder / "play.html").as_uri())
        page.wait_for_function("Play.ready.then(() => true)")
        still(page)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def still(page):
    """Wait until everything that was asked for is drawn."""
    page.wait_for_function("Play.busy === 0")


def part(page, name):
    return page.locator(f"[data-part={name}]")


def floats(page, expression, argument=None):
    """A Float32Array that the page computes."""
    words = page.evaluate(
        f"""async (a) => {{ const x = Float32Array.from({expression}); let s = "";
        for (const b of new Uint8Array(x.buffer)) s += String.fromCharCode(b); return btoa(s); }}""",
        argument,
    )
    return torch.from_numpy(np.frombuffer(base64.b64decode(words), "<f4").copy())


def canvas(page, name, which):
    """The grey pixels of a part's canvas, (H, W)."""
    address = part(page, name).locator(f"canvas[{which}]").evaluate("c => c.toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(image.convert("RGB"))[..., 0]


def digits(page, name="explore", columns=8):
    """The digits of a part's grid as it is drawn: (n, 28, 28). Every pixel is drawn twice as large, with gaps of 4."""
    sheet = canvas(page, name, "data-grid")[::2, ::2]
    corners = [30 * i for i in range(columns)]
    return np.stack([sheet[y : y + 28, x : x + 28] for y in corners for x in corners])


def of_pytorch(z, epoch=None):
    """What PyTorch makes of z with the page's eight-bit weights: (n, 28, 28) uint8, and as real numbers in levels."""
    layers = play_weights.rounded(play_weights.folded(play_data.generator(play_data.NAME, epoch)))
    x = play_weights.images(layers, z)
    return unscale(x)[:, 0].numpy(), x[:, 0].numpy() * GREY


def alike(shown, z, epoch=None):
    """Whether pixels are PyTorch's to one level of 255, and not by being all the same."""
    expected, _ = of_pytorch(z, epoch)
    assert expected.std() > 20
    return np.abs(shown.astype(int) - expected).max() <= 1


def said(page, name, *words):
    """Wait until a part's line says these words."""
    page.wait_for_function(
        """([name, words]) => { const line = document.querySelector(`[data-part=${name}] [data-said]`).textContent;
        return words.every((one) => line.includes(one)); }""",
        arg=[name, list(words)],
    )


def vector(name, epoch=None):
    found = play_data_of(str(epoch or play_data.EPOCHS[-1]))[name]["vector"]
    return torch.from_numpy(np.frombuffer(base64.b64decode(found), "<f4").copy())


def play_data_of(epoch):
    text = play.data().split("PLAY_DATA = ")[1].rstrip().removesuffix(";")
    return json.loads(text)["directions"][epoch]


# --- numbers -----------------------------------------------------------------------------------------------------


def test_images_are_pytorchs_to_less_than_a_grey_level(opened):
    page = opened()
    for epoch in play_data.EPOCHS:
        x = floats(page, f"Play.generator({epoch}).images(Play.sample(64, 3))").reshape(64, 28, 28).numpy()
        _, levels = of_pytorch(latent.sample(64, seed=3), epoch)
        worst = np.abs(x * GREY - levels).max()
        print(f"epoch {epoch}: at most {worst:.4f} of a grey level from PyTorch's")
        assert worst < 0.5  # a level is 1/255
    assert page.evaluate("Play.difference()") < 0.5
    assert "of a grey level" in part(page, "about").inner_text()


def test_random_numbers_are_torchs(opened):
    page = opened()
    torch.testing.assert_close(floats(page, "Play.sample(64, 7)").view(64, 100), latent.sample(64, seed=7))
    rng = torch.Generator().manual_seed(9)
    expected = [torch.randint(8, (50,), generator=rng).float(), torch.randn(37, generator=rng)]
    found = floats(page, "(() => { const r = new Play.Random(9); return [...r.integers(50, 8), ...r.normal(37)]; })()")
    torch.testing.assert_close(found, torch.cat(expected))


def test_great_circles_are_those_of_the_course(opened):
    page = opened()
    z = latent.sample(4, seed=2)
    found = floats(page, "Play.latent.slerp(...Play.latent.rows(Play.sample(4, 2), 100).slice(0, 2), 0.3)")
    torch.testing.assert_close(found, latent.slerp(z[0], z[1], 0.3), rtol=1e-4, atol=1e-5)
    found = floats(page, "Play.latent.around(Play.latent.rows(Play.sample(4, 2), 100), 15 / 16)")
    torch.testing.assert_close(found, latent.loop(z, 4)[15], rtol=1e-4, atol=1e-5)
    found = floats(page, "Play.latent.slerp(Float32Array.of(1, 2), Float32Array.of(2, 4), 0.5)")
    torch.testing.assert_close(found, torch.tensor([1.5, 3.0]))


# --- digits, moved -----------------------------------------------------------------------------------------------


def test_the_grid_is_the_seeds_samples_and_follows_a_slider_by_mouse_and_by_keyboard(opened):
    page = opened()
    z = latent.sample(64, seed=0)
    assert alike(digits(page), z)
    slider = page.locator("#along-slant")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], middle, steps=6)
    page.mouse.up()
    still(page)
    amount = float(slider.input_value())
    assert 1 < amount < 4
    assert alike(digits(page), z + amount * vector("slant"))
    said(page, "explore", f"All are moved: leaning right +{amount:.1f}")
    page.locator("#along-thickness").focus()
    for _ in range(KEYS):
        page.keyboard.press("ArrowLeft")
    still(page)
    assert alike(digits(page), z + amount * vector("slant") - KEYS / 10 * vector("thickness"))
    explore = part(page, "explore")
    explore.locator("[name=chosen]").press("Home")
    explore.locator("[name=moves][value=chosen]").check(force=True)
    still(page)
    shown = digits(page)
    assert alike(shown[1:], z[1:]) and not alike(shown[:1], z[:1])
    explore.locator("[data-reset]").click()
    still(page)
    assert alike(digits(page), z)


def test_another_digit_another_epoch_and_another_seed(opened):
    page = opened()
    explore, first = part(page, "explore"), play_data.EPOCHS[0]
    explore.locator("[name=epoch]").select_option(str(first))
    explore.get_by_label("which digit").select_option("3")
    explore.locator("[data-new]").click()
    page.locator("#along-digit").focus()
    page.keyboard.press("End")
    still(page)
    assert alike(digits(page), latent.sample(64, seed=1) + 4 * vector("digit 3", first), first)
    said(page, "explore", "seed 1", "more of a 3 +4.0")


def test_a_press_or_an_arrow_key_chooses_the_digit_that_is_shown_large(opened):
    page = opened()
    z, grid = latent.sample(64, seed=0), page.locator("[data-part=explore] [data-grid]")
    box = grid.bounding_box()
    grid.click(position={"x": box["width"] * 3.5 / 8, "y": box["height"] * 5.5 / 8})
    still(page)
    assert alike(canvas(page, "explore", "data-large")[None], z[43:44])
    for key, index in (("ArrowRight", 44), ("ArrowUp", 36), ("Home", 0), ("ArrowLeft", 0), ("End", 63)):
        grid.press(key)
        still(page)
        assert alike(canvas(page, "explore", "data-large")[None], z[index : index + 1]), key
    said(page, "explore", "Chosen: number 64")
    part(page, "explore").locator("[name=chosen]").press("Home")
    still(page)
    assert alike(canvas(page, "explore", "data-large")[None], z[:1])


def test_the_map_blends_four_seeds(opened):
    page = opened()
    part(page, "explore").locator("[name=shown][value=map]").check(force=True)
    still(page)
    corners = latent.sample(4, seed=0)
    places = torch.linspace(0, 1, 8)
    z = latent.blend(corners, places.repeat(8), places.repeat_interleave(8))
    assert alike(digits(page), z)
    said(page, "explore", "64 blends")


# --- the walk, the epochs, the game ------------------------------------------------------------------------------


def place(page):
    return int(part(page, "walk").locator("[name=place]").input_value())


def test_the_walk_goes_round_through_the_chosen_digits(opened):
    page = opened()
    walk, z = part(page, "walk"), latent.sample(64, seed=0)
    slider = walk.locator("[name=place]")
    slider.fill("125")
    still(page)
    half_way = latent.slerp(z[0], z[9], 0.5)
    assert alike(canvas(page, "walk", "data-large")[None], half_way[None])
    said(page, "walk", "50 % of the way from stop 1 to stop 2")
    part(page, "explore").locator("[name=chosen]").fill("6")
    still(page)
    walk.locator("[data-add]").click()
    still(page)
    assert walk.locator("[data-stops] button").count() == 5
    assert alike(canvas(page, "walk", "data-large")[None], z[5:6])
    walk.get_by_label("go to stop 2").press("Enter")
    still(page)
    assert alike(canvas(page, "walk", "data-large")[None], z[9:10])
    before, button = place(page), walk.locator("[data-play]")
    button.press("Space")
    page.wait_for_function(f"document.querySelector('[name=place]').value > {before + 10}")
    assert button.inner_text() == "Pause" and button.get_attribute("aria-pressed") == "true"
    button.press("Space")
    still(page)
    stopped = place(page)
    page.wait_for_timeout(300)
    assert place(page) == stopped and button.inner_text() == "Play"
    for _ in range(3):
        walk.locator("[data-remove]").click()
    assert walk.locator("[data-remove]").is_disabled() and walk.locator("[data-stops] button").count() == 2


def test_where_less_motion_is_wanted_the_walk_stands_still_between_its_steps(opened):
    page = opened(reduced_motion="reduce")
    assert part(page, "walk").get_by_text("asks for less motion").is_visible()
    page.evaluate(
        """() => { window.seen = [];
        const place = document.querySelector("[name=place]");
        const look = () => { window.seen.push(place.value); requestAnimationFrame(look); }; look(); }"""
    )
    part(page, "walk").locator("[data-play]").click()
    page.wait_for_function("new Set(seen).size >= 3")
    seen = sorted({int(v) for v in page.evaluate("seen")})
    assert all(after - before >= 60 for before, after in pairwise(seen))  # of 1000: a quarter of a leg, a sixteenth


def test_nothing_moves_before_one_presses(opened):
    page = opened()
    page.wait_for_timeout(300)
    assert place(page) == 0 and page.evaluate("Play.board.game().losses.length") == 0


def test_the_epochs_are_computed_where_weights_are_there_and_else_as_stored(opened):
    page = opened()
    epochs, strip = part(page, "epochs"), pretrained.strip(play_data.NAME)
    fixed = pretrained.fixed_z(play_data.NAME, 16)
    assert alike(digits(page, "epochs", 4), fixed)
    slider = epochs.locator("[name=moment]")
    slider.press("Home")
    still(page)
    assert np.abs(digits(page, "epochs", 4).astype(int) - strip[0][:, 0].numpy()).max() <= 1
    said(page, "epochs", "Before training", "as it was stored")
    for _ in play_data.MOMENTS:
        if slider.get_attribute("aria-valuetext") == f"epoch {play_data.EPOCHS[0]}, computed here":
            break
        slider.press("ArrowRight")
        still(page)
    assert alike(digits(page, "epochs", 4), fixed, play_data.EPOCHS[0])
    said(page, "epochs", f"After epoch {play_data.EPOCHS[0]}", "Distance to MNIST")


def test_a_round_of_the_game_by_keyboard(opened):
    page = opened()
    game = part(page, "game")
    page.keyboard.press("r")  # without the focus, a letter is not the game's
    assert game.locator("li").count() == 0
    game.locator("[data-real]").focus()
    for i in range(20):
        page.keyboard.press("r" if i % 3 else "f")
    said(page, "game", "The round is over", "95 % confidence", "Guessing gives 50 %")
    shown = [one.split() for one in game.locator("li span").all_inner_texts()]
    right = sum(mark == "✓" for _, mark in shown)
    assert len(shown) == 20 and f"{right} of 20 right" in game.locator("[data-said]").inner_text()
    for i, (what, mark) in enumerate(shown):
        assert (mark == "✓") == ((what == "real") == bool(i % 3))
    assert {what for what, _ in shown} == {"real", "made"}  # a coin that falls 20 times alike is one in 500,000
    assert game.locator("[data-real]").is_disabled() and game.locator(".wrong").count() == 20 - right
    game.locator("[data-again]").click()
    assert game.locator("li").count() == 0
    game.locator("[data-fake]").click()
    assert game.locator("li").count() == 1
    low, high = page.evaluate("Play.wilson(14, 20)")
    assert (low, high) == pytest.approx((0.481, 0.855), abs=1e-3)


# --- the plane ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"data": "grid", "loss": "saturating", "seed": 5, "lr_g": 0.003}])
def test_the_playground_plays_the_courses_own_game(opened, settings):
    page = opened()
    board, game = part(page, "playground"), Game(Settings(**settings))
    for name, value in settings.items():
        if name == "seed":
            board.locator("[name=seed]").fill(str(value))
            board.locator("[name=seed]").press("Enter")
        else:
            board.locator(f"[name={name}]").select_option(str(value))
    steps: tuple[Who, ...] = ("D", "D", "G", "both", "both")
    for who in steps:
        board.locator(f"[data-step-{who.lower()}]").click()
        game.step(who)
    game.measure()
    assert page.evaluate("Play.board.game().losses") == [pytest.approx(row, abs=1e-5) for row in game.losses]
    assert page.evaluate("Play.board.game().steps") == game.rounds == {"D": 4, "G": 3}
    assert page.evaluate("Play.board.game().jsds.at(-1)[1]") == pytest.approx(game.jsds[-1][1], abs=2e-3)
    assert page.evaluate("Play.board.game().floor") == pytest.approx(game.floor, abs=1e-3)
    points = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    judged = floats(page, "Play.board.game().judge(Float64Array.of(0, 0, 1, -2))")
    torch.testing.assert_close(judged, torch.sigmoid(game.D(points)).detach(), rtol=1e-4, atol=1e-5)
    pulled = floats(page, "Play.board.game().pulls(48)[1]").view(48, 2)
    torch.testing.assert_close(pulled, game.arrows()[1], rtol=1e-3, atol=1e-5)
    said(page, "playground", "4 steps of D, 3 of G", "JSD of data and samples 0.")


def test_run_goes_on_until_pause_and_reset_begins_again(opened):
    page = opened()
    board = part(page, "playground")
    run, plane = board.locator("[data-run]"), board.locator("[data-plane]")
    before = plane.evaluate("c => c.toDataURL()")
    run.click()
    page.wait_for_function("Play.board.game().losses.length > 10")
    assert run.inner_text() == "Pause"
    run.click()
    rounds = page.evaluate("Play.board.game().losses.length")
    page.wait_for_timeout(200)
    assert page.evaluate("Play.board.game().losses.length") == rounds and plane.evaluate("c => c.toDataURL()") != before
    board.locator("[data-reset]").click()
    assert page.evaluate("Play.board.game().losses.length") == 0 and plane.evaluate("c => c.toDataURL()") == before


def test_a_game_that_breaks_says_so_and_stops(opened):
    page = opened()
    page.evaluate("Play.board.game().G.layers[0].weights.value[0] = NaN")
    part(page, "playground").locator("[data-step-both]").click()
    said(page, "playground", "not a finite number", "Lower the learning rates")
    assert page.evaluate("Play.board.game().step('both')") is False


# --- screens -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_the_screen_and_follows_the_theme(opened, width, scheme):
    page = opened(width, scheme, has_touch=width == 390, is_mobile=width == 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # innerWidth would grow on a phone
    colours = (
        "['--page', '--discriminator'].map(n => getComputedStyle(document.querySelector('.play')).getPropertyValue(n))"
    )
    before, plane = page.evaluate(colours), page.locator("[data-plane]").evaluate("c => c.toDataURL()")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"play-{width}-{scheme}.png", full_page=True)
    page.click("#theme")
    assert page.evaluate(colours) != before
    page.wait_for_function("d => document.querySelector('[data-plane]').toDataURL() !== d", arg=plane)
    if width == 390:  # by touch
        grid = page.locator("[data-part=explore] [data-grid]")
        box = grid.bounding_box()
        grid.tap(position={"x": box["width"] * 0.9, "y": 5})
        still(page)
        assert page.locator("[name=chosen]").input_value() == "8"


def test_everything_that_is_used_has_a_name_and_can_be_reached_by_tab(opened):
    page = opened()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(".play button, .play input, .play select, .play canvas, .play svg")]
        .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim() ||
          e.closest("[aria-label]:not(section)")))
        .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    page.locator("[data-part=explore] [name=seed]").focus()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.closest('[data-part]')?.dataset.part ?? document.activeElement.id")
        )
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        hidden = page.evaluate("document.activeElement.matches('.segments input')")  # what it marks has the outline
        assert outline != "none" or hidden
        if reached[-1] == "about":
            break
    assert set(reached) >= {"explore", "walk", "epochs", "game", "playground", "about"}


def test_without_its_data_the_page_says_what_is_missing(folder, tmp_path, browser):
    for name in ("play.html", "play.js", "play.css", "site.css", "site.js", "theme.js", "search.js"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    page = browser.new_context(offline=True).new_page()
    page.goto((tmp_path / "play.html").as_uri())
    assert "play-data.js" in page.locator(".lead").inner_text() and "make html" in page.locator(".lead").inner_text()
    page.context.close()


# --- how fast ----------------------------------------------------------------------------------------------------


def test_a_move_of_64_digits_is_drawn_at_once(opened):
    """Waiting is judged on a machine that is quiet; what the page's own thread computed is printed anyway."""
    page = opened()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def used():
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return 1000 * metrics["TaskDuration"]

    def move(n):
        """Milliseconds from a slider's move to its picture (the median of n moves), and of a processor (the mean).

        Each has PATIENCE of its own: evaluate() would wait for ever.
        """
        start = used()
        waited = page.evaluate(
            """async ([n, patience]) => { const slider = document.getElementById("along-slant"), took = [];
            for (let i = 0; i < n; i++) {
              const start = performance.now();
              slider.value = 1 + 0.1 * i;
              slider.dispatchEvent(new Event("input"));
              await new Promise((drawn, late) => {
                Play.explorer.listeners.splice(1, 9, drawn);
                setTimeout(() => late(new Error(`move ${i} was not drawn`)), patience);
              });
              took.push(performance.now() - start);
            }
            return took.sort((a, b) => a - b)[Math.floor(n / 2)]; }""",
            [n, PATIENCE],
        )
        return waited, (used() - start) / n

    move(5)  # until the scripts are compiled
    calm = quiet()
    for rate, name, limit in ((1, "a laptop", 100), (4, "a phone: the processor at a quarter", 250)):
        session.send("Emulation.setCPUThrottlingRate", {"rate": rate})
        waited, computed = move(10)
        record(f"play, a move of 64 digits, {name}", waited)
        record(f"play, of that the page's own thread, {name}", computed)
        assert not calm or waited < limit
