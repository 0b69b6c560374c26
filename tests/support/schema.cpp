// The JSON's documented form.
#include <cmath>

#include "tests/support/match.h"

namespace aiotrace::testing {

namespace {

// u: a number not negative; s: text; b: boolean; o: object; a: array; with '?' null too.
struct Field {
  const char* name;
  const char* type;
};

bool fits(const Json& value, const std::string& type) {
  if (type.ends_with('?') && value.is_null()) return true;
  switch (type.front()) {
    case 'u': return value.is_number_unsigned();
    case 's': return value.is_string();
    case 'b': return value.is_boolean();
    case 'o': return value.is_object();
    default: return value.is_array();
  }
}

class Checker {
 public:
  std::vector<std::string> complaints;

  void fields(const Json& object, const std::string& where, std::initializer_list<Field> wanted) {
    if (!object.is_object()) {
      complaints.push_back(where + " is no object");
      return;
    }
    for (const auto& [name, type] : wanted) {
      if (!object.contains(name))
        complaints.push_back(where + "." + name + " is missing");
      else if (!fits(object[name], type))
        complaints.push_back(where + "." + name + " is " + object[name].dump());
    }
  }

  void one_of(const Json& value, const std::string& where, std::initializer_list<const char*> allowed) {
    for (const char* each : allowed) {
      if (value == each) return;
    }
    complaints.push_back(where + " is " + value.dump());
  }

  void stack(const Json& frames, const std::string& where) {
    if (frames.is_null()) return;
    for (const auto& frame : frames) {
      fields(frame, where, {{"kind", "s"}, {"function", "s?"}, {"file", "s?"}, {"line", "u?"}});
      one_of(frame["kind"], where + ".kind", {"python", "native", "kernel"});
    }
  }

  void leak(const Json& line) {
    fields(line, "leak",
           {{"class", "s"},
            {"status", "s"},
            {"coroutine", "s?"},
            {"file", "s?"},
            {"line", "u?"},
            {"count", "u?"},
            {"age_ns", "u?"},
            {"bytes", "u?"},
            {"stack", "a"},
            {"pid", "u"},
            {"scan", "u"}});
    one_of(line["class"], "leak.class",
           {"never-awaited", "orphaned", "stuck", "unread-exception", "async-generator", "dropped"});
    one_of(line["status"], "leak.status", {"leak", "candidate"});
    stack(line["stack"], "leak.stack");
  }

  void cause(const std::string& name, const std::string& where) {
    one_of(name, where,
           {"python", "native", "gc", "kernel", "gil", "lock", "sleep", "file", "network", "process", "fault", "other",
            "stopped", "cpu-wait", "throttled"});
  }

  void causes(const Json& object, const std::string& where) {
    for (const auto& [name, ns] : object.items()) {
      cause(name, where);
      if (!ns.is_number_unsigned()) complaints.push_back(where + "." + name + " is no number");
    }
  }

  void culprit(const Json& segment, const std::string& where) {
    const auto& who = segment["culprit"];
    if (who.is_null()) return;
    const std::string kind = segment["cause"];
    if (kind == "gil")
      fields(who, where, {{"tid", "u"}, {"thread", "s"}, {"stack", "a?"}});
    else if (kind == "file")
      fields(who, where, {{"path", "s?"}, {"op", "s?"}});
    else if (kind == "network")
      fields(who, where, {{"protocol", "s?"}, {"local", "s?"}, {"peer", "s?"}, {"dns", "b?"}});
    else if (kind == "process")
      fields(who, where, {{"pid", "u?"}, {"comm", "s?"}});
    else if (kind == "native")
      fields(who, where, {{"library", "s?"}, {"function", "s?"}});
    else if (kind == "fault")
      fields(who, where, {{"path", "s?"}});
    else if (kind == "lock")
      fields(who, where, {{"address", "u?"}});
    else if (kind == "throttled")
      fields(who, where, {{"cgroup", "s?"}, {"quota_us", "u?"}, {"period_us", "u?"}});
    else if (kind == "cpu-wait")
      running(who, where);
    else
      complaints.push_back(where + " is not expected for " + kind);
  }

  void running(const Json& who, const std::string& where) {
    const auto before = complaints.size();
    fields(who, where, {{"running", "a"}});
    if (complaints.size() != before) return;
    for (const auto& each : who["running"])
      fields(each, where + ".running", {{"pid", "u"}, {"comm", "s?"}, {"ns", "u"}});
  }

  void watching(const Json& line) {
    fields(line, "watching",
           {{"schema", "u"},
            {"time", "s"},
            {"version", "s"},
            {"kernel", "s?"},
            {"warn_ns", "u"},
            {"error_ns", "u"},
            {"targets", "a"}});
    for (const auto& target : line["targets"])
      fields(target, "target", {{"pid", "u"}, {"comm", "s?"}, {"python", "s?"}, {"loops", "u"}});
  }

  void stall(const Json& line) {
    const auto before = complaints.size();
    fields(line, "stall",
           {{"id", "u"},
            {"time", "s"},
            {"start_ns", "u"},
            {"duration_ns", "u"},
            {"level", "s"},
            {"ongoing", "b"},
            {"at_least", "b"},
            {"start_known", "b"},
            {"pid", "u"},
            {"tid", "u"},
            {"thread", "s?"},
            {"loop", "o"},
            {"task", "o?"},
            {"causes", "o"},
            {"segments", "a"}});
    if (complaints.size() != before) return;
    one_of(line["level"], "level", {"warn", "error"});
    fields(line["loop"], "loop", {{"kind", "s"}, {"epfd", "u?"}});
    one_of(line["loop"]["kind"], "loop.kind", {"asyncio", "uvloop", "other"});
    if (!line["task"].is_null())
      fields(line["task"], "task", {{"name", "s?"}, {"coroutine", "s?"}, {"file", "s?"}, {"line", "u?"}});
    causes(line["causes"], "causes");
    segments(line);
  }

  void segments(const Json& line) {
    double sum = 0;
    double last = INFINITY;
    for (const auto& segment : line["segments"]) {
      fields(segment, "segment",
             {{"cause", "s"}, {"ns", "u"}, {"count", "u"}, {"syscall", "s?"}, {"culprit", "o?"}, {"stack", "a?"}});
      cause(segment["cause"], "segment.cause");
      culprit(segment, "culprit");
      stack(segment["stack"], "segment.stack");
      const double ns = segment["ns"].get<double>();
      if (ns > last) complaints.push_back("the segments are not largest first");
      last = ns;
      sum += ns;
    }
    const double duration = line["duration_ns"].get<double>();
    if (std::abs(sum - duration) > 0.01 * duration)
      complaints.push_back("the segments add up to " + std::to_string(sum) + " of " + std::to_string(duration));
  }

  void profile_watching(const Json& line) {
    fields(line, "watching",
           {{"schema", "u"},
            {"time", "s"},
            {"start_ns", "u"},
            {"version", "s"},
            {"kernel", "s?"},
            {"mode", "s"},
            {"by", "s"},
            {"min_ns", "u"},
            {"targets", "a"}});
    one_of(line["mode"], "mode", {"cpu", "off-cpu", "wall", "gil"});
    one_of(line["by"], "by", {"none", "thread", "task", "coroutine"});
    for (const auto& target : line["targets"])
      fields(target, "target", {{"pid", "u"}, {"comm", "s?"}, {"python", "s?"}});
  }

  void profile_row(const Json& line) {
    const auto before = complaints.size();
    fields(line, "profile",
           {{"pid", "u"},
            {"tid", "u"},
            {"thread", "s?"},
            {"task", "o?"},
            {"cause", "s"},
            {"ns", "u"},
            {"count", "u"},
            {"max_ns", "u?"},
            {"exact", "b"},
            {"shorter", "b"},
            {"holds_gil", "b"},
            {"syscall", "s?"},
            {"culprit", "o?"},
            {"stack", "a?"}});
    if (complaints.size() != before) return;
    if (!line["task"].is_null()) fields(line["task"], "task", {{"name", "s?"}, {"coroutine", "s?"}});
    if (line["cause"] != "idle") cause(line["cause"], "profile.cause");
    culprit(line, "culprit");
    stack(line["stack"], "profile.stack");
  }

  void profile_summary(const Json& line, const std::vector<Json>& rows) {
    const auto before = complaints.size();
    fields(line, "summary",
           {{"time", "s"},
            {"elapsed_ns", "u"},
            {"mode", "s"},
            {"samples", "u"},
            {"process_cpu_ns", "u?"},
            {"idle_ns", "u"},
            {"threads", "a"},
            {"functions", "a"},
            {"rows_over", "u"},
            {"causes", "o"},
            {"losses", "o"},
            {"cost", "o"}});
    if (complaints.size() != before) return;
    for (const auto& thread : line["threads"]) {
      fields(thread, "threads",
             {{"pid", "u"},
              {"tid", "u"},
              {"thread", "s?"},
              {"samples", "u"},
              {"elapsed_ns", "u?"},
              {"cpu_ns", "u?"},
              {"idle_ns", "u?"},
              {"causes", "o?"}});
    }
    for (const auto& function : line["functions"]) {
      fields(
          function, "functions",
          {{"function", "s?"}, {"file", "s?"}, {"line", "u?"}, {"self_ns", "u"}, {"total_ns", "u"}, {"error_ns", "u"}});
    }
    causes(line["causes"], "summary.causes");
    Json sums = Json::object();
    for (const auto& row : rows) {
      const std::string name = row["cause"];
      if (name != "idle" && row["ns"] != 0)
        sums[name] = sums.value(name, std::uint64_t{0}) + row["ns"].get<std::uint64_t>();
    }
    if (line["causes"] != sums)
      complaints.push_back("summary.causes " + line["causes"].dump() + " are not the rows' " + sums.dump());
  }

  void summary(const Json& line, const std::vector<Json>& ended) {
    fields(line, "summary",
           {{"time", "s"},
            {"elapsed_ns", "u"},
            {"stalls", "u"},
            {"errors", "u"},
            {"loops", "a"},
            {"causes", "o"},
            {"places", "a"},
            {"losses", "o"},
            {"cost", "o"}});
    for (const auto& loop : line["loops"])
      fields(loop, "loops",
             {{"pid", "u"},
              {"tid", "u"},
              {"iterations", "u"},
              {"busy_ns", "u"},
              {"p50_ns", "u"},
              {"p99_ns", "u"},
              {"max_ns", "u"},
              {"stalls", "u"}});
    fields(line["losses"], "losses",
           {{"ring-full", "u"},
            {"threads-full", "u"},
            {"stack-unreadable", "u"},
            {"stack-too-deep", "u"},
            {"thread-unknown", "u"},
            {"name-unreadable", "u"},
            {"task-unreadable", "u"},
            {"seen-full", "u"},
            {"bad-record", "u"}});
    fields(line["cost"], "cost", {{"bpf_ns", "u?"}, {"runs", "u?"}, {"cpu_ns", "u?"}, {"rss_bytes", "u?"}});
    causes(line["causes"], "summary.causes");
    sums(line, ended);
  }

  // Each stall counts once: by its line that is not ongoing, or by the last of one that never ended.
  void sums(const Json& summary, const std::vector<Json>& stalls) {
    std::uint64_t errors = 0;
    Json causes = Json::object();
    for (const auto& stall : stalls) {
      errors += stall["level"] == "error" ? 1 : 0;
      for (const auto& [name, ns] : stall["causes"].items())
        causes[name] = causes.value(name, std::uint64_t{0}) + ns.get<std::uint64_t>();
    }
    if (summary["stalls"] != stalls.size())
      complaints.push_back("summary.stalls is " + summary["stalls"].dump() + " of " + std::to_string(stalls.size()));
    if (summary["errors"] != errors) complaints.push_back("summary.errors is " + summary["errors"].dump());
    if (summary["causes"] != causes)
      complaints.push_back("summary.causes " + summary["causes"].dump() + " are not the stalls' " + causes.dump());
    std::uint64_t places = 0;
    for (const auto& place : summary["places"]) {
      fields(place, "places",
             {{"cause", "s"},
              {"ns", "u"},
              {"stalls", "u"},
              {"function", "s?"},
              {"file", "s?"},
              {"line", "u?"},
              {"advice", "s?"}});
      places += place["ns"].get<std::uint64_t>();
    }
    std::uint64_t whole = 0;
    for (const auto& [name, ns] : summary["causes"].items()) whole += ns.get<std::uint64_t>();
    if (std::abs(static_cast<double>(places) - static_cast<double>(whole)) > 0.01 * static_cast<double>(whole))
      complaints.push_back("summary.places add up to " + std::to_string(places) + " of " + std::to_string(whole));
  }
};

}  // namespace

std::vector<std::string> profile_complaints(const std::vector<Json>& lines) {
  Checker checker;
  if (lines.size() < 2 || lines.front()["type"] != "watching" || lines.back()["type"] != "summary")
    return {"no watching at the beginning, or no summary at the end"};
  const std::vector<Json> rows(lines.begin() + 1, lines.end() - 1);
  checker.profile_watching(lines.front());
  for (const auto& row : rows) {
    if (row["type"] != "profile") checker.complaints.push_back("an unknown type: " + row["type"].dump());
    checker.profile_row(row);
  }
  checker.profile_summary(lines.back(), rows);
  return checker.complaints;
}

std::vector<std::string> schema_complaints(const std::vector<Json>& lines) {
  Checker checker;
  std::map<std::uint64_t, Json> by_id;
  for (const auto& line : lines) {
    if (!line.is_object() || line.begin().key().empty() || !line.contains("type")) {
      checker.complaints.push_back("a line without type: " + line.dump());
      continue;
    }
    if (line["type"] == "watching")
      checker.watching(line);
    else if (line["type"] == "stall")
      checker.stall(line);
    else if (line["type"] == "leak")
      checker.leak(line);
    else if (line["type"] == "scan")
      checker.fields(line, "scan", {{"number", "u"}, {"duration_ns", "u"}, {"objects", "u"}, {"pid", "u"}});
    else if (line["type"] != "summary")
      checker.complaints.push_back("an unknown type: " + line["type"].dump());
    if (line["type"] == "stall" && line.contains("id")) by_id[line["id"].get<std::uint64_t>()] = line;
  }
  if (lines.empty() || lines.front()["type"] != "watching") checker.complaints.push_back("watching is not first");
  if (lines.empty() || lines.back()["type"] != "summary") {
    checker.complaints.push_back("summary is not last");
    return checker.complaints;
  }
  std::vector<Json> last_told;
  for (auto& [id, stall] : by_id) last_told.push_back(std::move(stall));
  checker.summary(lines.back(), last_told);
  return checker.complaints;
}

}  // namespace aiotrace::testing
