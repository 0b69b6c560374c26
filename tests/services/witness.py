"""Looks at the threads of a process from outside while aiotrace watches it: when each was found in its poll, and its times by the kernel."""
import os
import threading
import time

# Of x86-64; on another processor no poll is recognized, and nothing is contradicted by one.
POLLS = {232: "epoll_wait", 281: "epoll_pwait", 441: "epoll_pwait2"}
EVERY_S = 0.02


class Witness:
    def __init__(self, pids):
        self.pids, self.ends, self.seen, self.times = pids, threading.Event(), {}, {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def threads(self):
        """The main threads, and a few others."""
        found = []
        for pid in self.pids:
            try:
                found += [(pid, int(tid)) for tid in sorted(os.listdir("/proc/%d/task" % pid), key=int)[:6]]
            except OSError:
                pass
        return found

    def run(self):
        rounds = 0
        while not self.ends.is_set():
            if rounds % 100 == 0:
                threads = self.threads()
            rounds += 1
            for pid, tid in threads:
                self.look(pid, tid)
            self.ends.wait(EVERY_S)

    def look(self, pid, tid):
        try:
            before = time.monotonic_ns()
            with open("/proc/%d/task/%d/syscall" % (pid, tid)) as file:
                words = file.read().split()
            with open("/proc/%d/task/%d/schedstat" % (pid, tid)) as file:
                cpu, delay = (int(word) for word in file.read().split()[:2])
            after = time.monotonic_ns()
        except (OSError, ValueError):
            return
        self.times.setdefault(tid, []).append((before, after, cpu, delay))
        if words and words[0].isdigit() and int(words[0]) in POLLS:
            self.seen.setdefault(tid, []).append((before, after, int(words[1], 16)))

    def end(self):
        self.ends.set()
        self.thread.join(5)

    def in_poll(self, tid, epfd, start_ns, end_ns):
        """How often it was found in that poll strictly between the two times."""
        return sum(1 for before, after, file in self.seen.get(tid, ()) if start_ns < before and after < end_ns and file == epfd)

    def bounds(self, tid, start_ns, end_ns):
        """(CPU time, time in a run queue): the most that can lie between the two times; None where it was not looked at."""
        rows = self.times.get(tid, [])
        first = next((row for row in reversed(rows) if row[1] <= start_ns), None)
        last = next((row for row in rows if row[0] >= end_ns), None)
        return (last[2] - first[2], last[3] - first[3]) if first and last else None
