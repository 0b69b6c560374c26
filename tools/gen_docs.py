#!/usr/bin/env python3
"""Writes bash's completion from the program's own --help.

usage: gen_docs.py BINARY COMPLETION

It contains exactly the existing commands, options and values, so the file cannot become outdated. The man pages are
written by hand in user/doc; tools/man_pages_test.py compares them with --help, which `Help` below reads.
"""
import re
import subprocess
import sys

# "-d, --duration TIME  text", "    --watch[=TIME]  text", "FILE  text"; the text may begin on the next line.
OPTION = re.compile(r"^  (?P<names>(?:-\w, |    )--[a-z-]+|[A-Z]+)(?:(?: |(?=\[=))(?P<value>\S+))?(?:  +(?P<text>\S.*))?$")
COMMAND = re.compile(r"^  (?P<name>[a-z]+) +(?P<text>\S.*)$")
POSSIBLE = re.compile(r"\[possible values: ([^\]]*)\]")


class Help:
    """One page of --help: `about` paragraphs, `usage` lines, `commands` {name: text}, `groups` {title: [(names, value,
    text)]}, `end` blocks of lines."""

    def __init__(self, text):
        self.about, self.usage, self.commands, self.groups, self.end = [], [], {}, {}, []
        for block in text.strip("\n").split("\n\n"):
            self.take(block.split("\n"))
        if not self.groups:
            raise ValueError("no options in the help of: " + " ".join(self.about or self.usage))

    def take(self, lines):
        title, rows = lines[0], lines[1:]
        if title.startswith("Usage:"):
            self.usage = [line.removeprefix("Usage:").strip() for line in lines]
        elif not self.usage:
            self.about.append(" ".join(line.strip() for line in lines))
        elif title == "Commands:":
            found = filter(None, map(COMMAND.match, rows))
            self.commands = {each["name"]: each["text"] for each in found}
        elif rows and title.endswith(":") and OPTION.match(rows[0]):
            self.groups[title.removesuffix(":")] = self.options_of(rows)
        else:
            self.end.append(lines)

    @staticmethod
    def options_of(rows):
        options = []
        for row in rows:
            found = OPTION.match(row)
            if found:
                names = [name.strip() for name in found["names"].split(",")]
                options.append((names, found["value"] or "", found["text"] or ""))
            else:  # an option's text continues
                names, value, text = options.pop()
                options.append((names, value, (text + " " + row.strip()).strip()))
        return options

    def options(self):
        return [option for group in self.groups.values() for option in group]


def values_of(pages):
    """{option or argument: its possible values}."""
    values = {}
    for names, _, text in (option for page in pages for option in page.options()):
        found = POSSIBLE.search(text)
        for name in names if found else ():
            if values.setdefault(name, found[1].split(", ")) != found[1].split(", "):
                raise ValueError(name + " has other values in another command")
    return values


def names_where(pages, wanted):
    return sorted({name for page in pages for names, value, _ in page.options() for name in names if wanted(name, value)})


def completion(main, commands):
    def words(page):
        return " ".join(name for names, _, _ in page.options() for name in names if name.startswith("-"))

    def reply(words_of):
        return "COMPREPLY=($(compgen -W '%s' -- \"$word\"))" % words_of

    pages = [main, *commands.values()]
    values = values_of(pages)
    takes_other = names_where(pages, lambda name, value: value and not value.startswith(("FILE", "PID", "["))
                              and name not in values)
    cases = [(names_where(pages, lambda _, value: value == "FILE"), 'COMPREPLY=($(compgen -f -- "$word"))'),
             (names_where(pages, lambda _, value: value.startswith("PID")),
              "COMPREPLY=($(cd /proc && compgen -W '$(echo [0-9]*)' -- \"$word\"))"),
             *(([name], reply(" ".join(each))) for name, each in values.items() if name.startswith("-")),
             (takes_other, ":")]
    out = ["# bash completion for aiotrace", "_aiotrace() {",
           "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options",
           "  COMPREPLY=()",
           "  # bash takes --mode=cpu for three words.",
           "  if [ \"$word\" = = ]; then word=",
           "  elif [ \"$before\" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi",
           "  case $before in"]
    out += ["    %s) %s; return ;;" % (" | ".join(names), what) for names, what in cases if names]
    out += ["  esac", "  case $command in"]
    out += ["    %s) options='%s' ;;" % (name, words(page)) for name, page in commands.items()]
    out += ["    *) options='%s'" % words(main),
            "       [ \"$COMP_CWORD\" = 1 ] && options+=' %s' ;;" % " ".join(commands), "  esac",
            "  if [[ $word == -* || $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))",
            "  elif [ \"$command\" = help ]; then %s" % reply(" ".join(commands)),
            "  elif [ \"$command\" = report ]; then COMPREPLY=($(compgen -f -- \"$word\")); fi", "}",
            "complete -o filenames -F _aiotrace aiotrace"]
    return "\n".join(out) + "\n"


def ask(binary, *arguments):
    return subprocess.run([binary, *arguments], check=True, capture_output=True, text=True, encoding="utf-8").stdout


def main(argv):
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    binary, completion_file = argv
    page = Help(ask(binary, "--help"))
    commands = {name: Help(ask(binary, name, "--help")) for name in page.commands}
    with open(completion_file, "w", encoding="utf-8") as file:
        file.write(completion(page, commands))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
