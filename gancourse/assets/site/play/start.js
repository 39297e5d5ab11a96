// Brings the parts to life that the page holds, and says how exact they are here.
(() => {
  const Play = globalThis.Play;
  const { data, find, all } = Play;
  if (!data) {
    find(".play .lead").textContent = "The file play-data.js, which holds the weights, is not beside this page: " +
      "copy the whole folder, or make it again with `make html`.";
    return;
  }

  function facts(root) {
    const weights = Object.values(data.generators).flat().reduce((sum, layer) => sum + layer.inputs * layer.rows, 0);
    const number = (v) => (v < 0.1 ? v.toFixed(3) : v.toFixed(2));
    const found = {
      what: data.what, parameters: data.parameters.toLocaleString("en"), last: data.last,
      epochs: Object.keys(data.generators).join(", "), megabytes: (weights / 1e6).toFixed(2),
      mean: number(data.eightBits.mean), largest: number(data.eightBits.largest), n: data.eightBits.n,
      alike: number(difference()), samples: data.samples.n, real: data.real.n,
    };
    for (const span of all("[data-fact]", root)) if (span.dataset.fact in found) span.textContent = found[span.dataset.fact];
  }

  // The largest difference between this browser's images and PyTorch's, of the same eight-bit weights, in grey levels.
  function difference() {
    const { n, of, seed, epoch, pixels } = data.samples, bytes = Play.bytes(pixels);
    const stored = new Uint16Array(bytes.buffer), z = Play.sample(of, seed).subarray(0, n * data.zSize);
    return Play.generator(epoch).images(z).reduce(
      (most, v, i) => Math.max(most, Math.abs(((v + 1) / 2) * 255 - stored[i] / 257)), 0);
  }

  const begin = (selector, part, ...more) => {
    const root = find(selector);
    return root && Play[part](root, ...more);
  };

  Play.explorer = begin("[data-part=explore]", "explore");
  if (Play.explorer) begin("[data-part=walk]", "walk", Play.explorer);
  Play.board = begin("[data-part=playground]", "playground");
  Play.ready = Promise.all([begin("[data-part=epochs]", "epochs"), begin("[data-part=game]", "game")]);
  Play.difference = difference;
  all("[data-part=about]").forEach(facts);
  all("[data-part=lead]").forEach(facts);
})();
