// The bar of every page: dark or light, and search over window.COURSE (search.js, read when it is first asked).
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const label = () => { button.textContent = root.dataset.theme === "dark" ? "light" : "dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("gancourse-theme", root.dataset.theme); } catch { /* as in theme.js */ }
    label();
  });
  label();

  const contents = document.querySelector(".contents details"), wide = matchMedia("(min-width: 72rem)");
  if (contents) {
    wide.addEventListener("change", () => { contents.open = wide.matches; });
    const links = [...contents.querySelectorAll("a")];
    const headings = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
    const mark = () => {
      const line = scrollY + innerHeight > document.body.scrollHeight - 4 ? innerHeight : innerHeight / 3;
      const at = headings.findLastIndex((heading) => heading && heading.getBoundingClientRect().top < line);
      links.forEach((link, i) => { link.ariaCurrent = i === at ? "true" : null; });
      if (at >= 0 && wide.matches) {
        const nav = contents.parentElement, link = links[at].getBoundingClientRect(), box = nav.getBoundingClientRect();
        if (link.top < box.top || link.bottom > box.bottom) nav.scrollTop += link.top - box.top - box.height / 2;
      }
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; mark(); });
    }, { passive: true });
    mark();
  }

  // A list of which some kinds are shown: all of them while none is chosen.
  for (const group of document.querySelectorAll(".choose")) {
    const buttons = [...group.querySelectorAll("button")], items = [...document.querySelectorAll(`${group.dataset.list} li`)];
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
      const chosen = buttons.filter((b) => b.ariaPressed === "true").map((b) => b.dataset.kind || b.textContent);
      for (const item of items) item.hidden = chosen.length > 0 && !chosen.includes(item.dataset.kind);
    });
  }

  // What is wider than its place can be scrolled with the keys too.
  for (const wider of document.querySelectorAll("main pre, main table, main .equation")) {
    if (wider.scrollWidth > wider.clientWidth + 1) wider.tabIndex = 0;
  }

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
    const whole = words.join(" ");
    return sum + 12 * heading.includes(whole) + 4 * text.includes(whole);
  };
  const excerpt = (text, words) => { // round the words as they were asked, or else round the first of them
    const lower = text.toLowerCase(), whole = lower.indexOf(words.join(" "));
    const at = Math.max(0, (whole < 0 ? lower.indexOf(words[0]) : whole) - 40);
    return (at ? "… " : "") + text.slice(at, at + 110) + (at + 110 < text.length ? " …" : "");
  };
  const press = (key) => { // go through what was found; whether the key had a meaning there
    const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
    if (list.hidden || !links.length) return false;
    const next = at + (key === "ArrowDown" ? 1 : -1);
    if (key === "Enter") links[Math.max(at, 0)].click();
    else (next < 0 ? box : links[Math.min(next, links.length - 1)]).focus();
    return true;
  };
  let asked = false;
  const early = []; // keys that came before the index did
  const load = () => {
    if (asked) return;
    asked = true;
    const script = document.createElement("script");
    script.src = "search.js";
    script.addEventListener("load", () => { search(); early.forEach(press); });
    document.head.append(script);
  };
  const search = () => {
    load();
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    list.hidden = !words.length;
    if (!words.length) return;
    const found = (window.COURSE || []).map((s) => [score(s, words), s]).filter(([n]) => n).sort((a, b) => b[0] - a[0]);
    for (const [, section] of found.slice(0, 12)) {
      const item = document.createElement("li"), link = document.createElement("a"), where = document.createElement("small");
      link.href = `${section.page}#${encodeURIComponent(section.at)}`;
      link.textContent = section.heading;
      where.textContent = `${section.title}: ${excerpt(section.text, words)}`;
      link.append(where);
      item.append(link);
      list.append(item);
    }
    if (!found.length && window.COURSE) {
      const item = document.createElement("li");
      item.textContent = "Nothing found. Fewer or other words?";
      list.append(item);
    }
  };
  box.addEventListener("input", () => { early.length = 0; search(); });
  box.addEventListener("focus", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|textarea)$/i.test(event.target.tagName)) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape") { list.hidden = true; box.blur(); }
    if (!/^(ArrowDown|ArrowUp|Enter)$/.test(event.key) || (event.key === "Enter" && event.target !== box)) return;
    if (event.target === box && !window.COURSE) early.push(event.key);
    else if (press(event.key)) event.preventDefault();
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".find")) list.hidden = true; });
  list.addEventListener("click", () => { list.hidden = true; });
})();
