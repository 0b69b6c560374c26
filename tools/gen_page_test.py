"""python3 tools/gen_page_test.py"""
import os
import subprocess
import sys
import tempfile
import unittest

import gen_page

PAGE = "<style>\n@@page.css@@\n</style>\n@@body@@\n<script>@@data@@</script>\n<script>\n@@common.js@@\n@@script@@\n</script>\n"


class Page(unittest.TestCase):
    def made(self, **changed):
        """Exit status, its messages, and the header; "" if there is none. `changed`: common_js="…" """
        files = {"page.html": PAGE, "page.css": "p {}", "common.js": "0;", "run.html": "<p>\n@@part.html@@", "run.js": "1;",
                 "part.html": "<b>", "part.js": "2;"}
        files.update({name.replace("_", "."): text for name, text in changed.items()})
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
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
        start, rest = header.split("kPageBeforeData")
        self.assertIn("<style>\np {}\n</style>", start)
        self.assertIn("<script>\n0;\n)aiotrace", rest.split("kPageAfterData")[1])
        self.assertIn('kRunBody = R"aiotrace(<p>\n<b>)aiotrace"', header)
        self.assertIn('kRunScript = R"aiotrace(1;)aiotrace"', header)
        self.assertNotIn("@@", header)

    def test_a_part_of_pages_is_no_page(self):
        self.assertNotIn("kPart", self.made()[2])

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
            for name in ("common", "run"):
                with self.subTest(js, name=name):
                    status, said, header = self.made(**{name + "_js": "1;\n" + js})
                    self.assertEqual((status, header), (1, ""))
                    self.assertIn(why, said)
                    if "element" not in why:
                        self.assertIn(f"{name}.js:2: ", said)

    def test_a_part_without_a_place(self):
        for place in ("@@body@@", "@@script@@", "@@data@@"):
            with self.subTest(place):
                status, said, header = self.made(page_html=PAGE.replace(place, ""))
                self.assertEqual((status, header), (1, ""))
                self.assertIn(f"must have {place} once", said)

    def test_a_place_without_a_part(self):
        for text, why in (("@@none.js@@", "none.js: is not there"), ("@@none@@", "nothing stands for @@none@@")):
            with self.subTest(text):
                status, said, header = self.made(run_js=text)
                self.assertEqual((status, header), (1, ""))
                self.assertIn(why, said)


if __name__ == "__main__":
    unittest.main()
