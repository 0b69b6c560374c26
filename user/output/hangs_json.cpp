#include "model/summary.h"
#include "output/hangs.h"
#include "output/json_values.h"

namespace aiotrace::output {
namespace {

Json party_json(const model::HangParty& party, bool holder) {
  Json object{
      {"kind", party.task ? "task" : "thread"}, {"id", party.id},       {"tid", nonzero_or_null(party.tid)},
      {"name", text_or_null(party.name)},       {"count", party.count}, {"waits_for", text_or_null(party.waits_for)},
      {"stack", stack_json(party.stack)}};
  if (!holder) return object;
  object["how"] = party.how ? Json(model::name(*party.how)) : Json(nullptr);
  object["state"] = model::name(party.state);
  return object;
}

Json parties_json(const std::vector<model::HangParty>& parties, bool holders) {
  auto all = Json::array();
  for (const auto& party : parties) all.push_back(party_json(party, holders));
  return all;
}

}  // namespace

std::string hang_json(const model::Hang& hang) {
  return line_of({{"type", "hang"},
                  {"id", hang.id},
                  {"pid", hang.pid},
                  {"since_ns", value_or_null(hang.since_ns)},
                  {"verdict", model::name(hang.verdict)},
                  {"exact", hang.exact},
                  {"resource",
                   {{"kind", model::name(hang.resource.kind)},
                    {"class", text_or_null(hang.resource.class_name)},
                    {"name", text_or_null(hang.resource.name)},
                    {"capacity", value_or_null(hang.resource.capacity)},
                    {"out", value_or_null(hang.resource.out)},
                    {"waiting", hang.resource.waiting}}},
                  {"waiters", parties_json(hang.waiters, false)},
                  {"holders", parties_json(hang.holders, true)},
                  {"ring", hang.ring.empty() ? Json(nullptr) : Json(hang.ring)},
                  {"ring_more", hang.ring_more}});
}

std::string hang_look_json(const model::HangScan& scan) {
  return line_of({{"type", "look"},
                  {"pid", scan.pid},
                  {"number", scan.number},
                  {"duration_ns", scan.duration_ns},
                  {"tasks", scan.tasks},
                  {"threads", scan.threads},
                  {"losses", {{"task-unreadable", scan.unreadable}, {"task-list-torn", scan.torn ? 1 : 0}}}});
}

std::string hang_summary_json(const HangSummary& summary, std::uint64_t time_ns, const OutputContext& context) {
  return line_of(
      {{"type", "summary"},
       {"schema", model::kSchema},
       {"time", utc_time(time_ns, context)},
       {"elapsed_ns", summary.elapsed_ns},
       {"looks", summary.looks},
       {"max_look_ns", summary.max_look_ns},
       {"hangs", summary.hangs},
       {"proved", summary.proved},
       {"loops", Json::array()},
       {"causes", Json::object()},
       {"places", Json::array()},
       {"losses", {{"task-unreadable", summary.unreadable}, {"task-list-torn", summary.torn ? 1 : 0}}},
       {"cost", {{"bpf_ns", nullptr}, {"runs", nullptr}, {"cpu_ns", summary.cpu_ns}, {"rss_bytes", nullptr}}}});
}

}  // namespace aiotrace::output
