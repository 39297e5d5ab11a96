// A walk: great circles from one chosen digit to the next, and back to the first.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const MOST = 8, SECONDS = 2.5, STILL = 4; // stops; for one leg; pictures of a leg where motion is not wanted

  Play.walk = (root, explorer) => {
    const { find } = Play;
    const large = find("[data-large]", root), strip = find("[data-stops]", root), line = find("[data-said]", root);
    const place = find("[name=place]", root), play = find("[data-play]", root), add = find("[data-add]", root);
    const remove = find("[data-remove]", root);
    let stops = [], t = 0, running = 0, before = 0;

    const z = () => (stops.length > 1 ? Play.latent.around(stops, t) : stops[0]);

    const draw = Play.drawer(async () => {
      Play.drawDigit(large, Play.generator(explorer.epoch()).images(Float32Array.from(z())));
      place.value = Math.round(1000 * t);
      const way = t * stops.length, from = Math.floor(way) % stops.length, to = (from + 1) % stops.length;
      const share = Play.percent(way - Math.floor(way));
      place.setAttribute("aria-valuetext", `${share} of the way from stop ${from + 1} to stop ${to + 1}`);
      if (!running) Play.say(line, `${stops.length} stops. ${share} of the way from stop ${from + 1} to stop ${to + 1}.`);
    });

    function show() { // the stops themselves
      const x = Play.generator(explorer.epoch()).images(Play.latent.joined(stops));
      strip.replaceChildren(...stops.map((_, i) => {
        const button = document.createElement("button"), canvas = document.createElement("canvas");
        button.type = "button";
        button.setAttribute("aria-label", `go to stop ${i + 1}`);
        Play.drawDigit(canvas, x, i * Play.SIDE ** 2);
        button.append(canvas);
        button.addEventListener("click", () => go(i / stops.length));
        return button;
      }));
      add.disabled = stops.length >= MOST;
      remove.disabled = stops.length <= 2;
      draw();
    }

    function go(where) {
      t = where % 1;
      draw();
    }

    function tick(now) {
      if (!running) return;
      const leg = (now - before) / 1000 / (Play.still.matches ? STILL : SECONDS);
      if (!Play.still.matches) {
        before = now;
        go(t + leg / stops.length);
      } else if (leg >= 1 / STILL) { // a step a second, without anything between
        before = now;
        go((Math.round(t * stops.length * STILL) + 1) / stops.length / STILL);
      }
      running = requestAnimationFrame(tick);
    }

    function run(on) {
      cancelAnimationFrame(running);
      before = performance.now();
      running = on ? requestAnimationFrame(tick) : 0;
      play.textContent = on ? "Pause" : "Play";
      play.setAttribute("aria-pressed", String(on));
      Play.say(line, on ? "The walk goes on until you press Pause." : "Paused.", 0);
      if (!on) draw();
    }

    play.addEventListener("click", () => run(!running));
    place.addEventListener("input", () => { if (running) run(false); go(Number(place.value) / 1000); });
    add.addEventListener("click", () => {
      stops.push(explorer.chosen());
      t = (stops.length - 1) / stops.length;
      show();
      Play.say(line, `Stop ${stops.length} is the digit that is chosen above.`, 400);
    });
    remove.addEventListener("click", () => { stops.pop(); t = 0; show(); });
    document.addEventListener("visibilitychange", () => { if (document.hidden && running) run(false); });
    let epoch = explorer.epoch();
    explorer.listeners.push(() => { if (epoch !== explorer.epoch()) { epoch = explorer.epoch(); show(); } });

    stops = [0, 9, 18, 27].map((i) => Float32Array.from(explorer.basis()[i]));
    find("[data-still]", root).hidden = !Play.still.matches;
    show();
    return { pause() { if (running) run(false); } };
  };
})();
