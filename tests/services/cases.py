"""What is done to each service, and judged."""
import os

import judge
from processes import Outside, answers, environment
from tracer import Tracer, run
from witness import Witness

HEALTHY_S, AGE_S = 14, 5
SHORT_HEALTHY_S, SHORT_AGE_S = 7, 2
STALLS = ("sleep", "network", "file_lock", "hash", "zlib", "python", "process", "gil", "lock", "gc", "regex", "sqlite", "join", "callback-sleep", "callback-hash", "vendored-sleep")
SHORT_STALLS = ("sleep", "file_lock", "hash", "gil")
LEAKS = ("never", "orphan", "stuck", "generator", "exception", "dropped")
HANGS = ("deadlock", "ended", "executor", "slots", "lost")
STALL_MS = 200
# Functions of outside/faults.py that wait on purpose.
KNOWN = ("cross", "use_table", "make_thumbnail", "upload", "wait_lost", "hang_self", "wait_for_answer")


def pid_option(pids):
    return "-p", ",".join(map(str, pids))


class Case:
    """What is done to a service that runs."""

    def __init__(self, name, act):
        self.name, self.act = name, act


class Group:
    """Cases of one instance of a service, in their order; `faulty`: with the plugin."""

    def __init__(self, faulty, *cases):
        self.faulty, self.cases = faulty, cases

    def start(self, service, venv, folder):
        one = service(venv, folder, environment(folder) if self.faulty else {"PYTHONDONTWRITEBYTECODE": "1"})
        try:
            one.start()
            one.outside = into(one, folder) if self.faulty else None
        except BaseException:
            one.end()
            raise
        return one


def well(tracer, status):
    return [] if status == 0 else ["aiotrace (%s) ended with %s: %s" % (tracer.name, status, tracer.text()[-300:])]


def attach(service, folder, *arguments):
    return Tracer(folder, "watch", *pid_option(service.pids()), *service.options, *arguments).watching()


def healthy(service, folder, short):
    seconds, age = (SHORT_HEALTHY_S, SHORT_AGE_S) if short else (HEALTHY_S, AGE_S)
    witness = Witness(service.readable_pids())
    watch = attach(service, folder)
    scan = Tracer(folder, "leaks", "leaks", *pid_option(service.readable_pids()), "--age", "%ds" % age, "--watch=2s", "-d", "%ds" % seconds)
    look = Tracer(folder, "hangs", "hang", *pid_option(service.readable_pids()), "--watch=3s", "-d", "%ds" % seconds)
    scan.wait_for(lambda: scan.process.poll() is not None, 10 * seconds)
    statuses = {each.name: each.stop() for each in (scan, look, watch)}
    witness.end()
    bad = [text for each in (scan, look, watch) for text in well(each, statuses[each.name])]
    summary = (watch.of("summary") or [{}])[-1]
    bad += ["a loop was not seen: %s" % row for row in summary.get("unseen_loops") or ()]
    bad += ["no iteration of any loop"] if not sum(row["iterations"] for row in summary.get("loops") or ()) else []
    bad += judge.leaks(scan.of("leak") + watch.of("leak")) + judge.hangs(watch.of("hang")) + judge.hangs(look.of("hang"), (), service.verdicts)
    bad += judge.our_doing(watch.stalls()) + judge.invented(watch.stalls(), witness) + judge.sums(watch.stalls()) + judge.held_up(watch.stalls())
    return bad


def into(service, folder):
    """The plugin in the service, when it has found its loop, which may begin to run after the service listens."""
    outside = Outside(folder, service.faulty_pid())
    service.running[0].wait_for(outside.ready)
    service.running[0].wait_for(lambda: outside.do("hello")["found"])
    return outside


def by_request(service, line):
    """A fault in the middleware of a request."""
    answers(service.port, "/", {"x-fault": line})
    return service.outside.next(line)


def until_reported(watch, records):
    """Its lines come a moment after the stalls: until there is one of the last."""
    watch.wait_for(lambda: any(each["start_ns"] + each["duration_ns"] >= records[-1]["end_ns"] and not each["ongoing"] for each in watch.of("stall")), 5)


class Stalled:
    """One run over all stalls, judged by several cases."""

    def __init__(self, service, folder, short):
        watch = attach(service, folder, "--leaks", "off", "--hangs", "off")
        kinds = SHORT_STALLS if short else STALLS + service.more_stalls
        # Modules are imported by the first fault, which is not judged: on a busy machine it takes any time.
        service.outside.do("sleep 1")
        self.records = [service.outside.do("%s %d" % (kind, STALL_MS)) for kind in kinds]
        if service.app and service.one_worker:
            self.records += [by_request(service, "%s %d" % (kind, STALL_MS)) for kind in SHORT_STALLS]
        until_reported(watch, self.records)
        self.complaints = well(watch, watch.stop())
        self.stalls, self.summary = watch.stalls(), (watch.of("summary") or [{"places": []}])[-1]

    @classmethod
    def of(cls, service, folder, short):
        service.stalled = service.stalled or cls(service, folder, short)
        return service.stalled


def sick_stalls(service, folder, short):
    ran = Stalled.of(service, folder, short)
    bad = list(ran.complaints)
    for record in ran.records:
        bad += judge.stall(record, ran.stalls)
    return bad + judge.sums(ran.stalls) + judge.held_up(ran.stalls)


def sick_places(service, folder, short):
    ran = Stalled.of(service, folder, short)
    return judge.places(ran.records, ran.summary["places"])


def sick_leaks(service, folder, short):
    outside = service.outside
    records = [outside.do(kind) for kind in LEAKS]
    age = SHORT_AGE_S if short else AGE_S
    scan = Tracer(folder, "leaks", "leaks", *pid_option([records[0]["pid"]]), "--age", "%ds" % age, "--watch=2s")
    scan.wait_for(lambda: not any(judge.leak(record, scan.of("leak")) for record in records) or len(scan.of("scan")) >= 2 + 2 * age, 60)
    bad = well(scan, scan.stop())
    for record in records:
        bad += judge.leak(record, scan.of("leak"))
    brief = Tracer(folder, "brief", *pid_option([records[0]["pid"]]), "-d", "2s", "--hangs", "off")
    brief.wait_for(lambda: brief.process.poll() is not None, 60)
    bad += well(brief, brief.stop())
    bad += judge.not_clean(records, (brief.of("summary") or [{}])[-1].get("leaks"))
    return bad + judge.leaks(scan.of("leak"), records)


def sick_hangs(service, folder, short):
    outside = service.outside
    watch = attach(service, folder, "--leaks", "off")
    records = [outside.do(kind) for kind in HANGS]
    # Beside stalls: what is proved at once, an executor when two looks have found it used up; nothing else.
    reported = [record for record in records if "waiting" not in record["verdict"]]
    watch.wait_for(lambda: not any(judge.hang(record, watch.of("hang")) for record in reported), 45)
    bad = well(watch, watch.stop())
    bad += ["beside stalls: " + text for record in reported for text in judge.hang(record, watch.of("hang"))]
    bad += ["beside stalls: " + text for text in judge.hangs(watch.of("hang"), KNOWN)]
    bad += looked(service, folder, "hang", records)
    return bad + looked(service, folder, "self", [outside.do("self")])


# A look that finds the process changed proves nothing, and says `waiting`.
LOOKS = 6


def looked(service, folder, name, records):
    """By `aiotrace hang`."""
    look = Tracer(folder, name, "hang", *pid_option([records[0]["pid"]]), "--watch=1s")
    look.wait_for(lambda: not any(judge.hang(record, look.of("hang")) for record in records) or len(look.of("look")) >= LOOKS, 60)
    bad = well(look, look.stop())
    for record in records:
        bad += judge.hang(record, look.of("hang"))
    return bad + judge.hangs(look.of("hang"), KNOWN)


COMMANDS = (("watch", "-d", "4s"), ("tasks",), ("tasks", "--tree"), ("tasks", "--stacks"), ("leaks",), ("hang",), ("awaits", "-d", "3s"), ("top", "--once"), ("doctor",))


def typed(service, folder, words):
    """(status, standard output, standard error) of a command as people type it; kept in a file."""
    command = words[1:] if words[0] == "watch" else words
    pids = {"watch": service.pids(), "awaits": [service.faulty_pid()]}.get(words[0], service.readable_pids())  # awaits takes one
    options = service.options if words[0] == "watch" else ()
    status, said, error = run(*command, *pid_option(pids), *options)
    with open(os.path.join(folder, "text%s.txt" % "".join("-" + word.strip("-") for word in words)), "w") as file:
        file.write("$ aiotrace %s -p …\n%s\n--- standard error\n%s\n--- status %d\n" % (" ".join([*command, *options]), said, error, status))
    return status, said, error


def texts(service, folder, short):
    """Every command ends well and says something."""
    bad = []
    for words in COMMANDS:
        status, said, error = typed(service, folder, words)
        if status != 0:
            bad.append("`%s` ended with %d: %s" % (" ".join(words), status, error[-200:]))
        if not said.strip():
            bad.append("`%s` said nothing" % " ".join(words))
    return bad


def foreign(service, folder, short):
    """What is not asyncio is named, and a command that cannot answer says so by its status. `said` None: no loop of any kind, only no crash."""
    bad = []
    for words in COMMANDS:
        status, said, error = typed(service, folder, words)
        if service.said is None:
            bad += ["`%s` ended with %d: %s" % (" ".join(words), status, error[-200:])] if status not in (0, 1) else []
        elif words[0] != "top":
            expected = 3 if words[0] in ("tasks", "leaks", "hang", "awaits") else 0
            if status != expected or service.said.lower() not in (said + error).lower():
                bad.append("`%s` ended with %d, not %d: %s" % (" ".join(words), status, expected, (error or said).strip()[-200:]))
    return bad


def lost(service, folder, short):
    """What nobody will end is no idle wait, and is proved where nobody else refers to it."""
    pids = pid_option(service.pids())
    scan = Tracer(folder, "leaks", "leaks", *pids, "--age", "%ds" % AGE_S, "--watch=2s")
    look = Tracer(folder, "hangs", "hang", *pids, "--watch=2s")
    leaks = [{"class": "stuck", "leaks": name, "count": count} for name, count, _ in service.lost()]
    hangs = [{"verdict": ["unresolvable"], "waiters": name, "count": count} for name, count, proved in service.lost() if proved]
    scan.wait_for(lambda: not any(judge.leak(record, scan.of("leak")) for record in leaks) or len(scan.of("scan")) >= AGE_S + 2, 60)
    look.wait_for(lambda: len(look.of("look")) >= 2, 60)
    bad = well(scan, scan.stop()) + well(look, look.stop())
    for record in leaks:
        bad += judge.leak(record, scan.of("leak"))
    for record in hangs:
        bad += judge.hang(record, look.of("hang"))
    return bad


HEALTHY, STALLS_CASE, PLACES = Case("healthy", healthy), Case("stalls from outside", sick_stalls), Case("places of these stalls", sick_places)
GROUPS = {"well": Group(False, HEALTHY, Case("commands", texts)), "healthy": Group(False, HEALTHY), "foreign": Group(False, Case("not asyncio", foreign)),
          "lost": Group(False, Case("waits that nobody ends", lost)), "stalls": Group(True, STALLS_CASE, PLACES),
          "sick": Group(True, STALLS_CASE, PLACES, Case("leaks from outside", sick_leaks), Case("hangs from outside", sick_hangs))}


def of(service, short):
    """The groups of a service."""
    return [GROUPS[name] for name in (("healthy", "stalls") if short else service.groups)]
