// The same z through the epochs of a run: computed here where the page has that epoch's weights, else as it was stored.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const WIDTH = 320, HEIGHT = 150, LEFT = 36, BOTTOM = 24, TOP = 12;

  Play.epochs = async (root) => {
    const { find, data } = Play;
    const { epochs, n, columns, seed, png } = data.strip;
    const grid = find("[data-grid]", root), slider = find("[name=moment]", root), line = find("[data-said]", root);
    const title = find("[data-title]", root), chart = find("[data-chart]", root);
    const image = await Play.picture(png), sheet = document.createElement("canvas");
    const z = Play.sample(64, seed).subarray(0, n * data.zSize);
    let at = epochs.length - 1;

    function stored(row) { // pixels of the picture as images in [-1, 1]
      [sheet.width, sheet.height] = [n * Play.SIDE, Play.SIDE];
      const context = sheet.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, -row * Play.SIDE);
      const bytes = context.getImageData(0, 0, sheet.width, sheet.height).data, x = new Float32Array(n * Play.SIDE ** 2);
      for (let i = 0; i < x.length; i++) {
        const digit = Math.floor(i / Play.SIDE ** 2), place = i % Play.SIDE ** 2;
        const pixel = Math.floor(place / Play.SIDE) * n * Play.SIDE + digit * Play.SIDE + (place % Play.SIDE);
        x[i] = bytes[4 * pixel] / 127.5 - 1;
      }
      return x;
    }

    const draw = Play.drawer(async () => {
      const epoch = epochs[at], here = epoch in data.generators;
      Play.drawGrid(grid, here ? Play.generator(epoch).images(z) : stored(at), n, columns);
      const how = here ? "computed here" : "as it was stored", score = data.scores[epoch];
      title.textContent = epoch ? `After epoch ${epoch}` : "Before training";
      slider.setAttribute("aria-valuetext", `epoch ${epoch}, ${how}`);
      mark(epoch);
      const distance = score === undefined ? "" : ` Distance to MNIST: ${score.toPrecision(3)}.`;
      Play.say(line, `${title.textContent}: the same ${n} z, ${how}.${distance}`);
    });

    const go = (to) => { at = to; slider.value = to; draw(); };
    Object.assign(slider, { min: 0, max: epochs.length - 1, step: 1 });
    slider.addEventListener("input", () => go(Number(slider.value)));

    // ---- the distance to MNIST, on a logarithmic axis

    const scored = Object.entries(data.scores).map(([epoch, score]) => [Number(epoch), score]);
    const values = scored.map(([, score]) => Math.log10(score)), end = epochs[epochs.length - 1];
    const low = Math.floor(Math.min(...values)), high = Math.max(Math.ceil(Math.max(...values)), low + 1);
    const x = (epoch) => LEFT + ((WIDTH - LEFT - 10) * epoch) / end;
    const y = (value) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - value)) / (high - low);
    const draws = (...what) => Play.element(chart, ...what);
    chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    for (let power = low; power <= high; power++) {
      draws("line", { x1: LEFT, x2: WIDTH - 10, y1: y(power), y2: y(power), class: "rule" });
      draws("text", { x: LEFT - 6, y: y(power) + 4, "text-anchor": "end" }, 10 ** power);
    }
    draws("text", { x: LEFT, y: HEIGHT - 6 }, "0");
    draws("text", { x: WIDTH - 10, y: HEIGHT - 6, "text-anchor": "end" }, `epoch ${end}`);
    draws("polyline", { points: scored.map(([e], i) => `${x(e)},${y(values[i])}`).join(" "), class: "curve" });
    for (const [i, [epoch]] of scored.entries()) draws("circle", { cx: x(epoch), cy: y(values[i]), r: 3 });
    const now = draws("line", { y1: TOP - 6, y2: HEIGHT - BOTTOM, class: "now" });
    function mark(epoch) {
      now.setAttribute("x1", x(epoch));
      now.setAttribute("x2", x(epoch));
    }
    chart.addEventListener("click", (event) => {
      const box = chart.getBoundingClientRect(), epoch = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) /
        (WIDTH - LEFT - 10) * end;
      const away = epochs.map((one) => Math.abs(one - epoch));
      go(away.indexOf(Math.min(...away)));
    });

    go(at);
  };
})();
