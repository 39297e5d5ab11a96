// A − B + C with chosen digits, as latent.arithmetic has it: of each group the mean z.
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const MOST = 5, LETTERS = ["A", "B", "C"]; // MOST: members of a group

  Play.arithmetic = (root, explorer) => {
    const { find, data, latent } = Play;
    const box = (letter) => find(`[data-group=${letter}]`, root), line = find("[data-said]", root);
    const groups = Object.fromEntries(LETTERS.map((letter, i) =>
      [letter, [0, 1, 2].map((k) => Float32Array.from(explorer.basis()[3 * i + k]))]));

    const mean = (rows) => rows[0].map((_, k) => rows.reduce((sum, z) => sum + z[k], 0) / rows.length);

    const draw = Play.drawer(async () => {
      const G = Play.generator(explorer.epoch()), means = {};
      for (const letter of LETTERS) {
        const rows = groups[letter], mine = box(letter), small = rows.length ? G.images(latent.joined(rows)) : null;
        find("[data-members]", mine).replaceChildren(...rows.map((_, i) => {
          const button = document.createElement("button"), canvas = document.createElement("canvas");
          button.type = "button";
          button.setAttribute("aria-label", `take digit ${i + 1} out of ${letter}`);
          Play.drawDigit(canvas, small, i * Play.SIDE ** 2);
          button.append(canvas);
          button.addEventListener("click", () => {
            rows.splice(i, 1);
            find("[data-add]", mine).focus();
            draw();
          });
          return button;
        }));
        find("[data-add]", mine).disabled = rows.length >= MOST;
        const picture = find("[data-mean]", mine);
        picture.classList.toggle("none", !rows.length);
        if (rows.length) Play.drawDigit(picture, G.images((means[letter] = mean(rows))));
      }
      const result = find("[data-large]", root), { A, B, C } = means, answer = A && B && C && A.map((v, k) => v - B[k] + C[k]);
      result.classList.toggle("none", !answer);
      if (answer) Play.drawDigit(result, G.images(answer));
      Play.say(line, answer ? `Digits in A: ${groups.A.length}, in B: ${groups.B.length}, in C: ${groups.C.length}. ` +
        `|A − B + C| is ${latent.length(answer).toFixed(1)}, ${Math.sqrt(data.zSize - 0.5).toFixed(1)} on average where G ` +
        "was trained." : "Choose at least one digit for each of A, B and C.");
    });

    for (const letter of LETTERS) {
      find("[data-add]", box(letter)).addEventListener("click", () => {
        groups[letter].push(explorer.chosen());
        draw();
      });
    }
    let epoch = explorer.epoch();
    explorer.listeners.push(() => { if (epoch !== explorer.epoch()) { epoch = explorer.epoch(); draw(); } });
    draw();
  };
})();
