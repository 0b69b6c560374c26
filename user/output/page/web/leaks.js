// Leaks by place, and how they grew over the scans.
const bytes = (n) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (n >= 1023.5 && at < units.length - 1) { n /= 1024; at += 1; }
  return `${at && n < 99.95 ? n.toFixed(1) : n.toFixed(0)} ${units[at]}`;
};
const growth = (n) => (n === null ? "–" : n === 0 ? "0" : `${n > 0 ? "+" : "−"}${Math.abs(n) >= 100 ? count(Math.round(Math.abs(n))) : Number(Math.abs(n).toPrecision(3))}/min`);

// Points are [scan, count, bytes]; a scan's time is that of D.scans.
D.scans.sort((a, b) => a.number - b.number);
const timeOf = new Map(D.scans.map((scan) => [`${scan.pid} ${scan.number}`, scan.since_us]));
const when = (pid, number) => timeOf.get(`${pid} ${number}`) ?? 0;

// Adds a zero for each scan in between that did not find it.
function courseOf(p) {
  if (!p.points.length) return [];
  const found = new Map(p.points.map((point) => [point[0], point]));
  return D.scans.filter((scan) => scan.pid === p.pid && scan.number >= p.points[0][0]).map((scan) => found.get(scan.number) || [scan.number, 0, 0]);
}

function chart(pid, points, kind, words) {
  const NS = "http:" + "//www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  const set = (node, values) => Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
  const wide = kind === "chart" ? 160 : 600;
  const high = kind === "chart" ? 32 : 120;
  set(svg, { class: kind, viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", role: "img", "aria-label": words });
  const from = when(pid, points[0][0]);
  const to = Math.max(when(pid, points[points.length - 1][0]), from + 1);
  const most = Math.max(...points.map((point) => point[1]), 1);
  const at = ([scan, n]) => [2 + ((wide - 4) * (when(pid, scan) - from)) / (to - from), high - 2 - ((high - 6) * n) / most];
  const line = points.map(at).map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const area = document.createElementNS(NS, "polygon");
  set(area, { points: `2,${high - 2} ${line} ${at(points[points.length - 1])[0].toFixed(1)},${high - 2}`, class: "area" });
  const path = document.createElementNS(NS, "polyline");
  set(path, { points: line, class: "line" });
  const title = document.createElementNS(NS, "title");
  title.textContent = words;
  svg.append(title, area, path);
  return svg;
}

const course = (points) => `${count(points[0][1])} in the first scan shown, ${count(points[points.length - 1][1])} in the last, at most ${count(Math.max(...points.map((p) => p[1])))}`;

function overTime() {
  const pids = [...new Set(D.scans.map((scan) => scan.pid))];
  $("over-section").hidden = D.scans.length < 2;
  for (const pid of pids) {
    const scans = D.scans.filter((scan) => scan.pid === pid);
    if (scans.length < 2) continue;
    const points = scans.map((scan) => [scan.number, scan.leaks + scan.candidates]);
    const words = `pid ${pid}, leaks and candidates: ${course(points)}`;
    const axis = el("div", { class: "axis" }, el("span", { text: `scan ${scans[0].number}, ${clock(scans[0].since_us)}` }),
                    el("span", { text: `at most ${count(Math.max(...points.map((p) => p[1])))}` }),
                    el("span", { text: `scan ${scans[scans.length - 1].number}, ${clock(scans[scans.length - 1].since_us)}` }));
    const rows = scans.map((scan) => el("tr", {}, cell(count(scan.number), "n"), cell(clock(scan.since_us), "n"), cell(count(scan.leaks), "n"), cell(count(scan.candidates), "n"),
                                        cell(count(scan.objects), "n"), cell(span(scan.us), "n")));
    $("over").append(el("h3", { text: words }), chart(pid, points, "hist", words), axis,
      el("details", {}, el("summary", { class: "small", text: "The same as text" }),
         el("div", { class: "wide" }, table([["scan", "n"], ["when", "n"], ["leaks", "n"], ["candidates", "n"], ["objects looked at", "n"], ["took", "n"]], rows))));
  }
}

function placesTable() {
  D.places.forEach((p) => { p.points = courseOf(p); });
  const whole = (p) => (p.leaks ?? 0) + (p.candidates ?? 0);
  const many = D.scans.length > 1;
  const pids = new Set(D.places.map((p) => p.pid)).size > 1;
  const columns = [
    { title: "class", value: (p) => p.class, cell: (p) => el("td", {}, el("span", { class: p.leaks ? "badge bad" : "badge", text: p.leaks ? "leak" : "candidate" }), ` ${p.class}`, p.idle ? el("div", { class: "soft small", text: "idle: may go on any time" }) : "") },
    countColumn("leaks", (p) => p.leaks ?? 0, (p) => (p.known ? count(p.leaks) : "not known")),
    countColumn("candidates", (p) => p.candidates ?? 0, (p) => (p.known ? count(p.candidates) : "–")),
    { title: "bytes", n: true, value: (p) => p.bytes, cell: (p) => cell(p.known ? bytes(p.bytes) : "–", "n") },
    timeColumn("age", (p) => p.age_us ?? 0, (p) => (p.age_us === null ? (p.known ? "seen once" : "–") : `≥ ${span(p.age_us)}`)),
    { title: "growth", n: true, value: (p) => p.growth ?? 0, cell: (p) => cell(growth(p.growth), p.growing ? "n slow" : "n") },
  ];
  if (many) columns.push({ title: "over the scans", n: true, value: whole, cell: (p) => {
    if (p.points.length < 2) return cell(p.gone ? "gone" : "", "soft");
    return el("td", {}, chart(p.pid, p.points, "chart", `${course(p.points)}${p.gone ? "; gone since" : ""}`), p.gone ? el("div", { class: "soft small", text: "gone since" }) : "");
  } });
  columns.push({ title: "where", value: (p) => p.coroutine, cell: (p) => {
    const where = whereCell(p.coroutine, p.file, p.line, "(a future)");
    if (p.detail) where.append(el("div", { class: "mono", text: p.detail }));
    if (p.holder) where.append(el("div", { class: "soft small", text: `held by ${p.holder}` }));
    if (pids) where.append(el("div", { class: "soft small", text: `pid ${p.pid}` }));
    return where;
  } });
  sortable($("leak-places"), columns, D.places, { filter: "coroutine, file, class or holder", most: 40, empty: "Nothing suspicious was found.", open: "stack",
    words: (p) => `${p.class} ${p.coroutine} ${p.file} ${p.detail} ${p.holder} ${p.stack.map((index) => frameText(frameOf(index))).join(" ")}`,
    detail: (p) => (p.stack.length || p.points.length > 1 ? () => {
      const parts = [];
      if (p.stack.length) parts.push(el("div", { class: "small", text: "Hangs at, innermost first" }), stackList(p.stack, p.cut ? "outer frames are left out" : ""));
      if (p.points.length > 1) parts.push(table([["scan", "n"], ["when", "n"], ["count", "n"], ["bytes", "n"]],
        p.points.map(([scan, n, size]) => el("tr", {}, cell(count(scan), "n"), cell(clock(when(p.pid, scan)), "n"), cell(count(n), "n"), cell(bytes(size), "n")))));
      return parts;
    } : null) });
}

function leaks() {
  const live = D.places.filter((p) => !p.gone);
  const sum = (key) => live.reduce((all, p) => all + (p[key] ?? 0), 0);
  const grows = live.filter((p) => p.growing).length;
  head(`aiotrace leaks: ${D.title}`, `${new Date(D.start_ms).toLocaleString("en-GB")} · ${plural(D.all_scans, "scan")} in ${span(D.elapsed_us)}`,
    !D.places.length ? "Nothing suspicious was found."
      : `${plural(sum("leaks"), "leak")} and ${plural(sum("candidates"), "candidate")} at ${plural(live.length, "place")} (${bytes(sum("bytes"))})` +
        (grows ? `; ${plural(grows, "place")} grew in every scan.` : "."));
  $("age").textContent = span(D.age_us);
  overTime();
  placesTable();
}

leaks();
about();
