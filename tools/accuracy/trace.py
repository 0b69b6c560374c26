"""One interpreter: the target under aiotrace."""
import json
import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "bench"))
import common  # noqa: E402
from common import PROGRAMS, Missing, Tracer, end, read_line, spawn  # noqa: E402

common.OTHER_CPU = common.CPUS[0]  # the targets crowd the last one

if os.environ.get("AIOTRACE_BINARY"):
    Tracer.binary = os.path.abspath(os.environ["AIOTRACE_BINARY"])


class Traced:
    def __init__(self, records, tracer, error):
        self.records = [record for record in records if "parts" in record]
        self.skipped = [record for record in records if "skipped" in record]
        self.stalls = tracer.stalls()
        self.losses = {name: count for name, count in tracer.summary()["losses"].items() if count}
        self.error = error


def trace(command, loop, stalls_option, groups, limit_s):
    """`command`: words that start the interpreter. Missing if it cannot be had."""
    go_reader, go_writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="accuracy-") as folder:
        path = os.path.join(folder, "records")
        files = [go_reader, *groups.files]
        with tempfile.TemporaryFile() as error:
            process = spawn([*command, os.path.join(PROGRAMS, "stalls.py"), "--ready", "1", "--go", str(go_reader),
                             "--record", path, "--loop", loop, "--stalls", stalls_option,
                             "--groups", json.dumps(groups.option)],
                            stdout=subprocess.PIPE, stderr=error, pass_fds=files, bufsize=0)
            os.close(go_reader)
            try:
                if not read_line(process.stdout, 30):
                    raise Missing("the target did not start: " + last_line(error))
                tracer = Tracer([process.pid])
                os.write(go_writer, b"g")
                try:
                    status = process.wait(limit_s)
                except subprocess.TimeoutExpired:
                    status = "none within %g s" % limit_s
                    end(process, signal.SIGTERM)
                tracer.stop()
                complaint = "" if status == 0 else "the target ended with status %s: %s" % (status, last_line(error))
                return Traced(read_records(path), tracer, complaint)
            finally:
                end(process)
                process.stdout.close()
                os.close(go_writer)


def read_records(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def last_line(error):
    error.seek(0)
    lines = error.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"
