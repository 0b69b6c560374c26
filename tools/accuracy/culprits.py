"""Culprits as the target recorded them, compared with those that aiotrace names. Pure."""

# The share of a part's time that must be reported under the right name.
NAMED_SHARE = 0.5
LEAST_NS = 2_000_000  # a culprit is expected of a part that was injected for at least this long


def is_same(expected, segment):
    culprit = segment.get("culprit") or {}
    for key, value in expected.items():
        if key == "syscall":
            found = segment.get("syscall") == value
        elif key == "library":
            found = starts(culprit.get("library"), value)
        elif key == "function":  # function in the holder's stack, by its plain name
            found = any((frame["function"] or "").split(".")[-1] == value for frame in culprit.get("stack") or [])
        elif key == "path":
            found = (culprit.get("path") or "").replace(" (deleted)", "") == value
        else:
            found = culprit.get(key) == value
        if not found:
            return False
    return True


def starts(text, name):
    """libz.so of libz.so.1; libc of libc.so.6 and libc-2.31.so, not of libcrypto."""
    text = text or ""
    return text.startswith(name) and (name.endswith(".so") or not text[len(name):len(name) + 1].isalnum())


def named_ns(expected, segment):
    """The part of the segment's time that is reported under the expected name."""
    if "running" in expected:  # several processes may have run instead
        running = (segment.get("culprit") or {}).get("running") or []
        return sum(one["ns"] for one in running if one["pid"] in expected["running"])
    return segment["ns"] if is_same(expected, segment) else 0


def is_named(part, seen):
    """Whether the stall's segments of the part's cause name the culprit for most of the part's time."""
    cause = part["cause"]
    named = sum(named_ns(part["culprit"], segment) for segment in seen["segments"] if segment["cause"] == cause)
    return named > 0 and named >= NAMED_SHARE * min(part["injected"].get(cause, 0), seen["causes"].get(cause, 0))


class Culprits:
    """By cause: the number of parts with a culprit, the number that was named right, and the others."""

    def __init__(self):
        self.asked, self.right, self.wrong = {}, {}, []

    def add(self, outcome):
        for part in outcome.stall["parts"]:
            cause = part["cause"]
            # In a Python without a GIL no thread waits for it, so the way injects nothing there.
            if not part["culprit"] or part["injected"].get(cause, 0) < LEAST_NS:
                continue
            self.asked[cause] = self.asked.get(cause, 0) + 1
            if outcome.seen and is_named(part, outcome.seen):
                self.right[cause] = self.right.get(cause, 0) + 1
            else:
                said = [(s["cause"], round(s["ns"] / 1e6, 1), s.get("syscall"), s.get("culprit"))
                        for s in (outcome.seen or {"segments": []})["segments"] if s["cause"] == cause][:3]
                self.wrong.append({"python": outcome.python, "way": part["way"], "cause": cause,
                                   "expected": part["culprit"], "reported": said})

    def number(self, causes):
        return sum(self.asked.get(cause, 0) for cause in causes)

    def share(self, causes):
        asked = self.number(causes)
        return sum(self.right.get(cause, 0) for cause in causes) / asked if asked else None
