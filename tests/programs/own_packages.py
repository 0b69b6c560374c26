"""A program's own packages with the names of asyncio's, and a standard library with other paths. When all tasks
wait, writes to --ready one line of JSON: where each waits, in the program's own code, and for what. Ends with --go."""
import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile
import zipfile

SOURCE = """import asyncio


class Lock:
    async def acquire(self):
        await asyncio.get_running_loop().create_future()


async def sleep(lock):
    async with lock:
        pass
"""
PACKAGES = {
    "plain": "lib/asyncio",             # next to the program
    "site": "site-packages/redis/asyncio",  # path as of an installed library
    "inner": "python3.11/asyncio",      # in a folder with the name of the standard library's
    "zip": "lib/asyncio",               # imported from an archive
}


class RelativePaths(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """asyncio's code objects name their files as in PyInstaller programs: without a folder."""

    def __init__(self):
        self.folder = os.path.dirname(os.__file__)

    def path_of(self, name):
        """Relative to the folder, and whether it is a package's."""
        path = name.replace(".", "/")
        package = os.path.isdir(os.path.join(self.folder, path))
        return path + ("/__init__.py" if package else ".py"), package

    def find_spec(self, name, path=None, target=None):
        file, package = self.path_of(name)
        wanted = name == "selectors" or name.split(".")[0] == "asyncio"
        if not wanted or not os.path.exists(os.path.join(self.folder, file)):
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=file, is_package=package)

    def get_filename(self, name):
        return self.path_of(name)[0]

    def get_data(self, path):
        with open(os.path.join(self.folder, path), "rb") as file:
            return file.read()


def make_package(mode, root):
    """Its modules `client` and `locks`."""
    path = PACKAGES[mode]
    parts = path.split("/")
    start = 1 if mode in ("site", "inner") else 0  # not a package but a folder of sys.path
    files = {path + "/client.py": SOURCE, path + "/locks.py": SOURCE}
    for i in range(start, len(parts)):
        files["/".join(parts[:i + 1]) + "/__init__.py"] = ""
    where = os.path.join(root, *parts[:start])
    if mode == "zip":
        where = os.path.join(root, "packages.zip")
        with zipfile.ZipFile(where, "w") as archive:
            for name, source in files.items():
                archive.writestr(name, source)
    else:
        for name, source in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w") as file:
                file.write(source)
    sys.path.insert(0, where)
    package = ".".join(parts[start:])
    if package == "asyncio":  # not in place of the standard library's
        spec = importlib.util.spec_from_file_location("own", os.path.join(where, "asyncio", "__init__.py"),
                                                      submodule_search_locations=[os.path.join(where, "asyncio")])
        sys.modules["own"] = importlib.util.module_from_spec(spec)
        package = "own"
    return [importlib.import_module(package + "." + name) for name in ("client", "locks")]


def place_of(coroutine, library):
    """[function, file, line] of the innermost frame outside of asyncio's folder."""
    found = None
    while hasattr(coroutine, "cr_frame"):
        code = coroutine.cr_code
        if not code.co_filename.startswith(library):
            found = [getattr(code, "co_qualname", code.co_name), code.co_filename, coroutine.cr_frame.f_lineno]
        coroutine = coroutine.cr_await
    return found


def main(options):
    import asyncio
    from records import wait_go
    library = "asyncio/" if options.mode == "relative" else os.path.dirname(asyncio.__file__) + os.sep

    async def takes_lock(lock):
        async with lock:
            pass

    async def run(modules):
        expected = {}
        tasks = []

        def make(name, kind, coroutine):
            task = asyncio.ensure_future(coroutine)
            task.set_name(name)
            expected[name] = kind
            tasks.append(task)

        held = asyncio.Lock()
        await held.acquire()
        make("library", ["lock", "Lock.acquire"], takes_lock(held))
        for module in modules:
            make(module.__name__ + ".acquire", ["future", None], module.Lock().acquire())
            make(module.__name__ + ".sleep", ["lock", "Lock.acquire"], module.sleep(held))
        await asyncio.sleep(0.05)
        said = [{"name": task.get_name(), "waits_for": expected[task.get_name()],
                 "place": place_of(task.get_coro(), library)} for task in tasks]
        asyncio.get_running_loop().call_later(0.05, lambda: write_ready(options, said))
        asyncio.current_task().set_name("main")
        await wait_go(options.go)

    with tempfile.TemporaryDirectory() as root:
        modules = make_package(options.mode, root) if options.mode in PACKAGES else []
        asyncio.run(run(modules))


def write_ready(options, said):
    with open(options.ready, "w") as ready:
        ready.write(json.dumps(said) + "\n")


parser = argparse.ArgumentParser(description=__doc__)
for name in ("--ready", "--go", "--record"):
    parser.add_argument(name)
parser.add_argument("--mode", choices=(*PACKAGES, "relative"), required=True)
given = parser.parse_args()
if given.mode == "relative":
    sys.meta_path.insert(0, RelativePaths())
main(given)
