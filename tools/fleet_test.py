#!/usr/bin/env python3
"""What lies below tools/fleet/ fits aiotrace serve: names of metrics, rules, configuration, unit."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FLEET = os.path.join(ROOT, "tools/fleet")
BINARY = os.path.join(ROOT, os.environ.get("AIOTRACE_BINARY") or "build/aiotrace")

LABELS = {"asyncio_eventloop_state", "asyncio_eventloop_kind", "asyncio_eventloop_stall_cause",
          "asyncio_eventloop_stall_level", "asyncio_leak_class", "aiotrace_memory_type"}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command, cwd=FLEET):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def metrics():
    """(name of OpenTelemetry, type, unit) of all that user/fleet/metrics.cpp lists."""
    return re.findall(r'family\(\s*"([\w.]+)",\s*MetricType::(\w+),\s*"([^"]*)"', read(ROOT, "user/fleet/metrics.cpp"))


def served():
    """The names of all series on /metrics."""
    names = set()
    for name, kind, unit in metrics():
        base = name.replace(".", "_") + {"s": "_seconds", "By": "_bytes"}.get(unit, "")
        suffixes = {"counter": ["_total"], "info": ["_info"], "histogram": ["_bucket", "_sum", "_count"]}
        names.update(base + suffix for suffix in suffixes.get(kind, [""]))
    return names


def named(text):
    """Metrics of aiotrace in an expression; names that a rule records have a colon."""
    return set(re.findall(r"(?<![\w:])(?:asyncio|aiotrace)_\w+(?=[\s{\[),])", text))


class NamesTest(unittest.TestCase):
    def test_every_metric_is_found(self):
        self.assertEqual(len(metrics()), read(ROOT, "user/fleet/metrics.cpp").count("out.family("))
        self.assertIn("asyncio_eventloop_stall_time_seconds_total", served())

    def test_rules_use_metrics_that_are_served(self):
        expressions = re.findall(r"expr: (?:>\n)?((?:.+\n)(?: {10,}.+\n)*)", read(FLEET, "prometheus/rules.yml"))
        used = named(" ".join(expressions) + " ")
        self.assertGreater(len(used), 5)
        self.assertLessEqual(used - LABELS, served())

    def test_the_manual_explains_each_metric(self):
        page = read(ROOT, "user/doc/aiotrace-serve.8.md").replace("*", "")
        for name in served():
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            self.assertIn(base, page)

    def test_the_manual_explains_each_attribute_of_an_event(self):
        page = read(ROOT, "user/doc/aiotrace-serve.8.md").replace("*", "")
        keys = re.findall(r'"((?:asyncio|code|thread|profile|process|host|service|container|k8s|systemd)\.[\w.]+)"',
                          read(ROOT, "user/app/daemon/events.cpp") + read(ROOT, "user/fleet/otlp.cpp"))
        self.assertGreater(len(keys), 30)
        self.assertEqual([key for key in keys if key not in page], [])

    def test_the_dashboard_uses_metrics_that_are_served(self):
        dashboard = json.loads(read(FLEET, "grafana/aiotrace.json"))
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        expressions += [each["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
        used = named(" ".join(expressions) + " ")
        self.assertGreater(len(used), 5)
        self.assertLessEqual(used - LABELS, served())


@unittest.skipUnless(shutil.which("promtool"), "no promtool: tools/setup.sh fleet installs it")
class PrometheusTest(unittest.TestCase):
    def check(self, *arguments):
        done = run("promtool", *arguments, cwd=os.path.join(FLEET, "prometheus"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rules_are_valid(self):
        self.check("check", "rules", "rules.yml")

    def test_rules_fire_and_end(self):
        self.check("test", "rules", "rules_test.yml")

    def test_scrape_configuration_is_valid(self):
        self.check("check", "config", "--syntax-only", "scrape.yml")


@unittest.skipUnless(os.access(BINARY, os.X_OK), "no %s: make" % BINARY)
class ConfigurationTest(unittest.TestCase):
    def test_the_example_is_good(self):
        done = run(BINARY, "serve", "--check-config", "aiotrace.toml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "aiotrace.toml is good\n")

    def test_what_the_manual_shows_is_good(self):
        page = read(ROOT, "user/doc/aiotrace-serve.8.md")
        example = re.search(r"```\n(listen = .*?)```", page, re.S)[1]
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "aiotrace-%d.toml" % os.getpid())
        self.addCleanup(os.remove, path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(example)
        os.chmod(path, 0o644)
        done = run(BINARY, "serve", "--check-config", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_mistakes_have_their_lines(self):
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "aiotrace-wrong-%d.toml" % os.getpid())
        self.addCleanup(os.remove, path)
        with open(path, "w", encoding="utf-8") as file:
            file.write("listn = 1\n\n[stalls]\nwarn = 5\n")
        os.chmod(path, 0o644)
        done = run(BINARY, "serve", "--check-config", path)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("%s:1: there is no setting listn" % path, lines[0])
        self.assertIn("%s:4: warn needs a time" % path, lines[1])


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze on this machine")
class UnitTest(unittest.TestCase):
    def test_systemd_knows_every_key(self):
        done = run("systemd-analyze", "verify", "./aiotrace.service")
        # The program and its manual are not installed where the tests run.
        said = [line for line in done.stderr.splitlines()
                if "/usr/bin/aiotrace is not executable" not in line and "man aiotrace-serve(8)" not in line
                and line.startswith(("aiotrace.service", os.path.join(FLEET, "aiotrace.service"), "./aiotrace.service"))]
        self.assertEqual(said, [])


if __name__ == "__main__":
    sys.exit(unittest.main())
