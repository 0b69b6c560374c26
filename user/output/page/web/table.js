// A table that a click on a heading sorts and a filter cuts. Columns: { title, n (numbers, largest first), value(row) (what
// sorts it), cell(row) }; words(row) is what the filter looks in, detail(row) what stands below a row once it is opened.
function sortable(box, columns, rows, options) {
  const most = options.most || 40;
  if (!rows.length) {
    box.append(nothing(options.empty));
    return;
  }
  let sorted = -1; // original order
  let falling = true;
  let all = false;
  const filter = el("input", { type: "search", class: "filter", autocomplete: "off", spellcheck: "false", placeholder: options.filter, "aria-label": `Filter: ${options.filter}` });
  const said = el("span", { class: "soft small", role: "status" });
  const more = el("button", { type: "button" });
  const body = el("tbody");
  const headings = columns.map((column, at) => {
    const button = el("button", { type: "button", class: "sort", text: column.title, onclick: () => {
      falling = sorted === at ? !falling : Boolean(column.n);
      sorted = at;
      draw();
    } });
    return el("th", { scope: "col", class: column.n ? "n" : "" }, button);
  });

  // Rows with the same value that read differently (functions of one name) also have a fixed order.
  function inOrder(some) {
    const column = columns[sorted];
    const words = (x, y) => String(x).localeCompare(String(y), "en", { numeric: true });
    const keys = some.map((row) => ({ row, value: column.value(row), text: column.cell(row).textContent }));
    keys.sort((a, b) => {
      const by = (column.n ? a.value - b.value : words(a.value, b.value)) || words(a.text, b.text);
      return falling ? -by : by;
    });
    return keys.map((key) => key.row);
  }

  function rowOf(row) {
    const cells = columns.map((column) => column.cell(row));
    // If the table is too narrow for its headings.
    cells.forEach((node, at) => node.setAttribute("data-title", columns[at].title));
    const below = options.detail && options.detail(row);
    if (!below) return [el("tr", {}, ...cells)];
    const inside = el("td", { colspan: columns.length });
    const under = el("tr", { class: "under" }, inside);
    under.hidden = true;
    const open = el("button", { type: "button", class: "open", "aria-expanded": "false", text: options.open, onclick: () => {
      under.hidden = !under.hidden;
      open.setAttribute("aria-expanded", String(!under.hidden));
      if (!inside.childNodes.length) inside.append(...below());
    } });
    cells[cells.length - 1].append(el("div", {}, open));
    return [el("tr", {}, ...cells), under];
  }

  function draw() {
    headings.forEach((heading, at) => {
      if (at === sorted) heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    const wanted = filter.value.trim().toLowerCase();
    const fit = rows.filter((row) => !wanted || options.words(row).toLowerCase().includes(wanted));
    const ordered = sorted >= 0 ? inOrder(fit) : fit;
    const shown = all ? ordered : ordered.slice(0, most);
    body.replaceChildren(...shown.flatMap(rowOf));
    said.textContent = wanted ? `${count(fit.length)} of ${count(rows.length)}` : "";
    more.hidden = shown.length === fit.length;
    more.textContent = `Show all ${count(fit.length)}`;
  }

  filter.addEventListener("input", draw);
  more.onclick = () => { all = true; draw(); };
  const tools = el("div", { class: "tools" }, filter, said);
  tools.hidden = rows.length < 8;
  box.append(tools, el("div", { class: "wide" }, el("table", { class: "sortable" }, el("thead", {}, el("tr", {}, ...headings)), body)), more);
  draw();
}

// Columns of a sortable table that several pages use.
const timeColumn = (title, us, text) => ({ title, n: true, value: us, cell: (row) => cell(text ? text(row) : span(us(row)), "n") });
const countColumn = (title, n, text) => ({ title, n: true, value: n, cell: (row) => cell(text ? text(row) : count(n(row)), "n") });
const shareColumn = (title, us, whole) => ({ title, n: true, value: us, cell: (row) => cell(share(us(row), whole), "n") });

// Columns that identify await sites.
const siteColumns = [
  { title: "awaits what", value: (s) => s.awaits, cell: (s) => cell(s.awaits, "mono") },
  { title: "where", value: (s) => s.function, cell: (s) => {
    const where = whereCell(s.function, s.file, s.line, "?");
    if (s.coroutine && s.coroutine !== s.function) where.append(el("div", { class: "soft small", text: `in tasks of ${s.coroutine}` }));
    return where;
  } },
];
const siteOptions = { filter: "function, file, coroutine or what is awaited", empty: "None.", words: (s) => `${s.function} ${s.file} ${s.coroutine} ${s.awaits}` };
