// Brings parts to life: those of the page Play at once, those of a lesson when live.js asks.
(() => {
  const Play = globalThis.Play;
  const { data, find, all } = Play;

  // The parts that `root` holds: what can be asked of them, a promise of those that wait for a picture, and a pause.
  Play.begin = (root) => {
    const begin = (name, ...more) => {
      const at = find(`[data-part=${name}]`, root);
      return at && Play[name](at, ...more);
    };
    const explorer = begin("explore"), walk = explorer && begin("walk", explorer), board = begin("playground");
    if (explorer) begin("arithmetic", explorer);
    begin("optimal");
    const ready = Promise.all([begin("epochs"), begin("game")]);
    return { explorer, board, ready, pause() { for (const part of [walk, board]) part?.pause(); } };
  };

  const lead = find("[data-part=lead]");
  if (!lead) return; // a lesson's page
  if (!data) {
    find(".lead", lead).textContent = "The file play-data.js, which holds the weights, is not beside this page: " +
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

  Object.assign(Play, Play.begin(document), { difference });
  for (const root of [lead, ...all("[data-part=about]")]) facts(root);
})();
