"""Servers under wrk: the cost of tracing for the target and for aiotrace itself."""
import re
import subprocess

import common
import rounds
import yardsticks
from common import Missing, cpu_ns, table, verdict
from stats import median, median_interval

SERVERS = {
    "stdlib": ("http_server.py", (), True),
    "aiohttp": ("aiohttp_server.py", ("aiohttp",), True),
    "uvicorn+uvloop": ("uvicorn_app.py", ("uvicorn", "uvloop"), False),
}
CONNECTIONS = 16


def load(servers, seconds, connections=CONNECTIONS):
    """Requests per CPU second of each of the servers (pid, port), all under load at once; whole seconds."""
    before = [cpu_ns(pid) for pid, _ in servers]
    clients = [common.spawn([common.find_tool("wrk"), "-t1", "-c%d" % connections, "-d%ds" % seconds,
                             "http://127.0.0.1:%d/" % port], common.OTHER_CPU, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT) for _, port in servers]
    try:
        outputs = [wrk.communicate(timeout=seconds + 20)[0].decode() for wrk in clients]
    finally:
        for wrk in clients:
            common.end(wrk)
    used = [cpu_ns(pid) - start for (pid, _), start in zip(servers, before)]
    return [answered(output) / (ns / 1e9) for output, ns in zip(outputs, used)]


def answered(output):
    """The number of requests, from wrk's output."""
    found = re.search(r"(\d+) requests in", output)
    if not found or not int(found.group(1)):
        raise Missing("wrk got no answer: " + output.strip()[-200:])
    if "Socket errors" in output or "Non-2xx" in output:
        raise Missing("wrk saw errors: " + output.strip()[-200:])
    return int(found.group(1))


def beside(path, python, rounds_count, length):
    """The Ratio of a traced server and an equal one on the same CPU."""
    with common.program(path, python=python, cpu=common.TARGET_CPU) as (first, its_words), \
            common.program(path, python=python, cpu=common.TARGET_CPU) as (second, other_words):
        both = [(first.pid, int(its_words[0])), (second.pid, int(other_words[0]))]
        load(both, length)  # warm-up
        return rounds.side_by_side([first.pid, second.pid], lambda: load(both, length), rounds.Aiotrace(), rounds_count)


def server(name, quick, python):
    """Rows of the two tables for one server."""
    path, modules, has_run_once = SERVERS[name]
    python = python or common.python_with(*modules) if modules else python or common.sys.executable
    count, length = (5, 1) if quick else (20, 1)
    with common.program(path, python=python, cpu=common.TARGET_CPU) as (process, words):
        def measure_in(pid, its_words=words):
            return load([(pid, int(its_words[0]))], length)[0]

        measure_in(process.pid)  # warm-up
        aiotrace = rounds.Aiotrace()
        ways = {"aiotrace": aiotrace}
        every = {}
        if not quick:
            for tool, attach in yardsticks.ATTACHED.items():
                ways[tool] = rounds.Yardstick(attach)
                every[tool] = 5
        ratios, missing = rounds.interleave(process.pid, lambda: measure_in(process.pid), ways, count, every)
        inside = {} if quick else rounds.inside_ratios(path, (), python, common.TARGET_CPU, measure_in, process.pid, 3,
                                                       has_run_once)
    own = [[name, "requests per CPU second, traced / untraced", ratios.get("aiotrace") or missing["aiotrace"], "", ""]]
    if "aiotrace" in ratios:
        pair = beside(path, python, count, length)
        own.append([name, "the same, of two at once on one CPU", pair, ">= 0.99, or 1 is in the interval",
                    verdict(pair.reaches(0.99))])
    if aiotrace.shares:
        low, high = median_interval(aiotrace.shares)
        own.append([name, "BPF run time / target's CPU time", "%.2f %% [%.2f, %.2f]" % (
            100 * median(aiotrace.shares), 100 * low, 100 * high), "<= 1 %", verdict(median(aiotrace.shares) <= 0.01)])
    elif "aiotrace" in ratios:
        own.append([name, "BPF run time / target's CPU time", "not known: no cost.bpf_ns", "<= 1 %", verdict(False)])
    if aiotrace.own_cpu:
        own.append([name, "aiotrace's CPU, of a core", "%.2f %%" % (100 * median(aiotrace.own_cpu)), "<= 0.5 %",
                    verdict(median(aiotrace.own_cpu) <= 0.005)])
        own.append([name, "aiotrace's memory", "%.1f MB" % (max(aiotrace.memory) / 1e6), "<= 30 MB",
                    verdict(max(aiotrace.memory) <= 30e6)])
        own.append([name, "losses", {n: c for n, c in aiotrace.losses.items() if c} or "none", "", ""])
    others = [[name, tool, ratio] for tool, ratio in list(ratios.items()) + list(inside.items()) if tool != "aiotrace"]
    others += [[name, tool, "missing: " + why] for tool, why in missing.items() if tool != "aiotrace"]
    return own, others


def run(quick, python):
    own, others = [], []
    for name in SERVERS:
        try:
            rows = server(name, quick, python)
            own += rows[0]
            others += rows[1]
        except Missing as error:
            own.append([name, "missing: %s" % error, "", "", ""])
    table(own, ["server", "figure", "measured", "must", ""])
    if others:
        print()
        table(others, ["server", "yardstick", "requests per CPU second, with / without it"])
