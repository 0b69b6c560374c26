// Where threads spend their time: causes, functions, waits, a flame graph, threads.
function functions() {
  const all = D.functions_us;
  sortable($("functions"), [
    timeColumn("self", (f) => f.self_us),
    shareColumn("share", (f) => f.self_us, all),
    timeColumn("total", (f) => f.total_us),
    shareColumn("share of total", (f) => f.total_us, all),
    timeColumn("±", (f) => f.error_us, (f) => (f.error_us ? share(f.error_us, all) : "–")),
    { title: "function", value: (f) => frameOf(f.frame).fn, cell: (f) => {
      const frame = frameOf(f.frame);
      return whereCell(frame.fn, frame.file, frame.line, "?");
    } },
  ], D.functions, { filter: "function or file", most: 25, empty: "No function was seen.", words: (f) => frameText(frameOf(f.frame)) });
}

function waits() {
  const all = D.waits.reduce((sum, w) => sum + w.us, 0);
  $("waits-section").hidden = D.mode === "cpu";
  const gil = D.mode === "gil";
  $("h-waits").textContent = gil ? "Who waited for the GIL, and for whom" : "Waits off the CPU, exact";
  sortable($("waits"), [
    timeColumn(gil ? "waited" : "off CPU", (w) => w.us),
    shareColumn("share", (w) => w.us, all),
    countColumn("times", (w) => w.count),
    timeColumn("longest", (w) => w.max_us),
    { title: "cause", value: (w) => D.causes[w.cause], cell: (w) => causeCell(w.cause) },
    { title: gil ? "held by" : "what", value: (w) => w.what, cell: (w) => cell(w.what, "text mono") },
    { title: gil ? "who waited" : "where", value: (w) => w.function || w.thread, cell: (w) => whereCell(w.function, w.file, w.line, `thread ${w.thread}`) },
  ], D.waits, { filter: "cause, system call, peer, function or file", most: 25, empty: "None.", words: (w) => `${D.causes[w.cause]} ${w.what} ${w.function} ${w.file} ${w.thread}` });
}

function holders() {
  $("holders-section").hidden = D.mode !== "gil";
  sortable($("holders"), [
    timeColumn("held", (h) => h.us),
    shareColumn("of the time", (h) => h.us, D.elapsed_us),
    { title: "thread", value: (h) => h.thread, cell: (h) => cell(`${h.thread} (tid ${h.tid})`, "mono") },
  ], D.holders, { filter: "thread", empty: "Nobody was seen to hold it.", words: (h) => h.thread });
}

function threads() {
  const waited = D.mode !== "cpu";
  sortable($("threads"), [
    { title: "thread", value: (t) => t.thread, cell: (t) => cell(`${t.thread} (pid ${t.pid}, tid ${t.tid})`, "mono") },
    timeColumn("seen for", (t) => t.elapsed_us),
    timeColumn("on a CPU", (t) => t.cpu_us, (t) => (waited ? span(t.cpu_us) : "–")),
    timeColumn("idle", (t) => t.idle_us, (t) => (waited ? span(t.idle_us) : "–")),
    countColumn("samples", (t) => t.samples),
  ], D.threads, { filter: "thread", empty: "None.", words: (t) => `${t.thread} ${t.pid} ${t.tid}` });
}

function lead() {
  const [most] = D.functions;
  const where = most ? `; ${share(most.self_us, D.functions_us)} of it in ${frameOf(most.frame).fn}` : "";
  if (D.mode === "gil")
    return `The GIL was held for ${span(D.held_us)} (${share(D.held_us, D.elapsed_us)} of the time); threads waited ${span(D.waited_us)} for it` +
      (most ? `. Held most in ${frameOf(most.frame).fn}.` : ".");
  if (!D.functions_us) return D.idle_us ? `All threads were idle: ${span(D.idle_us)} in their loops' polls.` : "Nothing was seen.";
  const whats = { cpu: "on a CPU", "off-cpu": "off the CPU", wall: "on and off the CPU" };
  return `${span(D.functions_us)} ${whats[D.mode]}${where}${D.idle_us ? `; beside these ${span(D.idle_us)} idle in the loops' polls` : ""}.`;
}

function profile() {
  const whats = { cpu: "time on a CPU", "off-cpu": "time off the CPU", wall: "time of all threads", gil: "time with the GIL, and waiting for it" };
  head(`aiotrace profile (${D.mode}): ${D.title}`, `${new Date(D.start_ms).toLocaleString("en-GB")} · watched for ${span(D.elapsed_us)} · ${plural(D.all_threads, "thread")}` +
    (D.mode === "off-cpu" ? "" : ` · ${plural(D.samples, "sample")}`), lead());
  const parts = D.cause_us.map((us, cause) => [D.causes[cause], color(cause), us]);
  parts.push(["idle", "var(--idle)", D.idle_us]);
  shares($("causes"), parts, "Nothing was seen.");
  holders();
  functions();
  waits();
  flameGraph({ empty: "Nothing was seen.", what: whats[D.mode] });
  threads();
}

profile();
about();
