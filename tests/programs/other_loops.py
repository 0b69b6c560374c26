"""Runs the loop of a library that is not asyncio's, as far as a tracer can see it: a package of the library's name, made
here, whose functions are called like the library's. Writes one line to --ready when the loop waits; ends with --go."""
import argparse
import importlib
import os
import sys
import tempfile

LOOPS = {  # the library's loop: its file, and how its functions are nested in a class
    "trio": ("trio/_core/_run.py", "def run(wait):\n    unrolled_run(wait)\n\n\ndef unrolled_run(wait):\n    wait()\n",
             "run"),
    "curio": ("curio/kernel.py", "class Kernel:\n    def run(self, wait):\n        wait()\n\n\nrun = Kernel().run\n", "run"),
    "gevent": ("gevent/hub.py", "class Hub:\n    def run(self, wait):\n        wait()\n\n\nrun = Hub().run\n", "run"),
    "eventlet": ("eventlet/hubs/hub.py",
                 "class BaseHub:\n    def run(self, wait):\n        wait()\n\n\nrun = BaseHub().run\n", "run"),
    "twisted": ("twisted/internet/base.py",
                "class ReactorBase:\n    def run(self, wait):\n        self.mainLoop(wait)\n\n"
                "    def mainLoop(self, wait):\n        wait()\n\n\nrun = ReactorBase().run\n", "run"),
}


def make_library(name, root):
    file, source, function = LOOPS[name]
    parts = file.split("/")[:-1]
    for i in range(len(parts)):
        folder = os.path.join(root, *parts[:i + 1])
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "__init__.py"), "w") as init:
            init.write("__version__ = '1.2.3'\n" if i == 0 else "")
    with open(os.path.join(root, file), "w") as module:
        module.write(source)
    sys.path.insert(0, root)
    return getattr(importlib.import_module(file[:-3].replace("/", ".")), function)


def wait_with(options):
    def wait():
        with open(options.ready, "w") as ready:
            ready.write("waits\n")
        with open(options.go) as go:
            go.read(1)
    return wait


async def beside(options, run):
    import asyncio
    asyncio.current_task().set_name("beside")
    await asyncio.get_running_loop().run_in_executor(None, run, wait_with(options))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--ready", "--go", "--record"):
        parser.add_argument(name)
    parser.add_argument("--library", choices=LOOPS, required=True)
    parser.add_argument("--imported-only", action="store_true", help="asyncio runs, the library only in a thread")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        run = make_library(options.library, root)
        if options.imported_only:
            import asyncio
            asyncio.run(beside(options, run))
        else:
            run(wait_with(options))


main()
