// What the parts of the page share: the data, the networks, pictures of digits, and the line that says what is shown.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const SIDE = 28, LEVELS = 127.5;

  Play.SIDE = SIDE;
  Play.data = globalThis.PLAY_DATA;
  Play.find = (selector, within = document) => within.querySelector(selector);
  Play.all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // The generator after an epoch, unpacked when it is first asked for.
  const networks = new Map();
  Play.generator = (epoch) => {
    if (!networks.has(epoch)) networks.set(epoch, new Play.Network(Play.data.generators[epoch]));
    return networks.get(epoch);
  };

  // What a seed's field says, as a number that it may be.
  Play.seed = (field) => Math.max(Number(field.min), Math.min(Number(field.max), Math.floor(Number(field.value)) || 0));

  // z of a seed, as latent.sample(n, z_size, seed) draws them.
  Play.sample = (n, seed) => new Play.Random(seed).normal(n * Play.data.zSize);

  // An image in [-1, 1], from `offset` of x on, as grey pixels of `picture` (ImageData) at (left, top).
  const grey = (picture, x, offset, left, top) => {
    const bytes = picture.data;
    for (let row = 0, i = offset; row < SIDE; row++) {
      for (let column = 0, at = 4 * ((top + row) * picture.width + left); column < SIDE; column++, i++, at += 4) {
        bytes[at] = bytes[at + 1] = bytes[at + 2] = Math.round((x[i] + 1) * LEVELS);
        bytes[at + 3] = 255;
      }
    }
  };

  // One image on a canvas of 28 x 28; the style enlarges it.
  Play.drawDigit = (canvas, x, offset = 0) => {
    canvas.width = canvas.height = SIDE;
    const picture = new ImageData(SIDE, SIDE);
    grey(picture, x, offset, 0, 0);
    canvas.getContext("2d").putImageData(picture, 0, 0);
  };

  // n images in rows of `columns`, each pixel twice as large, with gaps through which the page shows.
  const small = document.createElement("canvas");
  Play.drawGrid = (canvas, x, n, columns) => {
    const pitch = SIDE + 2, picture = new ImageData(columns * pitch - 2, Math.ceil(n / columns) * pitch - 2);
    for (let i = 0; i < n; i++) {
      grey(picture, x, i * SIDE * SIDE, (i % columns) * pitch, Math.floor(i / columns) * pitch);
    }
    [small.width, small.height] = [picture.width, picture.height];
    small.getContext("2d").putImageData(picture, 0, 0);
    [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.height];
    const large = canvas.getContext("2d");
    large.imageSmoothingEnabled = false;
    large.drawImage(small, 0, 0, canvas.width, canvas.height);
  };

  // A picture that travels in the data, once it can be drawn.
  Play.picture = (png) => new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Error("a picture of the page is damaged"));
    image.src = `data:image/png;base64,${png}`;
  });

  // One 28 x 28 part of such a picture, at column and row, on a canvas.
  Play.drawPart = (canvas, image, column, row) => {
    canvas.width = canvas.height = SIDE;
    canvas.getContext("2d").drawImage(image, column * SIDE, row * SIDE, SIDE, SIDE, 0, 0, SIDE, SIDE);
  };

  // An element at the end of an SVG picture.
  Play.element = (picture, name, attributes, words = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = words;
    picture.append(element);
    return element;
  };

  // Says something in a live line, when nothing else has come for a moment: a slider would chatter.
  const said = new Map();
  Play.say = (line, words, wait = 350) => {
    clearTimeout(said.get(line));
    said.set(line, setTimeout(() => { line.textContent = words; }, wait));
  };

  // Calls `draw` once for any number of wishes before the next picture, and again where one came while it drew.
  // Play.busy counts who still has something to draw.
  Play.busy = 0;
  Play.drawer = (draw) => {
    let wished = false, busy = false;
    const go = async () => {
      try {
        while (wished) {
          wished = false;
          await draw();
        }
      } finally {
        busy = false;
        Play.busy -= 1;
      }
    };
    return () => {
      wished = true;
      if (busy) return;
      busy = true;
      Play.busy += 1;
      requestAnimationFrame(go);
    };
  };

  Play.still = matchMedia("(prefers-reduced-motion: reduce)");
  Play.signed = (v, digits = 1) => (v < 0 ? "−" : v > 0 ? "+" : "") + Math.abs(v).toFixed(digits);
  Play.percent = (share) => `${Math.round(100 * share)} %`;
})();
