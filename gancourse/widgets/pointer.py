"""Pointer input: where one presses on a picture, and where one drags to.

ipywidgets' own Image reports no clicks, so an anywidget listens for it. It shows nothing: the picture stays a core
Image. Every use must also offer sliders or buttons that do the same, for readers without a pointer, and because the
clicks may be missing: anywidget need not be installed, and not every front end can load it.

anywidget 0.11.0 was tried in Chromium 156 before it was adopted. Under ipywidgets 8.1.9 in JupyterLab 4.6.6, and under
7.7.1 in JupyterLab 3.6.8, it attached, every press arrived, drags arrived thinned out by ipywidgets' own flow control
with the last place always among them, a press brought a new picture within 15 to 70 ms, and the console stayed
silent. tests/browser repeats this under 8, and without the script. One thing did not hold up: where the front end lacks
anywidget's script, ipywidgets 7 shows "model not found" in place of the *whole box* that contains one. Hence the
handshake below: the listener joins the box only after its script has reported from the page. Google Colab itself was
out of reach.

Under a mouse a picture that is wider than its page is scrolled sideways (figure.py). Under a finger, which draws and
cannot also scroll, it is as wide as the page, and two fingers enlarge it.

The same script keeps the arrow keys of the widget's lists and sliders for them: JupyterLab takes those for going from
cell to cell, unless the element says otherwise.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

try:
    import anywidget
    import traitlets
except ImportError:  # an installation without the extra "lab": sliders and buttons only
    anywidget = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import ipywidgets as w

OnPoint = Callable[[float, float, bool], None]

SCRIPT = """
function render({ model, el }) {
  el.style.display = "none";
  const signals = new AbortController(), css = "." + model.get("target");
  const fingers = matchMedia("(pointer: coarse)");
  let picture = null, down = false, timer = 0;

  const say = (event, press) => {
    const box = picture.getBoundingClientRect();
    const share = (part, whole) => Math.min(1, Math.max(0, part / whole));
    const [x, y] = [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
    model.set("at", [x, y, press]);
    model.save_changes();
  };
  const adapt = () => {
    picture.style.cursor = model.get("active") ? "crosshair" : "";
    const finger = model.get("active") && fingers.matches;
    picture.style.touchAction = model.get("active") ? "pinch-zoom" : "";
    picture.style.minWidth = finger ? "0" : picture.dataset.least;
  };
  const attach = () => {
    let place = el;
    while (place && !place.querySelector(css)) place = place.parentElement;
    if (!place) { timer = setTimeout(attach, 100); return; }  // neither is in the page yet
    picture = place.querySelector(css);
    picture.draggable = false;
    picture.dataset.least ??= picture.style.minWidth;
    const on = (name, act) => picture.addEventListener(name, act, { signal: signals.signal });
    on("pointerdown", (event) => {
      if (!model.get("active") || event.button !== 0) return;
      down = true;
      picture.setPointerCapture(event.pointerId);
      say(event, (model.get("at")[2] ?? 0) + 1);
    });
    on("pointermove", (event) => { if (down) say(event, model.get("at")[2]); });
    for (const name of ["pointerup", "pointercancel"]) on(name, () => { down = false; });
    const root = picture.parentElement.closest("[class*='gc-']") ?? place;
    const spare = (event) => {
      if (!root.contains(event.target) || !event.target.matches("select, .noUi-handle")) return;
      if (event.key.startsWith("Arrow")) event.target.dataset.lmSuppressShortcuts = "true";
      else delete event.target.dataset.lmSuppressShortcuts;
    };
    window.addEventListener("keydown", spare, { capture: true, signal: signals.signal });  // before JupyterLab's own
    model.on("change:active", adapt);
    fingers.addEventListener("change", adapt, { signal: signals.signal });
    adapt();
  };
  attach();
  return () => { clearTimeout(timer); signals.abort(); model.off("change:active", adapt); };
}
function initialize({ model }) {  // runs where the page has loaded this script, before anything is shown
  model.set("alive", true);
  model.save_changes();
}
export default { initialize, render };
"""

if anywidget is not None:

    class _Listener(anywidget.AnyWidget):
        _esm = SCRIPT
        alive = traitlets.Bool(False).tag(sync=True)
        target = traitlets.Unicode().tag(sync=True)  # CSS class of the picture to listen to
        active = traitlets.Bool(True).tag(sync=True)
        at = traitlets.List([0.0, 0.0, 0]).tag(sync=True)  # x, y, number of the press; a new press is a new value


class Pointer:
    """Calls on_point(x, y, pressed) when somebody presses on `picture` or drags over it; `box` contains the picture.

    x and y lie in [0, 1], from the left and from the top of the picture. pressed is True for a press and False for the
    places that a drag passes; where the kernel is slow, some of those are left out, never the last.
    Without anywidget, or in a front end that cannot load it, nothing is ever called.
    """

    def __init__(self, picture: w.Image, box: w.Box, on_point: OnPoint) -> None:
        self._box, self._on_point, self._press, self._active = box, on_point, 0, True
        self._listener: Any = None
        if anywidget is not None:
            target = f"gc-picture-{uuid.uuid4().hex}"
            picture.add_class(target)
            self._listener = _Listener(target=target)
            self._listener.observe(self._join, "alive")
            self._listener.observe(self._moved, "at")

    @property
    def works(self) -> bool:
        """Whether the page has reported that it listens; False until then, and without a page."""
        return self._listener is not None and self._listener.alive

    @property
    def active(self) -> bool:
        """Whether presses are reported; the mouse pointer over the picture is a cross then."""
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        self._active = value
        if self._listener is not None:
            self._listener.active = value

    def _join(self, _: Any) -> None:
        if self._listener not in self._box.children:
            self._box.children = (*self._box.children, self._listener)

    def _moved(self, change: dict[str, Any]) -> None:
        x, y, press = change["new"]
        pressed, self._press = press != self._press, press
        self._on_point(float(x), float(y), pressed)
