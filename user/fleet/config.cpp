#include "fleet/config.h"

// Some files that are no TOML, as "[!]", violate assertions of toml++ 3.3, behind which it reports them as wrong: the
// target `config` of tests/fuzz/ looks at what comes of it.
#define TOML_ASSERT(condition) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "util/duration.h"

namespace aiotrace::fleet {

namespace {

constexpr std::uint64_t kLeastBytes = 16'000'000;
constexpr std::size_t kMostPatterns = 1000;

struct Bounds {
  std::uint64_t least_ns = 0;
  std::uint64_t most_ns = 0;
  std::string_view text;
};
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kNsPerS = 1'000'000'000;
// Of metrics: a receiver that adds up deltas wants some a minute.
constexpr Bounds kInterval{.least_ns = kNsPerS, .most_ns = 600 * kNsPerS, .text = "from 1s to 10m"};
constexpr Bounds kProfile{.least_ns = kNsPerS, .most_ns = 60 * kNsPerS, .text = "from 1s to 60s"};
constexpr Bounds kStall{.least_ns = kNsPerMs, .most_ns = 3'600 * kNsPerS, .text = "from 1ms to 1h"};

class Reader {
 public:
  [[nodiscard]] std::expected<Config, std::vector<ConfigError>> read(const toml::table& top);

 private:
  using Node = toml::node;

  void wrong(const Node& node, std::string message) {
    errors_.push_back({node.source().begin.line, std::move(message)});
  }
  void unknown(const toml::key& key, std::string_view where) {
    errors_.push_back({key.source().begin.line, "there is no setting " + std::string(key.str()) +
                                                    (where.empty() ? "" : " in ") + std::string(where)});
  }
  void take(std::string_view name, const Node& node, std::optional<std::string>& into);
  void take(std::string_view name, const Node& node, std::optional<bool>& into);
  [[nodiscard]] std::optional<std::uint64_t> duration(std::string_view name, const Node& node);
  void take(std::string_view name, const Node& node, std::optional<Endpoint>& into);
  void take(std::string_view name, const Node& node, bool& into);
  void number(std::string_view name, const Node& node, std::uint64_t most, std::uint64_t& into);
  void duration(std::string_view name, const Node& node, Bounds bounds, std::uint64_t& into);
  void size(std::string_view name, const Node& node, std::uint64_t& into);
  void patterns(std::string_view name, const Node& node, std::vector<std::string>& into);
  template <class Take>
  void table(std::string_view name, const Node& node, Take take_key);
  void stalls(const Node& node);
  void recorder(const Node& node);
  void otlp(const Node& node);
  void looks(const Node& node);
  void profiles(const Node& node);
  void processes(std::string_view name, const Node& node, Processes& into);

  Config config_;
  std::vector<ConfigError> errors_;
};

void Reader::take(std::string_view name, const Node& node, std::optional<std::string>& into) {
  if (const auto* text = node.as_string(); text != nullptr && !text->get().empty())
    into = text->get();
  else
    wrong(node, std::string(name) + " needs a text");
}

void Reader::take(std::string_view name, const Node& node, std::optional<bool>& into) {
  if (const auto* value = node.as_boolean())
    into = value->get();
  else
    wrong(node, std::string(name) + " needs true or false");
}

std::optional<std::uint64_t> Reader::duration(std::string_view name, const Node& node) {
  const auto* text = node.as_string();
  const auto ns = text != nullptr ? parse_duration(text->get()) : fail("", "");
  if (ns && *ns != 0) return *ns;
  wrong(node, std::string(name) + R"( needs a time with a unit, as "50ms" or "24h")");
  return std::nullopt;
}

void Reader::duration(std::string_view name, const Node& node, Bounds bounds, std::uint64_t& into) {
  const auto ns = duration(name, node);
  if (!ns) return;
  if (*ns < bounds.least_ns || *ns > bounds.most_ns)
    wrong(node, std::string(name) + " must be " + std::string(bounds.text));
  else
    into = *ns;
}

void Reader::take(std::string_view name, const Node& node, bool& into) {
  std::optional<bool> value;
  take(name, node, value);
  into = value.value_or(into);
}

void Reader::take(std::string_view name, const Node& node, std::optional<Endpoint>& into) {
  const auto* text = node.as_string();
  const auto parsed = parse_endpoint(text != nullptr ? text->get() : "");
  if (parsed)
    into = *parsed;
  else
    wrong(node, std::string(name) + " " + parsed.error());
}

void Reader::number(std::string_view name, const Node& node, std::uint64_t most, std::uint64_t& into) {
  const auto* value = node.as_integer();
  if (value == nullptr || value->get() < 1 || static_cast<std::uint64_t>(value->get()) > most)
    wrong(node, std::string(name) + " needs a number from 1 to " + std::to_string(most));
  else
    into = static_cast<std::uint64_t>(value->get());
}

void Reader::size(std::string_view name, const Node& node, std::uint64_t& into) {
  const auto* text = node.as_string();
  const auto bytes = text != nullptr ? parse_size(text->get()) : std::nullopt;
  if (!bytes)
    wrong(node, std::string(name) + R"( needs a size with a unit, as "256MB")");
  else if (*bytes < kLeastBytes)
    wrong(node, std::string(name) + " must be 16MB at least");
  else
    into = *bytes;
}

void Reader::patterns(std::string_view name, const Node& node, std::vector<std::string>& into) {
  const auto* list = node.as_array();
  if (list == nullptr) return wrong(node, std::string(name) + R"( needs a list of texts: ["web-*"])");
  if (list->size() > kMostPatterns) return wrong(node, std::string(name) + " has more than 1000 entries");
  for (const auto& each : *list) {
    const auto* text = each.as_string();
    if (text == nullptr || text->get().empty())
      wrong(each, std::string(name) + " needs texts that are not empty");
    else
      into.push_back(text->get());
  }
}

template <class Take>
void Reader::table(std::string_view name, const Node& node, Take take_key) {
  const auto* keys = node.as_table();
  if (keys == nullptr) return wrong(node, std::string(name) + " is a table: [" + std::string(name) + "]");
  for (const auto& [key, value] : *keys) {
    if (!take_key(key.str(), value)) unknown(key, "[" + std::string(name) + "]");
  }
}

void Reader::stalls(const Node& node) {
  table("stalls", node, [this](std::string_view key, const Node& value) {
    if (key == "warn")
      config_.warn_ns = duration(key, value);
    else if (key == "error")
      config_.error_ns = duration(key, value);
    else
      return false;
    return true;
  });
  if (config_.warn_ns && config_.error_ns && *config_.error_ns < *config_.warn_ns)
    wrong(node, "error must not be less than warn");
}

void Reader::recorder(const Node& node) {
  auto& recorder = config_.recorder;
  table("recorder", node, [&](std::string_view key, const Node& value) {
    if (key == "directory") {
      take(key, value, recorder.directory);
      if (recorder.directory && !recorder.directory->starts_with('/')) wrong(value, "directory needs a path from /");
    } else if (key == "max_size") {
      size(key, value, recorder.max_bytes);
    } else if (key == "max_age") {
      recorder.max_age_ns = duration(key, value).value_or(recorder.max_age_ns);
    } else {
      return false;
    }
    return true;
  });
}

void Reader::otlp(const Node& node) {
  auto& otlp = config_.otlp;
  table("otlp", node, [&](std::string_view key, const Node& value) {
    if (key == "endpoint")
      take(key, value, otlp.endpoint);
    else if (key == "interval")
      duration(key, value, kInterval, otlp.interval_ns);
    else if (key == "gzip")
      take(key, value, otlp.gzip);
    else
      return false;
    return true;
  });
}

void Reader::looks(const Node& node) {
  constexpr std::uint64_t kMostProcesses = 200;
  auto& looks = config_.looks;
  table("looks", node, [&](std::string_view key, const Node& value) {
    if (key == "hangs")
      take(key, value, looks.hangs);
    else if (key == "leaks")
      take(key, value, looks.leaks);
    else if (key == "processes")
      number(key, value, kMostProcesses, looks.processes);
    else
      return false;
    return true;
  });
}

void Reader::profiles(const Node& node) {
  constexpr std::uint64_t kMostPerHour = 60;
  auto& profiles = config_.profiles;
  table("profiles", node, [&](std::string_view key, const Node& value) {
    if (key == "endpoint")
      take(key, value, profiles.endpoint);
    else if (key == "stall")
      duration(key, value, kStall, profiles.stall_ns);
    else if (key == "duration")
      duration(key, value, kProfile, profiles.duration_ns);
    else if (key == "per_hour")
      number(key, value, kMostPerHour, profiles.per_hour);
    else
      return false;
    return true;
  });
}

void Reader::processes(std::string_view name, const Node& node, Processes& into) {
  const std::array<std::pair<std::string_view, std::vector<std::string>*>, 5> lists{{{"command", &into.command},
                                                                                     {"service", &into.service},
                                                                                     {"unit", &into.unit},
                                                                                     {"container", &into.container},
                                                                                     {"cgroup", &into.cgroup}}};
  table(name, node, [&](std::string_view key, const Node& value) {
    const auto* found = std::ranges::find(lists, key, [](const auto& each) { return each.first; });
    if (found == lists.end()) return false;
    patterns(key, value, *found->second);
    return true;
  });
}

std::expected<Config, std::vector<ConfigError>> Reader::read(const toml::table& top) {
  for (const auto& [key, value] : top) {
    const auto name = key.str();
    if (name == "listen")
      take(name, value, config_.listen);
    else if (name == "other_loops")
      take(name, value, config_.other_loops);
    else if (name == "stalls")
      stalls(value);
    else if (name == "recorder")
      recorder(value);
    else if (name == "otlp")
      otlp(value);
    else if (name == "looks")
      looks(value);
    else if (name == "profiles")
      profiles(value);
    else if (name == "allow")
      processes(name, value, config_.selection.allow);
    else if (name == "deny")
      processes(name, value, config_.selection.deny);
    else
      unknown(key, "");
  }
  if (errors_.empty()) return std::move(config_);
  std::ranges::stable_sort(errors_, {}, &ConfigError::line);
  return std::unexpected(std::move(errors_));
}

std::expected<toml::table, std::vector<ConfigError>> parse(std::string_view text) {
  auto parsed = toml::parse(text);
  if (parsed) return std::move(parsed).table();
  const auto& error = parsed.error();
  return std::unexpected(std::vector<ConfigError>{{error.source().begin.line, std::string(error.description())}});
}

/// The same with a question mark for each byte that is not ASCII.
std::string only_ascii(std::string_view text) {
  std::string made(text);
  std::ranges::replace_if(made, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return made;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{{{"kB", 1e3},
                                                                       {"MB", 1e6},
                                                                       {"GB", 1e9},
                                                                       {"TB", 1e12},
                                                                       {"KiB", 1024.0},
                                                                       {"MiB", 1048576.0},
                                                                       {"GiB", 1073741824.0}}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto* found = std::ranges::find(kUnits, unit, [](const auto& each) { return each.first; });
  constexpr double kMost = 1e15;
  if (found == kUnits.end() || !(number >= 0) || number * found->second > kMost) return std::nullopt;
  return static_cast<std::uint64_t>(number * found->second);
}

std::expected<Config, std::vector<ConfigError>> parse_config(std::string_view text) {
  if (text.size() > kMaxConfig) return std::unexpected(std::vector<ConfigError>{{1, "the file is larger than 1 MiB"}});
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  // What toml++ 3.3 does at some characters outside of strings and comments, where TOML has none that is not ASCII, is
  // not defined: the second time they are inside.
  if (const auto ascii = parse(only_ascii(text)); !ascii) return std::unexpected(ascii.error());
  const auto table = parse(text);
  if (!table) return std::unexpected(table.error());
  return Reader().read(*table);
}

std::vector<std::string> fixed_differences(const Config& before, const Config& after) {
  std::vector<std::string> names;
  if (before.listen != after.listen) names.emplace_back("listen");
  if (before.other_loops != after.other_loops) names.emplace_back("other_loops");
  if (before.warn_ns != after.warn_ns) names.emplace_back("stalls.warn");
  if (before.error_ns != after.error_ns) names.emplace_back("stalls.error");
  if (before.recorder != after.recorder) names.emplace_back("recorder");
  if (before.otlp != after.otlp) names.emplace_back("otlp");
  if (before.looks != after.looks) names.emplace_back("looks");
  if (before.profiles != after.profiles) names.emplace_back("profiles");
  return names;
}

}  // namespace aiotrace::fleet
