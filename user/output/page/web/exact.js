// Every await with its time: await sites, and how late tasks run.
const atLeast = (us, open) => (open ? "≥ " : "") + span(us);
const knownTime = (title, us) => timeColumn(title, (row) => us(row) ?? 0, (row) => (us(row) === null ? "–" : span(us(row))));
const durationColumns = (slow) => [
  knownTime("mean", (row) => row.mean_us),
  knownTime("p50", (row) => row.p50_us),
  knownTime("p99", (row) => row.p99_us),
  { title: "longest", n: true, value: (row) => row.max_us, cell: (row) => cell(atLeast(row.max_us, row.max_open), row.max_us >= slow ? "n slow" : "n") },
];

function exact() {
  const [top] = D.sites;
  head(`aiotrace awaits --exact: ${D.title}`, `${new Date(D.start_ms).toLocaleString("en-GB")} · watched for ${span(D.elapsed_us)} · ${plural(D.awaits, "await")}`,
    !top ? "No await was seen."
      : `Tasks waited ${span(D.waited_us)} in all, most of it in ${top.function || "?"} for ${top.awaits || "?"} (${share(top.us, D.waited_us)}); ` +
        `${count(D.slow_sites)} of ${plural(D.all_sites, "site")} ${D.slow_sites === 1 ? "has" : "have"} an await over ${span(D.slow_us)}.`);
  sortable($("sites"), [
    timeColumn("waited", (s) => s.us, (s) => atLeast(s.us, s.open)),
    shareColumn("share", (s) => s.us, D.waited_us),
    countColumn("now", (s) => s.now),
    countColumn("awaits", (s) => s.count),
    ...durationColumns(D.slow_us),
    ...siteColumns,
  ], D.sites, siteOptions);
  const name = (d) => (d.tasks ? `tasks ${d.tasks}` : `tasks of ${d.coroutine || "?"}`);
  sortable($("delays"), [
    countColumn("steps", (d) => d.count),
    ...durationColumns(Infinity),
    { title: "which tasks", value: name, cell: (d) => cell(name(d), "text mono") },
  ], D.delays, { filter: "task or coroutine", empty: "None.", words: name });
}

exact();
about();
