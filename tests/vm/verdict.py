"""Compares what aiotrace reported with the target's own record. Pure."""

SAMPLED = ("python", "native", "gc", "kernel")
SHARE = 0.9  # limit for a stall with one cause; an emulated processor is slow compared with the waits
SLACK_NS = 15 * 1000 * 1000
FEW_SAMPLES = 3  # with fewer samples a share is meaningless: a busy host rarely runs the guest's clock
WARN_NS = 50 * 1000 * 1000


def find(record, stalls):
    """The stall that shares most time with the record's."""
    start, end = record["start_ns"], record["end_ns"]

    def common(one):
        return min(end, one["start_ns"] + one["duration_ns"]) - max(start, one["start_ns"])

    best = max(stalls, key=common, default=None)
    return best if best and 2 * common(best) > end - start else None


def pairs(records, stalls):
    ended = [one for one in stalls if not one["ongoing"]]
    return [(record, find(record, ended)) for record in records if record["kind"] != "incidental"]


def missed(found):
    """Stalls by the program's own clock that were not reported."""
    return ["%s of %.1f ms was not reported" % (record["label"], (record["end_ns"] - record["start_ns"]) / 1e6)
            for record, seen in found if seen is None and record["end_ns"] - record["start_ns"] > WARN_NS + SLACK_NS]


def wrong_lengths(found):
    wrong = []
    for record, seen in found:
        start, end = (record.get("iteration_start_ns") or record["start_ns"],
                      record.get("iteration_end_ns") or record["end_ns"])
        # On the one processor aiotrace itself may come between the program's clock and its poll.
        wait = seen["causes"].get("cpu-wait", 0) if seen else 0
        if seen and not record.get("in_poll") and abs(seen["duration_ns"] - (end - start)) > SLACK_NS + 0.05 * (end - start) + wait:
            wrong.append("%s: %.1f ms reported, %.1f ms by its own clock" % (record["label"], seen["duration_ns"] / 1e6,
                                                                         (end - start) / 1e6))
        if seen and abs(sum(seen["causes"].values()) - seen["duration_ns"]) > 0.01 * seen["duration_ns"]:
            wrong.append("%s: its causes add up to %.1f of %.1f ms" % (
                record["label"], sum(seen["causes"].values()) / 1e6, seen["duration_ns"] / 1e6))
    return wrong


def few_samples(record, seen):
    """True if the samples are too few for a share. In a stall that was mostly a wait for the only processor, samples fall
    only where the wait began or ended."""
    if record["expected_cause"] in SAMPLED and 2 * seen["causes"].get("cpu-wait", 0) > seen["duration_ns"]:
        return True
    samples = sum(one["count"] for one in seen["segments"] if one["cause"] in SAMPLED)
    return record["expected_cause"] in SAMPLED and samples < FEW_SAMPLES


def wrong_causes(found):
    """Stalls with too little time under their cause. A wait needs 90 % of the blocked time under its cause, and at least a
    tenth of the stall. Time on the processor is sampled: 90 % of it must be reported as such, and a tenth of it (without
    the kernel's time) under its cause; each timer tick of the guest takes an emulated processor long."""
    wrong = []
    for record, seen in found:
        if not seen:
            continue
        causes, expected = seen["causes"], record["expected_cause"]
        length = record["end_ns"] - record["start_ns"] - causes.get("cpu-wait", 0)
        mine, sampled = causes.get(expected, 0), sum(causes.get(cause, 0) for cause in SAMPLED)
        blocked = sum(causes.values()) - sampled - causes.get("cpu-wait", 0)
        # The time of the ticks belongs to no cause: the share is of the program's own time.
        busy = length if expected not in SAMPLED or expected == "kernel" else sampled - causes.get("kernel", 0)
        enough = sampled >= SHARE * length - SLACK_NS if expected in SAMPLED else mine >= SHARE * blocked - SLACK_NS
        if not enough or (mine <= 0.1 * busy and not few_samples(record, seen)):
            wrong.append("%s: %s" % (record["label"], ", ".join(
                "%s %.1f ms" % (name, ns / 1e6) for name, ns in sorted(causes.items(), key=lambda one: -one[1]))))
    return wrong


def wrong_stacks(found):
    """The largest segment of the cause hangs in the function and at the line that the record names, in its task."""
    wrong = []
    for record, seen in found:
        if not seen or not record.get("stack"):
            continue
        # If the host did not run the guest for a long time, the wait is over before it begins: wrong_causes() checks
        # that.
        if not seen["causes"].get(record["expected_cause"]) or few_samples(record, seen):
            continue
        of_cause = [one for one in seen["segments"] if one["cause"] == record["expected_cause"] and one["stack"]]
        frames = {(frame["function"], frame["file"]) for one in of_cause for frame in one["stack"]}
        if not of_cause or (record["function"], record["file"]) not in frames:
            wrong.append("%s: not in %s, but in %s" % (record["label"], record["function"], sorted(frames)[:3]))
        task = seen["task"] and seen["task"]["name"]
        if record.get("task") and task != record["task"]:
            wrong.append("%s: task %s, not %s" % (record["label"], task, record["task"]))
    return wrong
