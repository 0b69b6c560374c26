"""Control groups for the suite: two CPU quotas (one on a parent, as containers in a pod have it) and one to freeze.

A target may have another root, without the hierarchies, so it gets descriptors. Supports version 1 and version 2.
`close` removes everything.
"""
import contextlib
import os
import time

QUOTA_US, PERIOD_US = 10000, 50000


def mounts(controller):
    """(directory, version) of the hierarchy with this controller, or None."""
    second = None
    with open("/proc/mounts") as file:
        for line in file:
            _, directory, kind, options = line.split()[:4]
            if kind == "cgroup" and controller in options.split(","):
                return directory, 1
            if kind == "cgroup2":
                second = second or directory
    if second is None:
        return None
    with open(os.path.join(second, "cgroup.controllers")) as file:
        has = controller == "freezer" or controller in file.read().split()
    return (second, 2) if has else None


def own_path(version, controller):
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if (version == 2 and controllers == "") or (version == 1 and controller in controllers.split(",")):
                return path
    return "/"


class Groups:
    """`option` is for stalls.py, `files` the descriptors that it needs; `why` names what is missing."""

    def __init__(self):
        self.made, self.files, self.option = [], [], {}
        reasons = []
        for make in (self._make_quotas, self._make_freezer):
            try:
                make()
            except OSError as error:
                reasons.append("control groups: %s" % error)
        if reasons:
            self.option["why"] = "; ".join(reasons)

    def _make(self, root, name):
        path = os.path.join(root, name)
        os.mkdir(path)
        self.made.append(path)
        return path

    def _open(self, path, flags):
        self.files.append(os.open(path, flags))
        return self.files[-1]

    def _entry(self, root, path, version, controller):
        home = root + own_path(version, controller)
        return {"path": path[len(root):], "enter": self._open(os.path.join(path, "cgroup.procs"), os.O_WRONLY),
                "leave": self._open(os.path.join(home, "cgroup.procs"), os.O_WRONLY)}

    def _make_quotas(self):
        found = mounts("cpu")
        if not found:
            raise OSError("no cpu controller is mounted")
        root, version = found
        if version == 2:
            write(os.path.join(root, "cgroup.subtree_control"), "+cpu")
        name = "aiotrace-accuracy-%d" % os.getpid()
        for key, inner in (("quota", ""), ("parent", "app")):
            path = self._make(root, name + "-" + key)
            if version == 1:
                write(os.path.join(path, "cpu.cfs_period_us"), str(PERIOD_US))
                write(os.path.join(path, "cpu.cfs_quota_us"), str(QUOTA_US))
            else:
                write(os.path.join(path, "cpu.max"), "%d %d" % (QUOTA_US, PERIOD_US))
            leaf = self._make(path, inner) if inner else path
            self.option[key] = self._entry(root, leaf, version, "cpu")
            self.option[key].update(path=path[len(root):], stat=self._open(os.path.join(path, "cpu.stat"), os.O_RDONLY))

    def _make_freezer(self):
        found = mounts("freezer")
        if not found:
            raise OSError("no freezer is mounted")
        root, version = found
        path = self._make(root, "aiotrace-accuracy-%d-freezer" % os.getpid())
        state, words = ("freezer.state", ["FROZEN", "THAWED"]) if version == 1 else ("cgroup.freeze", ["1", "0"])
        self.option["freezer"] = self._entry(root, path, version, "freezer")
        self.option["freezer"].update(state=self._open(os.path.join(path, state), os.O_WRONLY), words=words)

    def close(self):
        for file in self.files:
            os.close(file)
        for path in reversed(self.made):
            for _ in range(50):  # processes that were in it may be ending just now
                with contextlib.suppress(OSError):
                    os.rmdir(path)
                    break
                time.sleep(0.02)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
