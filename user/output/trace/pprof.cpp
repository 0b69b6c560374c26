#include "output/trace/pprof.h"

#include <array>
#include <protozero/pbf_builder.hpp>
#include <ranges>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "output/trace/gzip.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

// Messages of proto/profile.proto with the numbers of their fields.
enum class Profile : protozero::pbf_tag_type {
  sample_type = 1,
  sample = 2,
  location = 4,
  function = 5,
  string_table = 6,
  time_nanos = 9,
  duration_nanos = 10,
  period_type = 11,
  period = 12,
  default_sample_type = 14
};
enum class ValueType : protozero::pbf_tag_type { type = 1, unit = 2 };
enum class Sample : protozero::pbf_tag_type { location_id = 1, value = 2 };
enum class Location : protozero::pbf_tag_type { id = 1, line = 4 };
enum class Line : protozero::pbf_tag_type { function_id = 1, line = 2 };
enum class Function : protozero::pbf_tag_type { id = 1, name = 2, filename = 4 };

template <class Field>
using Message = protozero::pbf_builder<Field>;

class Strings {
 public:
  Strings() { (void)index(""); }  // the first one must be empty
  std::uint64_t index(std::string_view text) {
    const auto [at, added] = at_.try_emplace(valid_utf8(text), all_.size());
    if (added) all_.push_back(&at->first);
    return at->second;
  }
  void write(Message<Profile>& into) const {
    for (const auto* text : all_) into.add_string(Profile::string_table, *text);
  }

 private:
  std::unordered_map<std::string, std::uint64_t> at_;
  std::vector<const std::string*> all_;
};

void write_value_type(Message<Profile>& out, Profile field, Strings& strings, std::string_view type,
                      std::string_view unit) {
  Message<ValueType> message(out, field);
  message.add_uint64(ValueType::type, strings.index(type));
  message.add_uint64(ValueType::unit, strings.index(unit));
}

// A location for each frame; frames of one function share the function.
void write_frames(const model::WeightedStacks& stacks, Strings& strings, Message<Profile>& out) {
  std::unordered_map<std::string, std::uint64_t> functions;
  std::uint64_t id = 0;
  for (const auto& frame : stacks.frames()) {
    const auto name = strings.index(frame.function);
    const auto file = strings.index(frame.file);
    const auto [at, added] = functions.try_emplace(std::to_string(name) + " " + std::to_string(file),
                                                   functions.size() + 1);
    if (added) {
      Message<Function> function(out, Profile::function);
      function.add_uint64(Function::id, at->second);
      function.add_uint64(Function::name, name);
      function.add_uint64(Function::filename, file);
    }
    Message<Location> location(out, Profile::location);
    location.add_uint64(Location::id, ++id);
    Message<Line> line(location, Location::line);
    line.add_uint64(Line::function_id, at->second);
    line.add_uint64(Line::line, frame.line);
  }
}

void write_sample(Message<Profile>& out, const model::WeightedStacks::Stack& stack) {
  Message<Sample> sample(out, Profile::sample);
  const auto ids = stack.frames | std::views::reverse |
                   std::views::transform([](auto frame) { return std::uint64_t{frame} + 1; });
  sample.add_packed_uint64(Sample::location_id, ids.begin(), ids.end());
  const std::array values{stack.times, stack.weight};
  sample.add_packed_uint64(Sample::value, values.begin(), values.end());
}

}  // namespace

Result<std::string> pprof(const model::WeightedStacks& stacks, const ProfileTime& time) {
  const bool nanoseconds = stacks.unit() == model::WeightedStacks::Unit::nanoseconds;
  const std::string_view unit = nanoseconds ? "nanoseconds" : "count";
  Strings strings;
  std::string bytes;
  Message<Profile> out(bytes);
  write_value_type(out, Profile::sample_type, strings, stacks.times(), "count");
  write_value_type(out, Profile::sample_type, strings, stacks.what(), unit);
  for (const auto& stack : stacks.stacks()) write_sample(out, stack);
  write_frames(stacks, strings, out);
  out.add_int64(Profile::time_nanos, time.start_unix_ns);
  out.add_uint64(Profile::duration_nanos, time.duration_ns);
  write_value_type(out, Profile::period_type, strings, stacks.what(), unit);
  out.add_uint64(Profile::period, 1);
  out.add_uint64(Profile::default_sample_type, strings.index(stacks.what()));
  strings.write(out);
  return gzip(bytes);
}

}  // namespace aiotrace::output
