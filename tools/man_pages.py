"""The man pages in user/doc: their text, their options, and how scdoc(1) makes them.

A page is scdoc, which is Markdown where both have the same: headings, *bold*, _italic_, indented text, lists.
"""
import glob
import os
import re
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FOLDER = os.path.join(ROOT, "user/doc")


def names():
    """{"aiotrace-tasks": "8"}."""
    found = (os.path.basename(path).split(".") for path in glob.glob(os.path.join(FOLDER, "*.*.md")))
    return {name: section for name, section, _ in found if section.isdigit()}


class Page:
    def __init__(self, name, section):
        self.path = os.path.join(FOLDER, "%s.%s.md" % (name, section))
        with open(self.path, encoding="utf-8") as file:
            self.lines = file.read().split("\n")

    def section(self, title, level="#"):
        """Its lines; subsections belong to it."""
        begin = self.lines.index("%s %s" % (level, title)) + 1
        above = re.compile("#{1,%d} " % len(level))
        end = next((at for at in range(begin, len(self.lines)) if above.match(self.lines[at])), len(self.lines))
        return self.lines[begin:end]

    def subsections(self):
        """{title: lines} of the whole page."""
        return {line[3:]: self.section(line[3:], "##") for line in self.lines if line.startswith("## ")}

    def bold(self):
        return words(self.lines)

    def options(self):
        """[(names, value, text)], as tools/gen_docs.py has those of --help."""
        options = []
        for line in self.section("OPTIONS"):
            if re.match(r"\*-|_[A-Z]+_$", line):
                found = re.findall(r"\*(--?[\w-]+)\*", line)
                value = plain(re.sub(r"\*--?[\w-]+\*(, )?", "", line)).strip()
                options.append((found or [value], value if found else "", ""))
            elif line.startswith("\t") and options:
                option_names, value, text = options.pop()
                options.append((option_names, value, text + line.strip() + " "))
        return options


def plain(text):
    """Without the marks."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\*|(?<![\w\\])_|(?<!\\)_(?!\w)", "", text.removesuffix("++")))


def words(lines):
    """What is bold."""
    return set(re.findall(r"(?<!\\)\*([^*\n]+?)(?<!\\)\*", "\n".join(lines)))


def terms(lines):
    """What is bold in lines that are not indented, which a description follows."""
    return words(line for line, after in zip(lines, lines[1:]) if line.startswith("*") and after.startswith("\t"))


def rendered(page):
    """As roff. Raises CalledProcessError: the page is not well-formed."""
    with open(page.path, "rb") as file:
        return subprocess.run(["scdoc"], stdin=file, capture_output=True, check=True).stdout
