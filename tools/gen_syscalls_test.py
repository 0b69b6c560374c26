"""python3 tools/gen_syscalls_test.py"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import gen_syscalls

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen_syscalls.py")


class Syscalls(unittest.TestCase):
    def test_numbers_and_names(self):
        self.assertEqual(gen_syscalls.parse("#define __NR_read 0\n#define __NR_epoll_pwait2 441\n#define X 3\n"),
                         {0: "read", 441: "epoll_pwait2"})

    def test_a_name_that_stands_for_another(self):
        self.assertEqual(gen_syscalls.parse("#define __NR_fcntl __NR3264_fcntl\n#define __NR3264_fcntl 25\n"), {25: "fcntl"})

    def test_counts_are_no_calls(self):
        self.assertEqual(gen_syscalls.parse("#define __NR_syscalls 451\n#define __NR_arch_specific_syscall 244\n"), {})

    def test_header_is_sorted(self):
        text = gen_syscalls.header({281: "epoll_pwait", 0: "read"})
        self.assertEqual(re.findall(r'\{(\d+), "(\w+)"\}', text), [("0", "read"), ("281", "epoll_pwait")])

    def test_headers_without_calls_are_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "asm"))
            open(os.path.join(folder, "asm", "unistd.h"), "w").close()
            path = os.path.join(folder, "out.h")
            done = subprocess.run([sys.executable, TOOL, path, os.environ.get("TEST_CC", "cc"), "-nostdinc", "-I", folder],
                                  stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("linux-libc-dev", done.stderr)
            self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
