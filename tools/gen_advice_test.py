"""python3 tools/gen_advice_test.py"""
import os
import subprocess
import sys
import tempfile
import unittest

import gen_advice

OWN = [line for cause in gen_advice.CAUSES for line in (f"{cause} loop=any -> do it", f"  e.g. {cause}")]
RULE = "network module=requests -> use aiohttp"
EXAMPLE = "  e.g. network requests/api:get"


def table(*lines):
    return [*lines, *OWN]


class Table(unittest.TestCase):
    def wrong(self, text, line, *lines):
        """The table begins with these lines; `line` of them is refused with that text."""
        with self.assertRaises(gen_advice.Wrong) as caught:
            gen_advice.parse(table(*lines))
        self.assertIn(text, str(caught.exception))
        self.assertEqual(caught.exception.number, line)

    def test_a_rule_and_its_example(self):
        rules = gen_advice.parse(table("# comment", "", RULE, EXAMPLE))
        self.assertEqual(len(rules), 1 + len(gen_advice.CAUSES))
        self.assertEqual((rules[0].number, rules[0].causes, rules[0].advice), (3, ["network"], "use aiohttp"))
        self.assertEqual(rules[0].examples[0].frames, [("requests/api", "get")])

    def test_wrong_rules(self):
        for text, rule in (
            ("no cause 'netwrk'", "netwrk module=requests -> use aiohttp"),
            ("a cause stands here twice", "file,file -> use aiofiles"),
            ("no condition 'modul=x'", "network modul=x -> use aiohttp"),
            ("no condition 'requests'", "network requests -> use aiohttp"),
            ("' -> ' and the advice are missing", "network module=requests use aiohttp"),
            ("twice", "network module=a module=b -> use aiohttp"),
            ("function= needs a module=", "network function=get -> use aiohttp"),
            ("without its class", "network module=requests function=Session.get -> use aiohttp"),
            ("no .py", "network module=requests/api.py -> use aiohttp"),
            ("no pattern", "network module=a,,b -> use aiohttp"),
            ("longer than 64", f"network module={'a' * 65} -> use aiohttp"),
            ("matches every library", "network module=* -> use aiohttp"),
            ("cause network alone", "file dns -> use aiofiles"),
            ("cause network alone", "network,file peer=*:53 -> use aiohttp"),
            ("no file operation 'reed'", "file op=reed -> use aiofiles"),
            ("loop= is other or any", "network loop=python -> use aiohttp"),
            ("91 columns", "network module=requests -> " + "a" * 91),
            ("not plain ASCII", "network module=requests -> use “aiohttp”"),
            ("blanks", "network module=requests -> use  aiohttp"),
            ("full stop", "network module=requests -> use aiohttp."),
            ("tab or control", "network module=requests -> use\taiohttp"),
        ):
            with self.subTest(rule):
                self.wrong(text, 2, "#", rule, EXAMPLE)

    def test_wrong_examples(self):
        self.wrong("the rule has no example", 1, RULE, "# nothing")
        self.wrong("without a rule", 1, EXAMPLE)
        self.wrong("begins with 'e.g.'", 2, RULE, "  network")
        self.wrong("not for the cause 'file'", 2, RULE, "  e.g. file requests/api:get")
        self.wrong("no fact of an example", 2, RULE, "  e.g. network module=requests")

    def test_the_whole(self):
        self.wrong("same conditions as in line 1", 3, RULE, EXAMPLE, RULE, EXAMPLE)
        with self.assertRaises(gen_advice.Wrong) as caught:
            gen_advice.parse([RULE, EXAMPLE, *OWN[2:]])
        self.assertIn("no rule without conditions for python (loop=python)", str(caught.exception))

    def test_a_wrong_line_stops_with_its_number_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.table")
            with open(path, "w", encoding="utf-8") as file:
                file.write("# one\nnetwrk -> use aiohttp\n")
            out = [os.path.join(folder, name) for name in ("a.gen.h", "b.gen.h")]
            done = subprocess.run([sys.executable, gen_advice.__file__, path, *out], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr.startswith(f"{path}:2: there is no cause 'netwrk'"), done.stderr)
            self.assertEqual(os.listdir(folder), ["x.table"])


if __name__ == "__main__":
    unittest.main()
