#include "output/pprof.h"

#include <ranges>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "output/gzip.h"
#include "output/protobuf.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

// Field numbers of proto/profile.proto.
namespace profile {
constexpr std::uint32_t kSampleType = 1;
constexpr std::uint32_t kSample = 2;
constexpr std::uint32_t kLocation = 4;
constexpr std::uint32_t kFunction = 5;
constexpr std::uint32_t kStringTable = 6;
constexpr std::uint32_t kTimeNanos = 9;
constexpr std::uint32_t kDurationNanos = 10;
constexpr std::uint32_t kPeriodType = 11;
constexpr std::uint32_t kPeriod = 12;
constexpr std::uint32_t kDefaultSampleType = 14;
}  // namespace profile
namespace value_type {
constexpr std::uint32_t kType = 1;
constexpr std::uint32_t kUnit = 2;
}  // namespace value_type
namespace sample {
constexpr std::uint32_t kLocationId = 1;
constexpr std::uint32_t kValue = 2;
}  // namespace sample
namespace location {
constexpr std::uint32_t kId = 1;
constexpr std::uint32_t kLine = 4;
}  // namespace location
namespace line {
constexpr std::uint32_t kFunctionId = 1;
constexpr std::uint32_t kLine = 2;
}  // namespace line
namespace function {
constexpr std::uint32_t kId = 1;
constexpr std::uint32_t kName = 2;
constexpr std::uint32_t kFilename = 4;
}  // namespace function

class Strings {
 public:
  Strings() { (void)index(""); }  // the first one must be empty
  std::uint64_t index(std::string_view text) {
    const auto [at, added] = at_.try_emplace(valid_utf8(text), all_.size());
    if (added) all_.push_back(&at->first);
    return at->second;
  }
  void write(Message& into) const {
    for (const auto* text : all_) into.text(profile::kStringTable, *text);
  }

 private:
  std::unordered_map<std::string, std::uint64_t> at_;
  std::vector<const std::string*> all_;
};

Message value_type_of(Strings& strings, std::string_view type, std::string_view unit) {
  Message message;
  message.number(value_type::kType, strings.index(type));
  message.number(value_type::kUnit, strings.index(unit));
  return message;
}

// A location for each frame; functions are shared by the lines of one.
void write_frames(const model::WeightedStacks& stacks, Strings& strings, Message& out) {
  std::unordered_map<std::string, std::uint64_t> functions;
  std::uint64_t id = 0;
  for (const auto& frame : stacks.frames()) {
    const auto name = strings.index(frame.function);
    const auto file = strings.index(frame.file);
    const auto [at, added] = functions.try_emplace(std::to_string(name) + " " + std::to_string(file),
                                                   functions.size() + 1);
    if (added) {
      Message function;
      function.number(function::kId, at->second);
      function.number(function::kName, name);
      function.number(function::kFilename, file);
      out.message(profile::kFunction, function);
    }
    Message line;
    line.number(line::kFunctionId, at->second);
    line.number(line::kLine, frame.line);
    Message location;
    location.number(location::kId, ++id);
    location.message(location::kLine, line);
    out.message(profile::kLocation, location);
  }
}

}  // namespace

Result<std::string> pprof(const model::WeightedStacks& stacks, const ProfileTime& time) {
  const bool nanoseconds = stacks.unit() == model::WeightedStacks::Unit::nanoseconds;
  const std::string_view unit = nanoseconds ? "nanoseconds" : "count";
  Strings strings;
  Message out;
  out.message(profile::kSampleType, value_type_of(strings, stacks.times(), "count"));
  out.message(profile::kSampleType, value_type_of(strings, stacks.what(), unit));
  for (const auto& stack : stacks.stacks()) {
    Message locations;
    for (const auto frame : std::views::reverse(stack.frames)) locations.varint(std::uint64_t{frame} + 1);
    Message values;
    values.varint(stack.times);
    values.varint(stack.weight);
    Message sample;
    sample.message(sample::kLocationId, locations);
    sample.message(sample::kValue, values);
    out.message(profile::kSample, sample);
  }
  write_frames(stacks, strings, out);
  out.number(profile::kTimeNanos, static_cast<std::uint64_t>(time.start_unix_ns));
  out.number(profile::kDurationNanos, time.duration_ns);
  out.message(profile::kPeriodType, value_type_of(strings, stacks.what(), unit));
  out.number(profile::kPeriod, 1);
  out.number(profile::kDefaultSampleType, strings.index(stacks.what()));
  strings.write(out);
  return gzip(out.bytes());
}

}  // namespace aiotrace::output
