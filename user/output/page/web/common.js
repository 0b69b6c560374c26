// Common code of all pages. Names come from traced programs: they enter a page as text (textContent), never as markup.
const D = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (key === "text") node.textContent = value;
    else if (key === "style") Object.assign(node.style, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// ---- Words and numbers ----

const count = (n) => n.toLocaleString("en-US");
const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || one + "s"}`;

function span(us) {
  const digits = (v) => (v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2));
  if (us < 0.9995) return us === 0 ? "0" : `${digits(us * 1000)} ns`;
  if (us < 999.5) return `${digits(us)} µs`;
  if (us < 999500) return `${digits(us / 1e3)} ms`;
  const s = us / 1e6;
  if (s < 60) return `${digits(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} m`;
}
function share(part, whole) {
  if (!whole) return "0 %";
  const percent = (100 * part) / whole;
  return percent > 0 && percent < 0.1 ? "<0.1 %" : `${percent.toFixed(1)} %`;
}
function clock(us) {
  const at = new Date(D.start_ms + us / 1e3);
  return `${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
const color = (cause) => `var(--${D.causes[cause] || "other"})`;
const frameOf = (index) => {
  const [kind, fn, file, line, lib] = D.frames[index];
  return { kind, fn: D.strings[fn], file: D.strings[file], line, lib };
};
const place = (file, line) => (file ? file + (line ? `:${line}` : "") : "");
// The last two parts of a path usually identify it; the whole path is in the title.
const short = (file) => {
  const parts = file.split("/");
  return parts.length > 3 ? `…/${parts.slice(-2).join("/")}` : file;
};
const placeNode = (file, line, kind) => el("span", { class: kind, title: place(file, line), text: place(short(file), line) });
const frameText = (f) => (f.file ? `${f.fn} (${place(f.file, f.line)})` : f.fn);

function table(columns, rows, caption) {
  const head = el("tr", {});
  for (const [title, kind] of columns) head.append(el("th", { scope: "col", class: kind || "", text: title }));
  const body = el("tbody");
  body.append(...rows);
  const node = el("table", {}, el("thead", {}, head), body);
  if (caption) node.prepend(el("caption", { text: caption }));
  return node;
}
const cell = (text, kind) => el("td", { class: kind || "", text });
const causeCell = (cause, syscall) =>
  el("td", {}, el("span", { class: "key", style: { background: color(cause) } }),
     D.causes[cause] + (syscall ? ` ${syscall}` : ""));

// For a place: the largest cause, and below it all causes if there are several.
function causesCell(place, causes = place.causes) {
  const node = causeCell(place.cause, place.syscall);
  if (causes) node.append(el("div", { class: "soft small", text: causes }));
  return node;
}

// ---- The beginning and the end of every page ----

function head(title, when, lead) {
  document.title = title;
  $("title").textContent = title;
  $("when").textContent = when;
  $("lead").textContent = lead;
}

const nothing = (text) => el("p", { class: "soft", text });

// A bar of all causes, largest first, with a legend. `parts`: [name, colour, microseconds].
function shares(box, parts, empty) {
  const all = parts.reduce((sum, [, , us]) => sum + us, 0);
  if (!all) {
    box.append(nothing(empty));
    return;
  }
  const bar = el("div", { class: "share", "aria-hidden": "true" });
  const legend = el("ul", { class: "legend" });
  parts.filter(([, , us]) => us > 0).sort((a, b) => b[2] - a[2]).forEach(([name, paint, us]) => {
    bar.append(el("span", { style: { flexGrow: us / all, background: paint } }));
    legend.append(el("li", {}, el("span", { class: "key", style: { background: paint } }), `${name} ${span(us)} (${share(us, all)})`));
  });
  box.append(bar, legend);
}

function stackList(frames, cut) {
  const list = el("ol", { class: "stack mono" });
  for (const index of frames) {
    const f = frameOf(index);
    list.append(el("li", { class: f.lib ? "lib" : "" }, f.fn + "  ", placeNode(f.file, f.line, "soft")));
  }
  if (cut) list.append(el("li", { class: "soft", text: `… (${cut})` }));
  return list;
}

// The names of a place: a function, its file below. `empty` is shown if there is no function.
function whereCell(fn, file, line, empty) {
  const where = el("td", { class: "text where" }, el("div", { class: "mono", text: fn || empty }));
  if (file) where.append(placeNode(file, line, "mono soft"));
  return where;
}

function about() {
  for (const note of D.notes) $("about").append(el("p", { text: note }));
}
