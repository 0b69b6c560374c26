"""Says for many code objects of the standard library which line each instruction has, by the interpreter's own answer.

One line a code object: first line, line table in hex, and ranges start:end:line of byte offsets ("-" for no line).
"""
import glob
import os
import sys


def ranges(code):
    if sys.version_info >= (3, 10):
        for start, end, line in code.co_lines():
            yield start, end, line
        return
    import ctypes

    ask = ctypes.pythonapi.PyCode_Addr2Line
    ask.argtypes, ask.restype = [ctypes.py_object, ctypes.c_int], ctypes.c_int
    start = 0
    for offset in range(0, len(code.co_code), 2):
        if ask(code, offset) != ask(code, start):
            yield start, offset, ask(code, start)
            start = offset
    yield start, len(code.co_code), ask(code, start)


def report(code):
    table = code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab
    text = ",".join(
        "%d:%d:%s" % (start, end, "-" if line is None else line) for start, end, line in ranges(code) if end > start
    )
    sys.stdout.write("%d %s %s\n" % (code.co_firstlineno, table.hex() or "-", text))
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            report(constant)


# Long lines, lines that go back, blocks of no line, far jumps, more than 127 lines in one step.
ODD = (
    "x = (1 +\n\n 2 *\n f(3)\n)\n" + "\n" * 400 + "def far():\n  try:\n    with a as b, c:\n      yield (\n        b\n"
    + "\n" * 300 + "        .c(\n1)\n)\n  finally:\n    for i in (j\n for j in k if\n  l): pass\n"
    "async def g():\n  async with a: await (\n b)\n  async for i in c:\n    try: d\n    except E as e: raise\n"
    "def h(): return " + "(" * 20 + "\n".join("a" * 100 + " +" for _ in range(300)) + " 1" + ")" * 20 + "\n"
)
folder = os.path.dirname(os.__file__)
paths = glob.glob(os.path.join(folder, "[a-f]*.py")) + glob.glob(os.path.join(folder, "asyncio", "*.py"))
report(compile(ODD, "odd", "exec"))
for path in sorted(paths):
    with open(path, "rb") as file:
        report(compile(file.read(), path, "exec"))
