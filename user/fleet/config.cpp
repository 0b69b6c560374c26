#include "fleet/config.h"

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
  void size(std::string_view name, const Node& node, std::uint64_t& into);
  void patterns(std::string_view name, const Node& node, std::vector<std::string>& into);
  template <class Take>
  void table(std::string_view name, const Node& node, Take take_key);
  void stalls(const Node& node);
  void recorder(const Node& node);
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
  const auto parsed = toml::parse(text);
  if (!parsed) {
    const auto& error = parsed.error();
    return std::unexpected(std::vector<ConfigError>{{error.source().begin.line, std::string(error.description())}});
  }
  return Reader().read(parsed.table());
}

std::vector<std::string> fixed_differences(const Config& before, const Config& after) {
  std::vector<std::string> names;
  if (before.listen != after.listen) names.emplace_back("listen");
  if (before.other_loops != after.other_loops) names.emplace_back("other_loops");
  if (before.warn_ns != after.warn_ns) names.emplace_back("stalls.warn");
  if (before.error_ns != after.error_ns) names.emplace_back("stalls.error");
  if (before.recorder != after.recorder) names.emplace_back("recorder");
  return names;
}

}  // namespace aiotrace::fleet
