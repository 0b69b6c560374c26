"""How long the calling thread has waited for disks, by the kernel's own count, to the nanosecond.

A thread's time minus its CPU time does not measure that on a virtual machine: the kernel does not count time that the
hypervisor took, and each access to a virtual disk goes through the hypervisor. Source:
Documentation/accounting/delay-accounting.rst, include/uapi/linux/taskstats.h.
"""
import socket
import struct
import threading

NETLINK_GENERIC = 16
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_STATS = 1, 1, 4, 3
NLM_F_REQUEST, NLMSG_ERROR = 1, 2
BLKIO_DELAY_TOTAL = 40  # offset in struct taskstats


def attribute(kind, payload):
    return (struct.pack("HH", 4 + len(payload), kind) + payload).ljust(4 + len(payload) + 3 & ~3, b"\0")


def attributes(data):
    """{type: payload}."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        found[kind] = data[4:length]
        data = data[max(4, length + 3 & ~3):]
    return found


class DiskWaits:
    """`read` returns ns; None and `why` if the kernel does not count."""

    def __init__(self):
        self.why = self.socket = None
        try:
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
            self.socket.bind((0, 0))
            self.socket.settimeout(5)
            answer = self._ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attribute(CTRL_ATTR_FAMILY_NAME, b"TASKSTATS\0"))
            self.family, = struct.unpack_from("H", answer[CTRL_ATTR_FAMILY_ID])
            self.read()
            with open("/proc/sys/kernel/task_delayacct") as file:
                if file.read().strip() != "1":
                    self.why = "kernel.task_delayacct is 0: the kernel does not count waits for disks"
        except FileNotFoundError:
            pass  # before 5.14 it always counts
        except (OSError, KeyError) as error:
            self.why = "taskstats: %s" % error

    def _ask(self, family, command, payload):
        body = struct.pack("BBxx", command, 1) + payload
        self.socket.send(struct.pack("IHHII", 16 + len(body), family, NLM_F_REQUEST, 0, 0) + body)
        data = self.socket.recv(65536)
        if struct.unpack_from("H", data, 4)[0] == NLMSG_ERROR:
            error = -struct.unpack_from("i", data, 16)[0]
            raise OSError(error, "netlink error %d" % error)
        return attributes(data[20:])

    def read(self):
        if self.why:
            return None
        answer = self._ask(self.family, TASKSTATS_CMD_GET,
                           attribute(TASKSTATS_CMD_ATTR_PID, struct.pack("I", threading.get_native_id())))
        stats = attributes(answer[TASKSTATS_TYPE_AGGR_PID])[TASKSTATS_TYPE_STATS]
        return struct.unpack_from("Q", stats, BLKIO_DELAY_TOTAL)[0]
