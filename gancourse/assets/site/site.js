// The bar of every page: dark or light, and search over window.COURSE (search.js), without a network.
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const label = () => { button.textContent = root.dataset.theme === "dark" ? "light" : "dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("gancourse-theme", root.dataset.theme); } catch { /* as in theme.js */ }
    label();
  });
  label();

  if (matchMedia("(max-width: 75rem)").matches) document.querySelector(".contents details")?.removeAttribute("open");

  const picture = document.querySelector(".moving img"), pause = document.querySelector(".moving button");
  if (pause && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      const moves = pause.textContent === "pause";
      picture.src = moves ? pause.dataset.still : pause.dataset.moving;
      pause.textContent = moves ? "play" : "pause";
    });
  }

  const box = document.getElementById("find"), list = document.getElementById("found");
  const score = (section, words) => {
    const title = section.title.toLowerCase(), heading = section.heading.toLowerCase(), text = section.text.toLowerCase();
    let sum = 0;
    for (const word of words) {
      const one = 8 * heading.includes(word) + 3 * title.includes(word) + Math.min(3, text.split(word).length - 1);
      if (!one) return 0;
      sum += one;
    }
    return sum;
  };
  const excerpt = (text, word) => {
    const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
    return (at ? "… " : "") + text.slice(at, at + 110) + (at + 110 < text.length ? " …" : "");
  };
  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    list.hidden = !words.length;
    if (!words.length) return;
    const found = (window.COURSE || []).map((s) => [score(s, words), s]).filter(([n]) => n).sort((a, b) => b[0] - a[0]);
    for (const [, section] of found.slice(0, 12)) {
      const item = document.createElement("li"), link = document.createElement("a"), where = document.createElement("small");
      link.href = `${section.page}#${encodeURIComponent(section.at)}`;
      link.textContent = section.heading;
      where.textContent = `${section.title}: ${excerpt(section.text, words[0])}`;
      link.append(where);
      item.append(link);
      list.append(item);
    }
    if (!found.length) {
      const item = document.createElement("li");
      item.textContent = "Nothing found. Fewer or other words?";
      list.append(item);
    }
  };
  box.addEventListener("input", search);
  box.addEventListener("focus", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|textarea)$/i.test(event.target.tagName)) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape") { list.hidden = true; box.blur(); }
    const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
    if (!list.hidden && links.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      (next < 0 ? box : links[Math.min(next, links.length - 1)]).focus();
    }
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".find")) list.hidden = true; });
  list.addEventListener("click", () => { list.hidden = true; });
})();
