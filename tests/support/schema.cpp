// The JSON's documented form: user/doc/aiotrace.schema.json, and rules that a schema cannot express (order of lines,
// sums).
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>

#include "tests/support/match.h"
#include "tests/support/scratch.h"

namespace aiotrace::testing {

namespace {

using Complaints = std::vector<std::string>;

void add_to(Complaints& all, const Complaints& more) { all.insert(all.end(), more.begin(), more.end()); }

/// True if it is the run's frame: `watching` first, `summary` last.
bool framed(const std::vector<Json>& lines, Complaints& complaints) {
  if (lines.empty() || lines.front()["type"] != "watching") complaints.emplace_back("watching is not first");
  if (lines.empty() || lines.back()["type"] != "summary") complaints.emplace_back("summary is not last");
  return complaints.empty();
}

/// A sum of nanoseconds by cause.
class CauseSums {
 public:
  void add(const std::string& cause, std::uint64_t ns) {
    sums_[cause] = sums_.value(cause, std::uint64_t{0}) + ns;
    all_ns_ += ns;
  }
  [[nodiscard]] const Json& json() const { return sums_; }
  [[nodiscard]] std::uint64_t all_ns() const { return all_ns_; }

 private:
  Json sums_ = Json::object();
  std::uint64_t all_ns_ = 0;
};

bool within_one_percent(std::uint64_t part, std::uint64_t whole) {
  return std::abs(static_cast<double>(part) - static_cast<double>(whole)) <= 0.01 * static_cast<double>(whole);
}

Complaints segment_sums(const Json& stall) {
  Complaints complaints;
  std::uint64_t sum = 0;
  std::uint64_t last = UINT64_MAX;
  for (const auto& segment : stall["segments"]) {
    const auto ns = segment["ns"].get<std::uint64_t>();
    if (ns > last) complaints.emplace_back("the segments are not largest first");
    last = ns;
    sum += ns;
  }
  const auto duration = stall["duration_ns"].get<std::uint64_t>();
  if (!within_one_percent(sum, duration))
    complaints.push_back("the segments add up to " + std::to_string(sum) + " of " + std::to_string(duration));
  return complaints;
}

/// Each stall counts once: by its line that is not ongoing, or by the last of one that never ended.
Complaints stall_sums(const Json& summary, const std::map<std::uint64_t, Json>& stalls) {
  Complaints complaints;
  std::uint64_t errors = 0;
  CauseSums causes;
  for (const auto& [id, stall] : stalls) {
    errors += stall["level"] == "error" ? 1 : 0;
    for (const auto& [name, ns] : stall["causes"].items()) causes.add(name, ns.get<std::uint64_t>());
  }
  if (summary["stalls"] != stalls.size())
    complaints.push_back("summary.stalls is " + summary["stalls"].dump() + " of " + std::to_string(stalls.size()));
  if (summary["errors"] != errors) complaints.push_back("summary.errors is " + summary["errors"].dump());
  if (summary["causes"] != causes.json())
    complaints.push_back("summary.causes " + summary["causes"].dump() + " are not the stalls' " + causes.json().dump());
  std::uint64_t places = 0;
  for (const auto& place : summary["places"]) places += place["ns"].get<std::uint64_t>();
  if (!within_one_percent(places, causes.all_ns()))
    complaints.push_back("summary.places add up to " + std::to_string(places) + " of " +
                         std::to_string(causes.all_ns()));
  return complaints;
}

}  // namespace

std::vector<std::string> form_complaints(const std::vector<Json>& lines) {
  const Scratch scratch;
  const auto file = scratch.file("lines.json");
  std::ofstream out(file);
  for (const auto& line : lines) out << line.dump() << '\n';
  out.close();
  const auto validator = std::filesystem::path(__FILE__).parent_path().parent_path() / "readers/check_json.py";
  const auto checked = run({"python3", validator.string(), file});
  auto complaints = lines_of(checked.out + checked.err);
  if (checked.status != 0 && complaints.empty()) complaints.emplace_back("check_json.py failed without a word");
  return complaints;
}

std::vector<std::string> profile_complaints(const std::vector<Json>& lines) {
  auto complaints = form_complaints(lines);
  if (!framed(lines, complaints)) return complaints;
  CauseSums sums;
  for (const auto& line : lines) {
    if (line["type"] == "profile" && line["cause"] != "idle" && line["ns"] != 0)
      sums.add(line["cause"], line["ns"].get<std::uint64_t>());
  }
  const auto& causes = lines.back()["causes"];
  if (causes != sums.json())
    complaints.push_back("summary.causes " + causes.dump() + " are not the rows' " + sums.json().dump());
  return complaints;
}

std::vector<std::string> schema_complaints(const std::vector<Json>& lines) {
  auto complaints = form_complaints(lines);
  if (!framed(lines, complaints)) return complaints;
  std::map<std::uint64_t, Json> by_id;
  for (const auto& line : lines) {
    if (line["type"] != "stall") continue;
    add_to(complaints, segment_sums(line));
    by_id[line["id"].get<std::uint64_t>()] = line;
  }
  add_to(complaints, stall_sums(lines.back(), by_id));
  return complaints;
}

}  // namespace aiotrace::testing
