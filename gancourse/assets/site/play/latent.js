// What one can do with z, as gancourse.latent does it: great circles, blends of four, steps along directions.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const PARALLEL = 1e-6; // sine of an angle below which rounded numbers define no great circle

  const length = (z) => Math.sqrt(z.reduce((sum, v) => sum + v * v, 0));

  // From a (t = 0) to b (t = 1): the direction turns evenly, the length changes evenly (latent.slerp). Parallel vectors
  // give the straight line; so do opposite ones here, which random z never are.
  function slerp(a, b, t) {
    const la = length(a), lb = length(b), cosine = a.reduce((sum, v, i) => sum + v * b[i], 0) / (la * lb);
    const across = b.map((v, i) => v / lb - (cosine * a[i]) / la), sine = length(across);
    if (!(sine > PARALLEL)) return a.map((v, i) => v + t * (b[i] - v));
    const angle = Math.atan2(sine, cosine), long = la + t * (lb - la);
    const u = Math.cos(t * angle) / la, v = Math.sin(t * angle) / sine;
    return a.map((x, i) => long * (u * x + v * across[i]));
  }

  // Between four z, at (across, down) in [0, 1] (latent.blend): corners top left, top right, bottom left, bottom right.
  const blend = (corners, across, down) =>
    slerp(slerp(corners[0], corners[1], across), slerp(corners[2], corners[3], across), down);

  // Round through all stops and back to the first: the place `t` of the way, 0 and 1 the same one (latent.loop).
  function around(stops, t) {
    const way = (((t % 1) + 1) % 1) * stops.length, at = Math.floor(way);
    return slerp(stops[at], stops[(at + 1) % stops.length], way - at);
  }

  const rows = (z, size) => Array.from({ length: z.length / size }, (_, i) => z.subarray(i * size, (i + 1) * size));

  const joined = (vectors) => {
    const all = new Float32Array(vectors.length * vectors[0].length);
    vectors.forEach((vector, i) => all.set(vector, i * vector.length));
    return all;
  };

  Play.latent = { slerp, blend, around, rows, joined, length };
})();
