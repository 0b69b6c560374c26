"""The other side of the faults: a process that answers, writes, hogs a CPU or continues its parent after N ms.

Commands come one a line on standard input: `fifo MS`, `open MS`, `cont PID MS`. TCP, UDP, UNIX and HTTP peers answer on
loopback after the milliseconds that the request names. Ends, and removes its folder, when standard input closes.
`fault_peers.py --hog CPU` is a process of its own: it occupies the CPU for the MS that each line of its input names.
"""
import os
import shutil
import socket
import sys
import threading
import time


def spin_until(deadline_ns):
    while time.monotonic_ns() < deadline_ns:
        pass


def hog(cpu):
    """Uses SCHED_FIFO if permitted: then a normal process on that CPU does not run at all during that time."""
    os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        granted = "fifo"
    except OSError:
        granted = "other"
    sys.stdout.write(granted + "\n")
    sys.stdout.flush()
    while True:
        line = os.read(0, 64)
        if not line:
            return
        spin_until(time.monotonic_ns() + int(float(line.split()[0]) * 1e6))


def pause(text):
    time.sleep(float(text) / 1000.0)


def serve_stream(listener):
    """Each line of a connection is a number of milliseconds; the answer is one byte after that time."""

    def serve(connection):
        with connection:
            while True:
                data = connection.recv(64)
                if not data:
                    return
                pause(data)
                connection.sendall(b"x")

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve_udp(sock):
    while True:
        data, peer = sock.recvfrom(64)
        pause(data)
        sock.sendto(b"x", peer)


def serve_http(listener):
    """GET /MS answers after MS milliseconds and closes."""

    def serve(connection):
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                data = connection.recv(4096)
                if not data:
                    return
                request += data
            pause(request.split()[1].strip(b"/"))
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def is_stopped(pid):
    with open("/proc/%d/stat" % pid) as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def continue_later(pid, milliseconds):
    while not is_stopped(pid):
        time.sleep(0.0005)
    pause(milliseconds)
    os.kill(pid, 18)  # SIGCONT


def listening(family, address):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(address)
    sock.listen(16)
    return sock


def start(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def main(folder):
    tcp = listening(socket.AF_INET, ("127.0.0.1", 0))
    http = listening(socket.AF_INET, ("127.0.0.1", 0))
    unix = listening(socket.AF_UNIX, os.path.join(folder, "peer.sock"))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    os.mkfifo(os.path.join(folder, "data.fifo"))
    os.mkfifo(os.path.join(folder, "open.fifo"))
    # Read and write, so that neither side waits for the other to open it.
    fifo = os.open(os.path.join(folder, "data.fifo"), os.O_RDWR)
    start(serve_stream, tcp)
    start(serve_stream, unix)
    start(serve_http, http)
    start(serve_udp, udp)
    print(tcp.getsockname()[1], http.getsockname()[1], udp.getsockname()[1], flush=True)
    try:
        for line in sys.stdin:
            words = line.split()
            if words[0] == "fifo":
                pause(words[1])
                os.write(fifo, b"x")
            elif words[0] == "open":
                pause(words[1])
                os.close(os.open(os.path.join(folder, "open.fifo"), os.O_WRONLY))
            elif words[0] == "cont":
                continue_later(int(words[1]), words[2])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1] == "--hog":
        hog(int(sys.argv[2]))
    else:
        main(sys.argv[1])
