"""Load for demo_service.py: mostly /fast, sometimes a request that delays all others. Standard library only.

Bounded in time and in requests; prints one line of latencies at the end, as a client sees them.
"""
import argparse
import asyncio
import time

FAULTS = ("/report", "/sort", "/legacy", "/proxy")


async def request(reader, writer, path):
    writer.write(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)


async def fast_client(port, deadline, limit, latencies):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < deadline and len(latencies) < limit:
        start = time.monotonic()
        await request(reader, writer, "/fast")
        latencies.append(time.monotonic() - start)
        await asyncio.sleep(0.005)
    writer.close()


async def slow_client(port, deadline, every, counts):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < deadline:
        path = FAULTS[sum(counts.values()) % len(FAULTS)]
        await request(reader, writer, path)
        counts[path] += 1
        await asyncio.sleep(every)
    writer.close()


async def run(options):
    deadline = time.monotonic() + options.seconds
    latencies, counts = [], dict.fromkeys(FAULTS, 0)
    await asyncio.gather(slow_client(options.port, deadline, options.every, counts),
                         *[fast_client(options.port, deadline, options.limit, latencies)
                           for _ in range(options.clients)])
    latencies.sort()
    if latencies:
        print("clients saw: %d fast requests, p50 %.1f ms, p99 %.1f ms, max %.1f ms; slow ones sent: %s" % (
            len(latencies), 1e3 * latencies[len(latencies) // 2], 1e3 * latencies[len(latencies) * 99 // 100],
            1e3 * latencies[-1], ", ".join("%s %d" % item for item in counts.items())), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit", type=int, default=100000, help="fast requests at most")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--every", type=float, default=0.25, help="seconds between two slow requests")
    try:
        asyncio.run(run(parser.parse_args()))
    except (ConnectionError, asyncio.IncompleteReadError):
        print("the service went away", flush=True)


if __name__ == "__main__":
    main()
