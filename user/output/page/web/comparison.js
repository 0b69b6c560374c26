// Two runs side by side: totals, places by how they changed, and a flame graph in red (grew) and blue (shrank).

// Runs differ in length: they are compared by the stalled time per second watched.
const rate = (us, side) => (side.elapsed_us ? (us / side.elapsed_us) * 1e6 : 0);
const perSecond = (value) => `${span(value)}/s`;
const stalledIn = (side) => side.cause_us.reduce((a, b) => a + b, 0);

// A run's difference from the other in percent; a place that came or went has none.
function percent(before, after) {
  if (!before && !after) return "0 %";
  if (!before) return "new";
  if (!after) return "gone";
  const by = (100 * (after - before)) / before;
  const text = Math.abs(by) >= 999.5 ? `${(after / before).toFixed(1)} times` : `${by > 0 ? "+" : ""}${by.toFixed(Math.abs(by) < 9.95 ? 1 : 0)} %`;
  return text.replace("-", "−");
}
const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${span(Math.abs(value))}/s`;
const changeClass = (by) => (by > 0 ? "n worse" : by < 0 ? "n better" : "n");

function totals() {
  const row = (name, before, after, text) =>
    el("tr", {}, typeof name === "string" ? cell(name) : name, cell(text(before), "n"), cell(text(after), "n"),
       cell(percent(before, after), changeClass(after - before)));
  const { before, after } = D;
  const rows = [
    el("tr", {}, cell("recording"), el("td", { class: "n file mono", text: before.file }), el("td", { class: "n file mono", text: after.file }), cell("")),
    el("tr", {}, cell("watched for"), cell(span(before.elapsed_us), "n"), cell(span(after.elapsed_us), "n"), cell("")),
    row("stalls a minute", rate(before.stalls, before) * 60, rate(after.stalls, after) * 60, (n) => n.toFixed(1)),
    row("errors a minute", rate(before.errors, before) * 60, rate(after.errors, after) * 60, (n) => n.toFixed(1)),
    row("stalled", rate(stalledIn(before), before), rate(stalledIn(after), after), perSecond),
  ];
  D.causes.map((_, cause) => [rate(before.cause_us[cause], before), rate(after.cause_us[cause], after), cause])
    .filter(([a, b]) => a || b).sort((x, y) => Math.max(y[0], y[1]) - Math.max(x[0], x[1]))
    .forEach(([a, b, cause]) => rows.push(row(causeCell(cause), a, b, perSecond)));
  $("totals").append(table([[""], ["before", "n"], ["after", "n"], ["change", "n"]], rows));
}

function placesOf(change) {
  const rows = D.places.filter((p) => p.change === change);
  $(`h-${change}`).append(` (${count(rows.length)})`);
  if (change !== "same") $(`${change}-section`).hidden = !rows.length;
  const before = (p) => (p.before ? rate(p.before.us, D.before) : 0);
  const after = (p) => (p.after ? rate(p.after.us, D.after) : 0);
  const by = (p) => after(p) - before(p);
  const side = (there, value) => (there ? perSecond(value) : "–");
  const of = (p, key) => [p.before, p.after].map((there) => (there ? (key === "stalls" ? count(there.stalls) : span(there.max_us)) : "–")).join(" → ");
  const worst = (p, key) => Math.max(p.before ? p.before[key] : 0, p.after ? p.after[key] : 0);
  sortable($(change), [
    { title: "change", n: true, value: (p) => Math.abs(by(p)), cell: (p) => cell(signed(by(p)), changeClass(by(p))) },
    { title: "before", n: true, value: before, cell: (p) => cell(side(p.before, before(p)), "n") },
    { title: "after", n: true, value: after, cell: (p) => cell(side(p.after, after(p)), "n") },
    { title: "stalls", n: true, value: (p) => worst(p, "stalls"), cell: (p) => cell(of(p, "stalls"), "n") },
    { title: "worst", n: true, value: (p) => worst(p, "max_us"), cell: (p) => cell(of(p, "max_us"), "n") },
    { title: "cause", value: (p) => D.causes[p.cause], cell: (p) => causesCell(p, (p.after || p.before).causes) },
    { title: "where", value: (p) => p.function, cell: (p) => (p.others ? cell("all smaller places", "text where") : whereCell(p.function, p.file, p.line, "(no Python frame)")) },
  ], rows, { filter: "function, file or cause", empty: "None.", words: (p) => `${p.function} ${p.file} ${D.causes[p.cause]} ${p.syscall}` });
}

// A neutral colour means no change; the full colour means that all of it came or went.
function differenceColor(before, after) {
  const most = Math.max(before, after);
  const by = most ? (after - before) / most : 0;
  // The limits of normal differences between runs, as for places: a fifth, and 50 µs a second.
  if (Math.abs(after - before) < 50 || Math.abs(after - before) < 0.2 * before) return "rgb(224, 224, 220)";
  const full = by > 0 ? [240, 84, 74] : [86, 148, 240];
  const part = 0.25 + 0.75 * Math.abs(by);
  return `rgb(${full.map((value, at) => Math.round([224, 224, 220][at] + (value - [224, 224, 220][at]) * part)).join(", ")})`;
}

function comparison() {
  const a = rate(stalledIn(D.before), D.before);
  const b = rate(stalledIn(D.after), D.after);
  const changed = ["came", "grew", "shrank", "went"].map((change) => [change, D.places.filter((p) => p.change === change).length]).filter(([, n]) => n);
  head(`aiotrace: ${D.before.file} → ${D.after.file}`, "Two recordings compared, per second watched.",
    `The loops were stalled for ${perSecond(a)} before, ${perSecond(b)} after (${percent(a, b)}). ` +
    (changed.length ? `Places: ${changed.map(([change, n]) => `${count(n)} ${change}`).join(", ")}.` : "No place changed."));
  totals();
  ["came", "grew", "shrank", "went", "same"].forEach(placesOf);
  $("same-count").textContent = plural(D.places.filter((p) => p.change === "same").length, "place");
  const sides = (node) => [rate(node.more[0], D.before), rate(node.more[1], D.after)];
  const ms = (us) => `${(us / 1e3).toFixed(us >= 99950 ? 0 : us >= 9995 ? 1 : 2)} ms`;
  flameGraph({
    empty: "Neither stalled.",
    what: "stalled time per second watched: of the run after, or, of stacks that are gone, of the run before. Red grew, blue shrank, grey stayed the same",
    amount: (node) => {
      const [before, after] = sides(node);
      return `before ${ms(node.more[0])} (${perSecond(before)}), after ${ms(node.more[1])} (${perSecond(after)}): ${percent(before, after)}`;
    },
    fill: (node) => differenceColor(...sides(node)),
    heavy: (node) => Math.abs(sides(node)[1] - sides(node)[0]),
    columns: ["before", "after", "change"],
    cells: (leaf) => [...sides(leaf).map(perSecond), percent(...sides(leaf))],
  });
}

comparison();
about();
