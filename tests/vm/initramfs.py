"""The guest's root: a cpio archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst)."""
import os
import re
import stat
import subprocess

# Of an interpreter's root, what no test needs.
LEFT_OUT = {"share", "perl", "perl-base", "gconv", "test", "tests", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtledemo",
            "distutils", "pydoc_data", "__pycache__", "var", "games", "systemd", "terminfo", "apt", "dpkg", "engines-3",
            "engines-1.1", "ossl-modules", "krb5", "audit"}


class Archive:
    def __init__(self, path):
        self.file = open(path, "wb")
        self.inode = 0
        self.known = set()

    def entry(self, name, mode, data=b"", device=(0, 0), mtime=0):
        if name in self.known:
            return
        self.known.add(name)
        self.inode += 1
        encoded = name.encode() + b"\0"
        head = b"070701" + b"".join(b"%08X" % value for value in (
            self.inode, mode, 0, 0, 1, mtime, len(data), 0, 0, device[0], device[1], len(encoded), 0))
        self.file.write(head + encoded)
        self.pad(len(head) + len(encoded))
        self.file.write(data)
        self.pad(len(data))

    def pad(self, size):
        self.file.write(b"\0" * (-size % 4))

    def directory(self, name):
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            self.entry("/".join(parts[:depth]), stat.S_IFDIR | 0o755)

    def put(self, source, name):
        if os.path.dirname(name):
            self.directory(os.path.dirname(name))
        status = os.lstat(source)
        if stat.S_ISLNK(status.st_mode):
            self.entry(name, stat.S_IFLNK | 0o777, os.readlink(source).encode())
        else:
            with open(source, "rb") as file:
                self.entry(name, stat.S_IFREG | stat.S_IMODE(status.st_mode), file.read(),
                           mtime=int(status.st_mtime))  # compiled modules are known by it

    def tree(self, folder, under=""):
        with os.scandir(folder) as entries:
            for each in sorted(entries, key=lambda one: one.name):
                name = os.path.join(under, each.name)
                if each.name in LEFT_OUT:
                    continue
                if each.is_dir(follow_symlinks=False):
                    self.directory(name)
                    self.tree(each.path, name)
                elif each.is_symlink() or each.is_file():
                    self.put(each.path, name)

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()


def interpreter(root):
    """(path, version as in python3.9) of the interpreter in the root."""
    names = [name for name in os.listdir(os.path.join(root, "usr/bin")) if name.startswith("python3.")]
    return "/usr/bin/" + names[0], names[0]


def shared_libraries(binary):
    """(loader, {name: path}) of a program; (None, {}) for a static one."""
    listed = subprocess.run(["ldd", binary], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    libraries = dict(re.findall(r"^\s*(\S+) => (/\S+) \(", listed, re.M))
    loader = re.search(r"^\s*(/\S+/ld-\S+) \(", listed, re.M)
    return (loader.group(1), libraries) if loader else (None, {})


def put_program(archive, program, libraries_of, name):
    """As usr/bin/NAME; with the libraries of the machine that built it where it needs some: the guest's are older."""
    archive.put(program, "usr/bin/" + name)
    loader, libraries = shared_libraries(libraries_of)
    if loader:
        archive.put(os.path.realpath(loader), "built-with/loader")
        archive.entry("built-with/needed-by-" + name, stat.S_IFREG | 0o644)
    for name, path in libraries.items():
        archive.put(os.path.realpath(path), "built-with/" + name)


def build(path, root, pycache, binaries, folders):
    """`root`: a tree of tools/get_pythons.sh; `pycache`: its compiled modules; `binaries`: {name: (program, the same without
    symbols)}; `folders`: {name in the archive: folder}, of which scripts and BPF objects are taken."""
    archive = Archive(path)
    try:
        for name in ("proc", "sys", "dev", "tmp", "run", "root", "etc"):
            archive.directory(name)
        # Before devtmpfs is mounted, init's own messages go here.
        archive.entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
        archive.tree(root)
        if os.path.isdir(pycache):
            archive.directory("pycache")
            archive.tree(pycache, "pycache")
        for name, (binary, stripped) in binaries.items():
            put_program(archive, stripped, binary, name)
        for name, folder in folders.items():
            archive.directory(name)
            for file in sorted(os.listdir(folder)):
                if file.endswith((".py", ".o")):
                    archive.put(os.path.join(folder, file), name + "/" + file)
        python, _ = interpreter(root)
        archive.entry("init", stat.S_IFREG | 0o755, ("#!%s\nimport sys\nsys.pycache_prefix = '/pycache'\nsys.path[:0] = ['/guest', '/programs']\n"
                                                     "import guest\nguest.main()\n" % python).encode())
    finally:
        archive.close()
