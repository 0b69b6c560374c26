"""python3 tools/gen_docs_test.py"""
import os
import subprocess
import sys
import tempfile
import unittest

import gen_docs

MAIN = """aiotrace: which stall, and why.
Attaches to running programs.

  aiotrace [OPTIONS] -p PID[,PID…]     watch
  aiotrace leaks -p PID                what leaks
Usage: aiotrace [OPTIONS]

Options:
  -h,--help                   Print this help message and exit
  -p,--pid PID[,PID…] ...   processes to watch
  --a-very-long-option-name-indeed FILE
                              its text
  --json FILE                 to a file - or not
  --version                   print the version

Examples:
  sudo aiotrace -p 1234     stalls
Exit status: 0.
"""
LEAKS = """aiotrace leaks: what nobody awaits.
Usage: aiotrace leaks [OPTIONS]

Options:
  -p,--pid PID                the process
  --watch [TIME]              look again
"""


class Docs(unittest.TestCase):
    def test_help_is_taken_apart(self):
        page = gen_docs.Help(MAIN)
        self.assertEqual(page.commands(), ["leaks"])
        self.assertIn((["-p", "--pid"], "PID[,PID…]", "processes to watch"), page.options)
        self.assertIn((["--json"], "FILE", "to a file - or not"), page.options)
        self.assertIn((["--version"], "", "print the version"), page.options)
        self.assertIn((["--a-very-long-option-name-indeed"], "FILE", "its text"), page.options)
        self.assertEqual(page.end, ["Examples:", "  sudo aiotrace -p 1234     stalls", "Exit status: 0."])

    def test_a_help_without_options_is_an_error(self):
        with self.assertRaises(ValueError):
            gen_docs.Help("aiotrace: x\nUsage: aiotrace\n")

    def test_the_man_page_has_every_option(self):
        text = gen_docs.man_page("aiotrace 1.0", gen_docs.Help(MAIN), {"leaks": gen_docs.Help(LEAKS)})
        for part in (".SS aiotrace leaks", "\\fB\\-\\-json\\fR \\fIFILE\\fR", "\\fB\\-\\-watch\\fR", "Exit status: 0."):
            self.assertIn(part, text)
        self.assertFalse([line for line in text.split("\n") if line.startswith("'")])

    def test_the_completion_completes(self):
        text = gen_docs.completion(gen_docs.Help(MAIN), {"leaks": gen_docs.Help(LEAKS)})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "completion")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

            def complete(*words):
                script = '. "$0"; COMP_WORDS=(aiotrace "$@"); COMP_CWORD=$#; _aiotrace; echo "${COMPREPLY[@]}"'
                done = subprocess.run(["bash", "-c", script, path, *words], capture_output=True, text=True, check=True)
                return done.stdout.split()

            self.assertEqual(complete("le"), ["leaks"])
            self.assertEqual(complete("leaks", "--"), ["--pid", "--watch"])
            self.assertEqual(complete("--js"), ["--json"])
            self.assertIn(str(os.getpid()), complete("-p", str(os.getpid())))
            self.assertEqual(complete("leaks", "x"), [])


if __name__ == "__main__":
    sys.exit(unittest.main())
