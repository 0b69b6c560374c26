#!/usr/bin/env python3
"""Opens a page of --html in a real browser and uses it: clicks, keys, search, zoom, sorting, dark and narrow.

usage: check_page.py PAGE [SCREENSHOTS]

Prints what is wrong, exit status 1; 77 where there is no browser. SCREENSHOTS is a folder for pictures of it.
"""
import base64
import os
import sys

from browser import Browser, find

NO_BROWSER = 77
READY = "document.documentElement?.dataset?.ready === 'yes'"
wrong = []


def check(true, what):
    if not true:
        wrong.append(what)


def text(browser, selector):
    return browser.js(f"document.querySelector({selector!r}).textContent")


def focus(browser, selector):
    browser.js(f"document.querySelector({selector!r}).focus()")


def check_names(browser):
    data = browser.js("document.getElementById('data').textContent")
    check("<" not in data, "the data holds a bare <")
    # The data and the page's own script.
    check(browser.js("document.scripts.length") == 2, "a name became a script")
    check(browser.js("document.querySelectorAll('img, iframe, object, b, i, a').length") == 0, "a name became markup")
    check(browser.js("window.hacked === undefined"), "a name ran as a script")


def check_time_line(browser):
    marks = browser.js("JSON.parse(document.getElementById('data').textContent).marks.length")
    check(browser.js("document.querySelectorAll('.strip').length") >= 1, "no time line")
    focus(browser, ".strip")
    browser.key("Home")
    first = text(browser, "#stall h3")
    browser.key("End")
    last = text(browser, "#stall h3")
    check(marks < 2 or first != last, f"Home and End show the same stall: {first}")
    browser.key("ArrowLeft")
    check(marks < 2 or text(browser, "#stall h3") != last, "the left arrow goes nowhere")
    before = text(browser, "#range")
    browser.key("+", "+")
    check(text(browser, "#range") != before, "+ does not zoom")
    browser.key("0", "0")
    check(text(browser, "#range") == before, "0 does not show the whole run")
    # Clicks the first bar of the strip, which is found by its colour.
    browser.js("document.querySelector('.strip').scrollIntoView({block: 'center'})")
    at = browser.js("""(() => {
      const strip = document.querySelector('.strip'), box = strip.getBoundingClientRect();
      const data = JSON.parse(document.getElementById('data').textContent);
      const mark = data.marks.find((m) => m[3] === 0);
      return [box.left + 1 + (mark[0] + mark[1] / 2) / data.elapsed_us * strip.clientWidth, box.bottom - 4];
    })()""")
    browser.click(*at)
    check(text(browser, "#stall h3") == first, f"a click shows {text(browser, '#stall h3')!r}, not {first!r}")
    check(browser.js("document.querySelectorAll('#stall .seg').length") >= 1, "the stall has no segments")
    check(browser.js("document.querySelectorAll('#stall .stack li').length") >= 1, "the stall has no stack")


def check_flame(browser):
    number = "document.querySelectorAll('#flame .f').length"
    whole = browser.js(number)
    check(whole > 2, "no flame graph")
    check(browser.js("document.querySelectorAll('#flame-text tbody tr').length") >= 1, "the flame graph is not there as text")
    browser.js("document.getElementById('search').focus()")
    # The label of the heaviest leaf.
    browser.js("""(() => {
      const data = JSON.parse(document.getElementById('data').textContent), nodes = data.flame.nodes;
      const parents = new Set(nodes.map((node) => node[0]));
      const leaf = nodes.filter((_, index) => index > 0 && !parents.has(index)).sort((a, b) => b[2] - a[2])[0];
      window.wanted = data.strings[data.frames[leaf[1]][1]];
    })()""")
    browser.js("const box = document.getElementById('search'); box.value = wanted.trim().split('\\n')[0]; box.dispatchEvent(new Event('input'))")
    wanted = browser.js("box.value")
    check(browser.js("document.querySelectorAll('#flame .hit').length") >= 1, f"search does not find {wanted!r}")
    check("%" in text(browser, "#found"), "search does not say how much it found")
    browser.js("box.value = 'no such name'; box.dispatchEvent(new Event('input'))")
    check(text(browser, "#found") == "nothing found", "search finds what is not there")
    browser.js("document.getElementById('flame-all').click()")
    check(browser.js("document.querySelectorAll('#flame .dim').length") == 0, "reset leaves the search")
    # A pointer that rests above the graph would show a label.
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    focus(browser, "#flame .f")
    browser.key("ArrowDown")
    browser.key("Enter", "\r")
    said = text(browser, "#said")
    check("%" in said and not said.startswith("all:"), f"keys do not move in the flame graph: {said}")
    check(browser.js("document.activeElement.classList.contains('f')"), "zoom loses the focus")
    browser.key("Escape")
    check(browser.js(number) == whole, "Escape does not go back")
    browser.js("document.body.focus(); document.activeElement.blur()")
    browser.key("/", "/")
    check(browser.js("document.activeElement.id") == "search", "/ does not search")


def check_tables(browser):
    browser.js("""window.tables = [...document.querySelectorAll('table.sortable')].filter((table) => table.offsetParent);
      window.column = (table, at) => [...table.querySelectorAll('tbody tr:not(.under)')].map((row) => row.cells[at].textContent)""")
    check(browser.js("tables.length") >= 1, "no table to sort")
    # Sorts by the last column, in both directions: its heading is a button, reached by Tab and pressed by Enter.
    browser.js("const at = tables[0].rows[0].cells.length - 1; tables[0].rows[0].cells[at].querySelector('button').focus()")
    orders = {}
    for _ in range(2):
        browser.key("Enter", "\r")
        orders[browser.js("tables[0].rows[0].cells[at].getAttribute('aria-sort')")] = browser.js("column(tables[0], at)")
    check(set(orders) == {"ascending", "descending"}, f"a heading sorts {set(orders)}")
    check(len(set(browser.js("column(tables[0], at)"))) < 2 or len({tuple(order) for order in orders.values()}) == 2,
          "both ways to sort have the same order")
    check(browser.js("tables.every((table) => table.rows.length >= 2)"), "an empty table")
    opened = browser.js("""(() => {
      const button = document.querySelector('button.open');
      if (!button) return null;
      button.click();
      const row = button.closest('tr').nextElementSibling;
      return [button.getAttribute('aria-expanded'), !row.hidden, row.textContent.length];
    })()""")
    check(opened is None or (opened[:2] == ["true", True] and opened[2] > 0), f"a row does not open: {opened}")
    filters = browser.js("""(() => {
      const box = [...document.querySelectorAll('.tools input:not(#search)')].find((each) => each.offsetParent);
      if (!box) return null;
      const rows = () => box.closest('section').querySelectorAll('tbody tr').length;
      const before = rows();
      box.value = 'no such name';
      box.dispatchEvent(new Event('input'));
      const none = rows();
      box.value = '';
      box.dispatchEvent(new Event('input'));
      return [before, none, rows()];
    })()""")
    check(filters is None or (filters[1] == 0 and filters[2] > 0), f"the filter of a table does not filter: {filters}")


def check_access(browser):
    check(browser.js("document.documentElement.lang") == "en", "no language")
    check(browser.js("[...document.querySelectorAll('canvas, svg')].every((e) => e.getAttribute('aria-label'))"),
          "a picture without words")
    check(browser.js("[...document.querySelectorAll('button')].every((e) => e.textContent || e.getAttribute('aria-label'))"),
          "a button without words")
    check(browser.js("document.querySelectorAll('table').length >= 1 || document.querySelectorAll('canvas, svg, .f').length === 0"),
          "no tables beside the pictures")
    check(browser.js("[...document.querySelectorAll('section')].every((e) => e.getAttribute('aria-labelledby'))"), "a section without a name")


def look(browser, folder):
    for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("narrow", 390, False)):
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        browser.call("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        size = browser.js("[document.documentElement.scrollWidth, innerWidth, getComputedStyle(document.body).backgroundColor]")
        check(size[0] <= width, f"{name}: the page is {size[0]} wide")
        light = sum(int(part) for part in size[2][4:-1].split(",")) > 380
        check(light != dark, f"{name}: the background is {size[2]}")
        if folder:
            picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
            with open(os.path.join(folder, name + ".png"), "wb") as file:
                file.write(base64.b64decode(picture))


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    program = find()
    if not program:
        return NO_BROWSER
    with Browser(program) as browser:
        browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
        browser.open(sys.argv[1], READY)
        check_names(browser)
        check_access(browser)
        there = lambda selector: browser.js(f"document.querySelector({selector!r}) !== null")
        if there("#lanes"):
            check_time_line(browser)
        # An empty page has no rows and no stacks, and says so.
        if browser.js("[...document.querySelectorAll('table.sortable')].some((table) => table.offsetParent)"):
            check_tables(browser)
        if browser.js("JSON.parse(document.getElementById('data').textContent).flame?.nodes[0][2] > 0"):
            check_flame(browser)
        elif there("#flame"):
            check(text(browser, "#flame") != "", "an empty flame graph")
        look(browser, sys.argv[2] if len(sys.argv) > 2 else None)
        wrong.extend(browser.complaints())
    print("\n".join(wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
