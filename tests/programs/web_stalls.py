"""What web_app.py's handlers do that stalls the loop, 60 ms and more each: one function for each kind of stall."""
import json
import os
import socket
import tempfile
import threading
import time


def retry_with_backoff():
    time.sleep(0.08)


def build_report():
    until = time.thread_time() + 0.08
    rows = [{"id": i, "name": "row %d" % i, "tags": list(range(10))} for i in range(200)]
    while time.thread_time() < until:
        json.loads(json.dumps(rows))


def ask_upstream():
    ours, theirs = socket.socketpair()
    answer = threading.Timer(0.08, theirs.send, (b"answer\n",))
    answer.start()
    ours.makefile().readline()
    answer.join()
    ours.close()
    theirs.close()


def store_upload():
    until = time.monotonic() + 0.08
    with tempfile.TemporaryFile() as file:
        while time.monotonic() < until:
            file.write(b"x" * 65536)
            file.flush()
            os.fsync(file.fileno())


def fan_out():
    threads = [threading.Thread(target=build_report) for _ in range(2)]
    for thread in threads:
        thread.start()
    build_report()
    for thread in threads:
        thread.join()


STALLS = {"sleep": retry_with_backoff, "compute": build_report, "network": ask_upstream, "file": store_upload,
          "gil": fan_out}
