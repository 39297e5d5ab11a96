"""JupyterLab in a real browser, for the suites of this folder: conftest.py makes fixtures of it.

A server as `make lab` starts it, in a folder of its own, which sees no settings of the user; a page with one notebook,
its cells run; and what tests do there: drag a slider, press a key, wait until a picture is another one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gancourse.publishing.notebooks import METADATA

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
LATENCIES = ROOT / "build" / "latencies.txt"
TOKEN = "gancourse"
PATIENCE = 60_000  # ms for one change in the page; a build machine may be busy with other things
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
KERNEL = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
OPTIONS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
# Messages of JupyterLab about itself, which no widget of ours can cause.
NOT_OURS = ("favicon", "Failed to load resource", "JupyterLab news", "net::ERR_")


def missing(what: str) -> None:
    """Skip on a reader's machine; on a build machine a browser test that does not run is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and the browser tests cannot run without {what}")
    pytest.skip(f"the browser tests need {what}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Lab:
    """A running JupyterLab. .folder is where its notebooks lie."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.address = folder, f"http://127.0.0.1:{port}"

    def write(self, name: str, cells: Sequence[str]) -> str:
        """A notebook with these code cells in the server's folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata = nbformat.from_dict(METADATA)  # without a kernelspec JupyterLab asks for a kernel, and waits
        nbformat.write(notebook, self.folder / name)
        return name

    def url(self, name: str) -> str:
        return f"{self.address}/lab/tree/{name}?token={TOKEN}&reset"


@contextmanager
def serve(folder: Path) -> Iterator[Lab]:
    """JupyterLab in `folder`, with settings, data and runtime files of its own, until the block ends."""
    settings = folder / "settings" / "@jupyterlab"
    for plugin, text in (
        ("notebook-extension/tracker", '{"windowingMode": "none"}'),  # keep every cell in the page
        ("apputils-extension/notification", '{"fetchNews": "false", "checkForUpdates": false}'),
    ):
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    port, log = free_port(), folder / "server.log"
    environment = {
        **os.environ,
        **{f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")},
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "GANCOURSE_PROFILE": "smoke",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    options += ["--ServerApp.port_retries=0", "--allow-root", "--expose-app-in-browser", f"--notebook-dir={notebooks}"]
    with log.open("w") as out:
        command = [sys.executable, "-m", "gancourse", "lab", *options]
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
    try:
        _wait_for(server, f"http://127.0.0.1:{port}/api?token={TOKEN}", log)
        yield Lab(notebooks, port)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_for(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(480):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()[-3000:]
            time.sleep(0.25)
    pytest.fail(f"JupyterLab did not answer: {log.read_text()[-3000:]}")


@contextmanager
def chromium() -> Iterator[Any]:
    """A Chromium that Playwright drives."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        missing("chromium (on Debian and Ubuntu: apt install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


class Notebook:
    """One notebook in the browser. .page is Playwright's page, .errors what its console complained about.

    without: a pattern of addresses that the page is not given, such as those of an extension.
    """

    def __init__(self, browser: Any, lab: Lab, name: str, without: str = "") -> None:
        self.name = name
        self.errors: list[str] = []
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000})
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))
        if without:
            self.page.route(without, lambda route: route.abort())
        self.page.goto(lab.url(name))
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        self.page.wait_for_function("window.jupyterapp !== undefined")
        self.page.wait_for_function(f"() => {KERNEL}?.status === 'idle'")  # before that a run asks which kernel

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not any(words in text for words in NOT_OURS):
            self.errors.append(text)

    def run(self) -> float:
        """Run every cell; seconds until the last one has finished."""
        start = time.perf_counter()
        command = "window.jupyterapp.commands.execute('notebook:run-all-cells')"
        self.page.evaluate(f"() => {{ window.ran = false; {command}.then(() => {{ window.ran = true; }}); }}")
        self.page.wait_for_function("() => window.ran", timeout=400_000)
        return time.perf_counter() - start

    def close(self) -> None:
        """Close the page and stop its kernel."""
        self.page.evaluate(f"() => {KERNEL}?.shutdown()")
        self.page.close()

    def wait(self, expression: str, argument: Any = None) -> None:
        """Wait until a JavaScript function of one argument is true."""
        self.page.wait_for_function(expression, arg=argument)

    def source(self, css: str) -> str:
        """The address of the picture inside the widget `css`: another picture, another address."""
        address: str = self.page.locator(f"{css} img").first.get_attribute("src")
        return address

    def changes(self, css: str, before: str, what: str) -> float:
        """Wait until the picture in `css` is not `before`; milliseconds, which are also written down as `what`."""
        start = time.perf_counter()
        self.wait("([css, before]) => document.querySelector(`${css} img`).src !== before", [css, before])
        return record(what, 1000 * (time.perf_counter() - start))

    def drag(self, css: str, slider: int, pixels: int) -> None:
        """Drag a slider's handle, by its place among the sliders of the widget `css`."""
        handle = self.page.locator(f"{css} .noUi-handle:visible").nth(slider)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=3)
        self.page.mouse.up()

    def key(self, css: str, slider: int, key: str) -> None:
        """Press a key on a slider's handle."""
        self.page.locator(f"{css} .noUi-handle:visible").nth(slider).press(key)

    def press(self, css: str, *places: tuple[float, float]) -> None:
        """Press on the picture in the widget `css` at the first place and drag along the others, each in [0, 1].

        The picture has been drawn by then, and stands still: one that is still loading has no size, and pushes down
        what follows once it has.
        """
        picture = self.page.locator(f"{css} img").first
        self.wait("css => (p => p.complete && p.naturalWidth > 0)(document.querySelector(`${css} img`))", css)
        box = None
        while box is None or box != picture.bounding_box():
            picture.scroll_into_view_if_needed()
            box = picture.bounding_box()
            self.page.wait_for_timeout(50)
        (x, y), *path = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in places]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for x, y in path:
            self.page.mouse.move(x, y, steps=8)
        self.page.mouse.up()

    def click(self, css: str, button: str) -> None:
        """Press a button of the widget `css` by the whole of its label."""
        self.page.locator(css).get_by_role("button", name=button, exact=True).click()

    def words(self, css: str) -> str:
        """The line of words of the widget `css`."""
        text: str = self.page.locator(f"{css} [role=status]").inner_text()
        return text

    def says(self, css: str, text: str) -> None:
        """Wait until the line of words of the widget `css` contains `text`."""
        script = "([css, text]) => document.querySelector(`${css} [role=status]`).innerText.includes(text)"
        self.wait(script, [css, text])

    def outputs(self) -> int:
        """How many outputs the notebook shows."""
        count: int = self.page.locator(".jp-OutputArea-output").count()
        return count

    def screenshot(self, name: str, css: str = "") -> None:
        """A PNG in build/screenshots, of the widget `css` or of the whole window."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        place = self.page.locator(css).first if css else self.page
        place.screenshot(path=SCREENSHOTS / f"{name}.png")


def quiet() -> bool:
    """Whether nobody else works on this machine: as many busy processes as there are cores have a whole one each.

    Limits on latencies hold then. A build machine that is busy with other things measures those things.
    """
    loop = (
        "import time; wall, own = time.perf_counter(), time.process_time()\n"
        "while time.perf_counter() - wall < 0.3: pass\n"
        "print((time.process_time() - own) / (time.perf_counter() - wall))"
    )
    command = [sys.executable, "-c", loop]
    busy = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(os.cpu_count() or 1)]
    share = min(float(process.communicate()[0]) for process in busy)
    print(f"a process gets {share:.0%} of a core")
    return share > 0.8


def record(what: str, milliseconds: float) -> float:
    """Print a latency and keep it in build/latencies.txt."""
    line = f"{what}: {milliseconds:.0f} ms"
    print(line)
    LATENCIES.parent.mkdir(parents=True, exist_ok=True)
    with LATENCIES.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return milliseconds
