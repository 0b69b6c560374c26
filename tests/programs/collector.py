"""A collector of OpenTelemetry and of Pyroscope for tests: reads what is sent, by the protocols' field numbers, and writes it down.

--record FILE: for each log record {"path", "status", "resource", "event", "severity", "time_ns", "body", "attributes"}, for each point
of a metric {"path", "status", "resource", "metric", "type", "unit", "cumulative", "monotonic", "attributes", "value", "start_ns",
"time_ns"} (of a histogram "counts", "bounds", "sum"), for a profile {"path", "status", "query", "strings" (of its
table)}; then, for each request,
{"request": path, "status", "encoding", "bytes", "type"}. `status` is what it was answered with.

--answers CODE,…: of the requests to --only (or to all), in this order; the last one holds for all others. A code has a word
behind it where there is more to say: 503+retry=N, 200+rejects=N (partial_success), hang (no answer at all), close (it is read, and the
connection is closed).
"""
import argparse
import gzip
import http.server
import json
import struct
import sys
import threading
import urllib.parse

from records import Writer, add_handshake_options, say_ready


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def fields(data):
    """(number, value) of each field: an int for a varint, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                assert key & 7 == 2, "wire type %d" % (key & 7)
                size, at = varint(data, at)
            assert at + size <= len(data), "a field reaches beyond its message"
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def every(data, number):
    return [value for key, value in fields(data) if key == number]


def one(data, number, otherwise=b""):
    return (every(data, number) or [otherwise])[-1]


def fixed(value):
    return struct.unpack("<Q", value)[0] if value else 0


def real(value):
    return struct.unpack("<d", value)[0]


def any_value(data):
    for key, value in fields(data):
        return {1: lambda: value.decode("utf-8"), 2: lambda: bool(value), 3: lambda: value - (value >> 63 << 64),
                4: lambda: real(value)}[key]()
    return None


def attributes(pairs):
    named = {one(pair, 1).decode("utf-8"): any_value(one(pair, 2)) for pair in pairs}
    assert len(named) == len(pairs), "an attribute twice"
    return named


def groups(body):
    """(resource, items) of each scope of a request for logs or metrics."""
    for group in every(body, 1):
        resource = attributes(every(one(group, 1), 1))
        for scope in every(group, 2):
            assert one(one(scope, 1), 1) == b"aiotrace"
            yield resource, every(scope, 2)


def logs(body):
    for resource, items in groups(body):
        for item in items:
            yield {"resource": resource, "event": one(item, 12).decode("utf-8"), "severity": one(item, 2, 0), "time_ns": fixed(one(item, 1)),
                   "body": any_value(one(item, 5)), "attributes": attributes(every(item, 6))}


def number_point(point):
    value = every(point, 4)
    return {"value": real(value[0]) if value else struct.unpack("<q", one(point, 6))[0], "attributes": attributes(every(point, 7))}


def histogram_point(point):
    counts, bounds = one(point, 6), one(point, 7)
    return {"value": fixed(one(point, 4)), "sum": real(one(point, 5)), "counts": struct.unpack("<%dQ" % (len(counts) // 8), counts),
            "bounds": struct.unpack("<%dd" % (len(bounds) // 8), bounds), "attributes": attributes(every(point, 9)),
            "exemplars": [attributes(every(each, 7)) for each in every(point, 8)]}


def metrics(body):
    for resource, items in groups(body):
        for item in items:
            for number, kind in (5, "gauge"), (7, "sum"), (9, "histogram"):
                for data in every(item, number):
                    for point in every(data, 1):
                        read = histogram_point(point) if kind == "histogram" else number_point(point)
                        yield {"resource": resource, "metric": one(item, 1).decode("utf-8"), "unit": one(item, 3).decode("utf-8"),
                               "type": kind, "cumulative": one(data, 2, 0) == 2, "monotonic": bool(one(data, 3, 0)),
                               "start_ns": fixed(one(point, 2)), "time_ns": fixed(one(point, 3)), **read}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "")
        url = urllib.parse.urlsplit(self.path)
        plain = gzip.decompress(body) if encoding == "gzip" else body
        answer = self.server.next_answer(url.path)
        status = int(answer[0]) if answer[0].isdigit() else 0
        readers = {"/v1/logs": logs, "/v1/metrics": metrics}
        if url.path in readers:
            for each in readers[url.path](plain):
                self.server.write({"path": url.path, "status": status, **each})
        else:
            strings = [each.decode("utf-8") for each in every(gzip.decompress(body), 6)]
            self.server.write({"path": url.path, "status": status, "query": dict(urllib.parse.parse_qsl(url.query)), "strings": strings})
        self.server.write({"request": url.path, "status": status, "encoding": encoding, "bytes": len(plain),
                           "type": self.headers.get("Content-Type")})
        if answer[0] == "hang":
            self.server.ending.wait()
        if not status:
            self.close_connection = True
            return
        self.answer(status, dict(part.split("=") for part in answer[1:]))

    def answer(self, status, more):
        self.send_response(status)
        message = b""
        if "retry" in more:
            self.send_header("Retry-After", more["retry"])
        if "rejects" in more:
            partial = bytes([1 << 3, int(more["rejects"]), 2 << 3 | 2, 4]) + b"why\n"
            message = bytes([1 << 3 | 2, len(partial)]) + partial
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(message)))
        self.end_headers()
        self.wfile.write(message)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, options):
        self.answers = [each.split("+") for each in options.answers.split(",")]
        self.only = options.only
        self.lock, self.ending = threading.Lock(), threading.Event()
        self.writer = Writer(options.record)
        super().__init__(("127.0.0.1", options.port), Handler)

    def next_answer(self, path):
        with self.lock:
            if self.only and path != self.only:
                return ["200"]
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def write(self, record):
        with self.lock:
            self.writer.write(record)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            self.write({"error": repr(sys.exc_info()[1])})


def main():
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--port", type=int, required=True, help="of 127.0.0.1")
    parser.add_argument("--answers", default="200")
    parser.add_argument("--only", help="a path: others are answered with 200")
    server = Server(parser.parse_args())
    say_ready(parser.parse_args().ready)
    server.serve_forever()


if __name__ == "__main__":
    main()
