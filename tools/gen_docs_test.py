"""python3 tools/gen_docs_test.py"""
import os
import subprocess
import sys
import tempfile
import unittest

import gen_docs

MAIN = """aiotrace explains stalls, and
why.

Attaches to running programs.

Usage: aiotrace [OPTIONS] -p PID[,PID…]
       aiotrace COMMAND [OPTIONS]

Commands:
  leaks     what leaks
  help      the options of a command

What to watch:
  -p, --pid PID[,PID…]      processes to watch
      --a-very-long-option-name-indeed FILE
                            its text
      --json FILE           to a file - or
                            not
      --poll-probe WAY      how [default: auto] [possible values:
                            auto, fentry]

Other:
  -V, --version             show the version

Examples:
  sudo aiotrace -p 1234     stalls

Exit status: 0.
"""
LEAKS = """aiotrace leaks: what nobody awaits.

Usage: aiotrace leaks [OPTIONS]

Options:
  -p, --pid PID             the process
      --watch[=TIME]        look again
"""
HELP = """aiotrace help: options.

Usage: aiotrace help [COMMAND]

Arguments:
  COMMAND                   its name [possible values: leaks, help]

Other:
  -h, --help                show this help
"""


def pages():
    return gen_docs.Help(MAIN), {"leaks": gen_docs.Help(LEAKS), "help": gen_docs.Help(HELP)}


class Docs(unittest.TestCase):
    def test_help_is_taken_apart(self):
        page = gen_docs.Help(MAIN)
        self.assertEqual(page.about, ["aiotrace explains stalls, and why.", "Attaches to running programs."])
        self.assertEqual(page.usage, ["aiotrace [OPTIONS] -p PID[,PID…]", "aiotrace COMMAND [OPTIONS]"])
        self.assertEqual(page.commands, {"leaks": "what leaks", "help": "the options of a command"})
        self.assertEqual(list(page.groups), ["What to watch", "Other"])
        self.assertIn((["-p", "--pid"], "PID[,PID…]", "processes to watch"), page.options())
        self.assertIn((["--json"], "FILE", "to a file - or not"), page.options())
        self.assertIn((["-V", "--version"], "", "show the version"), page.options())
        self.assertIn((["--a-very-long-option-name-indeed"], "FILE", "its text"), page.options())
        self.assertIn((["--watch"], "[=TIME]", "look again"), gen_docs.Help(LEAKS).options())
        self.assertEqual(page.end, [["Examples:", "  sudo aiotrace -p 1234     stalls"], ["Exit status: 0."]])

    def test_a_help_without_options_is_an_error(self):
        with self.assertRaises(ValueError):
            gen_docs.Help("aiotrace: x\n\nUsage: aiotrace\n")

    def test_the_completion_completes(self):
        text = gen_docs.completion(*pages())
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
            self.assertEqual(complete("--poll-probe", ""), ["auto", "fentry"])
            self.assertEqual(complete("--poll-probe", "="), ["auto", "fentry"])
            self.assertEqual(complete("--poll-probe", "=", "f"), ["fentry"])
            self.assertEqual(complete("help", "l"), ["leaks"])


if __name__ == "__main__":
    sys.exit(unittest.main())
