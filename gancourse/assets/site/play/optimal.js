// The best discriminator for two densities with sliders, V(D*) and the JSD, as gancourse.theory.minimax has them: sums
// over the middles of equal cells.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const CELLS = 1500, END = 15, SEEN = 6, CELL = (2 * END) / CELLS, LOG2 = Math.LN2, LOG4 = 2 * Math.LN2;
  const LEFT = 46, RIGHT = 8, TOP = 10, BOTTOM = 22; // of a chart, in its own pixels
  const MEANS = Array.from({ length: 33 }, (_, i) => (i - 16) / 4); // of the generator, on the curve of V(D*)

  const x = Float64Array.from({ length: CELLS }, (_, i) => -END + CELL * (i + 0.5));
  const seen = [...x.keys()].filter((i) => Math.abs(x[i]) <= SEEN);
  const integral = (values) => CELL * values.reduce((sum, v) => sum + v, 0);
  const normal = (mean, std) => x.map((v) => Math.exp(-(((v - mean) / std) ** 2) / 2) / (std * Math.sqrt(2 * Math.PI)));

  const DATA = { // of a mean and a width: the standard deviation of a hump, or of the whole where it is uniform
    "one hump": normal,
    "two humps": (mean, std) => {
      const right = normal(mean + 1.5, std);
      return normal(mean - 1.5, std).map((v, i) => (v + right[i]) / 2);
    },
    uniform: (mean, std) => x.map((v) => Number(v >= mean - std * Math.sqrt(3) && v < mean + std * Math.sqrt(3))),
  };

  const kl = (p, q) => integral(p.map((v, i) => (v > 1e-300 ? v * Math.log(v / q[i]) : 0)));
  const jsd = (p, q) => {
    const middle = p.map((v, i) => (v + q[i]) / 2);
    return Math.max(0, (kl(p, middle) + kl(q, middle)) / 2);
  };

  // A chart with rules at `ticks` of its heights and numbers under it; gives places in it for (x, y).
  function chart(picture, low, high, start, end, ticks) {
    const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
    const across = (v) => LEFT + ((width - LEFT - RIGHT) * (v - start)) / (end - start);
    const up = (v) => height - BOTTOM - ((height - TOP - BOTTOM) * (v - low)) / (high - low);
    for (const [value, words] of ticks) {
      Play.element(picture, "line", { x1: LEFT, x2: width - RIGHT, y1: up(value), y2: up(value), class: "rule" });
      Play.element(picture, "text", { x: LEFT - 5, y: up(value) + 4, "text-anchor": "end" }, words);
    }
    for (let v = start; v <= end; v += 2) {
      Play.element(picture, "text", { x: across(v), y: height - 6, "text-anchor": "middle" }, String(v).replace("-", "−"));
    }
    const line = (style) => Play.element(picture, "polyline", { class: style });
    const through = (points) => points.map(([a, b]) => `${across(a).toFixed(1)},${up(b).toFixed(1)}`).join(" ");
    return { line, through, across, up };
  }

  Play.optimal = (root) => {
    const { find, all } = Play;
    const control = (name) => find(`[name=${name}]`, root), value = (name) => Number(control(name).value);
    const densities = chart(find("[data-densities]", root), 0, 1, -SEEN, SEEN, [[0, "0"]]);
    const best = chart(find("[data-best]", root), 0, 1, -SEEN, SEEN, [[0, "0"], [0.5, "½"], [1, "1"]]);
    const game = chart(find("[data-game]", root), -LOG4, 0.08, MEANS[0], MEANS[MEANS.length - 1], [[-LOG4, "−log 4"], [0, "0"]]);
    const lines = {
      p: densities.line("data"), q: densities.line("generator"), d: best.line("discriminator"), v: game.line("faint-line"),
    };
    const here = Play.element(find("[data-game]", root), "circle", { r: 5, class: "here" });

    const draw = Play.drawer(async () => {
      const shape = control("shape").value, { mean_p, std_p, mean_q, std_q } = Object.fromEntries(
        ["mean_p", "std_p", "mean_q", "std_q"].map((name) => [name, value(name)]));
      const raw = DATA[shape](mean_p, std_p), whole = integral(raw), p = raw.map((v) => v / whole);
      const q = normal(mean_q, std_q), d = p.map((v, i) => v / (v + q[i])), divergence = jsd(p, q);
      const high = Math.max(0.5, 1.08 * Math.max(...p, ...q)), curve = (values) => seen.map((i) => [x[i], values[i]]);
      lines.p.setAttribute("points", densities.through(curve(p.map((v) => v / high))));
      lines.q.setAttribute("points", densities.through(curve(q.map((v) => v / high))));
      lines.d.setAttribute("points", best.through(curve(d).filter(([, v]) => Number.isFinite(v))));
      lines.v.setAttribute("points", game.through(MEANS.map((mean) => [mean, 2 * jsd(p, normal(mean, std_q)) - LOG4])));
      here.setAttribute("cx", game.across(mean_q));
      here.setAttribute("cy", game.up(2 * divergence - LOG4));
      for (const span of all("[data-of]", root)) span.textContent = Play.signed(value(span.dataset.of)).replace("+", "");
      const one = (v) => v.toFixed(1).replace("-", "−"), v = (2 * divergence - LOG4).toFixed(3).replace("-0.000", "0.000");
      Play.say(find("[data-said]", root), `Data: ${shape}, mean ${one(mean_p)}, width ${one(std_p)}; generator: mean ` +
        `${one(mean_q)}, width ${one(std_q)}. V(D*) = ${v.replace("-", "−")}, JSD = ${divergence.toFixed(3)} of at most ` +
        `${LOG2.toFixed(3)}.`);
    });

    for (const input of all("input, select", root)) input.addEventListener("input", draw);
    draw();
  };
})();
