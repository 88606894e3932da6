// While checks run, ask every other second how far they are, and load the page again when they are done.
(function () {
  "use strict";
  const box = document.querySelector("[data-progress-url]");
  if (!box) {
    return;
  }
  const bar = box.querySelector("progress");
  const words = box.querySelector("[data-progress-words]");
  const list = box.querySelector("[data-progress-steps]");
  let pause = 2000;

  function step(check) {
    const item = document.createElement("li");
    const shape = document.createElement("span");
    shape.className = "shape";
    shape.setAttribute("aria-hidden", "true");
    shape.textContent = check.shape;
    item.append(shape, `${check.title}: ${check.words}`);
    return item;
  }

  async function ask() {
    try {
      const answer = await fetch(box.dataset.progressUrl, { headers: { Accept: "application/json" } });
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      const told = await answer.json();
      if (told.state !== "auditing") {
        window.location.reload();
        return;
      }
      bar.max = told.total;
      bar.value = told.done;
      words.textContent = words.dataset.progress.replace("{done}", told.done).replace("{total}", told.total);
      list.replaceChildren(...told.checks.map(step));
      pause = 2000;
    } catch {
      words.textContent = words.dataset.silence;
      pause = Math.min(pause * 2, 30000);
    }
    window.setTimeout(ask, pause);
  }
  window.setTimeout(ask, pause);
})();
