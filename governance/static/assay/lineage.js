// The lineage picture answers: a chosen box shows what it was made from and what was made with it.
// Without this script the picture and the table say the same.
(function () {
  "use strict";
  for (const box of document.querySelectorAll("[data-lineage]")) {
    begin(box);
  }

  function begin(box) {
    const nodes = new Map();
    const rows = new Map();
    const into = new Map();
    const outOf = new Map();
    const edges = [...box.querySelectorAll("svg [data-source]")];
    for (const row of box.querySelectorAll("tr[data-node]")) {
      rows.set(row.dataset.node, row);
    }
    for (const node of box.querySelectorAll("svg [data-node]")) {
      nodes.set(node.dataset.node, node);
    }
    for (const edge of edges) {
      add(outOf, edge.dataset.source, edge.dataset.target);
      add(into, edge.dataset.target, edge.dataset.source);
    }
    const told = box.querySelector("[data-lineage-told]");
    const svg = box.querySelector("svg");
    const order = [...nodes.keys()];
    let chosen = "";

    // The picture as a whole is an image to a screen reader; as a set of buttons it is a group.
    svg.setAttribute("role", "group");
    box.querySelector("[data-lineage-help]").hidden = false;
    order.forEach((name, index) => {
      const node = nodes.get(name);
      node.setAttribute("role", "button");
      node.setAttribute("aria-pressed", "false");
      node.setAttribute("aria-label", words(name));
      node.setAttribute("tabindex", index === order.length - 1 ? "0" : "-1");
      node.addEventListener("click", () => choose(name === chosen ? "" : name));
      node.addEventListener("keydown", (event) => key(event, name));
      node.addEventListener("focus", () => {
        order.forEach((other) => nodes.get(other).setAttribute("tabindex", other === name ? "0" : "-1"));
      });
    });
    rows.forEach((row, name) => {
      row.addEventListener("click", () => choose(name === chosen ? "" : name));
    });

    function key(event, name) {
      const beside = order[order.indexOf(name) + (event.key === "ArrowRight" ? 1 : -1)];
      const next = {
        ArrowUp: () => first(into, name),
        ArrowDown: () => first(outOf, name),
        ArrowLeft: () => beside,
        ArrowRight: () => beside,
      }[event.key];
      if (next) {
        const other = next();
        if (other) {
          nodes.get(other).focus();
          choose(other);
        }
      } else if (event.key === "Enter" || event.key === " ") {
        choose(name === chosen ? "" : name);
      } else if (event.key === "Escape") {
        choose("");
      } else {
        return;
      }
      event.preventDefault();
    }

    function choose(name) {
      chosen = name;
      const up = name ? walk(into, name) : new Set();
      const down = name ? walk(outOf, name) : new Set();
      const lit = (other) => !name || other === name || up.has(other) || down.has(other);
      nodes.forEach((node, other) => {
        node.classList.toggle("is-faint", !lit(other));
        node.classList.toggle("is-chosen", other === name);
        node.setAttribute("aria-pressed", String(other === name));
      });
      rows.forEach((row, other) => {
        row.classList.toggle("is-faint", !lit(other));
        row.classList.toggle("is-chosen", other === name);
      });
      edges.forEach((edge) => {
        const { source, target } = edge.dataset;
        const above = (up.has(source) || source === name) && (up.has(target) || target === name);
        const below = (down.has(source) || source === name) && (down.has(target) || target === name);
        edge.classList.toggle("is-faint", Boolean(name) && !above && !below);
      });
      told.textContent = name ? `${words(name)}. Made from ${up.size}, went into ${down.size}.` : "";
    }

    function words(name) {
      const row = rows.get(name);
      const head = row ? row.querySelector("th").firstChild.textContent.trim() : name;
      return row ? `${head} (${row.cells[1].textContent})` : head;
    }
  }

  function add(map, from, to) {
    map.set(from, [...(map.get(from) || []), to]);
  }

  function first(map, name) {
    return (map.get(name) || [])[0];
  }

  function walk(map, start) {
    const met = new Set();
    const waiting = [...(map.get(start) || [])];
    while (waiting.length) {
      const name = waiting.pop();
      if (!met.has(name)) {
        met.add(name);
        waiting.push(...(map.get(name) || []));
      }
    }
    met.delete(start);
    return met;
  }
})();
