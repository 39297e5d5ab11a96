// A GAN on points in the plane, trained here: Algorithm 1 by hand, with the rules and the random numbers of
// gancourse.theory.playground.Game. The same seed and the same steps give the same game there and here.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const BATCH = 128, COUNTED = 4000, CELLS = 20, VIEW = 3, SLOPE = 0.2;
  const BETA1 = 0.5, BETA2 = 0.999, TINY = 1e-8; // of Adam

  const sigmoid = (s) => 1 / (1 + Math.exp(-s));
  const softplus = (s) => Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s)));
  const mean = (values, of) => values.reduce((sum, v) => sum + of(v), 0) / values.length;

  // An MLP from 2 numbers, LeakyReLU between its layers, with its gradients and its Adam.
  class Net {
    constructor(rng, outputs, layers, width) {
      const sizes = [2, ...Array(layers).fill(width), outputs];
      this.layers = sizes.slice(1).map((rows, l) => {
        const inputs = sizes[l], bound = Math.fround(1 / Math.sqrt(inputs)); // as nn.Linear begins
        const weights = parameter(rng.uniform(rows * inputs, -bound, bound));
        return { inputs, rows, weights, bias: parameter(rng.uniform(rows, -bound, bound)) };
      });
      this.steps = 0;
    }

    // x (n, 2) -> (n, outputs); keeps what every layer saw, for `backward`.
    forward(x) {
      this.seen = [x];
      const n = x.length / 2;
      this.layers.forEach((layer, l) => {
        const { inputs, rows } = layer, w = layer.weights.value, b = layer.bias.value, y = new Float64Array(n * rows);
        for (let i = 0; i < n; i++) {
          for (let r = 0; r < rows; r++) {
            let sum = b[r];
            for (let k = 0; k < inputs; k++) sum += w[r * inputs + k] * x[i * inputs + k];
            y[i * rows + r] = sum < 0 && l < this.layers.length - 1 ? SLOPE * sum : sum;
          }
        }
        this.seen.push((x = y));
      });
      return x;
    }

    // From the loss's gradient with respect to the outputs to that with respect to x; adds up those of the weights.
    backward(gradient, learn = true) {
      for (let l = this.layers.length - 1; l >= 0; l--) {
        const { inputs, rows, weights, bias } = this.layers[l], x = this.seen[l], y = this.seen[l + 1];
        const n = x.length / inputs, below = new Float64Array(x.length);
        const w = weights.value, dw = weights.gradient, db = bias.gradient;
        for (let i = 0; i < n; i++) {
          for (let r = 0; r < rows; r++) {
            let g = gradient[i * rows + r];
            if (l < this.layers.length - 1 && y[i * rows + r] < 0) g *= SLOPE;
            if (learn) db[r] += g;
            for (let k = 0; k < inputs; k++) {
              if (learn) dw[r * inputs + k] += g * x[i * inputs + k];
              below[i * inputs + k] += g * w[r * inputs + k];
            }
          }
        }
        gradient = below;
      }
      return gradient;
    }

    forget() { for (const { gradient } of this.parameters()) gradient.fill(0); }

    // One step of Adam (Kingma and Ba 2015) down the gradients.
    step(rate) {
      this.steps += 1;
      const one = 1 - BETA1 ** this.steps, two = Math.sqrt(1 - BETA2 ** this.steps);
      for (const { value, gradient, first, second } of this.parameters()) {
        for (let i = 0; i < value.length; i++) {
          first[i] += (1 - BETA1) * (gradient[i] - first[i]);
          second[i] = BETA2 * second[i] + (1 - BETA2) * gradient[i] ** 2;
          value[i] -= ((rate / one) * first[i]) / (Math.sqrt(second[i]) / two + TINY);
        }
      }
    }

    parameters() { return this.layers.flatMap(({ weights, bias }) => [weights, bias]); }
  }

  function parameter(values) {
    const n = values.length;
    return {
      value: Float64Array.from(values), gradient: new Float64Array(n), first: new Float64Array(n), second: new Float64Array(n),
    };
  }

  // ---- data: (n, rng) -> points (n, 2), inside the square |x|, |y| <= VIEW

  function around(centres, which, std, rng) {
    const blur = rng.normal(2 * which.length);
    return Float64Array.from(blur, (v, i) => centres[which[i >> 1]][i % 2] + std * v);
  }

  const RING = Array.from({ length: 8 }, (_, i) => [2 * Math.cos((Math.PI * i) / 4), 2 * Math.sin((Math.PI * i) / 4)]);

  const SHAPES = {
    ring: (n, rng) => around(RING, rng.integers(n, 8), 0.1, rng),
    grid: (n, rng) => {
      const place = rng.integers(2 * n, 3), blur = rng.normal(2 * n);
      return Float64Array.from(blur, (v, i) => 1.7 * (place[i] - 1) + 0.12 * v);
    },
  };

  // The losses of G: what it minimises, and the gradient of that, for a logit s of a sample.
  const LOSSES = {
    non_saturating: [(s) => softplus(-s), (s) => -sigmoid(-s)],
    saturating: [(s) => -softplus(s), (s) => -sigmoid(s)],
  };

  // Jensen-Shannon divergence in nats of two sets of points, from counts in CELLS x CELLS squares (plane.jsd_estimate).
  function jsd(a, b) {
    const [p, q] = [a, b].map((points) => {
      const share = new Float64Array(CELLS * CELLS), cell = (v) =>
        Math.max(0, Math.min(CELLS - 1, Math.trunc(((v / VIEW + 1) / 2) * CELLS)));
      for (let i = 0; i < points.length; i += 2) {
        if (!Number.isFinite(points[i] + points[i + 1])) return null;
        share[cell(points[i]) * CELLS + cell(points[i + 1])] += 2 / points.length;
      }
      return share;
    });
    if (!p || !q) return NaN;
    const part = (v, m) => (v > 0 ? v * Math.log(v / m) : 0);
    return p.reduce((sum, v, i) => sum + (part(v, (v + q[i]) / 2) + part(q[i], (v + q[i]) / 2)) / 2, 0);
  }

  class Game {
    constructor({ data = "ring", loss = "non_saturating", lrD = 3e-3, lrG = 1e-3, seed = 0 } = {}) {
      Object.assign(this, { loss, lrD, lrG, source: SHAPES[data] });
      const first = new Play.Random(seed);
      this.G = new Net(first, 2, 2, 32);
      this.D = new Net(first, 1, 2, 32);
      this.rng = new Play.Random(seed);
      const shown = new Play.Random(seed + 1000003);
      this.z = Float64Array.from(shown.normal(2 * COUNTED)); // fixed: what is shown and counted
      this.real = this.source(COUNTED, shown);
      this.floor = jsd(this.real, this.source(COUNTED, shown)); // data against data: not quite 0
      this.steps = { D: 0, G: 0 };
      this.losses = [];
      this.jsds = [];
      this.trouble = "";
      this.measure();
    }

    // One step of "D", of "G", or of "both": a round of Algorithm 1. False where nothing goes on any more.
    step(who) {
      if (this.trouble) return false;
      const { G, D } = this, real = this.source(BATCH, this.rng);
      let fake = G.forward(this.rng.normal(2 * BATCH));
      const onFake = D.forward(fake), atFake = D.seen, onReal = D.forward(real);
      const lossD = mean(onReal, (s) => softplus(-s)) + mean(onFake, softplus);
      if (who !== "G") {
        D.forget();
        D.backward(onReal.map((s) => -sigmoid(-s) / BATCH));
        D.seen = atFake;
        D.backward(onFake.map((s) => sigmoid(s) / BATCH));
        D.step(this.lrD);
        this.steps.D += 1;
      }
      fake = G.forward(this.rng.normal(2 * BATCH));
      const [loss, slope] = LOSSES[this.loss], answers = D.forward(fake), lossG = mean(answers, loss);
      if (who !== "D") {
        G.forget();
        G.backward(D.backward(answers.map((s) => slope(s) / BATCH), false));
        G.step(this.lrG);
        this.steps.G += 1;
      }
      this.losses.push([lossD, lossG]);
      if (![...G.parameters(), ...D.parameters()].every(({ value }) => value.every(Number.isFinite))) {
        this.trouble = "A weight is not a finite number any more. Lower the learning rates, then press Reset.";
      }
      return !this.trouble;
    }

    // The JSD of data and samples now; kept in `jsds` with the number of losses at that time.
    measure() {
      const now = jsd(this.real, this.G.forward(this.z));
      this.jsds.push([this.losses.length, now]);
      return now;
    }

    // G of the first n fixed z, and the direction in which G's loss pulls each: minus its gradient.
    samples(n) { return this.G.forward(this.z.subarray(0, 2 * n)); }

    pulls(n) {
      const x = this.samples(n), slope = LOSSES[this.loss][1];
      return [x, this.D.backward(this.D.forward(x).map(slope), false).map((g) => -g)];
    }

    // D(x), a probability, at points (n, 2).
    judge(points) { return this.D.forward(points).map(sigmoid); }
  }

  Play.plane = { Game, VIEW, LN2: Math.LN2 };
})();
