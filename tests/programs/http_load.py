"""Loads an HTTP server of the tests: --connections clients, each asks for the paths in turn, until a byte comes from
standard input or --count requests each are answered. Prints the number of answers; with --body the last answer's text alone."""
import argparse
import http.client
import sys
import threading


def work(options, stop, totals):
    connection = None
    answered = 0
    while not stop.is_set() and (not options.count or answered < options.count):
        path = options.paths[answered % len(options.paths)]
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            if stop.is_set():
                break
            raise
        if answer.status != 200:
            raise SystemExit("%s: status %d: %r" % (path, answer.status, body[:200]))
        answered += 1
        totals["body"] = body
        if answer.will_close:
            connection = None
    totals["answered"] += answered


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--body", action="store_true")
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    stop = threading.Event()
    totals = {"answered": 0, "body": b""}
    threads = [threading.Thread(target=work, args=(options, stop, totals)) for _ in range(options.connections)]
    for thread in threads:
        thread.start()
    if not options.count:
        sys.stdin.read(1)
        stop.set()
    for thread in threads:
        thread.join()
    print(totals["body"].decode() if options.body else totals["answered"])
    # A thread that failed has printed the reason, and has fewer answers than it should.
    sys.exit(0 if not options.count or totals["answered"] == options.count * options.connections else 1)


if __name__ == "__main__":
    main()
