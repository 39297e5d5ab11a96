// A generator as plain typed arrays: eight-bit weights unpacked to float32, matrix products, and a scatter for the
// transposed convolutions. gancourse/publishing/website/play_data.py folds, rounds and packs what is read here.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const CHUNK = 16; // images at once: what lies between the layers then stays in the processor's cache

  Play.bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  Play.floats = (text) => new Float32Array(Play.bytes(text).buffer);

  // x (n, inputs) times weights (rows, inputs) transposed, plus bias (rows,), into y (n, rows). n: a multiple of 4;
  // rows: of 2. Eight sums at once, since each number that is read is then used in several.
  function product(x, n, layer, y) {
    const { weights: w, bias, inputs: k, rows } = layer;
    for (let s = 0; s < n; s += 4) {
      const x0 = s * k, x1 = x0 + k, x2 = x1 + k, x3 = x2 + k;
      for (let r = 0; r < rows; r += 2) {
        const u = r * k, v = u + k;
        let a0 = bias[r], a1 = a0, a2 = a0, a3 = a0, b0 = bias[r + 1], b1 = b0, b2 = b0, b3 = b0;
        for (let i = 0; i < k; i++) {
          const wu = w[u + i], wv = w[v + i], p = x[x0 + i], q = x[x1 + i], s2 = x[x2 + i], t = x[x3 + i];
          a0 += wu * p; a1 += wu * q; a2 += wu * s2; a3 += wu * t;
          b0 += wv * p; b1 += wv * q; b2 += wv * s2; b3 += wv * t;
        }
        let at = s * rows + r;
        y[at] = a0; y[at + 1] = b0;
        y[(at += rows)] = a1; y[at + 1] = b1;
        y[(at += rows)] = a2; y[at + 1] = b2;
        y[(at += rows)] = a3; y[at + 1] = b3;
      }
    }
  }

  // A transposed convolution with a 4 x 4 kernel, stride 2 and padding 1: what each pixel gives to the 16 around it,
  // columns (n, side, side, 4, 4, channels), added up in y (n, 2 side, 2 side, channels).
  function scatter(columns, n, side, channels, bias, y) {
    const large = 2 * side;
    for (let at = 0, c = 0; at < n * large * large * channels; at++, c = c + 1 === channels ? 0 : c + 1) y[at] = bias[c];
    let from = 0;
    for (let image = 0; image < n; image++) {
      for (let row = 0; row < side; row++) {
        for (let column = 0; column < side; column++) {
          for (let ky = 0; ky < 4; ky++) {
            const ty = 2 * row + ky - 1;
            for (let kx = 0; kx < 4; kx++, from += channels) {
              const tx = 2 * column + kx - 1;
              if (ty < 0 || ty >= large || tx < 0 || tx >= large) continue;
              const to = ((image * large + ty) * large + tx) * channels;
              for (let c = 0; c < channels; c++) y[to + c] += columns[from + c];
            }
          }
        }
      }
    }
  }

  const AFTER = {
    relu(y, n) { for (let i = 0; i < n; i++) if (y[i] < 0) y[i] = 0; },
    leaky(y, n) { for (let i = 0; i < n; i++) if (y[i] < 0) y[i] *= 0.2; },
    tanh(y, n) { for (let i = 0; i < n; i++) y[i] = Math.tanh(y[i]); },
  };

  const padded = (n) => 4 * Math.ceil(n / 4);

  class Layer {
    // about: as play_data.py writes it: kind "linear" or "transposed", inputs, rows, channels, side, after;
    // weights int8 (rows, inputs), scales (channels,), bias (channels,), in base64.
    constructor(about) {
      Object.assign(this, about);
      const rounded = new Int8Array(Play.bytes(about.weights).buffer);
      const scales = Play.floats(about.scales), bias = Play.floats(about.bias);
      this.weights = new Float32Array(rounded.length);
      for (let r = 0, i = 0; r < this.rows; r++) {
        const scale = scales[r % this.channels];
        for (let k = 0; k < this.inputs; k++, i++) this.weights[i] = rounded[i] * scale;
      }
      this.shared = bias;
      // A linear layer's bias is added in the product, a transposed convolution's once, in the scatter.
      const linear = this.kind === "linear";
      this.bias = Float32Array.from({ length: this.rows }, (_, r) => (linear ? bias[r % this.channels] : 0));
      this.vectors = linear ? 1 : this.side * this.side; // that an image is made of, before this layer
      this.size = linear ? this.rows : 4 * this.vectors * this.channels; // numbers of an image, after it
      this.between = linear ? null : new Float32Array(padded(CHUNK * this.vectors) * this.rows);
      this.out = new Float32Array(padded(CHUNK) * this.size);
    }

    // What comes out before the activation, (n, size), for x (n, vectors, inputs), of at most CHUNK images.
    sums(x, n) {
      if (this.kind === "linear") product(x, padded(n), this, this.out);
      else {
        product(x, padded(n * this.vectors), this, this.between);
        scatter(this.between, n, this.side, this.channels, this.shared, this.out);
      }
      return this.out;
    }

    activate(y, n) { AFTER[this.after](y, n * this.size); }
  }

  class Network {
    constructor(layers) {
      this.layers = layers.map((about) => new Layer(about));
      [this.first, ...this.others] = this.layers;
      this.zSize = this.first.inputs;
      this.pixels = this.layers[this.layers.length - 1].size;
      this.input = new Float32Array(padded(CHUNK) * this.zSize);
    }

    // Images of z, a Float32Array (n, zSize), in [-1, 1]: a Float32Array (n, pixels).
    images(z) {
      const sums = this.firstSums(z), n = z.length / this.zSize, found = new Float32Array(n * this.pixels);
      for (let at = 0; at < n; at += CHUNK) this.finish(sums, at, Math.min(CHUNK, n - at), found);
      return found;
    }

    // What the first layer gives for z, before its activation. It is linear: for z + a v it is that for z, plus a times
    // `slope(v)`. So whoever moves z along v spares that layer.
    firstSums(z) {
      const n = z.length / this.zSize, found = new Float32Array(n * this.first.size);
      for (let at = 0; at < n; at += CHUNK) {
        this.input.fill(0);
        this.input.set(z.subarray(at * this.zSize, Math.min(n, at + CHUNK) * this.zSize));
        const part = Math.min(CHUNK, n - at);
        found.set(this.first.sums(this.input, part).subarray(0, part * this.first.size), at * this.first.size);
      }
      return found;
    }

    slope(v) {
      const there = this.firstSums(v), none = this.firstSums(new Float32Array(this.zSize));
      return there.map((sum, i) => sum - none[i]);
    }

    // Images of the first layer's sums, in parts of some milliseconds, so that the page can answer in between.
    async imagesInParts(sums) {
      const n = sums.length / this.first.size, found = new Float32Array(n * this.pixels);
      for (let at = 0, start = performance.now(); at < n; at += CHUNK) {
        if (performance.now() - start > 12) {
          await Play.nextTask();
          start = performance.now();
        }
        this.finish(sums, at, Math.min(CHUNK, n - at), found);
      }
      return found;
    }

    // From the first layer's sums to images `at` to at + n, at most CHUNK of them.
    finish(sums, at, n, found) {
      const { first } = this;
      let x = first.out;
      x.set(sums.subarray(at * first.size, (at + n) * first.size));
      first.activate(x, n);
      for (const layer of this.others) {
        x = layer.sums(x, n);
        layer.activate(x, n);
      }
      found.set(x.subarray(0, n * this.pixels), at * this.pixels);
    }
  }

  // A turn for the browser: what it has to do (input, drawing) comes first. setTimeout would wait 4 ms.
  const { port1, port2 } = new MessageChannel(), waiting = [];
  port1.onmessage = () => waiting.shift()();
  Play.nextTask = () => new Promise((done) => { waiting.push(done); port2.postMessage(0); });

  Play.Network = Network;
})();
