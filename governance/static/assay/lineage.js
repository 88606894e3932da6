// The lineage picture answers: a chosen box shows what it was made from and what was made with it, a chosen feature the
// data whose columns it came from. Without this script the picture and the tables say the same.
(function () {
  "use strict";
  for (const box of document.querySelectorAll("[data-lineage]")) {
    begin(box);
  }

  function begin(box) {
    const rows = new Map();
    for (const row of box.querySelectorAll("tr[data-node]")) {
      rows.set(row.dataset.node, row);
    }
    const told = box.querySelector("[data-lineage-told]");
    const unfold = box.querySelector("[data-lineage-unfold]");
    const pictures = [...box.querySelectorAll("[data-lineage-picture]")].map((figure) => picture(figure, rows, choose));
    let shown = pictures[0];
    let chosen = "";

    box.querySelector("[data-lineage-help]").hidden = false;
    rows.forEach((row, name) => {
      row.addEventListener("click", () => choose(name === chosen ? "" : name));
    });
    if (unfold) {
      unfold.hidden = false;
      unfold.addEventListener("click", () => {
        shown.figure.hidden = true;
        shown = pictures[shown === pictures[0] ? 1 : 0];
        shown.figure.hidden = false;
        unfold.setAttribute("aria-expanded", String(shown !== pictures[0]));
        choose(shown.nodes.has(chosen) ? chosen : "");
      });
    }

    function choose(name, toggled) {
      chosen = toggled && name === chosen ? "" : name;
      const lit = shown.light(chosen);
      rows.forEach((row, other) => {
        row.classList.toggle("is-faint", Boolean(chosen) && !lit.nodes.has(other));
        row.classList.toggle("is-chosen", other === chosen);
      });
      told.textContent = chosen ? lit.words : "";
    }
  }

  // One drawing: its boxes, listed features and arrows, and how they answer.
  function picture(figure, rows, choose) {
    const svg = figure.querySelector("svg");
    const nodes = new Map();
    const into = new Map();
    const outOf = new Map();
    const edges = [...svg.querySelectorAll("[data-source]")];
    for (const node of svg.querySelectorAll("[data-node]")) {
      nodes.set(node.dataset.node, node);
    }
    for (const edge of edges) {
      add(outOf, edge.dataset.source, edge.dataset.target);
      add(into, edge.dataset.target, edge.dataset.source);
    }
    const order = [...nodes.keys()];
    const features = order.filter((name) => nodes.get(name).dataset.behind !== undefined);
    const frame = order.find((name) => nodes.get(name).dataset.kind === "feature" && !features.includes(name));

    // The picture as a whole is an image to a screen reader; as a set of buttons it is a group.
    svg.setAttribute("role", "group");
    order.forEach((name, index) => {
      const node = nodes.get(name);
      node.setAttribute("role", "button");
      node.setAttribute("aria-pressed", "false");
      node.setAttribute("aria-label", words(name));
      node.setAttribute("tabindex", index === order.length - 1 ? "0" : "-1");
      node.addEventListener("click", () => choose(name, true));
      node.addEventListener("keydown", (event) => key(event, name));
      node.addEventListener("focus", () => {
        order.forEach((other) => nodes.get(other).setAttribute("tabindex", other === name ? "0" : "-1"));
      });
    });
    return { figure, nodes, light };

    function key(event, name) {
      const beside = order[order.indexOf(name) + (event.key === "ArrowRight" ? 1 : -1)];
      const feature = features.includes(name);
      const next = {
        ArrowUp: () => (feature ? from(name)[0] : first(into, name)),
        ArrowDown: () => first(outOf, feature ? frame : name),
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
        choose(name, true);
      } else if (event.key === "Escape") {
        choose("");
      } else {
        return;
      }
      event.preventDefault();
    }

    function light(name) {
      const feature = features.includes(name);
      const up = feature ? behind(name) : walk(into, name);
      const down = walk(outOf, feature ? frame : name);
      const from_it = name && !feature ? features.filter((other) => from(other).includes(name)) : [];
      const lit = new Set([name, ...up, ...down, ...from_it]);
      if (feature) {
        lit.add(frame);
      } else if (name === frame || !from_it.length) {
        // Whatever lies around the frame lies around all that it lists; data light their own features only.
        features.filter(() => lit.has(frame) && !isData(name)).forEach((other) => lit.add(other));
      }
      nodes.forEach((node, other) => {
        node.classList.toggle("is-faint", Boolean(name) && !lit.has(other));
        node.classList.toggle("is-chosen", other === name);
        node.setAttribute("aria-pressed", String(other === name));
      });
      edges.forEach((edge) => {
        const { source, target } = edge.dataset;
        edge.classList.toggle("is-faint", Boolean(name) && !(lit.has(source) && lit.has(target)));
      });
      return { nodes: lit, words: name ? sentence(name, feature, up, down, from_it) : "" };
    }

    function sentence(name, feature, up, down, from_it) {
      if (feature) {
        return `${words(name)}. Behind it: ${[...up].filter(isData).map(words).join(", ") || "no recorded data"}.`;
      }
      const made = from_it.length ? ` ${from_it.length} features come from its columns.` : "";
      return `${words(name)}. Made from ${up.size}, went into ${down.size}.${made}`;
    }

    // The data whose columns a feature came from, and the runs and jobs between them.
    function behind(name) {
      const data = new Set(from(name));
      const between = [...nodes.keys()].filter((other) => {
        if (isData(other) || nodes.get(other).dataset.kind === "feature") {
          return false;
        }
        const below = walk(outOf, other);
        return [...walk(into, other)].some((one) => data.has(one)) && [...data, frame].some((one) => below.has(one));
      });
      return new Set([...data, ...between]);
    }

    function from(name) {
      return nodes.get(name).dataset.behind.split(" ").filter((other) => nodes.has(other));
    }

    function isData(name) {
      return nodes.get(name).dataset.kind === "dataset";
    }

    function words(name) {
      const row = rows.get(name);
      const head = row ? row.querySelector("th").firstChild.textContent.trim() : nodes.get(name).dataset.told || name;
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
