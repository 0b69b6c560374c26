"""What aiotrace told against the target's own record. Pure."""

SAMPLED = ("python", "native", "gc", "kernel")
SHARE = 0.9  # of a stall with one cause; an emulated processor is slow beside the waits
SLACK_NS = 15 * 1000 * 1000
FEW_SAMPLES = 3  # tell nothing of a part: a busy host runs the guest's clock seldom
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
    """Those of which nothing was told, though they were stalls by the program's own clock."""
    return ["%s of %.1f ms was not told" % (record["label"], (record["end_ns"] - record["start_ns"]) / 1e6)
            for record, told in found if told is None and record["end_ns"] - record["start_ns"] > WARN_NS + SLACK_NS]


def wrong_lengths(found):
    wrong = []
    for record, told in found:
        start, end = (record.get("iteration_start_ns") or record["start_ns"],
                      record.get("iteration_end_ns") or record["end_ns"])
        # On the one processor aiotrace itself may come between the program's clock and its poll.
        wait = told["causes"].get("cpu-wait", 0) if told else 0
        if told and not record.get("in_poll") and abs(told["duration_ns"] - (end - start)) > SLACK_NS + 0.05 * (end - start) + wait:
            wrong.append("%s: %.1f ms told, %.1f ms by its own clock" % (record["label"], told["duration_ns"] / 1e6,
                                                                         (end - start) / 1e6))
        if told and abs(sum(told["causes"].values()) - told["duration_ns"]) > 0.01 * told["duration_ns"]:
            wrong.append("%s: its causes add up to %.1f of %.1f ms" % (
                record["label"], sum(told["causes"].values()) / 1e6, told["duration_ns"] / 1e6))
    return wrong


def few_samples(record, told):
    """Too few for a share: of a stall that was mostly a wait for the one processor, they are where the wait began or ended."""
    if record["expected_cause"] in SAMPLED and 2 * told["causes"].get("cpu-wait", 0) > told["duration_ns"]:
        return True
    samples = sum(one["count"] for one in told["segments"] if one["cause"] in SAMPLED)
    return record["expected_cause"] in SAMPLED and samples < FEW_SAMPLES


def wrong_causes(found):
    """A wait is under its cause: 90 % of what was blocked, and a tenth of the stall at least. Of time on the processor, which
    is sampled, 90 % is told as such, a tenth of it under its cause, without the kernel's: each timer tick of the guest takes an
    emulated processor long."""
    wrong = []
    for record, told in found:
        if not told:
            continue
        causes, expected = told["causes"], record["expected_cause"]
        length = record["end_ns"] - record["start_ns"] - causes.get("cpu-wait", 0)
        mine, sampled = causes.get(expected, 0), sum(causes.get(cause, 0) for cause in SAMPLED)
        blocked = sum(causes.values()) - sampled - causes.get("cpu-wait", 0)
        # The ticks' time is nobody's: a part of what the program itself had.
        busy = length if expected not in SAMPLED or expected == "kernel" else sampled - causes.get("kernel", 0)
        enough = sampled >= SHARE * length - SLACK_NS if expected in SAMPLED else mine >= SHARE * blocked - SLACK_NS
        if not enough or (mine <= 0.1 * busy and not few_samples(record, told)):
            wrong.append("%s: %s" % (record["label"], ", ".join(
                "%s %.1f ms" % (name, ns / 1e6) for name, ns in sorted(causes.items(), key=lambda one: -one[1]))))
    return wrong


def wrong_stacks(found):
    """The largest segment of the cause hangs in the function and at the line that the record names, in its task."""
    wrong = []
    for record, told in found:
        if not told or not record.get("stack"):
            continue
        # A guest that was not run for long finds that what it waited for has come: wrong_causes() judges that.
        if not told["causes"].get(record["expected_cause"]) or few_samples(record, told):
            continue
        of_cause = [one for one in told["segments"] if one["cause"] == record["expected_cause"] and one["stack"]]
        frames = {(frame["function"], frame["file"]) for one in of_cause for frame in one["stack"]}
        if not of_cause or (record["function"], record["file"]) not in frames:
            wrong.append("%s: not in %s, but in %s" % (record["label"], record["function"], sorted(frames)[:3]))
        task = told["task"] and told["task"]["name"]
        if record.get("task") and task != record["task"]:
            wrong.append("%s: task %s, not %s" % (record["label"], task, record["task"]))
    return wrong
