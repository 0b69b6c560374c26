"""python3 tools/gen_page_test.py"""
import os
import subprocess
import sys
import tempfile
import unittest

import gen_page

PAGE = "<style>\n@@page.css@@\n</style>\n<script>@@data@@</script>\n<script>\n@@page.js@@\n</script>\n"


class Page(unittest.TestCase):
    def made(self, html=PAGE, css="p {}", js="1;"):
        """Exit status, what it said, and the header; "" if there is none."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("page.html", html), ("page.css", css), ("page.js", js)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            header = os.path.join(folder, "page.gen.h")
            done = subprocess.run([sys.executable, gen_page.__file__, folder, header], capture_output=True, text=True)
            if not os.path.exists(header):
                return done.returncode, done.stderr, ""
            with open(header, encoding="utf-8") as file:
                return done.returncode, done.stderr, file.read()

    def test_the_parts_stand_where_they_belong(self):
        status, said, header = self.made()
        self.assertEqual((status, said), (0, ""))
        before, after = header.split("kPageAfterData")
        self.assertIn("<style>\np {}\n</style>", before)
        self.assertIn("<script>\n1;\n</script>", after)
        self.assertNotIn("@@", header)

    def test_what_is_dangerous_is_refused_with_its_line(self):
        for js, why in (
            ("x.innerHTML = name;", "makes markup"),
            ("document.write(name)", "makes markup"),
            ("fetch('x')", "loads something"),
            ("import('x')", "loads something"),
            ("const s = '</script>'", "ends its own element"),
            ("const a = 'https://example.org'", "loads something"),
            (')aiotrace"', "ends the C++ literal"),
        ):
            with self.subTest(js):
                status, said, header = self.made(js="1;\n" + js)
                self.assertEqual((status, header), (1, ""))
                self.assertIn(why, said)
                if "element" not in why:
                    self.assertIn("page.js:2: ", said)

    def test_a_part_without_a_place(self):
        for place in ("@@page.css@@", "@@page.js@@", "@@data@@"):
            with self.subTest(place):
                status, said, header = self.made(html=PAGE.replace(place, ""))
                self.assertEqual((status, header), (1, ""))
                self.assertIn(f"must have {place} once", said)


if __name__ == "__main__":
    unittest.main()
