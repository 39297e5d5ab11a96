// 64 digits, moved along directions of z; the chosen one, large.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const N = 64, COLUMNS = 8, FIRST = 27, STEP = 0.1, END = 4; // FIRST: which one is chosen at first
  let made = 0; // explorers on this page

  Play.explore = (root) => {
    const { find, all, data, latent } = Play;
    const grid = find("[data-grid]", root), large = find("[data-large]", root), mark = find("[data-mark]", root);
    const line = find("[data-said]", root), seed = find("[name=seed]", root), chosen = find("[name=chosen]", root);
    const epoch = find("[name=epoch]", root), sliders = find("[data-sliders]", root);
    const digit = document.createElement("select");
    const picked = (name) => find(`[name=${name}]:checked`, root)?.value;
    const state = { index: FIRST, amounts: {}, listeners: [] };
    const own = made++ ? `-${made}` : ""; // ends the ids of all but the first
    let network = null, vectors = {}, slopes = {}, basis = [], sums = null;

    // ---- controls, made of what the data holds; the sliders may be left out of the page

    for (const number of Object.keys(data.generators)) epoch.add(new Option(number, number));
    epoch.value = data.last;
    for (let d = 0; d < 10; d++) digit.add(new Option(d, d));
    digit.value = 7;
    digit.setAttribute("aria-label", "which digit");

    const slider = (name, label) => {
      const row = find("template", sliders).content.firstElementChild.cloneNode(true);
      const input = find("input", row), caption = find("[data-label]", row);
      Object.assign(input, { id: `along-${name}${own}`, min: -END, max: END, step: STEP, value: 0 });
      caption.htmlFor = input.id;
      caption.append(...label);
      input.setAttribute("aria-describedby", (find("[data-fact]", row).id = `fact-${name}${own}`));
      input.addEventListener("input", () => set(name, Number(input.value)));
      sliders.append(row);
      return { input, output: find("output", row), fact: find("[data-fact]", row) };
    };
    const rows = sliders ? {
      thickness: slider("thickness", ["thicker"]),
      slant: slider("slant", ["leaning right"]),
      digit: slider("digit", ["more of a ", digit]),
      first: slider("first", ["strongest direction"]),
      second: slider("second", ["second strongest"]),
    } : {};
    const direction = (name) => data.directions[epoch.value][name === "digit" ? `digit ${digit.value}` : name];

    function set(name, amount) {
      state.amounts[name] = amount;
      rows[name].input.value = amount;
      rows[name].output.textContent = Play.signed(amount);
      draw();
    }

    // ---- z

    function settle() { // what does not change while a slider moves
      network = Play.generator(epoch.value);
      vectors = Object.fromEntries(Object.keys(rows).map((name) => [name, Play.floats(direction(name).vector)]));
      slopes = Object.fromEntries(Object.entries(vectors).map(([name, vector]) => [name, network.slope(vector)]));
      const number = Play.seed(seed);
      if (picked("shown") === "samples") basis = latent.rows(Play.sample(N, number), data.zSize);
      else {
        const corners = latent.rows(Play.sample(4, number), data.zSize), end = COLUMNS - 1;
        basis = Array.from({ length: N }, (_, i) =>
          latent.blend(corners, (i % COLUMNS) / end, Math.floor(i / COLUMNS) / end));
      }
      sums = network.firstSums(latent.joined(basis));
      for (const [name, row] of Object.entries(rows)) row.fact.textContent = factOf(direction(name));
      draw();
    }

    const factOf = ({ r2, share }) =>
      r2 === undefined ? `${Play.percent(share)} of variance` : `r² ${r2.toFixed(2)}`;

    // 64 rows of numbers, moved by the sliders: `steps` has the row that each direction adds for an amount of 1.
    function move(numbers, steps) {
      const size = numbers.length / N, only = picked("moves") === "chosen" ? state.index : -1;
      const found = Float32Array.from(numbers);
      for (const [name, amount] of Object.entries(state.amounts)) {
        if (!amount) continue;
        for (let i = Math.max(only, 0); i < (only < 0 ? N : only + 1); i++) {
          for (let k = 0, at = i * size; k < size; k++, at++) found[at] += amount * steps[name][k];
        }
      }
      return found;
    }

    // ---- the picture

    const draw = Play.drawer(async () => {
      const start = performance.now();
      const x = await network.imagesInParts(move(sums, slopes));
      state.milliseconds = performance.now() - start;
      Play.drawGrid(grid, x, N, COLUMNS);
      Play.drawDigit(large, x, state.index * Play.SIDE ** 2);
      mark.style.left = `${(100 / COLUMNS) * (state.index % COLUMNS)}%`;
      mark.style.top = `${(100 / COLUMNS) * Math.floor(state.index / COLUMNS)}%`;
      state.drawn = (state.drawn || 0) + 1;
      Play.say(line, words());
      for (const listener of state.listeners) listener();
    });

    function words() {
      const what = picked("shown") === "samples" ? "64 samples" : "64 blends of four samples, which are the corners";
      const along = Object.entries(state.amounts).filter(([, amount]) => amount)
        .map(([name, amount]) => `${nameOf(name)} ${Play.signed(amount)}`).join(", ");
      const who = picked("moves") === "chosen" ? "The chosen one is" : "All are";
      return `${what} of seed ${Play.seed(seed)}. ${along ? `${who} moved: ${along}. ` : ""}Chosen: number ` +
        `${state.index + 1}, |z| = ${latent.length(state.chosen()).toFixed(1)}. ` +
        `Drawn in ${Math.max(1, Math.round(state.milliseconds))} ms.`;
    }

    const nameOf = (name) =>
      ({ thickness: "thicker", slant: "leaning right", digit: `more of a ${digit.value}` }[name] || `${name} direction`);

    // ---- what one can do

    function choose(index) {
      state.index = Math.max(0, Math.min(N - 1, index));
      chosen.value = state.index + 1;
      draw();
    }

    grid.addEventListener("click", (event) => {
      const box = grid.getBoundingClientRect();
      const at = (v, length) => Math.max(0, Math.min(COLUMNS - 1, Math.floor((v / length) * COLUMNS)));
      choose(at(event.clientY - box.top, box.height) * COLUMNS + at(event.clientX - box.left, box.width));
    });
    const keys = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
    grid.addEventListener("keydown", (event) => {
      const next = event.key === "Home" ? 0 : event.key === "End" ? N - 1 : state.index + keys[event.key];
      if (Number.isNaN(next)) return;
      event.preventDefault();
      if (next >= 0 && next < N) choose(next);
    });
    chosen.addEventListener("input", () => choose(Number(chosen.value) - 1));
    find("[data-new]", root).addEventListener("click", () => {
      seed.value = (Play.seed(seed) + 1) % (Number(seed.max) + 1);
      settle();
    });
    find("[data-reset]", root)?.addEventListener("click", () => Object.keys(rows).forEach((name) => set(name, 0)));
    for (const control of [seed, epoch, digit, ...all("[name=shown]", root)]) control.addEventListener("input", settle);
    for (const control of all("[name=moves]", root)) control.addEventListener("input", draw);

    Object.keys(rows).forEach((name) => set(name, 0));
    settle();

    state.chosen = () => latent.rows(move(latent.joined(basis), vectors), data.zSize)[state.index];
    state.basis = () => basis;
    state.epoch = () => epoch.value;
    return state;
  };
})();
