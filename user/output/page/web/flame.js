// The flame graph: D.flame {what, unit, nodes [[parent, frame, weight, …]]}, below it the same as text. `options`:
//   amount(node)    what a node weighs, in words; its share is shown after it
//   fill(node)      its colour; "" leaves it to its kind
//   columns, cells  the text's own columns before the stack; cells(leaf) gives as many
//   heavy(node)     what sorts the stacks of the text, largest first
//   what            what its width is, if not the time that is reported
//   empty           what stands there without any
const sharpEnough = 1.5; // pixels: narrower frames are not drawn

const idleMark = "#d5d8db";
const causeOfMark = (f) => (f && f.kind === "mark" ? (D.causes || []).indexOf(f.fn.slice(1, -1)) : -1);

function flameGraph(options) {
  const nodes = D.flame.nodes.map(([parent, frame, w, ...more], index) => ({ index, parent, frame, weight: w, more, children: [], depth: 0 }));
  nodes.forEach((node) => {
    if (node.parent < 0) return;
    nodes[node.parent].children.push(node);
    node.depth = nodes[node.parent].depth + 1;
  });
  nodes.forEach((node) => node.children.sort((a, b) => b.weight - a.weight));
  const label = (node) => (node.parent < 0 ? "all" : frameText(frameOf(node.frame)));
  function shortLabel(node) {
    if (node.parent < 0) return "all";
    const f = frameOf(node.frame);
    return f.file ? `${f.fn} (${place(f.file.split("/").pop(), f.line)})` : f.fn;
  }
  const weight = (w) => (D.flame.unit === "nanoseconds" ? span(w / 1e3) : count(w));
  const shareOf = (node) => share(node.weight, nodes[0].weight);
  const amount = options.amount || ((node) => weight(node.weight));
  let zoomed = nodes[0];
  let hits = new Set();
  let current = 0;

  function flameClass(node) {
    if (node.parent < 0) return "root";
    const f = frameOf(node.frame);
    if (f.kind === "native" || f.kind === "kernel") return "native";
    return f.lib ? "lib" : "";
  }

  // A system call is below its cause and has the same colour.
  function causeColor(node) {
    const f = node.parent < 0 ? null : frameOf(node.frame);
    if (!f || f.kind !== "mark") return "";
    if (f.fn === "[idle]") return idleMark;
    const above = nodes[node.parent];
    const own = causeOfMark(f);
    const cause = own < 0 && above.parent >= 0 ? causeOfMark(frameOf(above.frame)) : own;
    return cause < 0 ? "" : color(cause);
  }
  const fill = options.fill || causeColor;

  function describe(node) {
    $("said").textContent = `${label(node)}: ${amount(node)}, ${shareOf(node)} of all`;
  }

  function draw() {
    const box = $("flame");
    const hadFocus = box.contains(document.activeElement);
    box.replaceChildren();
    const row = 20;
    const width = Math.max(box.clientWidth, 100);
    let deepest = 0;
    const put = (node, x, w) => {
      deepest = Math.max(deepest, node.depth);
      const button = el("button", { type: "button", class: `f ${flameClass(node)}`, "data-node": node.index, title: `${label(node)}\n${amount(node)}`,
        tabindex: node.index === current ? "0" : "-1", "aria-label": `${label(node)}, ${amount(node)}, ${shareOf(node)}`,
        style: { left: `${x}px`, top: `${node.depth * row}px`, width: `${Math.max(w - 0.5, 1)}px` } });
      if (w > 22) button.textContent = shortLabel(node);
      const paint = fill(node);
      if (paint) button.style.background = paint;
      if (hits.size) button.classList.add(hits.has(node.index) ? "hit" : "dim");
      box.append(button);
    };
    const above = [];
    for (let node = zoomed; node; node = node.parent < 0 ? null : nodes[node.parent]) above.unshift(node);
    above.forEach((node) => put(node, 0, width));
    const below = (node, x, w) => {
      let at = x;
      for (const child of node.children) {
        const part = (w * child.weight) / node.weight;
        if (part >= sharpEnough) {
          put(child, at, part);
          below(child, at, part);
        }
        at += part;
      }
    };
    below(zoomed, 0, width);
    const sizer = el("div", { style: { height: `${(deepest + 1) * row}px` } });
    box.append(sizer);
    if (!box.querySelector(`[data-node="${current}"]`)) {
      current = zoomed.index;
      const button = box.querySelector(`[data-node="${current}"]`);
      if (button) button.tabIndex = 0;
    }
    if (hadFocus) {
      const button = box.querySelector(`[data-node="${current}"]`);
      if (button) button.focus({ preventScroll: true });
    }
  }

  function zoomTo(node) {
    zoomed = node;
    current = node.index;
    draw();
    describe(node);
  }

  function go(node) {
    const button = node && $("flame").querySelector(`[data-node="${node.index}"]`);
    if (!button) return;
    $("flame").querySelectorAll('[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
    current = node.index;
    button.tabIndex = 0;
    button.focus();
    describe(node);
  }

  function onKey(event) {
    const node = nodes[current];
    const siblings = node.parent < 0 ? [node] : nodes[node.parent].children;
    const at = siblings.indexOf(node);
    if (event.key === "ArrowDown") go(node.children[0]);
    else if (event.key === "ArrowUp") go(nodes[node.parent]);
    else if (event.key === "ArrowRight") go(siblings[at + 1]);
    else if (event.key === "ArrowLeft") go(siblings[at - 1]);
    else if (event.key === "Enter" || event.key === " ") zoomTo(node);
    else if (event.key === "Escape") zoomTo(zoomed.parent < 0 ? zoomed : nodes[zoomed.parent]);
    else return;
    event.preventDefault();
  }

  function search() {
    const wanted = $("search").value.trim().toLowerCase();
    hits = new Set();
    if (!wanted) {
      $("found").textContent = "";
      draw();
      return;
    }
    const matches = D.frames.map((_, index) => frameText(frameOf(index)).toLowerCase().includes(wanted));
    let found = 0;
    const walk = (node, inside) => {
      const hit = node.parent >= 0 && matches[node.frame];
      if (hit) hits.add(node.index);
      if (hit && !inside) found += node.weight;
      node.children.forEach((child) => walk(child, inside || hit));
    };
    walk(nodes[0], false);
    $("found").textContent = hits.size ? `${plural(hits.size, "frame")}, ${weight(found)} (${share(found, nodes[0].weight)})` : "nothing found";
    if (!hits.size) hits.add(-1);
    draw();
  }

  function asText() {
    const heavy = options.heavy || ((node) => node.weight);
    const cells = options.cells || ((leaf) => [weight(leaf.weight), shareOf(leaf)]);
    const leaves = nodes.filter((node) => !node.children.length).sort((a, b) => heavy(b) - heavy(a)).slice(0, 20);
    const rows = leaves.map((leaf) => {
      const path = [];
      for (let node = leaf; node.parent >= 0; node = nodes[node.parent]) path.push(label(node));
      return el("tr", {}, ...cells(leaf).map((text) => cell(text, "n")), cell(path.join(" ← "), "text mono"));
    });
    $("flame-text").append(table([...(options.columns || ["weight", "share"]).map((title) => [title, "n"]), ["stack, innermost first"]], rows));
  }

  $("flame-what").textContent = options.what || D.flame.what + " time";
  if (!nodes.length || !nodes[0].weight) {
    $("flame").append(el("p", { class: "soft", text: options.empty }));
    return;
  }
  $("flame").addEventListener("click", (event) => {
    const button = event.target.closest("[data-node]");
    if (button) zoomTo(nodes[Number(button.dataset.node)]);
  });
  $("flame").addEventListener("mouseover", (event) => {
    const button = event.target.closest("[data-node]");
    if (button) describe(nodes[Number(button.dataset.node)]);
  });
  $("flame").addEventListener("keydown", onKey);
  $("flame-all").onclick = () => { $("search").value = ""; hits = new Set(); $("found").textContent = ""; zoomTo(nodes[0]); };
  $("search").addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    event.preventDefault();
    $("search").focus();
  });
  window.addEventListener("resize", draw);
  draw();
  asText();
}
