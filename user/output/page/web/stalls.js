// The report of a run: its stalls over time, the details of one stall, places, loops.

// ---- The head ----

const processes = new Set(D.loops.map((loop) => loop.comm)).size > 1;
const loopName = (loop) => `${processes && loop.comm ? loop.comm + " " : ""}pid ${loop.pid} ${loop.thread || "thread " + loop.tid}`;
const stalledUs = D.cause_us.reduce((a, b) => a + b, 0);

function beginning() {
  const began = new Date(D.start_ms);
  const when = `${began.toLocaleString("en-GB")} · watched for ${span(D.elapsed_us)} · ` +
    `stall: an iteration of ${span(D.warn_us)} or more`;
  const title = `aiotrace: ${D.title}`;
  if (!D.stalls) {
    head(title, when, `No stall: none of ${plural(D.loops.reduce((a, l) => a + l.iterations, 0), "iteration")} of ` +
      `${plural(D.loops.length, "loop")} took ${span(D.warn_us)}.`);
    return;
  }
  const most = D.cause_us.indexOf(Math.max(...D.cause_us));
  head(title, when, `${plural(D.stalls, "stall")} (${count(D.errors)} of ${span(D.error_us)} or more): the loops could not answer for ` +
    `${span(stalledUs)} in all, most of it ${D.causes[most]} (${share(D.cause_us[most], stalledUs)}).`);
}

function places() {
  if (!D.places.length) {
    $("places").append(el("p", { class: "soft", text: "None." }));
    return;
  }
  const rows = D.places.map((p) => {
    const where = p.others ? cell("all smaller places", "text where") : whereCell(p.function, p.file, p.line, "(no Python frame)");
    if (processes && p.comm) where.append(el("div", { class: "soft small", text: `in ${p.comm}` }));
    return el("tr", {}, cell(span(p.us), "n"), cell(share(p.us, stalledUs), "n"), el("td", { class: "n", "data-unit": p.stalls === 1 ? "stall" : "stalls", text: count(p.stalls) }),
              el("td", { class: "n", "data-unit": "at worst", text: span(p.max_us) }),
              causesCell(p), where, cell(p.advice || "", "text"));
  });
  const columns = [["total", "n"], ["share", "n"], ["stalls", "n"], ["worst", "n"], ["cause"], ["where"], ["what to do"]];
  const most = 8;
  $("places").append(table(columns, rows.slice(0, most)));
  if (rows.length > most)
    $("places").append(el("details", {}, el("summary", { class: "small", text: `${plural(rows.length - most, "smaller place")}` }), table(columns, rows.slice(most))));
}

// Waits that may happen while the loop is idle: as in the text output.
function hangs() {
  if (!D.hangs.length) return;
  $("hang-section").hidden = false;
  const pids = new Set(D.hangs.map((h) => h.pid)).size > 1;
  for (const h of D.hangs) {
    $("hangs").append(el("p", {}, el("strong", { text: (pids ? `pid ${h.pid}: ` : "") + h.text }), h.final ? "" : " (not proved to last)"));
    $("hangs").append(el("pre", { class: "small", text: h.lines.join("\n") }));
  }
}

// ---- One stall ----

let selected = -1;

function show(index, focus) {
  selected = index;
  const box = $("stall");
  box.replaceChildren();
  draw();
  document.querySelectorAll("tr.on").forEach((row) => row.classList.remove("on"));
  if (index < 0) {
    box.append(nothing("Nothing stalled."));
    return;
  }
  const [start, us, cause, loop, more] = D.marks[index];
  document.querySelectorAll(`tr[data-mark="${index}"]`).forEach((row) => row.classList.add("on"));
  const who = D.loops[loop];
  box.append(el("h3", { text: `${span(us)}${more && more.at_least ? " or more" : ""} at ${clock(start)} · ${who ? loopName(who) : ""}` }));
  if (!more) {
    box.append(el("p", { text: `Largest cause: ${D.causes[cause]}. ` }),
               el("p", { class: "soft", text: `This report has details of the ${plural(D.details, "longest stall")} only.` }));
    return;
  }
  if (more.task) box.append(el("p", {}, "Task ", el("code", { text: more.task })));
  else box.append(el("p", { class: "soft", text: "No task: a plain callback, or not known." }));
  for (const note of more.notes || []) box.append(el("p", { text: note }));
  const bar = el("div", { class: "split", "aria-hidden": "true" });
  const stretch = (part, cause) => bar.append(el("span", { style: { flexGrow: part / us, background: cause < 0 ? "transparent" : color(cause) } }));
  if (more.moments) {
    let at = 0;
    for (const [since, part, which] of more.moments) {
      if (since > at) stretch(since - at, -1);
      stretch(part, which);
      at = since + part;
    }
    if (at < us) stretch(us - at, -1);
  } else for (const s of more.segments) stretch(s.us, s.cause);
  box.append(bar, el("p", { class: "soft small", text: more.moments ? "In the order of time; what is blank was too short to be reported." : "By size, not in the order of time." }));
  const rest = el("details", {}, el("summary", { class: "small", text: "" }));
  let smaller = 0;
  more.segments.forEach((s, at) => {
    const part = el("div", { class: "seg", style: { borderLeftColor: color(s.cause) } });
    part.append(el("div", {}, el("strong", { text: `${D.causes[s.cause]} ${span(s.us)}` }),
                   ` (${share(s.us, us)})${s.syscall ? " · " + s.syscall : ""}${s.count > 1 ? ` · ${count(s.count)} ${s.sampled ? "samples" : "times"}` : ""}`));
    if (s.who) part.append(el("div", {}, el("code", { text: s.who })));
    if (s.stack) {
      const closed = el("details", {}, el("summary", { class: "small", text: `stack, ${plural(s.stack.length, "frame")}, innermost first` }), stackList(s.stack, s.cut));
      if (at === 0) closed.open = true;
      part.append(closed);
    }
    if (s.holder) part.append(el("details", {}, el("summary", { class: "small", text: "what the holder ran" }), stackList(s.holder)));
    if (at < 3 || s.us >= us / 50) box.append(part);
    else {
      rest.append(part);
      smaller += 1;
    }
  });
  rest.firstChild.textContent = plural(smaller, "smaller part");
  if (smaller) box.append(rest);
  if (focus) $("stall-section").scrollIntoView({ block: "nearest" });
}

// ---- The time line ----

let from = 0;
let to = Math.max(D.elapsed_us, 1);
const lanes = [];
const longest = D.marks.reduce((a, m) => Math.max(a, m[1]), D.warn_us * 2);

function draw() {
  $("range").textContent = `${clock(from)} to ${clock(to)} (${span(to - from)})`;
  const css = getComputedStyle(document.documentElement);
  for (const lane of lanes) {
    const { canvas, marks } = lane;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    const low = Math.log(Math.max(D.warn_us, 1) * 0.6);
    const high = Math.log(longest * 1.15);
    const yOf = (us) => (height - 4) * Math.max(0.04, Math.min(1, (Math.log(Math.max(us, 1)) - low) / (high - low)));
    g.font = "11px system-ui, sans-serif";
    g.fillStyle = css.getPropertyValue("--soft");
    g.strokeStyle = css.getPropertyValue("--line");
    const levels = [D.warn_us, D.error_us, longest].map((us) => [span(us), Math.round(height - yOf(us)) + 0.5]);
    for (const [, y] of levels) {
      g.beginPath();
      g.moveTo(0, y);
      g.lineTo(width, y);
      g.stroke();
    }
    lane.boxes = [];
    for (const index of marks) {
      const [start, us, cause] = D.marks[index];
      if (start + us < from || start > to) continue;
      const x = ((start - from) / (to - from)) * width;
      const w = Math.max(3, (us / (to - from)) * width);
      const h = yOf(us);
      g.fillStyle = css.getPropertyValue("--" + D.causes[cause]) || "#888";
      g.fillRect(x, height - h, w, h);
      if (index === selected) {
        g.strokeStyle = css.getPropertyValue("--ink");
        g.lineWidth = 2;
        g.strokeRect(x - 2, height - h - 2, w + 4, h + 1);
        g.lineWidth = 1;
        g.strokeStyle = css.getPropertyValue("--line");
      }
      lane.boxes.push([x, w, h, index]);
    }
    // Behind the bars they would be unreadable.
    for (const [text, y] of levels) {
      if (y < 12) continue;
      g.fillStyle = css.getPropertyValue("--panel");
      g.fillRect(2, y - 13, g.measureText(text).width + 4, 12);
      g.fillStyle = css.getPropertyValue("--soft");
      g.fillText(text, 4, y - 3);
    }
  }
}

function reveal(index) {
  const [start, us] = D.marks[index];
  const width = to - from;
  if (start >= from && start + us <= to) return;
  from = Math.max(0, Math.min(start + us / 2 - width / 2, D.elapsed_us - width));
  to = from + width;
}

function zoom(factor) {
  const whole = Math.max(D.elapsed_us, 1);
  const mark = selected >= 0 ? D.marks[selected] : null;
  const middle = mark ? mark[0] + mark[1] / 2 : (from + to) / 2;
  const width = Math.min(whole, Math.max(1000, (to - from) * factor));
  from = Math.max(0, Math.min(middle - width / 2, whole - width));
  to = from + width;
  draw();
}
function zoomAll() {
  from = 0;
  to = Math.max(D.elapsed_us, 1);
  draw();
}

function laneKey(lane, event) {
  const at = lane.marks.indexOf(selected);
  const pick = (next) => {
    const index = lane.marks[Math.max(0, Math.min(lane.marks.length - 1, next))];
    if (index === undefined) return;
    reveal(index);
    show(index, false);
  };
  if (event.key === "ArrowRight") pick(at + 1);
  else if (event.key === "ArrowLeft") pick(at < 0 ? 0 : at - 1);
  else if (event.key === "Home") pick(0);
  else if (event.key === "End") pick(lane.marks.length - 1);
  else if (event.key === "+" || event.key === "=") zoom(0.5);
  else if (event.key === "-") zoom(2);
  else if (event.key === "0") zoomAll();
  else return;
  event.preventDefault();
}

function timeline() {
  D.loops.forEach((loop, at) => {
    const marks = D.marks.map((m, index) => [m, index]).filter(([m]) => m[3] === at).map(([, index]) => index);
    if (!marks.length) return;
    const label = `${loopName(loop)} (${loop.kind}): ${plural(marks.length, "stall")} shown`;
    const canvas = el("canvas", { class: "strip", tabindex: "0", role: "img",
      "aria-label": `${label}. Arrow keys choose a stall; the table of longest stalls has the same as text.` });
    const lane = { canvas, marks, boxes: [] };
    canvas.addEventListener("click", (event) => {
      let best = null;
      for (const [x, w, h, index] of lane.boxes) {
        const away = Math.max(x - event.offsetX, event.offsetX - x - w, 0);
        if (away < 8 && (!best || away < best[0] || (away === best[0] && h > best[2]))) best = [away, index, h];
      }
      if (best) show(best[1], true);
    });
    canvas.addEventListener("keydown", (event) => laneKey(lane, event));
    lanes.push(lane);
    $("lanes").append(el("div", { class: "lane" }, el("div", { class: "small", text: label }), canvas));
  });
  if (!lanes.length) $("lanes").append(nothing("Nothing stalled."));
  $("zoom-in").onclick = () => zoom(0.5);
  $("zoom-out").onclick = () => zoom(2);
  $("zoom-all").onclick = zoomAll;
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// ---- Loops ----

function histogram(loop) {
  const box = el("div");
  if (!loop.hist.length) return box;
  // Octaves of eight steps each are merged to half octaves, which is what an eye can distinguish.
  const startOf = (bucket) => (bucket < 8 ? bucket : 2 ** Math.floor(bucket / 8) * (1 + (bucket % 8) / 8)) / 1e3;
  const bins = new Map();
  for (const [bucket, n] of loop.hist) bins.set(bucket >> 2, (bins.get(bucket >> 2) || 0) + n);
  const first = Math.min(...bins.keys());
  const last = Math.max(...bins.keys());
  const most = Math.max(...bins.values());
  const NS = "http:" + "//www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("class", "hist");
  svg.setAttribute("viewBox", "0 0 600 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Iterations by duration, logarithmic: from ${span(startOf(first * 4))} to ${span(loop.max_us)}, half below ${span(loop.p50_us)}, 99 % below ${span(loop.p99_us)}`);
  const each = 600 / (last - first + 1);
  for (const [bin, n] of bins) {
    const rect = document.createElementNS(NS, "rect");
    const h = Math.max(2, (96 * Math.log(1 + n)) / Math.log(1 + most));
    const stalls = startOf(bin * 4) >= D.warn_us * 0.75;
    for (const [key, value] of Object.entries({ x: (bin - first) * each + 0.5, y: 100 - h, width: Math.max(1, each - 1), height: h })) rect.setAttribute(key, value);
    rect.style.fill = stalls ? "var(--bad)" : "var(--python)";
    const title = document.createElementNS(NS, "title");
    title.textContent = `${span(startOf(bin * 4))} to ${span(startOf((bin + 1) * 4))}: ${plural(n, "iteration")}`;
    rect.append(title);
    svg.append(rect);
  }
  const axis = el("div", { class: "axis" });
  const marks = 5;
  for (let i = 0; i <= marks; i++) axis.append(el("span", { text: span(startOf(Math.round(first + ((last + 1 - first) * i) / marks) * 4)) }));
  const rows = [...bins].sort((a, b) => a[0] - b[0]).map(([bin, n]) =>
    el("tr", {}, cell(span(startOf(bin * 4)), "n"), cell(span(startOf((bin + 1) * 4)), "n"), cell(count(n), "n")));
  box.append(svg, axis, el("p", { class: "soft small", text: "Iterations by duration (both axes logarithmic); red: stalls." }),
             el("details", {}, el("summary", { class: "small", text: "The same as text" }), el("div", { class: "wide" }, table([["from", "n"], ["to", "n"], ["iterations", "n"]], rows))));
  return box;
}

function loops() {
  if (!D.loops.length) $("loops").append(el("p", { class: "soft", text: "No event loop was seen." }));
  for (const loop of D.loops) {
    $("loops").append(el("h3", { text: `${loopName(loop)} (${loop.kind})` }),
      el("p", { text: `${plural(loop.iterations, "iteration")}, busy ${share(loop.busy_us, D.elapsed_us)} of the time; half took less than ${span(loop.p50_us)}, ` +
        `99 % less than ${span(loop.p99_us)}, the longest ${span(loop.max_us)}; ${plural(loop.stalls, "stall")}.` }), histogram(loop));
  }
  if (D.loops_left) $("loops").append(el("p", { class: "soft", text: `${plural(D.loops_left, "further loop")} of less stalled time not shown.` }));
}

// ---- The list and the rest ----

function list() {
  const order = D.marks.map((m, index) => [m, index]).sort((a, b) => b[0][1] - a[0][1]).slice(0, 50);
  if (!order.length) {
    $("list").append(nothing("Nothing stalled."));
    return -1;
  }
  const rows = order.map(([m, index]) => {
    const more = m[4];
    const top = more && more.segments[0];
    const frame = top && top.stack && top.stack.map(frameOf).find((f) => !f.lib) ;
    const pick = () => show(index, true);
    const at = el("button", { type: "button", text: clock(m[0]), onclick: pick });
    return el("tr", { class: "pick", "data-mark": index, onclick: (event) => { if (event.target !== at) pick(); } },
      el("td", {}, at), cell(span(m[1]), "n"), causeCell(m[2], top && top.cause === m[2] ? top.syscall : ""),
      el("td", { class: "text mono" }, ...(frame ? [frame.fn + "  ", placeNode(frame.file, frame.line, "soft")] : [])), cell((more && more.task) || "", "text mono"));
  });
  $("list").append(table([["when"], ["duration", "n"], ["largest cause"], ["in"], ["task"]], rows));
  return order[0][1];
}

beginning();
shares($("causes"), D.cause_us.map((us, cause) => [D.causes[cause], color(cause), us]), "Nothing stalled.");
hangs();
places();
timeline();
const first = list();
flameGraph({ empty: "Nothing stalled." });
loops();
about();
show(first, false);
