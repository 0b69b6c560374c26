"""A small asyncio HTTP service of the kind that "only gets slow sometimes". Standard library only.

    /fast     what it should be like
    /report   writes a report file, synced to the disk, and reads it back: synchronous file I/O
    /sort     ranks a big list of products: CPU-bound
    /legacy   a blocking client with a fixed pause between attempts: time.sleep
    /proxy    asks a slow peer on loopback with urllib: a synchronous request

`demo_service.py --ready PATH` writes `PORT PID` to PATH (a FIFO or a file) when it accepts connections.
"""
import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

REPORT_LINES = 60000
PRODUCTS = 300000


class Catalogue:
    def __init__(self):
        rng = random.Random(7)
        self.products = [(rng.random(), rng.randrange(10000), "product-%d" % i) for i in range(PRODUCTS)]


def rank_products(catalogue):
    ranked = sorted(catalogue.products, key=lambda product: product[0] * product[1], reverse=True)
    return [name for _, _, name in ranked[:10]]


def store_report(path, lines):
    """Writes line by line with sync, so that nothing is lost; no request is served during that time."""
    with open(path, "w") as file:
        for start in range(0, len(lines), 500):
            file.writelines(lines[start:start + 500])
            file.flush()
            os.fsync(file.fileno())


def load_report(path):
    with open(path) as file:
        return file.read()


def render_report(folder):
    path = os.path.join(folder, "report.csv")
    store_report(path, ["%d,order,%d,pending approval by the back office\n" % (i, i * 31) for i in range(REPORT_LINES)])
    return {"bytes": len(load_report(path))}


def retry_with_backoff(attempts, pause):
    for _ in range(attempts):
        time.sleep(pause)
    return {"attempts": attempts}


def fetch_rates_sync(port):
    with urllib.request.urlopen("http://127.0.0.1:%d/rates" % port) as response:
        return json.loads(response.read())


class Service:
    def __init__(self, folder, rates_port):
        self.folder = folder
        self.rates_port = rates_port
        self.catalogue = Catalogue()
        self.served = 0

    async def fast(self):
        await asyncio.sleep(0.001)
        return {"served": self.served}

    async def report(self):
        return render_report(self.folder)

    async def sort(self):
        return rank_products(self.catalogue)

    async def legacy(self):
        return retry_with_backoff(2, 0.06)

    async def proxy(self):
        return fetch_rates_sync(self.rates_port)

    async def dispatch(self, path):
        routes = {"/fast": self.fast, "/report": self.report, "/sort": self.sort, "/legacy": self.legacy,
                  "/proxy": self.proxy}
        if path not in routes:
            return "404 Not Found", {"error": "no such path"}
        return "200 OK", await routes[path]()

    async def handle_client(self, reader, writer):
        asyncio.current_task().set_name("client-%d" % writer.get_extra_info("peername")[1])
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                status, body = await self.dispatch(request.split(b" ", 2)[1].decode())
                self.served += 1
                data = json.dumps(body).encode()
                writer.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                             % (status.encode(), len(data), data))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, IndexError):
            pass
        finally:
            writer.close()


def serve_rates():
    """The slow peer, a process of its own: answers each request after 180 ms."""
    import http.server

    class Rates(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(0.18)
            data = b'{"EUR": 1.0, "USD": 1.08}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Rates)
    print(server.server_address[1], flush=True)
    server.serve_forever()


async def serve(options, rates_port):
    with tempfile.TemporaryDirectory(prefix="demo-service-", dir=options.folder) as folder:
        service = Service(folder, rates_port)
        server = await asyncio.start_server(service.handle_client, "127.0.0.1", options.port)
        stop = asyncio.get_running_loop().create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, lambda: stop.done() or stop.set_result(None))
        port = server.sockets[0].getsockname()[1]
        if options.ready:
            with open(options.ready, "w") as ready:
                ready.write("%d %d\n" % (port, os.getpid()))
        else:
            print("http://127.0.0.1:%d pid %d" % (port, os.getpid()), flush=True)
        await stop
        server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready", help="FIFO or file for the line `PORT PID`")
    parser.add_argument("--folder", help="where reports are written (default: the temporary folder)")
    parser.add_argument("--rates", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rates:
        serve_rates()
        return
    urllib.request.install_opener(urllib.request.build_opener())
    rates = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--rates"], stdout=subprocess.PIPE)
    try:
        asyncio.run(serve(options, int(rates.stdout.readline())))
    finally:
        rates.terminate()
        rates.wait()


if __name__ == "__main__":
    main()
