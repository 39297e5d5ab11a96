// The reader plays discriminator: twenty digits, each MNIST's or the generator's by the toss of a coin.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const N = 20;

  // Wilson's interval (1927) for a share of `right` in n, with 95 % confidence.
  Play.wilson = (right, n) => {
    const p = right / n, z = 1.96, middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
    const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  };

  Play.game = async (root) => {
    const { find, data } = Play;
    const large = find("[data-large]", root), line = find("[data-said]", root), end = find("[data-answered]", root);
    const real = find("[data-real]", root), fake = find("[data-fake]", root), again = find("[data-again]", root);
    const epoch = find("[name=epoch]", root), count = find("[data-count]", root);
    const image = await Play.picture(data.real.png);
    let number = Math.floor(Math.random() * 1e6), truth = [], answers = [], made = null, picks = [];

    for (const name of Object.keys(data.generators)) epoch.add(new Option(name, name));
    epoch.value = data.last;

    function deal() {
      number += 1;
      const rng = new Play.Random(number);
      truth = Array.from({ length: N }, () => rng.unit() < 0.5);
      picks = [...rng.integers(N, data.real.n)];
      made = Play.generator(epoch.value).images(rng.normal(N * data.zSize));
      answers = [];
      end.replaceChildren();
      show("");
    }

    function put(canvas, i) {
      const { columns } = data.real;
      if (truth[i]) Play.drawPart(canvas, image, picks[i] % columns, Math.floor(picks[i] / columns));
      else Play.drawDigit(canvas, made, i * Play.SIDE ** 2);
    }

    const score = () => answers.filter((answer, i) => answer === truth[i]).length;

    function show(before) {
      const over = answers.length === N;
      real.disabled = fake.disabled = over;
      count.textContent = over ? `${N} of ${N} answered` : `Image ${answers.length + 1} of ${N}`;
      if (!over) put(large, answers.length);
      Play.say(line, over ? `${before} ${result()}` : `${before} ${answers.length ? `${score()} of ${answers.length} right so far.` : "Real, or generated?"}`.trim(), 0);
    }

    function result() {
      const right = score(), [low, high] = Play.wilson(right, N).map(Play.percent);
      return `The round is over: ${right} of ${N} right, ${Play.percent(right / N)} (95 % confidence: ${low} to ` +
        `${high}). Guessing gives 50 %.`;
    }

    function answer(isReal) {
      if (answers.length === N) return;
      const i = answers.length, right = isReal === truth[i], what = truth[i] ? "real" : "generated";
      answers.push(isReal);
      const item = document.createElement("li"), canvas = document.createElement("canvas");
      put(canvas, i);
      item.className = right ? "right" : "wrong";
      const words = document.createElement("span");
      words.textContent = `${truth[i] ? "real" : "made"} ${right ? "✓" : "✗"}`;
      item.append(canvas, words);
      end.append(item);
      show(`${right ? "Right" : "Wrong"}: it was ${what}.`);
      if (answers.length === N) again.focus();
    }

    real.addEventListener("click", () => answer(true));
    fake.addEventListener("click", () => answer(false));
    again.addEventListener("click", deal);
    epoch.addEventListener("input", deal);
    // Single letters only while the game has the focus: elsewhere they belong to the browser and to screen readers.
    root.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
      const key = event.key.toLowerCase();
      if (key === "r" || key === "f") { event.preventDefault(); answer(key === "r"); }
      if (key === "n") { event.preventDefault(); deal(); }
    });
    deal();
  };
})();
