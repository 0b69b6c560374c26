#include "output/json/leaks.h"

#include "output/json/parts.h"

namespace aiotrace::output {

namespace {

Json scan_losses(const model::LeakScan& scan, const OutputContext& /*context*/ = {}) {
  return {{"swapped-bytes", scan.swapped_bytes},
          {"unreadable-bytes", scan.unreadable_bytes},
          {"objects-over-limit", scan.objects_over_limit},
          {"not-judged", scan.unclassified},
          {"unconfirmed", scan.unconfirmed}};
}

}  // namespace

template <>
struct JsonForm<model::LeakPlace> {
  using T = model::LeakPlace;
  static constexpr auto list = std::tuple{SHOWN(coroutine), SHOWN(file),   SHOWN(line, form::kNonzero),    SHOWN(stack),
                                          SHOWN(detail),    SHOWN(holder), SHOWN(made_by, form::kNonempty)};
};

template <>
struct JsonForm<model::Leak> {
  using T = model::Leak;
  static constexpr auto list = std::tuple{
      form::constant("type", "leak"),
      form::shown("class", &T::leak_class),
      form::shown("status", &T::leak, [](bool leak) { return Json(leak ? "leak" : "candidate"); }),
      form::inlined(&T::place),
      SHOWN(count),
      SHOWN(age_ns),
      SHOWN(age_known),
      form::made(
          "bytes",
          [](const T& leak, const OutputContext&) {
            return leak.leak_class == model::LeakClass::dropped ? Json(nullptr) : Json(leak.bytes);
          },
          &T::bytes),
      form::shown("gc_generation", &T::generation),
      SHOWN(idle),
      SHOWN(growth_per_minute),
      SHOWN(growing),
      SHOWN(pid),
      SHOWN(scan)};
};

template <>
struct JsonForm<model::LeakScan> {
  using T = model::LeakScan;
  static constexpr auto list = std::tuple{form::constant("type", "scan"),
                                          SHOWN(number),
                                          SHOWN(duration_ns),
                                          SHOWN(objects),
                                          SHOWN(pid),
                                          form::shown("start_ns", &T::time_ns),
                                          SHOWN(bytes),
                                          SHOWN(holders_ns),
                                          form::made("losses", scan_losses, &T::swapped_bytes, &T::unreadable_bytes,
                                                     &T::objects_over_limit, &T::unclassified, &T::unconfirmed)};
};

Json leak_counts_json(const model::LeakCounts& counts) {
  auto object = Json::object();
  for (std::size_t i = 0; i < counts.size(); ++i)
    object[std::string(model::name(static_cast<model::LeakClass>(i)))] = counts[i];
  return object;
}

std::string leak_json(const model::Leak& leak) { return row_of(leak); }

std::string leak_scan_json(const model::LeakScan& scan) { return row_of(scan); }

std::string leak_summary_json(const model::LeakSummary& summary, std::uint64_t time_ns, const OutputContext& context) {
  model::Cost cost{.cpu_ns = summary.cpu_ns, .rss_bytes = summary.rss_bytes};
  if (summary.origins) {
    cost.bpf_ns = summary.origins->bpf_ns;
    cost.runs = summary.origins->traps;
  }
  return summary_json({.time_ns = time_ns,
                       .elapsed_ns = summary.elapsed_ns,
                       .own = {{"scans", summary.scans},
                               {"max_scan_ns", summary.max_scan_ns},
                               {"leaks", leak_counts_json(summary.leaks)},
                               {"candidates", leak_counts_json(summary.candidates)}},
                       .losses = scan_losses(summary.losses),
                       .cost = cost},
                      context);
}

}  // namespace aiotrace::output
