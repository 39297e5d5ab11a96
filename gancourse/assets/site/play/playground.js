// The playground's picture and controls: D's belief, data, samples and where they are pulled; the JSD so far.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const SIZE = 640, HEAT = 48, SHOWN = 256, ARROWS = 48, BUDGET = 12; // milliseconds of rounds for one picture

  Play.playground = (root) => {
    const { find } = Play, { Game, VIEW, LN2 } = Play.plane;
    const plane = find("[data-plane]", root), curve = find("[data-curve]", root), line = find("[data-said]", root);
    const run = find("[data-run]", root), control = (name) => find(`[name=${name}]`, root);
    const small = document.createElement("canvas"), seen = { colours: {} };
    let game = null, running = 0;

    const middles = new Float64Array(2 * HEAT * HEAT);
    for (let i = 0; i < HEAT * HEAT; i++) {
      middles[2 * i] = VIEW * (((i % HEAT) + 0.5) * (2 / HEAT) - 1);
      middles[2 * i + 1] = -VIEW * ((Math.floor(i / HEAT) + 0.5) * (2 / HEAT) - 1);
    }

    function readColours() {
      const style = getComputedStyle(root);
      for (const name of ["page", "text", "line", "data", "generator", "discriminator", "accent"]) {
        seen.colours[name] = style.getPropertyValue(`--${name}`).trim();
      }
      const parts = (hex) => hex.slice(1).match(/../g).map((pair) => parseInt(pair, 16));
      const whole = (hex) => (hex.length === 4 ? `#${[...hex.slice(1)].map((c) => c + c).join("")}` : hex);
      seen.low = parts(whole(seen.colours.page));
      seen.high = parts(whole(seen.colours.discriminator));
    }

    const at = (x, y) => [((x + VIEW) / (2 * VIEW)) * SIZE, ((VIEW - y) / (2 * VIEW)) * SIZE];

    function dots(context, points, n, colour, radius) {
      context.fillStyle = colour;
      for (let i = 0; i < n; i++) {
        const [x, y] = at(points[2 * i], points[2 * i + 1]);
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
      }
    }

    function heat(context) {
      const d = game.judge(middles), picture = new ImageData(HEAT, HEAT);
      for (let i = 0; i < d.length; i++) {
        for (let c = 0; c < 3; c++) picture.data[4 * i + c] = seen.low[c] + (seen.high[c] - seen.low[c]) * 0.6 * d[i];
        picture.data[4 * i + 3] = 255;
      }
      small.width = small.height = HEAT;
      small.getContext("2d").putImageData(picture, 0, 0);
      context.drawImage(small, 0, 0, SIZE, SIZE);
      half(context, d);
    }

    // The line on which D answers 1/2, straight within each square between four middles.
    function half(context, d) {
      const pitch = SIZE / HEAT, place = (i) => ((i % HEAT) + 0.5) * pitch;
      context.beginPath();
      for (let i = 0; i < HEAT * (HEAT - 1); i++) {
        if (i % HEAT === HEAT - 1) continue;
        const x = place(i), y = (Math.floor(i / HEAT) + 0.5) * pitch, ends = [];
        const corners = [[x, y, d[i]], [x + pitch, y, d[i + 1]], [x + pitch, y + pitch, d[i + HEAT + 1]],
          [x, y + pitch, d[i + HEAT]]];
        corners.forEach(([ax, ay, a], k) => {
          const [bx, by, b] = corners[(k + 1) % 4], t = (0.5 - a) / (b - a);
          if (a > 0.5 !== b > 0.5) ends.push([ax + t * (bx - ax), ay + t * (by - ay)]);
        });
        for (let k = 0; k + 1 < ends.length; k += 2) {
          context.moveTo(...ends[k]);
          context.lineTo(...ends[k + 1]);
        }
      }
      context.strokeStyle = seen.colours.discriminator;
      context.lineWidth = 2;
      context.stroke();
    }

    function arrows(context) {
      const [x, pull] = game.pulls(ARROWS);
      context.strokeStyle = seen.colours.text;
      context.lineWidth = 1.5;
      context.beginPath();
      for (let i = 0; i < ARROWS; i++) {
        const strength = Math.hypot(pull[2 * i], pull[2 * i + 1]), long = Math.min(0.5, strength * 0.5) / (strength || 1);
        const [a, b] = at(x[2 * i], x[2 * i + 1]);
        const [c, e] = at(x[2 * i] + long * pull[2 * i], x[2 * i + 1] + long * pull[2 * i + 1]);
        if (Math.hypot(c - a, e - b) < 4) continue;
        const turn = Math.atan2(e - b, c - a);
        context.moveTo(a, b);
        context.lineTo(c, e);
        for (const side of [-0.5, 0.5]) {
          context.moveTo(c, e);
          context.lineTo(c - 7 * Math.cos(turn + side), e - 7 * Math.sin(turn + side));
        }
      }
      context.stroke();
    }

    function draw() {
      if (!seen.low) readColours();
      plane.width = plane.height = SIZE;
      const context = plane.getContext("2d");
      heat(context);
      dots(context, game.real, SHOWN, seen.colours.data, 4);
      dots(context, game.samples(SHOWN), SHOWN, seen.colours.generator, 4);
      arrows(context);
      history();
    }

    function history() {
      const width = (curve.width = 640), height = (curve.height = 220), context = curve.getContext("2d");
      const left = 56, bottom = height - 30, top = 16, right = width - 12;
      const end = Math.max(1, game.losses.length), y = (v) => bottom - ((bottom - top) * v) / 0.75;
      context.font = "22px system-ui, sans-serif";
      context.textAlign = "right";
      context.fillStyle = seen.colours.text;
      context.strokeStyle = seen.colours.line;
      context.lineWidth = 1.5;
      for (const [value, words] of [[0, "0"], [LN2, "ln 2"]]) {
        context.beginPath();
        context.moveTo(left, y(value));
        context.lineTo(right, y(value));
        context.stroke();
        context.fillText(words, left - 8, y(value) + 7);
      }
      context.setLineDash([8, 8]);
      context.beginPath();
      context.moveTo(left, y(game.floor));
      context.lineTo(right, y(game.floor));
      context.stroke();
      context.setLineDash([]);
      context.fillText(`${game.losses.length} steps`, right, height - 4);
      context.strokeStyle = seen.colours.accent;
      context.lineWidth = 3;
      context.beginPath();
      for (const [when, value] of game.jsds) {
        if (Number.isFinite(value)) context.lineTo(left + ((right - left) * when) / end, y(value));
      }
      context.stroke();
      const [when, value] = game.jsds[game.jsds.length - 1];
      context.fillStyle = seen.colours.accent;
      context.beginPath();
      context.arc(left + ((right - left) * when) / end, y(value || 0), 5, 0, 2 * Math.PI);
      context.fill();
    }

    function words() {
      const { D, G } = game.steps, last = game.losses[game.losses.length - 1];
      const jsd = game.jsds[game.jsds.length - 1][1], steps = (n) => `${n} ${n === 1 ? "step" : "steps"}`;
      const lossG = (control("loss").value === "saturating" ? "−" : "") + LN2.toFixed(3);
      const told = last
        ? ` D's loss ${last[0].toFixed(3)} (${(2 * LN2).toFixed(3)} at equilibrium), G's ` +
          `${Play.signed(last[1], 3).replace("+", "")} (${lossG}).`
        : "";
      return `${game.trouble}${steps(D)} of D, ${G} of G.${told} JSD of data and samples ${jsd.toFixed(3)} of at most ` +
        `${LN2.toFixed(3)} (data against data: ${game.floor.toFixed(3)}).`;
    }

    function step(who) {
      stop();
      if (game.step(who)) game.measure();
      draw();
      Play.say(line, words(), 0);
    }

    function tick() {
      const start = performance.now(), pace = Play.still.matches ? 1 : 5;
      for (let i = 0; i < pace && game.step("both") && performance.now() - start < BUDGET; i++);
      game.measure();
      draw();
      if (game.trouble) stop();
      else if (running) running = requestAnimationFrame(tick);
    }

    function stop() {
      if (!running) return;
      cancelAnimationFrame(running);
      running = 0;
      run.textContent = "Run";
      run.setAttribute("aria-pressed", "false");
      Play.say(line, words(), 0);
    }

    function begin() {
      stop();
      game = new Game({
        data: control("data").value, loss: control("loss").value, seed: Play.seed(control("seed")),
        lrD: Number(control("lr_d").value), lrG: Number(control("lr_g").value),
      });
      draw();
      Play.say(line, words(), 0);
    }

    find("[data-step-d]", root).addEventListener("click", () => step("D"));
    find("[data-step-g]", root).addEventListener("click", () => step("G"));
    find("[data-step-both]", root).addEventListener("click", () => step("both"));
    find("[data-reset]", root).addEventListener("click", begin);
    run.addEventListener("click", () => {
      if (running) return stop();
      run.textContent = "Pause";
      run.setAttribute("aria-pressed", "true");
      Play.say(line, "The game runs until you press Pause.", 0);
      running = requestAnimationFrame(tick);
    });
    for (const name of ["data", "loss", "seed"]) control(name).addEventListener("change", begin);
    control("lr_d").addEventListener("change", () => { game.lrD = Number(control("lr_d").value); });
    control("lr_g").addEventListener("change", () => { game.lrG = Number(control("lr_g").value); });
    document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); });
    new MutationObserver(() => { readColours(); draw(); })
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    begin();
    return { game: () => game, pause: stop };
  };
})();
