#!/usr/bin/env python3
"""Write user/python/layouts/*.h: offsets in each version of CPython.

For each set of CPython headers a C program of offsetof() expressions is compiled against them and run. Only the
private structures that no header has (_asyncio.Task, dict keys before 3.11, the module object before 3.10) are
numbers written down here, each with its source file in CPython.

  gen_layouts.py                     every version whose headers are found in pyenv, the system or --headers
  gen_layouts.py --headers DIR ...   also these: an include folder such as .../usr/include/python3.14
  gen_layouts.py --check             write nothing; exit 1 if a file differs from what its headers give
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "user", "python", "layouts")
NONE = None

# Patch releases within a minor that have a table of their own, oldest first; each stands for the releases from the
# first number on. 3.13: gc.generations moved between 3.13.0 and 3.13.5. 3.14: up to 3.14.4 the collector was the
# incremental one; these use the offsets that they publish themselves.
TABLES = {8: [0], 9: [0], 10: [0], 11: [0], 12: [0], 13: [0, 5], 14: [5], 15: [0]}
# The same of free-threaded builds, whose version here is (3, 13, 5, "t").
FREE_THREADED_TABLES = {13: [0]}


def tables_of(version):
    return FREE_THREADED_TABLES if is_free_threaded(version) else TABLES


def is_free_threaded(version):
    return len(version) > 3


def span(text):
    """"8-10" or "13" or "14+" to a list of minor versions."""
    if text.endswith("+"):
        return range(int(text[:-1]), 100)
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def o(struct, member):
    return f"offsetof({struct}, {member})"


RT, IS, TS, TSI = "_PyRuntimeState", "PyInterpreterState", "PyThreadState", "_PyThreadStateImpl"
FR, IF, CO, GEN, CORO = "PyFrameObject", "_PyInterpreterFrame", "PyCodeObject", "PyGenObject", "PyCoroObject"
GC, GIL, TYPE, HEAP = "struct _gc_runtime_state", "struct _gil_runtime_state", "PyTypeObject", "PyHeapTypeObject"

# Modules/_asynciomodule.c, struct TaskObj (x86-64). Checked against DWARF of 3.8.18 to 3.14 and the tp_basicsize of
# every release that ran. 3.10 before the task had exception_tb is 3.9's; user/python/interpreter distinguishes them.
TASK = {
    "loop": {"8+": 16},
    "state": {"8": 72, "9": 80, "10-12": 88, "13": 96, "14+": 104},
    "waiter": {"8": 104, "9": 144, "10": 152, "11-12": 128, "13": 112, "14+": 120},
    "coro": {"8": 112, "9": 152, "10": 160, "11-12": 136, "13": 120, "14+": 128},
    "name": {"8": 120, "9": 160, "10": 168, "11-12": 144, "13": 128, "14+": 136},
    "callback": {"8+": 24},
    "exception": {"8+": 48},
    "result": {"8-9": 56, "10+": 64},
    # An int to 3.12; the first of two bits since.
    "log_tb": {"8": 76, "9": 84, "10-12": 92, "13": 100, "14+": 110},
    "awaited_by": {"14+": 96},
    "awaited_by_is_set": {"14+": 109},
    "node": {"14+": 152},
    "size": {"8": 144, "9": 184, "10": 192, "11-12": 176, "13": 144, "14+": 168},
}
# Include/object.h: PyObject has 32 bytes with Py_GIL_DISABLED instead of 16; behind it TaskObj is the same.
FREE_THREADED_HEAD = 16

BPF = [
    ("version", {"8+": "PY_VERSION_HEX"}),
    ("flags", {"8-9": "PY_FRAME_OBJECTS", "10": "PY_FRAME_OBJECTS | PY_LASTI_IN_UNITS", "11-12": "PY_HAS_CFRAME",
               "13": "0", "14+": "PY_TAGGED_REFS"}),
    ("interp_next", {"8+": o(IS, "next")}),
    ("interp_threads_head", {"8-10": o(IS, "tstate_head"), "11+": o(IS, "threads.head")}),
    ("interp_gc", {"9+": o(IS, "gc")}),
    ("interp_gil_ptr", {"12+": o(IS, "ceval.gil")}),
    ("ts_next", {"8+": o(TS, "next")}),
    ("ts_interp", {"8+": o(TS, "interp")}),
    ("ts_thread_id", {"8+": o(TS, "thread_id")}),
    ("ts_frame", {"8-10": o(TS, "frame"), "11-12": o(TS, "cframe"), "13+": o(TS, "current_frame")}),
    ("cframe_current", {"11-12": o("_PyCFrame", "current_frame")}),
    ("ts_running_task", {"14+": o(TSI, "asyncio_running_task")}),
    ("frame_previous", {"8-10": o(FR, "f_back"), "11+": o(IF, "previous")}),
    ("frame_code", {"8-10": o(FR, "f_code"), "11": o(IF, "f_code"), "12": o(IF, "f_code"),
                    "13+": o(IF, "f_executable")}),
    ("frame_instr", {"8-10": o(FR, "f_lasti"), "11-12": o(IF, "prev_instr"), "13+": o(IF, "instr_ptr")}),
    ("frame_owner", {"11+": o(IF, "owner")}),
    ("frame_owner_shim", {"12-13": "FRAME_OWNED_BY_CSTACK", "14+": "FRAME_OWNED_BY_INTERPRETER"}),
    ("frame_gen", {"8-10": o(FR, "f_gen")}),
    ("frame_localsplus", {"8-10": o(FR, "f_localsplus"), "11+": o(IF, "localsplus")}),
    ("code_flags", {"8+": o(CO, "co_flags")}),
    ("code_firstlineno", {"8+": o(CO, "co_firstlineno")}),
    ("code_filename", {"8+": o(CO, "co_filename")}),
    ("code_name", {"8+": o(CO, "co_name")}),
    ("code_qualname", {"11+": o(CO, "co_qualname")}),
    ("code_linetable", {"8-9": o(CO, "co_lnotab"), "10+": o(CO, "co_linetable")}),
    ("code_bytecode", {"11+": o(CO, "co_code_adaptive")}),
    ("gen_iframe", {"11+": o(GEN, "gi_iframe")}),
    ("gen_name", {"8+": o(GEN, "gi_name")}),
    ("gen_qualname", {"8+": o(GEN, "gi_qualname")}),
    ("task_coro", TASK["coro"]),
    ("task_name", TASK["name"]),
    ("task_size", TASK["size"]),
    ("obj_type", {"8+": o("PyObject", "ob_type")}),
    ("unicode_length", {"8+": o("PyASCIIObject", "length")}),
    ("unicode_state", {"8+": o("PyASCIIObject", "state")}),
    ("unicode_ascii_data", {"8+": "sizeof(PyASCIIObject)"}),
    ("unicode_compact_data", {"8+": "sizeof(PyCompactUnicodeObject)"}),
    ("bytes_size", {"8+": o("PyBytesObject", "ob_base.ob_size")}),
    ("bytes_data", {"8+": o("PyBytesObject", "ob_sval")}),
    ("long_digits", {"8-11": o("PyLongObject", "ob_digit"), "12+": o("PyLongObject", "long_value.ob_digit")}),
    ("dict_keys", {"8+": o("PyDictObject", "ma_keys")}),
    ("keys_log2_size", {"11+": o("PyDictKeysObject", "dk_log2_size")}),
    ("keys_log2_index_bytes", {"11+": o("PyDictKeysObject", "dk_log2_index_bytes")}),
    # Objects/dict-common.h, struct _dictkeysobject: refcnt, size, lookup, usable, nentries, indices of 8 bytes each.
    ("keys_nentries", {"8-10": 32, "11+": o("PyDictKeysObject", "dk_nentries")}),
    ("keys_indices", {"8-10": 40, "11+": o("PyDictKeysObject", "dk_indices")}),
    ("gil_last_holder", {"8+": o(GIL, "last_holder")}),
    ("gil_locked", {"8+": o(GIL, "locked")}),
    ("gil_cond", {"8+": o(GIL, "cond")}),
    ("gil_mutex", {"8+": o(GIL, "mutex")}),
    ("gc_collecting", {"8+": o(GC, "collecting")}),
]

USER = [
    ("runtime_interpreters_head", {"8+": o(RT, "interpreters.head")}),
    ("runtime_initialized", {"8+": o(RT, "initialized")}),
    ("runtime_gil", {"8-11": o(RT, "ceval.gil")}),
    ("runtime_gc", {"8": o(RT, "gc")}),
    ("runtime_size", {"8+": f"sizeof({RT})"}),
    ("interp_id", {"8+": o(IS, "id")}),
    ("interp_modules", {"8-11": o(IS, "modules"), "12+": o(IS, "imports.modules")}),
    ("interp_sysdict", {"8+": o(IS, "sysdict")}),
    ("interp_tasks_head", {"14+": o(IS, "asyncio_tasks_head")}),
    ("interp_size", {"8+": f"sizeof({IS})"}),
    ("ts_native_thread_id", {"11+": o(TS, "native_thread_id")}),
    ("ts_dict", {"8+": o(TS, "dict")}),
    ("ts_running_loop", {"13+": o(TSI, "asyncio_running_loop")}),
    ("ts_tasks_head", {"14+": o(TSI, "asyncio_tasks_head")}),
    ("ts_size", {"8-12": f"sizeof({TS})", "13+": f"sizeof({TSI})"}),
    ("gc_generations", {"8+": o(GC, "generations")}),
    ("gc_generation_size", {"8+": "sizeof(struct gc_generation)"}),
    ("gc_permanent", {"8+": o(GC, "permanent_generation")}),
    ("type_name", {"8+": o(TYPE, "tp_name")}),
    ("type_basicsize", {"8+": o(TYPE, "tp_basicsize")}),
    ("type_flags", {"8+": o(TYPE, "tp_flags")}),
    ("type_base", {"8+": o(TYPE, "tp_base")}),
    ("type_dict", {"8+": o(TYPE, "tp_dict")}),
    ("type_dictoffset", {"8+": o(TYPE, "tp_dictoffset")}),
    ("type_mro", {"8+": o(TYPE, "tp_mro")}),
    ("heap_type_cached_keys", {"8+": o(HEAP, "ht_cached_keys")}),
    ("heap_type_size", {"8+": f"sizeof({HEAP})"}),
    ("dict_used", {"8+": o("PyDictObject", "ma_used")}),
    ("dict_values", {"8+": o("PyDictObject", "ma_values")}),
    ("keys_kind", {"11+": o("PyDictKeysObject", "dk_kind")}),
    ("values_data", {"8-10": 0, "11+": o("PyDictValues", "values")}),
    ("values_valid", {"13+": o("PyDictValues", "valid")}),
    # Include/internal/pycore_object.h: MANAGED_DICT_OFFSET; 3.11 _PyObject_ManagedDictPointer, _PyObject_ValuesPointer.
    ("managed_dict", {"11-12": 24, "13+": "-MANAGED_DICT_OFFSET"}),
    ("managed_values", {"11": 32}),
    ("set_fill", {"8+": o("PySetObject", "fill")}),
    ("set_used", {"8+": o("PySetObject", "used")}),
    ("set_mask", {"8+": o("PySetObject", "mask")}),
    ("set_table", {"8+": o("PySetObject", "table")}),
    ("cell_value", {"8+": o("PyCellObject", "ob_ref")}),
    ("float_value", {"8+": o("PyFloatObject", "ob_fval")}),
    ("function_code", {"8+": o("PyFunctionObject", "func_code")}),
    ("function_closure", {"8+": o("PyFunctionObject", "func_closure")}),
    ("weakref_object", {"8+": o("PyWeakReference", "wr_object")}),
    # Objects/moduleobject.c, PyModuleObject before it moved to a header.
    ("module_dict", {"8-9": 16, "10+": o("PyModuleObject", "md_dict")}),
    ("list_items", {"8+": o("PyListObject", "ob_item")}),
    ("tuple_items", {"8+": o("PyTupleObject", "ob_item")}),
    ("method_self", {"8+": o("PyCFunctionObject", "m_self")}),
    ("long_tag", {"8-11": o("PyVarObject", "ob_size"), "12+": o("PyLongObject", "long_value.lv_tag")}),
    # Include/cpython/unicodeobject.h, PyASCIIObject.state: interned:2 kind:3 compact:1 ascii:1 (with the GIL).
    ("unicode_kind_shift", {"8+": 'state_bit((struct probe){.kind = 1})'}),
    ("unicode_compact_bit", {"8+": 'state_bit((struct probe){.compact = 1})'}),
    ("unicode_ascii_bit", {"8+": 'state_bit((struct probe){.ascii = 1})'}),
    ("frame_stacktop", {"8-9": o(FR, "f_stacktop"), "10": o(FR, "f_stackdepth"), "11-13": o(IF, "stacktop"),
                        "14+": o(IF, "stackpointer")}),
    ("frame_valuestack", {"8-10": o(FR, "f_valuestack")}),
    ("frame_state", {"8-9": o(FR, "f_executing"), "10": o(FR, "f_state")}),
    ("frame_size", {"8-10": f"sizeof({FR})", "11+": f"sizeof({IF})"}),
    ("code_size", {"8-10": f"sizeof({CO})", "11+": o(CO, "co_code_adaptive")}),
    ("code_code", {"8-10": o(CO, "co_code")}),
    ("code_varnames", {"8-10": o(CO, "co_varnames"), "11+": o(CO, "co_localsplusnames")}),
    ("coro_frame", {"8-10": o(CORO, "cr_frame")}),
    ("coro_code", {"8-11": o(CORO, "cr_code")}),
    ("coro_origin", {"8-10": o(CORO, "cr_origin"), "11+": o(CORO, "cr_origin_or_finalizer")}),
    ("coro_state", {"11+": o(CORO, "cr_frame_state")}),
    # Objects/genobject.c, PyCoro_Type.tp_basicsize.
    ("coro_size", {"8-10": f"sizeof({CORO})", "11+": f"{o(CORO, 'cr_iframe')} + {o(IF, 'localsplus')}"}),
    ("task_loop", TASK["loop"]),
    ("task_state", TASK["state"]),
    ("task_waiter", TASK["waiter"]),
    ("task_callback", TASK["callback"]),
    ("task_exception", TASK["exception"]),
    ("task_result", TASK["result"]),
    ("task_log_tb", TASK["log_tb"]),
    ("task_awaited_by", TASK["awaited_by"]),
    ("task_awaited_by_is_set", TASK["awaited_by_is_set"]),
    ("task_node", TASK["node"]),
]

# Private headers that hold the structures, by the minor that has them; those of others are left out.
INCLUDES = {
    "8-9": ["Python.h", "frameobject.h", "internal/pycore_pystate.h", "internal/pycore_gil.h"],
    "8": ["internal/pycore_pymem.h", "internal/pycore_ceval.h"],
    "9": ["internal/pycore_runtime.h", "internal/pycore_interp.h", "internal/pycore_gc.h"],
    "10": ["Python.h", "frameobject.h", "internal/pycore_runtime.h", "internal/pycore_interp.h", "internal/pycore_gc.h",
           "internal/pycore_gil.h", "internal/pycore_moduleobject.h"],
    "11-13": ["Python.h", "internal/pycore_frame.h"],
    "14+": ["Python.h", "internal/pycore_interpframe.h", "internal/pycore_debug_offsets.h"],
    "11+": ["internal/pycore_runtime.h", "internal/pycore_interp.h", "internal/pycore_gc.h", "internal/pycore_gil.h",
            "internal/pycore_moduleobject.h", "internal/pycore_dict.h", "internal/pycore_code.h"],
    "13+": ["internal/pycore_tstate.h", "internal/pycore_object.h"],
    "12+": ["internal/pycore_long.h"],
}

PROBE = """
struct probe { unsigned int FIELDS; };
static unsigned state_bit(struct probe probe) {
  PyASCIIObject object;
  memset(&object, 0, sizeof object);
  object.state.kind = probe.kind; object.state.compact = probe.compact; object.state.ascii = probe.ascii;
  unsigned int word;
  memcpy(&word, &object.state, sizeof word);
  return (unsigned)__builtin_ctz(word);
}
""".replace("FIELDS", "kind, compact, ascii")


def pick(choices, minor):
    for text, value in choices.items():
        if minor in span(text):
            return value
    return NONE


def program(minor):
    lines = ["#define Py_BUILD_CORE 1", "#define Py_BUILD_CORE_MODULE 1"]
    headers = [h for text, hs in INCLUDES.items() if minor in span(text) for h in hs]
    headers.sort(key=lambda h: h != "Python.h")
    lines += [f'#include "{h}"' for h in headers]
    lines += ["#include <stddef.h>", "#include <stdio.h>", "#include <string.h>"]
    lines.append(PROBE)
    lines.append("int main(void) {")
    for name, choices in BPF + USER:
        value = pick(choices, minor)
        if isinstance(value, str) and name != "flags":
            lines.append(f'  printf("{name} %lu\\n", (unsigned long)({value}));')
    lines.append("  return 0;\n}")
    return "\n".join(lines) + "\n"


def version_of(headers):
    try:
        text = open(os.path.join(headers, "patchlevel.h"), encoding="ascii", errors="replace").read()
    except OSError:
        return None
    numbers = [re.search(rf"#define\s+PY_{part}_VERSION\s+(\d+)", text) for part in ("MAJOR", "MINOR", "MICRO")]
    return tuple(int(n.group(1)) for n in numbers) if all(numbers) else None


def written_down(name, choices, version):
    value = pick(choices, version[1])
    if not is_free_threaded(version) or value is NONE:
        return value
    if name == "flags":
        return "PY_FREE_THREADED" if value == "0" else f"{value} | PY_FREE_THREADED"
    return value + FREE_THREADED_HEAD if isinstance(value, int) and name.startswith("task_") else value


def measure(headers, version):
    """The fields of one version, by name: from its own headers, and None for missing ones."""
    minor = version[1]
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "offsets.c"), os.path.join(folder, "offsets")
        with open(source, "w", encoding="ascii") as file:
            file.write(program(minor))
        # Debian splits pyconfig.h off into a folder of the architecture beside the version's own.
        command = [os.environ.get("CC", "cc"), "-w", "-std=gnu11", "-o", binary, source, "-I" + headers,
                   "-I" + os.path.join(headers, "internal"), "-I" + os.path.join(headers, "internal", "mimalloc"),
                   "-I" + os.path.dirname(headers)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"gen_layouts: {headers}: does not compile:\n{done.stderr[:3000]}")
        out = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    measured = {name: int(value) for name, value in (line.split() for line in out.splitlines())}
    values = {}
    for name, choices in BPF + USER:
        values[name] = measured.get(name, written_down(name, choices, version))
    return values


def render(version, values):
    table = table_name(version)

    def text(name):
        value = values[name]
        if value is NONE:
            return "PY_NO_OFFSET"
        return f"0x{value:08x}" if name == "version" else str(value)

    lines = [f"// Generated by tools/gen_layouts.py from the headers of CPython {words([version])}, x86-64. Do not edit.",
             "#pragma once", "", '#include "python/layout.h"', "", "namespace aiotrace::python {", "",
             f"inline constexpr Layout {table} = {{", "    .bpf =", "        {"]
    lines += [f"            .{name} = {text(name)}," for name, _ in BPF]
    lines += ["        },", "    .user =", "        {"]
    lines += [f"            .{name} = {text(name)}," for name, _ in USER]
    lines += ["        },", "};", "", "}  // namespace aiotrace::python", ""]
    return "\n".join(lines)


def table_name(version):
    return "kCPython{}_{}_{}".format(*version) + "t" * is_free_threaded(version)


def file_name(version):
    return "cpython_{}_{}_{}".format(*version) + "t" * is_free_threaded(version) + ".h"


def written_tables():
    """The versions of the files that are there."""
    found = [re.fullmatch(r"cpython_(\d+)_(\d+)_(\d+)(t?)\.h", name) for name in os.listdir(OUT)]
    return sorted((*map(int, m.groups()[:3]), *m.group(4)) for m in found if m)


def words(versions):
    return " ".join(".".join(map(str, v[:3])) + "t" * is_free_threaded(v) for v in versions) or "none"


def header_folders(extra):
    """Include folders of CPython: those given, pyenv's, the system's."""
    folders = list(extra)
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        folders += sorted(glob.glob(os.path.join(root, "versions", "*", "include", "python3.*")))
    # As tools/get_free_threaded.sh builds it.
    pythons = os.environ.get("AIOTRACE_PYTHONS") or os.path.join(os.path.dirname(OUT), "..", "..", ".cache", "pythons")
    folders += sorted(glob.glob(os.path.join(pythons, "*t", "include", "python3.*t")))
    folders += sorted(glob.glob("/usr/include/python3.*") + glob.glob("/usr/local/include/python3.*"))
    found = {}
    for folder in folders:
        version = version_of(folder)
        if version and os.path.basename(folder).endswith("t"):
            version = (*version, "t")
        if version and version[0] == 3 and version[1] in tables_of(version) and \
                os.path.isdir(os.path.join(folder, "internal")):
            found.setdefault(version, folder)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headers", action="append", default=[], metavar="DIR", help="an include folder of CPython")
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--print", action="store_true", dest="show", help="print `version field value` for all found")
    options = parser.parse_args()
    for folder in options.headers:
        if version_of(folder) is None:
            raise SystemExit(f"gen_layouts: {folder}: no patchlevel.h: not an include folder of CPython")
    found = header_folders(options.headers)
    if options.show:
        for version in sorted(found):
            for name, value in measure(found[version], version).items():
                print(words([version]), name, "-" if value is NONE else value)
        return

    have = written_tables()
    if options.check:
        sys.exit(check(have, found))

    # One table for each range of patch releases: a newer set of headers replaces an older one only if both are equal
    # except for the version, so that a change inside a minor version is noticed here and not in a target.
    kinds = [(minor, firsts, kind) for kind, tables in (((), TABLES), (("t",), FREE_THREADED_TABLES))
             for minor, firsts in tables.items()]
    for minor, firsts, kind in kinds:
        for index, first in enumerate(firsts):
            last = firsts[index + 1] if index + 1 < len(firsts) else 1000
            here = [v for v in sorted(found) if v[1] == minor and v[3:] == kind and first <= v[2] < last]
            if not here:
                print(f"gen_layouts: no headers for {words([(3, minor, first, *kind)])} and later", file=sys.stderr)
                continue
            tables = {v: measure(found[v], v) for v in here}
            for version in here[1:]:
                moved = differences(tables[here[0]], tables[version])
                if moved:
                    raise SystemExit(f"gen_layouts: between {here[0]} and {version} moved: {', '.join(moved)}; "
                                     "give the newer one a table of its own in TABLES")
            for old in have:
                if old[1] == minor and old[3:] == kind and first <= old[2] < last and old != here[0]:
                    os.unlink(os.path.join(OUT, file_name(old)))
            with open(os.path.join(OUT, file_name(here[0])), "w", encoding="ascii") as file:
                file.write(render(here[0], tables[here[0]]))
            print("gen_layouts: wrote", file_name(here[0]), "also true for",
                  words(here[1:]))
    write_index()


def differences(one, other):
    """Fields that two patch releases do not have in common. Private structures may grow at their end."""
    growing = ("version", "runtime_size", "interp_size", "ts_size")
    return [name for name, value in other.items() if value != one[name] and name not in growing]


def table_range(version):
    """The patch releases for which a table is used."""
    firsts = tables_of(version)[version[1]] + [1000]
    return max((a, b) for a, b in zip(firsts, firsts[1:]) if a <= version[2])


def check(have, found):
    wrong, checked, missing = [], [], []
    for version in have:
        path = os.path.join(OUT, file_name(version))
        with open(path, encoding="ascii") as file:
            text = file.read()
        first, last = table_range(version)
        near = [v for v in sorted(found) if v[1] == version[1] and v[3:] == version[3:] and first <= v[2] < last]
        for other in [version] if version in near else near[:1]:
            values = measure(found[other], other)
            if other != version:
                # Not the release it was made from: values that a patch release may change are taken from the file.
                for name in ("version", "runtime_size", "interp_size", "ts_size"):
                    values[name] = int(re.search(rf"\.{name} = (0x[0-9a-f]+|\d+),", text).group(1), 0)
            checked.append(other)
            if text != render(version, values):
                wrong.append(path)
        if not near:
            missing.append(version)

    print(f"gen_layouts: compared {words(checked)}; no headers here for {words(missing)}")
    for path in wrong:
        print(f"gen_layouts: {path} is not what its headers give: run tools/gen_layouts.py", file=sys.stderr)
    return 1 if wrong else 0


def write_index():
    have = written_tables()
    lines = ["// Generated by tools/gen_layouts.py. Do not edit.", "#pragma once", "", "#include <array>", ""]
    lines += [f'#include "python/layouts/{file_name(v)}"' for v in have]
    lines += ["", "namespace aiotrace::python {", "", "inline constexpr std::array kLayouts = {"]
    lines += [f"    {table_name(v)}," for v in have]
    lines += ["};", "", "}  // namespace aiotrace::python", ""]
    with open(os.path.join(OUT, "all.h"), "w", encoding="ascii") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
