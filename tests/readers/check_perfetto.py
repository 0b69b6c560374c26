"""Reads a trace with the classes that Perfetto's own project makes of its schema (package `perfetto`).

usage: check_perfetto.py FILE      (an interpreter that has the package)

Fails if a slice overlaps another one of its track, begins before an earlier one, or has no track. Prints JSON:
`slices`, a list of [track, depth, name, how many, ns], and `counters`, by name a list of [ns since the first packet's
clock, value].
"""
import collections
import json
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema


def read(path):
    trace = schema.Trace()
    with open(path, "rb") as file:
        trace.ParseFromString(file.read())
    begin = next(clock.timestamp for clock in trace.packet[0].clock_snapshot.clocks if clock.clock_id == 3)
    tracks, open_slices, last = {}, collections.defaultdict(list), collections.Counter()
    slices, counters = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(list)
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert track.uuid and track.uuid not in tracks, "a track twice"
            assert not track.parent_uuid or track.parent_uuid in tracks, "a track before its parent"
            tracks[track.uuid] = track.name or track.thread.thread_name or track.process.process_name
        if not packet.HasField("track_event"):
            continue
        event, at = packet.track_event, packet.timestamp
        name, on = tracks[event.track_uuid], open_slices[event.track_uuid]
        assert at >= last[event.track_uuid], "%s: %r goes back in time" % (name, event.name)
        last[event.track_uuid] = at
        if event.type == schema.TrackEvent.TYPE_SLICE_BEGIN:
            on.append((event.name, at))
        elif event.type == schema.TrackEvent.TYPE_SLICE_END:
            what, since = on.pop()
            total = slices[name, len(on), what]
            total[0] += 1
            total[1] += at - since
        elif event.type == schema.TrackEvent.TYPE_COUNTER:
            counters[name].append([at - begin, event.counter_value])
    assert not any(open_slices.values()), "a slice without an end"
    return {"slices": [[*key, *total] for key, total in slices.items()], "counters": counters}


if __name__ == "__main__":
    json.dump(read(sys.argv[1]), sys.stdout)
