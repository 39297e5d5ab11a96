// Widgets on a lesson's page: what stands there as a picture is played in its place, once the reader asks for it.
// The files of the page Play are loaded then, once for all widgets; PLAY_PARTS is the HTML of its parts.
(() => {
  const FILES = [["link", { rel: "stylesheet", href: "play.css" }], ["script", { src: "play-data.js" }],
    ["script", { src: "play.js" }]];
  const MISSING = "The files play.js, play-data.js and play.css are not beside this page: copy the whole folder, or " +
    "make it again with `make html`.";

  const make = (name, attributes, ...inside) => {
    const element = Object.assign(document.createElement(name), attributes);
    element.append(...inside);
    return element;
  };

  let loading = null; // a promise, which is forgotten where it fails: one may try again
  const load = () => {
    loading ??= FILES.reduce((before, [name, attributes]) => before.then(() => new Promise((done, failed) => {
      const file = make(name, { ...attributes, onload: done, onerror: () => { file.remove(); failed(new Error(MISSING)); } });
      document.head.append(file);
    })), Promise.resolve()).catch((error) => { loading = null; throw error; });
    return loading;
  };

  function lay(stage, { parts, form }) {
    stage.innerHTML = parts.split(" ").map((name) => globalThis.PLAY_PARTS[name]).join("\n");
    if (form === "whole") return;
    for (const element of stage.querySelectorAll("[data-of=sliders]")) element.remove();
    if (form === "map") stage.querySelector("[name=shown][value=map]").checked = true;
  }

  document.querySelectorAll(".live").forEach((box, i) => {
    const what = box.querySelector("img").alt.split(/[.:] /)[0];
    // A form keeps the radio buttons of one widget apart from another's; there is nothing to send.
    const stage = make("form", { className: "live-stage play", id: `live-${i + 1}`, hidden: true,
      onsubmit: (event) => event.preventDefault() });
    const button = make("button", { type: "button" }), said = make("span", { role: "status" });
    const bar = make("div", { className: "live-bar" }, button, make("span", {}, box.dataset.note), said);
    button.setAttribute("aria-controls", stage.id);

    const show = (on) => {
      box.classList.toggle("playing", on);
      stage.hidden = !on;
      button.textContent = on ? "Back to the picture" : "Play it here";
      button.setAttribute("aria-label", `${button.textContent}: ${what}`);
      button.ariaExpanded = String(on);
    };

    button.addEventListener("click", async () => {
      if (button.ariaBusy === "true") return;
      if (box.classList.contains("playing")) {
        box.parts.pause();
        return show(false);
      }
      try {
        button.ariaBusy = "true";
        if (!box.parts) {
          said.textContent = "Loading …";
          await load();
          lay(stage, box.dataset);
          box.parts = globalThis.Play.begin(stage);
          await box.parts.ready;
        }
        said.textContent = "";
        show(true);
      } catch (error) {
        said.textContent = error.message;
      } finally {
        button.ariaBusy = "false";
      }
    });
    show(false);
    box.prepend(bar, stage);
  });
})();
