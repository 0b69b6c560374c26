"""Minimal roots of Debian and Ubuntu releases, and what is run in copies of them.

A minimal root is what mmdebstrap's variant `minbase` has, with git, sudo and a user who may use it without a password, and
ccache, which only the tests' own environment names. It is made once and kept below AIOTRACE_ROOTS (.cache/roots), with the
packages and the compilers' output that its copies have fetched and made. Everything in a copy goes with it.
"""
import atexit
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
STORE = os.path.abspath(os.path.join(PROJECT, os.environ.get("AIOTRACE_ROOTS") or ".cache/roots"))
USER = "builder"
# Codename: what people call it, whose archive has it, and the parts of that archive.
RELEASES = {"bookworm": ("Debian 12", "Debian", "main"), "trixie": ("Debian 13", "Debian", "main"),
            "noble": ("Ubuntu 24.04", "Ubuntu", "main,universe"), "sid": ("Debian sid", "Debian", "main")}
PACKAGES = "git,ca-certificates,sudo,ccache"
# The machine's own way to its archive. Its clock may be wrong, so its time settings are used too.
APT_SETTINGS = ("Acquire::http", "Acquire::https", "Acquire::Check-")

INSIDE = """
root=$1 user=$2 cache=$3; shift 3
for dir in proc sys dev; do mount --rbind "/$dir" "$root/$dir"; done
mkdir -p "$root/var/cache/ccache"
mount --bind "$cache/archives" "$root/var/cache/apt/archives"
mount --bind "$cache/ccache" "$root/var/cache/ccache"
exec chroot "$root" runuser -u "$user" -- "$@"
"""


removals = []
atexit.register(lambda: [removal.wait() for removal in removals])


class Unavailable(Exception):
    """The reason why no root can be made here."""


class Done:
    """A command that has ended: `status` (None: it took too long), `output` of both streams, `seconds`, `cpu_seconds`."""

    def __init__(self, status, output, seconds, cpu_seconds):
        self.status, self.output, self.seconds, self.cpu_seconds = status, output, seconds, cpu_seconds

    def last_lines(self, count=3):
        return " | ".join(line.strip() for line in self.output.strip().split("\n")[-count:])[-400:]


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command, timeout_s, log=None, env=None, cwd=None):
    """Its process group is ended when it takes longer. `log` (a path) gets the output while it runs."""
    begin, cpu_begin = time.monotonic(), cpu_seconds()
    with open(log, "w+b") if log else tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd,
                                 start_new_session=True)
        try:
            status = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait()
        out.seek(0)
        text = out.read().decode("utf-8", "replace")
    return Done(status, text, time.monotonic() - begin, cpu_seconds() - cpu_begin)


def archive_of(origin):
    """(address, keyring) of the archive in this machine's package sources, or of the one that the environment names."""
    script = '. tools/debian_archive.sh; find_archive "$1" || { echo "$why"; exit 1; }; printf "%s\\n" "$mirror" "$keyring"'
    done = subprocess.run(["bash", "-c", script, "-", origin], cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(done.stdout.strip() or done.stderr.strip())
    return done.stdout.strip().split("\n")


def apt_settings():
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return [line for line in dump.split("\n") if line.startswith(APT_SETTINGS) and not line.endswith('"";')]


def make_minimal(suite):
    """The path of the release's minimal root, made now if it is not there."""
    if os.geteuid() != 0:
        raise Unavailable("needs root")
    if not shutil.which("mmdebstrap"):
        raise Unavailable("no mmdebstrap on this machine (tools/setup.sh fresh installs it)")
    _, origin, components = RELEASES[suite]
    folder = os.path.join(STORE, suite)
    minimal, complete = os.path.join(folder, "minimal"), os.path.join(folder, "complete")
    recipe = "%s %s %s\n" % (PACKAGES, components, USER)
    if os.path.exists(complete) and open(complete).read() == recipe:
        return minimal
    mirror, keyring = archive_of(origin)
    for name in ("archives/partial", "ccache"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    os.chmod(os.path.join(folder, "ccache"), 0o1777)
    shutil.rmtree(minimal, ignore_errors=True)
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=" + PACKAGES, "--components=" + components,
               "--keyring=" + keyring, *("--aptopt=" + setting for setting in apt_settings()),
               '--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash ' + USER,
               '--customize-hook=echo "%s ALL=(ALL) NOPASSWD: ALL" > "$1/etc/sudoers.d/%s"' % (USER, USER),
               '--customize-hook=printf "127.0.0.1 localhost %s\\n" > "$1/etc/hosts"' % os.uname().nodename,
               suite, minimal, mirror]
    done = run(command, 1800, log=os.path.join(folder, "mmdebstrap.log"))
    if done.status != 0:
        shutil.rmtree(minimal, ignore_errors=True)
        raise Unavailable("mmdebstrap: " + done.last_lines())
    with open(complete, "w") as file:
        file.write(recipe)
    return minimal


class Root:
    """A copy of a release's minimal root, for one use: `with Root("trixie", LOGS) as root`."""

    inputs = "/tmp/inputs"

    def __init__(self, suite, log_folder):
        self.suite, self.log_folder = suite, log_folder
        self.cache = os.path.join(STORE, suite)
        self.path = None

    def __enter__(self):
        minimal = make_minimal(self.suite)
        self.path = tempfile.mkdtemp(prefix="copy-", dir=self.cache)
        os.chmod(self.path, 0o755)
        subprocess.run(["cp", "-a", "--reflink=auto", minimal + "/.", self.path], check=True)
        shutil.copy("/etc/resolv.conf", os.path.join(self.path, "etc/resolv.conf"))
        return self

    def __exit__(self, *_):
        # There are tens of thousands of files: a file system that discards freed blocks takes minutes for them.
        removals.append(subprocess.Popen(["rm", "-rf", self.path]))

    def run(self, script, user="root", timeout_s=600, log=None):
        """The script by bash in the user's home folder, with the environment of a login. `log` names its file."""
        home, path = ("/root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin") if user == "root" else \
            ("/home/" + user, "/usr/local/bin:/usr/bin")
        env = ["HOME=" + home, "USER=" + user, "PATH=" + path, "LC_ALL=C.UTF-8", "TERM=dumb", "PYTHONDONTWRITEBYTECODE=1",
               "CCACHE_DIR=/var/cache/ccache", "CCACHE_UMASK=000", "CCACHE_NOHASHDIR=1"]
        command = ["unshare", "--mount", "--propagation", "private", "bash", "-e", "-c", INSIDE, "-", self.path, user, self.cache,
                   "env", "-i", *env, "bash", "-c", 'cd "$HOME" && ' + script]
        return run(command, timeout_s, log=log and os.path.join(self.log_folder, "%s-%s.log" % (self.suite, log)))

    def take(self, source, inside):
        """Copies a file or folder of the machine to a place in the root."""
        target = self.path + inside
        os.makedirs(os.path.dirname(target), exist_ok=True)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)

    def give(self, inside, target):
        shutil.copy(self.path + inside, target)

    def contents(self):
        """A line for each file, without what belongs to the kernel, to apt and dpkg themselves, and to no package."""
        pruned = " -o ".join("-path ./%s -prune" % name for name in (
            "proc", "sys", "dev", "tmp", "root", "home", "var/lib/dpkg", "var/lib/apt", "var/log", "var/cache", "etc/ld.so.cache"))
        script = "cd %s && find . %s -o -printf '%%p %%y %%m %%l\\n' | sort" % (self.path, pruned)
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
