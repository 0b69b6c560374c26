#include "output/json/exact_awaits.h"

#include "output/json/await_site.h"
#include "output/json/parts.h"

namespace aiotrace::output {
namespace {

constexpr double kMedian = 0.5;
constexpr double kHigh = 0.99;

// With no await there is neither a mean nor a longest.
constexpr auto known(std::uint64_t (*of)(const model::Durations&)) {
  return [of](const model::Durations& durations, const OutputContext&) {
    return durations.count != 0 ? Json(of(durations)) : Json(nullptr);
  };
}

}  // namespace

template <>
struct JsonForm<model::Durations> {
  using T = model::Durations;
  static constexpr auto list = std::tuple{
      SHOWN(count),
      SHOWN(total_ns),
      form::made<T>("mean_ns", known([](const T& durations) { return durations.mean_ns(); })),
      form::made("p50_ns", known([](const T& durations) { return durations.percentile(kMedian); }), &T::buckets),
      form::made("p99_ns", known([](const T& durations) { return durations.percentile(kHigh); }), &T::buckets),
      form::made("max_ns", known([](const T& durations) { return durations.max_ns; }), &T::max_ns)};
};

template <>
struct JsonForm<model::InFlight> {
  using T = model::InFlight;
  static constexpr auto list = std::tuple{
      form::shown("in_flight", &T::count), form::shown("in_flight_ns", &T::total_ns),
      form::made(
          "in_flight_max_ns",
          [](const T& open, const OutputContext&) { return open.count == 0 ? Json(nullptr) : Json(open.longest_ns); },
          &T::longest_ns)};
};

template <>
struct JsonForm<model::ExactAwaitRow> {
  using T = model::ExactAwaitRow;
  static constexpr auto list = std::tuple{form::inlined(&T::site), form::inlined(&T::in_flight),
                                          form::inlined(&T::waited), form::constant("exact", true)};
};

template <>
struct JsonForm<model::DelayRow> {
  using T = model::DelayRow;
  static constexpr auto list = std::tuple{SHOWN(tasks), SHOWN(coroutine), form::inlined(&T::delay)};
};

std::string exact_await_json(const model::ExactAwaitRow& row, std::uint32_t pid) {
  return row_of_process("await", pid, row);
}

std::string delay_json(const model::DelayRow& row, std::uint32_t pid) { return row_of_process("delay", pid, row); }

std::string exact_summary_json(const model::ExactSummary& summary, const OutputContext& context) {
  auto losses = Json::object();
  for (const auto& [name, count] : summary.losses) losses[name] = count;
  return summary_json({.time_ns = summary.time_ns,
                       .elapsed_ns = summary.elapsed_ns,
                       .own = {{"first_ns", summary.first_ns}, {"last_ns", summary.time_ns}},
                       .losses = losses,
                       .cost = {.bpf_ns = summary.run_ns, .runs = summary.traps, .cpu_ns = summary.cpu_ns},
                       .target_cost = {{"ns", summary.cost_ns},
                                       {"share", summary.most_share},
                                       {"max_share", summary.max_share},
                                       {"exceeded", summary.too_dear},
                                       {"entry_ns", summary.entry_ns},
                                       {"return_ns", summary.return_ns}}},
                      context);
}

}  // namespace aiotrace::output
