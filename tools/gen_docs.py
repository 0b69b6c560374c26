#!/usr/bin/env python3
"""Writes the man page and bash's completion from what the program itself says with --help.

usage: gen_docs.py BINARY MAN-PAGE COMPLETION

Every command and option is there, and none that does not exist: neither file can go stale.
"""
import re
import subprocess
import sys

# Names without a blank, what they take, and their text: behind two blanks, or on the next line where that is full.
OPTION = re.compile(r"^  (?P<names>-[^ ]*)(?: (?P<value>[^ ].*?))?(?:$|(?:  +| \.\.\. +)(?P<text>\S.*)$)")
COMMAND = re.compile(r"^  aiotrace (?P<name>[a-z]+) ")
VALUES = {"--poll-probe": "auto fentry tracepoint uprobe", "--leaks": "on off"}


class Help:
    """One page of --help: `about` before the usage, `options` [(names, value, text)], `end` behind them."""

    def __init__(self, text):
        lines = text.rstrip("\n").split("\n")
        usage = next(i for i, line in enumerate(lines) if line.startswith("Usage:"))
        self.about = [line.rstrip() for line in lines[:usage] if line.strip()]
        self.usage = lines[usage][len("Usage:"):].strip()
        self.options, self.end = [], []
        behind = False
        for line in lines[usage + 1:]:
            found = OPTION.match(line)
            if line in ("Options:", "Positionals:"):
                continue
            if found:
                names = found["names"].split(",")
                self.options.append((names, (found["value"] or "").removesuffix("...").strip(),
                                     (found["text"] or "").strip()))
                behind = True
            elif behind and (line.strip() or self.end):
                if line.startswith("    ") and not self.end and self.options:  # an option's text goes on
                    names, value, text_so_far = self.options.pop()
                    self.options.append((names, value, (text_so_far + " " + line.strip()).strip()))
                else:
                    self.end.append(line.rstrip())
        if not self.options:
            raise ValueError("no options in the help of: " + (self.about or [self.usage])[0])

    def commands(self):
        return list(dict.fromkeys(found["name"] for found in map(COMMAND.match, self.about) if found))


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return "\\&" + text if text.startswith((".", "'")) else text


def option_lines(options):
    for names, value, text in options:
        yield ".TP"
        yield ", ".join("\\fB%s\\fR" % roff(name) for name in names) + (" \\fI%s\\fR" % roff(value) if value else "")
        yield roff(text)


def verbatim(lines):
    return [".nf", *map(roff, lines), ".fi"]


def end_lines(end):
    """Examples as they are, other text as paragraphs."""
    block = []
    for line in [*end, ""]:
        if line.startswith("  "):
            block.append(line.strip())
            continue
        if block:
            yield from [".RS", *verbatim(block), ".RE"]
            block = []
        if line.strip():
            yield ".PP"
            yield roff(line)


def man_page(version, main, commands):
    """`commands`: {name: Help}."""
    lines = ['.TH AIOTRACE 8 "" "%s" "System Administration"' % roff(version), ".SH NAME"]
    name, _, what = main.about[0].partition(": ")
    lines += ["%s \\- %s" % (roff(name), roff(what.rstrip("."))), ".SH SYNOPSIS"]
    lines += verbatim(line.strip() for line in main.about if line.startswith("  "))
    lines += [".SH DESCRIPTION", *(roff(line) for line in main.about[1:] if not line.startswith("  "))]
    lines += [".SH OPTIONS", *option_lines(main.options)]
    lines += [".SH COMMANDS"]
    for name, page in commands.items():
        lines += [".SS aiotrace " + name]
        lines += [roff(line.removeprefix("aiotrace %s: " % name)) for line in page.about if not line.startswith("  ")]
        lines += [*option_lines(page.options), *end_lines(page.end)]
    lines += [".SH EXAMPLES AND EXIT STATUS", *end_lines(main.end)]
    lines += [".SH SEE ALSO", "\\fBbpf\\fR(2), \\fBepoll\\fR(7), \\fBcapabilities\\fR(7)"]
    return "\n".join(lines) + "\n"


def completion(main, commands):
    def words(page):
        return " ".join(name for names, _, _ in page.options for name in names)

    pages = {"": main, **commands}
    takes_file = sorted({name for page in pages.values() for names, value, _ in page.options for name in names
                         if value == "FILE"})
    takes_pid = sorted({name for page in pages.values() for names, value, _ in page.options for name in names
                        if value.startswith("PID")})
    takes_other = sorted({name for page in pages.values() for names, value, _ in page.options for name in names
                          if value and not value.startswith(("FILE", "PID", "[")) and name not in VALUES})
    cases = [(takes_file, 'COMPREPLY=($(compgen -f -- "$word"));'),
             (takes_pid, "COMPREPLY=($(cd /proc && compgen -W '$(echo [0-9]*)' -- \"$word\"));"),
             *(([name], "COMPREPLY=($(compgen -W '%s' -- \"$word\"));" % values) for name, values in VALUES.items()),
             (takes_other, "")]
    out = ["# bash completion for aiotrace", "_aiotrace() {",
           '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options',
           "  COMPREPLY=()", "  case $before in"]
    out += ["    %s) %s return ;;" % (" | ".join(names), what) for names, what in cases if names]
    out += ["  esac", "  case $command in"]
    out += ["    %s) options='%s' ;;" % (name, words(page)) for name, page in commands.items()]
    out += ["    *) options='%s'" % words(main),
            "       [ \"$COMP_CWORD\" = 1 ] && options+=' %s' ;;" % " ".join(commands), "  esac",
            "  if [[ $word == -* || $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))",
            "  elif [ \"$command\" = report ]; then COMPREPLY=($(compgen -f -- \"$word\")); fi", "}",
            "complete -o filenames -F _aiotrace aiotrace"]
    return "\n".join(out) + "\n"


def ask(binary, *arguments):
    return subprocess.run([binary, *arguments], check=True, capture_output=True, text=True, encoding="utf-8").stdout


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    binary, man_file, completion_file = argv
    page = Help(ask(binary, "--help"))
    commands = {name: Help(ask(binary, name, "--help")) for name in page.commands()}
    with open(man_file, "w", encoding="utf-8") as file:
        file.write(man_page(ask(binary, "--version").strip(), page, commands))
    with open(completion_file, "w", encoding="utf-8") as file:
        file.write(completion(page, commands))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
