// Where tasks wait: await sites as a table, await chains as a flame graph.
function awaits() {
  const began = new Date(D.start_ms).toLocaleString("en-GB");
  const top = D.sites[0];
  const slow = D.slow_sites;
  head(`aiotrace awaits: ${D.title}`, `${began} · ${plural(D.snapshots, "snapshot")} in ${span(D.watched_us)}, one each ${span(D.interval_us)}`,
    !top ? "No task was seen to wait."
         : `Up to ${plural(D.tasks, "task")} waited ${span(D.waited_us)} in all, most of it in ${top.function || "?"} for ${top.awaits || "?"} ` +
           `(${share(top.us, D.waited_us)}); ${count(slow)} of ${plural(D.all_sites, "site")} ${slow === 1 ? "has" : "have"} an await over ${span(D.slow_us)}.`);
  const about = (row, text) => (row.estimate ? "~" : "") + text;
  const late = (row) => row.longest_us >= D.slow_us;
  $("sites-note").textContent = "± is two standard deviations; ~ marks estimates: awaits shorter than the time between two snapshots are seen by chance.";
  sortable($("sites"), [
    timeColumn("waited", (s) => s.us),
    shareColumn("share", (s) => s.us, D.waited_us),
    timeColumn("±", (s) => s.error_us),
    countColumn("now", (s) => s.now),
    countColumn("awaits", (s) => s.count, (s) => about(s, count(s.count))),
    timeColumn("mean", (s) => s.mean_us ?? 0, (s) => (s.mean_us === null ? "–" : about(s, span(s.mean_us)))),
    { title: "longest", n: true, value: (s) => s.longest_us, cell: (s) => cell(s.longest_us ? span(s.longest_us) : "–", late(s) ? "n slow" : "n") },
    ...siteColumns,
  ], D.sites, siteOptions);
  flameGraph({ empty: "No task was seen to wait.", what: "time that tasks waited, root coroutine first" });
}

awaits();
about();
