#include "output/json/hangs.h"

#include "output/json/hang_parts.h"
#include "output/json/parts.h"

namespace aiotrace::output {

namespace {

// Whether it runs, and how it is known, is of interest for those who hold.
Json waiters_json(const std::vector<model::HangParty>& parties) {
  auto all = json_of(parties);
  for (auto& party : all) {
    party.erase("how");
    party.erase("state");
  }
  return all;
}

Json look_losses(std::size_t unreadable, bool torn) {
  return {{"task-unreadable", unreadable}, {"task-list-torn", torn ? 1 : 0}};
}

}  // namespace

template <>
struct JsonForm<model::Hang> {
  using T = model::Hang;
  static constexpr auto list = std::tuple{form::constant("type", "hang"),
                                          SHOWN(id),
                                          SHOWN(pid),
                                          SHOWN(since_ns),
                                          SHOWN(verdict),
                                          SHOWN(exact),
                                          SHOWN(resource),
                                          SHOWN(waiters, waiters_json),
                                          SHOWN(holders),
                                          SHOWN(ring, form::kNonempty),
                                          SHOWN(ring_more)};
};

template <>
struct JsonForm<model::HangScan> {
  using T = model::HangScan;
  static constexpr auto list = std::tuple{
      form::constant("type", "look"),
      SHOWN(pid),
      SHOWN(number),
      SHOWN(duration_ns),
      SHOWN(tasks),
      SHOWN(threads),
      form::made(
          "losses", [](const T& scan, const OutputContext&) { return look_losses(scan.unreadable, scan.torn); },
          &T::unreadable, &T::torn),
      form::left_out(&T::time_ns)};
};

std::string hang_json(const model::Hang& hang) { return row_of(hang); }

std::string hang_look_json(const model::HangScan& scan) { return row_of(scan); }

std::string hang_summary_json(const HangSummary& summary, std::uint64_t time_ns, const OutputContext& context) {
  return summary_json({.time_ns = time_ns,
                       .elapsed_ns = summary.elapsed_ns,
                       .own = {{"looks", summary.looks},
                               {"max_look_ns", summary.max_look_ns},
                               {"hangs", summary.hangs},
                               {"proved", summary.proved}},
                       .losses = look_losses(summary.unreadable, summary.torn),
                       .cost = {.cpu_ns = summary.cpu_ns}},
                      context);
}

}  // namespace aiotrace::output
