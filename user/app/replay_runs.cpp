#include "app/replay_runs.h"

#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "app/awaits_outputs.h"
#include "app/leaks_outputs.h"
#include "app/profile_outputs.h"
#include "app/replay.h"

namespace aiotrace::app {
namespace {

Status refuse(const std::string& name, std::string_view command, const std::vector<AskedFile>& files) {
  for (const auto& [option, path] : files) {
    if (*path)
      return fail(option,
                  name + " is a recording of aiotrace " + std::string(command) + ", which cannot fill this file", {},
                  ErrorKind::usage);
  }
  return {};
}

// `take` gets each record and returns true for the last one.
template <class Take>
Status read_all(recording::Reader& reader, const std::string& name, Take take) {
  while (true) {
    auto record = reader.next();
    if (!record) return std::unexpected(record.error());
    if (const auto* end = std::get_if<recording::End>(&*record)) {
      if (!end->cut_off) return {};
      return std::unexpected(cut_off(name));
    }
    take(*record);
  }
}

template <class Outputs>
Status written(const Outputs& outputs, Status read) {
  if (!read) return read;
  return outputs.failed() ? std::unexpected(Error{}) : Status{};
}

Status replay_leaks(recording::Reader& reader, const model::LeaksHead& head, const std::string& name,
                    const OutputsConfig& config) {
  const auto& files = config.files;
  auto not_of_leaks = stack_files(files);
  not_of_leaks.emplace_back("--perfetto", &files.perfetto);
  if (auto status = refuse(name, "leaks", not_of_leaks); !status) return status;
  auto outputs = LeaksOutputs::open(
      {.json = files.json, .html = files.html, .record = {}, .quiet = config.quiet, .verbose = config.verbose});
  if (!outputs) return std::unexpected(outputs.error());
  outputs->as_recorded(reader.head());
  outputs->begin(head);
  auto read = read_all(reader, name, [&outputs](const recording::Record& record) {
    if (const auto* scanned = std::get_if<model::ScannedLeaks>(&record)) outputs->scan(*scanned);
    if (const auto* end = std::get_if<model::LeaksEnd>(&record)) outputs->finish(*end);
  });
  return written(*outputs, std::move(read));
}

Status replay_awaits(recording::Reader& reader, const model::AwaitsHead& head, const std::string& name,
                     const OutputsConfig& config) {
  if (auto status = refuse(name, "awaits", {{"--perfetto", &config.files.perfetto}}); !status) return status;
  auto files = config.files;
  files.record.reset();
  auto outputs = AwaitsOutputs::open(files);
  if (!outputs) return std::unexpected(outputs.error());
  outputs->as_recorded(reader.head());
  outputs->begin(head);
  Status refused;
  auto read = read_all(reader, name, [&](const recording::Record& record) {
    if (const auto* found = std::get_if<model::AwaitsFound>(&record)) outputs->finish(*found, {}, 0);
    if (const auto* found = std::get_if<model::ExactFound>(&record)) {
      refused = refuse(name, "awaits --exact", stack_files(files));
      outputs->finish(*found);
    }
  });
  return refused ? written(*outputs, std::move(read)) : refused;
}

Status replay_profile(recording::Reader& reader, const model::ProfileHead& head, const std::string& name,
                      const OutputsConfig& config) {
  if (auto status = refuse(name, "profile", {{"--perfetto", &config.files.perfetto}}); !status) return status;
  auto files = config.files;
  files.record.reset();
  auto outputs = ProfileOutputs::open(files, config.verbose);
  if (!outputs) return std::unexpected(outputs.error());
  outputs->as_recorded(reader.head());
  outputs->begin(head);
  auto read = read_all(reader, name, [&outputs](const recording::Record& record) {
    if (const auto* report = std::get_if<model::ProfileReport>(&record)) outputs->finish(*report);
  });
  return written(*outputs, std::move(read));
}

}  // namespace

bool is_command_run(const recording::Record& first) {
  return std::holds_alternative<model::LeaksHead>(first) || std::holds_alternative<model::AwaitsHead>(first) ||
         std::holds_alternative<model::ProfileHead>(first);
}

Status replay_command_run(recording::Reader& reader, const recording::Record& first, const std::string& name,
                          const OutputsConfig& config) {
  if (const auto* leaks = std::get_if<model::LeaksHead>(&first)) return replay_leaks(reader, *leaks, name, config);
  if (const auto* awaits = std::get_if<model::AwaitsHead>(&first)) return replay_awaits(reader, *awaits, name, config);
  if (const auto* profile = std::get_if<model::ProfileHead>(&first))
    return replay_profile(reader, *profile, name, config);
  return fail("read " + name, "it is a recording of stalls");
}

}  // namespace aiotrace::app
