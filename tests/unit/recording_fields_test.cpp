// Every field of a run's reports is in its recording: models are filled by the lists of fields, written, read, and
// compared field by field.
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/cause.h"
#include "model/field_lists.h"
#include "model/fields.h"
#include "recording/reader.h"
#include "recording/transfer.h"
#include "recording/writer.h"
#include "tests/catch.h"

using namespace aiotrace;

namespace {

// A value of its own in each field that has one: none is the default.
class Filler {
 public:
  template <class T>
  void fill(T& value) {
    if constexpr (model::HasFields<T>) {
      model::for_each_field<T>([&](const auto& field) { fill(value.*(field.member)); });
    } else if constexpr (model::kIsOptional<T>) {
      fill_optional(value);
    } else if constexpr (model::kIsSharedPtr<T>) {
      std::remove_const_t<typename T::element_type> made{};
      fill(made);
      value = std::make_shared<typename T::element_type>(std::move(made));
    } else if constexpr (model::kIsVariant<T>) {
      fill_variant(value);
    } else if constexpr (model::kIsVector<T>) {
      value.resize(2);
      for (auto& each : value) fill(each);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = !value;
    } else if constexpr (std::is_same_v<T, model::Cause>) {
      value = static_cast<T>(1 + next() % (model::kCauses - 1));
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(1 + next() % (model::kValues<T> - 1));
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = "text " + std::to_string(next());
    } else if constexpr (std::is_same_v<T, std::map<std::string, std::uint64_t>>) {
      for (int i = 0; i < 3; i++) value["key " + std::to_string(next())] = next();
    } else if constexpr (std::is_arithmetic_v<T>) {
      value = static_cast<T>(next());
      if constexpr (std::is_signed_v<T>) value = static_cast<T>(-value);
    } else {
      for (auto& each : value) fill(each);  // an array
    }
  }

 private:
  void fill_optional(std::optional<model::Timeline>& /*not recorded*/) {}
  void fill_optional(std::optional<model::WeightedStacks>& stacks) {
    model::WeightedStacks made("waited", "awaits", model::WeightedStacks::Unit::count);
    for (int i = 0; i < 3; i++)
      made.add(std::vector{model::weighted_frame({.function = "f" + std::to_string(next()), .file = "a.py", .line = 3}),
                           model::mark_frame("sleep")},
               next(), next());
    stacks = std::move(made);
  }
  // Each time another of its kinds.
  template <class T, std::size_t I = 0>
  void fill_variant(T& value, std::size_t wanted) {
    if constexpr (I < std::variant_size_v<T>) {
      if (wanted == I) return fill(value.template emplace<I>());
      fill_variant<T, I + 1>(value, wanted);
    }
  }
  template <class T>
  void fill_variant(T& value) {
    fill_variant(value, kind_++ % std::variant_size_v<T>);
  }
  template <class T>
  void fill_optional(std::optional<T>& value) {
    fill(value.emplace(T{}));
  }
  std::uint64_t next() { return ++last_; }

  std::uint64_t last_ = 0;
  std::size_t kind_ = 0;
};

template <class T>
T filled() {
  T value{};
  Filler().fill(value);
  return value;
}

bool same_stacks(const std::optional<model::WeightedStacks>& a, const std::optional<model::WeightedStacks>& b) {
  return a && b && model::same(a->parts(), b->parts()) && a->total() == b->total();
}

// The names of the fields that differ: "leaks.place.holder".
template <class T>
void add_differences(const T& a, const T& b, const std::string& name, std::vector<std::string>& all) {
  if constexpr (std::is_same_v<T, std::optional<model::Timeline>>) {
    return;
  } else if constexpr (std::is_same_v<T, std::optional<model::WeightedStacks>>) {
    if (!same_stacks(a, b)) all.push_back(name);
  } else if constexpr (model::HasFields<T>) {
    model::for_each_field<T>([&](const auto& field) {
      add_differences(a.*(field.member), b.*(field.member), name + "." + std::string(field.name), all);
    });
  } else if constexpr (model::kIsVector<T>) {
    if (a.size() != b.size()) return all.push_back(name);
    for (std::size_t i = 0; i < a.size(); i++) add_differences(a[i], b[i], name, all);
  } else if constexpr (model::kIsOptional<T> || model::kIsSharedPtr<T>) {
    if (static_cast<bool>(a) != static_cast<bool>(b)) return all.push_back(name);
    if (a) add_differences(*a, *b, name, all);
  } else if (!model::same(a, b)) {
    all.push_back(name);
  }
}

template <class T>
std::vector<std::string> differences(const T& a, const T& b) {
  std::vector<std::string> all;
  add_differences(a, b, "", all);
  return all;
}

class File {
 public:
  File() {
    if (::mkdtemp(directory_.data()) == nullptr) FAIL("make a directory");
  }
  ~File() { std::filesystem::remove_all(directory_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] std::string path() const { return directory_ + "/r"; }

 private:
  std::string directory_ = "/tmp/aiotrace-fields-XXXXXX";
};

// The data that is read from a recording that `write` has written.
template <class Write>
std::vector<recording::Record> recorded(Write write) {
  const File file;
  {
    auto writer = recording::Writer::create(file.path(), filled<recording::Head>());
    REQUIRE(writer.has_value());
    write(*writer);
  }
  auto reader = recording::Reader::open(file.path());
  REQUIRE(reader.has_value());
  CHECK(differences(reader->head(), filled<recording::Head>()) == std::vector<std::string>{});
  std::vector<recording::Record> records;
  while (true) {
    auto record = reader->next();
    INFO((record ? std::string() : record.error().message()) << ", behind " << records.size());
    REQUIRE(record.has_value());
    if (std::holds_alternative<recording::End>(*record)) return records;
    records.push_back(*std::move(record));
  }
}

const std::vector<std::string> kNone;

}  // namespace

TEST_CASE("every field of a run that watches stalls is recorded", "[recording]") {
  const auto watching = filled<model::Watching>();
  auto stall = filled<model::Stall>();
  stall.ongoing = false;
  auto unfinished = stall;
  unfinished.ongoing = true;
  stall.segments.resize(2 * std::variant_size_v<model::Culprit>);
  Filler filler;
  for (auto& segment : stall.segments) filler.fill(segment);
  const auto leaks = filled<model::ScannedLeaks>();
  const auto hangs = filled<model::ScannedHangs>();
  auto summary = filled<model::Summary>();
  const auto records = recorded([&](recording::Writer& to) {
    REQUIRE(to.watching(watching).has_value());
    REQUIRE(to.stall(stall).has_value());
    REQUIRE(to.leaks(leaks).has_value());
    REQUIRE(to.hangs(hangs).has_value());
    REQUIRE(to.unfinished(unfinished).has_value());
    REQUIRE(to.so_far(summary).has_value());
    REQUIRE(to.finish(summary).has_value());
  });
  REQUIRE(records.size() == 7);
  CHECK(differences(std::get<model::Watching>(records[0]), watching) == kNone);
  CHECK(differences(std::get<recording::RecordedStall>(records[1]).stall, stall) == kNone);
  CHECK(differences(std::get<model::ScannedLeaks>(records[2]), leaks) == kNone);
  CHECK(differences(std::get<model::ScannedHangs>(records[3]), hangs) == kNone);
  CHECK(differences(std::get<recording::RecordedStall>(records[4]).stall, unfinished) == kNone);
  CHECK(differences(std::get<recording::RecordedSummary>(records[5]).summary, summary) == kNone);
  CHECK(differences(std::get<recording::RecordedSummary>(records[6]).summary, summary) == kNone);
  CHECK_FALSE(std::get<recording::RecordedSummary>(records[6]).so_far);
}

TEST_CASE("every field of a run of leaks is recorded", "[recording]") {
  const auto head = filled<model::LeaksHead>();
  const auto end = filled<model::LeaksEnd>();
  const auto records = recorded([&](recording::Writer& to) {
    REQUIRE(to.begin(head).has_value());
    REQUIRE(to.leaks({}).has_value());
    REQUIRE(to.finish(end).has_value());
  });
  REQUIRE(records.size() == 3);
  CHECK(differences(std::get<model::LeaksHead>(records[0]), head) == kNone);
  CHECK(std::get<model::ScannedLeaks>(records[1]).leaks.empty());
  CHECK(differences(std::get<model::LeaksEnd>(records[2]), end) == kNone);
}

TEST_CASE("every field of a run of awaits is recorded", "[recording]") {
  const auto head = filled<model::AwaitsHead>();
  const auto found = filled<model::AwaitsFound>();
  auto records = recorded([&](recording::Writer& to) {
    REQUIRE(to.begin(head).has_value());
    REQUIRE(to.finish(found).has_value());
  });
  REQUIRE(records.size() == 2);
  CHECK(differences(std::get<model::AwaitsHead>(records[0]), head) == kNone);
  CHECK(differences(std::get<model::AwaitsFound>(records[1]), found) == kNone);

  const auto exact = filled<model::ExactFound>();
  records = recorded([&](recording::Writer& to) { REQUIRE(to.finish(exact).has_value()); });
  REQUIRE(records.size() == 1);
  CHECK(differences(std::get<model::ExactFound>(records[0]), exact) == kNone);
}

TEST_CASE("every field of a profile is recorded", "[recording]") {
  const auto head = filled<model::ProfileHead>();
  auto report = filled<model::ProfileReport>();
  // More than one record of rows.
  while (report.rows.size() < 4000) report.rows.push_back(report.rows.front());
  const auto records = recorded([&](recording::Writer& to) {
    REQUIRE(to.begin(head).has_value());
    REQUIRE(to.finish(report).has_value());
  });
  REQUIRE(records.size() == 2);
  CHECK(differences(std::get<model::ProfileHead>(records[0]), head) == kNone);
  CHECK(differences(std::get<model::ProfileReport>(records[1]), report) == kNone);
}

TEST_CASE("a comparison by fields sees each of them", "[recording]") {
  const auto leak = filled<model::Leak>();
  CHECK(model::same(leak, leak));
  auto other = leak;
  other.place.holder->owner += "x";
  CHECK_FALSE(model::same(leak, other));
  CHECK(differences(leak, other) == std::vector<std::string>{".place.holder.owner"});
  auto moment = filled<model::Moment>();
  auto again = filled<model::Moment>();
  CHECK(moment.frame != again.frame);
  CHECK(model::same(moment, again));
  again.frame.reset();
  CHECK_FALSE(model::same(moment, again));
}

TEST_CASE("a list of fields that lacks one or has one twice is incomplete", "[recording]") {
  struct Three {
    int a = 0;
    std::optional<std::string> b;
    std::array<std::uint64_t, 3> c{};
  };
  STATIC_REQUIRE(model::fields_detail::count<Three>() == 3);
  STATIC_REQUIRE(model::fields_detail::count<model::Stall>() == 21);
  STATIC_REQUIRE(model::kFieldsComplete<model::Leak>);
}

TEST_CASE("stacks that refer to frames that are not there are refused", "[recording]") {
  auto parts = filled<model::WeightedStacks::Parts>();
  parts.stacks = {{.frames = {0, 1}, .weight = 3, .times = 1}};
  CHECK(model::WeightedStacks::of(parts)->total() == 3);
  parts.stacks[0].frames.push_back(2);
  CHECK_FALSE(model::WeightedStacks::of(parts).has_value());
  parts.stacks[0].frames.assign(model::WeightedStacks::kMaxDepth + 1, 0);
  CHECK_FALSE(model::WeightedStacks::of(parts).has_value());
}
