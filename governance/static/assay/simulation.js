// Replays past promotions part by part, and shows how far it is and what would have ended otherwise.
(function () {
  "use strict";
  const box = document.querySelector("[data-simulation-url]");
  if (!box) {
    return;
  }
  const bar = box.querySelector("progress");
  const words = box.querySelector("[data-simulation-words]");
  const sums = {};

  function show(told) {
    bar.max = told.total;
    bar.value = told.done;
    words.textContent = words.dataset.progress.replace("{done}", told.done).replace("{total}", told.total);
    for (const [effect, count] of Object.entries(told.counts)) {
      sums[effect] = (sums[effect] || 0) + count;
      document.querySelector(`[data-count="${effect}"]`).textContent = String(sums[effect]);
    }
    for (const [effect, rows] of Object.entries(told.rows)) {
      // Rows of our own template, which escapes every text.
      document.querySelector(`[data-rows="${effect}"]`).insertAdjacentHTML("beforeend", rows);
    }
  }

  async function replay(done) {
    const answer = await fetch(`${box.dataset.simulationUrl}?done=${done}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    const told = await answer.json();
    show(told);
    if (told.done < told.total && told.done > done) {
      await replay(told.done);
      return;
    }
    for (const none of document.querySelectorAll("[data-none]")) {
      none.hidden = Boolean(sums[none.dataset.none]);
    }
  }

  replay(0).catch(() => {
    words.textContent = words.dataset.silence;
  });
})();
